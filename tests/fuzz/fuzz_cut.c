/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cutting whatever claims to be a superpacket.
 *
 * Input: a byte of choices, the length of the first piece, how much filler is
 * appended (the square of the byte), a virtio_net_hdr, and the packet. The
 * offload state comes through the gate or straight from the header, as a
 * program might set it.
 *
 * What can be cut is cut in pieces and in place. The segments must agree, add
 * up to the payload, pass vif_packet_check(), have headers that follow from
 * those of the superpacket, and have right checksums if its seed was right.
 */
#include <stdlib.h>
#include <string.h>

#include "packet/cut.h"
#include "packet/offload.h"
#include "tests/fuzz/fuzz.h"
#include "tests/naive.h"
#include "wire/bytes.h"

enum fuzz_cut_choices {
	CHOICE_ETH = 1,         /* medium */
	CHOICE_PIECES = 3 << 1, /* 1 to 3, and 1 again */
	CHOICE_FINISH = 8,      /* checksums */
	CHOICE_GATE = 16,       /* state through offload_from_virtio() */
	CHOICE_FIX = 32,        /* make lengths and seed right */
	CHOICE_HOSTILE = 64,    /* flag */
};

enum fuzz_cut_sizes {
	PREFIX_LEN = 3 + VIRTIO_NET_LEN,
	PIECES_MAX = 3,
	IP4_LEN = 2,
	IP6_LEN = 4,
};

/* The superpacket in one piece, and in the pieces of the input. */
struct super {
	enum vif_medium medium;
	bool finish;
	bool seeded; /* the seed of the checksum is right */
	uint8_t *byte;
	struct iovec whole_seg;
	struct vif_packet whole;
	struct iovec seg[PIECES_MAX];
	struct vif_packet apart;
};

static void *exact(size_t len)
{
	void *block = malloc(len > 0 ? len : 1);

	require(block);
	return block;
}

static void any_state(struct vif_packet *packet,
		      const struct virtio_net *header)
{
	packet->flags = header->flags >> 4;
	packet->l3_off = header->gso_type >> 2;
	packet->l4_off = header->csum_start;
	packet->csum_off = header->csum_offset;
	packet->hdr_len = header->hdr_len;
	packet->gso_size = header->gso_size;
	packet->gso = header->gso_type & 7;
	packet->csum = header->flags & 3;
}

/* Lengths as they are, and the sum a sender has to leave in the field. */
static void fix(struct super *super)
{
	uint8_t *ip = super->byte + super->whole.l3_off;
	size_t len = super->whole.len - super->whole.l3_off;
	struct naive found;
	size_t l4_len;

	if (len > 65535 || !naive_find(ip, len, &found))
		return;
	l4_len = len - found.l4_off;
	if (ip[0] >> 4 == 4)
		put_be16(ip + IP4_LEN, (uint16_t)len);
	else
		put_be16(ip + IP6_LEN, (uint16_t)(len - 40));
	put_be16(ip + found.l4_off + naive_field(found.proto),
		 naive_pseudo(ip, found.proto, l4_len));
}

static void make_whole(struct super *super, const uint8_t *input, size_t size)
{
	struct virtio_net header = virtio_net_get(input + 3);
	size_t filler = (size_t)input[2] * input[2];
	size_t len = size - PREFIX_LEN;

	super->medium = input[0] & CHOICE_ETH ? VIF_MEDIUM_ETH : VIF_MEDIUM_IP;
	super->finish = input[0] & CHOICE_FINISH;
	super->byte = exact(len + filler);
	memcpy(super->byte, input + PREFIX_LEN, len);
	for (size_t i = 0; i < filler; i++)
		super->byte[len + i] = (uint8_t)(i * 31 + i / 256 * 7);
	super->whole_seg = (struct iovec){ super->byte, len + filler };
	super->whole = (struct vif_packet){
		.seg = &super->whole_seg,
		.n_seg = 1,
		.len = (uint32_t)(len + filler),
	};
	if (!(input[0] & CHOICE_GATE))
		any_state(&super->whole, &header);
	else if (offload_from_virtio(&super->whole, super->medium, &header) < 0)
		return;
	if (input[0] & CHOICE_HOSTILE)
		super->whole.flags |= VIF_PACKET_HOSTILE;
	if ((input[0] & CHOICE_FIX) && super->whole.l3_off < super->whole.len)
		fix(super);
	super->seeded = super->whole.l3_off < super->whole.len &&
			naive_seeded(super->byte + super->whole.l3_off,
				     super->whole.len - super->whole.l3_off);
}

