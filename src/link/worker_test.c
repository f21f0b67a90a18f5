/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of the loop: over a source of two queues that has no packets and would
 * rather be looked at again than slept on; and draining, from a source to a
 * destination whose peer is slow to take what it was sent.
 */
#include "link/worker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/bits.h"
#include "port/ops.h"

enum {
	N_QUEUE = 2,
	LOOKS_MAX = 50000000, /* takes many times PATIENCE_MAX_NS */
};

struct source {
	struct vif_port port;
	struct worker *worker;
	bool is_eager; /* until it is settled */
	bool is_settled[N_QUEUE];
	uint32_t n_look;
	uint32_t n_settle;
	int fd; /* readable */
};

static struct source *to_source(struct vif_port *port)
{
	return container_of(port, struct source, port);
}

/* Ends the worker after its first sleep, or when there is none. */
static int source_rx(struct vif_port *port, unsigned int queue,
		     struct vif_batch *batch)
{
	struct source *source = to_source(port);

	(void)queue;
	(void)batch;
	if (counter_read(&source->worker->sleeps) > 0 ||
	    ++source->n_look > LOOKS_MAX)
		atomic_store(&source->worker->orders->phase, WORKER_ABORT);
	return 0;
}

static void source_rx_done(struct vif_port *port, unsigned int queue,
			   struct vif_batch *batch)
{
	(void)port;
	(void)queue;
	(void)batch;
}

static int source_wait_fd(const struct vif_port *port, unsigned int queue,
			  enum vif_wait what, short *ret_events)
{
	(void)queue;
	(void)what;
	*ret_events = POLLIN;
	return const_container_of(port, struct source, port)->fd;
}

static int source_arm(struct vif_port *port, unsigned int queue,
		      enum vif_wait what)
{
	struct source *source = to_source(port);

	(void)what;
	return source->is_eager && !source->is_settled[queue];
}

static void source_settle(struct vif_port *port, unsigned int queue)
{
	to_source(port)->is_settled[queue] = true;
	to_source(port)->n_settle++;
}

static const struct vif_port_ops ops = {
	.name = "test",
	.rx = source_rx,
	.rx_done = source_rx_done,
	.wait_fd = source_wait_fd,
	.arm = source_arm,
	.settle = source_settle,
};

/* Lets a worker look at the source until it has slept. */
static void run_over(struct source *source)
{
	struct wire wire[N_QUEUE] = { { .source = NULL } };
	struct wire *wires[N_QUEUE];
	struct pollfd poll_fd[N_QUEUE + WORKER_FIXED];
	struct worker_orders orders = { .stop_fd = -1, .abort_fd = -1 };
	struct worker worker = {
		.orders = &orders,
		.wire = wires,
		.n_wire = N_QUEUE,
		.poll = poll_fd,
	};
	struct vif_port *failed = NULL, *sink = NULL;

	assert_int_equal(vif_port_open("null:", NULL, &sink, NULL), 0);
	source->port.ops = &ops;
	source->port.caps.n_queue = N_QUEUE;
	source->worker = &worker;
	source->fd = eventfd(1, EFD_CLOEXEC);
	assert_true(source->fd >= 0);
	for (uint32_t i = 0; i < N_QUEUE; i++) {
		wires[i] = &wire[i];
		wire[i] = (struct wire){
			.source = &source->port,
			.destination = sink,
			.rx_queue = i,
			.n_tx_queue = 1,
			.tx_stride = 1,
		};
		assert_int_equal(
			wire_init(&wire[i], &(struct stages_config){ 0 }), 0);
	}
	assert_int_equal(worker_run(&worker, &failed), 0);
	assert_true(counter_read(&worker.sleeps) > 0);
	for (uint32_t i = 0; i < N_QUEUE; i++)
		wire_fini(&wire[i]);
	(void)close(source->fd);
	vif_port_close(sink);
}

static void eager_sources_are_settled_in_time(void **state)
{
	struct source source = { .is_eager = true };

	(void)state;
	run_over(&source);
	assert_true(source.n_look > N_QUEUE);       /* not at once */
	assert_int_equal(source.n_settle, N_QUEUE); /* and only once */
}

static void others_are_slept_on_at_once(void **state)
{
	struct source source = { .is_eager = false };

	(void)state;
	run_over(&source);
	assert_int_equal(source.n_look, N_QUEUE);
	assert_int_equal(source.n_settle, 0);
}

/* Draining */

enum {
	LONG_MS = 10000, /* more than any test takes that ends in time */
	SHORT_MS = 50,
};

struct drain {
	struct vif_port source;
	struct vif_port sink;
	bool is_endless; /* there is always a packet */
	uint32_t n_lag;  /* looks at the peer that find something left */
	uint32_t n_look;
	uint32_t n_sent;
	int fd; /* readable if there are packets */
};

static int drain_rx(struct vif_port *port, unsigned int queue,
		    struct vif_batch *batch)
{
	static uint8_t bytes[60];

	(void)queue;
	if (!container_of(port, struct drain, source)->is_endless)
		return 0;
	while (vif_batch_add(batch, bytes, sizeof(bytes)))
		continue;
	return (int)batch->n;
}

static int drain_wait_fd(const struct vif_port *port, unsigned int queue,
			 enum vif_wait what, short *ret_events)
{
	(void)queue;
	(void)what;
	*ret_events = POLLIN;
	return const_container_of(port, struct drain, source)->fd;
}

