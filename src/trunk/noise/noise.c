/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Handshakes of the Noise Protocol Framework, revision 34.
 *
 * A message is a list of tokens, and a payload. Each token is something sent
 * (e, s), or something mixed into the chaining key without being sent: what two
 * key pairs agree on (ee, es, se, ss), or a secret shared beforehand (psk).
 * Everything sent is mixed into the hash, and the hash is the associated data
 * of whatever is encrypted, so that both ends have seen the same bytes or the
 * next message does not open. Names of fields follow section 5 of the
 * framework: h is the hash, ck the chaining key, k and n key and number.
 */
#include "trunk/noise/noise.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "trunk/noise/aead.h"

enum token {
	END,
	E,
	S,
	EE,
	ES, /* the initiator's e and the responder's s */
	SE,
	SS,
	PSK,
};

enum noise_limits {
	MESSAGES_MAX = 3,
	/* Of a pattern's message, and the END; a psk goes around them. */
	TOKENS_MAX = 6,
	TOKENS_PSK_MAX = TOKENS_MAX + 2,
};

struct pattern {
	const char *name;
	bool has_static[2];   /* by role */
	bool knows_static[2]; /* of the other, by the role of the owner */
	enum token message[MESSAGES_MAX][TOKENS_MAX];
};

/* Sections 7.5; each list ends with END. */
static const struct pattern patterns[] = {
	[NOISE_NN] = { "NN",
		       { false, false },
		       { false, false },
		       { { E }, { E, EE } } },
	[NOISE_NK] = { "NK",
		       { false, true },
		       { false, true },
		       { { E, ES }, { E, EE } } },
	[NOISE_NX] = { "NX",
		       { false, true },
		       { false, false },
		       { { E }, { E, EE, S, ES } } },
	[NOISE_XK] = { "XK",
		       { true, true },
		       { false, true },
		       { { E, ES }, { E, EE }, { S, SE } } },
	[NOISE_XX] = { "XX",
		       { true, true },
		       { false, false },
		       { { E }, { E, EE, S, ES }, { S, SE } } },
	[NOISE_KK] = { "KK",
		       { true, true },
		       { true, true },
		       { { E, ES, SS }, { E, EE, SE } } },
	[NOISE_IK] = { "IK",
		       { true, true },
		       { false, true },
		       { { E, ES, S, SS }, { E, EE, SE } } },
	[NOISE_IX] = { "IX",
		       { true, true },
		       { false, false },
		       { { E, S }, { E, EE, SE, S, ES } } },
};

static_assert(NOISE_DEAD == 0, "what is wiped is dead");
static_assert(sizeof(patterns) / sizeof(patterns[0]) == NOISE_PATTERNS,
	      "each pattern has its messages");

static unsigned int messages_of(const struct pattern *pattern)
{
	return pattern->message[MESSAGES_MAX - 1][0] == END ? 2 : 3;
}

static enum noise_role other(enum noise_role role)
{
	return role == NOISE_INITIATOR ? NOISE_RESPONDER : NOISE_INITIATOR;
}

size_t noise_name(const struct noise_config *config,
		  char ret_name[NOISE_NAME_SIZE])
{
	static const char *const ciphers[] = {
		[NOISE_CHACHAPOLY] = "ChaChaPoly",
		[NOISE_AESGCM] = "AESGCM",
	};
	char psk[8] = "";
	int len;

	if (config->psk)
		(void)snprintf(psk, sizeof(psk), "psk%u", config->psk_place);
	len = snprintf(ret_name, NOISE_NAME_SIZE, "Noise_%s%s_25519_%s_SHA256",
		       patterns[config->pattern].name, psk,
		       ciphers[config->cipher]);
	assert(len > 0 && len < NOISE_NAME_SIZE);
	return (size_t)len;
}

/* SymmetricState, section 5.2 */

static int mix_hash(struct noise_handshake *h, const void *data, size_t len)
{
	const struct iovec piece[] = {
		{ h->hash, sizeof(h->hash) },
		{ (void *)data, len },
	};

	return noise_hash(h->crypto, piece, 2, h->hash);
}

