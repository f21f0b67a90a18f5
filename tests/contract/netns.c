/* SPDX-License-Identifier: Apache-2.0 */
/* A network namespace of our own, and what happens to devices in it. */
#include "tests/contract/netns.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static int give_up(const char *what)
{
	char text[128] = "";

	/* One thread; printf's own text of errno. */
	(void)snprintf(text, sizeof(text), "SKIP: %s: %m", what);
	(void)puts(text);
	return CONTRACT_SKIP;
}

static bool write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return false;
	n = write(fd, text, strlen(text));
	(void)close(fd); /* the write has told */
	return n == (ssize_t)strlen(text);
}

/* Makes us root of a user namespace. */
static int become_root(void)
{
	char map[64];
	uid_t uid = geteuid();
	gid_t gid = getegid();

	if (unshare(CLONE_NEWUSER) < 0) {
		/* EINVAL: ThreadSanitizer has made a thread already. */
		return give_up("no user namespace");
	}
	(void)write_file("/proc/self/setgroups", "deny"); /* else map fails */
	(void)snprintf(map, sizeof(map), "0 %u 1", uid);
	if (!write_file("/proc/self/uid_map", map)) {
		return give_up("cannot map the user");
	}
	(void)snprintf(map, sizeof(map), "0 %u 1", gid);
	(void)write_file("/proc/self/gid_map", map); /* not needed */
	return 0;
}

int netns_enter(void)
{
	int fd, r;

	if (geteuid() != 0) {
		r = become_root();
		if (r != 0)
			return r;
	}
	if (unshare(CLONE_NEWNET) < 0) {
		return give_up("no network namespace");
	}
	fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	if (fd < 0) {
		return give_up("/dev/net/tun");
	}
	(void)close(fd); /* nothing was done with it */
	/* Where there is no IPv6, there is nothing to switch off. */
	(void)write_file("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
	return 0;
}

void netns_set_up(struct rig *rig, bool up)
{
	struct ifreq request = { .ifr_flags = 0 };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_non_null(if_indextoname(rig->ifindex, request.ifr_name));
	assert_int_equal(ioctl(fd, SIOCGIFFLAGS, &request), 0);
	if (up)
		request.ifr_flags |= IFF_UP;
	else
		request.ifr_flags &= (short)~IFF_UP;
	assert_int_equal(ioctl(fd, SIOCSIFFLAGS, &request), 0);
	(void)close(fd); /* a socket has nothing to say */
}

void netns_vanish(struct rig *rig)
{
	struct {
		struct nlmsghdr header;
		struct ifinfomsg link;
	} request = {
		.header = { .nlmsg_len = sizeof(request),
			    .nlmsg_type = RTM_DELLINK,
			    .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK },
		.link = { .ifi_index = (int)rig->ifindex },
	};
	struct {
		struct nlmsghdr header;
		struct nlmsgerr error;
		char rest[512];
	} answer = { .error = { .error = -EIO } };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	assert_true(fd >= 0);
	assert_int_equal(send(fd, &request, sizeof(request), 0),
			 sizeof(request));
	assert_true(recv(fd, &answer, sizeof(answer), 0) > 0);
	assert_int_equal(answer.error.error, 0);
	(void)close(fd); /* it has answered */
}
