/* SPDX-License-Identifier: Apache-2.0 */
/* Notices of ports, from the threads that make them to the one that prints. */
#ifndef CLI_LINK_NOTICES_H
#define CLI_LINK_NOTICES_H

#include <stdatomic.h>

#include "cli/cli.h"

enum notices_limits {
	NOTICES_MAX =
		16, /* ports say each thing once; there are not that many */
	NOTICE_SIZE = 256,
};

struct notices {
	struct {
		char port[64];
		char text[NOTICE_SIZE];
		atomic_bool ready; /* written; the reader may look */
	} notice[NOTICES_MAX];
	atomic_uint n;       /* claimed by writers */
	unsigned int n_told; /* reader only */
};

/* Any thread; never blocks. Returns whether there was room. */
bool notices_add(struct notices *notices, const struct vif_port *port,
		 const char *text);

/* Prints what has not been printed: on stderr, or as JSON lines on stdout. */
void notices_tell(struct notices *notices, bool json, bool quiet);

#endif
