/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bringing up one memif connection: protocol 2.0, both sides.
 *
 *	client                          server
 *	HELLO      <------------------- HELLO
 *	INIT       -------------------> INIT      checks who it is
 *	SETUP      <---------- ACK ---- SETUP
 *	           --- ADD_REGION * -->           judges each, ACK
 *	           --- ADD_RING * ---->           judges each, ACK
 *	FINISH     --- CONNECT ------->           judges all, maps
 *	UP         <----- CONNECTED --- FINISH
 *	                                UP
 *
 * Each side says one thing and waits for the answer, so in every state there is
 * one message that may come next (on the server, SETUP, three), or DISCONNECT.
 * Anything else ends the connection: the peer is told why and the channel is
 * closed. One deadline spans it all, since nobody else would notice a peer that
 * stops half way.
 *
 * HELLO, INIT and CONNECTED may have riders, by which two vifs agree on more
 * than the protocol knows: see docs/design/memif-offload.md.
 */
#include "port/memif/handshake.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <vif/packet.h>

#include "base/bits.h"

static bool is_client(const struct memif_handshake *handshake)
{
	return handshake->role == MEMIF_CLIENT;
}

static bool has_ended(const struct memif_handshake *handshake)
{
	return handshake->state == MEMIF_STATE_CLOSING ||
	       handshake->state == MEMIF_STATE_DOWN;
}

/* A peer's text is shown to people: nothing that moves their cursor. */
static void copy_text(char *to, const char *from, size_t size)
{
	size_t len = strnlen(from, size - 1);

	memcpy(to, from, len);
	to[len] = '\0';
	for (size_t i = 0; i < len; i++)
		if (to[i] < ' ' || to[i] > '~')
			to[i] = '?';
}

void memif_handshake_init_client(struct memif_handshake *handshake,
				 const struct memif_handshake_config *config)
{
	assert(config->role == MEMIF_CLIENT);
	assert(config->line == 64 || config->line == 128);
	*handshake = (struct memif_handshake){
		.config = config,
		.role = MEMIF_CLIENT,
		.timeout_ns = config->timeout_ns,
		.deadline_ns = MEMIF_NEVER,
	};
}

void memif_handshake_init_server(struct memif_handshake *handshake,
				 const struct memif_msg_hello *hello,
				 uint64_t timeout_ns)
{
	*handshake = (struct memif_handshake){
		.role = MEMIF_SERVER,
		.timeout_ns = timeout_ns,
		.deadline_ns = MEMIF_NEVER,
		.hello = *hello,
	};
	handshake->hello.min_version = MEMIF_MSG_VERSION;
	handshake->hello.max_version = MEMIF_MSG_VERSION;
}

void memif_handshake_start(struct memif_handshake *handshake, uint64_t now_ns)
{
	assert(handshake->state == MEMIF_STATE_IDLE);
	handshake->state = MEMIF_STATE_HELLO;
	handshake->want =
		is_client(handshake) ? MEMIF_WANT_RECORD : MEMIF_WANT_SEND;
	handshake->deadline_ns = now_ns + handshake->timeout_ns;
}

/* The end */

static void end(struct memif_handshake *handshake, enum memif_down down)
{
	explicit_bzero(handshake->offered, sizeof(handshake->offered));
	handshake->state = MEMIF_STATE_DOWN;
	handshake->want = MEMIF_WANT_DOWN;
	handshake->deadline_ns = MEMIF_NEVER;
	handshake->down = down;
}

void memif_handshake_fail(struct memif_handshake *handshake,
			  enum memif_down down, const char *format, ...)
{
	bool connected = handshake->state != MEMIF_STATE_IDLE;
	va_list args;

	if (has_ended(handshake))
		return;
	end(handshake, down);
	va_start(args, format);
	(void)vsnprintf(handshake->reason, sizeof(handshake->reason), format,
			args);
	va_end(args);
	if (!connected)
		return;
	handshake->state = MEMIF_STATE_CLOSING;
	handshake->want = MEMIF_WANT_SEND;
}

