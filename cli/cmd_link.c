/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vif link: join two ports until told to stop.
 *
 * The main thread only waits: for signals, for the end of the link, and for
 * the clock. The packets move in the library's threads.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bits.h"
#include "cli/cli.h"
#include "cli/link_notices.h"
#include "cli/link_report.h"
#include "cli/link_signals.h"
#include "port/units.h"

enum link_limits {
	LINK_DRAIN_MS = 1000,
	LINK_CPU_MAX = 64, /* entries of --cpu */
};

struct settings {
	uint64_t stats_ns;    /* 0: no rates */
	uint64_t duration_ns; /* 0: until told to stop */
	uint32_t workers;
	uint32_t spin_us;
	uint32_t cpu[LINK_CPU_MAX];
	uint32_t n_cpu;
	enum vif_full full;
	enum vif_link_glue glue;
	enum vif_link_cut cut;
	int ready_fd;
	bool json, quiet, verbose;
};

/* In the order of the options table. */
enum link_option {
	OPT_STATS,
	OPT_JSON,
	OPT_DURATION,
	OPT_WORKERS,
	OPT_CPU,
	OPT_SPIN,
	OPT_FULL,
	OPT_GLUE,
	OPT_CUT,
	OPT_READY_FD,
	OPT_QUIET,
	OPT_VERBOSE,
};

static const struct cli_option options[] = {
	[OPT_STATS] = { "stats", 0, "TIME",
			"print rates this often, such as 1s" },
	[OPT_JSON] = { "json", 'j', NULL,
		       "plan, rates and summary as JSON lines on stdout" },
	[OPT_DURATION] = { "duration", 'd', "TIME", "stop after this time" },
	[OPT_WORKERS] = { "workers", 'w', "N",
			  "threads; default: one for each pair of queues" },
	[OPT_CPU] = { "cpu", 0, "LIST",
		      "CPUs to pin the workers to, in turn, such as 0,2-3" },
	[OPT_SPIN] = { "spin", 0, "TIME",
		       "poll this long before sleeping; default: 0us" },
	[OPT_FULL] = { "full", 0, "wait|drop",
		       "when the destination has no room; default: wait" },
	[OPT_GLUE] = { "glue", 0, "auto|on|off",
		       "make superpackets for a destination that takes them; "
		       "auto: of a source that delivers packets one by one" },
	[OPT_CUT] = { "cut", 0, "auto|off",
		      "cut superpackets, and finish checksums, for a "
		      "destination that does not take them; off: ask the source "
		      "to make none" },
	[OPT_READY_FD] = { "ready-fd", 0, "N",
			   "write a line to this descriptor once packets "
			   "flow" },
	[OPT_QUIET] = { "quiet", 'q', NULL, "print errors only" },
	[OPT_VERBOSE] = { "verbose", 'v', NULL,
			  "also print facts about the ports" },
};

static bool parse_uint(const char *text, uint64_t max, uint32_t *ret_value)
{
	uint64_t value;

	if (units_uint(text, &value) < 0 || value > max)
		return false;
	*ret_value = (uint32_t)value;
	return true;
}

/* "0,2-3" */
static bool parse_cpus(const char *text, struct settings *settings)
{
	for (;;) {
		char *end;
		unsigned long first, last;

		errno = 0;
		if (*text < '0' || *text > '9')
			return false;
		first = last = strtoul(text, &end, 10);
		if (*end == '-' && end[1] >= '0' && end[1] <= '9')
			last = strtoul(end + 1, &end, 10);
		if (errno != 0 || last < first || last > 65535)
			return false;
		for (; first <= last; first++) {
			if (settings->n_cpu == LINK_CPU_MAX)
				return false;
			settings->cpu[settings->n_cpu++] = (uint32_t)first;
		}
		if (*end == '\0')
			return true;
		if (*end != ',')
			return false;
		text = end + 1;
	}
}

