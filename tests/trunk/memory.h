/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All memory of a test program, that of libcrypto as well: counted, refused on
 * demand, and searched for secrets when it is given back.
 *
 * The program is linked with --wrap of malloc, calloc, realloc and free.
 */
#ifndef TESTS_TRUNK_MEMORY_H
#define TESTS_TRUNK_MEMORY_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

enum memory_sizes {
	MEMORY_SECRETS = 256,
	MEMORY_SECRET_LEN = 32,
};

struct memory_block {
	struct memory_block *prev, *next;
	size_t size;
	size_t is_ours; /* not libcrypto's; a word, to keep the alignment */
};

struct memory {
	struct memory_block all;
	size_t n_ours, n_bytes, n_bytes_max;
	uint64_t n_calls;
	uint64_t fail_at; /* the call that is refused; 0: none */
	uint8_t secret[MEMORY_SECRETS][MEMORY_SECRET_LEN];
	size_t n_secrets;
	size_t n_dirty; /* blocks given back with a secret in them */
};

static struct memory memory = { .all = { &memory.all, &memory.all, 0, 0 } };

void *__real_malloc(size_t size);
void __real_free(void *at);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *at, size_t size);
void __wrap_free(void *at);

static struct memory_block *memory_block_of(void *at)
{
	return (struct memory_block *)at - 1;
}

static void *memory_get(size_t size, bool is_ours)
{
	struct memory_block *block;

	if (++memory.n_calls == memory.fail_at)
		return NULL;
	block = __real_malloc(sizeof(*block) + size);
	if (!block)
		abort();
	*block = (struct memory_block){ memory.all.prev, &memory.all, size,
					is_ours };
	block->prev->next = block;
	memory.all.prev = block;
	memory.n_ours += is_ours;
	memory.n_bytes += size;
	if (memory.n_bytes > memory.n_bytes_max)
		memory.n_bytes_max = memory.n_bytes;
	return block + 1;
}

/* Any 16 bytes of a secret in a row are half of it, and too much. */
static bool memory_has_secret(const struct memory_block *block)
{
	for (size_t i = 0; i < memory.n_secrets; i++)
		if (memmem(block + 1, block->size, memory.secret[i],
			   MEMORY_SECRET_LEN / 2) ||
		    memmem(block + 1, block->size,
			   memory.secret[i] + MEMORY_SECRET_LEN / 2,
			   MEMORY_SECRET_LEN / 2))
			return true;
	return false;
}

static void memory_put(void *at)
{
	struct memory_block *block;

	if (!at)
		return;
	block = memory_block_of(at);
	if (memory_has_secret(block))
		memory.n_dirty++;
	block->prev->next = block->next;
	block->next->prev = block->prev;
	memory.n_ours -= block->is_ours;
	memory.n_bytes -= block->size;
	__real_free(block);
}

static void *memory_change(void *at, size_t size, bool is_ours)
{
	void *fresh = memory_get(size, is_ours);
	size_t old = at ? memory_block_of(at)->size : 0;

	if (!fresh)
		return NULL;
	if (at)
		memcpy(fresh, at, old < size ? old : size);
	memory_put(at);
	return fresh;
}

void *__wrap_malloc(size_t size)
{
	return memory_get(size, true);
}

void *__wrap_calloc(size_t n, size_t size)
{
	void *at = memory_get(n * size, true);

	if (at)
		memset(at, 0, n * size);
	return at;
}

void *__wrap_realloc(void *at, size_t size)
{
	return memory_change(at, size, true);
}

void __wrap_free(void *at)
{
	memory_put(at);
}

static void *memory_crypto_get(size_t size, const char *file, int line)
{
	(void)file, (void)line;
	return memory_get(size, false);
}

static void *memory_crypto_change(void *at, size_t size, const char *file,
				  int line)
{
	(void)file, (void)line;
	return memory_change(at, size, false);
}

static void memory_crypto_put(void *at, const char *file, int line)
{
	(void)file, (void)line;
	memory_put(at);
}

/* Before libcrypto is used for the first time. */
static inline void memory_begin(void)
{
	if (!CRYPTO_set_mem_functions(memory_crypto_get, memory_crypto_change,
				      memory_crypto_put))
		abort();
}

static inline void memory_add_secret(const uint8_t secret[MEMORY_SECRET_LEN])
{
	static const uint8_t nothing[MEMORY_SECRET_LEN];

	/* What sets up a context before it has a key. */
	if (memcmp(secret, nothing, sizeof(nothing)) == 0)
		return;
	for (size_t i = 0; i < memory.n_secrets; i++)
		if (memcmp(memory.secret[i], secret, MEMORY_SECRET_LEN) == 0)
			return;
	if (memory.n_secrets == MEMORY_SECRETS)
		abort();
	memcpy(memory.secret[memory.n_secrets++], secret, MEMORY_SECRET_LEN);
}

/* Blocks that still are there and have a secret in them. */
static inline size_t memory_count_live(void)
{
	size_t n = 0;

	for (struct memory_block *block = memory.all.next; block != &memory.all;
	     block = block->next)
		n += memory_has_secret(block);
	return n;
}

#endif
