/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of what a peer can do wrong on a ring, one thing at a time: the link
 * ends with the right reason, or goes on where that was asked for.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/bits.h"
#include "port/memif/queue.h"
#include "tests/memif_rig.h"

static uint8_t bytes[8192];

static const enum rig_end peer_of[] = {
	[RIG_CLIENT_TX] = RIG_SERVER_RX,
	[RIG_SERVER_RX] = RIG_CLIENT_TX,
	[RIG_SERVER_TX] = RIG_CLIENT_RX,
	[RIG_CLIENT_RX] = RIG_SERVER_TX,
};

static const struct memif_ring *ring_of(const struct rig *rig, enum rig_end end)
{
	return &rig->ring[rig_direction(end)];
}

/* The index that the peer of this end writes. */
static _Atomic uint16_t *index_of_peer(const struct rig *rig, enum rig_end end)
{
	bool is_client = end == RIG_CLIENT_TX || end == RIG_CLIENT_RX;

	return is_client ? ring_of(rig, end)->tail : ring_of(rig, end)->head;
}

static bool is_sender(enum rig_end end)
{
	return end == RIG_CLIENT_TX || end == RIG_SERVER_TX;
}

/* Makes the end look at its ring. Returns what it says. */
static int use(struct rig *rig, enum rig_end end)
{
	int r;

	if (is_sender(end))
		return rig_send(rig, end, bytes, 60);
	r = rig_receive(rig, end);
	if (r > 0)
		rig_done(rig, end);
	return r;
}

static uint64_t faults(const struct rig *rig, enum rig_end end,
		       enum memif_fault fault)
{
	return counter_read(
		&memif_queue_counters(rig->queue[end])->fault[fault]);
}

static uint64_t skipped(const struct rig *rig, enum rig_end end)
{
	return counter_read(&memif_queue_counters(rig->queue[end])->skipped);
}

/* The link has ended, for this reason, and nothing moves any more. */
static void expect_end(struct rig *rig, enum rig_end end,
		       enum memif_fault fault)
{
	uint16_t head, tail;

	assert_int_equal(use(rig, end), -EPROTO);
	head = memif_ring_look(ring_of(rig, end)->head);
	tail = memif_ring_look(ring_of(rig, end)->tail);
	assert_int_equal(memif_queue_fault(rig->queue[end]), fault);
	assert_int_equal(faults(rig, end, fault), 1);
	assert_int_equal(use(rig, end), -EPROTO);
	assert_int_equal(faults(rig, end, fault), 1);
	assert_int_equal(memif_queue_arm(rig->queue[end]), 0);
	assert_int_equal(memif_ring_look(ring_of(rig, end)->head), head);
	assert_int_equal(memif_ring_look(ring_of(rig, end)->tail), tail);
}

static void every_fault_has_words(void **state)
{
	(void)state;
	for (int i = 0; i < MEMIF_FAULT_N; i++) {
		assert_true(strlen(memif_fault_name((enum memif_fault)i)) > 3);
		assert_true(strlen(memif_fault_text((enum memif_fault)i)) > 7);
	}
	assert_string_equal(memif_fault_name(MEMIF_FAULT_INDEX), "index");
	assert_string_equal(memif_fault_name(MEMIF_FAULT_N), "?");
	assert_string_equal(memif_fault_text(MEMIF_FAULT_N), "?");
}

/* Each wrong value of the peer's index, and none of the right ones. */
static void wrong_indices_end_the_link(void **state)
{
	static const uint16_t starts[] = { 0, 5, 65530, 65535 };

	(void)state;
	for (size_t s = 0; s < ARRAY_LEN(starts); s++) {
		for (int e = 0; e < RIG_ENDS; e++) {
			const struct rig_config config = { .log2_size = 4,
							   .index = starts[s] };
			enum rig_end end = (enum rig_end)e;
			struct rig *rig = rig_new(&config);
			uint16_t was = memif_ring_look(index_of_peer(rig, end));
			/* How far the peer may be ahead of that. */
			uint16_t most = is_sender(end) ? 0 : 16;

			memif_ring_give(index_of_peer(rig, end),
					(uint16_t)(was + most + 1));
			expect_end(rig, end, MEMIF_FAULT_INDEX);
			rig_free(rig);
			rig = rig_new(&config);
			memif_ring_give(index_of_peer(rig, end),
					(uint16_t)(was - 17));
			expect_end(rig, end, MEMIF_FAULT_INDEX);
			rig_free(rig);
			rig = rig_new(&config);
			memif_ring_give(index_of_peer(rig, end),
					(uint16_t)(was + most));
			(void)use(rig, end);
			assert_int_not_equal(memif_queue_fault(rig->queue[end]),
					     MEMIF_FAULT_INDEX);
			rig_free(rig);
		}
	}
}

