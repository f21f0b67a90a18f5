/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of vif probe: what the kernel makes of superpackets. */
#include "port/tun/trial.h"

#include <errno.h>
#include <stdio.h>

#include "cli/probe_checks.h"

/* Directions in which a kind came out wrong. */
static void add_ways(uint32_t kind, const struct tun_trial *trial,
		     struct probe_finding *finding)
{
	if (trial->rx_bad & kind)
		probe_add(finding->detail, sizeof(finding->detail), "rx");
	if (trial->tx_bad & kind)
		probe_add(finding->detail, sizeof(finding->detail), "tx");
}

int probe_trial(unsigned long value, struct probe_finding *finding)
{
	const uint32_t kind = VIF_GSO_BIT(value);
	struct tun_trial trial = { .tried = 0 };
	struct vif_error error;
	int r = tun_trial_run(kind, &trial, &error);

	if (r == 0 && !(trial.tried & kind)) {
		(void)snprintf(finding->why, sizeof(finding->why),
			       "could not be tried here");
		finding->is_open = true;
		return -EOPNOTSUPP;
	}
	if (r < 0) {
		(void)snprintf(finding->why, sizeof(finding->why),
			       "%.100s: %.50s", error.what, error.why);
		finding->is_open = true;
		return r;
	}
	if (trial.fault[value] == TRIAL_GOOD)
		return 0;
	(void)snprintf(finding->why, sizeof(finding->why), "%s",
		       trial_fault_text(trial.fault[value]));
	add_ways(kind, &trial, finding);
	return -EIO;
}
