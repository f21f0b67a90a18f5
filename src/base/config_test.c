/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of taking over a config struct. */
#include "base/config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* What the library knows, and what a newer header might have. */
struct known {
	size_t size;
	uint64_t a;
	uint64_t b;
};

struct newer {
	struct known known;
	uint64_t c;
};

static void nothing_given_is_all_zero(void **state)
{
	struct known taken;

	(void)state;
	memset(&taken, 0xff, sizeof(taken));
	assert_int_equal(config_take(NULL, sizeof(taken), &taken, NULL), 0);
	assert_int_equal(taken.size, sizeof(taken));
	assert_int_equal(taken.a, 0);
	assert_int_equal(taken.b, 0);
}

static void same_size_is_copied(void **state)
{
	const struct known config = { sizeof(config), 1, 2 };
	struct known taken;

	(void)state;
	assert_int_equal(config_take(&config, sizeof(taken), &taken, NULL), 0);
	assert_memory_equal(&taken, &config, sizeof(taken));
}

static void older_header_leaves_the_rest_zero(void **state)
{
	/* The fields behind size are not the caller's to fill. */
	const struct known config = { offsetof(struct known, b), 1, 2 };
	const struct known bare = { sizeof(size_t), 1, 2 };
	struct known taken;

	(void)state;
	memset(&taken, 0xff, sizeof(taken));
	assert_int_equal(config_take(&config, sizeof(taken), &taken, NULL), 0);
	assert_int_equal(taken.size, sizeof(taken));
	assert_int_equal(taken.a, 1);
	assert_int_equal(taken.b, 0);
	assert_int_equal(config_take(&bare, sizeof(taken), &taken, NULL), 0);
	assert_int_equal(taken.a, 0);
}

static void newer_header_may_set_nothing_new(void **state)
{
	struct newer config = { { sizeof(config), 1, 2 }, 0 };
	struct known taken[2];
	struct vif_error error;

	(void)state;
	memset(taken, 0xff, sizeof(taken));
	assert_int_equal(config_take(&config, sizeof(taken[0]), taken, NULL),
			 0);
	assert_int_equal(taken[0].size, sizeof(taken[0]));
	assert_int_equal(taken[0].b, 2);
	assert_true(taken[1].size == SIZE_MAX); /* nothing written behind */
	for (size_t i = 0; i < sizeof(config.c); i++) {
		config.c = 0;
		((uint8_t *)&config.c)[i] = 1;
		assert_int_equal(
			config_take(&config, sizeof(taken[0]), taken, &error),
			-EINVAL);
		assert_int_equal(error.code, -EINVAL);
		assert_string_equal(error.what, "cannot use this config");
		assert_string_equal(error.why, "it sets fields this library is "
					       "too old for");
	}
}

static void size_must_be_set(void **state)
{
	struct known taken;
	struct vif_error error;

	(void)state;
	for (size_t size = 0; size < sizeof(size_t); size++) {
		const struct known config = { size, 1, 2 };

		assert_int_equal(
			config_take(&config, sizeof(taken), &taken, &error),
			-EINVAL);
		assert_string_equal(error.what, "cannot use this config");
		assert_string_equal(error.why, "its size is not set");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_given_is_all_zero),
		cmocka_unit_test(same_size_is_copied),
		cmocka_unit_test(older_header_leaves_the_rest_zero),
		cmocka_unit_test(newer_header_may_set_nothing_new),
		cmocka_unit_test(size_must_be_set),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