static int mix_key(struct noise_handshake *h, const uint8_t ikm[NOISE_KEY_LEN])
{
	uint8_t out[2][NOISE_HASH_LEN];
	int r = noise_hkdf(h->crypto, h->chaining_key, ikm, NOISE_KEY_LEN, out,
			   2);

	if (r == 0) {
		memcpy(h->chaining_key, out[0], sizeof(h->chaining_key));
		memcpy(h->key, out[1], sizeof(h->key));
		h->has_key = true;
		h->nonce = 0;
	}
	noise_wipe(out, sizeof(out));
	return r;
}

/* MixKeyAndHash() */
static int mix_psk(struct noise_handshake *h)
{
	uint8_t out[3][NOISE_HASH_LEN];
	int r = noise_hkdf(h->crypto, h->chaining_key, h->psk, sizeof(h->psk),
			   out, 3);

	if (r == 0) {
		memcpy(h->chaining_key, out[0], sizeof(h->chaining_key));
		memcpy(h->key, out[2], sizeof(h->key));
		h->has_key = true;
		h->nonce = 0;
		r = mix_hash(h, out[1], NOISE_HASH_LEN);
	}
	noise_wipe(out, sizeof(out));
	return r;
}

/* The context is shared, so that each message sets its key anew. */
static int prepare(struct noise_handshake *h, enum noise_direction direction,
		   struct noise_aead *ret_aead)
{
	*ret_aead = (struct noise_aead){
		.ctx = h->crypto->cipher_ctx[h->cipher],
		.cipher = h->cipher,
		.nonce = h->nonce++,
		.aad = h->hash,
		.aad_len = sizeof(h->hash),
	};
	return noise_aead_key(ret_aead->ctx, NULL, direction, h->key);
}

static size_t sealed_len(const struct noise_handshake *h, size_t len)
{
	return h->has_key ? len + NOISE_TAG_LEN : len;
}

/* EncryptAndHash(); advances to behind what it wrote */
static int encrypt(struct noise_handshake *h, const void *from, size_t len,
		   uint8_t **to)
{
	uint8_t *start = *to;
	struct noise_aead aead;
	int r = 0;

	if (h->has_key) {
		r = prepare(h, NOISE_SEAL, &aead);
		if (r == 0)
			r = noise_aead_seal(&aead, from, len, start);
	} else if (len > 0) {
		memcpy(start, from, len);
	}
	*to += sealed_len(h, len);
	return r < 0 ? r : mix_hash(h, start, sealed_len(h, len));
}

/* DecryptAndHash(); len is that of the plaintext, advances from behind it */
static int decrypt(struct noise_handshake *h, const uint8_t **from, size_t len,
		   void *ret_plain)
{
	const uint8_t *start = *from;
	struct noise_aead aead;
	int r = 0;

	if (h->has_key) {
		r = prepare(h, NOISE_OPEN, &aead);
		if (r == 0)
			r = noise_aead_open(&aead, start, len, ret_plain);
	} else if (len > 0) {
		memcpy(ret_plain, start, len);
	}
	*from += sealed_len(h, len);
	return r < 0 ? r : mix_hash(h, start, sealed_len(h, len));
}

/* Start and end */

/* The name itself where it fits, else its hash. */
static int mix_name(struct noise_handshake *h,
		    const struct noise_config *config)
{
	char name[NOISE_NAME_SIZE];
	size_t len = noise_name(config, name);
	int r = 0;

	if (len <= sizeof(h->hash))
		memcpy(h->hash, name, len);
	else
		r = noise_hash(
			h->crypto,
			&(struct iovec){ .iov_base = name, .iov_len = len }, 1,
			h->hash);
	memcpy(h->chaining_key, h->hash, sizeof(h->chaining_key));
	return r;
}

/* Static keys that are known beforehand, the initiator's first. */
static int mix_known(struct noise_handshake *h)
{
	const struct pattern *pattern = &patterns[h->pattern];
	int r = 0;

	for (unsigned int i = 0; i < 2 && r == 0; i++)
		if (pattern->knows_static[i])
			r = mix_hash(h,
				     i == (unsigned int)h->role ?
					     h->local->public_key :
					     h->remote,
				     NOISE_KEY_LEN);
	return r;
}

