/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of control channels over real sockets, of their names, and of polls. */
#include "port/memif/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/bits.h"
#include "port/memif/limits.h"
#include "port/memif/poller.h"
#include "tests/memif/place.h"

enum test_numbers {
	FDS_MAX = 253,
};

struct pair {
	int a;
	int b;
};

static struct pair make_pair(void)
{
	int fd[2];

	assert_int_equal(
		socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fd), 0);
	return (struct pair){ fd[0], fd[1] };
}

static void close_pair(const struct pair *pair)
{
	(void)close(pair->a);
	(void)close(pair->b);
}

/* A record of len bytes with n descriptors. */
static void send_raw(int fd, size_t len, unsigned int n)
{
	static char bytes[4096];
	union {
		char bytes[CMSG_SPACE(FDS_MAX * sizeof(int))];
		struct cmsghdr align;
	} control = { { 0 } };
	struct iovec iov = { bytes, len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (n > 0) {
		struct cmsghdr *cmsg = &control.align;

		msg.msg_control = control.bytes;
		msg.msg_controllen = CMSG_SPACE(n * sizeof(int));
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(n * sizeof(int));
		for (unsigned int i = 0; i < n; i++)
			memcpy(CMSG_DATA(cmsg) + i * sizeof(int), &fd,
			       sizeof(fd));
	}
	assert_int_equal(sendmsg(fd, &msg, 0), len);
}

static void records_pass(void **state)
{
	struct pair pair = make_pair();
	uint8_t bytes[MEMIF_MSG_LEN];
	struct memif_received received;
	int event_fd = eventfd(0, EFD_CLOEXEC);
	eventfd_t value;

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)i;
	assert_int_equal(memif_channel_receive(pair.b, &received),
			 MEMIF_CHANNEL_LATER);
	assert_int_equal(memif_channel_send(pair.a, bytes, -1),
			 MEMIF_CHANNEL_DONE);
	assert_int_equal(memif_channel_send(pair.a, bytes, event_fd),
			 MEMIF_CHANNEL_DONE);

	assert_int_equal(memif_channel_receive(pair.b, &received),
			 MEMIF_CHANNEL_DONE);
	assert_int_equal(received.len, MEMIF_MSG_LEN);
	assert_memory_equal(received.bytes, bytes, sizeof(bytes));
	assert_int_equal(received.n_fd, 0);
	assert_int_equal(received.fd, -1);
	assert_false(received.cut);

	assert_int_equal(memif_channel_receive(pair.b, &received),
			 MEMIF_CHANNEL_DONE);
	assert_int_equal(received.n_fd, 1);
	assert_true(fcntl(received.fd, F_GETFD) & FD_CLOEXEC);
	/* It is the same eventfd. */
	assert_int_equal(eventfd_write(received.fd, 5), 0);
	assert_int_equal(eventfd_read(event_fd, &value), 0);
	assert_int_equal(value, 5);
	(void)close(received.fd);
	(void)close(event_fd);

	assert_int_equal(memif_channel_receive(pair.b, &received),
			 MEMIF_CHANNEL_LATER);
	(void)close(pair.a);
	assert_int_equal(memif_channel_receive(pair.b, &received),
			 MEMIF_CHANNEL_EOF);
	(void)close(pair.b);
}

static void descriptors_do_not_leak(void **state)
{
	static const unsigned int counts[] = { 0, 1, 2, 3, 64, FDS_MAX };
	static const size_t lengths[] = { 1, 127, 128, 129, 4096 };
	unsigned int before = place_count_fds();
	struct pair pair = make_pair();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(counts); i++)
		for (size_t k = 0; k < ARRAY_LEN(lengths); k++) {
			struct memif_received received;

			send_raw(pair.a, lengths[k], counts[i]);
			assert_int_equal(
				memif_channel_receive(pair.b, &received),
				MEMIF_CHANNEL_DONE);
			assert_int_equal(received.len, lengths[k]);
			assert_int_equal(received.n_fd, counts[i]);
			assert_int_equal(received.fd >= 0, counts[i] > 0);
			assert_false(received.cut);
			if (received.fd >= 0)
				(void)close(received.fd);
		}
	/* One without bytes, though with descriptors, is the end. */
	send_raw(pair.a, 0, 3);
	assert_int_equal(
		memif_channel_receive(pair.b, &(struct memif_received){ 0 }),
		MEMIF_CHANNEL_EOF);
	close_pair(&pair);
	assert_int_equal(place_count_fds(), before);
}

