/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How trunks, circuits and flows end: C1 to C10. That nothing ends with short
 * data and a clean end is checked by the model with every read.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bits.h"
#include "tests/sim/trunk_rig.h"

static void title(const char *text)
{
	size_t len = strlen(text);

	memcpy(sim_title, text, len + 1);
}

static struct rig *rig_with_circuit(enum vif_circuit_mode mode)
{
	struct rig *rig = rig_new();

	rig_start(rig);
	(void)rig_dial(rig, SIM_DIALER, mode);
	return rig;
}

static struct model_flow *open_with(struct rig *rig, enum sim_side side,
				    size_t len)
{
	struct model_flow *flow = rig_open(rig, &rig->model.circuit[0], side);

	rig_write(rig, flow, side, len);
	return flow;
}

/* All the bytes, the end of the stream and that of the trunk come at once. */
static void test_c1_data_then_end_at_once(void **state)
{
	struct rig *rig = rig_with_circuit(VIF_CIRCUIT_DERIVED);
	struct model_flow *flow = open_with(rig, SIM_DIALER, 50000);
	const struct model_stream *stream = &flow->stream[SIM_DIALER];

	(void)state;
	title("C1");
	model_finish(&rig->model, flow, SIM_DIALER);
	model_close_trunk(&rig->model, SIM_DIALER, false);
	rig_settle(rig);
	assert_true(rig->model.closed_event[SIM_ACCEPTER]);
	assert_int_equal(stream->read, 0);
	assert_int_equal(rig_read_all(rig, flow, SIM_ACCEPTER), 50000);
	assert_true(stream->ended && stream->clean);
	rig_finish(rig);
}

/* The same, but the connection breaks behind the last byte of the stream. */
static void test_c1_data_then_cut(void **state)
{
	struct rig *rig = rig_with_circuit(VIF_CIRCUIT_SEALED);
	struct model_flow *flow = open_with(rig, SIM_DIALER, 50000);
	struct model_flow *other = open_with(rig, SIM_DIALER, 100);

	(void)state;
	title("C1 cut");
	model_finish(&rig->model, flow, SIM_DIALER);
	rig_settle(rig);
	sim_net_cut(&rig->net, true);
	rig_settle(rig);
	assert_int_equal(rig_trunk_reason(rig, SIM_ACCEPTER),
			 VIF_REASON_TRUNCATED);
	assert_int_equal(rig_read_all(rig, flow, SIM_ACCEPTER), 50000);
	assert_true(flow->stream[SIM_DIALER].clean);
	(void)rig_read_all(rig, other, SIM_ACCEPTER);
	assert_true(other->stream[SIM_DIALER].ended);
	assert_false(other->stream[SIM_DIALER].clean);
	rig_finish(rig);
}

/*
 * A whole session, recorded by its length: two circuits, flows both ways, ends
 * of all kinds. Each run is the same as the first until it is cut.
 */
static void session(struct rig *rig)
{
	struct model *model = &rig->model;
	struct model_flow *flow;

	rig_make(rig);
	model_dial(model, SIM_DIALER, VIF_CIRCUIT_SEALED);
	model_dial(model, SIM_ACCEPTER, VIF_CIRCUIT_DERIVED);
	for (uint32_t i = 0; i < 4; i++) {
		enum sim_side side = i % 2 ? SIM_ACCEPTER : SIM_DIALER;

		model_open(model, &model->circuit[i / 2], side, false);
		if (model->n_flow <= i)
			break;
		flow = &model->flow[i];
		(void)model_write(model, flow, side, 30, false);
		if (i == 1)
			model_reset(model, flow, side);
		else
			model_finish(model, flow, side);
	}
	rig_wind_up(rig);
	if (!sim_net_is_over(&rig->net))
		model_drain(model, SIM_DIALER);
	rig_wind_up(rig);
	program_let_go(model);
}

