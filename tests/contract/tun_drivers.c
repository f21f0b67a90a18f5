/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Drivers for TUN and TAP, in a network namespace of their own.
 *
 * The far side is a packet socket on the device, with virtio_net headers: what
 * it sends goes out through the device and to the port, what the port sends
 * comes in through the device and is seen by it. IPv6 is off, so the kernel has
 * nothing of its own to say.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/contract/netns.h"

#ifndef VIRTIO_NET_HDR_GSO_UDP_L4
#define VIRTIO_NET_HDR_GSO_UDP_L4 5
#endif

static int far_open(struct rig *rig, const char *name)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET };
	int on = 1, size = 16 << 20;

	rig->ifindex = if_nametoindex(name);
	to.sll_ifindex = (int)rig->ifindex;
	to.sll_protocol = __builtin_bswap16(ETH_P_ALL);
	rig->far_fd =
		socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (rig->ifindex == 0 || rig->far_fd < 0 ||
	    setsockopt(rig->far_fd, SOL_PACKET, PACKET_VNET_HDR, &on,
		       sizeof(on)) < 0 ||
	    setsockopt(rig->far_fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on,
		       sizeof(on)) < 0 ||
	    setsockopt(rig->far_fd, SOL_SOCKET, SO_RCVBUFFORCE, &size,
		       sizeof(size)) < 0 ||
	    bind(rig->far_fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		fail_msg("no packet socket on %s: errno %d", name, errno);
	return 0;
}

/* format gets the name of a new device and the keys. */
static int open_device(struct rig *rig, const char *format, const char *keys)
{
	static unsigned int n_made;
	struct vif_port_config config = rig_config(rig);
	char address[256], name[IF_NAMESIZE];
	int r;

	(void)snprintf(name, sizeof(name), "vifc%u", n_made++);
	(void)snprintf(address, sizeof(address), format, name, keys);
	r = vif_port_open(address, &config, &rig->port, &rig->error);
	return r < 0 ? r : far_open(rig, name);
}

static int tun_open(struct rig *rig, const char *keys)
{
	return open_device(rig, "tun:%s%s", keys);
}

static int attached_fd(const char *name, unsigned int flags)
{
	struct ifreq request = { .ifr_flags = (short)(IFF_TUN | IFF_NO_PI |
						      IFF_VNET_HDR | flags) };
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	(void)snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	if (fd < 0 || ioctl(fd, TUNSETIFF, &request) < 0)
		fail_msg("cannot attach to %s: errno %d", name, errno);
	return fd;
}

/* What tun: does with a device it makes, on descriptors it is given. */
static int tun_fd_open(struct rig *rig, const char *keys)
{
	static unsigned int n_made;
	struct vif_port_config config = rig_config(rig);
	bool is_multi = strstr(keys, "queues=2");
	unsigned int flags = is_multi ? IFF_MULTI_QUEUE : 0;
	char address[256], name[IF_NAMESIZE];
	int fd[2], r;

	(void)snprintf(name, sizeof(name), "viff%u", n_made++);
	fd[0] = attached_fd(name, flags);
	fd[1] = is_multi ? attached_fd(name, flags) : -1;
	if (is_multi)
		(void)snprintf(address, sizeof(address), "tun:,fd=%d+%d%s",
			       fd[0], fd[1], keys);
	else
		(void)snprintf(address, sizeof(address), "tun:,fd=%d%s", fd[0],
			       keys);
	r = vif_port_open(address, &config, &rig->port, &rig->error);
	/* The port has copies. */
	(void)close(fd[0]);
	if (is_multi)
		(void)close(fd[1]);
	return r < 0 ? r : far_open(rig, name);
}

enum { ALONE_FD = 200 };

static int tun_fd_prepare(void)
{
	int r = netns_enter();
	int fd;

	if (r != 0)
		return r;
	fd = attached_fd("vifalone", 0);
	r = dup2(fd, ALONE_FD) == ALONE_FD ? 0 : -1;
	(void)close(fd); /* there is the other one */
	return r;
}

static int tap_open(struct rig *rig, const char *keys)
{
	return open_device(rig, "tap:%s%s", keys);
}

static int fault_tun_open(struct rig *rig, const char *keys)
{
	char escaped[128];
	size_t n = 0;

	for (; *keys != '\0' && n + 2 < sizeof(escaped); keys++) {
		if (*keys == ',')
			escaped[n++] = '\\';
		escaped[n++] = *keys;
	}
	escaped[n] = '\0';
	return open_device(rig, "fault:tun:%s%s", escaped);
}

static const uint8_t virtio_gso[] = {
	[VIF_GSO_NONE] = VIRTIO_NET_HDR_GSO_NONE,
	[VIF_GSO_TCP4] = VIRTIO_NET_HDR_GSO_TCPV4,
	[VIF_GSO_TCP6] = VIRTIO_NET_HDR_GSO_TCPV6,
	[VIF_GSO_UDP] = VIRTIO_NET_HDR_GSO_UDP_L4,
};

/* A packet socket remembers that its device was down once. */
static void forget_error(int fd)
{
	int error;
	socklen_t size = sizeof(error);

	(void)getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
}

static bool far_send(struct rig *rig, const struct vif_packet *packet)
{
	struct virtio_net_hdr header = { .gso_type = virtio_gso[packet->gso] };
	struct iovec iov[VIF_PACKET_SEG_MAX + 1] = {
		{ &header, sizeof(header) },
	};
	struct sockaddr_ll to = {
		.sll_family = AF_PACKET,
		.sll_ifindex = (int)rig->ifindex,
	};
	struct msghdr message = {
		.msg_name = &to,
		.msg_namelen = sizeof(to),
		.msg_iov = iov,
		.msg_iovlen = packet->n_seg + 1u,
	};
	const uint8_t *bytes = packet->seg[0].iov_base;
	uint8_t first = bytes[rig_is_eth(rig) ? 14 : 0];

	to.sll_protocol =
		__builtin_bswap16(first >> 4 == 6 ? ETH_P_IPV6 : ETH_P_IP);
	if (packet->csum == VIF_CSUM_PARTIAL) {
		header.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
		header.csum_start = packet->l4_off;
		header.csum_offset = packet->csum_off;
	}
	header.gso_size = packet->gso_size;
	header.hdr_len = packet->hdr_len;
	forget_error(rig->far_fd);
	memcpy(iov + 1, packet->seg, packet->n_seg * sizeof(*iov));
	if (sendmsg(rig->far_fd, &message, 0) >= 0)
		return true;
	print_error("far side: sendmsg: errno %d\n", errno);
	return false;
}

static void from_virtio(const struct virtio_net_hdr *header,
			struct vif_packet *packet)
{
	uint8_t type = header->gso_type & (uint8_t)~VIRTIO_NET_HDR_GSO_ECN;

	for (size_t i = 0; i < sizeof(virtio_gso); i++)
		if (virtio_gso[i] == type)
			packet->gso = (uint8_t)i;
	packet->gso_size = header->gso_size;
	if (header->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) {
		packet->csum = VIF_CSUM_PARTIAL;
		packet->l4_off = header->csum_start;
		packet->csum_off = header->csum_offset;
	}
}

static bool far_receive(struct rig *rig, struct probe_seen *ret_seen)
{
	static uint8_t bytes[PROBE_BUFFER];
	struct virtio_net_hdr header;
	struct iovec iov[2] = {
		{ &header, sizeof(header) },
		{ bytes, sizeof(bytes) },
	};
	struct pollfd ready = { .fd = rig->far_fd, .events = POLLIN };

	while (poll(&ready, 1, CONTRACT_PATIENCE_MS) == 1) {
		ssize_t n = readv(rig->far_fd, iov, 2);
		struct vif_packet packet = { .n_seg = 1 };
		struct iovec seg = { .iov_base = bytes };

		if (n < (ssize_t)sizeof(header))
			continue;
		seg.iov_len = (size_t)n - sizeof(header);
		packet.seg = &seg;
		packet.len = (uint32_t)seg.iov_len;
		from_virtio(&header, &packet);
		if (probe_look(&packet, rig_is_eth(rig), ret_seen))
			return true;
	}
	return false;
}

#define TUN_HAS \
	(HAS_FAR | HAS_GONE | HAS_DOWN | HAS_WAIT | HAS_OFFLOAD | HAS_FACTS)

static const char *const tun_bad[] = {
	"tun:a/b",
	"tun:sixteen-bytes-and",
	"tun:vifbad,queues=0",
	"tun:vifbad,queues=300",
	"tun:vifbad,mtu=67",
	"tun:vifbad,ip=10.0.0.1/33",
	"tun:vifbad,netns=no-such-namespace",
	"tun:vifbad,owner=no-such-user",
	"tun:vifbad,mac=02:00:5e:00:53:01",
	"tun:lo",
	NULL,
};

static const char *const tun_fd_bad[] = {
	"tun:,fd=12345",        "tun:,fd=0x3",
	"tun:vifbad,fd=200",    "tun:,fd=200,netns=/proc/self/ns/net",
	"tun:,fd=200,queues=2", "tap:,fd=200",
	"tun:,fd=200,mtu=67",   NULL,
};

static const char *const tap_bad[] = {
	"tap:a b",
	"tap:vifbad,mac=1",
	"tap:vifbad,netns=/proc/self/exe",
	"tap:vifbad,group=no-such-group",
	"tap:lo",
	NULL,
};

static const char *const fault_tun_bad[] = {
	"fault:tun:lo",
	"fault:tun:vifbad,nonsense",
	"fault:tun:vifbad\\,mtu=6",
	"fault:tun:vifbad,drop=200%",
	NULL,
};

const struct driver driver_tun = {
	.name = "tun",
	.type = "tun",
	.alone = "tun:vifalone",
	.has = TUN_HAS,
	.bad = tun_bad,
	.prepare = netns_enter,
	.open = tun_open,
	.far_send = far_send,
	.far_receive = far_receive,
	.set_up = netns_set_up,
	.vanish = netns_vanish,
};

const struct driver driver_tun_fd = {
	.name = "tun-fd",
	.type = "tun",
	.alone = "tun:,fd=200",
	.has = TUN_HAS,
	.bad = tun_fd_bad,
	.prepare = tun_fd_prepare,
	.open = tun_fd_open,
	.far_send = far_send,
	.far_receive = far_receive,
	.set_up = netns_set_up,
	.vanish = netns_vanish,
};

const struct driver driver_tap = {
	.name = "tap",
	.type = "tap",
	.alone = "tap:vifalone",
	.has = TUN_HAS,
	.bad = tap_bad,
	.prepare = netns_enter,
	.open = tap_open,
	.far_send = far_send,
	.far_receive = far_receive,
	.set_up = netns_set_up,
	.vanish = netns_vanish,
};

const struct driver driver_fault_tun = {
	.name = "fault-tun",
	.type = "fault",
	.alone = "fault:tun:vifalone",
	.has = TUN_HAS,
	.bad = fault_tun_bad,
	.prepare = netns_enter,
	.open = fault_tun_open,
	.far_send = far_send,
	.far_receive = far_receive,
	.set_up = netns_set_up,
	.vanish = netns_vanish,
};
