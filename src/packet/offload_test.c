/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of the offload state: what a device may say, and what it gets told.
 *
 * Packets lie in blocks of exactly their size, so that the sanitizers see a
 * read past the end.
 */
#include "packet/offload.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/frame.h"

enum offload_test_bits {
	CSUM = VIRTIO_NET_NEEDS_CSUM,
	VALID = VIRTIO_NET_DATA_VALID,
	TCP4 = VIRTIO_NET_GSO_TCP4,
	TCP6 = VIRTIO_NET_GSO_TCP6,
	UDP = VIRTIO_NET_GSO_UDP,
	ECN = VIRTIO_NET_GSO_ECN,
};

/* A packet in one or two pieces of their own memory. */
struct sample {
	struct vif_packet packet;
	struct iovec seg[2];
	enum vif_medium medium;
};

static struct iovec piece(const uint8_t *bytes, size_t len)
{
	struct iovec seg = { malloc(len > 0 ? len : 1), len };

	assert_non_null(seg.iov_base);
	memcpy(seg.iov_base, bytes, len);
	return seg;
}

/* split: bytes of the first piece; 0 for all of them. */
static void sample_init(struct sample *sample, const struct frame *frame,
			const char *layers, size_t split)
{
	size_t first = split > 0 && split < frame->len ? split : frame->len;

	*sample = (struct sample){
		.packet = { .seg = sample->seg,
			    .len = (uint32_t)frame->len,
			    .n_seg = first < frame->len ? 2 : 1 },
		.medium = strncmp(layers, "eth", 3) == 0 ? VIF_MEDIUM_ETH :
							   VIF_MEDIUM_IP,
	};
	sample->seg[0] = piece(frame->byte, first);
	if (sample->packet.n_seg == 2)
		sample->seg[1] = piece(frame->byte + first, frame->len - first);
}

static void sample_fini(struct sample *sample)
{
	free(sample->seg[0].iov_base);
	free(sample->seg[1].iov_base);
}

static int take(struct sample *sample, const struct virtio_net *header)
{
	return offload_from_virtio(&sample->packet, sample->medium, header);
}

/* In the order of the way. NOLINTNEXTLINE(*.performance.Padding) */
struct good_case {
	const char *layers;
	struct virtio_net header; /* as read */
	struct vif_packet state;  /* what the packet gets */
	struct virtio_net back;   /* as written */
};

#define STATE(bits, sum, kind, size, l3, l4, field, hdr)            \
	{                                                           \
		.flags = (bits), .csum = (sum), .gso = (kind),      \
		.gso_size = (size), .l3_off = (l3), .l4_off = (l4), \
		.csum_off = (field), .hdr_len = (hdr)               \
	}
#define PLAIN   STATE(0, VIF_CSUM_COMPLETE, 0, 0, 0, 0, 0, 0)
#define CHECKED STATE(0, VIF_CSUM_VERIFIED, 0, 0, 0, 0, 0, 0)
#define PARTIAL(l3, l4, field) \
	STATE(0, VIF_CSUM_PARTIAL, 0, 0, l3, l4, field, 0)
#define SUPER(gso, size, l3, l4, field, hdr) \
	STATE(0, VIF_CSUM_PARTIAL, gso, size, l3, l4, field, hdr)
#define SUPER_ECN(gso, size, l3, l4, field, hdr) \
	STATE(VIF_PACKET_ECN, VIF_CSUM_PARTIAL, gso, size, l3, l4, field, hdr)

