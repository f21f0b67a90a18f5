/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of moving bursts, over two pairs of in-memory ports:
 *
 *     feeder == source -- wire -- destination == reader
 */
#include "link/wire.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "port/ops.h"
#include "tests/frame.h"
#include "tests/naive.h"

enum bench_sizes {
	BENCH_QUEUES = 4,
	BENCH_PACKETS = 64,
};

struct bench {
	struct vif_port *feeder;
	struct vif_port *source;
	struct vif_port *destination;
	struct vif_port *reader;
	struct vif_batch *in;
	struct vif_batch *out;
	struct frame frame[BENCH_PACKETS];
	struct wire wire;
	struct vif_port *failed; /* what wire_pump() blames */
};

static void open_pair(const char *address, struct vif_port **ret_first,
		      struct vif_port **ret_second)
{
	struct vif_port_config config = { .size = sizeof(config) };

	assert_int_equal(vif_port_open(address, NULL, ret_first, NULL), 0);
	config.peer = *ret_first;
	assert_int_equal(vif_port_open("loop:", &config, ret_second, NULL), 0);
	assert_int_equal(vif_port_start(*ret_first, NULL), 0);
	assert_int_equal(vif_port_start(*ret_second, NULL), 0);
}

static struct bench *bench_with(uint32_t n_queue, uint32_t ring,
				enum vif_full full,
				const struct stages_config *stages)
{
	struct bench *bench = calloc(1, sizeof(*bench));
	char address[64];

	assert_non_null(bench);
	(void)snprintf(address, sizeof(address), "loop:,queues=%u,ring=%u",
		       n_queue, ring);
	open_pair("loop:,ring=128", &bench->feeder, &bench->source);
	open_pair(address, &bench->destination, &bench->reader);
	assert_int_equal(
		vif_batch_new(BENCH_PACKETS, BENCH_PACKETS, &bench->in), 0);
	assert_int_equal(
		vif_batch_new(BENCH_PACKETS, BENCH_PACKETS, &bench->out), 0);
	bench->wire = (struct wire){
		.source = bench->source,
		.destination = bench->destination,
		.full = full,
		.medium = VIF_MEDIUM_IP,
		.tx_stride = 1,
		.n_tx_queue = n_queue,
	};
	assert_int_equal(wire_init(&bench->wire, stages), 0);
	return bench;
}

static struct bench *bench_new(uint32_t n_queue, uint32_t ring,
			       enum vif_full full)
{
	return bench_with(n_queue, ring, full, &(struct stages_config){ 0 });
}

static void bench_free(struct bench *bench)
{
	wire_fini(&bench->wire);
	vif_batch_free(bench->in);
	vif_batch_free(bench->out);
	vif_port_close(bench->feeder);
	vif_port_close(bench->source);
	vif_port_close(bench->destination);
	vif_port_close(bench->reader);
	free(bench);
}

/* Offers n packets to the wire; packet i is of flow i % n_flow. */
static void feed(struct bench *bench, uint32_t n, uint32_t n_flow)
{
	vif_batch_clear(bench->in);
	for (uint32_t i = 0; i < n; i++) {
		struct frame *frame = &bench->frame[i];

		*frame = frame_make("ip4 udp data+4");
		put_be16(frame->byte + 20, (uint16_t)(5000 + i % n_flow));
		frame->byte[28] = (uint8_t)i; /* its number */
		assert_non_null(vif_batch_add(bench->in, frame->byte,
					      (uint32_t)frame->len));
	}
	assert_int_equal(vif_port_tx(bench->feeder, 0, bench->in->packet, n),
			 n);
}

static int pump(struct bench *bench)
{
	bench->failed = NULL;
	return wire_pump(&bench->wire, &bench->failed);
}

static uint8_t number(const struct vif_packet *packet)
{
	return ((const uint8_t *)packet->seg[0].iov_base)[28];
}

/*
 * Reads a queue until it is empty. Numbers go to ret_numbers, which has room
 * for BENCH_PACKETS. Returns how many there were.
 */
