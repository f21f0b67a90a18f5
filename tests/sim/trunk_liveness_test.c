/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A trunk never stands still while there is something to do: D2 to D11. D1 is in
 * trunk_narrow_test.c.
 *
 * The core blocks nobody and has no threads, so that some of these concern what
 * is built around it, and only what is left of them is here:
 *
 * D5   Nobody can wait inside of a call. What remains is that the next call, and
 *      an event, tells whoever had no room that there will be none; for each
 *      thing that one can wait for, in tests/trunk/wait_test.c.
 * D8   "Destroy while another thread waits": the same; destroy at each byte.
 * D10  One thread, so that there are no wakeups to be lost but events.
 * D11  Callbacks are events: the program is never called from inside but by
 *      log, random and authorize, which get no object they could call.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bits.h"
#include "tests/sim/trunk_rig.h"

/* Sanitizers make everything slower. */
static size_t scaled(size_t n)
{
	const char *scale = getenv("VIF_TEST_SCALE");

	return scale && strcmp(scale, "small") == 0 ? n / 8 : n;
}

static void title(const char *text)
{
	size_t len = strlen(text);

	memcpy(sim_title, text, len + 1);
}

/* Both write so much on each flow and read at once, in one loop. */
static void exchange(struct rig *rig, uint32_t n_flow, uint64_t len,
		     size_t write_max)
{
	bool done = false;
	int n_idle = 0;

	while (!done) {
		done = true;
		n_idle++;
		for (uint32_t i = 0; i < 2 * n_flow; i++) {
			struct model_flow *flow = &rig->model.flow[i / 2];
			enum sim_side side = i % 2 ? SIM_ACCEPTER : SIM_DIALER;
			uint64_t left = len - flow->stream[side].written;

			if (!flow->handle[side]) {
				done = false;
				continue;
			}
			if (left > 0 && flow->writable[side])
				(void)model_write(&rig->model, flow, side,
						  left < write_max ? left :
								     write_max,
						  false);
			if (flow->readable[side])
				(void)rig_read_all(rig, flow, side);
			if (flow->stream[side].read < len)
				done = false;
		}
		for (int i = 0; i < 1000 && sim_net_move(&rig->net); i++)
			n_idle = 0;
		for (int side = 0; side < SIM_SIDES; side++)
			if (model_events(&rig->model, (enum sim_side)side))
				n_idle = 0;
		/* The last of the bytes have been read; or it stands still. */
		sim_check(done || n_idle < 2);
	}
	for (uint32_t i = 0; i < n_flow; i++)
		for (int side = 0; side < SIM_SIDES; side++)
			assert_int_equal(rig->model.flow[i].stream[side].read,
					 len);
}

/* The dialer begins and ends circuits as fast as it can, unheard. */
static void test_d2_flood_and_no_reader(void **state)
{
	struct rig *rig = rig_new();
	uint64_t sent = 0;
	int r = 0;

	(void)state;
	title("D2");
	rig_start(rig);
	rig->net.pipe[SIM_ACCEPTER].stalled = true;
	for (int i = 0; r == 0 && i < 5000; i++) {
		const struct vif_circuit_config config = {
			.size = sizeof(config),
		};
		struct vif_circuit *circuit;

		sim_net_enter(SIM_DIALER);
		r = vif_circuit_dial(rig->net.end[0].trunk, &config, &circuit);
		if (r < 0)
			break;
		rig_move(rig);
		sim_net_enter(SIM_DIALER);
		vif_circuit_free(circuit);
		rig_move(rig);
	}
	/* An honest end stops before the other one has enough of it. Who does
	 * not is in tests/trunk/flood_test.c and limit_test.c. */
	assert_int_equal(r, -EAGAIN);
	assert_int_equal(rig_trunk_reason(rig, SIM_ACCEPTER), VIF_REASON_NONE);
	sent = rig->net.pipe[SIM_ACCEPTER].pushed;
	assert_true(sent <= SIM_PIPE_MAX);
	rig_free(rig);
}

