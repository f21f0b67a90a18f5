/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of links that come, go, and come again, both ends in one process. */
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

static void a_link_comes_up(struct cord *cord)
{
	unsigned int before = place_count_fds();

	cord_open(cord);
	cord_settle(cord);
	assert_true(cord_is_up(cord));
	assert_int_equal(cord->end[SERVER].n_up, 1);
	assert_int_equal(cord->end[CLIENT].n_up, 1);
	assert_int_equal(counter_read(&client_of(cord)->ups), 1);
	assert_string_equal(server_of(cord)->handshake.peer_name, "client0");
	assert_string_equal(client_of(cord)->handshake.peer_name, "server0");
	assert_string_equal(client_of(cord)->handshake.peer_app, "cord");
	cord_check_geometry(cord);
	cord_check_packets(cord);
	cord_close(cord);
	assert_int_equal(place_count_fds(), before);
}

static void over_a_path(void **state)
{
	struct cord cord = cord_defaults();

	(void)state;
	a_link_comes_up(&cord);
}

static void use_abstract_name(struct cord *cord)
{
	cord->listener_config.bind.name = place_name(place_abstract("s"));
	cord->config[CLIENT].socket = cord->listener_config.bind.name;
}

static void over_an_abstract_name(void **state)
{
	struct cord cord = cord_defaults();

	(void)state;
	use_abstract_name(&cord);
	a_link_comes_up(&cord);
}

struct shape {
	const char *what;
	uint16_t client[MEMIF_DIRECTIONS];
	uint16_t server[MEMIF_DIRECTIONS];
	uint8_t log2_size;
	uint8_t client_line;
	uint8_t server_line;
	uint32_t buffer_size;
	enum memif_mode mode;
	uint16_t n[MEMIF_DIRECTIONS]; /* that come about */
};

static const struct shape shapes[] = {
	{ "four", { 4, 4 }, { 4, 4 }, 6, 0, 0, 0, 0, { 4, 4 } },
	{ "unequal", { 2, 3 }, { 8, 8 }, 6, 0, 0, 0, 0, { 2, 3 } },
	{ "the server has less", { 8, 8 }, { 3, 2 }, 6, 0, 0, 0, 0, { 3, 2 } },
	{ "smallest", { 1, 1 }, { 1, 1 }, 1, 0, 0, 64, 0, { 1, 1 } },
	{ "largest ring", { 1, 1 }, { 1, 1 }, 15, 0, 0, 64, 0, { 1, 1 } },
	{ "most rings", { 256, 256 }, { 256, 256 }, 2, 0, 0, 64, 0, { 256, 256 } },
	{ "long lines", { 1, 1 }, { 1, 1 }, 6, 128, 0, 0, 0, { 1, 1 } },
	{ "long lines, told", { 1, 1 }, { 1, 1 }, 6, 128, 128, 0, 0, { 1, 1 } },
	{ "large buffers", { 1, 1 }, { 1, 1 }, 6, 0, 0, 65535, 0, { 1, 1 } },
	{ "ip", { 1, 1 }, { 1, 1 }, 6, 0, 0, 0, MEMIF_MODE_IP, { 1, 1 } },
	{ "buffers beyond one region",
	  { 4, 4 },
	  { 4, 4 },
	  15,
	  0,
	  0,
	  32768,
	  0,
	  { 4, 4 } },
};

static void links_of_all_shapes(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(shapes); i++) {
		const struct shape *shape = &shapes[i];
		struct cord cord = cord_defaults();
		const struct memif_geometry *geometry =
			&server_of(&cord)->handshake.geometry;

		print_message("%s\n", shape->what);
		memcpy(cord.config[CLIENT].n_ring, shape->client,
		       sizeof(shape->client));
		memcpy(cord.config[SERVER].n_ring, shape->server,
		       sizeof(shape->server));
		cord.config[CLIENT].log2_size = shape->log2_size;
		cord.config[CLIENT].line = shape->client_line;
		cord.config[SERVER].line = shape->server_line;
		cord.config[CLIENT].buffer_size = shape->buffer_size;
		cord.config[CLIENT].mode = shape->mode;
		cord.config[SERVER].mode = shape->mode;
		cord_open(&cord);
		cord_settle(&cord);
		assert_true(cord_is_up(&cord));
		assert_memory_equal(geometry->n_ring, shape->n,
				    sizeof(shape->n));
		cord_check_geometry(&cord);
		/* Packets of 100 bytes take two slots of 64. */
		cord_check_packets(&cord);
		cord_close(&cord);
	}
}

