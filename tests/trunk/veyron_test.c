/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was wrong in the two systems this one learned from, one test for each.
 *
 * veyron_N is a fault of the first one; conn_test.c has those of its successor,
 * whose names begin with conn. The list is in
 * docs/design/trunk.md, section 13. Where the fault cannot exist by construction
 * a comment says so, and the test looks at what takes its place.
 */
#include "tests/trunk_attack.h"

/*
 * 1: the proof of who it is was not bound to the connection, so that it could be
 * used on another. Here there is no separate proof: who has no part in the
 * handshake has no keys. What the program passes as the carrier is bound, too.
 */
static void veyron_1_identity_is_bound(void **state)
{
	struct hostile *h = hostile_new(VIF_TRUNK_ACCEPTER);
	struct session peer;
	bool moved = true;

	(void)state;
	h->config.binding = "this carrier";
	h->config.binding_len = 12;
	h->peer_config.binding = "that carrier";
	h->peer_config.binding_len = 12;
	assert_int_equal(
		vif_trunk_new(h->role, &h->config, h->now_ns, &h->trunk, NULL),
		0);
	assert_int_equal(session_init(&peer, &h->crypto, &h->peer_config), 0);
	while (moved)
		hostile_exchange(h, &peer, &moved);
	session_fini(&peer);
	assert_false(vif_trunk_is_ready(h->trunk));
	assert_int_equal(h->n_event[VIF_TRUNK_READY], 0);
	assert_null(vif_trunk_remote(h->trunk));
	hostile_free(h);
}

/*
 * 2: flows of certain numbers were passed in clear, for ever. Numbers 0 to 13
 * are all that were; circuit_attack_test.c has the same before the handshake.
 */
static void veyron_2_no_flow_is_exempt(void **state)
{
	(void)state;
	for (uint32_t flow = 0; flow < 14; flow++) {
		struct hostile *h = hostile_new(VIF_TRUNK_ACCEPTER);

		hostile_start(h);
		hostile_open(h, 1, VIF_CIRCUIT_SEALED);
		hostile_frame(h, FRAME_DATA, FRAME_DATA_OPEN, flow, 0, "x", 1);
		(void)hostile_record(h, RECORD_SEALED, RECORD_DATA, 1);
		assert_int_equal(vif_circuit_reason(h->circuit, NULL),
				 VIF_REASON_SEAL);
		assert_int_equal(h->n_event[VIF_FLOW_INCOMING], 0);
		hostile_free(h);
	}
}

/*
 * 3: number of the flow, its end, and credit were not authentic end to end. They
 * lie inside the inner seal, whose every bit counts: middle_test.c. Nothing of
 * them shows in what a relay sees: two records that differ in them alone have
 * the same headers and length.
 */
static void veyron_3_frames_are_inside_the_seal(void **state)
{
	uint8_t record[2][256];
	size_t len[2];

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct hostile *h = hostile_new(VIF_TRUNK_ACCEPTER);

		hostile_start(h);
		hostile_open(h, 1, VIF_CIRCUIT_SEALED);
		hostile_frame(h, FRAME_DATA,
			      FRAME_DATA_OPEN | (i ? FRAME_DATA_FIN : 0),
			      1 + 2 * (uint32_t)i, 0, "x", 1);
		hostile_seal_inner(h, RECORD_DATA, 1);
		len[i] = h->plain_len;
		memcpy(record[i], h->plain, len[i]);
		h->plain_len = 0;
		hostile_free(h);
	}
	assert_int_equal(len[0], len[1]);
	/* Type, flags and number are there, under the stream of the cipher. */
	assert_int_equal(record[0][0] ^ record[1][0], 0);
	assert_int_equal(record[0][1] ^ record[1][1], FRAME_DATA_FIN);
	assert_memory_not_equal(record[0] + len[0] - RECORD_TAG_LEN,
				record[1] + len[1] - RECORD_TAG_LEN,
				RECORD_TAG_LEN);
}

/* 4: OPEN of a circuit that exists killed it, through its own error path. */
static void veyron_4_open_of_an_existing_circuit(void **state)
{
	struct hostile *h = hostile_with_circuit(VIF_CIRCUIT_DERIVED);
	struct vif_circuit *circuit = h->circuit;
	uint8_t bytes[4];

	(void)state;
	(void)hostile_data(h, 1, FRAME_DATA_OPEN, 1, 0, 4);
	(void)hostile_send_open(h, 1, VIF_CIRCUIT_DERIVED);
	/* The trunk ends for it; the circuit with it, in order. */
	assert_int_equal(vif_trunk_reason(h->trunk, NULL), VIF_REASON_PROTOCOL);
	assert_ptr_equal(h->circuit, circuit);
	assert_int_equal(h->n_event[VIF_CIRCUIT_INCOMING], 1);
	assert_int_equal(vif_flow_read(h->flow, bytes, sizeof(bytes)), 4);
	hostile_free(h);
}

