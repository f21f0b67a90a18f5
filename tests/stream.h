/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random streams of packets of several flows, for gluing: mostly in order, and
 * now and then one that is odd in one of many ways. The seed says it all.
 */
#ifndef TESTS_STREAM_H
#define TESTS_STREAM_H

#include <assert.h>

#include "tests/craft.h"

enum stream_limits {
	STREAM_FLOWS = 6,
	STREAM_PACKET_MAX = CRAFT_HEADER_MAX + 1460 + 8,
};

/* What can be odd about one packet. */
enum stream_odd {
	STREAM_PUSH,
	STREAM_SHORT,
	STREAM_LONG,
	STREAM_EMPTY,
	STREAM_GAP,
	STREAM_BEHIND,
	STREAM_ID,
	STREAM_SAME_ID,
	STREAM_FLAGS, /* any */
	STREAM_FIN,
	STREAM_ECE,
	STREAM_BAD_SUM,
	STREAM_NO_SUM,
	STREAM_ZERO_SUM,
	STREAM_FFFF_SUM,
	STREAM_TOS, /* with the ECN code point */
	STREAM_ECN,
	STREAM_TTL,
	STREAM_LABEL,
	STREAM_DF,
	STREAM_RESERVED, /* bit of IPv4, or of TCP */
	STREAM_ACK,
	STREAM_WINDOW,
	STREAM_URGENT,
	STREAM_OPTIONS, /* more of them */
	STREAM_OPTION,  /* another value */
	STREAM_IP_OPTIONS,
	STREAM_FRAGMENT,
	STREAM_UDP_LEN,
	STREAM_BAD_IP,
	STREAM_TRAILER,
	STREAM_N_ODD,
};

struct stream {
	uint64_t state;
	uint32_t odd_every;              /* one of this many packets is odd */
	uint64_t odd;                    /* bits of what may be */
	struct craft flow[STREAM_FLOWS]; /* the next packet, if it is not */
	uint32_t n_flow;
};

static inline uint32_t stream_below(struct stream *stream, uint32_t n)
{
	uint64_t z = stream->state += 0x9e3779b97f4a7c15u;

	assert(n > 0);
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return (uint32_t)((z ^ z >> 31) >> 32) % n;
}

static inline bool stream_one_in(struct stream *stream, uint32_t n)
{
	return stream_below(stream, n) == 0;
}

static inline uint32_t stream_len(struct stream *stream)
{
	static const uint32_t lens[] = { 1, 7, 60, 100, 101, 536, 1400, 1448 };

	return lens[stream_below(stream, sizeof(lens) / sizeof(lens[0]))];
}

/* What is odd about all packets of a flow. */
static inline void stream_odd_flow(struct stream *stream, struct craft *flow)
{
	switch (stream_below(stream, 7)) {
	case 0:
		flow->ip_options = 8;
		break;
	case 1:
		flow->reserved = true;
		break;
	case 2:
		flow->tcp_reserved = 1;
		break;
	case 3:
		flow->flags = 0x50; /* ECE */
		break;
	case 4:
		flow->flags = 0x40; /* ECE without ACK */
		break;
	case 5:
		flow->urgent = 7;
		break;
	case 6:
		flow->flags = 0x90; /* CWR */
		break;
	default:
		break;
	}
}

/* Flows of one burst; port tells them from each other and from other bursts. */
static inline void stream_start(struct stream *stream, uint64_t seed,
				uint16_t port, uint64_t odd)
{
	*stream = (struct stream){ .state = seed, .odd = odd };
	stream->odd_every = 2 + stream_below(stream, 40);
	stream->n_flow = 1 + stream_below(stream, STREAM_FLOWS);
	for (uint32_t i = 0; i < stream->n_flow; i++) {
		struct craft *flow = &stream->flow[i];

		flow->port = (uint16_t)(port + i);
		flow->ip6 = stream_one_in(stream, 2);
		flow->udp = stream_one_in(stream, 3);
		flow->df = stream_one_in(stream, 2);
		flow->len = stream_len(stream);
		/* Near the places where they wrap, too. */
		flow->seq = stream_below(stream, UINT32_MAX);
		if (stream_one_in(stream, 4))
			flow->seq = 0u - stream_below(stream, 20000);
		flow->id = (uint16_t)stream_below(stream, 65536);
		if (stream_one_in(stream, 4))
			flow->id = (uint16_t)-stream_below(stream, 30);
		flow->tos = (uint8_t)stream_below(stream, 256);
		flow->tcp_options =
			stream_one_in(stream, 2) ?
				0 :
				(uint8_t)(4 * stream_below(stream, 11));
		if (stream_one_in(stream, 16))
			stream_odd_flow(stream, flow);
	}
}

/* What is odd in front of L4. */
static inline void stream_odd_ip(struct stream *stream, enum stream_odd odd,
				 struct craft *craft)
{
	uint16_t at = (uint16_t)stream_below(stream, 3);

