/* SPDX-License-Identifier: Apache-2.0 */
/* How a trunk ends that was idle when others needed its memory. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/trunk_budget_rig.h"

/* Two pairs with a circuit and a flow each, and room for nobody else. */
struct both {
	struct vif_trunk_budget *budget;
	struct rig *idle, *busy;
	struct vif_flow *flow; /* of the idle one's peer */
	void *woken;
	pid_t child; /* forked when somebody was woken; 0: none is to be */
};

enum { CHILD_IS_FINE = 7 };

/* The lock of the budget is held, by a thread that the child does not have. */
static void be_a_child(struct both *both)
{
	struct vif_trunk_budget_stats before = budget_stats(both->budget);
	struct vif_trunk_budget_stats after;

	vif_trunk_free(both->idle->end[1]);
	after = budget_stats(both->budget);
	_exit(after.trunks == before.trunks - 1 &&
			      after.taken == before.taken - BUDGET_CIRCUIT &&
			      vif_trunk_budget_free(both->budget) == -EBUSY ?
		      CHILD_IS_FINE :
		      1);
}

static void woke(void *user, void *trunk_user)
{
	struct both *both = user;

	assert_null(both->woken);
	both->woken = trunk_user;
	if (both->child == 0)
		return;
	both->child = fork();
	if (both->child == 0)
		be_a_child(both);
}

static void both_init_with(struct both *both, uint64_t drain_ns)
{
	const struct vif_trunk_budget_config config = {
		.size = sizeof(config),
		.limit = 3 * BUDGET_CIRCUIT - 1,
		.idle_ns = BUDGET_S,
		.wake = woke,
		.user = both,
	};

	*both = (struct both){ 0 };
	assert_int_equal(vif_trunk_budget_new(&config, &both->budget, NULL), 0);
	both->idle = pair_make(both->budget);
	both->idle->config[1].drain_ns = drain_ns;
	rig_start(both->idle);
	both->busy = pair_new(both->budget);
	assert_int_equal(pair_dial(both->idle), 0);
	assert_int_equal(pair_open(both->idle, &both->flow), 0);
	assert_int_equal(pair_dial(both->busy), 0);
}

static void both_init(struct both *both)
{
	both_init_with(both, 0);
}

static void both_fini(struct both *both)
{
	pair_free(both->idle);
	pair_free(both->busy);
	assert_int_equal(budget_taken(both->budget), 0);
	assert_int_equal(vif_trunk_budget_free(both->budget), 0);
}

/* Time goes by, and then the busy one is asked for something. */
static void ask(struct both *both)
{
	rig_advance(both->busy, 2 * BUDGET_S);
	assert_int_equal(pair_dial(both->busy), VIF_REASON_LIMIT);
}

static uint32_t trunk_reason(const struct rig *pair, int side)
{
	return vif_trunk_reason(pair->end[side], NULL);
}

static void it_is_told_and_ends_in_order(void **state)
{
	struct both both;
	const char *text;

	(void)state;
	both_init(&both);
	assert_true(vif_trunk_deadline(both.idle->end[1]) > both.idle->now_ns);
	ask(&both);
	assert_int_equal(budget_stats(both.budget).evicted, 1);
	assert_ptr_equal(both.woken, both.idle);
	assert_int_equal(vif_trunk_deadline(both.idle->end[1]),
			 both.idle->now_ns);
	assert_true(vif_trunk_deadline(both.busy->end[1]) > both.busy->now_ns);
	/* Until it is told the time it goes on. */
	rig_run(both.idle);
	assert_true(vif_trunk_is_ready(both.idle->end[1]));
	rig_advance(both.idle, 0);
	assert_true(vif_trunk_deadline(both.idle->end[1]) > both.idle->now_ns);
	rig_run(both.idle);
	for (int side = 0; side < 2; side++) {
		assert_true(vif_trunk_is_closed(both.idle->end[side]));
		assert_int_equal(vif_trunk_reason(both.idle->end[side], &text),
				 VIF_REASON_MEMORY);
		assert_string_equal(text, "its memory is needed");
		assert_int_equal(
			vif_circuit_reason(both.idle->circuit[side], NULL),
			VIF_REASON_MEMORY);
	}
	/* And others have what it had, as soon as its program is done. */
	assert_int_equal(pair_read(both.idle->flow[1]), 1);
	assert_int_equal(pair_dial(both.busy), 0);
	assert_int_equal(budget_stats(both.budget).evicted, 1);
	both_fini(&both);
}

