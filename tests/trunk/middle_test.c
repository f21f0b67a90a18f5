/* SPDX-License-Identifier: Apache-2.0 */
/*
 * S4: somebody in the middle of a sealed circuit, who has the keys of both hops, as
 * a relay has: what it can do is to delay and to cut, and the ends see that.
 */
#include "tests/trunk_attack.h"

struct middle {
	struct hostile west; /* faces who dials */
	struct hostile east; /* faces who is dialled */
	struct vif_circuit *from[2], *to[2];
	struct vif_flow *flow;    /* on from[0] */
	uint8_t key[VIF_KEY_LEN]; /* of the east end */
};

static struct middle *begin(void)
{
	struct middle *m = calloc(1, sizeof(*m));
	uint64_t seed = 77;

	assert_non_null(m);
	hostile_init(&m->west, VIF_TRUNK_DIALER);
	hostile_init(&m->east, VIF_TRUNK_ACCEPTER);
	(void)session_rig_random(&seed, m->east.secret, VIF_KEY_LEN);
	assert_int_equal(vif_key_public(m->east.secret, m->key), 0);
	hostile_start(&m->west);
	hostile_start(&m->east);
	return m;
}

static void end(struct middle *m)
{
	hostile_fini(&m->west);
	hostile_fini(&m->east);
	free(m);
}

/* Passes on the last frame of a type, with one byte of its body changed. */
static void pass(struct hostile *from, struct hostile *to, unsigned int type,
		 size_t at, uint8_t change)
{
	struct heard *heard = &from->heard[type];

	assert_true(heard->n > 0);
	if (change) {
		assert_true(at < heard->header.len);
		heard->body[at] ^= change;
	}
	(void)hostile_control(to, type, heard->header.id, heard->header.value,
			      heard->body, heard->header.len);
}

static struct vif_circuit *dial(struct middle *m, enum vif_circuit_mode mode,
				const uint8_t *remote)
{
	struct vif_circuit_config config = {
		.size = sizeof(config),
		.mode = mode,
		.remote = remote,
		.service = "service",
	};
	struct vif_circuit *circuit;

	assert_int_equal(vif_circuit_dial(m->west.trunk, &config, &circuit), 0);
	hostile_run(&m->west);
	return circuit;
}

static void connect_circuit(struct middle *m, int i)
{
	m->from[i] = dial(m, VIF_CIRCUIT_SEALED, m->key);
	pass(&m->west, &m->east, FRAME_TRUNK_OPEN, 0, 0);
	pass(&m->east, &m->west, FRAME_TRUNK_ACCEPT, 0, 0);
	pass(&m->west, &m->east, FRAME_TRUNK_CONFIRM, 0, 0);
	m->to[i] = m->east.circuit;
	assert_non_null(m->to[i]);
	assert_int_equal(m->to[i]->state, CIRCUIT_OPEN);
	assert_int_equal(m->from[i]->state, CIRCUIT_OPEN);
}

/* A circuit, and four records of a flow that wait to be passed on. */
static struct middle *with_records(void)
{
	struct middle *m = begin();

	connect_circuit(m, 0);
	assert_int_equal(vif_flow_open(m->from[0], NULL, &m->flow), 0);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(vif_flow_write(m->flow, "record", 6), 6);
		hostile_run(&m->west);
	}
	assert_int_equal(m->west.n_taken, 4);
	return m;
}

static void pass_record_to(struct middle *m, unsigned int i, uint32_t circuit)
{
	const struct hostile_taken *taken = &m->west.taken[i];

	memcpy(m->east.plain, taken->bytes, taken->len);
	m->east.plain_len = taken->len;
	(void)hostile_record(&m->east, RECORD_SEALED, taken->flags, circuit);
}

static void pass_record(struct middle *m, unsigned int i)
{
	pass_record_to(m, i, m->west.taken[i].circuit);
}

/* So many bytes came, and then the circuit had to end. */
static void check_noticed(struct middle *m, size_t len, enum vif_reason reason)
{
	uint8_t bytes[64];

	assert_int_equal(vif_circuit_reason(m->to[0], NULL), reason);
	assert_true(hostile_is_alive(&m->east));
	if (len > 0)
		assert_int_equal(
			vif_flow_read(m->east.flow, bytes, sizeof(bytes)), len);
	if (m->east.flow)
		assert_int_equal(
			vif_flow_read(m->east.flow, bytes, sizeof(bytes)),
			-ECONNRESET);
	end(m);
}

