/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who gets how much of a trunk, and how soon: F1 to F9.
 *
 * Time is not measured but counted, in bytes and records in the order in which
 * they are chosen, so that the figures do not depend on the machine. A tick is
 * what the connection carries between two looks of the programs. The half of F5
 * that is about relays is in trunk_relay_test.c.
 */
#include <errno.h>
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/bits.h"
#include "tests/sim/trunk_rig.h"

enum {
	QUANTUM = 4096, /* of a flow of the default weight */
	RECORD = 16400, /* plaintext of a record */
	TICK = 65536,   /* bytes of the connection */
	FLOWS_MAX = 100100,
	DEPTH = 64 << 10, /* bytes that a writer keeps waiting */
};

struct bulk {
	struct vif_flow *handle; /* of its writer, the dialer */
	uint32_t circuit;        /* id */
	size_t depth;            /* bytes it keeps waiting; 0: it is idle */
	size_t write_max;        /* at once */
	uint64_t base;           /* sent when the measurement began */
};

struct fair {
	struct rig *rig;
	struct bulk *bulk;
	uint32_t n_bulk;
	uint64_t delivered; /* bytes, that the accepter has read */
	/* Flows and circuits whose reader is asleep. */
	uint32_t asleep_circuit;
	uint32_t asleep_flow; /* id, in any circuit; 0: none */
};

static const uint8_t zeros[65536];

static void title(const char *text)
{
	size_t len = strlen(text);

	memcpy(sim_title, text, len + 1);
}

static size_t scaled(size_t n)
{
	const char *scale = getenv("VIF_TEST_SCALE");

	return scale && strcmp(scale, "small") == 0 ? n / 8 : n;
}

static struct fair *fair_new(void)
{
	struct fair *fair = calloc(1, sizeof(*fair));

	sim_check(fair != NULL);
	fair->rig = rig_new();
	/* Windows are not what is to be measured. */
	for (int side = 0; side < SIM_SIDES; side++) {
		fair->rig->config[side].flow_window = 1 << 18;
		fair->rig->config[side].circuit_window = 1 << 20;
		fair->rig->config[side].window = 128 << 20;
	}
	fair->bulk = calloc(FLOWS_MAX, sizeof(*fair->bulk));
	sim_check(fair->bulk != NULL);
	return fair;
}

static void fair_free(struct fair *fair)
{
	rig_free(fair->rig);
	free(fair->bulk);
	free(fair);
}

static struct vif_circuit *dial(struct fair *fair, uint32_t weight)
{
	struct model_circuit *circuit =
		rig_dial(fair->rig, SIM_DIALER, VIF_CIRCUIT_DERIVED);
	struct vif_circuit *handle = circuit->handle[SIM_DIALER];

	assert_int_equal(vif_circuit_set_weight(handle, weight), 0);
	return handle;
}

static struct bulk *open_bulk(struct fair *fair, struct vif_circuit *circuit,
			      uint32_t weight, size_t depth)
{
	struct bulk *bulk = &fair->bulk[fair->n_bulk++];
	const struct vif_flow_config config = {
		.size = sizeof(config),
		.weight = weight,
	};

	assert_true(fair->n_bulk <= FLOWS_MAX);
	*bulk = (struct bulk){ .depth = depth, .write_max = sizeof(zeros) };
	assert_int_equal(vif_flow_open(circuit, &config, &bulk->handle), 0);
	bulk->circuit = vif_circuit_id(circuit);
	return bulk;
}

static void top_up(struct fair *fair)
{
	sim_net_enter(SIM_DIALER);
	for (uint32_t i = 0; i < fair->n_bulk; i++) {
		const struct bulk *bulk = &fair->bulk[i];
		struct vif_flow_stats stats;
		size_t held, n;
		int64_t ret = 1;

		if (bulk->depth == 0)
			continue;
		vif_flow_stats(bulk->handle, &stats);
		for (held = stats.tx_held; held < bulk->depth && ret > 0;
		     held += (size_t)ret) {
			n = bulk->depth - held;
			ret = vif_flow_write(
				bulk->handle, zeros,
				n < bulk->write_max ? n : bulk->write_max);
			assert_true(ret >= 0);
		}
	}
}

