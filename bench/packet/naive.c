/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Internet checksum as textbooks have it: words of 16 bits, one by one,
 * into an accumulator of 32, folded at the end.
 *
 * Meson compiles this file without vectorisation, so that it is the loop that
 * stands here and not what a compiler can make of it. The accumulator holds
 * 65535 bytes without overflow.
 */
#include <string.h>

#include "bench/packet/packet.h"

uint64_t naive_sum(const uint8_t *data, size_t len)
{
	uint32_t sum = 0;
	uint16_t word;

	for (; len > 1; data += 2, len -= 2) {
		memcpy(&word, data, sizeof(word));
		sum += word;
	}
	if (len > 0) {
		word = 0;
		memcpy(&word, data, 1);
		sum += word;
	}
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}
