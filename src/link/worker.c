/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loop of a link.
 *
 * It sleeps in ppoll(2) and not in epoll: a wire waits on its source or, when
 * a batch is pending, on its destination, and the same descriptor is both for
 * two wires at once. With a handful of descriptors, building that list anew is
 * cheaper than telling the kernel about each change, and it cannot go stale.
 */
#include "link/worker.h"

#include <assert.h>
#include <errno.h>
#include <sched.h>
#include <time.h>

enum worker_limits {
	/* Bounds the drain of a source that never runs dry. */
	WORKER_DRAIN_PACKETS = 4096,
	/* Between two looks whether a peer has taken what it was sent. */
	WORKER_LOOK_NS = 1000000,
	/* Rounds of a busy worker between two looks at the control side... */
	WORKER_ROUNDS = 1024,
	/* ... and while a port has a timer running. */
	WORKER_TIMER_ROUNDS = 16,
};

enum {
	RESTLESS = 1,
};

uint64_t worker_now_ns(void)
{
	struct timespec now;
	int r = clock_gettime(CLOCK_MONOTONIC, &now);

	assert(r == 0); /* every kernel has this clock */
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static int phase_of(const struct worker *worker)
{
	return atomic_load_explicit(&worker->orders->phase,
				    memory_order_acquire);
}

/* Pumps each wire once. Returns how many moved, or a negative errno. */
static int pump_all(struct worker *worker, struct vif_port **ret_port)
{
	int moved = 0;

	for (uint32_t i = 0; i < worker->n_wire; i++) {
		int r = wire_pump(worker->wire[i], ret_port);

		if (r < 0)
			return r;
		moved += r == WIRE_MOVED;
	}
	return moved;
}

static int serve(struct worker *worker, uint32_t i, uint64_t now_ns,
		 struct vif_port **ret_port)
{
	*ret_port = worker->control[i];
	return vif_port_service(worker->control[i], now_ns,
				&worker->deadline_ns[i]);
}

/* Serves the ports whose descriptor is ready or whose time has come. */
static int serve_ready(struct worker *worker, const struct pollfd *ready,
		       struct vif_port **ret_port)
{
	uint64_t now_ns = 0;
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < 2; i++) {
		bool due = ready[i].revents != 0;

		if (!worker->control[i])
			continue;
		if (!due && worker->deadline_ns[i] == UINT64_MAX)
			continue;
		if (now_ns == 0)
			now_ns = worker_now_ns();
		if (due || worker->deadline_ns[i] <= now_ns)
			r = serve(worker, i, now_ns, ret_port);
	}
	return r;
}

static void sleep_until(struct worker *worker, uint32_t n_fd,
			uint64_t deadline_ns)
{
	struct timespec left = { 0 };
	uint64_t now_ns;

	if (deadline_ns != UINT64_MAX) {
		now_ns = worker_now_ns();
		if (deadline_ns > now_ns) {
			left.tv_sec =
				(time_t)((deadline_ns - now_ns) / 1000000000u);
			left.tv_nsec =
				(long)((deadline_ns - now_ns) % 1000000000u);
		}
	}
	counter_add(&worker->sleeps, 1);
	/* Only EINTR can happen, and then the loop looks around anyway. */
	if (ppoll(worker->poll, n_fd, deadline_ns == UINT64_MAX ? NULL : &left,
		  NULL) < 0)
		for (uint32_t i = 0; i < n_fd; i++)
			worker->poll[i].revents = 0;
}

/*
 * The first entries: the order to end, which an abort raises, too, and the
 * control side of both ports.
 */
static uint64_t fill_fixed(struct worker *worker)
{
	uint64_t deadline_ns = UINT64_MAX;
	struct pollfd *fd = worker->poll;

	fd[0] = (struct pollfd){ worker->orders->stop_fd, POLLIN, 0 };
	for (uint32_t i = 0; i < 2; i++) {
		struct vif_port *port = worker->control[i];

		fd[1 + i] = (struct pollfd){ .fd = -1 };
		if (!port)
			continue;
		fd[1 + i].fd = vif_port_wait_fd(port, 0, VIF_WAIT_CONTROL,
						&fd[1 + i].events);
		if (worker->deadline_ns[i] < deadline_ns)
			deadline_ns = worker->deadline_ns[i];
	}
	return deadline_ns;
}

/*
 * A wire has something to do, or its source would rather be looked at again: as
 * long as that is worth it.
 */
