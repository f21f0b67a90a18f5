/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ring of memif (protocol 2.0): layout, indices, and falling asleep.
 *
 * A ring lies in memory that the peer can write at any time. So every access is
 * one of the functions below: each reads or writes a field once, whole, with an
 * atomic access that the compiler can neither split nor repeat. What they return
 * is what the peer wrote, and has to be checked.
 *
 *     offset    field       written by
 *     0         cookie      the client, once
 *     4         flags       who receives packets on this ring
 *     6         head        the client
 *     line      tail        the server
 *     2 * line  descriptors
 *
 * line is the cache line of whoever built the peer, 64 or 128. head and tail
 * count for ever in 16 bits and are masked at use. Who produces packets and who
 * consumes them depends on the direction of the ring; which index is whose does
 * not.
 *
 * Publishing: descriptors and data first, then the index with release; it pairs
 * with the acquire of the other side's look. Giving back is the same.
 * tests/model/memif_ring.pml checks that both are enough, and needed.
 *
 * Sleeping: the consumer clears the event, clears MASK_INT, and looks at the
 * index once more; the producer publishes the index, then looks at the flag.
 * The last three of those, and the look, are sequentially consistent, so that
 * at least one side sees the other. The event is cleared first: cleared after
 * the look, it could be that of a packet which came in between.
 * tests/model/memif_wake.pml checks this order, and that others fail.
 */
#ifndef RING_MEMIF_RING_H
#define RING_MEMIF_RING_H

#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum memif_ring_facts {
	MEMIF_RING_COOKIE = 0x03E31F20,
	MEMIF_RING_LOG2_MIN = 1,
	MEMIF_RING_LOG2_MAX = 15, /* with 16 a full ring would look empty */
	MEMIF_DESC_SIZE = 16,
	/* Rings of two slots, packed, do not begin at a line of the cache. */
	MEMIF_RING_ALIGN = 16,
};

enum memif_desc_flag {
	MEMIF_DESC_NEXT = 1, /* the packet goes on in the next slot */
};

enum memif_ring_flag {
	MEMIF_RING_MASK_INT = 1, /* the consumer wants no event */
};

/* A descriptor, as it lies in memory. */
struct memif_desc {
	uint16_t flags;
	uint16_t region;
	uint32_t length;
	uint32_t offset; /* from the beginning of the region */
	uint32_t metadata;
};

static_assert(sizeof(struct memif_desc) == MEMIF_DESC_SIZE, "wire format");
static_assert(offsetof(struct memif_desc, metadata) == 3 * sizeof(uint32_t),
	      "wire format");

/* Two words, so that a descriptor is moved by two accesses. */
struct memif_slot {
	_Atomic uint64_t word[2]; /* flags to length; offset and metadata */
};

static_assert(sizeof(struct memif_slot) == MEMIF_DESC_SIZE, "wire format");

/* Where the parts of a ring are. Private, immutable after attach. */
struct memif_ring {
	_Atomic uint32_t *cookie;
	_Atomic uint16_t *flags;
	_Atomic uint16_t *head;
	_Atomic uint16_t *tail;
	struct memif_slot *slot;
	uint16_t mask; /* slots - 1 */
};

/* Cache line of a peer that is built like this machine's ordinary programs. */
uint8_t memif_ring_line(void);

/* Bytes of a ring. line is 64 or 128, log2_size at most MEMIF_RING_LOG2_MAX. */
static inline uint32_t memif_ring_bytes(uint8_t line, uint8_t log2_size)
{
	return 2u * line + ((uint32_t)MEMIF_DESC_SIZE << log2_size);
}

/*
 * memif_ring_guess_line() - cache line of a peer, from how its rings lie
 *
 * stride is the distance of two rings next to each other, log2_size the size of
 * the first one. Returns 64 or 128, or 0 when it fits neither.
 */
uint8_t memif_ring_guess_line(uint64_t stride, uint8_t log2_size);

/*
 * memif_ring_attach() - find the parts of a ring
 *
 * at points to memif_ring_bytes() bytes. Touches nothing.
 * Returns 0, or -EINVAL for a line, a size or an alignment that cannot be.
 */
int memif_ring_attach(struct memif_ring *ring, void *at, uint8_t line,
		      uint8_t log2_size);

/* Client: clear everything and write the cookie. Before the peer is told. */
void memif_ring_format(const struct memif_ring *ring);

