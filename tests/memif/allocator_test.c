/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Allocators of a program: everything comes from them and goes back, packets
 * need none, and wherever they have nothing left somebody is told.
 *
 * The linker puts functions of this test in front of those of the C library, for
 * the library under test as well; see meson.build.
 */
#include <errno.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>

#include <vif/memif_queue.h>

#include "port/memif/interface.h"
#include "tests/memif/place.h"

enum {
	STEP_NS = 1000000,
	STEPS = 20000, /* longer than all pauses of a client */
	MAGIC = 0x5ca1ab1e,
	PACKETS = 100,
};

/* The C library */

static unsigned int n_libc; /* calls of its allocators */

/*
 * The names are the linker's.
 * NOLINTBEGIN(bugprone-reserved-identifier,readability-identifier-naming)
 */
void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *old, size_t size);
void *__real_reallocarray(void *old, size_t n, size_t size);
void *__real_aligned_alloc(size_t align, size_t size);
char *__real_strdup(const char *text);

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_reallocarray(void *old, size_t n, size_t size);
void *__wrap_aligned_alloc(size_t align, size_t size);
char *__wrap_strdup(const char *text);

void *__wrap_malloc(size_t size)
{
	n_libc++;
	return __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	n_libc++;
	return __real_calloc(n, size);
}

void *__wrap_realloc(void *old, size_t size)
{
	n_libc++;
	return __real_realloc(old, size);
}

void *__wrap_reallocarray(void *old, size_t n, size_t size)
{
	n_libc++;
	return __real_reallocarray(old, n, size);
}

void *__wrap_aligned_alloc(size_t align, size_t size)
{
	n_libc++;
	return __real_aligned_alloc(align, size);
}

char *__wrap_strdup(const char *text)
{
	n_libc++;
	return __real_strdup(text);
}
/* NOLINTEND(bugprone-reserved-identifier,readability-identifier-naming) */

/* The program's */

struct heap {
	unsigned int n_call;  /* for memory */
	unsigned int fail_at; /* that call gets none; 0: all do */
	unsigned int n_live;  /* blocks */
	bool failed;
};

/* In front of each block, so that free(3) would not know it. */
struct block {
	alignas(max_align_t) size_t size;
	unsigned int magic;
};

static struct block *block_of(void *memory)
{
	struct block *block = (struct block *)memory - 1;

	assert_int_equal(block->magic, MAGIC);
	return block;
}

static void *own_alloc(void *user, size_t size)
{
	struct heap *heap = user;
	struct block *block;

	assert_true(size > 0);
	if (++heap->n_call == heap->fail_at) {
		heap->failed = true;
		return NULL;
	}
	block = __real_malloc(sizeof(*block) + size);
	assert_non_null(block);
	*block = (struct block){ .size = size, .magic = MAGIC };
	memset(block + 1, 0xa5, size); /* nobody said that it is zeroed */
	heap->n_live++;
	return block + 1;
}

static void own_free(void *user, void *memory)
{
	struct heap *heap = user;
	struct block *block = block_of(memory);

	block->magic = 0;
	heap->n_live--;
	free(block);
}

static void *own_realloc(void *user, void *memory, size_t size)
{
	void *fresh = own_alloc(user, size);
	size_t had = memory ? block_of(memory)->size : 0;

	if (!fresh || !memory)
		return fresh;
	memcpy(fresh, memory, had < size ? had : size);
	own_free(user, memory);
	return fresh;
}

/* Both ends of a link, in one context. */

enum { SERVER, CLIENT, SIDES };

struct rig {
	struct heap heap;
	uint64_t now_ns;
	struct vif_memif *memif;
	struct vif_memif_socket *socket;
	struct vif_memif_interface *interface[SIDES];
	struct vif_error error;   /* of what could not be opened */
	unsigned int n_no_memory; /* failures that were told */
};

static void on_failure(void *user, struct vif_memif_interface *interface,
		       const struct vif_error *error)
{
	struct rig *rig = user;

	(void)interface;
	rig->n_no_memory += error->code == -ENOMEM;
}

static int open_context(struct rig *rig)
{
	const struct vif_memif_config config = {
		.size = sizeof(config),
		.allocator = { .alloc = own_alloc,
			       .realloc = own_realloc,
			       .free = own_free,
			       .user = &rig->heap },
	};

	return vif_memif_new(&config, &rig->memif, &rig->error);
}

/* The second one remembers the name of a namespace, and is left alone. */
static int open_sockets(struct rig *rig)
{
	struct vif_memif_socket_config config = { .size = sizeof(config) };
	struct vif_memif_socket *other;
	int r;

	config.path = place_path("s");
	r = vif_memif_socket_open(rig->memif, &config, &rig->socket,
				  &rig->error);
	if (r < 0)
		return r;
	config.path = "@vif-allocator-test";
	config.netns = "/proc/self/ns/net";
	return vif_memif_socket_open(rig->memif, &config, &other, &rig->error);
}

static int open_interface(struct rig *rig, int side)
{
	const struct vif_memif_interface_config config = {
		.size = sizeof(config),
		.role = side == SERVER ? VIF_MEMIF_SERVER : VIF_MEMIF_CLIENT,
		.n_rx = 2,
		.n_tx = side == SERVER ? 2 : 1,
		.ring_log2 = 6,
		.on_failure = on_failure,
		.user = rig,
	};

	return vif_memif_open(rig->socket, &config, &rig->interface[side],
			      &rig->error);
}

