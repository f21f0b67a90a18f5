/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The control thread and others: cancelling, the library's own thread, peers
 * that come and go under load, wake-ups that must not get lost, and senders that
 * share a ring. Threads report; only the main one asserts.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include <vif/port.h>

#include "tests/memif/ends.h"

enum control_limits {
	CANCELS = 200,
	RESTARTS = 20,
	PACKETS = 400,
	SHARED = 20000,
};

static bool is_late(uint64_t start_ns)
{
	return ends_now_ns() - start_ns > ENDS_PATIENCE_MS * 1000000ull;
}

/* Cancelling */

static void *cancel_often(void *argument)
{
	for (int i = 0; i < CANCELS; i++)
		vif_memif_cancel(argument);
	return NULL;
}

static void each_cancel_ends_one_poll(void **state)
{
	struct end end = { .user = NULL };
	pthread_t thread;

	(void)state;
	end_open_context(&end);
	assert_int_equal(pthread_create(&thread, NULL, cancel_often, end.memif),
			 0);
	for (int i = 0; i < CANCELS; i++)
		assert_int_equal(vif_memif_poll(end.memif, ENDS_PATIENCE_MS),
				 -ECANCELED);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(vif_memif_poll(end.memif, 0), 0);
	vif_memif_free(end.memif);
}

/* The library's thread */

static void until_up(const struct pair *pair)
{
	uint64_t start_ns = ends_now_ns();

	while (!pair_is_up(pair)) {
		assert_false(is_late(start_ns));
		(void)sched_yield(); /* cannot fail on Linux */
	}
}

static void a_thread_of_the_library(void **state)
{
	struct vif_error error;
	struct pair pair;

	(void)state;
	pair_init(&pair);
	pair_open(&pair);
	for (int turn = 0; turn < 3; turn++) {
		for (int i = 0; i < SIDES; i++)
			assert_int_equal(vif_memif_thread_start(
						 pair.end[i].memif, &error),
					 0);
		assert_int_equal(
			vif_memif_thread_start(pair.end[0].memif, &error),
			-EALREADY);
		assert_int_equal(vif_memif_poll(pair.end[0].memif, -1), -EBUSY);
		until_up(&pair);
		pair_check(&pair);
		vif_memif_disconnect(pair.end[turn % SIDES].interface, "turn");
		until_up(&pair);
		for (int i = 0; i < SIDES; i++) {
			vif_memif_thread_stop(pair.end[i].memif);
			vif_memif_thread_stop(pair.end[i].memif);
		}
	}
	assert_int_equal(vif_memif_thread_start(pair.end[0].memif, &error), 0);
	pair_close(&pair); /* ends it, too */
}

/* Opens, asks and closes interfaces of a context that has a thread. */
static void *come_and_go(void *argument)
{
	struct end end = *(struct end *)argument;
	struct vif_memif_details details;
	intptr_t ok = 1;

	for (int i = 0; i < 50; i++) {
		const struct vif_memif_interface_config config = {
			.size = sizeof(config),
			.role = VIF_MEMIF_SERVER,
			.id = end.config.id,
		};

		if (vif_memif_open(end.socket, &config, &end.interface, NULL) <
		    0)
			return NULL;
		vif_memif_details(end.interface, &details);
		ok &= details.id == end.config.id;
		ok &= vif_memif_state(end.interface) == VIF_MEMIF_IDLE;
		vif_memif_disconnect(end.interface, "nobody is there");
		vif_memif_close(end.interface);
	}
	return (void *)ok; /* NOLINT(performance-no-int-to-ptr) */
}