static void more_memory_than_allowed(void **state)
{
	struct cord cord = cord_defaults();
	unsigned int before = place_count_fds();

	(void)state;
	cord.config[CLIENT].bytes_max = 100000;
	cord_open(&cord);
	cord_settle(&cord);
	assert_int_equal(client_of(&cord)->last_down, MEMIF_DOWN_MEMORY);
	assert_non_null(strstr(client_of(&cord)->error.why, "100000 bytes"));
	/* The server learns it as well, before it knew who it was. */
	assert_int_equal(counter_read(&cord.listener.downs[MEMIF_DOWN_PEER]),
			 1);
	cord_close(&cord);
	assert_int_equal(place_count_fds(), before);
}

static void told_the_wrong_line(void **state)
{
	struct cord cord = cord_defaults();

	(void)state;
	cord.config[CLIENT].line = 64;
	cord.config[SERVER].line = 128;
	cord_open(&cord);
	cord_settle(&cord);
	assert_int_equal(client_of(&cord)->last_down, MEMIF_DOWN_PEER);
	assert_int_equal(server_of(&cord)->last_down, MEMIF_DOWN_RING_OVERLAP);
	cord_close(&cord);
}

/* Leaving */

static void either_side_leaves(void **state)
{
	(void)state;
	for (int side = 0; side < SIDES; side++) {
		struct cord cord = cord_defaults();
		struct memif_link *link = &cord.end[side].link;
		struct memif_link *peer = &cord.end[1 - side].link;

		cord_open(&cord);
		cord_wait_up(&cord);
		memif_link_disconnect(link, cord.now_ns, "lunch break");
		assert_int_equal(cord.end[side].n_down, 1);
		assert_int_equal(link->last_down, MEMIF_DOWN_LOCAL);
		cord_settle(&cord);
		assert_int_equal(cord.end[1 - side].n_down, 1);
		assert_int_equal(peer->last_down, MEMIF_DOWN_PEER);
		assert_int_equal(peer->error.code, -ECONNRESET);
		assert_string_equal(peer->error.why,
				    "the peer says: lunch break");
		assert_false(cord_is_up(&cord));
		/* And back again, by itself. */
		cord_wait_up(&cord);
		cord_check_packets(&cord);
		assert_int_equal(cord.end[side].n_up, 2);
		cord_close(&cord);
	}
}

static void either_side_restarts_many_times(void **state)
{
	(void)state;
	for (int side = 0; side < SIDES; side++) {
		struct cord cord = cord_defaults();
		unsigned int with_link = 0;

		cord_open(&cord);
		for (int i = 0; i < 20; i++) {
			cord_wait_up(&cord);
			cord_check_packets(&cord);
			if (i == 0)
				with_link = place_count_fds();
			assert_int_equal(place_count_fds(), with_link);
			cord_close_end(&cord, (enum cord_side)side);
			if (i % 2) /* sometimes at once, sometimes later */
				cord_settle(&cord);
			cord_open_end(&cord, (enum cord_side)side);
		}
		cord_wait_up(&cord);
		assert_int_equal(cord.end[1 - side].n_up, 21);
		cord_close(&cord);
	}
}

/* The program of the server with its socket, as after a crash of it. */
static void the_listener_restarts(void **state)
{
	struct cord cord = cord_defaults();

	(void)state;
	cord_open(&cord);
	for (int i = 0; i < 20; i++) {
		cord_wait_up(&cord);
		cord_close_end(&cord, SERVER);
		memif_listener_fini(&cord.listener);
		cord_settle(&cord);
		for (int k = 0; k < i % 5; k++)
			assert_true(cord_skip(&cord));
		cord_open_listener(&cord);
		cord_open_end(&cord, SERVER);
	}
	cord_wait_up(&cord);
	cord_close(&cord);
}

/* Retries */

