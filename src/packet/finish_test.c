/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finishing checksums, in place and in a copy. The results are judged by a sum
 * of its own, byte by byte.
 */
#include "packet/finish.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bits.h"
#include "tests/frame.h"
#include "tests/pseudo.h"
#include "wire/inet.h"

/* A packet with an unfinished checksum, in pieces of their own blocks. */
struct made {
	uint8_t byte[FRAME_SIZE]; /* the whole, as it was made */
	size_t len;
	struct iovec seg[VIF_PACKET_SEG_MAX];
	struct vif_packet packet;
	size_t l3_off, l4_off, csum_off;
};

static void make(const char *layers, struct made *made)
{
	struct frame frame = frame_make(layers);
	struct inet inet;
	size_t l4_len;

	assert_int_equal(inet_parse(frame.byte, frame.len,
				    strncmp(layers, "eth", 3) == 0, &inet),
			 0);
	l4_len = frame.len - inet.l4_off;
	*made = (struct made){
		.len = frame.len,
		.l3_off = inet.l3_off,
		.l4_off = inet.l4_off,
		.csum_off = inet.proto == INET_PROTO_TCP ? INET_TCP_CSUM :
							   INET_UDP_CSUM,
	};
	memcpy(made->byte, frame.byte, frame.len);
	checksum_store(made->byte + inet.l4_off + made->csum_off,
		       pseudo(made->byte + inet.l3_off, inet.proto, l4_len));
}

/* Takes the packet apart at these offsets; the last one is 0. */
static void split(struct made *made, const size_t *at)
{
	size_t from = 0;
	uint16_t n = 0;

	for (size_t to = 1; to != made->len; from = to) {
		to = *at != 0 ? *at++ : made->len;
		made->seg[n].iov_len = to - from;
		made->seg[n].iov_base = malloc(to > from ? to - from : 1);
		assert_non_null(made->seg[n].iov_base);
		memcpy(made->seg[n++].iov_base, made->byte + from, to - from);
	}
	made->packet = (struct vif_packet){
		.seg = made->seg,
		.len = (uint32_t)made->len,
		.n_seg = n,
		.flags = VIF_PACKET_HOSTILE,
		.l3_off = (uint16_t)made->l3_off,
		.l4_off = (uint16_t)made->l4_off,
		.csum_off = (uint16_t)made->csum_off,
		.csum = VIF_CSUM_PARTIAL,
	};
}

static void unmake(struct made *made)
{
	for (size_t i = 0; i < VIF_PACKET_SEG_MAX; i++)
		free(made->seg[i].iov_base);
}

/* The checksum byte by byte, as RFC 1071 has it in section 4.1. */
static uint16_t slow_checksum(const struct made *made)
{
	uint32_t sum = 0;

	for (size_t i = made->l4_off; i < made->len; i++)
		sum += (uint32_t)made->byte[i]
		       << ((i - made->l4_off) % 2 == 0 ? 8 : 0);
	while (sum > 0xffff)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/* The whole packet as it has to be afterwards. */
static void expect(struct made *made)
{
	uint16_t checksum = slow_checksum(made);

	if (checksum == 0 && made->csum_off == INET_UDP_CSUM)
		checksum = 0xffff;
	put_be16(made->byte + made->l4_off + made->csum_off, checksum);
}

static void assert_finished(const struct vif_packet *packet,
			    const struct made *made)
{
	size_t off = 0;

	assert_int_equal(packet->csum, VIF_CSUM_COMPLETE);
	assert_int_equal(packet->l3_off, 0);
	assert_int_equal(packet->l4_off, 0);
	assert_int_equal(packet->csum_off, 0);
	assert_int_equal(packet->flags, VIF_PACKET_HOSTILE);
	assert_int_equal(packet->len, made->len);
	for (uint16_t i = 0; i < packet->n_seg; i++) {
		assert_true(off + packet->seg[i].iov_len <= made->len);
		assert_memory_equal(packet->seg[i].iov_base, made->byte + off,
				    packet->seg[i].iov_len);
		off += packet->seg[i].iov_len;
	}
	assert_int_equal(off, made->len);
}

static const char *const packets[] = {
	"ip4 udp data+11",          "ip4 tcp data+1000",
	"ip4+8 tcp+12 data+1",      "ip4 tcp data+0",
	"ip6 udp data+333",         "ip6 dst+8 tcp+20 data+64",
	"eth vlan ip4 tcp data+77", "eth qinq vlan ip6 udp data+500",
};

static const size_t ways[][4] = {
	{ 0 },
	{ 150, 0 },
	{ 151, 152, 0 },
	{ 149, 149, 200, 0 },
};

typedef void try_finish(struct made *made);

static void try_all(try_finish *finish)
{
	for (size_t p = 0; p < ARRAY_LEN(packets); p++) {
		for (size_t w = 0; w < ARRAY_LEN(ways); w++) {
			struct made made;

			make(packets[p], &made);
			if (w > 0 && made.len <= 200)
				continue;
			split(&made, ways[w]);
			expect(&made);
			finish(&made);
			unmake(&made);
		}
	}
}

static void in_place(struct made *made)
{
	assert_int_equal(finish_packet(&made->packet), 0);
	assert_finished(&made->packet, made);
}

static void in_copy(struct made *made)
{
	uint8_t *header = malloc(VIF_PACKET_HDR_MAX);
	struct iovec *seg = calloc(made->packet.n_seg + 1u, sizeof(*seg));
	struct vif_packet before = made->packet;
	uint8_t *first = made->seg[0].iov_base;
	uint8_t field[2];
	struct vif_packet copy;

	assert_true(header && seg);
	memcpy(field, first + made->l4_off + made->csum_off, 2);
	assert_int_equal(finish_copy(&made->packet, header, seg, &copy), 0);
	assert_memory_equal(first + made->l4_off + made->csum_off, field, 2);
	assert_memory_equal(&made->packet, &before, sizeof(before));
	assert_ptr_equal(copy.seg[0].iov_base, header);
	/* What has been copied is not read again, whoever changes it. */
	assert_true(copy.seg[0].iov_len <= VIF_PACKET_HDR_MAX);
	memset(first, 'x', copy.seg[0].iov_len);
	assert_finished(&copy, made);
	free(seg);
	free(header);
}

static void finishes_in_place(void **state)
{
	(void)state;
	try_all(in_place);
}

static void finishes_a_copy(void **state)
{
	(void)state;
	try_all(in_copy);
}

/* C5: payload that makes the sum come out as ffff, so the checksum as 0. */
static void zero_of(const char *layers, uint16_t want)
{
	struct made made;
	uint16_t checksum;

	make(layers, &made);
	put_be16(made.byte + made.len - 2, 0);
	checksum = slow_checksum(&made);
	put_be16(made.byte + made.len - 2, checksum);
	assert_int_equal(slow_checksum(&made), 0);
	split(&made, ways[0]);
	assert_int_equal(finish_packet(&made.packet), 0);
	assert_int_equal(get_be16((uint8_t *)made.seg[0].iov_base +
				  made.l4_off + made.csum_off),
			 want);
	unmake(&made);
}

static void zero_of_udp_is_ffff(void **state)
{
	(void)state;
	zero_of("ip4 udp data+2", 0xffff);
	zero_of("ip6 udp data+2", 0xffff);
}

static void zero_of_tcp_stays(void **state)
{
	(void)state;
	zero_of("ip4 tcp data+2", 0);
	zero_of("ip6 tcp data+2", 0);
}

static void others_are_left_as_they_are(void **state)
{
	static const uint8_t states[] = { VIF_CSUM_COMPLETE,
					  VIF_CSUM_VERIFIED };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(states); i++) {
		uint8_t header[VIF_PACKET_HDR_MAX];
		struct iovec seg[2];
		struct vif_packet before, copy;
		struct made made;

		make("ip4 udp data+11", &made);
		split(&made, ways[0]);
		made.packet.csum = states[i];
		before = made.packet;
		assert_int_equal(finish_packet(&made.packet), 0);
		assert_memory_equal(&made.packet, &before, sizeof(before));
		assert_int_equal(finish_copy(&made.packet, header, seg, &copy),
				 0);
		assert_int_equal(copy.csum, states[i]);
		assert_memory_equal(header, made.byte, made.len);
		unmake(&made);
	}
}

