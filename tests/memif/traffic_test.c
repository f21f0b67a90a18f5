/* SPDX-License-Identifier: Apache-2.0 */
/* Packets through the queues of an interface, with copies and without. */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/bits.h"
#include "port/memif/interface.h"
#include "port/memif/queue_inner.h"
#include "tests/memif/ends.h"

/* Opens a pair with the same changes to both configs, and connects it. */
static void pair_start(struct pair *pair,
		       const struct vif_memif_interface_config *config)
{
	pair_init(pair);
	for (int i = 0; i < SIDES; i++) {
		enum vif_memif_role role = pair->end[i].config.role;

		pair->end[i].config = *config;
		pair->end[i].config.role = role;
	}
	pair_open(pair);
	pair_connect(pair);
}

static const struct vif_memif_interface_config plain = { .ring_log2 = 6 };

static void one_packet_at_a_time(void **state)
{
	struct vif_memif_queue_details queue;
	uint8_t bytes[200], got[200];
	struct pair pair;

	(void)state;
	pair_start(&pair, &plain);
	for (int from = 0; from < SIDES; from++) {
		struct vif_memif_interface *tx = pair.end[from].interface;
		struct vif_memif_interface *rx = pair.end[1 - from].interface;

		ends_fill(bytes, 1, sizeof(bytes));
		assert_int_equal(vif_memif_read(rx, 0, got, sizeof(got)), 0);
		assert_int_equal(vif_memif_write(tx, 0, bytes, 0), -EINVAL);
		assert_int_equal(
			vif_memif_write(tx, 0, bytes, VIF_PACKET_LEN_MAX + 1),
			-EINVAL);
		for (uint32_t len = 1; len <= sizeof(bytes); len++) {
			memset(got, 0, sizeof(got));
			assert_int_equal(vif_memif_write(tx, 0, bytes, len), 1);
			assert_int_equal(vif_memif_read(rx, 0, got, len),
					 (int)len);
			assert_memory_equal(got, bytes, len);
		}
		/* One that does not fit is gone, and counted. */
		assert_int_equal(vif_memif_write(tx, 0, bytes, 100), 1);
		assert_int_equal(vif_memif_write(tx, 0, bytes, 50), 1);
		assert_int_equal(vif_memif_read(rx, 0, got, 99), -EMSGSIZE);
		assert_int_equal(vif_memif_read(rx, 0, got, 99), 50);
		assert_int_equal(vif_memif_rx_details(rx, 0, &queue), 0);
		assert_int_equal(queue.drops[VIF_DROP_TOO_LONG], 1);
		/* Until it is full. */
		for (int i = 0; i < 64; i++)
			assert_int_equal(vif_memif_write(tx, 0, bytes, 9), 1);
		assert_int_equal(vif_memif_write(tx, 0, bytes, 9), 0);
	}
	pair_close(&pair);
}

enum { BURST = 48, SLOTS = 64 };

static uint8_t space[BURST][256];

/* Packets of different lengths, in pieces of 100 bytes. */
static unsigned int make_burst(struct vif_packet *packet, struct iovec *seg,
			       uint32_t seed)
{
	for (uint32_t i = 0; i < BURST; i++) {
		uint32_t len = 60 + (i * 37 + seed) % 190;

		ends_fill(space[i], len, len);
		packet[i] = (struct vif_packet){ .seg = &seg[(size_t)3 * i],
						 .len = len };
		for (uint32_t at = 0; at < len; at += 100)
			packet[i].seg[packet[i].n_seg++] = (struct iovec){
				space[i] + at, len - at < 100 ? len - at : 100
			};
	}
	return BURST;
}

static void bursts(void **state)
{
	struct vif_packet packet[BURST];
	struct iovec seg[3 * BURST];
	struct pair pair;

	(void)state;
	pair_start(&pair, &plain);
	for (uint32_t turn = 0; turn < 200; turn++) {
		enum ends_side from = turn % 2 ? SERVER : CLIENT;
		struct vif_memif_interface *rx = pair.end[1 - from].interface;
		struct vif_batch *batch = pair.batch[1 - from];

		(void)make_burst(packet, seg, turn);
		assert_int_equal(vif_memif_tx(pair.end[from].interface, 0,
					      packet, BURST),
				 BURST);
		assert_int_equal(vif_memif_rx(rx, 0, batch), BURST);
		for (uint32_t i = 0; i < BURST; i++)
			assert_true(ends_holds(&batch->packet[i], packet[i].len,
					       packet[i].len));
		vif_memif_rx_done(rx, 0, batch);
	}
	pair_close(&pair);
}

