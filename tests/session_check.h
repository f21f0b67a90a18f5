/* SPDX-License-Identifier: Apache-2.0 */
/* What tests say about two sessions. Included after cmocka.h. */
#ifndef TESTS_SESSION_CHECK_H
#define TESTS_SESSION_CHECK_H

#include "tests/session_rig.h"

enum session_check_roles {
	DIALER = VIF_TRUNK_DIALER,
	ACCEPTER = VIF_TRUNK_ACCEPTER,
};

static inline const char *session_check_text(const struct session_rig *rig,
					     int role)
{
	const char *text;

	(void)session_reason(&rig->side[role].session, &text);
	assert_true(strlen(text) <= VIF_TRUNK_TEXT_MAX);
	return text;
}

/* Why each has failed; there is a text if and only if one has. */
static inline void session_check_reasons(const struct session_rig *rig,
					 enum vif_reason dialer,
					 enum vif_reason accepter)
{
	const enum vif_reason expected[] = { dialer, accepter };

	for (int i = 0; i < 2; i++) {
		const char *text = session_check_text(rig, i);

		print_message("%s: %s\n", i == DIALER ? "dialer" : "accepter",
			      text);
		assert_int_equal(session_rig_reason(rig, (unsigned int)i),
				 expected[i]);
		assert_int_equal(text[0] != '\0',
				 expected[i] != VIF_REASON_NONE);
	}
}

#endif
