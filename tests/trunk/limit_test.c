/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every limit of docs/design/trunk.md, section 10: just under it nothing
 * happens, just over it what the table says.
 */
#include "tests/trunk_attack.h"

static struct hostile *ready(struct hostile *h)
{
	hostile_start(h);
	assert_true(vif_trunk_is_ready(h->trunk));
	return h;
}

static void check_flood(struct hostile *h)
{
	assert_int_equal(vif_trunk_reason(h->trunk, NULL), VIF_REASON_FLOOD);
	assert_true(
		hostile_heard_code(h, FRAME_TRUNK_CLOSE, 0, VIF_REASON_FLOOD));
}

static uint64_t glitches(const struct hostile *h)
{
	return h->trunk->stats.glitches;
}

static void circuits(void **state)
{
	struct hostile *h = hostile_new(VIF_TRUNK_ACCEPTER);

	(void)state;
	h->config.circuits_max = 20;
	(void)ready(h);
	for (uint32_t i = 0; i < 20; i++)
		hostile_open(h, 1 + 2 * i, VIF_CIRCUIT_DERIVED);
	assert_int_equal(h->n_event[VIF_CIRCUIT_INCOMING], 20);
	(void)hostile_send_open(h, 41, VIF_CIRCUIT_DERIVED);
	assert_true(
		hostile_heard_code(h, FRAME_TRUNK_SHUT, 41, VIF_REASON_LIMIT));
	assert_int_equal(h->heard[FRAME_TRUNK_SHUT].n, 1);
	assert_int_equal(h->trunk->stats.refused_circuits, 1);
	/* One goes, one may come. */
	hostile_code_frame(h, FRAME_TRUNK_SHUT, 1, 0, 300);
	(void)hostile_record(h, RECORD_CONTROL, 0, 0);
	hostile_open(h, 43, VIF_CIRCUIT_DERIVED);
	assert_int_equal(h->n_event[VIF_CIRCUIT_INCOMING], 21);
	hostile_free(h);
}

static void circuits_in_handshake(void **state)
{
	struct hostile *h = ready(hostile_new(VIF_TRUNK_ACCEPTER));

	(void)state;
	/* Our own do not count. */
	for (int i = 0; i < 16; i++) {
		struct vif_circuit *circuit;

		assert_int_equal(vif_circuit_dial(h->trunk, NULL, &circuit), 0);
	}
	for (uint32_t i = 0; i < 16; i++)
		(void)hostile_send_open(h, 1 + 2 * i, VIF_CIRCUIT_DERIVED);
	assert_int_equal(h->heard[FRAME_TRUNK_ACCEPT].n, 16);
	assert_int_equal(h->heard[FRAME_TRUNK_SHUT].n, 0);
	(void)hostile_send_open(h, 33, VIF_CIRCUIT_DERIVED);
	assert_true(
		hostile_heard_code(h, FRAME_TRUNK_SHUT, 33, VIF_REASON_LIMIT));
	(void)hostile_control(h, FRAME_TRUNK_CONFIRM, 1, 0, NULL, 0);
	(void)hostile_send_open(h, 35, VIF_CIRCUIT_DERIVED);
	assert_int_equal(h->heard[FRAME_TRUNK_ACCEPT].n, 17);
	assert_int_equal(h->heard[FRAME_TRUNK_SHUT].n, 1);
	hostile_free(h);
}

/* Half open ones do not stay. */
static void circuit_handshake_time(void **state)
{
	struct hostile *h = ready(hostile_new(VIF_TRUNK_ACCEPTER));

	(void)state;
	(void)hostile_send_open(h, 1, VIF_CIRCUIT_DERIVED);
	hostile_advance(h, UINT64_C(9999999999));
	assert_int_equal(h->heard[FRAME_TRUNK_SHUT].n, 0);
	hostile_advance(h, 1);
	assert_true(
		hostile_heard_code(h, FRAME_TRUNK_SHUT, 1, VIF_REASON_TIMEOUT));
	assert_int_equal(h->trunk->n_handshakes, 0);
	hostile_free(h);
}