static void chains(void **state)
{
	static const uint32_t len[] = { 2048, 2049, 4096, 9000, 65535, 65664 };
	struct pair pair;

	(void)state;
	pair_start(&pair, &plain);
	for (int turn = 0; turn < 10; turn++)
		for (size_t i = 0; i < ARRAY_LEN(len); i++) {
			pair_pass(&pair, CLIENT, 0, len[i]);
			pair_pass(&pair, SERVER, 0, len[i]);
		}
	pair_close(&pair);
}

static void nobody_is_there(void **state)
{
	struct vif_memif_buffer buffer;
	struct end end = { .config = { .n_rx = 2 } };
	struct vif_packet packet = { .seg = NULL };
	struct vif_batch *batch = NULL;
	uint8_t bytes[64] = { 0 };

	(void)state;
	assert_int_equal(vif_batch_new(1, 1, &batch), 0);
	end_open_context(&end);
	end_open_socket(&end, place_path("nobody"));
	end_open(&end);
	assert_int_equal(vif_memif_rx(end.interface, 1, batch), -ENOTCONN);
	assert_int_equal(vif_memif_rx(end.interface, 2, batch), -EINVAL);
	assert_int_equal(vif_memif_read(end.interface, 0, bytes, 64),
			 -ENOTCONN);
	assert_int_equal(vif_memif_read(end.interface, 2, bytes, 64), -EINVAL);
	assert_int_equal(vif_memif_tx(end.interface, 0, &packet, 1), -ENOTCONN);
	assert_int_equal(vif_memif_tx(end.interface, 1, &packet, 1), -EINVAL);
	assert_int_equal(vif_memif_write(end.interface, 0, bytes, 64),
			 -ENOTCONN);
	assert_int_equal(vif_memif_reserve(end.interface, 0, &buffer, 1),
			 -ENOTCONN);
	assert_int_equal(vif_memif_reserve(end.interface, 1, &buffer, 1),
			 -EINVAL);
	assert_int_equal(vif_memif_commit(end.interface, 0, &buffer, 1),
			 -ENOTCONN);
	assert_int_equal(vif_memif_commit(end.interface, 1, &buffer, 1),
			 -EINVAL);
	assert_int_equal(vif_memif_rx_arm(end.interface, 1), 0);
	assert_int_equal(vif_memif_rx_arm(end.interface, 2), -EINVAL);
	assert_true(vif_memif_rx_fd(end.interface, 1) >= 0);
	assert_int_equal(vif_memif_rx_fd(end.interface, 2), -EINVAL);
	assert_int_equal(
		vif_memif_set_rx_mode(end.interface, 2, VIF_MEMIF_RX_POLL),
		-EINVAL);
	vif_memif_rx_done(end.interface, 0, batch);
	vif_memif_rx_done(end.interface, 2, batch);
	vif_batch_free(batch);
	vif_memif_free(end.memif);
}

/* A queue has one caller, which has to give back first. */
static void what_is_lent_comes_first(void **state)
{
	struct vif_memif_interface *client;
	struct vif_memif_buffer buffer;
	uint8_t bytes[64] = { 0 };
	struct pair pair;

	(void)state;
	pair_start(&pair, &plain);
	client = pair.end[CLIENT].interface;
	assert_int_equal(
		vif_memif_write(pair.end[SERVER].interface, 0, bytes, 60), 1);
	assert_int_equal(vif_memif_rx(client, 0, pair.batch[CLIENT]), 1);
	assert_int_equal(vif_memif_rx(client, 0, pair.batch[CLIENT]), -EINVAL);
	assert_int_equal(vif_memif_rx(client, 0, pair.batch[SERVER]), -EBUSY);
	assert_int_equal(vif_memif_read(client, 0, bytes, 64), -EBUSY);
	vif_memif_rx_done(client, 0, pair.batch[CLIENT]);
	assert_int_equal(vif_memif_reserve(client, 0, &buffer, 1), 1);
	assert_int_equal(vif_memif_write(client, 0, bytes, 60), -EBUSY);
	assert_int_equal(vif_memif_commit(client, 0, NULL, 0), 0);
	pair_check(&pair);
	pair_close(&pair);
}

