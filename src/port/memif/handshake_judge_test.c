/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of what the handshake lets pass, against records made here. */
#include "port/memif/handshake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/bits.h"
#include "tests/memif_talk.h"

/* What the server says of an INIT. NOLINTNEXTLINE(*.performance.Padding) */
struct init_case {
	const char *what;
	const char *secret; /* of the server; NULL: there is no interface */
	bool is_client, busy, throttled, strict;
	uint32_t id;
	uint16_t version;
	uint8_t mode;
	const char *offered;
	enum memif_down down;
	const char *reason;
};

#define V2 MEMIF_MSG_VERSION

static const struct init_case init_cases[] = {
	{ "as it should be", "abc", .offered = "abc", .version = V2 },
	{ "without secrets", "", .offered = "", .version = V2 },
	{ "a needless secret", "", .offered = "abc", .version = V2 },
	{ "throttled, without secrets", "", .throttled = true, .offered = "",
	  .version = V2 },
	{ "the longest secret", "abcdefghijklmnopqrstuvw",
	  .offered = "abcdefghijklmnopqrstuvw", .version = V2 },

	{ "newer version", "abc", .offered = "abc", .version = 0x201,
	  .down = MEMIF_DOWN_VERSION,
	  .reason = "incompatible version 2.1, here 2.0" },
	{ "older version", "abc", .offered = "abc", .version = 0x100,
	  .down = MEMIF_DOWN_VERSION,
	  .reason = "incompatible version 1.0, here 2.0" },
	{ "version 0", "abc", .offered = "abc", .down = MEMIF_DOWN_VERSION,
	  .reason = "incompatible version 0.0, here 2.0" },
	{ "unknown id", NULL, .id = 0xffffffff, .offered = "abc", .version = V2,
	  .down = MEMIF_DOWN_ID, .reason = "no interface with id 4294967295" },
	{ "wrong role", "abc", .is_client = true, .id = 3, .offered = "abc",
	  .version = V2, .down = MEMIF_DOWN_ROLE,
	  .reason = "interface 3 is a client (slave) here, too" },
	{ "no secret", "abc", .offered = "", .version = V2,
	  .down = MEMIF_DOWN_SECRET_ABSENT, .reason = "secret required" },
	{ "another secret", "abc", .offered = "abd", .version = V2,
	  .down = MEMIF_DOWN_SECRET_WRONG, .reason = "incorrect secret" },
	{ "half a secret", "abc", .offered = "ab", .version = V2,
	  .down = MEMIF_DOWN_SECRET_WRONG, .reason = "incorrect secret" },
	{ "more than the secret", "abc", .offered = "abcd", .version = V2,
	  .down = MEMIF_DOWN_SECRET_WRONG, .reason = "incorrect secret" },
	{ "throttled, right", "abc", .throttled = true, .offered = "abc",
	  .version = V2, .down = MEMIF_DOWN_SECRET_RATE,
	  .reason = "too many incorrect secrets, try again later" },
	{ "throttled, wrong", "abc", .throttled = true, .offered = "abd",
	  .version = V2, .down = MEMIF_DOWN_SECRET_RATE,
	  .reason = "too many incorrect secrets, try again later" },
	{ "a needless secret, strictly", "", .strict = true, .offered = "abc",
	  .version = V2, .down = MEMIF_DOWN_SECRET_NEEDLESS,
	  .reason = "there is no secret here" },
	{ "another mode", "abc", .offered = "abc", .version = V2, .mode = 1,
	  .down = MEMIF_DOWN_MODE,
	  .reason = "mode mismatch: ip, here ethernet" },
	{ "a mode that nobody has", "abc", .offered = "abc", .version = V2,
	  .mode = 2, .down = MEMIF_DOWN_MODE,
	  .reason = "mode mismatch: punt, here ethernet" },
	{ "an unknown mode", "abc", .offered = "abc", .version = V2,
	  .mode = 255, .down = MEMIF_DOWN_MODE,
	  .reason = "mode mismatch: unknown, here ethernet" },
	{ "busy", "abc", .busy = true, .offered = "abc", .version = V2,
	  .down = MEMIF_DOWN_BUSY, .reason = "already connected" },
	/* Only those who know the secret learn more. */
	{ "busy, another secret", "abc", .busy = true, .offered = "abd",
	  .version = V2, .mode = 1, .down = MEMIF_DOWN_SECRET_WRONG,
	  .reason = "incorrect secret" },
};

