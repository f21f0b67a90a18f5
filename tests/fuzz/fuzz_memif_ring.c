/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rings of a memif link, as a hostile peer would fill them, in both roles.
 *
 * Input: three bytes of choices, then orders: what the peer writes into memory,
 * and what we do meanwhile. The memory lies within gigabytes that nobody may
 * touch. What is lent must be in it, in both senses, and be what ports may
 * report; what is reserved can be written, and the buffers of the client are each
 * in one place. If one of the choices is that offload state goes along, orders
 * that send or write a slot have some.
 */
#include <errno.h>
#include <string.h>

#include "port/memif/queue_inner.h"
#include "tests/fuzz/fuzz.h"
#include "tests/memif_rig.h"
#include "wire/memif_msg.h"

enum fuzz_memif_sizes {
	LOG2_MAX = 5,
	BUFFER = 256,
	LARGE_BUFFER = 2304, /* 32 of them are room for the longest packet */
	PIECES = 3,
	FIRST_MAX = 2048, /* bytes of the first one */
	PLACES = 1 << LOG2_MAX,
	RESERVE = 8,
};

/* What is left of the input; zeros when it has ended. */
struct input {
	const uint8_t *at, *end;
};

static uint8_t take_8(struct input *input)
{
	return input->at < input->end ? *input->at++ : 0;
}

static uint16_t take_16(struct input *input)
{
	uint16_t low = take_8(input);

	return (uint16_t)(low | take_8(input) << 8);
}

static uint32_t take_32(struct input *input)
{
	uint32_t low = take_16(input);

	return low | (uint32_t)take_16(input) << 16;
}

static struct rig *get_rig(void)
{
	static const struct rig_config config = { .log2_size = LOG2_MAX,
						  .line = 128,
						  .buffer_size = LARGE_BUFFER,
						  .is_fenced = true };
	static struct rig *rig;

	if (!rig)
		rig = rig_new(&config);
	for (int end = 0; end < RIG_ENDS; end++) {
		memif_queue_free(rig->queue[end]);
		rig->queue[end] = NULL;
	}
	return rig;
}

/* A link with the geometry the input wishes, in memory of the largest. */
static void connect(struct rig *rig, struct input *input)
{
	uint8_t shape = take_8(input);

	rig->config.log2_size = (uint8_t)(shape % LOG2_MAX + 1);
	rig->config.line = shape & 0x80 ? 128 : 64;
	rig->config.headroom = shape & 0x40 ? 64 : 0;
	rig->config.resync = shape & 0x20;
	rig->config.buffer_size = shape & 0x10 ? LARGE_BUFFER : BUFFER;
	rig->config.ride = shape & 0x08 ? MEMIF_RIDE_ALL : 0;
	rig->config.stride = rig->config.buffer_size;
	rig->config.index = take_16(input);
	for (uint32_t i = 0; i < 2; i++) {
		require(memif_ring_attach(
				&rig->ring[i],
				rig->client.region[0].base +
					(size_t)i * rig_ring_bytes(rig),
				rig->config.line, rig->config.log2_size) == 0);
		memif_ring_format(&rig->ring[i]);
		memif_ring_give(rig->ring[i].head, rig->config.index);
		memif_ring_give(rig->ring[i].tail, rig->config.index);
	}
	rig_start(rig);
}

static void write_index(struct rig *rig, struct input *input, bool step)
{
	uint8_t which = take_8(input);
	const struct memif_ring *ring = &rig->ring[which & 1];
	_Atomic uint16_t *index = which & 2 ? ring->head : ring->tail;

	if (step)
		memif_ring_give(index, (uint16_t)(memif_ring_look(index) +
						  (which >> 2)));
	else
		memif_ring_give(index, take_16(input));
}

/* What a peer says of a packet, where it may say something. */
static uint32_t take_word(const struct rig *rig, struct input *input)
{
	return rig->config.ride ? take_32(input) : 0;
}

static void write_slot(struct rig *rig, struct input *input)
{
	uint8_t which = take_8(input);
	struct memif_desc desc;

	desc.flags = take_16(input);
	desc.region = take_16(input);
	desc.length = take_32(input);
	desc.offset = take_32(input);
	desc.metadata = take_word(rig, input);
	memif_slot_write(memif_ring_slot(&rig->ring[which & 1], which >> 1),
			 &desc);
}

