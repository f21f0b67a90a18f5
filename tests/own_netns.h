/* SPDX-License-Identifier: Apache-2.0 */
/* A network namespace of a test's own. */
#ifndef TESTS_OWN_NETNS_H
#define TESTS_OWN_NETNS_H

#include <stdbool.h>

enum own_netns_exit {
	OWN_NETNS_SKIP = 77, /* what Meson takes for a skipped test */
};

/*
 * Leaves the network namespace for good, as root or through a user namespace.
 * Before any thread is made. Returns 0, or OWN_NETNS_SKIP with the reason
 * printed.
 */
int own_netns_enter(void);

/* Writes a text to a file such as a sysctl. */
bool own_netns_write(const char *path, const char *text);

/* Deletes an interface. */
bool own_netns_delete(unsigned int ifindex);

#endif
