/* SPDX-License-Identifier: Apache-2.0 */
/* Credit: when to tell a limit, and when to widen a window. */
#include "trunk/credit.h"

bool credit_is_due(const struct credit_rx *credit, uint64_t held,
		   enum credit_rule rule, uint64_t need)
{
	uint64_t limit = credit_new_limit(credit, held);
	uint64_t growth;

	if (limit <= credit->limit)
		return false;
	growth = limit - credit->limit;
	if (growth >= (credit->window + 1) / 2)
		return true;
	if (credit->limit - credit->received < need)
		return true;
	return rule == CREDIT_HALF_FREE &&
	       growth >= (limit - credit->received + 1) / 2;
}

bool credit_wants_more(struct credit_rx *credit, uint64_t held, uint64_t now_ns,
		       uint64_t rtt_ns)
{
	uint64_t consumed = credit->received - held;
	uint64_t elapsed_ns = now_ns - credit->epoch_ns;

	if (consumed - credit->epoch_consumed < (credit->window + 1) / 2)
		return false;
	credit->epoch_consumed = consumed;
	credit->epoch_ns = now_ns;
	return rtt_ns > 0 && elapsed_ns < 2 * rtt_ns &&
	       credit->window < credit->window_max;
}
