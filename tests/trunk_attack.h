/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One rule broken at a time, and who pays for it.
 *
 * The stage: a trunk with two circuits from a hostile peer, one that is attacked
 * and one that has nothing to do with it, each with a flow that has got bytes.
 * Each attack is played against both roles, and in a circuit that shares the
 * trunk's keys as in one that has its own.
 */
#ifndef TESTS_TRUNK_ATTACK_H
#define TESTS_TRUNK_ATTACK_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/trunk_hostile_open.h"

/* One of its own, to be started by the test. */
static inline struct hostile *hostile_new(enum vif_trunk_role role)
{
	struct hostile *h = malloc(sizeof(*h));

	assert_non_null(h);
	hostile_init(h, role);
	return h;
}

static inline void hostile_free(struct hostile *h)
{
	hostile_fini(h);
	free(h);
}

/* Against an accepter that is ready, with circuit 1 open. */
static inline struct hostile *hostile_with_circuit(enum vif_circuit_mode mode)
{
	struct hostile *h = hostile_new(VIF_TRUNK_ACCEPTER);

	hostile_start(h);
	hostile_open(h, 1, mode);
	assert_non_null(h->circuit);
	return h;
}

struct stage {
	struct hostile h;
	uint32_t id, other; /* circuits: attacked, and not */
	struct vif_circuit *circuit, *other_circuit;
	struct vif_flow *flow, *other_flow;
};

enum {
	STAGE_BYTES = 5, /* in each flow, whose number is 1 */
	STAGE_FLOW = 1,
	STAGE_NEXT = 3, /* number of the next flow of the peer */
	STAGE_OWN = 2,  /* number of the trunk's first flow */
};

enum victim {
	NOBODY, /* it has no effect */
	ONLY_FLOW,
	CIRCUIT,
	TRUNK,
};

struct attack {
	const char *name;
	void (*play)(struct stage *stage);
	enum victim victim;
	enum vif_reason reason;
};

static inline void stage_circuit(struct stage *stage, uint32_t id,
				 enum vif_circuit_mode mode,
				 struct vif_circuit **ret_circuit,
				 struct vif_flow **ret_flow)
{
	struct hostile *h = &stage->h;

	hostile_open(h, id, mode);
	assert_non_null(h->circuit);
	*ret_circuit = h->circuit;
	(void)hostile_data(h, id, FRAME_DATA_OPEN, STAGE_FLOW, 0, STAGE_BYTES);
	assert_non_null(h->flow);
	*ret_flow = h->flow;
}

/* hostile_init() has been called; the configuration may have been changed. */
static inline void stage_build(struct stage *stage, enum vif_circuit_mode mode)
{
	struct hostile *h = &stage->h;

	hostile_start(h);
	assert_true(vif_trunk_is_ready(h->trunk));
	stage->id = hostile_first_id(h);
	stage->other = stage->id + 2;
	stage_circuit(stage, stage->id, mode, &stage->circuit, &stage->flow);
	stage_circuit(stage, stage->other, VIF_CIRCUIT_DERIVED,
		      &stage->other_circuit, &stage->other_flow);
}

/* The trunk, and the circuit that had nothing to do with it, work on. */
static inline void stage_check_others(struct stage *stage)
{
	struct hostile *h = &stage->h;
	uint8_t bytes[2 * STAGE_BYTES];

	assert_true(hostile_is_alive(h));
	(void)hostile_data(h, stage->other, 0, STAGE_FLOW, STAGE_BYTES,
			   STAGE_BYTES);
	assert_int_equal(vif_flow_read(stage->other_flow, bytes, sizeof(bytes)),
			 sizeof(bytes));
	assert_int_equal(vif_flow_write(stage->other_flow, "answer", 6), 6);
	h->data_bytes = 0;
	hostile_run(h);
	assert_int_equal(h->data_bytes, 6);
	assert_int_equal(vif_circuit_reason(stage->other_circuit, NULL),
			 VIF_REASON_NONE);
}

static inline void stage_check_circuit(struct stage *stage,
				       enum vif_reason reason)
{
	struct hostile *h = &stage->h;

