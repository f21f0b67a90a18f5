/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The trial: whether the kernel does with superpackets what it says it does.
 *
 * A kernel that refuses them is noticed on the way. One that takes them and
 * delivers something else is not: packets are lost or wrong behind it, where we
 * do not look. So two devices are made in a network namespace of their own, and
 * what is written to the first one is compared with what comes out of the
 * second. See docs/design/tun.md.
 */
#ifndef PORT_TUN_TRIAL_H
#define PORT_TUN_TRIAL_H

#include <stdint.h>

#include <vif/error.h>
#include <vif/packet.h>

#include "port/tun/trial_expect.h"

/* Plain packets with an unfinished checksum are a kind, too: VIF_GSO_NONE. */
#define TUN_TRIAL_ALL (VIF_GSO_ALL | VIF_GSO_BIT(VIF_GSO_NONE))

/* What came of it; sets of VIF_GSO_BIT(). */
struct tun_trial {
	uint32_t tried;  /* the kernel offers them, and they could be tried */
	uint32_t rx_bad; /* what it delivers is not what it was given */
	uint32_t tx_bad; /* what it takes comes to nothing good */
	enum trial_fault fault[VIF_GSO_UDP + 1]; /* the first one of each */
};

/*
 * tun_trial_run() - try kinds of packets
 *
 * kinds are the ones to try, of TUN_TRIAL_ALL. Blocks for milliseconds, and for
 * half a second each time a packet is lost for good. Returns 0, or a negative
 * errno with error filled when nothing could be found out: -EPERM without the
 * right to make a network namespace, -EACCES or -ENOENT without /dev/net/tun,
 * -EROFS where forwarding cannot be switched on, -ETIMEDOUT where not even a
 * finished packet is forwarded.
 */
int tun_trial_run(uint32_t kinds, struct tun_trial *ret_trial,
		  struct vif_error *error);

#endif
