/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cutting: the cases with a name in the study this work follows, S1 to S26.
 * Those of what is refused are in cut_hostile_test.c. That the segments are the
 * kernel's own is shown by tests/oracle.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bits.h"
#include "packet/cut.h"
#include "tests/naive.h"
#include "wire/bytes.h"
#include "wire/inet.h"

enum {
	FIN = 0x01,
	PSH = 0x08,
	ACK = 0x10,
	ECE = 0x40,
	CWR = 0x80,
};

/* What a superpacket is made from; zero is TCP over IPv4 without options. */
struct recipe {
	bool eth, ip6, udp;
	uint8_t ip_options, tcp_options, ext; /* bytes */
	uint8_t ext_proto;                    /* 0: hop-by-hop */
	uint8_t align;                        /* of the first byte */
	uint8_t tcp_flags;
	uint16_t ip_id;
	uint32_t seq;
	uint32_t payload;
	uint16_t gso_size;
};

struct made {
	uint8_t *room; /* malloc'ed, ends where the packet does */
	uint8_t *byte;
	struct iovec seg[3];
	struct vif_packet packet;
};

/* Payload byte i, so that every one can be told from its neighbours. */
static uint8_t payload_byte(uint32_t i)
{
	return (uint8_t)(i * 31 + i / 256 * 7);
}

static uint8_t *put_ip(const struct recipe *recipe, uint8_t *ip, uint32_t len)
{
	uint8_t proto = recipe->udp ? INET_PROTO_UDP : INET_PROTO_TCP;

	if (!recipe->ip6) {
		ip[0] = (uint8_t)(0x45 + recipe->ip_options / 4);
		put_be16(ip + 2, (uint16_t)len);
		put_be16(ip + 4, recipe->ip_id);
		ip[8] = 64;
		ip[9] = proto;
		memcpy(ip + 12, (uint8_t[]){ 10, 1, 0, 2, 10, 2, 0, 2 }, 8);
		memset(ip + 20, 1, recipe->ip_options);
		put_be16(ip + 10,
			 (uint16_t)~naive_add(0, ip, 20u + recipe->ip_options));
		return ip + 20 + recipe->ip_options;
	}
	ip[0] = 0x60;
	put_be16(ip + 4, (uint16_t)(len - 40));
	ip[6] = recipe->ext ? recipe->ext_proto : proto;
	ip[7] = 64;
	ip[8] = ip[24] = 0xfd;
	ip[23] = 1;
	ip[39] = 2;
	if (!recipe->ext)
		return ip + 40;
	ip[40] = proto;
	ip[41] = (uint8_t)(recipe->ext / 8 - 1);
	/* PadN; or a routing header with no segments left. */
	ip[42] = recipe->ext_proto != INET_PROTO_ROUTING;
	ip[43] = ip[42] ? (uint8_t)(recipe->ext - 4) : 0;
	return ip + 40 + recipe->ext;
}

static void put_l4(const struct recipe *recipe, const uint8_t *ip, uint8_t *l4,
		   uint32_t len)
{
	put_be16(l4, 1000);
	put_be16(l4 + 2, 2000);
	if (recipe->udp) {
		put_be16(l4 + 4, (uint16_t)len);
		put_be16(l4 + 6, naive_pseudo(ip, INET_PROTO_UDP, len));
		return;
	}
	put_be16(l4 + 4, (uint16_t)(recipe->seq >> 16));
	put_be16(l4 + 6, (uint16_t)recipe->seq);
	l4[12] = (uint8_t)((5 + recipe->tcp_options / 4) << 4);
	l4[13] = recipe->tcp_flags ? recipe->tcp_flags : ACK;
	memset(l4 + 20, 1, recipe->tcp_options);
	put_be16(l4 + 16, naive_pseudo(ip, INET_PROTO_TCP, len));
}

