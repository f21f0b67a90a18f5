/* SPDX-License-Identifier: Apache-2.0 */
/* What vif link tells of its link, as text or as JSON lines. */
#include "cli/link_report.h"

#include <stdlib.h>
#include <string.h>

static double mean_batch(const struct vif_link_flow *flow)
{
	return flow->bursts ? (double)flow->rx_packets / (double)flow->bursts :
			      0;
}

static uint64_t all_drops(const struct vif_link_flow *flow)
{
	uint64_t sum = 0;

	for (int i = 0; i < VIF_DROP_N; i++)
		sum += flow->drops[i];
	return sum;
}

static json_t *flow_json(const struct vif_link_flow *flow)
{
	json_t *json = json_object();

	(void)json_object_set_new(json, "rx_packets",
				  cli_json_number(flow->rx_packets));
	(void)json_object_set_new(json, "rx_bytes",
				  cli_json_number(flow->rx_bytes));
	(void)json_object_set_new(json, "rx_superpackets",
				  cli_json_number(flow->rx_superpackets));
	(void)json_object_set_new(json, "tx_packets",
				  cli_json_number(flow->tx_packets));
	(void)json_object_set_new(json, "tx_bytes",
				  cli_json_number(flow->tx_bytes));
	(void)json_object_set_new(json, "tx_superpackets",
				  cli_json_number(flow->tx_superpackets));
	(void)json_object_set_new(json, "refused_superpackets",
				  cli_json_number(flow->refused_superpackets));
	(void)json_object_set_new(json, "bursts",
				  cli_json_number(flow->bursts));
	(void)json_object_set_new(json, "mean_batch",
				  json_real(mean_batch(flow)));
	(void)json_object_set_new(json, "waits", cli_json_number(flow->waits));
	(void)json_object_set_new(json, "cut_superpackets",
				  cli_json_number(flow->cut_superpackets));
	(void)json_object_set_new(json, "cut_segments",
				  cli_json_number(flow->cut_segments));
	(void)json_object_set_new(json, "glued_packets",
				  cli_json_number(flow->glued_packets));
	(void)json_object_set_new(json, "glued_superpackets",
				  cli_json_number(flow->glued_superpackets));
	(void)json_object_set_new(json, "finished_checksums",
				  cli_json_number(flow->finished));
	(void)json_object_set_new(json, "drops", cli_json_drops(flow->drops));
	return json;
}

static json_t *gso_json(uint32_t gso)
{
	static const struct {
		enum vif_gso gso;
		const char *name;
	} kinds[] = { { VIF_GSO_TCP4, "tcp4" },
		      { VIF_GSO_TCP6, "tcp6" },
		      { VIF_GSO_UDP, "udp" } };
	json_t *json = json_array();

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (gso & VIF_GSO_BIT(kinds[i].gso))
			(void)json_array_append_new(json,
						    json_string(kinds[i].name));
	return json;
}

static json_t *plan_json(const struct vif_link_plan *plan)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:b, s:b, s:b, s:I}", "text",
			 cli_json_text(plan->text), "superpackets",
			 gso_json(plan->gso), "cut", gso_json(plan->cut),
			 "glued", gso_json(plan->glue), "partial_checksums",
			 plan->csum, "finished_checksums", plan->finish,
			 "varies", plan->varies, "lanes",
			 (json_int_t)plan->n_lane);
}

/* Facts that are numbers are numbers, so that programs can count on them. */
static json_t *fact_json(const char *value)
{
	size_t len = strlen(value);

	if (len > 0 && len < 19 && strspn(value, "0123456789") == len)
		return json_integer(strtoll(value, NULL, 10));
	return cli_json_text(value);
}

static void emit_json(void *user, const char *key, const char *value)
{
	(void)json_object_set_new(user, key, fact_json(value));
}

static json_t *port_json(const struct vif_port *port)
{
	const struct vif_port_caps *caps = vif_port_caps(port);
	json_t *json = json_pack("{s:o, s:s, s:I, s:I}", "name",
				 cli_json_text(vif_port_name(port)), "state",
				 vif_port_state_name(vif_port_state(port)),
				 "mtu", (json_int_t)caps->mtu, "queues",
				 (json_int_t)caps->n_queue);

	vif_port_describe(port, emit_json, json);
	return json;
}

static void emit_text(void *user, const char *key, const char *value)
{
	(void)user;
	(void)fprintf(stderr, " %s=%s", key, value);
}

static void describe_text(const struct vif_port *port)
{
	(void)fprintf(stderr, "%s:", vif_port_name(port));
	vif_port_describe(port, emit_text, NULL);
	(void)fputc('\n', stderr);
}

void report_plan(const struct report *report, bool verbose)
{
	const struct vif_link *link = report->link;
	const struct vif_link_plan *plan[2] = {
		vif_link_plan(link, VIF_A_TO_B),
		vif_link_plan(link, VIF_B_TO_A),
	};

	if (report->json) {
		cli_json_line(json_pack(
			"{s:s, s:i, s:o, s:o, s:o, s:o, s:I}", "event", "plan",
			"schema_version", 1, "a", port_json(report->port[0]),
			"b", port_json(report->port[1]), "a_to_b",
			plan_json(plan[0]), "b_to_a", plan_json(plan[1]),
			"workers", (json_int_t)vif_link_workers(link)));
		return;
	}
	if (report->quiet)
		return;
	if (verbose) {
		describe_text(report->port[0]);
		describe_text(report->port[1]);
	}
	for (int d = 0; d < VIF_DIRECTION_N; d++)
		(void)fprintf(stderr, "%s\n", plan[d]->text);
}

