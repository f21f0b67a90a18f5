/* SPDX-License-Identifier: Apache-2.0 */
/* One direction of a channel: CipherState of Noise, section 5.1. */
#include "trunk/noise/key.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include <openssl/evp.h>

#include "trunk/noise/aead.h"

int noise_key_init(struct noise_key *key, const struct noise_crypto *crypto,
		   enum noise_cipher cipher, enum noise_direction direction,
		   const uint8_t secret[NOISE_KEY_LEN])
{
	*key = (struct noise_key){
		.ctx = EVP_CIPHER_CTX_new(),
		.cipher = cipher,
		.direction = direction,
	};
	if (!key->ctx || noise_aead_key(key->ctx, crypto->cipher[cipher],
					direction, secret) < 0) {
		noise_key_fini(key);
		return -ENOMEM;
	}
	return 0;
}

void noise_key_fini(struct noise_key *key)
{
	EVP_CIPHER_CTX_free(key->ctx); /* wipes the key */
	memset(key, 0, sizeof(*key));
}

static struct noise_aead next_record(const struct noise_key *key,
				     const void *aad, size_t aad_len)
{
	return (struct noise_aead){
		.ctx = key->ctx,
		.cipher = key->cipher,
		.nonce = key->nonce,
		.aad = aad,
		.aad_len = aad_len,
	};
}

int noise_key_seal(struct noise_key *key, const void *aad, size_t aad_len,
		   const uint8_t *from, size_t len, uint8_t *to)
{
	struct noise_aead aead = next_record(key, aad, aad_len);
	int r;

	assert(key->ctx && key->direction == NOISE_SEAL);
	if (key->nonce >= NOISE_NONCE_MAX)
		return -EKEYEXPIRED;
	r = noise_aead_seal(&aead, from, len, to);
	if (r == 0)
		key->nonce++;
	return r;
}

int noise_key_open(struct noise_key *key, const void *aad, size_t aad_len,
		   const uint8_t *from, size_t len, uint8_t *to)
{
	struct noise_aead aead = next_record(key, aad, aad_len);
	int r;

	assert(key->ctx && key->direction == NOISE_OPEN);
	if (key->nonce >= NOISE_NONCE_MAX)
		return -EKEYEXPIRED;
	r = noise_aead_open(&aead, from, len, to);
	if (r == 0)
		key->nonce++;
	return r;
}

/*
 * REKEY() is ENCRYPT(k, 2^64-1, "", 32 bytes of 0) without the tag, that is the
 * stream itself. So the context need not change its direction for it, and the
 * old key need not be known.
 */
int noise_key_rekey(struct noise_key *key)
{
	struct noise_aead aead = next_record(key, NULL, 0);
	uint8_t secret[NOISE_KEY_LEN];
	int r;

	assert(key->ctx);
	aead.nonce = NOISE_NONCE_REKEY;
	r = noise_aead_stream(&aead, secret);
	if (r == 0)
		r = noise_aead_key(key->ctx, NULL, key->direction, secret);
	noise_wipe(secret, sizeof(secret));
	return r;
}
