/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One ring of a memif link, used in one direction.
 *
 * The four flavours, client or server, receiving or sending, have one struct and
 * one set of functions. The client owns the memory: it keeps a private table of
 * where the buffer of each slot is, and never reads that back. The server reads
 * each descriptor once, checks the copy, and uses the copy.
 *
 * What a peer does wrong ends the link: the queue notes the first fault, does
 * nothing any more, and says -EPROTO. With resync it counts, skips, and goes on,
 * for peers that are known to be careless.
 *
 * Threads: one thread at a time uses a queue; the two directions of a link are
 * independent. Counters, fault and indices may be read by any thread. Who ends
 * the link waits for the threads before it unmaps anything.
 *
 * See docs/design/memif-data.md.
 */
#ifndef PORT_MEMIF_QUEUE_H
#define PORT_MEMIF_QUEUE_H

#include <vif/packet.h>

#include "base/counter.h"
#include "base/heap.h"
#include "port/memif/event.h"
#include "port/memif/region.h"
#include "port/ops.h"
#include "ring/memif_ring.h"

enum memif_queue_limits {
	MEMIF_BATCH_MAX = 256, /* packets of one rx or tx, to stay fair */
	MEMIF_PULLED_MAX = 64, /* packets of one rx whose headers are copied */
	MEMIF_ROOM_MIN = 64,   /* bytes; a peer that offers less is at fault */
	MEMIF_SPINS = 1000,    /* empty looks before an adaptive queue sleeps */
	MEMIF_TX_SPINS = 64,   /* looks for room before waiting by the timer */
	MEMIF_TX_WAIT_US = 20, /* the first wait for room; then twice as long */
	MEMIF_TX_WAIT_MAX_US = 1000,
	MEMIF_TX_WAITS_MAX = 20, /* waits before a chain that needs most of a
				  * server's slots is given up */
};

/* Distance of buffers of that size that suits caches. */
#define MEMIF_STRIDE(size) (((size) + 63u) / 64u * 64u | 64u)

/* How a receiver learns of packets. */
enum memif_rx_mode {
	MEMIF_RX_ADAPTIVE,  /* polls while there is traffic, then sleeps */
	MEMIF_RX_INTERRUPT, /* sleeps whenever there is nothing */
	MEMIF_RX_POLL,      /* never sleeps, wants no events */
};

/* What a peer did wrong. */
enum memif_fault {
	MEMIF_FAULT_NONE,
	MEMIF_FAULT_INDEX,  /* its index is not within the ring */
	MEMIF_FAULT_REGION, /* a descriptor names a region there is none of */
	MEMIF_FAULT_BOUNDS, /* a descriptor reaches beyond its region */
	MEMIF_FAULT_LENGTH, /* more bytes than the buffer of the slot holds */
	MEMIF_FAULT_BUFFER, /* it offers a buffer that is too small */
	MEMIF_FAULT_CHAIN,  /* a packet that fills the ring and does not end */
	MEMIF_FAULT_MEMORY, /* it took away memory it had given */
	MEMIF_FAULT_N
};

/* Short name, "index", for counters; and a sentence, for reasons. */
const char *memif_fault_name(enum memif_fault fault);
const char *memif_fault_text(enum memif_fault fault);

