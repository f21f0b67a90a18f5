/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A memif peer that says anything, and passes any descriptors along.
 *
 * A real link, on a real socket, with the peer played by the input. First byte:
 * whether the link is the server, and whether the peer begins with an orderly
 * INIT or HELLO. Then steps, each a byte for what to do, and what that takes:
 *
 *	record   type, attachments, n, and n times the offset and value of a byte
 *	         that differs from an orderly record of that type
 *	raw      length, attachments, and the bytes
 *	time     a byte: this many times 100 ms pass
 *	leave    the link disconnects
 *
 * Whatever the peer does, the link comes back to waiting, every descriptor is
 * closed, each end has a reason, and what is sent is whole records without the
 * secret.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "port/memif/channel.h"
#include "port/memif/link.h"
#include "tests/fuzz/fuzz.h"

#define SECRET "open sesame"

enum fuzz_memif_numbers {
	FLAG_SERVER = 1,
	FLAG_ORDERLY = 2,
	ATTACH_MAX = 3,
	REGION_SIZE = 65536,
	RING_OFFSET = 1152, /* of the second one, with 64 slots */
	RAW_MAX = 255,
	STEPS_MAX = 64,
};

enum step { STEP_RECORD, STEP_RAW, STEP_TIME, STEP_LEAVE, STEP_N };

enum gift {
	GIFT_MEMORY,
	GIFT_EVENT,
	GIFT_SHORT,
	GIFT_UNSEALED,
	GIFT_PIPE,
	GIFT_SOCKET,
	GIFT_DIRECTORY,
	GIFT_DEVICE,
	GIFT_N
};

struct input {
	const uint8_t *data;
	size_t size;
};

/* Made once for all inputs. */
struct world {
	int gift[GIFT_N];
	int listener_fd; /* the peer's, when it is the server */
	struct memif_poller poller;
	struct memif_listener listener;
	struct memif_socket_name name[2]; /* by whether the link is the server */
	bool is_ready;
};

struct play {
	struct input input;
	uint64_t now_ns;
	int fd; /* the peer's end, -1 when it is gone */
	struct memif_link link;
};

static struct world world;

static uint8_t next_byte(struct input *input)
{
	if (input->size == 0)
		return 0;
	input->size--;
	return *input->data++;
}

/* The world */

static int make_memory(size_t size, unsigned int flags)
{
	const uint32_t cookie = MEMIF_RING_COOKIE;
	int fd = memfd_create("fuzz", MFD_CLOEXEC | flags);

	require(fd >= 0 && ftruncate(fd, (off_t)size) == 0);
	require(pwrite(fd, &cookie, sizeof(cookie), 0) == sizeof(cookie));
	require(pwrite(fd, &cookie, sizeof(cookie), RING_OFFSET) ==
		sizeof(cookie));
	return fd;
}

static void make_gifts(void)
{
	int pipe_fd[2];

	require(pipe2(pipe_fd, O_CLOEXEC) == 0);
	world.gift[GIFT_MEMORY] = make_memory(REGION_SIZE, MFD_ALLOW_SEALING);
	world.gift[GIFT_EVENT] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	world.gift[GIFT_SHORT] = make_memory(2048, MFD_ALLOW_SEALING);
	world.gift[GIFT_UNSEALED] = make_memory(REGION_SIZE, 0);
	world.gift[GIFT_PIPE] = pipe_fd[0];
	world.gift[GIFT_SOCKET] =
		socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	world.gift[GIFT_DIRECTORY] = open("/", O_RDONLY | O_CLOEXEC);
	world.gift[GIFT_DEVICE] = open("/dev/zero", O_RDWR | O_CLOEXEC);
	for (int i = 0; i < GIFT_N; i++)
		require(world.gift[i] >= 0);
}

static struct memif_socket_name name_of(const char *format)
{
	struct memif_socket_name name;
	char text[64];
	int len = snprintf(text, sizeof(text), "@vif-fuzz-%s-%d", format,
			   (int)getpid());

	require(memif_socket_name_set(&name, text, (size_t)len, NULL) == 0);
	return name;
}

