/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of hints: what other programs say is understood. */
#include "port/memif/hint.h"

#include <setjmp.h>
#include <stdarg.h>
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hints_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
