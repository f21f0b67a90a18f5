/* SPDX-License-Identifier: Apache-2.0 */
/* Options of the command line, from the table of a command. */
#include <getopt.h>
#include <string.h>

#include "base/nearest.h"
#include "cli/cli.h"

enum options_limits {
	OPTIONS_MAX = 24,    /* of one command */
	OPTIONS_BASE = 1000, /* what getopt returns for option 0 */
};

static void fill_tables(const struct cli_command *command,
			struct option *long_options, char *letters)
{
	size_t i;

	*letters++ = ':'; /* tell a missing value from an unknown option */
	for (i = 0; i < command->n_options && i < OPTIONS_MAX; i++) {
		const struct cli_option *option = &command->options[i];

		long_options[i] = (struct option){
			.name = option->name,
			.has_arg =
				option->value ? required_argument : no_argument,
			.val = OPTIONS_BASE + (int)i,
		};
		if (!option->letter)
			continue;
		*letters++ = option->letter;
		if (option->value)
			*letters++ = ':';
	}
	long_options[i++] = (struct option){ .name = "help", .val = 'h' };
	long_options[i] = (struct option){ .name = NULL };
	*letters++ = 'h';
	*letters = '\0';
}

static int by_letter(const struct cli_command *command, int letter)
{
	for (size_t i = 0; i < command->n_options; i++)
		if (command->options[i].letter == letter)
			return (int)i;
	return CLI_NEXT_ERROR;
}

/* letter is what getopt did not know, or 0 for a long option. */
static int unknown_option(const struct cli_command *command, const char *word,
			  int letter)
{
	const char *name = word + strspn(word, "-");
	struct nearest nearest = nearest_to(name);

	if (letter > 0 && letter < OPTIONS_BASE) {
		(void)cli_usage(command, "unknown option '-%c'", letter);
		return CLI_NEXT_ERROR;
	}
	for (size_t i = 0; i < command->n_options; i++)
		nearest_try(&nearest, command->options[i].name);
	(void)cli_usage(command, "unknown option '%s'", word);
	if (nearest_found(&nearest))
		(void)fprintf(stderr, "hint: did you mean '--%s'?\n",
			      nearest_found(&nearest));
	return CLI_NEXT_ERROR;
}

int cli_next(const struct cli_command *command, int argc, char **argv,
	     const char **ret_value, int *ret_first)
{
	struct option long_options[OPTIONS_MAX + 2];
	char letters[2 * OPTIONS_MAX + 4];
	int c;

	fill_tables(command, long_options, letters);
	opterr = 0;
	/* NOLINTNEXTLINE(concurrency-mt-unsafe): before any thread is made */
	c = getopt_long(argc, argv, letters, long_options, NULL);
	*ret_value = optarg;
	if (c == -1) {
		*ret_first = optind;
		return CLI_NEXT_END;
	}
	if (c == 'h') {
		cli_help_command(command);
		return CLI_NEXT_HELP;
	}
	if (c == ':') {
		(void)cli_usage(command, "option '%s' needs a value",
				argv[optind - 1]);
		return CLI_NEXT_ERROR;
	}
	if (c == '?')
		return unknown_option(command, argv[optind - 1], optopt);
	return c >= OPTIONS_BASE ? c - OPTIONS_BASE : by_letter(command, c);
}
