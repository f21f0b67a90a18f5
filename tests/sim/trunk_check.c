/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What programs are told, and what can be seen of two trunks between any two
 * calls: the invariants I1 to I9, of which trunk_wire.c has those of frames.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/trunk_content.h"
#include "tests/sim/trunk_model.h"

enum {
	FIRST_WINDOW = 64 << 10, /* the smallest of the defaults */
	MAX_WINDOW = 16 << 20,   /* and the largest */
	/* Lanes may have that much, so that two packets fit. */
	LANE_WINDOW = 2 * (65575 + MODEL_PACKET_HEADER),
};

struct wire_flow *model_wire_flow(const struct model *model,
				  const struct model_flow *flow)
{
	const struct wire_circuit *circuit =
		wire_circuit_of(model->wire, flow->circuit->id);

	return circuit ? wire_flow_of(circuit, flow->id) : NULL;
}

/* By which it is known in the account. */
static uint32_t id_of(const struct model *model, enum sim_side side,
		      const struct vif_circuit *handle)
{
	uint32_t id = vif_circuit_id(handle);

	return model->passed ? passed_id(model->passed, side, id) : id;
}

void model_learn_ids(struct model *model, enum sim_side side)
{
	for (uint32_t i = 0; i < model->n_circuit; i++) {
		struct model_circuit *circuit = &model->circuit[i];

		if (circuit->id == 0 && circuit->handle[side])
			circuit->id = id_of(model, side, circuit->handle[side]);
	}
	for (uint32_t i = 0; i < model->n_flow; i++) {
		struct model_flow *flow = &model->flow[i];

		if (flow->id == 0 && flow->handle[side])
			flow->id = vif_flow_id(flow->handle[side]);
	}
}

/* Events */

static const char far[] = "far ";

/* It says in its service what it is. */
static struct model_circuit *incoming(struct model *model, enum sim_side side,
				      const struct vif_circuit *handle)
{
	const char *service = vif_circuit_service(handle);
	uint32_t number;

	if (strncmp(service, far, strlen(far)) == 0) {
		model = model->beside[side];
		service += strlen(far);
	}
	number = (uint32_t)strtoul(service, NULL, 10);
	sim_check(model && number < model->n_circuit);
	return &model->circuit[number];
}

static void circuit_incoming(struct model *trunk_model, enum sim_side side,
			     struct vif_circuit *handle)
{
	struct model_circuit *circuit = incoming(trunk_model, side, handle);
	const uint8_t *remote = vif_circuit_remote(handle);
	struct model *model = circuit->model;
	int ret;

	sim_check(circuit->opener != side && !circuit->told);
	sim_check(vif_circuit_mode(handle) == circuit->mode);
	sim_check(remote &&
		  memcmp(remote, sim_public_key(model->key[circuit->opener]),
			 VIF_KEY_LEN) == 0);
	circuit->told = true;
	circuit->handle[side] = handle;
	circuit->id = id_of(model, side, handle);
	vif_circuit_set_user(handle, circuit);
	if (model->accepts_later)
		return;
	if (model->refuse_one_in > 0 &&
	    sim_pick(&model->net->random, model->refuse_one_in) == 0) {
		model_close_circuit(model, circuit, side, false);
		/* What an ended one has brought is held until it is freed. */
		if (!circuit->closed[side])
			model_free_circuit(model, circuit, side);
		return;
	}
	ret = vif_circuit_accept(handle);
	if (ret == -ECONNABORTED)
		sim_check(model_circuit_may_end(model, circuit));
	else
		sim_check_equal(ret, 0);
}

/* Before there are keys, nobody can say why he ends it. */
static bool trunk_ends_without_word(const struct model *model)
{
	if (model_is_evicted(model))
		return true;
	for (int side = 0; side < SIM_SIDES; side++)
		if ((model->aborted[side] || model->closed[side]) &&
		    !model->wire->close_sent[side])
			return true;
	return false;
}

static bool ends_without_word(const struct model *model)
{
	if (!model->passed)
		return trunk_ends_without_word(model);
	return trunk_ends_without_word(model->beside[0]) ||
	       trunk_ends_without_word(model->beside[1]);
}

