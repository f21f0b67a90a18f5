/* SPDX-License-Identifier: Apache-2.0 */
/* Memory of a budget: none is left over, nor lost when there is none. */
#include <vif/trunk_budget.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "tests/trunk/memory.h"

static void there_is_a_budget_or_nothing(void **state)
{
	struct vif_trunk_budget *budget = NULL;

	(void)state;
	memory.n_calls = 0;
	memory.fail_at = 1;
	assert_int_equal(vif_trunk_budget_new(NULL, &budget, NULL), -ENOMEM);
	assert_null(budget);
	memory.fail_at = 0;
	assert_int_equal(memory.n_ours, 0);
	assert_int_equal(vif_trunk_budget_new(NULL, &budget, NULL), 0);
	assert_int_equal(memory.n_ours, 1);
	assert_int_equal(vif_trunk_budget_free(budget), 0);
	assert_int_equal(memory.n_ours, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(there_is_a_budget_or_nothing),
	};

	memory_begin();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
