/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of the memif codec.
 *
 * The records "from DPDK" were caught from testpmd 22.11.11 in both roles. The
 * others have the layout of protocol 2.0 and the numbers those peers announce.
 */
#include "wire/memif_msg.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bits.h"

struct vector {
	const char *what;
	const char *hex; /* the rest of the record is 0; little endian */
	struct memif_msg msg;
};

static const struct vector vectors[] = {
	{ "ACK from DPDK", "0100", { .type = MEMIF_MSG_ACK } },
	{ "HELLO from DPDK",
	  "02004450444b2032322e31312e3131"
	  "00000000000000000000000000000000000000"
	  "00020002ff00ff00ff000e",
	  { .type = MEMIF_MSG_HELLO,
	    .hello = { "DPDK 22.11.11", 0x200, 0x200, 255, 255, 255, 14 } } },
	{ "HELLO from VPP",
	  "02005650502076323630322e30"
	  "000000000000000000000000000000000000000000"
	  "000200020001000100010e",
	  { .type = MEMIF_MSG_HELLO,
	    .hello = { "VPP v2602.0", 0x200, 0x200, 256, 256, 256, 14 } } },
	{ "HELLO with three different counts",
	  "020061"
	  "00000000000000000000000000000000"
	  "000000000000000000000000000000"
	  "00010203040506070809"
	  "0a",
	  { .type = MEMIF_MSG_HELLO,
	    .hello = { "a", 0x100, 0x302, 0x504, 0x706, 0x908, 10 } } },
	{ "INIT from DPDK",
	  "0300000207000000006162630000000000000000000000000000000000000000"
	  "004450444b2032322e31312e3131",
	  { .type = MEMIF_MSG_INIT,
	    .init = { 7, 0x200, MEMIF_MODE_ETHERNET, "abc",
		      "DPDK 22.11.11" } } },
	{ "INIT with a long id, in IP mode, without a secret",
	  "0300000204030201010000000000000000000000000000000000000000000000"
	  "006c69626d656d6966",
	  { .type = MEMIF_MSG_INIT,
	    .init = { 0x01020304, 0x200, MEMIF_MODE_IP, "", "libmemif" } } },
	{ "ADD_REGION from DPDK",
	  "0400000000050200",
	  { .type = MEMIF_MSG_ADD_REGION,
	    .add_region = { .size = 132352, .index = 0 } } },
	{ "ADD_REGION beyond 4 GiB",
	  "0400020108070605040302010000",
	  { .type = MEMIF_MSG_ADD_REGION,
	    .add_region = { .size = 0x0102030405060708, .index = 0x102 } } },
	{ "ADD_RING from DPDK, to the server",
	  "05000100000000000000000005",
	  { .type = MEMIF_MSG_ADD_RING,
	    .add_ring = { 0, MEMIF_MSG_RING_C2S, 0, 0, 0, 5 } } },
	{ "ADD_RING from DPDK, to the client",
	  "05000000000000008002000005",
	  { .type = MEMIF_MSG_ADD_RING, .add_ring = { 640, 0, 0, 0, 0, 5 } } },
	{ "ADD_RING with everything",
	  "0500feff02010403080706050a0c0b",
	  { .type = MEMIF_MSG_ADD_RING,
	    .add_ring = { 0x05060708, 0xfffe, 0x102, 0x304, 0xb0c, 10 } } },
	{ "CONNECT from DPDK",
	  "06006e65745f6d656d696630",
	  { .type = MEMIF_MSG_CONNECT, .connect = { "net_memif0" } } },
	{ "CONNECTED from DPDK",
	  "07006e65745f6d656d696630",
	  { .type = MEMIF_MSG_CONNECTED, .connect = { "net_memif0" } } },
	{ "DISCONNECT from DPDK",
	  "080000000000496e636f727265637420736563726574",
	  { .type = MEMIF_MSG_DISCONNECT,
	    .disconnect = { 0, "Incorrect secret" } } },
	{ "DISCONNECT with a code",
	  "08000403020162",
	  { .type = MEMIF_MSG_DISCONNECT, .disconnect = { 0x01020304, "b" } } },
};

#define MAGIC "cbd6b96d03a86330fb792547be2fe254"

