/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of credit: what may be sent, when a limit is told, when it widens. */
#include "trunk/credit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* I6 */
static const uint64_t edges[] = {
	UINT64_C(0xffffffff), UINT64_C(1) << 32, UINT64_C(1) << 62,
	UINT64_C(1) << 63,    UINT64_MAX - 1,    UINT64_MAX,
};

static void test_limits_only_grow(void **state)
{
	struct credit_tx tx = { .limit = 10 };

	(void)state;
	assert_false(credit_raise(&tx, 10));
	assert_false(credit_raise(&tx, 9));
	assert_false(credit_raise(&tx, 0));
	assert_int_equal(tx.limit, 10);
	for (unsigned int i = 0; i < sizeof(edges) / sizeof(edges[0]); i++) {
		assert_true(credit_raise(&tx, edges[i]));
		assert_false(credit_raise(&tx, edges[i]));
		assert_false(credit_raise(&tx, edges[i] - 1));
		assert_true(tx.limit == edges[i]);
		assert_true(credit_left(&tx) == edges[i]);
	}
}

static void test_left_is_exact_at_the_edges(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < sizeof(edges) / sizeof(edges[0]); i++) {
		struct credit_tx tx = { .sent = edges[i] - 1,
					.limit = edges[i] };

		assert_true(credit_left(&tx) == 1);
		tx.sent++;
		assert_true(credit_left(&tx) == 0);
	}
}

static void test_takes_up_to_the_limit(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < sizeof(edges) / sizeof(edges[0]); i++) {
		struct credit_rx rx = { .received = edges[i] - 2,
					.limit = edges[i] };

		assert_false(credit_take(&rx, 3));
		assert_false(credit_take(&rx, UINT64_MAX));
		assert_true(rx.received == edges[i] - 2);
		assert_true(credit_take(&rx, 2));
		assert_true(credit_take(&rx, 0));
		assert_false(credit_take(&rx, 1));
	}
}

static void test_sums_stop_at_the_top(void **state)
{
	struct credit_rx rx = { .received = UINT64_MAX - 5,
				.limit = UINT64_MAX,
				.window = 100 };

	(void)state;
	assert_true(credit_add(UINT64_MAX, 1) == UINT64_MAX);
	assert_true(credit_add(UINT64_MAX - 1, 1) == UINT64_MAX);
	assert_true(credit_add(UINT64_C(1) << 63, UINT64_C(1) << 63) ==
		    UINT64_MAX);
	assert_true(credit_add(0, 0) == 0);
	assert_true(credit_new_limit(&rx, 0) == UINT64_MAX);
	assert_false(credit_is_due(&rx, 0, CREDIT_HALF_WINDOW, 0));
}

/* Window of 100, nothing held: due when 50 have been consumed. */
static void test_due_at_half_a_window(void **state)
{
	struct credit_rx rx = { .received = 49, .limit = 100, .window = 100 };

	(void)state;
	assert_false(credit_is_due(&rx, 0, CREDIT_HALF_WINDOW, 0));
	rx.received = 50;
	assert_true(credit_is_due(&rx, 0, CREDIT_HALF_WINDOW, 0));
	assert_false(credit_is_due(&rx, 1, CREDIT_HALF_WINDOW, 0));
	/* A window of one: each byte. */
	rx = (struct credit_rx){ .received = 1, .limit = 1, .window = 1 };
	assert_true(credit_is_due(&rx, 0, CREDIT_HALF_WINDOW, 0));
	assert_false(credit_is_due(&rx, 1, CREDIT_HALF_WINDOW, 0));
}

/* 80 of 100 are held by somebody who sleeps: half of 20 is enough. */
static void test_due_at_half_of_what_is_free(void **state)
{
	struct credit_rx rx = { .received = 89, .limit = 100, .window = 100 };

	(void)state;
	assert_false(credit_is_due(&rx, 80, CREDIT_HALF_WINDOW, 0));
	assert_false(credit_is_due(&rx, 80, CREDIT_HALF_FREE, 0));
	rx.received = 90;
	assert_false(credit_is_due(&rx, 80, CREDIT_HALF_WINDOW, 0));
	assert_true(credit_is_due(&rx, 80, CREDIT_HALF_FREE, 0));
	/* Nothing new: never. */
	rx.received = 100;
	assert_false(credit_is_due(&rx, 100, CREDIT_HALF_FREE, 0));
}

static void test_due_when_no_packet_fits(void **state)
{
	struct credit_rx rx = { .received = 41, .limit = 100, .window = 100 };

	(void)state;
	assert_false(credit_is_due(&rx, 0, CREDIT_HALF_WINDOW, 59));
	assert_true(credit_is_due(&rx, 0, CREDIT_HALF_WINDOW, 60));
	assert_false(credit_is_due(&rx, 41, CREDIT_HALF_WINDOW, 60));
}

static void test_widens_for_who_reads_fast(void **state)
{
	struct credit_rx rx = { .window = 100, .window_max = 400 };

	(void)state;
	rx.received = 49;
	assert_false(credit_wants_more(&rx, 0, 10, 100));
	rx.received = 50; /* half a window in less than two round trips */
	assert_true(credit_wants_more(&rx, 0, 199, 100));
	rx.received = 100; /* exactly two are too slow */
	assert_false(credit_wants_more(&rx, 0, 399, 100));
	rx.received = 150; /* what is held is not consumed */
	assert_false(credit_wants_more(&rx, 1, 400, 100));
	assert_true(credit_wants_more(&rx, 0, 400, 100));
	rx.received = 200; /* not measured yet */
	assert_false(credit_wants_more(&rx, 0, 401, 0));
	rx.received = 450;
	rx.window = rx.window_max;
	assert_false(credit_wants_more(&rx, 0, 402, 100));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_limits_only_grow),
		cmocka_unit_test(test_left_is_exact_at_the_edges),
		cmocka_unit_test(test_takes_up_to_the_limit),
		cmocka_unit_test(test_sums_stop_at_the_top),
		cmocka_unit_test(test_due_at_half_a_window),
		cmocka_unit_test(test_due_at_half_of_what_is_free),
		cmocka_unit_test(test_due_when_no_packet_fits),
		cmocka_unit_test(test_widens_for_who_reads_fast),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
