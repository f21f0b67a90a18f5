/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of listening sockets, and of clients that are turned away. */
#include "port/memif/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bits.h"
#include "port/memif/channel.h"
#include "tests/memif/cord.h"

static struct stat stat_of(const char *path)
{
	struct stat info;

	assert_int_equal(lstat(path, &info), 0);
	return info;
}

static bool exists(const char *path)
{
	struct stat info;

	return lstat(path, &info) == 0;
}

static int bind_raw(const char *text, int type)
{
	const struct memif_socket_name name = place_name(text);
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	assert_int_equal(
		bind(fd, (const struct sockaddr *)&name.address, name.len), 0);
	return fd;
}

static void expect_refusal(struct cord *cord, int code, const char *words)
{
	struct memif_listener listener;
	struct vif_error error;
	unsigned int before = place_count_fds();

	assert_int_equal(memif_listener_init(&listener, &cord->listener_config,
					     &cord->poller, &error),
			 code);
	print_message("%s: %s: %s\n  hint: %s\n", error.where, error.what,
		      error.why, error.hint);
	assert_true(strstr(error.why, words) || strstr(error.hint, words));
	memif_listener_fini(&listener);
	assert_int_equal(place_count_fds(), before);
}

static void open_poller(struct cord *cord)
{
	assert_int_equal(memif_poller_init(&cord->poller, NULL), 0);
}

/* A crash leaves the file; the next server takes the name. */
static void a_stale_path_is_replaced(void **state)
{
	struct cord cord = cord_defaults();
	int fd = bind_raw(place_path("s"), SOCK_SEQPACKET);

	(void)state;
	assert_int_equal(listen(fd, 1), 0);
	(void)close(fd);
	assert_true(exists(place_path("s")));
	cord_open(&cord);
	cord_wait_up(&cord);
	cord_close(&cord);
	assert_false(exists(place_path("s")));
}

static void a_live_path_is_not_replaced(void **state)
{
	struct cord cord = cord_defaults();
	int fd = bind_raw(place_path("s"), SOCK_SEQPACKET);

	(void)state;
	open_poller(&cord);
	assert_int_equal(listen(fd, 5), 0);
	expect_refusal(&cord, -EADDRINUSE, "role=client");
	/* It was not even disturbed. */
	assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(accept(fd, NULL, NULL), -1);
	assert_int_equal(errno, EAGAIN);
	assert_true(exists(place_path("s")));
	memif_poller_fini(&cord.poller);
	(void)close(fd);
}

/* Listened on under another spelling, which only a connection can tell. */
static void a_live_path_of_another_spelling(void **state)
{
	struct cord cord = cord_defaults();
	char other[200];
	int fd;

	(void)state;
	(void)snprintf(other, sizeof(other), "/tmp/./%s",
		       place_path("s") + strlen("/tmp/"));
	fd = bind_raw(other, SOCK_SEQPACKET);
	open_poller(&cord);
	assert_int_equal(listen(fd, 5), 0);
	assert_true(exists(place_path("s")));
	expect_refusal(&cord, -EADDRINUSE, "role=client");
	assert_true(exists(place_path("s")));
	memif_poller_fini(&cord.poller);
	(void)close(fd);
}

struct other_file {
	const char *path; /* made by make_others() */
	int code;
	const char *why;
	const char *hint;
};

static const struct other_file others[] = {
	{ "file", -EEXIST, "there is a file, which is no socket", "remove it" },
	{ "link", -EEXIST, "there is a symbolic link, which is no socket",
	  "remove it" },
	{ "pipe", -EEXIST, "there is a pipe, which is no socket",
	  "another path" },
	{ "dir", -EEXIST, "there is a directory, which is no socket",
	  "/dir/memif.sock" },
	{ "stream", -EADDRINUSE, "a socket of another kind listens there",
	  "another path" },
};

