/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of flows, as their programs see them. */
#include "trunk/core.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/trunk_rig.h"

/* A flow from the dialer that has brought text. */
static void bring(struct rig *rig, const char *text)
{
	rig_init(rig);
	rig_start(rig);
	rig_dial(rig, VIF_CIRCUIT_DERIVED);
	assert_int_equal(vif_flow_open(rig->circuit[0], NULL, &rig->flow[0]),
			 0);
	assert_int_equal(vif_flow_write(rig->flow[0], text, strlen(text)),
			 strlen(text));
	rig_run(rig);
	assert_non_null(rig->flow[1]);
}

static void peeked_bytes_stay_until_something_comes(void **state)
{
	struct iovec piece;
	struct rig rig;
	char got[8];

	(void)state;
	bring(&rig, "hello");
	assert_int_equal(vif_flow_peek(rig.flow[1], &piece, 1), 1);
	assert_int_equal(vif_flow_write(rig.flow[1], "answer", 6), 6);
	rig_advance(&rig, 1000000000);
	(void)rig_move(&rig, 1);
	assert_int_equal(vif_flow_reset(rig.flow[1], VIF_REASON_PROGRAM), 0);
	vif_circuit_free(rig.circuit[1]);
	(void)vif_trunk_close(rig.end[1], 0, NULL);
	(void)rig_move(&rig, 1);
	assert_int_equal(piece.iov_len, 5);
	assert_memory_equal(piece.iov_base, "hello", 5);
	assert_int_equal(vif_flow_read(rig.flow[1], got, sizeof(got)), 5);
	rig_fini(&rig);
}

static void a_reset_takes_unread_bytes_away(void **state)
{
	struct iovec piece;
	struct rig rig;

	(void)state;
	bring(&rig, "hello");
	assert_int_equal(vif_flow_peek(rig.flow[1], &piece, 1), 1);
	assert_int_equal(vif_flow_reset(rig.flow[0], VIF_REASON_PROGRAM), 0);
	rig_run(&rig);
	assert_int_equal(vif_flow_peek(rig.flow[1], &piece, 1), -ECONNRESET);
	assert_int_equal(rig.end[1]->rx_held, 0);
	rig_fini(&rig);
}

/* A flow on which nothing may be sent at first. */
static void open_without_window(struct rig *rig)
{
	rig_init(rig);
	rig_make(rig);
	rig->end[1]->config.flow_window = 0;
	rig_run(rig);
	rig_dial(rig, VIF_CIRCUIT_DERIVED);
	assert_int_equal(vif_flow_open(rig->circuit[0], NULL, &rig->flow[0]),
			 0);
}

/*
 * D3: a first window of 0, then a grant. No configuration asks for it, but the
 * other side may.
 */
static void a_first_window_of_nothing_is_granted_later(void **state)
{
	enum { GRANT = 100 };
	static const uint8_t bytes[GRANT + 1];
	uint8_t got[sizeof(bytes)];
	struct rig rig;

	(void)state;
	open_without_window(&rig);
	assert_int_equal(vif_flow_write(rig.flow[0], bytes, sizeof(bytes)),
			 sizeof(bytes));
	assert_int_equal(vif_flow_finish(rig.flow[0]), 0);
	rig_run(&rig);
	assert_non_null(rig.flow[1]);
	assert_int_equal(vif_flow_read(rig.flow[1], got, sizeof(got)), 0);
	rig.flow[1]->rx_credit.window = GRANT;
	window_consumed(rig.flow[1], 0);
	rig_run(&rig);
	assert_int_equal(vif_flow_read(rig.flow[1], got, sizeof(got)), GRANT);
	rig_run(&rig);
	assert_int_equal(vif_flow_read(rig.flow[1], got, sizeof(got)), 1);
	assert_int_equal(vif_flow_read(rig.flow[1], got, sizeof(got)),
			 -ENODATA);
	rig_fini(&rig);
}

/* Nothing waits for credit that a drain would wait for. */
static void a_drain_does_not_wait_for_a_first_window(void **state)
{
	struct rig rig;

	(void)state;
	open_without_window(&rig);
	assert_int_equal(vif_flow_write(rig.flow[0], "x", 1), 1);
	(void)vif_trunk_drain(rig.end[1]);
	rig_run(&rig);
	assert_true(rig.end[1]->peer_said_drained);
	rig_fini(&rig);
}

static void a_packet_above_the_send_memory_of_a_flow_is_refused(void **state)
{
	enum { OF_FLOW = 1000 };
	const struct vif_flow_config config = {
		.size = sizeof(config),
		.packets = true,
	};
	uint8_t bytes[OF_FLOW] = { 0 };
	struct iovec seg = { .iov_base = bytes };
	struct vif_packet packet = { .seg = &seg, .n_seg = 1 };
	struct rig rig;

	(void)state;
	rig_init(&rig);
	rig.config[0].flow_send_max = OF_FLOW;
	rig_start(&rig);
	rig_dial(&rig, VIF_CIRCUIT_DERIVED);
	assert_int_equal(vif_flow_open(rig.circuit[0], &config, &rig.flow[0]),
			 0);
	seg.iov_len = OF_FLOW - CORE_LANE_HEADER + 1;
	packet.len = (uint32_t)seg.iov_len;
	assert_int_equal(vif_flow_send_packet(rig.flow[0], &packet), -EMSGSIZE);
	seg.iov_len--;
	packet.len--;
	assert_int_equal(vif_flow_send_packet(rig.flow[0], &packet), 1);
	rig_fini(&rig);
}

struct logged {
	struct rig rig; /* at first: it is what callbacks get */
	unsigned int n_debug;
};

static void count(void *user, enum vif_log_level level, const char *text)
{
	struct logged *logged = user;

	(void)text;
	if (level == VIF_LOG_DEBUG)
		logged->n_debug++;
}

static void a_circuit_sets_the_log_level_of_its_flows(void **state)
{
	struct logged logged = { 0 };
	struct rig *rig = &logged.rig;
	struct vif_flow *flow[3];

	(void)state;
	rig_init(rig);
	rig->config[0].log = count;
	rig_start(rig);
	rig_dial(rig, VIF_CIRCUIT_DERIVED);
	for (int i = 0; i < 3; i++)
		assert_int_equal(vif_flow_open(rig->circuit[0], NULL, &flow[i]),
				 0);
	vif_circuit_set_log_level(rig->circuit[0], VIF_LOG_DEBUG);
	vif_flow_set_log_level(flow[0], VIF_LOG_NONE);
	assert_int_equal(vif_flow_write(flow[0], "x", 1), 1);
	rig_run(rig);
	assert_int_equal(logged.n_debug, 0);
	assert_int_equal(vif_flow_write(flow[1], "x", 1), 1);
	rig_run(rig);
	assert_int_equal(logged.n_debug, 1); /* opened by us */
	vif_circuit_set_log_level(rig->circuit[0], VIF_LOG_INFO);
	assert_int_equal(vif_flow_write(flow[2], "x", 1), 1);
	rig_run(rig);
	assert_int_equal(logged.n_debug, 1);
	rig_fini(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(peeked_bytes_stay_until_something_comes),
		cmocka_unit_test(a_reset_takes_unread_bytes_away),
		cmocka_unit_test(a_first_window_of_nothing_is_granted_later),
		cmocka_unit_test(a_drain_does_not_wait_for_a_first_window),
		cmocka_unit_test(
			a_packet_above_the_send_memory_of_a_flow_is_refused),
		cmocka_unit_test(a_circuit_sets_the_log_level_of_its_flows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