/* Which keys there are is part of the pattern. */
static void check_keys(const struct noise_config *config)
{
	const struct pattern *pattern = &patterns[config->pattern];

	assert(pattern->has_static[config->role] == (config->local != NULL));
	assert(pattern->knows_static[other(config->role)] ==
	       (config->remote != NULL));
	assert(!config->psk || config->psk_place <= messages_of(pattern));
}

static void check_config(const struct noise_config *config)
{
	assert((unsigned int)config->pattern < NOISE_PATTERNS);
	assert((unsigned int)config->cipher < NOISE_CIPHERS);
	assert(config->role == NOISE_INITIATOR ||
	       config->role == NOISE_RESPONDER);
	assert(config->random);
	check_keys(config);
}

static void take_keys(struct noise_handshake *h,
		      const struct noise_config *config)
{
	h->local = config->local;
	if (config->remote)
		memcpy(h->remote, config->remote, sizeof(h->remote));
	h->has_remote = config->remote != NULL;
	if (config->psk)
		memcpy(h->psk, config->psk, sizeof(h->psk));
	h->has_psk = config->psk != NULL;
	h->psk_place = config->psk_place;
}

/* What no message needs any more. */
static void forget_keys(struct noise_handshake *h)
{
	noise_pair_fini(&h->ephemeral);
	noise_wipe(h->psk, sizeof(h->psk));
	noise_wipe(h->key, sizeof(h->key));
	h->has_key = false;
	h->local = NULL;
}

static void forget_all(struct noise_handshake *h)
{
	forget_keys(h);
	if (h->crypto)
		noise_crypto_forget(h->crypto);
	noise_wipe(h, sizeof(*h));
}

static int die(struct noise_handshake *h, int r)
{
	forget_all(h); /* which is what NOISE_DEAD means */
	return r;
}

int noise_handshake_init(struct noise_handshake *h, struct noise_crypto *crypto,
			 const struct noise_config *config)
{
	int r;

	check_config(config);
	*h = (struct noise_handshake){
		.crypto = crypto,
		.pattern = config->pattern,
		.cipher = config->cipher,
		.role = config->role,
		.state = config->role == NOISE_INITIATOR ? NOISE_WRITING :
							   NOISE_READING,
		.random = config->random,
		.random_user = config->random_user,
	};
	if (config->remote && !noise_public_key_is_canonical(config->remote))
		return die(h, -EINVAL);
	take_keys(h, config);
	r = mix_name(h, config);
	if (r == 0)
		r = mix_hash(h, config->prologue, config->prologue_len);
	if (r == 0)
		r = mix_known(h);
	return r < 0 ? die(h, r) : 0;
}

void noise_handshake_fini(struct noise_handshake *h)
{
	forget_all(h);
}

/* Messages */

/* The tokens of the next message with the psk in its place; END at the end. */
static void next_tokens(const struct noise_handshake *h,
			enum token ret_tokens[TOKENS_PSK_MAX])
{
	const enum token *from = patterns[h->pattern].message[h->n_message];
	enum token *to = ret_tokens;

	if (h->has_psk && h->psk_place == 0 && h->n_message == 0)
		*to++ = PSK;
	while (*from != END)
		*to++ = *from++;
	if (h->has_psk && h->psk_place == h->n_message + 1)
		*to++ = PSK;
	*to = END;
}

size_t noise_handshake_overhead(const struct noise_handshake *h)
{
	enum token tokens[TOKENS_PSK_MAX];
	bool has_key = h->has_key;
	size_t len = 0;

	assert(h->state == NOISE_WRITING || h->state == NOISE_READING);
	next_tokens(h, tokens);
	for (const enum token *token = tokens; *token != END; token++) {
		if (*token == E || *token == S)
			len += NOISE_KEY_LEN;
		if (*token == S && has_key)
			len += NOISE_TAG_LEN;
		has_key |= *token == E ? h->has_psk : *token != S;
	}
	return has_key ? len + NOISE_TAG_LEN : len;
}

