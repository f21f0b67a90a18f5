/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A set of queues, made of descriptors a program brings.
 *
 * The lock is for what changes the set. Receiving and sending never take it:
 * they look at what is fixed once a queue has been added.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/config.h"
#include "base/error.h"
#include "os/fd.h"
#include "os/tun.h"
#include "packet/offload.h"
#include "port/offload_key.h"
#include "port/tun/queue.h"
#include "port/tun/steer.h"

static_assert((int)VIF_QUEUES_MAX == (int)PORT_QUEUES_MAX, "one limit");
static_assert((int)VIF_QUEUE_OFFLOAD_AUTO == (int)PORT_OFFLOAD_AUTO &&
		      (int)VIF_QUEUE_OFFLOAD_OFF == (int)PORT_OFFLOAD_OFF &&
		      (int)VIF_QUEUE_OFFLOAD_CSUM == (int)PORT_OFFLOAD_CSUM &&
		      (int)VIF_QUEUE_OFFLOAD_TSO == (int)PORT_OFFLOAD_TSO &&
		      (int)VIF_QUEUE_OFFLOAD_TSO_USO ==
			      (int)PORT_OFFLOAD_TSO_USO,
	      "the choices of offload= under other names");

int vif_queue_set_new(const struct vif_queue_config *user_config,
		      struct vif_queue_set **ret_set, struct vif_error *error)
{
	struct vif_queue_config config;
	struct vif_queue_set *set;
	int r = config_take(user_config, sizeof(config), &config, error);

	if (r < 0)
		return r;
	if ((unsigned int)config.offload > VIF_QUEUE_OFFLOAD_TSO_USO) {
		error_set(error, -EINVAL, "cannot use this config");
		return error_why(error, -EINVAL, "its offload is none");
	}
	set = calloc(1, sizeof(*set));
	if (!set)
		return error_set(error, -ENOMEM, "cannot make the set");
	set->config = config;
	(void)pthread_mutex_init(&set->lock, NULL); /* cannot fail on Linux */
	*ret_set = set;
	return 0;
}

static unsigned int count(const struct vif_queue_set *set)
{
	return atomic_load_explicit(&set->n_queue, memory_order_acquire);
}

/* Copies of one descriptor would be one queue with two receiving threads. */
static int check_distinct(const struct vif_queue_set *set, int fd,
			  struct vif_error *error)
{
	for (unsigned int i = 0; i < count(set); i++) {
		int other = set->queue[i]->io.fd;

		if (other != fd && !fd_is_copy(other, fd))
			continue;
		error_set(error, -EEXIST, "cannot add descriptor %d", fd);
		if (other == fd)
			return error_why(error, -EEXIST,
					 "it is in the set already");
		error_why(error, -EEXIST,
			  "it is a copy of descriptor %d, which is in the set",
			  other);
		return error_hint(error, -EEXIST,
				  "open /dev/net/tun anew for each queue, and "
				  "attach it with IFF_MULTI_QUEUE");
	}
	return 0;
}

/* What speaks against a descriptor before the kernel is asked about it. */
static int check_room(const struct vif_queue_set *set, int fd,
		      struct vif_error *error)
{
	if (set->is_closed) {
		error_set(error, -ESHUTDOWN, "cannot add descriptor %d", fd);
		return error_why(error, -ESHUTDOWN, "the set was closed");
	}
	if (count(set) < VIF_QUEUES_MAX)
		return check_distinct(set, fd, error);
	error_set(error, -E2BIG, "cannot add descriptor %d", fd);
	return error_why(error, -E2BIG, "a set has no more than %d queues",
			 VIF_QUEUES_MAX);
}

static void fill_caps(struct vif_queue_set *set, const struct tun_facts *facts)
{
	set->caps.medium = facts->medium;
	set->caps.mtu = set->config.mtu;
	set->caps.len_max = VIF_PACKET_LEN_MAX;
	set->caps.n_queue = 1;
	set->caps.seg_max = VIF_PACKET_SEG_MAX;
	set->first = *facts;
}

/* The first queue finds out what there is, the others get the same. */
static int negotiate(struct vif_queue_set *set, const struct tun_facts *facts,
		     struct vif_error *error)
{
	int r;

	if (count(set) == 0) {
		r = tun_ladder_take(facts->fd, facts->header_size,
				    set->config.offload, &set->caps, &set->rung,
				    error);
		if (r == 0)
			fill_caps(set, facts);
		return r;
	}
	if (facts->header_size == 0)
		return 0;
	r = tun_set_offload(facts->fd, set->rung.mask);
	if (r == 0)
		return 0;
	error_set(error, r, "cannot use descriptor %d", facts->fd);
	return error_why(error, r,
			 "its device has not the offloads of the others");
}

static int make_nonblocking(int fd, struct vif_error *error)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0)
		return 0;
	return error_set(error, -errno, "cannot make descriptor %d wait-free",
			 fd);
}

static int add(struct vif_queue_set *set, int fd, struct vif_queue **ret_queue,
	       struct vif_error *error)
{
	struct vif_queue *queue;
	struct tun_facts facts = { .fd = fd };
	int r = check_room(set, fd, error);

