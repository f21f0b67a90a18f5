/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Gluing: the cases with a name in the study this work follows, G1 to G26. In
 * each of them cutting the output must give back the input, in order. Random
 * bursts are in glue_random_test.c; the kernel's GRO judges in tests/oracle.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bits.h"
#include "packet/glue.h"
#include "tests/craft.h"
#include "tests/frame.h"
#include "tests/round_trip.h"

enum {
	FIN = 0x01,
	SYN = 0x02,
	RST = 0x04,
	PSH = 0x08,
	ACK = 0x10,
	URG = 0x20,
	ECE = 0x40,
	CWR = 0x80,
	PACKET_SIZE = 2048,
};

struct burst {
	uint8_t byte[GLUE_BURST_MAX][PACKET_SIZE];
	struct vif_batch *in;
	struct vif_batch *out;
	struct glue glue;
	struct round_trip trip;
};

static struct vif_packet *add(struct burst *burst, const struct craft *craft)
{
	uint8_t *byte = burst->byte[burst->in->n];
	size_t len = craft_put(craft, byte);
	struct vif_packet *packet;

	assert_true(len <= PACKET_SIZE);
	packet = vif_batch_add(burst->in, byte, (uint32_t)len);
	assert_non_null(packet);
	return packet;
}

/* Glues, and checks what must be so of any output. */
static void run(struct burst *burst)
{
	const char *fault;
	uint32_t n = 0;
	uint32_t made;

	vif_batch_clear(burst->out);
	made = glue_burst(&burst->glue, burst->in, burst->out);
	for (uint32_t i = 0; i < burst->out->n; i++)
		n += !round_trip_is_input(burst->in, &burst->out->packet[i]);
	assert_int_equal(made, n);
	fault = round_trip(burst->in, burst->out, VIF_MEDIUM_IP, &burst->trip);
	if (fault)
		fail_msg("%s", fault);
}

/* The output as packets of the input in each, such as "3 1". */
static const char *chains(const struct burst *burst)
{
	static char text[4 * GLUE_BURST_MAX];
	size_t at = 0;
	uint32_t next = 0;

	text[0] = '\0';
	for (uint32_t i = 0; i < burst->out->n; i++) {
		uint32_t n = 1;

		while (next + n < burst->trip.n &&
		       burst->trip.before[burst->trip.order[next + n]] >= 0)
			n++;
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%u",
				       i ? " " : "", n);
		next += n;
	}
	return text;
}

struct glue_case {
	const char *name;
	const char *chains;
	const struct craft *packet;
	size_t n;
};

/*
 * Segment i of a TCP flow with 100 bytes in each. A case overrides what makes
 * it special.
 */
#pragma GCC diagnostic ignored "-Woverride-init"
#define TCP(i, ...)                                                  \
	{                                                            \
		.seq = 100 * (i), .id = (i), .len = 100, __VA_ARGS__ \
	}
#define TCP6(i, ...)                                                   \
	{                                                              \
		.ip6 = true, .seq = 100 * (i), .len = 100, __VA_ARGS__ \
	}
#define UDP(i, ...)                                             \
	{                                                       \
		.udp = true, .id = (i), .len = 100, __VA_ARGS__ \
	}
#define CASE(name, chains, ...)                   \
	{                                         \
		name, chains,                     \
			(const struct craft[]){   \
				__VA_ARGS__,      \
			},                        \
			sizeof((struct craft[]){  \
				__VA_ARGS__,      \
			}) / sizeof(struct craft) \
	}

