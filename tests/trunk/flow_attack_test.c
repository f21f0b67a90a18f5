/* SPDX-License-Identifier: Apache-2.0 */
/* Attacks inside a circuit: frames of flows that break a rule. */
#include "tests/trunk_attack.h"

/* Numbers of flows. */

static void open_other_parity(struct stage *s)
{
	(void)hostile_data(&s->h, s->id, FRAME_DATA_OPEN, STAGE_OWN, 0, 1);
}

static void open_zero(struct stage *s)
{
	(void)hostile_data(&s->h, s->id, FRAME_DATA_OPEN, 0, 0, 1);
}

static void open_again(struct stage *s)
{
	(void)hostile_data(&s->h, s->id, FRAME_DATA_OPEN, STAGE_FLOW,
			   STAGE_BYTES, 1);
}

static void open_skipped(struct stage *s)
{
	(void)hostile_data(&s->h, s->id, FRAME_DATA_OPEN, STAGE_NEXT + 2, 0, 1);
}

static void open_top(struct stage *s)
{
	(void)hostile_data(&s->h, s->id, FRAME_DATA_OPEN, UINT32_MAX, 0, 1);
}

/* Ended both ways and let go: its number is not free for anything. */
static void forget_flow(struct stage *s)
{
	(void)hostile_data(&s->h, s->id, FRAME_DATA_FIN, STAGE_FLOW,
			   STAGE_BYTES, 0);
	vif_flow_close(s->flow);
	s->flow = s->other_flow; /* for who looks at it afterwards */
	hostile_run(&s->h);
	assert_int_equal(s->circuit->n_remote, 0);
}

static void open_forgotten(struct stage *s)
{
	forget_flow(s);
	(void)hostile_data(&s->h, s->id, FRAME_DATA_OPEN, STAGE_FLOW, 0, 1);
}

static void data_for_forgotten(struct stage *s)
{
	forget_flow(s);
	(void)hostile_data(&s->h, s->id, 0, STAGE_FLOW, STAGE_BYTES, 1);
}

static void data_for_unknown(struct stage *s)
{
	(void)hostile_data(&s->h, s->id, 0, STAGE_NEXT, 0, 1);
}

static void data_for_unknown_of_ours(struct stage *s)
{
	(void)hostile_data(&s->h, s->id, 0, STAGE_OWN, 0, 1);
}

static void data_for_zero(struct stage *s)
{
	(void)hostile_data(&s->h, s->id, 0, 0, 0, 1);
}

static void becomes_a_lane(struct stage *s)
{
	(void)hostile_data(&s->h, s->id, FRAME_DATA_PACKET, STAGE_FLOW,
			   STAGE_BYTES, 1);
}

/* Offsets and ends. */

static void data_with_gap(struct stage *s)
{
	(void)hostile_data(&s->h, s->id, 0, STAGE_FLOW, STAGE_BYTES + 1, 1);
}

static void data_again(struct stage *s)
{
	(void)hostile_data(&s->h, s->id, 0, STAGE_FLOW, 0, STAGE_BYTES);
}

static void open_with_gap(struct stage *s)
{
	(void)hostile_data(&s->h, s->id, FRAME_DATA_OPEN, STAGE_NEXT, 1, 1);
}

static void empty_with_gap(struct stage *s)
{
	(void)hostile_data(&s->h, s->id, FRAME_DATA_FIN, STAGE_FLOW, UINT64_MAX,
			   0);
}

static void data_behind_fin(struct stage *s)
{
	(void)hostile_data(&s->h, s->id, FRAME_DATA_FIN, STAGE_FLOW,
			   STAGE_BYTES, 1);
	(void)hostile_data(&s->h, s->id, 0, STAGE_FLOW, STAGE_BYTES + 1, 1);
}

static void fin_twice(struct stage *s)
{
	for (int i = 0; i < 2; i++)
		(void)hostile_data(&s->h, s->id, FRAME_DATA_FIN, STAGE_FLOW,
				   STAGE_BYTES, 0);
}

static void send_code(struct stage *s, unsigned int type, uint32_t id,
		      uint64_t value)
{
	hostile_code_frame(&s->h, type, id, value, 300);
	(void)hostile_circuit_record(&s->h, 0, s->id);
}

