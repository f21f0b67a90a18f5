/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of links whose peers stop half way, or give what they should not. */
#include "port/memif/link.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/bits.h"
#include "port/memif/channel.h"
#include "port/memif/exchange.h"
#include "tests/memif/cord.h"

/* Peers that stop half way */

/* A machine of the other side, made to stop after some steps. */
struct puppet {
	struct memif_handshake handshake;
	struct memif_handshake_config config;
	struct memif_memory *memory;
	int fd;
	int received_fd;
};

static void puppet_start(struct puppet *puppet, const struct cord *cord, int fd)
{
	*puppet = (struct puppet){
		.config = {
			.role = MEMIF_CLIENT,
			.id = 7,
			.n_ring = { 1, 1 },
			.log2_size = 6,
			.line = 64,
			.timeout_ns = MEMIF_HANDSHAKE_NS,
		},
		.fd = fd,
		.received_fd = -1,
	};
	puppet->memory = memif_memory_new(MEMIF_CLIENT, 0, NULL);
	puppet->memory->buffer_size = 2048;
	memif_handshake_init_client(&puppet->handshake, &puppet->config);
	memif_handshake_start(&puppet->handshake, cord->now_ns);
}

/* Does one thing. Returns whether it did, and did not just wait. */
static bool puppet_step(struct puppet *puppet)
{
	struct memif_handshake *handshake = &puppet->handshake;
	struct memif_outgoing outgoing;

	switch (memif_handshake_want(handshake)) {
	case MEMIF_WANT_SEND:
		memif_handshake_outgoing(handshake, &outgoing);
		return memif_exchange_send(
			handshake, puppet->fd, &outgoing,
			memif_memory_fd(puppet->memory, &outgoing));
	case MEMIF_WANT_BUILD:
		assert_int_equal(memif_memory_build(puppet->memory,
						    &handshake->geometry,
						    false),
				 0);
		memif_handshake_done(handshake);
		return true;
	case MEMIF_WANT_UP:
		memif_handshake_done(handshake);
		return true;
	case MEMIF_WANT_RECORD:
		return memif_exchange_receive(handshake, puppet->fd,
					      &puppet->received_fd);
	default:
		return false;
	}
}

/* Closes without a word, as the kernel does for a process that was killed. */
static void puppet_kill(struct puppet *puppet)
{
	(void)close(puppet->fd);
	memif_memory_free(puppet->memory);
}

/* Whether it got so many steps far. */
static bool puppet_run(struct puppet *puppet, struct cord *cord, int n_step)
{
	while (n_step > 0) {
		cord_settle(cord);
		if (!puppet_step(puppet))
			return false;
		n_step--;
	}
	cord_settle(cord);
	return true;
}

static void a_client_dies_at_each_step(void **state)
{
	struct cord cord = cord_defaults();
	unsigned int before;
	int n_step = 0;
	bool further = true;

	(void)state;
	cord_open_listener(&cord);
	cord_open_end(&cord, SERVER);
	cord_settle(&cord);
	before = place_count_fds();
	for (; further; n_step++) {
		struct puppet puppet;

		puppet_start(&puppet, &cord, cord_connect(&cord));
		further = puppet_run(&puppet, &cord, n_step);
		puppet_kill(&puppet);
		cord_settle(&cord);
		assert_int_equal(server_of(&cord)->state, MEMIF_LINK_WAITING);
		assert_int_equal(cord.listener.n_pending, 0);
		assert_int_equal(place_count_fds(), before);
	}
	print_message("%d steps\n", n_step);
	assert_true(n_step > 10);
	assert_true(cord.end[SERVER].n_up > 0);
	/* Afterwards it is as good as new. */
	cord_open_end(&cord, CLIENT);
	cord_wait_up(&cord);
	cord_check_packets(&cord);
	cord_close(&cord);
}

