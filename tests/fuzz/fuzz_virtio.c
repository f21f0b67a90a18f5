/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packets with a virtio_net_hdr, as a hostile device would deliver them.
 *
 * Input: a byte of choices, the length of the first piece, the header, and the
 * packet. What passes the gate must satisfy vif_packet_check(), and must
 * survive the way to a device and back.
 */
#include <stdlib.h>
#include <string.h>

#include "packet/offload.h"
#include "tests/fuzz/fuzz.h"
#include "wire/inet.h"

enum fuzz_virtio_choices {
	CHOICE_ETH = 1,        /* medium */
	CHOICE_PIECES = 3 << 1 /* 1 to 3, and 1 again */
};

enum fuzz_virtio_sizes {
	PREFIX_LEN = 2 + VIRTIO_NET_LEN,
	PIECES_MAX = 3,
};

/* Each piece in a block of its own, of just its size. */
static void make_piece(struct vif_packet *packet, const uint8_t *data,
		       size_t len)
{
	struct iovec *seg = &packet->seg[packet->n_seg++];

	seg->iov_base = malloc(len > 0 ? len : 1);
	require(seg->iov_base);
	memcpy(seg->iov_base, data, len);
	seg->iov_len = len;
	packet->len += (uint32_t)len;
}

static void make_packet(struct vif_packet *packet, const uint8_t *input,
			size_t size)
{
	size_t n_piece = (size_t)(input[0] & CHOICE_PIECES) >> 1;
	size_t first = input[1];
	const uint8_t *data = input + PREFIX_LEN;
	size_t len = size - PREFIX_LEN;

	if (n_piece % PIECES_MAX == 0 || first > len)
		first = len;
	make_piece(packet, data, first);
	if (n_piece % PIECES_MAX == 0)
		return;
	data += first;
	len -= first;
	if (n_piece == 2) {
		make_piece(packet, data, len / 2);
		data += len / 2;
		len -= len / 2;
	}
	make_piece(packet, data, len);
}

static void free_packet(const struct vif_packet *packet)
{
	for (uint16_t i = 0; i < packet->n_seg; i++)
		free(packet->seg[i].iov_base);
}

/* Whatever a program writes into a packet, checking it is harmless. */
static void try_any_state(const struct vif_packet *plain,
			  enum vif_medium medium,
			  const struct virtio_net *header)
{
	struct vif_packet packet = *plain;
	struct virtio_net to;

	packet.flags = header->flags >> 4;
	packet.l3_off = header->gso_type >> 2;
	packet.l4_off = header->csum_start;
	packet.csum_off = header->csum_offset;
	packet.hdr_len = header->hdr_len;
	packet.gso_size = header->gso_size;
	packet.gso = header->gso_type & 7;
	packet.csum = header->flags & 3;
	if (vif_packet_check(&packet, medium) == 0)
		require(offload_to_virtio(&packet, medium, &to) == 0);
	else
		require(offload_to_virtio(&packet, medium, &to) < 0);
}

static void try_virtio(const struct vif_packet *plain, enum vif_medium medium,
		       const struct virtio_net *header)
{
	struct vif_packet packet = *plain;
	struct vif_packet again = *plain;
	struct virtio_net to;

	if (offload_from_virtio(&packet, medium, header) < 0) {
		require(memcmp(&packet, plain, sizeof(packet)) == 0);
		return;
	}
	require(vif_packet_check(&packet, medium) == 0);
	require(offload_to_virtio(&packet, medium, &to) == 0);
	require(offload_from_virtio(&again, medium, &to) == 0);
	require(memcmp(&packet, &again, sizeof(packet)) == 0);
}

static void try_inet(const struct vif_packet *packet, enum vif_medium medium)
{
	const uint8_t *data = packet->seg[0].iov_base;
	size_t len = packet->seg[0].iov_len;
	struct inet inet;

	if (inet_parse(data, len, medium == VIF_MEDIUM_ETH, &inet) == 0) {
		require(inet.version == 4 || inet.version == 6);
		require(inet.l4_off > inet.l3_off && inet.l4_off <= len);
		require(medium == VIF_MEDIUM_ETH || inet.l3_off == 0);
	}
	require(vif_packet_flow_hash(packet, medium) ==
		vif_packet_flow_hash(packet, medium));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct iovec seg[PIECES_MAX];
	struct vif_packet packet = { .seg = seg };
	enum vif_medium medium;
	struct virtio_net header;

	if (size <= PREFIX_LEN || size > PREFIX_LEN + VIF_PACKET_LEN_MAX)
		return 0;
	medium = data[0] & CHOICE_ETH ? VIF_MEDIUM_ETH : VIF_MEDIUM_IP;
	header = virtio_net_get(data + 2);
	make_packet(&packet, data, size);
	try_inet(&packet, medium);
	try_virtio(&packet, medium, &header);
	try_any_state(&packet, medium, &header);
	free_packet(&packet);
	return 0;
}
