/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What ports count, and why packets are dropped.
 *
 * Counters only grow. They are read without locks while others count: each
 * number is right, two numbers may be a moment apart.
 */
#ifndef VIF_STATS_H
#define VIF_STATS_H

#include <stdint.h>

#include <vif/version.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Why a packet was not delivered. Every drop is counted under one of these. */
enum vif_drop {
	VIF_DROP_FULL,      /* the destination had no room, with full=drop */
	VIF_DROP_DOWN,      /* the interface was down */
	VIF_DROP_HEADER,    /* bad offload header or impossible lengths */
	VIF_DROP_TRUNCATED, /* did not fit the receive buffer */
	VIF_DROP_TOO_LONG,  /* longer than the destination takes */
	VIF_DROP_OFFLOAD,   /* needs an offload the destination lacks */
	VIF_DROP_REFUSED,   /* the kernel refused the packet */
	VIF_DROP_MEMORY,    /* the kernel had no memory for it */
	VIF_DROP_STOPPED,   /* still on its way when the link ended */
	VIF_DROP_INJECTED,  /* by the fault port, as it was told */
	VIF_DROP_N,
};

/* Counters of a port, all queues together, since it was opened. */
struct vif_port_stats {
	uint64_t rx_packets;
	uint64_t rx_bytes; /* superpackets count once, with their length */
	uint64_t rx_superpackets;
	uint64_t tx_packets;
	uint64_t tx_bytes;
	uint64_t tx_superpackets;
	/* of these, refused by the kernel and sent as segments after all */
	uint64_t tx_refused_superpackets;
	uint64_t rx_drops[VIF_DROP_N];
	uint64_t tx_drops[VIF_DROP_N];
};

/**
 * vif_drop_name() - name of a drop reason, "bad_header"
 * @drop: any value.
 *
 * Return: static snake_case text; "?" for a value that is none.
 * Context: any thread; never blocks.
 */
VIF_API const char *vif_drop_name(enum vif_drop drop);

#ifdef __cplusplus
}
#endif

#endif
