/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which descriptors a set takes, and what it finds out about them: Q4, Q10
 * to Q13 of the study this work follows.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/bits.h"
#include "tests/queue/device.h"

enum {
	PLAIN = IFF_TUN | IFF_NO_PI,
	OFFLOAD = PLAIN | IFF_VNET_HDR,
	QUEUES = OFFLOAD | IFF_MULTI_QUEUE,
};

/* The set does not take it, says why, and leaves it as it is. */
static void refused(struct vif_queue_set *set, int fd, int code,
		    const char *why)
{
	unsigned int n = vif_queue_set_count(set);
	struct vif_error error = { .code = 0 };
	struct vif_queue *queue = NULL;
	int flags = fcntl(fd, F_GETFL);

	if (vif_queue_set_add(set, fd, &queue, &error) != code)
		fail_msg("%s: not %d, %s", why, code, error.why);
	assert_int_equal(error.code, code);
	if (!strstr(error.why, why))
		fail_msg("'%s' does not say '%s'", error.why, why);
	assert_null(queue);
	assert_int_equal(vif_queue_set_count(set), n);
	assert_int_equal(fcntl(fd, F_GETFL), flags);
}

static void refused_once(struct vif_queue_set *set, int fd, int code,
			 const char *why)
{
	assert_true(fd >= 0);
	refused(set, fd, code, why);
	assert_int_equal(close(fd), 0); /* it was still ours */
}

static void strange_descriptors_stay_with_the_caller(void **state)
{
	static const unsigned int with_info[] = {
		IFF_TUN,
		IFF_TAP,
		IFF_TUN | IFF_VNET_HDR,
		IFF_TAP | IFF_VNET_HDR,
	};
	struct vif_queue_set *set = device_set(NULL, NULL, 0);
	struct device device;
	int on = 1;
	int fd;

	(void)state;
	refused(set, -1, -EBADF, "");
	refused(set, 12345, -EBADF, "");
	refused_once(set, open("/dev/net/tun", O_PATH), -EBADF, "O_PATH");
	refused_once(set, open("/dev/net/tun", O_RDONLY), -EBADF, "writing");
	refused_once(set, open("/dev/null", O_RDWR), -ENOTTY, "neither TUN");
	refused_once(set, socket(AF_INET, SOCK_DGRAM, 0), -ENOTTY,
		     "neither TUN");
	refused_once(set, device_fd(), -EBADFD, "not attached");
	for (size_t i = 0; i < ARRAY_LEN(with_info); i++)
		refused_once(set, device_make(&device, with_info[i]),
			     -EOPNOTSUPP, "protocol in front");
	fd = device_make(&device, OFFLOAD);
	if (ioctl(fd, TUNSETVNETBE, &on) == 0)
		refused(set, fd, -EOPNOTSUPP, "byte order");
	else
		print_message("this kernel cannot swap headers: not tried\n");
	assert_int_equal(close(fd), 0);
	fd = device_make(&device, OFFLOAD);
	on = 129;
	assert_int_equal(ioctl(fd, TUNSETVNETHDRSZ, &on), 0);
	refused_once(set, fd, -EOPNOTSUPP, "odd size");
	vif_queue_set_free(set);
}

static void unlike_queues_are_refused(void **state)
{
	struct device device[4];
	int fd = device_make(&device[0], OFFLOAD);
	struct vif_queue_set *set = device_set(NULL, &fd, 1);
	int size = 12, other;

	(void)state;
	refused(set, fd, -EEXIST, "in the set already");
	refused_once(
		set,
		device_make(&device[1], IFF_TAP | IFF_NO_PI | IFF_VNET_HDR),
		-EINVAL, "it is TAP, the others are TUN");
	refused_once(set, device_make(&device[2], PLAIN), -EINVAL,
		     "have 0 bytes, those of the others 10");
	other = device_make(&device[3], OFFLOAD);
	assert_int_equal(ioctl(other, TUNSETVNETHDRSZ, &size), 0);
	refused_once(set, other, -EINVAL, "have 12 bytes");
	vif_queue_set_free(set);
	assert_int_equal(fcntl(fd, F_GETFD), -1); /* it was taken */
	assert_int_equal(errno, EBADF);
	vif_queue_set_free(NULL);
}

/* Whether the kernel tells copies: by F_DUPFD_QUERY of Linux 6.10, or kcmp. */
static bool copies_can_be_told(int fd)
{
	return fcntl(fd, 1024 + 3, fd) == 1 ||
	       syscall(SYS_kcmp, getpid(), getpid(), 0, fd, fd) == 0;
}

