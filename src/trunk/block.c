/* SPDX-License-Identifier: Apache-2.0 */
/* Blocks of memory, and queues of bytes that lie in them. */
#include "trunk/block.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include <stdlib.h>

static uint32_t class_size(const struct block_pool *pool, unsigned int class)
{
	return class == BLOCK_CLASSES - 1 ?
		       pool->large :
		       (uint32_t)BLOCK_SMALLEST << 2 * class;
}

static uint32_t size_of(const struct block_pool *pool,
			const struct block *block)
{
	return class_size(pool, block->class);
}

void block_pool_init(struct block_pool *pool, uint32_t large)
{
	assert(large >= BLOCK_LARGE_MIN);
	memset(pool, 0, sizeof(*pool));
	pool->large = large;
}

void block_pool_fini(struct block_pool *pool)
{
	assert(pool->bytes == 0);
	for (unsigned int i = 0; i < BLOCK_CLASSES; i++)
		while (pool->free[i]) {
			struct block *block = pool->free[i];

			pool->free[i] = block->next;
			free(block);
		}
	while (pool->free_piece) {
		struct piece *piece = pool->free_piece;

		pool->free_piece = piece->next;
		free(piece);
	}
}

static struct block *get(struct block_pool *pool, unsigned int class)
{
	struct block *block = pool->free[class];
	uint32_t size = class_size(pool, class);

	if (block) {
		pool->free[class] = block->next;
		pool->n_free[class]--;
	} else {
		block = malloc(sizeof(*block) + size);
		if (!block)
			return NULL;
	}
	block->refs = 1;
	block->class = (uint8_t) class;
	pool->bytes += size;
	return block;
}

struct block *block_get_large(struct block_pool *pool)
{
	return get(pool, BLOCK_CLASSES - 1);
}

void block_put(struct block_pool *pool, struct block *block)
{
	if (!block || --block->refs > 0)
		return;
	pool->bytes -= size_of(pool, block);
	if (pool->n_free[block->class] == BLOCK_FREE_MAX) {
		free(block);
		return;
	}
	block->next = pool->free[block->class];
	pool->free[block->class] = block;
	pool->n_free[block->class]++;
}

static struct piece *get_piece(struct block_pool *pool)
{
	struct piece *piece = pool->free_piece;

	if (!piece)
		return malloc(sizeof(*piece));
	pool->free_piece = piece->next;
	pool->n_free_piece--;
	return piece;
}

static void put_piece(struct block_pool *pool, struct piece *piece)
{
	block_put(pool, piece->block);
	if (pool->n_free_piece == 4 * BLOCK_FREE_MAX) {
		free(piece);
		return;
	}
	piece->next = pool->free_piece;
	pool->free_piece = piece;
	pool->n_free_piece++;
}

/* Takes over the reference to the block. */
static int add_piece(struct byte_queue *queue, struct block_pool *pool,
		     struct block *block, uint32_t offset, uint32_t len)
{
	struct piece *piece = get_piece(pool);

	if (!piece) {
		block_put(pool, block);
		return -ENOMEM;
	}
	*piece = (struct piece){ .block = block, .offset = offset, .len = len };
	if (queue->tail)
		queue->tail->next = piece;
	else
		queue->head = piece;
	queue->tail = piece;
	queue->len += len;
	return 0;
}

/* Bytes free behind the last piece, if nobody else has that block. */
static uint32_t room_behind(const struct byte_queue *queue,
			    const struct block_pool *pool)
{
	const struct piece *tail = queue->tail;

	if (!tail || tail->block->refs > 1)
		return 0;
	return size_of(pool, tail->block) - tail->offset - tail->len;
}

static unsigned int class_for(uint32_t bytes)
{
	unsigned int class = 0;

	while (class < BLOCK_CLASSES - 1 && bytes > (uint32_t)BLOCK_SMALLEST
							    << 2 * class)
		class ++;
	return class;
}

uint32_t byte_queue_reserve(struct byte_queue *queue, struct block_pool *pool,
			    uint32_t want, uint8_t **ret_room)
{
	uint32_t room = room_behind(queue, pool);

	if (room == 0) {
		uint32_t size = want > queue->len ? want : queue->len;
		struct block *block = get(pool, class_for(size));

		if (!block || add_piece(queue, pool, block, 0, 0) < 0)
			return 0;
		room = size_of(pool, block);
	}
	*ret_room = queue->tail->block->bytes + queue->tail->offset +
		    queue->tail->len;
	return room;
}

void byte_queue_commit(struct byte_queue *queue, uint32_t len)
{
	queue->tail->len += len;
	queue->len += len;
}

int byte_queue_append(struct byte_queue *queue, struct block_pool *pool,
		      const uint8_t *bytes, uint32_t len)
{
	while (len > 0) {
		uint8_t *room;
		uint32_t n = byte_queue_reserve(queue, pool, len, &room);

		if (n == 0)
			return -ENOMEM;
		if (n > len)
			n = len;
		memcpy(room, bytes, n);
		byte_queue_commit(queue, n);
		bytes += n;
		len -= n;
	}
	return 0;
}

int byte_queue_refer(struct byte_queue *queue, struct block_pool *pool,
		     struct block *block, uint32_t offset, uint32_t len)
{
	block->refs++;
	return add_piece(queue, pool, block, offset, len);
}

unsigned int byte_queue_peek(const struct byte_queue *queue,
			     struct iovec *piece, unsigned int n)
{
	unsigned int i = 0;

	for (struct piece *p = queue->head; p && i < n; p = p->next)
		if (p->len > 0)
			piece[i++] = (struct iovec){
				.iov_base = p->block->bytes + p->offset,
				.iov_len = p->len,
			};
	return i;
}

uint32_t byte_queue_copy(const struct byte_queue *queue, uint8_t *to,
			 uint32_t len)
{
	uint32_t done = 0;

	for (struct piece *p = queue->head; p && done < len; p = p->next) {
		uint32_t n = p->len < len - done ? p->len : len - done;

		memcpy(to + done, p->block->bytes + p->offset, n);
		done += n;
	}
	return done;
}

/* Takes the first piece out. */
static void drop_head(struct byte_queue *queue, struct block_pool *pool)
{
	struct piece *piece = queue->head;

	queue->head = piece->next;
	if (!queue->head)
		queue->tail = NULL;
	put_piece(pool, piece);
}

void byte_queue_consume(struct byte_queue *queue, struct block_pool *pool,
			uint32_t len)
{
	assert(len <= queue->len);
	queue->len -= len;
	while (len > 0) {
		struct piece *head = queue->head;

		if (len < head->len) {
			head->offset += len;
			head->len -= len;
			return;
		}
		len -= head->len;
		drop_head(queue, pool);
	}
	if (queue->len == 0)
		byte_queue_clear(queue, pool);
}

void byte_queue_clear(struct byte_queue *queue, struct block_pool *pool)
{
	while (queue->head)
		drop_head(queue, pool);
	queue->len = 0;
}
