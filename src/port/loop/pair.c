/* SPDX-License-Identifier: Apache-2.0 */
/* The memory that the two ends of a loop share. */
#include "port/loop/pair.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/bits.h"

static int ring_init(struct pair_ring *ring, uint32_t n_slot, size_t slot_size)
{
	/* Pages of a mapping cost nothing before they are touched. */
	void *bytes = mmap(NULL, n_slot * slot_size, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	ring->index.size = n_slot;
	ring->bytes = bytes == MAP_FAILED ? NULL : bytes;
	ring->packet = calloc(n_slot, sizeof(*ring->packet));
	ring->seg = calloc(n_slot, sizeof(*ring->seg));
	for (int i = 0; i < 2; i++)
		ring->wake_fd[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (!ring->bytes || !ring->packet || !ring->seg)
		return -ENOMEM;
	return ring->wake_fd[0] < 0 || ring->wake_fd[1] < 0 ? -EMFILE : 0;
}

static void ring_fini(struct pair_ring *ring, size_t slot_size)
{
	if (ring->bytes)
		(void)munmap(ring->bytes, ring->index.size * slot_size);
	free(ring->packet);
	free(ring->seg);
	for (int i = 0; i < 2; i++)
		if (ring->wake_fd[i] >= 0)
			(void)close(ring->wake_fd[i]);
}

int pair_new(uint32_t n_queue, uint32_t n_slot, size_t slot_size,
	     struct pair **ret_pair)
{
	size_t size = sizeof(struct pair) +
		      2 * (size_t)n_queue * sizeof(struct pair_ring);
	struct pair *pair =
		aligned_alloc(_Alignof(struct pair_ring), align_up(size, 64));
	uint32_t n_pow2 = 1;
	int r = 0;

	if (!pair)
		return -ENOMEM;
	while (n_pow2 < n_slot)
		n_pow2 *= 2;
	memset(pair, 0, size);
	pair->n_end = 1;
	pair->n_queue = n_queue;
	pair->slot_size = align_up(slot_size, 64);
	while (r == 0 && pair->n_ring < 2 * n_queue)
		r = ring_init(&pair->ring[pair->n_ring++], n_pow2,
			      pair->slot_size);
	if (r < 0) {
		pair_unref(pair);
		return r;
	}
	*ret_pair = pair;
	return 0;
}

bool pair_join(struct pair *pair)
{
	if (atomic_exchange(&pair->joined, true))
		return false;
	atomic_fetch_add(&pair->n_end, 1);
	return true;
}

void pair_unref(struct pair *pair)
{
	if (!pair)
		return;
	/* In this order: once n_end is down the other end may free it all. */
	atomic_store(&pair->left, true);
	for (uint32_t i = 0; i < pair->n_ring; i++)
		for (int what = 0; what < 2; what++)
			(void)eventfd_write(pair->ring[i].wake_fd[what], 1);
	if (atomic_fetch_sub(&pair->n_end, 1) > 1)
		return;
	for (uint32_t i = 0; i < pair->n_ring; i++)
		ring_fini(&pair->ring[i], pair->slot_size);
	free(pair);
}
