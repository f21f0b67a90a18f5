/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a peer could send for ever, since it costs him nothing, has a price; and
 * what a bucket has lost comes back as fast as docs/design/trunk.md, section 10,
 * says, and no faster.
 */
#include "tests/trunk_attack.h"

enum {
	FREE = 1000,      /* of the bucket of the empty ones */
	GLITCHES = 10000, /* of that of the glitches */
	BACK = 33,        /* a second */
	GLITCHES_BACK = 330,
};

#define SECOND_NS UINT64_C(1000000000)

static uint64_t glitches(const struct hostile *h)
{
	return h->trunk->stats.glitches;
}

static void check_flood(struct hostile *h)
{
	assert_int_equal(vif_trunk_reason(h->trunk, NULL), VIF_REASON_FLOOD);
	assert_true(
		hostile_heard_code(h, FRAME_TRUNK_CLOSE, 0, VIF_REASON_FLOOD));
}

/* Something that a peer can do again and again. */
struct trick {
	struct hostile *h;
	void (*play)(struct trick *trick);
	uint64_t n;
};

static void play(struct trick *trick, unsigned int n)
{
	for (; n > 0; n--) {
		trick->n++;
		trick->play(trick);
	}
}

/* To the end of the trunk: just under each of the two buckets, then over it. */
static void check_price(struct trick *trick)
{
	struct hostile *h = trick->h;

	play(trick, FREE);
	assert_int_equal(glitches(h), 0);
	play(trick, 1);
	assert_int_equal(glitches(h), 1);
	play(trick, GLITCHES - 1);
	assert_int_equal(glitches(h), GLITCHES);
	assert_true(vif_trunk_is_ready(h->trunk));
	play(trick, 1);
	check_flood(h);
	hostile_free(h);
}

/* An increment of a byte, of credit that nobody has used. */

static void raise_circuit(struct trick *trick)
{
	hostile_frame(trick->h, FRAME_CREDIT, 0, 0, (1 << 20) + trick->n, NULL,
		      0);
	(void)hostile_circuit_record(trick->h, 0, 1);
}

static void raise_flow(struct trick *trick)
{
	hostile_frame(trick->h, FRAME_CREDIT, 0, 1, (1 << 20) + trick->n, NULL,
		      0);
	(void)hostile_circuit_record(trick->h, 0, 1);
}

static void raise_trunk(struct trick *trick)
{
	(void)hostile_control(trick->h, FRAME_TRUNK_LIMIT, 0,
			      (UINT64_C(1) << 32) + trick->n, NULL, 0);
}

static void raise_hop(struct trick *trick)
{
	(void)hostile_control(trick->h, FRAME_TRUNK_LIMIT, 1,
			      (1 << 20) + trick->n, NULL, 0);
}

/* Nothing was sent, and no flow opened but by the peer. */
static void credit_that_nobody_used(void **state)
{
	struct trick trick = {
		.h = hostile_with_circuit(VIF_CIRCUIT_DERIVED),
		.play = raise_circuit,
	};

	(void)state;
	play(&trick, 2 * (1 + 2)); /* forgiven: the first numbers of flows */
	check_price(&trick);
}

static void credit_of_a_flow(void **state)
{
	struct trick trick = {
		.h = hostile_with_circuit(VIF_CIRCUIT_DERIVED),
		.play = raise_flow,
	};

	(void)state;
	(void)hostile_data(trick.h, 1, FRAME_DATA_OPEN, 1, 0, 1);
	play(&trick, 2 * (3 + 2));
	check_price(&trick);
}

static void stop_again(struct trick *trick)
{
	hostile_code_frame(trick->h, FRAME_STOP, 1, 0, 300);
	(void)hostile_circuit_record(trick->h, 0, 1);
}

static struct hostile *with_flow_that_is_over(bool is_gone)
{
	struct hostile *h = hostile_with_circuit(VIF_CIRCUIT_DERIVED);

	(void)hostile_data(h, 1, FRAME_DATA_OPEN | FRAME_DATA_FIN, 1, 0, 0);
	if (is_gone)
		vif_flow_close(h->flow);
	else
		assert_int_equal(vif_flow_finish(h->flow), 0);
	hostile_run(h);
	return h;
}

static void check_price_of_flow(void (*what)(struct trick *trick), bool is_gone)
{
	struct trick trick = {
		.h = with_flow_that_is_over(is_gone),
		.play = what,
	};

	play(&trick, 2 * (3 + 2));
	check_price(&trick);
}

static void stops_and_credit_of_what_is_over(void **state)
{
	(void)state;
	check_price_of_flow(stop_again, false);
	check_price_of_flow(stop_again, true);
	check_price_of_flow(raise_flow, true);
}

static void limits_of_the_trunk(void **state)
{
	struct trick trick = {
		.h = hostile_with_circuit(VIF_CIRCUIT_DERIVED),
		.play = raise_trunk,
	};

	(void)state;
	check_price(&trick);
}