/* Whether a token that is two letters means our static key. */
static bool is_our_static(const struct noise_handshake *h, enum token token)
{
	return token == SS || token == (h->role == NOISE_INITIATOR ? SE : ES);
}

static bool is_their_static(const struct noise_handshake *h, enum token token)
{
	return token == SS || token == (h->role == NOISE_INITIATOR ? ES : SE);
}

static int mix_agreed(struct noise_handshake *h, enum token token)
{
	uint8_t shared[NOISE_KEY_LEN];
	int r = noise_pair_agree(
		is_our_static(h, token) ? h->local : &h->ephemeral, h->crypto,
		is_their_static(h, token) ? h->remote : h->remote_ephemeral,
		shared);

	if (r == 0)
		r = mix_key(h, shared);
	noise_wipe(shared, sizeof(shared));
	return r;
}

/* With a psk, an ephemeral key counts for the key as well, section 9.2. */
static int mix_ephemeral(struct noise_handshake *h,
			 const uint8_t public_key[NOISE_KEY_LEN])
{
	int r = mix_hash(h, public_key, NOISE_KEY_LEN);

	return r == 0 && h->has_psk ? mix_key(h, public_key) : r;
}

static int write_ephemeral(struct noise_handshake *h, uint8_t **to)
{
	uint8_t secret[NOISE_KEY_LEN] = { 0 };
	int r = h->random(h->random_user, secret, sizeof(secret));

	if (r >= 0) /* some count what they filled */
		r = noise_pair_init(&h->ephemeral, h->crypto, secret);
	noise_wipe(secret, sizeof(secret));
	if (r < 0)
		return r;
	memcpy(*to, h->ephemeral.public_key, NOISE_KEY_LEN);
	*to += NOISE_KEY_LEN;
	return mix_ephemeral(h, h->ephemeral.public_key);
}

static int write_token(struct noise_handshake *h, enum token token,
		       uint8_t **to)
{
	switch (token) {
	case E:
		return write_ephemeral(h, to);
	case S:
		return encrypt(h, h->local->public_key, NOISE_KEY_LEN, to);
	case PSK:
		return mix_psk(h);
	default:
		return mix_agreed(h, token);
	}
}

/* The curve refuses keys that are of low order or have other spellings. */
static int read_ephemeral(struct noise_handshake *h, const uint8_t **from)
{
	memcpy(h->remote_ephemeral, *from, NOISE_KEY_LEN);
	*from += NOISE_KEY_LEN;
	if (!noise_public_key_is_canonical(h->remote_ephemeral))
		return -EBADMSG;
	return mix_ephemeral(h, h->remote_ephemeral);
}

static int read_static(struct noise_handshake *h, const uint8_t **from)
{
	int r = decrypt(h, from, NOISE_KEY_LEN, h->remote);

	if (r == 0 && !noise_public_key_is_canonical(h->remote))
		r = -EBADMSG;
	h->has_remote = r == 0;
	return r;
}

static int read_token(struct noise_handshake *h, enum token token,
		      const uint8_t **from)
{
	switch (token) {
	case E:
		return read_ephemeral(h, from);
	case S:
		return read_static(h, from);
	case PSK:
		return mix_psk(h);
	default:
		return mix_agreed(h, token);
	}
}

static void end_message(struct noise_handshake *h)
{
	h->n_message++;
	if (h->n_message == messages_of(&patterns[h->pattern])) {
		forget_keys(h);
		h->state = NOISE_DONE;
	} else {
		h->state = h->state == NOISE_WRITING ? NOISE_READING :
						       NOISE_WRITING;
	}
}

static int write_message(struct noise_handshake *h, const void *payload,
			 size_t len, uint8_t *to)
{
	enum token tokens[TOKENS_PSK_MAX];
	int r = 0;

	next_tokens(h, tokens);
	for (const enum token *token = tokens; *token != END && r == 0; token++)
		r = write_token(h, *token, &to);
	return r < 0 ? r : encrypt(h, payload, len, &to);
}

