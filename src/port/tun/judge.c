/* SPDX-License-Identifier: Apache-2.0 */
/* What a descriptor is, by the kernel's account. */
#include "port/tun/judge.h"

#include <errno.h>
#include <fcntl.h>

#include "base/error.h"
#include "os/tun.h"
#include "wire/virtio_net.h"

static int unusable(int fd, int code, struct vif_error *error)
{
	return error_set(error, code, "cannot use descriptor %d", fd);
}

static int check_open(int fd, struct vif_error *error)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0) {
		int code = unusable(fd, -errno, error);

		return error_hint(error, code,
				  "it has to be open in this process; whoever "
				  "starts it has to pass it on, without "
				  "FD_CLOEXEC");
	}
	if (!(flags & O_PATH) && (flags & O_ACCMODE) == O_RDWR)
		return 0;
	unusable(fd, -EBADF, error);
	error_why(error, -EBADF,
		  flags & O_PATH ? "it was opened with O_PATH" :
				   "it is not open for reading and writing");
	return error_hint(error, -EBADF, "open /dev/net/tun with O_RDWR");
}

static int not_tun(int fd, int code, struct vif_error *error)
{
	unusable(fd, code, error);
	if (code == -ENOTTY || code == -EINVAL || code == -EOPNOTSUPP) {
		unusable(fd, -ENOTTY, error);
		error_why(error, -ENOTTY, "it is neither TUN nor TAP");
		return error_hint(error, -ENOTTY,
				  "hand in a descriptor of /dev/net/tun that "
				  "is attached to a device");
	}
	if (code != -EBADFD)
		return code;
	error_why(error, code, "it is not attached to a device");
	return error_hint(error, code,
			  "attach it with the ioctl TUNSETIFF first; if it "
			  "was attached, its device is gone");
}

static int bad_framing(int fd, const char *why, const char *hint,
		       struct vif_error *error)
{
	unusable(fd, -EOPNOTSUPP, error);
	error_why(error, -EOPNOTSUPP, "%s", why);
	return error_hint(error, -EOPNOTSUPP, "%s", hint);
}

static int judge_header(int fd, uint32_t *ret_size, struct vif_error *error)
{
	bool is_foreign = false;
	int size = 0;
	int r = tun_get_header_size(fd, &size);

	if (r == 0)
		r = tun_get_foreign_order(fd, &is_foreign);
	if (r < 0)
		return unusable(fd, r, error);
	if (is_foreign)
		return bad_framing(fd,
				   "its headers are not in the byte order of "
				   "this machine",
				   "leave TUNSETVNETLE and TUNSETVNETBE alone",
				   error);
	if (size < VIRTIO_NET_LEN || size > VIRTIO_NET_LEN_MAX)
		return bad_framing(fd, "its headers have an odd size",
				   "set a size of 10 to 128 bytes with "
				   "TUNSETVNETHDRSZ",
				   error);
	*ret_size = (uint32_t)size;
	return 0;
}

int tun_judge(int fd, struct tun_facts *ret_facts, struct vif_error *error)
{
	struct tun_facts facts = { .fd = fd };
	unsigned int flags = 0;
	int r = check_open(fd, error);

	if (r < 0)
		return r;
	r = tun_get(fd, facts.name, &flags);
	if (r < 0)
		return not_tun(fd, r, error);
	if (flags & IFF_VNET_HDR) {
		r = judge_header(fd, &facts.header_size, error);
		if (r < 0)
			return r;
	}
	facts.medium = flags & IFF_TAP ? VIF_MEDIUM_ETH : VIF_MEDIUM_IP;
	facts.is_multi_queue = flags & IFF_MULTI_QUEUE;
	facts.is_detached = flags & IFF_DETACH_QUEUE;
	*ret_facts = facts;
	return 0;
}

int tun_judge_stranger(int fd, struct tun_facts *ret_facts,
		       struct vif_error *error)
{
	struct tun_facts facts = { .fd = fd };
	bool has_info = false;
	int r = tun_judge(fd, &facts, error);

	if (r < 0)
		return r;
	r = tun_has_packet_info(fd, facts.medium == VIF_MEDIUM_ETH,
				facts.header_size, &has_info);
	if (r < 0)
		return not_tun(fd, r, error);
	if (has_info)
		return bad_framing(fd, "each packet has a protocol in front",
				   "make the device with IFF_NO_PI", error);
	*ret_facts = facts;
	return 0;
}

int tun_judge_alike(const struct tun_facts *first,
		    const struct tun_facts *facts, struct vif_error *error)
{
	bool is_tap = first->medium == VIF_MEDIUM_ETH;

	if (first->medium == facts->medium &&
	    first->header_size == facts->header_size)
		return 0;
	unusable(facts->fd, -EINVAL, error);
	if (first->medium != facts->medium)
		error_why(error, -EINVAL, "it is %s, the others are %s",
			  is_tap ? "TUN" : "TAP", is_tap ? "TAP" : "TUN");
	else
		error_why(error, -EINVAL,
			  "its headers have %u bytes, those of the others %u",
			  facts->header_size, first->header_size);
	return error_hint(error, -EINVAL,
			  "queues that belong together are alike: attach them "
			  "all to one device");
}
