/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The queues of an interface, as programs and the port use them: through the
 * gate, to whatever ring is behind it now.
 */
#include <errno.h>
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

/*
 * A sender whose peer has fewer rings than we have queues shares one, for as
 * long as it is in.
 */
static struct memif_side *enter_tx(struct vif_memif_interface *interface,
				   unsigned int queue, bool share)
{
	uint32_t n = atomic_load_explicit(&interface->n_tx_ring,
					  memory_order_relaxed);
	struct memif_side *side;

	if (n == 0)
		return NULL;
	side = &interface->tx[share ? queue % n : queue];
	if (share && n < interface->n_tx)
		while (atomic_flag_test_and_set_explicit(&side->is_taken,
							 memory_order_acquire))
			;
	if (gate_enter(&side->gate))
		return side;
	atomic_flag_clear_explicit(&side->is_taken, memory_order_release);
	return NULL;
}

static void leave(struct memif_side *side)
{
	gate_leave(&side->gate);
	atomic_flag_clear_explicit(&side->is_taken, memory_order_release);
}

/* The control thread has to end the connection. */
static int complain(struct vif_memif_interface *interface, int r)
{
	if (r == -EPROTO) {
		memif_poke(interface->socket->memif);
		return -ENOTCONN;
	}
	return r;
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
		return -ENOTCONN;
	r = memif_queue_rx(side->queue, batch);
	if (r <= 0)
		gate_leave(&side->gate);
	return complain(interface, r);
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
		gate_leave(&side->gate);
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
	struct vif_packet packet;
	struct iovec seg[VIF_PACKET_SEG_MAX];
	struct vif_batch batch = {
		.packet = &packet,
		.seg = seg,
		.n_max = 1,
		.n_seg_max = VIF_PACKET_SEG_MAX,
	};
	int r = vif_memif_rx(interface, queue, &batch);

	if (r <= 0)
		return r;
	r = packet.len <= size ? (int)packet.len : -EMSGSIZE;
	if (r > 0)
		copy_out(&packet, data);
	vif_memif_rx_done(interface, queue, &batch);
	return r;
}

static int send_packets(struct vif_memif_interface *interface,
			unsigned int queue, bool share,
			const struct vif_packet *packet, unsigned int n)
{
	struct memif_side *side;
	int r;

	if (queue >= interface->n_tx)
		return -EINVAL;
	side = enter_tx(interface, queue, share);
	if (!side)
		return -ENOTCONN;
	r = memif_queue_tx(side->queue, packet, n);
	leave(side);
	return complain(interface, r);
}

int vif_memif_tx(struct vif_memif_interface *interface, unsigned int queue,
		 const struct vif_packet *packet, unsigned int n)
{
	return send_packets(interface, queue, false, packet, n);
}

int memif_interface_tx(struct vif_memif_interface *interface,
		       unsigned int queue, const struct vif_packet *packet,
		       unsigned int n)
{
	return send_packets(interface, queue, true, packet, n);
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
	if (!gate_is_inside(&side->gate) && !enter_tx(interface, queue, false))
		return -ENOTCONN;
	r = memif_queue_reserve(side->queue, (struct memif_buffer *)buffer, n);
	if (r <= 0)
		leave(side);
	return complain(interface, r);
}

int vif_memif_commit(struct vif_memif_interface *interface, unsigned int queue,
		     const struct vif_memif_buffer *buffer, unsigned int n)
{
	struct memif_side *side;
	int r = 0;

	if (queue >= interface->n_tx)
		return -EINVAL;
	side = &interface->tx[queue];
	if (!gate_is_inside(&side->gate))
		return -ENOTCONN;
	if (n > 0)
		r = memif_queue_commit(side->queue,
				       (const struct memif_buffer *)buffer, n);
	if (r == -EINVAL)
		return r; /* still reserved: to be mended, or given back */
	leave(side);
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
	if (!gate_is_inside(&rx->gate))
		return -EINVAL;
	tx = enter_tx(interface, tx_queue, false);
	if (!tx)
		return -ENOTCONN;
	r = memif_queue_swap(rx->queue, batch, first, n, tx->queue);
	leave(tx);
	return complain(interface, r);
}

int vif_memif_rx_fd(const struct vif_memif_interface *interface,
		    unsigned int queue)
{
	return queue < interface->n_rx ? interface->rx[queue].poll_fd : -EINVAL;
}

int memif_interface_tx_fd(const struct vif_memif_interface *interface,
			  unsigned int queue)
{
	uint32_t n = atomic_load_explicit(&interface->n_tx_ring,
					  memory_order_relaxed);

	return interface->tx[n > 0 ? queue % n : queue].poll_fd;
}

static int arm(struct memif_side *side)
{
	int r;

	if (!gate_enter(&side->gate))
		return 0;
	r = memif_queue_arm(side->queue);
	gate_leave(&side->gate);
	return r;
}

int vif_memif_rx_arm(struct vif_memif_interface *interface, unsigned int queue)
{
	return queue < interface->n_rx ? arm(&interface->rx[queue]) : -EINVAL;
}

int memif_interface_tx_arm(struct vif_memif_interface *interface,
			   unsigned int queue)
{
	struct memif_side *side = enter_tx(interface, queue, true);
	int r;

	if (!side)
		return 1; /* down: try again, and learn of it */
	r = memif_queue_arm(side->queue);
	leave(side);
	return r;
}

int vif_memif_set_rx_mode(struct vif_memif_interface *interface,
			  unsigned int queue, enum vif_memif_rx_mode mode)
{
	struct memif_side *side;

	if (queue >= interface->n_rx || mode > VIF_MEMIF_RX_POLL)
		return -EINVAL;
	side = &interface->rx[queue];
	atomic_store(&side->rx_mode, (int)mode);
	if (!gate_enter(&side->gate))
		return 0; /* the next connection begins with it */
	memif_queue_set_rx_mode(side->queue, (enum memif_rx_mode)mode);
	gate_leave(&side->gate);
	return 0;
}
