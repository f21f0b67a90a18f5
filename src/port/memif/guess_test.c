/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the limit of guesses. */
#include "port/memif/guess.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static unsigned int guess_until_used_up(struct memif_guesses *guesses,
					uid_t uid, uint64_t now_ns)
{
	unsigned int n = 0;

	for (; !memif_guesses_used_up(guesses, uid, now_ns); n++)
		memif_guesses_wrong(guesses, uid, now_ns);
	return n;
}

static void guesses_are_used_up_and_come_back(void **state)
{
	struct memif_guesses guesses = { 0 };
	uint64_t now = 12345;

	(void)state;
	assert_int_equal(guess_until_used_up(&guesses, 7, now),
			 MEMIF_GUESSES_MAX);
	now += MEMIF_GUESS_NS - 1;
	assert_true(memif_guesses_used_up(&guesses, 7, now));
	now += 1;
	assert_int_equal(guess_until_used_up(&guesses, 7, now), 1);
	now += 3 * MEMIF_GUESS_NS;
	assert_int_equal(guess_until_used_up(&guesses, 7, now), 3);
	now += 1000 * MEMIF_GUESS_NS;
	assert_int_equal(guess_until_used_up(&guesses, 7, now),
			 MEMIF_GUESSES_MAX);
	/* A wrong one while there are none left does not count twice. */
	memif_guesses_wrong(&guesses, 7, now);
	assert_int_equal(guess_until_used_up(&guesses, 7, now + MEMIF_GUESS_NS),
			 1);
}

/* Over a long time no more than one each second, whatever the rhythm. */
static void the_rate_holds(void **state)
{
	struct memif_guesses guesses = { 0 };
	unsigned int n = 0;
	uint64_t now;

	(void)state;
	for (now = 0; now < 100 * MEMIF_GUESS_NS; now += MEMIF_GUESS_NS / 7)
		n += guess_until_used_up(&guesses, 7, now);
	assert_in_range(n, 99, 100 + MEMIF_GUESSES_MAX);
}

static void users_do_not_share(void **state)
{
	struct memif_guesses guesses = { 0 };

	(void)state;
	(void)guess_until_used_up(&guesses, 7, 1);
	for (uid_t uid = 100; uid < 100 + 3 * MEMIF_GUESSERS_MAX; uid++) {
		assert_false(memif_guesses_used_up(&guesses, uid, 1));
		memif_guesses_wrong(&guesses, uid, 1);
	}
	/* Many users with few guesses do not push out one with many. */
	assert_true(memif_guesses_used_up(&guesses, 7, 1));
}

static void time_may_stand_still_or_go_back(void **state)
{
	struct memif_guesses guesses = { 0 };

	(void)state;
	(void)guess_until_used_up(&guesses, 7, 10 * MEMIF_GUESS_NS);
	assert_true(memif_guesses_used_up(&guesses, 7, 0));
	assert_true(memif_guesses_used_up(&guesses, 7, 10 * MEMIF_GUESS_NS));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(guesses_are_used_up_and_come_back),
		cmocka_unit_test(the_rate_holds),
		cmocka_unit_test(users_do_not_share),
		cmocka_unit_test(time_may_stand_still_or_go_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