/* Returns the descriptor that keeps the last of them alive. */
static int make_others(void)
{
	int fd = open(place_path("file"), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	(void)close(fd);
	assert_int_equal(symlink("elsewhere", place_path("link")), 0);
	assert_int_equal(mkfifo(place_path("pipe"), 0600), 0);
	assert_int_equal(mkdir(place_path("dir"), 0700), 0);
	fd = bind_raw(place_path("stream"), SOCK_STREAM);
	assert_int_equal(listen(fd, 1), 0);
	return fd;
}

static void other_files_are_not_replaced(void **state)
{
	struct cord cord = cord_defaults();
	int fd = make_others();

	(void)state;
	open_poller(&cord);
	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		const char *path = place_path(others[i].path);

		cord.listener_config.bind.name = place_name(path);
		expect_refusal(&cord, others[i].code, others[i].why);
		expect_refusal(&cord, others[i].code, others[i].hint);
		assert_true(exists(path));
	}
	(void)close(fd);
	assert_int_equal(rmdir(place_path("dir")), 0);
	cord.listener_config.bind.name = place_name(place_path("no/s"));
	expect_refusal(&cord, -ENOENT, "directory");
	memif_poller_fini(&cord.poller);
}

static void an_abstract_name_is_there_once(void **state)
{
	struct cord cord = cord_defaults();

	(void)state;
	cord.listener_config.bind.name = place_name(place_abstract("s"));
	cord_open_listener(&cord);
	expect_refusal(&cord, -EADDRINUSE, "role=client");
	memif_listener_fini(&cord.listener);
	cord_open_listener(&cord);
	memif_listener_fini(&cord.listener);
	memif_poller_fini(&cord.poller);
}

/* Not what another server has put there meanwhile. */
static void only_our_own_path_is_removed(void **state)
{
	struct cord cord = cord_defaults();
	int fd;

	(void)state;
	cord_open_listener(&cord);
	assert_int_equal(unlink(place_path("s")), 0);
	fd = bind_raw(place_path("s"), SOCK_SEQPACKET);
	memif_listener_fini(&cord.listener);
	assert_true(exists(place_path("s")));
	(void)close(fd);
	memif_poller_fini(&cord.poller);
}

static void modes_are_as_told(void **state)
{
	static const mode_t modes[] = { 0, 0600, 0660, 0666, 0777, 0200 };
	mode_t old = umask(0027);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
		struct cord cord = cord_defaults();

		cord.listener_config.bind.mode = modes[i];
		cord_open_listener(&cord);
		assert_int_equal(stat_of(place_path("s")).st_mode & 07777,
				 modes[i] ? modes[i] : 0600);
		memif_listener_fini(&cord.listener);
		memif_poller_fini(&cord.poller);
	}
	(void)umask(old);
}

static void owners_are_as_told(void **state)
{
	struct cord cord = cord_defaults();

	(void)state;
	cord.listener_config.bind.chown = true;
	cord.listener_config.bind.uid = geteuid() == 0 ? 4711 : (uid_t)-1;
	cord.listener_config.bind.gid = getegid();
	cord_open_listener(&cord);
	assert_int_equal(stat_of(place_path("s")).st_uid,
			 geteuid() == 0 ? 4711 : geteuid());
	assert_int_equal(stat_of(place_path("s")).st_gid, getegid());
	memif_listener_fini(&cord.listener);
	memif_poller_fini(&cord.poller);
}

/* Adoption, as for a program that is started by its first client */

static void a_listening_socket_is_adopted(void **state)
{
	struct cord cord = cord_defaults();
	int fd = bind_raw(place_path("s"), SOCK_SEQPACKET);

	(void)state;
	assert_int_equal(listen(fd, 5), 0);
	cord.listener_config.adopt_fd = fd;
	memset(&cord.listener_config.bind, 0,
	       sizeof(cord.listener_config.bind));
	cord_open(&cord);
	assert_string_equal(cord.listener.name.text, place_path("s"));
	cord_wait_up(&cord);
	cord_check_packets(&cord);
	cord_close(&cord);
	/* Whoever made the path removes it. */
	assert_true(exists(place_path("s")));
	assert_int_equal(fcntl(fd, F_GETFD), -1);
}

static void only_listening_sockets_are_adopted(void **state)
{
	struct cord cord = cord_defaults();
	int fd[] = {
		bind_raw(place_path("a"), SOCK_SEQPACKET),
		bind_raw(place_path("b"), SOCK_STREAM),
		open("/dev/null", O_RDONLY | O_CLOEXEC),
		socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0),
		9999,
	};

	(void)state;
	open_poller(&cord);
	assert_int_equal(listen(fd[1], 1), 0);
	for (size_t i = 0; i < ARRAY_LEN(fd); i++) {
		cord.listener_config.adopt_fd = fd[i];
		expect_refusal(&cord, -EINVAL, "listening socket");
		if (fd[i] != 9999)
			assert_int_equal(close(fd[i]), 0);
	}
	memif_poller_fini(&cord.poller);
}

