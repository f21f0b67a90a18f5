/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Gluing random bursts, cases G20, G21, G24 and G26 of the study this work
 * follows: whatever comes in, cutting what comes out gives it back bit for bit,
 * nothing of a flow is overtaken, and nothing is kept. Checksums are judged by a
 * naive sum.
 *
 * Every burst has a seed, which is printed when it fails:
 * unit_glue_random SEED repeats that one. VIF_TEST_SCALE=small does fewer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bits.h"
#include "packet/glue.h"
#include "tests/round_trip.h"
#include "tests/stream.h"

enum {
	BURSTS = 100000,
	BURSTS_SMALL = 10000,
	PIECES_MAX = 6, /* of a packet that comes in */
};

struct room {
	uint8_t byte[GLUE_BURST_MAX][STREAM_PACKET_MAX];
	uint8_t copy[GLUE_BURST_MAX][STREAM_PACKET_MAX];
	struct vif_batch *in;
	struct vif_batch *out;
	struct glue glue;
	struct round_trip trip;
	/* of all bursts */
	uint64_t n_in, n_out, n_reordered;
};

static uint64_t only_seed; /* 0: all */

/* Takes back the checksum of a packet, if it was right. */
static void unfinish(struct vif_packet *packet, uint8_t *ip)
{
	struct naive found;

	if (!naive_good(ip, packet->len) ||
	    !naive_find(ip, packet->len, &found))
		return;
	packet->csum = VIF_CSUM_PARTIAL;
	packet->l4_off = (uint16_t)found.l4_off;
	packet->csum_off = (uint16_t)naive_field(found.proto);
	put_be16(ip + found.l4_off + packet->csum_off,
		 naive_pseudo(ip, found.proto, packet->len - found.l4_off));
}

/* Takes the last packet apart, as long as there is room for pieces. */
static void take_apart(struct vif_batch *in, struct stream *stream)
{
	struct vif_packet *packet = &in->packet[in->n - 1];

	/* The others need a piece each. */
	while (in->n_seg + in->n_max - in->n < in->n_seg_max &&
	       packet->n_seg < PIECES_MAX) {
		struct iovec *seg = &packet->seg[packet->n_seg - 1];
		size_t len = seg->iov_len;
		size_t first = stream_below(stream, (uint32_t)len);

		/* The headers are in one piece, mostly. */
		if (packet->n_seg == 1 && !stream_one_in(stream, 8))
			first = CRAFT_HEADER_MAX;
		if (first == 0 || first >= len)
			return;
		seg[0].iov_len = first;
		seg[1] = (struct iovec){ (uint8_t *)seg->iov_base + first,
					 len - first };
		packet->n_seg++;
		in->n_seg++;
	}
}

static void make_burst(struct room *room, uint64_t seed)
{
	struct craft burst[GLUE_BURST_MAX];
	struct stream stream;
	uint32_t n;

	stream_start(&stream, seed, 0, ~0ull);
	n = stream_burst(&stream, burst, GLUE_BURST_MAX);
	vif_batch_clear(room->in);
	for (uint32_t i = 0; i < n; i++) {
		size_t len = craft_put(&burst[i], room->byte[i]);
		struct vif_packet *packet =
			vif_batch_add(room->in, room->byte[i], (uint32_t)len);

		assert_non_null(packet);
		/* Some were checked by whoever delivered them. */
		if (stream_one_in(&stream, 4) &&
		    naive_good_padded(room->byte[i], len))
			packet->csum = VIF_CSUM_VERIFIED;
		if (stream_one_in(&stream, 4))
			packet->flags = VIF_PACKET_HOSTILE;
		/* One flow of some bursts is from a sender on this machine. */
		if (seed % 2 && burst[i].port == 0)
			unfinish(packet, room->byte[i]);
		if (stream_one_in(&stream, 3))
			take_apart(room->in, &stream);
		memcpy(room->copy[i], room->byte[i], len);
	}
}

/* Pieces a destination takes, of many bursts with the same struct glue. */
static uint32_t seg_max(uint64_t seed)
{
	uint64_t run = seed / 1000;

	return run % 5 == 0 ? 2 + (uint32_t)(run / 5 % 20) : VIF_PACKET_SEG_MAX;
}

static void check_burst(struct room *room, uint64_t seed)
{
	const char *fault =
		round_trip(room->in, room->out, VIF_MEDIUM_IP, &room->trip);

	if (fault)
		fail_msg("seed %llu: %s", (unsigned long long)seed, fault);
	for (uint32_t i = 0; i < room->in->n; i++)
		if (memcmp(room->byte[i], room->copy[i],
			   room->in->packet[i].len) != 0)
			fail_msg("seed %llu: packet %u was changed",
				 (unsigned long long)seed, i);
	for (uint32_t i = 0; i < room->out->n; i++)
		assert_true(room->out->packet[i].gso == VIF_GSO_NONE ||
			    room->out->packet[i].n_seg <= seg_max(seed));
	for (uint32_t i = 0; i < room->in->n; i++)
		room->n_reordered += room->trip.order[i] != i;
}

static void run_burst(struct room *room, uint64_t seed)
{
	make_burst(room, seed);
	vif_batch_clear(room->out);
	if (room->glue.seg_max != seg_max(seed))
		glue_init(&room->glue, VIF_MEDIUM_IP, VIF_GSO_ALL,
			  seg_max(seed));
	(void)glue_burst(&room->glue, room->in, room->out);
	check_burst(room, seed);
	room->n_in += room->in->n;
	room->n_out += room->out->n;
}

static bool is_small(void)
{
	/* There is one thread. NOLINTNEXTLINE(concurrency-mt-unsafe) */
	const char *scale = getenv("VIF_TEST_SCALE");

	return scale && strcmp(scale, "small") == 0;
}

static void g20_g21_g24_g26_random(void **state)
{
	struct room *room = *state;
	uint64_t n = is_small() ? BURSTS_SMALL : BURSTS;

	if (only_seed) {
		run_burst(room, only_seed);
		return;
	}
	for (uint64_t seed = 1; seed <= n; seed++)
		run_burst(room, seed);
	print_message("%llu bursts: %llu packets became %llu, %llu changed "
		      "places with other flows\n",
		      (unsigned long long)n, (unsigned long long)room->n_in,
		      (unsigned long long)room->n_out,
		      (unsigned long long)room->n_reordered);
	/* Enough is glued, and enough is not, to have shown something. */
	assert_true(room->n_out > room->n_in / 8);
	assert_true(room->n_out < room->n_in * 3 / 4);
	assert_true(room->n_reordered > room->n_in / 10);
}

static int set_up(void **state)
{
	struct room *room = calloc(1, sizeof(*room));

	if (!room ||
	    vif_batch_new(GLUE_BURST_MAX, 3 * GLUE_BURST_MAX, &room->in) < 0 ||
	    vif_batch_new(GLUE_BURST_MAX, 2 * GLUE_BURST_MAX, &room->out) < 0)
		return -1;
	*state = room;
	return 0;
}

static int tear_down(void **state)
{
	struct room *room = *state;

	vif_batch_free(room->in);
	vif_batch_free(room->out);
	free(room);
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(g20_g21_g24_g26_random),
	};

	if (argc > 1)
		only_seed = strtoull(argv[1], NULL, 10);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
