/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sending: one copy into the buffers of the free slots.
 *
 * The usual packet is in one piece and fits into one buffer, and a loop for each
 * role does nothing but that. The rest goes to send_one().
 *
 * A server writes into a slot what it read there, but for flags and length: what
 * is where is the client's business. When a packet turns out to need more slots
 * than there are, those it has begun to fill are as good as before: each has
 * been filled to its end.
 */
#include <errno.h>
#include <string.h>

#include "packet/finish.h"
#include "port/memif/queue.h"
#include "port/memif/queue_inner.h"
#include "port/memif/ride.h"

#define LIKELY(condition) __builtin_expect(!!(condition), 1)

enum send_limits {
	COPY_SMALL_MAX = 256, /* bytes that are copied without a call */
};

/* 16 bytes anywhere, of anything. */
typedef uint8_t block __attribute__((vector_size(16), aligned(1), may_alias));

enum copy_sizes { BLOCK = sizeof(block), PAIR = 2 * BLOCK };

static inline block load(const uint8_t *from)
{
	return *(const block *)(const void *)from;
}

static inline void store(uint8_t *to, block value)
{
	*(block *)(void *)to = value;
}

static inline void copy_2_blocks(uint8_t *to, const uint8_t *from)
{
	block first = load(from), second = load(from + BLOCK);

	store(to, first);
	store(to + BLOCK, second);
}

/*
 * Not a byte beyond len is read: it could be another's, or not be there. What is
 * no multiple is copied by its two ends, which overlap.
 *
 * All of this moves, as if from and to could overlap, too: a client whose packets
 * go back to it may offer buffers within them. It costs nothing.
 */
static inline void copy(uint8_t *to, const uint8_t *from, uint32_t len)
{
	if (!LIKELY(len - PAIR <= COPY_SMALL_MAX - PAIR)) {
		memmove(to, from, len);
		return;
	}
	for (uint32_t i = 0; i + PAIR < len; i += PAIR)
		copy_2_blocks(to + i, from + i);
	copy_2_blocks(to + len - PAIR, from + len - PAIR);
}

/* One piece, plain, and of an honest length. */
static inline bool is_usual(const struct vif_packet *packet, uint32_t longest)
{
	return packet->n_seg == 1 && packet->len - 1 < longest &&
	       packet->gso == VIF_GSO_NONE &&
	       (packet->csum == VIF_CSUM_COMPLETE ||
		packet->csum == VIF_CSUM_VERIFIED) &&
	       !(packet->flags & VIF_PACKET_ECN) &&
	       packet->seg->iov_len == packet->len;
}

/*
 * Client: the next slots to be filled get the buffers that came back last, which
 * are still in the cache, and give theirs for them. So a ring of many slots of
 * which few are in use takes the cache of those few. The slots that came back are
 * the last ones to be filled, so the two ends meet in the middle of the room.
 */
static void recycle(struct memif_queue *queue, uint32_t room, uint32_t n)
{
	uint32_t *buffer = queue->buffer;
	const uint16_t mask = queue->ring.mask;
	uint16_t theirs = (uint16_t)(queue->next + room - queue->lead);
	uint16_t ahead, next = queue->next, hot;

	if (theirs != queue->reclaimed) {
		queue->n_hot = memif_ring_distance(theirs, queue->reclaimed);
		queue->hot_end = queue->reclaimed = theirs;
	}
	ahead = memif_ring_distance((uint16_t)(queue->hot_end + queue->lead),
				    next);
	if (ahead > queue->size)
		queue->n_hot = 0; /* they have been filled since */
	n = n < queue->n_hot ? n : queue->n_hot;
	n = n < ahead / 2u ? n : ahead / 2u;
	hot = queue->hot_end;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t *to = &buffer[next++ & mask];
		uint32_t *from = &buffer[--hot & mask];
		uint32_t cold = *to;

		*to = *from;
		*from = cold;
	}
	queue->hot_end = hot;
	queue->n_hot -= n;
	queue->is_mixed |= n > 0;
}

/* Client: which buffers the next packets get. */
static void prepare(struct memif_queue *queue, const struct vif_packet *packet,
		    uint32_t room, uint32_t n)
{
	if (packet->len <= queue->capacity)
		recycle(queue, room, n);
	else
		memif_queue_tidy(queue, room);
}

/* Client: sends packets, as long as they are usual. Returns how many. */
static uint32_t send_to_server(struct memif_queue *queue,
			       const struct vif_packet *packet, uint32_t n,
			       uint64_t *bytes)
{
	const struct memif_ring ring = queue->ring;
	const uint32_t *buffer = queue->buffer;
	const uint32_t headroom = queue->config.headroom;
	const uint32_t longest = queue->capacity < queue->len_max ?
					 queue->capacity :
					 queue->len_max;
	const uint16_t next = queue->next;
	uint8_t *base = queue->memory->base;
	struct memif_desc desc = { .region = queue->config.buffer_region };
	uint64_t sum = 0;
	uint32_t i;

	for (i = 0; i < n; i++) {
		uint32_t at = (next + i) & ring.mask;

		if (!LIKELY(is_usual(&packet[i], longest)))
			break;
		desc.length = packet[i].len;
		desc.offset = buffer[at] + headroom;
		copy(base + desc.offset, packet[i].seg->iov_base, desc.length);
		memif_slot_write(&ring.slot[at], &desc);
		sum += desc.length;
	}
	*bytes += sum;
	return i;
}

