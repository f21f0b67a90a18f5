/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The limit vif is compared with: two TUN or TAP devices joined by nothing but
 * read and write.
 *
 * One packet for each pair of system calls, then the other way has its turn,
 * and poll only when both sides are empty. Moving up to 8 or 64 packets one way
 * first was no faster; see docs/design/bench-cable.md.
 *
 * It looks at no header, counts nothing, and handles no device that goes away.
 * So whatever uses these system calls and does more can at best be as fast.
 *
 * usage: barecable tun|tap NETNS_A NAME_A NETNS_B NAME_B
 *
 * The devices are made by it, with the header and the offload mask vif asks
 * for, and are down and without address until somebody sets them up after the
 * line "ready". Ends with a signal, or when a device is gone.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
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

enum limits {
	HEADER_LEN = 10, /* struct virtio_net_hdr */
	/* 64 KiB of packet with room for Ethernet and tags. */
	PACKET_MAX = HEADER_LEN + 65664,
	CACHE_LINE = 64,
};

static const unsigned int offload_mask = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 |
					 TUN_F_TSO_ECN | TUN_F_USO4 |
					 TUN_F_USO6;

/* What follows the header begins a cache line: the copies are faster. */
static char memory[CACHE_LINE + PACKET_MAX] __attribute__((aligned(4096)));
static char *const packet = memory + CACHE_LINE - HEADER_LEN;

static void die(const char *what)
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

static int make_device(short kind, const char *netns, const char *name)
{
	struct ifreq request = { .ifr_flags = kind };
	int fd;

	enter(netns);
	fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		die("/dev/net/tun");
	(void)snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	if (ioctl(fd, TUNSETIFF, &request) < 0)
		die("TUNSETIFF");
	if (ioctl(fd, TUNSETOFFLOAD, (unsigned long)offload_mask) < 0)
		die("TUNSETOFFLOAD");
	return fd;
}

static void wait_for(struct pollfd *fds, nfds_t n)
{
	if (poll(fds, n, -1) < 0 && errno != EINTR)
		die("poll");
	for (nfds_t i = 0; i < n; i++)
		if (fds[i].revents & (POLLERR | POLLNVAL))
			exit(0); /* device gone. NOLINT(concurrency-*) */
}

static void put(int fd, size_t len)
{
	struct pollfd room = { .fd = fd, .events = POLLOUT };

	while (write(fd, packet, len) < 0) {
		if (errno == EAGAIN)
			wait_for(&room, 1);
		else if (errno != EINTR)
			return; /* refused, or the device is down: dropped */
	}
}

/* Moves a packet. Returns whether there was one. */
static bool move(int from, int to)
{
	ssize_t len = read(from, packet, PACKET_MAX);

	if (len < 0)
		return errno == EINTR;
	put(to, (size_t)len);
	return true;
}

static void cable(int a, int b)
{
	struct pollfd fds[] = {
		{ .fd = a, .events = POLLIN },
		{ .fd = b, .events = POLLIN },
	};

	for (;;) {
		bool moved_a = move(a, b);
		bool moved_b = move(b, a);

		if (!moved_a && !moved_b)
			wait_for(fds, 2);
	}
}

int main(int argc, char **argv)
{
	short kind = IFF_NO_PI | IFF_VNET_HDR;
	int a, b;

	if (argc != 6) {
		(void)fprintf(stderr, "usage: barecable tun|tap NETNS_A NAME_A "
				      "NETNS_B NAME_B\n");
		return 2;
	}
	kind |= strcmp(argv[1], "tap") == 0 ? IFF_TAP : IFF_TUN;
	a = make_device(kind, argv[2], argv[3]);
	b = make_device(kind, argv[4], argv[5]);
	if (puts("ready") < 0 || fflush(stdout) < 0)
		die("stdout");
	cable(a, b);
}
