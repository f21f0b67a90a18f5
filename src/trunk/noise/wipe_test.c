/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests that no secret of a handshake or a key remains: neither in our structs,
 * nor in memory that libcrypto has, or gives back.
 *
 * All memory of libcrypto comes from here, and is searched for each secret
 * before it is given back, and at the end of each test.
 */
#include "trunk/noise/noise.h"

#include <assert.h>
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/crypto.h>

#include "base/bits.h"
#include "tests/noise_rig.h"

enum noise_wipe_sizes {
	SECRETS_MAX = 16,
	/* In front of each block; keeps what follows aligned. */
	HEADER_SIZE = 64,
};

struct block {
	struct block *prev;
	struct block *next;
	size_t size;
};

static_assert(sizeof(struct block) <= HEADER_SIZE, "fits in front of a block");

static struct block blocks = { &blocks, &blocks, 0 };
static uint8_t secrets[SECRETS_MAX][NOISE_KEY_LEN];
static unsigned int n_secret;
static unsigned int n_found; /* in memory given back */

static uint8_t *bytes_of(struct block *block)
{
	return (uint8_t *)block + HEADER_SIZE;
}

/* SHA-256 keeps its state in words of the machine. */
static void swap_words(const uint8_t *from, uint8_t *to)
{
	for (size_t i = 0; i < NOISE_KEY_LEN; i++)
		to[i] = from[i ^ 3];
}

static bool holds(const uint8_t *bytes, size_t size, const uint8_t *secret)
{
	uint8_t swapped[NOISE_KEY_LEN];

	swap_words(secret, swapped);
	return memmem(bytes, size, secret, NOISE_KEY_LEN) ||
	       memmem(bytes, size, swapped, NOISE_KEY_LEN);
}

static bool holds_any(const uint8_t *bytes, size_t size)
{
	for (unsigned int i = 0; i < n_secret; i++)
		if (holds(bytes, size, secrets[i]))
			return true;
	return false;
}

static void *watched_malloc(size_t size, const char *file, int line)
{
	struct block *block = malloc(HEADER_SIZE + size);

	(void)file;
	(void)line;
	if (!block || size == 0) {
		free(block);
		return NULL;
	}
	*block = (struct block){ &blocks, blocks.next, size };
	blocks.next->prev = block;
	blocks.next = block;
	return bytes_of(block);
}

static void watched_free(void *at, const char *file, int line)
{
	struct block *block;

	(void)file;
	(void)line;
	if (!at)
		return;
	block = (struct block *)(void *)((uint8_t *)at - HEADER_SIZE);
	n_found += holds_any(at, block->size);
	block->prev->next = block->next;
	block->next->prev = block->prev;
	free(block);
}

static void *watched_realloc(void *at, size_t size, const char *file, int line)
{
	void *moved = watched_malloc(size, file, line);
	size_t old;

	if (!at)
		return moved;
	old = ((struct block *)(void *)((uint8_t *)at - HEADER_SIZE))->size;
	if (moved)
		memcpy(moved, at, old < size ? old : size);
	if (moved || size == 0)
		watched_free(at, file, line);
	return moved;
}

/* Memory of libcrypto that holds a secret now. */
static unsigned int count_blocks(void)
{
	unsigned int n = 0;

	for (struct block *at = blocks.next; at != &blocks; at = at->next)
		n += holds_any(bytes_of(at), at->size);
	return n;
}

static void forget_secrets(void)
{
	n_secret = 0;
	n_found = 0;
}

static void watch(const uint8_t secret[NOISE_KEY_LEN])
{
	assert_true(n_secret < SECRETS_MAX);
	memcpy(secrets[n_secret++], secret, NOISE_KEY_LEN);
}

static void watch_value(uint8_t value)
{
	uint8_t secret[NOISE_KEY_LEN];

	memset(secret, value, sizeof(secret));
	watch(secret);
}

static void assert_zero(const void *memory, size_t size)
{
	const uint8_t *bytes = memory;

	for (size_t i = 0; i < size; i++)
		assert_int_equal(bytes[i], 0);
}

/* What is in the state of an end right now. */
static void watch_end(const struct noise_handshake *h)
{
	watch(h->chaining_key);
	if (h->has_key)
		watch(h->key);
}

/* The keys that a split will give. */
static void watch_split(struct noise_rig *rig)
{
	uint8_t out[3][NOISE_HASH_LEN];

	assert_int_equal(noise_hkdf(&rig->crypto, rig->end[0].chaining_key,
				    NULL, 0, out, 3),
			 0);
	for (unsigned int i = 0; i < 3; i++)
		watch(out[i]);
}

static const struct noise_rig_case cases[] = {
	{ NOISE_XX, NOISE_CHACHAPOLY, 3 },
	{ NOISE_IK, NOISE_AESGCM, 2 },
	{ NOISE_NN, NOISE_AESGCM, -1 },
};

