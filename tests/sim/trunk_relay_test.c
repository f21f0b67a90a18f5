/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who gets how much by way of a relay: the other half of F5.
 *
 * As in trunk_fairness_test.c bytes are counted, not time: each link carries the
 * same in a tick.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/sim/trunk_chain.h"

enum {
	TICK = 65536, /* bytes of each link */
	TICKS = 200,
	DEPTH = 64 << 10, /* bytes that a writer keeps waiting */
	FLOWS = 4,
	STALLED_FLOWS = 8,
	FLOWS_MAX = FLOWS + STALLED_FLOWS,
	HOP_WINDOW = 128 << 10,
};

enum stall {
	STALL_NONE,
	STALL_CIRCUIT, /* its reader is asleep */
	STALL_LINK,    /* the far end does not even read its socket */
};

struct race {
	struct chain chain;
	struct vif_flow *flow[FLOWS_MAX]; /* of the writer, the dialer */
	uint32_t n_flow;
	uint32_t asleep;    /* circuit, as it is called at the reader; or 0 */
	uint64_t delivered; /* bytes that somebody has read */
	uint64_t held_max;  /* by the relay, at the end of any tick */
};

static const uint8_t zeros[DEPTH];

static struct race *race_new(void)
{
	struct race *race = calloc(1, sizeof(*race));
	struct chain *chain;

	assert_non_null(race);
	chain = &race->chain;
	chain_init(chain, 5);
	/* Windows of the ends are not what is to be measured. */
	for (int i = 0; i < 2 * SIM_SIDES; i++) {
		chain->config[i / 2][i % 2].flow_window = 1 << 18;
		chain->config[i / 2][i % 2].circuit_window = 1 << 21;
		chain->config[i / 2][i % 2].circuits_max = 4;
		chain->config[i / 2][i % 2].window = 16 << 20;
	}
	chain_start(chain);
	chain_route(chain);
	do {
		assert_true(chain_move(chain));
		(void)chain_events(chain);
	} while (!chain->far.has_route);
	return race;
}

static void race_free(struct race *race)
{
	chain_fini(&race->chain);
	free(race);
}

static void read_all(struct race *race, const struct vif_trunk_event *event)
{
	static uint8_t bytes[65536];
	int64_t n;

	if (event->type == VIF_CIRCUIT_INCOMING)
		assert_int_equal(vif_circuit_accept(event->circuit), 0);
	if (event->flow == NULL || event->type == VIF_FLOW_WRITABLE ||
	    vif_circuit_id(event->circuit) == race->asleep)
		return;
	while ((n = vif_flow_read(event->flow, bytes, sizeof(bytes))) > 0)
		race->delivered += (uint64_t)n;
	assert_int_equal(n, 0);
}

static void take_events(struct race *race, enum sim_side link,
			enum sim_side side)
{
	const struct sim_net *net = &race->chain.net[link];
	struct vif_trunk_event event;

	sim_net_enter_on(net, side);
	while (vif_trunk_next_event(net->end[side].trunk, &event))
		read_all(race, &event);
}

static void top_up(struct race *race)
{
	sim_net_enter_on(&race->chain.net[SIM_DIALER], SIM_DIALER);
	for (uint32_t i = 0; i < race->n_flow; i++) {
		struct vif_flow_stats stats;

		vif_flow_stats(race->flow[i], &stats);
		if (stats.tx_held < DEPTH)
			assert_true(vif_flow_write(race->flow[i], zeros,
						   DEPTH - stats.tx_held) >= 0);
	}
}

static void carry(struct sim_net *net, enum sim_side from, size_t bytes)
{
	uint64_t end = net->pipe[from].pushed + bytes;

	while (net->pipe[from].pushed < end &&
	       sim_net_send(net, from, (size_t)(end - net->pipe[from].pushed)))
		continue;
	while (sim_net_deliver(net, sim_other(from), SIM_PIPE_MAX))
		continue;
}

