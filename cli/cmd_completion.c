/* SPDX-License-Identifier: Apache-2.0 */
/* vif completion: scripts for bash and zsh, written from the tables. */
#include <string.h>

#include "cli/cli.h"
#include "port/address.h"
#include "port/ops.h"

static void print_commands(void)
{
	for (size_t i = 0; i < cli_n_commands; i++)
		(void)printf("%s%s", i > 0 ? " " : "", cli_commands[i]->name);
}

static void print_types(const char *suffix)
{
	const struct vif_port_ops *ops;

	for (size_t i = 0; (ops = port_ops_at(i)); i++)
		(void)printf("%s%s%s", i > 0 ? " " : "", ops->name, suffix);
}

/* "key= key=" or, for a choice, "key=a key=b". */
static void print_keys(const struct vif_port_ops *ops)
{
	for (size_t i = 0; i < ops->n_keys; i++) {
		const struct port_key *key = &ops->keys[i];
		static const char *const yes_no[] = { "yes", "no", NULL };
		const char *const *choices =
			key->type == PORT_KEY_BOOL ? yes_no : key->choices;

		if (!choices)
			(void)printf(" %s=", key->name);
		for (size_t j = 0; choices && choices[j]; j++)
			(void)printf(" %s=%s", key->name, choices[j]);
	}
}

static void print_tables(void)
{
	const struct vif_port_ops *ops;

	(void)printf("_vif_commands='");
	print_commands();
	(void)printf("'\n_vif_types='");
	print_types(":");
	(void)printf("'\n_vif_topics='");
	print_types("");
	(void)printf("'\n\n_vif_options() {\n\tcase $1 in\n");
	for (size_t i = 0; i < cli_n_commands; i++) {
		(void)printf("\t%s) echo '--help", cli_commands[i]->name);
		for (size_t j = 0; j < cli_commands[i]->n_options; j++)
			(void)printf(" --%s", cli_commands[i]->options[j].name);
		(void)printf("' ;;\n");
	}
	(void)printf("\tesac\n}\n\n_vif_keys() {\n\tcase $1 in\n");
	for (size_t i = 0; (ops = port_ops_at(i)); i++) {
		(void)printf("\t%s) echo '", ops->name);
		print_keys(ops);
		(void)printf("' ;;\n");
	}
	(void)printf("\tesac\n}\n");
}

/*
 * An address is one word to the user, but ':' and '=' split words in bash: the
 * word is put together from the line, and what readline has already is cut off
 * the proposals again.
 */
static const char bash_body[] =
	"\n"
	"_vif_words() {\n"
	"\tlocal command=$1 word=$2\n"
	"\tcase $word in\n"
	"\t-*) _vif_options \"$command\"; return ;;\n"
	"\tesac\n"
	"\tcase $command in\n"
	"\thelp) echo \"$_vif_commands $_vif_topics\" ;;\n"
	"\tcompletion) echo 'bash zsh' ;;\n"
	"\tlink)\n"
	"\t\tcase $word in\n"
	"\t\t*:*,*)\n"
	"\t\t\tlocal key\n"
	"\t\t\tfor key in $(_vif_keys \"${word%%:*}\"); do\n"
	"\t\t\t\techo \"${word%,*},$key\"\n"
	"\t\t\tdone ;;\n"
	"\t\t*:*) ;;\n"
	"\t\t*) echo \"$_vif_types\" ;;\n"
	"\t\tesac ;;\n"
	"\tesac\n"
	"}\n";

static const char bash_tail[] =
	"\n"
	"_vif() {\n"
	"\tlocal line=${COMP_LINE:0:COMP_POINT} word command cut reply\n"
	"\tword=${line##* }\n"
	"\tcommand=${COMP_WORDS[1]}\n"
	"\tif [ \"$COMP_CWORD\" -le 1 ]; then\n"
	"\t\tCOMPREPLY=($(compgen -W \"$_vif_commands\" -- \"$word\"))\n"
	"\t\treturn\n"
	"\tfi\n"
	"\tCOMPREPLY=($(compgen -W \"$(_vif_words \"$command\" \"$word\")\" "
	"-- \"$word\"))\n"
	"\tcut=${word%\"${word##*[:=]}\"}\n"
	"\tfor reply in \"${!COMPREPLY[@]}\"; do\n"
	"\t\tCOMPREPLY[reply]=${COMPREPLY[reply]#\"$cut\"}\n"
	"\tdone\n"
	"\t[[ ${COMPREPLY[0]} == *[:=] ]] && compopt -o nospace\n"
	"\treturn 0\n"
	"}\n"
	"complete -F _vif vif\n";

static const char zsh_tail[] =
	"\n"
	"_vif() {\n"
	"\tlocal -a found\n"
	"\tif (( CURRENT == 2 )); then\n"
	"\t\tfound=(${=_vif_commands})\n"
	"\telse\n"
	"\t\tfound=(${=\"$(_vif_words $words[2] $PREFIX)\"})\n"
	"\tfi\n"
	"\tcompadd -S '' -- $found\n"
	"}\n"
	"if [ \"$funcstack[1]\" = _vif ]; then\n"
	"\t_vif \"$@\"\n"
	"else\n"
	"\tcompdef _vif vif\n"
	"fi\n";

static int run_completion(const struct cli_command *command, int argc,
			  char **argv)
{
	const char *value;
	bool zsh;
	int first;
	int r = cli_next(command, argc, argv, &value, &first);

	if (r != CLI_NEXT_END)
		return r == CLI_NEXT_HELP ? CLI_OK : CLI_USAGE;
	if (first + 1 != argc)
		return cli_usage(command, "needs the name of a shell");
	zsh = strcmp(argv[first], "zsh") == 0;
	if (!zsh && strcmp(argv[first], "bash") != 0)
		return cli_usage(command, "no completion for '%s'",
				 argv[first]);
	(void)printf("%s", zsh ? "#compdef vif\n" : "# bash completion\n");
	print_tables();
	(void)printf("%s%s", bash_body, zsh ? zsh_tail : bash_tail);
	return CLI_OK;
}

const struct cli_command cmd_completion = {
	.name = "completion",
	.args = "bash|zsh",
	.summary = "print a completion script for a shell",
	.details = "To use it now: source <(vif completion bash)",
	.run = run_completion,
};