static void refuse(struct memif_handshake *handshake,
		   const struct memif_objection *objection)
{
	memif_handshake_fail(handshake, objection->down, "%s", objection->text);
}

/* What this side has said last. */
static const char *last_said(const struct memif_handshake *handshake)
{
	unsigned int n = handshake->n_sent;

	switch (handshake->state) {
	case MEMIF_STATE_INIT:
		return "our HELLO";
	case MEMIF_STATE_SETUP:
		if (!is_client(handshake))
			return "our ACK";
		if (n == 0)
			return "our INIT";
		return n <= handshake->geometry.n_region ? "our ADD_REGION" :
							   "our ADD_RING";
	case MEMIF_STATE_FINISH:
		return is_client(handshake) ? "our CONNECT" : "our CONNECTED";
	default:
		return "connecting";
	}
}

void memif_handshake_eof(struct memif_handshake *handshake)
{
	if (handshake->state == MEMIF_STATE_CLOSING) {
		end(handshake, handshake->down);
		return;
	}
	if (handshake->state == MEMIF_STATE_DOWN)
		return;
	if (handshake->state == MEMIF_STATE_UP)
		(void)snprintf(handshake->reason, sizeof(handshake->reason),
			       "the peer closed the connection");
	else
		(void)snprintf(handshake->reason, sizeof(handshake->reason),
			       "the peer closed without a reason after %s",
			       last_said(handshake));
	end(handshake, MEMIF_DOWN_EOF);
}

void memif_handshake_timer(struct memif_handshake *handshake, uint64_t now_ns)
{
	if (now_ns < handshake->deadline_ns)
		return;
	memif_handshake_fail(
		handshake, MEMIF_DOWN_TIMEOUT,
		"handshake not finished within %" PRIu64 " ms, stuck after %s",
		handshake->timeout_ns / MEMIF_MS, last_said(handshake));
}

static void told_to_leave(struct memif_handshake *handshake,
			  const struct memif_msg_disconnect *disconnect)
{
	copy_text(handshake->reason, disconnect->reason,
		  sizeof(handshake->reason));
	if (handshake->reason[0] == '\0')
		(void)snprintf(handshake->reason, sizeof(handshake->reason),
			       "no reason given");
	end(handshake, MEMIF_DOWN_PEER);
}

/* What both want; without unfinished checksums there is nothing else. */
static uint16_t meet(uint16_t a, uint16_t b)
{
	uint16_t both = a & b;

	return both & MEMIF_RIDE_CSUM ? both : 0;
}

/*
 * What a client asks for. A ring has to hold two of the largest superpackets, or
 * one might never fit, and both sides would take turns.
 */
static uint16_t choose_ride(const struct memif_handshake_config *config,
			    uint8_t log2_size, uint16_t offered)
{
	uint64_t room = (uint64_t)config->buffer_len << log2_size;
	uint16_t ride = meet(config->ride, offered);

	return room < 2 * (uint64_t)VIF_PACKET_LEN_MAX ?
		       ride & MEMIF_RIDE_CSUM :
		       ride;
}

/* Sending */

static void fill_init(const struct memif_handshake *handshake,
		      struct memif_msg *msg)
{
	const struct memif_handshake_config *config = handshake->config;

	msg->type = MEMIF_MSG_INIT;
	msg->init.id = config->id;
	msg->init.version = MEMIF_MSG_VERSION;
	msg->init.mode = (uint8_t)config->mode;
	memcpy(msg->init.secret, config->secret, sizeof(msg->init.secret));
	memcpy(msg->init.name, config->app_name, sizeof(msg->init.name));
	msg->init.rider = handshake->rider;
}

static void fill_connect(struct memif_msg *msg, enum memif_msg_type type,
			 const struct memif_handshake_config *config)
{
	msg->type = type;
	memcpy(msg->connect.name, config->name, sizeof(msg->connect.name));
}

