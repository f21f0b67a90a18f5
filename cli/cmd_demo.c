/* SPDX-License-Identifier: Apache-2.0 */
/* vif demo: a cable between two namespaces, made, measured and removed. */
#include <errno.h>
#include <stdlib.h>

#include "cli/cli.h"
#include "cli/demo.h"
#include "cli/demo_report.h"

enum {
	SECONDS_DEFAULT = 6,
	SECONDS_MAX = 3600,
	N_PHASE = 3, /* a to b, b to a, both */
};

enum option { OPTION_SECONDS, OPTION_JSON, OPTION_QUIET };

static const struct cli_option options[] = {
	[OPTION_SECONDS] = { "seconds", 0, "N",
			     "time for TCP, 1 to 3600; default 6" },
	[OPTION_JSON] = { "json", 'j', NULL, "print one JSON document" },
	[OPTION_QUIET] = { "quiet", 'q', NULL, "print the results only" },
};

/* What the command line asks for. */
struct request {
	uint32_t seconds;
	bool is_json;
	bool is_quiet;
};

/* Returns whether text is a number in range. */
static bool parse_seconds(const char *text, uint32_t *ret_seconds)
{
	char *end;
	long value;

	errno = 0;
	value = strtol(text, &end, 10);
	if (errno || end == text || *end || value < 1 || value > SECONDS_MAX)
		return false;
	*ret_seconds = (uint32_t)value;
	return true;
}

/* Returns CLI_NEXT_END when all is well, else how to leave. */
static int parse(const struct cli_command *command, int argc, char **argv,
		 struct request *request)
{
	const char *value;
	int option, first;

	while ((option = cli_next(command, argc, argv, &value, &first)) >= 0) {
		switch ((enum option)option) {
		case OPTION_SECONDS:
			if (!parse_seconds(value, &request->seconds))
				return cli_usage(
					command,
					"--seconds: '%s' is not a number from 1 to %d",
					value, (int)SECONDS_MAX);
			break;
		case OPTION_JSON:
			request->is_json = true;
			break;
		case OPTION_QUIET:
			request->is_quiet = true;
			break;
		}
	}
	if (option == CLI_NEXT_HELP)
		return CLI_OK;
	if (option == CLI_NEXT_ERROR)
		return CLI_USAGE;
	if (first < argc)
		return cli_usage(command, "unexpected argument '%s'",
				 argv[first]);
	return CLI_NEXT_END;
}

static int measure_tcp(struct demo *demo, const struct request *request,
		       struct demo_result *result, struct vif_error *error)
{
	uint32_t time_ms = request->seconds * 1000 / N_PHASE;
	int code;

	for (int load = 0; load < DEMO_LOAD_N; load++) {
		code = demo_measure_tcp(demo, (enum demo_load)load, time_ms,
					result, error);
		if (code < 0)
			return code;
		if (!request->is_json)
			demo_report_tcp(result, (enum demo_load)load);
	}
	return 0;
}

static int show(struct demo *demo, const struct request *request,
		struct vif_error *error)
{
	struct demo_result result = { 0 };
	int code = demo_open(demo, error);

	if (code < 0)
		return code;
	if (!request->is_json && !request->is_quiet)
		demo_report_plan(demo);
	code = demo_measure_ping(demo, &result, error);
	if (code < 0)
		return code;
	if (!request->is_json)
		demo_report_ping(&result);
	code = measure_tcp(demo, request, &result, error);
	if (code < 0)
		return code;
	code = demo_finish(demo, &result, error);
	if (code < 0)
		return code;
	if (request->is_json)
		cli_json_print(demo_report_json(demo, &result));
	else
		demo_report_packets(&result);
	if (!request->is_json && !request->is_quiet)
		demo_report_next(demo);
	return 0;
}

static int run(const struct cli_command *command, int argc, char **argv)
{
	struct request request = { .seconds = SECONDS_DEFAULT };
	struct vif_error error = { 0 };
	struct demo demo;
	int code = parse(command, argc, argv, &request);
	int signal;
	bool is_allowed;

	if (code != CLI_NEXT_END)
		return code;
	demo_init(&demo);
	code = show(&demo, &request, &error);
	signal = demo.signal;
	is_allowed = demo.is_allowed;
	demo_close(&demo);
	/* What a shell shows for a program that a signal ended. */
	if (signal)
		return 128 + signal;
	if (code == 0)
		return CLI_OK;
	code = cli_fail(&error);
	return is_allowed ? code : CLI_PERMISSION;
}

const struct cli_command cmd_demo = {
	.name = "demo",
	.args = "",
	.summary = "link two namespaces, ping, move TCP, show what it brings",
	.details =
		"Makes two network namespaces of its own, links them by two TUN devices,\n"
		"and measures round trips and TCP both ways. Works as root, and as an\n"
		"ordinary user where /dev/net/tun is open to all and user namespaces are\n"
		"allowed. Touches nothing of the host's network; leaves nothing behind.",
	.options = options,
	.n_options = sizeof(options) / sizeof(options[0]),
	.run = run,
};
