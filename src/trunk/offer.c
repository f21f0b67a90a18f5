/* SPDX-License-Identifier: Apache-2.0 */
/* What a side of a trunk offers. */
#include "trunk/offer.h"

#include <assert.h>
#include <errno.h>

#include "base/bits.h"

/*
 * Best first: that is a dialer's list. IK takes two messages, but what a thief
 * of the accepter's key finds in a recording is who dialled; XK does not give
 * that away. XX comes last of those with identities, since anybody who asks
 * learns the accepter's.
 */
static const struct offer_pattern patterns[] = {
	{ HELLO_IK, "IK", NOISE_IK, 0, true, true, true },
	{ HELLO_XK, "XK", NOISE_XK, 0, true, true, false },
	{ HELLO_XX, "XX", NOISE_XX, 0, false, true, false },
	{ HELLO_NK, "NK", NOISE_NK, 0, true, false, false },
	{ HELLO_IKPSK2, "IKpsk2", NOISE_IK, 2, true, true, true },
	{ HELLO_XKPSK3, "XKpsk3", NOISE_XK, 3, true, true, false },
	{ HELLO_XXPSK3, "XXpsk3", NOISE_XX, 3, false, true, false },
};

static_assert(ARRAY_LEN(patterns) <= HELLO_PATTERNS_MAX, "all can be listed");

static bool is_dialed(const struct offer_pattern *pattern,
		      const struct offer *offer)
{
	return pattern->has_identity == offer->has_identity &&
	       (!pattern->needs_remote || offer->has_remote) &&
	       !(pattern->shows_early && offer->hide_identity);
}

static bool is_accepted(const struct offer_pattern *pattern,
			const struct offer *offer)
{
	return pattern->has_identity || offer->allow_anonymous;
}

static void add(struct hello_list *list, uint8_t item)
{
	list->item[list->n++] = item;
}

/* Who set a psk relies on it: there is no way around it, nor without it. */
static struct hello_list list_patterns(const struct offer *offer)
{
	struct hello_list list = { 0 };

	for (size_t i = 0; i < ARRAY_LEN(patterns); i++) {
		const struct offer_pattern *pattern = &patterns[i];

		if ((pattern->psk_place > 0) == offer->has_psk &&
		    (offer->is_dialer ? is_dialed(pattern, offer) :
					is_accepted(pattern, offer)))
			add(&list, pattern->number);
	}
	return list;
}

static bool makes_sense(const struct offer *offer)
{
	if (offer->is_dialer)
		return !offer->hide_identity ||
		       (offer->has_identity && offer->has_remote);
	/* Anybody may be anonymous: pins and secrets would be for nothing. */
	return offer->has_identity && !(offer->allow_anonymous &&
					(offer->has_remote || offer->has_psk));
}

int offer_lists(const struct offer *offer, struct hello_list *ret_suites,
		struct hello_list *ret_patterns)
{
	struct hello_list listed = list_patterns(offer);
	struct hello_list suites = { 0 };

	if (!makes_sense(offer) || listed.n == 0)
		return -EINVAL;
	if (offer->has_aes)
		add(&suites, HELLO_AESGCM);
	add(&suites, HELLO_CHACHAPOLY);
	*ret_suites = suites;
	*ret_patterns = listed;
	return 0;
}

const struct offer_pattern *offer_pattern(uint8_t number)
{
	for (size_t i = 0; i < ARRAY_LEN(patterns); i++)
		if (patterns[i].number == number)
			return &patterns[i];
	return NULL;
}

enum noise_cipher offer_cipher(uint8_t suite)
{
	assert(suite == HELLO_CHACHAPOLY || suite == HELLO_AESGCM);
	return suite == HELLO_AESGCM ? NOISE_AESGCM : NOISE_CHACHAPOLY;
}