/* clang-format off: one case in one or two lines. */
static const struct glue_case cases[] = {
	CASE("G1 TCP over IPv4", "3", TCP(0), TCP(1), TCP(2)),
	CASE("G1 TCP over IPv6", "3", TCP6(0), TCP6(1), TCP6(2)),
	CASE("G1 UDP over IPv4", "3", UDP(0), UDP(1), UDP(2)),
	CASE("G1 UDP over IPv6", "3", UDP(0, .ip6 = true), UDP(0, .ip6 = true),
	     UDP(0, .ip6 = true)),

	CASE("G2 gap", "1 1", TCP(0), TCP(2)),
	CASE("G2 gap of one byte", "1 1", TCP(0), TCP(1, .seq = 101)),
	CASE("G2 overlap", "1 1", TCP(0), TCP(1, .seq = 50)),
	CASE("G2 duplicate", "1 1", TCP(0), TCP(0)),
	CASE("G2 duplicate, then on", "1 2", TCP(0), TCP(0), TCP(1)),
	CASE("G2 reorder", "1 1 1", TCP(1), TCP(0), TCP(2)),
	CASE("G2 hole filled late", "1 1 1 1", TCP(0), TCP(2), TCP(1), TCP(3)),

	CASE("G3 short tail closes", "2 1", TCP(0), TCP(1, .len = 50),
	     TCP(2, .seq = 150)),
	CASE("G3 larger second", "1 1", TCP(0), TCP(1, .len = 101)),
	CASE("G3 larger second begins anew", "1 2", TCP(0), TCP(1, .len = 101),
	     TCP(2, .seq = 201, .len = 101)),

	CASE("G4 PSH in the middle", "2 1", TCP(0), TCP(1, .flags = PSH | ACK),
	     TCP(2)),
	CASE("G4 PSH first", "1 2", TCP(0, .flags = PSH | ACK), TCP(1), TCP(2)),
	CASE("G4 PSH on a short one", "2 1", TCP(0),
	     TCP(1, .flags = PSH | ACK, .len = 50), TCP(2, .seq = 150)),
	CASE("G4 PSH on all", "1 1 1", TCP(0, .flags = PSH | ACK),
	     TCP(1, .flags = PSH | ACK), TCP(2, .flags = PSH | ACK)),

	CASE("G5 SYN", "2 1 2", TCP(0), TCP(1), TCP(2, .flags = SYN | ACK),
	     TCP(3), TCP(4)),
	CASE("G5 FIN", "2 1 2", TCP(0), TCP(1), TCP(2, .flags = FIN | ACK),
	     TCP(3), TCP(4)),
	CASE("G5 RST", "2 1 2", TCP(0), TCP(1), TCP(2, .flags = RST | ACK),
	     TCP(3), TCP(4)),
	CASE("G5 URG", "2 1 2", TCP(0), TCP(1), TCP(2, .flags = URG | ACK),
	     TCP(3), TCP(4)),
	CASE("G5 CWR", "2 1 2", TCP(0), TCP(1), TCP(2, .flags = CWR | ACK),
	     TCP(3), TCP(4)),
	CASE("G5 no ACK", "2 1 2", TCP(0), TCP(1), TCP(2, .flags = PSH), TCP(3),
	     TCP(4)),
	CASE("G5 no ACK on any", "1 1", TCP(0, .flags = ECE),
	     TCP(1, .flags = ECE)),
	CASE("G5 CWR on all", "1 1", TCP(0, .flags = CWR | ACK),
	     TCP(1, .flags = CWR | ACK)),
	CASE("G5 FIN without data", "1 1 1", TCP(0),
	     TCP(1, .flags = FIN | ACK, .len = 0), TCP(1)),
	CASE("G5 RST without data", "1 1 1", TCP(0),
	     TCP(1, .flags = RST, .len = 0), TCP(1)),
	CASE("G5 pure ACK", "1 1 1", TCP(0), TCP(1, .len = 0), TCP(1)),

	CASE("G6 ECE equal", "2", TCP(0, .flags = ECE | ACK),
	     TCP(1, .flags = ECE | ACK)),
	CASE("G6 ECE differs", "1 2", TCP(0), TCP(1, .flags = ECE | ACK),
	     TCP(2, .flags = ECE | ACK)),

	CASE("G8 DSCP", "1 1", TCP(0), TCP(1, .tos = 4)),
	CASE("G8 traffic class", "1 1", TCP6(0), TCP6(1, .tos = 0x80)),
	CASE("G8 TTL", "1 1", TCP(0), TCP(1, .ttl = 1)),
	CASE("G8 hop limit", "1 1", TCP6(0), TCP6(1, .ttl = 1)),
	CASE("G8 flow label", "1 1", TCP6(0), TCP6(1, .label = 1)),
	CASE("G8 flow label, high bit", "1 1", TCP6(0),
	     TCP6(1, .label = 0x80000)),
	CASE("G8 DF", "1 1", TCP(0), TCP(1, .df = true)),
	CASE("G8 reserved bit", "1 1", TCP(0), TCP(1, .reserved = true)),

	CASE("G9 window", "1 1", TCP(0), TCP(1, .window = 1)),
	CASE("G9 acknowledgement", "1 1", TCP(0), TCP(1, .ack = 1)),
	CASE("G9 urgent pointer", "1 1", TCP(0), TCP(1, .urgent = 1)),
	CASE("G9 reserved bits", "1 1", TCP(0), TCP(1, .tcp_reserved = 1)),
	CASE("G9 more options", "1 1", TCP(0), TCP(1, .tcp_options = 12)),
	CASE("G9 options equal", "2", TCP(0, .tcp_options = 12),
	     TCP(1, .tcp_options = 12)),
	CASE("G9 timestamp differs", "1 1", TCP(0, .tcp_options = 12),
	     TCP(1, .tcp_options = 12, .tcp_option = 1)),
	CASE("G9 last of 40 bytes differs", "1 1", TCP(0, .tcp_options = 40),
	     TCP(1, .tcp_options = 40, .tcp_option = 1)),
	CASE("G9 source port", "1 1", TCP(0), TCP(1, .port = 1)),
	CASE("G9 addresses", "1 1", TCP(0), TCP(1, .host = 1)),

	CASE("G10 DF=0, gap", "1 1", TCP(0), TCP(1, .id = 2)),
	CASE("G10 DF=0, equal", "1 1", TCP(0), TCP(1, .id = 0)),
	CASE("G10 DF=0, backwards", "1 1", TCP(0, .id = 2), TCP(1, .id = 1)),
	CASE("G10 DF=0, wraps", "2", TCP(0, .id = 0xffff), TCP(1, .id = 0)),
	CASE("G10 DF=1, in order", "2", TCP(0, .df = true), TCP(1, .df = true)),
	CASE("G10 DF=1, gap", "1 1", TCP(0, .df = true),
	     TCP(1, .df = true, .id = 7)),
	CASE("G10 DF=1, equal", "1 1 1", TCP(0, .df = true, .id = 0),
	     TCP(1, .df = true, .id = 0), TCP(2, .df = true, .id = 0)),
	CASE("G10 DF=1, wraps", "2", TCP(0, .df = true, .id = 0xffff),
	     TCP(1, .df = true, .id = 0)),
	CASE("G10 UDP, gap", "1 1", UDP(0), UDP(2)),

	CASE("G11 IP options", "1 1 1", TCP(0), TCP(1, .ip_options = 4),
	     TCP(2)),
	CASE("G11 IP options on all", "1 1", TCP(0, .ip_options = 4),
	     TCP(1, .ip_options = 4)),
	CASE("G11 first fragment, offset 0", "1 1 1", TCP(0),
	     TCP(1, .fragment = CRAFT_MORE_FRAGMENTS), TCP(2)),
	CASE("G11 middle fragment", "1 1 1", TCP(0),
	     TCP(1, .fragment = CRAFT_MORE_FRAGMENTS | 5), TCP(2)),
	CASE("G11 last fragment", "1 1 1", TCP(0), TCP(1, .fragment = 5),
	     TCP(2)),
	CASE("G11 fragment of another flow", "1 1 1", TCP(0),
	     UDP(1, .host = 9, .fragment = 5), TCP(1)),
	CASE("G11 fragments only", "1 1",
	     TCP(0, .fragment = CRAFT_MORE_FRAGMENTS),
	     TCP(1, .fragment = CRAFT_MORE_FRAGMENTS)),

	CASE("G12 sequence wraps", "3", TCP(0, .seq = 0xffffffce),
	     TCP(1, .seq = 50), TCP(2, .seq = 150)),
	CASE("G12 sequence wraps to 0", "2", TCP(0, .seq = 0xffffff9c),
	     TCP(1, .seq = 0)),

	CASE("G14 UDP short tail", "2 1", UDP(0), UDP(1, .len = 50), UDP(2)),
	CASE("G14 UDP larger", "1 2", UDP(0), UDP(1, .len = 101),
	     UDP(2, .len = 101)),
	CASE("G14 UDP full, empty, full", "1 1 1", UDP(0), UDP(1, .len = 0),
	     UDP(1)),
	CASE("G14 UDP no checksum", "1 1 1", UDP(0), UDP(1, .csum = CRAFT_NONE),
	     UDP(2)),
	CASE("G14 UDP no checksum on any", "1 1", UDP(0, .csum = CRAFT_NONE),
	     UDP(1, .csum = CRAFT_NONE)),
	CASE("G14 UDP6 no checksum", "1 1",
	     UDP(0, .ip6 = true, .csum = CRAFT_NONE),
	     UDP(1, .ip6 = true, .csum = CRAFT_NONE)),
	CASE("G14 UDP sum of 0", "2", UDP(0, .csum = CRAFT_ZERO),
	     UDP(1, .csum = CRAFT_ZERO)),
	CASE("G14 UDP length below the IP payload", "1 1 1", UDP(0),
	     UDP(1, .udp_len = -1), UDP(2)),
	CASE("G14 UDP length beyond the IP payload", "1 1 1", UDP(0),
	     UDP(1, .udp_len = 1), UDP(2)),

	CASE("G15 TCP checksum", "1 1 1", TCP(0), TCP(1, .csum = CRAFT_BAD),
	     TCP(2)),
	CASE("G15 TCP checksum of the first", "1 2", TCP(0, .csum = CRAFT_BAD),
	     TCP(1), TCP(2)),
	CASE("G15 TCP checksum on all", "1 1", TCP(0, .csum = CRAFT_BAD),
	     TCP(1, .csum = CRAFT_BAD)),
	CASE("G15 TCP6 checksum", "1 1 1", TCP6(0), TCP6(1, .csum = CRAFT_BAD),
	     TCP6(2)),
	CASE("G15 UDP checksum", "1 1 1", UDP(0), UDP(1, .csum = CRAFT_BAD),
	     UDP(2)),
	CASE("G15 IP checksum", "1 1 1", TCP(0), TCP(1, .bad_ip = true),
	     TCP(2)),
	CASE("G15 TCP sum of 0", "2", TCP(0, .csum = CRAFT_ZERO),
	     TCP(1, .csum = CRAFT_ZERO)),
	CASE("G15 TCP sum of 0 as ffff", "1 1 1", TCP(0),
	     TCP(1, .csum = CRAFT_FFFF), TCP(2)),

	CASE("G16 trailer", "1 1 1", TCP(0), TCP(1, .trailer = 6), TCP(2)),
	CASE("G16 trailer on the first", "1 2", TCP(0, .trailer = 6), TCP(1),
	     TCP(2)),
	CASE("G16 trailer of one byte, UDP", "1 1 1", UDP(0),
	     UDP(1, .trailer = 1), UDP(2)),

	CASE("G18 hop-by-hop", "1 1 1", TCP6(0), TCP6(1, .ip_options = 8),
	     TCP6(2)),
	CASE("G18 destination options", "1 1 1", TCP6(0),
	     TCP6(1, .ip_options = 16, .ext = 60), TCP6(2)),
	CASE("G18 routing header", "1 1 1", TCP6(0),
	     TCP6(1, .ip_options = 8, .ext = 43), TCP6(2)),
	CASE("G18 extension header on all", "1 1 1", TCP6(0, .ip_options = 8),
	     TCP6(1, .ip_options = 8), TCP6(2, .ip_options = 8)),
	CASE("G18 fragment header", "1 1 1", TCP6(0), TCP6(1, .fragment = 5),
	     TCP6(2)),

	CASE("G19 TCP and UDP with the same ports", "1 1 1 1", TCP(0), UDP(0),
	     TCP(1), UDP(1)),
	CASE("G19 IPv4 and IPv6 with the same ports", "2 2", TCP(0), TCP6(0),
	     TCP(1), TCP6(1)),

	CASE("G20 two flows in turn", "3 3", TCP(0), TCP(0, .port = 1), TCP(1),
	     TCP(1, .port = 1), TCP(2), TCP(2, .port = 1)),
	CASE("G21 alone", "1", TCP(0, .tcp_options = 12)),
};
/* clang-format on */