static void open_flows(struct hostile *h, uint32_t first, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		(void)hostile_data(h, 1, FRAME_DATA_OPEN, first + 2 * i, 0, 1);
}

/* They were told how many there may be. */
static void flows_of_a_circuit(void **state)
{
	struct hostile *h = hostile_new(VIF_TRUNK_ACCEPTER);

	(void)state;
	h->config.flows_max = 10;
	(void)ready(h);
	hostile_open(h, 1, VIF_CIRCUIT_DERIVED);
	open_flows(h, 1, 10);
	assert_int_equal(h->n_event[VIF_FLOW_INCOMING], 10);
	assert_int_equal(h->heard[FRAME_RESET].n, 0);
	open_flows(h, 21, 1);
	assert_true(
		hostile_heard_code(h, FRAME_TRUNK_SHUT, 1, VIF_REASON_LIMIT));
	assert_true(hostile_is_alive(h));
	hostile_free(h);
}

static void check_refused(struct hostile *h, uint32_t id,
			  enum vif_reason reason)
{
	assert_int_equal(h->heard[FRAME_RESET].n, 1);
	assert_int_equal(h->heard[FRAME_STOP].n, 1);
	assert_true(hostile_heard_code(h, FRAME_RESET, id, reason));
	assert_true(hostile_heard_code(h, FRAME_STOP, id, reason));
	assert_int_equal(h->heard[FRAME_TRUNK_SHUT].n, 0);
	assert_int_equal(h->trunk->stats.refused_flows, 1);
	/* The byte it came with is consumed. */
	assert_int_equal(h->trunk->rx_held, (id - 1) / 2);
	assert_true(hostile_is_alive(h));
}

static void flows_of_a_trunk(void **state)
{
	struct hostile *h = hostile_new(VIF_TRUNK_ACCEPTER);

	(void)state;
	h->config.trunk_flows_max = 10;
	(void)ready(h);
	hostile_open(h, 1, VIF_CIRCUIT_DERIVED);
	open_flows(h, 1, 10);
	assert_int_equal(h->heard[FRAME_RESET].n, 0);
	open_flows(h, 21, 1);
	check_refused(h, 21, VIF_REASON_LIMIT);
	hostile_free(h);
}

static void flows_not_accepted(void **state)
{
	struct hostile *h = hostile_new(VIF_TRUNK_ACCEPTER);

	(void)state;
	h->config.backlog = 10;
	h->keeps_quiet = true;
	(void)ready(h);
	hostile_open(h, 1, VIF_CIRCUIT_DERIVED);
	open_flows(h, 1, 10);
	assert_int_equal(h->heard[FRAME_RESET].n, 0);
	open_flows(h, 21, 1);
	check_refused(h, 21, VIF_REASON_REFUSED);
	hostile_free(h);
}

static void flows_nobody_listens_for(void **state)
{
	struct hostile *h = hostile_with_circuit(VIF_CIRCUIT_DERIVED);

	(void)state;
	assert_int_equal(vif_circuit_listen(h->circuit, false), 0);
	open_flows(h, 1, 1);
	check_refused(h, 1, VIF_REASON_REFUSED);
	hostile_free(h);
}

static void pings_queued(void **state)
{
	struct hostile *h = ready(hostile_new(VIF_TRUNK_ACCEPTER));

	(void)state;
	h->is_deaf = true;
	for (uint64_t i = 0; i < 16; i++)
		(void)hostile_control(h, FRAME_TRUNK_PING, 0, i, NULL, 0);
	assert_int_equal(h->trunk->stats.dropped_pongs, 0);
	(void)hostile_control(h, FRAME_TRUNK_PING, 0, 16, NULL, 0);
	assert_int_equal(h->trunk->stats.dropped_pongs, 1);
	h->is_deaf = false;
	hostile_run(h);
	assert_int_equal(h->heard[FRAME_TRUNK_PONG].n, 16);
	hostile_free(h);
}

