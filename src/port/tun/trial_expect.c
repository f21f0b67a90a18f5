/* SPDX-License-Identifier: Apache-2.0 */
/* What has to come out of a kernel for a packet that went in. */
#include "port/tun/trial_expect.h"

#include <assert.h>
#include <string.h>

#include "base/bits.h"
#include "packet/finish.h"
#include "wire/checksum.h"
#include "wire/inet.h"

const char *trial_fault_text(enum trial_fault fault)
{
	static const char *const texts[] = {
		[TRIAL_GOOD] = "all is well",
		[TRIAL_REFUSED] = "the kernel refused them",
		[TRIAL_LOST] = "some did not come out",
		[TRIAL_EXTRA] = "more came out than should",
		[TRIAL_STATE] = "they came out with other offload state",
		[TRIAL_CHANGED] = "they came out with other bytes",
	};

	static_assert(ARRAY_LEN(texts) == TRIAL_FAULT_N, "each has a text");
	return texts[fault];
}

void trial_expect_start(struct trial_expect *expect,
			const struct vif_packet *sent, enum trial_way way)
{
	int r = 0;

	assert(sent->n_seg == 1 && sent->csum == VIF_CSUM_PARTIAL);
	expect->sent = sent;
	expect->way = way;
	expect->fault = TRIAL_GOOD;
	expect->n_left = 1;
	if (way == TRIAL_WHOLE || sent->gso == VIF_GSO_NONE)
		return;
	r = cut_start(&expect->cut, sent, VIF_MEDIUM_IP, true);
	assert(r == 0); /* it is one of ours */
	expect->n_left = cut_count(&expect->cut);
}

/* Whether two IP headers are the same behind a router. */
static bool same_ip(const uint8_t *want, const uint8_t *came, size_t len)
{
	uint8_t ours[INET_IP6_LEN], theirs[INET_IP6_LEN];

	memcpy(ours, want, len);
	memcpy(theirs, came, len);
	if (len == INET_IP6_LEN) {
		theirs[INET_IP6_HOP_LIMIT] = ours[INET_IP6_HOP_LIMIT];
		return memcmp(ours, theirs, len) == 0;
	}
	if (checksum_fold(checksum_sum(theirs, len)) != 0xffff)
		return false;
	theirs[INET_IP4_TTL] = ours[INET_IP4_TTL];
	memcpy(theirs + INET_IP4_CSUM, ours + INET_IP4_CSUM, 2);
	return memcmp(ours, theirs, len) == 0;
}

bool trial_expect_same(const struct vif_packet *want,
		       const struct vif_packet *came)
{
	const uint8_t *at = came->seg[0].iov_base;
	const uint8_t *ip = want->seg[0].iov_base;
	size_t done = ip[0] >> 4 == 6 ? INET_IP6_LEN : INET_IP4_LEN;

	if (came->n_seg != 1 || came->len != want->len ||
	    !same_ip(ip, at, done))
		return false;
	at += done;
	for (uint16_t i = 0; i < want->n_seg; i++) {
		const uint8_t *piece = want->seg[i].iov_base;
		size_t len = want->seg[i].iov_len - done;

		if (memcmp(piece + done, at, len) != 0)
			return false;
		at += len;
		done = 0;
	}
	return true;
}

static bool same_state(const struct vif_packet *want,
		       const struct vif_packet *came)
{
	if (want->gso != came->gso || want->gso_size != came->gso_size ||
	    want->flags != came->flags)
		return false;
	/* Whether a finished one was checked on the way does not matter. */
	if (want->csum != VIF_CSUM_PARTIAL)
		return came->csum != VIF_CSUM_PARTIAL;
	return came->csum == VIF_CSUM_PARTIAL && want->l4_off == came->l4_off &&
	       want->csum_off == came->csum_off;
}

/*
 * The next packet that has to come. Lazily, because what a packet that came
 * claims decides: a kernel may finish more than it was asked to.
 */
static struct vif_packet next(struct trial_expect *expect,
			      const struct vif_packet *came, uint8_t *header,
			      struct iovec *seg, uint16_t n_seg)
{
	struct vif_packet want = *expect->sent;
	bool more = true;
	int r = 0;

	if (expect->sent->gso == VIF_GSO_NONE) {
		if (expect->way == TRIAL_CUT || came->csum != VIF_CSUM_PARTIAL)
			r = finish_copy(expect->sent, header, seg, &want);
	} else if (expect->way == TRIAL_CUT) {
		more = cut_next(&expect->cut, header, seg, n_seg, &want);
	}
	assert(r == 0 && more);
	return want;
}

void trial_expect_take(struct trial_expect *expect,
		       const struct vif_packet *came)
{
	uint8_t header[VIF_PACKET_HDR_MAX];
	struct iovec seg[2];
	struct vif_packet want;

	if (expect->fault != TRIAL_GOOD)
		return;
	if (expect->n_left == 0) {
		expect->fault = TRIAL_EXTRA;
		return;
	}
	expect->n_left--;
	want = next(expect, came, header, seg, ARRAY_LEN(seg));
	if (!same_state(&want, came))
		expect->fault = TRIAL_STATE;
	else if (!trial_expect_same(&want, came))
		expect->fault = TRIAL_CHANGED;
}

enum trial_fault trial_expect_end(const struct trial_expect *expect)
{
	if (expect->fault == TRIAL_GOOD && expect->n_left > 0)
		return TRIAL_LOST;
	return expect->fault;
}
