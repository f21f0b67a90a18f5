/* SPDX-License-Identifier: Apache-2.0 */
/* Copying a packet into memory of one's own. */
#ifndef PACKET_COPY_H
#define PACKET_COPY_H

#include <string.h>

#include <vif/packet.h>

/*
 * packet_copy() - copy a packet into one piece
 *
 * to has room for packet->len bytes; seg becomes that piece, and the copy
 * refers to it.
 */
static inline struct vif_packet packet_copy(const struct vif_packet *packet,
					    uint8_t *to, struct iovec *seg)
{
	struct vif_packet copy = *packet;

	*seg = (struct iovec){ .iov_base = to, .iov_len = packet->len };
	for (uint16_t i = 0; i < packet->n_seg; i++) {
		memcpy(to, packet->seg[i].iov_base, packet->seg[i].iov_len);
		to += packet->seg[i].iov_len;
	}
	copy.seg = seg;
	copy.n_seg = 1;
	return copy;
}

#endif
