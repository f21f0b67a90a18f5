/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of one direction of a channel. That the bytes are those of Noise is
 * tested in tests/trunk.
 */
#include "trunk/noise/key.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/crypto.h>

enum noise_key_test_sizes {
	LEN = 40,
	SEALED_LEN = LEN + NOISE_TAG_LEN,
	LONGEST = NOISE_MESSAGE_LEN_MAX - NOISE_TAG_LEN,
	ROUNDS = 100,
};

static const char aad[] = "header";
static const uint8_t secret[NOISE_KEY_LEN] = "of one direction";
static unsigned long n_alloc;

/* Both ends of it, and a record. */
struct channel {
	struct noise_crypto crypto;
	struct noise_key seal;
	struct noise_key open;
	uint8_t plain[LEN];
	uint8_t sealed[SEALED_LEN];
};

static void begin(struct channel *c, enum noise_cipher cipher)
{
	memset(c, 0, sizeof(*c));
	memset(c->plain, 0x33, sizeof(c->plain));
	assert_int_equal(noise_crypto_init(&c->crypto), 0);
	assert_int_equal(noise_key_init(&c->seal, &c->crypto, cipher,
					NOISE_SEAL, secret),
			 0);
	assert_int_equal(noise_key_init(&c->open, &c->crypto, cipher,
					NOISE_OPEN, secret),
			 0);
}

static void end(struct channel *c)
{
	noise_key_fini(&c->seal);
	noise_key_fini(&c->open);
	noise_key_fini(&c->open);
	noise_crypto_fini(&c->crypto);
}

static void seal(struct channel *c)
{
	assert_int_equal(noise_key_seal(&c->seal, aad, sizeof(aad), c->plain,
					LEN, c->sealed),
			 0);
}

static int try_open(struct channel *c, const uint8_t *sealed, uint8_t *to)
{
	return noise_key_open(&c->open, aad, sizeof(aad), sealed, LEN, to);
}

static void must_open(struct channel *c)
{
	uint8_t plain[LEN];

	assert_int_equal(try_open(c, c->sealed, plain), 0);
	assert_memory_equal(plain, c->plain, LEN);
}

/* What was written is nothing that anybody might take for the content. */
static void must_not_open(struct channel *c, const uint8_t *sealed)
{
	static const uint8_t zero[LEN];
	uint64_t nonce = c->open.nonce;
	uint8_t plain[LEN];

	memset(plain, 0x55, sizeof(plain));
	assert_int_equal(try_open(c, sealed, plain), -EBADMSG);
	assert_memory_equal(plain, zero, LEN);
	assert_int_equal(c->open.nonce, nonce);
}

static void each_cipher(void (*test)(struct channel *c))
{
	for (unsigned int i = 0; i < NOISE_CIPHERS; i++) {
		struct channel c;

		begin(&c, (enum noise_cipher)i);
		test(&c);
		end(&c);
	}
}

static void in_place_and_beside(struct channel *c)
{
	uint8_t record[SEALED_LEN];

	memcpy(record, c->plain, LEN);
	seal(c);
	c->seal.nonce = 0;
	assert_int_equal(
		noise_key_seal(&c->seal, aad, sizeof(aad), record, LEN, record),
		0);
	assert_memory_equal(record, c->sealed, SEALED_LEN);
	assert_memory_not_equal(record, c->plain, LEN);
	assert_int_equal(try_open(c, record, record), 0);
	assert_memory_equal(record, c->plain, LEN);
	c->open.nonce = 0;
	must_open(c);
}

static void a_record_is_sealed_in_place_or_beside(void **state)
{
	(void)state;
	each_cipher(in_place_and_beside);
}

