/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A set of TUN or TAP queues, made of descriptors a program brings.
 *
 * For programs that are one end of a cable themselves: they open their device
 * as they like, hand its descriptors in, and read and write packets with their
 * offload state. The set never makes a device, never looks at its addresses,
 * and starts no thread. What joins two ports is in vif/link.h.
 *
 * Threads: a queue has one receiving thread and one sending thread at a time,
 * and further sending threads with a writer each. Everything that is not rx, tx
 * or a writer's may be called from any thread.
 */
#ifndef VIF_QUEUE_H
#define VIF_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include <vif/error.h>
#include <vif/packet.h>
#include <vif/port.h>
#include <vif/stats.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vif_queue_set;
struct vif_queue;
struct vif_queue_writer;

enum vif_queue_limits {
	VIF_QUEUES_MAX = 256, /* queues of a set; what the kernel allows */
};

/* Work the kernel may leave undone in packets it delivers. */
enum vif_queue_offload {
	VIF_QUEUE_OFFLOAD_AUTO,    /* the best there is */
	VIF_QUEUE_OFFLOAD_OFF,     /* none */
	VIF_QUEUE_OFFLOAD_CSUM,    /* checksums only */
	VIF_QUEUE_OFFLOAD_TSO,     /* and TCP superpackets */
	VIF_QUEUE_OFFLOAD_TSO_USO, /* and UDP superpackets */
};

/* Which queue gets a packet of the kernel. */
enum vif_queue_steer {
	VIF_QUEUE_STEER_AUTO,    /* the one its flow was written to last */
	VIF_QUEUE_STEER_HASH,    /* one for each flow, both directions alike */
	VIF_QUEUE_STEER_PROGRAM, /* a program of the caller decides */
};

/**
 * struct vif_queue_config - how a set is to be
 *
 * Zero everywhere means default. Copied by vif_queue_set_new().
 */
struct vif_queue_config {
	size_t size;  /* sizeof(struct vif_queue_config) */
	uint32_t mtu; /* bytes from L3 on that a packet, or a segment of a
		       * superpacket, may have to be sent; 0: not looked at */
	enum vif_queue_offload offload;

	/*
	 * Called when something happened that a person should know although
	 * packets go on flowing: a kernel that refuses superpackets of a kind
	 * it has offered, so that segments are sent from now on. Once for each
	 * kind, by the thread that was sending, inside of its call. text is a
	 * sentence, borrowed for the call. It may use the set, but not free it.
	 */
	void (*on_notice)(void *user, struct vif_queue_set *set,
			  const char *text);
	void *user;
};

/**
 * struct vif_queue_gso - a superpacket to be sent, in parts
 *
 * The headers say what the whole is: its IP length, the IPv4 header checksum,
 * the UDP length, and in the checksum field of L4 the folded pseudo-header sum,
 * not inverted.
 */
struct vif_queue_gso {
	void *header; /* L2 to L4; borrowed, not written */
	uint16_t header_len;
	uint16_t l3_off;             /* 0 on TUN */
	uint16_t l4_off;             /* the TCP or UDP header */
	uint16_t gso_size;           /* payload bytes of each segment */
	enum vif_gso gso;            /* not VIF_GSO_NONE */
	uint16_t flags;              /* VIF_PACKET_ECN or 0 */
	uint16_t n_payload;          /* pieces, less than VIF_PACKET_SEG_MAX */
	const struct iovec *payload; /* of any sizes but 0; borrowed */
};

/**
 * vif_queue_set_new() - make an empty set
 * @config:  borrowed; NULL for defaults.
 * @ret_set: the set; unchanged on failure.
 * @error:   filled on failure; may be NULL.
 *
 * Return: 0, -EINVAL for a @config that makes no sense, -ENOMEM.
 * Context: any thread; allocates.
 * Ownership: the caller frees it with vif_queue_set_free().
 */