static void reset(struct stage *s, uint64_t size)
{
	send_code(s, FRAME_RESET, STAGE_FLOW, size);
}

static void data_behind_reset(struct stage *s)
{
	reset(s, STAGE_BYTES);
	(void)hostile_data(&s->h, s->id, 0, STAGE_FLOW, STAGE_BYTES, 1);
}

static void reset_shrinks(struct stage *s)
{
	reset(s, STAGE_BYTES - 1);
}

static void reset_behind_fin(struct stage *s)
{
	(void)hostile_data(&s->h, s->id, FRAME_DATA_FIN, STAGE_FLOW,
			   STAGE_BYTES, 0);
	reset(s, STAGE_BYTES);
}

static void reset_twice(struct stage *s)
{
	reset(s, STAGE_BYTES);
	reset(s, STAGE_BYTES);
}

static void reset_of_unknown(struct stage *s)
{
	send_code(s, FRAME_RESET, STAGE_NEXT, 0);
}

static void reset_of_forgotten(struct stage *s)
{
	forget_flow(s);
	reset(s, STAGE_BYTES);
}

static void reset_above_limit(struct stage *s)
{
	reset(s, s->flow->rx_credit.limit + 1);
}

static void reset_at_top(struct stage *s)
{
	reset(s, UINT64_MAX);
}

/* The bytes that will not come are charged, and consumed. */
static void reset_at_limit(struct stage *s)
{
	uint64_t before = s->circuit->rx_credit.received;
	uint64_t limit = s->flow->rx_credit.limit;

	reset(s, limit);
	assert_int_equal(s->circuit->rx_credit.received,
			 before + limit - STAGE_BYTES);
	assert_int_equal(s->circuit->rx_held, 0);
	assert_int_equal(vif_flow_reason(s->flow), 300);
}

/* Credit and stops. */

static void credit_for(struct stage *s, uint32_t id, uint64_t limit)
{
	hostile_frame(&s->h, FRAME_CREDIT, 0, id, limit, NULL, 0);
	(void)hostile_circuit_record(&s->h, 0, s->id);
}

static void credit_for_unknown(struct stage *s)
{
	credit_for(s, STAGE_NEXT, 1 << 30);
}

static void credit_for_forgotten(struct stage *s)
{
	uint64_t before = s->h.trunk->stats.late_frames;

	forget_flow(s);
	credit_for(s, STAGE_FLOW, 1 << 30);
	send_code(s, FRAME_STOP, STAGE_FLOW, 0);
	assert_int_equal(s->h.trunk->stats.late_frames, before + 2);
}

static void stop_of_unknown(struct stage *s)
{
	send_code(s, FRAME_STOP, STAGE_OWN, 0);
}

static void stop_is_answered(struct stage *s)
{
	send_code(s, FRAME_STOP, STAGE_FLOW, 0);
	assert_true(hostile_heard_code(&s->h, FRAME_RESET, STAGE_FLOW, 300));
	send_code(s, FRAME_STOP, STAGE_FLOW, 0);
	assert_int_equal(s->h.heard[FRAME_RESET].n, 1);
}

/* Records and frames. */

static void payload_without_flag(struct stage *s)
{
	hostile_frame(&s->h, FRAME_DATA, 0, STAGE_FLOW, STAGE_BYTES, NULL, 1);
	(void)hostile_circuit_record(&s->h, 0, s->id);
}

static void empty_data_without_flag(struct stage *s)
{
	hostile_frame(&s->h, FRAME_DATA, FRAME_DATA_FIN, STAGE_FLOW,
		      STAGE_BYTES, NULL, 0);
	(void)hostile_circuit_record(&s->h, 0, s->id);
}

static void unknown_frame(struct stage *s)
{
	hostile_frame(&s->h, 127, 0, 0, 0, NULL, 0);
	(void)hostile_circuit_record(&s->h, 0, s->id);
}

static void frame_of_the_trunk(struct stage *s)
{
	hostile_frame(&s->h, FRAME_TRUNK_PING, 0, 0, 0, NULL, 0);
	(void)hostile_circuit_record(&s->h, 0, s->id);
}