static uint32_t drain(struct bench *bench, uint32_t queue, uint8_t *ret_numbers)
{
	uint32_t n = 0;

	while (vif_port_rx(bench->reader, queue, bench->out) > 0) {
		for (uint32_t i = 0; i < bench->out->n; i++)
			ret_numbers[n++] = number(&bench->out->packet[i]);
		vif_port_rx_done(bench->reader, queue, bench->out);
	}
	return n;
}

static uint64_t dropped(const struct bench *bench, enum vif_drop drop)
{
	return counter_read(&bench->wire.drops[drop]);
}

static uint64_t dropped_at_all(const struct bench *bench)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < VIF_DROP_N; i++)
		sum += counter_read(&bench->wire.drops[i]);
	return sum;
}

static void empty_source_is_idle(void **state)
{
	struct bench *bench = bench_new(1, 16, VIF_FULL_WAIT);

	(void)state;
	assert_int_equal(pump(bench), WIRE_IDLE);
	assert_int_equal(pump(bench), WIRE_IDLE);
	assert_int_equal(counter_read(&bench->wire.bursts), 0);
	bench_free(bench);
}

static void burst_goes_through(void **state)
{
	struct bench *bench = bench_new(1, 16, VIF_FULL_WAIT);
	uint8_t numbers[BENCH_PACKETS];

	(void)state;
	feed(bench, 10, 10);
	assert_int_equal(pump(bench), WIRE_MOVED);
	assert_int_equal(vif_port_rx(bench->reader, 0, bench->out), 10);
	for (uint32_t i = 0; i < 10; i++) {
		assert_int_equal(bench->out->packet[i].len,
				 bench->frame[i].len);
		assert_memory_equal(bench->out->packet[i].seg[0].iov_base,
				    bench->frame[i].byte, bench->frame[i].len);
	}
	vif_port_rx_done(bench->reader, 0, bench->out);
	assert_int_equal(pump(bench), WIRE_IDLE);
	assert_int_equal(drain(bench, 0, numbers), 0);
	assert_int_equal(counter_read(&bench->wire.bursts), 1);
	assert_int_equal(counter_read(&bench->wire.waits), 0);
	assert_int_equal(dropped_at_all(bench), 0);
	bench_free(bench);
}

static void full_destination_is_waited_for(void **state)
{
	struct bench *bench = bench_new(1, 4, VIF_FULL_WAIT);
	uint8_t numbers[BENCH_PACKETS];
	uint32_t n = 0;

	(void)state;
	feed(bench, 10, 1);
	assert_int_equal(pump(bench), WIRE_BLOCKED);
	assert_int_equal(pump(bench), WIRE_BLOCKED); /* nobody reads */
	assert_int_equal(counter_read(&bench->wire.waits), 2);
	n += drain(bench, 0, numbers);
	assert_int_equal(n, 4);
	assert_int_equal(pump(bench), WIRE_BLOCKED);
	n += drain(bench, 0, numbers + n);
	assert_int_equal(n, 8);
	assert_int_equal(pump(bench), WIRE_MOVED);
	n += drain(bench, 0, numbers + n);
	assert_int_equal(n, 10);
	for (uint8_t i = 0; i < 10; i++)
		assert_int_equal(numbers[i], i);
	assert_int_equal(counter_read(&bench->wire.bursts), 1);
	assert_int_equal(dropped_at_all(bench), 0);
	assert_int_equal(pump(bench), WIRE_IDLE);
	bench_free(bench);
}

static void pending_batch_keeps_the_source_full(void **state)
{
	struct bench *bench = bench_new(1, 2, VIF_FULL_WAIT);

	(void)state;
	for (int i = 0; i < 2; i++)
		feed(bench, 64, 1);
	assert_int_equal(pump(bench), WIRE_BLOCKED);
	/* Lent until it is through: no room in the source's ring of 128. */
	assert_int_equal(vif_port_tx(bench->feeder, 0, bench->in->packet, 64),
			 0);
	bench_free(bench);
}

