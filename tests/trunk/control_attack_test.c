/* SPDX-License-Identifier: Apache-2.0 */
/* Attacks on a trunk: records and frames of its own that break a rule. */
#include "tests/trunk_attack.h"

static void control(struct stage *s, unsigned int type, uint32_t id,
		    uint64_t value, size_t len)
{
	(void)hostile_control(&s->h, type, id, value, NULL, len);
}

static uint32_t our_parity(const struct stage *s)
{
	return 3 - s->id;
}

/* Numbers of circuits. */

static void open_circuit(struct stage *s, uint32_t id)
{
	uint8_t body[CORE_OPEN_FIXED];
	size_t len = hostile_open_body(&s->h, VIF_CIRCUIT_DERIVED, body);

	(void)hostile_control(&s->h, FRAME_TRUNK_OPEN, id, hostile_hop(65536),
			      body, len);
}

/* What was there is not touched: all of it ends as the trunk does. */
static void open_existing(struct stage *s)
{
	open_circuit(s, s->id);
}

static void open_skipped(struct stage *s)
{
	open_circuit(s, s->other + 4);
}

static void open_our_parity(struct stage *s)
{
	open_circuit(s, our_parity(s));
}

static void open_zero(struct stage *s)
{
	open_circuit(s, 0);
}

static void open_top(struct stage *s)
{
	open_circuit(s, UINT32_MAX);
}

static void open_gone(struct stage *s)
{
	hostile_code_frame(&s->h, FRAME_TRUNK_SHUT, s->id, 0, 300);
	(void)hostile_record(&s->h, RECORD_CONTROL, 0, 0);
	assert_null(circuit_find(s->h.trunk, s->id));
	open_circuit(s, s->id);
}

static void frames_for_gone(struct stage *s)
{
	uint64_t late = s->h.trunk->stats.late_frames;

	hostile_code_frame(&s->h, FRAME_TRUNK_SHUT, s->id, 0, 300);
	(void)hostile_record(&s->h, RECORD_CONTROL, 0, 0);
	hostile_accept(&s->h, s->id);
	control(s, FRAME_TRUNK_CONFIRM, s->id, 0, 0);
	control(s, FRAME_TRUNK_LIMIT, s->id, 1 << 30, 0);
	control(s, FRAME_TRUNK_SHUT, s->id, 0, 4);
	(void)hostile_data(&s->h, s->id, 0, STAGE_FLOW, STAGE_BYTES, 1);
	assert_int_equal(s->h.trunk->stats.late_frames, late + 5);
	assert_int_equal(vif_circuit_reason(s->circuit, NULL), 300);
	s->circuit = s->other_circuit; /* as the stage is to be found */
}

static void record_for_unknown(struct stage *s)
{
	hostile_frame(&s->h, FRAME_CREDIT, 0, 0, 0, NULL, 0);
	(void)hostile_record(&s->h, RECORD_CIRCUIT, 0, s->other + 2);
}

static void limit_for_unknown(struct stage *s)
{
	control(s, FRAME_TRUNK_LIMIT, our_parity(s), 0, 0);
}

static void shut_for_unknown(struct stage *s)
{
	control(s, FRAME_TRUNK_SHUT, s->other + 2, 0, 4);
}

static void accept_for_unknown(struct stage *s)
{
	hostile_accept(&s->h, our_parity(s));
}

/* OPEN. */

static void bad_open(struct stage *s, size_t at, uint8_t value, size_t len)
{
	uint8_t body[CORE_OPEN_MAX] = { 0 };

	(void)hostile_open_body(&s->h, VIF_CIRCUIT_DERIVED, body);
	body[at] = value;
	(void)hostile_control(&s->h, FRAME_TRUNK_OPEN, s->other + 2,
			      hostile_hop(65536), body, len);
}

static void open_short(struct stage *s)
{
	bad_open(s, 3, 0, CORE_OPEN_FIXED - 1);
}

static void open_long(struct stage *s)
{
	control(s, FRAME_TRUNK_OPEN, s->other + 2, hostile_hop(65536),
		CORE_OPEN_MAX + 1);
}

static void open_mode_unknown(struct stage *s)
{
	bad_open(s, 0, 4, CORE_OPEN_FIXED);
}

