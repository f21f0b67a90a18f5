/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cutting what must not be cut, cases S9, S11 and S22 of the study this work
 * follows: refused, with nothing read outside of the packet, which lies in a
 * block of its own size for the address sanitizer.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bits.h"
#include "packet/cut.h"
#include "packet/offload.h"
#include "tests/super.h"
#include "wire/bytes.h"

/* One case: where a good superpacket is changed, and to what. */
struct spoil {
	const char *name;
	enum {
		FIELD8,  /* of struct vif_packet */
		FIELD16, /* of struct vif_packet */
		BYTE,    /* of the packet */
		WORD,    /* of the packet, in network order */
		LENGTH,  /* of the packet */
		FIRST,   /* of its first piece; the rest is in a second one */
	} kind;
	uint16_t off;
	uint16_t value;
};

#define AT(field) offsetof(struct vif_packet, field)

static const struct spoil ip4_spoils[] = {
	{ "S22 gso_size 0", FIELD16, AT(gso_size), 0 },
	{ "S22 gso_size 65535", FIELD16, AT(gso_size), 65535 },
	{ "S22 hdr_len 0", FIELD16, AT(hdr_len), 0 },
	{ "S22 hdr_len past the end", FIELD16, AT(hdr_len), 2041 },
	{ "S22 hdr_len 65535", FIELD16, AT(hdr_len), 65535 },
	{ "S22 hdr_len one less", FIELD16, AT(hdr_len), 39 },
	{ "S22 hdr_len one more", FIELD16, AT(hdr_len), 41 },
	{ "S11 hdr_len 124", FIELD16, AT(hdr_len), 124 },
	{ "S22 csum_start 0", FIELD16, AT(l4_off), 0 },
	{ "S22 csum_start past the end", FIELD16, AT(l4_off), 2041 },
	{ "S22 csum_start 65535", FIELD16, AT(l4_off), 65535 },
	{ "S22 csum field ends one past", FIELD16, AT(l4_off), 2040 - 17 },
	{ "S22 csum field at the end", FIELD16, AT(l4_off), 2040 - 16 },
	{ "S22 csum field wraps 16 bits", FIELD16, AT(csum_off), 65535 - 20 },
	{ "S22 csum field wraps to 0", FIELD16, AT(csum_off), 65535 - 19 },
	{ "S22 csum_offset odd", FIELD16, AT(csum_off), 17 },
	{ "S22 csum_offset of UDP", FIELD16, AT(csum_off), 6 },
	{ "S22 l3_off past the end", FIELD16, AT(l3_off), 65535 },
	{ "S22 l3_off inside the header", FIELD16, AT(l3_off), 4 },
	{ "S22 data offset 0", BYTE, 32, 0x00 },
	{ "S22 data offset 1", BYTE, 32, 0x10 },
	{ "S22 data offset 2", BYTE, 32, 0x20 },
	{ "S22 data offset 3", BYTE, 32, 0x30 },
	{ "S22 data offset 4", BYTE, 32, 0x40 },
	{ "S22 data offset past hdr_len", BYTE, 32, 0xf0 },
	{ "S22 IHL 0", BYTE, 0, 0x40 },
	{ "S22 IHL 1", BYTE, 0, 0x41 },
	{ "S22 IHL 2", BYTE, 0, 0x42 },
	{ "S22 IHL 3", BYTE, 0, 0x43 },
	{ "S22 IHL 4", BYTE, 0, 0x44 },
	{ "S22 IHL past csum_start", BYTE, 0, 0x46 },
	{ "S22 IHL past the TCP header", BYTE, 0, 0x4f },
	{ "S22 version 0", BYTE, 0, 0x05 },
	{ "S22 version 5", BYTE, 0, 0x55 },
	{ "S22 version 6", BYTE, 0, 0x65 },
	{ "S22 version 15", BYTE, 0, 0xf5 },
	{ "S22 IPv4 of 19 bytes", LENGTH, 0, 19 },
	{ "S22 no byte", LENGTH, 0, 0 },
	{ "S22 data offset past the end", LENGTH, 0, 39 },
	{ "S22 headers in two pieces", FIRST, 0, 39 },
	{ "S22 first piece empty", FIRST, 0, 0 },
	{ "S22 no such kind", FIELD8, AT(gso), 4 },
	{ "S22 kind 255", FIELD8, AT(gso), 255 },
	{ "S22 no superpacket", FIELD8, AT(gso), VIF_GSO_NONE },
	{ "S22 kind of IPv6", FIELD8, AT(gso), VIF_GSO_TCP6 },
	{ "S22 kind of UDP", FIELD8, AT(gso), VIF_GSO_UDP },
	{ "S22 finished checksum", FIELD8, AT(csum), VIF_CSUM_COMPLETE },
	{ "S22 verified checksum", FIELD8, AT(csum), VIF_CSUM_VERIFIED },
	{ "S22 no such checksum state", FIELD8, AT(csum), 3 },
	{ "S22 UDP inside", BYTE, 9, 17 },
	{ "S22 first fragment", BYTE, 6, 0x20 },
	{ "S22 last fragment", BYTE, 7, 0x01 },
	{ "S22 IP length 0", WORD, 2, 0 },
	{ "S22 IP length below the headers", WORD, 2, 39 },
	{ "S22 IP length past the end", WORD, 2, 2041 },
	{ "S22 IP length 65535", WORD, 2, 65535 },
	{ "S22 no pieces", FIELD16, AT(n_seg), 0 },
	{ "S22 too many pieces", FIELD16, AT(n_seg), VIF_PACKET_SEG_MAX + 1 },
};

