/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Address, MTU, queue length and state of the device, and putting them back.
 *
 * Nothing is set that is so already: a user who was given a device made by
 * root can then use it without further rights.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "port/tun/tun.h"

static int cannot_set(const struct tun *tun, const char *what, int code,
		      struct vif_error *error)
{
	error_set(error, code, "cannot set %s of device '%s'", what,
		  tun->link.name);
	if (code == -EPERM || code == -EACCES)
		return error_hint(error, code,
				  "that takes CAP_NET_ADMIN: run as root, or "
				  "have root set it before");
	return code;
}

static int add_address(struct tun *tun, size_t i, struct vif_error *error)
{
	const struct port_prefix *prefix = &tun->options.ip.prefix[i];
	char text[INET6_ADDRSTRLEN] = "";
	char what[64];
	int r = rtnl_addr_add(&tun->rtnl, &(struct rtnl_addr){
						  .index = tun->link.index,
						  .family = prefix->family,
						  .prefix_len = prefix->len,
						  .addr = prefix->addr,
					  });

	if (r == 0)
		tun->ip_added |= 1u << i;
	if (r == 0 || r == -EEXIST)
		return 0;
	(void)inet_ntop(prefix->family, prefix->addr, text, sizeof(text));
	(void)snprintf(what, sizeof(what), "address %s/%u", text, prefix->len);
	cannot_set(tun, what, r, error);
	if (prefix->family == AF_INET6 && tun->link.mtu < 1280)
		return error_why(error, r,
				 "IPv6 needs an MTU of at least 1280, this one "
				 "is %u",
				 tun->link.mtu);
	if (r == -EADDRNOTAVAIL)
		return error_why(error, r, "no device can have that address");
	return r;
}

int tun_settings_apply(struct tun *tun, struct vif_error *error)
{
	const struct tun_options *options = &tun->options;
	struct rtnl_link *link = &tun->link;
	struct rtnl *rtnl = &tun->rtnl;
	int r = 0;

	if (options->has_mac && memcmp(options->mac, link->mac, 6) != 0) {
		r = rtnl_link_set_mac(rtnl, link->index, options->mac);
		if (r == -EADDRNOTAVAIL) {
			cannot_set(tun, "mac", -EINVAL, error);
			return error_why(error, -EINVAL,
					 "it is a multicast address or zero");
		}
		if (r < 0)
			return cannot_set(tun, "mac", r, error);
		memcpy(link->mac, options->mac, 6);
	}
	if (options->mtu != 0 && options->mtu != link->mtu) {
		r = rtnl_link_set_mtu(rtnl, link->index, options->mtu);
		if (r < 0)
			return cannot_set(tun, "mtu", r, error);
		link->mtu = options->mtu;
	}
	if (options->has_txqueuelen &&
	    options->txqueuelen != link->txqueuelen) {
		r = rtnl_link_set_txqueuelen(rtnl, link->index,
					     options->txqueuelen);
		if (r < 0)
			return cannot_set(tun, "txqueuelen", r, error);
		link->txqueuelen = options->txqueuelen;
	}
	for (size_t i = 0; r == 0 && i < options->ip.n; i++)
		r = add_address(tun, i, error);
	return r;
}

int tun_settings_up(struct tun *tun, struct vif_error *error)
{
	int r;

	if (!tun->options.up || tun->link.up)
		return 0;
	r = rtnl_link_set_up(&tun->rtnl, tun->link.index, true);
	if (r < 0)
		return cannot_set(tun, "the state", r, error);
	tun->link.up = true;
	tun->set_up = true;
	return 0;
}

static void remove_addresses(struct tun *tun)
{
	for (size_t i = 0; i < tun->options.ip.n; i++) {
		const struct port_prefix *prefix = &tun->options.ip.prefix[i];

		if (tun->ip_added & 1u << i)
			(void)rtnl_addr_del(&tun->rtnl, &(struct rtnl_addr){
								tun->link.index,
								prefix->family,
								prefix->len,
								prefix->addr,
							});
	}
}

/*
 * Puts back what still is as we have set it: what somebody else has changed
 * since is theirs. Failures are ignored, since the device may be gone and there
 * is nobody left who could act on it.
 */
void tun_settings_restore(struct tun *tun)
{
	const struct rtnl_link *before = &tun->before;
	const struct rtnl_link *ours = &tun->link;
	struct rtnl *rtnl = &tun->rtnl;
	struct rtnl_link now;

	if (tun->created || !tun->persists ||
	    rtnl_link_again(rtnl, ours->index, &now) < 0)
		return;
	remove_addresses(tun);
	if (tun->set_up && now.up)
		(void)rtnl_link_set_up(rtnl, now.index, false);
	if (now.mtu == ours->mtu && now.mtu != before->mtu)
		(void)rtnl_link_set_mtu(rtnl, now.index, before->mtu);
	if (now.txqueuelen == ours->txqueuelen &&
	    now.txqueuelen != before->txqueuelen)
		(void)rtnl_link_set_txqueuelen(rtnl, now.index,
					       before->txqueuelen);
	if (memcmp(now.mac, ours->mac, 6) == 0 &&
	    memcmp(now.mac, before->mac, 6) != 0)
		(void)rtnl_link_set_mac(rtnl, now.index, before->mac);
}
