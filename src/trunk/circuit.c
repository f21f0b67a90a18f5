/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Life of a circuit.
 *
 *	waiting -> opening -> open -> closing -> closed     dialled
 *	        confirming -> open -> closing -> closed     accepted
 *
 * A circuit that has ended is kept while its SHUT waits to be sent, while the
 * program has it, and while it has flows. It is never freed by what ends it,
 * but buried, and reaped when nobody is in the middle of anything.
 */
#include "trunk/core.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/config.h"
#include "trunk/relay.h"
#include "trunk/set/set.h"

int circuit_new(struct vif_trunk *trunk, bool is_local,
		struct vif_circuit **ret_circuit)
{
	struct vif_circuit *circuit = calloc(1, sizeof(*circuit));

	if (!circuit || id_table_init(&circuit->flow_table) < 0) {
		free(circuit);
		return -ENOMEM;
	}
	circuit->trunk = trunk;
	circuit->is_local = is_local;
	circuit->is_told = is_local;
	circuit->is_listening = true;
	circuit->log_level = trunk->config.log_level;
	circuit->deadline_ns = UINT64_MAX;
	circuit->record_max = trunk->record_max;
	circuit->next_local = is_local ? 1 : 2;
	circuit->next_remote = is_local ? 2 : 1;
	list_init(&circuit->control);
	list_init(&circuit->urgent);
	list_init(&circuit->event);
	list_init(&circuit->flows);
	list_init(&circuit->flow_control);
	list_init(&circuit->blocked);
	list_init(&circuit->line);
	list_init(&circuit->roomier);
	circuit->line_passed = &circuit->flows;
	circuit->line_end = &circuit->flows;
	round_member_init(&circuit->turn, VIF_WEIGHT_DEFAULT);
	round_init(&circuit->round, CORE_FLOW_QUANTUM);
	trunk_init_buckets(&circuit->bucket, trunk->now_ns);
	list_append(&trunk->circuits, &circuit->all);
	trunk->n_circuits++;
	trunk->n_dialling++;
	if (!is_local)
		trunk->n_remote++;
	trunk->ever_had_circuit = true;
	*ret_circuit = circuit;
	return 0;
}

static bool is_dialling(const struct vif_circuit *circuit)
{
	return circuit->state == CIRCUIT_WAITING ||
	       circuit->state == CIRCUIT_OPENING;
}

void circuit_enter(struct vif_circuit *circuit, enum circuit_state state)
{
	if (is_dialling(circuit))
		circuit->trunk->n_dialling--;
	circuit->state = state;
	if (is_dialling(circuit))
		circuit->trunk->n_dialling++;
}

struct buckets *circuit_buckets(struct vif_circuit *circuit)
{
	return circuit->mode == VIF_CIRCUIT_SEALED ? &circuit->bucket :
						     &circuit->trunk->bucket;
}

void circuit_flood(struct vif_circuit *circuit, const char *text)
{
	if (circuit->mode == VIF_CIRCUIT_SEALED)
		circuit_fault(circuit, VIF_REASON_FLOOD, text);
	else
		(void)trunk_end(circuit->trunk, VIF_REASON_FLOOD, true, "%s",
				text);
}

bool circuit_glitch(struct vif_circuit *circuit)
{
	struct vif_trunk *trunk = circuit->trunk;

	trunk->stats.glitches++;
	if (bucket_take(&circuit_buckets(circuit)->glitches, trunk->now_ns, 1))
		return false;
	circuit_flood(circuit, "too much that makes no sense");
	return true;
}

bool circuit_may_open(struct vif_trunk *trunk)
{
	/* Before there is a Hello nobody knows: trunk_session_moved() counts. */
	if (trunk->state == TRUNK_HANDSHAKE)
		return true;
	return trunk->n_circuits - trunk->n_remote < trunk->circuits_max &&
	       bucket_take(&trunk->opens, trunk->now_ns, 1);
}

struct vif_circuit *circuit_find(const struct vif_trunk *trunk, uint32_t id)
{
	struct id_node *node = id_table_find(&trunk->circuit_table, id);

