/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of the queues with an honest peer: both roles, all ring sizes, chains,
 * copies and none. sleep_test.c has sleeping and waking, fault_test.c the others.
 */
#include "port/memif/queue.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/bits.h"
#include "tests/memif_rig.h"

enum queue_test_sizes {
	BURST = 16,
	BYTES = 65664,
	PACKETS = 300, /* that have to arrive in each round */
};

/* The ends of each direction. */
static const struct {
	enum rig_end tx, rx;
} ways[] = {
	{ RIG_CLIENT_TX, RIG_SERVER_RX },
	{ RIG_SERVER_TX, RIG_CLIENT_RX },
};

static uint8_t bytes[BYTES];

/* Numbers that are the same in every run. */
static uint32_t dice(uint32_t *state)
{
	*state = *state * 1664525 + 1013904223;
	return *state >> 8;
}

/* What packet number n holds. */
static void paint(uint8_t *data, uint32_t n, uint32_t len)
{
	for (uint32_t i = 0; i < len; i++)
		data[i] = (uint8_t)(n * 7 + i + (i >> 8));
}

/* Returns whether a packet holds what packet number n held. */
static bool is_painted(const struct vif_packet *packet, uint32_t n)
{
	uint32_t at = 0;

	for (uint16_t i = 0; i < packet->n_seg; i++) {
		const uint8_t *data = packet->seg[i].iov_base;

		for (size_t j = 0; j < packet->seg[i].iov_len; j++, at++)
			if (data[j] != (uint8_t)(n * 7 + at + (at >> 8)))
				return false;
	}
	return at == packet->len;
}

static uint64_t drops(const struct rig *rig, enum rig_end end,
		      enum vif_drop drop)
{
	return counter_read(&rig->counters[end].drops[drop]);
}

static const struct memif_queue_counters *counters(const struct rig *rig,
						   enum rig_end end)
{
	return memif_queue_counters(rig->queue[end]);
}

/* A packet that is in flight. */
struct sent {
	uint32_t len;
};

struct stream {
	struct rig *rig;
	size_t way;
	uint32_t dice;
	uint32_t len_max;
	uint32_t n_sent, n_received;
	struct sent sent[4 * PACKETS];
};

static uint32_t pick_len(struct stream *stream)
{
	uint32_t kind = dice(&stream->dice) % 4;
	uint32_t len = dice(&stream->dice) % stream->len_max + 1;

	if (kind == 0)
		return len;
	if (kind == 1)
		return len < 64 ? len : len % 64 + 1;
	/* Just about a buffer, or two. */
	len = stream->rig->config.buffer_size * (kind - 1) - 2 +
	      dice(&stream->dice) % 5;
	return len < stream->len_max ? len : stream->len_max;
}

/* Sends a burst of packets, each in up to three pieces. */
static void send_burst(struct stream *stream)
{
	static uint8_t data[BURST][BYTES];
	struct vif_packet packet[BURST];
	struct iovec seg[BURST][3];
	uint32_t n = dice(&stream->dice) % BURST + 1;
	int r;

	for (uint32_t i = 0; i < n; i++) {
		uint32_t len = pick_len(stream);
		uint32_t first = dice(&stream->dice) % len;

		paint(data[i], stream->n_sent + i, len);
		packet[i] = rig_packet(seg[i], data[i], len);
		stream->sent[stream->n_sent + i].len = len;
		if (first == 0 || dice(&stream->dice) % 3 == 0)
			continue;
		seg[i][0].iov_len = first;
		seg[i][1] = (struct iovec){ data[i] + first, 0 };
		seg[i][2] = (struct iovec){ data[i] + first, len - first };
		packet[i].n_seg = 3;
	}
	r = memif_queue_tx(stream->rig->queue[ways[stream->way].tx], packet, n);
	assert_in_range(r, 0, n);
	stream->n_sent += (uint32_t)r;
}

