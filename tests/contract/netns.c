/* SPDX-License-Identifier: Apache-2.0 */
/* A network namespace of our own, and what happens to devices in it. */
#include "tests/contract/netns.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/own_netns.h"

int netns_enter(void)
{
	int r = own_netns_enter();

	/* Where there is no IPv6, there is nothing to switch off. */
	if (r == 0)
		(void)own_netns_write(
			"/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
	return r;
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
	assert_true(own_netns_delete(rig->ifindex));
}
