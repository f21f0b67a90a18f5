/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One memif interface.
 *
 *	OFF --request--> CONNECTING --up--> UP
 *	                   |   ^            |
 *	                 failed|pause over  |down
 *	                   v   |            v
 *	                  WAITING <---------+
 *
 * A server is WAITING until its listener brings a client. drive() does what the
 * handshake wants until that has to wait for the peer. The memory of a
 * connection goes with it: each one has new regions, so that nothing that an
 * earlier peer still has mapped is ever used again.
 */
#include "port/memif/link.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/bits.h"
#include "base/error.h"
#include "base/heap.h"
#include "port/memif/exchange.h"
#include "port/memif/hint.h"

static_assert(MEMIF_DOWN_N <= 64, "each has a bit");

static bool is_client(const struct memif_link *link)
{
	return link->config.role == MEMIF_CLIENT;
}

static const char *where(const struct memif_link *link)
{
	return is_client(link) ? link->config.socket.text :
				 link->listener->name.text;
}

/* Failures */

/* What the callback asks for is done by whoever is further out. */
static void call_failed(struct memif_link *link)
{
	bool was_driven = link->is_driven;

	if (!link->config.failed)
		return;
	link->is_driven = true;
	link->config.failed(link, link->config.user);
	link->is_driven = was_driven;
}

/*
 * Notes why, and tells unless that is known. Of a server any stranger can make
 * failures, so it tells each kind once; a client makes its own pauses.
 */
static void note_failure(struct memif_link *link, enum memif_down down,
			 const struct vif_error *error)
{
	bool is_told = link->told_failures & UINT64_C(1) << down;
	bool is_same = link->error.code == error->code &&
		       strcmp(link->error.what, error->what) == 0 &&
		       strcmp(link->error.why, error->why) == 0;

	counter_add(&link->downs[down], 1);
	link->last_down = down;
	link->error = *error;
	link->told_failures |= UINT64_C(1) << down;
	if (!is_told || (is_client(link) && !is_same))
		call_failed(link);
}

/* The errno that says most of it, for programs. */
static int code_of(enum memif_down down)
{
	switch (down) {
	case MEMIF_DOWN_LOCAL:
		return -ECANCELED;
	case MEMIF_DOWN_TIMEOUT:
		return -ETIMEDOUT;
	case MEMIF_DOWN_MEMORY:
		return -ENOMEM;
	case MEMIF_DOWN_PEER:
	case MEMIF_DOWN_EOF:
		return -ECONNRESET;
	default:
		return memif_down_is_violation(down) ? -EPROTO : -EACCES;
	}
}

static void explain(const struct memif_link *link,
		    const struct memif_handshake *handshake, const char *what,
		    struct vif_error *ret_error)
{
	int code = code_of(handshake->down);

	error_set(ret_error, code, "%s", what);
	error_where(ret_error, code, where(link));
	if (handshake->down == MEMIF_DOWN_PEER)
		error_why(ret_error, code, "the peer says: %s",
			  handshake->reason);
	else
		error_why(ret_error, code, "%s", handshake->reason);
	if (handshake->down == MEMIF_DOWN_DATA)
		memif_hint_data(handshake, link->config.queue.resync,
				ret_error->hint, sizeof(ret_error->hint));
	else
		error_hint(ret_error, code, "%s",
			   memif_hint(link->config.role, handshake->down,
				      handshake->reason));
}

/* Retries */

static uint64_t random_up_to(const struct memif_link *link, uint64_t n)
{
	if (!link->config.random || n == 0)
		return 0;
	return link->config.random(link->config.user) % n;
}

/* Between half the pause and all of it; the next one is twice as long. */
static void schedule_retry(struct memif_link *link, uint64_t now_ns)
{
	uint64_t pause = link->retry_ns;

	link->retry_ns = pause < link->config.retry_max_ns / 2 ?
				 2 * pause :
				 link->config.retry_max_ns;
	link->state = MEMIF_LINK_WAITING;
	link->watch.deadline_ns =
		now_ns + pause - random_up_to(link, pause / 2 + 1);
}

