/* SPDX-License-Identifier: Apache-2.0 */
/* What vif demo prints for people. */
#include "cli/demo_report.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

enum { TEXT_SIZE = 32 };

static double rate_of(const struct demo_flow *flow)
{
	if (flow->stream.elapsed_ns == 0)
		return 0;
	return (double)flow->stream.bytes * 8e9 /
	       (double)flow->stream.elapsed_ns;
}

static double ratio(uint64_t part, uint64_t whole)
{
	return whole ? (double)part / (double)whole : 0;
}

void demo_report_plan(const struct demo *demo)
{
	printf("vif demo: two network namespaces, one cable, %s\n",
	       demo->is_user_ns ? "in a user namespace" : "as root");
	for (unsigned int end = 0; end < 2; end++)
		printf("  end %s   %-10s %s%s%s\n", demo_end_name[end],
		       vif_port_name(demo->port[end]), demo_address4[end],
		       demo->has_ipv6 ? ", " : "",
		       demo->has_ipv6 ? demo_address6[end] : "");
	for (unsigned int way = 0; way < VIF_DIRECTION_N; way++)
		printf("  plan    %s\n",
		       vif_link_plan(demo->link, (enum vif_direction)way)->text);
	putchar('\n');
	(void)cli_flush(); /* the rest takes a while */
}

static void ping_row(const char *family, const struct demo_ping *ping)
{
	const uint64_t time_ns[] = { ping->p50_ns, ping->p90_ns, ping->p99_ns,
				     ping->max_ns };
	char text[TEXT_SIZE];

	printf("  %-14s %7" PRIu32 " %6" PRIu32, family, ping->sent,
	       ping->lost);
	for (unsigned int i = 0; i < 4; i++)
		printf(" %9s", cli_ns((double)time_ns[i], text, sizeof(text)));
	putchar('\n');
}

void demo_report_ping(const struct demo_result *result)
{
	printf("  %-14s %7s %6s %9s %9s %9s %9s\n", "ping", "echoes", "lost",
	       "p50", "p90", "p99", "max");
	ping_row("IPv4", &result->ping4);
	if (result->ping6.sent)
		ping_row("IPv6", &result->ping6);
	(void)cli_flush(); /* the rest takes a while */
}

void demo_report_tcp(const struct demo_result *result, enum demo_load load)
{
	static const char *const load_name[] = {
		[DEMO_ALONE] = "one direction",
		[DEMO_BOTH] = "both at once",
	};
	char text[TEXT_SIZE];

	if (load == DEMO_ALONE)
		printf("\n  %-14s %15s %15s\n", "TCP", "a -> b", "b -> a");
	printf("  %-14s", load_name[load]);
	for (unsigned int way = 0; way < VIF_DIRECTION_N; way++)
		printf(" %15s", cli_rate(rate_of(&result->flow[load][way]),
					 text, sizeof(text)));
	putchar('\n');
	(void)cli_flush(); /* the rest takes a while */
}

static void drops_row(const struct vif_link_stats *stats)
{
	const uint64_t *a_to_b = stats->flow[VIF_A_TO_B].drops;
	const uint64_t *b_to_a = stats->flow[VIF_B_TO_A].drops;
	uint64_t all = 0;

	for (unsigned int i = 0; i < VIF_DROP_N; i++) {
		if (a_to_b[i] == 0 && b_to_a[i] == 0)
			continue;
		printf("  %-6s%-9s %14" PRIu64 " %15" PRIu64 "\n", "drops",
		       vif_drop_name((enum vif_drop)i), a_to_b[i], b_to_a[i]);
		all += a_to_b[i] + b_to_a[i];
	}
	if (all == 0)
		printf("  %-14s %15s %15s\n", "drops", "none", "none");
}

void demo_report_packets(const struct demo_result *result)
{
	/* Alone, because otherwise acknowledgements of the other mix in. */
	const struct demo_flow *flow = result->flow[DEMO_ALONE];
	char text[TEXT_SIZE];

	printf("  %-14s", "superpackets");
	for (unsigned int way = 0; way < VIF_DIRECTION_N; way++)
		printf(" %13.1f %%",
		       100 * ratio(flow[way].superpackets, flow[way].packets));
	printf("\n  %-14s", "mean packet");
	for (unsigned int way = 0; way < VIF_DIRECTION_N; way++)
		printf(" %15s",
		       cli_bytes(ratio(flow[way].bytes, flow[way].packets),
				 text, sizeof(text)));
	putchar('\n');
	drops_row(&result->stats);
}

void demo_report_next(const struct demo *demo)
{
	const char *vif = program_invocation_name;

	printf("\ntry next:\n"
	       "  %s probe         # what this kernel and user can do\n"
	       "  %s help tun      # every key of a TUN port\n"
	       "  %s demo --json   # the same as JSON, raw numbers\n",
	       vif, vif, vif);
	/* Ordinary users get the rights for a cable from unshare(1), too. */
	if (demo->is_user_ns)
		printf("  unshare -Urn %s link tun:a,ip=10.78.0.1/24 tun:b,ip=10.79.0.1/24\n",
		       vif);
	else
		printf("  ip netns add blue && %s link tun:a,ip=10.78.0.1/24 tun:b,ip=10.78.0.2/24,netns=blue\n",
		       vif);
}

static json_t *ping_json(const struct demo_ping *ping)
{
	return json_pack("{so so so so so so}", "sent",
			 cli_json_number(ping->sent), "lost",
			 cli_json_number(ping->lost), "p50_ns",
			 cli_json_number(ping->p50_ns), "p90_ns",
			 cli_json_number(ping->p90_ns), "p99_ns",
			 cli_json_number(ping->p99_ns), "max_ns",
			 cli_json_number(ping->max_ns));
}

static json_t *flow_json(const struct demo_flow *flow)
{
	return json_pack("{so so so so so so}", "bits_per_s",
			 json_real(rate_of(flow)), "received_bytes",
			 cli_json_number(flow->stream.bytes), "elapsed_ns",
			 cli_json_number(flow->stream.elapsed_ns), "tx_packets",
			 cli_json_number(flow->packets), "tx_bytes",
			 cli_json_number(flow->bytes), "tx_superpackets",
			 cli_json_number(flow->superpackets));
}

static json_t *both_ways(const struct demo_flow flow[VIF_DIRECTION_N])
{
	return json_pack("{so so}", "a_to_b", flow_json(&flow[VIF_A_TO_B]),
			 "b_to_a", flow_json(&flow[VIF_B_TO_A]));
}

static json_t *plan_json(const struct demo *demo, enum vif_direction way)
{
	return json_string(vif_link_plan(demo->link, way)->text);
}

json_t *demo_report_json(const struct demo *demo,
			 const struct demo_result *result)
{
	json_t *ping = json_pack("{so}", "ipv4", ping_json(&result->ping4));

	if (result->ping6.sent)
		(void)json_object_set_new(ping, "ipv6",
					  ping_json(&result->ping6));
	return json_pack(
		"{si sb s{so so} so s{so so} s{so so}}", "schema_version", 1,
		"user_namespace", demo->is_user_ns, "plan", "a_to_b",
		plan_json(demo, VIF_A_TO_B), "b_to_a",
		plan_json(demo, VIF_B_TO_A), "ping", ping, "tcp", "alone",
		both_ways(result->flow[DEMO_ALONE]), "both",
		both_ways(result->flow[DEMO_BOTH]), "drops", "a_to_b",
		cli_json_drops(result->stats.flow[VIF_A_TO_B].drops), "b_to_a",
		cli_json_drops(result->stats.flow[VIF_B_TO_A].drops));
}