/* Half way a client stops: others wait for the deadline, and not longer. */
static void a_client_hangs_at_each_step(void **state)
{
	(void)state;
	for (int n_step = 0;; n_step++) {
		struct cord cord = cord_defaults();
		struct puppet puppet;
		uint64_t start;

		cord_open_listener(&cord);
		cord_open_end(&cord, SERVER);
		puppet_start(&puppet, &cord, cord_connect(&cord));
		if (!puppet_run(&puppet, &cord, n_step) ||
		    cord.end[SERVER].n_up > 0) {
			assert_true(n_step > 10);
			puppet_kill(&puppet);
			cord_close(&cord);
			return;
		}
		start = cord.now_ns;
		cord_open_end(&cord, CLIENT);
		cord_wait_up(&cord);
		assert_true(cord.now_ns - start <=
			    MEMIF_HANDSHAKE_NS + 2 * MEMIF_RETRY_MAX_NS);
		puppet_kill(&puppet);
		cord_close(&cord);
	}
}

/* A server that speaks by hand. */
static int listen_by_hand(const struct cord *cord)
{
	const struct memif_socket_name *name = &cord->config[CLIENT].socket;
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	assert_int_equal(
		bind(fd, (const struct sockaddr *)&name->address, name->len),
		0);
	assert_int_equal(listen(fd, 1), 0);
	return fd;
}

static void say(int fd, unsigned int type, int pass_fd)
{
	struct memif_msg msg = { .type = (enum memif_msg_type)type };
	uint8_t bytes[MEMIF_MSG_LEN];

	if (type == MEMIF_MSG_HELLO) {
		msg.hello.min_version = msg.hello.max_version =
			MEMIF_MSG_VERSION;
		msg.hello.max_log2_size = 14;
	}
	memif_msg_encode(&msg, bytes);
	assert_int_equal(memif_channel_send(fd, bytes, pass_fd),
			 MEMIF_CHANNEL_DONE);
}

/* Reads and closes whatever the client has sent. */
static void swallow(int fd)
{
	struct memif_received received;

	while (memif_channel_receive(fd, &received) == MEMIF_CHANNEL_DONE)
		if (received.fd >= 0)
			(void)close(received.fd);
}

static void a_server_dies_at_each_step(void **state)
{
	static const unsigned int said[] = {
		MEMIF_MSG_HELLO, MEMIF_MSG_ACK, MEMIF_MSG_ACK,
		MEMIF_MSG_ACK,   MEMIF_MSG_ACK, MEMIF_MSG_CONNECTED
	};
	static const char *const hints[] = {
		"", "id=", "id=", "queues=", "queues=", "", "",
	};
	struct cord cord = cord_defaults();
	int listener = listen_by_hand(&cord);
	unsigned int before = 0;

	(void)state;
	cord.config[CLIENT].no_retry = true;
	cord_open_end(&cord, CLIENT);
	for (size_t n = 0; n <= ARRAY_LEN(said); n++) {
		int fd;

		if (n == 1)
			before = place_count_fds();
		(void)memif_link_request(client_of(&cord), cord.now_ns, NULL);
		fd = accept(listener, NULL, NULL);
		for (size_t i = 0; i < n; i++) {
			say(fd, said[i], -1);
			cord_settle(&cord);
			swallow(fd);
		}
		/* The last answer may be there together with the end. */
		(void)close(fd);
		cord_settle(&cord);
		assert_int_equal(client_of(&cord)->state, MEMIF_LINK_OFF);
		assert_int_equal(client_of(&cord)->last_down, MEMIF_DOWN_EOF);
		print_message("%s\n", client_of(&cord)->error.why);
		if (n < ARRAY_LEN(hints) && hints[n][0])
			assert_non_null(
				strstr(client_of(&cord)->error.hint, hints[n]));
		if (n >= 1)
			assert_int_equal(place_count_fds(), before);
	}
	assert_int_equal(cord.end[CLIENT].n_up, 1);
	cord_close_end(&cord, CLIENT);
	memif_poller_fini(&cord.poller);
	(void)close(listener);
}

