/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A second opinion on checksums: RFC 1071 to the letter, one word of 16 bits
 * at a time, with the pseudo-header from the addresses. It finds the headers
 * by itself and shares no code with what it judges, so that no mistake can be
 * in both. Numbers are in network order.
 *
 * The destination of the IP header counts, which is that of the pseudo-header
 * as long as no routing header has segments left (RFC 8200, section 8.1).
 */
#ifndef TESTS_NAIVE_H
#define TESTS_NAIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum naive_proto {
	NAIVE_TCP = 6,
	NAIVE_UDP = 17,
};

/* What a packet that starts with its IP header is, and where L4 begins. */
struct naive {
	uint8_t proto;
	size_t l4_off;
	size_t len; /* of the IP packet, by its own account */
};

static inline uint16_t naive_add(uint16_t sum, const uint8_t *data, size_t len)
{
	uint32_t wide = sum;

	for (size_t i = 0; i < len; i += 2) {
		wide += (uint32_t)data[i] << 8 |
			(i + 1 < len ? data[i + 1] : 0);
		if (wide > 0xffff)
			wide -= 0xffff;
	}
	return (uint16_t)wide;
}

static inline uint16_t naive_word(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

/* Addresses, protocol and length (RFC 9293, section 3.1). */
static inline uint16_t naive_pseudo(const uint8_t *ip, uint8_t proto,
				    size_t l4_len)
{
	const uint8_t tail[4] = { 0, proto, (uint8_t)(l4_len >> 8),
				  (uint8_t)l4_len };
	uint16_t sum = ip[0] >> 4 == 4 ? naive_add(0, ip + 12, 8) :
					 naive_add(0, ip + 8, 32);

	return naive_add(sum, tail, sizeof(tail));
}

/* Hop-by-hop, routing, fragment, destination options. */
static inline bool naive_is_extension(uint8_t proto)
{
	return proto == 0 || proto == 43 || proto == 44 || proto == 60;
}

/* Whether there is TCP or UDP with its checksum field in len bytes. */
static inline bool naive_find(const uint8_t *ip, size_t len, struct naive *ret)
{
	struct naive found = { .l4_off = 40 };

	if (len >= 20 && ip[0] >> 4 == 4) {
		found.proto = ip[9];
		found.l4_off = (size_t)(ip[0] & 15) * 4;
		found.len = naive_word(ip + 2);
	} else if (len >= 40 && ip[0] >> 4 == 6) {
		found.proto = ip[6];
		found.len = (size_t)naive_word(ip + 4) + 40;
		while (naive_is_extension(found.proto) &&
		       found.l4_off + 8 <= len) {
			const uint8_t *ext = ip + found.l4_off;

			found.l4_off += found.proto == 44 ?
						8 :
						((size_t)ext[1] + 1) * 8;
			found.proto = ext[0];
		}
	} else {
		return false;
	}
	*ret = found;
	return (found.proto == NAIVE_TCP && found.l4_off + 20 <= len) ||
	       (found.proto == NAIVE_UDP && found.l4_off + 8 <= len);
}

/* Of the checksum field in the L4 header. */
static inline size_t naive_field(uint8_t proto)
{
	return proto == NAIVE_TCP ? 16 : 6;
}

/* Whether the header of an IPv4 packet adds up; IPv6 has no checksum. */
static inline bool naive_ip_good(const uint8_t *ip)
{
	return ip[0] >> 4 == 6 ||
	       naive_add(0, ip, (size_t)(ip[0] & 15) * 4) == 0xffff;
}

/*
 * Whether a receiver would take len bytes as a whole TCP segment or UDP
 * datagram: lengths agree and checksums are right, and there.
 */
static inline bool naive_good(const uint8_t *ip, size_t len)
{
	struct naive found;
	const uint8_t *l4;
	size_t l4_len;

	if (!naive_find(ip, len, &found) || found.len != len ||
	    !naive_ip_good(ip))
		return false;
	l4 = ip + found.l4_off;
	l4_len = len - found.l4_off;
	if (found.proto == NAIVE_UDP &&
	    (naive_word(l4 + 4) != l4_len || naive_word(l4 + 6) == 0))
		return false;
	return naive_add(naive_pseudo(ip, found.proto, l4_len), l4, l4_len) ==
	       0xffff;
}

/* The same for a packet that may have bytes behind its end. */
static inline bool naive_good_padded(const uint8_t *ip, size_t len)
{
	struct naive found;

	return naive_find(ip, len, &found) && found.len <= len &&
	       naive_good(ip, found.len);
}

/*
 * Whether the field of an unfinished checksum holds the pseudo-header sum. 0
 * and ffff are the same number.
 */
static inline bool naive_seeded(const uint8_t *ip, size_t len)
{
	struct naive found;

	return naive_find(ip, len, &found) && found.len <= len &&
	       found.len >= found.l4_off &&
	       naive_word(ip + found.l4_off + naive_field(found.proto)) %
			       0xffff ==
		       naive_pseudo(ip, found.proto, found.len - found.l4_off) %
			       0xffff;
}

#endif
