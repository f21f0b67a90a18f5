/* SPDX-License-Identifier: Apache-2.0 */
/* Memory of the program, or of the C library. */
#include "base/heap.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static bool is_ours(const struct vif_allocator *heap)
{
	return !heap || !heap->alloc;
}

bool heap_is_possible(const struct vif_allocator *heap)
{
	return !heap->alloc == !heap->realloc && !heap->alloc == !heap->free;
}

void *heap_new(const struct vif_allocator *heap, size_t n, size_t size)
{
	size_t len;
	void *memory;

	assert(n > 0 && size > 0);
	if (__builtin_mul_overflow(n, size, &len))
		return NULL;
	if (is_ours(heap))
		return calloc(1, len);
	memory = heap->alloc(heap->user, len);
	return memory ? memset(memory, 0, len) : NULL;
}

void *heap_resize(const struct vif_allocator *heap, void *memory, size_t n,
		  size_t size)
{
	size_t len;

	assert(n > 0 && size > 0);
	if (__builtin_mul_overflow(n, size, &len))
		return NULL;
	if (is_ours(heap))
		return realloc(memory, len);
	return heap->realloc(heap->user, memory, len);
}

void heap_free(const struct vif_allocator *heap, void *memory)
{
	if (is_ours(heap))
		free(memory);
	else if (memory)
		heap->free(heap->user, memory);
}