	return node ? container_of(node, struct vif_circuit, node) : NULL;
}

enum circuit_hop_bits {
	HOP_LIMIT_BITS = 48,
};

uint64_t circuit_hop(const struct vif_circuit *circuit)
{
	uint32_t window = circuit->trunk->config.hop_window;
	/* Relays pass on whole records, so two of them have to fit. */
	uint64_t max = window / 2 - RECORD_TAG_LEN;

	if (max > circuit->record_max)
		max = circuit->record_max;
	return max << HOP_LIMIT_BITS | circuit->hop_rx.limit;
}

bool circuit_got_hop(struct vif_circuit *circuit, uint64_t value)
{
	uint32_t record_max = (uint32_t)(value >> HOP_LIMIT_BITS);

	if (record_max < VIF_TRUNK_RECORD_MIN)
		return false;
	if (record_max < circuit->record_max)
		circuit->record_max = record_max;
	circuit->hop_tx.limit = value & ((UINT64_C(1) << HOP_LIMIT_BITS) - 1);
	return true;
}

bool circuit_receives(const struct vif_circuit *circuit)
{
	return circuit->state == CIRCUIT_OPEN ||
	       circuit->state == CIRCUIT_CLOSING;
}

void circuit_want(struct vif_circuit *circuit, enum circuit_wants what)
{
	circuit->wants |= (uint8_t)what;
	list_want(&circuit->trunk->circuit_control, &circuit->control);
}

bool circuit_has_small(const struct vif_circuit *circuit)
{
	return !list_is_empty(&circuit->flow_control) ||
	       circuit->wants_credit || circuit->wants_rekey ||
	       circuit_can_close(circuit);
}

bool circuit_can_close(const struct vif_circuit *circuit)
{
	return circuit->wants_close && circuit->tx_held == 0 &&
	       list_is_empty(&circuit->flow_control) && !circuit->wants_credit;
}

void circuit_poke(struct vif_circuit *circuit)
{
	struct vif_trunk *trunk = circuit->trunk;

	if (circuit->state != CIRCUIT_OPEN)
		return;
	if (circuit_has_small(circuit))
		list_want(&trunk->urgent, &circuit->urgent);
	if (!list_is_empty(&circuit->round.members))
		round_join(&trunk->round, &circuit->turn);
}

void circuit_unblock(struct vif_circuit *circuit)
{
	struct list *first;

	if (circuit->state == CIRCUIT_RELAYED)
		relay_poke(circuit);
	while ((first = list_first(&circuit->blocked)))
		flow_poke(container_of(first, struct vif_flow, turn.link));
	circuit_poke(circuit);
}

/* The number is free for nothing, but nobody looks for it any more. */
void circuit_forget(struct vif_circuit *circuit)
{
	struct vif_trunk *trunk = circuit->trunk;

	if (circuit->has_left)
		return;
	circuit->has_left = true;
	if (circuit->node.id)
		id_table_remove(&trunk->circuit_table, &circuit->node);
	list_remove(&circuit->control);
	list_remove(&circuit->urgent);
	round_leave(&circuit->turn);
	trunk->n_circuits--;
	if (!circuit->is_local)
		trunk->n_remote--;
	if (trunk->n_circuits == 0)
		trunk->idle_since_ns = trunk->now_ns;
	circuit_settle(circuit);
	trunk_settle(trunk);
	if (trunk->n_circuits == 0)
		set_trunk_empty(trunk);
}

/* Nothing of it is needed any more: bury it. */
static bool is_needed(const struct vif_circuit *circuit)
{
	return !circuit->has_left || circuit->is_told || circuit->events ||
	       !list_is_empty(&circuit->flows);
}

void circuit_settle(struct vif_circuit *circuit)
{
	struct vif_trunk *trunk = circuit->trunk;

	if (list_is_empty(&circuit->flows) && circuit->state == CIRCUIT_OPEN)
		timer_circuit_idle(circuit);
	if (circuit->state != CIRCUIT_CLOSED) {
		circuit_poke(circuit);
		trunk_settle(trunk);
		return;
	}
	if (is_needed(circuit) || circuit->is_buried)
		return;
	circuit->is_buried = true;
	list_remove(&circuit->all);
	list_append(&trunk->graves, &circuit->all);
}

