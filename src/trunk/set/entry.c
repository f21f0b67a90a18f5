/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An entry of a set: an attempt, a trunk, and what is left of it.
 *
 * The states are in docs/design/trunk-set.md. A function that ends an entry may
 * free it, and no other: so a walk over all entries goes on.
 */
#include "trunk/set/set.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct set_entry *entry_of(struct list *link)
{
	return container_of(link, struct set_entry, all);
}

/* Remembered failures are worth less than what is to come. */
static bool is_memory(const struct set_entry *entry)
{
	return entry->remembers && !entry->is_held && !entry->tells_unwanted &&
	       !set_entry_is_asked(entry);
}

static struct set_entry *oldest_memory(const struct vif_trunk_set *set)
{
	struct set_entry *oldest = NULL;
	struct list *link, *after;

	list_foreach(&set->entries, link, after) {
		struct set_entry *entry = entry_of(link);

		if (is_memory(entry) &&
		    (!oldest || entry->forget_ns < oldest->forget_ns))
			oldest = entry;
	}
	return oldest;
}

/* What others dial takes no room from what we dial. */
int set_entry_new(struct vif_trunk_set *set, bool is_accepted,
		  const struct set_target *target, struct set_entry **ret_entry)
{
	struct set_entry *victim = NULL, *entry;

	if (is_accepted && set->n_accepted >= set->config.accepted_max)
		return -ENOSPC;
	if (!is_accepted && set->n_entries >= set->config.entries_max) {
		victim = oldest_memory(set);
		if (!victim)
			return -ENOSPC;
	}
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return -ENOMEM;
	if (victim)
		set_entry_free(victim);
	entry->set = set;
	entry->is_accepted = is_accepted;
	entry->target = *target;
	set_tables_add(entry);
	list_init(&entry->news);
	list_init(&entry->waiters);
	list_append(&set->entries, &entry->all);
	set->n_entries += !is_accepted;
	set->n_accepted += is_accepted;
	*ret_entry = entry;
	return 0;
}

void set_entry_free(struct set_entry *entry)
{
	struct vif_trunk_set *set = entry->set;

	assert(!set_entry_is_asked(entry));
	if (entry->trunk)
		entry->trunk->set_entry = NULL;
	set_tables_remove(entry);
	list_remove(&entry->all);
	list_remove(&entry->news);
	set->n_entries -= !entry->is_accepted;
	set->n_accepted -= entry->is_accepted;
	free(entry);
}

void set_entry_settle(struct set_entry *entry)
{
	if (entry->state == SET_OVER && !entry->is_held && !entry->remembers &&
	    !entry->tells_unwanted && !set_entry_is_asked(entry))
		set_entry_free(entry);
}

void set_entry_news(struct set_entry *entry)
{
	if (entry->tells_unwanted ||
	    (entry->state != SET_TRYING && !list_is_empty(&entry->waiters)))
		list_want(&entry->set->news, &entry->news);
	else
		list_remove(&entry->news);
}

bool set_entry_is_doubted(const struct set_entry *entry)
{
	const struct vif_trunk_set *set = entry->set;
	uint64_t asked_ns = entry->trunk->asked_ns;

	return asked_ns &&
	       time_is_over(set->now_ns,
			    credit_add(asked_ns, set->config.doubt_ns));
}

bool set_entry_is_usable(const struct set_entry *entry)
{
	return entry->state == SET_UP && trunk_may_open(entry->trunk) == 0 &&
	       !set_entry_is_doubted(entry);
}

/* Life. */

void set_entry_begin(struct set_entry *entry)
{
	struct vif_trunk_set *set = entry->set;

	entry->state = SET_TRYING;
	entry->is_held = true;
	entry->remembers = false;
	entry->attempt.connection = NULL;
	entry->ending = (struct ending){ 0 };
	entry->deadline_ns = credit_add(set->now_ns, set->config.attempt_ns);
	set->stats.attempts++;
}

static void drain_if_empty(struct set_entry *entry)
{
	if (entry->trunk->n_circuits == 0)
		(void)vif_trunk_drain(entry->trunk);
}

void set_entry_retire(struct set_entry *entry)
{
	assert(entry->trunk && entry->state != SET_OVER);
	if (entry->state == SET_RETIRED)
		return;
	entry->state = SET_RETIRED;
	entry->set->stats.retired++;
	set_waiters_redirect(entry);
	drain_if_empty(entry);
}

