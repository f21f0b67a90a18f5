/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a reader that stopped costs the others: throughput over a simulated
 * connection of 1 Gbit/s, with and without it.
 *
 * Time is simulated, so it is the same in each run. The connection takes what
 * an end gives out when it has passed on what it took before.
 */
#include "bench/trunk/trunk.h"

#include <stdio.h>

enum stall_sizes {
	FLOWS = 8,     /* in one circuit */
	CIRCUITS = 4,  /* with two flows each */
	CHUNKS = 1024, /* under way in one direction */
	BYTE_NS = 8,
	WARM_UP_MS = 2000,
	MEASURE_MS = 2000,
	RTT_US_MAX = 100 * 1000,
};

#define NS_PER_MS UINT64_C(1000000)

/* What an end has given out at once. */
struct chunk {
	uint64_t arrival_ns;
	uint8_t *bytes;
	size_t len;
};

/* One direction. */
struct wire {
	struct chunk chunk[CHUNKS];
	uint64_t n_in, n_out;
	uint64_t free_ns; /* when it takes more */
};

struct scene {
	struct rig *rig;
	struct wire wire[2]; /* by who sends */
	uint64_t delay_ns;
	struct source source[FLOWS];
	uint32_t n_source;
	struct vif_circuit *stalled_circuit; /* at the accepter */
	bool stalls_first;
	uint64_t got; /* by flows that are read */
};

static struct chunk *oldest(struct wire *wire)
{
	return wire->n_in == wire->n_out ? NULL :
					   &wire->chunk[wire->n_out % CHUNKS];
}

/* Gives the wire what it can take. Returns whether that was something. */
static bool give(struct scene *scene, int from)
{
	struct wire *wire = &scene->wire[from];
	struct rig *rig = scene->rig;
	struct chunk *chunk = &wire->chunk[wire->n_in % CHUNKS];
	int64_t n;

	if (wire->free_ns > rig->now_ns)
		return false;
	n = vif_trunk_send(rig->end[from], rig->buffer, VIF_TRUNK_SEND_MIN);
	if (n <= 0)
		return false;
	if (wire->n_in - wire->n_out == CHUNKS)
		die("too much is under way");
	wire->free_ns = rig->now_ns + (uint64_t)n * BYTE_NS;
	chunk->bytes = malloc((size_t)n);
	if (!chunk->bytes)
		die("no memory");
	memcpy(chunk->bytes, rig->buffer, (size_t)n);
	chunk->len = (size_t)n;
	chunk->arrival_ns = wire->free_ns + scene->delay_ns;
	wire->n_in++;
	return true;
}

/* Hands over what has arrived. */
static void arrive(struct scene *scene, int from)
{
	struct wire *wire = &scene->wire[from];
	struct chunk *chunk;

	while ((chunk = oldest(wire)) &&
	       chunk->arrival_ns <= scene->rig->now_ns) {
		(void)vif_trunk_receive(scene->rig->end[1 - from], chunk->bytes,
					chunk->len);
		free(chunk->bytes);
		wire->n_out++;
	}
}

/* Reads everything but what is stalled: the first flow, or a circuit. */
static void take(struct scene *scene)
{
	struct vif_trunk_event event;

	while (vif_trunk_next_event(scene->rig->end[1], &event)) {
		uint8_t bytes[BENCH_WRITE_MAX];
		int64_t n;

		if (event.type == VIF_FLOW_INCOMING &&
		    (event.circuit == scene->stalled_circuit ||
		     scene->stalls_first)) {
			vif_flow_set_user(event.flow, &sink_stalled);
			scene->stalls_first = false;
		}
		if (!event.flow)
			die("it has ended");
		if (vif_flow_user(event.flow) == &sink_stalled)
			continue;
		while ((n = vif_flow_read(event.flow, bytes, sizeof(bytes))) >
		       0)
			scene->got += (uint64_t)n;
	}
}

static uint64_t sooner(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* The next time at which anything happens. */
static uint64_t next_ns(struct scene *scene)
{
	uint64_t next = UINT64_MAX;

	for (int i = 0; i < 2; i++) {
		struct wire *wire = &scene->wire[i];
		struct chunk *chunk = oldest(wire);

		next = sooner(next, vif_trunk_deadline(scene->rig->end[i]));
		if (chunk)
			next = sooner(next, chunk->arrival_ns);
		if (wire->free_ns > scene->rig->now_ns)
			next = sooner(next, wire->free_ns);
	}
	return next;
}

static void run_until(struct scene *scene, uint64_t end_ns)
{
	struct rig *rig = scene->rig;

	while (rig->now_ns < end_ns) {
		uint64_t next = next_ns(scene);

		if (next > rig->now_ns)
			rig_advance(rig, sooner(next, end_ns) - rig->now_ns);
		for (int i = 0; i < 2; i++)
			arrive(scene, i);
		take(scene);
		(void)sink_read(rig->end[0]);
		for (uint32_t i = 0; i < scene->n_source; i++)
			(void)source_fill(&scene->source[i]);
		for (int i = 0; i < 2; i++)
			(void)give(scene, i);
	}
}

static void add(struct scene *scene, struct vif_circuit *circuit, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		scene->source[scene->n_source++] = (struct source){
			.flow = ends_open(circuit),
			.size = BENCH_WRITE_MAX,
		};
}

/* Without what is stalled, the rest is the same. */
static void populate(struct scene *scene, bool is_circuit, bool has_stalled)
{
	struct rig *rig = scene->rig;

	if (!is_circuit) {
		scene->stalls_first = has_stalled;
		add(scene, ends_dial(rig, VIF_CIRCUIT_DERIVED),
		    has_stalled ? FLOWS : FLOWS - 1);
		return;
	}
	for (uint32_t i = has_stalled ? 0 : 1; i < CIRCUITS; i++) {
		add(scene, ends_dial(rig, VIF_CIRCUIT_DERIVED),
		    FLOWS / CIRCUITS);
		if (i == 0)
			scene->stalled_circuit = rig->circuit[1];
	}
}

/* Gbit/s of payload, of all that is read. */
static double run(bool is_circuit, bool has_stalled, uint32_t rtt_us)
{
	static struct rig rig;
	static struct scene scene;
	uint64_t before;

	scene = (struct scene){
		.rig = &rig,
		.delay_ns = (uint64_t)rtt_us * 1000 / 2,
	};
	ends_init(&rig, (struct kind){ .record_max = 16400, .is_aes = true });
	ends_start(&rig);
	populate(&scene, is_circuit, has_stalled);
	run_until(&scene, rig.now_ns + WARM_UP_MS * NS_PER_MS);
	before = scene.got;
	run_until(&scene, rig.now_ns + MEASURE_MS * NS_PER_MS);
	for (int i = 0; i < 2; i++)
		while (oldest(&scene.wire[i]))
			free(scene.wire[i]
				     .chunk[scene.wire[i].n_out++ % CHUNKS]
				     .bytes);
	rig_fini(&rig);
	return (double)(scene.got - before) * 8 / (MEASURE_MS * 1e6);
}

void stall_main(char **words, int n)
{
	static const char *const names[] = { "flow", "circuit", NULL };
	bool is_circuit;
	uint32_t rtt_us;

	if (n != 2)
		usage();
	is_circuit = choose(words[0], names) == 1;
	rtt_us = number(words[1], RTT_US_MAX);
	(void)printf("{\"with\":%.6f,\"without\":%.6f}\n",
		     run(is_circuit, true, rtt_us),
		     run(is_circuit, false, rtt_us));
}