static int open_all(struct rig *rig)
{
	int r = open_context(rig);

	if (r == 0)
		r = open_sockets(rig);
	for (int side = 0; r == 0 && side < SIDES; side++)
		r = open_interface(rig, side);
	return r;
}

static bool is_up(const struct rig *rig)
{
	for (int side = 0; side < SIDES; side++)
		if (vif_memif_state(rig->interface[side]) !=
		    VIF_MEMIF_CONNECTED)
			return false;
	return true;
}

static void connect_all(struct rig *rig)
{
	uint64_t deadline_ns;

	for (int i = 0; !is_up(rig); i++) {
		assert_true(i < STEPS);
		rig->now_ns += STEP_NS;
		vif_memif_service(rig->memif, rig->now_ns, &deadline_ns);
	}
}

static void pass_packets(const struct rig *rig)
{
	char got[8];

	for (int i = 0; i < PACKETS; i++) {
		assert_int_equal(vif_memif_write(rig->interface[i % 2], 0, &i,
						 sizeof(i)),
				 1);
		assert_int_equal(vif_memif_read(rig->interface[1 - i % 2], 0,
						got, sizeof(got)),
				 sizeof(i));
		assert_memory_equal(got, &i, sizeof(i));
	}
}

static void close_all(struct rig *rig)
{
	vif_memif_free(rig->memif);
	assert_int_equal(rig->heap.n_live, 0);
}

/* Tests */

static void everything_comes_from_it(void **state)
{
	struct rig rig = { .now_ns = 1 };
	unsigned int n_fd = place_count_fds(), n_up, n_call;
	void *volatile got;

	(void)state;
	n_libc = 0;
	assert_int_equal(open_all(&rig), 0);
	connect_all(&rig);
	n_up = rig.heap.n_live;
	n_call = rig.heap.n_call;
	pass_packets(&rig);
	assert_int_equal(rig.heap.n_call, n_call);
	/* Another connection takes what the last one has given back. */
	vif_memif_disconnect(rig.interface[SERVER], "for a test");
	connect_all(&rig);
	assert_int_equal(rig.heap.n_live, n_up);
	assert_true(rig.heap.n_call > n_call);
	pass_packets(&rig);
	close_all(&rig);
	assert_int_equal(n_libc, 0);
	assert_int_equal(place_count_fds(), n_fd);
	/* A counter that counts nothing would prove it, too. */
	got = malloc(1);
	free(got);
	assert_int_equal(n_libc, 1);
}

/* Clients that the listener had no memory for are known to nobody else. */
static uint64_t turned_away(const struct rig *rig)
{
	const struct memif_listener *listener =
		rig->interface[SERVER]->link.listener;

	return counter_read(&listener->downs[MEMIF_DOWN_MEMORY]);
}

/* Returns whether that call came. */
static bool survives_failure_of(unsigned int call, struct rig *ret_rig)
{
	struct rig *rig = ret_rig;
	unsigned int n_fd = place_count_fds();
	int r;

	*rig = (struct rig){ .now_ns = 1, .heap.fail_at = call };
	r = open_all(rig);
	if (r < 0) {
		assert_true(rig->heap.failed);
		assert_int_equal(r, -ENOMEM);
		assert_int_equal(rig->error.code, -ENOMEM);
	} else {
		/* What failed in a handshake is told, and tried again. */
		assert_false(rig->heap.failed);
		connect_all(rig);
		pass_packets(rig);
		assert_int_equal(rig->n_no_memory + turned_away(rig),
				 rig->heap.failed);
	}
	close_all(rig);
	assert_int_equal(place_count_fds(), n_fd);
	return rig->heap.failed;
}

static void each_failure_is_told(void **state)
{
	unsigned int call = 1, n_open = 0;
	struct rig rig;

	(void)state;
	for (; survives_failure_of(call, &rig); call++)
		n_open += rig.error.code == -ENOMEM;
	print_message("%u allocations, %u of them to open\n", call - 1, n_open);
	assert_int_equal(rig.heap.n_call, call - 1);
	/* A context, two sockets and a name, two interfaces of three parts. */
	assert_int_equal(n_open, 1 + 3 + 2 * 3);
	assert_true(call - 1 > n_open + 10);
}

static void one_that_lacks_something_is_refused(void **state)
{
	(void)state;
	for (unsigned int has = 1; has < 7; has++) {
		const struct vif_memif_config config = {
			.size = sizeof(config),
			.allocator.alloc = has & 1 ? own_alloc : NULL,
			.allocator.realloc = has & 2 ? own_realloc : NULL,
			.allocator.free = has & 4 ? own_free : NULL,
		};
		struct vif_memif *memif = NULL;
		struct vif_error error;

		assert_int_equal(vif_memif_new(&config, &memif, &error),
				 -EINVAL);
		assert_non_null(strstr(error.why, "lacks"));
		assert_null(memif);
	}
}

#define PLACED(test) \
	cmocka_unit_test_setup_teardown(test, place_make, place_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PLACED(everything_comes_from_it),
		PLACED(each_failure_is_told),
		PLACED(one_that_lacks_something_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
