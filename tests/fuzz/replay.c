/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a fuzz target over files, and over the files of directories. Fails when
 * there was none, so that a lost corpus is noticed.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "tests/fuzz/fuzz.h"

/* The whole file in a block of its size, or NULL. */
static uint8_t *read_file(const char *path, size_t *ret_size)
{
	FILE *file = fopen(path, "rb");
	struct stat info;
	uint8_t *data = NULL;
	size_t size = 0;

	if (file && fstat(fileno(file), &info) == 0) {
		size = (size_t)info.st_size;
		data = malloc(size > 0 ? size : 1);
	}
	if (data && fread(data, 1, size, file) != size) {
		free(data);
		data = NULL;
	}
	if (!data)
		perror(path);
	if (file)
		(void)fclose(file); /* only read */
	*ret_size = size;
	return data;
}

/* Returns how many files were run, or -1 with the reason printed. */
static long replay_file(const char *path)
{
	size_t size;
	uint8_t *data = read_file(path, &size);

	if (!data)
		return -1;
	/* Whoever looks for a crash wants to know the file. */
	(void)fprintf(stderr, "%s\n", path);
	(void)LLVMFuzzerTestOneInput(data, size); /* 0, by definition */
	free(data);
	return 1;
}

/* A file, or the files right below a directory without the hidden ones. */
static long replay_path(const char *path)
{
	struct dirent **entry;
	long sum = 0;
	int n = scandir(path, &entry, NULL, alphasort);

	for (int i = 0; i < n; i++) {
		char below[4096];
		long r = 0;

		(void)snprintf(below, sizeof(below), "%s/%s", path,
			       entry[i]->d_name);
		if (entry[i]->d_name[0] != '.' && sum >= 0)
			r = replay_file(below);
		sum = r < 0 ? -1 : sum + r;
		free(entry[i]);
	}
	if (n >= 0)
		free(entry);
	return n < 0 ? replay_file(path) : sum;
}

int main(int argc, char **argv)
{
	long sum = 0;

	for (int i = 1; i < argc; i++) {
		long r = replay_path(argv[i]);

		if (r < 0)
			return 1;
		sum += r;
	}
	if (sum == 0) {
		(void)fputs("replay: there is no input\n", stderr);
		return 1;
	}
	(void)printf("%ld inputs\n", sum);
	return 0;
}
