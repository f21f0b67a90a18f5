/* SPDX-License-Identifier: Apache-2.0 */
/* One descriptor that stands for several. */
#include "port/fault/wait.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

static int add(int epoll_fd, int fd, uint32_t events)
{
	struct epoll_event event = { .events = events };

	return epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

int fault_wait_init(struct fault_wait *wait, const struct vif_port *inner,
		    unsigned int queue, enum vif_wait what, bool has_wake,
		    int gone_fd)
{
	short events = 0;
	int r = 0;

	wait->inner_fd = vif_port_wait_fd(inner, queue, what, &events);
	wait->events = (uint32_t)events; /* poll and epoll share the bits */
	wait->wake_fd = -1;
	wait->watches = false;
	wait->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (wait->epoll_fd < 0)
		return -errno;
	if (has_wake) {
		wait->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		r = wait->wake_fd < 0 ?
			    -errno :
			    add(wait->epoll_fd, wait->wake_fd, EPOLLIN);
	}
	if (r == 0 && gone_fd >= 0)
		r = add(wait->epoll_fd, gone_fd, EPOLLIN);
	return r < 0 ? r : fault_wait_watch(wait, true);
}

void fault_wait_fini(struct fault_wait *wait)
{
	if (wait->epoll_fd >= 0)
		(void)close(wait->epoll_fd); /* nothing is written to it */
	if (wait->wake_fd >= 0)
		(void)close(wait->wake_fd); /* an eventfd says nothing */
	wait->epoll_fd = wait->wake_fd = -1;
}

void fault_wait_wake(const struct fault_wait *wait)
{
	if (wait->wake_fd >= 0)
		(void)eventfd_write(wait->wake_fd, 1); /* full is awake, too */
}

void fault_wait_clear(const struct fault_wait *wait)
{
	eventfd_t count;

	if (wait->wake_fd >= 0)
		(void)eventfd_read(wait->wake_fd, &count); /* if it was set */
}

int fault_wait_watch(struct fault_wait *wait, bool watch)
{
	int r;

	if (wait->inner_fd < 0 || wait->watches == watch)
		return 0;
	if (watch)
		r = add(wait->epoll_fd, wait->inner_fd, wait->events);
	else
		r = epoll_ctl(wait->epoll_fd, EPOLL_CTL_DEL, wait->inner_fd,
			      NULL) < 0 ?
			    -errno :
			    0;
	if (r == 0)
		wait->watches = watch;
	return r;
}
