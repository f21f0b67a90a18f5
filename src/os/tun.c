/* SPDX-License-Identifier: Apache-2.0 */
/* The TUN/TAP driver's ioctls. */
#include "os/tun.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/uio.h>

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

/* A kernel that cannot swap has no such setting, and answers EINVAL. */
int tun_get_foreign_order(int fd, bool *ret_foreign)
{
	const bool is_little = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;
	int little = 0, big = 0;

	if (ioctl(fd, TUNGETVNETLE, &little) < 0)
		return -errno;
	if (ioctl(fd, TUNGETVNETBE, &big) < 0 && errno != EINVAL)
		return -errno;
	/* The first one counts; without both it is the machine's own. */
	*ret_foreign = is_little ? !little && big : little != 0;
	return 0;
}

int tun_has_packet_info(int fd, bool is_tap, uint32_t header_size,
			bool *ret_has)
{
	/*
	 * A frame has at least 14 bytes, another packet one. What the four bytes
	 * would be taken from must be readable.
	 */
	const size_t readable = header_size + (is_tap ? 4 : 0);
	const size_t len = is_tap ? 10 : 1;
	uint8_t header[256] = { 0 };
	struct iovec iov[2] = { { header, readable }, { NULL, len } };
	ssize_t n;
	int r;

	if (readable > sizeof(header))
		return -EINVAL;
	iov[1].iov_base =
		mmap(NULL, len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (iov[1].iov_base == MAP_FAILED)
		return -errno;
	n = writev(fd, iov, 2);
	r = n < 0 ? -errno : -EIO; /* it can only fail */
	(void)munmap(iov[1].iov_base, len);
	if (r != -EFAULT && r != -EINVAL)
		return r;
	*ret_has = r == -EINVAL;
	return 0;
}

int tun_set_attached(int fd, bool attached)
{
	struct ifreq request = {
		.ifr_flags = attached ? IFF_ATTACH_QUEUE : IFF_DETACH_QUEUE,
	};

	return ioctl(fd, TUNSETQUEUE, &request) < 0 ? -errno : 0;
}

int tun_set_steering(int fd, int program_fd)
{
	return ioctl(fd, TUNSETSTEERINGEBPF, &program_fd) < 0 ? -errno : 0;
}

int tun_get_netns(int fd)
{
	int netns_fd = ioctl(fd, TUNGETDEVNETNS);

	return netns_fd < 0 ? -errno : netns_fd;
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
