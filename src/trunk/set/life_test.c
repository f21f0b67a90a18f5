/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of sets of trunks: what becomes of trunks that are not good any more,
 * time, and what is about all of them.
 */
#include "trunk/set/set.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "tests/set_rig.h"

static const uint64_t one_second = 1000000000;

static enum vif_trunk_set_state state_of(const struct rig *pair)
{
	struct vif_trunk_set_view view;

	assert_int_equal(vif_trunk_set_view(pair->end[0], &view), 0);
	return view.state;
}

/* Whoever wants it gone: the next one begins anew, circuits live on. */
static void check_draining(int who)
{
	struct vif_trunk_found found;
	struct rig *pair;
	struct set_rig s;

	set_rig_start(&s, US);
	pair = set_rig_dialled(&s, "a");
	rig_dial(pair, VIF_CIRCUIT_DERIVED);
	assert_int_equal(state_of(pair), VIF_TRUNK_SET_SHARED);
	assert_int_equal(vif_trunk_drain(pair->end[who]), 0);
	(void)rig_move(pair, who);
	assert_int_equal(state_of(pair), VIF_TRUNK_SET_RETIRED);
	assert_int_equal(set_rig_get(&s, "a", &found), VIF_TRUNK_SET_CONNECT);
	assert_ptr_equal(vif_trunk_set_next(s.set, NULL), pair->end[0]);
	rig_run(pair);
	assert_true(vif_trunk_is_closed(pair->end[0]));
	assert_null(vif_trunk_set_next(s.set, NULL));
	set_rig_free_pair(pair);
	set_rig_fini(&s);
}

static void a_trunk_that_drains_is_passed_over(void **state)
{
	(void)state;
	check_draining(0);
	check_draining(1);
}

static void a_trunk_that_ends_leaves(void **state)
{
	struct vif_trunk_set_view view;
	struct vif_trunk_found found;
	struct rig *pair;
	struct set_rig s;

	(void)state;
	set_rig_start(&s, US);
	pair = set_rig_dialled(&s, "a");
	vif_trunk_receive_end(pair->end[0]);
	assert_int_equal(vif_trunk_set_view(pair->end[0], &view), -ENOENT);
	assert_int_equal(s.set->n_entries, 0);
	assert_int_equal(set_rig_get(&s, "a", &found), VIF_TRUNK_SET_CONNECT);
	assert_int_equal(vif_trunk_set_retire(pair->end[0]), -ENOENT);
	vif_trunk_set_remove(pair->end[0]);
	set_rig_free_pair(pair);
	set_rig_fini(&s);
}

/* 30 s of health: a question after 15 s, doubt 3 s later. */
static void a_trunk_without_a_sign_of_life_is_doubted(void **state)
{
	struct vif_trunk_found found;
	struct rig *pair, *fresh;
	struct set_rig s;

	(void)state;
	set_rig_start(&s, US);
	pair = set_rig_dialled(&s, "a");
	set_rig_advance(&s, 15 * one_second);
	rig_advance(pair, 15 * one_second);
	set_rig_advance(&s, 3 * one_second - 1);
	assert_int_equal(state_of(pair), VIF_TRUNK_SET_SHARED);
	assert_int_equal(set_rig_get(&s, "a", &found), VIF_TRUNK_SET_READY);
	set_rig_advance(&s, 1);
	assert_int_equal(state_of(pair), VIF_TRUNK_SET_DOUBTED);
	assert_int_equal(set_rig_get(&s, "a", &found), VIF_TRUNK_SET_CONNECT);
	/* It answers: there is no doubt, and who waits for another may. */
	rig_run(pair);
	assert_int_equal(state_of(pair), VIF_TRUNK_SET_SHARED);
	vif_trunk_attempt_fail(found.attempt, 0, NULL);
	set_rig_events(&s);
	assert_int_equal(s.n_up, 1); /* not failed: there is a good one */
	assert_ptr_equal(s.up, pair->end[0]);

	/* And again; this time another one comes up before it answers. */
	set_rig_advance(&s, 15 * one_second);
	rig_advance(pair, 18 * one_second);
	set_rig_advance(&s, 3 * one_second);
	assert_int_equal(set_rig_get(&s, "a", &found), VIF_TRUNK_SET_CONNECT);
	fresh = set_rig_attach(&s, &found, true);
	assert_int_equal(state_of(pair), VIF_TRUNK_SET_RETIRED);
	rig_run(pair);
	assert_true(vif_trunk_is_closed(pair->end[0])); /* drained */
	assert_int_equal(set_rig_get(&s, "a", &found), VIF_TRUNK_SET_READY);
	assert_ptr_equal(found.trunk, fresh->end[0]);
	set_rig_free_pair(pair);
	set_rig_free_pair(fresh);
	set_rig_fini(&s);
}

