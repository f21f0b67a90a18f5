/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Walking through the segments of a superpacket: cases S23 to S26 and C6 of the
 * study this work follows. Superpackets are random; a naive sum that shares no
 * code with ours judges their checksums.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bits.h"
#include "packet/copy.h"
#include "packet/cut.h"
#include "tests/super.h"

enum {
	SUPERS = 4000,
};

static const char *const layers[] = {
	"ip4 tcp data+1500",
	"ip4+12 tcp+12 data+1501",
	"ip4+40 tcp+40 data+999",
	"ip4 udp data+1502",
	"ip6 tcp data+1503",
	"ip6 hop dst+16 tcp+20 data+1504",
	"ip6 route udp data+1505",
	"eth ip4 tcp data+1506",
	"eth vlan ip6 tcp+12 data+1507",
	"eth qinq vlan ip6 dst udp data+1508",
};

static uint32_t random_below(uint64_t *seed, uint32_t n)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(*seed >> 33) % n;
}

/* A superpacket with random bytes where the headers leave a choice. */
static void make_random(uint64_t *seed, struct super *super)
{
	const char *name = layers[random_below(seed, ARRAY_LEN(layers))];
	uint32_t size = 1 + random_below(seed, 1 + random_below(seed, 2000));
	struct naive found;
	uint8_t *l4;

	super_make(name, (uint16_t)size, super);
	l4 = super->byte + super->packet.l4_off;
	for (size_t i = super->packet.hdr_len; i < super->packet.len; i++)
		super->byte[i] = (uint8_t)random_below(seed, 256);
	if (super->packet.gso != VIF_GSO_UDP) {
		for (int i = 0; i < 12; i++)
			l4[i] = (uint8_t)random_below(seed, 256);
		l4[13] = (uint8_t)random_below(seed, 256);
	}
	/* In one of four, all payload is 0 or ff. */
	if (random_below(seed, 4) == 0)
		memset(super->byte + super->packet.hdr_len,
		       random_below(seed, 2) ? 0 : 0xff,
		       super->packet.len - super->packet.hdr_len);
	super_finish(super, &found);
}

static struct cut start(const struct super *super, bool finish)
{
	struct cut cut;

	assert_int_equal(cut_start(&cut, &super->packet, super->medium, finish),
			 0);
	return cut;
}

/* The next segment in one piece; returns its length, or 0. */
static size_t next(struct cut *cut, uint8_t *to)
{
	uint8_t header[VIF_PACKET_HDR_MAX];
	struct vif_packet segment;
	struct iovec seg[2], one;

	if (!cut_next(cut, header, seg, ARRAY_LEN(seg), &segment))
		return 0;
	return packet_copy(&segment, to, &one).len;
}

/*
 * C6: a segment that is left unfinished is finished by summing it up, and is
 * then the finished one, bit for bit; every one verifies.
 */
static void c6_neutral(void **state)
{
	uint8_t done[FRAME_SIZE], left[FRAME_SIZE];
	uint64_t seed = 6;

	(void)state;
	for (uint32_t i = 0; i < SUPERS; i++) {
		struct super super;
		struct cut a, b;
		size_t len;

		make_random(&seed, &super);
		a = start(&super, true);
		b = start(&super, false);
		while ((len = next(&a, done)) > 0) {
			size_t l3 = super.packet.l3_off;
			size_t l4 = super.packet.l4_off;
			size_t at = l4 + super.packet.csum_off;
			uint16_t sum;

			assert_int_equal(next(&b, left), len);
			assert_true(naive_good(done + l3, len - l3));
			assert_true(naive_seeded(left + l3, len - l3));
			sum = (uint16_t)~naive_add(0, left + l4, len - l4);
			if (sum == 0 && super.packet.gso == VIF_GSO_UDP)
				sum = 0xffff;
			put_be16(left + at, sum);
			assert_memory_equal(done, left, len);
		}
		assert_int_equal(next(&b, left), 0);
		free(super.byte);
	}
}

/* One round of a caller with room for few segments; returns how many it got. */
static uint32_t take(struct cut *cut, struct cut *all, uint32_t capacity)
{
	uint8_t part[FRAME_SIZE], whole[FRAME_SIZE];
	uint32_t n = 0;
	size_t len;

	while (n < capacity && (len = next(cut, part)) > 0) {
		assert_int_equal(next(all, whole), len);
		assert_memory_equal(whole, part, len);
		n++;
	}
	return n;
}

/*
 * S23: with room for fewer segments than there are, for one at the least, a
 * caller goes on later where it stopped, with nothing lost, repeated, or one
 * too many. What it keeps meanwhile is the struct.
 */
