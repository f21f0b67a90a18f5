/* SPDX-License-Identifier: Apache-2.0 */
/* The gate of a listener. */
#include "trunk/gate.h"

#include <assert.h>
#include <string.h>

static_assert((int)GATE_HASH_LEN <= (int)NOISE_HASH_LEN,
	      "what is kept is part of a hash");

int gate_init(struct gate *gate, noise_random *random, void *random_user)
{
	memset(gate, 0, sizeof(*gate));
	gate->n_places = GATE_PLACES;
	gate->n_source_places = GATE_SOURCE_PLACES;
	return random(random_user, gate->key, sizeof(gate->key));
}

/* All places are looked at: that costs less than the hash. */
static enum gate_answer find(const struct gate *gate,
			     const uint8_t source[GATE_HASH_LEN],
			     unsigned int *ret_place)
{
	unsigned int n_source = 0;
	unsigned int empty = gate->n_places;

	for (unsigned int i = 0; i < gate->n_places; i++) {
		const struct gate_place *place = &gate->place[i];

		if (!place->is_taken)
			empty = i;
		else if (memcmp(place->source, source, GATE_HASH_LEN) == 0)
			n_source++;
	}
	if (n_source >= gate->n_source_places)
		return GATE_SOURCE_FULL;
	if (empty == gate->n_places)
		return GATE_FULL;
	*ret_place = empty;
	return GATE_ENTERED;
}

int gate_enter(struct gate *gate, struct noise_crypto *crypto,
	       const void *source, size_t source_len, unsigned int *ret_place)
{
	const struct iovec piece[] = {
		{ gate->key, sizeof(gate->key) },
		{ (void *)(uintptr_t)source, source_len },
	};
	uint8_t hash[NOISE_HASH_LEN];
	struct gate_place *place;
	enum gate_answer answer;
	int r = noise_hash(crypto, piece, 2, hash);

	if (r < 0)
		return r;
	answer = find(gate, hash, ret_place);
	if (answer == GATE_ENTERED) {
		place = &gate->place[*ret_place];
		place->is_taken = true;
		memcpy(place->source, hash, sizeof(place->source));
	}
	return (int)answer;
}

void gate_leave(struct gate *gate, unsigned int place)
{
	assert(place < GATE_PLACES && gate->place[place].is_taken);
	memset(&gate->place[place], 0, sizeof(gate->place[place]));
}
