/* SPDX-License-Identifier: Apache-2.0 */
/* An account of what a relay passes on. */
#include "tests/sim/trunk_passed.h"

#include <stdlib.h>
#include <string.h>

enum {
	VALUE_MAX_SHIFT = 48, /* in OPEN and ACCEPT, behind the hop's limit */
	RECORD_MIN = 1024,
	RECORDS_FIRST = 16,
	DATA = 1, /* flag of a record */
};

void passed_init(struct passed *passed, struct wire link[SIM_SIDES],
		 const uint8_t *key)
{
	passed->key = key;
	passed->n_circuit = 0;
	passed->n_records = 0;
	for (int side = 0; side < SIM_SIDES; side++) {
		passed->link[side] = &link[side];
		link[side].passed = passed;
		link[side].end_side = (enum sim_side)side;
	}
}

void passed_fini(struct passed *passed)
{
	for (uint32_t i = 0; i < passed->n_circuit; i++)
		for (int side = 0; side < SIM_SIDES; side++)
			free(passed->circuit[i].queue[side].record);
	passed->n_circuit = 0;
}

struct passed_circuit *passed_of(const struct wire *wire,
				 const struct wire_circuit *circuit)
{
	if (!circuit || circuit->through == 0)
		return NULL;
	return &wire->passed->circuit[circuit->through - 1];
}

uint32_t passed_id(const struct passed *passed, enum sim_side end, uint32_t id)
{
	const struct wire *wire = passed->link[end];
	const struct passed_circuit *circuit =
		passed_of(wire, wire_circuit_of(wire, id));

	return circuit ? circuit->id : 0;
}

/* Handshakes */

static void keep(struct passed_circuit *circuit, const struct wire_frame *frame)
{
	sim_check(frame->len <= PASSED_MESSAGE_MAX);
	memcpy(circuit->message, frame->body, frame->len);
	circuit->message_len = frame->len;
	circuit->message_value = frame->value;
}

static bool is_kept(const struct passed_circuit *circuit,
		    const struct wire_frame *frame)
{
	return circuit->message_len == frame->len &&
	       memcmp(circuit->message, frame->body, frame->len) == 0;
}

/* The limit of a hop is its own; records may only get shorter on the way. */
static void check_value(const struct passed_circuit *circuit,
			const struct wire_frame *frame)
{
	uint64_t max = frame->value >> VALUE_MAX_SHIFT;

	sim_check(max <= circuit->message_value >> VALUE_MAX_SHIFT);
	sim_check(frame->type == WIRE_TRUNK_CONFIRM || max >= RECORD_MIN);
}

static uint32_t begin(struct wire *wire, const struct wire_frame *frame)
{
	struct passed *passed = wire->passed;
	struct passed_circuit *circuit = &passed->circuit[passed->n_circuit];
	enum sim_side opener = wire->end_side;

	sim_check(passed->n_circuit < PASSED_CIRCUITS);
	memset(circuit, 0, sizeof(*circuit));
	circuit->id = 2 * passed->ends.n_circuit[opener] + 1;
	if (opener == SIM_ACCEPTER)
		circuit->id++;
	circuit->link_id[opener] = frame->id;
	keep(circuit, frame);
	return ++passed->n_circuit;
}

/* There is one with the same words, as each has other keys. */
static uint32_t find_opened(const struct passed *passed, enum sim_side opener,
			    const struct wire_frame *frame)
{
	for (uint32_t i = 0; i < passed->n_circuit; i++) {
		const struct passed_circuit *circuit = &passed->circuit[i];
		const struct wire_circuit *came = wire_circuit_of(
			passed->link[opener], circuit->link_id[opener]);

		if (came && came->open_got && came->opener == opener &&
		    circuit->link_id[sim_other(opener)] == 0 &&
		    is_kept(circuit, frame))
			return i + 1;
	}
	sim_fail(__FILE__, __LINE__, "the relay opens what nobody has opened");
}

uint32_t passed_opened(struct wire *wire, const struct wire_frame *frame)
{
	struct passed *passed = wire->passed;
	uint32_t through;

	if (frame->side == wire->end_side)
		return begin(wire, frame);
	through = find_opened(passed, frame->side, frame);
	check_value(&passed->circuit[through - 1], frame);
	passed->circuit[through - 1].link_id[wire->end_side] = frame->id;
	return through;
}

void passed_message(struct wire *wire, struct passed_circuit *circuit,
		    const struct wire_frame *frame)
{
	if (!frame->is_sealed)
		return;
	if (frame->side == wire->end_side) {
		keep(circuit, frame);
		return;
	}
	sim_check(is_kept(circuit, frame));
	check_value(circuit, frame);
}

