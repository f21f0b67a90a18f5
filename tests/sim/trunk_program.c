/* SPDX-License-Identifier: Apache-2.0 */
/* Programs at both ends of a trunk that do whatever programs may do. */
#include "tests/sim/trunk_program.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/bits.h"

static struct sim_random *random_of(struct model *model)
{
	return &model->net->random;
}

/* Any that this side has; NULL when there is none. */
static struct model_flow *any_flow(struct model *model, enum sim_side side)
{
	uint32_t first;

	if (model->n_flow == 0)
		return NULL;
	first = sim_pick(random_of(model), model->n_flow);
	for (uint32_t i = 0; i < model->n_flow; i++) {
		struct model_flow *flow =
			&model->flow[(first + i) % model->n_flow];

		if (flow->handle[side])
			return flow;
	}
	return NULL;
}

static struct model_circuit *any_circuit(struct model *model,
					 enum sim_side side)
{
	uint32_t first;

	if (model->n_circuit == 0)
		return NULL;
	first = sim_pick(random_of(model), model->n_circuit);
	for (uint32_t i = 0; i < model->n_circuit; i++) {
		struct model_circuit *circuit =
			&model->circuit[(first + i) % model->n_circuit];

		if (circuit->handle[side])
			return circuit;
	}
	return NULL;
}

static size_t any_size(struct sim_random *random, size_t max)
{
	return sim_pick(random, 2) ? max : sim_pick_size(random, max);
}

static void write_some(struct model *model, struct model_flow *flow,
		       enum sim_side side, const struct program_habits *habits)
{
	struct sim_random *random = random_of(model);
	size_t max = any_size(random, habits->write_max);

	if (flow->stream[side].finished || flow->stream[side].reset ||
	    model->bytes_left == 0)
		return;
	/* Mostly when told that there is room, sometimes on the off chance. */
	if (!flow->writable[side] && sim_pick(random, 8) > 0)
		return;
	if (max > model->bytes_left)
		max = (size_t)model->bytes_left;
	if (flow->lane)
		(void)model_send_packet(model, flow, side);
	else
		(void)model_write(model, flow, side, max,
				  sim_pick(random, 3) == 0);
}

static void read_some(struct model *model, struct model_flow *flow,
		      enum sim_side side, const struct program_habits *habits)
{
	struct sim_random *random = random_of(model);
	size_t max = any_size(random, habits->read_max);

	if (!flow->readable[side] && sim_pick(random, 8) > 0)
		return;
	if (flow->lane)
		(void)model_receive_packet(model, flow, side);
	else
		(void)model_read(model, flow, side, max,
				 sim_pick(random, 3) == 0);
}

/* A lane that is announced empty would not be known by its first bytes. */
static void let_go(struct model *model, struct model_flow *flow,
		   enum sim_side side)
{
	if (!flow->lane || flow->stream[side].written == 0 ||
	    vif_flow_id(flow->handle[side]) != 0)
		model_let_go(model, flow, side);
}

static void break_something(struct model *model, struct model_flow *flow,
			    enum sim_side side,
			    const struct program_habits *habits)
{
	struct model_circuit *circuit = any_circuit(model, side);
	uint32_t what = sim_pick(random_of(model), 32);

	if (!habits->breaks)
		return;
	if (what < 10)
		model_reset(model, flow, side);
	else if (what < 20)
		model_stop(model, flow, side);
	else if (what < 28)
		let_go(model, flow, side);
	else if (circuit && what < 31)
		model_close_circuit(model, circuit, side, what == 30);
	else if (circuit)
		model_free_circuit(model, circuit, side);
}

static void change_something(struct model *model, struct model_flow *flow,
			     enum sim_side side,
			     const struct program_habits *habits)
{
	struct sim_random *random = random_of(model);
	struct model_circuit *circuit = any_circuit(model, side);
	uint32_t weight = sim_pick(random, VIF_WEIGHT_MAX) + 1;

	sim_net_enter_on(model->link[side], side);
	sim_check(vif_flow_set_weight(flow->handle[side], weight) == 0);
	vif_flow_set_low_water(flow->handle[side], sim_pick(random, 5000));
	if (!circuit)
		return;
	sim_check(vif_circuit_set_weight(circuit->handle[side], weight) == 0);
	if (!habits->refuses)
		return;
	circuit->deaf[side] = true;
	model_codes_add(&circuit->refusals, VIF_REASON_REFUSED);
	(void)vif_circuit_listen(circuit->handle[side],
				 sim_pick(random, 2) == 0);
}

static void begin_something(struct model *model, enum sim_side side,
			    const struct program_habits *habits)
{
	static const enum vif_circuit_mode modes[] = { VIF_CIRCUIT_DERIVED,
						       VIF_CIRCUIT_DERIVED,
						       VIF_CIRCUIT_BOUND,
						       VIF_CIRCUIT_SEALED };
	struct sim_random *random = random_of(model);
	struct model_circuit *circuit = any_circuit(model, side);

	if (model->n_circuit < habits->circuits_max &&
	    (!circuit || sim_pick(random, 4) == 0))
		model_dial(model, side,
			   model->passed ? VIF_CIRCUIT_SEALED :
					   modes[sim_pick(random, 4)]);
	else if (circuit && model->n_flow < habits->flows_max)
		model_open(model, circuit, side,
			   habits->lanes && sim_pick(random, 2) == 0);
}

