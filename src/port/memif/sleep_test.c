/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of sleeping and waking: who sends an event when, and what an idle queue
 * costs. wakeup_test.c tries the races with two threads.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "base/bits.h"
#include "port/memif/queue.h"
#include "tests/memif_rig.h"

/* The ends of each direction. */
static const struct {
	enum rig_end tx, rx;
} ways[] = {
	{ RIG_CLIENT_TX, RIG_SERVER_RX },
	{ RIG_SERVER_TX, RIG_CLIENT_RX },
};

static uint8_t bytes[8192];

static uint64_t drops(const struct rig *rig, enum rig_end end,
		      enum vif_drop drop)
{
	return counter_read(&rig->counters[end].drops[drop]);
}

static const struct memif_queue_counters *counters(const struct rig *rig,
						   enum rig_end end)
{
	return memif_queue_counters(rig->queue[end]);
}

static bool is_readable(int fd)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };

	return poll(&poll_fd, 1, 0) == 1;
}

/* Arms until it may sleep. Returns how often there was something to do. */
static uint32_t arm(struct rig *rig, enum rig_end end)
{
	uint32_t n = 0;

	while (memif_queue_arm(rig->queue[end]) > 0)
		assert_true(++n < 1000);
	return n;
}

static bool is_masked(const struct rig *rig, size_t way)
{
	struct memif_queue_state state;

	memif_queue_state(rig->queue[ways[way].tx], &state);
	return state.masked;
}

static void interrupts_come_for_every_burst(void **state)
{
	static const struct rig_config config = { .rx_mode =
							  MEMIF_RX_INTERRUPT };
	struct rig *rig = rig_new(&config);

	(void)state;
	for (size_t way = 0; way < ARRAY_LEN(ways); way++) {
		enum rig_end rx = ways[way].rx;
		int fd = memif_queue_wait_fd(rig->queue[rx]);

		assert_int_equal(fd, rig->event[way]);
		assert_int_equal(arm(rig, rx), 0);
		for (uint64_t i = 1; i <= 3; i++) {
			assert_false(is_readable(fd));
			assert_int_equal(rig_send(rig, ways[way].tx, bytes, 60),
					 1);
			assert_true(is_readable(fd));
			assert_true(memif_queue_arm(rig->queue[rx]) > 0);
			assert_int_equal(rig_receive(rig, rx), 1);
			assert_false(is_masked(rig, way));
			rig_done(rig, rx);
			assert_int_equal(arm(rig, rx), 0);
			assert_int_equal(
				counter_read(
					&counters(rig, ways[way].tx)->kicks),
				i);
		}
	}
	rig_free(rig);
}

static void an_adaptive_queue_polls_and_then_sleeps(void **state)
{
	static const struct rig_config config = { .spins = 10 };
	struct rig *rig = rig_new(&config);

	(void)state;
	for (size_t way = 0; way < ARRAY_LEN(ways); way++) {
		enum rig_end tx = ways[way].tx, rx = ways[way].rx;
		int fd = memif_queue_wait_fd(rig->queue[rx]);

		assert_true(is_masked(rig, way));
		assert_int_equal(rig_send(rig, tx, bytes, 60), 1);
		assert_false(is_readable(fd)); /* nobody asked */
		assert_int_equal(rig_receive(rig, rx), 1);
		rig_done(rig, rx);
		/* Ten looks, the last of them without the mask. */
		assert_int_equal(arm(rig, rx), 10);
		assert_false(is_masked(rig, way));
		assert_int_equal(rig_send(rig, tx, bytes, 60), 1);
		assert_true(is_readable(fd));
		assert_int_equal(counter_read(&counters(rig, tx)->kicks), 1);
		assert_int_equal(rig_receive(rig, rx), 1);
		assert_true(is_masked(rig, way)); /* traffic: no events */
		rig_done(rig, rx);
		assert_int_equal(arm(rig, rx), 10);
		assert_false(is_readable(fd));
		assert_int_equal(counter_read(&counters(rig, rx)->sleeps), 2);
	}
	rig_free(rig);
}

