/* SPDX-License-Identifier: Apache-2.0 */
/* Where our gluing may differ from the kernel's GRO. */
#include "tests/oracle/glue_policy.h"

enum {
	FIN = 0x01,
	ACK = 0x10,
	MAX_GRO_SKBS = 8, /* of net/core/gro.c: packets held at a time */
};

const char *const glue_policy_names[GLUE_POLICY_N] = {
	[GLUE_POLICY_NONE] = "unexplained",
	[GLUE_POLICY_FIN] = "FIN with data",
	[GLUE_POLICY_NO_ACK] = "no ACK",
	[GLUE_POLICY_URGENT] = "urgent pointer without URG",
	[GLUE_POLICY_FFFF] = "TCP checksum ffff",
	[GLUE_POLICY_FIXED_ID] = "equal IDs",
	[GLUE_POLICY_EXTENSION] = "IPv6 extension header",
	[GLUE_POLICY_RESERVED] = "reserved bit of IPv4",
	[GLUE_POLICY_OVERTAKEN] = "over an earlier packet",
	[GLUE_POLICY_PLACE] = "place in the flow table taken",
	[GLUE_POLICY_PIECES] = "pieces",
	[GLUE_POLICY_HELD] = "more than the kernel holds",
};

bool glue_policy_passes_by(const struct craft *packet)
{
	/* Other labels and extension headers are other flows to the kernel. */
	if (packet->label || packet->fragment || packet->ip_options)
		return true;
	if (packet->udp)
		return packet->len == 0 || packet->udp_len != 0 ||
		       packet->csum == CRAFT_BAD || packet->csum == CRAFT_NONE;
	return packet->csum == CRAFT_BAD || packet->csum == CRAFT_NONE;
}

/* Whether the kernel takes them for packets of the same flow. */
static bool same_to_kernel(const struct craft *a, const struct craft *b)
{
	return a->port == b->port && a->label == b->label &&
	       a->ip_options == b->ip_options;
}

/* A fragment may be of any flow, and so seals all of ours. */
static bool is_sealed_by(const struct craft *packet, const struct craft *by)
{
	if (by->fragment)
		return true;
	return by->port == packet->port &&
	       (glue_policy_passes_by(by) || !same_to_kernel(packet, by));
}

static bool is_overtaken(const struct glue_verdict *verdict, int32_t from,
			 uint32_t to)
{
	for (uint32_t i = (uint32_t)from + 1; i < to; i++)
		if (is_sealed_by(&verdict->packet[to], &verdict->packet[i]))
			return true;
	return false;
}

/* Another flow has taken the place in our table meanwhile. */
static bool lost_place(const struct glue_verdict *verdict, int32_t from,
		       uint32_t to)
{
	uint16_t own = verdict->packet[to].port % GLUE_POLICY_PORTS;

	for (uint32_t i = (uint32_t)from + 1; i < to; i++) {
		uint16_t other = verdict->packet[i].port % GLUE_POLICY_PORTS;

		if (other != own && verdict->shares[own][other])
			return true;
	}
	return false;
}

static bool same_id(const struct craft *a, const struct craft *b)
{
	return !a->ip6 && a->id == b->id;
}

/* Whether an earlier packet of the flow has the same ID. */
static bool has_fixed_id(const struct glue_verdict *verdict, uint32_t i)
{
	for (uint32_t k = 0; k < i; k++)
		if (verdict->packet[k].port == verdict->packet[i].port &&
		    same_id(&verdict->packet[k], &verdict->packet[i]))
			return true;
	return false;
}

/* Packets of our superpacket that ends with this one. */
static uint32_t our_length(const struct glue_verdict *verdict, int32_t i)
{
	uint32_t n = 0;

	for (; i >= 0; i = verdict->ours[i])
		n++;
	return n;
}

/* The kernel joined what we did not. */
static enum glue_policy kernel_joined(const struct glue_verdict *verdict,
				      uint32_t i)
{
	int32_t to = verdict->kernels[i];
	const struct craft *packet = &verdict->packet[i];
	const struct craft *before = &verdict->packet[to];

	if (packet->ip6 && packet->ip_options)
		return GLUE_POLICY_EXTENSION;
	if (!packet->udp && (packet->flags & FIN))
		return GLUE_POLICY_FIN;
	if (!packet->udp && packet->flags && !(packet->flags & ACK))
		return GLUE_POLICY_NO_ACK;
	if (packet->urgent != before->urgent)
		return GLUE_POLICY_URGENT;
	if (!packet->udp &&
	    (packet->csum == CRAFT_FFFF || before->csum == CRAFT_FFFF))
		return GLUE_POLICY_FFFF;
	if (same_id(packet, before))
		return GLUE_POLICY_FIXED_ID;
	if (is_overtaken(verdict, to, i))
		return GLUE_POLICY_OVERTAKEN;
	if (lost_place(verdict, to, i))
		return GLUE_POLICY_PLACE;
	if (our_length(verdict, to) == VIF_PACKET_SEG_MAX - 1)
		return GLUE_POLICY_PIECES;
	return GLUE_POLICY_NONE;
}

/* Flows, as the kernel sees them, of the packets up to this one. */
static uint32_t count_flows(const struct glue_verdict *verdict, uint32_t i)
{
	uint32_t n = 0;

	for (uint32_t k = 0; k <= i; k++) {
		uint32_t first = 0;

		while (!same_to_kernel(&verdict->packet[first],
				       &verdict->packet[k]))
			first++;
		n += first == k;
	}
	return n;
}

/* We joined what the kernel did not. */
static enum glue_policy we_joined(const struct glue_verdict *verdict,
				  uint32_t i)
{
	const struct craft *before = &verdict->packet[verdict->ours[i]];

	if (verdict->packet[i].reserved && before->reserved)
		return GLUE_POLICY_RESERVED;
	/* The kernel had the one before in a chain of equal IDs. */
	if (has_fixed_id(verdict, (uint32_t)verdict->ours[i]))
		return GLUE_POLICY_FIXED_ID;
	if (count_flows(verdict, i) > MAX_GRO_SKBS)
		return GLUE_POLICY_HELD;
	return GLUE_POLICY_NONE;
}

enum glue_policy glue_policy(const struct glue_verdict *verdict, uint32_t i)
{
	enum glue_policy policy = GLUE_POLICY_NONE;

	if (verdict->kernels[i] >= 0)
		policy = kernel_joined(verdict, i);
	if (policy == GLUE_POLICY_NONE && verdict->ours[i] >= 0)
		policy = we_joined(verdict, i);
	return policy;
}