void circuit_reap(struct vif_trunk *trunk)
{
	struct list *link;

	while ((link = list_first(&trunk->graves))) {
		struct vif_circuit *circuit =
			container_of(link, struct vif_circuit, all);

		list_remove(link);
		id_table_fini(&circuit->flow_table);
		free(circuit);
	}
}

static void end_flows(struct vif_circuit *circuit, uint32_t reason)
{
	struct list *link, *after;

	list_foreach(&circuit->flows, link, after)
		flow_end(container_of(link, struct vif_flow, all), reason);
}

static void fini_secrets(struct vif_circuit *circuit)
{
	dial_free(circuit);
	seal_fini(&circuit->tx_seal);
	seal_fini(&circuit->rx_seal);
	noise_wipe(circuit->exporter, sizeof(circuit->exporter));
	circuit->has_exporter = false;
}

void circuit_end(struct vif_circuit *circuit, uint32_t reason, const char *text,
		 bool shut)
{
	struct vif_trunk *trunk = circuit->trunk;
	bool was_relayed = circuit->state == CIRCUIT_RELAYED;

	if (circuit->state == CIRCUIT_CLOSED)
		return;
	if (circuit->state == CIRCUIT_CONFIRMING)
		trunk->n_handshakes--;
	circuit_leave_place(circuit);
	ending_set(&circuit->ending, reason, text, strlen(text));
	trunk_log(trunk, circuit->log_level, VIF_LOG_INFO,
		  "circuit %u: ended: %s%s%s", circuit->node.id,
		  vif_reason_name(circuit->ending.reason),
		  circuit->ending.text[0] ? ": " : "", circuit->ending.text);
	circuit_enter(circuit, CIRCUIT_CLOSED);
	circuit->deadline_ns = UINT64_MAX;
	list_remove(&circuit->urgent);
	round_leave(&circuit->turn);
	window_close(circuit);
	circuit->wants = 0;
	end_flows(circuit, circuit->ending.reason);
	fini_secrets(circuit);
	if (was_relayed)
		relay_half_ended(circuit, reason == VIF_REASON_NONE);
	event_circuit(circuit, VIF_CIRCUIT_CLOSED);
	if (shut && circuit->node.id && trunk->state != TRUNK_ENDED)
		circuit_want(circuit, WANTS_SHUT);
	else
		circuit_forget(circuit);
	circuit_settle(circuit);
}

void circuit_fault(struct vif_circuit *circuit, uint32_t reason,
		   const char *text)
{
	trunk_log(circuit->trunk, circuit->log_level, VIF_LOG_ERROR,
		  "circuit %u: %s", circuit->node.id, text);
	circuit_end(circuit, reason, text, true);
}

/*
 * The other end is done, and everything it has sent is here. What we still had
 * to send nobody takes.
 */
void circuit_got_close(struct vif_circuit *circuit, const uint8_t *body,
		       size_t len)
{
	struct ending ending;

	ending_get(&ending, body, len);
	circuit->shuts_clean = true;
	circuit_end(circuit, ending.reason, ending.text, true);
}

/* A program knows that it has closed a circuit, but not why we have. */
static uint32_t own_reason(const struct vif_circuit *circuit)
{
	return circuit->closing.reason == VIF_REASON_IDLE ||
			       circuit->closing.reason == VIF_REASON_MEMORY ?
		       circuit->closing.reason :
		       VIF_REASON_NONE;
}

void circuit_got_shut(struct vif_circuit *circuit, const uint8_t *body,
		      size_t len)
{
	struct ending ending;

	ending_get(&ending, body, len);
	/* Nothing but the answer to our CLOSE is a regular end. */
	if ((circuit->state == CIRCUIT_CLOSING ||
	     circuit->state == CIRCUIT_RELAYED) &&
	    ending.reason == 0)
		circuit_end(circuit, own_reason(circuit), "", false);
	else if (circuit->state == CIRCUIT_CLOSED)
		circuit_forget(circuit);
	else
		circuit_end(circuit,
			    ending.reason ? ending.reason :
					    VIF_REASON_TRUNCATED,
			    ending.text, false);
}

