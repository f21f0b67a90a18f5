/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A gate between one data thread, which goes in and out, and the control
 * thread, which must not take away memory while the other one is inside.
 *
 * The control thread never waits: shutting a gate that somebody is behind
 * closes it when they leave. Who finds it shut turns round.
 */
#ifndef PORT_MEMIF_GATE_H
#define PORT_MEMIF_GATE_H

#include <stdatomic.h>
#include <stdbool.h>

enum gate_state {
	GATE_SHUT,
	GATE_OPEN,
	GATE_INSIDE,   /* the data thread is */
	GATE_SHUTTING, /* the same, and it is the last time */
};

struct gate {
	_Atomic int state; /* enum gate_state */
};

/*
 * Data thread. Pairs with gate_open(): whoever is in sees what was made before.
 * Returns false when the gate is shut, and when the thread is in already.
 */
static inline bool gate_enter(struct gate *gate)
{
	int expected = GATE_OPEN;

	return atomic_compare_exchange_strong_explicit(
		&gate->state, &expected, GATE_INSIDE, memory_order_acquire,
		memory_order_relaxed);
}

/*
 * Data thread. Pairs with gate_shut(): what it did inside comes before. Returns
 * whether the gate has closed behind it, which somebody may wait for.
 */
static inline bool gate_leave(struct gate *gate)
{
	int expected = GATE_INSIDE;

	if (atomic_compare_exchange_strong_explicit(
		    &gate->state, &expected, GATE_OPEN, memory_order_release,
		    memory_order_relaxed))
		return false;
	atomic_store_explicit(&gate->state, GATE_SHUT, memory_order_release);
	return true;
}

/* Control thread; a shut gate. */
static inline void gate_open(struct gate *gate)
{
	atomic_store_explicit(&gate->state, GATE_OPEN, memory_order_release);
}

/* Control thread. Whether nobody is inside, and nobody can go in. */
static inline bool gate_is_shut(const struct gate *gate)
{
	return atomic_load_explicit(&gate->state, memory_order_acquire) ==
	       GATE_SHUT;
}

/*
 * Control thread. Returns whether it is shut at once. Tries again only when the
 * data thread has come or gone in between.
 */
static inline bool gate_shut(struct gate *gate)
{
	int state = atomic_load_explicit(&gate->state, memory_order_acquire);

	while (state == GATE_OPEN || state == GATE_INSIDE) {
		int next = state == GATE_OPEN ? GATE_SHUT : GATE_SHUTTING;

		if (atomic_compare_exchange_weak_explicit(
			    &gate->state, &state, next, memory_order_acquire,
			    memory_order_acquire))
			return next == GATE_SHUT;
	}
	return state == GATE_SHUT;
}

/* Data thread: whether it is inside. */
static inline bool gate_is_inside(const struct gate *gate)
{
	int state = atomic_load_explicit(&gate->state, memory_order_relaxed);

	return state == GATE_INSIDE || state == GATE_SHUTTING;
}

/* Data thread, inside: whether what is behind the gate is of no use any more. */
static inline bool gate_is_shutting(const struct gate *gate)
{
	return atomic_load_explicit(&gate->state, memory_order_relaxed) ==
	       GATE_SHUTTING;
}

#endif
