/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Programs at both ends of a trunk that do whatever programs may do, at random,
 * and then bring everything to an end.
 */
#ifndef TESTS_SIM_TRUNK_PROGRAM_H
#define TESTS_SIM_TRUNK_PROGRAM_H

#include "tests/sim/trunk_model.h"

struct program_habits {
	uint32_t circuits_max; /* that are dialled, all together */
	uint32_t flows_max;    /* that are opened */
	size_t write_max;      /* bytes at once */
	size_t read_max;
	bool lanes;
	bool breaks; /* resets, stops, closes and lets go before the end */
	bool refuses;
};

/* program_act() - do one thing, on that side */
void program_act(struct model *model, enum sim_side side,
		 const struct program_habits *habits);

/*
 * program_wind_up() - finish, read to the end, start nothing new
 *
 * Only what events have told of is tried, so that one that is missing is
 * noticed. Returns whether anything was done.
 */
bool program_wind_up(struct model *model, enum sim_side side, size_t read_max);

/* program_flows_are_done() - all that could come has, or cannot any more */
bool program_flows_are_done(const struct model *model);

/* program_is_done() - whether everything has ended that was to be ended */
bool program_is_done(const struct model *model);

/* program_tell() - print what has not ended */
void program_tell(const struct model *model);

/* program_let_go() - of all flows and circuits that are left, on both sides */
void program_let_go(struct model *model);

#endif