static const struct good_case goods[] = {
	/* Nothing was left undone; the rest of the header means nothing. */
	{ "ip4 tcp data+10", { 0 }, PLAIN, { 0 } },
	{ "ip4 tcp", { 0, 0, 40, 1000, 20, 16 }, PLAIN, { 0 } },
	{ "eth arp", { 0 }, PLAIN, { 0 } },
	{ "ip4 udp", { VALID, 0, 0, 0, 0, 0 }, CHECKED, { VALID } },
	{ "eth ip6 tcp", { VALID, 0, 60, 9, 9, 9 }, CHECKED, { VALID } },
	/* An unfinished checksum, which stronger word counts. */
	{ "ip4 tcp",
	  { CSUM, 0, 0, 0, 20, 16 },
	  PARTIAL(0, 20, 16),
	  { CSUM, 0, 0, 0, 20, 16 } },
	{ "ip4 tcp",
	  { CSUM | VALID, 0, 40, 0, 20, 16 },
	  PARTIAL(0, 20, 16),
	  { CSUM, 0, 0, 0, 20, 16 } },
	{ "ip6 udp",
	  { CSUM, 0, 0, 7, 40, 6 },
	  PARTIAL(0, 40, 6),
	  { CSUM, 0, 0, 0, 40, 6 } },
	{ "ip4 sctp",
	  { CSUM, 0, 0, 0, 20, 8 },
	  PARTIAL(0, 20, 8),
	  { CSUM, 0, 0, 0, 20, 8 } },
	{ "eth ip4 udp",
	  { CSUM, 0, 0, 0, 34, 6 },
	  PARTIAL(14, 34, 6),
	  { CSUM, 0, 0, 0, 34, 6 } },
	{ "eth vlan ip6 tcp",
	  { CSUM, 0, 0, 0, 58, 16 },
	  PARTIAL(18, 58, 16),
	  { CSUM, 0, 0, 0, 58, 16 } },
	{ "ip4 udp",
	  { CSUM, 0, 0, 0, 20, 6 },
	  PARTIAL(0, 20, 6),
	  { CSUM, 0, 0, 0, 20, 6 } }, /* the field ends the packet */
	/* Superpackets. */
	{ "ip4 tcp data+3000",
	  { CSUM, TCP4, 40, 1000, 20, 16 },
	  SUPER(VIF_GSO_TCP4, 1000, 0, 20, 16, 40),
	  { CSUM, TCP4, 40, 1000, 20, 16 } },
	{ "ip4+40 tcp+40 data+3000",
	  { CSUM, TCP4, 0, 1000, 60, 16 },
	  SUPER(VIF_GSO_TCP4, 1000, 0, 60, 16, 120),
	  { CSUM, TCP4, 120, 1000, 60, 16 } },
	{ "ip6 tcp+12 data+3000",
	  { CSUM, TCP6, 3072, 1428, 40, 16 },
	  SUPER(VIF_GSO_TCP6, 1428, 0, 40, 16, 72),
	  { CSUM, TCP6, 72, 1428, 40, 16 } },
	{ "ip6 hop dst tcp data+3000",
	  { CSUM, TCP6, 1, 1000, 56, 16 },
	  SUPER(VIF_GSO_TCP6, 1000, 0, 56, 16, 76),
	  { CSUM, TCP6, 76, 1000, 56, 16 } },
	{ "ip4 udp data+3000",
	  { CSUM, UDP, 28, 1000, 20, 6 },
	  SUPER(VIF_GSO_UDP, 1000, 0, 20, 6, 28),
	  { CSUM, UDP, 28, 1000, 20, 6 } },
	{ "ip6 udp data+3000",
	  { CSUM, UDP, 48, 1000, 40, 6 },
	  SUPER(VIF_GSO_UDP, 1000, 0, 40, 6, 48),
	  { CSUM, UDP, 48, 1000, 40, 6 } },
	{ "eth ip4 tcp data+3000",
	  { CSUM, TCP4, 54, 1000, 34, 16 },
	  SUPER(VIF_GSO_TCP4, 1000, 14, 34, 16, 54),
	  { CSUM, TCP4, 54, 1000, 34, 16 } },
	{ "eth vlan ip4 tcp data+3000",
	  { CSUM, TCP4, 58, 1000, 38, 16 },
	  SUPER(VIF_GSO_TCP4, 1000, 18, 38, 16, 58),
	  { CSUM, TCP4, 58, 1000, 38, 16 } },
	{ "eth ip6 tcp data+3000",
	  { CSUM, TCP6, 74, 1000, 54, 16 },
	  SUPER(VIF_GSO_TCP6, 1000, 14, 54, 16, 74),
	  { CSUM, TCP6, 74, 1000, 54, 16 } },
	{ "eth qinq vlan ip6 tcp data+9",
	  { CSUM, TCP6, 82, 3, 62, 16 },
	  SUPER(VIF_GSO_TCP6, 3, 22, 62, 16, 82),
	  { CSUM, TCP6, 82, 3, 62, 16 } },
	{ "eth ip4 udp data+3000",
	  { CSUM, UDP, 42, 1000, 34, 6 },
	  SUPER(VIF_GSO_UDP, 1000, 14, 34, 6, 42),
	  { CSUM, UDP, 42, 1000, 34, 6 } },
	{ "eth vlan ip6 udp data+3000",
	  { CSUM, UDP, 66, 1000, 58, 6 },
	  SUPER(VIF_GSO_UDP, 1000, 18, 58, 6, 66),
	  { CSUM, UDP, 66, 1000, 58, 6 } },
	/* ECN, on either TCP. */
	{ "ip4 tcp data+3000",
	  { CSUM, TCP4 | ECN, 40, 1000, 20, 16 },
	  SUPER_ECN(VIF_GSO_TCP4, 1000, 0, 20, 16, 40),
	  { CSUM, TCP4 | ECN, 40, 1000, 20, 16 } },
	{ "eth ip6 tcp data+3000",
	  { CSUM, TCP6 | ECN, 74, 1000, 54, 16 },
	  SUPER_ECN(VIF_GSO_TCP6, 1000, 14, 54, 16, 74),
	  { CSUM, TCP6 | ECN, 74, 1000, 54, 16 } },
	/* hdr_len is a hint: 0, whole packet, beyond the end. */
	{ "ip4 tcp data+99",
	  { CSUM, TCP4, 0, 10, 20, 16 },
	  SUPER(VIF_GSO_TCP4, 10, 0, 20, 16, 40),
	  { CSUM, TCP4, 40, 10, 20, 16 } },
	{ "ip4 tcp data+99",
	  { CSUM, TCP4, 139, 10, 20, 16 },
	  SUPER(VIF_GSO_TCP4, 10, 0, 20, 16, 40),
	  { CSUM, TCP4, 40, 10, 20, 16 } },
	{ "ip4 tcp data+99",
	  { CSUM, TCP4, 65535, 10, 20, 16 },
	  SUPER(VIF_GSO_TCP4, 10, 0, 20, 16, 40),
	  { CSUM, TCP4, 40, 10, 20, 16 } },
	/* Segment sizes: 1, larger than the payload, the largest. */
	{ "ip4 tcp data+99",
	  { CSUM, TCP4, 40, 1, 20, 16 },
	  SUPER(VIF_GSO_TCP4, 1, 0, 20, 16, 40),
	  { CSUM, TCP4, 40, 1, 20, 16 } },
	{ "ip4 tcp data+99",
	  { CSUM, TCP4, 40, 1448, 20, 16 },
	  SUPER(VIF_GSO_TCP4, 1448, 0, 20, 16, 40),
	  { CSUM, TCP4, 40, 1448, 20, 16 } },
	{ "ip4 tcp data+99",
	  { CSUM, TCP4, 40, 65534, 20, 16 },
	  SUPER(VIF_GSO_TCP4, 65534, 0, 20, 16, 40),
	  { CSUM, TCP4, 40, 65534, 20, 16 } },
	/* More datagrams than some kernels cut; the reader takes any count. */
	{ "ip4 udp data+129",
	  { CSUM, UDP, 28, 1, 20, 6 },
	  SUPER(VIF_GSO_UDP, 1, 0, 20, 6, 28),
	  { CSUM, UDP, 28, 1, 20, 6 } },
	/* An atomic fragment is a whole datagram. */
	{ "ip6 ip6_atomic udp data+99",
	  { CSUM, UDP, 0, 10, 48, 6 },
	  SUPER(VIF_GSO_UDP, 10, 0, 48, 6, 56),
	  { CSUM, UDP, 56, 10, 48, 6 } },
};

