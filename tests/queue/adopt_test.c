/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ports on descriptors somebody else has attached, and steering=: what is
 * refused, and what is left behind. That such a port does its work is shown by
 * the contract suite.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/queue/device.h"

enum {
	FLAGS = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR | IFF_MULTI_QUEUE,
	QUEUES = 4,
	FLOWS = 40,
	FIRST_PORT = 20000,
};

static void refused(const char *address, int code, const char *why)
{
	struct vif_port *port = NULL;
	struct vif_error error = { .code = 0 };

	assert_int_equal(vif_port_open(address, NULL, &port, &error), code);
	if (!strstr(error.why, why))
		fail_msg("%s: '%s' does not say '%s'", address, error.why, why);
	assert_null(port);
}

static void refused_with(const char *format, int fd, int code, const char *why)
{
	char address[128];
	int flags = fcntl(fd, F_GETFL);

	(void)snprintf(address, sizeof(address), format, fd, fd + 1);
	refused(address, code, why);
	assert_int_equal(fcntl(fd, F_GETFL), flags); /* open, and as it was */
}

static void contradictions_are_refused(void **state)
{
	struct device device, other;
	int fd = device_make(&device, FLAGS);
	int strange = device_make(&other, FLAGS);
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	char both[64];

	(void)state;
	assert_true(null >= 0);
	refused_with("tun:name,fd=%d", fd, -EINVAL, "has its device already");
	refused_with("tun:,fd=%d,netns=1", fd, -EINVAL, "where it is already");
	refused_with("tun:,fd=%d,queues=2", fd, -EINVAL, "is one queue");
	refused_with("tap:,fd=%d", fd, -EINVAL, "it is TUN, not TAP");
	refused_with("tun:,fd=%d", null, -ENOTTY, "neither TUN nor TAP");
	refused("tun:,fd=12345", -EBADF, "");
	(void)snprintf(both, sizeof(both), "tun:,fd=%d+%d", fd, strange);
	refused(both, -EINVAL, "another one to");
	(void)snprintf(both, sizeof(both), "tun:,fd=%d+%d+%d", fd, strange, fd);
	refused(both, -EINVAL, "given twice");
	assert_int_equal(close(fd), 0);
	assert_int_equal(close(strange), 0);
	assert_int_equal(close(null), 0);
}

/* Older kernels than Linux 6.10 need kcmp(2) for it, which is an option. */
static void copies_are_refused(void **state)
{
	struct device device;
	int fd = device_make(&device, FLAGS);
	int copy = dup(fd);
	char both[64], why[64];

	(void)state;
	assert_true(copy >= 0);
	(void)snprintf(both, sizeof(both), "tun:,fd=%d+%d", fd, copy);
	(void)snprintf(why, sizeof(why), "a copy of descriptor %d", fd);
	if (fcntl(fd, 1024 + 3, fd) != 1) {
		print_message("SKIP: this kernel cannot tell copies\n");
		skip();
	}
	refused(both, -EINVAL, why);
	assert_int_equal(close(fd), 0);
	assert_int_equal(close(copy), 0);
}

static unsigned int mtu_of(const struct device *device)
{
	struct ifreq request = { .ifr_flags = 0 };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	memcpy(request.ifr_name, device->name, sizeof(device->name));
	assert_int_equal(ioctl(fd, SIOCGIFMTU, &request), 0);
	(void)close(fd); /* it has answered */
	return (unsigned int)request.ifr_mtu;
}