static void fill_ring(struct memif_msg *msg, enum memif_direction to,
		      unsigned int index, const struct memif_place *place)
{
	msg->type = MEMIF_MSG_ADD_RING;
	msg->add_ring = (struct memif_msg_add_ring){
		.offset = place->offset,
		.flags = to == MEMIF_C2S ? MEMIF_MSG_RING_C2S : 0,
		.index = (uint16_t)index,
		.region = place->region,
		.log2_size = place->log2_size,
	};
}

/*
 * The client's next message in SETUP: regions, rings to the server, rings to
 * the client, CONNECT.
 */
static void fill_setup(const struct memif_handshake *handshake,
		       struct memif_msg *msg, struct memif_outgoing *out)
{
	const struct memif_geometry *geometry = &handshake->geometry;
	unsigned int n = handshake->n_sent;

	if (n < geometry->n_region) {
		msg->type = MEMIF_MSG_ADD_REGION;
		msg->add_region.index = out->index = (uint16_t)n;
		msg->add_region.size = geometry->region_size[n];
		out->attach = MEMIF_ATTACH_REGION;
		return;
	}
	n -= geometry->n_region;
	for (int to = 0; to < MEMIF_DIRECTIONS; to++) {
		out->direction = (enum memif_direction)to;
		out->index = (uint16_t)n;
		if (n < geometry->n_ring[to]) {
			fill_ring(msg, out->direction, n,
				  &geometry->ring[to][n]);
			out->attach = MEMIF_ATTACH_RING;
			return;
		}
		n -= geometry->n_ring[to];
	}
	fill_connect(msg, MEMIF_MSG_CONNECT, handshake->config);
}

static void fill_client(const struct memif_handshake *handshake,
			struct memif_msg *msg, struct memif_outgoing *out)
{
	if (handshake->state == MEMIF_STATE_INIT)
		fill_init(handshake, msg);
	else
		fill_setup(handshake, msg, out);
}

static void fill_server(const struct memif_handshake *handshake,
			struct memif_msg *msg)
{
	if (handshake->state == MEMIF_STATE_HELLO) {
		msg->type = MEMIF_MSG_HELLO;
		msg->hello = handshake->hello;
	} else if (handshake->state == MEMIF_STATE_FINISH) {
		fill_connect(msg, MEMIF_MSG_CONNECTED, handshake->config);
		msg->connect.rider = (struct memif_msg_rider){
			.ride = handshake->geometry.ride,
			.nonce = handshake->rider.nonce,
		};
	} else {
		msg->type = MEMIF_MSG_ACK;
	}
}

void memif_handshake_outgoing(const struct memif_handshake *handshake,
			      struct memif_outgoing *ret_outgoing)
{
	struct memif_msg msg = { 0 };

	assert(handshake->want == MEMIF_WANT_SEND);
	*ret_outgoing = (struct memif_outgoing){ 0 };
	if (handshake->state == MEMIF_STATE_CLOSING) {
		msg.type = MEMIF_MSG_DISCONNECT;
		memcpy(msg.disconnect.reason, handshake->reason,
		       sizeof(msg.disconnect.reason));
	} else if (is_client(handshake)) {
		fill_client(handshake, &msg, ret_outgoing);
	} else {
		fill_server(handshake, &msg);
	}
	memif_msg_encode(&msg, ret_outgoing->bytes);
	explicit_bzero(&msg, sizeof(msg)); /* INIT has the secret in it */
}

static void client_sent(struct memif_handshake *handshake)
{
	const struct memif_geometry *geometry = &handshake->geometry;
	unsigned int n_setup = geometry->n_region;

	n_setup += geometry->n_ring[MEMIF_C2S];
	n_setup += geometry->n_ring[MEMIF_S2C];
	if (handshake->state == MEMIF_STATE_INIT)
		handshake->state = MEMIF_STATE_SETUP;
	else if (handshake->n_sent++ == n_setup)
		handshake->state = MEMIF_STATE_FINISH;
}