static void wait_again(struct memif_link *link, uint64_t now_ns)
{
	if (!is_client(link)) {
		link->state = MEMIF_LINK_WAITING;
	} else if (link->is_requested) {
		link->is_requested = false;
		link->state = MEMIF_LINK_WAITING;
		link->watch.deadline_ns = now_ns; /* at the next service */
	} else if (link->config.no_retry) {
		link->state = MEMIF_LINK_OFF;
	} else {
		schedule_retry(link, now_ns);
	}
}

/* The end of a connection */

static void close_received(struct memif_link *link)
{
	if (link->received_fd >= 0)
		(void)close(link->received_fd); /* the peer's */
	link->received_fd = -1;
}

/*
 * The peer learns of it first, then our own threads; only when these have left
 * may the memory go.
 */
static void tear_down(struct memif_link *link, uint64_t now_ns)
{
	struct memif_handshake *handshake = &link->handshake;
	struct vif_error error;
	bool was_up = link->is_told;

	(void)memif_watch_fd(&link->watch, -1, 0); /* cannot fail */
	link->watch.deadline_ns = MEMIF_NEVER;
	memif_channel_close(link->fd);
	link->fd = -1;
	close_received(link);
	explain(link, handshake,
		was_up ? "the link went down" : "cannot bring the link up",
		&error);
	if (was_up) {
		counter_add(&link->downs[handshake->down], 1);
		link->last_down = handshake->down;
		link->error = error;
		link->is_told = false;
		link->state = MEMIF_LINK_WAITING;
		if (link->config.down)
			link->config.down(link, link->config.user);
	} else {
		note_failure(link, handshake->down, &error);
	}
	memif_memory_free(link->memory);
	link->memory = NULL;
	wait_again(link, now_ns);
}

/* What the machine wants */

static void refuse(struct memif_link *link,
		   const struct memif_objection *objection)
{
	memif_handshake_fail(&link->handshake, objection->down, "%s",
			     objection->text);
}

static void answer(struct memif_link *link,
		   const struct memif_objection *objection)
{
	if (objection->down != MEMIF_DOWN_NONE)
		refuse(link, objection);
	else
		memif_handshake_done(&link->handshake);
}

static void answer_code(struct memif_link *link, const char *what, int code)
{
	char text[128];

	if (code < 0)
		memif_handshake_fail(&link->handshake, MEMIF_DOWN_MEMORY,
				     "%s: %s", what,
				     error_code_text(code, text, sizeof(text)));
	else
		memif_handshake_done(&link->handshake);
}

static void build_memory(struct memif_link *link)
{
	struct memif_handshake *handshake = &link->handshake;
	int r = memif_memory_build(link->memory, &handshake->geometry,
				   handshake->rider.ride != 0);

	if (r == -E2BIG)
		memif_handshake_fail(
			handshake, MEMIF_DOWN_MEMORY,
			"the rings and buffers take more than "
			"%llu bytes",
			(unsigned long long)link->config.bytes_max);
	else
		answer_code(link, "cannot make the memory", r);
}

/* Returns whether the socket has to be polled first. */
static bool send_record(struct memif_link *link)
{
	struct memif_outgoing outgoing;
	bool waits;

	memif_handshake_outgoing(&link->handshake, &outgoing);
	waits = !memif_exchange_send(&link->handshake, link->fd, &outgoing,
				     memif_memory_fd(link->memory, &outgoing));
	explicit_bzero(&outgoing, sizeof(outgoing));
	return waits;
}

static int take_received(struct memif_link *link)
{
	int fd = link->received_fd;

	link->received_fd = -1;
	return fd;
}

static void judge_region(struct memif_link *link)
{
	const struct memif_objection objection =
		memif_memory_take_region(link->memory, take_received(link),
					 link->handshake.add_region.size);

	answer(link, &objection);
}

static void judge_ring(struct memif_link *link)
{
	uint16_t flags = link->handshake.add_ring.flags;
	const struct memif_objection objection = memif_memory_take_event(
		link->memory, take_received(link),
		flags & MEMIF_MSG_RING_C2S ? MEMIF_C2S : MEMIF_S2C);

	answer(link, &objection);
}

