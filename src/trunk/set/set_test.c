/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of sets of trunks: who asks, who connects, who is told, and limits. */
#include "trunk/set/set.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/set_rig.h"

static const uint64_t one_second = 1000000000;

static struct vif_trunk_set_stats stats_of(const struct set_rig *s)
{
	struct vif_trunk_set_stats stats;

	vif_trunk_set_stats(s->set, &stats);
	return stats;
}

/* Ten dialers, one connection. */
static void one_connects_and_all_are_told(void **state)
{
	struct vif_trunk_found found, other;
	struct rig *pair;
	struct set_rig s;

	(void)state;
	set_rig_start(&s, US);
	assert_int_equal(set_rig_get(&s, "a", &found), VIF_TRUNK_SET_CONNECT);
	assert_non_null(found.attempt);
	assert_non_null(found.waiter);
	for (int i = 1; i < 10; i++) {
		assert_int_equal(set_rig_get(&s, "a", &other),
				 VIF_TRUNK_SET_WAIT);
		assert_null(other.attempt);
		assert_null(other.trunk);
	}
	pair = set_rig_attach(&s, &found, false);
	set_rig_events(&s);
	assert_int_equal(s.n_up + s.n_failed, 0); /* not ready yet */
	assert_int_equal(set_rig_get(&s, "a", &other), VIF_TRUNK_SET_WAIT);
	rig_run(pair);
	assert_int_equal(stats_of(&s).waiters, 11);
	set_rig_events(&s);
	assert_int_equal(s.n_up, 11);
	assert_ptr_equal(s.last.trunk, pair->end[0]);
	assert_ptr_equal(s.last.connection, pair);
	assert_ptr_equal(s.last.user, &s);
	assert_int_equal(set_rig_get(&s, "a", &other), VIF_TRUNK_SET_READY);
	assert_ptr_equal(other.trunk, pair->end[0]);
	assert_ptr_equal(other.connection, pair);
	assert_null(other.waiter);
	assert_int_equal(stats_of(&s).attempts, 1);
	assert_int_equal(stats_of(&s).joined, 10);
	assert_int_equal(stats_of(&s).found, 1);
	assert_int_equal(stats_of(&s).trunks, 1);
	assert_int_equal(stats_of(&s).waiters, 0);
	set_rig_free_pair(pair);
	assert_int_equal(stats_of(&s).trunks, 0);
	set_rig_fini(&s);
}

static void a_trunk_that_is_ready_can_be_attached(void **state)
{
	struct vif_trunk_found found;
	struct rig *pair;
	struct set_rig s;

	(void)state;
	set_rig_start(&s, US);
	assert_int_equal(set_rig_get(&s, "a", &found), VIF_TRUNK_SET_CONNECT);
	pair = set_rig_attach(&s, &found, true);
	set_rig_events(&s);
	assert_int_equal(s.n_up, 1);
	set_rig_fini(&s); /* the trunk lives on */
	assert_true(vif_trunk_is_ready(pair->end[0]));
	set_rig_free_pair(pair);
}

/* All hear the same of a failure, and the next one may try at once. */
static void a_failure_is_that_of_its_askers(void **state)
{
	struct vif_trunk_found found, other;
	struct set_rig s;

	(void)state;
	set_rig_start(&s, US);
	assert_int_equal(set_rig_get(&s, "a", &found), VIF_TRUNK_SET_CONNECT);
	assert_int_equal(set_rig_get(&s, "a", &other), VIF_TRUNK_SET_WAIT);
	vif_trunk_attempt_fail(found.attempt, 300, "no way");
	/* Not told yet, and no hindrance. */
	assert_int_equal(set_rig_get(&s, "a", &found), VIF_TRUNK_SET_CONNECT);
	for (int i = 0; i < 2; i++) {
		assert_true(vif_trunk_set_next_event(s.set, &s.last));
		assert_int_equal(s.last.type, VIF_TRUNK_SET_FAILED);
		assert_int_equal(s.last.reason, 300);
		assert_string_equal(s.last.text, "no way");
		assert_null(s.last.trunk);
	}
	assert_false(vif_trunk_set_next_event(s.set, &s.last));
	vif_trunk_attempt_fail(found.attempt, 0, NULL);
	set_rig_events(&s);
	assert_int_equal(s.n_failed, 1);
	assert_int_equal(s.last.reason, VIF_REASON_CLOSED);
	assert_string_equal(s.last.text, "");
	assert_int_equal(stats_of(&s).failed, 2);
	assert_int_equal(stats_of(&s).trying, 0);
	assert_int_equal(s.set->n_entries, 0);
	set_rig_fini(&s);
}

