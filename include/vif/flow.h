/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A flow: a stream of bytes, or a lane of packets, in a circuit.
 *
 * Either side opens one at no cost: the other side learns of it with its first
 * bytes. Each direction ends by itself. A reader sees a clean end only after all
 * bytes; everything else is an error that says what was cut.
 *
 * Threads: those of its trunk. In a child, after fork(), what sends, receives,
 * opens or ends something returns -EOWNERDEAD, if it returns anything.
 */
#ifndef VIF_FLOW_H
#define VIF_FLOW_H

#include <sys/uio.h>

#include <vif/circuit.h>
#include <vif/packet.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * struct vif_flow_config - a flow to be opened; zero means default
 */
struct vif_flow_config {
	size_t size;     /* sizeof(struct vif_flow_config) */
	bool packets;    /* a lane; else a stream */
	uint32_t weight; /* 1 to VIF_WEIGHT_MAX */
	void *user;
};

struct vif_flow_stats {
	uint64_t rx_payload;
	uint64_t tx_payload; /* sent */
	uint64_t rx_limit;   /* that the other side may send */
	uint64_t tx_limit;   /* that we may */
	uint64_t rx_window;  /* May shrink */
	uint64_t rx_held;    /* received, not consumed. May shrink */
	uint64_t tx_held;    /* written, not sent. May shrink */
};

/**
 * vif_flow_open() - open a flow
 * @circuit:  borrowed; opening or open.
 * @config:   borrowed; NULL for defaults.
 * @ret_flow: the flow; unchanged on failure.
 *
 * The other side learns of it with the first bytes, or its end. While the circuit
 * is opening up to 64 may be opened. Where the other side then allows fewer, any
 * of them are those too many, and end with VIF_FLOW_CLOSED and VIF_REASON_LIMIT.
 *
 * Return: 0; -EINVAL; -ESHUTDOWN when trunk or circuit are ending, safe to try
 * elsewhere; -ECONNABORTED when they have ended; -EAGAIN when the other side
 * allows no more at once; -ENOBUFS for a lane when no packet fits the circuit's
 * window; -EOVERFLOW when the ids of the circuit are used up;
 * -EOWNERDEAD in a child; -ENOMEM.
 * Context: the thread of the trunk; allocates.
 * Ownership: the caller's until vif_flow_close() or vif_trunk_free().
 */
VIF_API int vif_flow_open(struct vif_circuit *circuit,
			  const struct vif_flow_config *config,
			  struct vif_flow **ret_flow);

/**
 * vif_flow_write() - write to a stream
 * @flow:  borrowed.
 * @bytes: copied, as many as there is room for.
 * @len:   bytes.
 *
 * Return: bytes taken, 0 when there is no room: VIF_FLOW_WRITABLE follows.
 * -EPIPE after vif_flow_finish(), vif_flow_reset() or a stop of the other side,
 * and while a trunk that was evicted closes, which ends no stream clean;
 * -ECONNRESET when the circuit has ended; -EPROTOTYPE on a lane; -ENOMEM, and
 * the flow is reset.
 * Context: the thread of the trunk; may allocate.
 */
VIF_API int64_t vif_flow_write(struct vif_flow *flow, const void *bytes,
			       size_t len);

/**
 * vif_flow_reserve() - get memory to write into
 * @flow:      borrowed.
 * @ret_bytes: valid until the next call on this trunk.
 * @ret_len:   its bytes.
 *
 * Saves the copy that vif_flow_write() makes.
 *
 * Return: 1; 0 when there is no room; errors of vif_flow_write().
 * Context: the thread of the trunk.
 */
VIF_API int vif_flow_reserve(struct vif_flow *flow, void **ret_bytes,
			     size_t *ret_len);

/**
 * vif_flow_commit() - send what was written there
 * @flow: borrowed.
 * @len:  bytes, not more than were reserved.
 *
 * Return: 0; -EINVAL for more; errors of vif_flow_write().
 * Context: the thread of the trunk.
 */
VIF_API int vif_flow_commit(struct vif_flow *flow, size_t len);

/**
 * vif_flow_finish() - nothing comes after what was written
 * @flow: borrowed.
 *
 * Return: 0; errors of vif_flow_write().
 * Context: the thread of the trunk.
 */
VIF_API int vif_flow_finish(struct vif_flow *flow);

/**
 * vif_flow_reset() - give up sending
 * @flow: borrowed.
 * @code: for the other side.
 *
 * Return: 0; -EPIPE when the end was sent; -ECONNRESET when the circuit has
 * ended.
 * Context: the thread of the trunk.
 */
VIF_API int vif_flow_reset(struct vif_flow *flow, uint32_t code);

/**
 * vif_flow_stop() - give up receiving
 * @flow: borrowed.
 * @code: for the other side, which is asked to reset.
 *
 * Return: 0; -EPIPE when it was stopped; -ECONNRESET when the circuit has
 * ended.
 * Context: the thread of the trunk.
 */
VIF_API int vif_flow_stop(struct vif_flow *flow, uint32_t code);

/**
 * vif_flow_read() - read from a stream
 * @flow:  borrowed.
 * @bytes: filled.
 * @size:  bytes there is room for.
 *
 * VIF_FLOW_READABLE comes once for what has come: read until there is none.
 *
 * Return: bytes, 0 when there are none now. -ENODATA at the end of the stream;
 * -ECONNRESET when the other side has reset it, or the circuit has ended before
 * the end was there, see vif_flow_reason(); -EPIPE after vif_flow_stop();
 * -EPROTOTYPE on a lane.
 * Context: the thread of the trunk.
 */
