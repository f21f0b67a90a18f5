/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the bucket, just under and just over what it lets pass. */
#include "trunk/bucket.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define SECOND_NS UINT64_C(1000000000)

static void test_full_at_first(void **state)
{
	struct bucket bucket;

	(void)state;
	bucket_init(&bucket, 1000, 33, 5);
	for (int i = 0; i < 1000; i++)
		assert_true(bucket_take(&bucket, 5, 1));
	assert_false(bucket_take(&bucket, 5, 1));
}

static void test_takes_all_or_nothing(void **state)
{
	struct bucket bucket;

	(void)state;
	bucket_init(&bucket, 10, 1, 0);
	assert_false(bucket_take(&bucket, 0, 11));
	assert_true(bucket_take(&bucket, 0, 10));
	assert_true(bucket_take(&bucket, 0, 0));
	assert_false(bucket_take(&bucket, 0, 1));
}

/* A token of 33 a second takes 30 303 030.3 ns. */
static void test_refills_exactly(void **state)
{
	struct bucket bucket;

	(void)state;
	bucket_init(&bucket, 1000, 33, 0);
	assert_true(bucket_take(&bucket, 0, 1000));
	assert_false(bucket_take(&bucket, 30303030, 1));
	assert_true(bucket_take(&bucket, 30303031, 1));
	assert_false(bucket_take(&bucket, 60606060, 1));
	assert_true(bucket_take(&bucket, 60606061, 1));
}

/* Steps of less than a token are not lost, however small. */
static void test_keeps_fractions(void **state)
{
	struct bucket bucket;
	uint64_t now_ns;

	(void)state;
	bucket_init(&bucket, 2, 1, 0);
	assert_true(bucket_take(&bucket, 0, 2));
	for (now_ns = 0; now_ns < 2 * SECOND_NS; now_ns += 1000)
		assert_false(bucket_take(&bucket, now_ns, 2));
	assert_true(bucket_take(&bucket, 2 * SECOND_NS, 2));
}

static void test_holds_no_more_than_its_capacity(void **state)
{
	struct bucket bucket;

	(void)state;
	bucket_init(&bucket, 8, 1, 0);
	assert_true(bucket_take(&bucket, 0, 4));
	assert_false(bucket_take(&bucket, 1000 * SECOND_NS, 9));
	assert_true(bucket_take(&bucket, 1000 * SECOND_NS, 8));
	assert_false(bucket_take(&bucket, 1001 * SECOND_NS - 1, 1));
	assert_true(bucket_take(&bucket, 1001 * SECOND_NS, 1));
}

static void test_saturates(void **state)
{
	struct bucket bucket;

	(void)state;
	bucket_init(&bucket, UINT32_MAX, UINT32_MAX, 0);
	assert_true(bucket_take(&bucket, 0, UINT32_MAX));
	assert_false(bucket_take(&bucket, 0, 1));
	assert_false(bucket_take(&bucket, SECOND_NS - 1, UINT32_MAX));
	assert_true(bucket_take(&bucket, SECOND_NS, UINT32_MAX));
	assert_true(bucket_take(&bucket, UINT64_MAX, UINT32_MAX));
	assert_false(bucket_take(&bucket, UINT64_MAX, 1));
}

static void test_time_does_not_go_back(void **state)
{
	struct bucket bucket;

	(void)state;
	bucket_init(&bucket, 1, 1, 10 * SECOND_NS);
	assert_true(bucket_take(&bucket, 10 * SECOND_NS, 1));
	assert_false(bucket_take(&bucket, 0, 1));
	/* The second after the latest time counts, not the one after 0. */
	assert_false(bucket_take(&bucket, 11 * SECOND_NS - 1, 1));
	assert_true(bucket_take(&bucket, 11 * SECOND_NS, 1));
}

static void test_empty_for_ever(void **state)
{
	struct bucket bucket;

	(void)state;
	bucket_init(&bucket, 0, 1000, 0);
	assert_false(bucket_take(&bucket, UINT64_MAX, 1));
	bucket_init(&bucket, 1, 0, 0);
	assert_true(bucket_take(&bucket, 0, 1));
	assert_false(bucket_take(&bucket, UINT64_MAX, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_full_at_first),
		cmocka_unit_test(test_takes_all_or_nothing),
		cmocka_unit_test(test_refills_exactly),
		cmocka_unit_test(test_keeps_fractions),
		cmocka_unit_test(test_holds_no_more_than_its_capacity),
		cmocka_unit_test(test_saturates),
		cmocka_unit_test(test_time_does_not_go_back),
		cmocka_unit_test(test_empty_for_ever),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