void program_act(struct model *model, enum sim_side side,
		 const struct program_habits *habits)
{
	struct model_flow *flow = any_flow(model, side);
	uint32_t what = sim_pick(random_of(model), 64);

	if (!flow || what < 8)
		begin_something(model, side, habits);
	else if (what < 34)
		write_some(model, flow, side, habits);
	else if (what < 58)
		read_some(model, flow, side, habits);
	else if (what < 60)
		model_finish(model, flow, side);
	else if (what < 62)
		change_something(model, flow, side, habits);
	else
		break_something(model, flow, side, habits);
}

static bool read_to_end(struct model *model, struct model_flow *flow,
			enum sim_side side, size_t max)
{
	bool any = false;

	while (flow->readable[side] && !flow->stream[1 - side].stopped) {
		any = true;
		if (flow->lane)
			(void)model_receive_packet(model, flow, side);
		else
			(void)model_read(model, flow, side, max, false);
	}
	return any;
}

bool program_wind_up(struct model *model, enum sim_side side, size_t read_max)
{
	bool any = false;

	for (uint32_t i = 0; i < model->n_flow; i++) {
		struct model_flow *flow = &model->flow[i];

		if (!flow->handle[side])
			continue;
		if (!flow->wound_up[side]) {
			flow->wound_up[side] = true;
			model_finish(model, flow, side);
			any = true;
		}
		if (read_to_end(model, flow, side, read_max))
			any = true;
	}
	return any;
}

static bool is_circuit_done(const struct model_circuit *circuit)
{
	for (int side = 0; side < SIM_SIDES; side++)
		if (!circuit->closed[side] && !circuit->aborted[side] &&
		    !circuit->freed[side])
			continue;
		else if ((circuit->handle[0] && !circuit->ended[0]) ||
			 (circuit->handle[1] && !circuit->ended[1]))
			return false;
	return true;
}

static bool is_flow_done(const struct model_flow *flow)
{
	for (int side = 0; side < SIM_SIDES; side++) {
		const struct model_stream *in = &flow->stream[1 - side];

		if (flow->handle[side] && !in->ended && !in->stopped)
			return false;
	}
	return true;
}

static bool must_be_over(const struct model *model)
{
	for (int side = 0; side < SIM_SIDES; side++)
		if (model->closed[side] || model->aborted[side] ||
		    model->drained[side])
			return true;
	return model_is_cut(model) || model_is_evicted(model);
}

/* A trunk is over: then nothing is passed on over it, and both ends know. */
static bool has_lost_way(const struct model *model)
{
	return sim_net_is_over(model->link[0]) ||
	       sim_net_is_over(model->link[1]);
}

static bool all_circuits_ended(const struct model *model)
{
	for (uint32_t i = 0; i < model->n_circuit; i++)
		for (int side = 0; side < SIM_SIDES; side++)
			if (model->circuit[i].handle[side] &&
			    !model->circuit[i].ended[side])
				return false;
	return true;
}

bool program_flows_are_done(const struct model *model)
{
	for (uint32_t i = 0; i < model->n_flow; i++)
		if (!is_flow_done(&model->flow[i]))
			return false;
	return true;
}

bool program_is_done(const struct model *model)
{
	for (uint32_t i = 0; i < model->n_circuit; i++)
		if (!is_circuit_done(&model->circuit[i]))
			return false;
	if (!program_flows_are_done(model))
		return false;
	if (model->passed)
		return !has_lost_way(model) || all_circuits_ended(model);
	if (!must_be_over(model))
		return true;
	return sim_net_is_over(model->net) && model->closed_event[0] &&
	       model->closed_event[1];
}

static void tell_flow(const struct model_flow *flow, enum sim_side side)
{
	const struct model_stream *in = &flow->stream[1 - side];
	struct vif_flow_stats stats;

	if (!flow->handle[side])
		return;
	vif_flow_stats(flow->handle[side], &stats);
	printf("flow %u (%u in circuit %u), side %d:%s%s%s read %" PRIu64
	       " of %" PRIu64 "; received %" PRIu64 " of %" PRIu64
	       ", holds %" PRIu64 "; sent %" PRIu64 " of %" PRIu64
	       ", holds %" PRIu64 "\n",
	       flow->number, flow->id, flow->circuit->id, (int)side,
	       flow->lane ? " lane" : "", in->ended ? " ended" : "",
	       in->stopped ? " stopped" : "", in->read, in->written,
	       stats.rx_payload, stats.rx_limit, stats.rx_held,
	       stats.tx_payload, stats.tx_limit, stats.tx_held);
}

void program_tell(const struct model *model)
{
	for (uint32_t i = 0; i < model->n_circuit; i++) {
		const struct model_circuit *circuit = &model->circuit[i];

		if (!is_circuit_done(circuit))
			printf("circuit %u (%u) has not ended\n",
			       circuit->number, circuit->id);
	}
	for (uint32_t i = 0; i < model->n_flow; i++) {
		if (is_flow_done(&model->flow[i]))
			continue;
		tell_flow(&model->flow[i], SIM_DIALER);
		tell_flow(&model->flow[i], SIM_ACCEPTER);
	}
	for (int side = 0; side < SIM_SIDES; side++)
		printf("trunk, side %d:%s%s\n", side,
		       model->closed_event[side] ? " closed" : "",
		       vif_trunk_is_closed(model->link[side]->end[side].trunk) ?
			       ", nothing to send" :
			       "");
}

void program_let_go(struct model *model)
{
	for (int side = 0; side < SIM_SIDES; side++) {
		for (uint32_t i = 0; i < model->n_flow; i++)
			model_let_go(model, &model->flow[i],
				     (enum sim_side)side);
		for (uint32_t i = 0; i < model->n_circuit; i++)
			model_free_circuit(model, &model->circuit[i],
					   (enum sim_side)side);
	}
}
