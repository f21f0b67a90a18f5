/* SPDX-License-Identifier: Apache-2.0 */
/* Limiting how fast secrets can be guessed. */
#include "port/memif/guess.h"

#include <stddef.h>

/* Adds the guesses that time has brought; forgets who has all of them. */
static void refill(struct memif_guesser *guesser, uint64_t now_ns)
{
	uint64_t n = (now_ns - guesser->since_ns) / MEMIF_GUESS_NS;

	if (now_ns < guesser->since_ns)
		return;
	if (n >= MEMIF_GUESSES_MAX - guesser->n_left) {
		guesser->used = false;
		return;
	}
	guesser->n_left += (unsigned int)n;
	guesser->since_ns += n * MEMIF_GUESS_NS;
}

static struct memif_guesser *find(struct memif_guesses *guesses, uid_t uid,
				  uint64_t now_ns)
{
	struct memif_guesser *found = NULL;

	for (int i = 0; i < MEMIF_GUESSERS_MAX; i++) {
		struct memif_guesser *guesser = &guesses->guesser[i];

		if (guesser->used)
			refill(guesser, now_ns);
		if (guesser->used && guesser->uid == uid)
			found = guesser;
	}
	return found;
}

/* An unused one, or that of the user with most guesses left. */
static struct memif_guesser *replace(struct memif_guesses *guesses)
{
	struct memif_guesser *best = &guesses->guesser[0];

	for (int i = 0; i < MEMIF_GUESSERS_MAX; i++) {
		struct memif_guesser *guesser = &guesses->guesser[i];

		if (!guesser->used)
			return guesser;
		if (guesser->n_left > best->n_left)
			best = guesser;
	}
	return best;
}

bool memif_guesses_used_up(struct memif_guesses *guesses, uid_t uid,
			   uint64_t now_ns)
{
	const struct memif_guesser *guesser = find(guesses, uid, now_ns);

	return guesser && guesser->n_left == 0;
}

void memif_guesses_wrong(struct memif_guesses *guesses, uid_t uid,
			 uint64_t now_ns)
{
	struct memif_guesser *guesser = find(guesses, uid, now_ns);

	if (!guesser) {
		guesser = replace(guesses);
		*guesser = (struct memif_guesser){
			.used = true,
			.uid = uid,
			.n_left = MEMIF_GUESSES_MAX,
			.since_ns = now_ns,
		};
	}
	if (guesser->n_left > 0)
		guesser->n_left--;
}
