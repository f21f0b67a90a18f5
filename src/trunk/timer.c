/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Time: what happens when nothing happens.
 *
 * docs/design/trunk.md, section 9. The time is what the program passed last. A
 * jump (a machine that slept) makes each timer fire once, and health asks the
 * other side before it gives up. UINT64_MAX is never, of a time to wait as of a
 * deadline, and when the clock comes there, too.
 */
#include "trunk/core.h"

enum timer_limits {
	TIMER_RTT_NS = 1000000000, /* between pings while data comes */
};

uint64_t time_after(const struct vif_trunk *trunk, uint64_t ns)
{
	return credit_add(trunk->now_ns, ns);
}

static uint64_t sooner(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

void timer_circuit_idle(struct vif_circuit *circuit)
{
	const struct vif_trunk *trunk = circuit->trunk;

	circuit->deadline_ns =
		list_is_empty(&circuit->flows) ?
			time_after(trunk, trunk->config.circuit_idle_ns) :
			UINT64_MAX;
}

/*
 * When to ask for a sign of life, or to give up. What counts is when it was to
 * be asked: a connection that takes nothing any more does not take the question.
 */
static uint64_t health_ns(const struct vif_trunk *trunk)
{
	uint64_t health = trunk->config.health_ns;

	if (health == UINT64_MAX)
		return UINT64_MAX; /* half of never is not never */
	if (trunk->asked_ns)
		return credit_add(trunk->asked_ns, health - health / 2);
	return credit_add(trunk->last_rx_ns, health / 2);
}

static uint64_t next_of_trunk(const struct vif_trunk *trunk)
{
	const struct vif_trunk_config *config = &trunk->config;
	uint64_t next;

	if (trunk->state == TRUNK_HANDSHAKE ||
	    trunk->state == TRUNK_UNCONFIRMED)
		return credit_add(trunk->start_ns, config->handshake_ns);
	next = health_ns(trunk);
	if (!trunk->ever_had_circuit)
		next = sooner(next,
			      credit_add(trunk->start_ns, config->start_ns));
	else if (trunk->n_circuits == 0)
		next = sooner(next, credit_add(trunk->idle_since_ns,
					       config->idle_ns));
	next = sooner(next, trunk->drain_end_ns);
	if (!trunk->wants_rekey)
		next = sooner(next, credit_add(trunk->tx_seal.since_ns,
					       config->rekey_ns));
	return next;
}

uint64_t timer_next(const struct vif_trunk *trunk)
{
	uint64_t next = UINT64_MAX;
	struct list *link, *after;

	if (trunk->state == TRUNK_ENDED)
		return UINT64_MAX;
	if (budget_is_marked(&trunk->budget) && !trunk->is_evicted)
		return trunk->now_ns;
	next = next_of_trunk(trunk);
	if (trunk->state != TRUNK_OPEN) /* nor does timer_run() look at them */
		return next;
	list_foreach(&trunk->circuits, link, after) {
		const struct vif_circuit *circuit =
			container_of(link, struct vif_circuit, all);

		next = sooner(next, circuit->deadline_ns);
	}
	return next;
}

static void circuit_timeout(struct vif_circuit *circuit)
{
	circuit->deadline_ns = UINT64_MAX;
	if (circuit->state == CIRCUIT_OPEN) {
		(void)circuit_close_as(circuit, VIF_REASON_IDLE, "");
		return;
	}
	circuit_end(circuit, VIF_REASON_TIMEOUT,
		    circuit->state == CIRCUIT_CLOSING ?
			    "CLOSE was not answered" :
			    "the handshake took too long",
		    true);
}

static void run_circuits(struct vif_trunk *trunk)
{
	struct list *link, *after;

	list_foreach(&trunk->circuits, link, after) {
		struct vif_circuit *circuit =
			container_of(link, struct vif_circuit, all);

		if (time_is_over(trunk->now_ns, circuit->deadline_ns))
			circuit_timeout(circuit);
	}
}

static void run_health(struct vif_trunk *trunk)
{
	if (!time_is_over(trunk->now_ns, health_ns(trunk)))
		return;
	if (trunk->asked_ns) {
		(void)trunk_end(trunk, VIF_REASON_HEALTH, true,
				"no sign of life for %.3g s",
				(double)(trunk->now_ns - trunk->last_rx_ns) /
					1e9);
		return;
	}
	trunk->asked_ns = trunk->now_ns;
	trunk->wants_ping = true;
}

/* Ends the trunk if it has waited too long for something. */
static void run_ends(struct vif_trunk *trunk)
{
	const struct vif_trunk_config *config = &trunk->config;
	uint64_t now = trunk->now_ns;

	if (trunk->state != TRUNK_OPEN) {
		if (time_is_over(now, credit_add(trunk->start_ns,
						 config->handshake_ns)))
			(void)trunk_end(trunk, VIF_REASON_TIMEOUT,
					trunk->state != TRUNK_HANDSHAKE,
					"the handshake took too long");
		return;
	}
	if (time_is_over(now, trunk->drain_end_ns))
		(void)trunk_end(trunk,
				trunk->is_evicted ? VIF_REASON_MEMORY :
						    VIF_REASON_DRAINING,
				true, "it did not end in time");
	else if (!trunk->ever_had_circuit &&
		 time_is_over(now,
			      credit_add(trunk->start_ns, config->start_ns)))
		(void)trunk_end(trunk, VIF_REASON_START, true, "%s", "");
	else if (trunk->ever_had_circuit && trunk->n_circuits == 0 &&
		 time_is_over(now, credit_add(trunk->idle_since_ns,
					      config->idle_ns)))
		(void)trunk_end(trunk, VIF_REASON_IDLE, true, "%s", "");
}

static void run_rekey(struct vif_trunk *trunk)
{
	struct seal_life life = trunk_seal_life(trunk);
	struct list *link, *after;

	if (seal_is_old(&trunk->tx_seal, &life, trunk->now_ns))
		trunk->wants_rekey = true;
	list_foreach(&trunk->circuits, link, after) {
		struct vif_circuit *circuit =
			container_of(link, struct vif_circuit, all);

		if (circuit->state == CIRCUIT_OPEN &&
		    circuit->mode == VIF_CIRCUIT_SEALED &&
		    seal_is_old(&circuit->tx_seal, &life, trunk->now_ns)) {
			circuit->wants_rekey = true;
			circuit_poke(circuit);
		}
	}
}

void timer_run(struct vif_trunk *trunk)
{
	if (trunk->state == TRUNK_ENDED)
		return;
	if (budget_is_marked(&trunk->budget) && !trunk->is_evicted)
		trunk_evict(trunk);
	run_ends(trunk);
	if (trunk->state != TRUNK_OPEN)
		return;
	run_circuits(trunk);
	run_health(trunk);
	if (trunk->state == TRUNK_OPEN)
		run_rekey(trunk);
}

void timer_sign_of_life(struct vif_trunk *trunk)
{
	trunk->last_rx_ns = trunk->now_ns;
	trunk->asked_ns = 0;
}

void timer_record_came(struct vif_trunk *trunk)
{
	/* How long the way is, is worth knowing only while data comes. */
	if (trunk->state == TRUNK_OPEN && !trunk->ping_sent_ns &&
	    trunk->stats.rx_payload != trunk->ping_payload &&
	    (trunk->stats.rtt_ns == 0 ||
	     trunk->now_ns - trunk->last_ping_ns >= TIMER_RTT_NS))
		trunk->wants_ping = true;
}

void timer_got_pong(struct vif_trunk *trunk, uint64_t token)
{
	uint64_t rtt = trunk->now_ns - trunk->ping_sent_ns;

	if (token != trunk->ping_token || !trunk->ping_sent_ns) {
		(void)trunk_glitch(trunk);
		return;
	}
	trunk->ping_sent_ns = 0;
	trunk->last_ping_ns = trunk->now_ns;
	if (rtt == 0)
		rtt = 1; /* 0 is "not measured" */
	trunk->stats.rtt_ns = rtt;
	if (!trunk->stats.rtt_min_ns || rtt < trunk->stats.rtt_min_ns)
		trunk->stats.rtt_min_ns = rtt;
}
