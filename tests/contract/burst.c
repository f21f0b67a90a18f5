/* SPDX-License-Identifier: Apache-2.0 */
/* A burst of plain probes. */
#include "tests/contract/burst.h"

struct probe burst_probe[CONTRACT_BATCH];
struct vif_packet burst_packet[CONTRACT_BATCH];
static struct probe_seen seen;

void burst_make(const struct rig *rig, uint32_t first, uint32_t n)
{
	assert_true(n <= CONTRACT_BATCH);
	for (uint32_t i = 0; i < n; i++) {
		probe_make(&burst_probe[i], PROBE_UDP4, rig_is_eth(rig),
			   first + i, PROBE_SMALL + (first + i) % 1000);
		burst_packet[i] = burst_probe[i].packet;
	}
}

void burst_expect(struct rig *rig, uint32_t first, uint32_t n)
{
	uint32_t next = first;

	while (next < first + n) {
		int r = rig_rx(rig, 0);

		if (r <= 0)
			fail_msg("%d instead of packet %u", r, next);
		for (int i = 0; i < r; i++)
			if (probe_look(&rig->batch->packet[i], rig_is_eth(rig),
				       &seen))
				assert_int_equal(seen.serial, next++);
		vif_port_rx_done(rig->port, 0, rig->batch);
	}
}