/* Clients */

static void send_msg(int fd, const struct memif_msg *msg)
{
	uint8_t bytes[MEMIF_MSG_LEN];

	memif_msg_encode(msg, bytes);
	assert_int_equal(memif_channel_send(fd, bytes, -1), MEMIF_CHANNEL_DONE);
}

static void send_init(int fd, uint32_t id, const char *secret)
{
	struct memif_msg msg = {
		.type = MEMIF_MSG_INIT,
		.init = { .id = id, .version = MEMIF_MSG_VERSION },
	};

	memcpy(msg.init.secret, secret, strlen(secret));
	send_msg(fd, &msg);
}

static void expect_end(int fd)
{
	struct memif_received received;

	assert_int_equal(memif_channel_receive(fd, &received),
			 MEMIF_CHANNEL_EOF);
	(void)close(fd);
}

static void hello_says_what_there_is(void **state)
{
	struct cord cord = cord_defaults();
	struct memif_received received;
	struct memif_msg msg;
	int fd;

	(void)state;
	cord.config[SERVER].n_ring[MEMIF_C2S] = 3;
	cord.config[SERVER].n_ring[MEMIF_S2C] = 5;
	cord_open_listener(&cord);
	cord_open_end(&cord, SERVER);
	fd = cord_connect(&cord);
	cord_settle(&cord);
	assert_int_equal(memif_channel_receive(fd, &received),
			 MEMIF_CHANNEL_DONE);
	assert_int_equal(memif_msg_decode(received.bytes, received.len, &msg),
			 0);
	assert_int_equal(msg.type, MEMIF_MSG_HELLO);
	assert_string_equal(msg.hello.name, "cord");
	assert_int_equal(msg.hello.max_c2s_ring, 2);
	assert_int_equal(msg.hello.max_s2c_ring, 4);
	assert_int_equal(msg.hello.max_region, 255);
	assert_true(msg.hello.max_log2_size >= 14);
	(void)close(fd);
	cord_close(&cord);
}

static void wrong_first_words(void **state)
{
	struct cord cord = cord_defaults();
	unsigned int before;

	(void)state;
	cord_open_listener(&cord);
	cord_open_end(&cord, SERVER);
	before = place_count_fds();
	for (unsigned int type = 1; type < MEMIF_MSG_N; type++) {
		const struct memif_msg msg = {
			.type = (enum memif_msg_type)type
		};
		int fd = cord_connect(&cord);

		if (type == MEMIF_MSG_INIT) {
			(void)close(fd);
			continue;
		}
		cord_settle(&cord);
		cord_expect_record(fd, MEMIF_MSG_HELLO, NULL);
		send_msg(fd, &msg);
		cord_settle(&cord);
		if (type != MEMIF_MSG_DISCONNECT)
			cord_expect_record(fd, MEMIF_MSG_DISCONNECT,
					   "unexpected");
		expect_end(fd);
	}
	assert_int_equal(
		counter_read(&cord.listener.downs[MEMIF_DOWN_RECORD_ORDER]), 6);
	assert_int_equal(counter_read(&cord.listener.downs[MEMIF_DOWN_PEER]),
			 1);
	assert_int_equal(place_count_fds(), before);
	cord_close(&cord);
}

static void clients_that_say_nothing(void **state)
{
	struct cord cord = cord_defaults();
	uint64_t start = cord.now_ns;
	int fd;

	(void)state;
	cord_open_listener(&cord);
	cord_open_end(&cord, SERVER);
	fd = cord_connect(&cord);
	cord_settle(&cord);
	cord_expect_record(fd, MEMIF_MSG_HELLO, NULL);
	assert_true(cord_skip(&cord));
	assert_int_equal(cord.now_ns - start, MEMIF_HANDSHAKE_NS);
	cord_expect_record(fd, MEMIF_MSG_DISCONNECT, "stuck after our HELLO");
	expect_end(fd);
	assert_false(cord_skip(&cord));
	assert_int_equal(cord.listener.n_pending, 0);
	cord_close(&cord);
}