static void open_mode_zero(struct stage *s)
{
	bad_open(s, 0, 0, CORE_OPEN_FIXED);
}

static void open_reserved(struct stage *s)
{
	bad_open(s, 3, 1, CORE_OPEN_FIXED);
}

static void open_derived_with_pattern(struct stage *s)
{
	bad_open(s, 1, 1, CORE_OPEN_FIXED);
}

static void open_derived_with_suite(struct stage *s)
{
	bad_open(s, 2, 1, CORE_OPEN_FIXED);
}

static void open_derived_with_message(struct stage *s)
{
	bad_open(s, 3, 0, CORE_OPEN_FIXED + 32);
}

static void open_bound_with_suite(struct stage *s)
{
	uint8_t body[CORE_OPEN_MAX] = { 0 };

	(void)hostile_open_body(&s->h, VIF_CIRCUIT_BOUND, body);
	body[2] = 1;
	(void)hostile_control(&s->h, FRAME_TRUNK_OPEN, s->other + 2,
			      hostile_hop(65536), body, CORE_OPEN_FIXED + 32);
}

static void open_service_cut_off(struct stage *s)
{
	bad_open(s, 48, 2, CORE_OPEN_FIXED + 1);
}

static void open_service_with_nul(struct stage *s)
{
	bad_open(s, 48, 1, CORE_OPEN_FIXED + 1);
}

/* Only this circuit makes no sense: nobody else has to care. */
static void open_without_hop(struct stage *s)
{
	uint8_t body[CORE_OPEN_FIXED];
	size_t len = hostile_open_body(&s->h, VIF_CIRCUIT_DERIVED, body);

	(void)hostile_control(&s->h, FRAME_TRUNK_OPEN, s->other + 2,
			      (uint64_t)(VIF_TRUNK_RECORD_MIN - 1) << 48, body,
			      len);
	assert_true(hostile_heard_code(&s->h, FRAME_TRUNK_SHUT, s->other + 2,
				       VIF_REASON_PROTOCOL));
	s->h.heard[FRAME_TRUNK_SHUT].n = 0;
}

static void open_elsewhere(struct stage *s)
{
	uint8_t body[CORE_OPEN_FIXED];
	size_t len = hostile_open_body(&s->h, VIF_CIRCUIT_DERIVED, body);

	body[16] = 1; /* a destination that is not here */
	(void)hostile_control(&s->h, FRAME_TRUNK_OPEN, s->other + 2,
			      hostile_hop(65536), body, len);
	assert_true(hostile_heard_code(&s->h, FRAME_TRUNK_SHUT, s->other + 2,
				       VIF_REASON_NO_ROUTE));
	s->h.heard[FRAME_TRUNK_SHUT].n = 0;
}

/* Out of turn, for a circuit that is open. */

static void accept_of_open(struct stage *s)
{
	hostile_accept(&s->h, s->id);
}

static void confirm_of_open(struct stage *s)
{
	control(s, FRAME_TRUNK_CONFIRM, s->id, 0, 0);
}

/* Records. */

static void record_type_unknown(struct stage *s)
{
	hostile_frame(&s->h, FRAME_TRUNK_PING, 0, 0, 0, NULL, 0);
	(void)hostile_record(&s->h, 6, 0, 0);
}

static void record_type_zero(struct stage *s)
{
	(void)hostile_record(&s->h, 0, 0, 0);
}

static void hello_after_ready(struct stage *s)
{
	(void)hostile_record(&s->h, RECORD_HELLO, 0, 0);
}

static void handshake_after_ready(struct stage *s)
{
	(void)hostile_record(&s->h, RECORD_HANDSHAKE, 0, 0);
}

static void control_with_flag(struct stage *s)
{
	hostile_frame(&s->h, FRAME_TRUNK_PING, 0, 0, 0, NULL, 0);
	(void)hostile_record(&s->h, RECORD_CONTROL, RECORD_DATA, 0);
}

static void control_with_circuit(struct stage *s)
{
	hostile_frame(&s->h, FRAME_TRUNK_PING, 0, 0, 0, NULL, 0);
	(void)hostile_record(&s->h, RECORD_CONTROL, 0, s->id);
}

