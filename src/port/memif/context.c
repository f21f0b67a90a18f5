/* SPDX-License-Identifier: Apache-2.0 */
/* Contexts of memif, and their sockets. */
#include "port/memif/context.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/bits.h"
#include "base/config.h"
#include "base/error.h"
#include "os/netns.h"
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
		memif_interfaces_look(s->interfaces, now_ns);
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
	memif->cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
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
	if (memif->poke.poller)
		memif_watch_remove(&memif->poke);
	memif_poller_fini(&memif->poller);
	if (memif->poke_fd >= 0)
		(void)close(memif->poke_fd); /* eventfds */
	if (memif->cancel_fd >= 0)
		(void)close(memif->cancel_fd);
	memif_kicker_fini(&memif->kicker);
	(void)pthread_mutex_destroy(&memif->lock);
	free(memif);
}

int vif_memif_new(const struct vif_memif_config *user_config,
		  struct vif_memif **ret_memif, struct vif_error *error)
{
	struct vif_memif_config config;
	struct vif_memif *memif;
	int r = config_take(user_config, sizeof(config), &config, error);

	if (r < 0)
		return r;
	memif = calloc(1, sizeof(*memif));
	if (!memif || init_lock(memif) < 0) {
		free(memif);
		return error_set(error, -ENOMEM, "cannot make a memif context");
	}
	memif->poke_fd = memif->cancel_fd = -1;
	memif->n_user = 1;
	(void)snprintf(memif->app_name, sizeof(memif->app_name), "%s",
		       config.app_name ? config.app_name : "vif");
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
	while (memif->sockets) {
		struct vif_memif_socket *socket = memif->sockets;

		while (socket->interfaces)
			vif_memif_close(socket->interfaces);
		(void)vif_memif_socket_close(socket); /* not busy any more */
	}
	destroy(memif);
}

int vif_memif_fd(const struct vif_memif *memif)
{
	return memif->poller.fd;
}

void vif_memif_service(struct vif_memif *memif, uint64_t now_ns,
		       uint64_t *ret_deadline_ns)
{
	memif_lock(memif);
	memif->now_ns = now_ns;
	memif->n_inside++;
	*ret_deadline_ns = memif_poller_service(&memif->poller, now_ns);
	memif->n_inside--;
	if (memif->n_inside == 0)
		for (struct vif_memif_socket *s = memif->sockets; s;
		     s = s->next)
			memif_interfaces_reap(s);
	memif_unlock(memif);
}

/* Sockets */

struct vif_memif_socket *memif_socket_find(struct vif_memif *memif,
					   const char *path)
{
	struct memif_socket_name name;
	struct vif_memif_socket *s = memif->sockets;

	if (memif_socket_name_set(&name, path, strlen(path), NULL) < 0)
		return NULL;
	while (s && strcmp(s->config.bind.name.text, name.text) != 0)
		s = s->next;
	return s;
}

static int fill_socket(struct vif_memif_socket *socket,
		       const struct vif_memif_socket_config *config,
		       struct vif_error *error)
{
	struct memif_listener_config *to = &socket->config;
	int r = 0;

	if (!config->path || config->n_uid > MEMIF_ALLOW_MAX ||
	    config->n_gid > MEMIF_ALLOW_MAX ||
	    config->n_pending > MEMIF_PENDING_MAX) {
		error_set(error, -EINVAL, "cannot use this socket config");
		return error_why(error, -EINVAL,
				 config->path ? "a value is out of range" :
						"it has no path");
	}
	r = memif_socket_name_set(&to->bind.name, config->path,
				  strlen(config->path), error);
	if (r == 0 && config->netns) {
		socket->netns_fd = netns_open(config->netns, error);
		r = socket->netns_fd < 0 ? socket->netns_fd : 0;
	}
	if (r < 0)
		return r;
	to->bind.netns_fd = socket->netns_fd;
	to->bind.mode = config->mode;
	to->bind.chown = config->has_owner;
	to->bind.uid = config->owner;
	to->bind.gid = config->group;
	to->adopt_fd = config->has_listen_fd ? config->listen_fd : -1;
	to->n_pending_max = config->n_pending;
	to->app_name = socket->memif->app_name;
	to->allow.n_uid = config->n_uid;
	to->allow.n_gid = config->n_gid;
	for (uint32_t i = 0; i < config->n_uid; i++)
		to->allow.uid[i] = config->uid[i];
	for (uint32_t i = 0; i < config->n_gid; i++)
		to->allow.gid[i] = config->gid[i];
	return 0;
}

int vif_memif_socket_open(struct vif_memif *memif,
			  const struct vif_memif_socket_config *user_config,
			  struct vif_memif_socket **ret_socket,
			  struct vif_error *error)
{
	struct vif_memif_socket_config config;
	struct vif_memif_socket *socket;
	int r = config_take(user_config, sizeof(config), &config, error);

	if (r < 0)
		return r;
	socket = calloc(1, sizeof(*socket));
	if (!socket)
		return error_set(error, -ENOMEM, "cannot make a socket");
	socket->memif = memif;
	socket->netns_fd = -1;
	socket->config.adopt_fd = -1;
	r = fill_socket(socket, &config, error);
	if (r < 0) {
		free(socket);
		return r;
	}
	memif_lock(memif);
	socket->next = memif->sockets;
	memif->sockets = socket;
	memif_unlock(memif);
	*ret_socket = socket;
	return 0;
}

int vif_memif_socket_close(struct vif_memif_socket *socket)
{
	struct vif_memif *memif;
	struct vif_memif_socket **at;

	if (!socket)
		return 0;
	if (socket->interfaces)
		return -EBUSY;
	memif = socket->memif;
	memif_lock(memif);
	for (at = &memif->sockets; *at != socket; at = &(*at)->next)
		;
	*at = socket->next;
	memif_unlock(memif);
	if (socket->config.adopt_fd >= 0)
		(void)close(socket->config.adopt_fd); /* never listened */
	if (socket->netns_fd >= 0)
		(void)close(socket->netns_fd); /* a namespace */
	free(socket);
	return 0;
}

int vif_memif_socket_fd(const struct vif_memif_socket *socket)
{
	return socket->listens ? socket->listener.bound.fd : -1;
}

int memif_socket_listen(struct vif_memif_socket *socket,
			struct memif_listener **ret_listener,
			struct vif_error *error)
{
	int r;

	if (!socket->listens) {
		r = memif_listener_init(&socket->listener, &socket->config,
					&socket->memif->poller, error);
		if (r < 0)
			return r;
		socket->config.adopt_fd = -1; /* the listener's now */
		socket->listens = true;
	}
	*ret_listener = &socket->listener;
	return 0;
}

void memif_socket_unlisten(struct vif_memif_socket *socket)
{
	memif_listener_fini(&socket->listener);
	socket->listens = false;
}
