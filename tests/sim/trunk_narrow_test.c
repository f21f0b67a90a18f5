/* SPDX-License-Identifier: Apache-2.0 */
/*
 * D1: both ends have much to say, and the connection holds next to nothing.
 *
 * 8 MiB each way on four flows, over pipes of 1 byte, 16 bytes and 4 KiB. The
 * programs are what single threads with a loop would be, who read when there is
 * something, or what threads would be that write everything before they read.
 * These need windows that hold it all: with less it is the programs that wait
 * for each other. The core has no threads, so there are none here: who would
 * wait in a call is a program that is not asked before there is an event.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bits.h"
#include "tests/sim/trunk_rig.h"

enum {
	FLOWS = 4,
	TOTAL = 8 << 20, /* bytes, each way */
	WINDOW = TOTAL,  /* of who writes everything first */
	PUMP = 4096,     /* bytes that move between two looks of the programs */
};

enum order { READ_AT_ONCE, WRITE_FIRST };

static const size_t capacities[] = { 1, 16, 4096 };

/* Sanitizers make everything slower. */
static uint64_t total(void)
{
	const char *scale = getenv("VIF_TEST_SCALE");

	return scale && strcmp(scale, "small") == 0 ? TOTAL / 8 : TOTAL;
}

static void title(const char *text, size_t capacity)
{
	(void)snprintf(sim_title, sizeof(sim_title), "%s, %zu bytes", text,
		       capacity);
}

/* One end of one flow. Returns whether it has nothing left to do. */
static bool use(struct rig *rig, struct model_flow *flow, enum sim_side side,
		enum order order)
{
	uint64_t len = total() / FLOWS;
	const struct model_stream *own = &flow->stream[side];

	if (!flow->handle[side])
		return false;
	if (own->written < len && flow->writable[side]) {
		uint64_t left = len - own->written;

		(void)model_write(&rig->model, flow, side,
				  left < MODEL_CHUNK ? left : MODEL_CHUNK,
				  false);
	}
	if (order == WRITE_FIRST && own->written < len)
		return false;
	if (flow->readable[side])
		(void)rig_read_all(rig, flow, side);
	return own->written == len && flow->stream[sim_other(side)].read == len;
}

static bool use_all(struct rig *rig, enum order order)
{
	bool is_done = true;

	for (uint32_t i = 0; i < FLOWS; i++)
		for (int side = 0; side < SIM_SIDES; side++)
			is_done &= use(rig, &rig->model.flow[i],
				       (enum sim_side)side, order);
	return is_done;
}

/* Some bytes each way. Returns whether any moved. */
static bool pump(struct sim_net *net)
{
	uint64_t start = net->moved, before;

	do {
		before = net->moved;
		for (int side = 0; side < SIM_SIDES; side++) {
			(void)sim_net_send(net, (enum sim_side)side, PUMP);
			(void)sim_net_deliver(
				net, sim_other((enum sim_side)side), PUMP);
		}
	} while (net->moved != before && net->moved < start + PUMP);
	return net->moved != start;
}

static void exchange(struct rig *rig, enum order order)
{
	while (!use_all(rig, order)) {
		bool any = pump(&rig->net);

		for (int side = 0; side < SIM_SIDES; side++)
			any |= model_events(&rig->model, (enum sim_side)side);
		/* Nobody has more to do, and yet they are not done. */
		sim_check(any);
	}
}

static void play(struct rig *rig, size_t capacity, enum order order)
{
	struct model_circuit *circuit;

	for (int side = 0; side < SIM_SIDES; side++)
		rig->net.pipe[side].capacity = capacity;
	rig_start(rig);
	circuit = rig_dial(rig, SIM_DIALER, VIF_CIRCUIT_SEALED);
	for (int n = 0; n < FLOWS; n++) {
		enum sim_side side = n % 2 ? SIM_ACCEPTER : SIM_DIALER;

		rig_write(rig, rig_open(rig, circuit, side), side, 1);
	}
	rig_settle(rig);
	exchange(rig, order);
	for (uint32_t i = 0; i < FLOWS; i++)
		for (int side = 0; side < SIM_SIDES; side++)
			assert_int_equal(rig->model.flow[i].stream[side].read,
					 total() / FLOWS);
	rig_finish(rig);
}

static void test_d1_narrow_pipe(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(capacities); i++) {
		title("D1", capacities[i]);
		play(rig_new(), capacities[i], READ_AT_ONCE);
	}
}

static void test_d1_write_all_then_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(capacities); i++) {
		struct rig *rig = rig_new();

		title("D1 write all, then read", capacities[i]);
		for (int side = 0; side < SIM_SIDES; side++) {
			struct vif_trunk_config *config = &rig->config[side];

			config->circuits_max = 1;
			config->circuit_window = WINDOW;
			config->circuit_window_max = WINDOW;
			config->flow_window = WINDOW / FLOWS;
			config->flow_window_max = WINDOW / FLOWS;
			config->window = 2 * WINDOW;
		}
		play(rig, capacities[i], WRITE_FIRST);
	}
}

/* With less than a window for it all they do wait for each other, for ever. */
static void test_d1_windows_too_small(void **state)
{
	struct rig *rig = rig_new();
	struct model_circuit *circuit;
	bool any = true;

	(void)state;
	title("D1 windows too small", SIM_PIPE_MAX);
	for (int side = 0; side < SIM_SIDES; side++)
		rig->config[side].flow_send_max = 65536;
	rig_start(rig);
	circuit = rig_dial(rig, SIM_DIALER, VIF_CIRCUIT_SEALED);
	for (int n = 0; n < FLOWS; n++)
		rig_write(rig, rig_open(rig, circuit, SIM_DIALER), SIM_DIALER,
			  1);
	rig_settle(rig);
	while (any) {
		assert_false(use_all(rig, WRITE_FIRST));
		any = pump(&rig->net);
		for (int side = 0; side < SIM_SIDES; side++)
			any |= model_events(&rig->model, (enum sim_side)side);
	}
	/* Who then reads after all gets on. */
	exchange(rig, READ_AT_ONCE);
	rig_finish(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_d1_narrow_pipe),
		cmocka_unit_test(test_d1_write_all_then_read),
		cmocka_unit_test(test_d1_windows_too_small),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