/* What is at the end of a record, and what is made of it. */
static const struct {
	const char *what;
	enum memif_msg_type type;
	const char *hex;
	struct memif_msg_rider rider;
} riders[] = {
	{ "offer",
	  MEMIF_MSG_HELLO,
	  MAGIC "010207000807060504030201",
	  { MEMIF_RIDE_ALL, 0x0102030405060708 } },
	{ "request",
	  MEMIF_MSG_INIT,
	  MAGIC "01030300fffffffffffffffe",
	  { MEMIF_RIDE_CSUM | MEMIF_RIDE_TCP, 0xfeffffffffffffff } },
	{ "grant",
	  MEMIF_MSG_CONNECTED,
	  MAGIC "010701000000000000000000",
	  { MEMIF_RIDE_CSUM, 0 } },
	/* From here on they are read only. */
	{ "unknown bits",
	  MEMIF_MSG_HELLO,
	  MAGIC "0102fdff0100000000000000",
	  { MEMIF_RIDE_CSUM | MEMIF_RIDE_UDP, 1 } },
	{ "no bits", MEMIF_MSG_HELLO, MAGIC "010200000100000000000000", { 0 } },
	{ "no checksums",
	  MEMIF_MSG_HELLO,
	  MAGIC "010206000100000000000000",
	  { 0 } },
	{ "of the future",
	  MEMIF_MSG_HELLO,
	  MAGIC "020207000100000000000000",
	  { 0 } },
	{ "version 0",
	  MEMIF_MSG_HELLO,
	  MAGIC "000207000100000000000000",
	  { 0 } },
	{ "HELLO sent back",
	  MEMIF_MSG_INIT,
	  MAGIC "010207000100000000000000",
	  { 0 } },
	{ "INIT sent back",
	  MEMIF_MSG_CONNECTED,
	  MAGIC "010307000100000000000000",
	  { 0 } },
	{ "none", MEMIF_MSG_HELLO, "", { 0 } },
};

enum rider_facts { N_WRITTEN = 3, AT_RIDER = 100, MAGIC_LEN = 16 };

static uint8_t digit(char c)
{
	return (uint8_t)(c <= '9' ? c - '0' : c - 'a' + 10);
}

static void from_hex(const char *hex, uint8_t bytes[MEMIF_MSG_LEN])
{
	memset(bytes, 0, MEMIF_MSG_LEN);
	assert_true(strlen(hex) <= 2 * (size_t)MEMIF_MSG_LEN);
	for (size_t i = 0; hex[2 * i]; i++)
		bytes[i] = (uint8_t)(digit(hex[2 * i]) << 4 |
				     digit(hex[2 * i + 1]));
}

static void check_big_endian(void)
{
	const uint16_t one = 1;
	uint8_t first;

	memcpy(&first, &one, 1);
	if (first == 1)
		return;
	print_message("the vectors are little endian, this machine is not\n");
	skip();
}

static void assert_same(const struct memif_msg *a, const struct memif_msg *b)
{
	assert_int_equal(a->type, b->type);
	switch (a->type) {
	case MEMIF_MSG_HELLO:
		assert_string_equal(a->hello.name, b->hello.name);
		assert_int_equal(a->hello.min_version, b->hello.min_version);
		assert_int_equal(a->hello.max_version, b->hello.max_version);
		assert_int_equal(a->hello.max_region, b->hello.max_region);
		assert_int_equal(a->hello.max_s2c_ring, b->hello.max_s2c_ring);
		assert_int_equal(a->hello.max_c2s_ring, b->hello.max_c2s_ring);
		assert_int_equal(a->hello.max_log2_size,
				 b->hello.max_log2_size);
		break;
	case MEMIF_MSG_INIT:
		assert_int_equal(a->init.id, b->init.id);
		assert_int_equal(a->init.version, b->init.version);
		assert_int_equal(a->init.mode, b->init.mode);
		assert_string_equal(a->init.secret, b->init.secret);
		assert_string_equal(a->init.name, b->init.name);
		break;
	case MEMIF_MSG_ADD_REGION:
		assert_int_equal(a->add_region.size, b->add_region.size);
		assert_int_equal(a->add_region.index, b->add_region.index);
		break;
	case MEMIF_MSG_ADD_RING:
		assert_int_equal(a->add_ring.offset, b->add_ring.offset);
		assert_int_equal(a->add_ring.flags, b->add_ring.flags);
		assert_int_equal(a->add_ring.index, b->add_ring.index);
		assert_int_equal(a->add_ring.region, b->add_ring.region);
		assert_int_equal(a->add_ring.private_len,
				 b->add_ring.private_len);
		assert_int_equal(a->add_ring.log2_size, b->add_ring.log2_size);
		break;
	case MEMIF_MSG_CONNECT:
	case MEMIF_MSG_CONNECTED:
		assert_string_equal(a->connect.name, b->connect.name);
		break;
	case MEMIF_MSG_DISCONNECT:
		assert_int_equal(a->disconnect.code, b->disconnect.code);
		assert_string_equal(a->disconnect.reason, b->disconnect.reason);
		break;
	default:
		assert_int_equal(a->type, MEMIF_MSG_ACK);
	}
}

