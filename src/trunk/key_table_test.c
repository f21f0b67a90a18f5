/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the table from strings to objects. */
#include "trunk/key_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/bits.h"

struct item {
	struct key_node node;
	uint32_t born;
	bool is_there;
};

/* An empty table, and n items that are not in it. */
static struct item *start(struct key_table *table, uint32_t n)
{
	struct item *item = calloc(n, sizeof(*item));

	assert_non_null(item);
	*table = (struct key_table){ 0 };
	assert_int_equal(key_table_init(table), 0);
	return item;
}

static bool has(const struct key_table *table, const struct item *item)
{
	struct list *link, *after;

	list_foreach(key_table_at(table, item->node.hash), link, after)
		if (link == &item->node.link)
			return true;
	return false;
}

static void test_empty(void **state)
{
	struct key_table table = { 0 };

	(void)state;
	key_table_fini(&table);
	assert_int_equal(key_table_init(&table), 0);
	assert_true(list_is_empty(key_table_at(&table, 0)));
	assert_true(list_is_empty(key_table_at(&table, UINT64_MAX)));
	key_table_fini(&table);
	key_table_fini(&table);
}

/* Objects come and go; an array says who is there. */
static void test_finds_who_is_there(void **state)
{
	enum { N = 2000 };
	struct key_table table;
	struct item *item = start(&table, N);
	uint32_t seed = 1, n = 0;

	(void)state;
	for (int step = 0; step < 50000; step++) {
		struct item *one;

		seed = seed * 1664525 + 1013904223;
		one = &item[(seed >> 8) % (step < 25000 ? N : 100)];
		if (one->is_there) {
			key_table_remove(&table, &one->node);
		} else {
			one->node.hash = seed * UINT64_C(0x9e3779b97f4a7c15);
			key_table_add(&table, &one->node);
		}
		one->is_there = !one->is_there;
		n = one->is_there ? n + 1 : n - 1;
		assert_int_equal(table.n, n);
		assert_true(table.n_bucket >= n);
		one = &item[(seed >> 4) % N];
		assert_int_equal(has(&table, one), one->is_there);
	}
	for (int i = 0; i < N; i++)
		if (item[i].is_there)
			key_table_remove(&table, &item[i].node);
	key_table_fini(&table);
	free(item);
}

static void check_order(const struct key_table *table, uint64_t hash,
			uint32_t n)
{
	struct list *link, *after;
	uint32_t n_seen = 0, born = 0;

	list_foreach(key_table_at(table, hash), link, after) {
		const struct item *one =
			container_of(link, struct item, node.link);

		if (one->node.hash != hash)
			continue;
		assert_true(one->born > born);
		born = one->born;
		n_seen++;
	}
	assert_int_equal(n_seen, n);
}

/* Ten hashes, of which half differ above the bits of any bucket. */
static void test_keeps_the_order_of_equals(void **state)
{
	enum { N = 4000, N_HASH = 10, N_KEPT = 4 * N_HASH };
	struct key_table table;
	struct item *item = start(&table, N);
	uint32_t n_bucket;

	(void)state;
	for (uint32_t i = 0; i < N; i++) {
		uint32_t which = i % N_HASH;

		item[i].born = i + 1;
		item[i].node.hash = which % 2 ? which : (uint64_t)which << 32;
		key_table_add(&table, &item[i].node);
	}
	for (uint32_t i = 0; i < N_HASH; i++)
		check_order(&table, item[i].node.hash, N / N_HASH);
	for (uint32_t i = N_KEPT; i < N; i++)
		key_table_remove(&table, &item[i].node);
	/* Each one that is added lets it shrink by a half. */
	n_bucket = table.n_bucket;
	for (uint32_t i = N_KEPT; i < N_KEPT + N_HASH; i++)
		key_table_add(&table, &item[i].node);
	assert_true(table.n_bucket <= n_bucket / 8);
	for (uint32_t i = 0; i < N_HASH; i++)
		check_order(&table, item[i].node.hash, N_KEPT / N_HASH + 1);
	for (uint32_t i = 0; i < N_KEPT + N_HASH; i++)
		key_table_remove(&table, &item[i].node);
	key_table_fini(&table);
	free(item);
}

static void test_gives_back_what_a_burst_took(void **state)
{
	enum { N = 4096 };
	struct key_table table;
	struct item *item = start(&table, N);

	(void)state;
	for (uint32_t i = 0; i < N; i++) {
		item[i].node.hash = i;
		key_table_add(&table, &item[i].node);
	}
	for (uint32_t i = 0; i < N; i++)
		key_table_remove(&table, &item[i].node);
	for (uint32_t i = 0; i < 10; i++) {
		key_table_add(&table, &item[i].node);
		key_table_remove(&table, &item[i].node);
	}
	assert_true(table.n_bucket <= 8);
	key_table_fini(&table);
	free(item);
}

/* The one in hand may leave. */
static void test_a_walk_may_take_out(void **state)
{
	enum { N = 100 };
	struct key_table table;
	struct item *item = start(&table, N);
	struct list *link, *after;
	uint32_t n = 0;

	(void)state;
	for (int i = 0; i < N; i++) {
		item[i].node.hash = 5;
		key_table_add(&table, &item[i].node);
	}
	list_foreach(key_table_at(&table, 5), link, after) {
		key_table_remove(&table,
				 container_of(link, struct key_node, link));
		n++;
	}
	assert_int_equal(n, N);
	key_table_fini(&table);
	free(item);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_finds_who_is_there),
		cmocka_unit_test(test_keeps_the_order_of_equals),
		cmocka_unit_test(test_gives_back_what_a_burst_took),
		cmocka_unit_test(test_a_walk_may_take_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