static void test_c2_cut_at_every_byte(void **state)
{
	struct rig *rig = rig_new();
	uint64_t len[SIM_SIDES];

	(void)state;
	title("C2");
	session(rig);
	for (int side = 0; side < SIM_SIDES; side++)
		len[side] = rig->net.pipe[side].pushed;
	rig_free(rig);
	assert_true(len[0] > 500 && len[1] > 500);
	for (int side = 0; side < SIM_SIDES; side++)
		for (uint64_t at = 0; at < len[side]; at++) {
			rig = rig_new();
			rig->net.pipe[side].cut_at = at;
			session(rig);
			assert_true(rig->net.cut);
			rig_free(rig);
		}
}

static void test_c3_half_close(void **state)
{
	(void)state;
	title("C3");
	for (int first = 0; first < SIM_SIDES; first++) {
		enum sim_side a = (enum sim_side)first, b = sim_other(a);
		struct rig *rig = rig_with_circuit(VIF_CIRCUIT_DERIVED);
		struct model_flow *flow = open_with(rig, SIM_DIALER, 10);

		rig_settle(rig);
		model_finish(&rig->model, flow, a);
		rig_settle(rig);
		(void)rig_read_all(rig, flow, b);
		assert_true(flow->stream[a].clean);
		assert_int_equal(vif_flow_write(flow->handle[a], "", 1),
				 -EPIPE);
		/* The other direction has not noticed. */
		for (int i = 0; i < 10; i++) {
			rig_write(rig, flow, b, 60000);
			rig_settle(rig);
			assert_true(rig_read_all(rig, flow, a) >= 60000);
		}
		model_finish(&rig->model, flow, b);
		rig_settle(rig);
		(void)rig_read_all(rig, flow, a);
		assert_true(flow->stream[b].clean);
		rig_finish(rig);
	}
}

/* Both have data on the way when both reset; all of it is accounted for. */
static void test_c4_reset_both_ways(void **state)
{
	struct rig *rig = rig_with_circuit(VIF_CIRCUIT_SEALED);
	struct model_flow *flow = open_with(rig, SIM_DIALER, 10);

	(void)state;
	title("C4");
	rig_settle(rig);
	rig->net.delay_max_ns = SIM_MS;
	for (int side = 0; side < SIM_SIDES; side++)
		rig_write(rig, flow, (enum sim_side)side, 50000);
	rig_settle(rig);
	for (int side = 0; side < SIM_SIDES; side++)
		model_reset(&rig->model, flow, (enum sim_side)side);
	rig_settle(rig);
	assert_true(
		rig->wire.circuit[0][0].flows[0].flow[0].stream[0].fin_sent ==
		false);
	rig_wait(rig, 10 * SIM_MS);
	for (int side = 0; side < SIM_SIDES; side++) {
		const struct model_stream *in = &flow->stream[1 - side];

		(void)rig_read_all(rig, flow, (enum sim_side)side);
		assert_true(in->ended);
		assert_false(in->clean);
	}
	rig_finish(rig);
}

static void test_c4_stop_crosses_fin(void **state)
{
	struct rig *rig = rig_with_circuit(VIF_CIRCUIT_DERIVED);
	struct model_flow *flow = open_with(rig, SIM_DIALER, 10);
	const struct wire_stream *stream;

	(void)state;
	title("C4 STOP and FIN");
	rig_settle(rig);
	rig->net.delay_max_ns = SIM_MS;
	model_finish(&rig->model, flow, SIM_DIALER);
	model_stop(&rig->model, flow, SIM_ACCEPTER);
	rig_wait(rig, 10 * SIM_MS);
	stream = &rig->wire.circuit[0][0].flows[0].flow[0].stream[SIM_DIALER];
	/* What is finished is not reset. */
	assert_true(stream->fin_got && stream->stop_got);
	assert_false(stream->reset_sent);
	rig_finish(rig);
}

