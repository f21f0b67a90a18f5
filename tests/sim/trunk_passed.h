/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An account of what a relay passes on.
 *
 *	end DIALER === link DIALER === relay === link ACCEPTER === end ACCEPTER
 *
 * Each link has an account of its own, of a trunk like any other. What the ends
 * say to each other inside of that is in a third account. Here is how these hang
 * together, and what lies at the relay: handshakes and records have to leave it
 * as they came, in their order, each once, on the circuit that belongs to the
 * one they came on.
 *
 * On the link of an end the relay stands for the other end, so that who has sent
 * something is the same side on both links and between the ends.
 */
#ifndef TESTS_SIM_TRUNK_PASSED_H
#define TESTS_SIM_TRUNK_PASSED_H

#include "tests/sim/trunk_wire.h"

enum passed_numbers {
	PASSED_CIRCUITS = 24,
	PASSED_MESSAGE_MAX = 2048, /* of a handshake */
	PASSED_TAG_LEN = 16,
};

/* A sealed record at the relay. Its tag is not that of any other. */
struct passed_record {
	uint8_t tag[PASSED_TAG_LEN];
	uint32_t len;
	uint8_t flags;
};

/* Records that have come, and not gone yet. */
struct passed_queue {
	struct passed_record *record;
	uint32_t first, n, size;
	uint64_t bytes;
	uint64_t data_bytes; /* of these, in records with data */
};

struct passed_circuit {
	uint32_t id;                 /* between the ends */
	uint32_t link_id[SIM_SIDES]; /* on the link of each; 0: not yet */
	bool is_over;                /* the relay has said so, or heard it */
	/* the last of its handshake that an end has said */
	uint8_t message[PASSED_MESSAGE_MAX];
	size_t message_len;
	uint64_t message_value;
	struct passed_queue queue[SIM_SIDES]; /* by sender */
};

struct passed {
	struct wire *link[SIM_SIDES]; /* by the end that is on it */
	struct wire ends;
	const uint8_t *key; /* of the relay */
	struct passed_circuit circuit[PASSED_CIRCUITS];
	uint32_t n_circuit;
	uint64_t n_records; /* passed on */
};

/* passed_init() - for two accounts that are there already */
void passed_init(struct passed *passed, struct wire link[SIM_SIDES],
		 const uint8_t *key);
void passed_fini(struct passed *passed);

/* passed_of() - the circuit of which this one of a link is a part; or NULL */
struct passed_circuit *passed_of(const struct wire *wire,
				 const struct wire_circuit *circuit);

/* passed_id() - between the ends, by the id at one of them; 0: not known yet */
uint32_t passed_id(const struct passed *passed, enum sim_side end, uint32_t id);

/*
 * passed_opened() - OPEN to somebody behind the relay is being sent on a link
 *
 * By an end, or by the relay, who may say nothing else than the end has said.
 * Returns what to keep in wire_circuit.through.
 */
uint32_t passed_opened(struct wire *wire, const struct wire_frame *frame);

/* passed_message() - the rest of a handshake, at an end or the relay */
void passed_message(struct wire *wire, struct passed_circuit *circuit,
		    const struct wire_frame *frame);

/*
 * passed_shut() - the relay says on the link of that end that it is over
 *
 * In order only when nothing is left for that end.
 */
void passed_shut(struct passed_circuit *circuit, enum sim_side end,
		 uint32_t code);

/* passed_came(), passed_goes() - a record at the relay, sent by that side */
void passed_came(struct passed_circuit *circuit, enum sim_side sender,
		 uint8_t flags, const uint8_t *record, size_t len);
void passed_goes(struct passed *passed, struct passed_circuit *circuit,
		 enum sim_side sender, uint8_t flags, const uint8_t *record,
		 size_t len);

/*
 * passed_held() - bytes that lie at the relay
 *
 * Of what has come on the link of that end, with SIM_SIDES on both; data: in
 * records that are charged to the trunk. What lies there for circuits that are
 * ending may be forgotten already: the least, and the most.
 */
void passed_held(const struct passed *passed, enum sim_side from, bool data,
		 uint64_t *ret_min, uint64_t *ret_max);

/* passed_check() - what is granted, and what lies there, at any time */
void passed_check(const struct passed *passed);

#endif
