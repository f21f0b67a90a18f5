/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The receive memory of a process: just below the limit nothing happens, at it
 * nothing new is taken, and what is there goes on.
 */
#include <vif/relay.h>
#include <vif/trunk_stats.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/trunk_budget_rig.h"

/* Two circuits, and room for one more to the byte. */
static void just_under_the_limit_nothing_happens(void **state)
{
	struct vif_trunk_budget *budget =
		budget_make(3 * BUDGET_CIRCUIT, 3 * BUDGET_CIRCUIT);
	struct rig *pair = pair_new(budget);
	struct vif_flow *flow;

	(void)state;
	assert_int_equal(budget_taken(budget), 0);
	assert_int_equal(pair_dial(pair), 0);
	assert_int_equal(pair_dial(pair), 0);
	assert_int_equal(budget_taken(budget), 2 * BUDGET_CIRCUIT);
	assert_int_equal(pair_open(pair, &flow), 0);
	assert_non_null(pair->flow[1]);
	assert_int_equal(pair_dial(pair), 0);
	assert_int_equal(budget_taken(budget), 3 * BUDGET_CIRCUIT);
	assert_int_equal(budget_stats(budget).refused, 0);
	pair_free(pair);
	assert_int_equal(budget_taken(budget), 0);
	assert_int_equal(vif_trunk_budget_free(budget), 0);
}