static void full_destination_drops(void **state)
{
	struct bench *bench = bench_new(1, 4, VIF_FULL_DROP);
	uint8_t numbers[BENCH_PACKETS];

	(void)state;
	feed(bench, 10, 1);
	assert_int_equal(pump(bench), WIRE_MOVED);
	assert_int_equal(dropped(bench, VIF_DROP_FULL), 6);
	assert_int_equal(dropped_at_all(bench), 6);
	assert_int_equal(drain(bench, 0, numbers), 4);
	for (uint8_t i = 0; i < 4; i++)
		assert_int_equal(numbers[i], i); /* the oldest stay */
	assert_int_equal(pump(bench), WIRE_IDLE);
	bench_free(bench);
}

/* A queue without room must not cost the packets of the others. */
static void full_queue_drops_only_its_own(void **state)
{
	struct bench *bench = bench_new(BENCH_QUEUES, 16, VIF_FULL_DROP);
	uint32_t first[BENCH_QUEUES], second, full = 0, lost = 0;
	uint8_t numbers[BENCH_PACKETS];

	(void)state;
	feed(bench, 32, 32);
	assert_int_equal(pump(bench), WIRE_MOVED);
	assert_int_equal(dropped_at_all(bench), 0);
	for (uint32_t q = 0; q < BENCH_QUEUES; q++)
		first[q] = drain(bench, q, numbers);
	while (first[full] == 0)
		full++;
	/* Fills that queue from behind, then sends the same again. */
	while (vif_port_tx(bench->destination, full, bench->in->packet, 1) == 1)
		;
	feed(bench, 32, 32);
	assert_int_equal(pump(bench), WIRE_MOVED);
	for (uint32_t q = 0; q < BENCH_QUEUES; q++) {
		second = drain(bench, q, numbers);
		assert_int_equal(second, q == full ? 16 : first[q]);
		lost += q == full ? first[q] : 0;
	}
	assert_int_equal(dropped(bench, VIF_DROP_FULL), lost);
	bench_free(bench);
}

static void abandoned_packets_are_counted(void **state)
{
	struct bench *bench = bench_new(1, 4, VIF_FULL_WAIT);

	(void)state;
	feed(bench, 64, 1);
	assert_int_equal(pump(bench), WIRE_BLOCKED);
	wire_abandon(&bench->wire);
	assert_int_equal(dropped(bench, VIF_DROP_STOPPED), 60);
	assert_int_equal(bench->wire.batch->n, 0);
	/* Given back: the source has all its slots again. */
	feed(bench, 64, 1);
	feed(bench, 64, 1);
	wire_abandon(&bench->wire); /* nothing is pending */
	assert_int_equal(dropped_at_all(bench), 60);
	bench_free(bench);
}

static const struct stages_config cut_all = {
	.medium = VIF_MEDIUM_IP,
	.cut = VIF_GSO_ALL,
	.finish = true,
	.seg_max = VIF_PACKET_SEG_MAX,
};

/* A UDP superpacket of n bytes to be cut into single ones. */
static void feed_super(struct bench *bench, uint32_t n)
{
	struct frame *frame = &bench->frame[0];
	struct vif_packet *packet;

	vif_batch_clear(bench->in);
	*frame = frame_make("ip4 udp");
	for (uint32_t i = 0; i < n; i++)
		frame->byte[frame->len++] = (uint8_t)i;
	put_be16(frame->byte + 2, (uint16_t)frame->len);
	put_be16(frame->byte + 24, (uint16_t)(frame->len - 20));
	packet = vif_batch_add(bench->in, frame->byte, (uint32_t)frame->len);
	assert_non_null(packet);
	packet->gso = VIF_GSO_UDP;
	packet->gso_size = 1;
	packet->csum = VIF_CSUM_PARTIAL;
	packet->l4_off = 20;
	packet->csum_off = 6;
	packet->hdr_len = 28;
	assert_int_equal(vif_port_tx(bench->feeder, 0, packet, 1), 1);
}

