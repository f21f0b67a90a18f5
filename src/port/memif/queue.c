/* SPDX-License-Identifier: Apache-2.0 */
/* Making queues, starting them, and falling asleep on them. */
#include "port/memif/queue.h"

#include <errno.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/bits.h"
#include "base/heap.h"
#include "port/memif/queue_inner.h"

struct fault_words {
	const char *name;
	const char *text;
};

static const struct fault_words *words_of(enum memif_fault fault)
{
	static const struct fault_words words[] = {
		[MEMIF_FAULT_NONE] = { "none", "no fault" },
		[MEMIF_FAULT_INDEX] = { "index",
					"ring index is not within the ring" },
		[MEMIF_FAULT_REGION] = { "region",
					 "descriptor names an unknown region" },
		[MEMIF_FAULT_BOUNDS] = { "bounds",
					 "descriptor reaches beyond its region" },
		[MEMIF_FAULT_LENGTH] = { "length",
					 "descriptor is longer than its buffer" },
		[MEMIF_FAULT_BUFFER] = { "buffer",
					 "descriptor offers too small a buffer" },
		[MEMIF_FAULT_CHAIN] = { "chain",
					"packet fills the ring without an end" },
		[MEMIF_FAULT_MEMORY] = { "memory", "shared memory has shrunk" },
	};
	static const struct fault_words unknown = { "?", "?" };

	static_assert(ARRAY_LEN(words) == MEMIF_FAULT_N, "all have words");
	return (size_t)fault < ARRAY_LEN(words) ? &words[fault] : &unknown;
}

const char *memif_fault_name(enum memif_fault fault)
{
	return words_of(fault)->name;
}

const char *memif_fault_text(enum memif_fault fault)
{
	return words_of(fault)->text;
}

static uint64_t stride_of(const struct memif_queue_config *config)
{
	return config->buffer_stride ? config->buffer_stride :
				       config->buffer_size;
}

/* The buffers of a client lie in one region, and descriptors reach them. */
static bool buffers_fit(const struct memif_queue_config *config)
{
	const struct memif_regions *regions = config->regions;
	uint64_t end = config->buffer_offset +
		       (stride_of(config) << config->log2_size);

	return config->buffer_region < regions->n &&
	       config->buffer_offset <= UINT32_MAX &&
	       stride_of(config) >= config->buffer_size &&
	       config->headroom < config->buffer_size &&
	       config->buffer_size - config->headroom >= MEMIF_ROOM_MIN &&
	       end <= regions->region[config->buffer_region].size &&
	       end <= UINT64_C(1) << 32;
}

static bool is_possible(const struct memif_queue_config *config)
{
	return config->regions && config->counters &&
	       memif_regions_fit(config->regions, config->region,
				 config->offset, config->log2_size,
				 config->line) &&
	       config->regions->region[config->region].base &&
	       config->len_max <= VIF_PACKET_LEN_MAX &&
	       (!config->is_client || buffers_fit(config));
}

static void put_in_order(struct memif_queue *queue)
{
	const struct memif_queue_config *config = &queue->config;

	for (uint32_t i = 0; i < queue->size; i++)
		queue->buffer[i] = (uint32_t)(config->buffer_offset +
					      i * stride_of(config));
	queue->is_mixed = false;
}

void memif_queue_tidy(struct memif_queue *queue, uint32_t room)
{
	if (queue->is_mixed && !queue->is_swapped && room == queue->size)
		put_in_order(queue);
}

static int make_table(struct memif_queue *queue)
{
	const struct memif_queue_config *config = &queue->config;

	queue->buffer = heap_resize(config->heap, NULL, queue->size,
				    sizeof(*queue->buffer));
	if (!queue->buffer)
		return -ENOMEM;
	put_in_order(queue);
	queue->memory = &config->regions->region[config->buffer_region];
	queue->capacity = config->buffer_size - config->headroom;
	queue->lead = (uint16_t)queue->size;
	queue->room_max = queue->size;
	return 0;
}

static int make_side(struct memif_queue *queue)
{
	const struct vif_allocator *heap = queue->config.heap;

	if (queue->config.is_tx) {
		queue->timer_fd = timerfd_create(CLOCK_MONOTONIC,
						 TFD_CLOEXEC | TFD_NONBLOCK);
		return queue->timer_fd < 0 ? -errno : 0;
	}
	/* Not zeroed: most of it is never touched. */
	queue->header = heap_resize(heap, NULL, MEMIF_PULLED_MAX,
				    sizeof(*queue->header));
	queue->bounce = heap_resize(heap, NULL, VIF_PACKET_LEN_MAX, 1);
	return queue->header && queue->bounce ? 0 : -ENOMEM;
}

