/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Using descriptors that somebody else has attached to a device: the key fd=.
 *
 * The port works with copies, so that closing it leaves the originals alone.
 * Whether a descriptor blocks is no property of the copy, though, and is put
 * back. The device may be in another network namespace than this process; its
 * name means nothing there, so the descriptor is asked.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "os/fd.h"
#include "os/tun.h"
#include "port/tun/judge.h"
#include "port/tun/tun.h"

static int contradiction(const char *key, const char *why,
			 struct vif_error *error)
{
	error_set(error, -EINVAL, "'fd' and %s contradict each other", key);
	error_why(error, -EINVAL, "%s", why);
	return error_hint(error, -EINVAL, "leave one of them out");
}

static int check_options(const struct tun *tun, const char *name,
			 struct vif_error *error)
{
	const struct tun_options *options = &tun->options;

	if (name[0] != '\0')
		return contradiction(
			"a name", "a descriptor has its device already", error);
	if (options->netns)
		return contradiction(
			"'netns'", "the device is where it is already", error);
	if (options->has_queues && options->queues != options->fd.n)
		return contradiction("'queues'", "each descriptor is one queue",
				     error);
	return 0;
}

/* Copies of one descriptor would be one queue that two workers read. */
static int check_distinct(const struct port_fd_list *list, size_t i,
			  struct vif_error *error)
{
	int fd = list->fd[i];

	for (size_t j = 0; j < i; j++) {
		int other = list->fd[j];

		if (other != fd && !fd_is_copy(other, fd))
			continue;
		error_set(error, -EINVAL, "cannot use descriptor %d", fd);
		if (other == fd)
			error_why(error, -EINVAL, "it is given twice");
		else
			error_why(error, -EINVAL,
				  "it is a copy of descriptor %d", other);
		return error_hint(error, -EINVAL, "leave one of them out");
	}
	return 0;
}

/* Whether a descriptor can be a queue of this port. */
static int judge(const struct tun *tun, int fd, struct tun_facts *first,
		 struct vif_error *error)
{
	enum vif_medium medium = tun->is_tap ? VIF_MEDIUM_ETH : VIF_MEDIUM_IP;
	struct tun_facts facts = { .fd = fd };
	int r = tun_judge_stranger(fd, &facts, error);

	if (r < 0)
		return r;
	if (facts.medium != medium) {
		error_set(error, -EINVAL, "cannot use descriptor %d", fd);
		error_why(error, -EINVAL, "it is %s, not %s",
			  tun->is_tap ? "TUN" : "TAP",
			  tun->is_tap ? "TAP" : "TUN");
		return error_hint(error, -EINVAL, "write %s:,fd=%d",
				  tun->is_tap ? "tun" : "tap", fd);
	}
	if (tun->n_queue == 0)
		*first = facts;
	if (strcmp(facts.name, first->name) == 0)
		return tun_judge_alike(first, &facts, error);
	error_set(error, -EINVAL, "cannot use descriptor %d", fd);
	error_why(error, -EINVAL,
		  "it belongs to device '%s', another one to "
		  "'%s'",
		  facts.name, first->name);
	return error_hint(error, -EINVAL, "a port is one device");
}

static int add_copy(struct tun *tun, int fd, struct vif_error *error)
{
	uint32_t i = tun->n_queue;
	int flags = fcntl(fd, F_GETFL);
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);

	if (copy < 0 || flags < 0)
		return error_set(error, -errno, "cannot copy descriptor %d",
				 fd);
	if (tun_io_init(&tun->queue[i], copy, &tun->refusals) < 0) {
		(void)close(copy); /* the original is open */
		return error_set(error, -ENOMEM, "cannot make a buffer");
	}
	tun->queue[i].medium = tun->is_tap ? VIF_MEDIUM_ETH : VIF_MEDIUM_IP;
	tun->n_queue++;
	if (flags & O_NONBLOCK)
		return 0;
	if (fcntl(copy, F_SETFL, flags | O_NONBLOCK) < 0)
		return error_set(error, -errno, "cannot use descriptor %d", fd);
	tun->was_blocking[i / 64] |= UINT64_C(1) << i % 64;
	return 0;
}

static int cannot_tell(int code, struct vif_error *error)
{
	error_set(error, code, "cannot tell where the device is");
	return error_hint(error, code,
			  "Linux before 5.6 cannot say, and takes "
			  "CAP_NET_ADMIN for it; without, the device has to be "
			  "in the namespace of this process");
}

/*
 * Entering a namespace takes rights, even one's own. So does asking where the
 * device is; who may not ask is likely to be where it is, and the device of
 * that name there is looked at.
 */
static int find_netns(struct tun *tun, int *ret_fd, struct vif_error *error)
{
	struct stat ours, theirs;
	int fd = tun_get_netns(tun->queue[0].fd);

	tun->netns_guessed = fd == -EPERM;
	if (fd < 0 && fd != -EPERM)
		return cannot_tell(fd, error);
	if (fd < 0) {
		*ret_fd = -1;
		return 0;
	}
	if (fstat(fd, &theirs) == 0 &&
	    stat("/proc/thread-self/ns/net", &ours) == 0 &&
	    ours.st_ino == theirs.st_ino && ours.st_dev == theirs.st_dev) {
		(void)close(fd); /* we are there */
		fd = -1;
	}
	*ret_fd = fd;
	return 0;
}

int tun_adopt(struct tun *tun, const char *name, int *ret_netns_fd,
	      struct vif_error *error)
{
	const struct port_fd_list *list = &tun->options.fd;
	struct tun_facts first = { .fd = -1 };
	int r = check_options(tun, name, error);

	assert(list->n > 0); /* else there is nothing to adopt */
	for (size_t i = 0; r == 0 && i < list->n; i++)
		r = check_distinct(list, i, error);
	if (r < 0)
		return r;
	tun->queue = calloc(list->n, sizeof(*tun->queue));
	if (!tun->queue)
		return error_set(error, -ENOMEM, "cannot open the device");
	for (size_t i = 0; i < list->n; i++) {
		r = judge(tun, list->fd[i], &first, error);
		if (r == 0)
			r = add_copy(tun, list->fd[i], error);
		if (r < 0)
			return r;
	}
	memcpy(tun->link.name, first.name, sizeof(first.name));
	return find_netns(tun, ret_netns_fd, error);
}

int tun_adopt_look(struct tun *tun, struct vif_error *error)
{
	char name[IF_NAMESIZE];
	int r;

	memcpy(name, tun->link.name, sizeof(name));
	r = rtnl_link_get(&tun->rtnl, name, &tun->link);
	if (tun->netns_guessed &&
	    (r == -ENODEV || (r == 0 && (!tun->link.has_tun ||
					 tun->link.tun_is_tap != tun->is_tap))))
		return cannot_tell(-EPERM, error);
	if (r < 0)
		return error_set(error, r, "cannot look at device '%s'", name);
	tun->before = tun->link;
	tun->attached = true;
	tun->persists = true; /* whoever gave us descriptors has them still */
	return 0;
}

void tun_adopt_restore(struct tun *tun)
{
	for (uint32_t i = 0; tun->options.fd.n > 0 && i < tun->n_queue; i++) {
		int fd = tun->queue[i].fd;
		int flags = fcntl(fd, F_GETFL);

		if (flags >= 0 &&
		    (tun->was_blocking[i / 64] & UINT64_C(1) << i % 64))
			(void)fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
	}
}