/* What a superpacket is cut into waits for room, and keeps its order. */
static void segments_wait_for_room(void **state)
{
	struct bench *bench = bench_with(1, 32, VIF_FULL_WAIT, &cut_all);
	uint8_t numbers[BENCH_PACKETS];
	uint32_t n, sum = 0;
	int r;

	(void)state;
	feed_super(bench, 200);
	do {
		r = pump(bench);
		assert_true(r == WIRE_MOVED || r == WIRE_BLOCKED);
		n = drain(bench, 0, numbers);
		for (uint32_t i = 0; i < n; i++)
			assert_int_equal(numbers[i], sum + i);
		sum += n;
	} while (r == WIRE_BLOCKED);
	assert_int_equal(sum, 200);
	assert_int_equal(pump(bench), WIRE_IDLE);
	assert_int_equal(dropped_at_all(bench), 0);
	bench_free(bench);
}

static void segments_are_dropped_one_by_one(void **state)
{
	struct bench *bench = bench_with(1, 32, VIF_FULL_DROP, &cut_all);
	uint8_t numbers[BENCH_PACKETS];

	(void)state;
	feed_super(bench, 200);
	assert_int_equal(pump(bench), WIRE_MOVED);
	assert_int_equal(drain(bench, 0, numbers), 32);
	assert_int_equal(dropped(bench, VIF_DROP_FULL), 168);
	bench_free(bench);
}

static void abandoned_segments_are_counted(void **state)
{
	struct bench *bench = bench_with(1, 32, VIF_FULL_WAIT, &cut_all);

	(void)state;
	feed_super(bench, 200);
	assert_int_equal(pump(bench), WIRE_BLOCKED);
	wire_abandon(&bench->wire);
	assert_int_equal(dropped(bench, VIF_DROP_STOPPED), 168);
	wire_abandon(&bench->wire);
	assert_int_equal(dropped_at_all(bench), 168);
	feed_super(bench, 7);
	bench->wire.full = VIF_FULL_DROP;
	assert_int_equal(pump(bench), WIRE_MOVED);
	bench_free(bench);
}

static const struct stages_config cut_if_refused = {
	.medium = VIF_MEDIUM_IP,
	.cut_ready = VIF_GSO_ALL,
	.finish_ready = true,
	.glue = VIF_GSO_ALL,
	.glue_ready = true,
	.seg_max = VIF_PACKET_SEG_MAX,
};

/* Packets that the next burst comes out as. */
static int pump_and_count(struct bench *bench)
{
	int r;

	assert_int_equal(pump(bench), WIRE_MOVED);
	r = vif_port_rx(bench->reader, 0, bench->out);
	vif_port_rx_done(bench->reader, 0, bench->out);
	return r;
}

/* A peer comes and goes: each burst is as the one that is there takes it. */
static void each_burst_asks_the_destination(void **state)
{
	struct bench *bench = bench_with(1, 64, VIF_FULL_WAIT, &cut_if_refused);

	(void)state;
	bench->destination->caps.offload_varies = true;
	for (int i = 0; i < 3; i++) {
		port_vary(bench->destination, 0, 0);
		feed_super(bench, 20);
		assert_int_equal(pump_and_count(bench), 1);
		port_vary(bench->destination, VIF_GSO_ALL | PORT_CSUM, 0);
		feed_super(bench, 20);
		assert_int_equal(pump_and_count(bench), 20);
		/* It takes checksums, but these no more. */
		port_vary(bench->destination, VIF_GSO_BIT(VIF_GSO_UDP), 0);
		feed_super(bench, 20);
		assert_int_equal(pump_and_count(bench), 20);
	}
	assert_int_equal(dropped_at_all(bench), 0);
	bench_free(bench);
}

/* Two datagrams of a flow, as the kernel would glue them. */
static void feed_pair(struct bench *bench)
{
	vif_batch_clear(bench->in);
	for (uint32_t i = 0; i < 2; i++) {
		struct frame *frame = &bench->frame[i];

		*frame = frame_make("ip4 udp data+4");
		put_be16(frame->byte + 2, 32);
		put_be16(frame->byte + 4, (uint16_t)(i + 1));
		put_be16(frame->byte + 24, 12);
		put_be16(frame->byte + 10, 0);
		put_be16(frame->byte + 10,
			 (uint16_t)~naive_add(0, frame->byte, 20));
		put_be16(frame->byte + 26, 0);
		put_be16(frame->byte + 26,
			 (uint16_t)~naive_add(naive_pseudo(frame->byte, 17, 12),
					      frame->byte + 20, 12));
		assert_non_null(vif_batch_add(bench->in, frame->byte, 32));
	}
	assert_int_equal(vif_port_tx(bench->feeder, 0, bench->in->packet, 2),
			 2);
}

