/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which queue gets a packet, and queues that come and go: Q14 to Q17, Q26
 * and Q28 of the study this work follows.
 */
#include <errno.h>
#include <linux/bpf.h>
#include <linux/filter.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/bits.h"
#include "port/tun/steer.h"
#include "tests/frame.h"
#include "tests/queue/device.h"

enum {
	FLAGS = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR | IFF_MULTI_QUEUE,
	QUEUES = 4,
	FLOWS = 40,
	FIRST_PORT = 20000,
};

struct bench {
	struct device device;
	struct vif_queue_set *set;
	struct vif_batch *batch;
};

static void open_bench(struct bench *bench)
{
	int fd[QUEUES] = { device_make(&bench->device, FLAGS) };

	for (int i = 1; i < QUEUES; i++)
		fd[i] = device_more(&bench->device, FLAGS);
	device_up(&bench->device);
	bench->set = device_set(NULL, fd, QUEUES);
	assert_int_equal(vif_batch_new(64, 64, &bench->batch), 0);
}

static void close_bench(struct bench *bench)
{
	vif_batch_free(bench->batch);
	vif_queue_set_free(bench->set);
	device_close(&bench->device);
}

/* Waits for one packet on any queue; says on which. */
static unsigned int arrived_on(struct bench *bench)
{
	struct pollfd ready[QUEUES];
	unsigned int found = QUEUES;

	for (unsigned int i = 0; i < QUEUES; i++)
		ready[i] = (struct pollfd){
			.fd = vif_queue_fd(vif_queue_set_at(bench->set, i)),
			.events = POLLIN,
		};
	assert_true(poll(ready, QUEUES, DEVICE_PATIENCE_MS) > 0);
	for (unsigned int i = 0; i < QUEUES; i++) {
		int r = vif_queue_rx(vif_queue_set_at(bench->set, i),
				     bench->batch);

		assert_true(r >= 0);
		if (r == 0)
			continue;
		assert_int_equal(r, 1);
		assert_int_equal(found, QUEUES);
		found = i;
	}
	assert_in_range(found, 0, QUEUES - 1);
	return found;
}

/* A packet of flow i. */
static unsigned int send_flow(struct bench *bench, unsigned int i)
{
	device_send(&bench->device, (uint16_t)(FIRST_PORT + i), "x", 1, 0);
	return arrived_on(bench);
}

/* Q14: detached it gets nothing, and writes; attached it gets packets again. */
static void queues_are_detached_and_attached(void **state)
{
	uint8_t bytes[128], got[128];
	struct iovec seg = { bytes, 0 };
	struct vif_packet packet = { .seg = &seg, .n_seg = 1 };
	struct vif_error error;
	struct bench bench;
	struct vif_queue *last;

	(void)state;
	open_bench(&bench);
	last = vif_queue_set_at(bench.set, QUEUES - 1);
	for (int round = 0; round < 3; round++) {
		for (unsigned int i = 0; i + 1 < QUEUES; i++)
			assert_int_equal(
				vif_queue_attach(vif_queue_set_at(bench.set, i),
						 false, &error),
				0);
		for (unsigned int i = 0; i < FLOWS; i++)
			assert_int_equal(send_flow(&bench, i), QUEUES - 1);
		seg.iov_len =
			device_datagram(&bench.device, bytes, DEVICE_PORT, 10);
		packet.len = (uint32_t)seg.iov_len;
		packet.csum = VIF_CSUM_PARTIAL;
		packet.l4_off = 20;
		packet.csum_off = 6;
		assert_int_equal(vif_queue_tx(vif_queue_set_at(bench.set, 0),
					      &packet, 1),
				 1);
		assert_int_equal(
			device_receive(&bench.device, got, sizeof(got)), 10);
		assert_int_equal(
			vif_queue_attach(vif_queue_set_at(bench.set, 0), false,
					 &error),
			0);
		for (unsigned int i = 0; i + 1 < QUEUES; i++)
			assert_int_equal(
				vif_queue_attach(vif_queue_set_at(bench.set, i),
						 true, &error),
				0);
		assert_int_equal(vif_queue_attach(last, false, &error), 0);
		for (unsigned int i = 0; i < FLOWS; i++)
			assert_int_not_equal(send_flow(&bench, i), QUEUES - 1);
		assert_int_equal(vif_queue_attach(last, true, &error), 0);
	}
	close_bench(&bench);
}

