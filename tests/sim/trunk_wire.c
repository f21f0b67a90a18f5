/* SPDX-License-Identifier: Apache-2.0 */
/* An account of what two trunks say to each other. */
#include "tests/sim/trunk_wire.h"

#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include "tests/sim/trunk_passed.h"
#include "trunk/noise/key.h"

enum {
	HEADER_LEN = 8,
	INNER_AAD_LEN = 2,
	FRAME_LEN = 16,
	TAG_LEN = 16,
	RECORD_CONTROL = 3,
	RECORD_CIRCUIT = 4,
	RECORD_SEALED = 5,
	FLAG_DATA = 1,
	OPEN_FIXED = 49,
	OPEN_DESTINATION = 16,
	TEXT_MAX = 256,
	SCRATCH = WIRE_RECORD_MAX,
};

static struct wire *current;
static enum sim_side current_side;

/* What the linker puts in the place of the functions that seal and open. */
int __real_noise_key_seal(struct noise_key *key, const void *aad,
			  size_t aad_len, const uint8_t *from, size_t len,
			  uint8_t *to);
int __wrap_noise_key_seal(struct noise_key *key, const void *aad,
			  size_t aad_len, const uint8_t *from, size_t len,
			  uint8_t *to);
int __real_noise_key_open(struct noise_key *key, const void *aad,
			  size_t aad_len, const uint8_t *from, size_t len,
			  uint8_t *to);
int __wrap_noise_key_open(struct noise_key *key, const void *aad,
			  size_t aad_len, const uint8_t *from, size_t len,
			  uint8_t *to);

/* Asked with each byte that is moved, and nobody forks here. */
pid_t __wrap_getpid(void);

pid_t __wrap_getpid(void)
{
	return 1;
}

void wire_switch(struct wire *wire)
{
	current = wire;
}

void wire_enter(enum sim_side side)
{
	current_side = side;
}

void wire_init(struct wire *wire, const struct sim_net *net,
	       const struct vif_trunk_config config[SIM_SIDES])
{
	*wire = (struct wire){ .net = net, .swapped = net->swapped };
	wire->record_max = UINT32_MAX;
	for (int side = 0; side < SIM_SIDES; side++) {
		const struct vif_trunk_config *own = &config[side];
		uint32_t max = own->record_max ? own->record_max : 16400;
		struct wire_level *granted = &wire->trunk[1 - side];

		if (max < wire->record_max)
			wire->record_max = max;
		wire->window[side] = own->window ? own->window : 16 << 20;
		wire->circuit_window[side] =
			own->circuit_window ? own->circuit_window : 128 << 10;
		wire->first_flow_window[side] =
			own->flow_window ? own->flow_window : 64 << 10;
		wire->flows_max[side] = own->flows_max ? own->flows_max : 4096;
		wire->hop_window[side] =
			own->hop_window ? own->hop_window : 128 << 10;
		granted->limit_sent = wire->window[side] + WIRE_TRUNK_SLACK;
		granted->limit_got = granted->limit_sent;
	}
	current = wire;
}

void wire_fini(struct wire *wire)
{
	for (int side = 0; side < SIM_SIDES; side++) {
		for (uint32_t i = 0; i < wire->n_circuit[side]; i++) {
			free(wire->circuit[side][i].flows[0].flow);
			free(wire->circuit[side][i].flows[1].flow);
		}
		free(wire->circuit[side]);
		wire->circuit[side] = NULL;
		wire->n_circuit[side] = wire->size_circuit[side] = 0;
	}
	current = NULL;
}

/* By its parity: the trunk's dialer has the odd ones. */
static bool is_dialers_id(const struct wire *wire, uint32_t id)
{
	return (id % 2 == 1) != wire->swapped;
}

struct wire_circuit *wire_circuit_of(const struct wire *wire, uint32_t id)
{
	enum sim_side opener =
		is_dialers_id(wire, id) ? SIM_DIALER : SIM_ACCEPTER;
	uint32_t i = (id - 1) / 2;