int noise_handshake_write(struct noise_handshake *h, const void *payload,
			  size_t payload_len, uint8_t *to, size_t size,
			  size_t *ret_len)
{
	size_t limit =
		size < NOISE_MESSAGE_LEN_MAX ? size : NOISE_MESSAGE_LEN_MAX;
	size_t overhead;
	int r;

	assert(h->state == NOISE_WRITING);
	overhead = noise_handshake_overhead(h);
	if (overhead > limit || payload_len > limit - overhead)
		return die(h, -EMSGSIZE);
	r = write_message(h, payload, payload_len, to);
	if (r < 0) {
		noise_wipe(to, overhead + payload_len);
		return die(h, r);
	}
	end_message(h);
	*ret_len = overhead + payload_len;
	return 0;
}

static int read_message(struct noise_handshake *h, const uint8_t *from,
			void *ret_payload, size_t payload_len)
{
	enum token tokens[TOKENS_PSK_MAX];
	int r = 0;

	next_tokens(h, tokens);
	for (const enum token *token = tokens; *token != END && r == 0; token++)
		r = read_token(h, *token, &from);
	return r < 0 ? r : decrypt(h, &from, payload_len, ret_payload);
}

int noise_handshake_read(struct noise_handshake *h, const uint8_t *from,
			 size_t len, void *ret_payload, size_t size,
			 size_t *ret_payload_len)
{
	size_t overhead;
	int r;

	if (h->state != NOISE_READING)
		return die(h, -EPROTO);
	overhead = noise_handshake_overhead(h);
	if (len < overhead || len > NOISE_MESSAGE_LEN_MAX)
		return die(h, -EBADMSG);
	if (len - overhead > size)
		return die(h, -EMSGSIZE);
	r = read_message(h, from, ret_payload, len - overhead);
	if (r < 0) {
		noise_wipe(ret_payload, len - overhead);
		return die(h, r);
	}
	end_message(h);
	*ret_payload_len = len - overhead;
	return 0;
}

bool noise_handshake_is_writing(const struct noise_handshake *h)
{
	return h->state == NOISE_WRITING;
}

bool noise_handshake_is_done(const struct noise_handshake *h)
{
	return h->state == NOISE_DONE || h->state == NOISE_SPLIT;
}

const uint8_t *noise_handshake_remote(const struct noise_handshake *h)
{
	return h->has_remote ? h->remote : NULL;
}

const uint8_t *noise_handshake_hash(const struct noise_handshake *h)
{
	return noise_handshake_is_done(h) ? h->hash : NULL;
}

/* The first key is that of the initiator's records. */
static int init_keys(const struct noise_handshake *h,
		     uint8_t secret[][NOISE_HASH_LEN],
		     struct noise_key *ret_send, struct noise_key *ret_receive)
{
	unsigned int mine = h->role == NOISE_INITIATOR ? 0 : 1;
	int r = noise_key_init(ret_send, h->crypto, h->cipher, NOISE_SEAL,
			       secret[mine]);

	if (r < 0)
		return r;
	r = noise_key_init(ret_receive, h->crypto, h->cipher, NOISE_OPEN,
			   secret[1 - mine]);
	if (r < 0)
		noise_key_fini(ret_send);
	return r;
}

int noise_handshake_split(struct noise_handshake *h, struct noise_key *ret_send,
			  struct noise_key *ret_receive, uint8_t *ret_exporter)
{
	uint8_t out[3][NOISE_HASH_LEN];
	int r;

	assert(h->state == NOISE_DONE);
	r = noise_hkdf(h->crypto, h->chaining_key, NULL, 0, out, 3);
	if (r == 0)
		r = init_keys(h, out, ret_send, ret_receive);
	if (r == 0 && ret_exporter)
		memcpy(ret_exporter, out[2], NOISE_KEY_LEN);
	noise_wipe(out, sizeof(out));
	if (r < 0)
		return die(h, r);
	noise_wipe(h->chaining_key, sizeof(h->chaining_key));
	noise_crypto_forget(h->crypto);
	h->state = NOISE_SPLIT;
	return 0;
}
