/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Moving a burst from one queue to another.
 *
 * Between rx and tx a burst passes the stages of the plan, if there are any,
 * which give out some packets at a time. The next ones are fetched when these
 * have been sent and nobody holds them any more.
 *
 * A batch that the destination takes only in part stays with the wire, which
 * then waits for room instead of receiving: so the queue of the source fills,
 * and decides what to drop.
 */
#include "link/wire.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "port/ops.h"

enum wire_limits {
	WIRE_BATCH_SEG = 4 * WIRE_BATCH,
	/* Pieces of room: three superpackets in buffers of 2 KiB, as many as a
	 * TUN device reads at once, for the same reason. */
	WIRE_PLACES = 104,
	WIRE_BULK_MIN = 8192, /* bytes of a packet that is not to be copied */
};

int wire_init(struct wire *wire, const struct stages_config *stages)
{
	int r = vif_batch_new(WIRE_BATCH, WIRE_BATCH_SEG, &wire->batch);

	if (r == 0 && stages_are_needed(stages))
		r = stages_new(stages, &wire->stages);
	return r;
}

void wire_fini(struct wire *wire)
{
	vif_batch_free(wire->batch);
	stages_free(wire->stages);
	wire->batch = NULL;
	wire->stages = NULL;
}

/* Bytes that a peer can still change are looked at in a copy. */
static uint32_t flow_hash(const struct wire *wire,
			  const struct vif_packet *packet)
{
	uint8_t header[VIF_PACKET_HDR_MAX];
	struct iovec seg = { header, packet->seg[0].iov_len };
	struct vif_packet copy = { .seg = &seg, .n_seg = 1 };

	if (!(packet->flags & VIF_PACKET_HOSTILE))
		return vif_packet_flow_hash(packet, wire->medium);
	if (seg.iov_len > sizeof(header))
		seg.iov_len = sizeof(header);
	memcpy(header, packet->seg[0].iov_base, seg.iov_len);
	copy.len = (uint32_t)seg.iov_len;
	return vif_packet_flow_hash(&copy, wire->medium);
}

static uint32_t choose_queue(const struct wire *wire,
			     const struct vif_packet *packet)
{
	uint32_t hash;

	if (wire->n_tx_queue == 1)
		return wire->tx_queue;
	hash = flow_hash(wire, packet);
	return wire->tx_queue + hash % wire->n_tx_queue * wire->tx_stride;
}

/* Packets from the next one on that go to the same queue. */
static uint32_t run_length(const struct wire *wire, uint32_t *ret_queue)
{
	uint32_t end = wire->next + 1;

	*ret_queue = choose_queue(wire, &wire->packet[wire->next]);
	if (wire->n_tx_queue == 1)
		return wire->n_packet - wire->next;
	while (end < wire->n_packet &&
	       choose_queue(wire, &wire->packet[end]) == *ret_queue)
		end++;
	return end - wire->next;
}

static void drop_next(struct wire *wire, uint32_t n, enum vif_drop reason)
{
	counter_add(&wire->drops[reason], n);
	wire->next += n;
}

static int send_packets(struct wire *wire)
{
	uint32_t queue, n;
	int r;

	while (wire->next < wire->n_packet) {
		n = run_length(wire, &queue);
		r = vif_port_tx(wire->destination, queue,
				&wire->packet[wire->next], n);
		if (r < 0)
			return r;
		assert((uint32_t)r <= n);
		wire->next += (uint32_t)r;
		if ((uint32_t)r == n)
			continue;
		wire->blocked = queue;
		counter_add(&wire->waits, 1);
		/* What lies in lent room cannot wait. It has room, unless the
		 * peer takes that back. */
		if (wire->full == VIF_FULL_WAIT && !wire->has_places)
			return WIRE_BLOCKED;
		/* The other queues may have room. */
		drop_next(wire, n - (uint32_t)r, VIF_DROP_FULL);
	}
	return WIRE_MOVED;
}

static bool is_held(struct wire *wire)
{
	if (!vif_port_caps(wire->destination)->tx_holds)
		return false;
	for (uint32_t i = 0; i < wire->n_tx_queue; i++) {
		wire->blocked = wire->tx_queue + i * wire->tx_stride;
		if (vif_port_tx_held(wire->destination, wire->blocked) > 0)
			return true;
	}
	return false;
}

/* The next packets of the burst. Returns whether there are any. */
static bool fetch(struct wire *wire)
{
	wire->next = 0;
	wire->n_packet =
		wire->stages ? stages_next(wire->stages, &wire->packet) : 0;
	return wire->n_packet > 0;
}

/* What the source leaves undone, of the burst that it lends now. */
static uint32_t left_undone(const struct vif_port *source)
{
	const struct vif_port_caps *caps = vif_port_caps(source);
	uint32_t undone = caps->rx_gso | (caps->rx_csum ? PORT_CSUM : 0);

	return undone & ~port_rx_absent(source);
}

/* A burst has come. Returns whether there is anything to send of it. */
static bool begin(struct wire *wire)
{
	if (wire->stages) {
		stages_begin(wire->stages, wire->batch, wire->refused,
			     wire->undone);
		return fetch(wire);
	}
	wire->next = 0;
	wire->packet = wire->batch->packet;
	wire->n_packet = wire->batch->n;
	return true;
}