static void pauses_grow(void **state)
{
	static const unsigned int expected_ms[] = { 100,  200,  400,  800,
						    1600, 3000, 3000, 3000 };
	struct cord cord = cord_defaults();

	(void)state;
	cord_open_end(&cord, CLIENT);
	cord_settle(&cord); /* the first attempt */
	for (size_t i = 0; i < ARRAY_LEN(expected_ms); i++) {
		uint64_t before = cord.now_ns;

		assert_true(cord_skip(&cord));
		assert_int_equal(cord.now_ns - before,
				 expected_ms[i] * MEMIF_MS);
	}
	/* One cause is told once. */
	assert_int_equal(cord.end[CLIENT].n_failed, 1);
	assert_int_equal(
		counter_read(&client_of(&cord)->downs[MEMIF_DOWN_SOCKET]),
		1 + ARRAY_LEN(expected_ms));
	assert_non_null(strstr(client_of(&cord)->error.hint, "is it running"));

	cord_open_listener(&cord);
	cord_open_end(&cord, SERVER);
	cord_wait_up(&cord);
	/* Once it was up, they are short again. */
	assert_int_equal(client_of(&cord)->retry_ns, MEMIF_RETRY_MIN_NS);
	cord_close(&cord);
}

static uint32_t n_random;

static uint32_t not_so_random(void *user)
{
	(void)user;
	return n_random += 0x9e3779b9;
}

static void pauses_vary(void **state)
{
	struct cord cord = cord_defaults();
	uint64_t sum = 0;

	(void)state;
	cord.config[CLIENT].random = not_so_random;
	cord.config[CLIENT].retry_min_ns = MEMIF_RETRY_MAX_NS;
	cord_open_end(&cord, CLIENT);
	cord_settle(&cord);
	for (int i = 0; i < 100; i++) {
		uint64_t before = cord.now_ns;

		assert_true(cord_skip(&cord));
		assert_in_range(cord.now_ns - before, MEMIF_RETRY_MAX_NS / 2,
				MEMIF_RETRY_MAX_NS);
		sum += cord.now_ns - before;
	}
	assert_in_range(sum / 100, MEMIF_RETRY_MAX_NS * 65 / 100,
			MEMIF_RETRY_MAX_NS * 85 / 100);
	cord_close_end(&cord, CLIENT);
	memif_poller_fini(&cord.poller);
}

static void only_when_requested(void **state)
{
	struct cord cord = cord_defaults();
	struct vif_error error;

	(void)state;
	cord.config[CLIENT].no_retry = true;
	cord_open(&cord);
	assert_false(cord_skip(&cord));
	assert_int_equal(client_of(&cord)->state, MEMIF_LINK_OFF);
	assert_int_equal(
		memif_link_request(server_of(&cord), cord.now_ns, &error),
		-EINVAL);
	assert_int_equal(
		memif_link_request(client_of(&cord), cord.now_ns, &error), 0);
	assert_int_equal(
		memif_link_request(client_of(&cord), cord.now_ns, &error),
		-EALREADY);
	cord_settle(&cord);
	assert_true(cord_is_up(&cord));
	assert_int_equal(
		memif_link_request(client_of(&cord), cord.now_ns, &error),
		-EISCONN);
	memif_link_disconnect(server_of(&cord), cord.now_ns, "no");
	cord_settle(&cord);
	assert_int_equal(client_of(&cord)->state, MEMIF_LINK_OFF);
	assert_false(cord_skip(&cord));

	cord_close_end(&cord, SERVER);
	memif_listener_fini(&cord.listener);
	assert_int_equal(
		memif_link_request(client_of(&cord), cord.now_ns, &error),
		-ENOENT);
	assert_int_equal(client_of(&cord)->state, MEMIF_LINK_OFF);
	cord_close_end(&cord, CLIENT);
	memif_poller_fini(&cord.poller);
}