static void g1_to_g21_cases(void **state)
{
	struct burst *burst = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		vif_batch_clear(burst->in);
		for (size_t p = 0; p < cases[i].n; p++)
			(void)add(burst, &cases[i].packet[p]);
		print_message("%s\n", cases[i].name);
		run(burst);
		assert_string_equal(chains(burst), cases[i].chains);
	}
}

/* Some packets of flow number in a row, from the first on. */
static void add_row(struct burst *burst, struct craft craft, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		(void)add(burst, &craft);
		craft.seq += craft.len;
		craft.id++;
	}
}

/* G1, G4: what the superpacket says, with the flags of all. */
static void g1_g4_superpacket(void **state)
{
	struct burst *burst = *state;
	const struct vif_packet *packet = &burst->out->packet[0];
	const uint8_t *header;

	vif_batch_clear(burst->in);
	add_row(burst, (struct craft)TCP(0), 2);
	(void)add(burst, &(struct craft)TCP(2, .flags = PSH | ACK));
	run(burst);
	assert_string_equal(chains(burst), "3");
	header = packet->seg[0].iov_base;
	assert_int_equal(packet->len, 340);
	assert_int_equal(packet->gso_size, 100);
	assert_int_equal(packet->gso, VIF_GSO_TCP4);
	assert_int_equal(packet->csum, VIF_CSUM_PARTIAL);
	assert_int_equal(packet->hdr_len, 40);
	assert_int_equal(get_be16(header + 2), 340);
	assert_int_equal(header[33], PSH | ACK);
	assert_true(naive_ip_good(header));
	assert_true(naive_seeded(header, 340));
	vif_batch_clear(burst->in);
	add_row(burst, (struct craft)TCP6(0), 2);
	run(burst);
	assert_int_equal(packet->gso, VIF_GSO_TCP6);
	vif_batch_clear(burst->in);
	add_row(burst, (struct craft)UDP(0, .ip6 = true), 2);
	run(burst);
	assert_int_equal(packet->gso, VIF_GSO_UDP);
	assert_int_equal(packet->hdr_len, 48);
}