static void vectors_are_read(void **state)
{
	(void)state;
	check_big_endian();
	for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
		uint8_t bytes[MEMIF_MSG_LEN];
		struct memif_msg msg;

		print_message("%s\n", vectors[i].what);
		from_hex(vectors[i].hex, bytes);
		assert_int_equal(memif_msg_decode(bytes, sizeof(bytes), &msg),
				 0);
		assert_same(&msg, &vectors[i].msg);
	}
}

static void vectors_are_written(void **state)
{
	unsigned int seen = 0;

	(void)state;
	check_big_endian();
	for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
		uint8_t bytes[MEMIF_MSG_LEN], expected[MEMIF_MSG_LEN];

		print_message("%s\n", vectors[i].what);
		from_hex(vectors[i].hex, expected);
		memset(bytes, 0xee, sizeof(bytes));
		memif_msg_encode(&vectors[i].msg, bytes);
		assert_memory_equal(bytes, expected, MEMIF_MSG_LEN);
		seen |= 1u << vectors[i].msg.type;
	}
	/* all eight */
	assert_int_equal(seen, (1u << MEMIF_MSG_N) - 2);
}

static struct memif_msg_rider rider_of(const uint8_t bytes[MEMIF_MSG_LEN])
{
	struct memif_msg msg;

	assert_int_equal(memif_msg_decode(bytes, MEMIF_MSG_LEN, &msg), 0);
	return msg.type == MEMIF_MSG_HELLO ? msg.hello.rider :
	       msg.type == MEMIF_MSG_INIT  ? msg.init.rider :
					     msg.connect.rider;
}

static void put_type(uint8_t bytes[MEMIF_MSG_LEN], enum memif_msg_type type)
{
	const uint16_t value = (uint16_t)type;

	memcpy(bytes, &value, sizeof(value));
}

static void rider_record(size_t i, uint8_t bytes[MEMIF_MSG_LEN])
{
	uint8_t end[MEMIF_MSG_LEN];

	from_hex(riders[i].hex, end);
	memset(bytes, 0, MEMIF_MSG_LEN);
	memcpy(bytes + AT_RIDER, end, MEMIF_MSG_LEN - AT_RIDER);
	put_type(bytes, riders[i].type);
}

static void riders_are_read(void **state)
{
	(void)state;
	check_big_endian();
	for (size_t i = 0; i < ARRAY_LEN(riders); i++) {
		uint8_t bytes[MEMIF_MSG_LEN];
		struct memif_msg_rider rider;

		print_message("%s\n", riders[i].what);
		rider_record(i, bytes);
		rider = rider_of(bytes);
		assert_int_equal(rider.ride, riders[i].rider.ride);
		if (rider.ride)
			assert_int_equal(rider.nonce, riders[i].rider.nonce);
	}
}

static void riders_are_written(void **state)
{
	(void)state;
	check_big_endian();
	for (size_t i = 0; i < N_WRITTEN; i++) {
		struct memif_msg msg = { .type = riders[i].type };
		uint8_t bytes[MEMIF_MSG_LEN], expected[MEMIF_MSG_LEN];

		if (msg.type == MEMIF_MSG_HELLO)
			msg.hello.rider = riders[i].rider;
		else if (msg.type == MEMIF_MSG_INIT)
			msg.init.rider = riders[i].rider;
		else
			msg.connect.rider = riders[i].rider;
		rider_record(i, expected);
		memif_msg_encode(&msg, bytes);
		assert_memory_equal(bytes, expected, MEMIF_MSG_LEN);
	}
}

