/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Gluing. G1 to G26 are cases of the study this work follows. The main one is
 * random: whatever comes in, cutting what comes out gives it back.
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
#include "packet/glue.h"
#include "tests/pseudo.h"
#include "wire/bytes.h"
#include "wire/checksum.h"
#include "wire/inet.h"

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
	STREAMS = 100000,
};

/* What a packet is made from; 0 is TCP over IPv4, of flow 0, with ACK. */
struct recipe {
	uint32_t flow; /* picks addresses and ports */
	bool ip6, udp, df, bad_ip, bad_l4, no_csum;
	uint8_t flags, tos, ttl, options; /* options: bytes, TCP */
	uint16_t id, window;
	uint32_t seq, ack, len; /* len: of the payload */
};

struct burst {
	uint8_t byte[GLUE_BURST_MAX][PACKET_SIZE];
	struct vif_batch *in;
	struct vif_batch *out;
	struct glue glue;
};

static uint8_t *put_ip(const struct recipe *recipe, uint8_t *ip, uint32_t l4)
{
	uint8_t proto = recipe->udp ? INET_PROTO_UDP : INET_PROTO_TCP;

	if (recipe->ip6) {
		ip[0] = 0x60;
		ip[1] = (uint8_t)(recipe->tos << 4);
		put_be16(ip + 4, (uint16_t)l4);
		ip[6] = proto;
		ip[7] = (uint8_t)(64 + recipe->ttl);
		ip[8] = ip[24] = 0xfd;
		ip[39] = (uint8_t)recipe->flow;
		return ip + 40;
	}
	ip[0] = 0x45;
	ip[1] = recipe->tos;
	put_be16(ip + 2, (uint16_t)(20 + l4));
	put_be16(ip + 4, recipe->id);
	ip[6] = recipe->df ? 0x40 : 0;
	ip[8] = (uint8_t)(64 + recipe->ttl);
	ip[9] = proto;
	ip[12] = ip[16] = 10;
	ip[19] = (uint8_t)recipe->flow;
	checksum_store(ip + 10, (uint16_t)~checksum_fold(checksum_sum(ip, 20)));
	ip[10] ^= recipe->bad_ip;
	return ip + 20;
}

static void put32(uint8_t *at, uint32_t value)
{
	put_be16(at, (uint16_t)(value >> 16));
	put_be16(at + 2, (uint16_t)value);
}

static void put_tcp(const struct recipe *recipe, uint8_t *tcp)
{
	put_be16(tcp, (uint16_t)(1000 + recipe->flow));
	put_be16(tcp + 2, 80);
	put32(tcp + 4, recipe->seq);
	put32(tcp + 8, recipe->ack);
	tcp[12] = (uint8_t)((5 + recipe->options / 4) << 4);
	tcp[13] = recipe->flags ? recipe->flags : ACK;
	put_be16(tcp + 14, recipe->window);
	memset(tcp + 20, 1, recipe->options);
}

static void finish(const struct recipe *recipe, const uint8_t *ip, uint8_t *l4,
		   uint32_t len)
{
	uint8_t *field = l4 + (recipe->udp ? INET_UDP_CSUM : INET_TCP_CSUM);
	uint8_t proto = recipe->udp ? INET_PROTO_UDP : INET_PROTO_TCP;
	uint16_t sum;

	memset(field, 0, 2);
	sum = (uint16_t)~checksum_fold(checksum_sum(l4, len) +
				       pseudo(ip, proto, len));
	if (recipe->udp && sum == 0)
		sum = 0xffff;
	if (!recipe->no_csum)
		checksum_store(field, sum);
	field[0] ^= recipe->bad_l4;
}

/* Payload depends on flow and place, so that mixed-up bytes are noticed. */
static void add(struct burst *burst, const struct recipe *recipe)
{
	uint8_t *ip = burst->byte[burst->in->n];
	uint32_t l4_len =
		recipe->len + (recipe->udp ? 8 : 20u + recipe->options);
	uint8_t *l4, *data;

	memset(ip, 0, 120);
	l4 = put_ip(recipe, ip, l4_len);
	data = l4 + l4_len - recipe->len;
	if (recipe->udp) {
		put_be16(l4, (uint16_t)(1000 + recipe->flow));
		put_be16(l4 + 2, 53);
		put_be16(l4 + 4, (uint16_t)l4_len);
	} else {
		put_tcp(recipe, l4);
	}
	for (uint32_t i = 0; i < recipe->len; i++)
		data[i] = (uint8_t)((recipe->seq + i) * 31 + recipe->flow);
	finish(recipe, ip, l4, l4_len);
	assert_true(data + recipe->len - ip <= PACKET_SIZE);
	assert_non_null(vif_batch_add(burst->in, ip,
				      (uint32_t)(data + recipe->len - ip)));
}

