/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Circuits that are passed on.
 *
 * docs/design/trunk.md, section 11. A relayed circuit has two halves, one on
 * each trunk. OPEN, ACCEPT, CONFIRM and SHUT are passed from one to the other;
 * so are sealed records, by way of a queue that is bounded by the hop limit and
 * keeps their order, as their keys count them. What is in them is not ours.
 */
#include "trunk/relay.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct vif_relay {
	struct list members;
	struct list routes;
	struct vif_relay_stats stats;
};

struct relay_member {
	struct list link;
	struct vif_relay *relay;
	struct vif_trunk *trunk;
	uint32_t n_routes;
};

struct relay_route {
	struct list link;
	struct relay_member *member;
	uint8_t key[VIF_KEY_LEN];
};

/* Ahead of each record in a queue. */
struct relay_record {
	uint8_t flags;
	uint8_t reserved;
	uint16_t len;
};

int vif_relay_new(struct vif_relay **ret_relay)
{
	struct vif_relay *relay = calloc(1, sizeof(*relay));

	if (!relay)
		return -ENOMEM;
	list_init(&relay->members);
	list_init(&relay->routes);
	*ret_relay = relay;
	return 0;
}

void vif_relay_free(struct vif_relay *relay)
{
	struct list *link;

	if (!relay)
		return;
	while ((link = list_first(&relay->members)))
		vif_relay_remove(
			container_of(link, struct relay_member, link)->trunk);
	free(relay);
}

int vif_relay_add(struct vif_relay *relay, struct vif_trunk *trunk)
{
	struct relay_member *member;
	int r = trunk_check(trunk);

	if (r < 0)
		return r;
	if (trunk->relay)
		return -EBUSY;
	member = calloc(1, sizeof(*member));
	if (!member)
		return -ENOMEM;
	member->relay = relay;
	member->trunk = trunk;
	list_append(&relay->members, &member->link);
	relay->stats.trunks++;
	trunk->relay = member;
	return 0;
}

static void remove_routes(struct relay_member *member)
{
	struct list *link, *after;

	list_foreach(&member->relay->routes, link, after) {
		struct relay_route *route =
			container_of(link, struct relay_route, link);

		if (route->member != member)
			continue;
		list_remove(link);
		free(route);
		member->relay->stats.routes--;
	}
}

static void end_halves(struct vif_trunk *trunk)
{
	struct list *link, *after;

	list_foreach(&trunk->circuits, link, after) {
		struct vif_circuit *half =
			container_of(link, struct vif_circuit, all);

		if (half->state == CIRCUIT_RELAYED)
			circuit_end(half, VIF_REASON_RELAY_LOST, "", true);
	}
}

void vif_relay_remove(struct vif_trunk *trunk)
{
	struct relay_member *member = trunk->relay;

	if (!member)
		return;
	end_halves(trunk);
	remove_routes(member);
	list_remove(&member->link);
	member->relay->stats.trunks--;
	trunk->relay = NULL;
	free(member);
}

static struct relay_route *find(const struct vif_relay *relay,
				const uint8_t *key)
{
	struct list *link, *after;

	list_foreach(&relay->routes, link, after) {
		struct relay_route *route =
			container_of(link, struct relay_route, link);

		if (memcmp(route->key, key, VIF_KEY_LEN) == 0)
			return route;
	}
	return NULL;
}

int vif_relay_route(struct vif_trunk *trunk, const uint8_t key[VIF_KEY_LEN])
{
	struct relay_member *member = trunk->relay;
	struct relay_route *route;

	if (!member)
		return -ENOENT;
	if (!key) {
		if (!trunk->has_remote || trunk->state != TRUNK_OPEN)
			return -ENOTCONN;
		key = trunk->remote;
	}
	if (find(member->relay, key))
		return -EEXIST;
	if (member->n_routes == VIF_RELAY_ROUTES_MAX)
		return -EDQUOT;
	route = calloc(1, sizeof(*route));
	if (!route)
		return -ENOMEM;
	memcpy(route->key, key, VIF_KEY_LEN);
	route->member = member;
	member->n_routes++;
	list_append(&member->relay->routes, &route->link);
	member->relay->stats.routes++;
	return 0;
}

