/* SPDX-License-Identifier: Apache-2.0 */
/* What a trial finds in packets that a faked kernel delivers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bits.h"
#include "packet/copy.h"
#include "packet/finish.h"
#include "port/tun/trial_expect.h"
#include "port/tun/trial_packet.h"
#include "wire/checksum.h"
#include "wire/inet.h"

enum {
	NUMBER = 4711,
	N_MAX = 48, /* packets a superpacket is cut into */
	SUPER = 3,  /* index of a size with several segments, odd ones */
	LAST = 5,   /* segments of it, less 1 */
	PLAIN = 0,  /* index of the size that is no superpacket */
};

/* What was sent, and what comes out. */
struct fake {
	struct trial_packet sent;
	enum trial_way way;
	uint32_t n;
	struct {
		uint8_t *byte; /* malloc'ed, exactly as long as it is */
		struct iovec seg;
		struct vif_packet packet;
	} came[N_MAX];
};

static uint8_t *byte_of(struct fake *fake, uint32_t i, size_t off)
{
	assert_true(off < fake->came[i].packet.len);
	return fake->came[i].byte + off;
}

/* What a router does: the hop is counted, and summed up anew. */
static void hop(uint8_t *ip)
{
	if (ip[0] >> 4 == 6) {
		ip[7]--;
		return;
	}
	ip[8]--;
	memset(ip + 10, 0, 2);
	checksum_store(ip + 10, (uint16_t)~checksum_fold(
					checksum_sum(ip, INET_IP4_LEN)));
}

static void add(struct fake *fake, const struct vif_packet *packet)
{
	uint32_t i = fake->n++;

	assert_true(i < N_MAX);
	fake->came[i].byte = malloc(packet->len);
	assert_non_null(fake->came[i].byte);
	fake->came[i].packet =
		packet_copy(packet, fake->came[i].byte, &fake->came[i].seg);
	hop(fake->came[i].byte);
}

static void add_segments(struct fake *fake)
{
	uint8_t header[VIF_PACKET_HDR_MAX];
	struct vif_packet segment;
	struct iovec seg[2];
	struct cut cut;

	assert_int_equal(
		cut_start(&cut, &fake->sent.packet, VIF_MEDIUM_IP, true), 0);
	while (cut_next(&cut, header, seg, ARRAY_LEN(seg), &segment))
		add(fake, &segment);
}

static void add_finished(struct fake *fake)
{
	uint8_t header[VIF_PACKET_HDR_MAX];
	struct vif_packet finished;
	struct iovec seg[2];

	assert_int_equal(
		finish_copy(&fake->sent.packet, header, seg, &finished), 0);
	add(fake, &finished);
}

/* A kernel without fault. */
static struct fake *fake_new(enum trial_flow flow, size_t size,
			     enum trial_way way)
{
	struct fake *fake = calloc(1, sizeof(*fake));

	assert_non_null(fake);
	fake->way = way;
	trial_packet_make(&fake->sent, flow, &trial_sizes[size], NUMBER);
	if (way == TRIAL_WHOLE)
		add(fake, &fake->sent.packet);
	else if (fake->sent.packet.gso != VIF_GSO_NONE)
		add_segments(fake);
	else
		add_finished(fake);
	return fake;
}

static void fake_free(struct fake *fake)
{
	for (uint32_t i = 0; i < fake->n; i++)
		free(fake->came[i].byte);
	free(fake);
}

static enum trial_fault judge(struct fake *fake)
{
	struct trial_expect expect;

	trial_expect_start(&expect, &fake->sent.packet, fake->way);
	for (uint32_t i = 0; i < fake->n; i++) {
		assert_true(trial_packet_is_of_flow(&fake->sent,
						    &fake->came[i].packet));
		trial_expect_take(&expect, &fake->came[i].packet);
	}
	return trial_expect_end(&expect);
}

static void judge_and_free(struct fake *fake, enum trial_fault fault)
{
	assert_int_equal(judge(fake), fault);
	fake_free(fake);
}

/* Calls a test for every flow and size. */
static void for_each(void (*test)(enum trial_flow flow, size_t size))
{
	for (int flow = 0; flow < TRIAL_FLOW_N; flow++)
		for (size_t size = 0; size < TRIAL_SIZES_N; size++)
			test((enum trial_flow)flow, size);
}

