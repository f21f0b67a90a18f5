/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A wire: one queue of the source, joined to the queues of the destination
 * that its lane owns. A worker pumps its wires in turn.
 */
#ifndef LINK_WIRE_H
#define LINK_WIRE_H

#include <vif/link.h>

#include "base/counter.h"
#include "link/plan.h"
#include "link/stages.h"

enum wire_sizes {
	WIRE_BATCH = STAGES_BATCH, /* packets a burst can have */
};

enum wire_result {
	WIRE_IDLE,    /* the source had nothing */
	WIRE_MOVED,   /* packets went through; there may be more */
	WIRE_BLOCKED, /* the destination has no room; a batch is pending */
};

/* Counters are written by the worker and read by anyone. */
struct wire {
	/* immutable while the link runs */
	struct vif_port *source;
	struct vif_port *destination;
	enum vif_direction direction;
	enum vif_full full;
	enum vif_medium medium; /* of the packets */
	uint32_t rx_queue;
	uint32_t tx_queue; /* the first of those it may use */
	uint32_t tx_stride;
	uint32_t n_tx_queue;
	/* worker only */
	struct vif_batch *batch;         /* the burst, lent by the source */
	struct stages *stages;           /* NULL: packets cross as they are */
	const struct vif_packet *packet; /* what is to be sent of it now, */
	uint32_t n_packet;               /* and how many */
	uint32_t next;                   /* first of them not sent yet */
	uint32_t blocked; /* destination queue that had no room */
	bool woken;       /* after a sleep: the first packet goes at once */
	bool is_bulk;     /* the last packet was a long one */
	bool has_places;  /* the destination has lent room for this burst */
	uint32_t refused; /* what the burst was begun with, */
	uint32_t undone;  /* for the stages */
	bool drained;
	bool awaits_peer;    /* it is all that keeps it from being drained */
	uint32_t drain_left; /* packets it may still receive while draining */
	/* counters */
	struct counter bursts;
	struct counter waits;
	struct counter drops[VIF_DROP_N];
};

/*
 * wire_init() - make room for a burst, and for the stages
 *
 * stages is what happens to packets on the way. Returns 0 or -ENOMEM.
 * wire_fini() is safe on zeroed memory, and after a failure.
 */
int wire_init(struct wire *wire, const struct stages_config *stages);
void wire_fini(struct wire *wire);

/*
 * wire_pump() - move one burst
 *
 * Returns enum wire_result, or a negative errno when a port cannot go on, with
 * *ret_port saying which.
 */
int wire_pump(struct wire *wire, struct vif_port **ret_port);

/* The source has been looked at for long enough; see port_settle(). */
void wire_settle(struct wire *wire);

/* Packets the source holds back for later. */
unsigned int wire_held(const struct wire *wire);

/* Packets that were sent, and that the peer of the destination has not taken. */
unsigned int wire_left(const struct wire *wire);

/* Drop what is pending, and give the batch back. */
void wire_abandon(struct wire *wire);

/*
 * wire_write_off() - count what the ports still have as stopped
 *
 * Once, when all wires of the link were abandoned and nobody serves the ports:
 * a port counts what a peer leaves behind that goes away meanwhile.
 */
void wire_write_off(struct wire *wire);

/*
 * wire_wait_fd() - what to sleep on
 *
 * Arms the side the wire waits for. Returns the descriptor, -EAGAIN when there
 * is something to do already, or -EINVAL when nothing will ever come.
 */
int wire_wait_fd(struct wire *wire, short *ret_events);

#endif
