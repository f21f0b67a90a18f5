/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A trunk: one connection that carries many circuits.
 *
 * The connection is the program's: any ordered, reliable stream of bytes. A
 * trunk takes the bytes that came and gives out those to be sent; it opens no
 * socket, starts no thread, reads no clock. The protocol is described in
 * docs/design/trunk.md, the circuits in vif/circuit.h, what they carry in
 * vif/flow.h.
 *
 * The loop of a program, whenever its connection is ready or the deadline is
 * over:
 *
 *     vif_trunk_advance(trunk, now_ns);
 *     vif_trunk_receive(trunk, bytes, len);
 *     while (vif_trunk_next_event(trunk, &event))
 *             ...
 *     n = vif_trunk_send(trunk, buffer, size);
 *
 * Threads: one at a time for a trunk with all its circuits and flows; different
 * trunks are independent, unless a relay joins them. Nothing blocks. After
 * fork() the child must not use the trunks of its parent: all functions that
 * could do work then return -EOWNERDEAD.
 */
#ifndef VIF_TRUNK_H
#define VIF_TRUNK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vif/error.h>
#include <vif/reason.h>

#ifdef __cplusplus
extern "C" {
#endif

enum vif_trunk_limits {
	VIF_KEY_LEN = 32,            /* bytes of a key, public or private */
	VIF_TRUNK_RECORD_MIN = 1024, /* bytes of plaintext of a record */
	VIF_TRUNK_RECORD_MAX = 65519,
	VIF_TRUNK_TEXT_MAX = 256,       /* bytes of the text of a reason */
	VIF_TRUNK_SEND_MIN = 65536 + 8, /* bytes any record fits in */
	VIF_CIRCUIT_SERVICE_MAX = 255,  /* bytes of a service name */
	VIF_WEIGHT_DEFAULT = 16,        /* of a circuit or flow */
	VIF_WEIGHT_MAX = 256,
};

/* Who made the connection. */
enum vif_trunk_role {
	VIF_TRUNK_DIALER,
	VIF_TRUNK_ACCEPTER,
};

#ifdef __cplusplus
}
#endif

#endif
