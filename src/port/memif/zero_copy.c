/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sending without a copy: filling the buffers of free slots in place, and, for
 * a client, who owns all buffers, sending the very buffer a packet came in.
 */
#include <errno.h>
#include <string.h>

#include "port/memif/queue.h"
#include "port/memif/queue_inner.h"

int memif_queue_reserve(struct memif_queue *queue, struct memif_buffer *buffer,
			unsigned int n)
{
	uint32_t room, i;

	assert(queue->config.is_tx);
	if (!memif_queue_is_usable(queue))
		return memif_queue_is_dead(queue) ? -EPROTO : 0;
	room = memif_queue_room(queue);
	n = n < room ? n : room;
	n = n < MEMIF_BATCH_MAX ? n : MEMIF_BATCH_MAX;
	for (i = 0; i < n; i++) {
		uint16_t index = (uint16_t)(queue->next + i);
		struct memif_desc desc;
		uint8_t *data = NULL;
		enum memif_fault fault =
			memif_queue_find_buffer(queue, index, &desc, &data);

		if (fault != MEMIF_FAULT_NONE) {
			memif_queue_end(queue, fault); /* see send.c */
			break;
		}
		queue->reserved[i] = (struct memif_reserved){
			.data = data,
			.len = desc.length,
			.region = desc.region,
		};
		buffer[i] = (struct memif_buffer){ .data = data,
						   .len = desc.length };
	}
	queue->n_reserved = i;
	return memif_queue_is_dead(queue) ? -EPROTO : (int)i;
}

unsigned int memif_queue_places(struct memif_queue *queue, struct iovec *piece,
				unsigned int n)
{
	uint64_t size = 0;
	uint32_t room, i;

	assert(queue->config.is_tx);
	if (!memif_queue_is_usable(queue) || queue->is_guarded)
		return 0;
	room = memif_queue_room(queue);
	memif_queue_tidy(queue, room);
	n = n < room ? n : room;
	for (i = 0; i < n; i++) {
		uint16_t index = (uint16_t)(queue->next + i);
		struct memif_desc desc;
		uint8_t *data = NULL;

		/* Whoever sends into that slot finds out, and says so. */
		if (memif_queue_find_buffer(queue, index, &desc, &data) !=
			    MEMIF_FAULT_NONE ||
		    desc.length < VIF_PACKET_HDR_MAX)
			break;
		piece[i] = (struct iovec){ data, desc.length };
		size += desc.length;
	}
	if (size < VIF_PACKET_LEN_MAX)
		return 0;
	queue->has_places = true;
	return i;
}

void memif_queue_places_end(struct memif_queue *queue)
{
	queue->has_places = false;
}

/* Whether len bytes at data are within a buffer. */
static bool is_inside(const uint8_t *data, uint32_t len, const uint8_t *start,
		      uint32_t size)
{
	uintptr_t off = (uintptr_t)data - (uintptr_t)start;

	return len > 0 && len <= size && off <= size - len;
}

static bool may_commit(const struct memif_queue *queue,
		       const struct memif_buffer *buffer, unsigned int n)
{
	if (n == 0 || n > queue->n_reserved || buffer[n - 1].next)
		return false;
	for (unsigned int i = 0; i < n; i++) {
		const struct memif_reserved *reserved = &queue->reserved[i];
		const uint8_t *start = reserved->data;
		uint32_t size = reserved->len;

		if (queue->config.is_client) {
			start -= queue->config.headroom;
			size += queue->config.headroom;
		} else if (buffer[i].data != start) {
			return false;
		}
		if (!is_inside(buffer[i].data, buffer[i].len, start, size))
			return false;
	}
	return true;
}

/* Fills a slot with bytes of the region its buffer is in. */
static void fill_slot(const struct memif_queue *queue, uint16_t index,
		      const struct memif_buffer *buffer, uint16_t region)
{
	struct memif_slot *slot = memif_ring_slot(&queue->ring, index);
	struct memif_desc desc = {
		.flags = buffer->next ? MEMIF_DESC_NEXT : 0,
		.region = region,
		.length = buffer->len,
	};

	if (!queue->config.is_client) {
		memif_slot_write_front(slot, &desc);
		return;
	}
	desc.region = queue->config.buffer_region;
	desc.offset = (uint32_t)(buffer->data - queue->memory->base);
	memif_slot_write(slot, &desc);
}

int memif_queue_commit(struct memif_queue *queue,
		       const struct memif_buffer *buffer, unsigned int n)
{
	uint64_t bytes = 0, packets = 0;

	assert(queue->config.is_tx);
	if (!may_commit(queue, buffer, n))
		return -EINVAL;
	for (unsigned int i = 0; i < n; i++) {
		fill_slot(queue, (uint16_t)(queue->next + i), &buffer[i],
			  queue->reserved[i].region);
		bytes += buffer[i].len;
		packets += !buffer[i].next;
	}
	queue->n_reserved = 0;
	queue->next = (uint16_t)(queue->next + n);
	counter_add(&queue->config.counters->packets, packets);
	counter_add(&queue->config.counters->bytes, bytes);
	memif_queue_publish(queue);
	return 0;
}