static void calls_from_many_threads(void **state)
{
	struct end end[4];
	pthread_t thread[4];
	struct pair pair;

	(void)state;
	pair_init(&pair);
	pair.is_shared = true;
	pair_open(&pair);
	assert_int_equal(vif_memif_thread_start(pair.end[SERVER].memif, NULL),
			 0);
	for (uint32_t i = 0; i < 4; i++) {
		end[i] = (struct end){ .socket = pair.end[SERVER].socket,
				       .config.id = 10 + i };
		assert_int_equal(
			pthread_create(&thread[i], NULL, come_and_go, &end[i]),
			0);
	}
	for (int i = 0; i < 4; i++) {
		void *ok = NULL;

		assert_int_equal(pthread_join(thread[i], &ok), 0);
		assert_non_null(ok);
	}
	until_up(&pair);
	vif_memif_thread_stop(pair.end[SERVER].memif);
	pair_check(&pair);
	pair_close(&pair);
}

/* Peers that come and go under load */

struct load {
	struct vif_memif_interface *tx;
	struct vif_memif_interface *rx;
	atomic_bool stop;
	atomic_ulong n_sent;
	atomic_ulong n_got;
	atomic_ulong n_bad;
};

/* Packets that fill two buffers, in turn copied and filled in place. */
static void *send_load(void *argument)
{
	static _Thread_local uint8_t bytes[3000];
	struct load *load = argument;

	ends_fill(bytes, 3000, 3000);
	while (!atomic_load(&load->stop)) {
		struct vif_memif_buffer buffer;
		int r = vif_memif_write(load->tx, 0, bytes, 3000);

		if (r > 0)
			atomic_fetch_add(&load->n_sent, 1);
		if (vif_memif_reserve(load->tx, 0, &buffer, 1) != 1) {
			(void)sched_yield(); /* cannot fail on Linux */
			continue;
		}
		ends_fill(buffer.data, 700, 700);
		buffer.len = 700;
		r = vif_memif_commit(load->tx, 0, &buffer, 1);
		if (r == 0)
			atomic_fetch_add(&load->n_sent, 1);
		else if (r != -ENOTCONN)
			atomic_fetch_add(&load->n_bad, 1);
	}
	return NULL;
}

static void *receive_load(void *argument)
{
	struct load *load = argument;
	struct vif_batch *batch = NULL;

	if (vif_batch_new(ENDS_BATCH, ENDS_SEGS, &batch) < 0)
		abort();
	while (!atomic_load(&load->stop)) {
		int r = vif_memif_rx(load->rx, 0, batch);

		for (int i = 0; i < r; i++) {
			const struct vif_packet *packet = &batch->packet[i];

			if (!ends_holds(packet, 3000, 3000) &&
			    !ends_holds(packet, 700, 700))
				atomic_fetch_add(&load->n_bad, 1);
			atomic_fetch_add(&load->n_got, 1);
		}
		if (r > 0)
			vif_memif_rx_done(load->rx, 0, batch);
		else
			(void)sched_yield(); /* cannot fail on Linux */
	}
	vif_batch_free(batch);
	return NULL;
}

/* Returns whether packets go through. */
static bool flows(const struct load *load)
{
	unsigned long before = atomic_load(&load->n_got);
	uint64_t start_ns = ends_now_ns();

	while (atomic_load(&load->n_got) < before + 100) {
		if (is_late(start_ns))
			return false;
		(void)sched_yield(); /* cannot fail on Linux */
	}
	return true;
}

static void restarts_under_load(void **state)
{
	static struct load load[SIDES];
	unsigned int before = place_count_fds();
	pthread_t thread[2 * SIDES];
	bool ok = true;
	struct pair pair;

	(void)state;
	pair_init(&pair);
	pair.end[CLIENT].config.ring_log2 = 5;
	pair_open(&pair);
	for (size_t i = 0; i < SIDES; i++) {
		load[i].tx = pair.end[i].interface;
		load[i].rx = pair.end[1 - i].interface;
		assert_int_equal(
			vif_memif_thread_start(pair.end[i].memif, NULL), 0);
		assert_int_equal(pthread_create(&thread[2 * i], NULL, send_load,
						&load[i]),
				 0);
		assert_int_equal(pthread_create(&thread[2 * i + 1], NULL,
						receive_load, &load[i]),
				 0);
	}
	for (int i = 0; ok && i < RESTARTS; i++) {
		ok = flows(&load[SERVER]) && flows(&load[CLIENT]);
		vif_memif_disconnect(pair.end[i % SIDES].interface, "restart");
	}
	ok = ok && flows(&load[SERVER]) && flows(&load[CLIENT]);
	for (int i = 0; i < 2 * SIDES; i++) {
		atomic_store(&load[i / 2].stop, true);
		assert_int_equal(pthread_join(thread[i], NULL), 0);
	}
	assert_true(ok);
	for (int i = 0; i < SIDES; i++) {
		assert_int_equal(load[i].n_bad, 0);
		assert_true(load[i].n_got <= load[i].n_sent);
		assert_true(pair.end[i].n_connect > RESTARTS);
	}
	pair_close(&pair);
	assert_int_equal(place_count_fds(), before);
}

