/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The receiving side of the fault port.
 *
 * Everything the inner port lends is copied into a ring at once and given
 * back, so that packets can be held, doubled and swapped without a thought for
 * whose memory it is. The caller is lent packets from the ring.
 *
 * Swapping: a packet chosen for it waits at the young end of the ring until
 * its successor has come, or a look at the inner port finds none.
 *
 * Delay: only service knows the time. It counts its calls in `tick`; a packet
 * is stamped as soon as there was a call after its arrival, and may go when
 * `now_ns` has reached its stamp. next_ns tells service when to wake us. Both
 * sides write their word before they read the other's, so that one of them
 * notices; all of it is sequentially consistent.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "packet/copy.h"
#include "port/fault/fault.h"

enum receive_limits {
	RECEIVE_ROOM_MIN = 2 * FAULT_BATCH, /* a burst, each packet twice */
	RECEIVE_SEG_MAX = 4 * FAULT_BATCH,
};

static const size_t bytes_size = (size_t)FAULT_HELD_MAX * FAULT_SLOT_SIZE;

static struct fault_held *held_at(const struct fault_rx *rx, uint32_t index)
{
	return &rx->held[index & (FAULT_HELD_MAX - 1)];
}

static bool is_full(const struct fault_rx *rx)
{
	return FAULT_HELD_MAX - (rx->head - rx->tail) < RECEIVE_ROOM_MIN;
}

