/* SPDX-License-Identifier: Apache-2.0 */
/* The pseudo-header sum for tests, apart from the code that is tested. */
#ifndef TESTS_PSEUDO_H
#define TESTS_PSEUDO_H

#include "wire/bytes.h"
#include "wire/checksum.h"

/*
 * Folded sum of addresses, protocol and length (RFC 9293, section 3.1; RFC
 * 8200, section 8.1), not inverted. ip is a header without a routing header.
 */
static inline uint16_t pseudo(const uint8_t *ip, uint8_t proto, size_t len)
{
	uint8_t tail[4] = { 0, proto };
	bool is_ip4 = ip[0] >> 4 == 4;

	put_be16(tail + 2, (uint16_t)len);
	return checksum_fold(
		checksum_sum(ip + (is_ip4 ? 12 : 8), is_ip4 ? 8 : 32) +
		checksum_sum(tail, 4));
}

#endif
