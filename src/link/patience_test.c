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

/* Looks once, and offers the CPU, which comes back after away_ns. */
static bool offer(struct patience *patience, uint64_t away_ns)
{
	uint64_t now_ns = START_NS + PATIENCE_OFFER_NS;

	assert_true(patience_looks_again(patience, START_NS));
	assert_false(patience_wants_offer(patience, now_ns - 1));
	assert_true(patience_wants_offer(patience, now_ns));
	patience_offered(patience, now_ns, now_ns + away_ns);
	assert_false(patience_wants_offer(patience, now_ns + away_ns));
	return patience->is_over;
}

/* Short idle times until it looks again. */
static uint32_t skipped(struct patience *patience)
{
	uint32_t n = 0;

	while (idle(patience, PATIENCE_MIN_NS) == 0)
		assert_true(++n <= PATIENCE_SKIP_MAX);
	return n;
}

/* Somebody else has something to do, so it sleeps, at once and for a while. */
static void ends_when_the_cpu_is_taken(void **state)
{
	struct patience patience;

	(void)state;
	patience_init(&patience);
	assert_false(offer(&patience, PATIENCE_TAKEN_NS - 1));
	assert_true(patience_looks_again(&patience, START_NS));
	patience_ends(&patience, START_NS + STEP_NS, false);

	assert_true(offer(&patience, PATIENCE_TAKEN_NS));
	patience_ends(&patience, START_NS + STEP_NS, false);
	/* The one in which it was taken counts, too. */
	assert_int_equal(skipped(&patience), PATIENCE_SKIP_MIN - 1);
	/* What was learned of idle times before is as it was. */
	assert_int_equal(patience.limit_ns, PATIENCE_MAX_NS);
}

static void looks_less_the_more_it_is_taken(void **state)
{
	struct patience patience;
	uint32_t n = PATIENCE_SKIP_MIN;

	(void)state;
	patience_init(&patience);
	for (int i = 0; i < 20; i++) {
		assert_true(offer(&patience, PATIENCE_TAKEN_NS));
		patience_ends(&patience, START_NS, false);
		assert_int_equal(skipped(&patience), n - 1);
		n = n < PATIENCE_SKIP_MAX ? 2 * n : n;
	}
	assert_int_equal(n, PATIENCE_SKIP_MAX);
	/* Left to it often enough, it is as in the beginning. */
	for (int i = 0; i < PATIENCE_SKIP_MAX; i++) {
		assert_false(offer(&patience, 0));
		patience_ends(&patience, START_NS, false);
	}
	assert_true(offer(&patience, PATIENCE_TAKEN_NS));
	patience_ends(&patience, START_NS, false);
	assert_int_equal(skipped(&patience), PATIENCE_SKIP_MIN - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ends_when_the_cpu_is_taken),
		cmocka_unit_test(looks_less_the_more_it_is_taken),
		cmocka_unit_test(looks_as_long_as_it_may),
		cmocka_unit_test(long_pauses_end_it),
		cmocka_unit_test(short_pauses_bring_it_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
