/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which process something belongs to.
 *
 * fork() copies memory, and with it keys and counters that must be used once.
 * The mark is a page that the kernel empties in the child (MADV_WIPEONFORK,
 * Linux 4.14): looking at it costs no system call, and unlike a process id it
 * cannot be the same in a child that has a namespace of its own. Where there is
 * no such page the process id is all there is.
 */
#ifndef BASE_OWNER_H
#define BASE_OWNER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <unistd.h>

struct owner {
	const uint32_t *mark; /* not 0 in the process it was made in; or NULL */
	pid_t pid;
};

/* owner_init() - it belongs to this process */
void owner_init(struct owner *owner);

/* owner_fini() - in any process; also on zeroed memory, and twice */
void owner_fini(struct owner *owner);

/* owner_is_us() - whether it belongs to this process */
static inline bool owner_is_us(const struct owner *owner)
{
	return owner->mark ? *owner->mark != 0 : owner->pid == getpid();
}

#endif
