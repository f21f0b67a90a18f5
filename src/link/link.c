/* SPDX-License-Identifier: Apache-2.0 */
/* A link: two ports, the plan between them, and the workers that run it. */
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <vif/link.h>

#include "base/bits.h"
#include "base/config.h"
#include "base/error.h"
#include "link/plan.h"
#include "link/worker.h"

struct link_thread {
	struct vif_link *link;
	struct worker worker;
	pthread_t id;
	bool running; /* id has to be joined */
};

struct vif_link {
	/* immutable after vif_link_new() */
	struct vif_port *port[2];
	struct vif_link_config config;
	uint32_t *cpu;
	struct plan plan;
	struct vif_link_plan plan_public[VIF_DIRECTION_N];
	uint32_t n_wire;
	struct wire *wire;
	struct wire **wire_order; /* grouped by worker */
	struct pollfd *poll;      /* shared out among the workers */
	uint32_t n_thread;
	struct link_thread *thread;
	int end_fd; /* eventfd, readable once ended by itself */
	/* controlling thread */
	bool started;
	/* any thread */
	struct worker_orders orders;
	atomic_flag has_failed;
	atomic_flag is_written_off;
	_Atomic int error;                 /* first failure, or 0 */
	_Atomic(struct vif_port *) failed; /* set before error */
};

static int check_config(const struct vif_link_config *config,
			struct vif_error *error)
{
	if (config->n_worker <= VIF_LINK_WORKERS_MAX &&
	    config->spin_us <= VIF_LINK_SPIN_US_MAX &&
	    config->full <= VIF_FULL_DROP &&
	    config->glue <= VIF_LINK_GLUE_OFF &&
	    config->cut <= VIF_LINK_CUT_OFF &&
	    (config->n_cpu == 0 || config->cpu))
		return 0;
	error_set(error, -EINVAL, "cannot use this link config");
	return error_why(error, -EINVAL, "a value is out of range");
}

static struct plan_port plan_port(const struct vif_port *port)
{
	return (struct plan_port){ vif_port_name(port), vif_port_caps(port) };
}

/* Asks the source of a direction to deliver no more than the plan says. */
static int ask_source(struct vif_link *link, enum vif_direction direction,
		      struct vif_error *error)
{
	const struct plan_direction *plan = &link->plan.direction[direction];
	struct vif_port *source = link->port[direction];
	int r;

	if (!plan->ask)
		return 0;
	r = vif_port_set(source, VIF_PORT_RX_GSO, plan->gso);
	if (r == 0)
		r = vif_port_set(source, VIF_PORT_RX_CSUM, plan->csum);
	if (r < 0) {
		error_set(error, r, "cannot lower the offloads");
		return error_where(error, r, vif_port_name(source));
	}
	/* It may have less than that, if the kernel knows no such mixture. */
	link->plan.direction[direction].gso_lost |=
		plan->gso & ~vif_port_caps(source)->rx_gso;
	link->plan.direction[direction].gso = vif_port_caps(source)->rx_gso;
	return 0;
}

static int check_workers(struct vif_link *link, struct vif_error *error)
{
	uint32_t n = link->config.n_worker;
	uint32_t lanes = link->plan.n_lane;

	link->n_thread = n > 0 ? n : lanes;
	if (link->n_thread <= 2 * lanes)
		return 0;
	error_set(error, -EINVAL, "cannot use %u workers", n);
	error_why(
		error, -EINVAL,
		"%u pair%s of queues can keep %u busy, one for each direction",
		lanes, lanes == 1 ? "" : "s", 2 * lanes);
	return error_hint(error, -EINVAL,
			  "open both ports with more queues, or ask for fewer "
			  "workers");
}

