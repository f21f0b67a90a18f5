/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The numbers of docs/design/trunk.md, sections 4, 7, 9 and 10, against what a
 * trunk does that was told none of them.
 */
#include "tests/trunk_attack.h"

#define SECOND_NS UINT64_C(1000000000)

enum {
	KIB = 1 << 10,
	MIB = 1 << 20,
	BATCH = 100, /* flows in a record */
};

/* What a side says. */

static uint64_t hello_number(size_t at, size_t len)
{
	struct hostile *h = hostile_new(VIF_TRUNK_DIALER);
	static uint8_t buffer[VIF_TRUNK_SEND_MIN];
	const uint8_t *body = buffer + RECORD_HEADER_LEN + at;
	uint64_t number;

	assert_int_equal(
		vif_trunk_new(h->role, &h->config, h->now_ns, &h->trunk, NULL),
		0);
	assert_true(vif_trunk_send(h->trunk, buffer, sizeof(buffer)) > 40);
	number = len == 2 ? (uint64_t)body[0] << 8 | body[1] : get_be32(body);
	hostile_free(h);
	return number;
}

static uint64_t record_max(void)
{
	return hello_number(12, 2);
}

static uint64_t circuits_max(void)
{
	return hello_number(14, 2);
}

static uint64_t window(void)
{
	return hello_number(16, 4);
}

/* A circuit of the trunk's own, and its OPEN. */
static struct hostile *with_open(void)
{
	struct hostile *h = hostile_new(VIF_TRUNK_ACCEPTER);
	struct vif_circuit *circuit;

	hostile_start(h);
	assert_int_equal(vif_circuit_dial(h->trunk, NULL, &circuit), 0);
	hostile_run(h);
	assert_int_equal(h->heard[FRAME_TRUNK_OPEN].n, 1);
	return h;
}

static uint64_t open_number(size_t at)
{
	struct hostile *h = with_open();
	uint64_t number = get_be32(h->heard[FRAME_TRUNK_OPEN].body + at);

	hostile_free(h);
	return number;
}

static uint64_t circuit_window(void)
{
	return open_number(4);
}

static uint64_t flow_window(void)
{
	return open_number(8);
}

static uint64_t flows_max_said(void)
{
	return open_number(12);
}

static uint64_t hop_window(void)
{
	struct hostile *h = with_open();
	uint64_t value = h->heard[FRAME_TRUNK_OPEN].header.value;

	hostile_free(h);
	return value & ((UINT64_C(1) << 48) - 1);
}

/* What it holds to. */

static uint64_t circuits_taken(void)
{
	struct hostile *h = hostile_new(VIF_TRUNK_ACCEPTER);
	uint64_t n;

	hostile_start(h);
	for (uint32_t id = 1; h->heard[FRAME_TRUNK_SHUT].n == 0; id += 2) {
		(void)hostile_send_open(h, id, VIF_CIRCUIT_DERIVED);
		(void)hostile_control(h, FRAME_TRUNK_CONFIRM, id, 0, NULL, 0);
	}
	n = h->n_event[VIF_CIRCUIT_INCOMING];
	hostile_free(h);
	return n;
}

/* Opens n flows of a circuit. Returns whether nothing was refused. */
static bool open_flows(struct hostile *h, uint32_t circuit, uint32_t first,
		       uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		hostile_frame(h, FRAME_DATA, FRAME_DATA_OPEN, first + 2 * i, 0,
			      NULL, 0);
		if ((i + 1) % BATCH == 0 || i + 1 == n)
			(void)hostile_circuit_record(h, 0, circuit);
	}
	return h->heard[FRAME_RESET].n + h->heard[FRAME_TRUNK_SHUT].n == 0;
}

static uint64_t flows_of_a_circuit(void)
{
	struct hostile *h = hostile_with_circuit(VIF_CIRCUIT_DERIVED);
	uint64_t n;

	(void)open_flows(h, 1, 1, 4000);
	for (uint32_t id = 8001; open_flows(h, 1, id, 1); id += 2)
		;
	n = h->n_event[VIF_FLOW_INCOMING];
	assert_true(
		hostile_heard_code(h, FRAME_TRUNK_SHUT, 1, VIF_REASON_LIMIT));
	hostile_free(h);
	return n;
}

