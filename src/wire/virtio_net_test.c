/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of virtio_net_hdr and of numbers in network byte order. */
#include "wire/virtio_net.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "wire/bytes.h"

static void header_survives_any_alignment(void **state)
{
	const struct virtio_net header = { 1, 0x84, 66, 1448, 34, 16 };
	struct virtio_net back;
	uint8_t bytes[16];

	(void)state;
	for (size_t at = 0; at + VIRTIO_NET_LEN < sizeof(bytes); at++) {
		memset(bytes, 0xee, sizeof(bytes));
		virtio_net_put(&header, bytes + at);
		assert_int_equal(bytes[at + VIRTIO_NET_LEN], 0xee);
		back = virtio_net_get(bytes + at);
		assert_memory_equal(&back, &header, sizeof(header));
	}
}

static void header_has_the_kernel_layout(void **state)
{
	const uint16_t number[] = { 66, 1448, 34, 16 };
	uint8_t bytes[VIRTIO_NET_LEN] = { 1, 4 };
	struct virtio_net header;

	(void)state;
	memcpy(bytes + 2, number, sizeof(number));
	header = virtio_net_get(bytes);
	assert_int_equal(header.flags, VIRTIO_NET_NEEDS_CSUM);
	assert_int_equal(header.gso_type, VIRTIO_NET_GSO_TCP6);
	assert_int_equal(header.hdr_len, 66);
	assert_int_equal(header.gso_size, 1448);
	assert_int_equal(header.csum_start, 34);
	assert_int_equal(header.csum_offset, 16);
}

static void big_endian_at_any_alignment(void **state)
{
	static const uint16_t values[] = { 0, 1, 0x80, 0x0100, 0xfffe, 0xffff };
	uint8_t bytes[8];

	(void)state;
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		for (size_t at = 0; at < 4; at++) {
			memset(bytes, 0xee, sizeof(bytes));
			put_be16(bytes + at, values[i]);
			assert_int_equal(bytes[at], values[i] >> 8);
			assert_int_equal(bytes[at + 1], values[i] & 0xff);
			assert_int_equal(bytes[at + 2], 0xee);
			assert_int_equal(get_be16(bytes + at), values[i]);
		}
	}
}

static void native_reads_just_its_bytes(void **state)
{
	uint8_t *bytes = malloc(9);
	uint64_t eight;
	uint32_t four;

	(void)state;
	assert_non_null(bytes);
	for (uint8_t i = 0; i < 9; i++)
		bytes[i] = i;
	memcpy(&eight, bytes + 1, 8);
	memcpy(&four, bytes + 5, 4);
	assert_true(get_native64(bytes + 1) == eight);
	assert_true(get_native32(bytes + 5) == four);
	free(bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(header_survives_any_alignment),
		cmocka_unit_test(header_has_the_kernel_layout),
		cmocka_unit_test(big_endian_at_any_alignment),
		cmocka_unit_test(native_reads_just_its_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