	if (id == 0 || i >= wire->n_circuit[opener])
		return NULL;
	return &wire->circuit[opener][i];
}

enum sim_side wire_flow_opener(const struct wire_circuit *circuit, uint32_t id)
{
	return id % 2 ? circuit->opener : sim_other(circuit->opener);
}

struct wire_flow *wire_flow_of(const struct wire_circuit *circuit, uint32_t id)
{
	const struct wire_flows *flows =
		&circuit->flows[wire_flow_opener(circuit, id)];
	uint32_t i = (id - 1) / 2;

	return id == 0 || i >= flows->n ? NULL : &flows->flow[i];
}

static uint64_t read_number(const uint8_t *bytes, size_t len)
{
	uint64_t number = 0;

	for (size_t i = 0; i < len; i++)
		number = number << 8 | bytes[i];
	return number;
}

/* Credit */

static void count_sent(struct wire_level *level, uint64_t n)
{
	level->sent += n;
	sim_check(level->sent <= level->limit_got); /* I1 */
}

static void count_received(struct wire_level *level, uint64_t n)
{
	level->received += n;
	sim_check(level->received <= level->sent);       /* I5 */
	sim_check(level->received <= level->limit_sent); /* I1 */
}

/* I6: a limit that is told is new; I7: it arrives as it was told. */
static void told_limit(struct wire_level *level, uint64_t limit)
{
	sim_check(limit > level->limit_sent);
	level->limit_sent = limit;
}

static void got_limit(struct wire_level *level, uint64_t limit)
{
	sim_check(limit > level->limit_got);
	sim_check(limit <= level->limit_sent);
	level->limit_got = limit;
}

static void limit_frame(struct wire_level *level,
			const struct wire_frame *frame)
{
	sim_check(frame->len == 0);
	if (frame->is_sealed)
		told_limit(level, frame->value);
	else
		got_limit(level, frame->value);
}

/* Frames of a circuit */

/* The first limits that a side grants; the sender knows of them now. */
static void grant(struct wire_circuit *circuit, enum sim_side by)
{
	struct wire_level *level = &circuit->payload[sim_other(by)];

	level->limit_got = level->limit_sent;
}

/* Twice as many of size bytes each, or the first; what is new is zero. */
static void *grow(void *array, uint32_t *n, size_t size)
{
	uint32_t before = *n;

	*n = before ? 2 * before : 8;
	array = realloc(array, *n * size);
	sim_check(array != NULL);
	memset((uint8_t *)array + before * size, 0, (*n - before) * size);
	return array;
}

static struct wire_flow *announce(struct wire_circuit *circuit,
				  enum sim_side opener, uint32_t id)
{
	struct wire_flows *flows = &circuit->flows[opener];
	struct wire_flow *flow;

	/* I9: exactly the next id of that side. */
	sim_check_equal((id - 1) / 2, flows->n);
	if (flows->n == flows->size)
		flows->flow =
			grow(flows->flow, &flows->size, sizeof(*flows->flow));
	flow = &flows->flow[flows->n++];
	for (int sender = 0; sender < SIM_SIDES; sender++) {
		struct wire_level *level = &flow->stream[sender].level;

		level->limit_sent = level->limit_got =
			circuit->flow_window[1 - sender];
	}
	return flow;
}