static void tick(struct race *race)
{
	struct chain *chain = &race->chain;
	struct vif_relay_stats stats;

	top_up(race);
	carry(&chain->net[SIM_DIALER], SIM_DIALER, TICK);
	carry(&chain->net[SIM_ACCEPTER], SIM_DIALER, TICK);
	take_events(race, SIM_ACCEPTER, SIM_ACCEPTER);
	take_events(race, SIM_DIALER, SIM_ACCEPTER);
	carry(&chain->net[SIM_ACCEPTER], SIM_ACCEPTER, TICK);
	carry(&chain->net[SIM_DIALER], SIM_ACCEPTER, TICK);
	take_events(race, SIM_DIALER, SIM_DIALER);
	chain_advance(chain, chain->net[0].now_ns + SIM_MS);
	vif_relay_stats(chain->relay, &stats);
	if (stats.bytes_held > race->held_max)
		race->held_max = stats.bytes_held;
}

static void ticks(struct race *race, size_t n)
{
	while (n-- > 0)
		tick(race);
}

/* Flows of the dialer in a new circuit to the other end, or to the relay. */
static void open_flows(struct race *race, bool to_relay, uint32_t n)
{
	const struct vif_circuit_config config = {
		.size = sizeof(config),
		.mode = VIF_CIRCUIT_SEALED,
		.remote = sim_public_key(to_relay ? CHAIN_KEY_RELAY :
						    CHAIN_KEY_ACCEPTER),
	};
	struct vif_circuit *circuit;

	sim_net_enter_on(&race->chain.net[SIM_DIALER], SIM_DIALER);
	assert_int_equal(
		vif_circuit_dial(race->chain.net[SIM_DIALER].end[0].trunk,
				 &config, &circuit),
		0);
	ticks(race, 8);
	for (; n > 0; n--)
		assert_int_equal(vif_flow_open(circuit, NULL,
					       &race->flow[race->n_flow++]),
				 0);
	ticks(race, 16);
}

/* What four flows bring over beside something that stands. */
static uint64_t carried_beside(enum stall stall, bool to_relay,
			       uint64_t *ret_held)
{
	struct race *race = race_new();
	uint64_t carried;

	/* The first circuit that the relay dials is the one that stands. */
	if (stall != STALL_NONE) {
		race->asleep = stall == STALL_CIRCUIT ? 1 : 0;
		open_flows(race, false, STALLED_FLOWS);
	}
	if (stall == STALL_LINK)
		race->chain.net[SIM_ACCEPTER].pipe[SIM_DIALER].stalled = true;
	open_flows(race, to_relay, FLOWS);
	ticks(race, 64);
	race->delivered = race->held_max = 0;
	ticks(race, TICKS);
	carried = race->delivered;
	*ret_held = race->held_max;
	race_free(race);
	return carried;
}

static void test_f5_stalled_circuit_through_a_relay(void **state)
{
	double alone;
	uint64_t held;

	(void)state;
	strcpy(sim_title, "F5 through a relay");
	alone = (double)carried_beside(STALL_NONE, false, &held);
	assert_true(alone > 0.9 * TICKS * TICK);
	assert_true((double)carried_beside(STALL_CIRCUIT, false, &held) >=
		    0.95 * alone);
	assert_true(held <= (uint64_t)2 * HOP_WINDOW);
}

/* What is passed on does not stop what ends at the relay. */
static void test_f5_stalled_trunk_behind_a_relay(void **state)
{
	double alone;
	uint64_t held;

	(void)state;
	strcpy(sim_title, "F5 behind a relay");
	alone = (double)carried_beside(STALL_NONE, true, &held);
	assert_true(alone > 0.9 * TICKS * TICK);
	assert_int_equal(held, 0);
	assert_true((double)carried_beside(STALL_CIRCUIT, true, &held) >=
		    0.95 * alone);
	assert_true((double)carried_beside(STALL_LINK, true, &held) >=
		    0.95 * alone);
	/* All that it has granted lies there, and no more. */
	assert_true(held > HOP_WINDOW / 2 && held <= HOP_WINDOW);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_f5_stalled_circuit_through_a_relay),
		cmocka_unit_test(test_f5_stalled_trunk_behind_a_relay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