static void each_burst_asks_the_source(void **state)
{
	struct bench *bench = bench_with(1, 64, VIF_FULL_WAIT, &cut_if_refused);
	const uint32_t all = VIF_GSO_ALL | PORT_CSUM;

	(void)state;
	bench->source->caps.offload_varies = true;
	bench->source->caps.rx_gso = VIF_GSO_ALL;
	for (int i = 0; i < 3; i++) {
		port_vary(bench->source, 0, all);
		feed_pair(bench);
		assert_int_equal(pump_and_count(bench), 1);
		port_vary(bench->source, 0, 0);
		feed_pair(bench);
		assert_int_equal(pump_and_count(bench), 2);
		/* One kind is enough to know that it can. */
		port_vary(bench->source, 0, VIF_GSO_TCP);
		feed_pair(bench);
		assert_int_equal(pump_and_count(bench), 2);
	}
	/* What is refused is not made. */
	bench->destination->caps.offload_varies = true;
	port_vary(bench->source, 0, all);
	port_vary(bench->destination, all, 0);
	feed_pair(bench);
	assert_int_equal(pump_and_count(bench), 2);
	bench_free(bench);
}

/* That a superpacket stays whole shows that nobody has looked at it. */
static void a_source_that_finishes_all_is_not_looked_at(void **state)
{
	struct bench *bench = bench_with(1, 64, VIF_FULL_WAIT, &cut_if_refused);
	const uint32_t all = VIF_GSO_ALL | PORT_CSUM;

	(void)state;
	bench->source->caps.offload_varies = true;
	bench->destination->caps.offload_varies = true;
	port_vary(bench->destination, all, 0);
	for (int i = 0; i < 3; i++) {
		port_vary(bench->source, 0, all);
		feed_super(bench, 20);
		assert_int_equal(pump_and_count(bench), 1);
		port_vary(bench->source, 0, VIF_GSO_TCP);
		feed_super(bench, 20);
		assert_int_equal(pump_and_count(bench), 20);
	}
	bench_free(bench);
}

static void zeroed_wire_can_be_abandoned(void **state)
{
	struct wire wire = { .source = NULL };

	(void)state;
	wire_abandon(&wire);
	wire_fini(&wire);
	wire_fini(&wire);
}

/* Queue that each of n flows went to; checks that a flow has only one. */
static void find_queues(struct bench *bench, uint32_t n, uint32_t *ret_queue)
{
	uint8_t numbers[BENCH_PACKETS];

	for (uint32_t flow = 0; flow < n; flow++)
		ret_queue[flow] = BENCH_QUEUES;
	for (uint32_t q = 0; q < BENCH_QUEUES; q++) {
		uint32_t n_packet = drain(bench, q, numbers);

		for (uint32_t i = 0; i < n_packet; i++) {
			uint32_t flow = numbers[i] % n;

			if (ret_queue[flow] == BENCH_QUEUES)
				ret_queue[flow] = q;
			assert_int_equal(ret_queue[flow], q);
			assert_true(i == 0 || numbers[i - 1] < numbers[i]);
		}
	}
}

static void flows_stay_on_their_queue(void **state)
{
	struct bench *bench = bench_new(BENCH_QUEUES, 64, VIF_FULL_WAIT);
	uint32_t queue[16], used = 0;

	(void)state;
	feed(bench, 64, 16);
	assert_int_equal(pump(bench), WIRE_MOVED);
	find_queues(bench, 16, queue);
	for (uint32_t flow = 0; flow < 16; flow++) {
		assert_in_range(queue[flow], 0, BENCH_QUEUES - 1);
		used |= 1u << queue[flow];
	}
	assert_int_equal(used, (1u << BENCH_QUEUES) - 1);
	bench_free(bench);
}

