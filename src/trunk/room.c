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
 * was told of.
 *
 * Room for less than one needs, of a packet all, is none: he would ask for ever.
 * He is passed over, since others may need less, and stays in front, in a part of
 * the line that nobody looks at before there is room for the least that is
 * needed there. So all are told that can be before there are no news, and few
 * are looked at in vain, however many flows there are.
 */
#include "trunk/core.h"

static uint64_t below(uint64_t n, uint64_t max)
{
	return n < max ? max - n : 0;
}

static uint64_t room_of_trunk(const struct vif_trunk *trunk)
{
	return below(trunk->tx_held, trunk->config.send_max);
}

/*
 * A circuit may hold as much as one flow whatever the others hold: one that is
 * not read must not keep the others from writing.
 */
static uint64_t shared_room(const struct vif_circuit *circuit)
{
	const struct vif_trunk *trunk = circuit->trunk;
	uint64_t of_trunk = room_of_trunk(trunk);
	uint64_t own = below(circuit->tx_held, trunk->config.flow_send_max);

	return of_trunk > own ? of_trunk : own;
}

uint32_t flow_room(const struct vif_flow *flow)
{
	uint64_t max = flow->circuit->trunk->config.flow_send_max;
	uint64_t of_flow = below(flow->tx.len, max);
	uint64_t shared = shared_room(flow->circuit);

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

static void lower(uint32_t *value, uint32_t to)
{
	if (to < *value)
		*value = to;
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
	lower(&circuit->trunk->lines_need, need(flow));
}

void room_leave(struct vif_flow *flow)
{
	struct vif_circuit *circuit = flow->circuit;

	if (!flow->is_in_line)
		return;
	flow->is_in_line = false;
	if (circuit->line_passed == &flow->all)
		circuit->line_passed = flow->all.prev;
	if (circuit->line_end == &flow->all)
		circuit->line_end = flow->all.prev;
	list_remove(&flow->all);
	list_append(&circuit->flows, &flow->all);
	if (!has_line(circuit)) {
		list_remove(&circuit->line);
		list_remove(&circuit->roomier);
	}
}

/* Who was passed over may need less now. */
static void look_again(struct vif_flow *flow)
{
	if (!flow->is_in_line)
		return;
	lower(&flow->circuit->line_need, need(flow));
	lower(&flow->circuit->trunk->lines_need, need(flow));
}

void room_wanted(struct vif_flow *flow, uint32_t len)
{
	uint64_t max = flow->circuit->trunk->config.flow_send_max;
	bool is_less = len < flow->refused;

	assert(len > 0 && len <= max);
	flow->refused = len;
	flow->wants_room = true;
	if (is_less)
		look_again(flow);
	if (shared_room(flow->circuit) <= below(flow->tx.len, max))
		stand_in_line(flow);
}

void room_needed(struct vif_flow *flow)
{
	if (!flow->wants_room)
		return;
	look_again(flow);
	room_came_of(flow);
	room_came(flow->circuit);
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
	if (shared_room(flow->circuit) < need(flow) ||
	    !list_is_empty(&flow->circuit->trunk->lines)) {
		stand_in_line(flow);
	} else if (flow_room(flow) >= need(flow)) {
		flow->wants_room = false;
		event_flow(flow, VIF_FLOW_WRITABLE);
	}
}

static bool is_short(const struct vif_flow *flow, uint64_t shared)
{
	return flow->wants_room && shared < need(flow);
}

/* Out of the line. False when it waits no more, or for what is its own. */
static bool wake(struct vif_flow *flow)
{
	room_leave(flow);
	if (!flow->wants_room || flow_room(flow) < need(flow))
		return false;
	flow->wants_room = false;
	event_flow(flow, VIF_FLOW_WRITABLE);
	return true;
}

/* The first of those not tried yet, or of those passed over: behind these. */
static void pass_over(struct vif_circuit *circuit, struct list *link)
{
	struct list *last = circuit->line_passed;

	if (link != last && link != last->next) {
		list_remove(link);
		list_append(last->next, link);
		if (circuit->line_end == last)
			circuit->line_end = link;
	}
	circuit->line_passed = link;
}

/* Those passed over are older. Once round, if there is something for them. */
static bool wake_passed(struct vif_circuit *circuit, uint64_t shared)
{
	const struct list *turned = NULL;
	uint32_t least = UINT32_MAX;

	if (shared < circuit->line_need)
		return false;
	while (circuit->line_passed != &circuit->flows &&
	       circuit->flows.next != turned) {
		struct list *link = circuit->flows.next;
		struct vif_flow *flow =
			container_of(link, struct vif_flow, all);

		if (!is_short(flow, shared)) {
			if (wake(flow))
				return true;
			continue;
		}
		lower(&least, need(flow));
		pass_over(circuit, link);
		if (!turned)
			turned = link;
	}
	circuit->line_need = least;
	return false;
}

static bool wake_next(struct vif_circuit *circuit, uint64_t shared)
{
	while (circuit->line_passed != circuit->line_end) {
		struct list *link = circuit->line_passed->next;
		struct vif_flow *flow =
			container_of(link, struct vif_flow, all);

		if (!is_short(flow, shared)) {
			if (wake(flow))
				return true;
			continue;
		}
		lower(&circuit->line_need, need(flow));
		pass_over(circuit, link);
	}
	return false;
}

/* Tells one of a line. Returns false when there is nothing to tell. */
static bool wake_line(struct vif_circuit *circuit)
{
	uint64_t shared = shared_room(circuit);

	return shared > 0 &&
	       (wake_passed(circuit, shared) || wake_next(circuit, shared));
}

/* Of all circuits, each in its turn: there is room in the trunk. */
static bool wake_lines(struct vif_trunk *trunk)
{
	const struct list *turned = NULL;
	uint32_t least = UINT32_MAX;
	struct list *first;

	while ((first = list_first(&trunk->lines)) && first != turned) {
		struct vif_circuit *circuit =
			container_of(first, struct vif_circuit, line);

		list_remove(first);
		list_append(&trunk->lines, first);
		if (wake_line(circuit))
			return true;
		if (!has_line(circuit)) /* it is not among them any more */
			continue;
		lower(&least, circuit->line_need);
		if (!turned)
			turned = first;
	}
	trunk->lines_need = least;
	return false;
}

bool room_wake(struct vif_trunk *trunk)
{
	uint64_t room = room_of_trunk(trunk);
	struct list *first;

	while ((first = list_first(&trunk->roomier))) {
		if (wake_line(container_of(first, struct vif_circuit, roomier)))
			return true;
		list_remove(first);
	}
	return room > 0 && room >= trunk->lines_need && wake_lines(trunk);
}
