/* SPDX-License-Identifier: Apache-2.0 */
/* A hostile peer opens circuits, and accepts those of the trunk. */
#ifndef TESTS_TRUNK_HOSTILE_OPEN_H
#define TESTS_TRUNK_HOSTILE_OPEN_H

#include "tests/trunk_hostile.h"

/* The first number of a circuit that the peer opens. */
static inline uint32_t hostile_first_id(const struct hostile *h)
{
	return h->role == VIF_TRUNK_ACCEPTER ? 1 : 2;
}

/* Circuits that the peer opens. */

static inline uint64_t hostile_hop(uint64_t limit)
{
	return (uint64_t)VIF_TRUNK_RECORD_MAX << 48 | limit;
}

static inline size_t hostile_open_body(const struct hostile *h,
				       enum vif_circuit_mode mode, uint8_t *to)
{
	(void)h;
	memset(to, 0, CORE_OPEN_FIXED);
	to[0] = (uint8_t)mode;
	to[1] = mode == VIF_CIRCUIT_DERIVED ? 0 : 1; /* XX */
	to[2] = mode == VIF_CIRCUIT_SEALED ? 1 : 0;  /* ChaChaPoly */
	put_be32(to + 4, 1 << 20);
	put_be32(to + 8, 1 << 20);
	put_be32(to + 12, 4096);
	return CORE_OPEN_FIXED;
}

static inline int hostile_circuit_hash(struct hostile *h, const uint8_t *open,
				       size_t open_len,
				       uint8_t hash[NOISE_HASH_LEN])
{
	uint8_t len[4];
	struct iovec piece[] = {
		{ (void *)(uintptr_t) "vif trunk 1 circuit", 19 },
		{ len, sizeof(len) },
		{ (void *)(uintptr_t)open, open_len },
		{ (void *)(uintptr_t)h->keys.hash, NOISE_HASH_LEN },
	};

	put_be32(len, (uint32_t)open_len);
	return noise_hash(&h->crypto, piece,
			  open[0] == VIF_CIRCUIT_BOUND ? 4 : 3, hash);
}

static inline void hostile_noise(struct hostile *h,
				 struct hostile_circuit *circuit,
				 enum noise_role role, const uint8_t *open,
				 size_t open_len)
{
	uint8_t hash[NOISE_HASH_LEN];
	struct noise_config config = {
		.pattern = NOISE_XX,
		.cipher = open[2] == 2 ? NOISE_AESGCM : NOISE_CHACHAPOLY,
		.role = role,
		.prologue = hash,
		.prologue_len = sizeof(hash),
		.local = &h->pair,
		.random = session_rig_random,
		.random_user = &h->peer_seed,
	};
	int r = hostile_circuit_hash(h, open, open_len, hash);

	assert(r == 0);
	r = noise_handshake_init(&circuit->noise, &h->crypto, &config);
	assert(r == 0);
	(void)r;
}

/* Sends OPEN; what comes is heard. */
static inline struct hostile_circuit *
hostile_send_open(struct hostile *h, uint32_t id, enum vif_circuit_mode mode)
{
	struct hostile_circuit *circuit =
		&h->sealed[(id - 1) / 2 % HOSTILE_CIRCUITS];
	uint8_t body[CORE_OPEN_MAX];
	size_t len = hostile_open_body(h, mode, body), n = 0;
	int r = 0;

	if (mode != VIF_CIRCUIT_DERIVED) {
		noise_handshake_fini(&circuit->noise);
		circuit->id = id;
		hostile_noise(h, circuit, NOISE_INITIATOR, body, len);
		r = noise_handshake_write(&circuit->noise, NULL, 0, body + len,
					  sizeof(body) - len, &n);
	}
	assert(r == 0);
	(void)r;
	(void)hostile_control(h, FRAME_TRUNK_OPEN, id, hostile_hop(1 << 20),
			      body, len + n);
	return circuit;
}

/* The keys that a handshake which is done has led to. */
static inline void hostile_take_circuit(struct hostile_circuit *circuit)
{
	int r = noise_handshake_split(&circuit->noise, &circuit->send,
				      &circuit->receive, NULL);

	assert(r == 0);
	(void)r;
}

/* Answers ACCEPT, which was heard, with CONFIRM. */
static inline void hostile_send_confirm(struct hostile *h,
					struct hostile_circuit *circuit,
					uint32_t id, enum vif_circuit_mode mode)
{
	const struct heard *accept = &h->heard[FRAME_TRUNK_ACCEPT];
	uint8_t body[CORE_OPEN_MAX], hello[CORE_HELLO_LEN];
	size_t len = 0;
	int r = 0;

	assert(accept->n > 0 && accept->header.id == id);
	if (mode != VIF_CIRCUIT_DERIVED) {
		r = noise_handshake_read(&circuit->noise, accept->body,
					 accept->header.len, hello,
					 sizeof(hello), &len);
		assert(r == 0);
		r = noise_handshake_write(&circuit->noise, NULL, 0, body,
					  sizeof(body), &len);
		assert(r == 0);
	}
	(void)r;
	if (mode == VIF_CIRCUIT_SEALED)
		hostile_take_circuit(circuit);
	(void)hostile_control(h, FRAME_TRUNK_CONFIRM, id, 0, body, len);
}

