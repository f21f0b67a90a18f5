/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Circuits that are passed on, as the rest of the core sees them.
 *
 * A half is a circuit in state CIRCUIT_RELAYED.
 */
#ifndef TRUNK_RELAY_H
#define TRUNK_RELAY_H

#include <vif/relay.h>

#include "trunk/core.h"

/*
 * relay_open() - an OPEN came for somebody else
 *
 * in becomes one half, the other one is made. Returns VIF_REASON_NONE, or why
 * not; then the caller ends in.
 */
enum vif_reason relay_open(struct vif_circuit *in,
			   const struct frame_header *frame,
			   const uint8_t *body, const uint8_t *destination);

/* Frames of the trunk that came for a half. */
void relay_got_accept(struct vif_circuit *half,
		      const struct frame_header *frame, const uint8_t *body);
void relay_got_confirm(struct vif_circuit *half,
		       const struct frame_header *frame, const uint8_t *body);

/* relay_receive() - a record came for a half; it lies in rx_block */
void relay_receive(struct vif_circuit *half, const struct record_header *header,
		   uint32_t len);

/*
 * relay_take() - the next record to be sent for a half
 *
 * Returns its length, or 0 when there is none, or it may not be sent yet. After
 * it was sealed, relay_took() goes on.
 */
uint32_t relay_take(struct vif_circuit *half, uint8_t *to, size_t size,
		    uint8_t *ret_flags);
void relay_took(struct vif_circuit *half);

/* relay_poke() - there may be credit for a half */
void relay_poke(struct vif_circuit *half);

/*
 * relay_half_ended() - tell the other half, and forget what was queued
 *
 * is_clean: in order, so that what the other half still has to send goes first.
 */
void relay_half_ended(struct vif_circuit *half, bool is_clean);

#endif
