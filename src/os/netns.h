/* SPDX-License-Identifier: Apache-2.0 */
/* Working inside another network namespace. */
#ifndef OS_NETNS_H
#define OS_NETNS_H

#include <vif/error.h>

/*
 * netns_open() - open a network namespace by name, path or process
 *
 * spec is the number of a process, a path (with a slash in it), or a name made
 * by "ip netns add". Returns a descriptor the caller closes, or a negative
 * errno with error filled.
 */
int netns_open(const char *spec, struct vif_error *error);

/*
 * netns_call() - call a function inside a network namespace
 *
 * Runs function(argument) in a short-lived thread that has entered the
 * namespace, so that the calling thread never leaves its own. With a negative
 * netns_fd it is a plain call. Returns what function returned; when the
 * namespace cannot be entered, a negative errno with error filled. Blocks until
 * function is done.
 */
int netns_call(int netns_fd, int (*function)(void *argument), void *argument,
	       struct vif_error *error);

/*
 * netns_call_new() - call a function inside a network namespace of its own
 *
 * The same with a namespace that is made for the call and ends with it, if
 * function leaves nothing open in it. Returns what function returned; when no
 * namespace can be made, a negative errno with error filled: -EPERM without
 * CAP_SYS_ADMIN.
 */
int netns_call_new(int (*function)(void *argument), void *argument,
		   struct vif_error *error);

/*
 * netns_setting() - write a setting of the network namespace one is in
 *
 * name is a path below /proc/sys/net. Returns 0 or a negative errno: -EROFS
 * where a container must not, -ENOENT where the kernel has no such setting.
 */
int netns_setting(const char *name, const char *value);

#endif
