/* SPDX-License-Identifier: Apache-2.0 */
/* A bucket of tokens. */
#include "trunk/bucket.h"

#include <assert.h>

/*
 * A token is 10^9 units, so that a nanosecond brings back per_second units, and
 * no division is needed. The largest bucket fits in 64 bits.
 */
#define UNITS UINT64_C(1000000000)

static uint64_t top(const struct bucket *bucket)
{
	return bucket->capacity * UNITS;
}

void bucket_init(struct bucket *bucket, uint32_t capacity, uint32_t per_second,
		 uint64_t now_ns)
{
	*bucket = (struct bucket){
		.capacity = capacity,
		.per_second = per_second,
		.last_ns = now_ns,
	};
	bucket->level = top(bucket);
}

static void refill(struct bucket *bucket, uint64_t now_ns)
{
	uint64_t units;

	if (now_ns <= bucket->last_ns)
		return;
	if (__builtin_mul_overflow(now_ns - bucket->last_ns,
				   (uint64_t)bucket->per_second, &units) ||
	    units > top(bucket) - bucket->level)
		bucket->level = top(bucket);
	else
		bucket->level += units;
	bucket->last_ns = now_ns;
}

bool bucket_take(struct bucket *bucket, uint64_t now_ns, uint32_t n)
{
	assert(bucket->level <= top(bucket));
	refill(bucket, now_ns);
	if (n * UNITS > bucket->level)
		return false;
	bucket->level -= n * UNITS;
	return true;
}