static void circuit_zero(struct stage *s)
{
	hostile_frame(&s->h, FRAME_CREDIT, 0, 0, 0, NULL, 0);
	(void)hostile_record(&s->h, RECORD_CIRCUIT, 0, 0);
}

static void circuit_flag_unknown(struct stage *s)
{
	hostile_frame(&s->h, FRAME_CREDIT, 0, 0, 0, NULL, 0);
	(void)hostile_record(&s->h, RECORD_CIRCUIT, 2, s->id);
}

static void give(struct stage *s, const uint8_t *bytes, size_t len)
{
	(void)vif_trunk_receive(s->h.trunk, bytes, len);
	hostile_run(&s->h);
}

static void give_header(struct stage *s, unsigned int type, size_t len)
{
	struct record_header header = {
		.type = (uint8_t)type,
		.len = (uint16_t)len,
		.circuit = type == RECORD_CONTROL ? 0 : s->id,
	};
	uint8_t bytes[RECORD_HEADER_LEN];

	record_header_write(&header, bytes);
	give(s, bytes, sizeof(bytes));
}

/* Judged by the header: nothing is kept for what may not come. */
static void record_too_long(struct stage *s)
{
	give_header(s, RECORD_CONTROL,
		    s->h.trunk->record_max + RECORD_TAG_LEN + 1);
}

static void sealed_record_too_long(struct stage *s)
{
	give_header(s, RECORD_SEALED,
		    s->h.trunk->record_max + 2 * RECORD_TAG_LEN + 1);
}

static void record_of_64_kib(struct stage *s)
{
	give_header(s, RECORD_CIRCUIT, 65535);
}

static void record_without_tag(struct stage *s)
{
	give_header(s, RECORD_CONTROL, RECORD_TAG_LEN - 1);
}

static void control_empty(struct stage *s)
{
	(void)hostile_record(&s->h, RECORD_CONTROL, 0, 0);
}

static void forged(struct stage *s, size_t at)
{
	uint8_t record[256];
	size_t len;

	hostile_frame(&s->h, FRAME_TRUNK_PING, 0, 0, 7, NULL, 0);
	len = hostile_seal(&s->h, RECORD_CONTROL, 0, 0, record);
	record[at < len ? at : len - 1] ^= 1;
	give(s, record, len);
}

static void body_forged(struct stage *s)
{
	forged(s, RECORD_HEADER_LEN);
}

static void tag_forged(struct stage *s)
{
	forged(s, SIZE_MAX);
}

static void record_replayed(struct stage *s)
{
	uint8_t record[256];
	size_t len;

	hostile_frame(&s->h, FRAME_TRUNK_PING, 0, 0, 7, NULL, 0);
	len = hostile_seal(&s->h, RECORD_CONTROL, 0, 0, record);
	give(s, record, len);
	assert_true(vif_trunk_is_ready(s->h.trunk));
	give(s, record, len);
}

static void record_dropped(struct stage *s)
{
	uint8_t record[256];

	hostile_frame(&s->h, FRAME_TRUNK_PING, 0, 0, 7, NULL, 0);
	(void)hostile_seal(&s->h, RECORD_CONTROL, 0, 0, record);
	control(s, FRAME_TRUNK_PING, 0, 7, 0);
}

/* Frames. */

static void second_ready(struct stage *s)
{
	control(s, FRAME_TRUNK_READY, 0, 0, 0);
}

static void drained_out_of_turn(struct stage *s)
{
	control(s, FRAME_TRUNK_DRAINED, 0, 0, 0);
}

static void drained_twice(struct stage *s)
{
	assert_int_equal(vif_trunk_drain(s->h.trunk), 0);
	control(s, FRAME_TRUNK_DRAINED, 0, 0, 0);
	control(s, FRAME_TRUNK_DRAINED, 0, 0, 0);
}

static void open_after_drained(struct stage *s)
{
	assert_int_equal(vif_trunk_drain(s->h.trunk), 0);
	control(s, FRAME_TRUNK_DRAINED, 0, 0, 0);
	open_circuit(s, s->other + 2);
}

static void unknown_frame(struct stage *s)
{
	control(s, 127, 0, 0, 0);
}

