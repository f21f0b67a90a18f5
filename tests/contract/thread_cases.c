/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads at once: wake-ups that must not get lost, and sides of a queue that
 * must not disturb each other. Threads report; only the main one asserts.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "tests/contract/contract.h"

enum thread_limits {
	THREAD_PACKETS = 100000,
	THREAD_SOME = 2000,
	THREAD_LAG = 10, /* packets on their way in; any port holds them */
	THREAD_END_MS = 60000,
};

/* One thread that sends or receives so many packets through a port. */
struct stream {
	struct vif_port *port;
	uint32_t n;
	bool is_eth;
	/* results */
	_Atomic uint32_t done;
	uint32_t out_of_order;
	int error; /* of a call, or -ETIME for a wake-up that did not come */
};

static void *send_stream(void *argument)
{
	static struct probe probe;
	struct stream *stream = argument;
	uint64_t end_ns = now_ns() + THREAD_END_MS * 1000000ull;

	while (stream->done < stream->n && now_ns() < end_ns) {
		int r;

		probe_make(&probe, PROBE_UDP4, stream->is_eth, stream->done,
			   16);
		r = vif_port_tx(stream->port, 0, &probe.packet, 1);
		if (r > 0)
			stream->done += (uint32_t)r;
		else if (r == 0)
			r = vif_port_wait(stream->port, 0, VIF_WAIT_TX,
					  CONTRACT_PATIENCE_MS);
		if (r <= 0) {
			stream->error = r < 0 ? r : -ETIME;
			break;
		}
	}
	return NULL;
}

static void look_through(struct stream *stream, const struct vif_batch *batch)
{
	static struct probe_seen seen;

	for (uint32_t i = 0; i < batch->n; i++) {
		if (!probe_look(&batch->packet[i], stream->is_eth, &seen))
			continue;
		stream->out_of_order += seen.serial != stream->done;
		stream->done++;
	}
}

static void *receive_stream(void *argument)
{
	struct stream *stream = argument;
	struct vif_batch *batch = NULL;
	uint64_t end_ns = now_ns() + THREAD_END_MS * 1000000ull;

	stream->error = vif_batch_new(CONTRACT_BATCH, CONTRACT_BATCH, &batch);
	while (stream->error == 0 && stream->done < stream->n &&
	       now_ns() < end_ns) {
		int r = vif_port_rx(stream->port, 0, batch);

		if (r > 0) {
			look_through(stream, batch);
			vif_port_rx_done(stream->port, 0, batch);
			continue;
		}
		if (r == 0)
			r = vif_port_wait(stream->port, 0, VIF_WAIT_RX,
					  CONTRACT_PATIENCE_MS);
		if (r <= 0)
			stream->error = r < 0 ? r : -ETIME;
	}
	vif_batch_free(batch);
	return NULL;
}

static void run_streams(struct stream *sender, struct stream *receiver)
{
	pthread_t thread[2];

	assert_int_equal(
		pthread_create(&thread[0], NULL, receive_stream, receiver), 0);
	assert_int_equal(pthread_create(&thread[1], NULL, send_stream, sender),
			 0);
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_join(thread[i], NULL), 0);
	assert_int_equal(sender->error, 0);
	assert_int_equal(receiver->error, 0);
	assert_int_equal(sender->done, sender->n);
	assert_int_equal(receiver->done, receiver->n);
	assert_int_equal(receiver->out_of_order, 0);
}

static void no_wakeup_lost_out(void **state)
{
	struct rig *rig = rig_of(state);
	struct stream sender = { .n = THREAD_PACKETS };
	struct stream receiver = { .n = THREAD_PACKETS };

	rig_up(rig, "");
	sender.port = rig->port;
	receiver.port = rig->far;
	run_streams(&sender, &receiver);
}

static void no_wakeup_lost_in(void **state)
{
	struct rig *rig = rig_of(state);
	struct stream sender = { .n = THREAD_PACKETS };
	struct stream receiver = { .n = THREAD_PACKETS };

	rig_up(rig, "");
	sender.port = rig->far;
	receiver.port = rig->port;
	run_streams(&sender, &receiver);
}

