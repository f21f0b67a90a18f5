/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Work: trunks that come and go, against the primitives that they need.
 *
 * The primitives are called directly, with algorithms that were looked up once
 * and identities that are there already: ephemeral keys, agreements, messages
 * sealed and opened with a fresh key each, and hashes as many as HKDF and the
 * transcript make.
 */
#include "bench/trunk/trunk.h"

#include <openssl/evp.h>
#include <openssl/rand.h>

enum primitive_sizes {
	KEY_LEN = 32,
	TAG_LEN = 16,
	HASH_INPUT_LEN = 96, /* a block of HMAC's key, and a hash */
};

/* What both ends together need of each. */
struct recipe {
	const char *name;
	unsigned int n_pair; /* ephemeral keys */
	unsigned int n_agree;
	unsigned int n_seal; /* messages, and as many are opened */
	unsigned int n_hash;
};

/*
 * An HMAC is two hashes; a MixKey three HMACs, the Split four. A transcript
 * hashes its prologue, and each key, payload and half of a message.
 */
static const struct recipe recipes[] = {
	{ "xx", 2, 6, 4, 2 * (3 * 6 + 8 + 10) },
	{ "ik", 2, 8, 3, 2 * (4 * 6 + 8 + 8) },
};

struct primitives {
	const struct recipe *recipe;
	EVP_MD *hash;
	EVP_MD_CTX *hash_ctx;
	EVP_CIPHER *cipher;
	EVP_CIPHER_CTX *cipher_ctx;
	EVP_PKEY *identity;
	uint8_t public_key[KEY_LEN];
};

static void must(bool is_done)
{
	if (!is_done)
		die("libcrypto failed");
}

static EVP_PKEY *make_pair(uint8_t public_key[KEY_LEN])
{
	uint8_t secret[KEY_LEN];
	size_t len = KEY_LEN;
	EVP_PKEY *pair;

	must(RAND_bytes(secret, sizeof(secret)) == 1);
	pair = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, secret,
					    sizeof(secret));
	must(pair && EVP_PKEY_get_raw_public_key(pair, public_key, &len) == 1);
	return pair;
}

static void agree(const struct primitives *primitives)
{
	EVP_PKEY *peer = EVP_PKEY_new_raw_public_key(
		EVP_PKEY_X25519, NULL, primitives->public_key, KEY_LEN);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(primitives->identity, NULL);
	uint8_t shared[KEY_LEN];
	size_t len = sizeof(shared);

	must(peer && ctx && EVP_PKEY_derive_init(ctx) == 1 &&
	     EVP_PKEY_derive_set_peer_ex(ctx, peer, 0) == 1 &&
	     EVP_PKEY_derive(ctx, shared, &len) == 1);
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(peer);
}

static void hash(const struct primitives *primitives)
{
	static const uint8_t input[HASH_INPUT_LEN];
	uint8_t digest[EVP_MAX_MD_SIZE];
	EVP_MD_CTX *ctx = primitives->hash_ctx;

	must(EVP_DigestInit_ex(ctx, primitives->hash, NULL) == 1 &&
	     EVP_DigestUpdate(ctx, input, sizeof(input)) == 1 &&
	     EVP_DigestFinal_ex(ctx, digest, NULL) == 1);
}

/* A key of 32 bytes under a key that is used once. */
static void pass(const struct primitives *primitives, bool is_seal,
		 uint8_t message[KEY_LEN + TAG_LEN])
{
	static const uint8_t key[KEY_LEN], iv[12];
	EVP_CIPHER_CTX *ctx = primitives->cipher_ctx;
	uint8_t *tag = message + KEY_LEN;
	int len;

	must(EVP_CipherInit_ex(ctx, primitives->cipher, NULL, key, iv,
			       is_seal) == 1 &&
	     EVP_CipherUpdate(ctx, NULL, &len, key, KEY_LEN) == 1);
	if (!is_seal)
		must(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG_LEN,
					 tag) == 1);
	must(EVP_CipherUpdate(ctx, message, &len, message, KEY_LEN) == 1 &&
	     EVP_CipherFinal_ex(ctx, tag, &len) == 1);
	if (is_seal)
		must(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG_LEN,
					 tag) == 1);
}

static void turn_primitives(struct work *work)
{
	const struct primitives *primitives = work->of;
	const struct recipe *recipe = primitives->recipe;
	uint8_t message[KEY_LEN + TAG_LEN] = { 0 };
	uint8_t public_key[KEY_LEN];

	for (unsigned int i = 0; i < recipe->n_pair; i++)
		EVP_PKEY_free(make_pair(public_key));
	for (unsigned int i = 0; i < recipe->n_agree; i++)
		agree(primitives);
	for (unsigned int i = 0; i < recipe->n_seal; i++) {
		pass(primitives, true, message);
		pass(primitives, false, message);
	}
	for (unsigned int i = 0; i < recipe->n_hash; i++)
		hash(primitives);
	work->done++;
}

static void init_primitives(struct primitives *primitives,
			    const struct recipe *recipe)
{
	*primitives = (struct primitives){
		.recipe = recipe,
		.hash = EVP_MD_fetch(NULL, "SHA2-256", NULL),
		.hash_ctx = EVP_MD_CTX_new(),
		.cipher = EVP_CIPHER_fetch(NULL, "ChaCha20-Poly1305", NULL),
		.cipher_ctx = EVP_CIPHER_CTX_new(),
	};
	must(primitives->hash && primitives->hash_ctx && primitives->cipher &&
	     primitives->cipher_ctx);
	primitives->identity = make_pair(primitives->public_key);
}

/* Two trunks are made, come to their keys, say READY, and are freed. */
static void turn_trunks(struct work *work)
{
	struct rig *rig = work->of;

	rig_start(rig);
	if (!vif_trunk_is_ready(rig->end[0]) ||
	    !vif_trunk_is_ready(rig->end[1]))
		die("the handshake failed");
	rig_fini(rig);
	work->done++;
}

void handshake_main(char **words, int n)
{
	static const char *const names[] = { "xx", "ik", NULL };
	static struct rig rig;
	struct primitives primitives;
	struct work mine, peer;
	int i;

	if (n != 1)
		usage();
	i = choose(words[0], names);
	init_primitives(&primitives, &recipes[i]);
	/* The cipher of the primitives, though messages are too short to tell. */
	ends_init(&rig, (struct kind){ .record_max = 16400 });
	if (i == 1)
		rig.config[0].remote = rig.key[1];
	rig.config[0].random = rig.config[1].random = NULL; /* libcrypto's */
	mine = (struct work){ .turn = turn_trunks, .of = &rig };
	peer = (struct work){ .turn = turn_primitives, .of = &primitives };
	duel(&mine, &peer);
}
