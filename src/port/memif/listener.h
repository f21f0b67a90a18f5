/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A listening control socket, and the clients on it that have not said yet
 * which interface they want.
 *
 * Many server links may share a listener, and it outlives them. So that nobody
 * can keep others out by connecting and waiting, there is a deadline, and where
 * too many wait, the one that has waited longest has to go: an honest client
 * says what it wants at once.
 *
 * One thread at a time.
 */
#ifndef PORT_MEMIF_LISTENER_H
#define PORT_MEMIF_LISTENER_H

#include <sys/types.h>

#include "base/counter.h"
#include "base/heap.h"
#include "port/memif/bind.h"
#include "port/memif/guess.h"
#include "port/memif/handshake.h"
#include "port/memif/poller.h"

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
	struct memif_bind_config bind; /* but for the backlog */
	int adopt_fd; /* listens already, taken on success; -1: use bind */
	struct memif_allow allow;
	unsigned int n_pending_max; /* 0: MEMIF_PENDING_DEFAULT */
	uint64_t handshake_ns;      /* 0: MEMIF_HANDSHAKE_NS */
	uint64_t nonce;             /* a random number; see new_pending() */
	const char *app_name;       /* copied */
	const struct vif_allocator *heap; /* borrowed; see base/heap.h */
};

/*
 * An interface that can be asked for, embedded in a link. The functions are
 * called for servers only.
 */
struct memif_service {
	const struct memif_handshake_config *config;
	/* Whether it has a peer. Looks first whether that one is gone. */
	bool (*busy)(struct memif_service *service, uint64_t now_ns);
	/*
	 * Here is a client: fd is taken, handshake copied. It has been answered
	 * that this interface is the one.
	 */
	void (*take)(struct memif_service *service, int fd,
		     const struct memif_handshake *handshake, uint64_t now_ns);
	/* Somebody who wanted it was refused; handshake says why. */
	void (*refused)(struct memif_service *service,
			const struct memif_handshake *handshake,
			uint64_t now_ns);
	struct memif_service *next;
};

struct memif_listener {
	struct memif_socket_name name;
	struct memif_allow allow;
	unsigned int n_pending_max;
	uint64_t handshake_ns;
	const struct vif_allocator *heap;
	char app_name[MEMIF_MSG_NAME_SIZE];
	struct memif_bound bound;
	int reserve_fd; /* given up to turn clients away when there are none */
	struct memif_watch watch;
	struct memif_poller *poller; /* NULL before init and after fini */
	struct memif_service *services;
	struct memif_pending *oldest;
	struct memif_pending *newest;
	unsigned int n_pending;
	uint64_t nonce; /* of the next connection */
	struct memif_guesses guesses;
	struct counter n_accepted;
	struct counter n_no_fd; /* turned away for want of descriptors */
	struct counter downs[MEMIF_DOWN_N]; /* of those still pending */
};

/*
 * memif_listener_init() - listen
 *
 * Returns 0, or a negative errno with error filled and the listener fit for
 * memif_listener_fini().
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
