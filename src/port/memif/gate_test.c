/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the gate between a data thread and the control thread. */
#include "port/memif/gate.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void shut_gate_lets_nobody_in(void **state)
{
	struct gate gate = { 0 };

	(void)state;
	assert_true(gate_is_shut(&gate));
	assert_false(gate_enter(&gate));
	gate_open(&gate);
	assert_false(gate_is_shut(&gate));
	assert_true(gate_enter(&gate));
	assert_true(gate_is_inside(&gate));
	assert_false(gate_is_shutting(&gate));
	assert_false(gate_enter(&gate)); /* once at a time */
	assert_false(gate_leave(&gate));
	assert_true(gate_shut(&gate));
	assert_true(gate_shut(&gate));
	assert_false(gate_enter(&gate));
}

static void gate_closes_behind_the_last(void **state)
{
	struct gate gate = { 0 };

	(void)state;
	gate_open(&gate);
	assert_true(gate_enter(&gate));
	assert_false(gate_shut(&gate));
	assert_false(gate_is_shut(&gate));
	assert_false(gate_shut(&gate));
	assert_true(gate_is_inside(&gate));
	assert_true(gate_is_shutting(&gate));
	assert_true(gate_leave(&gate));
	assert_true(gate_is_shut(&gate));
	assert_false(gate_enter(&gate));
	gate_open(&gate);
	assert_true(gate_enter(&gate));
}

enum { TURNS = 20000 };

struct race {
	struct gate gate;
	int *memory; /* NULL while the gate is shut */
	atomic_bool done;
	uint64_t entered;
};

static void *go_in_and_out(void *argument)
{
	struct race *race = argument;

	while (!atomic_load(&race->done)) {
		if (!gate_enter(&race->gate))
			continue;
		*race->memory += 1;
		race->entered++;
		(void)gate_leave(&race->gate);
	}
	return NULL;
}

/* Memory is never taken away from somebody inside; TSan looks, too. */
static void memory_stays_while_somebody_is_inside(void **state)
{
	static struct race race;
	int memory = 0;
	pthread_t thread;
	uint64_t n = 0;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, go_in_and_out, &race),
			 0);
	for (int i = 0; i < TURNS; i++) {
		race.memory = &memory;
		gate_open(&race.gate);
		if (!gate_shut(&race.gate))
			while (!gate_is_shut(&race.gate))
				;
		n = (uint64_t)memory;
		race.memory = NULL;
	}
	atomic_store(&race.done, true);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(n, race.entered);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shut_gate_lets_nobody_in),
		cmocka_unit_test(gate_closes_behind_the_last),
		cmocka_unit_test(memory_stays_while_somebody_is_inside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