static void frame_zero(struct stage *s)
{
	hostile_frame(&s->h, 0, 0, 0, 0, NULL, 0);
	(void)hostile_circuit_record(&s->h, 0, s->id);
}

static void skippable_frame(struct stage *s)
{
	uint64_t before = s->h.trunk->stats.skipped_frames;

	hostile_frame(&s->h, 128, 0xff, 1, 2, "body", 4);
	hostile_frame(&s->h, 255, 0, 0, 0, NULL, 0);
	(void)hostile_circuit_record(&s->h, 0, s->id);
	assert_int_equal(s->h.trunk->stats.skipped_frames, before + 2);
}

static void data_flag_unknown(struct stage *s)
{
	(void)hostile_data(&s->h, s->id, 8, STAGE_FLOW, STAGE_BYTES, 1);
}

static void flags_elsewhere(struct stage *s)
{
	hostile_frame(&s->h, FRAME_CREDIT, 1, 0, 1 << 30, NULL, 0);
	(void)hostile_circuit_record(&s->h, 0, s->id);
}

static void cut_off(struct stage *s, size_t plain_len)
{
	hostile_frame(&s->h, FRAME_DATA, 0, STAGE_FLOW, STAGE_BYTES, "ab", 2);
	s->h.plain_len = plain_len;
	(void)hostile_circuit_record(&s->h, RECORD_DATA, s->id);
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
	cut_off(s, FRAME_HEADER_LEN + 2 + 1);
}

static void bad_len(struct stage *s, unsigned int type, size_t len)
{
	hostile_frame(&s->h, type, 0, STAGE_FLOW, STAGE_BYTES, NULL, len);
	(void)hostile_circuit_record(&s->h, 0, s->id);
}

static void credit_with_body(struct stage *s)
{
	bad_len(s, FRAME_CREDIT, 1);
}

static void reset_without_code(struct stage *s)
{
	bad_len(s, FRAME_RESET, 3);
}

static void reset_with_more(struct stage *s)
{
	bad_len(s, FRAME_RESET, 5);
}

static void stop_without_code(struct stage *s)
{
	bad_len(s, FRAME_STOP, 0);
}

static void close_without_code(struct stage *s)
{
	bad_len(s, FRAME_CLOSE, 3);
}

static void close_with_more(struct stage *s)
{
	bad_len(s, FRAME_CLOSE, 4 + 257);
}

static void rekey_with_body(struct stage *s)
{
	bad_len(s, FRAME_REKEY, 4);
}

/* What a type does not use is 0. */

static void odd(struct stage *s, unsigned int type, uint32_t id, uint64_t value,
		const void *body, size_t len)
{
	hostile_frame(&s->h, type, 0, id, value, body, len);
	(void)hostile_circuit_record(&s->h, 0, s->id);
}

static void stop_with_value(struct stage *s)
{
	odd(s, FRAME_STOP, STAGE_FLOW, 1, NULL, 4);
}

static void close_with_id(struct stage *s)
{
	odd(s, FRAME_CLOSE, STAGE_FLOW, 0, NULL, 4);
}

static void close_with_value(struct stage *s)
{
	odd(s, FRAME_CLOSE, 0, 1, NULL, 4);
}

static void pad_with_id(struct stage *s)
{
	odd(s, FRAME_PAD, STAGE_FLOW, 0, NULL, 4);
}

static void pad_with_value(struct stage *s)
{
	odd(s, FRAME_PAD, 0, UINT64_C(1) << 63, NULL, 4);
}

static void pad_that_begins_with_something(struct stage *s)
{
	odd(s, FRAME_PAD, 0, 0, "\1\0\0\0", 4);
}

static void pad_that_ends_with_something(struct stage *s)
{
	odd(s, FRAME_PAD, 0, 0, "\0\0\0\1", 4);
}

static void pad_of_zeros(struct stage *s)
{
	odd(s, FRAME_PAD, 0, 0, NULL, 0);
	odd(s, FRAME_PAD, 0, 0, NULL, 1);
	odd(s, FRAME_PAD, 0, 0, NULL, 1000);
	assert_int_equal(s->h.trunk->stats.glitches, 0);
}

