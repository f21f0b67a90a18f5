/* SPDX-License-Identifier: Apache-2.0 */
/* The algorithms that Noise is made of: SHA-256, HMAC and HKDF over it. */
#include "trunk/noise/crypto.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include "trunk/noise/aead.h"

enum noise_crypto_numbers {
	HASH_BLOCK_LEN = 64, /* of SHA-256 */
	HKDF_OUT_MAX = 3,
};

static const char *const cipher_names[] = {
	[NOISE_CHACHAPOLY] = "ChaCha20-Poly1305",
	[NOISE_AESGCM] = "AES-256-GCM",
};

static_assert(sizeof(cipher_names) / sizeof(cipher_names[0]) == NOISE_CIPHERS,
	      "each cipher has a name");

/* What is written over a secret. */
static const uint8_t no_secret[NOISE_KEY_LEN];

int noise_random_system(void *user, uint8_t *ret_bytes, size_t len)
{
	(void)user;
	if (len > INT32_MAX)
		return -EINVAL;
	return RAND_priv_bytes(ret_bytes, (int)len) == 1 ? 0 : -EIO;
}

/* The context gets its cipher here; a key alone then allocates nothing. */
static int cipher_init(struct noise_crypto *crypto, enum noise_cipher cipher)
{
	EVP_CIPHER *fetched =
		EVP_CIPHER_fetch(NULL, cipher_names[cipher], NULL);
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();

	crypto->cipher[cipher] = fetched;
	crypto->cipher_ctx[cipher] = ctx;
	if (!fetched)
		return -ENOTSUP;
	if (!ctx || noise_aead_key(ctx, fetched, NOISE_SEAL, no_secret) < 0)
		return -ENOMEM;
	return 0;
}

static int hash_init(struct noise_crypto *crypto)
{
	crypto->hash = EVP_MD_fetch(NULL, "SHA2-256", NULL);
	crypto->hash_ctx = EVP_MD_CTX_new();
	if (!crypto->hash_ctx)
		return -ENOMEM;
	return crypto->hash ? 0 : -ENOTSUP;
}

static int curve_init(struct noise_crypto *crypto)
{
	/* Any key does, until noise_pair_agree() puts another in its place. */
	crypto->peer = EVP_PKEY_new_raw_public_key_ex(
		NULL, "X25519", NULL, no_secret, sizeof(no_secret));
	crypto->key_maker = EVP_PKEY_CTX_new_from_name(NULL, "X25519", NULL);
	return crypto->peer && crypto->key_maker &&
			       EVP_PKEY_fromdata_init(crypto->key_maker) == 1 ?
		       0 :
		       -ENOTSUP;
}

int noise_crypto_init(struct noise_crypto *crypto)
{
	int r;

	memset(crypto, 0, sizeof(*crypto));
	r = hash_init(crypto);
	if (r == 0)
		r = curve_init(crypto);
	for (unsigned int i = 0; i < NOISE_CIPHERS && r == 0; i++)
		r = cipher_init(crypto, (enum noise_cipher)i);
	if (r < 0)
		noise_crypto_fini(crypto);
	return r;
}

void noise_crypto_fini(struct noise_crypto *crypto)
{
	for (unsigned int i = 0; i < NOISE_CIPHERS; i++) {
		EVP_CIPHER_CTX_free(crypto->cipher_ctx[i]);
		EVP_CIPHER_free(crypto->cipher[i]);
	}
	EVP_PKEY_CTX_free(crypto->key_maker);
	EVP_PKEY_free(crypto->peer);
	EVP_MD_CTX_free(crypto->hash_ctx);
	EVP_MD_free(crypto->hash);
	memset(crypto, 0, sizeof(*crypto));
}

void noise_crypto_forget(struct noise_crypto *crypto)
{
	uint8_t hash[NOISE_HASH_LEN];

	/* A failure of libcrypto leaves nothing else to be done about it. */
	for (unsigned int i = 0; i < NOISE_CIPHERS; i++)
		(void)noise_aead_key(crypto->cipher_ctx[i], NULL, NOISE_SEAL,
				     no_secret);
	(void)noise_hash(crypto, NULL, 0, hash);
}

int noise_hash(struct noise_crypto *crypto, const struct iovec *piece,
	       size_t n_piece, uint8_t ret_hash[NOISE_HASH_LEN])
{
	EVP_MD_CTX *ctx = crypto->hash_ctx;
	bool good = EVP_DigestInit_ex2(ctx, crypto->hash, NULL) == 1;

	for (size_t i = 0; i < n_piece && good; i++)
		good = EVP_DigestUpdate(ctx, piece[i].iov_base,
					piece[i].iov_len) == 1;
	return good && EVP_DigestFinal_ex(ctx, ret_hash, NULL) == 1 ? 0 :
								      -ENOMEM;
}

/* One half of HMAC: the hash of a block made of the key, and of the data. */
static int hash_keyed(struct noise_crypto *crypto,
		      const uint8_t key[NOISE_HASH_LEN], uint8_t pad,
		      const struct iovec data[2],
		      uint8_t ret_hash[NOISE_HASH_LEN])
{
	uint8_t block[HASH_BLOCK_LEN];
	int r;

	memset(block, pad, sizeof(block));
	for (size_t i = 0; i < NOISE_HASH_LEN; i++)
		block[i] ^= key[i];
	r = noise_hash(crypto,
		       (const struct iovec[]){
			       { block, sizeof(block) }, data[0], data[1] },
		       3, ret_hash);
	noise_wipe(block, sizeof(block));
	return r;
}

/*
 * HMAC of RFC 2104. libcrypto's own takes several times as long for inputs as
 * short as ours, since it copies contexts.
 */
static int hmac(struct noise_crypto *crypto, const uint8_t key[NOISE_HASH_LEN],
		const struct iovec data[2], uint8_t ret_mac[NOISE_HASH_LEN])
{
	uint8_t inner[NOISE_HASH_LEN];
	int r = hash_keyed(crypto, key, 0x36, data, inner);

	if (r == 0)
		r = hash_keyed(
			crypto, key, 0x5c,
			(const struct iovec[2]){ { inner, sizeof(inner) } },
			ret_mac);
	noise_wipe(inner, sizeof(inner));
	return r;
}

int noise_hkdf(struct noise_crypto *crypto, const uint8_t ck[NOISE_HASH_LEN],
	       const uint8_t *ikm, size_t ikm_len,
	       uint8_t ret_out[][NOISE_HASH_LEN], size_t n_out)
{
	uint8_t key[NOISE_HASH_LEN];
	struct iovec before = { NULL, 0 }; /* the output before this one */
	int r;

	assert(n_out >= 1 && n_out <= HKDF_OUT_MAX);
	r = hmac(crypto, ck,
		 (const struct iovec[2]){ { (void *)ikm, ikm_len } }, key);
	for (size_t i = 0; i < n_out && r == 0; i++) {
		uint8_t number = (uint8_t)(i + 1);

		r = hmac(crypto, key,
			 (const struct iovec[2]){ before, { &number, 1 } },
			 ret_out[i]);
		before = (struct iovec){ ret_out[i], NOISE_HASH_LEN };
	}
	noise_wipe(key, sizeof(key));
	return r;
}

void noise_wipe(void *secret, size_t size)
{
	if (size > 0)
		OPENSSL_cleanse(secret, size);
}
