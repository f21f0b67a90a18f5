/* SPDX-License-Identifier: Apache-2.0 */
/* Contexts, sockets and interfaces of a program: coming, going, asking. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/bits.h"
#include "tests/memif/ends.h"

static void a_pair_comes_and_goes(bool is_shared, const char *path)
{
	unsigned int before = place_count_fds();
	struct pair pair;

	pair_init(&pair);
	pair.is_shared = is_shared;
	(void)snprintf(pair.path, sizeof(pair.path), "%s", path);
	pair_open(&pair);
	pair_connect(&pair);
	pair_check(&pair);
	assert_int_equal(pair.end[SERVER].n_connect, 1);
	assert_int_equal(pair.end[CLIENT].n_connect, 1);
	pair_close(&pair);
	/* The client went first, and was told by itself. */
	assert_int_equal(pair.end[CLIENT].n_disconnect, 1);
	assert_string_equal(pair.end[CLIENT].reason, "the interface is closed");
	assert_int_equal(pair.end[SERVER].n_disconnect, 1);
	assert_int_equal(pair.end[SERVER].n_failure, 0);
	assert_int_equal(pair.end[CLIENT].n_failure, 0);
	assert_int_equal(place_count_fds(), before);
	if (path[0] != '@')
		assert_int_equal(access(path, F_OK), -1);
}

static void pairs_come_and_go(void **state)
{
	char path[128];

	(void)state;
	(void)snprintf(path, sizeof(path), "%s", place_path("s"));
	a_pair_comes_and_goes(false, path);
	a_pair_comes_and_goes(true, path);
	(void)snprintf(path, sizeof(path), "%s", place_abstract("s"));
	a_pair_comes_and_goes(false, path);
	a_pair_comes_and_goes(true, path);
}

/* Freeing a context is enough. */
static void a_context_takes_all_with_it(void **state)
{
	unsigned int before = place_count_fds();
	struct pair pair;

	(void)state;
	pair_init(&pair);
	pair.is_shared = true;
	pair_open(&pair);
	pair_connect(&pair);
	assert_int_equal(vif_memif_socket_close(pair.end[SERVER].socket),
			 -EBUSY);
	vif_memif_free(pair.end[SERVER].memif);
	assert_int_equal(pair.end[SERVER].n_disconnect, 1);
	assert_int_equal(pair.end[CLIENT].n_disconnect, 1);
	vif_batch_free(pair.batch[SERVER]);
	vif_batch_free(pair.batch[CLIENT]);
	assert_int_equal(place_count_fds(), before);
	vif_memif_free(NULL);
	vif_memif_close(NULL);
	assert_int_equal(vif_memif_socket_close(NULL), 0);
}

enum { MANY = 8 };

static bool all_up(const struct end *end)
{
	for (int i = 0; i < 2 * MANY; i++)
		if (vif_memif_state(end[i].interface) != VIF_MEMIF_CONNECTED)
			return false;
	return true;
}

/* One socket of one context has servers, and the clients that meet them. */
static void many_interfaces_on_one_socket(void **state)
{
	struct end end[2 * MANY] = { { .user = NULL } };
	uint64_t end_ns = ends_now_ns() + ENDS_PATIENCE_MS * 1000000ull;

	(void)state;
	end_open_context(&end[0]);
	end_open_socket(&end[0], place_path("s"));
	for (uint32_t i = 0; i < 2 * MANY; i++) {
		end[i].memif = end[0].memif;
		end[i].socket = end[0].socket;
		end[i].config.role =
			i % 2 ? VIF_MEMIF_SERVER : VIF_MEMIF_CLIENT;
		end[i].config.id = i / 2 * 1000;
		end_open(&end[i]);
	}
	while (!all_up(end)) {
		assert_true(ends_now_ns() < end_ns);
		assert_true(vif_memif_poll(end[0].memif, 100) >= 0);
	}
	for (int i = 0; i < 2 * MANY; i += 2) {
		char text[8];

		assert_int_equal(
			vif_memif_write(end[i].interface, 0, &i, sizeof(i)), 1);
		assert_int_equal(vif_memif_read(end[i + 1].interface, 0, text,
						sizeof(text)),
				 sizeof(i));
		assert_memory_equal(text, &i, sizeof(i));
	}
	vif_memif_free(end[0].memif);
}

