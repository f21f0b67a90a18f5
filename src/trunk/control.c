/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames of the trunk itself: what came, and what is to be sent.
 *
 * docs/design/trunk.md, section 2. What is to be sent is never queued as bytes:
 * the trunk and its circuits remember what they want, and the newest values are
 * written when there is room.
 */
#include "trunk/core.h"

#include <string.h>

#include "trunk/relay.h"

/* Frames being written. */
struct writer {
	uint8_t *to;
	size_t len, size;
};

static uint8_t *put(struct writer *writer, uint8_t type, uint32_t id,
		    uint64_t value, size_t len)
{
	struct frame_header header = {
		.type = type,
		.len = (uint16_t)len,
		.id = id,
		.value = value,
	};
	uint8_t *body = writer->to + writer->len + FRAME_HEADER_LEN;

	assert(writer->len + FRAME_HEADER_LEN + len <= writer->size);
	frame_header_write(&header, writer->to + writer->len);
	writer->len += FRAME_HEADER_LEN + len;
	return body;
}

static bool has_room(const struct writer *writer, size_t len)
{
	return writer->size - writer->len >= FRAME_HEADER_LEN + len;
}

static void put_ending(struct writer *writer, uint8_t type, uint32_t id,
		       const struct ending *ending)
{
	size_t len = 4 + strlen(ending->text);
	uint8_t *body = put(writer, type, id, 0, len);

	put_be32(body, ending->reason);
	memcpy(body + 4, ending->text, len - 4);
}

static void put_message(struct writer *writer, struct vif_circuit *circuit,
			uint8_t type, uint64_t value)
{
	size_t len;
	const uint8_t *message = dial_message(circuit, &len);

	memcpy(put(writer, type, circuit->node.id, value, len), message, len);
}

static void put_shut(struct writer *writer, struct vif_circuit *circuit)
{
	static const struct ending clean;

	put_ending(writer, FRAME_TRUNK_SHUT, circuit->node.id,
		   circuit->shuts_clean ? &clean : &circuit->ending);
}

static void put_hop_limit(struct writer *writer, struct vif_circuit *circuit)
{
	struct credit_rx *credit = &circuit->hop_rx;

	credit->limit = credit_new_limit(credit, circuit->relay_held);
	(void)put(writer, FRAME_TRUNK_LIMIT, circuit->node.id, credit->limit,
		  0);
}

/* The frame that goes first; returns what it was. */
static enum circuit_wants put_first(struct writer *writer,
				    struct vif_circuit *circuit)
{
	uint64_t hop = circuit_hop(circuit);

	if (circuit->wants & WANTS_OPEN) {
		circuit_number(circuit);
		put_message(writer, circuit, FRAME_TRUNK_OPEN, hop);
		return WANTS_OPEN;
	}
	if (circuit->wants & WANTS_ACCEPT) {
		put_message(writer, circuit, FRAME_TRUNK_ACCEPT, hop);
		return WANTS_ACCEPT;
	}
	if (circuit->wants & WANTS_CONFIRM) {
		put_message(writer, circuit, FRAME_TRUNK_CONFIRM, 0);
		dial_free(circuit);
		return WANTS_CONFIRM;
	}
	if (circuit->wants & WANTS_LIMIT) {
		put_hop_limit(writer, circuit);
		return WANTS_LIMIT;
	}
	put_shut(writer, circuit);
	return WANTS_SHUT;
}

/* All that a circuit wants; false when there was no room for it. */
static bool put_circuit(struct writer *writer, struct vif_circuit *circuit)
{
	while (circuit->wants) {
		enum circuit_wants done;

		if (!has_room(writer, CORE_OPEN_MAX))
			return false;
		done = put_first(writer, circuit);
		circuit->wants &= (uint8_t)~done;
		if (done == WANTS_SHUT) {
			circuit_forget(circuit);
			return true;
		}
	}
	list_remove(&circuit->control);
	return true;
}

static void put_circuits(struct writer *writer, struct vif_trunk *trunk)
{
	struct list *first;

	while ((first = list_first(&trunk->circuit_control)))
		if (!put_circuit(writer, container_of(first, struct vif_circuit,
						      control)))
			return;
}

static void put_pings(struct writer *writer, struct vif_trunk *trunk)
{
	while (trunk->n_pong > 0 && has_room(writer, 0))
		(void)put(writer, FRAME_TRUNK_PONG, 0,
			  trunk->pong[--trunk->n_pong], 0);
	if (trunk->wants_ping && has_room(writer, 0)) {
		(void)put(writer, FRAME_TRUNK_PING, 0, ++trunk->ping_token, 0);
		trunk->wants_ping = false;
		trunk->ping_sent_ns = trunk->now_ns;
		trunk->ping_payload = trunk->stats.rx_payload;
	}
}