static void test_d3_small_windows(void **state)
{
	static const uint32_t windows[] = {
		1, 17, 1008, 1023, 1024, 1025, 4096
	};

	(void)state;
	title("D3");
	for (size_t i = 0; i < ARRAY_LEN(windows); i++) {
		struct rig *rig = rig_new();
		struct model_circuit *circuit;
		uint64_t len = windows[i] < 100 ? scaled(65536) : 3 * 65536;

		for (int side = 0; side < SIM_SIDES; side++) {
			struct vif_trunk_config *config = &rig->config[side];

			config->record_max = 1024;
			config->flow_window = windows[i];
			config->flow_window_max = windows[i];
			config->circuit_window = windows[i] + 1;
			config->circuit_window_max = windows[i] + 1;
		}
		rig_start(rig);
		circuit = rig_dial(rig, SIM_DIALER, VIF_CIRCUIT_BOUND);
		rig_write(rig, rig_open(rig, circuit, SIM_DIALER), SIM_DIALER,
			  1);
		rig_write(rig, rig_open(rig, circuit, SIM_ACCEPTER),
			  SIM_ACCEPTER, 1);
		exchange(rig, 2, len, 65536);
		rig_finish(rig);
	}
}

/*
 * The flow's window and the circuit's are both used up; whichever comes back
 * first, all goes on. (A first window of 0 cannot be asked for here, but in
 * src/trunk/flow_test.c.)
 */
static void exhaust_both(bool other_first)
{
	struct rig *rig = rig_new();
	struct model_circuit *circuit;
	struct model_flow *a, *b;

	rig->config[SIM_ACCEPTER].flow_window = 60000;
	rig->config[SIM_ACCEPTER].flow_window_max = 60000;
	rig->config[SIM_ACCEPTER].circuit_window = 100000;
	rig->config[SIM_ACCEPTER].circuit_window_max = 100000;
	rig_start(rig);
	circuit = rig_dial(rig, SIM_DIALER, VIF_CIRCUIT_DERIVED);
	a = rig_open(rig, circuit, SIM_DIALER);
	rig_write(rig, a, SIM_DIALER, 150000);
	rig_settle(rig);
	b = rig_open(rig, circuit, SIM_DIALER);
	rig_write(rig, b, SIM_DIALER, 150000);
	rig_settle(rig);
	assert_int_equal(rig->wire.circuit[0][0].payload[0].sent, 100000);
	for (int i = 0; i < 6; i++) {
		(void)rig_read_all(rig, other_first ? b : a, SIM_ACCEPTER);
		rig_settle(rig);
		(void)rig_read_all(rig, other_first ? a : b, SIM_ACCEPTER);
		rig_settle(rig);
	}
	assert_int_equal(a->stream[SIM_DIALER].read, 150000);
	assert_int_equal(b->stream[SIM_DIALER].read, 150000);
	rig_finish(rig);
}

static void test_d3_two_windows(void **state)
{
	(void)state;
	title("D3 two windows");
	exhaust_both(false);
	exhaust_both(true);
}

/* Records that a side seals between a moment and a kind of frame. */
struct wait {
	enum sim_side side;
	uint8_t type;
	uint64_t since; /* number of a record */
	uint64_t seen;
	bool is_seen;
};

static void watch_for(void *user, const struct wire_frame *frame)
{
	struct wait *wait = user;

	if (!frame->is_sealed || frame->side != wait->side || wait->is_seen ||
	    frame->type != wait->type || frame->n_record < wait->since)
		return;
	wait->is_seen = true;
	wait->seen = frame->n_record;
}

static void test_d4_credit_before_data(void **state)
{
	struct wait wait = { .side = SIM_ACCEPTER, .type = WIRE_CREDIT };
	struct rig *rig = rig_new();
	struct model_circuit *circuit;
	struct model_flow *flow;

	(void)state;
	title("D4");
	rig_start(rig);
	circuit = rig_dial(rig, SIM_DIALER, VIF_CIRCUIT_SEALED);
	flow = rig_open(rig, circuit, SIM_DIALER);
	rig_write(rig, flow, SIM_DIALER, 256 << 10);
	rig_settle(rig);
	/* The reader's side is full of data of its own, which nobody takes. */
	rig->net.pipe[SIM_ACCEPTER].capacity = 1000;
	rig->net.pipe[SIM_ACCEPTER].stalled = true;
	rig_write(rig, flow, SIM_ACCEPTER, 200 << 10);
	rig_settle(rig);
	assert_true(rig->net.end[SIM_ACCEPTER].out_len > 1000);
	rig->wire.watch = watch_for;
	rig->wire.user = &wait;
	wait.since = rig->wire.n_sealed[SIM_ACCEPTER];
	assert_true(rig_read_all(rig, flow, SIM_ACCEPTER) > 0);
	rig->net.pipe[SIM_ACCEPTER].stalled = false;
	rig_settle(rig);
	/* Of what is chosen from now on it is the first or second record; the
	 * first may be the trunk's. */
	assert_true(wait.is_seen);
	assert_true(wait.seen <= wait.since + 1);
	rig_finish(rig);
}

