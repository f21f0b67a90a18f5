/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SipHash-2-4, by Aumasson and Bernstein: a short hash with a key.
 *
 * For tables whose keys others choose: who does not know the key of the hash
 * cannot choose them so that they fall together. No signature, and not for
 * secrets that are worth more than a table.
 */
#ifndef BASE_SIPHASH_H
#define BASE_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

enum siphash_limits {
	SIPHASH_KEY_LEN = 16,
};

/* siphash() - of len bytes, which may be none */
uint64_t siphash(const uint8_t key[SIPHASH_KEY_LEN], const void *bytes,
		 size_t len);

#endif
