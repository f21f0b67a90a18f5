/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the gate of a listener, just under and just over its limits. */
#include "trunk/gate.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

struct rig {
	struct noise_crypto crypto;
	struct gate gate;
};

static int fill(void *user, uint8_t *ret_bytes, size_t len)
{
	memset(ret_bytes, *(const uint8_t *)user, len);
	return 0;
}

static int no_random(void *user, uint8_t *ret_bytes, size_t len)
{
	(void)user;
	(void)ret_bytes;
	(void)len;
	return -ENOSYS;
}

static void start(struct rig *rig, uint8_t seed)
{
	assert_int_equal(noise_crypto_init(&rig->crypto), 0);
	assert_int_equal(gate_init(&rig->gate, fill, &seed), 0);
}

static int enter(struct rig *rig, uint32_t source, unsigned int *ret_place)
{
	return gate_enter(&rig->gate, &rig->crypto, &source, sizeof(source),
			  ret_place);
}

static void test_sixteen_of_a_source(void **state)
{
	unsigned int place[GATE_SOURCE_PLACES + 1];
	struct rig rig;

	(void)state;
	start(&rig, 1);
	for (unsigned int i = 0; i < GATE_SOURCE_PLACES; i++)
		assert_int_equal(enter(&rig, 7, &place[i]), GATE_ENTERED);
	assert_int_equal(enter(&rig, 7, &place[16]), GATE_SOURCE_FULL);
	assert_int_equal(enter(&rig, 8, &place[16]), GATE_ENTERED);
	gate_leave(&rig.gate, place[16]);
	assert_int_equal(enter(&rig, 7, &place[16]), GATE_SOURCE_FULL);
	gate_leave(&rig.gate, place[3]);
	assert_int_equal(enter(&rig, 7, &place[3]), GATE_ENTERED);
	assert_int_equal(enter(&rig, 7, &place[16]), GATE_SOURCE_FULL);
	noise_crypto_fini(&rig.crypto);
}

static void test_256_in_all(void **state)
{
	bool is_seen[GATE_PLACES] = { false };
	unsigned int place = 0;
	struct rig rig;

	(void)state;
	start(&rig, 1);
	for (uint32_t i = 0; i < GATE_PLACES; i++) {
		assert_int_equal(enter(&rig, i / GATE_SOURCE_PLACES, &place),
				 GATE_ENTERED);
		assert_in_range(place, 0, GATE_PLACES - 1);
		assert_false(is_seen[place]);
		is_seen[place] = true;
	}
	place = 1000;
	assert_int_equal(enter(&rig, 99, &place), GATE_FULL);
	/* Whose own limit is reached hears of that. */
	assert_int_equal(enter(&rig, 0, &place), GATE_SOURCE_FULL);
	assert_int_equal(place, 1000);
	gate_leave(&rig.gate, 200);
	assert_int_equal(enter(&rig, 99, &place), GATE_ENTERED);
	assert_int_equal(place, 200);
	assert_int_equal(enter(&rig, 99, &place), GATE_FULL);
	noise_crypto_fini(&rig.crypto);
}

/* Any bytes are a source, none as well; one is not the start of another. */
static void test_sources_are_strings_of_bytes(void **state)
{
	static const uint8_t bytes[300];
	unsigned int place;
	struct rig rig;

	(void)state;
	start(&rig, 1);
	for (size_t len = 0; len <= sizeof(bytes); len += 30)
		for (unsigned int i = 0; i < GATE_SOURCE_PLACES; i++)
			assert_int_equal(gate_enter(&rig.gate, &rig.crypto,
						    bytes, len, &place),
					 GATE_ENTERED);
	for (size_t len = 0; len <= sizeof(bytes); len += 30)
		assert_int_equal(
			gate_enter(&rig.gate, &rig.crypto, bytes, len, &place),
			GATE_SOURCE_FULL);
	noise_crypto_fini(&rig.crypto);
}

static void test_what_is_kept_depends_on_the_key(void **state)
{
	struct rig a, b, same;
	unsigned int place[3];

	(void)state;
	start(&a, 1);
	start(&b, 2);
	start(&same, 1);
	assert_int_equal(enter(&a, 7, &place[0]), GATE_ENTERED);
	assert_int_equal(enter(&b, 7, &place[1]), GATE_ENTERED);
	assert_int_equal(enter(&same, 7, &place[2]), GATE_ENTERED);
	assert_memory_not_equal(a.gate.place[place[0]].source,
				b.gate.place[place[1]].source, GATE_HASH_LEN);
	assert_memory_equal(a.gate.place[place[0]].source,
			    same.gate.place[place[2]].source, GATE_HASH_LEN);
	noise_crypto_fini(&a.crypto);
	noise_crypto_fini(&b.crypto);
	noise_crypto_fini(&same.crypto);
}

static void test_no_key_without_randomness(void **state)
{
	struct gate gate;

	(void)state;
	assert_int_equal(gate_init(&gate, no_random, NULL), -ENOSYS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sixteen_of_a_source),
		cmocka_unit_test(test_256_in_all),
		cmocka_unit_test(test_sources_are_strings_of_bytes),
		cmocka_unit_test(test_what_is_kept_depends_on_the_key),
		cmocka_unit_test(test_no_key_without_randomness),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
