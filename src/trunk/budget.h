/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory that trunks of any threads share: what each has taken of it, and who
 * has to go.
 *
 * docs/design/trunk-budget.md. A member is a trunk's part, used by its thread;
 * what others look at is atomic, or guarded by the lock of the budget. Without a
 * budget nothing is limited, and nothing here does anything.
 */
#ifndef TRUNK_BUDGET_H
#define TRUNK_BUDGET_H

#include <pthread.h>
#include <stdatomic.h>

#include <vif/trunk_budget.h>

#include "base/list.h"

/* How far what is taken may reach. */
enum budget_level {
	BUDGET_SOFT,
	BUDGET_LIMIT,
};

struct vif_trunk_budget {
	/* immutable */
	struct vif_trunk_budget_config config;
	/* of all threads */
	_Atomic uint64_t taken;
	_Atomic uint64_t taken_max;
	_Atomic uint64_t n_refused, n_evicted;
	_Atomic uint32_t n_members;
	_Atomic uint64_t look_ns; /* nobody can be evicted before */
	/* guarded by lock */
	pthread_mutex_t lock;
	struct list members; /* that may be evicted */
	struct list marked;  /* that were, and have not ended yet */
};

struct budget_member {
	struct vif_trunk_budget *budget; /* immutable; NULL: none */
	void *user;                      /* immutable; for wake */
	struct list link;                /* guarded by the budget's lock */
	uint64_t progress;               /* when it was used last */
	_Atomic uint64_t taken;
	_Atomic uint64_t used_ns;
	atomic_bool is_marked;
};

/* budget_join() - budget may be NULL; user is passed to wake */
void budget_join(struct budget_member *member, struct vif_trunk_budget *budget,
		 void *user, uint64_t now_ns);

/*
 * budget_resign() - it ends, and will not be evicted; twice is allowed
 *
 * Not in a child: the lock may be held by a thread that is not there.
 */
void budget_resign(struct budget_member *member);

/* budget_leave() - it has nothing taken, and has resigned; twice is allowed */
void budget_leave(struct budget_member *member);

/*
 * budget_take() - have as much as total bytes need, up to a level
 *
 * False, and nothing changed, when there is not so much left.
 */
bool budget_take(struct budget_member *member, uint64_t total,
		 enum budget_level level, uint64_t now_ns);

/* budget_fit() - give back what total bytes do not need */
void budget_fit(struct budget_member *member, uint64_t total);

/* budget_can_hold() - whether bytes could be taken if nothing else were */
bool budget_can_hold(const struct vif_trunk_budget *budget, uint64_t bytes);

/* budget_has_room() - whether bytes more could be taken by somebody */
bool budget_has_room(const struct budget_member *member, uint64_t bytes);

/* budget_refused() - somebody was refused so much: have idle ones end */
void budget_refused(struct budget_member *member, uint64_t bytes,
		    uint64_t now_ns);

/* budget_used() - progress is a number that grows with each use */
void budget_used(struct budget_member *member, uint64_t progress,
		 uint64_t now_ns);

/* budget_is_tight() - whether windows are to shrink */
static inline bool budget_is_tight(const struct budget_member *member)
{
	const struct vif_trunk_budget *budget = member->budget;

	return budget &&
	       atomic_load_explicit(&budget->taken, memory_order_relaxed) >
		       budget->config.soft;
}

/* budget_is_marked() - whether it has to end */
static inline bool budget_is_marked(const struct budget_member *member)
{
	return member->budget &&
	       atomic_load_explicit(&member->is_marked, memory_order_relaxed);
}

#endif