void memif_handshake_sent(struct memif_handshake *handshake)
{
	assert(handshake->want == MEMIF_WANT_SEND);
	handshake->want = MEMIF_WANT_RECORD;
	if (handshake->state == MEMIF_STATE_CLOSING)
		end(handshake, handshake->down);
	else if (is_client(handshake))
		client_sent(handshake);
	else if (handshake->state == MEMIF_STATE_HELLO)
		handshake->state = MEMIF_STATE_INIT;
	else if (handshake->state == MEMIF_STATE_FINISH)
		handshake->want = MEMIF_WANT_UP;
}

/* Receiving, as a client */

static uint16_t at_most(uint16_t n, uint16_t index_max)
{
	return n <= index_max ? n : (uint16_t)(index_max + 1);
}

static void got_hello(struct memif_handshake *handshake,
		      const struct memif_msg_hello *hello)
{
	const struct memif_handshake_config *config = handshake->config;
	struct memif_geometry *geometry = &handshake->geometry;

	copy_text(handshake->peer_app, hello->name,
		  sizeof(handshake->peer_app));
	if (hello->min_version > MEMIF_MSG_VERSION ||
	    hello->max_version < MEMIF_MSG_VERSION) {
		memif_handshake_fail(
			handshake, MEMIF_DOWN_VERSION,
			"incompatible versions %u.%u to %u.%u, "
			"here %u.%u",
			hello->min_version >> 8, hello->min_version & 0xff,
			hello->max_version >> 8, hello->max_version & 0xff,
			MEMIF_MSG_VERSION >> 8, MEMIF_MSG_VERSION & 0xff);
		return;
	}
	if (hello->max_log2_size < MEMIF_LOG2_MIN) {
		memif_handshake_fail(handshake, MEMIF_DOWN_HELLO,
				     "rings of 2^%u slots at most",
				     hello->max_log2_size);
		return;
	}
	geometry->mode = config->mode;
	geometry->line = config->line;
	geometry->log2_size = config->log2_size < hello->max_log2_size ?
				      config->log2_size :
				      hello->max_log2_size;
	geometry->n_ring[MEMIF_C2S] =
		at_most(config->n_ring[MEMIF_C2S], hello->max_c2s_ring);
	geometry->n_ring[MEMIF_S2C] =
		at_most(config->n_ring[MEMIF_S2C], hello->max_s2c_ring);
	handshake->rider.ride =
		choose_ride(config, geometry->log2_size, hello->rider.ride);
	handshake->rider.nonce = hello->rider.nonce;
	handshake->state = MEMIF_STATE_INIT;
	handshake->want = MEMIF_WANT_BUILD;
}

static void got_connected(struct memif_handshake *handshake,
			  const struct memif_msg_connect *connected)
{
	copy_text(handshake->peer_name, connected->name,
		  sizeof(handshake->peer_name));
	if (connected->rider.nonce == handshake->rider.nonce)
		handshake->geometry.ride =
			meet(handshake->rider.ride, connected->rider.ride);
	handshake->want = MEMIF_WANT_UP;
}

/* Receiving, as a server */

static void got_init(struct memif_handshake *handshake,
		     struct memif_msg_init *init)
{
	copy_text(handshake->peer_app, init->name, sizeof(handshake->peer_app));
	handshake->version = init->version;
	handshake->id = init->id;
	handshake->mode = init->mode;
	memcpy(handshake->offered, init->secret, sizeof(handshake->offered));
	/* Another nonce is of another connection, and got here by accident. */
	if (init->rider.nonce == handshake->hello.rider.nonce)
		handshake->rider = init->rider;
	handshake->want = MEMIF_WANT_FIND;
}

/* Takes as long for a good guess as for a bad one. */
static bool same_secret(const char a[MEMIF_MSG_SECRET_SIZE],
			const char b[MEMIF_MSG_SECRET_SIZE])
{
	volatile unsigned char difference = 0;

	for (size_t i = 0; i < MEMIF_MSG_SECRET_SIZE; i++)
		difference |= (unsigned char)(a[i] ^ b[i]);
	return difference == 0;
}

