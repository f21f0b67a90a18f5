/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A port: anything packets can enter and leave through.
 *
 * A port is opened from an address ("tun:vpn0,ip=10.0.0.1/24"), has one or
 * more queues, and moves batches. It never owns an event loop and never starts
 * a thread: it shows descriptors to wait on, and functions to call when they
 * are ready.
 *
 * Threads: a queue has one receiving and one sending thread at a time; they
 * may differ, and different queues run in parallel. Functions that name no
 * queue belong to one controlling thread, except where they say otherwise.
 */
#ifndef VIF_PORT_H
#define VIF_PORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vif/error.h>
#include <vif/packet.h>
#include <vif/stats.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vif_port;

/*
 * closed  -> opening        vif_port_open()
 * opening -> up | down      the device, or the peer, is there
 * up     <-> down           tx in down drops and counts, rx finds nothing
 * any     -> closed         the device or peer is gone for good
 */
enum vif_port_state {
	VIF_PORT_CLOSED,
	VIF_PORT_OPENING,
	VIF_PORT_DOWN,
	VIF_PORT_UP,
};

/* What a thread can wait for. */
enum vif_wait {
	VIF_WAIT_RX,      /* packets to receive on a queue */
	VIF_WAIT_TX,      /* room to send on a queue */
	VIF_WAIT_CONTROL, /* work for vif_port_service(); any queue number */
};

/* Properties of vif_port_set(). */
enum vif_port_param {
	VIF_PORT_RX_GSO,  /* set of VIF_GSO_BIT(): superpackets to deliver */
	VIF_PORT_RX_CSUM, /* 0 or 1: deliver unfinished checksums */
};

/**
 * struct vif_port_caps - what a port can do, as data
 *
 * The link plans from two of these and from nothing else.
 */
struct vif_port_caps {
	enum vif_medium medium;
	uint32_t mtu;        /* bytes from L3 on of a plain packet */
	uint32_t len_max;    /* bytes of the largest packet tx takes */
	uint32_t n_queue;    /* queues, at least 1 */
	uint32_t seg_max;    /* pieces of a packet tx takes */
	uint32_t rx_gso;     /* superpackets rx delivers, VIF_GSO_BIT() */
	uint32_t tx_gso;     /* superpackets tx takes, VIF_GSO_BIT() */
	bool rx_csum;        /* rx delivers VIF_CSUM_PARTIAL */
	bool tx_csum;        /* tx takes VIF_CSUM_PARTIAL */
	bool rx_settable;    /* rx_gso and rx_csum can be lowered */
	bool rx_hostile;     /* lent bytes can be changed by a peer */
	bool tx_shared;      /* threads may share a queue's tx */
	bool tx_holds;       /* tx keeps packets, see vif_port_tx_held() */
	bool offload_varies; /* gso and csum are the best a peer allows */
};

/**
 * struct vif_port_config - what an address cannot say
 *
 * Zero everywhere means default. Copied by vif_port_open().
 */
struct vif_port_config {
	size_t size; /* sizeof(struct vif_port_config) */

	/*
	 * Called on every change of state, by the thread that noticed it; for
	 * the first time before vif_port_open() returns, with a port that is
	 * complete. It may read the port, but not close it.
	 */
	void (*on_state)(void *user, struct vif_port *port,
			 enum vif_port_state state);
	void *user;

	/*
	 * loop: the other end, borrowed, whose keys count for both. fault: the
	 * port to wrap, taken when open succeeds. Elsewhere NULL.
	 */
	struct vif_port *peer;

	/*
	 * A port of the same controlling thread, or NULL: ports of a kind that
	 * can share what they stand on, such as the socket of two memif servers,
	 * do so. Either may be closed first.
	 */
	struct vif_port *sibling;

	/*
	 * Called when something happened that a person should know although
	 * packets go on flowing, such as a kernel that refuses what it has
	 * offered; once for each such thing, by the thread that noticed it. text
	 * is a sentence without the name of the port, borrowed for the call.
	 */
	void (*on_notice)(void *user, struct vif_port *port, const char *text);
};

/**
 * vif_port_open() - open a port from its address
 * @address:  "TYPE:MAIN,KEY=VALUE,..."; copied.
 * @config:   borrowed; NULL for defaults.
 * @ret_port: the port; unchanged on failure.
 * @error:    filled on failure; may be NULL.
 *
 * The port exists afterwards, but carries nothing before vif_port_start():
 * that is the time to look at its capabilities and to lower them.
 *
 * Return: 0; -EINVAL for an address or @config that makes no sense; -EPERM or
 * -EACCES without the rights; -EBUSY when somebody else has the device; -ENODEV
 * or -ENOENT when something it names is missing; -EOPNOTSUPP when the kernel
 * cannot do what the address asks; -E2BIG for too many queues; -ENOMEM; other
 * errors of the system calls involved.
 * Context: any thread; may block for as long as the kernel takes.
 * Ownership: the caller closes it with vif_port_close().
 */
