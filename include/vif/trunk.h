/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A trunk: one connection that carries many circuits.
 *
 * The connection is the program's: any ordered, reliable stream of bytes. A
 * trunk takes the bytes that came and gives out those to be sent; it opens no
 * socket, starts no thread, reads no clock. The protocol is described in
 * docs/design/trunk.md, the circuits in vif/circuit.h, what they carry in
 * vif/flow.h.
 *
 * The loop of a program, whenever its connection is ready or the deadline is
 * over:
 *
 *     vif_trunk_advance(trunk, now_ns);
 *     vif_trunk_receive(trunk, bytes, len);
 *     while (vif_trunk_next_event(trunk, &event))
 *             ...
 *     n = vif_trunk_send(trunk, buffer, size);
 *
 * Threads: one at a time for a trunk with all its circuits and flows; different
 * trunks are independent, unless a relay joins them. Nothing blocks. After
 * fork() the child may free the trunks of its parent, and nothing else: what
 * sends, receives, opens or ends something, of flows too, returns -EOWNERDEAD.
 */
#ifndef VIF_TRUNK_H
#define VIF_TRUNK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vif/error.h>
#include <vif/reason.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vif_trunk;
struct vif_trunk_budget; /* vif/trunk_budget.h */
struct vif_circuit;
struct vif_flow;

enum vif_trunk_limits {
	VIF_KEY_LEN = 32,            /* bytes of a key, public or private */
	VIF_TRUNK_RECORD_MIN = 1024, /* bytes of plaintext of a record */
	VIF_TRUNK_RECORD_MAX = 65519,
	VIF_TRUNK_TEXT_MAX = 256,       /* bytes of the text of a reason */
	VIF_TRUNK_SEND_MIN = 65536 + 8, /* bytes any record fits in */
	VIF_CIRCUIT_SERVICE_MAX = 255,  /* bytes of a service name */
	VIF_WEIGHT_DEFAULT = 16,        /* of a circuit or flow */
	VIF_WEIGHT_MAX = 256,
};

/* Who made the connection. */
enum vif_trunk_role {
	VIF_TRUNK_DIALER,
	VIF_TRUNK_ACCEPTER,
};

enum vif_log_level {
	VIF_LOG_NONE,
	VIF_LOG_ERROR, /* what ended a trunk or circuit by somebody's fault */
	VIF_LOG_INFO,  /* trunks and circuits that come and go */
	VIF_LOG_DEBUG, /* flows, credit, keys */
};

/**
 * struct vif_trunk_config - how a trunk is to be
 *
 * Zero everywhere means default. Copied by vif_trunk_new(), but not what the
 * callbacks are about. Windows and memory are bytes, times nanoseconds.
 */
struct vif_trunk_config {
	size_t size; /* sizeof(struct vif_trunk_config) */

	/* who we are, and who the other side has to be */
	const uint8_t *identity; /* our private key, VIF_KEY_LEN bytes; NULL: a
				  * dialer without identity */
	const uint8_t *remote;   /* the other side's public key; NULL: any, or
				  * as authorize says */
	const uint8_t *psk;      /* a secret both sides know; NULL: none */
	bool hide_identity;      /* dialer with remote: show the own key later
				  * and to nobody else, for a message more */
	bool allow_anonymous;    /* accepter: a dialer needs no identity */
	bool only_chacha;        /* do not offer AESGCM */
	/* Whether a key is welcome, of the trunk and of circuits with
	 * identities of their own. NULL: any; remote is about the trunk
	 * alone. May not call the trunk, nor may log. */
	bool (*authorize)(void *user, const uint8_t key[VIF_KEY_LEN]);
	const void *binding; /* names the carrier, the same at both sides */
	size_t binding_len;

	/* the outer world */
	/* Fills bytes and returns 0, or -errno. NULL: libcrypto's. */
	int (*random)(void *user, uint8_t *bytes, size_t len);
	void (*log)(void *user, enum vif_log_level level, const char *text);
	enum vif_log_level log_level; /* of the trunk; default of circuits */
	void *user;                   /* for the callbacks */