/* Begins, with all secrets that are known beforehand watched. */
static void begin(struct noise_rig *rig, const struct noise_rig_case *c)
{
	print_message("%s\n", noise_rig_patterns[c->pattern].name);
	forget_secrets();
	noise_rig_init(rig, c);
	assert_int_equal(noise_rig_start(rig), 0);
	watch_value(rig->seed[0]);
	watch_value(rig->seed[1]);
	if (c->psk_place >= 0)
		watch(noise_rig_psk);
}

static void the_watch_finds_secrets(void **state)
{
	struct noise_rig rig;
	uint8_t secret[NOISE_KEY_LEN];
	void *leak;

	(void)state;
	begin(&rig, &cases[0]);
	memset(secret, rig.seed[0], sizeof(secret));
	assert_int_equal(count_blocks(), 0);
	leak = OPENSSL_memdup(secret, sizeof(secret));
	assert_int_equal(count_blocks(), 1);
	OPENSSL_free(leak);
	assert_int_equal(count_blocks(), 0);
	assert_int_equal(n_found, 1);
	assert_int_equal(noise_rig_pass(&rig, 0, 1), 0);
	assert_int_not_equal(count_blocks(), 0); /* the ephemeral key */
	noise_rig_fini(&rig);
	assert_int_equal(count_blocks(), 0);
	assert_int_equal(n_found, 1);
}

static void end_keys(struct noise_key *send, struct noise_key *receive)
{
	noise_key_fini(send);
	noise_key_fini(receive);
	assert_zero(send, sizeof(*send));
	assert_zero(receive, sizeof(*receive));
}

static void split(struct noise_handshake *h, bool rekey)
{
	struct noise_key send;
	struct noise_key receive;
	uint8_t record[100] = { 0 };

	assert_int_equal(noise_handshake_split(h, &send, &receive, NULL), 0);
	assert_int_equal(noise_key_seal(&send, NULL, 0, record, 80, record), 0);
	if (rekey) {
		assert_int_equal(noise_key_rekey(&send), 0);
		assert_int_equal(noise_key_rekey(&receive), 0);
		/* The old keys are out of reach, already now. */
		assert_int_equal(count_blocks(), 0);
	}
	end_keys(&send, &receive);
}

static void nothing_remains_of_a_handshake_and_its_keys(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct noise_rig rig;
		unsigned int n;

		begin(&rig, &cases[i]);
		n = noise_rig_n_message(&rig);
		for (unsigned int j = 0; j < n; j++) {
			watch_end(&rig.end[0]);
			assert_int_equal(noise_rig_pass(&rig, j, j + 1), 0);
		}
		watch_end(&rig.end[0]);
		watch_split(&rig);
		split(&rig.end[0], i == 0);
		split(&rig.end[1], true);
		/* Pairs and algorithms are still there. */
		assert_int_equal(count_blocks(), 0);
		for (unsigned int j = 0; j < 2; j++) {
			assert_false(holds_any((uint8_t *)&rig.end[j],
					       sizeof(rig.end[j])));
			noise_handshake_fini(&rig.end[j]);
			assert_zero(&rig.end[j], sizeof(rig.end[j]));
		}
		noise_rig_fini(&rig);
		assert_int_equal(n_found, 0);
	}
}

static void nothing_remains_of_a_handshake_that_failed(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct noise_rig_message message;
		struct noise_rig_message payload;
		struct noise_rig rig;

		begin(&rig, &cases[i]);
		assert_int_equal(noise_rig_pass(&rig, 0, 1), 0);
		watch_end(&rig.end[0]);
		assert_int_equal(noise_rig_write(&rig, 1, &message), 0);
		watch_end(&rig.end[1]);
		message.at[message.len - 1] ^= 1;
		assert_true(noise_rig_read(&rig, 1, &message, &payload) < 0);
		assert_zero(&rig.end[0], sizeof(rig.end[0]));
		noise_handshake_fini(&rig.end[1]);
		assert_zero(&rig.end[1], sizeof(rig.end[1]));
		assert_int_equal(count_blocks(), 0);
		noise_rig_fini(&rig);
		assert_int_equal(n_found, 0);
	}
}

static void nothing_remains_of_a_pair(void **state)
{
	struct noise_rig rig;

	(void)state;
	begin(&rig, &cases[0]);
	watch_value(0x11); /* of the rig's pairs */
	watch_value(0x12);
	assert_int_equal(count_blocks(), 2);
	assert_int_equal(noise_rig_pass(&rig, 0, 3), 0);
	noise_rig_fini(&rig);
	assert_zero(rig.pair, sizeof(rig.pair));
	assert_zero(&rig.crypto, sizeof(rig.crypto));
	assert_int_equal(count_blocks(), 0);
	assert_int_equal(n_found, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_watch_finds_secrets),
		cmocka_unit_test(nothing_remains_of_a_handshake_and_its_keys),
		cmocka_unit_test(nothing_remains_of_a_handshake_that_failed),
		cmocka_unit_test(nothing_remains_of_a_pair),
	};

	/* Freed memory filled with one byte could look like a secret. */
	(void)mallopt(M_PERTURB, 0);
	/* Only before libcrypto has allocated anything. */
	if (CRYPTO_set_mem_functions(watched_malloc, watched_realloc,
				     watched_free) != 1)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
