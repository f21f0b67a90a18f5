/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stages of a plan that change packets: finish, cut, glue, gather.
 *
 * A burst goes in, and comes out a few packets at a time, so that the room for
 * segments is bounded whatever a superpacket is cut into. Payload is pointed at
 * where the source has lent it and never written; headers that differ are
 * written into memory of the stages. Only what would have more pieces than the
 * destination takes is copied.
 *
 * Threads: one at a time. Counters are read by anyone.
 */
#ifndef LINK_STAGES_H
#define LINK_STAGES_H

#include <vif/packet.h>

#include "base/counter.h"

enum stages_sizes {
	STAGES_BATCH = 64, /* packets that come out at once, at most */
};

struct stages_config {
	enum vif_medium medium; /* of the packets; not ANY if glue is set */
	uint32_t cut;           /* kinds to cut */
	uint32_t glue;          /* kinds to make */
	bool finish;            /* fill in checksums, of segments, too */
	uint32_t cut_ready;     /* kinds to cut while they are refused */
	bool finish_ready;      /* finish while unfinished ones are refused */
	bool glue_ready;        /* glue only what comes one by one */
	bool gather;            /* packets come in more pieces than that: */
	uint32_t seg_max;       /* pieces a packet may have afterwards */
};

struct stages_counters {
	struct counter cut_superpackets;
	struct counter cut_segments;
	struct counter glued_packets;
	struct counter glued_superpackets;
	struct counter finished;
	struct counter malformed; /* dropped: could not be cut or finished */
};

struct stages;

/* Whether there is anything to do, now or at some time. */
static inline bool stages_are_needed(const struct stages_config *config)
{
	return config->cut || config->cut_ready || config->glue ||
	       config->finish || config->finish_ready || config->gather;
}

/* seg_max is at least 1. Returns 0 or -ENOMEM. */
int stages_new(const struct stages_config *config, struct stages **ret_stages);
void stages_free(struct stages *stages); /* NULL is allowed */

/*
 * stages_pass() - whether nothing is done to any packet now
 *
 * refused and undone as for stages_begin(), whatever the packets are.
 */
bool stages_pass(const struct stages *stages, uint32_t refused,
		 uint32_t undone);

/*
 * stages_begin() - take a burst
 *
 * batch has at most STAGES_BATCH packets and is borrowed until stages_next()
 * has returned none, or the next burst. refused is what the destination does not
 * take now, of kinds and of unfinished checksums, as port_tx_refused() says it:
 * these kinds are not made, and what is ready for it is done. undone is, in the
 * same way, what the source leaves undone now: the batch has nothing else, and
 * if it is 0, packets are looked at only to glue or to gather them. A burst that
 * needs nothing done passes as it is.
 */
void stages_begin(struct stages *stages, const struct vif_batch *batch,
		  uint32_t refused, uint32_t undone);

/*
 * stages_next() - the next packets of the burst, in order
 *
 * They are valid until the next call. Returns how many, 0 at the end.
 */
uint32_t stages_next(struct stages *stages,
		     const struct vif_packet **ret_packet);

/* Packets that have not come out yet, a superpacket counting as its segments. */
uint32_t stages_left(const struct stages *stages);

/* Forget what has not come out. Returns how much it was. */
uint32_t stages_abandon(struct stages *stages);

const struct stages_counters *stages_counters(const struct stages *stages);

#endif
