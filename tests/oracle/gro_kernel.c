/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel's GRO between two TUN devices. */
#include "tests/oracle/gro_kernel.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#include "os/rtnl.h"
#include "os/tun.h"
#include "tests/craft.h"
#include "tests/own_netns.h"

#define IN_NAME "in"

enum gro_kernel_limits {
	GRO_KERNEL_HELD_MAX = 8, /* MAX_GRO_SKBS of net/core/gro.c */
	FEATURES_MAX = 256,
};

static int skip(const char *what)
{
	char text[128] = "";

	/* printf's own text of errno. */
	(void)snprintf(text, sizeof(text), "SKIP: %s: %m", what);
	(void)puts(text);
	return OWN_NETNS_SKIP;
}

/* A sysfs that shows the devices of our namespace, seen by nobody else. */
static int mount_sysfs(void)
{
	if (unshare(CLONE_NEWNS) < 0)
		return skip("no mount namespace");
	if (mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return skip("cannot keep mounts private");
	if (mount("sysfs", "/sys", "sysfs", 0, NULL) < 0)
		return skip("cannot mount a sysfs");
	return 0;
}

static int set_up_in(int fd)
{
	static const uint8_t ip4[4] = { 10, 1, 0, 1 };
	static const uint8_t ip6[16] = { 0xfd, 1, [15] = 1 };
	struct rtnl_link link;
	struct rtnl rtnl;
	int r = rtnl_open(&rtnl);

	if (r < 0)
		return r;
	r = tun_attach(fd, IN_NAME, IFF_TUN | IFF_NO_PI | IFF_NAPI);
	if (r == 0)
		r = rtnl_link_get(&rtnl, IN_NAME, &link);
	if (r == 0)
		r = rtnl_addr_add(
			&rtnl,
			&(struct rtnl_addr){ link.index, AF_INET, 24, ip4 });
	if (r == 0)
		r = rtnl_addr_add(
			&rtnl,
			&(struct rtnl_addr){ link.index, AF_INET6, 64, ip6 });
	if (r == 0)
		r = rtnl_link_set_up(&rtnl, link.index, true);
	rtnl_close(&rtnl);
	return r;
}

static int open_in(int *ret_fd)
{
	int fd = tun_open();
	int r = fd < 0 ? fd : set_up_in(fd);

	if (r == 0) {
		*ret_fd = fd;
		return 0;
	}
	if (fd >= 0)
		(void)close(fd); /* nothing was written */
	errno = -r;
	return skip("no TUN device with NAPI");
}

/* One ethtool request about the device. */
static int ethtool(int fd, void *request)
{
	struct ifreq ifr = { .ifr_name = IN_NAME, .ifr_data = request };

	return ioctl(fd, SIOCETHTOOL, &ifr);
}

/* Number of the device feature of that name, or -1. */
static int find_feature(int fd, const char *name)
{
	struct ethtool_gstrings *names;
	int found = -1;

	names = calloc(1,
		       sizeof(*names) + (size_t)FEATURES_MAX * ETH_GSTRING_LEN);
	if (!names)
		return -1;
	names->cmd = ETHTOOL_GSTRINGS;
	names->string_set = ETH_SS_FEATURES;
	/* A length of 0 asks for all; there are some 64 features. */
	if (ethtool(fd, names) < 0)
		names->len = 0;
	for (uint32_t i = 0; i < names->len && found < 0; i++)
		if (strncmp((const char *)names->data +
				    (size_t)i * ETH_GSTRING_LEN,
			    name, ETH_GSTRING_LEN) == 0)
			found = (int)i;
	free(names);
	return found;
}

/* Returns whether the feature is on now. */
static bool set_feature(int fd, const char *name)
{
	struct ethtool_set_features_block *block;
	struct ethtool_sfeatures *request;
	int i = find_feature(fd, name);
	bool done;

	if (i < 0)
		return false;
	request = calloc(1,
			 sizeof(*request) + FEATURES_MAX / 32 * sizeof(*block));
	if (!request)
		return false;
	request->cmd = ETHTOOL_SFEATURES;
	request->size = (uint32_t)i / 32 + 1;
	block = &request->features[i / 32];
	block->valid = block->requested = 1u << i % 32;
	done = ethtool(fd, request) >= 0;
	free(request);
	return done;
}

/* GRO of UDP packets that are forwarded is off by default. */
static int set_udp_gro(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool done = fd >= 0 && set_feature(fd, "rx-udp-gro-forwarding");

	if (fd >= 0)
		(void)close(fd); /* only asked */
	return done ? 0 : skip("no rx-udp-gro-forwarding");
}

static int set_kernel(void)
{
	int r = set_udp_gro();

	if (r != 0)
		return r;
	if (!own_netns_write("/sys/class/net/" IN_NAME "/gro_flush_timeout",
			     "30000000"))
		return skip("cannot set gro_flush_timeout");
	if (!own_netns_write("/proc/sys/net/ipv4/ip_forward", "1") ||
	    !own_netns_write("/proc/sys/net/ipv6/conf/all/forwarding", "1"))
		return skip("cannot switch forwarding on");
	return 0;
}

static int open_out(struct gro_kernel *kernel)
{
	static const char address[] =
		"tun:out,ip=10.2.0.1/24,ip=fd02::1/64,mtu=65535";
	struct vif_error error;
	char line[512];
	int r = vif_port_open(address, NULL, &kernel->out, &error);

	if (r == 0)
		r = vif_port_start(kernel->out, &error);
	if (r == 0)
		r = vif_batch_new(64, 64, &kernel->batch);
	if (r == 0)
		return 0;
	(void)vif_error_text(&error, line, sizeof(line));
	(void)printf("%s\n", line);
	return EXIT_FAILURE;
}

int gro_kernel_open(struct gro_kernel *kernel)
{
	int r = own_netns_enter();

	*kernel = (struct gro_kernel){ .in = -1 };
	if (r == 0)
		r = mount_sysfs();
	if (r == 0)
		r = open_in(&kernel->in);
	if (r == 0)
		r = set_kernel();
	if (r == 0)
		r = open_out(kernel);
	if (r != 0)
		gro_kernel_close(kernel);
	return r;
}

void gro_kernel_close(struct gro_kernel *kernel)
{
	vif_port_close(kernel->out);
	vif_batch_free(kernel->batch);
	if (kernel->in >= 0)
		(void)close(kernel->in); /* the device goes with it */
	*kernel = (struct gro_kernel){ .in = -1 };
}

int gro_kernel_write(struct gro_kernel *kernel, const uint8_t *packet,
		     size_t len)
{
	if (write(kernel->in, packet, len) == (ssize_t)len)
		return 0;
	perror("write to tun");
	return -1;
}

/* Packets of flows nobody has seen, each of which GRO holds back. */
int gro_kernel_flush(struct gro_kernel *kernel)
{
	uint8_t packet[CRAFT_HEADER_MAX + 1];

	for (uint32_t i = 0; i < GRO_KERNEL_HELD_MAX; i++) {
		struct craft craft = {
			.port = (uint16_t)(GRO_KERNEL_FILLER - 1000 +
					   kernel->flushed++ % 4000),
			.len = 1,
		};

		if (gro_kernel_write(kernel, packet,
				     craft_put(&craft, packet)) < 0)
			return -1;
	}
	return 0;
}
