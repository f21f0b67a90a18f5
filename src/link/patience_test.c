/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of how long a worker looks again. */
#include "link/patience.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum {
	START_NS = 1000000,
	STEP_NS = 100,
};

/*
 * An idle time in which it looks every STEP_NS, and sleeps when that is over.
 * Returns for how long it has looked.
 */
static uint64_t idle(struct patience *patience, uint64_t idle_ns)
{
	uint64_t now_ns = START_NS, end_ns = START_NS + idle_ns;

	while (now_ns < end_ns && patience_looks_again(patience, now_ns))
		now_ns += STEP_NS;
	if (now_ns < end_ns)
		end_ns += PATIENCE_WAKE_NS;
	patience_ends(patience, end_ns, now_ns < end_ns);
	return now_ns - START_NS;
}

static void looks_as_long_as_it_may(void **state)
{
	struct patience patience;

	(void)state;
	patience_init(&patience);
	assert_false(patience.is_idle);
	assert_true(patience_looks_again(&patience, START_NS));
	assert_true(patience.is_idle);
	assert_true(patience_looks_again(&patience,
					 START_NS + PATIENCE_MAX_NS - 1));
	assert_false(
		patience_looks_again(&patience, START_NS + PATIENCE_MAX_NS));
	/* Once it is over it stays so, until the next idle time. */
	assert_true(patience.is_over);
	assert_false(patience_looks_again(&patience, START_NS));
	patience_ends(&patience, START_NS + PATIENCE_MAX_NS - 1, false);
	assert_false(patience.is_idle);
	assert_true(patience_looks_again(&patience, START_NS));
}

/* Pauses that are long each time are not worth a look. */
static void long_pauses_end_it(void **state)
{
	struct patience patience;
	uint64_t last_ns = PATIENCE_MAX_NS;

	(void)state;
	patience_init(&patience);
	assert_int_equal(idle(&patience, 1000 * PATIENCE_MAX_NS),
			 PATIENCE_MAX_NS);
	while (last_ns > 0) {
		uint64_t ns = idle(&patience, PATIENCE_MAX_NS);

		assert_true(ns < last_ns);
		assert_true(ns == 0 || ns >= PATIENCE_MIN_NS);
		last_ns = ns;
	}
	/* It is over with the first look then. */
	assert_false(patience_looks_again(&patience, START_NS));
}

/* After each pause that was short it looks longer, until it meets the packet. */
static void short_pauses_bring_it_back(void **state)
{
	static const uint64_t pauses_ns[] = { 100, PATIENCE_MIN_NS, 20000,
					      PATIENCE_MAX_NS - STEP_NS };

	(void)state;
	for (size_t i = 0; i < sizeof(pauses_ns) / sizeof(pauses_ns[0]); i++) {
		uint64_t pause_ns = pauses_ns[i];
		struct patience patience;
		int n = 0;

		patience_init(&patience);
		for (int j = 0; j < 10; j++)
			(void)idle(&patience, 10 * PATIENCE_MAX_NS);
		assert_int_equal(patience.limit_ns, 0);
		while (idle(&patience, pause_ns) < pause_ns)
			assert_true(++n < 6);
		for (int j = 0; j < 10; j++)
			assert_int_equal(idle(&patience, pause_ns), pause_ns);
		assert_int_equal(patience.limit_ns, PATIENCE_MAX_NS);
		/* One long pause is forgiven. */
		assert_int_equal(idle(&patience, 10 * PATIENCE_MAX_NS),
				 PATIENCE_MAX_NS);
		if (pause_ns <= PATIENCE_MAX_NS / 2)
			assert_int_equal(idle(&patience, pause_ns), pause_ns);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(looks_as_long_as_it_may),
		cmocka_unit_test(long_pauses_end_it),
		cmocka_unit_test(short_pauses_bring_it_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