static void resync_follows_a_wrong_index(void **state)
{
	static const struct rig_config config = { .log2_size = 4,
						  .resync = true };

	(void)state;
	for (int e = 0; e < RIG_ENDS; e++) {
		enum rig_end end = (enum rig_end)e;
		struct rig *rig = rig_new(&config);

		memif_ring_give(index_of_peer(rig, end), 1000);
		assert_true(use(rig, end) >= 0);
		assert_int_equal(memif_queue_fault(rig->queue[end]), 0);
		assert_int_equal(faults(rig, end, MEMIF_FAULT_INDEX), 1);
		if (!is_sender(end))
			assert_int_equal(skipped(rig, end), 1000);
		/* And works on from there. */
		assert_true(use(rig, end) >= 0);
		assert_int_equal(faults(rig, end, MEMIF_FAULT_INDEX), 1);
		assert_int_equal(
			memif_ring_distance(
				memif_ring_look(ring_of(rig, end)->head),
				memif_ring_look(ring_of(rig, end)->tail)) <= 16,
			1);
		rig_free(rig);
	}
}

/* A packet of the peer in slot 0, and what is wrong with its descriptor. */
struct lie {
	enum rig_end end;
	struct memif_desc desc;
	enum memif_fault fault;
};

/* The region has 2 MiB less than 4 GiB behind it: offsets that wrap. */
static const struct lie lies[] = {
	{ RIG_SERVER_RX, { 0, 1, 60, 0, 0 }, MEMIF_FAULT_REGION },
	{ RIG_SERVER_RX, { 0, 255, 60, 0, 0 }, MEMIF_FAULT_REGION },
	{ RIG_SERVER_RX, { 0, 65535, 60, 0, 0 }, MEMIF_FAULT_REGION },
	{ RIG_SERVER_RX, { 0, 0, 60, 0xffffffff, 0 }, MEMIF_FAULT_BOUNDS },
	{ RIG_SERVER_RX, { 0, 0, 60, 0xffffffc4, 0 }, MEMIF_FAULT_BOUNDS },
	{ RIG_SERVER_RX, { 0, 0, 0xffffffff, 0, 0 }, MEMIF_FAULT_BOUNDS },
	{ RIG_SERVER_RX, { 0, 0, 0xffffffff, 1, 0 }, MEMIF_FAULT_BOUNDS },
	{ RIG_SERVER_RX, { 1, 1, 60, 0, 0 }, MEMIF_FAULT_REGION },
	{ RIG_SERVER_TX, { 0, 1, 2048, 0, 0 }, MEMIF_FAULT_REGION },
	{ RIG_SERVER_TX, { 0, 65535, 2048, 0, 0 }, MEMIF_FAULT_REGION },
	{ RIG_SERVER_TX, { 0, 0, 2048, 0xffffffff, 0 }, MEMIF_FAULT_BOUNDS },
	{ RIG_SERVER_TX, { 0, 0, 0xffffffff, 4096, 0 }, MEMIF_FAULT_BOUNDS },
	{ RIG_SERVER_TX, { 0, 0, 0, 4096, 0 }, MEMIF_FAULT_BUFFER },
	{ RIG_SERVER_TX, { 0, 0, 63, 4096, 0 }, MEMIF_FAULT_BUFFER },
	{ RIG_CLIENT_RX, { 0, 0, 2049, 4096, 0 }, MEMIF_FAULT_LENGTH },
	{ RIG_CLIENT_RX, { 0, 0, 0xffffffff, 0, 0 }, MEMIF_FAULT_LENGTH },
	{ RIG_CLIENT_RX, { 1, 0, 2049, 0, 0 }, MEMIF_FAULT_LENGTH },
};

static void tell(struct rig *rig, const struct lie *lie)
{
	const struct memif_ring *ring = ring_of(rig, lie->end);

	memif_slot_write(&ring->slot[0], &lie->desc);
	if (!is_sender(lie->end))
		memif_ring_give(index_of_peer(rig, lie->end), 1);
}

static void wrong_descriptors_end_the_link(void **state)
{
	static const struct rig_config config = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lies); i++) {
		struct rig *rig = rig_new(&config);

		tell(rig, &lies[i]);
		expect_end(rig, lies[i].end, lies[i].fault);
		rig_free(rig);
	}
}

