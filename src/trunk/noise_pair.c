/* SPDX-License-Identifier: Apache-2.0 */
/* Key pairs of X25519, and what two of them agree on (RFC 7748). */
#include "trunk/noise_pair.h"

#include <errno.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#define CURVE "X25519"

int noise_pair_init(struct noise_pair *pair,
		    const uint8_t secret[NOISE_KEY_LEN])
{
	size_t len = NOISE_KEY_LEN;

	pair->secret = EVP_PKEY_new_raw_private_key_ex(NULL, CURVE, NULL,
						       secret, NOISE_KEY_LEN);
	if (!pair->secret ||
	    EVP_PKEY_get_raw_public_key(pair->secret, pair->public_key, &len) !=
		    1 ||
	    len != NOISE_KEY_LEN) {
		noise_pair_fini(pair);
		return -ENOMEM;
	}
	return 0;
}

void noise_pair_fini(struct noise_pair *pair)
{
	EVP_PKEY_free(pair->secret); /* wipes it */
	memset(pair, 0, sizeof(*pair));
}

bool noise_public_key_is_canonical(const uint8_t key[NOISE_KEY_LEN])
{
	/* p is 2^255-19, little endian: ed ff .. ff 7f. Nothing is secret. */
	if (key[NOISE_KEY_LEN - 1] < 0x7f || key[0] < 0xed)
		return key[NOISE_KEY_LEN - 1] < 0x80;
	for (size_t i = 1; i < NOISE_KEY_LEN - 1; i++)
		if (key[i] != 0xff)
			return key[NOISE_KEY_LEN - 1] < 0x80;
	return false;
}

/* Whether the point was of low order: then the result is 0 for every secret. */
static bool is_zero(const uint8_t shared[NOISE_KEY_LEN])
{
	static const uint8_t zero[NOISE_KEY_LEN];

	return CRYPTO_memcmp(shared, zero, sizeof(zero)) == 0;
}

static int derive(EVP_PKEY_CTX *ctx, EVP_PKEY *peer,
		  uint8_t ret_shared[NOISE_KEY_LEN])
{
	size_t len = NOISE_KEY_LEN;

	/* There is nothing about a point that could be validated beforehand. */
	if (EVP_PKEY_derive_init(ctx) != 1 ||
	    EVP_PKEY_derive_set_peer_ex(ctx, peer, 0) != 1)
		return -ENOMEM;
	/* libcrypto refuses a result of 0, but need not for ever. */
	if (EVP_PKEY_derive(ctx, ret_shared, &len) != 1 ||
	    len != NOISE_KEY_LEN || is_zero(ret_shared))
		return -EBADMSG;
	return 0;
}

int noise_pair_agree(const struct noise_pair *pair,
		     const uint8_t public_key[NOISE_KEY_LEN],
		     uint8_t ret_shared[NOISE_KEY_LEN])
{
	EVP_PKEY *peer;
	EVP_PKEY_CTX *ctx;
	int r = -ENOMEM;

	memset(ret_shared, 0, NOISE_KEY_LEN);
	if (!noise_public_key_is_canonical(public_key))
		return -EBADMSG;
	peer = EVP_PKEY_new_raw_public_key_ex(NULL, CURVE, NULL, public_key,
					      NOISE_KEY_LEN);
	ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pair->secret, NULL);
	if (peer && ctx)
		r = derive(ctx, peer, ret_shared);
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(peer);
	if (r < 0)
		noise_wipe(ret_shared, NOISE_KEY_LEN);
	return r;
}
