/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who waits for room, for whatever reason, learns of the end, however it comes:
 * D5. And the other side learns of a drain all the same: D9.
 *
 * The core has no threads and no call of it waits: who waits has got 0 from a
 * write, and asks for events. So the end is told when the program asks next, in
 * no time at all; what ends by a deadline does so within 50 ms of it, which is
 * how often this program looks at the clock. "Another thread" is the same
 * program, which does something to what another part of it waits for.
 */
#include <errno.h>

#include "tests/trunk_wait.h"

/* How it ends. */
struct end {
	const char *name;
	void (*play)(struct wait *wait);
	int error;        /* that writing gives from then on */
	uint32_t reason;  /* of the flow */
	bool is_told;     /* by an event: who did it himself may know */
	bool is_far;      /* the other side has to say it */
	uint64_t wait_ms; /* until it is to happen; 0: at once */
};

/* By the other side. */

static void far_closes_circuit(struct wait *wait)
{
	assert_int_equal(vif_circuit_close(wait->rig.circuit[1], CODE, NULL),
			 0);
}

static void far_aborts_circuit(struct wait *wait)
{
	vif_circuit_abort(wait->rig.circuit[1], CODE, NULL);
}

static void far_aborts_trunk(struct wait *wait)
{
	vif_trunk_abort(wait->rig.end[1], CODE, NULL);
}

static void far_stops_flow(struct wait *wait)
{
	assert_int_equal(vif_flow_stop(wait->far, CODE), 0);
}

/* By the program itself. */

static void near_aborts_circuit(struct wait *wait)
{
	vif_circuit_abort(wait->rig.circuit[0], CODE, NULL);
}

static void near_closes_circuit(struct wait *wait)
{
	assert_int_equal(vif_circuit_close(wait->rig.circuit[0], CODE, NULL),
			 0);
}

static void near_aborts_trunk(struct wait *wait)
{
	vif_trunk_abort(wait->rig.end[0], CODE, NULL);
}

static void near_closes_trunk(struct wait *wait)
{
	assert_int_equal(vif_trunk_close(wait->rig.end[0], CODE, NULL), 0);
}

static void near_shuts_remote(struct wait *wait)
{
	assert_int_equal(
		vif_trunk_shut_remote(wait->rig.end[0], wait->rig.key[1]), 1);
}

static void near_resets(struct wait *wait)
{
	assert_int_equal(vif_flow_reset(wait->flow, CODE), 0);
}

static void near_finishes(struct wait *wait)
{
	assert_int_equal(vif_flow_finish(wait->flow), 0);
}

static void connection_ends(struct wait *wait)
{
	vif_trunk_receive_end(wait->rig.end[0]);
}

/* By a deadline. */

static void near_drains(struct wait *wait)
{
	assert_int_equal(vif_trunk_drain(wait->rig.end[0]), 0);
}

static void nothing_comes(struct wait *wait)
{
	(void)wait;
}

static const struct end ends[] = {
	{ "the other side aborts the circuit", far_aborts_circuit, -ECONNRESET,
	  CODE, true, true, 0 },
	{ "the other side aborts the trunk", far_aborts_trunk, -ECONNRESET,
	  CODE, true, true, 0 },
	{ "the other side stops the flow", far_stops_flow, -EPIPE, CODE, true,
	  true, 0 },
	{ "we abort the circuit", near_aborts_circuit, -ECONNRESET, CODE, true,
	  false, 0 },
	{ "we close the circuit", near_closes_circuit, -EPIPE, 0, false, false,
	  0 },
	{ "we abort the trunk", near_aborts_trunk, -ECONNRESET, CODE, true,
	  false, 0 },
	{ "we close the trunk", near_closes_trunk, -EPIPE, 0, false, false, 0 },
	{ "we shut all circuits to there", near_shuts_remote, -EPIPE, 0, false,
	  false, 0 },
	{ "we reset the flow", near_resets, -EPIPE, CODE, false, false, 0 },
	{ "we finish the flow", near_finishes, -EPIPE, 0, false, false, 0 },
	{ "the connection ends", connection_ends, -ECONNRESET,
	  VIF_REASON_TRUNCATED, true, false, 0 },
	{ "a drain takes too long", near_drains, -ECONNRESET,
	  VIF_REASON_DRAINING, true, false, DRAIN_MS },
	{ "nothing comes any more", nothing_comes, -ECONNRESET,
	  VIF_REASON_HEALTH, true, false, HEALTH_MS },
};

