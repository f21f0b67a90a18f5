/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the table from numbers to objects. */
#include "trunk/id_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static void test_empty(void **state)
{
	struct id_table table = { 0 };

	(void)state;
	assert_null(id_table_find(&table, 1));
	id_table_fini(&table);
	assert_int_equal(id_table_init(&table), 0);
	assert_int_equal(id_table_init(&table), 0);
	assert_null(id_table_find(&table, 0));
	assert_null(id_table_find(&table, UINT32_MAX));
	id_table_fini(&table);
	id_table_fini(&table);
}

/* Numbers of both sides come and go; an array says who is there. */
static void test_finds_who_is_there(void **state)
{
	enum { N = 2000 };
	static struct id_node node[N];
	static bool is_there[N];
	struct id_table table = { 0 };
	uint32_t seed = 1, n = 0;

	(void)state;
	assert_int_equal(id_table_init(&table), 0);
	for (int step = 0; step < 50000; step++) {
		uint32_t i;

		seed = seed * 1664525 + 1013904223;
		i = (seed >> 8) % (step < 25000 ? N : 100);
		if (is_there[i]) {
			id_table_remove(&table, &node[i]);
			n--;
		} else {
			node[i].id = i + 1;
			id_table_add(&table, &node[i]);
			n++;
		}
		is_there[i] = !is_there[i];
		assert_int_equal(table.n, n);
		i = (seed >> 4) % N;
		assert_ptr_equal(id_table_find(&table, i + 1),
				 is_there[i] ? &node[i] : NULL);
	}
	id_table_fini(&table);
}

static void test_gives_back_what_a_burst_took(void **state)
{
	enum { N = 4096 };
	struct id_node *node = calloc(N, sizeof(*node));
	struct id_table table = { 0 };

	(void)state;
	assert_non_null(node);
	assert_int_equal(id_table_init(&table), 0);
	for (uint32_t i = 0; i < N; i++) {
		node[i].id = 2 * i + 1;
		id_table_add(&table, &node[i]);
		assert_true(table.n <= table.n_bucket);
	}
	for (uint32_t i = 0; i < N; i++)
		id_table_remove(&table, &node[i]);
	assert_true(table.n_bucket <= 8);
	id_table_fini(&table);
	free(node);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_finds_who_is_there),
		cmocka_unit_test(test_gives_back_what_a_burst_took),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