/* What packet becomes with the state of a case. */
static struct vif_packet with_state(const struct vif_packet *packet,
				    const struct vif_packet *state)
{
	struct vif_packet want = *state;

	want.seg = packet->seg;
	want.len = packet->len;
	want.n_seg = packet->n_seg;
	return want;
}

static void check_good(const struct good_case *c, size_t split)
{
	struct frame frame = frame_make(c->layers);
	struct virtio_net header;
	struct vif_packet want;
	struct sample sample;

	sample_init(&sample, &frame, c->layers, split);
	want = with_state(&sample.packet, &c->state);
	if (take(&sample, &c->header) != 0)
		fail_msg("%s, type %u: refused", c->layers, c->header.gso_type);
	assert_memory_equal(&sample.packet, &want, sizeof(want));
	assert_int_equal(vif_packet_check(&sample.packet, sample.medium), 0);
	memset(&header, 0xee, sizeof(header));
	assert_int_equal(
		offload_to_virtio(&sample.packet, sample.medium, &header), 0);
	assert_memory_equal(&header, &c->back, sizeof(header));
	/* And around once more. */
	sample.packet =
		with_state(&sample.packet, &(struct vif_packet){ .len = 0 });
	assert_int_equal(take(&sample, &header), 0);
	assert_memory_equal(&sample.packet, &want, sizeof(want));
	sample_fini(&sample);
}