static void read_all(struct fair *fair, const struct vif_trunk_event *event)
{
	static uint8_t bytes[65536];
	int64_t n;

	if (event->type == VIF_CIRCUIT_CLOSED)
		vif_circuit_free(event->circuit);
	if (event->flow == NULL || event->type == VIF_FLOW_WRITABLE ||
	    vif_flow_id(event->flow) == fair->asleep_flow ||
	    vif_circuit_id(event->circuit) == fair->asleep_circuit)
		return;
	while ((n = vif_flow_read(event->flow, bytes, sizeof(bytes))) > 0)
		fair->delivered += (uint64_t)n;
	assert_true(n == 0 || n == -ENODATA);
}

static void take_events(struct fair *fair)
{
	struct vif_trunk_event event;

	sim_net_enter(SIM_ACCEPTER);
	while (vif_trunk_next_event(fair->rig->net.end[1].trunk, &event))
		read_all(fair, &event);
	sim_net_enter(SIM_DIALER);
	while (vif_trunk_next_event(fair->rig->net.end[0].trunk, &event))
		assert_true(event.type == VIF_FLOW_WRITABLE ||
			    event.type == VIF_CIRCUIT_READY);
}

/* So many bytes from the dialer, and what the accepter says to that. */
static void tick(struct fair *fair, size_t bytes)
{
	struct sim_net *net = &fair->rig->net;
	uint64_t end = net->pipe[SIM_DIALER].pushed + bytes;

	top_up(fair);
	while (net->pipe[SIM_DIALER].pushed < end &&
	       sim_net_send(net, SIM_DIALER,
			    (size_t)(end - net->pipe[SIM_DIALER].pushed)))
		continue;
	while (sim_net_deliver(net, SIM_ACCEPTER, SIM_PIPE_MAX))
		continue;
	take_events(fair);
	while (sim_net_send(net, SIM_ACCEPTER, SIM_PIPE_MAX) ||
	       sim_net_deliver(net, SIM_DIALER, SIM_PIPE_MAX))
		continue;
	sim_net_advance(net, net->now_ns + SIM_MS);
}

static void ticks(struct fair *fair, size_t n)
{
	while (n-- > 0)
		tick(fair, TICK);
}

static uint64_t sent(const struct fair *fair, const struct bulk *bulk)
{
	const struct wire_circuit *circuit =
		wire_circuit_of(&fair->rig->wire, bulk->circuit);
	uint32_t id = vif_flow_id(bulk->handle);
	const struct wire_flow *flow = wire_flow_of(circuit, id);

	return flow ? flow->stream[SIM_DIALER].level.sent : 0;
}

static void begin_measurement(struct fair *fair)
{
	for (uint32_t i = 0; i < fair->n_bulk; i++)
		fair->bulk[i].base = sent(fair, &fair->bulk[i]);
	fair->delivered = 0;
}

static uint64_t measured(const struct fair *fair, uint32_t i)
{
	return sent(fair, &fair->bulk[i]) - fair->bulk[i].base;
}

static double measured_of(const struct fair *fair,
			  const struct vif_circuit *circuit)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < fair->n_bulk; i++)
		if (fair->bulk[i].circuit == vif_circuit_id(circuit))
			sum += measured(fair, i);
	return (double)sum;
}

static double jain(const struct fair *fair)
{
	double sum = 0, squares = 0;

	for (uint32_t i = 0; i < fair->n_bulk; i++) {
		double x = (double)measured(fair, i);

		sum += x;
		squares += x * x;
	}
	return sum * sum / (squares * fair->n_bulk);
}

static void assert_near(double a, double b, double share)
{
	if (a < b * (1 - share) || a > b * (1 + share))
		fail_msg("%g is not within %g of %g", a, share, b);
}

/* 64 MiB each. */
static void test_f1_equal_flows(void **state)
{
	enum { BULK = 64 << 20 };
	struct fair *fair = fair_new();
	struct vif_circuit *circuit;
	uint64_t least = 0;

	(void)state;
	title("F1");
	rig_start(fair->rig);
	circuit = dial(fair, 16);
	for (int i = 0; i < 8; i++)
		(void)open_bulk(fair, circuit, 16, DEPTH);
	/* All of them have to be in the round. */
	ticks(fair, 4);
	begin_measurement(fair);
	while (least < scaled(BULK)) {
		uint64_t most = 0;

		least = UINT64_MAX;
		tick(fair, TICK);
		for (uint32_t i = 0; i < 8; i++) {
			uint64_t x = measured(fair, i);

			least = x < least ? x : least;
			most = x > most ? x : most;
		}
		assert_true(most - least <= QUANTUM + 2 * RECORD);
		/* An eighth of a tick is two quanta; from 64 on, the last one
		 * makes less than one percent. */
		if (least > 64 * QUANTUM)
			assert_true(jain(fair) >= 0.99);
	}
	assert_true(jain(fair) >= 0.999);
	fair_free(fair);
}

