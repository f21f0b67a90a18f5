/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finding the headers of a packet: Ethernet with VLAN tags (IEEE 802.1Q), IPv4
 * (RFC 791), IPv6 with its extension headers (RFC 8200).
 */
#ifndef WIRE_INET_H
#define WIRE_INET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum inet_sizes {
	INET_ETH_LEN = 14,
	INET_VLAN_LEN = 4,
	INET_VLAN_MAX = 2, /* tags looked through, as in 802.1ad */
	INET_IP4_LEN = 20,
	INET_IP6_LEN = 40,
	INET_TCP_LEN = 20,
	INET_UDP_LEN = 8,
	INET_IP6_EXT_MAX = 8, /* extension headers looked through */
};

/* Offsets of fields in their headers. */
enum inet_fields {
	INET_IP4_TOTAL = 2, /* length of the packet */
	INET_IP4_ID = 4,
	INET_IP4_TTL = 8,
	INET_IP4_CSUM = 10,
	INET_IP6_PAYLOAD = 4, /* length of what follows the header */
	INET_IP6_NEXT = 6,
	INET_IP6_HOP_LIMIT = 7,
	INET_TCP_SEQ = 4,
	INET_TCP_OFFSET = 12, /* length of the header, in its upper half */
	INET_TCP_FLAGS = 13,
	INET_TCP_CSUM = 16,
	INET_UDP_TOTAL = 4, /* length with the header */
	INET_UDP_CSUM = 6,
};

enum inet_tcp_flags {
	INET_TCP_FIN = 0x01,
	INET_TCP_PSH = 0x08,
	INET_TCP_ACK = 0x10,
	INET_TCP_ECE = 0x40,
	INET_TCP_CWR = 0x80,
};

enum inet_proto {
	INET_PROTO_HOP_BY_HOP = 0,
	INET_PROTO_TCP = 6,
	INET_PROTO_UDP = 17,
	INET_PROTO_ROUTING = 43,
	INET_PROTO_FRAGMENT = 44,
	INET_PROTO_DEST_OPTS = 60,
	INET_PROTO_SCTP = 132,
	INET_PROTO_UDPLITE = 136,
};

/* Where the headers of one packet are. */
struct inet {
	uint16_t l3_off;
	uint16_t l4_off; /* behind IPv4 options and IPv6 extensions */
	uint8_t version; /* 4 or 6 */
	uint8_t proto;   /* what is at l4_off, enum inet_proto or other */
	bool fragment;   /* part of a datagram: L4 may not be there */
};

/*
 * inet_l3_off() - offset of the L3 header in an Ethernet frame
 *
 * Looks through VLAN tags. Returns 0 and the EtherType, or -EINVAL when the
 * frame is too short.
 */
int inet_l3_off(const uint8_t *frame, size_t len, uint16_t *ret_l3_off,
		uint16_t *ret_ethertype);

/*
 * inet_parse() - find the IP and L4 headers
 *
 * data are the contiguous first len bytes of a packet; is_eth says what it
 * starts with. Only offsets are checked: l4_off is at most len, lengths inside
 * the headers are not looked at. Returns 0, or -EINVAL when it is not IP or the
 * headers do not fit.
 */
int inet_parse(const uint8_t *data, size_t len, bool is_eth,
	       struct inet *ret_inet);

/*
 * inet_l4_len() - length of the TCP or UDP header that inet_parse() has found
 *
 * Returns 0 when it is of another protocol, makes no sense, or does not lie in
 * the len bytes. Inline, because gluing asks for every packet.
 */
static inline uint16_t inet_l4_len(const uint8_t *data, size_t len,
				   const struct inet *inet)
{
	size_t there = len - inet->l4_off;
	size_t l4;

	if (inet->proto == INET_PROTO_UDP)
		return there < INET_UDP_LEN ? 0 : INET_UDP_LEN;
	if (inet->proto != INET_PROTO_TCP || there < INET_TCP_LEN)
		return 0;
	l4 = (size_t)(data[inet->l4_off + INET_TCP_OFFSET] >> 4) * 4;
	return l4 < INET_TCP_LEN || l4 > there ? 0 : (uint16_t)l4;
}

#endif