static void damage(struct channel *c)
{
	seal(c);
	for (unsigned int bit = 0; bit < 8 * SEALED_LEN; bit++) {
		c->sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
		must_not_open(c, c->sealed);
		c->sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	must_open(c);
}

static void a_damaged_record_does_not_open_and_the_right_one_does(void **state)
{
	(void)state;
	each_cipher(damage);
}

static void damage_aad(struct channel *c)
{
	uint8_t plain[LEN];

	seal(c);
	for (unsigned int bit = 0; bit < 8 * sizeof(aad); bit++) {
		uint8_t header[sizeof(aad)];

		memcpy(header, aad, sizeof(aad));
		header[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(noise_key_open(&c->open, header,
						sizeof(header), c->sealed, LEN,
						plain),
				 -EBADMSG);
	}
	assert_int_equal(noise_key_open(&c->open, aad, sizeof(aad) - 1,
					c->sealed, LEN, plain),
			 -EBADMSG);
	assert_int_equal(
		noise_key_open(&c->open, NULL, 0, c->sealed, LEN, plain),
		-EBADMSG);
	must_open(c);
}

static void the_header_is_authentic_too(void **state)
{
	(void)state;
	each_cipher(damage_aad);
}

static void shuffle(struct channel *c)
{
	uint8_t first[SEALED_LEN];

	seal(c);
	memcpy(first, c->sealed, sizeof(first));
	seal(c);
	assert_memory_not_equal(first, c->sealed, sizeof(first));
	must_not_open(c, c->sealed); /* lost, or too early */
	assert_int_equal(try_open(c, first, first), 0);
	must_open(c);
	must_not_open(c, c->sealed); /* once more */
}

static void records_open_in_their_order_only(void **state)
{
	(void)state;
	each_cipher(shuffle);
}

static void empty(struct channel *c)
{
	uint8_t tag[NOISE_TAG_LEN];

	assert_int_equal(
		noise_key_seal(&c->seal, aad, sizeof(aad), NULL, 0, tag), 0);
	tag[3] ^= 1;
	assert_int_equal(
		noise_key_open(&c->open, aad, sizeof(aad), tag, 0, NULL),
		-EBADMSG);
	tag[3] ^= 1;
	assert_int_equal(
		noise_key_open(&c->open, aad, sizeof(aad), tag, 0, NULL), 0);
	/* Not even a header. */
	assert_int_equal(noise_key_seal(&c->seal, NULL, 0, NULL, 0, tag), 0);
	assert_int_equal(noise_key_open(&c->open, NULL, 0, tag, 0, NULL), 0);
}

static void a_record_may_be_empty(void **state)
{
	(void)state;
	each_cipher(empty);
}

static void longest(struct channel *c)
{
	static uint8_t record[NOISE_MESSAGE_LEN_MAX];

	memset(record, 0x77, sizeof(record));
	assert_int_equal(
		noise_key_seal(&c->seal, NULL, 0, record, LONGEST, record), 0);
	assert_int_equal(
		noise_key_open(&c->open, NULL, 0, record, LONGEST, record), 0);
	for (size_t i = 0; i < LONGEST; i++)
		assert_int_equal(record[i], 0x77);
}

static void a_record_may_be_as_long_as_a_message(void **state)
{
	(void)state;
	each_cipher(longest);
}

static void exhaust(struct channel *c)
{
	uint8_t plain[LEN];

	c->seal.nonce = c->open.nonce = NOISE_NONCE_MAX - 1;
	seal(c);
	must_open(c);
	assert_int_equal(noise_key_seal(&c->seal, aad, sizeof(aad), c->plain,
					LEN, c->sealed),
			 -EKEYEXPIRED);
	assert_int_equal(try_open(c, c->sealed, plain), -EKEYEXPIRED);
	/* For ever. */
	c->seal.nonce = c->open.nonce = UINT64_MAX;
	assert_int_equal(noise_key_seal(&c->seal, aad, sizeof(aad), c->plain,
					LEN, c->sealed),
			 -EKEYEXPIRED);
	assert_int_equal(try_open(c, c->sealed, plain), -EKEYEXPIRED);
	assert_int_equal(c->seal.nonce, UINT64_MAX);
}

static void numbers_come_to_an_end(void **state)
{
	(void)state;
	each_cipher(exhaust);
}

static void rekey(struct channel *c)
{
	uint8_t old[SEALED_LEN];

	seal(c);
	must_open(c);
	c->seal.nonce = 1;
	seal(c);
	memcpy(old, c->sealed, sizeof(old));
	c->seal.nonce = 1;
	assert_int_equal(noise_key_rekey(&c->seal), 0);
	assert_int_equal(c->seal.nonce, 1); /* is not reset */
	seal(c);
	assert_memory_not_equal(old, c->sealed, sizeof(old));
	must_not_open(c, c->sealed);
	assert_int_equal(noise_key_rekey(&c->open), 0);
	assert_int_equal(c->open.nonce, 1);
	must_not_open(c, old);
	must_open(c);
	for (unsigned int i = 0; i < ROUNDS; i++) {
		assert_int_equal(noise_key_rekey(&c->seal), 0);
		seal(c);
		assert_int_equal(noise_key_rekey(&c->open), 0);
		must_open(c);
	}
}

static void both_ends_change_the_key(void **state)
{
	(void)state;
	each_cipher(rekey);
}

static void count_allocations(struct channel *c)
{
	unsigned long before;

	seal(c);
	must_open(c);
	before = n_alloc;
	for (unsigned int i = 0; i < ROUNDS; i++) {
		seal(c);
		must_not_open(c, c->plain); /* as good as any wrong bytes */
		must_open(c);
		assert_int_equal(noise_key_rekey(&c->seal), 0);
		assert_int_equal(noise_key_rekey(&c->open), 0);
	}
	assert_int_equal(n_alloc, before);
}

static void nothing_is_allocated_for_a_record(void **state)
{
	(void)state;
	assert_true(n_alloc > 0); /* the counter works */
	each_cipher(count_allocations);
}

static void *counting_malloc(size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	n_alloc++;
	return malloc(size);
}

static void *counting_realloc(void *at, size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	n_alloc++;
	return realloc(at, size);
}

static void uncounted_free(void *at, const char *file, int line)
{
	(void)file;
	(void)line;
	free(at);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_record_is_sealed_in_place_or_beside),
		cmocka_unit_test(
			a_damaged_record_does_not_open_and_the_right_one_does),
		cmocka_unit_test(the_header_is_authentic_too),
		cmocka_unit_test(records_open_in_their_order_only),
		cmocka_unit_test(a_record_may_be_empty),
		cmocka_unit_test(a_record_may_be_as_long_as_a_message),
		cmocka_unit_test(numbers_come_to_an_end),
		cmocka_unit_test(both_ends_change_the_key),
		cmocka_unit_test(nothing_is_allocated_for_a_record),
	};

	/* Only before libcrypto has allocated anything. */
	if (CRYPTO_set_mem_functions(counting_malloc, counting_realloc,
				     uncounted_free) != 1)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