static void run(struct burst *burst)
{
	uint32_t n = 0;
	uint32_t made;

	vif_batch_clear(burst->out);
	made = glue_burst(&burst->glue, burst->in, burst->out);
	for (uint32_t i = 0; i < burst->out->n; i++)
		n += burst->out->packet[i].gso != VIF_GSO_NONE;
	assert_int_equal(made, n);
	for (uint32_t i = 0; i < burst->out->n; i++)
		assert_int_equal(
			vif_packet_check(&burst->out->packet[i], VIF_MEDIUM_IP),
			0);
}

static size_t flatten(const struct vif_packet *packet, uint8_t *to)
{
	size_t len = 0;

	for (uint16_t i = 0; i < packet->n_seg; i++) {
		memcpy(to + len, packet->seg[i].iov_base,
		       packet->seg[i].iov_len);
		len += packet->seg[i].iov_len;
	}
	return len;
}

/* Finds a packet of the input that has not been seen; returns its index. */
static uint32_t find(const struct burst *burst, bool *seen, const uint8_t *byte,
		     size_t len)
{
	for (uint32_t i = 0; i < burst->in->n; i++) {
		const struct vif_packet *packet = &burst->in->packet[i];

		if (!seen[i] && packet->len == len &&
		    memcmp(packet->seg[0].iov_base, byte, len) == 0) {
			seen[i] = true;
			return i;
		}
	}
	fail_msg("a packet of %zu bytes that never came in", len);
	return 0;
}

static uint32_t flow_of(const struct vif_packet *packet)
{
	return vif_packet_flow_hash(packet, VIF_MEDIUM_IP);
}

/*
 * Cuts the output: every packet of the input is there once, bit for bit, and
 * those of a flow are in order.
 */
static void check_round_trip(const struct burst *burst)
{
	static uint8_t whole[VIF_PACKET_LEN_MAX];
	uint8_t header[VIF_PACKET_HDR_MAX];
	bool seen[GLUE_BURST_MAX] = { false };
	uint32_t order[GLUE_BURST_MAX], n = 0;

	for (uint32_t i = 0; i < burst->out->n; i++) {
		const struct vif_packet *packet = &burst->out->packet[i];
		struct iovec seg[VIF_PACKET_SEG_MAX + 1];
		struct vif_packet segment;
		struct cut cut;

		if (packet->gso == VIF_GSO_NONE) {
			order[n++] = find(burst, seen, whole,
					  flatten(packet, whole));
			continue;
		}
		assert_int_equal(cut_start(&cut, packet, VIF_MEDIUM_IP, true),
				 0);
		while (cut_next(&cut, header, seg, ARRAY_LEN(seg), &segment))
			order[n++] = find(burst, seen, whole,
					  flatten(&segment, whole));
	}
	assert_int_equal(n, burst->in->n);
	for (uint32_t i = 0; i < n; i++)
		for (uint32_t j = i + 1; j < n; j++)
			if (flow_of(&burst->in->packet[order[i]]) ==
			    flow_of(&burst->in->packet[order[j]]))
				assert_true(order[i] < order[j]);
}

/* Packets there are after gluing these, which must also cut back. */
static uint32_t glued(struct burst *burst, const struct recipe *recipe,
		      size_t n)
{
	vif_batch_clear(burst->in);
	for (size_t i = 0; i < n; i++)
		add(burst, &recipe[i]);
	run(burst);
	check_round_trip(burst);
	return burst->out->n;
}

#define GLUED(burst, ...)                                \
	glued(burst, (struct recipe[]){ __VA_ARGS__ },   \
	      sizeof((struct recipe[]){ __VA_ARGS__ }) / \
		      sizeof(struct recipe))

/*
 * Segment i of a TCP flow with 100 bytes in each. A case overrides what makes
 * it special.
 */
#pragma GCC diagnostic ignored "-Woverride-init"
#define TCP(i, ...)                                                  \
	{                                                            \
		.seq = 100 * (i), .id = (i), .len = 100, __VA_ARGS__ \
	}
#define UDP(i, ...)                                             \
	{                                                       \
		.udp = true, .id = (i), .len = 100, __VA_ARGS__ \
	}

