/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What programs may expect of a trunk: their calls, and whether the results are
 * true. What is compared between calls is in trunk_check.c.
 */
#include "tests/sim/trunk_model.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/trunk_content.h"

static uint8_t chunk[VIF_PACKET_LEN_MAX];

void model_init(struct model *model, struct sim_net *net, struct wire *wire,
		const struct vif_trunk_config config[SIM_SIDES])
{
	memset(model, 0, sizeof(*model));
	model->net = net;
	model->wire = wire;
	for (unsigned int side = 0; side < SIM_SIDES; side++) {
		model->link[side] = net;
		model->key[side] = side;
	}
	model->config = config;
	model->next_code = VIF_REASON_PROGRAM;
	model->packet_max = 1500;
}

/* Reasons */

void model_codes_add(struct model_codes *codes, uint32_t code)
{
	for (uint32_t i = 0; i < codes->n; i++)
		if (codes->code[i] == code)
			return;
	if (codes->n < MODEL_CODES)
		codes->code[codes->n++] = code;
	else
		codes->any = true;
}

bool model_codes_has(const struct model_codes *codes, uint32_t code)
{
	for (uint32_t i = 0; i < codes->n; i++)
		if (codes->code[i] == code)
			return true;
	return codes->any;
}

uint32_t model_code(struct model *model)
{
	return model->next_code++;
}

bool model_is_cut(const struct model *model)
{
	return model->link[0]->cut || model->link[1]->cut;
}

bool model_peer_drains(const struct model *model, enum sim_side side)
{
	const struct model *trunk = model->passed ? model->beside[side] : model;

	return trunk->drained[sim_other(side)];
}

/* Ends what is on the trunks of the model, also what others have there. */
static void add_trunk_code(struct model *model, uint32_t code)
{
	model_codes_add(&model->codes, code);
	for (int side = 0; side < SIM_SIDES; side++)
		if (model->beside[side])
			model_codes_add(&model->beside[side]->codes, code);
}

void model_relay_lost(struct model *model)
{
	model->relay_ends = true;
	model_codes_add(&model->codes, VIF_REASON_RELAY_LOST);
}

/* The circuits of the same end that are passed on, and whether it is the end. */
static struct model *passed_beside(const struct model *model,
				   enum sim_side side, bool *ret_is_end)
{
	*ret_is_end = model->beside[side] != NULL;
	return *ret_is_end ? model->beside[side] :
			     model->beside[sim_other(side)];
}

/* Of what both trunks have; all zero when they have none. */
static struct vif_trunk_budget_stats budget_stats(const struct model *model)
{
	struct vif_trunk_budget_stats stats = { 0 };

	if (model->budget)
		vif_trunk_budget_stats(model->budget, &stats);
	return stats;
}

bool model_is_short(const struct model *model)
{
	return budget_stats(model).refused > 0;
}

bool model_is_evicted(const struct model *model)
{
	return budget_stats(model).evicted > 0;
}

bool model_is_evicted_as(const struct model *model, uint32_t reason)
{
	return model_is_evicted(model) &&
	       (reason == VIF_REASON_MEMORY || /* and what comes meanwhile: */
		reason == VIF_REASON_DRAINING || reason == VIF_REASON_REFUSED);
}

bool model_trunk_may_end(const struct model *model)
{
	return model->codes.n > 0 || model_is_cut(model) ||
	       model_is_evicted(model);
}

bool model_circuit_may_end(const struct model *model,
			   const struct model_circuit *circuit)
{
	/* One that the other program does not know yet may be refused. */
	return circuit->codes.n > 0 || !circuit->told ||
	       model_trunk_may_end(model);
}

bool model_may_lack_route(const struct model *model,
			  const struct model_circuit *circuit)
{
	return model->passed && !circuit->told &&
	       (circuit->early || model_trunk_may_end(model));
}