/* Wake-ups */

struct sleeper {
	struct vif_memif_interface *rx;
	atomic_bool stop;
	atomic_uint seen; /* number of the last packet */
	atomic_uint n_late;
};

static void *sleep_and_wake(void *argument)
{
	struct sleeper *sleeper = argument;
	struct pollfd fd = { .fd = vif_memif_rx_fd(sleeper->rx, 0),
			     .events = POLLIN };
	uint32_t number;

	while (!atomic_load(&sleeper->stop)) {
		if (vif_memif_read(sleeper->rx, 0, &number, sizeof(number)) > 0)
			atomic_store(&sleeper->seen, number);
		else if (vif_memif_rx_arm(sleeper->rx, 0) == 0 &&
			 poll(&fd, 1, ENDS_PATIENCE_MS / 2) == 0)
			atomic_fetch_add(&sleeper->n_late, 1);
	}
	return NULL;
}

static bool pass_number(struct pair *pair, struct sleeper *sleeper,
			enum ends_side from, uint32_t number)
{
	uint64_t start_ns = ends_now_ns();

	while (vif_memif_write(pair->end[from].interface, 0, &number,
			       sizeof(number)) != 1)
		if (is_late(start_ns))
			return false;
	while (atomic_load(&sleeper->seen) != number) {
		if (is_late(start_ns))
			return false;
		(void)sched_yield(); /* cannot fail on Linux */
	}
	return true;
}

/* Each packet has been seen before the next one is sent. */
static void wake_up(enum ends_side to, enum vif_memif_rx_mode mode)
{
	struct sleeper sleeper = { .stop = false };
	pthread_t thread;
	struct pair pair;
	bool ok = true;

	pair_init(&pair);
	pair.end[to].config.rx_mode = mode;
	pair_open(&pair);
	sleeper.rx = pair.end[to].interface;
	assert_int_equal(
		pthread_create(&thread, NULL, sleep_and_wake, &sleeper), 0);
	pair_connect(&pair);
	for (uint32_t i = 1; ok && i <= PACKETS; i++) {
		ok = pass_number(&pair, &sleeper, (enum ends_side)(1 - to), i);
		if (!ok || i % (PACKETS / 10) != 0)
			continue;
		vif_memif_disconnect(pair.end[i % 3 == 0].interface, "again");
		(void)vif_memif_connect(pair.end[CLIENT].interface);
		pair_connect(&pair);
	}
	atomic_store(&sleeper.stop, true);
	if (ok) /* wakes it */
		(void)vif_memif_write(pair.end[1 - to].interface, 0, &ok, 1);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_true(ok);
	assert_int_equal(sleeper.n_late, 0);
	pair_close(&pair);
}

static void no_wakeup_is_lost(void **state)
{
	(void)state;
	for (int to = 0; to < SIDES; to++) {
		wake_up((enum ends_side)to, VIF_MEMIF_RX_INTERRUPT);
		wake_up((enum ends_side)to, VIF_MEMIF_RX_ADAPTIVE);
	}
}

/* Ports with more queues than the peer has rings */

struct sharer {
	struct vif_port *port;
	unsigned int queue;
	int error;
};

