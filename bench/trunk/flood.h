/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hostile peer that sends the smallest records there are, as fast as its
 * connection carries them, and the program at the other end.
 */
#ifndef BENCH_TRUNK_FLOOD_H
#define BENCH_TRUNK_FLOOD_H

#include "bench/trunk/trunk.h"

#include <vif/relay.h>

#include "tests/trunk_hostile_open.h"

enum flood_sizes {
	FLOOD_CHUNK = 65536, /* bytes that the program takes at once */
	FLOOD_RECORD = 256,  /* bytes of the largest record */
};

struct flood;

struct flood_kind {
	const char *name;
	/* Makes the frames of one record, and says what that is to be. */
	struct record_header (*make)(struct flood *flood);
	bool is_relayed;
};

struct flood {
	struct hostile h;
	const struct flood_kind *kind;
	uint64_t n_setup; /* records that came before the flood */
	uint32_t random;
	uint32_t next_circuit, next_flow, next_refused;
	uint64_t n, at; /* records made; offset in the flow that has data */
	bool is_rekey;  /* the record that was made changes the key */
	/* what is on the way to the program */
	uint8_t bytes[FLOOD_CHUNK];
	size_t len;
	/* where it goes on to; with a relay */
	struct vif_relay *relay;
	struct rig bob;
	int64_t held, held_max; /* bytes, of the program */
};

/* flood_kind_of() - by its name; anything else is usage() */
const struct flood_kind *flood_kind_of(const char *name);

/* flood_start() - a connection with all that the kinds need; nothing is sent */
void flood_start(struct flood *flood, const struct flood_kind *kind);

/* flood_stop() - the program closes it */
void flood_stop(struct flood *flood);

/* flood_make() - the peer seals up to max bytes, those that it may send */
void flood_make(struct flood *flood, size_t max);

/*
 * flood_take() - the program gets them, with whatever there is to do then
 *
 * Returns nanoseconds of CPU time. The connection has taken ns for these bytes.
 */
uint64_t flood_take(struct flood *flood, uint64_t ns);

/* flood_lasts() - whether the program still has the connection */
bool flood_lasts(const struct flood *flood);

/* flood_records() - records that the program has taken */
uint64_t flood_records(const struct flood *flood);

#endif