static void a_trunk_that_ends_in_its_handshake_is_a_failure(void **state)
{
	struct vif_trunk_found found;
	struct rig *pair;
	struct set_rig s;

	(void)state;
	set_rig_start(&s, US);
	assert_int_equal(set_rig_get(&s, "a", &found), VIF_TRUNK_SET_CONNECT);
	pair = set_rig_attach(&s, &found, false);
	vif_trunk_receive_end(pair->end[0]);
	set_rig_free_pair(pair); /* gone before anybody is told */
	set_rig_events(&s);
	assert_int_equal(s.n_failed, 1);
	assert_int_equal(s.last.reason, VIF_REASON_TRUNCATED);
	assert_int_equal(stats_of(&s).failed, 1);
	assert_int_equal(s.set->n_entries, 0);
	set_rig_fini(&s);
}

/* Who is told of it must be able to use it. */
static void what_came_and_went_is_not_told(void **state)
{
	struct vif_trunk_found found;
	struct rig *pair;
	struct set_rig s;

	(void)state;
	set_rig_start(&s, US);
	assert_int_equal(set_rig_get(&s, "a", &found), VIF_TRUNK_SET_CONNECT);
	pair = set_rig_attach(&s, &found, true);
	vif_trunk_abort(pair->end[0], 400, "so");
	set_rig_events(&s);
	assert_int_equal(s.n_up, 0);
	assert_int_equal(s.n_failed, 1);
	assert_int_equal(s.last.reason, 400);
	assert_int_equal(stats_of(&s).failed, 0); /* it was up */
	set_rig_free_pair(pair);

	assert_int_equal(set_rig_get(&s, "a", &found), VIF_TRUNK_SET_CONNECT);
	pair = set_rig_attach(&s, &found, true);
	assert_int_equal(vif_trunk_drain(pair->end[0]), 0);
	set_rig_events(&s);
	assert_int_equal(s.n_up, 0);
	assert_int_equal(s.n_failed, 1);
	assert_int_equal(s.last.reason, VIF_REASON_DRAINING);
	set_rig_free_pair(pair);
	set_rig_fini(&s);
}

static void a_waiter_can_give_up(void **state)
{
	struct vif_trunk_found first, second;
	struct set_rig s;

	(void)state;
	set_rig_start(&s, US);
	assert_int_equal(set_rig_get(&s, "a", &first), VIF_TRUNK_SET_CONNECT);
	assert_int_equal(set_rig_get(&s, "a", &second), VIF_TRUNK_SET_WAIT);
	vif_trunk_attempt_set_connection(first.attempt, &first);
	vif_trunk_waiter_cancel(first.waiter);
	set_rig_events(&s);
	assert_int_equal(s.n_unwanted, 0); /* one is left */
	vif_trunk_waiter_cancel(second.waiter);
	assert_int_equal(stats_of(&s).waiters, 0);
	set_rig_events(&s);
	assert_int_equal(s.n_unwanted, 1);
	assert_ptr_equal(s.last.attempt, first.attempt);
	assert_ptr_equal(s.last.connection, &first);
	/* Told once, and no failure. */
	set_rig_events(&s);
	assert_int_equal(s.n_unwanted, 0);
	vif_trunk_attempt_fail(first.attempt, 0, NULL);
	set_rig_events(&s);
	assert_int_equal(s.n_failed, 0);
	assert_int_equal(stats_of(&s).failed, 0);
	assert_int_equal(s.set->n_entries, 0);
	set_rig_fini(&s);
}

/* Somebody comes before it was told that nobody is left. */
static void an_attempt_can_be_wanted_again(void **state)
{
	struct vif_trunk_found first, second;
	struct set_rig s;

	(void)state;
	set_rig_start(&s, US);
	assert_int_equal(set_rig_get(&s, "a", &first), VIF_TRUNK_SET_CONNECT);
	vif_trunk_waiter_cancel(first.waiter);
	assert_int_equal(set_rig_get(&s, "a", &second), VIF_TRUNK_SET_WAIT);
	set_rig_events(&s);
	assert_int_equal(s.n_unwanted, 0);
	vif_trunk_attempt_fail(first.attempt, 0, NULL);
	assert_int_equal(stats_of(&s).failed, 1);
	/* One who is to be told can still give up. */
	vif_trunk_waiter_cancel(second.waiter);
	set_rig_events(&s);
	assert_int_equal(s.n_failed, 0);
	assert_int_equal(s.set->n_entries, 0);
	set_rig_fini(&s);
}