/* Bytes at the very end of a region are still in it. */
static void the_end_of_a_region_counts(void **state)
{
	static const struct rig_config config = { 0 };

	(void)state;
	for (uint32_t beyond = 0; beyond < 2; beyond++) {
		struct rig *rig = rig_new(&config);
		uint32_t size = (uint32_t)rig->client.region[0].size;
		struct memif_desc desc = { 0, 0, 100, size - 100 + beyond, 0 };

		memif_slot_write(&rig->ring[0].slot[0], &desc);
		memif_ring_give(rig->ring[0].head, 1);
		assert_int_equal(use(rig, RIG_SERVER_RX), beyond ? -EPROTO : 1);
		memif_slot_write(&rig->ring[1].slot[0], &desc);
		assert_int_equal(use(rig, RIG_SERVER_TX), beyond ? -EPROTO : 1);
		rig_free(rig);
	}
}

static void resync_skips_what_was_received(void **state)
{
	static const struct rig_config config = { .resync = true };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lies); i++) {
		enum rig_end end = lies[i].end;
		struct rig *rig = rig_new(&config);

		tell(rig, &lies[i]);
		/* A slot that cannot be filled is the end all the same. */
		if (is_sender(end)) {
			expect_end(rig, end, lies[i].fault);
			rig_free(rig);
			continue;
		}
		assert_int_equal(use(rig, end), 0);
		assert_int_equal(faults(rig, end, lies[i].fault), 1);
		assert_int_equal(skipped(rig, end), 1);
		assert_int_equal(memif_queue_fault(rig->queue[end]), 0);
		rig_free(rig);
	}
}

/* What came before the lie is delivered, and the lie is found after it. */
static void honest_packets_come_first(void **state)
{
	static const struct rig_config config = { 0 };
	static const enum rig_end ends[] = { RIG_SERVER_RX, RIG_CLIENT_RX };
	struct memif_desc lie = { 0, 9, 0xffff, 0xffffffff, 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		struct rig *rig = rig_new(&config);
		const struct memif_ring *ring = ring_of(rig, ends[i]);

		for (int n = 0; n < 3; n++)
			assert_int_equal(
				rig_send(rig, peer_of[ends[i]], bytes, 60), 1);
		memif_slot_write(&ring->slot[2], &lie);
		assert_int_equal(rig_receive(rig, ends[i]), 2);
		rig_done(rig, ends[i]);
		assert_int_equal(rig_receive(rig, ends[i]), -EPROTO);
		rig_free(rig);
	}
}

/* Slots full of NEXT, as many as the peer has published. */
static void publish_chain(struct rig *rig, enum rig_end end, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		struct memif_desc desc =
			memif_slot_read(&ring_of(rig, end)->slot[i]);

		desc.flags = MEMIF_DESC_NEXT;
		desc.length = 200;
		desc.offset = rig_buffers_offset(rig);
		memif_slot_write(&ring_of(rig, end)->slot[i], &desc);
	}
	memif_ring_give(index_of_peer(rig, end), (uint16_t)n);
}

static void a_chain_without_end_waits_while_there_is_room(void **state)
{
	static const struct rig_config config = { .spins = 3 };
	static const enum rig_end ends[] = { RIG_SERVER_RX, RIG_CLIENT_RX };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		struct rig *rig = rig_new(&config);
		struct memif_queue *queue = rig->queue[ends[i]];
		struct memif_desc last = { 0, 0, 50, 0, 0 };
		int n = 0;

		publish_chain(rig, ends[i], 15);
		assert_int_equal(rig_receive(rig, ends[i]), 0);
		assert_int_equal(memif_queue_fault(queue), 0);
		/* Nobody polls for ever because of it. */
		while (memif_queue_arm(queue) > 0)
			assert_true(++n < 10);
		last.offset = rig_buffers_offset(rig);
		memif_slot_write(&ring_of(rig, ends[i])->slot[15], &last);
		memif_ring_give(index_of_peer(rig, ends[i]), 16);
		assert_int_equal(memif_queue_arm(queue), 1);
		assert_int_equal(rig_receive(rig, ends[i]), 1);
		assert_int_equal(rig->batch->packet->len, 15 * 200 + 50);
		rig_done(rig, ends[i]);
		rig_free(rig);
	}
}

