/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Life of a flow, and what a program does with its bytes.
 *
 * A flow is forgotten when both directions have ended and the program has let
 * it go; until then late frames find it, and count.
 */
#include "trunk/core.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/config.h"

int flow_new(struct vif_circuit *circuit, bool is_local, uint32_t weight,
	     struct vif_flow **ret_flow)
{
	struct vif_trunk *trunk = circuit->trunk;
	struct vif_flow *flow = calloc(1, sizeof(*flow));

	if (!flow)
		return -ENOMEM;
	flow->circuit = circuit;
	flow->is_local = is_local;
	flow->is_told = is_local;
	flow->log_level = circuit->log_level & 3u;
	list_init(&flow->control);
	list_init(&flow->event);
	round_member_init(&flow->turn, weight);
	flow->tx_credit.limit = circuit->peer_flow_window;
	flow->rx_credit = (struct credit_rx){
		.limit = trunk->config.flow_window,
		.window = trunk->config.flow_window,
		.window_max = trunk->config.flow_window_max,
		.epoch_ns = trunk->now_ns,
	};
	list_append(&circuit->flows, &flow->all);
	if (circuit->state == CIRCUIT_OPEN)
		timer_circuit_idle(circuit); /* which it is not any more */
	*(is_local ? &circuit->n_local : &circuit->n_remote) += 1;
	if (!is_local) {
		circuit->n_untold++;
		trunk->n_remote_flows++;
	}
	trunk->n_flows++;
	*ret_flow = flow;
	return 0;
}

void flow_log(const struct vif_flow *flow, const char *what, uint32_t code)
{
	trunk_log(flow->circuit->trunk, (enum vif_log_level)flow->log_level,
		  VIF_LOG_DEBUG, "circuit %u: flow %u: %s%s%s",
		  flow->circuit->node.id, flow->node.id, what, code ? ": " : "",
		  code ? vif_reason_name(code) : "");
}

/* Throws away what was received, and tells that it is done with. */
void flow_drop_received(struct vif_flow *flow)
{
	uint32_t len = flow->rx.len;

	byte_queue_clear(&flow->rx, &flow->circuit->trunk->pool);
	if (len > 0)
		window_consumed(flow, len);
}

static void drop_tx(struct vif_flow *flow)
{
	struct vif_circuit *circuit = flow->circuit;

	circuit->tx_held -= flow->tx.len;
	circuit->trunk->tx_held -= flow->tx.len;
	byte_queue_clear(&flow->tx, &circuit->trunk->pool);
	flow->is_blocked = false;
	flow->is_lent = false;
	round_leave(&flow->turn);
	if (flow->packet_left > 0) { /* which others may have now */
		circuit->tx_reserved -= flow->packet_left;
		flow->packet_left = 0;
		circuit_unblock(circuit);
	}
	flow->wants_room = false;
	room_came(circuit);
}

static bool is_announced(const struct vif_flow *flow)
{
	return flow->node.id != 0;
}

void flow_heard(struct vif_flow *flow)
{
	struct vif_trunk *trunk = flow->circuit->trunk;
	bool is_unheard = !is_announced(flow) && !flow->has_left &&
			  (flow->tx.len > 0 || flow->wants_fin);

	if (flow->is_unheard == is_unheard)
		return;
	flow->is_unheard = is_unheard;
	if (is_unheard)
		trunk->n_unheard++;
	else
		trunk->n_unheard--;
}

/* Whether no frame will come or go for it any more. */
static bool is_over(const struct vif_flow *flow)
{
	if (flow->is_dead)
		return true;
	if (!is_announced(flow))
		return flow->tx_reset ||
		       (flow->is_released && flow->tx.len == 0 &&
			!flow->wants_fin);
	return (flow->rx_fin || flow->rx_reset) && flow->tx_ended;
}

/* Nobody needs it in the tables any more; the program may still have it. */
static void leave_circuit(struct vif_flow *flow)
{
	struct vif_circuit *circuit = flow->circuit;
	struct vif_trunk *trunk = circuit->trunk;

	if (is_announced(flow))
		id_table_remove(&circuit->flow_table, &flow->node);
	*(flow->is_local ? &circuit->n_local : &circuit->n_remote) -= 1;
	if (!flow->is_local)
		trunk->n_remote_flows--;
	list_remove(&flow->control);
	round_leave(&flow->turn);
	trunk->n_flows--;
}

