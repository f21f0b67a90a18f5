/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory of the program for what the library makes. What the C library needs for
 * itself, such as the stack of a thread, does not come from it.
 */
#ifndef VIF_ALLOCATOR_H
#define VIF_ALLOCATOR_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * struct vif_allocator - where structures come from
 *
 * All three functions, or none: then it is the C library. They are as malloc(3),
 * realloc(3) and free(3), and memory is fit for any type; but nobody asks for 0
 * bytes, and nobody frees NULL. None is called for a packet. Several threads may
 * call at once, if several open and close things at once. They must not call the
 * library.
 */
struct vif_allocator {
	void *(*alloc)(void *user, size_t size);
	void *(*realloc)(void *user, void *memory, size_t size); /* NULL, too */
	void (*free)(void *user, void *memory);
	void *user;
};

#ifdef __cplusplus
}
#endif

#endif
