/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A symmetric flow hash: the same for both directions of a connection and for
 * all fragments of a datagram.
 *
 * Each end is mixed by itself and the two are added, which does not care for
 * order. Ports count only where every packet of the flow has them, so a
 * fragment hashes by addresses. It spreads flows, it does not protect tables:
 * nothing here may index a structure that an attacker gains from overloading.
 */

#include <vif/packet.h>

#include "wire/bytes.h"
#include "wire/inet.h"

/* Finaliser of MurmurHash3: every input bit reaches every output bit. */
static uint64_t mix(uint64_t x)
{
	x ^= x >> 33;
	x *= 0xff51afd7ed558ccdu;
	x ^= x >> 33;
	x *= 0xc4ceb9fe1a85ec53u;
	return x ^ x >> 33;
}

static uint32_t fold(uint64_t x)
{
	return (uint32_t)(mix(x) >> 32);
}

static bool has_ports(const struct inet *inet, size_t len)
{
	if (inet->fragment || len < (size_t)inet->l4_off + 4)
		return false;
	return inet->proto == INET_PROTO_TCP || inet->proto == INET_PROTO_UDP ||
	       inet->proto == INET_PROTO_SCTP ||
	       inet->proto == INET_PROTO_UDPLITE;
}

static uint64_t mix_end(const uint8_t *addr, uint8_t version, uint16_t port)
{
	if (version == 4)
		return mix(get_native32(addr) ^ (uint64_t)port << 32);
	return mix(get_native64(addr) ^ mix(get_native64(addr + 8) + port));
}

static uint32_t hash_ip(const uint8_t *data, size_t len,
			const struct inet *inet)
{
	const uint8_t *ip = data + inet->l3_off;
	const uint8_t *l4 = data + inet->l4_off;
	const uint8_t *src = ip + (inet->version == 4 ? 12 : 8);
	const uint8_t *dst = ip + (inet->version == 4 ? 16 : 24);
	bool ports = has_ports(inet, len);

	return fold(mix_end(src, inet->version, ports ? get_be16(l4) : 0) +
		    mix_end(dst, inet->version, ports ? get_be16(l4 + 2) : 0));
}

static uint32_t hash_eth(const uint8_t *frame, size_t len)
{
	uint64_t dst = 0;
	uint64_t src = 0;

	if (len < 12)
		return 0;
	memcpy(&dst, frame, 6);
	memcpy(&src, frame + 6, 6);
	return fold(mix(dst) + mix(src));
}

uint32_t vif_packet_flow_hash(const struct vif_packet *packet,
			      enum vif_medium medium)
{
	const uint8_t *data = packet->seg[0].iov_base;
	size_t len = packet->seg[0].iov_len;
	bool is_eth = medium == VIF_MEDIUM_ETH;
	struct inet inet;

	if (inet_parse(data, len, is_eth, &inet) == 0)
		return hash_ip(data, len, &inet);
	return is_eth ? hash_eth(data, len) : 0;
}
