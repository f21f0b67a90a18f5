/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kernel constants that the headers of a supported distribution may lack.
 *
 * Debian 12 has those of Linux 6.1. What the running kernel knows is always
 * asked at run time, never derived from these headers.
 */
#ifndef CLI_UAPI_H
#define CLI_UAPI_H

#include <linux/bpf.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <linux/if_xdp.h>
#include <linux/io_uring.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#ifndef TUN_F_USO4
#define TUN_F_USO4 0x20u
#endif
#ifndef TUN_F_USO6
#define TUN_F_USO6 0x40u
#endif
#ifndef TUN_F_UDP_TUNNEL_GSO
#define TUN_F_UDP_TUNNEL_GSO 0x80u
#endif
#ifndef TUN_F_UDP_TUNNEL_GSO_CSUM
#define TUN_F_UDP_TUNNEL_GSO_CSUM 0x100u
#endif
#ifndef IFF_NO_CARRIER
#define IFF_NO_CARRIER 0x0040
#endif
#ifndef PACKET_VNET_HDR_SZ
#define PACKET_VNET_HDR_SZ 24
#endif
#ifndef PACKET_IGNORE_OUTGOING
#define PACKET_IGNORE_OUTGOING 23
#endif
#ifndef XDP_USE_SG
#define XDP_USE_SG (1 << 4)
#endif
#ifndef AF_XDP
#define AF_XDP 44
#endif
#ifndef SOL_XDP
#define SOL_XDP 283
#endif

/* Operations are an enum, which the preprocessor cannot ask for. */
#define UAPI_IORING_OP_READ_MULTISHOT 49

#endif
