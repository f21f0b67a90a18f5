/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cutting a superpacket.
 *
 * What is the same in all segments is summed up once; for each segment the
 * header is copied from the snapshot, patched, and its checksum folded from
 * that sum and what differs. The pseudo-header sum is taken from the checksum
 * field, where the sender has left it, and not from the addresses: with a
 * routing header (RFC 8200, section 8.1) those are not the ones that count.
 */
#include "packet/cut.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>

#include "packet/sum.h"
#include "wire/bytes.h"
#include "wire/inet.h"

/* Bytes of the IP packet by its own account, or 0 when that is not there. */
static size_t ip_len(const struct cut *cut)
{
	const uint8_t *ip = cut->header + cut->packet.l3_off;
	uint16_t len;

	if (cut->version == 4)
		return get_be16(ip + INET_IP4_TOTAL);
	len = get_be16(ip + INET_IP6_PAYLOAD);
	return len ? (size_t)len + INET_IP6_LEN : 0; /* no jumbograms */
}

/* Sums of what all segments share; takes out of the snapshot what differs. */
static void sum_up(struct cut *cut)
{
	const struct vif_packet *packet = &cut->packet;
	uint8_t *ip = cut->header + packet->l3_off;
	uint8_t *l4 = cut->header + packet->l4_off;
	uint32_t l4_len = packet->hdr_len - packet->l4_off + cut->payload;

	cut->l4_sum = checksum_load(l4 + packet->csum_off);
	/* Without the length of the whole: one's complement subtraction. */
	cut->l4_sum += 0xffff - checksum_word(l4_len & 0xffff);
	if (cut->version == 4) {
		cut->ip_id = get_be16(ip + INET_IP4_ID);
		memset(ip + INET_IP4_TOTAL, 0, 4); /* length and ID */
		memset(ip + INET_IP4_CSUM, 0, 2);
		cut->ip_sum = checksum_sum(ip, packet->l4_off - packet->l3_off);
	}
	if (cut->is_tcp) {
		cut->seq = (uint32_t)get_be16(l4 + INET_TCP_SEQ) << 16 |
			   get_be16(l4 + INET_TCP_SEQ + 2);
		cut->tcp_flags = l4[INET_TCP_FLAGS];
		memset(l4 + INET_TCP_SEQ, 0, 4);
		l4[INET_TCP_FLAGS] = 0;
	} else {
		memset(l4 + INET_UDP_TOTAL, 0, 2);
	}
	memset(l4 + packet->csum_off, 0, 2);
	if (cut->finish)
		cut->l4_sum +=
			checksum_sum(l4, packet->hdr_len - packet->l4_off);
}

/*
 * The headers as they are in the snapshot, in a packet of their own: bytes that
 * a peer can still change are looked at once.
 */
static int check_snapshot(struct cut *cut, enum vif_medium medium)
{
	struct iovec seg = { cut->header, cut->packet.hdr_len };
	struct vif_packet headers = cut->packet;

	headers.seg = &seg;
	headers.n_seg = 1;
	headers.len = headers.hdr_len;
	return vif_packet_check(&headers, medium);
}

/*
 * Whether there is a fragment header, if only an atomic one (RFC 6946). Nobody
 * is to send these any more (RFC 8021), and the kernel cuts no such packet.
 */
static bool has_fragment_header(const struct cut *cut)
{
	const uint8_t *ip = cut->header + cut->packet.l3_off;
	const uint8_t *at = ip + INET_IP6_LEN;
	const uint8_t *l4 = cut->header + cut->packet.l4_off;
	uint8_t proto = ip[INET_IP6_NEXT];

	if (cut->version == 4)
		return false;
	while (at < l4 && proto != INET_PROTO_FRAGMENT) {
		proto = at[0];
		at += ((size_t)at[1] + 1) * 8;
	}
	return at < l4;
}