/* Sending in place */

static void fill_buffer(struct vif_memif_buffer *buffer, uint32_t len)
{
	ends_fill(buffer->data, len, len);
	buffer->len = len;
}

/* Nothing of it is sent, and all of it can be mended. */
static void refuse_commits(struct vif_memif_interface *tx,
			   const struct vif_memif_buffer *reserved)
{
	struct vif_memif_buffer bad[4];

	memcpy(bad, reserved, sizeof(bad));
	bad[1].len = 0;
	assert_int_equal(vif_memif_commit(tx, 0, bad, 4), -EINVAL);
	memcpy(bad, reserved, sizeof(bad));
	bad[1].len = 2049;
	assert_int_equal(vif_memif_commit(tx, 0, bad, 4), -EINVAL);
	memcpy(bad, reserved, sizeof(bad));
	bad[0] = reserved[1];
	bad[1] = reserved[0];
	assert_int_equal(vif_memif_commit(tx, 0, bad, 4), -EINVAL);
	memcpy(bad, reserved, sizeof(bad));
	bad[3].next = true;
	assert_int_equal(vif_memif_commit(tx, 0, bad, 4), -EINVAL);
	assert_int_equal(vif_memif_commit(tx, 0, bad, 5), -EINVAL);
	bad[3].next = false;
	bad[2].data = (uint8_t *)bad[2].data - 1;
	assert_int_equal(vif_memif_commit(tx, 0, bad, 4), -EINVAL);
}

static void check_committed(struct pair *pair, enum ends_side to)
{
	struct vif_memif_interface *rx = pair->end[to].interface;
	struct vif_batch *batch = pair->batch[to];

	assert_int_equal(vif_memif_rx(rx, 0, batch), 3);
	assert_true(ends_holds(&batch->packet[0], 100, 100));
	assert_int_equal(batch->packet[1].len, 2048 + 500);
	assert_true(ends_holds(&batch->packet[2], 7, 7));
	vif_memif_rx_done(rx, 0, batch);
	assert_int_equal(vif_memif_rx(rx, 0, batch), 0);
}

static void fill_in_place(void **state)
{
	struct vif_memif_buffer buffer[SLOTS + 1], again[4];
	struct pair pair;

	(void)state;
	pair_start(&pair, &plain);
	for (int from = 0; from < SIDES; from++) {
		struct vif_memif_interface *tx = pair.end[from].interface;

		assert_int_equal(vif_memif_commit(tx, 0, buffer, 1), -EINVAL);
		assert_int_equal(vif_memif_reserve(tx, 0, buffer, SLOTS + 1),
				 SLOTS);
		assert_int_equal(buffer[0].len, 2048);
		assert_int_equal(vif_memif_reserve(tx, 0, again, 4), 4);
		for (int i = 0; i < 4; i++)
			assert_ptr_equal(again[i].data, buffer[i].data);
		fill_buffer(&buffer[0], 100);
		fill_buffer(&buffer[1], 2048);
		buffer[1].next = true;
		fill_buffer(&buffer[2], 500);
		fill_buffer(&buffer[3], 7);
		refuse_commits(tx, buffer);
		assert_int_equal(vif_memif_commit(tx, 0, buffer, 4), 0);
		assert_int_equal(vif_memif_commit(tx, 0, buffer, 4), -EINVAL);
		check_committed(&pair, (enum ends_side)(1 - from));
		/* Given back is not sent. */
		assert_int_equal(vif_memif_reserve(tx, 0, buffer, 4), 4);
		assert_int_equal(vif_memif_commit(tx, 0, NULL, 0), 0);
		assert_int_equal(vif_memif_reserve(tx, 0, again, 4), 4);
		assert_ptr_equal(again[0].data, buffer[0].data);
		assert_int_equal(vif_memif_commit(tx, 0, NULL, 0), 0);
	}
	pair_check(&pair);
	pair_close(&pair);
}

