/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The queues of an interface, as programs and the port use them: through the
 * gate, to whatever ring is behind it now.
 */
#include <errno.h>
#include <sched.h>
#include <string.h>

#include <vif/memif_queue.h>

#include "port/memif/interface.h"

static_assert((int)VIF_MEMIF_RX_ADAPTIVE == (int)MEMIF_RX_ADAPTIVE &&
		      (int)VIF_MEMIF_RX_INTERRUPT == (int)MEMIF_RX_INTERRUPT &&
		      (int)VIF_MEMIF_RX_POLL == (int)MEMIF_RX_POLL,
	      "one enum is the other");
static_assert(sizeof(struct vif_memif_buffer) == sizeof(struct memif_buffer) &&
		      offsetof(struct vif_memif_buffer, len) ==
			      offsetof(struct memif_buffer, len) &&
		      offsetof(struct vif_memif_buffer, next) ==
			      offsetof(struct memif_buffer, next),
	      "one struct is the other");

enum traffic_limits {
	TAKE_SPINS = 100, /* looks at a shared ring before others may run */
};

/* Why a thread was turned away. */
static int turned_away(const struct memif_side *side)
{
	return gate_is_inside(&side->gate) ? -EBUSY : -ENOTCONN;
}

/*
 * The last one out tells the control thread, which may be waiting for that. So
 * does who has come upon a fault, also behind packets that were good: it has to
 * end the connection.
 */
static void leave(struct vif_memif_interface *interface,
		  struct memif_side *side)
{
	bool is_dead = memif_queue_fault(side->queue) != MEMIF_FAULT_NONE;

	if (gate_leave(&side->gate) || is_dead)
		memif_poke(interface->socket->memif);
}

/* What a fault means for a program: the connection is about to end. */
static int error_for_program(int r)
{
	return r == -EPROTO ? -ENOTCONN : r;
}

int vif_memif_rx(struct vif_memif_interface *interface, unsigned int queue,
		 struct vif_batch *batch)
{
	struct memif_side *side;
	int r;

	if (queue >= interface->n_rx || batch->n > 0)
		return -EINVAL;
	side = &interface->rx[queue];
	if (!gate_enter(&side->gate))
		return turned_away(side);
	r = memif_queue_rx(side->queue, batch);
	if (r <= 0)
		leave(interface, side);
	return error_for_program(r);
}

void vif_memif_rx_done(struct vif_memif_interface *interface,
		       unsigned int queue, struct vif_batch *batch)
{
	struct memif_side *side;

	if (queue >= interface->n_rx)
		return;
	side = &interface->rx[queue];
	if (batch->n > 0 && gate_is_inside(&side->gate)) {
		memif_queue_rx_done(side->queue);
		leave(interface, side);
	}
	vif_batch_clear(batch);
}

static void copy_out(const struct vif_packet *packet, uint8_t *to)
{
	for (uint16_t i = 0; i < packet->n_seg; i++) {
		memcpy(to, packet->seg[i].iov_base, packet->seg[i].iov_len);
		to += packet->seg[i].iov_len;
	}
}

int vif_memif_read(struct vif_memif_interface *interface, unsigned int queue,
		   void *data, size_t size)
{
	struct vif_packet packet = { .len = 0 };
	struct iovec seg[VIF_PACKET_SEG_MAX];
	struct vif_batch batch = {
		.packet = &packet,
		.seg = seg,
		.n_max = 1,
		.n_seg_max = VIF_PACKET_SEG_MAX,
	};
	struct port_counters *counters;
	int r = vif_memif_rx(interface, queue, &batch);

	if (r <= 0)
		return r;
	counters = &interface->link.config.queue.counters[queue].rx;
	if (packet.csum == VIF_CSUM_PARTIAL) {
		port_drop(counters, VIF_DROP_OFFLOAD);
		r = -EOPNOTSUPP;
	} else if (packet.len > size) {
		port_drop(counters, VIF_DROP_TOO_LONG);
		r = -EMSGSIZE;
	} else {
		copy_out(&packet, data);
		r = (int)packet.len;
	}
	vif_memif_rx_done(interface, queue, &batch);
	return r;
}

int vif_memif_tx(struct vif_memif_interface *interface, unsigned int queue,
		 const struct vif_packet *packet, unsigned int n)
{
	struct memif_side *side;
	int r;

	if (queue >= interface->n_tx)
		return -EINVAL;
	side = &interface->tx[queue];
	if (!gate_enter(&side->gate))
		return turned_away(side);
	r = memif_queue_tx(side->queue, packet, n);
	leave(interface, side);
	return error_for_program(r);
}