struct memif_queue_config {
	const struct memif_regions *regions; /* mapped; borrowed */
	const struct vif_allocator *heap;    /* borrowed; see base/heap.h */
	const struct memif_kicker *kicker;   /* borrowed; NULL: write(2) */
	struct port_counters *counters;      /* of this direction; borrowed */
	enum vif_medium medium;
	bool is_client;
	bool is_tx;
	bool resync;    /* go on after faults */
	bool is_prompt; /* the client has all slots on offer that it has read */
	uint16_t ride;  /* enum memif_ride: what goes along with packets */
	enum memif_rx_mode rx_mode;
	/* the ring; judged by memif_regions_fit() */
	uint16_t region;
	uint8_t log2_size;
	uint8_t line; /* 64 or 128 */
	uint32_t offset;
	int event_fd; /* borrowed */
	/*
	 * Client: where its buffers are. Slot i begins with the one at
	 * buffer_offset + i * buffer_stride, all within 4 GiB of the region. A
	 * stride that is an odd multiple of 64 spreads them over the sets of the
	 * cache; 2048 bytes apart they share a few: see MEMIF_STRIDE().
	 */
	uint16_t buffer_region;
	uint64_t buffer_offset;
	uint32_t buffer_stride; /* bytes; 0: buffer_size */
	uint32_t buffer_size;   /* bytes */
	uint32_t headroom; /* bytes left free at the front of each buffer */
	uint32_t len_max;  /* longest packet; 0: VIF_PACKET_LEN_MAX */
	uint32_t spins;    /* adaptive; 0: MEMIF_SPINS */
};

/* What a queue has counted besides packets. One thread writes. */
struct memif_queue_counters {
	struct counter fault[MEMIF_FAULT_N];
	struct counter skipped; /* slots a resync jumped over */
	struct counter empty;   /* packets without a byte, dropped */
	struct counter kicks;   /* events sent */
	struct counter sleeps;  /* times it was allowed to sleep */
	struct counter waits;   /* times it waited for room by the timer */
	struct counter pulled;  /* packets whose headers, or all, were copied */
};

/* Fields are for the queue's own sources; see memif_queue_state(). */
struct memif_queue;

/* For people: what show and JSON print. A snapshot. */
struct memif_queue_state {
	uint32_t size; /* slots */
	uint32_t buffer_size;
	uint16_t head;
	uint16_t tail;
	bool masked;
	enum memif_fault fault;
	int event_fd;
};

/*
 * memif_queue_new() - make a queue
 *
 * Touches the ring not at all. Returns 0, -EINVAL for a config that cannot be,
 * -ENOMEM, -EMFILE or -ENFILE.
 */
int memif_queue_new(const struct memif_queue_config *config,
		    struct memif_queue **ret_queue);

/* NULL is allowed. Does not touch the ring, so the memory may be gone. */
void memif_queue_free(struct memif_queue *queue);

/*
 * memif_queue_start() - the link is up
 *
 * Before it: the server checks the cookie. A receiver writes its wish for events
 * into the ring; a receiving client offers all its buffers. The server calls it
 * before it sends CONNECTED, the client after it got that.
 */
void memif_queue_start(struct memif_queue *queue);

/* Indices start at another value; before start, for tests of the wrap. */
void memif_queue_set_index(struct memif_queue *queue, uint16_t index);

/*
 * memif_queue_rx() - lend packets
 *
 * batch is empty. Pieces are in shared memory, and the packets carry
 * VIF_PACKET_HOSTILE: whoever looks at a byte copies it first. Where the first
 * piece of a chain is shorter than headers can be, they are copied into private
 * memory, and are the first piece; a packet of too many pieces is copied whole.
 * So are the headers of a packet that the peer says has offload state, if that
 * was agreed on; what they contradict is dropped and counted.
 *
 * Returns how many, at most MEMIF_BATCH_MAX, or -EPROTO after a fault. An empty
 * look makes no system call.
 */
int memif_queue_rx(struct memif_queue *queue, struct vif_batch *batch);

/* Give them back: the peer gets the slots. After each rx, before the next. */
void memif_queue_rx_done(struct memif_queue *queue);

/*
 * memif_queue_tx() - send packets
 *
 * Copies each once, into as many slots as it takes. Sends offload state as far
 * as it was agreed on: a packet with another one, without a byte or longer than
 * len_max is taken, dropped and counted. Returns how many were taken, or -EPROTO
 * after a fault, with none taken.
 */
int memif_queue_tx(struct memif_queue *queue, const struct vif_packet *packet,
		   unsigned int n);

