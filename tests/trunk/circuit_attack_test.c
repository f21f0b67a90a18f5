/* SPDX-License-Identifier: Apache-2.0 */
/* Attacks on circuits that come to be: OPEN, ACCEPT, CONFIRM. */
#include "tests/trunk_attack.h"

/* A trunk that is ready, against either role. */
static struct hostile *begin(enum vif_trunk_role role)
{
	struct hostile *h = hostile_new(role);

	hostile_start(h);
	assert_true(vif_trunk_is_ready(h->trunk));
	return h;
}

/* Nothing but this circuit has suffered, and nothing of it is left. */
static void check_shut(struct hostile *h, uint32_t id, enum vif_reason reason)
{
	assert_int_equal(h->heard[FRAME_TRUNK_SHUT].n, 1);
	assert_true(hostile_heard_code(h, FRAME_TRUNK_SHUT, id, reason));
	assert_true(hostile_is_alive(h));
	assert_null(circuit_find(h->trunk, id));
	assert_int_equal(h->trunk->n_handshakes, 0);
	assert_int_equal(h->trunk->windows, 0);
}

static const enum vif_circuit_mode modes[] = {
	VIF_CIRCUIT_DERIVED,
	VIF_CIRCUIT_BOUND,
	VIF_CIRCUIT_SEALED,
};

static struct vif_circuit *dial(struct hostile *h, enum vif_circuit_mode mode,
				const uint8_t *remote)
{
	struct vif_circuit_config config = {
		.size = sizeof(config),
		.mode = mode,
		.remote = remote,
	};
	struct vif_circuit *circuit;

	assert_int_equal(vif_circuit_dial(h->trunk, &config, &circuit), 0);
	hostile_run(h);
	assert_int_equal(h->heard[FRAME_TRUNK_OPEN].n, 1);
	return circuit;
}

static uint32_t our_id(const struct hostile *h)
{
	return 3 - hostile_first_id(h);
}

/*
 * 1.12-2: flows of some numbers were exempt from the cipher. Here no number is:
 * before the handshake is over none may come, whatever it is.
 */
static void no_flow_before_confirm(void **state)
{
	(void)state;
	for (uint32_t flow = 0; flow < 14; flow++)
		for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
			struct hostile *h = begin(VIF_TRUNK_ACCEPTER);

			(void)hostile_send_open(h, 1, modes[i]);
			assert_int_equal(h->heard[FRAME_TRUNK_ACCEPT].n, 1);
			(void)hostile_data(h, 1, FRAME_DATA_OPEN, flow, 0, 1);
			check_shut(h, 1, VIF_REASON_PROTOCOL);
			assert_int_equal(h->n_event[VIF_CIRCUIT_INCOMING], 0);
			hostile_free(h);
		}
}

/* What is in clear for the relay is not heard by a sealed circuit either. */
static void no_clear_flow_in_a_sealed_circuit(void **state)
{
	(void)state;
	for (uint32_t flow = 0; flow < 14; flow++) {
		struct hostile *h = begin(VIF_TRUNK_ACCEPTER);

		hostile_open(h, 1, VIF_CIRCUIT_SEALED);
		assert_int_equal(h->n_event[VIF_CIRCUIT_INCOMING], 1);
		hostile_frame(h, FRAME_DATA, FRAME_DATA_OPEN, flow, 0, "x", 1);
		(void)hostile_record(h, RECORD_CIRCUIT, RECORD_DATA, 1);
		assert_int_equal(h->n_event[VIF_FLOW_INCOMING], 0);
		vif_circuit_free(h->circuit);
		check_shut(h, 1, VIF_REASON_PROTOCOL);
		hostile_free(h);
	}
}

static void no_flow_before_accept(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(modes); i++)
		for (int role = 0; role < 2; role++) {
			struct hostile *h = begin((enum vif_trunk_role)role);
			struct vif_circuit *circuit = dial(h, modes[i], NULL);

			(void)hostile_data(h, our_id(h), FRAME_DATA_OPEN, 2, 0,
					   1);
			assert_int_equal(vif_circuit_reason(circuit, NULL),
					 VIF_REASON_PROTOCOL);
			vif_circuit_free(circuit);
			check_shut(h, our_id(h), VIF_REASON_PROTOCOL);
			hostile_free(h);
		}
}

/* Opening and confirming, one frame may come. */