/* G1: three in a row are one. */
static void in_order(void **state)
{
	struct burst *burst = *state;
	const struct vif_packet *packet = &burst->out->packet[0];

	assert_int_equal(GLUED(burst, TCP(0), TCP(1), TCP(2)), 1);
	assert_int_equal(packet->len, 340);
	assert_int_equal(packet->gso_size, 100);
	assert_int_equal(packet->gso, VIF_GSO_TCP4);
	assert_int_equal(GLUED(burst, TCP(0, .ip6 = true), TCP(1, .ip6 = true)),
			 1);
	assert_int_equal(packet->gso, VIF_GSO_TCP6);
	assert_int_equal(GLUED(burst, UDP(0), UDP(1), UDP(2)), 1);
	assert_int_equal(packet->gso, VIF_GSO_UDP);
}

/* G2, G3: gaps, repeats, overlaps, short and long ones. */
static void sequence(void **state)
{
	struct burst *burst = *state;

	assert_int_equal(GLUED(burst, TCP(0), TCP(2)), 2);
	assert_int_equal(GLUED(burst, TCP(0), TCP(0)), 2);
	assert_int_equal(GLUED(burst, TCP(1), TCP(0)), 2);
	assert_int_equal(GLUED(burst, TCP(0), TCP(1, .seq = 50)), 2);
	assert_int_equal(
		GLUED(burst, TCP(0), TCP(1, .len = 50), TCP(2, .seq = 150)), 2);
	assert_int_equal(GLUED(burst, TCP(0), TCP(1, .len = 101)), 2);
	/* G12: the sequence number wraps. */
	assert_int_equal(
		GLUED(burst, TCP(0, .seq = 0xffffffce), TCP(1, .seq = 50)), 1);
}

/* G4, G5, G6: flags. */
static void flags(void **state)
{
	struct burst *burst = *state;
	static const uint8_t alone[] = {
		FIN | ACK, SYN | ACK, RST | ACK, URG | ACK, CWR | ACK, PSH,
	};

	assert_int_equal(
		GLUED(burst, TCP(0), TCP(1, .flags = PSH | ACK), TCP(2)), 2);
	assert_int_equal(GLUED(burst, TCP(0, .flags = PSH | ACK), TCP(1)), 2);
	assert_int_equal(GLUED(burst, TCP(0, .flags = ECE | ACK),
			       TCP(1, .flags = ECE | ACK)),
			 1);
	assert_int_equal(GLUED(burst, TCP(0), TCP(1, .flags = ECE | ACK)), 2);
	for (size_t i = 0; i < sizeof(alone); i++)
		assert_int_equal(
			GLUED(burst, TCP(0), TCP(1, .flags = alone[i]), TCP(2)),
			3);
	/* A pure ACK in between is not overtaken. */
	assert_int_equal(
		GLUED(burst, TCP(0), TCP(1, .len = 0), TCP(1, .id = 1)), 3);
}

/* G7 to G10: every field that has to be the same, or one more. */
static void fields(void **state)
{
	struct burst *burst = *state;

	assert_int_equal(GLUED(burst, TCP(0), TCP(1, .tos = 1)), 2);
	assert_int_equal(GLUED(burst, TCP(0), TCP(1, .ttl = 1)), 2);
	assert_int_equal(GLUED(burst, TCP(0), TCP(1, .df = true)), 2);
	assert_int_equal(GLUED(burst, TCP(0), TCP(1, .window = 1)), 2);
	assert_int_equal(GLUED(burst, TCP(0), TCP(1, .ack = 1)), 2);
	assert_int_equal(GLUED(burst, TCP(0), TCP(1, .options = 12)), 2);
	assert_int_equal(
		GLUED(burst, TCP(0, .options = 12), TCP(1, .options = 12)), 1);
	assert_int_equal(GLUED(burst, TCP(0), TCP(1, .id = 0)), 2);
	assert_int_equal(GLUED(burst, TCP(0), TCP(1, .id = 2)), 2);
	assert_int_equal(
		GLUED(burst, TCP(0, .df = true), TCP(1, .df = true, .id = 7)),
		2);
	assert_int_equal(GLUED(burst, TCP(0, .id = 0xffff), TCP(1, .id = 0)),
			 1);
	assert_int_equal(GLUED(burst, TCP(0), TCP(1, .ip6 = true)), 2);
	assert_int_equal(GLUED(burst, TCP(0), UDP(1)), 2);
}