/* A regular end has no reason. */
static bool circuit_reason_is_true(const struct model *model,
				   const struct model_circuit *circuit,
				   enum sim_side side, uint32_t reason)
{
	if (reason == VIF_REASON_NONE)
		return circuit->closed[side] || model->closed[0] ||
		       model->closed[1] || model->drained[0] ||
		       model->drained[1];
	return model_codes_has(&circuit->codes, reason) ||
	       model_codes_has(&model->codes, reason) ||
	       model_is_evicted_as(model, reason) ||
	       (reason == VIF_REASON_TRUNCATED &&
		(model_is_cut(model) || ends_without_word(model))) ||
	       (reason == VIF_REASON_RELAY_LOST && model->passed &&
		model_trunk_may_end(model));
}

static void circuit_event(struct model *model, enum sim_side side,
			  const struct vif_trunk_event *event)
{
	struct model_circuit *circuit;
	uint32_t reason;

	if (event->type == VIF_CIRCUIT_INCOMING) {
		circuit_incoming(model, side, event->circuit);
		return;
	}
	circuit = vif_circuit_user(event->circuit);
	sim_check(circuit && circuit->handle[side] == event->circuit);
	model = circuit->model;
	if (event->type == VIF_CIRCUIT_READY) {
		sim_check(circuit->opener == side && !circuit->ready[side]);
		circuit->ready[side] = true;
		return;
	}
	sim_check(!circuit->ended[side]);
	circuit->ended[side] = true;
	reason = vif_circuit_reason(event->circuit, NULL);
	/* The other side had no room for it. */
	if (reason == VIF_REASON_LIMIT && !circuit->told)
		model_codes_add(&circuit->codes, reason);
	if (reason == VIF_REASON_NO_ROUTE &&
	    model_may_lack_route(model, circuit))
		model_codes_add(&circuit->codes, reason);
	if (reason == VIF_REASON_RELAY_LOST)
		circuit->is_lost = true;
	if (!circuit_reason_is_true(model, circuit, side, reason))
		sim_fail(__FILE__, __LINE__, "circuit %u ends with %s (%u)",
			 circuit->number, vif_reason_name(reason), reason);
}

/* Whether the first bytes are those of this stream, or lane. */
static bool has_head(const struct model *model,
		     const struct model_stream *stream,
		     const struct wire_flow *seen)
{
	static uint8_t bytes[VIF_PACKET_LEN_MAX];
	struct vif_packet packet;
	struct iovec seg;
	size_t len = seen->head_len;

	if (!seen->lane)
		return content_is(stream->seed, 0, seen->head, len);
	if (len <= MODEL_PACKET_HEADER)
		return true;
	content_packet(stream->seed, 0, model->packet_max, bytes, &seg,
		       &packet);
	len -= MODEL_PACKET_HEADER;
	return memcmp(seen->head + MODEL_PACKET_HEADER, bytes,
		      len < packet.len ? len : packet.len) == 0;
}

/*
 * Whether it is this one of the model, whose id nobody knows: its opener has let
 * it go before it was sent. It is known by its first bytes; those without any are
 * all the same.
 */
static bool may_be(const struct model *model, const struct model_flow *flow,
		   const struct model_circuit *circuit, enum sim_side opener,
		   const struct wire_flow *seen)
{
	if (flow->circuit != circuit || flow->opener != opener || flow->told ||
	    flow->lane != seen->lane || flow->id != 0 ||
	    !flow->was_let_go[opener] || flow->stream[opener].reset)
		return false;
	if (seen->stream[opener].level.sent == 0)
		return flow->stream[opener].written == 0;
	return flow->stream[opener].written > 0 &&
	       has_head(model, &flow->stream[opener], seen);
}

static struct model_flow *find_flow(struct model *model,
				    const struct model_circuit *circuit,
				    enum sim_side opener, uint32_t id)
{
	const struct wire_circuit *seen =
		wire_circuit_of(model->wire, circuit->id);

	sim_check(seen && wire_flow_of(seen, id));
	sim_check(wire_flow_opener(seen, id) == opener);
	for (uint32_t i = 0; i < model->n_flow; i++)
		if (model->flow[i].id == id &&
		    model->flow[i].circuit == circuit)
			return &model->flow[i];
	for (uint32_t i = 0; i < model->n_flow; i++)
		if (may_be(model, &model->flow[i], circuit, opener,
			   wire_flow_of(seen, id)))
			return &model->flow[i];
	sim_fail(__FILE__, __LINE__, "nobody has opened flow %u", id);
}

