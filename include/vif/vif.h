/* SPDX-License-Identifier: Apache-2.0 */
/* Everything libvif offers. */
#ifndef VIF_VIF_H
#define VIF_VIF_H

#include <vif/allocator.h>
#include <vif/error.h>
#include <vif/link.h>
#include <vif/offload.h>
#include <vif/packet.h>
#include <vif/port.h>
#include <vif/queue.h>
#include <vif/stats.h>
#include <vif/version.h>

/* A library that was built without memif comes without its headers. */
#if __has_include(<vif/memif.h>)
#include <vif/memif.h>
#include <vif/memif_details.h>
#include <vif/memif_queue.h>
#endif

/* The same with trunks. */
#if __has_include(<vif/trunk.h>)
#include <vif/circuit.h>
#include <vif/flow.h>
#include <vif/reason.h>
#include <vif/relay.h>
#include <vif/trunk.h>
#include <vif/trunk_budget.h>
#include <vif/trunk_gate.h>
#include <vif/trunk_set.h>
#include <vif/trunk_stats.h>
#endif

#endif
