/* SPDX-License-Identifier: Apache-2.0 */
/* Deficit round robin: whose turn it is, fair by bytes. */
#include "trunk/round.h"

#include <assert.h>

#include <vif/trunk.h>

#include "base/bits.h"

enum round_limits {
	/* No debt is larger than this: a record, and then some. */
	ROUND_DEBT_MAX = 1 << 20,
};

void round_init(struct round *round, uint32_t quantum)
{
	assert(quantum > 0 && quantum <= ROUND_DEBT_MAX);
	list_init(&round->members);
	round->quantum = quantum;
}

void round_member_init(struct round_member *member, uint32_t weight)
{
	assert(weight > 0 && weight <= VIF_WEIGHT_MAX);
	list_init(&member->link);
	member->weight = (uint16_t)weight;
	member->deficit = 0;
	member->has_turn = false;
}

void round_join(struct round *round, struct round_member *member)
{
	list_want(&round->members, &member->link);
}

void round_leave(struct round_member *member)
{
	list_remove(&member->link);
	member->has_turn = false;
	if (member->deficit > 0)
		member->deficit = 0;
}

static int32_t quantum_of(const struct round *round,
			  const struct round_member *member)
{
	uint32_t bytes = round->quantum * member->weight / VIF_WEIGHT_DEFAULT;

	return bytes > 0 ? (int32_t)bytes : 1;
}

static void end_turn(struct round *round, struct round_member *member)
{
	list_remove(&member->link);
	list_append(&round->members, &member->link);
	member->has_turn = false;
}

bool round_is_alone(const struct round *round,
		    const struct round_member *member)
{
	return round->members.next == &member->link &&
	       round->members.prev == &member->link;
}

struct round_member *round_next(struct round *round)
{
	struct list *first;

	while ((first = list_first(&round->members))) {
		struct round_member *member =
			container_of(first, struct round_member, link);

		if (!member->has_turn) {
			member->deficit += quantum_of(round, member);
			member->has_turn = true;
		}
		if (member->deficit > 0)
			return member;
		end_turn(round, member);
	}
	return NULL;
}

void round_charge(struct round *round, struct round_member *member,
		  uint32_t bytes)
{
	assert(bytes <= ROUND_DEBT_MAX);
	member->deficit -= (int32_t)bytes;
	if (member->deficit < -ROUND_DEBT_MAX)
		member->deficit = -ROUND_DEBT_MAX;
	/* Who waits for its turn keeps its place. */
	if (member->deficit <= 0 && member->has_turn)
		end_turn(round, member);
}
