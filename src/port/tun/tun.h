/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the tun backend share. */
#ifndef PORT_TUN_TUN_H
#define PORT_TUN_TUN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bits.h"
#include "os/rtnl.h"
#include "port/address.h"
#include "port/ops.h"
#include "port/tun/io.h"
#include "port/tun/ladder.h"
#include "port/tun/trial.h"

enum tun_limits {
	/* The kernel's own; for TAP it counts the Ethernet header. */
	TUN_MTU_MAX = 65535,
	TAP_MTU_MAX = TUN_MTU_MAX - 14,
};

/* Filled from the keys of the address; see the table in options.c. */
struct tun_options {
	struct port_prefix_list ip;
	uint32_t mtu; /* 0: leave */
	uint8_t mac[6];
	bool has_mac;
	bool up;
	const char *netns; /* NULL: this one */
	uint32_t queues;
	bool has_queues;
	struct port_fd_list fd; /* empty: make or take over a device */
	uint32_t steering;      /* enum tun_steering */
	uint32_t offload;       /* enum port_offload */
	bool probe;
	uint32_t txqueuelen;
	bool has_txqueuelen;
	bool persist;
	bool has_persist;
	const char *owner; /* NULL: leave */
	const char *group;
	bool has_owner;
	bool has_group;
};

/* Index into the choices of steering=. */
enum tun_steering {
	TUN_STEERING_AUTO, /* leave it to the kernel */
	TUN_STEERING_HASH,
};

struct tun {
	struct vif_port port;

	/* immutable after open */
	bool is_tap;
	bool attached;          /* fds refer to a device */
	bool created;           /* the device was not there before */
	bool persists;          /* the device stays after close */
	bool netns_guessed;     /* fd=: the kernel would not tell */
	unsigned int gso_known; /* GSO kinds the kernel delivers here */
	bool csum_known;        /* and unfinished checksums */
	struct tun_trial trial; /* all zero without one */
	char probe[160];        /* what came of it, as text, or "" */
	uint32_t owner;         /* user and group, if options name them */
	uint32_t group;
	uint32_t n_queue;
	struct tun_io *queue;       /* one for each descriptor */
	struct rtnl_link link;      /* as it is now */
	struct rtnl_link before;    /* as we found it; when !created */
	struct tun_options options; /* strings are gone after open */
	uint64_t was_blocking[PORT_QUEUES_MAX / 64]; /* fd=: bit of each */

	/* controlling thread */
	struct rtnl rtnl;
	bool set_up;       /* it was down before we started */
	bool is_steered;   /* by our program */
	bool probe_told;   /* the program knows what came of the trial */
	uint32_t ip_added; /* bit i: options.ip.prefix[i] is ours */

	/* any thread */
	struct tun_refusals refusals;
};

/* options.c: tap: uses all of them, tun: all but the last. */
enum tun_key_counts {
	TAP_KEYS_N = 14,
	TUN_KEYS_N = TAP_KEYS_N - 1,
};
extern const struct port_key tun_keys[TAP_KEYS_N];

/*
 * device.c. They return 0 or a negative errno with error filled. Attaching
 * happens inside the network namespace; tun_device_fini() undoes it.
 * tun_device_keep() makes lasting what shall outlive us, once packets are going
 * to flow: whether the device persists, and whose it is.
 */
int tun_device_find_owner(struct tun *tun, struct vif_error *error);
int tun_device_attach(struct tun *tun, const char *name,
		      struct vif_error *error);
int tun_device_keep(struct tun *tun, struct vif_error *error);
bool tun_device_is_gone(const struct tun *tun);
void tun_device_fini(struct tun *tun);

/*
 * adopt.c: the same for descriptors of somebody else. tun_adopt() says where
 * the device is, -1 for here; tun_adopt_look() has to be called there.
 */
int tun_adopt(struct tun *tun, const char *name, int *ret_netns_fd,
	      struct vif_error *error);
int tun_adopt_look(struct tun *tun, struct vif_error *error);
void tun_adopt_restore(struct tun *tun);

/*
 * settings.c: addresses, MTU and the like, on an attached device.
 */
int tun_settings_apply(struct tun *tun, struct vif_error *error);
int tun_settings_up(struct tun *tun, struct vif_error *error);
void tun_settings_restore(struct tun *tun);

/* offload.c: find out what the kernel can do, and change what it delivers. */
int tun_offload_open(struct tun *tun, struct vif_error *error);
int tun_offload_set(struct tun *tun, unsigned int gso, bool csum);
void tun_offload_restore(struct tun *tun); /* for who comes after us */

/*
 * probe.c: the key probe=. tun_probe_offload() runs the trial, if asked for, and
 * lowers capabilities and the rung to what came out well. A trial that cannot be
 * run is no failure. tun_probe_tell() gives notice, once.
 */
int tun_probe_offload(struct tun *tun, struct tun_rung *rung,
		      struct vif_error *error);
void tun_probe_tell(struct tun *tun);

static inline struct tun *to_tun(struct vif_port *port)
{
	return container_of(port, struct tun, port);
}

static inline const struct tun *to_const_tun(const struct vif_port *port)
{
	return const_container_of(port, struct tun, port);
}

#endif
