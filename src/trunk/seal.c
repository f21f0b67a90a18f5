/* SPDX-License-Identifier: Apache-2.0 */
/* One direction under keys that follow each other. */
#include "trunk/seal.h"

#include <string.h>

#include "trunk/credit.h"

void seal_begin(struct seal *seal, struct noise_key *key, uint64_t now_ns)
{
	*seal = (struct seal){ .key = *key, .since_ns = now_ns };
	memset(key, 0, sizeof(*key));
}

void seal_fini(struct seal *seal)
{
	noise_key_fini(&seal->key);
}

static uint64_t records(const struct seal *seal)
{
	return seal->key.nonce - seal->first_record;
}

bool seal_is_old(const struct seal *seal, const struct seal_life *life,
		 uint64_t now_ns)
{
	uint64_t age_ns = now_ns - seal->since_ns;

	if (records(seal) >= SEAL_RECORDS_OLD)
		return true;
	return age_ns >= SEAL_AGE_MIN_NS &&
	       (records(seal) >= life->records || seal->bytes >= life->bytes ||
		time_is_over(now_ns, credit_add(seal->since_ns, life->ns)));
}

bool seal_is_worn(const struct seal *seal)
{
	return records(seal) >= SEAL_RECORDS_MAX;
}

int seal_rekey(struct seal *seal, uint64_t now_ns)
{
	int r = noise_key_rekey(&seal->key);

	if (r < 0)
		return r;
	seal->n_key++;
	seal->first_record = seal->key.nonce;
	seal->bytes = 0;
	seal->since_ns = now_ns;
	return 0;
}
