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

/* Takes nothing now, and is told when there is so much. */
static struct vif_flow *wait_for(struct vif_circuit *circuit, uint32_t len)
{
	struct vif_flow *flow = open_flow(circuit);

	vif_flow_set_low_water(flow, len);
	assert_int_equal(vif_flow_write(flow, bytes, OF_FLOW), 0);
	return flow;
}

/* However many need more, and wherever they stand, nobody else waits for them. */
static void who_needs_less_is_not_behind_who_needs_more(void **state)
{
	enum { BIG = 100 };
	struct vif_flow *big[BIG], *small[3];
	struct full full;

	(void)state;
	make_full(&full, WINDOW);
	for (int i = 0; i < BIG / 2; i++)
		big[i] = wait_for(full.circuit, WINDOW + 1);
	small[0] = wait_for(full.circuit, WINDOW / 2);
	for (int i = BIG / 2; i < BIG; i++)
		big[i] = wait_for(full.circuit, WINDOW + 1);
	small[1] = wait_for(full.circuit, 0);
	assert_null(told(&full));
	move_all(&full.rig);
	assert_ptr_equal(told(&full), small[0]);
	assert_ptr_equal(told(&full), small[1]);
	assert_null(told(&full));
	/* Nor is who comes when all have been passed over. */
	assert_int_equal(vif_flow_write(small[0], bytes, WINDOW - 10),
			 WINDOW - 10);
	assert_int_equal(vif_flow_write(small[1], bytes, WINDOW), 10);
	small[2] = wait_for(full.circuit, 1);
	move_all(&full.rig);
	assert_ptr_equal(told(&full), small[1]);
	assert_ptr_equal(told(&full), small[2]);
	assert_null(told(&full));
	/* With room for all, all are told. */
	assert_int_equal(vif_flow_reset(full.first, VIF_REASON_PROGRAM), 0);
	for (int i = 0; i < BIG; i++)
		assert_ptr_equal(told(&full), big[i]);
	assert_null(told(&full));
	rig_fini(&full.rig);
}

/* Circuits stand in line as well, for what is the trunk's. */
static void a_circuit_whose_flows_need_more_is_passed_over(void **state)
{
	enum { CIRCUITS = FULL - 1 };
	struct vif_circuit *circuit[CIRCUITS];
	struct vif_flow *first[CIRCUITS], *small;
	struct full full;

	(void)state;
	make_full(&full, WINDOW);
	for (int i = 0; i < CIRCUITS; i++) {
		rig_dial(&full.rig, VIF_CIRCUIT_DERIVED);
		circuit[i] = full.rig.circuit[0];
		first[i] = open_flow(circuit[i]);
	}
	/* Again, when they have sent all that they may. */
	for (int again = 0; again < 2; again++) {
		for (int i = 0; i < CIRCUITS; i++)
			(void)vif_flow_write(first[i], bytes, OF_FLOW);
		move_all(&full.rig);
	}
	(void)vif_flow_reset(full.first, VIF_REASON_PROGRAM);
	for (int i = 1; i < FULL; i++)
		(void)vif_flow_reset(full.in_other[i], VIF_REASON_PROGRAM);
	assert_int_equal(full.rig.end[0]->tx_held, FULL * OF_FLOW);
	assert_null(told(&full));
	for (int i = 0; i < CIRCUITS - 1; i++)
		(void)wait_for(circuit[i], WINDOW);
	small = wait_for(circuit[CIRCUITS - 1], WINDOW / 2);
	(void)vif_flow_reset(full.in_other[0], VIF_REASON_PROGRAM);
	assert_int_equal(vif_flow_write(open_flow(full.other), bytes,
					OF_FLOW - WINDOW / 2),
			 OF_FLOW - WINDOW / 2);
	assert_ptr_equal(told(&full), small);
	assert_null(told(&full));
	rig_fini(&full.rig);
}

