/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Credit that is given: when what was received has been consumed.
 *
 * docs/design/trunk.md, section 7. The windows of all circuits together stay
 * within the trunk's, so that no circuit can hold another up; and those of all
 * trunks of a budget within that. What is said of a budget below holds without
 * one as if it had no end.
 */
#include "trunk/core.h"

/* What circuits that the other side may still open will need. */
static uint64_t reserve(const struct vif_trunk *trunk)
{
	uint32_t max = trunk->config.circuits_max;
	uint32_t have = trunk->n_remote_windows;
	uint32_t may_come = max > have ? max - have : 0;

	return (uint64_t)may_come * trunk->config.circuit_window;
}

/* Widens a window as far as memory allows; false when the budget has none. */
static bool widen_circuit(struct vif_circuit *circuit, uint64_t window,
			  enum budget_level level)
{
	struct vif_trunk *trunk = circuit->trunk;
	uint64_t taken = trunk->windows + reserve(trunk);
	uint64_t left =
		taken < trunk->config.window ? trunk->config.window - taken : 0;
	uint32_t now = circuit->rx_credit.window;

	if (window > now + left)
		window = now + left;
	if (window <= now)
		return true;
	if (!budget_take(&trunk->budget, trunk->windows + window - now, level,
			 trunk->now_ns))
		return false;
	trunk->windows += window - now;
	circuit->rx_credit.window = (uint32_t)window;
	return true;
}

bool window_may_come(struct vif_trunk *trunk)
{
	uint32_t window = trunk->config.circuit_window;

	if (budget_has_room(&trunk->budget, window))
		return true;
	budget_refused(&trunk->budget, window, trunk->now_ns);
	return false;
}

void window_tell_use(struct vif_trunk *trunk)
{
	/* Grows with what is sent, what comes, and what is consumed. */
	if (trunk->budget.budget)
		budget_used(
			&trunk->budget,
			trunk->tx_credit.sent + trunk->rx_credit.received +
				(trunk->rx_credit.received - trunk->rx_held),
			trunk->now_ns);
}

/* Of the budget; when it has none, those who can spare some hear of it. */
static bool take_shared(struct vif_trunk *trunk, uint32_t window)
{
	if (budget_take(&trunk->budget, trunk->windows + window, BUDGET_LIMIT,
			trunk->now_ns))
		return true;
	budget_refused(&trunk->budget, window, trunk->now_ns);
	return false;
}

static bool take(struct vif_circuit *circuit, uint32_t window)
{
	struct vif_trunk *trunk = circuit->trunk;

	if (!circuit->is_local) /* what was reserved for it is free */
		trunk->n_remote_windows++;
	if (trunk->windows + reserve(trunk) + window > trunk->config.window ||
	    !take_shared(trunk, window)) {
		if (!circuit->is_local)
			trunk->n_remote_windows--;
		return false;
	}
	trunk->windows += window;
	circuit->has_window = true;
	return true;
}

bool window_open(struct vif_circuit *circuit)
{
	struct vif_trunk *trunk = circuit->trunk;
	uint32_t window = trunk->config.circuit_window;

	if (!take(circuit, window))
		return false;
	circuit->rx_credit = (struct credit_rx){
		.limit = window,
		.window = window,
		.window_max = trunk->config.circuit_window_max,
		.epoch_ns = trunk->now_ns,
	};
	circuit->hop_rx = (struct credit_rx){
		.limit = trunk->config.hop_window,
		.window = trunk->config.hop_window,
	};
	return true;
}

/* A half holds records until they are passed on, as a circuit holds payload. */
bool window_open_relayed(struct vif_circuit *half)
{
	uint32_t window = half->trunk->config.hop_window;

	if (!take(half, window))
		return false;
	half->rx_credit.window = window;
	half->hop_rx = (struct credit_rx){ .limit = window, .window = window };
	return true;
}

void window_close(struct vif_circuit *circuit)
{
	struct vif_trunk *trunk = circuit->trunk;
	uint32_t held = (uint32_t)circuit->rx_held;

	if (!circuit->has_window)
		return;
	circuit->has_window = false;
	if (!circuit->is_local)
		trunk->n_remote_windows--;
	/* What its flows still hold is free when they have let it go. */
	assert(held <= circuit->rx_credit.window);
	trunk->windows -= circuit->rx_credit.window - held;
	circuit->rx_credit.window = held;
	budget_fit(&trunk->budget, trunk->windows);
}

void window_blocked(const struct vif_trunk *trunk, uint64_t *since_ns)
{
	if (*since_ns == 0)
		*since_ns = trunk->now_ns;
}

void window_unblocked(const struct vif_trunk *trunk, uint64_t *since_ns,
		      uint64_t *blocked_ns)
{
	if (*since_ns == 0)
		return;
	*blocked_ns += trunk->now_ns - *since_ns;
	*since_ns = 0;
}

void window_trunk(struct vif_trunk *trunk)
{
	if (credit_is_due(&trunk->rx_credit, trunk->rx_held, CREDIT_HALF_FREE,
			  0))
		trunk->wants_limit = true;
}

void window_hop(struct vif_circuit *circuit)
{
	if (credit_is_due(&circuit->hop_rx, circuit->relay_held,
			  CREDIT_HALF_WINDOW, 0))
		circuit_want(circuit, WANTS_LIMIT);
}

