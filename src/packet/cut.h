/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cutting a superpacket into the segments the kernel would have sent.
 *
 * Lazily: a segment is made when it is asked for. Its header is written where
 * the caller wants it, or in place; its payload is never copied. The rules are
 * those of Documentation/networking/segmentation-offloads.rst, and of what
 * Linux does where that is silent: see docs/design/cut.md.
 */
#ifndef PACKET_CUT_H
#define PACKET_CUT_H

#include <vif/packet.h>

/* A superpacket being cut. Fields are for cut.c. */
struct cut {
	/* immutable after cut_start() */
	struct vif_packet packet;  /* its pieces are borrowed */
	struct vif_packet segment; /* what segments have in common */
	uint32_t n;                /* segments */
	uint32_t payload;          /* bytes after the headers */
	uint8_t version;
	bool is_tcp;
	bool finish;
	uint64_t ip_sum; /* IPv4 header without what differs */
	uint64_t l4_sum; /* pseudo-header, and L4 header when finishing */
	uint16_t ip_id;  /* of the first segment */
	uint32_t seq;    /* of the first segment */
	uint8_t tcp_flags;
	uint8_t header[VIF_PACKET_HDR_MAX]; /* snapshot */
	/* moving */
	uint32_t next;  /* segment */
	uint32_t done;  /* payload bytes cut off so far */
	uint16_t piece; /* where the next payload byte is */
	size_t piece_off;
};

/*
 * cut_start() - begin to cut a packet
 * @cut:    anything; filled.
 * @packet: a superpacket; its bytes are borrowed until the last segment is
 *          done with.
 * @medium: what it begins with, not VIF_MEDIUM_ANY.
 * @finish: whether segments get finished checksums, or unfinished ones.
 *
 * Bytes behind the end of the IP packet are left out. Returns 0, or -EINVAL for
 * what is no superpacket, or whose lengths contradict each other.
 */
int cut_start(struct cut *cut, const struct vif_packet *packet,
	      enum vif_medium medium, bool finish);

/* Segments there will be, at least 1. */
static inline uint32_t cut_count(const struct cut *cut)
{
	return cut->n;
}

/*
 * cut_next() - make the next segment
 * @cut:	 after cut_start().
 * @header:	 gets the headers; room for packet.hdr_len bytes.
 * @seg:	 gets the pieces of the segment: header, then payload where it
 *		 lies; room for @n_seg.
 * @n_seg:	 at least 1 more than the pieces the superpacket has.
 * @ret_segment: the segment; refers to @seg.
 *
 * Returns whether there was one.
 */
bool cut_next(struct cut *cut, uint8_t *header, struct iovec *seg,
	      uint16_t n_seg, struct vif_packet *ret_segment);

/*
 * cut_next_in_place() - make the next segment in one piece
 *
 * For a superpacket in one piece that may be overwritten: the headers are put
 * in front of the payload, over payload that has been cut off before. So a
 * segment must be done with before the next one is made. seg is one entry.
 */
bool cut_next_in_place(struct cut *cut, struct iovec *seg,
		       struct vif_packet *ret_segment);

#endif