static const struct spoil ip6_spoils[] = {
	{ "S22 IPv6 of 39 bytes", LENGTH, 0, 39 },
	{ "S22 IPv6 header alone", LENGTH, 0, 40 },
	{ "S22 kind of IPv4", FIELD8, AT(gso), VIF_GSO_TCP4 },
	{ "S22 version 4", BYTE, 0, 0x45 },
	{ "S22 jumbogram", WORD, 4, 0 },
	{ "S22 payload length past the end", WORD, 4, 2021 },
	{ "S22 no next header", BYTE, 6, 59 },
	{ "S22 TCP header taken for an extension", BYTE, 6, 60 },
};

static const struct spoil udp_spoils[] = {
	{ "S22 ECN on UDP", FIELD16, AT(flags), VIF_PACKET_ECN },
	{ "S22 csum_offset of TCP", FIELD16, AT(csum_off), 16 },
	{ "S22 TCP inside", BYTE, 9, 6 },
	{ "S22 hdr_len of TCP", FIELD16, AT(hdr_len), 40 },
	{ "S22 UDP header cut off", LENGTH, 0, 27 },
};

/* In two pieces; the second one is only pointed at, never read. */
static void split_at(struct super *super, struct iovec seg[2], size_t len)
{
	seg[0] = (struct iovec){ super->byte, len };
	seg[1] = (struct iovec){ super->byte + len, super->packet.len - len };
	super->packet.seg = seg;
	super->packet.n_seg = 2;
}

static void shorten(struct super *super, size_t len)
{
	uint8_t *byte = malloc(len > 0 ? len : 1);

	assert_non_null(byte);
	memcpy(byte, super->byte, len);
	free(super->byte);
	super->byte = byte;
	super->seg = (struct iovec){ byte, len };
	super->packet.len = (uint32_t)len;
}

static void apply(const struct spoil *spoil, struct super *super,
		  struct iovec seg[2])
{
	uint8_t *field = (uint8_t *)&super->packet + spoil->off;

	switch (spoil->kind) {
	case FIELD8:
		*field = (uint8_t)spoil->value;
		break;
	case FIELD16:
		memcpy(field, &spoil->value, 2);
		break;
	case BYTE:
		super->byte[spoil->off] = (uint8_t)spoil->value;
		break;
	case WORD:
		put_be16(super->byte + spoil->off, spoil->value);
		break;
	case LENGTH:
		shorten(super, spoil->value);
		break;
	case FIRST:
		split_at(super, seg, spoil->value);
		break;
	}
}

/* Unspoilt, each must be cut: else the cases below it show nothing. */
static void check_good(const char *layers)
{
	struct super super;
	struct cut cut;

	super_make(layers, 1000, &super);
	assert_int_equal(cut_start(&cut, &super.packet, super.medium, true), 0);
	free(super.byte);
}

static void check_spoils(const char *layers, const struct spoil *spoils,
			 size_t n)
{
	check_good(layers);
	for (size_t i = 0; i < n; i++) {
		struct iovec seg[2];
		struct super super;
		struct cut cut;

		super_make(layers, 1000, &super);
		apply(&spoils[i], &super, seg);
		if (cut_start(&cut, &super.packet, super.medium, true) !=
		    -EINVAL)
			fail_msg("%s: accepted: %s", layers, spoils[i].name);
		free(super.byte);
	}
}

static void s22_packet(void **state)
{
	(void)state;
	check_spoils("ip4 tcp data+2000", ip4_spoils, ARRAY_LEN(ip4_spoils));
	check_spoils("ip6 tcp data+2000", ip6_spoils, ARRAY_LEN(ip6_spoils));
	check_spoils("ip4 udp data+2000", udp_spoils, ARRAY_LEN(udp_spoils));
}

/*
 * What a device may say of a packet that cannot be expressed in one of ours is
 * stopped at the gate; what passes there must still be cut or refused.
 */