/* A program with this library, told from its name or from what it offers. */
static bool is_ours(const struct memif_handshake *handshake)
{
	return handshake->geometry.ride != 0 ||
	       strcmp(handshake->peer_app, MEMIF_APP_NAME) == 0;
}

static int open_queues(struct memif_link *link)
{
	link->memory->is_prompt = is_ours(&link->handshake);
	return memif_memory_open(link->memory, &link->handshake.geometry,
				 &link->config.queue);
}

/* Server: before CONNECTED is sent, after which the client may send. */
static void map_memory(struct memif_link *link)
{
	const struct memif_objection objection =
		memif_memory_map(link->memory, &link->handshake.geometry);

	if (objection.down != MEMIF_DOWN_NONE)
		refuse(link, &objection);
	else
		answer_code(link, "cannot make the queues", open_queues(link));
}

/* Client: only now, since some servers clear the rings before CONNECTED. */
static void go_up(struct memif_link *link)
{
	int r = is_client(link) ? open_queues(link) : 0;

	answer_code(link, "cannot make the queues", r);
	if (r < 0)
		return;
	link->state = MEMIF_LINK_UP;
	link->retry_ns = link->config.retry_min_ns;
	link->error = (struct vif_error){ .code = 0 };
	link->told_failures = 0;
	link->is_told = true;
	counter_add(&link->ups, 1);
	if (link->config.up)
		link->config.up(link, link->config.user);
}

/* Returns whether it has to wait for these events. */
static bool do_want(struct memif_link *link, uint32_t *ret_events)
{
	struct memif_handshake *handshake = &link->handshake;

	switch (memif_handshake_want(handshake)) {
	case MEMIF_WANT_RECORD:
		*ret_events = EPOLLIN;
		return !memif_exchange_receive(handshake, link->fd,
					       &link->received_fd);
	case MEMIF_WANT_SEND:
		*ret_events = EPOLLOUT;
		return send_record(link);
	case MEMIF_WANT_BUILD:
		build_memory(link);
		return false;
	case MEMIF_WANT_JUDGE_REGION:
		judge_region(link);
		return false;
	case MEMIF_WANT_JUDGE_RING:
		judge_ring(link);
		return false;
	case MEMIF_WANT_MAP:
		map_memory(link);
		return false;
	default:
		assert(memif_handshake_want(handshake) == MEMIF_WANT_UP);
		go_up(link);
		return false;
	}
}

static bool wait_for(struct memif_link *link, uint32_t events)
{
	link->watch.deadline_ns = memif_handshake_deadline(&link->handshake);
	if (memif_watch_fd(&link->watch, link->fd, events) == 0)
		return true;
	memif_handshake_fail(&link->handshake, MEMIF_DOWN_SOCKET,
			     "cannot wait for the peer");
	return false;
}

/* As far as it goes. Returns whether it waits; else the machine is down. */
static bool advance(struct memif_link *link)
{
	while (memif_handshake_want(&link->handshake) != MEMIF_WANT_DOWN) {
		uint32_t events;

		if (do_want(link, &events) && wait_for(link, events))
			return true;
	}
	return false;
}

/* Not once more from within a callback. */
static void drive(struct memif_link *link, uint64_t now_ns)
{
	if (link->is_driven || link->fd < 0)
		return;
	link->is_driven = true;
	if (!advance(link))
		tear_down(link, now_ns);
	link->is_driven = false;
}

/* The beginning of a connection */

static struct memif_memory *new_memory(const struct memif_link *link)
{
	struct memif_memory *memory = memif_memory_new(
		link->config.role, link->config.bytes_max, link->config.heap);

	if (!memory)
		return NULL;
	memory->buffer_size = link->config.buffer_size;
	memory->headroom = link->config.headroom;
	memory->supply = link->config.supply;
	memory->unsealed = link->config.unsealed;
	return memory;
}

/* There is a channel, and the machine is started. */
static void begin(struct memif_link *link, int fd, uint64_t now_ns)
{
	link->fd = fd;
	link->state = MEMIF_LINK_CONNECTING;
	link->memory = new_memory(link);
	if (!link->memory)
		memif_handshake_fail(&link->handshake, MEMIF_DOWN_MEMORY,
				     "out of memory");
	drive(link, now_ns);
}

