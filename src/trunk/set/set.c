/* SPDX-License-Identifier: Apache-2.0 */
/* A set of trunks: who asks, and who makes the connection. */
#include "trunk/set/set.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/config.h"
#include "base/error.h"

#define SECOND_NS UINT64_C(1000000000)

static int refuse(struct vif_error *error, const char *why)
{
	error_set(error, -EINVAL, "cannot make a set of trunks");
	return error_why(error, -EINVAL, "%s", why);
}

static int take_config(const struct vif_trunk_set_config *config,
		       struct vif_trunk_set_config *ours,
		       struct vif_error *error)
{
	int r = config_take(config, sizeof(*ours), ours, error);

	if (r < 0)
		return r;
	if (ours->entries_max == 0)
		ours->entries_max = 1024;
	if (ours->entries_max > VIF_TRUNK_SET_ENTRIES_MAX)
		return refuse(error, "entries_max is above 2^20");
	if (ours->accepted_max == 0)
		ours->accepted_max = 1024;
	if (ours->accepted_key_max == 0)
		ours->accepted_key_max = 4;
	if (ours->waiters_max == 0)
		ours->waiters_max = 4096;
	if (ours->attempt_ns == 0)
		ours->attempt_ns = 30 * SECOND_NS;
	if (ours->doubt_ns == 0)
		ours->doubt_ns = 3 * SECOND_NS;
	if (ours->idle_ns == 0)
		ours->idle_ns = UINT64_MAX;
	if (ours->backoff_max_ns == 0)
		ours->backoff_max_ns = 60 * SECOND_NS;
	if (ours->backoff_ns > ours->backoff_max_ns)
		return refuse(error, "backoff_ns is above backoff_max_ns");
	if (!ours->random)
		ours->random = noise_random_system;
	return 0;
}

int vif_trunk_set_new(const struct vif_trunk_set_config *config,
		      uint64_t now_ns, struct vif_trunk_set **ret_set,
		      struct vif_error *error)
{
	struct vif_trunk_set_config ours;
	struct vif_trunk_set *set;
	int r = take_config(config, &ours, error);

	if (r < 0)
		return r;
	set = calloc(1, sizeof(*set));
	if (!set)
		return error_set(error, -ENOMEM, "cannot make a set of trunks");
	set->config = ours;
	r = set_tables_init(set);
	if (r < 0) {
		set_tables_fini(set);
		free(set);
		return error_set(error, r, "cannot make a set of trunks");
	}
	owner_init(&set->owner);
	set->now_ns = now_ns;
	list_init(&set->entries);
	list_init(&set->news);
	*ret_set = set;
	return 0;
}

void vif_trunk_set_free(struct vif_trunk_set *set)
{
	struct list *link, *after;

	if (!set)
		return;
	/* One may wait for an entry and have asked for another. */
	list_foreach(&set->entries, link, after)
		set_waiters_free(container_of(link, struct set_entry, all));
	list_foreach(&set->entries, link, after)
		set_entry_free(container_of(link, struct set_entry, all));
	assert(set->n_entries == 0 && set->n_accepted == 0 &&
	       set->n_waiters == 0);
	set_tables_fini(set);
	owner_fini(&set->owner);
	free(set);
}

/* Questions. */

static int take_key(const uint8_t *key, bool *ret_has_key, uint8_t *ret_key)
{
	*ret_has_key = key;
	if (!key)
		return 0;
	memcpy(ret_key, key, VIF_KEY_LEN);
	return noise_public_key_is_canonical(ret_key) ? 0 : -EINVAL;
}

static int take_target(const struct vif_trunk_set *set,
		       const struct vif_trunk_target *target,
		       struct set_target *ours)
{
	struct vif_trunk_target taken;
	int r = config_take(target, sizeof(taken), &taken, NULL);

	*ours = (struct set_target){ 0 };
	if (r == 0 && (!taken.address || taken.address_len == 0 ||
		       taken.address_len > VIF_TRUNK_SET_ADDRESS_MAX))
		r = -EINVAL;
	if (r == 0)
		r = take_key(taken.remote, &ours->has_remote, ours->remote);
	if (r == 0)
		r = take_key(taken.local, &ours->has_local, ours->local);
	if (r < 0)
		return r;
	ours->only_dialled = taken.only_dialled;
	ours->address_len = (uint8_t)taken.address_len;
	memcpy(ours->address, taken.address, taken.address_len);
	set_target_hash(set, ours);
	return 0;
}

/* Begin an attempt, which is the heir of the failures before. */
static int begin(struct vif_trunk_set *set, const struct set_target *target,
		 struct set_entry *failed, struct set_entry **ret_entry)
{
	struct set_entry *entry = failed;
	int r = 0;

	if (!failed || failed->is_held || failed->tells_unwanted ||
	    set_entry_is_asked(failed)) {
		r = set_entry_new(set, false, target, &entry);
		if (r < 0)
			return r;
		if (failed) {
			entry->n_failures = failed->n_failures;
			failed->remembers = false;
		}
	}
	set_entry_begin(entry);
	*ret_entry = entry;
	return 0;
}

/* There is no trunk: wait for an attempt, which may have to be begun. */
static int wait_or_begin(struct vif_trunk_set *set,
			 const struct set_target *target, void *user,
			 struct set_entry *failed,
			 struct vif_trunk_found *ret_found)
{
	struct set_entry *entry = set_find_state(set, target, SET_TRYING);
	struct vif_trunk_found found = { 0 };
	bool is_first = !entry;
	int r = 0;

