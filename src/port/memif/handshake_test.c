/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the order of the handshake, each side against records made here. */
#include "port/memif/handshake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/bits.h"
#include "tests/memif_talk.h"

/* What must become of a message at a point, from the table above alone. */
static enum memif_down verdict(const struct point *point, unsigned int type,
			       unsigned int n_fd)
{
	bool after_region = strchr(point->said, 'g');
	bool after_ring = strchr(point->said, 'r');

	if (type == MEMIF_MSG_NONE || type >= MEMIF_MSG_N)
		return MEMIF_DOWN_RECORD_TYPE;
	if (n_fd > n_fd_of(type))
		return MEMIF_DOWN_FD_EXTRA;
	if (type == MEMIF_MSG_DISCONNECT)
		return MEMIF_DOWN_PEER;
	if (!strchr(point->next, letters[type]))
		return MEMIF_DOWN_RECORD_ORDER;
	if (n_fd < n_fd_of(type))
		return MEMIF_DOWN_FD_MISSING;
	if (type == MEMIF_MSG_ADD_REGION && after_region)
		return MEMIF_DOWN_REGION_INDEX; /* 0 once more */
	if (type == MEMIF_MSG_ADD_RING && !after_region)
		return MEMIF_DOWN_RING_REGION;
	if (type == MEMIF_MSG_ADD_RING && after_ring)
		return MEMIF_DOWN_RING_INDEX;
	if (type == MEMIF_MSG_CONNECT && !after_ring)
		return MEMIF_DOWN_RING_NONE;
	return MEMIF_DOWN_NONE;
}

static void try_message(const struct point *point, unsigned int type,
			unsigned int n_fd)
{
	enum memif_down down = verdict(point, type, n_fd);
	struct memif_handshake hs;
	uint8_t bytes[MEMIF_MSG_LEN] = { 0 };
	const struct memif_incoming incoming = { bytes, sizeof(bytes), n_fd,
						 false };

	go_to(&hs, point);
	if (type > MEMIF_MSG_NONE && type < MEMIF_MSG_N) {
		say_type(&hs, type, n_fd);
	} else {
		bytes[0] = bytes[1] = (uint8_t)type;
		memif_handshake_record(&hs, &incoming);
	}
	if (down == MEMIF_DOWN_NONE) {
		satisfy(&hs);
		assert_int_equal(memif_handshake_want(&hs), MEMIF_WANT_RECORD);
	} else if (down == MEMIF_DOWN_PEER) {
		assert_int_equal(memif_handshake_want(&hs), MEMIF_WANT_DOWN);
		assert_int_equal(hs.down, MEMIF_DOWN_PEER);
	} else {
		expect_refusal(&hs, down);
	}
}

static void every_message_at_every_point(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(points); i++)
		for (unsigned int type = 0; type <= MEMIF_MSG_N; type++)
			for (unsigned int n_fd = 0; n_fd < 4; n_fd++) {
				print_message("%s: %s, %u descriptors\n",
					      points[i].what,
					      memif_msg_name(type), n_fd);
				try_message(&points[i], type, n_fd);
			}
}

static void records_of_a_wrong_length(void **state)
{
	uint8_t bytes[2 * MEMIF_MSG_LEN] = { MEMIF_MSG_ACK };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(points); i++)
		for (size_t len = 0; len <= sizeof(bytes); len++) {
			const struct memif_incoming incoming = { bytes, len, 0,
								 false };
			struct memif_handshake hs;

			if (len == MEMIF_MSG_LEN)
				continue;
			go_to(&hs, &points[i]);
			memif_handshake_record(&hs, &incoming);
			expect_refusal(&hs, MEMIF_DOWN_RECORD_LEN);
		}
}

static void cut_records(void **state)
{
	uint8_t bytes[MEMIF_MSG_LEN];
	const struct memif_msg ack = message(MEMIF_MSG_ACK);

	(void)state;
	memif_msg_encode(&ack, bytes);
	for (size_t i = 0; i < ARRAY_LEN(points); i++) {
		const struct memif_incoming incoming = { bytes, sizeof(bytes),
							 0, true };
		struct memif_handshake hs;

		go_to(&hs, &points[i]);
		memif_handshake_record(&hs, &incoming);
		expect_refusal(&hs, MEMIF_DOWN_RECORD_CUT);
	}
}

