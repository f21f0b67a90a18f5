/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where structures come from: the C library, or an allocator of the program. A
 * heap of NULL, or one without functions, is the former.
 */
#ifndef BASE_HEAP_H
#define BASE_HEAP_H

#include <stdbool.h>
#include <stddef.h>

#include <vif/allocator.h>

/* Whether it has all functions, or none. */
bool heap_is_possible(const struct vif_allocator *heap);

/* n zeroed items of size bytes, fit for any type, or NULL. n is not 0. */
void *heap_new(const struct vif_allocator *heap, size_t n, size_t size);

/*
 * The same items, n of them now, perhaps elsewhere; what is new is not zeroed.
 * NULL, and the old ones as they were, for want of memory. memory may be NULL.
 */
void *heap_resize(const struct vif_allocator *heap, void *memory, size_t n,
		  size_t size);

/* NULL is allowed. */
void heap_free(const struct vif_allocator *heap, void *memory);

#endif