static void flow_incoming(struct model *model, enum sim_side side,
			  struct vif_flow *handle,
			  const struct vif_circuit *circuit_handle)
{
	struct model_circuit *circuit = vif_circuit_user(circuit_handle);
	enum sim_side opener = sim_other(side);
	struct model_flow *flow;

	sim_check(circuit && circuit->handle[side] == circuit_handle);
	model = circuit->model;
	model_learn_ids(model, opener);
	flow = find_flow(model, circuit, opener, vif_flow_id(handle));
	sim_check_equal(vif_flow_is_lane(handle), flow->lane);
	flow->id = vif_flow_id(handle);
	flow->told = true;
	flow->handle[side] = handle;
	flow->readable[side] = true;
	vif_flow_set_user(handle, flow);
}

static void flow_event(struct model *model, enum sim_side side,
		       const struct vif_trunk_event *event)
{
	struct model_flow *flow;

	if (event->type == VIF_FLOW_INCOMING) {
		flow_incoming(model, side, event->flow, event->circuit);
		return;
	}
	flow = vif_flow_user(event->flow);
	sim_check(flow && flow->handle[side] == event->flow);
	switch (event->type) {
	case VIF_FLOW_READABLE:
		flow->readable[side] = true;
		break;
	case VIF_FLOW_WRITABLE:
		flow->writable[side] = true;
		break;
	default:
		sim_check(event->type == VIF_FLOW_CLOSED);
		flow->closed_event[side] = true;
		flow->readable[side] = true;
	}
}

static void trunk_event(struct model *model, enum sim_side side,
			enum vif_trunk_event_type type)
{
	enum sim_side other = sim_other(side);
	uint32_t reason;

	switch (type) {
	case VIF_TRUNK_READY:
		sim_check(!model->ready[side]);
		model->ready[side] = true;
		break;
	case VIF_TRUNK_DRAINING:
		sim_check(model->drained[other] || model->closed[other]);
		break;
	default:
		sim_check(type == VIF_TRUNK_CLOSED);
		sim_check(!model->closed_event[side]);
		model->closed_event[side] = true;
		reason = vif_trunk_reason(model->link[side]->end[side].trunk,
					  NULL);
		if (reason == VIF_REASON_NONE)
			sim_check(model->drained[0] || model->drained[1] ||
				  model->closed[0] || model->closed[1]);
		else if (reason == VIF_REASON_TRUNCATED)
			sim_check(model_is_cut(model) ||
				  ends_without_word(model));
		else if (!model_codes_has(&model->codes, reason) &&
			 !(reason == VIF_REASON_MEMORY &&
			   model_is_evicted(model)))
			sim_fail(__FILE__, __LINE__, "trunk ends with %s (%u)",
				 vif_reason_name(reason), reason);
	}
}

bool model_events(struct model *model, enum sim_side side)
{
	struct vif_trunk_event event;
	bool any = false;

	sim_net_enter_on(model->link[side], side);
	while (vif_trunk_next_event(model->link[side]->end[side].trunk,
				    &event)) {
		any = true;
		model->n_events++;
		/* The end of the trunk is the last thing it tells. */
		sim_check(!model->closed_event[side]);
		if (event.flow)
			flow_event(model, side, &event);
		else if (event.circuit)
			circuit_event(model, side, &event);
		else
			trunk_event(model, side, event.type);
	}
	return any;
}

/* Between calls */

/* A window that the configuration allows, or one that a lane needs. */
static bool is_window(uint32_t window, uint32_t first, uint32_t max)
{
	/* By default it is somewhere in between. */
	first = first ? first : FIRST_WINDOW;
	max = max ? max : MAX_WINDOW;
	if (first > max)
		max = first;
	return window >= first && (window <= max || window <= LANE_WINDOW);
}

static void check_flow(const struct model *model, const struct model_flow *flow,
		       enum sim_side side)
{
	const struct vif_trunk_config *config = &model->config[side];
	const struct wire_flow *seen = model_wire_flow(model, flow);
	const struct model_stream *in = &flow->stream[sim_other(side)];
	const struct wire_stream *wire_in, *wire_out;
	struct vif_flow_stats stats;