static int make_plan(struct vif_link *link, struct vif_error *error)
{
	struct plan_port port[2] = { plan_port(link->port[0]),
				     plan_port(link->port[1]) };
	const struct plan_choices choices = { link->config.glue,
					      link->config.cut };
	int r = plan_make(&port[0], &port[1], &choices, &link->plan, error);

	if (r == 0)
		r = check_workers(link, error);
	if (r == 0)
		r = ask_source(link, VIF_A_TO_B, error);
	if (r == 0)
		r = ask_source(link, VIF_B_TO_A, error);
	for (uint32_t d = 0; r == 0 && d < VIF_DIRECTION_N; d++) {
		const struct plan_direction *way = &link->plan.direction[d];
		struct vif_link_plan *public = &link->plan_public[d];

		public->gso = way->gso;
		public->cut = way->cut;
		public->glue = way->glue;
		public->csum = way->csum;
		public->finish = way->finish;
		public->varies =
			way->cut_ready || way->finish_ready || way->glue_ready;
		public->n_lane = link->plan.n_lane;
		plan_text(&link->plan, d, port, link->n_thread, public->text,
			  sizeof(public->text));
	}
	return r;
}

/* Queues q of a port with q % n_lane == lane. */
static uint32_t queues_of_lane(const struct vif_port *port, uint32_t lane,
			       uint32_t n_lane)
{
	return (vif_port_caps(port)->n_queue - lane + n_lane - 1) / n_lane;
}

static int init_wire(struct vif_link *link, enum vif_direction direction,
		     uint32_t queue, struct wire *wire)
{
	const struct plan_direction *plan = &link->plan.direction[direction];
	uint32_t n_lane = link->plan.n_lane;
	struct stages_config stages = {
		.cut = plan->cut,
		.glue = plan->glue,
		.finish = plan->finish,
		.cut_ready = plan->cut_ready,
		.finish_ready = plan->finish_ready,
		.glue_ready = plan->glue_ready,
		.gather = plan->gather,
	};

	wire->source = link->port[direction];
	wire->destination = link->port[1 - direction];
	wire->direction = direction;
	wire->full = link->config.full;
	wire->medium = plan_medium(vif_port_caps(wire->source),
				   vif_port_caps(wire->destination));
	stages.medium = wire->medium;
	stages.seg_max = vif_port_caps(wire->destination)->seg_max;
	wire->rx_queue = queue;
	wire->tx_queue = queue % n_lane;
	wire->tx_stride = n_lane;
	wire->n_tx_queue =
		queues_of_lane(wire->destination, queue % n_lane, n_lane);
	return wire_init(wire, &stages);
}

static int make_wires(struct vif_link *link)
{
	uint32_t n_queue[2] = { vif_port_caps(link->port[0])->n_queue,
				vif_port_caps(link->port[1])->n_queue };
	int r = 0;

	link->n_wire = n_queue[0] + n_queue[1];
	link->wire = calloc(link->n_wire, sizeof(*link->wire));
	link->wire_order = calloc(link->n_wire, sizeof(struct wire *));
	link->poll = calloc(link->n_wire + WORKER_FIXED * link->n_thread,
			    sizeof(*link->poll));
	link->thread = calloc(link->n_thread, sizeof(*link->thread));
	if (!link->wire || !link->wire_order || !link->poll || !link->thread)
		return -ENOMEM;
	for (uint32_t i = 0; r == 0 && i < link->n_wire; i++)
		r = i < n_queue[0] ?
			    init_wire(link, VIF_A_TO_B, i, &link->wire[i]) :
			    init_wire(link, VIF_B_TO_A, i - n_queue[0],
				      &link->wire[i]);
	return r;
}

