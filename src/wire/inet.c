/* SPDX-License-Identifier: Apache-2.0 */
/* Finding the headers of a packet. */
#include "wire/inet.h"

#include <assert.h>
#include <errno.h>

#include "wire/bytes.h"

enum ethertype {
	ETHERTYPE_IP4 = 0x0800,
	ETHERTYPE_VLAN = 0x8100,
	ETHERTYPE_IP6 = 0x86dd,
	ETHERTYPE_QINQ = 0x88a8,
};

int inet_l3_off(const uint8_t *frame, size_t len, uint16_t *ret_l3_off,
		uint16_t *ret_ethertype)
{
	size_t off = INET_ETH_LEN;
	uint16_t type;

	if (len < INET_ETH_LEN)
		return -EINVAL;
	type = get_be16(frame + 12);
	for (int tag = 0; tag < INET_VLAN_MAX; tag++) {
		if (type != ETHERTYPE_VLAN && type != ETHERTYPE_QINQ)
			break;
		if (len < off + INET_VLAN_LEN)
			return -EINVAL;
		type = get_be16(frame + off + 2);
		off += INET_VLAN_LEN;
	}
	*ret_l3_off = (uint16_t)off;
	*ret_ethertype = type;
	return 0;
}

static int parse_ip4(const uint8_t *data, size_t len, struct inet *inet)
{
	const uint8_t *ip = data + inet->l3_off;
	size_t ihl;

	if (len < (size_t)inet->l3_off + INET_IP4_LEN)
		return -EINVAL;
	ihl = (size_t)(ip[0] & 0x0f) * 4;
	if (ihl < INET_IP4_LEN || len < inet->l3_off + ihl)
		return -EINVAL;
	inet->l4_off = (uint16_t)(inet->l3_off + ihl);
	inet->proto = ip[9];
	/* More fragments, or an offset (RFC 791, section 3.1). */
	inet->fragment = (get_be16(ip + 6) & 0x3fff) != 0;
	return 0;
}

static bool is_extension(uint8_t proto)
{
	return proto == INET_PROTO_HOP_BY_HOP || proto == INET_PROTO_ROUTING ||
	       proto == INET_PROTO_FRAGMENT || proto == INET_PROTO_DEST_OPTS;
}

static int parse_ip6(const uint8_t *data, size_t len, struct inet *inet)
{
	size_t off = (size_t)inet->l3_off + INET_IP6_LEN;
	uint8_t proto;

	if (len < off)
		return -EINVAL;
	proto = data[inet->l3_off + 6];
	inet->fragment = false;
	for (int i = 0; i < INET_IP6_EXT_MAX && is_extension(proto); i++) {
		if (len < off + 8)
			return -EINVAL;
		/*
		 * Offset or M flag (RFC 8200, section 4.5). An atomic fragment
		 * has neither and is a whole datagram (RFC 6946).
		 */
		if (proto == INET_PROTO_FRAGMENT) {
			inet->fragment |=
				(get_be16(data + off + 2) & 0xfff9) != 0;
			proto = data[off];
			off += 8;
			if (inet->fragment)
				break;
			continue;
		}
		proto = data[off];
		off += ((size_t)data[off + 1] + 1) * 8;
		if (len < off)
			return -EINVAL;
	}
	if (is_extension(proto) && !inet->fragment)
		return -EINVAL;
	inet->l4_off = (uint16_t)off;
	inet->proto = proto;
	return 0;
}

int inet_parse(const uint8_t *data, size_t len, bool is_eth,
	       struct inet *ret_inet)
{
	struct inet inet = { .l3_off = 0 };
	uint16_t type = 0;
	int r;

	/* Headers beyond 64 KiB cannot be named by the 16-bit offsets. */
	if (len > UINT16_MAX)
		len = UINT16_MAX;
	if (is_eth) {
		r = inet_l3_off(data, len, &inet.l3_off, &type);
		if (r < 0)
			return r;
	}
	if (len <= inet.l3_off)
		return -EINVAL;
	inet.version = data[inet.l3_off] >> 4;
	if (inet.version == 4 && (!is_eth || type == ETHERTYPE_IP4))
		r = parse_ip4(data, len, &inet);
	else if (inet.version == 6 && (!is_eth || type == ETHERTYPE_IP6))
		r = parse_ip6(data, len, &inet);
	else
		r = -EINVAL;
	if (r < 0)
		return r;
	assert(inet.l4_off > inet.l3_off && inet.l4_off <= len);
	*ret_inet = inet;
	return 0;
}
