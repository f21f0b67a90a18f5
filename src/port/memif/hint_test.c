/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of hints: what other programs say is understood. */
#include "port/memif/hint.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/bits.h"

struct hint_case {
	enum memif_role role;
	enum memif_down down;
	const char *reason;
	const char *word; /* in the hint; NULL: there is none */
};

static const struct hint_case cases[] = {
	/* vif */
	{ MEMIF_CLIENT, MEMIF_DOWN_PEER, "incorrect secret", "secret-file" },
	{ MEMIF_CLIENT, MEMIF_DOWN_PEER, "secret required", "secret-file" },
	{ MEMIF_CLIENT, MEMIF_DOWN_PEER, "there is no secret here", "none" },
	{ MEMIF_CLIENT, MEMIF_DOWN_PEER,
	  "too many incorrect secrets, try again later", "wait" },
	{ MEMIF_CLIENT, MEMIF_DOWN_PEER, "no interface with id 7", "id=" },
	{ MEMIF_CLIENT, MEMIF_DOWN_PEER,
	  "interface 3 is a client (slave) here, too", "role=server" },
	{ MEMIF_CLIENT, MEMIF_DOWN_PEER, "already connected", "another" },
	{ MEMIF_CLIENT, MEMIF_DOWN_PEER, "mode mismatch: ip, here ethernet",
	  "mode=" },
	{ MEMIF_CLIENT, MEMIF_DOWN_PEER,
	  "too many rings to the server, at most 2", "queues=" },
	{ MEMIF_CLIENT, MEMIF_DOWN_PEER, "this user may not connect here",
	  "allow" },
	/* VPP */
	{ MEMIF_CLIENT, MEMIF_DOWN_PEER, "unmatched interface id", "id=" },
	{ MEMIF_CLIENT, MEMIF_DOWN_PEER, "cannot connect to slave",
	  "role=server" },
	{ MEMIF_CLIENT, MEMIF_DOWN_PEER, "mode mismatch", "mode=" },
	/* libmemif */
	{ MEMIF_CLIENT, MEMIF_DOWN_PEER, "Already connected", "another" },
	{ MEMIF_CLIENT, MEMIF_DOWN_EOF,
	  "the peer closed without a reason after our ADD_REGION", "id=" },
	{ MEMIF_CLIENT, MEMIF_DOWN_EOF,
	  "the peer closed without a reason after our ADD_RING", "queues=" },
	/* DPDK */
	{ MEMIF_CLIENT, MEMIF_DOWN_PEER, "ID not found", "id=" },
	{ MEMIF_CLIENT, MEMIF_DOWN_PEER, "Only ethernet mode supported",
	  "mode=" },
	{ MEMIF_CLIENT, MEMIF_DOWN_PEER, "Incorrect secret", "secret-file" },
	{ MEMIF_CLIENT, MEMIF_DOWN_PEER, "Invalid ring index", "queues=" },
	/* gomemif */
	{ MEMIF_CLIENT, MEMIF_DOWN_PEER, "Invalid interface id", "id=" },
	{ MEMIF_CLIENT, MEMIF_DOWN_PEER, "Invalid secret", "secret-file" },
	/* ourselves */
	{ MEMIF_CLIENT, MEMIF_DOWN_TIMEOUT, "", "answer" },
	{ MEMIF_SERVER, MEMIF_DOWN_SECRET_WRONG, "", "secret-file" },
	{ MEMIF_SERVER, MEMIF_DOWN_MODE, "", "mode=" },
	{ MEMIF_SERVER, MEMIF_DOWN_BUSY, "", "id" },
	{ MEMIF_SERVER, MEMIF_DOWN_RING_COUNT, "", "queues=" },
	{ MEMIF_SERVER, MEMIF_DOWN_REGION_FILE,
	  "region is not sealed against shrinking", "unsealed=guard" },
	{ MEMIF_SERVER, MEMIF_DOWN_REGION_FILE,
	  "region is shorter than announced", NULL },
	/* nothing to say */
	{ MEMIF_CLIENT, MEMIF_DOWN_PEER, "interface deleted", NULL },
	{ MEMIF_CLIENT, MEMIF_DOWN_EOF, "the peer closed the connection",
	  NULL },
	{ MEMIF_CLIENT, MEMIF_DOWN_LOCAL, "incorrect secret", NULL },
	{ MEMIF_SERVER, MEMIF_DOWN_PEER, "incorrect secret", NULL },
};

