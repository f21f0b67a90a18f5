/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything at once: a peer that sends the smallest frames there are, of all
 * kinds, as fast as a gigabit carries them. Time is virtual. D2: pings, circuits
 * and flows that are opened, and credit, from a peer that may not even read.
 *
 * What is bounded is memory, and the answers: work without end would be one or
 * the other. Beside it is a trunk that behaves, in the same program.
 */
#include "tests/trunk_attack.h"

#include "tests/trunk/memory.h"

#define SECOND_NS UINT64_C(1000000000)

enum {
	RECORD = 4096,   /* bytes of frames in one */
	NS_PER_BYTE = 8, /* a gigabit a second */
	FLOODS = 2000,   /* records */
	CIRCUITS = 16,   /* that were opened at least; flows: */
	FLOWS = 4,
	OPEN_ONE_IN = 50, /* or too many would end it before the rest does */
	MEMORY_MAX = 24 << 20, /* the window, and then some */
};

struct flood {
	struct hostile *h;
	uint32_t random;
	uint32_t next_flow, next_circuit;
	uint64_t at; /* offset in flow 1 */
	uint64_t limit;
};

static uint32_t any(struct flood *f, uint32_t below)
{
	f->random = f->random * 1664525 + 1013904223;
	return (f->random >> 8) % below;
}

/* Only what is allowed: what is not ends it, and that is tested elsewhere. */
static void add_circuit_frame(struct flood *f)
{
	struct hostile *h = f->h;

	switch (any(f, 6)) {
	case 0:
		hostile_frame(h, FRAME_CREDIT, 0, 0, f->limit++, NULL, 0);
		break;
	case 1:
		hostile_frame(h, FRAME_CREDIT, 0, 1, f->limit++, NULL, 0);
		break;
	case 2:
		hostile_frame(h, FRAME_DATA, 0, 1, f->at, NULL, 0);
		break;
	case 3:
		hostile_frame(h, 200, 0, 0, 0, NULL, 0);
		break;
	case 4:
		hostile_frame(h, FRAME_PAD, 0, 0, 0, NULL, 0);
		break;
	default:
		if (any(f, 500) == 0 && f->next_flow < 4000) {
			hostile_frame(h, FRAME_DATA, FRAME_DATA_OPEN,
				      f->next_flow, 0, NULL, 0);
			f->next_flow += 2;
		}
	}
}

static void add_open(struct flood *f)
{
	uint8_t body[CORE_OPEN_MAX];
	size_t len = hostile_open_body(f->h, VIF_CIRCUIT_DERIVED, body);

	hostile_frame(f->h, FRAME_TRUNK_OPEN, 0, f->next_circuit,
		      hostile_hop(1 << 20), body, len);
	f->next_circuit += 2;
}

static void add_trunk_frame(struct flood *f)
{
	struct hostile *h = f->h;

	switch (any(f, 6)) {
	case 0:
		hostile_frame(h, FRAME_TRUNK_PING, 0, 0, 7, NULL, 0);
		break;
	case 1:
		hostile_frame(h, FRAME_TRUNK_LIMIT, 0, 0, f->limit++, NULL, 0);
		break;
	case 2:
		hostile_frame(h, 255, 0, 0, 0, NULL, 0);
		break;
	case 3:
		hostile_frame(h, FRAME_TRUNK_PAD, 0, 0, 0, NULL, 0);
		break;
	case 4:
		if (any(f, OPEN_ONE_IN) == 0)
			add_open(f);
		break;
	default:
		hostile_frame(h, FRAME_TRUNK_LIMIT, 0, 1, f->limit++, NULL, 0);
	}
}

