/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of room for writes: who waits for it hears of it, in his turn. */
#include "trunk/core.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/trunk_rig.h"

enum {
	OF_FLOW = 4096, /* written and not sent; of a circuit as well */
	FULL = 4,       /* flows that fill a trunk */
	WINDOW = 100,   /* of flows, where the other side does not read */
};

static const uint8_t bytes[OF_FLOW];

struct full {
	struct rig rig;
	struct vif_circuit *other; /* has all the room of the trunk */
	struct vif_circuit *circuit;
	struct vif_flow *in_other[FULL];
	struct vif_flow *first; /* in circuit, and has all that is its own */
};

static struct vif_flow *open_flow(struct vif_circuit *circuit)
{
	struct vif_flow *flow;

	assert_int_equal(vif_flow_open(circuit, NULL, &flow), 0);
	return flow;
}

static void fill(struct full *full)
{
	for (int i = 0; i < FULL; i++)
		(void)vif_flow_write(full->in_other[i], bytes, OF_FLOW);
	assert_int_equal(full->rig.end[0]->tx_held, FULL * OF_FLOW);
}

/* Bytes go both ways; nobody asks for news. */
static void move_all(struct rig *rig)
{
	while (rig_move(rig, 0) + rig_move(rig, 1) > 0)
		;
}

/* With a window the other circuit is stuck, else nothing was sent yet. */
static void make_full(struct full *full, uint32_t window)
{
	struct rig *rig = &full->rig;

	rig_init(rig);
	rig->config[0].flow_send_max = OF_FLOW;
	rig->config[0].send_max = FULL * OF_FLOW;
	rig->config[1].flow_window = window;
	rig->config[1].flow_window_max = window;
	rig_start(rig);
	rig_dial(rig, VIF_CIRCUIT_DERIVED);
	full->other = rig->circuit[0];
	rig_dial(rig, VIF_CIRCUIT_DERIVED);
	full->circuit = rig->circuit[0];
	for (int i = 0; i < FULL; i++)
		full->in_other[i] = open_flow(full->other);
	full->first = open_flow(full->circuit);
	fill(full);
	if (window) {
		rig_run(rig);
		fill(full);
	}
	assert_int_equal(vif_flow_write(full->first, bytes, OF_FLOW), OF_FLOW);
	while (vif_trunk_next_event(rig->end[0],
				    &(struct vif_trunk_event){ 0 }))
		;
}

/* The flow that hears of room now; NULL for none. */
static struct vif_flow *told(struct full *full)
{
	struct vif_trunk_event event;

	while (vif_trunk_next_event(full->rig.end[0], &event))
		if (event.type == VIF_FLOW_WRITABLE)
			return event.flow;
	return NULL;
}

/* A little room, not enough for anybody, must not be taken for all there is. */
static void who_was_passed_over_hears_later(void **state)
{
	struct vif_flow *flow;
	struct full full;

	(void)state;
	make_full(&full, 0);
	flow = open_flow(full.circuit);
	vif_flow_set_low_water(flow, OF_FLOW);
	assert_int_equal(vif_flow_write(flow, bytes, OF_FLOW), 0);
	assert_int_equal(vif_flow_reset(full.in_other[0], VIF_REASON_PROGRAM),
			 0);
	assert_null(told(&full)); /* 4096 above the limit are held still */
	move_all(&full.rig);
	assert_ptr_equal(told(&full), flow);
	assert_null(told(&full));
	rig_fini(&full.rig);
}

static void a_circuit_has_room_of_its_own(void **state)
{
	struct vif_flow *flow;
	struct full full;

	(void)state;
	make_full(&full, WINDOW);
	flow = open_flow(full.circuit);
	assert_int_equal(vif_flow_write(flow, bytes, OF_FLOW), 0);
	assert_null(told(&full));
	move_all(&full.rig);
	assert_ptr_equal(told(&full), flow);
	assert_int_equal(vif_flow_write(flow, bytes, OF_FLOW), WINDOW);
	rig_fini(&full.rig);
}

/* Nobody is told twice while others wait; and each of room that is there. */
static void each_in_its_turn(void **state)
{
	struct vif_flow *flow[3];
	struct full full;

	(void)state;
	make_full(&full, WINDOW);
	for (int i = 0; i < 3; i++) {
		flow[i] = open_flow(full.circuit);
		assert_int_equal(vif_flow_write(flow[i], bytes, OF_FLOW), 0);
	}
	for (int i = 0; i < 3; i++) {
		move_all(&full.rig);
		assert_ptr_equal(told(&full), flow[i]);
		assert_int_equal(vif_flow_write(flow[i], bytes, OF_FLOW),
				 WINDOW);
		assert_null(told(&full));
	}
	/* Who takes nothing does not keep the next one from it. */
	move_all(&full.rig);
	assert_ptr_equal(told(&full), flow[0]);
	assert_ptr_equal(told(&full), flow[1]);
	rig_fini(&full.rig);
}

/* They stand in front of the flows of their circuit, which are all there. */
static void who_leaves_the_line_is_forgotten(void **state)
{
	struct vif_flow *flow[3];
	struct full full;

	(void)state;
	make_full(&full, WINDOW);
	for (int i = 0; i < 3; i++) {
		flow[i] = open_flow(full.circuit);
		assert_int_equal(vif_flow_write(flow[i], bytes, OF_FLOW), 0);
	}
	vif_flow_close(flow[2]);
	vif_flow_close(flow[0]);
	move_all(&full.rig);
	assert_ptr_equal(told(&full), flow[1]);
	assert_null(told(&full));
	assert_ptr_equal(full.circuit->line_end, &full.circuit->flows);
	assert_true(list_is_empty(&full.circuit->line));
	assert_int_equal(vif_flow_write(flow[1], bytes, OF_FLOW), WINDOW);
	assert_int_equal(vif_flow_write(flow[1], bytes, OF_FLOW), 0);
	vif_circuit_free(full.circuit);
	vif_flow_close(flow[1]);
	vif_flow_close(full.first);
	rig_fini(&full.rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_was_passed_over_hears_later),
		cmocka_unit_test(a_circuit_has_room_of_its_own),
		cmocka_unit_test(each_in_its_turn),
		cmocka_unit_test(who_leaves_the_line_is_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