/* There is room for two descriptors, and four come. */
static void missing_descriptors_are_noticed(void **state)
{
	struct pair pair = make_pair();
	struct rlimit old, few;
	struct memif_received received;
	unsigned int before = place_count_fds();
	int highest = open("/dev/null", O_RDONLY | O_CLOEXEC);

	(void)state;
	assert_true(highest >= 0);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	few = old;
	few.rlim_cur = (rlim_t)highest + 2;
	(void)close(highest);
	send_raw(pair.a, MEMIF_MSG_LEN, 4);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	assert_int_equal(memif_channel_receive(pair.b, &received),
			 MEMIF_CHANNEL_DONE);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	assert_true(received.cut);
	assert_true(received.n_fd < 4);
	if (received.fd >= 0)
		(void)close(received.fd);
	close_pair(&pair);
	assert_int_equal(place_count_fds(), before - 2);
}

static void credentials_do_no_harm(void **state)
{
	struct pair pair = make_pair();
	const int on = 1;
	struct memif_received received;

	(void)state;
	assert_int_equal(
		setsockopt(pair.b, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)),
		0);
	send_raw(pair.a, MEMIF_MSG_LEN, FDS_MAX);
	assert_int_equal(memif_channel_receive(pair.b, &received),
			 MEMIF_CHANNEL_DONE);
	assert_int_equal(received.n_fd, FDS_MAX);
	assert_false(received.cut);
	(void)close(received.fd);
	close_pair(&pair);
}

static void a_full_socket_is_no_error(void **state)
{
	struct pair pair = make_pair();
	const uint8_t bytes[MEMIF_MSG_LEN] = { 0 };
	struct memif_received received;
	int r, n = 0;

	(void)state;
	while ((r = memif_channel_send(pair.a, bytes, -1)) ==
	       MEMIF_CHANNEL_DONE)
		n++;
	assert_int_equal(r, MEMIF_CHANNEL_LATER);
	assert_true(n > 0);
	while (n-- > 0)
		assert_int_equal(memif_channel_receive(pair.b, &received),
				 MEMIF_CHANNEL_DONE);
	assert_int_equal(memif_channel_send(pair.a, bytes, -1),
			 MEMIF_CHANNEL_DONE);
	close_pair(&pair);
}

static void a_peer_that_is_gone(void **state)
{
	struct pair pair = make_pair();
	const uint8_t bytes[MEMIF_MSG_LEN] = { 0 };

	(void)state;
	(void)close(pair.b);
	assert_int_equal(memif_channel_send(pair.a, bytes, -1), -EPIPE);
	(void)close(pair.a);
}

/* The last word arrives, whatever we left unread, and however we close. */
static void the_last_word_arrives(void **state)
{
	(void)state;
	for (int careless = 0; careless < 2; careless++) {
		struct pair pair = make_pair();
		uint8_t bytes[MEMIF_MSG_LEN] = { MEMIF_MSG_DISCONNECT };
		struct memif_received received;

		for (int i = 0; i < 5; i++)
			send_raw(pair.b, MEMIF_MSG_LEN, 2);
		assert_int_equal(memif_channel_send(pair.a, bytes, -1),
				 MEMIF_CHANNEL_DONE);
		if (careless)
			(void)close(pair.a);
		else
			memif_channel_close(pair.a);
		assert_int_equal(memif_channel_receive(pair.b, &received),
				 MEMIF_CHANNEL_DONE);
		assert_int_equal(received.bytes[0], MEMIF_MSG_DISCONNECT);
		(void)close(pair.b);
	}
}

/* Names */

static void names_are_understood(void **state)
{
	const size_t head = offsetof(struct sockaddr_un, sun_path);
	struct memif_socket_name name;

	(void)state;
	assert_int_equal(memif_socket_name_set(&name, "/run/x", 6, NULL), 0);
	assert_false(memif_socket_name_is_abstract(&name));
	assert_string_equal(name.text, "/run/x");
	assert_string_equal(name.address.sun_path, "/run/x");
	assert_int_equal(name.len, head + 7);

	assert_int_equal(memif_socket_name_set(&name, "@abc", 4, NULL), 0);
	assert_true(memif_socket_name_is_abstract(&name));
	assert_string_equal(name.text, "@abc");
	assert_memory_equal(name.address.sun_path, "\0abc", 4);
	assert_int_equal(name.len, head + 4);

	/* The same, spelled with NUL, and padded. */
	assert_int_equal(memif_socket_name_set(&name, "\0abc", 4, NULL), 0);
	assert_string_equal(name.text, "@abc");
	assert_int_equal(name.len, head + 4);
	assert_int_equal(memif_socket_name_set(&name, "\0abc\0\0", 6, NULL), 0);
	assert_int_equal(name.len, head + 4);
	assert_int_equal(memif_socket_name_set(&name, "/a\0\0", 4, NULL), 0);
	assert_int_equal(name.len, head + 3);
}

