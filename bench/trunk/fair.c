/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How fair: bytes of flows that all have something to send, record by record.
 *
 * Nothing here is measured in time, so it is the same in each run.
 */
#include "bench/trunk/trunk.h"

#include <stdio.h>

enum fair_sizes {
	FLOWS = 8,
	TOTAL = 256 << 20, /* bytes */
	WARM_UP = 1 << 20,
	WINDOW = 1 << 20, /* a sample is about the last so many bytes */
	SAMPLES = 4096,   /* in a window, at most */
};

struct race {
	struct rig rig;
	struct source source[FLOWS];
	uint64_t got[FLOWS];               /* bytes read */
	uint64_t past[SAMPLES][FLOWS + 1]; /* the same and their sum, before */
	uint32_t n_past, first;
	double jain_min;
	uint64_t spread_max;
};

static double jain(const uint64_t *value)
{
	double sum = 0, squares = 0;

	for (int i = 0; i < FLOWS; i++) {
		sum += (double)value[i];
		squares += (double)value[i] * (double)value[i];
	}
	return sum * sum / (FLOWS * squares);
}

static uint64_t sum_of(const uint64_t *value)
{
	uint64_t sum = 0;

	for (int i = 0; i < FLOWS; i++)
		sum += value[i];
	return sum;
}

/* How far the flow that has most is ahead of the one that has least. */
static uint64_t spread(const uint64_t *value)
{
	uint64_t least = value[0], most = value[0];

	for (int i = 1; i < FLOWS; i++) {
		least = value[i] < least ? value[i] : least;
		most = value[i] > most ? value[i] : most;
	}
	return most - least;
}

/* Judges the window that ends here. */
static void sample(struct race *race)
{
	uint64_t sum = sum_of(race->got), gain[FLOWS];
	uint64_t *past = race->past[race->first % SAMPLES];
	double index;

	while (race->first < race->n_past && sum - past[FLOWS] > WINDOW)
		past = race->past[++race->first % SAMPLES];
	if (sum > WARM_UP + WINDOW && race->first < race->n_past) {
		for (int i = 0; i < FLOWS; i++)
			gain[i] = race->got[i] - past[i];
		index = jain(gain);
		race->jain_min =
			index < race->jain_min ? index : race->jain_min;
		if (spread(race->got) > race->spread_max)
			race->spread_max = spread(race->got);
	}
	past = race->past[race->n_past++ % SAMPLES];
	memcpy(past, race->got, sizeof(race->got));
	past[FLOWS] = sum;
	if (race->n_past - race->first > SAMPLES)
		die("too many samples");
}

/* Flows of the accepter come in the order in which they were opened. */
static void take(struct race *race, int *n_flow)
{
	struct vif_trunk_event event;
	uint8_t bytes[BENCH_WRITE_MAX];
	int64_t n;

	while (vif_trunk_next_event(race->rig.end[1], &event)) {
		if (event.type == VIF_FLOW_INCOMING)
			vif_flow_set_user(event.flow, &race->got[(*n_flow)++]);
		if (!event.flow)
			die("it has ended");
		while ((n = vif_flow_read(event.flow, bytes, sizeof(bytes))) >
		       0)
			*(uint64_t *)vif_flow_user(event.flow) += (uint64_t)n;
	}
}

static void start(struct race *race, const struct kind *kind, char **writes)
{
	struct vif_circuit *circuit;

	ends_init(&race->rig, *kind);
	ends_start(&race->rig);
	circuit = ends_dial(&race->rig, kind->mode);
	for (int i = 0; i < FLOWS; i++)
		race->source[i] = (struct source){
			.flow = ends_open(circuit),
			.size = number(writes[i % 2], BENCH_WRITE_MAX),
		};
	race->jain_min = 1;
}

/* Whatever the end has to send, a record at a time. */
static void step(struct race *race, int *n_flow)
{
	struct rig *rig = &race->rig;
	int64_t n =
		vif_trunk_send(rig->end[0], rig->buffer, VIF_TRUNK_SEND_MIN);
	const uint8_t *at = rig->buffer;
	size_t left = (size_t)n;

	if (n <= 0)
		die("there is nothing to send");
	while (left > 0) {
		size_t len = record_len(at);

		(void)vif_trunk_receive(rig->end[1], at, len);
		take(race, n_flow);
		sample(race);
		at += len;
		left -= len;
	}
	(void)rig_move(rig, 1);
}

/* Flows in turn write so many bytes at a time and so many. */
void fair_main(char **words, int n)
{
	static struct race race;
	struct kind kind = { .mode = VIF_CIRCUIT_DERIVED, .is_aes = true };
	double share_min = 1, share_max = 0;
	int n_flow = 0;

	if (n != 3)
		usage();
	kind.record_max = number(words[0], VIF_TRUNK_RECORD_MAX);
	start(&race, &kind, words + 1);
	while (sum_of(race.got) < TOTAL) {
		for (int i = 0; i < FLOWS; i++)
			(void)source_fill(&race.source[i]);
		step(&race, &n_flow);
	}
	for (int i = 0; i < FLOWS; i++) {
		double share =
			(double)race.got[i] * FLOWS / (double)sum_of(race.got);

		share_min = share < share_min ? share : share_min;
		share_max = share > share_max ? share : share_max;
	}
	(void)printf("{\"jain\":%.6f,\"spread\":%llu,\"share_min\":%.6f,"
		     "\"share_max\":%.6f}\n",
		     race.jain_min, (unsigned long long)race.spread_max,
		     share_min, share_max);
}
