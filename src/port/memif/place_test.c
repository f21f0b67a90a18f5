/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of packets that are put where a sender wants them, and of buffers in a
 * row.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "port/memif/queue_inner.h"
#include "port/memif/ride.h"
#include "tests/memif_rig.h"
#include "tests/super.h"

enum place_facts {
	LARGE = 60000,
	SLOTS = 128,
	HEAD = VIF_PACKET_HDR_MAX,
	PIECES = SLOTS,
};

static const struct {
	enum rig_end tx, rx;
} ways[] = {
	{ RIG_CLIENT_TX, RIG_SERVER_RX },
	{ RIG_SERVER_TX, RIG_CLIENT_RX },
};

static const struct rig_config in_a_row = { .log2_size = 7,
					    .ride = MEMIF_RIDE_ALL };

static uint8_t byte_of(uint32_t seed, uint32_t i)
{
	return (uint8_t)(seed * 31 + i * 7 + (i >> 8));
}

static void fill(uint8_t *to, uint32_t seed, uint32_t from, uint32_t len)
{
	for (uint32_t i = 0; i < len; i++)
		to[i] = byte_of(seed, from + i);
}

static bool holds(const struct vif_packet *packet, uint32_t seed)
{
	uint32_t at = 0;

	for (uint16_t i = 0; i < packet->n_seg; i++) {
		const uint8_t *data = packet->seg[i].iov_base;

		for (size_t j = 0; j < packet->seg[i].iov_len; j++, at++)
			if (data[j] != byte_of(seed, at))
				return false;
	}
	return at == packet->len;
}

/* A packet as a source makes one: headers of its own, the rest in its place. */
struct placed {
	uint8_t head[HEAD];
	struct iovec seg[PIECES + 1];
	struct vif_packet packet;
};

/* Puts a packet there. Returns how many pieces it takes. */
static uint32_t put(struct placed *placed, const struct iovec *piece,
		    uint32_t seed, uint32_t len)
{
	uint32_t at = 0, n = 0;

	fill(placed->head, seed, 0, HEAD);
	placed->seg[0] = (struct iovec){ placed->head, HEAD };
	placed->packet = (struct vif_packet){ .seg = placed->seg,
					      .len = len,
					      .n_seg = 1,
					      .flags = VIF_PACKET_HOSTILE };
	for (; at < len; n++) {
		uint32_t part = (uint32_t)piece[n].iov_len;
		uint32_t skip = at == 0 ? HEAD : 0;
		uint8_t *data = (uint8_t *)piece[n].iov_base + skip;

		part = part < len - at ? part : len - at;
		fill(data, seed, at + skip, part - skip);
		placed->seg[placed->packet.n_seg++] =
			(struct iovec){ data, part - skip };
		at += part;
	}
	return n;
}

/* Puts n packets there, one behind the other; number i holds seed + i. */
static void put_all(struct placed *placed, const struct iovec *piece,
		    uint32_t seed, const uint32_t *len,
		    struct vif_packet *ret_packet, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		piece += put(&placed[i], piece, seed + i, len[i]);
		ret_packet[i] = placed[i].packet;
	}
}

static uint32_t places(struct rig *rig, size_t way, struct iovec *piece)
{
	return memif_queue_places(rig->queue[ways[way].tx], piece, PIECES);
}

static int tx(struct rig *rig, size_t way, const struct vif_packet *packet,
	      uint32_t n)
{
	int r = memif_queue_tx(rig->queue[ways[way].tx], packet, n);

	memif_queue_places_end(rig->queue[ways[way].tx]);
	return r;
}

/* Where a pointer of that end points to in the memory both have. */
static size_t offset_of(const struct rig *rig, enum rig_end end,
			const void *data)
{
	bool is_client = end == RIG_CLIENT_TX || end == RIG_CLIENT_RX;
	const struct memif_regions *regions =
		is_client ? &rig->client : &rig->server;

	return (size_t)((const uint8_t *)data - regions->region[0].base);
}

static void what_is_in_place_stays_there(void **state)
{
	static struct placed placed[3];
	struct vif_packet packet[3];
	struct iovec piece[PIECES];

	(void)state;
	for (size_t way = 0; way < 2; way++) {
		struct rig *rig = rig_new(&in_a_row);

		for (uint32_t lap = 0; lap < 7; lap++) {
			uint32_t most = LARGE - 4000 * lap;
			const uint32_t len[] = { most, most + 1, most + 2 };

			assert_int_equal(places(rig, way, piece), SLOTS);
			put_all(placed, piece, lap, len, packet, 3);
			assert_int_equal(tx(rig, way, packet, 3), 3);
			assert_int_equal(rig_receive(rig, ways[way].rx), 3);
			for (uint32_t i = 0; i < 3; i++)
				assert_true(
					holds(&rig->batch->packet[i], lap + i));
			assert_int_equal(
				offset_of(
					rig, ways[way].rx,
					rig->batch->packet[0].seg[0].iov_base),
				offset_of(rig, ways[way].tx,
					  piece[0].iov_base));
			rig_done(rig, ways[way].rx);
		}
		rig_free(rig);
	}
}