static int look_again(struct worker *worker)
{
	struct patience *patience = &worker->patience;
	uint64_t now_ns;

	if (patience->is_over)
		return RESTLESS;
	now_ns = worker_now_ns();
	if (patience_looks_again(patience, now_ns)) {
		if (!patience_wants_offer(patience, now_ns))
			return RESTLESS;
		(void)sched_yield();
		patience_offered(patience, now_ns, worker_now_ns());
		if (!patience->is_over)
			return RESTLESS;
	}
	for (uint32_t i = 0; i < worker->n_wire; i++)
		wire_settle(worker->wire[i]);
	return RESTLESS;
}

/* Packets have come, or a sleep has ended. */
static void end_idle_time(struct worker *worker, bool has_slept)
{
	if (worker->patience.is_idle)
		patience_ends(&worker->patience, worker_now_ns(), has_slept);
}

/*
 * Sleeps until a wire or a port wants something. Returns 0, RESTLESS when a
 * wire had something to do already, or a negative errno.
 */
static int rest(struct worker *worker, struct vif_port **ret_port)
{
	uint64_t deadline_ns = fill_fixed(worker);
	uint32_t n_fd = WORKER_FIXED;

	for (uint32_t i = 0; i < worker->n_wire; i++) {
		struct pollfd *fd = &worker->poll[n_fd];

		*fd = (struct pollfd){ .fd = -1 };
		fd->fd = wire_wait_fd(worker->wire[i], &fd->events);
		if (fd->fd == -EAGAIN)
			return look_again(worker);
		n_fd += fd->fd >= 0;
	}
	sleep_until(worker, n_fd, deadline_ns);
	end_idle_time(worker, true);
	for (uint32_t i = 0; i < worker->n_wire; i++)
		worker->wire[i]->woken = true;
	return serve_ready(worker, &worker->poll[1], ret_port);
}

/* Looks at the control side of the ports without sleeping. */
static int glance(struct worker *worker, struct vif_port **ret_port)
{
	(void)fill_fixed(worker);
	if (poll(&worker->poll[1], 2, 0) < 0)
		return 0; /* a signal; there is a next time */
	return serve_ready(worker, &worker->poll[1], ret_port);
}

/* Whether it is time for a busy worker to look at the control side. */
static bool is_glance_due(const struct worker *worker, uint32_t round)
{
	bool timer = worker->deadline_ns[0] != UINT64_MAX ||
		     worker->deadline_ns[1] != UINT64_MAX;

	return round % (timer ? WORKER_TIMER_ROUNDS : WORKER_ROUNDS) == 0;
}

/* Whether to poll on instead of sleeping, spin_ns from the last packet on. */
static bool keep_spinning(const struct worker *worker, uint64_t *idle_since_ns)
{
	uint64_t now_ns;

	if (worker->spin_ns == 0)
		return false;
	now_ns = worker_now_ns();
	if (*idle_since_ns == 0)
		*idle_since_ns = now_ns;
	return now_ns - *idle_since_ns < worker->spin_ns;
}

static int run(struct worker *worker, struct vif_port **ret_port)
{
	uint64_t idle_since_ns = 0;
	uint32_t round = 0;

	patience_init(&worker->patience);
	while (phase_of(worker) == WORKER_RUN) {
		int r = pump_all(worker, ret_port);

		if (r > 0) {
			idle_since_ns = 0;
			end_idle_time(worker, false);
		}
		if (r == 0)
			r = keep_spinning(worker, &idle_since_ns) ?
				    RESTLESS :
				    rest(worker, ret_port);
		/* A queue that polls never lets us sleep. */
		if (r > 0 && is_glance_due(worker, ++round))
			r = glance(worker, ret_port);
		if (r < 0)
			return r;
	}
	return 0;
}

/* A wire that has had its share receives no more. */
static bool has_had_enough(const struct wire *wire)
{
	return wire->drain_left == 0 && wire->batch->n == 0;
}

/* A wire with nothing left to move ends once the peer has taken all. */
static void look_at_peer(struct wire *wire)
{
	wire->awaits_peer = wire_left(wire) > 0;
	wire->drained = !wire->awaits_peer;
}

/* Pumps a wire while draining. Returns whether anything moved. */
static int drain_wire(struct wire *wire, struct vif_port **ret_port)
{
	int r;

	wire->awaits_peer = false;
	if (has_had_enough(wire)) {
		look_at_peer(wire);
		return 0;
	}
	r = wire_pump(wire, ret_port);
	if (r < 0)
		return r;
	if (r == WIRE_IDLE && wire_held(wire) == 0)
		look_at_peer(wire);
	if (r != WIRE_MOVED)
		return 0;
	wire->drain_left -=
		wire->drain_left > WIRE_BATCH ? WIRE_BATCH : wire->drain_left;
	return 1;
}