/* One that is good, or nearly. */
static void write_good_slot(struct rig *rig, struct input *input)
{
	uint8_t which = take_8(input);
	struct memif_slot *slot =
		memif_ring_slot(&rig->ring[which & 1], which >> 1);
	struct memif_desc desc = memif_slot_read(slot);

	desc.flags = take_8(input) & 3;
	desc.region = 0;
	desc.length = take_16(input) % (BUFFER + 8);
	desc.offset = take_16(input) * 2u;
	desc.metadata = take_word(rig, input);
	memif_slot_write(slot, &desc);
}

static bool is_in(const struct memif_region *region, const uint8_t *data,
		  size_t len)
{
	size_t off = (size_t)((uintptr_t)data - (uintptr_t)region->base);

	return off < region->size && len <= region->size - off;
}

static void check_packet(const struct memif_queue *queue,
			 const struct vif_packet *packet)
{
	size_t len = 0;

	require(packet->n_seg >= 1 && packet->n_seg <= VIF_PACKET_SEG_MAX);
	require(packet->len >= 1 && packet->len <= VIF_PACKET_LEN_MAX);
	for (uint16_t i = 0; i < packet->n_seg; i++) {
		const uint8_t *data = packet->seg[i].iov_base;
		size_t n = packet->seg[i].iov_len;
		bool is_ours = i == 0 &&
			       (data == queue->bounce ||
				is_in(
					&(struct memif_region){
						.base = *queue->header,
						.size = sizeof(*queue->header) *
							MEMIF_PULLED_MAX },
					data, n));

		require(n > 0);
		require(is_ours ||
			is_in(&queue->config.regions->region[0], data, n));
		len += n;
	}
	require(len == packet->len);
	require(packet->n_seg == 1 ||
		packet->seg[0].iov_len >= VIF_PACKET_HDR_MAX);
	require(vif_packet_check(packet, queue->config.medium) == 0);
}

static void receive(struct rig *rig, struct input *input)
{
	uint8_t how = take_8(input);
	enum rig_end end = how & 1 ? RIG_SERVER_RX : RIG_CLIENT_RX;
	struct vif_batch *batch = rig->batch;
	int r;

	batch->n_max = (how >> 3) % RIG_BATCH + 1;
	batch->n_seg_max = batch->n_max + take_8(input);
	r = rig_receive(rig, end);
	require(r == -EPROTO || (r >= 0 && (uint32_t)r <= batch->n_max));
	require(batch->n_seg <= batch->n_seg_max);
	if (r <= 0)
		return;
	for (uint32_t i = 0; i < batch->n; i++)
		check_packet(rig->queue[end], &batch->packet[i]);
	if (how & 2)
		(void)memif_queue_tx(rig->queue[RIG_SERVER_TX], batch->packet,
				     batch->n);
	if ((how & 4) && end == RIG_CLIENT_RX)
		(void)memif_queue_swap(rig->queue[end], batch, 0, batch->n,
				       rig->queue[RIG_CLIENT_TX]);
	rig_done(rig, end);
}

/* A packet put into its place, behind headers of ours. Returns its pieces. */
static uint16_t place(const struct iovec *piece, uint32_t len, uint8_t *header,
		      struct iovec *seg)
{
	uint32_t head = len < VIF_PACKET_HDR_MAX ? len : VIF_PACKET_HDR_MAX;
	uint32_t skip = head;
	uint16_t n = 1;

	seg[0] = (struct iovec){ header, head };
	for (len -= head; len > 0; piece++, skip = 0) {
		uint32_t part = (uint32_t)piece->iov_len - skip;

		part = part < len ? part : len;
		len -= part;
		if (part > 0)
			seg[n++] = (struct iovec){
				(uint8_t *)piece->iov_base + skip, part
			};
	}
	return n;
}

/* What is lent may be written; the peer takes it back, or does not. */
static void send_placed(struct rig *rig, enum rig_end end, struct input *input)
{
	static uint8_t header[VIF_PACKET_HDR_MAX];
	struct memif_queue *queue = rig->queue[end];
	struct iovec piece[PLACES], seg[PLACES + 1];
	struct vif_packet packet = { .seg = seg, .flags = VIF_PACKET_HOSTILE };
	unsigned int n = memif_queue_places(queue, piece, PLACES);

	require(n <= PLACES);
	if (n == 0)
		return;
	for (unsigned int i = 0; i < n; i++) {
		require(piece[i].iov_len >= VIF_PACKET_HDR_MAX);
		require(is_in(&queue->config.regions->region[0],
			      piece[i].iov_base, piece[i].iov_len));
	}
	packet.len = take_16(input) + 1u;
	packet.n_seg = place(piece, packet.len, header, seg);
	if (take_8(input) & 1)
		write_slot(rig, input);
	else
		write_good_slot(rig, input);
	write_index(rig, input, true);
	require(memif_queue_tx(queue, &packet, 1) <= 1);
	memif_queue_places_end(queue);
}