static void make(const struct recipe *recipe, struct made *made)
{
	uint32_t l2 = recipe->eth ? INET_ETH_LEN : 0;
	uint32_t l3 =
		recipe->ip6 ? 40u + recipe->ext : 20u + recipe->ip_options;
	uint32_t l4 = recipe->udp ? 8 : 20u + recipe->tcp_options;
	uint32_t len = l2 + l3 + l4 + recipe->payload;
	uint8_t *at;

	made->room = calloc(1, recipe->align + len);
	assert_non_null(made->room);
	made->byte = made->room + recipe->align;
	if (recipe->eth)
		put_be16(made->byte + 12, recipe->ip6 ? 0x86dd : 0x0800);
	at = put_ip(recipe, made->byte + l2, len - l2);
	put_l4(recipe, made->byte + l2, at, l4 + recipe->payload);
	for (uint32_t i = 0; i < recipe->payload; i++)
		at[l4 + i] = payload_byte(i);
	made->seg[0] = (struct iovec){ made->byte, len };
	made->packet = (struct vif_packet){
		.seg = made->seg,
		.len = len,
		.n_seg = 1,
		.l3_off = (uint16_t)l2,
		.l4_off = (uint16_t)(l2 + l3),
		.csum_off = recipe->udp ? INET_UDP_CSUM : INET_TCP_CSUM,
		.hdr_len = (uint16_t)(l2 + l3 + l4),
		.gso_size = recipe->gso_size,
		.gso = recipe->udp ? VIF_GSO_UDP :
		       recipe->ip6 ? VIF_GSO_TCP6 :
				     VIF_GSO_TCP4,
		.csum = VIF_CSUM_PARTIAL,
	};
}

static enum vif_medium medium_of(const struct recipe *recipe)
{
	return recipe->eth ? VIF_MEDIUM_ETH : VIF_MEDIUM_IP;
}

/* A segment as one piece of bytes. */
static size_t flatten(const struct vif_packet *packet, uint8_t *to)
{
	size_t len = 0;

	for (uint16_t i = 0; i < packet->n_seg; i++) {
		memcpy(to + len, packet->seg[i].iov_base,
		       packet->seg[i].iov_len);
		len += packet->seg[i].iov_len;
	}
	assert_int_equal(len, packet->len);
	return len;
}

/*
 * Checks lengths and counts of a finished segment, its payload, and, by a sum of
 * another kind, both checksums.
 */
static void check_segment(const struct recipe *recipe, const struct cut *cut,
			  const uint8_t *byte, size_t len, uint32_t done)
{
	const uint8_t *ip = byte + cut->packet.l3_off;
	const uint8_t *l4 = byte + cut->packet.l4_off;
	size_t l4_len = len - cut->packet.l4_off;

	if (recipe->ip6) {
		assert_int_equal(get_be16(ip + 4),
				 len - cut->packet.l3_off - 40);
	} else {
		assert_int_equal(get_be16(ip + 2), len - cut->packet.l3_off);
		assert_int_equal(get_be16(ip + 4),
				 (uint16_t)(recipe->ip_id + cut->next - 1));
	}
	assert_true(naive_good(ip, len - cut->packet.l3_off));
	if (recipe->udp)
		assert_int_equal(get_be16(l4 + 4), l4_len);
	else
		assert_int_equal((uint32_t)get_be16(l4 + 4) << 16 |
					 get_be16(l4 + 6),
				 (uint32_t)(recipe->seq + done));
	for (size_t i = cut->packet.hdr_len; i < len; i++)
		assert_int_equal(byte[i], payload_byte(done + (uint32_t)i -
						       cut->packet.hdr_len));
}

static uint8_t flags_wanted(const struct recipe *recipe, uint32_t i, uint32_t n)
{
	uint8_t flags = recipe->tcp_flags ? recipe->tcp_flags : ACK;

	if (i > 0)
		flags &= (uint8_t)~CWR;
	if (i + 1 < n)
		flags &= (uint8_t) ~(FIN | PSH);
	return flags;
}

/* Cuts into pieces; whoever wants lengths of segments gives a list ending 0. */
static void check_cut(const struct recipe *recipe, const uint32_t *lens,
		      uint32_t n_wanted)
{
	static uint8_t whole[VIF_PACKET_LEN_MAX];
	uint8_t header[VIF_PACKET_HDR_MAX];
	struct vif_packet segment;
	struct iovec seg[4];
	struct made made;
	struct cut cut;
	uint32_t done = 0, n = 0;

	make(recipe, &made);
	assert_int_equal(cut_start(&cut, &made.packet, medium_of(recipe), true),
			 0);
	while (cut_next(&cut, header, seg, ARRAY_LEN(seg), &segment)) {
		size_t len = flatten(&segment, whole);

		assert_int_equal(vif_packet_check(&segment, medium_of(recipe)),
				 0);
		check_segment(recipe, &cut, whole, len, done);
		if (!recipe->udp)
			assert_int_equal(whole[made.packet.l4_off + 13],
					 flags_wanted(recipe, n, cut.n));
		if (lens)
			assert_int_equal(len, lens[n]);
		done += (uint32_t)len - made.packet.hdr_len;
		n++;
	}
	assert_int_equal(n, cut_count(&cut));
	assert_int_equal(done, recipe->payload);
	if (n_wanted)
		assert_int_equal(n, n_wanted);
	if (lens)
		assert_int_equal(lens[n], 0);
	free(made.room);
}

