/* SPDX-License-Identifier: Apache-2.0 */
/* Many descriptors and deadlines behind one descriptor and one deadline. */
#include "port/memif/poller.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/error.h"
#include "port/memif/limits.h"

int memif_poller_init(struct memif_poller *poller, struct vif_error *error)
{
	*poller = (struct memif_poller){ .fd = epoll_create1(EPOLL_CLOEXEC) };
	if (poller->fd >= 0)
		return 0;
	return error_set(error, -errno, "cannot make an epoll instance");
}

void memif_poller_fini(struct memif_poller *poller)
{
	assert(!poller->first);
	if (poller->fd > 0)
		(void)close(poller->fd); /* only watches */
	poller->fd = -1;
}

void memif_watch_add(struct memif_poller *poller, struct memif_watch *watch)
{
	assert(!watch->poller && watch->call);
	watch->fd = -1;
	watch->deadline_ns = MEMIF_NEVER;
	watch->poller = poller;
	watch->next = poller->first;
	watch->link = &poller->first;
	if (watch->next)
		watch->next->link = &watch->next;
	poller->first = watch;
}

void memif_watch_remove(struct memif_watch *watch)
{
	if (!watch->poller)
		return;
	(void)memif_watch_fd(watch, -1, 0); /* cannot fail */
	if (watch->poller->cursor == watch)
		watch->poller->cursor = watch->next;
	*watch->link = watch->next;
	if (watch->next)
		watch->next->link = watch->link;
	watch->poller = NULL;
}

int memif_watch_fd(struct memif_watch *watch, int fd, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = watch };
	int poller_fd = watch->poller->fd;
	int how = fd == watch->fd ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;

	if (watch->fd >= 0 && fd != watch->fd)
		(void)epoll_ctl(poller_fd, EPOLL_CTL_DEL, watch->fd, NULL);
	watch->fd = -1;
	if (fd < 0)
		return 0;
	if (epoll_ctl(poller_fd, how, fd, &event) < 0)
		return -errno;
	watch->fd = fd;
	return 0;
}

/*
 * One event at a time, because a call may remove the watch of the next one.
 * Returns whether that was all.
 */
static bool serve_events(struct memif_poller *poller, uint64_t now_ns)
{
	for (int i = 0; i < MEMIF_EVENTS_MAX; i++) {
		struct epoll_event event;
		struct memif_watch *watch;

		if (epoll_wait(poller->fd, &event, 1, 0) != 1)
			return true;
		watch = event.data.ptr;
		poller->n_call++;
		watch->call(watch, event.events, now_ns);
	}
	return false;
}

static void serve_deadlines(struct memif_poller *poller, uint64_t now_ns)
{
	struct memif_watch *watch;

	for (poller->cursor = poller->first; poller->cursor;) {
		watch = poller->cursor;
		poller->cursor = watch->next;
		if (watch->deadline_ns > now_ns)
			continue;
		watch->deadline_ns = MEMIF_NEVER;
		poller->n_call++;
		watch->call(watch, 0, now_ns);
	}
}

uint64_t memif_poller_service(struct memif_poller *poller, uint64_t now_ns)
{
	uint64_t next_ns = MEMIF_NEVER;

	if (!serve_events(poller, now_ns))
		next_ns = now_ns;
	serve_deadlines(poller, now_ns);
	for (struct memif_watch *w = poller->first; w; w = w->next)
		if (w->deadline_ns < next_ns)
			next_ns = w->deadline_ns;
	return next_ns;
}
