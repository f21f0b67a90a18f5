/* SPDX-License-Identifier: Apache-2.0 */
/* Finding the word somebody meant. */
#ifndef BASE_NEAREST_H
#define BASE_NEAREST_H

#include <stddef.h>

enum nearest_limits {
	NEAREST_WORD_MAX = 32, /* longer words have no neighbours */
};

/*
 * nearest_distance() - letters inserted, removed, changed or swapped to get
 * from a to b, or NEAREST_WORD_MAX when either is longer than that.
 */
size_t nearest_distance(const char *a, const char *b);

/*
 * nearest_worthy() - whether a word at this distance is worth proposing for
 * one of len letters: at most a third of it wrong, and no more than three.
 */
int nearest_worthy(size_t distance, size_t len);

/* The search for the nearest of several words. */
struct nearest {
	const char *word; /* what somebody wrote */
	const char *best; /* nearest so far, or NULL */
	size_t distance;
};

struct nearest nearest_to(const char *word);
void nearest_try(struct nearest *nearest, const char *candidate);

/* The nearest, or NULL when even that is not worth proposing. */
const char *nearest_found(const struct nearest *nearest);

#endif
