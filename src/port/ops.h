/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The contract between a port and everything above it.
 *
 * A backend fills one static const struct vif_port_ops, embeds struct vif_port
 * first in its own struct, and gets back from one to the other with
 * container_of(). src/port/loop is the one to copy from.
 */
#ifndef PORT_OPS_H
#define PORT_OPS_H

#include <stdatomic.h>

#include <vif/port.h>

#include "base/counter.h"

struct address;
struct port_key;

/*
 * The slots. Unless a slot says otherwise it never blocks, owns nothing
 * afterwards, and must not print, exit, or install signal handlers. Errors are
 * negative errno.
 *
 * "Controlling thread" is one thread at a time; it may run beside the queue
 * threads.
 */
struct vif_port_ops {
	const char *name;    /* TYPE in an address */
	const char *summary; /* one line for "vif help" */
	const char *main; /* what MAIN means, or NULL when it must be empty */
	const char *example; /* a command that works */

	const struct port_key *keys; /* n_keys of them; the help, too */
	size_t n_keys;
	size_t size; /* bytes of the backend's struct */

	/* -- required -- */

	/*
	 * open: once, on a zeroed struct whose ops, config and name are set.
	 * Controlling thread; may block. Parses address, which is borrowed,
	 * and fills caps. On failure it fills error and leaves the struct fit
	 * for close.
	 */
	int (*open)(struct vif_port *port, const struct address *address,
		    struct vif_error *error);

	/*
	 * close: after open, failed or not; may come twice. Controlling thread,
	 * no other thread inside; may block. Frees everything but the struct
	 * and restores what open and start changed.
	 */
	void (*close)(struct vif_port *port);

	/*
	 * rx: receiving thread of the queue. batch is empty. Lends packets;
	 * what it reports must satisfy vif_packet_check(). Counts packets and
	 * drops. Returns how many, 0 for none, -ENODEV when the device is gone,
	 * or another error that ends the port.
	 */
	int (*rx)(struct vif_port *port, unsigned int queue,
		  struct vif_batch *batch);

	/*
	 * rx_done: receiving thread, after each rx that reported packets, and
	 * before the next one. Takes the bytes back; port.c empties the batch.
	 */
	void (*rx_done)(struct vif_port *port, unsigned int queue,
			struct vif_batch *batch);

	/*
	 * tx: sending thread of the queue. Takes the first packets and reports
	 * how many; the rest stay the caller's. Must check what it is given
	 * (only null, which looks at nothing, does not) and must not change it.
	 * Returns 0 to n, or -ENODEV with none taken.
	 */
	int (*tx)(struct vif_port *port, unsigned int queue,
		  const struct vif_packet *packet, unsigned int n);

	/*
	 * wait_fd: any thread. A descriptor of the port and its poll events, or
	 * -EINVAL when that side needs no waiting.
	 */
	int (*wait_fd)(const struct vif_port *port, unsigned int queue,
		       enum vif_wait what, short *ret_events);

	/* -- optional; port.c does without those that are NULL -- */

	/* start: controlling thread; may block. Packets may flow after it. */
	int (*start)(struct vif_port *port, struct vif_error *error);

	/*
	 * stop: any thread, at any time until close, also after a failed open.
	 * port.c has woken and turned away the threads already; this is for
	 * more.
	 */
	void (*stop)(struct vif_port *port);

	/*
	 * arm: thread of that side. Clears a pending wake-up, asks for the next
	 * one, and looks once more: 1 when there is something to do.
	 */
	int (*arm)(struct vif_port *port, unsigned int queue,
		   enum vif_wait what);

	/*
	 * settle: receiving thread. Whoever looks has done so for long enough:
	 * until there are packets, arm no more says that there is something to
	 * do only because it may soon be.
	 */
	void (*settle)(struct vif_port *port, unsigned int queue);

	/* tx_held: sending thread. Packets taken whose bytes are still used. */
	unsigned int (*tx_held)(struct vif_port *port, unsigned int queue);

	/*
	 * rx_held: receiving thread. Packets that rx will deliver later, and
	 * those in memory shared with a peer that it could deliver now.
	 */
	unsigned int (*rx_held)(struct vif_port *port, unsigned int queue);

	/*
	 * tx_left: sending thread. Packets that were sent, and that the peer
	 * has not taken: they are lost if the port is closed now.
	 */
	unsigned int (*tx_left)(struct vif_port *port, unsigned int queue);

