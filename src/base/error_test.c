/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of filling and printing errors. */
#include "base/error.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void nobody_asked(void **state)
{
	(void)state;
	assert_int_equal(error_set(NULL, -EINVAL, "%d", 1), -EINVAL);
	assert_int_equal(error_why(NULL, -EPERM, "%d", 1), -EPERM);
	assert_int_equal(error_hint(NULL, -ENOENT, "%d", 1), -ENOENT);
	assert_int_equal(error_where(NULL, -EBUSY, "x"), -EBUSY);
}

static void set_clears_the_rest(void **state)
{
	struct vif_error error;

	(void)state;
	memset(&error, 'x', sizeof(error));
	assert_int_equal(error_set(&error, -ENOENT, "no %s, %d", "cat", 3),
			 -ENOENT);
	assert_int_equal(error.code, -ENOENT);
	assert_string_equal(error.where, "");
	assert_string_equal(error.what, "no cat, 3");
	assert_string_equal(error.why, "No such file or directory");
	assert_string_equal(error.hint, "");
}

static void unknown_errno_has_a_text(void **state)
{
	struct vif_error error;

	(void)state;
	error_set(&error, -4321, "it");
	assert_int_equal(error.code, -4321);
	assert_string_not_equal(error.why, "");
}

static void fields_are_added(void **state)
{
	struct vif_error error;

	(void)state;
	error_set(&error, -EINVAL, "what");
	assert_int_equal(error_why(&error, -EINVAL, "why %d", 1), -EINVAL);
	assert_int_equal(error_hint(&error, -EINVAL, "hint %d", 2), -EINVAL);
	assert_int_equal(error.code, -EINVAL);
	assert_string_equal(error.what, "what");
	assert_string_equal(error.why, "why 1");
	assert_string_equal(error.hint, "hint 2");
}

static void innermost_where_wins(void **state)
{
	struct vif_error error;

	(void)state;
	error_set(&error, -EINVAL, "what");
	assert_int_equal(error_where(&error, -EINVAL, "inner"), -EINVAL);
	assert_int_equal(error_where(&error, -EINVAL, "outer"), -EINVAL);
	assert_string_equal(error.where, "inner");
}

static void long_texts_are_cut(void **state)
{
	struct vif_error error;
	char text[1000];

	(void)state;
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	error_set(&error, -EINVAL, "%s", text);
	error_why(&error, -EINVAL, "%s", text);
	error_hint(&error, -EINVAL, "%s", text);
	error_where(&error, -EINVAL, text);
	assert_int_equal(strlen(error.where), sizeof(error.where) - 1);
	assert_int_equal(strlen(error.what), sizeof(error.what) - 1);
	assert_int_equal(strlen(error.why), sizeof(error.why) - 1);
	assert_int_equal(strlen(error.hint), sizeof(error.hint) - 1);
}

struct text_case {
	const char *where;
	const char *why;
	const char *text;
};

static void line_has_no_empty_parts(void **state)
{
	static const struct text_case cases[] = {
		{ "tun:a", "because", "tun:a: it broke: because" },
		{ "", "because", "it broke: because" },
		{ "tun:a", "", "tun:a: it broke" },
		{ "", "", "it broke" },
	};
	struct vif_error error;
	char text[64];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		error_set(&error, -EINVAL, "it broke");
		error_why(&error, -EINVAL, "%s", cases[i].why);
		error_where(&error, -EINVAL, cases[i].where);
		assert_int_equal(vif_error_text(&error, text, sizeof(text)),
				 strlen(cases[i].text));
		assert_string_equal(text, cases[i].text);
	}
}

static void line_is_cut_to_the_buffer(void **state)
{
	struct vif_error error;
	char text[8] = "1234567";

	(void)state;
	error_set(&error, -EINVAL, "what");
	error_why(&error, -EINVAL, "why");
	assert_int_equal(vif_error_text(&error, text, 6), 9);
	assert_string_equal(text, "what:");
	assert_int_equal(text[6], '7'); /* not touched */
	assert_int_equal(vif_error_text(&error, text, 1), 9);
	assert_string_equal(text, "");
	assert_int_equal(vif_error_text(&error, NULL, 0), 9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_asked),
		cmocka_unit_test(set_clears_the_rest),
		cmocka_unit_test(unknown_errno_has_a_text),
		cmocka_unit_test(fields_are_added),
		cmocka_unit_test(innermost_where_wins),
		cmocka_unit_test(long_texts_are_cut),
		cmocka_unit_test(line_has_no_empty_parts),
		cmocka_unit_test(line_is_cut_to_the_buffer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
