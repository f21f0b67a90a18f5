/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Running the stages.
 *
 * Gluing looks at a burst as a whole and comes first; cutting and finishing
 * take one packet after the other. The order does not matter to the result:
 * what is cut is of kinds the destination does not take, what is glued of kinds
 * it does, and who takes superpackets takes unfinished checksums. Whatever has
 * too many pieces after that is copied into one.
 */
#include "link/stages.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "packet/copy.h"
#include "packet/cut.h"
#include "packet/finish.h"
#include "packet/glue.h"
#include "port/ops.h"

enum stages_limits {
	/* A few pieces for each packet, and one packet with all it may have. */
	STAGES_SEG = 4 * STAGES_BATCH + VIF_PACKET_SEG_MAX,
	/* Bytes for what is copied: all of a burst of usual packets. */
	STAGES_ROOM = 2 * VIF_PACKET_LEN_MAX,
};

static_assert((int)STAGES_BATCH <= (int)GLUE_BURST_MAX, "a burst can be glued");

struct stages {
	/* immutable */
	struct stages_config config;
	struct glue *glue;       /* NULL without that stage */
	struct vif_batch *glued; /* for as long as the burst */
	struct vif_batch *out;   /* NULL when packets go out as they are */
	uint8_t *room;           /* with out: bytes of its copied packets */
	/* worker only; for this burst */
	uint32_t cut_now;
	bool finish_now;
	uint32_t room_used;
	bool is_passing;            /* nothing is to be done to any packet */
	const struct vif_batch *in; /* the burst, glued if it is to be */
	uint32_t next;              /* packet of in */
	bool cutting;               /* the packet before next */
	struct cut cut;
	uint8_t header[STAGES_BATCH][VIF_PACKET_HDR_MAX];
	struct stages_counters counters;
};

static int make_glue(struct stages *stages)
{
	const struct stages_config *config = &stages->config;

	stages->glue = malloc(sizeof(*stages->glue));
	if (!stages->glue)
		return -ENOMEM;
	glue_init(stages->glue, config->medium, config->glue, config->seg_max);
	return vif_batch_new(STAGES_BATCH, STAGES_SEG, &stages->glued);
}

static int make_out(struct stages *stages)
{
	stages->room = malloc(STAGES_ROOM);
	if (!stages->room)
		return -ENOMEM;
	return vif_batch_new(STAGES_BATCH, STAGES_SEG, &stages->out);
}

int stages_new(const struct stages_config *config, struct stages **ret_stages)
{
	struct stages *stages = calloc(1, sizeof(*stages));
	int r = 0;

	assert(config->seg_max > 0);
	if (!stages)
		return -ENOMEM;
	stages->config = *config;
	if (config->glue)
		r = make_glue(stages);
	if (r == 0 && (config->cut || config->cut_ready || config->finish ||
		       config->finish_ready || config->gather))
		r = make_out(stages);
	if (r < 0) {
		stages_free(stages);
		return r;
	}
	*ret_stages = stages;
	return 0;
}

void stages_free(struct stages *stages)
{
	if (!stages)
		return;
	vif_batch_free(stages->glued);
	vif_batch_free(stages->out);
	free(stages->room);
	free(stages->glue);
	free(stages);
}

static bool has_to_be_cut(const struct stages *stages,
			  const struct vif_packet *packet)
{
	return packet->gso != VIF_GSO_NONE &&
	       (stages->cut_now & VIF_GSO_BIT(packet->gso));
}

static bool has_to_be_finished(const struct stages *stages,
			       const struct vif_packet *packet)
{
	return stages->finish_now && packet->gso == VIF_GSO_NONE &&
	       packet->csum == VIF_CSUM_PARTIAL;
}

static bool has_to_be_gathered(const struct stages *stages,
			       const struct vif_packet *packet)
{
	return packet->n_seg > stages->config.seg_max;
}

/* Whether there is no packet that anything has to be done to. */
static bool can_pass(const struct stages *stages)
{
	const struct vif_batch *in = stages->in;

	if (!stages->cut_now && !stages->finish_now && !stages->config.gather)
		return true;
	for (uint32_t i = 0; i < in->n; i++)
		if (has_to_be_cut(stages, &in->packet[i]) ||
		    has_to_be_finished(stages, &in->packet[i]) ||
		    has_to_be_gathered(stages, &in->packet[i]))
			return false;
	return true;
}

