/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Limiting how fast secrets can be guessed.
 *
 * By user, so that one who guesses keeps nobody else out. Each user has a few
 * wrong guesses, and gets one more each second.
 */
#ifndef PORT_MEMIF_GUESS_H
#define PORT_MEMIF_GUESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "port/memif/limits.h"

struct memif_guesser {
	bool used;
	uid_t uid;
	unsigned int n_left;
	uint64_t since_ns; /* n_left is of then */
};

/* Zeroed is ready. One thread at a time. */
struct memif_guesses {
	struct memif_guesser guesser[MEMIF_GUESSERS_MAX];
};

/* Whether a user has to wait before the next guess. */
bool memif_guesses_used_up(struct memif_guesses *guesses, uid_t uid,
			   uint64_t now_ns);

/* A user was wrong. */
void memif_guesses_wrong(struct memif_guesses *guesses, uid_t uid,
			 uint64_t now_ns);

#endif