static void a_single_queue_stays_attached(void **state)
{
	struct device device;
	int fd = device_make(&device, IFF_TUN | IFF_NO_PI);
	struct vif_queue_set *set = device_set(NULL, &fd, 1);
	struct vif_error error;

	(void)state;
	assert_int_equal(
		vif_queue_attach(vif_queue_set_at(set, 0), false, &error),
		-EINVAL);
	assert_non_null(strstr(error.why, "single queue"));
	assert_int_equal(
		vif_queue_attach(vif_queue_set_at(set, 0), true, &error), 0);
	vif_queue_set_free(set);
}

/* A detached descriptor is told by the kernel, and can be attached. */
static void a_detached_descriptor_is_known(void **state)
{
	struct ifreq request = { .ifr_flags = IFF_DETACH_QUEUE };
	struct device device;
	int fd[2] = { device_make(&device, FLAGS), -1 };
	struct vif_queue_set *set;
	struct vif_batch *batch;

	(void)state;
	fd[1] = device_more(&device, FLAGS);
	assert_int_equal(ioctl(fd[1], TUNSETQUEUE, &request), 0);
	device_up(&device);
	set = device_set(NULL, fd, 2);
	assert_int_equal(vif_batch_new(1, 1, &batch), 0);
	assert_int_equal(vif_queue_attach(vif_queue_set_at(set, 1), true, NULL),
			 0);
	assert_int_equal(
		vif_queue_attach(vif_queue_set_at(set, 0), false, NULL), 0);
	device_send(&device, DEVICE_PORT, "x", 1, 0);
	(void)device_read(vif_queue_set_at(set, 1), batch);
	vif_batch_free(batch);
	vif_queue_set_free(set);
	device_close(&device);
}

/* A program that puts everything on one queue. */
static int constant_program(int type, int queue)
{
	const struct bpf_insn insn[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = queue },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attr = {
		.prog_type = (uint32_t)type,
		.insn_cnt = 2,
		.insns = (uintptr_t)insn,
		.license = (uintptr_t) "none",
	};

	return (int)syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));
}

/* Whether this process may load programs; says so if not. */
static bool can_load(void)
{
	int fd = constant_program(BPF_PROG_TYPE_SOCKET_FILTER, 0);

	if (fd < 0) {
		print_message("bpf(2): errno %d: not tried\n", errno);
		return false;
	}
	(void)close(fd); /* it was not used */
	return true;
}

/* Q15 */
static void a_program_chooses(void **state)
{
	struct vif_error error;
	struct bench bench;
	int fd;

	(void)state;
	if (!can_load())
		skip();
	open_bench(&bench);
	for (int want = 0; want < QUEUES; want++) {
		fd = constant_program(BPF_PROG_TYPE_SOCKET_FILTER,
				      want + QUEUES);
		assert_int_equal(vif_queue_set_steer(bench.set,
						     VIF_QUEUE_STEER_PROGRAM,
						     fd, &error),
				 0);
		(void)close(fd); /* the device holds the program */
		for (unsigned int i = 0; i < 10; i++)
			assert_int_equal(send_flow(&bench, i), want);
	}
	fd = constant_program(BPF_PROG_TYPE_XDP, 0);
	assert_int_equal(vif_queue_set_steer(bench.set, VIF_QUEUE_STEER_PROGRAM,
					     fd, &error),
			 -EINVAL);
	assert_non_null(strstr(error.why, "BPF_PROG_TYPE_SOCKET_FILTER"));
	(void)close(fd); /* it was not used */
	assert_int_equal(vif_queue_set_steer(bench.set, VIF_QUEUE_STEER_PROGRAM,
					     12345, &error),
			 -EBADF);
	assert_int_equal(vif_queue_set_steer(bench.set, VIF_QUEUE_STEER_PROGRAM,
					     -1, &error),
			 -EBADF);
	assert_int_equal(vif_queue_set_steer(bench.set, (enum vif_queue_steer)3,
					     0, &error),
			 -EINVAL);
	close_bench(&bench);
}

/* Each flow keeps its queue, whoever writes; the flows use all queues. */
static void flows_keep_their_queue(struct bench *bench)
{
	unsigned int queue[FLOWS], used[QUEUES] = { 0 }, n_used = 0;

	assert_int_equal(
		vif_queue_set_steer(bench->set, VIF_QUEUE_STEER_HASH, -1, NULL),
		0);
	for (unsigned int i = 0; i < FLOWS; i++) {
		queue[i] = send_flow(bench, i);
		used[queue[i]]++;
	}
	for (int i = 0; i < QUEUES; i++)
		n_used += used[i] > 0;
	assert_int_equal(n_used, QUEUES);
	for (unsigned int i = 0; i < FLOWS; i++)
		assert_int_equal(send_flow(bench, i), queue[i]);
}