bool model_flow_reason_is_true(const struct model *model,
			       const struct model_flow *flow, uint32_t reason)
{
	const struct model_circuit *circuit = flow->circuit;

	if (model_codes_has(&flow->codes, reason) ||
	    model_codes_has(&circuit->codes, reason) ||
	    model_codes_has(&circuit->refusals, reason) ||
	    model_codes_has(&model->codes, reason))
		return true;
	if (reason == VIF_REASON_RELAY_LOST && model->passed &&
	    model_trunk_may_end(model))
		return true;
	if (reason == VIF_REASON_NO_ROUTE &&
	    model_may_lack_route(model, circuit))
		return true;
	/* Too many, no window that a packet fits in, or a budget used up. */
	if (reason == VIF_REASON_LIMIT &&
	    (flow->early || flow->lane || !circuit->told ||
	     (model_is_short(model) && !flow->told)))
		return true;
	if (model_is_evicted_as(model, reason))
		return true;
	return reason == VIF_REASON_TRUNCATED &&
	       model_circuit_may_end(model, circuit);
}

/* Whether the circuit is being ended by the program of this side. */
static bool is_ended_by(const struct model *model,
			const struct model_circuit *circuit, enum sim_side side)
{
	return circuit->closed[side] || circuit->aborted[side] ||
	       circuit->freed[side] || model->closed[side] ||
	       model->aborted[side];
}

/* Circuits */

/* So many at most were opened on the trunk of this side. */
static uint32_t n_circuits(const struct model *model, enum sim_side side)
{
	/* Of a relay also those that it passes on. */
	const struct model *beside = model->beside[side] ?
					     model->beside[side] :
					     model->beside[sim_other(side)];

	return model->n_circuit + (beside ? beside->n_circuit : 0);
}

static uint32_t circuits_max(const struct model *model, enum sim_side side)
{
	const struct model *trunk = model->passed ? model->beside[side] : model;

	return trunk->config[sim_other(side)].circuits_max;
}

static void check_dial_error(struct model *model, enum sim_side side, int ret)
{
	if (ret == -ENOBUFS)
		/* The windows of all circuits are within the trunk's. */
		model->no_memory = true;
	else if (ret == -EAGAIN)
		/* As many as the other side takes, ended ones included that
		 * it has not heard of. */
		sim_check(n_circuits(model, side) >= circuits_max(model, side));
	else
		sim_check((ret == -ESHUTDOWN || ret == -ECONNABORTED) &&
			  model_trunk_may_end(model));
}

/* It has to be who is behind the relay; the relay itself may be. */
static bool names_remote(const struct model *model, enum sim_side side)
{
	return model->passed ||
	       (model->beside[side] && sim_pick(&model->net->random, 2));
}

void model_dial(struct model *model, enum sim_side side,
		enum vif_circuit_mode mode)
{
	struct model_circuit *circuit = &model->circuit[model->n_circuit];
	char service[16];
	const struct vif_circuit_config config = {
		.size = sizeof(config),
		.mode = mode,
		.service = service,
		.user = circuit,
		.remote = names_remote(model, side) ?
				  sim_public_key(model->key[sim_other(side)]) :
				  NULL,
	};
	int ret;

	if (model->n_circuit == MODEL_CIRCUITS)
		return;
	(void)snprintf(service, sizeof(service), "%s%u",
		       model->passed ? "far " : "", model->n_circuit);
	*circuit = (struct model_circuit){
		.model = model,
		.early = !model->has_route || model_trunk_may_end(model),
		.opener = side,
		.mode = mode,
		.number = model->n_circuit,
	};
	sim_net_enter_on(model->link[side], side);
	ret = vif_circuit_dial(model->link[side]->end[side].trunk, &config,
			       &circuit->handle[side]);
	if (ret == 0)
		model->n_circuit++;
	else
		check_dial_error(model, side, ret);
}

/* Whether this side may send flows on it by now. */
static bool is_open_for(const struct model *model,
			const struct model_circuit *circuit, enum sim_side side)
{
	const struct wire_circuit *seen =
		wire_circuit_of(model->wire, circuit->id);

	if (!seen)
		return false;
	return circuit->opener == side ? seen->accept_got : seen->confirm_got;
}

