/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The offload state of a packet as a word in its first descriptor, between two
 * vifs that have agreed on it. See docs/design/memif-offload.md.
 */
#ifndef PORT_MEMIF_RIDE_H
#define PORT_MEMIF_RIDE_H

#include <vif/packet.h>

#include "wire/memif_msg.h"

/* What is to be done with a packet that is sent. */
enum memif_ride_verdict {
	MEMIF_RIDE_GOES,    /* with this word */
	MEMIF_RIDE_FINISH,  /* the receiver would not find its checksum */
	MEMIF_RIDE_REFUSED, /* the peer does not take that */
	MEMIF_RIDE_MALFORMED
};

/*
 * memif_ride_encode() - the word of a packet with offload state
 *
 * ride is what was agreed on. Reads the headers; of a packet that a peer can
 * still change, in a copy. ret_word is written for MEMIF_RIDE_GOES.
 */
enum memif_ride_verdict memif_ride_encode(uint16_t ride, enum vif_medium medium,
					  const struct vif_packet *packet,
					  uint32_t *ret_word);

/*
 * memif_ride_decode() - take over what a peer said of a packet
 *
 * word is not 0. The first piece of the packet is where nobody can change it,
 * and has all headers, or VIF_PACKET_HDR_MAX bytes. Offsets come from there.
 * Returns 0, and the packet passes vif_packet_check(); or -EINVAL with the
 * packet unchanged.
 */
int memif_ride_decode(uint16_t ride, enum vif_medium medium, uint32_t word,
		      struct vif_packet *packet);

/*
 * memif_ride_decode_copy() - the same of a packet that a peer can change
 *
 * It looks at a copy of the headers. For words without a superpacket: nobody
 * looks for the headers of such a packet without copying them as well.
 */
int memif_ride_decode_copy(uint16_t ride, enum vif_medium medium, uint32_t word,
			   struct vif_packet *packet);

/* Whether a word is that of a superpacket, right or wrong. */
bool memif_ride_is_super(uint32_t word);

/* The set of enum memif_ride for checksums and a set of VIF_GSO_BIT(). */
static inline uint16_t memif_ride_of(bool csum, uint32_t gso)
{
	if (!csum)
		return 0;
	return (uint16_t)(MEMIF_RIDE_CSUM |
			  (gso & VIF_GSO_TCP ? MEMIF_RIDE_TCP : 0) |
			  (gso & VIF_GSO_BIT(VIF_GSO_UDP) ? MEMIF_RIDE_UDP :
							    0));
}

/* The kinds of superpackets in a set of enum memif_ride, VIF_GSO_BIT(). */
static inline uint32_t memif_ride_gso(uint16_t ride)
{
	return (ride & MEMIF_RIDE_TCP ? VIF_GSO_TCP : 0) |
	       (ride & MEMIF_RIDE_UDP ? VIF_GSO_BIT(VIF_GSO_UDP) : 0);
}

#endif
