/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Devices and their far side for the tests of queues.
 *
 *     set under test -- device vqN, 10.9.N.1/24 -- sockets of this process
 *
 * Everything is in a network namespace of this process. What cannot be done
 * here fails the test.
 */
#ifndef TESTS_QUEUE_DEVICE_H
#define TESTS_QUEUE_DEVICE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <linux/if_tun.h>
#include <net/if.h>

#include <vif/vif.h>

enum device_limits {
	DEVICE_PATIENCE_MS = 10000, /* for what should happen at once */
	DEVICE_PORT = 7000,         /* UDP, at both ends */
};

struct device {
	char name[IF_NAMESIZE];
	unsigned int number;
	int udp_fd;    /* bound to its address and DEVICE_PORT */
	int packet_fd; /* sees what enters from the device; non-blocking */
};

/* Enters the namespace. 0, or 77 with the reason printed. */
int device_prepare(void);

/* A descriptor of /dev/net/tun, not attached. */
int device_fd(void);

/* Attaches it; an error number as it is. An empty name makes one up. */
int device_attach(int fd, struct device *device, unsigned int flags);

/* A new device with one queue attached: its descriptor. */
int device_make(struct device *device, unsigned int flags);

/* One more queue of it. */
int device_more(struct device *device, unsigned int flags);

/* Gives it its address, sets it up and makes the sockets. */
void device_up(struct device *device);
void device_close(struct device *device);

/* A UDP socket bound to its address. */
int device_socket(const struct device *device, uint16_t port);

/* From the kernel to the device: datagrams to host 2, DEVICE_PORT. */
void device_send_by(const struct device *device, int udp_fd, const void *data,
		    size_t len, uint16_t gso_size);
void device_send(const struct device *device, uint16_t from_port,
		 const void *data, size_t len, uint16_t gso_size);

/* What the kernel got from the device, next datagram; its length. */
size_t device_receive(const struct device *device, void *data, size_t size);

/* A set with the queues; each descriptor is taken. */
struct vif_queue_set *device_set(const struct vif_queue_config *config,
				 const int *fd, unsigned int n);

/* Reads from a queue until there is a packet; it is the only one. */
const struct vif_packet *device_read(struct vif_queue *queue,
				     struct vif_batch *batch);

/* A UDP datagram over IPv4 from host 2 to the kernel, and its length. */
size_t device_datagram(const struct device *device, uint8_t *to, uint16_t port,
		       size_t payload);

#endif