/* Who knows the time need not count; and traffic begins anew. */
static void a_settled_queue_sleeps_soon(void **state)
{
	static const struct rig_config config = { .spins = 10 };
	struct rig *rig = rig_new(&config);

	(void)state;
	for (size_t way = 0; way < ARRAY_LEN(ways); way++) {
		enum rig_end tx = ways[way].tx, rx = ways[way].rx;

		for (int i = 0; i < 2; i++) {
			assert_int_equal(memif_queue_arm(rig->queue[rx]), 1);
			assert_true(is_masked(rig, way));
			memif_queue_settle(rig->queue[rx]);
			/* Without the mask there is one more look. */
			assert_int_equal(memif_queue_arm(rig->queue[rx]), 1);
			assert_false(is_masked(rig, way));
			assert_int_equal(memif_queue_arm(rig->queue[rx]), 0);
			memif_queue_settle(rig->queue[rx]);
			assert_int_equal(memif_queue_arm(rig->queue[rx]), 0);
			assert_int_equal(rig_send(rig, tx, bytes, 60), 1);
			assert_true(memif_queue_arm(rig->queue[rx]) > 0);
			assert_int_equal(rig_receive(rig, rx), 1);
			rig_done(rig, rx);
		}
		assert_int_equal(arm(rig, rx), 10);
	}
	rig_free(rig);
}

static void a_polling_queue_never_sleeps(void **state)
{
	static const struct rig_config config = { .rx_mode = MEMIF_RX_POLL };
	struct rig *rig = rig_new(&config);

	(void)state;
	for (size_t way = 0; way < ARRAY_LEN(ways); way++) {
		struct memif_queue *rx = rig->queue[ways[way].rx];

		assert_int_equal(memif_queue_wait_fd(rx), -EINVAL);
		for (int i = 0; i < 100; i++)
			assert_int_equal(memif_queue_arm(rx), 1);
		assert_int_equal(rig_send(rig, ways[way].tx, bytes, 60), 1);
		assert_false(is_readable(rig->event[way]));
		assert_true(is_masked(rig, way));
		/* As a program may wish. */
		memif_queue_set_rx_mode(rx, MEMIF_RX_INTERRUPT);
		assert_false(is_masked(rig, way));
		assert_int_equal(memif_queue_wait_fd(rx), rig->event[way]);
	}
	rig_free(rig);
}

static void a_sender_waits_by_the_timer(void **state)
{
	static const struct rig_config config = { .log2_size = 2 };
	struct rig *rig = rig_new(&config);

	(void)state;
	for (size_t way = 0; way < ARRAY_LEN(ways); way++) {
		struct memif_queue *tx = rig->queue[ways[way].tx];
		struct pollfd timer = { .fd = memif_queue_wait_fd(tx),
					.events = POLLIN };

		assert_true(timer.fd >= 0);
		assert_int_equal(memif_queue_arm(tx), 1); /* there is room */
		for (int i = 0; i < 4; i++)
			assert_int_equal(rig_send(rig, ways[way].tx, bytes, 60),
					 1);
		assert_int_equal(rig_send(rig, ways[way].tx, bytes, 60), 0);
		assert_int_equal(arm(rig, ways[way].tx), MEMIF_TX_SPINS - 1);
		for (int i = 0; i < 10; i++) {
			assert_int_equal(poll(&timer, 1, -1), 1);
			assert_int_equal(memif_queue_arm(tx), 0);
		}
		assert_int_equal(
			counter_read(&counters(rig, ways[way].tx)->waits), 11);
		assert_int_equal(rig_receive(rig, ways[way].rx), 4);
		rig_done(rig, ways[way].rx);
		assert_int_equal(memif_queue_arm(tx), 1);
		assert_int_equal(rig_send(rig, ways[way].tx, bytes, 60), 1);
	}
	rig_free(rig);
}