static void fill(struct memif_queue *queue)
{
	const struct memif_queue_config *config = &queue->config;
	const struct memif_regions *regions = config->regions;
	/* The client writes head, whether it sends or receives. */
	bool head_is_ours = config->is_client;

	queue->size = memif_ring_size(&queue->ring);
	queue->ours = head_is_ours ? queue->ring.head : queue->ring.tail;
	queue->theirs = head_is_ours ? queue->ring.tail : queue->ring.head;
	queue->len_max = config->len_max ? config->len_max : VIF_PACKET_LEN_MAX;
	queue->spins = config->spins ? config->spins : MEMIF_SPINS;
	queue->need = 1;
	for (uint16_t i = 0; i < regions->n; i++)
		queue->is_guarded |= regions->region[i].is_guarded;
}

int memif_queue_new(const struct memif_queue_config *config,
		    struct memif_queue **ret_queue)
{
	struct memif_queue *queue;
	uint8_t *base;
	int r;

	if (!is_possible(config))
		return -EINVAL;
	queue = heap_new(config->heap, 1, sizeof(*queue));
	if (!queue)
		return -ENOMEM;
	queue->config = *config;
	queue->timer_fd = -1;
	base = config->regions->region[config->region].base;
	r = memif_ring_attach(&queue->ring, base + config->offset, config->line,
			      config->log2_size);
	if (r == 0) {
		fill(queue);
		r = config->is_client ? make_table(queue) : 0;
	}
	if (r == 0)
		r = make_side(queue);
	if (r < 0) {
		memif_queue_free(queue);
		return r;
	}
	*ret_queue = queue;
	return 0;
}

void memif_queue_free(struct memif_queue *queue)
{
	const struct vif_allocator *heap;

	if (!queue)
		return;
	heap = queue->config.heap;
	if (queue->config.is_tx && queue->timer_fd >= 0)
		(void)close(queue->timer_fd);
	heap_free(heap, queue->buffer);
	heap_free(heap, queue->header);
	heap_free(heap, queue->bounce);
	heap_free(heap, queue);
}

void memif_queue_set_index(struct memif_queue *queue, uint16_t index)
{
	assert(!queue->is_started);
	queue->next = queue->seen = queue->reclaimed = index;
}

void memif_queue_start(struct memif_queue *queue)
{
	uint16_t ours = queue->next;

	if (!queue->config.is_tx) {
		memif_queue_set_rx_mode(queue, queue->config.rx_mode);
		ours = (uint16_t)(ours + queue->lead);
		for (uint32_t i = 0; i < queue->lead; i++)
			memif_queue_offer(queue, (uint16_t)i);
	}
	memif_ring_give(queue->ours, ours);
	queue->is_started = true;
}

void memif_queue_set_rx_mode(struct memif_queue *queue,
			     enum memif_rx_mode rx_mode)
{
	assert(!queue->config.is_tx);
	queue->config.rx_mode = rx_mode;
	queue->idle = 0;
	queue->is_masked = rx_mode != MEMIF_RX_INTERRUPT;
	/* Others leave it as it is, so it is set even if it should be right. */
	memif_ring_mask(&queue->ring, queue->is_masked);
}

static void note_end(struct memif_queue *queue, enum memif_fault fault)
{
	counter_add(&queue->counters.fault[fault], 1);
	atomic_store_explicit(&queue->fault, (int)fault, memory_order_relaxed);
}

bool memif_queue_lost_memory(struct memif_queue *queue)
{
	const struct memif_regions *regions = queue->config.regions;

	for (uint16_t i = 0; i < regions->n; i++) {
		if (!memif_region_is_dead(&regions->region[i]))
			continue;
		note_end(queue, MEMIF_FAULT_MEMORY);
		return true;
	}
	return false;
}

void memif_queue_end(struct memif_queue *queue, enum memif_fault fault)
{
	/* Zeros in place of memory look like all kinds of faults. */
	if (queue->is_guarded && memif_queue_lost_memory(queue))
		return;
	note_end(queue, fault);
}

bool memif_queue_blame(struct memif_queue *queue, enum memif_fault fault)
{
	if (!queue->config.resync) {
		memif_queue_end(queue, fault);
		return false;
	}
	if (queue->is_guarded && memif_queue_lost_memory(queue))
		return false;
	counter_add(&queue->counters.fault[fault], 1);
	return true;
}

void memif_queue_publish(struct memif_queue *queue)
{
	queue->idle = 0;
	queue->need = 1;
	queue->n_wait = 0;
	if (!memif_ring_publish(&queue->ring, queue->ours, queue->next))
		return;
	counter_add(&queue->counters.kicks, 1);
	memif_kick(queue->config.kicker, queue->config.event_fd);
}

uint32_t memif_queue_room(struct memif_queue *queue)
{
	uint16_t theirs = memif_ring_look(queue->theirs);
	uint16_t until = (uint16_t)(theirs + queue->lead);
	uint32_t room = memif_ring_distance(until, queue->next);

	if (room <= queue->size) {
		if (room > queue->room_max)
			queue->room_max = room;
		return room;
	}
	if (!memif_queue_blame(queue, MEMIF_FAULT_INDEX))
		return 0;
	queue->next = theirs;
	memif_ring_give(queue->ours, theirs);
	return queue->lead;
}

/*
 * The event is cleared first, then the flag, then comes the look: see
 * ring/memif_ring.h. Returns whether there is something to do.
 */