/* However many there are, an honest client comes through at once. */
static void a_crowd_keeps_nobody_out(void **state)
{
	struct cord cord = cord_defaults();
	int fd[100];

	(void)state;
	cord_open_listener(&cord);
	cord_open_end(&cord, SERVER);
	for (size_t i = 0; i < ARRAY_LEN(fd); i++) {
		fd[i] = cord_connect(&cord);
		cord_settle(&cord);
		assert_true(cord.listener.n_pending <= MEMIF_PENDING_DEFAULT);
	}
	assert_int_equal(counter_read(&cord.listener.downs[MEMIF_DOWN_CROWD]),
			 ARRAY_LEN(fd) - MEMIF_PENDING_DEFAULT);
	cord_expect_record(fd[0], MEMIF_MSG_HELLO, NULL);
	cord_expect_record(fd[0], MEMIF_MSG_DISCONNECT, "too many clients");
	cord_open_end(&cord, CLIENT);
	cord_settle(&cord);
	assert_true(cord_is_up(&cord));
	for (size_t i = 0; i < ARRAY_LEN(fd); i++)
		(void)close(fd[i]);
	cord_settle(&cord);
	assert_int_equal(cord.listener.n_pending, 0);
	cord_close(&cord);
}

/* One that has said what it wants is not sent away for a newer one. */
static void who_has_spoken_is_heard_first(void **state)
{
	struct cord cord = cord_defaults();
	int first, fd;

	(void)state;
	cord.listener_config.n_pending_max = 1;
	cord_open_listener(&cord);
	cord_open_end(&cord, SERVER);
	first = cord_connect(&cord);
	cord_settle(&cord);
	send_init(first, 7, "");
	fd = cord_connect(&cord);
	cord_settle(&cord);
	assert_int_equal(server_of(&cord)->state, MEMIF_LINK_CONNECTING);
	assert_int_equal(counter_read(&cord.listener.downs[MEMIF_DOWN_CROWD]),
			 0);
	(void)close(fd);
	(void)close(first);
	cord_close(&cord);
}

static void strangers_are_turned_away(void **state)
{
	(void)state;
	for (int by_group = 0; by_group < 2; by_group++)
		for (int allowed = 0; allowed < 2; allowed++) {
			struct cord cord = cord_defaults();
			struct memif_allow *allow = &cord.listener_config.allow;

			allow->n_uid = 2;
			allow->uid[0] = geteuid() + 1;
			allow->uid[1] = geteuid() + (by_group || !allowed);
			allow->n_gid = 1;
			allow->gid[0] = getegid() + !(by_group && allowed);
			cord_open(&cord);
			cord_settle(&cord);
			assert_int_equal(cord_is_up(&cord), allowed);
			assert_int_equal(
				counter_read(
					&cord.listener.downs[MEMIF_DOWN_USER]),
				!allowed);
			if (!allowed)
				assert_non_null(
					strstr(client_of(&cord)->error.why,
					       "may not connect"));
			cord_close(&cord);
		}
}

/* Even the right one is not looked at, until some time has passed. */
static void guessing_is_slow(void **state)
{
	struct cord cord = cord_defaults();

	(void)state;
	cord.config[SERVER].secret = "open sesame";
	cord_open_listener(&cord);
	cord_open_end(&cord, SERVER);
	for (int i = 0; i < 20; i++) {
		int fd = cord_connect(&cord);
		bool is_early = i < MEMIF_GUESSES_MAX;

		cord_settle(&cord);
		cord_expect_record(fd, MEMIF_MSG_HELLO, NULL);
		send_init(fd, 7, is_early ? "guess" : "open sesame");
		cord_settle(&cord);
		cord_expect_record(fd, MEMIF_MSG_DISCONNECT,
				   is_early ? "incorrect secret" :
					      "too many incorrect");
		expect_end(fd);
	}
	cord.config[CLIENT].secret = "open sesame";
	cord.now_ns += MEMIF_GUESS_NS;
	cord_open_end(&cord, CLIENT);
	cord_settle(&cord);
	assert_true(cord_is_up(&cord));
	assert_int_equal(
		counter_read(&server_of(&cord)->downs[MEMIF_DOWN_SECRET_WRONG]),
		MEMIF_GUESSES_MAX);
	assert_int_equal(
		counter_read(&server_of(&cord)->downs[MEMIF_DOWN_SECRET_RATE]),
		20 - MEMIF_GUESSES_MAX);
	cord_close(&cord);
}

