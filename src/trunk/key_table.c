/* SPDX-License-Identifier: Apache-2.0 */
/* Strings of bytes to objects. */
#include "trunk/key_table.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base/bits.h"

enum key_table_limits {
	KEY_TABLE_MIN = 8,   /* buckets */
	KEY_TABLE_SPARE = 8, /* times as many as nodes are given back */
};

static void put(struct key_table *table, struct key_node *node)
{
	uint64_t i = node->hash & (table->n_bucket - 1);

	list_append(&table->bucket[i], &node->link);
}

/* In the order in which they are: those of one hash come from one list. */
static void move_all(struct key_table *from, struct key_table *to)
{
	for (uint32_t i = 0; i < from->n_bucket; i++) {
		struct list *link, *after;

		list_foreach(&from->bucket[i], link, after) {
			list_remove(link);
			put(to, container_of(link, struct key_node, link));
		}
	}
}

static int resize(struct key_table *table, uint32_t n_bucket)
{
	struct key_table other = { .n_bucket = n_bucket, .n = table->n };

	other.bucket = calloc(n_bucket, sizeof(struct list));
	if (!other.bucket)
		return -ENOMEM;
	for (uint32_t i = 0; i < n_bucket; i++)
		list_init(&other.bucket[i]);
	move_all(table, &other);
	free(table->bucket);
	*table = other;
	return 0;
}

int key_table_init(struct key_table *table)
{
	return resize(table, KEY_TABLE_MIN);
}

void key_table_fini(struct key_table *table)
{
	assert(table->n == 0);
	free(table->bucket);
	*table = (struct key_table){ 0 };
}

void key_table_add(struct key_table *table, struct key_node *node)
{
	assert(table->n_bucket > 0);
	/* Without memory it gets slower, or stays large, but is not wrong. */
	if (table->n >= table->n_bucket && table->n_bucket <= UINT32_MAX / 2)
		(void)resize(table, 2 * table->n_bucket);
	else if (table->n_bucket > KEY_TABLE_MIN &&
		 table->n < table->n_bucket / KEY_TABLE_SPARE)
		(void)resize(table, table->n_bucket / 2);
	put(table, node);
	table->n++;
}

void key_table_remove(struct key_table *table, struct key_node *node)
{
	assert(table->n > 0 && !list_is_empty(&node->link));
	list_remove(&node->link);
	table->n--;
}