/* Server: the same. The buffers of a burst are in one region, mostly. */
static uint32_t send_to_client(struct memif_queue *queue,
			       const struct vif_packet *packet, uint32_t n,
			       uint64_t *bytes)
{
	const struct memif_regions *regions = queue->config.regions;
	const struct memif_ring ring = queue->ring;
	const uint32_t longest = queue->len_max;
	const uint16_t next = queue->next;
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
		struct memif_slot *slot =
			memif_ring_slot(&ring, (uint16_t)(next + i));
		struct memif_desc desc = memif_slot_read(slot);

		if (!LIKELY(is_usual(&packet[i], longest) &&
			    desc.region == number &&
			    desc.length >= MEMIF_ROOM_MIN &&
			    desc.length >= packet[i].len &&
			    (uint64_t)desc.offset + desc.length <= size))
			break;
		copy(base + desc.offset, packet[i].seg->iov_base,
		     packet[i].len);
		desc.flags = 0;
		desc.length = packet[i].len;
		memif_slot_write_front(slot, &desc);
		sum += desc.length;
	}
	*bytes += sum;
	return i;
}

/* What is left to copy of a packet in pieces. What is there already stays. */
struct cursor {
	const struct iovec *seg;
	size_t off; /* in the first of seg */
};

static void copy_from(struct cursor *cursor, uint8_t *to, uint32_t len)
{
	while (len > 0) {
		size_t left = cursor->seg->iov_len - cursor->off;
		uint32_t part = left < len ? (uint32_t)left : len;
		const uint8_t *from =
			(const uint8_t *)cursor->seg->iov_base + cursor->off;

		if (to != from)
			memmove(to, from, part);
		to += part;
		len -= part;
		cursor->off += part;
		if (cursor->off == cursor->seg->iov_len) {
			cursor->seg++;
			cursor->off = 0;
		}
	}
}

/* Bytes in a row that are still to be written. */
struct run {
	uint8_t *to;
	uint32_t len;
};

static bool has_state(const struct vif_packet *packet)
{
	return packet->gso != VIF_GSO_NONE || packet->csum == VIF_CSUM_PARTIAL;
}

static bool has_all_bytes(const struct vif_packet *packet)
{
	uint64_t sum = 0;

	if (packet->n_seg > VIF_PACKET_SEG_MAX)
		return false;
	for (uint16_t i = 0; i < packet->n_seg; i++)
		sum += packet->seg[i].iov_len;
	return sum > 0 && sum == packet->len;
}

/*
 * Why a packet can never be sent, or VIF_DROP_N. State that can go along is for
 * put_with_state(), since others may write to the headers.
 */
static enum vif_drop judge(const struct memif_queue *queue,
			   const struct vif_packet *packet)
{
	bool rides = has_state(packet) && queue->config.ride;

	if (packet->len > queue->len_max)
		return VIF_DROP_TOO_LONG;
	if (rides)
		return has_all_bytes(packet) ? VIF_DROP_N : VIF_DROP_HEADER;
	if (vif_packet_check(packet, queue->config.medium) < 0)
		return VIF_DROP_HEADER;
	return has_state(packet) ? VIF_DROP_OFFLOAD : VIF_DROP_N;
}

/* A client's offer has no metadata, so that a server need not write none. */
static void write_slot(const struct memif_queue *queue, uint16_t index,
		       const struct memif_desc *desc)
{
	struct memif_slot *slot = memif_ring_slot(&queue->ring, index);

	if (queue->config.is_client) {
		memif_slot_write(slot, desc);
		return;
	}
	memif_slot_write_front(slot, desc);
	if (desc->metadata)
		memif_slot_write_metadata(slot, desc->metadata);
}

/*
 * Fills slots with a packet that has been judged, and its offload state. Returns
 * how many; more than room when it does not fit now; 0 after a fault.
 */
static uint32_t fill_slots(struct memif_queue *queue,
			   const struct vif_packet *packet, uint32_t word,
			   uint32_t room)
{
	struct cursor cursor = { .seg = packet->seg };
	struct run run = { .len = 0 };
	uint32_t left = packet->len, n = 0;

	while (left > 0 && n < room) {
		uint16_t index = (uint16_t)(queue->next + n);
		struct memif_desc desc;
		uint8_t *data = NULL;
		enum memif_fault fault =
			memif_queue_find_buffer(queue, index, &desc, &data);

		/* There is no way around a slot, so there is no resync. */
		if (fault != MEMIF_FAULT_NONE) {
			memif_queue_end(queue, fault);
			return 0;
		}
		if (desc.length > left)
			desc.length = left;
		left -= desc.length;
		desc.flags = left > 0 ? MEMIF_DESC_NEXT : 0;
		desc.metadata = n == 0 ? word : 0;
		if (run.len == 0 || data != run.to + run.len) {
			copy_from(&cursor, run.to, run.len);
			run = (struct run){ .to = data };
		}
		run.len += desc.length;
		write_slot(queue, index, &desc);
		n++;
	}
	copy_from(&cursor, run.to, run.len);
	if (left == 0)
		return n;
	if (word && n > 0) /* should it be another one that comes first */
		memif_slot_write_metadata(
			memif_ring_slot(&queue->ring, queue->next), 0);
	return room + 1;
}