static void send_many(struct hostile *h, unsigned int type, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		(void)hostile_control(h, type, 0, i, NULL, 0);
}

static void pings(void **state)
{
	struct hostile *h = ready(hostile_new(VIF_TRUNK_ACCEPTER));

	(void)state;
	send_many(h, FRAME_TRUNK_PING, 100);
	assert_int_equal(glitches(h), 0);
	send_many(h, FRAME_TRUNK_PING, 1);
	assert_int_equal(glitches(h), 1);
	hostile_advance(h, 1000000000);
	send_many(h, FRAME_TRUNK_PING, 10);
	assert_int_equal(glitches(h), 1);
	send_many(h, FRAME_TRUNK_PING, 1);
	assert_int_equal(glitches(h), 2);
	hostile_free(h);
}

static void open_and_reset(struct hostile *h, uint32_t first, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		uint32_t id = first + 2 * i;

		hostile_frame(h, FRAME_DATA, FRAME_DATA_OPEN, id, 0, NULL, 0);
		hostile_code_frame(h, FRAME_RESET, id, 0, 300);
		(void)hostile_circuit_record(h, 0, 1);
		vif_flow_close(h->flow);
		hostile_run(h);
	}
}

/* Rapid reset: what was opened is taken back before it cost anything. */
static void resets(void **state)
{
	struct hostile *h = hostile_with_circuit(VIF_CIRCUIT_DERIVED);

	(void)state;
	open_and_reset(h, 1, 1000);
	assert_true(hostile_is_alive(h));
	hostile_advance(h, 1000000000);
	open_and_reset(h, 2001, 33);
	assert_true(hostile_is_alive(h));
	assert_int_equal(h->trunk->n_flows, 0);
	hostile_frame(h, FRAME_DATA, FRAME_DATA_OPEN, 2067, 0, NULL, 0);
	hostile_code_frame(h, FRAME_RESET, 2067, 0, 300);
	(void)hostile_circuit_record(h, 0, 1);
	check_flood(h);
	hostile_free(h);
}

/* Opened and ended as it should be: as many as anybody wants. */
static void flows_in_turn(void **state)
{
	struct hostile *h = hostile_with_circuit(VIF_CIRCUIT_DERIVED);

	(void)state;
	for (uint32_t i = 0; i < 3000; i++) {
		(void)hostile_data(h, 1, FRAME_DATA_OPEN | FRAME_DATA_FIN,
				   1 + 2 * i, 0, 1);
		vif_flow_close(h->flow);
		hostile_run(h);
	}
	assert_int_equal(h->trunk->n_flows, 0);
	assert_int_equal(glitches(h), 0);
	assert_true(hostile_is_alive(h));
	hostile_free(h);
}

/* Refused ones are no better than reset ones. */
static void refused_flows(void **state)
{
	struct hostile *h = hostile_with_circuit(VIF_CIRCUIT_DERIVED);

	(void)state;
	assert_int_equal(vif_circuit_listen(h->circuit, false), 0);
	open_flows(h, 1, 1000);
	assert_true(hostile_is_alive(h));
	open_flows(h, 2001, 1);
	check_flood(h);
	hostile_free(h);
}

static void stop_flow(struct hostile *h, uint32_t id)
{
	hostile_code_frame(h, FRAME_STOP, id, 0, 300);
	(void)hostile_circuit_record(h, 0, 1);
}

static void resets_that_a_peer_makes_us_send(void **state)
{
	struct hostile *h = hostile_with_circuit(VIF_CIRCUIT_DERIVED);
	struct vif_flow *flow;

	(void)state;
	for (uint32_t i = 0; i < 1001; i++) {
		assert_int_equal(h->heard[FRAME_RESET].n, i);
		assert_int_equal(vif_flow_open(h->circuit, NULL, &flow), 0);
		assert_int_equal(vif_flow_write(flow, "x", 1), 1);
		hostile_run(h);
		assert_true(vif_trunk_is_ready(h->trunk));
		stop_flow(h, 2 + 2 * i);
	}
	check_flood(h);
	hostile_free(h);
}

