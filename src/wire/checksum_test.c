/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Internet checksum: every body by itself against a naive sum. C1 to C4 are
 * the names of cases in the study this work follows; C5 and C6 are in the tests
 * of cutting.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <arpa/inet.h>

#include <cmocka.h>

#include "tests/naive.h"
#include "wire/bytes.h"
#include "wire/checksum.h"

enum {
	LEN_MAX = 65535,
	ALIGN_MAX = 64,
};

/* A sum of words in memory, as the number naive_add() gives. */
static uint16_t in_network_order(uint64_t sum)
{
	uint8_t bytes[2];

	checksum_store(bytes, checksum_fold(sum));
	return get_be16(bytes);
}

/* 0 and ffff are the same number; a sum of zeros is the only real 0. */
static void assert_same(uint16_t a, uint16_t b)
{
	assert_int_equal(a % 0xffff, b % 0xffff);
}

/* Exactly as long as it says, for the address sanitizer. */
static void check_len(const struct checksum_body *body, const uint8_t *pattern,
		      size_t len, size_t align)
{
	uint8_t *room = malloc(align + len > 0 ? align + len : 1);
	uint8_t *data = room + align;

	assert_non_null(room);
	memcpy(data, pattern, len);
	assert_same(in_network_order(body->sum(data, len)),
		    naive_add(0, data, len));
	free(room);
}

static void fill(uint8_t *pattern, int kind)
{
	uint32_t x = 12345;

	for (size_t i = 0; i < LEN_MAX; i++) {
		x = x * 1664525 + 1013904223;
		pattern[i] = kind == 0 ? 0xff :
			     kind == 1 ? 0x00 :
			     kind == 2 ? (uint8_t)i :
					 (uint8_t)(x >> 24);
	}
}

/* All the sums with one body: every length at some alignment, to the byte. */
static void check_body(const struct checksum_body *body, const uint8_t *pattern)
{
	for (size_t len = 0; len <= 600; len++)
		check_len(body, pattern, len, len % ALIGN_MAX);
	for (size_t len = 601; len <= 4096; len += 13)
		check_len(body, pattern, len, len % ALIGN_MAX);
	for (size_t tail = 0; tail < 130; tail++)
		check_len(body, pattern, LEN_MAX - tail, tail % 16);
	for (size_t align = 0; align < ALIGN_MAX; align++)
		check_len(body, pattern, 1500, align);
}

/* Every length at every alignment, on top of each of these sums. */
static void check_seeds(const struct checksum_body *body,
			const uint8_t *pattern)
{
	static const uint16_t seeds[] = { 0, 1, 0xffff, 0x8000 };
	uint8_t *room = malloc(16 + 4096);

	assert_non_null(room);
	for (size_t align = 0; align < 16; align++) {
		uint16_t whole = 0; /* of the words before an odd last byte */

		memcpy(room + align, pattern, 4096);
		for (size_t len = 0; len <= 4096; len++) {
			uint64_t sum = body->sum(room + align, len);
			uint16_t want = whole;

			if (len % 2)
				want = naive_add(whole, pattern + len - 1, 1);
			else if (len > 0)
				want = whole =
					naive_add(whole, pattern + len - 2, 2);
			for (int i = 0; i < 4; i++)
				assert_same(
					in_network_order(sum + htons(seeds[i])),
					(uint16_t)((want + seeds[i]) % 0xffff));
		}
	}
	free(room);
}

/*
 * C1, C2: lengths, alignments, sums to begin with, and patterns, for each body
 * and not only for the one that is chosen.
 */
static void c1_c2_every_body(void **state)
{
	uint8_t *pattern = malloc(LEN_MAX);
	size_t tried = 0;

	(void)state;
	assert_non_null(pattern);
	for (size_t b = 0; b < checksum_n_bodies; b++) {
		const struct checksum_body *body = &checksum_bodies[b];

		if (!body->supported()) {
			print_message("SKIP: this CPU has no %s\n", body->name);
			continue;
		}
		tried++;
		for (int kind = 0; kind < 4; kind++) {
			fill(pattern, kind);
			check_body(body, pattern);
			check_seeds(body, pattern);
		}
	}
	assert_true(tried > 0);
	free(pattern);
}

static void test_dispatcher(void **state)
{
	uint8_t pattern[2048];

	(void)state;
	for (size_t i = 0; i < sizeof(pattern); i++)
		pattern[i] = (uint8_t)(i * 7 + i / 256);
	for (size_t len = 0; len <= sizeof(pattern); len++)
		assert_same(in_network_order(checksum_sum(pattern, len)),
			    naive_add(0, pattern, len));
}

/* C3: what folds to 0 and to ffff. */
static void c3_fold(void **state)
{
	(void)state;
	assert_int_equal(checksum_fold(0), 0);
	assert_int_equal(checksum_fold(0xffff), 0xffff);
	assert_int_equal(checksum_fold(0x10000), 1);
	assert_int_equal(checksum_fold(0x1fffe), 0xffff);
	assert_int_equal(checksum_fold(0xffffffff), 0xffff);
	assert_int_equal(checksum_fold(UINT64_MAX), 0xffff);
	assert_int_equal(checksum_fold(0xffff000000000001), 1);
	assert_int_equal(checksum_fold(0x0001000100010001), 4);
}

/*
 * C4: sums far beyond 16 bits, such as come from adding many, keep their value
 * modulo 65535, and only 0 becomes 0.
 */
static void c4_fold_any(void **state)
{
	uint64_t x = 1;

	(void)state;
	for (int i = 0; i < 1000000; i++) {
		uint64_t sum = x >> (i % 64);

		assert_int_equal(checksum_fold(sum) % 0xffff, sum % 0xffff);
		assert_int_equal(checksum_fold(sum) == 0, sum == 0);
		x = x * 6364136223846793005u + 1442695040888963407u;
	}
}

/* Pieces of every length, odd ones too, add up to the whole. */
static void test_append(void **state)
{
	uint8_t data[300];

	(void)state;
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 37 + 11);
	for (size_t a = 0; a < 64; a++) {
		for (size_t b = a; b < 130; b++) {
			uint64_t sum = checksum_sum(data, a);

			sum = checksum_append(
				sum, checksum_sum(data + a, b - a), a & 1);
			sum = checksum_append(
				sum, checksum_sum(data + b, sizeof(data) - b),
				b & 1);
			assert_same(in_network_order(sum),
				    naive_add(0, data, sizeof(data)));
		}
	}
}

/* RFC 1624: a header whose word changes, with its own example. */
static void test_update(void **state)
{
	uint8_t header[20] = { 0x45, 0, 0, 84, 0x12, 0x34, 0x40, 0, 64, 1 };

	(void)state;
	checksum_store(header + 10,
		       (uint16_t)~checksum_fold(checksum_sum(header, 20)));
	for (uint32_t ttl = 0; ttl < 256; ttl++) {
		uint16_t before = checksum_load(header + 8);

		header[8] = (uint8_t)(ttl * 83);
		checksum_store(header + 10,
			       checksum_update(checksum_load(header + 10),
					       before,
					       checksum_load(header + 8)));
		assert_int_equal(naive_add(0, header, 20), 0xffff);
	}
	assert_int_equal(checksum_update(0xdd2f, 0x5555, 0x3285), 0x0000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(c1_c2_every_body),
		cmocka_unit_test(test_dispatcher),
		cmocka_unit_test(c3_fold),
		cmocka_unit_test(c4_fold_any),
		cmocka_unit_test(test_append),
		cmocka_unit_test(test_update),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