static void s23_resume(void **state)
{
	uint8_t none[FRAME_SIZE];
	uint64_t seed = 23;

	(void)state;
	for (uint32_t i = 0; i < 500; i++) {
		uint32_t capacity = 1 + i % 5;
		uint32_t n = 0, got;
		struct super super;
		struct cut all, cut;

		make_random(&seed, &super);
		all = start(&super, true);
		cut = start(&super, true);
		do {
			struct cut kept = cut;

			got = take(&kept, &all, capacity);
			n += got;
			cut = kept;
		} while (got == capacity);
		assert_int_equal(n, cut_count(&cut));
		assert_int_equal(next(&all, none), 0);
		free(super.byte);
	}
}

/*
 * S24: who stops at a segment owes nothing. There is no callback that could
 * fail; a cut that was begun holds no memory, has changed nothing, and the
 * packet can be cut again from the start.
 */
static void s24_abandon(void **state)
{
	uint8_t first[FRAME_SIZE], again[FRAME_SIZE], before[FRAME_SIZE];
	uint64_t seed = 24;

	(void)state;
	for (uint32_t k = 0; k < 300; k++) {
		struct super super;
		struct cut cut;
		size_t len;

		make_random(&seed, &super);
		memcpy(before, super.byte, super.packet.len);
		cut = start(&super, true);
		len = next(&cut, first);
		for (uint32_t i = 0; i < k % 7; i++)
			(void)next(&cut, again); /* may be the end */
		cut = start(&super, true);
		assert_int_equal(next(&cut, again), len);
		assert_memory_equal(first, again, len);
		assert_memory_equal(before, super.byte, super.packet.len);
		free(super.byte);
	}
}

/* S25: in place, the payload of later segments stays until their turn. */
static void s25_in_place(void **state)
{
	uint8_t before[FRAME_SIZE], apart[FRAME_SIZE];
	uint64_t seed = 25;

	(void)state;
	for (uint32_t i = 0; i < SUPERS; i++) {
		struct vif_packet segment;
		struct cut cut, other;
		struct super super, copy;
		struct iovec seg;
		size_t at;

		make_random(&seed, &super);
		memcpy(before, super.byte, super.packet.len);
		copy = super;
		copy.packet.seg = &copy.seg;
		copy.seg.iov_base = before;
		at = super.packet.hdr_len;
		cut = start(&super, true);
		other = start(&copy, true);
		while (cut_next_in_place(&cut, &seg, &segment)) {
			assert_int_equal(next(&other, apart), segment.len);
			assert_memory_equal(apart, seg.iov_base, segment.len);
			at += segment.len - super.packet.hdr_len;
			assert_memory_equal(super.byte + at, before + at,
					    super.packet.len - at);
		}
		assert_int_equal(at, super.packet.len);
		free(super.byte);
	}
}

/* S25: whoever cuts some in place can go on apart, and the other way round. */
static void s25_in_turns(void **state)
{
	uint8_t before[FRAME_SIZE], apart[FRAME_SIZE], turns[FRAME_SIZE];
	uint64_t seed = 27;

	(void)state;
	for (uint32_t i = 0; i < SUPERS; i++) {
		struct vif_packet segment;
		struct cut cut, other;
		struct super super, copy;
		struct iovec seg;
		size_t len;

		make_random(&seed, &super);
		memcpy(before, super.byte, super.packet.len);
		copy = super;
		copy.packet.seg = &copy.seg;
		copy.seg.iov_base = before;
		cut = start(&super, true);
		other = start(&copy, true);
		for (uint32_t k = i; (len = next(&other, apart)) > 0; k++) {
			if (k % 3 == 0) {
				assert_int_equal(next(&cut, turns), len);
				assert_memory_equal(turns, apart, len);
				continue;
			}
			assert_true(cut_next_in_place(&cut, &seg, &segment));
			assert_int_equal(segment.len, len);
			assert_memory_equal(seg.iov_base, apart, len);
		}
		assert_int_equal(next(&cut, turns), 0);
		free(super.byte);
	}
}

/*
 * S26: payload is pointed at where it lies. That nothing is allocated is shown
 * by alloc_test.c.
 */
static void s26_no_copy(void **state)
{
	uint64_t seed = 26;

	(void)state;
	for (uint32_t i = 0; i < 300; i++) {
		uint8_t header[VIF_PACKET_HDR_MAX];
		struct vif_packet segment;
		struct iovec seg[2];
		struct super super;
		struct cut cut;
		uint8_t *at;

		make_random(&seed, &super);
		at = super.byte + super.packet.hdr_len;
		cut = start(&super, true);
		while (cut_next(&cut, header, seg, 2, &segment)) {
			assert_int_equal(segment.n_seg, 2);
			assert_ptr_equal(seg[0].iov_base, header);
			assert_ptr_equal(seg[1].iov_base, at);
			at += seg[1].iov_len;
		}
		assert_ptr_equal(at, super.byte + super.packet.len);
		free(super.byte);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(c6_neutral),  cmocka_unit_test(s23_resume),
		cmocka_unit_test(s24_abandon), cmocka_unit_test(s25_in_place),
		cmocka_unit_test(s26_no_copy), cmocka_unit_test(s25_in_turns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
