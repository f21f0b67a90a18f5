/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signals of vif link. The first that asks to stop is noted, the second aborts
 * the drain. A program that hangs then, writing to somebody who does not read,
 * is ended: ten seconds after the first, and one after the second.
 */
#ifndef CLI_LINK_SIGNALS_H
#define CLI_LINK_SIGNALS_H

#include <stdbool.h>

struct vif_link;

/*
 * Begin to watch. Returns a descriptor that is readable when something has
 * happened, or a negative errno. Before any thread is made.
 */
int signals_start(void);

/* The link a second signal aborts; NULL before it is freed. */
void signals_abort(struct vif_link *link);

/* Make the descriptor readable. Any thread. */
void signals_wake(void);

/* Make it unreadable again; ask for the following afterwards. */
void signals_clear(void);

bool signals_want_stop(void);

/* Whether counters were asked for since the last call. */
bool signals_want_counters(void);

#endif
