/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is sent next.
 *
 * Chosen when the connection can take it, and sealed at once into the caller's
 * buffer, so that nothing lies behind the choice. docs/design/trunk.md, section
 * 8: frames of the trunk, then small frames of circuits, then data, by deficit
 * round robin over circuits and over the flows of each.
 */
#include "trunk/core.h"

#include <string.h>

#include "trunk/relay.h"

/* A record of a circuit being written. */
struct writer {
	struct vif_circuit *circuit;
	uint8_t *to;       /* plaintext */
	uint32_t len;      /* of it, so far */
	uint32_t size;     /* that it may have */
	uint32_t data_max; /* that it may have if data is in it */
	bool has_data;
};

static uint32_t room(const struct writer *writer)
{
	return writer->size - writer->len;
}

static uint8_t *put(struct writer *writer, const struct frame_header *header)
{
	uint8_t *to = writer->to + writer->len;

	frame_header_write(header, to);
	writer->len += FRAME_HEADER_LEN + header->len;
	return to + FRAME_HEADER_LEN;
}

static void put_code(struct writer *writer, enum frame_type type, uint32_t id,
		     uint64_t value, uint32_t code)
{
	struct frame_header header = {
		.type = (uint8_t)type,
		.len = 4,
		.id = id,
		.value = value,
	};

	put_be32(put(writer, &header), code);
}

static void put_credit(struct writer *writer, uint32_t id,
		       struct credit_rx *credit, uint64_t held)
{
	struct frame_header header = { .type = FRAME_CREDIT, .id = id };

	credit->limit = credit_new_limit(credit, held);
	header.value = credit->limit;
	(void)put(writer, &header);
}

/* Gives a flow its number, which the other side learns now. */
static void announce(struct vif_flow *flow)
{
	struct vif_circuit *circuit = flow->circuit;

	if (flow->node.id)
		return;
	flow->node.id = circuit->next_local;
	id_table_add(&circuit->flow_table, &flow->node);
	circuit->next_local += 2;
	flow_heard(flow);
	flow_log(flow, "opened by us", 0);
	if (flow->rx_stopped) /* before anybody could be told */
		flow->wants_stop = true;
	if (flow->wants_stop || flow->wants_credit)
		list_want(&circuit->flow_control, &flow->control);
	trunk_settle(circuit->trunk); /* a drain may have waited for it */
}

static void put_data(struct writer *writer, struct vif_flow *flow, uint32_t len)
{
	bool is_new = flow->node.id == 0;
	bool is_last = flow->tx_finished && len == flow->tx.len;
	struct frame_header header = {
		.type = FRAME_DATA,
		.flags =
			(uint8_t)((is_new ? FRAME_DATA_OPEN : 0) |
				  (is_new && flow->is_lane ? FRAME_DATA_PACKET :
							     0) |
				  (is_last ? FRAME_DATA_FIN : 0)),
		.len = (uint16_t)len,
		.value = flow->tx_credit.sent,
	};
	uint8_t *to;

	announce(flow);
	header.id = flow->node.id;
	to = put(writer, &header);
	flow->tx_ended = is_last;
	if (len == 0)
		return;
	writer->has_data = true;
	(void)byte_queue_copy(&flow->tx, to, len);
	flow_sent(flow, len);
}

/* All small frames of a flow. Whether it still has some is up to the caller. */
static void put_small(struct writer *writer, struct vif_flow *flow)
{
	uint32_t id = flow->node.id;

	if (flow->wants_credit && id) { /* else when it has a number */
		flow->wants_credit = false;
		if (!flow->rx_fin && !flow->rx_reset && !flow->rx_stopped)
			put_credit(writer, id, &flow->rx_credit, flow->rx.len);
	}
	if (flow->wants_stop) {
		flow->wants_stop = false;
		if (!flow->rx_fin && !flow->rx_reset)
			put_code(writer, FRAME_STOP, id, 0, flow->stop_code);
	}
	if (flow->wants_reset) {
		flow->wants_reset = false;
		flow->tx_ended = true;
		put_code(writer, FRAME_RESET, id, flow->tx_credit.sent,
			 flow->tx_code);
	}
	if (flow->wants_fin) {
		flow->wants_fin = false;
		if (!flow->tx_ended && flow->tx.len == 0)
			put_data(writer, flow, 0);
	}
}

enum schedule_sizes {
	/* The most that put_small() writes. */
	SMALL_MAX = 4 * (FRAME_HEADER_LEN + 4),
};

static void put_flows_control(struct writer *writer)
{
	struct vif_circuit *circuit = writer->circuit;
	struct list *first;

	while ((first = list_first(&circuit->flow_control)) &&
	       room(writer) >= SMALL_MAX) {
		struct vif_flow *flow =
			container_of(first, struct vif_flow, control);

		list_remove(first);
		put_small(writer, flow);
		flow_settle(flow);
	}
}