static void receive_burst(struct stream *stream)
{
	struct rig *rig = stream->rig;
	int r;

	rig->batch->n_max = dice(&stream->dice) % RIG_BATCH + 1;
	rig->batch->n_seg_max = rig->batch->n_max + dice(&stream->dice) % 80;
	r = rig_receive(rig, ways[stream->way].rx);
	assert_in_range(r, 0, rig->batch->n_max);
	for (int i = 0; i < r; i++) {
		const struct vif_packet *packet = &rig->batch->packet[i];
		uint32_t n = stream->n_received++;
		size_t first = packet->seg[0].iov_len;

		assert_true(n < stream->n_sent);
		assert_int_equal(packet->len, stream->sent[n].len);
		assert_true(is_painted(packet, n));
		assert_int_equal(vif_packet_check(packet, VIF_MEDIUM_ETH), 0);
		assert_in_range(packet->n_seg, 1, VIF_PACKET_SEG_MAX);
		assert_true(first == packet->len ||
			    first >= VIF_PACKET_HDR_MAX);
	}
	if (r > 0)
		rig_done(rig, ways[stream->way].rx);
	rig->batch->n_max = RIG_BATCH;
	rig->batch->n_seg_max = RIG_SEGS;
}

static void run_stream(const struct rig_config *config, size_t way)
{
	static struct stream stream;
	uint32_t slots;

	stream = (struct stream){ .rig = rig_new(config), .way = way };
	stream.dice = config->log2_size + 100 * config->buffer_size;
	slots = 1u << stream.rig->config.log2_size;
	stream.len_max = slots * (stream.rig->config.buffer_size -
				  stream.rig->config.headroom);
	if (stream.len_max > VIF_PACKET_LEN_MAX)
		stream.len_max = VIF_PACKET_LEN_MAX;
	while (stream.n_received < PACKETS) {
		if (stream.n_sent < 2 * PACKETS)
			send_burst(&stream);
		if (dice(&stream.dice) % 3 > 0)
			receive_burst(&stream);
	}
	assert_int_equal(memif_queue_fault(stream.rig->queue[ways[way].rx]), 0);
	assert_int_equal(memif_queue_fault(stream.rig->queue[ways[way].tx]), 0);
	assert_int_equal(
		counter_read(&stream.rig->counters[ways[way].tx].packets),
		stream.n_sent);
	assert_int_equal(
		counter_read(&stream.rig->counters[ways[way].rx].packets),
		stream.n_received);
	rig_free(stream.rig);
}

