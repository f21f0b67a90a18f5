/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of memory from the program and from the C library. */
#include "base/heap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ITEMS = 100, SIZE = 3 };

struct own {
	size_t len; /* asked for last; 0: nothing was */
	unsigned int n_live;
};

static void *own_alloc(void *user, size_t size)
{
	struct own *own = user;
	void *memory = malloc(size);

	own->len = size;
	own->n_live++;
	return memory ? memset(memory, 0xff, size) : NULL;
}

static void *own_realloc(void *user, void *memory, size_t size)
{
	struct own *own = user;

	own->len = size;
	own->n_live += !memory;
	return realloc(memory, size);
}

static void own_free(void *user, void *memory)
{
	struct own *own = user;

	assert_non_null(memory);
	own->n_live--;
	free(memory);
}

static void use(const struct vif_allocator *heap)
{
	uint8_t *items = heap_new(heap, ITEMS, SIZE);
	uint8_t *others = heap_resize(heap, NULL, 1, SIZE);

	assert_non_null(items);
	assert_non_null(others);
	for (int i = 0; i < ITEMS * SIZE; i++)
		assert_int_equal(items[i], 0);
	items[0] = 1;
	items = heap_resize(heap, items, 2 * ITEMS, SIZE);
	assert_non_null(items);
	assert_int_equal(items[0], 1);
	memset(items, 2, (size_t)2 * ITEMS * SIZE);
	heap_free(heap, items);
	heap_free(heap, others);
	heap_free(heap, NULL);
	/* What cannot be counted is not there, rather than too short. */
	assert_null(heap_new(heap, SIZE_MAX / 2 + 1, 2));
	assert_null(heap_resize(heap, NULL, SIZE_MAX / 2 + 1, 2));
}

static void the_library_has_some(void **state)
{
	const struct vif_allocator none = { .alloc = NULL };

	(void)state;
	use(NULL);
	use(&none);
}

static void the_program_has_some(void **state)
{
	struct own own = { .len = 0 };
	const struct vif_allocator heap = { .alloc = own_alloc,
					    .realloc = own_realloc,
					    .free = own_free,
					    .user = &own };

	(void)state;
	use(&heap);
	assert_int_equal(own.len, 2 * ITEMS * SIZE);
	assert_int_equal(own.n_live, 0);
}

static void all_functions_or_none(void **state)
{
	(void)state;
	for (unsigned int has = 0; has < 8; has++) {
		const struct vif_allocator heap = {
			.alloc = has & 1 ? own_alloc : NULL,
			.realloc = has & 2 ? own_realloc : NULL,
			.free = has & 4 ? own_free : NULL,
		};

		assert_int_equal(heap_is_possible(&heap), has == 0 || has == 7);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_library_has_some),
		cmocka_unit_test(the_program_has_some),
		cmocka_unit_test(all_functions_or_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
