/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A worker: the loop that pumps wires, and sleeps when there is nothing to do.
 */
#ifndef LINK_WORKER_H
#define LINK_WORKER_H

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/counter.h"
#include "link/patience.h"
#include "link/wire.h"

/* What the controlling thread tells all workers. */
struct worker_orders {
	_Atomic int phase;             /* enum worker_phase, only ever raised */
	_Atomic uint64_t drain_end_ns; /* set before phase is DRAIN */
	int stop_fd;                   /* eventfd, readable from DRAIN on */
	int abort_fd;                  /* eventfd, readable from ABORT on */
	_Atomic uint32_t n_busy;       /* workers there are, but not yet over */
};

enum worker_sizes {
	WORKER_FIXED = 3, /* descriptors to sleep on besides those of wires */
};

enum worker_phase {
	WORKER_RUN,
	WORKER_DRAIN, /* deliver what is there, then end */
	WORKER_ABORT, /* end now */
};

struct worker {
	/* immutable while it runs */
	struct worker_orders *orders;
	struct wire **wire;
	uint32_t n_wire;
	uint64_t spin_ns;
	struct vif_port *control[2]; /* ports to serve, or NULL */
	/* this thread only */
	struct pollfd *poll; /* n_wire + WORKER_FIXED */
	uint64_t deadline_ns[2];
	struct patience patience;
	/* counters */
	struct counter sleeps;
};

/*
 * worker_run() - move packets until told to stop
 *
 * Returns 0 when stopped, or a negative errno with the port that failed. Wires
 * are empty afterwards. The worker that serves the ports stays until it is the
 * only one that is busy: others may leave behind what only the ports can count.
 */
int worker_run(struct worker *worker, struct vif_port **ret_port);

/* CLOCK_MONOTONIC in nanoseconds: the library's only clock. */
uint64_t worker_now_ns(void);

#endif
