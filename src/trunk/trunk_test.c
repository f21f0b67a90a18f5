/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of trunks: they begin, carry, and end. */
#include "trunk/core.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/trunk_rig.h"

static void both_ends_become_ready(void **state)
{
	struct rig rig;

	(void)state;
	rig_init(&rig);
	rig_start(&rig);
	assert_true(vif_trunk_is_ready(rig.end[0]));
	assert_true(vif_trunk_is_ready(rig.end[1]));
	assert_true(rig_saw(&rig, 0, VIF_TRUNK_READY));
	assert_true(rig_saw(&rig, 1, VIF_TRUNK_READY));
	assert_memory_equal(vif_trunk_remote(rig.end[0]), rig.key[1],
			    VIF_KEY_LEN);
	assert_memory_equal(vif_trunk_remote(rig.end[1]), rig.key[0],
			    VIF_KEY_LEN);
	rig_fini(&rig);
}

static void carry(enum vif_circuit_mode mode)
{
	static const char text[] = "what was written";
	struct vif_flow *flow;
	char got[64];
	struct rig rig;

	rig_init(&rig);
	rig_start(&rig);
	rig_dial(&rig, mode);
	assert_true(rig_saw(&rig, 0, VIF_CIRCUIT_READY));
	assert_non_null(rig.circuit[1]);
	assert_int_equal(vif_flow_open(rig.circuit[0], NULL, &flow), 0);
	assert_int_equal(vif_flow_write(flow, text, sizeof(text)),
			 sizeof(text));
	assert_int_equal(vif_flow_finish(flow), 0);
	rig_run(&rig);
	assert_non_null(rig.flow[1]);
	assert_int_equal(vif_flow_read(rig.flow[1], got, sizeof(got)),
			 sizeof(text));
	assert_string_equal(got, text);
	assert_int_equal(vif_flow_read(rig.flow[1], got, sizeof(got)),
			 -ENODATA);
	/* The other direction is open still. */
	assert_int_equal(vif_flow_write(rig.flow[1], "yes", 4), 4);
	rig_run(&rig);
	assert_int_equal(vif_flow_read(flow, got, sizeof(got)), 4);
	assert_string_equal(got, "yes");
	vif_flow_close(flow);
	vif_flow_close(rig.flow[1]);
	rig_run(&rig);
	assert_int_equal(rig.end[0]->n_flows, 0);
	assert_int_equal(rig.end[1]->n_flows, 0);
	assert_int_equal(vif_circuit_close(rig.circuit[0], 0, NULL), 0);
	rig_run(&rig);
	assert_true(rig_saw(&rig, 0, VIF_CIRCUIT_CLOSED));
	assert_true(rig_saw(&rig, 1, VIF_CIRCUIT_CLOSED));
	assert_int_equal(vif_circuit_reason(rig.circuit[0], NULL),
			 VIF_REASON_NONE);
	assert_int_equal(vif_circuit_reason(rig.circuit[1], NULL),
			 VIF_REASON_CLOSED);
	rig_fini(&rig);
}

static void a_derived_circuit_carries(void **state)
{
	(void)state;
	carry(VIF_CIRCUIT_DERIVED);
}

static void a_bound_circuit_carries(void **state)
{
	(void)state;
	carry(VIF_CIRCUIT_BOUND);
}

static void a_sealed_circuit_carries(void **state)
{
	(void)state;
	carry(VIF_CIRCUIT_SEALED);
}

static uint8_t byte_at(size_t i)
{
	return (uint8_t)(i * 7 + (i >> 8) * 13);
}

/* More than all windows, read as it comes. */
static void transfer(uint32_t record_max)
{
	enum { TOTAL = 20 << 20, STEP = 60000 };
	static uint8_t bytes[STEP];
	struct vif_flow *flow;
	size_t written = 0, read = 0;
	struct rig rig;

	rig_init(&rig);
	rig.config[0].record_max = rig.config[1].record_max = record_max;
	rig_start(&rig);
	rig_dial(&rig, VIF_CIRCUIT_SEALED);
	assert_int_equal(vif_flow_open(rig.circuit[0], NULL, &flow), 0);
	while (read < TOTAL) {
		size_t want = TOTAL - written < STEP ? TOTAL - written : STEP;
		int64_t n;

		for (size_t i = 0; i < want; i++)
			bytes[i] = byte_at(written + i);
		n = want > 0 ? vif_flow_write(flow, bytes, want) : 0;
		assert_true(n >= 0);
		written += (size_t)n;
		rig_advance(&rig, 1000);
		rig_run(&rig);
		while (rig.flow[1] &&
		       (n = vif_flow_read(rig.flow[1], bytes, STEP)) > 0) {
			for (size_t i = 0; i < (size_t)n; i++)
				assert_int_equal(bytes[i], byte_at(read + i));
			read += (size_t)n;
		}
		rig_run(&rig);
	}
	assert_int_equal(rig.end[1]->rx_held, 0);
	assert_int_equal(rig.end[0]->tx_held, 0);
	rig_fini(&rig);
}

