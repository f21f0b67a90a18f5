/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What this process may do, and how it gets a network namespace of its own.
 *
 * With the rights for it, the namespace is made directly. An ordinary user
 * gets it through a user namespace, inside which all rights count, but only
 * for what was made there.
 */
#ifndef CLI_RIGHTS_H
#define CLI_RIGHTS_H

#include <stdbool.h>

#include <vif/error.h>

/* The setting that keeps ordinary users from making namespaces. */
struct rights_blocker {
	const char *path; /* in /proc/sys */
	long forbids;     /* value that forbids it */
	const char *why;
	const char *hint;
};

/* Whether a capability (CAP_*) is in force in the current user namespace. */
bool rights_has(unsigned int capability);

/* Whether the capabilities count for the host, and not in a user namespace. */
bool rights_on_host(void);

/* The setting in the way, or NULL when none of the known ones is. */
const struct rights_blocker *rights_blocker(void);

/* Set the loopback device of the current network namespace up. */
int rights_loopback_up(void);

/*
 * rights_own_netns() - move this process into a new network namespace
 * @ret_user_ns: whether it took a user namespace; unchanged on failure.
 * @error:       filled on failure, with the setting to change.
 *
 * There is no way back. The process must have one thread. Returns 0 or a
 * negative errno.
 */
int rights_own_netns(bool *ret_user_ns, struct vif_error *error);

/* Make a user and network namespace, whatever the rights are. */
int rights_own_user_ns(struct vif_error *error);

#endif