/* A lane that owns the queues 1 and 3 leaves 0 and 2 alone. */
static void lanes_keep_to_their_queues(void **state)
{
	struct bench *bench = bench_new(BENCH_QUEUES, 64, VIF_FULL_WAIT);
	uint32_t queue[16], used = 0;

	(void)state;
	bench->wire.tx_queue = 1;
	bench->wire.tx_stride = 2;
	bench->wire.n_tx_queue = 2;
	feed(bench, 64, 16);
	assert_int_equal(pump(bench), WIRE_MOVED);
	find_queues(bench, 16, queue);
	for (uint32_t flow = 0; flow < 16; flow++)
		used |= 1u << queue[flow];
	assert_int_equal(used, 1u << 1 | 1u << 3);
	bench_free(bench);
}

static void one_queue_is_not_hashed(void **state)
{
	struct bench *bench = bench_new(BENCH_QUEUES, 64, VIF_FULL_WAIT);
	uint8_t numbers[BENCH_PACKETS];

	(void)state;
	bench->wire.tx_queue = 2;
	bench->wire.n_tx_queue = 1;
	feed(bench, 64, 16);
	assert_int_equal(pump(bench), WIRE_MOVED);
	assert_int_equal(drain(bench, 2, numbers), 64);
	bench_free(bench);
}

static void spread_survives_full_queues(void **state)
{
	struct bench *bench = bench_new(BENCH_QUEUES, 2, VIF_FULL_WAIT);
	uint8_t numbers[BENCH_PACKETS];
	int last[16];
	uint32_t n = 0;
	int r;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(last); i++)
		last[i] = -1;
	feed(bench, 64, 16);
	do {
		r = pump(bench);
		for (uint32_t q = 0; q < BENCH_QUEUES; q++) {
			uint32_t here = drain(bench, q, numbers);

			for (uint32_t i = 0; i < here; i++) {
				assert_true(last[numbers[i] % 16] < numbers[i]);
				last[numbers[i] % 16] = numbers[i];
			}
			n += here;
		}
	} while (r == WIRE_BLOCKED);
	assert_int_equal(r, WIRE_MOVED);
	assert_int_equal(n, 64);
	assert_int_equal(dropped_at_all(bench), 0);
	bench_free(bench);
}

static bool is_readable(int fd, short events)
{
	struct pollfd poll_fd = { .fd = fd, .events = events };

	return poll(&poll_fd, 1, 0) == 1;
}

static void idle_wire_waits_for_its_source(void **state)
{
	struct bench *bench = bench_new(1, 4, VIF_FULL_WAIT);
	short events = 0;
	int fd = wire_wait_fd(&bench->wire, &events);

	(void)state;
	assert_true(fd >= 0);
	assert_false(is_readable(fd, events));
	feed(bench, 1, 1);
	assert_true(is_readable(fd, events));
	assert_int_equal(wire_wait_fd(&bench->wire, &events), -EAGAIN);
	bench_free(bench);
}

static void blocked_wire_waits_for_room(void **state)
{
	struct bench *bench = bench_new(1, 4, VIF_FULL_WAIT);
	uint8_t numbers[BENCH_PACKETS];
	short events = 0;
	int fd;

	(void)state;
	feed(bench, 64, 1);
	assert_int_equal(pump(bench), WIRE_BLOCKED);
	feed(bench, 1, 1); /* the source has more, which is no reason */
	fd = wire_wait_fd(&bench->wire, &events);
	assert_true(fd >= 0);
	assert_false(is_readable(fd, events));
	assert_int_equal(drain(bench, 0, numbers), 4);
	assert_true(is_readable(fd, events));
	assert_int_equal(wire_wait_fd(&bench->wire, &events), -EAGAIN);
	bench_free(bench);
}

static void wire_waits_for_the_queue_that_blocked(void **state)
{
	struct bench *bench = bench_new(BENCH_QUEUES, 2, VIF_FULL_WAIT);
	uint8_t numbers[BENCH_PACKETS];
	uint32_t blocked;
	short events = 0;
	int fd;

	(void)state;
	feed(bench, 64, 16);
	assert_int_equal(pump(bench), WIRE_BLOCKED);
	blocked = bench->wire.blocked;
	fd = wire_wait_fd(&bench->wire, &events);
	assert_true(fd >= 0);
	for (uint32_t q = 0; q < BENCH_QUEUES; q++)
		if (q != blocked)
			(void)drain(bench, q, numbers);
	assert_false(is_readable(fd, events));
	assert_int_equal(drain(bench, blocked, numbers), 2);
	assert_true(is_readable(fd, events));
	bench_free(bench);
}