static void make_world(void)
{
	struct memif_listener_config config = { .adopt_fd = -1 };
	const struct memif_socket_name *peer = &world.name[0];

	world.name[0] = name_of("peer");
	world.name[1] = name_of("link");
	make_gifts();
	world.listener_fd = socket(
		AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	require(bind(world.listener_fd, (const void *)&peer->address,
		     peer->len) == 0);
	require(listen(world.listener_fd, 1) == 0);
	require(memif_poller_init(&world.poller, NULL) == 0);
	config.bind.name = world.name[1];
	config.bind.netns_fd = -1;
	require(memif_listener_init(&world.listener, &config, &world.poller,
				    NULL) == 0);
	world.is_ready = true;
}

/* The number that the next descriptor will have. */
static int next_fd(void)
{
	int fd = dup(world.listener_fd);

	require(fd >= 0);
	(void)close(fd);
	return fd;
}

/* The peer */

static void fill_orderly(struct memif_msg *msg, unsigned int type)
{
	msg->type = (enum memif_msg_type)type;
	if (type == MEMIF_MSG_HELLO) {
		msg->hello.min_version = MEMIF_MSG_VERSION;
		msg->hello.max_version = MEMIF_MSG_VERSION;
		msg->hello.max_log2_size = 6;
	} else if (type == MEMIF_MSG_INIT) {
		msg->init.version = MEMIF_MSG_VERSION;
		memcpy(msg->init.secret, SECRET, sizeof(SECRET));
	} else if (type == MEMIF_MSG_ADD_REGION) {
		msg->add_region.size = REGION_SIZE;
	} else if (type == MEMIF_MSG_ADD_RING) {
		msg->add_ring.flags = MEMIF_MSG_RING_C2S;
		msg->add_ring.log2_size = 6;
	}
}

static void send_raw(struct play *play, const uint8_t *bytes, size_t len,
		     uint8_t attachments)
{
	unsigned int n = attachments & ATTACH_MAX;
	int gift = world.gift[(attachments >> 2) % GIFT_N];
	union {
		char bytes[CMSG_SPACE(ATTACH_MAX * sizeof(int))];
		struct cmsghdr align;
	} control = { { 0 } };
	struct iovec iov = { (void *)bytes, len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *cmsg = &control.align;

	if (n > 0) {
		msg.msg_control = control.bytes;
		msg.msg_controllen = CMSG_SPACE(n * sizeof(int));
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(n * sizeof(int));
	}
	for (unsigned int i = 0; i < n; i++)
		memcpy(CMSG_DATA(cmsg) + i * sizeof(int), &gift, sizeof(gift));
	/* It may have been turned away. */
	(void)sendmsg(play->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void send_record(struct play *play)
{
	struct memif_msg msg = { 0 };
	uint8_t bytes[MEMIF_MSG_LEN];
	unsigned int type = next_byte(&play->input) % MEMIF_MSG_N;
	uint8_t attachments = next_byte(&play->input);
	unsigned int n = next_byte(&play->input) % 8;

	fill_orderly(&msg, type > 0 ? type : 1);
	memif_msg_encode(&msg, bytes);
	while (n-- > 0) {
		uint8_t at = next_byte(&play->input) % MEMIF_MSG_LEN;

		bytes[at] = next_byte(&play->input);
	}
	send_raw(play, bytes, sizeof(bytes), attachments);
}

static void send_bytes(struct play *play)
{
	uint8_t bytes[RAW_MAX];
	size_t len = next_byte(&play->input);
	uint8_t attachments = next_byte(&play->input);

	for (size_t i = 0; i < len; i++)
		bytes[i] = next_byte(&play->input);
	send_raw(play, bytes, len, attachments);
}

/* What the link has said: whole records, and no secret but a client's INIT. */
static void hear(struct play *play)
{
	struct memif_received received;
	struct memif_msg msg;

	while (memif_channel_receive(play->fd, &received) ==
	       MEMIF_CHANNEL_DONE) {
		require(received.len == MEMIF_MSG_LEN && !received.cut);
		require(received.n_fd <= 1);
		if (received.fd >= 0)
			(void)close(received.fd);
		require(memif_msg_decode(received.bytes, received.len, &msg) ==
			0);
		require(msg.type == MEMIF_MSG_INIT ||
			!memmem(received.bytes, received.len, SECRET,
				strlen(SECRET)));
		require(msg.type != MEMIF_MSG_DISCONNECT ||
			msg.disconnect.reason[0] != '\0');
	}
}

/* The link */

static void settle(struct play *play)
{
	for (int i = 0; i < 8; i++)
		(void)memif_poller_service(&world.poller, play->now_ns);
}

static void on_down(struct memif_link *link, void *user)
{
	(void)user;
	require(link->error.why[0] != '\0');
	require(!memif_link_rx_queue(link, 0));
}

/* What a server has let pass is what the queues rely on. */
static void on_up(struct memif_link *link, void *user)
{
	const struct memif_geometry *geometry = &link->handshake.geometry;

	(void)user;
	for (int to = 0; to < MEMIF_DIRECTIONS; to++)
		for (uint16_t i = 0; i < geometry->n_ring[to]; i++) {
			const struct memif_place *place =
				&geometry->ring[to][i];

			require(memif_regions_fit(&link->memory->regions,
						  place->region, place->offset,
						  place->log2_size,
						  geometry->line));
		}
	require(geometry->n_ring[0] + geometry->n_ring[1] > 0);
}

static void open_link(struct play *play, bool is_server)
{
	const struct memif_link_config config = {
		.role = is_server ? MEMIF_SERVER : MEMIF_CLIENT,
		.secret = SECRET,
		.socket = world.name[0],
		.netns_fd = -1,
		.no_retry = true,
		.log2_size = 6,
		.n_ring = { 2, 2 },
		.n_region_max = 3,
		.bytes_max = UINT64_C(1) << 20,
		.up = on_up,
		.down = on_down,
	};

	require(memif_link_init(&play->link, &config, &world.poller,
				is_server ? &world.listener : NULL, NULL) == 0);
	if (is_server) {
		play->fd = memif_channel_connect(&world.name[1], -1, NULL);
	} else {
		require(memif_link_request(&play->link, play->now_ns, NULL) ==
			0);
		play->fd = accept4(world.listener_fd, NULL, NULL, SOCK_CLOEXEC);
	}
	require(play->fd >= 0);
	settle(play);
}

static void do_step(struct play *play)
{
	switch (next_byte(&play->input) % STEP_N) {
	case STEP_RECORD:
		send_record(play);
		break;
	case STEP_RAW:
		send_bytes(play);
		break;
	case STEP_TIME:
		play->now_ns += 100 * MEMIF_MS * next_byte(&play->input);
		break;
	default:
		memif_link_disconnect(&play->link, play->now_ns, "fuzz");
	}
	settle(play);
	hear(play);
}

static void begin_orderly(struct play *play, bool is_server)
{
	struct memif_msg msg = { 0 };
	uint8_t bytes[MEMIF_MSG_LEN];

	fill_orderly(&msg, is_server ? MEMIF_MSG_INIT : MEMIF_MSG_HELLO);
	memif_msg_encode(&msg, bytes);
	send_raw(play, bytes, sizeof(bytes), 0);
	settle(play);
	hear(play);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct play play; /* large */
	uint8_t flags;
	bool is_server;
	int before;

	if (!world.is_ready)
		make_world();
	before = next_fd();
	/* Each input is alone in the world. */
	memset(&world.listener.guesses, 0, sizeof(world.listener.guesses));
	play = (struct play){ .input = { data, size }, .now_ns = MEMIF_MS };
	flags = next_byte(&play.input);
	is_server = flags & FLAG_SERVER;
	open_link(&play, is_server);
	hear(&play);
	if (flags & FLAG_ORDERLY)
		begin_orderly(&play, is_server);
	for (int i = 0; i < STEPS_MAX && play.input.size > 0; i++)
		do_step(&play);
	(void)close(play.fd);
	settle(&play);
	require(play.link.fd < 0 && play.link.received_fd < 0);
	require(play.link.state ==
		(is_server ? MEMIF_LINK_WAITING : MEMIF_LINK_OFF));
	require(play.link.last_down == MEMIF_DOWN_NONE ||
		play.link.error.why[0] != '\0');
	memif_link_fini(&play.link);
	require(world.listener.n_pending == 0);
	require(next_fd() == before);
	return 0;
}
