/* SPDX-License-Identifier: Apache-2.0 */
/* A set of trunks: who waits, for what, and what he is told. */
#include "trunk/set.h"

#include <stdlib.h>

void set_waiter_add(struct set_entry *entry, struct vif_trunk_waiter *waiter,
		    void *user)
{
	waiter->entry = entry;
	waiter->user = user;
	list_append(&entry->waiters, &waiter->link);
	entry->set->n_waiters++;
	entry->is_unwanted = false;
	entry->tells_unwanted = false;
	set_entry_news(entry);
}

static void free_waiter(struct vif_trunk_waiter *waiter)
{
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

void vif_trunk_waiter_cancel(struct vif_trunk_waiter *waiter)
{
	struct set_entry *entry = waiter->entry;

	free_waiter(waiter);
	if (entry->state == SET_TRYING && list_is_empty(&entry->waiters))
		set_entry_unwanted(entry);
	set_entry_news(entry);
	set_entry_settle(entry);
}

void set_waiters_move(struct set_entry *from, struct set_entry *to)
{
	struct list *link, *after;

	list_foreach(&from->waiters, link, after) {
		struct vif_trunk_waiter *waiter =
			container_of(link, struct vif_trunk_waiter, link);

		list_remove(link);
		list_append(&to->waiters, link);
		waiter->entry = to;
	}
	set_entry_news(from);
	set_entry_news(to);
}

void set_waiters_redirect(struct set_entry *entry)
{
	struct set_entry *other = NULL;

	if (!entry->is_accepted && !list_is_empty(&entry->waiters))
		other = set_find(entry->set, &entry->target);
	if (other)
		set_waiters_move(entry, other);
	set_entry_news(entry);
}

/* Events. */

static void tell_waiter(struct set_entry *entry,
			struct vif_trunk_set_event *event)
{
	struct vif_trunk_set *set = entry->set;
	struct vif_trunk_waiter *waiter = container_of(
		list_first(&entry->waiters), struct vif_trunk_waiter, link);

	event->user = waiter->user;
	free_waiter(waiter);
	if (entry->state == SET_UP && trunk_may_open(entry->trunk) == 0) {
		event->type = VIF_TRUNK_SET_UP;
		event->trunk = entry->trunk;
		event->connection = entry->attempt.connection;
		entry->given_ns = set->now_ns;
		return;
	}
	set->told = entry->ending;
	if (entry->state != SET_OVER)
		set->told.reason = VIF_REASON_DRAINING;
	event->type = VIF_TRUNK_SET_FAILED;
	event->reason = set->told.reason;
	event->text = set->told.text;
}

bool vif_trunk_set_next_event(struct vif_trunk_set *set,
			      struct vif_trunk_set_event *ret_event)
{
	struct list *first = list_first(&set->news);
	struct vif_trunk_set_event event = { .text = "" };
	struct set_entry *entry;

	if (!first)
		return false;
	entry = container_of(first, struct set_entry, news);
	if (entry->tells_unwanted) {
		entry->tells_unwanted = false;
		event.type = VIF_TRUNK_SET_UNWANTED;
		event.attempt = &entry->attempt;
		event.connection = entry->attempt.connection;
	} else {
		tell_waiter(entry, &event);
	}
	set_entry_news(entry);
	set_entry_settle(entry);
	*ret_event = event;
	return true;
}