/* One whose peer drains comes up for an attempt. */
static struct rig *attach_draining(struct set_rig *s,
				   const struct vif_trunk_found *found)
{
	struct rig *pair = set_rig_start_pair(s, US);
	struct vif_flow *flow;

	/* With a flow, or its end would come at once. */
	rig_dial(pair, VIF_CIRCUIT_DERIVED);
	assert_int_equal(vif_flow_open(pair->circuit[0], NULL, &flow), 0);
	assert_int_equal(vif_flow_write(flow, "x", 1), 1);
	rig_run(pair);
	assert_int_equal(vif_trunk_drain(pair->end[1]), 0);
	rig_run(pair);
	assert_int_equal(vif_trunk_attempt_attach(found->attempt, pair->end[0]),
			 0);
	return pair;
}

static void check_replaced_by_draining(bool recovers)
{
	struct vif_trunk_found found;
	struct rig *pair, *fresh;
	struct set_rig s;

	set_rig_start(&s, US);
	pair = set_rig_dialled(&s, "a");
	set_rig_advance(&s, 15 * one_second);
	rig_advance(pair, 15 * one_second);
	set_rig_advance(&s, 3 * one_second);
	assert_int_equal(set_rig_get(&s, "a", &found), VIF_TRUNK_SET_CONNECT);
	if (recovers)
		rig_run(pair);
	fresh = attach_draining(&s, &found);
	set_rig_events(&s);
	assert_int_equal(s.n_up, recovers);
	assert_int_equal(s.n_failed, !recovers);
	if (recovers)
		assert_ptr_equal(s.up, pair->end[0]);
	rig_run(pair);
	assert_int_equal(state_of(pair), VIF_TRUNK_SET_SHARED);
	assert_int_equal(set_rig_get(&s, "a", &found), VIF_TRUNK_SET_READY);
	assert_ptr_equal(found.trunk, pair->end[0]);
	set_rig_free_pair(pair);
	set_rig_free_pair(fresh);
	set_rig_fini(&s);
}

static void a_trunk_that_drains_replaces_none(void **state)
{
	(void)state;
	check_replaced_by_draining(true);
	check_replaced_by_draining(false);
}

/* Retired with circuits of both sides: drained when the last one is gone. */
static void what_is_retired_ends_with_its_last_circuit(void **state)
{
	struct vif_circuit *theirs;
	struct vif_trunk_found found;
	struct rig *pair;
	struct set_rig s;

	(void)state;
	set_rig_start(&s, US);
	pair = set_rig_dialled(&s, "a");
	assert_int_equal(vif_circuit_dial(pair->end[1], NULL, &theirs), 0);
	rig_dial(pair, VIF_CIRCUIT_DERIVED);
	assert_int_equal(vif_trunk_set_retire(pair->end[0]), 0);
	assert_int_equal(vif_trunk_set_retire(pair->end[0]), -EALREADY);
	assert_int_equal(set_rig_get(&s, "a", &found), VIF_TRUNK_SET_CONNECT);
	assert_int_equal(vif_circuit_close(theirs, 0, NULL), 0);
	rig_run(pair);
	assert_true(vif_trunk_is_ready(pair->end[0]));
	assert_int_equal(vif_circuit_close(pair->circuit[1], 0, NULL), 0);
	rig_run(pair);
	assert_true(vif_trunk_is_closed(pair->end[0]));
	assert_int_equal(vif_trunk_reason(pair->end[0], NULL), VIF_REASON_NONE);
	assert_int_equal(vif_trunk_reason(pair->end[1], NULL), VIF_REASON_NONE);
	set_rig_free_pair(pair);
	set_rig_fini(&s);
}

static void one_in_its_handshake_can_be_taken_out(void **state)
{
	struct vif_trunk_set_stats stats;
	struct vif_trunk_found found;
	struct rig *pair;
	struct set_rig s;

	(void)state;
	set_rig_start(&s, US);
	assert_int_equal(set_rig_get(&s, "a", &found), VIF_TRUNK_SET_CONNECT);
	pair = set_rig_attach(&s, &found, false);
	vif_trunk_set_remove(pair->end[0]);
	set_rig_events(&s);
	assert_int_equal(s.n_failed, 1);
	vif_trunk_set_stats(s.set, &stats);
	assert_int_equal(stats.failed, 0);
	set_rig_free_pair(pair);
	set_rig_fini(&s);
}

