/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bucket: so much at once, and so much a second in the long run.
 *
 * Holds tokens that come back with time, up to its capacity. Exact: fractions
 * of a token are kept, whatever the steps of the clock.
 */
#ifndef TRUNK_BUCKET_H
#define TRUNK_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

struct bucket {
	uint32_t capacity; /* tokens */
	uint32_t per_second;
	uint64_t level; /* in units of 1/10^9 token */
	uint64_t last_ns;
};

/* bucket_init() - a full one */
void bucket_init(struct bucket *bucket, uint32_t capacity, uint32_t per_second,
		 uint64_t now_ns);

/*
 * bucket_take() - take n tokens, or none
 *
 * A time before the last one is taken for that. Returns whether there were n.
 */
bool bucket_take(struct bucket *bucket, uint64_t now_ns, uint32_t n);

#endif