/* In place, the bytes must be those of the segments in pieces. */
static void check_in_place(const struct recipe *recipe)
{
	static uint8_t whole[VIF_PACKET_LEN_MAX];
	uint8_t header[VIF_PACKET_HDR_MAX];
	struct vif_packet a, b;
	struct made apart, in_place;
	struct iovec seg[4], one;
	struct cut cut_a, cut_b;

	make(recipe, &apart);
	make(recipe, &in_place);
	assert_int_equal(
		cut_start(&cut_a, &apart.packet, medium_of(recipe), true), 0);
	assert_int_equal(
		cut_start(&cut_b, &in_place.packet, medium_of(recipe), true),
		0);
	while (cut_next(&cut_a, header, seg, ARRAY_LEN(seg), &a)) {
		assert_true(cut_next_in_place(&cut_b, &one, &b));
		assert_int_equal(flatten(&a, whole), b.len);
		assert_memory_equal(whole, one.iov_base, b.len);
	}
	assert_false(cut_next_in_place(&cut_b, &one, &b));
	free(apart.room);
	free(in_place.room);
}

static const struct {
	const char *name;
	struct recipe recipe;
	uint32_t lens[5]; /* none: not looked at */
	uint32_t n;       /* segments; 0: by the lengths */
} cases[] = {
	{ "S1 lengths",
	  { .payload = 2461, .gso_size = 1000 },
	  { 1040, 1040, 501, 0 } },
	{ "S2 IDs wrap",
	  { .ip_id = 0xfffe, .payload = 2500, .gso_size = 1000 },
	  { 1040, 1040, 540, 0 } },
	{ "S3 sequence wraps",
	  { .seq = 0xfffffa00, .payload = 2500, .gso_size = 1000 },
	  { 1040, 1040, 540, 0 } },
	{ "S4 flags",
	  { .tcp_flags = FIN | PSH | ACK | ECE | CWR,
	    .payload = 2500,
	    .gso_size = 1000 },
	  { 1040, 1040, 540, 0 } },
	{ "S7 IPv6",
	  { .ip6 = true, .payload = 2501, .gso_size = 1000 },
	  { 1060, 1060, 561, 0 } },
	{ "S8 destination options of 8 bytes",
	  { .ip6 = true,
	    .ext = 8,
	    .ext_proto = INET_PROTO_DEST_OPTS,
	    .payload = 2501,
	    .gso_size = 1000 },
	  { 1068, 1068, 569, 0 } },
	{ "S8 destination options of 40 bytes",
	  { .ip6 = true,
	    .ext = 40,
	    .ext_proto = INET_PROTO_DEST_OPTS,
	    .payload = 2501,
	    .gso_size = 1000 },
	  { 1100, 1100, 601, 0 } },
	{ "S8 hop-by-hop of 8 bytes",
	  { .ip6 = true,
	    .ext = 8,
	    .ext_proto = INET_PROTO_HOP_BY_HOP,
	    .payload = 2501,
	    .gso_size = 1000 },
	  { 1068, 1068, 569, 0 } },
	{ "S8 hop-by-hop of 40 bytes",
	  { .ip6 = true,
	    .ext = 40,
	    .ext_proto = INET_PROTO_HOP_BY_HOP,
	    .payload = 2501,
	    .gso_size = 1000 },
	  { 1100, 1100, 601, 0 } },
	{ "S8 routing header of 8 bytes",
	  { .ip6 = true,
	    .ext = 8,
	    .ext_proto = INET_PROTO_ROUTING,
	    .payload = 2501,
	    .gso_size = 1000 },
	  { 1068, 1068, 569, 0 } },
	{ "S8 routing header of 40 bytes",
	  { .ip6 = true,
	    .ext = 40,
	    .ext_proto = INET_PROTO_ROUTING,
	    .payload = 2501,
	    .gso_size = 1000 },
	  { 1100, 1100, 601, 0 } },
	{ "S10 IPv4 options of 4 bytes",
	  { .ip_options = 4, .payload = 2500, .gso_size = 1000 },
	  { 1044, 1044, 544, 0 } },
	{ "S10 IPv4 options of 40 bytes",
	  { .ip_options = 40, .payload = 2500, .gso_size = 1000 },
	  { 1080, 1080, 580, 0 } },
	{ "S11 TCP options of 40 bytes",
	  { .tcp_options = 40, .payload = 2500, .gso_size = 1000 },
	  { 1080, 1080, 580, 0 } },
	{ "S11 all options, 120 bytes of headers",
	  { .ip_options = 40,
	    .tcp_options = 40,
	    .payload = 2500,
	    .gso_size = 1000 },
	  { 1120, 1120, 620, 0 } },
	{ "S12 segments smaller than headers",
	  { .tcp_options = 40, .payload = 79, .gso_size = 20 },
	  { 100, 100, 100, 99, 0 } },
	{ "S13 one byte each", { .payload = 500, .gso_size = 1 }, { 0 }, 500 },
	{ "S13 largest size",
	  { .payload = 65000, .gso_size = 65534 },
	  { 65040, 0 } },
	{ "S14 size not reached",
	  { .tcp_flags = FIN | PSH | ACK | CWR,
	    .payload = 999,
	    .gso_size = 1000 },
	  { 1039, 0 } },
	{ "S15 exact multiple",
	  { .payload = 3000, .gso_size = 1000 },
	  { 1040, 1040, 1040, 0 } },
	{ "S14 size just reached",
	  { .tcp_flags = FIN | PSH | ACK | CWR,
	    .payload = 1000,
	    .gso_size = 1000 },
	  { 1040, 0 } },
	{ "S16 no payload", { .gso_size = 1000 }, { 40, 0 } },
	{ "S16 no payload, UDP", { .udp = true, .gso_size = 1 }, { 28, 0 } },
	{ "S18 64 KiB", { .payload = 65495, .gso_size = 1448 }, { 0 }, 46 },
	{ "S19 UDP",
	  { .udp = true, .payload = 2501, .gso_size = 1000 },
	  { 1028, 1028, 529, 0 } },
	{ "S19 UDP over IPv6",
	  { .udp = true, .ip6 = true, .payload = 2501, .gso_size = 1000 },
	  { 1048, 1048, 549, 0 } },
	{ "S21 128 datagrams",
	  { .udp = true, .payload = 12800, .gso_size = 100 },
	  { 0 },
	  128 },
	{ "S21 129 datagrams",
	  { .udp = true, .payload = 12900, .gso_size = 100 },
	  { 0 },
	  129 },
	{ "S1 over Ethernet",
	  { .eth = true, .payload = 2500, .gso_size = 1000 },
	  { 1054, 1054, 554, 0 } },
};