/* A nonce alone is nothing, and CONNECT has no rider. */
static void nothing_is_written_without_a_ride(void **state)
{
	static const uint8_t zeros[MEMIF_MSG_LEN - AT_RIDER] = { 0 };
	struct memif_msg msg = { .type = MEMIF_MSG_HELLO };
	uint8_t bytes[MEMIF_MSG_LEN];

	(void)state;
	msg.hello.rider.nonce = 1;
	memif_msg_encode(&msg, bytes);
	assert_memory_equal(bytes + AT_RIDER, zeros, sizeof(zeros));
	msg = (struct memif_msg){ .type = MEMIF_MSG_CONNECT };
	msg.connect.rider.ride = MEMIF_RIDE_ALL;
	memif_msg_encode(&msg, bytes);
	assert_memory_equal(bytes + AT_RIDER, zeros, sizeof(zeros));
}

/* Any bit of what is fixed makes it something else. */
static void all_of_a_rider_counts(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_WRITTEN; i++)
		for (size_t bit = 0; bit < 8 * (MAGIC_LEN + 2); bit++) {
			uint8_t bytes[MEMIF_MSG_LEN];

			rider_record(i, bytes);
			bytes[AT_RIDER + bit / 8] ^= (uint8_t)(1 << bit % 8);
			assert_int_equal(rider_of(bytes).ride, 0);
		}
}

static void garbage_is_no_rider(void **state)
{
	uint32_t dice = 1;

	(void)state;
	for (size_t i = 0; i < 100000; i++) {
		uint8_t bytes[MEMIF_MSG_LEN];

		for (size_t j = 0; j < sizeof(bytes); j++) {
			dice = dice * 1664525 + 1013904223;
			bytes[j] = (uint8_t)(dice >> 24);
		}
		put_type(bytes, riders[i % N_WRITTEN].type);
		assert_int_equal(rider_of(bytes).ride, 0);
		memset(bytes, (int)i, sizeof(bytes));
		put_type(bytes, riders[i % N_WRITTEN].type);
		assert_int_equal(rider_of(bytes).ride, 0);
	}
}

static void only_whole_records_are_read(void **state)
{
	uint8_t bytes[MEMIF_MSG_LEN + 1] = { 0 };
	struct memif_msg msg = { .type = MEMIF_MSG_N }, before = msg;
	const uint16_t type = MEMIF_MSG_ACK;

	(void)state;
	memcpy(bytes, &type, sizeof(type));
	for (size_t len = 0; len <= sizeof(bytes); len++) {
		/* In a block of its size, so that reading on is noticed. */
		uint8_t *copy = malloc(len > 0 ? len : 1);

		assert_non_null(copy);
		memcpy(copy, bytes, len);
		assert_int_equal(memif_msg_decode(copy, len, &msg),
				 len == MEMIF_MSG_LEN ? 0 : -EBADMSG);
		if (len == MEMIF_MSG_LEN) {
			assert_int_equal(msg.type, MEMIF_MSG_ACK);
			msg = before;
		}
		assert_int_equal(msg.type, before.type);
		free(copy);
	}
}

static void only_known_types_are_read(void **state)
{
	(void)state;
	for (unsigned int i = 0; i <= UINT16_MAX; i++) {
		uint8_t bytes[MEMIF_MSG_LEN] = { 0 };
		uint16_t type = (uint16_t)i;
		struct memif_msg msg;
		bool known = i >= MEMIF_MSG_ACK && i <= MEMIF_MSG_DISCONNECT;

		memcpy(bytes, &type, sizeof(type));
		assert_int_equal(memif_msg_decode(bytes, sizeof(bytes), &msg),
				 known ? 0 : -EBADMSG);
		if (known)
			assert_int_equal(msg.type, i);
	}
}

/* Nobody ends the texts, and what is behind a NUL is no part of them. */
static void texts_of_peers_end(void **state)
{
	uint8_t bytes[MEMIF_MSG_LEN];
	struct memif_msg msg;

	(void)state;
	for (unsigned int i = MEMIF_MSG_ACK; i < MEMIF_MSG_N; i++) {
		const uint16_t type = (uint16_t)i;

		memset(bytes, 'x', sizeof(bytes));
		memcpy(bytes, &type, sizeof(type));
		assert_int_equal(memif_msg_decode(bytes, sizeof(bytes), &msg),
				 0);
		if (type == MEMIF_MSG_HELLO)
			assert_int_equal(strlen(msg.hello.name), 31);
		if (type == MEMIF_MSG_INIT) {
			assert_int_equal(strlen(msg.init.name), 31);
			assert_int_equal(strlen(msg.init.secret), 23);
		}
		if (type == MEMIF_MSG_CONNECT || type == MEMIF_MSG_CONNECTED)
			assert_int_equal(strlen(msg.connect.name), 31);
		if (type == MEMIF_MSG_DISCONNECT)
			assert_int_equal(strlen(msg.disconnect.reason), 95);
	}
}

