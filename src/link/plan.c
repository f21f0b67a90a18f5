/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The planner.
 *
 * A superpacket crosses whole where the destination takes it. Where it does
 * not, it is cut on the way: that is far cheaper than a source that delivers
 * the segments one by one. With cutting switched off the source is asked not to
 * make superpackets, and one that cannot be asked is refused.
 *
 * A port whose offloads vary is planned for at its best, with the stages ready
 * that it takes at its worst. With cutting switched off only the worst counts.
 */
#include "link/plan.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "packet/offload.h"

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
			  "tap: and tap:; memif: has mode=ip for tun:");
}

enum vif_medium plan_medium(const struct vif_port_caps *a,
			    const struct vif_port_caps *b)
{
	return a->medium != VIF_MEDIUM_ANY ? a->medium : b->medium;
}

/* Superpackets to make for a destination. */
static uint32_t choose_glue(const struct vif_port_caps *source,
			    const struct vif_port_caps *sink,
			    enum vif_link_glue glue)
{
	/* A superpacket is a header and two payloads at least. */
	if (glue == VIF_LINK_GLUE_OFF || !sink->tx_csum || sink->seg_max < 3 ||
	    source->medium == VIF_MEDIUM_ANY)
		return 0;
	/*
	 * Who makes superpackets itself has left alone what it leaves alone,
	 * and who looks at no packet gains nothing.
	 */
	if (glue == VIF_LINK_GLUE_AUTO &&
	    ((source->rx_gso != 0 && !source->offload_varies) ||
	     sink->medium == VIF_MEDIUM_ANY))
		return 0;
	return sink->tx_gso;
}

/* What a destination takes. Without cutting, at any time. */
static struct vif_port_caps sink_caps(const struct plan_port *to,
				      const struct plan_choices *choices)
{
	struct vif_port_caps caps = *to->caps;

	if (caps.offload_varies && choices->cut == VIF_LINK_CUT_OFF) {
		caps.tx_gso = 0;
		caps.tx_csum = false;
		caps.offload_varies = false;
	}
	return caps;
}

static int plan_direction(const struct plan_port *from,
			  const struct plan_port *to,
			  const struct plan_choices *choices,
			  struct plan_direction *direction,
			  struct vif_error *error)
{
	const struct vif_port_caps *source = from->caps;
	const struct vif_port_caps sink = sink_caps(to, choices);
	uint32_t rest;
	bool unfinished;

	direction->csum = source->rx_csum && sink.tx_csum;
	/* A superpacket has no finished checksum by definition. */
	direction->gso = direction->csum ? source->rx_gso & sink.tx_gso : 0;
	direction->gather = sink.seg_max < VIF_PACKET_SEG_MAX;
	direction->glue = choose_glue(source, &sink, choices->glue);
	direction->glue_ready = direction->glue && source->rx_gso &&
				choices->glue == VIF_LINK_GLUE_AUTO;
	direction->glue_lost =
		!direction->glue && choices->glue == VIF_LINK_GLUE_ON;
	direction->glue_off = choices->glue == VIF_LINK_GLUE_OFF &&
			      choose_glue(source, &sink, VIF_LINK_GLUE_AUTO);
	if (sink.offload_varies) {
		direction->cut_ready = direction->gso;
		direction->finish_ready = direction->csum;
	}
	rest = source->rx_gso & ~direction->gso;
	unfinished = source->rx_csum && !direction->csum;
	if (choices->cut == VIF_LINK_CUT_AUTO) {
		direction->cut = rest;
		direction->finish = unfinished;
	} else {
		direction->gso_lost = rest;
		direction->csum_lost = unfinished;
		direction->ask = rest || unfinished;
	}
	if (!direction->ask || source->rx_settable)
		return 0;
	error_set(error, -EPROTOTYPE, "cannot link %s to %s", from->name,
		  to->name);
	error_why(error, -EPROTOTYPE,
		  "%s leaves work undone that %s cannot take over", from->name,
		  to->name);
	return error_hint(error, -EPROTOTYPE,
			  "let the link do it with --cut auto, or open %s with "
			  "offload=off",
			  from->name);
}

