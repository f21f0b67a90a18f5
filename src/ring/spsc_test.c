/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of the ring indices.
 *
 * A lost wake-up shows as two threads that sleep for ever: the test then runs
 * into Meson's time limit.
 */
#include "ring/spsc.h"

#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/bits.h"

enum spsc_test_sizes {
	SLOTS = 4,
	ITEMS = 30000,
	ROUNDS = 10000,
};

/* Indices at which the rings of all tests begin: some wrap on the way. */
static const uint32_t starts[] = { 0, 1, 0x7ffffffe, UINT32_MAX - 2,
				   UINT32_MAX };

static struct spsc make(uint32_t start)
{
	return (struct spsc){ .head = start, .tail = start, .size = SLOTS };
}

static void new_ring_is_empty(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(starts); i++) {
		struct spsc ring = make(starts[i]);
		uint32_t at = ~starts[i];

		assert_int_equal(spsc_ready(&ring, &at), 0);
		assert_int_equal(at, starts[i]);
		at = ~starts[i];
		assert_int_equal(spsc_room(&ring, &at), SLOTS);
		assert_int_equal(at, starts[i]);
	}
}

static void full_and_empty_differ(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(starts); i++) {
		struct spsc ring = make(starts[i]);
		uint32_t head, tail;

		for (uint32_t n = 0; n < SLOTS; n++) {
			assert_int_equal(spsc_room(&ring, &head), SLOTS - n);
			assert_int_equal(head, (uint32_t)(starts[i] + n));
			assert_int_equal(spsc_ready(&ring, &tail), n);
			assert_false(spsc_push(&ring, 1));
		}
		assert_int_equal(spsc_room(&ring, &head), 0);
		assert_int_equal(spsc_ready(&ring, &tail), SLOTS);
		assert_int_equal(tail, starts[i]);
		assert_false(spsc_pop(&ring, SLOTS));
		assert_int_equal(spsc_room(&ring, &head), SLOTS);
		assert_int_equal(spsc_ready(&ring, &tail), 0);
		assert_int_equal(tail, (uint32_t)(starts[i] + SLOTS));
	}
}

static void nothing_can_be_moved(void **state)
{
	struct spsc ring = make(7);
	uint32_t at;

	(void)state;
	assert_false(spsc_push(&ring, 0));
	assert_false(spsc_pop(&ring, 0));
	assert_int_equal(spsc_ready(&ring, &at), 0);
	assert_int_equal(at, 7);
}

static void sleeping_consumer_is_woken_once(void **state)
{
	struct spsc ring = make(0);

	(void)state;
	assert_false(spsc_want_data(&ring));
	assert_true(spsc_push(&ring, 1));
	assert_false(spsc_push(&ring, 1)); /* it was told already */
	assert_true(spsc_want_data(&ring));
	assert_true(spsc_push(&ring, 1)); /* it asked again */
	assert_false(spsc_pop(&ring, 3)); /* the producer did not */
}

static void sleeping_producer_is_woken_once(void **state)
{
	struct spsc ring = make(0);

	(void)state;
	assert_false(spsc_push(&ring, SLOTS));
	assert_false(spsc_want_room(&ring));
	assert_true(spsc_pop(&ring, 1));
	assert_false(spsc_pop(&ring, 1));
	assert_true(spsc_want_room(&ring));
	assert_true(spsc_pop(&ring, 1));
	assert_false(spsc_push(&ring, 1)); /* the consumer did not ask */
}

/* Two threads with a ring so small that both sleep all the time. */
struct run {
	struct spsc ring;
	uint32_t slot[SLOTS]; /* plain, for the race detector */
	sem_t data;           /* wakes the consumer */
	sem_t room;           /* wakes the producer */
	uint32_t burst_max;
};

static void park(sem_t *sem)
{
	while (sem_wait(sem) < 0)
		; /* a signal */
}

static void *produce(void *argument)
{
	struct run *run = argument;
	uint32_t next = 0;

	while (next < ITEMS) {
		uint32_t head, n = spsc_room(&run->ring, &head);

		if (n == 0) {
			if (!spsc_want_room(&run->ring))
				park(&run->room);
			continue;
		}
		n = n > run->burst_max ? run->burst_max : n;
		n = n > ITEMS - next ? ITEMS - next : n;
		for (uint32_t i = 0; i < n; i++)
			run->slot[(head + i) % SLOTS] = next++;
		if (spsc_push(&run->ring, n))
			(void)sem_post(&run->data);
	}
	return NULL;
}

