/* SPDX-License-Identifier: Apache-2.0 */
/* Contexts of memif. */
#include "port/memif/context.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/bits.h"
#include "base/config.h"
#include "base/error.h"
#include "base/heap.h"
#include "port/memif/interface.h"

void memif_poke(const struct vif_memif *memif)
{
	(void)eventfd_write(memif->poke_fd, 1); /* readable when full, too */
}

/* A data thread has found a fault, or a gate has closed, or somebody asks. */
static void poked(struct memif_watch *watch, uint32_t events, uint64_t now_ns)
{
	struct vif_memif *memif = container_of(watch, struct vif_memif, poke);
	eventfd_t count;

	(void)events;
	(void)eventfd_read(memif->poke_fd, &count);
	for (struct vif_memif_socket *s = memif->sockets; s; s = s->next)
		for (struct vif_memif_interface *i = s->interfaces; i;
		     i = i->next)
			memif_interface_look(i, now_ns);
}

void memif_enter(struct vif_memif *memif)
{
	memif_lock(memif);
	memif->n_inside++;
}

static void reap(struct vif_memif *memif)
{
	struct vif_memif_socket *s = memif->sockets;

	memif->has_doomed = false;
	while (s) {
		struct vif_memif_socket *next = s->next;

		memif_interfaces_reap(s);
		memif_socket_reap(s);
		s = next;
	}
}

/* A program gets its memory back while it is reaped, and may close more then. */
void memif_leave(struct vif_memif *memif)
{
	while (memif->n_inside == 1 && memif->has_doomed)
		reap(memif);
	memif->n_inside--;
	memif_unlock(memif);
}

static int init_lock(struct vif_memif *memif)
{
	pthread_mutexattr_t attr;
	int r = -pthread_mutexattr_init(&attr);

	if (r < 0)
		return r;
	(void)pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
	r = -pthread_mutex_init(&memif->lock, &attr);
	(void)pthread_mutexattr_destroy(&attr); /* cannot fail */
	return r;
}

static int open_fds(struct vif_memif *memif, struct vif_error *error)
{
	int r = memif_poller_init(&memif->poller, error);

	if (r < 0)
		return r;
	memif->poke_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	memif->cancel_fd =
		eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE);
	if (memif->poke_fd < 0 || memif->cancel_fd < 0) {
		r = -errno;
		return error_set(error, r, "cannot make an eventfd");
	}
	memif->poke.call = poked;
	memif_watch_add(&memif->poller, &memif->poke);
	r = memif_watch_fd(&memif->poke, memif->poke_fd, EPOLLIN);
	return r < 0 ? error_set(error, r, "cannot watch an eventfd") : 0;
}

static void destroy(struct vif_memif *memif)
{
	const struct vif_allocator heap = memif->heap;

	if (memif->poke.poller)
		memif_watch_remove(&memif->poke);
	memif_poller_fini(&memif->poller);
	if (memif->poke_fd >= 0)
		(void)close(memif->poke_fd); /* eventfds */
	if (memif->cancel_fd >= 0)
		(void)close(memif->cancel_fd);
	memif_kicker_fini(&memif->kicker);
	(void)pthread_mutex_destroy(&memif->lock);
	heap_free(&heap, memif);
}

static int refuse_allocator(struct vif_error *error)
{
	error_set(error, -EINVAL, "cannot use this allocator");
	return error_why(error, -EINVAL, "it lacks one of its functions");
}

int vif_memif_new(const struct vif_memif_config *user_config,
		  struct vif_memif **ret_memif, struct vif_error *error)
{
	struct vif_memif_config config;
	struct vif_memif *memif;
	int r = config_take(user_config, sizeof(config), &config, error);

	if (r == 0 && !heap_is_possible(&config.allocator))
		r = refuse_allocator(error);
	if (r < 0)
		return r;
	memif = heap_new(&config.allocator, 1, sizeof(*memif));
	if (!memif || init_lock(memif) < 0) {
		heap_free(&config.allocator, memif);
		return error_set(error, -ENOMEM, "cannot make a memif context");
	}
	memif->heap = config.allocator;
	memif->poke_fd = memif->cancel_fd = -1;
	memif->n_user = 1;
	(void)snprintf(memif->app_name, sizeof(memif->app_name), "%s",
		       config.app_name ? config.app_name : MEMIF_APP_NAME);
	/* Only spreads retries; a constant would do. */
	(void)getrandom(&memif->random, sizeof(memif->random), GRND_NONBLOCK);
	/* Without it kicks go by write(2). */
	(void)memif_kicker_init(&memif->kicker);
	r = open_fds(memif, error);
	if (r < 0) {
		destroy(memif);
		return r;
	}
	*ret_memif = memif;
	return 0;
}

void vif_memif_free(struct vif_memif *memif)
{
	if (!memif)
		return;
	vif_memif_thread_stop(memif);
	assert(memif->n_inside == 0);
	if (--memif->n_user > 0)
		return;
	for (struct vif_memif_socket *s = memif->sockets; s; s = memif->sockets)
		memif_socket_close_whole(s);
	destroy(memif);
}

int vif_memif_fd(const struct vif_memif *memif)
{
	return memif->poller.fd;
}

void vif_memif_service(struct vif_memif *memif, uint64_t now_ns,
		       uint64_t *ret_deadline_ns)
{
	memif_enter(memif);
	memif->now_ns = now_ns;
	*ret_deadline_ns = memif_poller_service(&memif->poller, now_ns);
	memif_leave(memif);
}
