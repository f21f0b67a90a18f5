/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the rings of a connection lie.
 *
 * A ring has a header of two cache lines, and 16 bytes for each slot. Nothing
 * on the wire says how long the cache lines are that the client was built for.
 */
#include "port/memif/geometry.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/bits.h"
#include "base/error.h"

enum geometry_sizes {
	LINE_MIN = 64,
	LINE_MAX = 128,
	SLOT_SIZE = 16,
};

static const struct memif_objection fine = { .down = MEMIF_DOWN_NONE };

static struct memif_objection object(enum memif_down down, const char *format,
				     ...) VIF_PRINTF(2, 3);

static struct memif_objection object(enum memif_down down, const char *format,
				     ...)
{
	struct memif_objection objection = { .down = down };
	va_list args;

	va_start(args, format);
	(void)vsnprintf(objection.text, sizeof(objection.text), format, args);
	va_end(args);
	return objection;
}

static uint64_t slots_len(uint8_t log2_size)
{
	return (uint64_t)SLOT_SIZE << log2_size;
}

static uint64_t ring_len(uint8_t log2_size, uint8_t line)
{
	return 2 * (uint64_t)(line ? line : LINE_MIN) + slots_len(log2_size);
}

static const char *to_whom(enum memif_direction direction)
{
	return direction == MEMIF_C2S ? "to the server" : "to the client";
}

static enum memif_direction direction_of(const struct memif_msg_add_ring *ring)
{
	return ring->flags & MEMIF_MSG_RING_C2S ? MEMIF_C2S : MEMIF_S2C;
}

uint64_t memif_geometry_lay_out(struct memif_geometry *geometry)
{
	/* Only rings of two slots leave a gap; their size is no multiple. */
	uint64_t stride = align_up(
		ring_len(geometry->log2_size, geometry->line), LINE_MIN);
	uint64_t offset = 0;

	for (int to = 0; to < MEMIF_DIRECTIONS; to++)
		for (uint16_t i = 0; i < geometry->n_ring[to]; i++) {
			geometry->ring[to][i] = (struct memif_place){
				.offset = (uint32_t)offset,
				.log2_size = geometry->log2_size,
			};
			offset += stride;
		}
	return offset;
}

static bool overlap(const struct memif_place *a, const struct memif_place *b,
		    uint8_t line)
{
	return a->region == b->region &&
	       a->offset < b->offset + ring_len(b->log2_size, line) &&
	       b->offset < a->offset + ring_len(a->log2_size, line);
}

/*
 * Whether a place lies in its region and apart from the rings before number
 * n of its direction, and from those of the directions before.
 */
static struct memif_objection check_place(const struct memif_geometry *geometry,
					  const struct memif_place *place,
					  const uint16_t n[MEMIF_DIRECTIONS])
{
	uint64_t len = ring_len(place->log2_size, geometry->line);
	uint64_t size = geometry->region_size[place->region];

	if (place->offset + len > size)
		return object(MEMIF_DOWN_RING_RANGE,
			      "ring of %llu bytes at offset %u is outside of "
			      "region %u",
			      (unsigned long long)len, place->offset,
			      place->region);
	for (int to = 0; to < MEMIF_DIRECTIONS; to++)
		for (uint16_t i = 0; i < n[to]; i++)
			if (overlap(place, &geometry->ring[to][i],
				    geometry->line))
				return object(
					MEMIF_DOWN_RING_OVERLAP,
					"ring at offset %u overlaps "
					"ring %u %s",
					place->offset, i,
					to_whom((enum memif_direction)to));
	return fine;
}

