/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the gate that programs have: its limits, its tickets. */
#include <vif/trunk_gate.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tests/trunk_rig.h"

static int fill(void *user, uint8_t *bytes, size_t len)
{
	(void)user;
	memset(bytes, 7, len);
	return 0;
}

static int no_random(void *user, uint8_t *bytes, size_t len)
{
	(void)user, (void)bytes, (void)len;
	return -ENOSYS;
}

static struct vif_trunk_gate *make(uint32_t places, uint32_t source_places)
{
	const struct vif_trunk_gate_config config = {
		.size = sizeof(config),
		.places = places,
		.source_places = source_places,
		.random = fill,
	};
	struct vif_trunk_gate *gate = NULL;

	assert_int_equal(vif_trunk_gate_new(&config, &gate, NULL), 0);
	return gate;
}

static int enter(struct vif_trunk_gate *gate, uint32_t source, uint64_t *place)
{
	return vif_trunk_gate_enter(gate, &source, sizeof(source), place);
}

/* Just up to the limits, and one more. */
static void check_limits(struct vif_trunk_gate *gate, uint32_t places,
			 uint32_t source_places)
{
	struct vif_trunk_gate_stats stats;
	uint64_t place = 0, first = 0;

	for (uint32_t i = 0; i < places; i++)
		assert_int_equal(enter(gate, i / source_places,
				       i == 0 ? &first : &place),
				 VIF_GATE_ENTERED);
	place = 99;
	assert_int_equal(enter(gate, 0, &place), VIF_GATE_SOURCE_FULL);
	assert_int_equal(enter(gate, 1000, &place), VIF_GATE_FULL);
	assert_int_equal(place, 99);
	vif_trunk_gate_stats(gate, &stats);
	assert_int_equal(stats.entered, places);
	assert_int_equal(stats.places, places);
	assert_int_equal(stats.refused, 1);
	assert_int_equal(stats.refused_source, 1);
	assert_int_equal(vif_trunk_gate_leave(gate, first), 0);
	assert_int_equal(enter(gate, 0, &place), VIF_GATE_ENTERED);
	assert_int_equal(enter(gate, 1000, &place), VIF_GATE_FULL);
	vif_trunk_gate_free(gate);
}

static void defaults_are_256_and_16(void **state)
{
	struct vif_trunk_gate *gate = NULL;

	(void)state;
	assert_int_equal(vif_trunk_gate_new(NULL, &gate, NULL), 0);
	check_limits(gate, 256, 16);
	check_limits(make(0, 0), 256, 16);
}

static void limits_can_be_set(void **state)
{
	(void)state;
	check_limits(make(256, 256), 256, 256);
	check_limits(make(7, 2), 7, 2);
	check_limits(make(1, 1), 1, 1);
	check_limits(make(5, 0), 5, 5); /* 16 would be above */
	check_limits(make(40, 0), 40, 16);
}

static void limits_that_make_no_sense_are_refused(void **state)
{
	static const uint32_t limits[][2] = { { 257, 0 },
					      { 7, 8 },
					      { 0, 257 } };
	struct vif_trunk_gate_config config = { .size = sizeof(config) };
	struct vif_trunk_gate *gate = NULL;
	struct vif_error error;

	(void)state;
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		config.places = limits[i][0];
		config.source_places = limits[i][1];
		assert_int_equal(vif_trunk_gate_new(&config, &gate, &error),
				 -EINVAL);
		assert_int_equal(error.code, -EINVAL);
		assert_non_null(strstr(error.why, "above"));
	}
	config = (struct vif_trunk_gate_config){ .size = 1 };
	assert_int_equal(vif_trunk_gate_new(&config, &gate, NULL), -EINVAL);
	assert_null(gate);
}

static void there_is_no_gate_without_randomness(void **state)
{
	const struct vif_trunk_gate_config config = {
		.size = sizeof(config),
		.random = no_random,
	};
	struct vif_trunk_gate *gate = NULL;

	(void)state;
	assert_int_equal(vif_trunk_gate_new(&config, &gate, NULL), -ENOSYS);
	assert_null(gate);
	vif_trunk_gate_free(NULL);
}

/* A place that somebody else has by now is not given back for him. */
static void a_place_is_given_back_once(void **state)
{
	struct vif_trunk_gate *gate = make(1, 1);
	uint64_t first = 0, second = 0;

	(void)state;
	assert_int_equal(vif_trunk_gate_leave(gate, 0), -ENOENT);
	assert_int_equal(vif_trunk_gate_leave(gate, UINT64_MAX), -ENOENT);
	assert_int_equal(enter(gate, 1, &first), VIF_GATE_ENTERED);
	assert_int_not_equal(first, 0);
	assert_int_equal(vif_trunk_gate_leave(gate, first), 0);
	assert_int_equal(vif_trunk_gate_leave(gate, first), -ENOENT);
	assert_int_equal(enter(gate, 1, &second), VIF_GATE_ENTERED);
	assert_int_not_equal(first, second);
	assert_int_equal(vif_trunk_gate_leave(gate, first), -ENOENT);
	assert_int_equal(enter(gate, 1, &first), VIF_GATE_SOURCE_FULL);
	assert_int_equal(vif_trunk_gate_leave(gate, second), 0);
	vif_trunk_gate_free(gate);
}

/* What a listener does: the place is free when the trunk is ready. */
static void a_handshake_holds_a_place(void **state)
{
	struct vif_trunk_gate *gate = make(1, 1);
	struct vif_trunk_gate_stats stats;
	uint64_t place = 0, other;
	struct rig rig;

	(void)state;
	rig_init(&rig);
	assert_int_equal(enter(gate, 1, &place), VIF_GATE_ENTERED);
	rig_make(&rig);
	assert_int_equal(enter(gate, 2, &other), VIF_GATE_FULL);
	rig_run(&rig);
	assert_true(rig_saw(&rig, 1, VIF_TRUNK_READY));
	assert_int_equal(vif_trunk_gate_leave(gate, place), 0);
	vif_trunk_gate_stats(gate, &stats);
	assert_int_equal(stats.places, 0);
	assert_int_equal(enter(gate, 2, &other), VIF_GATE_ENTERED);
	rig_fini(&rig);
	vif_trunk_gate_free(gate);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_are_256_and_16),
		cmocka_unit_test(limits_can_be_set),
		cmocka_unit_test(limits_that_make_no_sense_are_refused),
		cmocka_unit_test(there_is_no_gate_without_randomness),
		cmocka_unit_test(a_place_is_given_back_once),
		cmocka_unit_test(a_handshake_holds_a_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