static struct wire_flow *flow_of_data(struct wire_circuit *circuit,
				      const struct wire_frame *frame)
{
	enum sim_side opener = wire_flow_opener(circuit, frame->id);
	bool is_open = frame->flags & WIRE_OPEN;
	struct wire_flow *flow;

	sim_check(frame->id != 0);
	if (is_open && frame->is_sealed) {
		sim_check(opener == frame->side);
		flow = announce(circuit, opener, frame->id);
		flow->lane = frame->flags & WIRE_PACKET;
		flow->head_len = frame->len < WIRE_HEAD ? (uint8_t)frame->len :
							  WIRE_HEAD;
		memcpy(flow->head, frame->body, flow->head_len);
		return flow;
	}
	flow = wire_flow_of(circuit, frame->id);
	sim_check(flow != NULL);
	sim_check(is_open || !(frame->flags & WIRE_PACKET));
	if (is_open)
		sim_check(!flow->opened);
	else if (opener == frame->side || !frame->is_sealed)
		sim_check(frame->is_sealed || flow->opened);
	if (is_open)
		flow->opened = true;
	return flow;
}

static void data_sent(struct wire_circuit *circuit, struct wire_stream *stream,
		      const struct wire_frame *frame)
{
	sim_check(!stream->fin_sent);
	sim_check(!stream->reset_sent);
	sim_check(frame->value == stream->level.sent);
	count_sent(&stream->level, frame->len);
	count_sent(&circuit->payload[frame->side], frame->len);
	if (frame->flags & WIRE_FIN) {
		stream->fin_sent = true;
		stream->final_size = stream->level.sent;
	}
}

static void data_got(struct wire_circuit *circuit, struct wire_stream *stream,
		     const struct wire_frame *frame)
{
	sim_check(frame->value == stream->level.received);
	count_received(&stream->level, frame->len);
	count_received(&circuit->payload[sim_other(frame->side)], frame->len);
	if (frame->flags & WIRE_FIN) {
		sim_check(stream->final_size == stream->level.received);
		stream->fin_got = true;
	}
}

static enum sim_side sender_of(const struct wire_frame *frame)
{
	return frame->is_sealed ? frame->side : sim_other(frame->side);
}

static void data_frame(struct wire_circuit *circuit,
		       const struct wire_frame *frame, bool is_data_record)
{
	struct wire_flow *flow = flow_of_data(circuit, frame);
	struct wire_stream *stream = &flow->stream[sender_of(frame)];

	sim_check((frame->flags & ~(WIRE_OPEN | WIRE_FIN | WIRE_PACKET)) == 0);
	sim_check(frame->len > 0 || frame->flags);
	sim_check(frame->len == 0 || is_data_record);
	if (frame->is_sealed)
		data_sent(circuit, stream, frame);
	else
		data_got(circuit, stream, frame);
}

static void credit_frame(struct wire_circuit *circuit,
			 const struct wire_frame *frame)
{
	enum sim_side granted_to = sim_other(sender_of(frame));
	struct wire_flow *flow;

	sim_check(frame->flags == 0);
	if (frame->id == 0) {
		limit_frame(&circuit->payload[granted_to], frame);
		return;
	}
	flow = wire_flow_of(circuit, frame->id);
	sim_check(flow != NULL);
	limit_frame(&flow->stream[granted_to].level, frame);
}

static void reset_frame(struct wire_circuit *circuit,
			const struct wire_frame *frame)
{
	struct wire_flow *flow = wire_flow_of(circuit, frame->id);
	struct wire_stream *stream;

	sim_check(flow != NULL && frame->len == 4 && frame->flags == 0);
	stream = &flow->stream[sender_of(frame)];
	if (frame->is_sealed) {
		sim_check(!stream->fin_sent && !stream->reset_sent);
		/* I4: what was sent and what is charged is the same. */
		sim_check(frame->value == stream->level.sent);
		stream->reset_sent = true;
		stream->final_size = frame->value;
		stream->reset_code = (uint32_t)read_number(frame->body, 4);
		return;
	}
	sim_check(frame->value == stream->final_size);
	stream->reset_got = true;
}

