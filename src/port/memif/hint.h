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

/*
 * memif_hint_data() - what to do about a peer that broke a ring
 *
 * Of a connection that was up. DPDK gives queues it has no ring for the first
 * one of the others: it is told from its name, and a client that took fewer
 * rings than it was offered has no such queues. resync is that of the link: it is
 * no advice where it is on. Fills hint with a sentence, or "".
 */
void memif_hint_data(const struct memif_handshake *handshake, bool resync,
		     char *hint, size_t size);

#endif
