/* SPDX-License-Identifier: Apache-2.0 */
/* Holding packets back: who tells the time, and who wakes whom. */
#include <errno.h>
#include <pthread.h>
#include <time.h>

#include "tests/contract/fault_pair.h"

/* Runs service and returns the deadline. */
static uint64_t tick(struct pair *pair, uint64_t now_ns)
{
	uint64_t deadline_ns = 0;

	assert_int_equal(vif_port_service(pair->near, now_ns, &deadline_ns), 0);
	return deadline_ns;
}

static void expect_rx(struct pair *pair, int n)
{
	assert_int_equal(vif_port_rx(pair->near, 0, pair->batch), n);
	vif_port_rx_done(pair->near, 0, pair->batch);
}

void delay(void **state)
{
	static struct probe probe;
	struct pair pair;
	const uint64_t ms = 1000000;

	(void)state;
	pair_open(&pair, ",delay=10ms");
	assert_int_equal(tick(&pair, 100 * ms), UINT64_MAX);
	probe_make(&probe, PROBE_UDP4, false, 1, 20);
	assert_int_equal(vif_port_tx(pair.far, 0, &probe.packet, 1), 1);
	assert_true(pair_is_ready(pair.near, VIF_WAIT_RX));
	expect_rx(&pair, 0);
	/* The port knows no time: it asks for service, which wakes it. */
	assert_false(pair_is_ready(pair.near, VIF_WAIT_RX));
	assert_true(pair_is_ready(pair.near, VIF_WAIT_CONTROL));
	(void)tick(&pair, 200 * ms);
	assert_true(pair_is_ready(pair.near, VIF_WAIT_RX));
	expect_rx(&pair, 0);
	assert_true(pair_is_ready(pair.near, VIF_WAIT_CONTROL));
	assert_int_equal(tick(&pair, 201 * ms), 210 * ms);
	assert_false(pair_is_ready(pair.near, VIF_WAIT_RX));
	assert_false(pair_is_ready(pair.near, VIF_WAIT_CONTROL));
	assert_int_equal(tick(&pair, 210 * ms - 1), 210 * ms);
	expect_rx(&pair, 0);
	assert_int_equal(tick(&pair, 210 * ms), UINT64_MAX);
	assert_true(pair_is_ready(pair.near, VIF_WAIT_RX));
	expect_rx(&pair, 1);
	assert_false(pair_is_ready(pair.near, VIF_WAIT_RX));
	assert_int_equal(tick(&pair, 300 * ms), UINT64_MAX);
	/* Out, nothing is delayed. */
	assert_int_equal(vif_port_tx(pair.near, 0, &probe.packet, 1), 1);
	assert_int_equal(vif_port_rx(pair.far, 0, pair.batch), 1);
	vif_port_rx_done(pair.far, 0, pair.batch);
	pair_close(&pair);
}

/* Many on their way at once: order kept, room bounded, none lost. */
void delay_of_many(void **state)
{
	static struct probe probe;
	static struct arrivals all;
	struct pair pair;
	uint32_t sent = 0, none = 0;

	(void)state;
	all.n = 0;
	pair_open(&pair, ",delay=1ms");
	while (none < 2) {
		probe_make(&probe, PROBE_UDP4, false, sent, 20);
		if (vif_port_tx(pair.far, 0, &probe.packet, 1) == 1) {
			sent++;
			none = 0;
			continue;
		}
		none++;
		expect_rx(&pair, 0);
		(void)tick(&pair, sent);
		expect_rx(&pair, 0);
		(void)pair_is_ready(pair.near, VIF_WAIT_RX); /* arms, too */
	}
	/* The ring inside, and that of the loop. */
	assert_in_range(sent, 800, 1024 + RING);
	expect_rx(&pair, 0);
	assert_true(tick(&pair, sent) < UINT64_MAX);
	assert_false(
		pair_is_ready(pair.near, VIF_WAIT_RX)); /* and does not spin */
	for (uint64_t now = sent; all.n < sent; now += 1000000) {
		(void)tick(&pair, now);
		assert_int_equal(pair_receive(pair.near, pair.batch, &all), 0);
		assert_true(now < 20000000);
	}
	for (uint32_t i = 0; i < all.n; i++)
		assert_int_equal(all.serial[i], i);
	pair_close(&pair);
}