static struct memif_objection check_secret(const struct memif_handshake *hs,
					   const struct memif_found *found)
{
	const struct memif_handshake_config *config = found->config;

	if (config->secret[0] == '\0') {
		if (hs->offered[0] != '\0' && config->strict_secret)
			return (struct memif_objection){
				MEMIF_DOWN_SECRET_NEEDLESS,
				"there is no secret here"
			};
		return (struct memif_objection){ 0 };
	}
	if (hs->offered[0] == '\0')
		return (struct memif_objection){ MEMIF_DOWN_SECRET_ABSENT,
						 "secret required" };
	/* Before looking at it, or the guess could still be told right. */
	if (found->throttled)
		return (struct memif_objection){
			MEMIF_DOWN_SECRET_RATE,
			"too many incorrect secrets, try again later"
		};
	if (!same_secret(hs->offered, config->secret))
		return (struct memif_objection){ MEMIF_DOWN_SECRET_WRONG,
						 "incorrect secret" };
	return (struct memif_objection){ 0 };
}

static const char *mode_name(unsigned int mode)
{
	return mode == MEMIF_MODE_ETHERNET ? "ethernet" :
	       mode == MEMIF_MODE_IP       ? "ip" :
	       mode == MEMIF_MODE_PUNT     ? "punt" :
					     "unknown";
}

/* Whoever does not know the secret learns nothing but that there is one. */
static void judge_init(struct memif_handshake *handshake,
		       const struct memif_found *found)
{
	const struct memif_handshake_config *config = found->config;
	struct memif_objection objection;

	if (handshake->version != MEMIF_MSG_VERSION) {
		memif_handshake_fail(
			handshake, MEMIF_DOWN_VERSION,
			"incompatible version %u.%u, here %u.%u",
			handshake->version >> 8, handshake->version & 0xff,
			MEMIF_MSG_VERSION >> 8, MEMIF_MSG_VERSION & 0xff);
		return;
	}
	if (!config) {
		memif_handshake_fail(handshake, MEMIF_DOWN_ID,
				     "no interface with id %" PRIu32,
				     handshake->id);
		return;
	}
	if (config->role != MEMIF_SERVER) {
		memif_handshake_fail(handshake, MEMIF_DOWN_ROLE,
				     "interface %" PRIu32
				     " is a client (slave) here, too",
				     handshake->id);
		return;
	}
	objection = check_secret(handshake, found);
	if (objection.down)
		refuse(handshake, &objection);
	else if (handshake->mode != config->mode)
		memif_handshake_fail(handshake, MEMIF_DOWN_MODE,
				     "mode mismatch: %s, here %s",
				     mode_name(handshake->mode),
				     mode_name(config->mode));
	else if (found->busy)
		memif_handshake_fail(handshake, MEMIF_DOWN_BUSY,
				     "already connected");
}

void memif_handshake_found(struct memif_handshake *handshake,
			   const struct memif_found *found)
{
	assert(handshake->want == MEMIF_WANT_FIND);
	judge_init(handshake, found);
	explicit_bzero(handshake->offered, sizeof(handshake->offered));
	if (has_ended(handshake))
		return;
	handshake->config = found->config;
	handshake->geometry.mode = found->config->mode;
	handshake->geometry.line = found->config->line;
	handshake->geometry.ride =
		meet(meet(handshake->rider.ride, handshake->hello.rider.ride),
		     found->config->ride);
	handshake->state = MEMIF_STATE_SETUP;
	handshake->want = MEMIF_WANT_SEND;
}