/* Everybody who had no room is told that there will be none. */
static void test_d5_blocked_writers_learn_of_the_end(void **state)
{
	static const bool of_trunk[] = { false, true };

	(void)state;
	title("D5");
	for (size_t i = 0; i < ARRAY_LEN(of_trunk); i++) {
		struct rig *rig = rig_new();
		struct model_circuit *circuit;
		struct model_flow *flow;

		rig_start(rig);
		circuit = rig_dial(rig, SIM_DIALER, VIF_CIRCUIT_DERIVED);
		flow = rig_open(rig, circuit, SIM_DIALER);
		while (flow->writable[SIM_DIALER]) {
			(void)model_write(&rig->model, flow, SIM_DIALER,
					  MODEL_CHUNK, false);
			rig_settle(rig);
		}
		if (of_trunk[i])
			model_close_trunk(&rig->model, SIM_ACCEPTER, true);
		else
			model_close_circuit(&rig->model, circuit, SIM_ACCEPTER,
					    true);
		rig_settle(rig);
		assert_true(flow->closed_event[SIM_DIALER]);
		assert_int_equal(
			vif_flow_write(flow->handle[SIM_DIALER], "", 1),
			-ECONNRESET);
		rig_finish(rig);
	}
}

static void test_d6_backlog_is_full(void **state)
{
	struct rig *rig = rig_new();
	struct model_circuit *circuit;
	struct model_flow *first, *flow;
	unsigned int n_refused = 0;

	(void)state;
	title("D6");
	rig->config[SIM_ACCEPTER].backlog = 4;
	rig_start(rig);
	circuit = rig_dial(rig, SIM_DIALER, VIF_CIRCUIT_DERIVED);
	circuit->deaf[SIM_ACCEPTER] = true;
	model_codes_add(&circuit->refusals, VIF_REASON_REFUSED);
	first = rig_open(rig, circuit, SIM_DIALER);
	rig_write(rig, first, SIM_DIALER, 10);
	rig_settle(rig);
	assert_int_equal(rig_read_all(rig, first, SIM_ACCEPTER), 10);
	/* The accepter's program does not look at its events. */
	for (int i = 0; i < 10; i++) {
		flow = rig_open(rig, circuit, SIM_DIALER);
		rig_write(rig, flow, SIM_DIALER, 10);
		rig_move(rig);
	}
	rig_write(rig, first, SIM_DIALER, 10);
	rig_move(rig);
	/* What is there already goes on meanwhile. */
	assert_int_equal(rig_read_all(rig, first, SIM_ACCEPTER), 10);
	(void)model_events(&rig->model, SIM_DIALER);
	for (uint32_t i = 1; i < rig->model.n_flow; i++) {
		flow = &rig->model.flow[i];
		if (!flow->closed_event[SIM_DIALER])
			continue;
		assert_int_equal(vif_flow_reason(flow->handle[SIM_DIALER]),
				 VIF_REASON_REFUSED);
		n_refused++;
	}
	assert_int_equal(n_refused, 6);
	rig_finish(rig);
}

/* A circuit that its program does not take up holds back nobody else. */
static void test_d7_early_data(void **state)
{
	static const enum vif_circuit_mode modes[] = { VIF_CIRCUIT_DERIVED,
						       VIF_CIRCUIT_BOUND,
						       VIF_CIRCUIT_SEALED };

	(void)state;
	title("D7");
	for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
		struct rig *rig = rig_new();
		struct model_circuit *slow, *other;
		struct model_flow *early, *flow;

		rig_start(rig);
		other = rig_dial(rig, SIM_DIALER, VIF_CIRCUIT_DERIVED);
		rig->model.accepts_later = true;
		model_dial(&rig->model, SIM_DIALER, modes[i]);
		slow = &rig->model.circuit[1];
		early = rig_open(rig, slow, SIM_DIALER);
		/* Far more than its window, before and while it is opened. */
		for (int n = 0; n < 20; n++) {
			(void)model_write(&rig->model, early, SIM_DIALER,
					  MODEL_CHUNK, false);
			rig_settle(rig);
		}
		assert_false(early->writable[SIM_DIALER]);
		assert_false(early->told);
		flow = rig_open(rig, other, SIM_DIALER);
		for (int n = 0; n < 100; n++) {
			rig_write(rig, flow, SIM_DIALER, MODEL_CHUNK);
			rig_settle(rig);
			assert_int_equal(rig_read_all(rig, flow, SIM_ACCEPTER),
					 MODEL_CHUNK);
		}
		assert_int_equal(vif_circuit_accept(slow->handle[SIM_ACCEPTER]),
				 0);
		rig_settle(rig);
		assert_true(early->told);
		rig_finish(rig);
	}
}