/* Returns 0 when it is under way, or why it is not. */
static int try_to_connect(struct memif_link *link, uint64_t now_ns,
			  struct vif_error *error)
{
	int fd = memif_channel_connect(&link->config.socket,
				       link->config.netns_fd, error);

	if (fd < 0)
		return fd;
	memif_handshake_init_client(&link->handshake, &link->handshake_config);
	memif_handshake_start(&link->handshake, now_ns);
	begin(link, fd, now_ns);
	return 0;
}

static void attempt(struct memif_link *link, uint64_t now_ns)
{
	struct vif_error error = { .code = 0 };

	if (try_to_connect(link, now_ns, &error) == 0)
		return;
	note_failure(link, MEMIF_DOWN_SOCKET, &error);
	wait_again(link, now_ns);
}

static struct memif_link *to_link(struct memif_service *service)
{
	return container_of(service, struct memif_link, service);
}

static bool service_busy(struct memif_service *service, uint64_t now_ns)
{
	struct memif_link *link = to_link(service);

	/* A client that was restarted may be faster than our look. */
	drive(link, now_ns);
	return link->fd >= 0;
}

static void service_take(struct memif_service *service, int fd,
			 const struct memif_handshake *handshake,
			 uint64_t now_ns)
{
	struct memif_link *link = to_link(service);

	assert(link->fd < 0);
	link->handshake = *handshake;
	begin(link, fd, now_ns);
}

static void service_refused(struct memif_service *service,
			    const struct memif_handshake *handshake,
			    uint64_t now_ns)
{
	struct memif_link *link = to_link(service);
	struct vif_error error;

	explain(link, handshake, "refused a client", &error);
	if (handshake->peer_app[0] != '\0')
		(void)snprintf(error.what, sizeof(error.what),
			       "refused a client (%s)", handshake->peer_app);
	note_failure(link, handshake->down, &error);
	drive(link, now_ns);
}

static void link_ready(struct memif_watch *watch, uint32_t events,
		       uint64_t now_ns)
{
	struct memif_link *link = container_of(watch, struct memif_link, watch);

	(void)events;
	if (link->fd >= 0) {
		memif_handshake_timer(&link->handshake, now_ns);
		drive(link, now_ns);
	} else if (is_client(link) && link->state == MEMIF_LINK_WAITING) {
		attempt(link, now_ns);
	}
}

/* Life */

static int refuse_config(const char *why, struct vif_error *error)
{
	error_set(error, -EINVAL, "cannot make the interface");
	return error_why(error, -EINVAL, "%s", why);
}

static int check_config(const struct memif_link_config *config,
			struct vif_error *error)
{
	if (config->secret && strlen(config->secret) >= MEMIF_MSG_SECRET_SIZE)
		return refuse_config("a secret has at most 23 bytes", error);
	if (config->mode > MEMIF_MODE_PUNT)
		return refuse_config("there is no such mode", error);
	if (config->n_ring[MEMIF_C2S] > MEMIF_RINGS_MAX ||
	    config->n_ring[MEMIF_S2C] > MEMIF_RINGS_MAX)
		return refuse_config("there are at most 256 queues", error);
	if (config->log2_size > MEMIF_LOG2_MAX)
		return refuse_config("a ring has at most 32768 slots", error);
	if (config->line != 0 && config->line != 64 && config->line != 128)
		return refuse_config("a line has 64 or 128 bytes", error);
	if (config->buffer_size != 0 &&
	    (config->buffer_size < MEMIF_BUFFER_SIZE_MIN ||
	     config->buffer_size > MEMIF_BUFFER_SIZE_MAX))
		return refuse_config("a buffer has 64 to 65535 bytes", error);
	if (config->n_region_max > MEMIF_REGIONS_MAX)
		return refuse_config("there are at most 256 regions", error);
	if (config->bytes_max > MEMIF_BYTES_MAX)
		return refuse_config("regions have at most 1 TiB", error);
	return 0;
}

#define OR_DEFAULT(value, other) ((value) = (value) ? (value) : (other))

