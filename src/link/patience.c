/* SPDX-License-Identifier: Apache-2.0 */
/* How long to look again before a sleep. */
#include "link/patience.h"

#include <assert.h>

void patience_init(struct patience *patience)
{
	*patience = (struct patience){
		.limit_ns = PATIENCE_MAX_NS,
		.skip = PATIENCE_SKIP_MIN,
	};
}

bool patience_looks_again(struct patience *patience, uint64_t now_ns)
{
	if (!patience->is_idle) {
		patience->is_idle = true;
		patience->is_over = false;
		patience->since_ns = patience->offer_ns = now_ns;
	}
	if (patience->n_skip > 0 ||
	    now_ns - patience->since_ns >= patience->limit_ns)
		patience->is_over = true;
	return !patience->is_over;
}

bool patience_wants_offer(const struct patience *patience, uint64_t now_ns)
{
	return now_ns - patience->offer_ns >= PATIENCE_OFFER_NS;
}

void patience_offered(struct patience *patience, uint64_t from_ns,
		      uint64_t now_ns)
{
	patience->offer_ns = now_ns;
	if (now_ns - from_ns < PATIENCE_TAKEN_NS) {
		if (patience->skip > PATIENCE_SKIP_MIN)
			patience->skip--;
		return;
	}
	patience->is_over = true;
	patience->n_skip = patience->skip;
	if (patience->skip < PATIENCE_SKIP_MAX)
		patience->skip *= 2;
}

static uint64_t twice(uint64_t limit_ns)
{
	if (limit_ns == 0)
		return PATIENCE_MIN_NS;
	return limit_ns < PATIENCE_MAX_NS / 2 ? 2 * limit_ns : PATIENCE_MAX_NS;
}

static uint64_t half(uint64_t limit_ns)
{
	return limit_ns < 2 * PATIENCE_MIN_NS ? 0 : limit_ns / 2;
}

void patience_ends(struct patience *patience, uint64_t now_ns, bool has_slept)
{
	uint64_t short_ns =
		PATIENCE_MAX_NS + (has_slept ? PATIENCE_WAKE_NS : 0);
	uint64_t limit_ns = patience->limit_ns;

	assert(patience->is_idle);
	patience->is_idle = patience->is_over = false;
	if (patience->n_skip > 0) {
		patience->n_skip--;
		return;
	}
	patience->limit_ns = now_ns - patience->since_ns < short_ns ?
				     twice(limit_ns) :
				     half(limit_ns);
}
