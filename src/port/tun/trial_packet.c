/* SPDX-License-Identifier: Apache-2.0 */
/* What a trial sends. */
#include "port/tun/trial_packet.h"

#include <assert.h>
#include <string.h>

#include "packet/finish.h"
#include "wire/bytes.h"
#include "wire/checksum.h"
#include "wire/inet.h"

enum packet_layout {
	TTL = 64,
	PORT = 9, /* discard (RFC 863) */
	TCP_ACK_PSH = 0x18,
	TCP_NOP = 1, /* an option (RFC 9293) */
	MARK_LEN = 20,
	PORTS_LEN = 4,
};

/* All segments fit into 1500 bytes, with the longest headers, too. */
const struct trial_size trial_sizes[TRIAL_SIZES_N] = {
	{ 333, 0, 0 },       { 4000, 1000, 0 }, /* segments of the same size */
	{ 3601, 1200, 0 },                      /* the last one of a byte */
	{ 5338, 1001, 12 },  /* odd offsets, and the usual options */
	{ 537, 536, 40 },    /* two, and all options there can be */
	{ 2799, 1400, 0 },   /* the last one a byte short */
	{ 55277, 1380, 12 }, /* large */
};

/* Networks for measurements (RFC 2544), and unique local ones (RFC 4193). */
const struct trial_end trial_ends[2] = {
	{
		.own4 = { 198, 18, 0, 1 },
		.far4 = { 198, 18, 0, 2 },
		.own6 = { 0xfd, 18, [15] = 1 },
		.far6 = { 0xfd, 18, [15] = 2 },
	},
	{
		.own4 = { 198, 19, 0, 1 },
		.far4 = { 198, 19, 0, 2 },
		.own6 = { 0xfd, 19, [15] = 1 },
		.far6 = { 0xfd, 19, [15] = 2 },
	},
};

static bool is_udp(enum trial_flow flow)
{
	return flow == TRIAL_UDP4 || flow == TRIAL_UDP6;
}

uint8_t trial_gso(enum trial_flow flow, const struct trial_size *size)
{
	if (size->gso_size == 0)
		return VIF_GSO_NONE;
	if (is_udp(flow))
		return VIF_GSO_UDP;
	return flow == TRIAL_TCP4 ? VIF_GSO_TCP4 : VIF_GSO_TCP6;
}

static void put_ip4(uint8_t *ip, uint8_t proto, size_t len, uint16_t number)
{
	ip[0] = 0x45;
	put_be16(ip + 2, (uint16_t)len);
	put_be16(ip + 4, (uint16_t)(number * 256));
	ip[8] = TTL;
	ip[9] = proto;
	memcpy(ip + 12, trial_ends[0].far4, 4);
	memcpy(ip + 16, trial_ends[1].far4, 4);
	checksum_store(ip + 10, (uint16_t)~checksum_fold(
					checksum_sum(ip, INET_IP4_LEN)));
}

static void put_ip6(uint8_t *ip, uint8_t proto, size_t len)
{
	ip[0] = 0x60;
	put_be16(ip + 4, (uint16_t)(len - INET_IP6_LEN));
	ip[6] = proto;
	ip[7] = TTL;
	memcpy(ip + 8, trial_ends[0].far6, 16);
	memcpy(ip + 24, trial_ends[1].far6, 16);
}

static void put_l4(uint8_t *l4, enum trial_flow flow, size_t len,
		   const struct trial_size *size, uint16_t number)
{
	put_be16(l4, number);
	put_be16(l4 + 2, PORT);
	if (is_udp(flow)) {
		put_be16(l4 + 4, (uint16_t)len);
		return;
	}
	/* Sequence numbers pass 2^16 and end in every half of a word. */
	put_be16(l4 + 4, number);
	put_be16(l4 + 6, 0xfff1);
	l4[12] = (uint8_t)((INET_TCP_LEN + size->tcp_options) / 4 << 4);
	l4[13] = TCP_ACK_PSH;
	put_be16(l4 + 14, 0xffff);
	memset(l4 + INET_TCP_LEN, TCP_NOP, size->tcp_options);
}

/* Folded sum of the pseudo-header, not inverted, as the kernel leaves it. */
static uint16_t pseudo_sum(const uint8_t *ip, uint8_t proto, size_t len)
{
	uint8_t tail[4] = { 0, proto };
	bool is_ip6 = ip[0] >> 4 == 6;

	put_be16(tail + 2, (uint16_t)len);
	return checksum_fold(
		checksum_sum(ip + (is_ip6 ? 8 : 12), is_ip6 ? 32 : 8) +
		checksum_sum(tail, sizeof(tail)));
}

void trial_packet_make(struct trial_packet *packet, enum trial_flow flow,
		       const struct trial_size *size, uint16_t number)
{
	uint8_t proto = is_udp(flow) ? INET_PROTO_UDP : INET_PROTO_TCP;
	uint16_t l4_off = trial_flow_is_ip6(flow) ? INET_IP6_LEN : INET_IP4_LEN;
	uint16_t hdr_len =
		(uint16_t)(l4_off + (is_udp(flow) ?
					     INET_UDP_LEN :
					     INET_TCP_LEN + size->tcp_options));
	uint16_t csum_off = is_udp(flow) ? INET_UDP_CSUM : INET_TCP_CSUM;
	uint8_t *byte = packet->byte;
	size_t len = (size_t)hdr_len + size->payload;

	assert(len <= UINT16_MAX);
	memset(byte, 0, hdr_len);
	if (trial_flow_is_ip6(flow))
		put_ip6(byte, proto, len);
	else
		put_ip4(byte, proto, len, number);
	put_l4(byte + l4_off, flow, len - l4_off, size, number);
	checksum_store(byte + l4_off + csum_off,
		       pseudo_sum(byte, proto, len - l4_off));
	/* No two bytes nearby are alike, nor are two packets. */
	for (size_t i = 0; i < size->payload; i++)
		byte[hdr_len + i] = (uint8_t)(i * 31 + i / 256 * 7 + number);
	packet->seg = (struct iovec){ byte, len };
	packet->packet = (struct vif_packet){
		.seg = &packet->seg,
		.len = (uint32_t)len,
		.n_seg = 1,
		.l4_off = l4_off,
		.csum_off = csum_off,
		.csum = VIF_CSUM_PARTIAL,
		.gso = trial_gso(flow, size),
		.gso_size = size->gso_size,
	};
	if (packet->packet.gso != VIF_GSO_NONE)
		packet->packet.hdr_len = hdr_len;
}

void trial_packet_make_mark(struct trial_packet *mark, enum trial_flow flow,
			    uint16_t number)
{
	static const struct trial_size size = { .payload = MARK_LEN };
	int r;

	trial_packet_make(mark, flow, &size, number);
	r = finish_packet(&mark->packet);
	assert(r == 0); /* in one piece, and no superpacket */
}

bool trial_packet_is_of_flow(const struct trial_packet *packet,
			     const struct vif_packet *came)
{
	const uint8_t *byte = came->seg[0].iov_base;
	size_t l4_off = packet->byte[0] >> 4 == 6 ? INET_IP6_LEN : INET_IP4_LEN;

	return came->seg[0].iov_len >= l4_off + PORTS_LEN &&
	       byte[0] == packet->byte[0] &&
	       memcmp(byte + l4_off, packet->byte + l4_off, PORTS_LEN) == 0;
}