void circuit_number(struct vif_circuit *circuit)
{
	struct vif_trunk *trunk = circuit->trunk;

	circuit->node.id = trunk->next_local;
	id_table_add(&trunk->circuit_table, &circuit->node);
	trunk->next_local += 2;
}

void circuit_take_place(struct vif_circuit *circuit)
{
	assert(circuit->is_local && !circuit->has_place);
	circuit->has_place = true;
	circuit->trunk->n_opening++;
}

void circuit_leave_place(struct vif_circuit *circuit)
{
	if (circuit->has_place)
		circuit->trunk->n_opening--;
	circuit->has_place = false;
}

void circuit_start(struct vif_circuit *circuit)
{
	struct vif_trunk *trunk = circuit->trunk;
	int r;

	circuit->record_max = trunk->record_max;
	r = dial_start(circuit);
	if (r < 0)
		circuit_end(circuit,
			    r == -ENOMEM ? VIF_REASON_MEMORY :
					   VIF_REASON_HANDSHAKE,
			    "its handshake could not begin", false);
	else
		circuit_take_place(circuit);
}

/*
 * Opened before anybody knew how many there may be, and too many. Those at the
 * end of the list go: mostly the youngest, but who waits for room stands in
 * front, and who has waited at the end. Nobody is promised an order.
 */
static void drop_early_flows(struct vif_circuit *circuit)
{
	struct list *link, *before;

	for (link = circuit->flows.prev; circuit->n_local > circuit->flows_max;
	     link = before) {
		struct vif_flow *flow =
			container_of(link, struct vif_flow, all);

		before = link->prev;
		if (flow->has_left) /* but the program has it */
			continue;
		flow_do_reset(flow, VIF_REASON_LIMIT);
		event_flow(flow, VIF_FLOW_CLOSED);
		flow_settle(flow);
	}
}

void circuit_became_open(struct vif_circuit *circuit)
{
	struct vif_trunk *trunk = circuit->trunk;
	struct list *link, *after;

	if (circuit->state == CIRCUIT_CONFIRMING)
		trunk->n_handshakes--;
	circuit_leave_place(circuit); /* CONFIRM is in front of the next OPEN */
	circuit_enter(circuit, CIRCUIT_OPEN);
	circuit->deadline_ns = UINT64_MAX;
	if (!(circuit->wants & WANTS_CONFIRM)) /* which is in there */
		dial_free(circuit);
	drop_early_flows(circuit);
	list_foreach(&circuit->flows, link, after) {
		struct vif_flow *flow =
			container_of(link, struct vif_flow, all);

		flow->tx_credit.limit = circuit->peer_flow_window;
		flow_poke(flow);
	}
	timer_circuit_idle(circuit);
	trunk_log(trunk, circuit->log_level, VIF_LOG_INFO, "circuit %u: open",
		  circuit->node.id);
	event_circuit(circuit, circuit->is_local ? VIF_CIRCUIT_READY :
						   VIF_CIRCUIT_INCOMING);
	circuit_poke(circuit);
	trunk_settle(trunk); /* a drain may have waited for it */
}

static bool is_service(const char *name)
{
	size_t len = name ? strlen(name) : 0;

	return len <= VIF_CIRCUIT_SERVICE_MAX &&
	       (!name || text_is_clean((const uint8_t *)name, len));
}

static int take_config(struct vif_trunk *trunk,
		       const struct vif_circuit_config *config,
		       struct vif_circuit_config *ret_config)
{
	int r = config_take(config, sizeof(*ret_config), ret_config, NULL);