/*
 * memif_queue_places() - room for packets that somebody else makes
 *
 * See the slot tx_places of a port: fills piece with up to n pieces, a slot's
 * worth each. The next memif_queue_tx() copies nothing that lies in its place.
 * Until memif_queue_places_end() it leaves the buffers where they are.
 *
 * Returns how many; 0 when the longest packet would not fit, for memory that can
 * shrink, since a system call would be told and not us, and after a fault.
 */
unsigned int memif_queue_places(struct memif_queue *queue, struct iovec *piece,
				unsigned int n);
void memif_queue_places_end(struct memif_queue *queue);

/* A buffer of a sender, or one slot's worth of a packet. */
struct memif_buffer {
	uint8_t *data;
	uint32_t len; /* reserved: bytes there are; committed: bytes used */
	bool next;    /* the packet goes on in the next one */
};

/*
 * memif_queue_reserve() - borrow the next free buffers to fill them
 *
 * In the order of the ring, each once until committed; reserving again gives the
 * same ones. Returns how many, or -EPROTO after a fault.
 */
int memif_queue_reserve(struct memif_queue *queue, struct memif_buffer *buffer,
			unsigned int n);

/*
 * memif_queue_commit() - send what is in the first reserved buffers
 *
 * The last one ends a packet. A client may have moved data within the buffer.
 * Returns 0; -EINVAL, with nothing sent, for buffers that were not reserved,
 * without bytes, or too long.
 */
int memif_queue_commit(struct memif_queue *queue,
		       const struct memif_buffer *buffer, unsigned int n);

/*
 * memif_queue_swap() - forward lent packets without copying (client)
 *
 * Sends n packets of the lent batch of rx, from the first-th on, on tx, whose
 * free buffers take their places in rx. Both have their buffers in the same
 * memory, with the same size. Give the batch back afterwards, as ever.
 *
 * Returns how many were sent; -EPROTO after a fault of tx; -EINVAL for queues
 * that cannot swap, or packets that are not lent.
 */
int memif_queue_swap(struct memif_queue *rx, const struct vif_batch *batch,
		     unsigned int first, unsigned int n,
		     struct memif_queue *tx);

/*
 * memif_queue_arm() - prepare to sleep
 *
 * Receiver: returns 0 when an event will come for the next packet, else 1.
 * Sender: no event tells of room, so a timer is set: some tens of microseconds,
 * twice as long each time until there is room, at most a millisecond. Returns 1
 * while it is better to look again at once.
 */
int memif_queue_arm(struct memif_queue *queue);

/*
 * memif_queue_settle() - a receiver has been looked at for long enough
 *
 * In adaptive mode, until packets come, arm asks for an event at once and not
 * only after many looks.
 */
void memif_queue_settle(struct memif_queue *queue);

/*
 * memif_queue_left() - packets in the ring that nobody has taken
 *
 * Of a receiver, those it could read now; of a sender, those the peer has not
 * given back. A server knows that of a client with is_prompt alone, and says 0
 * of others. A chain that the peer is reading may count for each of its slots,
 * since a server clears their flags first. The peer is believed as far as the
 * ring goes: an index that is not within it means 0. The thread of the queue, or
 * any while there is none; the memory is mapped.
 */
uint32_t memif_queue_left(struct memif_queue *queue);

/*
 * memif_queue_write_off() - count what is left as lost
 *
 * The connection has ended, and no thread uses the queue. May come twice.
 */
void memif_queue_write_off(struct memif_queue *queue);

/* To poll for POLLIN after arm, or -EINVAL in MEMIF_RX_POLL. */
int memif_queue_wait_fd(const struct memif_queue *queue);

/* Receiver: change the mode. The thread of the queue. */
void memif_queue_set_rx_mode(struct memif_queue *queue,
			     enum memif_rx_mode rx_mode);

/* Any thread. */
enum memif_fault memif_queue_fault(const struct memif_queue *queue);
const struct memif_queue_counters *
memif_queue_counters(const struct memif_queue *queue);

/* Any thread; memory still mapped. */
void memif_queue_state(const struct memif_queue *queue,
		       struct memif_queue_state *ret_state);

#endif
