/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why a trunk, a circuit or a flow ended.
 *
 * docs/design/trunk.md has what leads to each.
 */
#ifndef VIF_REASON_H
#define VIF_REASON_H

#include <stdint.h>

#include <vif/version.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Why a trunk, circuit or flow ended. The values are those of the protocol. */
enum vif_reason {
	VIF_REASON_NONE,       /* it has not; or it ended as it should */
	VIF_REASON_CLOSED,     /* by a program that gave no code */
	VIF_REASON_TRUNCATED,  /* the connection ended without a word */
	VIF_REASON_PROTOCOL,   /* the other side broke the protocol */
	VIF_REASON_CREDIT,     /* it sent more than it might */
	VIF_REASON_SEAL,       /* a record did not open */
	VIF_REASON_VERSION,    /* no version in common */
	VIF_REASON_SUITE,      /* no suite or pattern in common */
	VIF_REASON_IDENTITY,   /* not who it should be, or not welcome */
	VIF_REASON_HANDSHAKE,  /* the handshake failed */
	VIF_REASON_REFUSED,    /* not accepted; safe to try again */
	VIF_REASON_DRAINING,   /* going away; safe to try elsewhere */
	VIF_REASON_LIMIT,      /* too many at once; safe to try again */
	VIF_REASON_FLOOD,      /* too much of something */
	VIF_REASON_TIMEOUT,    /* a handshake took too long */
	VIF_REASON_START,      /* no circuit was opened in time */
	VIF_REASON_IDLE,       /* nothing was open for too long */
	VIF_REASON_HEALTH,     /* no sign of life */
	VIF_REASON_NO_ROUTE,   /* a relay knows no such destination */
	VIF_REASON_RELAY_LOST, /* the trunk behind the relay ended */
	VIF_REASON_MEMORY,     /* there was none */
	VIF_REASON_N,
	VIF_REASON_PROGRAM = 256, /* from here on, codes of programs */
};

/**
 * vif_reason_name() - name of a reason, "no_route"
 * @reason: any value.
 *
 * Return: static snake_case text; "program" for codes of programs, "unknown"
 * for others.
 * Context: any thread.
 */
VIF_API const char *vif_reason_name(uint32_t reason);

#ifdef __cplusplus
}
#endif

#endif
