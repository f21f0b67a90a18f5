/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A listening control socket, and the clients on it that have not said yet
 * which interface they want.
 *
 * Many server links may share a listener. It lives as long as they do. One
 * thread at a time.
 */
#ifndef PORT_MEMIF_LISTENER_H
#define PORT_MEMIF_LISTENER_H

#include <sys/types.h>

#include "base/counter.h"
#include "port/memif/handshake.h"
#include "port/memif/poller.h"
#include "port/memif/socket_name.h"

struct memif_pending;

/* Who may connect. With neither users nor groups everybody may. */
struct memif_allow {
	unsigned int n_uid;
	unsigned int n_gid; /* primary groups */
	uid_t uid[MEMIF_ALLOW_MAX];
	gid_t gid[MEMIF_ALLOW_MAX];
};

/* Zeroed means default, but for the descriptors. */
struct memif_listener_config {
	struct memif_socket_name name;
	int netns_fd; /* of an abstract name; -1: the thread's */
	int adopt_fd; /* a listening socket, taken on success; -1: make one */
	mode_t mode;  /* of a path; 0: 0600 */
	bool chown;   /* a path to uid and gid; -1 for no change */
	uid_t uid;
	gid_t gid;
	struct memif_allow allow;
	unsigned int n_pending_max; /* 0: MEMIF_PENDING_DEFAULT */
	uint64_t handshake_ns;      /* 0: MEMIF_HANDSHAKE_NS */
	char app_name[MEMIF_MSG_NAME_SIZE];
};

/* What a listener asks one of its interfaces. Embedded in a link. */
struct memif_service {
	const struct memif_handshake_config *config;
	/* Whether it has a peer. Looks first whether that one is gone. */
	bool (*busy)(struct memif_service *service, uint64_t now_ns);
	/*
	 * Here is a client: fd is taken, handshake is copied, which has been
	 * answered that this interface is the one.
	 */
	void (*take)(struct memif_service *service, int fd,
		     const struct memif_handshake *handshake, uint64_t now_ns);
	/* Somebody who wanted it was turned away; handshake says why. */
	void (*turned_away)(struct memif_service *service,
			    const struct memif_handshake *handshake);
	struct memif_service *next;
};

/* A user that has offered wrong secrets. */
struct memif_guesser {
	uid_t uid;
	unsigned int n_left;
	uint64_t since_ns; /* of the last change of n_left; 0: unused */
};

struct memif_listener {
	struct memif_listener_config config;
	struct memif_poller *poller;
	struct memif_watch watch;
	struct memif_service *services;
	struct memif_pending *pending; /* oldest first */
	unsigned int n_pending;
	int fd;
	int reserve_fd; /* given up to turn clients away when there are none */
	bool made_path; /* to be removed at the end, if it is still ours */
	dev_t dev;
	ino_t ino;
	struct memif_guesser guesser[MEMIF_GUESSERS_MAX];
	struct counter n_accepted;
	struct counter n_no_fd; /* turned away for want of descriptors */
	struct counter downs[MEMIF_DOWN_N]; /* while pending */
};

/*
 * memif_listener_init() - listen
 *
 * Removes a socket file that nobody listens on. Returns 0, or a negative errno
 * with error filled and the listener fit for memif_listener_fini().
 */
int memif_listener_init(struct memif_listener *listener,
			const struct memif_listener_config *config,
			struct memif_poller *poller, struct vif_error *error);

/* All services have been removed. Zeroed, failed and twice are fine. */
void memif_listener_fini(struct memif_listener *listener);

/*
 * memif_listener_add() - serve an interface
 *
 * Its config may also be that of a client with the same socket, so that whoever
 * asks for it can be told; only servers are asked anything. Returns 0, or
 * -EEXIST with error filled when there is a server of that id.
 */
int memif_listener_add(struct memif_listener *listener,
		       struct memif_service *service, struct vif_error *error);
void memif_listener_remove(struct memif_listener *listener,
			   struct memif_service *service);

#endif
