/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A writer that waits for room, for each of the reasons there are.
 *
 * The core has no threads and no call of it waits: who waits has got 0 from a
 * write, and asks for events.
 */
#ifndef TESTS_TRUNK_WAIT_H
#define TESTS_TRUNK_WAIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/bits.h"
#include "tests/trunk_rig.h"
#include "trunk/core.h"

#define MS UINT64_C(1000000)

enum {
	LOOK_MS = 50,     /* how often the program looks at the clock */
	HEALTH_MS = 2000, /* of the connection of who waits */
	DRAIN_MS = 1000,
	CODE = 300, /* of whoever ends something */
	WRITE = 65536,
	FLOW_WINDOW = 60000,
	CIRCUIT_WINDOW = 100000, /* less than two of flows */
	SEND_MAX = 65536,        /* of a flow and of all, where these are few */
};

struct wait {
	struct rig rig;
	struct vif_flow *flow; /* of who waits, the dialer */
	struct vif_flow *far;  /* its other end */
	bool is_told;          /* of the end of the flow */
};

/* What keeps a writer waiting. */
struct cause {
	const char *name;
	void (*configure)(struct rig *rig);
	void (*begin)(struct wait *wait); /* until writes take nothing */
	bool (*is_true)(const struct wait *wait);
	enum vif_circuit_mode mode;
	bool is_clogged; /* the connection takes nothing from the dialer */
};

static uint8_t wait_bytes[WRITE];

/* Events of the dialer; the accepter's are what the rig takes. */
static inline void wait_take_news(struct wait *wait)
{
	struct vif_trunk_event event;

	while (vif_trunk_next_event(wait->rig.end[0], &event)) {
		wait->rig.seen[0] |= 1u << event.type;
		wait->is_told |= event.type == VIF_FLOW_CLOSED &&
				 event.flow == wait->flow;
	}
}

/* Writes until nothing is taken, now and when all that can move has. */
static inline void wait_fill(struct wait *wait, struct vif_flow *flow,
			     bool is_heard)
{
	size_t n;

	do {
		n = 0;
		while (vif_flow_write(flow, wait_bytes, sizeof(wait_bytes)) > 0)
			n = 1;
		n += rig_move(&wait->rig, 0);
		n += is_heard ? rig_move(&wait->rig, 1) : 0;
		rig_listen(&wait->rig, 1);
		wait_take_news(wait);
	} while (n > 0);
}

/* Another flow, with nothing on it yet. */
static inline struct vif_flow *wait_another(const struct wait *wait)
{
	struct vif_flow *flow;

	assert_int_equal(vif_flow_open(wait->rig.circuit[0], NULL, &flow), 0);
	return flow;
}

/* Nobody reads what came, so that no credit comes back. */

static inline void wait_small_flow_window(struct rig *rig)
{
	rig->config[1].flow_window = FLOW_WINDOW;
	rig->config[1].flow_window_max = FLOW_WINDOW;
}

static inline void wait_use_flow_credit(struct wait *wait)
{
	wait_fill(wait, wait->flow, true);
}

static inline bool wait_flow_has_no_credit(const struct wait *wait)
{
	return credit_left(&wait->flow->tx_credit) == 0 &&
	       credit_left(&wait->flow->circuit->tx_credit) > 0;
}

static inline void wait_small_circuit_window(struct rig *rig)
{
	wait_small_flow_window(rig);
	rig->config[1].circuit_window = CIRCUIT_WINDOW;
	rig->config[1].circuit_window_max = CIRCUIT_WINDOW;
}

static inline void wait_use_circuit_credit(struct wait *wait)
{
	wait_fill(wait, wait_another(wait), true);
	wait_fill(wait, wait->flow, true);
}

static inline bool wait_circuit_has_no_credit(const struct wait *wait)
{
	return credit_left(&wait->flow->circuit->tx_credit) == 0 &&
	       credit_left(&wait->flow->tx_credit) > 0;
}

/* What comes back of the rest is said, but not heard. */

static inline void wait_large_windows(struct rig *rig)
{
	rig->config[1].circuits_max = 1;
	rig->config[1].flow_window = 1 << 20;
	rig->config[1].circuit_window = 1 << 20;
}

static inline void wait_use_hop_credit(struct wait *wait)
{
	wait_fill(wait, wait->flow, false);
}

static inline bool wait_hop_has_no_credit(const struct wait *wait)
{
	return credit_left(&wait->flow->circuit->hop_tx) <
		       VIF_TRUNK_RECORD_MIN &&
	       credit_left(&wait->flow->tx_credit) > 0;
}

