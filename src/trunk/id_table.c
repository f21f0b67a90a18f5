/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers to objects. */
#include "trunk/id_table.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

enum id_table_limits {
	ID_TABLE_MIN = 8, /* buckets */
};

static uint32_t index_of(const struct id_table *table, uint32_t id)
{
	return id & (table->n_bucket - 1);
}

static void put(struct id_table *table, struct id_node *node)
{
	struct id_node **bucket = &table->bucket[index_of(table, node->id)];

	node->next = *bucket;
	*bucket = node;
}

static int resize(struct id_table *table, uint32_t n_bucket)
{
	struct id_table grown = { .n_bucket = n_bucket, .n = table->n };

	grown.bucket = calloc(n_bucket, sizeof(struct id_node *));
	if (!grown.bucket)
		return -ENOMEM;
	for (uint32_t i = 0; i < table->n_bucket; i++)
		while (table->bucket[i]) {
			struct id_node *node = table->bucket[i];

			table->bucket[i] = node->next;
			put(&grown, node);
		}
	free(table->bucket);
	*table = grown;
	return 0;
}

int id_table_init(struct id_table *table)
{
	return table->n_bucket > 0 ? 0 : resize(table, ID_TABLE_MIN);
}

void id_table_fini(struct id_table *table)
{
	free(table->bucket);
	*table = (struct id_table){ 0 };
}

void id_table_add(struct id_table *table, struct id_node *node)
{
	assert(table->n_bucket > 0 && !id_table_find(table, node->id));
	/* Without memory it gets slower, but not wrong. */
	if (table->n >= table->n_bucket)
		(void)resize(table, 2 * table->n_bucket);
	put(table, node);
	table->n++;
}

void id_table_remove(struct id_table *table, struct id_node *node)
{
	struct id_node **link = &table->bucket[index_of(table, node->id)];

	while (*link != node)
		link = &(*link)->next;
	*link = node->next;
	node->next = NULL;
	table->n--;
	/* What a burst has grown is given back; without memory it stays. */
	if (table->n_bucket > ID_TABLE_MIN && table->n < table->n_bucket / 4)
		(void)resize(table, table->n_bucket / 2);
}

struct id_node *id_table_find(const struct id_table *table, uint32_t id)
{
	struct id_node *node;

	if (table->n_bucket == 0)
		return NULL;
	node = table->bucket[index_of(table, id)];
	while (node && node->id != id)
		node = node->next;
	return node;
}
