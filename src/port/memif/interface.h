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

enum memif_interface_limits {
	MEMIF_LEAVE_NS = 1000 * 1000, /* until the next look at them */
};

/* What a port wants besides. Zeroed means none of it. */
struct memif_interface_extra {
	struct port_queue *counters; /* one for each queue; NULL: our own */
};

struct vif_memif_interface {
	/* immutable */
	struct vif_memif_socket *socket;
	struct vif_memif_interface_config config; /* strings are gone */
	char name[MEMIF_MSG_NAME_SIZE];
	bool has_secret;
	int down_fd; /* eventfd: readable while there is no connection */
	uint32_t n_rx, n_tx;
	struct memif_side *rx; /* n_rx of them, then n_tx for tx */
	struct memif_side *tx;
	/* control thread */
	struct vif_memif_interface *next;
	struct memif_link link;
	struct memif_watch leave;   /* while threads have to leave */
	struct memif_memory **kept; /* still lent; at most one for each side */
	bool is_doomed;             /* closed from a callback */
	bool is_told; /* on_connect was called, on_disconnect was not */
	/* rings there are; any thread */
	_Atomic uint32_t n_rx_ring, n_tx_ring;
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
 * vif_memif_rx_arm().
 */
int memif_interface_tx(struct vif_memif_interface *interface,
		       unsigned int queue, const struct vif_packet *packet,
		       unsigned int n);
int memif_interface_tx_fd(const struct vif_memif_interface *interface,
			  unsigned int queue);
int memif_interface_tx_arm(struct vif_memif_interface *interface,
			   unsigned int queue);

/* Of a list: whether peers misbehave, and threads have left. */
void memif_interfaces_look(struct vif_memif_interface *first, uint64_t now_ns);

/* Frees what was closed from a callback. */
void memif_interfaces_reap(struct vif_memif_socket *socket);

#endif
