/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Receiving: lending what is in the slots, and giving them back.
 *
 * The usual packet is in one slot, and a loop for each role does nothing but
 * that. Whatever else there is goes to take_one(): chains, packets with offload
 * state or to be dropped, and what the peer does wrong.
 *
 * A slot is made ready for its next lap when its packet is taken, while it is in
 * the cache; the peer does not look at it before rx_done publishes our index.
 */
#include <errno.h>
#include <string.h>

#include "port/memif/queue.h"
#include "port/memif/queue_inner.h"
#include "port/memif/ride.h"

#define LIKELY(condition) __builtin_expect(!!(condition), 1)

/* A packet in one slot. */
static inline void lend(struct vif_batch *batch, uint32_t i, uint8_t *data,
			uint32_t len)
{
	/* Whoever copies it finds its beginning on the way. */
	__builtin_prefetch(data);
	batch->seg[i] = (struct iovec){ data, len };
	batch->packet[i] = (struct vif_packet){
		.seg = &batch->seg[i],
		.len = len,
		.n_seg = 1,
		.flags = VIF_PACKET_HOSTILE,
	};
}

/*
 * Client: lends up to n packets, as long as they are usual. Returns how many.
 */
static uint32_t lend_of_server(struct memif_queue *queue, uint32_t n,
			       struct vif_batch *batch, uint64_t *bytes)
{
	const struct memif_ring ring = queue->ring;
	const uint32_t *buffer = queue->buffer;
	const uint32_t headroom = queue->config.headroom;
	const uint32_t longest = queue->capacity < queue->len_max ?
					 queue->capacity :
					 queue->len_max;
	const uint16_t next = queue->next;
	const bool rides = queue->config.ride != 0;
	uint8_t *base = queue->memory->base;
	struct memif_desc offer = {
		.region = queue->config.buffer_region,
		.length = queue->capacity,
	};
	uint64_t sum = 0;
	uint32_t i;

	for (i = 0; i < n; i++) {
		uint32_t at = (next + i) & ring.mask;
		struct memif_desc desc = memif_slot_read_front(&ring.slot[at]);

		if (!LIKELY(!(desc.flags & MEMIF_DESC_NEXT) &&
			    desc.length - 1 < longest))
			break;
		if (rides && memif_slot_read_metadata(&ring.slot[at]))
			break;
		offer.offset = buffer[at] + headroom;
		lend(batch, i, base + offer.offset, desc.length);
		memif_slot_write(&ring.slot[at], &offer);
		sum += desc.length;
	}
	*bytes += sum;
	return i;
}

/* Server: the same. The packets of a burst are in one region, mostly. */
static uint32_t lend_of_client(struct memif_queue *queue, uint32_t n,
			       struct vif_batch *batch, uint64_t *bytes)
{
	const struct memif_regions *regions = queue->config.regions;
	const struct memif_ring ring = queue->ring;
	const uint32_t longest = queue->len_max;
	const uint16_t next = queue->next;
	const uint32_t state = queue->config.ride ? UINT32_MAX : 0;
	const uint16_t number =
		memif_slot_read_front(memif_ring_slot(&ring, next)).region;
	uint64_t sum = 0, size;
	uint8_t *base;
	uint32_t i;

	if (number >= regions->n)
		return 0;
	base = regions->region[number].base;
	size = regions->region[number].size;
	for (i = 0; i < n; i++) {
		struct memif_desc desc = memif_slot_read(
			memif_ring_slot(&ring, (uint16_t)(next + i)));

		if (!LIKELY(!(desc.flags & MEMIF_DESC_NEXT) &&
			    desc.region == number &&
			    desc.length - 1 < longest &&
			    !(desc.metadata & state) &&
			    (uint64_t)desc.offset + desc.length <= size))
			break;
		lend(batch, i, base + desc.offset, desc.length);
		sum += desc.length;
	}
	*bytes += sum;
	return i;
}

/* A packet that is being put together from several slots. */
struct chain {
	struct iovec *seg; /* where its pieces go */
	uint32_t n;        /* pieces */
	uint32_t n_max;
	uint32_t len;
	uint32_t word;   /* offload state, as the peer told it */
	bool is_bounced; /* its bytes are in the bounce buffer */
	bool is_odd;     /* there is not one piece for each slot */
	bool is_too_long;
	bool is_late; /* it fits, but not into this batch */
};