/* G14: UDP. */
static void udp(void **state)
{
	struct burst *burst = *state;

	assert_int_equal(GLUED(burst, UDP(0), UDP(1, .len = 50), UDP(2)), 2);
	assert_int_equal(GLUED(burst, UDP(0), UDP(1, .len = 101)), 2);
	assert_int_equal(GLUED(burst, UDP(0), UDP(1, .len = 0), UDP(2)), 3);
	assert_int_equal(
		GLUED(burst, UDP(0, .no_csum = true), UDP(1, .no_csum = true)),
		2);
}

/* G15: what is corrupt stays so, and alone. */
static void corrupt(void **state)
{
	struct burst *burst = *state;

	assert_int_equal(GLUED(burst, TCP(0), TCP(1, .bad_l4 = true), TCP(2)),
			 3);
	assert_int_equal(GLUED(burst, TCP(0), TCP(1, .bad_ip = true), TCP(2)),
			 3);
	assert_int_equal(GLUED(burst, UDP(0, .bad_l4 = true), UDP(1)), 2);
}

/* What somebody has verified is not summed again. */
static void verified(void **state)
{
	struct burst *burst = *state;

	vif_batch_clear(burst->in);
	add(burst, &(struct recipe)TCP(0));
	add(burst, &(struct recipe)TCP(1));
	burst->in->packet[0].csum = VIF_CSUM_VERIFIED;
	burst->in->packet[1].csum = VIF_CSUM_VERIFIED;
	run(burst);
	assert_int_equal(burst->out->n, 1);
}

/* What a peer can still change is not looked at twice, so it is not glued. */
static void hostile(void **state)
{
	struct burst *burst = *state;

	vif_batch_clear(burst->in);
	add(burst, &(struct recipe)TCP(0));
	add(burst, &(struct recipe)TCP(1));
	add(burst, &(struct recipe)TCP(2));
	burst->in->packet[1].flags = VIF_PACKET_HOSTILE;
	run(burst);
	check_round_trip(burst);
	assert_int_equal(burst->out->n, 3);
}

/* G13: a full superpacket, and one more. */
static void limits(void **state)
{
	struct burst *burst = *state;

	vif_batch_clear(burst->in);
	for (uint32_t i = 0; i < GLUE_BURST_MAX; i++)
		add(burst, &(struct recipe){ .seq = 1400 * i,
					     .id = (uint16_t)i,
					     .len = 1400 });
	run(burst);
	check_round_trip(burst);
	assert_int_equal(burst->out->n, 2);
	assert_in_range(burst->out->packet[0].len, 64000, 65535);
	vif_batch_clear(burst->in);
	for (uint32_t i = 0; i < GLUE_BURST_MAX; i++)
		add(burst, &(struct recipe)UDP((uint16_t)i));
	run(burst);
	check_round_trip(burst);
	assert_int_equal(burst->out->packet[0].n_seg, VIF_PACKET_SEG_MAX);
}

/* G16, G17: what cannot be understood passes, and nothing overtakes it. */
static void strange(void **state)
{
	struct burst *burst = *state;
	static uint8_t odd[][24] = { { 0x45 }, { 0 }, { 0x60 }, { 0x4f } };

	for (size_t i = 0; i < ARRAY_LEN(odd); i++) {
		vif_batch_clear(burst->in);
		add(burst, &(struct recipe)TCP(0));
		assert_non_null(
			vif_batch_add(burst->in, odd[i], 1 + 7 * (uint32_t)i));
		/* The row of this one is the third. */
		memcpy(burst->byte[2], burst->byte[0], 1);
		add(burst, &(struct recipe)TCP(1));
		run(burst);
		check_round_trip(burst);
		assert_int_equal(burst->out->n, 3);
	}
	/* A trailer behind the IP packet. */
	vif_batch_clear(burst->in);
	add(burst, &(struct recipe)TCP(0));
	add(burst, &(struct recipe)TCP(1));
	burst->in->packet[1].len += 6;
	burst->in->seg[1].iov_len += 6;
	run(burst);
	assert_int_equal(burst->out->n, 2);
	/* G26 */
	vif_batch_clear(burst->in);
	run(burst);
	assert_int_equal(burst->out->n, 0);
}

/* No more pieces than the destination takes: one of headers, and payloads. */
static void pieces(void **state)
{
	struct burst *burst = *state;

	glue_init(&burst->glue, VIF_MEDIUM_IP, VIF_GSO_ALL, 3);
	assert_int_equal(GLUED(burst, TCP(0), TCP(1), TCP(2), TCP(3), TCP(4)),
			 3);
	assert_int_equal(burst->out->packet[0].n_seg, 3);
	assert_int_equal(burst->out->packet[2].n_seg, 1);
	glue_init(&burst->glue, VIF_MEDIUM_IP, VIF_GSO_ALL, 2);
	assert_int_equal(GLUED(burst, TCP(0), TCP(1)), 2);
	glue_init(&burst->glue, VIF_MEDIUM_IP, VIF_GSO_ALL, VIF_PACKET_SEG_MAX);
}

