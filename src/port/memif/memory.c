/* SPDX-License-Identifier: Apache-2.0 */
/* Regions, events and queues of one connection. */
#include "port/memif/memory.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/bits.h"
#include "base/error.h"
#include "base/heap.h"

enum memory_numbers {
	BUFFERS_ALIGN = 4096, /* behind the rings */
};

/* Descriptors have 32 bits for the offset of a buffer. */
#define REACH (UINT64_C(1) << 32)

static const struct memif_objection fine = { .down = MEMIF_DOWN_NONE };

static struct memif_objection object(enum memif_down down, const char *text)
{
	struct memif_objection objection = { .down = down };

	(void)snprintf(objection.text, sizeof(objection.text), "%s", text);
	return objection;
}

static struct memif_objection object_code(const char *what, int code)
{
	struct memif_objection objection = { .down = MEMIF_DOWN_MEMORY };
	char text[128];

	(void)snprintf(objection.text, sizeof(objection.text), "%s: %.48s",
		       what, error_code_text(code, text, sizeof(text)));
	return objection;
}

struct memif_memory *memif_memory_new(enum memif_role role, uint64_t bytes_max,
				      const struct vif_allocator *heap)
{
	struct memif_memory *memory = heap_new(heap, 1, sizeof(*memory));

	if (!memory)
		return NULL;
	memory->heap = heap;
	memory->role = role;
	memif_regions_init(&memory->regions, bytes_max);
	return memory;
}

static void free_ends(struct memif_memory *memory, int to)
{
	for (uint16_t i = 0; i < memory->n_ring[to]; i++) {
		struct memif_queue *queue = memory->end[to][i].queue;

		if (queue)
			memif_queue_write_off(queue);
		memif_queue_free(queue);
		if (memory->end[to][i].event_fd >= 0)
			(void)close(memory->end[to][i].event_fd);
	}
	heap_free(memory->heap, memory->end[to]);
}

void memif_memory_free(struct memif_memory *memory)
{
	if (!memory)
		return;
	for (int to = 0; to < MEMIF_DIRECTIONS; to++)
		free_ends(memory, to);
	memif_regions_fini(&memory->regions);
	if (memory->supplied_size > 0 && memory->supply.put)
		memory->supply.put(memory->supply.user, memory->supplied_size,
				   memory->supplied_fd, memory->supplied_base);
	heap_free(memory->heap, memory);
}

/* Client */

/* An end for each ring, without anything yet. */
static int make_ends(struct memif_memory *memory,
		     const struct memif_geometry *geometry)
{
	for (int to = 0; to < MEMIF_DIRECTIONS; to++) {
		uint16_t n = geometry->n_ring[to];

		if (n == 0)
			continue;
		memory->end[to] =
			heap_new(memory->heap, n, sizeof(*memory->end[to]));
		if (!memory->end[to])
			return -ENOMEM;
		memory->n_ring[to] = n;
		for (uint16_t i = 0; i < n; i++)
			memory->end[to][i].event_fd = -1;
	}
	return 0;
}

static int make_events(struct memif_memory *memory)
{
	for (int to = 0; to < MEMIF_DIRECTIONS; to++)
		for (uint16_t i = 0; i < memory->n_ring[to]; i++) {
			int fd = memif_event_create();

			if (fd < 0)
				return fd;
			memory->end[to][i].event_fd = fd;
		}
	return 0;
}

/*
 * Places the buffers of each ring behind each other, from offset at of a region
 * on, and in the next region where they would get out of reach. Fills size with
 * the bytes of each region, and returns how many there are, or -E2BIG.
 */
static int place_buffers(struct memif_memory *memory,
			 const struct memif_geometry *geometry, uint64_t at,
			 uint64_t size[MEMIF_REGIONS_MAX])
{
	uint64_t len = (uint64_t)memory->stride << geometry->log2_size;
	uint16_t region = memory->supply.get ? 1 : 0;

	size[0] = at;
	if (region > 0)
		at = 0;
	for (int to = 0; to < MEMIF_DIRECTIONS; to++)
		for (uint16_t i = 0; i < memory->n_ring[to]; i++) {
			if (at + len > REACH) {
				region++;
				at = 0;
			}
			if (region == MEMIF_REGIONS_MAX)
				return -E2BIG;
			memory->end[to][i].buffer_region = region;
			memory->end[to][i].buffer_offset = at;
			at += len;
			size[region] = at;
		}
	return region + 1;
}