/* A copy is the same queue; another descriptor of the device is not. */
static void copies_are_refused(void **state)
{
	struct device device;
	int fd = device_make(&device, QUEUES);
	int more = device_more(&device, QUEUES);
	int copy = dup(more);
	struct vif_queue_set *set = device_set(NULL, &fd, 1);
	struct vif_queue *queue;
	char why[64];

	(void)state;
	assert_true(copy >= 0);
	if (!copies_can_be_told(copy)) {
		print_message("SKIP: this kernel cannot tell copies\n");
		skip();
	}
	assert_int_equal(vif_queue_set_add(set, more, &queue, NULL), 0);
	(void)snprintf(why, sizeof(why), "a copy of descriptor %d", more);
	refused_once(set, copy, -EEXIST, why);
	vif_queue_set_free(set);
}

static void nothing_is_added_after_close(void **state)
{
	struct vif_queue_set *set = device_set(NULL, NULL, 0);
	struct device device;

	(void)state;
	vif_queue_set_close(set);
	vif_queue_set_close(set);
	refused_once(set, device_make(&device, OFFLOAD), -ESHUTDOWN, "closed");
	vif_queue_set_free(set);
}

static void configs_are_checked(void **state)
{
	struct vif_queue_config config = { .size = sizeof(config),
					   .offload =
						   (enum vif_queue_offload)5 };
	struct vif_queue_set *set = NULL;
	struct vif_error error;

	(void)state;
	assert_int_equal(vif_queue_set_new(&config, &set, &error), -EINVAL);
	config = (struct vif_queue_config){ .size = 1 };
	assert_int_equal(vif_queue_set_new(&config, &set, NULL), -EINVAL);
	assert_null(set);
}

/* A superpacket from the kernel and a datagram to it, with these headers. */
static void pass_packets(struct device *device, struct vif_queue *queue)
{
	static uint8_t bytes[4000], answer[4000];
	const struct vif_packet *packet;
	struct vif_batch *batch, *out;

	assert_int_equal(vif_batch_new(8, 8, &batch), 0);
	assert_int_equal(vif_batch_new(1, 1, &out), 0);
	device_send(device, DEVICE_PORT, bytes, 2500, 1000);
	packet = device_read(queue, batch);
	assert_int_equal(packet->gso, VIF_GSO_UDP);
	assert_int_equal(packet->gso_size, 1000);
	assert_int_equal(packet->csum, VIF_CSUM_PARTIAL);
	assert_int_equal(packet->len, 2528);
	assert_non_null(vif_batch_add(
		out, bytes,
		(uint32_t)device_datagram(device, bytes, DEVICE_PORT, 333)));
	out->packet[0].csum = VIF_CSUM_PARTIAL;
	out->packet[0].l4_off = 20;
	out->packet[0].csum_off = 6;
	assert_int_equal(vif_queue_tx(queue, out->packet, 1), 1);
	assert_int_equal(device_receive(device, answer, sizeof(answer)), 333);
	assert_memory_equal(answer, bytes + 28, 333);
	vif_batch_free(out);
	vif_batch_free(batch);
}

/* Q11: the kernel says how long the headers are. */
static void header_sizes_are_the_kernels(void **state)
{
	static const int sizes[] = { 10, 12, 24, 128 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		struct device device;
		int fd = device_make(&device, OFFLOAD);
		struct vif_queue_set *set;
		const struct vif_port_caps *caps;

		assert_int_equal(ioctl(fd, TUNSETVNETHDRSZ, &sizes[i]), 0);
		device_up(&device);
		set = device_set(NULL, &fd, 1);
		caps = vif_queue_caps(vif_queue_set_at(set, 0));
		assert_int_equal(caps->medium, VIF_MEDIUM_IP);
		assert_true(caps->tx_gso & VIF_GSO_BIT(VIF_GSO_UDP));
		assert_true(caps->rx_csum && caps->tx_csum);
		pass_packets(&device, vif_queue_set_at(set, 0));
		vif_queue_set_free(set);
		device_close(&device);
	}
}

/* Whole superpackets in, but only what the set may get comes out. */
static void arrives_cut(unsigned int flags,
			const struct vif_queue_config *config)
{
	static const uint32_t lengths[] = { 1028, 1028, 528 };
	static uint8_t bytes[2500];
	struct device device;
	int fd = device_make(&device, flags);
	struct vif_queue_set *set = device_set(config, &fd, 1);
	struct vif_queue *queue = vif_queue_set_at(set, 0);
	struct vif_batch *batch;

	assert_int_equal(vif_queue_caps(queue)->rx_gso, 0);
	assert_int_equal(vif_queue_caps(queue)->tx_gso, 0);
	assert_false(vif_queue_caps(queue)->rx_csum);
	assert_false(vif_queue_caps(queue)->tx_csum);
	device_up(&device);
	assert_int_equal(vif_batch_new(1, 1, &batch), 0);
	device_send(&device, DEVICE_PORT, bytes, sizeof(bytes), 1000);
	for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
		const struct vif_packet *packet = device_read(queue, batch);

		assert_int_equal(packet->len, lengths[i]);
		assert_int_equal(packet->gso, VIF_GSO_NONE);
		assert_int_equal(packet->csum, VIF_CSUM_COMPLETE);
	}
	vif_batch_free(batch);
	vif_queue_set_free(set);
	device_close(&device);
}

