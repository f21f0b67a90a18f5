/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The descriptors and deadlines of many listeners and links behind one
 * descriptor and one deadline.
 *
 * One thread at a time.
 */
#ifndef PORT_MEMIF_POLLER_H
#define PORT_MEMIF_POLLER_H

#include <stdbool.h>
#include <stdint.h>

#include <vif/error.h>

struct memif_watch;

struct memif_poller {
	int fd; /* readable when memif_poller_service() has something to do */
	struct memif_watch *first;
	struct memif_watch *cursor; /* next one whose deadline is looked at */
	uint64_t n_call;            /* of watches, so far */
};

/* One descriptor, one deadline, or both. Embedded in what they belong to. */
struct memif_watch {
	int fd;               /* -1 for none; see memif_watch_fd() */
	uint64_t deadline_ns; /* MEMIF_NEVER for none; may just be set */
	/*
	 * events are those of epoll, 0 when the deadline passed, which is unset
	 * then. May add and remove watches, this one included.
	 */
	void (*call)(struct memif_watch *watch, uint32_t events,
		     uint64_t now_ns);
	struct memif_poller *poller; /* NULL while not added */
	struct memif_watch *next;
	struct memif_watch **link; /* what points here */
};

/* Returns 0, or a negative errno with error filled. */
int memif_poller_init(struct memif_poller *poller, struct vif_error *error);

/* All watches have been removed. Zeroed, failed and twice are fine. */
void memif_poller_fini(struct memif_poller *poller);

/* Adds a watch that has call set, without descriptor and deadline. */
void memif_watch_add(struct memif_poller *poller, struct memif_watch *watch);

/* Forgets descriptor and deadline. Does not close. Not added is fine. */
void memif_watch_remove(struct memif_watch *watch);

/*
 * memif_watch_fd() - change the descriptor or the events it is watched for
 *
 * fd is borrowed, and -1 for none; the last one must still be open. Returns 0,
 * or a negative errno with no descriptor being watched.
 */
int memif_watch_fd(struct memif_watch *watch, int fd, uint32_t events);

/*
 * memif_poller_service() - call the watches that have something to do
 *
 * Never blocks. Returns the next deadline, or MEMIF_NEVER; it is not after
 * now_ns when not everything could be done.
 */
uint64_t memif_poller_service(struct memif_poller *poller, uint64_t now_ns);

#endif