/* The device, and the descriptor, are afterwards as they were. */
static void what_was_changed_is_put_back(void **state)
{
	struct vif_port *port;
	struct vif_error error;
	struct device device;
	int fd = device_make(&device, FLAGS);
	struct vif_queue_set *set;
	char address[64];

	(void)state;
	device_up(&device);
	(void)snprintf(address, sizeof(address), "tun:,fd=%d,mtu=1300", fd);
	assert_int_equal(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
	assert_int_equal(vif_port_open(address, NULL, &port, &error), 0);
	assert_int_not_equal(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
	assert_int_equal(mtu_of(&device), 1300);
	assert_int_equal(vif_port_caps(port)->mtu, 1300);
	assert_int_equal(vif_port_start(port, &error), 0);
	vif_port_close(port);
	assert_int_equal(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
	assert_int_equal(mtu_of(&device), 1500);
	/* It works on in other hands. */
	set = device_set(NULL, &fd, 1);
	vif_queue_set_free(set);
	device_close(&device);
}

/* Makes a device in a namespace of its own, which ends with the thread. */
static void *make_elsewhere(void *argument)
{
	int *fd = argument;
	struct device device = { .name = "elsewhere" };

	if (unshare(CLONE_NEWNET) < 0)
		return NULL;
	*fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	if (*fd >= 0 && device_attach(*fd, &device, FLAGS) != 0) {
		(void)close(*fd); /* it is told by the number */
		*fd = -1;
	}
	return NULL;
}

static void the_device_may_be_elsewhere(void **state)
{
	struct vif_port *port;
	struct vif_error error;
	pthread_t thread;
	char address[64];
	int fd = -1;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, make_elsewhere, &fd), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_true(fd >= 0);
	assert_int_equal(if_nametoindex("elsewhere"), 0);
	(void)snprintf(address, sizeof(address), "tun:,fd=%d,ip=10.1.1.1/24",
		       fd);
	if (vif_port_open(address, NULL, &port, &error) < 0)
		fail_msg("%s: %s", error.what, error.why);
	assert_string_equal(vif_port_name(port), "tun:elsewhere");
	assert_int_equal(vif_port_start(port, &error), 0);
	assert_int_equal(vif_port_state(port), VIF_PORT_UP);
	vif_port_close(port);
	assert_int_equal(close(fd), 0);
}

static unsigned int arrived_on(struct vif_port *port, struct vif_batch *batch)
{
	for (unsigned int q = 0; q < QUEUES; q++) {
		int r = vif_port_rx(port, q, batch);

		assert_true(r == 0 || r == 1);
		vif_port_rx_done(port, q, batch);
		if (r == 1)
			return q;
	}
	fail_msg("no packet");
	return 0;
}

struct seen {
	char steering[16];
};

static void look(void *user, const char *key, const char *value)
{
	struct seen *seen = user;

	if (strcmp(key, "steering") == 0)
		(void)snprintf(seen->steering, sizeof(seen->steering), "%s",
			       value);
}

/*
 * Whoever writes: answers would move the flow if the kernel had the choice, as
 * they do in queue-steer.
 */
/* Gives up all rights, in this thread alone, and opens a port. */
static void *open_without_rights(void *argument)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct none[2] = { { 0 } };
	struct vif_port **port = argument;
	const char *address = (const char *)*port;
	struct vif_error error;

	*port = NULL;
	if (syscall(SYS_capset, &header, none) < 0)
		return NULL;
	if (vif_port_open(address, NULL, port, &error) < 0)
		print_message("%s: %s: %s\n", address, error.what, error.why);
	return NULL;
}

/* Whom descriptors are handed to may ask the kernel less than others. */
static void rights_are_not_needed(void **state)
{
	struct device device;
	int fd = device_make(&device, FLAGS);
	struct vif_port *port;
	pthread_t thread;
	char address[64];

	(void)state;
	device_up(&device);
	(void)snprintf(address, sizeof(address), "tun:,fd=%d", fd);
	port = (struct vif_port *)address;
	assert_int_equal(
		pthread_create(&thread, NULL, open_without_rights, &port), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_non_null(port);
	assert_int_equal(vif_port_state(port), VIF_PORT_UP);
	assert_int_equal(vif_port_caps(port)->mtu, 1500);
	vif_port_close(port);
	device_close(&device);
}

static void hash_is_for_ports_too(void **state)
{
	struct vif_port *port;
	struct vif_error error;
	struct device device = { .name = "" };
	struct vif_batch *batch;
	unsigned int used[QUEUES] = { 0 };
	struct seen seen = { "" };
	int fd[QUEUES];
	char address[64];
	int r;

	(void)state;
	fd[0] = device_make(&device, FLAGS);
	for (int i = 1; i < QUEUES; i++)
		fd[i] = device_more(&device, FLAGS);
	(void)snprintf(address, sizeof(address),
		       "tun:,fd=%d+%d+%d+%d,steering=hash", fd[0], fd[1], fd[2],
		       fd[3]);
	r = vif_port_open(address, NULL, &port, &error);
	if (r == -EPERM) {
		print_message("%s: not tried\n", error.why);
		skip();
	}
	assert_int_equal(r, 0);
	vif_port_describe(port, look, &seen);
	assert_string_equal(seen.steering, "hash");
	device_up(&device);
	assert_int_equal(vif_port_start(port, &error), 0);
	assert_int_equal(vif_batch_new(4, 4, &batch), 0);
	for (unsigned int i = 0; i < FLOWS; i++) {
		unsigned int queue;

		device_send(&device, (uint16_t)(FIRST_PORT + i), "x", 1, 0);
		queue = arrived_on(port, batch);
		used[queue]++;
		device_send(&device, (uint16_t)(FIRST_PORT + i), "x", 1, 0);
		assert_int_equal(arrived_on(port, batch), queue);
	}
	for (int i = 0; i < QUEUES; i++)
		assert_true(used[i] > 0);
	vif_batch_free(batch);
	vif_port_close(port);
	for (int i = 0; i < QUEUES; i++)
		assert_int_equal(close(fd[i]), 0);
	device_close(&device);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(contradictions_are_refused),
		cmocka_unit_test(copies_are_refused),
		cmocka_unit_test(what_was_changed_is_put_back),
		cmocka_unit_test(the_device_may_be_elsewhere),
		cmocka_unit_test(rights_are_not_needed),
		cmocka_unit_test(hash_is_for_ports_too),
	};
	int r = device_prepare();

	return r != 0 ? r : cmocka_run_group_tests(tests, NULL, NULL);
}
