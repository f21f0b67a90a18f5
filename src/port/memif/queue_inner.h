/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the sources of a queue share.
 *
 * next is the one index that counts: the slot to be read, or filled, next. It is
 * private, like all we know; what is in the ring is only written. The index we
 * publish and the one we look at are both next plus or minus a lead, which is
 * the size of the ring for a client, who gives away empty slots and full ones,
 * and 0 for a server:
 *
 *     receiver  publishes next + lead    may read until what the peer says
 *     sender    publishes next           may fill until what the peer says + lead
 */
#ifndef PORT_MEMIF_QUEUE_INNER_H
#define PORT_MEMIF_QUEUE_INNER_H

#include "port/memif/queue.h"

/* A reserved buffer, as it was checked. */
struct memif_reserved {
	uint8_t *data;
	uint32_t len;
	uint16_t region;
};

struct memif_queue {
	/* immutable after new */
	struct memif_ring ring;
	struct memif_queue_config config;
	const struct memif_region *memory; /* client: where its buffers are */
	_Atomic uint16_t *ours;            /* index we publish */
	_Atomic uint16_t *theirs;          /* index we look at */
	uint32_t size;                     /* slots */
	uint16_t lead;
	uint32_t capacity; /* client: bytes of a packet in one buffer */
	uint32_t len_max;
	uint32_t spins;
	bool is_guarded;  /* some region can die */
	int timer_fd;     /* sender; -1: none */
	uint32_t *buffer; /* client: offset of the buffer of each slot */
	/* moving */
	uint16_t next;
	uint16_t seen;  /* receiver: the peer's index, when it was no use */
	bool is_masked; /* receiver */
	bool is_started;
	uint32_t idle;     /* looks that found nothing */
	uint32_t need;     /* sender: slots the next packet takes */
	uint32_t wait_us;  /* sender: of the timer */
	uint32_t n_wait;   /* sender: waits since it could send */
	uint32_t room_max; /* sender: the most slots there were to fill */
	_Atomic int fault; /* enum memif_fault */
	struct memif_queue_counters counters;
	/* client that sends: slots given back last, up to hot_end */
	uint16_t reclaimed; /* the peer's index then */
	uint16_t hot_end;
	uint32_t n_hot;
	bool is_mixed;   /* client: buffer is not in order any more */
	bool is_swapped; /* client: buffers of other queues are in it */
	bool has_places; /* buffers from next on are lent */
	/* sender: buffers from next on that are reserved */
	uint32_t n_reserved;
	struct memif_reserved reserved[MEMIF_BATCH_MAX];
	/* receiver: the lent batch */
	uint32_t n_lent;
	uint32_t n_usual; /* the first ones, in one slot each from start on */
	uint16_t start;
	uint32_t n_pulled;
	bool is_bounced;                 /* bounce is in use */
	uint16_t lent[MEMIF_BATCH_MAX];  /* first slot of the other packets */
	bool is_copied[MEMIF_BATCH_MAX]; /* not just the bytes of its slots */
	uint8_t (*header)[VIF_PACKET_HDR_MAX]; /* MEMIF_PULLED_MAX of them */
	uint8_t *bounce;                       /* one packet of any length */
};

static inline bool memif_queue_is_dead(const struct memif_queue *queue)
{
	return atomic_load_explicit(&queue->fault, memory_order_relaxed) !=
	       MEMIF_FAULT_NONE;
}

/*
 * memif_queue_blame() - note what the peer did wrong
 *
 * Returns whether to go on: with resync, and as long as its memory is there.
 */
bool memif_queue_blame(struct memif_queue *queue, enum memif_fault fault);

/* The same where there is no way to go on. */
void memif_queue_end(struct memif_queue *queue, enum memif_fault fault);

/* Whether memory that can shrink did. It is noted. */
bool memif_queue_lost_memory(struct memif_queue *queue);

/* Tells the peer that there are packets. */
void memif_queue_publish(struct memif_queue *queue);

/*
 * memif_queue_tidy() - put the buffers of a client that sends in a row again
 *
 * If they were, and all of them are free, which room says. Packets that need
 * many of them are quicker then.
 */
void memif_queue_tidy(struct memif_queue *queue, uint32_t room);

/*
 * memif_queue_room() - slots a sender may fill
 *
 * Returns up to the size of the ring; 0 as well after a fault.
 */
uint32_t memif_queue_room(struct memif_queue *queue);

/* Whether the queue works: it is up, and the peer is good. */
static inline bool memif_queue_is_usable(struct memif_queue *queue)
{
	return queue->is_started && !memif_queue_is_dead(queue) &&
	       (!queue->is_guarded || !memif_queue_lost_memory(queue));
}

static inline uint32_t memif_queue_slot(const struct memif_queue *queue,
					uint16_t index)
{
	return index & queue->ring.mask;
}

/* Client: a slot that has nothing in it but a buffer. */
static inline void memif_queue_offer(const struct memif_queue *queue,
				     uint16_t index)
{
	uint32_t slot = memif_queue_slot(queue, index);
	struct memif_desc desc = {
		.region = queue->config.buffer_region,
		.length = queue->capacity,
		.offset = queue->buffer[slot] + queue->config.headroom,
	};

	memif_slot_write(&queue->ring.slot[slot], &desc);
}

/*
 * memif_queue_resolve() - where a descriptor of the peer points to
 *
 * desc is private. Returns MEMIF_FAULT_NONE with the address, or what is wrong.
 */
static inline enum memif_fault
memif_queue_resolve(const struct memif_queue *queue,
		    const struct memif_desc *desc, uint8_t **ret_data)
{
	const struct memif_regions *regions = queue->config.regions;
	const struct memif_region *region;

	if (desc->region >= regions->n)
		return MEMIF_FAULT_REGION;
	region = &regions->region[desc->region];
	if ((uint64_t)desc->offset + desc->length > region->size)
		return MEMIF_FAULT_BOUNDS;
	*ret_data = region->base + desc->offset;
	return MEMIF_FAULT_NONE;
}

/*
 * memif_queue_find_buffer() - the buffer of a free slot, of a sender
 *
 * ret_desc gets what the slot may hold, also where something is wrong with it.
 * Returns MEMIF_FAULT_NONE with the address, or what is wrong.
 */
static inline enum memif_fault
memif_queue_find_buffer(const struct memif_queue *queue, uint16_t index,
			struct memif_desc *ret_desc, uint8_t **ret_data)
{
	uint32_t at = memif_queue_slot(queue, index);

	if (queue->config.is_client) {
		*ret_desc = (struct memif_desc){
			.region = queue->config.buffer_region,
			.length = queue->capacity,
			.offset = queue->buffer[at] + queue->config.headroom,
		};
		*ret_data = queue->memory->base + ret_desc->offset;
		return MEMIF_FAULT_NONE;
	}
	*ret_desc = memif_slot_read(&queue->ring.slot[at]);
	if (ret_desc->length < MEMIF_ROOM_MIN)
		return MEMIF_FAULT_BUFFER;
	return memif_queue_resolve(queue, ret_desc, ret_data);
}

#endif
