/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Superpackets made of headers and payload: what fits together, what arrives,
 * and what is refused.
 */
#include <errno.h>
#include <linux/virtio_net.h>
#include <poll.h>
#include <string.h>
#include <sys/uio.h>

#include "base/bits.h"
#include "tests/contract/probe.h"
#include "tests/queue/device.h"
#include "wire/bytes.h"

enum {
	FLAGS = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR,
};

#ifndef VIRTIO_NET_HDR_GSO_UDP_L4
#define VIRTIO_NET_HDR_GSO_UDP_L4 5
#endif

/* The parts of a probe: its headers, and its payload in n pieces. */
struct parts {
	struct iovec payload[VIF_PACKET_SEG_MAX];
	struct vif_queue_gso gso;
};

static void take_apart(struct probe *probe, uint16_t n, struct parts *parts)
{
	const struct vif_packet *packet = &probe->packet;
	uint8_t *at = probe->bytes + packet->hdr_len;
	size_t left = packet->len - packet->hdr_len;

	assert_int_equal(packet->n_seg, 1);
	assert_ptr_equal(packet->seg[0].iov_base, probe->bytes);
	for (uint16_t i = 0; i < n; i++) {
		size_t len = i + 1 < n ? left / 2 : left;

		parts->payload[i] = (struct iovec){ at, len };
		at += len;
		left -= len;
	}
	parts->gso = (struct vif_queue_gso){
		.header = probe->bytes,
		.header_len = packet->hdr_len,
		.l3_off = packet->l3_off,
		.l4_off = packet->l4_off,
		.gso_size = packet->gso_size,
		.gso = (enum vif_gso)packet->gso,
		.flags = packet->flags,
		.n_payload = n,
		.payload = parts->payload,
	};
}

static const uint8_t virtio_gso[] = {
	[VIF_GSO_NONE] = VIRTIO_NET_HDR_GSO_NONE,
	[VIF_GSO_TCP4] = VIRTIO_NET_HDR_GSO_TCPV4,
	[VIF_GSO_TCP6] = VIRTIO_NET_HDR_GSO_TCPV6,
	[VIF_GSO_UDP] = VIRTIO_NET_HDR_GSO_UDP_L4,
};

/* The next probe the kernel has got from the device. */
static void arrive(const struct device *device, struct probe_seen *seen,
		   struct virtio_net_hdr *header)
{
	static uint8_t bytes[PROBE_BUFFER];
	struct iovec iov[2] = { { header, sizeof(*header) },
				{ bytes, sizeof(bytes) } };
	struct pollfd ready = { .fd = device->packet_fd, .events = POLLIN };

	while (poll(&ready, 1, DEVICE_PATIENCE_MS) == 1) {
		ssize_t n = readv(device->packet_fd, iov, 2);
		struct iovec seg = { bytes, 0 };
		struct vif_packet packet = { .seg = &seg, .n_seg = 1 };

		if (n < (ssize_t)sizeof(*header))
			continue;
		packet.len = (uint32_t)n - (uint32_t)sizeof(*header);
		seg.iov_len = packet.len;
		if (probe_look(&packet, false, seen))
			return;
	}
	fail_msg("nothing arrives");
}

static void kinds_arrive_whole(void **state)
{
	static const enum probe_kind kinds[] = { PROBE_GSO_TCP4, PROBE_GSO_TCP6,
						 PROBE_GSO_UDP4 };
	static const uint16_t pieces[] = { 1, 2, 7 };
	static struct probe probe;
	static struct probe_seen seen;
	struct virtio_net_hdr header = { .flags = 0 };
	struct device device;
	int fd = device_make(&device, FLAGS);
	struct vif_queue_set *set = device_set(NULL, &fd, 1);
	struct vif_queue *queue = vif_queue_set_at(set, 0);
	struct vif_port_stats stats;
	uint64_t n = 0;

	(void)state;
	device_up(&device);
	for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
		for (size_t p = 0; p < ARRAY_LEN(pieces); p++) {
			struct parts parts;

			probe_make(&probe, kinds[k], false, (uint32_t)n, 5500);
			take_apart(&probe, pieces[p], &parts);
			assert_int_equal(vif_queue_gso(queue, &parts.gso), 1);
			arrive(&device, &seen, &header);
			assert_int_equal(seen.serial, n);
			assert_int_equal(header.gso_type,
					 virtio_gso[probe.packet.gso]);
			assert_int_equal(header.gso_size, PROBE_GSO_SIZE);
			assert_int_equal(header.csum_start,
					 probe.packet.l4_off);
			assert_int_equal(seen.len, probe.packet.len);
			assert_memory_equal(seen.bytes, probe.bytes,
					    probe.packet.len);
			n++;
		}
	}
	vif_queue_stats(queue, &stats);
	assert_int_equal(stats.tx_superpackets, n);
	assert_int_equal(stats.tx_packets, n);
	vif_queue_set_free(set);
	device_close(&device);
}

