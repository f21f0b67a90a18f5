/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A trunk, and a peer that has the keys and says whatever a test wants.
 *
 * The peer is no second trunk: it has a session of its own for the handshake,
 * and from then on seals any bytes as any record. What the trunk says is opened,
 * taken apart, and remembered by frame type. Nothing is taken from the core but
 * its formats, so that a mistake of it is not repeated here.
 */
#ifndef TESTS_TRUNK_HOSTILE_H
#define TESTS_TRUNK_HOSTILE_H

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <vif/circuit.h>
#include <vif/flow.h>
#include <vif/trunk.h>

#include "base/bits.h"
#include "tests/session_rig.h"
#include "trunk/core.h"

enum hostile_sizes {
	HOSTILE_START = 1000000000, /* ns */
	HOSTILE_PLAIN = 70000,      /* of a record, for those too long */
	HOSTILE_TYPES = 32,         /* of frames */
	HOSTILE_BODY = 512,         /* remembered of a frame */
	HOSTILE_CIRCUITS = 8,
	HOSTILE_TAKEN = 16,
};

/* A sealed record whose keys the peer does not have. */
struct hostile_taken {
	uint8_t flags;
	uint32_t circuit;
	size_t len;
	uint8_t bytes[20000];
};

/* What was said last of a type. */
struct heard {
	unsigned int n;
	struct frame_header header;
	uint32_t circuit; /* of the record */
	uint8_t body[HOSTILE_BODY];
};

/* The peer's view of a circuit that is sealed. */
struct hostile_circuit {
	uint32_t id;
	struct noise_handshake noise;
	struct noise_key send, receive;
};

struct hostile {
	struct vif_trunk *trunk;
	struct vif_trunk_config config;
	enum vif_trunk_role role; /* of the trunk */
	uint64_t now_ns;
	uint64_t seed, peer_seed;
	uint8_t secret[VIF_KEY_LEN];
	struct noise_crypto crypto;
	struct noise_pair pair;
	struct session_config peer_config;
	struct session_result keys;
	struct hostile_circuit sealed[HOSTILE_CIRCUITS];
	/* the record being made */
	uint8_t plain[HOSTILE_PLAIN];
	size_t plain_len;
	/* what the trunk has said */
	struct heard heard[HOSTILE_TYPES];
	unsigned int n_records;
	uint64_t data_bytes;
	struct hostile_taken taken[HOSTILE_TAKEN];
	unsigned int n_taken;
	bool is_deaf; /* the peer does not read its socket */
	/* what its program was told */
	unsigned int n_event[VIF_FLOW_CLOSED + 1];
	struct vif_circuit *circuit; /* the last one that came or is ready */
	struct vif_flow *flow;       /* the same */
	bool keeps_quiet;            /* does not accept circuits */
};

static inline void hostile_init(struct hostile *h, enum vif_trunk_role role)
{
	uint64_t seed = 7;
	uint8_t secret[VIF_KEY_LEN];
	int r;

	memset(h, 0, sizeof(*h));
	h->role = role;
	h->now_ns = HOSTILE_START;
	h->seed = 300;
	h->peer_seed = 400;
	r = noise_crypto_init(&h->crypto);
	assert(r == 0);
	(void)session_rig_random(&seed, h->secret, sizeof(h->secret));
	(void)session_rig_random(&seed, secret, sizeof(secret));
	r = noise_pair_init(&h->pair, &h->crypto, secret);
	assert(r == 0);
	(void)r;
	h->config = (struct vif_trunk_config){
		.size = sizeof(h->config),
		.identity = h->secret,
		.random = session_rig_random,
		.user = &h->seed,
	};
	h->peer_config = (struct session_config){
		.role = role == VIF_TRUNK_DIALER ? VIF_TRUNK_ACCEPTER :
						   VIF_TRUNK_DIALER,
		.local = &h->pair,
		.random = session_rig_random,
		.random_user = &h->peer_seed,
		.record_max = VIF_TRUNK_RECORD_MAX,
		.circuits_max = 64,
		.window = 16 << 20,
	};
}