	if (!flow->handle[side] || !seen ||
	    model_circuit_may_end(model, flow->circuit))
		return;
	vif_flow_stats(flow->handle[side], &stats);
	wire_in = &seen->stream[sim_other(side)];
	wire_out = &seen->stream[side];
	sim_check_equal(stats.rx_payload, wire_in->level.received);
	sim_check_equal(stats.tx_payload, wire_out->level.sent);
	/* What is over takes no more notice of limits. */
	if (!wire_out->fin_sent && !wire_out->reset_sent)
		sim_check_equal(stats.tx_limit, wire_out->level.limit_got);
	/* Before it is opened there, nothing was granted to the other side. */
	sim_check_equal(stats.rx_limit, wire_in->level.limit_sent);
	if (!flow->stream[side].reset && !wire_out->stop_got)
		sim_check_equal(stats.tx_payload + stats.tx_held,
				flow->stream[side].written);
	if (in->stopped || wire_in->reset_got)
		return;
	sim_check_equal(stats.rx_held, wire_in->level.received - in->read);
	/* I2, I8 */
	sim_check(wire_in->level.limit_sent <= in->read + stats.rx_window);
	sim_check(is_window((uint32_t)stats.rx_window, config->flow_window,
			    config->flow_window_max));
}

static uint32_t check_circuit(const struct model *model,
			      const struct model_circuit *circuit,
			      enum sim_side side)
{
	const struct vif_trunk_config *config = &model->config[side];
	const struct wire_circuit *seen =
		wire_circuit_of(model->wire, circuit->id);
	const struct wire_level *in;
	struct vif_circuit_stats stats;

	if (!circuit->handle[side])
		return 0;
	vif_circuit_stats(circuit->handle[side], &stats);
	if (!seen || model_circuit_may_end(model, circuit))
		return (uint32_t)stats.rx_window;
	in = &seen->payload[sim_other(side)];
	sim_check_equal(stats.rx_payload, in->received);
	sim_check_equal(stats.tx_payload, seen->payload[side].sent);
	/* I2, I8 */
	sim_check(stats.rx_held <= in->received);
	if (in->limit_sent > 0 &&
	    in->limit_sent > in->received - stats.rx_held + stats.rx_window)
		sim_fail(__FILE__, __LINE__,
			 "circuit %u, side %d: limit %" PRIu64
			 ", received %" PRIu64 ", holds %" PRIu64
			 ", window %" PRIu64,
			 circuit->id, (int)side, in->limit_sent, in->received,
			 stats.rx_held, stats.rx_window);
	sim_check(is_window((uint32_t)stats.rx_window, config->circuit_window,
			    config->circuit_window_max));
	return (uint32_t)stats.rx_window;
}

/* What the flows of a side hold; those it was not told of hold all they got. */
static uint64_t held_by_flows(const struct model *model, enum sim_side side,
			      uint64_t *untold)
{
	uint64_t held = 0;

	for (uint32_t i = 0; i < model->n_flow; i++) {
		const struct model_flow *flow = &model->flow[i];
		const struct wire_flow *seen = model_wire_flow(model, flow);
		struct vif_flow_stats stats;

		if (flow->handle[side]) {
			vif_flow_stats(flow->handle[side], &stats);
			held += stats.rx_held;
		} else if (seen && !flow->was_let_go[side] && !flow->told) {
			*untold += seen->stream[sim_other(side)].level.received;
		}
	}
	return held;
}

/* A flow whose id is not known yet cannot be found on the wire. */
static bool all_ids_are_known(const struct model *model)
{
	for (uint32_t i = 0; i < model->n_flow; i++)
		if (model->flow[i].id == 0)
			return false;
	return true;
}

static uint32_t check_objects(const struct model *model, enum sim_side side)
{
	uint32_t windows = 0;

	for (uint32_t i = 0; i < model->n_circuit; i++)
		windows += check_circuit(model, &model->circuit[i], side);
	for (uint32_t i = 0; i < model->n_flow; i++)
		check_flow(model, &model->flow[i], side);
	return windows;
}

/* What a relay holds of others, on the trunk of this side. */
static void add_passed(const struct model *model, enum sim_side side,
		       uint64_t *held, uint64_t *untold)
{
	const struct passed *passed = model->wire->passed;
	enum sim_side end = model->wire->end_side;
	uint64_t min, max;

	if (!passed || side == end)
		return;
	passed_held(passed, end, true, &min, &max);
	/* When one trunk ends, what lies there for the other goes at once. */
	if (model_trunk_may_end(model->beside[end]))
		min = 0;
	*held += min;
	*untold += max - min;
}

