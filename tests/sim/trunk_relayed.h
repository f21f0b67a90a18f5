/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs of the simulator in which a relay is between two ends.
 *
 * Programs at the ends use circuits through the relay, and others that end at
 * it; everything else is as in trunk_sim.c.
 */
#ifndef TESTS_SIM_TRUNK_RELAYED_H
#define TESTS_SIM_TRUNK_RELAYED_H

#include "tests/sim/trunk_choice.h"

enum relayed_numbers {
	RELAYED_ONE_IN = 6, /* seeds */
};

/* How runs went, so that it is noticed when they all go the same way. */
struct relayed_tally {
	uint64_t n;
	uint64_t ending[ENDINGS + 1]; /* early; the last: the relay let go */
	uint64_t circuits;            /* that were opened through the relay */
	uint64_t lost;                /* of these, with a trunk */
	uint64_t clean, broken;       /* ends of streams through the relay */
	uint64_t packets, bytes;
	uint64_t records;    /* that were passed on */
	uint64_t waits;      /* looks that found some at the relay */
	uint64_t early_ends; /* of one link, the other lived on */
};

/* relayed_run() - the run of a seed; tell: frame by frame */
void relayed_run(uint64_t seed, bool tell, struct relayed_tally *tally);

/* relayed_check() - whether enough of everything has happened */
void relayed_check(const struct relayed_tally *tally);

#endif
