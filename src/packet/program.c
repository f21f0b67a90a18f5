/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cutting, gluing and finishing for programs: the parts of this folder, with
 * what a program hands in checked first.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include <vif/offload.h>

#include "base/bits.h"
#include "packet/cut.h"
#include "packet/finish.h"
#include "packet/glue.h"

static_assert((int)VIF_GLUE_BURST_MAX == (int)GLUE_BURST_MAX,
	      "programs and links glue alike");

struct vif_cut {
	struct vif_packet packet; /* as it was given */
	bool finish;
	uint32_t n;     /* segments; 0 before a good vif_cut_start() */
	bool is_passed; /* a plain packet: its only segment was made */
	struct cut cut; /* a superpacket */
	struct vif_cut_room room;
};

struct vif_glue {
	struct glue glue;
};

static bool is_medium(enum vif_medium medium)
{
	return medium == VIF_MEDIUM_IP || medium == VIF_MEDIUM_ETH;
}

int vif_cut_new(struct vif_cut **ret_cut)
{
	struct vif_cut *cut = calloc(1, sizeof(*cut));

	if (!cut)
		return -ENOMEM;
	*ret_cut = cut;
	return 0;
}

void vif_cut_free(struct vif_cut *cut)
{
	free(cut);
}

/* A plain packet has one segment; here it is made sure that there is one. */
static int start_plain(struct vif_cut *cut, enum vif_medium medium)
{
	const struct vif_packet *packet = &cut->packet;

	if (vif_packet_check(packet, medium) < 0)
		return -EINVAL;
	/* What finish_copy() would refuse. */
	if (cut->finish && packet->csum == VIF_CSUM_PARTIAL &&
	    (packet->n_seg == VIF_PACKET_SEG_MAX ||
	     packet->l4_off + packet->csum_off + 2 > VIF_PACKET_HDR_MAX))
		return -EINVAL;
	cut->is_passed = false;
	cut->n = 1;
	return 0;
}

int vif_cut_start(struct vif_cut *cut, const struct vif_packet *packet,
		  enum vif_medium medium, bool finish)
{
	cut->packet = *packet;
	cut->finish = finish;
	cut->n = 0;
	if (!is_medium(medium))
		return -EINVAL;
	if (packet->gso == VIF_GSO_NONE)
		return start_plain(cut, medium);
	if (cut_start(&cut->cut, packet, medium, finish) < 0)
		return -EINVAL;
	cut->n = cut_count(&cut->cut);
	return 0;
}

uint32_t vif_cut_count(const struct vif_cut *cut)
{
	return cut->n;
}

static int pass_plain(struct vif_cut *cut, struct vif_cut_room *room,
		      struct vif_packet *ret_segment)
{
	int r = 0;

	if (cut->is_passed)
		return 0;
	cut->is_passed = true;
	if (cut->finish && cut->packet.csum == VIF_CSUM_PARTIAL)
		r = finish_copy(&cut->packet, room->header, room->seg,
				ret_segment);
	else
		*ret_segment = cut->packet;
	assert(r == 0); /* looked at by start_plain() */
	return 1;
}

int vif_cut_next(struct vif_cut *cut, struct vif_cut_room *room,
		 struct vif_packet *ret_segment)
{
	if (cut->n == 0)
		return 0;
	if (!room)
		room = &cut->room;
	if (cut->packet.gso == VIF_GSO_NONE)
		return pass_plain(cut, room, ret_segment);
	return cut_next(&cut->cut, room->header, room->seg,
			(uint16_t)ARRAY_LEN(room->seg), ret_segment);
}

int vif_cut_next_in_place(struct vif_cut *cut, struct vif_packet *ret_segment)
{
	if (cut->n == 0)
		return 0;
	if (cut->packet.n_seg != 1)
		return -EINVAL;
	if (cut->packet.gso != VIF_GSO_NONE)
		return cut_next_in_place(&cut->cut, cut->room.seg, ret_segment);
	if (cut->is_passed)
		return 0;
	cut->is_passed = true;
	if (cut->finish)
		(void)finish_packet(&cut->packet); /* it has been checked */
	*ret_segment = cut->packet;
	return 1;
}

int vif_glue_new(enum vif_medium medium, uint32_t gso, uint32_t seg_max,
		 struct vif_glue **ret_glue)
{
	struct vif_glue *glue;

	if (!is_medium(medium) || (gso & ~VIF_GSO_ALL) || seg_max < 2 ||
	    seg_max > VIF_PACKET_SEG_MAX)
		return -EINVAL;
	glue = calloc(1, sizeof(*glue));
	if (!glue)
		return -ENOMEM;
	glue_init(&glue->glue, medium, gso, seg_max);
	*ret_glue = glue;
	return 0;
}

void vif_glue_free(struct vif_glue *glue)
{
	free(glue);
}

int vif_glue_burst(struct vif_glue *glue, const struct vif_batch *in,
		   struct vif_batch *out)
{
	if (in->n > GLUE_BURST_MAX || out->n_max < in->n ||
	    out->n_seg_max < 2 * in->n || in == out)
		return -EINVAL;
	for (uint32_t i = 0; i < in->n; i++)
		if (vif_packet_check(&in->packet[i], glue->glue.medium) < 0)
			return -EINVAL;
	vif_batch_clear(out);
	glue_burst(&glue->glue, in, out);
	return (int)out->n;
}

int vif_packet_finish(struct vif_packet *packet, enum vif_medium medium)
{
	if (!is_medium(medium) || vif_packet_check(packet, medium) < 0)
		return -EINVAL;
	return finish_packet(packet);
}