/* Whether the buffers of one may take the places of the other's. */
static bool can_swap(const struct memif_queue *rx, const struct memif_queue *tx)
{
	return rx->config.is_client && tx->config.is_client &&
	       !rx->config.is_tx && tx->config.is_tx &&
	       rx->memory->base == tx->memory->base &&
	       rx->memory->size == tx->memory->size &&
	       rx->config.buffer_size == tx->config.buffer_size;
}

/* The first slot of a lent packet. */
static uint16_t slot_of(const struct memif_queue *rx, unsigned int i)
{
	return i < rx->n_usual ? (uint16_t)(rx->start + i) : rx->lent[i];
}

/* One that is not just the bytes of its slots, or says more than they do. */
static bool has_to_be_copied(const struct memif_queue *rx,
			     const struct vif_packet *packet, unsigned int i)
{
	return i >= rx->n_usual &&
	       (rx->is_copied[i] || packet->csum == VIF_CSUM_PARTIAL);
}

/* Whether each piece lies in the buffer of its slot. */
static bool is_in_place(const struct memif_queue *rx,
			const struct vif_packet *packet, uint16_t first)
{
	for (uint16_t i = 0; i < packet->n_seg; i++) {
		uint32_t at = memif_queue_slot(rx, (uint16_t)(first + i));

		if (!is_inside(packet->seg[i].iov_base,
			       (uint32_t)packet->seg[i].iov_len,
			       rx->memory->base + rx->buffer[at],
			       rx->config.buffer_size))
			return false;
	}
	return packet->n_seg > 0;
}

static void swap_slot(struct memif_queue *rx, uint16_t rx_index,
		      struct memif_queue *tx, const struct memif_buffer *buffer)
{
	uint32_t rx_at = memif_queue_slot(rx, rx_index);
	uint32_t tx_at = memif_queue_slot(tx, tx->next);
	uint32_t free_buffer = tx->buffer[tx_at];

	tx->is_swapped = true;
	tx->buffer[tx_at] = rx->buffer[rx_at];
	fill_slot(tx, tx->next, buffer, 0);
	rx->buffer[rx_at] = free_buffer;
	memif_queue_offer(rx, rx_index);
	tx->next = (uint16_t)(tx->next + 1);
}

static void swap_packet(struct memif_queue *rx, const struct vif_packet *packet,
			uint16_t first, struct memif_queue *tx)
{
	uint32_t len = 0;

	for (uint16_t i = 0; i < packet->n_seg; i++) {
		struct memif_buffer buffer = {
			.data = packet->seg[i].iov_base,
			.len = (uint32_t)packet->seg[i].iov_len,
			.next = i + 1 < packet->n_seg,
		};

		swap_slot(rx, (uint16_t)(first + i), tx, &buffer);
		len += buffer.len;
	}
	counter_add(&tx->config.counters->packets, 1);
	counter_add(&tx->config.counters->bytes, len);
}

/* Swaps packets as long as there is room. Returns how many, or -EINVAL. */
static int swap_run(struct memif_queue *rx, const struct vif_packet *packet,
		    unsigned int first, unsigned int n, struct memif_queue *tx,
		    uint32_t room)
{
	unsigned int i;

	for (i = first; i < first + n && !has_to_be_copied(rx, &packet[i], i);
	     i++) {
		if (!is_in_place(rx, &packet[i], slot_of(rx, i)))
			return i == first ? -EINVAL : (int)(i - first);
		if (packet[i].n_seg > room)
			break;
		swap_packet(rx, &packet[i], slot_of(rx, i), tx);
		room -= packet[i].n_seg;
	}
	return (int)(i - first);
}

int memif_queue_swap(struct memif_queue *rx, const struct vif_batch *batch,
		     unsigned int first, unsigned int n, struct memif_queue *tx)
{
	unsigned int done = 0;
	uint32_t room;
	int r;

	if (!can_swap(rx, tx) || first > rx->n_lent || n > rx->n_lent - first)
		return -EINVAL;
	if (!memif_queue_is_usable(tx))
		return memif_queue_is_dead(tx) ? -EPROTO : 0;
	tx->n_reserved = 0;
	while (done < n) {
		room = memif_queue_room(tx);
		if (memif_queue_is_dead(tx))
			return -EPROTO;
		r = swap_run(rx, batch->packet, first + done, n - done, tx,
			     room);
		if (r > 0)
			memif_queue_publish(tx);
		if (r < 0)
			return done > 0 ? (int)done : r;
		done += (unsigned int)r;
		/* What has been copied in part is copied whole. */
		if (done == n ||
		    !has_to_be_copied(rx, &batch->packet[first + done],
				      first + done))
			break;
		r = memif_queue_tx(tx, &batch->packet[first + done], 1);
		if (r <= 0)
			return done > 0 ? (int)done : r;
		done++;
	}
	return (int)done;
}
