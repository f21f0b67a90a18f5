/* SPDX-License-Identifier: Apache-2.0 */
/* vif help and vif version: all texts come from the tables. */
#include <stdlib.h>
#include <string.h>

#include "base/nearest.h"
#include "cli/cli.h"
#include "cli/help.h"
#include "port/address.h"
#include "port/ops.h"

void help_overview(FILE *out)
{
	const struct vif_port_ops *ops;

	(void)fprintf(out,
		      "vif %s, a patch cable for packets\n\n"
		      "usage: vif COMMAND [OPTION]... [ARGUMENT]...\n\n"
		      "commands:\n",
		      vif_version());
	for (size_t i = 0; i < cli_n_commands; i++)
		(void)fprintf(out, "  %-12s%s\n", cli_commands[i]->name,
			      cli_commands[i]->summary);
	(void)fprintf(out, "\nport types, for addresses such as "
			   "TYPE:NAME,KEY=VALUE,...:\n");
	for (size_t i = 0; (ops = port_ops_at(i)); i++)
		(void)fprintf(out, "  %-12s%s\n", ops->name, ops->summary);
	(void)fprintf(out, "\n'vif help COMMAND' and 'vif help TYPE' tell "
			   "more.\n"
			   "example: vif link tun:a,ip=10.0.0.1/24 "
			   "tun:b,ip=10.0.0.2/24,netns=blue\n");
}

static void print_option(const struct cli_option *option)
{
	char letter[8] = "    ";
	char left[48];

	if (option->letter)
		(void)snprintf(letter, sizeof(letter), "-%c, ", option->letter);
	(void)snprintf(left, sizeof(left), "%s--%s%s%s", letter, option->name,
		       option->value ? " " : "",
		       option->value ? option->value : "");
	(void)printf("  %-24s%s\n", left, option->help);
}

void cli_help_command(const struct cli_command *command)
{
	(void)printf("usage: vif %s%s%s%s\n\n%s\n", command->name,
		     command->n_options ? " [OPTION]..." : "",
		     command->args[0] ? " " : "", command->args,
		     command->summary);
	if (command->n_options)
		(void)printf("\noptions:\n");
	for (size_t i = 0; i < command->n_options; i++)
		print_option(&command->options[i]);
	if (command->details)
		(void)printf("\n%s\n", command->details);
}

enum help_sizes {
	KEY_VALUES_SIZE = 64,
};

/* How the value of a key is written: "auto|off|csum" or "N". */
static const char *key_values(const struct port_key *key, char *text,
			      size_t size)
{
	size_t len = 0;

	if (key->type != PORT_KEY_CHOICE)
		return port_key_value_name(key->type);
	for (size_t i = 0; key->choices[i] && len < size; i++)
		len += (size_t)snprintf(text + len, size - len, "%s%s",
					i > 0 ? "|" : "", key->choices[i]);
	return text;
}

static void print_key(const struct port_key *key)
{
	char values[KEY_VALUES_SIZE];

	(void)printf("  %s=%s\n      %s", key->name,
		     key_values(key, values, sizeof(values)), key->help);
	if (key->max > 0)
		(void)printf("; %llu to %llu", (unsigned long long)key->min,
			     (unsigned long long)key->max);
	if (key->def)
		(void)printf("; default: %s", key->def);
	(void)printf("\n");
}

static void help_type(const struct vif_port_ops *ops)
{
	(void)printf("%s: %s\n\naddress: %s:%s[,KEY=VALUE]...\n", ops->name,
		     ops->summary, ops->name, ops->main ? "[NAME]" : "");
	if (ops->main)
		(void)printf("  NAME\n      %s\n", ops->main);
	(void)printf("\nkeys:\n");
	for (size_t i = 0; i < ops->n_keys; i++)
		print_key(&ops->keys[i]);
	(void)printf("\nA yes-or-no key alone means yes. In a value, write a "
		     "comma as \\,\nexample: %s\n",
		     ops->example);
}

int help_unknown_command(const char *name)
{
	struct nearest nearest = nearest_to(name);
	const struct vif_port_ops *ops;

	for (size_t i = 0; i < cli_n_commands; i++)
		nearest_try(&nearest, cli_commands[i]->name);
	for (size_t i = 0; (ops = port_ops_at(i)); i++)
		nearest_try(&nearest, ops->name);
	(void)fprintf(stderr, "vif: unknown command '%s'\n", name);
	if (nearest_found(&nearest))
		(void)fprintf(stderr, "hint: did you mean '%s'?\n",
			      nearest_found(&nearest));
	else
		(void)fprintf(stderr, "hint: 'vif help' lists the commands\n");
	return CLI_USAGE;
}

