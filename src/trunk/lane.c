/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packets on a flow.
 *
 * A lane is a stream of packets, each behind a header with its length and its
 * offload state; docs/design/trunk.md, section 6.
 */
#include "trunk/core.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

enum lane_flags {
	LANE_PARTIAL = 1, /* the checksum is unfinished */
	LANE_VERIFIED = 2,
	LANE_ECN = 4,
	LANE_FLAGS = 7,
};

/* The header as it is sent. Offsets count from the first byte of the packet. */
struct lane_header {
	uint32_t len;
	uint8_t flags;
	uint8_t gso; /* enum vif_gso, whose values are those of the protocol */
	uint16_t gso_size;
	uint16_t hdr_len;
	uint16_t l4_off;
	uint16_t csum_off;
	uint16_t l3_off;
};

static_assert(sizeof(struct lane_header) == CORE_LANE_HEADER, "as sent");

static struct lane_header header_of(const struct vif_packet *packet)
{
	uint8_t flags = packet->flags & VIF_PACKET_ECN ? LANE_ECN : 0;

	if (packet->csum == VIF_CSUM_PARTIAL)
		flags |= LANE_PARTIAL;
	if (packet->csum == VIF_CSUM_VERIFIED)
		flags |= LANE_VERIFIED;
	return (struct lane_header){
		.len = htobe32(packet->len),
		.flags = flags,
		.gso = packet->gso,
		.gso_size = htobe16(packet->gso_size),
		.hdr_len = htobe16(packet->hdr_len),
		.l4_off = htobe16(packet->l4_off),
		.csum_off = htobe16(packet->csum_off),
		.l3_off = htobe16(packet->l3_off),
	};
}

uint32_t lane_next_len(const struct byte_queue *queue)
{
	struct lane_header header;
	uint32_t len;

	if (byte_queue_copy(queue, (uint8_t *)&header, sizeof(header)) <
	    sizeof(header))
		return 0;
	len = be32toh(header.len);
	/* One too long is too long, whatever it is. */
	if (len > CORE_LANE_PACKET_MAX)
		len = CORE_LANE_PACKET_MAX + 1;
	return (uint32_t)sizeof(header) + len;
}

static size_t bytes_of(const struct vif_packet *packet)
{
	size_t n = 0;

	for (uint16_t i = 0; i < packet->n_seg; i++)
		n += packet->seg[i].iov_len;
	return n;
}

int vif_flow_send_packet(struct vif_flow *flow, const struct vif_packet *packet)
{
	struct block_pool *pool = &flow->circuit->trunk->pool;
	uint32_t len = (uint32_t)sizeof(struct lane_header) + packet->len;
	struct lane_header header = header_of(packet);
	int r = flow_may_write(flow, true);

	if (r < 0)
		return r;
	if (packet->len == 0 || packet->len > CORE_LANE_PACKET_MAX ||
	    bytes_of(packet) != packet->len)
		return -EINVAL;
	if (len > flow->circuit->trunk->config.flow_send_max)
		return -EMSGSIZE;
	if (flow_room(flow) < len) {
		room_wanted(flow, len);
		return 0;
	}
	r = byte_queue_append(&flow->tx, pool, (uint8_t *)&header,
			      sizeof(header));
	for (uint16_t i = 0; r == 0 && i < packet->n_seg; i++)
		r = byte_queue_append(&flow->tx, pool, packet->seg[i].iov_base,
				      (uint32_t)packet->seg[i].iov_len);
	if (r < 0)
		return flow_give_up(flow, r);
	flow_wrote(flow, len);
	return 1;
}

/* The packet's state; what it means is checked against its bytes later. */
static int state_of(const struct lane_header *header,
		    struct vif_packet *ret_packet)
{
	bool is_partial = header->flags & LANE_PARTIAL;

	if (header->flags & ~LANE_FLAGS || header->gso > VIF_GSO_UDP)
		return -EPROTO;
	*ret_packet = (struct vif_packet){
		.len = be32toh(header->len),
		.n_seg = 1,
		.flags = header->flags & LANE_ECN ? VIF_PACKET_ECN : 0,
		.gso = header->gso,
		.gso_size = be16toh(header->gso_size),
		.hdr_len = be16toh(header->hdr_len),
		.l3_off = be16toh(header->l3_off),
		.l4_off = be16toh(header->l4_off),
		.csum_off = be16toh(header->csum_off),
		.csum = is_partial ? VIF_CSUM_PARTIAL : VIF_CSUM_COMPLETE,
	};
	return 0;
}

/* No packet follows one that makes no sense. */
static int refuse_lane(struct vif_flow *flow)
{
	flow_do_stop(flow, VIF_REASON_PROTOCOL);
	flow->rx_code = VIF_REASON_PROTOCOL;
	return -EPROTO;
}

static int take_packet(struct vif_flow *flow, uint8_t *bytes,
		       const struct vif_packet *packet, uint32_t len)
{
	struct block_pool *pool = &flow->circuit->trunk->pool;

	byte_queue_consume(&flow->rx, pool, CORE_LANE_HEADER);
	(void)byte_queue_copy(&flow->rx, bytes, packet->len);
	byte_queue_consume(&flow->rx, pool, packet->len);
	window_consumed(flow, len);
	/* Ethernet, where there is something in front of IP. */
	if (vif_packet_check(packet, packet->l3_off > 0 ? VIF_MEDIUM_ETH :
							  VIF_MEDIUM_IP) < 0)
		return refuse_lane(flow);
	return 1;
}

int vif_flow_receive_packet(struct vif_flow *flow, void *bytes, size_t size,
			    struct iovec *seg, struct vif_packet *ret_packet)
{
	struct vif_packet packet;
	struct lane_header header;
	uint32_t len = lane_next_len(&flow->rx);
	int r = flow_may_read(flow, true);

	if (r <= 0)
		return r;
	if (len > 0) {
		(void)byte_queue_copy(&flow->rx, (uint8_t *)&header,
				      sizeof(header));
		if (len > CORE_LANE_HEADER + CORE_LANE_PACKET_MAX ||
		    len == CORE_LANE_HEADER || state_of(&header, &packet) < 0)
			return refuse_lane(flow);
	}
	if (len == 0 || flow->rx.len < len) /* the rest has not come */
		return flow->rx_fin || flow->is_dead ? -ECONNRESET : 0;
	if (size < packet.len)
		return -EMSGSIZE;
	*seg = (struct iovec){ .iov_base = bytes, .iov_len = packet.len };
	packet.seg = seg;
	r = take_packet(flow, bytes, &packet, len);
	if (r == 1)
		*ret_packet = packet;
	return r;
}