void vif_relay_stats(const struct vif_relay *relay,
		     struct vif_relay_stats *ret_stats)
{
	*ret_stats = relay->stats;
}

static void join(struct vif_circuit *in, struct vif_circuit *out)
{
	in->relay_to = out;
	out->relay_to = in;
	in->relay_joined = out->relay_joined = true;
	in->trunk->n_relayed++;
	out->trunk->n_relayed++;
}

/* The half on the trunk of the destination. */
static struct vif_circuit *make_half(struct vif_trunk *trunk)
{
	struct vif_circuit *out;

	if (circuit_new(trunk, true, &out) < 0)
		return NULL;
	out->is_told = false;
	out->mode = VIF_CIRCUIT_SEALED;
	circuit_enter(out, CIRCUIT_RELAYED);
	if (!window_open_relayed(out)) {
		circuit_end(out, VIF_REASON_LIMIT, "", false);
		return NULL;
	}
	return out;
}

/* The trunk behind a key, if it can take a circuit of this one. */
static struct vif_trunk *trunk_of(const struct vif_trunk *from,
				  const uint8_t *destination)
{
	struct relay_route *route = find(from->relay->relay, destination);
	struct vif_trunk *trunk;

	if (!route)
		return NULL;
	trunk = route->member->trunk;
	return trunk != from && trunk->state == TRUNK_OPEN &&
			       trunk_may_open(trunk) == 0 ?
		       trunk :
		       NULL;
}

static enum vif_reason pass_on(struct vif_circuit *in, struct vif_trunk *to,
			       const struct frame_header *frame,
			       const uint8_t *body)
{
	struct vif_trunk *trunk = in->trunk;
	struct vif_circuit *out;

	circuit_enter(in, CIRCUIT_RELAYED);
	trunk->n_handshakes--;
	/* The other side may not be flooded by way of us. */
	if (to->n_opening >= CORE_HANDSHAKES || !circuit_may_open(to) ||
	    !window_open_relayed(in))
		return VIF_REASON_LIMIT;
	out = make_half(to);
	if (!out)
		return VIF_REASON_LIMIT;
	join(in, out);
	if (in->record_max < out->record_max)
		out->record_max = in->record_max;
	trunk->relay->relay->stats.circuits++;
	if (dial_keep(out, body, frame->len) < 0)
		return VIF_REASON_MEMORY;
	in->relay_stage = out->relay_stage = RELAY_OPENED;
	in->deadline_ns = time_after(trunk, trunk->config.circuit_handshake_ns);
	circuit_take_place(out);
	circuit_want(out, WANTS_OPEN);
	return VIF_REASON_NONE;
}

enum vif_reason relay_open(struct vif_circuit *in,
			   const struct frame_header *frame,
			   const uint8_t *body, const uint8_t *destination)
{
	enum vif_reason reason = VIF_REASON_NO_ROUTE;
	struct vif_trunk *to;

	if (!in->trunk->relay)
		return VIF_REASON_NO_ROUTE;
	to = trunk_of(in->trunk, destination);
	if (to)
		reason = pass_on(in, to, frame, body);
	if (reason != VIF_REASON_NONE)
		in->trunk->relay->relay->stats.refused++;
	return reason;
}

static void fault(struct vif_circuit *half)
{
	circuit_fault(half, VIF_REASON_PROTOCOL,
		      "the handshake of a relayed circuit is out of order");
}

static void advance(struct vif_circuit *half, enum relay_stage stage)
{
	half->relay_stage = stage;
	half->relay_to->relay_stage = stage;
}

