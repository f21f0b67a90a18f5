/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What flows take: of a million that do nothing, and of a million that came and
 * went.
 *
 * Counted is what malloc has handed out, with its own headers, for each end by
 * itself; beside it the resident memory of the process. Time is simulated, as
 * nobody may open a million flows at once.
 */
#include "bench/trunk/trunk.h"

#include <stdio.h>
#include <unistd.h>

enum memory_sizes {
	FLOWS_MAX = 4 * 1000 * 1000,
	CIRCUITS = 16,
	STEP = 500,                 /* flows at once */
	BYTES = 64,                 /* each way on each flow, before it rests */
	STEP_NS = 20 * 1000 * 1000, /* for each of them */
};

struct scales {
	struct rig rig;
	struct vif_circuit *circuit[CIRCUITS];
	int64_t held[2]; /* bytes, of each end */
	int64_t last;
	struct vif_flow *flow[STEP];
	struct vif_flow *far[STEP];
};

/* What has changed since the last time is this end's. */
static void weigh(struct scales *scales, int end)
{
	int64_t now = held_now();

	scales->held[end] += now - scales->last;
	scales->last = now;
}

/* Moves everything, each end on its own account. */
static void move(struct scales *scales)
{
	struct rig *rig = &scales->rig;
	bool is_moving = true;

	while (is_moving) {
		is_moving = false;
		for (int from = 0; from < 2; from++) {
			int64_t n = vif_trunk_send(rig->end[from], rig->buffer,
						   sizeof(rig->buffer));

			weigh(scales, from);
			if (n <= 0)
				continue;
			is_moving = true;
			(void)vif_trunk_receive(rig->end[1 - from], rig->buffer,
						(size_t)n);
			weigh(scales, 1 - from);
		}
	}
}

static void start(struct scales *scales, uint32_t n)
{
	struct rig *rig = &scales->rig;

	ends_init(rig, (struct kind){ .record_max = 16400, .is_aes = true });
	for (int i = 0; i < 2; i++) {
		rig->config[i].flows_max = n / CIRCUITS + STEP;
		rig->config[i].trunk_flows_max = n + STEP;
		rig->config[i].backlog = STEP;
		rig->config[i].rekey_ns = UINT64_MAX;
	}
	ends_start(rig);
	for (int i = 0; i < CIRCUITS; i++)
		scales->circuit[i] = ends_dial(rig, VIF_CIRCUIT_DERIVED);
	scales->last = held_now();
}

/* Takes news of the accepter; reads, and remembers the flows. */
static void take(struct scales *scales, uint32_t want)
{
	struct vif_trunk_event event;
	uint8_t bytes[BYTES];
	uint32_t n = 0;

	while (vif_trunk_next_event(scales->rig.end[1], &event)) {
		if (event.type == VIF_FLOW_INCOMING)
			scales->far[n++] = event.flow;
		if (event.type == VIF_TRUNK_CLOSED ||
		    event.type == VIF_CIRCUIT_CLOSED)
			die("it has ended");
	}
	if (n != want)
		die("flows are missing");
	for (uint32_t i = 0; i < n; i++)
		if (vif_flow_read(scales->far[i], bytes, BYTES) != BYTES ||
		    vif_flow_write(scales->far[i], bytes, BYTES) != BYTES)
			die("bytes are missing");
}

static void read_answers(struct scales *scales, uint32_t n)
{
	struct vif_trunk_event event;
	uint8_t bytes[BYTES];

	while (vif_trunk_next_event(scales->rig.end[0], &event))
		;
	for (uint32_t i = 0; i < n; i++)
		if (vif_flow_read(scales->flow[i], bytes, BYTES) != BYTES)
			die("bytes are missing");
}

/* Some flows, on which both sides have said something. */
static void open_some(struct scales *scales, struct vif_circuit *circuit,
		      uint32_t n)
{
	static const uint8_t bytes[BYTES];

	rig_advance(&scales->rig, (uint64_t)n * STEP_NS * 2);
	for (uint32_t i = 0; i < n; i++) {
		scales->flow[i] = ends_open(circuit);
		if (vif_flow_write(scales->flow[i], bytes, BYTES) != BYTES)
			die("cannot write");
	}
	weigh(scales, 0);
	move(scales);
	take(scales, n);
	weigh(scales, 1);
	move(scales);
	read_answers(scales, n);
	weigh(scales, 0);
	move(scales);
}

static void close_some(struct scales *scales, uint32_t n)
{
	struct vif_trunk_event event;

	for (uint32_t i = 0; i < n; i++)
		vif_flow_close(scales->flow[i]);
	weigh(scales, 0);
	move(scales);
	while (vif_trunk_next_event(scales->rig.end[1], &event))
		;
	for (uint32_t i = 0; i < n; i++)
		vif_flow_close(scales->far[i]);
	weigh(scales, 1);
	move(scales);
}

static uint64_t resident(void)
{
	unsigned long size, pages;
	FILE *file = fopen("/proc/self/statm", "re");

	if (!file || fscanf(file, "%lu %lu", &size, &pages) != 2)
		die("no /proc/self/statm");
	(void)fclose(file);
	return (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static uint32_t step_of(uint32_t done, uint32_t n)
{
	return n - done < STEP ? n - done : STEP;
}

static void idle(struct scales *scales, uint32_t n)
{
	uint64_t before = resident();

	for (uint32_t i = 0, some; i < n; i += some) {
		some = step_of(i, n);
		open_some(scales, scales->circuit[i / STEP % CIRCUITS], some);
	}
	(void)printf("{\"dialer\":%.2f,\"accepter\":%.2f,\"resident\":%.2f}\n",
		     (double)scales->held[0] / n, (double)scales->held[1] / n,
		     (double)(resident() - before) / n / 2);
}

/* The first tenth may fill pools and tables; behind it nothing may grow. */
static void turn(struct scales *scales, uint32_t n)
{
	int64_t held[2] = { 0 };
	uint64_t before = 0;

	for (uint32_t i = 0, some; i < n; i += some) {
		some = step_of(i, n);
		if (before == 0 && i >= n / 10) {
			before = resident();
			memcpy(held, scales->held, sizeof(held));
		}
		open_some(scales, scales->circuit[i / STEP % CIRCUITS], some);
		close_some(scales, some);
	}
	(void)printf("{\"dialer\":%.4f,\"accepter\":%.4f,\"resident\":%.4f}\n",
		     (double)(scales->held[0] - held[0]),
		     (double)(scales->held[1] - held[1]),
		     (double)resident() - (double)before);
}

void memory_main(char **words, int n)
{
	static const char *const names[] = { "idle", "turn", NULL };
	static void (*const works[])(struct scales *, uint32_t) = { idle,
								    turn };
	static struct scales scales;
	uint32_t n_flow;
	int i;

	if (n != 2)
		usage();
	i = choose(words[0], names);
	n_flow = number(words[1], FLOWS_MAX);
	start(&scales, n_flow);
	works[i](&scales, n_flow);
}