/* desc is a copy, but for its length not checked. */
static enum memif_fault read_piece(const struct memif_queue *queue,
				   uint16_t index, struct iovec *ret_piece,
				   struct memif_desc *ret_desc)
{
	uint32_t at = memif_queue_slot(queue, index);
	const struct memif_slot *slot = &queue->ring.slot[at];
	struct memif_desc desc = memif_slot_read(slot);
	enum memif_fault fault = MEMIF_FAULT_NONE;
	uint8_t *data = NULL;

	if (queue->config.is_client) {
		data = queue->memory->base + queue->buffer[at] +
		       queue->config.headroom;
		if (desc.length > queue->capacity)
			fault = MEMIF_FAULT_LENGTH;
	} else {
		fault = memif_queue_resolve(queue, &desc, &data);
	}
	*ret_piece = (struct iovec){ data, desc.length };
	*ret_desc = desc;
	return fault;
}

static void append_bytes(struct memif_queue *queue, struct chain *chain,
			 const struct iovec *piece)
{
	memcpy(queue->bounce + chain->len, piece->iov_base, piece->iov_len);
}

/* No place for one more piece: the packet moves into the bounce buffer. */
static void move_to_bounce(struct memif_queue *queue, struct chain *chain)
{
	uint32_t len = chain->len;

	chain->len = 0;
	for (uint32_t i = 0; i < chain->n; i++) {
		append_bytes(queue, chain, &chain->seg[i]);
		chain->len += (uint32_t)chain->seg[i].iov_len;
	}
	assert(chain->len == len);
	chain->is_bounced = true;
}

/*
 * Another vif lays the buffers of a ring out in a row. Returns whether the piece
 * begins where the last one ends, and is joined to it.
 */
static bool join(const struct memif_queue *queue, struct chain *chain,
		 const struct iovec *piece)
{
	struct iovec *last;

	if (!queue->config.ride || chain->n == 0)
		return false;
	last = &chain->seg[chain->n - 1];
	if ((uint8_t *)last->iov_base + last->iov_len != piece->iov_base)
		return false;
	last->iov_len += piece->iov_len;
	chain->is_odd = true;
	return true;
}

static void add_piece(struct memif_queue *queue, const struct vif_batch *batch,
		      struct chain *chain, const struct iovec *piece)
{
	if (piece->iov_len == 0) {
		chain->is_odd = true;
		return;
	}
	chain->is_too_long |= piece->iov_len > queue->len_max - chain->len;
	if (chain->is_too_long || chain->is_late)
		return; /* only its end is looked for */
	if (!chain->is_bounced && !join(queue, chain, piece)) {
		if (chain->n < chain->n_max) {
			chain->seg[chain->n++] = *piece;
		} else if (batch->n > 0) {
			chain->is_late = true;
			return;
		} else {
			move_to_bounce(queue, chain);
		}
	}
	if (chain->is_bounced)
		append_bytes(queue, chain, piece);
	chain->len += (uint32_t)piece->iov_len;
}

/* Copies the headers in front of the pieces that are left of the packet. */
static void pull(struct memif_queue *queue, struct chain *chain)
{
	uint8_t *header = queue->header[queue->n_pulled++];
	uint32_t len = 0, i = 0, n = 1;
	struct iovec rest[VIF_PACKET_SEG_MAX];

	for (; i < chain->n && len < VIF_PACKET_HDR_MAX; i++) {
		const struct iovec *piece = &chain->seg[i];
		size_t room = VIF_PACKET_HDR_MAX - len;
		size_t part = piece->iov_len < room ? piece->iov_len : room;

		memcpy(header + len, piece->iov_base, part);
		len += (uint32_t)part;
		if (part < piece->iov_len)
			rest[n++] = (struct iovec){ (uint8_t *)piece->iov_base +
							    part,
						    piece->iov_len - part };
	}
	for (; i < chain->n; i++)
		rest[n++] = chain->seg[i];
	rest[0] = (struct iovec){ header, len };
	memcpy(chain->seg, rest, n * sizeof(*rest));
	chain->n = n;
}