static void null_source_never_comes(void **state)
{
	struct wire wire = { .tx_stride = 1, .n_tx_queue = 1 };
	struct vif_port *port, *failed;
	short events;

	(void)state;
	assert_int_equal(vif_port_open("null:", NULL, &port, NULL), 0);
	assert_int_equal(vif_port_start(port, NULL), 0);
	wire.source = wire.destination = port;
	assert_int_equal(wire_init(&wire, &(struct stages_config){ 0 }), 0);
	assert_int_equal(wire_pump(&wire, &failed), WIRE_IDLE);
	assert_int_equal(wire_wait_fd(&wire, &events), -EINVAL);
	wire_fini(&wire);
	vif_port_close(port);
}

static void failed_source_is_named(void **state)
{
	struct bench *bench = bench_new(1, 4, VIF_FULL_WAIT);

	(void)state;
	vif_port_close(bench->feeder);
	bench->feeder = NULL;
	assert_int_equal(pump(bench), -ENODEV);
	assert_ptr_equal(bench->failed, bench->source);
	bench_free(bench);
}

static void failed_destination_is_named(void **state)
{
	struct bench *bench = bench_new(1, 4, VIF_FULL_WAIT);

	(void)state;
	feed(bench, 10, 1);
	vif_port_close(bench->reader);
	bench->reader = NULL;
	assert_int_equal(pump(bench), -ENODEV);
	assert_ptr_equal(bench->failed, bench->destination);
	wire_abandon(&bench->wire);
	assert_int_equal(dropped(bench, VIF_DROP_STOPPED), 10);
	bench_free(bench);
}

static void stopped_ports_end_the_wire(void **state)
{
	struct bench *bench = bench_new(1, 4, VIF_FULL_WAIT);

	(void)state;
	feed(bench, 10, 1);
	vif_port_stop(bench->destination);
	assert_int_equal(pump(bench), -ESHUTDOWN);
	assert_ptr_equal(bench->failed, bench->destination);
	wire_abandon(&bench->wire);
	vif_port_stop(bench->source);
	assert_int_equal(pump(bench), -ESHUTDOWN);
	assert_ptr_equal(bench->failed, bench->source);
	bench_free(bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty_source_is_idle),
		cmocka_unit_test(burst_goes_through),
		cmocka_unit_test(full_destination_is_waited_for),
		cmocka_unit_test(pending_batch_keeps_the_source_full),
		cmocka_unit_test(full_destination_drops),
		cmocka_unit_test(full_queue_drops_only_its_own),
		cmocka_unit_test(abandoned_packets_are_counted),
		cmocka_unit_test(segments_wait_for_room),
		cmocka_unit_test(segments_are_dropped_one_by_one),
		cmocka_unit_test(abandoned_segments_are_counted),
		cmocka_unit_test(each_burst_asks_the_destination),
		cmocka_unit_test(each_burst_asks_the_source),
		cmocka_unit_test(a_source_that_finishes_all_is_not_looked_at),
		cmocka_unit_test(zeroed_wire_can_be_abandoned),
		cmocka_unit_test(flows_stay_on_their_queue),
		cmocka_unit_test(lanes_keep_to_their_queues),
		cmocka_unit_test(one_queue_is_not_hashed),
		cmocka_unit_test(spread_survives_full_queues),
		cmocka_unit_test(idle_wire_waits_for_its_source),
		cmocka_unit_test(blocked_wire_waits_for_room),
		cmocka_unit_test(wire_waits_for_the_queue_that_blocked),
		cmocka_unit_test(null_source_never_comes),
		cmocka_unit_test(failed_source_is_named),
		cmocka_unit_test(failed_destination_is_named),
		cmocka_unit_test(stopped_ports_end_the_wire),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
