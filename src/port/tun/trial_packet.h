/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a trial sends: packets of one flow, with work left undone.
 *
 * Behind each comes a mark: a small packet of the same flow that is finished.
 * The kernel keeps the order of a flow, so what has not come out before its
 * mark will not come any more, and no time has to be waited for.
 */
#ifndef PORT_TUN_TRIAL_PACKET_H
#define PORT_TUN_TRIAL_PACKET_H

#include <stdbool.h>
#include <stdint.h>

#include <vif/packet.h>

enum trial_flow {
	TRIAL_TCP4,
	TRIAL_TCP6,
	TRIAL_UDP4,
	TRIAL_UDP6,
	TRIAL_FLOW_N,
};

/* The sizes of one packet. */
struct trial_size {
	uint16_t payload;
	uint16_t gso_size;    /* 0: no superpacket */
	uint16_t tcp_options; /* bytes, a multiple of 4 */
};

enum trial_sizes_n {
	TRIAL_SIZES_N = 7,
};
extern const struct trial_size trial_sizes[TRIAL_SIZES_N];

/* Networks and addresses of the two ends; the packets go from 0 to 1. */
struct trial_end {
	uint8_t own4[4];  /* of the device, prefix of 24 bits */
	uint8_t far4[4];  /* of a host behind it */
	uint8_t own6[16]; /* prefix of 64 bits */
	uint8_t far6[16];
};
extern const struct trial_end trial_ends[2];

struct trial_packet {
	uint8_t byte[VIF_PACKET_LEN_MAX];
	struct iovec seg;
	struct vif_packet packet; /* refers to seg, in one piece */
};

static inline bool trial_flow_is_ip6(enum trial_flow flow)
{
	return flow == TRIAL_TCP6 || flow == TRIAL_UDP6;
}

/* enum vif_gso of a packet of that flow and size. */
uint8_t trial_gso(enum trial_flow flow, const struct trial_size *size);

/*
 * trial_packet_make() - make a packet
 *
 * TTL or hop limit is 64. number tells one packet of a trial from the next: it
 * is the source port.
 */
void trial_packet_make(struct trial_packet *packet, enum trial_flow flow,
		       const struct trial_size *size, uint16_t number);

/* Makes the mark that is sent behind it. */
void trial_packet_make_mark(struct trial_packet *mark, enum trial_flow flow,
			    uint16_t number);

/* Whether a packet is of the same flow, going by IP version and ports. */
bool trial_packet_is_of_flow(const struct trial_packet *packet,
			     const struct vif_packet *came);

#endif