/* libmemif, for an id that it does not have. */
static void ack_together_with_the_end(void **state)
{
	struct cord cord = cord_defaults();
	int listener = listen_by_hand(&cord);
	int fd;

	(void)state;
	cord_open_end(&cord, CLIENT);
	cord_settle(&cord);
	fd = accept(listener, NULL, NULL);
	say(fd, MEMIF_MSG_HELLO, -1);
	cord_settle(&cord);
	swallow(fd);
	say(fd, MEMIF_MSG_ACK, -1);
	(void)close(fd);
	cord_settle(&cord);
	assert_int_equal(client_of(&cord)->last_down, MEMIF_DOWN_EOF);
	assert_non_null(strstr(client_of(&cord)->error.hint, "id="));
	assert_int_equal(client_of(&cord)->state, MEMIF_LINK_WAITING);
	cord_close_end(&cord, CLIENT);
	memif_poller_fini(&cord.poller);
	(void)close(listener);
}

/* The reason counts, though what was sent before it was refused. */
static void a_reason_together_with_the_end(void **state)
{
	struct cord cord = cord_defaults();
	int listener = listen_by_hand(&cord);
	int fd;

	(void)state;
	cord_open_end(&cord, CLIENT);
	cord_settle(&cord);
	fd = accept(listener, NULL, NULL);
	say(fd, MEMIF_MSG_HELLO, -1);
	cord_settle(&cord);
	say(fd, MEMIF_MSG_ACK, -1);
	say(fd, MEMIF_MSG_DISCONNECT, -1);
	(void)close(fd); /* INIT is unread */
	cord_settle(&cord);
	assert_int_equal(client_of(&cord)->last_down, MEMIF_DOWN_PEER);
	cord_close_end(&cord, CLIENT);
	memif_poller_fini(&cord.poller);
	(void)close(listener);
}

static void a_server_that_hangs(void **state)
{
	struct cord cord = cord_defaults();
	int listener = listen_by_hand(&cord);
	uint64_t start = cord.now_ns;
	int fd;

	(void)state;
	cord_open_end(&cord, CLIENT);
	cord_settle(&cord);
	fd = accept(listener, NULL, NULL);
	say(fd, MEMIF_MSG_HELLO, -1);
	cord_settle(&cord);
	assert_true(cord_skip(&cord));
	assert_int_equal(cord.now_ns - start, MEMIF_HANDSHAKE_NS);
	assert_int_equal(client_of(&cord)->last_down, MEMIF_DOWN_TIMEOUT);
	assert_non_null(strstr(client_of(&cord)->error.hint, "hang"));
	cord_expect_record(fd, MEMIF_MSG_INIT, NULL);
	cord_expect_record(fd, MEMIF_MSG_DISCONNECT, "stuck after our INIT");
	cord_close_end(&cord, CLIENT);
	memif_poller_fini(&cord.poller);
	(void)close(fd);
	(void)close(listener);
}

static void descriptors_for_a_client_are_closed(void **state)
{
	struct cord cord = cord_defaults();
	int listener = listen_by_hand(&cord);
	unsigned int before;
	int fd;

	(void)state;
	cord_open_end(&cord, CLIENT);
	before = place_count_fds();
	cord_settle(&cord);
	fd = accept(listener, NULL, NULL);
	say(fd, MEMIF_MSG_HELLO, fd);
	cord_settle(&cord);
	assert_int_equal(client_of(&cord)->last_down, MEMIF_DOWN_FD_EXTRA);
	cord_expect_record(fd, MEMIF_MSG_DISCONNECT, "HELLO with 1 desc");
	(void)close(fd);
	assert_int_equal(place_count_fds(), before);
	cord_close_end(&cord, CLIENT);
	memif_poller_fini(&cord.poller);
	(void)close(listener);
}

/* What a client may send as memory and as events */

enum gift {
	GIFT_GOOD,
	GIFT_SHORT,
	GIFT_UNSEALABLE,
	GIFT_PIPE,
	GIFT_SOCKET,
	GIFT_EVENT_AS_REGION,
	GIFT_REGION_AS_EVENT,
	GIFT_NO_COOKIE,
};

struct gift_case {
	enum gift gift;
	enum memif_down down;
};

