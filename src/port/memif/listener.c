/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A listening control socket.
 *
 * A client is pending until its INIT says which interface it wants. Then the
 * machine checks what it may have, and channel and machine go to the link.
 */
#include "port/memif/listener.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/bits.h"
#include "base/error.h"
#include "port/memif/exchange.h"

struct memif_pending {
	struct memif_listener *listener;
	struct memif_watch watch;
	struct memif_pending *older;
	struct memif_pending *newer;
	int fd;
	uid_t uid;
	struct memif_handshake handshake;
};

/* Pending clients */

static void unlink_pending(struct memif_pending *pending)
{
	struct memif_listener *listener = pending->listener;

	if (pending->older)
		pending->older->newer = pending->newer;
	else
		listener->oldest = pending->newer;
	if (pending->newer)
		pending->newer->older = pending->older;
	else
		listener->newest = pending->older;
	listener->n_pending--;
}

/* Forgets a client; its channel has been closed or given away. */
static void free_pending(struct memif_pending *pending)
{
	memif_watch_remove(&pending->watch);
	unlink_pending(pending);
	explicit_bzero(&pending->handshake, sizeof(pending->handshake));
	heap_free(pending->listener->heap, pending);
}

static struct memif_service *find_service(const struct memif_listener *listener,
					  uint32_t id)
{
	struct memif_service *found = NULL;

	for (struct memif_service *s = listener->services; s; s = s->next)
		if (s->config->id == id &&
		    (!found || s->config->role == MEMIF_SERVER))
			found = s;
	return found;
}

/* Returns whether the client now belongs to a link. */
static bool find_interface(struct memif_pending *pending, uint64_t now_ns)
{
	struct memif_listener *listener = pending->listener;
	struct memif_handshake *handshake = &pending->handshake;
	struct memif_service *service =
		find_service(listener, memif_handshake_id(handshake));
	bool is_server = service && service->config->role == MEMIF_SERVER;
	const struct memif_found found = {
		.config = service ? service->config : NULL,
		.busy = is_server && service->busy(service, now_ns),
		.throttled = memif_guesses_used_up(&listener->guesses,
						   pending->uid, now_ns),
	};

	memif_handshake_found(handshake, &found);
	if (handshake->down == MEMIF_DOWN_SECRET_WRONG)
		memif_guesses_wrong(&listener->guesses, pending->uid, now_ns);
	if (is_server && handshake->down != MEMIF_DOWN_NONE)
		service->refused(service, handshake, now_ns);
	if (!is_server || handshake->down != MEMIF_DOWN_NONE)
		return false;
	memif_watch_remove(&pending->watch);
	service->take(service, pending->fd, handshake, now_ns);
	free_pending(pending);
	return true;
}

static void turn_away(struct memif_pending *pending)
{
	counter_add(&pending->listener->downs[pending->handshake.down], 1);
	memif_watch_remove(&pending->watch);
	memif_channel_close(pending->fd);
	free_pending(pending);
}

enum progress {
	PROGRESS_MADE,
	PROGRESS_WAITS, /* for events */
	PROGRESS_GONE,  /* the client is not pending any more */
};

static enum progress do_want(struct memif_pending *pending,
			     uint32_t *ret_events, uint64_t now_ns)
{
	struct memif_handshake *handshake = &pending->handshake;
	int judged_fd; /* never: there is nothing to judge before INIT */

	switch (memif_handshake_want(handshake)) {
	case MEMIF_WANT_SEND:
		*ret_events = EPOLLOUT;
		return memif_exchange_send_plain(handshake, pending->fd) ?
			       PROGRESS_MADE :
			       PROGRESS_WAITS;
	case MEMIF_WANT_RECORD:
		*ret_events = EPOLLIN;
		return memif_exchange_receive(handshake, pending->fd,
					      &judged_fd) ?
			       PROGRESS_MADE :
			       PROGRESS_WAITS;
	case MEMIF_WANT_FIND:
		return find_interface(pending, now_ns) ? PROGRESS_GONE :
							 PROGRESS_MADE;
	default:
		assert(memif_handshake_want(handshake) == MEMIF_WANT_DOWN);
		turn_away(pending);
		return PROGRESS_GONE;
	}
}