/* A controlling thread with a clock of its own: each call is 1 ms later. */
struct clockwork {
	struct vif_port *port;
	int error;
};

static void *serve(void *argument)
{
	struct clockwork *clockwork = argument;
	uint64_t now_ns = 0, deadline_ns = UINT64_MAX;

	for (;;) {
		int r = vif_port_wait(clockwork->port, 0, VIF_WAIT_CONTROL,
				      deadline_ns == UINT64_MAX ? 10000 : 0);

		if (r < 0 || (r == 0 && deadline_ns == UINT64_MAX)) {
			clockwork->error = r == 0 ? -ETIME : r;
			return NULL;
		}
		now_ns += 1000000;
		clockwork->error =
			vif_port_service(clockwork->port, now_ns, &deadline_ns);
	}
}

void delay_with_threads(void **state)
{
	static struct probe probe;
	static struct probe_seen seen;
	struct clockwork clockwork = { .error = 0 };
	pthread_t thread;
	struct pair pair;
	uint32_t got = 0;
	int r = 1;

	(void)state;
	pair_open(&pair, ",delay=3ms,stall=10%,reorder=1%,seed=3");
	clockwork.port = pair.near;
	assert_int_equal(pthread_create(&thread, NULL, serve, &clockwork), 0);
	for (uint32_t sent = 0; r > 0 && got < 5000;) {
		probe_make(&probe, PROBE_UDP4, false, sent, 20);
		if (sent < 5000 && sent - got < 7 &&
		    vif_port_tx(pair.far, 0, &probe.packet, 1) == 1) {
			sent++;
			continue;
		}
		while ((r = vif_port_rx(pair.near, 0, pair.batch)) == 0) {
			r = vif_port_wait(pair.near, 0, VIF_WAIT_RX, 10000);
			if (r <= 0)
				break;
		}
		for (int i = 0; i < r; i++)
			got += probe_look(&pair.batch->packet[i], false, &seen);
		vif_port_rx_done(pair.near, 0, pair.batch);
	}
	vif_port_stop(pair.near);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(clockwork.error, -ESHUTDOWN);
	assert_true(r > 0);
	assert_int_equal(got, 5000);
	pair_close(&pair);
}

static uint64_t clock_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail */
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* In a link, with its clock: late, but there. */
void delay_in_link(void **state)
{
	static struct probe probe;
	struct pair a, b;
	struct vif_link *link = NULL;
	struct vif_batch *batch = NULL;

	(void)state;
	pair_open(&a, ",delay=20ms");
	pair_open(&b, "");
	assert_int_equal(vif_batch_new(RING, RING, &batch), 0);
	assert_int_equal(vif_link_new(a.near, b.near, NULL, &link, NULL), 0);
	assert_int_equal(vif_link_start(link, NULL), 0);
	probe_make(&probe, PROBE_UDP4, false, 1, 20);
	for (int i = 0; i < 5; i++) {
		uint64_t sent_ns = clock_ns();

		assert_int_equal(vif_port_tx(a.far, 0, &probe.packet, 1), 1);
		assert_int_equal(vif_port_wait(b.far, 0, VIF_WAIT_RX, 5000), 1);
		assert_int_equal(vif_port_rx(b.far, 0, batch), 1);
		assert_true(clock_ns() - sent_ns >= 20000000);
		vif_port_rx_done(b.far, 0, batch);
	}
	assert_int_equal(vif_link_stop(link, 0), 0);
	vif_link_free(link);
	vif_batch_free(batch);
	pair_close(&a);
	pair_close(&b);
}
