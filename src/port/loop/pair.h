/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The memory that the two ends of a loop share: a ring of packets for each
 * queue and direction. The last end to leave frees it.
 *
 * A slot holds a packet and its bytes. Slots between tail and head belong to
 * the receiver, the others to the sender.
 */
#ifndef PORT_LOOP_PAIR_H
#define PORT_LOOP_PAIR_H

#include <stdatomic.h>

#include <vif/port.h>

#include "ring/spsc.h"

struct pair_ring {
	struct spsc index;
	struct vif_packet *packet;
	struct iovec *seg;
	uint8_t *bytes; /* slot_size for each slot */
	int wake_fd[2]; /* eventfds: VIF_WAIT_RX the receiver, _TX the sender */
};

struct pair {
	/* immutable */
	size_t slot_size;
	uint32_t n_queue;
	uint32_t n_ring;
	/* any thread */
	atomic_int n_end;   /* ends that are open */
	atomic_bool joined; /* there were two; a third is never let in */
	atomic_bool left;   /* one of them is gone */
	/* rings that end 0 sends on, then those of end 1 */
	struct pair_ring ring[];
};

/*
 * n_slot, at most 2^31, is rounded up to a power of two. Returns 0, -ENOMEM or
 * -EMFILE. The caller is end 0 and holds a reference.
 */
int pair_new(uint32_t n_queue, uint32_t n_slot, size_t slot_size,
	     struct pair **ret_pair);

/* Become end 1. Returns false when there is one already. */
bool pair_join(struct pair *pair);

/* Leave, waking whoever waits at the other end. NULL does nothing. */
void pair_unref(struct pair *pair);

/* Whether the other end was there and has left. */
static inline bool pair_left(const struct pair *pair)
{
	return atomic_load_explicit(&pair->left, memory_order_acquire);
}

/* The ring an end sends on (VIF_WAIT_TX) or receives from (VIF_WAIT_RX). */
static inline struct pair_ring *pair_ring(struct pair *pair, unsigned int end,
					  unsigned int queue,
					  enum vif_wait what)
{
	unsigned int sender = what == VIF_WAIT_TX ? end : 1 - end;

	return &pair->ring[sender * pair->n_queue + queue];
}

#endif
