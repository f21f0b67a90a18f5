/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A relay: trunks of one process that carry each other's sealed circuits.
 *
 * A circuit that is dialled to a key which is not the process's own is passed on
 * to the trunk of that key. The relay sees where it goes, how much, and when; it
 * can delay or cut it, but neither read nor forge it. docs/design/trunk.md,
 * section 11.
 *
 * Threads: a relay and all its trunks belong to one thread at a time. After
 * bytes were received on one trunk others may have something to send.
 */
#ifndef VIF_RELAY_H
#define VIF_RELAY_H

#include <vif/trunk.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vif_relay;

enum vif_relay_limits {
	VIF_RELAY_ROUTES_MAX = 64, /* of one trunk */
};

struct vif_relay_stats {
	uint64_t circuits; /* passed on so far */
	uint64_t refused;  /* for want of a route, or of room */
	uint64_t records;
	uint64_t bytes;      /* of sealed records */
	uint64_t bytes_held; /* now. May shrink */
	uint32_t trunks;     /* now */
	uint32_t routes;     /* now */
};

/**
 * vif_relay_new() - make a relay without trunks
 * @ret_relay: the relay; unchanged on failure.
 *
 * Return: 0; -ENOMEM.
 * Context: any thread; allocates.
 * Ownership: the caller frees it with vif_relay_free().
 */
VIF_API int vif_relay_new(struct vif_relay **ret_relay);

/**
 * vif_relay_free() - forget a relay
 * @relay: taken; NULL is allowed.
 *
 * Its trunks live on; what they carried for it ends.
 *
 * Context: the thread of its trunks.
 */
VIF_API void vif_relay_free(struct vif_relay *relay);

/**
 * vif_relay_add() - let a trunk dial through the relay
 * @relay: borrowed.
 * @trunk: borrowed until vif_relay_remove(), or its end.
 *
 * Return: 0; -EBUSY when it is in a relay; -ECONNABORTED when it has ended;
 * -EOWNERDEAD in a child; -ENOMEM.
 * Context: the thread of the relay and all its trunks.
 */
VIF_API int vif_relay_add(struct vif_relay *relay, struct vif_trunk *trunk);

/**
 * vif_relay_remove() - take a trunk out of its relay
 * @trunk: borrowed.
 *
 * What it carried for the relay ends. No harm if it is in none.
 *
 * Context: the thread of the relay.
 */
VIF_API void vif_relay_remove(struct vif_trunk *trunk);

/**
 * vif_relay_route() - let others dial a key over a trunk
 * @trunk: a member of a relay.
 * @key:   NULL: the one the other side has proven to have. Another one is for
 *         the program to vouch for: one behind a further relay, say.
 *
 * Return: 0; -EEXIST when there is a route to that key, which stays; -ENOTCONN
 * when the other side has no key, or not yet; -ENOENT when @trunk is in no
 * relay; -EDQUOT with VIF_RELAY_ROUTES_MAX routes; -ENOMEM.
 * Context: the thread of the relay.
 */
VIF_API int vif_relay_route(struct vif_trunk *trunk,
			    const uint8_t key[VIF_KEY_LEN]);

/**
 * vif_relay_stats() - fill the counters
 * @relay:     borrowed.
 * @ret_stats: filled.
 *
 * Context: the thread of the relay.
 */
VIF_API void vif_relay_stats(const struct vif_relay *relay,
			     struct vif_relay_stats *ret_stats);

#ifdef __cplusplus
}
#endif

#endif