/* T - 1, T, with nothing but a connection that does not come. */
static void an_attempt_has_its_time(void **state)
{
	struct vif_trunk_found found, other;
	struct rig *pair;
	struct set_rig s;

	(void)state;
	set_rig_start(&s, US);
	assert_int_equal(vif_trunk_set_deadline(s.set), UINT64_MAX);
	vif_trunk_set_advance(s.set, 1); /* does not go back */
	assert_int_equal(set_rig_get(&s, "a", &found), VIF_TRUNK_SET_CONNECT);
	assert_int_equal(vif_trunk_set_deadline(s.set),
			 s.now_ns + 30 * one_second);
	set_rig_advance(&s, 30 * one_second - 1);
	set_rig_events(&s);
	assert_int_equal(s.n_failed, 0);
	set_rig_advance(&s, 1);
	assert_int_equal(vif_trunk_set_deadline(s.set), UINT64_MAX);
	set_rig_events(&s);
	assert_int_equal(s.n_failed, 1);
	assert_int_equal(s.n_unwanted, 1);
	assert_int_equal(stats_of(&s).failed, 1);
	/* The next one does not wait for him who is late. */
	assert_int_equal(set_rig_get(&s, "a", &other), VIF_TRUNK_SET_CONNECT);
	assert_ptr_not_equal(other.attempt, found.attempt);
	pair = set_rig_start_pair(&s, US);
	assert_int_equal(vif_trunk_attempt_attach(found.attempt, pair->end[0]),
			 -ETIMEDOUT);
	vif_trunk_attempt_fail(found.attempt, 0, NULL);
	assert_int_equal(vif_trunk_attempt_attach(other.attempt, pair->end[0]),
			 0);
	set_rig_events(&s);
	assert_int_equal(s.n_up, 1);
	set_rig_free_pair(pair);
	set_rig_fini(&s);
}

static void the_time_includes_the_handshake(void **state)
{
	struct vif_trunk_found found;
	struct rig *pair;
	struct set_rig s;

	(void)state;
	set_rig_init(&s, US);
	s.config.attempt_ns = 7;
	set_rig_make(&s);
	assert_int_equal(set_rig_get(&s, "a", &found), VIF_TRUNK_SET_CONNECT);
	pair = set_rig_attach(&s, &found, false);
	set_rig_advance(&s, 6);
	assert_int_equal(vif_trunk_reason(pair->end[0], NULL), VIF_REASON_NONE);
	set_rig_advance(&s, 1);
	assert_int_equal(vif_trunk_reason(pair->end[0], NULL),
			 VIF_REASON_TIMEOUT);
	set_rig_events(&s);
	assert_int_equal(s.n_failed, 1);
	assert_int_equal(s.last.reason, VIF_REASON_TIMEOUT);
	set_rig_free_pair(pair);
	set_rig_fini(&s);
}

static void what_cannot_be_attached_is_refused(void **state)
{
	struct vif_trunk_found found;
	struct rig *pair, *dead;
	struct set_rig s;

	(void)state;
	set_rig_start(&s, US);
	pair = set_rig_dialled(&s, "b");
	dead = set_rig_start_pair(&s, US);
	vif_trunk_abort(dead->end[0], 0, NULL);
	assert_int_equal(set_rig_get(&s, "a", &found), VIF_TRUNK_SET_CONNECT);
	assert_int_equal(vif_trunk_attempt_attach(found.attempt, pair->end[1]),
			 -EINVAL);
	assert_int_equal(vif_trunk_attempt_attach(found.attempt, pair->end[0]),
			 -EBUSY);
	assert_int_equal(vif_trunk_attempt_attach(found.attempt, dead->end[0]),
			 -ECONNABORTED);
	vif_trunk_attempt_fail(found.attempt, 0, NULL);
	assert_int_equal(vif_trunk_set_add(s.set, pair->end[0], NULL), -EINVAL);
	assert_int_equal(vif_trunk_set_add(s.set, pair->end[1], NULL), 0);
	assert_int_equal(vif_trunk_set_add(s.set, pair->end[1], NULL), -EBUSY);
	vif_trunk_free(dead->end[1]);
	dead->end[1] = NULL;
	assert_int_equal(vif_trunk_new(VIF_TRUNK_ACCEPTER, &dead->config[1],
				       s.now_ns, &dead->end[1], NULL),
			 0);
	assert_int_equal(vif_trunk_set_add(s.set, dead->end[1], NULL),
			 -ENOTCONN);
	vif_trunk_abort(dead->end[1], 0, NULL);
	assert_int_equal(vif_trunk_set_add(s.set, dead->end[1], NULL),
			 -ECONNABORTED);
	set_rig_free_pair(dead);
	set_rig_free_pair(pair);
	set_rig_fini(&s);
}