/*
 * Whether packets go out as they come in, and are worth it: only then they may
 * be put where the destination wants them. The stages are told the same
 * afterwards, whatever has become of the peer.
 */
static bool may_place(const struct wire *wire)
{
	return wire->is_bulk && wire->n_tx_queue == 1 &&
	       port_can_place(wire->source, wire->destination) &&
	       (!wire->stages ||
		stages_pass(wire->stages, wire->refused, wire->undone));
}

static void give_places_back(struct wire *wire)
{
	if (wire->has_places)
		port_tx_places_end(wire->destination, wire->tx_queue);
	wire->has_places = false;
}

/* In the place where it is wanted, or lent by the source. */
static int receive_placed_or_lent(struct wire *wire)
{
	struct iovec place[WIRE_PLACES];
	unsigned int n = 0;
	int r = -ENOBUFS;

	if (may_place(wire)) {
		assert(!vif_port_caps(wire->destination)->tx_holds);
		n = port_tx_places(wire->destination, wire->tx_queue, place,
				   WIRE_PLACES);
	}
	wire->has_places = n > 0;
	if (n > 0)
		r = port_rx_into(wire->source, wire->rx_queue, place, n,
				 wire->batch);
	if (r != -ENOBUFS)
		return r;
	/* What comes in memory of the source can wait for room. */
	give_places_back(wire);
	return vif_port_rx(wire->source, wire->rx_queue, wire->batch);
}

/*
 * Somebody may be waiting for the packet that ended a sleep, so it is sent
 * before looking for more. What is more then comes in bursts.
 */
static int receive(struct wire *wire)
{
	int r;

	wire->batch->n_max = wire->woken ? 1 : WIRE_BATCH;
	wire->refused = port_tx_refused(wire->destination);
	wire->undone = left_undone(wire->source);
	r = receive_placed_or_lent(wire);
	if (r > 0) {
		wire->woken = false;
		wire->is_bulk = wire->batch->packet[r - 1].len >= WIRE_BULK_MIN;
		counter_add(&wire->bursts, 1);
	}
	return r;
}

static int move_burst(struct wire *wire, struct vif_port **ret_port)
{
	bool more = true;
	int r;

	if (wire->batch->n == 0) {
		*ret_port = wire->source;
		r = receive(wire);
		if (r <= 0)
			return r < 0 ? r : WIRE_IDLE;
		more = begin(wire);
	}
	*ret_port = wire->destination;
	while (more) {
		r = send_packets(wire);
		if (r != WIRE_MOVED)
			return r;
		if (is_held(wire))
			return WIRE_BLOCKED;
		more = fetch(wire);
	}
	vif_port_rx_done(wire->source, wire->rx_queue, wire->batch);
	return WIRE_MOVED;
}

int wire_pump(struct wire *wire, struct vif_port **ret_port)
{
	int r = move_burst(wire, ret_port);

	give_places_back(wire);
	return r;
}

void wire_settle(struct wire *wire)
{
	port_settle(wire->source, wire->rx_queue);
}

unsigned int wire_held(const struct wire *wire)
{
	return vif_port_rx_held(wire->source, wire->rx_queue);
}

/* What the destination says of all queues this wire sends on. */
static unsigned int sum_of_queues(const struct wire *wire,
				  unsigned int (*ask)(struct vif_port *port,
						      unsigned int queue))
{
	unsigned int n = 0;

	/* The first wire of a lane speaks for all that share its queues. */
	if (wire->rx_queue != wire->tx_queue)
		return 0;
	for (uint32_t i = 0; i < wire->n_tx_queue; i++)
		n += ask(wire->destination,
			 wire->tx_queue + i * wire->tx_stride);
	return n;
}

unsigned int wire_left(const struct wire *wire)
{
	return sum_of_queues(wire, port_tx_left);
}

void wire_abandon(struct wire *wire)
{
	if (!wire->batch)
		return;
	drop_next(wire, wire->n_packet - wire->next, VIF_DROP_STOPPED);
	if (wire->stages)
		counter_add(&wire->drops[VIF_DROP_STOPPED],
			    stages_abandon(wire->stages));
	vif_port_rx_done(wire->source, wire->rx_queue, wire->batch);
}

void wire_write_off(struct wire *wire)
{
	if (!wire->batch)
		return;
	counter_add(&wire->drops[VIF_DROP_STOPPED],
		    wire_held(wire) + sum_of_queues(wire, vif_port_tx_held) +
			    wire_left(wire));
}

int wire_wait_fd(struct wire *wire, short *ret_events)
{
	bool pending = wire->batch->n > 0;
	struct vif_port *port = pending ? wire->destination : wire->source;
	uint32_t queue = pending ? wire->blocked : wire->rx_queue;
	enum vif_wait what = pending ? VIF_WAIT_TX : VIF_WAIT_RX;
	int fd = vif_port_wait_fd(port, queue, what, ret_events);

	if (fd >= 0 && vif_port_arm(port, queue, what) > 0)
		return -EAGAIN;
	return fd;
}