static void stop_frame(struct wire_circuit *circuit,
		       const struct wire_frame *frame)
{
	struct wire_flow *flow = wire_flow_of(circuit, frame->id);
	struct wire_stream *stream;

	sim_check(flow != NULL && frame->len == 4 && frame->flags == 0);
	sim_check(frame->value == 0);
	stream = &flow->stream[sim_other(sender_of(frame))];
	if (frame->is_sealed) {
		sim_check(!stream->stop_sent);
		stream->stop_sent = true;
		stream->stop_code = (uint32_t)read_number(frame->body, 4);
		return;
	}
	stream->stop_got = true;
}

static void check_ending(const struct wire_frame *frame)
{
	sim_check(frame->flags == 0 && frame->value == 0);
	sim_check(frame->len >= 4 && frame->len <= 4 + TEXT_MAX);
}

static void circuit_frame(struct wire_circuit *circuit,
			  const struct wire_frame *frame, bool is_data_record)
{
	enum sim_side sender = sender_of(frame);

	if (frame->is_sealed) {
		/* C6: nothing of a circuit comes behind its CLOSE. */
		sim_check(!circuit->close_sent[sender]);
		sim_check(!circuit->shut_sent[sender]);
	}
	switch ((enum wire_type)frame->type) {
	case WIRE_DATA:
		data_frame(circuit, frame, is_data_record);
		break;
	case WIRE_CREDIT:
		credit_frame(circuit, frame);
		break;
	case WIRE_RESET:
		reset_frame(circuit, frame);
		break;
	case WIRE_STOP:
		stop_frame(circuit, frame);
		break;
	case WIRE_CLOSE:
		check_ending(frame);
		if (frame->is_sealed)
			circuit->close_sent[sender] = true;
		else
			circuit->close_got[sender] = true;
		break;
	case WIRE_REKEY:
		sim_check(circuit->mode == VIF_CIRCUIT_SEALED);
		break;
	case WIRE_PAD:
		break;
	default:
		sim_fail(__FILE__, __LINE__, "type %u in a circuit",
			 frame->type);
	}
}

/* Frames of the trunk */

static void said_windows(struct wire_circuit *circuit, enum sim_side by,
			 const uint8_t *body)
{
	circuit->payload[sim_other(by)].limit_sent = read_number(body, 4);
	circuit->flow_window[by] = (uint32_t)read_number(body + 4, 4);
	circuit->flows_max[by] = (uint32_t)read_number(body + 8, 4);
}

/* The first limit, and above it how long a record may be. */
static void said_hop(struct wire_level *level, uint64_t value)
{
	level->limit_sent = level->limit_got =
		value & ((UINT64_C(1) << 48) - 1);
}

static void open_frame(struct wire *wire, const struct wire_frame *frame)
{
	enum sim_side opener = sender_of(frame);
	struct wire_circuit *circuit;

	sim_check(frame->len >= OPEN_FIXED && frame->id != 0);
	if (!frame->is_sealed) {
		circuit = wire_circuit_of(wire, frame->id);
		sim_check(circuit != NULL && !circuit->open_got);
		circuit->open_got = true;
		grant(circuit, opener);
		return;
	}
	/* I9: exactly the next id of that side. */
	sim_check_equal((frame->id - 1) / 2, wire->n_circuit[opener]);
	sim_check_equal(is_dialers_id(wire, frame->id), opener == SIM_DIALER);
	sim_check(!wire->drained_sent[opener]);
	if (wire->n_circuit[opener] == wire->size_circuit[opener])
		wire->circuit[opener] =
			grow(wire->circuit[opener], &wire->size_circuit[opener],
			     sizeof(*wire->circuit[opener]));
	circuit = &wire->circuit[opener][wire->n_circuit[opener]++];
	circuit->opener = opener;
	circuit->mode = (enum vif_circuit_mode)frame->body[0];
	said_windows(circuit, opener, frame->body + 4);
	said_hop(&circuit->hop[sim_other(opener)], frame->value);
}

/*
 * What an accepter says is hidden in a handshake unless the circuit is derived;
 * then its configuration is taken for it.
 */
