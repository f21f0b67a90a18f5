/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers to objects: circuits of a trunk, flows of a circuit.
 *
 * The objects embed a node. Numbers are handed out one after the other, two
 * sides with one parity each, so they spread evenly without being hashed.
 */
#ifndef TRUNK_ID_TABLE_H
#define TRUNK_ID_TABLE_H

#include <stdint.h>

struct id_node {
	struct id_node *next;
	uint32_t id;
};

struct id_table {
	struct id_node **bucket; /* NULL before init */
	uint32_t n_bucket;       /* a power of two, or 0 */
	uint32_t n;
};

/* id_table_init() - of zeroed memory; 0 or -ENOMEM; twice is allowed */
int id_table_init(struct id_table *table);

/* id_table_fini() - forgets all nodes; also on zeroed memory, and twice */
void id_table_fini(struct id_table *table);

/*
 * id_table_add() - node->id is not in it
 *
 * Never fails: without memory a table grows slow instead of large.
 */
void id_table_add(struct id_table *table, struct id_node *node);

/* id_table_remove() - the node is in it */
void id_table_remove(struct id_table *table, struct id_node *node);

/* id_table_find() - NULL when there is none */
struct id_node *id_table_find(const struct id_table *table, uint32_t id);

#endif
