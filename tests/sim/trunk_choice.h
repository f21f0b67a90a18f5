/* SPDX-License-Identifier: Apache-2.0 */
/* What a seed chooses for a run of the simulator. */
#ifndef TESTS_SIM_TRUNK_CHOICE_H
#define TESTS_SIM_TRUNK_CHOICE_H

#include "tests/sim/trunk_program.h"

/* How large windows and what goes through them are. */
enum size { TINY, SMALL, LARGE, SIZES };

/* How a trunk ends before all is done; or does not. */
enum ending {
	END_DRAIN,
	END_DRAIN_BOTH,
	END_CLOSE,
	END_CLOSE_BOTH,
	END_ABORT,
	END_CUT,
	ENDINGS,
	END_NONE = ENDINGS,
};

/* choice_connection() - how wide, how slow, in which portions */
void choice_connection(struct sim_net *net);

/* choice_config() - of a trunk; remote: a key that a dialer may insist on */
void choice_config(struct sim_random *random, enum size size,
		   const uint8_t *remote, struct vif_trunk_config *config);

/* choice_habits() - of the programs of a model, and how much they may write */
void choice_habits(struct model *model, enum size size,
		   struct program_habits *habits);

/* choice_end() - end the trunk of a model in that way, now */
void choice_end(struct model *model, enum ending ending);

#endif
