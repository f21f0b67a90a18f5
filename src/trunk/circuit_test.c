/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of circuits, as their programs see them. */
#include "trunk/core.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/trunk_hostile_open.h"
#include "tests/trunk_rig.h"

static void move_all(struct rig *rig)
{
	while (rig_move(rig, 0) + rig_move(rig, 1) > 0)
		;
}

/* One that brings text, if it is not NULL, and has ended before it is taken. */
static struct vif_circuit *came_and_went(struct rig *rig, const char *text)
{
	struct vif_trunk_event event;
	struct vif_flow *flow;

	rig_init(rig);
	rig_start(rig);
	assert_int_equal(vif_circuit_dial(rig->end[0], NULL, &rig->circuit[0]),
			 0);
	if (text) {
		assert_int_equal(vif_flow_open(rig->circuit[0], NULL, &flow),
				 0);
		assert_int_equal(vif_flow_write(flow, text, strlen(text)),
				 strlen(text));
	}
	move_all(rig);
	assert_int_equal(vif_circuit_close(rig->circuit[0], 0, NULL), 0);
	move_all(rig);
	assert_true(vif_trunk_next_event(rig->end[1], &event));
	assert_int_equal(event.type, VIF_CIRCUIT_INCOMING);
	assert_int_equal(vif_circuit_reason(event.circuit, NULL),
			 VIF_REASON_CLOSED);
	return event.circuit;
}

static void what_has_ended_can_be_taken_for_its_flows(void **state)
{
	struct vif_trunk_event event;
	struct vif_circuit *circuit;
	struct rig rig;
	char got[8];

	(void)state;
	circuit = came_and_went(&rig, "hello");
	assert_int_equal(vif_circuit_accept(circuit), 0);
	assert_int_equal(vif_circuit_accept(circuit), -EALREADY);
	assert_true(vif_trunk_next_event(rig.end[1], &event));
	assert_int_equal(event.type, VIF_FLOW_INCOMING);
	assert_int_equal(vif_flow_read(event.flow, got, sizeof(got)), 5);
	assert_memory_equal(got, "hello", 5);
	assert_int_equal(vif_flow_read(event.flow, got, sizeof(got)), -ENODATA);
	/* Its end is told behind all of them. */
	do
		assert_true(vif_trunk_next_event(rig.end[1], &event));
	while (event.flow);
	assert_int_equal(event.type, VIF_CIRCUIT_CLOSED);
	assert_ptr_equal(event.circuit, circuit);
	rig_fini(&rig);
}

static void what_has_ended_and_brought_nothing_cannot(void **state)
{
	struct vif_circuit *circuit;
	struct rig rig;

	(void)state;
	circuit = came_and_went(&rig, NULL);
	assert_int_equal(vif_circuit_accept(circuit), -ECONNABORTED);
	rig_fini(&rig);
}

/* Whoever has refused it does not get its flows afterwards. */
static void what_was_refused_cannot(void **state)
{
	struct vif_circuit *circuit;
	struct rig rig;

	(void)state;
	circuit = came_and_went(&rig, "hello");
	vif_circuit_abort(circuit, 0, NULL);
	assert_int_equal(vif_circuit_accept(circuit), -ECONNABORTED);
	rig_fini(&rig);
}

/* Dials n circuits at once; they are told apart by what happens to them. */
static void dial_many(struct rig *rig, struct vif_circuit **circuit, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		assert_int_equal(
			vif_circuit_dial(rig->end[0], NULL, &circuit[i]), 0);
}

/* So many of them got through, and the rest were refused on this side. */
static void check_limited(struct rig *rig, struct vif_circuit **circuit,
			  uint32_t n, uint32_t n_open)
{
	for (uint32_t i = 0; i < n; i++) {
		assert_int_equal(circuit[i]->state,
				 i < n_open ? CIRCUIT_OPEN : CIRCUIT_CLOSED);
		assert_int_equal(vif_circuit_reason(circuit[i], NULL),
				 i < n_open ? VIF_REASON_NONE :
					      VIF_REASON_LIMIT);
	}
	assert_true(vif_trunk_is_ready(rig->end[0]));
	assert_int_equal(rig->end[1]->n_circuits, n_open);
	assert_int_equal(rig->end[1]->stats.refused_circuits, 0);
}

static void early_ones_keep_to_the_hello(void **state)
{
	struct vif_circuit *circuit[4];
	struct rig rig;

	(void)state;
	rig_init(&rig);
	rig.config[1].circuits_max = 3;
	rig_make(&rig);
	dial_many(&rig, circuit, 4);
	rig_run(&rig);
	check_limited(&rig, circuit, 4, 3);
	assert_true(rig_saw(&rig, 0, VIF_CIRCUIT_CLOSED));
	/* As any other dialled now. */
	assert_int_equal(vif_circuit_dial(rig.end[0], NULL, &circuit[3]),
			 -EAGAIN);
	rig_fini(&rig);
}

