/* SPDX-License-Identifier: Apache-2.0 */
/* A burst of plain probes, made anew by each case that needs one. */
#ifndef CONTRACT_BURST_H
#define CONTRACT_BURST_H

#include "tests/contract/contract.h"

extern struct probe burst_probe[CONTRACT_BATCH];
extern struct vif_packet burst_packet[CONTRACT_BATCH]; /* of the above */

/* Makes n probes, numbered from first, of growing size. */
void burst_make(const struct rig *rig, uint32_t first, uint32_t n);

/* Receives n probes with these numbers, in order, or fails the case. */
void burst_expect(struct rig *rig, uint32_t first, uint32_t n);

#endif
