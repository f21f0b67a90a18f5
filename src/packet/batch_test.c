/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of batches. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <vif/packet.h>

#include "base/bits.h"

struct new_case {
	uint32_t n_packet;
	uint32_t n_seg;
	int result;
};

static void sizes_are_checked(void **state)
{
	static const struct new_case cases[] = {
		{ 1, 1, 0 },
		{ 4096, 65536, 0 },
		{ 64, 256, 0 },
		{ 0, 0, -EINVAL },
		{ 0, 1, -EINVAL },
		{ 2, 1, -EINVAL },
		{ 4097, 4097, -EINVAL },
		{ 4096, 65537, -EINVAL },
		{ UINT32_MAX, UINT32_MAX, -EINVAL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct vif_batch *batch = NULL;
		int r = vif_batch_new(cases[i].n_packet, cases[i].n_seg,
				      &batch);

		assert_int_equal(r, cases[i].result);
		assert_int_equal(batch != NULL, r == 0);
		if (!batch)
			continue;
		assert_int_equal(batch->n_max, cases[i].n_packet);
		assert_int_equal(batch->n_seg_max, cases[i].n_seg);
		assert_int_equal(batch->n, 0);
		assert_int_equal(batch->n_seg, 0);
		vif_batch_free(batch);
	}
}

static void nothing_is_freed(void **state)
{
	(void)state;
	vif_batch_free(NULL);
}

static void added_packets_are_plain(void **state)
{
	struct vif_batch *batch;
	struct vif_packet plain;
	uint8_t bytes[3] = { 1, 2, 3 };
	struct vif_packet *packet;

	(void)state;
	assert_int_equal(vif_batch_new(2, 2, &batch), 0);
	memset(batch->packet, 0xff, 2 * sizeof(*batch->packet));
	packet = vif_batch_add(batch, bytes, 3);
	assert_ptr_equal(packet, &batch->packet[0]);
	plain = (struct vif_packet){ .seg = batch->seg, .len = 3, .n_seg = 1 };
	assert_memory_equal(packet, &plain, sizeof(plain));
	assert_ptr_equal(batch->seg[0].iov_base, bytes);
	assert_int_equal(batch->seg[0].iov_len, 3);
	packet = vif_batch_add(batch, bytes, VIF_PACKET_LEN_MAX);
	assert_ptr_equal(packet->seg, &batch->seg[1]);
	assert_int_equal(packet->len, VIF_PACKET_LEN_MAX);
	assert_int_equal(batch->n, 2);
	assert_int_equal(batch->n_seg, 2);
	vif_batch_free(batch);
}

static void full_batch_takes_no_more(void **state)
{
	struct vif_batch *batch;
	uint8_t byte = 0;

	(void)state;
	assert_int_equal(vif_batch_new(2, 3, &batch), 0);
	assert_non_null(vif_batch_add(batch, &byte, 1));
	assert_non_null(vif_batch_add(batch, &byte, 1));
	assert_null(vif_batch_add(batch, &byte, 1)); /* no packet left */
	assert_int_equal(batch->n, 2);
	assert_int_equal(batch->n_seg, 2);
	vif_batch_clear(batch);
	assert_int_equal(batch->n, 0);
	assert_int_equal(batch->n_seg, 0);
	batch->n_seg = 3;
	assert_null(vif_batch_add(batch, &byte, 1)); /* no piece left */
	assert_int_equal(batch->n, 0);
	vif_batch_free(batch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes_are_checked),
		cmocka_unit_test(nothing_is_freed),
		cmocka_unit_test(added_packets_are_plain),
		cmocka_unit_test(full_batch_takes_no_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
