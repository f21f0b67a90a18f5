/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cutting, gluing and finishing as programs use them. What segments look like
 * is tested with cut.c and glue.c; here it is who owns which bytes, and what is
 * refused.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <vif/offload.h>

#include "base/bits.h"
#include "tests/frame.h"
#include "tests/pseudo.h"
#include "wire/inet.h"

enum {
	HEADERS = 40, /* IPv4 and TCP */
	MSS = 1000,
};

/* A packet over IPv4 in a block of just its size. */
struct made {
	uint8_t *byte;
	struct iovec seg;
	struct vif_packet packet;
};

static struct made make(const char *layers, uint8_t id)
{
	struct frame frame = frame_make(layers);
	struct made made = { .byte = frame_exact(&frame, frame.len) };
	bool is_tcp = strstr(layers, " tcp") != NULL;
	uint16_t csum_off = is_tcp ? INET_TCP_CSUM : INET_UDP_CSUM;

	put_be16(made.byte + 2, (uint16_t)frame.len);
	made.byte[5] = id;
	checksum_store(made.byte + 10,
		       (uint16_t)~checksum_fold(checksum_sum(made.byte, 20)));
	if (!is_tcp)
		put_be16(made.byte + 24, (uint16_t)(frame.len - 20));
	checksum_store(made.byte + 20 + csum_off,
		       pseudo(made.byte, made.byte[9], frame.len - 20));
	made.packet = (struct vif_packet){
		.len = (uint32_t)frame.len,
		.n_seg = 1,
		.l4_off = 20,
		.csum_off = csum_off,
		.csum = VIF_CSUM_PARTIAL,
	};
	return made;
}

/* The struct has moved since: its packet needs to know where its piece is. */
static struct vif_packet *settle(struct made *made)
{
	made->seg = (struct iovec){ made->byte, made->packet.len };
	made->packet.seg = &made->seg;
	return &made->packet;
}

static struct made make_super(void)
{
	struct made made = make("ip4 tcp data+2500", 1);

	made.packet.gso = VIF_GSO_TCP4;
	made.packet.gso_size = MSS;
	made.packet.hdr_len = HEADERS;
	return made;
}

static bool is_right(const struct vif_packet *packet)
{
	uint8_t byte[FRAME_SIZE] = { 0 };
	size_t len = 0;

	for (uint16_t i = 0; i < packet->n_seg; i++) {
		memcpy(byte + len, packet->seg[i].iov_base,
		       packet->seg[i].iov_len);
		len += packet->seg[i].iov_len;
	}
	return len == packet->len && get_be16(byte + 2) == len &&
	       checksum_fold((uint64_t)pseudo(byte, byte[9], len - 20) +
			     checksum_sum(byte + 20, len - 20)) == 0xffff;
}

static void segments_point_at_the_payload(void **state)
{
	struct made made = make_super();
	struct vif_packet *packet = settle(&made), segment;
	uint8_t before[FRAME_SIZE];
	struct vif_cut *cut;

	(void)state;
	memcpy(before, made.byte, packet->len);
	assert_int_equal(vif_cut_new(&cut), 0);
	for (int again = 0; again < 2; again++) {
		assert_int_equal(
			vif_cut_start(cut, packet, VIF_MEDIUM_IP, true), 0);
		assert_int_equal(vif_cut_count(cut), 3);
		for (size_t i = 0; i < 3; i++) {
			assert_int_equal(vif_cut_next(cut, NULL, &segment), 1);
			assert_int_equal(segment.len,
					 HEADERS + (i < 2 ? MSS : 500));
			assert_int_equal(segment.n_seg, 2);
			assert_ptr_equal(segment.seg[1].iov_base,
					 made.byte + HEADERS + i * MSS);
			assert_true(is_right(&segment));
		}
		assert_int_equal(vif_cut_next(cut, NULL, &segment), 0);
		assert_int_equal(vif_cut_count(cut), 3);
	}
	assert_memory_equal(made.byte, before, packet->len);
	vif_cut_free(cut);
	free(made.byte);
}

static void segments_live_in_rooms_of_the_caller(void **state)
{
	struct made made = make_super();
	struct vif_cut_room *room = calloc(3, sizeof(*room));
	struct vif_packet *packet = settle(&made), segment[3];
	struct vif_cut *cut;

	(void)state;
	assert_non_null(room);
	assert_int_equal(vif_cut_new(&cut), 0);
	assert_int_equal(vif_cut_start(cut, packet, VIF_MEDIUM_IP, true), 0);
	memset(made.byte, 'x', HEADERS); /* they have been copied */
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(vif_cut_next(cut, &room[i], &segment[i]), 1);
	vif_cut_free(cut);
	for (size_t i = 0; i < 3; i++) {
		assert_ptr_equal(segment[i].seg[0].iov_base, room[i].header);
		assert_true(is_right(&segment[i]));
	}
	free(room);
	free(made.byte);
}

