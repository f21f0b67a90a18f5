/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of what the key offload= stands for. */
#include "port/offload_key.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/bits.h"

struct offload_case {
	const char *name;
	bool csum;
	uint32_t gso;
};

static void each_choice_has_its_meaning(void **state)
{
	static const struct offload_case cases[] = {
		[PORT_OFFLOAD_AUTO] = { "auto", true, VIF_GSO_ALL },
		[PORT_OFFLOAD_OFF] = { "off", false, 0 },
		[PORT_OFFLOAD_CSUM] = { "csum", true, 0 },
		[PORT_OFFLOAD_TSO] = { "tso", true, VIF_GSO_TCP },
		[PORT_OFFLOAD_TSO_USO] = { "tso+uso", true, VIF_GSO_ALL },
	};

	(void)state;
	assert_int_equal(ARRAY_LEN(port_offload_choices), ARRAY_LEN(cases) + 1);
	assert_null(port_offload_choices[ARRAY_LEN(cases)]);
	for (uint32_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_string_equal(port_offload_choices[i], cases[i].name);
		assert_int_equal(port_offload_csum(i), cases[i].csum);
		assert_int_equal(port_offload_gso(i), cases[i].gso);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_choice_has_its_meaning),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