static const struct {
	const char *name;
	struct virtio_net header;
} headers[] = {
	{ "S22 type UFO", { 1, 3, 40, 1000, 20, 16 } },
	{ "S22 type 2", { 1, 2, 40, 1000, 20, 16 } },
	{ "S22 type 6", { 1, 6, 40, 1000, 20, 16 } },
	{ "S22 type 0x80", { 1, 0x80, 40, 1000, 20, 16 } },
	{ "S22 type 0xff", { 1, 0xff, 40, 1000, 20, 16 } },
	{ "S22 tunnel over IPv4", { 1, 0x21, 40, 1000, 20, 16 } },
	{ "S22 tunnel over IPv6", { 1, 0x41, 40, 1000, 20, 16 } },
	{ "S22 RSC_INFO", { 5, 1, 40, 1000, 20, 16 } },
	{ "S22 no NEEDS_CSUM", { 0, 1, 40, 1000, 20, 16 } },
	{ "S22 ECN on UDP", { 1, 0x85, 40, 1000, 20, 6 } },
	{ "S22 TCP6 on IPv4", { 1, 4, 40, 1000, 20, 16 } },
	{ "S22 UDP on TCP", { 1, 5, 40, 1000, 20, 6 } },
	{ "S22 gso_size 0", { 1, 1, 40, 0, 20, 16 } },
	{ "S22 csum_start 0", { 1, 1, 40, 1000, 0, 16 } },
	{ "S22 csum_start past the end", { 1, 1, 40, 1000, 2041, 16 } },
	{ "S22 csum field ends one past", { 1, 1, 40, 1000, 2023, 16 } },
	{ "S22 csum field at the end", { 1, 1, 40, 1000, 2024, 16 } },
	{ "S22 csum field wraps 16 bits", { 1, 1, 40, 1000, 65535, 65535 } },
	{ "S22 csum_offset odd", { 1, 1, 40, 1000, 20, 15 } },
};

static void s22_device(void **state)
{
	struct virtio_net good = { 1, 1, 40, 1000, 20, 16 };
	struct vif_packet plain;
	struct super super;
	struct cut cut;

	(void)state;
	super_make("ip4 tcp data+2000", 1000, &super);
	plain = (struct vif_packet){ .seg = &super.seg,
				     .n_seg = 1,
				     .len = super.packet.len };
	for (size_t i = 0; i < ARRAY_LEN(headers); i++) {
		struct vif_packet packet = plain;

		if (offload_from_virtio(&packet, VIF_MEDIUM_IP,
					&headers[i].header) == 0 &&
		    cut_start(&cut, &packet, VIF_MEDIUM_IP, true) == 0)
			fail_msg("accepted: %s", headers[i].name);
	}
	/* The length of the headers is a hint that nobody believes. */
	for (uint32_t hint = 0; hint <= 65535; hint += 13) {
		struct vif_packet packet = plain;

		good.hdr_len = (uint16_t)hint;
		assert_int_equal(
			offload_from_virtio(&packet, VIF_MEDIUM_IP, &good), 0);
		assert_int_equal(packet.hdr_len, 40);
		assert_int_equal(cut_start(&cut, &packet, VIF_MEDIUM_IP, true),
				 0);
	}
	free(super.byte);
}

/* S9: no fragment, and not even the header of one. */
static void s9_fragment_header(void **state)
{
	static const char *const layers[] = {
		"ip6 ip6_atomic tcp data+2000",
		"ip6 ip6_first tcp data+2000",
		"ip6 ip6_middle tcp data+2000",
		"ip6 ip6_last tcp data+2000",
		"ip6 dst ip6_atomic udp data+2000",
		"ip6 hop+8 route dst ip6_atomic udp data+2000",
		"ip6 ip6_atomic dst udp data+2000",
		"eth ip6 ip6_atomic tcp data+2000",
	};

	(void)state;
	check_good("ip6 hop+8 route dst udp data+2000");
	check_good("eth ip6 dst tcp data+2000");
	for (size_t i = 0; i < ARRAY_LEN(layers); i++) {
		struct super super;
		struct cut cut;

		super_make(layers[i], 1000, &super);
		if (cut_start(&cut, &super.packet, super.medium, true) !=
		    -EINVAL)
			fail_msg("accepted: %s", layers[i]);
		free(super.byte);
	}
}

/* S22: any single byte of the headers changed to anything, with no crash. */
static void s22_every_byte(void **state)
{
	static const char *const layers[] = {
		"ip4 tcp data+30",
		"ip6 dst tcp data+30",
		"eth vlan ip4 udp data+30",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(layers); i++) {
		struct super super;

		super_make(layers[i], 7, &super);
		for (uint32_t at = 0; at < super.packet.hdr_len; at++) {
			uint8_t before = super.byte[at];

			for (int value = 0; value < 256; value++) {
				uint8_t header[VIF_PACKET_HDR_MAX];
				struct vif_packet segment;
				struct iovec seg[2];
				struct cut cut;

				super.byte[at] = (uint8_t)value;
				if (cut_start(&cut, &super.packet, super.medium,
					      true) < 0)
					continue;
				while (cut_next(&cut, header, seg, 2, &segment))
					assert_true(segment.len <=
						    super.packet.len);
				assert_true(cut_count(&cut) <= 5);
			}
			super.byte[at] = before;
		}
		free(super.byte);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(s22_packet),
		cmocka_unit_test(s22_device),
		cmocka_unit_test(s9_fragment_header),
		cmocka_unit_test(s22_every_byte),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
