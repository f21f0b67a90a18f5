/* SPDX-License-Identifier: Apache-2.0 */
/* What a person can do when two memif interfaces do not come together. */
#ifndef PORT_MEMIF_HINT_H
#define PORT_MEMIF_HINT_H

#include "port/memif/down.h"
#include "port/memif/handshake.h"

/*
 * memif_hint() - what to do about the end of a handshake
 *
 * reason is that of the machine: the peer's words, if down is
 * MEMIF_DOWN_PEER. The words of vif, VPP, libmemif, DPDK and gomemif are known.
 * Returns a sentence, or "".
 */
const char *memif_hint(enum memif_role role, enum memif_down down,
		       const char *reason);

#endif
