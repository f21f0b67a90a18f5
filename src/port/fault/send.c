/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sending side of the fault port.
 *
 * Packets go to the inner port one by one, so that each can have its own fate,
 * unless no fate is possible. One chosen to be overtaken is copied, and follows
 * its successor. When there is no room for it then, it stays, and tx_held tells
 * the caller to come back.
 *
 * A packet that the inner port has no room for will be offered again: its fate
 * is taken back, so that a run repeats however often the port was full.
 */
#include <errno.h>
#include <stdlib.h>

#include "packet/copy.h"
#include "port/fault/fault.h"

int fault_tx_init(struct fault *fault, uint32_t queue)
{
	struct fault_tx *tx = &fault->tx[queue];
	int r = fault_wait_init(&tx->wait, fault->inner, queue, VIF_WAIT_TX,
				false, fault->gone_fd);

	if (r < 0)
		return r;
	tx->packet_dice = dice_new(fault->seed, 4 * queue + 2);
	tx->call_dice = dice_new(fault->seed, 4 * queue + 3);
	tx->held.bytes = malloc(FAULT_SLOT_SIZE);
	return tx->held.bytes ? 0 : -ENOMEM;
}

void fault_tx_fini(struct fault_tx *tx)
{
	fault_wait_fini(&tx->wait);
	free(tx->held.bytes);
}

/* Whether it can be copied; what cannot, the inner port will refuse. */
static bool is_sound(const struct vif_packet *packet)
{
	size_t len = 0;

	if (packet->n_seg == 0 || packet->n_seg > VIF_PACKET_SEG_MAX)
		return false;
	for (uint16_t i = 0; i < packet->n_seg; i++)
		len += packet->seg[i].iov_len;
	return len == packet->len && len <= FAULT_SLOT_SIZE;
}

/* Sends the packet that was overtaken. Returns 1, 0 for no room, an errno. */
static int flush(struct fault *fault, unsigned int queue)
{
	struct fault_tx *tx = &fault->tx[queue];
	int r = 1;

	if (tx->holds)
		r = vif_port_tx(fault->inner, queue, &tx->held.packet, 1);
	if (r > 0)
		tx->holds = false;
	return r;
}

/* Hands one packet on. Returns 1 when it is taken, 0 for no room, an errno. */
static int send_one(struct fault *fault, unsigned int queue,
		    const struct vif_packet *packet, bool has_next)
{
	struct fault_tx *tx = &fault->tx[queue];
	struct dice before = tx->packet_dice;
	struct fault_fate fate = fault_fate(&tx->packet_dice, &fault->tx_rates);
	int r;

	if (fate.drop) {
		tx->injected++;
		return 1;
	}
	if (fate.reorder && has_next && !tx->holds && is_sound(packet)) {
		tx->held.packet =
			packet_copy(packet, tx->held.bytes, &tx->held.seg);
		tx->holds = true;
		return 1;
	}
	r = vif_port_tx(fault->inner, queue, packet, 1);
	if (r <= 0) {
		tx->packet_dice = before;
		return r;
	}
	if (fate.duplicate)
		(void)vif_port_tx(fault->inner, queue, packet, 1);
	return 1;
}

static int send_each(struct fault *fault, unsigned int queue,
		     const struct vif_packet *packet, unsigned int n)
{
	struct fault_tx *tx = &fault->tx[queue];
	unsigned int i;
	int r = 1;

	for (i = 0; r > 0 && i < n; i++) {
		bool was_held = tx->holds;

		r = send_one(fault, queue, &packet[i], i + 1 < n);
		if (r <= 0)
			break;
		if (was_held)
			r = flush(fault, queue);
	}
	(void)flush(fault, queue); /* else tx_held tells */
	return i > 0 ? (int)i : r;
}

/* How many of n packets this call takes notice of. */
static unsigned int ration(struct fault *fault, struct fault_tx *tx,
			   unsigned int n)
{
	bool stall = dice_roll(&tx->call_dice, fault->tx_rates.stall);
	bool shorten = dice_roll(&tx->call_dice, fault->tx_rates.shorten);

	if (stall)
		return 0;
	return fault_left(fault, shorten ? dice_below(&tx->call_dice, n) : n);
}

/* Let our own counters show what the inner port has sent and dropped. */
static void follow(struct port_counters *own, const struct port_counters *inner,
		   uint64_t injected)
{
	fault_follow(&own->packets, &inner->packets);
	fault_follow(&own->bytes, &inner->bytes);
	fault_follow(&own->superpackets, &inner->superpackets);
	fault_follow_drops(own, inner, injected);
}

int fault_tx(struct vif_port *port, unsigned int queue,
	     const struct vif_packet *packet, unsigned int n)
{
	struct fault *fault = to_fault(port);
	const struct fault_rates *rates = &fault->tx_rates;
	struct fault_tx *tx = &fault->tx[queue];
	int r;

	if (fault_is_gone(fault))
		return -ENODEV;
	n = ration(fault, tx, n);
	if (n == 0)
		return 0;
	r = flush(fault, queue);
	if (r <= 0)
		return r;
	if (rates->drop | rates->duplicate | rates->reorder)
		r = send_each(fault, queue, packet, n);
	else
		r = vif_port_tx(fault->inner, queue, packet, n);
	follow(&port->queue[queue].tx, &fault->inner->queue[queue].tx,
	       tx->injected);
	if (r > 0)
		fault_pass(fault, (uint32_t)r);
	return r;
}

unsigned int fault_tx_held(struct vif_port *port, unsigned int queue)
{
	struct fault *fault = to_fault(port);
	struct fault_tx *tx = &fault->tx[queue];

	/* An error is the next tx's to report; nothing is held for it. */
	if (tx->holds && flush(fault, queue) < 0)
		tx->holds = false;
	follow(&port->queue[queue].tx, &fault->inner->queue[queue].tx,
	       tx->injected);
	return tx->holds + vif_port_tx_held(fault->inner, queue);
}

unsigned int fault_tx_left(struct vif_port *port, unsigned int queue)
{
	return port_tx_left(to_fault(port)->inner, queue);
}

int fault_tx_arm(struct fault *fault, unsigned int queue)
{
	/* What needs no waiting is always ready. */
	if (fault_is_gone(fault) || fault->tx[queue].wait.inner_fd < 0)
		return 1;
	return vif_port_arm(fault->inner, queue, VIF_WAIT_TX);
}