static void every_check_of_init(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(init_cases); i++) {
		const struct init_case *c = &init_cases[i];
		struct memif_handshake_config config = server_config;
		const struct memif_found result = {
			.config = c->secret ? &config : NULL,
			.busy = c->busy,
			.throttled = c->throttled,
		};
		struct memif_msg msg = message(MEMIF_MSG_INIT);
		static const char zeros[MEMIF_MSG_SECRET_SIZE] = { 0 };
		struct memif_handshake hs;

		print_message("%s\n", c->what);
		config.role = c->is_client ? MEMIF_CLIENT : MEMIF_SERVER;
		config.strict_secret = c->strict;
		memset(config.secret, 0, sizeof(config.secret));
		if (c->secret)
			memcpy(config.secret, c->secret, strlen(c->secret));
		msg.init.id = c->id;
		msg.init.version = c->version;
		msg.init.mode = c->mode;
		memset(msg.init.secret, 0, sizeof(msg.init.secret));
		memcpy(msg.init.secret, c->offered, strlen(c->offered));

		go_to(&hs, &points[7]);
		say(&hs, &msg, 0);
		assert_int_equal(memif_handshake_want(&hs), MEMIF_WANT_FIND);
		assert_int_equal(memif_handshake_id(&hs), c->id);
		memif_handshake_found(&hs, &result);
		assert_memory_equal(hs.offered, zeros, sizeof(zeros));
		if (c->down == MEMIF_DOWN_NONE) {
			expect_to_hear(&hs, MEMIF_MSG_ACK);
			assert_ptr_equal(hs.config, &config);
		} else {
			expect_refusal(&hs, c->down);
			assert_string_equal(hs.reason, c->reason);
		}
	}
}

/* A difference in any byte, and only there. */
static void every_byte_of_a_secret_counts(void **state)
{
	(void)state;
	for (size_t i = 0; i < MEMIF_MSG_SECRET_SIZE - 1; i++) {
		struct memif_msg msg = message(MEMIF_MSG_INIT);
		struct memif_handshake_config config = server_config;
		struct memif_handshake hs;

		memset(config.secret, 's', MEMIF_MSG_SECRET_SIZE - 1);
		memset(msg.init.secret, 's', MEMIF_MSG_SECRET_SIZE - 1);
		msg.init.secret[i] = 't';
		go_to(&hs, &points[7]);
		say(&hs, &msg, 0);
		found(&hs, &config);
		expect_refusal(&hs, MEMIF_DOWN_SECRET_WRONG);
	}
}

/* Wherever a connection ends, the secret is neither told nor kept. */
static void secrets_are_not_left_behind(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(points); i++) {
		struct memif_handshake hs;

		go_to(&hs, &points[i]);
		assert_null(memmem(&hs, sizeof(hs), SECRET, strlen(SECRET)));
	}
}

/* As in the table. NOLINTNEXTLINE(*.performance.Padding) */
struct hello_case {
	const char *what;
	uint16_t min_version, max_version, max_s2c, max_c2s;
	uint8_t max_log2;
	uint16_t own[MEMIF_DIRECTIONS];
	uint8_t own_log2;
	enum memif_down down;
	uint16_t n[MEMIF_DIRECTIONS];
	uint8_t log2_size;
};

static const struct hello_case hello_cases[] = {
	{ "libmemif", V2, V2, 255, 255, 14, { 1, 1 }, 10, 0, { 1, 1 }, 10 },
	{ "VPP", V2, V2, 256, 256, 14, { 4, 2 }, 15, 0, { 4, 2 }, 14 },
	{ "one ring each", V2, V2, 0, 0, 14, { 4, 4 }, 10, 0, { 1, 1 }, 10 },
	{ "the smaller ones", V2, V2, 1, 2, 9, { 4, 4 }, 10, 0, { 3, 2 }, 9 },
	{ "as many", V2, V2, 3, 3, 10, { 4, 4 }, 10, 0, { 4, 4 }, 10 },
	{ "all", V2, V2, 255, 255, 15, { 256, 256 }, 15, 0, { 256, 256 }, 15 },
	{ "one less", V2, V2, 254, 254, 15, { 256, 256 }, 1, 0, { 255, 255 }, 1 },
	{ "no limit",
	  V2,
	  V2,
	  65535,
	  65535,
	  255,
	  { 256, 1 },
	  15,
	  0,
	  { 256, 1 },
	  15 },
	{ "versions around", 0, 65535, 0, 0, 1, { 1, 1 }, 10, 0, { 1, 1 }, 1 },
	{ "newer", 0x201, 0x300, 0, 0, 14, { 1, 1 }, 10, MEMIF_DOWN_VERSION },
	{ "older", 0x100, 0x1ff, 0, 0, 14, { 1, 1 }, 10, MEMIF_DOWN_VERSION },
	{ "turned around",
	  0x300,
	  0x100,
	  0,
	  0,
	  14,
	  { 1, 1 },
	  10,
	  MEMIF_DOWN_VERSION },
	{ "no slots", V2, V2, 255, 255, 0, { 1, 1 }, 10, MEMIF_DOWN_HELLO },
};