static void a_chain_that_fills_the_ring_ends_the_link(void **state)
{
	static const enum rig_end ends[] = { RIG_SERVER_RX, RIG_CLIENT_RX };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		struct rig_config config = { 0 };
		struct rig *rig = rig_new(&config);

		publish_chain(rig, ends[i], 16);
		expect_end(rig, ends[i], MEMIF_FAULT_CHAIN);
		rig_free(rig);
		config.resync = true;
		rig = rig_new(&config);
		publish_chain(rig, ends[i], 16);
		assert_int_equal(rig_receive(rig, ends[i]), 0);
		assert_int_equal(skipped(rig, ends[i]), 16);
		assert_int_equal(faults(rig, ends[i], MEMIF_FAULT_CHAIN), 1);
		assert_int_equal(rig_receive(rig, ends[i]), 0);
		rig_free(rig);
	}
}

static void packets_may_be_too_long_or_empty(void **state)
{
	static const struct rig_config config = { .log2_size = 6 };
	static const enum rig_end ends[] = { RIG_SERVER_RX, RIG_CLIENT_RX };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		struct rig *rig = rig_new(&config);
		struct memif_desc desc = { 0, 0, 0, 0, 0 };
		const struct port_counters *counters = &rig->counters[ends[i]];

		/* 33 slots of 2048 bytes, then one without, then a good one. */
		desc.offset = rig_buffers_offset(rig);
		for (uint32_t n = 0; n < 35; n++) {
			desc.flags = n < 32 ? MEMIF_DESC_NEXT : 0;
			desc.length = n == 33 ? 0 : n == 34 ? 60 : 2048;
			memif_slot_write(&ring_of(rig, ends[i])->slot[n],
					 &desc);
		}
		memif_ring_give(index_of_peer(rig, ends[i]), 35);
		assert_int_equal(rig_receive(rig, ends[i]), 1);
		assert_int_equal(rig->batch->packet->len, 60);
		rig_done(rig, ends[i]);
		assert_int_equal(
			counter_read(&counters->drops[VIF_DROP_TOO_LONG]), 1);
		assert_int_equal(
			counter_read(&memif_queue_counters(rig->queue[ends[i]])
					      ->empty),
			1);
		assert_int_equal(memif_queue_fault(rig->queue[ends[i]]), 0);
		rig_free(rig);
	}
}

/* A slot without bytes within a chain is no piece. */
static void empty_slots_of_chains_are_left_out(void **state)
{
	static const struct rig_config config = { 0 };
	struct rig *rig = rig_new(&config);
	struct memif_desc desc = { MEMIF_DESC_NEXT, 0, 200, 0, 0 };

	(void)state;
	desc.offset = rig_buffers_offset(rig);
	memif_slot_write(&rig->ring[0].slot[0], &desc);
	desc.length = 0;
	memif_slot_write(&rig->ring[0].slot[1], &desc);
	desc.length = 300;
	desc.flags = 0;
	memif_slot_write(&rig->ring[0].slot[2], &desc);
	memif_ring_give(rig->ring[0].head, 3);
	assert_int_equal(rig_receive(rig, RIG_SERVER_RX), 1);
	assert_int_equal(rig->batch->packet->n_seg, 2);
	assert_int_equal(rig->batch->packet->len, 500);
	rig_done(rig, RIG_SERVER_RX);
	rig_free(rig);
}

/*
 * A server that writes into slots what is not its business, or a client whose
 * own slots are rewritten: private tables know better.
 */
static void a_client_does_not_read_back_its_geometry(void **state)
{
	static const struct rig_config config = { .log2_size = 2 };
	struct rig *rig = rig_new(&config);

	(void)state;
	for (int lap = 0; lap < 3; lap++) {
		struct memif_desc lie = { 0, 77, 60, 0xfffffff0, 9 };

		for (uint32_t i = 0; i < 4; i++) {
			memif_slot_write(&rig->ring[1].slot[i], &lie);
			memif_slot_write(&rig->ring[0].slot[i], &lie);
		}
		memif_ring_give(rig->ring[1].tail, (uint16_t)(4 * lap + 4));
		assert_int_equal(rig_receive(rig, RIG_CLIENT_RX), 4);
		for (uint32_t i = 0; i < 4; i++)
			assert_ptr_equal(rig->batch->seg[i].iov_base,
					 rig->client.region[0].base +
						 rig_buffers_offset(rig) +
						 (4 + (size_t)i) * 2048);
		rig_done(rig, RIG_CLIENT_RX);
		assert_int_equal(memif_slot_read(&rig->ring[1].slot[3]).offset,
				 rig_buffers_offset(rig) + 7 * 2048);
		for (int i = 0; i < 4; i++)
			assert_int_equal(
				rig_send(rig, RIG_CLIENT_TX, bytes, 60), 1);
		assert_int_equal(rig_receive(rig, RIG_SERVER_RX), 4);
		rig_done(rig, RIG_SERVER_RX);
	}
	rig_free(rig);
}