static void one_in_its_handshake_can_be_retired(void **state)
{
	struct vif_trunk_found found;
	struct rig *pair;
	struct set_rig s;

	(void)state;
	set_rig_start(&s, US);
	assert_int_equal(set_rig_get(&s, "a", &found), VIF_TRUNK_SET_CONNECT);
	pair = set_rig_attach(&s, &found, false);
	assert_int_equal(state_of(pair), VIF_TRUNK_SET_HANDSHAKE);
	assert_int_equal(vif_trunk_set_retire(pair->end[0]), 0);
	set_rig_events(&s);
	assert_int_equal(s.n_failed, 1);
	assert_int_equal(s.last.reason, VIF_REASON_DRAINING);
	rig_run(pair);
	assert_true(rig_saw(pair, 0, VIF_TRUNK_READY));
	assert_true(vif_trunk_is_closed(pair->end[0]));
	set_rig_free_pair(pair);
	set_rig_fini(&s);
}

static void a_trunk_can_be_taken_out(void **state)
{
	struct vif_trunk_found found;
	struct rig *pair;
	struct set_rig s;

	(void)state;
	set_rig_start(&s, US);
	assert_int_equal(set_rig_get(&s, "a", &found), VIF_TRUNK_SET_CONNECT);
	pair = set_rig_attach(&s, &found, true);
	vif_trunk_set_remove(pair->end[0]);
	vif_trunk_set_remove(pair->end[0]);
	set_rig_events(&s);
	assert_int_equal(s.n_failed, 1);
	assert_int_equal(s.last.reason, VIF_REASON_REFUSED);
	assert_int_equal(s.set->n_entries, 0);
	assert_true(vif_trunk_is_ready(pair->end[0]));
	set_rig_free_pair(pair);
	set_rig_fini(&s);
}

/* T - 1, T, from the last circuit, or from when it was handed out. */
static void an_idle_trunk_is_drained(void **state)
{
	struct vif_trunk_found found;
	struct rig *pair;
	struct set_rig s;

	(void)state;
	set_rig_init(&s, US);
	s.config.idle_ns = 100;
	set_rig_make(&s);
	pair = set_rig_dialled(&s, "a");
	rig_dial(pair, VIF_CIRCUIT_DERIVED);
	assert_int_equal(vif_trunk_set_deadline(s.set), UINT64_MAX);
	set_rig_advance(&s, 1000);
	assert_int_equal(state_of(pair), VIF_TRUNK_SET_SHARED);
	rig_advance(pair, 1000);
	assert_int_equal(vif_circuit_close(pair->circuit[0], 0, NULL), 0);
	rig_run(pair);
	assert_int_equal(vif_trunk_set_deadline(s.set), s.now_ns + 100);
	set_rig_advance(&s, 99);
	assert_int_equal(set_rig_get(&s, "a", &found), VIF_TRUNK_SET_READY);
	assert_int_equal(vif_trunk_set_deadline(s.set), s.now_ns + 100);
	set_rig_advance(&s, 99);
	assert_int_equal(state_of(pair), VIF_TRUNK_SET_SHARED);
	set_rig_advance(&s, 1);
	assert_int_equal(state_of(pair), VIF_TRUNK_SET_RETIRED);
	assert_int_equal(vif_trunk_set_deadline(s.set), UINT64_MAX);
	rig_run(pair);
	assert_true(vif_trunk_is_closed(pair->end[0]));
	assert_int_equal(vif_trunk_reason(pair->end[1], NULL), VIF_REASON_NONE);
	set_rig_free_pair(pair);
	set_rig_fini(&s);
}

