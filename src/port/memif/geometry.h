/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the rings of a connection lie: the client lays them out, the server
 * checks what it is told. Pure arithmetic.
 */
#ifndef PORT_MEMIF_GEOMETRY_H
#define PORT_MEMIF_GEOMETRY_H

#include <stddef.h>

#include "port/memif/down.h"
#include "port/memif/limits.h"
#include "wire/memif_msg.h"

enum memif_direction {
	MEMIF_C2S, /* packets from the client */
	MEMIF_S2C,
	MEMIF_DIRECTIONS
};

struct memif_place {
	uint32_t offset;
	uint16_t region;
	uint8_t log2_size;
};

/* What both sides agreed upon. The server learns it bit by bit. */
struct memif_geometry {
	enum memif_mode mode;
	uint16_t n_region;
	uint16_t n_ring[MEMIF_DIRECTIONS];
	uint8_t log2_size; /* client: of every ring */
	uint8_t line;      /* 64 or 128: what ring headers are made of, or 0 */
	uint16_t ride;     /* set of enum memif_ride: goes along with packets */
	uint64_t region_size[MEMIF_REGIONS_MAX];
	struct memif_place ring[MEMIF_DIRECTIONS][MEMIF_RINGS_MAX];
};

/* Why a place is refused; down is MEMIF_DOWN_NONE when it is not. */
struct memif_objection {
	enum memif_down down;
	char text[MEMIF_MSG_REASON_SIZE];
};

/*
 * memif_geometry_lay_out() - place the rings of a client in region 0
 *
 * One after another, those of c2s first, as every other client does it, so that
 * a server can tell the line from it. n_ring, log2_size and line are set.
 * Returns the bytes that are used.
 */
uint64_t memif_geometry_lay_out(struct memif_geometry *geometry);

/*
 * memif_geometry_ring() - judge a ring that a client announces
 *
 * n_ring_max is that of its direction. As long as the line is unknown rings are
 * taken for the smaller ones. Returns what is wrong with it; the geometry is
 * unchanged.
 */
struct memif_objection
memif_geometry_ring(const struct memif_geometry *geometry,
		    const struct memif_msg_add_ring *ring, uint16_t n_ring_max);

/* Adds a ring that has been judged. */
void memif_geometry_add_ring(struct memif_geometry *geometry,
			     const struct memif_msg_add_ring *ring);

/*
 * memif_geometry_finish() - judge all rings together, as soon as all are there
 *
 * If the line is unknown it is told from the distances of rings next to each
 * other, and is line_default where they do not tell. Sets line. Returns what is
 * wrong.
 */
struct memif_objection memif_geometry_finish(struct memif_geometry *geometry,
					     uint8_t line_default);

#endif