static void put_close(struct writer *writer)
{
	struct vif_circuit *circuit = writer->circuit;
	size_t len = strlen(circuit->closing.text);
	struct frame_header header = {
		.type = FRAME_CLOSE,
		.len = (uint16_t)(4 + len),
	};
	uint8_t *body = put(writer, &header);

	put_be32(body, circuit->closing.reason);
	memcpy(body + 4, circuit->closing.text, len);
	circuit_enter(circuit, CIRCUIT_CLOSING);
	circuit->deadline_ns =
		time_after(circuit->trunk, circuit->trunk->config.drain_ns);
	circuit->wants_close = false;
}

static void put_control(struct writer *writer)
{
	struct vif_circuit *circuit = writer->circuit;

	if (circuit->wants_credit && room(writer) >= FRAME_HEADER_LEN) {
		circuit->wants_credit = false;
		put_credit(writer, 0, &circuit->rx_credit, circuit->rx_held);
	}
	put_flows_control(writer);
	if (circuit_can_close(circuit) && room(writer) >= CORE_FRAME_SMALL_MAX)
		put_close(writer);
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Begins a packet if credit lets it be sent to its end. */
static bool begin_packet(struct vif_flow *flow)
{
	struct vif_circuit *circuit = flow->circuit;
	uint32_t len;

	if (flow->packet_left > 0)
		return true;
	len = lane_next_len(&flow->tx);
	assert(len > 0 && len <= flow->tx.len);
	if (credit_left(&flow->tx_credit) < len ||
	    credit_left(&circuit->tx_credit) - circuit->tx_reserved < len)
		return false;
	flow->packet_left = len;
	circuit->tx_reserved += len;
	return true;
}

/* What the flow may send now, whatever the record has room for. */
static uint32_t allowed(struct vif_flow *flow)
{
	const struct vif_circuit *circuit = flow->circuit;
	uint64_t n = flow->tx.len;

	if (flow->is_lane)
		return begin_packet(flow) ? flow->packet_left : 0;
	n = least(n, credit_left(&flow->tx_credit));
	n = least(n, credit_left(&circuit->tx_credit) - circuit->tx_reserved);
	return (uint32_t)n;
}

/*
 * Takes from the round who may send nothing: it comes back with credit, or with
 * data. Returns whether there may be more in this record.
 */
static bool wait_for_credit(struct writer *writer, struct vif_flow *flow)
{
	struct vif_circuit *circuit = flow->circuit;
	bool has_own = credit_left(&flow->tx_credit) > 0;

	if (has_own)
		window_blocked(circuit->trunk, &circuit->blocked_since_ns);
	/* Who has not heard of it will not grant more than the first window:
	 * a packet may need more, and of 0 anybody does. */
	if (!flow->node.id && (flow->is_lane || !has_own)) {
		if (room(writer) < FRAME_HEADER_LEN)
			return false;
		put_data(writer, flow, 0);
	}
	round_leave(&flow->turn);
	/* Its own credit finds it by its number. */
	if (flow->is_lane || has_own) {
		list_append(&circuit->blocked, &flow->turn.link);
		flow->is_blocked = true;
	}
	return true;
}

/* One slice of one flow. Returns whether there may be more in this record. */
static bool put_slice(struct writer *writer, struct round_member *member)
{
	struct vif_circuit *circuit = writer->circuit;
	struct vif_flow *flow = container_of(member, struct vif_flow, turn);
	/* Nobody waits: a frame more for each quantum would be in vain. */
	bool is_alone = round_is_alone(&circuit->round, member);
	uint64_t n = allowed(flow);

	if (n == 0)
		return wait_for_credit(writer, flow);
	if (writer->len + FRAME_HEADER_LEN >= writer->data_max)
		return false;
	n = least(n, writer->data_max - writer->len - FRAME_HEADER_LEN);
	if (!is_alone)
		n = least(n, (uint32_t)member->deficit);
	put_data(writer, flow, (uint32_t)n);
	if (!is_alone)
		round_charge(&circuit->round, member, (uint32_t)n);
	if (flow->tx.len == 0)
		round_leave(member);
	if (flow->tx_ended)
		flow_settle(flow);
	return true;
}

static void put_flows_data(struct writer *writer)
{
	struct round *round = &writer->circuit->round;
	struct round_member *member;

	while ((member = round_next(round)))
		if (!put_slice(writer, member))
			return;
}

/* Seals what was written. Returns the length of the record. */
static size_t seal(struct vif_trunk *trunk, struct record_header *header,
		   uint8_t *to, uint32_t len)
{
	struct seal_life life = trunk_seal_life(trunk);
	int r;

	header->len = (uint16_t)(len + RECORD_TAG_LEN);
	record_header_write(header, to);
	r = noise_key_seal(&trunk->tx_seal.key, to, RECORD_HEADER_LEN,
			   to + RECORD_HEADER_LEN, len, to + RECORD_HEADER_LEN);
	if (r < 0) {
		(void)trunk_end(trunk, VIF_REASON_SEAL, false,
				"libcrypto cannot seal");
		return 0;
	}
	trunk->tx_seal.bytes += len;
	trunk->stats.tx_records++;
	if (seal_is_old(&trunk->tx_seal, &life, trunk->now_ns))
		trunk->wants_rekey = true;
	return RECORD_HEADER_LEN + (size_t)header->len;
}

static size_t control_record(struct vif_trunk *trunk, uint8_t *to, size_t size)
{
	struct record_header header = { .type = RECORD_CONTROL };
	bool is_rekey = trunk->wants_rekey && !trunk->wants_ready &&
			trunk->state != TRUNK_ENDED;
	size_t len =
		control_build(trunk, to + RECORD_HEADER_LEN,
			      least(size - RECORD_HEADER_LEN - RECORD_TAG_LEN,
				    trunk->record_max));
	size_t n = len > 0 ? seal(trunk, &header, to, (uint32_t)len) : 0;

	if (n > 0 && trunk->state == TRUNK_ENDED)
		seal_fini(&trunk->tx_seal); /* that was the last word */
	if (n > 0 && is_rekey) {
		trunk->wants_rekey = false;
		trunk->stats.rekeys++;
		if (seal_rekey(&trunk->tx_seal, trunk->now_ns) < 0)
			(void)trunk_end(trunk, VIF_REASON_SEAL, false,
					"libcrypto has no new key");
	}
	return n;
}

static bool is_sealed(const struct vif_circuit *circuit)
{
	return circuit->mode == VIF_CIRCUIT_SEALED;
}

/* How long a record of this circuit may be; false when it may have nothing. */
static bool set_sizes(struct writer *writer, size_t size)
{
	struct vif_circuit *circuit = writer->circuit;
	struct vif_trunk *trunk = circuit->trunk;
	uint32_t tag = is_sealed(circuit) ? RECORD_TAG_LEN : 0;
	uint64_t max = least(size - RECORD_HEADER_LEN - RECORD_TAG_LEN - tag,
			     trunk->record_max);
	uint64_t left = credit_left(&trunk->tx_credit);

	max = least(max, RECORD_BODY_MAX - RECORD_TAG_LEN - tag);
	if (is_sealed(circuit)) {
		uint64_t hop = credit_left(&circuit->hop_tx);

		max = least(max, circuit->record_max);
		max = hop > tag ? least(max, hop - tag) : 0;
	}
	if (max < SMALL_MAX) {
		if (is_sealed(circuit))
			window_blocked(trunk, &circuit->hop_blocked_since_ns);
		return false;
	}
	writer->size = (uint32_t)max;
	writer->data_max = left > tag ? (uint32_t)least(max, left - tag) : 0;
	return true;
}

static void put_rekey(struct writer *writer)
{
	struct frame_header header = {
		.type = FRAME_REKEY,
		.value = writer->circuit->tx_seal.n_key + 1,
	};

	(void)put(writer, &header);
}

/* Seals a record of a circuit: end to end if it is to be, then for this hop. */
static size_t finish(struct writer *writer, uint8_t *to, bool is_rekey)
{
	struct vif_circuit *circuit = writer->circuit;
	struct vif_trunk *trunk = circuit->trunk;
	struct record_header header = {
		.type = is_sealed(circuit) ? RECORD_SEALED : RECORD_CIRCUIT,
		.flags = writer->has_data ? RECORD_DATA : 0,
		.circuit = circuit->node.id,
	};
	struct seal_life life = trunk_seal_life(trunk);
	uint32_t len = writer->len;

	if (is_sealed(circuit)) {
		uint8_t aad[2] = { header.type, header.flags };

		if (noise_key_seal(&circuit->tx_seal.key, aad, sizeof(aad),
				   writer->to, len, writer->to) < 0) {
			circuit_end(circuit, VIF_REASON_SEAL, "", true);
			return 0;
		}
		circuit->tx_seal.bytes += len;
		len += RECORD_TAG_LEN;
		circuit->hop_tx.sent += len;
		if (is_rekey &&
		    seal_rekey(&circuit->tx_seal, trunk->now_ns) < 0)
			circuit_end(circuit, VIF_REASON_SEAL, "", true);
		if (seal_is_old(&circuit->tx_seal, &life, trunk->now_ns))
			circuit->wants_rekey = true;
	}
	if (writer->has_data)
		trunk->tx_credit.sent += len;
	circuit->stats.tx_records++;
	return seal(trunk, &header, to, len);
}

/* The next record of somebody else's circuit, as it came. */
static size_t relayed_record(struct vif_circuit *half, uint8_t *to, size_t size)
{
	struct record_header header = { .type = RECORD_SEALED,
					.circuit = half->node.id };
	uint32_t len =
		relay_take(half, to + RECORD_HEADER_LEN, size, &header.flags);
	size_t n;

	if (len == 0)
		return 0;
	half->stats.tx_records++;
	n = seal(half->trunk, &header, to, len);
	relay_took(half);
	return n;
}

/*
 * A record of a circuit; 0 when it has nothing that may be sent. Small frames
 * go in front; those in a record with data count against credit with it.
 */
static size_t circuit_record(struct vif_circuit *circuit, bool with_data,
			     uint8_t *to, size_t size)
{
	struct writer writer = { .circuit = circuit,
				 .to = to + RECORD_HEADER_LEN };
	bool is_rekey = circuit->wants_rekey;

	if (circuit->state == CIRCUIT_RELAYED)
		return relayed_record(circuit, to, size);
	if (circuit->state != CIRCUIT_OPEN) /* nothing is behind CLOSE */
		return 0;
	if (!set_sizes(&writer, size))
		return 0;
	if (is_rekey) {
		circuit->wants_rekey = false;
		circuit->stats.rekeys++;
		put_rekey(&writer);
	} else {
		put_control(&writer);
		if (with_data && circuit->state == CIRCUIT_OPEN)
			put_flows_data(&writer);
	}
	return writer.len > 0 ? finish(&writer, to, is_rekey) : 0;
}

/*
 * What a record costs its circuit: its plaintext, as the quantum is a full one.
 * With header and tag, what is beyond it would add up to a turn that is skipped.
 */
static uint32_t cost(size_t record_len)
{
	return (uint32_t)record_len - RECORD_HEADER_LEN - RECORD_TAG_LEN;
}

/* Small frames of circuits, ahead of all data. */
static size_t urgent_record(struct vif_trunk *trunk, uint8_t *to, size_t size)
{
	struct list *first;

	while ((first = list_first(&trunk->urgent))) {
		struct vif_circuit *circuit =
			container_of(first, struct vif_circuit, urgent);
		size_t n;

		list_remove(first);
		n = circuit_record(circuit, false, to, size);
		if (n > 0)
			round_charge(&trunk->round, &circuit->turn, cost(n));
		if (n > 0 && circuit->state == CIRCUIT_OPEN &&
		    circuit_has_small(circuit))
			list_want(&trunk->urgent, &circuit->urgent);
		if (n > 0)
			return n;
	}
	return 0;
}

/* Whether the trunk's credit is enough for a byte of anybody. */
static bool has_credit(const struct vif_trunk *trunk)
{
	return credit_left(&trunk->tx_credit) >
	       RECORD_TAG_LEN + FRAME_HEADER_LEN;
}

static size_t data_record(struct vif_trunk *trunk, uint8_t *to, size_t size)
{
	struct round_member *member;

	if (!has_credit(trunk) && !list_is_empty(&trunk->round.members))
		window_blocked(trunk, &trunk->blocked_since_ns);
	while (has_credit(trunk) && (member = round_next(&trunk->round))) {
		struct vif_circuit *circuit =
			container_of(member, struct vif_circuit, turn);
		size_t n = circuit_record(circuit, true, to, size);

		if (n == 0) { /* it comes back with credit, or data */
			round_leave(member);
		} else {
			round_charge(&trunk->round, member, cost(n));
			if (circuit->state != CIRCUIT_RELAYED &&
			    (circuit->state != CIRCUIT_OPEN ||
			     list_is_empty(&circuit->round.members)))
				round_leave(member);
		}
		if (n == 0)
			continue;
		if (circuit->wants_close) /* which waited for the data */
			circuit_poke(circuit);
		return n;
	}
	return 0;
}

bool schedule_is_ready(const struct vif_trunk *trunk)
{
	if (control_is_wanted(trunk))
		return true;
	return trunk->state == TRUNK_OPEN ||
			       (trunk->state == TRUNK_UNCONFIRMED &&
				trunk->role == VIF_TRUNK_DIALER) ?
		       !list_is_empty(&trunk->urgent) ||
			       (!list_is_empty(&trunk->round.members) &&
				has_credit(trunk)) :
		       false;
}

size_t schedule_record(struct vif_trunk *trunk, uint8_t *to, size_t size)
{
	size_t n;

	if (control_is_wanted(trunk))
		return control_record(trunk, to, size);
	if (trunk->state != TRUNK_OPEN)
		return 0;
	n = urgent_record(trunk, to, size);
	return n > 0 ? n : data_record(trunk, to, size);
}
