/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The algorithms that Noise is made of, fetched from libcrypto once.
 *
 * Looking an algorithm up by its name costs more than sealing a small record,
 * so that one object holds what was looked up, and contexts to work with. There
 * is no state besides it. The object must not be moved or copied while others
 * made of it are alive. One thread at a time; what else was made of it (pairs,
 * keys) may be used by other threads meanwhile.
 *
 * SHA-256 is the only hash and X25519 the only curve.
 */
#ifndef TRUNK_NOISE_CRYPTO_H
#define TRUNK_NOISE_CRYPTO_H

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include <openssl/types.h>

enum noise_sizes {
	NOISE_HASH_LEN = 32, /* of SHA-256, and of a chaining key */
	NOISE_KEY_LEN = 32,  /* of both ciphers, of X25519, and of a psk */
	NOISE_TAG_LEN = 16,  /* of both ciphers */
	NOISE_MESSAGE_LEN_MAX = 65535,
};

enum noise_cipher {
	NOISE_CHACHAPOLY, /* everybody has it */
	NOISE_AESGCM,     /* faster where the processor helps */
	NOISE_CIPHERS
};

struct noise_crypto {
	EVP_MD *hash;
	EVP_MD_CTX *hash_ctx;
	EVP_CIPHER *cipher[NOISE_CIPHERS];
	/* For single messages, each of which sets its own key. */
	EVP_CIPHER_CTX *cipher_ctx[NOISE_CIPHERS];
	/* Of the curve: what makes keys, and the last public one. */
	EVP_PKEY_CTX *key_maker;
	EVP_PKEY *peer;
};

/*
 * noise_random - where random bytes come from
 *
 * Fills the buffer wholly and returns 0, or returns -errno. May block only
 * while the system has no entropy yet.
 */
typedef int noise_random(void *user, uint8_t *ret_bytes, size_t len);

/* noise_random_system() - the source of real life: libcrypto's; no user. */
noise_random noise_random_system;

/*
 * noise_crypto_init() - look up all algorithms
 *
 * Returns 0, -ENOMEM, or -ENOTSUP when this libcrypto, or its configuration,
 * lacks one of them, or did not find it for want of memory. Then nothing is
 * held, and fini is allowed.
 */
int noise_crypto_init(struct noise_crypto *crypto);

/* noise_crypto_fini() - also on zeroed memory, and twice. */
void noise_crypto_fini(struct noise_crypto *crypto);

/*
 * noise_hash() - SHA-256 of several pieces one after the other
 *
 * ret_hash may be one of the pieces. Returns 0, or -ENOMEM: libcrypto 3.0
 * allocates a few bytes each time.
 */
int noise_hash(struct noise_crypto *crypto, const struct iovec *piece,
	       size_t n_piece, uint8_t ret_hash[NOISE_HASH_LEN]);

/*
 * noise_hkdf() - HKDF of Noise: one to three keys out of two
 *
 * ck may be one of the outputs; ikm may be NULL when it is empty. n_out is 1 to
 * 3. Returns 0 or -ENOMEM.
 */
int noise_hkdf(struct noise_crypto *crypto, const uint8_t ck[NOISE_HASH_LEN],
	       const uint8_t *ikm, size_t ikm_len,
	       uint8_t ret_out[][NOISE_HASH_LEN], size_t n_out);

/*
 * noise_crypto_forget() - overwrite what the contexts hold of the last secrets
 *
 * Called by handshakes when they end.
 */
void noise_crypto_forget(struct noise_crypto *crypto);

/* noise_wipe() - overwrite secrets so that no compiler leaves it out. */
void noise_wipe(void *secret, size_t size);

#endif
