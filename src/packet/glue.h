/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Gluing the packets of a burst into superpackets.
 *
 * The reverse of cutting: cut_next() makes of every glued packet exactly what
 * came in, bit for bit, or it is not glued: finished or unfinished segments,
 * whichever came in. Packets of a flow never overtake each other, nothing is
 * kept after a burst, and nothing is allocated.
 *
 * The rules are those of the kernel's GRO, where it leaves no choice open: see
 * docs/design/glue.md.
 */
#ifndef PACKET_GLUE_H
#define PACKET_GLUE_H

#include <vif/packet.h>

enum glue_limits {
	GLUE_BURST_MAX = 64, /* packets of a burst */
	GLUE_FLOWS = 256,    /* places in the flow table */
};

/* What a packet of the burst is to the gluer. */
struct glue_piece {
	const struct vif_packet *packet;
	const uint8_t *data; /* its headers, where nobody can change them */
	uint16_t l3_off;
	uint16_t l4_off;
	uint16_t hdr_len; /* L2 to L4 */
	uint8_t version;
	bool is_tcp;
	bool is_partial; /* the checksum is left unfinished */
	uint16_t n_seg;  /* pieces of its payload, at most */
	uint32_t payload;
	uint32_t next; /* piece of the same chain */
};

/* Packets that belong together; one for each packet of the output. */
struct glue_chain {
	uint32_t first; /* pieces */
	uint32_t last;
	uint32_t n;
	uint32_t len;      /* bytes of the superpacket */
	uint32_t n_seg;    /* and its pieces, headers and all */
	uint32_t next_seq; /* TCP: what has to come next */
	uint16_t next_id;  /* IPv4 */
	bool is_open;
};

/* One for each direction and thread. Fields are for glue.c. */
struct glue {
	uint32_t gso;     /* kinds to make, VIF_GSO_BIT() */
	uint32_t seg_max; /* pieces a superpacket may have */
	enum vif_medium medium;
	uint32_t n_chain;
	uint32_t seg_left; /* pieces there is room for in the output */
	uint64_t epoch; /* entries of another one are void; never comes again */
	struct {
		uint64_t epoch;
		uint32_t chain;
	} flow[GLUE_FLOWS];
	struct glue_piece piece[GLUE_BURST_MAX];
	struct glue_chain chain[GLUE_BURST_MAX];
	/* headers of packets that a peer can still change */
	uint8_t snapshot[GLUE_BURST_MAX][VIF_PACKET_HDR_MAX];
	uint8_t header[GLUE_BURST_MAX / 2][VIF_PACKET_HDR_MAX];
};

/*
 * glue_init() - prepare for gluing
 *
 * gso are the kinds and seg_max the pieces the destination takes; medium is not
 * VIF_MEDIUM_ANY.
 */
void glue_init(struct glue *glue, enum vif_medium medium, uint32_t gso,
	       uint32_t seg_max);

/* Make other kinds from the next burst on. */
static inline void glue_set_gso(struct glue *glue, uint32_t gso)
{
	glue->gso = gso;
}

/* Place of a packet's flow in the table: below GLUE_FLOWS. */
uint32_t glue_place(const struct glue_piece *piece);

/*
 * glue_burst() - glue what belongs together
 * @glue: after glue_init().
 * @in:	  at most GLUE_BURST_MAX packets; borrowed until out has been sent.
 * @out:  empty; gets the packets, in order, as many as @in has or fewer. Has
 *	  room for as many packets, and for twice as many pieces. Of packets
 *	  in several pieces, as many are glued as it has room for.
 *
 * A packet whose checksums are wrong passes alone and as it is. Headers that a
 * peer can still change (VIF_PACKET_HOSTILE) are copied once, judged, and used
 * from the copy; of payload it can spoil its own, as it could have before. The
 * bytes of @in are not changed. Returns how many superpackets were made.
 */
uint32_t glue_burst(struct glue *glue, const struct vif_batch *in,
		    struct vif_batch *out);

#endif
