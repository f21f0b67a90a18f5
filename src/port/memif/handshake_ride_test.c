/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of agreeing on offload state: both machines against each other, and each
 * one against peers that know nothing of it, or leave bytes lying about.
 */
#include "port/memif/handshake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/bits.h"
#include "tests/memif_talk.h"

enum ride_test_facts {
	AT_RIDER = 100,
	RIDER_LEN = MEMIF_MSG_LEN - AT_RIDER,
	NONCE = 4711,
	CSUM = MEMIF_RIDE_CSUM,
	TCP = MEMIF_RIDE_CSUM | MEMIF_RIDE_TCP,
	UDP = MEMIF_RIDE_CSUM | MEMIF_RIDE_UDP,
	ALL = MEMIF_RIDE_ALL,
};

static const uint8_t zeros[RIDER_LEN];

/* A server and a client, and the last record of each kind. */
struct pair {
	struct memif_handshake_config server_config, client_config;
	struct memif_handshake server, client;
	uint8_t last[MEMIF_MSG_N][MEMIF_MSG_LEN];
	/* what an ordinary peer would do to records on their way */
	bool is_forgetful[MEMIF_MSG_N]; /* the rider is not sent */
};

static void satisfy_as(struct memif_handshake *hs,
		       const struct memif_handshake_config *server)
{
	for (;;) {
		switch (memif_handshake_want(hs)) {
		case MEMIF_WANT_RECORD:
		case MEMIF_WANT_SEND:
			return;
		case MEMIF_WANT_BUILD:
			build(hs);
			break;
		case MEMIF_WANT_FIND:
			found(hs, server);
			break;
		default:
			memif_handshake_done(hs);
		}
	}
}

/* Moves what one wants to send to the other. Returns whether it did. */
static bool pass(struct pair *pair, struct memif_handshake *from,
		 struct memif_handshake *to)
{
	struct memif_outgoing out;
	struct memif_incoming incoming = { .len = MEMIF_MSG_LEN };
	uint8_t type;

	satisfy_as(from, &pair->server_config);
	if (memif_handshake_want(from) != MEMIF_WANT_SEND)
		return false;
	memif_handshake_outgoing(from, &out);
	memif_handshake_sent(from);
	satisfy_as(from, &pair->server_config);
	type = out.bytes[0];
	if (pair->is_forgetful[type])
		memset(out.bytes + AT_RIDER, 0, RIDER_LEN);
	memcpy(pair->last[type], out.bytes, MEMIF_MSG_LEN);
	incoming.bytes = out.bytes;
	incoming.n_fd = n_fd_of(type);
	memif_handshake_record(to, &incoming);
	satisfy_as(to, &pair->server_config);
	return true;
}

static void connect_pair(struct pair *pair)
{
	while (pass(pair, &pair->server, &pair->client) ||
	       pass(pair, &pair->client, &pair->server))
		;
	assert_int_equal(pair->server.state, MEMIF_STATE_UP);
	assert_int_equal(pair->client.state, MEMIF_STATE_UP);
}

static void make_pair(struct pair *pair, uint16_t offered, uint16_t granted,
		      uint16_t asked)
{
	struct memif_msg_hello hello = server_hello;

	*pair = (struct pair){ .server_config = server_config,
			       .client_config = client_config };
	hello.rider.ride = offered;
	hello.rider.nonce = NONCE;
	pair->server_config.ride = granted;
	pair->client_config.ride = asked;
	pair->client_config.buffer_len = 2048;
	memif_handshake_init_client(&pair->client, &pair->client_config);
	memif_handshake_init_server(&pair->server, &hello, TIMEOUT);
	memif_handshake_start(&pair->client, 0);
	memif_handshake_start(&pair->server, 0);
}

static bool has_rider(const struct pair *pair, enum memif_msg_type type)
{
	return memcmp(pair->last[type] + AT_RIDER, zeros, RIDER_LEN) != 0;
}

/* All combinations of what two interfaces want. */
static void both_get_what_both_want(void **state)
{
	static const uint16_t wishes[] = { 0, CSUM, TCP, UDP, ALL };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(wishes); i++)
		for (size_t j = 0; j < ARRAY_LEN(wishes); j++) {
			uint16_t both = wishes[i] & wishes[j];
			struct pair pair;

			make_pair(&pair, wishes[i], wishes[i], wishes[j]);
			connect_pair(&pair);
			assert_int_equal(pair.server.geometry.ride, both);
			assert_int_equal(pair.client.geometry.ride, both);
			assert_int_equal(has_rider(&pair, MEMIF_MSG_HELLO),
					 wishes[i] != 0);
			assert_int_equal(has_rider(&pair, MEMIF_MSG_INIT),
					 both != 0);
			assert_int_equal(has_rider(&pair, MEMIF_MSG_CONNECTED),
					 both != 0);
		}
}