VIF_API int vif_port_open(const char *address,
			  const struct vif_port_config *config,
			  struct vif_port **ret_port, struct vif_error *error);

/**
 * vif_port_close() - close a port and restore what it changed
 * @port: taken; NULL is allowed. No thread may be inside it any more: call
 *        vif_port_stop() first and wait for them.
 *
 * Devices the port made disappear unless they were to persist; settings it
 * changed on a device that stays are put back.
 *
 * Context: any thread; may block for as long as the kernel takes.
 */
VIF_API void vif_port_close(struct vif_port *port);

/**
 * vif_port_start() - let packets flow
 * @port:  an open or stopped port; starting twice does nothing. Not while
 *         another thread is in vif_port_stop().
 * @error: filled on failure; may be NULL.
 *
 * Return: 0, -ENODEV when the device is gone, or an error of the system calls
 * that bring it up.
 * Context: controlling thread; may block shortly.
 */
VIF_API int vif_port_start(struct vif_port *port, struct vif_error *error);

/**
 * vif_port_stop() - wake and turn away every thread
 * @port: may be stopped twice, and before start.
 *
 * Every thread in vif_port_wait() wakes at once; rx, tx and wait return
 * -ESHUTDOWN from now on. Does not wait for the threads.
 *
 * Context: any thread; never blocks; not from a signal handler.
 */
VIF_API void vif_port_stop(struct vif_port *port);

/**
 * vif_port_rx() - receive a burst
 * @port:  started port.
 * @queue: 0 to n_queue - 1.
 * @batch: given back before; filled with what is there now, up to its size.
 *
 * Return: packets received; 0 when there are none; -ENODEV when the device is
 * gone for good; -ESHUTDOWN after vif_port_stop(); -EINVAL for a queue that is
 * not there; another error of the system call that ends the port, too.
 * Context: the queue's receiving thread; never blocks.
 * Ownership: the packets are lent until vif_port_rx_done() of that batch,
 * also when a later call fails.
 */
VIF_API int vif_port_rx(struct vif_port *port, unsigned int queue,
			struct vif_batch *batch);

/**
 * vif_port_rx_done() - give a burst back
 * @port:  the port it came from.
 * @queue: the queue it came from.
 * @batch: empty afterwards. An empty batch is allowed.
 *
 * Context: the queue's receiving thread; never blocks.
 */
VIF_API void vif_port_rx_done(struct vif_port *port, unsigned int queue,
			      struct vif_batch *batch);

/**
 * vif_port_tx() - send a burst
 * @port:   started port.
 * @queue:  0 to n_queue - 1.
 * @packet: @n packets; borrowed for the call, see vif_port_tx_held().
 * @n:      packets to send.
 *
 * Takes exactly the first packets it reports, in order. A packet that can
 * never be sent is taken, dropped and counted, so one bad packet does not hold
 * the rest.
 *
 * Return: packets taken, 0 to @n; less than @n when there is no room now;
 * -ENODEV when the device is gone; -ESHUTDOWN after vif_port_stop(); -EINVAL
 * for a queue that is not there. With an error none was taken.
 * Context: the queue's sending thread; never blocks.
 */
VIF_API int vif_port_tx(struct vif_port *port, unsigned int queue,
			const struct vif_packet *packet, unsigned int n);

/**
 * vif_port_tx_held() - ask whether taken packets are still in use
 * @port:  started port.
 * @queue: 0 to n_queue - 1.
 *
 * Only ports with the capability tx_holds keep packets after vif_port_tx();
 * their bytes must stay in place until this returns 0.
 *
 * Return: packets still held.
 * Context: the queue's sending thread; never blocks.
 */
VIF_API unsigned int vif_port_tx_held(struct vif_port *port,
				      unsigned int queue);

/**
 * vif_port_rx_held() - ask what has arrived, but is not delivered yet
 * @port:  started port.
 * @queue: 0 to n_queue - 1.
 *
 * Ports that delay or reorder hold packets back, so that vif_port_rx() finds
 * none although some will come. Packets in rings that a port shares with a peer
 * count, too: they are lost if the port is closed now.
 *
 * Return: packets not delivered yet; 0 for most ports at all times.
 * Context: the queue's receiving thread; never blocks.
 */
VIF_API unsigned int vif_port_rx_held(struct vif_port *port,
				      unsigned int queue);

/**
 * vif_port_wait() - park until a queue is ready
 * @port:       started port.
 * @queue:      0 to n_queue - 1.
 * @what:       what to wait for.
 * @timeout_ms: longest time in milliseconds; negative waits for ever.
 *
 * For programs without a loop of their own.
 *
 * Return: 1 when it is worth trying again, 0 after @timeout_ms, -ESHUTDOWN
 * after vif_port_stop(), -EINVAL when the port has nothing to wait on.
 * Context: the thread that owns that side of the queue; blocks.
 */
