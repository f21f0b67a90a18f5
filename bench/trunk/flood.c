/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a flood costs the program that it hits, and who is beside it there.
 *
 * Alone: CPU time of the program for so much of it, and the most memory. Beside:
 * a connection that behaves, and always has something to send, in the same
 * thread of the same program, which takes at most a chunk of each connection in
 * its turn. Its clock is its own CPU time, so that nothing else of the machine
 * or of this tool is in it, and the flood comes by that clock, at a gigabit a
 * second.
 */
#include "bench/trunk/flood.h"

#include <stdio.h>
#include <time.h>

enum flood_limits {
	MIB_MAX = 4096,
	NS_PER_BYTE = 8,    /* 1 Gbit/s */
	SOCKET = 256 << 10, /* bytes that wait, until the peer is held back */
	SLICES = 3,         /* with, and as many without */
	SLICE_MS = 50,      /* of each, at least */
	MS_MAX = 10 * 1000,
};

#define NS_PER_MS UINT64_C(1000000)

static struct flood flood;

static void alone(const struct flood_kind *kind, uint64_t bytes)
{
	uint64_t sent = 0, cpu = 0, n_record;

	flood_start(&flood, kind);
	while (sent < bytes && flood_lasts(&flood)) {
		flood_make(&flood, FLOOD_CHUNK);
		if (flood.len == 0)
			die("the flood is held back");
		cpu += flood_take(&flood, flood.len * NS_PER_BYTE);
		sent += flood.len;
	}
	n_record = flood_records(&flood);
	/* Of what came behind the end nothing was looked at. */
	(void)printf("{\"records\":%llu,\"bytes\":%.0f,\"cpu_ns\":%llu,"
		     "\"lasts\":%d,\"reason\":\"%s\",\"held\":%lld",
		     (unsigned long long)n_record,
		     (double)sent * (double)n_record / (double)flood.n,
		     (unsigned long long)cpu, flood_lasts(&flood),
		     vif_reason_name(vif_trunk_reason(flood.h.trunk, NULL)),
		     (long long)flood.held_max);
	flood_stop(&flood);
}

/* The connection that behaves; the program is its accepter. */
struct good {
	struct rig rig;
	struct source source;
	uint64_t done; /* bytes that the program has read */
};

static void start_good(struct good *good)
{
	ends_init(&good->rig,
		  (struct kind){ .record_max = 16400, .is_aes = true });
	ends_start(&good->rig);
	good->source = (struct source){
		.flow = ends_open(ends_dial(&good->rig, VIF_CIRCUIT_DERIVED)),
		.size = BENCH_WRITE_MAX,
	};
}

/* A chunk of it. Returns nanoseconds of the program's CPU time. */
static uint64_t good_turn(struct good *good, uint64_t now_ns)
{
	struct rig *rig = &good->rig;
	uint64_t start_ns, ns;
	int64_t n;

	rig->now_ns = RIG_START + now_ns;
	vif_trunk_advance(rig->end[0], rig->now_ns);
	(void)source_write(&good->source);
	n = vif_trunk_send(rig->end[0], rig->buffer, VIF_TRUNK_SEND_MIN);
	start_ns = cpu_ns(CLOCK_THREAD_CPUTIME_ID);
	vif_trunk_advance(rig->end[1], rig->now_ns);
	if (n > 0)
		(void)vif_trunk_receive(rig->end[1], rig->buffer, (size_t)n);
	good->done += sink_read(rig->end[1]);
	n = vif_trunk_send(rig->end[1], rig->buffer, sizeof(rig->buffer));
	ns = cpu_ns(CLOCK_THREAD_CPUTIME_ID) - start_ns;
	if (n > 0)
		(void)vif_trunk_receive(rig->end[0], rig->buffer, (size_t)n);
	(void)sink_read(rig->end[0]);
	return ns;
}

/* What has come of the flood since it was looked at last. */
static uint64_t flood_turn(uint64_t now_ns, uint64_t *taken)
{
	uint64_t came = now_ns / NS_PER_BYTE;

	if (!flood_lasts(&flood))
		return 0;
	if (came > *taken + SOCKET) /* its peer is slowed down */
		*taken = came - SOCKET;
	flood_make(&flood, came - *taken);
	*taken += flood.len;
	return flood.len > 0 ? flood_take(&flood, flood.len * NS_PER_BYTE) : 0;
}

/* How the good one fared: GB/s, by the clock of the program. */
struct fare {
	double at_first; /* in the first SLICE_MS */
	double whole;
	uint64_t ns; /* until the flood was over */
};

static double rate(uint64_t bytes, uint64_t ns)
{
	return (double)bytes / (double)ns;
}

/* For SLICE_MS, and then as long as the flood lasts, but at most so long. */
static struct fare slice(struct good *good, const struct flood_kind *kind,
			 uint64_t ns_max)
{
	static uint64_t now_ns;
	uint64_t start_ns = now_ns, before = good->done, taken = 0;
	struct fare fare = { 0 };

	if (kind)
		flood_start(&flood, kind);
	while (fare.ns < SLICE_MS * NS_PER_MS ||
	       (kind && flood_lasts(&flood) && fare.ns < ns_max)) {
		if (kind)
			now_ns += flood_turn(now_ns - start_ns, &taken);
		now_ns += good_turn(good, now_ns);
		fare.ns = now_ns - start_ns;
		fare.whole = rate(good->done - before, fare.ns);
		if (fare.ns < SLICE_MS * NS_PER_MS || fare.at_first == 0)
			fare.at_first = fare.whole;
	}
	if (kind)
		flood_stop(&flood);
	return fare;
}

/* When a flood is over the good one has what it would have without. */
static double in_all(struct fare with, double without, uint64_t ns_max)
{
	double left = with.ns < ns_max ? (double)(ns_max - with.ns) : 0;

	return (with.whole * (double)with.ns + without * left) /
	       ((double)with.ns + left);
}

static void beside(const struct flood_kind *kind, uint64_t ns_max)
{
	static struct good good;
	double with[SLICES], without[SLICES], at_first[SLICES];

	start_good(&good);
	(void)slice(&good, NULL, 0); /* windows grow, caches fill */
	for (int i = 0; i < SLICES; i++) {
		struct fare fare;

		without[i] = slice(&good, NULL, 0).whole;
		fare = slice(&good, kind, ns_max);
		with[i] = in_all(fare, without[i], ns_max);
		at_first[i] = fare.at_first;
	}
	(void)printf(",\"with\":%.6f,\"without\":%.6f,\"at_first\":%.6f}\n",
		     median(with, SLICES), median(without, SLICES),
		     median(at_first, SLICES));
	rig_fini(&good.rig);
}

void flood_main(char **words, int n)
{
	const struct flood_kind *kind;
	uint32_t mib, ms;

	if (n != 3)
		usage();
	kind = flood_kind_of(words[0]);
	mib = number(words[1], MIB_MAX);
	ms = number(words[2], MS_MAX);
	alone(kind, (uint64_t)mib << 20);
	beside(kind, ms * NS_PER_MS);
}
