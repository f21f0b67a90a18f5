/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A descriptor to wait on that stands for several: that of the inner port, one
 * of our own, and the one that tells of the end. It is an epoll descriptor,
 * which poll(2) finds readable when one of those in it is ready.
 */
#ifndef PORT_FAULT_WAIT_H
#define PORT_FAULT_WAIT_H

#include <stdbool.h>
#include <stdint.h>

#include <vif/port.h>

/* Thread rule: that of the side it belongs to, but anybody may wake. */
struct fault_wait {
	int epoll_fd;
	int wake_fd;     /* eventfd of our own, or -1 */
	int inner_fd;    /* negative: the inner port needs no waiting */
	uint32_t events; /* of inner_fd */
	bool watches;    /* inner_fd counts */
};

/*
 * Fills wait for one side of a queue of the inner port. With has_wake it gets
 * an eventfd of its own; gone_fd may be -1. Returns 0 or a negative errno;
 * fault_wait_fini() is due in any case.
 */
int fault_wait_init(struct fault_wait *wait, const struct vif_port *inner,
		    unsigned int queue, enum vif_wait what, bool has_wake,
		    int gone_fd);
void fault_wait_fini(struct fault_wait *wait);

void fault_wait_wake(const struct fault_wait *wait);
void fault_wait_clear(const struct fault_wait *wait); /* what wake did */

/* Let the inner port's descriptor count, or not. Returns 0 or an errno. */
int fault_wait_watch(struct fault_wait *wait, bool watch);

#endif