static void deal_wires(struct vif_link *link)
{
	struct wire **order = link->wire_order;
	struct pollfd *poll = link->poll;

	assert(link->n_thread > 0 && link->n_wire > 0);
	for (uint32_t w = 0; w < link->n_thread; w++) {
		struct link_thread *thread = &link->thread[w];

		thread->link = link;
		thread->worker.orders = &link->orders;
		thread->worker.spin_ns = (uint64_t)link->config.spin_us * 1000;
		thread->worker.wire = order;
		thread->worker.poll = poll;
		for (uint32_t i = 0; i < link->n_wire; i++) {
			struct wire *wire = &link->wire[i];

			if (plan_worker(&link->plan, wire->direction,
					wire->tx_queue, link->n_thread) == w)
				*order++ = wire;
		}
		thread->worker.n_wire = (uint32_t)(order - thread->worker.wire);
		poll += thread->worker.n_wire + WORKER_FIXED;
	}
	/* One worker serves the control side of both ports. */
	link->thread[0].worker.control[0] = link->port[0];
	link->thread[0].worker.control[1] = link->port[1];
}

static int copy_cpus(struct vif_link *link)
{
	size_t size = link->config.n_cpu * sizeof(*link->cpu);

	if (size == 0)
		return 0;
	link->cpu = malloc(size);
	if (!link->cpu)
		return -ENOMEM;
	memcpy(link->cpu, link->config.cpu, size);
	link->config.cpu = link->cpu;
	return 0;
}

static int open_events(struct vif_link *link)
{
	int *fds[] = { &link->end_fd, &link->orders.stop_fd,
		       &link->orders.abort_fd };

	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		*fds[i] = -1;
	for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
		*fds[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (*fds[i] < 0)
			return -errno;
	}
	return 0;
}

int vif_link_new(struct vif_port *a, struct vif_port *b,
		 const struct vif_link_config *config,
		 struct vif_link **ret_link, struct vif_error *error)
{
	struct vif_link *link = calloc(1, sizeof(*link));
	int r;

	if (!link)
		return error_set(error, -ENOMEM, "cannot make the link");
	link->port[0] = a;
	link->port[1] = b;
	r = open_events(link);
	if (r < 0)
		error_set(error, r, "cannot make an eventfd");
	if (r == 0)
		r = config_take(config, sizeof(link->config), &link->config,
				error);
	if (r == 0)
		r = check_config(&link->config, error);
	if (r == 0)
		r = make_plan(link, error);
	if (r == 0) {
		r = copy_cpus(link);
		if (r == 0)
			r = make_wires(link);
		if (r < 0)
			error_set(error, r, "cannot make the link");
	}
	if (r < 0) {
		vif_link_free(link);
		return r;
	}
	deal_wires(link);
	*ret_link = link;
	return 0;
}

void vif_link_free(struct vif_link *link)
{
	int fds[3];

	if (!link)
		return;
	(void)vif_link_stop(link, 0); /* its error was there to be asked for */
	for (uint32_t i = 0; link->wire && i < link->n_wire; i++)
		wire_fini(&link->wire[i]);
	fds[0] = link->end_fd;
	fds[1] = link->orders.stop_fd;
	fds[2] = link->orders.abort_fd;
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		if (fds[i] >= 0)
			(void)close(fds[i]); /* eventfds */
	free(link->wire);
	free(link->wire_order);
	free(link->poll);
	free(link->thread);
	free(link->cpu);
	free(link);
}

const struct vif_link_plan *vif_link_plan(const struct vif_link *link,
					  enum vif_direction direction)
{
	assert(direction < VIF_DIRECTION_N);
	return &link->plan_public[direction];
}

unsigned int vif_link_workers(const struct vif_link *link)
{
	return link->n_thread;
}

static void signal_fd(int fd)
{
	int saved = errno; /* vif_link_abort() may be in a signal handler */

	/* A full eventfd is readable, too; EAGAIN is fine. */
	(void)eventfd_write(fd, 1);
	errno = saved;
}

static void order(struct vif_link *link, enum worker_phase phase)
{
	int now = atomic_load(&link->orders.phase);

	while (now < (int)phase &&
	       !atomic_compare_exchange_weak(&link->orders.phase, &now,
					     (int)phase))
		;
	if (link->orders.stop_fd >= 0)
		signal_fd(link->orders.stop_fd);
	if (phase == WORKER_ABORT && link->orders.abort_fd >= 0)
		signal_fd(link->orders.abort_fd);
}