/* A terminal may show them. A secret is compared, and stays as it is. */
static void words_of_peers_are_harmless(void **state)
{
	struct memif_msg msg = { .type = MEMIF_MSG_DISCONNECT }, back;
	uint8_t record[MEMIF_MSG_LEN];

	(void)state;
	(void)snprintf(msg.disconnect.reason, sizeof(msg.disconnect.reason),
		       "a\033[2Jb\nc\177\303\251~ ");
	memif_msg_encode(&msg, record);
	assert_int_equal(memif_msg_decode(record, sizeof(record), &back), 0);
	assert_string_equal(back.disconnect.reason, "a?[2Jb?c???~ ");
	msg = (struct memif_msg){ .type = MEMIF_MSG_INIT };
	(void)snprintf(msg.init.name, sizeof(msg.init.name), "\a");
	(void)snprintf(msg.init.secret, sizeof(msg.init.secret), "\a");
	memif_msg_encode(&msg, record);
	assert_int_equal(memif_msg_decode(record, sizeof(record), &back), 0);
	assert_string_equal(back.init.name, "?");
	assert_string_equal(back.init.secret, "\a");
}

static void nothing_is_left_behind_a_text(void **state)
{
	static const char zeros[MEMIF_MSG_SECRET_SIZE] = { 0 };
	uint8_t bytes[MEMIF_MSG_LEN];
	const uint16_t type = MEMIF_MSG_INIT;
	struct memif_msg msg;

	(void)state;
	memset(bytes, 'x', sizeof(bytes));
	memcpy(bytes, &type, sizeof(type));
	bytes[9 + 3] = 0;
	assert_int_equal(memif_msg_decode(bytes, sizeof(bytes), &msg), 0);
	assert_string_equal(msg.init.secret, "xxx");
	assert_memory_equal(msg.init.secret + 3, zeros,
			    sizeof(msg.init.secret) - 3);
}

static void long_texts_are_cut(void **state)
{
	struct memif_msg msg = { .type = MEMIF_MSG_INIT }, back;
	uint8_t bytes[MEMIF_MSG_LEN];

	(void)state;
	memset(msg.init.secret, 's', sizeof(msg.init.secret));
	memset(msg.init.name, 'n', sizeof(msg.init.name));
	memif_msg_encode(&msg, bytes);
	assert_int_equal(bytes[9 + 22], 's');
	assert_int_equal(bytes[9 + 23], 0);
	assert_int_equal(bytes[33 + 30], 'n');
	assert_int_equal(bytes[33 + 31], 0);
	assert_int_equal(memif_msg_decode(bytes, sizeof(bytes), &back), 0);
	assert_int_equal(strlen(back.init.secret), 23);
	assert_int_equal(strlen(back.init.name), 31);
}

static void messages_have_names(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < MEMIF_MSG_N; i++)
		for (unsigned int k = 0; k < i; k++)
			assert_string_not_equal(memif_msg_name(i),
						memif_msg_name(k));
	assert_string_equal(memif_msg_name(MEMIF_MSG_ADD_RING), "ADD_RING");
	assert_string_equal(memif_msg_name(MEMIF_MSG_N), "unknown");
	assert_string_equal(memif_msg_name(0xffff), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vectors_are_read),
		cmocka_unit_test(vectors_are_written),
		cmocka_unit_test(riders_are_read),
		cmocka_unit_test(riders_are_written),
		cmocka_unit_test(nothing_is_written_without_a_ride),
		cmocka_unit_test(all_of_a_rider_counts),
		cmocka_unit_test(garbage_is_no_rider),
		cmocka_unit_test(only_whole_records_are_read),
		cmocka_unit_test(only_known_types_are_read),
		cmocka_unit_test(texts_of_peers_end),
		cmocka_unit_test(words_of_peers_are_harmless),
		cmocka_unit_test(nothing_is_left_behind_a_text),
		cmocka_unit_test(long_texts_are_cut),
		cmocka_unit_test(messages_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