static void put_limit(struct writer *writer, struct vif_trunk *trunk)
{
	struct credit_rx *credit = &trunk->rx_credit;

	if (!trunk->wants_limit || !has_room(writer, 0))
		return;
	trunk->wants_limit = false;
	credit->limit = credit_new_limit(credit, trunk->rx_held);
	(void)put(writer, FRAME_TRUNK_LIMIT, 0, credit->limit, 0);
}

static void put_simple(struct writer *writer, bool *wants, uint8_t type)
{
	if (!*wants || !has_room(writer, 0))
		return;
	*wants = false;
	(void)put(writer, type, 0, 0, 0);
}

/* No OPEN comes behind these. */
static void put_drain(struct writer *writer, struct vif_trunk *trunk)
{
	if (!list_is_empty(&trunk->circuit_control) ||
	    !list_is_empty(&trunk->waiting))
		return;
	put_simple(writer, &trunk->wants_drain, FRAME_TRUNK_DRAIN);
	put_simple(writer, &trunk->wants_drained, FRAME_TRUNK_DRAINED);
}

static bool wants_anything(const struct vif_trunk *trunk)
{
	return trunk->wants_ready || trunk->wants_rekey || trunk->n_pong > 0 ||
	       trunk->wants_ping || trunk->wants_limit ||
	       !list_is_empty(&trunk->circuit_control) ||
	       (trunk->wants_drain && list_is_empty(&trunk->waiting)) ||
	       trunk->wants_drained || trunk->wants_close;
}

/* Until the other side has said READY, only the dialer may go on. */
static bool may_go_on(const struct vif_trunk *trunk)
{
	return trunk->state == TRUNK_OPEN ||
	       (trunk->state == TRUNK_UNCONFIRMED &&
		trunk->role == VIF_TRUNK_DIALER);
}

bool control_is_wanted(const struct vif_trunk *trunk)
{
	switch (trunk->state) {
	case TRUNK_HANDSHAKE:
		return false;
	case TRUNK_ENDED:
		return trunk->wants_close;
	default:
		return trunk->wants_ready || trunk->wants_close ||
		       (may_go_on(trunk) && wants_anything(trunk));
	}
}

/* Alone in its record: what follows has the new key. */
static size_t put_rekey(struct writer *writer, struct vif_trunk *trunk)
{
	(void)put(writer, FRAME_TRUNK_REKEY, 0, trunk->tx_seal.n_key + 1, 0);
	return writer->len;
}

size_t control_build(struct vif_trunk *trunk, uint8_t *to, size_t size)
{
	struct writer writer = { .to = to, .size = size };

	if (trunk->state != TRUNK_ENDED) {
		put_simple(&writer, &trunk->wants_ready, FRAME_TRUNK_READY);
		if (trunk->wants_rekey && writer.len == 0)
			return put_rekey(&writer, trunk);
		if (may_go_on(trunk)) {
			put_pings(&writer, trunk);
			put_limit(&writer, trunk);
			put_circuits(&writer, trunk);
			put_drain(&writer, trunk);
		}
	}
	/* What is to be said of circuits comes before the last word. */
	if (trunk->wants_close && has_room(&writer, 4 + VIF_TRUNK_TEXT_MAX) &&
	    (trunk->state == TRUNK_ENDED ||
	     list_is_empty(&trunk->circuit_control))) {
		trunk->wants_close = false;
		put_ending(&writer, FRAME_TRUNK_CLOSE, 0, &trunk->closing);
		trunk_said_close(trunk);
	}
	return writer.len;
}

/* What came. */

static void fault(struct vif_trunk *trunk, const char *text)
{
	(void)trunk_end(trunk, VIF_REASON_PROTOCOL, true, "%s", text);
}

static void got_ping(struct vif_trunk *trunk, const struct frame_header *frame,
		     const uint8_t *body)
{
	(void)body;
	if (!bucket_take(&trunk->bucket.pings, trunk->now_ns, 1) &&
	    trunk_glitch(trunk))
		return;
	if (trunk->n_pong == CORE_PONGS)
		trunk->stats.dropped_pongs++;
	else
		trunk->pong[trunk->n_pong++] = frame->value;
}

static void got_pong(struct vif_trunk *trunk, const struct frame_header *frame,
		     const uint8_t *body)
{
	(void)body;
	timer_got_pong(trunk, frame->value);
}

bool control_was_circuit(const struct vif_trunk *trunk, uint32_t id)
{
	uint32_t next = (id ^ trunk->next_local) & 1 ? trunk->next_remote :
						       trunk->next_local;

	return id > 0 && id < next;
}