static void good_headers_go_around(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(goods); i++)
		check_good(&goods[i], 0);
}

/* Payload in the second piece, with the first just long enough. */
static void headers_fit_the_first_piece(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(goods); i++)
		if (goods[i].state.gso != VIF_GSO_NONE)
			check_good(&goods[i], goods[i].state.hdr_len);
}

/* A header split over two pieces is refused, wherever it is split. */
static void split_headers_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(goods); i++) {
		struct frame frame = frame_make(goods[i].layers);

		if (goods[i].state.gso == VIF_GSO_NONE)
			continue;
		for (size_t n = 1; n < goods[i].state.hdr_len; n++) {
			struct sample sample;

			sample_init(&sample, &frame, goods[i].layers, n);
			if (take(&sample, &goods[i].header) != -EINVAL)
				fail_msg("%s split at %zu is accepted",
					 goods[i].layers, n);
			sample_fini(&sample);
		}
	}
}

static void truncated_packets_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(goods); i++) {
		const struct vif_packet *want = &goods[i].state;
		size_t need = want->hdr_len;

		if (want->csum != VIF_CSUM_PARTIAL)
			continue;
		if (need == 0)
			need = (size_t)want->l4_off + want->csum_off + 2;
		for (size_t len = 1; len < need; len++) {
			struct frame frame = frame_make(goods[i].layers);
			struct sample sample;

			frame.len = len;
			sample_init(&sample, &frame, goods[i].layers, 0);
			if (take(&sample, &goods[i].header) != -EINVAL)
				fail_msg("%s cut to %zu is accepted",
					 goods[i].layers, len);
			sample_fini(&sample);
		}
	}
}

struct bad_case {
	const char *layers;
	struct virtio_net header;
};

