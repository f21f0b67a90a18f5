/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A set of trunks: which trunk is for whom, and where it is found.
 *
 * The keys of those who have dialled us are theirs to choose, so tables are
 * seeded. What is found is compared as a whole.
 */
#include "trunk/set/set.h"

#include <string.h>

/* Tables. */

static_assert(offsetof(struct set_target, address) ==
		      offsetof(struct set_target, has_remote) +
			      3 * sizeof(bool) + 2 * (size_t)VIF_KEY_LEN + 1,
	      "gaps would be hashed");

int set_tables_init(struct vif_trunk_set *set)
{
	int r = set->config.random(set->config.user, set->hash_key,
				   sizeof(set->hash_key));

	if (r >= 0) /* some count what they filled */
		r = key_table_init(&set->by_target);
	if (r == 0)
		r = key_table_init(&set->by_remote);
	if (r == 0)
		r = key_table_init(&set->accepted);
	return r;
}

void set_tables_fini(struct vif_trunk_set *set)
{
	key_table_fini(&set->by_target);
	key_table_fini(&set->by_remote);
	key_table_fini(&set->accepted);
}

void set_target_hash(const struct vif_trunk_set *set, struct set_target *target)
{
	const size_t from = offsetof(struct set_target, has_remote);
	const size_t to =
		offsetof(struct set_target, address) + target->address_len;

	target->hash = siphash(set->hash_key, (const uint8_t *)target + from,
			       to - from);
	target->remote_hash =
		siphash(set->hash_key, target->remote, VIF_KEY_LEN);
}

void set_tables_add(struct set_entry *entry)
{
	struct vif_trunk_set *set = entry->set;

	entry->by_target.hash = entry->target.hash;
	entry->by_remote.hash = entry->target.remote_hash;
	if (entry->is_accepted) {
		key_table_add(&set->accepted, &entry->by_remote);
		return;
	}
	key_table_add(&set->by_target, &entry->by_target);
	if (entry->target.has_remote)
		key_table_add(&set->by_remote, &entry->by_remote);
}

void set_tables_remove(struct set_entry *entry)
{
	struct vif_trunk_set *set = entry->set;

	if (entry->is_accepted) {
		key_table_remove(&set->accepted, &entry->by_remote);
		return;
	}
	key_table_remove(&set->by_target, &entry->by_target);
	if (entry->target.has_remote)
		key_table_remove(&set->by_remote, &entry->by_remote);
}

/* Which one it is. */

static bool key_is(const uint8_t *a, const uint8_t *b)
{
	return memcmp(a, b, VIF_KEY_LEN) == 0;
}

bool set_target_is(const struct set_target *a, const struct set_target *b)
{
	return a->hash == b->hash && a->has_remote == b->has_remote &&
	       key_is(a->remote, b->remote) && a->has_local == b->has_local &&
	       key_is(a->local, b->local) &&
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

static struct set_entry *find_dialled(const struct vif_trunk_set *set,
				      const struct set_target *target)
{
	struct set_entry *youngest = NULL;
	struct list *link, *after;

	list_foreach(key_table_at(&set->by_target, target->hash), link, after) {
		struct set_entry *entry = set_entry_of_target(link);

		if (set_target_is(&entry->target, target) &&
		    set_entry_is_usable(entry))
			youngest = entry;
	}
	return youngest;
}

static struct set_entry *find_accepted(const struct vif_trunk_set *set,
				       const struct set_target *target)
{
	struct set_entry *youngest = NULL;
	struct list *link, *after;

	list_foreach(key_table_at(&set->accepted, target->remote_hash), link,
		     after) {
		struct set_entry *entry = set_entry_of_remote(link);

		if (set_entry_is_usable(entry) && set_entry_fits(entry, target))
			youngest = entry;
	}
	return youngest;
}

struct set_entry *set_find(const struct vif_trunk_set *set,
			   const struct set_target *target)
{
	struct set_entry *dialled = find_dialled(set, target);
	struct set_entry *accepted = find_accepted(set, target);

	if (!dialled || (accepted && accepted_wins(accepted)))
		return accepted;
	return dialled;
}

struct set_entry *set_find_state(const struct vif_trunk_set *set,
				 const struct set_target *target,
				 enum set_state state)
{
	struct list *link, *after;

	list_foreach(key_table_at(&set->by_target, target->hash), link, after) {
		struct set_entry *entry = set_entry_of_target(link);

		if (entry->state == state &&
		    (state != SET_OVER || entry->remembers) &&
		    set_target_is(&entry->target, target))
			return entry;
	}
	return NULL;
}

uint32_t set_n_accepted(const struct vif_trunk_set *set,
			const struct set_target *target)
{
	struct list *link, *after;
	uint32_t n = 0;

	list_foreach(key_table_at(&set->accepted, target->remote_hash), link,
		     after) {
		const struct set_entry *entry = set_entry_of_remote(link);

		n += entry->trunk && set_target_is(&entry->target, target);
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