/* The other side would end the trunk. */
static void early_ones_keep_to_the_bucket(void **state)
{
	struct vif_circuit *circuit[300];
	struct rig rig;

	(void)state;
	rig_init(&rig);
	for (int i = 0; i < 2; i++) {
		rig.config[i].window = 128 << 20;
		rig.config[i].circuits_max = i == 0 ? 1 : 512;
		rig.config[i].handshakes_max = 512;
	}
	rig_make(&rig);
	dial_many(&rig, circuit, 300);
	rig_run(&rig);
	check_limited(&rig, circuit, 300, 256);
	assert_int_equal(vif_circuit_dial(rig.end[0], NULL, &circuit[0]),
			 -EAGAIN);
	rig_advance(&rig, 1000000000 / 16);
	dial_many(&rig, circuit, 1);
	rig_fini(&rig);
}

/* How many of those that are being dialled count as led to a key. */
static uint32_t shut(enum vif_circuit_mode mode, bool has_key, int whose,
		     bool early)
{
	struct vif_circuit *circuit;
	struct rig rig;
	uint32_t n;
	struct vif_circuit_config config = {
		.size = sizeof(config),
		.mode = mode,
	};

	rig_init(&rig);
	if (has_key)
		config.remote = rig.key[1];
	rig_make(&rig);
	if (!early)
		rig_run(&rig);
	assert_int_equal(vif_circuit_dial(rig.end[0], &config, &circuit), 0);
	n = vif_trunk_shut_remote(rig.end[0], rig.key[whose]);
	assert_int_equal(n, circuit->state == CIRCUIT_CLOSED);
	rig_run(&rig);
	assert_int_equal(circuit->state, n > 0 ? CIRCUIT_CLOSED : CIRCUIT_OPEN);
	assert_int_equal(rig.end[1]->n_circuits, 1 - n);
	rig_fini(&rig);
	return n;
}

static void what_is_being_dialled_is_shut(void **state)
{
	(void)state;
	for (int mode = VIF_CIRCUIT_DERIVED; mode <= VIF_CIRCUIT_SEALED;
	     mode++) {
		enum vif_circuit_mode m = (enum vif_circuit_mode)mode;

		for (int early = 0; early < 2; early++) {
			assert_int_equal(shut(m, true, 1, early), 1);
			assert_int_equal(shut(m, true, 0, early), 0);
		}
		assert_int_equal(shut(m, false, 1, false),
				 m == VIF_CIRCUIT_DERIVED);
		assert_int_equal(shut(m, false, 0, false), 0);
	}
}

static void many_can_be_dialled_at_once(void **state)
{
	struct vif_circuit *circuit[64];
	uint32_t most = 0;
	struct rig rig;

	(void)state;
	rig_init(&rig);
	rig_start(&rig);
	dial_many(&rig, circuit, 64);
	assert_int_equal(vif_circuit_dial(rig.end[0], NULL, &circuit[0]),
			 -EAGAIN);
	do {
		(void)rig_move(&rig, 0);
		if (rig.end[1]->n_handshakes > most)
			most = rig.end[1]->n_handshakes;
	} while (rig_move(&rig, 1) > 0);
	assert_int_equal(most, 16);
	check_limited(&rig, circuit, 64, 64);
	for (uint32_t i = 0; i < 64; i++)
		assert_int_equal(vif_circuit_id(circuit[i]), 1 + 2 * i);
	assert_false(vif_trunk_wants_send(rig.end[0]));
	rig_fini(&rig);
}

/* The same with some that are given up, before and after they were sent. */
static void a_place_comes_back(void **state)
{
	struct vif_circuit *circuit[20];
	struct rig rig;

	(void)state;
	rig_init(&rig);
	rig_start(&rig);
	dial_many(&rig, circuit, 20);
	assert_int_equal(circuit[16]->state, CIRCUIT_WAITING);
	vif_circuit_abort(circuit[16], 0, NULL);
	vif_circuit_abort(circuit[1], 0, NULL);
	(void)rig_move(&rig, 0);
	assert_int_equal(circuit[17]->state, CIRCUIT_OPENING);
	assert_int_equal(circuit[18]->state, CIRCUIT_WAITING);
	assert_false(vif_trunk_wants_send(rig.end[0]));
	vif_circuit_abort(circuit[0], 0, NULL);
	assert_true(vif_trunk_wants_send(rig.end[0]));
	rig_run(&rig);
	assert_int_equal(rig.end[0]->n_opening, 0);
	assert_int_equal(rig.end[1]->n_circuits, 17);
	assert_int_equal(rig.end[1]->stats.refused_circuits, 0);
	rig_fini(&rig);
}

/* Nothing but that there is room again is to be sent for. */
static void a_place_that_was_not_used_comes_back(void **state)
{
	struct vif_circuit *circuit[17];
	struct rig rig;

	(void)state;
	rig_init(&rig);
	rig_start(&rig);
	dial_many(&rig, circuit, 15);
	(void)vif_trunk_send(rig.end[0], rig.buffer, sizeof(rig.buffer));
	dial_many(&rig, circuit + 15, 2);
	vif_circuit_abort(circuit[15], 0, NULL);
	assert_true(vif_trunk_wants_send(rig.end[0]));
	assert_true(vif_trunk_send(rig.end[0], rig.buffer, sizeof(rig.buffer)) >
		    0);
	assert_int_equal(vif_circuit_id(circuit[16]), 31);
	rig_fini(&rig);
}

