/* SPDX-License-Identifier: Apache-2.0 */
/* Running the checks of vif probe, each in a process of its own. */
#include "cli/probe_run.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "cli/rights.h"

/* A check takes milliseconds; one that hangs must not hang us. */
enum { CHECK_SECONDS = 5 };

/* A child that dies with its parent. Returns as fork(). */
static pid_t fork_bound(void)
{
	pid_t parent = getpid();
	pid_t child = fork();

	if (child != 0)
		return child;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	/* The parent may have died before the kernel was told. */
	if (getppid() != parent)
		_exit(0);
	return 0;
}

static int wait_for(pid_t child)
{
	int status = 0;

	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return 0;
	return status;
}

static _Noreturn void be_check(const struct probe_check *check,
			       struct probe_result *result)
{
	sigset_t set;
	int code;

	/* Whoever started us may have blocked or ignored it. */
	(void)signal(SIGALRM, SIG_DFL);
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGALRM);
	(void)pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	(void)alarm(CHECK_SECONDS);
	code = check->run(check->value, &result->finding);
	result->code = code < 0 && !result->finding.is_open ? code : 0;
	if (!result->finding.is_open)
		result->answer = code < 0 ? PROBE_NO : PROBE_YES;
	_exit(0);
}

/* Fill in what a check did not say itself. */
static void complete(const struct probe_check *check, int status,
		     struct probe_result *result)
{
	char text[128];
	struct probe_finding *finding = &result->finding;
	char *why = finding->why;

	if (result->answer == PROBE_UNKNOWN && !finding->is_open) {
		result->answer = PROBE_NO;
		result->code = -EPERM;
		if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
			(void)snprintf(why, sizeof(finding->why),
				       "a seccomp filter kills who tries it");
		else if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
			(void)snprintf(why, sizeof(finding->why),
				       "no result in %d s", CHECK_SECONDS);
		else
			(void)snprintf(why, sizeof(finding->why),
				       "the check died, wait status 0x%x",
				       (unsigned int)status);
	}
	if (result->answer != PROBE_NO)
		return;
	if (why[0] == '\0')
		(void)snprintf(
			why, sizeof(finding->why), "%s",
			error_code_text(result->code, text, sizeof(text)));
	if (finding->hint[0] == '\0')
		(void)snprintf(finding->hint, sizeof(finding->hint), "%s",
			       check->hint);
}

static bool is_met(const char *needs, const struct probe_report *report)
{
	for (size_t i = 0; needs && i < probe_n_checks; i++)
		if (strcmp(probe_checks[i].name, needs) == 0)
			return report->result[i].answer == PROBE_YES;
	return true;
}

static void run_check(const struct probe_check *check,
		      struct probe_report *report, struct probe_result *result)
{
	pid_t child;

	if (!is_met(check->needs, report)) {
		(void)snprintf(result->finding.why, sizeof(result->finding.why),
			       "needs %s", check->needs);
		return;
	}
	child = fork_bound();
	if (child == 0)
		be_check(check, result);
	if (child > 0)
		complete(check, wait_for(child), result);
	else
		(void)snprintf(result->finding.why, sizeof(result->finding.why),
			       "cannot make a process");
}

static void run_checks(enum probe_place place, struct probe_report *report)
{
	for (size_t i = 0; i < probe_n_checks; i++)
		if (probe_checks[i].place == place)
			run_check(&probe_checks[i], report, &report->result[i]);
}

/* Life of the process whose network namespace the checks use. */
static _Noreturn void be_box(struct probe_report *report)
{
	if (rights_own_netns(&report->is_user_ns, &report->box_error) == 0) {
		report->has_box = true;
		run_checks(PROBE_BOX, report);
	}
	_exit(0);
}

/* Checks that found no place to run have no answer. */
static void explain_no_box(struct probe_report *report)
{
	if (report->has_box)
		return;
	for (size_t i = 0; i < probe_n_checks; i++)
		if (probe_checks[i].place == PROBE_BOX)
			(void)snprintf(report->result[i].finding.why,
				       sizeof(report->result[i].finding.why),
				       "needs user_namespace or net_namespace");
}

int probe_run(struct probe_report **ret_report, struct vif_error *error)
{
	size_t size = sizeof(struct probe_report) +
		      probe_n_checks * sizeof(struct probe_result);
	struct probe_report *report = mmap(NULL, size, PROT_READ | PROT_WRITE,
					   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t box;

	if (report == MAP_FAILED)
		return error_set(error, -errno, "cannot share memory");
	/* A parent may have left it ignored, and then nobody is waited for. */
	(void)signal(SIGCHLD, SIG_DFL);
	run_checks(PROBE_HERE, report);
	box = fork_bound();
	if (box == 0)
		be_box(report);
	if (box < 0)
		return error_set(error, -errno, "cannot make a process");
	(void)wait_for(box); /* what it found out is in the report */
	explain_no_box(report);
	*ret_report = report;
	return 0;
}
