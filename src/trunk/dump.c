/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything there is to see of a trunk, as JSON.
 *
 * Public keys, states and numbers; never a secret, never payload.
 */
#include "trunk/core.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct dump {
	void (*write)(void *user, const char *text, size_t len);
	void *user;
	bool has_member; /* a comma goes before the next one */
};

static void put(struct dump *dump, const char *text)
{
	dump->write(dump->user, text, strlen(text));
}

/* What goes before a member; without a name that of an array. */
static void begin(struct dump *dump, const char *name)
{
	if (dump->has_member)
		put(dump, ",");
	dump->has_member = true;
	if (!name)
		return;
	put(dump, "\"");
	put(dump, name);
	put(dump, "\":");
}

static void open_nested(struct dump *dump, const char *name,
			const char *bracket)
{
	begin(dump, name);
	put(dump, bracket);
	dump->has_member = false;
}

static void close_nested(struct dump *dump, const char *bracket)
{
	put(dump, bracket);
	dump->has_member = true;
}

static void put_number(struct dump *dump, const char *name, uint64_t n)
{
	char text[24];

	begin(dump, name);
	(void)snprintf(text, sizeof(text), "%" PRIu64, n);
	put(dump, text);
}

static void put_bool(struct dump *dump, const char *name, bool value)
{
	begin(dump, name);
	put(dump, value ? "true" : "false");
}

/* Bytes of others: what JSON, or a terminal, could take amiss is escaped. */
static void put_text(struct dump *dump, const char *name, const char *text)
{
	begin(dump, name);
	put(dump, "\"");
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;
		char escaped[8] = { *text, '\0' };

		if (c < ' ' || c >= 0x7f || c == '"' || c == '\\')
			(void)snprintf(escaped, sizeof(escaped), "\\u%04x", c);
		put(dump, escaped);
	}
	put(dump, "\"");
}

static void put_key(struct dump *dump, const char *name, const uint8_t *key)
{
	char text[2 * VIF_KEY_LEN + 1];

	for (int i = 0; i < VIF_KEY_LEN; i++)
		(void)snprintf(text + 2 * i, 3, "%02x", key[i]);
	put_text(dump, name, text);
}

static void put_ending(struct dump *dump, const struct ending *ending)
{
	if (!ending->is_set)
		return;
	put_text(dump, "reason", vif_reason_name(ending->reason));
	put_number(dump, "code", ending->reason);
	put_text(dump, "text", ending->text);
}

static void put_credit(struct dump *dump, const char *name,
		       const struct credit_rx *rx, const struct credit_tx *tx)
{
	open_nested(dump, name, "{");
	put_number(dump, "received", rx->received);
	put_number(dump, "rx_limit", rx->limit);
	put_number(dump, "rx_window", rx->window);
	put_number(dump, "sent", tx->sent);
	put_number(dump, "tx_limit", tx->limit);
	close_nested(dump, "}");
}

static void put_flow(struct dump *dump, const struct vif_flow *flow)
{
	open_nested(dump, NULL, "{");
	put_number(dump, "id", flow->node.id);
	put_text(dump, "kind", flow->is_lane ? "lane" : "stream");
	put_text(dump, "opened_by", flow->is_local ? "us" : "them");
	put_text(dump, "receiving",
		 flow->rx_reset   ? "reset" :
		 flow->rx_fin     ? "finished" :
		 flow->rx_stopped ? "stopped" :
				    "open");
	put_text(dump, "sending",
		 flow->tx_reset    ? "reset" :
		 flow->tx_ended    ? "finished" :
		 flow->tx_finished ? "finishing" :
				     "open");
	put_bool(dump, "released", flow->is_released);
	put_number(dump, "weight", flow->turn.weight);
	put_credit(dump, "credit", &flow->rx_credit, &flow->tx_credit);
	put_number(dump, "rx_held", flow->rx.len);
	put_number(dump, "tx_held", flow->tx.len);
	close_nested(dump, "}");
}

static const char *mode_name(enum vif_circuit_mode mode)
{
	static const char *const names[] = {
		[VIF_CIRCUIT_DERIVED] = "derived",
		[VIF_CIRCUIT_BOUND] = "bound",
		[VIF_CIRCUIT_SEALED] = "sealed",
	};

	return names[mode];
}

static const char *state_name(enum circuit_state state)
{
	static const char *const names[] = {
		[CIRCUIT_WAITING] = "waiting",
		[CIRCUIT_OPENING] = "opening",
		[CIRCUIT_CONFIRMING] = "confirming",
		[CIRCUIT_OPEN] = "open",
		[CIRCUIT_RELAYED] = "relayed",
		[CIRCUIT_CLOSING] = "closing",
		[CIRCUIT_CLOSED] = "closed",
	};

	static_assert(ARRAY_LEN(names) == CIRCUIT_CLOSED + 1, "all have one");
	return names[state];
}

static void put_flows(struct dump *dump, const struct vif_circuit *circuit)
{
	struct list *link, *after;

	open_nested(dump, "flows", "[");
	list_foreach(&circuit->flows, link, after)
		put_flow(dump, container_of(link, struct vif_flow, all));
	close_nested(dump, "]");
}

