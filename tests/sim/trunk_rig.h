/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two trunks with model and account, for tests that say what happens.
 *
 *	struct rig *rig = rig_new();
 *	rig->config[SIM_DIALER].flow_window = 17;
 *	rig_start(rig);
 *	circuit = rig_dial(rig, SIM_DIALER, VIF_CIRCUIT_DERIVED);
 *	flow = rig_open(rig, circuit, SIM_DIALER);
 *	...
 *	rig_free(rig);
 *
 * The connection is wide and without delay, unless the test changes it. With
 * VIF_SIM_TELL in the environment every frame is told.
 */
#ifndef TESTS_SIM_TRUNK_RIG_H
#define TESTS_SIM_TRUNK_RIG_H

#include "tests/sim/trunk_program.h"

struct rig {
	struct sim_net net;
	struct wire wire;
	struct model model;
	struct vif_trunk_config config[SIM_SIDES];
	bool is_ready; /* rig_start() has come that far */
};

struct rig *rig_new(void);
void rig_free(struct rig *rig);

/* rig_make() - make the trunks; nothing has been sent yet */
void rig_make(struct rig *rig);

/* rig_start() - make the trunks, and run until both are ready */
void rig_start(struct rig *rig);

/* rig_settle() - until nothing moves at this time; events are taken */
void rig_settle(struct rig *rig);

/* rig_move() - the same, but events stay where they are */
void rig_move(struct rig *rig);

/* rig_wait() - let time pass, and do what is due then */
void rig_wait(struct rig *rig, uint64_t ns);

/* rig_wait_for() - let time pass until it holds; fails when it never does */
void rig_wait_for(struct rig *rig, bool (*holds)(const struct rig *rig));

/* rig_dial() - a circuit that both programs have */
struct model_circuit *rig_dial(struct rig *rig, enum sim_side side,
			       enum vif_circuit_mode mode);

/* rig_open() - a flow; the other side does not know of it yet */
struct model_flow *rig_open(struct rig *rig, struct model_circuit *circuit,
			    enum sim_side side);

/* rig_write() - write all of it, which has to be taken at once */
void rig_write(struct rig *rig, struct model_flow *flow, enum sim_side side,
	       size_t len);

/* rig_read_all() - read what is there; returns how much that was */
uint64_t rig_read_all(struct rig *rig, struct model_flow *flow,
		      enum sim_side side);

/* rig_wind_up() - let both programs finish, read all and come to rest */
void rig_wind_up(struct rig *rig);

/* rig_finish() - the same, then a drain, and nothing is left */
void rig_finish(struct rig *rig);

/* rig_trunk_reason(), rig_flow_reason() - of that side */
uint32_t rig_trunk_reason(const struct rig *rig, enum sim_side side);

#endif
