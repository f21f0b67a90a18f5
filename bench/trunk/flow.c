/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Work: flows through two cores in memory, against the bare loop.
 *
 * One thread writes, moves what one end gives out to the other, and reads what
 * came, as a program with a connection would, but for the connection.
 */
#include "bench/trunk/trunk.h"

#include <time.h>

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

static struct work start(struct stream *stream, struct kind kind, uint32_t size,
			 bool has_stalled)
{
	struct rig *rig = &stream->rig;
	struct vif_circuit *circuit;

	ends_init(rig, kind);
	rig->now_ns = cpu_ns(CLOCK_MONOTONIC);
	ends_start(rig);
	circuit = ends_dial(rig, kind.mode);
	if (has_stalled)
		add_stalled(rig, circuit);
	for (uint32_t i = 0; i < stream->n; i++)
		stream->source[i] = (struct source){
			.flow = ends_open(circuit),
			.size = size,
		};
	return (struct work){ .turn = turn, .of = stream };
}

/* Against the same without the stalled flow if there is one, or bare loops. */
void flow_main(char **words, int n)
{
	static const char *const options[] = { "stalled", NULL };
	static struct stream stream, other;
	struct work mine, peer;
	struct bare bare;
	struct kind kind;
	uint32_t size;
	bool has_stalled = n == 6;

	if (n != 5 && n != 6)
		usage();
	kind = kind_of(words);
	stream.n = other.n = number(words[3], BENCH_FLOWS_MAX);
	size = number(words[4], BENCH_WRITE_MAX);
	if (has_stalled)
		(void)choose(words[5], options);
	mine = start(&stream, kind, size, has_stalled);
	if (has_stalled) {
		peer = start(&other, kind, size, false);
	} else {
		bare_init(&bare, kind);
		peer = bare_work(&bare);
	}
	duel(&mine, &peer);
}
