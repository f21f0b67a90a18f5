/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Internet checksum (RFC 1071): the one's complement of the one's
 * complement sum of 16-bit words.
 *
 * Sums are taken over words as they lie in memory; a checksum folded from one
 * can be stored as it is, on machines of either byte order (RFC 1071, section
 * 2(B)). A sum is a plain 64-bit number of which only the value modulo 65535
 * counts, so sums can be added to each other.
 */
#ifndef WIRE_CHECKSUM_H
#define WIRE_CHECKSUM_H

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/*
 * checksum_sum() - sum of len bytes that begin at an even offset
 *
 * An odd last byte counts as if a zero followed. The result is below 2^48 for
 * every len up to 2^18.
 */
uint64_t checksum_sum(const void *data, size_t len);

/* One body of checksum_sum(), for tests and measurements. */
struct checksum_body {
	const char *name;
	bool (*supported)(void);
	uint64_t (*sum)(const uint8_t *data, size_t len);
};

/* All bodies this machine's architecture has, best first; the last is scalar. */
extern const struct checksum_body checksum_bodies[];
extern const size_t checksum_n_bodies;

/* The portable body. */
uint64_t checksum_sum_scalar(const uint8_t *data, size_t len);

/* A number of a header, in network order there, as a word of a sum. */
static inline uint64_t checksum_word(uint32_t value)
{
	return htobe16((uint16_t)value);
}

/*
 * checksum_sum() for a few bytes, such as those of a header, without a call.
 * The compiler unrolls it where it knows the length.
 */
static inline uint64_t checksum_short(const uint8_t *data, size_t len)
{
	uint64_t sum = 0;
	uint32_t word;
	uint16_t half;

	for (; len >= sizeof(word); data += sizeof(word), len -= sizeof(word)) {
		memcpy(&word, data, sizeof(word));
		sum += word;
	}
	if (len >= sizeof(half)) {
		memcpy(&half, data, sizeof(half));
		sum += half;
		data += sizeof(half);
	}
	/* An odd one is the first of its word in memory, and a zero follows. */
	return len & 1 ? sum + htole16(*data) : sum;
}

/* Brings a sum down to 16 bits; not inverted. 0 only if all bytes were 0. */
static inline uint16_t checksum_fold(uint64_t sum)
{
	uint32_t half;

	/* Upper halves of the sum with its halves exchanged, carry included. */
	half = (uint32_t)((sum + (sum << 32 | sum >> 32)) >> 32);
	return (uint16_t)((half + (half << 16 | half >> 16)) >> 16);
}

/*
 * Adds the sum of a piece to a running one. odd tells whether the piece begins
 * at an odd offset: then its bytes count in the other half of the words.
 */
static inline uint64_t checksum_append(uint64_t sum, uint64_t piece, bool odd)
{
	uint16_t folded = checksum_fold(piece);

	if (odd)
		folded = (uint16_t)(folded << 8 | folded >> 8);
	return sum + folded;
}

/*
 * Update of a checksum field for a 16-bit word that changed (RFC 1624,
 * equation 3). All three as they lie in memory.
 */
static inline uint16_t checksum_update(uint16_t checksum, uint16_t before,
				       uint16_t after)
{
	return (uint16_t)~checksum_fold((uint64_t)(uint16_t)~checksum +
					(uint16_t)~before + after);
}

/* A field as it lies in memory, and back. */
static inline uint16_t checksum_load(const uint8_t *at)
{
	uint16_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

static inline void checksum_store(uint8_t *at, uint16_t value)
{
	memcpy(at, &value, sizeof(value));
}

#endif
