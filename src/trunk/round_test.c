/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of deficit round robin: whose turn it is. */
#include "trunk/round.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <vif/trunk.h>

enum {
	QUANTUM = 1000,
	MEMBERS = 3,
};

struct ring {
	struct round round;
	struct round_member member[MEMBERS];
};

static void ring_init(struct ring *ring)
{
	round_init(&ring->round, QUANTUM);
	for (int i = 0; i < MEMBERS; i++) {
		round_member_init(&ring->member[i], VIF_WEIGHT_DEFAULT);
		round_join(&ring->round, &ring->member[i]);
	}
}

static void a_quantum_is_a_turn(void **state)
{
	struct ring ring;

	(void)state;
	ring_init(&ring);
	for (int i = 0; i < 2 * MEMBERS; i++) {
		struct round_member *member = &ring.member[i % MEMBERS];

		assert_ptr_equal(round_next(&ring.round), member);
		round_charge(&ring.round, member, QUANTUM - 1);
		assert_ptr_equal(round_next(&ring.round), member);
		round_charge(&ring.round, member, 1);
	}
}

static void a_debt_is_paid_in_the_next_turn(void **state)
{
	struct ring ring;

	(void)state;
	ring_init(&ring);
	assert_ptr_equal(round_next(&ring.round), &ring.member[0]);
	round_charge(&ring.round, &ring.member[0], 2 * QUANTUM);
	for (int i = 1; i < MEMBERS; i++) {
		assert_ptr_equal(round_next(&ring.round), &ring.member[i]);
		round_charge(&ring.round, &ring.member[i], QUANTUM);
	}
	/* The first one is passed over, once. */
	assert_ptr_equal(round_next(&ring.round), &ring.member[1]);
	round_charge(&ring.round, &ring.member[1], QUANTUM);
	round_charge(&ring.round, round_next(&ring.round), QUANTUM);
	assert_ptr_equal(round_next(&ring.round), &ring.member[0]);
}

/* What is sent out of turn is paid for, but the place is not lost. */
static void who_is_charged_while_waiting_keeps_its_place(void **state)
{
	struct ring ring;

	(void)state;
	ring_init(&ring);
	assert_ptr_equal(round_next(&ring.round), &ring.member[0]);
	round_charge(&ring.round, &ring.member[1], 16);
	round_charge(&ring.round, &ring.member[0], QUANTUM);
	assert_ptr_equal(round_next(&ring.round), &ring.member[1]);
	assert_int_equal(ring.member[1].deficit, QUANTUM - 16);
}

static void alone_is_who_has_no_company(void **state)
{
	struct ring ring;

	(void)state;
	ring_init(&ring);
	round_leave(&ring.member[0]);
	assert_false(round_is_alone(&ring.round, &ring.member[1]));
	round_leave(&ring.member[2]);
	assert_true(round_is_alone(&ring.round, &ring.member[1]));
	assert_false(round_is_alone(&ring.round, &ring.member[0]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_quantum_is_a_turn),
		cmocka_unit_test(a_debt_is_paid_in_the_next_turn),
		cmocka_unit_test(who_is_charged_while_waiting_keeps_its_place),
		cmocka_unit_test(alone_is_who_has_no_company),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