	assert_int_equal(h->heard[FRAME_TRUNK_SHUT].n, 1);
	assert_int_equal(vif_circuit_reason(stage->circuit, NULL), reason);
	assert_true(hostile_heard_code(h, FRAME_TRUNK_SHUT, stage->id, reason));
	assert_int_equal(h->n_event[VIF_CIRCUIT_CLOSED], 1);
	/* What comes for it from now on is nothing to worry about. */
	(void)hostile_data(h, stage->id, 0, STAGE_FLOW, STAGE_BYTES, 1);
	assert_int_equal(h->trunk->stats.late_frames, 1);
	stage_check_others(stage);
}

static inline void stage_check_trunk(struct stage *stage,
				     enum vif_reason reason)
{
	struct hostile *h = &stage->h;
	uint8_t bytes[STAGE_BYTES];

	assert_int_equal(vif_trunk_reason(h->trunk, NULL), reason);
	assert_int_equal(h->heard[FRAME_TRUNK_CLOSE].n, 1);
	assert_true(hostile_heard_code(h, FRAME_TRUNK_CLOSE, 0, reason));
	assert_int_equal(h->n_event[VIF_TRUNK_CLOSED], 1);
	assert_true(vif_trunk_is_closed(h->trunk));
	assert_int_equal(vif_trunk_receive(h->trunk, "", 0), -ECONNABORTED);
	/* What had come is there; that it is not all is said. */
	assert_int_equal(vif_circuit_reason(stage->other_circuit, NULL),
			 reason);
	assert_int_equal(vif_flow_read(stage->other_flow, bytes, sizeof(bytes)),
			 sizeof(bytes));
	assert_int_equal(vif_flow_read(stage->other_flow, bytes, sizeof(bytes)),
			 -ECONNRESET);
}

static inline void stage_check(struct stage *stage, const struct attack *attack)
{
	struct hostile *h = &stage->h;

	switch (attack->victim) {
	case NOBODY:
		assert_int_equal(vif_flow_reason(stage->flow), 0);
		/* fall through */
	case ONLY_FLOW:
		assert_int_equal(h->heard[FRAME_TRUNK_SHUT].n, 0);
		assert_int_equal(vif_circuit_reason(stage->circuit, NULL),
				 VIF_REASON_NONE);
		stage_check_others(stage);
		break;
	case CIRCUIT:
		stage_check_circuit(stage, attack->reason);
		break;
	case TRUNK:
		stage_check_trunk(stage, attack->reason);
	}
}

static inline void stage_play(const struct attack *attack,
			      enum vif_trunk_role role,
			      enum vif_circuit_mode mode)
{
	struct stage *stage = calloc(1, sizeof(*stage));

	assert_non_null(stage);
	hostile_init(&stage->h, role);
	stage_build(stage, mode);
	attack->play(stage);
	hostile_run(&stage->h);
	stage_check(stage, attack);
	/* Everything is given back, whatever the program still has. */
	hostile_fini(&stage->h);
	free(stage);
}

static inline void stage_play_all(void **state)
{
	const struct attack *attack = *state;

	for (int role = 0; role < 2; role++) {
		stage_play(attack, (enum vif_trunk_role)role,
			   VIF_CIRCUIT_DERIVED);
		stage_play(attack, (enum vif_trunk_role)role,
			   VIF_CIRCUIT_SEALED);
	}
}

/* Each attack as a test of its own name. */
static inline int stage_main(const char *group, const struct attack *attack,
			     size_t n)
{
	struct CMUnitTest *tests = calloc(n, sizeof(*tests));
	int failed;

	assert_non_null(tests);
	for (size_t i = 0; i < n; i++)
		tests[i] = (struct CMUnitTest){
			.name = attack[i].name,
			.test_func = stage_play_all,
			.initial_state = (void *)(uintptr_t)&attack[i],
		};
	failed = _cmocka_run_group_tests(group, tests, n, NULL, NULL);
	free(tests);
	return failed;
}

#endif