/* The first failure counts; the rest follow from it. */
static void fail(struct vif_link *link, struct vif_port *port, int code)
{
	if (atomic_flag_test_and_set(&link->has_failed))
		return;
	atomic_store(&link->failed, port);
	atomic_store(&link->error, code);
	signal_fd(link->end_fd);
	/* Last, so that whoever ends by it finds the reason. */
	order(link, WORKER_ABORT);
}

/* The last worker counts for all. One that begins after it has done nothing. */
static void leave(struct vif_link *link)
{
	if (atomic_fetch_sub(&link->orders.n_busy, 1) > 1 ||
	    atomic_flag_test_and_set(&link->is_written_off))
		return;
	for (uint32_t i = 0; i < link->n_wire; i++)
		wire_write_off(&link->wire[i]);
}

int vif_link_run(struct vif_link *link, unsigned int worker)
{
	struct vif_port *port = NULL;
	int r;

	if (worker >= link->n_thread)
		return -EINVAL;
	atomic_fetch_add(&link->orders.n_busy, 1);
	r = worker_run(&link->thread[worker].worker, &port);
	if (r < 0)
		fail(link, port, r);
	leave(link);
	return atomic_load(&link->error);
}

static void *thread_main(void *argument)
{
	struct link_thread *thread = argument;
	struct vif_link *link = thread->link;

	(void)vif_link_run(link, (unsigned int)(thread - link->thread));
	return NULL;
}

static int pin(const struct vif_link *link, uint32_t i)
{
	const struct vif_link_config *config = &link->config;
	cpu_set_t cpus;
	int r;

	if (config->n_cpu == 0)
		return 0;
	CPU_ZERO(&cpus);
	if (config->cpu[i % config->n_cpu] < CPU_SETSIZE)
		CPU_SET(config->cpu[i % config->n_cpu], &cpus);
	/* An empty set is refused, too. */
	r = pthread_setaffinity_np(link->thread[i].id, sizeof(cpus), &cpus);
	return r == ESRCH ? 0 : -r; /* it has ended already, and says why */
}

static int make_thread(struct vif_link *link, uint32_t i)
{
	struct link_thread *thread = &link->thread[i];
	int r = -pthread_create(&thread->id, NULL, thread_main, thread);

	thread->running = r == 0;
	return r < 0 ? r : pin(link, i);
}

static int make_threads(struct vif_link *link, struct vif_error *error)
{
	char name[16];
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < link->n_thread; i++) {
		r = make_thread(link, i);
		if (r < 0)
			break;
		(void)snprintf(name, sizeof(name), "vif-%u", i);
		(void)pthread_setname_np(link->thread[i].id, name);
	}
	if (r == -EINVAL && link->config.n_cpu > 0) {
		error_set(error, r, "cannot start a worker");
		error_why(error, r, "it may not run on the CPU it was given");
		return error_hint(error, r,
				  "'nproc' and taskset show which "
				  "CPUs there are");
	}
	return r < 0 ? error_set(error, r, "cannot start a worker") : 0;
}

static int start_ports(struct vif_link *link, struct vif_error *error)
{
	int r = vif_port_start(link->port[0], error);

	if (r < 0)
		return r;
	r = vif_port_start(link->port[1], error);
	if (r < 0)
		vif_port_stop(link->port[0]);
	return r;
}

int vif_link_start(struct vif_link *link, struct vif_error *error)
{
	sigset_t all, old;
	int r;

	if (link->started || atomic_load(&link->orders.phase) != WORKER_RUN) {
		error_set(error, -EALREADY, "cannot start the link");
		return error_why(error, -EALREADY,
				 "it was started or stopped before");
	}
	r = start_ports(link, error);
	if (r < 0)
		return r;
	link->started = true;
	/* Signals belong to the program, not to our threads. */
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	r = make_threads(link, error);
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (r < 0)
		(void)vif_link_stop(link, 0); /* r says more */
	return r;
}

