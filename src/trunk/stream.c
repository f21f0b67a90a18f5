/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames of a circuit that came: data, credit, ends of flows.
 *
 * Every number is judged here, once, against what the two ends have agreed on;
 * docs/design/trunk.md, sections 5 to 7. A rule that is broken ends the circuit.
 */
#include "trunk/core.h"

/* A frame with what follows it, in the block it was opened into. */
struct incoming {
	const struct frame_header *header;
	struct block *block;
	uint32_t offset;
	bool may_have_data;
};

static const uint8_t *body_of(const struct incoming *in)
{
	return in->block->bytes + in->offset;
}

static struct vif_flow *find(const struct vif_circuit *circuit, uint32_t id)
{
	struct id_node *node = id_table_find(&circuit->flow_table, id);

	return node ? container_of(node, struct vif_flow, node) : NULL;
}

/* Whether there was a flow of that number once. */
static bool is_gone(const struct vif_circuit *circuit, uint32_t id)
{
	uint32_t next = (id ^ circuit->next_local) & 1 ? circuit->next_remote :
							 circuit->next_local;

	return id > 0 && id < next;
}

static void fault(struct vif_circuit *circuit, const char *text)
{
	circuit_fault(circuit, VIF_REASON_PROTOCOL, text);
}

/* Why a flow cannot be had; VIF_REASON_NONE when it can. */
static enum vif_reason refusal(const struct vif_circuit *circuit)
{
	struct vif_trunk *trunk = circuit->trunk;

	if (trunk->n_remote_flows > trunk->config.trunk_flows_max)
		return VIF_REASON_LIMIT;
	if (!circuit->is_listening || trunk->is_closing ||
	    circuit->wants_close || circuit->n_untold > trunk->config.backlog)
		return VIF_REASON_REFUSED;
	return window_may_come(trunk) ? VIF_REASON_NONE : VIF_REASON_LIMIT;
}

/*
 * Nobody will take it, but it has to be ended as the protocol says. Costs as
 * much as one that is reset; false when that was too much.
 */
static bool refuse(struct vif_flow *flow, enum vif_reason reason)
{
	struct vif_circuit *circuit = flow->circuit;
	struct vif_trunk *trunk = circuit->trunk;

	if (!bucket_take(&circuit_buckets(circuit)->resets, trunk->now_ns, 1)) {
		circuit_flood(circuit, "too many flows were opened in vain");
		return false;
	}
	trunk->stats.refused_flows++;
	flow->is_told = true; /* nobody waits for it */
	circuit->n_untold--;
	flow->is_released = true;
	flow_do_reset(flow, reason);
	flow_do_stop(flow, reason);
	return true;
}

static struct vif_flow *open_flow(struct vif_circuit *circuit,
				  const struct frame_header *frame)
{
	struct vif_trunk *trunk = circuit->trunk;
	enum vif_reason reason;
	struct vif_flow *flow;

	if (frame->id != circuit->next_remote) {
		fault(circuit, "a flow was opened with a wrong number");
		return NULL;
	}
	if (frame->id > UINT32_MAX - 2) {
		circuit_fault(circuit, VIF_REASON_LIMIT,
			      "the numbers of flows are used up");
		return NULL;
	}
	if (circuit->n_remote >= trunk->config.flows_max) {
		circuit_fault(circuit, VIF_REASON_LIMIT,
			      "more flows were opened than are allowed");
		return NULL;
	}
	if (flow_new(circuit, false, VIF_WEIGHT_DEFAULT, &flow) < 0) {
		circuit_end(circuit, VIF_REASON_MEMORY, "", true);
		return NULL;
	}
	flow->is_lane = frame->flags & FRAME_DATA_PACKET;
	flow->node.id = frame->id;
	id_table_add(&circuit->flow_table, &flow->node);
	circuit->next_remote += 2;
	flow_log(flow, "opened by them", 0);
	reason = refusal(circuit);
	if (reason == VIF_REASON_NONE && flow->is_lane && !window_of_lane(flow))
		reason = VIF_REASON_LIMIT;
	if (reason != VIF_REASON_NONE)
		return refuse(flow, reason) ? flow : NULL;
	event_flow(flow, VIF_FLOW_INCOMING);
	return flow;
}

/* The flow of a DATA frame; NULL when the circuit has ended. */
static struct vif_flow *flow_of_data(struct vif_circuit *circuit,
				     const struct frame_header *frame)
{
	struct vif_flow *flow = find(circuit, frame->id);

	if (frame->flags & FRAME_DATA_OPEN)
		return open_flow(circuit, frame);
	if (frame->flags & FRAME_DATA_PACKET)
		fault(circuit, "a flow became a lane");
	else if (!flow)
		fault(circuit, "data came for a flow that is not there");
	else
		return flow;
	return NULL;
}