/* Offload state, right or wrong, and the headers it is about. */
static void take_state(struct input *input, struct vif_packet *packet)
{
	static uint8_t first[FIRST_MAX];
	uint32_t n;

	packet->gso = take_8(input);
	packet->csum = take_8(input);
	packet->flags = take_8(input);
	packet->gso_size = take_16(input);
	packet->l3_off = take_8(input);
	packet->l4_off = take_8(input);
	packet->csum_off = take_8(input);
	packet->hdr_len = take_8(input);
	n = take_8(input);
	memset(first, 0, sizeof(first));
	for (uint32_t i = 0; i < n; i++)
		first[i] = take_8(input);
	packet->seg[0].iov_base = first;
}

static void send(struct rig *rig, struct input *input)
{
	static uint8_t data[3 * UINT16_MAX];
	uint8_t how = take_8(input);
	enum rig_end end = how & 1 ? RIG_SERVER_TX : RIG_CLIENT_TX;
	struct iovec seg[PIECES];
	struct vif_packet packet = { .seg = seg };

	if (how & 0x80) {
		send_placed(rig, end, input);
		return;
	}
	for (uint32_t i = 0; i <= (how >> 1) % PIECES; i++) {
		size_t len = take_16(input) % (i == 0 ? FIRST_MAX : 256u);

		seg[i] = (struct iovec){ data, len };
		packet.len += (uint32_t)seg[i].iov_len;
		packet.n_seg++;
	}
	if (rig->config.ride)
		take_state(input, &packet);
	require(memif_queue_tx(rig->queue[end], &packet, 1) <= 1);
}

static void reserve(struct rig *rig, struct input *input)
{
	uint8_t how = take_8(input);
	enum rig_end end = how & 1 ? RIG_SERVER_TX : RIG_CLIENT_TX;
	struct memif_buffer buffer[RESERVE];
	int n = memif_queue_reserve(rig->queue[end], buffer, RESERVE);

	require(n <= RESERVE);
	for (int i = 0; i < n; i++) {
		buffer[i].data[0] = 1;
		buffer[i].data[buffer[i].len - 1] = 2;
		buffer[i].next = take_8(input) & 1;
		if (how & 2)
			buffer[i].len = take_8(input);
		if (how & 4)
			buffer[i].data += take_8(input);
	}
	if (n > 0)
		(void)memif_queue_commit(rig->queue[end], buffer, (uint32_t)n);
}

static void arm(struct rig *rig, struct input *input)
{
	enum rig_end end = (enum rig_end)(take_8(input) % RIG_ENDS);
	int r = memif_queue_arm(rig->queue[end]);

	require(r == 0 || r == 1);
}

/* Each buffer belongs to one slot of one ring. */
static void check_tables(const struct rig *rig)
{
	static const enum rig_end ends[] = { RIG_CLIENT_TX, RIG_CLIENT_RX };
	uint8_t used[2 << LOG2_MAX] = { 0 };

	for (int e = 0; e < 2; e++) {
		const struct memif_queue *queue = rig->queue[ends[e]];

		for (uint32_t i = 0; i < queue->size; i++) {
			uint32_t at =
				(queue->buffer[i] - rig_buffers_offset(rig)) /
				rig->config.stride;

			require(at < 2 * queue->size);
			require(used[at]++ == 0);
		}
	}
}

static void follow(struct rig *rig, struct input *input)
{
	switch (take_8(input) % 10) {
	case 0:
		write_index(rig, input, false);
		break;
	case 1:
	case 2:
		write_index(rig, input, true);
		break;
	case 3:
		write_slot(rig, input);
		break;
	case 4:
		write_good_slot(rig, input);
		break;
	case 5:
	case 6:
		receive(rig, input);
		break;
	case 7:
		send(rig, input);
		break;
	case 8:
		reserve(rig, input);
		break;
	default:
		arm(rig, input);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rig *rig = get_rig();
	struct input input = { data, data + size };

	if (size < 3)
		return 0;
	connect(rig, &input);
	while (input.at < input.end)
		follow(rig, &input);
	check_tables(rig);
	return 0;
}
