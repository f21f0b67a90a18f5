/* SPDX-License-Identifier: Apache-2.0 */
/* The offload state of a packet: checking it, and its virtio_net_hdr. */
#include "packet/offload.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>

#include "base/bits.h"
#include "wire/inet.h"

static_assert(sizeof(struct vif_packet) == 32, "two packets a cache line");
static_assert(offsetof(struct vif_packet, flags) == 14, "no padding");

/* What each GSO kind must find in the packet. */
struct gso_kind {
	const char *name;
	uint8_t virtio;  /* enum virtio_net_gso */
	uint8_t version; /* of IP; 0 takes both */
	uint8_t proto;
	uint8_t csum_off;
};

static const struct gso_kind gso_kinds[] = {
	[VIF_GSO_NONE] = { "none", VIRTIO_NET_GSO_NONE, 0, 0, 0 },
	[VIF_GSO_TCP4] = { "tcp4", VIRTIO_NET_GSO_TCP4, 4, INET_PROTO_TCP,
			   INET_TCP_CSUM },
	[VIF_GSO_TCP6] = { "tcp6", VIRTIO_NET_GSO_TCP6, 6, INET_PROTO_TCP,
			   INET_TCP_CSUM },
	[VIF_GSO_UDP] = { "udp", VIRTIO_NET_GSO_UDP, 0, INET_PROTO_UDP,
			  INET_UDP_CSUM },
};

const char *offload_gso_name(uint8_t gso)
{
	assert(gso < ARRAY_LEN(gso_kinds));
	return gso_kinds[gso].name;
}

static int find_gso(uint8_t virtio, uint8_t *ret_gso)
{
	for (size_t i = 0; i < ARRAY_LEN(gso_kinds); i++) {
		if (gso_kinds[i].virtio == virtio) {
			*ret_gso = (uint8_t)i;
			return 0;
		}
	}
	return -EINVAL;
}

static const uint8_t *first_piece(const struct vif_packet *packet)
{
	return packet->seg[0].iov_base;
}

static size_t pieces_len(const struct vif_packet *packet)
{
	size_t len = 0;

	for (uint16_t i = 0; i < packet->n_seg; i++)
		len += packet->seg[i].iov_len;
	return len;
}

static int check_superpacket(const struct vif_packet *packet,
			     enum vif_medium medium)
{
	const struct gso_kind *kind = &gso_kinds[packet->gso];
	const uint8_t *data = first_piece(packet);
	size_t len = packet->seg[0].iov_len;
	struct inet inet;
	uint16_t l4;

	/* 65535 is the kernel's GSO_BY_FRAGS: it refuses to take it. */
	if (packet->gso_size == 0 || packet->gso_size == UINT16_MAX ||
	    packet->csum != VIF_CSUM_PARTIAL)
		return -EINVAL;
	if ((packet->flags & VIF_PACKET_ECN) && packet->gso == VIF_GSO_UDP)
		return -EINVAL;
	if (inet_parse(data, len, medium == VIF_MEDIUM_ETH, &inet) < 0)
		return -EINVAL;
	if (inet.proto != kind->proto || inet.fragment ||
	    (kind->version != 0 && inet.version != kind->version))
		return -EINVAL;
	l4 = inet_l4_len(data, len, &inet);
	if (l4 == 0 || packet->hdr_len != inet.l4_off + l4 ||
	    packet->l3_off != inet.l3_off || packet->l4_off != inet.l4_off ||
	    packet->csum_off != kind->csum_off)
		return -EINVAL;
	return packet->hdr_len <= VIF_PACKET_HDR_MAX ? 0 : -EINVAL;
}

