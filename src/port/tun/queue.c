/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One queue of a set.
 *
 * Stopping works as for a port: an eventfd that every parked thread polls
 * beside the descriptor. Closing the descriptor would not wake them, and keeps
 * the device alive for as long as they sleep.
 */
#include "port/tun/queue.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/bits.h"
#include "base/error.h"
#include "os/tun.h"
#include "wire/bytes.h"
#include "wire/inet.h"

int queue_new(struct vif_queue_set *set, const struct tun_facts *facts,
	      struct vif_queue **ret_queue)
{
	size_t size =
		align_up(sizeof(struct vif_queue), _Alignof(struct vif_queue));
	struct vif_queue *queue =
		aligned_alloc(_Alignof(struct vif_queue), size);
	int r;

	if (!queue)
		return -ENOMEM;
	memset(queue, 0, size);
	queue->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	r = queue->stop_fd < 0 ?
		    -errno :
		    tun_io_init(&queue->io, facts->fd, &set->refusals);
	if (r < 0) {
		if (queue->stop_fd >= 0)
			(void)close(queue->stop_fd); /* nobody has used it */
		free(queue);
		return r;
	}
	queue->io.header_size = facts->header_size;
	queue->io.medium = facts->medium;
	queue->is_attached = !facts->is_detached;
	queue->set = set;
	*ret_queue = queue;
	return 0;
}

void queue_free(struct vif_queue *queue, bool with_fd)
{
	struct vif_queue_writer *writer;

	while ((writer = queue->writers)) {
		queue->writers = writer->next;
		free(writer);
	}
	if (with_fd)
		tun_io_fini(&queue->io);
	else
		tun_io_release(&queue->io);
	(void)close(queue->stop_fd); /* an eventfd has nothing to say */
	free(queue);
}

static bool is_stopped(const struct vif_queue *queue)
{
	return atomic_load_explicit(&queue->stopped, memory_order_acquire);
}

int vif_queue_rx(struct vif_queue *queue, struct vif_batch *batch)
{
	vif_batch_clear(batch);
	if (is_stopped(queue))
		return -ESHUTDOWN;
	return tun_io_rx(&queue->io, &queue->counters.rx, batch);
}

int vif_queue_read(struct vif_queue *queue, struct vif_batch *batch,
		   int timeout_ms)
{
	int r;

	/* Packets that are bad are dropped, and waiting begins anew. */
	do {
		r = vif_queue_rx(queue, batch);
		if (r != 0)
			return r;
		r = vif_queue_wait(queue, VIF_WAIT_RX, timeout_ms);
	} while (r > 0);
	return r;
}

int vif_queue_wait(struct vif_queue *queue, enum vif_wait what, int timeout_ms)
{
	struct pollfd fd[2] = {
		{ .fd = queue->stop_fd, .events = POLLIN },
		{ .fd = queue->io.fd,
		  .events = what == VIF_WAIT_TX ? POLLOUT : POLLIN },
	};
	int r;

	if (what != VIF_WAIT_RX && what != VIF_WAIT_TX)
		return -EINVAL;
	r = poll(fd, 2, timeout_ms);
	if (r < 0)
		return errno == EINTR ? 1 : -errno;
	if (fd[0].revents != 0)
		return -ESHUTDOWN;
	return r > 0;
}

/* Bytes from L3 on of what a packet becomes on its way. */
static size_t sent_len(const struct vif_queue *queue,
		       const struct vif_packet *packet)
{
	size_t len = packet->len;
	uint16_t l3_off = 0;
	uint16_t type;

	if (packet->gso != VIF_GSO_NONE &&
	    len > (size_t)packet->hdr_len + packet->gso_size)
		len = (size_t)packet->hdr_len + packet->gso_size;
	/* Too short for a header: tun_io_tx() says so. */
	if (queue->io.medium == VIF_MEDIUM_ETH && packet->n_seg > 0)
		(void)inet_l3_off(packet->seg[0].iov_base,
				  packet->seg[0].iov_len, &l3_off, &type);
	return len - l3_off;
}

static bool is_within_mtu(const struct vif_queue *queue,
			  const struct vif_packet *packet)
{
	uint32_t mtu = queue->set->caps.mtu;

	return mtu == 0 || sent_len(queue, packet) <= mtu;
}

