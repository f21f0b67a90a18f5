/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the flow hash. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <vif/packet.h>

#include "tests/frame.h"
#include "wire/inet.h"

static enum vif_medium medium_of(const char *layers)
{
	return strncmp(layers, "eth", 3) == 0 ? VIF_MEDIUM_ETH : VIF_MEDIUM_IP;
}

/* Hashes the first len bytes, in a block of their own. */
static uint32_t hash_cut(const struct frame *frame, size_t len,
			 enum vif_medium medium)
{
	uint8_t *exact = frame_exact(frame, len);
	struct iovec seg = { exact, len };
	struct vif_packet packet = {
		.seg = &seg,
		.len = (uint32_t)len,
		.n_seg = 1,
	};
	uint32_t hash = vif_packet_flow_hash(&packet, medium);

	free(exact);
	return hash;
}

static uint32_t hash(const struct frame *frame, const char *layers)
{
	return hash_cut(frame, frame->len, medium_of(layers));
}

static uint32_t hash_of(const char *layers)
{
	struct frame frame = frame_make(layers);

	return hash(&frame, layers);
}

static void swap(uint8_t *a, uint8_t *b, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint8_t byte = a[i];

		a[i] = b[i];
		b[i] = byte;
	}
}

/* Turns a packet into one of the other direction. */
static void reverse(struct frame *frame, const char *layers)
{
	struct inet inet;
	bool eth = medium_of(layers) == VIF_MEDIUM_ETH;
	uint8_t *ip;

	if (eth)
		swap(frame->byte, frame->byte + 6, 6);
	if (inet_parse(frame->byte, frame->len, eth, &inet) < 0)
		return;
	ip = frame->byte + inet.l3_off;
	if (inet.version == 4)
		swap(ip + 12, ip + 16, 4);
	else
		swap(ip + 8, ip + 24, 16);
	if (frame->len >= (size_t)inet.l4_off + 4 && inet.proto != 1)
		swap(frame->byte + inet.l4_off, frame->byte + inet.l4_off + 2,
		     2);
}

static const char *const all_layers[] = {
	"ip4 tcp",
	"ip4+8 udp",
	"ip4 sctp",
	"ip4 udplite",
	"ip4 icmp",
	"ip4_first udp",
	"ip4_middle udp",
	"ip6 tcp",
	"ip6 hop udp",
	"ip6 ip6_atomic udp",
	"ip6 ip6_middle udp",
	"eth ip4 tcp",
	"eth vlan ip6 tcp",
	"eth arp",
	"eth vlan vlan vlan ip4 tcp",
};

static void both_directions_are_equal(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(all_layers); i++) {
		struct frame there = frame_make(all_layers[i]);
		struct frame back = there;

		reverse(&back, all_layers[i]);
		assert_memory_not_equal(there.byte, back.byte, there.len);
		if (hash(&there, all_layers[i]) != hash(&back, all_layers[i]))
			fail_msg("%s: the way back differs", all_layers[i]);
	}
}

