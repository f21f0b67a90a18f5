/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Credit: how much may be sent, as totals since the beginning.
 *
 * docs/design/trunk.md, section 7. Totals are 64 bits wide and stop at the top.
 */
#ifndef TRUNK_CREDIT_H
#define TRUNK_CREDIT_H

#include <stdbool.h>
#include <stdint.h>

/* Of what is sent. */
struct credit_tx {
	uint64_t sent;
	uint64_t limit; /* sent <= limit */
};

/* Of what is received. */
struct credit_rx {
	uint64_t received;
	uint64_t limit; /* that was told; received <= limit */
	uint64_t epoch_consumed, epoch_ns; /* when the window was judged last */
	uint32_t window; /* bytes that may be received and not consumed */
	uint32_t window_max;
};

static inline uint64_t credit_add(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

/* Whether a deadline has come, that credit_add() gave; UINT64_MAX never does. */
static inline bool time_is_over(uint64_t now_ns, uint64_t deadline_ns)
{
	return now_ns >= deadline_ns && deadline_ns != UINT64_MAX;
}

static inline uint64_t credit_left(const struct credit_tx *credit)
{
	return credit->limit - credit->sent;
}

/* A limit that came. Returns whether it says anything new. */
static inline bool credit_raise(struct credit_tx *credit, uint64_t limit)
{
	if (limit <= credit->limit)
		return false;
	credit->limit = limit;
	return true;
}

/* Bytes that came. Returns whether they were allowed, and counts them if so. */
static inline bool credit_take(struct credit_rx *credit, uint64_t n)
{
	if (n > credit->limit - credit->received)
		return false;
	credit->received += n;
	return true;
}

/* The limit that can be told when held of what was received is not consumed. */
static inline uint64_t credit_new_limit(const struct credit_rx *credit,
					uint64_t held)
{
	return credit_add(credit->received - held, credit->window);
}

/* How a limit is told. */
enum credit_rule {
	CREDIT_HALF_WINDOW, /* when it has grown by half a window */
	CREDIT_HALF_FREE,   /* or by half of what is not held */
};

/*
 * credit_is_due() - whether to tell a new limit
 *
 * need is what the other side can do nothing below, 0 for nothing.
 */
bool credit_is_due(const struct credit_rx *credit, uint64_t held,
		   enum credit_rule rule, uint64_t need);

/*
 * credit_wants_more() - whether the window is what holds the other side up
 *
 * To be asked after bytes were consumed. More than half a window in less than
 * two round trips; begins a new epoch when it has seen half a window.
 */
bool credit_wants_more(struct credit_rx *credit, uint64_t held, uint64_t now_ns,
		       uint64_t rtt_ns);

#endif