static void entries_have_a_limit(void **state)
{
	struct vif_trunk_found a, b, c;
	struct set_rig s;

	(void)state;
	set_rig_init(&s, US);
	s.config.entries_max = 2;
	set_rig_make(&s);
	assert_int_equal(set_rig_get(&s, "a", &a), VIF_TRUNK_SET_CONNECT);
	assert_int_equal(set_rig_get(&s, "b", &b), VIF_TRUNK_SET_CONNECT);
	assert_int_equal(set_rig_get(&s, "c", &c), -ENOSPC);
	assert_int_equal(set_rig_get(&s, "b", &c), VIF_TRUNK_SET_WAIT);
	assert_int_equal(stats_of(&s).refused, 1);
	assert_int_equal(stats_of(&s).waiters, 3);
	vif_trunk_attempt_fail(a.attempt, 0, NULL);
	set_rig_events(&s);
	assert_int_equal(set_rig_get(&s, "c", &c), VIF_TRUNK_SET_CONNECT);
	set_rig_fini(&s);
}

/* A second key of theirs. */
static struct rig *accept_other(struct set_rig *s)
{
	struct rig *pair = set_rig_pair(s, THEM);

	pair->secret[0][7] ^= 1;
	rig_start(pair);
	return pair;
}

/* Others cannot fill a set so that we cannot dial, nor so that friends wait. */
static void accepted_trunks_have_limits(void **state)
{
	struct rig *pair[3], *other[2], *ours;
	struct vif_trunk_found found;
	struct set_rig s;

	(void)state;
	set_rig_init(&s, US);
	s.config.entries_max = 1;
	s.config.accepted_max = 3;
	s.config.accepted_key_max = 2;
	set_rig_make(&s);
	ours = set_rig_dialled(&s, "a");
	pair[0] = set_rig_accepted(&s);
	pair[1] = set_rig_accepted(&s);
	pair[2] = set_rig_start_pair(&s, THEM);
	assert_int_equal(vif_trunk_set_add(s.set, pair[2]->end[1], NULL),
			 -EDQUOT);
	other[0] = accept_other(&s);
	other[1] = accept_other(&s);
	assert_int_equal(vif_trunk_set_add(s.set, other[0]->end[1], NULL), 0);
	assert_int_equal(vif_trunk_set_add(s.set, other[1]->end[1], NULL),
			 -ENOSPC);
	for (int i = 0; i < 2; i++)
		vif_trunk_receive_end(pair[i]->end[1]);
	assert_int_equal(vif_trunk_set_add(s.set, pair[2]->end[1], NULL), 0);
	assert_int_equal(vif_trunk_set_add(s.set, other[1]->end[1], NULL), 0);
	vif_trunk_receive_end(pair[2]->end[1]);
	set_rig_free_pair(ours);
	assert_int_equal(set_rig_get(&s, "a", &found), VIF_TRUNK_SET_CONNECT);
	for (int i = 0; i < 3; i++)
		set_rig_free_pair(pair[i]);
	for (int i = 0; i < 2; i++)
		set_rig_free_pair(other[i]);
	set_rig_fini(&s);
}

