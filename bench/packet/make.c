/* SPDX-License-Identifier: Apache-2.0 */
/* Packets to work on, and memory that is in the cache or far too large. */
#include <string.h>
#include <sys/mman.h>

#include "base/bits.h"
#include "bench/packet/packet.h"
#include "wire/bytes.h"
#include "wire/checksum.h"
#include "wire/inet.h"

enum sizes {
	TCP_OPTIONS = 12, /* timestamps, as nearly all TCP has them */
	LINE = 64,
};

/* Twice the largest cache there is, and some thousand times our share of it. */
static const size_t cold_size = (size_t)1 << 30;

const char *const kind_names[] = { "tcp4", "tcp6", "udp4", NULL };

static uint32_t ip_len(enum kind kind)
{
	return kind == TCP6 ? INET_IP6_LEN : INET_IP4_LEN;
}

uint32_t header_len(enum kind kind)
{
	return ip_len(kind) +
	       (kind == UDP4 ? INET_UDP_LEN : INET_TCP_LEN + TCP_OPTIONS);
}

static void put_ip(const struct recipe *recipe, uint8_t *ip)
{
	uint32_t len = header_len(recipe->kind) + recipe->payload;

	if (recipe->kind == TCP6) {
		ip[0] = 0x60;
		put_be16(ip + 4, (uint16_t)(len - INET_IP6_LEN));
		ip[6] = INET_PROTO_TCP;
		ip[7] = 64;
		ip[8] = ip[24] = 0xfd;
		ip[23] = 1;
		ip[39] = 2;
		return;
	}
	ip[0] = 0x45;
	put_be16(ip + 2, (uint16_t)len);
	put_be16(ip + 4, recipe->id);
	ip[6] = 0x40;
	ip[8] = 64;
	ip[9] = recipe->kind == UDP4 ? INET_PROTO_UDP : INET_PROTO_TCP;
	ip[12] = ip[16] = 10;
	ip[15] = 1;
	ip[19] = 2;
	checksum_store(ip + 10, (uint16_t)~checksum_fold(
					checksum_sum(ip, INET_IP4_LEN)));
}

static void put_l4(const struct recipe *recipe, uint8_t *l4, uint32_t len)
{
	put_be16(l4, (uint16_t)(40000 + recipe->flow));
	put_be16(l4 + 2, 443);
	if (recipe->kind == UDP4) {
		put_be16(l4 + 4, (uint16_t)len);
		return;
	}
	put_be16(l4 + 4, (uint16_t)(recipe->seq >> 16));
	put_be16(l4 + 6, (uint16_t)recipe->seq);
	put_be16(l4 + 8, 0x1234);
	l4[12] = (INET_TCP_LEN + TCP_OPTIONS) / 4 << 4;
	l4[13] = 0x10; /* ACK */
	put_be16(l4 + 14, 501);
	memcpy(l4 + 20, (uint8_t[]){ 1, 1, 8, 10, 9, 8, 7, 6, 5, 4, 3, 2 },
	       TCP_OPTIONS);
}

static uint64_t pseudo_sum(const struct recipe *recipe, const uint8_t *ip,
			   uint32_t len)
{
	bool is_ip6 = recipe->kind == TCP6;
	uint8_t tail[4] = { 0, is_ip6 ? ip[6] : ip[9] };

	put_be16(tail + 2, (uint16_t)len);
	return checksum_sum(tail, sizeof(tail)) +
	       checksum_sum(ip + (is_ip6 ? 8 : 12), is_ip6 ? 32 : 8);
}

void make_packet(const struct recipe *recipe, uint8_t *at)
{
	uint8_t *l4 = at + ip_len(recipe->kind);
	uint8_t *field =
		l4 + (recipe->kind == UDP4 ? INET_UDP_CSUM : INET_TCP_CSUM);
	uint32_t len = header_len(recipe->kind) - ip_len(recipe->kind) +
		       recipe->payload;
	uint16_t sum;

	memset(at, 0, header_len(recipe->kind));
	put_ip(recipe, at);
	put_l4(recipe, l4, len);
	sum = checksum_fold(pseudo_sum(recipe, at, len));
	if (recipe->gso_size == 0)
		sum = (uint16_t)~checksum_fold(sum + checksum_sum(l4, len));
	checksum_store(field, sum);
}

void make_field(struct field *field, const uint8_t *burst, size_t len,
		bool cold)
{
	/* One line more, so that bursts do not compete for the same sets. */
	size_t pitch = align_up(len, LINE) + LINE;
	size_t n = cold ? cold_size / pitch : 1;
	uint8_t *byte = mmap(NULL, n * pitch, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (byte == MAP_FAILED)
		die("mmap");
	/* A wish: without large pages it takes longer, and the TLB counts. */
	(void)madvise(byte, n * pitch, MADV_HUGEPAGE);
	for (size_t i = 0; i < n; i++)
		memcpy(byte + i * pitch, burst, len);
	*field = (struct field){ byte, pitch, n, 0 };
}
