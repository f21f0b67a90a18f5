/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finishing the checksum a sender left undone.
 *
 * The rule is that of Virtio 1.2, section 5.1.6.2: the field holds the sum of
 * the pseudo-header, and the checksum is over everything from l4_off to the end
 * of the packet. A UDP checksum of 0 is written as ffff, since 0 would mean
 * that there is none (RFC 768); a TCP checksum of 0 stays.
 */
#ifndef PACKET_FINISH_H
#define PACKET_FINISH_H

#include <vif/packet.h>

/*
 * finish_packet() - finish the checksum in place
 *
 * Writes the field in the first piece. The packet becomes VIF_CSUM_COMPLETE,
 * with zero offsets; one whose checksum is not VIF_CSUM_PARTIAL is left as it
 * is. Returns 0, or -EINVAL, with nothing changed, for a superpacket, a field
 * that is not in the first piece, or no piece at all.
 */
int finish_packet(struct vif_packet *packet);

/*
 * finish_copy() - finish the checksum in a copy of the headers
 * @packet:     its bytes are not written: they may be lent twice, or a peer may
 *              be able to change them.
 * @header:     gets the beginning of the first piece; VIF_PACKET_HDR_MAX bytes.
 * @seg:        gets the pieces of the result; room for one more than @packet
 *              has.
 * @ret_packet: refers to @seg: @header, then what @packet has behind that.
 *              Unchanged on failure.
 *
 * As much as fits is copied, so all headers are in the first piece again.
 * Returns 0, or -EINVAL for what finish_packet() refuses, for a field beyond
 * VIF_PACKET_HDR_MAX, and for a packet that would get too many pieces.
 */
int finish_copy(const struct vif_packet *packet, uint8_t *header,
		struct iovec *seg, struct vif_packet *ret_packet);

#endif