	/*
	 * tx_places: sending thread. Room for the next packets of the queue,
	 * where whoever makes them may put their bytes: a packet begins at the
	 * beginning of a piece and goes on in the next one. Each piece holds
	 * VIF_PACKET_HDR_MAX bytes at least. What the next tx finds in its
	 * place already is not copied; anything else is sent as ever. Lent
	 * until tx_places_end; peers see what is written at once, and may
	 * change it. Returns the number of pieces, up to n; 0 when one of the
	 * largest packets would not fit. Not for ports with caps.tx_holds, which
	 * use the bytes for longer.
	 */
	unsigned int (*tx_places)(struct vif_port *port, unsigned int queue,
				  struct iovec *piece, unsigned int n);

	/*
	 * tx_places_end: sending thread, after each tx_places that gave pieces
	 * and the tx that followed, if any. Packets that were put into them are
	 * gone.
	 */
	void (*tx_places_end)(struct vif_port *port, unsigned int queue);

	/*
	 * rx_into: receiving thread. As rx, but puts payload into n pieces that
	 * tx_places of another port has given, packet after packet, for as long
	 * as the largest packet would fit. Headers are copied in front of it,
	 * into memory of this port, so that nobody can change them: each packet
	 * begins with a piece of them all, and VIF_PACKET_HOSTILE says that the
	 * rest is not the port's own. -ENOBUFS when there is no room for one.
	 */
	int (*rx_into)(struct vif_port *port, unsigned int queue,
		       const struct iovec *piece, unsigned int n,
		       struct vif_batch *batch);

	/*
	 * service: controlling thread; control descriptor ready or deadline
	 * passed. Calls port_set_state(). Returns 0 or -ENODEV.
	 */
	int (*service)(struct vif_port *port, uint64_t now_ns,
		       uint64_t *ret_deadline_ns);

	/* set: controlling thread, before start; may block. Updates caps. */
	int (*set)(struct vif_port *port, enum vif_port_param param,
		   uint64_t value);

	/*
	 * describe: any thread, beside all others. Emits facts that caps does
	 * not hold.
	 */
	void (*describe)(const struct vif_port *port,
			 void (*emit)(void *user, const char *key,
				      const char *value),
			 void *user);
};

/* Counters of one direction of one queue; one thread writes them. */
struct port_counters {
	struct counter packets;
	struct counter bytes;
	struct counter superpackets;
	struct counter refused_superpackets; /* tx: sent as segments instead */
	struct counter drops[VIF_DROP_N];
};

/* Two cache lines apart, because rx and tx may be different threads. */
struct port_queue {
	_Alignas(128) struct port_counters rx;
	_Alignas(128) struct port_counters tx;
};

enum port_limits {
	PORT_NAME_SIZE = 64,
	PORT_QUEUES_MAX = 256, /* what the kernel gives a TUN device */
};

/* Thread rule: see include/vif/port.h. */
struct vif_port {
	/* immutable after open */
	const struct vif_port_ops *ops;
	struct vif_port_config config;
	struct vif_port_caps caps; /* but for vif_port_set() */
	char name[PORT_NAME_SIZE];
	struct port_queue *queue; /* caps.n_queue of them */
	int stop_fd;              /* eventfd, readable once stopped */
	/* any thread */
	_Atomic int state; /* enum vif_port_state */
	atomic_bool stopped;
	/*
	 * What of caps.tx_gso is refused. Of a kernel: kinds it has turned out
	 * not to take, which tx still takes and cuts itself. With
	 * caps.offload_varies: what the peer there is now does not take, which
	 * tx drops; then also PORT_CSUM, and that only with all kinds.
	 */
	_Atomic uint32_t tx_refused;
	/*
	 * With caps.offload_varies: what the peer there is now does not send,
	 * VIF_GSO_BIT() and PORT_CSUM. From rx to rx_done it is true of what
	 * is lent, whatever becomes of the peer meanwhile.
	 */
	_Atomic uint32_t rx_absent;
};

/* Unfinished checksums, in a set of GSO kinds. */
#define PORT_CSUM VIF_GSO_BIT(VIF_GSO_NONE)

/* GSO kinds that it is no use to make for a port, and more. Any thread. */
static inline uint32_t port_tx_refused(const struct vif_port *port)
{
	return atomic_load_explicit(&port->tx_refused, memory_order_relaxed);
}