/* A client has room for a header in front of packets, sent and received. */
static void headroom(void **state)
{
	const struct vif_memif_interface_config config = { .ring_log2 = 6,
							   .headroom = 128 };
	struct vif_memif_buffer buffer;
	struct vif_memif_interface *client;
	struct pair pair;
	uint8_t *data;

	(void)state;
	pair_start(&pair, &config);
	client = pair.end[CLIENT].interface;
	assert_int_equal(vif_memif_reserve(client, 0, &buffer, 1), 1);
	assert_int_equal(buffer.len, 2048 - 128);
	data = (uint8_t *)buffer.data - 128;
	ends_fill(data, 300, 300);
	buffer.data = data;
	buffer.len = 300;
	assert_int_equal(vif_memif_commit(client, 0, &buffer, 1), 0);
	assert_int_equal(
		vif_memif_rx(pair.end[SERVER].interface, 0, pair.batch[SERVER]),
		1);
	assert_true(ends_holds(pair.batch[SERVER]->packet, 300, 300));
	vif_memif_rx_done(pair.end[SERVER].interface, 0, pair.batch[SERVER]);
	assert_int_equal(vif_memif_reserve(client, 0, &buffer, 1), 1);
	buffer.data = (uint8_t *)buffer.data - 129;
	buffer.len = 60;
	assert_int_equal(vif_memif_commit(client, 0, &buffer, 1), -EINVAL);
	assert_int_equal(vif_memif_commit(client, 0, NULL, 0), 0);
	pair_pass(&pair, SERVER, 0, 2 * (2048 - 128));
	pair_close(&pair);
}

/* A client sends back what it gets, by swapping buffers. */
static void forward_without_copying(void **state)
{
	struct vif_packet packet[BURST];
	struct iovec seg[3 * BURST];
	struct vif_memif_interface *client, *server;
	struct vif_batch *batch;
	struct pair pair;

	(void)state;
	pair_start(&pair, &plain);
	client = pair.end[CLIENT].interface;
	server = pair.end[SERVER].interface;
	batch = pair.batch[CLIENT];
	assert_int_equal(vif_memif_forward(client, 0, batch, 0, 1, 0), -EINVAL);
	for (uint32_t turn = 0; turn < 300; turn++) {
		uint8_t *at;

		(void)make_burst(packet, seg, turn);
		assert_int_equal(vif_memif_tx(server, 0, packet, BURST), BURST);
		assert_int_equal(vif_memif_rx(client, 0, batch), BURST);
		at = batch->packet[0].seg[0].iov_base;
		assert_int_equal(
			vif_memif_forward(client, 0, batch, 0, BURST + 1, 0),
			-EINVAL);
		assert_int_equal(vif_memif_forward(client, 0, batch, 0, 10, 0),
				 10);
		assert_int_equal(
			vif_memif_forward(client, 0, batch, 10, BURST - 10, 0),
			BURST - 10);
		at[0] ^= 0xff; /* it is the very buffer that is sent */
		vif_memif_rx_done(client, 0, batch);
		batch = pair.batch[SERVER];
		assert_int_equal(vif_memif_rx(server, 0, batch), BURST);
		at = batch->packet[0].seg[0].iov_base;
		at[0] ^= 0xff;
		for (uint32_t i = 0; i < BURST; i++)
			assert_true(ends_holds(&batch->packet[i], packet[i].len,
					       packet[i].len));
		assert_int_equal(vif_memif_forward(server, 0, batch, 0, 1, 0),
				 -EINVAL);
		vif_memif_rx_done(server, 0, batch);
		batch = pair.batch[CLIENT];
	}
	pair_close(&pair);
}

/* Memory of the program */

struct supply {
	unsigned int n_get, n_put;
	uint64_t size;
	uint8_t *base;
	bool is_out;
};

