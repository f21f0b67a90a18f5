/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Work: flows through two cores in memory, against the bare loop.
 *
 * One thread writes, moves what one end gives out to the other, and reads what
 * came, as a program with a connection would, but for the connection.
 */
#include "bench/trunk/trunk.h"

#include <time.h>

enum idle_sizes {
	IDLE = 100 * 1000,
	IDLE_STEP = 200, /* fewer than a backlog */
};

/* What is beside the flows that are measured. */
enum beside { STALLED, RESTING, NOTHING };

struct stream {
	struct rig rig;
	struct source source[BENCH_FLOWS_MAX];
	uint32_t n;
};

static void tell_time(struct rig *rig)
{
	rig->now_ns = cpu_ns(CLOCK_MONOTONIC);
	vif_trunk_advance(rig->end[0], rig->now_ns);
	vif_trunk_advance(rig->end[1], rig->now_ns);
}

static void turn(struct work *work)
{
	struct stream *stream = work->of;
	struct rig *rig = &stream->rig;

	tell_time(rig);
	for (uint32_t i = 0; i < stream->n; i++)
		(void)source_write(&stream->source[i]);
	while (rig_move(rig, 0) > 0)
		work->done += sink_read(rig->end[1]);
	(void)rig_move(rig, 1);
	(void)sink_read(rig->end[0]);
}

/* One more flow, which nobody reads, and which has used up its credit. */
static void add_stalled(struct rig *rig, struct vif_circuit *circuit)
{
	struct source source = {
		.flow = ends_open(circuit),
		.size = BENCH_WRITE_MAX,
	};
	struct vif_trunk_event event;

	(void)source_fill(&source);
	while (rig_move(rig, 0) > 0)
		while (vif_trunk_next_event(rig->end[1], &event))
			if (event.type == VIF_FLOW_INCOMING)
				vif_flow_set_user(event.flow, &sink_stalled);
}

/* Flows that have said one byte, and nothing since. */
static void add_idle(struct rig *rig, struct vif_circuit *circuit)
{
	for (uint32_t i = 0; i < IDLE; i++) {
		struct source source = {
			.flow = ends_open(circuit),
			.size = 1,
		};

		if (source_write(&source) != 1)
			die("cannot write");
		if (i % IDLE_STEP != IDLE_STEP - 1)
			continue;
		while (rig_move(rig, 0) > 0)
			(void)sink_read(rig->end[1]);
		(void)rig_move(rig, 1);
		(void)sink_read(rig->end[0]);
	}
}

static struct work start(struct stream *stream, struct kind kind, uint32_t size,
			 enum beside beside)
{
	struct rig *rig = &stream->rig;
	struct vif_circuit *circuit;

	ends_init(rig, kind);
	for (int i = 0; i < 2; i++)
		rig->config[i].flows_max = rig->config[i].trunk_flows_max =
			IDLE + BENCH_FLOWS_MAX;
	rig->now_ns = cpu_ns(CLOCK_MONOTONIC);
	ends_start(rig);
	circuit = ends_dial(rig, kind.mode);
	if (beside == STALLED)
		add_stalled(rig, circuit);
	if (beside == RESTING)
		add_idle(rig, circuit);
	for (uint32_t i = 0; i < stream->n; i++)
		stream->source[i] = (struct source){
			.flow = ends_open(circuit),
			.size = size,
		};
	return (struct work){ .turn = turn, .of = stream };
}

/* Against the same without what is beside it, or bare loops. */
void flow_main(char **words, int n)
{
	static const char *const options[] = { "stalled", "idle", NULL };
	enum beside beside = NOTHING;
	static struct stream stream, other;
	struct work mine, peer;
	struct bare bare;
	struct kind kind;
	uint32_t size;

	if (n != 5 && n != 6)
		usage();
	kind = kind_of(words);
	stream.n = other.n = number(words[3], BENCH_FLOWS_MAX);
	size = number(words[4], BENCH_WRITE_MAX);
	if (n == 6)
		beside = (enum beside)choose(words[5], options);
	mine = start(&stream, kind, size, beside);
	if (beside != NOTHING) {
		peer = start(&other, kind, size, NOTHING);
	} else {
		bare_init(&bare, kind);
		peer = bare_work(&bare);
	}
	duel(&mine, &peer);
}