/* Who lowers what it needs hears of what is there. */
static void a_lower_mark_is_looked_at(void **state)
{
	struct vif_flow *flow, *other;
	struct full full;

	(void)state;
	make_full(&full, WINDOW);
	flow = wait_for(full.circuit, OF_FLOW);
	other = wait_for(full.circuit, OF_FLOW);
	move_all(&full.rig);
	assert_null(told(&full));
	vif_flow_set_low_water(other, WINDOW);
	assert_ptr_equal(told(&full), other);
	vif_flow_set_low_water(flow, WINDOW + 1);
	assert_null(told(&full));
	vif_flow_set_low_water(flow, 0);
	assert_ptr_equal(told(&full), flow);
	rig_fini(&full.rig);
}

static struct vif_flow *open_lane(struct vif_circuit *circuit)
{
	const struct vif_flow_config config = {
		.size = sizeof(config),
		.packets = true,
	};
	struct vif_flow *flow;

	assert_int_equal(vif_flow_open(circuit, &config, &flow), 0);
	return flow;
}

static int send_packet(struct vif_flow *lane, uint32_t len)
{
	uint8_t copy[OF_FLOW] = { 0 };
	struct iovec seg = { .iov_base = copy, .iov_len = len };
	const struct vif_packet packet = { .seg = &seg,
					   .n_seg = 1,
					   .len = len };

	return vif_flow_send_packet(lane, &packet);
}

/*
 * D10: memory comes back in small units, many wait for more, and each is woken
 * once. The first of the circuit sends as the other side reads it.
 */
static void lanes_are_told_of_room_for_a_packet(void **state)
{
	enum { LANES = 64, PACKET = 1000 };
	unsigned int n_wakes = 0, n_sent = 0;
	struct vif_flow *reader, *flow;
	struct full full;

	(void)state;
	make_full(&full, WINDOW);
	move_all(&full.rig);
	rig_listen(&full.rig, 1);
	reader = full.rig.flow[1];
	for (int i = 0; i < LANES; i++) {
		flow = open_lane(full.circuit);
		/* Less than what is refused says nothing. */
		vif_flow_set_low_water(flow, i % 2 ? 1 : 0);
		assert_int_equal(send_packet(flow, PACKET), 0);
	}
	for (int i = 0; n_sent < LANES; i++) {
		uint8_t got[WINDOW];

		assert_true(i < LANES * PACKET / WINDOW);
		while (n_wakes <= LANES && (flow = told(&full))) {
			n_wakes++;
			n_sent += send_packet(flow, PACKET) == 1;
		}
		assert_int_equal(n_wakes, n_sent);
		(void)vif_flow_read(reader, got, sizeof(got));
		move_all(&full.rig);
	}
	assert_int_equal(n_wakes, LANES);
	rig_fini(&full.rig);
}

/* What was refused is not what it has ended with. */
static void a_refused_packet_is_no_reason(void **state)
{
	struct vif_flow *lane;
	struct full full;

	(void)state;
	make_full(&full, WINDOW);
	lane = open_lane(full.circuit);
	assert_int_equal(send_packet(lane, 1), 0);
	assert_int_equal(vif_flow_reason(lane), VIF_REASON_NONE);
	assert_int_equal(vif_flow_reset(lane, VIF_REASON_PROGRAM), 0);
	assert_int_equal(vif_flow_reason(lane), VIF_REASON_PROGRAM);
	rig_fini(&full.rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_was_passed_over_hears_later),
		cmocka_unit_test(a_circuit_has_room_of_its_own),
		cmocka_unit_test(each_in_its_turn),
		cmocka_unit_test(who_leaves_the_line_is_forgotten),
		cmocka_unit_test(who_needs_less_is_not_behind_who_needs_more),
		cmocka_unit_test(
			a_circuit_whose_flows_need_more_is_passed_over),
		cmocka_unit_test(a_lower_mark_is_looked_at),
		cmocka_unit_test(lanes_are_told_of_room_for_a_packet),
		cmocka_unit_test(a_refused_packet_is_no_reason),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