VIF_API int vif_queue_set_new(const struct vif_queue_config *config,
			      struct vif_queue_set **ret_set,
			      struct vif_error *error);

/**
 * vif_queue_set_add() - add a queue
 * @set:       borrowed.
 * @fd:        a descriptor of /dev/net/tun attached to a device with IFF_NO_PI;
 *             taken on success. Made non-blocking.
 * @ret_queue: the queue, which is the set's; unchanged on failure.
 * @error:     filled on failure; may be NULL.
 *
 * What the descriptor is, the kernel is asked. With IFF_VNET_HDR offloads are
 * tried from the best down, on the first queue; all others get the same. Without
 * it the offloads of the device are not touched.
 *
 * Return: 0; -ESHUTDOWN after vif_queue_set_close(); -EBADF for no descriptor
 * or one that is not open for both ways; -ENOTTY for what is neither TUN nor
 * TAP; -EBADFD when it has no device; -EOPNOTSUPP for a framing this library
 * does not speak, or offloads the kernel does not have; -EINVAL when it differs
 * from the queues in the set; -EEXIST when it is in the set, or a copy of one that
 * is, as far as the kernel tells; -E2BIG for too many queues; -EMFILE or
 * -ENFILE, since a queue takes one more descriptor; -ENOMEM.
 * Context: any thread; never blocks for long; allocates.
 * Ownership: after a failure @fd is the caller's, open and as it was.
 */
VIF_API int vif_queue_set_add(struct vif_queue_set *set, int fd,
			      struct vif_queue **ret_queue,
			      struct vif_error *error);

/**
 * vif_queue_set_close() - wake and turn away every thread
 * @set: borrowed; may be closed twice.
 *
 * Threads in vif_queue_wait() and vif_queue_read() wake at once; they and all
 * who send get -ESHUTDOWN from now on. The descriptors stay open until
 * vif_queue_set_free(): closed under a thread, their numbers could already be
 * somebody else's.
 *
 * Context: any thread; never blocks for long; not from a signal handler.
 */
VIF_API void vif_queue_set_close(struct vif_queue_set *set);

/**
 * vif_queue_set_free() - close all descriptors and free the set
 * @set: taken, with its queues and their writers; NULL is allowed. No thread
 *       may be inside any more: call vif_queue_set_close() and wait for them.
 *
 * A device that outlives this has no offloads and no steering program of this
 * library any more: whoever opens it next may not expect them.
 *
 * Context: any thread; may block for as long as the kernel takes.
 */
VIF_API void vif_queue_set_free(struct vif_queue_set *set);

/**
 * vif_queue_set_count() - count the queues of a set
 * @set: borrowed.
 *
 * Return: how many have been added, stopped ones included.
 * Context: any thread; never blocks.
 */
VIF_API unsigned int vif_queue_set_count(const struct vif_queue_set *set);

/**
 * vif_queue_set_at() - a queue by its number
 * @set:   borrowed.
 * @index: 0 for the queue that was added first.
 *
 * Return: the queue, which is the set's; NULL past the last one.
 * Context: any thread; never blocks.
 */
VIF_API struct vif_queue *vif_queue_set_at(const struct vif_queue_set *set,
					   unsigned int index);

/**
 * vif_queue_set_steer() - say which queue gets a packet of the kernel
 * @set:        borrowed.
 * @steer:      how it is chosen.
 * @program_fd: VIF_QUEUE_STEER_PROGRAM: an eBPF program of the type
 *              BPF_PROG_TYPE_SOCKET_FILTER whose result, modulo the attached
 *              queues of the device, is the queue; borrowed. Else ignored.
 * @error:      filled on failure; may be NULL.
 *
 * Counts for the devices whose queues are in the set now.
 *
 * Return: 0; -EINVAL for an empty set or a program of another type; -EPERM
 * without CAP_BPF where the system asks for it; -EOPNOTSUPP when the kernel
 * cannot do it; -EBADF for a @program_fd that is none; -EBADFD when the device
 * is gone.
 * Context: any thread; never blocks for long.
 */