static void callbacks_may_call_back(void **state)
{
	struct cord cord = cord_defaults();

	(void)state;
	cord.config[CLIENT].no_retry = true;
	cord.end[CLIENT].request_in_down = true;
	cord.end[SERVER].disconnect_in_up = true;
	cord_open(&cord);
	assert_int_equal(
		memif_link_request(client_of(&cord), cord.now_ns, NULL), 0);
	/* It comes up, is sent away, and comes again, each time. */
	while (cord.end[CLIENT].n_down < 10)
		(void)memif_poller_service(&cord.poller, cord.now_ns);
	assert_string_equal(client_of(&cord)->error.why,
			    "the peer says: not today");
	cord.end[SERVER].disconnect_in_up = false;
	cord_wait_up(&cord);
	cord.end[CLIENT].request_in_down = false;
	cord_close(&cord);
}

/* Refusals */

struct refusal {
	const char *what;
	struct {
		uint32_t id;
		enum memif_mode mode;
		const char *secret;
		uint16_t n_ring;
	} end[SIDES];
	enum memif_down server_down; /* NONE: it is told nothing */
	const char *why;             /* what the client says */
	const char *hint;
};

static const struct refusal refusals[] = {
	{ "wrong secret",
	  { { 7, 0, "open sesame", 1 }, { 7, 0, "sesame", 1 } },
	  MEMIF_DOWN_SECRET_WRONG,
	  "incorrect secret",
	  "secret-file=" },
	{ "no secret",
	  { { 7, 0, "open sesame", 1 }, { 7, 0, NULL, 1 } },
	  MEMIF_DOWN_SECRET_ABSENT,
	  "secret required",
	  "secret-file=" },
	{ "wrong id",
	  { { 7, 0, NULL, 1 }, { 8, 0, NULL, 1 } },
	  MEMIF_DOWN_NONE,
	  "no interface with id 8",
	  "id=" },
	{ "wrong mode",
	  { { 7, MEMIF_MODE_IP, NULL, 1 }, { 7, 0, NULL, 1 } },
	  MEMIF_DOWN_MODE,
	  "mode mismatch: ethernet, here ip",
	  "mode=" },
};

static void refusals_say_what_to_do(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
		const struct refusal *refusal = &refusals[i];
		struct cord cord = cord_defaults();
		unsigned int before = place_count_fds();

		print_message("%s\n", refusal->what);
		for (int side = 0; side < SIDES; side++) {
			cord.config[side].id = refusal->end[side].id;
			cord.config[side].mode = refusal->end[side].mode;
			cord.config[side].secret = refusal->end[side].secret;
		}
		cord_open(&cord);
		cord_settle(&cord);
		assert_int_equal(client_of(&cord)->last_down, MEMIF_DOWN_PEER);
		assert_non_null(
			strstr(client_of(&cord)->error.why, refusal->why));
		assert_non_null(
			strstr(client_of(&cord)->error.hint, refusal->hint));
		assert_int_equal(cord.end[CLIENT].n_failed, 1);
		assert_int_equal(server_of(&cord)->last_down,
				 refusal->server_down);
		assert_int_equal(cord.end[SERVER].n_failed,
				 refusal->server_down != MEMIF_DOWN_NONE);
		assert_int_equal(server_of(&cord)->state, MEMIF_LINK_WAITING);
		/* It goes on trying, and says no more about it. */
		assert_true(cord_skip(&cord));
		assert_true(cord_skip(&cord));
		assert_int_equal(cord.end[CLIENT].n_failed, 1);
		cord_close(&cord);
		assert_int_equal(place_count_fds(), before);
	}
}

/* A client of the same program, on the server's socket. */
static void the_other_end_is_a_client_too(void **state)
{
	struct cord cord = cord_defaults();
	const struct memif_handshake_config config = { .role = MEMIF_CLIENT,
						       .id = 9 };
	struct memif_service service = { .config = &config };

	(void)state;
	cord.config[CLIENT].id = 9;
	cord_open(&cord);
	assert_int_equal(memif_listener_add(&cord.listener, &service, NULL), 0);
	cord_settle(&cord);
	assert_non_null(strstr(client_of(&cord)->error.why, "is a client"));
	assert_non_null(strstr(client_of(&cord)->error.hint, "role=server"));
	memif_listener_remove(&cord.listener, &service);
	cord_close(&cord);
}

