/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two trunks that end at one relay, with models and accounts of all three pairs.
 *
 *	end DIALER === net[DIALER] === relay === net[ACCEPTER] === end ACCEPTER
 *
 * A link is named by the end that is on it. The relay takes the place of the
 * other end there. link[] are the models of what ends and relay have with each
 * other, far is that of what the ends have by way of the relay.
 */
#ifndef TESTS_SIM_TRUNK_CHAIN_H
#define TESTS_SIM_TRUNK_CHAIN_H

#include <vif/relay.h>

#include "tests/sim/trunk_program.h"

enum chain_keys {
	CHAIN_KEY_DIALER,
	CHAIN_KEY_RELAY,
	CHAIN_KEY_ACCEPTER,
};

struct chain {
	struct sim_net net[SIM_SIDES];
	struct wire wire[SIM_SIDES];
	struct passed passed;
	struct vif_relay *relay;
	struct model link[SIM_SIDES];
	struct model far;
	struct vif_trunk_config config[SIM_SIDES][SIM_SIDES]; /* link, side */
	struct vif_trunk_config ends[SIM_SIDES];
	bool is_routed[SIM_SIDES]; /* as soon as the link is ready */
};

/* chain_init() - links without trunks, fast and wide; models of them */
void chain_init(struct chain *chain, uint64_t seed);

/* chain_start() - make relay and trunks, from the configurations */
void chain_start(struct chain *chain);
void chain_fini(struct chain *chain);

/* chain_of_relay() - the trunk of the relay on the link of that end */
struct vif_trunk *chain_of_relay(const struct chain *chain, enum sim_side end);

/* chain_route() - let both ends be dialled, from when the trunks are ready */
void chain_route(struct chain *chain);

/* chain_events() - take those of everybody; whether there were any */
bool chain_events(struct chain *chain);

/* chain_move() - something on any of the links; whether anything moved */
bool chain_move(struct chain *chain);

/* chain_next_time(), chain_advance() - see trunk_net.h */
uint64_t chain_next_time(const struct chain *chain);
void chain_advance(struct chain *chain, uint64_t now_ns);

/* chain_arrives() - whether something is on its way */
bool chain_arrives(const struct chain *chain);

/* chain_leave() - the relay takes the trunk of that end out */
void chain_leave(struct chain *chain, enum sim_side end);

/* chain_check(), chain_check_rest() - see trunk_model.h */
void chain_check(struct chain *chain);
void chain_check_rest(struct chain *chain);

#endif
