/* SPDX-License-Identifier: Apache-2.0 */
/* Making probes, and knowing them again. */
#include "tests/contract/probe.h"

#include <arpa/inet.h>
#include <assert.h>
#include <string.h>

enum sizes {
	ETH_LEN = 14,
	IP4_LEN = 20,
	IP6_LEN = 40,
	TCP_LEN = 20,
	UDP_LEN = 8,
	MAGIC_LEN = 8,
	MARK_LEN = 16, /* magic, serial, payload length */
};

static const char magic[MAGIC_LEN + 1] = "vif\1case";

struct layout {
	bool is_ip6;
	bool is_tcp;
	uint16_t l3;
	uint16_t l4;
	uint16_t payload;
};

static struct layout layout_of(enum probe_kind kind, bool is_eth)
{
	struct layout at = {
		.is_ip6 = kind == PROBE_GSO_TCP6,
		.is_tcp = kind == PROBE_GSO_TCP4 || kind == PROBE_GSO_TCP6,
		.l3 = is_eth ? ETH_LEN : 0,
	};

	at.l4 = (uint16_t)(at.l3 + (at.is_ip6 ? IP6_LEN : IP4_LEN));
	at.payload = (uint16_t)(at.l4 + (at.is_tcp ? TCP_LEN : UDP_LEN));
	return at;
}

static void put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static void put32(uint8_t *at, uint32_t value)
{
	put16(at, value >> 16);
	put16(at + 2, value & 0xffff);
}

static uint32_t get32(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 |
	       (uint32_t)at[2] << 8 | at[3];
}

static uint16_t fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

static uint32_t sum16(const uint8_t *at, size_t len)
{
	uint32_t sum = 0;

	for (size_t i = 0; i + 1 < len; i += 2)
		sum += (uint32_t)(at[i] << 8 | at[i + 1]);
	return sum;
}

/* Writes the IP header; returns the sum of the pseudo header. */
static uint32_t put_ip(uint8_t *ip, const struct layout *at, uint32_t l4_len)
{
	uint8_t proto = at->is_tcp ? 6 : 17;

	if (at->is_ip6) {
		ip[0] = 0x60;
		put16(ip + 4, l4_len);
		ip[6] = proto;
		ip[7] = 64;
		ip[8] = ip[24] = 0xfd;
		ip[23] = 1;
		ip[39] = 2;
		return sum16(ip + 8, 32) + proto + fold(l4_len);
	}
	ip[0] = 0x45;
	put16(ip + 2, IP4_LEN + l4_len);
	ip[6] = 0x40; /* DF */
	ip[8] = 64;
	ip[9] = proto;
	put32(ip + 12, 0x0a630001);
	put32(ip + 16, 0x0a630002);
	put16(ip + 10, (uint16_t)~fold(sum16(ip, IP4_LEN)));
	return sum16(ip + 12, 8) + proto + fold(l4_len);
}

static void put_l4(uint8_t *l4, const struct layout *at, uint32_t l4_len,
		   uint16_t pseudo)
{
	put16(l4, 4000);
	put16(l4 + 2, 4001);
	if (at->is_tcp) {
		put32(l4 + 4, 1);
		put32(l4 + 8, 1);
		l4[12] = TCP_LEN / 4 << 4;
		l4[13] = 0x10; /* ACK */
		put16(l4 + 14, 65535);
		put16(l4 + 16, pseudo);
		return;
	}
	put16(l4 + 4, l4_len);
	put16(l4 + 6, pseudo);
}

static void put_payload(uint8_t *at, uint32_t serial, uint32_t len)
{
	assert(len >= MARK_LEN);
	memcpy(at, magic, MAGIC_LEN);
	put32(at + 8, serial);
	put32(at + 12, len);
	for (uint32_t i = MARK_LEN; i < len; i++)
		at[i] = (uint8_t)(i * 31 + i / 256 + serial);
}

static uint8_t gso_of(enum probe_kind kind)
{
	static const uint8_t gso[PROBE_KINDS] = {
		[PROBE_GSO_TCP4] = VIF_GSO_TCP4,
		[PROBE_GSO_TCP6] = VIF_GSO_TCP6,
		[PROBE_GSO_UDP4] = VIF_GSO_UDP,
	};

	return gso[kind];
}