static void circuits_opened(void **state)
{
	struct hostile *h = ready(hostile_new(VIF_TRUNK_ACCEPTER));

	(void)state;
	(void)vif_trunk_listen(h->trunk, false);
	for (uint32_t i = 0; i < 256; i++)
		(void)hostile_send_open(h, 1 + 2 * i, VIF_CIRCUIT_DERIVED);
	assert_int_equal(h->heard[FRAME_TRUNK_SHUT].n, 256);
	assert_true(hostile_is_alive(h));
	assert_true(list_is_empty(&h->trunk->circuits));
	hostile_advance(h, 1000000000 / 16);
	(void)hostile_send_open(h, 513, VIF_CIRCUIT_DERIVED);
	assert_true(hostile_is_alive(h));
	(void)hostile_send_open(h, 515, VIF_CIRCUIT_DERIVED);
	check_flood(h);
	hostile_free(h);
}

/* The peer does not take what we have to say, and wants to hear more. */
static void shuts_queued(void **state)
{
	struct hostile *h = ready(hostile_new(VIF_TRUNK_ACCEPTER));
	uint32_t id = 1, most = 0;

	(void)state;
	(void)vif_trunk_listen(h->trunk, false);
	h->is_deaf = true;
	for (; vif_trunk_is_ready(h->trunk) && id < 4000; id += 2) {
		hostile_advance(h, 1000000000 / 16);
		(void)hostile_send_open(h, id, VIF_CIRCUIT_DERIVED);
		if (h->trunk->n_circuits > most)
			most = h->trunk->n_circuits;
	}
	h->is_deaf = false;
	hostile_run(h);
	check_flood(h);
	/* 64 that may be there, and 64 KiB of SHUT with a text. */
	assert_in_range(most, 64, 64 + 65536 / 276 + 1);
	hostile_free(h);
}

static void empties(void **state)
{
	struct hostile *h = hostile_with_circuit(VIF_CIRCUIT_DERIVED);

	(void)state;
	open_flows(h, 1, 1);
	for (int i = 0; i < 1000; i++)
		(void)hostile_data(h, 1, 0, 1, 1, 0);
	assert_int_equal(glitches(h), 0);
	(void)hostile_data(h, 1, 0, 1, 1, 0);
	assert_int_equal(glitches(h), 1);
	hostile_free(h);
}

static void limits_that_say_nothing(void **state)
{
	struct hostile *h = hostile_with_circuit(VIF_CIRCUIT_SEALED);
	uint64_t limit = h->trunk->tx_credit.limit;

	(void)state;
	(void)hostile_control(h, FRAME_TRUNK_LIMIT, 0, limit + 1, NULL, 0);
	(void)hostile_control(h, FRAME_TRUNK_LIMIT, 1, 2 << 20, NULL, 0);
	assert_int_equal(glitches(h), 0);
	(void)hostile_control(h, FRAME_TRUNK_LIMIT, 0, limit + 1, NULL, 0);
	(void)hostile_control(h, FRAME_TRUNK_LIMIT, 0, limit - 1, NULL, 0);
	(void)hostile_control(h, FRAME_TRUNK_LIMIT, 1, 2 << 20, NULL, 0);
	assert_int_equal(glitches(h), 3);
	assert_int_equal(h->trunk->tx_credit.limit, limit + 1);
	for (int i = 0; i < 2; i++) {
		hostile_frame(h, FRAME_CREDIT, 0, 0, 2 << 20, NULL, 0);
		(void)hostile_circuit_record(h, 0, 1);
		assert_int_equal(glitches(h), 3 + i);
	}
	hostile_free(h);
}

static void skipped_frames(void **state)
{
	struct hostile *h = ready(hostile_new(VIF_TRUNK_ACCEPTER));

	(void)state;
	send_many(h, 128, 100);
	assert_int_equal(glitches(h), 0);
	send_many(h, 128, 1);
	assert_int_equal(glitches(h), 1);
	hostile_free(h);
}

