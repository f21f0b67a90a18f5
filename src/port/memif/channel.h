/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The socket of a control channel: records with descriptors, in and out.
 *
 * Nothing here blocks, but for the file system of a path.
 */
#ifndef PORT_MEMIF_CHANNEL_H
#define PORT_MEMIF_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vif/error.h>

#include "port/memif/socket_name.h"
#include "wire/memif_msg.h"

enum memif_channel_result {
	MEMIF_CHANNEL_LATER = 0, /* poll first */
	MEMIF_CHANNEL_DONE = 1,
	MEMIF_CHANNEL_EOF = 2,
};

struct memif_received {
	uint8_t bytes[MEMIF_MSG_LEN];
	size_t len; /* of the record, which may be longer than bytes */
	bool cut;   /* bytes or descriptors are missing */
	unsigned int n_fd;
	int fd; /* the first one, the caller's; -1 for none */
};

/*
 * memif_channel_connect() - connect to a listener
 *
 * In the network namespace netns_fd, or that of the thread when negative.
 * Returns a descriptor, or a negative errno with error filled; -EAGAIN when
 * the listener is busy just now. The hint says what is probably wrong.
 */
int memif_channel_connect(const struct memif_socket_name *name, int netns_fd,
			  struct vif_error *error);

/*
 * memif_channel_send() - send one record, with pass_fd unless that is negative
 *
 * Returns an enum memif_channel_result or a negative errno.
 */
int memif_channel_send(int fd, const uint8_t bytes[MEMIF_MSG_LEN], int pass_fd);

/*
 * memif_channel_receive() - receive one record
 *
 * Of the descriptors that come along the first is kept, all others are closed,
 * whatever else is wrong with the record. Returns an enum memif_channel_result,
 * with ret filled for DONE, or a negative errno.
 */
int memif_channel_receive(int fd, struct memif_received *ret_received);

/*
 * memif_channel_close() - close without taking back what was sent
 *
 * A peer gets an error in place of our last record if there are records of its
 * own that nobody has read.
 */
void memif_channel_close(int fd);

#endif