void probe_make(struct probe *probe, enum probe_kind kind, bool is_eth,
		uint32_t serial, uint32_t payload_len)
{
	struct layout at = layout_of(kind, is_eth);
	struct vif_packet *packet = &probe->packet;
	uint32_t l4_len = at.payload - at.l4 + payload_len;
	uint32_t pseudo;

	assert(at.payload + payload_len <= PROBE_BUFFER);
	memset(probe->bytes, 0, at.payload);
	if (is_eth) {
		memcpy(probe->bytes, "\2vif\0\2\2vif\0\1", 12);
		put16(probe->bytes + 12, at.is_ip6 ? 0x86dd : 0x0800);
	}
	pseudo = put_ip(probe->bytes + at.l3, &at, l4_len);
	put_l4(probe->bytes + at.l4, &at, l4_len,
	       kind == PROBE_UDP4 ? 0 : fold(pseudo));
	put_payload(probe->bytes + at.payload, serial, payload_len);
	*packet = (struct vif_packet){
		.seg = probe->seg,
		.len = at.payload + payload_len,
		.n_seg = 1,
	};
	probe->seg[0] = (struct iovec){ probe->bytes, packet->len };
	if (kind == PROBE_UDP4)
		return;
	packet->csum = VIF_CSUM_PARTIAL;
	packet->l3_off = at.l3;
	packet->l4_off = at.l4;
	packet->csum_off = at.is_tcp ? 16 : 6;
	packet->gso = gso_of(kind);
	if (packet->gso == VIF_GSO_NONE)
		return;
	packet->gso_size = PROBE_GSO_SIZE;
	packet->hdr_len = at.payload;
}

void probe_scatter(struct probe *probe, uint16_t n)
{
	uint32_t first = ETH_LEN + IP6_LEN + TCP_LEN;
	uint32_t rest = probe->packet.len - first;
	uint8_t *at = probe->bytes + first;

	assert(n >= 2 && n <= VIF_PACKET_SEG_MAX + 1 && rest >= n);
	probe->seg[0].iov_len = first;
	for (uint16_t i = 1; i < n; i++) {
		uint32_t len = i + 1 == n ? rest : rest / n;

		probe->seg[i] = (struct iovec){ at, len };
		at += len;
		rest -= len;
	}
	probe->packet.n_seg = n;
}

static bool gather(const struct vif_packet *packet, struct probe_seen *seen)
{
	uint32_t len = 0;

	for (uint16_t i = 0; i < packet->n_seg; i++) {
		const struct iovec *seg = &packet->seg[i];

		if (len + seg->iov_len > PROBE_BUFFER)
			return false;
		memcpy(seen->bytes + len, seg->iov_base, seg->iov_len);
		len += (uint32_t)seg->iov_len;
	}
	seen->len = len;
	seen->packet = *packet;
	return len == packet->len;
}

bool probe_look(const struct vif_packet *packet, bool is_eth,
		struct probe_seen *ret_seen)
{
	const uint8_t *l3, *payload;
	uint32_t off = is_eth ? ETH_LEN : 0;
	bool is_ip6, is_tcp;

	if (!gather(packet, ret_seen) || ret_seen->len < off + IP6_LEN)
		return false;
	l3 = ret_seen->bytes + off;
	is_ip6 = l3[0] >> 4 == 6;
	is_tcp = l3[is_ip6 ? 6 : 9] == 6;
	off += is_ip6 ? IP6_LEN : IP4_LEN;
	off += is_tcp ? TCP_LEN : UDP_LEN;
	if (ret_seen->len < off + MARK_LEN)
		return false;
	payload = ret_seen->bytes + off;
	if (memcmp(payload, magic, MAGIC_LEN) != 0)
		return false;
	ret_seen->serial = get32(payload + 8);
	if (get32(payload + 12) != ret_seen->len - off)
		return false;
	for (uint32_t i = MARK_LEN; i < ret_seen->len - off; i++)
		if (payload[i] !=
		    (uint8_t)(i * 31 + i / 256 + ret_seen->serial))
			return false;
	return true;
}

bool probe_equal(const struct probe *sent, const struct probe_seen *seen)
{
	const struct vif_packet *a = &sent->packet, *b = &seen->packet;

	if (a->len != seen->len ||
	    memcmp(sent->bytes, seen->bytes, seen->len) != 0)
		return false;
	if (a->gso != b->gso || a->csum != b->csum)
		return false;
	if (a->csum == VIF_CSUM_PARTIAL &&
	    (a->l4_off != b->l4_off || a->csum_off != b->csum_off))
		return false;
	return a->gso == VIF_GSO_NONE || a->gso_size == b->gso_size;
}
