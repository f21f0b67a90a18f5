/* SPDX-License-Identifier: Apache-2.0 */
/* One end of vif demo: a child process that carries out orders. */
#include "cli/demo_host.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "cli/rights.h"

/* A receiver in its own thread, for traffic in both directions at once. */
struct receiver {
	pthread_t thread;
	int listen_fd;
	int code;
	struct demo_stream stream;
};

static int fail(struct demo_answer *answer, int code, const char *what)
{
	/* The first failure is the reason; later ones follow from it. */
	if (answer->code < 0)
		return code;
	answer->code = code;
	(void)snprintf(answer->what, sizeof(answer->what), "%s", what);
	return code;
}

static void *receive(void *argument)
{
	struct receiver *receiver = argument;

	receiver->code = demo_receive(receiver->listen_fd, &receiver->stream);
	return NULL;
}

static void transfer(int listen_fd, const struct demo_order *order,
		     struct demo_answer *answer)
{
	struct receiver receiver = { .listen_fd = listen_fd };
	bool receives = order->verbs & DEMO_RECEIVE;
	int code;

	if (receives) {
		code = pthread_create(&receiver.thread, NULL, receive,
				      &receiver);
		if (code) {
			(void)fail(answer, -code, "cannot start a thread");
			return;
		}
	}
	if (order->verbs & DEMO_SEND) {
		code = demo_send(order->peer, order->time_ms);
		if (code < 0)
			(void)fail(answer, code, "cannot send TCP");
	}
	if (!receives)
		return;
	(void)pthread_join(receiver.thread, NULL); /* it is joinable */
	answer->received = receiver.stream;
	if (receiver.code < 0)
		(void)fail(answer, receiver.code, "cannot receive TCP");
}

static void carry_out(int listen_fd, const struct demo_order *order,
		      struct demo_answer *answer)
{
	int code;

	if (order->verbs & DEMO_PING) {
		code = demo_ping(order->peer, order->n_echo, &answer->ping);
		if (code < 0)
			(void)fail(answer, code, "no answer to a ping");
	}
	if (order->verbs & (DEMO_SEND | DEMO_RECEIVE))
		transfer(listen_fd, order, answer);
}

/* IPv6 may be built out, booted off, or switched off for new namespaces. */
static bool has_ipv6(void)
{
	char value = '1';
	int fd = open("/proc/sys/net/ipv6/conf/default/disable_ipv6",
		      O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return false;
	if (read(fd, &value, 1) < 0)
		value = '1';
	(void)close(fd); /* only read from */
	return value == '0';
}

/* Returns the listening socket. */
static int set_up(struct demo_answer *answer)
{
	int code;

	if (unshare(CLONE_NEWNET) < 0)
		return fail(answer, -errno, "cannot make a network namespace");
	code = rights_loopback_up();
	if (code < 0)
		return fail(answer, code, "cannot set up lo");
	answer->has_ipv6 = has_ipv6();
	code = demo_listen();
	if (code < 0)
		return fail(answer, code, "cannot listen for TCP");
	return code;
}

/* Life of the child. Nobody is left to hear of a socket that fails. */
static _Noreturn void live(int fd)
{
	struct demo_answer answer = { 0 };
	struct demo_order order;
	int listen_fd = set_up(&answer);

	while (send(fd, &answer, sizeof(answer), MSG_NOSIGNAL) ==
		       (ssize_t)sizeof(answer) &&
	       listen_fd >= 0 &&
	       recv(fd, &order, sizeof(order), 0) == (ssize_t)sizeof(order)) {
		answer = (struct demo_answer){ 0 };
		carry_out(listen_fd, &order, &answer);
	}
	_exit(0);
}

int demo_host_start(struct demo_host *host, const char *name,
		    struct vif_error *error)
{
	pid_t parent = getpid();
	char title[16];
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return error_set(error, -errno, "cannot make a socket pair");
	host->fd = pair[0];
	host->pid = fork();
	if (host->pid == 0) {
		/* The parent may have died before the kernel was told. */
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		if (getppid() != parent)
			_exit(0);
		(void)snprintf(title, sizeof(title), "vif-demo-%s", name);
		(void)prctl(PR_SET_NAME, title, 0, 0, 0); /* for ps(1) only */
		(void)close(pair[0]); /* the parent's half */
		live(pair[1]);
	}
	(void)close(pair[1]); /* the child's half */
	if (host->pid < 0) {
		int code = -errno;

		host->pid = 0;
		demo_host_stop(host);
		return error_set(error, code, "cannot make a process");
	}
	return 0;
}

void demo_host_stop(struct demo_host *host)
{
	if (host->pid > 0) {
		(void)kill(host->pid, SIGKILL); /* it may have ended */
		while (waitpid(host->pid, NULL, 0) < 0 && errno == EINTR)
			;
		host->pid = 0;
	}
	if (host->fd >= 0) {
		(void)close(host->fd); /* nobody reads it any more */
		host->fd = -1;
	}
}
