/* SPDX-License-Identifier: Apache-2.0 */
/* Two trunks that end at one relay. */
#include "tests/sim/trunk_chain.h"

#include <errno.h>
#include <string.h>

#include "trunk/core.h"

static enum sim_side relay_on(enum sim_side end)
{
	return sim_other(end);
}

struct vif_trunk *chain_of_relay(const struct chain *chain, enum sim_side end)
{
	return chain->net[end].end[relay_on(end)].trunk;
}

static void init_link(struct chain *chain, enum sim_side end, uint64_t seed)
{
	struct model *model = &chain->link[end];

	sim_net_init(&chain->net[end], seed);
	model_init(model, &chain->net[end], &chain->wire[end],
		   chain->config[end]);
	model->key[end] =
		end == SIM_DIALER ? CHAIN_KEY_DIALER : CHAIN_KEY_ACCEPTER;
	model->key[relay_on(end)] = CHAIN_KEY_RELAY;
	model->beside[end] = &chain->far;
}

void chain_init(struct chain *chain, uint64_t seed)
{
	struct model *far = &chain->far;
	struct sim_random random = { seed };

	memset(chain->is_routed, 0, sizeof(chain->is_routed));
	memset(chain->config, 0, sizeof(chain->config));
	for (int end = 0; end < SIM_SIDES; end++)
		init_link(chain, (enum sim_side)end, sim_random_next(&random));
	model_init(far, &chain->net[SIM_DIALER], &chain->passed.ends,
		   chain->ends);
	for (int end = 0; end < SIM_SIDES; end++) {
		far->link[end] = &chain->net[end];
		far->key[end] = chain->link[end].key[end];
		far->beside[end] = &chain->link[end];
	}
	far->passed = &chain->passed;
}

static void start_accounts(struct chain *chain)
{
	for (int end = 0; end < SIM_SIDES; end++) {
		chain->ends[end] = chain->config[end][end];
		wire_init(&chain->wire[end], &chain->net[end],
			  chain->config[end]);
		chain->net[end].wire = &chain->wire[end];
	}
	wire_init(&chain->passed.ends, &chain->net[SIM_DIALER], chain->ends);
	/* Numbers between the ends are our own. */
	chain->passed.ends.swapped = false;
	passed_init(&chain->passed, chain->wire,
		    sim_public_key(CHAIN_KEY_RELAY));
}

static void start_link(struct chain *chain, enum sim_side end)
{
	struct sim_net *net = &chain->net[end];

	for (int side = 0; side < SIM_SIDES; side++) {
		struct vif_trunk_config *config = &chain->config[end][side];

		config->identity = sim_private_key(chain->link[end].key[side]);
		sim_net_trunk(net, (enum sim_side)side, config);
		sim_check(vif_trunk_listen(net->end[side].trunk, true) == 0);
	}
	sim_check(vif_relay_add(chain->relay, chain_of_relay(chain, end)) == 0);
}

void chain_start(struct chain *chain)
{
	start_accounts(chain);
	sim_check(vif_relay_new(&chain->relay) == 0);
	for (int end = 0; end < SIM_SIDES; end++)
		start_link(chain, (enum sim_side)end);
}

void chain_fini(struct chain *chain)
{
	for (int end = 0; end < SIM_SIDES; end++)
		sim_net_fini(&chain->net[end]);
	vif_relay_free(chain->relay);
	passed_fini(&chain->passed);
	wire_fini(&chain->passed.ends);
	for (int end = 0; end < SIM_SIDES; end++)
		wire_fini(&chain->wire[end]);
}

/* Routes */

/* There is one, and the trunk can be used. */
static void note_route(struct chain *chain)
{
	chain->far.has_route = chain->is_routed[0] && chain->is_routed[1] &&
			       chain->link[0].ready[relay_on(SIM_DIALER)] &&
			       chain->link[1].ready[relay_on(SIM_ACCEPTER)];
}

void chain_route(struct chain *chain)
{
	for (int end = 0; end < SIM_SIDES; end++) {
		sim_check(vif_relay_route(
				  chain_of_relay(chain, (enum sim_side)end),
				  sim_public_key(chain->link[end].key[end])) ==
			  0);
		chain->is_routed[end] = true;
	}
}