/* The circuit a frame is about; NULL when it is gone, or the trunk has ended. */
static struct vif_circuit *circuit_of(struct vif_trunk *trunk,
				      const struct frame_header *frame)
{
	struct vif_circuit *circuit = circuit_find(trunk, frame->id);

	if (circuit)
		return circuit;
	if (!control_was_circuit(trunk, frame->id)) {
		fault(trunk, "a frame came for a circuit that never was");
		return NULL;
	}
	/* As many as circuits end can have crossed, which is not many. */
	trunk->stats.late_frames++;
	if (!bucket_take(&trunk->bucket.empties, trunk->now_ns, 1))
		(void)trunk_glitch(trunk);
	return NULL;
}

/* Whole records are what they wait with. */
static void unblock_relayed(struct vif_trunk *trunk)
{
	struct list *link, *after;

	if (trunk->n_relayed == 0)
		return;
	list_foreach(&trunk->circuits, link, after) {
		struct vif_circuit *circuit =
			container_of(link, struct vif_circuit, all);

		if (circuit->state == CIRCUIT_RELAYED)
			relay_poke(circuit);
	}
}

/* Each tells of a byte at least that was sent, and taken. */
static bool is_earned(struct vif_trunk *trunk, uint64_t *n_limits,
		      const struct credit_tx *credit)
{
	return ++*n_limits <= credit->sent ||
	       bucket_take(&trunk->bucket.empties, trunk->now_ns, 1);
}

static void got_limit(struct vif_trunk *trunk, const struct frame_header *frame,
		      const uint8_t *body)
{
	struct vif_circuit *circuit;
	bool is_fine;

	(void)body;
	if (frame->id == 0) {
		is_fine = credit_raise(&trunk->tx_credit, frame->value) &&
			  is_earned(trunk, &trunk->n_limits, &trunk->tx_credit);
		window_unblocked(trunk, &trunk->blocked_since_ns,
				 &trunk->stats.blocked_ns);
		unblock_relayed(trunk);
	} else {
		circuit = circuit_of(trunk, frame);
		if (!circuit)
			return;
		if (circuit->state == CIRCUIT_OPENING ||
		    circuit->state == CIRCUIT_CONFIRMING) {
			circuit_fault(circuit, VIF_REASON_PROTOCOL,
				      "a LIMIT came out of turn");
			return;
		}
		is_fine = credit_raise(&circuit->hop_tx, frame->value) &&
			  is_earned(trunk, &circuit->n_hop_limits,
				    &circuit->hop_tx);
		window_unblocked(trunk, &circuit->hop_blocked_since_ns,
				 &circuit->stats.hop_blocked_ns);
		circuit_unblock(circuit);
	}
	if (!is_fine)
		(void)trunk_glitch(trunk);
}

static void got_accept(struct vif_trunk *trunk,
		       const struct frame_header *frame, const uint8_t *body)
{
	struct vif_circuit *circuit = circuit_of(trunk, frame);

	if (circuit && circuit->state == CIRCUIT_RELAYED)
		relay_got_accept(circuit, frame, body);
	else if (circuit && circuit->state != CIRCUIT_CLOSED)
		dial_got_accept(circuit, frame, body);
}

static void got_confirm(struct vif_trunk *trunk,
			const struct frame_header *frame, const uint8_t *body)
{
	struct vif_circuit *circuit = circuit_of(trunk, frame);

	if (circuit && circuit->state == CIRCUIT_RELAYED)
		relay_got_confirm(circuit, frame, body);
	else if (circuit && circuit->state != CIRCUIT_CLOSED)
		dial_got_confirm(circuit, body, frame->len);
}

static void got_shut(struct vif_trunk *trunk, const struct frame_header *frame,
		     const uint8_t *body)
{
	struct vif_circuit *circuit = circuit_of(trunk, frame);

	if (circuit)
		circuit_got_shut(circuit, body, frame->len);
}

static void got_rekey(struct vif_trunk *trunk, const struct frame_header *frame,
		      const uint8_t *body)
{
	(void)body;
	if (frame->value != trunk->rx_seal.n_key + 1)
		fault(trunk, "a key was changed out of turn");
	else if (!bucket_take(&trunk->bucket.rekeys, trunk->now_ns, 1))
		(void)trunk_end(trunk, VIF_REASON_FLOOD, true,
				"keys were changed too often");
	else if (seal_rekey(&trunk->rx_seal, trunk->now_ns) < 0)
		(void)trunk_end(trunk, VIF_REASON_MEMORY, true, "no new key");
	else
		trunk->stats.rekeys++;
}

