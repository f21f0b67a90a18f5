/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The checks of vif probe, as one table.
 *
 * A check tries what it is about, rather than to conclude it from a version.
 * It runs in a process of its own, so it may leave everything open, move into
 * namespaces, and be killed by a seccomp filter.
 */
#ifndef CLI_PROBE_CHECKS_H
#define CLI_PROBE_CHECKS_H

#include <stdbool.h>
#include <stddef.h>

#include <vif/version.h>

/* Where a check runs. */
enum probe_place {
	PROBE_HERE, /* with the rights and in the namespaces vif was started */
	PROBE_BOX,  /* in a new network namespace, so the host is untouched */
};

/* What a check found out, beside yes and no. */
struct probe_finding {
	char detail[160]; /* facts, or "" */
	char why[160];    /* no: better than the text of the errno, or "" */
	char hint[320];   /* no: better than the hint of the check, or "" */
	bool is_open;     /* it could not be tried after all; see why */
};

struct probe_check {
	const char *group;
	const char *name;
	const char *what; /* what a yes means */
	const char *hint; /* what to do about a no */
	/*
	 * Returns 0 for yes or a negative errno for no, and for what it could
	 * not try. Gets value, whose meaning is its own, and may fill the
	 * finding.
	 */
	int (*run)(unsigned long value, struct probe_finding *finding);
	unsigned long value;
	enum probe_place place;
	const char *needs; /* name of an earlier check that must say yes */
};

extern const struct probe_check probe_checks[];
extern const size_t probe_n_checks;

/* Append to a text of a finding, with a space between. */
void probe_add(char *text, size_t size, const char *format, ...)
	VIF_PRINTF(3, 4);

int probe_kernel(unsigned long value, struct probe_finding *finding);
int probe_cpus(unsigned long value, struct probe_finding *finding);
int probe_hugepages(unsigned long value, struct probe_finding *finding);
int probe_memfd(unsigned long value, struct probe_finding *finding);

/* Value: the capability, CAP_*. */
int probe_capability(unsigned long value, struct probe_finding *finding);
int probe_net_namespace(unsigned long value, struct probe_finding *finding);
int probe_user_namespace(unsigned long value, struct probe_finding *finding);

int probe_tun_open(unsigned long value, struct probe_finding *finding);
int probe_tun_flags(unsigned long value, struct probe_finding *finding);
/* Value: the IFF_* flags of the device. */
int probe_tun_create(unsigned long value, struct probe_finding *finding);
int probe_tun_queues(unsigned long value, struct probe_finding *finding);
int probe_tun_vnet_hdr(unsigned long value, struct probe_finding *finding);
/* Value: the TUN_F_* mask. */
int probe_tun_offload(unsigned long value, struct probe_finding *finding);

/* Value: the kind of superpackets, enum vif_gso. */
int probe_trial(unsigned long value, struct probe_finding *finding);

int probe_packet_socket(unsigned long value, struct probe_finding *finding);
/* Value: a SOL_PACKET option that takes an int of 1. */
int probe_packet_option(unsigned long value, struct probe_finding *finding);
int probe_packet_vnet_size(unsigned long value, struct probe_finding *finding);
/* Value: TPACKET_V2 or TPACKET_V3. */
int probe_packet_ring(unsigned long value, struct probe_finding *finding);
int probe_packet_fanout(unsigned long value, struct probe_finding *finding);

int probe_xdp_socket(unsigned long value, struct probe_finding *finding);
/* Value: flags of bind beside XDP_COPY. */
int probe_xdp_bind(unsigned long value, struct probe_finding *finding);
int probe_xdp_program(unsigned long value, struct probe_finding *finding);

int probe_uring_setup(unsigned long value, struct probe_finding *finding);
int probe_uring_ops(unsigned long value, struct probe_finding *finding);
/* Value: the operation, IORING_OP_*. */
int probe_uring_op(unsigned long value, struct probe_finding *finding);

#endif
