/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of blocks, and of queues of bytes that lie in them. */
#include "trunk/block.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { LARGE = 16416, MODEL = 200000 };

static void test_a_large_block_is_kept_for_the_next(void **state)
{
	struct block_pool pool;
	struct block *first, *second;

	(void)state;
	block_pool_init(&pool, LARGE);
	first = block_get_large(&pool);
	assert_non_null(first);
	assert_int_equal((uintptr_t)first->bytes % 16, 0);
	assert_int_equal(pool.bytes, LARGE);
	memset(first->bytes, 1, LARGE);
	first->refs++;
	block_put(&pool, first);
	assert_int_equal(pool.bytes, LARGE);
	block_put(&pool, first);
	assert_int_equal(pool.bytes, 0);
	second = block_get_large(&pool);
	assert_ptr_equal(second, first);
	block_put(&pool, second);
	block_put(&pool, NULL);
	block_pool_fini(&pool);
	block_pool_fini(&pool);
}

static void test_no_more_than_a_few_are_kept(void **state)
{
	struct block *block[BLOCK_FREE_MAX + 10];
	struct block_pool pool;

	(void)state;
	block_pool_init(&pool, LARGE);
	for (int i = 0; i < BLOCK_FREE_MAX + 10; i++)
		block[i] = block_get_large(&pool);
	for (int i = 0; i < BLOCK_FREE_MAX + 10; i++)
		block_put(&pool, block[i]);
	assert_int_equal(pool.n_free[BLOCK_CLASSES - 1], BLOCK_FREE_MAX);
	block_pool_fini(&pool);
}

static void check_bytes(const struct byte_queue *queue, const uint8_t *want,
			uint32_t len)
{
	static uint8_t got[MODEL];
	struct iovec piece[64];
	unsigned int n = byte_queue_peek(queue, piece, 64);
	uint32_t at = 0;

	assert_int_equal(queue->len, len);
	assert_int_equal(byte_queue_copy(queue, got, MODEL), len);
	assert_memory_equal(got, want, len);
	for (unsigned int i = 0; i < n; i++) {
		assert_true(piece[i].iov_len > 0);
		assert_memory_equal(piece[i].iov_base, want + at,
				    piece[i].iov_len);
		at += (uint32_t)piece[i].iov_len;
	}
	if (n < 64)
		assert_int_equal(at, len);
}

static uint32_t next(uint32_t *seed, uint32_t below)
{
	*seed = *seed * 1664525 + 1013904223;
	return (*seed >> 8) % below;
}

/* What two indices into one array would be. */
static void test_a_queue_is_what_was_put_in(void **state)
{
	static uint8_t model[MODEL];
	struct byte_queue queue = { 0 };
	struct block_pool pool;
	uint32_t from = 0, to = 0, seed = 5;

	(void)state;
	for (uint32_t i = 0; i < MODEL; i++)
		model[i] = (uint8_t)(i ^ i >> 8);
	block_pool_init(&pool, LARGE);
	while (to < MODEL - 20000) {
		uint32_t n =
			next(&seed, 3) ? next(&seed, 300) : next(&seed, 20000);

		if (next(&seed, 2)) {
			assert_int_equal(
				byte_queue_append(&queue, &pool, model + to, n),
				0);
			to += n;
		} else {
			if (n > to - from)
				n = to - from;
			byte_queue_consume(&queue, &pool, n);
			from += n;
		}
		check_bytes(&queue, model + from, to - from);
	}
	byte_queue_clear(&queue, &pool);
	assert_int_equal(queue.len, 0);
	assert_int_equal(pool.bytes, 0);
	block_pool_fini(&pool);
}

/* Many queues of a byte must not take a large block each. */
static void test_little_bytes_take_little_memory(void **state)
{
	struct byte_queue queue = { 0 };
	struct block_pool pool;
	uint32_t len = 0;

	(void)state;
	block_pool_init(&pool, LARGE);
	for (; len < 100000; len++) {
		assert_int_equal(byte_queue_append(&queue, &pool,
						   (const uint8_t *)"x", 1),
				 0);
		assert_true(pool.bytes <= 4 * queue.len + BLOCK_SMALLEST);
	}
	byte_queue_clear(&queue, &pool);
	block_pool_fini(&pool);
}

static void test_two_queues_share_a_block(void **state)
{
	struct byte_queue queue[2] = { 0 };
	struct block_pool pool;
	struct block *block;

	(void)state;
	block_pool_init(&pool, LARGE);
	block = block_get_large(&pool);
	memcpy(block->bytes, "onetwo", 6);
	assert_int_equal(byte_queue_refer(&queue[0], &pool, block, 0, 3), 0);
	assert_int_equal(byte_queue_refer(&queue[1], &pool, block, 3, 3), 0);
	block_put(&pool, block);
	/* What is appended does not write over what the other one has. */
	assert_int_equal(
		byte_queue_append(&queue[0], &pool, (const uint8_t *)"more", 4),
		0);
	check_bytes(&queue[0], (const uint8_t *)"onemore", 7);
	check_bytes(&queue[1], (const uint8_t *)"two", 3);
	byte_queue_clear(&queue[0], &pool);
	check_bytes(&queue[1], (const uint8_t *)"two", 3);
	byte_queue_consume(&queue[1], &pool, 3);
	assert_int_equal(pool.bytes, 0);
	block_pool_fini(&pool);
}

static void test_reserved_room_is_filled_in_part(void **state)
{
	struct byte_queue queue = { 0 };
	struct block_pool pool;
	uint8_t *room, *again;

	(void)state;
	block_pool_init(&pool, LARGE);
	assert_true(byte_queue_reserve(&queue, &pool, 1000, &room) >= 1000);
	assert_int_equal(queue.len, 0);
	memcpy(room, "ab", 2);
	byte_queue_commit(&queue, 2);
	assert_true(byte_queue_reserve(&queue, &pool, 1, &again) > 0);
	assert_ptr_equal(again, room + 2);
	check_bytes(&queue, (const uint8_t *)"ab", 2);
	byte_queue_consume(&queue, &pool, 2);
	assert_null(queue.head);
	assert_null(queue.tail);
	block_pool_fini(&pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_large_block_is_kept_for_the_next),
		cmocka_unit_test(test_no_more_than_a_few_are_kept),
		cmocka_unit_test(test_a_queue_is_what_was_put_in),
		cmocka_unit_test(test_little_bytes_take_little_memory),
		cmocka_unit_test(test_two_queues_share_a_block),
		cmocka_unit_test(test_reserved_room_is_filled_in_part),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
