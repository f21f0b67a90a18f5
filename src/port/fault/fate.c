/* SPDX-License-Identifier: Apache-2.0 */
/* What happens to a packet, and when the whole port is at its end. */
#include <sys/eventfd.h>

#include "port/fault/fault.h"

struct fault_fate fault_fate(struct dice *dice, const struct fault_rates *rates)
{
	struct fault_fate fate;

	fate.drop = dice_roll(dice, rates->drop);
	fate.duplicate = dice_roll(dice, rates->duplicate);
	fate.reorder = dice_roll(dice, rates->reorder);
	return fate;
}

uint32_t fault_left(struct fault *fault, uint32_t n)
{
	uint64_t passed;

	if (fault->fail == 0)
		return n;
	passed = atomic_load(&fault->passed);
	if (passed >= fault->fail)
		return 0;
	return fault->fail - passed < n ? (uint32_t)(fault->fail - passed) : n;
}

void fault_pass(struct fault *fault, uint32_t n)
{
	if (fault->fail == 0 || n == 0 ||
	    atomic_fetch_add(&fault->passed, n) + n < fault->fail)
		return;
	if (atomic_exchange(&fault->gone, true))
		return;
	(void)eventfd_write(fault->gone_fd, 1); /* once: cannot be full */
	port_set_state(&fault->port, VIF_PORT_CLOSED);
}

void fault_follow_drops(struct port_counters *own,
			const struct port_counters *inner, uint64_t injected)
{
	for (int i = 0; i < VIF_DROP_N; i++) {
		uint64_t n = counter_read(&inner->drops[i]);

		if (i == VIF_DROP_INJECTED)
			n += injected;
		counter_add(&own->drops[i], n - counter_read(&own->drops[i]));
	}
}
