/* SPDX-License-Identifier: Apache-2.0 */
/* Which queue of a device gets a packet of the kernel. */
#ifndef PORT_TUN_STEER_H
#define PORT_TUN_STEER_H

#include <vif/error.h>

/*
 * tun_steer_by_hash() - load the program that chooses by flow
 *
 * The same queue for all packets of a flow, in both directions, and for all
 * fragments of a datagram. Returns a descriptor the caller closes, or a
 * negative errno with error filled.
 */
int tun_steer_by_hash(struct vif_error *error);

/* Sets a program, or the kernel's own way with -1. */
int tun_steer_set(int fd, int program_fd, struct vif_error *error);

#endif
