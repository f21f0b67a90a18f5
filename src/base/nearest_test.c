/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of "did you mean". */
#include "base/nearest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/bits.h"

#define LETTERS_32 "abcdefghijklmnopqrstuvwxyz012345"

struct distance_case {
	const char *a;
	const char *b;
	size_t distance;
};

static const struct distance_case distances[] = {
	{ "", "", 0 },
	{ "", "abc", 3 },
	{ "queues", "queues", 0 },
	{ "queues", "queue", 1 },   /* left out */
	{ "queues", "queuess", 1 }, /* one more */
	{ "queues", "quexes", 1 },  /* changed */
	{ "queues", "qeuues", 1 },  /* swapped */
	{ "ab", "ba", 1 },
	{ "mtu", "mut", 1 },
	{ "ca", "abc", 3 }, /* no edit inside a swap */
	{ "kitten", "sitting", 3 },
	{ "offload", "up", 7 },
	{ "Mtu", "mtu", 1 }, /* case counts */
	{ LETTERS_32, LETTERS_32, 0 },
	{ LETTERS_32, "", 32 },
	{ LETTERS_32 "x", LETTERS_32 "x", NEAREST_WORD_MAX },
	{ LETTERS_32 "x", "a", NEAREST_WORD_MAX },
};

static void distance_is_symmetric(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(distances); i++) {
		const struct distance_case *c = &distances[i];

		if (nearest_distance(c->a, c->b) != c->distance ||
		    nearest_distance(c->b, c->a) != c->distance)
			fail_msg("%s, %s: %zu and %zu, not %zu", c->a, c->b,
				 nearest_distance(c->a, c->b),
				 nearest_distance(c->b, c->a), c->distance);
	}
}

static void a_third_may_be_wrong(void **state)
{
	static const size_t longest[] = {
		/* largest worthy distance of words of 0, 1, ... letters */
		0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3, 3,
	};

	(void)state;
	for (size_t len = 0; len < ARRAY_LEN(longest); len++)
		for (size_t distance = 0; distance < 8; distance++)
			assert_int_equal(nearest_worthy(distance, len) != 0,
					 distance <= longest[len]);
	assert_false(nearest_worthy(4, 32));
}

static void search(void **state)
{
	struct nearest nearest = nearest_to("mtuu");

	(void)state;
	assert_null(nearest_found(&nearest));
	nearest_try(&nearest, "queues");
	assert_null(nearest_found(&nearest));
	nearest_try(&nearest, "mtu");
	nearest_try(&nearest, "mac");
	assert_string_equal(nearest_found(&nearest), "mtu");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(search),
		cmocka_unit_test(distance_is_symmetric),
		cmocka_unit_test(a_third_may_be_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