static void hints_fit(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct hint_case *c = &cases[i];
		const char *hint = memif_hint(c->role, c->down, c->reason);

		print_message("%s: %s\n", c->reason, hint);
		if (c->word)
			assert_non_null(strstr(hint, c->word));
		else
			assert_string_equal(hint, "");
	}
}

struct data_case {
	enum memif_role role;
	const char *app;
	uint16_t offered; /* server: rings of each direction */
	uint16_t n_c2s, n_s2c;
	const char *words; /* NULL: there is no hint */
	bool resync;
};

#define CHAINS "packets longer than a buffer"

static const struct data_case data_cases[] = {
	/* As many as there were: it may have wanted more. */
	{ MEMIF_SERVER, "DPDK 22.11.11", 1, 1, 1, "--rxq=1 --txq=1 there" },
	{ MEMIF_SERVER, "DPDK 22.11.11", 4, 4, 2, "--rxq=2 --txq=4 there" },
	{ MEMIF_SERVER, "DPDK 22.11.11", 4, 1, 4, "4 to it and 1 from it" },
	{ MEMIF_SERVER, "DPDK 22.11.11", 2, 2, 2, "or when it sends " CHAINS },
	{ MEMIF_SERVER, "DPDK 22.11.11", 256, 256, 256, "resync=yes" },
	/* It could have had more, and has no other queues. */
	{ MEMIF_SERVER, "DPDK 22.11.11", 4, 3, 3,
	  "DPDK does this when it sends " CHAINS },
	{ MEMIF_SERVER, "DPDK 22.11.11", 4, 3, 3, "resync=yes" },
	/* What is on already is no advice. */
	{ MEMIF_SERVER, "DPDK 22.11.11", 2, 2, 2, "queues= here", true },
	{ MEMIF_SERVER, "DPDK 22.11.11", 4, 3, 3, "enlarge its buffers", true },
	/* A server does not say. */
	{ MEMIF_CLIENT, "DPDK 26.03", 0, 2, 1, "--rxq=2 --txq=1 there" },
	/* Nobody else is known to do it. */
	{ MEMIF_SERVER, "VPP 24.02", 1, 1, 1, NULL },
	{ MEMIF_CLIENT, "", 0, 1, 1, NULL },
};

static void a_broken_ring_is_explained(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(data_cases); i++) {
		const struct data_case *c = &data_cases[i];
		struct memif_handshake handshake = {
			.role = c->role,
			.hello.max_c2s_ring = (uint16_t)(c->offered - 1),
			.hello.max_s2c_ring = (uint16_t)(c->offered - 1),
			.geometry.n_ring = { [MEMIF_C2S] = c->n_c2s,
					     [MEMIF_S2C] = c->n_s2c },
		};
		char hint[240] = "?"; /* what a notice has room for */

		(void)snprintf(handshake.peer_app, sizeof(handshake.peer_app),
			       "%s", c->app);
		memif_hint_data(&handshake, c->resync, hint, sizeof(hint));
		print_message("%s, %u and %u: %s\n", c->app, c->n_c2s, c->n_s2c,
			      hint);
		assert_true(strlen(hint) < sizeof(hint) - 1);
		if (c->words)
			assert_non_null(strstr(hint, c->words));
		else
			assert_string_equal(hint, "");
		if (c->resync)
			assert_null(strstr(hint, "resync"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hints_fit),
		cmocka_unit_test(a_broken_ring_is_explained),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