static void free_flow(struct vif_flow *flow)
{
	struct vif_circuit *circuit = flow->circuit;

	flow_drop_received(flow);
	drop_tx(flow);
	if (!flow->is_told)
		circuit->n_untold--;
	room_leave(flow);
	list_remove(&flow->event);
	list_remove(&flow->all);
	free(flow);
	circuit_settle(circuit);
}

void flow_settle(struct vif_flow *flow)
{
	if (!flow->has_left && is_over(flow)) {
		flow_log(flow, "over", vif_flow_reason(flow));
		flow->has_left = true;
		leave_circuit(flow);
		flow_heard(flow);
	}
	if (flow->has_left && flow->is_released)
		free_flow(flow);
	else if (flow->has_left)
		circuit_settle(flow->circuit);
}

void flow_end(struct vif_flow *flow, uint32_t reason)
{
	bool was_over = flow->has_left;

	drop_tx(flow);
	flow->is_dead = true;
	/* A program that did not want the circuit never gets its flows. */
	if (!flow->is_told && flow->circuit->is_refused)
		flow->is_released = true;
	if (!flow->rx_fin && !flow->rx_reset)
		flow->rx_code = reason;
	if (!was_over)
		event_flow(flow, VIF_FLOW_CLOSED);
	flow_settle(flow);
}

void flow_want(struct vif_flow *flow)
{
	struct vif_circuit *circuit = flow->circuit;

	if (flow->is_dead)
		return;
	list_want(&circuit->flow_control, &flow->control);
	circuit_poke(circuit);
}

void flow_poke(struct vif_flow *flow)
{
	struct vif_circuit *circuit = flow->circuit;

	if (flow->is_blocked)
		list_remove(&flow->turn.link);
	flow->is_blocked = false;
	if (flow->tx.len == 0 || flow->is_dead || flow->tx_ended)
		return;
	round_join(&circuit->round, &flow->turn);
	circuit_poke(circuit);
}

void flow_do_reset(struct vif_flow *flow, uint32_t code)
{
	drop_tx(flow);
	flow->tx_reset = true;
	flow->tx_code = code;
	flow->wants_fin = false;
	flow_heard(flow);
	if (is_announced(flow)) {
		flow->wants_reset = true;
		flow_want(flow);
	} else { /* nobody will ever hear of it, nor answer */
		flow->rx_reset = true;
		flow->rx_code = code;
		event_flow(flow, VIF_FLOW_CLOSED);
	}
}

void flow_do_stop(struct vif_flow *flow, uint32_t code)
{
	flow->rx_stopped = true;
	flow->stop_code = code;
	flow_drop_received(flow);
	if (is_announced(flow) && !flow->rx_fin && !flow->rx_reset) {
		flow->wants_stop = true;
		flow_want(flow);
	}
}

void flow_sent(struct vif_flow *flow, uint32_t len)
{
	struct vif_circuit *circuit = flow->circuit;
	struct vif_trunk *trunk = circuit->trunk;

	byte_queue_consume(&flow->tx, &trunk->pool, len);
	flow->is_lent = false; /* it may be gone with what was in front of it */
	flow->tx_credit.sent += len;
	circuit->tx_credit.sent += len;
	circuit->tx_held -= len;
	trunk->tx_held -= len;
	circuit->stats.tx_payload += len;
	trunk->stats.tx_payload += len;
	if (flow->is_lane) {
		flow->packet_left -= len;
		circuit->tx_reserved -= len;
	}
	if (circuit->tx_held == 0) /* it may be time for CLOSE */
		circuit_poke(circuit);
	room_came_of(flow);
	room_came(circuit);
}

static bool is_ours(const struct vif_flow *flow)
{
	return trunk_is_ours(flow->circuit->trunk);
}

void flow_wrote(struct vif_flow *flow, uint32_t len)
{
	flow->is_lent = false;
	flow->circuit->tx_held += len;
	flow->circuit->trunk->tx_held += len;
	flow_heard(flow);
	flow_poke(flow);
}

int flow_may_write(const struct vif_flow *flow, bool is_lane)
{
	if (!is_ours(flow))
		return -EOWNERDEAD;
	if (flow->is_lane != is_lane)
		return -EPROTOTYPE;
	if (flow->is_dead)
		return -ECONNRESET;
	if (flow->tx_finished || flow->tx_reset || flow->circuit->is_evicted)
		return -EPIPE;
	return 0;
}

