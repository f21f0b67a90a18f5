/* SPDX-License-Identifier: Apache-2.0 */
/* A set of trunks: who waits, for what, and what he is told. */
#include "trunk/set/set.h"

#include <stdlib.h>

/* Somebody wants it, if it was called unwanted before. */
static void put(struct vif_trunk_waiter *waiter, struct set_entry *entry)
{
	waiter->entry = entry;
	list_append(&entry->waiters, &waiter->link);
	entry->is_unwanted = false;
	entry->tells_unwanted = false;
	set_entry_news(entry);
}

void set_waiter_add(struct set_entry *entry, struct vif_trunk_waiter *waiter,
		    void *user)
{
	waiter->user = user;
	waiter->asked = entry;
	entry->n_askers++;
	entry->set->n_waiters++;
	put(waiter, entry);
}

static void free_waiter(struct vif_trunk_waiter *waiter)
{
	waiter->asked->n_askers--;
	waiter->entry->set->n_waiters--;
	list_remove(&waiter->link);
	free(waiter);
}

void set_waiters_free(struct set_entry *entry)
{
	struct list *link, *after;

	list_foreach(&entry->waiters, link, after)
		free_waiter(container_of(link, struct vif_trunk_waiter, link));
}

/* He does not wait any more; an attempt stays, the rest may be freed. */
static void dismiss(struct vif_trunk_waiter *waiter)
{
	struct set_entry *entry = waiter->entry, *asked = waiter->asked;

	free_waiter(waiter);
	set_entry_news(entry);
	if (asked != entry)
		set_entry_settle(asked);
	set_entry_settle(entry);
}

void vif_trunk_waiter_cancel(struct vif_trunk_waiter *waiter)
{
	struct set_entry *entry = waiter->entry;
	bool is_trying = entry->state == SET_TRYING;

	dismiss(waiter);
	if (is_trying && !set_entry_is_asked(entry))
		set_entry_unwanted(entry);
}

static void move(struct vif_trunk_waiter *waiter, struct set_entry *to)
{
	struct set_entry *from = waiter->entry;

	list_remove(&waiter->link);
	put(waiter, to);
	set_entry_news(from);
}

void set_waiters_move(struct set_entry *from, struct set_entry *to)
{
	struct list *link, *after;

	list_foreach(&from->waiters, link, after)
		move(container_of(link, struct vif_trunk_waiter, link), to);
}

/*
 * A trunk that is what he has asked for, or the attempt to make one. The latter
 * when he was given a trunk that came by itself, and went.
 */
static bool move_elsewhere(struct vif_trunk_waiter *waiter)
{
	const struct set_target *target = &waiter->asked->target;
	struct vif_trunk_set *set = waiter->entry->set;
	struct set_entry *other = NULL;

	if (!set->is_ending)
		other = set_find(set, target);
	if (!set->is_ending && !other)
		other = set_find_state(set, target, SET_TRYING);
	if (other)
		move(waiter, other);
	return other;
}

void set_waiters_redirect(struct set_entry *entry)
{
	struct list *link, *after;

	list_foreach(&entry->waiters, link, after)
		(void)move_elsewhere(
			container_of(link, struct vif_trunk_waiter, link));
	set_entry_news(entry);
}

/* Events. */

static void tell_unwanted(struct set_entry *entry,
			  struct vif_trunk_set_event *ret_event)
{
	entry->tells_unwanted = false;
	*ret_event = (struct vif_trunk_set_event){
		.type = VIF_TRUNK_SET_UNWANTED,
		.connection = entry->attempt.connection,
		.attempt = &entry->attempt,
		.text = "",
	};
	set_entry_news(entry);
	set_entry_settle(entry);
}

static void tell_up(struct vif_trunk_waiter *waiter,
		    struct vif_trunk_set_event *ret_event)
{
	struct set_entry *entry = waiter->entry;

	*ret_event = (struct vif_trunk_set_event){
		.type = VIF_TRUNK_SET_UP,
		.user = waiter->user,
		.trunk = entry->trunk,
		.connection = entry->attempt.connection,
		.text = "",
	};
	entry->given_ns = entry->set->now_ns;
	dismiss(waiter);
}

static void tell_failed(struct vif_trunk_waiter *waiter,
			struct vif_trunk_set_event *ret_event)
{
	const struct set_entry *entry = waiter->entry;
	struct ending *told = &entry->set->told;

	*told = entry->ending;
	if (entry->state != SET_OVER)
		told->reason = VIF_REASON_DRAINING;
	*ret_event = (struct vif_trunk_set_event){
		.type = VIF_TRUNK_SET_FAILED,
		.user = waiter->user,
		.reason = told->reason,
		.text = told->text,
	};
	dismiss(waiter);
}

/* False when there is nothing to tell yet. */
static bool tell_first(const struct set_entry *entry,
		       struct vif_trunk_set_event *ret_event)
{
	struct vif_trunk_waiter *waiter = container_of(
		list_first(&entry->waiters), struct vif_trunk_waiter, link);

	if (entry->state == SET_UP && trunk_may_open(entry->trunk) == 0)
		tell_up(waiter, ret_event);
	else if (entry->state == SET_UP && move_elsewhere(waiter))
		return false; /* the set has not heard that it drains */
	else
		tell_failed(waiter, ret_event);
	return true;
}

bool vif_trunk_set_next_event(struct vif_trunk_set *set,
			      struct vif_trunk_set_event *ret_event)
{
	struct list *first;

	while ((first = list_first(&set->news))) {
		struct set_entry *entry =
			container_of(first, struct set_entry, news);

		if (entry->tells_unwanted) {
			tell_unwanted(entry, ret_event);
			return true;
		}
		if (tell_first(entry, ret_event))
			return true;
	}
	return false;
}
