/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether gluing kept its promise: cutting what came out gives back what went
 * in, every packet once, bit for bit, and nothing has overtaken anything of its
 * flow. Checksums of the segments are confirmed by the naive sum.
 */
#ifndef TESTS_ROUND_TRIP_H
#define TESTS_ROUND_TRIP_H

#include <string.h>

#include "packet/cut.h"
#include "packet/glue.h"
#include "tests/naive.h"
#include "wire/inet.h"

/* Who a packet belongs to. */
struct round_trip_flow {
	bool known; /* else it might be of any flow */
	uint8_t key[38];
};

struct round_trip {
	uint32_t n;                     /* packets after cutting */
	uint32_t order[GLUE_BURST_MAX]; /* their places in the input */
	/* By place in the input: which one it was joined to, or -1. */
	int32_t before[GLUE_BURST_MAX];
	/* For what follows. */
	bool seen[GLUE_BURST_MAX];
	struct round_trip_flow flow[GLUE_BURST_MAX];
	uint8_t byte[VIF_PACKET_LEN_MAX];
};

static inline struct round_trip_flow
round_trip_flow(const struct vif_packet *packet, enum vif_medium medium)
{
	struct round_trip_flow flow = { .known = false };
	const uint8_t *data = packet->seg[0].iov_base;
	size_t len = packet->seg[0].iov_len;
	struct inet inet;
	size_t n;

	if (inet_parse(data, len, medium == VIF_MEDIUM_ETH, &inet) < 0 ||
	    inet.fragment || len < (size_t)inet.l4_off + 4 ||
	    (inet.proto != INET_PROTO_TCP && inet.proto != INET_PROTO_UDP))
		return flow;
	n = inet.version == 4 ? 8 : 32;
	flow.known = true;
	flow.key[0] = inet.version;
	flow.key[1] = inet.proto;
	memcpy(flow.key + 2, data + inet.l3_off + (n == 8 ? 12 : 8), n);
	memcpy(flow.key + 2 + n, data + inet.l4_off, 4);
	return flow;
}

static inline bool round_trip_related(const struct round_trip_flow *a,
				      const struct round_trip_flow *b)
{
	return !a->known || !b->known ||
	       memcmp(a->key, b->key, sizeof(a->key)) == 0;
}

/* Copies all pieces into one block; returns how many bytes there are. */
static inline size_t round_trip_flatten(const struct vif_packet *packet,
					uint8_t *to)
{
	size_t len = 0;

	for (uint16_t i = 0; i < packet->n_seg; i++) {
		memcpy(to + len, packet->seg[i].iov_base,
		       packet->seg[i].iov_len);
		len += packet->seg[i].iov_len;
	}
	return len;
}

/* Whether a packet has just these bytes, in however many pieces. */
static inline bool round_trip_same(const struct vif_packet *packet,
				   const uint8_t *byte, size_t len)
{
	if (packet->len != len)
		return false;
	for (uint16_t i = 0; i < packet->n_seg; i++) {
		if (memcmp(packet->seg[i].iov_base, byte,
			   packet->seg[i].iov_len) != 0)
			return false;
		byte += packet->seg[i].iov_len;
	}
	return true;
}

/* The first packet of the input with these bytes that is still missing. */
static inline int32_t round_trip_find(struct round_trip *trip,
				      const struct vif_batch *in, size_t len)
{
	for (uint32_t i = 0; i < in->n; i++)
		if (!trip->seen[i] &&
		    round_trip_same(&in->packet[i], trip->byte, len))
			return (int32_t)i;
	return -1;
}

static inline void round_trip_add(struct round_trip *trip, int32_t at,
				  int32_t before)
{
	trip->seen[at] = true;
	trip->before[at] = before;
	trip->order[trip->n++] = (uint32_t)at;
}