int vif_memif_write(struct vif_memif_interface *interface, unsigned int queue,
		    const void *data, size_t len)
{
	struct iovec seg = { (void *)data, len };
	struct vif_packet packet = { .seg = &seg, .n_seg = 1 };

	if (len == 0 || len > VIF_PACKET_LEN_MAX)
		return -EINVAL;
	packet.len = (uint32_t)len;
	return vif_memif_tx(interface, queue, &packet, 1);
}

/* From reserve to commit the thread is inside. */
int vif_memif_reserve(struct vif_memif_interface *interface, unsigned int queue,
		      struct vif_memif_buffer *buffer, unsigned int n)
{
	struct memif_side *side;
	int r;

	if (queue >= interface->n_tx)
		return -EINVAL;
	side = &interface->tx[queue];
	if (!gate_is_inside(&side->gate) && !gate_enter(&side->gate))
		return -ENOTCONN;
	r = memif_queue_reserve(side->queue, (struct memif_buffer *)buffer, n);
	if (r <= 0)
		leave(interface, side);
	return error_for_program(r);
}

/* What was reserved cannot be sent any more once the peer is gone. */
static int commit(struct memif_side *side,
		  const struct vif_memif_buffer *buffer, unsigned int n)
{
	if (n == 0)
		return 0;
	if (gate_is_shutting(&side->gate))
		return -ENOTCONN;
	return memif_queue_commit(side->queue,
				  (const struct memif_buffer *)buffer, n);
}

int vif_memif_commit(struct vif_memif_interface *interface, unsigned int queue,
		     const struct vif_memif_buffer *buffer, unsigned int n)
{
	struct memif_side *side;
	int r;

	if (queue >= interface->n_tx)
		return -EINVAL;
	side = &interface->tx[queue];
	if (!gate_is_inside(&side->gate))
		return gate_is_shut(&side->gate) ? -ENOTCONN : -EINVAL;
	r = commit(side, buffer, n);
	if (r != -EINVAL) /* else: to be mended, or given back */
		leave(interface, side);
	return r;
}

int vif_memif_forward(struct vif_memif_interface *interface,
		      unsigned int rx_queue, const struct vif_batch *batch,
		      unsigned int first, unsigned int n, unsigned int tx_queue)
{
	struct memif_side *rx, *tx;
	int r;

	if (rx_queue >= interface->n_rx || tx_queue >= interface->n_tx)
		return -EINVAL;
	rx = &interface->rx[rx_queue];
	tx = &interface->tx[tx_queue];
	if (!gate_is_inside(&rx->gate))
		return -EINVAL;
	if (!gate_enter(&tx->gate))
		return turned_away(tx);
	r = memif_queue_swap(rx->queue, batch, first, n, tx->queue);
	leave(interface, tx);
	return error_for_program(r);
}

int vif_memif_rx_fd(const struct vif_memif_interface *interface,
		    unsigned int queue)
{
	return queue < interface->n_rx ? interface->rx[queue].poll_fd : -EINVAL;
}

static int arm(struct vif_memif_interface *interface, struct memif_side *side)
{
	int r;

	if (!gate_enter(&side->gate))
		return 0;
	if (!side->is_tx)
		memif_side_apply_mode(side);
	r = memif_queue_arm(side->queue);
	leave(interface, side);
	return r;
}

int vif_memif_rx_arm(struct vif_memif_interface *interface, unsigned int queue)
{
	return queue < interface->n_rx ? arm(interface, &interface->rx[queue]) :
					 -EINVAL;
}

int vif_memif_set_rx_mode(struct vif_memif_interface *interface,
			  unsigned int queue, enum vif_memif_rx_mode mode)
{
	struct memif_side *side;

	if (queue >= interface->n_rx || mode > VIF_MEMIF_RX_POLL)
		return -EINVAL;
	side = &interface->rx[queue];
	atomic_store(&side->rx_mode, (int)mode);
	if (gate_is_inside(&side->gate)) {
		memif_side_apply_mode(side);
	} else if (gate_enter(&side->gate)) {
		memif_side_apply_mode(side);
		leave(interface, side);
	}
	return 0; /* otherwise the next connection begins with it */
}

/* Ports */

/*
 * A ring that several queues of a port send on has one sender at a time; the
 * others wait for the burst to end.
 */
