/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A budget of trunks in many threads, each with pairs of its own that come and
 * go, want more than there is, and are evicted by others. For the thread
 * sanitizer; and all of it is exact in the end.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/trunk_budget_rig.h"

enum {
	N_THREADS = 4,
	N_PAIRS = 3,   /* of each, one after another */
	N_ROUNDS = 60, /* which leave more circuits than there may be */
	N_CIRCUITS = 8,
	LIMIT = N_THREADS * N_CIRCUITS / 2 * BUDGET_CIRCUIT,
};

struct run {
	struct vif_trunk_budget *budget;
	_Atomic uint32_t n_woken, n_dialled, n_refused, n_ended;
	atomic_bool failed;
};

static void expect(struct run *run, bool holds)
{
	if (!holds)
		atomic_store(&run->failed, true);
}

/* What a program would write an eventfd for. */
static void woke(void *user, void *trunk_user)
{
	struct run *run = user;

	(void)trunk_user;
	atomic_fetch_add(&run->n_woken, 1);
}

static void use_circuit(struct run *run, struct rig *pair)
{
	struct vif_flow *flow;
	uint32_t reason = pair_open(pair, &flow);

	expect(run, reason == VIF_REASON_NONE || reason == VIF_REASON_LIMIT);
	if (reason == VIF_REASON_NONE)
		expect(run, pair_read(pair->flow[1]) == 1);
}

static void play_round(struct run *run, struct rig *pair, int round)
{
	struct vif_trunk_budget_stats stats = budget_stats(run->budget);
	uint32_t reason = pair_dial(pair);

	expect(run, stats.taken <= LIMIT && stats.taken_max <= LIMIT);
	expect(run, reason == VIF_REASON_NONE || reason == VIF_REASON_LIMIT);
	atomic_fetch_add(reason ? &run->n_refused : &run->n_dialled, 1);
	if (reason == VIF_REASON_NONE) {
		use_circuit(run, pair);
		if (round % N_CIRCUITS > N_CIRCUITS / 2)
			vif_circuit_abort(pair->circuit[0], 0, NULL);
	}
	rig_advance(pair, 1000);
	rig_run(pair);
}

static void play_pair(struct run *run)
{
	struct rig *pair = pair_new(run->budget);

	for (int i = 0; i < N_ROUNDS; i++) {
		if (!vif_trunk_is_ready(pair->end[1])) {
			expect(run, vif_trunk_reason(pair->end[1], NULL) ==
					    VIF_REASON_MEMORY);
			atomic_fetch_add(&run->n_ended, 1);
			break;
		}
		play_round(run, pair, i);
	}
	pair_free(pair);
}

static void *play(void *user)
{
	for (int i = 0; i < N_PAIRS; i++)
		play_pair(user);
	return NULL;
}

static void play_in_threads(struct run *run)
{
	pthread_t thread[N_THREADS];

	for (int i = 0; i < N_THREADS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, play, run),
				 0);
	for (int i = 0; i < N_THREADS; i++)
		assert_int_equal(pthread_join(thread[i], NULL), 0);
	assert_false(run->failed);
}

static void all_is_exact_in_the_end(void **state)
{
	static struct run run;
	const struct vif_trunk_budget_config config = {
		.size = sizeof(config),
		.limit = LIMIT,
		.idle_ns = 2000,
		.wake = woke,
		.user = &run,
	};
	struct vif_trunk_budget_stats stats;
	struct rig *sleeper; /* whose time stands still, so it is the idlest */

	(void)state;
	assert_int_equal(vif_trunk_budget_new(&config, &run.budget, NULL), 0);
	sleeper = pair_new(run.budget);
	assert_int_equal(pair_dial(sleeper), 0);
	play_in_threads(&run);
	assert_int_equal(budget_taken(run.budget), BUDGET_CIRCUIT);
	rig_advance(sleeper, 0);
	rig_run(sleeper);
	assert_int_equal(vif_trunk_reason(sleeper->end[0], NULL),
			 VIF_REASON_MEMORY);
	assert_int_equal(budget_taken(run.budget), 0);
	pair_free(sleeper);
	vif_trunk_budget_stats(run.budget, &stats);
	assert_int_equal(stats.taken, 0);
	assert_int_equal(stats.trunks, 0);
	assert_int_equal(stats.evicted, run.n_woken);
	assert_in_range(run.n_woken, run.n_ended + 1, N_THREADS * N_PAIRS + 1);
	assert_in_range(stats.taken_max, BUDGET_CIRCUIT, LIMIT);
	assert_true(stats.refused >= run.n_refused);
	assert_true(run.n_dialled >= N_THREADS * N_CIRCUITS / 2);
	assert_int_equal(vif_trunk_budget_free(run.budget), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_is_exact_in_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
