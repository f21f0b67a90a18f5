/* SPDX-License-Identifier: Apache-2.0 */
/* Every limit of memif, in one place. */
#ifndef PORT_MEMIF_LIMITS_H
#define PORT_MEMIF_LIMITS_H

#include <stdint.h>

enum memif_limits {
	/*
	 * Clients that lend all their memory bring a region for each of their
	 * pools. Sixteen is plenty for those that do not.
	 */
	MEMIF_REGIONS_MAX = 256,
	MEMIF_REGIONS_DEFAULT = 16,
	MEMIF_RINGS_MAX = 256, /* in each direction */

	/* Indices have 16 bits: with 2^16 slots full would look like empty. */
	MEMIF_LOG2_MIN = 1,
	/*
	 * A server announces the largest there is, whatever it prefers: VPP
	 * lays its memory out by what the server announced, but announces rings
	 * of the size it was configured for.
	 */
	MEMIF_LOG2_MAX = 15,
	MEMIF_LOG2_DEFAULT = 10,
	MEMIF_BUFFER_SIZE_MIN = 64,
	MEMIF_BUFFER_SIZE_MAX = 65535,
	MEMIF_BUFFER_SIZE_DEFAULT = 2048,

	/* Of one listener: connections that have not said who they are. */
	MEMIF_PENDING_MAX = 256,
	MEMIF_PENDING_DEFAULT = 16,

	/* A client's user may be wrong about the secret so often at once. */
	MEMIF_GUESSES_MAX = 5,
	MEMIF_GUESSERS_MAX = 8, /* users that are remembered */

	/* Users and groups in an allow list. */
	MEMIF_ALLOW_MAX = 16,

	/* What one descriptor is asked for in a row before others get a turn */
	MEMIF_EVENTS_MAX = 64,
	MEMIF_ACCEPTS_MAX = 4, /* far below what may be pending */
	MEMIF_DRAIN_MAX = 64,  /* records thrown away before closing */
};

/*
 * Descriptors reach the first 4 GiB of a region. More than one of these is only
 * mapped for clients that lend all their memory.
 */
#define MEMIF_BYTES_DEFAULT (UINT64_C(16) << 30)
#define MEMIF_BYTES_MAX     (UINT64_C(1) << 40)

#define MEMIF_MS           UINT64_C(1000000)
#define MEMIF_HANDSHAKE_NS (5000 * MEMIF_MS)
#define MEMIF_RETRY_MIN_NS (100 * MEMIF_MS)
#define MEMIF_RETRY_MAX_NS (3000 * MEMIF_MS)
#define MEMIF_GUESS_NS     (1000 * MEMIF_MS) /* until one more guess */
#define MEMIF_ACCEPT_NS    (100 * MEMIF_MS)  /* until the next attempt */
#define MEMIF_NEVER        UINT64_MAX

/* What peers are told unless a program says otherwise. */
#define MEMIF_APP_NAME "vif"

#endif