/* Room for one packet is no room for a chain. */
static void a_chain_waits_for_all_its_slots(void **state)
{
	static const struct rig_config config = { .log2_size = 3 };
	struct rig *rig = rig_new(&config);

	(void)state;
	for (size_t way = 0; way < ARRAY_LEN(ways); way++) {
		struct memif_queue *tx = rig->queue[ways[way].tx];

		for (int i = 0; i < 7; i++)
			assert_int_equal(rig_send(rig, ways[way].tx, bytes, 60),
					 1);
		assert_int_equal(rig_send(rig, ways[way].tx, bytes, 4000), 0);
		assert_int_equal(arm(rig, ways[way].tx), MEMIF_TX_SPINS - 1);
		rig->batch->n_max = 1;
		assert_int_equal(rig_receive(rig, ways[way].rx), 1);
		rig->batch->n_max = RIG_BATCH;
		rig_done(rig, ways[way].rx);
		assert_int_equal(memif_queue_arm(tx), 1);
		assert_int_equal(rig_send(rig, ways[way].tx, bytes, 4000), 1);
	}
	rig_free(rig);
}

/*
 * A client that always keeps a slot to itself, as some do: a packet that needs
 * all slots would wait for ever.
 */
static void a_hopeless_chain_is_given_up(void **state)
{
	static const struct rig_config config = { .log2_size = 2 };
	struct rig *rig = rig_new(&config);
	struct memif_queue *tx = rig->queue[RIG_SERVER_TX];
	int n = 0;

	(void)state;
	memif_ring_give(rig->ring[1].head, 3);
	while (rig_send(rig, RIG_SERVER_TX, bytes, 8000) == 0) {
		struct pollfd timer = { .fd = memif_queue_wait_fd(tx),
					.events = POLLIN };

		if (memif_queue_arm(tx) == 0)
			assert_int_equal(poll(&timer, 1, -1), 1);
		assert_true(++n < 200);
	}
	assert_int_equal(drops(rig, RIG_SERVER_TX, VIF_DROP_TOO_LONG), 1);
	/* The next one is waited for as long. */
	assert_int_equal(rig_send(rig, RIG_SERVER_TX, bytes, 8000), 0);
	assert_int_equal(rig_send(rig, RIG_SERVER_TX, bytes, 6000), 1);
	rig_free(rig);
}

/* From here on, any system call but the one that ends us is deadly. */
static int forbid_system_calls(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	};
	struct sock_fprog program = { ARRAY_LEN(filter), filter };

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
			       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER,
				     &program) < 0 ?
		       -1 :
		       0;
}

/* Not _exit(), where sanitizers do something more. */
static void leave(int status)
{
	(void)syscall(SYS_exit_group, status);
}

/* Returns whether the queue was looked at without a single system call. */
static bool is_quiet(struct rig *rig, enum rig_end rx, uint32_t arms)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (forbid_system_calls() < 0)
			leave(1);
		for (int i = 0; i < 10000; i++)
			if (rig_receive(rig, rx) != 0)
				leave(1);
		for (uint32_t i = 0; i < arms; i++)
			(void)memif_queue_arm(rig->queue[rx]);
		leave(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
	return !WIFSIGNALED(status);
}

/* There when the race detector is; it calls the system as it likes. */
/* NOLINTNEXTLINE(bugprone-reserved-identifier,readability-identifier-naming) */
extern void __tsan_init(void) __attribute__((weak));

static void an_empty_look_makes_no_system_call(void **state)
{
	static const struct rig_config config = { .spins = 100 };
	struct rig *rig;

	(void)state;
	if (__tsan_init) {
		(void)printf("skipped: the race detector makes some itself\n");
		skip();
	}
	rig = rig_new(&config);
	for (size_t way = 0; way < ARRAY_LEN(ways); way++) {
		assert_true(is_quiet(rig, ways[way].rx, 99));
		/* The next one is going to sleep, and that takes one. */
		assert_false(is_quiet(rig, ways[way].rx, 100));
	}
	rig_free(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(interrupts_come_for_every_burst),
		cmocka_unit_test(an_adaptive_queue_polls_and_then_sleeps),
		cmocka_unit_test(a_settled_queue_sleeps_soon),
		cmocka_unit_test(a_polling_queue_never_sleeps),
		cmocka_unit_test(a_sender_waits_by_the_timer),
		cmocka_unit_test(a_chain_waits_for_all_its_slots),
		cmocka_unit_test(a_hopeless_chain_is_given_up),
		cmocka_unit_test(an_empty_look_makes_no_system_call),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