VIF_API int64_t vif_flow_read(struct vif_flow *flow, void *bytes, size_t size);

/**
 * vif_flow_peek() - look at bytes without copying them
 * @flow:  borrowed.
 * @piece: filled; see below how long it is valid.
 * @n:     room in @piece.
 *
 * The bytes stay where they are until some of this flow are read or consumed, it
 * is stopped or closed, or the trunk gets something by vif_trunk_receive() or is
 * freed: a reset of the other side takes them away.
 *
 * Return: pieces, 0 when there are none now; errors of vif_flow_read().
 * Context: the thread of the trunk.
 */
VIF_API int vif_flow_peek(const struct vif_flow *flow, struct iovec *piece,
			  unsigned int n);

/**
 * vif_flow_consume() - the first bytes are done with
 * @flow: borrowed.
 * @len:  bytes.
 *
 * Return: 0; -EINVAL for more than there are, or on a lane.
 * Context: the thread of the trunk.
 */
VIF_API int vif_flow_consume(struct vif_flow *flow, size_t len);

/**
 * vif_flow_send_packet() - send a packet on a lane
 * @flow:   borrowed.
 * @packet: borrowed, with its offload state; copied.
 *
 * Return: 1; 0 when there is no room for all of it: VIF_FLOW_WRITABLE follows
 * when there is.
 * -EINVAL for an impossible length; -EMSGSIZE for one that flow_send_max never
 * has room for, with 16 bytes in front of it; errors of vif_flow_write(),
 * -EPROTOTYPE on a stream.
 * Context: the thread of the trunk.
 */
VIF_API int vif_flow_send_packet(struct vif_flow *flow,
				 const struct vif_packet *packet);

/**
 * vif_flow_receive_packet() - get a packet from a lane
 * @flow:       borrowed.
 * @bytes:      filled; VIF_PACKET_LEN_MAX is always enough.
 * @size:       bytes there is room for.
 * @seg:        becomes the one piece of the packet.
 * @ret_packet: the packet, which borrows @bytes and @seg.
 *
 * Its offload state was checked. "Verified" has become "complete": who trusts
 * the other side may set it back.
 *
 * Return: 1; 0 when there is no whole packet now; -EMSGSIZE when @size is too
 * small for it; -EPROTO for one that makes no sense, and the lane is stopped;
 * errors of vif_flow_read().
 * Context: the thread of the trunk.
 */
VIF_API int vif_flow_receive_packet(struct vif_flow *flow, void *bytes,
				    size_t size, struct iovec *seg,
				    struct vif_packet *ret_packet);

/**
 * vif_flow_close() - let go of a flow
 * @flow: taken; NULL is allowed.
 *
 * What was written is still sent, and finished, unless the trunk was evicted
 * before: then it ends as broken. What comes is thrown away, and the other side
 * told to stop.
 *
 * Context: the thread of the trunk.
 */
VIF_API void vif_flow_close(struct vif_flow *flow);

/**
 * vif_flow_set_weight() - set its share of the circuit
 * @flow:   borrowed.
 * @weight: 1 to VIF_WEIGHT_MAX; from the next turn on.
 *
 * Return: 0; -EINVAL.
 * Context: the thread of the trunk.
 */
VIF_API int vif_flow_set_weight(struct vif_flow *flow, uint32_t weight);

/**
 * vif_flow_set_low_water() - set when room is worth telling
 * @flow:  borrowed.
 * @bytes: VIF_FLOW_WRITABLE from so much room on; on a lane not before there is
 * room for the packet that was refused.
 *
 * Context: the thread of the trunk.
 */
VIF_API void vif_flow_set_low_water(struct vif_flow *flow, uint32_t bytes);

/**
 * vif_flow_set_log_level() - set what is logged of it
 * @flow:  borrowed.
 * @level: until then, and after vif_circuit_set_log_level(), its circuit's.
 *
 * Context: the thread of the trunk.
 */
VIF_API void vif_flow_set_log_level(struct vif_flow *flow,
				    enum vif_log_level level);

/**
 * vif_flow_reason() - why it ended
 * @flow: borrowed.
 *
 * Return: code of a reset, a stop, or of the circuit's end; 0: none.
 * Context: the thread of the trunk.
 */
VIF_API uint32_t vif_flow_reason(const struct vif_flow *flow);

/**
 * vif_flow_is_lane() - whether it carries packets
 * @flow: borrowed.
 *
 * Return: whether it does.
 * Context: the thread of the trunk.
 */
VIF_API bool vif_flow_is_lane(const struct vif_flow *flow);

/**
 * vif_flow_id() - its number in the circuit
 * @flow: borrowed.
 *
 * Return: the number; 0 before anything was sent.
 * Context: the thread of the trunk.
 */
VIF_API uint32_t vif_flow_id(const struct vif_flow *flow);

/**
 * vif_flow_stats() - fill the counters
 * @flow:      borrowed.
 * @ret_stats: filled.
 *
 * Context: the thread of the trunk.
 */
VIF_API void vif_flow_stats(const struct vif_flow *flow,
			    struct vif_flow_stats *ret_stats);

/**
 * vif_flow_set_user() - remember a pointer of the program
 * @flow: borrowed.
 * @user: anything; not looked at.
 *
 * Context: the thread of the trunk.
 */
VIF_API void vif_flow_set_user(struct vif_flow *flow, void *user);

/**
 * vif_flow_user() - what vif_flow_set_user() was given
 * @flow: borrowed.
 *
 * Return: the pointer; NULL at first.
 * Context: the thread of the trunk.
 */
VIF_API void *vif_flow_user(const struct vif_flow *flow);

#ifdef __cplusplus
}
#endif

#endif