	switch (odd) {
	case STREAM_ID:
		craft->id = (uint16_t)(craft->id + stream_below(stream, 5));
		break;
	case STREAM_SAME_ID:
		craft->id--;
		break;
	case STREAM_TOS:
		craft->tos ^= (uint8_t)(1u << stream_below(stream, 8));
		break;
	case STREAM_ECN:
		craft->tos = (uint8_t)((craft->tos & 0xfc) |
				       stream_below(stream, 4));
		break;
	case STREAM_TTL:
		craft->ttl = 1;
		break;
	case STREAM_LABEL:
		craft->label = 1;
		break;
	case STREAM_DF:
		craft->df = !craft->df;
		break;
	case STREAM_RESERVED:
		if (stream_one_in(stream, 2))
			craft->reserved = true;
		else
			craft->tcp_reserved =
				(uint8_t)(1 + stream_below(stream, 15));
		break;
	case STREAM_IP_OPTIONS:
		craft->ip_options = 8;
		break;
	case STREAM_FRAGMENT:
		/* First, middle, last. */
		craft->fragment =
			(uint16_t)((at < 2 ? CRAFT_MORE_FRAGMENTS : 0) |
				   (at > 0 ? 100 : 0));
		break;
	case STREAM_BAD_IP:
		craft->bad_ip = true;
		break;
	case STREAM_TRAILER:
		craft->trailer = 6;
		break;
	default:
		break;
	}
}

static inline void stream_odd_l4(struct stream *stream, enum stream_odd odd,
				 struct craft *craft)
{
	switch (odd) {
	case STREAM_PUSH:
		craft->flags = 0x18;
		break;
	case STREAM_FLAGS:
		craft->flags = (uint8_t)stream_below(stream, 256);
		break;
	case STREAM_FIN:
		craft->flags = 0x11;
		break;
	case STREAM_ECE:
		craft->flags = 0x50;
		break;
	case STREAM_GAP:
		craft->seq += 1 + stream_below(stream, 200);
		break;
	case STREAM_BEHIND:
		craft->seq -= 1 + stream_below(stream, 200);
		break;
	case STREAM_ACK:
		craft->ack++;
		break;
	case STREAM_WINDOW:
		craft->window++;
		break;
	case STREAM_URGENT:
		craft->urgent++;
		break;
	case STREAM_OPTIONS:
		craft->tcp_options = (uint8_t)((craft->tcp_options + 4) % 44);
		break;
	case STREAM_OPTION:
		craft->tcp_option++;
		break;
	default:
		break;
	}
}

static inline void stream_odd_size(struct stream *stream, enum stream_odd odd,
				   struct craft *craft)
{
	static const uint8_t sums[STREAM_N_ODD] = {
		[STREAM_BAD_SUM] = CRAFT_BAD,
		[STREAM_NO_SUM] = CRAFT_NONE,
		[STREAM_ZERO_SUM] = CRAFT_ZERO,
		[STREAM_FFFF_SUM] = CRAFT_FFFF,
	};

	craft->csum = sums[odd];
	if (odd == STREAM_SHORT)
		craft->len = stream_below(stream, craft->len) + 1;
	else if (odd == STREAM_LONG)
		craft->len += craft->len < 1440 ? 1 : 0;
	else if (odd == STREAM_EMPTY)
		craft->len = 0;
	else if (odd == STREAM_UDP_LEN)
		craft->udp_len = stream_one_in(stream, 2) ? 1 : -1;
}

/*
 * The next packet of some flow. What changed for good in a connection stays so
 * for the packets behind it, as it would: acknowledgement, window, options.
 */
static inline struct craft stream_next(struct stream *stream)
{
	struct craft *flow =
		&stream->flow[stream_below(stream, stream->n_flow)];
	struct craft craft = *flow;
	enum stream_odd odd = stream_below(stream, STREAM_N_ODD);

	if (stream_one_in(stream, stream->odd_every) &&
	    (stream->odd >> odd & 1)) {
		stream_odd_ip(stream, odd, &craft);
		stream_odd_l4(stream, odd, &craft);
		stream_odd_size(stream, odd, &craft);
	}
	flow->seq = craft.seq + craft.len;
	flow->id = (uint16_t)(craft.id + 1);
	flow->ack = craft.ack;
	flow->window = craft.window;
	flow->tcp_options = craft.tcp_options;
	flow->tcp_option = craft.tcp_option;
	if (odd == STREAM_ECN)
		flow->tos = craft.tos;
	return craft;
}

/*
 * A burst of up to max packets, in which some have come too early, and some
 * twice. Returns how many there are.
 */
static inline uint32_t stream_burst(struct stream *stream, struct craft *burst,
				    uint32_t max)
{
	/* Full ones are where superpackets reach their limits. */
	uint32_t n =
		stream_one_in(stream, 8) ? max : 1 + stream_below(stream, max);

	for (uint32_t i = 0; i < n; i++)
		burst[i] = stream_next(stream);
	for (uint32_t i = 0; i + 1 < n; i++) {
		uint32_t what = stream_below(stream, 8 * stream->odd_every);
		struct craft kept = burst[i];

		if (what == 0) {
			burst[i] = burst[i + 1];
			burst[i + 1] = kept;
		} else if (what == 1) {
			burst[i + 1] = kept;
		}
	}
	return n;
}

#endif
