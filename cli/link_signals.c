/* SPDX-License-Identifier: Apache-2.0 */
/* Signals of vif link. */
#include "cli/link_signals.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <vif/link.h>

#include "cli/cli.h"

/* Longest time to end after the first signal that asks for it, and the next. */
enum signals_limits {
	SIGNALS_FIRST_S = 10,
	SIGNALS_SECOND_S = 1,
};

/* Handlers take no arguments, so this is one for the process. */
static struct {
	int fd;
	_Atomic unsigned int stops;
	atomic_bool counters;
	struct vif_link *_Atomic link;
} noted;

void signals_wake(void)
{
	int saved = errno; /* also from handlers */

	(void)eventfd_write(noted.fd, 1); /* full is readable, too */
	errno = saved;
}

static void on_stop(int number)
{
	struct vif_link *link = atomic_load(&noted.link);

	(void)number;
	if (atomic_fetch_add(&noted.stops, 1) == 0) {
		(void)alarm(SIGNALS_FIRST_S);
	} else {
		(void)alarm(SIGNALS_SECOND_S);
		if (link)
			vif_link_abort(link);
	}
	signals_wake();
}

static void on_counters(int number)
{
	(void)number;
	atomic_store(&noted.counters, true);
	signals_wake();
}

static void on_alarm(int number)
{
	(void)number;
	_exit(CLI_FAILED);
}

/* Calls restart: an interrupted one could leave a setting not put back. */
static void handle(int number, void (*handler)(int number))
{
	struct sigaction action = { .sa_handler = handler,
				    .sa_flags = SA_RESTART };

	(void)sigaction(number, &action, NULL); /* all of them can be set */
}

/* Below nohup(1) the end of the terminal is no reason to stop. */
static bool hangup_is_ignored(void)
{
	struct sigaction action;

	return sigaction(SIGHUP, NULL, &action) == 0 &&
	       action.sa_handler == SIG_IGN;
}

int signals_start(void)
{
	noted.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (noted.fd < 0)
		return -errno;
	handle(SIGINT, on_stop);
	handle(SIGTERM, on_stop);
	if (!hangup_is_ignored())
		handle(SIGHUP, on_stop);
	handle(SIGUSR1, on_counters);
	handle(SIGALRM, on_alarm);
	return noted.fd;
}

void signals_abort(struct vif_link *link)
{
	atomic_store(&noted.link, link);
}

void signals_clear(void)
{
	eventfd_t count;

	(void)eventfd_read(noted.fd, &count); /* if it was set */
}

bool signals_want_stop(void)
{
	return atomic_load(&noted.stops) > 0;
}

bool signals_want_counters(void)
{
	return atomic_exchange(&noted.counters, false);
}
