/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the headers of records and frames: each field in its place. */
#include "wire/trunk_record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void test_record_header(void **state)
{
	static const uint8_t bytes[RECORD_HEADER_LEN] = {
		0x05, 0x01, 0x12, 0x34, 0x89, 0xab, 0xcd, 0xef,
	};
	struct record_header header = record_header_read(bytes);
	uint8_t written[RECORD_HEADER_LEN];

	(void)state;
	assert_int_equal(header.type, RECORD_SEALED);
	assert_int_equal(header.flags, RECORD_DATA);
	assert_int_equal(header.len, 0x1234);
	assert_int_equal(header.circuit, 0x89abcdef);
	record_header_write(&header, written);
	assert_memory_equal(written, bytes, sizeof(bytes));
}

static void test_frame_header(void **state)
{
	static const uint8_t bytes[FRAME_HEADER_LEN] = {
		0x01, 0x07, 0xfe, 0xdc, 0x80, 0x00, 0x00, 0x01,
		0x81, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08,
	};
	struct frame_header header = frame_header_read(bytes);
	uint8_t written[FRAME_HEADER_LEN];

	(void)state;
	assert_int_equal(header.type, FRAME_DATA);
	assert_int_equal(header.flags, FRAME_DATA_FLAGS);
	assert_int_equal(header.len, 0xfedc);
	assert_int_equal(header.id, 0x80000001);
	assert_true(header.value == UINT64_C(0x8102030405060708));
	frame_header_write(&header, written);
	assert_memory_equal(written, bytes, sizeof(bytes));
}

/* They may lie anywhere in a record. */
static void test_unaligned(void **state)
{
	uint8_t bytes[FRAME_HEADER_LEN + 8];
	struct frame_header header = {
		.type = 3,
		.len = 4,
		.id = 5,
		.value = UINT64_MAX - 1,
	};

	(void)state;
	for (size_t at = 0; at < 8; at++) {
		struct frame_header got;

		frame_header_write(&header, bytes + at);
		got = frame_header_read(bytes + at);
		assert_memory_equal(&got, &header, sizeof(got));
	}
}

static void test_numbers(void **state)
{
	uint8_t bytes[4];

	(void)state;
	put_be32(bytes, 0x01020304);
	assert_memory_equal(bytes, "\1\2\3\4", 4);
	assert_int_equal(get_be32(bytes), 0x01020304);
	put_be32(bytes, UINT32_MAX);
	assert_int_equal(get_be32(bytes), UINT32_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_record_header),
		cmocka_unit_test(test_frame_header),
		cmocka_unit_test(test_unaligned),
		cmocka_unit_test(test_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
