/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What has to come out of a kernel for a packet that went in, and whether it
 * did. Pure: the packets that came are handed in.
 */
#ifndef PORT_TUN_TRIAL_EXPECT_H
#define PORT_TUN_TRIAL_EXPECT_H

#include <vif/packet.h>

#include "packet/cut.h"

/* What the far device has asked for. */
enum trial_way {
	TRIAL_WHOLE, /* work left undone: the packet as it is */
	TRIAL_CUT,   /* everything done: segments, finished checksums */
};

enum trial_fault {
	TRIAL_GOOD,
	TRIAL_REFUSED, /* the kernel did not take it */
	TRIAL_LOST,    /* not all came out */
	TRIAL_EXTRA,   /* too many came out */
	TRIAL_STATE,   /* with another kind, segment size or checksum state */
	TRIAL_CHANGED, /* with other bytes */
	TRIAL_FAULT_N,
};

/* What is wrong, for people: "not all of it came out". */
const char *trial_fault_text(enum trial_fault fault);

/* Fields are for trial_expect.c. */
struct trial_expect {
	const struct vif_packet *sent; /* borrowed */
	enum trial_way way;
	struct cut cut;
	uint32_t n_left; /* packets that have not come yet */
	enum trial_fault fault;
};

/*
 * trial_expect_start() - note what was sent
 *
 * sent is an IP packet in one piece whose checksum is not finished. It is
 * borrowed until trial_expect_end().
 */
void trial_expect_start(struct trial_expect *expect,
			const struct vif_packet *sent, enum trial_way way);

/* Takes the next packet that came out. */
void trial_expect_take(struct trial_expect *expect,
		       const struct vif_packet *came);

/* The first fault there was, when nothing is going to come any more. */
enum trial_fault trial_expect_end(const struct trial_expect *expect);

/*
 * trial_expect_same() - whether two IP packets have the same bytes
 *
 * But for what a router changes: TTL or hop limit, and the IPv4 header checksum,
 * which has to be right. came is in one piece.
 */
bool trial_expect_same(const struct vif_packet *want,
		       const struct vif_packet *came);

#endif