static int get_memory(void *user, uint64_t size, int *ret_fd, void **ret_base)
{
	struct supply *supply = ((struct end *)user)->user;
	int fd;

	supply->n_get++;
	if (supply->is_out)
		return -ENOSPC;
	fd = memfd_create("supply", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0 || ftruncate(fd, (off_t)size) < 0 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK) < 0)
		return -errno;
	supply->size = size;
	*ret_base = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	supply->base = *ret_base;
	*ret_fd = fd;
	return 0;
}

static void put_memory(void *user, uint64_t size, int fd, void *base)
{
	struct supply *supply = ((struct end *)user)->user;

	supply->n_put++;
	assert_int_equal(size, supply->size);
	assert_ptr_equal(base, supply->base);
	assert_int_equal(munmap(base, size), 0);
	assert_int_equal(close(fd), 0);
}

static bool is_mine(const struct supply *supply, const void *data)
{
	const uint8_t *at = data;

	return at >= supply->base && at < supply->base + supply->size;
}

static bool client_failed(const struct pair *pair)
{
	return pair->end[CLIENT].n_failure > 0;
}

static void open_with_supply(struct pair *pair, struct supply *supply)
{
	pair_init(pair);
	pair->end[CLIENT].user = supply;
	pair->end[CLIENT].config.memory_get = get_memory;
	pair->end[CLIENT].config.memory_put = put_memory;
	pair_open(pair);
}

static void memory_of_the_program(void **state)
{
	struct supply supply = { .is_out = true };
	struct vif_memif_interface *client;
	struct vif_memif_details details;
	struct vif_memif_buffer buffer;
	unsigned int before = place_count_fds();
	struct pair pair;

	(void)state;
	open_with_supply(&pair, &supply);
	pair_until(&pair, client_failed);
	assert_non_null(strstr(pair.end[CLIENT].failure.why, "No space"));
	supply.is_out = false;
	supply.n_get = 0;
	pair_connect(&pair);
	client = pair.end[CLIENT].interface;
	vif_memif_details(client, &details);
	assert_int_equal(details.n_region, 2);
	assert_int_equal(vif_memif_reserve(client, 0, &buffer, 1), 1);
	assert_true(is_mine(&supply, buffer.data));
	assert_int_equal(vif_memif_commit(client, 0, NULL, 0), 0);
	pair_pass(&pair, CLIENT, 0, 5000);
	pair_pass(&pair, SERVER, 0, 5000);
	assert_int_equal(supply.n_put, 0);
	pair_close(&pair);
	assert_int_equal(supply.n_get, 1);
	assert_int_equal(supply.n_put, 1);
	assert_int_equal(place_count_fds(), before);
}

/* Room for the packets of others: what is between memif_interface_... */

static unsigned int lend(const struct pair *pair, enum ends_side from,
			 struct iovec *piece)
{
	return memif_interface_tx_places(pair->end[from].interface, 0, piece,
					 64);
}

static bool is_down(const struct pair *pair)
{
	return pair->end[SERVER].n_disconnect > 0 &&
	       pair->end[CLIENT].n_disconnect > 0;
}

/* The memory stays for as long as somebody has room in it. */
static void lent_room_outlives_the_peer(void **state)
{
	struct iovec piece[64], seg;
	struct vif_packet packet = { .seg = &seg, .len = 9000, .n_seg = 1 };

	(void)state;
	for (int side = 0; side < SIDES; side++) {
		enum ends_side from = (enum ends_side)side;
		struct vif_memif_interface *tx;
		struct pair pair;

		pair_start(&pair, &plain);
		tx = pair.end[from].interface;
		assert_int_equal(lend(&pair, from, piece), 64);
		/* It is the wire's alone meanwhile. */
		assert_int_equal(vif_memif_write(tx, 0, "x", 1), -EBUSY);
		assert_int_equal(lend(&pair, from, piece), 0);
		for (int i = 0; i < 5; i++)
			memset(piece[i].iov_base, 'a', piece[i].iov_len);
		/* Nothing of it is in one place, so all of it is copied. */
		seg = (struct iovec){ calloc(1, 9000), 9000 };
		assert_non_null(seg.iov_base);
		assert_int_equal(memif_interface_tx(tx, 0, &packet, 1), 1);
		memif_interface_tx_places_end(tx, 0);
		assert_int_equal(lend(&pair, from, piece), 59);
		vif_memif_disconnect(pair.end[1 - side].interface, "bye");
		for (int i = 0; i < 20; i++)
			pair_serve(&pair);
		memset(piece[58].iov_base, 'b', piece[58].iov_len);
		assert_int_equal(memif_interface_tx(tx, 0, &packet, 1),
				 -ENOTCONN);
		memif_interface_tx_places_end(tx, 0);
		pair_until(&pair, is_down);
		assert_int_equal(lend(&pair, from, piece), 0);
		free(seg.iov_base);
		pair_close(&pair);
	}
}