static void test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		print_message("%s\n", cases[i].name);
		check_cut(&cases[i].recipe,
			  cases[i].lens[0] ? cases[i].lens : NULL, cases[i].n);
		check_in_place(&cases[i].recipe);
	}
}

/* S17: odd lengths at every alignment. */
static void s17_odd_lengths(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 16 * 67; i++) {
		struct recipe recipe = { .align = (uint8_t)(i % 16),
					 .payload = i / 16 + 1 };

		for (uint16_t size = 1; size <= 67; size += 3) {
			recipe.gso_size = size;
			recipe.ip6 = recipe.udp = false;
			check_cut(&recipe, NULL, 0);
			check_in_place(&recipe);
			recipe.ip6 = recipe.udp = true;
			check_cut(&recipe, NULL, 0);
			check_in_place(&recipe);
		}
	}
}

/* A superpacket in pieces gives the same segments. */
static void test_pieces(void **state)
{
	static uint8_t one[VIF_PACKET_LEN_MAX], two[VIF_PACKET_LEN_MAX];
	const struct recipe recipe = { .payload = 2501, .gso_size = 999 };
	uint8_t header[2][VIF_PACKET_HDR_MAX];
	struct vif_packet a, b;
	struct iovec seg[2][4];

	(void)state;
	for (size_t at = 40; at < 2541; at += 17) {
		struct made made;
		struct cut whole, apart;
		struct vif_packet split;
		struct iovec pieces[3];

		make(&recipe, &made);
		split = made.packet;
		split.seg = pieces;
		split.n_seg = 3;
		pieces[0] = (struct iovec){ made.byte, at };
		pieces[1] = (struct iovec){ NULL, 0 };
		pieces[2] = (struct iovec){ made.byte + at, 2541 - at };
		assert_int_equal(
			cut_start(&whole, &made.packet, VIF_MEDIUM_IP, true),
			0);
		assert_int_equal(cut_start(&apart, &split, VIF_MEDIUM_IP, true),
				 0);
		while (cut_next(&whole, header[0], seg[0], 4, &a)) {
			assert_true(cut_next(&apart, header[1], seg[1], 4, &b));
			assert_int_equal(flatten(&a, one), flatten(&b, two));
			assert_memory_equal(one, two, a.len);
		}
		assert_false(cut_next(&apart, header[1], seg[1], 4, &b));
		free(made.room);
	}
}