static inline void hostile_fini(struct hostile *h)
{
	vif_trunk_free(h->trunk);
	for (int i = 0; i < HOSTILE_CIRCUITS; i++) {
		noise_handshake_fini(&h->sealed[i].noise);
		noise_key_fini(&h->sealed[i].send);
		noise_key_fini(&h->sealed[i].receive);
	}
	session_result_fini(&h->keys);
	noise_pair_fini(&h->pair);
	noise_crypto_fini(&h->crypto);
}

/* Listening. */

static inline struct hostile_circuit *hostile_sealed(struct hostile *h,
						     uint32_t id)
{
	for (int i = 0; i < HOSTILE_CIRCUITS; i++)
		if (h->sealed[i].id == id && h->sealed[i].send.ctx)
			return &h->sealed[i];
	return NULL;
}

static inline void hostile_hear_frame(struct hostile *h, uint32_t circuit,
				      const struct frame_header *header,
				      const uint8_t *body)
{
	struct heard *heard;

	assert(header->type < HOSTILE_TYPES);
	heard = &h->heard[header->type];
	heard->n++;
	heard->header = *header;
	heard->circuit = circuit;
	memcpy(heard->body, body,
	       header->len < HOSTILE_BODY ? header->len : HOSTILE_BODY);
	if (header->type == FRAME_DATA)
		h->data_bytes += header->len;
}

static inline void hostile_hear_frames(struct hostile *h, uint32_t circuit,
				       const uint8_t *bytes, size_t len)
{
	size_t at = 0;

	while (at < len) {
		struct frame_header header = frame_header_read(bytes + at);

		at += FRAME_HEADER_LEN;
		assert(at + header.len <= len);
		hostile_hear_frame(h, circuit, &header, bytes + at);
		at += header.len;
		if (header.type == FRAME_TRUNK_REKEY)
			(void)noise_key_rekey(&h->keys.receive);
		if (header.type == FRAME_REKEY)
			(void)noise_key_rekey(
				&hostile_sealed(h, circuit)->receive);
	}
}

static inline void hostile_take_record(struct hostile *h,
				       const struct record_header *header,
				       const uint8_t *body, size_t len)
{
	struct hostile_taken *taken = &h->taken[h->n_taken++];

	assert(h->n_taken <= HOSTILE_TAKEN && len <= sizeof(taken->bytes));
	taken->flags = header->flags;
	taken->circuit = header->circuit;
	taken->len = len;
	memcpy(taken->bytes, body, len);
}

static inline void hostile_hear_record(struct hostile *h,
				       const struct record_header *header,
				       uint8_t *record)
{
	uint8_t *body = record + RECORD_HEADER_LEN;
	size_t len = header->len - (size_t)RECORD_TAG_LEN;
	struct hostile_circuit *sealed = hostile_sealed(h, header->circuit);
	uint8_t aad[2] = { header->type, header->flags };
	int r = noise_key_open(&h->keys.receive, record, RECORD_HEADER_LEN,
			       body, len, body);

	assert(r == 0);
	h->n_records++;
	if (header->type == RECORD_SEALED && !sealed) {
		hostile_take_record(h, header, body, len);
		return;
	}
	if (header->type == RECORD_SEALED) {
		len -= RECORD_TAG_LEN;
		r = noise_key_open(&sealed->receive, aad, sizeof(aad), body,
				   len, body);
		assert(r == 0);
	}
	(void)r;
	hostile_hear_frames(h, header->circuit, body, len);
}

static inline void hostile_hear(struct hostile *h)
{
	static uint8_t buffer[VIF_TRUNK_SEND_MIN + 4096];
	int64_t n;

	while (!h->is_deaf &&
	       (n = vif_trunk_send(h->trunk, buffer, sizeof(buffer))) > 0)
		for (int64_t at = 0; at < n;) {
			struct record_header header =
				record_header_read(buffer + at);

			hostile_hear_record(h, &header, buffer + at);
			at += RECORD_HEADER_LEN + header.len;
		}
}