static enum progress wait_for(struct memif_pending *pending, uint32_t events)
{
	struct memif_handshake *handshake = &pending->handshake;

	pending->watch.deadline_ns = memif_handshake_deadline(handshake);
	if (memif_watch_fd(&pending->watch, pending->fd, events) == 0)
		return PROGRESS_WAITS;
	memif_handshake_fail(handshake, MEMIF_DOWN_SOCKET,
			     "cannot wait for the client");
	return PROGRESS_MADE;
}

/* Does what the machine wants until it has to wait, or is gone. */
static void serve_pending(struct memif_pending *pending, uint64_t now_ns)
{
	enum progress progress = PROGRESS_MADE;

	while (progress == PROGRESS_MADE) {
		uint32_t events = 0;

		progress = do_want(pending, &events, now_ns);
		if (progress == PROGRESS_WAITS)
			progress = wait_for(pending, events);
	}
}

static void pending_ready(struct memif_watch *watch, uint32_t events,
			  uint64_t now_ns)
{
	struct memif_pending *pending =
		container_of(watch, struct memif_pending, watch);

	(void)events;
	memif_handshake_timer(&pending->handshake, now_ns);
	serve_pending(pending, now_ns);
}

static void end_pending(struct memif_pending *pending, enum memif_down down,
			const char *reason)
{
	memif_handshake_fail(&pending->handshake, down, "%s", reason);
	while (memif_handshake_want(&pending->handshake) == MEMIF_WANT_SEND)
		(void)memif_exchange_send_plain(&pending->handshake,
						pending->fd);
	turn_away(pending);
}

static void end_oldest(struct memif_listener *listener, enum memif_down down,
		       const char *reason)
{
	struct memif_pending *oldest = listener->oldest;

	assert(oldest->listener == listener && !oldest->older);
	end_pending(oldest, down, reason);
	assert(listener->oldest != oldest);
}

/* Accepting */

static bool is_allowed(const struct memif_allow *allow,
		       const struct ucred *user)
{
	for (unsigned int i = 0; i < allow->n_uid; i++)
		if (allow->uid[i] == user->uid)
			return true;
	for (unsigned int i = 0; i < allow->n_gid; i++)
		if (allow->gid[i] == user->gid)
			return true;
	return allow->n_uid + allow->n_gid == 0;
}

static uint16_t index_max(uint16_t n)
{
	return n > 0 ? (uint16_t)(n - 1) : 0;
}

/*
 * What the interfaces have at most, since nobody knows which one the client
 * wants. Where there is one alone it is exact, and clients adapt.
 */
static struct memif_msg_hello hello_of(const struct memif_listener *listener)
{
	struct memif_msg_hello hello = {
		.max_region = MEMIF_REGIONS_MAX - 1,
		.max_log2_size = MEMIF_LOG2_MAX,
	};

	memcpy(hello.name, listener->app_name, sizeof(hello.name));
	for (struct memif_service *s = listener->services; s; s = s->next) {
		uint16_t c2s = index_max(s->config->n_ring[MEMIF_C2S]);
		uint16_t s2c = index_max(s->config->n_ring[MEMIF_S2C]);

		if (s->config->role != MEMIF_SERVER)
			continue;
		if (c2s > hello.max_c2s_ring)
			hello.max_c2s_ring = c2s;
		if (s2c > hello.max_s2c_ring)
			hello.max_s2c_ring = s2c;
		hello.rider.ride |= s->config->ride;
	}
	return hello;
}