static inline void hostile_open(struct hostile *h, uint32_t id,
				enum vif_circuit_mode mode)
{
	struct hostile_circuit *circuit = hostile_send_open(h, id, mode);

	hostile_send_confirm(h, circuit, id, mode);
}

/*
 * The body of an OPEN to a key, which may be any, with a first message of IK
 * unless it is a derived one. Returns its length. The handshake is the caller's
 * to go on with or to wipe.
 */
static inline size_t hostile_open_to(struct hostile *h,
				     enum vif_circuit_mode mode,
				     const uint8_t key[VIF_KEY_LEN],
				     struct noise_handshake *noise,
				     uint8_t body[CORE_OPEN_MAX])
{
	size_t len = hostile_open_body(h, mode, body), n = 0;
	uint8_t hash[NOISE_HASH_LEN];
	struct noise_config config = {
		.pattern = NOISE_IK,
		.cipher = NOISE_CHACHAPOLY,
		.role = NOISE_INITIATOR,
		.prologue = hash,
		.prologue_len = sizeof(hash),
		.local = &h->pair,
		.remote = key,
		.random = session_rig_random,
		.random_user = &h->peer_seed,
	};
	int r;

	memcpy(body + 16, key, VIF_KEY_LEN);
	if (mode == VIF_CIRCUIT_DERIVED)
		return len;
	body[1] = 2; /* IK */
	r = hostile_circuit_hash(h, body, len, hash);
	assert(r == 0);
	r = noise_handshake_init(noise, &h->crypto, &config);
	assert(r == 0);
	r = noise_handshake_write(noise, NULL, 0, body + len,
				  CORE_OPEN_MAX - len, &n);
	assert(r == 0);
	(void)r;
	return len + n;
}

/*
 * Sends OPEN to a key, of a circuit that is bound or sealed; what comes is heard.
 * hostile_confirm_to() goes on when ACCEPT was.
 */
static inline void hostile_dial(struct hostile *h, uint32_t id,
				enum vif_circuit_mode mode,
				const uint8_t key[VIF_KEY_LEN])
{
	struct hostile_circuit *circuit =
		&h->sealed[(id - 1) / 2 % HOSTILE_CIRCUITS];
	uint8_t body[CORE_OPEN_MAX];
	size_t len;

	noise_handshake_fini(&circuit->noise);
	noise_key_fini(&circuit->send);
	noise_key_fini(&circuit->receive);
	circuit->id = id;
	len = hostile_open_to(h, mode, key, &circuit->noise, body);
	(void)hostile_control(h, FRAME_TRUNK_OPEN, id, hostile_hop(1 << 20),
			      body, len);
}

/* Answers the ACCEPT that was heard last, if it is about this one. */
static inline void hostile_confirm_to(struct hostile *h, uint32_t id,
				      enum vif_circuit_mode mode)
{
	const struct heard *accept = &h->heard[FRAME_TRUNK_ACCEPT];
	struct hostile_circuit *circuit =
		&h->sealed[(id - 1) / 2 % HOSTILE_CIRCUITS];
	uint8_t hello[CORE_HELLO_LEN], proof[NOISE_TAG_LEN];
	size_t len;
	int r;

	if (accept->n == 0 || accept->header.id != id)
		return;
	r = noise_handshake_read(&circuit->noise, accept->body,
				 accept->header.len, hello, sizeof(hello),
				 &len);
	assert(r == 0);
	hostile_take_circuit(circuit);
	r = noise_key_seal(&circuit->send, NULL, 0, NULL, 0, proof);
	assert(r == 0);
	(void)r;
	/* A bound circuit has those of its trunk. */
	if (mode != VIF_CIRCUIT_SEALED) {
		noise_key_fini(&circuit->send);
		noise_key_fini(&circuit->receive);
	}
	(void)hostile_control(h, FRAME_TRUNK_CONFIRM, id, 0, proof,
			      sizeof(proof));
}

/* Answers an OPEN of the trunk, which was heard, in a derived circuit. */
static inline void hostile_accept(struct hostile *h, uint32_t id)
{
	uint8_t body[CORE_HELLO_LEN];

	put_be32(body, 1 << 20);
	put_be32(body + 4, 1 << 20);
	put_be32(body + 8, 4096);
	(void)hostile_control(h, FRAME_TRUNK_ACCEPT, id, hostile_hop(1 << 20),
			      body, sizeof(body));
}

#endif
