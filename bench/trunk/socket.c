/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Work: one flow over a socket pair, between two threads, against the bare loop
 * over another one.
 *
 * A thread each has one end. What is measured is the CPU time of both, in the
 * kernel and out of it, so the result says what a byte costs and not how many
 * processors were free.
 */
#include "bench/trunk/trunk.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "wire/trunk_record.h"

enum socket_sizes {
	RUNS = 5, /* of each, alternating */
	MIB_MAX = 4096,
	OUT_SIZE = VIF_TRUNK_SEND_MIN,
	IN_SIZE = 4 * VIF_TRUNK_SEND_MIN,
};

/* One end, in a thread of its own. */
struct end {
	struct vif_trunk *trunk;
	int fd;
	struct source source; /* of who sends */
	uint64_t want;        /* bytes to be read, of who receives */
	uint8_t out[OUT_SIZE], in[IN_SIZE];
	size_t out_at, out_len;
};

static void tell_time(const struct end *end)
{
	vif_trunk_advance(end->trunk, cpu_ns(CLOCK_MONOTONIC));
}

/* Sends what there is. Returns whether the socket is full. */
static bool push(struct end *end)
{
	for (;;) {
		ssize_t n;

		if (end->out_at == end->out_len) {
			int64_t len =
				vif_trunk_send(end->trunk, end->out, OUT_SIZE);

			if (len <= 0)
				return false;
			end->out_at = 0;
			end->out_len = (size_t)len;
		}
		n = send(end->fd, end->out + end->out_at,
			 end->out_len - end->out_at, MSG_NOSIGNAL);
		if (n < 0)
			return errno == EAGAIN;
		end->out_at += (size_t)n;
	}
}

/* Takes what has come. Returns false at the end of the connection. */
static bool pull(struct end *end)
{
	ssize_t n = recv(end->fd, end->in, IN_SIZE, 0);

	if (n > 0)
		(void)vif_trunk_receive(end->trunk, end->in, (size_t)n);
	return n > 0 || (n < 0 && errno == EAGAIN);
}

static void wait_for(const struct end *end, bool is_full)
{
	struct pollfd fd = {
		.fd = end->fd,
		.events = (short)(POLLIN | (is_full ? POLLOUT : 0)),
	};

	if (poll(&fd, 1, -1) < 0)
		die("poll");
}

/* Until the other end has enough, and closes. */
static void *run_sender(void *user)
{
	struct end *end = user;
	bool is_full;

	do {
		tell_time(end);
		(void)sink_read(end->trunk);
		do
			is_full = push(end);
		while (!is_full && source_fill(&end->source));
		wait_for(end, is_full);
	} while (pull(end));
	return NULL;
}

static void run_receiver(struct end *end)
{
	uint64_t got = 0;

	while (got < end->want) {
		bool is_full = push(end);

		wait_for(end, is_full);
		tell_time(end);
		if (!pull(end))
			die("the connection broke");
		got += sink_read(end->trunk);
	}
}

/* A pair of sockets; with the end of the receiver, the sender is at its end. */
static void connect_ends(int fd[2], int flags)
{
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0, fd) < 0)
		die("socketpair");
}

static double run_trunks(struct kind kind, uint64_t n_byte)
{
	static struct rig rig;
	static struct end end[2];
	pthread_t thread;
	uint64_t start_ns;
	int fd[2];

	ends_init(&rig, kind);
	rig.now_ns = cpu_ns(CLOCK_MONOTONIC);
	ends_start(&rig);
	(void)ends_dial(&rig, kind.mode);
	connect_ends(fd, SOCK_NONBLOCK);
	for (int i = 0; i < 2; i++)
		end[i] = (struct end){ .trunk = rig.end[i], .fd = fd[i] };
	end[0].source = (struct source){
		.flow = ends_open(rig.circuit[0]),
		.size = BENCH_WRITE_MAX,
	};
	end[1].want = n_byte;
	start_ns = cpu_ns(CLOCK_PROCESS_CPUTIME_ID);
	if (pthread_create(&thread, NULL, run_sender, &end[0]) != 0)
		die("no thread");
	run_receiver(&end[1]);
	(void)close(fd[1]);
	(void)pthread_join(thread, NULL);
	start_ns = cpu_ns(CLOCK_PROCESS_CPUTIME_ID) - start_ns;
	(void)close(fd[0]);
	rig_fini(&rig);
	return (double)start_ns / (double)n_byte;
}

struct bare_end {
	struct bare bare;
	int fd;
};

static void *run_bare_sender(void *user)
{
	struct bare_end *end = user;

	for (;;) {
		uint32_t len = bare_seal(&end->bare);

		for (uint32_t at = 0; at < len;) {
			ssize_t n = send(end->fd, end->bare.record + at,
					 len - at, MSG_NOSIGNAL);

			if (n < 0)
				return NULL; /* the other end has enough */
			at += (uint32_t)n;
		}
		end->bare.n_record++;
	}
}

static void run_bare_receiver(struct bare_end *end, uint64_t want)
{
	size_t len =
		RECORD_HEADER_LEN + end->bare.kind.record_max + RECORD_TAG_LEN;
	uint64_t got = 0;

	while (got < want) {
		if (recv(end->fd, end->bare.record, len, MSG_WAITALL) !=
		    (ssize_t)len)
			die("the connection broke");
		got += bare_open(&end->bare);
		end->bare.n_record++;
	}
}

static double run_bare(struct bare_end end[2], uint64_t n_byte)
{
	pthread_t thread;
	uint64_t start_ns;
	int fd[2];

	connect_ends(fd, 0);
	for (int i = 0; i < 2; i++) {
		end[i].fd = fd[i];
		end[i].bare.n_record = 0;
	}
	start_ns = cpu_ns(CLOCK_PROCESS_CPUTIME_ID);
	if (pthread_create(&thread, NULL, run_bare_sender, &end[0]) != 0)
		die("no thread");
	run_bare_receiver(&end[1], n_byte);
	(void)close(fd[1]);
	(void)pthread_join(thread, NULL);
	start_ns = cpu_ns(CLOCK_PROCESS_CPUTIME_ID) - start_ns;
	(void)close(fd[0]);
	return (double)start_ns / (double)n_byte;
}

void socket_main(char **words, int n)
{
	static struct bare_end end[2];
	double ours[RUNS], theirs[RUNS];
	struct kind kind;
	uint64_t n_byte;

	if (n != 4)
		usage();
	kind = kind_of(words);
	n_byte = (uint64_t)number(words[3], MIB_MAX) << 20;
	for (int i = 0; i < 2; i++)
		bare_init(&end[i].bare, kind);
	for (int i = 0; i < RUNS; i++) {
		ours[i] = run_trunks(kind, n_byte);
		theirs[i] = run_bare(end, n_byte);
	}
	(void)printf("{\"mine_ns\":%.6f,\"peer_ns\":%.6f}\n",
		     median(ours, RUNS), median(theirs, RUNS));
}