static void frame_of_a_circuit(struct stage *s)
{
	control(s, FRAME_DATA, 1, 0, 1);
}

static void skippable_frame(struct stage *s)
{
	uint64_t before = s->h.trunk->stats.skipped_frames;

	hostile_frame(&s->h, 200, 0xff, 1, 2, "body", 4);
	(void)hostile_record(&s->h, RECORD_CONTROL, 0, 0);
	assert_int_equal(s->h.trunk->stats.skipped_frames, before + 1);
}

static void frame_with_flag(struct stage *s)
{
	hostile_frame(&s->h, FRAME_TRUNK_PING, 1, 0, 0, NULL, 0);
	(void)hostile_record(&s->h, RECORD_CONTROL, 0, 0);
}

/* What a type does not use is 0. */

static void ping_with_id(struct stage *s)
{
	control(s, FRAME_TRUNK_PING, 1, 7, 0);
}

static void pong_with_id(struct stage *s)
{
	control(s, FRAME_TRUNK_PONG, 1, 7, 0);
}

static void confirm_with_value(struct stage *s)
{
	control(s, FRAME_TRUNK_CONFIRM, s->id, 1, 0);
}

static void shut_with_value(struct stage *s)
{
	control(s, FRAME_TRUNK_SHUT, s->id, 1, 4);
}

static void rekey_with_id(struct stage *s)
{
	control(s, FRAME_TRUNK_REKEY, 1, 1, 0);
}

static void drain_with_id(struct stage *s)
{
	control(s, FRAME_TRUNK_DRAIN, 1, 0, 0);
}

static void drain_with_value(struct stage *s)
{
	control(s, FRAME_TRUNK_DRAIN, 0, 1, 0);
}

static void drained_with_value(struct stage *s)
{
	assert_int_equal(vif_trunk_drain(s->h.trunk), 0);
	control(s, FRAME_TRUNK_DRAINED, 0, 1, 0);
}

/* Such a CLOSE would end it as well, but as its sender says. */
static void close_with_id(struct stage *s)
{
	control(s, FRAME_TRUNK_CLOSE, s->id, 0, 4);
}

static void close_with_value(struct stage *s)
{
	control(s, FRAME_TRUNK_CLOSE, 0, 1, 4);
}

static void pad_with_id(struct stage *s)
{
	control(s, FRAME_TRUNK_PAD, 1, 0, 4);
}

static void pad_with_value(struct stage *s)
{
	control(s, FRAME_TRUNK_PAD, 0, 1, 4);
}

static void pad(struct stage *s, const void *bytes, size_t len)
{
	(void)hostile_control(&s->h, FRAME_TRUNK_PAD, 0, 0, bytes, len);
}

static void pad_that_begins_with_something(struct stage *s)
{
	pad(s, "\1\0\0\0", 4);
}

static void pad_that_ends_with_something(struct stage *s)
{
	pad(s, "\0\0\0\1", 4);
}

static void pad_of_a_byte(struct stage *s)
{
	pad(s, "\1", 1);
}

static void pad_of_zeros(struct stage *s)
{
	pad(s, NULL, 0);
	pad(s, NULL, 1);
	pad(s, NULL, 1000);
	assert_int_equal(s->h.trunk->stats.glitches, 0);
}

static void cut_off(struct stage *s, size_t plain_len)
{
	hostile_frame(&s->h, FRAME_TRUNK_PAD, 0, 0, 0, NULL, 2);
	s->h.plain_len = plain_len;
	(void)hostile_record(&s->h, RECORD_CONTROL, 0, 0);
}

static void header_cut_off(struct stage *s)
{
	cut_off(s, FRAME_HEADER_LEN - 1);
}

static void body_cut_off(struct stage *s)
{
	cut_off(s, FRAME_HEADER_LEN + 1);
}

static void byte_too_many(struct stage *s)
{
	cut_off(s, FRAME_HEADER_LEN + 3);
}

static void ping_with_body(struct stage *s)
{
	control(s, FRAME_TRUNK_PING, 0, 0, 1);
}

static void limit_with_body(struct stage *s)
{
	control(s, FRAME_TRUNK_LIMIT, 0, 0, 8);
}

