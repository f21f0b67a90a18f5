/* SPDX-License-Identifier: Apache-2.0 */
/* Small arithmetic, and the way from a member back to its struct. */
#ifndef BASE_BITS_H
#define BASE_BITS_H

#include <stddef.h>
#include <stdint.h>

#define container_of(member_ptr, type, member) \
	((type *)(void *)((char *)(member_ptr)-offsetof(type, member)))
#define const_container_of(member_ptr, type, member)                       \
	((const type *)(const void *)((const char *)(member_ptr)-offsetof( \
		type, member)))

#define ARRAY_LEN(array) (sizeof(array) / sizeof((array)[0]))

/* Smallest multiple of align, a power of two, that is not below n. */
static inline size_t align_up(size_t n, size_t align)
{
	return (n + align - 1) & ~(align - 1);
}

#endif