/*
 * No event tells that a peer has taken something. It may have done so since it
 * was looked at, so what was seen then counts, or nobody would look again.
 */
static bool awaits_peer(const struct worker *worker)
{
	for (uint32_t i = 0; i < worker->n_wire; i++)
		if (worker->wire[i]->awaits_peer)
			return true;
	return false;
}

/*
 * Waits for room, for packets that are held back, for a peer to take what it
 * was sent, or for the end of it.
 */
static int rest_draining(struct worker *worker, uint64_t end_ns,
			 struct vif_port **ret_port)
{
	uint64_t deadline_ns = fill_fixed(worker);
	uint32_t n_fd = WORKER_FIXED;

	if (awaits_peer(worker)) {
		uint64_t look_ns = worker_now_ns() + WORKER_LOOK_NS;

		end_ns = look_ns < end_ns ? look_ns : end_ns;
	}

	/* The order to stop has been heard; now only an abort is news. */
	worker->poll[0].fd = worker->orders->abort_fd;
	for (uint32_t i = 0; i < worker->n_wire; i++) {
		struct pollfd *fd = &worker->poll[n_fd];

		if (worker->wire[i]->drained || has_had_enough(worker->wire[i]))
			continue;
		*fd = (struct pollfd){ .fd = -1 };
		fd->fd = wire_wait_fd(worker->wire[i], &fd->events);
		if (fd->fd == -EAGAIN)
			return glance(worker, ret_port);
		n_fd += fd->fd >= 0;
	}
	sleep_until(worker, n_fd, deadline_ns < end_ns ? deadline_ns : end_ns);
	return serve_ready(worker, &worker->poll[1], ret_port);
}

static int drain_round(struct worker *worker, uint32_t *ret_left,
		       struct vif_port **ret_port)
{
	int moved = 0;

	*ret_left = 0;
	for (uint32_t i = 0; i < worker->n_wire; i++) {
		struct wire *wire = worker->wire[i];
		int r = wire->drained ? 0 : drain_wire(wire, ret_port);

		if (r < 0)
			return r;
		moved += r;
		*ret_left += !wire->drained;
	}
	return moved;
}

static int drain(struct worker *worker, struct vif_port **ret_port)
{
	uint64_t end_ns = atomic_load(&worker->orders->drain_end_ns);
	uint32_t left = worker->n_wire;
	int r;

	for (uint32_t i = 0; i < worker->n_wire; i++) {
		worker->wire[i]->drained = false;
		worker->wire[i]->drain_left = WORKER_DRAIN_PACKETS;
	}
	while (left > 0 && phase_of(worker) == WORKER_DRAIN &&
	       worker_now_ns() < end_ns) {
		r = drain_round(worker, &left, ret_port);
		if (r == 0 && left > 0)
			r = rest_draining(worker, end_ns, ret_port);
		if (r < 0)
			return r;
	}
	return 0;
}

/*
 * A peer may have gone while another worker was using its rings: then the port
 * has kept them, and counts what is in them when it is served without that one.
 * No event tells that a worker is over.
 */
static void see_others_off(struct worker *worker, struct vif_port **ret_port)
{
	bool is_last = !worker->control[0] && !worker->control[1];
	int r = 0;

	while (r == 0 && !is_last) {
		is_last = atomic_load(&worker->orders->n_busy) <= 1;
		(void)fill_fixed(worker);
		worker->poll[0].fd = -1; /* it was heard */
		sleep_until(worker, WORKER_FIXED,
			    is_last ? 0 : worker_now_ns() + WORKER_LOOK_NS);
		r = serve_ready(worker, &worker->poll[1], ret_port);
	}
}

int worker_run(struct worker *worker, struct vif_port **ret_port)
{
	int r = 0;

	/* Timers start now; a port without any says so. */
	for (uint32_t i = 0; r == 0 && i < 2; i++) {
		worker->deadline_ns[i] = UINT64_MAX;
		if (worker->control[i])
			r = serve(worker, i, worker_now_ns(), ret_port);
	}
	if (r == 0)
		r = run(worker, ret_port);
	if (r == 0)
		r = drain(worker, ret_port);
	for (uint32_t i = 0; i < worker->n_wire; i++)
		wire_abandon(worker->wire[i]);
	/* A failure has to be told first, or the others go on. */
	if (r == 0)
		see_others_off(worker, ret_port);
	return r;
}
