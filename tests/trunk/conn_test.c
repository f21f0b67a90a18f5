/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was wrong in the successor of the system this one learned from, one test
 * for each; veyron_test.c has the faults of the first one.
 */
#include "tests/trunk_attack.h"

#include <sys/mman.h>
#include <unistd.h>

/*
 * An MTU without a floor, which made loops endless. A record has a
 * floor, and what does not keep to it ends the handshake.
 */
static void conn_mtu_has_a_floor(void **state)
{
	struct hostile *h = hostile_new(VIF_TRUNK_ACCEPTER);
	static uint8_t bytes[100000];
	struct vif_flow *flow;

	(void)state;
	h->config.record_max = VIF_TRUNK_RECORD_MIN - 1;
	assert_int_equal(vif_trunk_new(h->role, &h->config, 0, &h->trunk, NULL),
			 -EINVAL);
	h->config.record_max = 0;
	h->peer_config.record_max = VIF_TRUNK_RECORD_MIN;
	hostile_start(h);
	hostile_open(h, 1, VIF_CIRCUIT_SEALED);
	assert_int_equal(vif_flow_open(h->circuit, NULL, &flow), 0);
	assert_int_equal(vif_flow_write(flow, bytes, sizeof(bytes)),
			 sizeof(bytes));
	hostile_run(h);
	assert_int_equal(h->data_bytes, sizeof(bytes));
	hostile_free(h);
}

/* A flow number twice, and no limit on flows. limit_test.c, too. */
static void conn_flow_numbers_are_used_once(void **state)
{
	struct hostile *h = hostile_with_circuit(VIF_CIRCUIT_DERIVED);

	(void)state;
	(void)hostile_data(h, 1, FRAME_DATA_OPEN, 1, 0, 1);
	(void)hostile_data(h, 1, FRAME_DATA_OPEN, 1, 1, 1);
	assert_int_equal(vif_circuit_reason(h->circuit, NULL),
			 VIF_REASON_PROTOCOL);
	assert_int_equal(h->n_event[VIF_FLOW_INCOMING], 1);
	hostile_free(h);
}

/*
 * What two keys agree on was a key itself, without what had been
 * said. Noise mixes all of it: its vectors prove that. Two trunks of the same two
 * identities have nothing in common.
 */
static void conn_keys_are_of_one_trunk_alone(void **state)
{
	uint8_t key[2][VIF_KEY_LEN];

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct hostile *h = hostile_new(VIF_TRUNK_ACCEPTER);

		h->peer_seed += (uint64_t)i;
		hostile_start(h);
		assert_true(vif_trunk_is_ready(h->trunk));
		assert_int_equal(
			vif_trunk_export(h->trunk, "test", NULL, 0, key[i]), 0);
		hostile_free(h);
	}
	assert_memory_not_equal(key[0], key[1], VIF_KEY_LEN);
}

/*
 * A set-up of three bytes, before anybody was authenticated, read
 * past its end. There are no variable numbers; each short HELLO is refused. The
 * page behind it cannot be read.
 */
static void conn_short_setup_is_refused(void **state)
{
	long page = sysconf(_SC_PAGESIZE);
	uint8_t *two = mmap(NULL, 2 * (size_t)page, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)state;
	assert_ptr_not_equal(two, MAP_FAILED);
	assert_int_equal(mprotect(two + page, (size_t)page, PROT_NONE), 0);
	for (uint16_t len = 0; len < 60; len++) {
		struct hostile *h = hostile_new(VIF_TRUNK_ACCEPTER);
		struct record_header header = { .type = RECORD_HELLO,
						.len = len };
		uint8_t *at = two + page - RECORD_HEADER_LEN - len;

		memset(at, 0xff, RECORD_HEADER_LEN + (size_t)len);
		record_header_write(&header, at);
		if (len >= 4)
			memcpy(at + RECORD_HEADER_LEN, "VIFT", 4);
		assert_int_equal(vif_trunk_new(h->role, &h->config, h->now_ns,
					       &h->trunk, NULL),
				 0);
		assert_int_equal(
			vif_trunk_receive(h->trunk, at,
					  RECORD_HEADER_LEN + (size_t)len),
			-ECONNABORTED);
		hostile_free(h);
	}
	(void)munmap(two, 2 * (size_t)page);
}

