/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of copying a packet. */
#include "packet/copy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static void pieces_become_one(void **state)
{
	char a[] = "one", b[] = "", c[] = "three";
	struct iovec pieces[] = { { a, 3 }, { b, 0 }, { c, 5 } };
	struct vif_packet packet = {
		.seg = pieces,
		.len = 8,
		.n_seg = 3,
		.flags = VIF_PACKET_ECN,
		.l3_off = 1,
		.l4_off = 2,
		.csum_off = 3,
		.hdr_len = 4,
		.gso_size = 5,
		.gso = VIF_GSO_TCP4,
		.csum = VIF_CSUM_PARTIAL,
	};
	uint8_t *to = malloc(8);
	struct vif_packet copy, want;
	struct iovec seg;

	(void)state;
	assert_non_null(to);
	copy = packet_copy(&packet, to, &seg);
	memset(a, 'x', sizeof(a)); /* nothing refers to the original */
	memset(c, 'x', sizeof(c));
	want = packet;
	want.seg = &seg;
	want.n_seg = 1;
	assert_memory_equal(&copy, &want, sizeof(want));
	assert_ptr_equal(seg.iov_base, to);
	assert_int_equal(seg.iov_len, 8);
	assert_memory_equal(to, "onethree", 8);
	free(to);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces_become_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