/* The program's own loop: one descriptor and one deadline for everything. */
static void a_loop_of_the_program(void **state)
{
	struct pair pair;
	struct vif_memif *memif;
	uint64_t deadline_ns = 0;
	struct pollfd fd = { .events = POLLIN };
	uint64_t end_ns = ends_now_ns() + ENDS_PATIENCE_MS * 1000000ull;

	(void)state;
	pair_init(&pair);
	pair.is_shared = true;
	pair_open(&pair);
	memif = pair.end[SERVER].memif;
	fd.fd = vif_memif_fd(memif);
	while (!pair_is_up(&pair)) {
		uint64_t now_ns = ends_now_ns();
		uint64_t left_ms =
			deadline_ns > now_ns ?
				(deadline_ns - now_ns) / 1000000 + 1 :
				0;

		assert_true(now_ns < end_ns);
		(void)poll(&fd, 1, left_ms < 1000 ? (int)left_ms : 1000);
		vif_memif_service(memif, ends_now_ns(), &deadline_ns);
	}
	/* Connected, and nothing to do: no deadline, nothing to read. */
	vif_memif_service(memif, ends_now_ns(), &deadline_ns);
	assert_true(deadline_ns == UINT64_MAX);
	assert_int_equal(poll(&fd, 1, 0), 0);
	assert_int_equal(vif_memif_poll(memif, 0), 0);
	assert_int_equal(vif_memif_poll(memif, 5), 0);
	pair_close(&pair);
}

/* What a callback closes, opens, and asks for */

static void close_itself(struct end *end)
{
	struct vif_memif_interface *interface = end->interface;

	end->interface = NULL;
	vif_memif_close(interface);
}

static void disconnect(struct end *end)
{
	vif_memif_disconnect(end->interface, "not today");
}

static bool client_was_up(const struct pair *pair)
{
	return pair->end[CLIENT].n_connect > 0 &&
	       pair->end[CLIENT].n_disconnect > 0;
}

static void close_in_on_connect(void **state)
{
	struct pair pair;

	(void)state;
	for (int i = 0; i < 2; i++) {
		pair_init(&pair);
		pair.is_shared = i > 0;
		pair.end[CLIENT].connected = close_itself;
		pair_open(&pair);
		pair_until(&pair, client_was_up);
		assert_int_equal(pair.end[CLIENT].n_connect, 1);
		assert_int_equal(pair.end[CLIENT].n_disconnect, 1);
		pair_close(&pair);
		assert_int_equal(pair.end[CLIENT].n_disconnect, 1);
	}
}

static bool server_is_alone(const struct pair *pair)
{
	return pair->end[SERVER].n_disconnect > 0;
}

/* By a call of the program, and in a service. */
static void close_in_on_disconnect(void **state)
{
	struct pair pair;

	(void)state;
	for (int i = 0; i < 2; i++) {
		pair_init(&pair);
		pair.is_shared = i > 0;
		pair.end[SERVER].disconnected = close_itself;
		pair_open(&pair);
		pair_connect(&pair);
		vif_memif_disconnect(pair.end[i].interface, "enough");
		pair_until(&pair, server_is_alone);
		assert_null(pair.end[SERVER].interface);
		assert_string_equal(pair.end[SERVER].reason,
				    i == SERVER ? "enough" :
						  "the peer says: enough");
		pair_close(&pair);
	}
}