/* G7: every pair of ECN code points, which stay what they are. */
static void g7_ecn(void **state)
{
	struct burst *burst = *state;

	for (uint8_t pair = 0; pair < 32; pair++) {
		uint8_t a = pair & 3, b = pair >> 2 & 3;
		bool ip6 = pair >> 4;

		vif_batch_clear(burst->in);
		(void)add(burst, &(struct craft)TCP(0, .ip6 = ip6, .tos = a));
		(void)add(burst, &(struct craft)TCP(1, .ip6 = ip6, .tos = b));
		(void)add(burst, &(struct craft)TCP(2, .ip6 = ip6, .tos = a));
		run(burst);
		assert_string_equal(chains(burst), a == b ? "3" : "1 1 1");
	}
}

/*
 * G15: an IPv4 checksum of ffff is right where 0 is, but would come back as 0.
 */
static void g15_ip_ffff(void **state)
{
	struct burst *burst = *state;
	struct craft craft = TCP(1);
	uint8_t *ip = burst->byte[0];

	do {
		vif_batch_clear(burst->in);
		craft.id++;
		(void)add(burst, &craft);
	} while (get_be16(ip + 10) != 0);
	craft.id++;
	craft.seq += 100;
	(void)add(burst, &craft);
	run(burst);
	assert_string_equal(chains(burst), "2");
	put_be16(ip + 10, 0xffff);
	assert_true(naive_ip_good(ip));
	run(burst);
	assert_string_equal(chains(burst), "1 1");
}