static void honest_middle(void **state)
{
	struct middle *m = with_records();
	uint8_t bytes[64];

	(void)state;
	for (unsigned int i = 0; i < 4; i++)
		pass_record(m, i);
	assert_int_equal(vif_flow_read(m->east.flow, bytes, sizeof(bytes)), 24);
	assert_memory_equal(bytes, "recordrecordrecordrecord", 24);
	end(m);
}

static void swaps(void **state)
{
	struct middle *m = with_records();

	(void)state;
	pass_record(m, 0);
	pass_record(m, 2);
	pass_record(m, 1);
	check_noticed(m, 6, VIF_REASON_SEAL);
}

static void drops(void **state)
{
	struct middle *m = with_records();

	(void)state;
	pass_record(m, 0);
	pass_record(m, 1);
	pass_record(m, 3);
	check_noticed(m, 12, VIF_REASON_SEAL);
}

static void drops_the_first(void **state)
{
	struct middle *m = with_records();

	(void)state;
	pass_record(m, 1);
	check_noticed(m, 0, VIF_REASON_SEAL);
}

static void repeats(void **state)
{
	struct middle *m = with_records();

	(void)state;
	pass_record(m, 0);
	pass_record(m, 0);
	check_noticed(m, 6, VIF_REASON_SEAL);
}

static void moves_to_another_circuit(void **state)
{
	struct middle *m = begin();

	(void)state;
	connect_circuit(m, 0);
	connect_circuit(m, 1);
	assert_int_equal(vif_flow_open(m->from[0], NULL, &m->flow), 0);
	assert_int_equal(vif_flow_write(m->flow, "record", 6), 6);
	hostile_run(&m->west);
	assert_int_equal(m->west.n_taken, 1);
	pass_record_to(m, 0, m->to[1]->node.id);
	assert_int_equal(vif_circuit_reason(m->to[1], NULL), VIF_REASON_SEAL);
	/* Where it belongs it is still good. */
	pass_record(m, 0);
	assert_int_equal(m->to[0]->rx_held, 6);
	end(m);
}

static void sends_back(void **state)
{
	struct middle *m = with_records();
	const struct hostile_taken *taken = &m->west.taken[0];

	(void)state;
	memcpy(m->west.plain, taken->bytes, taken->len);
	m->west.plain_len = taken->len;
	(void)hostile_record(&m->west, RECORD_SEALED, taken->flags,
			     taken->circuit);
	assert_int_equal(vif_circuit_reason(m->from[0], NULL), VIF_REASON_SEAL);
	assert_true(hostile_is_alive(&m->west));
	end(m);
}

/* The class of a record is what credit depends on. */
static void changes_the_flag(void **state)
{
	struct middle *m = with_records();

	(void)state;
	assert_int_equal(m->west.taken[0].flags, RECORD_DATA);
	m->west.taken[0].flags = 0;
	pass_record(m, 0);
	check_noticed(m, 0, VIF_REASON_SEAL);
}

static void changes_a_bit(void **state)
{
	(void)state;
	for (size_t at = 0; at < 16 + 6 + 16; at++) {
		struct middle *m = with_records();

		assert_int_equal(m->west.taken[1].len, 16 + 6 + 16);
		m->west.taken[1].bytes[at] ^= (uint8_t)(1u << at % 8);
		pass_record(m, 0);
		pass_record(m, 1);
		check_noticed(m, 6, VIF_REASON_SEAL);
	}
}

static void changes_the_length(void **state)
{
	(void)state;
	for (size_t len = 0; len < 40; len++) {
		struct middle *m = with_records();

		if (len == m->west.taken[0].len)
			len++;
		m->west.taken[0].len = len;
		pass_record(m, 0);
		check_noticed(m, 0, VIF_REASON_SEAL);
	}
}

static void makes_one_up(void **state)
{
	struct middle *m = with_records();

	(void)state;
	pass_record(m, 0);
	hostile_frame(&m->east, FRAME_CREDIT, 0, 1, UINT64_MAX, NULL, 0);
	hostile_frame(&m->east, FRAME_PAD, 0, 0, 0, NULL, 16);
	(void)hostile_record(&m->east, RECORD_SEALED, 0, m->to[0]->node.id);
	check_noticed(m, 6, VIF_REASON_SEAL);
}

/* In the outer layer alone, as if there were no inner one. */
static void strips_the_seal(void **state)
{
	struct middle *m = with_records();

	(void)state;
	pass_record(m, 0);
	hostile_frame(&m->east, FRAME_DATA, FRAME_DATA_FIN, 1, 6, NULL, 0);
	(void)hostile_record(&m->east, RECORD_CIRCUIT, 0, m->to[0]->node.id);
	check_noticed(m, 6, VIF_REASON_PROTOCOL);
}