int flow_may_read(const struct vif_flow *flow, bool is_lane)
{
	if (!is_ours(flow))
		return -EOWNERDEAD;
	if (flow->is_lane != is_lane)
		return -EPROTOTYPE;
	if (flow->rx_stopped)
		return -EPIPE;
	if (flow->rx_reset)
		return -ECONNRESET;
	if (flow->rx.len > 0)
		return 1;
	if (flow->rx_fin)
		return -ENODATA;
	return flow->is_dead ? -ECONNRESET : 0;
}

int vif_flow_open(struct vif_circuit *circuit,
		  const struct vif_flow_config *config,
		  struct vif_flow **ret_flow)
{
	struct vif_flow_config ours;
	struct vif_flow *flow;
	int r = config_take(config, sizeof(ours), &ours, NULL);

	if (r < 0)
		return r;
	if (ours.weight > VIF_WEIGHT_MAX)
		return -EINVAL;
	r = trunk_may_open(circuit->trunk);
	if (r < 0)
		return r;
	if (circuit->state == CIRCUIT_CLOSED)
		return -ECONNABORTED;
	if (circuit->wants_close || circuit->state == CIRCUIT_CLOSING)
		return -ESHUTDOWN;
	if (circuit->n_local >= circuit->flows_max)
		return -EAGAIN;
	/* Those that have no number yet will take one each. */
	if ((UINT32_MAX - circuit->next_local) / 2 <= circuit->n_local)
		return -EOVERFLOW;
	r = flow_new(circuit, true,
		     ours.weight ? ours.weight : VIF_WEIGHT_DEFAULT, &flow);
	if (r < 0)
		return r;
	flow->is_lane = ours.packets;
	flow->user = ours.user;
	if (flow->is_lane && !window_of_lane(flow)) {
		vif_flow_close(flow);
		return -ENOBUFS;
	}
	*ret_flow = flow;
	return 0;
}

int64_t vif_flow_write(struct vif_flow *flow, const void *bytes, size_t len)
{
	uint32_t room = flow_room(flow);
	int r = flow_may_write(flow, false);

	if (r < 0)
		return r;
	if (len > room) {
		room_wanted(flow, 1);
		len = room;
	}
	if (len == 0)
		return 0;
	r = byte_queue_append(&flow->tx, &flow->circuit->trunk->pool, bytes,
			      (uint32_t)len);
	if (r < 0)
		return flow_give_up(flow, r);
	flow_wrote(flow, (uint32_t)len);
	return (int64_t)len;
}

/* Half a write is in the queue, and cannot be taken out again. */
int flow_give_up(struct vif_flow *flow, int error)
{
	struct vif_circuit *circuit = flow->circuit;
	uint64_t held = 0;
	struct list *link, *after;

	list_foreach(&circuit->flows, link, after)
		held += container_of(link, struct vif_flow, all)->tx.len;
	circuit->trunk->tx_held += held - circuit->tx_held;
	circuit->tx_held = held;
	flow_do_reset(flow, VIF_REASON_MEMORY);
	return error;
}

int vif_flow_reserve(struct vif_flow *flow, void **ret_bytes, size_t *ret_len)
{
	uint32_t room = flow_room(flow), got;
	uint8_t *bytes;
	int r = flow_may_write(flow, false);

	if (r < 0)
		return r;
	if (room == 0) {
		room_wanted(flow, 1);
		return 0;
	}
	got = byte_queue_reserve(&flow->tx, &flow->circuit->trunk->pool, room,
				 &bytes);
	if (got == 0)
		return -ENOMEM;
	*ret_bytes = bytes;
	*ret_len = got < room ? got : room;
	flow->is_lent = true;
	return 1;
}

int vif_flow_commit(struct vif_flow *flow, size_t len)
{
	uint8_t *bytes;
	int r = flow_may_write(flow, false);

	if (r < 0)
		return r;
	/* The room is still the one that was lent. */
	if (!flow->is_lent || len > flow_room(flow) ||
	    len > byte_queue_reserve(&flow->tx, &flow->circuit->trunk->pool, 0,
				     &bytes))
		return -EINVAL;
	byte_queue_commit(&flow->tx, (uint32_t)len);
	flow_wrote(flow, (uint32_t)len);
	return 0;
}