static void needless_secrets(void **state)
{
	(void)state;
	for (int strict = 0; strict < 2; strict++) {
		struct cord cord = cord_defaults();

		cord.config[CLIENT].secret = "open sesame";
		cord.config[SERVER].strict_secret = strict;
		cord_open(&cord);
		cord_settle(&cord);
		assert_int_equal(cord_is_up(&cord), !strict);
		if (strict)
			assert_int_equal(server_of(&cord)->last_down,
					 MEMIF_DOWN_SECRET_NEEDLESS);
		cord_close(&cord);
	}
}

static void a_second_client(void **state)
{
	struct cord cord = cord_defaults();
	struct cord_end second = { .n_up = 0 };

	(void)state;
	cord_open(&cord);
	cord_wait_up(&cord);
	cord.config[CLIENT].user = &cord;
	assert_int_equal(memif_link_init(&second.link, &cord.config[CLIENT],
					 &cord.poller, NULL, NULL),
			 0);
	cord_settle(&cord);
	assert_int_equal(second.n_failed, 1);
	assert_non_null(strstr(second.link.error.why, "already connected"));
	assert_int_equal(server_of(&cord)->last_down, MEMIF_DOWN_BUSY);
	/* The first one does not mind, and makes room when it leaves. */
	assert_true(cord_is_up(&cord));
	cord_check_packets(&cord);
	cord_close_end(&cord, CLIENT);
	while (second.n_up == 0)
		assert_true(cord_skip(&cord));
	memif_link_fini(&second.link);
	cord_close(&cord);
}

static void several_interfaces_on_one_socket(void **state)
{
	struct cord cord = cord_defaults();
	struct cord_end end[3][SIDES] = { 0 };
	unsigned int before = place_count_fds();
	struct vif_error error;

	(void)state;
	cord_open_listener(&cord);
	for (unsigned int i = 0; i < 3; i++)
		for (int side = 0; side < SIDES; side++) {
			cord.config[side].id = 10 * i;
			cord.config[side].mode = (enum memif_mode)(i % 2);
			cord.config[side].user = &cord;
			assert_int_equal(
				memif_link_init(
					&end[i][side].link, &cord.config[side],
					&cord.poller,
					side == SERVER ? &cord.listener : NULL,
					&error),
				0);
		}
	/* An id is there once. */
	assert_int_equal(memif_link_init(server_of(&cord), &cord.config[SERVER],
					 &cord.poller, &cord.listener, &error),
			 -EEXIST);
	cord_settle(&cord);
	for (unsigned int i = 0; i < 3; i++)
		for (int side = 0; side < SIDES; side++)
			assert_int_equal(end[i][side].n_up, 1);
	/* One leaves, the others stay. */
	memif_link_fini(&end[1][SERVER].link);
	cord_settle(&cord);
	assert_int_equal(end[0][CLIENT].link.state, MEMIF_LINK_UP);
	assert_int_not_equal(end[1][CLIENT].link.state, MEMIF_LINK_UP);
	assert_int_equal(end[2][CLIENT].link.state, MEMIF_LINK_UP);
	for (unsigned int i = 0; i < 3; i++)
		for (int side = 0; side < SIDES; side++)
			memif_link_fini(&end[i][side].link);
	memif_listener_fini(&cord.listener);
	memif_poller_fini(&cord.poller);
	assert_int_equal(place_count_fds(), before);
}

/* Memory of the program */

struct lent {
	unsigned int n_get;
	unsigned int n_put;
};

