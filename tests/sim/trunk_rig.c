/* SPDX-License-Identifier: Apache-2.0 */
/* Two trunks with model and account, for tests that say what happens. */
#include "tests/sim/trunk_rig.h"

#include <stdlib.h>

enum { RIG_SEED = 5, RIG_JUMPS_MAX = 100000 };

struct rig *rig_new(void)
{
	struct rig *rig = calloc(1, sizeof(*rig));

	sim_check(rig != NULL);
	sim_net_init(&rig->net, RIG_SEED);
	model_init(&rig->model, &rig->net, &rig->wire, rig->config);
	rig->model.bytes_left = UINT64_MAX;
	rig->model.limits_flows = true;
	return rig;
}

void rig_free(struct rig *rig)
{
	sim_net_fini(&rig->net);
	wire_fini(&rig->wire);
	free(rig);
}

void rig_make(struct rig *rig)
{
	wire_init(&rig->wire, &rig->net, rig->config);
	if (getenv("VIF_SIM_TELL")) { /* NOLINT(concurrency-mt-unsafe) */
		rig->wire.watch = wire_tell;
		rig->net.tells = true;
	}
	for (int side = 0; side < SIM_SIDES; side++) {
		sim_net_trunk(&rig->net, (enum sim_side)side,
			      &rig->config[side]);
		sim_check(vif_trunk_listen(rig->net.end[side].trunk, true) ==
			  0);
	}
}

void rig_start(struct rig *rig)
{
	rig_make(rig);
	rig_settle(rig);
	while (!rig->model.ready[0] || !rig->model.ready[1])
		rig_wait(rig, SIM_MS);
	rig->is_ready = true;
}

void rig_move(struct rig *rig)
{
	while (sim_net_move(&rig->net))
		continue;
}

void rig_settle(struct rig *rig)
{
	bool any = true;

	while (any) {
		any = sim_net_move(&rig->net);
		for (int side = 0; side < SIM_SIDES; side++)
			any |= model_events(&rig->model, (enum sim_side)side);
	}
	if (!rig->wire.lying)
		model_check(&rig->model);
}

void rig_wait(struct rig *rig, uint64_t ns)
{
	uint64_t end = rig->net.now_ns + ns;

	rig_settle(rig);
	while (sim_net_next_time(&rig->net) <= end) {
		sim_net_advance(&rig->net, sim_net_next_time(&rig->net));
		rig_settle(rig);
	}
	sim_net_advance(&rig->net, end);
	rig_settle(rig);
}

void rig_wait_for(struct rig *rig, bool (*holds)(const struct rig *rig))
{
	unsigned int n = 0;

	rig_settle(rig);
	while (!holds(rig)) {
		uint64_t next = sim_net_next_time(&rig->net);

		sim_check(next != SIM_NEVER && n++ < RIG_JUMPS_MAX);
		sim_net_advance(&rig->net, next);
		rig_settle(rig);
	}
}

struct model_circuit *rig_dial(struct rig *rig, enum sim_side side,
			       enum vif_circuit_mode mode)
{
	uint32_t n = rig->model.n_circuit;
	struct model_circuit *circuit = &rig->model.circuit[n];

	model_dial(&rig->model, side, mode);
	sim_check_equal(rig->model.n_circuit, n + 1);
	if (!rig->is_ready)
		return circuit;
	rig_settle(rig);
	while (!circuit->ready[side] || !circuit->told)
		rig_wait(rig, SIM_MS);
	return circuit;
}

struct model_flow *rig_open(struct rig *rig, struct model_circuit *circuit,
			    enum sim_side side)
{
	uint32_t n = rig->model.n_flow;

	model_open(&rig->model, circuit, side, false);
	sim_check_equal(rig->model.n_flow, n + 1);
	return &rig->model.flow[n];
}

void rig_write(struct rig *rig, struct model_flow *flow, enum sim_side side,
	       size_t len)
{
	while (len > 0) {
		size_t n = len < MODEL_CHUNK ? len : MODEL_CHUNK;

		sim_check_equal(model_write(&rig->model, flow, side, n, false),
				n);
		len -= n;
	}
}

uint64_t rig_read_all(struct rig *rig, struct model_flow *flow,
		      enum sim_side side)
{
	uint64_t n = 0, more;

	do {
		more = model_read(&rig->model, flow, side, MODEL_CHUNK, false);
		n += more;
	} while (more > 0);
	return n;
}

static bool wind_up_some(struct rig *rig)
{
	bool any = false;

	for (int side = 0; side < SIM_SIDES; side++)
		any |= program_wind_up(&rig->model, (enum sim_side)side,
				       MODEL_CHUNK);
	return any;
}

static bool programs_are_done(const struct rig *rig)
{
	return program_is_done(&rig->model);
}

void rig_wind_up(struct rig *rig)
{
	unsigned int n_jumps = 0;

	do {
		rig_settle(rig);
		if (wind_up_some(rig))
			continue;
		if (programs_are_done(rig))
			break;
		sim_check(sim_net_next_time(&rig->net) != SIM_NEVER);
		sim_check(n_jumps++ < RIG_JUMPS_MAX);
		sim_net_advance(&rig->net, sim_net_next_time(&rig->net));
	} while (true);
	model_check(&rig->model);
	model_check_rest(&rig->model);
}

void rig_finish(struct rig *rig)
{
	rig_wind_up(rig);
	if (!sim_net_is_over(&rig->net)) {
		model_drain(&rig->model, SIM_DIALER);
		rig_wind_up(rig);
	}
	program_let_go(&rig->model);
	rig_free(rig);
}

uint32_t rig_trunk_reason(const struct rig *rig, enum sim_side side)
{
	return vif_trunk_reason(rig->net.end[side].trunk, NULL);
}