static void a_large_transfer_arrives_whole(void **state)
{
	(void)state;
	transfer(0);
}

/* Both tags have to fit behind it in the length of a record. */
static void the_largest_records_can_be_sealed(void **state)
{
	(void)state;
	transfer(VIF_TRUNK_RECORD_MAX);
}

/* A hundred flows, of which the credit of their circuit is enough for two. */
static void flows_go_on_when_their_circuit_has_credit(void **state)
{
	enum { FLOWS = 100, EACH = 30000 };
	static uint8_t bytes[EACH];
	struct vif_flow *flow;
	struct vif_trunk_event event;
	size_t read = 0;
	struct rig rig;

	(void)state;
	rig_init(&rig);
	rig.config[1].circuit_window = 64 << 10;
	rig.config[1].circuit_window_max = 64 << 10;
	rig_start(&rig);
	rig_dial(&rig, VIF_CIRCUIT_DERIVED);
	for (int i = 0; i < FLOWS; i++) {
		assert_int_equal(vif_flow_open(rig.circuit[0], NULL, &flow), 0);
		assert_int_equal(vif_flow_write(flow, bytes, EACH), EACH);
	}
	while (rig_move(&rig, 0) > 0) {
		while (vif_trunk_next_event(rig.end[1], &event)) {
			int64_t n = vif_flow_read(event.flow, bytes, EACH);

			assert_true(n >= 0);
			read += (size_t)n;
		}
		(void)rig_move(&rig, 1);
	}
	assert_int_equal(read, FLOWS * EACH);
	assert_true(list_is_empty(&rig.circuit[0]->blocked));
	rig_fini(&rig);
}

/* A circuit that has nothing to send but credit, more than its hop allows. */
static void credit_goes_on_when_the_hop_has_credit(void **state)
{
	enum { FLOWS = 64, EACH = 65536 };
	static uint8_t bytes[EACH], late[2 * VIF_TRUNK_SEND_MIN];
	struct vif_flow *near[FLOWS], *far[FLOWS];
	struct vif_trunk_event event;
	size_t n_far = 0, len = 0;
	struct rig rig;
	int64_t n = 0;

	(void)state;
	rig_init(&rig);
	rig.config[0].hop_window = 2080;
	rig.config[1].flow_window_max = EACH;
	rig.config[1].circuits_max = 1;
	rig.config[1].circuit_window = FLOWS * EACH;
	rig_start(&rig);
	rig_dial(&rig, VIF_CIRCUIT_SEALED);
	for (int i = 0; i < FLOWS; i++) {
		assert_int_equal(vif_flow_open(rig.circuit[0], NULL, &near[i]),
				 0);
		assert_int_equal(vif_flow_write(near[i], bytes, EACH), EACH);
	}
	while (rig_move(&rig, 0) + rig_move(&rig, 1) > 0)
		;
	while (vif_trunk_next_event(rig.end[1], &event))
		if (event.type == VIF_FLOW_INCOMING)
			far[n_far++] = event.flow;
	assert_int_equal(n_far, FLOWS);
	/* Records of credit are under way, until the hop allows no more. */
	for (int i = 0; i < FLOWS; i++) {
		assert_int_equal(vif_flow_read(far[i], bytes, EACH), EACH);
		assert_true(sizeof(late) - len >= VIF_TRUNK_SEND_MIN);
		n = vif_trunk_send(rig.end[1], late + len, sizeof(late) - len);
		assert_true(n >= 0);
		len += (size_t)n;
	}
	assert_int_equal(n, 0);
	assert_int_equal(vif_trunk_receive(rig.end[0], late, len), 0);
	while (rig_move(&rig, 0) + rig_move(&rig, 1) > 0)
		;
	for (int i = 0; i < FLOWS; i++) {
		struct vif_flow_stats stats;

		vif_flow_stats(near[i], &stats);
		assert_int_equal(stats.tx_limit, 2 * EACH);
	}
	rig_fini(&rig);
}

