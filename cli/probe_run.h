/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Running the checks of vif probe, each in a process of its own.
 *
 * Checks that need a network namespace run in one that is made for them, and
 * that ends with them.
 */
#ifndef CLI_PROBE_RUN_H
#define CLI_PROBE_RUN_H

#include <stdbool.h>

#include <vif/error.h>

#include "cli/probe_checks.h"

enum probe_answer {
	PROBE_UNKNOWN, /* could not be tried; the reason is in why */
	PROBE_NO,
	PROBE_YES,
};

struct probe_result {
	enum probe_answer answer;
	int code; /* negative errno of a no, else 0 */
	struct probe_finding finding;
};

/* All results; lies in memory that the processes share. */
struct probe_report {
	bool has_box;    /* there was a network namespace for the checks */
	bool is_user_ns; /* it took a user namespace to get it */
	struct vif_error box_error;   /* why there was none */
	struct probe_result result[]; /* of each check in probe_checks */
};

/*
 * probe_run() - run all checks
 * @ret_report: the results, until the process ends; unchanged on failure.
 *
 * Returns 0, or a negative errno when there is no memory or no process.
 */
int probe_run(struct probe_report **ret_report, struct vif_error *error);

#endif