/* The program at the trunk: takes everything, does nothing with it. */
static inline void hostile_listen(struct hostile *h)
{
	struct vif_trunk_event event;

	while (vif_trunk_next_event(h->trunk, &event)) {
		h->n_event[event.type]++;
		if (event.type == VIF_CIRCUIT_INCOMING && !h->keeps_quiet)
			(void)vif_circuit_accept(event.circuit);
		if (event.type == VIF_CIRCUIT_INCOMING ||
		    event.type == VIF_CIRCUIT_READY)
			h->circuit = event.circuit;
		if (event.type == VIF_FLOW_INCOMING)
			h->flow = event.flow;
	}
}

static inline void hostile_run(struct hostile *h)
{
	hostile_hear(h);
	hostile_listen(h);
	hostile_hear(h);
}

/* Talking. */

static inline uint8_t *hostile_frame_room(struct hostile *h, unsigned int type,
					  unsigned int flags, uint32_t id,
					  uint64_t value, size_t len)
{
	struct frame_header header = {
		.type = (uint8_t)type,
		.flags = (uint8_t)flags,
		.len = (uint16_t)len,
		.id = id,
		.value = value,
	};
	uint8_t *to = h->plain + h->plain_len;

	assert(h->plain_len + FRAME_HEADER_LEN + len <= HOSTILE_PLAIN);
	frame_header_write(&header, to);
	h->plain_len += FRAME_HEADER_LEN + len;
	return to + FRAME_HEADER_LEN;
}

/* Adds a frame to the record that is being made; body may be NULL: zeros. */
static inline void hostile_frame(struct hostile *h, unsigned int type,
				 unsigned int flags, uint32_t id,
				 uint64_t value, const void *body, size_t len)
{
	uint8_t *to = hostile_frame_room(h, type, flags, id, value, len);

	if (body)
		memcpy(to, body, len);
	else
		memset(to, 0, len);
}

/* Seals what was made as a record of this hop; gives the bytes to nobody. */
static inline size_t hostile_seal(struct hostile *h, unsigned int type,
				  unsigned int flags, uint32_t circuit,
				  uint8_t *to)
{
	struct record_header header = {
		.type = (uint8_t)type,
		.flags = (uint8_t)flags,
		.len = (uint16_t)(h->plain_len + RECORD_TAG_LEN),
		.circuit = circuit,
	};
	int r;

	record_header_write(&header, to);
	r = noise_key_seal(&h->keys.send, to, RECORD_HEADER_LEN, h->plain,
			   h->plain_len, to + RECORD_HEADER_LEN);
	assert(r == 0);
	(void)r;
	h->plain_len = 0;
	return RECORD_HEADER_LEN + (size_t)header.len;
}

/* Sends what was made as a record; the trunk says what it has to say. */
static inline int hostile_record(struct hostile *h, unsigned int type,
				 unsigned int flags, uint32_t circuit)
{
	static uint8_t record[HOSTILE_PLAIN + 64];
	size_t len = hostile_seal(h, type, flags, circuit, record);
	int r = vif_trunk_receive(h->trunk, record, len);

	hostile_run(h);
	return r;
}

/* The inner layer of a sealed circuit, around what was made. */
static inline void hostile_seal_inner(struct hostile *h, unsigned int flags,
				      uint32_t circuit)
{
	uint8_t aad[2] = { RECORD_SEALED, (uint8_t)flags };
	int r = noise_key_seal(&hostile_sealed(h, circuit)->send, aad,
			       sizeof(aad), h->plain, h->plain_len, h->plain);

	assert(r == 0);
	(void)r;
	h->plain_len += RECORD_TAG_LEN;
}

/* A record of a circuit, as its mode wants it. */
static inline int hostile_circuit_record(struct hostile *h, unsigned int flags,
					 uint32_t circuit)
{
	if (!hostile_sealed(h, circuit))
		return hostile_record(h, RECORD_CIRCUIT, flags, circuit);
	hostile_seal_inner(h, flags, circuit);
	return hostile_record(h, RECORD_SEALED, flags, circuit);
}

