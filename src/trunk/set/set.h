/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A set of trunks: what its parts share, and what a trunk tells its set.
 *
 * docs/design/trunk-set.md has the states and the reasons.
 *
 *	set.c     questions, attempts
 *	waiter.c  who is told of them
 *	entry.c   life of an entry
 *	find.c    which one is for whom
 *	all.c     what is about all trunks of a set
 */
#ifndef TRUNK_SET_SET_H
#define TRUNK_SET_SET_H

#include <vif/trunk_set.h>

#include "base/siphash.h"
#include "trunk/core.h"
#include "trunk/key_table.h"

/* Each has its exits beside it; all of them lead to SET_OVER as well. */
enum set_state {
	SET_TRYING, /* no trunk, or one that is not ready: SET_UP, SET_RETIRED */
	SET_UP,     /* handed out, while it can be used: SET_RETIRED */
	SET_RETIRED, /* handed out no more */
	SET_OVER, /* for who waits, who holds it, or as a failure to remember;
		      * SET_TRYING in the last case */
};

/* A target, copied. All from has_remote on is bytes without gaps. */
struct set_target {
	uint64_t hash;        /* of all that follows, by set_target_hash() */
	uint64_t remote_hash; /* of the key alone */
	bool has_remote, has_local, only_dialled;
	uint8_t remote[VIF_KEY_LEN];
	uint8_t local[VIF_KEY_LEN];
	uint8_t address_len;
	uint8_t address[VIF_TRUNK_SET_ADDRESS_MAX];
};

struct vif_trunk_attempt {
	void *connection;
};

struct set_entry {
	struct list all;
	struct key_node by_target, by_remote; /* its places in tables */
	struct list news;
	struct list waiters; /* for its trunk, whoever they have asked for */
	uint32_t n_askers;   /* who have asked for it, wherever they wait */
	struct vif_trunk_set *set;
	enum set_state state;
	bool is_accepted;    /* its target is its key, or none */
	bool is_held;        /* by who makes the connection */
	bool is_unwanted;    /* nobody waits, or it would lose */
	bool tells_unwanted; /* he who holds it has to be told that */
	bool remembers;      /* a failure, until forget_ns */
	struct set_target target;
	struct vif_trunk_attempt attempt;
	struct vif_trunk *trunk; /* NULL: none yet, or no more */
	uint64_t deadline_ns;    /* of the attempt */
	uint64_t given_ns;       /* handed out last, or up */
	uint32_t n_failures;     /* in a row */
	uint64_t again_ns;       /* not before, after a failure */
	uint64_t forget_ns;
	struct ending ending;
};

struct vif_trunk_waiter {
	struct list link;
	struct set_entry *entry; /* whose trunk he waits for */
	struct set_entry *asked; /* what he wants; it lives as long as he */
	void *user;
};

struct vif_trunk_set {
	struct vif_trunk_set_config config; /* with defaults filled in */
	struct owner owner;
	uint64_t now_ns;
	bool is_ending;
	struct list entries; /* oldest first; n_entries and n_accepted */
	struct list news;    /* entries that somebody has to be told of */
	/* Where entries are found; in each place the oldest comes first. */
	struct key_table by_target; /* dialled */
	struct key_table by_remote; /* dialled, if a key was asked for */
	struct key_table accepted;  /* by the key they have, or none */
	uint8_t hash_key[SIPHASH_KEY_LEN];
	uint32_t n_entries, n_accepted, n_waiters;
	struct ending told; /* what the last event says */
	struct vif_trunk_set_stats stats;
};

/* entry.c */

/* set_entry_new() - one that is trying; 0, -ENOSPC or -ENOMEM */
int set_entry_new(struct vif_trunk_set *set, bool is_accepted,
		  const struct set_target *target,
		  struct set_entry **ret_entry);

/* set_entry_free() - whatever is known of it */
void set_entry_free(struct set_entry *entry);

/* set_entry_is_usable() - whether its trunk may be given to those it fits */
bool set_entry_is_usable(const struct set_entry *entry);

/* set_entry_is_doubted() - a sign of life has been missing for too long */
bool set_entry_is_doubted(const struct set_entry *entry);

