/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The queues of a memif interface: packets in and out, with copies or without.
 *
 * Threads: one receives and one sends on a queue at a time, beside the control
 * thread; see vif/memif.h. A call for a queue that has no ring behind it, since
 * there is no peer or it has fewer queues, returns -ENOTCONN; one that has to
 * wait until what is lent was given back, -EBUSY.
 */
#ifndef VIF_MEMIF_QUEUE_H
#define VIF_MEMIF_QUEUE_H

#include <vif/memif_details.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A buffer of a sending queue, reserved to be filled in place. */
struct vif_memif_buffer {
	void *data; /* in shared memory: write only, what is read may change */
	uint32_t len; /* reserved: bytes there are; committed: bytes used */
	bool next;    /* the packet goes on in the next buffer */
};

/**
 * vif_memif_rx() - receive a burst
 * @interface: borrowed.
 * @queue:     a receiving queue.
 * @batch:     empty; filled with what is there, at most 256 packets.
 *
 * Packets lie in shared memory where the peer can still change them
 * (VIF_PACKET_HOSTILE): copy what you look at, once. Larger packets than a
 * buffer have several pieces. Offload state that was agreed on is in the packet,
 * and fits its headers; those of a superpacket are where no peer can change them.
 *
 * Return: packets received; 0 when there are none; -ENOTCONN while there is no
 * peer; -EBUSY while another batch is lent; -EINVAL for a queue that is not
 * there, or a @batch that is not empty.
 * Context: the receiving thread; never blocks; no system call.
 * Ownership: lent until vif_memif_rx_done(), also when the peer goes.
 */
VIF_API int vif_memif_rx(struct vif_memif_interface *interface,
			 unsigned int queue, struct vif_batch *batch);

/**
 * vif_memif_rx_done() - give a burst back
 * @interface: borrowed.
 * @queue:     the queue it came from.
 * @batch:     empty afterwards.
 *
 * Context: the receiving thread; never blocks.
 */
VIF_API void vif_memif_rx_done(struct vif_memif_interface *interface,
			       unsigned int queue, struct vif_batch *batch);

/**
 * vif_memif_read() - receive one packet into memory of your own
 * @interface: borrowed.
 * @queue:     a receiving queue.
 * @data:      gets the bytes.
 * @size:      bytes of @data.
 *
 * Return: bytes of the packet; 0 when there is none; -EMSGSIZE for one longer
 * than @size, and -EOPNOTSUPP for one with offload state, both of which are
 * dropped; as vif_memif_rx().
 * Context: the receiving thread; never blocks.
 */
VIF_API int vif_memif_read(struct vif_memif_interface *interface,
			   unsigned int queue, void *data, size_t size);

/**
 * vif_memif_tx() - send a burst
 * @interface: borrowed.
 * @queue:     a sending queue.
 * @packet:    @n packets; borrowed for the call.
 * @n:         packets to send.
 *
 * Copies each once; one longer than a buffer goes as a chain. One longer than
 * VIF_PACKET_LEN_MAX, or with offload state that was not agreed on, is taken,
 * dropped and counted: vif/offload.h cuts and finishes.
 *
 * Return: packets taken, less than @n when there is no room; -ENOTCONN; -EBUSY
 * while buffers are reserved; -EINVAL for a queue that is not there.
 * Context: the sending thread; never blocks.
 */
VIF_API int vif_memif_tx(struct vif_memif_interface *interface,
			 unsigned int queue, const struct vif_packet *packet,
			 unsigned int n);

/**
 * vif_memif_write() - send one packet
 * @interface: borrowed.
 * @queue:     a sending queue.
 * @data:      its bytes; borrowed for the call.
 * @len:       1 to VIF_PACKET_LEN_MAX.
 *
 * Return: 1; 0 when there is no room; as vif_memif_tx().
 * Context: the sending thread; never blocks.
 */
VIF_API int vif_memif_write(struct vif_memif_interface *interface,
			    unsigned int queue, const void *data, size_t len);

/**
 * vif_memif_reserve() - borrow free buffers of a sending queue
 * @interface: borrowed.
 * @queue:     a sending queue.
 * @buffer:    gets up to @n buffers, in the order they will be sent.
 * @n:         buffers wanted, at most 256.
 *
 * Reserving again without a commit gives the same ones.
 *
 * Return: buffers reserved; 0 when there is no room; as vif_memif_tx().
 * Context: the sending thread; never blocks.
 * Ownership: lent until vif_memif_commit(), which must follow.
 */
VIF_API int vif_memif_reserve(struct vif_memif_interface *interface,
			      unsigned int queue,
			      struct vif_memif_buffer *buffer, unsigned int n);

/**
 * vif_memif_commit() - send the first reserved buffers
 * @interface: borrowed.
 * @queue:     the queue they are of.
 * @buffer:    with len, and next for all but the last of a packet; a client may
 *             have moved data within the buffer.
 * @n:         how many; 0 gives all back unsent.
 *
 * Return: 0; -EINVAL, with nothing sent and all still reserved, for buffers that
 * were not, or are empty or too long; -ENOTCONN, with nothing sent, when the peer
 * is gone.
 * Context: the sending thread; never blocks.
 */
VIF_API int vif_memif_commit(struct vif_memif_interface *interface,
			     unsigned int queue,
			     const struct vif_memif_buffer *buffer,
			     unsigned int n);

/**
 * vif_memif_forward() - send received packets without copying them
 * @interface: a client; borrowed.
 * @rx_queue:  where they came from.
 * @batch:     lent by vif_memif_rx(), and to be given back afterwards.
 * @first:     the first packet to send.
 * @n:         how many.
 * @tx_queue:  where they go; of the same interface, whose free buffers take the
 *             places of those sent.
 *
 * Return: packets sent, less than @n when there is no room; -EINVAL for a
 * server, or packets that are not lent; -ENOTCONN; -EBUSY.
 * Context: the thread that owns both queues; never blocks.
 */
VIF_API int vif_memif_forward(struct vif_memif_interface *interface,
			      unsigned int rx_queue,
			      const struct vif_batch *batch, unsigned int first,
			      unsigned int n, unsigned int tx_queue);

/**
 * vif_memif_rx_fd() - descriptor that tells of packets
 * @interface: borrowed.
 * @queue:     a receiving queue as configured; it need not be connected.
 *
 * The same for the life of the interface. Poll it for POLLIN after
 * vif_memif_rx_arm() has returned 0.
 *
 * Return: the descriptor, which stays the interface's; -EINVAL for a queue that
 * was not configured.
 * Context: any thread; never blocks.
 */
VIF_API int vif_memif_rx_fd(const struct vif_memif_interface *interface,
			    unsigned int queue);

/**
 * vif_memif_rx_arm() - prepare to sleep
 * @interface: borrowed.
 * @queue:     a receiving queue.
 *
 * Return: 1 when there are packets, or adaptive mode would rather look again;
 * 0 when an event will come; -EINVAL.
 * Context: the receiving thread; never blocks.
 */
VIF_API int vif_memif_rx_arm(struct vif_memif_interface *interface,
			     unsigned int queue);

/**
 * vif_memif_set_rx_mode() - change how a queue learns of packets
 * @interface: borrowed.
 * @queue:     a receiving queue as configured.
 * @mode:      from now on, and after a reconnection.
 *
 * Return: 0 or -EINVAL.
 * Context: the receiving thread; never blocks.
 */
VIF_API int vif_memif_set_rx_mode(struct vif_memif_interface *interface,
				  unsigned int queue,
				  enum vif_memif_rx_mode mode);

#ifdef __cplusplus
}
#endif

#endif