/* No descriptors left */

static void set_limit(rlim_t n)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = n;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static void clients_without_descriptors_for_them(void **state)
{
	struct cord cord = cord_defaults();
	struct rlimit old;
	int fd[5], highest;

	(void)state;
	cord_open_listener(&cord);
	cord_open_end(&cord, SERVER);
	cord_settle(&cord);
	for (size_t i = 0; i < ARRAY_LEN(fd); i++)
		fd[i] = cord_connect(&cord);
	highest = dup(0);
	(void)close(highest);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	set_limit((rlim_t)highest);
	/* They are all turned away, and nothing spins. */
	cord_settle(&cord);
	set_limit(old.rlim_cur);
	assert_int_equal(counter_read(&cord.listener.n_no_fd), ARRAY_LEN(fd));
	for (size_t i = 0; i < ARRAY_LEN(fd); i++)
		expect_end(fd[i]);
	cord_open_end(&cord, CLIENT);
	cord_wait_up(&cord);
	cord_close(&cord);
}

/* The reserve could not be taken back, either: it waits for better times. */
static void without_even_a_reserve(void **state)
{
	struct cord cord = cord_defaults();
	struct rlimit old;
	int fd, highest;
	uint64_t before = cord.now_ns;

	(void)state;
	cord_open_listener(&cord);
	cord_open_end(&cord, SERVER);
	fd = cord_connect(&cord);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	highest = cord.listener.reserve_fd;
	(void)close(highest);
	cord.listener.reserve_fd = -1;
	set_limit(0);
	cord_settle(&cord);
	assert_int_equal(counter_read(&cord.listener.n_accepted), 0);
	set_limit(old.rlim_cur);
	assert_true(cord_skip(&cord));
	assert_int_equal(cord.now_ns - before, MEMIF_ACCEPT_NS);
	assert_int_equal(counter_read(&cord.listener.n_accepted), 1);
	cord_expect_record(fd, MEMIF_MSG_HELLO, NULL);
	(void)close(fd);
	cord_open_end(&cord, CLIENT);
	cord_wait_up(&cord);
	cord_close(&cord);
}

static void pending_clients_are_told_of_the_end(void **state)
{
	struct cord cord = cord_defaults();
	unsigned int before = place_count_fds();
	int fd[3];

	(void)state;
	cord_open_listener(&cord);
	for (size_t i = 0; i < ARRAY_LEN(fd); i++)
		fd[i] = cord_connect(&cord);
	cord_settle(&cord);
	memif_listener_fini(&cord.listener);
	memif_poller_fini(&cord.poller);
	for (size_t i = 0; i < ARRAY_LEN(fd); i++) {
		cord_expect_record(fd[i], MEMIF_MSG_HELLO, NULL);
		cord_expect_record(fd[i], MEMIF_MSG_DISCONNECT, "leaving");
		expect_end(fd[i]);
	}
	assert_int_equal(place_count_fds(), before);
}

#define PLACED(test) \
	cmocka_unit_test_setup_teardown(test, place_make, place_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PLACED(a_stale_path_is_replaced),
		PLACED(a_live_path_is_not_replaced),
		PLACED(a_live_path_of_another_spelling),
		PLACED(other_files_are_not_replaced),
		PLACED(an_abstract_name_is_there_once),
		PLACED(only_our_own_path_is_removed),
		PLACED(modes_are_as_told),
		PLACED(owners_are_as_told),
		PLACED(a_listening_socket_is_adopted),
		PLACED(only_listening_sockets_are_adopted),
		PLACED(hello_says_what_there_is),
		PLACED(wrong_first_words),
		PLACED(clients_that_say_nothing),
		PLACED(a_crowd_keeps_nobody_out),
		PLACED(who_has_spoken_is_heard_first),
		PLACED(strangers_are_turned_away),
		PLACED(guessing_is_slow),
		PLACED(clients_without_descriptors_for_them),
		PLACED(without_even_a_reserve),
		PLACED(pending_clients_are_told_of_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
