/* SPDX-License-Identifier: Apache-2.0 */
/* Setting up an io_uring, and moving entries in and out of it. */
#include "ring.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "device.h"

static void *map(int fd, size_t size, uint64_t offset)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_POPULATE, fd, (off_t)offset);

	if (at == MAP_FAILED)
		die("mmap of a ring");
	return at;
}

void ring_open(struct ring *ring, uint32_t flags)
{
	struct io_uring_params params = { .flags = flags };
	uint32_t *array;
	char *sq, *cq;

	ring->fd = (int)syscall(SYS_io_uring_setup, RING_ENTRIES, &params);
	if (ring->fd < 0)
		die("io_uring_setup");
	sq = map(ring->fd,
		 params.sq_off.array + params.sq_entries * sizeof(uint32_t),
		 IORING_OFF_SQ_RING);
	cq = map(ring->fd,
		 params.cq_off.cqes +
			 params.cq_entries * sizeof(struct io_uring_cqe),
		 IORING_OFF_CQ_RING);
	ring->sqe =
		map(ring->fd, params.sq_entries * sizeof(struct io_uring_sqe),
		    IORING_OFF_SQES);
	ring->sq_tail = (uint32_t *)(sq + params.sq_off.tail);
	ring->sq_flags = (uint32_t *)(sq + params.sq_off.flags);
	ring->cqe = (struct io_uring_cqe *)(cq + params.cq_off.cqes);
	ring->cq_head = (uint32_t *)(cq + params.cq_off.head);
	ring->cq_tail = (uint32_t *)(cq + params.cq_off.tail);
	ring->cq_mask = params.cq_entries - 1;
	/* Entries are used in turn: the detour over the array never changes. */
	array = (uint32_t *)(sq + params.sq_off.array);
	for (uint32_t i = 0; i < params.sq_entries; i++)
		array[i] = i;
}

void ring_register(const struct ring *ring, unsigned int what, void *argument,
		   unsigned int n)
{
	if (syscall(SYS_io_uring_register, ring->fd, what, argument, n) < 0)
		die("io_uring_register");
}

struct io_uring_sqe *ring_queue(struct ring *ring)
{
	struct io_uring_sqe *sqe =
		&ring->sqe[ring->tail++ & (RING_ENTRIES - 1)];

	ring->n_queued++;
	(void)memset(sqe, 0, sizeof(*sqe));
	return sqe;
}

void ring_enter(struct ring *ring, uint32_t n_wait)
{
	/* Pairs with the kernel's acquire: the entries are filled in. */
	__atomic_store_n(ring->sq_tail, ring->tail, __ATOMIC_RELEASE);
	do {
		long n = syscall(SYS_io_uring_enter, ring->fd, ring->n_queued,
				 n_wait, IORING_ENTER_GETEVENTS, NULL, 0);

		if (n >= 0)
			ring->n_queued -= (uint32_t)n;
		else if (errno != EINTR)
			die("io_uring_enter");
	} while (ring->n_queued > 0);
}

bool ring_next(struct ring *ring, struct io_uring_cqe *ret_cqe)
{
	uint32_t head = *ring->cq_head;

	/* Pairs with the kernel's release: the completion is written. */
	if (head == __atomic_load_n(ring->cq_tail, __ATOMIC_ACQUIRE))
		return false;
	*ret_cqe = ring->cqe[head & ring->cq_mask];
	/* Pairs with the kernel's acquire: the completion has been read. */
	__atomic_store_n(ring->cq_head, head + 1, __ATOMIC_RELEASE);
	return true;
}

bool ring_is_pending(const struct ring *ring)
{
	return ring->n_queued > 0 ||
	       *ring->cq_head !=
		       __atomic_load_n(ring->cq_tail, __ATOMIC_ACQUIRE) ||
	       (__atomic_load_n(ring->sq_flags, __ATOMIC_RELAXED) &
		(IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW));
}