/* How many packets there are before one that is too long. */
static unsigned int count_fitting(const struct vif_queue *queue,
				  const struct vif_packet *packet,
				  unsigned int n)
{
	unsigned int i = 0;

	if (queue->set->caps.mtu == 0)
		return n;
	while (i < n && is_within_mtu(queue, &packet[i]))
		i++;
	return i;
}

static int send_burst(struct vif_queue *queue, struct port_counters *counters,
		      const struct vif_packet *packet, unsigned int n)
{
	unsigned int done = 0;

	if (is_stopped(queue))
		return -ESHUTDOWN;
	while (done < n) {
		unsigned int run =
			count_fitting(queue, packet + done, n - done);
		int r = 0;

		if (run > 0)
			r = tun_io_tx(&queue->io, &queue->set->caps, counters,
				      packet + done, run);
		queue_tell_refusals(queue->set);
		if (r < 0)
			return done > 0 ? (int)done : r;
		done += (unsigned int)r;
		if ((unsigned int)r < run)
			break; /* no room */
		if (done < n) {
			port_drop(counters, VIF_DROP_TOO_LONG);
			done++;
		}
	}
	return (int)done;
}

/* Whether the lengths in the headers are those of the packet. */
static bool has_right_lengths(const struct vif_queue_gso *gso, uint32_t len)
{
	const uint8_t *ip = (const uint8_t *)gso->header + gso->l3_off;
	const uint8_t *l4 = (const uint8_t *)gso->header + gso->l4_off;
	uint32_t ip_len = len - gso->l3_off;

	if (ip_len > UINT16_MAX)
		return false;
	if (ip[0] >> 4 == 4 ? get_be16(ip + 2) != ip_len :
			      get_be16(ip + 4) != ip_len - INET_IP6_LEN)
		return false;
	return gso->gso != VIF_GSO_UDP || get_be16(l4 + 4) == len - gso->l4_off;
}

/* Puts the parts together; seg has room for VIF_PACKET_SEG_MAX pieces. */
static int assemble(const struct vif_queue *queue,
		    const struct vif_queue_gso *gso, struct iovec *seg,
		    struct vif_packet *packet)
{
	size_t len = gso->header_len;

	if (gso->gso == VIF_GSO_NONE || (unsigned int)gso->gso > VIF_GSO_UDP ||
	    gso->n_payload >= VIF_PACKET_SEG_MAX)
		return -EINVAL;
	seg[0] = (struct iovec){ gso->header, gso->header_len };
	for (uint16_t i = 0; i < gso->n_payload; i++) {
		seg[i + 1] = gso->payload[i];
		if (seg[i + 1].iov_len == 0 ||
		    seg[i + 1].iov_len > VIF_PACKET_LEN_MAX)
			return -EINVAL;
		len += seg[i + 1].iov_len;
	}
	*packet = (struct vif_packet){
		.seg = seg,
		.len = (uint32_t)len,
		.n_seg = (uint16_t)(gso->n_payload + 1),
		.flags = gso->flags,
		.l3_off = gso->l3_off,
		.l4_off = gso->l4_off,
		.csum_off =
			gso->gso == VIF_GSO_UDP ? INET_UDP_CSUM : INET_TCP_CSUM,
		.hdr_len = gso->header_len,
		.gso_size = gso->gso_size,
		.gso = (uint8_t)gso->gso,
		.csum = VIF_CSUM_PARTIAL,
	};
	if ((gso->flags & ~VIF_PACKET_ECN) ||
	    vif_packet_check(packet, queue->io.medium) < 0 ||
	    !has_right_lengths(gso, packet->len))
		return -EINVAL;
	return 0;
}

static int send_gso(struct vif_queue *queue, struct port_counters *counters,
		    const struct vif_queue_gso *gso)
{
	struct iovec seg[VIF_PACKET_SEG_MAX];
	struct vif_packet packet;
	int r = assemble(queue, gso, seg, &packet);

	if (r < 0)
		return r;
	if (packet.len - packet.hdr_len <= packet.gso_size) {
		packet.gso = VIF_GSO_NONE;
		packet.gso_size = 0;
		packet.hdr_len = 0;
		packet.flags = 0;
	}
	if (port_tx_fits(&queue->set->caps, &packet) != VIF_DROP_N)
		return -EOPNOTSUPP;
	if (!is_within_mtu(queue, &packet))
		return -EMSGSIZE;
	return send_burst(queue, counters, &packet, 1);
}

