/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program that is one end of a cable itself: a TUN device with two queues
 * that sends TCP and UDP over IPv4 back, but no fragments. Superpackets are read
 * whole and cut only here. Ends with the device.
 *
 *     cc queues.c $(pkg-config --cflags --libs vif) && ./a.out NAME
 */
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include <vif/vif.h>

/* A queue, the way any program opens one. */
static int open_queue(const char *name)
{
	struct ifreq request = { .ifr_flags = IFF_TUN | IFF_NO_PI };
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	request.ifr_flags |= IFF_MULTI_QUEUE | IFF_VNET_HDR;
	(void)snprintf(request.ifr_name, IFNAMSIZ, "%s", name);
	if (fd >= 0 && ioctl(fd, TUNSETIFF, &request) < 0)
		perror(name); /* and the set will not take it */
	return fd;
}

/* Swaps addresses and ports; the checksums stay right by that. */
static void send_back(struct vif_queue_writer *to, struct vif_packet *packet)
{
	unsigned char *ip = packet->seg[0].iov_base, keep[12];
	unsigned int ip_len = (ip[0] & 15u) * 4;

	if (ip[0] >> 4 != 4 || ip_len < 20 ||
	    packet->seg[0].iov_len < ip_len + 8 || (ip[6] & 63) || ip[7] ||
	    (ip[9] != 6 && ip[9] != 17))
		return;
	memcpy(keep, ip + 12, 8);
	memcpy(keep + 8, ip + ip_len, 4);
	memcpy(ip + 12, keep + 4, 4);
	memcpy(ip + 16, keep, 4);
	memcpy(ip + ip_len, keep + 10, 2);
	memcpy(ip + ip_len + 2, keep + 8, 2);
	(void)vif_queue_writer_tx(to, packet, 1); /* or it is lost */
}

/* One thread for each queue. Its writer does not disturb others that send. */
static void *serve(void *argument)
{
	struct vif_queue *queue = argument;
	bool finish = !vif_queue_caps(queue)->tx_csum;
	struct vif_queue_writer *writer;
	struct vif_packet segment;
	struct vif_batch *batch;
	struct vif_cut *cut;

	if (vif_batch_new(64, 64, &batch) < 0 || vif_cut_new(&cut) < 0 ||
	    vif_queue_writer_open(queue, &writer) < 0)
		return NULL; /* the process ends with its main thread */
	while (vif_queue_read(queue, batch, -1) > 0)
		for (unsigned int i = 0; i < batch->n; i++)
			if (vif_cut_start(cut, &batch->packet[i], VIF_MEDIUM_IP,
					  finish) == 0)
				while (vif_cut_next(cut, NULL, &segment) > 0)
					send_back(writer, &segment);
	vif_queue_writer_close(writer);
	vif_cut_free(cut);
	vif_batch_free(batch);
	return NULL;
}

int main(int argc, char **argv)
{
	struct vif_queue_set *set;
	struct vif_port_stats stats;
	struct vif_queue *queue;
	struct vif_error error;
	pthread_t thread[2];

	if (argc != 2 || vif_queue_set_new(NULL, &set, &error) < 0)
		return EXIT_FAILURE;
	for (int i = 0; i < 2; i++)
		if (vif_queue_set_add(set, open_queue(argv[1]), &queue,
				      &error) < 0 ||
		    pthread_create(&thread[i], NULL, serve, queue) != 0)
			return EXIT_FAILURE;
	for (int i = 0; i < 2; i++)
		(void)pthread_join(thread[i], NULL); /* of a good thread */
	vif_queue_set_stats(set, &stats);
	printf("%ju superpackets in, %ju packets out\n",
	       (uintmax_t)stats.rx_superpackets, (uintmax_t)stats.tx_packets);
	vif_queue_set_free(set);
	return EXIT_SUCCESS;
}
