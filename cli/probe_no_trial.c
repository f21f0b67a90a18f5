/* SPDX-License-Identifier: Apache-2.0 */
/* The checks of probe_trial.c, in a build without ports that need them. */
#include <errno.h>
#include <stdio.h>

#include "cli/probe_checks.h"

int probe_trial(unsigned long value, struct probe_finding *finding)
{
	(void)value;
	finding->is_open = true;
	(void)snprintf(finding->why, sizeof(finding->why),
		       "this build has no TUN ports");
	return -EOPNOTSUPP;
}