static struct memif_pending *new_pending(struct memif_listener *listener,
					 int fd, const struct ucred *user)
{
	struct memif_pending *pending =
		heap_new(listener->heap, 1, sizeof(*pending));
	struct memif_msg_hello hello = hello_of(listener);

	if (!pending)
		return NULL;
	/* Nobody has to be kept from guessing it: it only must not come again. */
	hello.rider.nonce = listener->nonce++;
	pending->listener = listener;
	pending->fd = fd;
	pending->uid = user->uid;
	pending->watch.call = pending_ready;
	memif_watch_add(listener->poller, &pending->watch);
	pending->older = listener->newest;
	if (pending->older)
		pending->older->newer = pending;
	else
		listener->oldest = pending;
	listener->newest = pending;
	listener->n_pending++;
	memif_handshake_init_server(&pending->handshake, &hello,
				    listener->handshake_ns);
	return pending;
}

/* The one that waits longest has to go, unless it has just said something. */
static void make_room(struct memif_listener *listener, uint64_t now_ns)
{
	struct memif_pending *oldest = listener->oldest;

	if (listener->n_pending < listener->n_pending_max)
		return;
	serve_pending(oldest, now_ns);
	if (listener->n_pending < listener->n_pending_max)
		return;
	end_oldest(listener, MEMIF_DOWN_CROWD,
		   "too many clients that say nothing");
}

static void welcome(struct memif_listener *listener, int fd, uint64_t now_ns)
{
	struct ucred user;
	socklen_t len = sizeof(user);
	struct memif_pending *pending;
	bool known = getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &user, &len) == 0;

	counter_add(&listener->n_accepted, 1);
	make_room(listener, now_ns);
	pending = known ? new_pending(listener, fd, &user) : NULL;
	if (!pending) {
		counter_add(&listener->downs[known ? MEMIF_DOWN_MEMORY :
						     MEMIF_DOWN_SOCKET],
			    1);
		(void)close(fd); /* nothing was said yet */
		return;
	}
	memif_handshake_start(&pending->handshake, now_ns);
	if (is_allowed(&listener->allow, &user))
		serve_pending(pending, now_ns);
	else
		end_pending(pending, MEMIF_DOWN_USER,
			    "this user may not connect here");
}

