/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cable of vif demo: two ends, a link between them, and measurements.
 *
 * Nothing of the host's network is touched: the parent itself moves into a
 * network namespace of its own before it makes the ends.
 */
#ifndef CLI_DEMO_H
#define CLI_DEMO_H

#include <stdbool.h>
#include <stdint.h>

#include <vif/vif.h>

#include "cli/demo_host.h"

/* Rows of the TCP measurement. */
enum demo_load {
	DEMO_ALONE, /* one direction after the other */
	DEMO_BOTH,  /* both at once */
	DEMO_LOAD_N,
};

/* One direction under one load. */
struct demo_flow {
	struct demo_stream stream; /* as the receiver saw it */
	uint64_t packets;          /* the link sent to the receiver */
	uint64_t bytes;
	uint64_t superpackets;
};

/* Everything that was measured. */
struct demo_result {
	struct demo_ping ping4;
	struct demo_ping ping6; /* sent is 0 without IPv6 */
	struct demo_flow flow[DEMO_LOAD_N][VIF_DIRECTION_N];
	struct vif_link_stats stats; /* of the whole run */
};

/* A demo under way. All zero, and init, before use. */
struct demo {
	struct demo_host host[2];
	struct vif_port *port[2];
	struct vif_link *link;
	int signal_fd;
	int signal;      /* the one that interrupted it, or 0 */
	bool is_allowed; /* got the rights it needs */
	bool is_user_ns; /* and took a user namespace for them */
	bool has_ipv6;
};

/* Make it safe to close. */
void demo_init(struct demo *demo);

/*
 * demo_open() - make the namespaces, the ports and the link, and start it
 *
 * Returns 0, -EINTR when a signal came, or a negative errno with its reason.
 */
int demo_open(struct demo *demo, struct vif_error *error);

/* Stop and remove everything, whatever demo_open() got done. */
void demo_close(struct demo *demo);

/* Measure round trips, in both families; returns as demo_open(). */
int demo_measure_ping(struct demo *demo, struct demo_result *result,
		      struct vif_error *error);

/* Measure TCP for @time_ms in each phase; returns as demo_open(). */
int demo_measure_tcp(struct demo *demo, enum demo_load load, uint32_t time_ms,
		     struct demo_result *result, struct vif_error *error);

/* Stop the link and read its final counters. */
int demo_finish(struct demo *demo, struct demo_result *result,
		struct vif_error *error);

/*
 * demo_collect() - wait until ends have answered
 * @ends: set of ends, 1 for a and 2 for b.
 *
 * Also notices signals and the end of the link; returns as demo_open().
 */
int demo_collect(struct demo *demo, unsigned int ends,
		 struct demo_answer answer[2], struct vif_error *error);

/* Name and addresses of each end. */
extern const char *const demo_end_name[2];
extern const char *const demo_address4[2];
extern const char *const demo_address6[2];

#endif