/* STOP makes the other side reset, and its writer hears of it. */
static void test_c4_stop_resets(void **state)
{
	struct rig *rig = rig_with_circuit(VIF_CIRCUIT_SEALED);
	struct model_flow *flow = open_with(rig, SIM_DIALER, 256 << 10);

	(void)state;
	title("C4 STOP");
	rig_settle(rig);
	model_stop(&rig->model, flow, SIM_ACCEPTER);
	rig_settle(rig);
	assert_true(
		rig->wire.circuit[0][0].flows[0].flow[0].stream[0].reset_got);
	assert_true(flow->closed_event[SIM_DIALER]);
	assert_int_equal(vif_flow_write(flow->handle[SIM_DIALER], "", 1),
			 -EPIPE);
	/* The other direction lives. */
	rig_write(rig, flow, SIM_ACCEPTER, 1000);
	rig_settle(rig);
	assert_int_equal(rig_read_all(rig, flow, SIM_DIALER), 1000);
	rig_finish(rig);
}

/* Illegal frames: each ends what it is about, and harms nothing else. */
struct lie {
	enum sim_side side;
	uint8_t type;
	size_t at;     /* byte of the frame */
	uint8_t value; /* that it becomes */
	bool done;
};

static void tell_lie(void *user, enum sim_side side, uint32_t circuit,
		     uint8_t *bytes, size_t len)
{
	struct lie *lie = user;

	(void)circuit;
	if (lie->done || side != lie->side || len < 16 || bytes[0] != lie->type)
		return;
	bytes[lie->at] = lie->value;
	lie->done = true;
}

/* Events are left alone, as the model does not know what to expect. */
static uint32_t reason_of(const struct rig *rig, uint32_t circuit, int side)
{
	return vif_circuit_reason(rig->model.circuit[circuit].handle[side],
				  NULL);
}

static void test_c5_illegal_frames_of_a_circuit(void **state)
{
	static const struct {
		size_t at;
		uint8_t value;
		const char *what;
	} cases[] = {
		{ 0, 9, "an unknown type" },
		{ 1, 0, "data for a flow that was never opened" },
		{ 1, 8 | 1, "an unknown flag" },
		{ 2, 1, "more length than there is" },
		{ 7, 0, "the flow 0" },
		{ 7, 1, "a flow that is open, opened again" },
		{ 7, 2, "a flow of the other side" },
		{ 7, 5, "a flow after the next" },
		{ 15, 1, "a gap" },
	};

	(void)state;
	title("C5, I9");
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct lie lie = { .side = SIM_DIALER,
				   .type = WIRE_DATA,
				   .at = cases[i].at,
				   .value = cases[i].value };
		struct rig *rig = rig_with_circuit(VIF_CIRCUIT_SEALED);
		struct model_circuit *other;
		struct model_flow *unharmed;

		(void)open_with(rig, SIM_DIALER, 10);
		other = rig_dial(rig, SIM_DIALER, VIF_CIRCUIT_DERIVED);
		unharmed = rig_open(rig, other, SIM_DIALER);
		rig_write(rig, unharmed, SIM_DIALER, 10);
		rig_settle(rig);
		model_codes_add(&rig->model.circuit[0].codes,
				VIF_REASON_PROTOCOL);
		rig->wire.lying = true;
		rig->wire.forge = tell_lie;
		rig->wire.user = &lie;
		(void)open_with(rig, SIM_DIALER, 10);
		rig_move(rig);
		assert_true(lie.done);
		for (int side = 0; side < SIM_SIDES; side++) {
			if (reason_of(rig, 0, side) != VIF_REASON_PROTOCOL)
				fail_msg("%s: side %d says %u", cases[i].what,
					 side, reason_of(rig, 0, side));
			assert_true(
				vif_trunk_is_ready(rig->net.end[side].trunk));
		}
		assert_int_equal(vif_flow_write(unharmed->handle[SIM_DIALER],
						"still", 5),
				 5);
		rig_move(rig);
		sim_net_enter(SIM_ACCEPTER);
		{
			char bytes[32];

			assert_int_equal(
				vif_flow_read(unharmed->handle[SIM_ACCEPTER],
					      bytes, sizeof(bytes)),
				15);
		}
		rig_free(rig);
	}
}

