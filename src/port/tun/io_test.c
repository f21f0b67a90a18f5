/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of receiving into room of somebody else. A pair of datagram sockets
 * does for a device: one read takes one packet.
 */
#include "port/tun/io.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/super.h"

enum io_test_facts {
	ROOM = 3 * 65536 + 16384,
	PIECES = ROOM / 2048,
	HEADER = 10,
	/* One packet more than the arena has room for headers of. */
	MANY = TUN_ARENA_SIZE / VIF_PACKET_HDR_MAX + 1,
	MANY_PIECES = MANY + TUN_READ_MAX / 2048 + 1,
};

struct device {
	struct tun_refusals refusals;
	struct tun_io io;
	struct port_counters counters;
	struct vif_batch *batch;
	uint8_t *room;
	struct iovec piece[PIECES];
	unsigned int n_piece;
	int fd; /* where the kernel would be */
};

static struct device *device_new(uint32_t size, uint32_t stride)
{
	struct device *device = calloc(1, sizeof(*device));
	int fd[2];

	assert_non_null(device);
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, fd),
			 0);
	device->fd = fd[0];
	assert_int_equal(tun_io_init(&device->io, fd[1], &device->refusals), 0);
	device->io.header_size = HEADER;
	device->io.medium = VIF_MEDIUM_IP;
	assert_int_equal(vif_batch_new(16, 1024, &device->batch), 0);
	device->room = malloc(ROOM);
	assert_non_null(device->room);
	memset(device->room, 0xee, ROOM);
	for (uint32_t at = 0; at + stride <= ROOM && device->n_piece < PIECES;
	     at += stride)
		device->piece[device->n_piece++] =
			(struct iovec){ device->room + at, size };
	return device;
}

static void device_free(struct device *device)
{
	tun_io_fini(&device->io);
	(void)close(device->fd);
	vif_batch_free(device->batch);
	free(device->room);
	free(device);
}

static int rx_into(struct device *device, unsigned int n_piece)
{
	vif_batch_clear(device->batch);
	return tun_io_rx_into(&device->io, &device->counters, device->piece,
			      n_piece, device->batch);
}

/* A TCP superpacket of len bytes. */
static void make_super(struct super *super, uint32_t len)
{
	uint8_t *byte = malloc(len);

	assert_non_null(byte);
	super_make("ip4 tcp+12 data+1000", 1448, super);
	for (uint32_t i = 0; i < len; i++)
		byte[i] = (uint8_t)(i * 7 + (i >> 8));
	memcpy(byte, super->byte, super->packet.hdr_len);
	put_be16(byte + 2, (uint16_t)len);
	free(super->byte);
	super->byte = byte;
	super->seg = (struct iovec){ byte, len };
	super->packet.len = len;
}

/* As a kernel sends a superpacket, with nothing but its virtio_net_hdr. */
static void kernel_sends(struct device *device, const struct super *super)
{
	uint8_t bytes[HEADER + 65535];
	const struct vif_packet *packet = &super->packet;

	memset(bytes, 0, HEADER);
	bytes[0] = 1; /* NEEDS_CSUM */
	bytes[1] = 1; /* TCPV4 */
	memcpy(bytes + 4, &packet->gso_size, 2);
	memcpy(bytes + 6, &packet->l4_off, 2);
	memcpy(bytes + 8, &packet->csum_off, 2);
	memcpy(bytes + HEADER, super->byte, packet->len);
	assert_int_equal(send(device->fd, bytes, HEADER + packet->len, 0),
			 HEADER + packet->len);
}

static void kernel_sends_plain(struct device *device, size_t len)
{
	uint8_t bytes[HEADER + 65535 + 100] = { 0 };

	if (len > 0)
		bytes[HEADER] = 0x45;
	assert_int_equal(send(device->fd, bytes, HEADER + len, 0),
			 HEADER + len);
}

static void expect_bytes(const struct vif_packet *packet,
			 const struct super *super)
{
	uint32_t at = 0;

	assert_int_equal(packet->len, super->packet.len);
	for (uint16_t i = 0; i < packet->n_seg; i++) {
		assert_memory_equal(packet->seg[i].iov_base, super->byte + at,
				    packet->seg[i].iov_len);
		at += (uint32_t)packet->seg[i].iov_len;
	}
	assert_int_equal(at, packet->len);
}

static bool is_in_room(const struct device *device, const void *data)
{
	return (size_t)((const uint8_t *)data - device->room) < ROOM;
}

static void payload_goes_into_pieces(void **state)
{
	static const struct {
		uint32_t size, stride;
		uint16_t n_seg; /* of a packet, at most */
	} cases[] = { { 2048, 2048, 2 }, { 2048, 2112, 33 } };
	struct super super[3];

	(void)state;
	make_super(&super[0], 61000);
	make_super(&super[1], 3000);
	make_super(&super[2], 65535);
	for (size_t i = 0; i < 2; i++) {
		struct device *device =
			device_new(cases[i].size, cases[i].stride);
		unsigned int first = 0;

		for (int j = 0; j < 3; j++)
			kernel_sends(device, &super[j]);
		assert_int_equal(rx_into(device, device->n_piece), 3);
		for (int j = 0; j < 3; j++) {
			const struct vif_packet *packet =
				&device->batch->packet[j];

			expect_bytes(packet, &super[j]);
			assert_int_equal(packet->gso, VIF_GSO_TCP4);
			assert_int_equal(packet->hdr_len,
					 super[j].packet.hdr_len);
			assert_int_equal(
				vif_packet_check(packet, VIF_MEDIUM_IP), 0);
			assert_true(packet->flags & VIF_PACKET_HOSTILE);
			assert_in_range(packet->n_seg, 2, cases[i].n_seg);
			/* Nobody else can change the headers. */
			assert_int_equal(packet->seg[0].iov_len,
					 VIF_PACKET_HDR_MAX);
			assert_false(
				is_in_room(device, packet->seg[0].iov_base));
			assert_ptr_equal(
				packet->seg[1].iov_base,
				(uint8_t *)device->piece[first].iov_base +
					VIF_PACKET_HDR_MAX);
			first += (packet->len + 2047) / 2048;
		}
		assert_int_equal(counter_read(&device->counters.packets), 3);
		assert_int_equal(counter_read(&device->counters.superpackets),
				 3);
		/* Beyond the last packet nothing was written. */
		for (unsigned int j = first; j < device->n_piece; j++)
			assert_int_equal(*(uint8_t *)device->piece[j].iov_base,
					 0xee);
		device_free(device);
	}
	for (int j = 0; j < 3; j++)
		free(super[j].byte);
}