static void accepted_trunks_have_default_limits(void **state)
{
	struct rig *pair[5];
	struct set_rig s;

	(void)state;
	set_rig_start(&s, US);
	assert_int_equal(s.set->config.accepted_max, 1024);
	assert_int_equal(s.set->config.entries_max, 1024);
	assert_int_equal(s.set->config.waiters_max, 4096);
	for (int i = 0; i < 4; i++)
		pair[i] = set_rig_accepted(&s);
	pair[4] = set_rig_start_pair(&s, THEM);
	assert_int_equal(vif_trunk_set_add(s.set, pair[4]->end[1], NULL),
			 -EDQUOT);
	for (int i = 0; i < 5; i++)
		set_rig_free_pair(pair[i]);
	set_rig_fini(&s);
}

static void waiters_have_a_limit(void **state)
{
	struct vif_trunk_found found;
	struct set_rig s;

	(void)state;
	set_rig_init(&s, US);
	s.config.waiters_max = 3;
	set_rig_make(&s);
	assert_int_equal(set_rig_get(&s, "a", &found), VIF_TRUNK_SET_CONNECT);
	assert_int_equal(set_rig_get(&s, "b", &found), VIF_TRUNK_SET_CONNECT);
	assert_int_equal(set_rig_get(&s, "a", &found), VIF_TRUNK_SET_WAIT);
	assert_int_equal(set_rig_get(&s, "a", &found), -EDQUOT);
	assert_int_equal(set_rig_get(&s, "c", &found), -EDQUOT);
	assert_int_equal(stats_of(&s).refused, 2);
	assert_int_equal(stats_of(&s).trying, 2);
	vif_trunk_waiter_cancel(found.waiter);
	assert_int_equal(set_rig_get(&s, "a", &found), VIF_TRUNK_SET_WAIT);
	set_rig_fini(&s);
}

static void configurations_that_make_no_sense_are_refused(void **state)
{
	struct vif_trunk_set_config config = { .size = sizeof(config) };
	struct vif_trunk_set *set = NULL;
	struct vif_error error;

	(void)state;
	config.entries_max = VIF_TRUNK_SET_ENTRIES_MAX + 1;
	assert_int_equal(vif_trunk_set_new(&config, 0, &set, &error), -EINVAL);
	assert_non_null(strstr(error.why, "entries_max"));
	config.entries_max = VIF_TRUNK_SET_ENTRIES_MAX;
	config.backoff_ns = 60 * one_second + 1;
	assert_int_equal(vif_trunk_set_new(&config, 0, &set, &error), -EINVAL);
	assert_non_null(strstr(error.why, "backoff_ns"));
	assert_int_equal(
		vif_trunk_set_new(&(struct vif_trunk_set_config){ .size = 1 },
				  0, &set, NULL),
		-EINVAL);
	assert_null(set);
	config.backoff_ns--;
	assert_int_equal(vif_trunk_set_new(&config, 0, &set, NULL), 0);
	vif_trunk_set_free(set);
	assert_int_equal(vif_trunk_set_new(NULL, 0, &set, NULL), 0);
	vif_trunk_set_free(set);
	vif_trunk_set_free(NULL);
}

/* A child has the memory, but neither the keys nor the connections. */
static void a_child_gets_nothing(void **state)
{
	struct vif_trunk_found found;
	struct set_rig s;
	int status;
	pid_t pid;

	(void)state;
	set_rig_start(&s, US);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(set_rig_get(&s, "a", &found) == -EOWNERDEAD ? 7 : 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 7);
	set_rig_fini(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_connects_and_all_are_told),
		cmocka_unit_test(a_trunk_that_is_ready_can_be_attached),
		cmocka_unit_test(a_failure_is_that_of_its_askers),
		cmocka_unit_test(
			a_trunk_that_ends_in_its_handshake_is_a_failure),
		cmocka_unit_test(what_came_and_went_is_not_told),
		cmocka_unit_test(a_waiter_can_give_up),
		cmocka_unit_test(an_attempt_can_be_wanted_again),
		cmocka_unit_test(an_attempt_has_its_time),
		cmocka_unit_test(the_time_includes_the_handshake),
		cmocka_unit_test(what_cannot_be_attached_is_refused),
		cmocka_unit_test(entries_have_a_limit),
		cmocka_unit_test(accepted_trunks_have_limits),
		cmocka_unit_test(accepted_trunks_have_default_limits),
		cmocka_unit_test(waiters_have_a_limit),
		cmocka_unit_test(configurations_that_make_no_sense_are_refused),
		cmocka_unit_test(a_child_gets_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
