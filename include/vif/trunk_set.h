/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A set of trunks: those who dial the same place share one.
 *
 * The set makes no connection. It says who has to make one, and tells all who
 * wait for it how that went; it hands out trunks as long as they are good, and
 * drains those it has retired when their last circuit is gone. Trunks are
 * borrowed, and leave the set by themselves when they end or are freed.
 * docs/design/trunk-set.md has the reasons.
 *
 *     switch (vif_trunk_set_get(set, &target, dialer, &found)) {
 *     case VIF_TRUNK_SET_READY:
 *             vif_circuit_dial(found.trunk, ...);
 *     case VIF_TRUNK_SET_CONNECT:
 *             connect; then vif_trunk_new() and vif_trunk_attempt_attach(), or
 *             vif_trunk_attempt_fail(); and wait as well
 *     case VIF_TRUNK_SET_WAIT:
 *             vif_trunk_set_next_event() will tell
 *     }
 *
 * A trunk that was handed out may still refuse a circuit with -ECONNABORTED or
 * -ESHUTDOWN, if it ended or began to drain after that: ask again.
 *
 * A call about a set or about one of its trunks, vif_trunk_receive() too, may
 * drain or end other trunks of it: they may have something to send afterwards.
 *
 * Threads: a set and all its trunks belong to one thread at a time. Nothing
 * blocks; what happens to a trunk can be news of the set. After fork() the
 * child must not use the sets of its parent.
 */
#ifndef VIF_TRUNK_SET_H
#define VIF_TRUNK_SET_H

#include <vif/trunk.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vif_trunk_set;
struct vif_trunk_attempt; /* a connection that its caller makes */
struct vif_trunk_waiter;  /* somebody who will be told of a trunk */

enum vif_trunk_set_limits {
	VIF_TRUNK_SET_ADDRESS_MAX = 255,     /* bytes */
	VIF_TRUNK_SET_ENTRIES_MAX = 1 << 20, /* that can be configured */
};

/**
 * struct vif_trunk_set_config - how a set is to be
 *
 * Zero everywhere means default. Copied by vif_trunk_set_new(), but not what
 * the callback is about. Times are nanoseconds; UINT64_MAX: never.
 */
struct vif_trunk_set_config {
	size_t size;          /* sizeof(struct vif_trunk_set_config) */
	uint32_t entries_max; /* 1024; attempts, their trunks, and failures that
			       * are remembered */
	uint32_t accepted_max;     /* 1024; trunks that were accepted */
	uint32_t accepted_key_max; /* 4; of these, with one key */
	uint32_t waiters_max;      /* 4096; of all attempts */
	uint64_t attempt_ns;       /* 30 s; until the trunk is ready */
	uint64_t doubt_ns;   /* 3 s; a trunk that has asked for a sign of life
			       * is handed out so long without one */
	uint64_t idle_ns;    /* never; without circuits, since handed out */
	uint64_t backoff_ns; /* 0: none; after a failure, doubled with each */
	uint64_t backoff_max_ns; /* 60 s */
	/* Fills bytes and returns 0, or -errno; for the seed of tables, without
	 * which there is no set, and for the back-off, which is not random when
	 * it fails. May not call the set. NULL: libcrypto's. */
	int (*random)(void *user, uint8_t *bytes, size_t len);
	void *user;
};

/**
 * struct vif_trunk_target - what is dialled
 *
 * Targets that differ in anything do not share a trunk that was dialled. One
 * that the other side dialled fits all targets of its key. What else may make
 * trunks different, a psk say, is not in a target: keep a set for each. Copied.
 */
struct vif_trunk_target {
	size_t size;           /* sizeof(struct vif_trunk_target) */
	const void *address;   /* bytes that the program alone understands */
	size_t address_len;    /* 1 to VIF_TRUNK_SET_ADDRESS_MAX */
	const uint8_t *remote; /* the key it has to have; NULL: whoever is
				* there, which only the like share */
	const uint8_t *local;  /* our public key on it; NULL: any */
	bool only_dialled;     /* not one that the other side has dialled */
};

