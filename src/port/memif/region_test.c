/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the memory of a link, and of its judge. */
#include "port/memif/region.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/bits.h"
#include "port/memif/event.h"
#include "port/memif/guard.h"
#include "ring/memif_ring.h"

enum region_test_sizes {
	SIZE = 65536,
};

static const uint64_t page = 4096;

static struct memif_regions *new_set(uint64_t total_max)
{
	struct memif_regions *set = malloc(sizeof(*set));

	assert_non_null(set);
	memif_regions_init(set, total_max);
	return set;
}

static void free_set(struct memif_regions *set)
{
	memif_regions_fini(set);
	memif_regions_fini(set); /* twice is fine */
	free(set);
}

static int memory(uint64_t size, int seals)
{
	int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
	return fd;
}

static enum memif_verdict judge(int fd, uint64_t size,
				enum memif_unsealed unsealed)
{
	struct memif_regions *set = new_set(0);
	enum memif_verdict verdict =
		memif_regions_judge(set, fd, size, unsealed);

	free_set(set);
	return verdict;
}

static void every_verdict_has_a_text(void **state)
{
	(void)state;
	for (int i = 0; i < MEMIF_VERDICT_N; i++)
		assert_true(strlen(memif_verdict_text((enum memif_verdict)i)) >
			    3);
	assert_string_equal(memif_verdict_text(MEMIF_VERDICT_N), "?");
}

static void our_own_memory_is_good(void **state)
{
	struct memif_regions *client = new_set(0), *server = new_set(0);
	int r = memif_regions_create(client, SIZE - 1);
	int seals, fd;

	(void)state;
	assert_int_equal(r, 0);
	assert_int_equal(client->region[0].size, SIZE); /* whole pages */
	seals = fcntl(client->region[0].fd, F_GET_SEALS);
	assert_int_equal(seals, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
	assert_true(fcntl(client->region[0].fd, F_GETFD) & FD_CLOEXEC);
	for (uint32_t i = 0; i < SIZE; i++)
		assert_int_equal(client->region[0].base[i], 0);

	assert_int_equal(memif_regions_judge(server, client->region[0].fd, SIZE,
					     MEMIF_UNSEALED_REFUSE),
			 MEMIF_VERDICT_GOOD);
	fd = fcntl(client->region[0].fd, F_DUPFD_CLOEXEC, 0);
	r = memif_regions_add(server, fd, SIZE, MEMIF_VERDICT_GOOD);
	assert_int_equal(r, 0);
	assert_null(server->region[0].base);
	assert_int_equal(memif_regions_map(server), 0);
	client->region[0].base[SIZE - 1] = 42;
	assert_int_equal(server->region[0].base[SIZE - 1], 42);
	free_set(server);
	free_set(client);
}

static void files_are_judged(void **state)
{
	char path[] = "/dev/shm/vif_test_XXXXXX";
	int sealed = memory(SIZE, F_SEAL_SHRINK);
	int for_ever = memory(SIZE, F_SEAL_SEAL);
	int frozen = memory(SIZE, F_SEAL_SHRINK | F_SEAL_WRITE);
	int pipes[2], file, null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int readable;

	(void)state;
	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	assert_int_equal(judge(sealed, SIZE, 0), MEMIF_VERDICT_GOOD);
	assert_int_equal(judge(sealed, 1, 0), MEMIF_VERDICT_GOOD);
	assert_int_equal(judge(sealed, SIZE + 1, 0), MEMIF_VERDICT_SHORT);
	assert_int_equal(judge(sealed, 0, 0), MEMIF_VERDICT_EMPTY);
	assert_int_equal(judge(sealed, UINT64_MAX, 0), MEMIF_VERDICT_TOO_LARGE);
	assert_int_equal(judge(for_ever, SIZE, 0), MEMIF_VERDICT_CAN_SHRINK);
	assert_int_equal(judge(for_ever, SIZE, MEMIF_UNSEALED_GUARD),
			 MEMIF_VERDICT_UNSEALED);
	assert_int_equal(judge(for_ever, SIZE + 1, MEMIF_UNSEALED_GUARD),
			 MEMIF_VERDICT_SHORT);
	assert_int_equal(judge(frozen, SIZE, 0), MEMIF_VERDICT_READ_ONLY);
	assert_int_equal(judge(pipes[0], SIZE, 0), MEMIF_VERDICT_NOT_MEMORY);
	assert_int_equal(judge(null, SIZE, 0), MEMIF_VERDICT_NOT_MEMORY);
	assert_int_equal(judge(-1, SIZE, 0), MEMIF_VERDICT_NOT_MEMORY);

	file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	assert_int_equal(judge(file, 1, MEMIF_UNSEALED_GUARD),
			 MEMIF_VERDICT_NOT_MEMORY);
	(void)close(file);
	file = mkstemp(path); /* tmpfs, without seals */
	if (file >= 0) {
		assert_int_equal(ftruncate(file, SIZE), 0);
		assert_int_equal(judge(file, SIZE, 0),
				 MEMIF_VERDICT_CAN_SHRINK);
		readable = open(path, O_RDONLY | O_CLOEXEC);
		assert_int_equal(judge(readable, SIZE, 0),
				 MEMIF_VERDICT_READ_ONLY);
		(void)close(readable);
		(void)close(file);
		(void)unlink(path);
	}
	(void)close(null);
	(void)close(pipes[0]);
	(void)close(pipes[1]);
	(void)close(frozen);
	(void)close(for_ever);
	(void)close(sealed);
}

/* Even sealed they can fault: there may be no page to fill a hole with. */
static void huge_pages_need_the_guard(void **state)
{
	int fd = memfd_create("test",
			      MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_HUGETLB);

	(void)state;
	if (fd < 0 || ftruncate(fd, 1 << 30) < 0 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK) < 0) {
		(void)printf("skipped: no huge pages here\n");
		skip();
	}
	assert_int_equal(judge(fd, 4096, 0), MEMIF_VERDICT_HUGE);
	assert_int_equal(judge(fd, 4096, MEMIF_UNSEALED_GUARD),
			 MEMIF_VERDICT_UNSEALED);
	(void)close(fd);
}