static bool is_readable(int fd)
{
	struct pollfd ready = { .fd = fd, .events = POLLIN };

	return poll(&ready, 1, 0) == 1;
}

static bool is_taken(struct memif_side *side)
{
	bool taken = atomic_flag_test_and_set(&side->is_taken);

	if (!taken)
		atomic_flag_clear(&side->is_taken);
	return taken;
}

/*
 * A peer may come back with fewer rings just when one is lent: those who share
 * it then wait for the burst to end.
 */
static void lent_room_is_taken(void **state)
{
	static const struct vif_memif_interface_config two = { .ring_log2 = 6,
							       .n_rx = 2,
							       .n_tx = 2 };
	struct iovec piece[64];
	struct pair pair;

	(void)state;
	pair_start(&pair, &two);
	for (int side = 0; side < SIDES; side++) {
		struct vif_memif_interface *tx = pair.end[side].interface;

		assert_int_equal(lend(&pair, (enum ends_side)side, piece), 64);
		assert_true(is_taken(&tx->tx[0]));
		assert_false(is_taken(&tx->tx[1]));
		memif_interface_tx_places_end(tx, 0);
		assert_false(is_taken(&tx->tx[0]));
		/* What is not lent is not taken either. */
		for (int i = 0; i < 40; i++)
			assert_int_equal(vif_memif_write(tx, 0, piece, 60), 1);
		assert_int_equal(lend(&pair, (enum ends_side)side, piece), 0);
		assert_false(is_taken(&tx->tx[0]));
	}
	pair_close(&pair);
}

/*
 * What a client offers is looked at when it is filled. Who could send packets
 * before that waits for room then, and would do so in vain.
 */
static void a_fault_behind_packets_is_told(void **state)
{
	struct vif_memif_interface *tx;
	struct memif_queue *queue;
	struct vif_packet packet[2];
	uint8_t byte = 0;
	struct iovec seg = { &byte, 1 };
	struct memif_desc desc = { .region = 9, .length = 2048 };
	struct pair pair;

	(void)state;
	pair_start(&pair, &plain);
	pair_check(&pair);
	tx = pair.end[SERVER].interface;
	queue = tx->tx[0].queue;
	memif_slot_write(
		memif_ring_slot(&queue->ring, (uint16_t)(queue->next + 1)),
		&desc);
	packet[0] = packet[1] =
		(struct vif_packet){ .seg = &seg, .len = 1, .n_seg = 1 };
	assert_false(is_readable(vif_memif_fd(pair.end[SERVER].memif)));
	assert_int_equal(memif_interface_tx(tx, 0, packet, 2), 1);
	assert_true(is_readable(vif_memif_fd(pair.end[SERVER].memif)));
	pair_until(&pair, is_down);
	assert_true(is_readable(memif_interface_tx_fd(tx, 0)));
	pair_close(&pair);
}

/* Learning of packets */

static bool wants_events(const struct pair *pair, enum ends_side side)
{
	struct vif_memif_queue_details queue;

	assert_int_equal(
		vif_memif_rx_details(pair->end[side].interface, 0, &queue), 0);
	return queue.interrupts;
}

/* How often arm would rather look again, before it sleeps; -1: for ever. */
static int looks_before_sleep(struct vif_memif_interface *interface)
{
	for (int i = 0; i < 100000; i++)
		if (vif_memif_rx_arm(interface, 0) == 0)
			return i;
	return -1;
}