static void no_limit_before_accept(void **state)
{
	struct hostile *h = begin(VIF_TRUNK_DIALER);

	(void)state;
	(void)dial(h, VIF_CIRCUIT_SEALED, NULL);
	(void)hostile_control(h, FRAME_TRUNK_LIMIT, 1, 1 << 20, NULL, 0);
	assert_true(hostile_heard_code(h, FRAME_TRUNK_SHUT, 1,
				       VIF_REASON_PROTOCOL));
	hostile_free(h);
}

static void no_limit_before_confirm(void **state)
{
	struct hostile *h = begin(VIF_TRUNK_ACCEPTER);

	(void)state;
	(void)hostile_send_open(h, 1, VIF_CIRCUIT_SEALED);
	(void)hostile_control(h, FRAME_TRUNK_LIMIT, 1, 2 << 20, NULL, 0);
	check_shut(h, 1, VIF_REASON_PROTOCOL);
	hostile_free(h);
}

static void no_confirm_before_accept(void **state)
{
	struct hostile *h = begin(VIF_TRUNK_DIALER);
	struct vif_circuit *circuit = dial(h, VIF_CIRCUIT_DERIVED, NULL);

	(void)state;
	(void)hostile_control(h, FRAME_TRUNK_CONFIRM, 1, 0, NULL, 0);
	vif_circuit_free(circuit);
	check_shut(h, 1, VIF_REASON_PROTOCOL);
	hostile_free(h);
}

static void no_accept_of_the_openers(void **state)
{
	struct hostile *h = begin(VIF_TRUNK_ACCEPTER);

	(void)state;
	(void)hostile_send_open(h, 1, VIF_CIRCUIT_DERIVED);
	hostile_accept(h, 1);
	check_shut(h, 1, VIF_REASON_PROTOCOL);
	hostile_free(h);
}

static void accept_that_makes_no_sense(struct hostile *h, uint64_t hop,
				       size_t len, enum vif_circuit_mode mode,
				       enum vif_reason reason)
{
	struct vif_circuit *circuit = dial(h, mode, NULL);

	(void)hostile_control(h, FRAME_TRUNK_ACCEPT, 1, hop, NULL, len);
	assert_int_equal(vif_circuit_reason(circuit, NULL), reason);
	vif_circuit_free(circuit);
	check_shut(h, 1, reason);
	hostile_free(h);
}

static void accept_of_wrong_length(void **state)
{
	(void)state;
	for (size_t len = 0; len < 20; len++)
		if (len != CORE_HELLO_LEN)
			accept_that_makes_no_sense(
				begin(VIF_TRUNK_DIALER), hostile_hop(65536),
				len, VIF_CIRCUIT_DERIVED, VIF_REASON_HANDSHAKE);
}

static void accept_without_hop(void **state)
{
	(void)state;
	accept_that_makes_no_sense(begin(VIF_TRUNK_DIALER), 65536,
				   CORE_HELLO_LEN, VIF_CIRCUIT_DERIVED,
				   VIF_REASON_PROTOCOL);
}

static void accept_that_is_noise_of_nobody(void **state)
{
	(void)state;
	for (size_t len = 0; len < CORE_OPEN_MAX; len += 27)
		accept_that_makes_no_sense(
			begin(VIF_TRUNK_DIALER), hostile_hop(65536), len,
			VIF_CIRCUIT_SEALED, VIF_REASON_HANDSHAKE);
}

static void confirm_that_makes_no_sense(void **state)
{
	(void)state;
	for (size_t len = 0; len < CORE_OPEN_MAX; len += 16)
		for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
			struct hostile *h = begin(VIF_TRUNK_ACCEPTER);

			if (modes[i] == VIF_CIRCUIT_DERIVED && len == 0)
				len = 1;
			(void)hostile_send_open(h, 1, modes[i]);
			(void)hostile_control(h, FRAME_TRUNK_CONFIRM, 1, 0,
					      NULL, len);
			check_shut(h, 1, VIF_REASON_HANDSHAKE);
			assert_int_equal(h->n_event[VIF_CIRCUIT_INCOMING], 0);
			hostile_free(h);
		}
}

/* S9: points of low order, and other spellings of numbers. */

#define FF8  0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff
#define FF7  0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff
#define FF24 FF8, FF8, FF8