/* What is to be done about a question. */
enum vif_trunk_set_answer {
	VIF_TRUNK_SET_READY = 1, /* there is a trunk */
	VIF_TRUNK_SET_CONNECT,   /* make the connection, and wait */
	VIF_TRUNK_SET_WAIT,      /* somebody else makes it */
	VIF_TRUNK_SET_BACKOFF,   /* it has failed; not before again_ns */
};

/* Only what is named for the answer is set, the rest is zero. */
struct vif_trunk_found {
	struct vif_trunk *trunk;           /* READY */
	void *connection;                  /* READY; of that trunk */
	struct vif_trunk_attempt *attempt; /* CONNECT */
	struct vif_trunk_waiter *waiter;   /* CONNECT, WAIT */
	uint64_t again_ns;                 /* BACKOFF */
	uint32_t reason;                   /* BACKOFF: why it failed last */
};

/* What happened. */
enum vif_trunk_set_event_type {
	VIF_TRUNK_SET_UP,       /* to a waiter: here is the trunk */
	VIF_TRUNK_SET_FAILED,   /* to a waiter: there is none */
	VIF_TRUNK_SET_UNWANTED, /* an attempt: nobody waits for it any more */
};

struct vif_trunk_set_event {
	enum vif_trunk_set_event_type type;
	void *user;                        /* UP, FAILED: of the waiter */
	struct vif_trunk *trunk;           /* UP */
	void *connection;                  /* UP, UNWANTED */
	struct vif_trunk_attempt *attempt; /* UNWANTED; fail it, or go on */
	uint32_t reason;                   /* FAILED; an enum vif_reason */
	const char *text; /* FAILED; in words, until the next call */
};

/* How a trunk of a set is. */
enum vif_trunk_set_state {
	VIF_TRUNK_SET_HANDSHAKE, /* not ready yet */
	VIF_TRUNK_SET_SHARED,    /* handed out */
	VIF_TRUNK_SET_DOUBTED,   /* not now: no sign of life */
	VIF_TRUNK_SET_RETIRED,   /* never again: it drains, or will */
};

struct vif_trunk_set_view {
	enum vif_trunk_set_state state;
	bool is_accepted; /* the other side has dialled it */
	void *connection;
	const void *address; /* what was dialled; lives as long as it is in the
			      * set; NULL for one that was accepted */
	size_t address_len;
	uint32_t circuits; /* now */
};

/* Counters. They only grow, if not said otherwise. */
struct vif_trunk_set_stats {
	uint64_t found;      /* questions that got a trunk at once */
	uint64_t attempts;   /* connections that somebody was told to make */
	uint64_t joined;     /* questions that waited for one of these */
	uint64_t failed;     /* attempts */
	uint64_t backed_off; /* questions */
	uint64_t refused;    /* questions, for want of room */
	uint64_t retired;    /* trunks */
	uint32_t trunks;     /* now */
	uint32_t trying;     /* attempts without a trunk, now */
	uint32_t waiters;    /* now */
};

/**
 * vif_trunk_set_new() - make an empty set
 * @config:  borrowed; NULL for defaults.
 * @now_ns:  the time, of the clock that the trunks have.
 * @ret_set: the set; unchanged on failure.
 * @error:   filled on failure; may be NULL.
 *
 * Return: 0; -EINVAL for a @config that makes no sense; -ENOMEM; what
 * @config->random returned.
 * Context: any thread; allocates.
 * Ownership: the caller frees it with vif_trunk_set_free().
 */
VIF_API int vif_trunk_set_new(const struct vif_trunk_set_config *config,
			      uint64_t now_ns, struct vif_trunk_set **ret_set,
			      struct vif_error *error);

/**
 * vif_trunk_set_free() - forget a set
 * @set: taken; NULL is allowed. Its trunks live on; waiters and attempts are
 *       gone, and nobody is told.
 *
 * Context: the thread of the set.
 */
VIF_API void vif_trunk_set_free(struct vif_trunk_set *set);