static int check(struct cut *cut, enum vif_medium medium)
{
	const struct vif_packet *packet = &cut->packet;
	size_t len = 0;

	for (uint16_t i = 0; i < packet->n_seg; i++)
		len += packet->seg[i].iov_len;
	if (packet->len != len || packet->len > VIF_PACKET_LEN_MAX)
		return -EINVAL;
	if (check_snapshot(cut, medium) < 0 || has_fragment_header(cut))
		return -EINVAL;
	len = packet->l3_off + ip_len(cut);
	return len > packet->len || len < packet->hdr_len ? -EINVAL : 0;
}

/* What the segments have in common, with the length of the headers alone. */
static void fill_template(struct cut *cut)
{
	const struct vif_packet *packet = &cut->packet;

	cut->segment = (struct vif_packet){
		.len = packet->hdr_len,
		.flags = packet->flags & (uint16_t)~VIF_PACKET_ECN,
	};
	if (cut->finish)
		return;
	cut->segment.csum = VIF_CSUM_PARTIAL;
	cut->segment.l3_off = packet->l3_off;
	cut->segment.l4_off = packet->l4_off;
	cut->segment.csum_off = packet->csum_off;
}

int cut_start(struct cut *cut, const struct vif_packet *packet,
	      enum vif_medium medium, bool finish)
{
	if (packet->gso == VIF_GSO_NONE || packet->n_seg == 0 ||
	    packet->n_seg > VIF_PACKET_SEG_MAX ||
	    packet->hdr_len > VIF_PACKET_HDR_MAX ||
	    packet->hdr_len > packet->seg[0].iov_len)
		return -EINVAL;
	cut->packet = *packet;
	cut->finish = finish;
	cut->is_tcp = packet->gso != VIF_GSO_UDP;
	memcpy(cut->header, packet->seg[0].iov_base, packet->hdr_len);
	if (packet->l3_off >= packet->hdr_len)
		return -EINVAL;
	cut->version = cut->header[packet->l3_off] >> 4;
	if (check(cut, medium) < 0)
		return -EINVAL;
	cut->payload =
		(uint32_t)(packet->l3_off + ip_len(cut)) - packet->hdr_len;
	cut->n = 1;
	if (cut->payload > packet->gso_size)
		cut->n = (cut->payload + packet->gso_size - 1) /
			 packet->gso_size;
	cut->next = 0;
	cut->done = 0;
	cut->piece = 0;
	cut->piece_off = packet->hdr_len;
	sum_up(cut);
	fill_template(cut);
	return 0;
}

static uint32_t segment_len(const struct cut *cut)
{
	uint32_t left = cut->payload - cut->done;

	return left < cut->packet.gso_size ? left : cut->packet.gso_size;
}

static uint8_t segment_flags(const struct cut *cut)
{
	uint8_t flags = cut->tcp_flags;

	if (cut->next > 0)
		flags &= (uint8_t)~INET_TCP_CWR;
	if (cut->next + 1 < cut->n)
		flags &= (uint8_t) ~(INET_TCP_FIN | INET_TCP_PSH);
	return flags;
}

static void patch_ip(const struct cut *cut, uint8_t *ip, uint32_t len)
{
	uint32_t len_id;

	if (cut->version == 6) {
		put_be16(ip + INET_IP6_PAYLOAD, (uint16_t)(len - INET_IP6_LEN));
		return;
	}
	/* These are neighbours, and the sum of both is that of the word. */
	len_id = len << 16 | (uint16_t)(cut->ip_id + cut->next);
	put_be32(ip + INET_IP4_TOTAL, len_id);
	checksum_store(ip + INET_IP4_CSUM,
		       (uint16_t)~checksum_fold(cut->ip_sum + htobe32(len_id)));
}