int plan_make(const struct plan_port *a, const struct plan_port *b,
	      const struct plan_choices *choices, struct plan *ret_plan,
	      struct vif_error *error)
{
	struct plan plan = { .n_lane = a->caps->n_queue };
	int r = check_media(a, b, error);

	if (r == 0)
		r = plan_direction(a, b, choices, &plan.direction[VIF_A_TO_B],
				   error);
	if (r == 0)
		r = plan_direction(b, a, choices, &plan.direction[VIF_B_TO_A],
				   error);
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
	const char *separator = "";

	for (uint32_t i = VIF_GSO_TCP4; i <= VIF_GSO_UDP; i++) {
		if (!(gso & VIF_GSO_BIT(i)))
			continue;
		say(text, "%s%s", separator, offload_gso_name((uint8_t)i));
		separator = "+";
	}
}

/* Superpackets of the source, and what becomes of them. */
static void say_superpackets(struct text *text,
			     const struct plan_direction *direction,
			     const struct plan_port *source,
			     const struct plan_port *sink)
{
	uint32_t rest = direction->cut | direction->gso_lost;

	say(text, "superpackets ");
	if (direction->gso)
		say_gso(text, direction->gso);
	else
		say(text, "none");
	if (direction->gso && source->caps->offload_varies)
		say(text, " (if the peer of %s sends any)", source->name);
	if (direction->cut_ready)
		say(text, " (cut while the peer of %s cannot take them)",
		    sink->name);
	if (rest) {
		say(text, " (");
		say_gso(text, rest);
		say(text, " %s: %s cannot take them)",
		    direction->cut ? "cut" : "off", sink->name);
	} else if (!direction->gso && source->caps->medium != VIF_MEDIUM_ANY) {
		say(text, " (%s makes none)", source->name);
	}
}

static void say_glue(struct text *text, const struct plan_direction *direction,
		     const struct plan_port *source,
		     const struct plan_port *sink)
{
	if (direction->glue_lost && source->caps->medium != VIF_MEDIUM_ANY)
		say(text, ", not glued (%s cannot take what is glued)",
		    sink->name);
	if (direction->glue_off)
		say(text, ", not glued (as told)");
	if (!direction->glue)
		return;
	say(text, ", glued ");
	say_gso(text, direction->glue);
	if (direction->glue_ready)
		say(text, " (while %s delivers packets one by one)",
		    source->name);
	else if (source->caps->rx_gso)
		say(text, " (as told)");
	else
		say(text, " (%s delivers packets one by one)", source->name);
}

static void say_checksums(struct text *text,
			  const struct plan_direction *direction,
			  const struct plan_port *sink)
{
	say(text, ", checksums %s",
	    direction->finish ? "finished" :
	    direction->csum   ? "partial" :
				"complete");
	if (direction->csum_lost || direction->finish)
		say(text, " (%s wants them so)", sink->name);
	else if (direction->finish_ready)
		say(text, " (finished while the peer of %s wants them so)",
		    sink->name);
}

static void say_pieces(struct text *text,
		       const struct plan_direction *direction,
		       const struct plan_port *sink)
{
	if (direction->gather)
		say(text, ", copied beyond %u piece%s (%s takes no more)",
		    sink->caps->seg_max, sink->caps->seg_max == 1 ? "" : "s",
		    sink->name);
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
	say_superpackets(&line, way, source, sink);
	say_glue(&line, way, source, sink);
	say_checksums(&line, way, sink);
	say_pieces(&line, way, sink);
	say(&line, ", mtu %u", source->caps->mtu);
	if (source->caps->mtu > sink->caps->mtu)
		say(&line, " (larger than the %u of %s)", sink->caps->mtu,
		    sink->name);
	if (in == out)
		say(&line, ", %u queue%s", in, in == 1 ? "" : "s");
	else
		say(&line, ", %u to %u queues%s", in, out,
		    out > in ? " by flow hash" : "");
	say(&line, ", %u worker%s", n_worker, n_worker == 1 ? "" : "s");
}