/* The kernel cuts it for a socket that wants datagrams. */
static void the_kernel_finishes_and_cuts(void **state)
{
	static uint8_t bytes[3000], got[3000];
	struct device device;
	int fd = device_make(&device, FLAGS);
	struct vif_queue_set *set = device_set(NULL, &fd, 1);
	struct vif_queue_writer *writer;
	struct iovec payload[3];
	struct vif_queue_gso gso = {
		.header = bytes,
		.header_len = 28,
		.l4_off = 20,
		.gso_size = 1000,
		.gso = VIF_GSO_UDP,
		.n_payload = 3,
		.payload = payload,
	};

	(void)state;
	device_up(&device);
	assert_int_equal(
		vif_queue_writer_open(vif_queue_set_at(set, 0), &writer), 0);
	(void)device_datagram(&device, bytes, DEVICE_PORT, 2500);
	payload[0] = (struct iovec){ bytes + 28, 1 };
	payload[1] = (struct iovec){ bytes + 29, 1800 };
	payload[2] = (struct iovec){ bytes + 1829, 699 };
	assert_int_equal(vif_queue_writer_gso(writer, &gso), 1);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(device_receive(&device, got, sizeof(got)),
				 i < 2 ? 1000 : 500);
		assert_memory_equal(got, bytes + 28 + i * 1000,
				    i < 2 ? 1000 : 500);
	}
	/* A lone segment: a plain datagram whose checksum the kernel does. */
	(void)device_datagram(&device, bytes, DEVICE_PORT, 999);
	gso.n_payload = 1;
	payload[0] = (struct iovec){ bytes + 28, 999 };
	assert_int_equal(vif_queue_writer_gso(writer, &gso), 1);
	assert_int_equal(device_receive(&device, got, sizeof(got)), 999);
	/* And one without payload. */
	(void)device_datagram(&device, bytes, DEVICE_PORT, 0);
	gso.n_payload = 0;
	assert_int_equal(vif_queue_writer_gso(writer, &gso), 1);
	assert_int_equal(device_receive(&device, got, sizeof(got)), 0);
	vif_queue_writer_close(writer);
	vif_queue_writer_close(NULL);
	vif_queue_set_free(set);
	device_close(&device);
}

/* Changes one thing that makes the parts not fit together, or none. */
typedef void spoil(struct probe *probe, struct parts *parts);

static void nothing(struct probe *probe, struct parts *parts)
{
	(void)probe, (void)parts;
}

static void exact_segment(struct probe *probe, struct parts *parts)
{
	(void)probe;
	parts->gso.gso_size = 5500;
}

static void no_kind(struct probe *probe, struct parts *parts)
{
	(void)probe;
	parts->gso.gso = VIF_GSO_NONE;
}

/* As narrow as it is in a packet, this is VIF_GSO_NONE. */
static void far_kind(struct probe *probe, struct parts *parts)
{
	(void)probe;
	parts->gso.gso = (enum vif_gso)256;
}

static void other_version(struct probe *probe, struct parts *parts)
{
	(void)probe;
	parts->gso.gso = VIF_GSO_TCP6;
}

static void other_protocol(struct probe *probe, struct parts *parts)
{
	(void)probe;
	parts->gso.gso = VIF_GSO_UDP;
}

