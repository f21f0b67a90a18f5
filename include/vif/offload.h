/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The work a sender left undone: cutting superpackets, gluing packets into
 * them, and finishing checksums, for programs that look at packets themselves.
 *
 * The objects are made once and used for any number of packets; nothing is
 * allocated on the way. Each belongs to one thread at a time. Between two ports
 * none of this is needed: a link does it where its plan says so.
 */
#ifndef VIF_OFFLOAD_H
#define VIF_OFFLOAD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include <vif/packet.h>
#include <vif/version.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vif_cut;
struct vif_glue;

enum vif_offload_limits {
	VIF_GLUE_BURST_MAX = 64, /* packets vif_glue_burst() takes at once */
};

/* Where a segment's own bytes go, when several are to exist at a time. */
struct vif_cut_room {
	uint8_t header[VIF_PACKET_HDR_MAX];
	struct iovec seg[VIF_PACKET_SEG_MAX + 1];
};

/**
 * vif_cut_new() - make an object that cuts packets
 * @ret_cut: the object; unchanged on failure.
 *
 * Return: 0 or -ENOMEM.
 * Context: any thread; allocates.
 * Ownership: the caller frees it with vif_cut_free().
 */
VIF_API int vif_cut_new(struct vif_cut **ret_cut);

/**
 * vif_cut_free() - free an object that cuts packets
 * @cut: taken; NULL is allowed.
 *
 * Context: any thread.
 */
VIF_API void vif_cut_free(struct vif_cut *cut);

/**
 * vif_cut_start() - begin to cut a packet
 * @cut:    may have been used before.
 * @packet: the bytes are borrowed until the last segment is done with; the
 *          headers are copied, so later changes to them do no harm.
 * @medium: what @packet starts with, not VIF_MEDIUM_ANY.
 * @finish: whether segments get finished checksums. Without, they are left to
 *          whoever gets them.
 *
 * The segments are those the kernel would have sent. A packet that is no
 * superpacket is its own only segment, so a receiver need not tell them apart.
 * Bytes of a superpacket behind the end of its IP packet are left out.
 *
 * Return: 0; -EINVAL for a packet that vif_packet_check() refuses, or whose
 * lengths contradict each other: there are no segments then.
 * Context: the thread that owns @cut; never blocks.
 */
VIF_API int vif_cut_start(struct vif_cut *cut, const struct vif_packet *packet,
			  enum vif_medium medium, bool finish);

/**
 * vif_cut_count() - tell how many segments a packet has
 * @cut: borrowed.
 *
 * Return: all segments, those already made included; 0 when no packet has been
 * started.
 * Context: the thread that owns @cut; never blocks.
 */
VIF_API uint32_t vif_cut_count(const struct vif_cut *cut);

/**
 * vif_cut_next() - make the next segment
 * @cut:         after vif_cut_start().
 * @room:        where its headers and pieces go; borrowed for as long as the
 *               segment is used. NULL: inside @cut, until the next call.
 * @ret_segment: the segment; unchanged when there is none.
 *
 * Payload is not copied: the pieces point to where it lies in the packet.
 *
 * Return: 1, or 0 when there are no more.
 * Context: the thread that owns @cut; never blocks.
 */
VIF_API int vif_cut_next(struct vif_cut *cut, struct vif_cut_room *room,
			 struct vif_packet *ret_segment);

/**
 * vif_cut_next_in_place() - make the next segment in one piece
 * @cut:         after vif_cut_start() with a packet in one piece that may be
 *               written.
 * @ret_segment: the segment; unchanged when there is none.
 *
 * The headers are put in front of the payload, over payload of earlier
 * segments: be done with a segment before asking for the next one.
 *
 * Return: 1; 0 when there are no more; -EINVAL when the packet has several
 * pieces.
 * Context: the thread that owns @cut; never blocks.
 */
VIF_API int vif_cut_next_in_place(struct vif_cut *cut,
				  struct vif_packet *ret_segment);

/**
 * vif_glue_new() - make an object that glues packets
 * @medium:   what the packets start with, not VIF_MEDIUM_ANY.
 * @gso:      superpackets to make, VIF_GSO_BIT(): those the receiver takes.
 * @seg_max:  pieces a superpacket may get, 2 to VIF_PACKET_SEG_MAX: those the
 *            receiver takes.
 * @ret_glue: the object; unchanged on failure.
 *
 * Return: 0, -EINVAL for a value that is none of these, -ENOMEM.
 * Context: any thread; allocates.
 * Ownership: the caller frees it with vif_glue_free().
 */
VIF_API int vif_glue_new(enum vif_medium medium, uint32_t gso, uint32_t seg_max,
			 struct vif_glue **ret_glue);

/**
 * vif_glue_free() - free an object that glues packets
 * @glue: taken; NULL is allowed.
 *
 * Context: any thread.
 */
VIF_API void vif_glue_free(struct vif_glue *glue);

/**
 * vif_glue_burst() - glue what belongs together in a burst
 * @glue: may have been used before; keeps nothing of earlier bursts.
 * @in:   at most VIF_GLUE_BURST_MAX packets; they and their bytes are borrowed
 *        for as long as @out is used, and not changed.
 * @out:  cleared, then filled with as many packets as @in has, or fewer. Room
 *        for as many packets and twice as many pieces; packets in several
 *        pieces are glued as far as there is room for them. Its packets are
 *        good until the next call.
 *
 * The packets of a flow stay in order. Cutting what was glued gives back what
 * came in, bit for bit; a packet for which that would not be so, such as one
 * with a wrong checksum, passes as it is.
 *
 * Return: packets in @out; -EINVAL for too many packets, too little room, or a
 * packet that vif_packet_check() refuses.
 * Context: the thread that owns @glue; never blocks.
 */
VIF_API int vif_glue_burst(struct vif_glue *glue, const struct vif_batch *in,
			   struct vif_batch *out);

/**
 * vif_packet_finish() - finish the checksum of a packet in place
 * @packet: its checksum field is written; it is plain afterwards. Untouched
 *          when its checksum is not VIF_CSUM_PARTIAL.
 * @medium: what it starts with, not VIF_MEDIUM_ANY.
 *
 * A UDP checksum of 0 becomes ffff, since 0 would mean that there is none
 * (RFC 768); a TCP checksum of 0 stays.
 *
 * Return: 0; -EINVAL for a superpacket, which has to be cut, and for a packet
 * that vif_packet_check() refuses.
 * Context: any thread; never blocks.
 */
VIF_API int vif_packet_finish(struct vif_packet *packet,
			      enum vif_medium medium);

#ifdef __cplusplus
}
#endif

#endif
