/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TCP and UDP packets for tests, each field as it is asked for, with checksums
 * by the naive sum that are right unless they are wanted otherwise.
 */
#ifndef TESTS_CRAFT_H
#define TESTS_CRAFT_H

#include <string.h>

#include "tests/naive.h"
#include "wire/bytes.h"

/* The L4 checksum. */
enum craft_csum {
	CRAFT_GOOD,
	CRAFT_BAD,
	CRAFT_NONE, /* a field of 0, which is no checksum for UDP */
	CRAFT_ZERO, /* payload that sums to 0, written as it has to be */
	CRAFT_FFFF, /* the same, written as ffff, which is right, too */
};

enum craft_limits {
	CRAFT_HEADER_MAX = 40 + 8 + 40 + 60,
	CRAFT_MORE_FRAGMENTS = 0x2000,
};

/* 0 is TCP over IPv4 with ACK and nothing else. */
struct craft {
	uint32_t label, seq, ack;
	uint32_t len; /* bytes of payload */
	uint16_t id, window, urgent;
	uint16_t fragment; /* as in the IPv4 header */
	uint16_t port;
	int16_t udp_len; /* on top of what is there */
	bool ip6, udp, df, reserved, bad_ip;
	uint8_t csum;     /* enum craft_csum */
	uint8_t host;     /* last byte of both addresses, plus 2 */
	uint8_t tos, ttl; /* ttl: on top of 64 */
	uint8_t flags;    /* 0: ACK */
	uint8_t tcp_reserved;
	uint8_t ip_options;  /* bytes; IPv6: of an extension header */
	uint8_t ext;         /* what that is; 0: hop-by-hop */
	uint8_t tcp_options; /* bytes */
	uint8_t tcp_option;  /* last byte of these */
	uint8_t trailer;     /* bytes behind the IP packet */
};

static inline void craft_be32(uint8_t *at, uint32_t value)
{
	put_be16(at, (uint16_t)(value >> 16));
	put_be16(at + 2, (uint16_t)value);
}

static inline uint8_t *craft_ip4(const struct craft *craft, uint8_t *ip)
{
	static const uint8_t addresses[8] = { 10, 1, 0, 2, 10, 2, 0, 2 };

	memset(ip, 1, 20u + craft->ip_options); /* no operation */
	ip[0] = (uint8_t)(0x45 + craft->ip_options / 4);
	ip[1] = craft->tos;
	put_be16(ip + 4, craft->id);
	put_be16(ip + 6, (uint16_t)(craft->fragment | (craft->df ? 0x4000 : 0) |
				    (craft->reserved ? 0x8000 : 0)));
	ip[8] = (uint8_t)(64 + craft->ttl);
	ip[9] = craft->udp ? NAIVE_UDP : NAIVE_TCP;
	memcpy(ip + 12, addresses, 8);
	ip[15] = (uint8_t)(ip[15] + craft->host);
	ip[19] = (uint8_t)(ip[19] + craft->host);
	return ip + 20 + craft->ip_options;
}

/* One extension header full of padding; a fragment header if it is one. */
static inline uint8_t *craft_ext(const struct craft *craft, uint8_t *ip)
{
	uint8_t *ext = ip + 40;
	uint8_t len = craft->fragment ? 8 : craft->ip_options;

	if (len == 0)
		return ext;
	memset(ext, 0, len);
	ext[0] = ip[6];
	if (craft->fragment) {
		ip[6] = 44;
		put_be16(ext + 2,
			 (uint16_t)((craft->fragment & 0x1fff) << 3 |
				    (craft->fragment & CRAFT_MORE_FRAGMENTS ?
					     1 :
					     0)));
		return ext + len;
	}
	ip[6] = craft->ext;
	ext[1] = (uint8_t)(len / 8 - 1);
	ext[2] = 1; /* PadN */
	ext[3] = (uint8_t)(len - 4);
	return ext + len;
}

