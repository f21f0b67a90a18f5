/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory of sets of trunks: none is left over, and each allocation may fail,
 * which leaves the set as it was.
 */
#include "trunk/core.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "tests/trunk/memory.h"

#include "tests/set_rig.h"

/* Fails the allocation that comes after n others. */
static void fail_after(uint64_t n)
{
	memory.fail_at = memory.n_calls + n + 1;
}

static void a_set_needs_memory(void **state)
{
	struct vif_trunk_set *set = NULL;
	struct vif_error error;
	struct set_rig s;

	(void)state;
	set_rig_init(&s, US);
	for (uint64_t n = 0; n < 4; n++) { /* itself, and three tables */
		fail_after(n);
		assert_int_equal(vif_trunk_set_new(&s.config, 0, &set, &error),
				 -ENOMEM);
		assert_int_equal(error.code, -ENOMEM);
		assert_null(set);
		assert_int_equal(memory.n_ours, 0);
	}
	assert_int_equal(vif_trunk_set_new(&s.config, 0, &set, &error), 0);
	vif_trunk_set_free(set);
}

/* A question: a waiter, and an attempt. */
static void a_question_needs_memory(void **state)
{
	struct vif_trunk_found found;
	struct set_rig s;
	size_t before;

	(void)state;
	set_rig_start(&s, US);
	before = memory.n_ours;
	for (uint64_t n = 0; n < 2; n++) {
		struct vif_trunk_set_stats stats;

		fail_after(n);
		assert_int_equal(set_rig_get(&s, "a", &found), -ENOMEM);
		assert_int_equal(memory.n_ours, before);
		vif_trunk_set_stats(s.set, &stats);
		assert_int_equal(stats.attempts + stats.trying + stats.waiters,
				 0);
	}
	assert_int_equal(set_rig_get(&s, "a", &found), VIF_TRUNK_SET_CONNECT);
	before = memory.n_ours;
	fail_after(0);
	assert_int_equal(set_rig_get(&s, "a", &found), -ENOMEM);
	assert_int_equal(memory.n_ours, before);
	set_rig_fini(&s);
	assert_int_equal(memory.n_ours, 0);
}

/* What makes room for an attempt is only forgotten if there will be one. */
static void a_memory_makes_room_for_what_comes(void **state)
{
	struct vif_trunk_found found;
	struct set_rig s;

	(void)state;
	set_rig_init(&s, US);
	s.config.entries_max = 1;
	s.config.backoff_ns = 100;
	set_rig_make(&s);
	assert_int_equal(set_rig_get(&s, "a", &found), VIF_TRUNK_SET_CONNECT);
	vif_trunk_attempt_fail(found.attempt, 0, NULL);
	set_rig_events(&s);
	fail_after(1);
	assert_int_equal(set_rig_get(&s, "b", &found), -ENOMEM);
	assert_int_equal(set_rig_get(&s, "a", &found), VIF_TRUNK_SET_BACKOFF);
	assert_int_equal(set_rig_get(&s, "b", &found), VIF_TRUNK_SET_CONNECT);
	set_rig_fini(&s);
	assert_int_equal(memory.n_ours, 0);
}

/* A trunk that was accepted: an entry. All the rest needs no memory. */
static void a_trunk_needs_memory_to_be_added(void **state)
{
	struct vif_trunk_found found;
	struct rig *pair, *dialled;
	struct set_rig s;
	uint64_t n_calls;

	(void)state;
	set_rig_start(&s, US);
	pair = set_rig_start_pair(&s, THEM);
	dialled = set_rig_start_pair(&s, US);
	fail_after(0);
	assert_int_equal(vif_trunk_set_add(s.set, pair->end[1], NULL), -ENOMEM);
	assert_null(vif_trunk_set_next(s.set, NULL));
	assert_int_equal(set_rig_get(&s, "a", &found), VIF_TRUNK_SET_CONNECT);
	assert_int_equal(vif_trunk_set_add(s.set, pair->end[1], NULL), 0);
	n_calls = memory.n_calls;
	assert_int_equal(
		vif_trunk_attempt_attach(found.attempt, dialled->end[0]), 0);
	set_rig_events(&s);
	assert_int_equal(s.n_up, 1);
	assert_int_equal(set_rig_get(&s, "a", &found), VIF_TRUNK_SET_READY);
	set_rig_advance(&s, 1);
	(void)vif_trunk_set_drain(s.set);
	set_rig_events(&s);
	assert_int_equal(memory.n_calls, n_calls);
	set_rig_free_pair(pair);
	set_rig_free_pair(dialled);
	set_rig_fini(&s);
	assert_int_equal(memory.n_ours, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_set_needs_memory),
		cmocka_unit_test(a_question_needs_memory),
		cmocka_unit_test(a_memory_makes_room_for_what_comes),
		cmocka_unit_test(a_trunk_needs_memory_to_be_added),
	};

	memory_begin();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
