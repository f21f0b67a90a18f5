/* SPDX-License-Identifier: Apache-2.0 */
/*
 * No wake-up is lost between two threads on two cores.
 *
 * usage: unit_memif_wakeup [PAIRS]
 *
 * One sends a packet, waits for a random while, sends another one, and waits
 * until both have arrived. The other receives, and sleeps whenever its queue
 * lets it. A lost wake-up is a packet in the ring and no event, with both waiting
 * for each other: after some seconds the sleeper looks, and counts that.
 *
 * Without an argument it does enough to find gross faults; tests/model proves
 * the order. 10000000 takes minutes on two idle cores.
 */
#include <poll.h>
#include <pthread.h>
#include <sched.h>

#include "base/bits.h"
#include "tests/memif_rig.h"

enum wakeup_test_sizes {
	PAIRS = 20000,
	PAIRS_SMALL = 2000, /* with VIF_TEST_SCALE=small */
	PATIENCE_MS = 5000,
	SPIN_MAX = 4096, /* turns between the packets of a pair */
	BYTES = 60,
};

struct run {
	struct rig *rig;
	enum rig_end tx, rx;
	uint32_t n_packet;
	_Atomic uint32_t received;
	uint32_t sleeps;
	uint32_t lost;
};

static void stay_on(unsigned int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	/* With a single one there is nothing to choose. */
	(void)pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
}

static void spin(uint32_t n)
{
	for (volatile uint32_t i = 0; i < n; i++)
		;
}

static uint32_t dice(uint32_t *state)
{
	*state = *state * 1664525 + 1013904223;
	return *state >> 8;
}

static void *produce(void *argument)
{
	static uint8_t bytes[BYTES];
	struct run *run = argument;
	uint32_t seed = 1, sent = 0;

	stay_on(1);
	while (sent < run->n_packet) {
		/* Short ones more often: that is where sleep begins. */
		spin(dice(&seed) % (dice(&seed) % SPIN_MAX + 1));
		rig_need(rig_send(run->rig, run->tx, bytes, BYTES) == 1, "tx");
		sent++;
		if (sent % 2 == 1)
			continue;
		while (atomic_load(&run->received) < sent)
			(void)sched_yield(); /* perhaps there is one CPU */
	}
	return NULL;
}

/* Sleeps as long as the queue says. */
static void rest(struct run *run)
{
	struct memif_queue *queue = run->rig->queue[run->rx];
	struct pollfd event = { memif_queue_wait_fd(queue), POLLIN, 0 };

	if (memif_queue_arm(queue) > 0)
		return;
	run->sleeps++;
	while (poll(&event, 1, PATIENCE_MS) <= 0) {
		struct memif_queue_state state;

		memif_queue_state(queue, &state);
		/* The other one may just have been slow. */
		if ((uint16_t)(state.head - state.tail) %
			    (1u << run->rig->config.log2_size) ==
		    0)
			continue;
		if (poll(&event, 1, 0) > 0)
			return;
		run->lost++;
		return;
	}
}

static void consume(struct run *run)
{
	uint32_t received = 0;

	stay_on(0);
	while (received < run->n_packet) {
		int r = rig_receive(run->rig, run->rx);

		if (r <= 0) {
			rest(run);
			continue;
		}
		rig_done(run->rig, run->rx);
		received += (uint32_t)r;
		atomic_store(&run->received, received);
	}
}

static uint32_t try_pairs(bool from_client, enum memif_rx_mode rx_mode,
			  uint32_t spins, uint32_t n_pair)
{
	const struct rig_config config = { .rx_mode = rx_mode,
					   .spins = spins,
					   .index = 65000 };
	struct run run = {
		.rig = rig_new(&config),
		.tx = from_client ? RIG_CLIENT_TX : RIG_SERVER_TX,
		.rx = from_client ? RIG_SERVER_RX : RIG_CLIENT_RX,
		.n_packet = 2 * n_pair,
	};
	pthread_t thread;

	rig_need(pthread_create(&thread, NULL, produce, &run) == 0, "thread");
	consume(&run);
	rig_need(pthread_join(thread, NULL) == 0, "join");
	(void)printf("%s, %s, %u looks: %u pairs, %u sleeps, %u lost\n",
		     from_client ? "to the server" : "to the client",
		     rx_mode == MEMIF_RX_ADAPTIVE ? "adaptive" : "interrupt",
		     spins, n_pair, run.sleeps, run.lost);
	rig_free(run.rig);
	return run.lost;
}

static uint32_t default_pairs(void)
{
	/* NOLINTNEXTLINE(concurrency-mt-unsafe): nobody changes it */
	const char *scale = getenv("VIF_TEST_SCALE");

	return scale && strcmp(scale, "small") == 0 ? PAIRS_SMALL : PAIRS;
}

int main(int argc, char **argv)
{
	static const struct {
		bool from_client;
		enum memif_rx_mode rx_mode;
		uint32_t spins;
	} cases[] = {
		{ true, MEMIF_RX_INTERRUPT, 1 },
		{ false, MEMIF_RX_INTERRUPT, 1 },
		{ true, MEMIF_RX_ADAPTIVE, 1 },
		{ false, MEMIF_RX_ADAPTIVE, 1 },
		{ true, MEMIF_RX_ADAPTIVE, 20 },
		{ false, MEMIF_RX_ADAPTIVE, 20 },
	};
	uint32_t n_pair = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) :
				     default_pairs();
	uint32_t lost = 0;

	(void)setvbuf(stdout, NULL, _IOLBF, 0); /* somebody may be waiting */
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		lost += try_pairs(cases[i].from_client, cases[i].rx_mode,
				  cases[i].spins,
				  n_pair / (uint32_t)ARRAY_LEN(cases) + 1);
	return lost > 0;
}