static void hash_keeps_flows_together(void **state)
{
	struct bench bench;

	(void)state;
	if (!can_load())
		skip();
	open_bench(&bench);
	flows_keep_their_queue(&bench);
	/* And back to the kernel's own way. */
	assert_int_equal(
		vif_queue_set_steer(bench.set, VIF_QUEUE_STEER_AUTO, -1, NULL),
		0);
	(void)send_flow(&bench, 0);
	close_bench(&bench);
}

/* Q26: all fragments come on one queue, whatever the ports are. */
static void hash_keeps_fragments_together(void **state)
{
	static const uint8_t bytes[4000];
	struct bench bench;
	unsigned int first = QUEUES;

	(void)state;
	if (!can_load())
		skip();
	open_bench(&bench);
	assert_int_equal(
		vif_queue_set_steer(bench.set, VIF_QUEUE_STEER_HASH, -1, NULL),
		0);
	for (unsigned int i = 0; i < 10; i++) {
		unsigned int fragments = 0;

		device_send(&bench.device, (uint16_t)(FIRST_PORT + i), bytes,
			    sizeof(bytes), 0);
		for (unsigned int q = 0; fragments == 0 && q < QUEUES; q++) {
			int r = vif_queue_rx(vif_queue_set_at(bench.set, q),
					     bench.batch);

			assert_true(r == 0 || r == 3);
			fragments = (unsigned int)r;
			if (r == 3 && first == QUEUES)
				first = q;
			if (r == 3)
				assert_int_equal(q, first);
		}
		assert_int_equal(fragments, 3);
	}
	close_bench(&bench);
}

/* What the program makes of a frame, by the kernel's own trial. */
static uint32_t try_hash(int program_fd, const struct frame *frame)
{
	union bpf_attr attr = {
		.test = {
			.prog_fd = (uint32_t)program_fd,
			.data_in = (uintptr_t)frame->byte,
			.data_size_in = (uint32_t)frame->len,
		},
	};

	if (syscall(SYS_bpf, BPF_PROG_TEST_RUN, &attr, sizeof(attr)) < 0)
		fail_msg("%zu bytes cannot be tried: errno %d", frame->len,
			 errno);
	return attr.test.retval;
}

static void swap(uint8_t *a, uint8_t *b, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		uint8_t byte = a[i];

		a[i] = b[i];
		b[i] = byte;
	}
}

/* With the ports at l4, both ways and with another port. */
static void is_a_flow(int fd, const char *layers, size_t l4, bool has_ports)
{
	struct frame frame = frame_make(layers);
	bool is_ip4 = frame.byte[14] >> 4 == 4;
	uint8_t *source = frame.byte + 14 + (is_ip4 ? 12 : 8);
	size_t len = is_ip4 ? 4 : 16;
	uint32_t there = try_hash(fd, &frame), back, other;

	swap(source, source + len, len);
	if (has_ports)
		swap(frame.byte + l4, frame.byte + l4 + 2, 2);
	back = try_hash(fd, &frame);
	assert_int_equal(back, there);
	assert_true(there <= UINT16_MAX);
	frame.byte[l4 + 1]++;
	other = try_hash(fd, &frame);
	if (has_ports)
		assert_int_not_equal(other, there);
	else
		assert_int_equal(other, there);
	source[len - 1]++;
	assert_int_not_equal(try_hash(fd, &frame), other);
}

static void hash_is_the_same_both_ways(void **state)
{
	static const char *const fragments[] = { "eth ip4_first udp data+8",
						 "eth ip4_middle data+16",
						 "eth ip4_last data+16" };
	static const char *const nothings[] = { "eth arp data+30",
						"eth ip6 udp", "eth ip4 udp" };
	struct frame frame;
	int fd;

	(void)state;
	if (!can_load())
		skip();
	fd = tun_steer_by_hash(NULL);
	assert_true(fd >= 0);
	is_a_flow(fd, "eth ip4 udp data+10", 34, true);
	is_a_flow(fd, "eth ip4 tcp data+10", 34, true);
	is_a_flow(fd, "eth ip4+12 tcp data+10", 46, true);
	is_a_flow(fd, "eth ip6 udp data+10", 54, true);
	is_a_flow(fd, "eth ip6 tcp data+10", 54, true);
	is_a_flow(fd, "eth ip4 icmp data+10", 34, false);
	is_a_flow(fd, "eth ip6 dst udp data+10", 62, false);
	is_a_flow(fd, "eth ip6 ip6_first udp data+10", 62, false);
	is_a_flow(fd, "eth ip6 ip6_last data+10", 62, false);
	for (size_t i = 0; i < ARRAY_LEN(fragments); i++) {
		struct frame first = frame_make(fragments[0]);

		frame = frame_make(fragments[i]);
		assert_int_equal(try_hash(fd, &frame), try_hash(fd, &first));
		is_a_flow(fd, fragments[i], 34, false);
	}
	/* No IP, or cut off within the ports: the first queue. */
	for (size_t i = 0; i < ARRAY_LEN(nothings); i++) {
		frame = frame_make(nothings[i]);
		frame.len -= i == 0 ? 0 : 6;
		assert_int_equal(try_hash(fd, &frame), 0);
	}
	(void)close(fd); /* it was tried only */
}