/* Nobody gets more by opening more flows. */
static void test_f2_circuits_of_many_flows(void **state)
{
	static const uint32_t n_flow[] = { 1, 10, 100, 1000 };
	struct fair *fair = fair_new();
	struct vif_circuit *circuit[4];
	double sum = 0;

	(void)state;
	title("F2");
	rig_start(fair->rig);
	for (int i = 0; i < 4; i++)
		circuit[i] = dial(fair, 16);
	for (int i = 0; i < 4; i++) {
		size_t depth = (1 << 20) / n_flow[i];

		for (uint32_t n = 0; n < n_flow[i]; n++) {
			(void)open_bulk(fair, circuit[i], 16,
					depth < 256 << 10 ? depth : 256 << 10);
			/* The accepter takes them before there are too many. */
			if (n % 64 == 63)
				ticks(fair, 8);
		}
	}
	ticks(fair, 64);
	begin_measurement(fair);
	ticks(fair, scaled(400));
	for (int i = 0; i < 4; i++)
		sum += measured_of(fair, circuit[i]);
	for (int i = 0; i < 4; i++)
		assert_near(measured_of(fair, circuit[i]), sum / 4, 0.05);
	fair_free(fair);
}

/* The second has got twice what the first has, and the third four times. */
static void check_doubles(const struct fair *fair, uint32_t first,
			  uint32_t second, uint32_t third)
{
	double one = (double)measured(fair, first);

	assert_near((double)measured(fair, second), 2 * one, 0.05);
	assert_near((double)measured(fair, third), 4 * one, 0.05);
}

/* Until a change of weights has to show: of so many bytes each. */
static void two_rounds(struct fair *fair, size_t round_len)
{
	const uint64_t *sent_now = &fair->rig->wire.trunk[SIM_DIALER].sent;
	uint64_t before;

	/* What a trunk was asked for before is in the program's buffer. */
	ticks(fair, 1);
	before = *sent_now;
	while (*sent_now < before + 2 * round_len)
		tick(fair, 1024);
}

static void test_f3_weights_of_flows(void **state)
{
	struct fair *fair = fair_new();
	struct vif_circuit *circuit;

	(void)state;
	title("F3");
	rig_start(fair->rig);
	circuit = dial(fair, 16);
	for (uint32_t weight = 4; weight <= 16; weight *= 2)
		(void)open_bulk(fair, circuit, weight, 256 << 10);
	ticks(fair, 8);
	begin_measurement(fair);
	ticks(fair, scaled(200));
	check_doubles(fair, 0, 1, 2);
	/* The other way round. */
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(
			vif_flow_set_weight(fair->bulk[i].handle, 16u >> i), 0);
	two_rounds(fair, (size_t)28 * QUANTUM / 16);
	begin_measurement(fair);
	/* From now on, and not on the average of a long time. */
	ticks(fair, 8);
	check_doubles(fair, 2, 1, 0);
	ticks(fair, scaled(200));
	check_doubles(fair, 2, 1, 0);
	fair_free(fair);
}

static void test_f3_weights_of_circuits(void **state)
{
	struct fair *fair = fair_new();
	struct vif_circuit *circuit[3];

	(void)state;
	title("F3 circuits");
	rig_start(fair->rig);
	for (uint32_t i = 0; i < 3; i++)
		circuit[i] = dial(fair, 16u << i);
	for (uint32_t i = 0; i < 3; i++)
		(void)open_bulk(fair, circuit[i], 16, 256 << 10);
	ticks(fair, 16);
	begin_measurement(fair);
	ticks(fair, scaled(400));
	check_doubles(fair, 0, 1, 2);
	/* The other way round. */
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(vif_circuit_set_weight(circuit[i], 64u >> i),
				 0);
	two_rounds(fair, (size_t)7 * RECORD);
	begin_measurement(fair);
	/* From now on, and not on the average of a long time. */
	ticks(fair, 80);
	check_doubles(fair, 2, 1, 0);
	ticks(fair, scaled(400));
	check_doubles(fair, 2, 1, 0);
	fair_free(fair);
}