/* I8: no more than there is, and what circuits may receive is in it. */
static void check_budget(const struct model *model)
{
	const uint64_t step = VIF_TRUNK_BUDGET_STEP;
	struct vif_trunk_budget_stats stats;
	uint64_t sum = 0;

	if (!model->budget)
		return;
	vif_trunk_budget_stats(model->budget, &stats);
	for (int side = 0; side < SIM_SIDES; side++)
		sum += (check_objects(model, (enum sim_side)side) + step - 1) /
		       step * step;
	sim_check(sum <= stats.taken);
	sim_check(stats.taken_max <= model->budget_limit);
}

static void check_trunk(const struct model *model, enum sim_side side)
{
	const struct model *beside = model->beside[side];
	const struct wire_level *in = &model->wire->trunk[sim_other(side)];
	uint64_t window = model->wire->window[side];
	uint64_t windows, held, untold = 0;
	struct vif_trunk_stats stats;

	vif_trunk_stats(model->link[side]->end[side].trunk, &stats);
	sim_check_equal(stats.glitches, 0);
	windows = check_objects(model, side);
	if (beside)
		windows += check_objects(beside, side);
	sim_check(windows <= window);
	if (model_trunk_may_end(model))
		return;
	held = held_by_flows(model, side, &untold);
	if (beside)
		held += held_by_flows(beside, side, &untold);
	add_passed(model, side, &held, &untold);
	/* I2: the sums of the levels are the same. */
	sim_check(held <= stats.rx_held);
	if (all_ids_are_known(model) && (!beside || all_ids_are_known(beside)))
		sim_check(stats.rx_held <= held + untold);
	/* What ended circuits have brought is held besides the windows of those
	 * that live. */
	sim_check(stats.rx_held <= window + WIRE_TRUNK_SLACK);
	sim_check(in->limit_sent <=
		  in->received - stats.rx_held + window + WIRE_TRUNK_SLACK);
}

void model_check(struct model *model)
{
	for (int side = 0; side < SIM_SIDES; side++) {
		model_learn_ids(model, (enum sim_side)side);
		if (model->beside[side])
			model_learn_ids(model->beside[side],
					(enum sim_side)side);
	}
	for (int side = 0; side < SIM_SIDES; side++)
		check_trunk(model, (enum sim_side)side);
	check_budget(model);
}

/* At rest */

/* Nobody but its two programs has had a say in how this stream ends. */
static bool is_undisturbed(const struct model *model,
			   const struct model_flow *flow, enum sim_side writer)
{
	const struct model_circuit *circuit = flow->circuit;
	enum sim_side reader = sim_other(writer);

	if (model_is_cut(model) || model_is_evicted(model) ||
	    model->relay_ends || circuit->aborted[0] || circuit->aborted[1] ||
	    circuit->freed[0] || circuit->freed[1] || model->aborted[0] ||
	    model->aborted[1] || circuit->closed[reader] ||
	    model->closed[reader])
		return false;
	if (!circuit->told &&
	    (model_codes_has(&circuit->codes, VIF_REASON_LIMIT) ||
	     model_codes_has(&circuit->codes, VIF_REASON_NO_ROUTE)))
		return false;
	/* Who drains does not drain those behind a relay. */
	if (model->passed && !flow->told &&
	    (model->drained[reader] || model->relay_drains))
		return false;
	return !(circuit->closed[writer] || model->closed[writer]) ||
	       flow->stream[writer].promised;
}

/* One that was never written may be unknown to the other side. */
static bool was_said(const struct model *model, const struct model_flow *flow,
		     enum sim_side writer)
{
	const struct model_stream *stream = &flow->stream[writer];

	return flow->told || stream->written > 0 ||
	       (stream->finished && !flow->was_let_go[writer] &&
		!flow->circuit->closed[writer] && !model->closed[writer]);
}

/* Whether it may have been refused: too many, no memory, or no packet fits. */
static bool may_be_refused(const struct model *model,
			   const struct model_flow *flow)
{
	enum sim_side reader = sim_other(flow->opener);

	return !flow->told &&
	       (flow->early || model_is_short(model) ||
		(flow->lane &&
		 model->config[reader].circuit_window < MODEL_LANE_WINDOW));
}

static void check_stream_at_rest(const struct model *model,
				 const struct model_flow *flow,
				 enum sim_side writer)
{
	const struct model_stream *stream = &flow->stream[writer];
	enum sim_side reader = sim_other(writer);
	bool whole = is_undisturbed(model, flow, writer) &&
		     !flow->circuit->deaf[reader] &&
		     !may_be_refused(model, flow) && stream->finished &&
		     !stream->reset && !stream->stopped &&
		     was_said(model, flow, writer);

