/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A kernel that refuses superpackets it has said it takes: nothing is lost, and
 * the program is told, once for each kind. The kernel of this test is made so by
 * a writev() in front of the real one.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/bits.h"
#include "tests/contract/probe.h"
#include "tests/queue/device.h"

enum {
	FLAGS = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR,
	GSO_TYPE = 1, /* byte of virtio_net_hdr */
	IN_A_ROW = 8, /* refusals after which a kind is given up */
	SENDERS = 4,
};

static atomic_int n_asked; /* superpackets that came to this kernel */

/* The linker gives such names. */
/* NOLINTBEGIN(bugprone-reserved-identifier,readability-identifier-naming) */
ssize_t __wrap_writev(int fd, const struct iovec *iovec, int count);

ssize_t __wrap_writev(int fd, const struct iovec *iovec, int count)
{
	const uint8_t *header = iovec[0].iov_base;

	if (iovec[0].iov_len < 10 || header[GSO_TYPE] == 0)
		return syscall(SYS_writev, fd, iovec, count);
	atomic_fetch_add(&n_asked, 1);
	errno = EINVAL;
	return -1;
}
/* NOLINTEND(bugprone-reserved-identifier,readability-identifier-naming) */

/* What the program hears. */
struct ear {
	struct vif_queue_set *set; /* that spoke last */
	atomic_int n;
	atomic_int n_of[VIF_GSO_UDP + 1];
};

static void hear(void *user, struct vif_queue_set *set, const char *text)
{
	static const char *const name[] = {
		[VIF_GSO_TCP4] = "tcp4",
		[VIF_GSO_TCP6] = "tcp6",
		[VIF_GSO_UDP] = "udp",
	};
	struct ear *ear = user;

	ear->set = set;
	atomic_fetch_add(&ear->n, 1);
	for (int i = VIF_GSO_TCP4; i <= VIF_GSO_UDP; i++)
		if (strstr(text, name[i]))
			atomic_fetch_add(&ear->n_of[i], 1);
}

struct bench {
	struct ear ear;
	struct device device;
	struct vif_queue_set *set;
	struct vif_queue *queue;
};

static void bench_init(struct bench *bench, bool listens)
{
	struct vif_queue_config config = {
		.size = sizeof(config),
		.on_notice = listens ? hear : NULL,
		.user = &bench->ear,
	};
	int fd;

	memset(bench, 0, sizeof(*bench));
	fd = device_make(&bench->device, FLAGS);
	bench->set = device_set(&config, &fd, 1);
	bench->queue = vif_queue_set_at(bench->set, 0);
	device_up(&bench->device);
	atomic_store(&n_asked, 0);
}

static void bench_fini(struct bench *bench)
{
	vif_queue_set_free(bench->set);
	device_close(&bench->device);
}

static void refusals_are_told_once(void **state)
{
	static const enum probe_kind kinds[] = { PROBE_GSO_TCP4,
						 PROBE_GSO_TCP6 };
	static struct bench bench;
	struct vif_port_stats stats;
	struct probe probe;

	(void)state;
	bench_init(&bench, true);
	for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
		probe_make(&probe, kinds[k], false, 1, 5500);
		for (int i = 1; i <= 2 * IN_A_ROW; i++) {
			assert_int_equal(
				vif_queue_tx(bench.queue, &probe.packet, 1), 1);
			assert_int_equal(atomic_load(&bench.ear.n),
					 (int)k + (i >= IN_A_ROW));
		}
		assert_int_equal(atomic_load(&bench.ear.n_of[probe.packet.gso]),
				 1);
		assert_ptr_equal(bench.ear.set, bench.set);
	}
	assert_int_equal(atomic_load(&n_asked), 2 * IN_A_ROW);
	vif_queue_stats(bench.queue, &stats);
	assert_int_equal(stats.tx_refused_superpackets, 4 * IN_A_ROW);
	assert_int_equal(stats.tx_packets, 4 * IN_A_ROW);
	for (int i = 0; i < VIF_DROP_N; i++)
		assert_int_equal(stats.tx_drops[i], 0);
	bench_fini(&bench);
}

static void nobody_has_to_listen(void **state)
{
	static struct bench bench;
	struct probe probe;

	(void)state;
	bench_init(&bench, false);
	probe_make(&probe, PROBE_GSO_TCP4, false, 1, 5500);
	for (int i = 0; i < 2 * IN_A_ROW; i++)
		assert_int_equal(vif_queue_tx(bench.queue, &probe.packet, 1),
				 1);
	assert_int_equal(atomic_load(&n_asked), IN_A_ROW);
	bench_fini(&bench);
}

static void *send_many(void *argument)
{
	struct bench *bench = argument;
	struct vif_queue_writer *writer;
	struct probe probe;
	int sent = 0;

	if (vif_queue_writer_open(bench->queue, &writer) < 0)
		return bench;
	probe_make(&probe, PROBE_GSO_TCP4, false, 1, 5500);
	while (sent < 10 * IN_A_ROW &&
	       vif_queue_writer_tx(writer, &probe.packet, 1) == 1)
		sent++;
	vif_queue_writer_close(writer);
	return sent < 10 * IN_A_ROW ? bench : NULL;
}

/* Several threads find out at a time; one of them says so. */
static void threads_tell_it_once(void **state)
{
	static struct bench bench;
	pthread_t thread[SENDERS];

	(void)state;
	bench_init(&bench, true);
	for (int i = 0; i < SENDERS; i++)
		assert_int_equal(
			pthread_create(&thread[i], NULL, send_many, &bench), 0);
	for (int i = 0; i < SENDERS; i++) {
		void *failed;

		assert_int_equal(pthread_join(thread[i], &failed), 0);
		assert_null(failed);
	}
	assert_int_equal(atomic_load(&bench.ear.n), 1);
	assert_int_equal(atomic_load(&bench.ear.n_of[VIF_GSO_TCP4]), 1);
	bench_fini(&bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refusals_are_told_once),
		cmocka_unit_test(nobody_has_to_listen),
		cmocka_unit_test(threads_tell_it_once),
	};
	int r = device_prepare();

	return r != 0 ? r : cmocka_run_group_tests(tests, NULL, NULL);
}
