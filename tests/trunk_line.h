/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two trunks on a long line, for tests of windows.
 *
 * What an end has sent arrives half a round trip later, all at once. One writes
 * as much as it may, the other reads as much as the test wants.
 */
#ifndef TESTS_TRUNK_LINE_H
#define TESTS_TRUNK_LINE_H

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

static inline struct line *line_new(void)
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

static inline void line_start(struct line *line)
{
	struct rig *rig = &line->rig;

	rig_start(rig);
	rig_dial(rig, VIF_CIRCUIT_DERIVED);
	assert_int_equal(vif_flow_open(rig->circuit[0], NULL, &line->flow), 0);
	assert_int_equal(vif_flow_write(line->flow, "x", 1), 1);
	rig_run(rig);
	assert_non_null(rig->flow[1]);
}

static inline void line_free(struct line *line)
{
	rig_fini(&line->rig);
	free(line);
}

/* What an end has to say arrives half a round trip later. */
static inline void carry(struct line *line, int from)
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

static inline void read_some(struct line *line)
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
static inline void play(struct line *line, int n_rounds)
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

static inline uint32_t circuit_window(const struct line *line)
{
	return line->rig.circuit[1]->rx_credit.window;
}

static inline uint32_t flow_window(const struct line *line)
{
	return line->rig.flow[1]->rx_credit.window;
}

static inline void check_windows(const struct line *line, uint32_t circuit,
				 uint32_t flow)
{
	assert_int_equal(circuit_window(line), circuit);
	assert_int_equal(flow_window(line), flow);
}

#endif