static void padding(void **state)
{
	enum { PAD = 16384 - FRAME_HEADER_LEN };
	struct hostile *h = ready(hostile_new(VIF_TRUNK_ACCEPTER));

	(void)state;
	for (int i = 0; i < (1 << 20) / (FRAME_HEADER_LEN + PAD); i++)
		(void)hostile_control(h, FRAME_TRUNK_PAD, 0, 0, NULL, PAD);
	assert_int_equal(glitches(h), 0);
	(void)hostile_control(h, FRAME_TRUNK_PAD, 0, 0, NULL, 0);
	assert_int_equal(glitches(h), 1);
	hostile_free(h);
}

static void glitches_themselves(void **state)
{
	struct hostile *h = ready(hostile_new(VIF_TRUNK_ACCEPTER));

	(void)state;
	send_many(h, FRAME_TRUNK_PONG, 10000);
	assert_int_equal(glitches(h), 10000);
	assert_true(vif_trunk_is_ready(h->trunk));
	send_many(h, FRAME_TRUNK_PONG, 1);
	check_flood(h);
	hostile_free(h);
}

static void rekey(struct hostile *h, uint64_t number)
{
	(void)hostile_control(h, FRAME_TRUNK_REKEY, 0, number, NULL, 0);
	assert_int_equal(noise_key_rekey(&h->keys.send), 0);
}

static void rekeys(void **state)
{
	struct hostile *h = ready(hostile_new(VIF_TRUNK_ACCEPTER));

	(void)state;
	for (uint64_t i = 1; i <= 16; i++)
		rekey(h, i);
	assert_true(hostile_is_alive(h));
	hostile_advance(h, 1000000000);
	rekey(h, 17);
	assert_true(hostile_is_alive(h));
	rekey(h, 18);
	check_flood(h);
	hostile_free(h);
}

static void rekey_circuit(struct hostile *h, uint64_t number)
{
	hostile_frame(h, FRAME_REKEY, 0, 0, number, NULL, 0);
	(void)hostile_circuit_record(h, 0, 1);
	assert_int_equal(noise_key_rekey(&hostile_sealed(h, 1)->send), 0);
}

static void rekeys_of_a_circuit(void **state)
{
	struct hostile *h = hostile_with_circuit(VIF_CIRCUIT_SEALED);

	(void)state;
	for (uint64_t i = 1; i <= 16; i++)
		rekey_circuit(h, i);
	assert_true(hostile_is_alive(h));
	open_flows(h, 1, 1);
	assert_int_equal(h->n_event[VIF_FLOW_INCOMING], 1);
	/* The far end's fault, which is not that of the trunk's other side. */
	rekey_circuit(h, 17);
	assert_true(
		hostile_heard_code(h, FRAME_TRUNK_SHUT, 1, VIF_REASON_FLOOD));
	assert_true(hostile_is_alive(h));
	hostile_free(h);
}

/* The peer is deaf, so the limit that was told stays. */
static void receive_memory(void **state)
{
	struct hostile *h = hostile_new(VIF_TRUNK_ACCEPTER);
	uint64_t left;

	(void)state;
	h->config.window = 64 * 131072;
	(void)ready(h);
	hostile_open(h, 1, VIF_CIRCUIT_DERIVED);
	h->is_deaf = true;
	left = h->trunk->rx_credit.limit;
	assert_int_equal(left, 64 * 131072 + 65536);
	while (left > 0) {
		size_t n = left < 16400 ? left : 16400;

		/* Not less than a frame may be left for the last record. */
		if (left - n > 0 && left - n < FRAME_HEADER_LEN)
			n -= FRAME_HEADER_LEN;
		hostile_frame(h, FRAME_PAD, 0, 0, 0, NULL,
			      n - FRAME_HEADER_LEN);
		(void)hostile_record(h, RECORD_CIRCUIT, RECORD_DATA, 1);
		left -= n;
	}
	assert_true(vif_trunk_is_ready(h->trunk));
	hostile_frame(h, FRAME_PAD, 0, 0, 0, NULL, 0);
	(void)hostile_record(h, RECORD_CIRCUIT, RECORD_DATA, 1);
	assert_int_equal(vif_trunk_reason(h->trunk, NULL), VIF_REASON_CREDIT);
	hostile_free(h);
}

