/* SPDX-License-Identifier: Apache-2.0 */
/* Comparing what two sides of a memif link take for their geometry. */
#ifndef TESTS_MEMIF_PLACES_H
#define TESTS_MEMIF_PLACES_H

#include <stdbool.h>

#include "port/memif/geometry.h"

static inline bool same_place(const struct memif_place *a,
			      const struct memif_place *b)
{
	return a->offset == b->offset && a->region == b->region &&
	       a->log2_size == b->log2_size;
}

static inline bool same_places(const struct memif_geometry *a,
			       const struct memif_geometry *b)
{
	for (int to = 0; to < MEMIF_DIRECTIONS; to++) {
		if (a->n_ring[to] != b->n_ring[to])
			return false;
		for (uint16_t i = 0; i < a->n_ring[to]; i++)
			if (!same_place(&a->ring[to][i], &b->ring[to][i]))
				return false;
	}
	return true;
}

#endif