/* The type of the first message was not looked at. */
static void conn_first_record_has_to_be_a_hello(void **state)
{
	(void)state;
	for (uint8_t type = 0; type < 8; type++) {
		struct hostile *h = hostile_new(VIF_TRUNK_ACCEPTER);
		uint8_t record[RECORD_HEADER_LEN + 48] = { type, 0, 0, 48 };

		if (type == RECORD_HELLO)
			record[1] = 1; /* a flag, then */
		assert_int_equal(vif_trunk_new(h->role, &h->config, h->now_ns,
					       &h->trunk, NULL),
				 0);
		assert_int_equal(
			vif_trunk_receive(h->trunk, record, sizeof(record)),
			-ECONNABORTED);
		assert_int_equal(vif_trunk_reason(h->trunk, NULL),
				 VIF_REASON_PROTOCOL);
		hostile_free(h);
	}
}

/*
 * A flow without encryption had no integrity at all. There is no such
 * flow: every record after the handshake is sealed, whatever it is.
 */
static void conn_no_record_is_in_clear(void **state)
{
	(void)state;
	for (uint8_t type = RECORD_CONTROL; type <= RECORD_SEALED; type++) {
		struct hostile *h = hostile_with_circuit(VIF_CIRCUIT_DERIVED);
		uint8_t record[RECORD_HEADER_LEN + FRAME_HEADER_LEN + 16] = {
			type, 0, 0, 32, 0, 0, 0, type == RECORD_CONTROL ? 0 : 1,
		};

		record[RECORD_HEADER_LEN] = FRAME_TRUNK_PING;
		assert_int_equal(
			vif_trunk_receive(h->trunk, record, sizeof(record)),
			-ECONNABORTED);
		assert_int_equal(vif_trunk_reason(h->trunk, NULL),
				 VIF_REASON_SEAL);
		hostile_free(h);
	}
}

/* Sums of credit could wrap. I6; credit_test.c, too. */
static void conn_credit_does_not_wrap(void **state)
{
	static const uint64_t limits[] = {
		UINT32_MAX, UINT64_C(1) << 62, UINT64_C(1) << 63,
		UINT64_MAX, /* and back */ 0,  UINT64_C(1) << 62,
	};
	struct hostile *h = hostile_with_circuit(VIF_CIRCUIT_DERIVED);
	struct vif_flow *flow;
	uint64_t most = 0;

	(void)state;
	assert_int_equal(vif_flow_open(h->circuit, NULL, &flow), 0);
	assert_int_equal(vif_flow_write(flow, "x", 1), 1);
	hostile_run(h);
	for (size_t i = 0; i < ARRAY_LEN(limits); i++) {
		if (limits[i] > most)
			most = limits[i];
		hostile_frame(h, FRAME_CREDIT, 0, 0, limits[i], NULL, 0);
		hostile_frame(h, FRAME_CREDIT, 0, 2, limits[i], NULL, 0);
		(void)hostile_circuit_record(h, 0, 1);
		(void)hostile_control(h, FRAME_TRUNK_LIMIT, 0, limits[i], NULL,
				      0);
		assert_true(flow->tx_credit.limit == most);
		assert_true(h->circuit->tx_credit.limit == most);
		assert_true(h->trunk->tx_credit.limit == most);
		assert_int_equal(vif_flow_write(flow, "y", 1), 1);
		hostile_run(h);
		assert_int_equal(h->data_bytes, i + 2);
	}
	hostile_free(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(conn_mtu_has_a_floor),
		cmocka_unit_test(conn_flow_numbers_are_used_once),
		cmocka_unit_test(conn_keys_are_of_one_trunk_alone),
		cmocka_unit_test(conn_short_setup_is_refused),
		cmocka_unit_test(conn_first_record_has_to_be_a_hello),
		cmocka_unit_test(conn_no_record_is_in_clear),
		cmocka_unit_test(conn_credit_does_not_wrap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
