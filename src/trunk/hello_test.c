/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the HELLO: its form, and what two of them have in common. */
#include "trunk/hello.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <vif/trunk.h>

#include "base/bits.h"
#include "wire/bytes.h"

static const struct hello plain = {
	.version_min = 1,
	.version_max = 1,
	.suites = { 2, { HELLO_AESGCM, HELLO_CHACHAPOLY } },
	.patterns = { 3, { HELLO_IK, HELLO_XK, HELLO_XX } },
	.record_max = 16400,
	.circuits_max = 64,
	.window = 1 << 24,
	.random = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 },
};

/* plain, as it goes over the wire. */
static const uint8_t plain_bytes[] = {
	0x56, 0x49, 0x46, 0x54, 1, 1, 0, 0, 0, 2,  3,  0, /* .. reserved */
	0x40, 0x10, 0,    64,   1, 0, 0, 0, 0, 0,  0,  0, /* .. reserved */
	1,    2,    3,    4,    5, 6, 7, 8, 9, 10, 11, 12,
	13,   14,   15,   16,      /* random */
	2,    1,    2,    3,    1, /* lists */
};

enum {
	PLAIN_LEN = sizeof(plain_bytes),
};

/* Reads from a block of exactly that size, so that a sanitizer sees more. */
static enum hello_fault read_exact(const uint8_t *body, size_t len,
				   struct hello *ret_hello)
{
	uint8_t *exact = malloc(len > 0 ? len : 1);
	enum hello_fault fault;

	assert_non_null(exact);
	memcpy(exact, body, len);
	fault = hello_read(exact, len, ret_hello);
	free(exact);
	return fault;
}

/* Written, they are the same, and that is all fields. */
static void assert_same(const struct hello *a, const struct hello *b)
{
	uint8_t bytes[2][HELLO_WRITTEN_MAX];
	size_t len = hello_write(a, bytes[0]);

	assert_int_equal(hello_write(b, bytes[1]), len);
	assert_memory_equal(bytes[0], bytes[1], len);
}

static void test_bytes_are_those_of_the_page(void **state)
{
	uint8_t body[HELLO_WRITTEN_MAX];

	(void)state;
	assert_int_equal(hello_write(&plain, body), PLAIN_LEN);
	assert_memory_equal(body, plain_bytes, PLAIN_LEN);
}

static void test_reads_what_was_written(void **state)
{
	uint8_t body[HELLO_WRITTEN_MAX];
	struct hello got, full = plain;
	size_t len;

	(void)state;
	full.version_max = 255;
	full.choice = (struct hello_choice){ 9, 8, 7 };
	full.suites.n = HELLO_SUITES_MAX;
	full.patterns.n = HELLO_PATTERNS_MAX;
	memset(full.suites.item, 200, HELLO_SUITES_MAX);
	memset(full.patterns.item, 201, HELLO_PATTERNS_MAX);
	full.record_max = VIF_TRUNK_RECORD_MAX;
	full.circuits_max = UINT16_MAX;
	full.window = UINT32_MAX;
	len = hello_write(&full, body);
	assert_int_equal(len, HELLO_WRITTEN_MAX);
	assert_int_equal(read_exact(body, len, &got), HELLO_GOOD);
	assert_same(&got, &full);
	assert_int_equal(read_exact(plain_bytes, PLAIN_LEN, &got), HELLO_GOOD);
	assert_same(&got, &plain);
}

/* No start of a body is one; no more than what it says is read. */
static void test_cut_at_every_byte(void **state)
{
	struct hello got;

	(void)state;
	for (size_t len = 0; len < PLAIN_LEN; len++)
		assert_int_equal(read_exact(plain_bytes, len, &got),
				 len < 4 ? HELLO_MAGIC : HELLO_LEN);
}

static void test_each_field_is_judged(void **state)
{
	static const struct {
		size_t at;
		uint8_t value;
		enum hello_fault fault;
	} cases[] = {
		{ 0, 0x57, HELLO_MAGIC },
		{ 3, 0x55, HELLO_MAGIC },
		{ 4, 0, HELLO_VERSIONS },
		{ 4, 2, HELLO_VERSIONS }, /* above the highest */
		{ 5, 0, HELLO_VERSIONS },
		{ 9, 0, HELLO_SUITES },
		{ 9, 1, HELLO_OPTIONS }, /* a suite is a pattern, and so on */
		{ 9, 4, HELLO_LEN },
		{ 9, 255, HELLO_LEN },
		{ 10, 0, HELLO_PATTERNS },
		{ 10, 2, HELLO_OPTIONS }, /* a pattern is an option */
		{ 10, 4, HELLO_LEN },
		{ 10, 255, HELLO_LEN },
		{ 11, 1, HELLO_RESERVED },
		{ 20, 1, HELLO_RESERVED },
		{ 23, 128, HELLO_RESERVED },
		{ 40, 0, HELLO_SUITES },
		{ 41, 0, HELLO_SUITES },
		{ 42, 0, HELLO_PATTERNS },
		{ 44, 0, HELLO_PATTERNS },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		uint8_t body[PLAIN_LEN];
		struct hello got = plain;

		memcpy(body, plain_bytes, PLAIN_LEN);
		body[cases[i].at] = cases[i].value;
		assert_int_equal(read_exact(body, PLAIN_LEN, &got),
				 cases[i].fault);
		assert_same(&got, &plain);
		assert_true(hello_fault_text(cases[i].fault)[0] != '\0');
	}
}

