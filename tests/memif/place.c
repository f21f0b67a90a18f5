/* SPDX-License-Identifier: Apache-2.0 */
/* What the memif tests share. */
#include "tests/memif/place.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/error.h"

static char folder[64];

int place_make(void **state)
{
	(void)state;
	(void)snprintf(folder, sizeof(folder), "/tmp/vif-memif-XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

int place_remove(void **state)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;

	(void)state;
	while (dir && (entry = readdir(dir))) /* NOLINT(concurrency-*): ours */
		if (entry->d_name[0] != '.')
			(void)unlinkat(dirfd(dir), entry->d_name, 0);
	if (dir)
		(void)closedir(dir);
	return rmdir(folder);
}

const char *place_path(const char *file)
{
	static char path[128];

	(void)snprintf(path, sizeof(path), "%s/%s", folder, file);
	return path;
}

const char *place_abstract(const char *file)
{
	static char name[128];

	(void)snprintf(name, sizeof(name), "@%s/%s", folder, file);
	return name;
}

struct memif_socket_name place_name(const char *text)
{
	struct memif_socket_name name;

	assert_int_equal(memif_socket_name_set(&name, text, strlen(text), NULL),
			 0);
	return name;
}

unsigned int place_count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned int n = 0;

	assert_non_null(dir);
	while (readdir(dir)) /* NOLINT(concurrency-*): ours alone */
		n++;
	(void)closedir(dir);
	return n;
}
