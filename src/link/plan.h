/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The planner: two capability sets in, what happens to packets out.
 *
 * Pure: it touches no port. The link carries the plan out.
 */
#ifndef LINK_PLAN_H
#define LINK_PLAN_H

#include <vif/link.h>

/* What the user wants of both directions. */
struct plan_choices {
	enum vif_link_glue glue;
	enum vif_link_cut cut;
};

struct plan_port {
	const char *name;
	const struct vif_port_caps *caps;
};

/* stages.c has the order of what is done, and why that does not matter. */
struct plan_direction {
	uint32_t gso;  /* superpackets that cross whole */
	bool csum;     /* unfinished checksums cross */
	uint32_t cut;  /* superpackets that are cut on the way */
	uint32_t glue; /* superpackets that are made on the way */
	bool finish;   /* checksums are finished on the way */
	bool gather;   /* packets in many pieces are copied into one */
	/* of what crosses: only while the far side refuses it */
	uint32_t cut_ready;
	bool finish_ready;
	bool glue_ready;   /* only while the source makes no superpackets */
	bool ask;          /* the source has to be asked for no more than */
	uint32_t gso_lost; /* gso and csum, because the far side cannot take */
	bool csum_lost;    /* these, and nothing is done on the way */
	bool glue_lost;    /* asked for, but the far side cannot take any */
	bool glue_off;     /* but for the choice there would be glue */
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
	      const struct plan_choices *choices, struct plan *ret_plan,
	      struct vif_error *error);

/*
 * plan_text() - one direction as a line for people
 *
 * port has a and b. The text always ends in NUL. n_worker is only said.
 */
void plan_text(const struct plan *plan, enum vif_direction direction,
	       const struct plan_port port[2], uint32_t n_worker, char *text,
	       size_t size);

/* What the packets of a direction begin with; the same for both. */
enum vif_medium plan_medium(const struct vif_port_caps *a,
			    const struct vif_port_caps *b);

/* The worker of n_worker that runs a lane of a direction. */
uint32_t plan_worker(const struct plan *plan, enum vif_direction direction,
		     uint32_t lane, uint32_t n_worker);

#endif