static void test_f4_small_writes(void **state)
{
	struct fair *fair = fair_new();
	struct vif_circuit *circuit;

	(void)state;
	title("F4");
	rig_start(fair->rig);
	circuit = dial(fair, 16);
	open_bulk(fair, circuit, 16, DEPTH)->write_max = 100;
	open_bulk(fair, circuit, 16, DEPTH)->write_max = sizeof(zeros);
	ticks(fair, 4);
	begin_measurement(fair);
	ticks(fair, scaled(200));
	assert_near((double)measured(fair, 0), (double)measured(fair, 1), 0.05);
	fair_free(fair);
}

enum stall { STALL_NONE, STALL_FLOW, STALL_CIRCUIT };

/* What four flows bring over beside one, or a circuit of eight, that stands. */
static uint64_t carried_beside(enum stall stall)
{
	struct fair *fair = fair_new();
	struct vif_circuit *circuit, *other;
	uint64_t carried;

	rig_start(fair->rig);
	circuit = dial(fair, 16);
	other = dial(fair, 16);
	if (stall == STALL_FLOW) {
		(void)open_bulk(fair, circuit, 16, DEPTH);
		fair->asleep_flow = 1;
	}
	if (stall == STALL_CIRCUIT) {
		fair->asleep_circuit = vif_circuit_id(other);
		for (int i = 0; i < 8; i++)
			(void)open_bulk(fair, other, 16, DEPTH);
	}
	ticks(fair, 16);
	for (int i = 0; i < 4; i++)
		(void)open_bulk(fair, circuit, 16, DEPTH);
	ticks(fair, 16);
	fair->delivered = 0;
	ticks(fair, scaled(200));
	carried = fair->delivered;
	fair_free(fair);
	return carried;
}

static void test_f5_stalled(void **state)
{
	double alone = (double)carried_beside(STALL_NONE);

	(void)state;
	title("F5");
	assert_true(alone > 0.9 * (double)(scaled(200) * TICK));
	assert_true((double)carried_beside(STALL_FLOW) >= 0.95 * alone);
	assert_true((double)carried_beside(STALL_CIRCUIT) >= 0.95 * alone);
}

/* How many records with data go before or with the first data of a flow. */
struct race {
	uint32_t circuit;
	uint32_t flow;
	uint64_t last_record;
	unsigned int n_before;
	bool is_over;
};

static void watch_race(void *user, const struct wire_frame *frame)
{
	struct race *race = user;

	if (!frame->is_sealed || frame->side != SIM_DIALER ||
	    frame->type != WIRE_DATA || frame->len == 0 || race->is_over)
		return;
	if (frame->circuit == race->circuit && frame->id == race->flow)
		race->is_over = true;
	if (frame->n_record == race->last_record)
		return;
	race->last_record = frame->n_record;
	race->n_before++;
}

/* The most records before an echo of 64 bytes, in any of so many tries. */
static unsigned int worst_echo(uint32_t n_circuit, bool own_circuit,
			       uint32_t bulk_weight, uint32_t echo_weight)
{
	struct fair *fair = fair_new();
	struct race race = { 0 };
	struct bulk *echo;
	struct vif_circuit *circuit[17];
	unsigned int worst = 0;

	rig_start(fair->rig);
	for (uint32_t i = 0; i <= n_circuit; i++)
		circuit[i] = dial(fair, 16);
	for (uint32_t i = 0; i < 4 * n_circuit; i++)
		(void)open_bulk(fair, circuit[i / 4], bulk_weight, DEPTH);
	echo = open_bulk(fair, circuit[own_circuit ? n_circuit : 0],
			 echo_weight, 0);
	assert_int_equal(vif_flow_write(echo->handle, zeros, 64), 64);
	ticks(fair, 8);
	for (int i = 0; i < 200; i++) {
		/* At another place of the buffer each time. */
		tick(fair, 9001);
		race = (struct race){ .circuit = echo->circuit,
				      .flow = vif_flow_id(echo->handle),
				      .last_record = UINT64_MAX };
		fair->rig->wire.watch = watch_race;
		fair->rig->wire.user = &race;
		assert_int_equal(vif_flow_write(echo->handle, zeros, 64), 64);
		while (!race.is_over)
			tick(fair, 9001);
		fair->rig->wire.watch = NULL;
		/* Its own is not before it. */
		worst = race.n_before - 1 > worst ? race.n_before - 1 : worst;
	}
	fair_free(fair);
	return worst;
}