/* Only what the destination takes. */
static void kinds(void **state)
{
	struct burst *burst = *state;

	burst->glue.gso = VIF_GSO_BIT(VIF_GSO_TCP4);
	assert_int_equal(GLUED(burst, TCP(0), TCP(1)), 1);
	assert_int_equal(GLUED(burst, UDP(0), UDP(1)), 2);
	assert_int_equal(GLUED(burst, TCP(0, .ip6 = true), TCP(1, .ip6 = true)),
			 2);
	burst->glue.gso = VIF_GSO_ALL;
}

/* G20: flows in turn; as many flows as there are packets. */
static void many_flows(void **state)
{
	struct burst *burst = *state;

	vif_batch_clear(burst->in);
	for (uint32_t i = 0; i < GLUE_BURST_MAX; i++)
		add(burst,
		    &(struct recipe)TCP((uint16_t)(i / 2), .flow = i % 2));
	run(burst);
	check_round_trip(burst);
	assert_int_equal(burst->out->n, 2);
	vif_batch_clear(burst->in);
	for (uint32_t i = 0; i < GLUE_BURST_MAX; i++)
		add(burst, &(struct recipe)TCP(0, .flow = i));
	run(burst);
	check_round_trip(burst);
	assert_int_equal(burst->out->n, GLUE_BURST_MAX);
}

static uint32_t random_below(uint64_t *seed, uint32_t n)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(*seed >> 33) % n;
}

/* The next packet of a random flow; now and then something is odd. */
static struct recipe random_packet(uint64_t *seed, uint32_t *seq, uint16_t *id)
{
	uint32_t flow = random_below(seed, 5);
	uint32_t odd = random_below(seed, 40);
	struct recipe recipe = {
		.flow = flow,
		.ip6 = flow == 1,
		.udp = flow == 2 || flow == 3,
		.df = flow == 4,
		.seq = seq[flow],
		.id = id[flow],
		.len = 60,
		.flags = random_below(seed, 12) ? ACK : PSH | ACK,
	};

	if (odd == 0)
		recipe.len = random_below(seed, 100);
	if (odd == 1)
		recipe.seq += random_below(seed, 200);
	if (odd == 2)
		recipe.id = (uint16_t)random_below(seed, 65536);
	if (odd == 3)
		recipe.flags = (uint8_t)random_below(seed, 256);
	recipe.bad_l4 = odd == 4;
	recipe.bad_ip = odd == 5;
	recipe.no_csum = odd == 6;
	recipe.tos = odd == 7;
	seq[flow] = recipe.seq + recipe.len;
	id[flow] = (uint16_t)(recipe.id + 1);
	return recipe;
}

/* G21, G24: random bursts of mixed flows. */
static void round_trip(void **state)
{
	struct burst *burst = *state;
	uint32_t seq[5] = { 0 };
	uint16_t id[5] = { 0 };
	uint64_t in = 0, out = 0;

	for (uint64_t stream = 0; stream < STREAMS; stream++) {
		uint64_t seed = stream;
		uint32_t n = random_below(&seed, GLUE_BURST_MAX) + 1;

		vif_batch_clear(burst->in);
		for (uint32_t i = 0; i < n; i++) {
			struct recipe recipe = random_packet(&seed, seq, id);

			add(burst, &recipe);
		}
		run(burst);
		check_round_trip(burst);
		in += n;
		out += burst->out->n;
	}
	print_message("%llu packets became %llu\n", (unsigned long long)in,
		      (unsigned long long)out);
	assert_true(out > 0 && out < in / 2);
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
		cmocka_unit_test(in_order), cmocka_unit_test(sequence),
		cmocka_unit_test(flags),    cmocka_unit_test(fields),
		cmocka_unit_test(udp),      cmocka_unit_test(corrupt),
		cmocka_unit_test(verified), cmocka_unit_test(hostile),
		cmocka_unit_test(limits),   cmocka_unit_test(strange),
		cmocka_unit_test(kinds),    cmocka_unit_test(many_flows),
		cmocka_unit_test(pieces),   cmocka_unit_test(round_trip),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
