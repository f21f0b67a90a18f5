/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two ends of a Noise handshake in memory, with keys that are the same in each
 * run. The two use one struct noise_crypto, as circuits of one trunk do.
 */
#ifndef TESTS_NOISE_RIG_H
#define TESTS_NOISE_RIG_H

#include <stdbool.h>
#include <string.h>

#include "trunk/noise/noise.h"

enum noise_rig_sizes {
	NOISE_RIG_SIZE = 512, /* of a message */
	NOISE_RIG_PAYLOAD_LEN = 4,
};

/* Which keys a pattern takes, apart from the table under test. */
struct noise_rig_pattern {
	const char *name;
	unsigned int n_message;
	bool has_static[2];
	bool knows_static[2]; /* of the peer, by the role of who knows */
};

static const struct noise_rig_pattern noise_rig_patterns[] = {
	[NOISE_NN] = { "NN", 2, { false, false }, { false, false } },
	[NOISE_NK] = { "NK", 2, { false, true }, { true, false } },
	[NOISE_NX] = { "NX", 2, { false, true }, { false, false } },
	[NOISE_XK] = { "XK", 3, { true, true }, { true, false } },
	[NOISE_XX] = { "XX", 3, { true, true }, { false, false } },
	[NOISE_KK] = { "KK", 2, { true, true }, { true, true } },
	[NOISE_IK] = { "IK", 2, { true, true }, { true, false } },
	[NOISE_IX] = { "IX", 2, { true, true }, { false, false } },
};

static const uint8_t noise_rig_psk[NOISE_KEY_LEN] =
	"a secret that both ends have";

/* What a run is about; a psk_place below 0 is none. */
struct noise_rig_case {
	enum noise_pattern pattern;
	enum noise_cipher cipher;
	int psk_place;
};

/* As random as a test wants: bytes of one value, which is the user. */
static inline int noise_rig_random(void *user, uint8_t *ret_bytes, size_t len)
{
	memset(ret_bytes, *(const uint8_t *)user, len);
	return 0;
}

struct noise_rig {
	struct noise_crypto crypto;
	struct noise_pair pair[2]; /* by role, from here on */
	uint8_t seed[2];
	struct noise_config config[2];
	struct noise_handshake end[2];
};

/* Ready for noise_rig_start(); a test may change the configs before. */
static inline void noise_rig_init(struct noise_rig *rig,
				  const struct noise_rig_case *c)
{
	const struct noise_rig_pattern *pattern =
		&noise_rig_patterns[c->pattern];
	uint8_t secret[NOISE_KEY_LEN];

	memset(rig, 0, sizeof(*rig));
	(void)noise_crypto_init(&rig->crypto); /* what follows would crash */
	for (unsigned int i = 0; i < 2; i++) {
		memset(secret, (int)(0x11 + i), sizeof(secret));
		(void)noise_pair_init(&rig->pair[i], &rig->crypto, secret);
	}
	for (unsigned int i = 0; i < 2; i++) {
		rig->seed[i] = (uint8_t)(0x51 + i);
		rig->config[i] = (struct noise_config){
			.pattern = c->pattern,
			.cipher = c->cipher,
			.role = i == 0 ? NOISE_INITIATOR : NOISE_RESPONDER,
			.prologue = "prologue",
			.prologue_len = 8,
			.local = pattern->has_static[i] ? &rig->pair[i] : NULL,
			.remote = pattern->knows_static[i] ?
					  rig->pair[1 - i].public_key :
					  NULL,
			.psk = c->psk_place < 0 ? NULL : noise_rig_psk,
			.psk_place = c->psk_place < 0 ?
					     0 :
					     (unsigned int)c->psk_place,
			.random = noise_rig_random,
			.random_user = &rig->seed[i],
		};
	}
}

/* Begins a handshake, also in the middle of another. */
static inline int noise_rig_start(struct noise_rig *rig)
{
	for (unsigned int i = 0; i < 2; i++) {
		int r;

		noise_handshake_fini(&rig->end[i]);
		r = noise_handshake_init(&rig->end[i], &rig->crypto,
					 &rig->config[i]);

		if (r < 0)
			return r;
	}
	return 0;
}

static inline void noise_rig_fini(struct noise_rig *rig)
{
	for (unsigned int i = 0; i < 2; i++) {
		noise_handshake_fini(&rig->end[i]);
		noise_pair_fini(&rig->pair[i]);
	}
	noise_crypto_fini(&rig->crypto);
}

/* Moves to the next case: every pattern, cipher, and place of a psk. */
static inline bool noise_rig_next(struct noise_rig_case *c)
{
	if (++c->psk_place <= (int)noise_rig_patterns[c->pattern].n_message)
		return true;
	c->psk_place = -1;
	c->cipher++;
	if (c->cipher < NOISE_CIPHERS)
		return true;
	c->cipher = NOISE_CHACHAPOLY;
	c->pattern++;
	return c->pattern < NOISE_PATTERNS;
}

#define NOISE_RIG_FIRST                        \
	{                                      \
		NOISE_NN, NOISE_CHACHAPOLY, -1 \
	}

/* Who writes message i, from 0 on. */
static inline unsigned int noise_rig_writer(unsigned int i)
{
	return i % 2;
}

struct noise_rig_message {
	uint8_t at[NOISE_RIG_SIZE];
	size_t len;
};

/* Writes message i, with a payload of its own. */
static inline int noise_rig_write(struct noise_rig *rig, unsigned int i,
				  struct noise_rig_message *ret_message)
{
	const uint8_t payload[NOISE_RIG_PAYLOAD_LEN] = { 'p', 'a', 'y',
							 (uint8_t)i };

	return noise_handshake_write(
		&rig->end[noise_rig_writer(i)], payload, sizeof(payload),
		ret_message->at, sizeof(ret_message->at), &ret_message->len);
}

/* Reads it; ret_payload has room for that of any message. */
static inline int noise_rig_read(struct noise_rig *rig, unsigned int i,
				 const struct noise_rig_message *message,
				 struct noise_rig_message *ret_payload)
{
	return noise_handshake_read(&rig->end[1 - noise_rig_writer(i)],
				    message->at, message->len, ret_payload->at,
				    sizeof(ret_payload->at), &ret_payload->len);
}

/* Passes the messages from one on, up to before another. */
static inline int noise_rig_pass(struct noise_rig *rig, unsigned int from,
				 unsigned int to)
{
	for (unsigned int i = from; i < to; i++) {
		struct noise_rig_message message;
		struct noise_rig_message payload;
		int r = noise_rig_write(rig, i, &message);

		if (r == 0)
			r = noise_rig_read(rig, i, &message, &payload);
		if (r < 0)
			return r;
	}
	return 0;
}

static inline unsigned int noise_rig_n_message(const struct noise_rig *rig)
{
	return noise_rig_patterns[rig->config[0].pattern].n_message;
}

#endif
