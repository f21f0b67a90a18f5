/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Talking to one side of a memif handshake, for tests: a peer that says what
 * the test wants, and a shell that does whatever is wanted.
 */
#ifndef TESTS_MEMIF_TALK_H
#define TESTS_MEMIF_TALK_H

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/bits.h"
#include "port/memif/handshake.h"

#define TIMEOUT (5000 * MEMIF_MS)
#define SECRET  "open sesame"

static const struct memif_handshake_config client_config = {
	.role = MEMIF_CLIENT,
	.id = 7,
	.n_ring = { 1, 1 },
	.log2_size = 10,
	.line = 64,
	.timeout_ns = TIMEOUT,
	.secret = SECRET,
	.app_name = "test",
	.name = "client0",
};

static const struct memif_handshake_config server_config = {
	.role = MEMIF_SERVER,
	.id = 7,
	.n_ring = { 2, 2 },
	.n_region_max = 2,
	.line_default = 64,
	.bytes_max = 1 << 20,
	.secret = SECRET,
	.app_name = "test",
	.name = "server0",
};

static const struct memif_msg_hello server_hello = {
	.name = "test",
	.max_region = 255,
	.max_s2c_ring = 1,
	.max_c2s_ring = 1,
	.max_log2_size = MEMIF_LOG2_MAX,
};

/* What the peer says, in order in every respect. */
static inline struct memif_msg message(unsigned int type)
{
	struct memif_msg msg = { .type = (enum memif_msg_type)type };

	switch (type) {
	case MEMIF_MSG_HELLO:
		msg.hello = server_hello;
		msg.hello.min_version = MEMIF_MSG_VERSION;
		msg.hello.max_version = MEMIF_MSG_VERSION;
		break;
	case MEMIF_MSG_INIT:
		msg.init = (struct memif_msg_init){
			.id = 7,
			.version = MEMIF_MSG_VERSION,
			.secret = SECRET,
			.name = "peer",
		};
		break;
	case MEMIF_MSG_ADD_REGION:
		msg.add_region.size = 65536;
		break;
	case MEMIF_MSG_ADD_RING:
		msg.add_ring.flags = MEMIF_MSG_RING_C2S;
		msg.add_ring.log2_size = 10;
		break;
	case MEMIF_MSG_CONNECT:
	case MEMIF_MSG_CONNECTED:
		msg.connect = (struct memif_msg_connect){ "peer0" };
		break;
	default:
		break;
	}
	return msg;
}

static inline void say(struct memif_handshake *hs, const struct memif_msg *msg,
		       unsigned int n_fd)
{
	uint8_t bytes[MEMIF_MSG_LEN];
	const struct memif_incoming incoming = { bytes, sizeof(bytes), n_fd,
						 false };

	memif_msg_encode(msg, bytes);
	memif_handshake_record(hs, &incoming);
}

static inline void say_type(struct memif_handshake *hs, unsigned int type,
			    unsigned int n_fd)
{
	const struct memif_msg msg = message(type);

	say(hs, &msg, n_fd);
}

/* What the machine says next. */
static inline struct memif_msg hear(struct memif_handshake *hs)
{
	struct memif_outgoing out;
	struct memif_msg msg;

	assert_int_equal(memif_handshake_want(hs), MEMIF_WANT_SEND);
	memif_handshake_outgoing(hs, &out);
	memif_handshake_sent(hs);
	assert_int_equal(memif_msg_decode(out.bytes, sizeof(out.bytes), &msg),
			 0);
	return msg;
}

static inline void expect_to_hear(struct memif_handshake *hs, unsigned int type)
{
	assert_int_equal(hear(hs).type, type);
}

static inline void found(struct memif_handshake *hs,
			 const struct memif_handshake_config *config)
{
	const struct memif_found result = { .config = config };

	assert_int_equal(memif_handshake_want(hs), MEMIF_WANT_FIND);
	memif_handshake_found(hs, &result);
}

static inline void build(struct memif_handshake *hs)
{
	assert_int_equal(memif_handshake_want(hs), MEMIF_WANT_BUILD);
	hs->geometry.n_region = 1;
	hs->geometry.region_size[0] = memif_geometry_lay_out(&hs->geometry);
	memif_handshake_done(hs);
}