static void rekey_with_id(struct stage *s)
{
	odd(s, FRAME_REKEY, STAGE_FLOW, 1, NULL, 0);
}

static void rekey_out_of_turn(struct stage *s)
{
	hostile_frame(&s->h, FRAME_REKEY, 0, 0, 2, NULL, 0);
	(void)hostile_circuit_record(&s->h, 0, s->id);
}

/* In the same record as something else, which would have either key. */
static void rekey_with_others(struct stage *s)
{
	hostile_frame(&s->h, FRAME_REKEY, 0, 0, 1, NULL, 0);
	hostile_frame(&s->h, FRAME_PAD, 0, 0, 0, NULL, 0);
	(void)hostile_circuit_record(&s->h, 0, s->id);
}

static void rekey_behind_others(struct stage *s)
{
	hostile_frame(&s->h, FRAME_PAD, 0, 0, 0, NULL, 0);
	hostile_frame(&s->h, FRAME_REKEY, 0, 0, 1, NULL, 0);
	(void)hostile_circuit_record(&s->h, 0, s->id);
}

/* The other mode's record. */
static void wrong_record_type(struct stage *s)
{
	bool is_sealed = hostile_sealed(&s->h, s->id);

	hostile_frame(&s->h, FRAME_CREDIT, 0, 0, 1 << 30, NULL, 0);
	(void)hostile_record(&s->h, is_sealed ? RECORD_CIRCUIT : RECORD_SEALED,
			     0, s->id);
}

/* Credit. */

static void above_flow(struct stage *s)
{
	struct hostile *h = &s->h;
	uint64_t left = s->flow->rx_credit.limit - STAGE_BYTES;

	while (left > 0) {
		size_t n = left < 16000 ? left : 16000;

		(void)hostile_data(h, s->id, 0, STAGE_FLOW,
				   s->flow->rx_credit.received, n);
		left -= n;
	}
	assert_int_equal(h->heard[FRAME_TRUNK_SHUT].n, 0);
	(void)hostile_data(h, s->id, 0, STAGE_FLOW, s->flow->rx_credit.received,
			   1);
}

static void fill_flow(struct stage *s, uint32_t id, uint64_t at, uint64_t end)
{
	while (at < end) {
		size_t n = end - at < 16000 ? end - at : 16000;

		(void)hostile_data(&s->h, s->id, at == 0 ? FRAME_DATA_OPEN : 0,
				   id, at, n);
		at += n;
	}
}

/* Two flows fill the circuit; a third one has credit of its own only. */
static void above_circuit(struct stage *s)
{
	struct hostile *h = &s->h;
	uint64_t window = s->flow->rx_credit.limit;

	assert_int_equal(s->circuit->rx_credit.limit, 2 * window);
	fill_flow(s, STAGE_FLOW, STAGE_BYTES, window);
	fill_flow(s, STAGE_NEXT, 0, window);
	assert_int_equal(h->heard[FRAME_TRUNK_SHUT].n, 0);
	(void)hostile_data(h, s->id, FRAME_DATA_OPEN, STAGE_NEXT + 2, 0, 1);
}

/* The end, told by the peer. */

static void close_with(struct stage *s, const char *text)
{
	size_t len = strlen(text);
	uint8_t *to = hostile_frame_room(&s->h, FRAME_CLOSE, 0, 0, 0, 4 + len);

	put_be32(to, 300);
	memcpy(to + 4, text, len);
	(void)hostile_circuit_record(&s->h, 0, s->id);
}

static void check_closed(struct stage *s, const char *text)
{
	const char *got;

	assert_int_equal(vif_circuit_reason(s->circuit, &got), 300);
	assert_string_equal(got, text);
	assert_true(hostile_heard_code(&s->h, FRAME_TRUNK_SHUT, s->id, 0));
	/* As the stage is to be found. */
	s->h.heard[FRAME_TRUNK_SHUT].n = 0;
	s->circuit = s->other_circuit;
}

static void close_is_answered(struct stage *s)
{
	close_with(s, "what for");
	check_closed(s, "what for");
}

/* Whoever shows it on a terminal shall not have to care. */
static void close_with_control_characters(struct stage *s)
{
	close_with(s, "red: \x1b[31m");
	check_closed(s, "");
}

