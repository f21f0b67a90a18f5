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

#include "tests/trunk_rig.h"

#define MS UINT64_C(1000000)

enum {
	KIB = 1 << 10,
	MIB = 1 << 20,
	CIRCUIT_FIRST = 128 * KIB,
	FLOW_FIRST = 64 * KIB,
	LINE_SIZE = 40 * MIB, /* more than any window here */
};

/* A line, with what one end has sent and the other has not got. */
struct line {
	struct rig rig;
	struct vif_flow *flow;
	uint64_t rtt_ns;
	uint64_t rest_ns;  /* between two rounds */
	uint32_t read_max; /* by the reader, in a round */
	uint8_t bytes[LINE_SIZE];
};

static struct line *line_new(void)
{
	struct line *line = malloc(sizeof(*line));

	assert_non_null(line);
	rig_init(&line->rig);
	line->rtt_ns = 100 * MS;
	line->rest_ns = 0;
	line->read_max = UINT32_MAX;
	line->rig.config[0].flow_send_max = LINE_SIZE;
	line->rig.config[0].send_max = LINE_SIZE;
	return line;
}

static void line_start(struct line *line)
{
	struct rig *rig = &line->rig;

	rig_start(rig);
	rig_dial(rig, VIF_CIRCUIT_DERIVED);
	assert_int_equal(vif_flow_open(rig->circuit[0], NULL, &line->flow), 0);
	assert_int_equal(vif_flow_write(line->flow, "x", 1), 1);
	rig_run(rig);
	assert_non_null(rig->flow[1]);
}

static void line_free(struct line *line)
{
	rig_fini(&line->rig);
	free(line);
}

/* What an end has to say arrives half a round trip later. */
static void carry(struct line *line, int from)
{
	struct rig *rig = &line->rig;
	size_t len = 0;
	int64_t n;

	while ((n = vif_trunk_send(rig->end[from], line->bytes + len,
				   LINE_SIZE - len)) > 0)
		len += (size_t)n;
	assert_int_equal(n, 0);
	rig_advance(rig, line->rtt_ns / 2);
	(void)vif_trunk_receive(rig->end[1 - from], line->bytes, len);
	rig_listen(rig, 1 - from);
}

static void read_some(struct line *line)
{
	static uint8_t to[64 * KIB];
	uint32_t left = line->read_max;

	while (left > 0) {
		size_t want = left < sizeof(to) ? left : sizeof(to);
		int64_t n = vif_flow_read(line->rig.flow[1], to, want);

		if (n <= 0)
			return;
		left -= (uint32_t)n;
	}
}

/* The writer always has more than a window. */
static void play(struct line *line, int n_rounds)
{
	static uint8_t from[MIB];

	for (int i = 0; i < n_rounds; i++) {
		while (vif_flow_write(line->flow, from, sizeof(from)) ==
		       sizeof(from))
			;
		carry(line, 0);
		read_some(line);
		carry(line, 1);
		rig_advance(&line->rig, line->rest_ns);
	}
}

static uint32_t circuit_window(const struct line *line)
{
	return line->rig.circuit[1]->rx_credit.window;
}

static uint32_t flow_window(const struct line *line)
{
	return line->rig.flow[1]->rx_credit.window;
}

static void check_windows(const struct line *line, uint32_t circuit,
			  uint32_t flow)
{
	assert_int_equal(circuit_window(line), circuit);
	assert_int_equal(flow_window(line), flow);
}

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