/* What somebody has verified is not summed again. */
static void g15_verified(void **state)
{
	struct burst *burst = *state;

	vif_batch_clear(burst->in);
	add_row(burst, (struct craft)TCP(0), 2);
	burst->in->packet[0].csum = VIF_CSUM_VERIFIED;
	burst->in->packet[1].csum = VIF_CSUM_VERIFIED;
	run(burst);
	assert_string_equal(chains(burst), "2");
}

/* G16: a short packet that was padded is not taken for a longer one. */
static void g16_verified_trailer(void **state)
{
	struct burst *burst = *state;

	for (int kind = 0; kind < 4; kind++) {
		struct craft first = { .ip6 = kind & 1,
				       .udp = kind & 2,
				       .len = 106 };
		struct craft second = { .ip6 = kind & 1,
					.udp = kind & 2,
					.len = 100,
					.trailer = 6,
					.seq = 106,
					.id = 1 };

		vif_batch_clear(burst->in);
		add(burst, &first)->csum = VIF_CSUM_VERIFIED;
		add(burst, &second)->csum = VIF_CSUM_VERIFIED;
		run(burst);
		assert_string_equal(chains(burst), "1 1");
	}
}

/*
 * Headers that a peer can still change are copied once: what it does to them
 * afterwards changes nothing. The payload stays where it is, and is marked.
 */
static void hostile(void **state)
{
	struct burst *burst = *state;
	struct vif_packet *packet = &burst->out->packet[0];
	uint8_t before[40];

	vif_batch_clear(burst->in);
	add_row(burst, (struct craft)TCP(0), 3);
	burst->in->packet[1].flags = VIF_PACKET_HOSTILE;
	run(burst);
	assert_string_equal(chains(burst), "3");
	assert_int_equal(packet->flags, VIF_PACKET_HOSTILE);
	for (uint32_t i = 0; i < 3; i++)
		burst->in->packet[i].flags = VIF_PACKET_HOSTILE;
	run(burst);
	assert_string_equal(chains(burst), "3");
	memcpy(before, packet->seg[0].iov_base, sizeof(before));
	for (uint32_t i = 0; i < 3; i++)
		memset(burst->byte[i], 0xee, 40);
	assert_memory_equal(before, packet->seg[0].iov_base, sizeof(before));
	assert_int_equal(vif_packet_check(packet, VIF_MEDIUM_IP), 0);
}

