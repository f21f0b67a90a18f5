/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records of a peer that has the keys, as the input says.
 *
 * A record is: a byte for what it is, one for its flags, one for how many frames
 * it has, one that cuts off its end; then the frames. A frame is: type, flags,
 * number, a byte that says which value, one for its length, and the first bytes
 * of its body. Values that make sense are offered, or nothing deep would be
 * reached: the offset that is next, limits, and numbers at edges.
 */
#ifndef TESTS_FUZZ_TRUNK_INPUT_H
#define TESTS_FUZZ_TRUNK_INPUT_H

#include <errno.h>

#include "tests/fuzz/fuzz.h"
#include "tests/trunk_hostile_open.h"

struct input {
	const uint8_t *data;
	size_t size;
};

static inline uint8_t input_byte(struct input *input)
{
	if (input->size == 0)
		return 0;
	input->size--;
	return *input->data++;
}

static inline uint64_t input_u64(struct input *input)
{
	uint64_t value = 0;

	for (int i = 0; i < 8; i++)
		value = value << 8 | input_byte(input);
	return value;
}

/* Circuits of the stage: one with the trunk's keys, one with its own. */
enum { STAGE_DERIVED, STAGE_SEALED, STAGE_CIRCUITS };

static inline uint32_t stage_id(const struct hostile *h, int i)
{
	return hostile_first_id(h) + 2 * (uint32_t)i;
}

/*
 * How the two come to their keys: the upper five bits of the first byte. All
 * below these are XX, so that inputs from before there were others stay what
 * they were.
 */
enum stage_keys {
	STAGE_XX_PSK = 28,
	STAGE_IK_PSK,
	STAGE_XK_PSK,
	STAGE_IK,
};

/* The dialer, trunk or peer, knows the accepter, or hides itself. */
static inline void stage_keys(struct hostile *h, unsigned int keys)
{
	static uint8_t trunk_key[VIF_KEY_LEN];
	bool is_pinned = keys > STAGE_XX_PSK;
	bool is_hidden = keys == STAGE_XK_PSK;

	if (keys >= STAGE_XX_PSK && keys <= STAGE_XK_PSK)
		h->config.psk = h->peer_config.psk = session_rig_psk;
	if (!is_pinned)
		return;
	if (h->role == VIF_TRUNK_DIALER) {
		h->config.remote = h->pair.public_key;
		h->config.hide_identity = is_hidden;
	} else {
		require(vif_key_public(h->secret, trunk_key) == 0);
		h->peer_config.remote = trunk_key;
		h->peer_config.hide_identity = is_hidden;
	}
}

/* First byte of an input: role of the trunk, and whether circuits are there. */
static inline void stage_begin(struct hostile *h, uint8_t flags)
{
	hostile_init(h, flags & 1 ? VIF_TRUNK_DIALER : VIF_TRUNK_ACCEPTER);
	stage_keys(h, flags >> 3);
	h->config.window = 4 << 20;
	h->config.circuits_max = 4;
	h->config.flows_max = 8;
	h->config.trunk_flows_max = 12;
	h->config.backlog = 4;
	h->config.circuit_window = 65536;
	h->config.flow_window = 32768;
	h->config.only_chacha = true;
	h->keeps_quiet = flags & 2;
	hostile_start(h);
	require(vif_trunk_is_ready(h->trunk));
	if (flags & 4)
		return;
	hostile_open(h, stage_id(h, 0), VIF_CIRCUIT_DERIVED);
	hostile_open(h, stage_id(h, 1), VIF_CIRCUIT_SEALED);
}

static inline struct vif_flow *stage_flow(const struct hostile *h,
					  uint32_t circuit_id, uint32_t id)
{
	struct vif_circuit *circuit = circuit_find(h->trunk, circuit_id);
	struct id_node *node =
		circuit ? id_table_find(&circuit->flow_table, id) : NULL;

	return node ? container_of(node, struct vif_flow, node) : NULL;
}

static inline uint64_t input_value(struct hostile *h, struct input *input,
				   uint32_t circuit_id, uint32_t id)
{
	const struct vif_flow *flow = stage_flow(h, circuit_id, id);
	const struct vif_circuit *circuit = circuit_find(h->trunk, circuit_id);
	uint8_t which = input_byte(input);

	switch (which % 10) {
	case 1:
		return flow ? flow->rx_credit.received : 0;
	case 2:
		return flow ? flow->rx_credit.limit : 0;
	case 3:
		return flow ? flow->tx_credit.limit + input_byte(input) : 0;
	case 4:
		return circuit ? circuit->tx_credit.limit + input_byte(input) :
				 h->trunk->tx_credit.limit + input_byte(input);
	case 5:
		return hostile_hop(input_u64(input) & 0xffffff);
	case 6:
		return input_u64(input);
	case 7:
		return UINT64_MAX >> which / 10 % 4;
	case 8:
		return circuit ? circuit->rx_seal.n_key + 1 :
				 h->trunk->rx_seal.n_key + 1;
	default:
		return which / 10;
	}
}

static inline size_t input_len(struct input *input)
{
	uint8_t len = input_byte(input);

	return len < 250 ? len : 1000u << (len - 250) / 2;
}