static void accept_frame(const struct wire *wire, struct wire_circuit *circuit,
			 const struct wire_frame *frame)
{
	enum sim_side accepter = sender_of(frame);
	struct wire_level *level = &circuit->payload[sim_other(accepter)];

	sim_check(sim_other(circuit->opener) == accepter);
	if (!frame->is_sealed) {
		sim_check(circuit->accepted && !circuit->accept_got);
		circuit->accept_got = true;
		grant(circuit, accepter);
		return;
	}
	sim_check(!circuit->accepted);
	circuit->accepted = true;
	said_hop(&circuit->hop[circuit->opener], frame->value);
	if (circuit->mode == VIF_CIRCUIT_DERIVED) {
		sim_check(frame->len == 12);
		said_windows(circuit, accepter, frame->body);
		return;
	}
	level->limit_sent = wire->circuit_window[accepter];
	circuit->flow_window[accepter] = wire->first_flow_window[accepter];
	circuit->flows_max[accepter] = wire->flows_max[accepter];
}

static void confirm_frame(struct wire_circuit *circuit,
			  const struct wire_frame *frame)
{
	sim_check(circuit->opener == sender_of(frame));
	sim_check(circuit->accept_got);
	if (frame->is_sealed) {
		sim_check(!circuit->confirmed);
		circuit->confirmed = true;
		return;
	}
	circuit->confirm_got = true;
}

static void shut_frame(struct wire_circuit *circuit,
		       const struct wire_frame *frame)
{
	enum sim_side sender = sender_of(frame);

	check_ending(frame);
	if (frame->is_sealed) {
		sim_check(!circuit->shut_sent[sender]);
		circuit->shut_sent[sender] = true;
		return;
	}
	circuit->shut_got[sender] = true;
}

static void frame_about_circuit(struct wire *wire,
				const struct wire_frame *frame)
{
	struct wire_circuit *circuit = wire_circuit_of(wire, frame->id);
	enum sim_side granted_to = sim_other(sender_of(frame));

	sim_check(circuit != NULL);
	switch ((enum wire_type)frame->type) {
	case WIRE_TRUNK_ACCEPT:
		accept_frame(wire, circuit, frame);
		break;
	case WIRE_TRUNK_CONFIRM:
		confirm_frame(circuit, frame);
		break;
	case WIRE_TRUNK_SHUT:
		shut_frame(circuit, frame);
		break;
	default:
		sim_check(circuit->mode == VIF_CIRCUIT_SEALED);
		limit_frame(&circuit->hop[granted_to], frame);
	}
}

static bool is_for_another(const struct wire *wire,
			   const struct wire_frame *frame)
{
	static const uint8_t nobody[VIF_KEY_LEN];
	const uint8_t *key = frame->body + OPEN_DESTINATION;

	return memcmp(key, nobody, VIF_KEY_LEN) != 0 &&
	       memcmp(key, wire->passed->key, VIF_KEY_LEN) != 0;
}

/* What the ends say to each other by way of a relay, told at each of them. */
static void frame_between_ends(struct wire *wire,
			       const struct wire_frame *frame)
{
	struct wire_circuit *circuit = wire_circuit_of(wire, frame->id);
	struct wire *ends = &wire->passed->ends;
	struct wire_frame inner = *frame;
	struct passed_circuit *passed;

	if (frame->type == WIRE_TRUNK_OPEN && frame->is_sealed &&
	    is_for_another(wire, frame))
		circuit->through = passed_opened(wire, frame);
	passed = passed_of(wire, circuit);
	if (!passed)
		return;
	if (frame->type == WIRE_TRUNK_ACCEPT ||
	    frame->type == WIRE_TRUNK_CONFIRM)
		passed_message(wire, passed, frame);
	if (frame->side != wire->end_side) {
		passed->is_over |= frame->type == WIRE_TRUNK_SHUT;
		if (frame->type == WIRE_TRUNK_SHUT && frame->is_sealed)
			passed_shut(passed, wire->end_side,
				    (uint32_t)read_number(frame->body, 4));
		return;
	}
	inner.id = passed->id;
	if (frame->type == WIRE_TRUNK_OPEN)
		open_frame(ends, &inner);
	else if (frame->type != WIRE_TRUNK_LIMIT)
		frame_about_circuit(ends, &inner);
}

