/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of deficit round robin in the long run: its bound, weights, debts. */
#include "trunk/round.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <vif/trunk.h>

enum { QUANTUM = 1000, MEMBERS = 4 };

/* Bytes that each member has sent after many turns of len bytes. */
static void play(struct round *round, struct round_member *member,
		 const uint32_t *len, uint64_t *sent, int turns)
{
	for (int i = 0; i < turns; i++) {
		struct round_member *next = round_next(round);
		long who = next - member;

		assert_non_null(next);
		assert_in_range(who, 0, MEMBERS - 1);
		assert_true(next->deficit > 0);
		sent[who] += len[who];
		round_charge(round, next, len[who]);
	}
}

static void init(struct round *round, struct round_member *member,
		 const uint32_t *weight)
{
	round_init(round, QUANTUM);
	for (int i = 0; i < MEMBERS; i++) {
		round_member_init(&member[i], weight[i]);
		round_join(round, &member[i]);
		round_join(round, &member[i]); /* no matter */
	}
}

static void test_nobody(void **state)
{
	struct round_member member;
	struct round round;

	(void)state;
	round_init(&round, QUANTUM);
	assert_null(round_next(&round));
	round_member_init(&member, 1);
	round_leave(&member);
	round_join(&round, &member);
	assert_ptr_equal(round_next(&round), &member);
	round_leave(&member);
	assert_null(round_next(&round));
}

/* F4: little records and large ones get the same bytes. */
static void test_fair_by_bytes(void **state)
{
	const uint32_t weight[MEMBERS] = { 16, 16, 16, 16 };
	const uint32_t len[MEMBERS] = { 1, 100, 999, 16400 };
	struct round_member member[MEMBERS];
	uint64_t sent[MEMBERS] = { 0 };
	struct round round;

	(void)state;
	init(&round, member, weight);
	play(&round, member, len, sent, 300000);
	for (int i = 1; i < MEMBERS; i++) {
		uint64_t far = sent[i] > sent[0] ? sent[i] - sent[0] :
						   sent[0] - sent[i];

		/* The bound of the scheme: a quantum and two of the largest. */
		assert_true(far <= QUANTUM + 2 * 16400);
	}
	assert_true(sent[0] > 100000);
}

static void test_weights(void **state)
{
	const uint32_t weight[MEMBERS] = { 1, 16, 32, 256 };
	const uint32_t len[MEMBERS] = { 500, 500, 500, 500 };
	struct round_member member[MEMBERS];
	uint64_t sent[MEMBERS] = { 0 };
	struct round round;

	(void)state;
	init(&round, member, weight);
	play(&round, member, len, sent, 200000);
	for (int i = 1; i < MEMBERS; i++) {
		uint64_t want = sent[0] * weight[i] / weight[0];

		assert_in_range(sent[i], want - want / 20, want + want / 20);
	}
}

/* Who comes and goes with each record pays for what it took too much. */
static void test_debts_are_not_forgotten(void **state)
{
	struct round_member honest, jumper;
	struct round round;
	uint64_t sent[2] = { 0 };

	(void)state;
	round_init(&round, QUANTUM);
	round_member_init(&honest, 16);
	round_member_init(&jumper, 16);
	round_join(&round, &honest);
	for (int i = 0; i < 20000; i++) {
		struct round_member *next;

		round_join(&round, &jumper);
		next = round_next(&round);
		sent[next == &jumper] += next == &jumper ? 16400 : 100;
		round_charge(&round, next, next == &jumper ? 16400 : 100);
		if (next == &jumper)
			round_leave(&jumper);
	}
	assert_true(sent[1] <= sent[0] + QUANTUM + 2 * 16400);
	assert_true(sent[1] > sent[0] / 2);
}

/* But who had nothing to send saves nothing up. */
static void test_deficits_are_forgotten(void **state)
{
	struct round_member member;
	struct round round;

	(void)state;
	round_init(&round, QUANTUM);
	round_member_init(&member, 16);
	for (int i = 0; i < 100; i++) {
		round_join(&round, &member);
		assert_ptr_equal(round_next(&round), &member);
		assert_int_equal(member.deficit, QUANTUM);
		round_leave(&member);
	}
}

static void test_no_debt_is_endless(void **state)
{
	struct round_member member;
	struct round round;

	(void)state;
	round_init(&round, 1);
	round_member_init(&member, VIF_WEIGHT_MAX);
	for (int i = 0; i < 10000; i++)
		round_charge(&round, &member, 1 << 20);
	assert_true(member.deficit >= -(1 << 20));
	round_join(&round, &member);
	assert_ptr_equal(round_next(&round), &member);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nobody),
		cmocka_unit_test(test_fair_by_bytes),
		cmocka_unit_test(test_weights),
		cmocka_unit_test(test_debts_are_not_forgotten),
		cmocka_unit_test(test_deficits_are_forgotten),
		cmocka_unit_test(test_no_debt_is_endless),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
