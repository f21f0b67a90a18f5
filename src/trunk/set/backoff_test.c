/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of sets of trunks: how long to wait after a failure, T - 1 and T. */
#include "trunk/set/set.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "tests/set_rig.h"

static int no_random(void *user, uint8_t *bytes, size_t len)
{
	(void)user, (void)bytes, (void)len;
	return -ENOSYS;
}

/* Without jitter, if not said otherwise: 100, 200, 400, at most 500. */
static void start(struct set_rig *s, bool has_jitter)
{
	set_rig_init(s, US);
	s->config.backoff_ns = 100;
	s->config.backoff_max_ns = 500;
	s->config.entries_max = 2;
	s->config.attempt_ns = 1000;
	set_rig_make(s);
	if (!has_jitter)
		s->set->config.random = no_random;
}

static void fail_once(struct set_rig *s, const char *address)
{
	struct vif_trunk_found found;

	assert_int_equal(set_rig_get(s, address, &found),
			 VIF_TRUNK_SET_CONNECT);
	vif_trunk_attempt_fail(found.attempt, 300, NULL);
	set_rig_events(s);
	assert_int_equal(s->n_failed, 1);
}

static void check_wait(struct set_rig *s, const char *address, uint64_t ns)
{
	struct vif_trunk_found found;

	set_rig_advance(s, ns - 1);
	assert_int_equal(set_rig_get(s, address, &found),
			 VIF_TRUNK_SET_BACKOFF);
	assert_int_equal(found.again_ns, s->now_ns + 1);
	assert_int_equal(found.reason, 300);
	assert_null(found.waiter);
	set_rig_advance(s, 1);
}

static void the_time_doubles_up_to_a_limit(void **state)
{
	static const uint64_t wait_ns[] = { 100, 200, 400, 500, 500 };
	struct vif_trunk_set_stats stats;
	struct set_rig s;

	(void)state;
	start(&s, false);
	for (size_t i = 0; i < 5; i++) {
		fail_once(&s, "a");
		check_wait(&s, "a", wait_ns[i]);
	}
	vif_trunk_set_stats(s.set, &stats);
	assert_int_equal(stats.backed_off, 5);
	assert_int_equal(stats.failed, 5);
	assert_int_equal(s.set->n_entries, 1);
	set_rig_fini(&s);
}

/* Others are not concerned, and other targets of the address neither. */
static void it_is_about_one_target(void **state)
{
	struct vif_trunk_target target;
	struct vif_trunk_found found;
	struct set_rig s;

	(void)state;
	start(&s, false);
	fail_once(&s, "a");
	target = set_rig_target(&s, "a");
	target.remote = s.keys.key[US];
	assert_int_equal(vif_trunk_set_get(s.set, &target, NULL, &found),
			 VIF_TRUNK_SET_CONNECT);
	set_rig_fini(&s);
}

static void success_forgets_it(void **state)
{
	struct set_rig s;

	(void)state;
	start(&s, false);
	fail_once(&s, "a");
	check_wait(&s, "a", 100);
	fail_once(&s, "a");
	check_wait(&s, "a", 200);
	set_rig_free_pair(set_rig_dialled(&s, "a"));
	assert_int_equal(s.set->n_entries, 0);
	fail_once(&s, "a");
	check_wait(&s, "a", 100);
	set_rig_fini(&s);
}

/* backoff_max_ns after it could have been tried. */
static void time_forgets_it(void **state)
{
	struct set_rig s;

	(void)state;
	start(&s, false);
	fail_once(&s, "a");
	assert_int_equal(vif_trunk_set_deadline(s.set), s.now_ns + 600);
	set_rig_advance(&s, 599);
	fail_once(&s, "a");
	check_wait(&s, "a", 200);
	set_rig_advance(&s, 499);
	assert_int_equal(s.set->n_entries, 1);
	set_rig_advance(&s, 1);
	assert_int_equal(s.set->n_entries, 0);
	fail_once(&s, "a");
	check_wait(&s, "a", 100);
	set_rig_fini(&s);
}

