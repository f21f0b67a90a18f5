/* SPDX-License-Identifier: Apache-2.0 */
/* The portable body of the Internet checksum. */
#include "wire/checksum.h"

/*
 * Words of 32 bits in sums of 64: no carry can get lost, and the compiler is
 * free to keep four chains going.
 */
uint64_t checksum_sum_scalar(const uint8_t *data, size_t len)
{
	uint64_t sum[4] = { 0 };
	uint32_t word[4];
	uint64_t total;

	for (; len >= sizeof(word); data += sizeof(word), len -= sizeof(word)) {
		memcpy(word, data, sizeof(word));
		for (int i = 0; i < 4; i++)
			sum[i] += word[i];
	}
	total = sum[0] + sum[1] + sum[2] + sum[3];
	return total + checksum_short(data, len);
}
