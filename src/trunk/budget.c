/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory that trunks share.
 *
 * What a member has taken is what it needs, rounded up to a step; the sum of all
 * is one number, which is raised before anything is promised, and never above
 * the limit. No other memory depends on these numbers, so their order is of no
 * matter: all accesses are relaxed.
 *
 * A member is in one of two lists, or in none when its trunk has ended. Whoever
 * marks one holds the lock, and a trunk takes it before it ends: so what is
 * marked is still there.
 */
#include "trunk/budget.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base/bits.h"
#include "base/config.h"
#include "base/error.h"
#include "trunk/credit.h"

enum budget_defaults {
	LIMIT_MB = 256,
	IDLE_S = 10,
};

#define load(atomic) atomic_load_explicit(atomic, memory_order_relaxed)
#define store(atomic, value) \
	atomic_store_explicit(atomic, value, memory_order_relaxed)
#define add(atomic, value) \
	atomic_fetch_add_explicit(atomic, value, memory_order_relaxed)
#define subtract(atomic, value) \
	atomic_fetch_sub_explicit(atomic, value, memory_order_relaxed)

static int refuse(struct vif_error *error, const char *why)
{
	error_set(error, -EINVAL, "cannot make a budget");
	return error_why(error, -EINVAL, "%s", why);
}

static int take_config(const struct vif_trunk_budget_config *config,
		       struct vif_trunk_budget_config *ours,
		       struct vif_error *error)
{
	int r = config_take(config, sizeof(*ours), ours, error);

	if (r < 0)
		return r;
	if (ours->limit == 0)
		ours->limit = (uint64_t)LIMIT_MB << 20;
	if (ours->limit < VIF_TRUNK_BUDGET_STEP)
		return refuse(error, "limit is below 65536");
	if (ours->soft > ours->limit)
		return refuse(error, "soft is above limit");
	if (ours->soft == 0)
		ours->soft = ours->limit - ours->limit / 4;
	if (ours->idle_ns == 0)
		ours->idle_ns = IDLE_S * UINT64_C(1000000000);
	return 0;
}

int vif_trunk_budget_new(const struct vif_trunk_budget_config *config,
			 struct vif_trunk_budget **ret_budget,
			 struct vif_error *error)
{
	struct vif_trunk_budget_config ours;
	struct vif_trunk_budget *budget;
	int r = take_config(config, &ours, error);

	if (r < 0)
		return r;
	budget = calloc(1, sizeof(*budget));
	if (!budget)
		return error_set(error, -ENOMEM, "cannot make a budget");
	budget->config = ours;
	list_init(&budget->members);
	list_init(&budget->marked);
	(void)pthread_mutex_init(&budget->lock,
				 NULL); /* cannot fail on Linux */
	*ret_budget = budget;
	return 0;
}

int vif_trunk_budget_free(struct vif_trunk_budget *budget)
{
	if (!budget)
		return 0;
	if (load(&budget->n_members) > 0)
		return -EBUSY;
	assert(load(&budget->taken) == 0);
	/* In a child it may be held by nobody, and is only forgotten. */
	(void)pthread_mutex_destroy(&budget->lock);
	free(budget);
	return 0;
}

void vif_trunk_budget_stats(const struct vif_trunk_budget *budget,
			    struct vif_trunk_budget_stats *ret_stats)
{
	*ret_stats = (struct vif_trunk_budget_stats){
		.taken = load(&budget->taken),
		.taken_max = load(&budget->taken_max),
		.refused = load(&budget->n_refused),
		.evicted = load(&budget->n_evicted),
		.trunks = load(&budget->n_members),
	};
}

static void lock(struct vif_trunk_budget *budget)
{
	(void)pthread_mutex_lock(&budget->lock); /* a plain one cannot fail */
}

static void unlock(struct vif_trunk_budget *budget)
{
	(void)pthread_mutex_unlock(&budget->lock);
}

void budget_join(struct budget_member *member, struct vif_trunk_budget *budget,
		 void *user, uint64_t now_ns)
{
	list_init(&member->link);
	if (!budget)
		return;
	member->budget = budget;
	member->user = user;
	store(&member->used_ns, now_ns);
	add(&budget->n_members, 1);
	lock(budget);
	list_append(&budget->members, &member->link);
	unlock(budget);
}

void budget_resign(struct budget_member *member)
{
	if (!member->budget)
		return;
	lock(member->budget);
	list_remove(&member->link);
	unlock(member->budget);
}

void budget_leave(struct budget_member *member)
{
	if (!member->budget)
		return;
	assert(load(&member->taken) == 0);
	subtract(&member->budget->n_members, 1);
	member->budget = NULL;
}