struct rate {
	double packets;
	double bits;
	uint64_t drops;
};

static struct rate rate_of(const struct vif_link_flow *now,
			   const struct vif_link_flow *last, double seconds)
{
	return (struct rate){
		.packets =
			(double)(now->tx_packets - last->tx_packets) / seconds,
		.bits = (double)(now->tx_bytes - last->tx_bytes) * 8 / seconds,
		.drops = all_drops(now) - all_drops(last),
	};
}

static void rate_text(const struct report *report, const struct rate *rate)
{
	char bits[32];

	for (int d = 0; d < VIF_DIRECTION_N; d++)
		(void)fprintf(
			stderr, "%s%s -> %s  %s  %.0f packet/s  %llu dropped",
			d > 0 ? "   " : "", vif_port_name(report->port[d]),
			vif_port_name(report->port[1 - d]),
			cli_rate(rate[d].bits, bits, sizeof(bits)),
			rate[d].packets, (unsigned long long)rate[d].drops);
	(void)fputc('\n', stderr);
}

static json_t *rate_json(const struct rate *rate,
			 const struct vif_link_flow *flow)
{
	json_t *json = flow_json(flow);

	(void)json_object_set_new(json, "packets_per_second",
				  json_real(rate->packets));
	(void)json_object_set_new(json, "bits_per_second",
				  json_real(rate->bits));
	return json;
}

void report_rates(struct report *report, double now_s)
{
	struct vif_link_stats now;
	struct rate rate[VIF_DIRECTION_N];
	double seconds = now_s - report->last_s;

	vif_link_stats(report->link, &now);
	for (int d = 0; d < VIF_DIRECTION_N; d++)
		rate[d] = rate_of(&now.flow[d], &report->last.flow[d],
				  seconds > 0 ? seconds : 1);
	if (report->json)
		cli_json_line(
			json_pack("{s:s, s:o, s:o}", "event", "stats", "a_to_b",
				  rate_json(&rate[0], &now.flow[0]), "b_to_a",
				  rate_json(&rate[1], &now.flow[1])));
	else if (!report->quiet)
		rate_text(report, rate);
	report->last = now;
	report->last_s = now_s;
}

static void flow_text(const struct report *report, int d,
		      const struct vif_link_flow *flow)
{
	char bytes[32];

	(void)fprintf(stderr,
		      "%s -> %s: %llu packet%s, %s, %llu superpacket%s, mean "
		      "batch %.1f, ",
		      vif_port_name(report->port[d]),
		      vif_port_name(report->port[1 - d]),
		      (unsigned long long)flow->tx_packets,
		      flow->tx_packets == 1 ? "" : "s",
		      cli_bytes((double)flow->tx_bytes, bytes, sizeof(bytes)),
		      (unsigned long long)flow->tx_superpackets,
		      flow->tx_superpackets == 1 ? "" : "s", mean_batch(flow));
	if (flow->cut_superpackets > 0)
		(void)fprintf(stderr, "%llu cut into %llu, ",
			      (unsigned long long)flow->cut_superpackets,
			      (unsigned long long)flow->cut_segments);
	if (flow->glued_superpackets > 0)
		(void)fprintf(stderr, "%llu glued into %llu, ",
			      (unsigned long long)flow->glued_packets,
			      (unsigned long long)flow->glued_superpackets);
	if (flow->refused_superpackets > 0)
		(void)fprintf(stderr, "%llu refused by the kernel and cut, ",
			      (unsigned long long)flow->refused_superpackets);
	if (all_drops(flow) == 0)
		(void)fprintf(stderr, "no drops");
	else
		(void)fprintf(stderr, "%llu dropped:",
			      (unsigned long long)all_drops(flow));
	for (int i = 0; i < VIF_DROP_N; i++)
		if (flow->drops[i] > 0)
			(void)fprintf(stderr, " %s %llu",
				      vif_drop_name((enum vif_drop)i),
				      (unsigned long long)flow->drops[i]);
	(void)fputc('\n', stderr);
}

void report_counters(const struct report *report, const char *event,
		     double seconds)
{
	struct vif_link_stats stats;

	vif_link_stats(report->link, &stats);
	if (report->json) {
		cli_json_line(
			json_pack("{s:s, s:f, s:I, s:o, s:o, s:{s:o, s:o}}",
				  "event", event, "seconds", seconds, "sleeps",
				  (json_int_t)stats.sleeps, "a_to_b",
				  flow_json(&stats.flow[0]), "b_to_a",
				  flow_json(&stats.flow[1]), "ports", "a",
				  port_json(report->port[0]), "b",
				  port_json(report->port[1])));
		return;
	}
	if (report->quiet && strcmp(event, "summary") == 0)
		return;
	for (int d = 0; d < VIF_DIRECTION_N; d++)
		flow_text(report, d, &stats.flow[d]);
}
