/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes that came: to records, opened, to frames.
 *
 * A record that lies wholly in what the program passes is opened from there;
 * the rest is kept until it is whole. Only what is authentic is looked at, but
 * for the header of a record, of which every field is checked before a byte is
 * kept for it.
 */
#include "trunk/core.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "trunk/relay.h"

/* The longest body that may come now. */
static uint32_t body_max(const struct vif_trunk *trunk, uint8_t type)
{
	if (trunk->state == TRUNK_HANDSHAKE)
		return SESSION_READ_MAX;
	return trunk->record_max + RECORD_TAG_LEN +
	       (type == RECORD_SEALED ? RECORD_TAG_LEN : 0);
}

static bool is_of_this_time(const struct vif_trunk *trunk,
			    const struct record_header *header)
{
	bool is_clear = header->type == RECORD_HELLO ||
			header->type == RECORD_HANDSHAKE;
	bool has_circuit =
		header->type == RECORD_CIRCUIT || header->type == RECORD_SEALED;
	uint8_t flags = has_circuit ? RECORD_DATA : 0;

	if (trunk->state == TRUNK_HANDSHAKE)
		return is_clear; /* the session judges the rest */
	if (trunk->state == TRUNK_UNCONFIRMED)
		return header->type == RECORD_CONTROL && header->circuit == 0 &&
		       header->flags == 0;
	return (header->type == RECORD_CONTROL || has_circuit) &&
	       !(header->flags & ~flags) &&
	       has_circuit == (header->circuit != 0);
}

/* Whether a record with this header may come; ends the trunk if not. */
static bool judge_header(struct vif_trunk *trunk,
			 const struct record_header *header)
{
	uint32_t min = trunk->state == TRUNK_HANDSHAKE ? 0 : RECORD_TAG_LEN;

	if (!is_of_this_time(trunk, header))
		(void)trunk_end(trunk, VIF_REASON_PROTOCOL,
				trunk->state != TRUNK_HANDSHAKE,
				"a record of type %u came out of turn",
				header->type);
	else if (header->len < min ||
		 header->len > body_max(trunk, header->type))
		(void)trunk_end(trunk, VIF_REASON_PROTOCOL,
				trunk->state != TRUNK_HANDSHAKE,
				"a record came with %u bytes", header->len);
	else
		return true;
	return false;
}

static void receive_clear(struct vif_trunk *trunk,
			  const struct record_header *header,
			  const uint8_t *body)
{
	const char *text;

	if (session_read(trunk->session, header, body) < 0) {
		enum vif_reason reason = session_reason(trunk->session, &text);

		(void)trunk_end(trunk, reason, false, "%s", text);
		return;
	}
	trunk_session_moved(trunk);
}

bool frame_fits(const struct frame_form *form, const struct frame_header *frame)
{
	return !(frame->flags & ~form->flags) && frame->len >= form->len_min &&
	       frame->len <= form->len_max &&
	       (form->use & FRAME_HAS_ID || frame->id == 0) &&
	       (form->use & FRAME_HAS_VALUE || frame->value == 0);
}

bool frame_is_blank(const struct frame_header *frame, const uint8_t *body)
{
	/* The first is zero, and each is as the one before it. */
	return frame->len == 0 ||
	       (body[0] == 0 && memcmp(body, body + 1, frame->len - 1u) == 0);
}

/* A change of keys is all that its record says: what follows has the new key. */
static bool has_to_be_alone(const struct frame_header *frame, bool is_control)
{
	return frame->type == (is_control ? FRAME_TRUNK_REKEY : FRAME_REKEY);
}

/*
 * The frames of a record that was opened. Returns false when one is cut off, or
 * not alone, or when there is none.
 */
static bool walk(struct vif_trunk *trunk, struct vif_circuit *circuit,
		 uint32_t len, bool may_have_data)
{
	struct block *block = trunk->rx_block;
	uint32_t at = 0;

	while (at < len) {
		struct frame_header frame;

		if (len - at < FRAME_HEADER_LEN)
			return false;
		frame = frame_header_read(block->bytes + at);
		at += FRAME_HEADER_LEN;
		if (frame.len > len - at ||
		    (has_to_be_alone(&frame, !circuit) &&
		     len != FRAME_HEADER_LEN))
			return false;
		if (!circuit) {
			control_receive(trunk, &frame, block->bytes + at);
			if (trunk->state == TRUNK_ENDED)
				return true;
		} else if (!stream_receive(circuit, &frame, block, at,
					   may_have_data)) {
			return true;
		}
		at += frame.len;
	}
	return len > 0;
}

