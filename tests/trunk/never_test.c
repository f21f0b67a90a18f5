/* SPDX-License-Identifier: Apache-2.0 */
/*
 * C10: times of a trunk that are UINT64_MAX never come, not even at the end of
 * the clock; and each other one does.
 */
#include "trunk/core.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "tests/trunk_rig.h"

/* What a dialer can wait for. */
enum state {
	IN_HANDSHAKE,
	READY,        /* no circuit was ever there */
	DIALLING,     /* a circuit that is not answered */
	CIRCUIT_IDLE, /* one without flows */
	TRUNK_IDLE,   /* its last circuit is gone */
	DRAINING,     /* with a flow that does not end */
	CIRCUIT_SHUT, /* CLOSE was sent, and nobody answers */
	N_STATE,
};

static const struct option {
	const char *name;
	size_t offset;
	enum state state;  /* where it is what is waited for */
	unsigned int part; /* of it, after which something happens */
} option[] = {
#define OPTION(name, state, part)                                           \
	{                                                                   \
#name, offsetof(struct vif_trunk_config, name), state, part \
	}
	OPTION(handshake_ns, IN_HANDSHAKE, 1),
	OPTION(start_ns, READY, 1),
	OPTION(circuit_handshake_ns, DIALLING, 1),
	OPTION(circuit_idle_ns, CIRCUIT_IDLE, 1),
	OPTION(idle_ns, TRUNK_IDLE, 1),
	OPTION(drain_ns, DRAINING, 1),
	OPTION(drain_ns, CIRCUIT_SHUT, 1),
	OPTION(health_ns, READY, 2),
	OPTION(health_ns, DRAINING, 2),
	OPTION(rekey_ns, READY, 1),
	OPTION(rekey_ns, CIRCUIT_IDLE, 1),
#undef OPTION
};

static uint64_t *time_of(struct vif_trunk_config *config,
			 const struct option *which)
{
	return (uint64_t *)(void *)((char *)config + which->offset);
}

static void never(struct rig *rig)
{
	rig_init(rig);
	for (int i = 0; i < 2; i++)
		for (size_t k = 0; k < ARRAY_LEN(option); k++)
			*time_of(&rig->config[i], &option[k]) = UINT64_MAX;
}

static void open_circuit(struct rig *rig, bool with_flow)
{
	struct vif_flow *flow;

	rig_dial(rig, VIF_CIRCUIT_DERIVED);
	if (!with_flow)
		return;
	assert_int_equal(vif_flow_open(rig->circuit[0], NULL, &flow), 0);
	assert_int_equal(vif_flow_write(flow, "x", 1), 1);
	rig_run(rig);
}

static void close_circuit(struct rig *rig)
{
	open_circuit(rig, false);
	assert_int_equal(vif_circuit_close(rig->circuit[0], 0, NULL), 0);
}

/* What the dialer says after that, the other side does not hear. */
static void come_to(struct rig *rig, enum state state)
{
	rig_make(rig);
	if (state != IN_HANDSHAKE)
		rig_run(rig);
	if (state == DIALLING)
		assert_int_equal(
			vif_circuit_dial(rig->end[0], NULL, &rig->circuit[0]),
			0);
	if (state == CIRCUIT_IDLE || state == DRAINING)
		open_circuit(rig, state == DRAINING);
	if (state == TRUNK_IDLE || state == CIRCUIT_SHUT)
		close_circuit(rig);
	if (state == TRUNK_IDLE)
		rig_run(rig);
	if (state == DRAINING)
		assert_int_equal(vif_trunk_drain(rig->end[0]), 0);
	(void)vif_trunk_send(rig->end[0], rig->buffer, sizeof(rig->buffer));
}

static void nothing_happens(struct vif_trunk *trunk, uint64_t now_ns)
{
	struct vif_trunk_event event;

	assert_true(vif_trunk_deadline(trunk) == UINT64_MAX);
	vif_trunk_advance(trunk, now_ns);
	assert_int_equal(vif_trunk_reason(trunk, NULL), VIF_REASON_NONE);
	assert_false(vif_trunk_is_closed(trunk));
	assert_false(vif_trunk_next_event(trunk, &event));
	assert_false(vif_trunk_wants_send(trunk));
	assert_true(vif_trunk_deadline(trunk) == UINT64_MAX);
}

static void never_does_not_come(void **state)
{
	static struct rig rig;

	(void)state;
	for (unsigned int where = 0; where < N_STATE; where++) {
		never(&rig);
		come_to(&rig, where);
		rig_listen(&rig, 0);
		nothing_happens(rig.end[0], UINT64_MAX - 1);
		nothing_happens(rig.end[0], UINT64_MAX);
		rig_fini(&rig);
	}
}

/* The other times do not keep one from coming. */
static void the_rest_comes(void **state)
{
	static const uint64_t time_ns[] = { UINT64_C(2000000000),
					    UINT64_C(86400000000000),
					    UINT64_MAX - RIG_START - 1 };
	static struct rig rig;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(option); i++)
		for (size_t k = 0; k < ARRAY_LEN(time_ns); k++) {
			print_message("%s, %zu\n", option[i].name, k);
			never(&rig);
			*time_of(&rig.config[0], &option[i]) = time_ns[k];
			come_to(&rig, option[i].state);
			assert_true(vif_trunk_deadline(rig.end[0]) ==
				    RIG_START + time_ns[k] / option[i].part);
			rig_fini(&rig);
		}
}

/* One more would be behind the end of the clock, and so never. */
static void what_comes_too_late_is_never(void **state)
{
	static struct rig rig;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(option); i++) {
		if (option[i].part != 1)
			continue;
		never(&rig);
		*time_of(&rig.config[0], &option[i]) = UINT64_MAX - RIG_START;
		come_to(&rig, option[i].state);
		rig_listen(&rig, 0);
		nothing_happens(rig.end[0], UINT64_MAX);
		rig_fini(&rig);
	}
}

/* The longest time that is one: asked for after half of it, not at once. */
static void the_longest_health(void **state)
{
	static struct rig rig;

	(void)state;
	never(&rig);
	rig.config[0].health_ns = UINT64_MAX - 1;
	come_to(&rig, READY);
	vif_trunk_advance(rig.end[0], RIG_START + UINT64_MAX / 2 - 1);
	assert_false(vif_trunk_wants_send(rig.end[0]));
	vif_trunk_advance(rig.end[0], RIG_START + UINT64_MAX / 2);
	assert_true(vif_trunk_wants_send(rig.end[0]));
	vif_trunk_advance(rig.end[0], UINT64_MAX);
	assert_true(vif_trunk_is_ready(rig.end[0]));
	rig_fini(&rig);
}

/* A nanosecond of health is asked for at once, and over with the next. */
static void the_shortest_health(void **state)
{
	static struct rig rig;

	(void)state;
	never(&rig);
	rig.config[0].health_ns = 1;
	come_to(&rig, READY);
	vif_trunk_advance(rig.end[0], RIG_START);
	assert_true(vif_trunk_wants_send(rig.end[0]));
	assert_true(vif_trunk_is_ready(rig.end[0]));
	vif_trunk_advance(rig.end[0], RIG_START + 1);
	assert_int_equal(vif_trunk_reason(rig.end[0], NULL), VIF_REASON_HEALTH);
	rig_fini(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(never_does_not_come),
		cmocka_unit_test(the_rest_comes),
		cmocka_unit_test(what_comes_too_late_is_never),
		cmocka_unit_test(the_longest_health),
		cmocka_unit_test(the_shortest_health),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