static inline bool memif_ring_has_cookie(const struct memif_ring *ring)
{
	return atomic_load_explicit(ring->cookie, memory_order_relaxed) ==
	       MEMIF_RING_COOKIE;
}

static inline uint32_t memif_ring_size(const struct memif_ring *ring)
{
	return ring->mask + 1u;
}

/* The peer's index, with what it published by it. */
static inline uint16_t memif_ring_look(const _Atomic uint16_t *index)
{
	return atomic_load_explicit(index, memory_order_acquire);
}

/* How far an index is ahead of an older one. */
static inline uint16_t memif_ring_distance(uint16_t newer, uint16_t older)
{
	return (uint16_t)(newer - older);
}

/* Our index, when the peer need not be woken: slots are given back. */
static inline void memif_ring_give(_Atomic uint16_t *index, uint16_t value)
{
	atomic_store_explicit(index, value, memory_order_release);
}

/*
 * memif_ring_publish() - packets are there
 *
 * Returns whether the consumer has to be woken by the event.
 */
static inline bool memif_ring_publish(const struct memif_ring *ring,
				      _Atomic uint16_t *index, uint16_t value)
{
	/* On x86 the exchange is the fence; a store would need one behind it. */
	atomic_store_explicit(index, value, memory_order_seq_cst);
	return !(atomic_load_explicit(ring->flags, memory_order_seq_cst) &
		 MEMIF_RING_MASK_INT);
}

/* Consumer: wish for events, or for none. */
static inline void memif_ring_mask(const struct memif_ring *ring, bool masked)
{
	atomic_store_explicit(ring->flags, masked ? MEMIF_RING_MASK_INT : 0,
			      memory_order_seq_cst);
}

/* Consumer: the look after memif_ring_mask(ring, false), before sleeping. */
static inline uint16_t memif_ring_look_again(const _Atomic uint16_t *index)
{
	return atomic_load_explicit(index, memory_order_seq_cst);
}

static inline struct memif_slot *memif_ring_slot(const struct memif_ring *ring,
						 uint16_t index)
{
	return &ring->slot[index & ring->mask];
}

/* The one copy of a descriptor that is checked, and then used. */
static inline struct memif_desc memif_slot_read(const struct memif_slot *slot)
{
	uint64_t word[2];
	struct memif_desc desc;

	word[0] = atomic_load_explicit(&slot->word[0], memory_order_relaxed);
	word[1] = atomic_load_explicit(&slot->word[1], memory_order_relaxed);
	memcpy(&desc, word, sizeof(desc));
	return desc;
}

/* Forgets the flags of a slot that has been consumed. */
static inline void memif_slot_clear_flags(struct memif_slot *slot)
{
	_Atomic uint16_t *flags = (_Atomic uint16_t *)(void *)slot;

	atomic_store_explicit(flags, 0, memory_order_relaxed);
}

/* Flags, region and length alone. offset and metadata are 0. */
static inline struct memif_desc
memif_slot_read_front(const struct memif_slot *slot)
{
	uint64_t word =
		atomic_load_explicit(&slot->word[0], memory_order_relaxed);
	struct memif_desc desc = { 0 };

	memcpy(&desc, &word, sizeof(word));
	return desc;
}

/* The last word of a slot alone; others write 0 there, and never read it. */
static inline uint32_t memif_slot_read_metadata(const struct memif_slot *slot)
{
	const _Atomic uint32_t *part = (const void *)slot;

	return atomic_load_explicit(&part[3], memory_order_relaxed);
}

/* Writes flags, region and length, and leaves the rest of the slot alone. */
static inline void memif_slot_write_front(struct memif_slot *slot,
					  const struct memif_desc *desc)
{
	uint64_t word;

	memcpy(&word, desc, sizeof(word));
	atomic_store_explicit(&slot->word[0], word, memory_order_relaxed);
}

static inline void memif_slot_write_metadata(struct memif_slot *slot,
					     uint32_t metadata)
{
	_Atomic uint32_t *part = (void *)slot;

	atomic_store_explicit(&part[3], metadata, memory_order_relaxed);
}

static inline void memif_slot_write(struct memif_slot *slot,
				    const struct memif_desc *desc)
{
	uint64_t word[2];

	memcpy(word, desc, sizeof(word));
	atomic_store_explicit(&slot->word[0], word[0], memory_order_relaxed);
	atomic_store_explicit(&slot->word[1], word[1], memory_order_relaxed);
}

#endif