/* What is wrong with the number of a circuit is the end of the trunk. */
static void test_c5_illegal_ids_of_circuits(void **state)
{
	static const uint8_t ids[] = { 0, 1, 2, 5, 7 };

	(void)state;
	title("C5, I9 circuits");
	for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
		struct lie lie = { .side = SIM_DIALER,
				   .type = WIRE_TRUNK_OPEN,
				   .at = 7,
				   .value = ids[i] };
		struct rig *rig = rig_with_circuit(VIF_CIRCUIT_DERIVED);

		rig->wire.lying = true;
		rig->wire.forge = tell_lie;
		rig->wire.user = &lie;
		model_codes_add(&rig->model.codes, VIF_REASON_PROTOCOL);
		model_dial(&rig->model, SIM_DIALER, VIF_CIRCUIT_DERIVED);
		rig_move(rig);
		assert_true(lie.done);
		for (int side = 0; side < SIM_SIDES; side++)
			assert_int_equal(
				rig_trunk_reason(rig, (enum sim_side)side),
				VIF_REASON_PROTOCOL);
		rig_free(rig);
	}
}

/* I6, I7: limits that are smaller, or come twice, or are the largest. */
static void test_i6_odd_limits(void **state)
{
	static const struct {
		size_t at;
		uint8_t value;
	} cases[] = {
		{ 13, 0 },    /* about the first limit, or less */
		{ 8, 0x80 },  /* 2^63 and more */
		{ 8, 0x40 },  /* 2^62 and more */
		{ 11, 0xff }, /* beyond 2^32 */
	};

	(void)state;
	title("I6, I7");
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct lie lie = { .side = SIM_ACCEPTER,
				   .type = WIRE_CREDIT,
				   .at = cases[i].at,
				   .value = cases[i].value };
		struct rig *rig = rig_with_circuit(VIF_CIRCUIT_DERIVED);
		struct model_flow *flow = open_with(rig, SIM_DIALER, 60000);
		struct vif_flow_stats before, after;

		rig_settle(rig);
		vif_flow_stats(flow->handle[SIM_DIALER], &before);
		rig->wire.lying = true;
		rig->wire.forge = tell_lie;
		rig->wire.user = &lie;
		assert_int_equal(rig_read_all(rig, flow, SIM_ACCEPTER), 60000);
		rig_move(rig);
		assert_true(lie.done);
		vif_flow_stats(flow->handle[SIM_DIALER], &after);
		assert_true(after.tx_limit >= before.tx_limit);
		/* Who has such limits can still send. */
		rig_write(rig, flow, SIM_DIALER, 1000);
		rig_move(rig);
		assert_int_equal(rig_read_all(rig, flow, SIM_ACCEPTER), 1000);
		for (int side = 0; side < SIM_SIDES; side++)
			assert_true(
				vif_trunk_is_ready(rig->net.end[side].trunk));
		rig_free(rig);
	}
}

/* The far end reads slowly; CLOSE waits for it, and an abort does not. */
static void test_c6_close_behind_data(void **state)
{
	(void)state;
	title("C6");
	for (int abort = 0; abort < 2; abort++) {
		struct rig *rig = rig_with_circuit(VIF_CIRCUIT_SEALED);
		struct model_circuit *circuit = &rig->model.circuit[0];
		struct model_flow *flow = open_with(rig, SIM_DIALER, 250 << 10);
		uint64_t n = 0;

		model_finish(&rig->model, flow, SIM_DIALER);
		rig_settle(rig);
		model_close_circuit(&rig->model, circuit, SIM_DIALER, abort);
		rig_settle(rig);
		assert_int_equal(circuit->ended[SIM_ACCEPTER], abort);
		for (int i = 0; i < 20; i++) {
			n += rig_read_all(rig, flow, SIM_ACCEPTER);
			rig_settle(rig);
		}
		assert_true(circuit->ended[SIM_ACCEPTER]);
		assert_int_equal(flow->stream[SIM_DIALER].clean, !abort);
		assert_int_equal(n == 250 << 10, !abort);
		rig_finish(rig);
	}
}