/* What is a superpacket already passes, and seals its flow. */
static void unusual(void **state)
{
	struct burst *burst = *state;
	struct vif_packet *packet = &burst->in->packet[1];

	vif_batch_clear(burst->in);
	add_row(burst, (struct craft)TCP(0), 3);
	packet->csum = VIF_CSUM_PARTIAL;
	packet->l4_off = 20;
	packet->csum_off = 16;
	packet->gso = VIF_GSO_TCP4;
	packet->gso_size = 10;
	packet->hdr_len = 40;
	run(burst);
	assert_string_equal(chains(burst), "1 1 1");
}

/* Three packets whose checksums are still those of the pseudo-header. */
static void add_unfinished(struct burst *burst)
{
	vif_batch_clear(burst->in);
	add_row(burst, (struct craft)TCP(0), 3);
	for (uint32_t i = 0; i < 3; i++) {
		struct vif_packet *packet = &burst->in->packet[i];
		uint8_t *ip = burst->byte[i];

		packet->csum = VIF_CSUM_PARTIAL;
		packet->l4_off = 20;
		packet->csum_off = 16;
		put_be16(ip + 36,
			 naive_pseudo(ip, NAIVE_TCP, packet->len - 20));
	}
}

/* Unfinished packets are glued to unfinished ones, and come back as such. */
static void unfinished(void **state)
{
	struct burst *burst = *state;

	add_unfinished(burst);
	run(burst);
	assert_string_equal(chains(burst), "3");
	/* Not to finished ones, */
	add_unfinished(burst);
	burst->in->packet[1].csum = VIF_CSUM_VERIFIED;
	run(burst);
	assert_string_equal(chains(burst), "1 1 1");
	/* not when the sum they start from is wrong, */
	add_unfinished(burst);
	burst->byte[1][36] ^= 1;
	run(burst);
	assert_string_equal(chains(burst), "1 1 1");
	/* and not when another field is to be filled in. */
	add_unfinished(burst);
	burst->in->packet[1].csum_off = 14;
	run(burst);
	assert_string_equal(chains(burst), "1 1 1");
}

/* G13: 65535 bytes and not one more; pieces. */
static void g13_limits(void **state)
{
	struct burst *burst = *state;

	vif_batch_clear(burst->in);
	add_row(burst, (struct craft){ .len = 1400 }, GLUE_BURST_MAX);
	run(burst);
	assert_string_equal(chains(burst), "46 18");
	/* 40 + 32 * 1985 + 1975 is 65535. */
	for (uint32_t more = 0; more < 2; more++) {
		vif_batch_clear(burst->in);
		add_row(burst, (struct craft){ .len = 1985 }, 32);
		(void)add(burst, &(struct craft){ .len = 1975 + more,
						  .seq = 32 * 1985,
						  .id = 32 });
		run(burst);
		assert_string_equal(chains(burst), more ? "32 1" : "33");
		assert_int_equal(burst->out->packet[0].len,
				 more ? 63560 : 65535);
	}
	vif_batch_clear(burst->in);
	add_row(burst, (struct craft)UDP(0), GLUE_BURST_MAX);
	run(burst);
	assert_string_equal(chains(burst), "63 1");
	assert_int_equal(burst->out->packet[0].n_seg, VIF_PACKET_SEG_MAX);
}

/* G13: no more pieces than the destination takes: headers, and payloads. */
static void g13_pieces(void **state)
{
	struct burst *burst = *state;

	vif_batch_clear(burst->in);
	add_row(burst, (struct craft)TCP(0), 5);
	glue_init(&burst->glue, VIF_MEDIUM_IP, VIF_GSO_ALL, 3);
	run(burst);
	assert_string_equal(chains(burst), "2 2 1");
	assert_int_equal(burst->out->packet[0].n_seg, 3);
	for (uint32_t few = 0; few < 3; few++) {
		glue_init(&burst->glue, VIF_MEDIUM_IP, VIF_GSO_ALL, few);
		run(burst);
		assert_string_equal(chains(burst), "1 1 1 1 1");
	}
	glue_init(&burst->glue, VIF_MEDIUM_IP, VIF_GSO_ALL, VIF_PACKET_SEG_MAX);
}

/*
 * G17, G18: bytes that are no packet, or none we know, in blocks of just their
 * size. They pass, and nothing overtakes them, for they may be of any flow.
 */