/* SHUT says that all is well, behind a part of the data: it is not. */
static void forges_a_clean_end(void **state)
{
	(void)state;
	for (uint32_t code = 0; code < 3; code++) {
		struct middle *m = with_records();

		pass_record(m, 0);
		hostile_code_frame(&m->east, FRAME_TRUNK_SHUT,
				   m->to[0]->node.id, 0, code);
		(void)hostile_record(&m->east, RECORD_CONTROL, 0, 0);
		check_noticed(m, 6, code ? code : VIF_REASON_TRUNCATED);
	}
}

/* The flow is whole, since its FIN came; that of the circuit is not. */
static void cuts_behind_a_fin(void **state)
{
	struct middle *m = with_records();
	uint8_t bytes[64];

	(void)state;
	assert_int_equal(vif_flow_finish(m->flow), 0);
	hostile_run(&m->west);
	assert_int_equal(vif_circuit_close(m->from[0], 0, NULL), 0);
	hostile_run(&m->west);
	assert_int_equal(m->west.n_taken, 6);
	for (unsigned int i = 0; i < 5; i++)
		pass_record(m, i);
	hostile_code_frame(&m->east, FRAME_TRUNK_SHUT, m->to[0]->node.id, 0, 0);
	(void)hostile_record(&m->east, RECORD_CONTROL, 0, 0);
	assert_int_equal(vif_circuit_reason(m->to[0], NULL),
			 VIF_REASON_TRUNCATED);
	assert_int_equal(vif_flow_read(m->east.flow, bytes, sizeof(bytes)), 24);
	assert_int_equal(vif_flow_read(m->east.flow, bytes, sizeof(bytes)),
			 -ENODATA);
	end(m);
}

static void cuts_before_a_fin(void **state)
{
	struct middle *m = with_records();

	(void)state;
	assert_int_equal(vif_flow_finish(m->flow), 0);
	hostile_run(&m->west);
	assert_int_equal(m->west.n_taken, 5);
	for (unsigned int i = 0; i < 4; i++)
		pass_record(m, i);
	vif_trunk_receive_end(m->east.trunk);
	assert_int_equal(vif_circuit_reason(m->to[0], NULL),
			 VIF_REASON_TRUNCATED);
	m->east.n_event[0] = 0;
	assert_int_equal(m->east.flow->rx.len, 24);
	vif_flow_consume(m->east.flow, 24);
	assert_int_equal(vif_flow_read(m->east.flow, m->key, 1), -ECONNRESET);
	end(m);
}

/* Credit of the hop is all that it may give; what the ends granted stays. */
static void forges_hop_limits(void **state)
{
	static uint8_t bytes[200000];
	struct middle *m = begin();
	uint64_t limit = (UINT64_C(1) << 48) - 1;

	(void)state;
	connect_circuit(m, 0);
	(void)hostile_control(&m->west, FRAME_TRUNK_LIMIT, 1, limit, NULL, 0);
	(void)hostile_control(&m->west, FRAME_TRUNK_LIMIT, 1, UINT64_MAX, NULL,
			      0);
	(void)hostile_control(&m->west, FRAME_TRUNK_LIMIT, 1, 0, NULL, 0);
	assert_int_equal(vif_flow_open(m->from[0], NULL, &m->flow), 0);
	assert_int_equal(vif_flow_write(m->flow, bytes, sizeof(bytes)),
			 sizeof(bytes));
	hostile_run(&m->west);
	assert_int_equal(m->flow->tx_credit.sent,
			 m->to[0]->trunk->config.flow_window);
	assert_true(hostile_is_alive(&m->west));
	end(m);
}

/* Each byte of OPEN is in the prologue. */
static void changes_open(void **state)
{
	(void)state;
	for (size_t at = 0; at < CORE_OPEN_FIXED + 7 + 96; at++) {
		struct middle *m = begin();
		struct vif_circuit *circuit =
			dial(m, VIF_CIRCUIT_SEALED, m->key);

		pass(&m->west, &m->east, FRAME_TRUNK_OPEN, at, 1);
		/* Either it makes no sense, or the handshake fails. */
		assert_int_equal(m->east.heard[FRAME_TRUNK_ACCEPT].n, 0);
		assert_int_equal(m->east.n_event[VIF_CIRCUIT_INCOMING], 0);
		assert_int_equal(circuit->state, CIRCUIT_OPENING);
		end(m);
	}
}

