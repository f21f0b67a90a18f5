/* SPDX-License-Identifier: Apache-2.0 */
/* Why a connection ended, or did not come about. Each reason is counted. */
#ifndef PORT_MEMIF_DOWN_H
#define PORT_MEMIF_DOWN_H

#include <stdbool.h>

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
	MEMIF_DOWN_RECORD_CUT, /* of bytes or descriptors */
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

/* Whether the peer broke the protocol, by malice or by mistake. */
static inline bool memif_down_is_violation(enum memif_down down)
{
	return down >= MEMIF_DOWN_RECORD_LEN;
}

#endif