	if (r < 0)
		return r;
	if (!ret_config->mode)
		ret_config->mode = VIF_CIRCUIT_DERIVED;
	if (!ret_config->weight)
		ret_config->weight = VIF_WEIGHT_DEFAULT;
	if (ret_config->mode > VIF_CIRCUIT_SEALED ||
	    ret_config->weight > VIF_WEIGHT_MAX ||
	    (ret_config->identity && ret_config->mode == VIF_CIRCUIT_DERIVED) ||
	    !is_service(ret_config->service))
		return -EINVAL;
	if (ret_config->mode != VIF_CIRCUIT_DERIVED && !ret_config->identity &&
	    !trunk->has_identity)
		return -ENOKEY;
	return 0;
}

int vif_circuit_dial(struct vif_trunk *trunk,
		     const struct vif_circuit_config *config,
		     struct vif_circuit **ret_circuit)
{
	struct vif_circuit_config ours;
	struct vif_circuit *circuit;
	int r = take_config(trunk, config, &ours);

	if (r == 0)
		r = trunk_may_open(trunk);
	if (r < 0)
		return r;
	if (trunk->next_local > UINT32_MAX - 2 * trunk->n_circuits - 2)
		return -EOVERFLOW;
	if (!circuit_may_open(trunk))
		return -EAGAIN;
	r = circuit_new(trunk, true, &circuit);
	if (r < 0)
		return r;
	circuit->turn.weight = (uint16_t)ours.weight;
	circuit->mode = ours.mode;
	circuit->is_accepted = true;
	circuit->user = ours.user;
	circuit->flows_max = CORE_EARLY_FLOWS;
	if (ours.log_level)
		circuit->log_level = ours.log_level;
	if (ours.service)
		strcpy(circuit->service, ours.service);
	r = window_open(circuit) ? dial_init(circuit, &ours) : -ENOBUFS;
	if (r < 0) {
		circuit->is_told = false;
		circuit_end(circuit, VIF_REASON_MEMORY, "", false);
		return r;
	}
	if (trunk->state != TRUNK_HANDSHAKE)
		circuit->deadline_ns =
			time_after(trunk, trunk->config.circuit_handshake_ns);
	list_append(&trunk->waiting, &circuit->control);
	trunk_start_circuits(trunk);
	*ret_circuit = circuit;
	return 0;
}

int vif_circuit_accept(struct vif_circuit *circuit)
{
	if (!trunk_is_ours(circuit->trunk))
		return -EOWNERDEAD;
	if (circuit->is_accepted)
		return -EALREADY;
	/* One that has ended may still have brought something. */
	if (circuit->is_refused || (circuit->state == CIRCUIT_CLOSED &&
				    list_is_empty(&circuit->flows)))
		return -ECONNABORTED;
	circuit->is_accepted = true;
	event_release_flows(circuit);
	return 0;
}

int vif_circuit_listen(struct vif_circuit *circuit, bool on)
{
	if (!trunk_is_ours(circuit->trunk))
		return -EOWNERDEAD;
	if (circuit->state == CIRCUIT_CLOSED)
		return -ECONNABORTED;
	if (circuit->is_listening == on)
		return -EALREADY;
	circuit->is_listening = on;
	return 0;
}

int circuit_close_as(struct vif_circuit *circuit, uint32_t reason,
		     const char *text)
{
	struct list *link, *after;

	if (circuit->state == CIRCUIT_CLOSED)
		return -ECONNABORTED;
	if (circuit->wants_close || circuit->state == CIRCUIT_CLOSING)
		return -EALREADY;
	/* What was written on one that we dial is sent when it is open. */
	if (circuit->state == CIRCUIT_CONFIRMING ||
	    circuit->state == CIRCUIT_RELAYED ||
	    (circuit->state < CIRCUIT_OPEN && circuit->tx_held == 0)) {
		circuit_end(circuit, reason, text, true);
		return 0;
	}
	ending_set(&circuit->closing, reason, text, strlen(text));
	circuit->wants_close = true;
	/* A clean end for what its program has not ended: there is no more. */
	list_foreach(&circuit->flows, link, after) {
		struct vif_flow *flow =
			container_of(link, struct vif_flow, all);

		if (flow_may_write(flow, flow->is_lane) == 0 &&
		    (flow->node.id || flow->tx.len > 0))
			(void)vif_flow_finish(flow);
	}
	circuit_poke(circuit);
	return 0;
}