/* The listener offers what some interface wants; this one does not. */
static void interface_has_the_last_word(void **state)
{
	struct pair pair;

	(void)state;
	make_pair(&pair, ALL, 0, ALL);
	connect_pair(&pair);
	assert_true(has_rider(&pair, MEMIF_MSG_INIT));
	assert_false(has_rider(&pair, MEMIF_MSG_CONNECTED));
	assert_int_equal(pair.server.geometry.ride, 0);
	assert_int_equal(pair.client.geometry.ride, 0);

	make_pair(&pair, ALL, CSUM, TCP);
	connect_pair(&pair);
	assert_int_equal(pair.server.geometry.ride, CSUM);
	assert_int_equal(pair.client.geometry.ride, CSUM);

	/* Nor does it get what was not offered. */
	make_pair(&pair, CSUM, ALL, ALL);
	connect_pair(&pair);
	assert_int_equal(pair.server.geometry.ride, CSUM);
	assert_int_equal(pair.client.geometry.ride, CSUM);
}

/* A peer that lacks any of the three words gets plain packets. */
static void ordinary_peers_are_plain(void **state)
{
	static const enum memif_msg_type types[] = {
		MEMIF_MSG_HELLO,
		MEMIF_MSG_INIT,
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		struct pair pair;

		make_pair(&pair, ALL, ALL, ALL);
		pair.is_forgetful[types[i]] = true;
		connect_pair(&pair);
		assert_int_equal(pair.server.geometry.ride, 0);
		assert_int_equal(pair.client.geometry.ride, 0);
		assert_false(has_rider(&pair, MEMIF_MSG_CONNECTED));
	}
}

/* Without riders the records are those of everybody else, to the last byte. */
static void off_leaves_no_trace(void **state)
{
	struct pair pair;

	(void)state;
	make_pair(&pair, 0, 0, 0);
	connect_pair(&pair);
	for (unsigned int type = 1; type < MEMIF_MSG_N; type++)
		if (type != MEMIF_MSG_DISCONNECT)
			assert_memory_equal(pair.last[type] + AT_RIDER, zeros,
					    RIDER_LEN);
}

/* A client that hears of no offer does not ask, whatever it wants. */
static void client_does_not_speak_first(void **state)
{
	struct pair pair;

	(void)state;
	make_pair(&pair, 0, ALL, ALL);
	connect_pair(&pair);
	assert_false(has_rider(&pair, MEMIF_MSG_INIT));
	assert_int_equal(pair.client.geometry.ride, 0);
}

/* Puts a record to a machine, with a rider that came from somewhere. */
static void say_with(struct memif_handshake *hs, unsigned int type,
		     const uint8_t rider[RIDER_LEN])
{
	const struct memif_msg msg = message(type);
	uint8_t bytes[MEMIF_MSG_LEN];
	const struct memif_incoming incoming = { bytes, sizeof(bytes), 0,
						 false };

	memif_msg_encode(&msg, bytes);
	memcpy(bytes + AT_RIDER, rider, RIDER_LEN);
	memif_handshake_record(hs, &incoming);
}

/* Peers that do not clear their records send what they have got once. */
static void leftovers_are_no_answer(void **state)
{
	static const unsigned int types[] = {
		MEMIF_MSG_HELLO,
		MEMIF_MSG_INIT,
		MEMIF_MSG_CONNECTED,
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		struct pair old, now;

		/* A connection before this one, with another nonce. */
		make_pair(&old, ALL, ALL, ALL);
		connect_pair(&old);
		make_pair(&now, ALL, ALL, ALL);
		now.server.hello.rider.nonce = NONCE + 1;
		assert_true(pass(&now, &now.server, &now.client));
		say_with(&now.server, MEMIF_MSG_INIT,
			 old.last[types[i]] + AT_RIDER);
		found(&now.server, &now.server_config);
		assert_int_equal(now.server.geometry.ride, 0);
		/* The very HELLO of this connection. */
		make_pair(&now, ALL, ALL, ALL);
		assert_true(pass(&now, &now.server, &now.client));
		say_with(&now.server, MEMIF_MSG_INIT,
			 now.last[MEMIF_MSG_HELLO] + AT_RIDER);
		found(&now.server, &now.server_config);
		assert_int_equal(now.server.geometry.ride, 0);
	}
}