static void close_in_on_failure(void **state)
{
	struct end end = { .failed = close_itself };

	(void)state;
	end_open_context(&end);
	end_open_socket(&end, place_path("nobody"));
	end_open(&end);
	assert_int_equal(vif_memif_poll(end.memif, ENDS_PATIENCE_MS), 1);
	assert_int_equal(end.n_failure, 1);
	assert_null(end.interface);
	assert_int_equal(vif_memif_socket_close(end.socket), 0);
	assert_int_equal(vif_memif_poll(end.memif, 0), 0);
	vif_memif_free(end.memif);
}

/* A server that is its own successor: the id is free at once. */
static void open_again(struct end *end)
{
	struct vif_memif_socket *socket = end->socket;

	if (end->n_disconnect > 1)
		return;
	vif_memif_close(end->interface);
	end->interface = NULL;
	end_open(end);
	assert_int_equal(vif_memif_socket_close(socket), -EBUSY);
}

static bool is_up_again(const struct pair *pair)
{
	return pair->end[SERVER].n_connect == 2 &&
	       pair->end[CLIENT].n_connect == 2;
}

static void replace_in_on_disconnect(void **state)
{
	struct pair pair;

	(void)state;
	pair_init(&pair);
	pair.end[SERVER].disconnected = open_again;
	pair_open(&pair);
	pair_connect(&pair);
	vif_memif_disconnect(pair.end[CLIENT].interface, "again");
	pair_until(&pair, is_up_again);
	pair_check(&pair);
	pair_close(&pair);
}

static void close_socket_too(struct end *end)
{
	close_itself(end);
	assert_int_equal(vif_memif_socket_close(end->socket), 0);
	end->socket = NULL;
}

static void close_the_socket_in_a_callback(void **state)
{
	struct pair pair;

	(void)state;
	pair_init(&pair);
	pair.end[SERVER].disconnected = close_socket_too;
	pair_open(&pair);
	pair_connect(&pair);
	vif_memif_disconnect(pair.end[CLIENT].interface, "leave");
	pair_until(&pair, server_is_alone);
	assert_int_equal(access(pair.path, F_OK), -1);
	/* The name is free. */
	end_open_socket(&pair.end[SERVER], pair.path);
	pair.end[SERVER].disconnected = NULL;
	end_open(&pair.end[SERVER]);
	pair_connect(&pair);
	pair_close(&pair);
}

static void disconnect_in_on_connect(void **state)
{
	struct pair pair;

	(void)state;
	pair_init(&pair);
	pair.end[SERVER].connected = disconnect;
	pair_open(&pair);
	pair_until(&pair, client_was_up);
	assert_string_equal(pair.end[CLIENT].reason,
			    "the peer says: not today");
	pair_close(&pair);
}

/* Connecting when told to, and only then */

static void connect_when_told(void **state)
{
	struct pair pair;
	struct vif_memif_interface *client, *server;

	(void)state;
	pair_init(&pair);
	pair.is_shared = true;
	pair.end[CLIENT].config.no_retry = true;
	pair_open(&pair);
	client = pair.end[CLIENT].interface;
	server = pair.end[SERVER].interface;
	(void)vif_memif_poll(pair.end[SERVER].memif, 0);
	(void)vif_memif_poll(pair.end[SERVER].memif, 0);
	assert_int_equal(vif_memif_state(client), VIF_MEMIF_IDLE);
	assert_int_equal(vif_memif_connect(server), -EINVAL);
	assert_int_equal(vif_memif_connect(client), 0);
	pair_connect(&pair);
	assert_int_equal(vif_memif_connect(client), -EISCONN);
	vif_memif_disconnect(client, "done");
	assert_int_equal(pair.end[CLIENT].n_disconnect, 1);
	assert_string_equal(pair.end[CLIENT].reason, "done");
	while (vif_memif_poll(pair.end[SERVER].memif, 0) > 0)
		;
	assert_int_equal(vif_memif_state(client), VIF_MEMIF_IDLE);
	assert_int_equal(vif_memif_state(server), VIF_MEMIF_IDLE);
	assert_int_equal(vif_memif_connect(client), 0);
	pair_connect(&pair);
	pair_check(&pair);
	pair_close(&pair);
}