/*
 * An orderly close finishes all that was written, and delivers it; but not on a
 * circuit whose handshake is not done.
 */
static void promise(struct model *model, const struct model_circuit *circuit,
		    enum sim_side side)
{
	for (uint32_t i = 0; i < model->n_flow; i++) {
		struct model_flow *flow = &model->flow[i];
		struct model_stream *stream = &flow->stream[side];

		if (circuit ? flow->circuit != circuit :
			      is_ended_by(model, flow->circuit, side))
			continue;
		if (!stream->reset)
			stream->finished = true;
		/* One that comes just now may get a FIN, or not. */
		stream->promised = stream->finished && flow->handle[side] &&
				   is_open_for(model, flow->circuit, side);
		flow->writable[side] = false;
	}
}

void model_close_circuit(struct model *model, struct model_circuit *circuit,
			 enum sim_side side, bool abort)
{
	uint32_t code = model_code(model);
	int ret = 0;

	if (!circuit->handle[side])
		return;
	sim_net_enter_on(model->link[side], side);
	model_learn_ids(model, side);
	if (abort)
		vif_circuit_abort(circuit->handle[side], code, "enough");
	else
		ret = vif_circuit_close(circuit->handle[side], code, NULL);
	if (ret == -EALREADY) {
		sim_check(is_ended_by(model, circuit, side) ||
			  model_circuit_may_end(model, circuit));
		return;
	}
	if (ret == -ECONNABORTED) {
		sim_check(model_circuit_may_end(model, circuit));
		return;
	}
	sim_check_equal(ret, 0);
	if (!abort)
		promise(model, circuit, side);
	model_codes_add(&circuit->codes, code);
	/* New flows are not welcome any more. */
	model_codes_add(&circuit->refusals, VIF_REASON_REFUSED);
	(abort ? circuit->aborted : circuit->closed)[side] = true;
}

void model_free_circuit(struct model *model, struct model_circuit *circuit,
			enum sim_side side)
{
	if (!circuit->handle[side])
		return;
	sim_net_enter_on(model->link[side], side);
	model_codes_add(&circuit->codes, VIF_REASON_CLOSED);
	circuit->freed[side] = true;
	vif_circuit_free(circuit->handle[side]);
	circuit->handle[side] = NULL;
}

void model_close_trunk(struct model *model, enum sim_side side, bool abort)
{
	uint32_t code = model_code(model);
	struct vif_trunk *trunk = model->link[side]->end[side].trunk;
	bool is_end;
	struct model *passed = passed_beside(model, side, &is_end);
	int ret = 0;

	sim_net_enter_on(model->link[side], side);
	model_learn_ids(model, side);
	if (passed)
		model_learn_ids(passed, side);
	add_trunk_code(model, code);
	add_trunk_code(model, VIF_REASON_CLOSED);
	add_trunk_code(model, VIF_REASON_DRAINING);
	add_trunk_code(model, VIF_REASON_REFUSED);
	if (abort)
		vif_trunk_abort(trunk, code, "enough");
	else
		ret = vif_trunk_close(trunk, code, "done");
	if (ret == 0 && !abort)
		promise(model, NULL, side);
	if (ret == 0 && !abort && passed && is_end)
		promise(passed, NULL, side);
	sim_check(ret == 0 || ret == -EALREADY || ret == -ECONNABORTED);
	(abort ? model->aborted : model->closed)[side] = true;
	if (passed && is_end)
		(abort ? passed->aborted : passed->closed)[side] = true;
	else if (passed)
		passed->relay_ends = true;
}

void model_drain(struct model *model, enum sim_side side)
{
	bool is_end;
	struct model *passed = passed_beside(model, side, &is_end);
	int ret;

	sim_net_enter_on(model->link[side], side);
	add_trunk_code(model, VIF_REASON_DRAINING);
	add_trunk_code(model, VIF_REASON_CLOSED);
	ret = vif_trunk_drain(model->link[side]->end[side].trunk);
	sim_check(ret == 0 || ret == -EALREADY || ret == -ECONNABORTED);
	model->drained[side] = true;
	if (!passed)
		return;
	if (is_end)
		passed->drained[side] = true;
	else
		passed->relay_drains = true;
	/* Who is behind the relay does not know, and opens more. */
	model_codes_add(&passed->codes, VIF_REASON_REFUSED);
}

