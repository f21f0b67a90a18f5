/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Chance that repeats: splitmix64 (Steele, Lea, Flood, 2014), one state for
 * each stream of decisions, so that threads share nothing.
 */
#ifndef PORT_FAULT_DICE_H
#define PORT_FAULT_DICE_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

struct dice {
	uint64_t state;
};

static inline uint32_t dice_next(struct dice *dice)
{
	uint64_t z = dice->state += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return (uint32_t)((z ^ (z >> 31)) >> 32);
}

/* A number from 0 to n - 1. */
static inline uint32_t dice_below(struct dice *dice, uint32_t n)
{
	assert(n > 0);
	return (uint32_t)((uint64_t)dice_next(dice) * n >> 32);
}

/* True in ppm of a million cases. */
static inline bool dice_roll(struct dice *dice, uint32_t ppm)
{
	return dice_below(dice, 1000000) < ppm;
}

/* Streams of one seed with different numbers have nothing in common. */
static inline struct dice dice_new(uint32_t seed, uint32_t stream)
{
	struct dice dice = { (uint64_t)seed << 32 | stream };

	dice.state = (uint64_t)dice_next(&dice) << 32 | dice_next(&dice);
	return dice;
}

#endif
