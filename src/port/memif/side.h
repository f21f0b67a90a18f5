/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One queue of an interface, in one direction, for as long as the interface
 * lives. The rings behind it come and go with connections.
 *
 * A data thread waits on one descriptor that stays the same: an epoll instance
 * with the event of the present ring in it.
 */
#ifndef PORT_MEMIF_SIDE_H
#define PORT_MEMIF_SIDE_H

#include "port/memif/gate.h"
#include "port/memif/queue.h"

struct memif_side {
	struct gate gate;
	/* behind the gate; written by the control thread while it is shut */
	struct memif_queue *queue;
	int queue_mode; /* enum memif_rx_mode: what the queue was told */
	/* immutable */
	bool is_tx;
	int poll_fd;
	/* control thread */
	int event_fd; /* in poll_fd; -1 for none */
	/* any thread */
	_Atomic int rx_mode; /* enum memif_rx_mode: what is wanted */
	/* sending thread: it has had room lent, and is inside */
	bool has_places;
	/* a ring that several senders share, when the peer has fewer */
	atomic_flag is_taken;
};

/*
 * memif_side_init() - make one, shut
 *
 * down_fd is readable while there is no connection: a sender that waits for
 * room then learns that it is in vain. Returns 0, or -EMFILE, -ENFILE, -ENOMEM.
 */
int memif_side_init(struct memif_side *side, bool is_tx, int down_fd);
void memif_side_fini(struct memif_side *side); /* zeroed is not fine */

/*
 * memif_side_watch() - let a thread wait for a ring (control thread)
 *
 * event_fd stays open until memif_side_shut(). Returns 0, or an error of
 * epoll_ctl(2).
 */
int memif_side_watch(struct memif_side *side, int event_fd);

/* Lets threads in (control thread). The side is shut. */
void memif_side_open(struct memif_side *side, struct memif_queue *queue);

/*
 * memif_side_shut() - turn threads away (control thread)
 *
 * Returns whether nobody is inside any more. If not, memif_side_is_shut() will
 * say so later.
 */
bool memif_side_shut(struct memif_side *side);

static inline bool memif_side_is_shut(const struct memif_side *side)
{
	return gate_is_shut(&side->gate);
}

/* Tells the queue the mode that is wanted. Whoever is behind the gate. */
void memif_side_apply_mode(struct memif_side *side);

#endif
