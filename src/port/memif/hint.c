/* SPDX-License-Identifier: Apache-2.0 */
/* What a person can do when two memif interfaces do not come together. */
#include "port/memif/hint.h"

#include <stdio.h>
#include <string.h>

#include "base/bits.h"

#define HINT_SECRET "both ends need the same secret (secret-file=)"
#define HINT_ID                                                         \
	"the other end has no server of this id: compare id= and role=" \
	" of both ends"
#define HINT_ROLE \
	"both ends are clients (slaves): one of them has to be role=server"
#define HINT_MODE "both ends need the same mode, ethernet or ip (mode=)"
#define HINT_BUSY                                                            \
	"another client has this id: give this one another id=, or end the " \
	"other one"
#define HINT_RINGS                                                         \
	"the server takes fewer queues than this end has: lower queues=, " \
	"or raise them there"
#define HINT_RATE "fix the secret first, then wait a few seconds"
#define HINT_UNSEALED                                                 \
	"the client's memory can shrink while it is used (DPDK with " \
	"zero-copy=yes): switch that off there, or use unsealed=guard here"

#define HINT_CHAINS "when it sends packets longer than a buffer"
#define HINT_RESYNC "resync=yes here goes on then"

struct words {
	const char *words; /* in any case */
	const char *hint;
};

/* In the reason of a server, the first that fits. */
static const struct words server_words[] = {
	{ "too many incorrect secrets", HINT_RATE },
	{ "no secret here", "this end has a secret, the server has none" },
	{ "secret", HINT_SECRET },
	{ "cannot connect to slave", HINT_ROLE },
	{ "is a client", HINT_ROLE },
	{ "id not found", HINT_ID },
	{ "interface id", HINT_ID },
	{ "interface with id", HINT_ID },
	{ "already connected", HINT_BUSY },
	{ "mode", HINT_MODE },
	{ "too many rings", HINT_RINGS },
	{ "ring index", HINT_RINGS },
	{ "may not connect", "the server's allow list decides who may" },
};

/* After what a server has closed without a reason. */
static const struct words eof_words[] = {
	{ "our INIT", HINT_ID },
	{ "our ADD_REGION", HINT_ID },
	{ "our ADD_RING", HINT_RINGS },
};

static const char *find(const struct words *table, size_t n, const char *text)
{
	for (size_t i = 0; i < n; i++)
		if (strcasestr(text, table[i].words))
			return table[i].hint;
	return "";
}

static const char *client_hint(enum memif_down down, const char *reason)
{
	if (down == MEMIF_DOWN_PEER)
		return find(server_words, ARRAY_LEN(server_words), reason);
	if (down == MEMIF_DOWN_EOF)
		return find(eof_words, ARRAY_LEN(eof_words), reason);
	if (down == MEMIF_DOWN_TIMEOUT)
		return "the server accepts, but does not answer: does it hang?";
	return "";
}

static const char *server_hint(enum memif_down down, const char *reason)
{
	switch (down) {
	case MEMIF_DOWN_SECRET_ABSENT:
	case MEMIF_DOWN_SECRET_WRONG:
	case MEMIF_DOWN_SECRET_NEEDLESS:
		return HINT_SECRET;
	case MEMIF_DOWN_MODE:
		return HINT_MODE;
	case MEMIF_DOWN_BUSY:
		return "a second client wants this id: give it another one";
	case MEMIF_DOWN_RING_COUNT:
		return "the client has more queues: raise queues= here, or "
		       "lower them there";
	case MEMIF_DOWN_REGION_FILE:
		return strstr(reason, "sealed") ? HINT_UNSEALED : "";
	default:
		return "";
	}
}

/*
 * A client takes all rings that both have. A server does not say how many
 * queues it has: it offers what the protocol can number.
 */
static bool has_more_queues(const struct memif_handshake *handshake)
{
	const uint16_t *n_ring = handshake->geometry.n_ring;

	return handshake->role == MEMIF_CLIENT ||
	       n_ring[MEMIF_C2S] > handshake->hello.max_c2s_ring ||
	       n_ring[MEMIF_S2C] > handshake->hello.max_s2c_ring;
}

void memif_hint_data(const struct memif_handshake *handshake, bool resync,
		     char *hint, size_t size)
{
	const uint16_t *n_ring = handshake->geometry.n_ring;
	bool is_client = handshake->role == MEMIF_CLIENT;
	unsigned int to = n_ring[is_client ? MEMIF_C2S : MEMIF_S2C];
	unsigned int from = n_ring[is_client ? MEMIF_S2C : MEMIF_C2S];

	hint[0] = '\0';
	if (strncmp(handshake->peer_app, "DPDK", strlen("DPDK")) != 0)
		return;
	if (has_more_queues(handshake))
		(void)snprintf(
			hint, size,
			"DPDK does this when it has more queues than "
			"the link, which has %u to it and %u from it: "
			"use --rxq=%u --txq=%u there, or as many queues= "
			"here%s",
			to, from, to, from,
			resync ? "" : "; or " HINT_CHAINS ": " HINT_RESYNC);
	else
		(void)snprintf(hint, size,
			       "DPDK does this " HINT_CHAINS ": lower its MTU, "
			       "or enlarge its buffers%s",
			       resync ? "" : "; " HINT_RESYNC);
}

const char *memif_hint(enum memif_role role, enum memif_down down,
		       const char *reason)
{
	return role == MEMIF_CLIENT ? client_hint(down, reason) :
				      server_hint(down, reason);
}
