/* SPDX-License-Identifier: Apache-2.0 */
/* Making the devices the loops move packets between, and waiting for them. */
#include "device.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* Since Linux 6.2; older headers do not have them. */
#ifndef TUN_F_USO4
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40
#endif

static const unsigned int offload_mask = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 |
					 TUN_F_TSO_ECN | TUN_F_USO4 |
					 TUN_F_USO6;

void die(const char *what)
{
	perror(what);
	exit(1); /* NOLINT(concurrency-mt-unsafe): no threads */
}

/* The device belongs to the namespace in which /dev/net/tun is opened. */
static void enter(const char *netns)
{
	int fd = open(netns, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || setns(fd, CLONE_NEWNET) < 0)
		die(netns);
	(void)close(fd);
}

int make_device(const char *kind, const char *netns, const char *name)
{
	struct ifreq request = { .ifr_flags = IFF_NO_PI | IFF_VNET_HDR };
	unsigned long mask = strstr(kind, "-off") ? 0 : offload_mask;
	int fd;

	request.ifr_flags |= strncmp(kind, "tap", 3) == 0 ? IFF_TAP : IFF_TUN;
	enter(netns);
	fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		die("/dev/net/tun");
	(void)snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	if (ioctl(fd, TUNSETIFF, &request) < 0)
		die("TUNSETIFF");
	if (ioctl(fd, TUNSETOFFLOAD, mask) < 0)
		die("TUNSETOFFLOAD");
	return fd;
}

void wait_for(struct pollfd *fds, nfds_t n)
{
	if (poll(fds, n, -1) < 0 && errno != EINTR)
		die("poll");
	for (nfds_t i = 0; i < n; i++)
		if (fds[i].revents & (POLLERR | POLLNVAL))
			exit(0); /* device gone. NOLINT(concurrency-*) */
}

void say_ready(void)
{
	if (puts("ready") < 0 || fflush(stdout) < 0)
		die("stdout");
}