/* Flows that are opened before the other side hears of the drain all live. */
static void test_c7_drain_in_two_steps(void **state)
{
	struct rig *rig = rig_with_circuit(VIF_CIRCUIT_DERIVED);
	struct model_circuit *circuit = &rig->model.circuit[0];
	struct model_flow *late, *flow;
	struct vif_circuit *refused;
	struct vif_flow *handle;

	(void)state;
	title("C7");
	flow = open_with(rig, SIM_DIALER, 10);
	rig_settle(rig);
	rig->net.delay_max_ns = SIM_MS;
	model_drain(&rig->model, SIM_DIALER);
	rig_settle(rig);
	/* DRAIN is on its way. */
	late = open_with(rig, SIM_ACCEPTER, 10);
	rig_settle(rig);
	rig_wait(rig, 10 * SIM_MS);
	assert_true(rig->wire.drained_sent[SIM_ACCEPTER]);
	assert_true(late->told);
	assert_int_equal(rig_read_all(rig, late, SIM_DIALER), 10);
	for (int side = 0; side < SIM_SIDES; side++) {
		sim_net_enter((enum sim_side)side);
		assert_int_equal(
			vif_flow_open(circuit->handle[side], NULL, &handle),
			-ESHUTDOWN);
		assert_int_equal(vif_circuit_dial(rig->net.end[side].trunk,
						  NULL, &refused),
				 -ESHUTDOWN);
	}
	/* Old ones go on for as long as their programs like. */
	rig_write(rig, flow, SIM_ACCEPTER, 1000);
	rig_wait(rig, 10 * SIM_MS);
	assert_int_equal(rig_read_all(rig, flow, SIM_DIALER), 1000);
	rig_finish(rig);
}

static void test_c8_drain_deadline(void **state)
{
	struct rig *rig = rig_new();
	struct model_flow *flow;

	(void)state;
	title("C8");
	rig->config[SIM_DIALER].drain_ns = 7 * SIM_S;
	rig_start(rig);
	(void)rig_dial(rig, SIM_DIALER, VIF_CIRCUIT_DERIVED);
	flow = open_with(rig, SIM_DIALER, 10);
	rig_settle(rig);
	model_drain(&rig->model, SIM_DIALER);
	model_codes_add(&rig->model.codes, VIF_REASON_TIMEOUT);
	rig_wait(rig, 7 * SIM_S - 1);
	assert_true(vif_trunk_is_ready(rig->net.end[SIM_DIALER].trunk));
	rig_wait(rig, 1);
	for (int side = 0; side < SIM_SIDES; side++)
		assert_true(rig->model.closed_event[side]);
	assert_int_equal(rig_read_all(rig, flow, SIM_ACCEPTER), 10);
	assert_false(flow->stream[SIM_DIALER].clean);
	rig_finish(rig);
}

static void test_c9_shut_remote_counts(void **state)
{
	struct rig *rig = rig_with_circuit(VIF_CIRCUIT_DERIVED);
	struct vif_trunk *trunk = rig->net.end[SIM_DIALER].trunk;

	(void)state;
	title("C9");
	(void)rig_dial(rig, SIM_DIALER, VIF_CIRCUIT_BOUND);
	(void)rig_dial(rig, SIM_ACCEPTER, VIF_CIRCUIT_SEALED);
	for (uint32_t i = 0; i < 3; i++) {
		model_codes_add(&rig->model.circuit[i].codes,
				VIF_REASON_CLOSED);
		rig->model.circuit[i].closed[SIM_DIALER] = true;
	}
	sim_net_enter(SIM_DIALER);
	assert_int_equal(vif_trunk_shut_remote(trunk, sim_public_key(5)), 0);
	assert_int_equal(
		vif_trunk_shut_remote(trunk, sim_public_key(SIM_ACCEPTER)), 3);
	rig_settle(rig);
	for (uint32_t i = 0; i < 3; i++)
		for (int side = 0; side < SIM_SIDES; side++)
			assert_true(rig->model.circuit[i].ended[side]);
	assert_int_equal(
		vif_trunk_shut_remote(trunk, sim_public_key(SIM_ACCEPTER)), 0);
	assert_true(vif_trunk_is_ready(trunk));
	rig_finish(rig);
}