static void limits_of_a_hop(void **state)
{
	struct trick trick = {
		.h = hostile_with_circuit(VIF_CIRCUIT_SEALED),
		.play = raise_hop,
	};

	(void)state;
	check_price(&trick);
}

/* A sealed circuit's is another end's fault, and ends it alone. */
static void credit_of_a_sealed_circuit(void **state)
{
	struct trick trick = {
		.h = hostile_with_circuit(VIF_CIRCUIT_SEALED),
		.play = raise_circuit,
	};
	struct hostile *h = trick.h;

	(void)state;
	play(&trick, 2 * (1 + 2) + FREE + GLITCHES);
	assert_int_equal(vif_circuit_reason(h->circuit, NULL), VIF_REASON_NONE);
	play(&trick, 1);
	assert_true(
		hostile_heard_code(h, FRAME_TRUNK_SHUT, 1, VIF_REASON_FLOOD));
	assert_true(hostile_is_alive(h));
	hostile_free(h);
}

/* Bytes that were sent pay: two CREDITs each, and a LIMIT. */
static void credit_for_what_was_sent(void **state)
{
	struct trick trick = {
		.h = hostile_with_circuit(VIF_CIRCUIT_SEALED),
		.play = raise_circuit,
	};
	static const uint8_t bytes[5000];
	struct hostile *h = trick.h;
	struct vif_flow *flow;
	uint64_t sent;

	(void)state;
	assert_int_equal(vif_flow_open(h->circuit, NULL, &flow), 0);
	assert_int_equal(vif_flow_write(flow, bytes, sizeof(bytes)), 5000);
	hostile_run(h);
	assert_int_equal(h->data_bytes, sizeof(bytes));
	play(&trick, 2 * (sizeof(bytes) + 1 + 4) + FREE);
	assert_int_equal(glitches(h), 0);
	play(&trick, 1);
	assert_int_equal(glitches(h), 1);
	/* The trunk has a bucket of its own. */
	sent = h->trunk->tx_credit.sent;
	assert_in_range(sent, sizeof(bytes), sizeof(bytes) + 200);
	trick.play = raise_trunk;
	play(&trick, (unsigned int)sent + FREE);
	assert_int_equal(glitches(h), 1);
	play(&trick, 1);
	assert_int_equal(glitches(h), 2);
	hostile_free(h);
}

/* Of a circuit that is gone. */

static void shut_again(struct trick *trick)
{
	hostile_code_frame(trick->h, FRAME_TRUNK_SHUT, 1, 0, 300);
	(void)hostile_record(trick->h, RECORD_CONTROL, 0, 0);
}

static void limit_again(struct trick *trick)
{
	raise_hop(trick);
}

static void record_again(struct trick *trick)
{
	(void)hostile_record(trick->h, RECORD_CIRCUIT, 0, 1);
}

static void check_price_of_gone(void (*what)(struct trick *trick))
{
	struct trick trick = {
		.h = hostile_with_circuit(VIF_CIRCUIT_DERIVED),
		.play = what,
	};

	shut_again(&trick);
	assert_null(circuit_find(trick.h->trunk, 1));
	check_price(&trick);
}

static void shuts_of_what_is_gone(void **state)
{
	(void)state;
	check_price_of_gone(shut_again);
}

static void limits_of_what_is_gone(void **state)
{
	(void)state;
	check_price_of_gone(limit_again);
}

static void empty_records_of_what_is_gone(void **state)
{
	(void)state;
	check_price_of_gone(record_again);
}

/* A window of data may have crossed. */
static void data_of_what_is_gone(void **state)
{
	struct trick trick = {
		.h = hostile_with_circuit(VIF_CIRCUIT_DERIVED),
	};
	struct hostile *h = trick.h;

	(void)state;
	shut_again(&trick);
	for (uint64_t i = 0; i < 20000; i++)
		(void)hostile_data(h, 1, 0, 1, i, 1);
	assert_int_equal(h->trunk->stats.late_frames, 20000);
	assert_int_equal(glitches(h), 0);
	assert_true(hostile_is_alive(h));
	hostile_free(h);
}

static void an_empty_record(void **state)
{
	struct hostile *h = hostile_with_circuit(VIF_CIRCUIT_DERIVED);

	(void)state;
	(void)hostile_record(h, RECORD_CIRCUIT, 0, 1);
	assert_true(hostile_heard_code(h, FRAME_TRUNK_SHUT, 1,
				       VIF_REASON_PROTOCOL));
	assert_true(hostile_is_alive(h));
	hostile_free(h);
}

static void an_empty_record_sealed_end_to_end(void **state)
{
	struct hostile *h = hostile_with_circuit(VIF_CIRCUIT_SEALED);

	(void)state;
	(void)hostile_circuit_record(h, RECORD_DATA, 1);
	assert_true(hostile_heard_code(h, FRAME_TRUNK_SHUT, 1,
				       VIF_REASON_PROTOCOL));
	assert_true(hostile_is_alive(h));
	hostile_free(h);
}

/* Refilling: what half a second brings back, and not one more. */