static void a_drain_waits_for_what_was_dialled(void **state)
{
	struct vif_circuit *circuit[40];
	struct rig rig;

	(void)state;
	rig_init(&rig);
	rig_start(&rig);
	dial_many(&rig, circuit, 40);
	assert_int_equal(vif_trunk_drain(rig.end[0]), 0);
	while (rig_move(&rig, 0) + rig_move(&rig, 1) > 0)
		;
	for (int i = 0; i < 40; i++) {
		assert_int_not_equal(vif_circuit_id(circuit[i]), 0);
		assert_int_not_equal(vif_circuit_reason(circuit[i], NULL),
				     VIF_REASON_LIMIT);
	}
	assert_int_equal(rig.end[1]->stats.refused_circuits, 0);
	assert_true(vif_trunk_is_closed(rig.end[0]));
	rig_fini(&rig);
}

/* Nobody answers: those that wait have no more time than the others. */
static void who_waits_has_a_deadline(void **state)
{
	struct vif_circuit *circuit[20];
	struct rig rig;

	(void)state;
	rig_init(&rig);
	rig_start(&rig);
	dial_many(&rig, circuit, 20);
	(void)vif_trunk_send(rig.end[0], rig.buffer, sizeof(rig.buffer));
	assert_int_equal(vif_trunk_deadline(rig.end[0]),
			 rig.now_ns + UINT64_C(10000000000));
	rig_advance(&rig, UINT64_C(10000000000));
	for (int i = 0; i < 20; i++)
		assert_int_equal(vif_circuit_reason(circuit[i], NULL),
				 VIF_REASON_TIMEOUT);
	assert_int_equal(rig.end[0]->n_opening, 0);
	rig_fini(&rig);
}

static void fewer_handshakes_than_all_count_on_are_refused(void **state)
{
	struct rig rig;

	(void)state;
	rig_init(&rig);
	rig.config[0].handshakes_max = 15;
	assert_int_equal(vif_trunk_new(VIF_TRUNK_DIALER, &rig.config[0],
				       rig.now_ns, &rig.end[0], NULL),
			 -EINVAL);
	rig_fini(&rig);
}

static const struct {
	const char *name;
	bool is_good;
} services[] = {
	{ "", true },
	{ "echo", true },
	{ "\xc3\xa9t\xc3\xa9", true },
	{ "\xff\x1b\x80", false },
	{ "\xc3", false },
	{ "a\x1b[2J", false },
	{ "a\xc2\x9b", false }, /* the same in one character */
};

static void a_service_is_text(void **state)
{
	struct vif_circuit_config config = { .size = sizeof(config) };
	struct vif_circuit *circuit;
	struct rig rig;

	(void)state;
	rig_init(&rig);
	rig_start(&rig);
	for (size_t i = 0; i < ARRAY_LEN(services); i++) {
		config.service = services[i].name;
		assert_int_equal(
			vif_circuit_dial(rig.end[0], &config, &circuit),
			services[i].is_good ? 0 : -EINVAL);
		rig_run(&rig);
		if (services[i].is_good)
			assert_string_equal(vif_circuit_service(rig.circuit[1]),
					    services[i].name);
	}
	rig_fini(&rig);
}

static void a_service_that_comes_is_text(void **state)
{
	static struct hostile h;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(services); i++) {
		uint8_t body[CORE_OPEN_MAX];
		size_t n = strlen(services[i].name);

		hostile_init(&h, VIF_TRUNK_ACCEPTER);
		hostile_start(&h);
		(void)hostile_open_body(&h, VIF_CIRCUIT_DERIVED, body);
		body[48] = (uint8_t)n;
		memcpy(body + CORE_OPEN_FIXED, services[i].name, n);
		(void)hostile_control(&h, FRAME_TRUNK_OPEN, 1,
				      hostile_hop(1 << 20), body,
				      CORE_OPEN_FIXED + n);
		assert_int_equal(vif_trunk_reason(h.trunk, NULL),
				 services[i].is_good ? VIF_REASON_NONE :
						       VIF_REASON_PROTOCOL);
		hostile_fini(&h);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_has_ended_can_be_taken_for_its_flows),
		cmocka_unit_test(what_has_ended_and_brought_nothing_cannot),
		cmocka_unit_test(what_was_refused_cannot),
		cmocka_unit_test(early_ones_keep_to_the_hello),
		cmocka_unit_test(early_ones_keep_to_the_bucket),
		cmocka_unit_test(what_is_being_dialled_is_shut),
		cmocka_unit_test(many_can_be_dialled_at_once),
		cmocka_unit_test(a_service_is_text),
		cmocka_unit_test(a_service_that_comes_is_text),
		cmocka_unit_test(a_place_comes_back),
		cmocka_unit_test(a_place_that_was_not_used_comes_back),
		cmocka_unit_test(a_drain_waits_for_what_was_dialled),
		cmocka_unit_test(who_waits_has_a_deadline),
		cmocka_unit_test(
			fewer_handshakes_than_all_count_on_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