/* Each piece in a block of its own, of just its size. */
static void split(struct super *super, const uint8_t *input)
{
	size_t n = ((size_t)(input[0] & CHOICE_PIECES) >> 1) % PIECES_MAX;
	size_t end[PIECES_MAX] = { input[1], 0, super->whole.len };
	size_t at = 0;

	if (n == 0 || end[0] > end[2]) {
		n = 0;
		end[0] = end[2];
	}
	end[1] = n == 1 ? end[2] : (end[0] + end[2]) / 2;
	super->apart = super->whole;
	super->apart.seg = super->seg;
	super->apart.n_seg = (uint16_t)(n + 1);
	for (size_t i = 0; i <= n; i++) {
		super->seg[i].iov_len = end[i] - at;
		super->seg[i].iov_base = exact(end[i] - at);
		memcpy(super->seg[i].iov_base, super->byte + at, end[i] - at);
		at = end[i];
	}
	require(at == super->whole.len);
}

/* End of the IP packet by its own account, from the start of the packet. */
static size_t ip_end(const struct super *super)
{
	const uint8_t *ip = super->byte + super->whole.l3_off;
	size_t len = naive_word(ip + IP6_LEN);

	if (ip[0] >> 4 == 4)
		return super->whole.l3_off + (size_t)naive_word(ip + IP4_LEN);
	return len ? super->whole.l3_off + len + 40 : 0;
}

/* The kernel cuts no packet with one, not even if it is the only fragment. */
static bool has_fragment_header(const struct super *super)
{
	const uint8_t *ip = super->byte + super->whole.l3_off;
	size_t off = 40;
	uint8_t next = ip[6];

	if (ip[0] >> 4 != 6)
		return false;
	while (naive_is_extension(next) && next != 44) {
		next = ip[off];
		off += ((size_t)ip[off + 1] + 1) * 8;
	}
	return next == 44;
}

static bool can_be_cut(const struct super *super)
{
	const struct vif_packet *packet = &super->apart;

	return packet->gso != VIF_GSO_NONE &&
	       vif_packet_check(packet, super->medium) == 0 &&
	       ip_end(super) >= packet->hdr_len &&
	       ip_end(super) <= packet->len && !has_fragment_header(super);
}

/* Headers but for what is different in each segment. */
static void check_same_headers(const struct super *super,
			       const uint8_t *segment)
{
	const struct vif_packet *packet = &super->whole;
	uint8_t a[VIF_PACKET_HDR_MAX], b[VIF_PACKET_HDR_MAX];
	uint8_t *both[2] = { a, b };

	memcpy(a, super->byte, packet->hdr_len);
	memcpy(b, segment, packet->hdr_len);
	for (int i = 0; i < 2; i++) {
		uint8_t *ip = both[i] + packet->l3_off;
		uint8_t *l4 = both[i] + packet->l4_off;
		bool is_ip4 = ip[0] >> 4 == 4;

		memset(ip + (is_ip4 ? IP4_LEN : IP6_LEN), 0, is_ip4 ? 4 : 2);
		if (is_ip4)
			memset(ip + 10, 0, 2);
		memset(l4 + packet->csum_off, 0, 2);
		memset(l4 + 4, 0, packet->gso == VIF_GSO_UDP ? 2 : 4);
		if (packet->gso != VIF_GSO_UDP)
			l4[13] = 0;
	}
	require(memcmp(a, b, packet->hdr_len) == 0);
}

static uint32_t naive_be32(const uint8_t *at)
{
	return (uint32_t)naive_word(at) << 16 | naive_word(at + 2);
}

/* ID, sequence number and flags of segment i of n, done bytes into it. */
static void check_counting(const struct super *super, const uint8_t *segment,
			   uint32_t i, uint32_t n, uint32_t done)
{
	const struct vif_packet *packet = &super->whole;
	const uint8_t *before = super->byte + packet->l4_off;
	const uint8_t *after = segment + packet->l4_off;
	uint8_t flags;

	if (segment[packet->l3_off] >> 4 == 4)
		require(naive_word(segment + packet->l3_off + 4) ==
			(uint16_t)(naive_word(super->byte + packet->l3_off + 4) +
				   i));
	if (packet->gso == VIF_GSO_UDP)
		return;
	require(naive_be32(after + 4) == naive_be32(before + 4) + done);
	flags = before[13];
	if (i > 0)
		flags &= 0x7f; /* CWR */
	if (i + 1 < n)
		flags &= 0xf6; /* FIN, PSH */
	require(after[13] == flags);
}

/* Lengths and checksums of a segment by what is in it alone. */
static void check_sums(const struct super *super, const uint8_t *segment,
		       size_t len)
{
	const uint8_t *ip = segment + super->whole.l3_off;
	struct naive found;

	len -= super->whole.l3_off;
	require(naive_ip_good(ip));
	require(naive_find(ip, len, &found) && found.len == len);
	if (found.proto == NAIVE_UDP)
		require(naive_word(ip + found.l4_off + 4) ==
			len - found.l4_off);
	if (super->finish && found.proto == NAIVE_UDP)
		require(naive_word(ip + found.l4_off + 6) != 0);
	if (super->seeded)
		require(super->finish ? naive_good(ip, len) :
					naive_seeded(ip, len));
}