static void cuts_in_place(void **state)
{
	struct made made = make_super();
	struct vif_packet *packet = settle(&made), segment;
	struct iovec two[2] = { { made.byte, 1500 }, { made.byte + 1500, 0 } };
	struct vif_cut *cut;
	size_t n = 0;

	(void)state;
	assert_int_equal(vif_cut_new(&cut), 0);
	assert_int_equal(vif_cut_start(cut, packet, VIF_MEDIUM_IP, true), 0);
	for (; vif_cut_next_in_place(cut, &segment) == 1; n++) {
		assert_int_equal(segment.n_seg, 1);
		assert_ptr_equal(segment.seg[0].iov_base, made.byte + n * MSS);
		assert_true(is_right(&segment));
	}
	assert_int_equal(n, 3);
	free(made.byte);

	made = make_super();
	packet = settle(&made);
	two[0].iov_base = made.byte;
	two[1] = (struct iovec){ made.byte + 1500, packet->len - 1500 };
	packet->seg = two;
	packet->n_seg = 2;
	assert_int_equal(vif_cut_start(cut, packet, VIF_MEDIUM_IP, true), 0);
	assert_int_equal(vif_cut_next_in_place(cut, &segment), -EINVAL);
	vif_cut_free(cut);
	free(made.byte);
}

static void plain_ones_are_their_own_segment(void **state)
{
	struct made made = make("ip4 udp data+333", 1);
	struct vif_packet *packet = settle(&made), segment;
	uint8_t before[FRAME_SIZE];
	struct vif_cut *cut;

	(void)state;
	memcpy(before, made.byte, packet->len);
	assert_int_equal(vif_cut_new(&cut), 0);
	assert_int_equal(vif_cut_start(cut, packet, VIF_MEDIUM_IP, false), 0);
	assert_int_equal(vif_cut_count(cut), 1);
	assert_int_equal(vif_cut_next(cut, NULL, &segment), 1);
	assert_memory_equal(&segment, packet, sizeof(segment));
	assert_int_equal(vif_cut_next(cut, NULL, &segment), 0);

	assert_int_equal(vif_cut_start(cut, packet, VIF_MEDIUM_IP, true), 0);
	assert_int_equal(vif_cut_next(cut, NULL, &segment), 1);
	assert_int_equal(segment.csum, VIF_CSUM_COMPLETE);
	assert_true(is_right(&segment));
	assert_memory_equal(made.byte, before, packet->len);
	assert_int_equal(vif_cut_next(cut, NULL, &segment), 0);

	assert_int_equal(vif_cut_start(cut, packet, VIF_MEDIUM_IP, true), 0);
	assert_int_equal(vif_cut_next_in_place(cut, &segment), 1);
	assert_ptr_equal(segment.seg[0].iov_base, made.byte);
	assert_true(is_right(&segment));
	assert_int_equal(vif_cut_next_in_place(cut, &segment), 0);
	vif_cut_free(cut);
	free(made.byte);
}

static void refused(struct vif_cut *cut, const struct vif_packet *packet,
		    enum vif_medium medium)
{
	struct vif_packet segment;

	assert_int_equal(vif_cut_start(cut, packet, medium, true), -EINVAL);
	assert_int_equal(vif_cut_count(cut), 0);
	assert_int_equal(vif_cut_next(cut, NULL, &segment), 0);
	assert_int_equal(vif_cut_next_in_place(cut, &segment), 0);
}

static void bad_ones_have_no_segments(void **state)
{
	struct made made = make_super();
	struct vif_packet *packet = settle(&made), segment;
	struct vif_cut *cut;

	(void)state;
	assert_int_equal(vif_cut_new(&cut), 0);
	assert_int_equal(vif_cut_count(cut), 0);
	assert_int_equal(vif_cut_next(cut, NULL, &segment), 0);
	refused(cut, packet, VIF_MEDIUM_ANY);
	packet->gso_size = 0;
	refused(cut, packet, VIF_MEDIUM_IP);
	packet->gso = VIF_GSO_NONE;
	packet->l4_off = UINT16_MAX;
	refused(cut, packet, VIF_MEDIUM_IP);
	packet->l4_off = VIF_PACKET_HDR_MAX - INET_TCP_CSUM - 1;
	refused(cut, packet, VIF_MEDIUM_IP);
	packet->l4_off--;
	assert_int_equal(vif_cut_start(cut, packet, VIF_MEDIUM_IP, true), 0);
	packet->n_seg = 0;
	refused(cut, packet, VIF_MEDIUM_IP);
	vif_cut_free(cut);
	vif_cut_free(NULL);
	free(made.byte);
}

/* Three datagrams of a flow, the last one shorter. */
static void fill(struct vif_batch *batch, struct made made[3])
{
	static const char *const layers[] = { "ip4 udp data+400",
					      "ip4 udp data+400",
					      "ip4 udp data+11" };

	for (uint8_t i = 0; i < 3; i++) {
		made[i] = make(layers[i], i);
		assert_int_equal(
			vif_packet_finish(settle(&made[i]), VIF_MEDIUM_IP), 0);
		assert_non_null(
			vif_batch_add(batch, made[i].byte, made[i].packet.len));
	}
}