static void draining_ends_both(void **state)
{
	struct vif_flow *flow;
	char got[8];
	struct rig rig;

	(void)state;
	rig_init(&rig);
	rig_start(&rig);
	rig_dial(&rig, VIF_CIRCUIT_DERIVED);
	assert_int_equal(vif_flow_open(rig.circuit[0], NULL, &flow), 0);
	assert_int_equal(vif_flow_write(flow, "last", 5), 5);
	assert_int_equal(vif_trunk_drain(rig.end[1]), 0);
	rig_run(&rig);
	assert_true(rig_saw(&rig, 0, VIF_TRUNK_DRAINING));
	assert_int_equal(vif_flow_read(rig.flow[1], got, sizeof(got)), 5);
	vif_flow_close(flow);
	rig_run(&rig);
	vif_flow_close(rig.flow[1]);
	rig_run(&rig);
	assert_true(vif_trunk_is_closed(rig.end[0]));
	assert_true(vif_trunk_is_closed(rig.end[1]));
	assert_int_equal(vif_trunk_reason(rig.end[0], NULL), VIF_REASON_NONE);
	assert_int_equal(vif_trunk_reason(rig.end[1], NULL), VIF_REASON_NONE);
	rig_fini(&rig);
}

/* Moves everything, while the program of the accepter looks at nothing. */
static void run_unseen(struct rig *rig)
{
	while (rig_move(rig, 0) + rig_move(rig, 1) > 0)
		rig_listen(rig, 0);
}

/* Nor when both directions of the flow are over, and with them the drain. */
static void draining_loses_nothing_unseen(void **state)
{
	struct vif_circuit_config config = {
		.size = sizeof(config),
		.mode = VIF_CIRCUIT_DERIVED,
	};
	struct vif_flow *flow;
	char got[8];
	struct rig rig;

	(void)state;
	rig_init(&rig);
	rig_start(&rig);
	assert_int_equal(vif_circuit_dial(rig.end[0], &config, &rig.circuit[0]),
			 0);
	run_unseen(&rig);
	assert_int_equal(vif_flow_open(rig.circuit[0], NULL, &flow), 0);
	assert_int_equal(vif_flow_write(flow, "last", 5), 5);
	assert_int_equal(vif_flow_finish(flow), 0);
	assert_int_equal(vif_flow_stop(flow, VIF_REASON_PROGRAM), 0);
	assert_int_equal(vif_trunk_drain(rig.end[1]), 0);
	run_unseen(&rig);
	assert_true(rig_saw(&rig, 0, VIF_CIRCUIT_CLOSED));
	rig_listen(&rig, 1);
	assert_non_null(rig.flow[1]);
	assert_int_equal(vif_flow_read(rig.flow[1], got, sizeof(got)), 5);
	assert_string_equal(got, "last");
	assert_int_equal(vif_flow_read(rig.flow[1], got, sizeof(got)),
			 -ENODATA);
	rig_fini(&rig);
}

/* One that was announced holds all the credit, and another one waits for it. */
static void begin_waiting(struct rig *rig, struct vif_flow *flow[2])
{
	rig_init(rig);
	rig->config[1].circuit_window = 10;
	rig->config[1].circuit_window_max = 10;
	rig_start(rig);
	rig_dial(rig, VIF_CIRCUIT_DERIVED);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(vif_flow_open(rig->circuit[0], NULL, &flow[i]),
				 0);
		assert_int_equal(vif_flow_write(flow[i], "0123456789", 10), 10);
	}
	rig_run(rig);
	assert_int_equal(vif_flow_id(flow[1]), 0);
	assert_int_equal(vif_trunk_drain(rig->end[1]), 0);
	rig_run(rig);
	assert_false(rig->end[0]->said_drained);
}

static void drained_is_said_when_all_was_announced(void **state)
{
	struct vif_flow *flow[2];
	char got[16];
	struct rig rig;

	(void)state;
	begin_waiting(&rig, flow);
	assert_int_equal(vif_flow_read(rig.flow[1], got, sizeof(got)), 10);
	rig_run(&rig);
	assert_int_not_equal(vif_flow_id(flow[1]), 0);
	assert_true(rig.end[0]->said_drained);
	rig_fini(&rig);
}

