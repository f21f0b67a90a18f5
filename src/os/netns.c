/* SPDX-License-Identifier: Apache-2.0 */
/* Working inside another network namespace. */
#include "os/netns.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/error.h"

static bool is_number(const char *text)
{
	return text[0] != '\0' && text[strspn(text, "0123456789")] == '\0';
}

int netns_open(const char *spec, struct vif_error *error)
{
	char path[512];
	int fd, r;

	if (is_number(spec))
		(void)snprintf(path, sizeof(path), "/proc/%s/ns/net", spec);
	else if (strchr(spec, '/'))
		(void)snprintf(path, sizeof(path), "%s", spec);
	else
		(void)snprintf(path, sizeof(path), "/run/netns/%s", spec);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd >= 0 && ioctl(fd, NS_GET_NSTYPE) == CLONE_NEWNET)
		return fd;
	if (fd >= 0) {
		(void)close(fd); /* only read from */
		error_set(error, -EINVAL, "cannot use '%s' (%s)", spec, path);
		return error_why(error, -EINVAL, "it is no network namespace");
	}
	r = -errno;
	error_set(error, r, "cannot open network namespace '%s' (%s)", spec,
		  path);
	if (r == -EACCES || r == -EPERM)
		return error_hint(error, r,
				  "it belongs to another user: run as root, or "
				  "inside its user namespace with nsenter");
	if (is_number(spec))
		return error_hint(error, r, "is process %s still running?",
				  spec);
	return error_hint(error, r,
			  "'ip netns list' shows names, 'ip netns add' makes "
			  "one; a process id or a path works, too");
}

enum {
	NETNS_NEW = -1, /* instead of a descriptor */
};

struct call {
	int netns_fd;
	int (*function)(void *argument);
	void *argument;
	int enter_errno; /* 0 once inside */
	int result;
};

static void *call_inside(void *argument)
{
	struct call *call = argument;
	int r = call->netns_fd == NETNS_NEW ?
			unshare(CLONE_NEWNET) :
			setns(call->netns_fd, CLONE_NEWNET);

	if (r < 0) {
		call->enter_errno = errno;
		return NULL;
	}
	call->result = call->function(call->argument);
	return NULL;
}

/* Returns 0 when the thread has ended, whatever came of the call. */
static int call_in_thread(struct call *call, struct vif_error *error)
{
	sigset_t all, old;
	pthread_t thread;
	int r;

	/* The thread must not be the one that handles the program's signals. */
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	r = pthread_create(&thread, NULL, call_inside, call);
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (r != 0)
		return error_set(error, -r, "cannot make a thread");
	(void)pthread_join(thread, NULL); /* made above, joined once */
	return 0;
}

static int cannot_enter(int code, struct vif_error *error)
{
	error_set(error, code, "cannot enter the network namespace");
	if (code == -EPERM)
		return error_hint(
			error, code,
			"that takes CAP_SYS_ADMIN in its user "
			"namespace: run as root, or inside with "
			"nsenter -U -n --preserve-credentials -t PID");
	return code;
}

int netns_call(int netns_fd, int (*function)(void *argument), void *argument,
	       struct vif_error *error)
{
	struct call call = {
		.netns_fd = netns_fd,
		.function = function,
		.argument = argument,
	};
	int r;

	if (netns_fd < 0)
		return function(argument);
	r = call_in_thread(&call, error);
	if (r < 0)
		return r;
	if (call.enter_errno != 0)
		return cannot_enter(-call.enter_errno, error);
	return call.result;
}

int netns_call_new(int (*function)(void *argument), void *argument,
		   struct vif_error *error)
{
	struct call call = {
		.netns_fd = NETNS_NEW,
		.function = function,
		.argument = argument,
	};
	int r = call_in_thread(&call, error);

	if (r < 0)
		return r;
	if (call.enter_errno != 0)
		return error_set(error, -call.enter_errno,
				 "cannot make a network namespace");
	return call.result;
}

int netns_setting(const char *name, const char *value)
{
	char path[128];
	ssize_t n;
	int fd, r = 0;

	(void)snprintf(path, sizeof(path), "/proc/sys/net/%s", name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = write(fd, value, strlen(value));
	if (n < 0)
		r = -errno;
	(void)close(fd); /* /proc has reported its errors in write() */
	return r;
}
