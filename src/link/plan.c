/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The planner.
 *
 * A superpacket crosses whole where the destination takes it. Where it does
 * not, the source is asked not to make it, and a source that cannot be asked is
 * refused.
 */
#include "link/plan.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/bits.h"
#include "base/error.h"

static const char *medium_name(enum vif_medium medium)
{
	return medium == VIF_MEDIUM_ETH ? "Ethernet frames" : "IP packets";
}

static int check_media(const struct plan_port *a, const struct plan_port *b,
		       struct vif_error *error)
{
	if (a->caps->medium == b->caps->medium ||
	    a->caps->medium == VIF_MEDIUM_ANY ||
	    b->caps->medium == VIF_MEDIUM_ANY)
		return 0;
	error_set(error, -EPROTOTYPE, "cannot link %s to %s", a->name, b->name);
	error_why(error, -EPROTOTYPE, "%s carries %s, %s carries %s", a->name,
		  medium_name(a->caps->medium), b->name,
		  medium_name(b->caps->medium));
	return error_hint(error, -EPROTOTYPE,
			  "use ports of one kind, such as tun: and tun:, or "
			  "tap: and tap:");
}

static int plan_direction(const struct plan_port *from,
			  const struct plan_port *to,
			  struct plan_direction *direction,
			  struct vif_error *error)
{
	const struct vif_port_caps *source = from->caps;
	const struct vif_port_caps *sink = to->caps;

	direction->csum = source->rx_csum && sink->tx_csum;
	/* A superpacket has no finished checksum by definition. */
	direction->gso = direction->csum ? source->rx_gso & sink->tx_gso : 0;
	direction->gso_lost = source->rx_gso & ~direction->gso;
	direction->csum_lost = source->rx_csum && !direction->csum;
	direction->ask = direction->gso_lost || direction->csum_lost;
	if (sink->n_queue > source->n_queue)
		direction->stage[direction->n_stage++] = PLAN_STAGE_SPREAD;
	if (!direction->ask || source->rx_settable)
		return 0;
	error_set(error, -EPROTOTYPE, "cannot link %s to %s", from->name,
		  to->name);
	error_why(error, -EPROTOTYPE,
		  "%s leaves work undone that %s cannot take over", from->name,
		  to->name);
	return error_hint(error, -EPROTOTYPE, "open %s with offload=off",
			  from->name);
}

int plan_make(const struct plan_port *a, const struct plan_port *b,
	      struct plan *ret_plan, struct vif_error *error)
{
	struct plan plan = { .n_lane = a->caps->n_queue };
	int r = check_media(a, b, error);

	if (r == 0)
		r = plan_direction(a, b, &plan.direction[VIF_A_TO_B], error);
	if (r == 0)
		r = plan_direction(b, a, &plan.direction[VIF_B_TO_A], error);
	if (r < 0)
		return r;
	if (plan.n_lane > b->caps->n_queue)
		plan.n_lane = b->caps->n_queue;
	*ret_plan = plan;
	return 0;
}

uint32_t plan_worker(const struct plan *plan, enum vif_direction direction,
		     uint32_t lane, uint32_t n_worker)
{
	/* Up to one worker for each lane, both directions stay together. */
	if (n_worker <= plan->n_lane)
		return lane % n_worker;
	return (lane + direction * plan->n_lane) % n_worker;
}

/* A growing text that is cut at its end. */
struct text {
	char *at;
	size_t left;
};

static void say(struct text *text, const char *format, ...) VIF_PRINTF(2, 3);

static void say(struct text *text, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(text->at, text->left, format, args);
	va_end(args);
	if (n < 0 || (size_t)n >= text->left)
		n = (int)strnlen(text->at, text->left);
	text->at += n;
	text->left -= (size_t)n;
}

static void say_gso(struct text *text, uint32_t gso)
{
	static const char *const names[] = {
		[VIF_GSO_TCP4] = "tcp4",
		[VIF_GSO_TCP6] = "tcp6",
		[VIF_GSO_UDP] = "udp",
	};
	const char *separator = "";

	for (size_t i = VIF_GSO_TCP4; i < ARRAY_LEN(names); i++) {
		if (!(gso & VIF_GSO_BIT(i)))
			continue;
		say(text, "%s%s", separator, names[i]);
		separator = "+";
	}
}

static void say_offload(struct text *text,
			const struct plan_direction *direction,
			const struct plan_port *source,
			const struct plan_port *destination)
{
	say(text, "superpackets ");
	if (direction->gso)
		say_gso(text, direction->gso);
	else
		say(text, "none");
	if (direction->gso_lost) {
		say(text, " (");
		say_gso(text, direction->gso_lost);
		say(text, " off: %s cannot take them)", destination->name);
	} else if (!direction->gso && source->caps->medium != VIF_MEDIUM_ANY) {
		say(text, " (%s makes none)", source->name);
	}
	say(text, ", checksums %s", direction->csum ? "partial" : "complete");
	if (direction->csum_lost)
		say(text, " (%s wants them so)", destination->name);
}

void plan_text(const struct plan *plan, enum vif_direction direction,
	       const struct plan_port port[2], uint32_t n_worker, char *text,
	       size_t size)
{
	const struct plan_direction *way = &plan->direction[direction];
	const struct plan_port *source = &port[direction];
	const struct plan_port *sink = &port[1 - direction];
	uint32_t in = source->caps->n_queue;
	uint32_t out = sink->caps->n_queue;
	struct text line = { .at = text, .left = size };

	assert(size > 0);
	text[0] = '\0';
	say(&line, "%s -> %s: ", source->name, sink->name);
	say_offload(&line, way, source, sink);
	say(&line, ", mtu %u", source->caps->mtu);
	if (source->caps->mtu > sink->caps->mtu)
		say(&line, " (larger than the %u of %s)", sink->caps->mtu,
		    sink->name);
	if (in == out)
		say(&line, ", %u queue%s", in, in == 1 ? "" : "s");
	else
		say(&line, ", %u to %u queues%s", in, out,
		    way->n_stage ? " by flow hash" : "");
	say(&line, ", %u worker%s", n_worker, n_worker == 1 ? "" : "s");
}