static void every_packet_arrives(void **state)
{
	static const struct rig_config configs[] = {
		{ .log2_size = 1, .buffer_size = 64 },
		{ .log2_size = 1, .buffer_size = 65535, .index = 65535 },
		{ .log2_size = 2, .buffer_size = 100, .index = 65530 },
		{ .log2_size = 3, .buffer_size = 256, .line = 128 },
		{ .log2_size = 4, .headroom = 128, .index = 65500 },
		{ .log2_size = 5, .buffer_size = 192, .headroom = 64 },
		{ .log2_size = 6, .buffer_size = 256, .index = 65000 },
		{ .log2_size = 7, .buffer_size = 4096 },
		{ .log2_size = 8, .buffer_size = 256 },
		{ .log2_size = 9, .buffer_size = 128, .line = 128 },
		{ .log2_size = 10, .index = 64512 },
		{ .log2_size = 11, .buffer_size = 64 },
		{ .log2_size = 12, .buffer_size = 512, .index = 32767 },
		{ .log2_size = 13, .buffer_size = 64 },
		{ .log2_size = 14, .buffer_size = 256, .index = 65535 },
		{ .log2_size = 15, .buffer_size = 128, .index = 32768 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(configs); i++)
		for (size_t way = 0; way < ARRAY_LEN(ways); way++)
			run_stream(&configs[i], way);
}

static void each_length_is_copied_exactly(void **state)
{
	static const struct rig_config config = { .log2_size = 2 };
	struct rig *rig = rig_new(&config);

	(void)state;
	for (uint32_t len = 1; len <= 600; len++) {
		for (size_t way = 0; way < ARRAY_LEN(ways); way++) {
			/* In a block of its size, so that a tool sees more. */
			uint8_t *data = malloc(len);
			uint8_t *got;

			paint(data, len, len);
			assert_int_equal(rig_send(rig, ways[way].tx, data, len),
					 1);
			free(data);
			assert_int_equal(rig_receive(rig, ways[way].rx), 1);
			assert_true(is_painted(rig->batch->packet, len));
			/* What was behind it is still there. */
			got = rig->batch->packet->seg->iov_base;
			assert_int_equal(got[len], 0);
			rig_done(rig, ways[way].rx);
			memset(got, 0, len);
		}
	}
	rig_free(rig);
}

static void a_full_ring_takes_no_more(void **state)
{
	static const struct rig_config config = { .log2_size = 3,
						  .index = 65533 };
	struct rig *rig = rig_new(&config);

	(void)state;
	for (size_t way = 0; way < ARRAY_LEN(ways); way++) {
		struct vif_packet packet[20];
		struct iovec seg[20];

		for (int i = 0; i < 20; i++)
			packet[i] = rig_packet(&seg[i], bytes, 100);
		packet[6] = rig_packet(&seg[6], bytes, 3 * 2048);
		/* Six slots, and the next packet needs three. */
		assert_int_equal(
			memif_queue_tx(rig->queue[ways[way].tx], packet, 20),
			6);
		assert_int_equal(memif_queue_tx(rig->queue[ways[way].tx],
						packet + 6, 14),
				 0);
		rig->batch->n_max = 3;
		assert_int_equal(rig_receive(rig, ways[way].rx), 3);
		rig->batch->n_max = RIG_BATCH;
		/* Lent slots are not free yet. */
		assert_int_equal(memif_queue_tx(rig->queue[ways[way].tx],
						packet + 6, 14),
				 0);
		rig_done(rig, ways[way].rx);
		assert_int_equal(memif_queue_tx(rig->queue[ways[way].tx],
						packet + 6, 14),
				 3);
		assert_int_equal(memif_queue_tx(rig->queue[ways[way].tx],
						packet + 9, 11),
				 0);
		assert_int_equal(rig_receive(rig, ways[way].rx), 6);
		assert_int_equal(rig->batch->packet[3].len, 3 * 2048);
		rig_done(rig, ways[way].rx);
		assert_int_equal(rig_receive(rig, ways[way].rx), 0);
	}
	rig_free(rig);
}

static void what_cannot_be_sent_is_dropped(void **state)
{
	static const struct rig_config config = { .log2_size = 2,
						  .buffer_size = 256 };
	struct rig *rig = rig_new(&config);

	(void)state;
	for (size_t way = 0; way < ARRAY_LEN(ways); way++) {
		enum rig_end tx = ways[way].tx;
		struct vif_packet packet[7];
		struct iovec seg[7];

		for (int i = 0; i < 7; i++)
			packet[i] = rig_packet(&seg[i], bytes, 60);
		packet[1].gso = VIF_GSO_TCP4; /* without what it takes */
		packet[2].csum = VIF_CSUM_PARTIAL;
		packet[2].l3_off = 14;
		packet[2].l4_off = 34;
		packet[2].csum_off = 16;
		packet[3].len = 0;
		packet[4].len = 61; /* its pieces have 60 */
		packet[5] = rig_packet(&seg[5], bytes, 4 * 256 + 1);
		/* A server finds out when all slots are free. */
		assert_int_equal(memif_queue_tx(rig->queue[tx], packet, 7),
				 way == 0 ? 7 : 5);
		assert_int_equal(drops(rig, tx, VIF_DROP_OFFLOAD), 1);
		assert_int_equal(drops(rig, tx, VIF_DROP_HEADER), 3);
		assert_true(rig_receive(rig, ways[way].rx) > 0);
		rig_done(rig, ways[way].rx);
		if (way == 1)
			assert_int_equal(
				memif_queue_tx(rig->queue[tx], packet + 5, 2),
				2);
		assert_int_equal(drops(rig, tx, VIF_DROP_TOO_LONG), 1);
		assert_int_equal(counter_read(&rig->counters[tx].packets), 2);
	}
	rig_free(rig);
}

static void slots_are_made_ready_for_the_next_lap(void **state)
{
	static const struct rig_config config = { .log2_size = 2,
						  .headroom = 64 };
	struct rig *rig = rig_new(&config);
	struct memif_desc desc;

	(void)state;
	/* A chain of three, so that NEXT was set in two slots. */
	assert_int_equal(rig_send(rig, RIG_CLIENT_TX, bytes, 5000), 1);
	assert_int_equal(memif_slot_read(&rig->ring[0].slot[1]).flags, 1);
	assert_int_equal(rig_receive(rig, RIG_SERVER_RX), 1);
	rig_done(rig, RIG_SERVER_RX);
	for (uint32_t i = 0; i < 4; i++)
		assert_int_equal(memif_slot_read(&rig->ring[0].slot[i]).flags,
				 0);
	assert_int_equal(rig_send(rig, RIG_SERVER_TX, bytes, 5000), 1);
	desc = memif_slot_read(&rig->ring[1].slot[2]);
	assert_int_equal(desc.length, 5000 - 2 * (2048 - 64));
	assert_int_equal(rig_receive(rig, RIG_CLIENT_RX), 1);
	rig_done(rig, RIG_CLIENT_RX);
	for (uint32_t i = 0; i < 4; i++) {
		desc = memif_slot_read(&rig->ring[1].slot[i]);
		assert_int_equal(desc.flags, 0);
		assert_int_equal(desc.length, 2048 - 64);
		assert_int_equal(desc.region, 0);
		assert_int_equal(desc.offset,
				 rig_buffers_offset(rig) + (4 + i) * 2048 + 64);
	}
	assert_int_equal(memif_ring_look(rig->ring[1].head), 3 + 4);
	assert_int_equal(memif_ring_look(rig->ring[1].tail), 3);
	rig_free(rig);
}

static void a_client_offers_all_its_buffers(void **state)
{
	static const struct rig_config config = { .log2_size = 3 };
	struct rig *rig = rig_new(&config);

	(void)state;
	assert_int_equal(memif_ring_look(rig->ring[1].head), 8);
	assert_int_equal(memif_ring_look(rig->ring[0].head), 0);
	for (uint32_t i = 0; i < 8; i++)
		assert_int_equal(memif_slot_read(&rig->ring[1].slot[i]).length,
				 2048);
	rig_free(rig);
}

static void headers_of_chains_are_pulled_up(void **state)
{
	static const struct rig_config config = { .log2_size = 6,
						  .buffer_size = 64 };
	struct rig *rig = rig_new(&config);

	(void)state;
	for (size_t way = 0; way < ARRAY_LEN(ways); way++) {
		const struct vif_packet *packet = rig->batch->packet;

		paint(bytes, 1, 60);
		assert_int_equal(rig_send(rig, ways[way].tx, bytes, 60), 1);
		paint(bytes, 2, 150);
		assert_int_equal(rig_send(rig, ways[way].tx, bytes, 150), 1);
		paint(bytes, 3, 1000);
		assert_int_equal(rig_send(rig, ways[way].tx, bytes, 1000), 1);
		assert_int_equal(rig_receive(rig, ways[way].rx), 3);
		/* In place; whole; and headers, then what is left. */
		assert_int_equal(packet[0].n_seg, 1);
		assert_int_equal(packet[1].n_seg, 1);
		assert_int_equal(packet[1].seg[0].iov_len, 150);
		assert_int_equal(packet[2].seg[0].iov_len, 192);
		assert_int_equal(packet[2].n_seg, 1 + 16 - 3);
		for (uint32_t i = 0; i < 3; i++) {
			assert_true(is_painted(&packet[i], i + 1));
			assert_int_equal(packet[i].flags, VIF_PACKET_HOSTILE);
		}
		assert_int_equal(
			counter_read(&counters(rig, ways[way].rx)->pulled), 2);
		rig_done(rig, ways[way].rx);
	}
	rig_free(rig);
}

static void too_many_pieces_are_copied_whole(void **state)
{
	static const struct rig_config config = { .log2_size = 8,
						  .buffer_size = 64 };
	struct rig *rig = rig_new(&config);

	(void)state;
	for (size_t way = 0; way < ARRAY_LEN(ways); way++) {
		const struct vif_packet *packet = rig->batch->packet;

		paint(bytes, 1, 64 * 70);
		assert_int_equal(rig_send(rig, ways[way].tx, bytes, 64 * 70),
				 1);
		paint(bytes, 2, 64 * 80);
		assert_int_equal(rig_send(rig, ways[way].tx, bytes, 64 * 80),
				 1);
		for (uint32_t n = 1; n <= 2; n++) {
			assert_int_equal(rig_receive(rig, ways[way].rx), 1);
			assert_int_equal(packet->n_seg, 1);
			assert_true(is_painted(packet, n));
			assert_int_equal(packet->flags, 0); /* it is ours */
			rig_done(rig, ways[way].rx);
		}
	}
	rig_free(rig);
}

static void buffers_are_filled_in_place(void **state)
{
	static const struct rig_config config = { .log2_size = 3,
						  .headroom = 64,
						  .index = 65534 };
	struct rig *rig = rig_new(&config);

	(void)state;
	for (size_t way = 0; way < ARRAY_LEN(ways); way++) {
		struct memif_queue *tx = rig->queue[ways[way].tx];
		struct memif_buffer buffer[20], again[20];

		assert_int_equal(memif_queue_reserve(tx, buffer, 20), 8);
		assert_int_equal(memif_queue_reserve(tx, again, 3), 3);
		assert_ptr_equal(buffer[2].data, again[2].data);
		assert_int_equal(buffer[0].len, 2048 - 64);
		paint(buffer[0].data, 1, 1984);
		buffer[0].next = true;
		for (uint32_t i = 0; i < 16; i++)
			buffer[1].data[i] =
				(uint8_t)(7 + 1984 + i + (1984 >> 8));
		buffer[1].len = 16;
		paint(buffer[2].data, 2, 99);
		buffer[2].len = 99;
		assert_int_equal(memif_queue_commit(tx, buffer, 3), 0);
		assert_int_equal(memif_queue_commit(tx, buffer, 1), -EINVAL);
		assert_int_equal(rig_receive(rig, ways[way].rx), 2);
		assert_int_equal(rig->batch->packet[0].len, 2000);
		assert_true(is_painted(&rig->batch->packet[0], 1));
		assert_int_equal(rig->batch->packet[1].len, 99);
		assert_true(is_painted(&rig->batch->packet[1], 2));
		rig_done(rig, ways[way].rx);
		assert_int_equal(
			counter_read(&rig->counters[ways[way].tx].packets), 2);
		assert_int_equal(
			counter_read(&rig->counters[ways[way].tx].bytes), 2099);
	}
	rig_free(rig);
}

static void bad_commits_are_refused(void **state)
{
	static const struct rig_config config = { .headroom = 64 };
	struct rig *rig = rig_new(&config);

	(void)state;
	for (size_t way = 0; way < ARRAY_LEN(ways); way++) {
		struct memif_queue *tx = rig->queue[ways[way].tx];
		struct memif_buffer good, buffer;
		bool is_client = way == 0;

		assert_int_equal(memif_queue_reserve(tx, &good, 1), 1);
		assert_int_equal(memif_queue_commit(tx, &good, 0), -EINVAL);
		assert_int_equal(memif_queue_commit(tx, &good, 2), -EINVAL);
		buffer = good;
		buffer.len = 0;
		assert_int_equal(memif_queue_commit(tx, &buffer, 1), -EINVAL);
		buffer.len = 1985;
		assert_int_equal(memif_queue_commit(tx, &buffer, 1), -EINVAL);
		buffer.len = UINT32_MAX;
		assert_int_equal(memif_queue_commit(tx, &buffer, 1), -EINVAL);
		buffer = good;
		buffer.next = true; /* nothing comes behind it */
		assert_int_equal(memif_queue_commit(tx, &buffer, 1), -EINVAL);
		buffer = good;
		buffer.data -= 65;
		buffer.len = 10;
		assert_int_equal(memif_queue_commit(tx, &buffer, 1), -EINVAL);
		buffer.data = good.data - 64; /* the client's headroom */
		assert_int_equal(memif_queue_commit(tx, &buffer, 1),
				 is_client ? 0 : -EINVAL);
		assert_int_equal(rig_receive(rig, ways[way].rx), is_client);
		if (is_client)
			rig_done(rig, ways[way].rx);
	}
	rig_free(rig);
}

/* Whether each buffer of the client is in just one place. */
static void check_buffers(const struct rig *rig)
{
	uint32_t size = 1u << rig->config.log2_size;
	uint8_t used[2 * 64] = { 0 };

	for (uint32_t i = 0; i < size; i++) {
		uint32_t off = memif_slot_read(&rig->ring[1].slot[i]).offset -
			       rig_buffers_offset(rig);

		assert_int_equal(off % 2048, 64);
		assert_true(off / 2048 < 2 * size);
		assert_int_equal(used[off / 2048]++, 0);
	}
}

static void a_client_forwards_by_swapping(void **state)
{
	static const struct rig_config config = { .log2_size = 4,
						  .headroom = 64 };
	struct rig *rig = rig_new(&config);
	struct memif_queue *rx = rig->queue[RIG_CLIENT_RX];
	struct memif_queue *tx = rig->queue[RIG_CLIENT_TX];
	uint32_t seed = 1, sent = 0, returned = 0;

	(void)state;
	while (returned < PACKETS) {
		uint32_t len = dice(&seed) % 5000 + 1;
		int n, r = 0;

		paint(bytes, sent, len);
		sent += (uint32_t)rig_send(rig, RIG_SERVER_TX, bytes, len);
		if (dice(&seed) % 2)
			continue;
		n = rig_receive(rig, RIG_CLIENT_RX);
		if (n > 0)
			r = memif_queue_swap(rx, rig->batch, 0, (uint32_t)n,
					     tx);
		assert_int_equal(r, n); /* there is always room for it */
		if (n > 0)
			rig_done(rig, RIG_CLIENT_RX);
		check_buffers(rig);
		n = rig_receive(rig, RIG_SERVER_RX);
		for (int i = 0; i < n; i++)
			assert_true(
				is_painted(&rig->batch->packet[i], returned++));
		if (n > 0)
			rig_done(rig, RIG_SERVER_RX);
	}
	rig_free(rig);
}

static void swapping_moves_no_byte(void **state)
{
	static const struct rig_config config = { 0 };
	struct rig *rig = rig_new(&config);
	struct memif_queue *rx = rig->queue[RIG_CLIENT_RX];
	struct memif_queue *tx = rig->queue[RIG_CLIENT_TX];
	struct iovec was;

	(void)state;
	assert_int_equal(rig_send(rig, RIG_SERVER_TX, bytes, 100), 1);
	assert_int_equal(rig_receive(rig, RIG_CLIENT_RX), 1);
	was = rig->batch->seg[0];
	/* A program may cut off headers, or put some in front. */
	rig->batch->seg[0].iov_base = (uint8_t *)was.iov_base + 14;
	rig->batch->seg[0].iov_len -= 14;
	assert_int_equal(memif_queue_swap(rx, rig->batch, 0, 1, tx), 1);
	/* It is gone, and cannot be sent again. */
	assert_int_equal(memif_queue_swap(rx, rig->batch, 0, 1, tx), -EINVAL);
	assert_int_equal(memif_queue_swap(rx, rig->batch, 1, 1, tx), -EINVAL);
	assert_int_equal(memif_queue_swap(rx, rig->batch, 0, 2, tx), -EINVAL);
	rig_done(rig, RIG_CLIENT_RX);
	assert_int_equal(rig_receive(rig, RIG_SERVER_RX), 1);
	assert_int_equal(rig->batch->packet->len, 86);
	assert_int_equal((uint8_t *)rig->batch->seg[0].iov_base -
				 rig->server.region[0].base,
			 (uint8_t *)was.iov_base + 14 -
				 rig->client.region[0].base);
	rig_done(rig, RIG_SERVER_RX);
	assert_int_equal(memif_queue_swap(rig->queue[RIG_SERVER_RX], rig->batch,
					  0, 0, tx),
			 -EINVAL);
	rig_free(rig);
}

/* Sends n small packets, and receives them if asked. */
static void pass(struct rig *rig, uint32_t n, bool receive)
{
	struct vif_packet packet[64];
	struct iovec seg[64];

	for (uint32_t i = 0; i < n; i++)
		packet[i] = rig_packet(&seg[i], bytes, 60);
	assert_int_equal(memif_queue_tx(rig->queue[RIG_CLIENT_TX], packet, n),
			 n);
	if (!receive)
		return;
	assert_int_equal(rig_receive(rig, RIG_SERVER_RX), n);
	rig_done(rig, RIG_SERVER_RX);
}

/* How many buffers the slots of the client refer to by now. */
static uint32_t count_buffers(const struct rig *rig)
{
	uint8_t used[64] = { 0 };
	uint32_t n = 0;

	for (uint32_t i = 0; i < 64; i++) {
		struct memif_desc desc = memif_slot_read(&rig->ring[0].slot[i]);
		uint32_t at = (desc.offset - rig_buffers_offset(rig)) / 2048;

		assert_true(at < 64);
		n += used[at]++ == 0;
	}
	return n;
}

static void buffers_that_came_back_go_out_first(void **state)
{
	static const struct rig_config config = { .log2_size = 6,
						  .index = 65400 };
	struct rig *rig = rig_new(&config);
	uint32_t seed = 7;

	(void)state;
	for (int i = 0; i < 100; i++)
		pass(rig, 4, true);
	/* Four are in use, and four are just coming back. */
	assert_in_range(count_buffers(rig), 4, 8);
	for (int i = 0; i < 300; i++) {
		for (int n = 0; n < 7; n++)
			pass(rig, dice(&seed) % 64 + 1, true);
		/* With all slots in use each has one of its own. */
		pass(rig, 40, false);
		pass(rig, 24, false);
		assert_int_equal(count_buffers(rig), 64);
		assert_int_equal(rig_receive(rig, RIG_SERVER_RX), 64);
		rig_done(rig, RIG_SERVER_RX);
	}
	rig_free(rig);
}

static void buffers_may_lie_apart(void **state)
{
	static const struct rig_config config = { .log2_size = 2,
						  .stride = MEMIF_STRIDE(2048),
						  .headroom = 64 };
	struct rig *rig = rig_new(&config);

	(void)state;
	assert_int_equal(MEMIF_STRIDE(2048), 2112);
	assert_int_equal(MEMIF_STRIDE(2049), 2112);
	assert_int_equal(MEMIF_STRIDE(64), 64);
	for (uint32_t i = 0; i < 4; i++) {
		struct memif_desc desc = memif_slot_read(&rig->ring[1].slot[i]);

		assert_int_equal(desc.length, 1984);
		assert_int_equal(desc.offset,
				 rig_buffers_offset(rig) + (4 + i) * 2112 + 64);
	}
	rig_free(rig);
}

static void impossible_queues_are_refused(void **state)
{
	static const struct rig_config rig_config = { .log2_size = 4 };
	struct rig *rig = rig_new(&rig_config);
	struct memif_queue *queue = NULL;
	struct memif_queue_config good = rig_queue_config(rig, RIG_CLIENT_TX);
	struct memif_queue_config config;

	(void)state;
#define REFUSE(field, value)  \
	config = good;        \
	config.field = value; \
	assert_int_equal(memif_queue_new(&config, &queue), -EINVAL)
	REFUSE(regions, NULL);
	REFUSE(counters, NULL);
	REFUSE(region, 1);
	REFUSE(offset, 8);
	REFUSE(offset, (uint32_t)rig->client.region[0].size);
	REFUSE(line, 63);
	REFUSE(log2_size, 0);
	REFUSE(log2_size, 16);
	REFUSE(buffer_region, 1);
	REFUSE(buffer_size, 63);
	REFUSE(headroom, 2048 - 63);
	REFUSE(headroom, UINT32_MAX);
	REFUSE(buffer_offset, rig->client.region[0].size);
	REFUSE(buffer_offset, UINT64_MAX);
	REFUSE(buffer_size, UINT32_MAX);
	REFUSE(buffer_stride, 2047);
	REFUSE(buffer_stride, UINT32_MAX);
	REFUSE(len_max, VIF_PACKET_LEN_MAX + 1);
#undef REFUSE
	assert_null(queue);
	rig_free(rig);
}

/* What is left in a ring when a connection ends. */

static const uint16_t left_lengths[] = { 60, 2048, 5000, 2049, 1, 9000 };

static uint64_t stopped(const struct rig *rig, enum rig_end end)
{
	return counter_read(&rig->counters[end].drops[VIF_DROP_STOPPED]);
}

/* Packets of one slot and of several, one by one, across the wrap. */
static void left_is_what_nobody_took(void **state)
{
	(void)state;
	for (size_t way = 0; way < ARRAY_LEN(ways); way++) {
		const struct rig_config config = { .index = 65530,
						   .is_prompt = true };
		struct rig *rig = rig_new(&config);
		struct memif_queue *tx = rig->queue[ways[way].tx];
		struct memif_queue *rx = rig->queue[ways[way].rx];
		const uint32_t n = ARRAY_LEN(left_lengths);

		assert_int_equal(memif_queue_left(tx), 0);
		assert_int_equal(memif_queue_left(rx), 0);
		for (uint32_t i = 0; i < n; i++) {
			assert_int_equal(rig_send(rig, ways[way].tx, bytes,
						  left_lengths[i]),
					 1);
			assert_int_equal(memif_queue_left(tx), i + 1);
			assert_int_equal(memif_queue_left(rx), i + 1);
		}
		rig->batch->n_max = 2;
		assert_int_equal(rig_receive(rig, ways[way].rx), 2);
		assert_int_equal(memif_queue_left(rx), n - 2);
		/* Lent is not given back. */
		assert_int_equal(memif_queue_left(tx), n);
		rig_done(rig, ways[way].rx);
		assert_int_equal(memif_queue_left(tx), n - 2);
		memif_queue_write_off(rx);
		memif_queue_write_off(tx);
		memif_queue_write_off(tx);
		assert_int_equal(stopped(rig, ways[way].rx), n - 2);
		assert_int_equal(stopped(rig, ways[way].tx), n - 2);
		rig_free(rig);
	}
}

/* Whatever the peer writes, no more is counted than a ring holds. */
static void left_is_bounded_by_the_ring(void **state)
{
	const struct rig_config config = { .is_prompt = true };
	struct rig *rig = rig_new(&config);

	(void)state;
	for (int end = 0; end < RIG_ENDS; end++) {
		struct memif_queue *queue = rig->queue[end];
		bool is_client = end == RIG_CLIENT_TX || end == RIG_CLIENT_RX;
		const struct memif_ring *ring =
			&rig->ring[rig_direction((enum rig_end)end)];
		_Atomic uint16_t *theirs = is_client ? ring->tail : ring->head;
		uint32_t n_lie = 0;

		for (uint32_t index = 0; index <= UINT16_MAX; index++) {
			atomic_store(theirs, (uint16_t)index);
			assert_true(memif_queue_left(queue) <= 16);
			n_lie += memif_queue_left(queue) > 0;
		}
		/* Sixteen of all, but for a server that has sent nothing. */
		assert_int_equal(n_lie, end == RIG_SERVER_TX ? 0 : 16);
		/* A queue that has seen through it says nothing. */
		atomic_store(theirs, 1000);
		assert_int_equal(
			end == RIG_CLIENT_TX || end == RIG_SERVER_TX ?
				rig_send(rig, (enum rig_end)end, bytes, 60) :
				rig_receive(rig, (enum rig_end)end),
			-EPROTO);
		atomic_store(theirs, 1);
		assert_int_equal(memif_queue_left(queue), 0);
		memif_queue_write_off(queue);
		assert_int_equal(stopped(rig, (enum rig_end)end), 0);
	}
	rig_free(rig);
}

/* Others keep slots for a while that they have read, so nothing is known. */
static void left_to_a_slow_client_is_unknown(void **state)
{
	const struct rig_config config = { .is_prompt = false };
	struct rig *rig = rig_new(&config);

	(void)state;
	assert_int_equal(rig_send(rig, RIG_SERVER_TX, bytes, 60), 1);
	assert_int_equal(memif_queue_left(rig->queue[RIG_SERVER_TX]), 0);
	assert_int_equal(memif_queue_left(rig->queue[RIG_CLIENT_RX]), 1);
	rig_free(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_packet_arrives),
		cmocka_unit_test(each_length_is_copied_exactly),
		cmocka_unit_test(a_full_ring_takes_no_more),
		cmocka_unit_test(what_cannot_be_sent_is_dropped),
		cmocka_unit_test(slots_are_made_ready_for_the_next_lap),
		cmocka_unit_test(a_client_offers_all_its_buffers),
		cmocka_unit_test(headers_of_chains_are_pulled_up),
		cmocka_unit_test(too_many_pieces_are_copied_whole),
		cmocka_unit_test(buffers_are_filled_in_place),
		cmocka_unit_test(bad_commits_are_refused),
		cmocka_unit_test(a_client_forwards_by_swapping),
		cmocka_unit_test(swapping_moves_no_byte),
		cmocka_unit_test(buffers_that_came_back_go_out_first),
		cmocka_unit_test(buffers_may_lie_apart),
		cmocka_unit_test(impossible_queues_are_refused),
		cmocka_unit_test(left_is_what_nobody_took),
		cmocka_unit_test(left_is_bounded_by_the_ring),
		cmocka_unit_test(left_to_a_slow_client_is_unknown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