static const uint8_t bad_points[][VIF_KEY_LEN] = {
	{ 0 },
	{ 1 },
	{ 0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3,
	  0xfa, 0xf1, 0x9f, 0xc4, 0x6a, 0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32,
	  0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00 },
	{ 0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1,
	  0x55, 0x9c, 0x83, 0xef, 0x5b, 0x04, 0x44, 0x5c, 0xc4, 0x58, 0x1c,
	  0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd, 0xd0, 0x9f, 0x11, 0x57 },
	{ 0xec, FF8, FF8, FF7, FF7, 0x7f }, /* p - 1 */
	{ 0xed, FF8, FF8, FF7, FF7, 0x7f }, /* p, that is 0 */
	{ 0xee, FF8, FF8, FF7, FF7, 0x7f }, /* p + 1 */
	{ 0xf6, FF8, FF8, FF7, FF7, 0x7f }, /* p + 9, that is 9 */
	{ [0] = 9, [31] = 0x80 },           /* 9, with the top bit */
	{ 0xed, FF24, FF7 },                /* 2^255 + p */
};

static void bad_point_in_open(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad_points); i++) {
		struct hostile *h = begin(VIF_TRUNK_ACCEPTER);
		uint8_t body[CORE_OPEN_FIXED + VIF_KEY_LEN];
		size_t len = hostile_open_body(h, VIF_CIRCUIT_SEALED, body);

		memcpy(body + len, bad_points[i], VIF_KEY_LEN);
		(void)hostile_control(h, FRAME_TRUNK_OPEN, 1,
				      hostile_hop(65536), body, sizeof(body));
		check_shut(h, 1, VIF_REASON_HANDSHAKE);
		hostile_free(h);
	}
}

/* In clear, so that the point comes first of all that may be wrong with it. */
static void bad_point_in_accept(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad_points); i++) {
		struct hostile *h = begin(VIF_TRUNK_DIALER);
		struct vif_circuit *circuit = dial(h, VIF_CIRCUIT_BOUND, NULL);
		uint8_t body[2 * VIF_KEY_LEN + 2 * NOISE_TAG_LEN +
			     CORE_HELLO_LEN] = { 0 };

		memcpy(body, bad_points[i], VIF_KEY_LEN);
		(void)hostile_control(h, FRAME_TRUNK_ACCEPT, 1,
				      hostile_hop(65536), body, sizeof(body));
		vif_circuit_free(circuit);
		check_shut(h, 1, VIF_REASON_HANDSHAKE);
		hostile_free(h);
	}
}

/* Everything else about it is right: well sealed, in its place. */
static void bad_point_as_identity(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad_points); i++) {
		struct hostile *h = begin(VIF_TRUNK_ACCEPTER);
		struct hostile_circuit *circuit;

		memcpy(h->pair.public_key, bad_points[i], VIF_KEY_LEN);
		circuit = hostile_send_open(h, 1, VIF_CIRCUIT_BOUND);
		hostile_send_confirm(h, circuit, 1, VIF_CIRCUIT_BOUND);
		check_shut(h, 1, VIF_REASON_HANDSHAKE);
		assert_int_equal(h->n_event[VIF_CIRCUIT_INCOMING], 0);
		hostile_free(h);
	}
}

static void bad_point_is_not_dialled(void **state)
{
	struct hostile *h = begin(VIF_TRUNK_DIALER);
	struct vif_circuit *circuit;

	(void)state;
	for (size_t i = 5; i < ARRAY_LEN(bad_points); i++) {
		struct vif_circuit_config config = {
			.size = sizeof(config),
			.mode = VIF_CIRCUIT_SEALED,
			.remote = bad_points[i],
		};

		assert_int_equal(vif_circuit_dial(h->trunk, &config, &circuit),
				 -EINVAL);
	}
	hostile_free(h);
}

/* Who is it. */

/* The other side says yes, though it is not who was dialled. */
static void derived_circuit_to_somebody_else(void **state)
{
	struct hostile *h = begin(VIF_TRUNK_DIALER);
	uint8_t key[VIF_KEY_LEN] = { 42 };
	struct vif_circuit *circuit = dial(h, VIF_CIRCUIT_DERIVED, key);

	(void)state;
	hostile_accept(h, 1);
	assert_int_equal(vif_circuit_reason(circuit, NULL),
			 VIF_REASON_IDENTITY);
	vif_circuit_free(circuit);
	check_shut(h, 1, VIF_REASON_IDENTITY);
	hostile_free(h);
}

static void derived_circuit_to_who_is_there(void **state)
{
	struct hostile *h = begin(VIF_TRUNK_DIALER);

	(void)state;
	(void)dial(h, VIF_CIRCUIT_DERIVED, h->pair.public_key);
	hostile_accept(h, 1);
	assert_int_equal(h->n_event[VIF_CIRCUIT_READY], 1);
	hostile_free(h);
}