/* Those who forgot the seal, but left it open, get it from us. */
static void a_missing_seal_is_set(void **state)
{
	int fd = memory(SIZE, 0);

	(void)state;
	assert_int_equal(judge(fd, SIZE, 0), MEMIF_VERDICT_GOOD);
	assert_int_equal(fcntl(fd, F_GET_SEALS), F_SEAL_SHRINK);
	assert_int_equal(ftruncate(fd, 0), -1);
	assert_int_equal(errno, EPERM);
	(void)close(fd);
}

static void sets_have_limits(void **state)
{
	struct memif_regions *set = new_set(3 * page);
	int fd = memory(4 * page, F_SEAL_SHRINK);

	(void)state;
	assert_int_equal(memif_regions_judge(set, fd, 4 * page, 0),
			 MEMIF_VERDICT_TOO_LARGE);
	assert_int_equal(memif_regions_create(set, 4 * page), -E2BIG);
	assert_int_equal(memif_regions_create(set, 0), -EINVAL);
	assert_int_equal(memif_regions_create(set, 2 * page), 0);
	assert_int_equal(memif_regions_judge(set, fd, 2 * page, 0),
			 MEMIF_VERDICT_TOO_LARGE);
	assert_int_equal(memif_regions_create(set, page + 1), -E2BIG);
	assert_int_equal(memif_regions_judge(set, fd, page, 0),
			 MEMIF_VERDICT_GOOD);
	free_set(set);

	set = new_set(0);
	for (int i = 0; i < MEMIF_REGION_SET_MAX; i++)
		assert_int_equal(memif_regions_create(set, page), i);
	assert_int_equal(memif_regions_create(set, page), -E2BIG);
	assert_int_equal(memif_regions_judge(set, fd, page, 0),
			 MEMIF_VERDICT_TOO_MANY);
	assert_int_equal(memif_regions_add(set, fd, page, 0), -E2BIG);
	free_set(set); /* fd is taken */
}

static void a_program_brings_memory(void **state)
{
	struct memif_regions *set = new_set(0);
	int fd = memory(SIZE, F_SEAL_SHRINK);
	uint8_t *base =
		mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	(void)state;
	assert_int_equal(memif_regions_borrow(set, fd, NULL, SIZE), -EINVAL);
	assert_int_equal(memif_regions_borrow(set, fd, base + 8, 64), -EINVAL);
	assert_int_equal(memif_regions_borrow(set, -1, base, SIZE), -EINVAL);
	assert_int_equal(memif_regions_borrow(set, fd, base, 0), -EINVAL);
	assert_int_equal(memif_regions_borrow(set, fd, base, SIZE), 0);
	assert_int_equal(memif_regions_map(set), 0);
	assert_ptr_equal(set->region[0].base, base);
	free_set(set);
	base[0] = 1; /* still there, and so is the descriptor */
	assert_int_equal(fcntl(fd, F_GET_SEALS), F_SEAL_SHRINK);
	(void)munmap(base, SIZE);
	(void)close(fd);
}

