/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An interface of memif: a link, and the queues that outlive its connections.
 */
#ifndef PORT_MEMIF_INTERFACE_H
#define PORT_MEMIF_INTERFACE_H

#include <vif/memif.h>
#include <vif/memif_queue.h>

#include "port/memif/context.h"
#include "port/memif/link.h"
#include "port/memif/side.h"

/* What a port wants besides. Zeroed means none of it. */
struct memif_interface_extra {
	struct port_queue *counters; /* one for each queue; NULL: our own */
	/*
	 * opening: control thread, with the user of the config. A connection is
	 * there, no thread has anything of the one before, and none has been
	 * let in yet. on_connect follows when they are.
	 */
	void (*opening)(void *user, struct vif_memif_interface *interface);
};

struct vif_memif_interface {
	/* immutable */
	struct vif_memif_socket *socket;
	struct vif_memif_interface_config config; /* strings are gone */
	char name[MEMIF_MSG_NAME_SIZE];
	bool has_secret;
	void (*opening)(void *user, struct vif_memif_interface *interface);
	int down_fd; /* eventfd: readable while there is no connection */
	uint32_t n_rx, n_tx;
	struct memif_side *rx; /* n_rx of them, then n_tx for tx */
	struct memif_side *tx;
	/* control thread */
	struct vif_memif_interface *next;
	struct memif_link link;
	struct memif_memory *kept; /* of the last connection; still lent */
	bool is_open;              /* threads have been let in */
	bool is_doomed;            /* closed; freed when no callback runs */
	char reason[256];          /* why the last connection ended or failed */
	char hint[384];            /* what to do about that, or "" */
	/* any thread reads */
	atomic_bool is_told; /* on_connect was called, on_disconnect was not */
	atomic_bool is_closing;                /* there is kept memory */
	_Atomic uint32_t n_rx_ring, n_tx_ring; /* rings there are */
};

/* vif_memif_open() with what a port wants. */
int memif_interface_open(struct vif_memif_socket *socket,
			 const struct vif_memif_interface_config *config,
			 const struct memif_interface_extra *extra,
			 struct vif_memif_interface **ret_interface,
			 struct vif_error *error);

/*
 * For ports, which may have more queues than the peer has rings: several then
 * share one. Otherwise as vif_memif_tx(), vif_memif_rx_fd() and
 * vif_memif_rx_arm(). Settling is memif_queue_settle().
 */
int memif_interface_tx(struct vif_memif_interface *interface,
		       unsigned int queue, const struct vif_packet *packet,
		       unsigned int n);
/*
 * Room where the next packets may be put, as memif_queue_places(); 0 without a
 * peer, and for a ring that several queues send on. The connection lasts until
 * the end; memif_interface_tx() is for that thread meanwhile.
 */
unsigned int memif_interface_tx_places(struct vif_memif_interface *interface,
				       unsigned int queue, struct iovec *piece,
				       unsigned int n);
void memif_interface_tx_places_end(struct vif_memif_interface *interface,
				   unsigned int queue);

int memif_interface_tx_fd(const struct vif_memif_interface *interface,
			  unsigned int queue);
int memif_interface_tx_arm(struct vif_memif_interface *interface,
			   unsigned int queue);
void memif_interface_rx_settle(struct vif_memif_interface *interface,
			       unsigned int queue);

/*
 * Packets in the rings that nobody has taken, as memif_queue_left(); 0 while
 * something is lent, or without a peer. Threads of the queue. Queues that share
 * a ring: the first one says it.
 */
uint32_t memif_interface_rx_left(struct vif_memif_interface *interface,
				 unsigned int queue);
uint32_t memif_interface_tx_left(struct vif_memif_interface *interface,
				 unsigned int queue);

/*
 * What goes along with packets on this connection: a set of enum memif_ride.
 * Control thread, while there is one.
 */
static inline uint16_t
memif_interface_ride(const struct vif_memif_interface *interface)
{
	return interface->link.handshake.geometry.ride;
}

/* Has a peer misbehaved, or has a thread left for which something waits? */
void memif_interface_look(struct vif_memif_interface *interface,
			  uint64_t now_ns);

/* Frees what was closed, now that no callback runs. */
void memif_interfaces_reap(struct vif_memif_socket *socket);

/*
 * Why connections ended, or did not come about, and how often; those of clients
 * that never said which interface of the socket they want among them.
 */
void memif_interface_ends(const struct vif_memif_interface *interface,
			  void (*emit)(void *user, const char *name,
				       uint64_t n),
			  void *user);

#endif