static void test_largest_record(void **state)
{
	static const struct {
		uint16_t record_max;
		enum hello_fault fault;
	} cases[] = {
		{ 0, HELLO_RECORD_MAX },     { 1023, HELLO_RECORD_MAX },
		{ 1024, HELLO_GOOD },        { 65519, HELLO_GOOD },
		{ 65520, HELLO_RECORD_MAX }, { 65535, HELLO_RECORD_MAX },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		uint8_t body[PLAIN_LEN];
		struct hello got;

		memcpy(body, plain_bytes, PLAIN_LEN);
		put_be16(body + 12, cases[i].record_max);
		assert_int_equal(read_exact(body, PLAIN_LEN, &got),
				 cases[i].fault);
	}
}

/* Lists of as many as there may be, and of one more. */
static void test_length_of_lists(void **state)
{
	static const struct {
		uint8_t n_suite;
		uint8_t n_pattern;
		enum hello_fault fault;
	} cases[] = {
		{ 8, 16, HELLO_GOOD },     { 9, 16, HELLO_SUITES },
		{ 8, 17, HELLO_PATTERNS }, { 17, 1, HELLO_SUITES },
		{ 255, 1, HELLO_SUITES },  { 1, 255, HELLO_PATTERNS },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		size_t len = (size_t)HELLO_FIXED_LEN + cases[i].n_suite +
			     cases[i].n_pattern;
		uint8_t body[HELLO_FIXED_LEN + 2 * 255];
		struct hello got;

		memset(body, 1, sizeof(body));
		memcpy(body, plain_bytes, HELLO_FIXED_LEN);
		body[9] = cases[i].n_suite;
		body[10] = cases[i].n_pattern;
		assert_int_equal(read_exact(body, len, &got), cases[i].fault);
	}
}

/* A body with options; the number of them, and the length of each. */
struct with_options {
	uint8_t byte[HELLO_BODY_MAX + 64];
	size_t len;
};

static void add_option(struct with_options *body, uint8_t type, size_t len)
{
	uint8_t *at = body->byte + body->len;

	assert_true(body->len + 4 + len <= sizeof(body->byte));
	at[0] = type;
	at[1] = 0;
	put_be16(at + 2, (uint16_t)len);
	memset(at + 4, 0xee, len);
	body->len += 4 + len;
}

static void begin_options(struct with_options *body)
{
	memcpy(body->byte, plain_bytes, PLAIN_LEN);
	body->len = PLAIN_LEN;
}

static enum hello_fault read_options(const struct with_options *body)
{
	struct hello got = { 0 };
	enum hello_fault fault = read_exact(body->byte, body->len, &got);

	if (fault == HELLO_GOOD)
		assert_same(&got, &plain);
	return fault;
}

static void test_64_options_and_no_more(void **state)
{
	struct with_options body;

	(void)state;
	begin_options(&body);
	for (uint8_t i = 0; i < HELLO_OPTIONS_MAX; i++) {
		add_option(&body, (uint8_t)(i * 4), i % 3);
		assert_int_equal(read_options(&body), HELLO_GOOD);
	}
	add_option(&body, 1, 0);
	assert_int_equal(read_options(&body), HELLO_OPTIONS);
}

static void test_options_cut_at_every_byte(void **state)
{
	struct with_options body;
	size_t whole;

	(void)state;
	begin_options(&body);
	add_option(&body, 1, 7);
	whole = body.len;
	while (--body.len > PLAIN_LEN)
		assert_int_equal(read_options(&body), HELLO_OPTIONS);
	assert_int_equal(read_options(&body), HELLO_GOOD);
	body.len = whole;
	body.byte[PLAIN_LEN + 1] = 1; /* has to be zero */
	assert_int_equal(read_options(&body), HELLO_OPTIONS);
}

