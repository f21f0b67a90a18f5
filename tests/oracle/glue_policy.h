/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where our gluing may differ from the kernel's GRO, and nowhere else. Each
 * reason is in docs/design/glue.md.
 */
#ifndef TESTS_ORACLE_GLUE_POLICY_H
#define TESTS_ORACLE_GLUE_POLICY_H

#include "packet/glue.h"
#include "tests/craft.h"

enum glue_policy_limits {
	GLUE_POLICY_PORTS = 8, /* of a burst, for its flows */
};

enum glue_policy {
	GLUE_POLICY_NONE, /* there is no excuse */
	GLUE_POLICY_FIN,
	GLUE_POLICY_NO_ACK,
	GLUE_POLICY_URGENT,
	GLUE_POLICY_FFFF,
	GLUE_POLICY_FIXED_ID,
	GLUE_POLICY_EXTENSION,
	GLUE_POLICY_RESERVED,
	GLUE_POLICY_OVERTAKEN,
	GLUE_POLICY_PLACE,
	GLUE_POLICY_PIECES,
	GLUE_POLICY_HELD,
	GLUE_POLICY_N,
};

extern const char *const glue_policy_names[GLUE_POLICY_N];

/* A burst, and which packet each of it was joined to, or -1. */
struct glue_verdict {
	const struct craft *packet;
	uint32_t n;
	const int32_t *ours;
	const int32_t *kernels;
	/* Whether two flows, by port, share a place in our table. */
	bool (*shares)[GLUE_POLICY_PORTS];
};

/* Why packet i was joined to another one by us than by the kernel. */
enum glue_policy glue_policy(const struct glue_verdict *verdict, uint32_t i);

/* Whether the kernel lets a packet overtake what it holds of the same flow. */
bool glue_policy_passes_by(const struct craft *packet);

#endif