/* What is dropped makes the next ones move up, over bytes of their own. */
static void dropped_ones_leave_no_gap(void **state)
{
	static const uint32_t len[] = { 3000, LARGE + 1, LARGE + 2 };
	static struct placed placed[3];
	struct vif_packet packet[3];
	struct iovec piece[PIECES];

	(void)state;
	for (size_t way = 0; way < 2; way++) {
		struct rig *rig = rig_new(&in_a_row);

		/* Near the end of the ring, so that one of them wraps. */
		for (uint32_t i = 0; i < SLOTS - 20; i++) {
			uint8_t small[64] = { 0 };

			assert_int_equal(rig_send(rig, ways[way].tx, small, 64),
					 1);
			assert_int_equal(rig_receive(rig, ways[way].rx), 1);
			rig_done(rig, ways[way].rx);
		}
		(void)places(rig, way, piece);
		put_all(placed, piece, 0, len, packet, 3);
		/* Offload state that no peer has agreed on. */
		packet[0].csum = VIF_CSUM_PARTIAL;
		packet[0].l4_off = 4000;
		assert_int_equal(tx(rig, way, packet, 3), 3);
		assert_int_equal(rig_receive(rig, ways[way].rx), 2);
		assert_true(holds(&rig->batch->packet[0], 1));
		assert_true(holds(&rig->batch->packet[1], 2));
		rig_done(rig, ways[way].rx);
		rig_free(rig);
	}
}

static void others_may_be_sent_in_between(void **state)
{
	static struct placed placed;
	static uint8_t bytes[LARGE];
	struct iovec piece[PIECES], seg;
	struct vif_packet packet[2];

	(void)state;
	for (size_t way = 0; way < 2; way++) {
		struct rig *rig = rig_new(&in_a_row);

		(void)places(rig, way, piece);
		(void)put(&placed, piece, 5, LARGE);
		fill(bytes, 6, 0, LARGE);
		/* First another one, whose bytes go where the first one is. */
		packet[1] = placed.packet;
		packet[0] = rig_packet(&seg, bytes, 100);
		memcpy(bytes, placed.head, HEAD);
		placed.packet.seg[0].iov_base = placed.head;
		assert_int_equal(tx(rig, way, &packet[1], 1), 1);
		(void)places(rig, way, piece);
		assert_int_equal(tx(rig, way, &packet[0], 1), 1);
		assert_int_equal(rig_receive(rig, ways[way].rx), 2);
		assert_true(holds(&rig->batch->packet[0], 5));
		assert_int_equal(rig->batch->packet[1].len, 100);
		rig_done(rig, ways[way].rx);
		rig_free(rig);
	}
}

static void room_for_less_than_one_is_none(void **state)
{
	static uint8_t bytes[64];
	struct iovec piece[PIECES];
	/* 33 buffers hold the longest packet. */
	static const struct rig_config small = { .log2_size = 5 },
				       tiny = { .log2_size = 10,
						.buffer_size = HEAD - 64 },
				       guarded = { .log2_size = 7,
						   .is_unsealed = true };

	(void)state;
	for (size_t way = 0; way < 2; way++) {
		struct rig *rig = rig_new(&in_a_row);
		uint32_t room = SLOTS;

		assert_int_equal(places(rig, way, piece), room);
		memif_queue_places_end(rig->queue[ways[way].tx]);
		for (; room >= 33; room--) {
			assert_int_equal(places(rig, way, piece), room);
			memif_queue_places_end(rig->queue[ways[way].tx]);
			assert_int_equal(rig_send(rig, ways[way].tx, bytes, 64),
					 1);
		}
		assert_int_equal(places(rig, way, piece), 0);
		rig_free(rig);
		rig = rig_new(&small);
		assert_int_equal(places(rig, way, piece), 0);
		rig_free(rig);
		rig = rig_new(&tiny); /* headers would be in two pieces */
		assert_int_equal(places(rig, way, piece), 0);
		rig_free(rig);
		/* A system call would fail that is told to fill it. */
		rig = rig_new(&guarded);
		assert_int_equal(places(rig, way, piece), 0);
		rig_free(rig);
	}
}

