/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Strings of bytes to objects, of which several may have the same.
 *
 * The objects embed a node. What is looked up may be chosen by others, so it is
 * hashed with a key that is random for each program: nobody can choose strings
 * that fall together. The table knows hashes alone; who asks compares strings.
 * Those with the same hash stay in the order in which they came.
 */
#ifndef TRUNK_KEY_TABLE_H
#define TRUNK_KEY_TABLE_H

#include <stdint.h>

#include "base/list.h"

struct key_node {
	struct list link;
	uint64_t hash; /* of siphash(); does not change while it is in one */
};

struct key_table {
	struct list *bucket; /* NULL before init */
	uint32_t n_bucket;   /* a power of two, or 0 */
	uint32_t n;
};

/* key_table_init() - of zeroed memory; 0 or -ENOMEM */
int key_table_init(struct key_table *table);

/* key_table_fini() - it is empty, or was never made; twice is allowed */
void key_table_fini(struct key_table *table);

/*
 * key_table_add() - node->hash is set
 *
 * Never fails: without memory a table grows slow instead of large. The only one
 * that moves nodes, so not while they are walked through.
 */
void key_table_add(struct key_table *table, struct key_node *node);

/* key_table_remove() - the node is in it; may be the one in hand of a walk */
void key_table_remove(struct key_table *table, struct key_node *node);

/*
 * key_table_at() - nodes that may have a hash, oldest first
 *
 * A list of struct key_node.link, with others among them.
 */
static inline const struct list *key_table_at(const struct key_table *table,
					      uint64_t hash)
{
	return &table->bucket[hash & (table->n_bucket - 1)];
}

#endif