/**
 * vif_trunk_set_advance() - say what time it is
 * @set:    borrowed.
 * @now_ns: a smaller one than before is taken for the last one.
 *
 * Context: the thread of the set.
 */
VIF_API void vif_trunk_set_advance(struct vif_trunk_set *set, uint64_t now_ns);

/**
 * vif_trunk_set_deadline() - when the next timer is over
 * @set: borrowed.
 *
 * Return: a time for vif_trunk_set_advance(); UINT64_MAX: none.
 * Context: the thread of the set.
 */
VIF_API uint64_t vif_trunk_set_deadline(const struct vif_trunk_set *set);

/**
 * vif_trunk_set_get() - ask for a trunk
 * @set:       borrowed.
 * @target:    borrowed.
 * @user:      comes back with the event, if there is one.
 * @ret_found: unchanged on failure.
 *
 * With CONNECT the caller makes a connection, as dialer, with the keys of
 * @target. Like all others who ask meanwhile it is told by one event how that
 * went; its waiter is valid until then.
 *
 * Return: an enum vif_trunk_set_answer; -EINVAL for a @target that makes no
 * sense; -ENOSPC with entries_max; -EDQUOT with waiters_max; -ESHUTDOWN for a
 * set that was drained or closed; -EOWNERDEAD in a child; -ENOMEM.
 * Context: the thread of the set; allocates.
 * Ownership: an attempt is the caller's until vif_trunk_attempt_attach() or
 * vif_trunk_attempt_fail().
 */
VIF_API int vif_trunk_set_get(struct vif_trunk_set *set,
			      const struct vif_trunk_target *target, void *user,
			      struct vif_trunk_found *ret_found);

/**
 * vif_trunk_waiter_cancel() - do not wait any longer
 * @waiter: taken; one that was not told yet. Its event will not come.
 *
 * The attempt goes on. When nobody waits for it any more it is called unwanted.
 *
 * Context: the thread of the set.
 */
VIF_API void vif_trunk_waiter_cancel(struct vif_trunk_waiter *waiter);

/**
 * vif_trunk_attempt_set_connection() - name the connection of an attempt
 * @attempt:    borrowed.
 * @connection: the program's, not looked at: comes back with the trunk.
 *
 * Context: the thread of the set.
 */
VIF_API void vif_trunk_attempt_set_connection(struct vif_trunk_attempt *attempt,
					      void *connection);

/**
 * vif_trunk_attempt_attach() - hand in the trunk of an attempt
 * @attempt: taken on success.
 * @trunk:   borrowed until it ends or is removed; a dialer, ready or not.
 *
 * Those who wait are told when it is ready, or has ended. One that turns out to
 * have other keys than the target is ended for VIF_REASON_IDENTITY.
 *
 * Return: 0; -EINVAL for an accepter; -ETIMEDOUT when the attempt is over, as it
 * took too long or the set was drained or closed; -EBUSY when @trunk is in a
 * set; -ECONNABORTED when it has ended; -EOWNERDEAD in a child.
 * Context: the thread of the set.
 */
VIF_API int vif_trunk_attempt_attach(struct vif_trunk_attempt *attempt,
				     struct vif_trunk *trunk);

/**
 * vif_trunk_attempt_fail() - there is no connection
 * @attempt: taken.
 * @reason:  for those who wait: an enum vif_reason, or a program's code; 0 is
 *           VIF_REASON_CLOSED.
 * @text:    for them, cut to VIF_TRUNK_TEXT_MAX; NULL for none.
 *
 * Context: the thread of the set.
 */
VIF_API void vif_trunk_attempt_fail(struct vif_trunk_attempt *attempt,
				    uint32_t reason, const char *text);

/**
 * vif_trunk_set_add() - share a trunk that was accepted
 * @set:        borrowed.
 * @trunk:      borrowed until it ends or is removed; an accepter that is ready.
 * @connection: the program's, not looked at: comes back with the trunk.
 *
 * It is handed out to all who dial its key, and to those who wait for that. One
 * without a key is handed out to nobody.
 *
 * Return: 0; -EINVAL for a dialer; -ENOTCONN when it is not ready; -EBUSY when
 * it is in a set; -ENOSPC with accepted_max; -EDQUOT with accepted_key_max;
 * -ESHUTDOWN for a set that was drained or closed; -ECONNABORTED when it has
 * ended; -EOWNERDEAD in a child; -ENOMEM.
 * Context: the thread of the set; allocates.
 */