static void drained_is_said_when_the_rest_is_given_up(void **state)
{
	struct vif_flow *flow[2];
	struct rig rig;

	(void)state;
	begin_waiting(&rig, flow);
	assert_int_equal(vif_flow_reset(flow[1], VIF_REASON_PROGRAM), 0);
	rig_run(&rig);
	assert_true(rig.end[0]->said_drained);
	assert_int_equal(rig.end[0]->n_unheard, 0);
	rig_fini(&rig);
}

/* Nothing but an end, of a circuit that nobody has answered yet. */
static void drained_waits_for_circuits(void **state)
{
	struct vif_circuit *circuit;
	struct vif_flow *flow;
	struct rig rig;

	(void)state;
	rig_init(&rig);
	rig_start(&rig);
	assert_int_equal(vif_trunk_drain(rig.end[1]), 0);
	assert_int_equal(vif_circuit_dial(rig.end[0], NULL, &circuit), 0);
	assert_int_equal(vif_flow_open(circuit, NULL, &flow), 0);
	assert_int_equal(vif_flow_finish(flow), 0);
	assert_true(rig_move(&rig, 1) > 0);
	assert_true(rig.end[0]->peer_drains);
	assert_false(rig.end[0]->said_drained);
	rig_run(&rig);
	assert_true(rig.end[0]->said_drained);
	assert_non_null(rig.flow[1]);
	rig_fini(&rig);
}

struct log {
	struct rig rig; /* first, as it is the user of all callbacks */
	unsigned int n[VIF_LOG_DEBUG + 1];
	bool told_secret;
};

static void count_line(void *user, enum vif_log_level level, const char *text)
{
	struct log *log = user;

	log->n[level]++;
	if (strstr(text, "zyxwvut"))
		log->told_secret = true;
}

/* Each of the three has a level of its own. */
static void levels_of_logs_differ(void **state)
{
	static struct log log;
	struct vif_flow *flow;

	(void)state;
	rig_init(&log.rig);
	log.rig.config[0].log = count_line;
	log.rig.config[0].log_level = VIF_LOG_INFO;
	rig_start(&log.rig);
	assert_int_equal(log.n[VIF_LOG_INFO], 1); /* ready */
	rig_dial(&log.rig, VIF_CIRCUIT_SEALED);
	assert_int_equal(log.n[VIF_LOG_INFO], 2);
	assert_int_equal(vif_flow_open(log.rig.circuit[0], NULL, &flow), 0);
	assert_int_equal(vif_flow_write(flow, "zyxwvut", 7), 7);
	rig_run(&log.rig);
	assert_int_equal(log.n[VIF_LOG_DEBUG], 0);
	vif_flow_close(flow);
	rig_run(&log.rig); /* and it is over */
	vif_circuit_set_log_level(log.rig.circuit[0], VIF_LOG_DEBUG);
	assert_int_equal(vif_flow_open(log.rig.circuit[0], NULL, &flow), 0);
	assert_int_equal(vif_flow_write(flow, "zyxwvut", 7), 7);
	rig_run(&log.rig);
	assert_int_equal(log.n[VIF_LOG_DEBUG], 1); /* opened */
	vif_flow_set_log_level(flow, VIF_LOG_NONE);
	vif_flow_close(flow);
	vif_circuit_set_log_level(log.rig.circuit[0], VIF_LOG_NONE);
	vif_circuit_abort(log.rig.circuit[0], 0, NULL);
	rig_run(&log.rig);
	assert_int_equal(log.n[VIF_LOG_DEBUG], 1);
	assert_int_equal(log.n[VIF_LOG_INFO], 2);
	assert_false(log.told_secret);
	rig_fini(&log.rig);
}

struct text {
	char bytes[16384];
	size_t len;
};

static void add_text(void *user, const char *bytes, size_t len)
{
	struct text *text = user;

	assert_true(text->len + len < sizeof(text->bytes));
	memcpy(text->bytes + text->len, bytes, len);
	text->len += len;
}

/* Whether brackets and quotes match; what they say is for people. */
static bool is_balanced(const struct text *text)
{
	bool quoted = false;
	int depth = 0;

	for (size_t i = 0; i < text->len; i++) {
		char c = text->bytes[i];

		if (c == '"')
			quoted = !quoted;
		if (!quoted && (c == '{' || c == '['))
			depth++;
		if (!quoted && (c == '}' || c == ']'))
			depth--;
		if (depth < 0)
			return false;
	}
	return depth == 0 && !quoted;
}

