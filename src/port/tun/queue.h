/* SPDX-License-Identifier: Apache-2.0 */
/* What a set of queues and its queues know of each other. */
#ifndef PORT_TUN_QUEUE_H
#define PORT_TUN_QUEUE_H

#include <pthread.h>
#include <stdatomic.h>

#include <vif/queue.h>

#include "port/ops.h"
#include "port/tun/io.h"
#include "port/tun/judge.h"
#include "port/tun/ladder.h"

/* Counters of one more sending thread. */
struct vif_queue_writer {
	_Alignas(128) struct port_counters tx;
	struct vif_queue *queue;
	struct vif_queue_writer *next;
	bool is_open; /* under the lock of the set */
};

struct vif_queue {
	/* immutable after vif_queue_set_add() */
	struct vif_queue_set *set;
	struct tun_io io;
	int stop_fd; /* eventfd, readable once stopped */
	/* any thread */
	atomic_bool stopped;
	/* under the lock of the set */
	bool is_attached;
	struct vif_queue_writer *writers;
	/* receiving and sending thread */
	struct port_queue counters;
};

struct vif_queue_set {
	struct vif_queue_config config; /* immutable */
	/* immutable after the first queue was added */
	struct vif_port_caps caps;
	struct tun_facts first;
	struct tun_rung rung;
	/* any thread */
	struct tun_refusals refusals;
	_Atomic uint32_t told; /* kinds of them that the program knows of */
	/* under the lock; n_queue is read without, too */
	pthread_mutex_t lock;
	bool is_closed;
	bool is_steered;
	_Atomic unsigned int n_queue;
	struct vif_queue *queue[VIF_QUEUES_MAX];
};

static inline void queue_lock(struct vif_queue_set *set)
{
	(void)pthread_mutex_lock(&set->lock); /* a plain one cannot fail */
}

static inline void queue_unlock(struct vif_queue_set *set)
{
	(void)pthread_mutex_unlock(&set->lock);
}

/* queue.c: with a descriptor that tun_judge() has let pass; not yet taken. */
int queue_new(struct vif_queue_set *set, const struct tun_facts *facts,
	      struct vif_queue **ret_queue);

/* Closes the descriptor, too, if asked. */
void queue_free(struct vif_queue *queue, bool with_fd);

/* queue_set.c: tells the program of new refusals. Any thread, no lock. */
void queue_tell_refusals(struct vif_queue_set *set);

/* Under the lock. */
void queue_add_stats(const struct vif_queue *queue,
		     struct vif_port_stats *stats);

#endif
