/* SPDX-License-Identifier: Apache-2.0 */
/* The far side of drivers that have a port there: rig->far. */
#ifndef CONTRACT_PAIR_H
#define CONTRACT_PAIR_H

#include "tests/contract/contract.h"

/* See struct driver. */
bool pair_far_send(struct rig *rig, const struct vif_packet *packet);
bool pair_far_receive(struct rig *rig, struct probe_seen *ret_seen);

#endif