/* Once ready, and once told, the time begins again: it had no chance before. */
static void a_trunk_that_is_told_of_late_is_not_idle(void **state)
{
	struct vif_trunk_found found;
	struct rig *pair;
	struct set_rig s;

	(void)state;
	set_rig_init(&s, US);
	s.config.idle_ns = 100;
	set_rig_make(&s);
	assert_int_equal(set_rig_get(&s, "a", &found), VIF_TRUNK_SET_CONNECT);
	pair = set_rig_start_pair(&s, US);
	set_rig_advance(&s, 5000);
	assert_int_equal(vif_trunk_attempt_attach(found.attempt, pair->end[0]),
			 0);
	assert_int_equal(vif_trunk_set_deadline(s.set), s.now_ns + 100);
	set_rig_advance(&s, 99);
	set_rig_events(&s);
	assert_int_equal(s.n_up, 1);
	assert_int_equal(vif_trunk_set_deadline(s.set), s.now_ns + 100);
	/* One that drains already needs no time for that. */
	assert_int_equal(vif_trunk_drain(pair->end[0]), 0);
	assert_int_equal(vif_trunk_set_deadline(s.set), UINT64_MAX);
	set_rig_free_pair(pair);
	set_rig_fini(&s);
}

static void trunks_can_be_walked_through(void **state)
{
	struct vif_trunk_set_view view;
	struct vif_trunk_found found;
	struct rig *pair[3];
	struct vif_trunk *trunk = NULL;
	struct set_rig s;

	(void)state;
	set_rig_start(&s, US);
	assert_null(vif_trunk_set_next(s.set, NULL));
	pair[0] = set_rig_dialled(&s, "one");
	assert_int_equal(set_rig_get(&s, "two", &found), VIF_TRUNK_SET_CONNECT);
	pair[1] = set_rig_attach(&s, &found, true);
	vif_trunk_waiter_cancel(found.waiter);
	pair[2] = set_rig_accepted(&s);
	rig_dial(pair[2], VIF_CIRCUIT_DERIVED);
	for (int i = 0; i < 3; i++) {
		trunk = vif_trunk_set_next(s.set, trunk);
		assert_ptr_equal(trunk, pair[i]->end[i == 2]);
		assert_int_equal(vif_trunk_set_view(trunk, &view), 0);
		assert_int_equal(view.state, VIF_TRUNK_SET_SHARED);
		assert_int_equal(view.is_accepted, i == 2);
		assert_ptr_equal(view.connection, pair[i]);
		assert_int_equal(view.circuits, i == 2);
		assert_int_equal(view.address_len, i == 2 ? 0 : 3);
		if (i < 2)
			assert_memory_equal(view.address,
					    i == 0 ? "one" : "two", 3);
		else
			assert_null(view.address);
	}
	assert_null(vif_trunk_set_next(s.set, trunk));
	for (int i = 0; i < 3; i++)
		set_rig_free_pair(pair[i]);
	set_rig_fini(&s);
}

static void a_walk_ends_behind_what_has_left(void **state)
{
	struct rig *pair;
	struct set_rig s;

	(void)state;
	set_rig_start(&s, US);
	pair = set_rig_dialled(&s, "a");
	vif_trunk_receive_end(pair->end[0]);
	assert_null(vif_trunk_set_next(s.set, pair->end[0]));
	set_rig_free_pair(pair);
	set_rig_fini(&s);
}

/* All circuits to somebody, on whichever trunk, counted. */
static void circuits_to_somebody_are_shut(void **state)
{
	struct rig *pair[2];
	struct set_rig s;

	(void)state;
	set_rig_start(&s, US);
	pair[0] = set_rig_dialled(&s, "a");
	pair[1] = set_rig_accepted(&s);
	for (int i = 0; i < 3; i++)
		rig_dial(pair[0], VIF_CIRCUIT_DERIVED);
	rig_dial(pair[1], VIF_CIRCUIT_SEALED);
	assert_int_equal(vif_trunk_set_shut_remote(s.set, s.keys.key[US]), 0);
	assert_int_equal(vif_trunk_set_shut_remote(s.set, s.keys.key[THEM]), 4);
	rig_run(pair[0]);
	rig_run(pair[1]);
	assert_int_equal(vif_trunk_set_shut_remote(s.set, s.keys.key[THEM]), 0);
	assert_int_equal(pair[0]->end[0]->n_circuits, 0);
	assert_int_equal(pair[1]->end[1]->n_circuits, 0);
	assert_true(vif_trunk_is_ready(pair[0]->end[0]));
	set_rig_free_pair(pair[0]);
	set_rig_free_pair(pair[1]);
	set_rig_fini(&s);
}