static void take(struct memif_side *side)
{
	for (unsigned int i = 1; atomic_flag_test_and_set_explicit(
		     &side->is_taken, memory_order_acquire);
	     i++)
		if (i % TAKE_SPINS == 0)
			(void)sched_yield(); /* cannot fail on Linux */
}

static void put(struct memif_side *side)
{
	atomic_flag_clear_explicit(&side->is_taken, memory_order_release);
}

/* The side whose ring a queue of a port sends on, or NULL without a peer. */
static struct memif_side *shared_side(struct vif_memif_interface *interface,
				      unsigned int queue)
{
	uint32_t n = atomic_load_explicit(&interface->n_tx_ring,
					  memory_order_relaxed);

	return n > 0 ? &interface->tx[queue % n] : NULL;
}

static unsigned int lend(struct vif_memif_interface *interface,
			 struct memif_side *side, struct iovec *piece,
			 unsigned int n)
{
	if (!gate_enter(&side->gate))
		return 0;
	n = memif_queue_places(side->queue, piece, n);
	side->has_places = n > 0;
	if (n == 0)
		leave(interface, side);
	return n;
}

/*
 * A ring that others send on, too, is not theirs to wait for. It is taken all
 * the same: the peer may be back with fewer rings when its gate lets us in.
 */
unsigned int memif_interface_tx_places(struct vif_memif_interface *interface,
				       unsigned int queue, struct iovec *piece,
				       unsigned int n)
{
	struct memif_side *side = &interface->tx[queue];

	if (side->has_places ||
	    atomic_load_explicit(&interface->n_tx_ring, memory_order_relaxed) !=
		    interface->n_tx)
		return 0;
	take(side);
	n = lend(interface, side, piece, n);
	if (n == 0)
		put(side);
	return n;
}

void memif_interface_tx_places_end(struct vif_memif_interface *interface,
				   unsigned int queue)
{
	struct memif_side *side = &interface->tx[queue];

	memif_queue_places_end(side->queue);
	side->has_places = false;
	leave(interface, side);
	put(side);
}

/* The thread is inside since it has had room lent. */
static int tx_inside(struct memif_side *side, const struct vif_packet *packet,
		     unsigned int n)
{
	if (gate_is_shutting(&side->gate))
		return -ENOTCONN;
	return error_for_program(memif_queue_tx(side->queue, packet, n));
}

int memif_interface_tx(struct vif_memif_interface *interface,
		       unsigned int queue, const struct vif_packet *packet,
		       unsigned int n)
{
	struct memif_side *side = shared_side(interface, queue);
	int r;

	if (interface->tx[queue].has_places)
		return tx_inside(&interface->tx[queue], packet, n);
	if (!side)
		return -ENOTCONN;
	if (interface->n_tx == 1)
		return vif_memif_tx(interface, 0, packet, n);
	take(side);
	r = vif_memif_tx(interface, (unsigned int)(side - interface->tx),
			 packet, n);
	put(side);
	return r;
}

int memif_interface_tx_fd(const struct vif_memif_interface *interface,
			  unsigned int queue)
{
	return interface->tx[queue].poll_fd;
}

int memif_interface_tx_arm(struct vif_memif_interface *interface,
			   unsigned int queue)
{
	struct memif_side *side = shared_side(interface, queue);
	int r;

	if (!side)
		return 1; /* down: try again, and learn of it */
	take(side);
	r = arm(interface, side);
	put(side);
	return r;
}

void memif_interface_rx_settle(struct vif_memif_interface *interface,
			       unsigned int queue)
{
	struct memif_side *side = &interface->rx[queue];

	/* Who has packets of it does not wait for any. */
	if (!gate_enter(&side->gate))
		return;
	memif_queue_settle(side->queue);
	leave(interface, side);
}

static uint32_t left(struct vif_memif_interface *interface,
		     struct memif_side *side)
{
	uint32_t n;

	if (!gate_enter(&side->gate))
		return 0;
	n = memif_queue_left(side->queue);
	leave(interface, side);
	return n;
}

uint32_t memif_interface_rx_left(struct vif_memif_interface *interface,
				 unsigned int queue)
{
	return left(interface, &interface->rx[queue]);
}

uint32_t memif_interface_tx_left(struct vif_memif_interface *interface,
				 unsigned int queue)
{
	struct memif_side *side = &interface->tx[queue];
	uint32_t n;

	if (queue >=
	    atomic_load_explicit(&interface->n_tx_ring, memory_order_relaxed))
		return 0;
	take(side);
	n = left(interface, side);
	put(side);
	return n;
}