int vif_queue_tx(struct vif_queue *queue, const struct vif_packet *packet,
		 unsigned int n)
{
	return send_burst(queue, &queue->counters.tx, packet, n);
}

int vif_queue_gso(struct vif_queue *queue, const struct vif_queue_gso *gso)
{
	return send_gso(queue, &queue->counters.tx, gso);
}

/* A writer that was closed, so that its counters and memory are not lost. */
static struct vif_queue_writer *find_closed(struct vif_queue *queue)
{
	struct vif_queue_writer *writer = queue->writers;

	while (writer && writer->is_open)
		writer = writer->next;
	return writer;
}

static struct vif_queue_writer *writer_new(struct vif_queue *queue)
{
	size_t size = align_up(sizeof(struct vif_queue_writer),
			       _Alignof(struct vif_queue_writer));
	struct vif_queue_writer *writer =
		aligned_alloc(_Alignof(struct vif_queue_writer), size);

	if (!writer)
		return NULL;
	memset(writer, 0, size);
	writer->queue = queue;
	writer->next = queue->writers;
	queue->writers = writer;
	return writer;
}

int vif_queue_writer_open(struct vif_queue *queue,
			  struct vif_queue_writer **ret_writer)
{
	struct vif_queue_writer *writer;

	queue_lock(queue->set);
	writer = find_closed(queue);
	if (!writer)
		writer = writer_new(queue);
	if (writer)
		writer->is_open = true;
	queue_unlock(queue->set);
	if (!writer)
		return -ENOMEM;
	*ret_writer = writer;
	return 0;
}

void vif_queue_writer_close(struct vif_queue_writer *writer)
{
	if (!writer)
		return;
	queue_lock(writer->queue->set);
	writer->is_open = false;
	queue_unlock(writer->queue->set);
}

int vif_queue_writer_tx(struct vif_queue_writer *writer,
			const struct vif_packet *packet, unsigned int n)
{
	return send_burst(writer->queue, &writer->tx, packet, n);
}

int vif_queue_writer_gso(struct vif_queue_writer *writer,
			 const struct vif_queue_gso *gso)
{
	return send_gso(writer->queue, &writer->tx, gso);
}

void vif_queue_stop(struct vif_queue *queue)
{
	const uint64_t one = 1;
	ssize_t n;

	if (atomic_exchange(&queue->stopped, true))
		return;
	n = write(queue->stop_fd, &one, sizeof(one));
	assert(n == sizeof(one)); /* cannot be full after one write */
}

static int cannot_attach(const struct vif_queue *queue, bool attached, int code,
			 struct vif_error *error)
{
	char name[IF_NAMESIZE];
	unsigned int flags;

	/* A device that is gone gives EINVAL, too. */
	if (code == -EINVAL && tun_get(queue->io.fd, name, &flags) == -EBADFD)
		code = -EBADFD;
	error_set(error, code, "cannot %s the queue",
		  attached ? "attach" : "detach");
	if (code != -EINVAL)
		return code;
	error_why(error, code, "its device has a single queue");
	return error_hint(error, code, "make the device with IFF_MULTI_QUEUE");
}

int vif_queue_attach(struct vif_queue *queue, bool attached,
		     struct vif_error *error)
{
	int r = 0;

	queue_lock(queue->set);
	if (queue->is_attached != attached)
		r = tun_set_attached(queue->io.fd, attached);
	if (r == 0)
		queue->is_attached = attached;
	queue_unlock(queue->set);
	return r < 0 ? cannot_attach(queue, attached, r, error) : 0;
}

const struct vif_port_caps *vif_queue_caps(const struct vif_queue *queue)
{
	return &queue->set->caps;
}

int vif_queue_fd(const struct vif_queue *queue)
{
	return queue->io.fd;
}

void queue_add_stats(const struct vif_queue *queue,
		     struct vif_port_stats *stats)
{
	const struct vif_queue_writer *writer = queue->writers;

	port_add_rx_stats(&queue->counters.rx, stats);
	port_add_tx_stats(&queue->counters.tx, stats);
	for (; writer; writer = writer->next)
		port_add_tx_stats(&writer->tx, stats);
}

void vif_queue_stats(struct vif_queue *queue, struct vif_port_stats *ret_stats)
{
	memset(ret_stats, 0, sizeof(*ret_stats));
	queue_lock(queue->set);
	queue_add_stats(queue, ret_stats);
	queue_unlock(queue->set);
}