/*
 * A window that shrinks: what the other side may send and what is held of what
 * it has sent, which was promised. As long as no new limit is told that gets
 * less with each byte that is consumed.
 */
static uint32_t shrunk(const struct credit_rx *credit, uint64_t held,
		       uint32_t least, bool has_lanes)
{
	uint64_t promised = credit->limit - (credit->received - held);

	if (has_lanes && least < CORE_LANE_WINDOW)
		least = CORE_LANE_WINDOW;
	if (promised < least)
		promised = least;
	return promised < credit->window ? (uint32_t)promised : credit->window;
}

static void shrink_circuit(struct vif_circuit *circuit)
{
	struct vif_trunk *trunk = circuit->trunk;
	struct credit_rx *credit = &circuit->rx_credit;
	uint32_t window =
		shrunk(credit, circuit->rx_held, trunk->config.circuit_window,
		       circuit->has_lanes);

	if (window == credit->window)
		return;
	trunk->windows -= credit->window - window;
	credit->window = window;
	budget_fit(&trunk->budget, trunk->windows);
}

/*
 * To half of its circuit's, as it may grow to no more. With less at once the
 * promises of the circuit would take longer to be used up.
 */
static void shrink_flow(struct vif_flow *flow)
{
	const struct vif_circuit *circuit = flow->circuit;
	uint32_t least = circuit->trunk->config.flow_window;

	if (least < circuit->rx_credit.window / 2)
		least = circuit->rx_credit.window / 2;
	flow->rx_credit.window =
		shrunk(&flow->rx_credit, flow->rx.len, least, flow->is_lane);
}

static void widen_flow(struct vif_flow *flow)
{
	struct credit_rx *credit = &flow->rx_credit;
	uint64_t window = 2 * (uint64_t)credit->window;

	if (window > credit->window_max)
		window = credit->window_max;
	/* One flow never holds all of its circuit. */
	if (window > flow->circuit->rx_credit.window / 2)
		window = flow->circuit->rx_credit.window / 2;
	if (window > credit->window)
		credit->window = (uint32_t)window;
}

static void grow_circuit(struct vif_circuit *circuit)
{
	uint64_t window = 2 * (uint64_t)circuit->rx_credit.window;

	if (window > circuit->rx_credit.window_max)
		window = circuit->rx_credit.window_max;
	(void)widen_circuit(circuit, window, BUDGET_SOFT); /* or it stays */
}

static void judge_circuit(struct vif_circuit *circuit)
{
	const struct vif_trunk *trunk = circuit->trunk;

	if (circuit->state >= CIRCUIT_CLOSING)
		return;
	if (budget_is_tight(&trunk->budget))
		shrink_circuit(circuit);
	else if (credit_wants_more(&circuit->rx_credit, circuit->rx_held,
				   trunk->now_ns, trunk->stats.rtt_ns))
		grow_circuit(circuit);
	if (credit_is_due(&circuit->rx_credit, circuit->rx_held,
			  CREDIT_HALF_FREE,
			  circuit->has_lanes ? CORE_LANE_WINDOW / 2 : 0)) {
		circuit->wants_credit = true;
		circuit_poke(circuit);
	}
}

static void judge_flow(struct vif_flow *flow)
{
	const struct vif_trunk *trunk = flow->circuit->trunk;

	if (flow->rx_fin || flow->rx_reset)
		return;
	if (budget_is_tight(&trunk->budget))
		shrink_flow(flow);
	else if (credit_wants_more(&flow->rx_credit, flow->rx.len,
				   trunk->now_ns, trunk->stats.rtt_ns))
		widen_flow(flow);
	if (credit_is_due(&flow->rx_credit, flow->rx.len, CREDIT_HALF_WINDOW,
			  flow->is_lane ? CORE_LANE_WINDOW / 2 : 0)) {
		flow->wants_credit = true;
		flow_want(flow);
	}
}

void window_consumed(struct vif_flow *flow, uint32_t len)
{
	struct vif_circuit *circuit = flow->circuit;
	struct vif_trunk *trunk = circuit->trunk;

	assert(circuit->rx_held >= len && trunk->rx_held >= len);
	circuit->rx_held -= len;
	trunk->rx_held -= len;
	window_tell_use(trunk);
	if (flow->is_dead) {
		trunk->windows -= len;
		circuit->rx_credit.window -= len;
		budget_fit(&trunk->budget, trunk->windows);
		window_trunk(trunk);
		return;
	}
	judge_flow(flow);
	judge_circuit(circuit);
	window_trunk(trunk);
}

bool window_of_lane(struct vif_flow *flow)
{
	struct vif_circuit *circuit = flow->circuit;
	struct vif_trunk *trunk = circuit->trunk;
	bool is_in_budget = true;

	circuit->has_lanes = true;
	if (flow->rx_credit.window < CORE_LANE_WINDOW)
		flow->rx_credit.window = CORE_LANE_WINDOW;
	if (circuit->rx_credit.window < CORE_LANE_WINDOW)
		is_in_budget =
			widen_circuit(circuit, CORE_LANE_WINDOW, BUDGET_LIMIT);
	judge_flow(flow);
	judge_circuit(circuit);
	if (circuit->rx_credit.window >= CORE_LANE_WINDOW / 2)
		return true;
	if (!is_in_budget)
		budget_refused(&trunk->budget,
			       CORE_LANE_WINDOW - circuit->rx_credit.window,
			       trunk->now_ns);
	return false;
}
