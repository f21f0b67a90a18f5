/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of finding the headers of a packet. */
#include "wire/inet.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "tests/frame.h"

struct good_case {
	const char *layers;
	struct inet inet; /* l3_off, l4_off, version, proto, fragment */
};

static const struct good_case goods[] = {
	{ "ip4 tcp data+10", { 0, 20, 4, 6, false } },
	{ "ip4 udp", { 0, 20, 4, 17, false } },
	{ "ip4 icmp", { 0, 20, 4, 1, false } },
	{ "ip4", { 0, 20, 4, 0, false } },
	{ "ip4+4 tcp", { 0, 24, 4, 6, false } },
	{ "ip4+40 tcp+40", { 0, 60, 4, 6, false } },
	{ "ip4_first udp", { 0, 20, 4, 17, true } },
	{ "ip4_middle udp", { 0, 20, 4, 17, true } },
	{ "ip4_last udp", { 0, 20, 4, 17, true } },
	{ "ip6 tcp data+10", { 0, 40, 6, 6, false } },
	{ "ip6 udp", { 0, 40, 6, 17, false } },
	{ "ip6 hop tcp", { 0, 48, 6, 6, false } },
	{ "ip6 hop+8 tcp", { 0, 56, 6, 6, false } },
	{ "ip6 route tcp", { 0, 48, 6, 6, false } },
	{ "ip6 route+16 udp", { 0, 64, 6, 17, false } },
	{ "ip6 dst tcp", { 0, 48, 6, 6, false } },
	{ "ip6 dst+2040 tcp", { 0, 2088, 6, 6, false } },
	{ "ip6 hop dst route dst tcp", { 0, 72, 6, 6, false } },
	{ "ip6 ip6_atomic udp", { 0, 48, 6, 17, false } },
	{ "ip6 ip6_atomic dst udp", { 0, 56, 6, 17, false } },
	{ "ip6 ip6_reserved udp", { 0, 48, 6, 17, false } },
	{ "ip6 ip6_first udp", { 0, 48, 6, 17, true } },
	{ "ip6 hop ip6_first udp", { 0, 56, 6, 17, true } },
	{ "ip6 ip6_middle udp", { 0, 48, 6, 17, true } },
	{ "ip6 ip6_last udp", { 0, 48, 6, 17, true } },
	/* What follows in a fragment is not looked at. */
	{ "ip6 ip6_middle dst data+4", { 0, 48, 6, 60, true } },
	{ "ip6 dst dst dst dst dst dst dst dst tcp", { 0, 104, 6, 6, false } },
	{ "eth ip4 tcp", { 14, 34, 4, 6, false } },
	{ "eth ip6 udp", { 14, 54, 6, 17, false } },
	{ "eth vlan ip4+8 tcp", { 18, 46, 4, 6, false } },
	{ "eth qinq vlan ip4 tcp", { 22, 42, 4, 6, false } },
	{ "eth vlan vlan ip6 hop tcp", { 22, 70, 6, 6, false } },
	{ "eth qinq ip4_middle udp", { 18, 38, 4, 17, true } },
};

static bool is_eth(const char *layers)
{
	return strncmp(layers, "eth", 3) == 0;
}

static int parse(const struct frame *frame, size_t len, bool eth,
		 struct inet *ret_inet)
{
	uint8_t *exact = frame_exact(frame, len);
	int r = inet_parse(exact, len, eth, ret_inet);

	free(exact);
	return r;
}

static void headers_are_found(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(goods); i++) {
		const struct inet *want = &goods[i].inet;
		struct frame frame = frame_make(goods[i].layers);
		struct inet inet;
		int r = parse(&frame, frame.len, is_eth(goods[i].layers),
			      &inet);

		if (r != 0 || inet.l3_off != want->l3_off ||
		    inet.l4_off != want->l4_off ||
		    inet.version != want->version ||
		    inet.proto != want->proto ||
		    inet.fragment != want->fragment)
			fail_msg("%s: %d, l3 %u l4 %u v%u proto %u frag %d",
				 goods[i].layers, r, inet.l3_off, inet.l4_off,
				 inet.version, inet.proto, inet.fragment);
	}
}

/* Cut anywhere before L4 it is refused; what follows is not needed. */
static void every_truncation_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(goods); i++) {
		struct frame frame = frame_make(goods[i].layers);
		bool eth = is_eth(goods[i].layers);

		for (size_t len = 0; len <= frame.len; len++) {
			struct inet inet = { .l4_off = 9999 };
			int want = len < goods[i].inet.l4_off ? -EINVAL : 0;
			int r = parse(&frame, len, eth, &inet);

			if (r != want)
				fail_msg("%s cut to %zu: %d, not %d",
					 goods[i].layers, len, r, want);
			if (r < 0)
				assert_int_equal(inet.l4_off, 9999);
		}
	}
}

static void what_is_not_ip_is_refused(void **state)
{
	static const char *const layers[] = {
		"eth arp",
		"eth vlan arp",
		"eth tcp",
		"eth vlan vlan vlan ip4 tcp", /* more tags than we look at */
		"ip6 dst dst dst dst dst dst dst dst dst tcp",
	};
	struct inet inet;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(layers); i++) {
		struct frame frame = frame_make(layers[i]);

		if (parse(&frame, frame.len, is_eth(layers[i]), &inet) !=
		    -EINVAL)
			fail_msg("%s is accepted", layers[i]);
	}
}

/* One byte of a good packet is changed. */
struct patch_case {
	const char *layers;
	size_t at;
	uint8_t value;
	int result;
};