static void rings_have_to_fit(void **state)
{
	struct memif_regions *set = new_set(0);
	uint32_t bytes = memif_ring_bytes(64, 10);

	(void)state;
	assert_int_equal(memif_regions_create(set, SIZE), 0);
	assert_true(memif_regions_fit(set, 0, 0, 10, 64));
	assert_true(memif_regions_fit(set, 0, SIZE - 16512 - 64 - 64, 10, 64));
	assert_true(memif_regions_fit(set, 0, 48960, 10, 64));
	assert_int_equal(48960 + bytes, SIZE - 64);
	assert_true(memif_regions_fit(set, 0, 49024, 10, 64));
	assert_false(memif_regions_fit(set, 0, 49024, 10, 128));
	assert_false(memif_regions_fit(set, 0, 49088, 10, 64));
	assert_false(memif_regions_fit(set, 0, 8, 10, 64));
	assert_false(memif_regions_fit(set, 0, UINT32_MAX - 63, 1, 64));
	assert_false(memif_regions_fit(set, 0, 0, 0, 64));
	assert_false(memif_regions_fit(set, 0, 0, 13, 64));
	assert_false(memif_regions_fit(set, 0, 0, 16, 64));
	assert_false(memif_regions_fit(set, 0, 0, 255, 64));
	assert_false(memif_regions_fit(set, 0, 0, 10, 32));
	assert_false(memif_regions_fit(set, 1, 0, 10, 64));
	assert_false(memif_regions_fit(set, UINT16_MAX, 0, 10, 64));
	free_set(set);
}

static struct memif_regions *guarded_set(int *ret_fd)
{
	struct memif_regions *set = new_set(0);
	int fd = memory(SIZE, F_SEAL_SEAL);

	*ret_fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	assert_int_equal(
		memif_regions_add(set, fd, SIZE, MEMIF_VERDICT_UNSEALED), 0);
	assert_int_equal(memif_regions_map(set), 0);
	memset(set->region[0].base, 0xa5, SIZE);
	return set;
}

static void shrunk_memory_reads_as_zeros(void **state)
{
	int fd, other_fd;
	struct memif_regions *set = guarded_set(&fd);
	struct memif_regions *other = guarded_set(&other_fd);
	volatile uint8_t *base = set->region[0].base;

	(void)state;
	assert_false(memif_region_is_dead(&set->region[0]));
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(base[SIZE - 1], 0); /* would be SIGBUS */
	assert_true(memif_region_is_dead(&set->region[0]));
	base[0] = 1; /* nobody else sees it */
	assert_int_equal(base[0], 1);
	/* The other link is unharmed. */
	assert_false(memif_region_is_dead(&other->region[0]));
	assert_int_equal(other->region[0].base[SIZE - 1], 0xa5);
	free_set(set);
	assert_int_equal(ftruncate(other_fd, (off_t)page), 0);
	base = other->region[0].base;
	base[page] = 7;
	assert_true(memif_region_is_dead(&other->region[0]));
	free_set(other);
	(void)close(fd);
	(void)close(other_fd);
}

static void system_calls_on_shrunk_memory_fail(void **state)
{
	int fd, pipes[2];
	struct memif_regions *set = guarded_set(&fd);

	(void)state;
	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(write(pipes[1], set->region[0].base, 1), -1);
	assert_int_equal(errno, EFAULT);
	free_set(set);
	(void)close(fd);
	(void)close(pipes[0]);
	(void)close(pipes[1]);
}