/* It would refuse each circuit, and never say that it was made in vain. */
static void a_budget_has_room_for_one_circuit(void **state)
{
	static const struct {
		uint64_t limit;
		uint32_t circuit_window; /* 0: the default */
		int r;
	} cases[] = {
		{ BUDGET_CIRCUIT, 0, 0 },
		{ BUDGET_CIRCUIT - 1, 0, -EINVAL },
		{ BUDGET_STEP, BUDGET_STEP, 0 },
		{ BUDGET_STEP, BUDGET_STEP + 1, -EINVAL },
		{ 2 * BUDGET_STEP - 1, BUDGET_STEP + 1, -EINVAL },
		{ 2 * BUDGET_STEP, BUDGET_STEP + 1, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct vif_trunk_budget *budget =
			budget_make(cases[i].limit, 0);
		struct rig *pair = pair_make(budget);
		struct vif_error error = { .why = "" };

		pair->config[1].circuit_window = cases[i].circuit_window;
		assert_int_equal(vif_trunk_new(VIF_TRUNK_ACCEPTER,
					       &pair->config[1], pair->now_ns,
					       &pair->end[1], &error),
				 cases[i].r);
		if (cases[i].r < 0)
			assert_string_equal(
				error.why,
				"the budget has no room for one circuit");
		pair_free(pair);
		assert_int_equal(vif_trunk_budget_free(budget), 0);
	}
}

struct text {
	char bytes[8192];
	size_t len;
};

static void add_text(void *user, const char *bytes, size_t len)
{
	struct text *text = user;

	assert_true(len < sizeof(text->bytes) - text->len);
	memcpy(text->bytes + text->len, bytes, len);
	text->len += len;
}

static void a_dump_tells_of_it(void **state)
{
	struct vif_trunk_budget *budget = budget_make(3 * BUDGET_CIRCUIT, 0);
	struct rig *pair = pair_new(budget);
	static struct text text;
	char wanted[96];

	(void)state;
	assert_int_equal(pair_dial(pair), 0);
	vif_trunk_dump(pair->end[1], add_text, &text);
	(void)snprintf(wanted, sizeof(wanted),
		       "\"budget\":{\"taken\":%zu,\"limit\":%zu,"
		       "\"evicted\":false}",
		       BUDGET_CIRCUIT, 3 * BUDGET_CIRCUIT);
	assert_non_null(strstr(text.bytes, wanted));
	pair_free(pair);
	assert_int_equal(vif_trunk_budget_free(budget), 0);
}

static void at_the_limit_circuits_are_refused(void **state)
{
	struct vif_trunk_budget *budget = budget_make(3 * BUDGET_CIRCUIT, 0);
	struct rig *pair = pair_new(budget), *other = pair_new(budget);
	struct vif_circuit *first;

	(void)state;
	assert_int_equal(pair_dial(pair), 0);
	first = pair->circuit[0];
	assert_int_equal(pair_dial(pair), 0);
	assert_int_equal(pair_dial(other), 0);
	assert_int_equal(pair_dial(pair), VIF_REASON_LIMIT);
	assert_int_equal(pair_dial(other), VIF_REASON_LIMIT);
	assert_int_equal(budget_taken(budget), 3 * BUDGET_CIRCUIT);
	assert_int_equal(budget_stats(budget).refused, 2);
	/* It was safe to repeat, and works when there is room. */
	assert_int_equal(vif_circuit_close(first, 0, NULL), 0);
	rig_run(pair);
	assert_int_equal(budget_taken(budget), 2 * BUDGET_CIRCUIT);
	assert_int_equal(pair_dial(other), 0);
	assert_int_equal(pair_dial(pair), VIF_REASON_LIMIT);
	assert_true(vif_trunk_is_ready(pair->end[1]));
	pair_free(pair);
	assert_int_equal(budget_taken(budget), 2 * BUDGET_CIRCUIT);
	pair_free(other);
	assert_int_equal(budget_taken(budget), 0);
	assert_int_equal(budget_stats(budget).taken_max, 3 * BUDGET_CIRCUIT);
	assert_int_equal(vif_trunk_budget_free(budget), 0);
}

/* A byte less than just under. */
static void at_the_limit_flows_are_refused(void **state)
{
	const uint64_t limit = 2 * BUDGET_CIRCUIT;
	struct vif_trunk_budget *budget = budget_make(limit - 1, limit - 1);
	struct rig *pair = pair_new(budget);
	struct vif_flow *flow;

	(void)state;
	assert_int_equal(pair_dial(pair), 0);
	assert_int_equal(pair_open(pair, &flow), VIF_REASON_LIMIT);
	assert_null(pair->flow[1]);
	assert_int_equal(vif_circuit_reason(pair->circuit[0], NULL), 0);
	assert_int_equal(budget_stats(budget).refused, 1);
	/* Ours nobody has to be kept from. */
	assert_int_equal(vif_flow_open(pair->circuit[1], NULL, &flow), 0);
	assert_int_equal(vif_flow_write(flow, "y", 1), 1);
	rig_run(pair);
	assert_non_null(pair->flow[0]);
	assert_int_equal(vif_flow_reason(flow), 0);
	pair_free(pair);
	assert_int_equal(vif_trunk_budget_free(budget), 0);
}

/* A pair of which the accepter's first windows are too small for a packet. */
static struct rig *narrow_pair(struct vif_trunk_budget *budget)
{
	struct rig *pair = pair_make(budget);

	pair->config[1].circuit_window = BUDGET_STEP / 2;
	rig_start(pair);
	assert_int_equal(pair_dial(pair), 0);
	return pair;
}

/* A lane of the peer that has a packet; its reason when it was refused, or 0. */
static uint32_t open_lane(struct rig *pair, const struct vif_flow_config *lane)
{
	uint8_t bytes[20] = { 0x45 };
	struct iovec seg = { .iov_base = bytes, .iov_len = sizeof(bytes) };
	const struct vif_packet packet = {
		.seg = &seg,
		.n_seg = 1,
		.len = sizeof(bytes),
	};
	struct vif_flow *flow;

	assert_int_equal(vif_flow_open(pair->circuit[0], lane, &flow), 0);
	assert_int_equal(vif_flow_send_packet(flow, &packet), 1);
	rig_run(pair);
	return vif_flow_reason(flow);
}

/* They need more than such a circuit has, and those who are idle can give it. */
static void at_the_limit_lanes_are_refused(void **state)
{
	const struct vif_flow_config lane = { .size = sizeof(lane),
					      .packets = true };
	struct vif_trunk_budget *budget = budget_make(3 * BUDGET_STEP, 0);
	struct rig *idle = narrow_pair(budget), *pair = narrow_pair(budget);
	struct vif_flow *flow;

	(void)state;
	assert_int_equal(budget_taken(budget), 2 * BUDGET_STEP);
	assert_int_equal(vif_flow_open(pair->circuit[1], &lane, &flow),
			 -ENOBUFS);
	assert_int_equal(budget_stats(budget).refused, 1);
	assert_int_equal(budget_stats(budget).evicted, 0);
	rig_advance(pair, 10 * BUDGET_S);
	assert_int_equal(open_lane(pair, &lane), VIF_REASON_LIMIT);
	assert_int_equal(budget_stats(budget).refused, 2);
	assert_int_equal(budget_stats(budget).evicted, 1);
	rig_advance(idle, 10 * BUDGET_S);
	rig_run(idle);
	assert_int_equal(vif_trunk_reason(idle->end[0], NULL),
			 VIF_REASON_MEMORY);
	assert_int_equal(open_lane(pair, &lane), 0);
	assert_int_equal(budget_taken(budget), 3 * BUDGET_STEP);
	assert_int_equal(budget_stats(budget).refused, 2);
	pair_free(idle);
	pair_free(pair);
	assert_int_equal(vif_trunk_budget_free(budget), 0);
}

/* The trunk's own memory is nobody's fault but its own. */
static void lanes_that_no_budget_could_help_are_not_counted(void **state)
{
	const struct vif_flow_config lane = { .size = sizeof(lane),
					      .packets = true };
	struct vif_trunk_budget *budget = budget_make(0, 0);
	struct rig *pair = pair_make(budget);
	struct vif_flow *flow;

	(void)state;
	pair->config[1].circuit_window = BUDGET_STEP / 2;
	pair->config[1].window = BUDGET_STEP / 2;
	pair->config[1].circuits_max = 1;
	rig_start(pair);
	assert_int_equal(pair_dial(pair), 0);
	assert_int_equal(vif_flow_open(pair->circuit[1], &lane, &flow),
			 -ENOBUFS);
	assert_int_equal(budget_stats(budget).refused, 0);
	pair_free(pair);
	assert_int_equal(vif_trunk_budget_free(budget), 0);
}

static void at_the_limit_own_circuits_cannot_be_dialled(void **state)
{
	struct vif_trunk_budget *budget = budget_make(BUDGET_CIRCUIT, 0);
	struct rig *pair = pair_new(budget);
	struct vif_circuit *circuit = NULL;

	(void)state;
	assert_int_equal(vif_circuit_dial(pair->end[1], NULL, &circuit), 0);
	assert_int_equal(budget_taken(budget), BUDGET_CIRCUIT);
	assert_int_equal(vif_circuit_dial(pair->end[1], NULL, &circuit),
			 -ENOBUFS);
	vif_circuit_free(circuit);
	assert_int_equal(budget_taken(budget), 0);
	assert_int_equal(vif_circuit_dial(pair->end[1], NULL, &circuit), 0);
	pair_free(pair);
	assert_int_equal(vif_trunk_budget_free(budget), 0);
}

/* What was opened before goes on as if nothing were. */
static void at_the_limit_flows_that_are_there_go_on(void **state)
{
	struct vif_trunk_budget *budget =
		budget_make(2 * BUDGET_CIRCUIT, 2 * BUDGET_CIRCUIT);
	struct rig *pair = pair_new(budget);
	struct vif_flow *flow;

	(void)state;
	assert_int_equal(pair_dial(pair), 0);
	assert_int_equal(pair_open(pair, &flow), 0);
	assert_int_equal(
		vif_circuit_dial(pair->end[1], NULL, &pair->circuit[1]), 0);
	assert_int_equal(budget_taken(budget), 2 * BUDGET_CIRCUIT);
	assert_int_equal(pair_read(pair->flow[1]), 1);
	for (int i = 0; i < 100; i++) {
		pair_send(pair, flow, BUDGET_FLOW / 2);
		assert_int_equal(pair_read(pair->flow[1]), BUDGET_FLOW / 2);
	}
	assert_int_equal(vif_flow_finish(flow), 0);
	rig_run(pair);
	assert_int_equal(pair_read(pair->flow[1]), -ENODATA);
	pair_free(pair);
	assert_int_equal(vif_trunk_budget_free(budget), 0);
}

/* A circuit is gone, but what it brought is there until it was read. */
static void what_is_held_is_counted_until_it_is_read(void **state)
{
	struct vif_trunk_budget *budget = budget_make(0, 0);
	struct rig *pair = pair_new(budget);
	struct vif_flow *flow;

	(void)state;
	assert_int_equal(pair_dial(pair), 0);
	assert_int_equal(pair_open(pair, &flow), 0);
	pair_send(pair, flow, BUDGET_FLOW - 1);
	assert_int_equal(vif_circuit_close(pair->circuit[0], 0, NULL), 0);
	rig_run(pair);
	assert_true(rig_saw(pair, 1, VIF_CIRCUIT_CLOSED));
	assert_int_equal(budget_taken(budget), BUDGET_FLOW);
	assert_int_equal(pair_read(pair->flow[1]), BUDGET_FLOW);
	assert_int_equal(budget_taken(budget), 0);
	pair_free(pair);
	assert_int_equal(vif_trunk_budget_free(budget), 0);
}

/* Relayed circuits have a hop window on each trunk. */
static void what_is_passed_on_is_counted(void **state)
{
	struct vif_trunk_budget *budget = budget_make(3 * BUDGET_CIRCUIT, 0);
	struct rig *from = pair_new(budget), *to = pair_make(budget);
	struct vif_circuit_config config = {
		.size = sizeof(config),
		.mode = VIF_CIRCUIT_SEALED,
		.remote = to->key[0],
	};
	struct vif_relay *relay = NULL;
	struct vif_circuit *circuit[2];

	(void)state;
	/* All pairs have the same keys, but this end has to be another. */
	to->secret[0][0] ^= 0xff;
	assert_int_equal(vif_key_public(to->secret[0], to->key[0]), 0);
	rig_start(to);
	assert_int_equal(vif_relay_new(&relay), 0);
	assert_int_equal(vif_relay_add(relay, from->end[1]), 0);
	assert_int_equal(vif_relay_add(relay, to->end[1]), 0);
	assert_int_equal(vif_relay_route(to->end[1], to->key[0]), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(
			vif_circuit_dial(from->end[0], &config, &circuit[i]),
			0);
		for (int j = 0; j < 4; j++) {
			rig_run(from);
			rig_run(to);
		}
	}
	assert_int_equal(vif_circuit_reason(circuit[0], NULL), 0);
	assert_true(rig_saw(to, 0, VIF_CIRCUIT_INCOMING));
	assert_int_equal(vif_circuit_reason(circuit[1], NULL),
			 VIF_REASON_LIMIT);
	assert_int_equal(budget_taken(budget), 2 * BUDGET_CIRCUIT);
	pair_free(from);
	assert_int_equal(budget_taken(budget), 0);
	pair_free(to);
	vif_relay_free(relay);
	assert_int_equal(vif_trunk_budget_free(budget), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(just_under_the_limit_nothing_happens),
		cmocka_unit_test(a_budget_has_room_for_one_circuit),
		cmocka_unit_test(a_dump_tells_of_it),
		cmocka_unit_test(at_the_limit_circuits_are_refused),
		cmocka_unit_test(at_the_limit_flows_are_refused),
		cmocka_unit_test(at_the_limit_lanes_are_refused),
		cmocka_unit_test(
			lanes_that_no_budget_could_help_are_not_counted),
		cmocka_unit_test(at_the_limit_own_circuits_cannot_be_dialled),
		cmocka_unit_test(at_the_limit_flows_that_are_there_go_on),
		cmocka_unit_test(what_is_held_is_counted_until_it_is_read),
		cmocka_unit_test(what_is_passed_on_is_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