/* Of a packet that was passed on as it is. */
static inline const char *round_trip_single(struct round_trip *trip,
					    const struct vif_batch *in,
					    const struct vif_packet *packet)
{
	for (uint32_t i = 0; i < in->n; i++) {
		if (trip->seen[i] || in->packet[i].seg != packet->seg)
			continue;
		if (memcmp(&in->packet[i], packet, sizeof(*packet)) != 0)
			return "a packet that was passed on is not as it was";
		round_trip_add(trip, (int32_t)i, -1);
		return NULL;
	}
	return "a packet that never came in, or twice";
}

static inline bool round_trip_is_input(const struct vif_batch *in,
				       const struct vif_packet *packet)
{
	return packet->seg >= in->seg && packet->seg < in->seg + in->n_seg_max;
}

/* Whether a byte is one of a packet. */
static inline bool round_trip_has(const struct vif_packet *packet,
				  const uint8_t *at)
{
	for (uint16_t i = 0; i < packet->n_seg; i++) {
		const uint8_t *data = packet->seg[i].iov_base;

		if (at >= data && at < data + packet->seg[i].iov_len)
			return true;
	}
	return false;
}

/* Whether what a superpacket was made of was unfinished: by its first bytes. */
static inline bool round_trip_unfinished(const struct vif_batch *in,
					 const struct vif_packet *packet)
{
	const uint8_t *payload = packet->seg[1].iov_base;

	for (uint32_t i = 0; i < in->n; i++)
		if (round_trip_has(&in->packet[i], payload))
			return in->packet[i].csum == VIF_CSUM_PARTIAL;
	return false;
}

static inline const char *round_trip_super(struct round_trip *trip,
					   const struct vif_batch *in,
					   const struct vif_packet *packet,
					   enum vif_medium medium)
{
	bool unfinished = round_trip_unfinished(in, packet);
	bool (*judge)(const uint8_t *ip, size_t len) =
		unfinished ? naive_seeded : naive_good;
	struct iovec seg[VIF_PACKET_SEG_MAX + 1];
	uint8_t header[VIF_PACKET_HDR_MAX];
	struct vif_packet segment;
	int32_t at, before = -1;
	struct cut cut;

	if (vif_packet_check(packet, medium) < 0 ||
	    cut_start(&cut, packet, medium, !unfinished) < 0 ||
	    cut_count(&cut) < 2)
		return "a superpacket that cannot be cut";
	while (cut_next(&cut, header, seg, VIF_PACKET_SEG_MAX + 1, &segment)) {
		size_t len = round_trip_flatten(&segment, trip->byte);

		if (!judge(trip->byte + packet->l3_off, len - packet->l3_off))
			return "a segment with a wrong checksum";
		at = round_trip_find(trip, in, len);
		if (at < 0)
			return "a segment that never came in";
		round_trip_add(trip, at, before);
		before = at;
	}
	return NULL;
}

/* Whether a packet has overtaken an earlier one that it is related to. */
static inline bool round_trip_overtaken(const struct round_trip *trip)
{
	for (uint32_t i = 0; i < trip->n; i++)
		for (uint32_t j = i + 1; j < trip->n; j++)
			if (trip->order[i] > trip->order[j] &&
			    round_trip_related(&trip->flow[trip->order[i]],
					       &trip->flow[trip->order[j]]))
				return true;
	return false;
}

/* Returns NULL, or what is wrong. trip is anything; filled. */
static inline const char *round_trip(const struct vif_batch *in,
				     const struct vif_batch *out,
				     enum vif_medium medium,
				     struct round_trip *trip)
{
	const char *fault = NULL;

	trip->n = 0;
	memset(trip->seen, 0, sizeof(trip->seen));
	for (uint32_t i = 0; i < in->n; i++)
		trip->flow[i] = round_trip_flow(&in->packet[i], medium);
	for (uint32_t i = 0; !fault && i < out->n; i++) {
		const struct vif_packet *packet = &out->packet[i];

		fault = round_trip_is_input(in, packet) ?
				round_trip_single(trip, in, packet) :
				round_trip_super(trip, in, packet, medium);
	}
	if (!fault && trip->n != in->n)
		fault = "packets are missing";
	if (!fault && round_trip_overtaken(trip))
		fault = "a packet overtook another one of its flow";
	return fault;
}

#endif
