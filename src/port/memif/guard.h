/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Surviving memory that shrinks under us.
 *
 * Only for MEMIF_UNSEALED_GUARD, which a person has to ask for: this is the one
 * place of the library with state of the whole process, since a handler of
 * SIGBUS belongs to the whole process. It stays installed once it is needed,
 * and hands on what is none of its business.
 *
 * A fault in a guarded region replaces the region by zeros and marks it dead;
 * the thread goes on where it was, and the link ends at the next look.
 */
#ifndef PORT_MEMIF_GUARD_H
#define PORT_MEMIF_GUARD_H

#include "port/memif/region.h"

enum memif_guard_limits {
	MEMIF_GUARDS_MAX = 1024, /* regions of a process */
};

/* Returns 0, -ENOSPC when there are too many, or an error of sigaction(2). */
int memif_guard_add(struct memif_region *region);

/* Before the region is unmapped. One that was not added is ignored. */
void memif_guard_remove(struct memif_region *region);

#endif