static void packet_makes_sense(enum trial_flow flow, size_t size)
{
	static struct trial_packet packet, mark;

	trial_packet_make(&packet, flow, &trial_sizes[size], NUMBER);
	trial_packet_make_mark(&mark, flow, NUMBER);
	assert_int_equal(vif_packet_check(&packet.packet, VIF_MEDIUM_IP), 0);
	assert_int_equal(packet.packet.gso,
			 trial_gso(flow, &trial_sizes[size]));
	assert_int_equal(mark.packet.csum, VIF_CSUM_COMPLETE);
	assert_true(trial_packet_is_of_flow(&packet, &mark.packet));
	assert_false(trial_expect_same(&packet.packet, &mark.packet));
}

static void packets_make_sense(void **state)
{
	(void)state;
	for_each(packet_makes_sense);
}

static void other_flows_are_told_apart(void **state)
{
	static struct trial_packet packet, other;

	(void)state;
	trial_packet_make(&packet, TRIAL_TCP4, &trial_sizes[PLAIN], NUMBER);
	trial_packet_make(&other, TRIAL_TCP4, &trial_sizes[PLAIN], NUMBER + 1);
	assert_false(trial_packet_is_of_flow(&packet, &other.packet));
	trial_packet_make(&other, TRIAL_TCP6, &trial_sizes[PLAIN], NUMBER);
	assert_false(trial_packet_is_of_flow(&packet, &other.packet));
	/* Too short to have ports: nothing behind its end is looked at. */
	other.seg.iov_len = 20;
	other.packet.len = 20;
	other.byte[0] = 0x45;
	assert_false(trial_packet_is_of_flow(&packet, &other.packet));
}

static void good_for(enum trial_flow flow, size_t size)
{
	judge_and_free(fake_new(flow, size, TRIAL_WHOLE), TRIAL_GOOD);
	judge_and_free(fake_new(flow, size, TRIAL_CUT), TRIAL_GOOD);
}

static void good_kernel(void **state)
{
	(void)state;
	for_each(good_for);
}

/* Asked for unfinished checksums, a kernel may finish them all the same. */
static void finished_unasked(void **state)
{
	struct fake *fake = fake_new(TRIAL_TCP4, PLAIN, TRIAL_CUT);

	(void)state;
	fake->way = TRIAL_WHOLE;
	assert_int_equal(judge(fake), TRIAL_GOOD);
	*byte_of(fake, 0, INET_IP4_LEN + INET_TCP_CSUM) ^= 1;
	judge_and_free(fake, TRIAL_CHANGED);
}

static void verified_is_finished(void **state)
{
	struct fake *fake = fake_new(TRIAL_UDP6, SUPER, TRIAL_CUT);

	(void)state;
	fake->came[1].packet.csum = VIF_CSUM_VERIFIED;
	judge_and_free(fake, TRIAL_GOOD);
}

/* Each byte of a packet counts, but for the TTL. */
static void one_byte_changed(void **state)
{
	(void)state;
	for (int way = TRIAL_WHOLE; way <= TRIAL_CUT; way++) {
		struct fake *fake =
			fake_new(TRIAL_TCP4, SUPER, (enum trial_way)way);
		uint32_t last = fake->n - 1;
		size_t len = fake->came[last].packet.len;

		for (size_t i = 1; i < len; i++) {
			if (i >= 20 && i < 24)
				continue; /* ports: another flow */
			*byte_of(fake, last, i) ^= 0x40;
			assert_int_equal(judge(fake), TRIAL_CHANGED);
			*byte_of(fake, last, i) ^= 0x40;
		}
		judge_and_free(fake, TRIAL_GOOD);
	}
}

static void ttl_does_not_count(void **state)
{
	struct fake *fake = fake_new(TRIAL_TCP4, SUPER, TRIAL_CUT);

	(void)state;
	hop(fake->came[0].byte);
	judge_and_free(fake, TRIAL_GOOD);
	fake = fake_new(TRIAL_UDP6, SUPER, TRIAL_WHOLE);
	hop(fake->came[0].byte);
	assert_int_equal(judge(fake), TRIAL_GOOD);
	*byte_of(fake, 0, 6) ^= 1;
	judge_and_free(fake, TRIAL_CHANGED);
}

/* The checksum of a segment as the kernel would leave it, unfinished. */
static void wrong_checksum(void **state)
{
	(void)state;
	for (enum trial_flow flow = TRIAL_TCP4; flow < TRIAL_FLOW_N; flow++) {
		struct fake *fake = fake_new(flow, PLAIN, TRIAL_CUT);
		const struct vif_packet *sent = &fake->sent.packet;
		size_t off = (size_t)sent->l4_off + sent->csum_off;

		memcpy(byte_of(fake, 0, off), fake->sent.byte + off, 2);
		judge_and_free(fake, TRIAL_CHANGED);
	}
}