static void got_region(struct memif_handshake *handshake,
		       const struct memif_msg_add_region *region)
{
	const struct memif_handshake_config *config = handshake->config;
	const struct memif_geometry *geometry = &handshake->geometry;

	if (region->index != geometry->n_region)
		memif_handshake_fail(handshake, MEMIF_DOWN_REGION_INDEX,
				     "region index %u, expected %u",
				     region->index, geometry->n_region);
	else if (geometry->n_region >= config->n_region_max ||
		 geometry->n_region >= MEMIF_REGIONS_MAX)
		memif_handshake_fail(handshake, MEMIF_DOWN_REGION_COUNT,
				     "too many regions, at most %u",
				     config->n_region_max);
	else if (geometry->n_ring[MEMIF_C2S] + geometry->n_ring[MEMIF_S2C] > 0)
		memif_handshake_fail(handshake, MEMIF_DOWN_RECORD_ORDER,
				     "region after a ring");
	else if (region->size == 0)
		memif_handshake_fail(handshake, MEMIF_DOWN_REGION_SIZE,
				     "region of 0 bytes");
	else if (region->size > config->bytes_max - handshake->bytes)
		memif_handshake_fail(handshake, MEMIF_DOWN_REGION_SIZE,
				     "regions of more than %" PRIu64 " bytes",
				     config->bytes_max);
	else
		handshake->want = MEMIF_WANT_JUDGE_REGION;
}

static void got_ring(struct memif_handshake *handshake,
		     const struct memif_msg_add_ring *ring)
{
	enum memif_direction to =
		ring->flags & MEMIF_MSG_RING_C2S ? MEMIF_C2S : MEMIF_S2C;
	struct memif_objection objection = memif_geometry_ring(
		&handshake->geometry, ring, handshake->config->n_ring[to]);

	if (objection.down)
		refuse(handshake, &objection);
	else
		handshake->want = MEMIF_WANT_JUDGE_RING;
}

static void got_connect(struct memif_handshake *handshake,
			const struct memif_msg_connect *connect)
{
	struct memif_objection objection = memif_geometry_finish(
		&handshake->geometry, handshake->config->line_default);

	copy_text(handshake->peer_name, connect->name,
		  sizeof(handshake->peer_name));
	if (objection.down)
		refuse(handshake, &objection);
	else
		handshake->want = MEMIF_WANT_MAP;
}

/* Receiving, both */

#define BIT(name) (1u << MEMIF_MSG_##name)

/* The messages that may come in a state, besides DISCONNECT. */
static unsigned int expected(const struct memif_handshake *handshake)
{
	static const unsigned int client[MEMIF_STATE_N] = {
		[MEMIF_STATE_HELLO] = BIT(HELLO),
		[MEMIF_STATE_SETUP] = BIT(ACK),
		[MEMIF_STATE_FINISH] = BIT(CONNECTED),
	};
	static const unsigned int server[MEMIF_STATE_N] = {
		[MEMIF_STATE_INIT] = BIT(INIT),
		[MEMIF_STATE_SETUP] =
			BIT(ADD_REGION) | BIT(ADD_RING) | BIT(CONNECT),
	};

	return (is_client(handshake) ? client : server)[handshake->state];
}

static unsigned int n_fd_expected(enum memif_msg_type type)
{
	return type == MEMIF_MSG_ADD_REGION || type == MEMIF_MSG_ADD_RING;
}

/* Whether a record is in order, and msg is filled. */
static bool read_record(struct memif_handshake *handshake,
			const struct memif_incoming *incoming,
			struct memif_msg *msg)
{
	if (incoming->len != MEMIF_MSG_LEN)
		memif_handshake_fail(handshake, MEMIF_DOWN_RECORD_LEN,
				     "record of %zu bytes, must be %d",
				     incoming->len, MEMIF_MSG_LEN);
	else if (incoming->cut)
		memif_handshake_fail(handshake, MEMIF_DOWN_RECORD_CUT,
				     "record with more descriptors than fit");
	else if (memif_msg_decode(incoming->bytes, incoming->len, msg) < 0)
		memif_handshake_fail(handshake, MEMIF_DOWN_RECORD_TYPE,
				     "record of an unknown type");
	else if (incoming->n_fd > n_fd_expected(msg->type))
		memif_handshake_fail(handshake, MEMIF_DOWN_FD_EXTRA,
				     "%s with %u descriptors, must be %u",
				     memif_msg_name(msg->type), incoming->n_fd,
				     n_fd_expected(msg->type));
	else
		return true;
	return false;
}

