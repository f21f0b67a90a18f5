/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Superpackets for tests, made of the layers of tests/frame.h, with lengths,
 * checksum seed and offload state as a sender leaves them.
 */
#ifndef TESTS_SUPER_H
#define TESTS_SUPER_H

#include <vif/packet.h>

#include "tests/frame.h"
#include "tests/naive.h"

struct super {
	uint8_t *byte; /* malloc'ed, exactly as long as it is */
	struct iovec seg;
	struct vif_packet packet;
	enum vif_medium medium;
};

static inline uint16_t super_l3_off(const char *layers)
{
	uint16_t off = 0;

	if (strncmp(layers, "eth", 3) != 0)
		return 0;
	off = 14;
	for (; *layers; layers++)
		if (strncmp(layers, "vlan", 4) == 0 ||
		    strncmp(layers, "qinq", 4) == 0)
			off += 4;
	return off;
}

/* Lengths and IPv4 checksum of len bytes, which are a TCP or UDP packet. */
static inline void super_finish_ip(uint8_t *ip, size_t len)
{
	if (ip[0] >> 4 == 6) {
		put_be16(ip + 4, (uint16_t)(len - 40));
		return;
	}
	put_be16(ip + 2, (uint16_t)len);
	put_be16(ip + 10, 0);
	put_be16(ip + 10,
		 (uint16_t)~naive_add(0, ip, (size_t)(ip[0] & 15) * 4));
}

static inline void super_finish(struct super *super, struct naive *ret_found)
{
	uint8_t *ip = super->byte + super->packet.l3_off;
	size_t len = super->packet.len - super->packet.l3_off;
	struct naive found;
	size_t l4_len;

	super_finish_ip(ip, len);
	if (!naive_find(ip, len, &found))
		abort();
	l4_len = len - found.l4_off;
	if (found.proto == NAIVE_UDP)
		put_be16(ip + found.l4_off + 4, (uint16_t)l4_len);
	put_be16(ip + found.l4_off + naive_field(found.proto),
		 naive_pseudo(ip, found.proto, l4_len));
	*ret_found = found;
}

/* The caller frees byte. */
static inline void super_make(const char *layers, uint16_t gso_size,
			      struct super *super)
{
	struct frame frame = frame_make(layers);
	struct vif_packet *packet = &super->packet;
	struct naive found;
	bool is_tcp;

	assert(frame.len >= 20);
	super->byte = frame_exact(&frame, frame.len);
	super->seg = (struct iovec){ super->byte, frame.len };
	super->medium = super_l3_off(layers) ? VIF_MEDIUM_ETH : VIF_MEDIUM_IP;
	*packet = (struct vif_packet){
		.seg = &super->seg,
		.len = (uint32_t)frame.len,
		.n_seg = 1,
		.l3_off = super_l3_off(layers),
		.gso_size = gso_size,
		.csum = VIF_CSUM_PARTIAL,
	};
	super_finish(super, &found);
	is_tcp = found.proto == NAIVE_TCP;
	packet->l4_off = (uint16_t)(packet->l3_off + found.l4_off);
	packet->csum_off = (uint16_t)naive_field(found.proto);
	packet->hdr_len = (uint16_t)(packet->l4_off + 8);
	packet->gso = VIF_GSO_UDP;
	if (is_tcp) {
		packet->hdr_len =
			(uint16_t)(packet->l4_off +
				   (super->byte[packet->l4_off + 12] >> 4) * 4);
		packet->gso = super->byte[packet->l3_off] >> 4 == 4 ?
				      VIF_GSO_TCP4 :
				      VIF_GSO_TCP6;
	}
}

#endif