VIF_API int vif_port_wait(struct vif_port *port, unsigned int queue,
			  enum vif_wait what, int timeout_ms);

/**
 * vif_port_wait_fd() - descriptor to wait on, for a loop of your own
 * @port:       open port.
 * @queue:      0 to n_queue - 1; ignored for VIF_WAIT_CONTROL.
 * @what:       what to wait for.
 * @ret_events: events for poll(2); unchanged on failure.
 *
 * Call vif_port_arm() each time before sleeping on it. The same descriptor may
 * be returned for several purposes.
 *
 * Return: the descriptor, which stays the port's and valid until
 * vif_port_close(); -EINVAL when there is nothing to wait on: the port is
 * always ready, or has no control channel.
 * Context: any thread; never blocks.
 */
VIF_API int vif_port_wait_fd(const struct vif_port *port, unsigned int queue,
			     enum vif_wait what, short *ret_events);

/**
 * vif_port_arm() - prepare to sleep on a queue
 * @port:  started port.
 * @queue: 0 to n_queue - 1.
 * @what:  VIF_WAIT_RX or VIF_WAIT_TX.
 *
 * From a call that returns 0 until the descriptor is ready no wake-up can get
 * lost.
 *
 * Return: 0 when the caller may sleep, 1 when there is something to do first.
 * Context: the thread that owns that side of the queue; never blocks.
 */
VIF_API int vif_port_arm(struct vif_port *port, unsigned int queue,
			 enum vif_wait what);

/**
 * vif_port_service() - run the control side of a port
 * @port:            open port.
 * @now_ns:          monotonic time in nanoseconds.
 * @ret_deadline_ns: when to call again even if nothing happens, or
 *                   UINT64_MAX; always written.
 *
 * Call it when the VIF_WAIT_CONTROL descriptor is ready or the last deadline
 * has passed. This is where changes of state are noticed and reported.
 *
 * Return: 0, or -ENODEV when the device is gone for good.
 * Context: controlling thread; never blocks; may call on_state.
 */
VIF_API int vif_port_service(struct vif_port *port, uint64_t now_ns,
			     uint64_t *ret_deadline_ns);

/**
 * vif_port_set() - change a property of an open port
 * @port:  open port, not yet started.
 * @param: which one.
 * @value: new value; bits the port cannot do are an error.
 *
 * Capabilities show the new value afterwards.
 *
 * Return: 0, -EOPNOTSUPP when this port cannot do that, -EINVAL for a value
 * out of range, -ENODEV, or an error of the system call involved.
 * Context: controlling thread; may block shortly.
 */
VIF_API int vif_port_set(struct vif_port *port, enum vif_port_param param,
			 uint64_t value);

/**
 * vif_port_caps() - capabilities of a port
 * @port: open port; borrowed.
 *
 * Return: the capabilities, valid until vif_port_close(). They change only in
 * vif_port_set().
 * Context: any thread; never blocks.
 */
VIF_API const struct vif_port_caps *vif_port_caps(const struct vif_port *port);

/**
 * vif_port_name() - short name of a port, such as "tun:vpn0"
 * @port: open port; borrowed.
 *
 * Return: the name, valid until vif_port_close().
 * Context: any thread; never blocks.
 */
VIF_API const char *vif_port_name(const struct vif_port *port);

/**
 * vif_port_state() - current state of a port
 * @port: open port; borrowed.
 *
 * Return: the state last noticed.
 * Context: any thread; never blocks.
 */
VIF_API enum vif_port_state vif_port_state(const struct vif_port *port);

/**
 * vif_port_stats() - read the counters of a port
 * @port:      open port; borrowed.
 * @ret_stats: the sums over all queues.
 *
 * Read without locks while other threads count: each number is right, two
 * numbers may be a moment apart.
 *
 * Context: any thread; never blocks.
 */
VIF_API void vif_port_stats(const struct vif_port *port,
			    struct vif_port_stats *ret_stats);

/**
 * vif_port_describe() - list facts about a port
 * @port: open port; borrowed.
 * @emit: called once for each fact with a snake_case key and its value as
 *        text, both borrowed for the call.
 * @user: handed to @emit.
 *
 * Context: any thread, but not from a callback; may wait for a call of the
 * controlling thread to end.
 */
VIF_API void vif_port_describe(const struct vif_port *port,
			       void (*emit)(void *user, const char *key,
					    const char *value),
			       void *user);

/**
 * vif_port_state_name() - name of a state, "up"
 * @state: any value.
 *
 * Return: static text; "?" for a value that is none.
 * Context: any thread; never blocks.
 */
VIF_API const char *vif_port_state_name(enum vif_port_state state);

#ifdef __cplusplus
}
#endif

#endif
