/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kernels that do not keep to what they have said of superpackets, for
 * LD_PRELOAD.
 *
 * VIF_MANGLE says what becomes of those that are written, with no word of it:
 *   half  the second half of the bytes is lost
 *   size  another segment size
 *   lose  nothing comes of them
 * or of those that are read:
 *   read  another segment size
 * Without it they are refused. VIF_REFUSE is how many are refused before the
 * kernel changes its mind; none means all. VIF_GSO_TYPE is the only type of
 * virtio_net_hdr that is treated so; none means all.
 *
 * VIF_BUSY=room or VIF_BUSY=memory makes every seventh write of a packet of any
 * kind fail, with EAGAIN or ENOBUFS, and nothing else.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
	HEADER_LEN = 10, /* of virtio_net_hdr */
	GSO_TYPE = 1,
	GSO_SIZE = 4,
	SUPERPACKET_MAX = 65536, /* only devices are read with more room */
};

static const char *variable(const char *name)
{
	/* Nobody changes them. NOLINTNEXTLINE(concurrency-mt-unsafe) */
	return getenv(name);
}

/* Whether it is a superpacket of a type that is in for it. */
static int is_meant(const unsigned char *header)
{
	const char *type = variable("VIF_GSO_TYPE");

	if (header[GSO_TYPE] == 0)
		return 0;
	return !type || header[GSO_TYPE] == strtol(type, NULL, 10);
}

/* The errno of a write to a kernel that is busy, or 0. */
static int busy(void)
{
	static atomic_uint turn;
	const char *how = variable("VIF_BUSY");

	if (!how || atomic_fetch_add(&turn, 1) % 7 != 0)
		return 0;
	return strcmp(how, "memory") == 0 ? ENOBUFS : EAGAIN;
}

static int refuses(void)
{
	static atomic_long left;
	static atomic_flag begun = ATOMIC_FLAG_INIT;
	const char *limit = variable("VIF_REFUSE");

	if (!limit)
		return 1;
	if (!atomic_flag_test_and_set(&begun))
		atomic_store(&left, strtol(limit, NULL, 10));
	return atomic_fetch_sub(&left, 1) > 0;
}

static void change_size(unsigned char *header)
{
	unsigned short size;

	memcpy(&size, header + GSO_SIZE, sizeof(size));
	size = (unsigned short)(size / 2 + 1);
	memcpy(header + GSO_SIZE, &size, sizeof(size));
}

static ssize_t length(const struct iovec *iov, int n)
{
	size_t sum = 0;

	for (int i = 0; i < n; i++)
		sum += iov[i].iov_len;
	return (ssize_t)sum;
}

/* Writes half of the bytes, and says that it were all. */
static ssize_t write_half(int fd, const struct iovec *iov, int n)
{
	static _Thread_local unsigned char byte[2 * SUPERPACKET_MAX];
	size_t len = 0;

	for (int i = 0; i < n; i++) {
		if (iov[i].iov_len > sizeof(byte) - len)
			break;
		memcpy(byte + len, iov[i].iov_base, iov[i].iov_len);
		len += iov[i].iov_len;
	}
	if (syscall(SYS_write, fd, byte, len / 2) < 0)
		return -1;
	return length(iov, n);
}

static ssize_t write_other_size(int fd, const struct iovec *iov, int n)
{
	unsigned char header[HEADER_LEN];
	struct iovec changed[64];

	if (n > (int)(sizeof(changed) / sizeof(changed[0])))
		return length(iov, n); /* lost, then */
	memcpy(header, iov[0].iov_base, sizeof(header));
	change_size(header);
	memcpy(changed, iov, (size_t)n * sizeof(*iov));
	changed[0].iov_base = header;
	return syscall(SYS_writev, fd, changed, n);
}

__attribute__((visibility("default"))) ssize_t
writev(int fd, const struct iovec *iovec, int count)
{
	const char *mangle = variable("VIF_MANGLE");

	if (variable("VIF_BUSY")) {
		errno = busy();
		return errno ? -1 : syscall(SYS_writev, fd, iovec, count);
	}
	if (count < 2 || iovec[0].iov_len != HEADER_LEN ||
	    !is_meant(iovec[0].iov_base))
		return syscall(SYS_writev, fd, iovec, count);
	if (!mangle) {
		if (!refuses())
			return syscall(SYS_writev, fd, iovec, count);
		errno = EINVAL;
		return -1;
	}
	if (strcmp(mangle, "half") == 0)
		return write_half(fd, iovec, count);
	if (strcmp(mangle, "size") == 0)
		return write_other_size(fd, iovec, count);
	if (strcmp(mangle, "lose") == 0)
		return length(iovec, count);
	return syscall(SYS_writev, fd, iovec, count);
}

__attribute__((visibility("default"))) ssize_t read(int fd, void *buf,
						    size_t nbytes)
{
	ssize_t n = syscall(SYS_read, fd, buf, nbytes);
	const char *mangle = variable("VIF_MANGLE");

	if (n > HEADER_LEN && nbytes > SUPERPACKET_MAX && mangle &&
	    strcmp(mangle, "read") == 0 && is_meant(buf))
		change_size(buf);
	return n;
}