/* Removes the inner layer, in place. */
static bool open_inner(struct vif_circuit *circuit,
		       const struct record_header *header, uint32_t *len)
{
	struct vif_trunk *trunk = circuit->trunk;
	uint8_t aad[2] = { header->type, header->flags };
	uint8_t *bytes = trunk->rx_block->bytes;

	if (*len < RECORD_TAG_LEN || seal_is_worn(&circuit->rx_seal) ||
	    noise_key_open(&circuit->rx_seal.key, aad, sizeof(aad), bytes,
			   *len - RECORD_TAG_LEN, bytes) < 0) {
		circuit_fault(circuit, VIF_REASON_SEAL,
			      "a record did not open");
		return false;
	}
	*len -= RECORD_TAG_LEN;
	return true;
}

/* Counts a record of a sealed circuit at this hop. */
static bool charge_hop(struct vif_circuit *circuit, uint32_t len)
{
	if (credit_take(&circuit->hop_rx, len))
		return true;
	circuit_fault(circuit, VIF_REASON_CREDIT,
		      "more came than the hop allows");
	return false;
}

static void receive_circuit(struct vif_circuit *circuit,
			    const struct record_header *header, uint32_t len)
{
	struct vif_trunk *trunk = circuit->trunk;
	bool is_sealed = circuit->mode == VIF_CIRCUIT_SEALED;

	if ((header->type == RECORD_SEALED) != is_sealed ||
	    !circuit_receives(circuit)) {
		circuit_fault(circuit, VIF_REASON_PROTOCOL,
			      "a record came out of turn");
		return;
	}
	circuit->stats.rx_records++;
	if (is_sealed) {
		if (!charge_hop(circuit, len) ||
		    !open_inner(circuit, header, &len))
			return;
		window_hop(circuit);
	}
	if (!walk(trunk, circuit, len, header->flags & RECORD_DATA) &&
	    circuit->state != CIRCUIT_CLOSED)
		circuit_fault(circuit, VIF_REASON_PROTOCOL,
			      "the frames of a record make no sense");
}

/* A record that is somebody else's. */
static void receive_relayed(struct vif_circuit *half,
			    const struct record_header *header, uint32_t len)
{
	half->stats.rx_records++;
	if (header->type != RECORD_SEALED)
		circuit_fault(half, VIF_REASON_PROTOCOL,
			      "a record came that is not sealed");
	else if (charge_hop(half, len))
		relay_receive(half, header, len);
}

/* It may have crossed, but not without a frame. */
static void receive_late(struct vif_trunk *trunk,
			 const struct record_header *header, uint32_t len)
{
	uint32_t tag = header->type == RECORD_SEALED ? RECORD_TAG_LEN : 0;

	trunk->stats.late_frames++;
	if (len < FRAME_HEADER_LEN + tag &&
	    !bucket_take(&trunk->bucket.empties, trunk->now_ns, 1))
		(void)trunk_glitch(trunk);
}

/* A record of a circuit, its outer layer open. */
static void route(struct vif_trunk *trunk, const struct record_header *header,
		  uint32_t len)
{
	struct vif_circuit *circuit = circuit_find(trunk, header->circuit);

	if (header->flags & RECORD_DATA &&
	    !credit_take(&trunk->rx_credit, len)) {
		(void)trunk_end(trunk, VIF_REASON_CREDIT, true,
				"more came than was allowed");
		return;
	}
	if (!circuit && !control_was_circuit(trunk, header->circuit))
		(void)trunk_end(trunk, VIF_REASON_PROTOCOL, true,
				"a record came for a circuit that never was");
	else if (!circuit || circuit->state == CIRCUIT_CLOSED)
		receive_late(trunk, header, len);
	else if (circuit->state == CIRCUIT_RELAYED)
		receive_relayed(circuit, header, len);
	else
		receive_circuit(circuit, header, len);
	if (trunk->state != TRUNK_ENDED)
		window_trunk(trunk);
}

