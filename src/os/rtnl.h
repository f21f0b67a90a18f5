/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Interfaces through rtnetlink(7): reading, changing and watching them.
 *
 * A struct rtnl belongs to the network namespace it was opened in, wherever it
 * is used afterwards. One thread at a time.
 */
#ifndef OS_RTNL_H
#define OS_RTNL_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

struct mnl_socket;

struct rtnl {
	struct mnl_socket *request; /* questions and changes */
	struct mnl_socket *monitor; /* link events */
	uint32_t seq;
};

/* What an interface is and how it is set. */
struct rtnl_link {
	int index;
	char name[IF_NAMESIZE];
	char kind[16]; /* driver, "tun", "veth", or "" */
	bool up;
	uint32_t mtu;
	uint32_t txqueuelen;
	uint8_t mac[6];
	/* kind "tun" only */
	bool has_tun; /* the kernel told of the following */
	bool tun_is_tap;
	bool tun_multi_queue;
	bool tun_persist;
	uint32_t tun_queues; /* attached now; multi-queue devices only */
};

/* Address of an interface, as struct port_prefix has it. */
struct rtnl_addr {
	int index;
	uint8_t family; /* AF_INET, AF_INET6 */
	uint8_t prefix_len;
	const uint8_t *addr; /* 4 or 16 bytes; borrowed */
};

enum rtnl_event {
	RTNL_EVENT_NONE, /* nothing new */
	RTNL_EVENT_UP,
	RTNL_EVENT_DOWN,
	RTNL_EVENT_GONE, /* deleted, or moved to another namespace */
};

/* All return 0 or a negative errno; the kernel's own where it answered. */
int rtnl_open(struct rtnl *ret_rtnl);
void rtnl_close(struct rtnl *rtnl); /* also zeroed, also twice */

/* -ENODEV when there is no such interface. */
int rtnl_link_get(struct rtnl *rtnl, const char *name,
		  struct rtnl_link *ret_link);

/* The same by index, which a new name does not change. */
int rtnl_link_again(struct rtnl *rtnl, int index, struct rtnl_link *ret_link);

int rtnl_link_set_up(struct rtnl *rtnl, int index, bool up);
int rtnl_link_set_mtu(struct rtnl *rtnl, int index, uint32_t mtu);
int rtnl_link_set_txqueuelen(struct rtnl *rtnl, int index, uint32_t len);
int rtnl_link_set_mac(struct rtnl *rtnl, int index, const uint8_t mac[6]);

/* -EEXIST when the interface has it already. IPv6: without DAD (RFC 4862). */
int rtnl_addr_add(struct rtnl *rtnl, const struct rtnl_addr *addr);
int rtnl_addr_del(struct rtnl *rtnl, const struct rtnl_addr *addr);

/* Descriptor that is readable when rtnl_next_event() has something. */
int rtnl_event_fd(const struct rtnl *rtnl);

/*
 * The next thing that happened to an interface, RTNL_EVENT_NONE when all are
 * read. Events lost for want of room are made up for by looking again.
 */
enum rtnl_event rtnl_next_event(struct rtnl *rtnl, int index);

#endif