/* Returns how many items came out of order. */
static uint32_t consume(struct run *run)
{
	uint32_t next = 0, wrong = 0;

	while (next < ITEMS) {
		uint32_t tail, n = spsc_ready(&run->ring, &tail);

		if (n == 0) {
			if (!spsc_want_data(&run->ring))
				park(&run->data);
			continue;
		}
		wrong += n > SLOTS;
		n = n > run->burst_max ? run->burst_max : n;
		for (uint32_t i = 0; i < n; i++)
			wrong += run->slot[(tail + i) % SLOTS] != next++;
		if (spsc_pop(&run->ring, n))
			(void)sem_post(&run->room);
	}
	return wrong;
}

static void run_threads(uint32_t burst_max)
{
	struct run run = { .burst_max = burst_max };
	pthread_t producer;
	uint32_t tail;

	run.ring = make(UINT32_MAX - ITEMS / 2); /* wraps in the middle */
	assert_int_equal(sem_init(&run.data, 0, 0), 0);
	assert_int_equal(sem_init(&run.room, 0, 0), 0);
	assert_int_equal(pthread_create(&producer, NULL, produce, &run), 0);
	assert_int_equal(consume(&run), 0);
	assert_int_equal(pthread_join(producer, NULL), 0);
	assert_int_equal(spsc_ready(&run.ring, &tail), 0);
	(void)sem_destroy(&run.data);
	(void)sem_destroy(&run.room);
}

static void no_wake_up_is_lost(void **state)
{
	(void)state;
	run_threads(1);
	run_threads(3);
	run_threads(SLOTS);
}

/*
 * The race itself, over and over: one side publishes while the other falls
 * asleep. Either the first must wake, or the second must see.
 */
struct duel {
	struct spsc ring;
	_Atomic uint32_t round[2]; /* how often each thread came to the gate */
	bool woken[ROUNDS];        /* by the one that publishes */
	bool data;                 /* wait for data; else for room */
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

/* Both have all of the ring in their cache, so that each store takes a while. */
static void get_ready(struct duel *duel, int me)
{
	uint32_t at;

	meet(duel, me);
	(void)spsc_room(&duel->ring, &at);
	meet(duel, me);
}

static void *publish(void *argument)
{
	struct duel *duel = argument;

	for (uint32_t i = 0; i < ROUNDS; i++) {
		get_ready(duel, 0);
		spin(i % 31); /* the threads pass each other slowly */
		duel->woken[i] = duel->data ? spsc_push(&duel->ring, 1) :
					      spsc_pop(&duel->ring, 1);
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

		get_ready(duel, 1);
		spin(i % 29);
		seen = duel->data ? spsc_want_data(&duel->ring) :
				    spsc_want_room(&duel->ring);
		meet(duel, 1);
		lost += !seen && !duel->woken[i];
		/* As it was: awake, and empty or full. */
		atomic_store(&duel->ring.consumer_sleeps, false);
		atomic_store(&duel->ring.producer_sleeps, false);
		if (duel->data)
			(void)spsc_pop(&duel->ring, 1);
		else
			(void)spsc_push(&duel->ring, 1);
	}
	return lost;
}

static void run_duel(bool data)
{
	static struct duel duel;
	pthread_t other;

	duel = (struct duel){ .data = data };
	duel.ring = make(0);
	if (!data)
		(void)spsc_push(&duel.ring, SLOTS);
	assert_int_equal(pthread_create(&other, NULL, publish, &duel), 0);
	assert_int_equal(fall_asleep(&duel), 0);
	assert_int_equal(pthread_join(other, NULL), 0);
}

static void somebody_always_notices(void **state)
{
	(void)state;
	run_duel(true);
	run_duel(false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(new_ring_is_empty),
		cmocka_unit_test(full_and_empty_differ),
		cmocka_unit_test(nothing_can_be_moved),
		cmocka_unit_test(sleeping_consumer_is_woken_once),
		cmocka_unit_test(sleeping_producer_is_woken_once),
		cmocka_unit_test(no_wake_up_is_lost),
		cmocka_unit_test(somebody_always_notices),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