static void shut_without_code(struct stage *s)
{
	control(s, FRAME_TRUNK_SHUT, s->id, 0, 3);
}

static void shut_with_more(struct stage *s)
{
	control(s, FRAME_TRUNK_SHUT, s->id, 0, 4 + 257);
}

static void close_without_code(struct stage *s)
{
	control(s, FRAME_TRUNK_CLOSE, 0, 0, 3);
}

static void drain_with_body(struct stage *s)
{
	control(s, FRAME_TRUNK_DRAIN, 0, 0, 1);
}

static void rekey_out_of_turn(struct stage *s)
{
	control(s, FRAME_TRUNK_REKEY, 0, 2, 0);
}

static void rekey_backwards(struct stage *s)
{
	control(s, FRAME_TRUNK_REKEY, 0, 0, 0);
}

static void rekey_with_others(struct stage *s)
{
	hostile_frame(&s->h, FRAME_TRUNK_REKEY, 0, 0, 1, NULL, 0);
	hostile_frame(&s->h, FRAME_TRUNK_PING, 0, 0, 1, NULL, 0);
	(void)hostile_record(&s->h, RECORD_CONTROL, 0, 0);
}

/* A pong nobody asked for is odd, but harmless. */
static void pong_unasked(struct stage *s)
{
	uint64_t before = s->h.trunk->stats.glitches;

	control(s, FRAME_TRUNK_PONG, 0, 12345, 0);
	assert_int_equal(s->h.trunk->stats.glitches, before + 1);
}

static void drain_twice(struct stage *s)
{
	uint64_t before = s->h.trunk->stats.glitches;

	control(s, FRAME_TRUNK_DRAIN, 0, 0, 0);
	control(s, FRAME_TRUNK_DRAIN, 0, 0, 0);
	assert_int_equal(s->h.trunk->stats.glitches, before + 1);
}

#define PROTOCOL(play)                                  \
	{                                               \
#play, play, TRUNK, VIF_REASON_PROTOCOL \
	}
#define SEAL(play)                                  \
	{                                           \
#play, play, TRUNK, VIF_REASON_SEAL \
	}
#define OF_CIRCUIT(play)                                  \
	{                                                 \
#play, play, CIRCUIT, VIF_REASON_PROTOCOL \
	}
#define HARMLESS(play)                               \
	{                                            \
#play, play, NOBODY, VIF_REASON_NONE \
	}
#define GONE(play)                                      \
	{                                               \
#play, play, ONLY_FLOW, VIF_REASON_NONE \
	}

