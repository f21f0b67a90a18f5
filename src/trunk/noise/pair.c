/* SPDX-License-Identifier: Apache-2.0 */
/* Key pairs of X25519, and what two of them agree on (RFC 7748). */
#include "trunk/noise/pair.h"

#include <errno.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

static EVP_PKEY *import(struct noise_crypto *crypto,
			const uint8_t secret[NOISE_KEY_LEN])
{
	OSSL_PARAM parameters[] = {
		OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PRIV_KEY,
					(void *)secret, NOISE_KEY_LEN),
		OSSL_PARAM_END,
	};
	EVP_PKEY *key = NULL;

	if (EVP_PKEY_fromdata(crypto->key_maker, &key, EVP_PKEY_KEYPAIR,
			      parameters) != 1)
		return NULL;
	return key;
}

int noise_pair_init(struct noise_pair *pair, struct noise_crypto *crypto,
		    const uint8_t secret[NOISE_KEY_LEN])
{
	size_t len = NOISE_KEY_LEN;

	memset(pair, 0, sizeof(*pair));
	pair->secret = import(crypto, secret);
	if (pair->secret)
		pair->agreement =
			EVP_PKEY_CTX_new_from_pkey(NULL, pair->secret, NULL);
	if (!pair->agreement || EVP_PKEY_derive_init(pair->agreement) != 1 ||
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
	EVP_PKEY_CTX_free(pair->agreement);
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

int noise_pair_agree(const struct noise_pair *pair, struct noise_crypto *crypto,
		     const uint8_t public_key[NOISE_KEY_LEN],
		     uint8_t ret_shared[NOISE_KEY_LEN])
{
	size_t len = NOISE_KEY_LEN;
	EVP_PKEY_CTX *ctx;
	int r = 0;

	memset(ret_shared, 0, NOISE_KEY_LEN);
	if (!noise_public_key_is_canonical(public_key))
		return -EBADMSG;
	/*
	 * A copy costs a fraction of a new context, as nothing is looked up for
	 * it. There is nothing about a point to be validated beforehand.
	 */
	ctx = EVP_PKEY_CTX_dup(pair->agreement);
	if (!ctx ||
	    EVP_PKEY_set1_encoded_public_key(crypto->peer, public_key,
					     NOISE_KEY_LEN) != 1 ||
	    EVP_PKEY_derive_set_peer_ex(ctx, crypto->peer, 0) != 1)
		r = -ENOMEM;
	/* libcrypto refuses a result of 0, but need not for ever. */
	else if (EVP_PKEY_derive(ctx, ret_shared, &len) != 1 ||
		 len != NOISE_KEY_LEN || is_zero(ret_shared))
		r = -EBADMSG;
	EVP_PKEY_CTX_free(ctx);
	if (r < 0)
		noise_wipe(ret_shared, NOISE_KEY_LEN);
	return r;
}