static void every_check_of_hello(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(hello_cases); i++) {
		const struct hello_case *c = &hello_cases[i];
		struct memif_handshake_config config = client_config;
		struct memif_msg msg = message(MEMIF_MSG_HELLO);
		struct memif_handshake hs;

		print_message("%s\n", c->what);
		memcpy(config.n_ring, c->own, sizeof(config.n_ring));
		config.log2_size = c->own_log2;
		msg.hello.min_version = c->min_version;
		msg.hello.max_version = c->max_version;
		msg.hello.max_s2c_ring = c->max_s2c;
		msg.hello.max_c2s_ring = c->max_c2s;
		msg.hello.max_log2_size = c->max_log2;
		memif_handshake_init_client(&hs, &config);
		memif_handshake_start(&hs, 0);
		say(&hs, &msg, 0);
		if (c->down != MEMIF_DOWN_NONE) {
			expect_refusal(&hs, c->down);
			continue;
		}
		assert_int_equal(memif_handshake_want(&hs), MEMIF_WANT_BUILD);
		assert_memory_equal(hs.geometry.n_ring, c->n, sizeof(c->n));
		assert_int_equal(hs.geometry.log2_size, c->log2_size);
		assert_int_equal(hs.geometry.line, 64);
	}
}

static void the_server_announces_itself(void **state)
{
	struct memif_handshake hs;
	struct memif_msg msg;

	(void)state;
	memif_handshake_init_server(&hs, &server_hello, TIMEOUT);
	memif_handshake_start(&hs, 0);
	msg = hear(&hs);
	assert_int_equal(msg.type, MEMIF_MSG_HELLO);
	assert_string_equal(msg.hello.name, "test");
	assert_int_equal(msg.hello.min_version, 0x200);
	assert_int_equal(msg.hello.max_version, 0x200);
	/* VPP makes memory for this, but rings of its own size. */
	assert_true(msg.hello.max_log2_size >= 14);
}

static void the_client_announces_all_it_has(void **state)
{
	struct memif_handshake_config config = client_config;
	struct memif_handshake hs;
	struct memif_outgoing out;
	struct memif_msg msg;

	(void)state;
	config.n_ring[MEMIF_C2S] = 2;
	config.n_ring[MEMIF_S2C] = 2;
	memif_handshake_init_client(&hs, &config);
	memif_handshake_start(&hs, 0);
	say_type(&hs, MEMIF_MSG_HELLO, 0);
	hs.geometry.n_region = 2;
	hs.geometry.region_size[0] = memif_geometry_lay_out(&hs.geometry);
	hs.geometry.region_size[1] = UINT64_C(5) << 32;
	memif_handshake_done(&hs);

	msg = hear(&hs);
	assert_int_equal(msg.type, MEMIF_MSG_INIT);
	assert_int_equal(msg.init.id, 7);
	assert_int_equal(msg.init.version, 0x200);
	assert_string_equal(msg.init.secret, SECRET);
	assert_string_equal(msg.init.name, "test");
	for (unsigned int i = 0; i < 2; i++) {
		say_type(&hs, MEMIF_MSG_ACK, 0);
		memif_handshake_outgoing(&hs, &out);
		assert_int_equal(out.attach, MEMIF_ATTACH_REGION);
		assert_int_equal(out.index, i);
		msg = hear(&hs);
		assert_int_equal(msg.type, MEMIF_MSG_ADD_REGION);
		assert_int_equal(msg.add_region.index, i);
		assert_int_equal(msg.add_region.size,
				 hs.geometry.region_size[i]);
	}
	for (unsigned int i = 0; i < 4; i++) {
		say_type(&hs, MEMIF_MSG_ACK, 0);
		memif_handshake_outgoing(&hs, &out);
		assert_int_equal(out.attach, MEMIF_ATTACH_RING);
		assert_int_equal(out.direction, i / 2);
		assert_int_equal(out.index, i % 2);
		msg = hear(&hs);
		assert_int_equal(msg.type, MEMIF_MSG_ADD_RING);
		assert_int_equal(msg.add_ring.flags, i / 2 ? 0 : 1);
		assert_int_equal(msg.add_ring.index, i % 2);
		assert_int_equal(msg.add_ring.offset, i * 16512);
		assert_int_equal(msg.add_ring.log2_size, 10);
		assert_int_equal(msg.add_ring.private_len, 0);
	}
	say_type(&hs, MEMIF_MSG_ACK, 0);
	memif_handshake_outgoing(&hs, &out);
	assert_int_equal(out.attach, MEMIF_ATTACH_NOTHING);
	msg = hear(&hs);
	assert_int_equal(msg.type, MEMIF_MSG_CONNECT);
	assert_string_equal(msg.connect.name, "client0");
	say_type(&hs, MEMIF_MSG_CONNECTED, 0);
	assert_int_equal(memif_handshake_want(&hs), MEMIF_WANT_UP);
	memif_handshake_done(&hs);
	assert_int_equal(hs.state, MEMIF_STATE_UP);
}