/* Writes a datagram to the flow of a port, the other way. */
static void answer(struct bench *bench, unsigned int queue, uint16_t port)
{
	uint8_t bytes[128];
	struct iovec seg = { bytes,
			     device_datagram(&bench->device, bytes, port, 10) };
	struct vif_packet packet = {
		.seg = &seg,
		.len = (uint32_t)seg.iov_len,
		.n_seg = 1,
		.l4_off = 20,
		.csum_off = 6,
		.csum = VIF_CSUM_PARTIAL,
	};

	assert_int_equal(
		vif_queue_tx(vif_queue_set_at(bench->set, queue), &packet, 1),
		1);
}

/* Q16: the kernel answers where it was written to, and follows the writer. */
static void auto_follows_the_writer(void **state)
{
	struct bench bench;

	(void)state;
	open_bench(&bench);
	for (unsigned int i = 0; i < FLOWS; i++) {
		uint16_t port = (uint16_t)(FIRST_PORT + i);
		int fd = device_socket(&bench.device, port);

		for (unsigned int turn = 0; turn < 3; turn++) {
			unsigned int queue = (i + turn) % QUEUES;

			answer(&bench, queue, port);
			device_send_by(&bench.device, fd, "x", 1, 0);
			assert_int_equal(arrived_on(&bench), queue);
		}
		(void)close(fd); /* what came in does not matter */
	}
	close_bench(&bench);
}

/* Reads a queue until it is stopped. */
struct reader {
	struct vif_queue *queue;
	pthread_t thread;
	_Atomic uint64_t *n;
	int result;
};

static void *read_all(void *argument)
{
	struct reader *reader = argument;
	struct vif_batch *batch;
	int r = vif_batch_new(64, 64, &batch);

	while (r >= 0) {
		r = vif_queue_read(reader->queue, batch, -1);
		if (r > 0)
			atomic_fetch_add(reader->n, (uint64_t)r);
	}
	vif_batch_free(batch);
	reader->result = r;
	return NULL;
}

struct talker {
	const struct device *device;
	pthread_t thread;
	atomic_bool is_over;
	uint64_t n;
};

static void *talk(void *argument)
{
	struct talker *talker = argument;

	while (!atomic_load(&talker->is_over)) {
		device_send_by(talker->device, talker->device->udp_fd, "x", 1,
			       0);
		talker->n++;
	}
	return NULL;
}

/* Q17: queues come, go and come back while packets flow. */
static void queues_change_under_traffic(void **state)
{
	struct reader reader[QUEUES + 1];
	_Atomic uint64_t n = 0;
	struct vif_port_stats stats;
	struct talker talker;
	struct bench bench;
	uint64_t before;

	(void)state;
	open_bench(&bench);
	talker = (struct talker){ .device = &bench.device };
	assert_int_equal(pthread_create(&talker.thread, NULL, talk, &talker),
			 0);
	for (unsigned int i = 0; i <= QUEUES; i++) {
		int fd = i < QUEUES ? -1 : device_more(&bench.device, FLAGS);

		reader[i] = (struct reader){ .n = &n };
		if (i < QUEUES)
			reader[i].queue = vif_queue_set_at(bench.set, i);
		else
			assert_int_equal(vif_queue_set_add(bench.set, fd,
							   &reader[i].queue,
							   NULL),
					 0);
		assert_int_equal(pthread_create(&reader[i].thread, NULL,
						read_all, &reader[i]),
				 0);
	}
	/* Each change is followed by packets, so that they do meet. */
	for (unsigned int i = 0; i < 100; i++) {
		struct vif_queue *queue = reader[i % (QUEUES + 1)].queue;

		before = atomic_load(&n);
		assert_int_equal(vif_queue_attach(queue, false, NULL), 0);
		while (atomic_load(&n) < before + 10)
			(void)sched_yield(); /* the test has a time limit */
		assert_int_equal(vif_queue_attach(queue, true, NULL), 0);
	}
	atomic_store(&talker.is_over, true);
	assert_int_equal(pthread_join(talker.thread, NULL), 0);
	vif_queue_set_close(bench.set);
	for (unsigned int i = 0; i <= QUEUES; i++) {
		assert_int_equal(pthread_join(reader[i].thread, NULL), 0);
		assert_int_equal(reader[i].result, -ESHUTDOWN);
	}
	vif_queue_set_stats(bench.set, &stats);
	assert_int_equal(stats.rx_packets, atomic_load(&n));
	assert_true(stats.rx_packets <= talker.n);
	close_bench(&bench);
}

