/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gate that programs have: that of gate.c, with tickets and counters.
 *
 * A place is handed out as a ticket, which holds the place and how many have
 * entered before. So a ticket that is given back twice cannot be somebody
 * else's.
 */
#include <vif/trunk_gate.h>

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base/config.h"
#include "base/error.h"
#include "trunk/gate.h"

static_assert((int)VIF_TRUNK_GATE_PLACES == (int)GATE_PLACES &&
		      (int)VIF_TRUNK_GATE_SOURCE_PLACES ==
			      (int)GATE_SOURCE_PLACES,
	      "what programs know of the limits");
static_assert((int)VIF_GATE_ENTERED == (int)GATE_ENTERED &&
		      (int)VIF_GATE_FULL == (int)GATE_FULL &&
		      (int)VIF_GATE_SOURCE_FULL == (int)GATE_SOURCE_FULL,
	      "answers are passed on as they are");

struct vif_trunk_gate {
	struct noise_crypto crypto;
	struct gate gate;
	uint64_t ticket[GATE_PLACES]; /* 0: not taken */
	struct vif_trunk_gate_stats stats;
};

static int refuse(struct vif_error *error, const char *why)
{
	error_set(error, -EINVAL, "cannot make a gate");
	return error_why(error, -EINVAL, "%s", why);
}

static int take_config(const struct vif_trunk_gate_config *config,
		       struct vif_trunk_gate_config *ours,
		       struct vif_error *error)
{
	int r = config_take(config, sizeof(*ours), ours, error);

	if (r < 0)
		return r;
	if (ours->places > GATE_PLACES)
		return refuse(error, "places is above 256");
	if (ours->places == 0)
		ours->places = GATE_PLACES;
	if (ours->source_places > ours->places)
		return refuse(error, "source_places is above places");
	if (ours->source_places == 0)
		ours->source_places = GATE_SOURCE_PLACES < ours->places ?
					      GATE_SOURCE_PLACES :
					      ours->places;
	if (!ours->random)
		ours->random = noise_random_system;
	return 0;
}

static int make(struct vif_trunk_gate *gate,
		const struct vif_trunk_gate_config *config)
{
	int r = noise_crypto_init(&gate->crypto);

	if (r < 0)
		return r;
	r = gate_init(&gate->gate, config->random, config->user);
	gate->gate.n_places = config->places;
	gate->gate.n_source_places = config->source_places;
	return r;
}

int vif_trunk_gate_new(const struct vif_trunk_gate_config *config,
		       struct vif_trunk_gate **ret_gate,
		       struct vif_error *error)
{
	struct vif_trunk_gate_config ours;
	struct vif_trunk_gate *gate;
	int r = take_config(config, &ours, error);

	if (r < 0)
		return r;
	gate = calloc(1, sizeof(*gate));
	r = gate ? make(gate, &ours) : -ENOMEM;
	if (r < 0) {
		vif_trunk_gate_free(gate);
		return error_set(error, r, "cannot make a gate");
	}
	*ret_gate = gate;
	return 0;
}

void vif_trunk_gate_free(struct vif_trunk_gate *gate)
{
	if (!gate)
		return;
	noise_crypto_fini(&gate->crypto);
	noise_wipe(&gate->gate, sizeof(gate->gate));
	free(gate);
}

int vif_trunk_gate_enter(struct vif_trunk_gate *gate, const void *source,
			 size_t source_len, uint64_t *ret_place)
{
	struct vif_trunk_gate_stats *stats = &gate->stats;
	unsigned int place;
	int r = gate_enter(&gate->gate, &gate->crypto, source, source_len,
			   &place);

	if (r < 0)
		return r;
	stats->refused += r == (int)GATE_FULL;
	stats->refused_source += r == (int)GATE_SOURCE_FULL;
	if (r != (int)GATE_ENTERED)
		return r;
	stats->entered++;
	stats->places++;
	gate->ticket[place] = stats->entered * GATE_PLACES + place;
	*ret_place = gate->ticket[place];
	return r;
}

int vif_trunk_gate_leave(struct vif_trunk_gate *gate, uint64_t place)
{
	unsigned int i = (unsigned int)(place % GATE_PLACES);

	if (place == 0 || gate->ticket[i] != place)
		return -ENOENT;
	gate_leave(&gate->gate, i);
	gate->ticket[i] = 0;
	gate->stats.places--;
	return 0;
}

void vif_trunk_gate_stats(const struct vif_trunk_gate *gate,
			  struct vif_trunk_gate_stats *ret_stats)
{
	*ret_stats = gate->stats;
}