void relay_got_accept(struct vif_circuit *half,
		      const struct frame_header *frame, const uint8_t *body)
{
	struct vif_circuit *to = half->relay_to;

	if (!to)
		return; /* it has ended; what is queued here still goes out */
	if (!half->is_local || half->relay_stage != RELAY_OPENED ||
	    half->wants & WANTS_OPEN || !circuit_got_hop(half, frame->value)) {
		fault(half);
		return;
	}
	if (half->record_max < to->record_max)
		to->record_max = half->record_max;
	if (dial_keep(to, body, frame->len) < 0) {
		circuit_end(half, VIF_REASON_MEMORY, "", true);
		return;
	}
	advance(half, RELAY_ACCEPTED);
	circuit_want(to, WANTS_ACCEPT);
}

void relay_got_confirm(struct vif_circuit *half,
		       const struct frame_header *frame, const uint8_t *body)
{
	struct vif_circuit *to = half->relay_to;

	if (!to)
		return;
	if (half->is_local || half->relay_stage != RELAY_ACCEPTED ||
	    half->wants & WANTS_ACCEPT) {
		fault(half);
		return;
	}
	if (dial_keep(to, body, frame->len) < 0) {
		circuit_end(half, VIF_REASON_MEMORY, "", true);
		return;
	}
	advance(half, RELAY_CONFIRMED);
	half->deadline_ns = UINT64_MAX;
	circuit_want(to, WANTS_CONFIRM);
	circuit_leave_place(to);
}

/* Bytes count as held by the trunk they came on until they are passed on. */
static void count_held(struct vif_circuit *from,
		       const struct relay_record *record, bool comes)
{
	struct vif_trunk *trunk = from->trunk;
	uint64_t len = record->len;

	if (comes)
		trunk->relay->relay->stats.bytes_held += len;
	else if (trunk->relay)
		trunk->relay->relay->stats.bytes_held -= len;
	from->relay_held += comes ? len : -len;
	if (!(record->flags & RECORD_DATA))
		return;
	from->relay_data_held += comes ? len : -len;
	trunk->rx_held += comes ? len : -len;
}

void relay_receive(struct vif_circuit *half, const struct record_header *header,
		   uint32_t len)
{
	struct vif_circuit *to = half->relay_to;
	struct vif_trunk *trunk = half->trunk;
	struct block_pool *pool;
	struct relay_record record = {
		.flags = header->flags,
		.len = (uint16_t)len,
	};

	if (!to)
		return; /* the other half has ended */
	pool = &to->trunk->pool;
	/* With no room for a frame it says nothing, and no end has sealed it. */
	if (half->relay_stage != RELAY_CONFIRMED ||
	    len < FRAME_HEADER_LEN + RECORD_TAG_LEN) {
		fault(half);
		return;
	}
	if (len > to->trunk->record_max + RECORD_TAG_LEN) {
		circuit_fault(half, VIF_REASON_PROTOCOL,
			      "a record is too long for the next hop");
		return;
	}
	if (byte_queue_append(&to->relay_queue, pool, (uint8_t *)&record,
			      sizeof(record)) < 0 ||
	    byte_queue_append(&to->relay_queue, pool, trunk->rx_block->bytes,
			      len) < 0) {
		circuit_end(half, VIF_REASON_MEMORY, "", true);
		return;
	}
	count_held(half, &record, true);
	trunk->relay->relay->stats.records++;
	trunk->relay->relay->stats.bytes += len;
	relay_poke(to);
}

static bool is_data_next(const struct vif_circuit *half)
{
	struct relay_record record;

	(void)byte_queue_copy(&half->relay_queue, (uint8_t *)&record,
			      sizeof(record));
	return record.flags & RECORD_DATA;
}

/* A record that no limit of the trunk holds goes ahead of all that have one. */
void relay_poke(struct vif_circuit *half)
{
	struct vif_trunk *trunk = half->trunk;

	if (half->relay_queue.len == 0)
		return;
	if (is_data_next(half))
		round_join(&trunk->round, &half->turn);
	else
		list_want(&trunk->urgent, &half->urgent);
}