static void note_most(_Atomic uint64_t *most, uint64_t now)
{
	uint64_t before = load(most);

	while (now > before && !atomic_compare_exchange_weak_explicit(
				       most, &before, now, memory_order_relaxed,
				       memory_order_relaxed))
		;
}

/* Of the shared number; false when it would pass the ceiling. */
static bool take(struct vif_trunk_budget *budget, uint64_t bytes,
		 uint64_t ceiling)
{
	uint64_t before = load(&budget->taken);

	do {
		if (before > ceiling || bytes > ceiling - before)
			return false;
	} while (!atomic_compare_exchange_weak_explicit(
		&budget->taken, &before, before + bytes, memory_order_relaxed,
		memory_order_relaxed));
	note_most(&budget->taken_max, before + bytes);
	return true;
}

static uint64_t in_steps(uint64_t bytes)
{
	return (bytes + VIF_TRUNK_BUDGET_STEP - 1) / VIF_TRUNK_BUDGET_STEP *
	       VIF_TRUNK_BUDGET_STEP;
}

bool budget_take(struct budget_member *member, uint64_t total,
		 enum budget_level level, uint64_t now_ns)
{
	struct vif_trunk_budget *budget = member->budget;
	uint64_t want = in_steps(total), have;

	if (!budget)
		return true;
	have = load(&member->taken);
	if (want > have && !take(budget, want - have,
				 level == BUDGET_SOFT ? budget->config.soft :
							budget->config.limit))
		return false;
	if (want > have)
		store(&member->taken, want);
	store(&member->used_ns, now_ns);
	return true;
}

void budget_fit(struct budget_member *member, uint64_t total)
{
	uint64_t want = in_steps(total), have;

	if (!member->budget)
		return;
	have = load(&member->taken);
	if (want >= have)
		return;
	store(&member->taken, want);
	subtract(&member->budget->taken, have - want);
}

/* What would have to be given back before so much can be taken. */
static uint64_t lack(const struct vif_trunk_budget *budget, uint64_t bytes)
{
	uint64_t want = load(&budget->taken) + in_steps(bytes);

	return want > budget->config.limit ? want - budget->config.limit : 0;
}

bool budget_can_hold(const struct vif_trunk_budget *budget, uint64_t bytes)
{
	return !budget || in_steps(bytes) <= budget->config.limit;
}

bool budget_has_room(const struct budget_member *member, uint64_t bytes)
{
	return !member->budget || lack(member->budget, bytes) == 0;
}

/* What those who were evicted will give back. */
static uint64_t to_come(const struct vif_trunk_budget *budget)
{
	struct list *link, *after;
	uint64_t bytes = 0;

	list_foreach(&budget->marked, link, after)
		bytes += load(
			&container_of(link, struct budget_member, link)->taken);
	return bytes;
}

/*
 * Who was used longest ago; NULL when nobody is idle. Who asks is at work. Sets
 * the time when somebody can be idle at the earliest.
 */
static struct budget_member *idlest(const struct vif_trunk_budget *budget,
				    const struct budget_member *asks,
				    uint64_t now_ns, uint64_t *ret_look_ns)
{
	uint64_t least = now_ns;
	struct budget_member *found = NULL;
	struct list *link, *after;

	list_foreach(&budget->members, link, after) {
		struct budget_member *member =
			container_of(link, struct budget_member, link);
		uint64_t used = load(&member->used_ns);

		if (member == asks || load(&member->taken) == 0 ||
		    used >= least)
			continue;
		least = used;
		found = member;
	}
	*ret_look_ns = credit_add(least, budget->config.idle_ns);
	return time_is_over(now_ns, *ret_look_ns) ? found : NULL;
}

static void mark(struct vif_trunk_budget *budget, struct budget_member *member)
{
	const struct vif_trunk_budget_config *config = &budget->config;

	list_remove(&member->link);
	list_append(&budget->marked, &member->link);
	store(&member->is_marked, true);
	add(&budget->n_evicted, 1);
	if (config->wake)
		config->wake(config->user, member->user);
}

void budget_refused(struct budget_member *member, uint64_t bytes,
		    uint64_t now_ns)
{
	struct vif_trunk_budget *budget = member->budget;
	struct budget_member *idle;
	uint64_t look_ns;

	if (!budget)
		return;
	add(&budget->n_refused, 1);
	if (now_ns < load(&budget->look_ns))
		return;
	lock(budget);
	while (to_come(budget) < lack(budget, bytes)) {
		idle = idlest(budget, member, now_ns, &look_ns);
		if (!idle) {
			store(&budget->look_ns, look_ns);
			break;
		}
		mark(budget, idle);
	}
	unlock(budget);
}

void budget_used(struct budget_member *member, uint64_t progress,
		 uint64_t now_ns)
{
	if (progress == member->progress)
		return;
	member->progress = progress;
	store(&member->used_ns, now_ns);
}
