/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of vif probe: the machine, the rights of the user, namespaces. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "cli/probe_checks.h"
#include "cli/rights.h"

#define DETAIL(finding, ...) \
	probe_add((finding)->detail, sizeof((finding)->detail), __VA_ARGS__)

int probe_kernel(unsigned long value, struct probe_finding *finding)
{
	struct utsname name;

	(void)value;
	if (uname(&name) < 0)
		return -errno;
	DETAIL(finding, "%.32s %.64s %.32s", name.sysname, name.release,
	       name.machine);
	return 0;
}

int probe_cpus(unsigned long value, struct probe_finding *finding)
{
	long online = sysconf(_SC_NPROCESSORS_ONLN);
	cpu_set_t set;

	(void)value;
	/* With more processors than the set has room for it fails. */
	if (sched_getaffinity(0, sizeof(set), &set) < 0)
		DETAIL(finding, "%ld online", online);
	else
		DETAIL(finding, "%d of %ld online", CPU_COUNT(&set), online);
	return 0;
}

/* Read the number after a name at the start of a line of /proc/meminfo. */
static void read_number(const char *line, const char *name,
			unsigned long *number)
{
	if (strncmp(line, name, strlen(name)) == 0)
		*number = strtoul(line + strlen(name), NULL, 10);
}

int probe_hugepages(unsigned long value, struct probe_finding *finding)
{
	FILE *file = fopen("/proc/meminfo", "re");
	unsigned long total = 0, n_free = 0, size_kib = 0;
	char line[128];

	(void)value;
	if (!file)
		return -errno;
	while (fgets(line, sizeof(line), file)) {
		read_number(line, "HugePages_Total:", &total);
		read_number(line, "HugePages_Free:", &n_free);
		read_number(line, "Hugepagesize:", &size_kib);
	}
	(void)fclose(file); /* only read from */
	DETAIL(finding, "%lu of %lu KiB, %lu free", total, size_kib, n_free);
	if (total > 0)
		return 0;
	(void)snprintf(finding->why, sizeof(finding->why), "none reserved");
	return -ENOMEM;
}

int probe_memfd(unsigned long value, struct probe_finding *finding)
{
	int fd = memfd_create("vif-probe", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	(void)value;
	(void)finding;
	if (fd < 0 || ftruncate(fd, 4096) < 0 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) < 0)
		return -errno;
	/* The seal counts, not that it could be set. */
	return ftruncate(fd, 0) == 0 ? -EOPNOTSUPP : 0;
}

int probe_capability(unsigned long value, struct probe_finding *finding)
{
	if (!rights_has((unsigned int)value))
		return -EPERM;
	if (!rights_on_host())
		DETAIL(finding, "in this user namespace only");
	return 0;
}

int probe_net_namespace(unsigned long value, struct probe_finding *finding)
{
	(void)value;
	(void)finding;
	return unshare(CLONE_NEWNET) < 0 ? -errno : 0;
}

int probe_user_namespace(unsigned long value, struct probe_finding *finding)
{
	struct vif_error error = { 0 };
	int code = rights_own_user_ns(&error);

	(void)value;
	if (code == 0)
		return 0;
	(void)snprintf(finding->why, sizeof(finding->why), "%.159s", error.why);
	(void)snprintf(finding->hint, sizeof(finding->hint), "%.319s",
		       error.hint);
	return code;
}
