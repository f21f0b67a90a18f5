/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An account of what two trunks say to each other, kept by somebody else.
 *
 * The functions that seal and open records are wrapped by the linker, so that
 * all plaintext passes here: what a side sends when it seals it, and what the
 * other gets when it has opened it. The frames are parsed again, by a parser
 * that shares nothing with that of the core, and every rule of docs/design/
 * trunk.md that can be seen from here is checked with each frame: limits, ids,
 * offsets, final sizes, order.
 */
#ifndef TESTS_SIM_TRUNK_WIRE_H
#define TESTS_SIM_TRUNK_WIRE_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/sim/trunk_net.h"

enum wire_numbers {
	WIRE_TYPES = 32,
	WIRE_HEAD = 40,
	WIRE_RECORD_MAX = 65536,
	WIRE_TRUNK_SLACK = 65536, /* above its window, for headers */
};

/* Frames, as in section 2. */
enum wire_type {
	WIRE_DATA = 1,
	WIRE_CREDIT = 2,
	WIRE_RESET = 3,
	WIRE_STOP = 4,
	WIRE_CLOSE = 5,
	WIRE_REKEY = 6,
	WIRE_PAD = 7,
	WIRE_TRUNK_READY = 16,
	WIRE_TRUNK_PING = 17,
	WIRE_TRUNK_PONG = 18,
	WIRE_TRUNK_LIMIT = 19,
	WIRE_TRUNK_OPEN = 20,
	WIRE_TRUNK_ACCEPT = 21,
	WIRE_TRUNK_CONFIRM = 22,
	WIRE_TRUNK_SHUT = 23,
	WIRE_TRUNK_REKEY = 24,
	WIRE_TRUNK_DRAIN = 25,
	WIRE_TRUNK_DRAINED = 26,
	WIRE_TRUNK_CLOSE = 27,
	WIRE_TRUNK_PAD = 28,
};

enum wire_data_flags {
	WIRE_OPEN = 1,
	WIRE_FIN = 2,
	WIRE_PACKET = 4,
};

/* One level of credit of one direction: totals. */
struct wire_level {
	uint64_t sent;       /* sealed by the sender */
	uint64_t received;   /* opened by the receiver */
	uint64_t limit_sent; /* told by the receiver */
	uint64_t limit_got;  /* known to the sender */
};

/* One direction of a flow; "got" is what has arrived at its other end. */
struct wire_stream {
	struct wire_level level;
	uint64_t final_size; /* with fin or reset */
	uint32_t reset_code;
	uint32_t stop_code;
	bool fin_sent, fin_got;
	bool reset_sent, reset_got;
	bool stop_sent, stop_got; /* by, and from, the receiver */
};

struct wire_flow {
	struct wire_stream stream[SIM_SIDES]; /* by sender */
	bool opened; /* as far as the other side knows */
	bool lane;
	uint8_t head[WIRE_HEAD]; /* of its opener's payload */
	uint8_t head_len;
};

/* Flows by opener, in the order of their ids. */
struct wire_flows {
	struct wire_flow *flow;
	uint32_t n; /* announced */
	uint32_t size;
};

struct wire_circuit {
	enum sim_side opener;
	enum vif_circuit_mode mode;
	uint64_t n_sealed[SIM_SIDES]; /* S5: number of the next record, by who
				       * seals it end to end; 0: of the first */
	bool open_got, accepted, accept_got, confirmed, confirm_got;
	bool close_sent[SIM_SIDES], close_got[SIM_SIDES]; /* by sender */
	bool shut_sent[SIM_SIDES], shut_got[SIM_SIDES];
	uint32_t flow_window[SIM_SIDES]; /* that a side grants */
	uint32_t flows_max[SIM_SIDES];
	struct wire_level payload[SIM_SIDES]; /* by sender */
	struct wire_level hop[SIM_SIDES];
	struct wire_flows flows[SIM_SIDES]; /* by opener */
	/* Which one of those that are passed on, from 1; 0: none of them. */
	uint32_t through;
};

/* A frame that is passing, for who wants to watch. */
struct wire_frame {
	enum sim_side side; /* that seals or opens it */
	bool is_sealed;     /* else opened */
	uint64_t n_record;  /* of its sender, from 0 */
	uint64_t now_ns;
	uint32_t circuit;
	uint8_t type;
	uint8_t flags;
	uint16_t len;
	uint32_t id;
	uint64_t value;
	const uint8_t *body;
};

struct passed;

struct wire {
	const struct sim_net *net;
	uint32_t record_max;
	uint32_t window[SIM_SIDES]; /* from the configurations */
	uint32_t circuit_window[SIM_SIDES];
	uint32_t first_flow_window[SIM_SIDES];
	uint32_t flows_max[SIM_SIDES];
	uint32_t hop_window[SIM_SIDES];
	struct wire_level trunk[SIM_SIDES]; /* by sender */
	bool ready_sent[SIM_SIDES];
	bool close_sent[SIM_SIDES], close_got[SIM_SIDES];
	bool drain_sent[SIM_SIDES], drained_sent[SIM_SIDES];
	uint64_t n_sealed[SIM_SIDES]; /* records */
	uint64_t n_opened[SIM_SIDES];
	uint64_t n_changes;                      /* grows with every frame */
	uint64_t n_frame[WIRE_TYPES];            /* sealed, by type */
	struct wire_circuit *circuit[SIM_SIDES]; /* by opener */
	uint32_t n_circuit[SIM_SIDES];
	uint32_t size_circuit[SIM_SIDES];
	/* the inner part of a record that is sealed twice, until the outer */
	uint8_t inner[WIRE_RECORD_MAX];
	size_t inner_len;
	uint8_t inner_flags;
	uint64_t inner_number;
	bool has_inner;
	uint32_t outer_circuit[SIM_SIDES]; /* being opened */
	bool swapped;                      /* see sim_net */
	bool lying; /* somebody forges frames, so do not judge any */
	/* Of the connection of an end with a relay; or NULL. */
	struct passed *passed;
	enum sim_side end_side;
	/* Sees each frame; may be NULL. */
	void (*watch)(void *user, const struct wire_frame *frame);
	/* May change a plaintext, not its length, before it is sealed; may be
	 * NULL. */
	void (*forge)(void *user, enum sim_side side, uint32_t circuit,
		      uint8_t *bytes, size_t len);
	void *user;
};

/* wire_init() - watch these two from now on; with their configurations */
void wire_init(struct wire *wire, const struct sim_net *net,
	       const struct vif_trunk_config config[SIM_SIDES]);
void wire_fini(struct wire *wire);

/* wire_switch() - of several accounts, the one to keep from now on */
void wire_switch(struct wire *wire);

/* wire_enter() - whose trunk seals and opens from now on */
void wire_enter(enum sim_side side);

/* wire_tell() - print a frame; to be set as watch */
void wire_tell(void *user, const struct wire_frame *frame);

/* wire_tell_link() - and on which link; user is the account */
void wire_tell_link(void *user, const struct wire_frame *frame);

/* wire_circuit_of() - NULL when it was never opened */
struct wire_circuit *wire_circuit_of(const struct wire *wire, uint32_t id);

/* wire_flow_of() - NULL when it was never announced */
struct wire_flow *wire_flow_of(const struct wire_circuit *circuit, uint32_t id);

/* wire_flow_opener() - by the parity of its id */
enum sim_side wire_flow_opener(const struct wire_circuit *circuit, uint32_t id);

#endif