static void test_f6_echo_beside_bulk(void **state)
{
	(void)state;
	title("F6");
	/* One record of each other circuit; then its own turn. */
	assert_true(worst_echo(1, true, 16, 16) <= 1);
	assert_true(worst_echo(4, true, 16, 16) <= 4);
	assert_true(worst_echo(16, true, 16, 16) <= 16);
	/* In the same circuit: four flows with a quantum each fill a record. */
	assert_true(worst_echo(1, false, 16, 16) <= 1);
}

static void test_f9_small_weight_first(void **state)
{
	(void)state;
	title("F9");
	/* The bulk's record that is being sent, and no other. */
	assert_true(worst_echo(1, false, 1, 256) <= 1);
	assert_true(worst_echo(1, true, 1, 256) <= 1);
}

/* The largest weight does not starve the smallest. */
static void test_f7_smallest_weight(void **state)
{
	struct fair *fair = fair_new();
	struct vif_circuit *circuit;
	uint64_t all;

	(void)state;
	title("F7");
	rig_start(fair->rig);
	circuit = dial(fair, 16);
	(void)open_bulk(fair, circuit, 1, 256 << 10);
	(void)open_bulk(fair, circuit, VIF_WEIGHT_MAX, 256 << 10);
	ticks(fair, 8);
	begin_measurement(fair);
	ticks(fair, scaled(800));
	all = measured(fair, 0) + measured(fair, 1);
	assert_true((double)measured(fair, 0) >=
		    0.8 * (double)all / (VIF_WEIGHT_MAX + 1));
	fair_free(fair);
}

/*
 * Control goes first, and yet leaves room: circuits that come and go, as many at
 * once as there may be, until there were too many.
 */
static void test_f7_control(void **state)
{
	struct fair *fair = fair_new();
	const uint64_t *n_open = &fair->rig->wire.n_frame[WIRE_TRUNK_OPEN];
	struct vif_circuit *handle[16];
	uint64_t n_tick = 0, n_before, of_tick;
	size_t n;

	(void)state;
	title("F7 control");
	rig_start(fair->rig);
	(void)open_bulk(fair, dial(fair, 16), 16, 256 << 10);
	ticks(fair, 16);
	fair->delivered = 0;
	ticks(fair, 100);
	of_tick = fair->delivered / 100;
	fair->delivered = 0;
	n_before = *n_open;
	do {
		for (n = 0; n < ARRAY_LEN(handle); n++)
			if (vif_circuit_dial(fair->rig->net.end[0].trunk, NULL,
					     &handle[n]) != 0)
				break;
		tick(fair, TICK);
		n_tick++;
		for (size_t i = 0; i < n; i++)
			vif_circuit_free(handle[i]);
	} while (n == ARRAY_LEN(handle) && n_tick < 100);
	assert_true(n < ARRAY_LEN(handle));
	assert_true(*n_open >= n_before + 250);
	assert_true((double)fair->delivered >=
		    0.95 * (double)(of_tick * n_tick));
	fair_free(fair);
}

static double cpu_seconds(void)
{
	return (double)clock() / CLOCKS_PER_SEC;
}

/* The least processor time, of some tries, for so many ticks. */
static double cost_of_ticks(struct fair *fair, size_t n)
{
	double best = 1e9;

	for (int i = 0; i < 5; i++) {
		double start = cpu_seconds(), cost;

		ticks(fair, n);
		cost = cpu_seconds() - start;
		best = cost < best ? cost : best;
	}
	return best;
}

/* What is carried by ten flows beside so many idle ones, and at what cost. */
static uint64_t carried_with_idle(size_t n_idle, double *ret_cost)
{
	struct fair *fair = fair_new();
	struct vif_circuit *circuit;
	uint64_t carried;

	for (int side = 0; side < SIM_SIDES; side++) {
		fair->rig->config[side].flows_max = FLOWS_MAX;
		fair->rig->config[side].trunk_flows_max = FLOWS_MAX;
	}
	rig_start(fair->rig);
	circuit = dial(fair, 16);
	for (size_t i = 0; i < n_idle; i++) {
		struct bulk *bulk = open_bulk(fair, circuit, 16, 0);

		assert_int_equal(vif_flow_write(bulk->handle, zeros, 1), 1);
		if (i % 200 == 199)
			ticks(fair, 1);
	}
	ticks(fair, 4);
	/* Idle flows are left to themselves, here as well. */
	fair->n_bulk = 0;
	for (int i = 0; i < 10; i++)
		(void)open_bulk(fair, circuit, 16, DEPTH);
	ticks(fair, 16);
	fair->delivered = 0;
	ticks(fair, 200);
	carried = fair->delivered;
	*ret_cost = cost_of_ticks(fair, 100);
	fair_free(fair);
	return carried;
}