/* Failures: each reason once, with what to do */

struct mistake {
	const char *what;
	struct vif_memif_interface_config server;
	struct vif_memif_interface_config client;
	const char *why; /* part of what the client is told */
};

static const struct mistake mistakes[] = {
	{ "secret",
	  { .role = VIF_MEMIF_SERVER, .secret = "a" },
	  { .secret = "b" },
	  "incorrect secret" },
	{ "id",
	  { .role = VIF_MEMIF_SERVER, .id = 1 },
	  { .id = 2 },
	  "no interf" },
	{ "mode",
	  { .role = VIF_MEMIF_SERVER },
	  { .mode = VIF_MEMIF_IP },
	  "mode mismatch" },
};

static bool has_failed(const struct pair *pair)
{
	return pair->end[CLIENT].n_failure > 0;
}

static uint64_t n_failures(const struct end *end)
{
	struct vif_memif_details details;

	vif_memif_details(end->interface, &details);
	return details.failures;
}

static bool has_failed_thrice(const struct pair *pair)
{
	return n_failures(&pair->end[CLIENT]) >= 3;
}

static void failures_are_told_once(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(mistakes); i++) {
		const struct mistake *mistake = &mistakes[i];
		struct vif_memif_details details;
		struct pair pair;

		print_message("%s\n", mistake->what);
		pair_init(&pair);
		pair.end[SERVER].config = mistake->server;
		pair.end[CLIENT].config = mistake->client;
		pair_open(&pair);
		pair_until(&pair, has_failed);
		assert_non_null(
			strstr(pair.end[CLIENT].failure.why, mistake->why));
		assert_true(pair.end[CLIENT].failure.hint[0] != '\0');
		pair_until(&pair, has_failed_thrice);
		assert_int_equal(pair.end[CLIENT].n_failure, 1);
		assert_int_equal(pair.end[CLIENT].n_connect, 0);
		assert_true(pair.end[SERVER].n_failure <= 1);
		vif_memif_details(pair.end[CLIENT].interface, &details);
		assert_non_null(strstr(details.reason, mistake->why));
		pair_close(&pair);
	}
}

/* Details */

static void check_details(const struct pair *pair, enum ends_side side)
{
	struct vif_memif_details details;

	vif_memif_details(pair->end[side].interface, &details);
	assert_int_equal(details.state, VIF_MEMIF_CONNECTED);
	assert_int_equal(details.role,
			 side == SERVER ? VIF_MEMIF_SERVER : VIF_MEMIF_CLIENT);
	assert_int_equal(details.mode, VIF_MEMIF_IP);
	assert_int_equal(details.id, 77);
	assert_true(details.has_secret);
	assert_string_equal(details.socket, pair->path);
	assert_string_equal(details.app_name, "vif");
	assert_string_equal(details.peer_app, "vif");
	assert_string_equal(details.name, side == SERVER ? "left" : "right");
	assert_string_equal(details.peer_name,
			    side == SERVER ? "right" : "left");
	assert_int_equal(details.n_rx, side == SERVER ? 2 : 3);
	assert_int_equal(details.n_tx, side == SERVER ? 3 : 2);
	assert_int_equal(details.n_region, 1);
	assert_true(details.region_len >= (uint64_t)5 * 256 * 4096);
	assert_int_equal(details.connects, 1);
	assert_int_equal(details.failures, 0);
}

static void check_queues(const struct pair *pair)
{
	const struct vif_memif_interface *server = pair->end[SERVER].interface;
	struct vif_memif_queue_details queue;

	assert_int_equal(vif_memif_rx_details(server, 2, &queue), -EINVAL);
	assert_int_equal(vif_memif_tx_details(server, 3, &queue), -EINVAL);
	assert_int_equal(vif_memif_rx_details(server, 1, &queue), 0);
	assert_int_equal(queue.ring, 256);
	assert_int_equal(queue.head, 2);
	assert_int_equal(queue.tail, 2);
	assert_int_equal(queue.packets, 2);
	assert_int_equal(queue.bytes, 300);
	assert_int_equal(queue.fd, vif_memif_rx_fd(server, 1));
	assert_int_equal(
		vif_memif_tx_details(pair->end[CLIENT].interface, 1, &queue),
		0);
	assert_int_equal(queue.buffer, 4096);
	assert_int_equal(queue.packets, 2);
}

