/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bringing up one memif connection, as either side.
 *
 * A machine without I/O and without a clock. It is fed what happens to a
 * control channel, and says what it wants done next; whoever does that answers,
 * and asks again. Nothing is allocated, and no descriptor is held.
 *
 *	memif_handshake_start(h, now);
 *	loop:
 *	    while (memif_handshake_want(h) != MEMIF_WANT_RECORD)
 *	        do it, and answer;
 *	    wait for a record, the end of the channel, or the deadline, and feed
 *	    it;
 *
 * The machine may be moved in memory between two calls. One thread at a time.
 */
#ifndef PORT_MEMIF_HANDSHAKE_H
#define PORT_MEMIF_HANDSHAKE_H

#include <stdbool.h>

#include <vif/error.h>

#include "port/memif/geometry.h"

enum memif_role {
	MEMIF_SERVER, /* listens, and maps the client's memory */
	MEMIF_CLIENT, /* connects, and owns the memory */
};

/* Of one interface. Everything is set; there are no defaults at this level. */
struct memif_handshake_config {
	enum memif_role role;
	enum memif_mode mode;
	uint32_t id;
	uint16_t n_ring[MEMIF_DIRECTIONS]; /* server: at most */
	uint16_t n_region_max;             /* server */
	uint8_t log2_size;                 /* client */
	uint8_t line;         /* 64 or 128; server: 0 to find out */
	uint8_t line_default; /* server: where nothing can be found out */
	bool strict_secret;   /* server: refuse one that is not needed */
	uint16_t ride;        /* enum memif_ride: what it takes and sends */
	uint32_t buffer_len;  /* client: bytes of a packet in one buffer */
	uint64_t bytes_max;   /* server: of all regions together */
	uint64_t timeout_ns;
	char secret[MEMIF_MSG_SECRET_SIZE]; /* "" for none */
	char app_name[MEMIF_MSG_NAME_SIZE]; /* the program */
	char name[MEMIF_MSG_NAME_SIZE];     /* the interface */
};

/* What to do, and how to answer. A failure is told by memif_handshake_fail() */
enum memif_want {
	MEMIF_WANT_RECORD, /* memif_handshake_record(), _eof(), _timer() */
	MEMIF_WANT_SEND,   /* memif_handshake_outgoing(), then _sent() */
	MEMIF_WANT_BUILD,  /* client: memory; fill regions and rings in the
			      geometry, _done() */
	MEMIF_WANT_FIND,   /* server: an interface; _found() */
	MEMIF_WANT_JUDGE_REGION, /* server: the descriptor; _done() */
	MEMIF_WANT_JUDGE_RING,   /* server: the descriptor; _done() */
	MEMIF_WANT_MAP,  /* server: all memory, be ready for packets; _done() */
	MEMIF_WANT_UP,   /* client: be ready for packets; both: tell; _done() */
	MEMIF_WANT_DOWN, /* close the channel; the machine is done for */
};

enum memif_state {
	MEMIF_STATE_IDLE,
	MEMIF_STATE_HELLO,  /* server: sends it; client: waits for it */
	MEMIF_STATE_INIT,   /* server: waits for it; client: makes memory */
	MEMIF_STATE_SETUP,  /* regions and rings */
	MEMIF_STATE_FINISH, /* CONNECT has been sent */
	MEMIF_STATE_UP,
	MEMIF_STATE_CLOSING, /* a DISCONNECT wants to be sent */
	MEMIF_STATE_DOWN,
	MEMIF_STATE_N
};

/* A record as it came. */
struct memif_incoming {
	const uint8_t *bytes; /* borrowed for the call */
	size_t len;           /* of the record, even if it was cut */
	unsigned int n_fd;
	bool cut; /* bytes or descriptors did not fit */
};

/* The descriptor that goes along with a record. */
enum memif_attach {
	MEMIF_ATTACH_NOTHING,
	MEMIF_ATTACH_REGION,
	MEMIF_ATTACH_RING,
};