/* The packet in one block of its size. */
static uint8_t *flatten(const struct vif_packet *packet)
{
	uint8_t *block = exact(packet->len);
	size_t at = 0;

	for (uint16_t i = 0; i < packet->n_seg; i++) {
		require(at + packet->seg[i].iov_len <= packet->len);
		memcpy(block + at, packet->seg[i].iov_base,
		       packet->seg[i].iov_len);
		at += packet->seg[i].iov_len;
	}
	require(at == packet->len);
	return block;
}

static void check_segment(const struct super *super,
			  const struct vif_packet *segment, uint32_t i,
			  uint32_t n, uint32_t done)
{
	const struct vif_packet *packet = &super->whole;
	uint32_t len = segment->len - packet->hdr_len;
	uint8_t *byte = flatten(segment);

	require(vif_packet_check(segment, super->medium) == 0);
	require(segment->gso == VIF_GSO_NONE);
	require(segment->flags == (packet->flags & ~VIF_PACKET_ECN));
	require(segment->csum ==
		(super->finish ? VIF_CSUM_COMPLETE : VIF_CSUM_PARTIAL));
	require(n == 1 || len == packet->gso_size ||
		(i + 1 == n && len > 0 && len < packet->gso_size));
	require(done + len <= packet->len - packet->hdr_len);
	require(memcmp(byte + packet->hdr_len,
		       super->byte + packet->hdr_len + done, len) == 0);
	check_same_headers(super, byte);
	check_counting(super, byte, i, n, done);
	check_sums(super, byte, segment->len);
	free(byte);
}

/* Cuts apart; returns the payload bytes there were. */
static uint32_t cut_apart(const struct super *super, struct cut *cut)
{
	uint16_t n_seg = (uint16_t)(super->apart.n_seg + 1);
	struct iovec *seg = exact(n_seg * sizeof(*seg));
	uint8_t *header = exact(super->whole.hdr_len);
	struct vif_packet segment;
	uint32_t done = 0, i = 0;

	for (; cut_next(cut, header, seg, n_seg, &segment); i++) {
		check_segment(super, &segment, i, cut_count(cut), done);
		done += segment.len - super->whole.hdr_len;
	}
	require(i == cut_count(cut) && i > 0);
	free(header);
	free(seg);
	return done;
}

/* In place, a payload must be as it was until its turn comes. */
static uint32_t cut_in_place(const struct super *super, struct cut *cut)
{
	const struct vif_packet *packet = &super->whole;
	uint32_t size = packet->gso_size;
	const uint8_t *byte = cut->packet.seg[0].iov_base;
	struct vif_packet segment;
	uint32_t done = 0, i = 0;
	struct iovec seg;

	for (;; i++) {
		size_t at = packet->hdr_len + done;
		size_t left = ip_end(super) - at;

		require(memcmp(byte + at, super->byte + at,
			       left < size ? left : size) == 0);
		if (!cut_next_in_place(cut, &seg, &segment))
			break;
		check_segment(super, &segment, i, cut_count(cut), done);
		done += segment.len - packet->hdr_len;
	}
	require(i == cut_count(cut));
	return done;
}

static void cut_both_ways(struct super *super)
{
	struct vif_packet copy = super->whole;
	struct iovec seg = { flatten(&super->whole), super->whole.len };
	uint32_t payload = (uint32_t)ip_end(super) - super->whole.hdr_len;
	struct cut cut;

	require(cut_start(&cut, &super->apart, super->medium, super->finish) ==
		0);
	require(cut_apart(super, &cut) == payload);
	copy.seg = &seg;
	require(cut_start(&cut, &copy, super->medium, super->finish) == 0);
	require(cut_in_place(super, &cut) == payload);
	free(seg.iov_base);
}

/* Nobody has written to the pieces. */
static void check_untouched(const struct super *super)
{
	uint8_t *byte = flatten(&super->apart);

	require(memcmp(byte, super->byte, super->whole.len) == 0);
	free(byte);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct super super = { .byte = NULL };
	struct cut cut;

	if (size <= PREFIX_LEN || size > PREFIX_LEN + VIF_PACKET_LEN_MAX)
		return 0;
	make_whole(&super, data, size);
	split(&super, data);
	if (can_be_cut(&super))
		cut_both_ways(&super);
	else
		require(cut_start(&cut, &super.apart, super.medium,
				  super.finish) < 0);
	check_untouched(&super);
	for (uint16_t i = 0; i < super.apart.n_seg; i++)
		free(super.seg[i].iov_base);
	free(super.byte);
	return 0;
}
