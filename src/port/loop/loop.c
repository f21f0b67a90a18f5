/* SPDX-License-Identifier: Apache-2.0 */
/*
 * loop: a pair of in-memory ports. What one end sends, the other receives.
 *
 * The first end is opened by itself, the second with the first as its peer. tx
 * copies into the slots of a ring, rx lends them. It is the one to copy from.
 */
#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>

#include "base/bits.h"
#include "base/error.h"
#include "packet/copy.h"
#include "port/address.h"
#include "port/loop/pair.h"
#include "port/offload_key.h"
#include "port/ops.h"

struct loop {
	struct vif_port port;
	struct pair *pair; /* NULL before open and after close */
	unsigned int end;
};

struct loop_options {
	uint32_t ethernet, mtu, queues, ring, offload;
};

static const char *const media[] = { "ip", "ethernet", NULL };

#define FIELD(name) offsetof(struct loop_options, name)
static const struct port_key keys[] = {
	{ "medium", PORT_KEY_CHOICE, FIELD(ethernet), "ip",
	  "what packets start with", .choices = media },
	{ "mtu", PORT_KEY_UINT, FIELD(mtu), "1500",
	  "largest plain packet, bytes from L3 on", .min = 68, .max = 65535 },
	{ "queues", PORT_KEY_UINT, FIELD(queues), "1", "queues", .min = 1,
	  .max = PORT_QUEUES_MAX },
	{ "ring", PORT_KEY_UINT, FIELD(ring), "256",
	  "packets a queue holds, rounded up to a power of two", .min = 2,
	  .max = 32768 },
	{ "offload", PORT_KEY_CHOICE, FIELD(offload), "auto",
	  "work that may be left undone", .choices = port_offload_choices },
};

static struct loop *to_loop(struct vif_port *port)
{
	return container_of(port, struct loop, port);
}

static struct pair_ring *ring_of(const struct vif_port *port,
				 unsigned int queue, enum vif_wait what)
{
	const struct loop *loop = const_container_of(port, struct loop, port);

	return pair_ring(loop->pair, loop->end, queue, what);
}

static int join(struct loop *loop, struct vif_error *error)
{
	struct vif_port *peer = loop->port.config.peer;

	if (peer->ops != loop->port.ops || !pair_join(to_loop(peer)->pair)) {
		error_set(error, -EINVAL, "cannot join the peer");
		return error_why(error, -EINVAL, "it is no free loop port");
	}
	loop->pair = to_loop(peer)->pair;
	loop->end = 1;
	loop->port.caps = peer->caps;
	port_set_state(peer, VIF_PORT_UP);
	port_set_state(&loop->port, VIF_PORT_UP);
	return 0;
}

static void fill_caps(struct vif_port_caps *caps,
		      const struct loop_options *options)
{
	uint32_t gso = port_offload_gso(options->offload);
	uint32_t l2 = options->ethernet ? 14 : 0;

	caps->medium = options->ethernet ? VIF_MEDIUM_ETH : VIF_MEDIUM_IP;
	caps->mtu = options->mtu;
	caps->len_max = gso ? VIF_PACKET_LEN_MAX : options->mtu + l2;
	caps->n_queue = options->queues;
	caps->seg_max = VIF_PACKET_SEG_MAX;
	caps->rx_gso = caps->tx_gso = gso;
	caps->rx_csum = caps->tx_csum = port_offload_csum(options->offload);
}

static int loop_open(struct vif_port *port, const struct address *address,
		     struct vif_error *error)
{
	struct loop_options opt = { 0 };
	int r = address_options(address, keys, ARRAY_LEN(keys), &opt, error);

	if (r < 0)
		return r;
	if (port->config.peer)
		return join(to_loop(port), error);
	fill_caps(&port->caps, &opt);
	r = pair_new(opt.queues, opt.ring, port->caps.len_max,
		     &to_loop(port)->pair);
	return r < 0 ? error_set(error, r, "cannot make the rings") : 0;
}

static void loop_close(struct vif_port *port)
{
	pair_unref(to_loop(port)->pair);
	to_loop(port)->pair = NULL;
}

static int loop_rx(struct vif_port *port, unsigned int queue,
		   struct vif_batch *batch)
{
	struct pair_ring *ring = ring_of(port, queue, VIF_WAIT_RX);
	uint32_t tail, n = spsc_ready(&ring->index, &tail);

	if (n == 0)
		return pair_left(to_loop(port)->pair) ? -ENODEV : 0;
	for (; n > 0 && batch->n < batch->n_max; n--, tail++) {
		struct vif_packet *packet = &batch->packet[batch->n++];

		*packet = ring->packet[tail & (ring->index.size - 1)];
		port_count(&port->queue[queue].rx, packet);
	}
	return (int)batch->n;
}

static void loop_rx_done(struct vif_port *port, unsigned int queue,
			 struct vif_batch *batch)
{
	struct pair_ring *ring = ring_of(port, queue, VIF_WAIT_RX);

	if (spsc_pop(&ring->index, batch->n))
		(void)eventfd_write(ring->wake_fd[VIF_WAIT_TX], 1);
}

static int loop_tx(struct vif_port *port, unsigned int queue,
		   const struct vif_packet *packet, unsigned int n)
{
	struct pair_ring *ring = ring_of(port, queue, VIF_WAIT_TX);
	size_t slot_size = to_loop(port)->pair->slot_size;
	uint32_t head, room = spsc_room(&ring->index, &head), used = 0;
	unsigned int i;

	if (pair_left(to_loop(port)->pair))
		return -ENODEV;
	for (i = 0; i < n && used < room; i++) {
		uint32_t slot = (head + used) & (ring->index.size - 1);

		if (!port_tx_gate(port, queue, &packet[i]))
			continue;
		ring->packet[slot] =
			packet_copy(&packet[i], ring->bytes + slot * slot_size,
				    &ring->seg[slot]);
		used++;
	}
	if (spsc_push(&ring->index, used))
		(void)eventfd_write(ring->wake_fd[VIF_WAIT_RX], 1);
	return (int)i;
}

static int loop_wait_fd(const struct vif_port *port, unsigned int queue,
			enum vif_wait what, short *ret_events)
{
	if (what == VIF_WAIT_CONTROL)
		return -EINVAL;
	*ret_events = POLLIN;
	return ring_of(port, queue, what)->wake_fd[what];
}

static int loop_arm(struct vif_port *port, unsigned int queue,
		    enum vif_wait what)
{
	struct pair_ring *ring = ring_of(port, queue, what);
	eventfd_t count;

	(void)eventfd_read(ring->wake_fd[what], &count); /* if it was set */
	return (what == VIF_WAIT_TX ? spsc_want_room(&ring->index) :
				      spsc_want_data(&ring->index)) ||
	       pair_left(to_loop(port)->pair);
}

const struct vif_port_ops vif_port_ops_loop = {
	.name = "loop",
	.summary = "in-memory pair, for programs and tests",
	.example = "vif_port_open(\"loop:,queues=2\", NULL, &port, &error)",
	.keys = keys,
	.n_keys = ARRAY_LEN(keys),
	.size = sizeof(struct loop),
	.open = loop_open,
	.close = loop_close,
	.rx = loop_rx,
	.rx_done = loop_rx_done,
	.tx = loop_tx,
	.wait_fd = loop_wait_fd,
	.arm = loop_arm,
};
