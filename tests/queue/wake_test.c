/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stopping and closing under threads at work: Q1 to Q3 of the study this work
 * follows. Threads report; only the main one asserts. Worth most under
 * ThreadSanitizer.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/own_netns.h"
#include "tests/queue/device.h"

enum {
	FLAGS = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR | IFF_MULTI_QUEUE,
	QUEUES = 4,
	WAKE_MS = 100,
	ROUNDS = 20,
};

/* What a thread does until it is turned away. */
enum job {
	JOB_PARK,       /* sleeps until there is something */
	JOB_POLL,       /* reads without sleeping */
	JOB_SEND,       /* as the first sending thread */
	JOB_SEND_BESIDE /* with a writer of its own */
};

struct worker {
	struct vif_queue *queue;
	const struct device *device;
	pthread_t thread;
	enum job job;
	/* the thread's */
	_Atomic pid_t tid;
	_Atomic uint64_t n; /* packets */
	uint64_t end_ns;
	int result;
};

static uint64_t now_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now); /* is always there */
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static int receive(struct worker *worker)
{
	struct vif_batch *batch;
	int r = vif_batch_new(8, 8, &batch);

	while (r >= 0) {
		r = worker->job == JOB_PARK ?
			    vif_queue_read(worker->queue, batch, -1) :
			    vif_queue_rx(worker->queue, batch);
		if (r > 0)
			atomic_fetch_add(&worker->n, (uint64_t)r);
	}
	vif_batch_free(batch);
	return r;
}

static int send_with(struct worker *worker, struct vif_queue_writer *writer)
{
	uint8_t bytes[128];
	struct iovec seg = { bytes, device_datagram(worker->device, bytes,
						    DEVICE_PORT + 1, 16) };
	struct vif_packet packet = { .seg = &seg,
				     .len = (uint32_t)seg.iov_len,
				     .n_seg = 1 };
	int r;

	/* Nobody listens there: the kernel drops them. */
	do {
		packet.csum = VIF_CSUM_PARTIAL;
		packet.l4_off = 20;
		packet.csum_off = 6;
		r = writer ? vif_queue_writer_tx(writer, &packet, 1) :
			     vif_queue_tx(worker->queue, &packet, 1);
		if (r > 0)
			atomic_fetch_add(&worker->n, 1);
	} while (r >= 0);
	return r;
}

static void *work(void *argument)
{
	struct worker *worker = argument;
	struct vif_queue_writer *writer = NULL;
	int r = 0;

	atomic_store(&worker->tid, gettid());
	if (worker->job == JOB_SEND_BESIDE)
		r = vif_queue_writer_open(worker->queue, &writer);
	if (r == 0)
		r = worker->job < JOB_SEND ? receive(worker) :
					     send_with(worker, writer);
	worker->end_ns = now_ns();
	worker->result = r;
	vif_queue_writer_close(writer);
	return NULL;
}

static void start(struct worker *worker, struct vif_queue *queue,
		  const struct device *device, enum job job)
{
	*worker =
		(struct worker){ .queue = queue, .device = device, .job = job };
	assert_int_equal(pthread_create(&worker->thread, NULL, work, worker),
			 0);
}

static bool is_asleep(pid_t tid)
{
	char path[64], text[512];
	const char *state;
	FILE *file;
	size_t n;

	(void)snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
	file = fopen(path, "re");
	if (!file)
		return false;
	n = fread(text, 1, sizeof(text) - 1, file);
	(void)fclose(file); /* it was only read */
	text[n] = '\0';
	state = strrchr(text, ')');
	return state && state[1] == ' ' && state[2] == 'S';
}

/* Until it sleeps, or, when that is not its job, until it has done something. */
static void until_at_work(struct worker *worker)
{
	uint64_t end_ns = now_ns() + DEVICE_PATIENCE_MS * 1000000ull;

	while (now_ns() < end_ns) {
		pid_t tid = atomic_load(&worker->tid);

		if (worker->job == JOB_PARK && tid != 0 && is_asleep(tid))
			return;
		if (worker->job == JOB_POLL && tid != 0)
			return;
		if (worker->job >= JOB_SEND && atomic_load(&worker->n) > 0)
			return;
		(void)sched_yield(); /* cannot fail on Linux */
	}
	fail_msg("a thread does not get to work");
}

static void join(struct worker *worker)
{
	assert_int_equal(pthread_join(worker->thread, NULL), 0);
	assert_int_equal(worker->result, -ESHUTDOWN);
}

static struct vif_queue_set *make(struct device *device, unsigned int n)
{
	int fd[QUEUES] = { device_make(device, FLAGS) };

	for (unsigned int i = 1; i < n; i++)
		fd[i] = device_more(device, FLAGS);
	device_up(device);
	return device_set(NULL, fd, n);
}

/* Q1: the best of some tries, because the machine may be busy. */
static void close_wakes_everybody(void **state)
{
	uint64_t best_ns = UINT64_MAX;

	(void)state;
	for (int i = 0; i < ROUNDS && best_ns > WAKE_MS * 1000000ull; i++) {
		struct worker worker[QUEUES];
		uint64_t closed_ns, took_ns = 0;
		struct device device;
		struct vif_queue_set *set = make(&device, QUEUES);

		for (unsigned int w = 0; w < QUEUES; w++)
			start(&worker[w], vif_queue_set_at(set, w), &device,
			      JOB_PARK);
		for (int w = 0; w < QUEUES; w++)
			until_at_work(&worker[w]);
		closed_ns = now_ns();
		vif_queue_set_close(set);
		vif_queue_set_close(set);
		for (int w = 0; w < QUEUES; w++) {
			join(&worker[w]);
			if (worker[w].end_ns - closed_ns > took_ns)
				took_ns = worker[w].end_ns - closed_ns;
		}
		if (took_ns < best_ns)
			best_ns = took_ns;
		vif_queue_set_free(set);
		device_close(&device);
	}
	assert_true(best_ns <= WAKE_MS * 1000000ull);
}

