/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a descriptor is, by the kernel's account.
 *
 * Framing belongs to the device, not to what was asked for: a queue attached
 * without IFF_VNET_HDR to a device that has it reads and writes headers all the
 * same. So every descriptor is asked, our own ones included.
 */
#ifndef PORT_TUN_JUDGE_H
#define PORT_TUN_JUDGE_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include <vif/error.h>
#include <vif/packet.h>

struct tun_facts {
	int fd;
	char name[IF_NAMESIZE]; /* of the device, in its own namespace */
	enum vif_medium medium;
	uint32_t header_size; /* of virtio_net_hdr; 0 without */
	bool is_multi_queue;
	bool is_detached; /* gets no packets */
};

/*
 * tun_judge() - find out whether a descriptor can be used, and how
 *
 * Changes nothing. Returns 0; -EBADF for no descriptor; -ENOTTY for one that is
 * neither TUN nor TAP; -EBADFD for one without a device; -EOPNOTSUPP for a
 * framing we do not speak; with error filled.
 */
int tun_judge(int fd, struct tun_facts *ret_facts, struct vif_error *error);

/*
 * tun_judge_stranger() - the same for a descriptor we have not attached
 *
 * Looks for IFF_NO_PI, too, for which the device counts a dropped packet.
 */
int tun_judge_stranger(int fd, struct tun_facts *ret_facts,
		       struct vif_error *error);

/* Whether two can be queues of one set: 0, or -EINVAL with error filled. */
int tun_judge_alike(const struct tun_facts *first,
		    const struct tun_facts *facts, struct vif_error *error);

#endif