static const struct bad_case bad_headers[] = {
	/* Flags and types that do not exist, or that nobody may use. */
	{ "ip4 tcp data+99", { VIRTIO_NET_RSC_INFO, 0, 0, 0, 0, 0 } },
	{ "ip4 tcp data+99", { CSUM | VIRTIO_NET_RSC_INFO, 0, 0, 0, 20, 16 } },
	{ "ip4 tcp data+99", { 8, 0, 0, 0, 0, 0 } },
	{ "ip4 tcp data+99", { 0xff, TCP4, 40, 10, 20, 16 } },
	{ "ip4 tcp data+99", { CSUM, 2, 40, 10, 20, 16 } },
	{ "ip4 udp data+99", { CSUM, VIRTIO_NET_GSO_UFO, 28, 10, 20, 6 } },
	{ "ip4 tcp data+99", { CSUM, 6, 40, 10, 20, 16 } },
	{ "ip4 tcp data+99", { CSUM, 0xff, 40, 10, 20, 16 } },
	{ "ip4 tcp data+99", { CSUM, TCP4 | 0x20, 40, 10, 20, 16 } },
	{ "ip4 tcp data+99", { CSUM, TCP4 | 0x40, 40, 10, 20, 16 } },
	{ "ip4 tcp data+99", { CSUM, ECN, 40, 10, 20, 16 } },
	{ "ip4 tcp data+99", { 0, ECN, 0, 0, 0, 0 } },
	{ "ip4 udp data+99", { CSUM, UDP | ECN, 28, 10, 20, 6 } },
	/* A superpacket with a finished checksum. */
	{ "ip4 tcp data+99", { 0, TCP4, 40, 10, 20, 16 } },
	{ "ip4 tcp data+99", { VALID, TCP4, 40, 10, 20, 16 } },
	{ "ip4 udp data+99", { 0, UDP, 28, 10, 20, 6 } },
	/* Segment sizes the kernel refuses: 65535 is its GSO_BY_FRAGS. */
	{ "ip4 tcp data+99", { CSUM, TCP4, 40, 0, 20, 16 } },
	{ "ip4 tcp data+99", { CSUM, TCP4, 40, 65535, 20, 16 } },
	{ "ip4 udp data+99", { CSUM, UDP, 28, 0, 20, 6 } },
	/* Offsets of a superpacket that are not those of its headers. */
	{ "ip4 tcp data+99", { CSUM, TCP4, 40, 10, 0, 16 } },
	{ "ip4 tcp data+99", { CSUM, TCP4, 40, 10, 24, 16 } },
	{ "ip4 tcp data+99", { CSUM, TCP4, 40, 10, 20, 6 } },
	{ "ip4 tcp data+99", { CSUM, TCP4, 40, 10, 20, 15 } },
	{ "ip4 tcp data+99", { CSUM, TCP4, 40, 10, 20, 100 } },
	{ "ip4 tcp data+99", { CSUM, TCP4, 40, 10, 140, 16 } },
	{ "ip4 tcp data+99", { CSUM, TCP4, 40, 10, 65535, 16 } },
	{ "ip4 udp data+99", { CSUM, UDP, 28, 10, 20, 16 } },
	{ "ip4 udp data+99", { CSUM, UDP, 28, 10, 20, 7 } },
	{ "eth ip4 tcp data+99", { CSUM, TCP4, 54, 10, 20, 16 } },
	{ "eth vlan ip4 tcp data+99", { CSUM, TCP4, 54, 10, 34, 16 } },
	{ "ip6 hop tcp data+99", { CSUM, TCP6, 60, 10, 40, 16 } },
	/* Types that are not what the packet is. */
	{ "ip4 tcp data+99", { CSUM, TCP6, 40, 10, 20, 16 } },
	{ "ip6 tcp data+99", { CSUM, TCP4, 60, 10, 40, 16 } },
	{ "ip4 udp data+99", { CSUM, TCP4, 40, 10, 20, 16 } },
	{ "ip4 tcp data+99", { CSUM, UDP, 28, 10, 20, 6 } },
	{ "ip4 icmp data+99", { CSUM, UDP, 28, 10, 20, 6 } },
	{ "eth arp data+99", { CSUM, TCP4, 54, 10, 34, 16 } },
	/* Fragments are no superpackets. */
	{ "ip4_first tcp data+99", { CSUM, TCP4, 40, 10, 20, 16 } },
	{ "ip4_last tcp data+99", { CSUM, TCP4, 40, 10, 20, 16 } },
	{ "ip6 ip6_first udp data+99", { CSUM, UDP, 56, 10, 48, 6 } },
	{ "ip6 ip6_middle udp data+99", { CSUM, UDP, 56, 10, 48, 6 } },
	/* Headers longer than a port may rely on. */
	{ "ip6 dst+128 tcp data+99", { CSUM, TCP6, 196, 10, 176, 16 } },
	/* Checksums: field at the end, past it, 16-bit overflow, in L3. */
	{ "ip4 udp", { CSUM, 0, 0, 0, 20, 7 } },
	{ "ip4 udp", { CSUM, 0, 0, 0, 27, 0 } },
	{ "ip4 udp", { CSUM, 0, 0, 0, 28, 0 } },
	{ "ip4 udp", { CSUM, 0, 0, 0, 29, 0 } },
	{ "ip4 udp", { CSUM, 0, 0, 0, 20, 65535 } },
	{ "ip4 udp", { CSUM, 0, 0, 0, 65535, 0 } },
	{ "ip4 udp", { CSUM, 0, 0, 0, 65535, 21 } },
	{ "ip4 udp", { CSUM, 0, 0, 0, 65535, 65535 } },
	{ "ip4 udp", { CSUM, 0, 0, 0, 0, 0 } },
	{ "ip4 udp", { CSUM, 0, 0, 0, 19, 2 } },
	{ "eth ip4 udp", { CSUM, 0, 0, 0, 20, 6 } },
	{ "eth ip4 udp", { CSUM, 0, 0, 0, 33, 6 } },
	{ "eth vlan ip4 udp", { CSUM, 0, 0, 0, 34, 6 } },
};

