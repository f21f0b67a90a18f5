/* SPDX-License-Identifier: Apache-2.0 */
/* The TUN/TAP driver's ioctls. */
#include "os/tun.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

int tun_open(void)
{
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int tun_attach(int fd, const char *name, unsigned int flags)
{
	struct ifreq request = { .ifr_flags = (short)flags };

	(void)snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	return ioctl(fd, TUNSETIFF, &request) < 0 ? -errno : 0;
}

int tun_get(int fd, char ret_name[IF_NAMESIZE], unsigned int *ret_flags)
{
	struct ifreq request = { .ifr_flags = 0 };

	if (ioctl(fd, TUNGETIFF, &request) < 0)
		return -errno;
	(void)snprintf(ret_name, IF_NAMESIZE, "%s", request.ifr_name);
	*ret_flags = (unsigned short)request.ifr_flags;
	return 0;
}

int tun_get_header_size(int fd, int *ret_size)
{
	return ioctl(fd, TUNGETVNETHDRSZ, ret_size) < 0 ? -errno : 0;
}

int tun_set_offload(int fd, unsigned int tun_f_bits)
{
	return ioctl(fd, TUNSETOFFLOAD, (unsigned long)tun_f_bits) < 0 ?
		       -errno :
		       0;
}

int tun_set_persist(int fd, int persist)
{
	return ioctl(fd, TUNSETPERSIST, (unsigned long)persist) < 0 ? -errno :
								      0;
}

int tun_set_owner(int fd, uid_t owner)
{
	return ioctl(fd, TUNSETOWNER, (unsigned long)owner) < 0 ? -errno : 0;
}

int tun_set_group(int fd, gid_t group)
{
	return ioctl(fd, TUNSETGROUP, (unsigned long)group) < 0 ? -errno : 0;
}
