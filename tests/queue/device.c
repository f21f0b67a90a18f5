/* SPDX-License-Identifier: Apache-2.0 */
/* Devices and their far side for the tests of queues. */
#include "tests/queue/device.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/own_netns.h"
#include "tests/pseudo.h"

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

int device_prepare(void)
{
	int r = own_netns_enter();

	/* Where there is no IPv6, there is nothing to switch off. */
	if (r == 0)
		(void)own_netns_write(
			"/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
	return r;
}

int device_fd(void)
{
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

int device_attach(int fd, struct device *device, unsigned int flags)
{
	static unsigned int n_made;
	struct ifreq request = { .ifr_flags = (short)flags };

	if (device->name[0] == '\0') {
		device->number = n_made++ % 256;
		(void)snprintf(device->name, sizeof(device->name), "vq%u",
			       device->number);
	}
	memcpy(request.ifr_name, device->name, sizeof(device->name));
	return ioctl(fd, TUNSETIFF, &request) < 0 ? errno : 0;
}

int device_more(struct device *device, unsigned int flags)
{
	int fd = device_fd();

	assert_int_equal(device_attach(fd, device, flags), 0);
	return fd;
}

int device_make(struct device *device, unsigned int flags)
{
	*device = (struct device){ .udp_fd = -1, .packet_fd = -1 };
	return device_more(device, flags | IFF_TUN_EXCL);
}

static struct sockaddr_in address_of(const struct device *device, uint8_t host,
				     uint16_t port)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(10u << 24 | 9u << 16 |
					 device->number << 8 | host),
	};
}

int device_socket(const struct device *device, uint16_t port)
{
	struct sockaddr_in at = address_of(device, 1, port);
	int on = 1;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	return fd;
}

static int packet_socket(const struct device *device)
{
	struct sockaddr_ll at = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = (int)if_nametoindex(device->name),
	};
	int on = 1;
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	assert_true(fd >= 0);
	assert_int_equal(
		setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof(on)),
		0);
	assert_int_equal(setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on,
				    sizeof(on)),
			 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	return fd;
}

void device_up(struct device *device)
{
	struct sockaddr_in at = address_of(device, 1, 0);
	struct sockaddr_in mask = { .sin_family = AF_INET,
				    .sin_addr.s_addr = htonl(0xffffff00) };
	struct ifreq request = { .ifr_flags = 0 };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	memcpy(request.ifr_name, device->name, sizeof(device->name));
	memcpy(&request.ifr_addr, &at, sizeof(at));
	assert_int_equal(ioctl(fd, SIOCSIFADDR, &request), 0);
	memcpy(&request.ifr_netmask, &mask, sizeof(mask));
	assert_int_equal(ioctl(fd, SIOCSIFNETMASK, &request), 0);
	assert_int_equal(ioctl(fd, SIOCGIFFLAGS, &request), 0);
	request.ifr_flags |= IFF_UP;
	assert_int_equal(ioctl(fd, SIOCSIFFLAGS, &request), 0);
	(void)close(fd); /* it has answered */
	device->udp_fd = device_socket(device, DEVICE_PORT);
	device->packet_fd = packet_socket(device);
}

void device_close(struct device *device)
{
	if (device->udp_fd >= 0)
		(void)close(device->udp_fd); /* all was read that matters */
	if (device->packet_fd >= 0)
		(void)close(device->packet_fd); /* likewise */
}

void device_send_by(const struct device *device, int udp_fd, const void *data,
		    size_t len, uint16_t gso_size)
{
	struct sockaddr_in to = address_of(device, 2, DEVICE_PORT);
	int size = gso_size;

	assert_int_equal(setsockopt(udp_fd, IPPROTO_UDP, UDP_SEGMENT, &size,
				    sizeof(size)),
			 0);
	assert_int_equal(sendto(udp_fd, data, len, 0, (struct sockaddr *)&to,
				sizeof(to)),
			 len);
}

void device_send(const struct device *device, uint16_t from_port,
		 const void *data, size_t len, uint16_t gso_size)
{
	int fd = device->udp_fd;

	if (from_port != DEVICE_PORT)
		fd = device_socket(device, from_port);
	device_send_by(device, fd, data, len, gso_size);
	if (fd != device->udp_fd)
		(void)close(fd); /* the datagram is on its way */
}

size_t device_receive(const struct device *device, void *data, size_t size)
{
	struct pollfd ready = { .fd = device->udp_fd, .events = POLLIN };
	ssize_t n;

	assert_int_equal(poll(&ready, 1, DEVICE_PATIENCE_MS), 1);
	n = recv(device->udp_fd, data, size, 0);
	assert_true(n >= 0);
	return (size_t)n;
}

struct vif_queue_set *device_set(const struct vif_queue_config *config,
				 const int *fd, unsigned int n)
{
	struct vif_queue_set *set = NULL;
	struct vif_queue *queue;
	struct vif_error error;

	assert_int_equal(vif_queue_set_new(config, &set, &error), 0);
	for (unsigned int i = 0; i < n; i++)
		if (vif_queue_set_add(set, fd[i], &queue, &error) < 0)
			fail_msg("%s: %s", error.what, error.why);
	return set;
}

const struct vif_packet *device_read(struct vif_queue *queue,
				     struct vif_batch *batch)
{
	assert_int_equal(vif_queue_read(queue, batch, DEVICE_PATIENCE_MS), 1);
	return &batch->packet[0];
}

size_t device_datagram(const struct device *device, uint8_t *to, uint16_t port,
		       size_t payload)
{
	uint8_t addresses[8] = { 10, 9, (uint8_t)device->number, 2,
				 10, 9, (uint8_t)device->number, 1 };

	memset(to, 0, 28);
	to[0] = 0x45;
	put_be16(to + 2, (uint16_t)(28 + payload));
	to[8] = 64;
	to[9] = IPPROTO_UDP;
	memcpy(to + 12, addresses, 8);
	checksum_store(to + 10, (uint16_t)~checksum_fold(checksum_sum(to, 20)));
	put_be16(to + 20, DEVICE_PORT);
	put_be16(to + 22, port);
	put_be16(to + 24, (uint16_t)(8 + payload));
	for (size_t i = 0; i < payload; i++)
		to[28 + i] = (uint8_t)(i * 7 + i / 256);
	checksum_store(to + 26, pseudo(to, IPPROTO_UDP, 8 + payload));
	return 28 + payload;
}