/* All of it arrives, and nobody takes it for the end of the stream. */
static void what_was_written_arrives_and_ends_broken(void **state)
{
	struct both both;
	struct vif_flow *back;

	(void)state;
	both_init(&both);
	ask(&both);
	back = both.idle->flow[1];
	assert_int_equal(vif_flow_write(back, "abc", 3), 3);
	assert_int_equal(vif_flow_write(both.flow, "de", 2), 2);
	rig_advance(both.idle, 0);
	assert_int_equal(vif_flow_write(back, "f", 1), -EPIPE);
	assert_int_equal(vif_flow_finish(back), -EPIPE);
	rig_run(both.idle);
	assert_int_equal(pair_read(both.flow), 3);
	assert_int_equal(pair_read(both.flow), -ECONNRESET);
	assert_int_equal(vif_flow_reason(both.flow), VIF_REASON_MEMORY);
	assert_int_equal(pair_read(back), 3);
	assert_int_equal(pair_read(back), -ECONNRESET);
	assert_int_equal(vif_flow_reason(back), VIF_REASON_MEMORY);
	both_fini(&both);
}

/* A stream that its program had ended before is whole. */
static void what_was_finished_ends_clean(void **state)
{
	struct both both;

	(void)state;
	both_init(&both);
	ask(&both);
	assert_int_equal(vif_flow_write(both.idle->flow[1], "abc", 3), 3);
	assert_int_equal(vif_flow_finish(both.idle->flow[1]), 0);
	rig_advance(both.idle, 0);
	rig_run(both.idle);
	assert_int_equal(pair_read(both.flow), 3);
	assert_int_equal(pair_read(both.flow), -ENODATA);
	both_fini(&both);
}

/* What the peer opens meanwhile it may open elsewhere. */
static void nothing_new_is_taken_meanwhile(void **state)
{
	struct both both;
	struct vif_circuit *circuit;
	struct vif_flow *flow;

	(void)state;
	both_init(&both);
	ask(&both);
	assert_int_equal(vif_circuit_dial(both.idle->end[0], NULL, &circuit),
			 0);
	assert_int_equal(vif_flow_open(both.idle->circuit[0], NULL, &flow), 0);
	assert_int_equal(vif_flow_write(flow, "x", 1), 1);
	rig_advance(both.idle, 0);
	assert_int_equal(vif_circuit_dial(both.idle->end[1], NULL,
					  &both.idle->circuit[1]),
			 -ESHUTDOWN);
	while (rig_move(both.idle, 0) > 0)
		;
	rig_run(both.idle);
	assert_int_equal(vif_circuit_reason(circuit, NULL),
			 VIF_REASON_DRAINING);
	assert_int_equal(vif_flow_reason(flow), VIF_REASON_REFUSED);
	both_fini(&both);
}

/* Of which the peer hears nothing. */
static void expect_end(const struct both *both, uint64_t end_ns)
{
	struct vif_trunk *trunk = both->idle->end[1];

	assert_true(vif_trunk_send(trunk, both->idle->buffer,
				   sizeof(both->idle->buffer)) > 0);
	vif_trunk_advance(trunk, end_ns - 1);
	assert_true(vif_trunk_is_ready(trunk));
	assert_int_equal(vif_trunk_deadline(trunk), end_ns);
	vif_trunk_advance(trunk, end_ns);
	assert_false(vif_trunk_is_ready(trunk));
	assert_int_equal(trunk_reason(both->idle, 1), VIF_REASON_MEMORY);
}

/* One who never answers has drain_ns; others would wait for ever for his. */
static void it_ends_though_nobody_answers(void **state)
{
	static const struct {
		uint64_t drain_ns, end_ns;
		bool is_closing;
	} cases[] = {
		{ 0, 20 * BUDGET_S, false },
		{ 7 * BUDGET_S, 7 * BUDGET_S, false },
		{ UINT64_MAX, 20 * BUDGET_S, false },
		{ UINT64_MAX, 20 * BUDGET_S, true },
	};
	struct both both;

	(void)state;
	for (unsigned int i = 0; i < 4; i++) {
		both_init_with(&both, cases[i].drain_ns);
		if (cases[i].is_closing)
			(void)vif_trunk_close(both.idle->end[1], 0, NULL);
		ask(&both);
		rig_advance(both.idle, 0);
		expect_end(&both, both.idle->now_ns + cases[i].end_ns);
		both_fini(&both);
	}
}

static void let_come(struct both *both)
{
	assert_int_equal(vif_flow_write(both->flow, "y", 1), 1);
	(void)rig_move(both->idle, 0);
}

static void consume(struct both *both)
{
	assert_int_equal(pair_read(both->idle->flow[1]), 1);
}

static void send(struct both *both)
{
	assert_int_equal(vif_flow_write(both->idle->flow[1], "z", 1), 1);
	(void)rig_move(both->idle, 1);
}

/* Whatever it was used for, short as it was, and before it is told the time. */
static void who_was_used_stays(void **state)
{
	static void (*const uses[])(struct both * both) = { NULL, let_come,
							    consume, send };
	struct both both;

	(void)state;
	for (unsigned int i = 0; i < 4; i++) {
		both_init(&both);
		rig_advance(both.idle, 2 * BUDGET_S);
		if (uses[i])
			uses[i](&both);
		ask(&both);
		assert_int_equal(budget_stats(both.budget).evicted, i == 0);
		both_fini(&both);
	}
}