/* Our own index, as it is in shared memory, is not read. */
static void our_own_index_is_ours(void **state)
{
	static const struct rig_config config = { 0 };

	(void)state;
	for (int e = 0; e < RIG_ENDS; e++) {
		enum rig_end end = (enum rig_end)e;
		struct rig *rig = rig_new(&config);
		const struct memif_ring *ring = ring_of(rig, end);
		_Atomic uint16_t *own = index_of_peer(rig, end) == ring->head ?
						ring->tail :
						ring->head;

		if (!is_sender(end))
			assert_int_equal(rig_send(rig, peer_of[end], bytes, 60),
					 1);
		memif_ring_give(own, 0x5555);
		assert_int_equal(use(rig, end), 1);
		/* It is written anew. */
		assert_int_equal(memif_ring_look(own),
				 end == RIG_CLIENT_RX ? 17 : 1);
		rig_free(rig);
	}
}

/* Buffers of different sizes, and in an order of the client's liking. */
static void a_server_uses_what_it_is_offered(void **state)
{
	static const struct rig_config config = { .log2_size = 2 };
	struct rig *rig = rig_new(&config);
	static const uint32_t room[] = { 64, 1000, 65, 2048 };

	(void)state;
	for (uint32_t i = 0; i < 4; i++) {
		struct memif_desc desc = { 1, 0, room[i], 0, 0 };

		desc.offset = rig_buffers_offset(rig) + (3 - i) * 2048;
		memif_slot_write(&rig->ring[1].slot[i], &desc);
	}
	for (uint32_t i = 0; i < 2000; i++)
		bytes[i] = (uint8_t)i;
	assert_int_equal(rig_send(rig, RIG_SERVER_TX, bytes, 1200), 1);
	for (uint32_t i = 0, at = 0; i < 4; i++) {
		struct memif_desc desc = memif_slot_read(&rig->ring[1].slot[i]);
		uint32_t want = i == 3 ? 1200 - 1129 : room[i];

		assert_int_equal(desc.length, want);
		assert_int_equal(desc.flags, i < 3 ? MEMIF_DESC_NEXT : 0);
		assert_int_equal(desc.offset,
				 rig_buffers_offset(rig) + (3 - i) * 2048);
		assert_memory_equal(rig->client.region[0].base + desc.offset,
				    bytes + at, want);
		at += want;
	}
	rig_free(rig);
}

/* The peer takes its memory away; only this link dies of it. */
static void memory_that_shrinks_ends_the_link(void **state)
{
	static const struct rig_config config = { .is_unsealed = true };

	(void)state;
	for (int e = 0; e < RIG_ENDS; e++) {
		enum rig_end end = (enum rig_end)e;
		struct rig *rig = rig_new(&config), *other = rig_new(&config);
		int n = 0, r;

		if (!is_sender(end))
			assert_int_equal(rig_send(rig, peer_of[end], bytes, 60),
					 1);
		assert_int_equal(ftruncate(rig->client.region[0].fd, 0), 0);
		do
			r = use(rig, end);
		while (r >= 0 && ++n < 3);
		assert_int_equal(r, -EPROTO);
		assert_int_equal(memif_queue_fault(rig->queue[end]),
				 MEMIF_FAULT_MEMORY);
		assert_int_equal(faults(rig, end, MEMIF_FAULT_MEMORY), 1);
		assert_true(use(other, end) >= 0);
		assert_int_equal(memif_queue_fault(other->queue[end]), 0);
		rig_free(other);
		rig_free(rig);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_fault_has_words),
		cmocka_unit_test(wrong_indices_end_the_link),
		cmocka_unit_test(resync_follows_a_wrong_index),
		cmocka_unit_test(wrong_descriptors_end_the_link),
		cmocka_unit_test(the_end_of_a_region_counts),
		cmocka_unit_test(resync_skips_what_was_received),
		cmocka_unit_test(honest_packets_come_first),
		cmocka_unit_test(a_chain_without_end_waits_while_there_is_room),
		cmocka_unit_test(a_chain_that_fills_the_ring_ends_the_link),
		cmocka_unit_test(packets_may_be_too_long_or_empty),
		cmocka_unit_test(empty_slots_of_chains_are_left_out),
		cmocka_unit_test(a_client_does_not_read_back_its_geometry),
		cmocka_unit_test(our_own_index_is_ours),
		cmocka_unit_test(a_server_uses_what_it_is_offered),
		cmocka_unit_test(memory_that_shrinks_ends_the_link),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