static void bad_fields_are_refused(void **state)
{
	static const struct patch_case cases[] = {
		{ "ip4 tcp", 0, 0x05, -EINVAL }, /* version 0 */
		{ "ip4 tcp", 0, 0x55, -EINVAL }, /* 5 */
		{ "ip4 tcp", 0, 0xf5, -EINVAL }, /* 15 */
		{ "ip4 udp", 0, 0x65, -EINVAL }, /* 6, but too short */
		{ "ip4 tcp", 0, 0x40, -EINVAL }, /* IHL 0 */
		{ "ip4 tcp", 0, 0x41, -EINVAL },
		{ "ip4 tcp", 0, 0x44, -EINVAL },
		{ "ip4 tcp", 0, 0x4a, 0 },       /* just the whole packet */
		{ "ip4 tcp", 0, 0x4b, -EINVAL }, /* IHL past the end */
		{ "ip4 tcp", 0, 0x4f, -EINVAL },
		{ "eth ip4 tcp", 13, 0x01, -EINVAL },         /* EtherType */
		{ "eth ip4 tcp data+20", 14, 0x65, -EINVAL }, /* disagrees */
		{ "eth ip6 tcp", 14, 0x45, -EINVAL },
		{ "ip6 dst tcp", 41, 2, 0 },       /* 24 bytes: up to the end */
		{ "ip6 dst tcp", 41, 3, -EINVAL }, /* past it */
		{ "ip6 dst tcp", 41, 255, -EINVAL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct frame frame = frame_make(cases[i].layers);
		struct inet inet;
		int r;

		frame.byte[cases[i].at] = cases[i].value;
		r = parse(&frame, frame.len, is_eth(cases[i].layers), &inet);
		if (r != cases[i].result)
			fail_msg("%s with %#x at %zu: %d", cases[i].layers,
				 cases[i].value, cases[i].at, r);
	}
}

static void every_fragment_bit_counts(void **state)
{
	struct inet inet;

	(void)state;
	for (int bit = 0; bit < 16; bit++) {
		struct frame ip4 = frame_make("ip4 udp");
		struct frame ip6 = frame_make("ip6 ip6_atomic udp");

		put_be16(ip4.byte + 6, (uint16_t)(1u << bit));
		assert_int_equal(parse(&ip4, ip4.len, false, &inet), 0);
		/* The two bits on top are reserved and DF. */
		assert_int_equal(inet.fragment, bit < 14);
		put_be16(ip6.byte + 42, (uint16_t)(1u << bit));
		assert_int_equal(parse(&ip6, ip6.len, false, &inet), 0);
		/* Bits 1 and 2 are reserved. */
		assert_int_equal(inet.fragment, bit != 1 && bit != 2);
	}
}

static void packets_over_64k_are_read(void **state)
{
	struct frame frame = frame_make("ip6 tcp");
	uint8_t *data = calloc(1, 70000);
	struct inet inet;

	(void)state;
	assert_non_null(data);
	memcpy(data, frame.byte, frame.len);
	assert_int_equal(inet_parse(data, 70000, false, &inet), 0);
	assert_int_equal(inet.l4_off, 40);
	free(data);
}

struct l3_case {
	const char *layers;
	uint16_t l3_off;
	uint16_t ethertype;
};

static void tags_are_looked_through(void **state)
{
	static const struct l3_case cases[] = {
		{ "eth arp", 14, 0x0806 },
		{ "eth ip4", 14, 0x0800 },
		{ "eth vlan arp", 18, 0x0806 },
		{ "eth qinq vlan ip6", 22, 0x86dd },
		{ "eth vlan vlan vlan ip4", 22, 0x8100 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct frame frame = frame_make(cases[i].layers);

		for (size_t len = 0; len <= frame.len; len++) {
			uint8_t *exact = frame_exact(&frame, len);
			uint16_t off = 1, type = 1;
			bool fits = len >= cases[i].l3_off;
			int r = inet_l3_off(exact, len, &off, &type);

			assert_int_equal(r, fits ? 0 : -EINVAL);
			assert_int_equal(off, fits ? cases[i].l3_off : 1);
			assert_int_equal(type, fits ? cases[i].ethertype : 1);
			free(exact);
		}
	}
}

/* Every length it can claim, in every length there can be. */
static void l4_headers_have_their_length(void **state)
{
	static const char *const layers[] = {
		"ip4 tcp data+60", "ip6 tcp data+60", "ip4 udp data+60",
		"eth ip6 udp data+60", "ip4 icmp data+60"
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(layers); i++) {
		struct frame frame = frame_make(layers[i]);
		bool is_eth = layers[i][0] == 'e';
		struct inet inet;

		assert_int_equal(
			inet_parse(frame.byte, frame.len, is_eth, &inet), 0);
		for (size_t words = 0; words < 16; words++) {
			size_t want =
				inet.proto == INET_PROTO_UDP ? 8 :
				inet.proto == INET_PROTO_TCP && words >= 5 ?
							       4 * words :
							       0;

			if (inet.proto == INET_PROTO_TCP)
				frame.byte[inet.l4_off + 12] =
					(uint8_t)(words << 4 | 1);
			for (size_t n = 0; n <= frame.len - inet.l4_off; n++) {
				size_t len = inet.l4_off + n;
				uint8_t *exact = frame_exact(&frame, len);

				assert_int_equal(inet_l4_len(exact, len, &inet),
						 n >= want ? want : 0);
				free(exact);
			}
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(headers_are_found),
		cmocka_unit_test(every_truncation_is_refused),
		cmocka_unit_test(what_is_not_ip_is_refused),
		cmocka_unit_test(bad_fields_are_refused),
		cmocka_unit_test(every_fragment_bit_counts),
		cmocka_unit_test(packets_over_64k_are_read),
		cmocka_unit_test(tags_are_looked_through),
		cmocka_unit_test(l4_headers_have_their_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
