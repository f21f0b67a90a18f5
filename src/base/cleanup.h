/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Locals that clean up after themselves when a function returns, for control
 * code.
 */
#ifndef BASE_CLEANUP_H
#define BASE_CLEANUP_H

#include <stdlib.h>

#define cleanup_(function) __attribute__((cleanup(function)))
#define cleanup_free_      cleanup_(cleanup_free)

static inline void cleanup_free(void *pointer)
{
	free(*(void **)pointer);
}

#endif
