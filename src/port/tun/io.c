/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The data path of a TUN or TAP queue: one packet for each system call, with
 * its virtio_net_hdr in front.
 *
 * A burst is read into an arena, one packet behind the other, so that small
 * packets share cache lines and a burst of superpackets stays in the cache
 * until it is written.
 */
#include "port/tun/io.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/bits.h"
#include "packet/cut.h"
#include "packet/offload.h"

enum io_limits {
	IO_ALIGN = 64,
	/* Headers land just before this boundary, packets on it. */
	IO_HEADROOM = 64,
	IO_RETRIES = 3, /* of a write that found no memory */
	/* Packets of a burst whose headers the arena can hold. */
	IO_PLACED_MAX = TUN_ARENA_SIZE / VIF_PACKET_HDR_MAX,
};

static_assert(VIRTIO_NET_LEN_MAX <= 2 * IO_HEADROOM, "header room");
static_assert(VIF_PACKET_SEG_MAX + 1 <= IOV_MAX, "one writev() a packet");

int tun_io_init(struct tun_io *io, int fd, struct tun_refusals *refusals)
{
	uint8_t *arena = mmap(NULL, TUN_ARENA_SIZE, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (arena == MAP_FAILED)
		return -ENOMEM;
	*io = (struct tun_io){
		.fd = fd,
		.arena = arena,
		.refusals = refusals,
	};
	return 0;
}

void tun_io_release(struct tun_io *io)
{
	(void)munmap(io->arena, TUN_ARENA_SIZE);
}

void tun_io_fini(struct tun_io *io)
{
	(void)close(io->fd); /* packets are gone either way */
	tun_io_release(io);
}

/* Errors that mean the device is gone: EFAULT once, EBADFD ever after. */
static bool is_gone(int error)
{
	return error == EBADFD || error == EFAULT || error == ENODEV ||
	       error == ENXIO;
}

/* Whether n bytes are a packet and its header. If not, it is dropped. */
static bool is_whole(const struct tun_io *io, struct port_counters *counters,
		     size_t n)
{
	if (n > io->header_size && n < TUN_READ_MAX)
		return true;
	port_drop(counters,
		  n <= io->header_size ? VIF_DROP_HEADER : VIF_DROP_TRUNCATED);
	return false;
}

/* Takes a packet of n bytes at `at`, header first. Returns bytes to keep. */
static size_t accept_packet(const struct tun_io *io,
			    struct port_counters *counters, uint8_t *at,
			    size_t n, struct vif_batch *batch)
{
	struct vif_packet *packet;

	if (!is_whole(io, counters, n))
		return 0;
	packet = vif_batch_add(batch, at + io->header_size,
			       (uint32_t)n - io->header_size);
	assert(packet); /* the caller has looked for room */
	if (io->header_size > 0) {
		struct virtio_net header = virtio_net_get(at);

		if (offload_from_virtio(packet, io->medium, &header) < 0) {
			batch->n--;
			batch->n_seg--;
			port_drop(counters, VIF_DROP_HEADER);
			return 0;
		}
	}
	port_count(counters, packet);
	return n;
}

/* What a failed read means when there is nothing to deliver first. */
static int no_packet(int error)
{
	if (error == EAGAIN || error == ENOMEM)
		return 0;
	return is_gone(error) ? -ENODEV : -error;
}

int tun_io_rx(struct tun_io *io, struct port_counters *counters,
	      struct vif_batch *batch)
{
	/* The packet itself, not its header, begins a cache line. */
	size_t used = align_up(io->header_size, IO_ALIGN) - io->header_size;
	ssize_t n;

	/* Bounded by reads and not by packets: bad ones are not kept. */
	for (uint32_t i = 0; i < batch->n_max; i++) {
		if (batch->n_seg == batch->n_seg_max ||
		    used + TUN_READ_MAX > TUN_ARENA_SIZE)
			break;
		n = read(io->fd, io->arena + used, TUN_READ_MAX);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return batch->n > 0 ? (int)batch->n : no_packet(errno);
		used += align_up(accept_packet(io, counters, io->arena + used,
					       (size_t)n, batch),
				 IO_ALIGN);
	}
	return (int)batch->n;
}

/* Room of somebody else for one packet, and how much of it was used. */
struct place {
	struct iovec part[VIF_PACKET_SEG_MAX + 1]; /* the first: our header */
	unsigned int n;
};

/*
 * Joins pieces, as far as they lie in a row, to what one read can fill. Returns
 * whether that is room enough.
 */
static bool find_place(const struct iovec *piece, unsigned int n, size_t size,
		       struct place *place)
{
	place->n = 1;
	for (unsigned int i = 0; i < n && size > 0; i++) {
		struct iovec *last = &place->part[place->n - 1];
		size_t len = piece[i].iov_len < size ? piece[i].iov_len : size;

		size -= len;
		if (place->n > 1 && (uint8_t *)last->iov_base + last->iov_len ==
					    piece[i].iov_base) {
			last->iov_len += len;
			continue;
		}
		if (place->n == VIF_PACKET_SEG_MAX)
			return false;
		place->part[place->n++] =
			(struct iovec){ piece[i].iov_base, len };
	}
	return size == 0;
}

/* How many pieces a packet takes. */
static unsigned int pieces_of(const struct iovec *piece, size_t len)
{
	unsigned int n = 0;

	for (size_t sum = 0; sum < len; n++)
		sum += piece[n].iov_len;
	return n;
}

/*
 * Adds a packet of len bytes that has been put into a place to the batch, with a
 * copy of its headers in front. Returns it.
 */
static struct vif_packet *add_placed(const struct place *place, uint8_t *header,
				     size_t len, struct vif_batch *batch)
{
	struct iovec *seg = &batch->seg[batch->n_seg];
	size_t head = len < VIF_PACKET_HDR_MAX ? len : VIF_PACKET_HDR_MAX;
	struct vif_packet *packet = &batch->packet[batch->n++];
	uint16_t n = 1;

	memcpy(header, place->part[1].iov_base, head);
	seg[0] = (struct iovec){ header, head };
	for (size_t off = 0, i = 1; off < len; i++) {
		size_t part = place->part[i].iov_len;
		size_t skip = off == 0 ? head : 0;

		part = part < len - off ? part : len - off;
		off += part;
		if (part > skip)
			seg[n++] = (struct iovec){
				(uint8_t *)place->part[i].iov_base + skip,
				part - skip
			};
	}
	*packet = (struct vif_packet){
		.seg = seg,
		.len = (uint32_t)len,
		.n_seg = n,
		.flags = VIF_PACKET_HOSTILE,
	};
	batch->n_seg += n;
	return packet;
}

/* Takes a packet of n bytes, header first. Returns whether it is kept. */
static bool accept_placed(const struct tun_io *io,
			  struct port_counters *counters,
			  const struct place *place, uint8_t *headers, size_t n,
			  struct vif_batch *batch)
{
	const uint8_t *ours = place->part[0].iov_base;
	struct vif_packet *packet;

	if (!is_whole(io, counters, n))
		return false;
	packet = add_placed(place, headers, n - io->header_size, batch);
	if (io->header_size > 0) {
		struct virtio_net header = virtio_net_get(ours);

		if (offload_from_virtio(packet, io->medium, &header) < 0) {
			batch->n--;
			batch->n_seg -= packet->n_seg;
			port_drop(counters, VIF_DROP_HEADER);
			return false;
		}
	}
	port_count(counters, packet);
	return true;
}

int tun_io_rx_into(struct tun_io *io, struct port_counters *counters,
		   const struct iovec *piece, unsigned int n_piece,
		   struct vif_batch *batch)
{
	uint8_t ours[VIRTIO_NET_LEN_MAX], *headers = io->arena;
	struct place place;
	ssize_t n;

	place.part[0] = (struct iovec){ ours, io->header_size };
	for (uint32_t i = 0; i < batch->n_max && i < IO_PLACED_MAX; i++) {
		if (batch->n_seg + VIF_PACKET_SEG_MAX > batch->n_seg_max ||
		    !find_place(piece, n_piece, TUN_READ_MAX - io->header_size,
				&place))
			return i > 0 ? (int)batch->n : -ENOBUFS;
		n = readv(io->fd, place.part, (int)place.n);
		if (n < 0 && errno == EINTR)
			continue;
		/* Memory that ran out is not the end of the device, which the
		 * next read of its own will tell. */
		if (n < 0)
			return batch->n > 0 || errno == EFAULT ?
				       (int)batch->n :
				       no_packet(errno);
		if (!accept_placed(io, counters, &place, headers, (size_t)n,
				   batch))
			continue;
		headers += VIF_PACKET_HDR_MAX;
		n = pieces_of(piece, (size_t)n - io->header_size);
		piece += n;
		n_piece -= (unsigned int)n;
	}
	return (int)batch->n;
}

/*
 * Sends one packet, with room for its header in front. Returns 0, or the errno
 * of the write.
 */
static int send_packet(const struct tun_io *io, const struct vif_packet *packet,
		       const struct virtio_net *virtio, uint8_t *header)
{
	struct iovec iov[VIF_PACKET_SEG_MAX + 1];
	int retries = IO_RETRIES;
	int n_iov = 0;

	if (io->header_size > 0) {
		virtio_net_put(virtio, header);
		iov[n_iov++] = (struct iovec){ header, io->header_size };
	}
	for (uint16_t i = 0; i < packet->n_seg; i++)
		iov[n_iov++] = packet->seg[i];
	while (writev(io->fd, iov, n_iov) < 0) {
		/* The kernel's memory comes and goes. */
		if (errno == ENOBUFS && retries-- > 0)
			continue;
		if (errno != EINTR)
			return errno;
	}
	return 0;
}

/* What the errno of a write means for the packet. */
static enum vif_drop drop_reason(int error)
{
	if (error == EIO)
		return VIF_DROP_DOWN;
	if (error == ENOMEM || error == ENOBUFS)
		return VIF_DROP_MEMORY;
	return VIF_DROP_REFUSED;
}

/* Why a packet cannot be sent from here, or VIF_DROP_N when it can. */
static enum vif_drop prepare(const struct tun_io *io,
			     const struct vif_port_caps *caps,
			     const struct vif_packet *packet,
			     struct virtio_net *ret_virtio)
{
	if (offload_to_virtio(packet, io->medium, ret_virtio) < 0)
		return VIF_DROP_HEADER;
	return port_tx_fits(caps, packet);
}

/*
 * Sends the segments of a superpacket. Returns 0, also when some of them were
 * dropped and counted, or the errno of the first write.
 */
static int send_segments(const struct tun_io *io,
			 struct port_counters *counters,
			 const struct vif_packet *packet, uint8_t *header)
{
	uint8_t headers[VIF_PACKET_HDR_MAX];
	struct iovec seg[VIF_PACKET_SEG_MAX + 1];
	struct vif_packet segment;
	struct virtio_net virtio;
	struct cut cut;
	int error = EINVAL;

	if (cut_start(&cut, packet, io->medium, false) < 0)
		return error;
	for (bool first = true;
	     cut_next(&cut, headers, seg, ARRAY_LEN(seg), &segment);
	     first = false) {
		error = EINVAL;
		if (offload_to_virtio(&segment, io->medium, &virtio) == 0)
			error = send_packet(io, &segment, &virtio, header);
		if (error != 0 && (first || is_gone(error)))
			return error;
		/* There is no way back to the first one. */
		if (error == EAGAIN)
			port_drop(counters, VIF_DROP_FULL);
		else if (error != 0)
			port_drop(counters, drop_reason(error));
	}
	return 0;
}

/* Whether the kernel takes such packets, as far as we know. */
static bool is_refused(const struct tun_io *io, const struct vif_packet *packet)
{
	return packet->gso != VIF_GSO_NONE &&
	       (atomic_load_explicit(&io->refusals->kinds,
				     memory_order_relaxed) &
		VIF_GSO_BIT(packet->gso));
}

/* Learns from what became of a superpacket. */
static void note_answer(const struct tun_io *io,
			const struct vif_packet *packet, bool refused)
{
	_Atomic uint32_t *in_a_row = &io->refusals->in_a_row[packet->gso];

	/* Threads that lose a count to each other come to it a bit later. */
	if (!refused) {
		if (atomic_load_explicit(in_a_row, memory_order_relaxed) > 0)
			atomic_store_explicit(in_a_row, 0,
					      memory_order_relaxed);
		return;
	}
	if (atomic_fetch_add_explicit(in_a_row, 1, memory_order_relaxed) + 1 >=
	    TUN_REFUSALS_MAX)
		atomic_fetch_or_explicit(&io->refusals->kinds,
					 VIF_GSO_BIT(packet->gso),
					 memory_order_relaxed);
}

/*
 * Datagrams that the kernel takes in one UDP superpacket: 128 since Linux 6.9,
 * 64 before. What it has a right to refuse says nothing about the rest.
 */
enum udp_segments { UDP_SEGMENTS_OLD = 64, UDP_SEGMENTS_MAX = 128 };

static uint32_t count_datagrams(const struct vif_packet *packet)
{
	uint32_t payload = packet->len - packet->hdr_len;

	if (packet->gso != VIF_GSO_UDP)
		return 0;
	return (payload + packet->gso_size - 1) / packet->gso_size;
}

/*
 * Sends a superpacket, whole if the kernel takes it. Returns 0, or the errno of
 * the write.
 */
static int send_superpacket(const struct tun_io *io,
			    struct port_counters *counters,
			    const struct vif_packet *packet,
			    const struct virtio_net *virtio, uint8_t *header)
{
	uint32_t n = count_datagrams(packet);
	bool asked = n <= UDP_SEGMENTS_MAX && !is_refused(io, packet);
	int error = asked ? send_packet(io, packet, virtio, header) : EINVAL;

	if (error == 0)
		note_answer(io, packet, false);
	if (error != EINVAL)
		return error;
	error = send_segments(io, counters, packet, header);
	if (error != 0)
		return error; /* it comes again, or was not the kernel's fault */
	if (asked && n <= UDP_SEGMENTS_OLD)
		note_answer(io, packet, true);
	counter_add(&counters->refused_superpackets, 1);
	return 0;
}

/* Sends a packet that may be sent, and counts it. As above. */
static int send_counted(const struct tun_io *io, struct port_counters *counters,
			const struct vif_packet *packet,
			const struct virtio_net *virtio, uint8_t *header)
{
	int error =
		packet->gso == VIF_GSO_NONE ?
			send_packet(io, packet, virtio, header) :
			send_superpacket(io, counters, packet, virtio, header);

	if (error == 0)
		port_count(counters, packet);
	return error;
}

int tun_io_tx(const struct tun_io *io, const struct vif_port_caps *caps,
	      struct port_counters *counters, const struct vif_packet *packet,
	      unsigned int n)
{
	uint8_t header[VIRTIO_NET_LEN_MAX] = { 0 };

	for (unsigned int i = 0; i < n; i++) {
		struct virtio_net virtio = { 0 };
		enum vif_drop drop = prepare(io, caps, &packet[i], &virtio);
		int error = 0;

		if (drop == VIF_DROP_N)
			error = send_counted(io, counters, &packet[i], &virtio,
					     header);
		if (error == EAGAIN)
			return (int)i;
		if (is_gone(error))
			return i > 0 ? (int)i : -ENODEV;
		if (error != 0)
			drop = drop_reason(error);
		if (drop != VIF_DROP_N)
			port_drop(counters, drop);
	}
	return (int)n;
}
