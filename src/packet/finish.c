/* SPDX-License-Identifier: Apache-2.0 */
/* Finishing the checksum a sender left undone. */
#include "packet/finish.h"

#include <errno.h>
#include <string.h>

#include "packet/sum.h"
#include "wire/inet.h"

/* Whether there is nothing to finish, or the field lies in these first bytes. */
static bool can_finish(const struct vif_packet *packet, size_t len)
{
	if (packet->csum != VIF_CSUM_PARTIAL)
		return true;
	return packet->gso == VIF_GSO_NONE &&
	       (size_t)packet->l4_off + packet->csum_off + 2 <= len;
}

static void finish(struct vif_packet *packet)
{
	uint8_t *l4 = (uint8_t *)packet->seg[0].iov_base + packet->l4_off;
	uint16_t checksum = (uint16_t)~checksum_fold(
		pieces_sum(packet->seg, packet->n_seg, packet->l4_off));

	/*
	 * The offset tells UDP, as it does in the kernel. Others that have
	 * their checksum there do not mind: both are the same number.
	 */
	if (checksum == 0 && packet->csum_off == INET_UDP_CSUM)
		checksum = 0xffff;
	checksum_store(l4 + packet->csum_off, checksum);
	packet->csum = VIF_CSUM_COMPLETE;
	packet->l3_off = 0;
	packet->l4_off = 0;
	packet->csum_off = 0;
}

int finish_packet(struct vif_packet *packet)
{
	if (packet->n_seg == 0 || !can_finish(packet, packet->seg[0].iov_len))
		return -EINVAL;
	if (packet->csum == VIF_CSUM_PARTIAL)
		finish(packet);
	return 0;
}

/* The pieces of a packet with its first bytes replaced by the copy of them. */
static uint16_t put_pieces(const struct vif_packet *packet, void *header,
			   size_t header_len, struct iovec *seg)
{
	const struct iovec *first = &packet->seg[0];
	uint16_t n = 0;

	seg[n++] = (struct iovec){ header, header_len };
	if (first->iov_len > header_len)
		seg[n++] = (struct iovec){
			(uint8_t *)first->iov_base + header_len,
			first->iov_len - header_len,
		};
	for (uint16_t i = 1; i < packet->n_seg; i++)
		seg[n++] = packet->seg[i];
	return n;
}

int finish_copy(const struct vif_packet *packet, uint8_t *header,
		struct iovec *seg, struct vif_packet *ret_packet)
{
	struct vif_packet copy = *packet;
	size_t len;

	if (packet->n_seg == 0)
		return -EINVAL;
	len = packet->seg[0].iov_len;
	if (len > VIF_PACKET_HDR_MAX)
		len = VIF_PACKET_HDR_MAX;
	if (!can_finish(packet, len) || (len < packet->seg[0].iov_len &&
					 packet->n_seg == VIF_PACKET_SEG_MAX))
		return -EINVAL;
	memcpy(header, packet->seg[0].iov_base, len);
	copy.seg = seg;
	copy.n_seg = put_pieces(packet, header, len, seg);
	if (copy.csum == VIF_CSUM_PARTIAL)
		finish(&copy);
	*ret_packet = copy;
	return 0;
}