/* A flow is opened in the same moment in which its circuit is found idle. */
static void race_with_idle(uint64_t opened_at_ns)
{
	struct rig *rig = rig_new();
	struct model_circuit *circuit;
	struct model_flow *flow;
	uint64_t start_ns;

	rig->config[SIM_ACCEPTER].circuit_idle_ns = SIM_S;
	rig_start(rig);
	start_ns = rig->net.now_ns;
	circuit = rig_dial(rig, SIM_DIALER, VIF_CIRCUIT_DERIVED);
	model_codes_add(&circuit->codes, VIF_REASON_IDLE);
	rig->net.delay_max_ns = 10 * SIM_MS;
	rig_wait(rig, start_ns + opened_at_ns - rig->net.now_ns);
	if (circuit->ended[SIM_DIALER]) {
		sim_net_enter(SIM_DIALER);
		assert_int_equal(vif_flow_open(circuit->handle[SIM_DIALER],
					       NULL, &(struct vif_flow *){ 0 }),
				 -ECONNABORTED);
		rig_finish(rig);
		return;
	}
	flow = rig_open(rig, circuit, SIM_DIALER);
	(void)model_write(&rig->model, flow, SIM_DIALER, 10, false);
	rig_wait(rig, 5 * SIM_S);
	/* It lives, or it was told why not. */
	if (!flow->closed_event[SIM_DIALER]) {
		assert_int_equal(rig_read_all(rig, flow, SIM_ACCEPTER), 10);
		assert_false(circuit->ended[SIM_DIALER]);
	} else {
		assert_int_equal(
			vif_circuit_reason(circuit->handle[SIM_DIALER], NULL),
			VIF_REASON_IDLE);
	}
	rig_finish(rig);
}

static void test_c9_idle_races_with_open(void **state)
{
	(void)state;
	title("C9 idle");
	for (uint64_t at_ms = 985; at_ms < 1025; at_ms++)
		race_with_idle(at_ms * SIM_MS);
}

/* A trunk with one limit of time, at one nanosecond before, at, and after. */
static bool ends_by(uint64_t wait_ns, enum vif_reason reason,
		    const struct vif_trunk_config *config, bool with_circuit)
{
	struct rig *rig = rig_new();
	bool ended;

	rig->config[SIM_DIALER] = *config;
	rig_start(rig);
	model_codes_add(&rig->model.codes, reason);
	if (with_circuit) {
		struct model_circuit *circuit =
			rig_dial(rig, SIM_DIALER, VIF_CIRCUIT_DERIVED);

		model_close_circuit(&rig->model, circuit, SIM_DIALER, true);
		rig_settle(rig);
	}
	rig_wait(rig, wait_ns);
	ended = rig->model.closed_event[SIM_DIALER];
	assert_int_equal(ended, rig->model.closed_event[SIM_ACCEPTER]);
	if (ended)
		for (int side = 0; side < SIM_SIDES; side++)
			assert_int_equal(
				rig_trunk_reason(rig, (enum sim_side)side),
				reason);
	rig_finish(rig);
	return ended;
}

static void test_c10_start_and_idle(void **state)
{
	const struct vif_trunk_config start = { .start_ns = 3 * SIM_S };
	const struct vif_trunk_config idle = { .idle_ns = 3 * SIM_S };
	enum vif_reason never = VIF_REASON_START;

	(void)state;
	title("C10");
	assert_false(ends_by(3 * SIM_S - 1, VIF_REASON_START, &start, false));
	assert_true(ends_by(3 * SIM_S, VIF_REASON_START, &start, false));
	assert_true(ends_by(3 * SIM_S + 1, VIF_REASON_START, &start, false));
	/* Once there was a circuit this one is out of date. */
	assert_false(ends_by(3600 * SIM_S, never, &start, true));
	assert_false(ends_by(3 * SIM_S - 1, VIF_REASON_IDLE, &idle, true));
	assert_true(ends_by(3 * SIM_S, VIF_REASON_IDLE, &idle, true));
	assert_true(ends_by(3 * SIM_S + 1, VIF_REASON_IDLE, &idle, true));
}

