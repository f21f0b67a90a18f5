/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The planner: two capability sets in, what happens to packets out.
 *
 * Pure: it touches no port. The link carries the plan out.
 */
#ifndef LINK_PLAN_H
#define LINK_PLAN_H

#include <vif/link.h>

/* Work a link does on packets between rx and tx, in this order. */
enum plan_stage {
	PLAN_STAGE_SPREAD, /* choose a destination queue by flow hash */
	PLAN_STAGE_N,
};

struct plan_port {
	const char *name;
	const struct vif_port_caps *caps;
};

struct plan_direction {
	uint32_t gso;      /* superpackets that cross; the source is asked to */
	bool csum;         /* deliver just these, if it would deliver more */
	bool ask;          /* the source has to be asked */
	uint32_t gso_lost; /* what the source could, but the far side cannot */
	bool csum_lost;
	uint32_t n_stage;
	enum plan_stage stage[PLAN_STAGE_N];
};

struct plan {
	struct plan_direction direction[VIF_DIRECTION_N];
	/*
	 * Lanes of each direction: lane i moves the queues i, i + n_lane, ...
	 * of the source to the queues i, i + n_lane, ... of the destination,
	 * so that no two lanes share a queue of either.
	 */
	uint32_t n_lane;
};

/*
 * plan_make() - plan both directions between two ports
 *
 * Returns 0, or -EPROTOTYPE with error saying what to change.
 */
int plan_make(const struct plan_port *a, const struct plan_port *b,
	      struct plan *ret_plan, struct vif_error *error);

/*
 * plan_text() - one direction as a line for people
 *
 * port has a and b. The text always ends in NUL. n_worker is only said.
 */
void plan_text(const struct plan *plan, enum vif_direction direction,
	       const struct plan_port port[2], uint32_t n_worker, char *text,
	       size_t size);

/* The worker of n_worker that runs a lane of a direction. */
uint32_t plan_worker(const struct plan *plan, enum vif_direction direction,
		     uint32_t lane, uint32_t n_worker);

#endif
