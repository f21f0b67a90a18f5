/* SPDX-License-Identifier: Apache-2.0 */
/* A queue of an interface, whatever becomes of connections. */
#include "port/memif/side.h"

#include <assert.h>
#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

static int watch(int poll_fd, int fd)
{
	struct epoll_event event = { .events = EPOLLIN };

	return epoll_ctl(poll_fd, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

int memif_side_init(struct memif_side *side, bool is_tx, int down_fd)
{
	int r = 0;

	*side = (struct memif_side){ .is_tx = is_tx, .event_fd = -1 };
	atomic_flag_clear(&side->is_taken);
	side->poll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (side->poll_fd < 0)
		return -errno;
	if (is_tx)
		r = watch(side->poll_fd, down_fd);
	if (r < 0)
		memif_side_fini(side);
	return r;
}

void memif_side_fini(struct memif_side *side)
{
	if (side->poll_fd >= 0)
		(void)close(side->poll_fd); /* nobody waits any more */
	side->poll_fd = -1;
}

int memif_side_watch(struct memif_side *side, int event_fd)
{
	int r = watch(side->poll_fd, event_fd);

	if (r == 0)
		side->event_fd = event_fd;
	return r;
}

void memif_side_open(struct memif_side *side, struct memif_queue *queue)
{
	assert(gate_is_shut(&side->gate));
	side->queue = queue;
	side->queue_mode = -1;
	if (!side->is_tx)
		memif_side_apply_mode(side);
	gate_open(&side->gate);
}

bool memif_side_shut(struct memif_side *side)
{
	/* It is open still: whoever made it closes it after this. */
	if (side->event_fd >= 0)
		(void)epoll_ctl(side->poll_fd, EPOLL_CTL_DEL, side->event_fd,
				NULL);
	side->event_fd = -1;
	return gate_shut(&side->gate);
}

void memif_side_apply_mode(struct memif_side *side)
{
	int mode = atomic_load_explicit(&side->rx_mode, memory_order_relaxed);

	if (mode == side->queue_mode)
		return;
	side->queue_mode = mode;
	memif_queue_set_rx_mode(side->queue, (enum memif_rx_mode)mode);
}