static void hop_window(void **state)
{
	struct hostile *h = hostile_with_circuit(VIF_CIRCUIT_SEALED);
	uint64_t left = h->circuit->hop_rx.limit;

	(void)state;
	assert_int_equal(left, 131072);
	h->is_deaf = true;
	for (; left > 0; left -= 16384) {
		hostile_frame(h, FRAME_PAD, 0, 0, 0, NULL,
			      16384 - FRAME_HEADER_LEN - RECORD_TAG_LEN);
		(void)hostile_circuit_record(h, 0, 1);
	}
	assert_int_equal(h->circuit->state, CIRCUIT_OPEN);
	hostile_frame(h, FRAME_PAD, 0, 0, 0, NULL, 0);
	(void)hostile_circuit_record(h, 0, 1);
	h->is_deaf = false;
	hostile_run(h);
	assert_true(
		hostile_heard_code(h, FRAME_TRUNK_SHUT, 1, VIF_REASON_CREDIT));
	assert_true(hostile_is_alive(h));
	hostile_free(h);
}

static void send_memory(void **state)
{
	static uint8_t bytes[100000];
	struct hostile *h = hostile_new(VIF_TRUNK_ACCEPTER);
	struct vif_flow *flow[2];

	(void)state;
	h->config.flow_send_max = 150000;
	h->config.send_max = 200000;
	(void)ready(h);
	hostile_open(h, 1, VIF_CIRCUIT_DERIVED);
	for (int i = 0; i < 2; i++)
		assert_int_equal(vif_flow_open(h->circuit, NULL, &flow[i]), 0);
	assert_int_equal(vif_flow_write(flow[0], bytes, sizeof(bytes)), 100000);
	assert_int_equal(vif_flow_write(flow[0], bytes, sizeof(bytes)), 50000);
	assert_int_equal(vif_flow_write(flow[0], bytes, 1), 0);
	assert_int_equal(vif_flow_write(flow[1], bytes, sizeof(bytes)), 50000);
	assert_int_equal(vif_flow_write(flow[1], bytes, 1), 0);
	hostile_run(h);
	assert_int_equal(h->n_event[VIF_FLOW_WRITABLE], 2);
	assert_int_equal(vif_flow_write(flow[1], bytes, 1), 1);
	hostile_free(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(circuits),
		cmocka_unit_test(circuits_in_handshake),
		cmocka_unit_test(circuit_handshake_time),
		cmocka_unit_test(flows_of_a_circuit),
		cmocka_unit_test(flows_of_a_trunk),
		cmocka_unit_test(flows_not_accepted),
		cmocka_unit_test(flows_nobody_listens_for),
		cmocka_unit_test(pings_queued),
		cmocka_unit_test(pings),
		cmocka_unit_test(resets),
		cmocka_unit_test(flows_in_turn),
		cmocka_unit_test(refused_flows),
		cmocka_unit_test(resets_that_a_peer_makes_us_send),
		cmocka_unit_test(circuits_opened),
		cmocka_unit_test(shuts_queued),
		cmocka_unit_test(empties),
		cmocka_unit_test(limits_that_say_nothing),
		cmocka_unit_test(skipped_frames),
		cmocka_unit_test(padding),
		cmocka_unit_test(glitches_themselves),
		cmocka_unit_test(rekeys),
		cmocka_unit_test(rekeys_of_a_circuit),
		cmocka_unit_test(receive_memory),
		cmocka_unit_test(hop_window),
		cmocka_unit_test(send_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