/* Regions in a row, each with an index and a size. */
struct region_case {
	const char *what;
	struct memif_msg_add_region region[3]; /* size, index */
	enum memif_down down; /* of the last one that is not {} */
};

static const struct region_case region_cases[] = {
	{ "one", { { 1, 0 } }, 0 },
	{ "two, all there may be", { { 1 << 19, 0 }, { 1 << 19, 1 } }, 0 },
	{ "second index", { { 4096, 1 } }, MEMIF_DOWN_REGION_INDEX },
	{ "far index", { { 4096, 65535 } }, MEMIF_DOWN_REGION_INDEX },
	{ "same index", { { 4096, 0 }, { 4096, 0 } }, MEMIF_DOWN_REGION_INDEX },
	{ "three", { { 1, 0 }, { 1, 1 }, { 1, 2 } }, MEMIF_DOWN_REGION_COUNT },
	{ "large", { { (1 << 20) + 1, 0 } }, MEMIF_DOWN_REGION_SIZE },
	{ "64 TiB", { { UINT64_C(64) << 40, 0 } }, MEMIF_DOWN_REGION_SIZE },
	{ "the most", { { UINT64_MAX, 0 } }, MEMIF_DOWN_REGION_SIZE },
	{ "large together",
	  { { 1 << 19, 0 }, { (1 << 19) + 1, 1 } },
	  MEMIF_DOWN_REGION_SIZE },
	{ "around together",
	  { { 1 << 19, 0 }, { UINT64_MAX, 1 } },
	  MEMIF_DOWN_REGION_SIZE },
};

static void every_check_of_regions(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(region_cases); i++) {
		const struct region_case *c = &region_cases[i];
		struct memif_handshake hs;
		struct memif_msg msg = message(MEMIF_MSG_ADD_REGION);

		print_message("%s\n", c->what);
		go_to(&hs, &points[8]);
		for (unsigned int k = 0; k < 3 && c->region[k].size; k++) {
			assert_int_equal(hs.down, 0);
			msg.add_region = c->region[k];
			say(&hs, &msg, 1);
			if (memif_handshake_want(&hs) ==
			    MEMIF_WANT_JUDGE_REGION)
				satisfy(&hs);
		}
		assert_int_equal(hs.down, c->down);
		if (c->down != MEMIF_DOWN_NONE)
			expect_refusal(&hs, c->down);
	}
}

static void an_empty_region(void **state)
{
	struct memif_handshake hs;
	struct memif_msg msg = message(MEMIF_MSG_ADD_REGION);

	(void)state;
	go_to(&hs, &points[8]);
	msg.add_region.size = 0;
	say(&hs, &msg, 1);
	expect_refusal(&hs, MEMIF_DOWN_REGION_SIZE);
}

static void a_region_after_a_ring(void **state)
{
	struct memif_handshake hs;
	struct memif_msg msg = message(MEMIF_MSG_ADD_REGION);

	(void)state;
	go_to(&hs, &points[10]);
	msg.add_region.index = 1;
	say(&hs, &msg, 1);
	expect_refusal(&hs, MEMIF_DOWN_RECORD_ORDER);
}

/* More rings than the interface has queues, though HELLO allowed them. */
static void too_many_rings(void **state)
{
	struct memif_handshake hs;
	struct memif_msg msg = message(MEMIF_MSG_ADD_RING);

	(void)state;
	go_to(&hs, &points[10]);
	msg.add_ring.index = 1;
	msg.add_ring.offset = 16512;
	say(&hs, &msg, 1);
	satisfy(&hs);
	msg.add_ring.index = 2;
	msg.add_ring.offset = 2 * 16512;
	say(&hs, &msg, 1);
	expect_refusal(&hs, MEMIF_DOWN_RING_COUNT);
	assert_string_equal(hs.reason,
			    "too many rings to the server, at most 2");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_check_of_init),
		cmocka_unit_test(every_byte_of_a_secret_counts),
		cmocka_unit_test(secrets_are_not_left_behind),
		cmocka_unit_test(every_check_of_hello),
		cmocka_unit_test(the_server_announces_itself),
		cmocka_unit_test(the_client_announces_all_it_has),
		cmocka_unit_test(every_check_of_regions),
		cmocka_unit_test(an_empty_region),
		cmocka_unit_test(a_region_after_a_ring),
		cmocka_unit_test(too_many_rings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