/* 5: a frame shorter than its header, and counts that sized memory. */
static void veyron_5_short_frames_and_large_counts(void **state)
{
	(void)state;
	for (size_t len = 0; len < FRAME_HEADER_LEN; len++) {
		struct hostile *h = hostile_with_circuit(VIF_CIRCUIT_DERIVED);
		uint64_t bytes = h->trunk->pool.bytes;

		memset(h->plain, 0xff, len);
		h->plain_len = len;
		(void)hostile_record(h, RECORD_CIRCUIT, RECORD_DATA, 1);
		assert_int_equal(vif_circuit_reason(h->circuit, NULL),
				 VIF_REASON_PROTOCOL);
		assert_int_equal(h->trunk->pool.bytes, bytes);
		assert_true(hostile_is_alive(h));
		hostile_free(h);
	}
	/* The longest that a header can claim. */
	{
		struct hostile *h = hostile_with_circuit(VIF_CIRCUIT_DERIVED);

		hostile_frame(h, FRAME_DATA, FRAME_DATA_OPEN, 1, 0, "x", 1);
		h->plain[2] = h->plain[3] = 0xff;
		(void)hostile_record(h, RECORD_CIRCUIT, RECORD_DATA, 1);
		assert_int_equal(vif_circuit_reason(h->circuit, NULL),
				 VIF_REASON_PROTOCOL);
		hostile_free(h);
	}
}

/*
 * 6: the reader waited for queues. Here it has nothing to wait for: all that
 * comes is taken while nothing is sent or read, and a limit ends it if need be.
 */
static void veyron_6_reader_never_waits(void **state)
{
	struct hostile *h = hostile_with_circuit(VIF_CIRCUIT_DERIVED);

	(void)state;
	h->is_deaf = true;
	h->keeps_quiet = true;
	(void)hostile_send_open(h, 3, VIF_CIRCUIT_DERIVED);
	for (uint64_t i = 0; i < 1000; i++) {
		(void)hostile_control(h, FRAME_TRUNK_PING, 0, i, NULL, 0);
		(void)hostile_control(h, FRAME_TRUNK_PONG, 0, i, NULL, 0);
	}
	(void)hostile_data(h, 1, FRAME_DATA_OPEN, 1, 0, 9);
	assert_int_equal(h->circuit->rx_held, 9);
	h->is_deaf = false;
	hostile_run(h);
	assert_true(hostile_is_alive(h));
	hostile_free(h);
}

/*
 * 7: a queue of messages behind the scheduler. Here what is given out is chosen
 * when it is asked for: a small frame that is wanted later than a large write is
 * in the very next record.
 */
static void veyron_7_nothing_behind_the_scheduler(void **state)
{
	static uint8_t bytes[200000], out[VIF_TRUNK_SEND_MIN];
	struct hostile *h = hostile_with_circuit(VIF_CIRCUIT_DERIVED);
	struct vif_flow *flow;
	int64_t n;

	(void)state;
	assert_int_equal(vif_flow_open(h->circuit, NULL, &flow), 0);
	assert_int_equal(vif_flow_write(flow, bytes, sizeof(bytes)),
			 sizeof(bytes));
	n = vif_trunk_send(h->trunk, out, sizeof(out));
	assert_true(n > 16400 && h->circuit->tx_held > 0);
	h->is_deaf = true; /* what was taken out above is not for it */
	(void)hostile_control(h, FRAME_TRUNK_PING, 0, 1, NULL, 0);
	n = vif_trunk_send(h->trunk, out, sizeof(out));
	assert_true(n > 0);
	assert_int_equal(record_header_read(out).type, RECORD_CONTROL);
	hostile_free(h);
}

/* 8: nobody checked whether the sender kept to its credit. limit_test.c, too. */
static void veyron_8_credit_is_enforced(void **state)
{
	struct hostile *h = hostile_with_circuit(VIF_CIRCUIT_DERIVED);
	uint64_t limit;

	(void)state;
	(void)hostile_data(h, 1, FRAME_DATA_OPEN, 1, 0, 1);
	limit = h->flow->rx_credit.limit;
	for (uint64_t at = 1; at < limit;) {
		size_t n = limit - at < 16384 ? limit - at : 16384;

		(void)hostile_data(h, 1, 0, 1, at, n);
		at += n;
	}
	assert_int_equal(h->circuit->state, CIRCUIT_OPEN);
	(void)hostile_data(h, 1, 0, 1, limit, 1);
	assert_int_equal(vif_circuit_reason(h->circuit, NULL),
			 VIF_REASON_CREDIT);
	hostile_free(h);
}

