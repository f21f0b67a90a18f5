/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two trunks and the connection between them, for tests of the core.
 *
 * Time stands still unless a test moves it, and randomness comes from a seed, so
 * that a run is the same each time.
 */
#ifndef TESTS_TRUNK_RIG_H
#define TESTS_TRUNK_RIG_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <vif/circuit.h>
#include <vif/flow.h>
#include <vif/trunk.h>

enum {
	RIG_START = 1000000000, /* ns */
};

struct rig {
	struct vif_trunk *end[2]; /* dialer, accepter */
	struct vif_trunk_config config[2];
	uint8_t secret[2][VIF_KEY_LEN];
	uint8_t key[2][VIF_KEY_LEN];
	uint64_t now_ns;
	uint64_t random;
	uint8_t buffer[VIF_TRUNK_SEND_MIN + 65536];
	/* what was told last */
	struct vif_circuit *circuit[2];
	struct vif_flow *flow[2];
	unsigned int seen[2]; /* bits of event types */
};

static inline int rig_random(void *user, uint8_t *bytes, size_t len)
{
	struct rig *rig = user;

	for (size_t i = 0; i < len; i++) {
		rig->random = rig->random * 6364136223846793005u +
			      1442695040888963407u;
		bytes[i] = (uint8_t)(rig->random >> 56);
	}
	return 0;
}

/* The configurations, for a test to change before rig_start(). */
static inline void rig_init(struct rig *rig)
{
	memset(rig, 0, sizeof(*rig));
	rig->now_ns = RIG_START;
	rig->random = 1;
	for (int i = 0; i < 2; i++) {
		(void)rig_random(rig, rig->secret[i], VIF_KEY_LEN);
		if (vif_key_public(rig->secret[i], rig->key[i]) < 0)
			abort();
		rig->config[i] = (struct vif_trunk_config){
			.size = sizeof(struct vif_trunk_config),
			.identity = rig->secret[i],
			.random = rig_random,
			.user = rig,
		};
	}
}

static inline void rig_make(struct rig *rig)
{
	for (int i = 0; i < 2; i++)
		if (vif_trunk_new(i == 0 ? VIF_TRUNK_DIALER :
					   VIF_TRUNK_ACCEPTER,
				  &rig->config[i], rig->now_ns, &rig->end[i],
				  NULL) < 0)
			abort();
	(void)vif_trunk_listen(rig->end[1], true);
	(void)vif_trunk_listen(rig->end[0], true);
}

/* Moves what one end has to send. Returns how many bytes. */
static inline size_t rig_move(struct rig *rig, int from)
{
	int64_t n = vif_trunk_send(rig->end[from], rig->buffer,
				   sizeof(rig->buffer));

	if (n > 0)
		(void)vif_trunk_receive(rig->end[1 - from], rig->buffer,
					(size_t)n);
	return n > 0 ? (size_t)n : 0;
}

/* Takes the news of an end; circuits are accepted. */
static inline void rig_listen(struct rig *rig, int side)
{
	struct vif_trunk_event event;

	while (vif_trunk_next_event(rig->end[side], &event)) {
		rig->seen[side] |= 1u << event.type;
		if (event.type == VIF_CIRCUIT_INCOMING) {
			rig->circuit[side] = event.circuit;
			(void)vif_circuit_accept(event.circuit);
		}
		if (event.type == VIF_FLOW_INCOMING)
			rig->flow[side] = event.flow;
	}
}

/* Until both ends have nothing to say. */
static inline void rig_run(struct rig *rig)
{
	while (rig_move(rig, 0) + rig_move(rig, 1) > 0) {
		rig_listen(rig, 0);
		rig_listen(rig, 1);
	}
	rig_listen(rig, 0);
	rig_listen(rig, 1);
}

static inline void rig_start(struct rig *rig)
{
	rig_make(rig);
	rig_run(rig);
}

static inline void rig_advance(struct rig *rig, uint64_t ns)
{
	rig->now_ns += ns;
	vif_trunk_advance(rig->end[0], rig->now_ns);
	vif_trunk_advance(rig->end[1], rig->now_ns);
}

static inline bool rig_saw(const struct rig *rig, int side,
			   enum vif_trunk_event_type type)
{
	return rig->seen[side] & (1u << type);
}

static inline void rig_fini(struct rig *rig)
{
	vif_trunk_free(rig->end[0]);
	vif_trunk_free(rig->end[1]);
}

/* A circuit from the dialer to the accepter, open on both sides. */
static inline void rig_dial(struct rig *rig, enum vif_circuit_mode mode)
{
	struct vif_circuit_config config = {
		.size = sizeof(config),
		.mode = mode,
		.remote = mode == VIF_CIRCUIT_SEALED ? rig->key[1] : NULL,
	};

	if (vif_circuit_dial(rig->end[0], &config, &rig->circuit[0]) < 0)
		abort();
	rig_run(rig);
}

#endif
