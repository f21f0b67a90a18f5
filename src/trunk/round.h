/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Deficit round robin: whose turn it is, fair by bytes.
 *
 * Members that have something to send stand in a ring. The first one may send
 * until its deficit is used up; each turn adds a quantum times its weight. What
 * is sent beyond it (a record is not split) is a debt for the next turn. A
 * member that has nothing to send leaves, and forgets its deficit but not its
 * debt: or one that always comes and goes would pay nothing.
 *
 * M. Shreedhar, G. Varghese: Efficient Fair Queuing using Deficit Round Robin,
 * 1995.
 */
#ifndef TRUNK_ROUND_H
#define TRUNK_ROUND_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"

struct round {
	struct list members;
	uint32_t quantum; /* bytes a turn, for a weight of VIF_WEIGHT_DEFAULT */
};

struct round_member {
	struct list link;
	int32_t deficit;
	uint16_t weight;
	bool has_turn; /* the quantum of this turn is in */
};

void round_init(struct round *round, uint32_t quantum);
void round_member_init(struct round_member *member, uint32_t weight);

/* round_join() - it has something to send; no matter if it stands there */
void round_join(struct round *round, struct round_member *member);

/* round_leave() - it has nothing; no matter if it does not stand there */
void round_leave(struct round_member *member);

/*
 * round_next() - whose turn it is
 *
 * Its deficit is above 0. NULL when there is nobody. Members with debts are
 * passed over, and pay.
 */
struct round_member *round_next(struct round *round);

/* round_is_alone() - whether nobody else has something to send */
bool round_is_alone(const struct round *round,
		    const struct round_member *member);

/* round_charge() - so many bytes were sent; ends the turn when that is all */
void round_charge(struct round *round, struct round_member *member,
		  uint32_t bytes);

#endif