VIF_API int vif_trunk_set_add(struct vif_trunk_set *set,
			      struct vif_trunk *trunk, void *connection);

/**
 * vif_trunk_set_retire() - hand out a trunk no more
 * @trunk: borrowed. It is drained when it has no circuits.
 *
 * Return: 0; -ENOENT when it is in no set; -EALREADY.
 * Context: the thread of the set.
 */
VIF_API int vif_trunk_set_retire(struct vif_trunk *trunk);

/**
 * vif_trunk_set_remove() - take a trunk out of its set
 * @trunk: borrowed; lives on.
 *
 * Those who wait for it get another one, wait for the attempt to make one, or are
 * told VIF_REASON_REFUSED. No harm if it is in none.
 *
 * Context: the thread of the set.
 */
VIF_API void vif_trunk_set_remove(struct vif_trunk *trunk);

/**
 * vif_trunk_set_next_event() - what happened
 * @set:       borrowed.
 * @ret_event: the event; unchanged when there is none.
 *
 * Return: whether there was one.
 * Context: the thread of the set.
 */
VIF_API bool vif_trunk_set_next_event(struct vif_trunk_set *set,
				      struct vif_trunk_set_event *ret_event);

/**
 * vif_trunk_set_next() - each trunk of a set, oldest first
 * @set:   borrowed.
 * @after: the one before; NULL: none.
 *
 * Return: a trunk; NULL after the last one, or when @after has left the set.
 * Context: the thread of the set.
 */
VIF_API struct vif_trunk *vif_trunk_set_next(const struct vif_trunk_set *set,
					     const struct vif_trunk *after);

/**
 * vif_trunk_set_view() - what a set thinks of a trunk
 * @trunk:    borrowed.
 * @ret_view: unchanged on failure.
 *
 * Return: 0; -ENOENT when it is in no set.
 * Context: the thread of the set.
 */
VIF_API int vif_trunk_set_view(const struct vif_trunk *trunk,
			       struct vif_trunk_set_view *ret_view);

/**
 * vif_trunk_set_drain() - end all trunks without losing anything
 * @set: borrowed. Attempts are unwanted; who waits is told
 *       VIF_REASON_DRAINING; nothing new begins.
 *
 * Return: the number of trunks, each of which got vif_trunk_drain().
 * Context: the thread of the set.
 */
VIF_API uint32_t vif_trunk_set_drain(struct vif_trunk_set *set);

/**
 * vif_trunk_set_close() - end all trunks after what was written
 * @set:  borrowed. The same as for vif_trunk_set_drain().
 * @code: as for vif_trunk_close().
 * @text: as for vif_trunk_close().
 *
 * Return: the number of trunks; -EINVAL for a code of the protocol.
 * Context: the thread of the set.
 */
VIF_API int64_t vif_trunk_set_close(struct vif_trunk_set *set, uint32_t code,
				    const char *text);

/**
 * vif_trunk_set_shut_remote() - close all circuits to an identity
 * @set: borrowed.
 * @key: public key of the far end, on whichever trunk.
 *
 * Return: the number of circuits, which are closed in order.
 * Context: the thread of the set.
 */
VIF_API uint32_t vif_trunk_set_shut_remote(struct vif_trunk_set *set,
					   const uint8_t key[VIF_KEY_LEN]);

/**
 * vif_trunk_set_stats() - fill the counters
 * @set:       borrowed.
 * @ret_stats: filled.
 *
 * Context: the thread of the set.
 */
VIF_API void vif_trunk_set_stats(const struct vif_trunk_set *set,
				 struct vif_trunk_set_stats *ret_stats);

#ifdef __cplusplus
}
#endif

#endif
