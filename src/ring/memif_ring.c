/* SPDX-License-Identifier: Apache-2.0 */
/* Laying a memif ring over memory. */
#include "ring/memif_ring.h"

#include <errno.h>

uint8_t memif_ring_line(void)
{
#if defined(__aarch64__)
	return 128; /* what libmemif and generic builds of DPDK and VPP use */
#else
	return 64;
#endif
}

uint8_t memif_ring_guess_line(uint64_t stride, uint8_t log2_size)
{
	static const uint8_t lines[] = { 64, 128 };

	if (log2_size > MEMIF_RING_LOG2_MAX)
		return 0;
	for (size_t i = 0; i < sizeof(lines); i++)
		if (stride == memif_ring_bytes(lines[i], log2_size))
			return lines[i];
	return 0;
}

int memif_ring_attach(struct memif_ring *ring, void *at, uint8_t line,
		      uint8_t log2_size)
{
	uint8_t *base = at;

	if ((line != 64 && line != 128) ||
	    (uintptr_t)at % MEMIF_RING_ALIGN != 0 ||
	    log2_size < MEMIF_RING_LOG2_MIN || log2_size > MEMIF_RING_LOG2_MAX)
		return -EINVAL;
	ring->cookie = (_Atomic uint32_t *)(void *)base;
	ring->flags = (_Atomic uint16_t *)(void *)(base + 4);
	ring->head = (_Atomic uint16_t *)(void *)(base + 6);
	ring->tail = (_Atomic uint16_t *)(void *)(base + line);
	ring->slot = (struct memif_slot *)(void *)(base + 2 * (size_t)line);
	ring->mask = (uint16_t)((1u << log2_size) - 1);
	return 0;
}

void memif_ring_format(const struct memif_ring *ring)
{
	static const struct memif_desc empty;

	for (uint32_t i = 0; i <= ring->mask; i++)
		memif_slot_write(&ring->slot[i], &empty);
	memif_ring_give(ring->head, 0);
	memif_ring_give(ring->tail, 0);
	memif_ring_mask(ring, false);
	atomic_store_explicit(ring->cookie, MEMIF_RING_COOKIE,
			      memory_order_release);
}
