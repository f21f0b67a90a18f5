/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of sets of trunks: who waits is told the truth, also when what he was to
 * be told of has gone.
 */
#include "trunk/set/set.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "tests/set_rig.h"

static const uint64_t one_second = 1000000000;

/* How a trunk stops being one that can be told of. */
enum going {
	IT_ENDS,
	IT_IS_FREED,
	IT_DRAINS,
	IT_IS_RETIRED,
	IT_IS_REMOVED,
	N_GOING,
};

static void go(struct rig *pair, int end, enum going how)
{
	struct vif_trunk *trunk = pair->end[end];

	if (how == IT_ENDS)
		vif_trunk_receive_end(trunk);
	if (how == IT_DRAINS)
		assert_int_equal(vif_trunk_drain(trunk), 0);
	if (how == IT_IS_RETIRED)
		assert_int_equal(vif_trunk_set_retire(trunk), 0);
	if (how == IT_IS_REMOVED)
		vif_trunk_set_remove(trunk);
	if (how == IT_IS_FREED) {
		vif_trunk_free(trunk);
		pair->end[end] = NULL;
	}
}

/* Two wait for an attempt, when a trunk is accepted that would do. */
static struct rig *start(struct set_rig *s, int larger,
			 struct vif_trunk_found *ret_found)
{
	struct vif_trunk_found other;

	set_rig_start(s, larger);
	assert_int_equal(set_rig_get(s, "a", ret_found), VIF_TRUNK_SET_CONNECT);
	assert_int_equal(set_rig_get(s, "a", &other), VIF_TRUNK_SET_WAIT);
	return set_rig_accepted(s);
}

/* The attempt is as it was, and those who wait for it are told of its trunk. */
static void check_attempt_goes_on(int larger, enum going how)
{
	struct vif_trunk_found found, other;
	struct rig *theirs, *ours;
	struct set_rig s;

	theirs = start(&s, larger, &found);
	go(theirs, 1, how);
	set_rig_events(&s);
	assert_int_equal(s.n_up + s.n_failed, 0);
	assert_int_equal(s.n_unwanted, 0); /* somebody wants it again */
	assert_int_equal(set_rig_get(&s, "a", &other), VIF_TRUNK_SET_WAIT);
	ours = set_rig_attach(&s, &found, true);
	set_rig_events(&s);
	assert_int_equal(s.n_up, 3);
	assert_ptr_equal(s.up, ours->end[0]);
	set_rig_free_pair(theirs);
	set_rig_free_pair(ours);
	assert_int_equal(s.set->n_entries + s.set->n_accepted, 0);
	set_rig_fini(&s);
}

static void who_was_to_get_another_trunk_waits_again(void **state)
{
	(void)state;
	for (unsigned int how = 0; how < N_GOING; how++) {
		check_attempt_goes_on(US, how);
		check_attempt_goes_on(THEM, how);
	}
}

/* He may as well have none to go back to: it failed meanwhile. */
static void without_an_attempt_he_hears_why_it_went(void **state)
{
	struct vif_trunk_found found;
	struct rig *theirs;
	struct set_rig s;

	(void)state;
	theirs = start(&s, US, &found);
	vif_trunk_attempt_fail(found.attempt, 300, NULL);
	vif_trunk_abort(theirs->end[1], 400, "so");
	set_rig_events(&s);
	assert_int_equal(s.n_failed, 2);
	assert_int_equal(s.last.reason, 400);
	assert_int_equal(s.set->n_entries + s.set->n_accepted, 0);
	set_rig_free_pair(theirs);
	set_rig_fini(&s);
}

/* What was accepted before, or is accepted meanwhile. */
static void another_accepted_trunk_comes_first(void **state)
{
	struct rig *theirs[2];
	struct vif_trunk_found found;
	struct set_rig s;

	(void)state;
	theirs[0] = start(&s, US, &found);
	theirs[1] = set_rig_accepted(&s);
	vif_trunk_receive_end(theirs[0]->end[1]);
	set_rig_events(&s);
	assert_int_equal(s.n_up, 2);
	assert_ptr_equal(s.up, theirs[1]->end[1]);
	vif_trunk_attempt_fail(found.attempt, 0, NULL);
	for (int i = 0; i < 2; i++)
		set_rig_free_pair(theirs[i]);
	set_rig_fini(&s);
}

/* Each goes back to what he has asked for. */
static void targets_are_not_mixed_up(void **state)
{
	struct vif_trunk_found a, b;
	struct rig *theirs, *ours;
	struct set_rig s;
	int user_a, user_b;
	struct vif_trunk_target target;

	(void)state;
	set_rig_start(&s, US);
	target = set_rig_target(&s, "a");
	assert_int_equal(vif_trunk_set_get(s.set, &target, &user_a, &a),
			 VIF_TRUNK_SET_CONNECT);
	target.address = "b";
	assert_int_equal(vif_trunk_set_get(s.set, &target, &user_b, &b),
			 VIF_TRUNK_SET_CONNECT);
	theirs = set_rig_accepted(&s);
	vif_trunk_receive_end(theirs->end[1]);
	vif_trunk_attempt_fail(a.attempt, 300, NULL);
	set_rig_events(&s);
	assert_int_equal(s.n_failed, 1);
	assert_ptr_equal(s.last.user, &user_a);
	ours = set_rig_attach(&s, &b, true);
	set_rig_events(&s);
	assert_int_equal(s.n_up, 1);
	assert_ptr_equal(s.last.user, &user_b);
	set_rig_free_pair(theirs);
	set_rig_free_pair(ours);
	set_rig_fini(&s);
}