static void details(void **state)
{
	struct vif_memif_queue_details queue;
	struct vif_memif_details after;
	struct pair pair;

	(void)state;
	pair_init(&pair);
	pair.end[SERVER].config = (struct vif_memif_interface_config){
		.role = VIF_MEMIF_SERVER,
		.mode = VIF_MEMIF_IP,
		.id = 77,
		.name = "left",
		.secret = "s",
		.n_rx = 2,
		.n_tx = 4,
	};
	pair.end[CLIENT].config = (struct vif_memif_interface_config){
		.mode = VIF_MEMIF_IP,
		.id = 77,
		.name = "right",
		.secret = "s",
		.n_rx = 3,
		.n_tx = 4,
		.ring_log2 = 8,
		.buffer = 4096,
	};
	pair_open(&pair);
	assert_int_equal(
		vif_memif_rx_details(pair.end[SERVER].interface, 0, &queue),
		-ENOTCONN);
	pair_connect(&pair);
	pair_pass(&pair, CLIENT, 1, 100);
	pair_pass(&pair, CLIENT, 1, 200);
	check_details(&pair, SERVER);
	check_details(&pair, CLIENT);
	check_queues(&pair);
	vif_memif_disconnect(pair.end[SERVER].interface, "bye");
	pair_until(&pair, is_up_again);
	vif_memif_details(pair.end[CLIENT].interface, &after);
	assert_string_equal(after.reason, "the peer says: bye");
	assert_int_equal(after.connects, 2);
	assert_int_equal(after.failures, 0);
	/* Packets are counted for the life of the interface. */
	assert_int_equal(
		vif_memif_rx_details(pair.end[SERVER].interface, 1, &queue), 0);
	assert_int_equal(queue.packets, 2);
	assert_int_equal(queue.head, 0);
	pair_close(&pair);
	assert_string_equal(vif_memif_state_name(VIF_MEMIF_CLOSING), "closing");
	assert_string_equal(vif_memif_state_name((enum vif_memif_state)9), "?");
}

/* Sockets */

static int listen_at(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%.107s",
		       path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)),
			 0);
	assert_int_equal(listen(fd, 4), 0);
	return fd;
}

/* As from a service manager. It serves one server after the other. */
static void adopt_a_descriptor(void **state)
{
	struct vif_memif_socket_config config = { .size = sizeof(config),
						  .has_listen_fd = true };
	unsigned int before = place_count_fds();
	struct vif_memif_details details;
	struct pair pair;

	(void)state;
	pair_init(&pair);
	config.listen_fd = listen_at(pair.path);
	end_open_context(&pair.end[SERVER]);
	assert_int_equal(vif_memif_socket_open(pair.end[SERVER].memif, &config,
					       &pair.end[SERVER].socket, NULL),
			 0);
	pair.end[CLIENT].memif = pair.end[SERVER].memif;
	pair.is_shared = true;
	end_open_socket(&pair.end[CLIENT], pair.path);
	for (int i = 0; i < SIDES; i++) {
		assert_int_equal(vif_batch_new(1, 1, &pair.batch[i]), 0);
		end_open(&pair.end[i]);
	}
	pair_connect(&pair);
	vif_memif_details(pair.end[SERVER].interface, &details);
	assert_string_equal(details.socket, pair.path);
	vif_memif_close(pair.end[SERVER].interface);
	assert_int_equal(vif_memif_socket_fd(pair.end[SERVER].socket), -1);
	pair.end[SERVER].interface = NULL;
	end_open(&pair.end[SERVER]);
	assert_true(vif_memif_socket_fd(pair.end[SERVER].socket) >= 0);
	pair_until(&pair, is_up_again);
	pair_close(&pair);
	assert_int_equal(place_count_fds(), before);
	/* It is not ours to remove. */
	assert_int_equal(access(pair.path, F_OK), 0);
}