static void glued_and_cut_is_what_it_was(void **state)
{
	struct vif_batch *in, *out;
	struct vif_packet segment;
	struct vif_glue *glue;
	struct vif_cut *cut;
	struct made made[3];
	uint32_t n = 0;

	(void)state;
	assert_int_equal(vif_batch_new(3, 3, &in), 0);
	assert_int_equal(vif_batch_new(3, 6, &out), 0);
	assert_int_equal(vif_glue_new(VIF_MEDIUM_IP, VIF_GSO_ALL, 64, &glue),
			 0);
	assert_int_equal(vif_cut_new(&cut), 0);
	fill(in, made);
	assert_int_equal(vif_glue_burst(glue, in, out), 1);
	assert_int_equal(out->packet[0].gso, VIF_GSO_UDP);
	assert_int_equal(
		vif_cut_start(cut, &out->packet[0], VIF_MEDIUM_IP, true), 0);
	for (; vif_cut_next(cut, NULL, &segment) == 1; n++) {
		assert_int_equal(segment.len, made[n].packet.len);
		assert_memory_equal(segment.seg[0].iov_base, made[n].byte, 28);
		assert_memory_equal(segment.seg[1].iov_base, made[n].byte + 28,
				    segment.len - 28);
	}
	assert_int_equal(n, 3);
	for (n = 0; n < 3; n++)
		free(made[n].byte);
	vif_cut_free(cut);
	vif_glue_free(glue);
	vif_batch_free(out);
	vif_batch_free(in);
}

static void glue_takes_what_it_has_room_for(void **state)
{
	struct vif_batch *in, *small, *out, *many;
	struct vif_glue *glue;
	struct made made[3];
	uint8_t byte = 0x45;

	(void)state;
	assert_int_equal(vif_glue_new(VIF_MEDIUM_ANY, 0, 64, &glue), -EINVAL);
	assert_int_equal(vif_glue_new(VIF_MEDIUM_IP, 0, 1, &glue), -EINVAL);
	assert_int_equal(vif_glue_new(VIF_MEDIUM_IP, 0, 65, &glue), -EINVAL);
	assert_int_equal(vif_glue_new(VIF_MEDIUM_IP, 1, 64, &glue), -EINVAL);
	assert_int_equal(vif_glue_new(VIF_MEDIUM_IP, VIF_GSO_TCP, 64, &glue),
			 0);
	assert_int_equal(vif_batch_new(3, 3, &in), 0);
	assert_int_equal(vif_batch_new(3, 5, &small), 0);
	assert_int_equal(vif_batch_new(65, 130, &out), 0);
	assert_int_equal(vif_batch_new(65, 65, &many), 0);
	fill(in, made);
	assert_int_equal(vif_glue_burst(glue, in, small), -EINVAL);
	assert_int_equal(vif_glue_burst(glue, in, in), -EINVAL);
	assert_int_equal(vif_glue_burst(glue, in, out), 3); /* no UDP */
	in->packet[1].n_seg = 0;
	assert_int_equal(vif_glue_burst(glue, in, out), -EINVAL);
	for (int i = 0; i < 65; i++)
		assert_non_null(vif_batch_add(many, &byte, 1));
	assert_int_equal(vif_glue_burst(glue, many, out), -EINVAL);
	many->n = 64;
	assert_int_equal(vif_glue_burst(glue, many, out), 64);
	many->n = 0;
	assert_int_equal(vif_glue_burst(glue, many, out), 0);
	for (int i = 0; i < 3; i++)
		free(made[i].byte);
	vif_batch_free(many);
	vif_batch_free(out);
	vif_batch_free(small);
	vif_batch_free(in);
	vif_glue_free(glue);
	vif_glue_free(NULL);
}

static void superpackets_cannot_be_finished(void **state)
{
	struct made made = make_super();
	struct vif_packet *packet = settle(&made);

	(void)state;
	assert_int_equal(vif_packet_finish(packet, VIF_MEDIUM_IP), -EINVAL);
	packet->gso = VIF_GSO_NONE;
	assert_int_equal(vif_packet_finish(packet, VIF_MEDIUM_ANY), -EINVAL);
	assert_int_equal(packet->csum, VIF_CSUM_PARTIAL);
	assert_int_equal(vif_packet_finish(packet, VIF_MEDIUM_IP), 0);
	assert_int_equal(packet->csum, VIF_CSUM_COMPLETE);
	assert_true(is_right(packet));
	free(made.byte);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(segments_point_at_the_payload),
		cmocka_unit_test(segments_live_in_rooms_of_the_caller),
		cmocka_unit_test(cuts_in_place),
		cmocka_unit_test(plain_ones_are_their_own_segment),
		cmocka_unit_test(bad_ones_have_no_segments),
		cmocka_unit_test(glued_and_cut_is_what_it_was),
		cmocka_unit_test(glue_takes_what_it_has_room_for),
		cmocka_unit_test(superpackets_cannot_be_finished),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