/* Q28 */
static void everything_is_counted(void **state)
{
	static uint8_t bytes[3000];
	struct iovec seg = { bytes, 0 };
	struct vif_packet packet = { .seg = &seg, .n_seg = 1 };
	struct vif_queue_writer *writer;
	struct vif_port_stats stats;
	struct device device;
	int fd = device_make(&device, FLAGS);
	struct vif_queue_set *set = device_set(NULL, &fd, 1);
	struct vif_queue *queue = vif_queue_set_at(set, 0);
	struct vif_batch *batch;

	(void)state;
	assert_int_equal(vif_batch_new(1, 1, &batch), 0);
	assert_int_equal(vif_queue_writer_open(queue, &writer), 0);
	seg.iov_len = device_datagram(&device, bytes, DEVICE_PORT, 100);
	packet.len = (uint32_t)seg.iov_len;
	assert_int_equal(vif_queue_tx(queue, &packet, 1), 1); /* it is down */
	device_up(&device);
	assert_int_equal(vif_queue_tx(queue, &packet, 1), 1);
	assert_int_equal(vif_queue_writer_tx(writer, &packet, 1), 1);
	vif_queue_writer_close(writer);
	assert_int_equal(vif_queue_writer_open(queue, &writer), 0);
	packet.gso = VIF_GSO_UDP; /* without a segment size */
	assert_int_equal(vif_queue_writer_tx(writer, &packet, 1), 1);
	device_send(&device, DEVICE_PORT, bytes, 2500, 1000);
	(void)device_read(queue, batch);
	device_send(&device, DEVICE_PORT, bytes, 10, 0);
	(void)device_read(queue, batch);
	assert_int_equal(vif_queue_read(queue, batch, 0), 0);

	vif_queue_set_stats(set, &stats);
	assert_int_equal(stats.rx_packets, 2);
	assert_int_equal(stats.rx_superpackets, 1);
	assert_int_equal(stats.rx_bytes, 2528 + 38);
	assert_int_equal(stats.tx_packets, 2);
	assert_int_equal(stats.tx_bytes, 2 * 128);
	assert_int_equal(stats.tx_superpackets, 0);
	assert_int_equal(stats.tx_drops[VIF_DROP_DOWN], 1);
	assert_int_equal(stats.tx_drops[VIF_DROP_HEADER], 1);
	for (int i = 0; i < VIF_DROP_N; i++)
		assert_int_equal(stats.rx_drops[i], 0);
	vif_batch_free(batch);
	vif_queue_set_free(set);
	device_close(&device);
}

static void an_empty_set_cannot_be_steered(void **state)
{
	struct vif_queue_set *set = device_set(NULL, NULL, 0);
	struct vif_error error;

	(void)state;
	assert_int_equal(
		vif_queue_set_steer(set, VIF_QUEUE_STEER_AUTO, -1, &error),
		-EINVAL);
	assert_non_null(strstr(error.why, "no queue"));
	vif_queue_set_free(set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(queues_are_detached_and_attached),
		cmocka_unit_test(a_single_queue_stays_attached),
		cmocka_unit_test(a_detached_descriptor_is_known),
		cmocka_unit_test(a_program_chooses),
		cmocka_unit_test(hash_keeps_flows_together),
		cmocka_unit_test(hash_keeps_fragments_together),
		cmocka_unit_test(hash_is_the_same_both_ways),
		cmocka_unit_test(auto_follows_the_writer),
		cmocka_unit_test(queues_change_under_traffic),
		cmocka_unit_test(everything_is_counted),
		cmocka_unit_test(an_empty_set_cannot_be_steered),
	};
	int r = device_prepare();

	return r != 0 ? r : cmocka_run_group_tests(tests, NULL, NULL);
}
