/* SPDX-License-Identifier: Apache-2.0 */
/* A network namespace of our own, and what happens to devices in it. */
#ifndef CONTRACT_NETNS_H
#define CONTRACT_NETNS_H

#include "tests/contract/contract.h"

/* Leaves the namespace for good. 0, or CONTRACT_SKIP with the reason said. */
int netns_enter(void);

void netns_set_up(struct rig *rig, bool up);

/* Deletes the device, as "ip link del" does. */
void netns_vanish(struct rig *rig);

#endif