/* Left unfinished, the field holds the sum of each segment's pseudo-header. */
static void test_unfinished(void **state)
{
	const struct recipe recipe = { .payload = 2501, .gso_size = 1000 };
	uint8_t header[VIF_PACKET_HDR_MAX];
	struct vif_packet segment;
	struct iovec seg[4];
	struct made made;
	struct cut cut;

	(void)state;
	make(&recipe, &made);
	assert_int_equal(cut_start(&cut, &made.packet, VIF_MEDIUM_IP, false),
			 0);
	while (cut_next(&cut, header, seg, 4, &segment)) {
		assert_int_equal(segment.csum, VIF_CSUM_PARTIAL);
		assert_int_equal(vif_packet_check(&segment, VIF_MEDIUM_IP), 0);
		assert_true(naive_seeded(header, segment.len));
	}
	free(made.room);
}

/*
 * S5, S6: with the ECN mark or without, CWR stays on the first segment; the mark
 * itself is gone.
 */
static void s5_s6_ecn(void **state)
{
	const struct recipe recipe = {
		.tcp_flags = FIN | PSH | ACK | ECE | CWR,
		.payload = 2500,
		.gso_size = 1000,
	};
	const uint8_t wanted[] = { ACK | ECE | CWR, ACK | ECE,
				   FIN | PSH | ACK | ECE };
	uint8_t header[VIF_PACKET_HDR_MAX];
	struct vif_packet segment;
	struct iovec seg[4];
	struct made made;
	struct cut cut;

	(void)state;
	make(&recipe, &made);
	for (uint16_t mark = 0; mark <= VIF_PACKET_ECN; mark++) {
		made.packet.flags = mark;
		assert_int_equal(
			cut_start(&cut, &made.packet, VIF_MEDIUM_IP, false), 0);
		for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
			assert_true(cut_next(&cut, header, seg, 4, &segment));
			assert_int_equal(segment.flags, 0);
			assert_int_equal(header[33], wanted[i]);
		}
		assert_false(cut_next(&cut, header, seg, 4, &segment));
	}
	free(made.room);
}

/* How many of the sums of a two-byte payload come to 0, and are written so. */
static uint32_t count_zeros(bool udp, uint16_t written)
{
	const struct recipe recipe = { .udp = udp,
				       .payload = 4,
				       .gso_size = 2 };
	uint8_t header[VIF_PACKET_HDR_MAX];
	struct vif_packet segment;
	struct iovec seg[4];
	struct made made;
	struct cut cut;
	uint32_t zeros = 0;
	size_t field;

	make(&recipe, &made);
	field = made.packet.l4_off + (size_t)made.packet.csum_off;
	for (uint32_t word = 0; word <= 0xffff; word++) {
		put_be16(made.byte + made.packet.hdr_len, (uint16_t)word);
		assert_int_equal(
			cut_start(&cut, &made.packet, VIF_MEDIUM_IP, true), 0);
		assert_true(cut_next(&cut, header, seg, 4, &segment));
		zeros += get_be16(header + field) == written;
		if (written != 0)
			assert_int_not_equal(get_be16(header + field), 0);
		else
			assert_int_not_equal(get_be16(header + field), 0xffff);
	}
	free(made.room);
	return zeros;
}

/*
 * S20, C5: of all values the payload can have, one or two make the sum 0, since
 * 0 and ffff are the same number to it. It is sent as ffff for UDP, where 0 means
 * that there is none (RFC 768), and as 0 for TCP.
 */
static void s20_c5_zero(void **state)
{
	(void)state;
	assert_in_range(count_zeros(true, 0xffff), 1, 2);
	assert_in_range(count_zeros(false, 0), 1, 2);
}

/* Bytes behind the end of the IP packet do not travel. */
static void test_trailer(void **state)
{
	const struct recipe recipe = { .payload = 2000, .gso_size = 1000 };
	struct made made;
	struct cut cut;

	(void)state;
	make(&recipe, &made);
	put_be16(made.byte + 2, 40 + 1500);
	assert_int_equal(cut_start(&cut, &made.packet, VIF_MEDIUM_IP, true), 0);
	assert_int_equal(cut.payload, 1500);
	free(made.room);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(s17_odd_lengths),
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_unfinished),
		cmocka_unit_test(s5_s6_ecn),
		cmocka_unit_test(s20_c5_zero),
		cmocka_unit_test(test_trailer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