/*
 * Q10: without the header the mask must not be touched: the kernel would take
 * it, and superpackets would come that nothing tells apart.
 */
static void no_header_means_no_offload(void **state)
{
	struct vif_queue_config demand = {
		.size = sizeof(demand),
		.offload = VIF_QUEUE_OFFLOAD_CSUM,
	};
	struct vif_queue_set *set = device_set(&demand, NULL, 0);
	struct device device;

	(void)state;
	arrives_cut(PLAIN, NULL);
	refused_once(set, device_make(&device, PLAIN), -EOPNOTSUPP,
		     "does not offer");
	vif_queue_set_free(set);
}

static void offload_can_be_switched_off(void **state)
{
	struct vif_queue_config config = {
		.size = sizeof(config),
		.offload = VIF_QUEUE_OFFLOAD_OFF,
	};

	(void)state;
	arrives_cut(OFFLOAD, &config);
}

static void demands_are_met(void **state)
{
	static const uint32_t want[] = {
		[VIF_QUEUE_OFFLOAD_CSUM] = 0,
		[VIF_QUEUE_OFFLOAD_TSO] = VIF_GSO_TCP,
		[VIF_QUEUE_OFFLOAD_TSO_USO] = VIF_GSO_ALL,
	};

	(void)state;
	for (int i = VIF_QUEUE_OFFLOAD_CSUM; i <= VIF_QUEUE_OFFLOAD_TSO_USO;
	     i++) {
		struct vif_queue_config config = {
			.size = sizeof(config),
			.offload = (enum vif_queue_offload)i,
		};
		struct device device;
		int fd = device_make(&device, OFFLOAD);
		struct vif_queue_set *set = device_set(&config, &fd, 1);

		assert_int_equal(
			vif_queue_caps(vif_queue_set_at(set, 0))->rx_gso,
			want[i]);
		vif_queue_set_free(set);
	}
}

/* Q12: attached without IFF_VNET_HDR, a queue has it all the same. */
static void other_flags_are_judged_by_the_kernel(void **state)
{
	struct device device;
	int fd[2] = { device_make(&device, QUEUES), -1 };
	struct vif_queue_set *set;

	(void)state;
	fd[1] = device_more(&device, PLAIN | IFF_MULTI_QUEUE);
	device_up(&device);
	set = device_set(NULL, fd, 2);
	assert_int_equal(vif_queue_set_count(set), 2);
	assert_null(vif_queue_set_at(set, 2));
	/* Whichever queue the flow is on: only the second one is attached. */
	assert_int_equal(
		vif_queue_attach(vif_queue_set_at(set, 0), false, NULL), 0);
	pass_packets(&device, vif_queue_set_at(set, 1));
	vif_queue_set_free(set);
	device_close(&device);
}

/* Q13 */
static void queues_have_a_limit(void **state)
{
	struct rlimit files = { 2048, 2048 };
	struct vif_queue_set *set = device_set(NULL, NULL, 0);
	struct vif_queue *queue;
	struct device device, other;
	int fd = device_make(&device, QUEUES);

	(void)state;
	/* Two for each queue; as root, or the limit is high enough. */
	(void)setrlimit(RLIMIT_NOFILE, &files);
	for (int i = 0; i < VIF_QUEUES_MAX; i++) {
		if (i > 0)
			fd = device_more(&device, QUEUES);
		assert_int_equal(vif_queue_set_add(set, fd, &queue, NULL), 0);
	}
	fd = device_fd();
	assert_int_equal(device_attach(fd, &device, QUEUES), E2BIG);
	refused_once(set, fd, -E2BIG, "no more than 256 queues");
	refused_once(set, device_make(&other, OFFLOAD), -E2BIG,
		     "no more than 256 queues");

	vif_queue_set_free(set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(strange_descriptors_stay_with_the_caller),
		cmocka_unit_test(unlike_queues_are_refused),
		cmocka_unit_test(copies_are_refused),
		cmocka_unit_test(nothing_is_added_after_close),
		cmocka_unit_test(configs_are_checked),
		cmocka_unit_test(header_sizes_are_the_kernels),
		cmocka_unit_test(no_header_means_no_offload),
		cmocka_unit_test(offload_can_be_switched_off),
		cmocka_unit_test(demands_are_met),
		cmocka_unit_test(other_flags_are_judged_by_the_kernel),
		cmocka_unit_test(queues_have_a_limit),
	};
	int r = device_prepare();

	return r != 0 ? r : cmocka_run_group_tests(tests, NULL, NULL);
}
