/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A kernel that refuses superpackets it has said it takes, for LD_PRELOAD.
 *
 * VIF_REFUSE is how many it refuses before it changes its mind; none means all.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { HEADER_LEN = 10, GSO_TYPE = 1 }; /* of virtio_net_hdr */

static int refuses(const struct iovec *iov, int n)
{
	static atomic_long left;
	static atomic_flag begun = ATOMIC_FLAG_INIT;
	const char *limit = getenv("VIF_REFUSE");
	const unsigned char *header;

	if (n < 2 || iov[0].iov_len != HEADER_LEN)
		return 0;
	header = iov[0].iov_base;
	if (header[GSO_TYPE] == 0)
		return 0;
	if (!limit)
		return 1;
	if (!atomic_flag_test_and_set(&begun))
		atomic_store(&left, strtol(limit, NULL, 10));
	return atomic_fetch_sub(&left, 1) > 0;
}

__attribute__((visibility("default"))) ssize_t
writev(int fd, const struct iovec *iov, int n)
{
	if (refuses(iov, n)) {
		errno = EINVAL;
		return -1;
	}
	return syscall(SYS_writev, fd, iov, n);
}
