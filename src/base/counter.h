/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A counter that one thread writes and any thread reads.
 *
 * Compiles to a plain add: the relaxed atomics only tell the compiler, and the
 * race detector, that a reader may look at any time.
 */
#ifndef BASE_COUNTER_H
#define BASE_COUNTER_H

#include <stdatomic.h>
#include <stdint.h>

struct counter {
	_Atomic uint64_t value;
};

static inline void counter_add(struct counter *counter, uint64_t n)
{
	uint64_t value =
		atomic_load_explicit(&counter->value, memory_order_relaxed);

	atomic_store_explicit(&counter->value, value + n, memory_order_relaxed);
}

static inline uint64_t counter_read(const struct counter *counter)
{
	return atomic_load_explicit(&counter->value, memory_order_relaxed);
}

#endif