static void take(struct memif_handshake *handshake, struct memif_msg *msg)
{
	switch (msg->type) {
	case MEMIF_MSG_ACK:
		handshake->want = MEMIF_WANT_SEND;
		break;
	case MEMIF_MSG_HELLO:
		got_hello(handshake, &msg->hello);
		break;
	case MEMIF_MSG_INIT:
		got_init(handshake, &msg->init);
		break;
	case MEMIF_MSG_ADD_REGION:
		got_region(handshake, &msg->add_region);
		break;
	case MEMIF_MSG_ADD_RING:
		got_ring(handshake, &msg->add_ring);
		break;
	case MEMIF_MSG_CONNECT:
		got_connect(handshake, &msg->connect);
		break;
	case MEMIF_MSG_CONNECTED:
		got_connected(handshake, &msg->connect);
		break;
	default:
		assert(false); /* never expected */
	}
}

static void take_if_expected(struct memif_handshake *handshake,
			     struct memif_msg *msg, unsigned int n_fd)
{
	if (!(expected(handshake) & 1u << msg->type)) {
		memif_handshake_fail(handshake, MEMIF_DOWN_RECORD_ORDER,
				     "unexpected %s",
				     memif_msg_name(msg->type));
		return;
	}
	if (n_fd < n_fd_expected(msg->type)) {
		memif_handshake_fail(handshake, MEMIF_DOWN_FD_MISSING,
				     "%s without a descriptor",
				     memif_msg_name(msg->type));
		return;
	}
	take(handshake, msg);
	if (msg->type == MEMIF_MSG_ADD_REGION)
		handshake->add_region = msg->add_region;
	else if (msg->type == MEMIF_MSG_ADD_RING)
		handshake->add_ring = msg->add_ring;
}

void memif_handshake_record(struct memif_handshake *handshake,
			    const struct memif_incoming *incoming)
{
	struct memif_msg msg;

	if (has_ended(handshake))
		return;
	if (!read_record(handshake, incoming, &msg))
		return;
	if (msg.type == MEMIF_MSG_DISCONNECT)
		told_to_leave(handshake, &msg.disconnect);
	else if (handshake->want == MEMIF_WANT_RECORD)
		take_if_expected(handshake, &msg, incoming->n_fd);
	explicit_bzero(&msg, sizeof(msg)); /* INIT has a secret in it */
}

/* Answers */

static void judged_region(struct memif_handshake *handshake)
{
	const struct memif_msg_add_region *region = &handshake->add_region;
	struct memif_geometry *geometry = &handshake->geometry;

	geometry->region_size[geometry->n_region++] = region->size;
	handshake->bytes += region->size;
	handshake->want = MEMIF_WANT_SEND;
}

static void is_up(struct memif_handshake *handshake)
{
	handshake->state = MEMIF_STATE_UP;
	handshake->deadline_ns = MEMIF_NEVER;
	handshake->want = MEMIF_WANT_RECORD;
}

void memif_handshake_done(struct memif_handshake *handshake)
{
	switch (handshake->want) {
	case MEMIF_WANT_BUILD:
		assert(handshake->geometry.n_region > 0);
		handshake->want = MEMIF_WANT_SEND;
		break;
	case MEMIF_WANT_JUDGE_REGION:
		judged_region(handshake);
		break;
	case MEMIF_WANT_JUDGE_RING:
		memif_geometry_add_ring(&handshake->geometry,
					&handshake->add_ring);
		handshake->want = MEMIF_WANT_SEND;
		break;
	case MEMIF_WANT_MAP:
		handshake->state = MEMIF_STATE_FINISH;
		handshake->want = MEMIF_WANT_SEND;
		break;
	case MEMIF_WANT_UP:
		is_up(handshake);
		break;
	default:
		assert(false); /* not to be answered like this */
	}
}
