/* SPDX-License-Identifier: Apache-2.0 */
/* vif: the command table, and running a command. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/help.h"

const struct cli_command *const cli_commands[] = {
	&cmd_link, &cmd_demo,    &cmd_probe,
	&cmd_help, &cmd_version, &cmd_completion,
};
const size_t cli_n_commands = sizeof(cli_commands) / sizeof(cli_commands[0]);

static const struct cli_command *find_command(const char *name)
{
	for (size_t i = 0; i < cli_n_commands; i++)
		if (strcmp(cli_commands[i]->name, name) == 0)
			return cli_commands[i];
	return NULL;
}

/* The commands people know from other tools. */
static const char *real_name(const char *name)
{
	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
		return "help";
	if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0)
		return "version";
	return name;
}

/* A closed one would be a device or a socket of ours soon. */
static void keep_standard_fds(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd > STDERR_FILENO)
		(void)close(fd); /* one too many */
}

int main(int argc, char **argv)
{
	const struct cli_command *command;
	int r, lost;

	keep_standard_fds();
	/* A reader of ours that goes away is an error of a write, no more. */
	(void)signal(SIGPIPE, SIG_IGN);
	if (argc < 2) {
		help_overview(stderr);
		return CLI_USAGE;
	}
	command = find_command(real_name(argv[1]));
	if (!command)
		return help_unknown_command(argv[1]);
	r = command->run(command, argc - 1, argv + 1);
	lost = cli_flush();
	/* Who goes away wants no more of it. */
	if (lost < 0 && lost != -EPIPE && r == CLI_OK) {
		(void)fprintf(stderr, "vif: cannot write output: %s\n",
			      strerror(-lost)); /* NOLINT(concurrency-*) */
		return CLI_FAILED;
	}
	return r;
}
