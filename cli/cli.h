/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the commands of vif share: the command table, options, exit codes, and
 * the one way to report a failure.
 *
 * Data goes to stdout, everything else to stderr.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <vif/vif.h>

/* Exit codes; the numbers are the LSB's where it has one. */
enum cli_exit {
	CLI_OK = 0,
	CLI_FAILED = 1,     /* run-time failure */
	CLI_USAGE = 2,      /* the command line makes no sense */
	CLI_PERMISSION = 4, /* not allowed */
	CLI_CONFIG = 6,     /* makes sense, but cannot work */
};

/* One option of a command. */
struct cli_option {
	const char *name;  /* long name, without dashes */
	char letter;       /* short name, or 0 */
	const char *value; /* name of its value, or NULL when it takes none */
	const char *help;  /* one line; default in words */
};

/* One command; the tables in main.c, help, man page and completion use it. */
struct cli_command {
	const char *name;
	const char *args;    /* what follows the options, or "" */
	const char *summary; /* one line */
	const char *details; /* paragraphs for its help, or NULL */
	const struct cli_option *options;
	size_t n_options;
	int (*run)(const struct cli_command *command, int argc, char **argv);
};

extern const struct cli_command cmd_link;
extern const struct cli_command cmd_demo;
extern const struct cli_command cmd_probe;
extern const struct cli_command cmd_help;
extern const struct cli_command cmd_version;
extern const struct cli_command cmd_completion;

/* The command table, in the order of the help. */
extern const struct cli_command *const cli_commands[];
extern const size_t cli_n_commands;

/* What cli_next() returns besides an index into the command's options. */
enum cli_next_special {
	CLI_NEXT_END = -1,   /* no more options; *first is the first argument */
	CLI_NEXT_ERROR = -2, /* bad option, already reported; exit CLI_USAGE */
	CLI_NEXT_HELP = -3,  /* --help was printed; exit CLI_OK */
};

/*
 * cli_next() - next option of the command line
 * @command:   whose options are allowed; -h and --help always are.
 * @argc:      as run() got it; argv[0] is the command's name.
 * @argv:      may be permuted.
 * @ret_value: the option's value, or NULL.
 * @ret_first: index of the first argument, once it returns CLI_NEXT_END.
 *
 * Start anew with optind = 0. Returns an index into command->options or one of
 * enum cli_next_special.
 */
int cli_next(const struct cli_command *command, int argc, char **argv,
	     const char **ret_value, int *ret_first);

/*
 * cli_fail() - report a failed library call on stderr
 *
 * Two lines, "vif: where: what: why" and, if there is one, "hint: ...".
 * Returns the exit code that fits error->code.
 */
int cli_fail(const struct vif_error *error);

/*
 * cli_usage() - report a bad command line
 *
 * Prints "vif COMMAND: message" and where to find help; returns CLI_USAGE.
 */
int cli_usage(const struct cli_command *command, const char *format, ...)
	VIF_PRINTF(2, 3);

/*
 * cli_flush() - write out what was printed on stdout
 *
 * Returns 0, or what the first write that failed said, in this call or in one
 * before: -EPIPE when the reader is gone.
 */
int cli_flush(void);

/* Text that others chose as JSON; what is not UTF-8 in it becomes '?'. */
json_t *cli_json_text(const char *text);

/* A counter as JSON, and one for each reason to drop by its name. */
json_t *cli_json_number(uint64_t value);
json_t *cli_json_drops(const uint64_t drops[VIF_DROP_N]);

/* Print JSON on stdout, as one line or indented, and free it. */
void cli_json_line(json_t *json);
void cli_json_print(json_t *json);

/* Print the help of one command on stdout. */
void cli_help_command(const struct cli_command *command);

/* CLOCK_MONOTONIC in nanoseconds. */
uint64_t cli_now_ns(void);

/*
 * Numbers for people, into the caller's buffer, which they return:
 * cli_rate() bits per second as "17.8 Gbit/s", cli_bytes() as "1.2 GiB",
 * cli_ns() a duration as "23.4 us".
 */
const char *cli_rate(double bits_per_s, char *text, size_t size);
const char *cli_bytes(double bytes, char *text, size_t size);
const char *cli_ns(double ns, char *text, size_t size);

#endif
