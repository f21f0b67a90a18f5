/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sealing and opening, and nothing else: what a trunk is measured against.
 *
 * EVP is called directly, with contexts that are set up once; a record costs
 * its nonce, its header as associated data, itself and its tag.
 */
#include "bench/trunk/trunk.h"

#include <openssl/evp.h>

#include "wire/trunk_record.h"

enum bare_sizes {
	BARE_IV_LEN = 12,
	BARE_KEY_LEN = 32,
};

struct bare_layer {
	EVP_CIPHER_CTX *seal, *open;
};

static EVP_CIPHER_CTX *make_ctx(bool is_aes, bool is_seal)
{
	static const uint8_t key[BARE_KEY_LEN] = "the same for both directions";
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();

	if (!ctx || EVP_CipherInit_ex(ctx,
				      is_aes ? EVP_aes_256_gcm() :
					       EVP_chacha20_poly1305(),
				      NULL, key, NULL, is_seal) != 1)
		die("no cipher");
	return ctx;
}

static void make_iv(uint64_t n, uint8_t iv[BARE_IV_LEN])
{
	memset(iv, 0, BARE_IV_LEN);
	memcpy(iv + 4, &n, sizeof(n));
}

static void seal_one(EVP_CIPHER_CTX *ctx, uint64_t n, const uint8_t *aad,
		     const uint8_t *from, uint32_t len, uint8_t *to)
{
	uint8_t iv[BARE_IV_LEN];
	int got;

	make_iv(n, iv);
	if (EVP_EncryptInit_ex(ctx, NULL, NULL, NULL, iv) != 1 ||
	    EVP_EncryptUpdate(ctx, NULL, &got, aad, RECORD_HEADER_LEN) != 1 ||
	    EVP_EncryptUpdate(ctx, to, &got, from, (int)len) != 1 ||
	    EVP_EncryptFinal_ex(ctx, to + len, &got) != 1 ||
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, RECORD_TAG_LEN,
				to + len) != 1)
		die("cannot seal");
}

static void unseal(EVP_CIPHER_CTX *ctx, uint64_t n, const uint8_t *aad,
		   uint8_t *from, uint32_t len, uint8_t *to)
{
	uint8_t iv[BARE_IV_LEN];
	int got;

	make_iv(n, iv);
	if (EVP_DecryptInit_ex(ctx, NULL, NULL, NULL, iv) != 1 ||
	    EVP_DecryptUpdate(ctx, NULL, &got, aad, RECORD_HEADER_LEN) != 1 ||
	    EVP_DecryptUpdate(ctx, to, &got, from, (int)len) != 1 ||
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, RECORD_TAG_LEN,
				from + len) != 1 ||
	    EVP_DecryptFinal_ex(ctx, to + len, &got) != 1)
		die("cannot open");
}

void bare_init(struct bare *bare, struct kind kind)
{
	size_t size = RECORD_HEADER_LEN + kind.record_max + RECORD_TAG_LEN;

	*bare = (struct bare){
		.kind = kind,
		.n_layer = kind.mode == VIF_CIRCUIT_SEALED ? 2 : 1,
		.plain = calloc(1, size),
		.record = calloc(1, size),
		.opened = calloc(1, size),
	};
	if (!bare->plain || !bare->record || !bare->opened)
		die("no memory");
	for (unsigned int i = 0; i < bare->n_layer; i++) {
		bare->layer[i] = malloc(sizeof(*bare->layer[i]));
		if (!bare->layer[i])
			die("no memory");
		*bare->layer[i] = (struct bare_layer){
			.seal = make_ctx(kind.is_aes, true),
			.open = make_ctx(kind.is_aes, false),
		};
	}
}

/* The tag of an inner layer is part of the plaintext of the outer one. */
static uint32_t inner_len(const struct bare *bare)
{
	return bare->kind.record_max - (bare->n_layer - 1) * RECORD_TAG_LEN;
}

uint32_t bare_seal(struct bare *bare)
{
	uint8_t *body = bare->record + RECORD_HEADER_LEN;
	uint32_t len = inner_len(bare);

	record_header_write(
		&(struct record_header){
			.type = RECORD_CIRCUIT,
			.len = (uint16_t)(bare->kind.record_max +
					  RECORD_TAG_LEN),
			.circuit = 1,
		},
		bare->record);
	for (unsigned int i = 0; i < bare->n_layer; i++) {
		seal_one(bare->layer[i]->seal, bare->n_record, bare->record,
			 i == 0 ? bare->plain : body, len, body);
		len += RECORD_TAG_LEN;
	}
	return RECORD_HEADER_LEN + len;
}

uint32_t bare_open(struct bare *bare)
{
	uint8_t *body = bare->record + RECORD_HEADER_LEN;
	uint32_t len = bare->kind.record_max;

	for (unsigned int i = bare->n_layer; i > 0; i--) {
		unseal(bare->layer[i - 1]->open, bare->n_record, bare->record,
		       i == bare->n_layer ? body : bare->opened, len,
		       bare->opened);
		len -= RECORD_TAG_LEN;
	}
	return inner_len(bare);
}

static void turn(struct work *work)
{
	struct bare *bare = work->of;

	(void)bare_seal(bare);
	work->done += bare_open(bare);
	bare->n_record++;
}

struct work bare_work(struct bare *bare)
{
	return (struct work){ .turn = turn, .of = bare };
}