/* His own attempt is over, but somebody has begun another one. */
static void a_later_attempt_is_as_good(void **state)
{
	struct vif_trunk_found found, later;
	struct rig *theirs, *ours;
	struct set_rig s;

	(void)state;
	theirs = start(&s, US, &found);
	vif_trunk_attempt_fail(found.attempt, 300, NULL);
	/* The set has not looked at those who wait since then. */
	assert_int_equal(vif_trunk_drain(theirs->end[1]), 0);
	assert_int_equal(set_rig_get(&s, "a", &later), VIF_TRUNK_SET_CONNECT);
	set_rig_events(&s);
	assert_int_equal(s.n_up + s.n_failed, 0);
	ours = set_rig_attach(&s, &later, true);
	set_rig_events(&s);
	assert_int_equal(s.n_up, 3);
	set_rig_free_pair(theirs);
	set_rig_free_pair(ours);
	assert_int_equal(s.set->n_entries, 0);
	set_rig_fini(&s);
}

/* Those who were moved there and back can give up like others. */
static void who_came_back_can_give_up(void **state)
{
	struct vif_trunk_found found, other;
	struct rig *theirs;
	struct set_rig s;

	(void)state;
	set_rig_start(&s, THEM);
	assert_int_equal(set_rig_get(&s, "a", &found), VIF_TRUNK_SET_CONNECT);
	assert_int_equal(set_rig_get(&s, "a", &other), VIF_TRUNK_SET_WAIT);
	theirs = set_rig_accepted(&s);
	vif_trunk_waiter_cancel(other.waiter); /* while he was to be told */
	vif_trunk_receive_end(theirs->end[1]);
	set_rig_events(&s);
	assert_int_equal(s.n_unwanted, 0);
	vif_trunk_waiter_cancel(found.waiter);
	set_rig_events(&s);
	assert_int_equal(s.n_unwanted, 1);
	vif_trunk_attempt_fail(found.attempt, 0, NULL);
	set_rig_events(&s);
	assert_int_equal(s.n_failed, 0);
	assert_int_equal(s.set->n_entries + s.set->n_accepted, 0);
	set_rig_free_pair(theirs);
	set_rig_fini(&s);
}

/* Nothing begins in a set that is being closed. */
static void a_drained_set_sends_nobody_back(void **state)
{
	struct vif_trunk_found found;
	struct rig *theirs;
	struct set_rig s;

	(void)state;
	theirs = start(&s, US, &found);
	assert_int_equal(vif_trunk_set_drain(s.set), 1);
	assert_true(vif_trunk_set_next_event(s.set, &s.last));
	assert_int_equal(s.last.type, VIF_TRUNK_SET_FAILED);
	assert_int_equal(s.last.reason, VIF_REASON_DRAINING);
	set_rig_events(&s);
	assert_int_equal(s.n_failed, 1);
	assert_int_equal(s.n_unwanted, 1);
	vif_trunk_attempt_fail(found.attempt, 0, NULL);
	set_rig_free_pair(theirs);
	assert_int_equal(s.set->n_entries + s.set->n_accepted, 0);
	set_rig_fini(&s);
}

/* Who asked for one entry waits for another, and neither is there any more. */
static void a_set_can_be_freed_while_they_are_away(void **state)
{
	struct vif_trunk_found found;
	struct rig *theirs;
	struct set_rig s;

	(void)state;
	theirs = start(&s, US, &found);
	set_rig_fini(&s);
	set_rig_free_pair(theirs);
}

/* Their attempt takes its time, whoever came and went in it. */
static void the_time_of_an_attempt_goes_on(void **state)
{
	struct vif_trunk_found found;
	struct rig *theirs;
	struct set_rig s;

	(void)state;
	theirs = start(&s, US, &found);
	set_rig_advance(&s, 29 * one_second);
	vif_trunk_receive_end(theirs->end[1]);
	set_rig_advance(&s, one_second - 1);
	set_rig_events(&s);
	assert_int_equal(s.n_failed, 0);
	set_rig_advance(&s, 1);
	set_rig_events(&s);
	assert_int_equal(s.n_failed, 2);
	assert_int_equal(s.last.reason, VIF_REASON_TIMEOUT);
	vif_trunk_attempt_fail(found.attempt, 0, NULL);
	set_rig_free_pair(theirs);
	set_rig_fini(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_was_to_get_another_trunk_waits_again),
		cmocka_unit_test(without_an_attempt_he_hears_why_it_went),
		cmocka_unit_test(another_accepted_trunk_comes_first),
		cmocka_unit_test(targets_are_not_mixed_up),
		cmocka_unit_test(a_later_attempt_is_as_good),
		cmocka_unit_test(who_came_back_can_give_up),
		cmocka_unit_test(a_drained_set_sends_nobody_back),
		cmocka_unit_test(a_set_can_be_freed_while_they_are_away),
		cmocka_unit_test(the_time_of_an_attempt_goes_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
