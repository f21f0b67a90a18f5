/* SPDX-License-Identifier: Apache-2.0 */
/* How long a client waits before it tries again, with a clock made up. */
#include "tests/memif/ends.h"

enum retry_numbers { TRIES = 20, DEFAULT_MS = 3000 };

static const uint64_t ms = 1000000;

/* Returns the longest of the pauses of a client that nobody answers. */
static uint64_t longest_pause_ns(uint32_t retry_ms)
{
	struct end end = { .config.retry_ms = retry_ms };
	struct vif_memif_details details;
	uint64_t now_ns = 1, next_ns, longest_ns = 0;

	end_open_context(&end);
	end_open_socket(&end, place_path("nobody"));
	end_open(&end);
	for (uint64_t i = 1; i <= TRIES; i++) {
		vif_memif_service(end.memif, now_ns, &next_ns);
		vif_memif_details(end.interface, &details);
		assert_int_equal(details.failures, i);
		assert_true(next_ns > now_ns && next_ns != UINT64_MAX);
		if (next_ns - now_ns > longest_ns)
			longest_ns = next_ns - now_ns;
		now_ns = next_ns;
	}
	vif_memif_free(end.memif);
	return longest_ns;
}

/* By lot a pause is up to a half shorter, so that not all come at once. */
static void pauses_are_as_long_as_told(void **state)
{
	static const uint32_t told[] = { 1, 50, 99, 100, 101, 250, 60000 };

	(void)state;
	for (size_t i = 0; i < sizeof(told) / sizeof(told[0]); i++) {
		uint64_t longest_ns = longest_pause_ns(told[i]);

		assert_true(longest_ns <= told[i] * ms);
		assert_true(longest_ns >= told[i] * ms / 2);
	}
	assert_true(longest_pause_ns(0) <= DEFAULT_MS * ms);
	assert_true(longest_pause_ns(0) >= DEFAULT_MS * ms / 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(pauses_are_as_long_as_told,
						place_make, place_remove),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