static inline uint8_t *craft_ip6(const struct craft *craft, uint8_t *ip)
{
	memset(ip, 0, 40);
	craft_be32(ip, 0x60000000 | (uint32_t)craft->tos << 20 |
			       (craft->label & 0xfffff));
	ip[6] = craft->udp ? NAIVE_UDP : NAIVE_TCP;
	ip[7] = (uint8_t)(64 + craft->ttl);
	ip[8] = ip[24] = 0xfd;
	ip[9] = 1;
	ip[25] = 2;
	ip[23] = ip[39] = (uint8_t)(2 + craft->host);
	return craft_ext(craft, ip);
}

static inline uint8_t *craft_l4(const struct craft *craft, uint8_t *l4)
{
	put_be16(l4, (uint16_t)(1000 + craft->port));
	put_be16(l4 + 2, 2000);
	if (craft->udp) {
		put_be16(l4 + 4,
			 (uint16_t)(8 + (int)craft->len + craft->udp_len));
		return l4 + 8;
	}
	craft_be32(l4 + 4, craft->seq);
	craft_be32(l4 + 8, craft->ack);
	l4[12] = (uint8_t)((5 + craft->tcp_options / 4) << 4 |
			   (craft->tcp_reserved & 15));
	l4[13] = craft->flags ? craft->flags : 0x10;
	put_be16(l4 + 14, craft->window);
	put_be16(l4 + 18, craft->urgent);
	memset(l4 + 20, 1, craft->tcp_options);
	if (craft->tcp_options)
		l4[19 + craft->tcp_options] = craft->tcp_option;
	return l4 + 20 + craft->tcp_options;
}

/* What the checksum field has to hold for the rest as it is. */
static inline uint16_t craft_sum(const uint8_t *ip, uint8_t proto, uint8_t *l4,
				 size_t len)
{
	put_be16(l4 + naive_field(proto), 0);
	return (uint16_t)~naive_add(naive_pseudo(ip, proto, len), l4, len);
}

static inline void craft_finish_l4(const struct craft *craft, const uint8_t *ip,
				   uint8_t *l4, uint8_t *data)
{
	uint8_t proto = craft->udp ? NAIVE_UDP : NAIVE_TCP;
	uint8_t *field = l4 + naive_field(proto);
	size_t len = (size_t)(data - l4) + craft->len;
	bool zero = craft->csum == CRAFT_ZERO || craft->csum == CRAFT_FFFF;
	uint16_t sum;

	if (zero && craft->len >= 2) {
		put_be16(data, 0);
		put_be16(data, craft_sum(ip, proto, l4, len));
	}
	sum = craft_sum(ip, proto, l4, len);
	if (sum == 0 && (craft->udp || craft->csum == CRAFT_FFFF))
		sum = 0xffff;
	if (craft->csum == CRAFT_BAD)
		sum ^= 0x100;
	if (craft->csum != CRAFT_NONE)
		put_be16(field, sum);
}

/*
 * Writes a packet, which begins with its IP header; returns its length. The
 * payload depends on port and place, so that bytes in the wrong place are
 * noticed.
 */
static inline size_t craft_put(const struct craft *craft, uint8_t *ip)
{
	uint8_t *l4 = craft->ip6 ? craft_ip6(craft, ip) : craft_ip4(craft, ip);
	uint8_t *data = craft_l4(craft, l4);
	size_t len = (size_t)(data - ip) + craft->len;

	for (uint32_t i = 0; i < craft->len; i++)
		data[i] = (uint8_t)((craft->seq + i) * 31 + craft->port * 7u +
				    craft->host);
	if (craft->ip6) {
		put_be16(ip + 4, (uint16_t)(len - 40));
	} else {
		put_be16(ip + 2, (uint16_t)len);
		put_be16(ip + 10, 0);
		put_be16(ip + 10,
			 (uint16_t)~naive_add(0, ip, 20u + craft->ip_options));
		ip[10] ^= craft->bad_ip;
	}
	craft_finish_l4(craft, ip, l4, data);
	memset(ip + len, 0x5a, craft->trailer);
	return len + craft->trailer;
}

#endif