static void g17_g18_strange(void **state)
{
	static const char *const layers[] = {
		"ip4",      "ip6",      "ip4 tcp",         "ip4 udp",
		"ip6 tcp",  "ip6 udp",  "ip6 hop dst tcp", "ip6 ip6_first udp",
		"ip4 icmp", "ip4 sctp",
	};
	struct burst *burst = *state;

	for (size_t i = 0; i < ARRAY_LEN(layers); i++) {
		struct frame frame = frame_make(layers[i]);

		for (uint32_t len = 1; len <= frame.len; len++) {
			uint8_t *exact = frame_exact(&frame, len);

			vif_batch_clear(burst->in);
			(void)add(burst, &(struct craft)TCP(0));
			(void)add(burst, &(struct craft)TCP(1));
			assert_non_null(vif_batch_add(burst->in, exact, len));
			(void)add(burst, &(struct craft)TCP(2));
			(void)add(burst, &(struct craft)TCP(3));
			run(burst);
			if (len < 20)
				assert_string_equal(chains(burst), "2 1 2");
			free(exact);
		}
	}
}

/* Whether the first two packets of the last burst have one place. */
static bool share_a_place(const struct burst *burst)
{
	return glue_place(&burst->glue.piece[0]) ==
	       glue_place(&burst->glue.piece[1]);
}

/* G19: an IPv4 and an IPv6 flow in one place of the table never share more. */
static void g19_alias(void **state)
{
	struct burst *burst = *state;
	uint16_t port = 0;

	do {
		vif_batch_clear(burst->in);
		port++;
		for (uint16_t i = 0; i < 2; i++) {
			(void)add(burst, &(struct craft)TCP(i));
			(void)add(burst, &(struct craft)TCP6(i, .port = port));
		}
		run(burst);
	} while (!share_a_place(burst));
	assert_string_equal(chains(burst), "1 1 1 1");
}

/* G20: flows that share a place take it from each other, and lose nothing. */
static void g20_collision(void **state)
{
	struct burst *burst = *state;
	uint16_t port = 0;

	do {
		vif_batch_clear(burst->in);
		port++;
		(void)add(burst, &(struct craft)TCP(0));
		(void)add(burst, &(struct craft)TCP(0, .port = port));
		(void)add(burst, &(struct craft)TCP(1));
		(void)add(burst, &(struct craft)TCP(1, .port = port));
		(void)add(burst, &(struct craft)TCP(2, .port = port));
		run(burst);
	} while (!share_a_place(burst));
	assert_string_equal(chains(burst), "1 1 1 2");
}

/* G20: more flows than the table has places, and as many as packets. */
static void g20_many_flows(void **state)
{
	struct burst *burst = *state;

	for (uint32_t first = 0; first < 320; first += 32) {
		vif_batch_clear(burst->in);
		for (uint32_t i = 0; i < 32; i++)
			add_row(burst,
				(struct craft)TCP(
					0, .port = (uint16_t)(first + i)),
				2);
		run(burst);
		assert_int_equal(burst->out->n, 32);
	}
	vif_batch_clear(burst->in);
	for (uint32_t i = 0; i < GLUE_BURST_MAX; i++)
		(void)add(burst, &(struct craft)TCP(0, .port = (uint16_t)i));
	run(burst);
	assert_int_equal(burst->out->n, GLUE_BURST_MAX);
}

/*
 * G22: nothing is emitted here, so nothing can fail half way. What stands for
 * it: packets of the output share no bytes, so whatever happens to one that
 * could not be sent, the others are as they were.
 */
static void g22_one_fails(void **state)
{
	struct burst *burst = *state;
	uint8_t before[VIF_PACKET_HDR_MAX];

	vif_batch_clear(burst->in);
	for (uint16_t i = 0; i < 3; i++)
		add_row(burst, (struct craft)TCP(0, .port = i), 3);
	run(burst);
	assert_string_equal(chains(burst), "3 3 3");
	for (uint32_t i = 0; i < 3; i++) {
		const struct iovec *header = &burst->out->packet[i].seg[0];

		memcpy(before, header->iov_base, header->iov_len);
		memset(header->iov_base, 0xdd, header->iov_len);
		for (uint32_t other = 0; other < 3; other++)
			if (other != i)
				assert_true(naive_seeded(
					burst->out->packet[other].seg[0].iov_base,
					340));
		memcpy(header->iov_base, before, header->iov_len);
	}
	assert_null(
		round_trip(burst->in, burst->out, VIF_MEDIUM_IP, &burst->trip));
}

/* One burst from blocks of its own, which are poisoned and freed afterwards. */
static void run_and_poison(struct burst *burst, uint32_t first)
{
	uint8_t *block[6];

	vif_batch_clear(burst->in);
	for (uint32_t i = 0; i < ARRAY_LEN(block); i++) {
		struct craft craft =
			TCP((uint16_t)(first + i / 2), .port = i % 2);

		block[i] = malloc(140);
		assert_non_null(block[i]);
		assert_int_equal(craft_put(&craft, block[i]), 140);
		assert_non_null(vif_batch_add(burst->in, block[i], 140));
	}
	run(burst);
	assert_string_equal(chains(burst), "3 3");
	for (uint32_t i = 0; i < ARRAY_LEN(block); i++) {
		memset(block[i], 0xdd, 140);
		free(block[i]);
	}
	memset(burst->in->packet, 0xdd,
	       ARRAY_LEN(block) * sizeof(*burst->in->packet));
	memset(burst->in->seg, 0xdd,
	       ARRAY_LEN(block) * sizeof(*burst->in->seg));
}

