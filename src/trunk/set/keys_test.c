/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of sets of trunks: nobody gets a trunk of another key than he asked for,
 * and which trunk is taken when both sides have dialled.
 */
#include "trunk/set/set.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "tests/set_rig.h"

static int get(struct set_rig *s, const struct vif_trunk_target *target,
	       struct vif_trunk_found *ret_found)
{
	return vif_trunk_set_get(s->set, target, s, ret_found);
}

/* Each part of a target counts, in front of a trunk and of an attempt. */
static void targets_that_differ_share_nothing(void **state)
{
	struct vif_trunk_target same, target[8];
	struct vif_trunk_found found;
	struct set_rig s;
	struct rig *pair;

	(void)state;
	set_rig_start(&s, US);
	pair = set_rig_dialled(&s, "addr");
	same = set_rig_target(&s, "addr");
	for (int i = 0; i < 8; i++)
		target[i] = same;
	target[0].address = "addR";
	target[1].address_len = 3;
	target[2].address = "addr.", target[2].address_len = 5;
	target[3].remote = NULL;
	target[4].remote = s.keys.key[US];
	target[5].local = NULL;
	target[6].local = s.keys.key[THEM];
	target[7].only_dialled = true;
	for (int i = 0; i < 8; i++)
		assert_int_equal(get(&s, &target[i], &found),
				 VIF_TRUNK_SET_CONNECT);
	for (int i = 0; i < 8; i++)
		assert_int_equal(get(&s, &target[i], &found),
				 VIF_TRUNK_SET_WAIT);
	assert_int_equal(get(&s, &same, &found), VIF_TRUNK_SET_READY);
	set_rig_free_pair(pair);
	set_rig_fini(&s);
}

static void targets_that_make_no_sense_are_refused(void **state)
{
	static const uint8_t long_address[256] = { 1 };
	static uint8_t odd_key[VIF_KEY_LEN];
	struct vif_trunk_target good, bad[7];
	struct vif_trunk_found found;
	struct set_rig s;

	(void)state;
	set_rig_start(&s, US);
	good = set_rig_target(&s, "a");
	for (int i = 0; i < 7; i++)
		bad[i] = good;
	memset(odd_key, 0xff, sizeof(odd_key)); /* another spelling of 18 */
	bad[0].address = NULL;
	bad[1].address_len = 0;
	bad[2].address = long_address, bad[2].address_len = 256;
	bad[3].remote = odd_key;
	bad[4].local = odd_key;
	bad[5].size = 1;
	bad[6].size = 0;
	for (int i = 0; i < 7; i++)
		assert_int_equal(get(&s, &bad[i], &found), -EINVAL);
	assert_int_equal(get(&s, NULL, &found), -EINVAL);
	good.address = long_address;
	good.address_len = 255;
	assert_int_equal(get(&s, &good, &found), VIF_TRUNK_SET_CONNECT);
	set_rig_fini(&s);
}

/*
 * The address leads to somebody else than was asked for. The program forgot to
 * pin the key, so that it is the set that notices.
 */
static void check_wrong_key(bool is_ready, bool local)
{
	struct vif_trunk_target target;
	struct vif_trunk_found found, other;
	struct set_rig s;
	struct rig *pair;

	set_rig_start(&s, US);
	target = set_rig_target(&s, "a");
	if (local)
		target.local = s.keys.key[THEM];
	else
		target.remote = s.keys.key[US];
	assert_int_equal(get(&s, &target, &found), VIF_TRUNK_SET_CONNECT);
	assert_int_equal(get(&s, &target, &other), VIF_TRUNK_SET_WAIT);
	pair = set_rig_pair(&s, US);
	rig_make(pair);
	if (is_ready)
		rig_run(pair);
	assert_int_equal(vif_trunk_attempt_attach(found.attempt, pair->end[0]),
			 0);
	rig_run(pair);
	assert_int_equal(vif_trunk_reason(pair->end[0], NULL),
			 VIF_REASON_IDENTITY);
	/* The other side hears of it. */
	assert_int_equal(vif_trunk_reason(pair->end[1], NULL),
			 VIF_REASON_IDENTITY);
	set_rig_events(&s);
	assert_int_equal(s.n_up, 0);
	assert_int_equal(s.n_failed, 2);
	assert_int_equal(s.last.reason, VIF_REASON_IDENTITY);
	assert_null(vif_trunk_set_next(s.set, NULL));
	assert_int_equal(get(&s, &target, &found), VIF_TRUNK_SET_CONNECT);
	set_rig_free_pair(pair);
	set_rig_fini(&s);
}

static void a_trunk_of_another_key_is_ended(void **state)
{
	(void)state;
	check_wrong_key(false, false);
	check_wrong_key(true, false);
	check_wrong_key(false, true);
	check_wrong_key(true, true);
}