/* Flows */

void model_open(struct model *model, struct model_circuit *circuit,
		enum sim_side side, bool lane)
{
	struct model_flow *flow = &model->flow[model->n_flow];
	const struct vif_flow_config config = {
		.size = sizeof(config),
		.packets = lane,
		.user = flow,
	};
	uint64_t seed = sim_random_next(&model->net->random) << 8;
	int ret;

	if (model->n_flow == MODEL_FLOWS || !circuit->handle[side])
		return;
	*flow = (struct model_flow){
		.circuit = circuit,
		.opener = side,
		.number = model->n_flow,
		.lane = lane,
		.early = model->limits_flows && circuit->opener == side &&
			 !circuit->ready[side],
		.writable = { true, true },
		.stream = { { .seed = seed | (model->n_flow & 0xff) },
			    { .seed = ~seed } },
	};
	if (side == SIM_ACCEPTER) {
		flow->stream[SIM_ACCEPTER].seed = seed | (model->n_flow & 0xff);
		flow->stream[SIM_DIALER].seed = ~seed;
	}
	sim_net_enter_on(model->link[side], side);
	ret = vif_flow_open(circuit->handle[side], &config,
			    &flow->handle[side]);
	if (ret == 0)
		model->n_flow++;
	else if (ret == -EAGAIN)
		sim_check(model->limits_flows);
	else if (ret == -ENOBUFS) /* no window for a packet */
		sim_check(lane);
	else
		sim_check((ret == -ESHUTDOWN || ret == -ECONNABORTED) &&
			  (model_circuit_may_end(model, circuit) ||
			   is_ended_by(model, circuit, side)));
}

/* Whether an error of a write is true. */
static void check_write_error(const struct model *model,
			      const struct model_flow *flow, enum sim_side side,
			      int64_t ret)
{
	const struct model_stream *stream = &flow->stream[side];
	const struct wire_flow *seen = model_wire_flow(model, flow);

	if (ret == -ECONNRESET) {
		sim_check(model_circuit_may_end(model, flow->circuit) ||
			  is_ended_by(model, flow->circuit, side));
		return;
	}
	sim_check_equal(ret, -EPIPE);
	/* A new flow can be refused for as long as nothing was written. */
	sim_check(stream->finished || stream->reset || flow->early ||
		  model_is_evicted(model) ||
		  (flow->id == 0 && model_peer_drains(model, side)) ||
		  (seen && seen->stream[side].stop_got));
}

static void wrote(struct model *model, struct model_flow *flow,
		  enum sim_side side, uint64_t n, uint64_t asked)
{
	struct model_stream *stream = &flow->stream[side];

	sim_check(!stream->finished && !stream->reset);
	sim_check(n <= asked);
	stream->written += n;
	model->bytes_left -= n < model->bytes_left ? n : model->bytes_left;
	if (n < asked)
		flow->writable[side] = false;
}

static int64_t write_reserved(struct vif_flow *handle, uint64_t seed,
			      uint64_t pos, size_t *asked)
{
	void *bytes;
	size_t len;
	int ret = vif_flow_reserve(handle, &bytes, &len);

	if (ret <= 0)
		return ret;
	sim_check(ret == 1 && len > 0);
	*asked = len < *asked ? len : *asked;
	content_fill(seed, pos, bytes, *asked);
	ret = vif_flow_commit(handle, *asked);
	return ret < 0 ? ret : (int64_t)*asked;
}

uint64_t model_write(struct model *model, struct model_flow *flow,
		     enum sim_side side, size_t max, bool reserve)
{
	struct model_stream *stream = &flow->stream[side];
	int64_t ret;

