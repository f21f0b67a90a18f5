/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Running the stages.
 *
 * Gluing looks at a burst as a whole and comes first; cutting and finishing
 * take one packet after the other. The order does not matter to the result:
 * what is cut is of kinds the destination does not take, what is glued of kinds
 * it does, and who takes superpackets takes unfinished checksums.
 */
#include "link/stages.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "packet/cut.h"
#include "packet/finish.h"
#include "packet/glue.h"
#include "port/ops.h"

enum stages_limits {
	/* A few pieces for each packet, and one packet with all it may have. */
	STAGES_SEG = 4 * STAGES_BATCH + VIF_PACKET_SEG_MAX,
};

static_assert((int)STAGES_BATCH <= (int)GLUE_BURST_MAX, "a burst can be glued");

struct stages {
	/* immutable */
	struct stages_config config;
	struct glue *glue;       /* NULL without that stage */
	struct vif_batch *glued; /* for as long as the burst */
	struct vif_batch *out;   /* NULL when packets go out as they are */
	/* worker only; for this burst */
	uint32_t cut_now;
	bool finish_now;
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
	return vif_batch_new(STAGES_BATCH, 2 * STAGES_BATCH, &stages->glued);
}

int stages_new(const struct stages_config *config, struct stages **ret_stages)
{
	struct stages *stages = calloc(1, sizeof(*stages));
	int r = 0;

	if (!stages)
		return -ENOMEM;
	stages->config = *config;
	if (config->glue)
		r = make_glue(stages);
	if (r == 0 && (config->cut || config->cut_ready || config->finish ||
		       config->finish_ready))
		r = vif_batch_new(STAGES_BATCH, STAGES_SEG, &stages->out);
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

/* Whether there is no packet that anything has to be done to. */
static bool can_pass(const struct stages *stages)
{
	const struct vif_batch *in = stages->in;

	if (!stages->cut_now && !stages->finish_now)
		return true;
	for (uint32_t i = 0; i < in->n; i++)
		if (has_to_be_cut(stages, &in->packet[i]) ||
		    has_to_be_finished(stages, &in->packet[i]))
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

void stages_begin(struct stages *stages, const struct vif_batch *batch,
		  uint32_t refused, bool one_by_one)
{
	const struct stages_config *config = &stages->config;
	uint32_t glue = config->glue & ~refused;

	assert(batch->n <= STAGES_BATCH);
	stages->in = batch;
	stages->next = 0;
	stages->cutting = false;
	stages->cut_now = config->cut | (config->cut_ready & refused);
	stages->finish_now = config->finish ||
			     (config->finish_ready && (refused & PORT_CSUM));
	/* A single packet has nothing to be glued to. */
	if (glue && batch->n > 1 && (one_by_one || !config->glue_ready))
		glue_burst_of(stages, batch, glue);
	stages->is_passing = can_pass(stages);
}

/* Whether there is room for a packet with that many pieces. */
static bool has_room(const struct vif_batch *out, uint32_t n_seg)
{
	return out->n < out->n_max && out->n_seg + n_seg <= out->n_seg_max;
}

/* Adds segments while there is room. Returns whether all are out. */
static bool add_segments(struct stages *stages)
{
	struct vif_batch *out = stages->out;
	uint16_t n_seg = (uint16_t)(stages->cut.packet.n_seg + 1);

	while (has_room(out, n_seg)) {
		struct vif_packet *segment = &out->packet[out->n];

		if (!cut_next(&stages->cut, stages->header[out->n],
			      &out->seg[out->n_seg], n_seg, segment))
			return true;
		/* Who has just summed it up knows that it is right. */
		if (stages->config.finish)
			segment->csum = VIF_CSUM_VERIFIED;
		out->n_seg += segment->n_seg;
		out->n++;
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

static void add_finished(struct stages *stages, const struct vif_packet *packet)
{
	struct vif_batch *out = stages->out;
	struct vif_packet *finished = &out->packet[out->n];

	if (finish_copy(packet, stages->header[out->n], &out->seg[out->n_seg],
			finished) < 0) {
		counter_add(&stages->counters.malformed, 1);
		return;
	}
	finished->csum = VIF_CSUM_VERIFIED; /* as above */
	out->n_seg += finished->n_seg;
	out->n++;
	counter_add(&stages->counters.finished, 1);
}

static void add_packet(struct stages *stages, const struct vif_packet *packet)
{
	if (has_to_be_cut(stages, packet))
		begin_cut(stages, packet);
	else if (has_to_be_finished(stages, packet))
		add_finished(stages, packet);
	else
		stages->out->packet[stages->out->n++] = *packet;
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
		if (!has_room(out, packet->n_seg + 1u))
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