/* What the other side says arrives; what this one says, if it can. */
static void settle(struct wait *wait, const struct cause *cause)
{
	while (rig_move(&wait->rig, 1) > 0 ||
	       (!cause->is_clogged && rig_move(&wait->rig, 0) > 0))
		rig_listen(&wait->rig, 1);
	wait_take_news(wait);
}

/* Until it happens, or was to happen. Only the program's own clock goes on. */
static void pass(struct wait *wait, const struct end *end)
{
	struct rig *rig = &wait->rig;
	uint64_t due_ns = rig->now_ns + end->wait_ms * MS;

	for (;;) {
		rig->now_ns += LOOK_MS * MS;
		vif_trunk_advance(rig->end[0], rig->now_ns);
		wait_take_news(wait);
		if (rig->now_ns > due_ns)
			return;
		if (rig->now_ns < due_ns)
			assert_false(wait->is_told);
	}
}

static void play(const struct cause *cause, const struct end *end)
{
	struct wait wait = { 0 };
	void *room;
	size_t len;

	wait_start(&wait, cause);
	end->play(&wait);
	if (end->wait_ms > 0)
		pass(&wait, end);
	else if (end->is_far)
		settle(&wait, cause);
	else
		wait_take_news(&wait);
	if (wait.is_told < end->is_told)
		fail_msg("%s, %s: it is not told", cause->name, end->name);
	if (vif_flow_write(wait.flow, wait_bytes, 1) != end->error ||
	    vif_flow_reserve(wait.flow, &room, &len) != end->error)
		fail_msg("%s, %s: a write says %d", cause->name, end->name,
			 (int)vif_flow_write(wait.flow, wait_bytes, 1));
	if (vif_flow_reason(wait.flow) != end->reason)
		fail_msg("%s, %s: the reason is %u", cause->name, end->name,
			 vif_flow_reason(wait.flow));
	rig_fini(&wait.rig);
}

static void test_d5_each_wait_ends(void **state)
{
	(void)state;
	for (size_t c = 0; c < ARRAY_LEN(wait_causes); c++)
		for (size_t e = 0; e < ARRAY_LEN(ends); e++)
			play(&wait_causes[c], &ends[e]);
}

/* In order: what is written there arrives first, then this side knows. */
static void test_d5_far_closes_in_order(void **state)
{
	(void)state;
	for (size_t c = 0; c < ARRAY_LEN(wait_causes); c++) {
		struct wait wait = { 0 };

		wait_start(&wait, &wait_causes[c]);
		far_closes_circuit(&wait);
		settle(&wait, &wait_causes[c]);
		assert_int_equal(vif_flow_write(wait.flow, wait_bytes, 1),
				 -ECONNRESET);
		assert_int_equal(vif_circuit_reason(wait.rig.circuit[0], NULL),
				 CODE);
		assert_true(wait.is_told);
		rig_fini(&wait.rig);
	}
}

static void test_d9_drain_is_not_held_back(void **state)
{
	(void)state;
	for (size_t c = 0; c < ARRAY_LEN(wait_causes); c++) {
		struct wait wait = { 0 };

		if (wait_causes[c].is_clogged)
			continue;
		wait_start(&wait, &wait_causes[c]);
		near_drains(&wait);
		/* In the first bytes that are given out. */
		assert_true(rig_move(&wait.rig, 0) > 0);
		rig_listen(&wait.rig, 1);
		assert_true(rig_saw(&wait.rig, 1, VIF_TRUNK_DRAINING));
		assert_true(wait_causes[c].is_true(&wait));
		rig_fini(&wait.rig);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_d5_each_wait_ends),
		cmocka_unit_test(test_d5_far_closes_in_order),
		cmocka_unit_test(test_d9_drain_is_not_held_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