/* Goes on as a client until CONNECTED is all that is missing. */
static void go_to_the_end(struct memif_handshake *client)
{
	satisfy(client);
	while (client->state != MEMIF_STATE_FINISH) {
		say_type(client, MEMIF_MSG_ACK, 0);
		satisfy(client);
	}
}

/* A leaked HELLO makes a client ask, and nobody answers. */
static void leaked_offer_is_not_answered(void **state)
{
	static const unsigned int types[] = {
		MEMIF_MSG_HELLO,
		MEMIF_MSG_INIT,
		MEMIF_MSG_CONNECTED,
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		struct pair old, now;

		make_pair(&old, ALL, ALL, ALL);
		connect_pair(&old);
		make_pair(&now, ALL, ALL, ALL);
		say_with(&now.client, MEMIF_MSG_HELLO,
			 old.last[MEMIF_MSG_HELLO] + AT_RIDER);
		assert_int_equal(now.client.rider.ride, ALL);
		now.client.rider.nonce++; /* of another connection still */
		go_to_the_end(&now.client);
		say_with(&now.client, MEMIF_MSG_CONNECTED,
			 old.last[types[i]] + AT_RIDER);
		satisfy(&now.client);
		assert_int_equal(now.client.state, MEMIF_STATE_UP);
		assert_int_equal(now.client.geometry.ride, 0);
	}
}

/* More than was asked for is not granted. */
static void grants_are_bounded(void **state)
{
	struct memif_msg msg = message(MEMIF_MSG_CONNECTED);
	struct pair pair;

	(void)state;
	make_pair(&pair, ALL, ALL, TCP);
	assert_true(pass(&pair, &pair.server, &pair.client));
	go_to_the_end(&pair.client);
	msg.connect.rider.ride = ALL;
	msg.connect.rider.nonce = NONCE;
	say(&pair.client, &msg, 0);
	satisfy(&pair.client);
	assert_int_equal(pair.client.geometry.ride, TCP);

	/* And not at all to who did not ask. */
	make_pair(&pair, ALL, ALL, 0);
	assert_true(pass(&pair, &pair.server, &pair.client));
	go_to_the_end(&pair.client);
	say(&pair.client, &msg, 0);
	satisfy(&pair.client);
	assert_int_equal(pair.client.geometry.ride, 0);
}

/* Superpackets need a ring that holds two of the largest. */
static void small_rings_carry_no_superpackets(void **state)
{
	static const struct {
		uint32_t buffer_len;
		uint8_t log2, log2_max; /* of the client, of the server */
		uint16_t ride;
	} cases[] = {
		{ 2048, 10, 14, ALL },  { 2048, 7, 14, ALL },
		{ 2048, 6, 14, CSUM },  { 2048, 10, 6, CSUM },
		{ 65535, 1, 14, CSUM }, { 65535, 2, 14, ALL },
		{ 64, 11, 14, CSUM },   { 64, 12, 14, ALL },
		{ 65535, 15, 15, ALL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct pair pair;

		make_pair(&pair, ALL, ALL, ALL);
		pair.server.hello.max_log2_size = cases[i].log2_max;
		pair.client_config.buffer_len = cases[i].buffer_len;
		pair.client_config.log2_size = cases[i].log2;
		assert_true(pass(&pair, &pair.server, &pair.client));
		assert_int_equal(pair.client.rider.ride, cases[i].ride);
	}
}

/* A server believes no INIT that asks for what it has not offered. */
static void requests_are_bounded(void **state)
{
	struct memif_msg msg = message(MEMIF_MSG_INIT);
	struct pair pair;

	(void)state;
	msg.init.rider.ride = ALL;
	msg.init.rider.nonce = NONCE;
	for (int i = 0; i < 2; i++) {
		make_pair(&pair, i ? CSUM : 0, ALL, ALL);
		assert_true(pass(&pair, &pair.server, &pair.client));
		say(&pair.server, &msg, 0);
		found(&pair.server, &pair.server_config);
		assert_int_equal(pair.server.geometry.ride, i ? CSUM : 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_get_what_both_want),
		cmocka_unit_test(interface_has_the_last_word),
		cmocka_unit_test(ordinary_peers_are_plain),
		cmocka_unit_test(off_leaves_no_trace),
		cmocka_unit_test(client_does_not_speak_first),
		cmocka_unit_test(leftovers_are_no_answer),
		cmocka_unit_test(leaked_offer_is_not_answered),
		cmocka_unit_test(grants_are_bounded),
		cmocka_unit_test(small_rings_carry_no_superpackets),
		cmocka_unit_test(requests_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
