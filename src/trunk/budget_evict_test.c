/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of who is evicted: the idlest, as many as are needed, and no busy one. */
#include "trunk/budget.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/bits.h"

#define STEP ((uint64_t)VIF_TRUNK_BUDGET_STEP)

enum {
	IDLE = 100, /* ns */
	N_MEMBERS = 4,
};

/* Four with a step each, of a budget of four. */
struct rig {
	struct vif_trunk_budget *budget;
	struct budget_member member[N_MEMBERS];
	struct budget_member *woken[N_MEMBERS];
	unsigned int n_woken;
};

static void woke(void *user, void *trunk_user)
{
	struct rig *rig = user;

	assert_true(rig->n_woken < N_MEMBERS);
	rig->woken[rig->n_woken++] = trunk_user;
}

/* The first was used at the first of these times, and so on. */
static void rig_init(struct rig *rig, uint64_t idle_ns,
		     const uint64_t used_ns[N_MEMBERS])
{
	const struct vif_trunk_budget_config config = {
		.size = sizeof(config),
		.limit = N_MEMBERS * STEP,
		.idle_ns = idle_ns,
		.wake = woke,
		.user = rig,
	};

	*rig = (struct rig){ 0 };
	assert_int_equal(vif_trunk_budget_new(&config, &rig->budget, NULL), 0);
	for (int i = 0; i < N_MEMBERS; i++) {
		struct budget_member *member = &rig->member[i];

		budget_join(member, rig->budget, member, 1);
		assert_true(budget_take(member, STEP, BUDGET_LIMIT, 1));
		budget_used(member, 1, used_ns[i]);
	}
}

static void rig_leave(struct rig *rig, int i)
{
	budget_fit(&rig->member[i], 0);
	budget_resign(&rig->member[i]);
	budget_leave(&rig->member[i]);
}

static void rig_fini(struct rig *rig)
{
	for (int i = 0; i < N_MEMBERS; i++)
		rig_leave(rig, i);
	assert_int_equal(vif_trunk_budget_free(rig->budget), 0);
}

static void check_woken(const struct rig *rig, unsigned int n, int last)
{
	struct vif_trunk_budget_stats stats;
	unsigned int n_marked = 0;

	vif_trunk_budget_stats(rig->budget, &stats);
	assert_int_equal(rig->n_woken, n);
	assert_int_equal(stats.evicted, n);
	for (int i = 0; i < N_MEMBERS; i++)
		n_marked += budget_is_marked(&rig->member[i]);
	assert_int_equal(n_marked, n);
	if (n == 0)
		return;
	assert_ptr_equal(rig->woken[n - 1], &rig->member[last]);
	assert_true(budget_is_marked(&rig->member[last]));
}

static void the_idlest_goes_first(void **state)
{
	static const uint64_t used_ns[] = { 1000, 30, 20, 40 };
	struct rig rig;

	(void)state;
	rig_init(&rig, IDLE, used_ns);
	budget_refused(&rig.member[0], STEP, 1000);
	check_woken(&rig, 1, 2);
	/* What it has is on its way: nobody else goes for the same. */
	budget_refused(&rig.member[0], STEP, 1000);
	budget_refused(&rig.member[3], STEP, 1000);
	check_woken(&rig, 1, 2);
	/* It has ended, and others want as much. */
	budget_fit(&rig.member[2], 0);
	budget_resign(&rig.member[2]);
	assert_true(budget_take(&rig.member[0], 2 * STEP, BUDGET_LIMIT, 1000));
	budget_refused(&rig.member[0], STEP, 1000);
	assert_int_equal(rig.n_woken, 2);
	assert_ptr_equal(rig.woken[1], &rig.member[1]);
	rig_fini(&rig);
}

