// SPDX-License-Identifier: Apache-2.0
/*
 * Pseudo-random bytes and their hash, both faster than the network so that
 * neither is what a test measures.
 */
#include "traffic.h"

#include <assert.h>
#include <string.h>

/* The constants of XXH64, see its specification, section 3. */
#define PRIME_1 0x9e3779b185ebca87u
#define PRIME_2 0xc2b2ae3d27d4eb4fu
#define PRIME_3 0x165667b19e3779f9u
#define PRIME_4 0x85ebca77c2b2ae63u
#define PRIME_5 0x27d4eb2f165667c5u

static uint64_t rotate(uint64_t value, unsigned int bits)
{
	return value << bits | value >> (64 - bits);
}

/* Words are read in host order: both ends run on the same machine. */
static uint64_t read_64(const uint8_t *data)
{
	uint64_t value;

	memcpy(&value, data, sizeof(value));
	return value;
}

static uint64_t read_32(const uint8_t *data)
{
	uint32_t value;

	memcpy(&value, data, sizeof(value));
	return value;
}

/* Splitmix64; makes independent lanes from a seed that may be small. */
static uint64_t spread(uint64_t value)
{
	value += 0x9e3779b97f4a7c15u;
	value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9u;
	value = (value ^ value >> 27) * 0x94d049bb133111ebu;
	return value ^ value >> 31;
}

void stream_init(struct stream *stream, uint64_t seed)
{
	for (unsigned int i = 0; i < 4; i++) {
		seed = spread(seed + i);
		stream->lane[i] = seed | 1; /* xorshift must not start at 0 */
	}
}

void stream_next(struct stream *stream, uint8_t *data, size_t len)
{
	uint64_t lane[4];

	assert(len % STREAM_STEP == 0);
	memcpy(lane, stream->lane, sizeof(lane));
	for (size_t at = 0; at < len; at += STREAM_STEP) {
		for (size_t i = 0; i < 4; i++) {
			lane[i] ^= lane[i] << 13;
			lane[i] ^= lane[i] >> 7;
			lane[i] ^= lane[i] << 17;
		}
		memcpy(data + at, lane, sizeof(lane));
	}
	memcpy(stream->lane, lane, sizeof(lane));
}

static uint64_t hash_round(uint64_t lane, uint64_t word)
{
	return rotate(lane + word * PRIME_2, 31) * PRIME_1;
}

void hash_init(struct hash *hash)
{
	memset(hash, 0, sizeof(*hash));
	hash->lane[0] = PRIME_1 + PRIME_2;
	hash->lane[1] = PRIME_2;
	hash->lane[3] = 0 - PRIME_1;
}

/* Hash all whole steps of data; returns how many bytes that were. */
static size_t hash_steps(struct hash *hash, const uint8_t *data, size_t len)
{
	uint64_t lane[4];
	size_t at = 0;

	memcpy(lane, hash->lane, sizeof(lane));
	for (; len - at >= 32; at += 32) {
		for (size_t i = 0; i < 4; i++)
			lane[i] =
				hash_round(lane[i], read_64(data + at + 8 * i));
	}
	memcpy(hash->lane, lane, sizeof(lane));
	return at;
}

void hash_add(struct hash *hash, const uint8_t *data, size_t len)
{
	size_t n;

	hash->len += len;
	if (hash->tail_len > 0) {
		n = sizeof(hash->tail) - hash->tail_len;
		n = n < len ? n : len;
		memcpy(hash->tail + hash->tail_len, data, n);
		hash->tail_len += n;
		data += n;
		len -= n;
		if (hash->tail_len < sizeof(hash->tail))
			return;
		(void)hash_steps(hash, hash->tail, sizeof(hash->tail));
	}
	n = hash_steps(hash, data, len);
	hash->tail_len = len - n;
	memcpy(hash->tail, data + n, hash->tail_len);
}

static uint64_t hash_merge(const struct hash *hash)
{
	const uint64_t *lane = hash->lane;
	uint64_t value;

	if (hash->len < 32)
		return PRIME_5;
	value = rotate(lane[0], 1) + rotate(lane[1], 7) + rotate(lane[2], 12) +
		rotate(lane[3], 18);
	for (unsigned int i = 0; i < 4; i++)
		value = (value ^ hash_round(0, lane[i])) * PRIME_1 + PRIME_4;
	return value;
}

static uint64_t hash_tail(uint64_t value, const uint8_t *data, size_t len)
{
	for (; len >= 8; data += 8, len -= 8) {
		value ^= hash_round(0, read_64(data));
		value = rotate(value, 27) * PRIME_1 + PRIME_4;
	}
	for (; len >= 4; data += 4, len -= 4) {
		value ^= read_32(data) * PRIME_1;
		value = rotate(value, 23) * PRIME_2 + PRIME_3;
	}
	for (; len > 0; data++, len--)
		value = rotate(value ^ *data * PRIME_5, 11) * PRIME_1;
	return value;
}

uint64_t hash_value(const struct hash *hash)
{
	uint64_t value = hash_merge(hash) + hash->len;

	value = hash_tail(value, hash->tail, hash->tail_len);
	value = (value ^ value >> 33) * PRIME_2;
	value = (value ^ value >> 29) * PRIME_3;
	return value ^ value >> 32;
}