static void trunk_frame(struct wire *wire, const struct wire_frame *frame)
{
	enum sim_side sender = sender_of(frame);

	switch ((enum wire_type)frame->type) {
	case WIRE_TRUNK_OPEN:
		open_frame(wire, frame);
		if (wire->passed)
			frame_between_ends(wire, frame);
		break;
	case WIRE_TRUNK_LIMIT:
		if (frame->id == 0)
			limit_frame(&wire->trunk[sim_other(sender)], frame);
		else
			frame_about_circuit(wire, frame);
		break;
	case WIRE_TRUNK_ACCEPT:
	case WIRE_TRUNK_CONFIRM:
	case WIRE_TRUNK_SHUT:
		frame_about_circuit(wire, frame);
		if (wire->passed)
			frame_between_ends(wire, frame);
		break;
	case WIRE_TRUNK_DRAIN:
		wire->drain_sent[sender] = true;
		break;
	case WIRE_TRUNK_DRAINED:
		wire->drained_sent[sender] = true;
		break;
	case WIRE_TRUNK_CLOSE:
		check_ending(frame);
		if (frame->is_sealed)
			wire->close_sent[sender] = true;
		else
			wire->close_got[sender] = true;
		break;
	case WIRE_TRUNK_READY:
	case WIRE_TRUNK_PING:
	case WIRE_TRUNK_PONG:
	case WIRE_TRUNK_REKEY:
	case WIRE_TRUNK_PAD:
		break;
	default:
		sim_fail(__FILE__, __LINE__, "type %u in a trunk", frame->type);
	}
}

/* Records */

struct record {
	uint8_t type;
	uint8_t flags;
	uint32_t circuit;
	bool is_sealed;
	uint64_t number;
};

/* READY, or CLOSE, is a side's first frame, and nothing is behind CLOSE. */
static void check_order(struct wire *wire, const struct wire_frame *frame)
{
	enum sim_side sender = sender_of(frame);

	if (!frame->is_sealed)
		return;
	sim_check(!wire->close_sent[sender]);
	if (frame->type == WIRE_TRUNK_READY)
		sim_check(!wire->ready_sent[sender]);
	else
		sim_check(wire->ready_sent[sender] ||
			  frame->type == WIRE_TRUNK_CLOSE);
	wire->ready_sent[sender] = true;
	wire->n_frame[frame->type % WIRE_TYPES]++;
}

/* The account of what is in a record of a circuit. */
static struct wire_circuit *inside_of(const struct wire *wire, uint32_t id)
{
	struct wire_circuit *circuit = wire_circuit_of(wire, id);
	const struct passed_circuit *passed = passed_of(wire, circuit);

	return passed ? wire_circuit_of(&wire->passed->ends, passed->id) :
			circuit;
}

static void take_frame(struct wire *wire, const struct record *record,
		       const struct wire_frame *frame)
{
	struct wire_circuit *circuit;

	wire->n_changes++;
	if (!wire->lying) {
		check_order(wire, frame);
		if (record->type == RECORD_CONTROL) {
			trunk_frame(wire, frame);
		} else {
			circuit = inside_of(wire, record->circuit);
			sim_check(circuit != NULL);
			circuit_frame(circuit, frame,
				      record->flags & FLAG_DATA);
		}
	}
	if (wire->watch)
		wire->watch(wire->user, frame);
}

