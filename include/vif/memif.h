/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memif: packets through shared memory, to VPP, DPDK, libmemif, gomemif, and
 * other programs with this library.
 *
 * A context has sockets, a socket has interfaces, an interface has queues. The
 * server listens; the client connects, and owns the memory. An interface is
 * there before its peer is, survives the peer's death, and comes back by
 * itself. Nothing is global: a program may have any number of contexts.
 *
 * Threads: a context with its sockets and interfaces belongs to one control
 * thread: the program's, which calls vif_memif_poll() or vif_memif_service(),
 * or the library's own after vif_memif_thread_start(). Each queue has one
 * receiving or sending thread at a time, which may run beside the control
 * thread: memory that a queue call has lent is never taken away before it is
 * given back, and the next connection waits for that. Callbacks run in the
 * control thread and may call everything here that belongs to it, also what
 * closes their own interface.
 *
 * The protocol is memif 2.0, as VPP speaks it; see docs/design/memif.md.
 */
#ifndef VIF_MEMIF_H
#define VIF_MEMIF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vif/allocator.h>
#include <vif/error.h>
#include <vif/packet.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vif_memif;
struct vif_memif_socket;
struct vif_memif_interface;

enum vif_memif_role {
	VIF_MEMIF_CLIENT, /* connects; owns the memory */
	VIF_MEMIF_SERVER, /* listens */
};

/* What packets begin with. The other side must have the same. */
enum vif_memif_mode {
	VIF_MEMIF_ETHERNET,
	VIF_MEMIF_IP,
	VIF_MEMIF_PUNT_INJECT, /* carried, not interpreted */
};

/* How a receiving queue learns of packets. */
enum vif_memif_rx_mode {
	VIF_MEMIF_RX_ADAPTIVE,  /* interrupts only while it is asleep */
	VIF_MEMIF_RX_INTERRUPT, /* for each burst */
	VIF_MEMIF_RX_POLL,      /* never */
};

/* Memory files without F_SEAL_SHRINK, which the peer could cut short. */
enum vif_memif_unsealed {
	VIF_MEMIF_UNSEALED_REFUSE,
	VIF_MEMIF_UNSEALED_GUARD, /* catch the SIGBUS, end that interface */
};

enum vif_memif_state {
	VIF_MEMIF_IDLE,       /* not wanted, or waiting to try again */
	VIF_MEMIF_CONNECTING, /* a handshake is going on */
	VIF_MEMIF_CONNECTED,
	VIF_MEMIF_CLOSING, /* down; what is lent has to be given back */
};

/**
 * struct vif_memif_config - choices of a context
 *
 * Zero everywhere means default. Copied by vif_memif_new().
 */
struct vif_memif_config {
	size_t size;          /* sizeof(struct vif_memif_config) */
	const char *app_name; /* what peers are told; copied; default "vif" */
	/* Of all structures; shared memory is made by itself: see memory_get. */
	struct vif_allocator allocator;
};

/**
 * struct vif_memif_socket_config - choices of a socket
 *
 * Zero everywhere means default, but for @listen_fd. Copied.
 */
struct vif_memif_socket_config {
	size_t size; /* sizeof(struct vif_memif_socket_config) */
	/*
	 * A path, or an abstract name that begins with '@'. A listener removes
	 * a socket file that nobody listens on, and its own at the end.
	 */
	const char *path;  /* NULL: that of @listen_fd */
	const char *netns; /* of an abstract name: name, path or process */
	uint32_t mode;     /* of a path; default 0600 */
	bool has_owner;    /* give a path to @owner and @group */
	uint32_t owner;    /* UINT32_MAX: as it is */
	uint32_t group;
	bool has_listen_fd;  /* @listen_fd is a listening socket */
	int listen_fd;       /* taken on success */
	const uint32_t *uid; /* users that may connect; default: all that can */
	uint32_t n_uid;      /* at most 16 */
	const uint32_t *gid; /* their groups */
	uint32_t n_gid;      /* at most 16 */
	uint32_t n_pending;  /* clients in a handshake at once; default 16 */
};

/**
 * struct vif_memif_interface_config - choices of an interface
 *
 * Zero everywhere means default. Copied by vif_memif_open().
 */