VIF_API int vif_queue_set_steer(struct vif_queue_set *set,
				enum vif_queue_steer steer, int program_fd,
				struct vif_error *error);

/**
 * vif_queue_set_stats() - read the counters of a set
 * @set:       borrowed.
 * @ret_stats: the sums over all queues and writers, closed ones included.
 *
 * Context: any thread; never blocks for long.
 */
VIF_API void vif_queue_set_stats(struct vif_queue_set *set,
				 struct vif_port_stats *ret_stats);

/**
 * vif_queue_stats() - read the counters of a queue
 * @queue:     borrowed.
 * @ret_stats: its own and those of its writers, closed ones included.
 *
 * Context: any thread; never blocks for long.
 */
VIF_API void vif_queue_stats(struct vif_queue *queue,
			     struct vif_port_stats *ret_stats);

/**
 * vif_queue_caps() - what a queue can do
 * @queue: borrowed.
 *
 * The same for all queues of a set: tx_gso tells which superpackets can be
 * sent, rx_gso which are delivered. n_queue is 1, and mtu what the config says.
 *
 * Return: the capabilities, valid and unchanged until vif_queue_set_free().
 * Context: any thread; never blocks.
 */
VIF_API const struct vif_port_caps *
vif_queue_caps(const struct vif_queue *queue);

/**
 * vif_queue_fd() - descriptor of a queue, for a loop of your own
 * @queue: borrowed.
 *
 * Poll it for POLLIN or POLLOUT. It does not tell of vif_queue_stop().
 *
 * Return: the descriptor, which stays the set's.
 * Context: any thread; never blocks.
 */
VIF_API int vif_queue_fd(const struct vif_queue *queue);

/**
 * vif_queue_rx() - receive a burst
 * @queue: borrowed.
 * @batch: whatever is in it is forgotten; filled with what is there now.
 *
 * Superpackets come whole: vif/offload.h cuts them.
 *
 * Return: packets received; 0 when there are none; -ENODEV when the device is
 * gone; -ESHUTDOWN after a stop or close; another error of read(2).
 * Context: the receiving thread; never blocks.
 * Ownership: the packets and their bytes, which may be written, are lent until
 * the next call for this queue, or vif_queue_set_free().
 */
VIF_API int vif_queue_rx(struct vif_queue *queue, struct vif_batch *batch);

/**
 * vif_queue_read() - receive a burst, and wait for it
 * @queue:      borrowed.
 * @batch:      as for vif_queue_rx().
 * @timeout_ms: longest time without anything to read; negative: for ever.
 *
 * Return: as vif_queue_rx(); 0 after @timeout_ms.
 * Context: the receiving thread; blocks.
 * Ownership: as vif_queue_rx().
 */
VIF_API int vif_queue_read(struct vif_queue *queue, struct vif_batch *batch,
			   int timeout_ms);

/**
 * vif_queue_wait() - park until a queue is ready
 * @queue:      borrowed.
 * @what:       VIF_WAIT_RX or VIF_WAIT_TX.
 * @timeout_ms: longest time in milliseconds; negative waits for ever.
 *
 * Return: 1 when it is worth trying again, 0 after @timeout_ms, -ESHUTDOWN
 * after a stop or close, -EINVAL for anything else to wait for.
 * Context: any thread; blocks.
 */
VIF_API int vif_queue_wait(struct vif_queue *queue, enum vif_wait what,
			   int timeout_ms);

/**
 * vif_queue_tx() - send a burst
 * @queue:  borrowed.
 * @packet: @n packets; borrowed for the call.
 * @n:      packets to send.
 *
 * Takes exactly the first packets it reports, in order. One that can never be
 * sent is taken, dropped and counted. A detached queue sends all the same.
 *
 * Return: packets taken, less than @n when there is no room now; -ENODEV when
 * the device is gone; -ESHUTDOWN after a stop or close. With an error none was
 * taken.
 * Context: the sending thread; never blocks.
 */