static inline uint32_t port_rx_absent(const struct vif_port *port)
{
	return atomic_load_explicit(&port->rx_absent, memory_order_relaxed);
}

/* What tx_left of a port says, or 0. */
unsigned int port_tx_left(struct vif_port *port, unsigned int queue);

/* Whether packets of one can be put where the other one wants them. */
static inline bool port_can_place(const struct vif_port *source,
				  const struct vif_port *destination)
{
	return source->ops->rx_into && destination->ops->tx_places;
}

/*
 * port_tx_places() - room where the next packets may be put
 * port_rx_into() - receive into it
 * port_tx_places_end() - give it back
 *
 * The slots of these names, for ports that port_can_place(). A port that was
 * stopped has no room. port_rx_into() fails as vif_port_rx().
 */
unsigned int port_tx_places(struct vif_port *port, unsigned int queue,
			    struct iovec *piece, unsigned int n);
int port_rx_into(struct vif_port *port, unsigned int queue,
		 const struct iovec *piece, unsigned int n,
		 struct vif_batch *batch);
void port_tx_places_end(struct vif_port *port, unsigned int queue);

/*
 * port_vary() - note what a port cannot do now
 *
 * Of a port with caps.offload_varies, by its controlling thread. rx_absent
 * shrinks before the first packet that it would deny, and grows when what is
 * lent has come back.
 */
void port_vary(struct vif_port *port, uint32_t tx_refused, uint32_t rx_absent);

/*
 * port_settle() - stop a receiving queue from being looked at in vain
 *
 * For ports whose arm would rather have them looked at again than sleep. Such a
 * port counts its looks; who knows the time asks for an end. Receiving thread.
 * A wake-up is asked for by arm as ever, and none gets lost.
 */
void port_settle(struct vif_port *port, unsigned int queue);

/*
 * port_set_state() - note a state, and report it if it changed.
 *
 * Any thread. Calls the program's on_state. Backends need not report closed:
 * port.c does so when a slot returns -ENODEV.
 */
void port_set_state(struct vif_port *port, enum vif_port_state state);

/*
 * port_make_queues() - make the counters of n queues
 *
 * For a backend whose open needs them already; otherwise port.c does it. They
 * are freed after close. Returns 0 or -ENOMEM.
 */
int port_make_queues(struct vif_port *port, uint32_t n);

/* Tells the program something by its on_notice. Any thread. */
void port_notice(struct vif_port *port, const char *text);

/*
 * port_refuse() - note superpackets that the kernel refuses
 *
 * kinds are all that it refuses by now. Any thread. The program is told of each
 * kind once.
 */
void port_refuse(struct vif_port *port, uint32_t kinds);

/*
 * port_tx_fits() - why a packet is beyond the capabilities of a port
 *
 * The packet is one that vif_packet_check() lets pass. Returns the reason to
 * drop it, or VIF_DROP_N when there is none.
 */
enum vif_drop port_tx_fits(const struct vif_port_caps *caps,
			   const struct vif_packet *packet);

/*
 * port_tx_gate() - whether a port may send this packet, and count it
 *
 * For the tx of backends that cannot fail to send what they may send. Returns
 * false, with the drop counted, for a packet that is malformed or beyond the
 * port's capabilities.
 */
bool port_tx_gate(struct vif_port *port, unsigned int queue,
		  const struct vif_packet *packet);

static inline void port_count(struct port_counters *counters,
			      const struct vif_packet *packet)
{
	counter_add(&counters->packets, 1);
	counter_add(&counters->bytes, packet->len);
	if (packet->gso != VIF_GSO_NONE)
		counter_add(&counters->superpackets, 1);
}

static inline void port_drop(struct port_counters *counters,
			     enum vif_drop reason)
{
	counter_add(&counters->drops[reason], 1);
}

/* Adds what one thread has counted to the sums of a port. */
void port_add_rx_stats(const struct port_counters *rx,
		       struct vif_port_stats *stats);
void port_add_tx_stats(const struct port_counters *tx,
		       struct vif_port_stats *stats);

/*
 * port_ops_find() - backend of a type name, or NULL. Names ignore case.
 * port_ops_at() - backend number i, in order of name, or NULL past the end.
 */
const struct vif_port_ops *port_ops_find(const char *type);
const struct vif_port_ops *port_ops_at(size_t i);

#endif