static void take_frames(struct wire *wire, const struct record *record,
			const uint8_t *bytes, size_t len)
{
	size_t at = 0;

	while (at < len) {
		struct wire_frame frame = {
			.side = current_side,
			.is_sealed = record->is_sealed,
			.n_record = record->number,
			.now_ns = wire->net->now_ns,
			.circuit = record->circuit,
		};

		if (wire->lying && len - at < FRAME_LEN)
			return;
		sim_check(len - at >= FRAME_LEN);
		frame.type = bytes[at];
		frame.flags = bytes[at + 1];
		frame.len = (uint16_t)read_number(bytes + at + 2, 2);
		frame.id = (uint32_t)read_number(bytes + at + 4, 4);
		frame.value = read_number(bytes + at + 8, 8);
		frame.body = bytes + at + FRAME_LEN;
		if (wire->lying && len - at - FRAME_LEN < frame.len)
			return;
		sim_check(len - at - FRAME_LEN >= frame.len);
		take_frame(wire, record, &frame);
		at += FRAME_LEN + (size_t)frame.len;
	}
}

/* A record is charged, whatever is in it, for who sent it. */
static void charge(struct wire *wire, const struct record *record, size_t len)
{
	enum sim_side sender =
		record->is_sealed ? current_side : sim_other(current_side);
	struct wire_circuit *circuit = wire_circuit_of(wire, record->circuit);
	struct wire_level *levels[2] = { NULL, NULL };

	if (wire->lying)
		return;
	if (record->flags & FLAG_DATA)
		levels[0] = &wire->trunk[sender];
	if (record->type == RECORD_SEALED) {
		sim_check(circuit != NULL);
		levels[1] = &circuit->hop[sender];
	}
	for (int i = 0; i < 2; i++) {
		if (levels[i] && record->is_sealed)
			count_sent(levels[i], len);
		else if (levels[i])
			count_received(levels[i], len);
	}
}

static struct record read_header(const uint8_t *aad, bool is_sealed)
{
	struct wire *wire = current;

	return (struct record){
		.type = aad[0],
		.flags = aad[1],
		.circuit = (uint32_t)read_number(aad + 4, 4),
		.is_sealed = is_sealed,
		.number = is_sealed ? wire->n_sealed[current_side]++ :
				      wire->n_opened[current_side]++,
	};
}

static void check_header(const struct wire *wire, const uint8_t *aad,
			 size_t len)
{
	size_t max = wire->record_max;

	sim_check(aad[0] >= RECORD_CONTROL && aad[0] <= RECORD_SEALED);
	sim_check(aad[1] == 0 ||
		  (aad[1] == FLAG_DATA && aad[0] != RECORD_CONTROL));
	sim_check_equal(aad[0] == RECORD_CONTROL, read_number(aad + 4, 4) == 0);
	sim_check_equal(read_number(aad + 2, 2), len + TAG_LEN);
	sim_check(len > 0);
	sim_check(len <= (aad[0] == RECORD_SEALED ? max + TAG_LEN : max));
}

/* The inner part of a record comes first; it is looked at with the outer. */
static void keep_inner(const struct noise_key *key, const uint8_t *aad,
		       const uint8_t *from, size_t len)
{
	sim_check(!current->has_inner);
	sim_check(len > 0 && len <= current->record_max);
	current->has_inner = true;
	memcpy(current->inner, from, len);
	current->inner_len = len;
	current->inner_flags = aad[1];
	current->inner_number = key->nonce;
}

/* Whether the record is passed on, by a relay that cannot look into it. */
static bool pass(struct wire *wire, const struct record *record,
		 const uint8_t *bytes, size_t len)
{
	const struct wire_circuit *circuit =
		wire_circuit_of(wire, record->circuit);
	struct passed_circuit *passed = passed_of(wire, circuit);

	if (!passed || current_side == wire->end_side)
		return false;
	wire->n_changes++;
	if (!record->is_sealed) {
		passed_came(passed, wire->end_side, record->flags, bytes, len);
		return true;
	}
	sim_check(!circuit->shut_sent[current_side]);
	passed_goes(wire->passed, passed, current_side, record->flags, bytes,
		    len);
	return true;
}