int vif_link_stop(struct vif_link *link, unsigned int drain_ms)
{
	if (drain_ms > VIF_LINK_DRAIN_MS_MAX)
		drain_ms = VIF_LINK_DRAIN_MS_MAX;
	atomic_store(&link->orders.drain_end_ns,
		     worker_now_ns() + (uint64_t)drain_ms * 1000000);
	order(link, drain_ms > 0 ? WORKER_DRAIN : WORKER_ABORT);
	for (uint32_t i = 0; link->thread && i < link->n_thread; i++) {
		if (!link->thread[i].running)
			continue;
		(void)pthread_join(link->thread[i].id, NULL); /* running */
		link->thread[i].running = false;
	}
	return atomic_load(&link->error);
}

void vif_link_abort(struct vif_link *link)
{
	order(link, WORKER_ABORT);
}

int vif_link_wait_fd(const struct vif_link *link)
{
	return link->end_fd;
}

int vif_link_error(const struct vif_link *link, struct vif_error *error)
{
	struct vif_port *port;
	int r = atomic_load(&link->error);

	if (r == 0)
		return 0;
	port = atomic_load(&link->failed);
	error_set(error, r, "the link has ended");
	if (r == -ENODEV) {
		error_set(error, r, "the port is gone");
		error_why(error, r,
			  "its device or peer was removed while the "
			  "link was running");
	}
	return error_where(error, r, vif_port_name(port));
}

static void add_stages(struct vif_link_flow *flow,
		       const struct stages_counters *counters)
{
	flow->cut_superpackets += counter_read(&counters->cut_superpackets);
	flow->cut_segments += counter_read(&counters->cut_segments);
	flow->glued_packets += counter_read(&counters->glued_packets);
	flow->glued_superpackets += counter_read(&counters->glued_superpackets);
	flow->finished += counter_read(&counters->finished);
	flow->drops[VIF_DROP_HEADER] += counter_read(&counters->malformed);
}

static void add_wire(struct vif_link_flow *flow, const struct wire *wire)
{
	flow->bursts += counter_read(&wire->bursts);
	flow->waits += counter_read(&wire->waits);
	for (int i = 0; i < VIF_DROP_N; i++)
		flow->drops[i] += counter_read(&wire->drops[i]);
	if (wire->stages)
		add_stages(flow, stages_counters(wire->stages));
}

void vif_link_stats(const struct vif_link *link,
		    struct vif_link_stats *ret_stats)
{
	struct vif_link_stats stats = { .sleeps = 0 };
	struct vif_port_stats port[2];

	vif_port_stats(link->port[0], &port[0]);
	vif_port_stats(link->port[1], &port[1]);
	for (int d = 0; d < VIF_DIRECTION_N; d++) {
		struct vif_link_flow *flow = &stats.flow[d];
		const struct vif_port_stats *in = &port[d];
		const struct vif_port_stats *out = &port[1 - d];

		flow->rx_packets = in->rx_packets;
		flow->rx_bytes = in->rx_bytes;
		flow->rx_superpackets = in->rx_superpackets;
		flow->tx_packets = out->tx_packets;
		flow->tx_bytes = out->tx_bytes;
		flow->tx_superpackets = out->tx_superpackets;
		flow->refused_superpackets = out->tx_refused_superpackets;
		for (int i = 0; i < VIF_DROP_N; i++)
			flow->drops[i] = in->rx_drops[i] + out->tx_drops[i];
	}
	for (uint32_t i = 0; i < link->n_wire; i++)
		add_wire(&stats.flow[link->wire[i].direction], &link->wire[i]);
	for (uint32_t i = 0; i < link->n_thread; i++)
		stats.sleeps += counter_read(&link->thread[i].worker.sleeps);
	*ret_stats = stats;
}
