/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Windows of trunks with a budget: they grow within its soft part, and above it
 * shrink to what they were at first, by limits that are not told.
 */
#include "tests/trunk_line.h"

#include "tests/trunk_budget_rig.h"

enum {
	/* All but what the circuits may need that did not come. */
	GROWN = 16 * MIB - 63 * CIRCUIT_FIRST,
	LIMIT = 64 * MIB,
	SOFT = 16 * MIB,
	CROWD = 16 * MIB, /* taken by others */
};

static struct line *start(struct vif_trunk_budget *budget)
{
	struct line *line = line_new();

	line->rig.config[1].budget = budget;
	line_start(line);
	return line;
}

static void finish(struct line *line, struct vif_trunk_budget *budget)
{
	line_free(line);
	assert_int_equal(budget_taken(budget), 0);
	assert_int_equal(vif_trunk_budget_free(budget), 0);
}

/* Somebody else who takes so much, as one trunk of many would. */
static void crowd_in(struct budget_member *other,
		     struct vif_trunk_budget *budget, uint64_t bytes)
{
	memset(other, 0, sizeof(*other));
	budget_join(other, budget, NULL, 0);
	assert_true(budget_take(other, bytes, BUDGET_LIMIT, 0));
}

static void crowd_out(struct budget_member *other)
{
	budget_fit(other, 0);
	budget_resign(other);
	budget_leave(other);
}

/* A limit that was told is never told smaller, nor is it more than a window. */
static void check_promises(const struct line *line, uint64_t *flow_limit,
			   uint64_t *circuit_limit)
{
	const struct vif_flow *flow = line->rig.flow[1];
	const struct credit_rx *of_flow = &flow->rx_credit;
	const struct vif_circuit *circuit = flow->circuit;
	const struct credit_rx *of_circuit = &circuit->rx_credit;

	assert_true(of_flow->limit >= *flow_limit);
	assert_true(of_circuit->limit >= *circuit_limit);
	assert_true(of_flow->limit <= credit_new_limit(of_flow, flow->rx.len));
	assert_true(of_circuit->limit <=
		    credit_new_limit(of_circuit, circuit->rx_held));
	*flow_limit = of_flow->limit;
	*circuit_limit = of_circuit->limit;
}

/* Just under: as if there were no budget. */
static void grows_up_to_the_soft_part(void **state)
{
	struct vif_trunk_budget *budget = budget_make(LIMIT, SOFT);
	struct line *line = start(budget);

	(void)state;
	play(line, 40);
	check_windows(line, GROWN, GROWN / 2);
	assert_int_equal(budget_taken(budget), GROWN);
	finish(line, budget);
}

static void does_not_grow_above_it(void **state)
{
	struct vif_trunk_budget *budget = budget_make(LIMIT, MIB - 1);
	struct line *line = start(budget);

	(void)state;
	play(line, 40);
	check_windows(line, 512 * KIB, 256 * KIB);
	assert_int_equal(budget_taken(budget), 512 * KIB);
	finish(line, budget);
}

/* With a byte more in the soft part it grows once more. */
static void grows_when_it_fits_to_the_byte(void **state)
{
	struct vif_trunk_budget *budget = budget_make(LIMIT, MIB);
	struct line *line = start(budget);

	(void)state;
	play(line, 40);
	check_windows(line, MIB, 512 * KIB);
	finish(line, budget);
}

static void shrinks_as_bytes_are_consumed(void **state)
{
	struct vif_trunk_budget *budget = budget_make(LIMIT, SOFT);
	struct line *line = start(budget);
	struct budget_member other;
	uint64_t flow_limit = 0, circuit_limit = 0, before;

	(void)state;
	play(line, 40);
	check_windows(line, GROWN, GROWN / 2);
	crowd_in(&other, budget, CROWD);
	/* What was promised stands until it is used. */
	check_windows(line, GROWN, GROWN / 2);
	for (int i = 0; i < 20; i++) {
		before = circuit_window(line);
		play(line, 1);
		check_promises(line, &flow_limit, &circuit_limit);
		assert_true(circuit_window(line) <= before);
		assert_int_equal(
			budget_taken(budget),
			CROWD + align_up(circuit_window(line), BUDGET_STEP));
	}
	check_windows(line, CIRCUIT_FIRST, FLOW_FIRST);
	/* Data still comes, a first window in each round trip. */
	before = line->rig.end[1]->stats.rx_payload;
	play(line, 10);
	assert_in_range(line->rig.end[1]->stats.rx_payload - before,
			5 * FLOW_FIRST, 10 * FLOW_FIRST);
	check_windows(line, CIRCUIT_FIRST, FLOW_FIRST);
	/* And when the crowd is gone it grows again. */
	crowd_out(&other);
	play(line, 40);
	check_windows(line, GROWN, GROWN / 2);
	finish(line, budget);
}

