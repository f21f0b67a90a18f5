/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The control loop of memif for programs that have none: in a thread of
 * theirs, or in one of the library's. Besides the workers of a link this is the
 * one place of the library that reads a clock, since nobody passes it a time.
 */
#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <time.h>

#include <vif/memif.h>

#include "base/error.h"
#include "port/memif/context.h"

static uint64_t clock_ns(void)
{
	struct timespec now;
	int r = clock_gettime(CLOCK_MONOTONIC, &now);

	assert(r == 0); /* every kernel has this clock */
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static int until(uint64_t deadline_ns, uint64_t now_ns, int timeout_ms)
{
	uint64_t left_ms;

	if (deadline_ns == UINT64_MAX)
		return timeout_ms;
	if (deadline_ns <= now_ns)
		return 0;
	left_ms = (deadline_ns - now_ns + 999999) / 1000000;
	return timeout_ms >= 0 && (uint64_t)timeout_ms < left_ms ?
		       timeout_ms :
		       (int)(left_ms < INT32_MAX ? left_ms : INT32_MAX);
}

/* Waits for something to do, a deadline or a signal, or for a cancel. */
static int wait_once(struct vif_memif *memif, int timeout_ms)
{
	struct pollfd fd[2] = {
		{ .fd = memif->cancel_fd, .events = POLLIN },
		{ .fd = vif_memif_fd(memif), .events = POLLIN },
	};
	eventfd_t one;

	if (poll(fd, 2, timeout_ms) <= 0 || fd[0].revents == 0)
		return 0;
	/* Another thread may have been cancelled by it. */
	return eventfd_read(memif->cancel_fd, &one) < 0 ? 0 : -ECANCELED;
}

/* Returns whether something was done. */
static bool serve(struct vif_memif *memif, uint64_t now_ns,
		  uint64_t *ret_deadline_ns)
{
	uint64_t before;
	bool done;

	memif_enter(memif);
	before = memif->poller.n_call;
	vif_memif_service(memif, now_ns, ret_deadline_ns);
	done = memif->poller.n_call != before;
	memif_leave(memif);
	return done;
}

static int poll_until(struct vif_memif *memif, int timeout_ms)
{
	const uint64_t start_ns = clock_ns();
	uint64_t now_ns = start_ns, deadline_ns;
	bool is_last = false;

	while (!serve(memif, now_ns, &deadline_ns)) {
		uint64_t passed_ms = (now_ns - start_ns) / 1000000;
		int left_ms = timeout_ms;
		int r;

		if (is_last)
			return 0;
		if (timeout_ms >= 0 && passed_ms >= (uint64_t)timeout_ms)
			left_ms = 0;
		else if (timeout_ms >= 0)
			left_ms -= (int)passed_ms;
		is_last = left_ms == 0;
		r = wait_once(memif, until(deadline_ns, now_ns, left_ms));
		if (r < 0)
			return r;
		now_ns = clock_ns();
	}
	return 1;
}

int vif_memif_poll(struct vif_memif *memif, int timeout_ms)
{
	return memif->has_thread ? -EBUSY : poll_until(memif, timeout_ms);
}

void vif_memif_cancel(struct vif_memif *memif)
{
	int saved = errno; /* this may be a signal handler */

	(void)eventfd_write(memif->cancel_fd, 1); /* readable when full, too */
	errno = saved;
}

static void *control(void *argument)
{
	struct vif_memif *memif = argument;

	while (!atomic_load(&memif->thread_ends))
		(void)poll_until(memif, -1);
	return NULL;
}

int vif_memif_thread_start(struct vif_memif *memif, struct vif_error *error)
{
	sigset_t all, old;
	int r;

	if (memif->has_thread) {
		error_set(error, -EALREADY, "cannot start the thread");
		return error_why(error, -EALREADY, "it is running");
	}
	atomic_store(&memif->thread_ends, false);
	/* Signals belong to the program, not to our threads. */
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	r = -pthread_create(&memif->thread, NULL, control, memif);
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (r < 0)
		return error_set(error, r, "cannot start the thread");
	(void)pthread_setname_np(memif->thread, "vif-memif");
	memif->has_thread = true;
	return 0;
}

void vif_memif_thread_stop(struct vif_memif *memif)
{
	if (!memif->has_thread)
		return;
	atomic_store(&memif->thread_ends, true);
	vif_memif_cancel(memif);
	(void)pthread_join(memif->thread, NULL); /* it is running */
	memif->has_thread = false;
}