static struct memif_objection
check_numbers(const struct memif_geometry *geometry,
	      const struct memif_msg_add_ring *ring, uint16_t n_ring_max)
{
	enum memif_direction to = direction_of(ring);
	uint16_t next = geometry->n_ring[to];

	if (ring->index != next)
		return object(MEMIF_DOWN_RING_INDEX,
			      "ring index %u %s, expected %u", ring->index,
			      to_whom(to), next);
	if (next >= n_ring_max || next >= MEMIF_RINGS_MAX)
		return object(MEMIF_DOWN_RING_COUNT,
			      "too many rings %s, at most %u", to_whom(to),
			      n_ring_max);
	if (ring->log2_size < MEMIF_LOG2_MIN ||
	    ring->log2_size > MEMIF_LOG2_MAX)
		return object(MEMIF_DOWN_RING_SIZE,
			      "ring of 2^%u slots, must be 2^%d to 2^%d",
			      ring->log2_size, MEMIF_LOG2_MIN, MEMIF_LOG2_MAX);
	if (ring->private_len != 0)
		return object(MEMIF_DOWN_RING_PRIVATE,
			      "private headers of %u bytes, must be 0",
			      ring->private_len);
	if (ring->region >= geometry->n_region)
		return object(MEMIF_DOWN_RING_REGION,
			      "ring in region %u, which is unknown",
			      ring->region);
	/*
	 * Both kinds of line: rings of four slots, packed as usual, are not
	 * aligned to 128.
	 */
	if (ring->offset % LINE_MIN != 0)
		return object(MEMIF_DOWN_RING_ALIGN,
			      "ring offset %u is no multiple of %d",
			      ring->offset, LINE_MIN);
	return fine;
}

static struct memif_place place_of(const struct memif_msg_add_ring *ring)
{
	return (struct memif_place){
		.offset = ring->offset,
		.region = ring->region,
		.log2_size = ring->log2_size,
	};
}

struct memif_objection
memif_geometry_ring(const struct memif_geometry *geometry,
		    const struct memif_msg_add_ring *ring, uint16_t n_ring_max)
{
	struct memif_objection objection =
		check_numbers(geometry, ring, n_ring_max);
	struct memif_place place = place_of(ring);

	return objection.down ? objection :
				check_place(geometry, &place, geometry->n_ring);
}

void memif_geometry_add_ring(struct memif_geometry *geometry,
			     const struct memif_msg_add_ring *ring)
{
	enum memif_direction to = direction_of(ring);

	geometry->ring[to][geometry->n_ring[to]++] = place_of(ring);
}

/* Distance from a ring to the next one in its region, or 0. */
static uint64_t distance_to_next(const struct memif_geometry *geometry,
				 const struct memif_place *place)
{
	uint64_t distance = 0;

	for (int to = 0; to < MEMIF_DIRECTIONS; to++)
		for (uint16_t i = 0; i < geometry->n_ring[to]; i++) {
			const struct memif_place *other =
				&geometry->ring[to][i];
			uint64_t d = (uint64_t)other->offset - place->offset;

			if (other->region == place->region &&
			    other->offset > place->offset &&
			    (distance == 0 || d < distance))
				distance = d;
		}
	return distance;
}

/* 64 or 128, or 0 where the rings do not tell. */
static uint8_t line_of(const struct memif_geometry *geometry)
{
	bool is_long = false;

	for (int to = 0; to < MEMIF_DIRECTIONS; to++)
		for (uint16_t i = 0; i < geometry->n_ring[to]; i++) {
			const struct memif_place *place =
				&geometry->ring[to][i];
			uint64_t distance = distance_to_next(geometry, place);
			uint64_t slots = slots_len(place->log2_size);

			/* One that is close by leaves no other choice. */
			if (distance == slots + 2 * (uint64_t)LINE_MIN)
				return LINE_MIN;
			if (distance == slots + 2 * (uint64_t)LINE_MAX)
				is_long = true;
		}
	return is_long ? LINE_MAX : 0;
}

struct memif_objection memif_geometry_finish(struct memif_geometry *geometry,
					     uint8_t line_default)
{
	uint16_t n[MEMIF_DIRECTIONS] = { 0 };

	if (geometry->n_ring[MEMIF_C2S] + geometry->n_ring[MEMIF_S2C] == 0)
		return object(MEMIF_DOWN_RING_NONE, "there is no ring");
	if (geometry->line == 0)
		geometry->line = line_of(geometry);
	if (geometry->line == 0)
		geometry->line = line_default;
	/* Once more with what is known now. */
	for (int to = 0; to < MEMIF_DIRECTIONS; to++)
		for (; n[to] < geometry->n_ring[to]; n[to]++) {
			struct memif_objection objection = check_place(
				geometry, &geometry->ring[to][n[to]], n);

			if (objection.down)
				return objection;
		}
	return fine;
}
