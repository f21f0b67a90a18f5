/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames of a trunk and of its circuits (Z2), from a peer that has all keys.
 *
 * trunk_input.h says what a record of the input is. Whatever comes, credit adds
 * up, and nothing is left at the end.
 */
#include "tests/fuzz/trunk_input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct hostile h;
	static uint8_t record[HOSTILE_PLAIN + 64];
	struct input input = { data, size };

	stage_begin(&h, input_byte(&input));
	while (input.size > 0 && h.trunk->state != TRUNK_ENDED) {
		size_t len = input_seal(&h, &input, record);

		(void)vif_trunk_receive(h.trunk, record, len);
		check_trunk(h.trunk);
		hostile_run(&h);
		check_trunk(h.trunk);
	}
	check_end(&h);
	hostile_fini(&h);
	return 0;
}