	if (max > MODEL_CHUNK)
		max = MODEL_CHUNK;
	sim_net_enter_on(model->link[side], side);
	if (reserve) {
		ret = write_reserved(flow->handle[side], stream->seed,
				     stream->written, &max);
	} else {
		content_fill(stream->seed, stream->written, chunk, max);
		ret = vif_flow_write(flow->handle[side], chunk, max);
	}
	if (ret < 0) {
		check_write_error(model, flow, side, ret);
		flow->writable[side] = false;
		return 0;
	}
	wrote(model, flow, side, (uint64_t)ret, max);
	return (uint64_t)ret;
}

bool model_send_packet(struct model *model, struct model_flow *flow,
		       enum sim_side side)
{
	struct model_stream *stream = &flow->stream[side];
	struct vif_packet packet;
	struct iovec seg;
	int ret;

	content_packet(stream->seed, stream->n_written, model->packet_max,
		       chunk, &seg, &packet);
	sim_net_enter_on(model->link[side], side);
	ret = vif_flow_send_packet(flow->handle[side], &packet);
	if (ret < 0) {
		check_write_error(model, flow, side, ret);
		flow->writable[side] = false;
		return false;
	}
	sim_check(ret <= 1);
	flow->writable[side] = ret == 1;
	if (ret == 1) {
		uint64_t n = packet.len + MODEL_PACKET_HEADER;

		wrote(model, flow, side, n, n);
		stream->n_written++;
	}
	return ret == 1;
}

/* The reader has been told that nothing more comes. */
static void reached_end(struct model *model, struct model_flow *flow,
			enum sim_side side, int64_t ret)
{
	struct model_stream *stream = &flow->stream[sim_other(side)];
	const struct wire_flow *seen = model_wire_flow(model, flow);
	uint32_t reason = vif_flow_reason(flow->handle[side]);

	flow->readable[side] = false;
	if (ret == -EPIPE) {
		sim_check(stream->stopped);
		return;
	}
	if (stream->ended) {
		sim_check_equal(stream->clean, ret == -ENODATA);
		return;
	}
	stream->ended = true;
	stream->clean = ret == -ENODATA;
	if (ret == -ENODATA) {
		/* Short data with a clean end does not exist. */
		sim_check(stream->finished);
		sim_check_equal(stream->read, stream->written);
		sim_check_equal(stream->n_read, stream->n_written);
		model->n_clean++;
		return;
	}
	sim_check_equal(ret, -ECONNRESET);
	model->n_broken++;
	/* Who has closed it himself gets no other reason. */
	if (!model_flow_reason_is_true(model, flow, reason) &&
	    (reason != VIF_REASON_NONE ||
	     !is_ended_by(model, flow->circuit, side)))
		sim_fail(__FILE__, __LINE__, "flow %u ends with %s (%u)",
			 flow->number, vif_reason_name(reason), reason);
	/* What had come to its end is read to it, whatever happened since. */
	if (seen && seen->stream[sim_other(side)].fin_got)
		sim_check(is_ended_by(model, flow->circuit, side));
}

static int64_t read_peeked(struct vif_flow *handle, uint64_t seed, uint64_t pos,
			   size_t max)
{
	struct iovec piece[3];
	int n = vif_flow_peek(handle, piece, 3);
	size_t total = 0;

	if (n < 0)
		return n;
	for (int i = 0; i < n && total < max; i++) {
		size_t len = piece[i].iov_len;

		sim_check(len > 0);
		len = len < max - total ? len : max - total;
		sim_check(
			content_is(seed, pos + total, piece[i].iov_base, len));
		total += len;
	}
	if (total > 0)
		sim_check(vif_flow_consume(handle, total) == 0);
	return (int64_t)total;
}

uint64_t model_read(struct model *model, struct model_flow *flow,
		    enum sim_side side, size_t max, bool peek)
{
	struct model_stream *stream = &flow->stream[sim_other(side)];
	int64_t ret;

