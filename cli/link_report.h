/* SPDX-License-Identifier: Apache-2.0 */
/* What vif link tells of its link: plan, rates, counters. */
#ifndef CLI_LINK_REPORT_H
#define CLI_LINK_REPORT_H

#include "cli/cli.h"

struct report {
	struct vif_port *port[2];
	struct vif_link *link;
	bool json;  /* JSON lines on stdout instead of text on stderr */
	bool quiet; /* no text; JSON is asked for explicitly */
	struct vif_link_stats last; /* at the previous rates */
	double last_s;
};

void report_plan(const struct report *report, bool verbose);

/* One line with the rates since the last call; now_s is any monotonic time. */
void report_rates(struct report *report, double now_s);

/* All counters; event is "counters" or "summary". */
void report_counters(const struct report *report, const char *event,
		     double seconds);

#endif