struct memif_outgoing {
	uint8_t bytes[MEMIF_MSG_LEN]; /* may hold the secret: wipe it */
	enum memif_attach attach;
	enum memif_direction direction; /* of the ring */
	uint16_t index;                 /* of the ring or region */
};

/* What became of MEMIF_WANT_FIND. */
struct memif_found {
	const struct memif_handshake_config *config; /* NULL: no such id */
	bool busy;                                   /* it has a peer */
	bool throttled; /* this user guessed too often */
};

struct memif_handshake {
	/* Borrowed until the machine is down; a server's is NULL until found */
	const struct memif_handshake_config *config;
	enum memif_role role;
	enum memif_state state;
	enum memif_want want;
	uint64_t timeout_ns;
	uint64_t deadline_ns;
	struct memif_msg_hello hello; /* server: what it says */
	/* what is being answered */
	struct memif_msg_add_region add_region;
	struct memif_msg_add_ring add_ring;
	/* server: of INIT */
	char offered[MEMIF_MSG_SECRET_SIZE]; /* until the interface is found */
	uint32_t id;
	uint16_t version;
	uint8_t mode;
	/* client: what it asks for; server: what it was asked for */
	struct memif_msg_rider rider;
	uint64_t bytes;      /* server: of the regions so far */
	unsigned int n_sent; /* client: of the setup messages */
	struct memif_geometry geometry;
	/* facts for people; printable ASCII whatever the peer sent */
	char peer_app[MEMIF_MSG_NAME_SIZE];
	char peer_name[MEMIF_MSG_NAME_SIZE];
	/* from CLOSING on */
	enum memif_down down;
	char reason[MEMIF_MSG_REASON_SIZE];
};

/* A client. config is borrowed. */
void memif_handshake_init_client(struct memif_handshake *handshake,
				 const struct memif_handshake_config *config);

/*
 * A server, that does not know yet which interface the client wants. hello is
 * copied; its versions are set here. Its rider offers what some interface wants,
 * with a nonce that no connection of late had.
 */
void memif_handshake_init_server(struct memif_handshake *handshake,
				 const struct memif_msg_hello *hello,
				 uint64_t timeout_ns);

/* The channel is connected. */
void memif_handshake_start(struct memif_handshake *handshake, uint64_t now_ns);

static inline enum memif_want
memif_handshake_want(const struct memif_handshake *handshake)
{
	return handshake->want;
}

/* When to call memif_handshake_timer(), or MEMIF_NEVER. */
static inline uint64_t
memif_handshake_deadline(const struct memif_handshake *handshake)
{
	return handshake->deadline_ns;
}

/* For MEMIF_WANT_SEND; can be asked again until it was sent. */
void memif_handshake_outgoing(const struct memif_handshake *handshake,
			      struct memif_outgoing *ret_outgoing);
void memif_handshake_sent(struct memif_handshake *handshake);

/* For MEMIF_WANT_FIND: what is wanted, and the answer. config is borrowed. */
static inline uint32_t
memif_handshake_id(const struct memif_handshake *handshake)
{
	return handshake->id;
}
void memif_handshake_found(struct memif_handshake *handshake,
			   const struct memif_found *found);

/* The other wants are fulfilled. */
void memif_handshake_done(struct memif_handshake *handshake);

/*
 * memif_handshake_fail() - end the connection from this side
 *
 * In any state. The peer is told the reason, which must not hold a secret, as
 * long as a channel is there. MEMIF_WANT_SEND comes first then, and when that
 * cannot be done at once, memif_handshake_sent() all the same.
 */
void memif_handshake_fail(struct memif_handshake *handshake,
			  enum memif_down down, const char *format, ...)
	VIF_PRINTF(3, 4);

/*
 * What happened on the channel. A record may also come while something else is
 * wanted, if sending has failed: it can tell why.
 */
void memif_handshake_record(struct memif_handshake *handshake,
			    const struct memif_incoming *incoming);
void memif_handshake_eof(struct memif_handshake *handshake);
void memif_handshake_timer(struct memif_handshake *handshake, uint64_t now_ns);

#endif
