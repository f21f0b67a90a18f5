/* SPDX-License-Identifier: Apache-2.0 */
/* The cable of vif demo: two ends and a link between them. */
#include "cli/demo.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "cli/rights.h"

#define TUN_PATH "/dev/net/tun"

const char *const demo_end_name[2] = { "a", "b" };
const char *const demo_address4[2] = { "10.77.0.1", "10.77.0.2" };
const char *const demo_address6[2] = { "fd77::1", "fd77::2" };

void demo_init(struct demo *demo)
{
	*demo = (struct demo){
		.host = { { .fd = -1 }, { .fd = -1 } },
		.signal_fd = -1,
	};
}

static void ending_signals(sigset_t *set)
{
	struct sigaction hangup;

	(void)sigemptyset(set); /* none of these can fail for real signals */
	(void)sigaddset(set, SIGINT);
	(void)sigaddset(set, SIGTERM);
	/* nohup(1) wants us to go on. */
	if (sigaction(SIGHUP, NULL, &hangup) == 0 &&
	    hangup.sa_handler != SIG_IGN)
		(void)sigaddset(set, SIGHUP);
}

/* From here on the signals that end us only make signal_fd readable. */
static int catch_signals(struct demo *demo, struct vif_error *error)
{
	sigset_t set;

	ending_signals(&set);
	(void)pthread_sigmask(SIG_BLOCK, &set, NULL);
	/* A parent may have left it ignored, and then nobody is waited for. */
	(void)signal(SIGCHLD, SIG_DFL);
	demo->signal_fd = signalfd(-1, &set, SFD_CLOEXEC);
	if (demo->signal_fd < 0)
		return error_set(error, -errno, "cannot wait for signals");
	return 0;
}

/* A second signal ends us at once; the kernel then cleans up. */
static void release_signals(void)
{
	sigset_t set;

	ending_signals(&set);
	(void)pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

/* Say precisely what is wrong with /dev/net/tun. */
static int check_tun(struct vif_error *error)
{
	int fd = open(TUN_PATH, O_RDWR | O_CLOEXEC);
	struct stat status;
	int code;

	if (fd >= 0) {
		(void)close(fd); /* no device was made with it */
		return 0;
	}
	code = error_set(error, -errno, "cannot open " TUN_PATH);
	switch (code) {
	case -ENOENT:
		return error_hint(
			error, code,
			"as root: modprobe tun; in a container, start it with --device " TUN_PATH);
	case -ENODEV:
	case -ENXIO:
		return error_hint(error, code,
				  "this kernel lacks TUN; as root: modprobe "
				  "tun");
	case -EACCES:
	case -EPERM:
		if (stat(TUN_PATH, &status) == 0)
			(void)error_why(error, code,
					"%s, mode %04o of user %u group %u",
					code == -EACCES ?
						"not open to this user" :
						"kept out by the container",
					(unsigned int)status.st_mode & 07777,
					status.st_uid, status.st_gid);
		return error_hint(
			error, code,
			"run it as root, or as root: chmod 0666 " TUN_PATH
			"; in a container, start it with --device " TUN_PATH);
	default:
		return code;
	}
}

static int start_ends(struct demo *demo, struct vif_error *error)
{
	struct demo_answer answer[2];
	int code;

	for (unsigned int end = 0; end < 2; end++) {
		code = demo_host_start(&demo->host[end], demo_end_name[end],
				       error);
		if (code < 0)
			return code;
	}
	code = demo_collect(demo, 3, answer, error);
	if (code < 0)
		return code;
	demo->has_ipv6 = answer[0].has_ipv6 && answer[1].has_ipv6;
	return 0;
}

static int open_port(struct demo *demo, unsigned int end,
		     struct vif_error *error)
{
	char address[128], ip6[32] = "";

	if (demo->has_ipv6)
		(void)snprintf(ip6, sizeof(ip6), ",ip=%s/64",
			       demo_address6[end]);
	(void)snprintf(address, sizeof(address), "tun:%s,ip=%s/24%s,netns=%d",
		       demo_end_name[end], demo_address4[end], ip6,
		       (int)demo->host[end].pid);
	return vif_port_open(address, NULL, &demo->port[end], error);
}

static int start_link(struct demo *demo, struct vif_error *error)
{
	int code = 0;

	for (unsigned int end = 0; end < 2 && code == 0; end++)
		code = open_port(demo, end, error);
	if (code < 0)
		return code;
	code = vif_link_new(demo->port[0], demo->port[1], NULL, &demo->link,
			    error);
	if (code < 0)
		return code;
	return vif_link_start(demo->link, error);
}

int demo_open(struct demo *demo, struct vif_error *error)
{
	int code = catch_signals(demo, error);

	if (code == 0)
		code = check_tun(error);
	if (code == 0)
		code = rights_own_netns(&demo->is_user_ns, error);
	if (code < 0)
		return code;
	demo->is_allowed = true;
	/* The ends come first: a process with threads must not fork. */
	code = start_ends(demo, error);
	if (code < 0)
		return code;
	return start_link(demo, error);
}

void demo_close(struct demo *demo)
{
	release_signals();
	vif_link_free(demo->link);
	vif_port_close(demo->port[0]);
	vif_port_close(demo->port[1]);
	demo_host_stop(&demo->host[0]);
	demo_host_stop(&demo->host[1]);
	if (demo->signal_fd >= 0)
		(void)close(demo->signal_fd); /* only read from */
	demo_init(demo);
}
