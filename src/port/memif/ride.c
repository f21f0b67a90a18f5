/* SPDX-License-Identifier: Apache-2.0 */
/* The offload state of a packet as a word in its first descriptor. */
#include "port/memif/ride.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "wire/inet.h"

/* The word. */
enum ride_word {
	WORD_GSO = 0x3, /* enum vif_gso */
	WORD_ECN = 0x4,
	WORD_UNFINISHED = 0x8,
	WORD_KNOWN = 0xf,
	WORD_SIZE_SHIFT = 16,
};

static_assert(VIF_GSO_NONE == 0 && VIF_GSO_TCP4 == 1 && VIF_GSO_TCP6 == 2 &&
		      VIF_GSO_UDP == 3,
	      "wire format");

/* Where the checksum is, in the eyes of whoever has only the bytes. */
struct place {
	struct inet inet;
	uint16_t csum_off;
};

static int find_place(const uint8_t *data, size_t len, enum vif_medium medium,
		      struct place *ret_place)
{
	struct place place;

	if (len > VIF_PACKET_HDR_MAX)
		len = VIF_PACKET_HDR_MAX;
	if (inet_parse(data, len, medium == VIF_MEDIUM_ETH, &place.inet) < 0 ||
	    place.inet.fragment)
		return -EINVAL;
	if (place.inet.proto == INET_PROTO_TCP)
		place.csum_off = INET_TCP_CSUM;
	else if (place.inet.proto == INET_PROTO_UDP)
		place.csum_off = INET_UDP_CSUM;
	else
		return -EINVAL;
	if ((size_t)place.inet.l4_off + place.csum_off + 2 > len)
		return -EINVAL;
	*ret_place = place;
	return 0;
}

static bool takes(uint16_t ride, uint8_t gso)
{
	if (!(ride & MEMIF_RIDE_CSUM))
		return false;
	return gso == VIF_GSO_NONE || memif_ride_gso(ride) & VIF_GSO_BIT(gso);
}

static enum memif_ride_verdict judge(uint16_t ride, enum vif_medium medium,
				     const struct vif_packet *packet)
{
	const struct iovec *first = packet->seg;
	struct place place;

	if (vif_packet_check(packet, medium) < 0)
		return MEMIF_RIDE_MALFORMED;
	if (!takes(ride, packet->gso))
		return MEMIF_RIDE_REFUSED;
	/* Those of superpackets have been checked just now. */
	if (packet->gso != VIF_GSO_NONE)
		return MEMIF_RIDE_GOES;
	if (find_place(first->iov_base, first->iov_len, medium, &place) < 0 ||
	    place.inet.l4_off != packet->l4_off ||
	    place.csum_off != packet->csum_off)
		return MEMIF_RIDE_FINISH;
	return MEMIF_RIDE_GOES;
}

/* A packet whose headers are where nobody can change them. */
struct snapshot {
	uint8_t header[VIF_PACKET_HDR_MAX];
	struct iovec seg[2];
	struct vif_packet packet;
};

static void take_snapshot(const struct vif_packet *packet,
			  struct snapshot *snapshot)
{
	size_t len = packet->seg[0].iov_len;

	if (len > sizeof(snapshot->header))
		len = sizeof(snapshot->header);
	memcpy(snapshot->header, packet->seg[0].iov_base, len);
	snapshot->seg[0] = (struct iovec){ snapshot->header, len };
	/* Only lengths are looked at behind the first piece. */
	snapshot->seg[1] = (struct iovec){ NULL, packet->len - len };
	snapshot->packet = *packet;
	snapshot->packet.seg = snapshot->seg;
	snapshot->packet.n_seg = packet->len > len ? 2 : 1;
}

static enum memif_ride_verdict judge_copy(uint16_t ride, enum vif_medium medium,
					  const struct vif_packet *packet)
{
	struct snapshot snapshot;

	take_snapshot(packet, &snapshot);
	return judge(ride, medium, &snapshot.packet);
}

enum memif_ride_verdict memif_ride_encode(uint16_t ride, enum vif_medium medium,
					  const struct vif_packet *packet,
					  uint32_t *ret_word)
{
	enum memif_ride_verdict verdict =
		packet->flags & VIF_PACKET_HOSTILE ?
			judge_copy(ride, medium, packet) :
			judge(ride, medium, packet);

	if (verdict != MEMIF_RIDE_GOES)
		return verdict;
	*ret_word = packet->gso | WORD_UNFINISHED |
		    (packet->flags & VIF_PACKET_ECN ? WORD_ECN : 0);
	if (packet->gso != VIF_GSO_NONE)
		*ret_word |= (uint32_t)packet->gso_size << WORD_SIZE_SHIFT;
	return MEMIF_RIDE_GOES;
}

/* Bytes of L2 to L4 headers, which may be wrong: it is checked afterwards. */
static uint16_t header_len(const uint8_t *data, const struct place *place)
{
	uint16_t l4_off = place->inet.l4_off;

	if (place->inet.proto == INET_PROTO_UDP)
		return (uint16_t)(l4_off + INET_UDP_LEN);
	return (uint16_t)(l4_off + (data[l4_off + 12] >> 4) * 4);
}

bool memif_ride_is_super(uint32_t word)
{
	return word & WORD_GSO;
}

int memif_ride_decode_copy(uint16_t ride, enum vif_medium medium, uint32_t word,
			   struct vif_packet *packet)
{
	struct snapshot snapshot;

	assert(!memif_ride_is_super(word));
	take_snapshot(packet, &snapshot);
	if (memif_ride_decode(ride, medium, word, &snapshot.packet) < 0)
		return -EINVAL;
	packet->csum = snapshot.packet.csum;
	packet->l3_off = snapshot.packet.l3_off;
	packet->l4_off = snapshot.packet.l4_off;
	packet->csum_off = snapshot.packet.csum_off;
	return 0;
}

int memif_ride_decode(uint16_t ride, enum vif_medium medium, uint32_t word,
		      struct vif_packet *packet)
{
	const uint8_t *data = packet->seg[0].iov_base;
	struct vif_packet taken = *packet;
	uint16_t flags = (uint16_t)word;
	struct place place;

	taken.gso = word & WORD_GSO;
	taken.gso_size = (uint16_t)(word >> WORD_SIZE_SHIFT);
	if ((flags & ~WORD_KNOWN) || !(flags & WORD_UNFINISHED) ||
	    !takes(ride, taken.gso) ||
	    (taken.gso == VIF_GSO_NONE && taken.gso_size != 0))
		return -EINVAL;
	if (find_place(data, packet->seg[0].iov_len, medium, &place) < 0)
		return -EINVAL;
	taken.csum = VIF_CSUM_PARTIAL;
	taken.l3_off = place.inet.l3_off;
	taken.l4_off = place.inet.l4_off;
	taken.csum_off = place.csum_off;
	if (word & WORD_ECN)
		taken.flags |= VIF_PACKET_ECN;
	if (taken.gso != VIF_GSO_NONE)
		taken.hdr_len = header_len(data, &place);
	if (vif_packet_check(&taken, medium) < 0)
		return -EINVAL;
	*packet = taken;
	return 0;
}
