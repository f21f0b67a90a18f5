/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A budget: how much memory many trunks may promise together.
 *
 * A trunk bounds what it receives by windows. A budget bounds the windows of all
 * trunks that have it: above soft they grow no more, and those that have grown
 * shrink as their bytes are consumed; at the limit circuits and flows of the
 * other sides are refused with VIF_REASON_LIMIT, and trunks that were idle for
 * longest are evicted: they close in order, with VIF_REASON_MEMORY. What was
 * promised is kept. docs/design/trunk-budget.md has the reasons.
 *
 *     vif_trunk_budget_new(NULL, &budget, &error);
 *     config.budget = budget;
 *     vif_trunk_new(..., &config, ...), in any thread, any number of times
 *     ...
 *     vif_trunk_free(), all of them
 *     vif_trunk_budget_free(budget);
 *
 * A trunk finds out that it is evicted when it is told the time. Its
 * vif_trunk_deadline() says so, if it is asked; a program that sleeps without
 * asking again, as with a thread for each trunk, has itself woken by wake.
 *
 * Threads: any, at once. The trunks of a budget may belong to different threads,
 * but all must be told the time of the same clock. After fork() the child may
 * free it, and nothing else.
 */
#ifndef VIF_TRUNK_BUDGET_H
#define VIF_TRUNK_BUDGET_H

#include <vif/trunk.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vif_trunk_budget;

enum vif_trunk_budget_limits {
	/* Bytes that trunks take, and give back, at once. */
	VIF_TRUNK_BUDGET_STEP = 65536,
};

/**
 * struct vif_trunk_budget_config - how a budget is to be
 *
 * Zero everywhere means default. Copied by vif_trunk_budget_new(), but not what
 * the callback is about.
 */
struct vif_trunk_budget_config {
	size_t size;      /* sizeof(struct vif_trunk_budget_config) */
	uint64_t limit;   /* 256 MiB; not below a step; bytes of windows */
	uint64_t soft;    /* three quarters of limit; not above it */
	uint64_t idle_ns; /* 10 s; who was used since is not evicted;
			   * UINT64_MAX: nobody is */
	/* A trunk is evicted: see to it that its thread calls
	 * vif_trunk_advance(). trunk_user is the user of the trunk's config.
	 * Called by the thread that wants memory, in a call about another
	 * trunk; may call nothing of the library, nor block. NULL: the trunk
	 * finds out by itself. */
	void (*wake)(void *user, void *trunk_user);
	void *user;
};

struct vif_trunk_budget_stats {
	uint64_t taken;     /* bytes, in steps, by all trunks. May shrink */
	uint64_t taken_max; /* the most it ever was */
	uint64_t refused;   /* circuits and flows, so far, for want of it */
	uint64_t evicted;   /* trunks, so far */
	uint32_t trunks;    /* that have it. May shrink */
};

/**
 * vif_trunk_budget_new() - make a budget of which nothing is taken
 * @config:     borrowed; NULL for defaults.
 * @ret_budget: the budget; unchanged on failure.
 * @error:      filled on failure; may be NULL.
 *
 * Choose a limit whose soft part holds the first windows of the circuits that are
 * to be open at once: 128 KiB each, if not configured otherwise; 192 KiB with a
 * packet lane.
 *
 * Return: 0; -EINVAL for a @config that makes no sense; -ENOMEM.
 * Context: any thread; allocates.
 * Ownership: the caller frees it with vif_trunk_budget_free().
 */
VIF_API int vif_trunk_budget_new(const struct vif_trunk_budget_config *config,
				 struct vif_trunk_budget **ret_budget,
				 struct vif_error *error);

/**
 * vif_trunk_budget_free() - forget a budget
 * @budget: taken, unless it fails; NULL is allowed.
 *
 * Return: 0; -EBUSY while a trunk has it, which was not freed.
 * Context: any thread, but no other may use it any more.
 */
VIF_API int vif_trunk_budget_free(struct vif_trunk_budget *budget);

/**
 * vif_trunk_budget_stats() - fill the counters
 * @budget:    borrowed.
 * @ret_stats: filled; each is true, but not all at the same moment.
 *
 * Context: any thread.
 */
VIF_API void vif_trunk_budget_stats(const struct vif_trunk_budget *budget,
				    struct vif_trunk_budget_stats *ret_stats);

#ifdef __cplusplus
}
#endif

#endif
