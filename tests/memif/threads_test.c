/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Links that go while threads are in their queues.
 *
 * Each side has a thread that sends and one that receives. They are started by
 * up and joined by down, as the contract of a link asks for; the memory goes
 * only then. What this is worth, the sanitizers tell.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "base/bits.h"
#include "tests/memif/cord.h"

enum threads_numbers {
	ROUNDS = 30,
	PACKETS_MIN = 100, /* that pass before the link is ended */
	BURST = 16,
};

struct side {
	struct memif_queue *rx;
	struct memif_queue *tx;
	pthread_t receiver;
	pthread_t sender;
	atomic_bool stop;
	atomic_ulong n_received;
	bool runs;
};

static struct side sides[SIDES];

static struct side *side_of(const struct memif_link *link)
{
	return &sides[link->config.role == MEMIF_SERVER ? SERVER : CLIENT];
}

static void *receive(void *argument)
{
	struct side *side = argument;
	struct vif_batch *batch = NULL;

	if (vif_batch_new(64, 256, &batch) < 0)
		return NULL;
	while (!atomic_load(&side->stop)) {
		int n = memif_queue_rx(side->rx, batch);

		if (n <= 0) {
			(void)sched_yield();
			continue;
		}
		atomic_fetch_add(&side->n_received, (unsigned long)n);
		memif_queue_rx_done(side->rx);
		batch->n = batch->n_seg = 0;
	}
	vif_batch_free(batch);
	return NULL;
}

static void *send_all(void *argument)
{
	struct side *side = argument;
	uint8_t bytes[BURST][64] = { { 0 } };
	struct iovec seg[BURST];
	struct vif_packet packet[BURST] = { 0 };

	for (int i = 0; i < BURST; i++) {
		seg[i] = (struct iovec){ bytes[i], sizeof(bytes[i]) };
		packet[i].seg = &seg[i];
		packet[i].n_seg = 1;
		packet[i].len = sizeof(bytes[i]);
	}
	while (!atomic_load(&side->stop))
		if (memif_queue_tx(side->tx, packet, BURST) <= 0)
			(void)sched_yield();
	return NULL;
}

static void start(struct memif_link *link, void *user)
{
	struct side *side = side_of(link);

	(void)user;
	side->rx = memif_link_rx_queue(link, 0);
	side->tx = memif_link_tx_queue(link, 0);
	atomic_store(&side->stop, false);
	atomic_store(&side->n_received, 0);
	side->runs = true;
	assert_int_equal(pthread_create(&side->receiver, NULL, receive, side),
			 0);
	assert_int_equal(pthread_create(&side->sender, NULL, send_all, side),
			 0);
}

static void stop(struct memif_link *link, void *user)
{
	struct side *side = side_of(link);

	(void)user;
	atomic_store(&side->stop, true);
	assert_int_equal(pthread_join(side->receiver, NULL), 0);
	assert_int_equal(pthread_join(side->sender, NULL), 0);
	side->runs = false;
}

static void wait_for_traffic(void)
{
	for (int i = 0; i < SIDES; i++)
		while (atomic_load(&sides[i].n_received) < PACKETS_MIN)
			(void)sched_yield();
}

/* The four ways in which a link goes. */
static void end_link(struct cord *cord, int round)
{
	enum cord_side side = round % 2 ? SERVER : CLIENT;

	if (round % 4 < 2) {
		memif_link_disconnect(&cord->end[side].link, cord->now_ns,
				      "again");
	} else {
		memif_link_fini(&cord->end[side].link);
		cord_open_end(cord, side);
	}
}

static void links_go_under_load(void **state)
{
	struct cord cord = cord_defaults();

	(void)state;
	for (int i = 0; i < SIDES; i++) {
		cord.config[i].up = start;
		cord.config[i].down = stop;
	}
	cord_open(&cord);
	for (int round = 0; round < ROUNDS; round++) {
		cord_wait_up(&cord);
		wait_for_traffic();
		/* Nobody did anything wrong. */
		assert_false(memif_link_check(server_of(&cord), cord.now_ns));
		assert_false(memif_link_check(client_of(&cord), cord.now_ns));
		end_link(&cord, round);
	}
	cord_close(&cord);
	assert_false(sides[SERVER].runs || sides[CLIENT].runs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(links_go_under_load, place_make,
						place_remove),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
