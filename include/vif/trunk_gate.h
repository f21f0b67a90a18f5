/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gate of a listener: who may begin a handshake.
 *
 * A connection that was accepted costs memory and processor time before anybody
 * knows who is there. A gate limits how many such connections there may be at
 * once, in all and from one source. Whoever is refused is told nothing: close
 * the connection.
 *
 *     if (vif_trunk_gate_enter(gate, address, len, &place) != VIF_GATE_ENTERED)
 *             close the connection
 *     else
 *             vif_trunk_new(VIF_TRUNK_ACCEPTER, ...)
 *
 * and vif_trunk_gate_leave() as soon as VIF_TRUNK_READY or VIF_TRUNK_CLOSED is
 * told, or the trunk is freed without. The handshake_ns of a trunk sees to it
 * that one of these comes.
 *
 * Threads: one at a time for a gate. Nothing blocks, and no clock is read.
 */
#ifndef VIF_TRUNK_GATE_H
#define VIF_TRUNK_GATE_H

#include <vif/trunk.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vif_trunk_gate;

enum vif_trunk_gate_limits {
	VIF_TRUNK_GATE_PLACES = 256,       /* default, and the most */
	VIF_TRUNK_GATE_SOURCE_PLACES = 16, /* default */
};

/**
 * struct vif_trunk_gate_config - how a gate is to be
 *
 * Zero everywhere means default. Copied by vif_trunk_gate_new().
 */
struct vif_trunk_gate_config {
	size_t size;            /* sizeof(struct vif_trunk_gate_config) */
	uint32_t places;        /* 256 at most; handshakes at once */
	uint32_t source_places; /* 16; not above places; of one source */
	/* Fills bytes and returns 0, or -errno. Asked once, by
	 * vif_trunk_gate_new(). NULL: libcrypto's. */
	int (*random)(void *user, uint8_t *bytes, size_t len);
	void *user;
};

/* Whether somebody may come in. */
enum vif_trunk_gate_answer {
	VIF_GATE_ENTERED,
	VIF_GATE_FULL,        /* for everybody */
	VIF_GATE_SOURCE_FULL, /* too many from there; others may come in */
};

struct vif_trunk_gate_stats {
	uint64_t entered;        /* so far */
	uint64_t refused;        /* as the gate was full */
	uint64_t refused_source; /* as their source had too many */
	uint32_t places;         /* taken now. May shrink */
};

/**
 * vif_trunk_gate_new() - make a gate that nobody has entered
 * @config:   borrowed; NULL for defaults.
 * @ret_gate: the gate; unchanged on failure.
 * @error:    filled on failure; may be NULL.
 *
 * Return: 0; -EINVAL for a @config that makes no sense; -EOPNOTSUPP with a
 * libcrypto that lacks an algorithm; what the random source returned; -ENOMEM.
 * Context: any thread; allocates.
 * Ownership: the caller frees it with vif_trunk_gate_free().
 */
VIF_API int vif_trunk_gate_new(const struct vif_trunk_gate_config *config,
			       struct vif_trunk_gate **ret_gate,
			       struct vif_error *error);

/**
 * vif_trunk_gate_free() - forget a gate
 * @gate: taken; NULL is allowed. Places need not be given back before.
 *
 * Context: the thread of the gate.
 */
VIF_API void vif_trunk_gate_free(struct vif_trunk_gate *gate);

/**
 * vif_trunk_gate_enter() - take a place for a handshake
 * @gate:       borrowed.
 * @source:     where the connection comes from: bytes that only the caller
 *              understands. Take what one person cannot change at will: an
 *              IPv4 address without its port, the first 64 bits of an IPv6
 *              address, the user of a Unix socket.
 * @source_len: bytes of @source; may be 0.
 * @ret_place:  for vif_trunk_gate_leave(), never 0; unchanged unless entered.
 *
 * Two sources that differ never count for one another: what is kept is a hash
 * with a key that nobody knows.
 *
 * Return: an enum vif_trunk_gate_answer; -ENOMEM.
 * Context: the thread of the gate; libcrypto may allocate.
 */
VIF_API int vif_trunk_gate_enter(struct vif_trunk_gate *gate,
				 const void *source, size_t source_len,
				 uint64_t *ret_place);

/**
 * vif_trunk_gate_leave() - give a place back
 * @gate:  borrowed.
 * @place: what vif_trunk_gate_enter() gave.
 *
 * The handshake is over, one way or another.
 *
 * Return: 0; -ENOENT for a place that was given back, which harms nobody.
 * Context: the thread of the gate.
 */
VIF_API int vif_trunk_gate_leave(struct vif_trunk_gate *gate, uint64_t place);

/**
 * vif_trunk_gate_stats() - fill the counters
 * @gate:      borrowed.
 * @ret_stats: filled.
 *
 * Context: the thread of the gate.
 */
VIF_API void vif_trunk_gate_stats(const struct vif_trunk_gate *gate,
				  struct vif_trunk_gate_stats *ret_stats);

#ifdef __cplusplus
}
#endif

#endif