/* Slots that a packet needs which did not fit into room of them. */
static uint32_t slots_needed(const struct memif_queue *queue,
			     const struct vif_packet *packet, uint32_t room)
{
	if (!queue->config.is_client)
		return room + 1; /* nobody knows what the next ones hold */
	return (packet->len + queue->capacity - 1) / queue->capacity;
}

/*
 * Whether a packet will not ever fit. A client that never offers all its slots
 * looks like one that has not read everything yet; when a long wait changed
 * nothing, the packet is given up.
 */
static bool is_hopeless(const struct memif_queue *queue, uint32_t room)
{
	return queue->need > queue->size ||
	       (!queue->config.is_client && room >= queue->size / 2 &&
		queue->n_wait >= MEMIF_TX_WAITS_MAX);
}

/* Returns whether the packet was taken. */
static bool put(struct memif_queue *queue, const struct vif_packet *packet,
		uint32_t word, uint32_t room)
{
	uint32_t n = fill_slots(queue, packet, word, room);

	if (n == 0)
		return false;
	if (n > room) {
		queue->need = slots_needed(queue, packet, room);
		if (!is_hopeless(queue, room))
			return false;
		queue->need = 1;
		queue->n_wait = 0;
		port_drop(queue->config.counters, VIF_DROP_TOO_LONG);
		return true;
	}
	queue->next = (uint16_t)(queue->next + n);
	port_count(queue->config.counters, packet);
	return true;
}

static bool put_finished(struct memif_queue *queue,
			 const struct vif_packet *packet, uint32_t room)
{
	uint8_t header[VIF_PACKET_HDR_MAX];
	struct iovec seg[VIF_PACKET_SEG_MAX + 1];
	struct vif_packet finished;

	if (finish_copy(packet, header, seg, &finished) == 0)
		return put(queue, &finished, 0, room);
	port_drop(queue->config.counters, VIF_DROP_HEADER);
	return true;
}

static bool put_with_state(struct memif_queue *queue,
			   const struct vif_packet *packet, uint32_t room)
{
	uint32_t word = 0;

	switch (memif_ride_encode(queue->config.ride, queue->config.medium,
				  packet, &word)) {
	case MEMIF_RIDE_GOES:
		return put(queue, packet, word, room);
	case MEMIF_RIDE_FINISH:
		return put_finished(queue, packet, room);
	case MEMIF_RIDE_REFUSED:
		port_drop(queue->config.counters, VIF_DROP_OFFLOAD);
		break;
	case MEMIF_RIDE_MALFORMED:
		port_drop(queue->config.counters, VIF_DROP_HEADER);
		break;
	}
	return true;
}

/* Any packet. Returns whether it was taken. */
static bool send_one(struct memif_queue *queue, const struct vif_packet *packet,
		     uint32_t room)
{
	enum vif_drop drop = judge(queue, packet);

	if (drop == VIF_DROP_N)
		return has_state(packet) ? put_with_state(queue, packet, room) :
					   put(queue, packet, 0, room);
	port_drop(queue->config.counters, drop);
	return true;
}

static uint32_t send_usual(struct memif_queue *queue,
			   const struct vif_packet *packet, uint32_t n)
{
	uint64_t bytes = 0;

	n = queue->config.is_client ? send_to_server(queue, packet, n, &bytes) :
				      send_to_client(queue, packet, n, &bytes);
	queue->next = (uint16_t)(queue->next + n);
	counter_add(&queue->config.counters->packets, n);
	counter_add(&queue->config.counters->bytes, bytes);
	return n;
}

int memif_queue_tx(struct memif_queue *queue, const struct vif_packet *packet,
		   unsigned int n)
{
	uint16_t before, until;
	unsigned int done = 0;
	uint32_t room;

	assert(queue->config.is_tx);
	if (!memif_queue_is_usable(queue))
		return memif_queue_is_dead(queue) ? -EPROTO : 0;
	room = memif_queue_room(queue);
	if (memif_queue_is_dead(queue))
		return -EPROTO;
	before = queue->next;
	until = (uint16_t)(before + room);
	queue->n_reserved = 0;
	if (queue->config.is_client && !queue->has_places)
		prepare(queue, packet, room, n);
	while (done < n) {
		if (room > 0)
			done += send_usual(queue, packet + done,
					   n - done < room ? n - done : room);
		room = memif_ring_distance(until, queue->next);
		if (done == n || !send_one(queue, &packet[done], room))
			break;
		done++;
		room = memif_ring_distance(until, queue->next);
	}
	if (queue->next != before)
		memif_queue_publish(queue);
	return done == 0 && memif_queue_is_dead(queue) ? -EPROTO : (int)done;
}
