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

#include "port/memif/limits.h"
#include "wire/memif_msg.h"

#include <vif/error.h>

enum memif_role {
	MEMIF_SERVER, /* listens, and maps the client's memory */
	MEMIF_CLIENT, /* connects, and owns the memory */
};

enum memif_direction { MEMIF_C2S, MEMIF_S2C, MEMIF_DIRECTIONS };

/* Why a connection ended, or did not come about. Each one is counted. */
enum memif_down {
	MEMIF_DOWN_NONE,
	/* no fault of the peer */
	MEMIF_DOWN_LOCAL,   /* closed here */
	MEMIF_DOWN_PEER,    /* the peer said DISCONNECT */
	MEMIF_DOWN_EOF,     /* the peer is gone without a word */
	MEMIF_DOWN_TIMEOUT, /* the handshake took too long */
	MEMIF_DOWN_SOCKET,  /* the system refused */
	MEMIF_DOWN_MEMORY,  /* ours could not be made, or theirs mapped */
	MEMIF_DOWN_CROWD,   /* too many clients that say nothing */
	/* what a peer may ask for but not get */
	MEMIF_DOWN_USER, /* not in the allow list */
	MEMIF_DOWN_VERSION,
	MEMIF_DOWN_ID,
	MEMIF_DOWN_ROLE,
	MEMIF_DOWN_BUSY,
	MEMIF_DOWN_MODE,
	MEMIF_DOWN_SECRET_ABSENT,
	MEMIF_DOWN_SECRET_WRONG,
	MEMIF_DOWN_SECRET_NEEDLESS,
	MEMIF_DOWN_SECRET_RATE, /* too many wrong ones */
	/* violations */
	MEMIF_DOWN_RECORD_LEN,
	MEMIF_DOWN_RECORD_CUT, /* of record or descriptors */
	MEMIF_DOWN_RECORD_TYPE,
	MEMIF_DOWN_RECORD_ORDER,
	MEMIF_DOWN_FD_MISSING,
	MEMIF_DOWN_FD_EXTRA,
	MEMIF_DOWN_HELLO, /* numbers that nothing can be made of */
	MEMIF_DOWN_REGION_INDEX,
	MEMIF_DOWN_REGION_COUNT,
	MEMIF_DOWN_REGION_SIZE,
	MEMIF_DOWN_REGION_FILE, /* no memory, or not sealed */
	MEMIF_DOWN_RING_INDEX,
	MEMIF_DOWN_RING_COUNT,
	MEMIF_DOWN_RING_SIZE,
	MEMIF_DOWN_RING_PRIVATE,
	MEMIF_DOWN_RING_REGION,
	MEMIF_DOWN_RING_RANGE,
	MEMIF_DOWN_RING_ALIGN,
	MEMIF_DOWN_RING_OVERLAP,
	MEMIF_DOWN_RING_EVENT, /* no eventfd */
	MEMIF_DOWN_RING_NONE,
	MEMIF_DOWN_COOKIE,
	MEMIF_DOWN_DATA, /* on the rings, after the handshake */
	MEMIF_DOWN_N
};

/* "secret_wrong" and so on, for counters. */
const char *memif_down_name(enum memif_down down);

/* Where a ring is. */
struct memif_place {
	uint32_t offset;
	uint16_t region;
	uint8_t log2_size;
};

/* What both sides agreed upon. The server learns it bit by bit. */
struct memif_geometry {
	enum memif_mode mode;
	uint16_t n_region;
	uint16_t n_ring[MEMIF_DIRECTIONS];
	uint8_t log2_size; /* client: of every ring */
	uint8_t line;      /* 64 or 128: what ring headers are made of */
	uint64_t region_size[MEMIF_REGIONS_MAX];
	struct memif_place ring[MEMIF_DIRECTIONS][MEMIF_RINGS_MAX];
};

/* Of one interface. Everything is set; there are no defaults at this level. */
struct memif_handshake_config {
	enum memif_role role;
	enum memif_mode mode;
	uint32_t id;
	uint16_t n_ring[MEMIF_DIRECTIONS]; /* server: at most */
	uint16_t n_region_max;             /* server */
	uint8_t log2_size;                 /* client */
	uint8_t line;       /* 64 or 128; server: 0 to find out */
	bool strict_secret; /* server: refuse one that is not needed */
	uint64_t bytes_max; /* server: of all regions together */
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
	struct memif_msg msg;         /* being answered */
	uint64_t bytes;               /* server: of the regions so far */
	unsigned int n_sent;          /* client: of the setup messages */
	struct memif_geometry geometry;
	char offered[MEMIF_MSG_SECRET_SIZE]; /* until the interface is found */
	/* facts for people; printable ASCII whatever the peer sent */
	char peer_app[MEMIF_MSG_NAME_SIZE];
	char peer_name[MEMIF_MSG_NAME_SIZE];
	bool secret_needless; /* the client sent one, and there is none */
	/* from CLOSING on */
	enum memif_down down;
	char reason[MEMIF_MSG_REASON_SIZE];
};

/* A client. config is borrowed. */
void memif_handshake_init_client(struct memif_handshake *handshake,
				 const struct memif_handshake_config *config);

/*
 * A server, that does not know yet which interface the client wants. hello is
 * copied; its versions are set here.
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
	return handshake->msg.init.id;
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
