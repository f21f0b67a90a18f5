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
	INET_TCP_CSUM = 16, /* offset of the checksum in the header */
	INET_UDP_CSUM = 6,
	INET_IP6_EXT_MAX = 8, /* extension headers looked through */
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

#endif
