/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counts allocations. For a test that is linked with count_alloc_link_args: the
 * linker puts these in the place of what the test and the static library call.
 */
#ifndef TESTS_COUNT_ALLOC_H
#define TESTS_COUNT_ALLOC_H

#include <stdint.h>
#include <stdlib.h>

static uint32_t count_alloc;

/* NOLINTBEGIN(bugprone-reserved-identifier,readability-identifier-naming) */
void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *block, size_t size);
void *__real_aligned_alloc(size_t align, size_t size);
int __real_posix_memalign(void **ret, size_t align, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *block, size_t size);
void *__wrap_aligned_alloc(size_t align, size_t size);
int __wrap_posix_memalign(void **ret, size_t align, size_t size);

void *__wrap_malloc(size_t size)
{
	count_alloc++;
	return __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	count_alloc++;
	return __real_calloc(n, size);
}

void *__wrap_realloc(void *block, size_t size)
{
	count_alloc++;
	return __real_realloc(block, size);
}

void *__wrap_aligned_alloc(size_t align, size_t size)
{
	count_alloc++;
	return __real_aligned_alloc(align, size);
}

int __wrap_posix_memalign(void **ret, size_t align, size_t size)
{
	count_alloc++;
	return __real_posix_memalign(ret, align, size);
}
/* NOLINTEND(bugprone-reserved-identifier,readability-identifier-naming) */

#endif
