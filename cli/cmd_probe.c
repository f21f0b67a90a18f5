/* SPDX-License-Identifier: Apache-2.0 */
/* vif probe: what this kernel and user can do, as a table or JSON. */
#include <string.h>

#include "cli/cli.h"
#include "cli/probe_run.h"

enum option { OPTION_JSON };

static const struct cli_option options[] = {
	[OPTION_JSON] = { "json", 'j', NULL, "print one JSON document" },
};

static const char *const answer_name[] = {
	[PROBE_UNKNOWN] = "unknown",
	[PROBE_NO] = "no",
	[PROBE_YES] = "yes",
};

/* Whether the next row is a no with the same hint, which then has it. */
static bool hint_follows(const struct probe_report *report, size_t i)
{
	return i + 1 < probe_n_checks &&
	       report->result[i + 1].answer == PROBE_NO &&
	       strcmp(report->result[i + 1].finding.hint,
		      report->result[i].finding.hint) == 0;
}

static void print_row(const struct probe_report *report, size_t i)
{
	const struct probe_result *result = &report->result[i];
	const struct probe_finding *finding = &result->finding;
	bool is_no = result->answer == PROBE_NO;

	printf("  %-19s %-8s%s", probe_checks[i].name,
	       answer_name[result->answer],
	       result->answer == PROBE_YES ? probe_checks[i].what :
					     finding->why);
	if (finding->detail[0])
		printf(": %s", finding->detail);
	putchar('\n');
	if (is_no && finding->hint[0] && !hint_follows(report, i))
		printf("  %-27s hint: %s\n", "", finding->hint);
}

static void print_table(const struct probe_report *report)
{
	const char *group = "";

	for (size_t i = 0; i < probe_n_checks; i++) {
		const struct probe_check *check = &probe_checks[i];

		if (strcmp(group, check->group) != 0)
			printf("%s%s\n", i ? "\n" : "", check->group);
		group = check->group;
		print_row(report, i);
	}
	if (report->has_box)
		printf("\nDevices and sockets were tried in a network namespace of their own%s.\n",
		       report->is_user_ns ? ",\ninside a user namespace" : "");
}

static json_t *row_json(const struct probe_check *check,
			const struct probe_result *result)
{
	const struct probe_finding *finding = &result->finding;

	return json_pack("{ss ss ss ss ss si ss ss}", "group", check->group,
			 "name", check->name, "meaning", check->what, "answer",
			 answer_name[result->answer], "detail", finding->detail,
			 "errno", -result->code, "why", finding->why, "hint",
			 finding->hint);
}

static void print_json(const struct probe_report *report)
{
	json_t *checks = json_array();
	const char *namespaces = !report->has_box   ? "none" :
				 report->is_user_ns ? "user_and_network" :
						      "network";

	for (size_t i = 0; i < probe_n_checks; i++)
		(void)json_array_append_new(
			checks, row_json(&probe_checks[i], &report->result[i]));
	cli_json_print(json_pack("{si ss so}", "schema_version", 1,
				 "namespaces", namespaces, "checks", checks));
}

static int run(const struct cli_command *command, int argc, char **argv)
{
	struct probe_report *report = NULL;
	struct vif_error error = { 0 };
	bool is_json = false;
	const char *value;
	int option, first;

	while ((option = cli_next(command, argc, argv, &value, &first)) >= 0)
		is_json = true; /* there is no other option */
	if (option == CLI_NEXT_HELP)
		return CLI_OK;
	if (option == CLI_NEXT_ERROR)
		return CLI_USAGE;
	if (first < argc)
		return cli_usage(command, "unexpected argument '%s'",
				 argv[first]);
	if (probe_run(&report, &error) < 0)
		return cli_fail(&error);
	if (is_json)
		print_json(report);
	else
		print_table(report);
	return CLI_OK;
}

const struct cli_command cmd_probe = {
	.name = "probe",
	.args = "",
	.summary = "show what this kernel and user can do",
	.details =
		"Tries each thing vif can make use of, in processes and namespaces of their\n"
		"own, so nothing on the host changes. A no comes with its reason and, where\n"
		"there is one, a remedy. Exits 0 whenever it could report.",
	.options = options,
	.n_options = sizeof(options) / sizeof(options[0]),
	.run = run,
};