static inline void wait_small_trunk_window(struct rig *rig)
{
	rig->config[1].circuits_max = 1;
	rig->config[1].flow_window = 128 << 10;
	rig->config[1].circuit_window = 128 << 10;
	rig->config[1].window = 128 << 10;
}

/* Headers count, so small records use it up before payload does. */
static inline void wait_use_trunk_credit(struct wait *wait)
{
	do
		assert_int_equal(vif_flow_write(wait->flow, wait_bytes, 1), 1);
	while (rig_move(&wait->rig, 0) > 0);
	wait_fill(wait, wait->flow, false);
}

static inline bool wait_trunk_has_no_credit(const struct wait *wait)
{
	return credit_left(&wait->rig.end[0]->tx_credit) <=
		       RECORD_TAG_LEN + FRAME_HEADER_LEN &&
	       credit_left(&wait->flow->circuit->tx_credit) > 0 &&
	       credit_left(&wait->flow->tx_credit) > 0;
}

/* Nothing moves any more. */

static inline void wait_write_all(struct vif_flow *flow)
{
	while (vif_flow_write(flow, wait_bytes, sizeof(wait_bytes)) > 0)
		continue;
}

static inline void wait_little_memory(struct rig *rig)
{
	wait_large_windows(rig);
	rig->config[0].flow_send_max = SEND_MAX;
	rig->config[0].send_max = SEND_MAX;
}

static inline void wait_use_memory(struct wait *wait)
{
	wait_write_all(wait_another(wait));
	wait_write_all(wait->flow);
}

static inline bool wait_others_have_the_memory(const struct wait *wait)
{
	return wait->flow->is_in_line && wait->flow->tx.len == 0;
}

static inline void wait_use_queue(struct wait *wait)
{
	wait_write_all(wait->flow);
}

static inline bool wait_its_queue_is_full(const struct wait *wait)
{
	return wait->flow->tx.len == wait->rig.config[0].flow_send_max &&
	       credit_left(&wait->flow->tx_credit) > 0;
}

/* The program has been given bytes that its socket does not take. */
static inline void wait_use_socket(struct wait *wait)
{
	wait_write_all(wait->flow);
	assert_true(vif_trunk_send(wait->rig.end[0], wait->rig.buffer,
				   VIF_TRUNK_SEND_MIN) > 0);
	wait_write_all(wait->flow);
}

static const struct cause wait_causes[] = {
	{ "credit of the flow", wait_small_flow_window, wait_use_flow_credit,
	  wait_flow_has_no_credit, VIF_CIRCUIT_DERIVED, false },
	{ "credit of the circuit", wait_small_circuit_window,
	  wait_use_circuit_credit, wait_circuit_has_no_credit,
	  VIF_CIRCUIT_BOUND, false },
	{ "credit of the hop", wait_large_windows, wait_use_hop_credit,
	  wait_hop_has_no_credit, VIF_CIRCUIT_SEALED, false },
	{ "credit of the trunk", wait_small_trunk_window, wait_use_trunk_credit,
	  wait_trunk_has_no_credit, VIF_CIRCUIT_DERIVED, false },
	{ "memory of all", wait_little_memory, wait_use_memory,
	  wait_others_have_the_memory, VIF_CIRCUIT_DERIVED, true },
	{ "its queue", wait_little_memory, wait_use_queue,
	  wait_its_queue_is_full, VIF_CIRCUIT_SEALED, true },
	{ "the socket", wait_little_memory, wait_use_socket,
	  wait_its_queue_is_full, VIF_CIRCUIT_DERIVED, true },
};

static inline void wait_start(struct wait *wait, const struct cause *cause)
{
	struct rig *rig = &wait->rig;

	rig_init(rig);
	rig->config[0].health_ns = HEALTH_MS * MS;
	rig->config[0].drain_ns = DRAIN_MS * MS;
	cause->configure(rig);
	rig_start(rig);
	rig_dial(rig, cause->mode);
	wait->flow = wait_another(wait);
	assert_int_equal(vif_flow_write(wait->flow, wait_bytes, 1), 1);
	rig_run(rig);
	wait->far = rig->flow[1];
	assert_non_null(wait->far);
	cause->begin(wait);
	wait_take_news(wait);
	/* It does wait, for that and for nothing else. */
	assert_int_equal(vif_flow_write(wait->flow, wait_bytes, 1), 0);
	assert_true(cause->is_true(wait));
	assert_false(wait->is_told);
}

#endif
