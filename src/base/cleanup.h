/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Locals that clean up after themselves when a function returns, for control
 * code. steal_fd() and steal_ptr() hand them to the caller instead.
 */
#ifndef BASE_CLEANUP_H
#define BASE_CLEANUP_H

#include <stdlib.h>
#include <unistd.h>

#define cleanup_(function) __attribute__((cleanup(function)))
#define cleanup_fd_        cleanup_(cleanup_fd)
#define cleanup_free_      cleanup_(cleanup_free)

static inline void cleanup_fd(const int *fd)
{
	if (*fd >= 0)
		(void)close(*fd); /* nothing was written through it */
}

static inline void cleanup_free(void *pointer)
{
	free(*(void **)pointer);
}

static inline int steal_fd(int *fd)
{
	int stolen = *fd;

	*fd = -1;
	return stolen;
}

#endif