static void receive_sealed(struct vif_trunk *trunk, const uint8_t *record,
			   const struct record_header *header)
{
	uint32_t len = header->len - (uint32_t)RECORD_TAG_LEN;

	if (seal_is_worn(&trunk->rx_seal) ||
	    noise_key_open(&trunk->rx_seal.key, record, RECORD_HEADER_LEN,
			   record + RECORD_HEADER_LEN, len,
			   trunk->rx_block->bytes) < 0) {
		(void)trunk_end(trunk, VIF_REASON_SEAL, true,
				"a record did not open");
		return;
	}
	trunk->rx_seal.bytes += len;
	if (header->type != RECORD_CONTROL)
		route(trunk, header, len);
	else if (!walk(trunk, NULL, len, false))
		(void)trunk_end(trunk, VIF_REASON_PROTOCOL, true,
				"the frames of a record make no sense");
}

/* What a queue has taken a part of is its own now. */
static bool renew_block(struct vif_trunk *trunk)
{
	if (trunk->rx_block && trunk->rx_block->refs == 1)
		return true;
	block_put(&trunk->pool, trunk->rx_block);
	trunk->rx_block = block_get_large(&trunk->pool);
	return trunk->rx_block;
}

static void receive_record(struct vif_trunk *trunk, const uint8_t *record,
			   const struct record_header *header)
{
	trunk->stats.rx_records++;
	if (trunk->state == TRUNK_HANDSHAKE)
		receive_clear(trunk, header, record + RECORD_HEADER_LEN);
	else if (!renew_block(trunk))
		(void)trunk_end(trunk, VIF_REASON_MEMORY, true, "no memory");
	else
		receive_sealed(trunk, record, header);
	timer_record_came(trunk);
}

/* Bytes the record that begins here has; 0 while its header is not whole. */
static size_t record_size(struct vif_trunk *trunk, const uint8_t *bytes,
			  size_t len, struct record_header *ret_header)
{
	if (len < RECORD_HEADER_LEN)
		return 0;
	*ret_header = record_header_read(bytes);
	if (!judge_header(trunk, ret_header))
		return 0;
	return RECORD_HEADER_LEN + (size_t)ret_header->len;
}

/* Keeps bytes of a record until it has so many. Returns how many it took. */
static size_t keep(struct vif_trunk *trunk, const uint8_t *bytes, size_t len,
		   size_t want)
{
	size_t n = want - trunk->partial_len;

	if (want > trunk->partial_size) {
		uint8_t *grown = realloc(trunk->partial, want);

		if (!grown) {
			(void)trunk_end(trunk, VIF_REASON_MEMORY, true,
					"no memory");
			return len;
		}
		trunk->partial = grown;
		trunk->partial_size = want;
	}
	if (n > len)
		n = len;
	memcpy(trunk->partial + trunk->partial_len, bytes, n);
	trunk->partial_len += n;
	return n;
}

/* Goes on with a record that was cut. Returns how many bytes it took. */
static size_t go_on(struct vif_trunk *trunk, const uint8_t *bytes, size_t len)
{
	struct record_header header;
	size_t size, taken = 0;

	if (trunk->partial_len < RECORD_HEADER_LEN)
		taken = keep(trunk, bytes, len, RECORD_HEADER_LEN);
	size = record_size(trunk, trunk->partial, trunk->partial_len, &header);
	if (size == 0)
		return taken;
	taken += keep(trunk, bytes + taken, len - taken, size);
	if (trunk->state != TRUNK_ENDED && trunk->partial_len == size) {
		trunk->partial_len = 0;
		receive_record(trunk, trunk->partial, &header);
	}
	return taken;
}

int vif_trunk_receive(struct vif_trunk *trunk, const void *bytes, size_t len)
{
	const uint8_t *at = bytes;
	int r = trunk_check(trunk);

	if (r < 0)
		return r;
	trunk->stats.rx_bytes += len;
	if (len > 0)
		timer_sign_of_life(trunk);
	while (len > 0 && trunk->state != TRUNK_ENDED) {
		struct record_header header;
		size_t n = 0;

		if (trunk->partial_len == 0)
			n = record_size(trunk, at, len, &header);
		if (n > 0 && n <= len)
			receive_record(trunk, at, &header);
		else if (trunk->state != TRUNK_ENDED)
			n = go_on(trunk, at, len);
		if (trunk->state == TRUNK_ENDED)
			break;
		at += n;
		len -= n;
	}
	window_tell_use(trunk);
	circuit_reap(trunk);
	return trunk->state == TRUNK_ENDED ? -ECONNABORTED : 0;
}