/* Text with what scdoc(5) would take for markup escaped. */
static void print_escaped(const char *text)
{
	for (; *text; text++) {
		if (strchr("*_\\<#-", *text))
			(void)putchar('\\');
		(void)putchar(*text);
	}
}

static void man_command(const struct cli_command *command)
{
	(void)printf("## vif %s", command->name);
	if (command->args[0]) {
		(void)putchar(' ');
		print_escaped(command->args);
	}
	(void)printf("\n\n");
	print_escaped(command->summary);
	(void)printf(".\n\n");
	for (size_t i = 0; i < command->n_options; i++) {
		const struct cli_option *option = &command->options[i];

		if (option->letter)
			(void)printf("*-%c*, ", option->letter);
		(void)printf("*--%s*", option->name);
		if (option->value)
			(void)printf(" _%s_", option->value);
		(void)printf("\n\t");
		print_escaped(option->help);
		(void)printf("\n\n");
	}
}

static void man_type(const struct vif_port_ops *ops)
{
	(void)printf("## %s:%s\n\n", ops->name, ops->main ? "[NAME]" : "");
	print_escaped(ops->summary);
	(void)printf(". ");
	if (ops->main) {
		(void)printf("_NAME_: ");
		print_escaped(ops->main);
		(void)putchar('.');
	}
	(void)printf("\n\n");
	for (size_t i = 0; i < ops->n_keys; i++) {
		const struct port_key *key = &ops->keys[i];
		char values[KEY_VALUES_SIZE];

		(void)printf("*%s*=_%s_\n\t", key->name,
			     key_values(key, values, sizeof(values)));
		print_escaped(key->help);
		if (key->max > 0)
			(void)printf("; %llu to %llu",
				     (unsigned long long)key->min,
				     (unsigned long long)key->max);
		if (key->def)
			(void)printf("; default: %s", key->def);
		(void)printf("\n\n");
	}
}

/* The parts of the manual page that come from tables, for docs/man. */
static void print_man(void)
{
	const struct vif_port_ops *ops;

	(void)printf("# COMMANDS\n\n");
	for (size_t i = 0; i < cli_n_commands; i++)
		man_command(cli_commands[i]);
	(void)printf("# PORT TYPES\n\n");
	for (size_t i = 0; (ops = port_ops_at(i)); i++)
		man_type(ops);
}

static int run_help(const struct cli_command *command, int argc, char **argv)
{
	const struct vif_port_ops *ops;
	const char *value;
	size_t len;
	int first, r;

	r = cli_next(command, argc, argv, &value, &first);
	if (r == 0) {
		print_man();
		return CLI_OK;
	}
	if (r != CLI_NEXT_END)
		return r == CLI_NEXT_HELP ? CLI_OK : CLI_USAGE;
	if (first == argc) {
		help_overview(stdout);
		return CLI_OK;
	}
	for (size_t i = 0; i < cli_n_commands; i++) {
		if (strcmp(cli_commands[i]->name, argv[first]) == 0) {
			cli_help_command(cli_commands[i]);
			return CLI_OK;
		}
	}
	len = strlen(argv[first]);
	if (len > 0 && argv[first][len - 1] == ':')
		argv[first][len - 1] = '\0';
	ops = port_ops_find(argv[first]);
	if (!ops)
		return help_unknown_command(argv[first]);
	help_type(ops);
	return CLI_OK;
}

static int run_version(const struct cli_command *command, int argc, char **argv)
{
	const struct vif_port_ops *ops;
	const char *value;
	int first;
	int r = cli_next(command, argc, argv, &value, &first);

	if (r != CLI_NEXT_END)
		return r == CLI_NEXT_HELP ? CLI_OK : CLI_USAGE;
	(void)printf("vif %s\nports:", vif_version());
	for (size_t i = 0; (ops = port_ops_at(i)); i++)
		(void)printf(" %s", ops->name);
	(void)printf("\ntrunks: %s\n", strstr(vif_features(), "trunk") ?
					       "yes" :
					       "no, built without libcrypto");
	return CLI_OK;
}

static const struct cli_option help_options[] = {
	{ "scdoc", 0, NULL, "print all of it as source for scdoc(1)" },
};

const struct cli_command cmd_help = {
	.name = "help",
	.args = "[COMMAND | TYPE]",
	.summary = "explain a command or a port type",
	.options = help_options,
	.n_options = 1,
	.run = run_help,
};

const struct cli_command cmd_version = {
	.name = "version",
	.args = "",
	.summary = "print the version and what this build has",
	.run = run_version,
};