/* Who has what he had at first notices nothing. */
static void first_windows_do_not_shrink(void **state)
{
	struct vif_trunk_budget *budget = budget_make(LIMIT, SOFT);
	struct budget_member other;
	struct line *line;

	(void)state;
	crowd_in(&other, budget, CROWD);
	line = start(budget);
	play(line, 20);
	check_windows(line, CIRCUIT_FIRST, FLOW_FIRST);
	crowd_out(&other);
	finish(line, budget);
}

/* Two packets fit, before and after: or a lane would stand still. */
static void lanes_keep_room_for_two_packets(void **state)
{
	struct vif_trunk_budget *budget = budget_make(LIMIT, SOFT);
	const struct vif_flow_config config = { .size = sizeof(config),
						.packets = true };
	struct line *line = start(budget);
	struct budget_member other;
	struct vif_flow *lane;

	(void)state;
	play(line, 40);
	crowd_in(&other, budget, CROWD);
	assert_int_equal(vif_flow_open(line->rig.circuit[1], &config, &lane),
			 0);
	assert_int_equal(lane->rx_credit.window, CORE_LANE_WINDOW);
	play(line, 40);
	check_windows(line, CORE_LANE_WINDOW, CORE_LANE_WINDOW / 2);
	assert_int_equal(budget_taken(budget),
			 CROWD + align_up(CORE_LANE_WINDOW, BUDGET_STEP));
	crowd_out(&other);
	finish(line, budget);
}

/* A circuit alone, since there may be no room for a flow of the peer. */
static struct line *start_bare(struct vif_trunk_budget *budget)
{
	struct line *line = line_new();

	line->rig.config[1].budget = budget;
	rig_start(&line->rig);
	rig_dial(&line->rig, VIF_CIRCUIT_DERIVED);
	assert_int_equal(budget_taken(budget), 2 * BUDGET_STEP);
	return line;
}

/* A lane needs a little more than a first window, and gets it above soft. */
static void a_lane_is_widened_up_to_the_limit(void **state)
{
	static const struct {
		uint64_t limit;
		uint32_t window, n_steps;
	} cases[] = {
		{ 3 * BUDGET_STEP, CORE_LANE_WINDOW, 3 },
		{ 3 * BUDGET_STEP - 1, CIRCUIT_FIRST, 2 }, /* one fits */
	};
	const struct vif_flow_config config = { .size = sizeof(config),
						.packets = true };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct vif_trunk_budget *budget =
			budget_make(cases[i].limit, BUDGET_STEP);
		struct line *line = start_bare(budget);
		struct vif_flow *lane;

		assert_int_equal(
			vif_flow_open(line->rig.circuit[1], &config, &lane), 0);
		assert_int_equal(circuit_window(line), cases[i].window);
		assert_int_equal(budget_taken(budget),
				 cases[i].n_steps * BUDGET_STEP);
		assert_int_equal(budget_stats(budget).refused, 0);
		finish(line, budget);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(grows_up_to_the_soft_part),
		cmocka_unit_test(does_not_grow_above_it),
		cmocka_unit_test(grows_when_it_fits_to_the_byte),
		cmocka_unit_test(shrinks_as_bytes_are_consumed),
		cmocka_unit_test(first_windows_do_not_shrink),
		cmocka_unit_test(lanes_keep_room_for_two_packets),
		cmocka_unit_test(a_lane_is_widened_up_to_the_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