/* Counts bytes of a flow; false when they were too many. */
static bool charge(struct vif_flow *flow, uint64_t n)
{
	struct vif_circuit *circuit = flow->circuit;

	if (credit_take(&flow->rx_credit, n) &&
	    credit_take(&circuit->rx_credit, n))
		return true;
	circuit_fault(circuit, VIF_REASON_CREDIT, "more came than was allowed");
	return false;
}

/* Puts payload into the queue, or throws it away; false when it has ended. */
static bool keep(struct vif_flow *flow, const struct incoming *in)
{
	struct vif_circuit *circuit = flow->circuit;
	struct vif_trunk *trunk = circuit->trunk;
	uint32_t len = in->header->len, before = flow->rx.len;
	int r;

	circuit->rx_held += len;
	trunk->rx_held += len;
	circuit->stats.rx_payload += len;
	trunk->stats.rx_payload += len;
	if (flow->rx_stopped) {
		window_consumed(flow, len);
		return true;
	}
	/* Most of a block is kept as it is, and little is copied. */
	if (len >= trunk->pool.large / 2)
		r = byte_queue_refer(&flow->rx, &trunk->pool, in->block,
				     in->offset, len);
	else
		r = byte_queue_append(&flow->rx, &trunk->pool, body_of(in),
				      len);
	if (r == 0)
		return true;
	/* A part of it may be in the queue. */
	len -= flow->rx.len - before;
	circuit->rx_held -= len;
	trunk->rx_held -= len;
	circuit_end(circuit, VIF_REASON_MEMORY, "", true);
	return false;
}

static bool is_allowed(struct vif_flow *flow, const struct incoming *in)
{
	const struct frame_header *frame = in->header;
	struct vif_circuit *circuit = flow->circuit;

	if (flow->rx_fin || flow->rx_reset)
		fault(circuit, "data came behind the end of a flow");
	else if (frame->value != flow->rx_credit.received)
		fault(circuit, "data came with a gap");
	else if (frame->len > 0 && !in->may_have_data)
		fault(circuit, "data came in a record that may have none");
	else
		return true;
	return false;
}

static void got_data(struct vif_circuit *circuit, const struct incoming *in)
{
	const struct frame_header *frame = in->header;
	struct vif_trunk *trunk = circuit->trunk;
	struct vif_flow *flow = flow_of_data(circuit, frame);

	if (!flow || !is_allowed(flow, in) || !charge(flow, frame->len) ||
	    !keep(flow, in))
		return;
	if (frame->flags & FRAME_DATA_FIN)
		flow->rx_fin = true;
	else if (frame->len == 0 && !(frame->flags & FRAME_DATA_OPEN) &&
		 !bucket_take(&circuit_buckets(circuit)->empties, trunk->now_ns,
			      1) &&
		 circuit_glitch(circuit))
		return;
	if (!flow->rx_stopped && (frame->len > 0 || flow->rx_fin))
		event_flow(flow, VIF_FLOW_READABLE);
	if (flow->rx_fin || flow->is_released)
		flow_settle(flow);
}

/*
 * CREDIT tells of something that was consumed, a byte at least, for its flow and
 * for the circuit; or of a window that was widened for a lane. And a flow is
 * stopped once. What is beyond that has cost nobody anything.
 */
static void check_earned(struct vif_circuit *circuit)
{
	uint64_t due = 2 * (circuit->stats.tx_payload + circuit->next_local +
			    circuit->next_remote);

	if (++circuit->n_credits > due &&
	    !bucket_take(&circuit_buckets(circuit)->empties,
			 circuit->trunk->now_ns, 1))
		(void)circuit_glitch(circuit);
}

static void got_credit(struct vif_circuit *circuit, const struct incoming *in)
{
	const struct frame_header *frame = in->header;
	struct vif_trunk *trunk = circuit->trunk;
	struct vif_flow *flow = find(circuit, frame->id);
	bool is_news;

	if (frame->id == 0) {
		is_news = credit_raise(&circuit->tx_credit, frame->value);
		window_unblocked(trunk, &circuit->blocked_since_ns,
				 &circuit->stats.blocked_ns);
		circuit_unblock(circuit);
	} else if (flow) {
		is_news = credit_raise(&flow->tx_credit, frame->value);
		flow_poke(flow);
	} else if (is_gone(circuit, frame->id)) {
		trunk->stats.late_frames++;
		is_news = true;
	} else {
		fault(circuit, "credit came for a flow that never was");
		return;
	}
	if (is_news)
		check_earned(circuit);
	else
		(void)circuit_glitch(circuit);
}