static void got_drain(struct vif_trunk *trunk, const struct frame_header *frame,
		      const uint8_t *body)
{
	(void)frame, (void)body;
	if (trunk->peer_drains) {
		(void)trunk_glitch(trunk);
		return;
	}
	trunk->peer_drains = true;
	trunk_begin_drain(trunk);
	event_trunk(trunk, VIF_TRUNK_DRAINING);
	trunk_settle(trunk);
}

static void got_drained(struct vif_trunk *trunk,
			const struct frame_header *frame, const uint8_t *body)
{
	(void)frame, (void)body;
	if (!trunk->is_draining || trunk->peer_said_drained) {
		fault(trunk, "DRAINED came out of turn");
		return;
	}
	trunk->peer_said_drained = true;
	trunk_settle(trunk);
}

static void got_close(struct vif_trunk *trunk, const struct frame_header *frame,
		      const uint8_t *body)
{
	trunk_got_close(trunk, body, frame->len);
}

static void got_pad(struct vif_trunk *trunk, const struct frame_header *frame,
		    const uint8_t *body)
{
	if (!frame_is_blank(frame, body))
		fault(trunk, "padding came that is not zeros");
	else if (!bucket_take(&trunk->bucket.padding, trunk->now_ns,
			      FRAME_HEADER_LEN + frame->len))
		(void)trunk_glitch(trunk);
}

static void got_ready(struct vif_trunk *trunk, const struct frame_header *frame,
		      const uint8_t *body)
{
	(void)frame, (void)body;
	if (trunk->state == TRUNK_UNCONFIRMED)
		trunk_became_ready(trunk);
	else
		fault(trunk, "READY came twice");
}

static const struct {
	void (*got)(struct vif_trunk *trunk, const struct frame_header *frame,
		    const uint8_t *body);
	struct frame_form form;
} frames[] = {
	[FRAME_TRUNK_READY] = { got_ready, { 0, 0, 0, 0 } },
	[FRAME_TRUNK_PING] = { got_ping, { 0, 0, FRAME_HAS_VALUE, 0 } },
	[FRAME_TRUNK_PONG] = { got_pong, { 0, 0, FRAME_HAS_VALUE, 0 } },
	[FRAME_TRUNK_LIMIT] = { got_limit,
				{ 0, 0, FRAME_HAS_ID | FRAME_HAS_VALUE, 0 } },
	[FRAME_TRUNK_OPEN] = { dial_got_open,
			       { CORE_OPEN_FIXED, CORE_OPEN_MAX,
				 FRAME_HAS_ID | FRAME_HAS_VALUE, 0 } },
	[FRAME_TRUNK_ACCEPT] = { got_accept,
				 { 0, CORE_OPEN_MAX,
				   FRAME_HAS_ID | FRAME_HAS_VALUE, 0 } },
	[FRAME_TRUNK_CONFIRM] = { got_confirm,
				  { 0, CORE_OPEN_MAX, FRAME_HAS_ID, 0 } },
	[FRAME_TRUNK_SHUT] = { got_shut,
			       { 4, 4 + VIF_TRUNK_TEXT_MAX, FRAME_HAS_ID, 0 } },
	[FRAME_TRUNK_REKEY] = { got_rekey, { 0, 0, FRAME_HAS_VALUE, 0 } },
	[FRAME_TRUNK_DRAIN] = { got_drain, { 0, 0, 0, 0 } },
	[FRAME_TRUNK_DRAINED] = { got_drained, { 0, 0, 0, 0 } },
	[FRAME_TRUNK_CLOSE] = { got_close,
				{ 4, 4 + VIF_TRUNK_TEXT_MAX, 0, 0 } },
	[FRAME_TRUNK_PAD] = { got_pad, { 0, UINT16_MAX, 0, 0 } },
};

static void skip(struct vif_trunk *trunk)
{
	trunk->stats.skipped_frames++;
	if (!bucket_take(&trunk->bucket.skips, trunk->now_ns, 1))
		(void)trunk_glitch(trunk);
}

void control_receive(struct vif_trunk *trunk, const struct frame_header *frame,
		     const uint8_t *body)
{
	if (trunk->state == TRUNK_UNCONFIRMED &&
	    frame->type != FRAME_TRUNK_READY &&
	    frame->type != FRAME_TRUNK_CLOSE)
		fault(trunk, "READY did not come first");
	else if (frame->type >= FRAME_SKIPPABLE)
		skip(trunk);
	else if (frame->type >= ARRAY_LEN(frames) || !frames[frame->type].got)
		fault(trunk, "a frame came that nobody knows");
	else if (!frame_fits(&frames[frame->type].form, frame))
		fault(trunk, "a frame came that makes no sense");
	else
		frames[frame->type].got(trunk, frame, body);
}