static void glue_burst_of(struct stages *stages, const struct vif_batch *batch,
			  uint32_t kinds)
{
	uint32_t made;

	glue_set_gso(stages->glue, kinds);
	vif_batch_clear(stages->glued);
	made = glue_burst(stages->glue, batch, stages->glued);
	counter_add(&stages->counters.glued_superpackets, made);
	counter_add(&stages->counters.glued_packets,
		    batch->n - stages->glued->n + made);
	stages->in = stages->glued;
}

/* Kinds to cut, and to make; and whether to finish. */
static uint32_t cut_kinds(const struct stages_config *config, uint32_t refused,
			  uint32_t undone)
{
	return undone & (config->cut | (config->cut_ready & refused));
}

static uint32_t glue_kinds(const struct stages_config *config, uint32_t refused,
			   uint32_t undone)
{
	bool one_by_one = !(undone & VIF_GSO_ALL);

	return one_by_one || !config->glue_ready ? config->glue & ~refused : 0;
}

/* Segments are finished, too, so that any kind counts. */
static bool has_to_finish(const struct stages_config *config, uint32_t refused,
			  uint32_t undone)
{
	return undone && (config->finish ||
			  (config->finish_ready && (refused & PORT_CSUM)));
}

bool stages_pass(const struct stages *stages, uint32_t refused, uint32_t undone)
{
	const struct stages_config *config = &stages->config;

	return !cut_kinds(config, refused, undone) &&
	       !glue_kinds(config, refused, undone) &&
	       !has_to_finish(config, refused, undone) && !config->gather;
}

void stages_begin(struct stages *stages, const struct vif_batch *batch,
		  uint32_t refused, uint32_t undone)
{
	const struct stages_config *config = &stages->config;
	uint32_t glue = glue_kinds(config, refused, undone);

	assert(batch->n <= STAGES_BATCH);
	stages->in = batch;
	stages->next = 0;
	stages->cutting = false;
	stages->cut_now = cut_kinds(config, refused, undone);
	stages->finish_now = has_to_finish(config, refused, undone);
	/* A single packet has nothing to be glued to. */
	if (glue && batch->n > 1)
		glue_burst_of(stages, batch, glue);
	stages->is_passing = can_pass(stages);
}

/* Whether there is room for a packet of that many pieces and bytes. */
static bool has_room(const struct stages *stages, uint32_t n_seg, uint32_t len)
{
	const struct vif_batch *out = stages->out;

	return out->n < out->n_max && out->n_seg + n_seg <= out->n_seg_max &&
	       (n_seg <= stages->config.seg_max ||
		stages->room_used + len <= STAGES_ROOM);
}

/* A packet in one piece, seg, which may be the first that it has. */
static void gather(struct stages *stages, const struct vif_packet *packet,
		   struct iovec *seg, struct vif_packet *ret_packet)
{
	struct iovec piece;

	assert(stages->room_used + packet->len <= STAGES_ROOM);
	*ret_packet =
		packet_copy(packet, stages->room + stages->room_used, &piece);
	stages->room_used += packet->len;
	*seg = piece;
	ret_packet->seg = seg;
}

/* Takes the next packet of out, which has been made, into it. */
static void put(struct stages *stages)
{
	struct vif_batch *out = stages->out;

	out->n_seg += out->packet[out->n].n_seg;
	out->n++;
}

/* Adds segments while there is room. Returns whether all are out. */
static bool add_segments(struct stages *stages)
{
	const struct vif_packet *whole = &stages->cut.packet;
	struct vif_batch *out = stages->out;
	uint16_t n_seg = (uint16_t)(whole->n_seg + 1);

	while (has_room(stages, n_seg, whole->hdr_len + whole->gso_size)) {
		struct vif_packet *segment = &out->packet[out->n];

		if (!cut_next(&stages->cut, stages->header[out->n],
			      &out->seg[out->n_seg], n_seg, segment))
			return true;
		if (has_to_be_gathered(stages, segment))
			gather(stages, segment, segment->seg, segment);
		/* Who has just summed it up knows that it is right. */
		if (stages->config.finish)
			segment->csum = VIF_CSUM_VERIFIED;
		put(stages);
		counter_add(&stages->counters.cut_segments, 1);
	}
	return false;
}