/*
 * 9: many short flows took more than the pool, as it was given back before the
 * reader had read. Nothing is borrowed here: what is not read counts in the
 * circuit, whether its flow has ended or not.
 */
static void veyron_9_short_flows_keep_to_the_pool(void **state)
{
	struct hostile *h = hostile_with_circuit(VIF_CIRCUIT_DERIVED);
	uint32_t id = 1;

	(void)state;
	while (h->circuit->rx_held + 10000 <= h->circuit->rx_credit.limit) {
		(void)hostile_data(h, 1, FRAME_DATA_OPEN | FRAME_DATA_FIN, id,
				   0, 10000);
		id += 2;
	}
	assert_int_equal(h->circuit->state, CIRCUIT_OPEN);
	assert_true(h->circuit->rx_held <= h->circuit->rx_credit.window);
	(void)hostile_data(h, 1, FRAME_DATA_OPEN | FRAME_DATA_FIN, id, 0,
			   10000);
	assert_int_equal(vif_circuit_reason(h->circuit, NULL),
			 VIF_REASON_CREDIT);
	hostile_free(h);
}

/*
 * 10: close waited for a lock that was held by who waited for credit. There are
 * no locks; a flow without credit can be finished, reset and closed at once.
 */
static void veyron_10_close_without_credit(void **state)
{
	struct hostile *h = hostile_new(VIF_TRUNK_DIALER);
	struct vif_circuit *circuit;
	struct vif_flow *flow;
	uint8_t body[CORE_HELLO_LEN] = { [11] = 9 }; /* windows of nothing */

	(void)state;
	hostile_start(h);
	assert_int_equal(vif_circuit_dial(h->trunk, NULL, &circuit), 0);
	hostile_run(h);
	(void)hostile_control(h, FRAME_TRUNK_ACCEPT, 1, hostile_hop(65536),
			      body, sizeof(body));
	assert_int_equal(vif_flow_open(circuit, NULL, &flow), 0);
	assert_int_equal(vif_flow_write(flow, "x", 1), 1);
	hostile_run(h);
	/* Who granted nothing hears of the flow, or he never could. */
	assert_int_equal(h->heard[FRAME_DATA].n, 1);
	assert_int_equal(h->data_bytes, 0);
	assert_int_equal(vif_flow_reset(flow, 300), 0);
	vif_flow_close(flow);
	assert_int_equal(vif_circuit_close(circuit, 0, NULL), 0);
	hostile_run(h);
	assert_int_equal(h->heard[FRAME_RESET].n, 1);
	assert_int_equal(h->heard[FRAME_CLOSE].n, 1);
	put_be32(body, 0);
	(void)hostile_control(h, FRAME_TRUNK_SHUT, 1, 0, body, 4);
	assert_int_equal(h->trunk->n_flows, 0);
	hostile_free(h);
}

/* 11: CLOSE of a circuit overtook its data, and looked like a clean end. */
static void veyron_11_close_does_not_overtake(void **state)
{
	static uint8_t bytes[200000];
	struct hostile *h = hostile_with_circuit(VIF_CIRCUIT_DERIVED);
	struct vif_flow *flow;

	(void)state;
	assert_int_equal(vif_flow_open(h->circuit, NULL, &flow), 0);
	assert_int_equal(vif_flow_write(flow, bytes, sizeof(bytes)),
			 sizeof(bytes));
	assert_int_equal(vif_circuit_close(h->circuit, 0, NULL), 0);
	hostile_run(h);
	assert_int_equal(h->data_bytes, sizeof(bytes));
	assert_int_equal(h->heard[FRAME_CLOSE].n, 1);
	assert_true(h->heard[FRAME_DATA].header.flags & FRAME_DATA_FIN);
	hostile_free(h);
}

/* 12: the number of a record moved on when it did not open. One ends it here. */
static void veyron_12_one_failure_ends_it(void **state)
{
	struct hostile *h = hostile_with_circuit(VIF_CIRCUIT_DERIVED);
	uint8_t record[128];
	size_t len;

	(void)state;
	hostile_frame(h, FRAME_TRUNK_PING, 0, 0, 1, NULL, 0);
	len = hostile_seal(h, RECORD_CONTROL, 0, 0, record);
	record[len - 1] ^= 1;
	assert_int_equal(vif_trunk_receive(h->trunk, record, len),
			 -ECONNABORTED);
	record[len - 1] ^= 1;
	assert_int_equal(vif_trunk_receive(h->trunk, record, len),
			 -ECONNABORTED);
	hostile_run(h);
	assert_int_equal(h->heard[FRAME_TRUNK_PONG].n, 0);
	assert_int_equal(vif_trunk_reason(h->trunk, NULL), VIF_REASON_SEAL);
	hostile_free(h);
}