static int set_defaults(struct memif_link_config *config,
			struct vif_error *error)
{
	OR_DEFAULT(config->n_ring[MEMIF_C2S], 1);
	OR_DEFAULT(config->n_ring[MEMIF_S2C], 1);
	OR_DEFAULT(config->log2_size, MEMIF_LOG2_DEFAULT);
	OR_DEFAULT(config->buffer_size, MEMIF_BUFFER_SIZE_DEFAULT);
	OR_DEFAULT(config->n_region_max, MEMIF_REGIONS_DEFAULT);
	OR_DEFAULT(config->bytes_max, MEMIF_BYTES_DEFAULT);
	OR_DEFAULT(config->handshake_ns, MEMIF_HANDSHAKE_NS);
	OR_DEFAULT(config->retry_min_ns, MEMIF_RETRY_MIN_NS);
	OR_DEFAULT(config->retry_max_ns, MEMIF_RETRY_MAX_NS);
	if (config->retry_max_ns < config->retry_min_ns)
		config->retry_max_ns = config->retry_min_ns;
	if (config->role == MEMIF_CLIENT)
		OR_DEFAULT(config->line, memif_ring_line());
	if (config->buffer_size < config->headroom + MEMIF_BUFFER_SIZE_MIN)
		return refuse_config("the headroom leaves no room for packets",
				     error);
	return 0;
}

static void copy_text(char *to, const char *from, size_t size)
{
	if (from)
		memcpy(to, from, strnlen(from, size - 1));
}

static void fill_handshake_config(struct memif_link *link)
{
	const struct memif_link_config *config = &link->config;
	struct memif_handshake_config *to = &link->handshake_config;

	*to = (struct memif_handshake_config){
		.role = config->role,
		.mode = config->mode,
		.id = config->id,
		.n_ring = { config->n_ring[0], config->n_ring[1] },
		.n_region_max = config->n_region_max,
		.log2_size = config->log2_size,
		.line = config->line,
		.line_default = memif_ring_line(),
		.strict_secret = config->strict_secret,
		.ride = config->ride,
		.buffer_len = config->buffer_size - config->headroom,
		.bytes_max = config->bytes_max,
		.timeout_ns = config->handshake_ns,
	};
	copy_text(to->secret, config->secret, sizeof(to->secret));
	copy_text(to->app_name, config->app_name, sizeof(to->app_name));
	copy_text(to->name, config->name, sizeof(to->name));
}

/* They outlive connections, so that nothing is lost by a restart. */
static int make_counters(struct memif_link *link, struct vif_error *error)
{
	const uint16_t *n_ring = link->config.n_ring;
	size_t n = n_ring[0] > n_ring[1] ? n_ring[0] : n_ring[1];
	const size_t align = _Alignof(struct port_queue);
	struct port_queue *counters;

	if (link->config.queue.counters)
		return 0;
	/* Allocators do not know of more than any type needs. */
	link->counters = heap_new(link->config.heap,
				  n * sizeof(*counters) + align - 1, 1);
	if (!link->counters)
		return error_set(error, -ENOMEM, "cannot make the interface");
	counters =
		(struct port_queue *)align_up((uintptr_t)link->counters, align);
	link->config.queue.counters = counters;
	return 0;
}

int memif_link_init(struct memif_link *link,
		    const struct memif_link_config *config,
		    struct memif_poller *poller,
		    struct memif_listener *listener, struct vif_error *error)
{
	int r = check_config(config, error);

	*link = (struct memif_link){ .fd = -1, .received_fd = -1 };
	if (r < 0)
		return r;
	assert((config->role == MEMIF_SERVER) == (listener != NULL));
	link->config = *config;
	r = set_defaults(&link->config, error);
	if (r == 0)
		r = make_counters(link, error);
	if (r < 0)
		return r;
	link->listener = listener;
	link->watch.call = link_ready;
	link->retry_ns = link->config.retry_min_ns;
	link->service = (struct memif_service){
		.config = &link->handshake_config,
		.busy = service_busy,
		.take = service_take,
		.refused = service_refused,
	};
	fill_handshake_config(link);
	/* What was copied may not live on. */
	link->config.secret = link->config.app_name = link->config.name = NULL;
	if (listener)
		r = memif_listener_add(listener, &link->service, error);
	if (r < 0) {
		heap_free(link->config.heap, link->counters);
		return r;
	}
	link->poller = poller;
	memif_watch_add(poller, &link->watch);
	if (!is_client(link) || !config->no_retry)
		link->state = MEMIF_LINK_WAITING;
	if (is_client(link) && !config->no_retry)
		link->watch.deadline_ns = 0;
	return 0;
}