static void begin_cut(struct stages *stages, const struct vif_packet *packet)
{
	if (cut_start(&stages->cut, packet, stages->config.medium,
		      stages->finish_now) < 0) {
		counter_add(&stages->counters.malformed, 1);
		return;
	}
	stages->cutting = true;
	counter_add(&stages->counters.cut_superpackets, 1);
}

/* A copy of the headers may be a piece more. */
static int finish(struct stages *stages, const struct vif_packet *packet,
		  struct iovec *seg, struct vif_packet *ret_packet)
{
	int r;

	if (packet->n_seg < stages->config.seg_max)
		return finish_copy(packet, stages->header[stages->out->n], seg,
				   ret_packet);
	gather(stages, packet, seg, ret_packet);
	r = finish_packet(ret_packet);
	/* What is dropped must leave room, or a portion may come out empty. */
	if (r < 0)
		stages->room_used -= packet->len;
	return r;
}

static void add_finished(struct stages *stages, const struct vif_packet *packet)
{
	struct vif_batch *out = stages->out;
	struct vif_packet *finished = &out->packet[out->n];

	if (finish(stages, packet, &out->seg[out->n_seg], finished) < 0) {
		counter_add(&stages->counters.malformed, 1);
		return;
	}
	finished->csum = VIF_CSUM_VERIFIED; /* as above */
	put(stages);
	counter_add(&stages->counters.finished, 1);
}

static void add_packet(struct stages *stages, const struct vif_packet *packet)
{
	struct vif_batch *out = stages->out;

	if (has_to_be_cut(stages, packet)) {
		begin_cut(stages, packet);
	} else if (has_to_be_finished(stages, packet)) {
		add_finished(stages, packet);
	} else if (has_to_be_gathered(stages, packet)) {
		gather(stages, packet, &out->seg[out->n_seg],
		       &out->packet[out->n]);
		put(stages);
	} else {
		out->packet[out->n++] = *packet;
	}
}

uint32_t stages_next(struct stages *stages,
		     const struct vif_packet **ret_packet)
{
	struct vif_batch *out = stages->out;

	if (stages->is_passing) {
		uint32_t n = stages->in->n - stages->next;

		*ret_packet = &stages->in->packet[stages->next];
		stages->next = stages->in->n;
		return n;
	}
	vif_batch_clear(out);
	stages->room_used = 0;
	for (;;) {
		const struct vif_packet *packet;

		if (stages->cutting) {
			if (!add_segments(stages))
				break;
			stages->cutting = false;
		}
		if (stages->next == stages->in->n)
			break;
		packet = &stages->in->packet[stages->next];
		if (!has_room(stages, packet->n_seg + 1u, packet->len))
			break;
		stages->next++;
		add_packet(stages, packet);
	}
	*ret_packet = out->packet;
	return out->n;
}

/* Segments there will be of a packet that has not begun to be cut. */
static uint32_t segments_of(const struct stages *stages,
			    const struct vif_packet *packet)
{
	uint32_t payload;

	if (!has_to_be_cut(stages, packet) || packet->len <= packet->hdr_len)
		return 1;
	payload = packet->len - packet->hdr_len;
	return (payload + packet->gso_size - 1) / packet->gso_size;
}

uint32_t stages_left(const struct stages *stages)
{
	uint32_t n = 0;

	if (stages->cutting)
		n += cut_count(&stages->cut) - stages->cut.next;
	for (uint32_t i = stages->next; stages->in && i < stages->in->n; i++)
		n += segments_of(stages, &stages->in->packet[i]);
	return n;
}

uint32_t stages_abandon(struct stages *stages)
{
	uint32_t n = stages_left(stages);

	stages->in = NULL;
	stages->cutting = false;
	return n;
}

const struct stages_counters *stages_counters(const struct stages *stages)
{
	return &stages->counters;
}