/* Who asks for nobody in particular takes whoever is there. */
static void an_open_question_takes_anybody(void **state)
{
	struct vif_trunk_target open, strict;
	struct vif_trunk_found found;
	struct set_rig s;
	struct rig *pair;

	(void)state;
	set_rig_start(&s, US);
	strict = open = set_rig_target(&s, "a");
	open.remote = open.local = NULL;
	assert_int_equal(get(&s, &open, &found), VIF_TRUNK_SET_CONNECT);
	pair = set_rig_attach(&s, &found, true);
	assert_int_equal(get(&s, &open, &found), VIF_TRUNK_SET_READY);
	/* The key is the right one, but was not what was asked for. */
	assert_int_equal(get(&s, &strict, &found), VIF_TRUNK_SET_CONNECT);
	set_rig_free_pair(pair);
	set_rig_fini(&s);
}

static void an_accepted_trunk_serves_its_key_alone(void **state)
{
	struct vif_trunk_target target;
	struct vif_trunk_found found;
	struct set_rig s;
	struct rig *pair;

	(void)state;
	set_rig_start(&s, US);
	pair = set_rig_accepted(&s);
	target = set_rig_target(&s, "anywhere");
	assert_int_equal(get(&s, &target, &found), VIF_TRUNK_SET_READY);
	assert_ptr_equal(found.trunk, pair->end[1]);
	assert_ptr_equal(found.connection, pair);
	target.local = NULL;
	assert_int_equal(get(&s, &target, &found), VIF_TRUNK_SET_READY);
	target.local = s.keys.key[THEM]; /* we have shown another one */
	assert_int_equal(get(&s, &target, &found), VIF_TRUNK_SET_CONNECT);
	target = set_rig_target(&s, "anywhere");
	target.remote = s.keys.key[US];
	assert_int_equal(get(&s, &target, &found), VIF_TRUNK_SET_CONNECT);
	target.remote = NULL;
	assert_int_equal(get(&s, &target, &found), VIF_TRUNK_SET_CONNECT);
	target = set_rig_target(&s, "anywhere");
	target.only_dialled = true;
	assert_int_equal(get(&s, &target, &found), VIF_TRUNK_SET_CONNECT);
	set_rig_free_pair(pair);
	set_rig_fini(&s);
}

static void an_accepted_trunk_without_key_serves_nobody(void **state)
{
	struct vif_trunk_found found, open;
	struct vif_trunk_target target;
	struct set_rig s;
	struct rig *pair;

	(void)state;
	set_rig_start(&s, US);
	target = set_rig_target(&s, "a");
	target.remote = NULL;
	assert_int_equal(get(&s, &target, &open), VIF_TRUNK_SET_CONNECT);
	assert_int_equal(set_rig_get(&s, "a", &found), VIF_TRUNK_SET_CONNECT);
	pair = set_rig_pair(&s, THEM);
	pair->config[0].identity = NULL;
	pair->config[0].remote = pair->key[1];
	pair->config[1].allow_anonymous = true;
	rig_start(pair);
	assert_null(vif_trunk_remote(pair->end[1]));
	assert_int_equal(vif_trunk_set_add(s.set, pair->end[1], pair), 0);
	set_rig_events(&s);
	assert_int_equal(s.n_up, 0);
	assert_int_equal(set_rig_get(&s, "a", &found), VIF_TRUNK_SET_WAIT);
	assert_ptr_equal(vif_trunk_set_next(s.set, NULL), pair->end[1]);
	set_rig_free_pair(pair);
	set_rig_fini(&s);
}

static void the_youngest_accepted_trunk_is_taken(void **state)
{
	struct vif_trunk_found found;
	struct rig *pair[2];
	struct set_rig s;

	(void)state;
	set_rig_start(&s, US);
	pair[0] = set_rig_accepted(&s);
	pair[1] = set_rig_accepted(&s);
	assert_int_equal(set_rig_get(&s, "a", &found), VIF_TRUNK_SET_READY);
	assert_ptr_equal(found.trunk, pair[1]->end[1]);
	vif_trunk_receive_end(pair[1]->end[1]);
	assert_int_equal(set_rig_get(&s, "a", &found), VIF_TRUNK_SET_READY);
	assert_ptr_equal(found.trunk, pair[0]->end[1]);
	set_rig_free_pair(pair[0]);
	set_rig_free_pair(pair[1]);
	set_rig_fini(&s);
}

