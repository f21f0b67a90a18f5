/* SPDX-License-Identifier: Apache-2.0 */
/* Pairs of trunks of which the accepters share a budget. */
#ifndef TESTS_TRUNK_BUDGET_RIG_H
#define TESTS_TRUNK_BUDGET_RIG_H

#include <vif/trunk_budget.h>

#include "tests/trunk_rig.h"

/* Bytes: a step, and the first windows of a circuit and a flow. */
#define BUDGET_STEP    ((uint64_t)VIF_TRUNK_BUDGET_STEP)
#define BUDGET_CIRCUIT (2 * BUDGET_STEP)
#define BUDGET_FLOW    BUDGET_STEP
#define BUDGET_S       UINT64_C(1000000000)

static inline struct vif_trunk_budget *budget_make(uint64_t limit,
						   uint64_t soft)
{
	const struct vif_trunk_budget_config config = {
		.size = sizeof(config),
		.limit = limit,
		.soft = soft,
	};
	struct vif_trunk_budget *budget = NULL;

	if (vif_trunk_budget_new(&config, &budget, NULL) < 0)
		abort();
	return budget;
}

static inline struct vif_trunk_budget_stats
budget_stats(const struct vif_trunk_budget *budget)
{
	struct vif_trunk_budget_stats stats;

	vif_trunk_budget_stats(budget, &stats);
	return stats;
}

static inline uint64_t budget_taken(const struct vif_trunk_budget *budget)
{
	return budget_stats(budget).taken;
}

static inline struct rig *pair_make(struct vif_trunk_budget *budget)
{
	struct rig *pair = malloc(sizeof(*pair));

	if (!pair)
		abort();
	rig_init(pair);
	pair->config[1].budget = budget;
	return pair;
}

/* A pair that is ready. */
static inline struct rig *pair_new(struct vif_trunk_budget *budget)
{
	struct rig *pair = pair_make(budget);

	rig_start(pair);
	return pair;
}

static inline void pair_free(struct rig *pair)
{
	rig_fini(pair);
	free(pair);
}

/* A circuit that the peer dials; its reason when it was refused, or 0. */
static inline uint32_t pair_dial(struct rig *pair)
{
	rig_dial(pair, VIF_CIRCUIT_DERIVED);
	return vif_circuit_reason(pair->circuit[0], NULL);
}

/* A flow that the peer opens in the last circuit; the same. */
static inline uint32_t pair_open(struct rig *pair, struct vif_flow **ret_flow)
{
	pair->flow[1] = NULL;
	if (vif_flow_open(pair->circuit[0], NULL, ret_flow) < 0 ||
	    vif_flow_write(*ret_flow, "x", 1) != 1)
		abort();
	rig_run(pair);
	return vif_flow_reason(*ret_flow);
}

/* So many bytes of the peer, as far as the window takes them. */
static inline void pair_send(struct rig *pair, struct vif_flow *flow,
			     size_t len)
{
	static const uint8_t bytes[BUDGET_STEP];

	while (len > 0) {
		size_t want = len < sizeof(bytes) ? len : sizeof(bytes);
		int64_t n = vif_flow_write(flow, bytes, want);

		if (n <= 0)
			abort();
		len -= (size_t)n;
	}
	rig_run(pair);
}

/* Reads what is there; how much, or -errno when nothing was. */
static inline int64_t pair_read(struct vif_flow *flow)
{
	uint8_t bytes[BUDGET_STEP / 4];
	int64_t sum = 0, n;

	while ((n = vif_flow_read(flow, bytes, sizeof(bytes))) > 0)
		sum += n;
	return sum > 0 ? sum : n;
}

#endif
