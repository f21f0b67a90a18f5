/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How fast can one core forward between two memif rings?
 *
 * usage: memif_ring [--ms N] [--turns N] [--burst N] [--ring N]
 *                   [--stride N] client|server LENGTH
 *
 * Both peers are in the same program, on the same core, and do the least there
 * is to do: one writes descriptors, the other gives slots back. What they take
 * by themselves is measured, too, and subtracted in ns_forward. Prints one line
 * of JSON. With --turns it does that many bursts, for a tool that counts
 * instructions.
 *
 * It looks at the insides of the data path. A link as a whole, with a peer in a
 * process of its own, is a matter of bench/memif.
 */
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "tests/memif_rig.h"

enum memif_ring_limits {
	BURST_DEFAULT = 64,
	MS_DEFAULT = 200,
	ROUNDS = 1000, /* between two looks at the clock */
};

struct options {
	uint32_t ms, turns, burst, ring, stride, len;
	bool is_client;
};

/* From here to there; the ends are ours. */
struct path {
	struct options options;
	struct rig *from, *to;
	struct memif_queue *rx, *tx;
	const struct memif_ring *rx_ring, *tx_ring; /* the peers' */
	uint64_t n;                                 /* packets forwarded */
};

static void usage(void)
{
	(void)fprintf(stderr, "usage: memif_ring [--ms N] [--turns N] "
			      "[--burst N] [--ring LOG2] [--stride N] "
			      "client|server LENGTH\n");
	exit(2); /* NOLINT(concurrency-mt-unsafe): no threads */
}

/* Time of our core, so that a busy machine disturbs less. */
static uint64_t now_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Our peer in front sends a burst: lengths, and one index. */
static void feed(struct path *path)
{
	const struct memif_ring *ring = path->rx_ring;
	_Atomic uint16_t *index =
		path->options.is_client ? ring->tail : ring->head;
	uint16_t at = memif_ring_look(index);
	struct memif_desc desc = { .length = path->options.len };

	for (uint32_t i = 0; i < path->options.burst; i++)
		memif_slot_write_front(
			memif_ring_slot(ring, (uint16_t)(at + i)), &desc);
	memif_ring_give(index, (uint16_t)(at + path->options.burst));
}

/* The one behind us has seen all of it, and a client offers new buffers. */
static void drain(struct path *path)
{
	const struct memif_ring *ring = path->tx_ring;
	uint16_t at;

	if (path->options.is_client) {
		memif_ring_give(ring->tail, memif_ring_look(ring->head));
		return;
	}
	at = memif_ring_look(ring->tail);
	for (uint32_t i = 0; i < path->options.burst; i++) {
		struct memif_desc desc = { .length = 2048 };

		memif_slot_write_front(
			memif_ring_slot(ring, (uint16_t)(at + i)), &desc);
	}
	memif_ring_give(ring->head, (uint16_t)(at + memif_ring_size(ring)));
}

static void forward(struct path *path)
{
	struct vif_batch *batch = path->from->batch;
	int r = memif_queue_rx(path->rx, batch);

	rig_need(r == (int)path->options.burst, "rx");
	r = memif_queue_tx(path->tx, batch->packet, (uint32_t)r);
	rig_need(r == (int)path->options.burst, "tx");
	memif_queue_rx_done(path->rx);
	vif_batch_clear(batch);
	path->n += (uint32_t)r;
}

/* Our side of the rings, so that the peers can be measured alone. */
static void stand_in(struct path *path)
{
	uint32_t burst = path->options.burst;
	const struct memif_ring *rx = path->rx_ring, *tx = path->tx_ring;

	if (path->options.is_client) {
		memif_ring_give(rx->head,
				(uint16_t)(memif_ring_look(rx->head) + burst));
		memif_ring_give(tx->head,
				(uint16_t)(memif_ring_look(tx->head) + burst));
	} else {
		memif_ring_give(rx->tail, memif_ring_look(rx->head));
		memif_ring_give(tx->tail,
				(uint16_t)(memif_ring_look(tx->tail) + burst));
	}
}