/* What the entry makes needless, or is made needless by. */
static void settle_rivals(struct set_entry *entry)
{
	const struct vif_trunk_set *set = entry->set;
	const struct set_target *target = &entry->target;
	struct list *link, *after;

	list_foreach(key_table_at(&set->accepted, target->remote_hash), link,
		     after) {
		const struct set_entry *other = set_entry_of_remote(link);

		if (set_entry_is_usable(other) && set_entry_loses(entry, other))
			set_entry_retire(entry);
	}
	list_foreach(key_table_at(&set->by_target, target->hash), link, after) {
		struct set_entry *other = set_entry_of_target(link);

		if (other != entry && other->state == SET_UP &&
		    set_target_is(&other->target, target))
			set_entry_retire(other);
	}
}

/* The same for one that was accepted, which serves several targets. */
static void serve_waiters(struct set_entry *accepted)
{
	struct list *link, *after;

	list_foreach(key_table_at(&accepted->set->by_remote,
				  accepted->target.remote_hash),
		     link, after) {
		struct set_entry *other = set_entry_of_remote(link);

		if (!set_entry_fits(accepted, &other->target))
			continue;
		if (other->state == SET_TRYING)
			set_waiters_move(other, accepted);
		if (!set_entry_loses(other, accepted))
			continue;
		if (other->state == SET_UP)
			set_entry_retire(other);
		else if (other->state == SET_TRYING)
			set_entry_unwanted(other);
	}
}

void set_entry_up(struct set_entry *entry)
{
	entry->state = SET_UP;
	entry->given_ns = entry->set->now_ns;
	if (!set_entry_is_usable(entry))
		set_waiters_redirect(entry);
	else if (!entry->is_accepted)
		settle_rivals(entry);
	else if (entry->trunk->has_remote)
		serve_waiters(entry);
	set_entry_news(entry);
}

void set_entry_unwanted(struct set_entry *entry)
{
	assert(entry->state == SET_TRYING);
	entry->is_unwanted = true;
	entry->tells_unwanted = entry->is_held;
	set_entry_news(entry);
}

/* Half of it is random, or programs that lost one peer came back together. */
static uint64_t jitter(const struct vif_trunk_set *set, uint64_t delay_ns)
{
	uint8_t bytes[sizeof(uint64_t)];
	uint64_t random;

	if (delay_ns == UINT64_MAX) /* never */
		return delay_ns;
	if (set->config.random(set->config.user, bytes, sizeof(bytes)) < 0)
		return delay_ns;
	memcpy(&random, bytes, sizeof(random));
	return delay_ns - random % (delay_ns / 2 + 1);
}

static void remember_failure(struct set_entry *entry)
{
	struct vif_trunk_set *set = entry->set;
	uint64_t delay_ns = set->config.backoff_ns;

	set->stats.failed++;
	if (delay_ns == 0)
		return;
	for (uint32_t i = 0;
	     i < entry->n_failures && delay_ns < set->config.backoff_max_ns;
	     i++)
		delay_ns = credit_add(delay_ns, delay_ns);
	if (delay_ns > set->config.backoff_max_ns)
		delay_ns = set->config.backoff_max_ns;
	if (entry->n_failures < UINT32_MAX)
		entry->n_failures++;
	entry->remembers = true;
	entry->again_ns = credit_add(set->now_ns, jitter(set, delay_ns));
	entry->forget_ns =
		credit_add(entry->again_ns, set->config.backoff_max_ns);
}

void set_entry_over(struct set_entry *entry, uint32_t reason, const char *text)
{
	bool has_failed = entry->state == SET_TRYING && !entry->is_unwanted;

	assert(entry->state != SET_OVER);
	entry->state = SET_OVER;
	if (entry->trunk)
		entry->trunk->set_entry = NULL;
	entry->trunk = NULL;
	ending_set(&entry->ending, reason ? reason : VIF_REASON_CLOSED, text,
		   strlen(text));
	if (has_failed)
		remember_failure(entry);
	set_waiters_redirect(entry);
	set_entry_settle(entry);
}

/* What a trunk tells. */

void set_trunk_ready(struct vif_trunk *trunk)
{
	struct set_entry *entry = trunk->set_entry;

	if (!entry || entry->state == SET_RETIRED)
		return;
	if (!set_target_has_keys(&entry->target, trunk))
		(void)trunk_end(trunk, VIF_REASON_IDENTITY, true,
				"the set has asked for somebody else");
	else
		set_entry_up(entry);
}

void set_trunk_empty(struct vif_trunk *trunk)
{
	if (trunk->set_entry && trunk->set_entry->state == SET_RETIRED)
		drain_if_empty(trunk->set_entry);
}

void set_trunk_ended(struct vif_trunk *trunk)
{
	if (trunk->set_entry)
		set_entry_over(trunk->set_entry, trunk->ending.reason,
			       trunk->ending.text);
}