/* Those who were not told yet keep the old failure, not the new attempt. */
static void an_heir_knows_of_the_failures(void **state)
{
	struct vif_trunk_found found;
	struct set_rig s;

	(void)state;
	start(&s, false);
	assert_int_equal(set_rig_get(&s, "a", &found), VIF_TRUNK_SET_CONNECT);
	vif_trunk_attempt_fail(found.attempt, 300, NULL);
	set_rig_advance(&s, 100);
	assert_int_equal(set_rig_get(&s, "a", &found), VIF_TRUNK_SET_CONNECT);
	assert_int_equal(s.set->n_entries, 2);
	vif_trunk_attempt_fail(found.attempt, 300, NULL);
	/* The old one is still there, but not asked any more. */
	assert_int_equal(set_rig_get(&s, "a", &found), VIF_TRUNK_SET_BACKOFF);
	assert_int_equal(found.again_ns, s.now_ns + 200);
	set_rig_events(&s);
	assert_int_equal(s.n_failed, 2);
	assert_int_equal(s.set->n_entries, 1);
	check_wait(&s, "a", 200);
	set_rig_fini(&s);
}

/* He who is late still holds the attempt that failed. */
static void what_is_held_is_no_heir(void **state)
{
	struct vif_trunk_found late, found;
	struct set_rig s;

	(void)state;
	start(&s, false);
	assert_int_equal(set_rig_get(&s, "a", &late), VIF_TRUNK_SET_CONNECT);
	set_rig_advance(&s, s.config.attempt_ns);
	set_rig_events(&s);
	assert_int_equal(s.n_failed, 1);
	assert_int_equal(s.n_unwanted, 1);
	set_rig_advance(&s, 100);
	assert_int_equal(set_rig_get(&s, "a", &found), VIF_TRUNK_SET_CONNECT);
	assert_ptr_not_equal(found.attempt, late.attempt);
	vif_trunk_attempt_fail(late.attempt, 0, NULL);
	assert_int_equal(s.set->n_entries, 1);
	vif_trunk_attempt_fail(found.attempt, 300, NULL);
	check_wait(&s, "a", 200);
	set_rig_fini(&s);
}

/* An attempt is not that of the connection that failed before. */
static void an_heir_has_its_own_connection(void **state)
{
	struct vif_trunk_found found;
	struct set_rig s;

	(void)state;
	start(&s, false);
	assert_int_equal(set_rig_get(&s, "a", &found), VIF_TRUNK_SET_CONNECT);
	vif_trunk_attempt_set_connection(found.attempt, &s);
	vif_trunk_attempt_fail(found.attempt, 300, NULL);
	set_rig_events(&s);
	set_rig_advance(&s, 100);
	assert_int_equal(set_rig_get(&s, "a", &found), VIF_TRUNK_SET_CONNECT);
	vif_trunk_waiter_cancel(found.waiter);
	set_rig_events(&s);
	assert_int_equal(s.n_unwanted, 1);
	assert_null(s.last.connection);
	set_rig_fini(&s);
}

static void what_nobody_wanted_is_no_failure(void **state)
{
	struct vif_trunk_found found;
	struct set_rig s;

	(void)state;
	start(&s, false);
	assert_int_equal(set_rig_get(&s, "a", &found), VIF_TRUNK_SET_CONNECT);
	vif_trunk_waiter_cancel(found.waiter);
	vif_trunk_attempt_fail(found.attempt, 300, NULL);
	assert_int_equal(s.set->n_entries, 0);
	fail_once(&s, "a");
	set_rig_fini(&s);
}

/* Memories make room; what lives does not. */
static void the_oldest_memory_makes_room(void **state)
{
	struct vif_trunk_found found;
	struct set_rig s;

	(void)state;
	start(&s, false);
	fail_once(&s, "a");
	set_rig_advance(&s, 1);
	fail_once(&s, "b");
	fail_once(&s, "c"); /* instead of a */
	assert_int_equal(set_rig_get(&s, "b", &found), VIF_TRUNK_SET_BACKOFF);
	assert_int_equal(set_rig_get(&s, "c", &found), VIF_TRUNK_SET_BACKOFF);
	assert_int_equal(set_rig_get(&s, "a", &found), VIF_TRUNK_SET_CONNECT);
	assert_int_equal(set_rig_get(&s, "d", &found), VIF_TRUNK_SET_CONNECT);
	assert_int_equal(set_rig_get(&s, "e", &found), -ENOSPC);
	set_rig_fini(&s);
}