	if (whole && !stream->clean)
		sim_fail(__FILE__, __LINE__,
			 "flow %u of circuit %u from side %d: %llu of %llu "
			 "bytes, %s",
			 flow->number, flow->circuit->number, (int)writer,
			 (unsigned long long)stream->read,
			 (unsigned long long)stream->written,
			 stream->ended ? "not a clean end" : "no end");
	if (flow->handle[reader] && !stream->stopped && flow->told)
		sim_check(stream->ended);
}

/* I5, I7: nothing is on its way any more. */
static void check_level_at_rest(const struct wire_level *level)
{
	sim_check_equal(level->sent, level->received);
	sim_check_equal(level->limit_sent, level->limit_got);
}

/* The beginning of a packet that was cut; its program has it until it lets go. */
static uint64_t held_by_broken_lanes(const struct model *model,
				     enum sim_side side)
{
	uint64_t held = 0;

	for (uint32_t i = 0; i < model->n_flow; i++) {
		const struct model_flow *flow = &model->flow[i];
		const struct model_stream *in = &flow->stream[1 - side];
		struct vif_flow_stats stats;

		if (!flow->handle[side] || !flow->lane || !in->ended ||
		    in->clean)
			continue;
		vif_flow_stats(flow->handle[side], &stats);
		held += stats.rx_held;
	}
	return held;
}

static void check_levels_at_rest(const struct model *model, enum sim_side side)
{
	const struct wire *wire = model->wire;
	const struct wire_level *in = &wire->trunk[sim_other(side)];
	struct vif_trunk_stats stats;
	uint64_t held;

	vif_trunk_stats(model->link[side]->end[side].trunk, &stats);
	/* I3: the pool is full again. */
	held = held_by_broken_lanes(model, side);
	if (model->beside[side])
		held += held_by_broken_lanes(model->beside[side], side);
	sim_check_equal(stats.rx_held, held);
	sim_check_equal(stats.tx_held, 0);
	check_level_at_rest(in);
	/* I5: what was granted is what was consumed, and a window; a limit is
	 * told when it has grown by half of that. */
	sim_check(2 * (in->limit_sent - in->received) >= wire->window[side]);
}

static bool is_ending(const struct wire_circuit *circuit)
{
	return circuit->close_sent[0] || circuit->close_sent[1] ||
	       circuit->shut_sent[0] || circuit->shut_sent[1] ||
	       circuit->shut_got[0] || circuit->shut_got[1];
}

static bool is_gone(const struct wire *wire, const struct wire_circuit *circuit)
{
	const struct passed_circuit *passed = passed_of(wire, circuit);

	return is_ending(circuit) ||
	       (passed &&
		is_ending(wire_circuit_of(&wire->passed->ends, passed->id)));
}

/* I5, of whom waits for nothing but the record. */
static void check_hop_at_rest(const struct wire *wire,
			      const struct wire_circuit *circuit,
			      enum sim_side sender)
{
	const struct wire_level *level = &circuit->hop[sender];
	bool is_hop = circuit->mode == VIF_CIRCUIT_SEALED && circuit->accepted;

	check_level_at_rest(level);
	if (is_hop)
		sim_check(2 * (level->limit_sent - level->received) >=
			  wire->hop_window[sim_other(sender)]);
}

static void check_circuits_at_rest(const struct wire *wire,
				   enum sim_side opener)
{
	for (uint32_t i = 0; i < wire->n_circuit[opener]; i++) {
		const struct wire_circuit *circuit = &wire->circuit[opener][i];

		/* What comes for one that is gone is not looked at. */
		if (is_gone(wire, circuit))
			continue;
		for (int sender = 0; sender < SIM_SIDES; sender++) {
			check_level_at_rest(&circuit->payload[sender]);
			check_hop_at_rest(wire, circuit, (enum sim_side)sender);
		}
	}
}

void model_check_rest(struct model *model)
{
	for (uint32_t i = 0; i < model->n_flow; i++) {
		check_stream_at_rest(model, &model->flow[i], SIM_DIALER);
		check_stream_at_rest(model, &model->flow[i], SIM_ACCEPTER);
	}
	if (model_trunk_may_end(model))
		return;
	for (int side = 0; side < SIM_SIDES; side++) {
		if (!model->passed)
			check_levels_at_rest(model, (enum sim_side)side);
		check_circuits_at_rest(model->wire, (enum sim_side)side);
	}
}