/* Whether the first piece has to become private memory with all headers. */
static bool has_to_be_pulled(const struct chain *chain)
{
	if (chain->is_bounced)
		return false;
	return memif_ride_is_super(chain->word) ||
	       (chain->n > 1 && chain->seg[0].iov_len < VIF_PACKET_HDR_MAX);
}

/* The packet, with what the peer said of it. Returns whether that fits. */
static bool make_packet(const struct memif_queue *queue,
			const struct chain *chain, bool pulled,
			struct vif_packet *packet)
{
	const struct memif_queue_config *config = &queue->config;

	*packet = (struct vif_packet){
		.seg = chain->seg,
		.len = chain->len,
		.n_seg = (uint16_t)chain->n,
		.flags = chain->is_bounced ? 0 : VIF_PACKET_HOSTILE,
	};
	if (!chain->word)
		return true;
	if (pulled || chain->is_bounced)
		return memif_ride_decode(config->ride, config->medium,
					 chain->word, packet) == 0;
	return memif_ride_decode_copy(config->ride, config->medium, chain->word,
				      packet) == 0;
}

static void add_packet(struct memif_queue *queue, struct vif_batch *batch,
		       struct chain *chain)
{
	bool pulled = has_to_be_pulled(chain);
	uint32_t i = batch->n;

	if (chain->is_bounced) {
		chain->seg[0] = (struct iovec){ queue->bounce, chain->len };
		chain->n = 1;
	} else if (pulled) {
		pull(queue, chain);
	}
	if (!make_packet(queue, chain, pulled, &batch->packet[i])) {
		queue->n_pulled -= pulled;
		port_drop(queue->config.counters, VIF_DROP_HEADER);
		return;
	}
	queue->is_bounced = chain->is_bounced;
	queue->lent[i] = queue->next;
	queue->is_copied[i] = chain->is_bounced || pulled || chain->is_odd;
	batch->n++;
	batch->n_seg += chain->n;
	counter_add(&queue->counters.pulled, chain->is_bounced || pulled);
	port_count(queue->config.counters, &batch->packet[i]);
}

/* The slots of a packet, or of what had to be skipped, are done with. */
static void pass_slots(struct memif_queue *queue, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		uint16_t index = (uint16_t)(queue->next + i);

		/* Old peers set NEXT only, and never take it away. */
		if (queue->config.is_client)
			memif_queue_offer(queue, index);
		else
			memif_slot_clear_flags(
				memif_ring_slot(&queue->ring, index));
	}
	queue->next = (uint16_t)(queue->next + n);
}

static void skip(struct memif_queue *queue, uint32_t n)
{
	counter_add(&queue->counters.skipped, n);
	pass_slots(queue, n);
}

/* Returns whether the packet could be dealt with. */
static bool take_whole(struct memif_queue *queue, uint32_t n_slot,
		       struct vif_batch *batch, struct chain *chain)
{
	if (chain->is_too_long)
		port_drop(queue->config.counters, VIF_DROP_TOO_LONG);
	else if (chain->is_late)
		return false;
	else if (chain->len == 0)
		counter_add(&queue->counters.empty, 1);
	else
		add_packet(queue, batch, chain);
	pass_slots(queue, n_slot);
	return true;
}

/* A packet whose end has not come. Returns whether there is more to do. */
static bool wait_for_end(struct memif_queue *queue, uint32_t ready)
{
	if (ready < queue->size) {
		queue->seen = (uint16_t)(queue->next + ready);
		return false;
	}
	if (memif_queue_blame(queue, MEMIF_FAULT_CHAIN))
		skip(queue, ready);
	return false;
}

/*
 * Takes the packet at next, of which ready slots can be looked at. Returns
 * whether it is worth going on.
 */
static bool take_one(struct memif_queue *queue, uint32_t ready,
		     struct vif_batch *batch)
{
	uint32_t n_left = batch->n_seg_max - batch->n_seg;
	struct chain chain = { .seg = &batch->seg[batch->n_seg] };

