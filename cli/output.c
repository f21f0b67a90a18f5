/* SPDX-License-Identifier: Apache-2.0 */
/* Reporting failures, writing numbers and JSON, and the clock. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/cli.h"

static int exit_code(int code)
{
	switch (-code) {
	case EPERM:
	case EACCES:
		return CLI_PERMISSION;
	case EINVAL:
	case ENAMETOOLONG:  /* of a socket */
	case EADDRNOTAVAIL: /* to be had by no device */
		return CLI_USAGE;
	case EPROTOTYPE: /* the ports do not fit */
	case EEXIST:     /* the name belongs to something else */
	case EISDIR:     /* and so does that of a file to read, */
	case ENOTDIR:    /* or of a directory on the way to it */
	case ENOENT:     /* a namespace that is not there */
	case EOPNOTSUPP: /* this kernel cannot */
	case E2BIG:      /* more queues than there are */
		return CLI_CONFIG;
	default:
		return CLI_FAILED;
	}
}

int cli_fail(const struct vif_error *error)
{
	char line[1024];

	(void)vif_error_text(error, line, sizeof(line));
	(void)fprintf(stderr, "vif: %s\n", line);
	if (error->hint[0])
		(void)fprintf(stderr, "hint: %s\n", error->hint);
	return exit_code(error->code);
}

int cli_usage(const struct cli_command *command, const char *format, ...)
{
	va_list args;

	(void)fprintf(stderr, "vif %s: ", command->name);
	va_start(args, format);
	(void)vfprintf(stderr, format, args);
	va_end(args);
	(void)fprintf(stderr, "\nhint: 'vif help %s' shows how to use it\n",
		      command->name);
	return CLI_USAGE;
}

json_t *cli_json_text(const char *text)
{
	json_t *json = json_string(text);
	char *copy;

	if (json)
		return json;
	copy = strdup(text);
	for (char *at = copy; at && *at; at++)
		if ((unsigned char)*at >= 0x80)
			*at = '?';
	json = copy ? json_string(copy) : NULL;
	free(copy);
	return json ? json : json_null();
}

json_t *cli_json_number(uint64_t value)
{
	return json_integer((json_int_t)value);
}

json_t *cli_json_drops(const uint64_t drops[VIF_DROP_N])
{
	json_t *json = json_object();

	for (int i = 0; i < VIF_DROP_N; i++)
		(void)json_object_set_new(json, vif_drop_name((enum vif_drop)i),
					  cli_json_number(drops[i]));
	return json;
}

int cli_flush(void)
{
	static int error;

	flockfile(stdout);
	/* stdio knows that a write failed, but not for long why. */
	if (fflush(stdout) != 0 && error == 0)
		error = -errno;
	if (ferror(stdout) && error == 0)
		error = -EIO;
	funlockfile(stdout);
	return error;
}

static void print_json(json_t *json, size_t flags)
{
	/* Workers report states while the main thread reports rates. */
	flockfile(stdout);
	/* Fails for want of memory, or of a reader; main() tells. */
	(void)json_dumpf(json, stdout, flags | JSON_PRESERVE_ORDER);
	(void)fputc('\n', stdout);
	(void)cli_flush();
	funlockfile(stdout);
	json_decref(json);
}

void cli_json_line(json_t *json)
{
	print_json(json, JSON_COMPACT);
}

void cli_json_print(json_t *json)
{
	print_json(json, JSON_INDENT(2));
}

uint64_t cli_now_ns(void)
{
	struct timespec now = { 0 };

	(void)clock_gettime(CLOCK_MONOTONIC, &now); /* always there */
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* The largest unit that leaves a number of at least one. */
static const char *scaled(double value, double step, const char *const *units,
			  char *text, size_t size)
{
	size_t i = 0;

	while (value >= step && units[i + 1]) {
		value /= step;
		i++;
	}
	(void)snprintf(text, size,
		       value >= 100 || i == 0 ? "%.0f %s" : "%.1f %s", value,
		       units[i]);
	return text;
}

const char *cli_rate(double bits_per_s, char *text, size_t size)
{
	static const char *const units[] = { "bit/s",  "kbit/s", "Mbit/s",
					     "Gbit/s", "Tbit/s", NULL };

	return scaled(bits_per_s, 1000, units, text, size);
}

const char *cli_bytes(double bytes, char *text, size_t size)
{
	static const char *const units[] = { "B",   "KiB", "MiB",
					     "GiB", "TiB", NULL };

	return scaled(bytes, 1024, units, text, size);
}

const char *cli_ns(double ns, char *text, size_t size)
{
	static const char *const units[] = { "ns", "us", "ms", "s", NULL };

	return scaled(ns, 1000, units, text, size);
}
