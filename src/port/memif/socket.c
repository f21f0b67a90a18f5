/* SPDX-License-Identifier: Apache-2.0 */
/* Control sockets of memif: their names, interfaces and ends. */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/config.h"
#include "base/error.h"
#include "base/heap.h"
#include "os/netns.h"
#include "port/memif/context.h"
#include "port/memif/interface.h"

static bool is_same(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

struct vif_memif_socket *memif_socket_find(struct vif_memif *memif,
					   const char *path, const char *netns)
{
	struct memif_socket_name name;
	struct vif_memif_socket *s = memif->sockets;

	if (memif_socket_name_set(&name, path, strlen(path), NULL) < 0)
		return NULL;
	while (s && (s->is_doomed || !is_same(s->netns, netns) ||
		     strcmp(s->config.bind.name.text, name.text) != 0))
		s = s->next;
	return s;
}

static int refuse_config(const char *why, struct vif_error *error)
{
	error_set(error, -EINVAL, "cannot use this socket config");
	return error_why(error, -EINVAL, "%s", why);
}

/* A name, or that of the listening socket, which is judged when it listens. */
static int take_name(struct vif_memif_socket *socket,
		     const struct vif_memif_socket_config *config,
		     struct vif_error *error)
{
	struct memif_socket_name *name = &socket->config.bind.name;
	struct sockaddr_un address = { 0 };
	socklen_t len = sizeof(address);

	if (config->path)
		return memif_socket_name_set(name, config->path,
					     strlen(config->path), error);
	if (!config->has_listen_fd)
		return refuse_config("it has no path", error);
	if (getsockname(config->listen_fd, (struct sockaddr *)&address, &len) <
		    0 ||
	    address.sun_family != AF_UNIX ||
	    len <= offsetof(struct sockaddr_un, sun_path) ||
	    len > sizeof(address))
		return refuse_config("its descriptor has no Unix name", error);
	return memif_socket_name_set(
		name, address.sun_path,
		len - offsetof(struct sockaddr_un, sun_path), error);
}

static int take_netns(struct vif_memif_socket *socket, const char *netns,
		      struct vif_error *error)
{
	if (!netns)
		return 0;
	socket->netns = heap_new(&socket->memif->heap, strlen(netns) + 1, 1);
	if (!socket->netns)
		return error_set(error, -ENOMEM, "cannot make a socket");
	memcpy(socket->netns, netns, strlen(netns) + 1);
	socket->netns_fd = netns_open(netns, error);
	return socket->netns_fd < 0 ? socket->netns_fd : 0;
}

static void free_socket(struct vif_memif_socket *socket)
{
	const struct vif_allocator *heap = &socket->memif->heap;

	heap_free(heap, socket->netns);
	heap_free(heap, socket);
}

static void fill_socket(struct vif_memif_socket *socket,
			const struct vif_memif_socket_config *config)
{
	struct memif_listener_config *to = &socket->config;

	to->bind.netns_fd = socket->netns_fd;
	to->bind.mode = config->mode;
	to->bind.chown = config->has_owner;
	to->bind.uid = config->owner;
	to->bind.gid = config->group;
	to->n_pending_max = config->n_pending;
	to->app_name = socket->memif->app_name;
	to->heap = &socket->memif->heap;
	to->allow.n_uid = config->n_uid;
	to->allow.n_gid = config->n_gid;
	for (uint32_t i = 0; i < config->n_uid; i++)
		to->allow.uid[i] = config->uid[i];
	for (uint32_t i = 0; i < config->n_gid; i++)
		to->allow.gid[i] = config->gid[i];
}

int vif_memif_socket_open(struct vif_memif *memif,
			  const struct vif_memif_socket_config *user_config,
			  struct vif_memif_socket **ret_socket,
			  struct vif_error *error)
{
	struct vif_memif_socket_config config;
	struct vif_memif_socket *socket;
	int r = config_take(user_config, sizeof(config), &config, error);

	if (r == 0 &&
	    (config.n_uid > MEMIF_ALLOW_MAX || config.n_gid > MEMIF_ALLOW_MAX ||
	     config.n_pending > MEMIF_PENDING_MAX))
		r = refuse_config("a value is out of range", error);
	if (r < 0)
		return r;
	socket = heap_new(&memif->heap, 1, sizeof(*socket));
	if (!socket)
		return error_set(error, -ENOMEM, "cannot make a socket");
	socket->memif = memif;
	socket->netns_fd = socket->adopt_fd = -1;
	r = take_name(socket, &config, error);
	if (r == 0)
		r = take_netns(socket, config.netns, error);
	if (r < 0) {
		free_socket(socket);
		return r;
	}
	fill_socket(socket, &config);
	if (config.has_listen_fd)
		socket->adopt_fd = config.listen_fd;
	memif_lock(memif);
	socket->next = memif->sockets;
	memif->sockets = socket;
	memif_unlock(memif);
	*ret_socket = socket;
	return 0;
}

/* One that is not closed yet, or NULL. */
static struct vif_memif_interface *
first_used(const struct vif_memif_socket *socket)
{
	struct vif_memif_interface *i = socket->interfaces;

	while (i && i->is_doomed)
		i = i->next;
	return i;
}

void memif_socket_close_whole(struct vif_memif_socket *socket)
{
	struct vif_memif *memif = socket->memif;
	struct vif_memif_interface *interface;

	memif_enter(memif);
	while ((interface = first_used(socket)))
		vif_memif_close(interface);
	socket->is_doomed = memif->has_doomed = true;
	memif_leave(memif);
}

void memif_socket_reap(struct vif_memif_socket *socket)
{
	struct vif_memif_socket **at = &socket->memif->sockets;

	if (!socket->is_doomed || socket->interfaces)
		return;
	while (*at != socket)
		at = &(*at)->next;
	*at = socket->next;
	if (socket->adopt_fd >= 0)
		(void)close(socket->adopt_fd); /* it was only listened on */
	if (socket->netns_fd >= 0)
		(void)close(socket->netns_fd); /* a namespace */
	free_socket(socket);
}

int vif_memif_socket_close(struct vif_memif_socket *socket)
{
	struct vif_memif *memif;
	int r = -EBUSY;

	if (!socket)
		return 0;
	memif = socket->memif;
	memif_enter(memif);
	if (!first_used(socket)) {
		socket->is_doomed = memif->has_doomed = true;
		r = 0;
	}
	memif_leave(memif);
	return r;
}

int vif_memif_socket_fd(const struct vif_memif_socket *socket)
{
	int fd;

	memif_lock(socket->memif);
	fd = socket->listens ? socket->listener.bound.fd : -1;
	memif_unlock(socket->memif);
	return fd;
}

int memif_socket_listen(struct vif_memif_socket *socket,
			struct memif_listener **ret_listener,
			struct vif_error *error)
{
	struct memif_listener_config config = socket->config;
	int r;

	*ret_listener = &socket->listener;
	if (socket->listens)
		return 0;
	config.adopt_fd = -1;
	/* Without it they start at 0, and still differ from each other. */
	(void)getrandom(&config.nonce, sizeof(config.nonce), GRND_NONBLOCK);
	/* What was adopted is there for the next server of this socket, too. */
	if (socket->adopt_fd >= 0) {
		config.adopt_fd = fcntl(socket->adopt_fd, F_DUPFD_CLOEXEC, 0);
		if (config.adopt_fd < 0)
			return error_set(error, -errno, "cannot listen");
	}
	r = memif_listener_init(&socket->listener, &config,
				&socket->memif->poller, error);
	if (r < 0) {
		if (config.adopt_fd >= 0)
			(void)close(config.adopt_fd); /* a copy */
		return r;
	}
	socket->listens = true;
	return 0;
}

void memif_socket_unlisten(struct vif_memif_socket *socket)
{
	memif_listener_fini(&socket->listener);
	socket->listens = false;
}
