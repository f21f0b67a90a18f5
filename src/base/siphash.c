/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SipHash-2-4. "SipHash: a fast short-input PRF", 2012, section 2: two rounds
 * for each word of the input, little endian, the last one with the length on
 * top; four at the end.
 */
#include "base/siphash.h"

#include <endian.h>
#include <string.h>

struct state {
	uint64_t v[4];
};

static uint64_t turn(uint64_t x, unsigned int n)
{
	return x << n | x >> (64 - n);
}

static void run_round(struct state *s)
{
	s->v[0] += s->v[1];
	s->v[2] += s->v[3];
	s->v[1] = turn(s->v[1], 13) ^ s->v[0];
	s->v[3] = turn(s->v[3], 16) ^ s->v[2];
	s->v[0] = turn(s->v[0], 32);
	s->v[2] += s->v[1];
	s->v[0] += s->v[3];
	s->v[1] = turn(s->v[1], 17) ^ s->v[2];
	s->v[3] = turn(s->v[3], 21) ^ s->v[0];
	s->v[2] = turn(s->v[2], 32);
}

static uint64_t word(const uint8_t *bytes, size_t len)
{
	uint64_t little = 0;

	memcpy(&little, bytes, len);
	return le64toh(little);
}

static void take(struct state *s, uint64_t m)
{
	s->v[3] ^= m;
	run_round(s);
	run_round(s);
	s->v[0] ^= m;
}

uint64_t siphash(const uint8_t key[SIPHASH_KEY_LEN], const void *bytes,
		 size_t len)
{
	uint64_t k0 = word(key, 8), k1 = word(key + 8, 8);
	struct state s = { {
		k0 ^ UINT64_C(0x736f6d6570736575),
		k1 ^ UINT64_C(0x646f72616e646f6d),
		k0 ^ UINT64_C(0x6c7967656e657261),
		k1 ^ UINT64_C(0x7465646279746573),
	} };
	const uint8_t *from = bytes;
	size_t i;

	for (i = 0; len - i >= 8; i += 8)
		take(&s, word(from + i, 8));
	take(&s, word(from + i, len - i) | (uint64_t)len << 56);
	s.v[2] ^= 0xff;
	for (int n = 0; n < 4; n++)
		run_round(&s);
	return s.v[0] ^ s.v[1] ^ s.v[2] ^ s.v[3];
}
