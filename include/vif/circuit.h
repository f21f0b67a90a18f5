/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A circuit: a channel between two identities on a trunk.
 *
 * It may share the trunk's identities and keys, or have its own; then it can
 * lead through relays, which pass it on without being able to read it. What it
 * carries are flows, vif/flow.h.
 *
 * Threads: those of its trunk. In a child, after fork(), what sends, receives,
 * opens or ends something returns -EOWNERDEAD, if it returns anything.
 */
#ifndef VIF_CIRCUIT_H
#define VIF_CIRCUIT_H

#include <vif/trunk.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Whose identities and keys a circuit has. The values are the protocol's. */
enum vif_circuit_mode {
	VIF_CIRCUIT_DERIVED = 1, /* those of the trunk */
	VIF_CIRCUIT_BOUND = 2,   /* own identities, the trunk's keys */
	VIF_CIRCUIT_SEALED = 3,  /* its own, end to end */
};

enum vif_circuit_limits {
	VIF_CIRCUIT_IDENTITIES_MAX = 64, /* of a trunk, besides its own */
};

/**
 * struct vif_circuit_config - a circuit to be dialled
 *
 * Zero everywhere means default. Copied.
 */
struct vif_circuit_config {
	size_t size;                /* sizeof(struct vif_circuit_config) */
	enum vif_circuit_mode mode; /* 0: derived */
	const uint8_t *identity;    /* private key; NULL: the trunk's. Not in a
				     * derived circuit */
	const uint8_t *remote;      /* public key of the far end: needed through
				     * a relay; NULL: whoever is there */
	const char *service;        /* what is dialled there: UTF-8 without
				     * control characters; NULL: "" */
	uint32_t weight;            /* 1 to VIF_WEIGHT_MAX */
	enum vif_log_level log_level; /* 0: the trunk's */
	void *user;
};

struct vif_circuit_stats {
	uint64_t rx_payload;
	uint64_t tx_payload;
	uint64_t rx_records;
	uint64_t tx_records;
	uint64_t rekeys;
	uint64_t blocked_ns; /* with data waiting for the circuit's credit */
	uint64_t hop_blocked_ns; /* or for the next hop's */
	uint64_t rx_held;        /* received, not consumed. May shrink */
	uint64_t rx_window;      /* May shrink */
	uint32_t flows;          /* now */
};

/**
 * vif_circuit_dial() - open a circuit
 * @trunk:       borrowed.
 * @config:      borrowed; NULL for defaults.
 * @ret_circuit: the circuit; unchanged on failure.
 *
 * It can have flows at once. They are sent when VIF_CIRCUIT_READY comes. A
 * trunk that is not ready is waited for. How many circuits the other side takes
 * is known no sooner: those beyond, the ones dialled last, are then closed with
 * VIF_REASON_LIMIT. Of those that the other side has to answer 16 are sent at
 * once; the others wait, for which vif_trunk_wants_send() has to be asked.
 *
 * Return: 0; -EINVAL; -ENOKEY without an identity; -ESHUTDOWN on a trunk that
 * drains or closes; -ECONNABORTED on one that ended; -EAGAIN when the other
 * side takes no more now; -ENOBUFS when the trunk's window is all promised, or
 * the budget; -EOVERFLOW when its ids are used up; -EOWNERDEAD in a child;
 * -ENOMEM.
 * Context: the thread of the trunk; allocates.
 * Ownership: the caller's until vif_circuit_free() or vif_trunk_free().
 */
VIF_API int vif_circuit_dial(struct vif_trunk *trunk,
			     const struct vif_circuit_config *config,
			     struct vif_circuit **ret_circuit);

/**
 * vif_trunk_add_identity() - be somebody else as well
 * @trunk:       borrowed.
 * @private_key: borrowed; copied, and wiped with the trunk.
 *
 * Bound and sealed circuits that are dialled to its public key are accepted as
 * those to the trunk's own are, while the trunk listens; vif_circuit_local()
 * says which. Who dials has to name the key, and learns nothing of it before he
 * has proved to be somebody authorize takes: until then he gets
 * VIF_REASON_NO_ROUTE, as for a key that is not here. An identity stays as long
 * as the trunk.
 *
 * Return: 0; -EEXIST when the trunk has it; -EDQUOT beyond
 * VIF_CIRCUIT_IDENTITIES_MAX; -ECONNABORTED; -EOWNERDEAD; -ENOMEM.
 * Context: the thread of the trunk; allocates.
 */
VIF_API int vif_trunk_add_identity(struct vif_trunk *trunk,
				   const uint8_t private_key[VIF_KEY_LEN]);

/**
 * vif_circuit_accept() - take a circuit that was told of
 * @circuit: borrowed.
 *
 * Its flows are told of from now on. To refuse it, close it.
 *
 * One that has ended meanwhile, but brought flows, can be taken all the same:
 * they are told of, what came on them can be read, and VIF_CIRCUIT_CLOSED comes
 * behind all that. Nothing can be sent on it. Whoever does not want them frees
 * it.
 *
 * Return: 0; -EALREADY for one that is accepted or was dialled; -ECONNABORTED
 * when this side has refused it, or it has ended and has no flows.
 * Context: the thread of the trunk.
 */
VIF_API int vif_circuit_accept(struct vif_circuit *circuit);

/**
 * vif_circuit_listen() - accept flows, or stop doing so
 * @circuit: borrowed.
 * @on:      at first a circuit does.
 *
 * Flows that come while it is off are refused, in a way that is safe to repeat.
 *
 * Return: 0; -EALREADY; -ECONNABORTED.
 * Context: the thread of the trunk.
 */