/* Records */

static void grow(struct passed_queue *queue)
{
	uint32_t size = queue->size ? 2 * queue->size : RECORDS_FIRST;
	struct passed_record *record =
		malloc((size_t)size * sizeof(*queue->record));

	sim_check(record != NULL);
	for (uint32_t i = 0; i < queue->n; i++)
		record[i] = queue->record[(queue->first + i) % queue->size];
	free(queue->record);
	queue->record = record;
	queue->size = size;
	queue->first = 0;
}

static struct passed_record describe(uint8_t flags, const uint8_t *record,
				     size_t len)
{
	struct passed_record what = { .len = (uint32_t)len, .flags = flags };

	sim_check(len >= PASSED_TAG_LEN);
	memcpy(what.tag, record + len - PASSED_TAG_LEN, PASSED_TAG_LEN);
	return what;
}

static void count(struct passed_queue *queue,
		  const struct passed_record *record, bool comes)
{
	uint64_t len = record->len;

	queue->bytes += comes ? len : -len;
	if (record->flags & DATA)
		queue->data_bytes += comes ? len : -len;
}

void passed_came(struct passed_circuit *circuit, enum sim_side sender,
		 uint8_t flags, const uint8_t *record, size_t len)
{
	struct passed_queue *queue = &circuit->queue[sender];
	struct passed_record *last;

	if (queue->n == queue->size)
		grow(queue);
	last = &queue->record[(queue->first + queue->n++) % queue->size];
	*last = describe(flags, record, len);
	count(queue, last, true);
}

void passed_goes(struct passed *passed, struct passed_circuit *circuit,
		 enum sim_side sender, uint8_t flags, const uint8_t *record,
		 size_t len)
{
	struct passed_queue *queue = &circuit->queue[sender];
	struct passed_record what = describe(flags, record, len);
	const struct passed_record *first;

	sim_check(queue->n > 0);
	first = &queue->record[queue->first];
	sim_check_equal(first->len, what.len);
	sim_check_equal(first->flags, what.flags);
	sim_check(memcmp(first->tag, what.tag, PASSED_TAG_LEN) == 0);
	count(queue, first, false);
	queue->first = (queue->first + 1) % queue->size;
	queue->n--;
	passed->n_records++;
}

void passed_shut(struct passed_circuit *circuit, enum sim_side end,
		 uint32_t code)
{
	if (code == VIF_REASON_NONE)
		sim_check_equal(circuit->queue[sim_other(end)].n, 0);
}

/* What lies there */

static bool is_ending(const struct passed *passed,
		      const struct passed_circuit *circuit)
{
	const struct wire_circuit *ends =
		wire_circuit_of(&passed->ends, circuit->id);

	return circuit->is_over || ends->close_sent[0] || ends->close_sent[1] ||
	       ends->shut_sent[0] || ends->shut_sent[1];
}

void passed_held(const struct passed *passed, enum sim_side from, bool data,
		 uint64_t *ret_min, uint64_t *ret_max)
{
	*ret_min = *ret_max = 0;
	for (uint32_t i = 0; i < passed->n_circuit; i++) {
		const struct passed_circuit *circuit = &passed->circuit[i];
		uint64_t held = 0;

		for (int side = 0; side < SIM_SIDES; side++)
			if (from == SIM_SIDES || side == (int)from)
				held += data ? circuit->queue[side].data_bytes :
					       circuit->queue[side].bytes;
		*ret_max += held;
		if (!is_ending(passed, circuit))
			*ret_min += held;
	}
}

/* I2: the relay grants what it has passed on, and a window. */
static void check_hop(const struct passed *passed,
		      const struct passed_circuit *circuit,
		      enum sim_side sender)
{
	const struct wire *link = passed->link[sender];
	const struct wire_circuit *in =
		wire_circuit_of(link, circuit->link_id[sender]);
	uint32_t window = link->hop_window[sim_other(sender)];
	const struct passed_queue *queue = &circuit->queue[sender];
	uint64_t limit = in->hop[sender].limit_sent;

	if (circuit->is_over)
		return;
	sim_check(queue->bytes <= window);
	sim_check(limit <= in->hop[sender].received - queue->bytes + window);
}

void passed_check(const struct passed *passed)
{
	for (uint32_t i = 0; i < passed->n_circuit; i++) {
		const struct passed_circuit *circuit = &passed->circuit[i];

		for (int side = 0; side < SIM_SIDES; side++)
			if (circuit->link_id[side] != 0 &&
			    !is_ending(passed, circuit))
				check_hop(passed, circuit, (enum sim_side)side);
	}
}