/* Index of text in a list that ends in NULL. */
static bool parse_choice(const char *text, const char *const *choice,
			 uint32_t *ret_index)
{
	for (uint32_t i = 0; choice[i]; i++) {
		if (strcmp(text, choice[i]) == 0) {
			*ret_index = i;
			return true;
		}
	}
	return false;
}

static bool parse_time(const char *text, uint64_t *ret_ns)
{
	return units_time(text, ret_ns) == 0 && *ret_ns > 0;
}

static bool parse_spin(const char *text, uint32_t *ret_us)
{
	uint64_t ns;

	if (units_time(text, &ns) < 0 ||
	    ns > (uint64_t)VIF_LINK_SPIN_US_MAX * 1000)
		return false;
	*ret_us = (uint32_t)((ns + 999) / 1000);
	return true;
}

static bool take_option(int option, const char *value,
			struct settings *settings)
{
	static const char *const full[] = { "wait", "drop", NULL };
	static const char *const glue[] = { "auto", "on", "off", NULL };
	static const char *const cut[] = { "auto", "off", NULL };
	uint32_t fd;

	switch ((enum link_option)option) {
	case OPT_STATS:
		return parse_time(value, &settings->stats_ns);
	case OPT_JSON:
		settings->json = true;
		return true;
	case OPT_DURATION:
		return parse_time(value, &settings->duration_ns);
	case OPT_WORKERS:
		return parse_uint(value, VIF_LINK_WORKERS_MAX,
				  &settings->workers) &&
		       settings->workers > 0;
	case OPT_CPU:
		settings->n_cpu = 0;
		return parse_cpus(value, settings);
	case OPT_SPIN:
		return parse_spin(value, &settings->spin_us);
	case OPT_FULL:
		return parse_choice(value, full, &settings->full);
	case OPT_GLUE:
		return parse_choice(value, glue, &settings->glue);
	case OPT_CUT:
		return parse_choice(value, cut, &settings->cut);
	case OPT_READY_FD:
		/* It must be ours to write to, before we open others. */
		if (!parse_uint(value, INT_MAX, &fd) ||
		    fcntl((int)fd, F_SETFD, FD_CLOEXEC) < 0)
			return false;
		settings->ready_fd = (int)fd;
		return true;
	case OPT_QUIET:
		settings->quiet = true;
		return true;
	case OPT_VERBOSE:
		settings->verbose = true;
		return true;
	}
	return false;
}

/* Returns CLI_OK with *ret_first set, or -1 to go on, or an exit code. */
static int parse(const struct cli_command *command, int argc, char **argv,
		 struct settings *settings, int *ret_first)
{
	const char *value;
	int option;

	while ((option = cli_next(command, argc, argv, &value, ret_first)) >=
	       0) {
		if (take_option(option, value, settings))
			continue;
		return cli_usage(command, "bad value '%s' for --%s %s", value,
				 options[option].name, options[option].value);
	}
	if (option == CLI_NEXT_HELP)
		return CLI_OK;
	if (option == CLI_NEXT_ERROR)
		return CLI_USAGE;
	if (argc - *ret_first != 2)
		return cli_usage(command, "needs two addresses, got %d",
				 argc - *ret_first);
	return -1;
}

enum {
	NO_NEWS = -1,
};

/* One run of the command. */
struct run {
	const struct settings *settings;
	struct report report;
	struct vif_port *port[2];
	struct vif_link *link;
	pthread_t main; /* the thread that opens, starts and prints */
	int wake_fd;
	_Atomic int news[2]; /* state of each port to tell, or NO_NEWS */
	struct notices notices;
	uint64_t start_ns;
	uint64_t next_stats_ns;
};

/* A time that is too far away is never. */
static uint64_t later(uint64_t at_ns, uint64_t by_ns)
{
	return by_ns < UINT64_MAX - at_ns ? at_ns + by_ns : UINT64_MAX;
}

static double seconds_since(uint64_t start_ns)
{
	return (double)(cli_now_ns() - start_ns) / 1e9;
}

