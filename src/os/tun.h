/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The TUN/TAP driver's ioctls (Documentation/networking/tuntap.rst). Each
 * function is one of them and returns 0 or a negative errno.
 */
#ifndef OS_TUN_H
#define OS_TUN_H

#include <linux/if_tun.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Newer than the headers of Debian 12; probed at run time, never assumed. */
#ifndef TUN_F_USO4
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40
#endif

#ifndef TUNSETSTEERINGEBPF
#define TUNSETSTEERINGEBPF _IOR('T', 224, int)
#endif
#ifndef TUNGETDEVNETNS
#define TUNGETDEVNETNS _IO('T', 227)
#endif

/* A new descriptor, non-blocking, not attached to a device yet. */
int tun_open(void);

/*
 * Attach to the device of that name, making it if need be; an empty name lets
 * the kernel choose. flags are IFF_TUN or IFF_TAP and more.
 */
int tun_attach(int fd, const char *name, unsigned int flags);

/* What the descriptor is attached to, which may differ from what was asked. */
int tun_get(int fd, char ret_name[IF_NAMESIZE], unsigned int *ret_flags);

int tun_get_header_size(int fd, int *ret_size); /* of virtio_net_hdr */

/* Whether headers are in the other byte order than that of this machine. */
int tun_get_foreign_order(int fd, bool *ret_foreign);

/*
 * tun_has_packet_info() - whether four bytes stand in front of each packet
 *
 * TUNGETIFF cannot tell: it uses the bit of IFF_NO_PI for IFF_NOFILTER, too. So
 * a write is begun that cannot succeed: its payload is not readable. The kernel
 * finds that out after it has looked at the lengths, and these are such that
 * they are too short if there were four bytes more. The device counts a drop.
 */
int tun_has_packet_info(int fd, bool is_tap, uint32_t header_size,
			bool *ret_has);

/* Let the kernel deliver packets to this queue, or no longer. */
int tun_set_attached(int fd, bool attached);

/* Let a program choose the queue of a packet; -1 for the kernel's own way. */
int tun_set_steering(int fd, int program_fd);

/* The namespace the device is in, as a descriptor the caller closes. */
int tun_get_netns(int fd);

int tun_set_offload(int fd, unsigned int tun_f_bits);
int tun_set_persist(int fd, int persist);
int tun_set_owner(int fd, uid_t owner);
int tun_set_group(int fd, gid_t group);

#endif