/* Reads counters and state all the time, as a control thread does. */
struct watcher {
	struct vif_port *port;
	atomic_bool stop;
	bool went_back;
};

static void *watch(void *argument)
{
	struct watcher *watcher = argument;
	struct vif_port_stats stats, before = { .rx_packets = 0 };
	uint64_t deadline_ns;

	while (!atomic_load(&watcher->stop)) {
		vif_port_stats(watcher->port, &stats);
		watcher->went_back |= stats.tx_packets < before.tx_packets ||
				      stats.rx_packets < before.rx_packets;
		before = stats;
		(void)vif_port_state(watcher->port);
		(void)vif_port_service(watcher->port, now_ns(), &deadline_ns);
	}
	return NULL;
}

/* The receiving and the sending side of one queue, and a control thread. */
static void both_sides_at_once(void **state)
{
	static struct probe probe;
	struct rig *rig = rig_of(state);
	struct stream sender = { .n = THREAD_SOME };
	struct stream receiver = { .n = THREAD_SOME };
	struct watcher watcher = { .went_back = false };
	pthread_t thread[3];
	bool ok = true;
	uint64_t end_ns = now_ns() + THREAD_END_MS * 1000000ull;

	rig_up(rig, "");
	sender.port = receiver.port = watcher.port = rig->port;
	sender.is_eth = receiver.is_eth = rig_is_eth(rig);
	assert_int_equal(pthread_create(&thread[0], NULL, send_stream, &sender),
			 0);
	assert_int_equal(
		pthread_create(&thread[1], NULL, receive_stream, &receiver), 0);
	assert_int_equal(pthread_create(&thread[2], NULL, watch, &watcher), 0);
	for (uint32_t i = 0; ok && i < THREAD_SOME; i++) {
		static struct probe_seen seen;

		probe_make(&probe, PROBE_UDP4, rig_is_eth(rig), i, 16);
		ok = rig->driver->far_send(rig, &probe.packet) &&
		     rig->driver->far_receive(rig, &seen) && seen.serial == i;
		/* In step, so that the port's queue does not overflow. */
		while (i > atomic_load(&receiver.done) + THREAD_LAG &&
		       now_ns() < end_ns)
			(void)sched_yield(); /* cannot fail on Linux */
	}
	if (!ok)
		vif_port_stop(rig->port);
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_join(thread[i], NULL), 0);
	atomic_store(&watcher.stop, true);
	assert_int_equal(pthread_join(thread[2], NULL), 0);
	assert_true(ok);
	assert_int_equal(sender.error, 0);
	assert_int_equal(receiver.error, 0);
	assert_int_equal(receiver.done, THREAD_SOME);
	assert_int_equal(receiver.out_of_order, 0);
	assert_false(watcher.went_back);
}

/* Stopping while both sides are hard at work. */
static void stop_under_load(void **state)
{
	struct rig *rig = rig_of(state);
	struct stream sender = { .n = UINT32_MAX };
	struct stream receiver = { .n = UINT32_MAX };
	pthread_t thread[2];
	static struct probe_seen seen;
	bool ok = true;

	rig_up(rig, "");
	sender.port = receiver.port = rig->port;
	sender.is_eth = receiver.is_eth = rig_is_eth(rig);
	assert_int_equal(pthread_create(&thread[0], NULL, send_stream, &sender),
			 0);
	assert_int_equal(
		pthread_create(&thread[1], NULL, receive_stream, &receiver), 0);
	for (uint32_t i = 0; ok && i < 100; i++)
		ok = rig->driver->far_receive(rig, &seen);
	vif_port_stop(rig->port);
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_join(thread[i], NULL), 0);
	assert_int_equal(sender.error, -ESHUTDOWN);
	assert_int_equal(receiver.error, -ESHUTDOWN);
	assert_true(ok);
}

const struct contract_case thread_cases[] = {
	{ "no_wakeup_lost_out", no_wakeup_lost_out, HAS_FAR_PORT },
	{ "no_wakeup_lost_in", no_wakeup_lost_in, HAS_FAR_PORT },
	{ "both_sides_at_once", both_sides_at_once, HAS_FAR },
	{ "stop_under_load", stop_under_load, HAS_FAR },
	{ NULL, NULL, 0 },
};
