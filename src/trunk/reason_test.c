/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of reasons: which texts of others are shown, and how ours are cut. */
#include "trunk/core.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void check(const char *text, size_t len, bool is_shown)
{
	uint8_t frame[4 + VIF_TRUNK_TEXT_MAX] = { 0, 0, 1, 44 };
	struct ending ending = { .is_set = true };

	memcpy(frame + 4, text, len);
	ending_get(&ending, frame, 4 + len);
	assert_true(ending.is_set);
	assert_int_equal(ending.reason, 300);
	assert_int_equal(strlen(ending.text), is_shown ? len : 0);
	assert_memory_equal(ending.text, text, is_shown ? len : 0);
}

static void test_texts_that_are_shown(void **state)
{
	static const char *const texts[] = {
		"",
		"plain, with \"quotes\" and \\",
		"gr\303\274\303\237e",      /* two bytes */
		"\xc2\xa0",                 /* the first behind the controls */
		"\xe2\x82\xac",             /* three */
		"\xf0\x9f\x94\x8c",         /* four */
		"\xf4\x8f\xbf\xbf",         /* the last there is */
		"\xed\x9f\xbf\xee\x80\x80", /* around the surrogates */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		check(texts[i], strlen(texts[i]), true);
}

static void test_texts_that_are_not(void **state)
{
	static const char *const texts[] = {
		"\x1b[31m",         /* escape */
		"line\n",           /* line feed */
		"\x7f",             /* delete */
		"\23331m",          /* a control character of eight bits */
		"\302\23331m",      /* the same in UTF-8 */
		"\xff",             /* no byte of UTF-8 */
		"\x80",             /* a middle alone */
		"\xc3",             /* cut off */
		"\xe2\x82",         /* cut off */
		"\342\202x",        /* and something else */
		"\xc0\xaf",         /* a slash, spelled too long */
		"\xe0\x80\xaf",     /* the same */
		"\xed\xa0\x80",     /* a surrogate */
		"\xf4\x90\x80\x80", /* beyond the last */
		"\xf8\x88\x80\x80\x80",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		check(texts[i], strlen(texts[i]), false);
	check("with\0nul", 8, false);
}

static void test_long_texts_are_cut_between_characters(void **state)
{
	char text[VIF_TRUNK_TEXT_MAX + 10];

	(void)state;
	for (size_t at = VIF_TRUNK_TEXT_MAX - 3; at <= VIF_TRUNK_TEXT_MAX;
	     at++) {
		struct ending ending = { 0 };
		size_t want =
			at + 3 <= VIF_TRUNK_TEXT_MAX ? VIF_TRUNK_TEXT_MAX : at;

		memset(text, 'x', sizeof(text));
		memcpy(text + at, "\xe2\x82\xac", 3);
		ending_set(&ending, 300, text, sizeof(text));
		assert_int_equal(strlen(ending.text), want);
		assert_memory_equal(ending.text, text, want);
	}
}

static void test_the_first_reason_stays(void **state)
{
	struct ending ending = { 0 };

	(void)state;
	ending_set(&ending, 1, "one", 3);
	ending_set(&ending, 2, "two", 3);
	assert_int_equal(ending.reason, 1);
	assert_string_equal(ending.text, "one");
}

static void test_names(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < VIF_REASON_N; i++)
		assert_true(strlen(vif_reason_name(i)) > 0);
	assert_string_equal(vif_reason_name(VIF_REASON_FLOOD), "flood");
	assert_string_equal(vif_reason_name(VIF_REASON_N), "unknown");
	assert_string_equal(vif_reason_name(VIF_REASON_PROGRAM - 1), "unknown");
	assert_string_equal(vif_reason_name(VIF_REASON_PROGRAM), "program");
	assert_string_equal(vif_reason_name(UINT32_MAX), "program");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_texts_that_are_shown),
		cmocka_unit_test(test_texts_that_are_not),
		cmocka_unit_test(test_long_texts_are_cut_between_characters),
		cmocka_unit_test(test_the_first_reason_stays),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
