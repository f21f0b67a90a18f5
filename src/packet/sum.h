/* SPDX-License-Identifier: Apache-2.0 */
/* Summing bytes that lie in several pieces. */
#ifndef PACKET_SUM_H
#define PACKET_SUM_H

#include <sys/uio.h>

#include "wire/checksum.h"

/*
 * pieces_sum() - sum of pieces from a byte of the first one on
 *
 * The byte at skip, which is at most the length of the first piece, counts as
 * one at an even offset.
 */
static inline uint64_t pieces_sum(const struct iovec *seg, uint16_t n_seg,
				  size_t skip)
{
	uint64_t sum = 0;
	size_t off = 0;

	for (uint16_t i = 0; i < n_seg; i++) {
		const uint8_t *at = (const uint8_t *)seg[i].iov_base + skip;
		size_t len = seg[i].iov_len - skip;

		sum = checksum_append(sum, checksum_sum(at, len), off & 1);
		off += len;
		skip = 0;
	}
	return sum;
}

#endif
