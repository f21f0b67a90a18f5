/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The same bytes in other pieces (Z10): whole, byte by byte, and cut anywhere.
 *
 * Three trunks that are alike get them; in the end they are alike, and have said
 * the same. trunk_input.h says what the bytes are.
 */
#include "tests/fuzz/trunk_input.h"

enum { TRUNKS = 3, STREAM_MAX = 1 << 20 };

static struct hostile trunk[TRUNKS];
static uint8_t stream[STREAM_MAX];
static uint8_t said[TRUNKS][1 << 20];

/* Sealed once, by the first peer: all three have the same keys. */
static size_t make_stream(struct input *input)
{
	size_t len = 0;

	while (input->size > 0 && len < STREAM_MAX - HOSTILE_PLAIN - 64)
		len += input_seal(&trunk[0], input, stream + len);
	return len;
}

static void give(int i, size_t len, struct input cuts)
{
	size_t at = 0;

	while (at < len) {
		size_t n = i == 0 ? len : i == 1 ? 1 : 1u + input_byte(&cuts);

		if (n > len - at)
			n = len - at;
		(void)vif_trunk_receive(trunk[i].trunk, stream + at, n);
		at += n;
	}
}

static size_t listen_to(int i)
{
	size_t len = 0;
	int64_t n;

	hostile_listen(&trunk[i]);
	while ((n = vif_trunk_send(trunk[i].trunk, said[i] + len,
				   sizeof(said[i]) - len)) > 0)
		len += (size_t)n;
	return len;
}

static void check_alike(const struct vif_trunk *a, const struct vif_trunk *b)
{
	const char *a_text, *b_text;

	require(vif_trunk_reason(a, &a_text) == vif_trunk_reason(b, &b_text));
	require(strcmp(a_text, b_text) == 0);
	require(a->state == b->state && a->rx_held == b->rx_held);
	require(a->n_flows == b->n_flows && a->n_circuits == b->n_circuits);
	require(a->stats.glitches == b->stats.glitches);
	require(a->stats.rx_records == b->stats.rx_records);
	require(a->stats.late_frames == b->stats.late_frames);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = { data, size };
	uint8_t flags = input_byte(&input);
	struct input cuts = input;
	size_t len, n[TRUNKS];

	for (int i = 0; i < TRUNKS; i++)
		stage_begin(&trunk[i], flags);
	len = make_stream(&input);
	for (int i = 0; i < TRUNKS; i++) {
		give(i, len, cuts);
		n[i] = listen_to(i);
		check_trunk(trunk[i].trunk);
		check_alike(trunk[0].trunk, trunk[i].trunk);
		require(n[i] == n[0] && memcmp(said[0], said[i], n[0]) == 0);
	}
	for (int i = 0; i < TRUNKS; i++)
		hostile_fini(&trunk[i]);
	return 0;
}