/* set_entry_begin() - a new attempt */
void set_entry_begin(struct set_entry *entry);

/* set_entry_up() - its trunk is ready, and belongs to whom it should */
void set_entry_up(struct set_entry *entry);

/* set_entry_retire() - hand it out no more */
void set_entry_retire(struct set_entry *entry);

/* set_entry_over() - it has ended, or has never been; may free it */
void set_entry_over(struct set_entry *entry, uint32_t reason, const char *text);

/* set_entry_unwanted() - nobody needs this attempt */
void set_entry_unwanted(struct set_entry *entry);

/* set_entry_news() - somebody has to be told of it now, or no more */
void set_entry_news(struct set_entry *entry);

/* set_entry_is_asked() - somebody waits for it, or may come back to it */
static inline bool set_entry_is_asked(const struct set_entry *entry)
{
	return entry->n_askers > 0 || !list_is_empty(&entry->waiters);
}

/* set_entry_settle() - free it, when nothing is left of it */
void set_entry_settle(struct set_entry *entry);

/* find.c */

/* set_tables_init() - 0, -ENOMEM, or what the random source returned */
int set_tables_init(struct vif_trunk_set *set);

/* set_tables_fini() - also on zeroed memory */
void set_tables_fini(struct vif_trunk_set *set);

/* set_tables_add(), set_tables_remove() - not in a walk; also in one */
void set_tables_add(struct set_entry *entry);
void set_tables_remove(struct set_entry *entry);

/* set_target_hash() - when all else of it is there */
void set_target_hash(const struct vif_trunk_set *set,
		     struct set_target *target);

/* What is found in a place of a table. */

static inline struct set_entry *set_entry_of_target(struct list *link)
{
	return container_of(link, struct set_entry, by_target.link);
}

static inline struct set_entry *set_entry_of_remote(struct list *link)
{
	return container_of(link, struct set_entry, by_remote.link);
}

/* set_target_is() - whether two are the same */
bool set_target_is(const struct set_target *a, const struct set_target *b);

/* set_target_has_keys() - a handshake has proven what the target asks for */
bool set_target_has_keys(const struct set_target *target,
			 const struct vif_trunk *trunk);

/* set_entry_fits() - its trunk is what a target asks for; it is up */
bool set_entry_fits(const struct set_entry *entry,
		    const struct set_target *target);

/*
 * set_entry_loses() - ours is to go, since theirs is there, and was accepted
 *
 * Not if it shows another key than they dialled: then it is not between the same
 * two.
 */
bool set_entry_loses(const struct set_entry *ours,
		     const struct set_entry *theirs);

/* set_find() - the entry whose trunk to hand out; NULL: none */
struct set_entry *set_find(const struct vif_trunk_set *set,
			   const struct set_target *target);

/* set_find_state() - an attempt, or a failure that is remembered; NULL: none */
struct set_entry *set_find_state(const struct vif_trunk_set *set,
				 const struct set_target *target,
				 enum set_state state);

/* set_n_accepted() - trunks with the key of a target; none is a key as well */
uint32_t set_n_accepted(const struct vif_trunk_set *set,
			const struct set_target *target);

/* waiter.c */

/* set_waiter_add() - he waits for it, whatever comes of it */
void set_waiter_add(struct set_entry *entry, struct vif_trunk_waiter *waiter,
		    void *user);

/* set_waiters_free() - nobody is told any more */
void set_waiters_free(struct set_entry *entry);

/* set_waiters_move() - they wait for another one */
void set_waiters_move(struct set_entry *from, struct set_entry *to);

/*
 * set_waiters_redirect() - their trunk will not be, or is not good
 *
 * Each gets another one that is what he has asked for, or waits for the attempt
 * to make it, if there is either.
 */
void set_waiters_redirect(struct set_entry *entry);

/* What a trunk tells its set, if it is in one. */

void set_trunk_ready(struct vif_trunk *trunk);
void set_trunk_empty(struct vif_trunk *trunk); /* no circuit is left */
void set_trunk_ended(struct vif_trunk *trunk);

#endif