void memif_link_fini(struct memif_link *link)
{
	if (!link->poller)
		return;
	assert(!link->is_driven);
	link->config.no_retry = true;
	link->is_requested = false;
	link->config.failed = NULL;
	memif_link_disconnect(link, 0, "the interface is closed");
	if (link->listener)
		memif_listener_remove(link->listener, &link->service);
	memif_watch_remove(&link->watch);
	heap_free(link->config.heap, link->counters);
	explicit_bzero(link->handshake_config.secret,
		       sizeof(link->handshake_config.secret));
	link->state = MEMIF_LINK_OFF;
	link->poller = NULL;
}

int memif_link_request(struct memif_link *link, uint64_t now_ns,
		       struct vif_error *error)
{
	int r;

	if (!is_client(link))
		return error_set(error, -EINVAL, "a server cannot connect");
	if (link->is_driven) {
		link->is_requested = true;
		return 0;
	}
	if (link->fd >= 0)
		return error_set(error,
				 link->state == MEMIF_LINK_UP ? -EISCONN :
								-EALREADY,
				 "cannot connect");
	link->watch.deadline_ns = MEMIF_NEVER;
	r = try_to_connect(link, now_ns, error);
	if (r < 0)
		wait_again(link, now_ns);
	return r;
}

void memif_link_disconnect(struct memif_link *link, uint64_t now_ns,
			   const char *reason)
{
	if (link->fd < 0)
		return;
	memif_handshake_fail(&link->handshake, MEMIF_DOWN_LOCAL, "%s", reason);
	drive(link, now_ns);
}

bool memif_link_check(struct memif_link *link, uint64_t now_ns)
{
	enum memif_fault fault;

	if (link->state != MEMIF_LINK_UP || !link->memory)
		return false;
	fault = memif_memory_fault(link->memory);
	if (fault == MEMIF_FAULT_NONE)
		return false;
	memif_handshake_fail(&link->handshake, MEMIF_DOWN_DATA, "%s",
			     memif_fault_text(fault));
	drive(link, now_ns);
	return true;
}

static struct memif_queue *queue_at(const struct memif_link *link,
				    enum memif_direction to, unsigned int i)
{
	if (!link->is_told || i >= link->memory->n_ring[to])
		return NULL;
	return link->memory->end[to][i].queue;
}

struct memif_queue *memif_link_rx_queue(const struct memif_link *link,
					unsigned int i)
{
	return queue_at(link, memif_rx_direction(link->config.role), i);
}

struct memif_queue *memif_link_tx_queue(const struct memif_link *link,
					unsigned int i)
{
	enum memif_direction rx = memif_rx_direction(link->config.role);

	return queue_at(link, rx == MEMIF_C2S ? MEMIF_S2C : MEMIF_C2S, i);
}

const char *memif_link_state_name(enum memif_link_state state)
{
	static const char *const names[] = {
		[MEMIF_LINK_OFF] = "off",
		[MEMIF_LINK_WAITING] = "waiting",
		[MEMIF_LINK_CONNECTING] = "connecting",
		[MEMIF_LINK_UP] = "up",
	};

	assert((size_t)state < ARRAY_LEN(names));
	return names[state];
}

struct memif_memory *memif_link_keep_memory(struct memif_link *link)
{
	struct memif_memory *memory = link->memory;

	link->memory = NULL;
	return memory;
}

int memif_link_hurry(struct memif_link *link)
{
	if (!is_client(link))
		return -EINVAL;
	if (link->state == MEMIF_LINK_UP)
		return -EISCONN;
	if (link->state == MEMIF_LINK_CONNECTING)
		return -EALREADY;
	if (link->is_driven) {
		link->is_requested = true; /* from a callback: afterwards */
		return 0;
	}
	link->state = MEMIF_LINK_WAITING;
	link->watch.deadline_ns = 0;
	return 0;
}