static void no_size(struct probe *probe, struct parts *parts)
{
	(void)probe;
	parts->gso.gso_size = 0;
}

static void no_header(struct probe *probe, struct parts *parts)
{
	(void)probe;
	parts->gso.header_len = 0;
}

static void short_header(struct probe *probe, struct parts *parts)
{
	(void)probe;
	parts->gso.header_len--;
}

static void long_header(struct probe *probe, struct parts *parts)
{
	(void)probe;
	parts->gso.header_len++;
	parts->payload[0].iov_base = (uint8_t *)parts->payload[0].iov_base + 1;
	parts->payload[0].iov_len--;
}

static void bad_nibble(struct probe *probe, struct parts *parts)
{
	(void)parts;
	probe->bytes[0] = 0x55;
}

static void wrong_l4(struct probe *probe, struct parts *parts)
{
	(void)probe;
	parts->gso.l4_off += 4;
}

static void wrong_l3(struct probe *probe, struct parts *parts)
{
	(void)probe;
	parts->gso.l3_off = 4;
}

static void empty_piece(struct probe *probe, struct parts *parts)
{
	(void)probe;
	parts->payload[2] = (struct iovec){ parts->payload[1].iov_base, 0 };
	parts->gso.n_payload = 3;
}

/* Q23: more headers than are ever looked at, and more pieces than there are. */
static void endless_header(struct probe *probe, struct parts *parts)
{
	size_t more = VIF_PACKET_HDR_MAX + 1u - parts->gso.header_len;

	(void)probe;
	parts->gso.header_len = VIF_PACKET_HDR_MAX + 1;
	parts->payload[0].iov_base =
		(uint8_t *)parts->payload[0].iov_base + more;
	parts->payload[0].iov_len -= more;
}

static void many_pieces(struct probe *probe, struct parts *parts)
{
	(void)probe;
	for (size_t i = 0; i < VIF_PACKET_SEG_MAX; i++)
		parts->payload[i].iov_len = 1;
	parts->gso.n_payload = VIF_PACKET_SEG_MAX;
}

static void wrong_ip_length(struct probe *probe, struct parts *parts)
{
	(void)parts;
	put_be16(probe->bytes + 2, 5000);
}

static void beyond_64k(struct probe *probe, struct parts *parts)
{
	(void)probe;
	parts->payload[1].iov_len = 65000;
}

static void far_beyond(struct probe *probe, struct parts *parts)
{
	(void)probe;
	parts->payload[0].iov_len = SIZE_MAX;
}

static void odd_flags(struct probe *probe, struct parts *parts)
{
	(void)probe;
	parts->gso.flags = VIF_PACKET_HOSTILE;
}

static void geometry_is_checked(void **state)
{
	static const struct {
		spoil *spoil;
		int want;
	} cases[] = {
		{ nothing, 1 },
		{ exact_segment, 1 },
		{ no_kind, -EINVAL },
		{ far_kind, -EINVAL },
		{ other_version, -EINVAL },
		{ other_protocol, -EINVAL },
		{ no_size, -EINVAL },
		{ no_header, -EINVAL },
		{ short_header, -EINVAL },
		{ long_header, -EINVAL },
		{ endless_header, -EINVAL },
		{ bad_nibble, -EINVAL },
		{ wrong_l4, -EINVAL },
		{ wrong_l3, -EINVAL },
		{ empty_piece, -EINVAL },
		{ many_pieces, -EINVAL },
		{ wrong_ip_length, -EINVAL },
		{ beyond_64k, -EINVAL },
		{ far_beyond, -EINVAL },
		{ odd_flags, -EINVAL },
	};
	static struct probe probe;
	struct vif_port_stats stats;
	struct device device;
	int fd = device_make(&device, FLAGS);
	struct vif_queue_set *set = device_set(NULL, &fd, 1);

	(void)state;
	device_up(&device);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct parts parts;
		int r;

		probe_make(&probe, PROBE_GSO_TCP4, false, 1, 5500);
		take_apart(&probe, 2, &parts);
		cases[i].spoil(&probe, &parts);
		r = vif_queue_gso(vif_queue_set_at(set, 0), &parts.gso);
		if (r != cases[i].want)
			fail_msg("case %zu: %d, not %d", i, r, cases[i].want);
	}
	vif_queue_set_stats(set, &stats);
	assert_int_equal(stats.tx_packets, 2);
	assert_int_equal(stats.tx_superpackets, 1);
	for (int i = 0; i < VIF_DROP_N; i++)
		assert_int_equal(stats.tx_drops[i], 0);
	vif_queue_set_free(set);
	device_close(&device);
}

