/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Gluing packets that come in several pieces, as those of a memif with small
 * buffers do. Cutting the output must give back the input, as always.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/bits.h"
#include "packet/glue.h"
#include "tests/craft.h"
#include "tests/round_trip.h"

enum glue_pieces_sizes {
	HEADERS = 40, /* IPv4 and TCP */
	PAYLOAD = 100,
	LEN = HEADERS + PAYLOAD,
	N = 5, /* packets of a flow */
};

struct bench {
	uint8_t byte[N][LEN];
	struct vif_batch *in;
	struct vif_batch *out;
	struct glue glue;
	struct round_trip trip;
};

/* The next packet of the flow: a first piece, and others of at most size. */
static void add(struct bench *bench, size_t first, size_t size)
{
	struct vif_batch *in = bench->in;
	uint32_t i = in->n;
	const struct craft craft = { .seq = PAYLOAD * i,
				     .id = (uint16_t)i,
				     .len = PAYLOAD };
	struct vif_packet *packet;

	assert_int_equal(craft_put(&craft, bench->byte[i]), LEN);
	packet = vif_batch_add(in, bench->byte[i], (uint32_t)first);
	assert_non_null(packet);
	packet->len = LEN;
	for (size_t at = first; at < LEN; at += size) {
		in->seg[in->n_seg++] =
			(struct iovec){ &bench->byte[i][at],
					LEN - at < size ? LEN - at : size };
		packet->n_seg++;
	}
}

static void add_row(struct bench *bench, size_t first, size_t size)
{
	vif_batch_clear(bench->in);
	for (uint32_t i = 0; i < N; i++)
		add(bench, first, size);
}

/* Returns how many packets come out. */
static uint32_t run(struct bench *bench)
{
	const char *fault;

	vif_batch_clear(bench->out);
	(void)glue_burst(&bench->glue, bench->in, bench->out);
	fault = round_trip(bench->in, bench->out, VIF_MEDIUM_IP, &bench->trip);
	if (fault)
		fail_msg("%s", fault);
	return bench->out->n;
}

/* Wherever pieces begin and end, and whoever can still change them. */
static void payload_may_be_anywhere(void **state)
{
	struct bench *bench = *state;

	for (size_t first = 1; first <= LEN; first++) {
		for (size_t size = 33; size <= 36; size++) {
			add_row(bench, first, size);
			if (first % 2)
				bench->in->packet[1].flags = VIF_PACKET_HOSTILE;
			/* Headers that are not in the first piece are none. */
			assert_int_equal(run(bench), first < HEADERS ? N : 1);
		}
	}
}

static void payload_is_not_copied(void **state)
{
	struct bench *bench = *state;
	const struct vif_packet *packet = &bench->out->packet[0];

	add_row(bench, HEADERS, PAYLOAD / 2);
	assert_int_equal(run(bench), 1);
	assert_int_equal(packet->n_seg, 1 + 2 * N);
	assert_int_equal(packet->len, HEADERS + N * PAYLOAD);
	assert_ptr_equal(packet->seg[4].iov_base,
			 &bench->byte[1][HEADERS + PAYLOAD / 2]);
	assert_int_equal(vif_packet_check(packet, VIF_MEDIUM_IP), 0);
}

/* Every piece is summed up, also those at odd places. */
static void damage_is_seen_in_every_piece(void **state)
{
	struct bench *bench = *state;

	for (size_t at = 0; at < PAYLOAD; at++) {
		add_row(bench, HEADERS + 3, 17);
		bench->byte[1][HEADERS + at] ^= 1;
		/* It passes alone, and seals the flow. */
		assert_int_equal(run(bench), 3);
	}
}

/* As many as the destination takes, and as there is room for. */
static void pieces_are_counted(void **state)
{
	static const struct {
		uint32_t seg_max, room;
		uint32_t n;     /* packets that come out */
		uint32_t first; /* of those that went in, in the first */
	} limits[] = {
		{ 64, 64, 1, 5 }, { 16, 64, 1, 5 }, { 15, 64, 2, 4 },
		{ 7, 64, 3, 2 },  { 6, 64, 5, 1 },  { 64, 16, 1, 5 },
		{ 64, 15, 2, 4 }, { 64, 13, 2, 4 }, { 64, 12, 3, 3 },
	};
	struct bench *bench = *state;
	uint32_t room = bench->out->n_seg_max;

	/* Three pieces of payload each. */
	add_row(bench, HEADERS + 20, 40);
	for (size_t i = 0; i < ARRAY_LEN(limits); i++) {
		glue_init(&bench->glue, VIF_MEDIUM_IP, VIF_GSO_ALL,
			  limits[i].seg_max);
		bench->out->n_seg_max = limits[i].room;
		assert_int_equal(run(bench), limits[i].n);
		assert_int_equal(bench->out->packet[0].len,
				 HEADERS + limits[i].first * PAYLOAD);
		assert_true(bench->out->n_seg <= limits[i].room);
		bench->out->n_seg_max = room;
	}
	glue_init(&bench->glue, VIF_MEDIUM_IP, VIF_GSO_ALL, VIF_PACKET_SEG_MAX);
}

static int set_up(void **state)
{
	struct bench *bench = calloc(1, sizeof(*bench));

	if (!bench || vif_batch_new(N, 16 * N, &bench->in) < 0 ||
	    vif_batch_new(N, 16 * N, &bench->out) < 0)
		return -1;
	glue_init(&bench->glue, VIF_MEDIUM_IP, VIF_GSO_ALL, VIF_PACKET_SEG_MAX);
	*state = bench;
	return 0;
}

static int tear_down(void **state)
{
	struct bench *bench = *state;

	vif_batch_free(bench->in);
	vif_batch_free(bench->out);
	free(bench);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(payload_may_be_anywhere),
		cmocka_unit_test(payload_is_not_copied),
		cmocka_unit_test(damage_is_seen_in_every_piece),
		cmocka_unit_test(pieces_are_counted),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
