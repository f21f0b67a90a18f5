/* SPDX-License-Identifier: Apache-2.0 */
/* What this process may do, and a network namespace of its own. */
#include "cli/rights.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <net/if.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/error.h"

static const struct rights_blocker blockers[] = {
	{ "/proc/sys/kernel/unprivileged_userns_clone", 0,
	  "kernel.unprivileged_userns_clone is 0",
	  "run it as root, or: sysctl -w kernel.unprivileged_userns_clone=1" },
	{ "/proc/sys/user/max_user_namespaces", 0,
	  "user.max_user_namespaces is 0",
	  "run it as root, or: sysctl -w user.max_user_namespaces=10000" },
	{ "/proc/sys/user/max_net_namespaces", 0,
	  "user.max_net_namespaces is 0",
	  "run it as root, or: sysctl -w user.max_net_namespaces=10000" },
	{ "/proc/sys/kernel/apparmor_restrict_unprivileged_userns", 1,
	  "kernel.apparmor_restrict_unprivileged_userns is 1",
	  "run it as root, or give vif an AppArmor profile with 'userns,', or: "
	  "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0" },
};

bool rights_has(unsigned int capability)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { 0 };

	if (syscall(SYS_capget, &header, data) < 0)
		return false;
	return data[CAP_TO_INDEX(capability)].effective &
	       CAP_TO_MASK(capability);
}

/* Read a small file of /proc; "" when there is none. */
static void read_text(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t len = fd < 0 ? 0 : read(fd, text, size - 1);

	text[len > 0 ? len : 0] = '\0';
	if (fd >= 0)
		(void)close(fd); /* only read from */
}

bool rights_on_host(void)
{
	char map[64];
	char *rest = map;
	unsigned long inside, outside, count;

	read_text("/proc/self/uid_map", map, sizeof(map));
	if (map[0] == '\0')
		return true; /* a kernel without user namespaces */
	inside = strtoul(rest, &rest, 10);
	outside = strtoul(rest, &rest, 10);
	count = strtoul(rest, &rest, 10);
	return inside == 0 && outside == 0 && count == UINT32_MAX;
}

const struct rights_blocker *rights_blocker(void)
{
	for (size_t i = 0; i < sizeof(blockers) / sizeof(blockers[0]); i++) {
		char text[32], *end;
		long value;

		read_text(blockers[i].path, text, sizeof(text));
		value = strtol(text, &end, 10);
		if (end != text && value == blockers[i].forbids)
			return &blockers[i];
	}
	return NULL;
}

int rights_loopback_up(void)
{
	struct ifreq request = { .ifr_name = "lo" };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int code = 0;

	if (fd < 0)
		return -errno;
	request.ifr_flags = IFF_UP;
	if (ioctl(fd, SIOCSIFFLAGS, &request) < 0)
		code = -errno;
	(void)close(fd); /* nothing was written through it */
	return code;
}

/* Complete an error of unshare() with the setting that is behind it. */
static int explain(struct vif_error *error, int code)
{
	const struct rights_blocker *blocker = rights_blocker();

	if (blocker && (code == -EPERM || code == -EACCES || code == -ENOSPC)) {
		(void)error_why(error, code, "%s", blocker->why);
		return error_hint(error, code, "%s", blocker->hint);
	}
	switch (code) {
	case -EPERM:
	case -EACCES:
		return error_hint(
			error, code,
			"a chroot or a container's seccomp profile may forbid it; run "
			"it outside, or as root with CAP_SYS_ADMIN, CAP_NET_ADMIN and "
			"CAP_NET_RAW");
	case -ENOSPC:
	case -EUSERS:
		return error_hint(
			error, code,
			"all allowed namespaces are in use, or nested too deep; see "
			"user.max_user_namespaces and user.max_net_namespaces");
	case -EINVAL:
		return error_hint(
			error, code,
			"this kernel lacks CONFIG_USER_NS or CONFIG_NET_NS; run it as root, or on another kernel");
	default:
		return code;
	}
}

static int write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t len;
	int code = 0;

	if (fd < 0)
		return -errno;
	len = write(fd, text, strlen(text));
	if (len != (ssize_t)strlen(text))
		code = len < 0 ? -errno : -EIO;
	(void)close(fd); /* /proc has reported its errors in write() */
	return code;
}

/* Be root inside a new user namespace, and the same user as before outside. */
static int map_ids(unsigned int uid, unsigned int gid)
{
	char map[64];
	int code;

	/* Required before an ordinary user may write gid_map. */
	code = write_text("/proc/self/setgroups", "deny");
	if (code < 0 && code != -ENOENT)
		return code;
	(void)snprintf(map, sizeof(map), "0 %u 1\n", uid);
	code = write_text("/proc/self/uid_map", map);
	if (code < 0)
		return code;
	(void)snprintf(map, sizeof(map), "0 %u 1\n", gid);
	return write_text("/proc/self/gid_map", map);
}

/*
 * A program with file capabilities is not dumpable, and then its files in
 * /proc belong to root: neither could the maps be written nor the namespaces
 * of our children be opened.
 */
static void own_proc_files(void)
{
	(void)prctl(PR_SET_DUMPABLE, 1, 0, 0, 0); /* else the user sees why */
}

int rights_own_user_ns(struct vif_error *error)
{
	unsigned int uid = geteuid(), gid = getegid();
	int code;

	own_proc_files();
	if (unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0) {
		code = error_set(error, -errno,
				 "cannot make a user and network namespace");
		return explain(error, code);
	}
	code = map_ids(uid, gid);
	if (code < 0) {
		(void)error_set(error, code, "cannot map user %u to root", uid);
		return explain(error, code);
	}
	/* AppArmor lets the namespace be made, and then refuses every right. */
	code = rights_loopback_up();
	if (code < 0) {
		(void)error_set(error, code,
				"cannot set up lo in an own user namespace");
		return explain(error, code);
	}
	return 0;
}

int rights_own_netns(bool *ret_user_ns, struct vif_error *error)
{
	bool may = rights_has(CAP_SYS_ADMIN) && rights_has(CAP_NET_ADMIN) &&
		   rights_has(CAP_NET_RAW);
	int code;

	own_proc_files();
	if (may && unshare(CLONE_NEWNET) == 0 && rights_loopback_up() == 0) {
		*ret_user_ns = false;
		return 0;
	}
	/* Rights can be taken away behind the capabilities; ask the kernel. */
	code = rights_own_user_ns(error);
	if (code < 0)
		return code;
	*ret_user_ns = true;
	return 0;
}