	/* One piece more may be needed for the headers. */
	chain.n_max = n_left < VIF_PACKET_SEG_MAX ? n_left - 1 :
						    VIF_PACKET_SEG_MAX - 1;
	if (queue->is_bounced || queue->n_pulled == MEMIF_PULLED_MAX)
		return false;
	for (uint32_t i = 0; i < ready; i++) {
		struct iovec piece;
		struct memif_desc desc;
		enum memif_fault fault = read_piece(
			queue, (uint16_t)(queue->next + i), &piece, &desc);

		if (fault != MEMIF_FAULT_NONE) {
			if (!memif_queue_blame(queue, fault))
				return false;
			skip(queue, i + 1);
			return true;
		}
		if (i == 0 && queue->config.ride)
			chain.word = desc.metadata;
		add_piece(queue, batch, &chain, &piece);
		if (!(desc.flags & MEMIF_DESC_NEXT))
			return take_whole(queue, i + 1, batch, &chain);
	}
	return wait_for_end(queue, ready);
}

static bool has_room(const struct vif_batch *batch, uint32_t n_max)
{
	return batch->n < n_max && batch->n_seg < batch->n_seg_max;
}

static void take_some(struct memif_queue *queue, uint16_t until, uint32_t n_max,
		      struct vif_batch *batch)
{
	uint32_t ready = memif_ring_distance(until, queue->next);
	uint64_t bytes = 0;
	uint32_t n = ready < n_max ? ready : n_max;

	n = n < batch->n_seg_max ? n : batch->n_seg_max;
	n = queue->config.is_client ? lend_of_server(queue, n, batch, &bytes) :
				      lend_of_client(queue, n, batch, &bytes);
	batch->n = batch->n_seg = n;
	queue->n_usual = n;
	queue->start = queue->next;
	queue->next = (uint16_t)(queue->next + n);
	counter_add(&queue->config.counters->packets, n);
	counter_add(&queue->config.counters->bytes, bytes);
	while (queue->next != until && has_room(batch, n_max) &&
	       take_one(queue, memif_ring_distance(until, queue->next), batch))
		;
}

/* The peer's index leaves the ring. Returns whether to go on. */
static bool jump(struct memif_queue *queue, uint16_t theirs)
{
	if (!memif_queue_blame(queue, MEMIF_FAULT_INDEX))
		return false;
	counter_add(&queue->counters.skipped,
		    memif_ring_distance(theirs, queue->next));
	queue->next = queue->seen = theirs;
	for (uint32_t i = 0; i < queue->lead; i++)
		memif_queue_offer(queue, (uint16_t)i);
	memif_ring_give(queue->ours, (uint16_t)(theirs + queue->lead));
	return true;
}

/* There is traffic: no events while it lasts. */
static void wake_up(struct memif_queue *queue)
{
	queue->idle = 0;
	if (queue->is_masked || queue->config.rx_mode != MEMIF_RX_ADAPTIVE)
		return;
	queue->is_masked = true;
	memif_ring_mask(&queue->ring, true);
}

int memif_queue_rx(struct memif_queue *queue, struct vif_batch *batch)
{
	uint32_t n_max =
		batch->n_max < MEMIF_BATCH_MAX ? batch->n_max : MEMIF_BATCH_MAX;
	uint16_t theirs, before = queue->next;

	assert(!queue->config.is_tx && queue->n_lent == 0);
	if (!memif_queue_is_usable(queue))
		return memif_queue_is_dead(queue) ? -EPROTO : 0;
	theirs = memif_ring_look(queue->theirs);
	if (theirs == queue->seen)
		return 0;
	if (memif_ring_distance(theirs, queue->next) > queue->size)
		return jump(queue, theirs) ? 0 : -EPROTO;
	queue->seen = queue->next;
	queue->n_pulled = 0;
	queue->is_bounced = false;
	take_some(queue, theirs, n_max, batch);
	queue->n_lent = batch->n;
	if (queue->next != before && queue->seen == before)
		queue->seen = queue->next;
	wake_up(queue);
	if (batch->n > 0)
		return (int)batch->n;
	if (queue->next != before)
		memif_queue_rx_done(queue); /* all of it was dropped */
	return memif_queue_is_dead(queue) ? -EPROTO : 0;
}

void memif_queue_rx_done(struct memif_queue *queue)
{
	queue->n_lent = 0;
	memif_ring_give(queue->ours, (uint16_t)(queue->next + queue->lead));
}
