/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What programs are told.
 *
 * Nothing is queued: an object that has news stands in a list, once, and its
 * bits say what. So news never grow beyond the objects there are, and what
 * happened twice before anybody looked is told once.
 *
 * Order: the trunk is ready, circuits come, flows, circuits end, the trunk ends.
 */
#include "trunk/core.h"

static const unsigned int circuit_beginnings =
	EVENT_BIT(VIF_CIRCUIT_INCOMING) | EVENT_BIT(VIF_CIRCUIT_READY);

/* Bits of flows begin with this type, so that they fit a byte. */
static uint8_t flow_bit(enum vif_trunk_event_type type)
{
	return (uint8_t)(1u << (type - VIF_FLOW_INCOMING));
}

void event_trunk(struct vif_trunk *trunk, enum vif_trunk_event_type type)
{
	trunk->events |= EVENT_BIT(type);
}

void event_circuit(struct vif_circuit *circuit, enum vif_trunk_event_type type)
{
	struct vif_trunk *trunk = circuit->trunk;
	bool is_end = type == VIF_CIRCUIT_CLOSED;

	/* Who never heard of it does not hear of its end. */
	if (is_end && !circuit->is_told &&
	    !(circuit->events & circuit_beginnings))
		return;
	circuit->events |= EVENT_BIT(type);
	if (is_end && !(circuit->events & circuit_beginnings))
		list_remove(&circuit->event);
	list_want(circuit->events & circuit_beginnings ? &trunk->circuit_news :
							 &trunk->circuit_ends,
		  &circuit->event);
}

void event_flow(struct vif_flow *flow, enum vif_trunk_event_type type)
{
	struct vif_circuit *circuit = flow->circuit;

	if (flow->is_released)
		return;
	flow->events |= flow_bit(type);
	if (circuit->is_accepted)
		list_want(&circuit->trunk->flow_news, &flow->event);
}

void event_release_flows(struct vif_circuit *circuit)
{
	struct list *link, *after;

	list_foreach(&circuit->flows, link, after) {
		struct vif_flow *flow =
			container_of(link, struct vif_flow, all);

		if (flow->events)
			list_want(&circuit->trunk->flow_news, &flow->event);
	}
}

static bool next_of_trunk(struct vif_trunk *trunk, unsigned int mask,
			  struct vif_trunk_event *ret_event)
{
	unsigned int bits = trunk->events & mask;

	if (!bits)
		return false;
	*ret_event = (struct vif_trunk_event){
		.type = (enum vif_trunk_event_type)__builtin_ctz(bits),
	};
	trunk->events &= ~EVENT_BIT(ret_event->type);
	return true;
}

static bool next_of_circuit(struct vif_trunk *trunk, struct list *news,
			    struct vif_trunk_event *ret_event)
{
	struct list *first = list_first(news);
	struct vif_circuit *circuit;

	if (!first)
		return false;
	circuit = container_of(first, struct vif_circuit, event);
	*ret_event = (struct vif_trunk_event){
		.type = (enum vif_trunk_event_type)__builtin_ctz(
			circuit->events),
		.circuit = circuit,
	};
	circuit->events &= ~EVENT_BIT(ret_event->type);
	circuit->is_told = true;
	list_remove(first);
	if (circuit->events)
		list_append(circuit->events & circuit_beginnings ?
				    &trunk->circuit_news :
				    &trunk->circuit_ends,
			    first);
	return true;
}

static bool next_of_flow(struct vif_trunk *trunk,
			 struct vif_trunk_event *ret_event)
{
	struct list *first;
	struct vif_flow *flow;
	unsigned int i;

	while (list_is_empty(&trunk->flow_news) && room_wake(trunk))
		;
	first = list_first(&trunk->flow_news);
	if (!first)
		return false;
	flow = container_of(first, struct vif_flow, event);
	i = (unsigned int)__builtin_ctz(flow->events);
	*ret_event = (struct vif_trunk_event){
		.type = (enum vif_trunk_event_type)(VIF_FLOW_INCOMING + i),
		.circuit = flow->circuit,
		.flow = flow,
	};
	flow->events &= (uint8_t) ~(1u << i);
	if (!flow->is_told) {
		flow->is_told = true;
		flow->circuit->n_untold--;
	}
	list_remove(first);
	if (flow->events)
		list_append(&trunk->flow_news, first);
	return true;
}

bool vif_trunk_next_event(struct vif_trunk *trunk,
			  struct vif_trunk_event *ret_event)
{
	unsigned int begin =
		EVENT_BIT(VIF_TRUNK_READY) | EVENT_BIT(VIF_TRUNK_DRAINING);

	return next_of_trunk(trunk, begin, ret_event) ||
	       next_of_circuit(trunk, &trunk->circuit_news, ret_event) ||
	       next_of_flow(trunk, ret_event) ||
	       next_of_circuit(trunk, &trunk->circuit_ends, ret_event) ||
	       next_of_trunk(trunk, ~begin, ret_event);
}