/*
 * Called by a worker, which must not wait for whoever reads our output: only
 * notes the state. States that come faster than they are read are one.
 */
static void on_state(void *user, struct vif_port *port,
		     enum vif_port_state state)
{
	struct run *run = user;

	/*
	 * What comes of opening and starting is no news, and the end is told
	 * later. A worker may be faster than the thread that starts it.
	 */
	if (pthread_equal(pthread_self(), run->main) ||
	    state == VIF_PORT_CLOSED)
		return;
	atomic_store(&run->news[port == run->port[1]], (int)state);
	signals_wake();
}

/* The same for what else a port has to say. */
static void on_notice(void *user, struct vif_port *port, const char *text)
{
	struct run *run = user;

	if (notices_add(&run->notices, port, text))
		signals_wake();
}

static void tell_state(const struct run *run, const struct vif_port *port,
		       enum vif_port_state state)
{
	if (run->settings->json)
		cli_json_line(json_pack("{s:s, s:o, s:s}", "event", "state",
					"port",
					cli_json_text(vif_port_name(port)),
					"state", vif_port_state_name(state)));
	else if (!run->settings->quiet)
		(void)fprintf(stderr, "%s: %s\n", vif_port_name(port),
			      vif_port_state_name(state));
}

/* Returns whether to stop. */
static bool take_news(struct run *run)
{
	signals_clear();
	notices_tell(&run->notices, run->settings->json, run->settings->quiet);
	for (int i = 0; i < 2; i++) {
		int state = atomic_exchange(&run->news[i], NO_NEWS);

		if (state != NO_NEWS)
			tell_state(run, run->port[i],
				   (enum vif_port_state)state);
	}
	if (signals_want_counters())
		report_counters(&run->report, "counters",
				seconds_since(run->start_ns));
	return signals_want_stop();
}

static int milliseconds_to(uint64_t deadline_ns, uint64_t at_ns)
{
	uint64_t ms;

	if (deadline_ns == UINT64_MAX)
		return -1;
	if (deadline_ns <= at_ns)
		return 0;
	ms = (deadline_ns - at_ns + 999999) / 1000000;
	return ms > INT_MAX ? INT_MAX : (int)ms;
}

/* Prints rates that are due. Returns when to wake up next. */
static uint64_t take_time(struct run *run, uint64_t at_ns, uint64_t end_ns)
{
	uint64_t step_ns = run->settings->stats_ns;

	if (step_ns == 0)
		return end_ns;
	if (at_ns >= run->next_stats_ns) {
		report_rates(&run->report, (double)at_ns / 1e9);
		run->next_stats_ns = later(run->next_stats_ns, step_ns);
		/* A clock that jumped, as after suspend, is not made up for. */
		if (run->next_stats_ns <= at_ns)
			run->next_stats_ns = later(at_ns, step_ns);
	}
	return run->next_stats_ns < end_ns ? run->next_stats_ns : end_ns;
}

/* Returns when the link has ended or is to be stopped. */
static void wait_for_end(struct run *run)
{
	struct pollfd fd[2] = {
		{ run->wake_fd, POLLIN, 0 },
		{ vif_link_wait_fd(run->link), POLLIN, 0 },
	};
	uint64_t end_ns = UINT64_MAX;

	if (run->settings->duration_ns > 0)
		end_ns = later(run->start_ns, run->settings->duration_ns);
	for (;;) {
		uint64_t at_ns = cli_now_ns();
		uint64_t wake_ns = take_time(run, at_ns, end_ns);

		if (at_ns >= end_ns)
			return;
		if (poll(fd, 2, milliseconds_to(wake_ns, at_ns)) < 0)
			continue; /* EINTR; the handler has woken us, too */
		if (fd[1].revents != 0)
			return;
		if (fd[0].revents != 0 && take_news(run))
			return;
	}
}

