/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of the loop, over a source of two queues that has no packets and would
 * rather be looked at again than slept on.
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(eager_sources_are_settled_in_time),
		cmocka_unit_test(others_are_slept_on_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