static inline void input_frame(struct hostile *h, struct input *input,
			       uint32_t circuit_id)
{
	unsigned int type = input_byte(input), flags = input_byte(input);
	uint32_t id = input_byte(input);
	uint64_t value = input_value(h, input, circuit_id, id);
	size_t len = input_len(input);
	uint8_t *to;

	if (h->plain_len + FRAME_HEADER_LEN + len > HOSTILE_PLAIN - 64)
		return;
	to = hostile_frame_room(h, type, flags, id, value, len);
	memset(to, 0, len);
	for (size_t i = 0; i < len && i < 64 && input->size > 0; i++)
		to[i] = input_byte(input);
}

/* Fills the plaintext; returns the header as it is to be. */
static inline struct record_header input_record(struct hostile *h,
						struct input *input)
{
	uint8_t what = input_byte(input);
	struct record_header header = { .flags = input_byte(input) };
	unsigned int n = input_byte(input) % 8;
	uint8_t cut = input_byte(input);
	bool is_control = what % 4 == 0;

	header.circuit = is_control ? 0 : stage_id(h, what % 4 - 1);
	header.type = is_control    ? RECORD_CONTROL :
		      what % 4 == 2 ? RECORD_SEALED :
				      RECORD_CIRCUIT;
	if (what >= 0xc0) { /* anything */
		header.type = what & 7;
		header.circuit = input_byte(input);
	}
	for (unsigned int i = 0; i < n; i++)
		input_frame(h, input, header.circuit);
	if (cut < h->plain_len)
		h->plain_len -= cut;
	return header;
}

static inline bool input_is_openable(const struct hostile *h,
				     const struct record_header *header)
{
	return h->plain_len + 2 * RECORD_TAG_LEN <= RECORD_BODY_MAX &&
	       header->type == RECORD_SEALED;
}

/* A record, sealed as its type wants it. Returns its length. */
static inline size_t input_seal(struct hostile *h, struct input *input,
				uint8_t *to)
{
	struct record_header header = input_record(h, input);

	if (input_is_openable(h, &header) && hostile_sealed(h, header.circuit))
		hostile_seal_inner(h, header.flags, header.circuit);
	if (h->plain_len > RECORD_BODY_MAX - RECORD_TAG_LEN)
		h->plain_len = RECORD_BODY_MAX - RECORD_TAG_LEN;
	return hostile_seal(h, header.type, header.flags, header.circuit, to);
}

/* What has to be true whenever nobody is at work: I1, I2, I4, and sums. */

static inline void check_flow(const struct vif_flow *flow)
{
	require(flow->tx_credit.sent <= flow->tx_credit.limit);
	require(flow->rx_credit.received <= flow->rx_credit.limit);
	require(flow->rx.len <= flow->rx_credit.received);
	require(flow->packet_left <= flow->tx.len);
	require(flow->is_dead || !flow->rx_stopped || flow->rx.len == 0);
}

static inline void check_circuit(const struct vif_circuit *circuit)
{
	uint64_t rx = 0, tx = 0;
	uint32_t n_flow = 0;
	struct list *link, *after;

	list_foreach(&circuit->flows, link, after) {
		const struct vif_flow *flow =
			container_of(link, struct vif_flow, all);

		check_flow(flow);
		rx += flow->rx.len;
		tx += flow->tx.len;
		n_flow += !flow->has_left;
	}
	require(rx == circuit->rx_held && tx == circuit->tx_held);
	require(n_flow == circuit->n_local + circuit->n_remote);
	require(circuit->tx_credit.sent <= circuit->tx_credit.limit);
	require(circuit->rx_credit.received <= circuit->rx_credit.limit);
	require(circuit->hop_tx.sent <= circuit->hop_tx.limit);
	require(circuit->state == CIRCUIT_CLOSED ||
		circuit->rx_held <= circuit->rx_credit.window);
	require(circuit->n_remote <= circuit->trunk->config.flows_max);
}

static inline void check_trunk(const struct vif_trunk *trunk)
{
	uint64_t rx = 0, tx = 0, windows = 0;
	uint32_t n = 0;
	struct list *link, *after;

	list_foreach(&trunk->circuits, link, after) {
		const struct vif_circuit *circuit =
			container_of(link, struct vif_circuit, all);

		check_circuit(circuit);
		rx += circuit->rx_held + circuit->relay_data_held;
		tx += circuit->tx_held;
		windows += circuit->rx_credit.window;
		n += !circuit->has_left;
	}
	require(rx == trunk->rx_held && tx == trunk->tx_held);
	require(windows == trunk->windows);
	require(windows <= trunk->config.window);
	require(n == trunk->n_circuits);
	require(trunk->tx_credit.sent <= trunk->tx_credit.limit);
	require(trunk->rx_credit.received <= trunk->rx_credit.limit);
}

/* Who has ended says why, and has nothing to say any more. */
static inline void check_end(struct hostile *h)
{
	if (h->trunk->state != TRUNK_ENDED)
		return;
	require(vif_trunk_is_closed(h->trunk));
	require(h->n_event[VIF_TRUNK_CLOSED] == 1);
	require(vif_trunk_deadline(h->trunk) == UINT64_MAX);
	require(vif_trunk_receive(h->trunk, "x", 1) == -ECONNABORTED);
}

#endif