/* Answers whatever is wanted, as if all were well, until it is a record. */
static inline void satisfy(struct memif_handshake *hs)
{
	for (;;) {
		switch (memif_handshake_want(hs)) {
		case MEMIF_WANT_RECORD:
		case MEMIF_WANT_DOWN:
			return;
		case MEMIF_WANT_SEND:
			(void)hear(hs);
			break;
		case MEMIF_WANT_BUILD:
			build(hs);
			break;
		case MEMIF_WANT_FIND:
			found(hs, &server_config);
			break;
		default:
			memif_handshake_done(hs);
		}
	}
}

/* Every point at which a record is waited for. */
struct point {
	const char *what;
	enum memif_role role;
	enum memif_state state;
	const char *said; /* by the peer to get there, as below */
	const char *next; /* what may come */
};

/* Letters of messages, by type: none, ACK, HELLO, INIT, region, ring... */
static const char letters[] = "-AHIgrCcD?";

static const struct point points[] = {
	{ "client, fresh", MEMIF_CLIENT, MEMIF_STATE_HELLO, "", "HD" },
	{ "client, INIT", MEMIF_CLIENT, MEMIF_STATE_SETUP, "H", "AD" },
	{ "client, region", MEMIF_CLIENT, MEMIF_STATE_SETUP, "HA", "AD" },
	{ "client, ring", MEMIF_CLIENT, MEMIF_STATE_SETUP, "HAA", "AD" },
	{ "client, rings", MEMIF_CLIENT, MEMIF_STATE_SETUP, "HAAA", "AD" },
	{ "client, CONNECT", MEMIF_CLIENT, MEMIF_STATE_FINISH, "HAAAA", "cD" },
	{ "client, up", MEMIF_CLIENT, MEMIF_STATE_UP, "HAAAAc", "D" },
	{ "server, HELLO", MEMIF_SERVER, MEMIF_STATE_INIT, "", "ID" },
	{ "server, INIT", MEMIF_SERVER, MEMIF_STATE_SETUP, "I", "grCD" },
	{ "server, region", MEMIF_SERVER, MEMIF_STATE_SETUP, "Ig", "grCD" },
	{ "server, ring", MEMIF_SERVER, MEMIF_STATE_SETUP, "Igr", "grCD" },
	{ "server, up", MEMIF_SERVER, MEMIF_STATE_UP, "IgrC", "D" },
};

static inline unsigned int type_of(char letter)
{
	return (unsigned int)(strchr(letters, letter) - letters);
}

static inline unsigned int n_fd_of(unsigned int type)
{
	return letters[type] == 'g' || letters[type] == 'r';
}

static inline void go_to(struct memif_handshake *hs, const struct point *point)
{
	if (point->role == MEMIF_CLIENT)
		memif_handshake_init_client(hs, &client_config);
	else
		memif_handshake_init_server(hs, &server_hello, TIMEOUT);
	memif_handshake_start(hs, 0);
	satisfy(hs);
	for (const char *letter = point->said; *letter; letter++) {
		unsigned int type = type_of(*letter);

		say_type(hs, type, n_fd_of(type));
		satisfy(hs);
	}
	assert_int_equal(hs->state, point->state);
	assert_int_equal(memif_handshake_want(hs), MEMIF_WANT_RECORD);
}

/* It tells the peer, and is done. */
static inline void expect_refusal(struct memif_handshake *hs,
				  enum memif_down down)
{
	struct memif_msg msg;

	assert_int_equal(hs->down, down);
	assert_int_equal(memif_handshake_deadline(hs), MEMIF_NEVER);
	msg = hear(hs);
	assert_int_equal(msg.type, MEMIF_MSG_DISCONNECT);
	assert_int_equal(msg.disconnect.code, 0);
	assert_true(msg.disconnect.reason[0] != '\0');
	assert_string_equal(msg.disconnect.reason, hs->reason);
	assert_null(strstr(hs->reason, SECRET));
	assert_int_equal(memif_handshake_want(hs), MEMIF_WANT_DOWN);
	assert_int_equal(hs->down, down);
}

#endif