static void refuse_other_descriptors(void **state)
{
	struct vif_memif_socket_config config = { .size = sizeof(config),
						  .has_listen_fd = true };
	struct end end = { .config.role = VIF_MEMIF_SERVER };
	struct vif_memif_interface *interface = NULL;
	struct vif_error error;

	(void)state;
	end_open_context(&end);
	config.listen_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	assert_int_equal(
		vif_memif_socket_open(end.memif, &config, &end.socket, &error),
		-EINVAL);
	/* It was not taken. */
	config.path = place_path("s");
	assert_int_equal(
		vif_memif_socket_open(end.memif, &config, &end.socket, &error),
		0);
	assert_int_equal(
		vif_memif_open(end.socket, &end.config, &interface, &error),
		-EINVAL);
	end.config.size = sizeof(end.config);
	assert_int_equal(
		vif_memif_open(end.socket, &end.config, &interface, &error),
		-EINVAL);
	assert_true(error.why[0] != '\0');
	vif_memif_free(end.memif);
	assert_int_equal(fcntl(config.listen_fd, F_GETFD), -1);
}

static bool client_is_refused(const struct pair *pair)
{
	return strstr(pair->end[CLIENT].failure.why, "user may not") != NULL;
}

static void allow_lists(void **state)
{
	const uint32_t me = (uint32_t)geteuid(), other = me + 1;
	struct vif_memif_socket_config config = { .size = sizeof(config) };
	struct pair pair;

	(void)state;
	for (int i = 0; i < 2; i++) {
		pair_init(&pair);
		config.path = pair.path;
		config.uid = i == 0 ? &other : &me;
		config.n_uid = 1;
		end_open_context(&pair.end[SERVER]);
		end_open_context(&pair.end[CLIENT]);
		assert_int_equal(
			vif_memif_socket_open(pair.end[SERVER].memif, &config,
					      &pair.end[SERVER].socket, NULL),
			0);
		end_open_socket(&pair.end[CLIENT], pair.path);
		end_open(&pair.end[SERVER]);
		end_open(&pair.end[CLIENT]);
		pair_until(&pair, i == 0 ? client_is_refused : pair_is_up);
		pair_close(&pair);
	}
	end_open_context(&pair.end[SERVER]);
	config.n_uid = 17;
	assert_int_equal(vif_memif_socket_open(pair.end[SERVER].memif, &config,
					       &pair.end[SERVER].socket, NULL),
			 -EINVAL);
	vif_memif_free(pair.end[SERVER].memif);
}

static void socket_files_have_a_mode(void **state)
{
	struct vif_memif_socket_config config = { .size = sizeof(config),
						  .mode = 0620 };
	struct end end = { .config.role = VIF_MEMIF_SERVER };
	struct stat info;

	(void)state;
	for (int i = 0; i < 2; i++) {
		config.path = place_path("s");
		end_open_context(&end);
		assert_int_equal(vif_memif_socket_open(end.memif, &config,
						       &end.socket, NULL),
				 0);
		end_open(&end);
		assert_int_equal(stat(config.path, &info), 0);
		assert_int_equal(info.st_mode & 0777, i == 0 ? 0620 : 0600);
		vif_memif_free(end.memif);
		end.interface = NULL;
		config.mode = 0;
	}
}

/* Configs */