static uint64_t flows_of_a_trunk(void)
{
	struct hostile *h = hostile_new(VIF_TRUNK_ACCEPTER);
	uint64_t n;

	hostile_start(h);
	for (uint32_t id = 1; id < 65; id += 2) {
		hostile_open(h, id, VIF_CIRCUIT_DERIVED);
		assert_true(open_flows(h, id, 1, 2040));
	}
	hostile_open(h, 65, VIF_CIRCUIT_DERIVED);
	for (uint32_t id = 1; open_flows(h, 65, id, 1); id += 2)
		;
	n = h->n_event[VIF_FLOW_INCOMING];
	assert_int_equal(get_be32(h->heard[FRAME_RESET].body),
			 VIF_REASON_LIMIT);
	hostile_free(h);
	return n;
}

static uint64_t backlog(void)
{
	struct hostile *h = hostile_new(VIF_TRUNK_ACCEPTER);
	uint32_t n = 0;

	h->keeps_quiet = true;
	hostile_start(h);
	hostile_open(h, 1, VIF_CIRCUIT_DERIVED);
	while (open_flows(h, 1, 1 + 2 * n, 1))
		n++;
	assert_int_equal(get_be32(h->heard[FRAME_RESET].body),
			 VIF_REASON_REFUSED);
	hostile_free(h);
	return n;
}

/* Written to n flows that may not send. */
static uint64_t written(uint32_t n_flows)
{
	static const uint8_t bytes[MIB];
	struct hostile *h = hostile_with_circuit(VIF_CIRCUIT_DERIVED);
	uint64_t sum = 0;

	for (uint32_t i = 0; i < n_flows; i++) {
		struct vif_flow *flow;
		int64_t n;

		assert_int_equal(vif_flow_open(h->circuit, NULL, &flow), 0);
		n = vif_flow_write(flow, bytes, sizeof(bytes));
		assert_true(n >= 0);
		sum += (uint64_t)n;
	}
	hostile_free(h);
	return sum;
}

static uint64_t flow_send_max(void)
{
	return written(1);
}

static uint64_t send_max(void)
{
	return written(100);
}

/* Times. */

/* Until the next timer. Half of never is never. */
static uint64_t next(const struct hostile *h)
{
	uint64_t deadline = vif_trunk_deadline(h->trunk);

	return deadline >= UINT64_MAX / 2 ? UINT64_MAX : deadline - h->now_ns;
}

static uint64_t handshake_ns(void)
{
	struct hostile *h = hostile_new(VIF_TRUNK_DIALER);
	uint64_t ns;

	assert_int_equal(
		vif_trunk_new(h->role, &h->config, h->now_ns, &h->trunk, NULL),
		0);
	ns = next(h);
	hostile_free(h);
	return ns;
}

/* One that does not care for its health, which would be the next timer. */
static struct hostile *quiet(void)
{
	struct hostile *h = hostile_new(VIF_TRUNK_ACCEPTER);

	h->config.health_ns = UINT64_MAX;
	return h;
}

static uint64_t circuit_handshake_ns(void)
{
	struct hostile *h = quiet();
	uint64_t ns;

	hostile_start(h);
	(void)hostile_send_open(h, 1, VIF_CIRCUIT_DERIVED);
	ns = next(h);
	hostile_free(h);
	return ns;
}

static uint64_t health_ns(void)
{
	struct hostile *h = hostile_new(VIF_TRUNK_ACCEPTER);
	uint64_t ns;

	hostile_start(h);
	while (vif_trunk_is_ready(h->trunk))
		hostile_advance(h, next(h));
	assert_int_equal(vif_trunk_reason(h->trunk, NULL), VIF_REASON_HEALTH);
	ns = h->now_ns - HOSTILE_START;
	hostile_free(h);
	return ns;
}

static uint64_t drain_ns(void)
{
	struct hostile *h = quiet();
	uint64_t ns;

	hostile_start(h);
	assert_int_equal(vif_trunk_drain(h->trunk), 0);
	ns = next(h);
	hostile_free(h);
	return ns;
}

