/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of the memif ring. The order of sleeping and waking is checked
 * exhaustively by tests/model; here two threads try it.
 */
#include "ring/memif_ring.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/bits.h"

enum memif_ring_test_sizes {
	ROUNDS = 10000,
	TEARS = 100000,
	BYTES_MAX = 256 + (16 << MEMIF_RING_LOG2_MAX),
};

static const uint8_t lines[] = { 64, 128 };

struct fixture {
	struct memif_ring ring;
	uint8_t *bytes;
};

static struct fixture make(uint8_t line, uint8_t log2_size)
{
	struct fixture fixture;

	fixture.bytes = aligned_alloc(64, BYTES_MAX);
	assert_non_null(fixture.bytes);
	memset(fixture.bytes, 0xa5, BYTES_MAX);
	assert_int_equal(memif_ring_attach(&fixture.ring, fixture.bytes, line,
					   log2_size),
			 0);
	return fixture;
}

static uint16_t u16_at(const uint8_t *at)
{
	uint16_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

static uint32_t u32_at(const uint8_t *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

/* The document's numbers, not ours. */
static void sizes_are_those_of_the_protocol(void **state)
{
	(void)state;
	assert_int_equal(memif_ring_bytes(64, 10), 16512);
	assert_int_equal(memif_ring_bytes(128, 10), 16640);
	assert_int_equal(memif_ring_bytes(64, 1), 160);
	assert_int_equal(memif_ring_bytes(64, 15), 524416);
}

static void fields_lie_where_the_protocol_says(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		struct fixture f = make(lines[i], 4);
		struct memif_desc desc = { 1, 2, 3, 4, 5 };
		const uint8_t *slot = f.bytes + 2 * (size_t)lines[i] + 48;

		memif_ring_format(&f.ring);
		memif_ring_give(f.ring.head, 0x1234);
		memif_ring_give(f.ring.tail, 0x5678);
		memif_ring_mask(&f.ring, true);
		memif_slot_write(memif_ring_slot(&f.ring, 16 + 3), &desc);
		assert_int_equal(u32_at(f.bytes), 0x03E31F20);
		assert_int_equal(u16_at(f.bytes + 4), 1);
		assert_int_equal(u16_at(f.bytes + 6), 0x1234);
		assert_int_equal(u16_at(f.bytes + lines[i]), 0x5678);
		assert_int_equal(u16_at(slot), 1);
		assert_int_equal(u16_at(slot + 2), 2);
		assert_int_equal(u32_at(slot + 4), 3);
		assert_int_equal(u32_at(slot + 8), 4);
		assert_int_equal(u32_at(slot + 12), 5);
		free(f.bytes);
	}
}

static void formatting_clears_just_the_ring(void **state)
{
	(void)state;
	for (int log2 = 1; log2 <= MEMIF_RING_LOG2_MAX; log2++) {
		struct fixture f = make(lines[log2 % 2], (uint8_t)log2);
		uint32_t size =
			memif_ring_bytes(lines[log2 % 2], (uint8_t)log2);

		assert_false(memif_ring_has_cookie(&f.ring));
		memif_ring_format(&f.ring);
		assert_true(memif_ring_has_cookie(&f.ring));
		assert_int_equal(memif_ring_size(&f.ring), 1u << log2);
		assert_int_equal(memif_ring_look(f.ring.head), 0);
		assert_int_equal(memif_ring_look(f.ring.tail), 0);
		for (uint32_t i = 2u * lines[log2 % 2]; i < size; i++)
			if (f.bytes[i] != 0)
				fail_msg("byte %u", i);
		if (size < BYTES_MAX)
			assert_int_equal(f.bytes[size], 0xa5);
		free(f.bytes);
	}
}

static void impossible_rings_are_refused(void **state)
{
	static const struct {
		uint8_t line, log2;
		size_t off;
	} bad[] = {
		{ 64, 0, 0 },  { 64, 16, 0 }, { 64, 31, 0 },  { 64, 255, 0 },
		{ 0, 10, 0 },  { 32, 10, 0 }, { 65, 10, 0 },  { 255, 10, 0 },
		{ 64, 10, 4 }, { 64, 10, 1 }, { 128, 10, 8 },
	};
	uint8_t *bytes = aligned_alloc(64, 256);
	struct memif_ring ring;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(memif_ring_attach(&ring, bytes + bad[i].off,
						   bad[i].line, bad[i].log2),
				 -EINVAL);
	free(bytes);
}

static void a_peer_s_line_shows_in_its_stride(void **state)
{
	(void)state;
	assert_int_equal(memif_ring_guess_line(16512, 10), 64);
	assert_int_equal(memif_ring_guess_line(16640, 10), 128);
	assert_int_equal(memif_ring_guess_line(16512, 9), 0);
	assert_int_equal(memif_ring_guess_line(0, 10), 0);
	assert_int_equal(memif_ring_guess_line(UINT64_MAX, 10), 0);
	assert_int_equal(memif_ring_guess_line(16512, 255), 0);
}

static void indices_wrap(void **state)
{
	(void)state;
	for (int log2 = 1; log2 <= MEMIF_RING_LOG2_MAX; log2++) {
		struct fixture f = make(64, (uint8_t)log2);
		uint16_t size = (uint16_t)(1u << log2);

		/* All of the counter's values, in steps of one. */
		for (uint32_t i = 0; i <= UINT16_MAX; i++) {
			uint16_t old = (uint16_t)i;
			uint16_t full = (uint16_t)(i + size);

			if (memif_ring_distance(full, old) != size ||
			    memif_ring_distance(old, old) != 0 ||
			    memif_ring_slot(&f.ring, old) !=
				    &f.ring.slot[i % size] ||
			    memif_ring_slot(&f.ring, full) !=
				    memif_ring_slot(&f.ring, old))
				fail_msg("log2 %d, index %u", log2, i);
		}
		free(f.bytes);
	}
}

static void half_of_a_slot_can_be_left_alone(void **state)
{
	struct fixture f = make(64, 2);
	struct memif_desc desc = { 1, 2, 3, 4, 5 }, got;

	(void)state;
	memif_slot_write(&f.ring.slot[1], &desc);
	desc = (struct memif_desc){ 6, 7, 8, 9, 10 };
	memif_slot_write_front(&f.ring.slot[1], &desc);
	got = memif_slot_read(&f.ring.slot[1]);
	assert_int_equal(got.flags, 6);
	assert_int_equal(got.region, 7);
	assert_int_equal(got.length, 8);
	assert_int_equal(got.offset, 4);
	assert_int_equal(got.metadata, 5);
	got = memif_slot_read_front(&f.ring.slot[1]);
	assert_int_equal(got.length, 8);
	assert_int_equal(got.offset, 0);
	free(f.bytes);
}

static void publishing_tells_whether_to_wake(void **state)
{
	struct fixture f = make(64, 2);

	(void)state;
	memif_ring_format(&f.ring);
	assert_true(memif_ring_publish(&f.ring, f.ring.head, 1));
	memif_ring_mask(&f.ring, true);
	assert_false(memif_ring_publish(&f.ring, f.ring.head, 2));
	/* Bits that nobody has given a meaning do not count. */
	atomic_store(f.ring.flags, 0xfffe);
	assert_true(memif_ring_publish(&f.ring, f.ring.head, 3));
	assert_int_equal(memif_ring_look_again(f.ring.head), 3);
	free(f.bytes);
}

/* A reader never sees half of an index, or half of a word of a slot. */
struct tear {
	struct fixture f;
	atomic_bool done;
};

static const uint16_t halves[] = { 0x00ff, 0xff00 };

static void *write_halves(void *argument)
{
	struct tear *tear = argument;

	for (uint32_t i = 0; i < TEARS; i++) {
		uint16_t half = halves[i % 2];
		struct memif_desc desc = { half, half, half * 0x10001u,
					   half * 0x10001u, half * 0x10001u };

		memif_ring_give(tear->f.ring.head, half);
		memif_slot_write(&tear->f.ring.slot[0], &desc);
	}
	atomic_store(&tear->done, true);
	return NULL;
}

static bool is_whole(const struct memif_ring *ring)
{
	uint16_t head = memif_ring_look(ring->head);
	struct memif_desc desc = memif_slot_read(&ring->slot[0]);

	return (head == halves[0] || head == halves[1]) &&
	       (desc.flags == halves[0] || desc.flags == halves[1]) &&
	       desc.region == desc.flags &&
	       desc.length == desc.flags * 0x10001u &&
	       (desc.offset == halves[0] * 0x10001u ||
		desc.offset == halves[1] * 0x10001u) &&
	       desc.metadata == desc.offset;
}

static void nothing_is_torn(void **state)
{
	struct tear tear = { .f = make(64, 1) };
	struct memif_desc desc = { halves[0], halves[0], halves[0] * 0x10001u,
				   halves[0] * 0x10001u, halves[0] * 0x10001u };
	pthread_t writer;
	uint32_t wrong = 0;

	(void)state;
	memif_ring_give(tear.f.ring.head, halves[0]);
	memif_slot_write(&tear.f.ring.slot[0], &desc);
	assert_int_equal(pthread_create(&writer, NULL, write_halves, &tear), 0);
	while (!atomic_load(&tear.done))
		wrong += !is_whole(&tear.f.ring);
	assert_int_equal(pthread_join(writer, NULL), 0);
	assert_int_equal(wrong, 0);
	free(tear.f.bytes);
}

/*
 * The race itself, over and over: one publishes while the other falls asleep.
 * Either the first must wake, or the second must see.
 */
struct duel {
	struct fixture f;
	_Atomic uint32_t round[2]; /* how often each thread came to the gate */
	bool woken[ROUNDS];
};

static void spin(uint32_t n)
{
	for (volatile uint32_t i = 0; i < n; i++)
		;
}

static void meet(struct duel *duel, int me)
{
	uint32_t round = atomic_fetch_add(&duel->round[me], 1) + 1;
	uint32_t tries = 0;

	while (atomic_load(&duel->round[1 - me]) < round)
		if (++tries % 256 == 0)
			(void)sched_yield(); /* perhaps there is one CPU */
}

static void *publish(void *argument)
{
	struct duel *duel = argument;

	for (uint32_t i = 0; i < ROUNDS; i++) {
		meet(duel, 0);
		spin(i % 31); /* the threads pass each other slowly */
		duel->woken[i] = memif_ring_publish(
			&duel->f.ring, duel->f.ring.head, (uint16_t)(i + 1));
		meet(duel, 0);
	}
	return NULL;
}

/* Returns the rounds in which nobody noticed. */
static uint32_t fall_asleep(struct duel *duel)
{
	uint32_t lost = 0;

	for (uint32_t i = 0; i < ROUNDS; i++) {
		bool seen;

		memif_ring_mask(&duel->f.ring, true);
		meet(duel, 1);
		spin(i % 29);
		memif_ring_mask(&duel->f.ring, false);
		seen = memif_ring_look_again(duel->f.ring.head) != (uint16_t)i;
		meet(duel, 1);
		lost += !seen && !duel->woken[i];
	}
	return lost;
}

static void somebody_always_notices(void **state)
{
	static struct duel duel;
	pthread_t other;

	(void)state;
	duel.f = make(64, 1);
	memif_ring_format(&duel.f.ring);
	assert_int_equal(pthread_create(&other, NULL, publish, &duel), 0);
	assert_int_equal(fall_asleep(&duel), 0);
	assert_int_equal(pthread_join(other, NULL), 0);
	free(duel.f.bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes_are_those_of_the_protocol),
		cmocka_unit_test(fields_lie_where_the_protocol_says),
		cmocka_unit_test(formatting_clears_just_the_ring),
		cmocka_unit_test(impossible_rings_are_refused),
		cmocka_unit_test(a_peer_s_line_shows_in_its_stride),
		cmocka_unit_test(indices_wrap),
		cmocka_unit_test(half_of_a_slot_can_be_left_alone),
		cmocka_unit_test(publishing_tells_whether_to_wake),
		cmocka_unit_test(nothing_is_torn),
		cmocka_unit_test(somebody_always_notices),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
