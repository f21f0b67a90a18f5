/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What programs at both ends of a trunk may expect of it: a model of maps and
 * counters, beside the trunk, that shares no code with it.
 *
 * The content of a stream is a function of its seed and the position, and the
 * n-th packet of a lane one of its seed and n, so that nothing has to be kept to
 * know what must come. Each call of a program goes through here; its result is
 * compared with the model, and after each step so is everything that can be
 * seen from outside: counters of the trunks, and the account of the wire.
 *
 * An object of the model is the same for both ends, and has both handles.
 *
 * Where a relay is between two ends there are three models: one for each of the
 * trunks, with the circuits that end at the relay, and one for the circuits that
 * it passes on. The latter takes part in what the trunks of its ends have in
 * common: it is beside the model of each.
 */
#ifndef TESTS_SIM_TRUNK_MODEL_H
#define TESTS_SIM_TRUNK_MODEL_H

#include <vif/trunk_budget.h>

#include "tests/sim/trunk_net.h"
#include "tests/sim/trunk_passed.h"
#include "tests/sim/trunk_wire.h"

enum model_numbers {
	MODEL_CODES = 24,
	MODEL_CIRCUITS = 24,
	MODEL_FLOWS = 96,
	MODEL_PACKET_HEADER = 16,
	MODEL_LANE_WINDOW = 2 * (65575 + MODEL_PACKET_HEADER),
	MODEL_CHUNK = 65536, /* written or read at once, at most */
};

/* Reasons that an object may truthfully give for its end. */
struct model_codes {
	uint32_t code[MODEL_CODES];
	uint32_t n;
	bool any; /* there were too many to be kept */
};

/* One direction of a flow: what its writer has done, and its reader. */
struct model_stream {
	uint64_t seed;
	uint64_t written;   /* bytes that were taken, headers of packets too */
	uint64_t n_written; /* packets */
	bool finished, reset;
	uint64_t read;
	uint64_t n_read;
	bool promised; /* finished, before its writer closed in order */
	bool stopped;  /* by the reader, or let go */
	bool ended;    /* the reader knows: */
	bool clean;    /* after all bytes */
};

struct model_circuit;

struct model_flow {
	struct model_circuit *circuit;
	enum sim_side opener;
	uint32_t number; /* of the model */
	uint32_t id;     /* 0: not known yet */
	bool lane;
	bool early; /* opened before anybody knew how many there may be */
	bool was_let_go[SIM_SIDES];
	bool told; /* the other side has heard of it */
	struct vif_flow *handle[SIM_SIDES];
	bool readable[SIM_SIDES]; /* as far as events say */
	bool writable[SIM_SIDES];
	bool closed_event[SIM_SIDES];
	bool wound_up[SIM_SIDES]; /* its program has finished it for good */
	struct model_stream stream[SIM_SIDES]; /* by writer */
	struct model_codes codes;
};

struct model_circuit {
	struct model *model;
	enum sim_side opener;
	enum vif_circuit_mode mode;
	uint32_t number;
	uint32_t id;  /* 0: not known yet */
	bool told;    /* the other side has heard of it */
	bool is_lost; /* with a trunk on the other side of a relay */
	bool early;   /* dialled when the relay may have known no route */
	bool ready[SIM_SIDES];
	bool ended[SIM_SIDES]; /* the program was told */
	bool freed[SIM_SIDES];
	bool closed[SIM_SIDES]; /* by the program, in order or not: */
	bool aborted[SIM_SIDES];
	bool deaf[SIM_SIDES]; /* ever refused flows */
	struct vif_circuit *handle[SIM_SIDES];
	struct model_codes codes;    /* of its end */
	struct model_codes refusals; /* of flows in it */
};

