/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What stands in front of a small message: records, beside bulk data.
 *
 * Circuits with a flow each that never ends, both ways, and an echo of 64 bytes
 * beside the last, or in a circuit of its own. The connection takes what an end
 * gives out, a record at a time; the message is written while one of them is
 * under way. Counted are the records with data that the trunk puts in front of
 * it, those without (credit, for the other direction), and those of both kinds
 * that it had given out before.
 */
#include "bench/trunk/trunk.h"

#include <stdio.h>

enum echo_sizes {
	ECHO_LEN = 64,
	SAMPLES = 2000, /* half of them each way */
	CIRCUITS_MAX = 32,
};

enum step { STEP_NONE, STEP_SMALL, STEP_DATA };

/* Records in front of a message. */
struct queue {
	uint32_t data, small; /* that the trunk has put there */
	uint32_t early;       /* that it had given out before */
};

/* Records that an end has given out, and that are under way. */
struct pipe {
	uint8_t bytes[VIF_TRUNK_SEND_MIN];
	size_t at, len;
};

struct scene {
	struct rig rig;
	struct pipe pipe[2];
	struct source source[2][CIRCUITS_MAX];
	uint32_t n_circuit;
	struct vif_flow *echo[2];
	uint64_t arrived[2]; /* bytes of the echo */
	uint32_t random;
};

static void take(struct scene *scene, int side)
{
	struct vif_trunk_event event;
	uint8_t bytes[BENCH_WRITE_MAX];
	int64_t n;

	while (vif_trunk_next_event(scene->rig.end[side], &event)) {
		if (event.type == VIF_FLOW_INCOMING)
			scene->rig.flow[side] = event.flow;
		if (!event.flow)
			die("it has ended");
		while ((n = vif_flow_read(event.flow, bytes, sizeof(bytes))) >
		       0)
			if (event.flow == scene->echo[side])
				scene->arrived[side] += (uint64_t)n;
	}
}

static void refill(struct scene *scene, int from)
{
	struct pipe *pipe = &scene->pipe[from];
	int64_t n;

	for (uint32_t i = 0; i < scene->n_circuit; i++)
		if (scene->source[from][i].flow)
			(void)source_fill(&scene->source[from][i]);
	if (pipe->at < pipe->len)
		return;
	n = vif_trunk_send(scene->rig.end[from], pipe->bytes,
			   sizeof(pipe->bytes));
	pipe->at = 0;
	pipe->len = n > 0 ? (size_t)n : 0;
}

/* One record of an end, if it has one. */
static enum step step(struct scene *scene, int from)
{
	struct pipe *pipe = &scene->pipe[from];
	const uint8_t *record;
	size_t len;

	refill(scene, from);
	if (pipe->len == 0)
		return STEP_NONE;
	record = pipe->bytes + pipe->at;
	len = record_len(record);
	(void)vif_trunk_receive(scene->rig.end[1 - from], record, len);
	pipe->at += len;
	take(scene, 1 - from);
	return record_has_data(record) ? STEP_DATA : STEP_SMALL;
}

/* Opens a flow, and has the other side know it. */
static void open_both(struct scene *scene, struct vif_circuit *circuit,
		      struct vif_flow *flow[2])
{
	flow[0] = ends_open(circuit);
	scene->rig.flow[1] = NULL;
	if (vif_flow_write(flow[0], "", 1) != 1)
		die("cannot write");
	while (step(scene, 0) != STEP_NONE || step(scene, 1) != STEP_NONE)
		;
	flow[1] = scene->rig.flow[1];
	if (!flow[1])
		die("no flow");
}

static void start(struct scene *scene, uint32_t record_max, bool is_own)
{
	struct vif_circuit *circuit = NULL;
	struct vif_flow *flow[CIRCUITS_MAX][2];

	ends_init(&scene->rig,
		  (struct kind){ .record_max = record_max, .is_aes = true });
	ends_start(&scene->rig);
	for (uint32_t i = 0; i < scene->n_circuit; i++) {
		circuit = ends_dial(&scene->rig, VIF_CIRCUIT_DERIVED);
		open_both(scene, circuit, flow[i]);
	}
	if (is_own)
		circuit = ends_dial(&scene->rig, VIF_CIRCUIT_DERIVED);
	open_both(scene, circuit, scene->echo);
	scene->arrived[0] = scene->arrived[1] = 0;
	for (uint32_t i = 0; i < scene->n_circuit; i++)
		for (int side = 0; side < 2; side++)
			scene->source[side][i] = (struct source){
				.flow = flow[i][side],
				.size = BENCH_WRITE_MAX,
			};
}

static uint32_t records_left(const struct pipe *pipe)
{
	return records_in(pipe->bytes + pipe->at, pipe->len - pipe->at);
}

/* One message of one end, until it has arrived. */
static struct queue say(struct scene *scene, int from)
{
	static const uint8_t bytes[ECHO_LEN];
	uint64_t want = scene->arrived[1 - from] + ECHO_LEN;
	struct queue queue = { .early = records_left(&scene->pipe[from]) };
	uint32_t n = 0;

	if (vif_flow_write(scene->echo[from], bytes, ECHO_LEN) != ECHO_LEN)
		die("cannot write");
	for (;;) {
		enum step kind = step(scene, from);

		if (kind == STEP_NONE)
			die("it does not arrive");
		if (scene->arrived[1 - from] >= want)
			return queue;
		if (++n > queue.early)
			*(kind == STEP_DATA ? &queue.data : &queue.small) += 1;
		(void)step(scene, 1 - from);
	}
}

/* Some records of both ends, so that messages come at any point. */
static void go_on(struct scene *scene)
{
	uint32_t n;

	scene->random = scene->random * 1103515245u + 12345u;
	n = (scene->random >> 16) % (4 * scene->n_circuit);
	for (uint32_t i = 0; i < n; i++) {
		(void)step(scene, 0);
		(void)step(scene, 1);
	}
}

void echo_main(char **words, int n)
{
	static const char *const places[] = { "same", "own", NULL };
	static double data[SAMPLES], whole[SAMPLES];
	static struct scene scene;
	uint32_t record_max;

	if (n != 3)
		usage();
	record_max = number(words[0], VIF_TRUNK_RECORD_MAX);
	scene.n_circuit = number(words[1], CIRCUITS_MAX);
	start(&scene, record_max, choose(words[2], places) == 1);
	for (int i = 0; i < SAMPLES; i++) {
		struct queue queue;

		if (i % 2 == 0)
			go_on(&scene);
		queue = say(&scene, i % 2);
		data[i] = queue.data;
		whole[i] = queue.data + queue.small + queue.early;
	}
	(void)median(data, SAMPLES);
	(void)median(whole, SAMPLES);
	(void)printf("{\"median\":%.0f,\"p99\":%.0f,\"max\":%.0f,"
		     "\"whole_p99\":%.0f}\n",
		     data[SAMPLES / 2], data[SAMPLES * 99 / 100],
		     data[SAMPLES - 1], whole[SAMPLES * 99 / 100]);
}
