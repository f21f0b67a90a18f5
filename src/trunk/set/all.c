/* SPDX-License-Identifier: Apache-2.0 */
/* A set of trunks: what is about all of them, and time. */
#include "trunk/set/set.h"

#include <errno.h>

static struct set_entry *entry_of(struct list *link)
{
	return container_of(link, struct set_entry, all);
}

/* Time. */

/* When there is something to do for an entry. */
static uint64_t deadline_of(const struct set_entry *entry)
{
	const struct vif_trunk *trunk = entry->trunk;
	uint64_t since_ns;

	if (entry->state == SET_TRYING)
		return entry->deadline_ns;
	if (entry->state == SET_OVER && entry->remembers)
		return entry->forget_ns;
	if (entry->state != SET_UP || trunk->n_circuits > 0 ||
	    trunk_may_open(trunk) < 0)
		return UINT64_MAX;
	since_ns = trunk->idle_since_ns > entry->given_ns ?
			   trunk->idle_since_ns :
			   entry->given_ns;
	return credit_add(since_ns, entry->set->config.idle_ns);
}

uint64_t vif_trunk_set_deadline(const struct vif_trunk_set *set)
{
	uint64_t next = UINT64_MAX;
	struct list *link, *after;

	list_foreach(&set->entries, link, after) {
		uint64_t deadline = deadline_of(entry_of(link));

		if (deadline < next)
			next = deadline;
	}
	return next;
}

static void attempt_timeout(struct set_entry *entry)
{
	static const char text[] = "it took too long to connect";

	if (entry->trunk) {
		(void)trunk_end(entry->trunk, VIF_REASON_TIMEOUT, true, "%s",
				text);
		return;
	}
	entry->tells_unwanted = entry->is_held;
	set_entry_over(entry, VIF_REASON_TIMEOUT, text);
}

static void timeout(struct set_entry *entry)
{
	switch (entry->state) {
	case SET_TRYING:
		attempt_timeout(entry);
		break;
	case SET_UP:
		set_entry_retire(entry);
		break;
	case SET_OVER:
		entry->remembers = false;
		set_entry_settle(entry);
		break;
	case SET_RETIRED:
		break;
	}
}

void vif_trunk_set_advance(struct vif_trunk_set *set, uint64_t now_ns)
{
	struct list *link, *after;

	if (now_ns > set->now_ns)
		set->now_ns = now_ns;
	list_foreach(&set->entries, link, after) {
		uint64_t deadline = deadline_of(entry_of(link));

		if (time_is_over(set->now_ns, deadline))
			timeout(entry_of(link));
	}
}

/* Looking. */

struct vif_trunk *vif_trunk_set_next(const struct vif_trunk_set *set,
				     const struct vif_trunk *after)
{
	const struct list *link = &set->entries;

	if (after && !after->set_entry)
		return NULL;
	if (after)
		link = &after->set_entry->all;
	for (link = link->next; link != &set->entries; link = link->next) {
		const struct set_entry *entry =
			container_of(link, struct set_entry, all);

		if (entry->trunk)
			return entry->trunk;
	}
	return NULL;
}

static enum vif_trunk_set_state state_of(const struct set_entry *entry)
{
	if (entry->state == SET_TRYING)
		return VIF_TRUNK_SET_HANDSHAKE;
	if (entry->state != SET_UP || trunk_may_open(entry->trunk) < 0)
		return VIF_TRUNK_SET_RETIRED;
	return set_entry_is_doubted(entry) ? VIF_TRUNK_SET_DOUBTED :
					     VIF_TRUNK_SET_SHARED;
}

int vif_trunk_set_view(const struct vif_trunk *trunk,
		       struct vif_trunk_set_view *ret_view)
{
	const struct set_entry *entry = trunk->set_entry;

	if (!entry)
		return -ENOENT;
	*ret_view = (struct vif_trunk_set_view){
		.state = state_of(entry),
		.is_accepted = entry->is_accepted,
		.connection = entry->attempt.connection,
		.address = entry->is_accepted ? NULL : entry->target.address,
		.address_len = entry->target.address_len,
		.circuits = trunk->n_circuits,
	};
	return 0;
}

void vif_trunk_set_stats(const struct vif_trunk_set *set,
			 struct vif_trunk_set_stats *ret_stats)
{
	struct list *link, *after;

	*ret_stats = set->stats;
	ret_stats->waiters = set->n_waiters;
	list_foreach(&set->entries, link, after) {
		const struct set_entry *entry = entry_of(link);

		if (entry->trunk)
			ret_stats->trunks++;
		else if (entry->state == SET_TRYING)
			ret_stats->trying++;
	}
}

uint32_t vif_trunk_set_shut_remote(struct vif_trunk_set *set,
				   const uint8_t key[VIF_KEY_LEN])
{
	struct list *link, *after;
	uint32_t n = 0;

	list_foreach(&set->entries, link, after)
		if (entry_of(link)->trunk)
			n += vif_trunk_shut_remote(entry_of(link)->trunk, key);
	return n;
}

/* Ending. */

static void end_without_trunk(struct set_entry *entry)
{
	entry->remembers = false;
	if (entry->state == SET_TRYING) {
		set_entry_unwanted(entry);
		set_entry_over(entry, VIF_REASON_DRAINING,
			       "the set was closed");
	} else {
		set_entry_settle(entry);
	}
}

/* Returns how many trunks there are; each is retired, and is to be ended. */
static uint32_t begin_end(struct vif_trunk_set *set)
{
	struct list *link, *after;
	uint32_t n = 0;

	set->is_ending = true;
	list_foreach(&set->entries, link, after) {
		struct set_entry *entry = entry_of(link);

		if (!entry->trunk) {
			end_without_trunk(entry);
			continue;
		}
		n++;
		if (entry->state != SET_RETIRED)
			set->stats.retired++;
		entry->state = SET_RETIRED;
		set_entry_news(entry);
	}
	return n;
}

uint32_t vif_trunk_set_drain(struct vif_trunk_set *set)
{
	uint32_t n = begin_end(set);
	struct list *link, *after;

	list_foreach(&set->entries, link, after)
		if (entry_of(link)->trunk)
			(void)vif_trunk_drain(entry_of(link)->trunk);
	return n;
}

int64_t vif_trunk_set_close(struct vif_trunk_set *set, uint32_t code,
			    const char *text)
{
	struct list *link, *after;
	uint32_t n;

	if (code && code < VIF_REASON_PROGRAM)
		return -EINVAL;
	n = begin_end(set);
	list_foreach(&set->entries, link, after)
		if (entry_of(link)->trunk)
			(void)vif_trunk_close(entry_of(link)->trunk, code,
					      text);
	return n;
}