VIF_API int vif_circuit_listen(struct vif_circuit *circuit, bool on);

/**
 * vif_circuit_close() - end after what was written
 * @circuit: borrowed.
 * @code:    0, or VIF_REASON_PROGRAM and above.
 * @text:    for the other side; NULL for none.
 *
 * Flows that are not finished are. What has come can still be read.
 *
 * Return: 0; -EINVAL for a code of the protocol; -EALREADY; -ECONNABORTED.
 * Context: the thread of the trunk.
 */
VIF_API int vif_circuit_close(struct vif_circuit *circuit, uint32_t code,
			      const char *text);

/**
 * vif_circuit_abort() - end now
 * @circuit: borrowed.
 * @code:    as for vif_circuit_close().
 * @text:    as for vif_circuit_close().
 *
 * What was not sent is lost.
 *
 * Context: the thread of the trunk.
 */
VIF_API void vif_circuit_abort(struct vif_circuit *circuit, uint32_t code,
			       const char *text);

/**
 * vif_circuit_free() - let go of a circuit
 * @circuit: taken; NULL is allowed. One that is open is aborted.
 *
 * Its flows stay the program's, and have ended.
 *
 * Context: the thread of the trunk.
 */
VIF_API void vif_circuit_free(struct vif_circuit *circuit);

/**
 * vif_circuit_set_weight() - set its share of the trunk
 * @circuit: borrowed.
 * @weight:  1 to VIF_WEIGHT_MAX; from the next turn on.
 *
 * Return: 0; -EINVAL.
 * Context: the thread of the trunk.
 */
VIF_API int vif_circuit_set_weight(struct vif_circuit *circuit,
				   uint32_t weight);

/**
 * vif_circuit_set_log_level() - set what is logged of it
 * @circuit: borrowed.
 * @level:   of this circuit, and of its flows: those it has and those to come.
 *
 * Context: the thread of the trunk.
 */
VIF_API void vif_circuit_set_log_level(struct vif_circuit *circuit,
				       enum vif_log_level level);

/**
 * vif_circuit_local() - who this end is
 * @circuit: borrowed.
 *
 * Return: the public key, which lives as long as the circuit: of the trunk, of
 * the identity it was dialled with, or that was dialled; NULL for none.
 * Context: the thread of the trunk.
 */
VIF_API const uint8_t *vif_circuit_local(const struct vif_circuit *circuit);

/**
 * vif_circuit_remote() - who the far end is
 * @circuit: borrowed.
 *
 * Return: its public key, which lives as long as the circuit; NULL for none, or
 * not known yet.
 * Context: the thread of the trunk.
 */
VIF_API const uint8_t *vif_circuit_remote(const struct vif_circuit *circuit);

/**
 * vif_circuit_service() - what was dialled
 * @circuit: borrowed.
 *
 * Return: text that lives as long as the circuit.
 * Context: the thread of the trunk.
 */
VIF_API const char *vif_circuit_service(const struct vif_circuit *circuit);

/**
 * vif_circuit_mode() - whose identities and keys it has
 * @circuit: borrowed.
 *
 * Return: the mode.
 * Context: the thread of the trunk.
 */
VIF_API enum vif_circuit_mode
vif_circuit_mode(const struct vif_circuit *circuit);

/**
 * vif_circuit_id() - its number on the trunk
 * @circuit: borrowed.
 *
 * Return: the number; 0 before it has one.
 * Context: the thread of the trunk.
 */
VIF_API uint32_t vif_circuit_id(const struct vif_circuit *circuit);

/**
 * vif_circuit_reason() - why it ended
 * @circuit:  borrowed.
 * @ret_text: in words, "" for none; lives as long as the circuit; may be NULL.
 *
 * Return: see vif_trunk_reason().
 * Context: the thread of the trunk.
 */
VIF_API uint32_t vif_circuit_reason(const struct vif_circuit *circuit,
				    const char **ret_text);

/**
 * vif_circuit_export() - a secret that both ends can derive
 * @circuit:     borrowed.
 * @label:       what it is for.
 * @context:     of any content; may be NULL with 0.
 * @context_len: bytes of @context.
 * @ret_key:     the secret; unchanged on failure.
 *
 * Return: 0; -ENOTCONN when there are no keys; -ENOMEM.
 * Context: the thread of the trunk.
 */
VIF_API int vif_circuit_export(struct vif_circuit *circuit, const char *label,
			       const void *context, size_t context_len,
			       uint8_t ret_key[VIF_KEY_LEN]);

/**
 * vif_circuit_stats() - fill the counters
 * @circuit:   borrowed.
 * @ret_stats: filled.
 *
 * Context: the thread of the trunk.
 */
VIF_API void vif_circuit_stats(const struct vif_circuit *circuit,
			       struct vif_circuit_stats *ret_stats);

/**
 * vif_circuit_set_user() - remember a pointer of the program
 * @circuit: borrowed.
 * @user:    anything; not looked at.
 *
 * Context: the thread of the trunk.
 */
VIF_API void vif_circuit_set_user(struct vif_circuit *circuit, void *user);

/**
 * vif_circuit_user() - what vif_circuit_set_user() was given
 * @circuit: borrowed.
 *
 * Return: the pointer; NULL at first.
 * Context: the thread of the trunk.
 */
VIF_API void *vif_circuit_user(const struct vif_circuit *circuit);

#ifdef __cplusplus
}
#endif

#endif