VIF_API int vif_queue_tx(struct vif_queue *queue,
			 const struct vif_packet *packet, unsigned int n);

/**
 * vif_queue_gso() - send a superpacket made of headers and payload
 * @queue: borrowed.
 * @gso:   borrowed for the call.
 *
 * One vectored write; nothing is copied. Payload that fits one segment makes it
 * a plain packet with an unfinished checksum.
 *
 * Return: 1 when it was taken, also when the kernel refused it: then its
 * segments have been sent instead, or, if it refused these, too, it was counted
 * as dropped; 0 when there is no room now; -EINVAL when the parts do
 * not fit together; -EMSGSIZE for segments beyond the MTU of the config;
 * -EOPNOTSUPP for a kind that vif_queue_caps() does not list in tx_gso, or,
 * without tx_csum, for any; -ENODEV and -ESHUTDOWN as vif_queue_tx().
 * Context: the sending thread; never blocks.
 */
VIF_API int vif_queue_gso(struct vif_queue *queue,
			  const struct vif_queue_gso *gso);

/**
 * vif_queue_writer_open() - make a way to send for one more thread
 * @queue:      borrowed.
 * @ret_writer: the writer; unchanged on failure.
 *
 * Return: 0 or -ENOMEM.
 * Context: any thread; allocates, unless a closed one can be used again.
 * Ownership: the writer is the set's; vif_queue_writer_close() gives it back.
 */
VIF_API int vif_queue_writer_open(struct vif_queue *queue,
				  struct vif_queue_writer **ret_writer);

/**
 * vif_queue_writer_close() - give a writer back
 * @writer: taken; NULL is allowed. What it counted stays counted.
 *
 * Context: any thread; never blocks for long.
 */
VIF_API void vif_queue_writer_close(struct vif_queue_writer *writer);

/**
 * vif_queue_writer_tx() - send a burst beside other threads
 * @writer: borrowed.
 * @packet: @n packets; borrowed for the call.
 * @n:      packets to send.
 *
 * Return: as vif_queue_tx().
 * Context: one thread at a time for each writer; never blocks.
 */
VIF_API int vif_queue_writer_tx(struct vif_queue_writer *writer,
				const struct vif_packet *packet,
				unsigned int n);

/**
 * vif_queue_writer_gso() - send a superpacket beside other threads
 * @writer: borrowed.
 * @gso:    borrowed for the call.
 *
 * Return: as vif_queue_gso().
 * Context: one thread at a time for each writer; never blocks.
 */
VIF_API int vif_queue_writer_gso(struct vif_queue_writer *writer,
				 const struct vif_queue_gso *gso);

/**
 * vif_queue_stop() - wake and turn away the threads of one queue
 * @queue: borrowed; may be stopped twice. There is no way back.
 *
 * The other queues go on. The kernel still chooses this one for packets, which
 * nobody reads: detach it first.
 *
 * Context: any thread; never blocks; not from a signal handler.
 */
VIF_API void vif_queue_stop(struct vif_queue *queue);

/**
 * vif_queue_attach() - say whether a queue gets packets of the kernel
 * @queue:    borrowed.
 * @attached: false sends them to the other queues of the device; those that
 *            wait in this one are lost.
 * @error:    filled on failure; may be NULL.
 *
 * Asking for what is so already does nothing.
 *
 * Return: 0; -EINVAL when the device was made without IFF_MULTI_QUEUE; -EBADFD
 * when it is gone.
 * Context: any thread, while others receive and send; never blocks for long.
 */
VIF_API int vif_queue_attach(struct vif_queue *queue, bool attached,
			     struct vif_error *error);

#ifdef __cplusplus
}
#endif

#endif
