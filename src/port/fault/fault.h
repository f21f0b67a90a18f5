/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the fault backend share. docs/design/fault.md has why. */
#ifndef PORT_FAULT_FAULT_H
#define PORT_FAULT_FAULT_H

#include <stdatomic.h>
#include <sys/uio.h>

#include "base/bits.h"
#include "port/address.h"
#include "port/fault/dice.h"
#include "port/fault/wait.h"
#include "port/ops.h"

enum fault_limits {
	FAULT_HELD_MAX = 1024, /* packets held for each queue; power of two */
	FAULT_BATCH = 64,      /* packets taken from the inner port at once */
	FAULT_SLOT_SIZE = VIF_PACKET_LEN_MAX, /* bytes of each of them */
	FAULT_KEYS_N = 9,
};

/* How often each fault happens in one direction, in millionths. */
struct fault_rates {
	uint32_t drop;
	uint32_t duplicate;
	uint32_t reorder;
	uint32_t stall;
	uint32_t shorten;
};

/* What the dice say of one packet. */
struct fault_fate {
	bool drop;
	bool duplicate;
	bool reorder;
};

/* A copy of a packet, in memory of its own. */
struct fault_held {
	struct vif_packet packet;
	struct iovec seg;
	uint8_t *bytes;  /* FAULT_SLOT_SIZE */
	uint64_t tick;   /* it came after this call of service */
	uint64_t due_ns; /* when it may go; known once stamped */
};

/*
 * Receiving side of a queue: a ring of copies. The ones lent to the caller are
 * the oldest. Indices count for ever and are masked at use.
 */
struct fault_rx {
	/* receiving thread only */
	struct dice packet_dice;
	struct dice call_dice;
	struct vif_batch *batch; /* of the inner port */
	struct fault_held *held; /* FAULT_HELD_MAX of them */
	uint8_t *bytes;
	uint32_t head;    /* next to fill */
	uint32_t tail;    /* oldest */
	uint32_t stamped; /* first without due_ns */
	bool swap_last;   /* the youngest waits to be overtaken */
	uint64_t injected;
	struct fault_wait wait;
	/* written by the receiving thread, read by service */
	_Atomic uint64_t next_ns; /* 0 at once, UINT64_MAX never */
};

/* Sending side of a queue. Sending thread only. */
struct fault_tx {
	struct dice packet_dice;
	struct dice call_dice;
	struct fault_held held; /* waits to be overtaken, or for room */
	bool holds;
	uint64_t injected;
	struct fault_wait wait;
};

struct fault {
	struct vif_port port;

	/* immutable after open */
	bool opening; /* the descriptors below mean something */
	struct vif_port *inner;
	struct vif_port_config inner_config; /* as it was before us */
	struct fault_rates rx_rates;
	struct fault_rates tx_rates;
	uint32_t seed;
	uint32_t fail;     /* packets before the end; 0: none */
	uint64_t delay_ns; /* of received packets */
	uint32_t n_rx;     /* lanes that have been made */
	uint32_t n_tx;
	struct fault_rx *rx;
	struct fault_tx *tx;
	int gone_fd; /* eventfd, readable once gone; -1 without fail */
	struct fault_wait control;

	/* any thread */
	_Atomic uint64_t now_ns; /* of the last service */
	_Atomic uint64_t tick;   /* calls of service */
	_Atomic uint64_t passed; /* packets, with fail */
	atomic_bool gone;
};

static inline struct fault *to_fault(struct vif_port *port)
{
	return container_of(port, struct fault, port);
}

static inline const struct fault *to_const_fault(const struct vif_port *port)
{
	return const_container_of(port, struct fault, port);
}

static_assert((FAULT_HELD_MAX & (FAULT_HELD_MAX - 1)) == 0, "it is a mask");

/* options.c: the key table, and taking the options over. As open. */
extern const struct port_key fault_keys[FAULT_KEYS_N];
int fault_options(struct fault *fault, const struct address *address,
		  struct vif_error *error);

/*
 * fault_fate() - roll for one packet
 *
 * Takes the same number of throws whatever the rates are, so that a change of
 * one fault does not move the others.
 */
struct fault_fate fault_fate(struct dice *dice,
			     const struct fault_rates *rates);

/* Packets that may still pass before the port fails, at most n. */
uint32_t fault_left(struct fault *fault, uint32_t n);

/* Count n packets as passed; may make the port fail. */
void fault_pass(struct fault *fault, uint32_t n);

static inline bool fault_is_gone(const struct fault *fault)
{
	return atomic_load(&fault->gone);
}

/* Let a counter of our own show what that of the inner port does. */
static inline void fault_follow(struct counter *own,
				const struct counter *inner)
{
	counter_add(own, counter_read(inner) - counter_read(own));
}

/* Let our own drops be those of the inner port and the injected ones. */
void fault_follow_drops(struct port_counters *own,
			const struct port_counters *inner, uint64_t injected);

/* receive.c */
int fault_rx_init(struct fault *fault, uint32_t queue);
void fault_rx_fini(struct fault_rx *rx);
int fault_rx(struct vif_port *port, unsigned int queue,
	     struct vif_batch *batch);
void fault_rx_done(struct vif_port *port, unsigned int queue,
		   struct vif_batch *batch);
int fault_rx_arm(struct fault *fault, unsigned int queue);

/* Called by service. Wakes the receiver if it is time; returns the next. */
uint64_t fault_rx_service(struct fault_rx *rx, uint64_t now_ns);

/* send.c */
int fault_tx_init(struct fault *fault, uint32_t queue);
void fault_tx_fini(struct fault_tx *tx);
int fault_tx(struct vif_port *port, unsigned int queue,
	     const struct vif_packet *packet, unsigned int n);
unsigned int fault_tx_held(struct vif_port *port, unsigned int queue);
unsigned int fault_rx_held(struct vif_port *port, unsigned int queue);
unsigned int fault_tx_left(struct vif_port *port, unsigned int queue);
int fault_tx_arm(struct fault *fault, unsigned int queue);

#endif
