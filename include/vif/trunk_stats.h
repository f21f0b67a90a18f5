/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What can be seen of a trunk: counters, and a dump of everything.
 *
 * Threads: those of the trunk.
 */
#ifndef VIF_TRUNK_STATS_H
#define VIF_TRUNK_STATS_H

#include <vif/trunk.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Counters, since the trunk was made. They only grow, if not said otherwise. */
struct vif_trunk_stats {
	uint64_t rx_bytes; /* on the connection */
	uint64_t rx_records;
	uint64_t rx_payload; /* of flows */
	uint64_t tx_bytes;
	uint64_t tx_records;
	uint64_t tx_payload;
	uint64_t rekeys;         /* of both directions */
	uint64_t glitches;       /* odd, but harmless */
	uint64_t skipped_frames; /* of unknown types */
	uint64_t late_frames;    /* for what was gone */
	uint64_t dropped_pongs;
	uint64_t refused_circuits;
	uint64_t refused_flows;
	uint64_t blocked_ns; /* with data waiting for the trunk's credit */
	uint64_t rtt_ns;     /* last; 0: not measured. May shrink */
	uint64_t rtt_min_ns;
	uint64_t rx_held;  /* bytes received, not consumed. May shrink */
	uint64_t tx_held;  /* bytes written, not sent. May shrink */
	uint32_t circuits; /* now */
	uint32_t flows;    /* now */
};

/**
 * vif_trunk_stats() - fill the counters
 * @trunk:     borrowed.
 * @ret_stats: filled.
 *
 * Context: the thread of the trunk.
 */
VIF_API void vif_trunk_stats(const struct vif_trunk *trunk,
			     struct vif_trunk_stats *ret_stats);

/**
 * vif_trunk_dump() - everything there is to see, as JSON
 * @trunk: borrowed.
 * @write: called with pieces of the text, in order.
 * @user:  passed to @write.
 *
 * One object: the trunk, its circuits, their flows; states, limits, counters,
 * public keys. No secret, no payload.
 *
 * Context: the thread of the trunk.
 */
VIF_API void vif_trunk_dump(const struct vif_trunk *trunk,
			    void (*write)(void *user, const char *text,
					  size_t len),
			    void *user);

#ifdef __cplusplus
}
#endif

#endif