static int supply_region(struct memif_memory *memory, uint64_t size)
{
	int r = memory->supply.get(memory->supply.user, size,
				   &memory->supplied_fd,
				   &memory->supplied_base);

	if (r < 0)
		return r;
	memory->supplied_size = size;
	return memif_regions_borrow(&memory->regions, memory->supplied_fd,
				    memory->supplied_base, size);
}

static int make_regions(struct memif_memory *memory,
			struct memif_geometry *geometry)
{
	uint64_t size[MEMIF_REGIONS_MAX] = { 0 };
	uint64_t at = align_up(memif_geometry_lay_out(geometry), BUFFERS_ALIGN);
	int n = place_buffers(memory, geometry, at, size);

	if (n < 0)
		return n;
	/* A program gives its memory in one piece. */
	if (memory->supply.get && n > 2)
		return -E2BIG;
	for (int i = 0; i < n; i++) {
		int r = i > 0 && memory->supply.get ?
				supply_region(memory, size[i]) :
				memif_regions_create(&memory->regions, size[i]);

		if (r < 0)
			return r;
		geometry->region_size[i] = memory->regions.region[i].size;
	}
	geometry->n_region = (uint16_t)n;
	return 0;
}

static int attach_ring(const struct memif_memory *memory,
		       const struct memif_geometry *geometry, int to,
		       uint16_t i, struct memif_ring *ret_ring)
{
	const struct memif_place *place = &geometry->ring[to][i];
	const struct memif_region *region =
		&memory->regions.region[place->region];

	return memif_ring_attach(ret_ring, region->base + place->offset,
				 geometry->line, place->log2_size);
}

static int format_rings(struct memif_memory *memory,
			const struct memif_geometry *geometry)
{
	for (int to = 0; to < MEMIF_DIRECTIONS; to++)
		for (uint16_t i = 0; i < memory->n_ring[to]; i++) {
			struct memif_ring ring;
			int r = attach_ring(memory, geometry, to, i, &ring);

			if (r < 0)
				return r;
			memif_ring_format(&ring);
		}
	return 0;
}

int memif_memory_build(struct memif_memory *memory,
		       struct memif_geometry *geometry, bool in_a_row)
{
	int r = make_ends(memory, geometry);

	memory->stride = MEMIF_STRIDE(memory->buffer_size);
	if (in_a_row)
		memory->buffer_size = memory->stride;
	if (r == 0)
		r = make_events(memory);
	if (r == 0)
		r = make_regions(memory, geometry);
	return r == 0 ? format_rings(memory, geometry) : r;
}

int memif_memory_fd(const struct memif_memory *memory,
		    const struct memif_outgoing *outgoing)
{
	switch (outgoing->attach) {
	case MEMIF_ATTACH_REGION:
		return memory->regions.region[outgoing->index].fd;
	case MEMIF_ATTACH_RING:
		return memory->end[outgoing->direction][outgoing->index]
			.event_fd;
	default:
		return -1;
	}
}

/* Server */

struct memif_objection memif_memory_take_region(struct memif_memory *memory,
						int fd, uint64_t size)
{
	enum memif_verdict verdict = memif_regions_judge(
		&memory->regions, fd, size, memory->unsealed);
	int r;

	if (verdict != MEMIF_VERDICT_GOOD &&
	    (verdict != MEMIF_VERDICT_UNSEALED ||
	     memory->unsealed != MEMIF_UNSEALED_GUARD)) {
		(void)close(fd); /* the peer's */
		return object(MEMIF_DOWN_REGION_FILE,
			      memif_verdict_text(verdict));
	}
	r = memif_regions_add(&memory->regions, fd, size, verdict);
	return r < 0 ? object_code("cannot keep the region", r) : fine;
}

/* One more, without anything yet. */
static struct memif_end *add_end(struct memif_memory *memory, int to)
{
	uint16_t n = memory->n_ring[to];
	struct memif_end *ends = heap_resize(memory->heap, memory->end[to],
					     n + 1u, sizeof(*ends));

	if (!ends)
		return NULL;
	memory->end[to] = ends;
	memory->n_ring[to] = (uint16_t)(n + 1);
	ends[n] = (struct memif_end){ .event_fd = -1 };
	return &ends[n];
}