static int drain_tx(struct vif_port *port, unsigned int queue,
		    const struct vif_packet *packet, unsigned int n)
{
	(void)queue;
	(void)packet;
	container_of(port, struct drain, sink)->n_sent += n;
	return (int)n;
}

static unsigned int drain_tx_left(struct vif_port *port, unsigned int queue)
{
	struct drain *drain = container_of(port, struct drain, sink);

	(void)queue;
	return drain->n_look++ < drain->n_lag;
}

static const struct vif_port_ops drain_source_ops = {
	.name = "source",
	.rx = drain_rx,
	.rx_done = source_rx_done,
	.wait_fd = drain_wait_fd,
};

static const struct vif_port_ops drain_sink_ops = {
	.name = "sink",
	.tx = drain_tx,
	.tx_left = drain_tx_left,
};

/* Returns whether it ended before its time was over. */
static bool run_drain(struct drain *drain, uint64_t time_ms)
{
	struct wire wire = {
		.source = &drain->source,
		.destination = &drain->sink,
		.n_tx_queue = 1,
		.tx_stride = 1,
	};
	struct wire *wires[] = { &wire };
	struct pollfd poll_fd[1 + WORKER_FIXED];
	struct worker_orders orders = {
		.phase = WORKER_DRAIN,
		.drain_end_ns = worker_now_ns() + time_ms * 1000000u,
		.stop_fd = -1,
		.abort_fd = -1,
	};
	struct worker worker = {
		.orders = &orders,
		.wire = wires,
		.n_wire = 1,
		.poll = poll_fd,
	};
	struct vif_port *failed = NULL;
	bool in_time;

	drain->source.ops = &drain_source_ops;
	drain->sink.ops = &drain_sink_ops;
	drain->source.caps.n_queue = drain->sink.caps.n_queue = 1;
	drain->fd = eventfd(drain->is_endless, EFD_CLOEXEC);
	assert_true(drain->fd >= 0);
	assert_int_equal(wire_init(&wire, &(struct stages_config){ 0 }), 0);
	assert_int_equal(worker_run(&worker, &failed), 0);
	in_time = worker_now_ns() < orders.drain_end_ns;
	wire_fini(&wire);
	(void)close(drain->fd);
	return in_time;
}

/* Also when it takes the last of it just after it was looked at. */
static void a_peer_that_takes_all_ends_the_drain(void **state)
{
	(void)state;
	for (uint32_t n_lag = 0; n_lag < 4; n_lag++) {
		struct drain drain = { .n_lag = n_lag };

		assert_true(run_drain(&drain, LONG_MS));
		drain = (struct drain){ .n_lag = n_lag, .is_endless = true };
		assert_true(run_drain(&drain, LONG_MS));
		assert_in_range(drain.n_sent, WIRE_BATCH, 100 * WIRE_BATCH);
	}
}

/* It is looked at each millisecond, though there are packets to receive. */
static void a_peer_that_takes_nothing_costs_no_cpu(void **state)
{
	struct drain drain = { .n_lag = UINT32_MAX, .is_endless = true };

	(void)state;
	assert_false(run_drain(&drain, SHORT_MS));
	assert_in_range(drain.n_look, 1, SHORT_MS + 10);
}

/* Ending, with another worker that takes longer. */

struct served {
	struct vif_port port;
	struct worker_orders *orders;
	uint32_t n_service;
	uint32_t n_alone; /* of those, without another worker */
};

/* The other one is over while the ports are served for the third time. */
static int served_service(struct vif_port *port, uint64_t now_ns,
			  uint64_t *ret_deadline_ns)
{
	struct served *served = container_of(port, struct served, port);

	(void)now_ns;
	*ret_deadline_ns = 0; /* always due */
	served->n_alone += atomic_load(&served->orders->n_busy) == 1;
	if (++served->n_service == 3)
		atomic_store(&served->orders->n_busy, 1);
	return 0;
}

static int served_wait_fd(const struct vif_port *port, unsigned int queue,
			  enum vif_wait what, short *ret_events)
{
	(void)port;
	(void)queue;
	(void)what;
	*ret_events = POLLIN;
	return -1;
}

static const struct vif_port_ops served_ops = {
	.name = "served",
	.wait_fd = served_wait_fd,
	.service = served_service,
};

static void ports_are_served_after_the_last_other_worker(void **state)
{
	struct pollfd poll_fd[WORKER_FIXED];
	struct worker_orders orders = {
		.phase = WORKER_ABORT,
		.n_busy = 2,
		.stop_fd = -1,
		.abort_fd = -1,
	};
	struct served served = { .port.ops = &served_ops, .orders = &orders };
	struct worker worker = {
		.orders = &orders,
		.poll = poll_fd,
		.control = { &served.port, NULL },
	};
	struct vif_port *failed = NULL;

	(void)state;
	assert_int_equal(worker_run(&worker, &failed), 0);
	assert_int_equal(atomic_load(&orders.n_busy), 1);
	assert_int_equal(served.n_alone, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(eager_sources_are_settled_in_time),
		cmocka_unit_test(others_are_slept_on_at_once),
		cmocka_unit_test(a_peer_that_takes_all_ends_the_drain),
		cmocka_unit_test(a_peer_that_takes_nothing_costs_no_cpu),
		cmocka_unit_test(ports_are_served_after_the_last_other_worker),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