static const struct vif_memif_interface_config bad_interfaces[] = {
	{ .role = (enum vif_memif_role)2 },
	{ .mode = (enum vif_memif_mode)3 },
	{ .rx_mode = (enum vif_memif_rx_mode)3 },
	{ .unsealed = (enum vif_memif_unsealed)2 },
	{ .n_rx = 257 },
	{ .n_tx = 257 },
	{ .ring_log2 = 16 },
	{ .buffer = 63 },
	{ .buffer = 65536 },
	{ .buffer = 2048, .headroom = 2000 },
	{ .headroom = UINT32_MAX },
	{ .line = 32 },
	{ .offload_gso = VIF_GSO_ALL }, /* without checksums */
	{ .offload_csum = true, .offload_gso = VIF_GSO_ALL << 1 },
	{ .offload_csum = true, .offload_gso = VIF_GSO_BIT(VIF_GSO_TCP4) },
	{ .offload_csum = true, .mode = VIF_MEMIF_PUNT_INJECT },
	{ .secret = "123456789012345678901234" },
	{ .name = "12345678901234567890123456789012" },
};

static void bad_configs(void **state)
{
	struct vif_memif_socket_config bad_socket = { .size = sizeof(
							      bad_socket) };
	struct end end = { .config.role = VIF_MEMIF_SERVER };
	struct vif_memif_interface *interface = NULL;
	struct vif_error error;
	unsigned int before;

	(void)state;
	end_open_context(&end);
	assert_int_equal(vif_memif_socket_open(end.memif, &bad_socket,
					       &end.socket, &error),
			 -EINVAL);
	assert_null(end.socket);
	bad_socket.path = "@";
	assert_int_equal(vif_memif_socket_open(end.memif, &bad_socket,
					       &end.socket, &error),
			 -EINVAL);
	end_open_socket(&end, place_path("s"));
	before = place_count_fds();
	for (size_t i = 0; i < ARRAY_LEN(bad_interfaces); i++) {
		struct vif_memif_interface_config config = bad_interfaces[i];

		config.size = sizeof(config);
		error = (struct vif_error){ .code = 0 };
		assert_int_equal(
			vif_memif_open(end.socket, &config, &interface, &error),
			-EINVAL);
		assert_int_equal(error.code, -EINVAL);
		assert_true(error.why[0] != '\0');
		assert_null(interface);
		assert_int_equal(place_count_fds(), before);
	}
	/* Two servers of one id. */
	end_open(&end);
	end.config.size = sizeof(end.config);
	assert_int_equal(
		vif_memif_open(end.socket, &end.config, &interface, &error),
		-EEXIST);
	assert_null(interface);
	assert_int_equal(vif_memif_poll(end.memif, 0), 1);
	vif_memif_free(end.memif);
}

/* Cancelling: each ends one poll, whether it comes before or after. */
static void cancelled_before(void **state)
{
	struct end end = { .user = NULL };

	(void)state;
	end_open_context(&end);
	for (int i = 0; i < 3; i++)
		vif_memif_cancel(end.memif);
	for (int i = 0; i < 3; i++)
		assert_int_equal(vif_memif_poll(end.memif, -1), -ECANCELED);
	assert_int_equal(vif_memif_poll(end.memif, 0), 0);
	vif_memif_free(end.memif);
}

#define PLACED(test) \
	cmocka_unit_test_setup_teardown(test, place_make, place_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PLACED(pairs_come_and_go),
		PLACED(a_context_takes_all_with_it),
		PLACED(many_interfaces_on_one_socket),
		PLACED(a_loop_of_the_program),
		PLACED(close_in_on_connect),
		PLACED(close_in_on_disconnect),
		PLACED(close_in_on_failure),
		PLACED(replace_in_on_disconnect),
		PLACED(close_the_socket_in_a_callback),
		PLACED(disconnect_in_on_connect),
		PLACED(connect_when_told),
		PLACED(failures_are_told_once),
		PLACED(details),
		PLACED(adopt_a_descriptor),
		PLACED(refuse_other_descriptors),
		PLACED(allow_lists),
		PLACED(socket_files_have_a_mode),
		PLACED(bad_configs),
		PLACED(cancelled_before),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