struct model {
	struct sim_net *net; /* whose randomness it takes */
	struct wire *wire;
	struct sim_net *link[SIM_SIDES]; /* the connection of that side */
	unsigned int key[SIM_SIDES];     /* see sim_public_key() */
	/* Another one with circuits on the trunk of that side; or NULL. */
	struct model *beside[SIM_SIDES];
	/* Between its sides is a relay, which knows the way; or NULL. */
	const struct passed *passed;
	bool relay_ends;   /* it has closed or left a trunk */
	bool relay_drains; /* one */
	bool has_route;
	const struct vif_trunk_config *config; /* of both */
	/* That both trunks have; or NULL. */
	const struct vif_trunk_budget *budget;
	uint64_t budget_limit;
	struct model_circuit circuit[MODEL_CIRCUITS];
	uint32_t n_circuit;
	struct model_flow flow[MODEL_FLOWS];
	uint32_t n_flow;
	struct model_codes codes; /* of the trunk */
	bool ready[SIM_SIDES];    /* as events say */
	bool closed_event[SIM_SIDES];
	bool closed[SIM_SIDES]; /* by the program, in order or not: */
	bool aborted[SIM_SIDES];
	bool drained[SIM_SIDES];
	bool was_deaf[SIM_SIDES]; /* ever refused circuits */
	bool no_memory;           /* for another circuit, was said */
	bool limits_flows;        /* may say that there are too many */
	size_t packet_max;        /* bytes of a packet on a lane */
	uint32_t refuse_one_in;   /* circuits that come; 0: none */
	bool accepts_later;       /* circuits; the test does it */
	uint32_t next_code;
	uint64_t bytes_left; /* that may still be written in this run */
	/* how it went */
	uint64_t n_events;
	uint64_t n_clean, n_broken; /* ends of streams */
};

void model_init(struct model *model, struct sim_net *net, struct wire *wire,
		const struct vif_trunk_config config[SIM_SIDES]);

void model_codes_add(struct model_codes *codes, uint32_t code);
bool model_codes_has(const struct model_codes *codes, uint32_t code);

/* model_relay_lost() - the relay has let go of a trunk of these ends */
void model_relay_lost(struct model *model);

/* model_code() - one that was never used; both ends can be told apart by it */
uint32_t model_code(struct model *model);

/* Calls of a program, by the side it is on. Results are checked. */

void model_dial(struct model *model, enum sim_side side,
		enum vif_circuit_mode mode);
void model_open(struct model *model, struct model_circuit *circuit,
		enum sim_side side, bool lane);
/* Up to so many bytes, with or without copying; returns what was taken. */
uint64_t model_write(struct model *model, struct model_flow *flow,
		     enum sim_side side, size_t max, bool reserve);
/* One packet of up to so many bytes. */
bool model_send_packet(struct model *model, struct model_flow *flow,
		       enum sim_side side);
uint64_t model_read(struct model *model, struct model_flow *flow,
		    enum sim_side side, size_t max, bool peek);
bool model_receive_packet(struct model *model, struct model_flow *flow,
			  enum sim_side side);
void model_finish(struct model *model, struct model_flow *flow,
		  enum sim_side side);
void model_reset(struct model *model, struct model_flow *flow,
		 enum sim_side side);
void model_stop(struct model *model, struct model_flow *flow,
		enum sim_side side);
void model_let_go(struct model *model, struct model_flow *flow,
		  enum sim_side side);
void model_close_circuit(struct model *model, struct model_circuit *circuit,
			 enum sim_side side, bool abort);
void model_free_circuit(struct model *model, struct model_circuit *circuit,
			enum sim_side side);
void model_close_trunk(struct model *model, enum sim_side side, bool abort);
void model_drain(struct model *model, enum sim_side side);

/* model_events() - take all events of a side; whether there was any */
bool model_events(struct model *model, enum sim_side side);

/* model_learn_ids() - flows of a side may have got theirs by sending */
void model_learn_ids(struct model *model, enum sim_side side);

/* model_check() - whether everything that can be seen is as it must be */
void model_check(struct model *model);

/* model_check_rest() - the same for when nothing moves any more: C1 to C6 */
void model_check_rest(struct model *model);

/* What a flow is on the wire; NULL for not announced. */
struct wire_flow *model_wire_flow(const struct model *model,
				  const struct model_flow *flow);

/* Whether that is a reason this flow may give. */
bool model_flow_reason_is_true(const struct model *model,
			       const struct model_flow *flow, uint32_t reason);

/* Whether something has happened that may have ended it. */
bool model_circuit_may_end(const struct model *model,
			   const struct model_circuit *circuit);
bool model_trunk_may_end(const struct model *model);

/* Whether the relay may have known no way to the other end. */
bool model_may_lack_route(const struct model *model,
			  const struct model_circuit *circuit);

/* Whether somebody was refused for want of memory that trunks share. */
bool model_is_short(const struct model *model);

/* Whether a trunk had to end for want of memory; and whether for this reason. */
bool model_is_evicted(const struct model *model);
bool model_is_evicted_as(const struct model *model, uint32_t reason);

/* Whether the connection of either side was cut. */
bool model_is_cut(const struct model *model);

/* Whether the trunk of this side drains, as its other end wants. */
bool model_peer_drains(const struct model *model, enum sim_side side);

#endif
