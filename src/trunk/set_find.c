/* SPDX-License-Identifier: Apache-2.0 */
/* A set of trunks: which trunk is for whom. */
#include "trunk/set.h"

#include <string.h>

static struct set_entry *entry_of(struct list *link)
{
	return container_of(link, struct set_entry, all);
}

static bool key_is(const uint8_t *a, const uint8_t *b)
{
	return memcmp(a, b, VIF_KEY_LEN) == 0;
}

bool set_target_is(const struct set_target *a, const struct set_target *b)
{
	return a->has_remote == b->has_remote && key_is(a->remote, b->remote) &&
	       a->has_local == b->has_local && key_is(a->local, b->local) &&
	       a->only_dialled == b->only_dialled &&
	       a->address_len == b->address_len &&
	       memcmp(a->address, b->address, a->address_len) == 0;
}

bool set_target_has_keys(const struct set_target *target,
			 const struct vif_trunk *trunk)
{
	if (target->has_remote &&
	    !(trunk->has_remote && key_is(trunk->remote, target->remote)))
		return false;
	return !target->has_local ||
	       (trunk->has_identity &&
		key_is(trunk->identity.public_key, target->local));
}

bool set_entry_fits(const struct set_entry *entry,
		    const struct set_target *target)
{
	if (!entry->is_accepted)
		return set_target_is(&entry->target, target);
	return target->has_remote && !target->only_dialled &&
	       set_target_has_keys(target, entry->trunk);
}

/* Both sides come to the same answer: the larger key dials. */
static bool accepted_wins(const struct set_entry *accepted)
{
	const struct vif_trunk *trunk = accepted->trunk;

	return memcmp(trunk->remote, trunk->identity.public_key, VIF_KEY_LEN) >
	       0;
}

/* Of two that fit: the later one comes later in the list. */
static bool is_better(const struct set_entry *later,
		      const struct set_entry *before)
{
	if (later->is_accepted == before->is_accepted)
		return true;
	return later->is_accepted ? accepted_wins(later) :
				    !accepted_wins(before);
}

struct set_entry *set_find(const struct vif_trunk_set *set,
			   const struct set_target *target)
{
	struct set_entry *best = NULL;
	struct list *link, *after;

	list_foreach(&set->entries, link, after) {
		struct set_entry *entry = entry_of(link);

		if (set_entry_is_usable(entry) &&
		    set_entry_fits(entry, target) &&
		    (!best || is_better(entry, best)))
			best = entry;
	}
	return best;
}

struct set_entry *set_find_state(const struct vif_trunk_set *set,
				 const struct set_target *target,
				 enum set_state state)
{
	struct list *link, *after;

	list_foreach(&set->entries, link, after) {
		struct set_entry *entry = entry_of(link);

		if (entry->state == state &&
		    (state != SET_OVER || entry->remembers) &&
		    set_target_is(&entry->target, target))
			return entry;
	}
	return NULL;
}

uint32_t set_n_accepted(const struct vif_trunk_set *set,
			const struct vif_trunk *trunk)
{
	struct list *link, *after;
	uint32_t n = 0;

	list_foreach(&set->entries, link, after) {
		const struct set_entry *entry = entry_of(link);

		n += entry->is_accepted && entry->trunk &&
		     entry->trunk->has_remote == trunk->has_remote &&
		     memcmp(entry->trunk->remote, trunk->remote, VIF_KEY_LEN) ==
			     0;
	}
	return n;
}

bool set_entry_loses(const struct set_entry *ours,
		     const struct set_entry *theirs)
{
	const struct vif_trunk *trunk = ours->trunk;

	if (ours->is_accepted || !set_entry_fits(theirs, &ours->target) ||
	    !accepted_wins(theirs))
		return false;
	return !trunk || (trunk->has_identity &&
			  key_is(trunk->identity.public_key,
				 theirs->trunk->identity.public_key));
}