static void take_reserve(struct memif_listener *listener)
{
	if (listener->reserve_fd < 0)
		listener->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/*
 * Without descriptors a client cannot even be turned away, and the socket stays
 * ready for ever. One that is kept for this makes it possible.
 */
static bool turn_away_unseen(struct memif_listener *listener)
{
	int fd;

	if (listener->reserve_fd < 0)
		return false;
	(void)close(listener->reserve_fd); /* only held */
	listener->reserve_fd = -1;
	fd = accept4(listener->bound.fd, NULL, NULL, SOCK_CLOEXEC);
	if (fd >= 0)
		(void)close(fd); /* nothing was said yet */
	take_reserve(listener);
	if (fd < 0)
		return false;
	counter_add(&listener->n_no_fd, 1);
	return true;
}

/* Returns whether another client may be there. */
static bool accept_one(struct memif_listener *listener, uint64_t now_ns)
{
	int fd = accept4(listener->bound.fd, NULL, NULL,
			 SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd >= 0) {
		welcome(listener, fd, now_ns);
		return true;
	}
	if (errno == EAGAIN)
		return false;
	if (errno == EINTR || errno == ECONNABORTED)
		return true;
	if ((errno == EMFILE || errno == ENFILE) && turn_away_unseen(listener))
		return true;
	/* It would be ready for ever: look again later. */
	(void)memif_watch_fd(&listener->watch, -1, 0); /* cannot fail */
	listener->watch.deadline_ns = now_ns + MEMIF_ACCEPT_NS;
	return false;
}

static void listener_ready(struct memif_watch *watch, uint32_t events,
			   uint64_t now_ns)
{
	struct memif_listener *listener =
		container_of(watch, struct memif_listener, watch);

	(void)events;
	take_reserve(listener);
	for (int i = 0; i < MEMIF_ACCEPTS_MAX; i++)
		if (!accept_one(listener, now_ns))
			break;
	if (watch->fd < 0 && watch->deadline_ns == MEMIF_NEVER &&
	    memif_watch_fd(watch, listener->bound.fd, EPOLLIN) < 0)
		watch->deadline_ns = now_ns + MEMIF_ACCEPT_NS;
}

/* Life */

static int listen_as_told(struct memif_listener *listener,
			  const struct memif_listener_config *config,
			  struct vif_error *error)
{
	struct memif_bind_config bind_config = config->bind;

	if (config->adopt_fd >= 0)
		return memif_bind_adopt(config->adopt_fd, &listener->bound,
					&listener->name, error);
	bind_config.backlog = (int)listener->n_pending_max;
	listener->name = bind_config.name;
	return memif_bind(&bind_config, &listener->bound, error);
}

int memif_listener_init(struct memif_listener *listener,
			const struct memif_listener_config *config,
			struct memif_poller *poller, struct vif_error *error)
{
	int r;

	*listener = (struct memif_listener){
		.allow = config->allow,
		.n_pending_max = config->n_pending_max ? config->n_pending_max :
							 MEMIF_PENDING_DEFAULT,
		.handshake_ns = config->handshake_ns ? config->handshake_ns :
						       MEMIF_HANDSHAKE_NS,
		.nonce = config->nonce,
		.heap = config->heap,
		.bound.fd = -1,
		.reserve_fd = -1,
		.watch.call = listener_ready,
	};
	if (config->app_name)
		memcpy(listener->app_name, config->app_name,
		       strnlen(config->app_name, MEMIF_MSG_NAME_SIZE - 1));
	if (listener->n_pending_max > MEMIF_PENDING_MAX ||
	    config->allow.n_uid > MEMIF_ALLOW_MAX ||
	    config->allow.n_gid > MEMIF_ALLOW_MAX)
		return error_set(error, -EINVAL, "cannot listen");
	r = listen_as_told(listener, config, error);
	if (r < 0)
		return r;
	listener->poller = poller;
	memif_watch_add(poller, &listener->watch);
	take_reserve(listener);
	r = memif_watch_fd(&listener->watch, listener->bound.fd, EPOLLIN);
	if (r == 0)
		return 0;
	/* An adopted socket is taken on success only. */
	if (config->adopt_fd >= 0)
		listener->bound.fd = -1;
	memif_listener_fini(listener);
	return error_set(error, r, "cannot wait for clients");
}

void memif_listener_fini(struct memif_listener *listener)
{
	if (!listener->poller)
		return;
	assert(!listener->services);
	while (listener->oldest)
		end_oldest(listener, MEMIF_DOWN_LOCAL, "the server is leaving");
	memif_watch_remove(&listener->watch);
	memif_unbind(&listener->bound, &listener->name);
	if (listener->reserve_fd >= 0)
		(void)close(listener->reserve_fd); /* only held */
	listener->reserve_fd = -1;
	listener->poller = NULL;
}

int memif_listener_add(struct memif_listener *listener,
		       struct memif_service *service, struct vif_error *error)
{
	struct memif_service *other =
		find_service(listener, service->config->id);

	if (other && other->config->role == MEMIF_SERVER &&
	    service->config->role == MEMIF_SERVER) {
		error_set(error, -EEXIST, "cannot serve interface %u",
			  service->config->id);
		error_where(error, -EEXIST, listener->name.text);
		return error_why(error, -EEXIST,
				 "there is one of that id already");
	}
	service->next = listener->services;
	listener->services = service;
	return 0;
}

void memif_listener_remove(struct memif_listener *listener,
			   struct memif_service *service)
{
	struct memif_service **at = &listener->services;

	while (*at && *at != service)
		at = &(*at)->next;
	if (*at)
		*at = service->next;
}