static void tell_ready(int fd)
{
	if (fd < 0)
		return;
	if (write(fd, "ready\n", 6) != 6)
		(void)fprintf(stderr, "vif: cannot write to --ready-fd %d\n",
			      fd);
	if (fd > STDERR_FILENO)
		(void)close(fd); /* handed to us for this one line */
}

static int open_ports(struct run *run, char **address, struct vif_error *error)
{
	struct vif_port_config config = {
		.size = sizeof(config),
		.on_state = on_state,
		.on_notice = on_notice,
		.user = run,
	};
	int r = vif_port_open(address[0], &config, &run->port[0], error);

	config.sibling = run->port[0];
	if (r == 0)
		r = vif_port_open(address[1], &config, &run->port[1], error);
	return r;
}

static int start_link(struct run *run, struct vif_error *error)
{
	const struct settings *settings = run->settings;
	struct vif_link_config config = {
		.size = sizeof(config),
		.n_worker = settings->workers,
		.spin_us = settings->spin_us,
		.full = settings->full,
		.glue = settings->glue,
		.cut = settings->cut,
		.cpu = settings->cpu,
		.n_cpu = settings->n_cpu,
	};
	struct vif_link *link;
	int r = vif_link_new(run->port[0], run->port[1], &config, &link, error);

	if (r < 0)
		return r;
	run->report = (struct report){
		.port = { run->port[0], run->port[1] },
		.link = link,
		.json = settings->json,
		.quiet = settings->quiet,
	};
	report_plan(&run->report, settings->verbose);
	run->start_ns = cli_now_ns();
	run->next_stats_ns = later(run->start_ns, settings->stats_ns);
	run->report.last_s = (double)run->start_ns / 1e9;
	run->link = link;
	signals_abort(link);
	return vif_link_start(link, error);
}

static int run_ports(struct run *run, char **address)
{
	struct vif_error error;
	int r = open_ports(run, address, &error);

	if (r == 0 && signals_want_stop())
		return CLI_OK;
	if (r == 0)
		r = start_link(run, &error);
	if (r < 0)
		return cli_fail(&error);
	tell_ready(run->settings->ready_fd);
	wait_for_end(run);
	(void)vif_link_stop(run->link, LINK_DRAIN_MS); /* asked for below */
	r = vif_link_error(run->link, &error);
	notices_tell(&run->notices, run->settings->json, run->settings->quiet);
	report_counters(&run->report, "summary", seconds_since(run->start_ns));
	return r < 0 ? cli_fail(&error) : CLI_OK;
}

static int run_link(const struct cli_command *command, int argc, char **argv)
{
	struct settings settings = { .ready_fd = -1 };
	struct run run = { .settings = &settings,
			   .main = pthread_self(),
			   .news = { NO_NEWS, NO_NEWS } };
	int first;
	int r = parse(command, argc, argv, &settings, &first);

	if (r >= 0)
		return r;
	run.wake_fd = signals_start();
	if (run.wake_fd < 0) {
		(void)fprintf(stderr, "vif: cannot watch for signals\n");
		return CLI_FAILED;
	}
	r = run_ports(&run, argv + first);
	signals_abort(NULL);
	vif_link_free(run.link);
	vif_port_close(run.port[0]);
	vif_port_close(run.port[1]);
	return r;
}

const struct cli_command cmd_link = {
	.name = "link",
	.args = "A B",
	.summary = "join two ports, each given by its address",
	.details = "Prints one line about each direction, then moves packets "
		   "until SIGINT or SIGTERM,\n"
		   "delivers what is under way for up to a second, and sums "
		   "up. SIGUSR1 prints counters.\n"
		   "\n"
		   "examples:\n"
		   "  vif link tun:a,ip=10.0.0.1/24 "
		   "tun:b,ip=10.0.0.2/24,netns=blue\n"
		   "  vif link tap:a,netns=red tap:b,netns=blue,mtu=9000 "
		   "--stats 1s",
	.options = options,
	.n_options = ARRAY_LEN(options),
	.run = run_link,
};
