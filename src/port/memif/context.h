/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A context of memif: what its sockets and interfaces share.
 *
 * The lock is for programs that let the library's own thread do the control
 * work. It is held while callbacks run, and they may call back: it is recursive.
 */
#ifndef PORT_MEMIF_CONTEXT_H
#define PORT_MEMIF_CONTEXT_H

#include <pthread.h>
#include <stdatomic.h>

#include <vif/memif.h>

#include "port/memif/event.h"
#include "port/memif/listener.h"
#include "port/memif/poller.h"

struct vif_memif {
	/* immutable */
	char app_name[MEMIF_MSG_NAME_SIZE];
	int poke_fd;   /* eventfd: a data thread or another one wants service */
	int cancel_fd; /* eventfd: counts calls of vif_memif_cancel() */
	struct memif_kicker kicker;
	struct vif_allocator heap; /* see base/heap.h */
	/* under the lock */
	pthread_mutex_t lock;
	struct memif_poller poller;
	struct memif_watch poke;
	struct vif_memif_socket *sockets;
	uint64_t now_ns;       /* of the last service */
	unsigned int n_user;   /* a program, or the ports that share it */
	unsigned int n_inside; /* calls under way: callbacks may be running */
	bool has_doomed;       /* something waits for the end of all of them */
	uint64_t random;
	/* loop.c */
	bool has_thread;
	atomic_bool thread_ends;
	pthread_t thread;
};

struct vif_memif_socket {
	struct vif_memif *memif;
	struct vif_memif_socket *next;
	struct memif_listener_config config;
	struct memif_listener listener;
	bool listens;
	char *netns;  /* as it was told; NULL for none */
	int netns_fd; /* -1: the thread's */
	int adopt_fd; /* -1: binds by itself */
	bool is_doomed;
	struct vif_memif_interface *interfaces;
};

static inline void memif_lock(struct vif_memif *memif)
{
	(void)pthread_mutex_lock(&memif->lock); /* recursive: cannot fail */
}

static inline void memif_unlock(struct vif_memif *memif)
{
	(void)pthread_mutex_unlock(&memif->lock);
}

/*
 * memif_enter() - begin what may call callbacks
 * memif_leave() - end it, and free what they have closed
 */
void memif_enter(struct vif_memif *memif);
void memif_leave(struct vif_memif *memif);

/* Asks for a service soon. Any thread; never blocks. */
void memif_poke(const struct vif_memif *memif);

/* A socket of that name that is open, or NULL. netns may be NULL. */
struct vif_memif_socket *memif_socket_find(struct vif_memif *memif,
					   const char *path, const char *netns);

/* Closes it with its interfaces, when no callback runs. */
void memif_socket_close_whole(struct vif_memif_socket *socket);

/* Frees it if it was closed. */
void memif_socket_reap(struct vif_memif_socket *socket);

/* The listener of a socket, which is made when there is none yet. */
int memif_socket_listen(struct vif_memif_socket *socket,
			struct memif_listener **ret_listener,
			struct vif_error *error);

/* Its last server is gone. */
void memif_socket_unlisten(struct vif_memif_socket *socket);

#endif