	/* limits; docs/design/trunk.md, sections 1, 7 and 10 */
	uint32_t record_max;         /* 16400 */
	uint32_t window;             /* 16 MiB; received and not consumed */
	uint32_t circuits_max;       /* 64; that the other side may open */
	uint32_t handshakes_max;     /* 16, and not less; in handshake */
	uint32_t circuit_window;     /* 128 KiB at first */
	uint32_t circuit_window_max; /* 16 MiB */
	uint32_t flow_window;        /* 64 KiB at first */
	uint32_t flow_window_max;    /* 8 MiB */
	uint32_t hop_window;      /* 128 KiB; of each hop of a sealed circuit */
	uint32_t flows_max;       /* 4096; of a circuit, by the other side */
	uint32_t trunk_flows_max; /* 65536; of all circuits */
	uint32_t backlog;         /* 256; flows of a circuit not taken yet */
	uint32_t flow_send_max;   /* 256 KiB; written and not sent */
	uint32_t send_max;        /* 16 MiB; of all flows */

	/* times; UINT64_MAX: never, as for rekey_bytes */
	uint64_t handshake_ns;         /* 5 s */
	uint64_t circuit_handshake_ns; /* 10 s */
	uint64_t start_ns;             /* never; ready, but no circuit */
	uint64_t idle_ns;              /* never; no circuit left */
	uint64_t circuit_idle_ns;      /* never; no flow left */
	uint64_t health_ns;            /* 30 s; without a sign of life */
	uint64_t drain_ns;             /* 20 s; if evicted, never is 20 s */
	uint64_t rekey_ns;             /* 1 h; less than 2 s is 2 s */
	uint64_t rekey_bytes;          /* 64 GiB; not before 2 s are over */
	uint64_t rekey_records;        /* 2^22, the most; the same */

	struct vif_trunk_budget *budget; /* of many trunks, with room for one
					  * circuit_window; NULL: none */
};

/* What happened. */
enum vif_trunk_event_type {
	VIF_TRUNK_READY,      /* the handshake is done */
	VIF_TRUNK_DRAINING,   /* the other side opens nothing new, nor may we */
	VIF_TRUNK_CLOSED,     /* it is over; vif_trunk_reason() says why */
	VIF_CIRCUIT_INCOMING, /* somebody dialled: accept or close it */
	VIF_CIRCUIT_READY,    /* one of ours can be used */
	VIF_CIRCUIT_CLOSED,   /* it is over; free it */
	VIF_FLOW_INCOMING,    /* the other side opened it: it is yours */
	VIF_FLOW_READABLE,    /* bytes or a packet, the end, or an error */
	VIF_FLOW_WRITABLE,    /* room again, after a write that took less */
	VIF_FLOW_CLOSED,      /* a reset, a stop, or the end of the circuit */
};

struct vif_trunk_event {
	enum vif_trunk_event_type type;
	struct vif_circuit *circuit; /* NULL for events of the trunk */
	struct vif_flow *flow;       /* NULL for those of trunk and circuit */
};

/**
 * vif_trunk_new() - make a trunk on a connection
 * @role:      who made the connection.
 * @config:    borrowed. NULL for defaults, which need keys all the same.
 * @now_ns:    the time, of any clock that does not go back.
 * @ret_trunk: the trunk; unchanged on failure.
 * @error:     filled on failure; may be NULL.
 *
 * Return: 0; -EINVAL for a @config that makes no sense; -EOPNOTSUPP with a
 * libcrypto that lacks an algorithm; -ENOMEM.
 * Context: any thread; allocates.
 * Ownership: the caller frees it with vif_trunk_free().
 */
VIF_API int vif_trunk_new(enum vif_trunk_role role,
			  const struct vif_trunk_config *config,
			  uint64_t now_ns, struct vif_trunk **ret_trunk,
			  struct vif_error *error);

/**
 * vif_trunk_free() - forget a trunk
 * @trunk: taken, with all its circuits and flows; NULL is allowed.
 *
 * Says nothing to the other side: see vif_trunk_close(). Keys are wiped.
 *
 * Context: the thread of the trunk.
 */
