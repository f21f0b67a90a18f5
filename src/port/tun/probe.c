/* SPDX-License-Identifier: Apache-2.0 */
/* The key probe=: what a port makes of a trial. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "os/tun.h"
#include "packet/offload.h"
#include "port/offload_key.h"
#include "port/tun/tun.h"

/* Adds the names of kinds to a text: "mangles tcp4 tcp6". */
static void add_kinds(char *text, size_t size, const char *verb, uint32_t kinds)
{
	const char *before = text[0] != '\0' ? ", " : "";

	for (unsigned int gso = VIF_GSO_NONE; gso <= VIF_GSO_UDP; gso++) {
		size_t len = strlen(text);

		if (!(kinds & VIF_GSO_BIT(gso)))
			continue;
		(void)snprintf(text + len, size - len, "%s%s %s", before, verb,
			       gso == VIF_GSO_NONE ?
				       "checksums" :
				       offload_gso_name((uint8_t)gso));
		before = verb = "";
	}
}

static bool is_refused(const struct tun_trial *trial, unsigned int gso)
{
	return trial->fault[gso] == TRIAL_REFUSED;
}

static void sum_up(struct tun *tun)
{
	const struct tun_trial *trial = &tun->trial;
	uint32_t bad = trial->rx_bad | trial->tx_bad;
	uint32_t refused = 0;

	for (unsigned int gso = VIF_GSO_NONE; gso <= VIF_GSO_UDP; gso++)
		if (is_refused(trial, gso))
			refused |= VIF_GSO_BIT(gso);
	add_kinds(tun->probe, sizeof(tun->probe), "mangles", bad & ~refused);
	add_kinds(tun->probe, sizeof(tun->probe), "refuses", bad & refused);
	if (bad == 0)
		(void)snprintf(tun->probe, sizeof(tun->probe), "good");
}

/* A value other than auto is what the user wants, and less is an error. */
static int check_demand(const struct tun *tun, struct vif_error *error)
{
	uint32_t offload = tun->options.offload;
	uint32_t bad = tun->trial.rx_bad | tun->trial.tx_bad;
	uint32_t wanted = port_offload_gso(offload) | VIF_GSO_BIT(VIF_GSO_NONE);

	if (offload == PORT_OFFLOAD_AUTO || (bad & wanted) == 0)
		return 0;
	error_set(error, -EOPNOTSUPP, "cannot do offload=%s",
		  port_offload_choices[offload]);
	error_why(error, -EOPNOTSUPP, "the kernel %s", tun->probe);
	return error_hint(error, -EOPNOTSUPP,
			  "offload=auto leaves off what came out wrong");
}

/* Lowers what we write, and what the kernel is asked to deliver. */
static int lower(struct tun *tun, struct tun_rung *rung,
		 struct vif_error *error)
{
	const uint32_t checksums = VIF_GSO_BIT(VIF_GSO_NONE);
	const struct tun_trial *trial = &tun->trial;
	struct vif_port_caps *caps = &tun->port.caps;
	int fd = tun->queue[0].fd;
	int r = 0;

	caps->tx_gso &= ~trial->tx_bad;
	if (trial->tx_bad & checksums) {
		/* All superpackets have one. */
		caps->tx_gso = 0;
		caps->tx_csum = false;
	}
	if (trial->rx_bad & checksums) {
		*rung = (struct tun_rung){ .mask = 0 };
		r = tun_set_offload(fd, 0);
	} else if (trial->rx_bad & rung->gso) {
		r = tun_ladder_climb(fd, rung->gso & ~trial->rx_bad, rung);
	}
	caps->rx_gso = rung->gso;
	caps->rx_csum = rung->mask != 0;
	return r < 0 ? error_set(error, r, "cannot set offloads") : 0;
}

int tun_probe_offload(struct tun *tun, struct tun_rung *rung,
		      struct vif_error *error)
{
	struct vif_error reason;
	char line[128];
	int r;

	if (!tun->options.probe)
		return 0;
	if (rung->mask == 0) {
		(void)snprintf(tun->probe, sizeof(tun->probe),
			       "not run: no offloads to try");
		tun->probe_told = true; /* it is what the user asked for */
		return 0;
	}
	r = tun_trial_run(rung->gso | VIF_GSO_BIT(VIF_GSO_NONE), &tun->trial,
			  &reason);
	if (r < 0) {
		reason.where[0] = '\0';
		(void)vif_error_text(&reason, line, sizeof(line));
		(void)snprintf(tun->probe, sizeof(tun->probe), "not run: %s",
			       line);
		return 0;
	}
	sum_up(tun);
	r = check_demand(tun, error);
	return r < 0 ? r : lower(tun, rung, error);
}

static void tell_kind(struct tun *tun, uint8_t gso)
{
	const char *verb = is_refused(&tun->trial, gso) ? "refuses" : "mangles";
	char text[128];

	if (gso == VIF_GSO_NONE)
		(void)snprintf(text, sizeof(text),
			       "the kernel %s unfinished checksums; they are "
			       "finished first",
			       verb);
	else
		(void)snprintf(text, sizeof(text),
			       "the kernel %s superpackets of %s; they are cut "
			       "instead",
			       verb, offload_gso_name(gso));
	port_notice(&tun->port, text);
}

void tun_probe_tell(struct tun *tun)
{
	uint32_t bad = tun->trial.rx_bad | tun->trial.tx_bad;
	char text[sizeof(tun->probe) + 32];

	if (!tun->options.probe || tun->probe_told)
		return;
	tun->probe_told = true;
	if (tun->trial.tried == 0) {
		(void)snprintf(text, sizeof(text), "the trial was %s",
			       tun->probe);
		port_notice(&tun->port, text);
	}
	for (unsigned int gso = VIF_GSO_NONE; gso <= VIF_GSO_UDP; gso++)
		if (bad & VIF_GSO_BIT(gso))
			tell_kind(tun, (uint8_t)gso);
}