struct memif_objection memif_memory_take_event(struct memif_memory *memory,
					       int fd,
					       enum memif_direction direction)
{
	enum memif_verdict verdict = memif_event_judge(fd);
	struct memif_end *end;

	if (verdict != MEMIF_VERDICT_GOOD) {
		(void)close(fd); /* the peer's */
		return object(MEMIF_DOWN_RING_EVENT,
			      memif_verdict_text(verdict));
	}
	end = add_end(memory, (int)direction);
	if (!end) {
		(void)close(fd); /* the peer's */
		return object_code("cannot keep the ring", -ENOMEM);
	}
	end->event_fd = fd;
	return fine;
}

static struct memif_objection
check_cookies(const struct memif_memory *memory,
	      const struct memif_geometry *geometry)
{
	for (int to = 0; to < MEMIF_DIRECTIONS; to++)
		for (uint16_t i = 0; i < geometry->n_ring[to]; i++) {
			struct memif_ring ring;
			int r = attach_ring(memory, geometry, to, i, &ring);

			if (r < 0)
				return object_code("cannot use a ring", r);
			if (!memif_ring_has_cookie(&ring))
				return object(MEMIF_DOWN_COOKIE,
					      "a ring has no cookie");
		}
	return fine;
}

struct memif_objection memif_memory_map(struct memif_memory *memory,
					const struct memif_geometry *geometry)
{
	int r = memif_regions_map(&memory->regions);

	return r < 0 ? object_code("cannot map the regions", r) :
		       check_cookies(memory, geometry);
}

/* Both */

static int open_queue(struct memif_memory *memory,
		      const struct memif_geometry *geometry,
		      const struct memif_queue_wishes *wishes, int to,
		      uint16_t i)
{
	const struct memif_place *place = &geometry->ring[to][i];
	struct memif_end *end = &memory->end[to][i];
	bool is_tx = to != (int)memif_rx_direction(memory->role);
	struct port_queue *counters = &wishes->counters[i];
	const struct memif_queue_config config = {
		.regions = &memory->regions,
		.heap = memory->heap,
		.kicker = wishes->kicker,
		.counters = is_tx ? &counters->tx : &counters->rx,
		.medium = geometry->mode == MEMIF_MODE_IP ? VIF_MEDIUM_IP :
							    VIF_MEDIUM_ETH,
		.is_client = memory->role == MEMIF_CLIENT,
		.is_tx = is_tx,
		.ride = geometry->ride,
		.resync = wishes->resync,
		.is_prompt = memory->is_prompt,
		.rx_mode = wishes->rx_mode,
		.region = place->region,
		.log2_size = place->log2_size,
		.line = geometry->line,
		.offset = place->offset,
		.event_fd = end->event_fd,
		.buffer_region = end->buffer_region,
		.buffer_offset = end->buffer_offset,
		.buffer_stride = memory->stride,
		.buffer_size = memory->buffer_size,
		.headroom = memory->headroom,
		.len_max = wishes->len_max,
		.spins = wishes->spins,
	};

	return memif_queue_new(&config, &end->queue);
}

int memif_memory_open(struct memif_memory *memory,
		      const struct memif_geometry *geometry,
		      const struct memif_queue_wishes *wishes)
{
	for (int to = 0; to < MEMIF_DIRECTIONS; to++)
		for (uint16_t i = 0; i < memory->n_ring[to]; i++) {
			int r = open_queue(memory, geometry, wishes, to, i);

			if (r < 0)
				return r;
		}
	for (int to = 0; to < MEMIF_DIRECTIONS; to++)
		for (uint16_t i = 0; i < memory->n_ring[to]; i++)
			memif_queue_start(memory->end[to][i].queue);
	return 0;
}

enum memif_fault memif_memory_fault(const struct memif_memory *memory)
{
	for (int to = 0; to < MEMIF_DIRECTIONS; to++)
		for (uint16_t i = 0; i < memory->n_ring[to]; i++) {
			const struct memif_queue *queue =
				memory->end[to][i].queue;
			enum memif_fault fault =
				queue ? memif_queue_fault(queue) :
					MEMIF_FAULT_NONE;

			if (fault != MEMIF_FAULT_NONE)
				return fault;
		}
	return MEMIF_FAULT_NONE;
}
