/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long a worker goes on looking before it sleeps, where a port would rather
 * be looked at again.
 *
 * Looking again pays if the next packet comes soon, and otherwise takes a CPU
 * from somebody, perhaps from who makes that packet. So it has a limit in time,
 * whatever a look costs, and the limit follows what idle times have been like.
 *
 * Whether somebody wants the CPU is found out by offering it, now and then. If
 * it was taken there is no looking for a number of idle times, the greater the
 * less often it was left.
 *
 * Pure: the time is a parameter. Threads: one at a time.
 */
#ifndef LINK_PATIENCE_H
#define LINK_PATIENCE_H

#include <stdbool.h>
#include <stdint.h>

enum patience_limits {
	PATIENCE_MAX_NS = 50000,  /* what falling asleep and waking can cost */
	PATIENCE_MIN_NS = 10000,  /* less is not worth it: none at all */
	PATIENCE_WAKE_NS = 30000, /* of an idle time, to wake up when it ends */
	PATIENCE_OFFER_NS = 3000, /* between two offers of the CPU */
	PATIENCE_TAKEN_NS = 5000, /* away for that long: it was taken */
	PATIENCE_SKIP_MIN = 8,    /* idle times without a look after that */
	PATIENCE_SKIP_MAX = 1024,
};

struct patience {
	uint64_t limit_ns; /* 0, or PATIENCE_MIN_NS to PATIENCE_MAX_NS */
	uint64_t since_ns; /* the first look of this idle time */
	uint64_t offer_ns; /* when the CPU was last offered, or this time began */
	uint32_t n_skip;   /* idle times still to come without a look */
	uint32_t skip;     /* as many after the next time it is taken */
	bool is_idle;      /* there was one */
	bool is_over;      /* of this idle time */
};

/* It begins with the most there can be. */
void patience_init(struct patience *patience);

/*
 * patience_looks_again() - a look has found nothing
 *
 * Returns whether to look again. Once it has returned false it does so until
 * the end of the idle time.
 */
bool patience_looks_again(struct patience *patience, uint64_t now_ns);

/* Whether to offer the CPU to others, between two looks. */
bool patience_wants_offer(const struct patience *patience, uint64_t now_ns);

/*
 * patience_offered() - the CPU has been offered
 *
 * from_ns, now_ns: before and after that. If somebody has taken it, looking is
 * over, but for one look at what has come meanwhile.
 */
void patience_offered(struct patience *patience, uint64_t from_ns,
		      uint64_t now_ns);

/*
 * patience_ends() - the end of an idle time, by a packet or after a sleep
 *
 * One that was short doubles the limit, as looking on would have paid, and one
 * that was long halves it. has_slept: in part it was the time of waking up. To be
 * called when patience->is_idle.
 */
void patience_ends(struct patience *patience, uint64_t now_ns, bool has_slept);

#endif
