/* SPDX-License-Identifier: Apache-2.0 */
/* Prints what two trunks say to each other, for who looks into a run. */
#include "tests/sim/trunk_wire.h"

#include <inttypes.h>
#include <stdio.h>

void wire_tell(void *user, const struct wire_frame *frame)
{
	(void)user;
	printf("%14" PRIu64 " side %d %s circuit %u: type %u flags %u id %u "
	       "value %" PRIu64 ", %u bytes\n",
	       frame->now_ns, (int)frame->side,
	       frame->is_sealed ? "sends" : "gets", frame->circuit, frame->type,
	       frame->flags, frame->id, frame->value, frame->len);
}

void wire_tell_link(void *user, const struct wire_frame *frame)
{
	const struct wire *wire = user;

	printf("link %d ", (int)wire->end_side);
	wire_tell(NULL, frame);
}