/* Padding, up to the last byte there may be, and one more. */
static void test_padded_to_8_kib(void **state)
{
	struct with_options body;

	(void)state;
	begin_options(&body);
	add_option(&body, 1, HELLO_BODY_MAX - PLAIN_LEN - 4);
	assert_int_equal(body.len, HELLO_BODY_MAX);
	assert_int_equal(read_options(&body), HELLO_GOOD);
	begin_options(&body);
	add_option(&body, 1, HELLO_BODY_MAX - PLAIN_LEN - 3);
	assert_int_equal(read_options(&body), HELLO_LEN);
}

static void test_every_fault_has_a_text(void **state)
{
	(void)state;
	assert_string_equal(hello_fault_text(HELLO_GOOD), "");
	for (int i = HELLO_GOOD + 1; i < HELLO_FAULTS; i++)
		assert_true(strlen(hello_fault_text((enum hello_fault)i)) > 10);
}

static void test_version_chosen(void **state)
{
	static const struct {
		uint8_t a[2];
		uint8_t b[2];
		uint8_t version;
	} cases[] = {
		{ { 1, 1 }, { 1, 1 }, 1 },
		{ { 1, 3 }, { 1, 1 }, 1 },
		{ { 1, 3 }, { 2, 5 }, 3 },
		{ { 1, 5 }, { 2, 3 }, 3 },
		{ { 1, 2 }, { 2, 3 }, 2 },
		{ { 1, 1 }, { 2, 3 }, 0 },
		{ { 1, 3 }, { 4, 4 }, 0 },
		{ { 1, 255 }, { 1, 255 }, 255 },
		{ { 255, 255 }, { 1, 254 }, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct hello a = plain, b = plain;

		a.version_min = cases[i].a[0];
		a.version_max = cases[i].a[1];
		b.version_min = cases[i].b[0];
		b.version_max = cases[i].b[1];
		for (int turn = 0; turn < 2; turn++) {
			struct hello_choice choice =
				turn == 0 ? hello_choose(&a, &b) :
					    hello_choose(&b, &a);

			assert_int_equal(choice.version, cases[i].version);
			assert_int_equal(choice.suite != 0,
					 cases[i].version != 0);
			assert_int_equal(choice.pattern != 0,
					 cases[i].version != 0);
		}
	}
}

static struct hello_list list_of(const char *items)
{
	struct hello_list list = { 0 };

	for (; *items != '\0'; items++)
		list.item[list.n++] = (uint8_t)*items;
	return list;
}

/* 2 if both have it, else 1; who does not have 1 has nothing. */
static void test_suite_chosen(void **state)
{
	static const struct {
		const char *a;
		const char *b;
		uint8_t suite;
	} cases[] = {
		{ "\1", "\1", 1 },           { "\2\1", "\1", 1 },
		{ "\2\1", "\2\1", 2 },       { "\1\2", "\1\2", 2 },
		{ "\1\2", "\2\1", 2 },       { "\2", "\2\1", 0 },
		{ "\2", "\2", 0 },           { "\7", "\1", 0 },
		{ "\7\10\1", "\7\10\1", 1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct hello a = plain, b = plain;

		a.suites = list_of(cases[i].a);
		b.suites = list_of(cases[i].b);
		assert_int_equal(hello_choose(&a, &b).suite, cases[i].suite);
		assert_int_equal(hello_choose(&b, &a).suite, cases[i].suite);
	}
}

static void test_pattern_chosen(void **state)
{
	static const struct {
		const char *dialer;
		const char *accepter;
		uint8_t pattern;
	} cases[] = {
		{ "\1", "\1", 1 },
		{ "\2\3\1", "\1\2\3", 2 },
		{ "\3\2\1", "\1\2\3", 3 },
		{ "\1\2\3", "\3\2\1", 1 },
		{ "\2\3\1", "\1\3", 3 },
		{ "\4", "\1\2\3", 0 },
		{ "\22\23\21", "\2\3\1", 0 },
		{ "\66\2", "\2\66",
		  0x36 }, /* new to us, but a rule is a rule */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct hello dialer = plain, accepter = plain;

		dialer.patterns = list_of(cases[i].dialer);
		accepter.patterns = list_of(cases[i].accepter);
		assert_int_equal(hello_choose(&dialer, &accepter).pattern,
				 cases[i].pattern);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes_are_those_of_the_page),
		cmocka_unit_test(test_reads_what_was_written),
		cmocka_unit_test(test_cut_at_every_byte),
		cmocka_unit_test(test_each_field_is_judged),
		cmocka_unit_test(test_largest_record),
		cmocka_unit_test(test_length_of_lists),
		cmocka_unit_test(test_64_options_and_no_more),
		cmocka_unit_test(test_options_cut_at_every_byte),
		cmocka_unit_test(test_padded_to_8_kib),
		cmocka_unit_test(test_every_fault_has_a_text),
		cmocka_unit_test(test_version_chosen),
		cmocka_unit_test(test_suite_chosen),
		cmocka_unit_test(test_pattern_chosen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