static void close_before_wait(void **state)
{
	struct device device;
	struct vif_queue_set *set = make(&device, 1);
	struct vif_queue *queue = vif_queue_set_at(set, 0);
	struct vif_queue_writer *writer;
	struct vif_batch *batch;

	(void)state;
	assert_int_equal(vif_batch_new(1, 1, &batch), 0);
	assert_int_equal(vif_queue_writer_open(queue, &writer), 0);
	vif_queue_set_close(set);
	assert_int_equal(vif_queue_wait(queue, VIF_WAIT_RX, -1), -ESHUTDOWN);
	assert_int_equal(vif_queue_wait(queue, VIF_WAIT_TX, -1), -ESHUTDOWN);
	assert_int_equal(vif_queue_wait(queue, VIF_WAIT_CONTROL, -1), -EINVAL);
	assert_int_equal(vif_queue_rx(queue, batch), -ESHUTDOWN);
	assert_int_equal(vif_queue_read(queue, batch, -1), -ESHUTDOWN);
	assert_int_equal(vif_queue_tx(queue, NULL, 0), -ESHUTDOWN);
	assert_int_equal(vif_queue_writer_tx(writer, NULL, 0), -ESHUTDOWN);
	vif_batch_free(batch);
	vif_queue_set_free(set);
	device_close(&device);
}

/* Q2: the other one goes on, and can be stopped later. */
static void one_can_be_stopped_alone(void **state)
{
	static const uint8_t bytes[100];
	struct device device;
	struct vif_queue_set *set = make(&device, 2);
	struct worker worker[2];

	(void)state;
	for (unsigned int w = 0; w < 2; w++) {
		start(&worker[w], vif_queue_set_at(set, w), &device, JOB_PARK);
		until_at_work(&worker[w]);
	}
	assert_int_equal(
		vif_queue_attach(vif_queue_set_at(set, 0), false, NULL), 0);
	vif_queue_stop(vif_queue_set_at(set, 0));
	vif_queue_stop(vif_queue_set_at(set, 0));
	join(&worker[0]);
	assert_int_equal(vif_queue_wait(vif_queue_set_at(set, 1), VIF_WAIT_TX,
					DEVICE_PATIENCE_MS),
			 1);
	until_at_work(&worker[1]);
	for (uint64_t i = 1; i <= 10; i++) {
		device_send(&device, DEVICE_PORT, bytes, sizeof(bytes), 0);
		while (atomic_load(&worker[1].n) < i)
			(void)sched_yield(); /* the test has a time limit */
	}
	vif_queue_stop(vif_queue_set_at(set, 1));
	join(&worker[1]);
	vif_queue_set_free(set);
	device_close(&device);
}

/*
 * Q3: readers in poll and in read, and writers, while the set is closed, freed
 * and its numbers are used again.
 */
static void close_races_with_threads_at_work(void **state)
{
	static const uint8_t bytes[100];

	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		struct worker worker[QUEUES + 2];
		struct device device;
		struct vif_queue_set *set = make(&device, QUEUES);

		for (unsigned int w = 0; w < QUEUES; w++)
			start(&worker[w], vif_queue_set_at(set, w), &device,
			      w % 2 ? JOB_PARK : JOB_POLL);
		start(&worker[QUEUES], vif_queue_set_at(set, 0), &device,
		      JOB_SEND);
		start(&worker[QUEUES + 1], vif_queue_set_at(set, 0), &device,
		      JOB_SEND_BESIDE);
		for (int w = 0; w < QUEUES + 2; w++)
			until_at_work(&worker[w]);
		device_send(&device, DEVICE_PORT, bytes, sizeof(bytes), 0);
		vif_queue_set_close(set);
		for (int w = 0; w < QUEUES + 2; w++)
			join(&worker[w]);
		vif_queue_set_free(set);
		device_close(&device);
	}
}

/* Q8: the device goes away under a parked reader. */
static void the_end_of_the_device_is_noticed(void **state)
{
	struct device device;
	struct vif_queue_set *set = make(&device, 1);
	struct vif_queue *queue = vif_queue_set_at(set, 0);
	struct vif_error error;
	struct worker worker;

	(void)state;
	start(&worker, queue, &device, JOB_PARK);
	until_at_work(&worker);
	assert_true(own_netns_delete(if_nametoindex(device.name)));
	assert_int_equal(pthread_join(worker.thread, NULL), 0);
	assert_int_equal(worker.result, -ENODEV);
	assert_int_equal(vif_queue_attach(queue, false, &error), -EBADFD);
	vif_queue_set_free(set);
	device_close(&device);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(close_wakes_everybody),
		cmocka_unit_test(close_before_wait),
		cmocka_unit_test(one_can_be_stopped_alone),
		cmocka_unit_test(close_races_with_threads_at_work),
		cmocka_unit_test(the_end_of_the_device_is_noticed),
	};
	int r = device_prepare();

	return r != 0 ? r : cmocka_run_group_tests(tests, NULL, NULL);
}
