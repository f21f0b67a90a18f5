/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Interfaces through rtnetlink(7), with libmnl.
 *
 * Attributes of TUN devices (IFLA_INFO_DATA, since Linux 4.17) have numbers in
 * linux/if_link.h under IFLA_TUN_*.
 */
#include "os/rtnl.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static int socket_open(struct mnl_socket **ret_socket, unsigned int groups,
		       int flags)
{
	struct mnl_socket *nl =
		mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | flags);
	int r;

	if (!nl)
		return -errno;
	if (mnl_socket_bind(nl, groups, MNL_SOCKET_AUTOPID) < 0) {
		r = -errno;
		(void)mnl_socket_close(nl);
		return r;
	}
	*ret_socket = nl;
	return 0;
}

static void socket_close(struct mnl_socket **socket)
{
	if (*socket)
		(void)mnl_socket_close(*socket); /* nothing to lose */
	*socket = NULL;
}

int rtnl_open(struct rtnl *ret_rtnl)
{
	struct rtnl rtnl = { .seq = 1 };
	int r = socket_open(&rtnl.request, 0, 0);

	if (r == 0)
		r = socket_open(&rtnl.monitor, RTMGRP_LINK, SOCK_NONBLOCK);
	if (r < 0) {
		rtnl_close(&rtnl);
		return r;
	}
	*ret_rtnl = rtnl;
	return 0;
}

void rtnl_close(struct rtnl *rtnl)
{
	socket_close(&rtnl->request);
	socket_close(&rtnl->monitor);
}

/* Sends a request and hands the answer to callback until it is complete. */
static int transact(struct rtnl *rtnl, struct nlmsghdr *message,
		    mnl_cb_t callback, void *data)
{
	unsigned int port = mnl_socket_get_portid(rtnl->request);
	char buffer[8192];
	ssize_t n;
	int r;

	message->nlmsg_seq = ++rtnl->seq;
	message->nlmsg_flags |= NLM_F_REQUEST | NLM_F_ACK;
	if (mnl_socket_sendto(rtnl->request, message, message->nlmsg_len) < 0)
		return -errno;
	do {
		n = mnl_socket_recvfrom(rtnl->request, buffer, sizeof(buffer));
		if (n < 0)
			return -errno;
		r = mnl_cb_run(buffer, (size_t)n, message->nlmsg_seq, port,
			       callback, data);
	} while (r > MNL_CB_STOP);
	return r < 0 ? -errno : 0;
}

static struct ifinfomsg *link_message(char *buffer, uint16_t type, int index)
{
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	struct ifinfomsg *info;

	message->nlmsg_type = type;
	info = mnl_nlmsg_put_extra_header(message, sizeof(*info));
	info->ifi_family = AF_UNSPEC;
	info->ifi_index = index;
	return info;
}

static int take_tun(const struct nlattr *attr, void *data)
{
	struct rtnl_link *link = data;

	link->has_tun = true;
	switch (mnl_attr_get_type(attr)) {
	case IFLA_TUN_TYPE:
		link->tun_is_tap = mnl_attr_get_u8(attr) == 2; /* IFF_TAP */
		break;
	case IFLA_TUN_PERSIST:
		link->tun_persist = mnl_attr_get_u8(attr) != 0;
		break;
	case IFLA_TUN_MULTI_QUEUE:
		link->tun_multi_queue = mnl_attr_get_u8(attr) != 0;
		break;
	case IFLA_TUN_NUM_QUEUES:
		link->tun_queues = mnl_attr_get_u32(attr);
		break;
	default:
		break;
	}
	return MNL_CB_OK;
}

static int take_info(const struct nlattr *attr, void *data)
{
	struct rtnl_link *link = data;

	if (mnl_attr_get_type(attr) == IFLA_INFO_KIND)
		(void)snprintf(link->kind, sizeof(link->kind), "%s",
			       mnl_attr_get_str(attr));
	/* The kind comes first in what the kernel sends. */
	if (mnl_attr_get_type(attr) == IFLA_INFO_DATA &&
	    strcmp(link->kind, "tun") == 0)
		(void)mnl_attr_parse_nested(attr, take_tun, link);
	return MNL_CB_OK;
}

static int take_attr(const struct nlattr *attr, void *data)
{
	struct rtnl_link *link = data;

	switch (mnl_attr_get_type(attr)) {
	case IFLA_IFNAME:
		(void)snprintf(link->name, sizeof(link->name), "%s",
			       mnl_attr_get_str(attr));
		break;
	case IFLA_MTU:
		link->mtu = mnl_attr_get_u32(attr);
		break;
	case IFLA_TXQLEN:
		link->txqueuelen = mnl_attr_get_u32(attr);
		break;
	case IFLA_ADDRESS:
		if (mnl_attr_get_payload_len(attr) == sizeof(link->mac))
			memcpy(link->mac, mnl_attr_get_payload(attr),
			       sizeof(link->mac));
		break;
	case IFLA_LINKINFO:
		(void)mnl_attr_parse_nested(attr, take_info, link);
		break;
	default:
		break;
	}
	return MNL_CB_OK;
}

static int take_link(const struct nlmsghdr *message, void *data)
{
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(message);
	struct rtnl_link *link = data;

	link->index = info->ifi_index;
	link->up = (info->ifi_flags & IFF_UP) != 0;
	return mnl_attr_parse(message, sizeof(*info), take_attr, link);
}

int rtnl_link_get(struct rtnl *rtnl, const char *name,
		  struct rtnl_link *ret_link)
{
	struct rtnl_link link = { .index = 0 };
	char buffer[512];
	int r;

