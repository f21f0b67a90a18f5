/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A flood, and the program that it hits: it takes what comes, answers, accepts
 * circuits until it stops doing so, reads all flows, and lets go of what has
 * ended. Behind a relay is a program that reads, too, which is not counted.
 */
#include "bench/trunk/flood.h"

#include <time.h>

static uint64_t thread_ns(void)
{
	return cpu_ns(CLOCK_THREAD_CPUTIME_ID);
}

/* Reads everything. Lets go of a flow that has an end. */
static void read_flow(struct vif_flow *flow)
{
	uint8_t bytes[4096];
	int64_t n;

	do
		n = vif_flow_read(flow, bytes, sizeof(bytes));
	while (n > 0);
	if (n < 0)
		vif_flow_close(flow);
}

static void take_news(struct vif_trunk *trunk)
{
	struct vif_trunk_event event;

	while (vif_trunk_next_event(trunk, &event)) {
		if (event.type == VIF_CIRCUIT_INCOMING)
			(void)vif_circuit_accept(event.circuit);
		else if (event.type == VIF_CIRCUIT_CLOSED)
			vif_circuit_free(event.circuit);
		else if (event.type == VIF_FLOW_INCOMING ||
			 event.type == VIF_FLOW_READABLE ||
			 event.type == VIF_FLOW_CLOSED)
			read_flow(event.flow);
	}
}

/* What a circuit needs in the role of the peer. */
static void open_circuit(struct flood *flood)
{
	hostile_open(&flood->h, flood->next_circuit, VIF_CIRCUIT_DERIVED);
	flood->next_circuit += 2;
}

static void start_direct(struct flood *flood)
{
	struct hostile *h = &flood->h;

	open_circuit(flood);
	(void)hostile_data(h, 1, FRAME_DATA_OPEN, 1, 0, 1);
	flood->at = 1;
	open_circuit(flood);
	hostile_code_frame(h, FRAME_TRUNK_SHUT, 3, 0, VIF_REASON_PROGRAM);
	(void)hostile_record(h, RECORD_CONTROL, 0, 0);
	open_circuit(flood);
	if (vif_circuit_listen(h->circuit, false) < 0 ||
	    vif_trunk_listen(h->trunk, false) < 0 || !h->flow)
		die("the circuits are not there");
	read_flow(h->flow);
}

static void start_relayed(struct flood *flood)
{
	struct hostile *h = &flood->h;
	struct rig *bob = &flood->bob;

	rig_init(bob);
	rig_start(bob);
	if (vif_relay_new(&flood->relay) < 0 ||
	    vif_relay_add(flood->relay, h->trunk) < 0 ||
	    vif_relay_add(flood->relay, bob->end[1]) < 0 ||
	    vif_relay_route(bob->end[1], NULL) < 0)
		die("no relay");
	hostile_dial(h, 1, VIF_CIRCUIT_SEALED, bob->key[0]);
	rig_run(bob);
	hostile_hear(h);
	hostile_confirm_to(h, 1, VIF_CIRCUIT_SEALED);
	rig_run(bob);
	if (!bob->circuit[0])
		die("no circuit through the relay");
}

void flood_start(struct flood *flood, const struct flood_kind *kind)
{
	struct vif_trunk_stats stats;

	memset(flood, 0, sizeof(*flood));
	flood->kind = kind;
	flood->random = 1;
	flood->next_circuit = flood->next_refused = 1;
	flood->next_flow = 3;
	flood->held = -held_now();
	hostile_init(&flood->h, VIF_TRUNK_ACCEPTER);
	hostile_start(&flood->h);
	if (kind->is_relayed)
		start_relayed(flood);
	else
		start_direct(flood);
	flood->held += held_now();
	flood->held_max = flood->held;
	vif_trunk_stats(flood->h.trunk, &stats);
	flood->n_setup = stats.rx_records;
}

void flood_stop(struct flood *flood)
{
	hostile_fini(&flood->h);
	if (!flood->relay)
		return;
	rig_fini(&flood->bob);
	vif_relay_free(flood->relay);
}

