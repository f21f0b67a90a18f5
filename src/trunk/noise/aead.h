/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A single message under a context that has its key, and a number of the
 * caller's: what keys of records and handshakes share. Others have no use of
 * it, since a number used twice gives everything away.
 */
#ifndef TRUNK_NOISE_AEAD_H
#define TRUNK_NOISE_AEAD_H

#include "trunk/noise/crypto.h"
#include "trunk/noise/key.h"

/* The number that REKEY() uses, and nothing else. */
#define NOISE_NONCE_REKEY UINT64_MAX

struct noise_aead {
	EVP_CIPHER_CTX *ctx; /* with the key, for one direction */
	enum noise_cipher cipher;
	uint64_t nonce;
	const void *aad;
	size_t aad_len;
};

/* noise_aead_key() - set a key, and for which direction; 0, or -EIO */
int noise_aead_key(EVP_CIPHER_CTX *ctx, const EVP_CIPHER *cipher,
		   enum noise_direction direction,
		   const uint8_t secret[NOISE_KEY_LEN]);

/* noise_aead_seal() - see noise_key_seal(); 0 or -EIO */
int noise_aead_seal(const struct noise_aead *aead, const uint8_t *from,
		    size_t len, uint8_t *to);

/* noise_aead_open() - see noise_key_open(); 0 or -EBADMSG, with to wiped */
int noise_aead_open(const struct noise_aead *aead, const uint8_t *from,
		    size_t len, uint8_t *to);

/*
 * noise_aead_stream() - the first bytes that are XORed to a message
 *
 * In either direction, as that is what both ciphers do. 0 or -EIO.
 */
int noise_aead_stream(const struct noise_aead *aead,
		      uint8_t ret_stream[NOISE_KEY_LEN]);

#endif