/* Their trunk comes while ours is being made. */
static void who_waits_takes_what_comes_first(void **state)
{
	(void)state;
	for (int larger = US; larger <= THEM; larger++) {
		struct vif_trunk_found found;
		struct set_rig s;
		struct rig *pair;

		set_rig_start(&s, larger);
		assert_int_equal(set_rig_get(&s, "a", &found),
				 VIF_TRUNK_SET_CONNECT);
		pair = set_rig_accepted(&s);
		set_rig_events(&s);
		assert_int_equal(s.n_up, 1);
		assert_ptr_equal(s.up, pair->end[1]);
		/* Only he who would lose gives up, or both were gone. */
		assert_int_equal(s.n_unwanted, larger == THEM);
		vif_trunk_attempt_fail(found.attempt, 0, NULL);
		set_rig_events(&s);
		assert_int_equal(s.n_failed, 0);
		set_rig_free_pair(pair);
		set_rig_fini(&s);
	}
}

/* Both are up, in either order: the larger key's is preferred. */
static void check_both(int larger, bool ours_first)
{
	struct rig *ours = NULL, *theirs;
	struct vif_trunk_found found;
	struct set_rig s;
	struct vif_trunk *wins;

	set_rig_start(&s, larger);
	if (ours_first)
		ours = set_rig_dialled(&s, "a");
	else
		assert_int_equal(set_rig_get(&s, "a", &found),
				 VIF_TRUNK_SET_CONNECT);
	theirs = set_rig_accepted(&s);
	set_rig_events(&s);
	if (!ours_first) {
		ours = set_rig_attach(&s, &found, true);
	}
	wins = larger == US ? ours->end[0] : theirs->end[1];
	for (int i = 0; i < 2; i++) {
		assert_int_equal(set_rig_get(&s, "a", &found),
				 VIF_TRUNK_SET_READY);
		assert_ptr_equal(found.trunk, wins);
		rig_run(ours);
		rig_run(theirs);
	}
	/* We end what we dialled, and nothing else. */
	assert_int_equal(vif_trunk_is_closed(ours->end[0]), larger == THEM);
	assert_true(vif_trunk_is_ready(theirs->end[1]));
	assert_int_equal(vif_trunk_reason(ours->end[1], NULL), VIF_REASON_NONE);
	set_rig_free_pair(ours);
	set_rig_free_pair(theirs);
	set_rig_fini(&s);
}

static void the_larger_key_dials(void **state)
{
	(void)state;
	check_both(US, true);
	check_both(US, false);
	check_both(THEM, true);
	check_both(THEM, false);
}

/* The two ends of two trunks, each in a set: both choose the same. */
static void both_sides_choose_the_same(void **state)
{
	struct vif_trunk_found found[2], found_by[2];
	struct set_rig us, them;
	struct rig *pair[2];

	(void)state;
	set_rig_start(&us, US);
	set_rig_start(&them, THEM); /* whose keys are swapped */
	assert_memory_equal(us.keys.key[US], them.keys.key[THEM], VIF_KEY_LEN);
	assert_int_equal(set_rig_get(&us, "a", &found[0]),
			 VIF_TRUNK_SET_CONNECT);
	assert_int_equal(set_rig_get(&them, "b", &found[1]),
			 VIF_TRUNK_SET_CONNECT);
	pair[0] = set_rig_pair(&us, US);
	pair[1] = set_rig_pair(&us, THEM);
	for (int i = 0; i < 2; i++) {
		rig_make(pair[i]);
		assert_int_equal(vif_trunk_attempt_attach(found[i].attempt,
							  pair[i]->end[0]),
				 0);
	}
	rig_run(pair[0]);
	rig_run(pair[1]);
	assert_int_equal(vif_trunk_set_add(them.set, pair[0]->end[1], NULL), 0);
	assert_int_equal(vif_trunk_set_add(us.set, pair[1]->end[1], NULL), 0);
	rig_run(pair[0]);
	rig_run(pair[1]);
	assert_int_equal(set_rig_get(&us, "a", &found_by[0]),
			 VIF_TRUNK_SET_READY);
	assert_int_equal(set_rig_get(&them, "b", &found_by[1]),
			 VIF_TRUNK_SET_READY);
	assert_ptr_equal(found_by[0].trunk, pair[0]->end[0]);
	assert_ptr_equal(found_by[1].trunk, pair[0]->end[1]);
	assert_true(vif_trunk_is_ready(pair[0]->end[0]));
	assert_true(vif_trunk_is_closed(pair[1]->end[0]));
	assert_true(vif_trunk_is_closed(pair[1]->end[1]));
	for (int i = 0; i < 2; i++)
		set_rig_free_pair(pair[i]);
	set_rig_fini(&us);
	set_rig_fini(&them);
}