static void what_cannot_be_sent_is_said(void **state)
{
	static struct probe probe;
	struct vif_queue_config config = {
		.size = sizeof(config),
		.offload = VIF_QUEUE_OFFLOAD_TSO,
	};
	struct parts parts;
	struct device device;
	int fd = device_make(&device, FLAGS);
	struct vif_queue_set *set = device_set(&config, &fd, 1);

	(void)state;
	device_up(&device);
	probe_make(&probe, PROBE_GSO_UDP4, false, 1, 5500);
	take_apart(&probe, 2, &parts);
	assert_int_equal(vif_queue_gso(vif_queue_set_at(set, 0), &parts.gso),
			 -EOPNOTSUPP);
	probe_make(&probe, PROBE_GSO_UDP4, false, 1, 500);
	take_apart(&probe, 2, &parts);
	assert_int_equal(vif_queue_gso(vif_queue_set_at(set, 0), &parts.gso),
			 1);
	vif_queue_set_free(set);
	device_close(&device);

	config.offload = VIF_QUEUE_OFFLOAD_OFF;
	fd = device_make(&device, FLAGS);
	set = device_set(&config, &fd, 1);
	assert_int_equal(vif_queue_gso(vif_queue_set_at(set, 0), &parts.gso),
			 -EOPNOTSUPP);
	vif_queue_set_free(set);
}

/* Q27: it is the segments that have to fit, not the superpacket. */
static void mtu_counts_for_segments(void **state)
{
	static const struct {
		uint32_t mtu, payload;
		int want;
	} cases[] = {
		{ PROBE_GSO_SIZE + 39, 5500, -EMSGSIZE },
		{ PROBE_GSO_SIZE + 40, 5500, 1 },
		{ 539, 500, -EMSGSIZE },
		{ 540, 500, 1 },
	};
	static struct probe probe;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct vif_queue_config config = {
			.size = sizeof(config),
			.mtu = cases[i].mtu,
		};
		struct parts parts;
		struct vif_packet three[3];
		struct vif_port_stats stats;
		struct device device;
		int fd = device_make(&device, FLAGS);
		struct vif_queue_set *set = device_set(&config, &fd, 1);
		struct vif_queue *queue = vif_queue_set_at(set, 0);

		device_up(&device);
		probe_make(&probe, PROBE_GSO_TCP4, false, 1, cases[i].payload);
		take_apart(&probe, 1, &parts);
		assert_int_equal(vif_queue_gso(queue, &parts.gso),
				 cases[i].want);
		/* In a burst it is dropped, and the others are not. */
		three[0] = three[1] = three[2] = probe.packet;
		three[0].len = 0; /* no packet at all */
		assert_int_equal(vif_queue_tx(queue, three, 3), 3);
		vif_queue_stats(queue, &stats);
		assert_int_equal(stats.tx_drops[VIF_DROP_TOO_LONG],
				 cases[i].want == 1 ? 0 : 2);
		assert_int_equal(stats.tx_drops[VIF_DROP_HEADER], 1);
		assert_int_equal(stats.tx_packets, cases[i].want == 1 ? 3 : 0);
		vif_queue_set_free(set);
		device_close(&device);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kinds_arrive_whole),
		cmocka_unit_test(the_kernel_finishes_and_cuts),
		cmocka_unit_test(geometry_is_checked),
		cmocka_unit_test(what_cannot_be_sent_is_said),
		cmocka_unit_test(mtu_counts_for_segments),
	};
	int r = device_prepare();

	return r != 0 ? r : cmocka_run_group_tests(tests, NULL, NULL);
}
