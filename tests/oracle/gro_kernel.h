/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel's GRO, to be asked for its opinion:
 *
 *     packets -> tun with NAPI -> GRO -> forwarded -> tun:out, offloads on
 *
 * in a network namespace of the test's own. What GRO holds back is let go when
 * it holds MAX_GRO_SKBS (8) others, which is what gro_kernel_flush() is for; the
 * timer of 30 ms is there only so that it holds anything back at all.
 */
#ifndef TESTS_ORACLE_GRO_KERNEL_H
#define TESTS_ORACLE_GRO_KERNEL_H

#include <vif/vif.h>

enum gro_kernel_ports {
	GRO_KERNEL_FILLER =
		60000, /* source ports from here on are not tests' */
};

struct gro_kernel {
	int in; /* raw IP packets, one with each write() */
	struct vif_port *out;
	struct vif_batch *batch;
	uint32_t flushed;
};

/* Returns 0, or what the test has to exit with, with the reason printed. */
int gro_kernel_open(struct gro_kernel *kernel);
void gro_kernel_close(struct gro_kernel *kernel);

/* Each returns 0, or -1 with the reason printed. */
int gro_kernel_write(struct gro_kernel *kernel, const uint8_t *packet,
		     size_t len);
int gro_kernel_flush(struct gro_kernel *kernel);

#endif