static void only_the_flow_counts(void **state)
{
	/* Packets of one flow. */
	static const char *const same[][2] = {
		{ "ip4 tcp", "ip4 tcp+12 data+1000" },
		{ "ip4 tcp", "ip4+40 tcp" },
		{ "ip4 tcp", "eth ip4 tcp" },
		{ "ip4 tcp", "eth qinq vlan ip4 tcp" },
		{ "ip6 udp", "ip6 hop dst+8 udp data+3" },
		{ "ip6 udp", "ip6 ip6_atomic udp" },
		/* Fragments go by their addresses alone. */
		{ "ip4_first udp", "ip4_middle data+100" },
		{ "ip4_first udp", "ip4_last tcp data+7" },
		{ "ip4_first udp", "ip4_first data+3" },
		{ "ip6 ip6_first udp", "ip6 ip6_middle data+100" },
		{ "ip6 ip6_first udp", "ip6 ip6_last tcp" },
		{ "ip6 hop ip6_first udp", "ip6 ip6_middle dst" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(same); i++)
		if (hash_of(same[i][0]) != hash_of(same[i][1]))
			fail_msg("%s and %s differ", same[i][0], same[i][1]);
}

static void both_ends_count(void **state)
{
	static const char *const layers[] = { "ip4 tcp", "ip6 udp",
					      "eth ip4 sctp", "eth arp" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(layers); i++) {
		struct frame frame = frame_make(layers[i]);
		uint32_t first = hash(&frame, layers[i]);
		struct inet inet = { .l4_off = 0 };
		size_t at[4] = { 0, 6, 1, 7 }; /* Ethernet addresses */

		if (inet_parse(frame.byte, frame.len,
			       medium_of(layers[i]) == VIF_MEDIUM_ETH,
			       &inet) == 0) {
			at[0] = inet.l3_off + (inet.version == 4 ? 15u : 8u);
			at[1] = inet.l3_off + (inet.version == 4 ? 19u : 39u);
			at[2] = inet.l4_off + 1u;
			at[3] = inet.l4_off + 3u;
		}
		for (size_t k = 0; k < 4; k++) {
			frame.byte[at[k]] ^= 0x10;
			if (hash(&frame, layers[i]) == first)
				fail_msg("%s: byte %zu", layers[i], at[k]);
			frame.byte[at[k]] ^= 0x10;
		}
	}
}

/* How many of 4096 flows fall into the fullest of n buckets. */
static uint32_t fullest(const char *layers, uint32_t n, size_t at)
{
	struct frame frame = frame_make(layers);
	uint32_t count[16] = { 0 }, most = 0;

	for (uint32_t i = 0; i < 4096; i++) {
		put_be16(frame.byte + at, (uint16_t)(20000 + i));
		count[hash(&frame, layers) % n]++;
	}
	for (uint32_t i = 0; i < n; i++)
		most = count[i] > most ? count[i] : most;
	return most;
}

static void flows_spread(void **state)
{
	(void)state;
	/* Ports, or addresses, that differ in the low bits only. */
	for (uint32_t n = 2; n <= 16; n++) {
		uint32_t most = 4096 / n * 5 / 4;

		assert_in_range(fullest("ip4 tcp", n, 20), 4096 / n, most);
		assert_in_range(fullest("ip4 tcp", n, 22), 4096 / n, most);
		assert_in_range(fullest("ip6 udp", n, 40), 4096 / n, most);
		assert_in_range(fullest("ip4 icmp", n, 18), 4096 / n, most);
		assert_in_range(fullest("ip6 icmp", n, 22), 4096 / n, most);
		assert_in_range(fullest("eth arp", n, 4), 4096 / n, most);
	}
}

static void short_packets_are_hashed(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(all_layers); i++) {
		struct frame frame = frame_make(all_layers[i]);

		/* Nothing to compare: ASan watches the reads. */
		for (size_t len = 0; len <= frame.len; len++)
			(void)hash_cut(&frame, len, medium_of(all_layers[i]));
	}
}

static void what_is_not_ip_has_a_value(void **state)
{
	struct frame junk = frame_make("tcp");
	struct frame arp = frame_make("eth arp");

	(void)state;
	assert_int_equal(hash_cut(&junk, junk.len, VIF_MEDIUM_IP), 0);
	assert_int_equal(hash_cut(&junk, 0, VIF_MEDIUM_IP), 0);
	assert_int_equal(hash_cut(&arp, 11, VIF_MEDIUM_ETH), 0);
	assert_int_not_equal(hash_cut(&arp, 12, VIF_MEDIUM_ETH), 0);
}

/* The hash reads the first piece; cut behind the ports it sees all. */
static void first_piece_is_enough(void **state)
{
	struct frame frame = frame_make("ip4 tcp data+100");
	uint32_t whole = hash(&frame, "ip4");

	(void)state;
	for (size_t len = 24; len < frame.len; len++)
		assert_int_equal(hash_cut(&frame, len, VIF_MEDIUM_IP), whole);
	assert_int_not_equal(hash_cut(&frame, 23, VIF_MEDIUM_IP), whole);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_directions_are_equal),
		cmocka_unit_test(only_the_flow_counts),
		cmocka_unit_test(both_ends_count),
		cmocka_unit_test(flows_spread),
		cmocka_unit_test(short_packets_are_hashed),
		cmocka_unit_test(what_is_not_ip_has_a_value),
		cmocka_unit_test(first_piece_is_enough),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
