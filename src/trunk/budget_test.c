/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of a budget's numbers: what is taken, how far, and that it comes back. */
#include "trunk/budget.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/trunk_budget_rig.h"

static void check_taken(struct vif_trunk_budget *budget, uint64_t taken,
			uint64_t taken_max)
{
	assert_int_equal(budget_stats(budget).taken, taken);
	assert_int_equal(budget_stats(budget).taken_max, taken_max);
}

static void leave(struct budget_member *member)
{
	budget_fit(member, 0);
	budget_resign(member);
	budget_leave(member);
}

static void defaults_are_256_mib_three_quarters_and_10_s(void **state)
{
	struct vif_trunk_budget *budget = NULL;

	(void)state;
	assert_int_equal(vif_trunk_budget_new(NULL, &budget, NULL), 0);
	assert_int_equal(budget->config.limit, 256 << 20);
	assert_int_equal(budget->config.soft, 192 << 20);
	assert_int_equal(budget->config.idle_ns, UINT64_C(10000000000));
	check_taken(budget, 0, 0);
	assert_int_equal(vif_trunk_budget_free(budget), 0);
	assert_int_equal(vif_trunk_budget_free(NULL), 0);
}

static void what_makes_no_sense_is_refused(void **state)
{
	static const struct {
		struct vif_trunk_budget_config config;
		const char *why;
	} cases[] = {
		{ { .size = sizeof(cases[0].config), .limit = BUDGET_STEP - 1 },
		  "limit is below 65536" },
		{ { .size = sizeof(cases[0].config),
		    .limit = BUDGET_STEP,
		    .soft = BUDGET_STEP + 1 },
		  "soft is above limit" },
		{ { .size = sizeof(cases[0].config), .soft = (256 << 20) + 1 },
		  "soft is above limit" },
	};
	struct vif_trunk_budget *budget = NULL;
	struct vif_trunk_budget_config config = { .size = 1 };
	struct vif_error error;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(
			vif_trunk_budget_new(&cases[i].config, &budget, &error),
			-EINVAL);
		assert_string_equal(error.why, cases[i].why);
	}
	assert_int_equal(vif_trunk_budget_new(&config, &budget, NULL), -EINVAL);
	assert_null(budget);
}

static void the_least_that_makes_sense_is_taken(void **state)
{
	struct vif_trunk_budget *budget = budget_make(BUDGET_STEP, BUDGET_STEP);
	struct budget_member member = { 0 };

	(void)state;
	budget_join(&member, budget, NULL, 0);
	assert_true(budget_take(&member, BUDGET_STEP, BUDGET_SOFT, 0));
	assert_false(budget_take(&member, BUDGET_STEP + 1, BUDGET_LIMIT, 0));
	leave(&member);
	assert_int_equal(vif_trunk_budget_free(budget), 0);
}

static void without_a_budget_nothing_is_limited(void **state)
{
	struct budget_member member = { 0 };

	(void)state;
	budget_join(&member, NULL, NULL, 0);
	assert_true(budget_take(&member, UINT64_MAX / 2, BUDGET_SOFT, 0));
	assert_true(budget_has_room(&member, UINT64_MAX / 2));
	assert_false(budget_is_tight(&member));
	assert_false(budget_is_marked(&member));
	budget_refused(&member, 1, 0);
	leave(&member);
}

/* Up to a whole step at once, and no step less than is needed. */
static void steps_are_taken_and_given_back(void **state)
{
	struct vif_trunk_budget *budget =
		budget_make(10 * BUDGET_STEP, 10 * BUDGET_STEP);
	struct budget_member member = { 0 };

	(void)state;
	budget_join(&member, budget, NULL, 0);
	assert_true(budget_take(&member, 1, BUDGET_LIMIT, 0));
	check_taken(budget, BUDGET_STEP, BUDGET_STEP);
	assert_true(budget_take(&member, BUDGET_STEP, BUDGET_LIMIT, 0));
	check_taken(budget, BUDGET_STEP, BUDGET_STEP);
	assert_true(budget_take(&member, BUDGET_STEP + 1, BUDGET_LIMIT, 0));
	check_taken(budget, 2 * BUDGET_STEP, 2 * BUDGET_STEP);
	assert_true(budget_take(&member, 7 * BUDGET_STEP, BUDGET_LIMIT, 0));
	budget_fit(&member, 6 * BUDGET_STEP + 1);
	check_taken(budget, 7 * BUDGET_STEP, 7 * BUDGET_STEP);
	budget_fit(&member, 6 * BUDGET_STEP);
	check_taken(budget, 6 * BUDGET_STEP, 7 * BUDGET_STEP);
	budget_fit(&member, 9 * BUDGET_STEP); /* it takes nothing */
	check_taken(budget, 6 * BUDGET_STEP, 7 * BUDGET_STEP);
	budget_fit(&member, 0);
	check_taken(budget, 0, 7 * BUDGET_STEP);
	leave(&member);
	assert_int_equal(vif_trunk_budget_free(budget), 0);
}

