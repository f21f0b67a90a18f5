/* SPDX-License-Identifier: Apache-2.0 */
/* What vif demo prints: lines for people as results come in, or JSON. */
#ifndef CLI_DEMO_REPORT_H
#define CLI_DEMO_REPORT_H

#include <jansson.h>

#include "cli/demo.h"

/* The two ends and the plan between them. */
void demo_report_plan(const struct demo *demo);

void demo_report_ping(const struct demo_result *result);

/* One row of the TCP table; the first one comes with its head. */
void demo_report_tcp(const struct demo_result *result, enum demo_load load);

/* What the packets on the way were like, and what was dropped. */
void demo_report_packets(const struct demo_result *result);

/* Commands that work here and show more. */
void demo_report_next(const struct demo *demo);

/* All of it in one object, raw numbers; NULL when there is no memory. */
json_t *demo_report_json(const struct demo *demo,
			 const struct demo_result *result);

#endif