	if (set->n_waiters >= set->config.waiters_max)
		return -EDQUOT;
	found.waiter = calloc(1, sizeof(*found.waiter));
	if (!found.waiter)
		return -ENOMEM;
	if (is_first)
		r = begin(set, target, failed, &entry);
	if (r < 0) {
		free(found.waiter);
		return r;
	}
	set_waiter_add(entry, found.waiter, user);
	if (is_first)
		found.attempt = &entry->attempt;
	else
		set->stats.joined++;
	*ret_found = found;
	return is_first ? VIF_TRUNK_SET_CONNECT : VIF_TRUNK_SET_WAIT;
}

static int answer(struct vif_trunk_set *set, const struct set_target *target,
		  void *user, struct vif_trunk_found *ret_found)
{
	struct set_entry *entry = set_find(set, target);
	struct set_entry *failed;

	if (entry) {
		entry->given_ns = set->now_ns;
		set->stats.found++;
		*ret_found = (struct vif_trunk_found){
			.trunk = entry->trunk,
			.connection = entry->attempt.connection,
		};
		return VIF_TRUNK_SET_READY;
	}
	failed = set_find_state(set, target, SET_OVER);
	if (failed && !time_is_over(set->now_ns, failed->again_ns)) {
		set->stats.backed_off++;
		*ret_found = (struct vif_trunk_found){
			.again_ns = failed->again_ns,
			.reason = failed->ending.reason,
		};
		return VIF_TRUNK_SET_BACKOFF;
	}
	return wait_or_begin(set, target, user, failed, ret_found);
}

int vif_trunk_set_get(struct vif_trunk_set *set,
		      const struct vif_trunk_target *target, void *user,
		      struct vif_trunk_found *ret_found)
{
	struct set_target ours;
	int r = take_target(set, target, &ours);

	if (r < 0)
		return r;
	if (!owner_is_us(&set->owner))
		return -EOWNERDEAD;
	if (set->is_ending)
		return -ESHUTDOWN;
	r = answer(set, &ours, user, ret_found);
	if (r == -ENOSPC || r == -EDQUOT)
		set->stats.refused++;
	return r;
}

/* Attempts. */

static struct set_entry *entry_of(struct vif_trunk_attempt *attempt)
{
	struct set_entry *entry =
		container_of(attempt, struct set_entry, attempt);

	assert(entry->is_held);
	return entry;
}

/* He who held it does not, so there is nothing to tell him. */
static void let_go(struct set_entry *entry)
{
	entry->is_held = false;
	entry->tells_unwanted = false;
	set_entry_news(entry);
}

void vif_trunk_attempt_set_connection(struct vif_trunk_attempt *attempt,
				      void *connection)
{
	entry_of(attempt)->attempt.connection = connection;
}

int vif_trunk_attempt_attach(struct vif_trunk_attempt *attempt,
			     struct vif_trunk *trunk)
{
	struct set_entry *entry = entry_of(attempt);
	int r = trunk_check(trunk);

	if (r < 0)
		return r;
	if (trunk->role != VIF_TRUNK_DIALER)
		return -EINVAL;
	if (trunk->set_entry)
		return -EBUSY;
	if (entry->state != SET_TRYING)
		return -ETIMEDOUT;
	let_go(entry);
	entry->trunk = trunk;
	trunk->set_entry = entry;
	if (trunk->state == TRUNK_OPEN)
		set_trunk_ready(trunk);
	return 0;
}

void vif_trunk_attempt_fail(struct vif_trunk_attempt *attempt, uint32_t reason,
			    const char *text)
{
	struct set_entry *entry = entry_of(attempt);

	let_go(entry);
	if (entry->state == SET_TRYING)
		set_entry_over(entry, reason, text ? text : "");
	else
		set_entry_settle(entry);
}

/* Trunks. */

int vif_trunk_set_add(struct vif_trunk_set *set, struct vif_trunk *trunk,
		      void *connection)
{
	struct set_target target = { .has_remote = trunk->has_remote };
	struct set_entry *entry;
	int r = trunk_check(trunk);

	if (r < 0)
		return r;
	if (trunk->role != VIF_TRUNK_ACCEPTER)
		return -EINVAL;
	if (trunk->state != TRUNK_OPEN)
		return -ENOTCONN;
	if (trunk->set_entry)
		return -EBUSY;
	if (set->is_ending)
		return -ESHUTDOWN;
	memcpy(target.remote, trunk->remote, VIF_KEY_LEN);
	set_target_hash(set, &target);
	if (set_n_accepted(set, &target) >= set->config.accepted_key_max)
		return -EDQUOT;
	r = set_entry_new(set, true, &target, &entry);
	if (r < 0)
		return r;
	entry->attempt.connection = connection;
	entry->trunk = trunk;
	trunk->set_entry = entry;
	set_entry_up(entry);
	return 0;
}

int vif_trunk_set_retire(struct vif_trunk *trunk)
{
	if (!trunk->set_entry)
		return -ENOENT;
	if (trunk->set_entry->state == SET_RETIRED)
		return -EALREADY;
	set_entry_retire(trunk->set_entry);
	return 0;
}

void vif_trunk_set_remove(struct vif_trunk *trunk)
{
	struct set_entry *entry = trunk->set_entry;

	if (!entry)
		return;
	entry->is_unwanted = true; /* no failure of the other side */
	set_entry_over(entry, VIF_REASON_REFUSED,
		       "the trunk was taken out of the set");
}