/* Between half of it and all, and not the same each time. */
static void half_of_it_is_random(void **state)
{
	uint64_t least = UINT64_MAX, most = 0;
	struct vif_trunk_found found;
	struct set_rig s;

	(void)state;
	start(&s, true);
	for (int i = 0; i < 1000; i++) {
		uint64_t wait_ns;

		fail_once(&s, "a");
		assert_int_equal(set_rig_get(&s, "a", &found),
				 VIF_TRUNK_SET_BACKOFF);
		wait_ns = found.again_ns - s.now_ns;
		least = wait_ns < least ? wait_ns : least;
		most = wait_ns > most ? wait_ns : most;
		set_rig_advance(&s, 100 + 500); /* all is forgotten */
	}
	assert_in_range(least, 50, 55);
	assert_in_range(most, 95, 100);
	set_rig_fini(&s);
}

/* The largest numbers do not wrap. */
static void for_ever_is_possible(void **state)
{
	struct vif_trunk_found found;
	struct set_rig s;

	(void)state;
	set_rig_init(&s, US);
	s.config.backoff_ns = UINT64_MAX;
	s.config.backoff_max_ns = UINT64_MAX;
	s.config.attempt_ns = UINT64_MAX;
	set_rig_make(&s);
	assert_int_equal(set_rig_get(&s, "a", &found), VIF_TRUNK_SET_CONNECT);
	assert_int_equal(vif_trunk_set_deadline(s.set), UINT64_MAX);
	vif_trunk_attempt_fail(found.attempt, 300, NULL);
	set_rig_events(&s);
	set_rig_advance(&s, UINT64_MAX - s.now_ns - 1);
	assert_int_equal(set_rig_get(&s, "a", &found), VIF_TRUNK_SET_BACKOFF);
	assert_int_equal(found.again_ns, UINT64_MAX);
	assert_int_equal(set_rig_get(&s, "b", &found), VIF_TRUNK_SET_CONNECT);
	set_rig_advance(&s, 1); /* the end of time */
	set_rig_events(&s);
	assert_int_equal(s.n_failed, 0);
	assert_int_equal(set_rig_get(&s, "a", &found), VIF_TRUNK_SET_BACKOFF);
	set_rig_fini(&s);
}

/* However long ago it was asked for a sign of life. */
static void doubt_may_be_off(void **state)
{
	struct vif_trunk_found found;
	struct rig *pair;
	struct set_rig s;

	(void)state;
	set_rig_init(&s, US);
	s.config.doubt_ns = UINT64_MAX;
	set_rig_make(&s);
	pair = set_rig_dialled(&s, "a");
	rig_advance(pair, UINT64_C(15000000000));
	assert_int_equal(pair->end[0]->asked_ns, pair->now_ns);
	set_rig_advance(&s, UINT64_MAX - s.now_ns);
	assert_int_equal(set_rig_get(&s, "a", &found), VIF_TRUNK_SET_READY);
	set_rig_free_pair(pair);
	set_rig_fini(&s);
}

static void the_time_does_not_double_to_nothing(void **state)
{
	struct vif_trunk_found found;
	struct set_rig s;

	(void)state;
	set_rig_init(&s, US);
	s.config.backoff_ns = (UINT64_MAX >> 1) + 2;
	s.config.backoff_max_ns = UINT64_MAX;
	set_rig_make(&s);
	s.set->config.random = no_random;
	fail_once(&s, "a");
	set_rig_advance(&s, s.config.backoff_ns);
	fail_once(&s, "a");
	assert_int_equal(set_rig_get(&s, "a", &found), VIF_TRUNK_SET_BACKOFF);
	assert_int_equal(found.again_ns, UINT64_MAX);
	set_rig_fini(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_time_doubles_up_to_a_limit),
		cmocka_unit_test(it_is_about_one_target),
		cmocka_unit_test(success_forgets_it),
		cmocka_unit_test(time_forgets_it),
		cmocka_unit_test(an_heir_knows_of_the_failures),
		cmocka_unit_test(what_is_held_is_no_heir),
		cmocka_unit_test(an_heir_has_its_own_connection),
		cmocka_unit_test(what_nobody_wanted_is_no_failure),
		cmocka_unit_test(the_oldest_memory_makes_room),
		cmocka_unit_test(half_of_it_is_random),
		cmocka_unit_test(for_ever_is_possible),
		cmocka_unit_test(doubt_may_be_off),
		cmocka_unit_test(the_time_does_not_double_to_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
