/* SPDX-License-Identifier: Apache-2.0 */
/* The keys of tun: and tap: addresses; the last one is for tap: only. */
#include "port/offload_key.h"
#include "port/tun/tun.h"

static const char *const steering_choices[] = { "auto", "hash", NULL };

#define FIELD(name) offsetof(struct tun_options, name)

const struct port_key tun_keys[TAP_KEYS_N] = {
	{ "ip", PORT_KEY_PREFIX, FIELD(ip), NULL,
	  "address to give the device; may be repeated" },
	{ "mtu", PORT_KEY_UINT, FIELD(mtu), NULL,
	  "largest plain packet, bytes from L3 on; default: the kernel's, 1500",
	  .min = 68, .max = TUN_MTU_MAX },
	{ "up", PORT_KEY_BOOL, FIELD(up), "yes",
	  "set the device up when the link starts" },
	{ "netns", PORT_KEY_STRING, FIELD(netns), NULL,
	  "network namespace of the device: a name, a path or a process id" },
	{ "queues", PORT_KEY_UINT, FIELD(queues), "1",
	  "queues, each with its own worker", .min = 1, .max = PORT_QUEUES_MAX,
	  .seen_offset = FIELD(has_queues) },
	{ "offload", PORT_KEY_CHOICE, FIELD(offload), "auto",
	  "work the kernel may leave undone; auto takes the best",
	  .choices = port_offload_choices },
	{ "probe", PORT_KEY_BOOL, FIELD(probe), "no",
	  "try the kernel's offloads first, in a network namespace of its own "
	  "(some 10 ms); kinds that come out wrong are left off" },
	{ "txqueuelen", PORT_KEY_UINT, FIELD(txqueuelen), NULL,
	  "packets that wait in the kernel for us; default: the kernel's",
	  .min = 1, .max = 1000000, .seen_offset = FIELD(has_txqueuelen) },
	{ "persist", PORT_KEY_BOOL, FIELD(persist), NULL,
	  "whether the device stays afterwards; default: as it was",
	  .seen_offset = FIELD(has_persist) },
	{ "owner", PORT_KEY_STRING, FIELD(owner), NULL,
	  "user, name or number, who may open the device",
	  .seen_offset = FIELD(has_owner) },
	{ "group", PORT_KEY_STRING, FIELD(group), NULL,
	  "group, name or number, that may open the device",
	  .seen_offset = FIELD(has_group) },
	{ "fd", PORT_KEY_FD, FIELD(fd), NULL,
	  "descriptors of a device, inherited, in place of a name; may be "
	  "repeated" },
	{ "steering", PORT_KEY_CHOICE, FIELD(steering), "auto",
	  "queue of a packet: where its flow was written to, or by flow hash",
	  .choices = steering_choices },
	{ "mac", PORT_KEY_MAC, FIELD(mac), NULL,
	  "Ethernet address of the device; default: random",
	  .seen_offset = FIELD(has_mac) },
};
