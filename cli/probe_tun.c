/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of vif probe: /dev/net/tun and the devices it makes. */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "cli/probe_checks.h"
#include "cli/uapi.h"

#define TUN_PATH    "/dev/net/tun"
#define DEVICE_NAME "vifprobe"

#define DETAIL(finding, ...) \
	probe_add((finding)->detail, sizeof((finding)->detail), __VA_ARGS__)

static const struct {
	unsigned int flag;
	const char *name;
} flag_names[] = {
	{ IFF_TUN, "tun" },
	{ IFF_TAP, "tap" },
	{ IFF_NAPI, "napi" },
	{ IFF_NAPI_FRAGS, "napi_frags" },
	{ IFF_NO_CARRIER, "no_carrier" },
	{ IFF_MULTI_QUEUE, "multi_queue" },
	{ IFF_NO_PI, "no_pi" },
	{ IFF_ONE_QUEUE, "one_queue" },
	{ IFF_VNET_HDR, "vnet_hdr" },
};

int probe_tun_open(unsigned long value, struct probe_finding *finding)
{
	int fd = open(TUN_PATH, O_RDWR | O_CLOEXEC);
	int code = fd < 0 ? -errno : 0;
	struct stat status;

	(void)value;
	if (stat(TUN_PATH, &status) == 0)
		DETAIL(finding, "mode %04o of user %u group %u",
		       (unsigned int)status.st_mode & 07777, status.st_uid,
		       status.st_gid);
	if (code == -ENOENT || code == -ENODEV || code == -ENXIO)
		(void)snprintf(
			finding->hint, sizeof(finding->hint),
			"as root: modprobe tun; in a container, start it with --device " TUN_PATH);
	return code;
}

int probe_tun_flags(unsigned long value, struct probe_finding *finding)
{
	int fd = open(TUN_PATH, O_RDWR | O_CLOEXEC);
	unsigned int flags = 0;

	(void)value;
	if (fd < 0 || ioctl(fd, TUNGETFEATURES, &flags) < 0)
		return -errno;
	for (size_t i = 0; i < sizeof(flag_names) / sizeof(flag_names[0]); i++)
		if (flags & flag_names[i].flag)
			DETAIL(finding, "%s", flag_names[i].name);
	return 0;
}

/* Open a queue of the throw-away device; returns its descriptor. */
static int make_device(unsigned long flags)
{
	struct ifreq request = { .ifr_name = DEVICE_NAME };
	int fd = open(TUN_PATH, O_RDWR | O_CLOEXEC);

	request.ifr_flags = (short)(flags | IFF_NO_PI);
	if (fd < 0 || ioctl(fd, TUNSETIFF, &request) < 0)
		return -errno;
	return fd;
}

/* Whether the device really is what was asked for. */
static int check_flags(int fd, unsigned long flags)
{
	struct ifreq request = { .ifr_name = "" };

	if (ioctl(fd, TUNGETIFF, &request) < 0)
		return -errno;
	if (((unsigned long)request.ifr_flags & flags) != flags)
		return -EOPNOTSUPP;
	return 0;
}

int probe_tun_create(unsigned long value, struct probe_finding *finding)
{
	int fd = make_device(value);

	(void)finding;
	return fd < 0 ? fd : check_flags(fd, value);
}

int probe_tun_queues(unsigned long value, struct probe_finding *finding)
{
	int first = make_device(IFF_TUN | IFF_MULTI_QUEUE);
	int second = make_device(IFF_TUN | IFF_MULTI_QUEUE);

	(void)value;
	(void)finding;
	if (first < 0)
		return first;
	return second < 0 ? second : check_flags(second, IFF_MULTI_QUEUE);
}

int probe_tun_vnet_hdr(unsigned long value, struct probe_finding *finding)
{
	static const int sizes[] = { 10, 12, 20, 24 };
	int fd = make_device(IFF_TUN | IFF_VNET_HDR);
	int code = fd < 0 ? fd : check_flags(fd, IFF_VNET_HDR);

	(void)value;
	if (code < 0)
		return code;
	DETAIL(finding, "sizes");
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		int size = sizes[i], now = 0;

		/* Only what the device says afterwards counts. */
		if (ioctl(fd, TUNSETVNETHDRSZ, &size) == 0 &&
		    ioctl(fd, TUNGETVNETHDRSZ, &now) == 0 && now == sizes[i])
			DETAIL(finding, "%d", size);
	}
	return 0;
}

int probe_tun_offload(unsigned long value, struct probe_finding *finding)
{
	int fd = make_device(IFF_TUN | IFF_VNET_HDR);

	if (fd < 0)
		return fd;
	DETAIL(finding, "mask 0x%lx", value);
	return ioctl(fd, TUNSETOFFLOAD, value) < 0 ? -errno : 0;
}