static void small_ones_are_headers_alone(void **state)
{
	struct device *device = device_new(2048, 2048);

	(void)state;
	for (size_t len = VIF_PACKET_HDR_MAX - 1; len < VIF_PACKET_HDR_MAX + 2;
	     len++) {
		kernel_sends_plain(device, len);
		assert_int_equal(rx_into(device, device->n_piece), 1);
		assert_int_equal(device->batch->packet->len, len);
		assert_int_equal(device->batch->packet->n_seg,
				 len > VIF_PACKET_HDR_MAX ? 2 : 1);
	}
	device_free(device);
}

static void bad_ones_take_no_room(void **state)
{
	struct device *device = device_new(2048, 2048);
	struct super super;

	(void)state;
	make_super(&super, 5000);
	kernel_sends_plain(device, 0);
	kernel_sends(device, &super);
	super.packet.csum_off = 7; /* of no protocol */
	kernel_sends(device, &super);
	kernel_sends(device, &super);
	assert_int_equal(rx_into(device, device->n_piece), 1);
	assert_ptr_equal(device->batch->packet->seg[1].iov_base,
			 device->room + VIF_PACKET_HDR_MAX);
	assert_int_equal(counter_read(&device->counters.drops[VIF_DROP_HEADER]),
			 3);
	assert_int_equal(device->batch->n_seg, 2);
	free(super.byte);
	device_free(device);
}

/* What is not read stays where it is. */
static void too_little_room_takes_no_packet(void **state)
{
	struct device *device = device_new(2048, 2048);

	(void)state;
	kernel_sends_plain(device, 100);
	assert_int_equal(rx_into(device, 32), -ENOBUFS);
	assert_int_equal(rx_into(device, 33), 1);
	assert_int_equal(rx_into(device, 33), 0); /* there is no other one */
	/* Room for one is not room for two. */
	kernel_sends_plain(device, 3000);
	kernel_sends_plain(device, 3000);
	assert_int_equal(rx_into(device, 34), 1);
	assert_int_equal(rx_into(device, 34), 1);
	device_free(device);
	/* More pieces than a packet can have are too little room, too. */
	device = device_new(1024, 1088);
	kernel_sends_plain(device, 100);
	assert_int_equal(rx_into(device, device->n_piece), -ENOBUFS);
	device_free(device);
}

static void memory_that_is_gone_is_not_the_device(void **state)
{
	struct device *device = device_new(2048, 2048);

	(void)state;
	for (unsigned int i = 1; i < device->n_piece; i++)
		device->piece[i].iov_base = (uint8_t *)4096 + (size_t)2048 * i;
	kernel_sends_plain(device, 9000);
	assert_int_equal(rx_into(device, device->n_piece), 0);
	device_free(device);
}

/* Each read of an event that counts down is a packet of eight bytes. */
static void a_burst_is_as_long_as_its_headers_fit(void **state)
{
	struct device *device = device_new(2048, 2048);
	struct iovec *piece = calloc(MANY_PIECES, sizeof(*piece));
	struct vif_batch *batch;
	uint8_t *last;

	(void)state;
	assert_non_null(piece);
	for (unsigned int i = 0; i < MANY_PIECES; i++)
		piece[i] = device->piece[i % 2];
	(void)close(device->io.fd);
	device->io.fd = eventfd(MANY, EFD_SEMAPHORE | EFD_NONBLOCK);
	device->io.header_size = 0;
	assert_int_equal(vif_batch_new(MANY, 2 * MANY, &batch), 0);
	assert_int_equal(tun_io_rx_into(&device->io, &device->counters, piece,
					MANY_PIECES, batch),
			 MANY - 1);
	last = batch->packet[MANY - 2].seg->iov_base;
	assert_true(last + VIF_PACKET_HDR_MAX <=
		    device->io.arena + TUN_ARENA_SIZE);
	/* The one that is left comes with the next burst. */
	vif_batch_clear(batch);
	assert_int_equal(tun_io_rx_into(&device->io, &device->counters, piece,
					MANY_PIECES, batch),
			 1);
	vif_batch_free(batch);
	free(piece);
	device_free(device);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(payload_goes_into_pieces),
		cmocka_unit_test(small_ones_are_headers_alone),
		cmocka_unit_test(bad_ones_take_no_room),
		cmocka_unit_test(too_little_room_takes_no_packet),
		cmocka_unit_test(memory_that_is_gone_is_not_the_device),
		cmocka_unit_test(a_burst_is_as_long_as_its_headers_fit),
	};

	return cmocka_run_group_tests_name("tun_io", tests, NULL, NULL);
}
