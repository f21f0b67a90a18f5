/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of vif probe: AF_PACKET sockets and their rings. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <net/if.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cli/probe_checks.h"
#include "cli/uapi.h"

/* Two blocks of a page or more are a ring. */
enum { RING_BLOCK = 65536, N_BLOCK = 2, RING_FRAME = 2048 };

static int open_socket(void)
{
	/* Protocol 0 receives nothing, so the check disturbs nobody. */
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	return fd;
}

static int set_option(int fd, int option, int value)
{
	if (fd < 0)
		return fd;
	return setsockopt(fd, SOL_PACKET, option, &value, sizeof(value)) < 0 ?
		       -errno :
		       0;
}

int probe_packet_socket(unsigned long value, struct probe_finding *finding)
{
	int fd = open_socket();

	(void)value;
	(void)finding;
	return fd < 0 ? fd : 0;
}

int probe_packet_option(unsigned long value, struct probe_finding *finding)
{
	(void)finding;
	return set_option(open_socket(), (int)value, 1);
}

int probe_packet_vnet_size(unsigned long value, struct probe_finding *finding)
{
	(void)value;
	(void)finding;
	return set_option(open_socket(), PACKET_VNET_HDR_SZ, 12);
}

int probe_packet_ring(unsigned long value, struct probe_finding *finding)
{
	/* V2 takes the first members of it, under the same names. */
	struct tpacket_req3 request = {
		.tp_block_size = RING_BLOCK,
		.tp_block_nr = N_BLOCK,
		.tp_frame_size = RING_FRAME,
		.tp_frame_nr = RING_BLOCK / RING_FRAME * N_BLOCK,
	};
	socklen_t len = value == TPACKET_V3 ? sizeof(request) :
					      sizeof(struct tpacket_req);
	int fd = open_socket();
	int code = set_option(fd, PACKET_VERSION, (int)value);
	void *ring;

	(void)finding;
	if (code < 0)
		return code;
	if (setsockopt(fd, SOL_PACKET, PACKET_RX_RING, &request, len) < 0)
		return -errno;
	ring = mmap(NULL, (size_t)RING_BLOCK * N_BLOCK, PROT_READ | PROT_WRITE,
		    MAP_SHARED, fd, 0);
	if (ring == MAP_FAILED)
		return -errno;
	(void)munmap(ring, (size_t)RING_BLOCK * N_BLOCK); /* seen enough */
	return 0;
}

/* Join a new fanout group of one type; the kernel wants the socket bound. */
static int join_group(unsigned int type)
{
	struct sockaddr_ll address = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = (int)if_nametoindex("lo"),
	};
	int fd = open_socket();

	if (fd < 0)
		return fd;
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	/* A group has one type, so each type gets a number of its own. */
	return set_option(fd, PACKET_FANOUT, (int)(type + 1 + (type << 16)));
}

int probe_packet_fanout(unsigned long value, struct probe_finding *finding)
{
	static const struct {
		unsigned int type;
		const char *name;
	} types[] = {
		{ PACKET_FANOUT_HASH, "hash" }, { PACKET_FANOUT_LB, "lb" },
		{ PACKET_FANOUT_CPU, "cpu" },   { PACKET_FANOUT_QM, "qm" },
		{ PACKET_FANOUT_CBPF, "cbpf" }, { PACKET_FANOUT_EBPF, "ebpf" },
	};
	int code = -EOPNOTSUPP;

	(void)value;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		int result = join_group(types[i].type);

		if (i == 0)
			code = result;
		if (result == 0)
			probe_add(finding->detail, sizeof(finding->detail),
				  "%s", types[i].name);
	}
	return code;
}