/* Refused, and the packet is as it was. */
static void check_bad(const struct frame *frame, const char *layers,
		      const struct virtio_net *header, const char *name)
{
	struct vif_packet before;
	struct sample sample;

	sample_init(&sample, frame, layers, 0);
	before = sample.packet;
	if (take(&sample, header) != -EINVAL)
		fail_msg("%s: flags %#x type %#x gso %u csum %u+%u: accepted",
			 name, header->flags, header->gso_type,
			 header->gso_size, header->csum_start,
			 header->csum_offset);
	assert_memory_equal(&sample.packet, &before, sizeof(before));
	sample_fini(&sample);
}

static void hostile_headers_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad_headers); i++) {
		struct frame frame = frame_make(bad_headers[i].layers);

		check_bad(&frame, bad_headers[i].layers, &bad_headers[i].header,
			  bad_headers[i].layers);
	}
}

/* A good header, and a packet of which one byte is changed. */
struct patch_case {
	size_t good; /* index into headers below */
	size_t at;
	uint8_t value;
};

static void hostile_packets_are_refused(void **state)
{
	static const struct bad_case bases[] = {
		{ "ip4 tcp data+99", { CSUM, TCP4, 40, 10, 20, 16 } },
		{ "ip4 tcp data+4", { CSUM, TCP4, 40, 10, 20, 16 } },
		{ "ip6 hop tcp data+9", { CSUM, TCP6, 68, 10, 48, 16 } },
		{ "eth ip4 udp data+9", { CSUM, UDP, 42, 10, 34, 6 } },
		{ "eth ip6 tcp data+9", { CSUM, TCP6, 74, 10, 54, 16 } },
	};
	static const struct patch_case patches[] = {
		{ 0, 32, 0x00 }, { 0, 32, 0x10 }, /* TCP data offset 0 to 4 */
		{ 0, 32, 0x20 }, { 0, 32, 0x30 },
		{ 0, 32, 0x40 }, { 1, 32, 0x70 }, /* past the end */
		{ 1, 32, 0xf0 }, { 0, 0, 0x40 },  /* IHL 0 to 4 */
		{ 0, 0, 0x41 },  { 0, 0, 0x42 },
		{ 0, 0, 0x43 },  { 0, 0, 0x44 },
		{ 0, 0, 0x46 },  { 0, 0, 0x4f }, /* past csum_start */
		{ 0, 0, 0x05 },  { 0, 0, 0x55 }, /* versions */
		{ 0, 0, 0x65 },  { 0, 0, 0xf5 },
		{ 0, 9, 17 },    { 0, 9, 1 },     /* protocols */
		{ 0, 6, 0x20 },  { 0, 7, 0x01 },  /* fragments */
		{ 2, 6, 6 },     { 2, 40, 17 },   /* next headers */
		{ 2, 40, 43 },   { 2, 41, 1 },    /* extension lengths */
		{ 2, 41, 255 },  { 3, 12, 0x86 }, /* EtherTypes */
		{ 3, 13, 6 },    { 4, 12, 0x08 },
		{ 4, 14, 0x45 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(patches); i++) {
		const struct bad_case *base = &bases[patches[i].good];
		struct frame frame = frame_make(base->layers);
		char name[64];

		(void)snprintf(name, sizeof(name), "%s, %#x at %zu",
			       base->layers, patches[i].value, patches[i].at);
		frame.byte[patches[i].at] = patches[i].value;
		check_bad(&frame, base->layers, &base->header, name);
	}
}

struct check_case {
	const char *name;
	size_t at;      /* member of struct vif_packet */
	size_t size;    /* of that member */
	uint32_t value; /* new value */
	int result;
};

#define FIELD(member)                        \
	offsetof(struct vif_packet, member), \
		sizeof(((struct vif_packet *)NULL)->member)

/* A program may fill in a packet; each field is held against the others. */
static void every_field_is_checked(void **state)
{
	static const struct check_case cases[] = {
		{ "as it is", FIELD(reserved), 0, 0 },
		{ "no piece", FIELD(n_seg), 0, -EINVAL },
		{ "length 0", FIELD(len), 0, -EINVAL },
		{ "length one off", FIELD(len), 3041, -EINVAL },
		{ "length one short", FIELD(len), 3039, -EINVAL },
		{ "length huge", FIELD(len), UINT32_MAX, -EINVAL },
		{ "l3 offset", FIELD(l3_off), 1, -EINVAL },
		{ "l4 offset", FIELD(l4_off), 21, -EINVAL },
		{ "l4 offset, past end", FIELD(l4_off), 65535, -EINVAL },
		{ "checksum field", FIELD(csum_off), 6, -EINVAL },
		{ "checksum, past end", FIELD(csum_off), 65535, -EINVAL },
		{ "header length", FIELD(hdr_len), 41, -EINVAL },
		{ "header length 0", FIELD(hdr_len), 0, -EINVAL },
		{ "segment size 0", FIELD(gso_size), 0, -EINVAL },
		{ "segment size", FIELD(gso_size), 65535, -EINVAL },
		{ "other IP", FIELD(gso), VIF_GSO_TCP6, -EINVAL },
		{ "other protocol", FIELD(gso), VIF_GSO_UDP, -EINVAL },
		{ "no such kind", FIELD(gso), VIF_GSO_UDP + 1, -EINVAL },
		{ "no superpacket", FIELD(gso), VIF_GSO_NONE, 0 },
		{ "complete", FIELD(csum), VIF_CSUM_COMPLETE, -EINVAL },
		{ "verified", FIELD(csum), VIF_CSUM_VERIFIED, -EINVAL },
		{ "no such csum", FIELD(csum), 3, -EINVAL },
		{ "ECN", FIELD(flags), VIF_PACKET_ECN, 0 },
		{ "hostile", FIELD(flags), VIF_PACKET_HOSTILE, 0 },
	};
	const struct virtio_net header = { CSUM, TCP4, 40, 1000, 20, 16 };
	struct frame frame = frame_make("ip4 tcp data+3000");
	struct sample sample;

	(void)state;
	sample_init(&sample, &frame, "ip4", 0);
	assert_int_equal(take(&sample, &header), 0);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct vif_packet packet = sample.packet;
		struct virtio_net to = { .flags = 77 };
		int r;

		/* Little or big endian, the value fits the member. */
		if (cases[i].size == 1)
			((uint8_t *)&packet)[cases[i].at] =
				(uint8_t)cases[i].value;
		else if (cases[i].size == 2)
			memcpy((uint8_t *)&packet + cases[i].at,
			       &(uint16_t){ (uint16_t)cases[i].value }, 2);
		else
			memcpy((uint8_t *)&packet + cases[i].at,
			       &cases[i].value, 4);
		r = vif_packet_check(&packet, VIF_MEDIUM_IP);
		if (r != cases[i].result)
			fail_msg("%s: %d", cases[i].name, r);
		r = offload_to_virtio(&packet, VIF_MEDIUM_IP, &to);
		assert_int_equal(r, cases[i].result);
		assert_int_equal(to.flags, r < 0 ? 77 : CSUM);
	}
	sample_fini(&sample);
}

