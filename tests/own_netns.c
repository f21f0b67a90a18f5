/* SPDX-License-Identifier: Apache-2.0 */
/* A network namespace of a test's own. */
#include "tests/own_netns.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

static int give_up(const char *what)
{
	char text[128] = "";

	/* One thread; printf's own text of errno. */
	(void)snprintf(text, sizeof(text), "SKIP: %s: %m", what);
	(void)puts(text);
	return OWN_NETNS_SKIP;
}

bool own_netns_write(const char *path, const char *text)
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
	(void)own_netns_write("/proc/self/setgroups",
			      "deny"); /* else map fails */
	(void)snprintf(map, sizeof(map), "0 %u 1", uid);
	if (!own_netns_write("/proc/self/uid_map", map)) {
		return give_up("cannot map the user");
	}
	(void)snprintf(map, sizeof(map), "0 %u 1", gid);
	(void)own_netns_write("/proc/self/gid_map", map); /* not needed */
	return 0;
}

int own_netns_enter(void)
{
	int fd, r;

	if (geteuid() != 0) {
		r = become_root();
		if (r != 0)
			return r;
	}
	if (unshare(CLONE_NEWNET) < 0)
		return give_up("no network namespace");
	fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return give_up("/dev/net/tun");
	(void)close(fd); /* nothing was done with it */
	return 0;
}

bool own_netns_delete(unsigned int ifindex)
{
	struct {
		struct nlmsghdr header;
		struct ifinfomsg link;
	} request = {
		.header = { .nlmsg_len = sizeof(request),
			    .nlmsg_type = RTM_DELLINK,
			    .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK },
		.link = { .ifi_index = (int)ifindex },
	};
	struct {
		struct nlmsghdr header;
		struct nlmsgerr error;
		char rest[512];
	} answer = { .error = { .error = -EIO } };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	bool deleted;

	deleted = fd >= 0 &&
		  send(fd, &request, sizeof(request), 0) == sizeof(request) &&
		  recv(fd, &answer, sizeof(answer), 0) > 0 &&
		  answer.error.error == 0;
	if (fd >= 0)
		(void)close(fd); /* it has answered */
	return deleted;
}