static void other_state(void **state)
{
	struct fake *fake = fake_new(TRIAL_TCP4, SUPER, TRIAL_WHOLE);
	struct vif_packet *came = &fake->came[0].packet;
	const struct vif_packet good = *came;

	(void)state;
	came->gso_size++;
	assert_int_equal(judge(fake), TRIAL_STATE);
	*came = good;
	came->gso = VIF_GSO_NONE;
	assert_int_equal(judge(fake), TRIAL_STATE);
	*came = good;
	came->flags = VIF_PACKET_ECN;
	assert_int_equal(judge(fake), TRIAL_STATE);
	*came = good;
	came->csum = VIF_CSUM_COMPLETE;
	assert_int_equal(judge(fake), TRIAL_STATE);
	*came = good;
	came->csum_off = INET_UDP_CSUM;
	assert_int_equal(judge(fake), TRIAL_STATE);
	*came = good;
	judge_and_free(fake, TRIAL_GOOD);
}

/* Nobody has asked for unfinished ones, or for superpackets. */
static void state_unasked(void **state)
{
	struct fake *fake = fake_new(TRIAL_UDP4, SUPER, TRIAL_CUT);

	(void)state;
	fake->came[LAST].packet.csum = VIF_CSUM_PARTIAL;
	judge_and_free(fake, TRIAL_STATE);
	fake = fake_new(TRIAL_UDP4, SUPER, TRIAL_WHOLE);
	fake->way = TRIAL_CUT;
	judge_and_free(fake, TRIAL_STATE);
}

static void cut_unasked(void **state)
{
	struct fake *fake = fake_new(TRIAL_TCP6, SUPER, TRIAL_CUT);

	(void)state;
	fake->way = TRIAL_WHOLE;
	judge_and_free(fake, TRIAL_STATE);
}

static void half_of_it(void **state)
{
	struct fake *fake = fake_new(TRIAL_TCP4, SUPER, TRIAL_WHOLE);

	(void)state;
	fake->came[0].packet.len /= 2;
	fake->came[0].seg.iov_len /= 2;
	judge_and_free(fake, TRIAL_CHANGED);
}

static void missing_segment(void **state)
{
	struct fake *fake = fake_new(TRIAL_TCP4, SUPER, TRIAL_CUT);

	(void)state;
	assert_int_equal(fake->n, LAST + 1);
	fake->n--;
	assert_int_equal(judge(fake), TRIAL_LOST);
	fake->n++;
	/* One in the middle, noticed by the one behind it. */
	free(fake->came[1].byte);
	for (uint32_t i = 1; i < LAST; i++) {
		fake->came[i] = fake->came[i + 1];
		fake->came[i].packet.seg = &fake->came[i].seg;
	}
	fake->n--;
	judge_and_free(fake, TRIAL_CHANGED);
}

static void lost_of(enum trial_flow flow, size_t size)
{
	struct fake *fake = fake_new(flow, size, TRIAL_WHOLE);
	uint32_t n = fake->n;

	fake->n = 0;
	assert_int_equal(judge(fake), TRIAL_LOST);
	fake->way = TRIAL_CUT;
	assert_int_equal(judge(fake), TRIAL_LOST);
	fake->n = n;
	fake_free(fake);
}

static void lost(void **state)
{
	(void)state;
	for_each(lost_of);
}

static void twice(void **state)
{
	struct fake *fake = fake_new(TRIAL_UDP4, SUPER, TRIAL_WHOLE);

	(void)state;
	add(fake, &fake->sent.packet);
	judge_and_free(fake, TRIAL_EXTRA);
}

static void faults_have_texts(void **state)
{
	(void)state;
	for (int fault = 0; fault < TRIAL_FAULT_N; fault++)
		assert_non_null(trial_fault_text((enum trial_fault)fault));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packets_make_sense),
		cmocka_unit_test(other_flows_are_told_apart),
		cmocka_unit_test(good_kernel),
		cmocka_unit_test(finished_unasked),
		cmocka_unit_test(verified_is_finished),
		cmocka_unit_test(one_byte_changed),
		cmocka_unit_test(ttl_does_not_count),
		cmocka_unit_test(wrong_checksum),
		cmocka_unit_test(other_state),
		cmocka_unit_test(state_unasked),
		cmocka_unit_test(cut_unasked),
		cmocka_unit_test(half_of_it),
		cmocka_unit_test(missing_segment),
		cmocka_unit_test(lost),
		cmocka_unit_test(twice),
		cmocka_unit_test(faults_have_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
