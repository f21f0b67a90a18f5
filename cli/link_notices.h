/* SPDX-License-Identifier: Apache-2.0 */
/* Notices of ports, from the threads that make them to the one that prints. */
#ifndef CLI_LINK_NOTICES_H
#define CLI_LINK_NOTICES_H

#include <stdatomic.h>

#include "cli/cli.h"

enum notices_limits {
	NOTICES_MAX = 16, /* not printed yet; what comes then is lost */
	NOTICE_SIZE = 640,
};

struct notices {
	struct {
		char port[64];
		char text[NOTICE_SIZE];
		atomic_bool ready; /* written; the reader may look */
	} notice[NOTICES_MAX];
	/* both count for ever; the rest is the place */
	atomic_uint n;      /* claimed by writers */
	atomic_uint n_told; /* written by the reader */
};

/* Any thread; never blocks. Returns whether there was room. */
bool notices_add(struct notices *notices, const struct vif_port *port,
		 const char *text);

/* Prints what has not been printed: on stderr, or as JSON lines on stdout. */
void notices_tell(struct notices *notices, bool json, bool quiet);

#endif