/* Bits of who closes, each of them twice. */
static void close_some(struct rig *rig, unsigned int who, bool abort)
{
	for (int side = 0; side < SIM_SIDES; side++) {
		struct vif_trunk *trunk = rig->net.end[side].trunk;

		if (!(who & 1u << side))
			continue;
		model_close_trunk(&rig->model, (enum sim_side)side, abort);
		if (!abort && vif_trunk_close(trunk, 0, NULL) != -ECONNABORTED)
			assert_int_equal(vif_trunk_close(trunk, 0, NULL),
					 -EALREADY);
	}
}

/* Until that many bytes have moved; false when there are not so many. */
static bool move_bytes(struct rig *rig, uint64_t n)
{
	rig->net.portion_max = 1;
	while (rig->net.moved < n)
		if (!sim_net_move(&rig->net))
			return false;
	return true;
}

/* Returns whether there was another byte to come. */
static bool close_after(uint64_t n, unsigned int who, bool abort)
{
	struct rig *rig = rig_new();
	bool more;

	rig_make(rig);
	(void)rig_dial(rig, SIM_DIALER, VIF_CIRCUIT_SEALED);
	more = move_bytes(rig, n);
	close_some(rig, who, abort);
	rig->net.portion_max = SIM_PIPE_MAX;
	rig_finish(rig);
	return more;
}

/*
 * At each byte of a handshake, when it is sent and when it is there: both at
 * once; and one of them, in turn, each in both ways at every second byte.
 */
static void test_d8_close_during_handshake(void **state)
{
	enum { BOTH = 3 };
	uint64_t n = 0;

	(void)state;
	title("D8");
	for (bool more = true; more; n++) {
		for (int abort = 0; abort < 2; abort++)
			more = close_after(n, BOTH, abort);
		(void)close_after(n, 1 + (n & 1), n & 2);
	}
	/* Hellos and messages of both, each byte once in and once out. */
	assert_true(n > 2 * 300);
}

static void test_d8_destroy_during_handshake(void **state)
{
	uint64_t n = 0;

	(void)state;
	title("D8 destroy");
	for (bool more = true; more; n++) {
		struct rig *rig = rig_new();
		struct model_circuit *circuit;

		rig_make(rig);
		circuit = rig_dial(rig, SIM_DIALER, VIF_CIRCUIT_BOUND);
		rig_write(rig, rig_open(rig, circuit, SIM_DIALER), SIM_DIALER,
			  100);
		more = move_bytes(rig, n);
		rig_free(rig);
	}
}

/*
 * The flow has no credit left; the drain gets through. With none of the circuit,
 * the hop or the trunk left: tests/trunk/wait_test.c.
 */
static void test_d9_drain_while_blocked(void **state)
{
	struct rig *rig = rig_new();
	struct model_circuit *circuit;
	struct model_flow *flow;

	(void)state;
	title("D9");
	rig_start(rig);
	circuit = rig_dial(rig, SIM_DIALER, VIF_CIRCUIT_SEALED);
	flow = rig_open(rig, circuit, SIM_DIALER);
	while (flow->writable[SIM_DIALER]) {
		(void)model_write(&rig->model, flow, SIM_DIALER, MODEL_CHUNK,
				  false);
		rig_settle(rig);
	}
	model_drain(&rig->model, SIM_DIALER);
	rig_settle(rig);
	assert_true(rig->wire.drain_sent[SIM_DIALER]);
	assert_true(rig->wire.drained_sent[SIM_ACCEPTER]);
	assert_int_equal(vif_flow_open(circuit->handle[SIM_ACCEPTER], NULL,
				       &flow->handle[SIM_ACCEPTER]),
			 -ESHUTDOWN);
	rig_finish(rig);
}

