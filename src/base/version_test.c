/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the version. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <vif/version.h>

static void features_are_words(void **state)
{
	const char *features = vif_features();

	(void)state;
	assert_null(strstr(features, "  "));
	assert_true(features[0] != ' ');
}

static void text_agrees_with_the_numbers(void **state)
{
	char text[32];

	(void)state;
	(void)snprintf(text, sizeof(text), "%d.%d.%d", VIF_VERSION_MAJOR,
		       VIF_VERSION_MINOR, VIF_VERSION_PATCH);
	assert_string_equal(vif_version(), text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_agrees_with_the_numbers),
		cmocka_unit_test(features_are_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
