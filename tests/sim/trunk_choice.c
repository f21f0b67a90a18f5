/* SPDX-License-Identifier: Apache-2.0 */
/* What a seed chooses for a run of the simulator. */
#include "tests/sim/trunk_choice.h"

#include "base/bits.h"

#define any_of(random, array) ((array)[sim_pick(random, ARRAY_LEN(array))])

void choice_connection(struct sim_net *net)
{
	static const size_t capacities[] = { 1,    2,    16,    100,
					     4096, 4096, 65536, SIM_PIPE_MAX };
	static const size_t portions[] = { 1, 3, 17, 1500, 65536, 65536 };
	static const uint64_t delays[] = { 0, SIM_US, SIM_MS, 50 * SIM_MS };
	struct sim_random *random = &net->random;

	net->exact = false;
	net->portion_max = any_of(random, portions);
	net->delay_max_ns = any_of(random, delays);
	for (int side = 0; side < SIM_SIDES; side++) {
		size_t capacity = any_of(random, capacities);

		net->pipe[side].capacity = capacity;
		net->end[side].out_size = sim_pick(&net->random, 4) ?
						  VIF_TRUNK_SEND_MIN :
						  SIM_OUT_MAX;
		/* A byte in 50 ms would be too slow for any handshake. */
		if (capacity < 4096 && net->delay_max_ns > 10 * SIM_US)
			net->delay_max_ns = 10 * SIM_US;
	}
}

/* Both ends have windows of about the same size, or nothing would be large. */
static uint32_t choose_window(struct sim_random *random, enum size size)
{
	static const uint32_t windows[SIZES][4] = {
		[TINY] = { 1, 2, 17, 100 },
		[SMALL] = { 1008, 1023, 1025, 4096 },
		[LARGE] = { 16000, 65536, 131182, 131182 },
	};

	return any_of(random, windows[size]);
}

static void choose_windows(struct sim_random *random, enum size size,
			   struct vif_trunk_config *config)
{
	static const uint32_t factors[] = { 1, 4, 64 };
	static const uint32_t hops[] = { 0, 2080, 40000 };
	static const uint32_t spare[] = { 0, 2000, 1 << 20, 1 << 23 };

	config->flow_window = choose_window(random, size);
	config->flow_window_max = config->flow_window * any_of(random, factors);
	config->circuit_window = choose_window(random, size);
	config->circuit_window_max =
		config->circuit_window * any_of(random, factors);
	config->hop_window = any_of(random, hops);
	/* Circuits that are dialled need some besides. */
	config->window = (config->circuits_max + 1) * config->circuit_window +
			 any_of(random, spare);
}

void choice_config(struct sim_random *random, enum size size,
		   const uint8_t *remote, struct vif_trunk_config *config)
{
	static const uint32_t records[] = { 1024, 1025, 4096, 16400, 65519 };
	static const uint32_t queues[] = { 1000, 4096, 65536, 1 << 18 };
	static const uint32_t flows[] = { 2, 8, 4096, 4096 };
	static const uint64_t health[] = { 0, SIM_NEVER, 4 * SIM_S };
	static const uint64_t rekey[] = { 0, 2 * SIM_S, 10 * SIM_S };

	*config = (struct vif_trunk_config){
		.record_max = any_of(random, records),
		.circuits_max = 1 + sim_pick(random, 8),
		.flow_send_max = any_of(random, queues),
		.flows_max = any_of(random, flows),
		.health_ns = any_of(random, health),
		.rekey_ns = any_of(random, rekey),
		.drain_ns = SIM_NEVER,
		.handshake_ns = SIM_NEVER,
		.circuit_handshake_ns = SIM_NEVER,
	};
	config->send_max = config->flow_send_max * (1 + sim_pick(random, 8));
	choose_windows(random, size, config);
	if (remote && sim_pick(random, 2)) {
		config->remote = remote;
		config->hide_identity = sim_pick(random, 2);
	}
}

static uint32_t smaller(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static bool is_narrow(const struct sim_net *net)
{
	return net->pipe[0].capacity < 1000 || net->pipe[1].capacity < 1000 ||
	       net->portion_max < 100;
}

void choice_habits(struct model *model, enum size size,
		   struct program_habits *habits)
{
	static const uint32_t budgets[SIZES] = { 300, 30000, 300000 };
	static const size_t chunks[] = { 1, 100, 3000, MODEL_CHUNK };
	struct sim_random *random = &model->net->random;
	const struct vif_trunk_config *a = &model->config[0];
	const struct vif_trunk_config *b = &model->config[1];
	uint32_t window =
		smaller(smaller(a->flow_window, b->flow_window),
			smaller(a->circuit_window, b->circuit_window));

	*habits = (struct program_habits){
		.circuits_max = 1 + sim_pick(random, 6),
		.flows_max = 1 + sim_pick(random, 24),
		.write_max = any_of(random, chunks),
		.read_max = any_of(random, chunks),
		.breaks = sim_pick(random, 2),
		.refuses = sim_pick(random, 8) == 0,
		.lanes = size > TINY,
	};
	model->refuse_one_in = sim_pick(random, 8) == 0 ? 4 : 0;
	model->packet_max =
		smaller(smaller(1500, window),
			smaller(a->flow_send_max, b->flow_send_max));
	if (model->packet_max > MODEL_PACKET_HEADER)
		model->packet_max -= MODEL_PACKET_HEADER;
	/* Each byte of a tiny window is a record and a round trip. */
	model->bytes_left = budgets[size];
	/* ... and each of a narrow pipe a step. */
	if (is_narrow(model->link[0]) || is_narrow(model->link[1]))
		model->bytes_left /= 10;
}

void choice_end(struct model *model, enum ending ending)
{
	struct sim_random *random = &model->net->random;
	enum sim_side side = sim_pick(random, 2) ? SIM_ACCEPTER : SIM_DIALER;

	switch (ending) {
	case END_DRAIN_BOTH:
		model_drain(model, sim_other(side));
		/* fall through */
	case END_DRAIN:
		model_drain(model, side);
		break;
	case END_CLOSE_BOTH:
		model_close_trunk(model, sim_other(side), false);
		/* fall through */
	case END_CLOSE:
		model_close_trunk(model, side, false);
		break;
	case END_ABORT:
		model_close_trunk(model, side, true);
		break;
	default:
		sim_net_cut(model->net, sim_pick(random, 2));
	}
}