/* In order: what was written is sent, as far as the other side takes it. */
int vif_circuit_close(struct vif_circuit *circuit, uint32_t code,
		      const char *text)
{
	bool was_refused = circuit->is_refused;
	int r;

	if (!trunk_is_ours(circuit->trunk))
		return -EOWNERDEAD;
	if (code && code < VIF_REASON_PROGRAM)
		return -EINVAL;
	circuit->is_refused = !circuit->is_accepted;
	r = circuit_close_as(circuit, code ? code : VIF_REASON_CLOSED,
			     text ? text : "");
	if (r < 0)
		circuit->is_refused = was_refused;
	return r;
}

void vif_circuit_abort(struct vif_circuit *circuit, uint32_t code,
		       const char *text)
{
	circuit->is_refused = !circuit->is_accepted;
	circuit_end(circuit, code ? code : VIF_REASON_CLOSED, text ? text : "",
		    true);
}

/* Nobody can be told of them any more. */
static void drop_untold_flows(struct vif_circuit *circuit)
{
	struct list *link, *after;

	list_foreach(&circuit->flows, link, after) {
		struct vif_flow *flow =
			container_of(link, struct vif_flow, all);

		if (flow->is_told)
			continue;
		flow->is_released = true;
		flow_settle(flow);
	}
}

void vif_circuit_free(struct vif_circuit *circuit)
{
	if (!circuit)
		return;
	circuit_end(circuit, VIF_REASON_CLOSED, "", true);
	drop_untold_flows(circuit);
	circuit->is_told = false;
	circuit->events = 0;
	list_remove(&circuit->event);
	circuit_settle(circuit);
}

int vif_circuit_set_weight(struct vif_circuit *circuit, uint32_t weight)
{
	if (weight == 0 || weight > VIF_WEIGHT_MAX)
		return -EINVAL;
	circuit->turn.weight = (uint16_t)weight;
	return 0;
}

void vif_circuit_set_log_level(struct vif_circuit *circuit,
			       enum vif_log_level level)
{
	struct list *link, *after;

	circuit->log_level = level;
	list_foreach(&circuit->flows, link, after)
		vif_flow_set_log_level(container_of(link, struct vif_flow, all),
				       level);
}

const uint8_t *vif_circuit_remote(const struct vif_circuit *circuit)
{
	return circuit->has_remote ? circuit->remote : NULL;
}

const uint8_t *vif_circuit_local(const struct vif_circuit *circuit)
{
	return circuit->has_local ? circuit->local : NULL;
}

const char *vif_circuit_service(const struct vif_circuit *circuit)
{
	return circuit->service;
}

enum vif_circuit_mode vif_circuit_mode(const struct vif_circuit *circuit)
{
	return circuit->mode;
}

uint32_t vif_circuit_id(const struct vif_circuit *circuit)
{
	return circuit->node.id;
}

uint32_t vif_circuit_reason(const struct vif_circuit *circuit,
			    const char **ret_text)
{
	if (ret_text)
		*ret_text = circuit->ending.text;
	return circuit->ending.reason;
}

int vif_circuit_export(struct vif_circuit *circuit, const char *label,
		       const void *context, size_t context_len,
		       uint8_t ret_key[VIF_KEY_LEN])
{
	if (!trunk_is_ours(circuit->trunk))
		return -EOWNERDEAD;
	if (!circuit->has_exporter)
		return -ENOTCONN;
	return trunk_export(circuit->trunk, circuit->exporter, label, context,
			    context_len, ret_key);
}

void vif_circuit_stats(const struct vif_circuit *circuit,
		       struct vif_circuit_stats *ret_stats)
{
	*ret_stats = circuit->stats;
	ret_stats->rx_held = circuit->rx_held;
	ret_stats->rx_window = circuit->rx_credit.window;
	ret_stats->flows = circuit->n_local + circuit->n_remote;
}

void vif_circuit_set_user(struct vif_circuit *circuit, void *user)
{
	circuit->user = user;
}

void *vif_circuit_user(const struct vif_circuit *circuit)
{
	return circuit->user;
}