static int get_memory(void *user, uint64_t size, int *ret_fd, void **ret_base)
{
	int fd = memfd_create("lent", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	((struct lent *)user)->n_get++;
	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	*ret_fd = fd;
	*ret_base = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	return *ret_base == MAP_FAILED ? -ENOMEM : 0;
}

static void put_memory(void *user, uint64_t size, int fd, void *base)
{
	((struct lent *)user)->n_put++;
	(void)munmap(base, size);
	(void)close(fd);
}

static void memory_of_the_program(void **state)
{
	struct cord cord = cord_defaults();
	struct lent lent = { 0 };

	(void)state;
	cord.config[CLIENT].supply =
		(struct memif_supply){ get_memory, put_memory, &lent };
	cord.config[CLIENT].n_ring[MEMIF_C2S] = 2;
	cord.config[SERVER].n_ring[MEMIF_C2S] = 2;
	cord.config[CLIENT].headroom = 128;
	cord_open(&cord);
	for (int i = 0; i < 3; i++) {
		cord_wait_up(&cord);
		assert_int_equal(server_of(&cord)->handshake.geometry.n_region,
				 2);
		cord_check_packets(&cord);
		memif_link_disconnect(server_of(&cord), cord.now_ns, "again");
	}
	cord_close(&cord);
	assert_int_equal(lent.n_get, 3);
	assert_int_equal(lent.n_put, 3);
}

/* A fault on the rings */

static void a_faulty_queue_ends_the_link(void **state)
{
	struct cord cord = cord_defaults();
	struct memif_geometry *geometry = &client_of(&cord)->handshake.geometry;
	struct memif_ring ring;
	struct vif_batch *batch;

	(void)state;
	cord_open(&cord);
	cord_wait_up(&cord);
	assert_false(memif_link_check(server_of(&cord), cord.now_ns));
	/* The client's index jumps. */
	assert_int_equal(
		memif_ring_attach(
			&ring, client_of(&cord)->memory->regions.region[0].base,
			geometry->line, geometry->log2_size),
		0);
	memif_ring_give(ring.head, 1000);
	assert_int_equal(vif_batch_new(64, 256, &batch), 0);
	assert_true(memif_queue_rx(memif_link_rx_queue(server_of(&cord), 0),
				   batch) < 0);
	vif_batch_free(batch);
	assert_true(memif_link_check(server_of(&cord), cord.now_ns));
	assert_int_equal(server_of(&cord)->last_down, MEMIF_DOWN_DATA);
	cord_settle(&cord);
	assert_int_equal(client_of(&cord)->last_down, MEMIF_DOWN_PEER);
	print_message("%s\n", client_of(&cord)->error.why);
	cord_wait_up(&cord);
	cord_check_packets(&cord);
	cord_close(&cord);
}

struct config_case {
	struct memif_link_config config;
	const char *why;
};

static void configs_are_checked(void **state)
{
	static const struct config_case cases[] = {
		{ { .secret = "123456789012345678901234" }, "23 bytes" },
		{ { .mode = MEMIF_MODE_PUNT + 1 }, "mode" },
		{ { .n_ring = { 257, 1 } }, "256 queues" },
		{ { .n_ring = { 1, 257 } }, "256 queues" },
		{ { .log2_size = 16 }, "32768 slots" },
		{ { .line = 32 }, "line" },
		{ { .buffer_size = 63 }, "buffer" },
		{ { .buffer_size = 65536 }, "buffer" },
		{ { .n_region_max = 257 }, "256 regions" },
		{ { .bytes_max = UINT64_MAX }, "1 TiB" },
		{ { .headroom = 2000 }, "headroom" },
	};
	unsigned int before = place_count_fds();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct memif_link_config config = cases[i].config;
		struct memif_link link;
		struct vif_error error;

		config.role = MEMIF_CLIENT;
		assert_int_equal(
			memif_link_init(&link, &config, NULL, NULL, &error),
			-EINVAL);
		assert_non_null(strstr(error.why, cases[i].why));
		memif_link_fini(&link);
	}
	assert_int_equal(place_count_fds(), before);
}

#define PLACED(test) \
	cmocka_unit_test_setup_teardown(test, place_make, place_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PLACED(over_a_path),
		PLACED(over_an_abstract_name),
		PLACED(links_of_all_shapes),
		PLACED(more_memory_than_allowed),
		PLACED(told_the_wrong_line),
		PLACED(either_side_leaves),
		PLACED(either_side_restarts_many_times),
		PLACED(the_listener_restarts),
		PLACED(pauses_grow),
		PLACED(pauses_vary),
		PLACED(only_when_requested),
		PLACED(callbacks_may_call_back),
		PLACED(refusals_say_what_to_do),
		PLACED(the_other_end_is_a_client_too),
		PLACED(needless_secrets),
		PLACED(a_second_client),
		PLACED(several_interfaces_on_one_socket),
		PLACED(memory_of_the_program),
		PLACED(a_faulty_queue_ends_the_link),
		cmocka_unit_test(configs_are_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