/* One that closes already does so for its own reason. */
static void who_ends_anyway_is_left_alone(void **state)
{
	struct both both;

	(void)state;
	both_init(&both);
	assert_int_equal(vif_trunk_close(both.idle->end[1], 0, NULL), 0);
	ask(&both);
	rig_advance(both.idle, 0);
	rig_run(both.idle);
	assert_true(vif_trunk_is_closed(both.idle->end[1]));
	assert_int_equal(trunk_reason(both.idle, 1), VIF_REASON_NONE);
	both_fini(&both);
}

/* A dialer has promised before there is anybody. */
static void one_without_keys_ends_at_once(void **state)
{
	struct both both;
	struct vif_trunk_config config;
	struct vif_trunk *trunk;
	struct vif_circuit *circuit;

	(void)state;
	both_init(&both);
	config = both.busy->config[1];
	config.handshake_ns = UINT64_MAX;
	config.remote = both.busy->key[0];
	pair_free(both.idle);
	both.idle = pair_new(both.budget);
	assert_int_equal(vif_trunk_new(VIF_TRUNK_DIALER, &config,
				       both.busy->now_ns, &trunk, NULL),
			 0);
	assert_int_equal(vif_circuit_dial(trunk, NULL, &circuit), 0);
	ask(&both);
	assert_ptr_equal(both.woken, both.busy);
	assert_true(vif_trunk_deadline(trunk) < UINT64_MAX);
	vif_trunk_advance(trunk, both.busy->now_ns);
	assert_int_equal(vif_trunk_reason(trunk, NULL), VIF_REASON_MEMORY);
	assert_int_equal(vif_circuit_reason(circuit, NULL), VIF_REASON_MEMORY);
	assert_int_equal(budget_taken(both.budget), BUDGET_CIRCUIT);
	vif_trunk_free(trunk);
	both_fini(&both);
}

static void a_child_can_free_its_trunks(void **state)
{
	struct both both;
	int status;

	(void)state;
	both_init(&both);
	both.child = -1;
	ask(&both);
	assert_true(both.child > 0);
	assert_int_equal(waitpid(both.child, &status, 0), both.child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), CHILD_IS_FINE);
	both_fini(&both);
}

/* The row itself: somebody hoards, and the others hardly notice. */
static void a_hoarder_goes_and_the_others_go_on(void **state)
{
	struct vif_trunk_budget *budget = budget_make(4 * BUDGET_CIRCUIT, 0);
	struct rig *hoarder = pair_new(budget), *good = pair_new(budget);
	struct vif_flow *flow, *held;

	(void)state;
	assert_int_equal(pair_dial(good), 0);
	assert_int_equal(pair_open(good, &flow), 0);
	assert_int_equal(pair_read(good->flow[1]), 1);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(pair_dial(hoarder), 0);
		if (i < 2) /* or there is no room for a flow */
			assert_int_equal(pair_open(hoarder, &held), 0);
		pair_send(hoarder, held, i < 2 ? BUDGET_FLOW - 1 : 1);
	}
	assert_int_equal(budget_taken(budget), 4 * BUDGET_CIRCUIT);
	/* 20 s of work: new ones are refused for the first ten. */
	for (int s = 1; s <= 20; s++) {
		rig_advance(good, BUDGET_S);
		pair_send(good, flow, BUDGET_FLOW / 2);
		assert_int_equal(pair_read(good->flow[1]), BUDGET_FLOW / 2);
		if (s < 10) {
			assert_int_equal(pair_dial(good), VIF_REASON_LIMIT);
			assert_int_equal(budget_stats(budget).evicted, 0);
		}
	}
	assert_int_equal(pair_dial(good), VIF_REASON_LIMIT);
	assert_int_equal(budget_stats(budget).evicted, 1);
	rig_advance(hoarder, 20 * BUDGET_S);
	rig_run(hoarder);
	assert_int_equal(trunk_reason(hoarder, 0), VIF_REASON_MEMORY);
	assert_int_equal(pair_dial(good), 0);
	pair_free(hoarder);
	assert_int_equal(budget_taken(budget), 2 * BUDGET_CIRCUIT);
	pair_free(good);
	assert_int_equal(budget_taken(budget), 0);
	assert_int_equal(vif_trunk_budget_free(budget), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_told_and_ends_in_order),
		cmocka_unit_test(what_was_written_arrives_and_ends_broken),
		cmocka_unit_test(what_was_finished_ends_clean),
		cmocka_unit_test(nothing_new_is_taken_meanwhile),
		cmocka_unit_test(it_ends_though_nobody_answers),
		cmocka_unit_test(who_was_used_stays),
		cmocka_unit_test(who_ends_anyway_is_left_alone),
		cmocka_unit_test(one_without_keys_ends_at_once),
		cmocka_unit_test(a_child_can_free_its_trunks),
		cmocka_unit_test(a_hoarder_goes_and_the_others_go_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
