/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One memif interface, as server or client: it waits for a peer or calls one,
 * brings memory and queues up, and comes back when the peer was gone.
 *
 * Everything here belongs to one controlling thread; only the queues, between
 * up and down, are for others.
 */
#ifndef PORT_MEMIF_LINK_H
#define PORT_MEMIF_LINK_H

#include "port/memif/handshake.h"
#include "port/memif/listener.h"
#include "port/memif/poller.h"

struct memif_link;
struct memif_link_memory;

/* Zeroed means default, but for netns_fd. */
struct memif_link_config {
	enum memif_role role;
	enum memif_mode mode;
	uint32_t id;
	const char *app_name;            /* copied */
	const char *name;                /* copied */
	const char *secret;              /* copied; NULL for none */
	struct memif_socket_name socket; /* client: where to connect */
	int netns_fd; /* client: of an abstract name; -1: ours */
	uint16_t n_ring[MEMIF_DIRECTIONS]; /* 0: 1; server: at most */
	uint8_t log2_size;                 /* 0: MEMIF_LOG2_DEFAULT */
	uint8_t line;          /* 0: the machine's; server: found out */
	uint32_t buffer_size;  /* client; 0: MEMIF_BUFFER_DEFAULT */
	uint32_t headroom;     /* client: in front of each packet */
	uint16_t n_region_max; /* server; 0: MEMIF_REGIONS_DEFAULT */
	uint64_t bytes_max;    /* server; 0: MEMIF_BYTES_DEFAULT */
	bool guard_unsealed;   /* server: map what a peer can truncate */
	bool strict_secret;    /* server: refuse one that is not needed */
	bool no_retry;         /* client: only memif_link_request() connects */
	uint64_t handshake_ns; /* 0: MEMIF_HANDSHAKE_NS */
	uint64_t retry_min_ns; /* 0: MEMIF_RETRY_MIN_NS */
	uint64_t retry_max_ns; /* 0: MEMIF_RETRY_MAX_NS */
	/*
	 * 32 random bits, so that many clients do not come back all at once.
	 * NULL for none.
	 */
	uint32_t (*random)(void *user);
	/*
	 * There is a peer, and the queues are ready. May disconnect, but not
	 * end the link.
	 */
	void (*up)(struct memif_link *link, void *user);
	/*
	 * The peer of the last up is gone. No thread may use the queues when
	 * this returns. May request a connection, but not end the link.
	 */
	void (*down)(struct memif_link *link, void *user);
	/* An attempt failed before up; link->error says why. Once each cause */
	void (*failed)(struct memif_link *link, void *user);
	void *user;
};

enum memif_link_state {
	MEMIF_LINK_OFF,        /* client: until it is requested */
	MEMIF_LINK_WAITING,    /* server: for a client; client: to retry */
	MEMIF_LINK_CONNECTING, /* handshake */
	MEMIF_LINK_UP,
};

struct memif_link {
	struct memif_link_config config;
	struct memif_handshake_config handshake_config;
	enum memif_link_state state;
	struct memif_poller *poller;
	struct memif_listener *listener; /* server */
	struct memif_service service;    /* server */
	struct memif_watch watch;
	int fd;            /* channel, -1 for none */
	int received_fd;   /* to be judged, -1 for none */
	bool sending;      /* the socket was full */
	bool told;         /* up was called, down was not */
	uint64_t retry_ns; /* client: the next pause */
	struct memif_handshake handshake;
	struct memif_link_memory *memory;
	/* of the last end or failure */
	struct vif_error error;
	enum memif_down last_down;
	char last_reason[MEMIF_MSG_REASON_SIZE];
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
 * Of a client. Returns 0 when it is under way, -EISCONN when it is up, -EALREADY
 * while connecting, or the error of the system with error filled.
 */
int memif_link_request(struct memif_link *link, uint64_t now_ns,
		       struct vif_error *error);

/*
 * memif_link_disconnect() - end the connection, telling the peer a reason
 *
 * A client with retries calls again later. Nothing to do is fine.
 */
void memif_link_disconnect(struct memif_link *link, uint64_t now_ns,
			   const char *reason);

/*
 * memif_link_violated() - end the connection because of what is on the rings
 *
 * The controlling thread calls it when a queue has found a fault of the peer.
 */
void memif_link_violated(struct memif_link *link, uint64_t now_ns,
			 const char *reason);

#endif
