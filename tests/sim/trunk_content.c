/* SPDX-License-Identifier: Apache-2.0 */
/* Content of streams and lanes that need not be kept to be known. */
#include "tests/sim/trunk_content.h"

#include <string.h>

enum {
	IP4_LEN = 20,
	TCP_LEN = 20,
	HEADERS_LEN = IP4_LEN + TCP_LEN,
	CSUM_AT = 16, /* in a TCP header */
	SEGMENT = 100,
	KINDS = 4,
};

static uint64_t mix(uint64_t z)
{
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

/* Eight bytes, so that eight cost one. */
static uint64_t word_at(uint64_t seed, uint64_t i)
{
	uint64_t word = mix(seed + i * 0x9e3779b97f4a7c15);

	return i == 0 ? (word & ~UINT64_C(0xff)) | (seed & 0xff) : word;
}

void content_fill(uint64_t seed, uint64_t pos, uint8_t *bytes, size_t len)
{
	while (len > 0) {
		uint64_t word = word_at(seed, pos / 8) >> (8 * (pos % 8));
		size_t n = 8 - pos % 8;

		n = n < len ? n : len;
		for (size_t i = 0; i < n; i++)
			bytes[i] = (uint8_t)(word >> (8 * i));
		bytes += n;
		pos += n;
		len -= n;
	}
}

bool content_is(uint64_t seed, uint64_t pos, const uint8_t *bytes, size_t len)
{
	uint8_t want[1024];

	while (len > 0) {
		size_t n = len < sizeof(want) ? len : sizeof(want);

		content_fill(seed, pos, want, n);
		if (memcmp(bytes, want, n) != 0)
			return false;
		bytes += n;
		pos += n;
		len -= n;
	}
	return true;
}

/* An IPv4 header and a TCP header that say no more than they have to. */
static void put_headers(uint8_t *bytes, uint32_t len)
{
	memset(bytes, 0, HEADERS_LEN);
	bytes[0] = 0x45;
	bytes[2] = (uint8_t)(len >> 8);
	bytes[3] = (uint8_t)len;
	bytes[8] = 64;
	bytes[9] = 6;
	bytes[IP4_LEN + 12] = 5 << 4;
}

static void set_offload(struct vif_packet *packet, bool super)
{
	packet->csum = VIF_CSUM_PARTIAL;
	packet->l3_off = 0;
	packet->l4_off = IP4_LEN;
	packet->csum_off = CSUM_AT;
	if (!super)
		return;
	packet->gso = VIF_GSO_TCP4;
	packet->gso_size = SEGMENT;
	packet->hdr_len = HEADERS_LEN;
}

void content_packet(uint64_t seed, uint64_t n, size_t len_max, uint8_t *bytes,
		    struct iovec *seg, struct vif_packet *ret_packet)
{
	uint64_t dice = mix(seed ^ mix(n + 1));
	uint32_t len = (uint32_t)(dice % len_max + 1);
	unsigned int kind = (unsigned int)(dice >> 40) % KINDS;

	content_fill(dice, n, bytes, len);
	*seg = (struct iovec){ bytes, len };
	*ret_packet = (struct vif_packet){ .seg = seg, .len = len, .n_seg = 1 };
	if (kind < 2 || len <= HEADERS_LEN)
		return;
	put_headers(bytes, len);
	set_offload(ret_packet, kind == 3 && len > HEADERS_LEN + SEGMENT);
}

bool content_packet_is(uint64_t seed, uint64_t n, size_t len_max,
		       const struct vif_packet *packet)
{
	static uint8_t bytes[VIF_PACKET_LEN_MAX];
	struct vif_packet want;
	struct iovec seg;

	content_packet(seed, n, len_max, bytes, &seg, &want);
	return packet->len == want.len && packet->n_seg == 1 &&
	       packet->seg->iov_len == want.len && packet->gso == want.gso &&
	       packet->csum == want.csum && packet->gso_size == want.gso_size &&
	       packet->hdr_len == want.hdr_len &&
	       packet->l4_off == want.l4_off &&
	       packet->csum_off == want.csum_off &&
	       memcmp(packet->seg->iov_base, bytes, want.len) == 0;
}