	if (r == 0)
		r = tun_judge_stranger(fd, &facts, error);
	if (r == 0 && count(set) > 0)
		r = tun_judge_alike(&set->first, &facts, error);
	if (r < 0)
		return r;
	r = queue_new(set, &facts, &queue);
	if (r < 0)
		return error_set(error, r, "cannot make a queue");
	r = negotiate(set, &facts, error);
	if (r == 0)
		r = make_nonblocking(fd, error);
	if (r < 0) {
		queue_free(queue, false);
		return r;
	}
	set->queue[count(set)] = queue;
	atomic_fetch_add_explicit(&set->n_queue, 1, memory_order_release);
	*ret_queue = queue;
	return 0;
}

int vif_queue_set_add(struct vif_queue_set *set, int fd,
		      struct vif_queue **ret_queue, struct vif_error *error)
{
	int r;

	queue_lock(set);
	r = add(set, fd, ret_queue, error);
	queue_unlock(set);
	return r;
}

void vif_queue_set_close(struct vif_queue_set *set)
{
	queue_lock(set);
	set->is_closed = true;
	for (unsigned int i = 0; i < count(set); i++)
		vif_queue_stop(set->queue[i]);
	queue_unlock(set);
}

/* What was set on a device that may stay; failing means it is gone. */
static void restore(struct vif_queue_set *set, int fd)
{
	if (set->is_steered)
		(void)tun_set_steering(fd, -1);
	if (set->rung.mask != 0)
		(void)tun_set_offload(fd, 0);
}

void vif_queue_set_free(struct vif_queue_set *set)
{
	if (!set)
		return;
	vif_queue_set_close(set);
	for (unsigned int i = 0; i < count(set); i++) {
		restore(set, set->queue[i]->io.fd);
		queue_free(set->queue[i], true);
	}
	(void)pthread_mutex_destroy(&set->lock); /* nobody holds it */
	free(set);
}

unsigned int vif_queue_set_count(const struct vif_queue_set *set)
{
	return count(set);
}

struct vif_queue *vif_queue_set_at(const struct vif_queue_set *set,
				   unsigned int index)
{
	return index < count(set) ? set->queue[index] : NULL;
}

/* The queues may belong to several devices; setting it twice does no harm. */
static int steer_all(struct vif_queue_set *set, int program_fd,
		     struct vif_error *error)
{
	int r = 0;

	for (unsigned int i = 0; r == 0 && i < count(set); i++)
		r = tun_steer_set(set->queue[i]->io.fd, program_fd, error);
	if (program_fd >= 0)
		set->is_steered = true;
	return r;
}

static int steer(struct vif_queue_set *set, enum vif_queue_steer steer,
		 int program_fd, struct vif_error *error)
{
	int r;

	if (count(set) == 0 || (unsigned int)steer > VIF_QUEUE_STEER_PROGRAM) {
		error_set(error, -EINVAL, "cannot steer packets");
		return error_why(error, -EINVAL,
				 count(set) == 0 ? "the set has no queue" :
						   "there is no such way");
	}
	if (steer == VIF_QUEUE_STEER_AUTO)
		return steer_all(set, -1, error);
	/* To the kernel, no program means its own way. */
	if (steer == VIF_QUEUE_STEER_PROGRAM && program_fd < 0)
		return error_set(error, -EBADF,
				 "cannot set the steering program");
	if (steer == VIF_QUEUE_STEER_PROGRAM)
		return steer_all(set, program_fd, error);
	program_fd = tun_steer_by_hash(error);
	if (program_fd < 0)
		return program_fd;
	r = steer_all(set, program_fd, error);
	(void)close(program_fd); /* the devices hold the program */
	return r;
}

int vif_queue_set_steer(struct vif_queue_set *set, enum vif_queue_steer how,
			int program_fd, struct vif_error *error)
{
	int r;

	queue_lock(set);
	r = steer(set, how, program_fd, error);
	queue_unlock(set);
	return r;
}

void queue_tell_refusals(struct vif_queue_set *set)
{
	uint32_t refused = atomic_load_explicit(&set->refusals.kinds,
						memory_order_relaxed);
	uint32_t news;
	char text[128];

	if (refused == atomic_load_explicit(&set->told, memory_order_relaxed))
		return;
	/* Each is news to one thread only. */
	news = refused & ~atomic_fetch_or(&set->told, refused);
	for (uint32_t gso = VIF_GSO_TCP4; gso <= VIF_GSO_UDP; gso++) {
		if (!(news & VIF_GSO_BIT(gso)) || !set->config.on_notice)
			continue;
		(void)snprintf(text, sizeof(text),
			       "the kernel refuses superpackets of %s; from "
			       "now on they are sent as segments",
			       offload_gso_name((uint8_t)gso));
		set->config.on_notice(set->config.user, set, text);
	}
}

void vif_queue_set_stats(struct vif_queue_set *set,
			 struct vif_port_stats *ret_stats)
{
	memset(ret_stats, 0, sizeof(*ret_stats));
	queue_lock(set);
	for (unsigned int i = 0; i < count(set); i++)
		queue_add_stats(set->queue[i], ret_stats);
	queue_unlock(set);
}