static void nothing_is_above_its_level(void **state)
{
	struct vif_trunk_budget *budget =
		budget_make(4 * BUDGET_STEP, 2 * BUDGET_STEP);
	struct budget_member a = { 0 }, b = { 0 };

	(void)state;
	budget_join(&a, budget, NULL, 0);
	budget_join(&b, budget, NULL, 0);
	assert_true(budget_take(&a, BUDGET_STEP, BUDGET_SOFT, 0));
	assert_true(budget_take(&b, BUDGET_STEP, BUDGET_SOFT, 0));
	assert_false(budget_is_tight(&a)); /* just at it is not above */
	assert_false(budget_take(&a, BUDGET_STEP + 1, BUDGET_SOFT, 0));
	check_taken(budget, 2 * BUDGET_STEP, 2 * BUDGET_STEP);
	assert_true(budget_take(&a, BUDGET_STEP + 1, BUDGET_LIMIT, 0));
	assert_true(budget_is_tight(&a) && budget_is_tight(&b));
	assert_false(budget_take(&b, 2 * BUDGET_STEP + 1, BUDGET_LIMIT, 0));
	assert_true(budget_has_room(&a, BUDGET_STEP));
	assert_false(budget_has_room(&a, BUDGET_STEP + 1));
	assert_true(budget_take(&b, 2 * BUDGET_STEP, BUDGET_LIMIT, 0));
	assert_false(budget_has_room(&b, 1));
	check_taken(budget, 4 * BUDGET_STEP, 4 * BUDGET_STEP);
	/* What it has it may use, however full it is. */
	assert_true(budget_take(&b, 2 * BUDGET_STEP, BUDGET_SOFT, 0));
	leave(&a);
	assert_false(budget_is_tight(&b));
	leave(&b);
	check_taken(budget, 0, 4 * BUDGET_STEP);
	assert_int_equal(vif_trunk_budget_free(budget), 0);
}

/* A limit that is no whole number of steps is not passed by a part of one. */
static void a_part_of_a_step_is_not_taken(void **state)
{
	struct vif_trunk_budget *budget =
		budget_make(2 * BUDGET_STEP - 1, 2 * BUDGET_STEP - 1);
	struct budget_member member = { 0 };

	(void)state;
	budget_join(&member, budget, NULL, 0);
	assert_true(budget_take(&member, BUDGET_STEP, BUDGET_LIMIT, 0));
	assert_false(budget_has_room(&member, 1));
	assert_false(budget_take(&member, BUDGET_STEP + 1, BUDGET_LIMIT, 0));
	leave(&member);
	assert_int_equal(vif_trunk_budget_free(budget), 0);
}

static void it_is_not_freed_under_a_trunk(void **state)
{
	struct vif_trunk_budget *budget = budget_make(0, 0);
	struct budget_member member = { 0 };

	(void)state;
	budget_join(&member, budget, NULL, 0);
	assert_int_equal(budget_stats(budget).trunks, 1);
	assert_int_equal(vif_trunk_budget_free(budget), -EBUSY);
	budget_resign(&member);
	budget_resign(&member);
	assert_int_equal(vif_trunk_budget_free(budget), -EBUSY);
	budget_leave(&member);
	budget_leave(&member);
	assert_int_equal(budget_stats(budget).trunks, 0);
	assert_int_equal(vif_trunk_budget_free(budget), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_are_256_mib_three_quarters_and_10_s),
		cmocka_unit_test(what_makes_no_sense_is_refused),
		cmocka_unit_test(the_least_that_makes_sense_is_taken),
		cmocka_unit_test(without_a_budget_nothing_is_limited),
		cmocka_unit_test(steps_are_taken_and_given_back),
		cmocka_unit_test(nothing_is_above_its_level),
		cmocka_unit_test(a_part_of_a_step_is_not_taken),
		cmocka_unit_test(it_is_not_freed_under_a_trunk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