int vif_flow_finish(struct vif_flow *flow)
{
	int r = flow_may_write(flow, flow->is_lane);

	if (r < 0)
		return r;
	flow->tx_finished = true;
	if (flow->tx.len == 0) {
		flow->wants_fin = true;
		flow_heard(flow);
		flow_want(flow);
	}
	return 0;
}

int vif_flow_reset(struct vif_flow *flow, uint32_t code)
{
	if (!is_ours(flow))
		return -EOWNERDEAD;
	if (flow->is_dead)
		return -ECONNRESET;
	if (flow->tx_ended || flow->tx_reset)
		return -EPIPE;
	flow_do_reset(flow, code);
	flow_settle(flow);
	return 0;
}

int vif_flow_stop(struct vif_flow *flow, uint32_t code)
{
	if (!is_ours(flow))
		return -EOWNERDEAD;
	if (flow->is_dead)
		return -ECONNRESET;
	if (flow->rx_stopped)
		return -EPIPE;
	flow_do_stop(flow, code);
	return 0;
}

int64_t vif_flow_read(struct vif_flow *flow, void *bytes, size_t size)
{
	uint32_t n = size < UINT32_MAX ? (uint32_t)size : UINT32_MAX;
	int r = flow_may_read(flow, false);

	if (r <= 0)
		return r;
	n = byte_queue_copy(&flow->rx, bytes, n);
	byte_queue_consume(&flow->rx, &flow->circuit->trunk->pool, n);
	window_consumed(flow, n);
	return n;
}

int vif_flow_peek(const struct vif_flow *flow, struct iovec *piece,
		  unsigned int n)
{
	int r = flow_may_read(flow, false);

	return r <= 0 ? r : (int)byte_queue_peek(&flow->rx, piece, n);
}

int vif_flow_consume(struct vif_flow *flow, size_t len)
{
	if (!is_ours(flow))
		return -EOWNERDEAD;
	if (len > flow->rx.len || flow->is_lane)
		return -EINVAL;
	byte_queue_consume(&flow->rx, &flow->circuit->trunk->pool,
			   (uint32_t)len);
	window_consumed(flow, (uint32_t)len);
	return 0;
}

void vif_flow_close(struct vif_flow *flow)
{
	if (!flow)
		return;
	flow->is_released = true;
	flow->events = 0;
	list_remove(&flow->event);
	if (!flow->is_dead) {
		/* What was never announced nobody has to hear of. */
		if (!flow->tx_finished && !flow->tx_reset &&
		    (is_announced(flow) || flow->tx.len > 0))
			(void)vif_flow_finish(flow);
		if (!flow->rx_stopped)
			flow_do_stop(flow, VIF_REASON_CLOSED);
	}
	flow_settle(flow);
}

int vif_flow_set_weight(struct vif_flow *flow, uint32_t weight)
{
	if (weight == 0 || weight > VIF_WEIGHT_MAX)
		return -EINVAL;
	flow->turn.weight = (uint16_t)weight;
	return 0;
}

void vif_flow_set_low_water(struct vif_flow *flow, uint32_t bytes)
{
	uint32_t max = flow->circuit->trunk->config.flow_send_max;

	flow->low_water = bytes < max ? bytes : max;
	room_needed(flow);
}

void vif_flow_set_log_level(struct vif_flow *flow, enum vif_log_level level)
{
	flow->log_level = level & 3u;
}

uint32_t vif_flow_reason(const struct vif_flow *flow)
{
	if (flow->rx_code)
		return flow->rx_code;
	return flow->tx_reset ? flow->tx_code : 0;
}

bool vif_flow_is_lane(const struct vif_flow *flow)
{
	return flow->is_lane;
}

uint32_t vif_flow_id(const struct vif_flow *flow)
{
	return flow->node.id;
}

void vif_flow_stats(const struct vif_flow *flow,
		    struct vif_flow_stats *ret_stats)
{
	*ret_stats = (struct vif_flow_stats){
		.rx_payload = flow->rx_credit.received,
		.tx_payload = flow->tx_credit.sent,
		.rx_limit = flow->rx_credit.limit,
		.tx_limit = flow->tx_credit.limit,
		.rx_window = flow->rx_credit.window,
		.rx_held = flow->rx.len,
		.tx_held = flow->tx.len,
	};
}

void vif_flow_set_user(struct vif_flow *flow, void *user)
{
	flow->user = user;
}

void *vif_flow_user(const struct vif_flow *flow)
{
	return flow->user;
}