static void *share(void *argument)
{
	struct sharer *sharer = argument;
	uint32_t bytes[16] = { sharer->queue };
	struct iovec seg = { bytes, sizeof(bytes) };
	struct vif_packet packet = { .seg = &seg,
				     .len = sizeof(bytes),
				     .n_seg = 1 };
	uint32_t n = 0;

	while (n < SHARED && sharer->error == 0) {
		int r;

		bytes[1] = n;
		r = vif_port_tx(sharer->port, sharer->queue, &packet, 1);
		if (r > 0)
			n++;
		else if (r == 0)
			r = vif_port_wait(sharer->port, sharer->queue,
					  VIF_WAIT_TX, ENDS_PATIENCE_MS);
		if (r <= 0)
			sharer->error = r < 0 ? r : -ETIME;
	}
	return NULL;
}

static void serve_ports(struct vif_port *const port[2])
{
	uint64_t deadline_ns;

	for (int i = 0; i < 2; i++)
		(void)vif_port_service(port[i], ends_now_ns(), &deadline_ns);
}

/* Takes all there is; each queue's packets come in order. */
static uint32_t take_shared(struct vif_port *port, struct vif_batch *batch,
			    uint32_t next[3])
{
	uint32_t n_bad = 0;
	int r = vif_port_rx(port, 0, batch);

	for (int i = 0; i < r; i++) {
		uint32_t head[2];

		memcpy(head, batch->packet[i].seg[0].iov_base, sizeof(head));
		n_bad += head[0] >= 3 || head[1] != next[head[0] % 3]++;
	}
	if (r > 0)
		vif_port_rx_done(port, 0, batch);
	else
		(void)vif_port_wait(port, 0, VIF_WAIT_RX, 100);
	return n_bad;
}

static void senders_share_a_ring(void **state)
{
	struct vif_batch *batch = NULL;
	struct vif_port *port[2];
	struct sharer sharer[3] = { { .error = 0 } };
	uint32_t next[3] = { 0 }, n_bad = 0;
	uint64_t start_ns = ends_now_ns();
	pthread_t thread[3];
	char address[256];

	(void)state;
	assert_int_equal(vif_batch_new(64, 64, &batch), 0);
	for (int i = 0; i < 2; i++) {
		(void)snprintf(address, sizeof(address), "memif:%s,%s",
			       place_path("s"),
			       i ? "ring=32,queues=3" : "role=server");
		assert_int_equal(vif_port_open(address, NULL, &port[i], NULL),
				 0);
		assert_int_equal(vif_port_start(port[i], NULL), 0);
	}
	while (vif_port_state(port[0]) != VIF_PORT_UP ||
	       vif_port_state(port[1]) != VIF_PORT_UP) {
		assert_false(is_late(start_ns));
		serve_ports(port);
	}
	for (unsigned int i = 0; i < 3; i++) {
		sharer[i].port = port[1];
		sharer[i].queue = i;
		assert_int_equal(
			pthread_create(&thread[i], NULL, share, &sharer[i]), 0);
	}
	while (next[0] + next[1] + next[2] < 3 * SHARED && n_bad == 0 &&
	       !is_late(start_ns))
		n_bad += take_shared(port[0], batch, next);
	vif_port_stop(port[1]);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(pthread_join(thread[i], NULL), 0);
		assert_int_equal(sharer[i].error, 0);
		assert_int_equal(next[i], SHARED);
	}
	assert_int_equal(n_bad, 0);
	vif_port_close(port[1]);
	vif_port_close(port[0]);
	vif_batch_free(batch);
}

#define PLACED(test) \
	cmocka_unit_test_setup_teardown(test, place_make, place_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PLACED(each_cancel_ends_one_poll),
		PLACED(a_thread_of_the_library),
		PLACED(calls_from_many_threads),
		PLACED(restarts_under_load),
		PLACED(no_wakeup_is_lost),
		PLACED(senders_share_a_ring),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