/* Fills in what differs in the L4 header, and the checksum. */
static void patch_l4(const struct cut *cut, uint8_t *l4, uint32_t len,
		     uint64_t payload)
{
	uint64_t sum = cut->l4_sum + checksum_word(len);
	uint16_t checksum;

	if (cut->is_tcp) {
		uint32_t seq = cut->seq + cut->done;

		put_be32(l4 + INET_TCP_SEQ, seq);
		l4[INET_TCP_FLAGS] = segment_flags(cut);
		if (cut->finish)
			sum += htobe32(seq) + checksum_word(l4[INET_TCP_FLAGS]);
	} else {
		put_be16(l4 + INET_UDP_TOTAL, (uint16_t)len);
		if (cut->finish)
			sum += checksum_word(len);
	}
	checksum = checksum_fold(sum + payload);
	if (cut->finish) {
		checksum = (uint16_t)~checksum;
		/* Zero means that there is none (RFC 768). */
		if (checksum == 0 && !cut->is_tcp)
			checksum = 0xffff;
	}
	checksum_store(l4 + cut->packet.csum_off, checksum);
}

/* Apart, so that headers of unfinished segments do not pay for its loop. */
static __attribute__((noinline)) uint64_t payload_sum(const struct iovec *seg,
						      uint16_t n_seg)
{
	return pieces_sum(seg, n_seg, 0);
}

/* Writes the headers of a segment whose payload is len bytes in these pieces. */
static void write_header(const struct cut *cut, uint8_t *header,
			 const struct iovec *seg, uint16_t n_seg, uint32_t len)
{
	const struct vif_packet *packet = &cut->packet;
	uint64_t sum = cut->finish ? payload_sum(seg, n_seg) : 0;

	memcpy(header, cut->header, packet->hdr_len);
	patch_ip(cut, header + packet->l3_off,
		 packet->hdr_len - packet->l3_off + len);
	patch_l4(cut, header + packet->l4_off,
		 packet->hdr_len - packet->l4_off + len, sum);
}

static void describe(const struct cut *cut, struct iovec *seg, uint16_t n_seg,
		     uint32_t len, struct vif_packet *ret_segment)
{
	*ret_segment = cut->segment;
	ret_segment->seg = seg;
	ret_segment->len += len;
	ret_segment->n_seg = n_seg;
}

/* The next len bytes of payload as pieces; returns how many there are. */
static uint16_t take_payload(struct cut *cut, struct iovec *seg, uint16_t n_seg,
			     uint32_t len)
{
	uint16_t n = 0;

	while (len > 0) {
		const struct iovec *piece = &cut->packet.seg[cut->piece];
		uint8_t *base = piece->iov_base;
		size_t there = piece->iov_len - cut->piece_off;

		assert(n < n_seg);
		if (there >= len) {
			seg[n] = (struct iovec){ base + cut->piece_off, len };
			cut->piece_off += len;
			return (uint16_t)(n + 1);
		}
		if (there > 0) /* an empty one may be nowhere */
			seg[n++] =
				(struct iovec){ base + cut->piece_off, there };
		len -= (uint32_t)there;
		cut->piece++;
		cut->piece_off = 0;
	}
	return n;
}

bool cut_next(struct cut *cut, uint8_t *header, struct iovec *seg,
	      uint16_t n_seg, struct vif_packet *ret_segment)
{
	uint32_t len = segment_len(cut);
	uint16_t n;

	if (cut->next == cut->n)
		return false;
	assert(n_seg > cut->packet.n_seg);
	n = take_payload(cut, seg + 1, (uint16_t)(n_seg - 1), len);
	write_header(cut, header, seg + 1, n, len);
	seg[0] = (struct iovec){ header, cut->packet.hdr_len };
	describe(cut, seg, (uint16_t)(n + 1), len, ret_segment);
	cut->done += len;
	cut->next++;
	return true;
}

bool cut_next_in_place(struct cut *cut, struct iovec *seg,
		       struct vif_packet *ret_segment)
{
	uint32_t len = segment_len(cut);
	uint8_t *header;
	struct iovec payload;

	if (cut->next == cut->n)
		return false;
	assert(cut->packet.n_seg == 1);
	header = (uint8_t *)cut->packet.seg[0].iov_base + cut->done;
	payload = (struct iovec){ header + cut->packet.hdr_len, len };
	write_header(cut, header, &payload, 1, len);
	*seg = (struct iovec){ header, cut->packet.hdr_len + len };
	describe(cut, seg, 1, len, ret_segment);
	cut->piece_off += len;
	cut->done += len;
	cut->next++;
	return true;
}
