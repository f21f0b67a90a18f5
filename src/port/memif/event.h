/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The eventfd of a ring, which a peer has, too.
 *
 * Whether its operations block is a flag of the open file, which both sides can
 * change at any time. So neither read(2) nor write(2) is safe for a data thread.
 * A look uses preadv2(2) with RWF_NOWAIT. A kick lets the kernel count the
 * eventfd up as the completion of an empty asynchronous read (io_submit(2) with
 * IOCB_FLAG_RESFD), which never waits, whatever its value and its flags are; it
 * takes as long as write(2) does.
 */
#ifndef PORT_MEMIF_EVENT_H
#define PORT_MEMIF_EVENT_H

#include <linux/aio_abi.h>

#include "port/memif/region.h"

/* One for any number of links and threads; making and ending it is slow. */
struct memif_kicker {
	aio_context_t context; /* 0: none, kicks use write(2) */
};

/* Returns 0, or an error of io_setup(2): kicks then use write(2). */
int memif_kicker_init(struct memif_kicker *kicker);
void memif_kicker_fini(struct memif_kicker *kicker);

/* Count the eventfd up by one. Any thread; never blocks. */
void memif_kick(const struct memif_kicker *kicker, int event_fd);

/* Clear it. Returns whether it was set. Any thread; never blocks. */
bool memif_event_clear(int event_fd);

/* Whether it is an eventfd, as /proc tells. It stays the caller's. */
enum memif_verdict memif_event_judge(int fd);

/* Returns a new one, or -EMFILE, -ENFILE, -ENOMEM. */
int memif_event_create(void);

#endif