/* Dies as it would without us, with a fault elsewhere or a sent signal. */
static int die(bool fault)
{
	pid_t pid = fork();
	int status, fd;

	if (pid == 0) {
		struct memif_regions *set;
		volatile uint8_t *base;

		/* Sanitizers would print, and catch it. */
		(void)signal(SIGBUS, SIG_DFL);
		set = guarded_set(&fd);
		assert_true(set->region[0].is_guarded);
		fd = memory(SIZE, 0);
		base = mmap(NULL, SIZE, PROT_READ, MAP_SHARED, fd, 0);
		if (!fault)
			(void)raise(SIGBUS);
		else if (ftruncate(fd, 0) == 0)
			(void)base[0];
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void other_faults_are_handed_on(void **state)
{
	(void)state;
	assert_int_equal(die(true), SIGBUS);
	assert_int_equal(die(false), SIGBUS);
}

static void only_an_eventfd_is_one(void **state)
{
	int event = memif_event_create();
	int memfd = memory(SIZE, 0), pipes[2], sockets[2];

	(void)state;
	assert_true(event >= 0);
	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
	assert_int_equal(memif_event_judge(event), MEMIF_VERDICT_GOOD);
	assert_int_equal(memif_event_judge(memfd), MEMIF_VERDICT_NOT_EVENT);
	assert_int_equal(memif_event_judge(pipes[0]), MEMIF_VERDICT_NOT_EVENT);
	assert_int_equal(memif_event_judge(sockets[0]),
			 MEMIF_VERDICT_NOT_EVENT);
	assert_int_equal(memif_event_judge(-1), MEMIF_VERDICT_NOT_EVENT);
	assert_int_equal(memif_event_judge(9999), MEMIF_VERDICT_NOT_EVENT);
	(void)close(event);
	(void)close(memfd);
	(void)close(pipes[0]);
	(void)close(pipes[1]);
	(void)close(sockets[0]);
	(void)close(sockets[1]);
}

static void kick_and_clear(const struct memif_kicker *kicker)
{
	int event = memif_event_create();

	assert_false(memif_event_clear(event));
	for (int i = 0; i < 500; i++) {
		memif_kick(kicker, event);
		assert_true(memif_event_clear(event));
		assert_false(memif_event_clear(event));
	}
	for (int i = 0; i < 500; i++)
		memif_kick(kicker, event);
	assert_true(memif_event_clear(event));
	assert_false(memif_event_clear(event));
	(void)close(event);
}

static void events_are_kicked_and_cleared(void **state)
{
	struct memif_kicker kicker;

	(void)state;
	kick_and_clear(NULL);
	if (memif_kicker_init(&kicker) < 0) {
		(void)printf("skipped: no asynchronous I/O here\n");
		skip();
	}
	kick_and_clear(&kicker);
	memif_kicker_fini(&kicker);
	memif_kicker_fini(&kicker);
}

/*
 * The peer takes O_NONBLOCK away and fills the counter: whoever reads or writes
 * would wait for ever. Only a time limit shows that, and there is one.
 */
static void a_peer_cannot_block_us(void **state)
{
	struct memif_kicker kicker;
	int event = memif_event_create();
	uint64_t full = UINT64_MAX - 1;

	(void)state;
	assert_int_equal(fcntl(event, F_SETFL, 0), 0);
	assert_false(memif_event_clear(event));
	assert_int_equal(write(event, &full, 8), 8);
	memif_kick(NULL, event);
	if (memif_kicker_init(&kicker) < 0) {
		(void)printf("skipped: no asynchronous I/O here\n");
		skip();
	}
	for (int i = 0; i < 500; i++)
		memif_kick(&kicker, event);
	assert_true(memif_event_clear(event));
	assert_false(memif_event_clear(event));
	memif_kicker_fini(&kicker);
	(void)close(event);
}

/* The same with a peer that fills it just when we look away. */
struct filler {
	int event;
	atomic_bool done;
};

static void *keep_full(void *argument)
{
	struct filler *filler = argument;

	while (!atomic_load(&filler->done)) {
		uint64_t full = UINT64_MAX - 1;

		(void)fcntl(filler->event, F_SETFL, O_NONBLOCK);
		(void)write(filler->event, &full, 8);
		(void)fcntl(filler->event, F_SETFL, 0);
	}
	return NULL;
}

static void a_racing_peer_cannot_block_us(void **state)
{
	struct filler filler = { .event = memif_event_create() };
	struct memif_kicker kicker;
	pthread_t thread;

	(void)state;
	if (memif_kicker_init(&kicker) < 0) {
		(void)printf("skipped: no asynchronous I/O here\n");
		skip();
	}
	assert_int_equal(pthread_create(&thread, NULL, keep_full, &filler), 0);
	for (int i = 0; i < 20000; i++) {
		memif_kick(&kicker, filler.event);
		(void)memif_event_clear(filler.event);
	}
	atomic_store(&filler.done, true);
	assert_int_equal(pthread_join(thread, NULL), 0);
	memif_kicker_fini(&kicker);
	(void)close(filler.event);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_verdict_has_a_text),
		cmocka_unit_test(our_own_memory_is_good),
		cmocka_unit_test(files_are_judged),
		cmocka_unit_test(huge_pages_need_the_guard),
		cmocka_unit_test(a_missing_seal_is_set),
		cmocka_unit_test(sets_have_limits),
		cmocka_unit_test(a_program_brings_memory),
		cmocka_unit_test(rings_have_to_fit),
		cmocka_unit_test(shrunk_memory_reads_as_zeros),
		cmocka_unit_test(system_calls_on_shrunk_memory_fail),
		cmocka_unit_test(other_faults_are_handed_on),
		cmocka_unit_test(only_an_eventfd_is_one),
		cmocka_unit_test(events_are_kicked_and_cleared),
		cmocka_unit_test(a_peer_cannot_block_us),
		cmocka_unit_test(a_racing_peer_cannot_block_us),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