static void changes_accept(void **state)
{
	enum { ACCEPT_LEN = 32 + 12 + 16 };

	(void)state;
	for (size_t at = 0; at < ACCEPT_LEN; at++) {
		struct middle *m = begin();
		struct vif_circuit *circuit =
			dial(m, VIF_CIRCUIT_SEALED, m->key);

		pass(&m->west, &m->east, FRAME_TRUNK_OPEN, 0, 0);
		assert_int_equal(m->east.heard[FRAME_TRUNK_ACCEPT].header.len,
				 ACCEPT_LEN);
		pass(&m->east, &m->west, FRAME_TRUNK_ACCEPT, at, 4);
		assert_int_equal(vif_circuit_reason(circuit, NULL),
				 VIF_REASON_HANDSHAKE);
		assert_true(hostile_is_alive(&m->west));
		end(m);
	}
}

static void changes_confirm(void **state)
{
	(void)state;
	for (size_t at = 0; at < RECORD_TAG_LEN; at++) {
		struct middle *m = begin();

		(void)dial(m, VIF_CIRCUIT_SEALED, m->key);
		pass(&m->west, &m->east, FRAME_TRUNK_OPEN, 0, 0);
		pass(&m->east, &m->west, FRAME_TRUNK_ACCEPT, 0, 0);
		pass(&m->west, &m->east, FRAME_TRUNK_CONFIRM, at, 128);
		assert_int_equal(m->east.n_event[VIF_CIRCUIT_INCOMING], 0);
		assert_true(hostile_heard_code(&m->east, FRAME_TRUNK_SHUT, 1,
					       VIF_REASON_HANDSHAKE));
		end(m);
	}
}

/* An old OPEN gets no further than to somebody who waits for CONFIRM. */
static void replays_open(void **state)
{
	struct middle *m = begin();
	struct heard *open = &m->west.heard[FRAME_TRUNK_OPEN];

	(void)state;
	connect_circuit(m, 0);
	(void)hostile_control(&m->east, FRAME_TRUNK_OPEN, 3, open->header.value,
			      open->body, open->header.len);
	(void)hostile_control(&m->east, FRAME_TRUNK_CONFIRM, 3, 0,
			      m->west.heard[FRAME_TRUNK_CONFIRM].body,
			      RECORD_TAG_LEN);
	assert_int_equal(m->east.n_event[VIF_CIRCUIT_INCOMING], 1);
	assert_true(hostile_heard_code(&m->east, FRAME_TRUNK_SHUT, 3,
				       VIF_REASON_HANDSHAKE));
	end(m);
}

/* The hash of the trunk is in the prologue, and this is another trunk. */
static void relays_a_bound_circuit(void **state)
{
	(void)state;
	for (int pinned = 0; pinned < 2; pinned++) {
		struct middle *m = begin();
		struct vif_circuit *circuit =
			dial(m, VIF_CIRCUIT_BOUND, pinned ? m->key : NULL);

		pass(&m->west, &m->east, FRAME_TRUNK_OPEN, 0, 0);
		if (m->east.heard[FRAME_TRUNK_ACCEPT].n > 0)
			pass(&m->east, &m->west, FRAME_TRUNK_ACCEPT, 0, 0);
		assert_int_not_equal(circuit->state, CIRCUIT_OPEN);
		assert_int_equal(m->west.heard[FRAME_TRUNK_CONFIRM].n, 0);
		end(m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(honest_middle),
		cmocka_unit_test(swaps),
		cmocka_unit_test(drops),
		cmocka_unit_test(drops_the_first),
		cmocka_unit_test(repeats),
		cmocka_unit_test(moves_to_another_circuit),
		cmocka_unit_test(sends_back),
		cmocka_unit_test(changes_the_flag),
		cmocka_unit_test(changes_a_bit),
		cmocka_unit_test(changes_the_length),
		cmocka_unit_test(makes_one_up),
		cmocka_unit_test(strips_the_seal),
		cmocka_unit_test(forges_a_clean_end),
		cmocka_unit_test(cuts_behind_a_fin),
		cmocka_unit_test(cuts_before_a_fin),
		cmocka_unit_test(forges_hop_limits),
		cmocka_unit_test(changes_open),
		cmocka_unit_test(changes_accept),
		cmocka_unit_test(changes_confirm),
		cmocka_unit_test(replays_open),
		cmocka_unit_test(relays_a_bound_circuit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