static uint64_t rekey_ns(void)
{
	struct hostile *h = quiet();
	uint64_t ns;

	hostile_start(h);
	ns = next(h);
	hostile_advance(h, ns);
	assert_int_equal(h->heard[FRAME_TRUNK_REKEY].n, 1);
	hostile_free(h);
	return ns;
}

/* Start and both idle times are off: nothing else is left. */
static uint64_t other_ns(void)
{
	struct hostile *h = quiet();
	uint64_t ns;

	h->config.rekey_ns = UINT64_MAX;
	hostile_start(h);
	ns = next(h);
	hostile_open(h, 1, VIF_CIRCUIT_DERIVED);
	assert_int_equal(next(h), UINT64_MAX);
	hostile_code_frame(h, FRAME_TRUNK_SHUT, 1, 0, 300);
	(void)hostile_record(h, RECORD_CONTROL, 0, 0);
	assert_int_equal(next(h), UINT64_MAX);
	hostile_free(h);
	return ns;
}

/* A key that has done so much, or one less; 0 for what is no matter. */
static bool is_changed(uint64_t bytes, uint64_t records)
{
	struct hostile *h = hostile_new(VIF_TRUNK_ACCEPTER);
	struct seal *seal;
	bool changed;

	hostile_start(h);
	seal = &h->trunk->tx_seal;
	if (bytes)
		seal->bytes = bytes;
	if (records)
		seal->first_record = seal->key.nonce - records;
	hostile_advance(h, 2 * SECOND_NS);
	changed = h->heard[FRAME_TRUNK_REKEY].n > 0;
	hostile_free(h);
	return changed;
}

/* The power of two at which it is, and not a bit sooner. */
static uint64_t rekey_bytes(void)
{
	uint64_t bytes = 1024;

	while (bytes && !is_changed(bytes, 0))
		bytes *= 2;
	assert_false(is_changed(bytes - 1, 0));
	return bytes;
}

static uint64_t rekey_records(void)
{
	uint64_t records = 1024;

	while (records && !is_changed(0, records))
		records *= 2;
	assert_false(is_changed(0, records - 1));
	return records;
}

static const struct {
	const char *name;
	uint64_t (*measure)(void);
	uint64_t expected;
} defaults[] = {
	{ "record_max", record_max, 16400 },
	{ "circuits_max, said", circuits_max, 64 },
	{ "circuits_max, taken", circuits_taken, 64 },
	{ "window", window, 16 * MIB },
	{ "circuit_window", circuit_window, 128 * KIB },
	{ "flow_window", flow_window, 64 * KIB },
	{ "hop_window", hop_window, 128 * KIB },
	{ "flows_max, said", flows_max_said, 4096 },
	{ "flows_max, taken", flows_of_a_circuit, 4096 },
	{ "trunk_flows_max", flows_of_a_trunk, 65536 },
	{ "backlog", backlog, 256 },
	{ "flow_send_max", flow_send_max, 256 * KIB },
	{ "send_max", send_max, 16 * MIB },
	{ "handshake_ns", handshake_ns, 5 * SECOND_NS },
	{ "circuit_handshake_ns", circuit_handshake_ns, 10 * SECOND_NS },
	{ "health_ns", health_ns, 30 * SECOND_NS },
	{ "drain_ns", drain_ns, 20 * SECOND_NS },
	{ "rekey_ns", rekey_ns, 3600 * SECOND_NS },
	{ "start_ns, idle_ns, circuit_idle_ns", other_ns, UINT64_MAX },
	{ "rekey_bytes", rekey_bytes, UINT64_C(64) << 30 },
	{ "rekey_records", rekey_records, 1 << 22 },
};

static void nothing_is_told(void **state)
{
	bool is_right = true;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(defaults); i++) {
		uint64_t n = defaults[i].measure();

		if (n == defaults[i].expected)
			continue;
		is_right = false;
		print_error("%s is %llu\n", defaults[i].name,
			    (unsigned long long)n);
	}
	assert_true(is_right);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