static inline int hostile_control(struct hostile *h, unsigned int type,
				  uint32_t id, uint64_t value, const void *body,
				  size_t len)
{
	hostile_frame(h, type, 0, id, value, body, len);
	return hostile_record(h, RECORD_CONTROL, 0, 0);
}

static inline int hostile_data(struct hostile *h, uint32_t circuit,
			       unsigned int flags, uint32_t id, uint64_t at,
			       size_t len)
{
	hostile_frame(h, FRAME_DATA, flags, id, at, NULL, len);
	return hostile_circuit_record(h, RECORD_DATA, circuit);
}

/* Frames with a code behind them: RESET, STOP, SHUT, CLOSE. */
static inline void hostile_code_frame(struct hostile *h, unsigned int type,
				      uint32_t id, uint64_t value,
				      uint32_t code)
{
	put_be32(hostile_frame_room(h, type, 0, id, value, 4), code);
}

/* Beginning. */

static inline void hostile_take_keys(struct hostile *h, struct session *peer)
{
	int r = 0;

	if (!h->keys.send.ctx && session_is_done(peer))
		r = session_take(peer, &h->keys);
	assert(r == 0);
	(void)r;
}

static inline void hostile_exchange(struct hostile *h, struct session *peer,
				    bool *ret_moved)
{
	static uint8_t buffer[VIF_TRUNK_SEND_MIN];
	int64_t n = 0;
	size_t len;

	*ret_moved = false;
	if (!h->keys.send.ctx)
		n = vif_trunk_send(h->trunk, buffer, sizeof(buffer));
	for (int64_t at = 0; at < n;) {
		struct record_header header = record_header_read(buffer + at);

		*ret_moved = true;
		if (header.type > RECORD_HANDSHAKE) {
			/* The dialer's READY, right behind its last word. */
			hostile_take_keys(h, peer);
			hostile_hear_record(h, &header, buffer + at);
		} else {
			(void)session_read(peer, &header,
					   buffer + at + RECORD_HEADER_LEN);
		}
		at += RECORD_HEADER_LEN + header.len;
	}
	while ((len = session_write(peer, buffer, sizeof(buffer))) > 0) {
		*ret_moved = true;
		(void)vif_trunk_receive(h->trunk, buffer, len);
	}
}

/* Until both have keys; READY has not come from the peer. */
static inline void hostile_shake_hands(struct hostile *h)
{
	struct session peer;
	bool moved = true;
	int r;

	r = vif_trunk_new(h->role, &h->config, h->now_ns, &h->trunk, NULL);
	assert(r == 0);
	r = session_init(&peer, &h->crypto, &h->peer_config);
	assert(r == 0);
	(void)r;
	while (moved)
		hostile_exchange(h, &peer, &moved);
	hostile_take_keys(h, &peer);
	session_fini(&peer);
	(void)vif_trunk_listen(h->trunk, true);
	hostile_run(h);
}

static inline void hostile_start(struct hostile *h)
{
	hostile_shake_hands(h);
	(void)hostile_control(h, FRAME_TRUNK_READY, 0, 0, NULL, 0);
}

/* Looking. */

static inline bool hostile_is_alive(struct hostile *h)
{
	unsigned int before = h->heard[FRAME_TRUNK_PONG].n;

	(void)hostile_control(h, FRAME_TRUNK_PING, 0, 99, NULL, 0);
	return h->heard[FRAME_TRUNK_PONG].n == before + 1 &&
	       vif_trunk_is_ready(h->trunk);
}

static inline bool hostile_heard_code(const struct hostile *h,
				      unsigned int type, uint32_t id,
				      uint32_t code)
{
	const struct heard *heard = &h->heard[type];

	return heard->n > 0 && heard->header.id == id &&
	       heard->header.len >= 4 && get_be32(heard->body) == code;
}

static inline void hostile_advance(struct hostile *h, uint64_t ns)
{
	h->now_ns += ns;
	vif_trunk_advance(h->trunk, h->now_ns);
	hostile_run(h);
}

#endif
