/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gate of a listener: how many handshakes may be half done at once, in all
 * and from one source.
 *
 * A source is a string of bytes that only the caller understands, such as an
 * address without its port. Kept of it is a hash with a key that is random for
 * each gate, so that nobody can make sources that count for one another.
 * Nothing is allocated. One thread at a time; may be moved in memory.
 */
#ifndef TRUNK_GATE_H
#define TRUNK_GATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trunk/noise/crypto.h"

enum gate_limits {
	GATE_PLACES = 256,       /* default, and the most */
	GATE_SOURCE_PLACES = 16, /* default */
	GATE_KEY_LEN = 32,
	GATE_HASH_LEN = 16, /* of what is kept of a source */
};

/* Whether somebody may come in. */
enum gate_answer {
	GATE_ENTERED,
	GATE_FULL,
	GATE_SOURCE_FULL, /* too many from there; others may come in */
};

struct gate_place {
	bool is_taken;
	uint8_t source[GATE_HASH_LEN];
};

struct gate {
	uint8_t key[GATE_KEY_LEN];
	unsigned int n_places; /* that may be taken; GATE_PLACES at most */
	unsigned int n_source_places;
	struct gate_place place[GATE_PLACES];
};

/*
 * gate_init() - an empty one with the default limits
 *
 * The limits may be changed before anybody has entered. Returns 0, or what the
 * random source returned.
 */
int gate_init(struct gate *gate, noise_random *random, void *random_user);

/*
 * gate_enter() - take a place
 *
 * ret_place is for gate_leave(), and set with GATE_ENTERED only. Returns an
 * enum gate_answer, or -ENOMEM.
 */
int gate_enter(struct gate *gate, struct noise_crypto *crypto,
	       const void *source, size_t source_len, unsigned int *ret_place);

/* gate_leave() - give a place back: the handshake is over, one way or another */
void gate_leave(struct gate *gate, unsigned int place);

#endif