/*
 * Bytes are counted, to two percent. The processor's time is only looked at to
 * see that no work grows with the number of idle flows: that would cost a
 * hundred times as much, and a busy machine a bit.
 */
static void test_f8_idle_flows(void **state)
{
	double cost_alone, cost_beside;
	uint64_t alone = carried_with_idle(0, &cost_alone);
	uint64_t beside = carried_with_idle(scaled(100000), &cost_beside);

	(void)state;
	title("F8");
	assert_true((double)beside >= 0.98 * (double)alone);
	assert_true(cost_beside <= 3 * cost_alone + 0.02);
}

/* A flow with a byte each way, from its first to its last. */
static void one_flow(struct rig *rig, struct vif_circuit *circuit)
{
	struct vif_trunk_event event;
	struct vif_flow *flow, *far = NULL;
	char byte;

	sim_net_enter(SIM_DIALER);
	assert_int_equal(vif_flow_open(circuit, NULL, &flow), 0);
	assert_int_equal(vif_flow_write(flow, "a", 1), 1);
	assert_int_equal(vif_flow_finish(flow), 0);
	rig_move(rig);
	while (vif_trunk_next_event(rig->net.end[1].trunk, &event))
		far = event.flow ? event.flow : far;
	assert_non_null(far);
	assert_int_equal(vif_flow_read(far, &byte, 1), 1);
	assert_int_equal(vif_flow_read(far, &byte, 1), -ENODATA);
	assert_int_equal(vif_flow_write(far, "b", 1), 1);
	vif_flow_close(far);
	rig_move(rig);
	assert_int_equal(vif_flow_read(flow, &byte, 1), 1);
	assert_int_equal(vif_flow_read(flow, &byte, 1), -ENODATA);
	vif_flow_close(flow);
	while (vif_trunk_next_event(rig->net.end[0].trunk, &event))
		assert_true(event.flow == NULL);
	rig_move(rig);
}

static void test_f8_flows_in_turn(void **state)
{
	struct rig *rig = rig_new();
	struct model_circuit *circuit;
	struct vif_circuit *handle;
	struct vif_trunk_stats stats;
	size_t before, n = scaled(1000000);

	(void)state;
	title("F8 in turn");
	rig_start(rig);
	circuit = rig_dial(rig, SIM_DIALER, VIF_CIRCUIT_DERIVED);
	handle = circuit->handle[SIM_DIALER];
	/* The account would remember each of them. */
	wire_fini(&rig->wire);
	for (size_t i = 0; i < 1000; i++)
		one_flow(rig, handle);
	before = mallinfo2().uordblks;
	for (size_t i = 0; i < n; i++) {
		one_flow(rig, handle);
		if (i % 256 == 0)
			sim_net_advance(&rig->net, rig->net.now_ns + SIM_MS);
	}
	/* An allocator of a sanitizer says nothing, and both are 0. */
	assert_true(mallinfo2().uordblks <= before + (1 << 20));
	for (int side = 0; side < SIM_SIDES; side++) {
		vif_trunk_stats(rig->net.end[side].trunk, &stats);
		assert_int_equal(stats.flows, 0);
		assert_int_equal(stats.rx_held, 0);
		assert_int_equal(stats.tx_held, 0);
	}
	rig_free(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_f1_equal_flows),
		cmocka_unit_test(test_f2_circuits_of_many_flows),
		cmocka_unit_test(test_f3_weights_of_flows),
		cmocka_unit_test(test_f3_weights_of_circuits),
		cmocka_unit_test(test_f4_small_writes),
		cmocka_unit_test(test_f5_stalled),
		cmocka_unit_test(test_f6_echo_beside_bulk),
		cmocka_unit_test(test_f7_smallest_weight),
		cmocka_unit_test(test_f7_control),
		cmocka_unit_test(test_f8_idle_flows),
		cmocka_unit_test(test_f8_flows_in_turn),
		cmocka_unit_test(test_f9_small_weight_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