static void check_refill(struct trick *trick, unsigned int level,
			 unsigned int half)
{
	struct hostile *h = trick->h;
	uint64_t before = glitches(h);

	play(trick, level);
	assert_int_equal(glitches(h), before);
	hostile_advance(h, SECOND_NS / 2);
	play(trick, half);
	assert_int_equal(glitches(h), before);
	play(trick, 1);
	assert_int_equal(glitches(h), before + 1);
	hostile_free(h);
}

static void empty_data(struct trick *trick)
{
	(void)hostile_data(trick->h, 1, 0, 1, 1, 0);
}

static void empties_come_back(void **state)
{
	struct trick trick = {
		.h = hostile_with_circuit(VIF_CIRCUIT_DERIVED),
		.play = empty_data,
	};

	(void)state;
	(void)hostile_data(trick.h, 1, FRAME_DATA_OPEN, 1, 0, 1);
	check_refill(&trick, FREE, BACK / 2);
}

static void frame_unknown(struct trick *trick)
{
	(void)hostile_control(trick->h, FRAME_SKIPPABLE, 0, 0, NULL, 0);
}

static void skips_come_back(void **state)
{
	struct trick trick = {
		.h = hostile_with_circuit(VIF_CIRCUIT_DERIVED),
		.play = frame_unknown,
	};

	(void)state;
	check_refill(&trick, 100, 50);
}

enum {
	PAD_PIECE = 4096, /* with its header */
};

static void pad(struct trick *trick)
{
	(void)hostile_control(trick->h, FRAME_TRUNK_PAD, 0, 0, NULL,
			      PAD_PIECE - FRAME_HEADER_LEN);
}

static void padding_comes_back(void **state)
{
	struct trick trick = {
		.h = hostile_with_circuit(VIF_CIRCUIT_DERIVED),
		.play = pad,
	};

	(void)state;
	check_refill(&trick, (1 << 20) / PAD_PIECE, (32 << 10) / PAD_PIECE);
}

static void pong(struct trick *trick)
{
	(void)hostile_control(trick->h, FRAME_TRUNK_PONG, 0, 0, NULL, 0);
}

static void glitches_come_back(void **state)
{
	struct trick trick = {
		.h = hostile_with_circuit(VIF_CIRCUIT_DERIVED),
		.play = pong,
	};
	struct hostile *h = trick.h;

	(void)state;
	play(&trick, GLITCHES);
	hostile_advance(h, SECOND_NS);
	play(&trick, GLITCHES_BACK);
	assert_int_equal(glitches(h), GLITCHES + GLITCHES_BACK);
	assert_true(vif_trunk_is_ready(h->trunk));
	play(&trick, 1);
	check_flood(h);
	hostile_free(h);
}

/* The program opens one, and the peer does not want it. */
static void stop_ours(struct trick *trick)
{
	struct hostile *h = trick->h;
	uint32_t id = (uint32_t)trick->n * 2;
	struct vif_flow *flow;

	if (vif_flow_open(h->circuit, NULL, &flow) < 0)
		return;
	assert_int_equal(vif_flow_write(flow, "x", 1), 1);
	hostile_run(h);
	hostile_code_frame(h, FRAME_STOP, id, 0, 300);
	hostile_code_frame(h, FRAME_RESET, id, 0, 300);
	(void)hostile_circuit_record(h, 0, 1);
	vif_flow_close(flow);
	hostile_run(h);
}

static void own_resets_come_back(void **state)
{
	struct trick trick = {
		.h = hostile_with_circuit(VIF_CIRCUIT_DERIVED),
		.play = stop_ours,
	};
	struct hostile *h = trick.h;

	(void)state;
	/* A RESET has a price of its own, which is not what is tested. */
	h->trunk->bucket.resets.capacity = UINT32_MAX;
	h->trunk->bucket.resets.level = UINT32_MAX * SECOND_NS;
	play(&trick, 1000);
	hostile_advance(h, SECOND_NS);
	play(&trick, BACK);
	assert_true(vif_trunk_is_ready(h->trunk));
	play(&trick, 1);
	check_flood(h);
	hostile_free(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(credit_that_nobody_used),
		cmocka_unit_test(credit_of_a_flow),
		cmocka_unit_test(stops_and_credit_of_what_is_over),
		cmocka_unit_test(limits_of_the_trunk),
		cmocka_unit_test(limits_of_a_hop),
		cmocka_unit_test(credit_of_a_sealed_circuit),
		cmocka_unit_test(credit_for_what_was_sent),
		cmocka_unit_test(shuts_of_what_is_gone),
		cmocka_unit_test(limits_of_what_is_gone),
		cmocka_unit_test(empty_records_of_what_is_gone),
		cmocka_unit_test(data_of_what_is_gone),
		cmocka_unit_test(an_empty_record),
		cmocka_unit_test(an_empty_record_sealed_end_to_end),
		cmocka_unit_test(empties_come_back),
		cmocka_unit_test(skips_come_back),
		cmocka_unit_test(padding_comes_back),
		cmocka_unit_test(glitches_come_back),
		cmocka_unit_test(own_resets_come_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
