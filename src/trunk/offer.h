/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a side of a trunk offers in its HELLO, and what the numbers in there
 * mean. docs/design/trunk.md, section 3.
 */
#ifndef TRUNK_OFFER_H
#define TRUNK_OFFER_H

#include "trunk/hello.h"
#include "trunk/noise/noise.h"

struct offer_pattern {
	uint8_t number; /* enum hello_pattern */
	const char *name;
	enum noise_pattern noise;
	unsigned int psk_place; /* 0: it has no psk */
	bool needs_remote;      /* the dialer has to know the accepter's key */
	bool has_identity;      /* of the dialer */
	/* The dialer's identity is sent before the accepter has proven his. */
	bool shows_early;
};

/* What a side has, and wants. */
struct offer {
	bool is_dialer;
	bool has_identity;
	bool has_remote;
	bool has_psk;
	bool hide_identity;
	bool allow_anonymous;
	bool has_aes;
};

/*
 * offer_lists() - fill in what is offered
 *
 * Flags of the other role are ignored. Returns 0, or -EINVAL when what a side
 * has and what it wants do not go together.
 */
int offer_lists(const struct offer *offer, struct hello_list *ret_suites,
		struct hello_list *ret_patterns);

/* offer_pattern() - what a number means; NULL for one that nobody knows */
const struct offer_pattern *offer_pattern(uint8_t number);

/* offer_cipher() - of a suite that offer_lists() lists */
enum noise_cipher offer_cipher(uint8_t suite);

#endif