/* A peer that offers something odd finds out when packets are sent there. */
static void bad_offers_end_the_room(void **state)
{
	struct rig *rig = rig_new(&in_a_row);
	struct memif_desc desc = memif_slot_read(&rig->ring[1].slot[40]);
	struct iovec piece[PIECES];

	(void)state;
	desc.offset = UINT32_MAX - 100;
	memif_slot_write(&rig->ring[1].slot[40], &desc);
	assert_int_equal(places(rig, 1, piece), 40);
	memif_queue_places_end(rig->queue[RIG_SERVER_TX]);
	desc.offset = 0;
	desc.region = 9;
	memif_slot_write(&rig->ring[1].slot[20], &desc);
	assert_int_equal(places(rig, 1, piece), 0);
	rig_free(rig);
}

static bool is_in_a_row(const struct iovec *piece, uint32_t n)
{
	for (uint32_t i = 1; i < n; i++)
		if ((uint8_t *)piece[i - 1].iov_base + piece[i - 1].iov_len !=
		    piece[i].iov_base)
			return false;
	return true;
}

/* Small packets of a client mix its buffers up, for the cache. */
static void buffers_are_put_in_order_again(void **state)
{
	static uint8_t bytes[64];
	struct rig *rig = rig_new(&in_a_row);
	struct memif_queue *queue = rig->queue[RIG_CLIENT_TX];
	struct iovec piece[PIECES];
	uint8_t *first;

	(void)state;
	assert_int_equal(places(rig, 0, piece), SLOTS);
	first = piece[0].iov_base;
	assert_true(is_in_a_row(piece, SLOTS));
	memif_queue_places_end(queue);
	for (uint32_t i = 0; i < 2 * SLOTS; i++) {
		assert_int_equal(rig_send(rig, RIG_CLIENT_TX, bytes, 64), 1);
		assert_int_equal(rig_receive(rig, RIG_SERVER_RX), 1);
		rig_done(rig, RIG_SERVER_RX);
	}
	assert_true(queue->is_mixed);
	/* One is on its way: they stay as they are. */
	assert_int_equal(rig_send(rig, RIG_CLIENT_TX, bytes, 64), 1);
	assert_int_equal(places(rig, 0, piece), SLOTS - 1);
	memif_queue_places_end(queue);
	assert_true(queue->is_mixed);
	assert_int_equal(rig_receive(rig, RIG_SERVER_RX), 1);
	rig_done(rig, RIG_SERVER_RX);
	assert_int_equal(places(rig, 0, piece), SLOTS);
	assert_false(queue->is_mixed);
	/* The ring has gone round by one slot. */
	assert_ptr_equal(piece[SLOTS - 1].iov_base, first);
	assert_true(is_in_a_row(piece, SLOTS - 1));
	memif_queue_places_end(queue);
	rig_free(rig);
}

/* What crosses in buffers in a row comes out in one piece. */
static void pieces_in_a_row_are_joined(void **state)
{
	static uint8_t bytes[9000];
	static const struct {
		uint16_t ride;
		uint32_t stride;
		uint16_t n_seg;
	} cases[] = {
		{ MEMIF_RIDE_ALL, 2048, 1 },
		{ MEMIF_RIDE_ALL, 2112, 5 },
		/* Programs may forward slot by slot. */
		{ 0, 2048, 5 },
	};

	(void)state;
	fill(bytes, 3, 0, sizeof(bytes));
	for (size_t i = 0; i < 3; i++)
		for (size_t way = 0; way < 2; way++) {
			struct rig_config config = { .log2_size = 4,
						     .ride = cases[i].ride,
						     .stride =
							     cases[i].stride };
			struct rig *rig = rig_new(&config);

			/* The third one goes round the end of the ring. */
			for (int lap = 0; lap < 4; lap++) {
				bool wraps = lap == 3;

				assert_int_equal(rig_send(rig, ways[way].tx,
							  bytes, 9000),
						 1);
				assert_int_equal(rig_receive(rig, ways[way].rx),
						 1);
				assert_true(holds(rig->batch->packet, 3));
				assert_int_equal(rig->batch->packet->n_seg,
						 cases[i].n_seg == 1 && wraps ?
							 2 :
							 cases[i].n_seg);
				rig_done(rig, ways[way].rx);
			}
			rig_free(rig);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_in_place_stays_there),
		cmocka_unit_test(dropped_ones_leave_no_gap),
		cmocka_unit_test(others_may_be_sent_in_between),
		cmocka_unit_test(room_for_less_than_one_is_none),
		cmocka_unit_test(bad_offers_end_the_room),
		cmocka_unit_test(buffers_are_put_in_order_again),
		cmocka_unit_test(pieces_in_a_row_are_joined),
	};

	return cmocka_run_group_tests_name("memif_place", tests, NULL, NULL);
}