static void names_are_refused(void **state)
{
	char long_name[110];
	struct memif_socket_name name;
	struct vif_error error;

	(void)state;
	assert_int_equal(memif_socket_name_set(&name, "", 0, &error), -EINVAL);
	assert_int_equal(memif_socket_name_set(&name, "@", 1, &error), -EINVAL);
	assert_int_equal(memif_socket_name_set(&name, "\0\0\0", 3, &error),
			 -EINVAL);
	assert_int_equal(memif_socket_name_set(&name, "a\0b", 3, &error),
			 -EINVAL);
	assert_int_equal(memif_socket_name_set(&name, "@a\0b", 4, &error),
			 -EINVAL);
	assert_string_equal(error.why, "there is a NUL in it");
	memset(long_name, 'x', sizeof(long_name));
	assert_int_equal(memif_socket_name_set(&name, long_name, 107, &error),
			 0);
	assert_int_equal(memif_socket_name_set(&name, long_name, 108, &error),
			 -ENAMETOOLONG);
	long_name[0] = '@';
	assert_int_equal(memif_socket_name_set(&name, long_name, 108, &error),
			 0);
	assert_int_equal(name.len, sizeof(struct sockaddr_un));
	assert_int_equal(memif_socket_name_set(&name, long_name, 109, &error),
			 -ENAMETOOLONG);
	assert_non_null(strstr(error.hint, "107"));
}

/* Connecting */

static int listen_on(const char *text, int type)
{
	const struct memif_socket_name name = place_name(text);
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(
		bind(fd, (const struct sockaddr *)&name.address, name.len), 0);
	assert_int_equal(listen(fd, 0), 0);
	return fd;
}

static void expect_refusal(const char *text, int code, const char *words)
{
	const struct memif_socket_name name = place_name(text);
	struct vif_error error = { .code = 0 };

	assert_int_equal(memif_channel_connect(&name, -1, &error), code);
	print_message("%s: %s: %s\n  hint: %s\n", error.where, error.what,
		      error.why, error.hint);
	assert_int_equal(error.code, code);
	assert_string_equal(error.where, text);
	assert_true(strstr(error.hint, words) || strstr(error.why, words));
}

