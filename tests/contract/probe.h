/* SPDX-License-Identifier: Apache-2.0 */
/* Packets that can be told from all others, and checked to the last byte. */
#ifndef CONTRACT_PROBE_H
#define CONTRACT_PROBE_H

#include <stdbool.h>
#include <stdint.h>

#include <vif/packet.h>

enum probe_kind {
	PROBE_UDP4,         /* plain */
	PROBE_UDP4_PARTIAL, /* checksum left undone */
	PROBE_GSO_TCP4,
	PROBE_GSO_TCP6,
	PROBE_GSO_UDP4,
	PROBE_KINDS,
};

enum probe_limits {
	PROBE_BUFFER = 65664 + 16,
	PROBE_GSO_SIZE = 1000,
	PROBE_SMALL = 100, /* bytes of payload, when it does not matter */
};

/* A packet with its bytes. */
struct probe {
	struct vif_packet packet;
	struct iovec seg[VIF_PACKET_SEG_MAX + 1];
	uint8_t bytes[PROBE_BUFFER];
};

/* What arrived: a copy of its bytes and offload state. */
struct probe_seen {
	uint32_t serial;
	uint32_t len;
	struct vif_packet packet; /* seg means nothing */
	uint8_t bytes[PROBE_BUFFER];
};

/* Makes a probe; payload_len counts from the end of L4, at least 16. */
void probe_make(struct probe *probe, enum probe_kind kind, bool is_eth,
		uint32_t serial, uint32_t payload_len);

/* Cuts it into n pieces, the first of which has all headers. */
void probe_scatter(struct probe *probe, uint16_t n);

/* Copies a packet; false when it is no probe, or not whole. */
bool probe_look(const struct vif_packet *packet, bool is_eth,
		struct probe_seen *ret_seen);

/* Whether what arrived is what was sent, offload state included. */
bool probe_equal(const struct probe *sent, const struct probe_seen *seen);

#endif