int fault_rx_init(struct fault *fault, uint32_t queue)
{
	struct fault_rx *rx = &fault->rx[queue];
	int r = fault_wait_init(&rx->wait, fault->inner, queue, VIF_WAIT_RX,
				fault->delay_ns > 0, fault->gone_fd);

	if (r < 0)
		return r;
	rx->packet_dice = dice_new(fault->seed, 4 * queue);
	rx->call_dice = dice_new(fault->seed, 4 * queue + 1);
	atomic_store(&rx->next_ns, UINT64_MAX);
	r = vif_batch_new(FAULT_BATCH, RECEIVE_SEG_MAX, &rx->batch);
	if (r < 0)
		return r;
	/* Pages of a mapping cost nothing before they are touched. */
	rx->bytes = mmap(NULL, bytes_size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (rx->bytes == MAP_FAILED)
		rx->bytes = NULL;
	rx->held = calloc(FAULT_HELD_MAX, sizeof(*rx->held));
	if (!rx->bytes || !rx->held)
		return -ENOMEM;
	for (size_t i = 0; i < FAULT_HELD_MAX; i++)
		rx->held[i].bytes = rx->bytes + i * FAULT_SLOT_SIZE;
	return 0;
}

void fault_rx_fini(struct fault_rx *rx)
{
	fault_wait_fini(&rx->wait);
	vif_batch_free(rx->batch);
	if (rx->bytes)
		(void)munmap(rx->bytes, bytes_size);
	free(rx->held);
}

/* Exchanges two packets, but not when they are due. */
static void swap(struct fault_held *a, struct fault_held *b)
{
	struct fault_held first = *a;

	a->packet = b->packet;
	a->seg = b->seg;
	a->bytes = b->bytes;
	a->packet.seg = &a->seg;
	b->packet = first.packet;
	b->seg = first.seg;
	b->bytes = first.bytes;
	b->packet.seg = &b->seg;
}

/* Returns whether it overtook the one before. */
static bool push(struct fault_rx *rx, const struct vif_packet *packet,
		 uint64_t tick)
{
	struct fault_held *held = held_at(rx, rx->head);
	bool overtakes = rx->swap_last;

	assert(rx->head - rx->tail < FAULT_HELD_MAX);
	assert(packet->len <= FAULT_SLOT_SIZE);
	held->packet = packet_copy(packet, held->bytes, &held->seg);
	held->tick = tick;
	rx->head++;
	if (overtakes)
		swap(held_at(rx, rx->head - 2), held);
	rx->swap_last = false;
	return overtakes;
}

/* Holds one packet of the inner port, or two, or none. */
static void admit(struct fault *fault, struct fault_rx *rx,
		  const struct vif_packet *packet, uint64_t tick)
{
	struct fault_fate fate = fault_fate(&rx->packet_dice, &fault->rx_rates);
	bool overtakes;

	if (fate.drop) {
		rx->injected++;
		return;
	}
	overtakes = push(rx, packet, tick);
	if (fate.duplicate)
		(void)push(rx, packet, tick); /* right behind */
	/* Who has overtaken is not held back, or the first never arrives. */
	rx->swap_last = fate.reorder && !overtakes;
}

/*
 * Packets may be held for longer than the peer that sent them is there. So what
 * one peer can send may come from now on.
 */
static void note_peer(struct fault *fault)
{
	uint32_t absent = port_rx_absent(fault->inner);

	if (port_rx_absent(&fault->port) & ~absent)
		atomic_fetch_and(&fault->port.rx_absent, absent);
}

/* Moves a burst from the inner port into the ring. As vif_port_rx(). */
static int pull(struct fault *fault, unsigned int queue)
{
	struct fault_rx *rx = &fault->rx[queue];
	uint64_t tick = atomic_load(&fault->tick);
	int r;

	if (is_full(rx))
		return 0;
	r = vif_port_rx(fault->inner, queue, rx->batch);
	if (r > 0)
		note_peer(fault);
	for (int i = 0; i < r; i++)
		admit(fault, rx, &rx->batch->packet[i], tick);
	vif_port_rx_done(fault->inner, queue, rx->batch);
	fault_follow_drops(&fault->port.queue[queue].rx,
			   &fault->inner->queue[queue].rx, rx->injected);
	return r;
}

/* Says when packets are due, of those that service has seen. */
static void stamp(const struct fault *fault, struct fault_rx *rx)
{
	/* In this order: the time is that of this tick, or a later one. */
	uint64_t tick = atomic_load(&fault->tick);
	uint64_t now_ns = atomic_load(&fault->now_ns);

	for (; rx->stamped != rx->head; rx->stamped++) {
		struct fault_held *held = held_at(rx, rx->stamped);

		if (held->tick == tick)
			return;
		held->due_ns = now_ns + fault->delay_ns;
	}
}

/* Whether service has seen the packet at index, and stamp() noticed. */
static bool is_stamped(const struct fault_rx *rx, uint32_t index)
{
	return (int32_t)(rx->stamped - index) > 0;
}

static bool is_due(const struct fault *fault, const struct fault_rx *rx,
		   uint32_t index)
{
	if (fault->delay_ns == 0)
		return true;
	return is_stamped(rx, index) &&
	       held_at(rx, index)->due_ns <= atomic_load(&fault->now_ns);
}

/* Lends what may go, oldest first. */
static void lend(struct fault *fault, unsigned int queue,
		 struct vif_batch *batch)
{
	struct fault_rx *rx = &fault->rx[queue];
	uint32_t end = rx->head - rx->swap_last;
	uint32_t n_max = fault_left(fault, batch->n_max);

	for (uint32_t i = rx->tail; i != end && batch->n < n_max; i++) {
		if (!is_due(fault, rx, i))
			break;
		batch->packet[batch->n++] = held_at(rx, i)->packet;
		port_count(&fault->port.queue[queue].rx,
			   &held_at(rx, i)->packet);
	}
	fault_pass(fault, batch->n);
}

/* Tells service when the oldest packet that was not lent is due. */
static void plan_wake(const struct fault *fault, struct fault_rx *rx,
		      uint32_t n_lent)
{
	uint32_t next = rx->tail + n_lent;
	uint64_t next_ns = 0; /* to be stamped */

	if (next == rx->head)
		next_ns = UINT64_MAX;
	else if (is_stamped(rx, next))
		next_ns = held_at(rx, next)->due_ns;
	if (atomic_exchange(&rx->next_ns, next_ns) == next_ns && next_ns != 0)
		return; /* service has it in mind */
	if (next_ns != UINT64_MAX)
		fault_wait_wake(&fault->control);
}

int fault_rx(struct vif_port *port, unsigned int queue, struct vif_batch *batch)
{
	struct fault *fault = to_fault(port);
	struct fault_rx *rx = &fault->rx[queue];
	int r;

	if (fault_is_gone(fault))
		return -ENODEV;
	if (dice_roll(&rx->call_dice, fault->rx_rates.stall))
		return 0; /* arm finds the packets wherever they are */
	r = pull(fault, queue);
	if (r <= 0)
		rx->swap_last = false;
	if (fault->delay_ns > 0)
		stamp(fault, rx);
	lend(fault, queue, batch);
	if (fault->delay_ns > 0)
		plan_wake(fault, rx, batch->n);
	return batch->n == 0 && r < 0 ? r : (int)batch->n;
}

void fault_rx_done(struct vif_port *port, unsigned int queue,
		   struct vif_batch *batch)
{
	struct fault_rx *rx = &to_fault(port)->rx[queue];

	assert(batch->n <= rx->head - rx->tail);
	rx->tail += batch->n;
}

/* Whether fault_rx() would get on with a packet it holds. */
static bool has_work(const struct fault *fault, const struct fault_rx *rx)
{
	if (rx->head == rx->tail)
		return false;
	if (fault->delay_ns == 0 || is_stamped(rx, rx->tail))
		return is_due(fault, rx, rx->tail);
	return held_at(rx, rx->tail)->tick != atomic_load(&fault->tick);
}

int fault_rx_arm(struct fault *fault, unsigned int queue)
{
	struct fault_rx *rx = &fault->rx[queue];

	fault_wait_clear(&rx->wait);
	if (fault_is_gone(fault) || has_work(fault, rx))
		return 1;
	/* When the ring is full, packets from the inner port do not help. */
	if (fault_wait_watch(&rx->wait, !is_full(rx)) < 0)
		return 1;
	return is_full(rx) ? 0 : vif_port_arm(fault->inner, queue, VIF_WAIT_RX);
}

uint64_t fault_rx_service(struct fault_rx *rx, uint64_t now_ns)
{
	uint64_t next_ns = atomic_load(&rx->next_ns);

	if (next_ns > now_ns)
		return next_ns;
	fault_wait_wake(&rx->wait);
	return UINT64_MAX;
}

unsigned int fault_rx_held(struct vif_port *port, unsigned int queue)
{
	const struct fault *fault = to_fault(port);
	const struct fault_rx *rx = &fault->rx[queue];

	/* After the end nothing comes any more. */
	if (atomic_load(&fault->gone))
		return 0;
	return rx->head - rx->tail + vif_port_rx_held(fault->inner, queue);
}