static bool look_before_sleep(struct memif_queue *queue)
{
	(void)memif_event_clear(queue->config.event_fd);
	memif_ring_mask(&queue->ring, false);
	queue->is_masked = false;
	return memif_ring_look_again(queue->theirs) != queue->seen;
}

/*
 * A queue that is still masked is looked at a number of times. After the flag
 * was cleared there is one more round before the last look: a peer without a
 * fence, as all others are, may have read the flag before its index came out of
 * the store buffer, and by then it has.
 */
static int arm_receiver(struct memif_queue *queue)
{
	bool was_masked = queue->is_masked;

	if (queue->config.rx_mode == MEMIF_RX_POLL)
		return 1;
	if (was_masked && ++queue->idle < queue->spins)
		return 1;
	if (look_before_sleep(queue) || was_masked)
		return 1;
	counter_add(&queue->counters.sleeps, 1);
	return 0;
}

static int arm_sender(struct memif_queue *queue)
{
	struct itimerspec in = { 0 };
	uint32_t wait_us = queue->wait_us;

	if (memif_queue_room(queue) >= queue->need)
		return 1;
	if (++queue->idle < MEMIF_TX_SPINS)
		return 1;
	if (queue->idle == MEMIF_TX_SPINS)
		wait_us = MEMIF_TX_WAIT_US / 2;
	wait_us = wait_us * 2 < MEMIF_TX_WAIT_MAX_US ? wait_us * 2 :
						       MEMIF_TX_WAIT_MAX_US;
	queue->wait_us = wait_us;
	queue->n_wait++;
	counter_add(&queue->counters.waits, 1);
	in.it_value.tv_nsec = (long)wait_us * 1000;
	return timerfd_settime(queue->timer_fd, 0, &in, NULL) < 0;
}

int memif_queue_arm(struct memif_queue *queue)
{
	/* Nothing will come any more; the control side knows. */
	if (!memif_queue_is_usable(queue))
		return 0;
	return queue->config.is_tx ? arm_sender(queue) : arm_receiver(queue);
}

void memif_queue_settle(struct memif_queue *queue)
{
	assert(!queue->config.is_tx);
	queue->idle = queue->spins;
}

int memif_queue_wait_fd(const struct memif_queue *queue)
{
	if (queue->config.is_tx)
		return queue->timer_fd;
	return queue->config.rx_mode == MEMIF_RX_POLL ? -EINVAL :
							queue->config.event_fd;
}

/*
 * A client that sends sees how far the server has read. A server sees how many
 * slots there are to fill: as many as ever, if nothing of its is left in them.
 */
static uint32_t slots_left(const struct memif_queue *queue)
{
	uint16_t theirs = memif_ring_look(queue->theirs);
	uint16_t until = (uint16_t)(theirs + queue->lead);

	if (!queue->config.is_tx)
		return memif_ring_distance(theirs, queue->next);
	if (!queue->config.is_client && !queue->config.is_prompt)
		return 0;
	return queue->room_max - memif_ring_distance(until, queue->next);
}

/* Whole packets: a slot with NEXT is no end of one. */
static uint32_t count_packets(const struct memif_queue *queue, uint16_t from,
			      uint32_t n_slot)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < n_slot; i++) {
		const struct memif_slot *slot =
			memif_ring_slot(&queue->ring, (uint16_t)(from + i));

		n += !(memif_slot_read(slot).flags & MEMIF_DESC_NEXT);
	}
	return n;
}

uint32_t memif_queue_left(struct memif_queue *queue)
{
	uint32_t n_slot;
	uint16_t from = queue->next;

	if (!memif_queue_is_usable(queue))
		return 0;
	n_slot = slots_left(queue);
	if (n_slot > queue->size)
		return 0;
	if (queue->config.is_tx)
		from = (uint16_t)(from - n_slot);
	return count_packets(queue, from, n_slot);
}

void memif_queue_write_off(struct memif_queue *queue)
{
	counter_add(&queue->config.counters->drops[VIF_DROP_STOPPED],
		    memif_queue_left(queue));
	queue->is_started = false;
}

enum memif_fault memif_queue_fault(const struct memif_queue *queue)
{
	return (enum memif_fault)atomic_load_explicit(&queue->fault,
						      memory_order_relaxed);
}

const struct memif_queue_counters *
memif_queue_counters(const struct memif_queue *queue)
{
	return &queue->counters;
}

void memif_queue_state(const struct memif_queue *queue,
		       struct memif_queue_state *ret_state)
{
	*ret_state = (struct memif_queue_state){
		.size = queue->size,
		.buffer_size = queue->config.buffer_size,
		.head = memif_ring_look(queue->ring.head),
		.tail = memif_ring_look(queue->ring.tail),
		.masked = atomic_load_explicit(queue->ring.flags,
					       memory_order_relaxed) &
			  MEMIF_RING_MASK_INT,
		.fault = memif_queue_fault(queue),
		.event_fd = queue->config.event_fd,
	};
}