static void ecn_needs_a_superpacket(void **state)
{
	struct frame frame = frame_make("ip4 tcp");
	struct sample sample;

	(void)state;
	sample_init(&sample, &frame, "ip4", 0);
	assert_int_equal(vif_packet_check(&sample.packet, VIF_MEDIUM_IP), 0);
	sample.packet.flags = VIF_PACKET_ECN;
	assert_int_equal(vif_packet_check(&sample.packet, VIF_MEDIUM_IP),
			 -EINVAL);
	sample_fini(&sample);
}

static void pieces_are_limited(void **state)
{
	struct iovec seg[VIF_PACKET_SEG_MAX + 1];
	uint8_t byte = 0x45;
	struct vif_packet packet = { .seg = seg };

	(void)state;
	for (size_t i = 0; i <= VIF_PACKET_SEG_MAX; i++) {
		seg[i] = (struct iovec){ &byte, 1 };
		packet.len = packet.n_seg = (uint16_t)(i + 1);
		assert_int_equal(vif_packet_check(&packet, VIF_MEDIUM_IP),
				 i < VIF_PACKET_SEG_MAX ? 0 : -EINVAL);
	}
}

static void lengths_are_limited(void **state)
{
	static uint8_t bytes[VIF_PACKET_LEN_MAX + 1];
	struct iovec seg = { bytes, 0 };
	struct vif_packet packet = { .seg = &seg, .n_seg = 1 };

	(void)state;
	packet.len = VIF_PACKET_LEN_MAX;
	seg.iov_len = packet.len;
	assert_int_equal(vif_packet_check(&packet, VIF_MEDIUM_ETH), 0);
	packet.len++;
	seg.iov_len++;
	assert_int_equal(vif_packet_check(&packet, VIF_MEDIUM_ETH), -EINVAL);
	if (sizeof(size_t) == 4)
		return;
	/* A sum that fits 32 bits only once it has wrapped. */
	packet.len = 1;
	seg.iov_len = (size_t)((uint64_t)UINT32_MAX + 2);
	assert_int_equal(vif_packet_check(&packet, VIF_MEDIUM_ETH), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_headers_go_around),
		cmocka_unit_test(headers_fit_the_first_piece),
		cmocka_unit_test(split_headers_are_refused),
		cmocka_unit_test(truncated_packets_are_refused),
		cmocka_unit_test(hostile_headers_are_refused),
		cmocka_unit_test(hostile_packets_are_refused),
		cmocka_unit_test(every_field_is_checked),
		cmocka_unit_test(ecn_needs_a_superpacket),
		cmocka_unit_test(pieces_are_limited),
		cmocka_unit_test(lengths_are_limited),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