	if (max > MODEL_CHUNK)
		max = MODEL_CHUNK;
	sim_net_enter_on(model->link[side], side);
	if (peek)
		ret = read_peeked(flow->handle[side], stream->seed,
				  stream->read, max);
	else
		ret = vif_flow_read(flow->handle[side], chunk, max);
	if (ret < 0) {
		reached_end(model, flow, side, ret);
		return 0;
	}
	sim_check(ret <= (int64_t)max && !stream->stopped && !stream->ended);
	sim_check(peek ||
		  content_is(stream->seed, stream->read, chunk, (size_t)ret));
	stream->read += (uint64_t)ret;
	sim_check(stream->read <= stream->written);
	if (ret == 0)
		flow->readable[side] = false;
	return (uint64_t)ret;
}

bool model_receive_packet(struct model *model, struct model_flow *flow,
			  enum sim_side side)
{
	struct model_stream *stream = &flow->stream[sim_other(side)];
	struct vif_packet packet;
	struct iovec seg;
	int ret;

	sim_net_enter_on(model->link[side], side);
	ret = vif_flow_receive_packet(flow->handle[side], chunk, sizeof(chunk),
				      &seg, &packet);
	if (ret < 0) {
		reached_end(model, flow, side, ret);
		return false;
	}
	sim_check(!stream->stopped && !stream->ended);
	if (ret == 0) {
		flow->readable[side] = false;
		return false;
	}
	sim_check(stream->n_read < stream->n_written);
	sim_check(content_packet_is(stream->seed, stream->n_read,
				    model->packet_max, &packet));
	stream->n_read++;
	stream->read += packet.len + MODEL_PACKET_HEADER;
	return true;
}

void model_finish(struct model *model, struct model_flow *flow,
		  enum sim_side side)
{
	int ret;

	sim_net_enter_on(model->link[side], side);
	ret = vif_flow_finish(flow->handle[side]);
	if (ret < 0) {
		check_write_error(model, flow, side, ret);
		return;
	}
	sim_check_equal(ret, 0);
	sim_check(!flow->stream[side].reset);
	sim_check(!flow->stream[side].finished ||
		  is_ended_by(model, flow->circuit, side));
	flow->stream[side].finished = true;
	flow->writable[side] = false;
}

/* Errors only where there is nothing left to give up. */
void model_reset(struct model *model, struct model_flow *flow,
		 enum sim_side side)
{
	uint32_t code = model_code(model);
	int ret;

	sim_net_enter_on(model->link[side], side);
	ret = vif_flow_reset(flow->handle[side], code);
	if (ret < 0) {
		check_write_error(model, flow, side, ret);
		return;
	}
	model_codes_add(&flow->codes, code);
	flow->stream[side].reset = true;
	flow->writable[side] = false;
}

void model_stop(struct model *model, struct model_flow *flow,
		enum sim_side side)
{
	struct model_stream *stream = &flow->stream[sim_other(side)];
	uint32_t code = model_code(model);
	int ret;

	sim_net_enter_on(model->link[side], side);
	ret = vif_flow_stop(flow->handle[side], code);
	if (ret == -EPIPE) {
		sim_check(stream->stopped || stream->ended);
		return;
	}
	if (ret == -ECONNRESET) {
		sim_check(model_circuit_may_end(model, flow->circuit) ||
			  is_ended_by(model, flow->circuit, side));
		return;
	}
	sim_check_equal(ret, 0);
	model_codes_add(&flow->codes, code);
	stream->stopped = true;
	flow->readable[side] = false;
}

void model_let_go(struct model *model, struct model_flow *flow,
		  enum sim_side side)
{
	struct model_stream *out = &flow->stream[side];

	if (!flow->handle[side])
		return;
	sim_net_enter_on(model->link[side], side);
	if (flow->id == 0)
		flow->id = vif_flow_id(flow->handle[side]);
	if (!out->finished && !out->reset)
		out->finished = true;
	flow->stream[sim_other(side)].stopped = true;
	model_codes_add(&flow->codes, VIF_REASON_CLOSED);
	vif_flow_close(flow->handle[side]);
	flow->handle[side] = NULL;
	flow->was_let_go[side] = true;
}
