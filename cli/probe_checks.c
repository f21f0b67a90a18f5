/* SPDX-License-Identifier: Apache-2.0 */
/* The checks of vif probe: what is checked, where, and what a no asks for. */
#include "cli/probe_checks.h"

#include <linux/capability.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <vif/packet.h>

#include "cli/uapi.h"

#define CSUM_TSO (TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6)

#define HINT_RIGHTS                                                            \
	"run it as root, or inside: unshare -Urn (rights there count for its " \
	"own network only)"
#define HINT_KERNEL "a newer kernel has it; links work without"
#define HINT_TRIAL                                                              \
	"the kernel mangles or refuses them: open ports with probe=yes, which " \
	"leaves them off, and report it to whoever made the kernel"
#define HINT_URING                                                          \
	"see sysctl kernel.io_uring_disabled; containers often forbid it; " \
	"links work without"
#define HINT_XDP "needs a kernel with CONFIG_XDP_SOCKETS; other ports do not"

const struct probe_check probe_checks[] = {
	{ "system", "kernel", "running kernel", "", probe_kernel, 0, PROBE_HERE,
	  NULL },
	{ "system", "cpus", "usable processors", "", probe_cpus, 0, PROBE_HERE,
	  NULL },
	{ "system", "hugepages", "huge pages are reserved",
	  "only for large shared memory rings; as root: sysctl -w "
	  "vm.nr_hugepages=64",
	  probe_hugepages, 0, PROBE_HERE, NULL },
	{ "system", "memfd_sealing", "shared memory that cannot be cut short",
	  "needs a kernel with memfd_create()", probe_memfd, 0, PROBE_HERE,
	  NULL },

	{ "rights", "cap_net_admin", "may make and configure devices",
	  HINT_RIGHTS, probe_capability, CAP_NET_ADMIN, PROBE_HERE, NULL },
	{ "rights", "cap_net_raw", "may open packet sockets", HINT_RIGHTS,
	  probe_capability, CAP_NET_RAW, PROBE_HERE, NULL },
	{ "rights", "cap_sys_admin", "may enter network namespaces",
	  HINT_RIGHTS, probe_capability, CAP_SYS_ADMIN, PROBE_HERE, NULL },
	{ "rights", "cap_bpf", "may load BPF programs",
	  "run it as root; only AF_XDP needs it", probe_capability, CAP_BPF,
	  PROBE_HERE, NULL },
	{ "rights", "net_namespace", "may make a network namespace directly",
	  "run it as root, or use a user namespace: unshare -Urn",
	  probe_net_namespace, 0, PROBE_HERE, NULL },
	{ "rights", "user_namespace", "may become root in a user namespace",
	  "run it as root", probe_user_namespace, 0, PROBE_HERE, NULL },

	{ "tun", "tun_open", "/dev/net/tun can be opened",
	  "run it as root, or as root: chmod 0666 /dev/net/tun", probe_tun_open,
	  0, PROBE_HERE, NULL },
	{ "tun", "tun_flags", "device flags", "", probe_tun_flags, 0,
	  PROBE_HERE, "tun_open" },
	{ "tun", "tun_create", "can make a TUN device", HINT_RIGHTS,
	  probe_tun_create, IFF_TUN, PROBE_BOX, "tun_open" },
	{ "tun", "tap_create", "can make a TAP device", HINT_RIGHTS,
	  probe_tun_create, IFF_TAP, PROBE_BOX, "tun_open" },
	{ "tun", "multi_queue", "a device can have several queues", HINT_KERNEL,
	  probe_tun_queues, 0, PROBE_BOX, "tun_create" },
	{ "tun", "napi", "the device can coalesce what is written to it",
	  HINT_KERNEL, probe_tun_create, IFF_TUN | IFF_NAPI, PROBE_BOX,
	  "tun_create" },
	{ "tun", "vnet_hdr", "packets carry their offload state",
	  "superpackets need it; use another kernel", probe_tun_vnet_hdr, 0,
	  PROBE_BOX, "tun_create" },
	{ "tun", "offload_csum", "unfinished checksums cross", HINT_KERNEL,
	  probe_tun_offload, TUN_F_CSUM, PROBE_BOX, "tun_create" },
	{ "tun", "offload_tso4", "TCP/IPv4 superpackets cross", HINT_KERNEL,
	  probe_tun_offload, TUN_F_CSUM | TUN_F_TSO4, PROBE_BOX, "tun_create" },
	{ "tun", "offload_tso6", "TCP/IPv6 superpackets cross", HINT_KERNEL,
	  probe_tun_offload, TUN_F_CSUM | TUN_F_TSO6, PROBE_BOX, "tun_create" },
	{ "tun", "offload_ecn", "TCP superpackets with CWR cross", HINT_KERNEL,
	  probe_tun_offload, CSUM_TSO | TUN_F_TSO_ECN, PROBE_BOX,
	  "tun_create" },
	{ "tun", "offload_uso", "UDP superpackets cross (Linux 6.2)",
	  HINT_KERNEL, probe_tun_offload, TUN_F_CSUM | TUN_F_USO4 | TUN_F_USO6,
	  PROBE_BOX, "tun_create" },
	{ "tun", "offload_udp_tunnel",
	  "superpackets inside UDP tunnels cross (Linux 6.17)", HINT_KERNEL,
	  probe_tun_offload, CSUM_TSO | TUN_F_UDP_TUNNEL_GSO, PROBE_BOX,
	  "tun_create" },

	{ "tun", "trial_csum", "unfinished checksums come out finished",
	  HINT_TRIAL, probe_trial, VIF_GSO_NONE, PROBE_BOX, "offload_csum" },
	{ "tun", "trial_tcp4", "superpackets of tcp4 come out as they went in",
	  HINT_TRIAL, probe_trial, VIF_GSO_TCP4, PROBE_BOX, "offload_tso4" },
	{ "tun", "trial_tcp6", "superpackets of tcp6 come out as they went in",
	  HINT_TRIAL, probe_trial, VIF_GSO_TCP6, PROBE_BOX, "offload_tso6" },
	{ "tun", "trial_udp", "superpackets of udp come out as they went in",
	  HINT_TRIAL, probe_trial, VIF_GSO_UDP, PROBE_BOX, "offload_uso" },

	{ "packet", "packet_socket", "AF_PACKET sockets", HINT_RIGHTS,
	  probe_packet_socket, 0, PROBE_BOX, NULL },
	{ "packet", "packet_vnet_hdr", "their packets carry offload state",
	  HINT_KERNEL, probe_packet_option, PACKET_VNET_HDR, PROBE_BOX,
	  "packet_socket" },
	{ "packet", "packet_vnet_hdr_sz",
	  "with a header size of choice (Linux 6.6)", HINT_KERNEL,
	  probe_packet_vnet_size, 0, PROBE_BOX, "packet_vnet_hdr" },
	{ "packet", "packet_ring_v2", "shared ring, version 2", HINT_KERNEL,
	  probe_packet_ring, TPACKET_V2, PROBE_BOX, "packet_socket" },
	{ "packet", "packet_ring_v3", "shared ring, version 3", HINT_KERNEL,
	  probe_packet_ring, TPACKET_V3, PROBE_BOX, "packet_socket" },
	{ "packet", "packet_fanout", "several sockets can share the load",
	  HINT_KERNEL, probe_packet_fanout, 0, PROBE_BOX, "packet_socket" },
	{ "packet", "packet_own_ignored", "own packets are not received back",
	  HINT_KERNEL, probe_packet_option, PACKET_IGNORE_OUTGOING, PROBE_BOX,
	  "packet_socket" },

	{ "xdp", "xdp_socket", "AF_XDP sockets", HINT_XDP, probe_xdp_socket, 0,
	  PROBE_BOX, NULL },
	{ "xdp", "xdp_bind", "they can be bound, copying", HINT_XDP,
	  probe_xdp_bind, 0, PROBE_BOX, "xdp_socket" },
	{ "xdp", "xdp_multi_buffer", "packets larger than a page (Linux 6.6)",
	  HINT_KERNEL, probe_xdp_bind, XDP_USE_SG, PROBE_BOX, "xdp_bind" },
	{ "xdp", "xdp_program", "may load an XDP program",
	  "run it as root: AF_XDP receives only with a program",
	  probe_xdp_program, 0, PROBE_HERE, NULL },

	{ "io_uring", "io_uring_setup", "a ring can be made", HINT_URING,
	  probe_uring_setup, 0, PROBE_HERE, NULL },
	{ "io_uring", "io_uring_ops", "operations, known", HINT_URING,
	  probe_uring_ops, 0, PROBE_HERE, "io_uring_setup" },
	{ "io_uring", "io_uring_multishot",
	  "one request reads many packets (Linux 6.7)", HINT_KERNEL,
	  probe_uring_op, UAPI_IORING_OP_READ_MULTISHOT, PROBE_HERE,
	  "io_uring_ops" },
};

const size_t probe_n_checks = sizeof(probe_checks) / sizeof(probe_checks[0]);

void probe_add(char *text, size_t size, const char *format, ...)
{
	size_t len = strlen(text);
	va_list args;

	if (len > 0 && len + 1 < size) {
		text[len++] = ' ';
		text[len] = '\0';
	}
	va_start(args, format);
	(void)vsnprintf(text + len, size - len, format, args);
	va_end(args);
}
