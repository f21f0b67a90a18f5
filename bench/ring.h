/* SPDX-License-Identifier: Apache-2.0 */
/*
 * As much of io_uring as the loops need, by bare system calls: three calls and
 * two maps are less than a dependency. One thread.
 */
#ifndef BENCH_RING_H
#define BENCH_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/io_uring.h>

enum ring_limits {
	RING_ENTRIES = 1024, /* more than any loop submits at once */
};

struct ring {
	int fd;
	struct io_uring_sqe *sqe;
	uint32_t *sq_tail;
	const uint32_t *sq_flags;
	uint32_t tail;     /* what *sq_tail will be */
	uint32_t n_queued; /* not yet submitted */
	const struct io_uring_cqe *cqe;
	uint32_t *cq_head;
	const uint32_t *cq_tail;
	uint32_t cq_mask;
};

void ring_open(struct ring *ring, uint32_t flags);

/* io_uring_register(); what fails ends the program. */
void ring_register(const struct ring *ring, unsigned int what, void *argument,
		   unsigned int n);

/* The next request to fill in. It is all zero. */
struct io_uring_sqe *ring_queue(struct ring *ring);

/* Submits all requests, and waits for that many completions. */
void ring_enter(struct ring *ring, uint32_t n_wait);

/* Takes the next completion. Returns whether there was one. */
bool ring_next(struct ring *ring, struct io_uring_cqe *ret_cqe);

/* Whether ring_enter() would find something to do or to tell. */
bool ring_is_pending(const struct ring *ring);

#endif
