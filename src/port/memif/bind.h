/* SPDX-License-Identifier: Apache-2.0 */
/* Making a listening socket at a name, and taking it away again. */
#ifndef PORT_MEMIF_BIND_H
#define PORT_MEMIF_BIND_H

#include <stdbool.h>
#include <sys/types.h>

#include <vif/error.h>

#include "port/memif/socket_name.h"

struct memif_bind_config {
	struct memif_socket_name name;
	int netns_fd; /* of an abstract name; -1: the thread's */
	mode_t mode;  /* of a path; 0: 0600 */
	bool chown;   /* give a path to uid and gid, -1 for no change */
	uid_t uid;
	gid_t gid;
	int backlog;
};

struct memif_bound {
	int fd;
	bool made_path; /* at the name, and it is this file: */
	dev_t dev;
	ino_t ino;
};

/*
 * memif_bind() - listen
 *
 * A path that nobody listens on is replaced, a live one and a file of another
 * kind are not. Nobody can connect before owner and mode are set. Returns 0, or
 * a negative errno with error filled and nothing left behind.
 */
int memif_bind(const struct memif_bind_config *config,
	       struct memif_bound *ret_bound, struct vif_error *error);

/*
 * memif_bind_adopt() - use a socket that listens already
 *
 * Takes fd on success, and reads its name. Returns 0, or -EINVAL with error
 * filled when it is not a listening Unix socket of records.
 */
int memif_bind_adopt(int fd, struct memif_bound *ret_bound,
		     struct memif_socket_name *ret_name,
		     struct vif_error *error);

/* Closes, and removes the path if it is still ours. */
void memif_unbind(struct memif_bound *bound,
		  const struct memif_socket_name *name);

#endif
