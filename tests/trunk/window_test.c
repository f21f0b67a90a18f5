/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Windows that grow, between two trunks on a long line.
 *
 * docs/design/trunk.md, section 7: a window is doubled when more than half of it
 * is consumed in less than two round trips, up to its maximum and as far as
 * memory allows.
 */
#include "trunk/core.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/trunk_line.h"

static void grows_to_its_maximum(void **state)
{
	struct line *line = line_new();
	uint64_t before;

	(void)state;
	line->rig.config[1].circuit_window_max = 2 * MIB;
	line->rig.config[1].flow_window_max = 500 * KIB;
	line_start(line);
	check_windows(line, CIRCUIT_FIRST, FLOW_FIRST);
	play(line, 30);
	check_windows(line, 2 * MIB, 500 * KIB);
	/* And is what the writer gets. */
	before = line->rig.end[1]->stats.rx_payload;
	play(line, 1);
	assert_in_range(line->rig.end[1]->stats.rx_payload - before, 250 * KIB,
			500 * KIB);
	line_free(line);
}

/* One flow never holds all of its circuit. */
static void a_flow_grows_to_half_of_its_circuit(void **state)
{
	struct line *line = line_new();

	(void)state;
	line->rig.config[1].circuit_window_max = 600 * KIB;
	line_start(line);
	play(line, 30);
	check_windows(line, 600 * KIB, 300 * KIB);
	line_free(line);
}

/* As far as the defaults go, where there is memory for it. */
static void grows_to_the_default_maximum(void **state)
{
	struct line *line = line_new();

	(void)state;
	line->rig.config[1].window = 64 * MIB;
	line_start(line);
	play(line, 40);
	check_windows(line, 16 * MIB, 8 * MIB);
	line_free(line);
}

/* The circuits that may still come keep what was promised to them. */
static void stops_where_memory_does(void **state)
{
	struct line *line = line_new();
	struct vif_trunk *reader;

	(void)state;
	line->rig.config[1].window = (64 + 2) * CIRCUIT_FIRST;
	line_start(line);
	play(line, 30);
	check_windows(line, 3 * CIRCUIT_FIRST, 3 * CIRCUIT_FIRST / 2);
	reader = line->rig.end[1];
	assert_int_equal(reader->windows, 3 * CIRCUIT_FIRST);
	for (int i = 1; i < 64; i++)
		rig_dial(&line->rig, VIF_CIRCUIT_DERIVED);
	assert_int_equal(reader->n_circuits, 64);
	assert_int_equal(reader->windows, reader->config.window);
	line_free(line);
}

/* A quarter of the window in a round trip, so half of it in two. */
static void stays_when_the_reader_is_slow(void **state)
{
	struct line *line = line_new();

	(void)state;
	line->read_max = FLOW_FIRST / 4;
	line_start(line);
	play(line, 100);
	check_windows(line, CIRCUIT_FIRST, FLOW_FIRST);
	line_free(line);
}

/* There is time enough for the credit to come back: it is no hindrance. */
static void stays_when_the_line_is_short(void **state)
{
	struct line *line = line_new();

	(void)state;
	line->rtt_ns = MS;
	line->rest_ns = 2 * MS;
	line_start(line);
	play(line, 100);
	check_windows(line, CIRCUIT_FIRST, FLOW_FIRST);
	line_free(line);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(grows_to_its_maximum),
		cmocka_unit_test(a_flow_grows_to_half_of_its_circuit),
		cmocka_unit_test(grows_to_the_default_maximum),
		cmocka_unit_test(stops_where_memory_does),
		cmocka_unit_test(stays_when_the_reader_is_slow),
		cmocka_unit_test(stays_when_the_line_is_short),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
