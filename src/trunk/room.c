/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Room for what programs write, and who waits for it.
 *
 * Three numbers hold a writer back: what its flow holds, and what its circuit and
 * the trunk hold. Room in its flow comes of its own bytes, as they are sent. The
 * rest is shared, and who waits for that stands in line: the flows of a circuit
 * at the head of the list of its flows, in the order they came, and such
 * circuits in a list of the trunk. Who is first is told when the program asks for
 * news and there are none: one at a time, so that each finds the room that it
 * was told of. Nobody else is looked at, however many flows there are. Room for
 * less than he needs, of a packet all, is none: he would ask for ever.
 */
#include "trunk/core.h"

static uint64_t below(uint64_t n, uint64_t max)
{
	return n < max ? max - n : 0;
}

/*
 * A circuit may hold as much as one flow whatever the others hold: one that is
 * not read must not keep the others from writing.
 */
static uint64_t shared_room(const struct vif_flow *flow)
{
	const struct vif_circuit *circuit = flow->circuit;
	const struct vif_trunk *trunk = circuit->trunk;
	uint64_t of_trunk = below(trunk->tx_held, trunk->config.send_max);
	uint64_t own = below(circuit->tx_held, trunk->config.flow_send_max);

	return of_trunk > own ? of_trunk : own;
}

uint32_t flow_room(const struct vif_flow *flow)
{
	uint64_t max = flow->circuit->trunk->config.flow_send_max;
	uint64_t of_flow = below(flow->tx.len, max);
	uint64_t shared = shared_room(flow);

	return (uint32_t)(of_flow < shared ? of_flow : shared);
}

/* With less it is not worth telling: a packet is written whole. */
static uint32_t need(const struct vif_flow *flow)
{
	return flow->low_water > flow->refused ? flow->low_water :
						 flow->refused;
}

static bool has_line(const struct vif_circuit *circuit)
{
	return circuit->line_end != &circuit->flows;
}

static void stand_in_line(struct vif_flow *flow)
{
	struct vif_circuit *circuit = flow->circuit;

	if (flow->is_in_line)
		return;
	flow->is_in_line = true;
	list_remove(&flow->all);
	list_append(circuit->line_end->next, &flow->all);
	circuit->line_end = &flow->all;
	list_want(&circuit->trunk->lines, &circuit->line);
}

void room_leave(struct vif_flow *flow)
{
	struct vif_circuit *circuit = flow->circuit;

	if (!flow->is_in_line)
		return;
	flow->is_in_line = false;
	if (circuit->line_end == &flow->all)
		circuit->line_end = flow->all.prev;
	list_remove(&flow->all);
	list_append(&circuit->flows, &flow->all);
	if (!has_line(circuit)) {
		list_remove(&circuit->line);
		list_remove(&circuit->roomier);
	}
}

void room_wanted(struct vif_flow *flow, uint32_t len)
{
	uint64_t max = flow->circuit->trunk->config.flow_send_max;

	assert(len > 0 && len <= max);
	flow->refused = len;
	flow->wants_room = true;
	if (shared_room(flow) <= below(flow->tx.len, max))
		stand_in_line(flow);
}

void room_came(struct vif_circuit *circuit)
{
	if (has_line(circuit))
		list_want(&circuit->trunk->roomier, &circuit->roomier);
}

void room_came_of(struct vif_flow *flow)
{
	if (!flow->wants_room || flow->is_in_line)
		return;
	/* Those who stand in line come first. */
	if (shared_room(flow) < need(flow) ||
	    !list_is_empty(&flow->circuit->trunk->lines)) {
		stand_in_line(flow);
	} else if (flow_room(flow) >= need(flow)) {
		flow->wants_room = false;
		event_flow(flow, VIF_FLOW_WRITABLE);
	}
}

/* Tells the first of a line. Returns false when there is nothing to tell. */
static bool wake_first(struct vif_circuit *circuit)
{
	while (has_line(circuit)) {
		struct vif_flow *flow =
			container_of(circuit->flows.next, struct vif_flow, all);
		uint64_t shared = shared_room(flow);
		bool is_short = flow->wants_room && shared < need(flow);

		if (is_short && shared == 0)
			return false;
		room_leave(flow);
		if (is_short) {
			/* Others may need less: the next one is first now. */
			stand_in_line(flow);
			return false;
		}
		if (flow->wants_room && flow_room(flow) >= need(flow)) {
			flow->wants_room = false;
			event_flow(flow, VIF_FLOW_WRITABLE);
			return true;
		}
		/* It waits no more, or for what is its own. */
	}
	return false;
}

bool room_wake(struct vif_trunk *trunk)
{
	struct list *first;

	while ((first = list_first(&trunk->roomier))) {
		if (wake_first(
			    container_of(first, struct vif_circuit, roomier)))
			return true;
		list_remove(first);
	}
	first = list_first(&trunk->lines);
	if (!first || trunk->tx_held >= trunk->config.send_max)
		return false;
	/* Each circuit in its turn. */
	list_remove(first);
	list_append(&trunk->lines, first);
	return wake_first(container_of(first, struct vif_circuit, line));
}