/* By the key that the other side has proven to have. */
static void route_proven(struct chain *chain, enum sim_side end)
{
	int ret;

	if (chain->is_routed[end] || !chain->link[end].ready[relay_on(end)])
		return;
	ret = vif_relay_route(chain_of_relay(chain, end), NULL);
	/* A trunk that has ended is in no relay any more. */
	if (ret != 0)
		sim_check((ret == -ENOTCONN || ret == -ENOENT) &&
			  model_trunk_may_end(&chain->link[end]));
	chain->is_routed[end] = true;
}

void chain_leave(struct chain *chain, enum sim_side end)
{
	sim_net_enter_on(&chain->net[end], relay_on(end));
	model_relay_lost(&chain->far);
	vif_relay_remove(chain_of_relay(chain, end));
	chain->is_routed[end] = true; /* or was */
}

/* Events, time */

bool chain_events(struct chain *chain)
{
	bool any = false;

	for (int end = 0; end < SIM_SIDES; end++) {
		for (int side = 0; side < SIM_SIDES; side++)
			any |= model_events(&chain->link[end],
					    (enum sim_side)side);
		route_proven(chain, (enum sim_side)end);
	}
	note_route(chain);
	return any;
}

bool chain_move(struct chain *chain)
{
	uint32_t first = sim_pick(&chain->net[SIM_DIALER].random, SIM_SIDES);

	return sim_net_move(&chain->net[first]) ||
	       sim_net_move(&chain->net[1 - first]);
}

uint64_t chain_next_time(const struct chain *chain)
{
	uint64_t a = sim_net_next_time(&chain->net[0]);
	uint64_t b = sim_net_next_time(&chain->net[1]);

	return a < b ? a : b;
}

void chain_advance(struct chain *chain, uint64_t now_ns)
{
	for (int end = 0; end < SIM_SIDES; end++)
		sim_net_advance(&chain->net[end], now_ns);
}

bool chain_arrives(const struct chain *chain)
{
	for (int end = 0; end < SIM_SIDES; end++)
		for (int side = 0; side < SIM_SIDES; side++)
			if (chain->net[end].pipe[side].n_mark > 0)
				return true;
	return false;
}

/* Checks */

static void check_relay(const struct chain *chain)
{
	struct vif_relay_stats stats;
	uint64_t min, max;

	passed_check(&chain->passed);
	vif_relay_stats(chain->relay, &stats);
	passed_held(&chain->passed, SIM_SIDES, false, &min, &max);
	if (!model_trunk_may_end(&chain->far))
		sim_check(stats.bytes_held >= min);
	sim_check(stats.bytes_held <= max);
}

void chain_check(struct chain *chain)
{
	for (int end = 0; end < SIM_SIDES; end++)
		model_check(&chain->link[end]);
	check_relay(chain);
}

/* Nothing is left of what both ends have done with. */
static void check_link_at_rest(const struct chain *chain, enum sim_side end)
{
	const struct vif_trunk *relay = chain_of_relay(chain, end);
	const struct vif_trunk *other = chain->net[end].end[end].trunk;
	struct vif_trunk_stats at_relay, at_end;

	if (model_trunk_may_end(&chain->link[end]))
		return;
	vif_trunk_stats(relay, &at_relay);
	vif_trunk_stats(other, &at_end);
	sim_check_equal(at_relay.circuits, at_end.circuits);
	/* Nor of any queue: there is just the block that records come into. */
	if (at_relay.rx_held == 0)
		sim_check_equal(relay->pool.bytes, relay->pool.large);
}

void chain_check_rest(struct chain *chain)
{
	struct vif_relay_stats stats;

	for (int end = 0; end < SIM_SIDES; end++)
		model_check_rest(&chain->link[end]);
	for (int end = 0; end < SIM_SIDES; end++)
		check_link_at_rest(chain, (enum sim_side)end);
	model_check_rest(&chain->far);
	vif_relay_stats(chain->relay, &stats);
	sim_check_equal(stats.bytes_held, 0);
}