/* The first record of a queue; false when it may not be sent yet. */
static bool next_record(const struct vif_circuit *half, size_t size,
			struct relay_record *ret_record)
{
	const struct vif_trunk *trunk = half->trunk;
	bool is_data;

	if (half->relay_queue.len == 0)
		return false;
	(void)byte_queue_copy(&half->relay_queue, (uint8_t *)ret_record,
			      sizeof(*ret_record));
	is_data = ret_record->flags & RECORD_DATA;
	return ret_record->len <= credit_left(&half->hop_tx) &&
	       (!is_data ||
		ret_record->len <= credit_left(&trunk->tx_credit)) &&
	       (size_t)RECORD_HEADER_LEN + ret_record->len + RECORD_TAG_LEN <=
		       size;
}

/* The rest of a circuit whose other half has ended in order. */
static void end_when_empty(struct vif_circuit *half)
{
	if (half->relay_queue.len == 0 && half->relay_is_last)
		circuit_end(half, VIF_REASON_NONE, "", true);
}

uint32_t relay_take(struct vif_circuit *half, uint8_t *to, size_t size,
		    uint8_t *ret_flags)
{
	struct vif_circuit *from = half->relay_to;
	struct block_pool *pool = &half->trunk->pool;
	struct relay_record record;

	if (!next_record(half, size, &record))
		return 0;
	byte_queue_consume(&half->relay_queue, pool, sizeof(record));
	(void)byte_queue_copy(&half->relay_queue, to, record.len);
	byte_queue_consume(&half->relay_queue, pool, record.len);
	half->hop_tx.sent += record.len;
	if (record.flags & RECORD_DATA)
		half->trunk->tx_credit.sent += record.len;
	if (from) {
		count_held(from, &record, false);
		window_hop(from);
		window_trunk(from->trunk);
	}
	*ret_flags = record.flags;
	return record.len;
}

void relay_took(struct vif_circuit *half)
{
	if (half->relay_queue.len == 0 || !is_data_next(half))
		round_leave(&half->turn);
	relay_poke(half);
	end_when_empty(half);
}

/* Forgets what lies in a half's queue. */
static void drop_queue(struct vif_circuit *half)
{
	struct vif_circuit *from = half->relay_to;
	struct block_pool *pool = &half->trunk->pool;
	struct relay_record record;

	while (half->relay_queue.len > 0) {
		(void)byte_queue_copy(&half->relay_queue, (uint8_t *)&record,
				      sizeof(record));
		byte_queue_consume(&half->relay_queue, pool,
				   (uint32_t)sizeof(record) + record.len);
		if (from)
			count_held(from, &record, false);
	}
	if (from)
		window_trunk(from->trunk);
}

/* What lies in the other half's queue is held by nobody any more. */
static void let_go(struct vif_circuit *half)
{
	struct vif_trunk *trunk = half->trunk;

	if (trunk->relay)
		trunk->relay->relay->stats.bytes_held -= half->relay_held;
	trunk->rx_held -= half->relay_data_held;
	half->relay_held = 0;
	half->relay_data_held = 0;
	window_trunk(trunk);
}

void relay_half_ended(struct vif_circuit *half, bool is_clean)
{
	struct vif_circuit *to = half->relay_to;
	uint32_t reason = half->ending.reason;

	drop_queue(half);
	if (half->relay_joined)
		half->trunk->n_relayed--;
	if (!to)
		return;
	let_go(half);
	half->relay_to = NULL;
	to->relay_to = NULL;
	if (to->state == CIRCUIT_CLOSED)
		return;
	if (!is_clean) {
		if (half->trunk->state == TRUNK_ENDED)
			reason = VIF_REASON_RELAY_LOST;
		circuit_end(to, reason, half->ending.text, true);
		return;
	}
	/* Its records come first, as they were sent first. */
	to->relay_is_last = true;
	end_when_empty(to);
}
