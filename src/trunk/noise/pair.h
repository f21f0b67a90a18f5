/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Key pairs of X25519, and what two of them agree on.
 *
 * A pair is never changed after its init, so that several threads may use it,
 * each with a struct noise_crypto of its own. It may be moved in memory.
 */
#ifndef TRUNK_NOISE_PAIR_H
#define TRUNK_NOISE_PAIR_H

#include <stdbool.h>

#include "trunk/noise/crypto.h"

struct noise_pair {
	EVP_PKEY *secret;
	EVP_PKEY_CTX *agreement; /* ready for a public key; only copied */
	uint8_t public_key[NOISE_KEY_LEN];
};

/*
 * noise_pair_init() - make the pair of a secret
 *
 * Any 32 random bytes are a secret; they are copied, and the caller wipes its
 * own. Returns 0 or -ENOMEM; then fini is allowed.
 */
int noise_pair_init(struct noise_pair *pair, struct noise_crypto *crypto,
		    const uint8_t secret[NOISE_KEY_LEN]);

/* noise_pair_fini() - wipes the secret; also on zeroed memory, and twice. */
void noise_pair_fini(struct noise_pair *pair);

/*
 * noise_public_key_is_canonical() - whether this is the one spelling of a key
 *
 * X25519 takes the top bit, and numbers from 2^255-19 on, as other spellings of
 * smaller numbers. A key that identifies somebody must have one spelling.
 */
bool noise_public_key_is_canonical(const uint8_t key[NOISE_KEY_LEN]);

/*
 * noise_pair_agree() - the secret shared with the owner of a public key
 *
 * Returns 0, -EBADMSG when the public key is not canonical, or of so low an
 * order that it decides the result alone, or -ENOMEM. On failure ret_shared is
 * all zero.
 */
int noise_pair_agree(const struct noise_pair *pair, struct noise_crypto *crypto,
		     const uint8_t public_key[NOISE_KEY_LEN],
		     uint8_t ret_shared[NOISE_KEY_LEN]);

#endif