static const struct attack attacks[] = {
	PROTOCOL(open_existing),
	PROTOCOL(open_skipped),
	PROTOCOL(open_our_parity),
	PROTOCOL(open_zero),
	PROTOCOL(open_top),
	PROTOCOL(open_gone),
	GONE(frames_for_gone),
	PROTOCOL(record_for_unknown),
	PROTOCOL(limit_for_unknown),
	PROTOCOL(shut_for_unknown),
	PROTOCOL(accept_for_unknown),
	PROTOCOL(open_short),
	PROTOCOL(open_long),
	PROTOCOL(open_mode_unknown),
	PROTOCOL(open_mode_zero),
	PROTOCOL(open_reserved),
	PROTOCOL(open_derived_with_pattern),
	PROTOCOL(open_derived_with_suite),
	PROTOCOL(open_derived_with_message),
	PROTOCOL(open_bound_with_suite),
	PROTOCOL(open_service_cut_off),
	PROTOCOL(open_service_with_nul),
	HARMLESS(open_without_hop),
	HARMLESS(open_elsewhere),
	OF_CIRCUIT(accept_of_open),
	OF_CIRCUIT(confirm_of_open),
	PROTOCOL(record_type_unknown),
	PROTOCOL(record_type_zero),
	PROTOCOL(hello_after_ready),
	PROTOCOL(handshake_after_ready),
	PROTOCOL(control_with_flag),
	PROTOCOL(control_with_circuit),
	PROTOCOL(circuit_zero),
	PROTOCOL(circuit_flag_unknown),
	PROTOCOL(record_too_long),
	PROTOCOL(sealed_record_too_long),
	PROTOCOL(record_of_64_kib),
	PROTOCOL(record_without_tag),
	PROTOCOL(control_empty),
	SEAL(body_forged),
	SEAL(tag_forged),
	SEAL(record_replayed),
	SEAL(record_dropped),
	PROTOCOL(second_ready),
	PROTOCOL(drained_out_of_turn),
	PROTOCOL(drained_twice),
	PROTOCOL(open_after_drained),
	PROTOCOL(unknown_frame),
	PROTOCOL(frame_of_a_circuit),
	HARMLESS(skippable_frame),
	PROTOCOL(frame_with_flag),
	PROTOCOL(ping_with_id),
	PROTOCOL(pong_with_id),
	PROTOCOL(confirm_with_value),
	PROTOCOL(shut_with_value),
	PROTOCOL(rekey_with_id),
	PROTOCOL(drain_with_id),
	PROTOCOL(drain_with_value),
	PROTOCOL(drained_with_value),
	PROTOCOL(close_with_id),
	PROTOCOL(close_with_value),
	PROTOCOL(pad_with_id),
	PROTOCOL(pad_with_value),
	PROTOCOL(pad_that_begins_with_something),
	PROTOCOL(pad_that_ends_with_something),
	PROTOCOL(pad_of_a_byte),
	HARMLESS(pad_of_zeros),
	PROTOCOL(header_cut_off),
	PROTOCOL(body_cut_off),
	PROTOCOL(byte_too_many),
	PROTOCOL(ping_with_body),
	PROTOCOL(limit_with_body),
	PROTOCOL(shut_without_code),
	PROTOCOL(shut_with_more),
	PROTOCOL(close_without_code),
	PROTOCOL(drain_with_body),
	PROTOCOL(rekey_out_of_turn),
	PROTOCOL(rekey_backwards),
	PROTOCOL(rekey_with_others),
	HARMLESS(pong_unasked),
	HARMLESS(drain_twice),
};

/* The first frame of a peer, and what becomes of the trunk. */
static uint32_t reason_after(unsigned int type, uint32_t id, uint64_t value,
			     size_t len)
{
	struct hostile *h = hostile_new(VIF_TRUNK_ACCEPTER);
	uint32_t reason;

	hostile_shake_hands(h);
	(void)hostile_control(h, type, id, value, NULL, len);
	assert_int_equal(vif_trunk_is_ready(h->trunk),
			 h->n_event[VIF_TRUNK_READY]);
	reason = vif_trunk_reason(h->trunk, NULL);
	hostile_free(h);
	return reason;
}

static void nothing_comes_before_ready(void **state)
{
	(void)state;
	assert_int_equal(reason_after(FRAME_TRUNK_READY, 0, 0, 0),
			 VIF_REASON_NONE);
	assert_int_equal(reason_after(FRAME_TRUNK_READY, 0, 0, 1),
			 VIF_REASON_PROTOCOL);
	assert_int_equal(reason_after(FRAME_TRUNK_READY, 1, 0, 0),
			 VIF_REASON_PROTOCOL);
	assert_int_equal(reason_after(FRAME_TRUNK_READY, 0, 1, 0),
			 VIF_REASON_PROTOCOL);
	/* Code 0, which is no fault of anybody. */
	assert_int_equal(reason_after(FRAME_TRUNK_CLOSE, 0, 0, 4),
			 VIF_REASON_NONE);
	assert_int_equal(reason_after(FRAME_TRUNK_CLOSE, 1, 0, 4),
			 VIF_REASON_PROTOCOL);
	assert_int_equal(reason_after(FRAME_TRUNK_CLOSE, 0, 0,
				      4 + VIF_TRUNK_TEXT_MAX + 1),
			 VIF_REASON_PROTOCOL);
	assert_int_equal(reason_after(FRAME_TRUNK_PING, 0, 7, 0),
			 VIF_REASON_PROTOCOL);
	assert_int_equal(reason_after(FRAME_SKIPPABLE, 0, 0, 0),
			 VIF_REASON_PROTOCOL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_comes_before_ready),
	};

	return stage_main("attacks on trunks", attacks, ARRAY_LEN(attacks)) +
	       cmocka_run_group_tests(tests, NULL, NULL);
}