static void rx_modes(void **state)
{
	uint8_t bytes[64] = { 0 };
	struct pair pair;

	(void)state;
	pair_start(&pair, &plain);
	for (int side = 0; side < SIDES; side++) {
		struct vif_memif_interface *rx = pair.end[side].interface;
		struct vif_memif_interface *tx = pair.end[1 - side].interface;
		int fd = vif_memif_rx_fd(rx, 0);

		/* Adaptive: no events before it sleeps. */
		assert_int_equal(vif_memif_write(tx, 0, bytes, 60), 1);
		assert_int_equal(vif_memif_read(rx, 0, bytes, 64), 60);
		assert_false(wants_events(&pair, (enum ends_side)side));
		assert_true(looks_before_sleep(rx) > 100);
		assert_true(wants_events(&pair, (enum ends_side)side));
		assert_false(is_readable(fd));
		assert_int_equal(vif_memif_write(tx, 0, bytes, 60), 1);
		assert_true(is_readable(fd));
		assert_int_equal(vif_memif_read(rx, 0, bytes, 64), 60);

		assert_int_equal(
			vif_memif_set_rx_mode(rx, 0, VIF_MEMIF_RX_INTERRUPT),
			0);
		assert_true(wants_events(&pair, (enum ends_side)side));
		assert_int_equal(looks_before_sleep(rx), 0);
		assert_int_equal(vif_memif_write(tx, 0, bytes, 60), 1);
		assert_true(is_readable(fd));
		assert_int_equal(vif_memif_read(rx, 0, bytes, 64), 60);
		assert_true(wants_events(&pair, (enum ends_side)side));
		assert_int_equal(looks_before_sleep(rx), 0);
		assert_false(is_readable(fd));

		/* Also with a packet in the hand. */
		assert_int_equal(vif_memif_write(tx, 0, bytes, 60), 1);
		assert_int_equal(vif_memif_rx(rx, 0, pair.batch[side]), 1);
		assert_int_equal(
			vif_memif_set_rx_mode(rx, 0, VIF_MEMIF_RX_POLL), 0);
		assert_false(wants_events(&pair, (enum ends_side)side));
		vif_memif_rx_done(rx, 0, pair.batch[side]);
		assert_int_equal(looks_before_sleep(rx), -1);
	}
	pair_close(&pair);
}

static bool is_up_twice(const struct pair *pair)
{
	return pair->end[SERVER].n_connect == 2 &&
	       pair->end[CLIENT].n_connect == 2;
}

static void rx_modes_survive(void **state)
{
	struct vif_memif_interface *rx;
	struct pair pair;

	(void)state;
	pair_start(&pair, &plain);
	rx = pair.end[SERVER].interface;
	assert_int_equal(vif_memif_set_rx_mode(rx, 0, VIF_MEMIF_RX_INTERRUPT),
			 0);
	vif_memif_disconnect(rx, "again");
	pair_until(&pair, is_up_twice);
	assert_true(wants_events(&pair, SERVER));
	vif_memif_disconnect(rx, "again");
	assert_int_equal(vif_memif_set_rx_mode(rx, 0, VIF_MEMIF_RX_POLL), 0);
	pair_connect(&pair);
	assert_false(wants_events(&pair, SERVER));
	pair_close(&pair);
}

/* The peer goes while packets are lent: they stay. */

static bool both_heard(const struct pair *pair)
{
	return pair->end[SERVER].n_disconnect > 0 &&
	       pair->end[CLIENT].n_disconnect > 0;
}

static bool retried(const struct pair *pair)
{
	return vif_memif_state(pair->end[CLIENT].interface) ==
		       VIF_MEMIF_CONNECTED ||
	       vif_memif_state(pair->end[SERVER].interface) ==
		       VIF_MEMIF_CONNECTED;
}