static void data_behind_close(struct stage *s)
{
	hostile_frame(&s->h, FRAME_CLOSE, 0, 0, 0, "\0\0\1\x2c", 4);
	hostile_frame(&s->h, FRAME_DATA, 0, STAGE_FLOW, STAGE_BYTES, "x", 1);
	(void)hostile_circuit_record(&s->h, RECORD_DATA, s->id);
	assert_int_equal(s->flow->rx.len, STAGE_BYTES);
	check_closed(s, "");
}

#define PROTOCOL(play)                                    \
	{                                                 \
#play, play, CIRCUIT, VIF_REASON_PROTOCOL \
	}
#define CREDIT(play)                                    \
	{                                               \
#play, play, CIRCUIT, VIF_REASON_CREDIT \
	}
#define HARMLESS(play)                               \
	{                                            \
#play, play, NOBODY, VIF_REASON_NONE \
	}
#define FLOW_ALONE(play)                                \
	{                                               \
#play, play, ONLY_FLOW, VIF_REASON_NONE \
	}

static const struct attack attacks[] = {
	PROTOCOL(open_other_parity),
	PROTOCOL(open_zero),
	PROTOCOL(open_again),
	PROTOCOL(open_skipped),
	PROTOCOL(open_top),
	PROTOCOL(open_forgotten),
	PROTOCOL(data_for_forgotten),
	PROTOCOL(data_for_unknown),
	PROTOCOL(data_for_unknown_of_ours),
	PROTOCOL(data_for_zero),
	PROTOCOL(becomes_a_lane),
	PROTOCOL(data_with_gap),
	PROTOCOL(data_again),
	PROTOCOL(open_with_gap),
	PROTOCOL(empty_with_gap),
	PROTOCOL(data_behind_fin),
	PROTOCOL(fin_twice),
	PROTOCOL(data_behind_reset),
	PROTOCOL(reset_shrinks),
	PROTOCOL(reset_behind_fin),
	PROTOCOL(reset_twice),
	PROTOCOL(reset_of_unknown),
	PROTOCOL(reset_of_forgotten),
	CREDIT(reset_above_limit),
	CREDIT(reset_at_top),
	FLOW_ALONE(reset_at_limit),
	PROTOCOL(credit_for_unknown),
	HARMLESS(credit_for_forgotten),
	PROTOCOL(stop_of_unknown),
	FLOW_ALONE(stop_is_answered),
	PROTOCOL(payload_without_flag),
	HARMLESS(empty_data_without_flag),
	PROTOCOL(unknown_frame),
	PROTOCOL(frame_of_the_trunk),
	PROTOCOL(frame_zero),
	HARMLESS(skippable_frame),
	PROTOCOL(data_flag_unknown),
	PROTOCOL(flags_elsewhere),
	PROTOCOL(header_cut_off),
	PROTOCOL(body_cut_off),
	PROTOCOL(byte_too_many),
	PROTOCOL(credit_with_body),
	PROTOCOL(reset_without_code),
	PROTOCOL(reset_with_more),
	PROTOCOL(stop_without_code),
	PROTOCOL(close_without_code),
	PROTOCOL(close_with_more),
	PROTOCOL(rekey_with_body),
	PROTOCOL(stop_with_value),
	PROTOCOL(close_with_id),
	PROTOCOL(close_with_value),
	PROTOCOL(pad_with_id),
	PROTOCOL(pad_with_value),
	PROTOCOL(pad_that_begins_with_something),
	PROTOCOL(pad_that_ends_with_something),
	HARMLESS(pad_of_zeros),
	PROTOCOL(rekey_with_id),
	PROTOCOL(rekey_out_of_turn),
	PROTOCOL(rekey_with_others),
	PROTOCOL(rekey_behind_others),
	PROTOCOL(wrong_record_type),
	CREDIT(above_flow),
	CREDIT(above_circuit),
	FLOW_ALONE(close_is_answered),
	FLOW_ALONE(close_with_control_characters),
	FLOW_ALONE(data_behind_close),
};

int main(void)
{
	return stage_main("attacks on flows", attacks, ARRAY_LEN(attacks));
}