static void connecting_says_what_is_wrong(void **state)
{
	int fd;

	(void)state;
	expect_refusal(place_path("none"), -ENOENT, "is it running");
	expect_refusal(place_path("none"), -ENOENT, "role=server");
	expect_refusal(place_abstract("none"), -ECONNREFUSED, "role=server");
	expect_refusal(place_abstract("none"), -ECONNREFUSED, "namespace");

	fd = listen_on(place_abstract("a"), SOCK_SEQPACKET);
	expect_refusal(place_path("a"), -ENOENT, place_abstract("a"));
	(void)close(fd);
	expect_refusal(place_path("a"), -ENOENT, "is it running");

	fd = listen_on(place_path("p"), SOCK_SEQPACKET);
	expect_refusal(place_abstract("p"), -ECONNREFUSED, "leave the @ away");
	(void)close(fd);
	expect_refusal(place_path("p"), -ECONNREFUSED, "left behind");
	fd = listen_on(place_abstract("p"), SOCK_SEQPACKET);
	expect_refusal(place_path("p"), -ECONNREFUSED, place_abstract("p"));
	(void)close(fd);

	fd = listen_on(place_path("stream"), SOCK_STREAM);
	expect_refusal(place_path("stream"), -EPROTOTYPE, "another kind");
	expect_refusal(place_abstract("stream"), -ECONNREFUSED, "namespace");
	(void)close(fd);

	fd = open(place_path("file"), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	(void)close(fd);
	expect_refusal(place_path("file"), -ECONNREFUSED, "it is no socket");
	expect_refusal(place_path("file"), -ECONNREFUSED, "very socket");
}

static void a_full_queue_is_worth_another_try(void **state)
{
	int listener = listen_on(place_abstract("busy"), SOCK_SEQPACKET);
	const struct memif_socket_name name =
		place_name(place_abstract("busy"));
	int first = memif_channel_connect(&name, -1, NULL);

	(void)state;
	assert_true(first >= 0);
	expect_refusal(place_abstract("busy"), -EAGAIN, "busy");
	(void)close(first);
	(void)close(listener);
}

/* Polling */

struct seen {
	struct memif_watch watch;
	struct seen *victim; /* removed by the call */
	unsigned int n;
	uint32_t events;
	uint64_t again_ns;
};

static void note(struct memif_watch *watch, uint32_t events, uint64_t now_ns)
{
	struct seen *seen = container_of(watch, struct seen, watch);

	(void)now_ns;
	seen->n++;
	seen->events = events;
	if (seen->again_ns)
		watch->deadline_ns = seen->again_ns;
	if (seen->victim)
		memif_watch_remove(&seen->victim->watch);
}

static void deadlines_are_served(void **state)
{
	struct memif_poller poller;
	struct seen a = { .watch.call = note }, b = { .watch.call = note };

	(void)state;
	assert_int_equal(memif_poller_init(&poller, NULL), 0);
	memif_watch_add(&poller, &a.watch);
	memif_watch_add(&poller, &b.watch);
	assert_true(memif_poller_service(&poller, 1) == MEMIF_NEVER);
	a.watch.deadline_ns = 10;
	b.watch.deadline_ns = 20;
	assert_int_equal(memif_poller_service(&poller, 9), 10);
	assert_int_equal(memif_poller_service(&poller, 10), 20);
	assert_int_equal(a.n, 1);
	assert_int_equal(a.events, 0);
	assert_int_equal(b.n, 0);
	/* One that is due at once again does not keep the others waiting. */
	a.again_ns = 5;
	a.watch.deadline_ns = 5;
	assert_int_equal(memif_poller_service(&poller, 30), 5);
	assert_int_equal(a.n, 2);
	assert_int_equal(b.n, 1);
	/* Each may remove the other, or itself. */
	a.again_ns = 0;
	a.watch.deadline_ns = b.watch.deadline_ns = 40;
	a.victim = &b;
	b.victim = &a;
	assert_true(memif_poller_service(&poller, 40) == MEMIF_NEVER);
	assert_int_equal(a.n + b.n, 4);
	a.victim = &a;
	memif_watch_remove(&a.watch);
	memif_watch_add(&poller, &a.watch);
	a.watch.deadline_ns = 50;
	(void)memif_poller_service(&poller, 50);
	memif_watch_remove(&b.watch);
	memif_poller_fini(&poller);
	memif_poller_fini(&poller);
}

static void descriptors_are_served(void **state)
{
	struct memif_poller poller;
	struct seen a = { .watch.call = note }, b = { .watch.call = note };
	int fd[2] = { eventfd(1, EFD_CLOEXEC), eventfd(1, EFD_CLOEXEC) };
	struct pollfd outside;

	(void)state;
	assert_int_equal(memif_poller_init(&poller, NULL), 0);
	memif_watch_add(&poller, &a.watch);
	memif_watch_add(&poller, &b.watch);
	outside = (struct pollfd){ poller.fd, POLLIN, 0 };
	assert_int_equal(poll(&outside, 1, 0), 0);
	assert_int_equal(memif_watch_fd(&a.watch, fd[0], EPOLLIN), 0);
	assert_int_equal(memif_watch_fd(&b.watch, fd[1], EPOLLIN), 0);
	assert_int_equal(poll(&outside, 1, 0), 1);
	a.victim = &b;
	b.victim = &a;
	(void)memif_poller_service(&poller, 1);
	/* Only one was left to be called, though both were ready. */
	assert_true((a.n == 0) != (b.n == 0));
	memif_watch_remove(&a.watch);
	memif_watch_remove(&b.watch);
	assert_int_equal(poll(&outside, 1, 0), 0);

	a = (struct seen){ .watch.call = note };
	memif_watch_add(&poller, &a.watch);
	assert_int_equal(memif_watch_fd(&a.watch, fd[0], EPOLLIN), 0);
	assert_int_equal(memif_watch_fd(&a.watch, fd[0], EPOLLOUT), 0);
	(void)memif_poller_service(&poller, 1);
	assert_int_equal(a.events, EPOLLOUT);
	assert_int_equal(memif_watch_fd(&a.watch, -1, 0), 0);
	a.n = 0;
	assert_true(memif_poller_service(&poller, 1) == MEMIF_NEVER);
	assert_int_equal(a.n, 0);
	/* A file cannot be polled. */
	assert_int_equal(memif_watch_fd(&a.watch, 10000, EPOLLIN), -EBADF);
	memif_watch_remove(&a.watch);
	memif_poller_fini(&poller);
	(void)close(fd[0]);
	(void)close(fd[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_pass),
		cmocka_unit_test(descriptors_do_not_leak),
		cmocka_unit_test(missing_descriptors_are_noticed),
		cmocka_unit_test(credentials_do_no_harm),
		cmocka_unit_test(a_full_socket_is_no_error),
		cmocka_unit_test(a_peer_that_is_gone),
		cmocka_unit_test(the_last_word_arrives),
		cmocka_unit_test(names_are_understood),
		cmocka_unit_test(names_are_refused),
		cmocka_unit_test_setup_teardown(connecting_says_what_is_wrong,
						place_make, place_remove),
		cmocka_unit_test_setup_teardown(
			a_full_queue_is_worth_another_try, place_make,
			place_remove),
		cmocka_unit_test(deadlines_are_served),
		cmocka_unit_test(descriptors_are_served),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