static void got_reset(struct vif_circuit *circuit, const struct incoming *in)
{
	const struct frame_header *frame = in->header;
	struct vif_trunk *trunk = circuit->trunk;
	struct vif_flow *flow = find(circuit, frame->id);
	uint64_t missing;

	if (!flow || flow->rx_fin || flow->rx_reset) {
		fault(circuit, "a flow was reset that had ended");
		return;
	}
	if (frame->value < flow->rx_credit.received) {
		fault(circuit, "a flow ended before what had come");
		return;
	}
	/* What will not come counts as if it had, and is consumed. */
	missing = frame->value - flow->rx_credit.received;
	if (!charge(flow, missing))
		return;
	if (!bucket_take(&circuit_buckets(circuit)->resets, trunk->now_ns, 1)) {
		circuit_flood(circuit, "too many flows were reset");
		return;
	}
	flow->rx_reset = true;
	flow->rx_code = get_be32(body_of(in));
	flow_log(flow, "reset by them", flow->rx_code);
	flow_drop_received(flow);
	window_consumed(flow, 0); /* what is missing was charged, too */
	event_flow(flow, VIF_FLOW_CLOSED);
	flow_settle(flow);
}

static void got_stop(struct vif_circuit *circuit, const struct incoming *in)
{
	struct vif_trunk *trunk = circuit->trunk;
	uint32_t id = in->header->id;
	struct vif_flow *flow = find(circuit, id);

	if (!flow && !is_gone(circuit, id)) {
		fault(circuit, "a flow was stopped that never was");
		return;
	}
	if (!flow)
		trunk->stats.late_frames++;
	if (!flow || flow->tx_ended || flow->tx_reset) {
		check_earned(circuit);
		return;
	}
	if (!bucket_take(&circuit_buckets(circuit)->own_resets, trunk->now_ns,
			 1)) {
		circuit_flood(circuit, "too many flows were stopped");
		return;
	}
	flow_do_reset(flow, get_be32(body_of(in)));
	event_flow(flow, VIF_FLOW_CLOSED);
}

static void got_close(struct vif_circuit *circuit, const struct incoming *in)
{
	circuit_got_close(circuit, body_of(in), in->header->len);
}

static void got_rekey(struct vif_circuit *circuit, const struct incoming *in)
{
	struct vif_trunk *trunk = circuit->trunk;

	if (circuit->mode != VIF_CIRCUIT_SEALED ||
	    in->header->value != circuit->rx_seal.n_key + 1) {
		fault(circuit, "a key was changed out of turn");
		return;
	}
	if (!bucket_take(&circuit->rekeys, trunk->now_ns, 1)) {
		circuit_flood(circuit, "keys were changed too often");
		return;
	}
	circuit->stats.rekeys++;
	if (seal_rekey(&circuit->rx_seal, trunk->now_ns) < 0)
		circuit_end(circuit, VIF_REASON_MEMORY, "", true);
}

static void got_pad(struct vif_circuit *circuit, const struct incoming *in)
{
	struct vif_trunk *trunk = circuit->trunk;

	if (!frame_is_blank(in->header, body_of(in)))
		fault(circuit, "padding came that is not zeros");
	else if (!bucket_take(&circuit_buckets(circuit)->padding, trunk->now_ns,
			      FRAME_HEADER_LEN + in->header->len))
		(void)circuit_glitch(circuit);
}

static const struct {
	void (*got)(struct vif_circuit *circuit, const struct incoming *in);
	struct frame_form form;
} frames[] = {
	[FRAME_DATA] = { got_data,
			 { 0, UINT16_MAX, FRAME_HAS_ID | FRAME_HAS_VALUE,
			   FRAME_DATA_FLAGS } },
	[FRAME_CREDIT] = { got_credit,
			   { 0, 0, FRAME_HAS_ID | FRAME_HAS_VALUE, 0 } },
	[FRAME_RESET] = { got_reset,
			  { 4, 4, FRAME_HAS_ID | FRAME_HAS_VALUE, 0 } },
	[FRAME_STOP] = { got_stop, { 4, 4, FRAME_HAS_ID, 0 } },
	[FRAME_CLOSE] = { got_close, { 4, 4 + VIF_TRUNK_TEXT_MAX, 0, 0 } },
	[FRAME_REKEY] = { got_rekey, { 0, 0, FRAME_HAS_VALUE, 0 } },
	[FRAME_PAD] = { got_pad, { 0, UINT16_MAX, 0, 0 } },
};

static bool skip(struct vif_circuit *circuit)
{
	struct vif_trunk *trunk = circuit->trunk;

	trunk->stats.skipped_frames++;
	return bucket_take(&circuit_buckets(circuit)->skips, trunk->now_ns,
			   1) ||
	       !circuit_glitch(circuit);
}

bool stream_receive(struct vif_circuit *circuit,
		    const struct frame_header *frame, struct block *block,
		    uint32_t offset, bool may_have_data)
{
	struct incoming in = { frame, block, offset, may_have_data };

	if (frame->type >= FRAME_SKIPPABLE)
		return skip(circuit);
	if (frame->type >= ARRAY_LEN(frames) || !frames[frame->type].got)
		fault(circuit, "a frame came that nobody knows");
	else if (!frame_fits(&frames[frame->type].form, frame))
		fault(circuit, "a frame came that makes no sense");
	else
		frames[frame->type].got(circuit, &in);
	return circuit_receives(circuit);
}