int vif_packet_check(const struct vif_packet *packet, enum vif_medium medium)
{
	size_t field_end;
	size_t l3_min = medium == VIF_MEDIUM_ETH ? INET_ETH_LEN : 0;

	if (packet->n_seg == 0 || packet->n_seg > VIF_PACKET_SEG_MAX ||
	    packet->len == 0 || packet->len > VIF_PACKET_LEN_MAX ||
	    pieces_len(packet) != packet->len)
		return -EINVAL;
	if (packet->gso >= ARRAY_LEN(gso_kinds) ||
	    packet->csum > VIF_CSUM_VERIFIED)
		return -EINVAL;
	if (packet->gso == VIF_GSO_NONE && (packet->flags & VIF_PACKET_ECN))
		return -EINVAL;
	if (packet->csum == VIF_CSUM_PARTIAL) {
		field_end = (size_t)packet->l4_off + packet->csum_off + 2;
		if (field_end > packet->seg[0].iov_len ||
		    packet->l3_off < l3_min ||
		    packet->l4_off < packet->l3_off + INET_IP4_LEN)
			return -EINVAL;
	}
	if (packet->gso == VIF_GSO_NONE)
		return 0;
	return check_superpacket(packet, medium);
}

/* Fills offsets and header length of a superpacket from its own headers. */
static int measure_superpacket(struct vif_packet *packet,
			       enum vif_medium medium)
{
	const uint8_t *data = first_piece(packet);
	size_t len = packet->seg[0].iov_len;
	struct inet inet;

	if (inet_parse(data, len, medium == VIF_MEDIUM_ETH, &inet) < 0)
		return -EINVAL;
	packet->l3_off = inet.l3_off;
	packet->hdr_len =
		(uint16_t)(inet.l4_off + inet_l4_len(data, len, &inet));
	return 0;
}

static int measure_partial(struct vif_packet *packet, enum vif_medium medium)
{
	uint16_t type;

	packet->l3_off = 0;
	if (medium != VIF_MEDIUM_ETH)
		return 0;
	return inet_l3_off(first_piece(packet), packet->seg[0].iov_len,
			   &packet->l3_off, &type);
}

int offload_from_virtio(struct vif_packet *packet, enum vif_medium medium,
			const struct virtio_net *header)
{
	struct vif_packet taken = *packet;
	uint8_t type = header->gso_type & (uint8_t)~VIRTIO_NET_GSO_ECN;
	const uint8_t known = VIRTIO_NET_NEEDS_CSUM | VIRTIO_NET_DATA_VALID;

	/* Plain packets are most of what is not a superpacket. */
	if ((header->flags | header->gso_type) == 0)
		return 0;
	if ((header->flags & ~known) || find_gso(type, &taken.gso) < 0)
		return -EINVAL;
	if (header->flags & VIRTIO_NET_NEEDS_CSUM) {
		taken.csum = VIF_CSUM_PARTIAL;
		taken.l4_off = header->csum_start;
		taken.csum_off = header->csum_offset;
		if (measure_partial(&taken, medium) < 0)
			return -EINVAL;
	} else if (header->flags & VIRTIO_NET_DATA_VALID) {
		taken.csum = VIF_CSUM_VERIFIED;
	}
	if (header->gso_type & VIRTIO_NET_GSO_ECN)
		taken.flags |= VIF_PACKET_ECN;
	if (taken.gso != VIF_GSO_NONE) {
		taken.gso_size = header->gso_size;
		if (measure_superpacket(&taken, medium) < 0)
			return -EINVAL;
	}
	if (vif_packet_check(&taken, medium) < 0)
		return -EINVAL;
	*packet = taken;
	return 0;
}

int offload_to_virtio(const struct vif_packet *packet, enum vif_medium medium,
		      struct virtio_net *ret_header)
{
	struct virtio_net header = { .flags = 0 };

	if (vif_packet_check(packet, medium) < 0)
		return -EINVAL;
	if (packet->csum == VIF_CSUM_VERIFIED)
		header.flags = VIRTIO_NET_DATA_VALID;
	if (packet->csum == VIF_CSUM_PARTIAL) {
		header.flags = VIRTIO_NET_NEEDS_CSUM;
		header.csum_start = packet->l4_off;
		header.csum_offset = packet->csum_off;
	}
	if (packet->gso != VIF_GSO_NONE) {
		header.gso_type = gso_kinds[packet->gso].virtio;
		if (packet->flags & VIF_PACKET_ECN)
			header.gso_type |= VIRTIO_NET_GSO_ECN;
		header.gso_size = packet->gso_size;
		header.hdr_len = packet->hdr_len;
	}
	*ret_header = header;
	return 0;
}
