/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of X25519: RFC 7748, and the points it is not to be used with. */
#include "trunk/noise/pair.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bits.h"

static struct noise_crypto crypto;

static int open_crypto(void **state)
{
	(void)state;
	return noise_crypto_init(&crypto);
}

static int close_crypto(void **state)
{
	(void)state;
	noise_crypto_fini(&crypto);
	noise_crypto_fini(&crypto);
	return 0;
}

static void from_hex(const char *hex, uint8_t ret_key[NOISE_KEY_LEN])
{
	assert_int_equal(strlen(hex), 2 * NOISE_KEY_LEN);
	for (size_t i = 0; i < NOISE_KEY_LEN; i++) {
		const char digits[] = { hex[2 * i], hex[2 * i + 1], '\0' };

		ret_key[i] = (uint8_t)strtoul(digits, NULL, 16);
	}
}

static void init(struct noise_pair *pair, const char *secret)
{
	uint8_t key[NOISE_KEY_LEN];

	from_hex(secret, key);
	assert_int_equal(noise_pair_init(pair, &crypto, key), 0);
}

static const struct vector {
	const char *secret;
	const char *public_key;
	const char *shared;
} vectors[] = {
	/* Section 5.2, the first of them. */
	{ "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
	  "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
	  "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552" },
	/* Section 5.2, one turn: the base point is scalar and point. */
	{ "0900000000000000000000000000000000000000000000000000000000000000",
	  "0900000000000000000000000000000000000000000000000000000000000000",
	  "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079" },
};

static void two_pairs_agree(void **state)
{
	uint8_t shared[2][NOISE_KEY_LEN];
	struct noise_pair alice;
	struct noise_pair bob;

	(void)state;
	init(&alice, vectors[0].secret);
	init(&bob, vectors[1].secret);
	assert_int_equal(
		noise_pair_agree(&alice, &crypto, bob.public_key, shared[0]),
		0);
	assert_int_equal(
		noise_pair_agree(&bob, &crypto, alice.public_key, shared[1]),
		0);
	assert_memory_equal(shared[0], shared[1], NOISE_KEY_LEN);
	noise_pair_fini(&alice);
	noise_pair_fini(&bob);
	noise_pair_fini(&bob);
}

static void secrets_are_those_of_the_rfc(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
		struct noise_pair pair;
		uint8_t key[NOISE_KEY_LEN];
		uint8_t want[NOISE_KEY_LEN];
		uint8_t shared[NOISE_KEY_LEN];

		init(&pair, vectors[i].secret);
		from_hex(vectors[i].public_key, key);
		from_hex(vectors[i].shared, want);
		assert_int_equal(noise_pair_agree(&pair, &crypto, key, shared),
				 0);
		assert_memory_equal(shared, want, sizeof(want));
		noise_pair_fini(&pair);
	}
}

/* Those whose multiple by 8 is the neutral element. */
static const char *const low_order[] = {
	"0000000000000000000000000000000000000000000000000000000000000000",
	"0100000000000000000000000000000000000000000000000000000000000000",
	"e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
	"5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
	"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
};

static const char *const other_spellings[] = {
	"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"f6ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"0900000000000000000000000000000000000000000000000000000000000080",
	"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
	"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
};

/* Close to the limit from below, and with its bytes in other places. */
static const char *const canonical[] = {
	"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe7f",
	"fffefffffffffffffffffffffffffffffffffffffffffffffffffffffffffe7f",
	"fffeffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7e",
	"0900000000000000000000000000000000000000000000000000000000000000",
};

static void must_refuse(const char *hex)
{
	static const uint8_t zero[NOISE_KEY_LEN];
	uint8_t shared[NOISE_KEY_LEN];
	uint8_t key[NOISE_KEY_LEN];
	struct noise_pair pair;

	print_message("%s\n", hex);
	init(&pair, vectors[0].secret);
	from_hex(hex, key);
	memset(shared, 0x55, sizeof(shared));
	assert_int_equal(noise_pair_agree(&pair, &crypto, key, shared),
			 -EBADMSG);
	assert_memory_equal(shared, zero, sizeof(zero));
	/* The refusal leaves nothing behind. */
	from_hex(vectors[0].public_key, key);
	assert_int_equal(noise_pair_agree(&pair, &crypto, key, shared), 0);
	from_hex(vectors[0].shared, key);
	assert_memory_equal(shared, key, sizeof(key));
	noise_pair_fini(&pair);
}

static void low_order_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(low_order); i++)
		must_refuse(low_order[i]);
}

static void other_spellings_are_refused(void **state)
{
	uint8_t key[NOISE_KEY_LEN];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(other_spellings); i++) {
		from_hex(other_spellings[i], key);
		assert_false(noise_public_key_is_canonical(key));
		must_refuse(other_spellings[i]);
	}
	for (size_t i = 0; i < ARRAY_LEN(canonical); i++) {
		from_hex(canonical[i], key);
		assert_true(noise_public_key_is_canonical(key));
	}
	for (size_t i = 0; i < ARRAY_LEN(low_order); i++) {
		from_hex(low_order[i], key);
		assert_true(noise_public_key_is_canonical(key));
	}
}

static void nothing_can_be_ended(void **state)
{
	struct noise_pair pair = { NULL, NULL, { 0 } };

	(void)state;
	noise_pair_fini(&pair);
}

static void the_system_has_randomness(void **state)
{
	uint8_t one[NOISE_KEY_LEN] = { 0 };
	uint8_t two[NOISE_KEY_LEN] = { 0 };

	(void)state;
	assert_int_equal(noise_random_system(NULL, one, sizeof(one)), 0);
	assert_int_equal(noise_random_system(NULL, two, sizeof(two)), 0);
	assert_memory_not_equal(one, two, sizeof(one));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_pairs_agree),
		cmocka_unit_test(secrets_are_those_of_the_rfc),
		cmocka_unit_test(low_order_is_refused),
		cmocka_unit_test(other_spellings_are_refused),
		cmocka_unit_test(nothing_can_be_ended),
		cmocka_unit_test(the_system_has_randomness),
	};

	return cmocka_run_group_tests(tests, open_crypto, close_crypto);
}