/*
 * S5: each number once. A key's first is 0, or 1 where the proof in CONFIRM has
 * had 0; a new key goes on where the old one was.
 */
static void check_inner_number(struct wire_circuit *circuit)
{
	uint64_t *next = &circuit->n_sealed[current_side];

	if (*next == 0)
		sim_check(current->inner_number <= 1);
	else
		sim_check_equal(current->inner_number, *next);
	*next = current->inner_number + 1;
}

static void on_seal(const struct noise_key *key, const uint8_t *aad,
		    size_t aad_len, const uint8_t *from, size_t len)
{
	struct record record;

	if (aad_len == INNER_AAD_LEN) {
		keep_inner(key, aad, from, len);
		return;
	}
	sim_check(aad_len == HEADER_LEN);
	check_header(current, aad, len);
	record = read_header(aad, true);
	sim_check_equal(key->nonce, record.number); /* S5 */
	if (pass(current, &record, from, len)) {
		sim_check(record.type == RECORD_SEALED && !current->has_inner);
		charge(current, &record, len);
		return;
	}
	sim_check_equal(record.type == RECORD_SEALED, current->has_inner);
	charge(current, &record, len);
	if (record.type != RECORD_SEALED) {
		take_frames(current, &record, from, len);
		return;
	}
	sim_check_equal(record.flags, current->inner_flags);
	sim_check_equal(len, current->inner_len + TAG_LEN);
	if (!current->lying)
		check_inner_number(inside_of(current, record.circuit));
	take_frames(current, &record, current->inner, current->inner_len);
	current->has_inner = false;
}

static void on_open(const uint8_t *aad, size_t aad_len, const uint8_t *plain,
		    size_t len)
{
	struct record record;

	if (aad_len == INNER_AAD_LEN) {
		record = (struct record){
			.type = RECORD_SEALED,
			.flags = aad[1],
			.circuit = current->outer_circuit[current_side],
			.number = current->n_opened[current_side] - 1,
		};
		take_frames(current, &record, plain, len);
		return;
	}
	sim_check(aad_len == HEADER_LEN);
	record = read_header(aad, false);
	charge(current, &record, len);
	current->outer_circuit[current_side] = record.circuit;
	if (pass(current, &record, plain, len))
		return;
	if (record.type != RECORD_SEALED)
		take_frames(current, &record, plain, len);
}

/* Changes a copy: what is to be sealed is the caller's, and may be constant. */
static const uint8_t *forged(const void *aad, size_t aad_len,
			     const uint8_t *from, size_t len)
{
	static uint8_t copy[SCRATCH];
	uint32_t circuit = 0;

	if (!current->forge)
		return from;
	if (aad_len == HEADER_LEN)
		circuit = (uint32_t)read_number((const uint8_t *)aad + 4, 4);
	memcpy(copy, from, len);
	current->forge(current->user, current_side, circuit, copy, len);
	return copy;
}

int __wrap_noise_key_seal(struct noise_key *key, const void *aad,
			  size_t aad_len, const uint8_t *from, size_t len,
			  uint8_t *to)
{
	/* The proof of a key in a handshake is no record. */
	if (current && aad_len > 0) {
		sim_check(len <= SCRATCH - TAG_LEN);
		from = forged(aad, aad_len, from, len);
		on_seal(key, aad, aad_len, from, len);
	}
	return __real_noise_key_seal(key, aad, aad_len, from, len, to);
}

int __wrap_noise_key_open(struct noise_key *key, const void *aad,
			  size_t aad_len, const uint8_t *from, size_t len,
			  uint8_t *to)
{
	int ret = __real_noise_key_open(key, aad, aad_len, from, len, to);

	if (current && aad_len > 0 && ret == 0)
		on_open(aad, aad_len, to, len);
	return ret;
}