/* Whether the peer may send another record. Only a relay's hop holds it back. */
static bool may_send(const struct flood *flood, uint64_t sent)
{
	const struct vif_circuit *half;

	if (!flood->kind->is_relayed)
		return true;
	half = circuit_find(flood->h.trunk, 1);
	return half && half->hop_rx.received + sent + FLOOD_RECORD <=
			       half->hop_rx.limit;
}

void flood_make(struct flood *flood, size_t max)
{
	struct hostile *h = &flood->h;

	flood->len = 0;
	if (max > sizeof(flood->bytes))
		max = sizeof(flood->bytes);
	while (flood->len + FLOOD_RECORD <= max &&
	       may_send(flood, flood->len)) {
		struct record_header header = flood->kind->make(flood);

		flood->n++;
		flood->len +=
			hostile_seal(h, header.type, header.flags,
				     header.circuit, flood->bytes + flood->len);
		if (flood->is_rekey && noise_key_rekey(&h->keys.send) < 0)
			die("no key");
		flood->is_rekey = false;
	}
}

static void weigh(struct flood *flood)
{
	flood->held += held_now();
	if (flood->held > flood->held_max)
		flood->held_max = flood->held;
}

/* The program's part, which is counted. */
static uint64_t run(struct flood *flood, struct vif_trunk *trunk,
		    const uint8_t *bytes, size_t len)
{
	uint64_t start_ns = thread_ns();

	flood->held -= held_now();
	(void)vif_trunk_receive(trunk, bytes, len);
	weigh(flood);
	flood->held -= held_now();
	take_news(trunk);
	weigh(flood);
	return thread_ns() - start_ns;
}

/* What the program says, which nobody has to read. Returns its bytes. */
static uint64_t answer(struct flood *flood, struct vif_trunk *trunk,
		       int64_t *ret_len)
{
	uint64_t start_ns = thread_ns();

	flood->held -= held_now();
	*ret_len = vif_trunk_send(trunk, flood->bob.buffer,
				  sizeof(flood->bob.buffer));
	weigh(flood);
	return thread_ns() - start_ns;
}

/* To who is behind the relay, and back. */
static uint64_t pass_on(struct flood *flood)
{
	struct rig *bob = &flood->bob;
	uint64_t ns = 0;
	int64_t n;

	for (;;) {
		ns += answer(flood, bob->end[1], &n);
		if (n <= 0)
			return ns;
		(void)vif_trunk_receive(bob->end[0], bob->buffer, (size_t)n);
		take_news(bob->end[0]);
		n = vif_trunk_send(bob->end[0], bob->buffer,
				   sizeof(bob->buffer));
		if (n > 0)
			ns += run(flood, bob->end[1], bob->buffer, (size_t)n);
	}
}

uint64_t flood_take(struct flood *flood, uint64_t ns)
{
	struct hostile *h = &flood->h;
	uint64_t sum;
	int64_t n;

	h->now_ns += ns;
	vif_trunk_advance(h->trunk, h->now_ns);
	if (flood->relay) {
		flood->bob.now_ns += ns;
		vif_trunk_advance(flood->bob.end[0], flood->bob.now_ns);
		vif_trunk_advance(flood->bob.end[1], flood->bob.now_ns);
	}
	sum = run(flood, h->trunk, flood->bytes, flood->len);
	if (flood->relay)
		sum += pass_on(flood);
	do
		sum += answer(flood, h->trunk, &n);
	while (n > 0);
	return sum;
}

bool flood_lasts(const struct flood *flood)
{
	return vif_trunk_is_ready(flood->h.trunk) &&
	       (!flood->relay || circuit_find(flood->h.trunk, 1));
}

uint64_t flood_records(const struct flood *flood)
{
	struct vif_trunk_stats stats;

	vif_trunk_stats(flood->h.trunk, &stats);
	return stats.rx_records - flood->n_setup;
}