static void as_many_go_as_are_needed(void **state)
{
	static const uint64_t used_ns[] = { 1000, 30, 20, 40 };
	struct rig rig;

	(void)state;
	rig_init(&rig, IDLE, used_ns);
	budget_refused(&rig.member[0], STEP + 1, 1000);
	check_woken(&rig, 2, 1);
	rig_fini(&rig);
}

/* One nanosecond decides. */
static void who_is_not_idle_long_enough_stays(void **state)
{
	static const uint64_t used_ns[] = { 1000, 903, 902, 901 };
	struct rig rig;

	(void)state;
	rig_init(&rig, IDLE, used_ns);
	budget_refused(&rig.member[0], STEP, 1000);
	check_woken(&rig, 0, 0);
	budget_refused(&rig.member[0], STEP, 1001);
	check_woken(&rig, 1, 3);
	rig_fini(&rig);
}

static void use_keeps_a_trunk(void **state)
{
	static const uint64_t used_ns[] = { 1000, 20, 10, 30 };
	struct rig rig;

	(void)state;
	rig_init(&rig, IDLE, used_ns);
	budget_used(&rig.member[2], 1, 990); /* no progress, no use */
	budget_used(&rig.member[1], 2, 990);
	budget_refused(&rig.member[0], 4 * STEP, 1000);
	check_woken(&rig, 2, 3);
	assert_ptr_equal(rig.woken[0], &rig.member[2]);
	rig_fini(&rig);
}

/* Not even for a time that was before: clocks are read one after another. */
static void who_asks_stays_and_so_does_who_is_ahead(void **state)
{
	static const uint64_t used_ns[] = { 10, 2000, 2000, 2000 };
	struct rig rig;

	(void)state;
	rig_init(&rig, IDLE, used_ns);
	budget_refused(&rig.member[0], STEP, 1000);
	check_woken(&rig, 0, 0);
	/* ... but for others it goes, as soon as anybody can. */
	budget_refused(&rig.member[1], STEP, 1000 + IDLE - 1);
	check_woken(&rig, 0, 0);
	budget_refused(&rig.member[1], STEP, 1000 + IDLE);
	check_woken(&rig, 1, 0);
	rig_fini(&rig);
}

static void who_has_nothing_stays(void **state)
{
	static const uint64_t used_ns[] = { 1000, 10, 20, 30 };
	struct rig rig;

	(void)state;
	rig_init(&rig, IDLE, used_ns);
	budget_fit(&rig.member[1], 0);
	assert_true(budget_take(&rig.member[0], 2 * STEP, BUDGET_LIMIT, 1000));
	budget_refused(&rig.member[0], STEP, 1000);
	check_woken(&rig, 1, 2);
	rig_fini(&rig);
}

static void nobody_goes_while_there_is_room(void **state)
{
	static const uint64_t used_ns[] = { 1000, 10, 20, 30 };
	struct rig rig;

	(void)state;
	rig_init(&rig, IDLE, used_ns);
	budget_fit(&rig.member[1], 0);
	budget_refused(&rig.member[0], STEP, 1000);
	check_woken(&rig, 0, 0);
	rig_fini(&rig);
}

static void nobody_goes_if_that_is_wanted(void **state)
{
	static const uint64_t used_ns[] = { 1000, 10, 20, 30 };
	struct rig rig;

	(void)state;
	rig_init(&rig, UINT64_MAX, used_ns);
	budget_refused(&rig.member[0], STEP, UINT64_MAX);
	check_woken(&rig, 0, 0);
	rig_fini(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_idlest_goes_first),
		cmocka_unit_test(as_many_go_as_are_needed),
		cmocka_unit_test(who_is_not_idle_long_enough_stays),
		cmocka_unit_test(use_keeps_a_trunk),
		cmocka_unit_test(who_asks_stays_and_so_does_who_is_ahead),
		cmocka_unit_test(who_has_nothing_stays),
		cmocka_unit_test(nobody_goes_while_there_is_room),
		cmocka_unit_test(nobody_goes_if_that_is_wanted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
