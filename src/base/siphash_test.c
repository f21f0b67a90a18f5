/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of SipHash, with the numbers of its authors. */
#include "base/siphash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/*
 * Of 0, 1, 2... with the key 0, 1, 2..., as in vectors.h of the reference
 * implementation; the one of 15 bytes is worked through in the paper.
 */
static const struct {
	size_t len;
	uint64_t hash;
} vector[] = {
	{ 0, UINT64_C(0x726fdb47dd0e0e31) },
	{ 1, UINT64_C(0x74f839c593dc67fd) },
	{ 2, UINT64_C(0x0d6c8009d9a94f5a) },
	{ 3, UINT64_C(0x85676696d7fb7e2d) },
	{ 4, UINT64_C(0xcf2794e0277187b7) },
	{ 5, UINT64_C(0x18765564cd99a68d) },
	{ 6, UINT64_C(0xcbc9466e58fee3ce) },
	{ 7, UINT64_C(0xab0200f58b01d137) },
	{ 8, UINT64_C(0x93f5f5799a932462) },
	{ 9, UINT64_C(0x9e0082df0ba9e4b0) },
	{ 10, UINT64_C(0x7a5dbbc594ddb9f3) },
	{ 11, UINT64_C(0xf4b32f46226bada7) },
	{ 12, UINT64_C(0x751e8fbc860ee5fb) },
	{ 13, UINT64_C(0x14ea5627c0843d90) },
	{ 14, UINT64_C(0xf723ca908e7af2ee) },
	{ 15, UINT64_C(0xa129ca6149be45e5) },
	{ 63, UINT64_C(0x958a324ceb064572) },
};

static void the_published_numbers(void **state)
{
	uint8_t key[SIPHASH_KEY_LEN];

	(void)state;
	for (size_t i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)i;
	for (size_t i = 0; i < sizeof(vector) / sizeof(vector[0]); i++) {
		/* Not a byte more than there is, and anywhere. */
		uint8_t *bytes = malloc(vector[i].len + 1);

		assert_non_null(bytes);
		for (size_t k = 0; k < vector[i].len; k++)
			bytes[k + 1] = (uint8_t)k;
		assert_true(siphash(key, bytes + 1, vector[i].len) ==
			    vector[i].hash);
		free(bytes);
	}
}

static void each_bit_of_the_key_counts(void **state)
{
	uint8_t key[SIPHASH_KEY_LEN] = { 0 };
	uint64_t plain = siphash(key, "vif", 3);

	(void)state;
	for (unsigned int i = 0; i < 8 * sizeof(key); i++) {
		key[i / 8] ^= (uint8_t)(1u << i % 8);
		assert_true(siphash(key, "vif", 3) != plain);
		key[i / 8] ^= (uint8_t)(1u << i % 8);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_published_numbers),
		cmocka_unit_test(each_bit_of_the_key_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