/* What both sides have said of their limits. */

static void fewer_flows_than_were_opened(void **state)
{
	(void)state;
	for (uint32_t max = 0; max < 5; max++) {
		struct hostile *h = begin(VIF_TRUNK_DIALER);
		struct vif_circuit *circuit =
			dial(h, VIF_CIRCUIT_DERIVED, NULL);
		struct vif_flow *flow[4];
		uint8_t body[CORE_HELLO_LEN] = { 0 };

		for (int i = 0; i < 4; i++) {
			assert_int_equal(vif_flow_open(circuit, NULL, &flow[i]),
					 0);
			assert_int_equal(vif_flow_write(flow[i], "x", 1), 1);
		}
		put_be32(body + 8, max);
		(void)hostile_control(h, FRAME_TRUNK_ACCEPT, 1,
				      hostile_hop(65536), body, sizeof(body));
		for (uint32_t i = 0; i < 4; i++)
			assert_int_equal(vif_flow_write(flow[i], "y", 1),
					 i < max ? 1 : -EPIPE);
		assert_int_equal(circuit->n_local, max < 4 ? max : 4);
		for (int i = 0; i < 4; i++)
			vif_flow_close(flow[i]);
		hostile_free(h);
	}
}

/* The other side has not heard of it, and shall not: it would make no sense. */
static void dialled_and_given_up_at_once(void **state)
{
	struct hostile *h = begin(VIF_TRUNK_DIALER);
	struct vif_circuit *circuit;

	(void)state;
	assert_int_equal(vif_circuit_dial(h->trunk, NULL, &circuit), 0);
	vif_circuit_free(circuit);
	hostile_run(h);
	assert_int_equal(h->heard[FRAME_TRUNK_OPEN].n, 0);
	assert_int_equal(h->heard[FRAME_TRUNK_SHUT].n, 0);
	/* The next one has the number that is next. */
	(void)dial(h, VIF_CIRCUIT_DERIVED, NULL);
	assert_int_equal(h->heard[FRAME_TRUNK_OPEN].header.id, 1);
	hostile_free(h);
}

/* Flows came before the program has said no. */
static void refused_with_flows_inside(void **state)
{
	(void)state;
	for (int aborts = 0; aborts < 2; aborts++) {
		struct hostile *h = begin(VIF_TRUNK_ACCEPTER);

		h->keeps_quiet = true;
		hostile_open(h, 1, VIF_CIRCUIT_DERIVED);
		for (uint32_t i = 0; i < 100; i++)
			(void)hostile_data(h, 1, FRAME_DATA_OPEN, 1 + 2 * i, 0,
					   100);
		if (aborts)
			vif_circuit_abort(h->circuit, 300, "no");
		vif_circuit_free(h->circuit);
		hostile_run(h);
		assert_int_equal(h->n_event[VIF_FLOW_INCOMING], 0);
		assert_true(list_is_empty(&h->trunk->circuits));
		assert_int_equal(h->trunk->n_flows, 0);
		assert_int_equal(h->trunk->rx_held, 0);
		hostile_free(h);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_flow_before_confirm),
		cmocka_unit_test(no_clear_flow_in_a_sealed_circuit),
		cmocka_unit_test(no_flow_before_accept),
		cmocka_unit_test(no_limit_before_accept),
		cmocka_unit_test(no_limit_before_confirm),
		cmocka_unit_test(no_confirm_before_accept),
		cmocka_unit_test(no_accept_of_the_openers),
		cmocka_unit_test(accept_of_wrong_length),
		cmocka_unit_test(accept_without_hop),
		cmocka_unit_test(accept_that_is_noise_of_nobody),
		cmocka_unit_test(confirm_that_makes_no_sense),
		cmocka_unit_test(bad_point_in_open),
		cmocka_unit_test(bad_point_in_accept),
		cmocka_unit_test(bad_point_as_identity),
		cmocka_unit_test(bad_point_is_not_dialled),
		cmocka_unit_test(derived_circuit_to_somebody_else),
		cmocka_unit_test(derived_circuit_to_who_is_there),
		cmocka_unit_test(fewer_flows_than_were_opened),
		cmocka_unit_test(dialled_and_given_up_at_once),
		cmocka_unit_test(refused_with_flows_inside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
