/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server and a client link in one process, with a clock that the test moves.
 *
 *	config = cord_defaults(); change it; cord_open(); cord_settle(); ...
 */
#ifndef TESTS_MEMIF_CORD_H
#define TESTS_MEMIF_CORD_H

#include "port/memif/link.h"
#include "tests/memif/place.h"

enum cord_side { SERVER, CLIENT, SIDES };

/* What a link has told. */
struct cord_end {
	struct memif_link link;
	unsigned int n_up;
	unsigned int n_down;
	unsigned int n_failed;
	bool disconnect_in_up;
	bool request_in_down;
};

struct cord {
	uint64_t now_ns;
	struct memif_poller poller;
	struct memif_listener listener;
	struct memif_listener_config listener_config;
	struct memif_link_config config[SIDES];
	struct cord_end end[SIDES];
};

/* Both sides with the same socket, "s" in the place. Nothing is open yet. */
struct cord cord_defaults(void);

/* Everything, or one end: it must work. */
void cord_open(struct cord *cord);
void cord_open_listener(struct cord *cord);
void cord_open_end(struct cord *cord, enum cord_side side);
void cord_close_end(struct cord *cord, enum cord_side side);
void cord_close(struct cord *cord);

/* Serves the poller until nothing is left to do at this time. */
void cord_settle(struct cord *cord);

/* Goes on to the next deadline, and settles there. Returns false for none. */
bool cord_skip(struct cord *cord);

/* Skips until both are up; fails if that does not happen within a minute. */
void cord_wait_up(struct cord *cord);

bool cord_is_up(const struct cord *cord);

struct memif_link *server_of(struct cord *cord);
struct memif_link *client_of(struct cord *cord);

/* Both are up: they agree, and packets pass on each ring. */
void cord_check_geometry(struct cord *cord);
void cord_check_packets(struct cord *cord);

/* A connection without a machine behind it, and the record it gets. */
int cord_connect(struct cord *cord);
void cord_expect_record(int fd, unsigned int type, const char *reason);

#endif
