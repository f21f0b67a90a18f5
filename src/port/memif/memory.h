/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What belongs to one connection of a link: regions, events and queues.
 *
 * Made by the client, received by the server, and gone with the connection.
 */
#ifndef PORT_MEMIF_MEMORY_H
#define PORT_MEMIF_MEMORY_H

#include "port/memif/geometry.h"
#include "port/memif/handshake.h"
#include "port/memif/queue.h"
#include "port/memif/region.h"

/* Memory of the program for a client's buffers. */
struct memif_supply {
	/*
	 * Make memory of size bytes, mapped at base, aligned to 64, and a
	 * descriptor that the peer can map it by. Returns 0 or a negative
	 * errno. NULL: there is none.
	 */
	int (*get)(void *user, uint64_t size, int *ret_fd, void **ret_base);
	/* Nobody uses it any more. */
	void (*put)(void *user, uint64_t size, int fd, void *base);
	void *user;
};

/* How queues are to be. Zeroed means default, but for counters. */
struct memif_queue_wishes {
	struct port_queue *counters;       /* one for each queue */
	const struct memif_kicker *kicker; /* borrowed; may be NULL */
	enum memif_rx_mode rx_mode;
	uint32_t spins;
	uint32_t len_max;
	bool resync;
};

struct memif_memory {
	enum memif_role role;
	const struct vif_allocator *heap;
	uint32_t buffer_size; /* client */
	uint32_t headroom;    /* client */
	uint32_t stride;      /* client: from one buffer to the next */
	enum memif_unsealed unsealed;
	bool is_prompt; /* see struct memif_queue_config */
	struct memif_supply supply;
	/* what supply gave; size 0 for nothing */
	uint64_t supplied_size;
	int supplied_fd;
	void *supplied_base;
	/* one for each ring, in the order of the directions */
	uint16_t n_ring[MEMIF_DIRECTIONS];
	struct memif_end *end[MEMIF_DIRECTIONS];
	struct memif_regions regions;
};

/* One end of a ring. */
struct memif_end {
	int event_fd;
	uint16_t buffer_region; /* client */
	uint64_t buffer_offset;
	struct memif_queue *queue; /* NULL until memif_memory_open() */
};

/*
 * Returns NULL for want of memory. The limit is that of the geometry; heap is
 * borrowed, see base/heap.h.
 */
struct memif_memory *memif_memory_new(enum memif_role role, uint64_t bytes_max,
				      const struct vif_allocator *heap);

/* No thread uses the queues. What is in them is counted. NULL is allowed. */
void memif_memory_free(struct memif_memory *memory);

/*
 * memif_memory_build() - make all memory of a client
 *
 * The geometry's n_ring, log2_size and line are set; its places and regions get
 * filled. Buffers in a row make one piece of a packet that fills several, for
 * those who join them: they grow by what lies between them otherwise. Returns 0
 * or a negative errno.
 */
int memif_memory_build(struct memif_memory *memory,
		       struct memif_geometry *geometry, bool in_a_row);

/* The descriptor to attach to a record, or -1. It stays the memory's. */
int memif_memory_fd(const struct memif_memory *memory,
		    const struct memif_outgoing *outgoing);

/*
 * memif_memory_take_region() - judge and keep a region of a client
 * memif_memory_take_event() - judge and keep the event of the next ring
 *
 * fd is taken, also on failure. Return what is wrong with it.
 */
struct memif_objection memif_memory_take_region(struct memif_memory *memory,
						int fd, uint64_t size);
struct memif_objection memif_memory_take_event(struct memif_memory *memory,
					       int fd,
					       enum memif_direction direction);

/* Maps what a client has sent, and looks for the cookies of its rings. */
struct memif_objection memif_memory_map(struct memif_memory *memory,
					const struct memif_geometry *geometry);

/*
 * memif_memory_open() - make queues of the rings, and start them
 *
 * Returns 0 or a negative errno.
 */
int memif_memory_open(struct memif_memory *memory,
		      const struct memif_geometry *geometry,
		      const struct memif_queue_wishes *wishes);

/* The direction in which a role receives. */
static inline enum memif_direction memif_rx_direction(enum memif_role role)
{
	return role == MEMIF_SERVER ? MEMIF_C2S : MEMIF_S2C;
}

/* The first fault that any of the queues has found. */
enum memif_fault memif_memory_fault(const struct memif_memory *memory);

#endif