static void flood_record(struct flood *f)
{
	struct hostile *h = f->h;
	bool is_control = any(f, 2);

	do {
		if (is_control)
			add_trunk_frame(f);
		else
			add_circuit_frame(f);
	} while (h->plain_len + FRAME_HEADER_LEN < RECORD);
	h->now_ns += (uint64_t)NS_PER_BYTE * h->plain_len;
	vif_trunk_advance(h->trunk, h->now_ns);
	if (is_control)
		(void)hostile_record(h, RECORD_CONTROL, 0, 0);
	else
		(void)hostile_circuit_record(h, 0, 1);
}

/* A byte there and one back, on a trunk that has nothing to do with it. */
static void behave(struct hostile *h, uint64_t *at)
{
	uint8_t byte;

	(void)hostile_data(h, 1, *at == 0 ? FRAME_DATA_OPEN : 0, 1, *at, 1);
	(*at)++;
	assert_int_equal(vif_flow_read(h->flow, &byte, 1), 1);
	assert_int_equal(vif_flow_write(h->flow, &byte, 1), 1);
	hostile_run(h);
	assert_int_equal(h->data_bytes, *at);
}

static void play(bool is_deaf)
{
	struct flood f = {
		.h = hostile_with_circuit(VIF_CIRCUIT_DERIVED),
		.random = 1,
		.next_flow = 3,
		.next_circuit = 3,
		.limit = UINT64_C(1) << 32,
	};
	struct hostile *good = hostile_with_circuit(VIF_CIRCUIT_SEALED);
	uint64_t at = 0;
	size_t before, n = 0;

	(void)hostile_data(f.h, 1, FRAME_DATA_OPEN, 1, 0, 1);
	f.at = 1;
	f.h->is_deaf = is_deaf;
	before = memory.n_bytes;
	memory.n_bytes_max = before;
	while (n < FLOODS && vif_trunk_is_ready(f.h->trunk)) {
		uint64_t said = f.h->trunk->stats.tx_bytes;

		flood_record(&f);
		n++;
		/* An answer is not longer than the question. */
		assert_true(f.h->trunk->stats.tx_bytes - said <= RECORD);
		assert_true(f.h->trunk->n_pong <= CORE_PONGS);
		if (n % 16 == 0)
			behave(good, &at);
	}
	assert_true(memory.n_bytes_max - before < MEMORY_MAX);
	/* In less than a second of it there is enough that makes no sense. */
	assert_int_equal(vif_trunk_reason(f.h->trunk, NULL), VIF_REASON_FLOOD);
	assert_true(n > 16);
	/* Of each there was enough. */
	assert_true(f.next_circuit > 2 * CIRCUITS && f.next_flow > 2 * FLOWS);
	behave(good, &at);
	hostile_free(good);
	hostile_free(f.h);
}

static void all_floods_at_once(void **state)
{
	(void)state;
	play(false);
}

static void all_floods_and_no_answer_is_taken(void **state)
{
	(void)state;
	play(true);
}

/* Every byte of credit in bytes: what is held is not much more than that. */
static void held_in_single_bytes(void **state)
{
	struct hostile *h = hostile_with_circuit(VIF_CIRCUIT_DERIVED);
	size_t before = memory.n_bytes, n = 0;
	uint64_t limit = h->circuit->rx_credit.limit;

	(void)state;
	h->is_deaf = true;
	for (uint32_t id = 1; n < 20000; id = id == 2001 ? 1 : id + 2) {
		hostile_frame(h, FRAME_DATA, n < 1001 ? FRAME_DATA_OPEN : 0, id,
			      n / 1001, "x", 1);
		n++;
		if (h->plain_len > 1000 || n == 20000)
			(void)hostile_circuit_record(h, RECORD_DATA, 1);
	}
	assert_int_equal(h->circuit->rx_held, n);
	assert_true(n < limit);
	/* A flow, a block for it, and what both need. */
	assert_true(memory.n_bytes - before < (size_t)1001 * 800);
	hostile_free(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_floods_at_once),
		cmocka_unit_test(all_floods_and_no_answer_is_taken),
		cmocka_unit_test(held_in_single_bytes),
	};

	memory_begin();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
