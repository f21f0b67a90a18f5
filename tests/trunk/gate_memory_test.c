/* SPDX-License-Identifier: Apache-2.0 */
/* Memory of a gate: none is left over, and each allocation may fail. */
#include <vif/trunk_gate.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "tests/trunk/memory.h"

/* Whether all of it went well. */
static bool use_gate(void)
{
	struct vif_trunk_gate *gate = NULL;
	uint64_t place = 0;
	int r = vif_trunk_gate_new(NULL, &gate, NULL);

	if (r < 0) {
		assert_null(gate);
		/* libcrypto cannot tell want of memory from other wants. */
		assert_true(r == -ENOMEM || r == -EOPNOTSUPP || r == -EIO);
		return false;
	}
	r = vif_trunk_gate_enter(gate, "here", 4, &place);
	if (r < 0) {
		struct vif_trunk_gate_stats stats;

		assert_int_equal(r, -ENOMEM);
		assert_int_equal(place, 0);
		vif_trunk_gate_stats(gate, &stats);
		assert_int_equal(stats.places, 0);
	} else {
		assert_int_equal(vif_trunk_gate_leave(gate, place), 0);
	}
	vif_trunk_gate_free(gate);
	return r == 0;
}

static void each_allocation_fails(void **state)
{
	unsigned int n_failed = 0;
	uint64_t n = 0;

	(void)state;
	do {
		memory.n_calls = 0;
		memory.fail_at = ++n;
		n_failed += !use_gate();
		memory.fail_at = 0;
		assert_int_equal(memory.n_ours, 0);
	} while (memory.n_calls >= n);
	assert_true(n_failed > 3);
}

static void nothing_is_left(void **state)
{
	size_t before;

	(void)state;
	assert_true(use_gate()); /* what libcrypto keeps for good */
	before = memory.n_bytes;
	assert_true(use_gate());
	assert_int_equal(memory.n_ours, 0);
	assert_int_equal(memory.n_bytes, before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_left),
		cmocka_unit_test(each_allocation_fails),
	};

	memory_begin();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