/* 64 writers share little memory; each is told when there is some. */
static void test_d10_writers_of_a_pool(void **state)
{
	enum { WRITERS = 64, EACH = 1500 };
	struct rig *rig = rig_new();
	struct model_circuit *circuit;
	bool done = false;
	unsigned int n_rounds = 0;

	(void)state;
	title("D10");
	rig->config[SIM_DIALER].send_max = 1000;
	rig->config[SIM_DIALER].flow_send_max = 1000;
	rig_start(rig);
	circuit = rig_dial(rig, SIM_DIALER, VIF_CIRCUIT_DERIVED);
	for (int i = 0; i < WRITERS; i++)
		(void)rig_open(rig, circuit, SIM_DIALER);
	while (!done) {
		done = true;
		for (uint32_t i = 0; i < WRITERS; i++) {
			struct model_flow *flow = &rig->model.flow[i];
			uint64_t left = EACH - flow->stream[0].written;

			if (left == 0)
				continue;
			done = false;
			/* One that is not told of room does not try. */
			if (flow->writable[SIM_DIALER])
				(void)model_write(&rig->model, flow, SIM_DIALER,
						  left, false);
		}
		rig_settle(rig);
		/* Each round sends all there is room for. */
		if (n_rounds++ > 2 * WRITERS * EACH / 1000) {
			program_tell(&rig->model);
			fail_msg("stuck");
		}
	}
	rig_finish(rig);
}

/* A program that does everything inside of its loop over events. */
static void test_d11_calls_between_events(void **state)
{
	struct rig *rig = rig_new();
	struct vif_trunk_event event;
	struct vif_circuit *circuit;
	struct vif_flow *flow;
	unsigned int n_echo = 0;

	(void)state;
	title("D11");
	rig_start(rig);
	sim_net_enter(SIM_DIALER);
	assert_int_equal(
		vif_circuit_dial(rig->net.end[0].trunk, NULL, &circuit), 0);
	for (int i = 0; i < 10; i++) {
		assert_int_equal(vif_flow_open(circuit, NULL, &flow), 0);
		assert_int_equal(vif_flow_write(flow, "hello", 5), 5);
		assert_int_equal(vif_flow_finish(flow), 0);
	}
	rig_move(rig);
	sim_net_enter(SIM_ACCEPTER);
	while (vif_trunk_next_event(rig->net.end[1].trunk, &event)) {
		char bytes[8];

		if (event.type == VIF_CIRCUIT_INCOMING)
			assert_int_equal(vif_circuit_accept(event.circuit), 0);
		if (event.type != VIF_FLOW_INCOMING)
			continue;
		assert_int_equal(vif_flow_read(event.flow, bytes, 8), 5);
		assert_int_equal(vif_flow_write(event.flow, bytes, 5), 5);
		assert_int_equal(vif_flow_open(event.circuit, NULL, &flow), 0);
		assert_int_equal(vif_flow_write(flow, "?", 1), 1);
		vif_flow_close(event.flow);
		vif_flow_close(flow);
		/* The last one takes everything along. */
		if (++n_echo == 10)
			vif_circuit_free(event.circuit);
	}
	assert_int_equal(n_echo, 10);
	rig_move(rig);
	sim_net_enter(SIM_DIALER);
	while (vif_trunk_next_event(rig->net.end[0].trunk, &event))
		if (event.type == VIF_CIRCUIT_CLOSED)
			vif_circuit_free(event.circuit);
	rig_free(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_d2_flood_and_no_reader),
		cmocka_unit_test(test_d3_small_windows),
		cmocka_unit_test(test_d3_two_windows),
		cmocka_unit_test(test_d4_credit_before_data),
		cmocka_unit_test(test_d5_blocked_writers_learn_of_the_end),
		cmocka_unit_test(test_d6_backlog_is_full),
		cmocka_unit_test(test_d7_early_data),
		cmocka_unit_test(test_d8_close_during_handshake),
		cmocka_unit_test(test_d8_destroy_during_handshake),
		cmocka_unit_test(test_d9_drain_while_blocked),
		cmocka_unit_test(test_d10_writers_of_a_pool),
		cmocka_unit_test(test_d11_calls_between_events),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