/* Three trunks, one in its handshake; an attempt; somebody who is told. */
static void check_end(bool closes)
{
	struct vif_trunk_found found, attempt;
	struct rig *pair[4];
	struct set_rig s;

	set_rig_start(&s, US);
	pair[0] = set_rig_dialled(&s, "a");
	pair[1] = set_rig_accepted(&s);
	rig_dial(pair[1], VIF_CIRCUIT_DERIVED);
	assert_int_equal(set_rig_get(&s, "b", &found), VIF_TRUNK_SET_READY);
	vif_trunk_receive_end(pair[1]->end[1]);
	assert_int_equal(set_rig_get(&s, "b", &found), VIF_TRUNK_SET_CONNECT);
	pair[2] = set_rig_attach(&s, &found, false);
	assert_int_equal(set_rig_get(&s, "c", &attempt), VIF_TRUNK_SET_CONNECT);
	assert_int_equal(set_rig_get(&s, "d", &found), VIF_TRUNK_SET_CONNECT);
	vif_trunk_attempt_fail(found.attempt, 300, NULL);
	if (closes) {
		assert_int_equal(vif_trunk_set_close(s.set, 5, NULL), -EINVAL);
		assert_int_equal(vif_trunk_set_close(s.set, 500, "bye"), 2);
	} else {
		assert_int_equal(vif_trunk_set_drain(s.set), 2);
	}
	set_rig_events(&s);
	assert_int_equal(s.n_up, 0);
	assert_int_equal(s.n_failed, 3);
	assert_int_equal(s.n_unwanted, 1);
	assert_int_equal(set_rig_get(&s, "a", &found), -ESHUTDOWN);
	pair[3] = set_rig_start_pair(&s, THEM);
	assert_int_equal(vif_trunk_set_add(s.set, pair[3]->end[1], NULL),
			 -ESHUTDOWN);
	rig_run(pair[0]);
	rig_run(pair[2]);
	assert_true(vif_trunk_is_closed(pair[0]->end[0]));
	assert_int_equal(vif_trunk_reason(pair[0]->end[1], NULL),
			 closes ? 500 : VIF_REASON_NONE);
	assert_true(vif_trunk_is_closed(pair[2]->end[0]));
	vif_trunk_attempt_fail(attempt.attempt, 0, NULL);
	assert_int_equal(s.set->n_entries, 0);
	assert_int_equal(vif_trunk_set_deadline(s.set), UINT64_MAX);
	for (int i = 0; i < 4; i++)
		set_rig_free_pair(pair[i]);
	set_rig_fini(&s);
}

static void a_set_is_drained_or_closed(void **state)
{
	(void)state;
	check_end(false);
	check_end(true);
}

/* What the others have not been told yet does not outlive the set. */
static void a_set_can_be_freed_in_the_middle(void **state)
{
	struct vif_trunk_found found;
	struct rig *pair[2];
	struct set_rig s;

	(void)state;
	set_rig_start(&s, US);
	pair[0] = set_rig_dialled(&s, "a");
	pair[1] = set_rig_accepted(&s);
	for (int i = 0; i < 3; i++)
		(void)set_rig_get(&s, "b", &found);
	vif_trunk_receive_end(pair[1]->end[1]);
	for (int i = 0; i < 3; i++)
		(void)set_rig_get(&s, "c", &found);
	set_rig_fini(&s);
	rig_dial(pair[0], VIF_CIRCUIT_DERIVED);
	assert_true(rig_saw(pair[0], 0, VIF_CIRCUIT_READY));
	assert_int_equal(vif_circuit_close(pair[0]->circuit[0], 0, NULL), 0);
	rig_run(pair[0]);
	set_rig_free_pair(pair[0]);
	set_rig_free_pair(pair[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_trunk_that_drains_is_passed_over),
		cmocka_unit_test(a_trunk_that_ends_leaves),
		cmocka_unit_test(a_trunk_without_a_sign_of_life_is_doubted),
		cmocka_unit_test(a_trunk_that_drains_replaces_none),
		cmocka_unit_test(what_is_retired_ends_with_its_last_circuit),
		cmocka_unit_test(one_in_its_handshake_can_be_retired),
		cmocka_unit_test(one_in_its_handshake_can_be_taken_out),
		cmocka_unit_test(a_trunk_can_be_taken_out),
		cmocka_unit_test(an_idle_trunk_is_drained),
		cmocka_unit_test(a_trunk_that_is_told_of_late_is_not_idle),
		cmocka_unit_test(trunks_can_be_walked_through),
		cmocka_unit_test(a_walk_ends_behind_what_has_left),
		cmocka_unit_test(circuits_to_somebody_are_shut),
		cmocka_unit_test(a_set_is_drained_or_closed),
		cmocka_unit_test(a_set_can_be_freed_in_the_middle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
