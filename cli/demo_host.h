/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One end of vif demo: a child process with a network namespace of its own.
 *
 * Parent and child exchange fixed-size messages over a socket pair: an order
 * goes in, one answer comes out. The child dies with its parent, in whatever
 * way that ends, and the kernel then removes the namespace.
 */
#ifndef CLI_DEMO_HOST_H
#define CLI_DEMO_HOST_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <vif/error.h>

#include "cli/demo_traffic.h"

/* What an end does on an order; the bits may be combined. */
enum demo_verb {
	DEMO_IDLE = 0,
	DEMO_PING = 1,    /* n_echo round trips to peer */
	DEMO_SEND = 2,    /* connect to peer and send for time_ms */
	DEMO_RECEIVE = 4, /* accept one connection and read it to its end */
};

struct demo_order {
	uint32_t verbs; /* enum demo_verb */
	uint32_t n_echo;
	uint32_t time_ms;
	char peer[48]; /* address of the other end */
};

/* The child sends a first one by itself, once its namespace is ready. */
struct demo_answer {
	int32_t code; /* 0 or a negative errno */
	bool has_ipv6;
	char what[64]; /* what failed */
	struct demo_ping ping;
	struct demo_stream received;
};

/* The parent's view of an end. */
struct demo_host {
	pid_t pid; /* 0: not started */
	int fd;    /* answers come and orders go here; -1: not started */
};

/*
 * demo_host_start() - make an end
 * @host:  to be filled; not in use.
 * @name:  "a" or "b"; borrowed.
 * @error: filled on failure.
 *
 * The caller must have one thread and the right to make network namespaces.
 * Returns 0 or a negative errno.
 */
int demo_host_start(struct demo_host *host, const char *name,
		    struct vif_error *error);

/* Kill an end and wait until it is gone; twice, or before start, is fine. */
void demo_host_stop(struct demo_host *host);

#endif