/* Returns ns for each packet, with us in the middle or without. */
static double measure(struct path *path, bool ours)
{
	uint64_t start = now_ns(), end = start, n = 0;
	uint64_t limit = start + (uint64_t)path->options.ms * 1000000;

	while (end < limit) {
		for (uint32_t i = 0; i < ROUNDS; i++) {
			feed(path);
			if (ours)
				forward(path);
			else
				stand_in(path);
			drain(path);
		}
		n += (uint64_t)ROUNDS * path->options.burst;
		end = now_ns();
	}
	return (double)(end - start) / (double)n;
}

static void run(struct path *path)
{
	double alone, all;

	for (uint32_t i = 0; i < path->options.turns; i++) {
		feed(path);
		forward(path);
		drain(path);
	}
	if (path->options.turns > 0)
		return;
	all = measure(path, true);
	alone = measure(path, false); /* last: our queues do not know of it */
	(void)printf("{\"role\": \"%s\", \"length\": %u, \"burst\": %u, "
		     "\"packets\": %" PRIu64 ", \"ns_packet\": %.2f, "
		     "\"ns_peers\": %.2f, \"ns_forward\": %.2f, "
		     "\"mpps\": %.2f}\n",
		     path->options.is_client ? "client" : "server",
		     path->options.len, path->options.burst, path->n, all,
		     alone, all - alone, 1e3 / all);
}

static uint32_t number(const char *text)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (*end || end == text || value > 1000000000)
		usage();
	return (uint32_t)value;
}

static struct options parse(int argc, char **argv)
{
	struct options options = { .ms = MS_DEFAULT,
				   .burst = BURST_DEFAULT,
				   .ring = 10 };
	int i = 1;

	for (; i + 1 < argc && strncmp(argv[i], "--", 2) == 0; i += 2) {
		uint32_t value = number(argv[i + 1]);

		if (strcmp(argv[i], "--ms") == 0)
			options.ms = value;
		else if (strcmp(argv[i], "--turns") == 0)
			options.turns = value;
		else if (strcmp(argv[i], "--burst") == 0)
			options.burst = value;
		else if (strcmp(argv[i], "--ring") == 0)
			options.ring = value;
		else if (strcmp(argv[i], "--stride") == 0)
			options.stride = value;
		else
			usage();
	}
	if (argc - i != 2 || options.burst == 0 || options.burst > RIG_BATCH)
		usage();
	options.is_client = strcmp(argv[i], "client") == 0;
	if (!options.is_client && strcmp(argv[i], "server") != 0)
		usage();
	options.len = number(argv[i + 1]);
	if (options.len == 0 || options.len > 2048)
		usage();
	return options;
}

int main(int argc, char **argv)
{
	struct path path = { .options = parse(argc, argv) };
	const struct rig_config config = {
		.log2_size = (uint8_t)path.options.ring,
		.stride = path.options.stride,
		.rx_mode = MEMIF_RX_POLL,
	};
	bool is_client = path.options.is_client;

	path.from = rig_new(&config);
	path.to = rig_new(&config);
	path.rx = path.from->queue[is_client ? RIG_CLIENT_RX : RIG_SERVER_RX];
	path.tx = path.to->queue[is_client ? RIG_CLIENT_TX : RIG_SERVER_TX];
	path.rx_ring = &path.from->ring[is_client ? 1 : 0];
	path.tx_ring = &path.to->ring[is_client ? 0 : 1];
	/* Slots of a client that sends say where its data is. */
	for (uint32_t i = 0; !is_client && i <= path.rx_ring->mask; i++) {
		struct memif_desc desc = { .length = path.options.len };

		desc.offset = rig_buffers_offset(path.from) +
			      i * path.from->config.stride;
		memif_slot_write(&path.rx_ring->slot[i], &desc);
	}
	run(&path);
	rig_free(path.from);
	rig_free(path.to);
	return 0;
}