static void a_dump_shows_all_and_no_secret(void **state)
{
	static struct text text;
	struct vif_circuit_config config = {
		.size = sizeof(config),
		.mode = VIF_CIRCUIT_SEALED,
		.service = "a \"quoted\" \\ service",
	};
	struct vif_flow *flow;
	struct rig rig;

	(void)state;
	rig_init(&rig);
	rig_start(&rig);
	assert_int_equal(vif_circuit_dial(rig.end[0], &config, &rig.circuit[0]),
			 0);
	rig_run(&rig);
	assert_int_equal(vif_flow_open(rig.circuit[0], NULL, &flow), 0);
	assert_int_equal(vif_flow_write(flow, "zyxwvut", 7), 7);
	rig_run(&rig);
	/* No peer can name one so, but a dump relies on nothing. */
	strcpy(rig.circuit[1]->service, "a \"quoted\" \x1b service");
	text.len = 0;
	vif_trunk_dump(rig.end[1], add_text, &text);
	assert_true(is_balanced(&text));
	assert_null(memmem(text.bytes, text.len, "\x1b", 1));
	assert_null(memmem(text.bytes, text.len, "zyxwvut", 7));
	assert_non_null(
		memmem(text.bytes, text.len, "\"mode\":\"sealed\"", 15));
	assert_non_null(memmem(text.bytes, text.len, "\"rx_held\":7", 11));
	vif_flow_close(flow);
	rig_fini(&rig);
}

/* Whatever was sent or written meanwhile: nothing goes out that was not lent. */
static void only_what_was_lent_is_committed(void **state)
{
	struct vif_flow *flow;
	uint8_t bytes[256] = { 0 };
	void *room;
	size_t len;
	struct rig rig;

	(void)state;
	rig_init(&rig);
	rig_start(&rig);
	rig_dial(&rig, VIF_CIRCUIT_DERIVED);
	assert_int_equal(vif_flow_open(rig.circuit[0], NULL, &flow), 0);
	assert_int_equal(vif_flow_commit(flow, 1), -EINVAL);
	/* A block that is full: there is room, but nobody has asked for it. */
	assert_int_equal(vif_flow_write(flow, bytes, sizeof(bytes)),
			 sizeof(bytes));
	assert_int_equal(vif_flow_commit(flow, 1), -EINVAL);
	assert_int_equal(vif_flow_reserve(flow, &room, &len), 1);
	assert_int_equal(vif_flow_commit(flow, len + 1), -EINVAL);
	memset(room, 1, 10);
	assert_int_equal(vif_flow_commit(flow, 10), 0);
	assert_int_equal(vif_flow_commit(flow, 1), -EINVAL);
	/* Sent, and the block with it. */
	assert_int_equal(vif_flow_reserve(flow, &room, &len), 1);
	rig_run(&rig);
	assert_int_equal(vif_flow_commit(flow, 1), -EINVAL);
	assert_int_equal(rig.flow[1]->rx.len, 266);
	/* What was lent of an empty one stays. */
	assert_int_equal(vif_flow_reserve(flow, &room, &len), 1);
	rig_run(&rig);
	memset(room, 2, 5);
	assert_int_equal(vif_flow_commit(flow, 5), 0);
	rig_run(&rig);
	assert_int_equal(rig.flow[1]->rx.len, 271);
	rig_fini(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_ends_become_ready),
		cmocka_unit_test(a_derived_circuit_carries),
		cmocka_unit_test(a_bound_circuit_carries),
		cmocka_unit_test(a_sealed_circuit_carries),
		cmocka_unit_test(a_large_transfer_arrives_whole),
		cmocka_unit_test(the_largest_records_can_be_sealed),
		cmocka_unit_test(flows_go_on_when_their_circuit_has_credit),
		cmocka_unit_test(credit_goes_on_when_the_hop_has_credit),
		cmocka_unit_test(draining_ends_both),
		cmocka_unit_test(draining_loses_nothing_unseen),
		cmocka_unit_test(drained_is_said_when_all_was_announced),
		cmocka_unit_test(drained_is_said_when_the_rest_is_given_up),
		cmocka_unit_test(drained_waits_for_circuits),
		cmocka_unit_test(levels_of_logs_differ),
		cmocka_unit_test(a_dump_shows_all_and_no_secret),
		cmocka_unit_test(only_what_was_lent_is_committed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