	(void)link_message(buffer, RTM_GETLINK, 0);
	mnl_attr_put_strz((struct nlmsghdr *)(void *)buffer, IFLA_IFNAME, name);
	r = transact(rtnl, (struct nlmsghdr *)(void *)buffer, take_link, &link);
	if (r < 0)
		return r;
	*ret_link = link;
	return 0;
}

int rtnl_link_again(struct rtnl *rtnl, int index, struct rtnl_link *ret_link)
{
	struct rtnl_link link = { .index = 0 };
	char buffer[512];
	int r;

	(void)link_message(buffer, RTM_GETLINK, index);
	r = transact(rtnl, (struct nlmsghdr *)(void *)buffer, take_link, &link);
	if (r < 0)
		return r;
	*ret_link = link;
	return 0;
}

int rtnl_link_set_up(struct rtnl *rtnl, int index, bool up)
{
	char buffer[512];
	struct ifinfomsg *info = link_message(buffer, RTM_NEWLINK, index);

	info->ifi_change = IFF_UP;
	info->ifi_flags = up ? IFF_UP : 0;
	return transact(rtnl, (struct nlmsghdr *)(void *)buffer, NULL, NULL);
}

static int set_attr(struct rtnl *rtnl, int index, uint16_t type,
		    const void *value, size_t len)
{
	char buffer[512];

	(void)link_message(buffer, RTM_NEWLINK, index);
	mnl_attr_put((struct nlmsghdr *)(void *)buffer, type, len, value);
	return transact(rtnl, (struct nlmsghdr *)(void *)buffer, NULL, NULL);
}

int rtnl_link_set_mtu(struct rtnl *rtnl, int index, uint32_t mtu)
{
	return set_attr(rtnl, index, IFLA_MTU, &mtu, sizeof(mtu));
}

int rtnl_link_set_txqueuelen(struct rtnl *rtnl, int index, uint32_t len)
{
	return set_attr(rtnl, index, IFLA_TXQLEN, &len, sizeof(len));
}

int rtnl_link_set_mac(struct rtnl *rtnl, int index, const uint8_t mac[6])
{
	return set_attr(rtnl, index, IFLA_ADDRESS, mac, 6);
}

static int addr_request(struct rtnl *rtnl, uint16_t type, uint16_t flags,
			const struct rtnl_addr *addr)
{
	char buffer[512];
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	size_t len = addr->family == AF_INET ? 4 : 16;
	struct ifaddrmsg *info;

	message->nlmsg_type = type;
	message->nlmsg_flags = flags;
	info = mnl_nlmsg_put_extra_header(message, sizeof(*info));
	info->ifa_family = addr->family;
	info->ifa_prefixlen = addr->prefix_len;
	info->ifa_index = (uint32_t)addr->index;
	/* A link has two ends: nobody can have taken the address. */
	info->ifa_flags = addr->family == AF_INET6 ? IFA_F_NODAD : 0;
	mnl_attr_put(message, IFA_LOCAL, len, addr->addr);
	mnl_attr_put(message, IFA_ADDRESS, len, addr->addr);
	return transact(rtnl, message, NULL, NULL);
}

int rtnl_addr_add(struct rtnl *rtnl, const struct rtnl_addr *addr)
{
	return addr_request(rtnl, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, addr);
}

int rtnl_addr_del(struct rtnl *rtnl, const struct rtnl_addr *addr)
{
	return addr_request(rtnl, RTM_DELADDR, 0, addr);
}

int rtnl_event_fd(const struct rtnl *rtnl)
{
	return mnl_socket_get_fd(rtnl->monitor);
}

struct event_filter {
	int index;
	enum rtnl_event event;
};

static int take_event(const struct nlmsghdr *message, void *data)
{
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(message);
	struct event_filter *filter = data;

	/* A bridge tells of a port that leaves as a deleted link, too. */
	if (mnl_nlmsg_get_payload_len(message) < sizeof(*info) ||
	    info->ifi_family != AF_UNSPEC || info->ifi_index != filter->index ||
	    filter->event == RTNL_EVENT_GONE)
		return MNL_CB_OK;
	if (message->nlmsg_type == RTM_DELLINK)
		filter->event = RTNL_EVENT_GONE;
	else if (message->nlmsg_type == RTM_NEWLINK)
		filter->event = (info->ifi_flags & IFF_UP) ? RTNL_EVENT_UP :
							     RTNL_EVENT_DOWN;
	return MNL_CB_OK;
}

/* After ENOBUFS: some events are gone for good, so ask how things are. */
static enum rtnl_event look_again(struct rtnl *rtnl, int index)
{
	struct rtnl_link link;
	int r = rtnl_link_again(rtnl, index, &link);

	if (r < 0)
		return r == -ENODEV ? RTNL_EVENT_GONE : RTNL_EVENT_NONE;
	return link.up ? RTNL_EVENT_UP : RTNL_EVENT_DOWN;
}

enum rtnl_event rtnl_next_event(struct rtnl *rtnl, int index)
{
	struct event_filter filter = { .index = index };
	char buffer[8192];
	ssize_t n;

	while (filter.event == RTNL_EVENT_NONE) {
		n = mnl_socket_recvfrom(rtnl->monitor, buffer, sizeof(buffer));
		if (n < 0 && errno == ENOBUFS)
			return look_again(rtnl, index);
		if (n < 0)
			break;
		(void)mnl_cb_run(buffer, (size_t)n, 0, 0, take_event, &filter);
	}
	return filter.event;
}