/*
 * G23: once the output was sent, nobody looks at the packets again, though the
 * next burst goes on with the same flows.
 */
static void g23_poison(void **state)
{
	struct burst *burst = *state;

	for (uint32_t i = 0; i < 5; i++)
		run_and_poison(burst, 3 * i);
}

/* G26: nothing is kept, nothing comes of nothing. */
static void g26_nothing_kept(void **state)
{
	struct burst *burst = *state;

	vif_batch_clear(burst->in);
	run(burst);
	assert_int_equal(burst->out->n, 0);
	for (uint32_t i = 0; i < 4; i++) {
		vif_batch_clear(burst->in);
		(void)add(burst, &(struct craft)TCP((uint16_t)i));
		run(burst);
		assert_string_equal(chains(burst), "1");
	}
	vif_batch_clear(burst->in);
	run(burst);
	assert_int_equal(burst->out->n, 0);
}

/* G26: a chain is not taken up again after 2^32 bursts either. */
static void g26_no_epoch_twice(void **state)
{
	struct burst *burst = *state;

	vif_batch_clear(burst->in);
	(void)add(burst, &(struct craft)TCP(0));
	run(burst);
	burst->glue.epoch += UINT32_MAX; /* and one for the burst itself */
	vif_batch_clear(burst->in);
	(void)add(burst, &(struct craft)TCP(1));
	run(burst);
	assert_string_equal(chains(burst), "1");
}

/* Only what the destination takes. */
static void kinds(void **state)
{
	static const struct craft rows[] = { TCP(0), TCP6(0), UDP(0) };
	static const uint32_t gso[] = { VIF_GSO_TCP4, VIF_GSO_TCP6,
					VIF_GSO_UDP };
	struct burst *burst = *state;

	for (size_t row = 0; row < ARRAY_LEN(rows); row++) {
		vif_batch_clear(burst->in);
		add_row(burst, rows[row], 2);
		for (size_t i = 0; i < ARRAY_LEN(gso); i++) {
			glue_set_gso(&burst->glue, VIF_GSO_BIT(gso[i]));
			run(burst);
			assert_string_equal(chains(burst),
					    i == row ? "2" : "1 1");
		}
		glue_set_gso(&burst->glue, 0);
		run(burst);
		assert_string_equal(chains(burst), "1 1");
	}
	glue_set_gso(&burst->glue, VIF_GSO_ALL);
}

static int set_up(void **state)
{
	struct burst *burst = calloc(1, sizeof(*burst));

	if (!burst ||
	    vif_batch_new(GLUE_BURST_MAX, GLUE_BURST_MAX, &burst->in) < 0 ||
	    vif_batch_new(GLUE_BURST_MAX, 2 * GLUE_BURST_MAX, &burst->out) < 0)
		return -1;
	glue_init(&burst->glue, VIF_MEDIUM_IP, VIF_GSO_ALL, VIF_PACKET_SEG_MAX);
	*state = burst;
	return 0;
}

static int tear_down(void **state)
{
	struct burst *burst = *state;

	vif_batch_free(burst->in);
	vif_batch_free(burst->out);
	free(burst);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(g1_to_g21_cases),
		cmocka_unit_test(g1_g4_superpacket),
		cmocka_unit_test(g7_ecn),
		cmocka_unit_test(g15_ip_ffff),
		cmocka_unit_test(g15_verified),
		cmocka_unit_test(g16_verified_trailer),
		cmocka_unit_test(hostile),
		cmocka_unit_test(unusual),
		cmocka_unit_test(unfinished),
		cmocka_unit_test(g13_limits),
		cmocka_unit_test(g13_pieces),
		cmocka_unit_test(g17_g18_strange),
		cmocka_unit_test(g19_alias),
		cmocka_unit_test(g20_collision),
		cmocka_unit_test(g20_many_flows),
		cmocka_unit_test(g22_one_fails),
		cmocka_unit_test(g23_poison),
		cmocka_unit_test(g26_nothing_kept),
		cmocka_unit_test(g26_no_epoch_twice),
		cmocka_unit_test(kinds),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