struct vif_memif_interface_config {
	size_t size;        /* sizeof(struct vif_memif_interface_config) */
	const char *name;   /* what the peer is told; at most 31 bytes */
	const char *secret; /* at most 23 bytes; NULL: none */
	enum vif_memif_role role;
	enum vif_memif_mode mode;
	uint32_t id;        /* the same at both sides */
	uint32_t n_rx;      /* queues; client: wanted, server: at most; 1 */
	uint32_t n_tx;      /* queues; default 1 */
	uint32_t ring_log2; /* client: 2^n slots in each ring, 1 to 15; 10 */
	uint32_t buffer;    /* client: bytes of a slot's buffer; 2048 */
	uint32_t headroom;  /* client: bytes left free in front of packets */
	uint32_t line;      /* 64 or 128, bytes of a cache line; 0: find out */
	enum vif_memif_rx_mode rx_mode; /* of all queues, at first */
	enum vif_memif_unsealed unsealed;
	/*
	 * A descriptor or an index of the peer that cannot be is left out and
	 * counted, and does not end the connection: for DPDK with packets longer
	 * than a buffer. One that leaves no way around it ends it all the same.
	 */
	bool resync;
	/*
	 * What may go along with packets, if the peer says it knows how: only
	 * other programs with this library do. The details say what was agreed
	 * on. Packets are then as vif/packet.h has them, in both directions.
	 */
	bool offload_csum;    /* unfinished checksums */
	uint32_t offload_gso; /* kinds of superpackets, VIF_GSO_BIT(): TCP over
			       * both IPs, UDP; need offload_csum */
	bool no_retry;        /* client: only vif_memif_connect() connects */
	uint32_t retry_ms;    /* client: longest pause between tries; 3000 */
	/*
	 * There is a peer, and queues can be used; the peer is gone, and what
	 * to do about it may be in the details. In the control thread; may call
	 * everything, vif_memif_close() too.
	 */
	void (*on_connect)(void *user, struct vif_memif_interface *interface);
	void (*on_disconnect)(void *user, struct vif_memif_interface *interface,
			      const char *reason);
	/*
	 * A connection did not come about, with what to do in @error; not
	 * again for the same reason before the next one did.
	 */
	void (*on_failure)(void *user, struct vif_memif_interface *interface,
			   const struct vif_error *error);
	void *user;
	/*
	 * Client: memory for the buffers. Called for each connection with the
	 * bytes it takes; returns 0 with a descriptor the peer can map, sealed
	 * against shrinking, and where it is mapped here, or a negative errno.
	 */
	int (*memory_get)(void *user, uint64_t size, int *ret_fd,
			  void **ret_base);
	void (*memory_put)(void *user, uint64_t size, int fd, void *base);
};

/**
 * vif_memif_new() - make a context
 * @config:    borrowed; NULL for defaults.
 * @ret_memif: the context; unchanged on failure.
 * @error:     filled on failure; may be NULL.
 *
 * Return: 0, -EINVAL for a @config that makes no sense, -ENOMEM, -EMFILE,
 * -ENFILE.
 * Context: any thread; allocates.
 * Ownership: the caller frees it with vif_memif_free().
 */
VIF_API int vif_memif_new(const struct vif_memif_config *config,
			  struct vif_memif **ret_memif,
			  struct vif_error *error);

/**
 * vif_memif_free() - free a context with its sockets and interfaces
 * @memif: taken; NULL is allowed. No thread may be in a queue call, and what is
 *         lent must not be touched any more.
 *
 * Stops the library's thread, if there is one.
 *
 * Context: any thread but the library's own, and no callback; blocks until that
 * thread has ended; calls on_disconnect.
 */
VIF_API void vif_memif_free(struct vif_memif *memif);

/**
 * vif_memif_fd() - descriptor for a loop of your own
 * @memif: borrowed.
 *
 * Readable, for poll(2), when vif_memif_service() has something to do.
 *
 * Return: the descriptor, which stays the context's.
 * Context: any thread; never blocks.
 */
VIF_API int vif_memif_fd(const struct vif_memif *memif);

/**
 * vif_memif_service() - do what there is to do
 * @memif:           borrowed.
 * @now_ns:          monotonic time in nanoseconds.
 * @ret_deadline_ns: when to call again even if nothing happens, or UINT64_MAX.
 *
 * Context: control thread; never blocks; calls callbacks.
 */
VIF_API void vif_memif_service(struct vif_memif *memif, uint64_t now_ns,
			       uint64_t *ret_deadline_ns);

/**
 * vif_memif_poll() - wait for something to do, and do it
 * @memif:      borrowed.
 * @timeout_ms: longest time in milliseconds; negative waits for ever.
 *
 * Return: 1 when something was done, 0 after @timeout_ms, -ECANCELED after
 * vif_memif_cancel(), -EBUSY while the library's thread does this.
 * Context: control thread; blocks; calls callbacks.
 */
VIF_API int vif_memif_poll(struct vif_memif *memif, int timeout_ms);

/**
 * vif_memif_cancel() - end one vif_memif_poll()
 * @memif: borrowed.
 *
 * The one that waits, or the next one. Each call ends one.
 *
 * Context: any thread, or a signal handler; never blocks.
 */
VIF_API void vif_memif_cancel(struct vif_memif *memif);

