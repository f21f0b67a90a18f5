/* SPDX-License-Identifier: Apache-2.0 */
/* A single message under ChaCha20-Poly1305 or AES-256-GCM. */
#include "trunk/noise/aead.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

enum noise_aead_sizes {
	IV_LEN = 12,
};

int noise_aead_key(EVP_CIPHER_CTX *ctx, const EVP_CIPHER *cipher,
		   enum noise_direction direction,
		   const uint8_t secret[NOISE_KEY_LEN])
{
	int r = direction == NOISE_SEAL ?
			EVP_EncryptInit_ex2(ctx, cipher, secret, NULL, NULL) :
			EVP_DecryptInit_ex2(ctx, cipher, secret, NULL, NULL);

	return r == 1 ? 0 : -EIO;
}

/* Four bytes of 0, and the number: little endian for one, big for the other. */
static void make_iv(const struct noise_aead *aead, uint8_t ret_iv[IV_LEN])
{
	memset(ret_iv, 0, IV_LEN);
	for (unsigned int i = 0; i < sizeof(aead->nonce); i++) {
		uint8_t byte = (uint8_t)(aead->nonce >> 8 * i);

		if (aead->cipher == NOISE_CHACHAPOLY)
			ret_iv[4 + i] = byte;
		else
			ret_iv[IV_LEN - 1 - i] = byte;
	}
}

/* A piece at a time, as EVP counts in int. */
static bool update(EVP_CIPHER_CTX *ctx, const uint8_t *from, size_t len,
		   uint8_t *to)
{
	int n;

	return len <= INT_MAX &&
	       EVP_CipherUpdate(ctx, to, &n, from, (int)len) == 1 &&
	       (size_t)n == len;
}

/* Everything up to the tag, which neither cipher lets be of another length. */
static bool pass(const struct noise_aead *aead, OSSL_PARAM *tag,
		 const uint8_t *from, size_t len, uint8_t *to)
{
	uint8_t iv[IV_LEN];
	uint8_t none[1]; /* the end of a message writes nothing */
	int n;

	make_iv(aead, iv);
	return EVP_CipherInit_ex2(aead->ctx, NULL, NULL, iv, -1, tag) == 1 &&
	       (aead->aad_len == 0 ||
		update(aead->ctx, aead->aad, aead->aad_len, NULL)) &&
	       (len == 0 || update(aead->ctx, from, len, to)) &&
	       EVP_CipherFinal_ex(aead->ctx, none, &n) == 1;
}

int noise_aead_seal(const struct noise_aead *aead, const uint8_t *from,
		    size_t len, uint8_t *to)
{
	OSSL_PARAM tag[] = {
		OSSL_PARAM_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, to + len,
					NOISE_TAG_LEN),
		OSSL_PARAM_END,
	};

	return pass(aead, NULL, from, len, to) &&
			       EVP_CIPHER_CTX_get_params(aead->ctx, tag) == 1 ?
		       0 :
		       -EIO;
}

int noise_aead_open(const struct noise_aead *aead, const uint8_t *from,
		    size_t len, uint8_t *to)
{
	OSSL_PARAM tag[] = {
		OSSL_PARAM_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG,
					(void *)(from + len), NOISE_TAG_LEN),
		OSSL_PARAM_END,
	};

	if (pass(aead, tag, from, len, to))
		return 0;
	noise_wipe(to, len);
	return -EBADMSG;
}

int noise_aead_stream(const struct noise_aead *aead,
		      uint8_t ret_stream[NOISE_KEY_LEN])
{
	uint8_t iv[IV_LEN];

	make_iv(aead, iv);
	memset(ret_stream, 0, NOISE_KEY_LEN);
	return EVP_CipherInit_ex2(aead->ctx, NULL, NULL, iv, -1, NULL) == 1 &&
			       update(aead->ctx, ret_stream, NOISE_KEY_LEN,
				      ret_stream) ?
		       0 :
		       -EIO;
}
