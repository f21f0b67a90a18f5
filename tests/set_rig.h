/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A set of trunks, and pairs of trunks of which one end is for it.
 *
 * There are two programs, us and them, each with a key; who has the larger one
 * is for the test to say.
 */
#ifndef TESTS_SET_RIG_H
#define TESTS_SET_RIG_H

#include <vif/trunk_set.h>

#include "tests/trunk_rig.h"

enum {
	US,
	THEM,
};

struct set_rig {
	struct vif_trunk_set *set;
	struct vif_trunk_set_config config;
	struct rig keys; /* of which only the keys are used */
	uint64_t now_ns;
	/* by set_rig_events() */
	int n_up, n_failed, n_unwanted;
	struct vif_trunk *up;
	struct vif_trunk_set_event last;
};

static inline void set_rig_init(struct set_rig *s, int larger)
{
	struct rig *keys = &s->keys;
	uint8_t secret[VIF_KEY_LEN];

	memset(s, 0, sizeof(*s));
	rig_init(keys);
	if ((memcmp(keys->key[US], keys->key[THEM], VIF_KEY_LEN) > 0) !=
	    (larger == US)) {
		memcpy(secret, keys->secret[US], VIF_KEY_LEN);
		memcpy(keys->secret[US], keys->secret[THEM], VIF_KEY_LEN);
		memcpy(keys->secret[THEM], secret, VIF_KEY_LEN);
	}
	for (int i = 0; i < 2; i++)
		if (vif_key_public(keys->secret[i], keys->key[i]) < 0)
			abort();
	s->now_ns = RIG_START;
	s->config = (struct vif_trunk_set_config){
		.size = sizeof(s->config),
		.random = rig_random,
		.user = &s->keys,
	};
}

static inline void set_rig_make(struct set_rig *s)
{
	if (vif_trunk_set_new(&s->config, s->now_ns, &s->set, NULL) < 0)
		abort();
}

static inline void set_rig_start(struct set_rig *s, int larger)
{
	set_rig_init(s, larger);
	set_rig_make(s);
}

static inline void set_rig_fini(struct set_rig *s)
{
	vif_trunk_set_free(s->set);
}

/* Whom to dial: them, at an address. */
static inline struct vif_trunk_target set_rig_target(const struct set_rig *s,
						     const char *address)
{
	return (struct vif_trunk_target){
		.size = sizeof(struct vif_trunk_target),
		.address = address,
		.address_len = strlen(address),
		.remote = s->keys.key[THEM],
		.local = s->keys.key[US],
	};
}

static inline int set_rig_get(struct set_rig *s, const char *address,
			      struct vif_trunk_found *ret_found)
{
	const struct vif_trunk_target target = set_rig_target(s, address);

	return vif_trunk_set_get(s->set, &target, s, ret_found);
}

/* The set's own time alone: trunks have theirs. */
static inline void set_rig_advance(struct set_rig *s, uint64_t ns)
{
	s->now_ns += ns;
	vif_trunk_set_advance(s->set, s->now_ns);
}

static inline void set_rig_events(struct set_rig *s)
{
	s->n_up = s->n_failed = s->n_unwanted = 0;
	s->up = NULL;
	while (vif_trunk_set_next_event(s->set, &s->last)) {
		if (s->last.type == VIF_TRUNK_SET_UP)
			s->up = s->last.trunk;
		s->n_up += s->last.type == VIF_TRUNK_SET_UP;
		s->n_failed += s->last.type == VIF_TRUNK_SET_FAILED;
		s->n_unwanted += s->last.type == VIF_TRUNK_SET_UNWANTED;
	}
}

/* A pair that has not spoken yet. Ours is end[dialer == THEM]. */
static inline struct rig *set_rig_pair(struct set_rig *s, int dialer)
{
	struct rig *pair = calloc(1, sizeof(*pair));

	if (!pair)
		abort();
	rig_init(pair);
	for (int side = 0; side < 2; side++) {
		int who = side == 0 ? dialer : 1 - dialer;

		memcpy(pair->secret[side], s->keys.secret[who], VIF_KEY_LEN);
		memcpy(pair->key[side], s->keys.key[who], VIF_KEY_LEN);
	}
	pair->now_ns = s->now_ns;
	return pair;
}

static inline struct rig *set_rig_start_pair(struct set_rig *s, int dialer)
{
	struct rig *pair = set_rig_pair(s, dialer);

	rig_start(pair);
	return pair;
}

static inline void set_rig_free_pair(struct rig *pair)
{
	rig_fini(pair);
	free(pair);
}

/* The trunk of an attempt, which is ready, or has its handshake to come. */
static inline struct rig *set_rig_attach(struct set_rig *s,
					 const struct vif_trunk_found *found,
					 bool is_ready)
{
	struct rig *pair = set_rig_pair(s, US);

	rig_make(pair);
	if (is_ready)
		rig_run(pair);
	vif_trunk_attempt_set_connection(found->attempt, pair);
	if (vif_trunk_attempt_attach(found->attempt, pair->end[0]) < 0)
		abort();
	return pair;
}

/* A trunk that we dialled, up and told of. */
static inline struct rig *set_rig_dialled(struct set_rig *s,
					  const char *address)
{
	struct vif_trunk_found found;
	struct rig *pair;

	if (set_rig_get(s, address, &found) != VIF_TRUNK_SET_CONNECT)
		abort();
	pair = set_rig_attach(s, &found, true);
	set_rig_events(s);
	return pair;
}

/* One that they dialled. */
static inline struct rig *set_rig_accepted(struct set_rig *s)
{
	struct rig *pair = set_rig_start_pair(s, THEM);

	if (vif_trunk_set_add(s->set, pair->end[1], pair) < 0)
		abort();
	return pair;
}

#endif