/* 13: both directions shared one cipher, and its lock. Each has its own here. */
static void veyron_13_directions_are_apart(void **state)
{
	struct hostile *h = hostile_with_circuit(VIF_CIRCUIT_DERIVED);
	const struct vif_trunk *trunk = h->trunk;
	uint64_t sent = trunk->tx_seal.key.nonce;

	(void)state;
	assert_ptr_not_equal(trunk->tx_seal.key.ctx, trunk->rx_seal.key.ctx);
	(void)hostile_data(h, 1, FRAME_DATA_OPEN, 1, 0, 1);
	(void)hostile_data(h, 1, 0, 1, 1, 1);
	/* At most a PING for the round trip. */
	assert_in_range(trunk->tx_seal.key.nonce, sent, sent + 1);
	hostile_free(h);
}

/*
 * 14: a field was written twice when another was absent. OPEN has no absent
 * fields: what is not there is zero, and the length is always the same.
 */
static void veyron_14_absent_fields_are_zero(void **state)
{
	static const uint8_t none[VIF_KEY_LEN];
	struct hostile *h = hostile_new(VIF_TRUNK_DIALER);
	const struct heard *open = &h->heard[FRAME_TRUNK_OPEN];
	struct vif_circuit *circuit;

	(void)state;
	hostile_start(h);
	assert_int_equal(vif_circuit_dial(h->trunk, NULL, &circuit), 0);
	hostile_run(h);
	assert_int_equal(open->header.len, CORE_OPEN_FIXED);
	assert_memory_equal(open->body + 16, none, sizeof(none));
	assert_int_equal(open->body[48], 0);
	hostile_free(h);
}

/* 15: two ends of one flow, when close fell between two looks at it. */
static void veyron_15_one_end_of_a_flow(void **state)
{
	(void)state;
	for (int when = 0; when < 3; when++) {
		struct hostile *h = hostile_with_circuit(VIF_CIRCUIT_DERIVED);
		struct vif_flow *flow;

		assert_int_equal(vif_flow_open(h->circuit, NULL, &flow), 0);
		assert_int_equal(vif_flow_write(flow, "x", 1), 1);
		if (when == 0)
			hostile_run(h);
		assert_int_equal(vif_flow_finish(flow), 0);
		if (when == 1)
			hostile_run(h);
		vif_flow_close(flow);
		hostile_run(h);
		assert_int_equal(vif_circuit_close(h->circuit, 0, NULL), 0);
		hostile_run(h);
		assert_int_equal(h->heard[FRAME_DATA].n, when == 0 ? 2 : 1);
		assert_true(h->heard[FRAME_DATA].header.flags & FRAME_DATA_FIN);
		assert_int_equal(h->heard[FRAME_RESET].n, 0);
		hostile_free(h);
	}
}

/* 16: after a failure writes were swallowed, and looked like success. */
static void veyron_16_writes_fail_after_the_end(void **state)
{
	struct hostile *h = hostile_with_circuit(VIF_CIRCUIT_DERIVED);
	struct vif_flow *flow;

	(void)state;
	assert_int_equal(vif_flow_open(h->circuit, NULL, &flow), 0);
	vif_trunk_receive_end(h->trunk);
	assert_int_equal(vif_flow_write(flow, "x", 1), -ECONNRESET);
	assert_int_equal(vif_flow_finish(flow), -ECONNRESET);
	hostile_free(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(veyron_1_identity_is_bound),
		cmocka_unit_test(veyron_2_no_flow_is_exempt),
		cmocka_unit_test(veyron_3_frames_are_inside_the_seal),
		cmocka_unit_test(veyron_4_open_of_an_existing_circuit),
		cmocka_unit_test(veyron_5_short_frames_and_large_counts),
		cmocka_unit_test(veyron_6_reader_never_waits),
		cmocka_unit_test(veyron_7_nothing_behind_the_scheduler),
		cmocka_unit_test(veyron_8_credit_is_enforced),
		cmocka_unit_test(veyron_9_short_flows_keep_to_the_pool),
		cmocka_unit_test(veyron_10_close_without_credit),
		cmocka_unit_test(veyron_11_close_does_not_overtake),
		cmocka_unit_test(veyron_12_one_failure_ends_it),
		cmocka_unit_test(veyron_13_directions_are_apart),
		cmocka_unit_test(veyron_14_absent_fields_are_zero),
		cmocka_unit_test(veyron_15_one_end_of_a_flow),
		cmocka_unit_test(veyron_16_writes_fail_after_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
