/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What malloc has handed out to the core, with its own header of a word.
 *
 * The linker puts these functions in between (--wrap), so it is exact and costs
 * nothing that grows. libcrypto's memory is not in it, but flows have none.
 */
#include "bench/trunk/trunk.h"

#include <malloc.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *memory, size_t size);
void __real_free(void *memory);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *memory, size_t size);
void __wrap_free(void *memory);

static _Atomic int64_t held;

static int64_t weight(void *memory)
{
	return memory ? (int64_t)(malloc_usable_size(memory) + sizeof(size_t)) :
			0;
}

void *__wrap_malloc(size_t size)
{
	void *memory = __real_malloc(size);

	held += weight(memory);
	return memory;
}

void *__wrap_calloc(size_t n, size_t size)
{
	void *memory = __real_calloc(n, size);

	held += weight(memory);
	return memory;
}

void *__wrap_realloc(void *memory, size_t size)
{
	int64_t before = weight(memory);
	void *grown = __real_realloc(memory, size);

	if (grown)
		held += weight(grown) - before;
	return grown;
}

void __wrap_free(void *memory)
{
	held -= weight(memory);
	__real_free(memory);
}

int64_t held_now(void)
{
	return held;
}