static void the_end_at_every_point(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(points); i++) {
		struct memif_handshake hs;

		go_to(&hs, &points[i]);
		memif_handshake_eof(&hs);
		print_message("%s: %s\n", points[i].what, hs.reason);
		assert_int_equal(memif_handshake_want(&hs), MEMIF_WANT_DOWN);
		assert_int_equal(hs.down, MEMIF_DOWN_EOF);
		assert_true(strstr(hs.reason, "closed") != NULL);
		/* Nothing more to say about it. */
		memif_handshake_eof(&hs);
		memif_handshake_fail(&hs, MEMIF_DOWN_LOCAL, "late");
		assert_int_equal(memif_handshake_want(&hs), MEMIF_WANT_DOWN);
		assert_int_equal(hs.down, MEMIF_DOWN_EOF);
	}
}

/* libmemif does so when it has no server of that id. */
static void ack_then_eof(void **state)
{
	struct memif_handshake hs;

	(void)state;
	go_to(&hs, &points[1]);
	say_type(&hs, MEMIF_MSG_ACK, 0);
	assert_int_equal(memif_handshake_want(&hs), MEMIF_WANT_SEND);
	memif_handshake_eof(&hs);
	assert_int_equal(memif_handshake_want(&hs), MEMIF_WANT_DOWN);
	assert_int_equal(hs.down, MEMIF_DOWN_EOF);
	assert_non_null(strstr(hs.reason, "after our INIT"));
}

static void the_deadline_at_every_point(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(points); i++) {
		bool up = points[i].state == MEMIF_STATE_UP;
		struct memif_handshake hs;

		go_to(&hs, &points[i]);
		assert_int_equal(memif_handshake_deadline(&hs),
				 up ? MEMIF_NEVER : TIMEOUT);
		memif_handshake_timer(&hs, TIMEOUT - 1);
		assert_int_equal(memif_handshake_want(&hs), MEMIF_WANT_RECORD);
		if (up)
			continue;
		memif_handshake_timer(&hs, TIMEOUT);
		print_message("%s\n", hs.reason);
		expect_refusal(&hs, MEMIF_DOWN_TIMEOUT);
	}
}

static void leaving_at_every_point(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(points); i++) {
		struct memif_handshake hs;

		go_to(&hs, &points[i]);
		memif_handshake_fail(&hs, MEMIF_DOWN_LOCAL, "%s", "enough");
		assert_string_equal(hs.reason, "enough");
		/* The first reason stays. */
		memif_handshake_fail(&hs, MEMIF_DOWN_DATA, "more");
		expect_refusal(&hs, MEMIF_DOWN_LOCAL);
	}
}

static void leaving_before_there_is_a_channel(void **state)
{
	struct memif_handshake hs;

	(void)state;
	memif_handshake_init_client(&hs, &client_config);
	memif_handshake_fail(&hs, MEMIF_DOWN_LOCAL, "enough");
	assert_int_equal(memif_handshake_want(&hs), MEMIF_WANT_DOWN);
}

/* Each thing the shell is asked for can go wrong. */
static void failing_at_every_want(void **state)
{
	static const struct {
		const struct point *at;
		char said;
		enum memif_want want;
	} cases[] = {
		{ &points[0], 'H', MEMIF_WANT_BUILD },
		{ &points[5], 'c', MEMIF_WANT_UP },
		{ &points[7], 'I', MEMIF_WANT_FIND },
		{ &points[8], 'g', MEMIF_WANT_JUDGE_REGION },
		{ &points[9], 'r', MEMIF_WANT_JUDGE_RING },
		{ &points[10], 'C', MEMIF_WANT_MAP },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		unsigned int type = type_of(cases[i].said);
		struct memif_handshake hs;

		go_to(&hs, cases[i].at);
		say_type(&hs, type, n_fd_of(type));
		assert_int_equal(memif_handshake_want(&hs), cases[i].want);
		memif_handshake_fail(&hs, MEMIF_DOWN_MEMORY, "no memory");
		expect_refusal(&hs, MEMIF_DOWN_MEMORY);
	}
}