static void refused(struct made *made, bool in_place_too)
{
	uint8_t header[VIF_PACKET_HDR_MAX];
	struct iovec seg[VIF_PACKET_SEG_MAX + 1];
	struct vif_packet before = made->packet, copy = { .len = 1 };

	if (in_place_too)
		assert_int_equal(finish_packet(&made->packet), -EINVAL);
	assert_memory_equal(&made->packet, &before, sizeof(before));
	assert_int_equal(finish_copy(&made->packet, header, seg, &copy),
			 -EINVAL);
	assert_int_equal(copy.len, 1);
}

static void impossible_ones_are_refused(void **state)
{
	struct made made;

	(void)state;
	make("ip4 udp data+11", &made);
	split(&made, ways[0]);
	made.packet.gso = VIF_GSO_UDP;
	refused(&made, true);
	made.packet.gso = VIF_GSO_NONE;
	made.packet.csum_off = 19 - 2 + 1; /* half behind the end */
	refused(&made, true);
	made.packet.csum_off = UINT16_MAX;
	made.packet.l4_off = UINT16_MAX;
	refused(&made, true);
	made.packet.n_seg = 0;
	refused(&made, true);
	unmake(&made);
}

static void long_heads_are_refused_in_a_copy(void **state)
{
	struct made made;

	(void)state;
	make("ip6 dst+96 dst+32 tcp data+11", &made);
	split(&made, ways[0]);
	assert_true(made.l4_off + made.csum_off + 2 > VIF_PACKET_HDR_MAX);
	refused(&made, false);
	expect(&made);
	in_place(&made);
	unmake(&made);
}

static void pieces_are_limited(void **state)
{
	size_t at[VIF_PACKET_SEG_MAX];
	struct made made;

	(void)state;
	for (size_t i = 0; i + 1 < VIF_PACKET_SEG_MAX; i++)
		at[i] = 200 + i;
	at[VIF_PACKET_SEG_MAX - 1] = 0;
	make("ip4 udp data+1000", &made);
	split(&made, at);
	assert_int_equal(made.packet.n_seg, VIF_PACKET_SEG_MAX);
	refused(&made, false);
	unmake(&made);
	for (size_t i = 0; i + 1 < VIF_PACKET_SEG_MAX; i++)
		at[i] = 100 + i;
	make("ip4 udp data+1000", &made);
	split(&made, at);
	expect(&made);
	in_copy(&made);
	unmake(&made);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finishes_in_place),
		cmocka_unit_test(finishes_a_copy),
		cmocka_unit_test(zero_of_udp_is_ffff),
		cmocka_unit_test(zero_of_tcp_stays),
		cmocka_unit_test(others_are_left_as_they_are),
		cmocka_unit_test(impossible_ones_are_refused),
		cmocka_unit_test(long_heads_are_refused_in_a_copy),
		cmocka_unit_test(pieces_are_limited),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