static const struct gift_case gift_cases[] = {
	{ GIFT_SHORT, MEMIF_DOWN_REGION_FILE },
	{ GIFT_UNSEALABLE, MEMIF_DOWN_REGION_FILE },
	{ GIFT_PIPE, MEMIF_DOWN_REGION_FILE },
	{ GIFT_SOCKET, MEMIF_DOWN_REGION_FILE },
	{ GIFT_EVENT_AS_REGION, MEMIF_DOWN_REGION_FILE },
	{ GIFT_REGION_AS_EVENT, MEMIF_DOWN_RING_EVENT },
	{ GIFT_NO_COOKIE, MEMIF_DOWN_COOKIE },
};

static int region_gift(enum gift gift)
{
	int pipe_fd[2];
	int fd;

	switch (gift) {
	case GIFT_EVENT_AS_REGION:
		return eventfd(0, EFD_CLOEXEC);
	case GIFT_SOCKET:
		return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	case GIFT_PIPE:
		assert_int_equal(pipe(pipe_fd), 0);
		(void)close(pipe_fd[1]);
		return pipe_fd[0];
	case GIFT_UNSEALABLE:
		fd = memfd_create("gift", MFD_CLOEXEC);
		break;
	default:
		fd = memfd_create("gift", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	}
	assert_int_equal(ftruncate(fd, gift == GIFT_SHORT ? 4095 : 65536), 0);
	return fd;
}

/* INIT, a region, two rings, CONNECT; each answered, until the end. */
static void give(int fd, struct cord *cord, enum gift gift)
{
	struct memif_msg msg[] = {
		{ .type = MEMIF_MSG_INIT,
		  .init = { .id = 7, .version = MEMIF_MSG_VERSION } },
		{ .type = MEMIF_MSG_ADD_REGION, .add_region = { 65536, 0 } },
		{ .type = MEMIF_MSG_ADD_RING,
		  .add_ring = { .flags = 1, .log2_size = 6 } },
		{ .type = MEMIF_MSG_ADD_RING,
		  .add_ring = { .offset = 1152, .log2_size = 6 } },
		{ .type = MEMIF_MSG_CONNECT },
	};

	cord_settle(cord);
	for (size_t i = 0; i < ARRAY_LEN(msg); i++) {
		uint8_t bytes[MEMIF_MSG_LEN];
		int pass_fd = -1;

		if (msg[i].type == MEMIF_MSG_ADD_REGION ||
		    gift == GIFT_REGION_AS_EVENT)
			pass_fd = region_gift(gift);
		else if (msg[i].type == MEMIF_MSG_ADD_RING)
			pass_fd = eventfd(0, EFD_CLOEXEC);
		if (msg[i].type == MEMIF_MSG_INIT ||
		    msg[i].type == MEMIF_MSG_CONNECT) {
			if (pass_fd >= 0)
				(void)close(pass_fd);
			pass_fd = -1;
		}
		memif_msg_encode(&msg[i], bytes);
		(void)memif_channel_send(fd, bytes, pass_fd);
		if (pass_fd >= 0)
			(void)close(pass_fd);
		cord_settle(cord);
	}
}

static void bad_gifts_are_refused(void **state)
{
	struct cord cord = cord_defaults();
	unsigned int before;

	(void)state;
	cord_open_listener(&cord);
	cord_open_end(&cord, SERVER);
	before = place_count_fds();
	for (size_t i = 0; i < ARRAY_LEN(gift_cases); i++) {
		const struct gift_case *c = &gift_cases[i];
		int fd = cord_connect(&cord);

		give(fd, &cord, c->gift);
		assert_int_equal(server_of(&cord)->last_down, c->down);
		assert_int_equal(
			counter_read(&server_of(&cord)->downs[c->down]) > 0,
			true);
		assert_int_equal(server_of(&cord)->state, MEMIF_LINK_WAITING);
		(void)close(fd);
		assert_int_equal(place_count_fds(), before);
	}
	cord_close(&cord);
}

#define PLACED(test) \
	cmocka_unit_test_setup_teardown(test, place_make, place_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PLACED(a_client_dies_at_each_step),
		PLACED(a_client_hangs_at_each_step),
		PLACED(a_server_dies_at_each_step),
		PLACED(ack_together_with_the_end),
		PLACED(a_reason_together_with_the_end),
		PLACED(a_server_that_hangs),
		PLACED(descriptors_for_a_client_are_closed),
		PLACED(bad_gifts_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