/* The reason is read even when we were about to say something. */
static void a_reason_while_sending(void **state)
{
	struct memif_handshake hs;
	struct memif_msg msg = message(MEMIF_MSG_DISCONNECT);

	(void)state;
	(void)snprintf(msg.disconnect.reason, sizeof(msg.disconnect.reason),
		       "go away");
	go_to(&hs, &points[2]);
	say_type(&hs, MEMIF_MSG_ACK, 0);
	assert_int_equal(memif_handshake_want(&hs), MEMIF_WANT_SEND);
	say_type(&hs, MEMIF_MSG_ACK, 0); /* nobody looks at others */
	assert_int_equal(memif_handshake_want(&hs), MEMIF_WANT_SEND);
	say(&hs, &msg, 0);
	assert_int_equal(memif_handshake_want(&hs), MEMIF_WANT_DOWN);
	assert_int_equal(hs.down, MEMIF_DOWN_PEER);
	assert_string_equal(hs.reason, "go away");
}

static void reasons_of_peers_are_tamed(void **state)
{
	struct memif_handshake hs;
	struct memif_msg msg = message(MEMIF_MSG_DISCONNECT);

	(void)state;
	go_to(&hs, &points[6]);
	memcpy(msg.disconnect.reason, "\033[2J\xc3\xa4 ~\x7f\n", 11);
	say(&hs, &msg, 0);
	assert_string_equal(hs.reason, "?[2J?? ~??");

	go_to(&hs, &points[6]);
	say_type(&hs, MEMIF_MSG_DISCONNECT, 0);
	assert_string_equal(hs.reason, "no reason given");

	go_to(&hs, &points[6]);
	memset(msg.disconnect.reason, '\t', sizeof(msg.disconnect.reason));
	say(&hs, &msg, 0);
	assert_int_equal(strlen(hs.reason), MEMIF_MSG_REASON_SIZE - 1);
	assert_int_equal(strspn(hs.reason, "?"), MEMIF_MSG_REASON_SIZE - 1);
}

static void names_of_peers_are_kept(void **state)
{
	struct memif_handshake hs;

	(void)state;
	go_to(&hs, &points[6]);
	assert_string_equal(hs.peer_app, "test");
	assert_string_equal(hs.peer_name, "peer0");
	go_to(&hs, &points[11]);
	assert_string_equal(hs.peer_app, "peer");
	assert_string_equal(hs.peer_name, "peer0");
}

/* What comes after the end changes nothing. */
static void nothing_after_the_end(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(points); i++) {
		struct memif_handshake hs, before;

		go_to(&hs, &points[i]);
		memif_handshake_fail(&hs, MEMIF_DOWN_LOCAL, "enough");
		before = hs;
		for (unsigned int type = 1; type < MEMIF_MSG_N; type++)
			say_type(&hs, type, 1);
		memif_handshake_timer(&hs, MEMIF_NEVER - 1);
		assert_memory_equal(&hs, &before, sizeof(hs));
		memif_handshake_eof(&hs); /* the peer will not read it */
		assert_int_equal(memif_handshake_want(&hs), MEMIF_WANT_DOWN);
		assert_int_equal(hs.down, MEMIF_DOWN_LOCAL);
	}
}

/* A server's machine goes from the listener to the link. */
static void a_machine_can_be_moved(void **state)
{
	struct memif_handshake hs, moved;

	(void)state;
	go_to(&hs, &points[8]);
	moved = hs;
	memset(&hs, 0xee, sizeof(hs));
	say_type(&moved, MEMIF_MSG_ADD_REGION, 1);
	satisfy(&moved);
	say_type(&moved, MEMIF_MSG_ADD_RING, 1);
	satisfy(&moved);
	say_type(&moved, MEMIF_MSG_CONNECT, 0);
	satisfy(&moved);
	assert_int_equal(moved.state, MEMIF_STATE_UP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_message_at_every_point),
		cmocka_unit_test(records_of_a_wrong_length),
		cmocka_unit_test(cut_records),
		cmocka_unit_test(the_end_at_every_point),
		cmocka_unit_test(ack_then_eof),
		cmocka_unit_test(the_deadline_at_every_point),
		cmocka_unit_test(leaving_at_every_point),
		cmocka_unit_test(leaving_before_there_is_a_channel),
		cmocka_unit_test(failing_at_every_want),
		cmocka_unit_test(a_reason_while_sending),
		cmocka_unit_test(reasons_of_peers_are_tamed),
		cmocka_unit_test(names_of_peers_are_kept),
		cmocka_unit_test(nothing_after_the_end),
		cmocka_unit_test(a_machine_can_be_moved),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
