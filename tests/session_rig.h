/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two sessions and the connection between them, in memory. The same in each
 * run: keys and randomness come from seeds.
 */
#ifndef TESTS_SESSION_RIG_H
#define TESTS_SESSION_RIG_H

#include <assert.h>
#include <string.h>

#include "trunk/session.h"

enum session_rig_sizes {
	SESSION_RIG_STREAM = 16384, /* bytes of one direction */
	SESSION_RIG_SETUPS = 7,
};

/* What the two are; each leads to a pattern of its own. */
struct session_rig_setup {
	const char *name;
	enum hello_pattern pattern;
	bool is_pinned; /* the dialer knows the accepter's key */
	bool is_hidden;
	bool is_anonymous;
	bool has_psk;
};

static const struct session_rig_setup session_rig_setups[] = {
	{ "XX", HELLO_XX, false, false, false, false },
	{ "IK", HELLO_IK, true, false, false, false },
	{ "XK", HELLO_XK, true, true, false, false },
	{ "NK", HELLO_NK, true, false, true, false },
	{ "XXpsk3", HELLO_XXPSK3, false, false, false, true },
	{ "IKpsk2", HELLO_IKPSK2, true, false, false, true },
	{ "XKpsk3", HELLO_XKPSK3, true, true, false, true },
};

static_assert(sizeof(session_rig_setups) / sizeof(session_rig_setups[0]) ==
		      SESSION_RIG_SETUPS,
	      "they are counted");

static const uint8_t session_rig_psk[NOISE_KEY_LEN] =
	"a secret that both sides know..";

struct session_rig_stream {
	uint8_t byte[SESSION_RIG_STREAM];
	size_t len;
	size_t n_read; /* by the other side */
	unsigned int n_record;
};

struct session_rig_side {
	struct noise_pair pair;
	uint64_t seed;
	struct session_config config;
	struct session session;
	struct session_rig_stream out; /* after whoever is in between */
};

struct session_rig {
	struct noise_crypto crypto;
	struct session_rig_side side[2]; /* by role */
	/*
	 * Who is in between: changes a record that side has written. There is
	 * room for the largest one. NULL: nobody.
	 */
	void (*tap)(struct session_rig *rig, unsigned int side, uint8_t *record,
		    size_t *len);
	void *tap_user;
};

/* SplitMix64; the user is the seed. */
static inline int session_rig_random(void *user, uint8_t *ret_bytes, size_t len)
{
	uint64_t *seed = user;

	for (size_t i = 0; i < len; i++) {
		uint64_t z = *seed += UINT64_C(0x9e3779b97f4a7c15);

		z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
		z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
		ret_bytes[i] = (uint8_t)(z ^ z >> 31);
	}
	return 0;
}

static inline void session_rig_key(struct session_rig *rig,
				   struct noise_pair *pair, uint64_t seed)
{
	uint8_t secret[NOISE_KEY_LEN];
	int r;

	(void)session_rig_random(&seed, secret, sizeof(secret));
	r = noise_pair_init(pair, &rig->crypto, secret);
	assert(r == 0);
	(void)r;
}

/* Ready for session_rig_start(); a test may change the configs before. */
static inline void session_rig_init(struct session_rig *rig,
				    const struct session_rig_setup *setup,
				    bool has_aes)
{
	struct session_rig_side *dialer = &rig->side[VIF_TRUNK_DIALER];
	struct session_rig_side *accepter = &rig->side[VIF_TRUNK_ACCEPTER];
	int r;

	memset(rig, 0, sizeof(*rig));
	r = noise_crypto_init(&rig->crypto);
	assert(r == 0);
	(void)r;
	for (unsigned int i = 0; i < 2; i++) {
		struct session_rig_side *side = &rig->side[i];

		session_rig_key(rig, &side->pair, 100 + i);
		side->seed = 200 + i;
		side->config = (struct session_config){
			.role = (enum vif_trunk_role)i,
			.local = &side->pair,
			.psk = setup->has_psk ? session_rig_psk : NULL,
			.has_aes = has_aes,
			.random = session_rig_random,
			.random_user = &side->seed,
			.binding = "a carrier",
			.binding_len = 9,
			.record_max = (uint16_t)(16400 + i),
			.circuits_max = (uint16_t)(64 + i),
			.window = (1U << 24) + i,
		};
	}
	if (setup->is_pinned)
		dialer->config.remote = accepter->pair.public_key;
	if (setup->is_anonymous)
		dialer->config.local = NULL;
	dialer->config.hide_identity = setup->is_hidden;
	accepter->config.allow_anonymous = setup->is_anonymous;
}

/* Returns 0, or what session_init() of either side has returned. */
static inline int session_rig_start(struct session_rig *rig)
{
	for (unsigned int i = 0; i < 2; i++) {
		int r = session_init(&rig->side[i].session, &rig->crypto,
				     &rig->side[i].config);

		if (r < 0)
			return r;
	}
	return 0;
}

static inline void session_rig_fini(struct session_rig *rig)
{
	for (unsigned int i = 0; i < 2; i++) {
		session_fini(&rig->side[i].session);
		noise_pair_fini(&rig->side[i].pair);
	}
	noise_crypto_fini(&rig->crypto);
}

/* Puts the next record of a side on its stream; false when there is none. */
static inline bool session_rig_write(struct session_rig *rig, unsigned int i)
{
	struct session_rig_stream *out = &rig->side[i].out;
	uint8_t *record = out->byte + out->len;
	size_t room = sizeof(out->byte) - out->len;
	size_t len = session_write(&rig->side[i].session, record, room);

	if (len == 0)
		return false;
	if (rig->tap)
		rig->tap(rig, i, record, &len);
	assert(len <= room);
	out->len += len;
	out->n_record++;
	return true;
}

/* Reads a record of the other side; false when there is no whole one. */
static inline bool session_rig_read(struct session_rig *rig, unsigned int i)
{
	struct session_rig_stream *in = &rig->side[1 - i].out;
	const uint8_t *from = in->byte + in->n_read;
	size_t len = in->len - in->n_read;
	struct record_header header;

	if (len < RECORD_HEADER_LEN)
		return false;
	header = record_header_read(from);
	if (header.len > len - RECORD_HEADER_LEN)
		return false;
	in->n_read += (size_t)RECORD_HEADER_LEN + header.len;
	(void)session_read(&rig->side[i].session, &header,
			   from + RECORD_HEADER_LEN); /* its reason says it */
	return true;
}

/* One record of either side; false when nothing moves any more. */
static inline bool session_rig_step(struct session_rig *rig)
{
	for (unsigned int i = 0; i < 2; i++)
		if (session_rig_write(rig, i))
			return true;
	return session_rig_read(rig, 1) || session_rig_read(rig, 0);
}

static inline void session_rig_run(struct session_rig *rig)
{
	while (session_rig_step(rig))
		;
}

static inline bool session_rig_is_done(const struct session_rig *rig)
{
	return session_is_done(&rig->side[0].session) &&
	       session_is_done(&rig->side[1].session);
}

static inline enum vif_reason session_rig_reason(const struct session_rig *rig,
						 unsigned int role)
{
	return session_reason(&rig->side[role].session, NULL);
}

#endif