static void put_circuit(struct dump *dump, const struct vif_circuit *circuit)
{
	const struct vif_circuit_stats *stats = &circuit->stats;

	open_nested(dump, NULL, "{");
	put_number(dump, "id", circuit->node.id);
	put_text(dump, "state", state_name(circuit->state));
	if (circuit->mode)
		put_text(dump, "mode", mode_name(circuit->mode));
	put_text(dump, "opened_by", circuit->is_local ? "us" : "them");
	put_bool(dump, "accepted", circuit->is_accepted);
	put_text(dump, "service", circuit->service);
	if (circuit->has_remote)
		put_key(dump, "remote", circuit->remote);
	put_ending(dump, &circuit->ending);
	put_number(dump, "weight", circuit->turn.weight);
	put_credit(dump, "credit", &circuit->rx_credit, &circuit->tx_credit);
	if (circuit->mode == VIF_CIRCUIT_SEALED)
		put_credit(dump, "hop", &circuit->hop_rx, &circuit->hop_tx);
	put_number(dump, "rx_held", circuit->rx_held);
	put_number(dump, "tx_held", circuit->tx_held);
	put_number(dump, "relay_held", circuit->relay_held);
	put_number(dump, "rx_records", stats->rx_records);
	put_number(dump, "tx_records", stats->tx_records);
	put_number(dump, "rx_payload", stats->rx_payload);
	put_number(dump, "tx_payload", stats->tx_payload);
	put_number(dump, "rekeys", stats->rekeys);
	put_number(dump, "blocked_ns", stats->blocked_ns);
	put_number(dump, "hop_blocked_ns", stats->hop_blocked_ns);
	put_flows(dump, circuit);
	close_nested(dump, "}");
}

static void put_stats(struct dump *dump, const struct vif_trunk *trunk)
{
	struct vif_trunk_stats stats;

	vif_trunk_stats(trunk, &stats);
	open_nested(dump, "counters", "{");
	put_number(dump, "rx_bytes", stats.rx_bytes);
	put_number(dump, "rx_records", stats.rx_records);
	put_number(dump, "rx_payload", stats.rx_payload);
	put_number(dump, "tx_bytes", stats.tx_bytes);
	put_number(dump, "tx_records", stats.tx_records);
	put_number(dump, "tx_payload", stats.tx_payload);
	put_number(dump, "rekeys", stats.rekeys);
	put_number(dump, "glitches", stats.glitches);
	put_number(dump, "skipped_frames", stats.skipped_frames);
	put_number(dump, "late_frames", stats.late_frames);
	put_number(dump, "dropped_pongs", stats.dropped_pongs);
	put_number(dump, "refused_circuits", stats.refused_circuits);
	put_number(dump, "refused_flows", stats.refused_flows);
	put_number(dump, "blocked_ns", stats.blocked_ns);
	put_number(dump, "rtt_ns", stats.rtt_ns);
	put_number(dump, "rtt_min_ns", stats.rtt_min_ns);
	put_number(dump, "rx_held", stats.rx_held);
	put_number(dump, "tx_held", stats.tx_held);
	close_nested(dump, "}");
}

static void put_budget(struct dump *dump, const struct budget_member *member)
{
	if (!member->budget)
		return;
	open_nested(dump, "budget", "{");
	put_number(dump, "taken",
		   atomic_load_explicit(&member->taken, memory_order_relaxed));
	put_number(dump, "limit", member->budget->config.limit);
	put_bool(
		dump, "evicted",
		atomic_load_explicit(&member->is_marked, memory_order_relaxed));
	close_nested(dump, "}");
}

void vif_trunk_dump(const struct vif_trunk *trunk,
		    void (*write)(void *user, const char *text, size_t len),
		    void *user)
{
	static const char *const states[] = {
		[TRUNK_HANDSHAKE] = "handshake",
		[TRUNK_UNCONFIRMED] = "unconfirmed",
		[TRUNK_OPEN] = "open",
		[TRUNK_ENDED] = "ended",
	};
	struct dump dump = { .write = write, .user = user };
	struct list *link, *after;

	open_nested(&dump, NULL, "{");
	put_text(&dump, "role",
		 trunk->role == VIF_TRUNK_DIALER ? "dialer" : "accepter");
	put_text(&dump, "state", states[trunk->state]);
	put_ending(&dump, &trunk->ending);
	if (trunk->has_remote)
		put_key(&dump, "remote", trunk->remote);
	put_bool(&dump, "listening", trunk->is_listening);
	put_bool(&dump, "draining", trunk->is_draining || trunk->peer_drains);
	put_number(&dump, "record_max", trunk->record_max);
	put_credit(&dump, "credit", &trunk->rx_credit, &trunk->tx_credit);
	put_number(&dump, "tx_key", trunk->tx_seal.n_key);
	put_number(&dump, "rx_key", trunk->rx_seal.n_key);
	put_stats(&dump, trunk);
	put_budget(&dump, &trunk->budget);
	open_nested(&dump, "circuits", "[");
	list_foreach(&trunk->circuits, link, after)
		put_circuit(&dump, container_of(link, struct vif_circuit, all));
	close_nested(&dump, "]");
	close_nested(&dump, "}");
}
