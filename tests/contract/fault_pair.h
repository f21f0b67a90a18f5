/* SPDX-License-Identifier: Apache-2.0 */
/* A pair of loops, one end wrapped by a fault port. */
#ifndef CONTRACT_FAULT_PAIR_H
#define CONTRACT_FAULT_PAIR_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <vif/vif.h>

#include "tests/contract/probe.h"

enum limits {
	N_PACKET = 1000,
	RING = 32,
};

/* A pair of loops, the near one wrapped. */
struct pair {
	struct vif_port *near;
	struct vif_port *far;
	struct vif_batch *batch;
	unsigned int n_closed; /* times on_state said so */
};

/* The serials that came through, in order. */
struct arrivals {
	uint32_t n;
	uint32_t serial[2 * N_PACKET];
};

/* Opens and starts both ends; keys of the fault port: ",k=v..." */
void pair_open(struct pair *pair, const char *keys);
void pair_close(struct pair *pair);

/* Receives what is there now. Returns 0, or the error of vif_port_rx(). */
int pair_receive(struct vif_port *port, struct vif_batch *batch,
		 struct arrivals *arrivals);

/* Whether somebody who armed now would be woken at once. */
bool pair_is_ready(struct vif_port *port, enum vif_wait what);

/* Tests that fault_test.c runs. fault_delay.c */
void delay(void **state);
void delay_of_many(void **state);
void delay_with_threads(void **state);
void delay_in_link(void **state);

/* fault_wrap.c */
void failed_open_takes_nothing(void **state);
void around_null(void **state);
void stop_reaches_inner(void **state);
void wrapped_twice(void **state);

#endif
