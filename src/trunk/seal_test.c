/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of one direction under keys that follow each other. */
#include "trunk/seal.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum {
	BEGIN = 100, /* ns, when the keys were made */
};

struct ends {
	struct noise_crypto crypto;
	struct seal send, receive;
};

static void begin(struct ends *ends, enum noise_cipher cipher)
{
	static const uint8_t secret[NOISE_KEY_LEN] =
		"a key of thirty-two bytes";
	struct noise_key key;

	memset(ends, 0, sizeof(*ends));
	assert_int_equal(noise_crypto_init(&ends->crypto), 0);
	assert_int_equal(
		noise_key_init(&key, &ends->crypto, cipher, NOISE_SEAL, secret),
		0);
	seal_begin(&ends->send, &key, BEGIN);
	assert_null(key.ctx);
	assert_int_equal(
		noise_key_init(&key, &ends->crypto, cipher, NOISE_OPEN, secret),
		0);
	seal_begin(&ends->receive, &key, BEGIN);
}

static void end(struct ends *ends)
{
	seal_fini(&ends->send);
	seal_fini(&ends->receive);
	seal_fini(&ends->send);
	noise_crypto_fini(&ends->crypto);
}

static int pass_record(struct ends *ends)
{
	uint8_t record[8 + NOISE_TAG_LEN];

	assert_int_equal(noise_key_seal(&ends->send.key, "aad", 3,
					(const uint8_t *)"payload", 8, record),
			 0);
	return noise_key_open(&ends->receive.key, "aad", 3, record, 8, record);
}

static void test_keys_follow_each_other(void **state)
{
	static const enum noise_cipher ciphers[] = { NOISE_CHACHAPOLY,
						     NOISE_AESGCM };

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct ends ends;

		begin(&ends, ciphers[i]);
		for (uint64_t n = 0; n < 20; n++) {
			assert_int_equal(pass_record(&ends), 0);
			assert_int_equal(ends.send.n_key, n);
			assert_int_equal(seal_rekey(&ends.send, 200 + n), 0);
			assert_int_equal(seal_rekey(&ends.receive, 0), 0);
			/* The number of the record goes on. */
			assert_int_equal(ends.send.key.nonce, n + 1);
			assert_int_equal(ends.send.first_record, n + 1);
			assert_int_equal(ends.send.since_ns, 200 + n);
			assert_int_equal(ends.send.bytes, 0);
		}
		end(&ends);
	}
}

static void test_the_old_key_does_not_open(void **state)
{
	struct ends ends;

	(void)state;
	begin(&ends, NOISE_AESGCM);
	assert_int_equal(seal_rekey(&ends.send, 0), 0);
	assert_int_equal(pass_record(&ends), -EBADMSG);
	end(&ends);
}

static void test_old(void **state)
{
	const uint64_t young = BEGIN + SEAL_AGE_MIN_NS;
	const struct seal_life life = { .records = 3,
					.bytes = 1000,
					.ns = SEAL_AGE_MIN_NS + 50 };
	struct ends ends;

	(void)state;
	begin(&ends, NOISE_CHACHAPOLY);
	assert_false(seal_is_old(&ends.send, &life, young + 49));
	assert_true(seal_is_old(&ends.send, &life, young + 50));
	ends.send.bytes = 999;
	assert_false(seal_is_old(&ends.send, &life, young));
	ends.send.bytes = 1000;
	assert_true(seal_is_old(&ends.send, &life, young));
	ends.send.bytes = 0;
	for (int i = 0; i < 3; i++) {
		assert_false(seal_is_old(&ends.send, &life, young));
		assert_int_equal(pass_record(&ends), 0);
	}
	assert_true(seal_is_old(&ends.send, &life, young));
	assert_int_equal(seal_rekey(&ends.send, young), 0);
	assert_false(seal_is_old(&ends.send, &life, young));
	end(&ends);
}

/* Whatever it has done; but not beyond what the cipher is good for. */
static void test_a_young_key_is_kept(void **state)
{
	const struct seal_life life = { .records = 1, .bytes = 1, .ns = 1 };
	const uint64_t young = BEGIN + SEAL_AGE_MIN_NS - 1;
	struct ends ends;

	(void)state;
	begin(&ends, NOISE_CHACHAPOLY);
	ends.send.bytes = UINT64_MAX;
	ends.send.key.nonce = SEAL_RECORDS_OLD - 1;
	assert_false(seal_is_old(&ends.send, &life, young));
	assert_true(seal_is_old(&ends.send, &life, young + 1));
	ends.send.key.nonce++;
	assert_true(seal_is_old(&ends.send, &life, BEGIN));
	end(&ends);
}

static void test_worn(void **state)
{
	struct ends ends;

	(void)state;
	begin(&ends, NOISE_CHACHAPOLY);
	ends.send.key.nonce = SEAL_RECORDS_MAX - 1;
	assert_false(seal_is_worn(&ends.send));
	ends.send.key.nonce++;
	assert_true(seal_is_worn(&ends.send));
	assert_int_equal(seal_rekey(&ends.send, 0), 0);
	assert_false(seal_is_worn(&ends.send));
	end(&ends);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys_follow_each_other),
		cmocka_unit_test(test_the_old_key_does_not_open),
		cmocka_unit_test(test_old),
		cmocka_unit_test(test_a_young_key_is_kept),
		cmocka_unit_test(test_worn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
