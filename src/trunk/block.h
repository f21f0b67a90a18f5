/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Blocks of memory, and queues of bytes that lie in them.
 *
 * What a program writes is copied into blocks and sealed from there; what came
 * is opened into a block, and a queue that gets most of it takes a reference
 * instead of a copy. Little bytes are copied into small blocks, so that a peer
 * which sends single bytes to many flows does not take a large block for each:
 * a queue takes up to about four times its bytes, and some 300 for the first.
 *
 * A pool keeps a few free blocks of each size. One thread at a time for a pool
 * and all queues that use it.
 */
#ifndef TRUNK_BLOCK_H
#define TRUNK_BLOCK_H

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

enum block_sizes {
	BLOCK_CLASSES = 4,
	BLOCK_SMALLEST = 256, /* bytes; each class is four times the last */
	BLOCK_LARGE_MIN = 16400,
	BLOCK_FREE_MAX = 64, /* kept of each class */
};

struct block {
	struct block *next; /* in the pool */
	uint32_t refs;
	uint8_t class;
	_Alignas(16) uint8_t bytes[];
};

/* Bytes of a queue that lie together. */
struct piece {
	struct piece *next;
	struct block *block;
	uint32_t offset;
	uint32_t len;
};

struct block_pool {
	struct block *free[BLOCK_CLASSES];
	uint32_t n_free[BLOCK_CLASSES];
	struct piece *free_piece;
	uint32_t n_free_piece;
	uint32_t large; /* bytes of the largest class; immutable */
	uint64_t bytes; /* in blocks that are in use */
};

struct byte_queue {
	struct piece *head, *tail;
	uint32_t len; /* bytes */
};

/* block_pool_init() - large is at least BLOCK_LARGE_MIN. */
void block_pool_init(struct block_pool *pool, uint32_t large);

/* block_pool_fini() - all blocks must have been given back; twice is allowed */
void block_pool_fini(struct block_pool *pool);

/* block_get() - a block of the largest class, with one reference; or NULL */
struct block *block_get_large(struct block_pool *pool);

/* block_put() - one reference less; NULL is allowed */
void block_put(struct block_pool *pool, struct block *block);

/* byte_queue_clear() - forget all bytes */
void byte_queue_clear(struct byte_queue *queue, struct block_pool *pool);

/*
 * byte_queue_reserve() - room at the end
 *
 * want says how much is to come. Returns its size, which may be less or more
 * and is valid until the queue changes; 0 without memory.
 */
uint32_t byte_queue_reserve(struct byte_queue *queue, struct block_pool *pool,
			    uint32_t want, uint8_t **ret_room);

/* byte_queue_commit() - len bytes of what was reserved last were filled */
void byte_queue_commit(struct byte_queue *queue, uint32_t len);

/* byte_queue_append() - copy bytes to the end; 0, or -ENOMEM with some in */
int byte_queue_append(struct byte_queue *queue, struct block_pool *pool,
		      const uint8_t *bytes, uint32_t len);

/* byte_queue_refer() - bytes of a block to the end; 0, or -ENOMEM */
int byte_queue_refer(struct byte_queue *queue, struct block_pool *pool,
		     struct block *block, uint32_t offset, uint32_t len);

/* byte_queue_peek() - the first pieces; returns how many */
unsigned int byte_queue_peek(const struct byte_queue *queue,
			     struct iovec *piece, unsigned int n);

/*
 * byte_queue_copy() - the first len bytes
 *
 * Returns how many there were, which stay in the queue.
 */
uint32_t byte_queue_copy(const struct byte_queue *queue, uint8_t *to,
			 uint32_t len);

/* byte_queue_consume() - the first len bytes, which there are, are done with */
void byte_queue_consume(struct byte_queue *queue, struct block_pool *pool,
			uint32_t len);

#endif
