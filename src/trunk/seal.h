/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One direction under keys that follow each other.
 *
 * docs/design/trunk.md, section 4. The number of a record goes on when the key
 * changes; how many records a key has had, how many bytes, and for how long, is
 * counted from there.
 */
#ifndef TRUNK_SEAL_H
#define TRUNK_SEAL_H

#include <stdbool.h>

#include "trunk/noise/key.h"

enum seal_limits {
	/* The most records that AES-GCM should see with one key (RFC 9001,
	 * appendix B). Who receives more with one ends it. */
	SEAL_RECORDS_MAX = 1 << 23,
	/* Who sends has a new key by then, however young the old one is. */
	SEAL_RECORDS_OLD = SEAL_RECORDS_MAX / 2,
};

/*
 * A key is kept so long at least: who receives takes 16 at once and one a second
 * from then on, and may have been stopped for as long as health allows.
 */
#define SEAL_AGE_MIN_NS UINT64_C(2000000000)

struct seal {
	struct noise_key key;
	uint64_t n_key;        /* number of the key, from 0 */
	uint64_t first_record; /* its first one */
	uint64_t bytes;        /* with this key */
	uint64_t since_ns;
};

/* When a key has done enough; UINT64_MAX is never, for bytes and time. */
struct seal_life {
	uint64_t records, bytes, ns;
};

/* seal_begin() - a key that was taken into use; moves it */
void seal_begin(struct seal *seal, struct noise_key *key, uint64_t now_ns);

/* seal_fini() - wipes; also on zeroed memory, and twice */
void seal_fini(struct seal *seal);

/* seal_is_old() - whether the key has done enough, and may be changed */
bool seal_is_old(const struct seal *seal, const struct seal_life *life,
		 uint64_t now_ns);

/* seal_is_worn() - whether the key has seen more than it should have */
bool seal_is_worn(const struct seal *seal);

/* seal_rekey() - the next key; 0 or -EIO */
int seal_rekey(struct seal *seal, uint64_t now_ns);

#endif