static void packets_outlive_the_peer(void **state)
{
	uint8_t bytes[3000];

	(void)state;
	for (int side = 0; side < SIDES; side++) {
		unsigned int before = place_count_fds();
		struct vif_memif_interface *rx, *tx;
		struct vif_batch *batch;
		struct pair pair;

		pair_start(&pair, &plain);
		rx = pair.end[side].interface;
		tx = pair.end[1 - side].interface;
		batch = pair.batch[side];
		ends_fill(bytes, 3000, 3000);
		assert_int_equal(vif_memif_write(tx, 0, bytes, 3000), 1);
		assert_int_equal(vif_memif_rx(rx, 0, batch), 1);
		vif_memif_disconnect(tx, "gone");
		pair_until(&pair, both_heard);
		assert_int_equal(vif_memif_state(rx), VIF_MEMIF_CLOSING);
		/* The other end thinks that it is connected again. */
		pair_until(&pair, retried);
		assert_int_equal(vif_memif_state(rx), VIF_MEMIF_CLOSING);
		assert_int_equal(pair.end[side].n_connect, 1);
		assert_int_equal(vif_memif_rx(rx, 0, pair.batch[1 - side]),
				 -EBUSY);
		assert_int_equal(vif_memif_write(rx, 0, bytes, 60), -ENOTCONN);
		assert_true(ends_holds(batch->packet, 3000, 3000));
		vif_memif_rx_done(rx, 0, batch);
		pair_until(&pair, is_up_twice);
		pair_check(&pair);
		pair_close(&pair);
		assert_int_equal(place_count_fds(), before);
	}
}

static void expect_gone(struct pair *pair, unsigned int n)
{
	uint64_t end_ns = ends_now_ns() + ENDS_PATIENCE_MS * 1000000ull;
	const struct vif_memif_interface *peer = pair->end[SERVER].interface;

	while (pair->end[SERVER].n_connect < n ||
	       vif_memif_state(peer) != VIF_MEMIF_CONNECTED) {
		assert_true(ends_now_ns() < end_ns);
		pair_serve(pair);
	}
}

/* One sender that does not come back; many connections meanwhile. */
static void a_peer_restarts_over_and_over(void **state)
{
	struct vif_memif_buffer buffer;
	struct vif_memif_interface *client;
	struct pair pair;

	(void)state;
	pair_start(&pair, &plain);
	client = pair.end[CLIENT].interface;
	assert_int_equal(vif_memif_reserve(client, 0, &buffer, 1), 1);
	for (unsigned int i = 1; i < 6; i++) {
		expect_gone(&pair, i);
		vif_memif_disconnect(pair.end[SERVER].interface, "again");
	}
	expect_gone(&pair, 6);
	assert_int_equal(pair.end[CLIENT].n_connect, 1);
	memset(buffer.data, 1, buffer.len);
	assert_int_equal(vif_memif_commit(client, 0, &buffer, 1), -ENOTCONN);
	pair_connect(&pair);
	assert_int_equal(pair.end[CLIENT].n_connect, 2);
	pair_check(&pair);
	pair_close(&pair);
}

#define PLACED(test) \
	cmocka_unit_test_setup_teardown(test, place_make, place_remove)

/*
 * Without asynchronous I/O in the kernel, or in a sandbox that takes it away
 * later, receivers are woken by write(2). Named on the command line is the call
 * that is refused.
 */
static const struct {
	const char *name;
	unsigned int number;
} refusable[] = {
	{ "io_setup", SYS_io_setup },
	{ "io_submit", SYS_io_submit },
};

static bool refuse(unsigned int number)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { ARRAY_LEN(filter), filter };

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0 &&
	       syscall(number, 0, NULL, NULL) < 0 && errno == ENOSYS;
}

static bool refuse_named(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(refusable); i++)
		if (strcmp(refusable[i].name, name) == 0)
			return refuse(refusable[i].number);
	return false;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		PLACED(one_packet_at_a_time),
		PLACED(bursts),
		PLACED(chains),
		PLACED(nobody_is_there),
		PLACED(what_is_lent_comes_first),
		PLACED(fill_in_place),
		PLACED(lent_room_outlives_the_peer),
		PLACED(lent_room_is_taken),
		PLACED(a_fault_behind_packets_is_told),
		PLACED(headroom),
		PLACED(forward_without_copying),
		PLACED(memory_of_the_program),
		PLACED(rx_modes),
		PLACED(rx_modes_survive),
		PLACED(packets_outlive_the_peer),
		PLACED(a_peer_restarts_over_and_over),
	};

	if (argc > 1 && !refuse_named(argv[1])) {
		(void)fprintf(stderr, "cannot refuse %s\n", argv[1]);
		return 1;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