VIF_API void vif_trunk_free(struct vif_trunk *trunk);

/**
 * vif_trunk_advance() - say what time it is
 * @trunk:  borrowed.
 * @now_ns: a smaller one than before is taken for the last one.
 *
 * Timers that are over do their work. Everything else takes this for the time.
 *
 * Context: the thread of the trunk.
 */
VIF_API void vif_trunk_advance(struct vif_trunk *trunk, uint64_t now_ns);

/**
 * vif_trunk_deadline() - when the next timer is over
 * @trunk: borrowed.
 *
 * Return: a time for vif_trunk_advance(); UINT64_MAX: none.
 * Context: the thread of the trunk.
 */
VIF_API uint64_t vif_trunk_deadline(const struct vif_trunk *trunk);

/**
 * vif_trunk_receive() - take bytes that came
 * @trunk: borrowed.
 * @bytes: borrowed; in any portions.
 * @len:   all of them are taken.
 *
 * Return: 0; -ECONNABORTED when it has ended, now or before; -EOWNERDEAD.
 * Context: the thread of the trunk; never blocks; calls back.
 */
VIF_API int vif_trunk_receive(struct vif_trunk *trunk, const void *bytes,
			      size_t len);

/**
 * vif_trunk_receive_end() - no more bytes will come
 * @trunk: borrowed.
 *
 * The connection is closed or broken. If no CLOSE came before, the trunk, its
 * circuits and all flows without an end are truncated.
 *
 * Context: the thread of the trunk.
 */
VIF_API void vif_trunk_receive_end(struct vif_trunk *trunk);

/**
 * vif_trunk_send() - get bytes to be sent
 * @trunk:  borrowed.
 * @buffer: filled.
 * @size:   at least VIF_TRUNK_SEND_MIN; what the connection takes now.
 *
 * What is given out has to be sent, in order. It lies in the program's buffer
 * then, where nothing can overtake it: so do not ask for more than can be sent.
 *
 * Return: bytes, 0 for none now; -EINVAL for a smaller @size; -EOWNERDEAD.
 * Context: the thread of the trunk; never blocks.
 */
VIF_API int64_t vif_trunk_send(struct vif_trunk *trunk, void *buffer,
			       size_t size);

/**
 * vif_trunk_wants_send() - whether there is something to send
 * @trunk: borrowed.
 *
 * Return: whether to call vif_trunk_send(), which may still find nothing.
 * Context: the thread of the trunk.
 */
VIF_API bool vif_trunk_wants_send(const struct vif_trunk *trunk);

/**
 * vif_trunk_next_event() - what happened
 * @trunk:     borrowed.
 * @ret_event: the event; unchanged when there is none.
 *
 * Events of one object that say the same are one. What they name lives until
 * the program lets it go.
 *
 * Return: whether there was one.
 * Context: the thread of the trunk.
 */
VIF_API bool vif_trunk_next_event(struct vif_trunk *trunk,
				  struct vif_trunk_event *ret_event);

/**
 * vif_trunk_listen() - accept circuits, or stop doing so
 * @trunk: borrowed.
 * @on:    at first a trunk does not.
 *
 * Circuits that come while it is off are refused, in a way that is safe to
 * repeat; those that are there live on.
 *
 * Return: 0; -EALREADY when it is so already; -ECONNABORTED; -EOWNERDEAD.
 * Context: the thread of the trunk.
 */
VIF_API int vif_trunk_listen(struct vif_trunk *trunk, bool on);

/**
 * vif_trunk_drain() - end without losing anything
 * @trunk: borrowed.
 *
 * Both sides open nothing new. What is open ends as its programs end it, then
 * the circuits are closed, and the trunk. After drain_ns the rest is aborted.
 *
 * Return: 0; -EALREADY; -ECONNABORTED; -EOWNERDEAD.
 * Context: the thread of the trunk.
 */
VIF_API int vif_trunk_drain(struct vif_trunk *trunk);