/**
 * vif_memif_thread_start() - let a thread of the library be the control thread
 * @memif: borrowed.
 * @error: filled on failure; may be NULL.
 *
 * From then on the functions that belong to the control thread may be called
 * from any thread: they wait for each other.
 *
 * Return: 0, -EALREADY, or an error of making a thread.
 * Context: control thread.
 */
VIF_API int vif_memif_thread_start(struct vif_memif *memif,
				   struct vif_error *error);

/**
 * vif_memif_thread_stop() - end that thread
 * @memif: borrowed. Without a thread this does nothing.
 *
 * Context: any thread but the library's own; blocks until it has ended.
 */
VIF_API void vif_memif_thread_stop(struct vif_memif *memif);

/**
 * vif_memif_socket_open() - open a control socket
 * @memif:      borrowed.
 * @config:     borrowed; its path or listening socket is needed.
 * @ret_socket: the socket, which is the context's; unchanged on failure.
 * @error:      filled on failure; may be NULL.
 *
 * Listens as soon as it has a server interface. A socket may have servers and
 * clients, also such that meet each other.
 *
 * Return: 0; -EINVAL for a name that cannot be; -ENAMETOOLONG; -ENOMEM; for a
 * network namespace, errors of opening it.
 * Context: control thread; may block for as long as the file system takes.
 */
VIF_API int vif_memif_socket_open(struct vif_memif *memif,
				  const struct vif_memif_socket_config *config,
				  struct vif_memif_socket **ret_socket,
				  struct vif_error *error);

/**
 * vif_memif_socket_close() - close a control socket
 * @socket: taken; NULL is allowed. -EBUSY while it has interfaces.
 *
 * Return: 0 or -EBUSY.
 * Context: control thread.
 */
VIF_API int vif_memif_socket_close(struct vif_memif_socket *socket);

/**
 * vif_memif_socket_fd() - the listening descriptor
 * @socket: borrowed.
 *
 * Return: the descriptor, which stays the socket's; -1 while it does not listen.
 * It changes when the last server goes and another one comes.
 * Context: control thread.
 */
VIF_API int vif_memif_socket_fd(const struct vif_memif_socket *socket);

/**
 * vif_memif_open() - add an interface
 * @socket:        borrowed until it is closed.
 * @config:        borrowed; NULL for defaults.
 * @ret_interface: the interface; unchanged on failure.
 * @error:         filled on failure; may be NULL.
 *
 * A client connects at the next service, and again whenever its peer is gone,
 * unless no_retry is set.
 *
 * Return: 0; -EINVAL for a value out of range; -EEXIST for a server id that the
 * socket has, or a path at which there is something else than a socket;
 * -EADDRINUSE when somebody else listens on the socket; -EACCES; -ENOMEM;
 * -EMFILE; other errors of socket calls.
 * Context: control thread; may block for as long as the file system takes.
 * Ownership: the caller closes it with vif_memif_close().
 */
VIF_API int vif_memif_open(struct vif_memif_socket *socket,
			   const struct vif_memif_interface_config *config,
			   struct vif_memif_interface **ret_interface,
			   struct vif_error *error);

/**
 * vif_memif_close() - remove an interface
 * @interface: taken; NULL is allowed. No thread may be in a queue call of it,
 *             and what is lent must not be touched any more.
 *
 * The peer is told. on_disconnect is called first if there was a connection, and
 * nothing is called afterwards.
 *
 * Context: control thread, its callbacks included.
 */
VIF_API void vif_memif_close(struct vif_memif_interface *interface);

/**
 * vif_memif_connect() - request a connection
 * @interface: a client; borrowed.
 *
 * It is tried at the next service, whatever pause there was; on_failure tells
 * when it does not come about.
 *
 * Return: 0; -EISCONN; -EALREADY while connecting; -EINVAL for a server.
 * Context: control thread, its callbacks included.
 */
VIF_API int vif_memif_connect(struct vif_memif_interface *interface);

/**
 * vif_memif_disconnect() - end the connection
 * @interface: borrowed. Without a connection this does nothing.
 * @reason:    what the peer is told; cut at 95 bytes.
 *
 * A client that retries will connect again later.
 *
 * Context: control thread, its callbacks included; may call on_disconnect.
 */
VIF_API void vif_memif_disconnect(struct vif_memif_interface *interface,
				  const char *reason);

/**
 * vif_memif_state() - whether there is a peer
 * @interface: borrowed.
 *
 * Return: the state.
 * Context: any thread; never blocks.
 */
VIF_API enum vif_memif_state
vif_memif_state(const struct vif_memif_interface *interface);

/**
 * vif_memif_state_name() - name of a state, "connected"
 * @state: any value.
 *
 * Return: static text; "?" for a value that is none.
 * Context: any thread; never blocks.
 */
VIF_API const char *vif_memif_state_name(enum vif_memif_state state);

#ifdef __cplusplus
}
#endif

#endif