/* One that is in use is not ended for the sake of order. */
static void who_loses_keeps_its_circuits(void **state)
{
	struct rig *ours, *theirs;
	struct vif_trunk_found found;
	struct set_rig s;

	(void)state;
	set_rig_start(&s, THEM);
	ours = set_rig_dialled(&s, "a");
	rig_dial(ours, VIF_CIRCUIT_DERIVED);
	theirs = set_rig_accepted(&s);
	rig_run(ours);
	assert_true(vif_trunk_is_ready(ours->end[0]));
	assert_int_equal(set_rig_get(&s, "a", &found), VIF_TRUNK_SET_READY);
	assert_ptr_equal(found.trunk, theirs->end[1]);
	assert_int_equal(vif_circuit_close(ours->circuit[1], 0, NULL), 0);
	rig_run(ours);
	assert_true(vif_trunk_is_closed(ours->end[0]));
	set_rig_free_pair(ours);
	set_rig_free_pair(theirs);
	set_rig_fini(&s);
}

/* Theirs was in doubt when ours came up: ours is kept, theirs comes back. */
static void who_was_doubted_does_not_win(void **state)
{
	struct rig *ours, *theirs;
	struct vif_trunk_found found;
	struct set_rig s;

	(void)state;
	set_rig_init(&s, THEM);
	s.config.doubt_ns = 1;
	set_rig_make(&s);
	theirs = set_rig_accepted(&s);
	set_rig_advance(&s, UINT64_C(15000000000));
	rig_advance(theirs, UINT64_C(15000000000));
	set_rig_advance(&s, 1);
	ours = set_rig_dialled(&s, "a");
	assert_ptr_equal(s.up, ours->end[0]);
	rig_run(ours);
	assert_true(vif_trunk_is_ready(ours->end[0]));
	assert_int_equal(set_rig_get(&s, "a", &found), VIF_TRUNK_SET_READY);
	assert_ptr_equal(found.trunk, ours->end[0]);
	rig_run(theirs);
	assert_int_equal(set_rig_get(&s, "a", &found), VIF_TRUNK_SET_READY);
	assert_ptr_equal(found.trunk, theirs->end[1]);
	set_rig_free_pair(ours);
	set_rig_free_pair(theirs);
	set_rig_fini(&s);
}

/* It is of no use to those who wait. */
static void one_that_drains_serves_nobody(void **state)
{
	struct vif_trunk_found found;
	struct rig *pair;
	struct set_rig s;

	(void)state;
	set_rig_start(&s, THEM);
	assert_int_equal(set_rig_get(&s, "a", &found), VIF_TRUNK_SET_CONNECT);
	pair = set_rig_start_pair(&s, THEM);
	assert_int_equal(vif_trunk_drain(pair->end[1]), 0);
	assert_int_equal(vif_trunk_set_add(s.set, pair->end[1], NULL), 0);
	set_rig_events(&s);
	assert_int_equal(s.n_up + s.n_failed + s.n_unwanted, 0);
	assert_int_equal(set_rig_get(&s, "a", &found), VIF_TRUNK_SET_WAIT);
	set_rig_free_pair(pair);
	set_rig_fini(&s);
}

/* What asked for a connection of its own has not lost. */
static void only_dialled_does_not_lose(void **state)
{
	struct vif_trunk_target target;
	struct rig *ours, *theirs;
	struct vif_trunk_found found;
	struct set_rig s;

	(void)state;
	set_rig_start(&s, THEM);
	target = set_rig_target(&s, "a");
	target.only_dialled = true;
	assert_int_equal(get(&s, &target, &found), VIF_TRUNK_SET_CONNECT);
	theirs = set_rig_accepted(&s);
	set_rig_events(&s);
	assert_int_equal(s.n_up + s.n_unwanted, 0);
	ours = set_rig_attach(&s, &found, true);
	rig_run(ours);
	assert_int_equal(get(&s, &target, &found), VIF_TRUNK_SET_READY);
	assert_ptr_equal(found.trunk, ours->end[0]);
	set_rig_free_pair(ours);
	set_rig_free_pair(theirs);
	set_rig_fini(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(targets_that_differ_share_nothing),
		cmocka_unit_test(targets_that_make_no_sense_are_refused),
		cmocka_unit_test(a_trunk_of_another_key_is_ended),
		cmocka_unit_test(an_open_question_takes_anybody),
		cmocka_unit_test(an_accepted_trunk_serves_its_key_alone),
		cmocka_unit_test(an_accepted_trunk_without_key_serves_nobody),
		cmocka_unit_test(the_youngest_accepted_trunk_is_taken),
		cmocka_unit_test(who_waits_takes_what_comes_first),
		cmocka_unit_test(the_larger_key_dials),
		cmocka_unit_test(both_sides_choose_the_same),
		cmocka_unit_test(who_loses_keeps_its_circuits),
		cmocka_unit_test(only_dialled_does_not_lose),
		cmocka_unit_test(who_was_doubted_does_not_win),
		cmocka_unit_test(one_that_drains_serves_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
