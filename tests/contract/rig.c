/* SPDX-License-Identifier: Apache-2.0 */
/* A port under test: opening it, moving packets, parking threads. */
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/contract/contract.h"

uint64_t now_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail */
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

unsigned int count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned int n = 0;

	assert_non_null(dir);
	while (readdir(dir)) /* NOLINT(concurrency-*): ours alone */
		n++;
	(void)closedir(dir); /* it was only read */
	return n;
}

static void note_state(void *user, struct vif_port *port,
		       enum vif_port_state state)
{
	struct rig *rig = user;

	atomic_store(&rig->state_port, port);
	if ((unsigned int)state < CONTRACT_STATES)
		atomic_fetch_add(&rig->n_state[state], 1);
}

struct vif_port_config rig_config(struct rig *rig)
{
	return (struct vif_port_config){
		.size = sizeof(struct vif_port_config),
		.on_state = note_state,
		.user = rig,
	};
}

void rig_init(struct rig *rig, const struct driver *driver)
{
	memset(rig, 0, sizeof(*rig));
	rig->driver = driver;
	rig->far_fd = -1;
	rig->n_fd = count_fds();
	assert_int_equal(
		vif_batch_new(CONTRACT_BATCH, CONTRACT_BATCH, &rig->batch), 0);
	assert_int_equal(
		vif_batch_new(CONTRACT_BATCH, CONTRACT_BATCH, &rig->far_batch),
		0);
}

void rig_open(struct rig *rig, const char *keys)
{
	char text[1024];
	int r = rig->driver->open(rig, keys);

	if (r < 0) {
		(void)vif_error_text(&rig->error, text, sizeof(text));
		fail_msg("open %s %s: %s", rig->driver->name, keys, text);
	}
	assert_non_null(rig->port);
}

void rig_up(struct rig *rig, const char *keys)
{
	rig_open(rig, keys);
	assert_int_equal(vif_port_start(rig->port, &rig->error), 0);
}

void rig_close(struct rig *rig)
{
	vif_port_close(rig->port);
	vif_port_close(rig->far);
	if (rig->far_fd >= 0)
		(void)close(rig->far_fd); /* a socket has nothing to say */
	vif_batch_free(rig->batch);
	vif_batch_free(rig->far_batch);
	rig->port = rig->far = NULL;
	rig->batch = rig->far_batch = NULL;
	rig->far_fd = -1;
}

bool rig_is_eth(const struct rig *rig)
{
	return vif_port_caps(rig->port)->medium == VIF_MEDIUM_ETH;
}

int rig_rx(struct rig *rig, unsigned int queue)
{
	uint64_t end_ns = now_ns() + CONTRACT_PATIENCE_MS * 1000000ull;
	int r;

	while ((r = vif_port_rx(rig->port, queue, rig->batch)) == 0) {
		if (now_ns() > end_ns)
			return 0;
		r = vif_port_wait(rig->port, queue, VIF_WAIT_RX,
				  CONTRACT_PATIENCE_MS);
		if (r < 0)
			return r;
	}
	for (int i = 0; i < r; i++) {
		rig->rx_packets++;
		rig->rx_bytes += rig->batch->packet[i].len;
	}
	return r;
}

void rig_receive(struct rig *rig, struct probe_seen *ret_seen)
{
	for (;;) {
		bool found = false;
		int r = rig_rx(rig, 0);

		if (r <= 0)
			fail_msg("nothing received: %d", r);
		for (int i = 0; i < r; i++)
			found |= probe_look(&rig->batch->packet[i],
					    rig_is_eth(rig), ret_seen);
		vif_port_rx_done(rig->port, 0, rig->batch);
		if (found)
			return;
	}
}

int rig_tx(struct rig *rig, unsigned int queue, const struct vif_packet *packet,
	   unsigned int n)
{
	uint64_t end_ns = now_ns() + CONTRACT_PATIENCE_MS * 1000000ull;
	unsigned int sent = 0;
	int r;

	while (sent < n && now_ns() < end_ns) {
		r = vif_port_tx(rig->port, queue, packet + sent, n - sent);
		if (r < 0)
			return r;
		assert_true((unsigned int)r <= n - sent);
		sent += (unsigned int)r;
		if (sent < n)
			(void)vif_port_wait(rig->port, queue, VIF_WAIT_TX,
					    CONTRACT_PATIENCE_MS);
	}
	return (int)sent;
}

int rig_service(struct rig *rig)
{
	uint64_t deadline_ns = 0;

	return vif_port_service(rig->port, now_ns(), &deadline_ns);
}

struct parker {
	struct vif_port *port;
	unsigned int queue;
	enum vif_wait what;
	int timeout_ms;
	bool is_stubborn;
	pthread_t thread;
	_Atomic pid_t tid;
	int result;
	uint64_t woken_ns;
};

static void *park(void *argument)
{
	struct parker *parker = argument;

	atomic_store(&parker->tid, gettid());
	do
		parker->result =
			vif_port_wait(parker->port, parker->queue, parker->what,
				      parker->timeout_ms);
	while (parker->is_stubborn && parker->result == 1);
	parker->woken_ns = now_ns();
	return NULL;
}

static struct parker *start_parker(const struct parker *how)
{
	struct parker *parker = calloc(1, sizeof(*parker));

	assert_non_null(parker);
	*parker = *how;
	assert_int_equal(pthread_create(&parker->thread, NULL, park, parker),
			 0);
	return parker;
}

struct parker *parker_new(struct vif_port *port, unsigned int queue,
			  enum vif_wait what, int timeout_ms)
{
	const struct parker how = { .port = port,
				    .queue = queue,
				    .what = what,
				    .timeout_ms = timeout_ms };

	return start_parker(&how);
}

struct parker *parker_new_stubborn(struct vif_port *port, unsigned int queue,
				   enum vif_wait what)
{
	const struct parker how = { .port = port,
				    .queue = queue,
				    .what = what,
				    .timeout_ms = -1,
				    .is_stubborn = true };

	return start_parker(&how);
}

/* Whether a thread of ours sleeps in the kernel. */
static bool is_asleep(pid_t tid)
{
	char path[64], text[512];
	const char *state;
	size_t n;
	FILE *file;

	(void)snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
	file = fopen(path, "re");
	if (!file)
		return false;
	n = fread(text, 1, sizeof(text) - 1, file);
	(void)fclose(file); /* it was only read */
	text[n] = '\0';
	state = strrchr(text, ')'); /* behind the name, which may be anything */
	return state && state[1] == ' ' && state[2] == 'S';
}

void parker_until_parked(struct parker *parker)
{
	uint64_t end_ns = now_ns() + CONTRACT_PATIENCE_MS * 1000000ull;

	while (now_ns() < end_ns) {
		pid_t tid = atomic_load(&parker->tid);

		if (tid != 0 && is_asleep(tid))
			return;
		(void)sched_yield(); /* cannot fail on Linux */
	}
	fail_msg("the thread does not park");
}

int parker_join(struct parker *parker, uint64_t *ret_woken_ns)
{
	int r;

	assert_int_equal(pthread_join(parker->thread, NULL), 0);
	r = parker->result;
	*ret_woken_ns = parker->woken_ns;
	free(parker);
	return r;
}