static void test_c10_handshake(void **state)
{
	(void)state;
	title("C10 handshake");
	for (int after = 0; after < 2; after++) {
		struct rig *rig = rig_new();

		rig->config[SIM_DIALER].handshake_ns = 2 * SIM_S;
		rig_make(rig);
		model_codes_add(&rig->model.codes, VIF_REASON_TIMEOUT);
		/* It has no keys yet to say why. */
		rig->model.aborted[SIM_DIALER] = true;
		rig->net.pipe[SIM_ACCEPTER].stalled = true;
		rig_wait(rig, 2 * SIM_S - 1 + (uint64_t)after);
		assert_int_equal(rig->model.closed_event[SIM_DIALER], after);
		if (after)
			assert_int_equal(rig_trunk_reason(rig, SIM_DIALER),
					 VIF_REASON_TIMEOUT);
		rig_free(rig);
	}
}

/* The other side does not read any more, and nothing comes from it. */
static void test_c10_health(void **state)
{
	(void)state;
	title("C10 health");
	for (int after = 0; after < 2; after++) {
		struct rig *rig = rig_new();

		rig->config[SIM_DIALER].health_ns = 4 * SIM_S;
		rig->config[SIM_ACCEPTER].health_ns = SIM_NEVER;
		rig_start(rig);
		model_codes_add(&rig->model.codes, VIF_REASON_HEALTH);
		/* With an answer it never ends. */
		rig_wait(rig, 60 * SIM_S);
		rig->net.pipe[SIM_DIALER].stalled = true;
		/* The last sign of life was up to two seconds ago. */
		rig_wait(rig, after ? 4 * SIM_S : 2 * SIM_S - 1);
		assert_int_equal(rig->model.closed_event[SIM_DIALER], after);
		if (after)
			assert_int_equal(rig_trunk_reason(rig, SIM_DIALER),
					 VIF_REASON_HEALTH);
		rig_free(rig);
	}
}

/* A laptop that slept an hour asks before it gives up, and timers fire once. */
static void test_c10_clock_jumps(void **state)
{
	struct rig *rig = rig_with_circuit(VIF_CIRCUIT_SEALED);
	struct model_flow *flow = open_with(rig, SIM_DIALER, 10);
	uint64_t pings;

	(void)state;
	title("C10 jump");
	rig_settle(rig);
	pings = rig->wire.n_frame[WIRE_TRUNK_PING];
	sim_net_advance(&rig->net, rig->net.now_ns + 3600 * SIM_S);
	rig_settle(rig);
	for (int side = 0; side < SIM_SIDES; side++)
		assert_true(vif_trunk_is_ready(rig->net.end[side].trunk));
	assert_true(rig->wire.n_frame[WIRE_TRUNK_PING] > pings);
	assert_true(rig->wire.n_frame[WIRE_TRUNK_PING] <= pings + 2);
	rig_write(rig, flow, SIM_DIALER, 10);
	rig_settle(rig);
	assert_int_equal(rig_read_all(rig, flow, SIM_ACCEPTER), 20);
	rig_finish(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_c1_data_then_end_at_once),
		cmocka_unit_test(test_c1_data_then_cut),
		cmocka_unit_test(test_c2_cut_at_every_byte),
		cmocka_unit_test(test_c3_half_close),
		cmocka_unit_test(test_c4_reset_both_ways),
		cmocka_unit_test(test_c4_stop_crosses_fin),
		cmocka_unit_test(test_c4_stop_resets),
		cmocka_unit_test(test_c5_illegal_frames_of_a_circuit),
		cmocka_unit_test(test_c5_illegal_ids_of_circuits),
		cmocka_unit_test(test_i6_odd_limits),
		cmocka_unit_test(test_c6_close_behind_data),
		cmocka_unit_test(test_c7_drain_in_two_steps),
		cmocka_unit_test(test_c8_drain_deadline),
		cmocka_unit_test(test_c9_shut_remote_counts),
		cmocka_unit_test(test_c9_idle_races_with_open),
		cmocka_unit_test(test_c10_start_and_idle),
		cmocka_unit_test(test_c10_handshake),
		cmocka_unit_test(test_c10_health),
		cmocka_unit_test(test_c10_clock_jumps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
