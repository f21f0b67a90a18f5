/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Index arithmetic of a ring with one producer and one consumer thread.
 *
 * Indices count for ever and are masked at use, so that a full ring and an
 * empty one differ. Each side publishes with a release store that pairs with
 * the other side's acquire load: the consumer sees the slot's content, the
 * producer sees that the consumer is done with it.
 *
 * Sleeping: a side sets its flag, then looks at the ring once more; the other
 * side publishes, then looks at the flag. These four are sequentially
 * consistent, so that at least one of the two sees the other. (Fences would do
 * as well, but the race detectors do not understand them.)
 */
#ifndef RING_SPSC_H
#define RING_SPSC_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct spsc {
	_Alignas(64) _Atomic uint32_t head; /* producer's: next slot to fill */
	atomic_bool producer_sleeps;
	_Alignas(64) _Atomic uint32_t tail; /* consumer's: next slot to read */
	atomic_bool consumer_sleeps;
	_Alignas(64) uint32_t size; /* slots, a power of two; immutable */
};

/* Slots the producer may fill, beginning at *ret_head. Producer only. */
static inline uint32_t spsc_room(const struct spsc *ring, uint32_t *ret_head)
{
	uint32_t tail = atomic_load_explicit(&ring->tail, memory_order_acquire);

	*ret_head = atomic_load_explicit(&ring->head, memory_order_relaxed);
	return ring->size - (*ret_head - tail);
}

/* Slots the consumer may read, beginning at *ret_tail. Consumer only. */
static inline uint32_t spsc_ready(const struct spsc *ring, uint32_t *ret_tail)
{
	uint32_t head = atomic_load_explicit(&ring->head, memory_order_acquire);

	*ret_tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
	return head - *ret_tail;
}

/* Publish n filled slots. Returns whether to wake the consumer. */
static inline bool spsc_push(struct spsc *ring, uint32_t n)
{
	uint32_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);

	atomic_store(&ring->head, head + n);
	return atomic_load(&ring->consumer_sleeps) &&
	       atomic_exchange(&ring->consumer_sleeps, false);
}

/* Give n read slots back. Returns whether to wake the producer. */
static inline bool spsc_pop(struct spsc *ring, uint32_t n)
{
	uint32_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);

	atomic_store(&ring->tail, tail + n);
	return atomic_load(&ring->producer_sleeps) &&
	       atomic_exchange(&ring->producer_sleeps, false);
}

/* Ask to be woken for data. Returns whether there is some. Consumer only. */
static inline bool spsc_want_data(struct spsc *ring)
{
	atomic_store(&ring->consumer_sleeps, true);
	return atomic_load(&ring->head) !=
	       atomic_load_explicit(&ring->tail, memory_order_relaxed);
}

/* Ask to be woken for room. Returns whether there is some. Producer only. */
static inline bool spsc_want_room(struct spsc *ring)
{
	atomic_store(&ring->producer_sleeps, true);
	return atomic_load_explicit(&ring->head, memory_order_relaxed) -
		       atomic_load(&ring->tail) <
	       ring->size;
}

#endif