/**
 * vif_trunk_close() - end after what was written
 * @trunk: borrowed.
 * @code:  0, or VIF_REASON_PROGRAM and above.
 * @text:  for the other side, cut to VIF_TRUNK_TEXT_MAX; NULL for none.
 *
 * All circuits are closed in order. What their flows hold is sent, as far as
 * the other side takes it within drain_ns.
 *
 * Return: 0; -EINVAL for a code of the protocol; -EALREADY; -ECONNABORTED;
 * -EOWNERDEAD.
 * Context: the thread of the trunk.
 */
VIF_API int vif_trunk_close(struct vif_trunk *trunk, uint32_t code,
			    const char *text);

/**
 * vif_trunk_abort() - end now
 * @trunk: borrowed.
 * @code:  as for vif_trunk_close().
 * @text:  as for vif_trunk_close().
 *
 * What was not sent is lost. vif_trunk_send() still sends code and text.
 *
 * Context: the thread of the trunk.
 */
VIF_API void vif_trunk_abort(struct vif_trunk *trunk, uint32_t code,
			     const char *text);

/**
 * vif_trunk_shut_remote() - close all circuits to an identity
 * @trunk: borrowed.
 * @key:   public key of the far end.
 *
 * Return: the number of circuits, which are closed in order; of those that are
 * being dialled, the ones whose far end is known already.
 * Context: the thread of the trunk.
 */
VIF_API uint32_t vif_trunk_shut_remote(struct vif_trunk *trunk,
				       const uint8_t key[VIF_KEY_LEN]);

/**
 * vif_trunk_reason() - why it ended
 * @trunk:    borrowed.
 * @ret_text: in words, "" for none; lives as long as the trunk; may be NULL.
 *
 * Return: an enum vif_reason, or a program's code; VIF_REASON_NONE while it has
 * not ended, and for a regular end.
 * Context: the thread of the trunk.
 */
VIF_API uint32_t vif_trunk_reason(const struct vif_trunk *trunk,
				  const char **ret_text);

/**
 * vif_trunk_is_closed() - whether it is over
 * @trunk: borrowed.
 *
 * Return: whether it has ended, and has no last word to send.
 * Context: the thread of the trunk.
 */
VIF_API bool vif_trunk_is_closed(const struct vif_trunk *trunk);

/**
 * vif_trunk_is_ready() - whether it can carry circuits
 * @trunk: borrowed.
 *
 * Return: whether the handshake is done and it has not ended.
 * Context: the thread of the trunk.
 */
VIF_API bool vif_trunk_is_ready(const struct vif_trunk *trunk);

/**
 * vif_trunk_remote() - who the other side is
 * @trunk: borrowed.
 *
 * Return: its public key, which lives as long as the trunk; NULL for none, or
 * not known yet.
 * Context: the thread of the trunk.
 */
VIF_API const uint8_t *vif_trunk_remote(const struct vif_trunk *trunk);

/**
 * vif_trunk_export() - a secret that both ends can derive
 * @trunk:       borrowed.
 * @label:       what it is for.
 * @context:     of any content; may be NULL with 0.
 * @context_len: bytes of @context.
 * @ret_key:     the secret; unchanged on failure.
 *
 * For binding something above to the channel. Nobody else can derive it.
 *
 * Return: 0; -ENOTCONN when there are no keys; -EOWNERDEAD in a child; -ENOMEM.
 * Context: the thread of the trunk.
 */
VIF_API int vif_trunk_export(struct vif_trunk *trunk, const char *label,
			     const void *context, size_t context_len,
			     uint8_t ret_key[VIF_KEY_LEN]);

/**
 * vif_key_public() - the public key of a private one
 * @private_key:    borrowed; any bytes are one.
 * @ret_public_key: unchanged on failure.
 *
 * Return: 0; -ENOMEM.
 * Context: any thread.
 */
VIF_API int vif_key_public(const uint8_t private_key[VIF_KEY_LEN],
			   uint8_t ret_public_key[VIF_KEY_LEN]);

#ifdef __cplusplus
}
#endif

#endif
