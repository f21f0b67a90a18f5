/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One memif interface, as server or client: it waits for a peer or calls one,
 * brings memory and queues up, and comes back when the peer was gone.
 *
 * All is done by the poller, or by functions here, on one controlling thread.
 * Only the queues, between up and down, are for other threads. A link must not
 * be moved.
 */
#ifndef PORT_MEMIF_LINK_H
#define PORT_MEMIF_LINK_H

#include "port/memif/handshake.h"
#include "port/memif/listener.h"
#include "port/memif/memory.h"
#include "port/memif/poller.h"

struct memif_link;

/* Zeroed means default, but for netns_fd. */
struct memif_link_config {
	enum memif_role role;
	enum memif_mode mode;
	uint32_t id;
	const char *app_name; /* copied; NULL for none; cut at 31 bytes */
	const char *name;     /* copied; as above */
	const char *secret;   /* copied; NULL for none; at most 23 bytes */
	bool strict_secret;   /* server: refuse one that is not needed */
	struct memif_socket_name socket; /* client: where to connect */
	int netns_fd; /* client: of an abstract name; -1: the thread's */

	/* geometry */
	uint16_t n_ring[MEMIF_DIRECTIONS]; /* 0: 1; server: at most */
	uint8_t log2_size;                 /* client; 0: MEMIF_LOG2_DEFAULT */
	uint8_t line;               /* 0: the machine's; server: found out */
	uint32_t buffer_size;       /* client; 0: MEMIF_BUFFER_SIZE_DEFAULT */
	uint32_t headroom;          /* client: in front of each packet */
	struct memif_supply supply; /* client: memory of the program */
	uint16_t n_region_max;      /* server; 0: MEMIF_REGIONS_DEFAULT */
	uint64_t bytes_max;         /* of all regions; 0: MEMIF_BYTES_DEFAULT */
	enum memif_unsealed unsealed; /* server */
	uint16_t ride;                /* enum memif_ride: what it can do */

	/* counters may be NULL: the link has its own then */
	struct memif_queue_wishes queue;
	const struct vif_allocator *heap; /* borrowed; see base/heap.h */

	/* time */
	bool no_retry;         /* client: only memif_link_request() connects */
	uint64_t handshake_ns; /* 0: MEMIF_HANDSHAKE_NS */
	uint64_t retry_min_ns; /* 0: MEMIF_RETRY_MIN_NS */
	uint64_t retry_max_ns; /* 0: MEMIF_RETRY_MAX_NS */
	/*
	 * A random number, so that many clients do not come back all at once.
	 * NULL for none.
	 */
	uint32_t (*random)(void *user);

	/*
	 * Callbacks; each may be NULL. They may disconnect and request, but
	 * neither end the link nor service the poller.
	 *
	 * up: there is a peer, and the queues are ready.
	 * down: it is gone. No thread uses the queues when this returns, or the
	 * memory is kept: see memif_link_keep_memory().
	 * failed: an attempt came to nothing; error says why, and what to do.
	 * Not again for the same reason before the next up.
	 */
	void (*up)(struct memif_link *link, void *user);
	void (*down)(struct memif_link *link, void *user);
	void (*failed)(struct memif_link *link, void *user);
	void *user;
};

enum memif_link_state {
	MEMIF_LINK_OFF,        /* client: until it is requested */
	MEMIF_LINK_WAITING,    /* server: for a client; client: to retry */
	MEMIF_LINK_CONNECTING, /* handshake */
	MEMIF_LINK_UP,
};

/* Read only, but for link.c. */
struct memif_link {
	struct memif_link_config config;
	struct memif_handshake_config handshake_config;
	_Atomic enum memif_link_state state; /* any thread reads */
	struct memif_poller *poller;     /* NULL before init and after fini */
	struct memif_listener *listener; /* server */
	struct memif_service service;    /* server */
	struct memif_watch watch;
	int fd;          /* the channel, -1 for none */
	int received_fd; /* to be judged, -1 for none */
	bool is_driven;  /* by a caller further out */
	bool is_told;    /* up was called, and down was not */
	bool is_requested;
	void *counters;    /* the memory of its own ones, or NULL */
	uint64_t retry_ns; /* client: the next pause */
	/* of this connection, or the last one; see handshake.h */
	struct memif_handshake handshake;
	struct memif_memory *memory; /* NULL without a connection */
	/* of the last end or failure; code 0 when there was none */
	struct vif_error error;
	enum memif_down last_down;
	uint64_t told_failures; /* bits of enum memif_down, since the last up */
	/* since init */
	struct counter ups;
	struct counter downs[MEMIF_DOWN_N];
};

/*
 * memif_link_init() - make an interface
 *
 * A server takes the listener, a client none. A client connects at the next
 * service of the poller unless no_retry is set. Returns 0, or a negative errno
 * with error filled and the link fit for memif_link_fini().
 */
int memif_link_init(struct memif_link *link,
		    const struct memif_link_config *config,
		    struct memif_poller *poller,
		    struct memif_listener *listener, struct vif_error *error);

/*
 * Disconnects, calls down if need be, and frees everything but the struct. Not
 * from a callback. Zeroed, failed and twice are fine.
 */
void memif_link_fini(struct memif_link *link);

/*
 * memif_link_request() - connect now
 *
 * Of a client. Returns 0 when it is under way, -EISCONN when it is up,
 * -EALREADY while it is connecting, -EINVAL for a server, or the error of the
 * system with error filled; retries go on then as before.
 */
int memif_link_request(struct memif_link *link, uint64_t now_ns,
		       struct vif_error *error);

/*
 * memif_link_disconnect() - end the connection, telling the peer a reason
 *
 * The down callback comes before it returns, except within a callback. A client
 * that retries calls again later. Without a connection nothing happens.
 */
void memif_link_disconnect(struct memif_link *link, uint64_t now_ns,
			   const char *reason);

/*
 * memif_link_keep_memory() - take the memory of the connection (from down)
 *
 * For who cannot see to it that no thread uses the queues any more. Returns the
 * memory, to be freed with memif_memory_free() when none does.
 */
struct memif_memory *memif_link_keep_memory(struct memif_link *link);

/*
 * memif_link_hurry() - connect at the next service of the poller
 *
 * Of a client, instead of at the end of a pause or not at all. Returns 0,
 * -EISCONN, -EALREADY, or -EINVAL for a server.
 */
int memif_link_hurry(struct memif_link *link);

/*
 * memif_link_check() - end the connection if a queue has found a fault
 *
 * Of the peer, on the rings. The controlling thread calls it when a queue says
 * -EPROTO. Returns whether it ended.
 */
bool memif_link_check(struct memif_link *link, uint64_t now_ns);

/* The queues while it is up, by number, or NULL. */
struct memif_queue *memif_link_rx_queue(const struct memif_link *link,
					unsigned int i);
struct memif_queue *memif_link_tx_queue(const struct memif_link *link,
					unsigned int i);

/* "waiting" and so on. */
const char *memif_link_state_name(enum memif_link_state state);

#endif
