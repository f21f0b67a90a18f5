/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Life of a trunk.
 *
 *	handshake -> unconfirmed -> open -> ended
 *
 * A trunk that has ended may still have a last record to send, which says why.
 */
#include "trunk/core.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trunk/relay.h"
#include "trunk/set/set.h"

static void wipe_session(struct vif_trunk *trunk)
{
	if (!trunk->session)
		return;
	session_fini(trunk->session);
	free(trunk->session);
	trunk->session = NULL;
}

static void end_circuits(struct vif_trunk *trunk, uint32_t reason,
			 const char *text)
{
	struct list *link, *after;

	list_foreach(&trunk->circuits, link, after) {
		struct vif_circuit *circuit =
			container_of(link, struct vif_circuit, all);

		if (circuit->state == CIRCUIT_CLOSED)
			circuit_forget(circuit);
		else
			circuit_end(circuit, reason, text, false);
	}
}

static void end(struct vif_trunk *trunk)
{
	trunk_log(trunk, trunk->config.log_level,
		  trunk->ending.reason ? VIF_LOG_ERROR : VIF_LOG_INFO,
		  "trunk: ended: %s%s%s", vif_reason_name(trunk->ending.reason),
		  trunk->ending.text[0] ? ": " : "", trunk->ending.text);
	trunk->state = TRUNK_ENDED;
	if (trunk_is_ours(trunk))
		budget_resign(&trunk->budget);
	end_circuits(trunk,
		     trunk->ending.reason ? trunk->ending.reason :
					    VIF_REASON_TRUNCATED,
		     trunk->ending.text);
	vif_relay_remove(trunk);
	seal_fini(&trunk->rx_seal);
	noise_wipe(trunk->exporter, sizeof(trunk->exporter));
	trunk->has_exporter = false;
	event_trunk(trunk, VIF_TRUNK_CLOSED);
	set_trunk_ended(trunk);
}

int trunk_end(struct vif_trunk *trunk, uint32_t reason, bool tell,
	      const char *format, ...)
{
	char text[VIF_TRUNK_TEXT_MAX + 1];
	va_list list;

	if (trunk->state == TRUNK_ENDED)
		return -ECONNABORTED;
	va_start(list, format);
	(void)vsnprintf(text, sizeof(text), format, list);
	va_end(list);
	ending_set(&trunk->ending, reason, text, strlen(text));
	trunk->wants_close = tell && trunk->tx_seal.key.ctx;
	trunk->closing = trunk->ending;
	end(trunk);
	return -ECONNABORTED;
}

void trunk_said_close(struct vif_trunk *trunk)
{
	/* A program knows that it has closed it, but not that it was evicted. */
	if (trunk->closing.reason == VIF_REASON_MEMORY)
		trunk->ending = trunk->closing;
	if (trunk->state != TRUNK_ENDED)
		end(trunk);
}

void trunk_got_close(struct vif_trunk *trunk, const uint8_t *body, size_t len)
{
	ending_get(&trunk->ending, body, len);
	trunk->wants_close = false;
	end(trunk);
}

bool trunk_glitch(struct vif_trunk *trunk)
{
	trunk->stats.glitches++;
	if (bucket_take(&trunk->bucket.glitches, trunk->now_ns, 1))
		return false;
	(void)trunk_end(trunk, VIF_REASON_FLOOD, true,
			"too much that makes no sense");
	return true;
}

int trunk_check(const struct vif_trunk *trunk)
{
	if (!trunk_is_ours(trunk))
		return -EOWNERDEAD;
	return trunk->state == TRUNK_ENDED ? -ECONNABORTED : 0;
}

int trunk_may_open(const struct vif_trunk *trunk)
{
	int r = trunk_check(trunk);

	if (r < 0)
		return r;
	return trunk->is_draining || trunk->is_closing || trunk->peer_drains ?
		       -ESHUTDOWN :
		       0;
}

struct seal_life trunk_seal_life(const struct vif_trunk *trunk)
{
	return (struct seal_life){
		.records = trunk->config.rekey_records,
		.bytes = trunk->config.rekey_bytes,
		.ns = trunk->config.rekey_ns,
	};
}

/* Dialled before anybody knew how many there may be: the last are too many. */
static void drop_early_circuits(struct vif_trunk *trunk)
{
	struct list *link, *after;
	uint32_t n = 0;

	list_foreach(&trunk->circuits, link, after) {
		struct vif_circuit *circuit =
			container_of(link, struct vif_circuit, all);

		if (circuit->state != CIRCUIT_WAITING)
			continue;
		if (n < trunk->circuits_max &&
		    bucket_take(&trunk->opens, trunk->now_ns, 1)) {
			n++;
			circuit->deadline_ns = time_after(
				trunk, trunk->config.circuit_handshake_ns);
		} else {
			circuit_end(circuit, VIF_REASON_LIMIT,
				    "the other side takes no more", false);
		}
	}
}

bool trunk_can_start(const struct vif_trunk *trunk)
{
	bool has_keys = trunk->state == TRUNK_OPEN ||
			(trunk->state == TRUNK_UNCONFIRMED &&
			 trunk->role == VIF_TRUNK_DIALER);

	return has_keys && !list_is_empty(&trunk->waiting) &&
	       trunk->n_opening < CORE_HANDSHAKES;
}

void trunk_start_circuits(struct vif_trunk *trunk)
{
	while (trunk_can_start(trunk)) {
		struct vif_circuit *circuit =
			container_of(list_first(&trunk->waiting),
				     struct vif_circuit, control);

		list_remove(&circuit->control);
		circuit_start(circuit);
	}
}

static void take_result(struct vif_trunk *trunk, struct session_result *result)
{
	seal_begin(&trunk->tx_seal, &result->send, trunk->now_ns);
	seal_begin(&trunk->rx_seal, &result->receive, trunk->now_ns);
	memcpy(trunk->exporter, result->exporter, sizeof(trunk->exporter));
	trunk->has_exporter = true;
	memcpy(trunk->hash, result->hash, sizeof(trunk->hash));
	memcpy(trunk->remote, result->remote, sizeof(trunk->remote));
	trunk->has_remote = result->has_remote;
	trunk->record_max = result->record_max;
	trunk->round.quantum = result->record_max;
	trunk->circuits_max = result->circuits_max;
	trunk->tx_credit.limit = credit_add(result->window, CORE_WINDOW_SLACK);
	trunk->state = TRUNK_UNCONFIRMED;
	trunk->wants_ready = true;
}

void trunk_session_moved(struct vif_trunk *trunk)
{
	struct session_result result;

	if (trunk->state != TRUNK_HANDSHAKE || !session_is_done(trunk->session))
		return;
	if (session_take(trunk->session, &result) < 0) {
		(void)trunk_end(trunk, VIF_REASON_MEMORY, false, "no keys");
		return;
	}
	take_result(trunk, &result);
	session_result_fini(&result);
	wipe_session(trunk);
	free(trunk->partial);
	trunk->partial = NULL;
	trunk->partial_size = 0;
	drop_early_circuits(trunk);
	trunk_start_circuits(trunk);
}

void trunk_became_ready(struct vif_trunk *trunk)
{
	trunk->state = TRUNK_OPEN;
	trunk->start_ns = trunk->now_ns;
	trunk->idle_since_ns = trunk->now_ns;
	trunk_log(trunk, trunk->config.log_level, VIF_LOG_INFO, "trunk: ready");
	event_trunk(trunk, VIF_TRUNK_READY);
	trunk_start_circuits(trunk);
	trunk_settle(trunk);
	set_trunk_ready(trunk);
}

/* Ending in order. */

void trunk_begin_drain(struct vif_trunk *trunk)
{
	if (trunk->drain_end_ns == UINT64_MAX)
		trunk->drain_end_ns = time_after(trunk, trunk->config.drain_ns);
}

/* Whether all that the program has opened is known to the other side. */
static bool is_announced(const struct vif_trunk *trunk)
{
	return trunk->n_dialling == 0 && trunk->n_unheard == 0;
}

/* Flows that were never written may not be any more: they would be new. */
static void refuse_unannounced(struct vif_trunk *trunk)
{
	struct list *link, *after, *flow, *after_flow;

	list_foreach(&trunk->circuits, link, after) {
		const struct vif_circuit *circuit =
			container_of(link, struct vif_circuit, all);

		list_foreach(&circuit->flows, flow, after_flow) {
			struct vif_flow *f =
				container_of(flow, struct vif_flow, all);

			if (f->has_left || f->node.id != 0)
				continue;
			flow_do_reset(f, VIF_REASON_DRAINING);
			flow_settle(f);
		}
	}
}

/* Programs that have not looked at theirs yet may still accept them. */
static void close_circuits(struct vif_trunk *trunk, uint32_t reason,
			   const char *text)
{
	struct list *link, *after;

	list_foreach(&trunk->circuits, link, after)
		(void)circuit_close_as(
			container_of(link, struct vif_circuit, all), reason,
			text);
}

static void settle(struct vif_trunk *trunk)
{
	if (trunk->peer_drains && !trunk->said_drained && is_announced(trunk)) {
		trunk->said_drained = true;
		trunk->wants_drained = true;
		refuse_unannounced(trunk);
	}
	if (trunk->is_draining && trunk->peer_said_drained &&
	    trunk->n_flows == 0 && trunk->n_relayed == 0 &&
	    !trunk->is_closing) {
		trunk->is_closing = true;
		close_circuits(trunk, VIF_REASON_CLOSED, "");
	}
	if (trunk->is_closing && trunk->n_circuits == 0)
		trunk->wants_close = true;
}

void trunk_settle(struct vif_trunk *trunk)
{
	if (trunk->state != TRUNK_OPEN || trunk->is_settling)
		return;
	trunk->is_settling = true; /* what it does calls it */
	settle(trunk);
	trunk->is_settling = false;
}

int vif_trunk_drain(struct vif_trunk *trunk)
{
	int r = trunk_check(trunk);

	if (r < 0)
		return r;
	if (trunk->is_draining || trunk->is_closing)
		return -EALREADY;
	trunk->is_draining = true;
	trunk->wants_drain = true;
	trunk_begin_drain(trunk);
	trunk_settle(trunk);
	return 0;
}

int vif_trunk_close(struct vif_trunk *trunk, uint32_t code, const char *text)
{
	int r = trunk_check(trunk);

	if (r < 0)
		return r;
	if (code && code < VIF_REASON_PROGRAM)
		return -EINVAL;
	if (trunk->is_closing)
		return -EALREADY;
	if (trunk->state != TRUNK_OPEN) {
		vif_trunk_abort(trunk, code, text);
		return 0;
	}
	trunk->is_closing = true;
	ending_set(&trunk->closing, code, text ? text : "",
		   text ? strlen(text) : 0);
	trunk_begin_drain(trunk);
	close_circuits(trunk, VIF_REASON_CLOSED, "");
	trunk_settle(trunk);
	return 0;
}

/* Others wait for what it has, and so for no more than drain_ns from now. */
static void end_soon(struct vif_trunk *trunk)
{
	uint64_t wait_ns = trunk->config.drain_ns;
	uint64_t end_ns;

	if (wait_ns == UINT64_MAX)
		wait_ns = CORE_EVICT_S * UINT64_C(1000000000);
	end_ns = time_after(trunk, wait_ns);
	if (end_ns < trunk->drain_end_ns)
		trunk->drain_end_ns = end_ns;
}

/* What is not finished yet will not be. */
static void evict_circuits(struct vif_trunk *trunk, const char *text)
{
	struct list *link, *after;

	list_foreach(&trunk->circuits, link, after)
		container_of(link, struct vif_circuit, all)->is_evicted = true;
	close_circuits(trunk, VIF_REASON_MEMORY, text);
}

void trunk_evict(struct vif_trunk *trunk)
{
	static const char text[] = "its memory is needed";

	trunk->is_evicted = true;
	trunk_log(trunk, trunk->config.log_level, VIF_LOG_INFO,
		  "trunk: evicted: %s", text);
	if (trunk->state != TRUNK_OPEN) {
		(void)trunk_end(trunk, VIF_REASON_MEMORY,
				trunk->state != TRUNK_HANDSHAKE, "%s", text);
		return;
	}
	end_soon(trunk);
	if (trunk->is_closing) /* it ends anyway */
		return;
	trunk->is_closing = true;
	ending_set(&trunk->closing, VIF_REASON_MEMORY, text, strlen(text));
	evict_circuits(trunk, text);
	trunk_settle(trunk);
}

void vif_trunk_abort(struct vif_trunk *trunk, uint32_t code, const char *text)
{
	(void)trunk_end(trunk, code ? code : VIF_REASON_CLOSED, true, "%s",
			text ? text : "");
}

/* Whether somebody is at its far end, or will be if he answers. */
static bool leads_to(const struct vif_circuit *circuit,
		     const uint8_t key[VIF_KEY_LEN])
{
	const struct vif_trunk *trunk = circuit->trunk;
	const uint8_t *remote =
		circuit->has_remote ? circuit->remote : dial_pinned(circuit);

	/* Nobody was named: a derived one has the trunk's. */
	if (!remote && circuit->mode == VIF_CIRCUIT_DERIVED &&
	    trunk->has_remote)
		remote = trunk->remote;
	return remote && memcmp(remote, key, VIF_KEY_LEN) == 0;
}

uint32_t vif_trunk_shut_remote(struct vif_trunk *trunk,
			       const uint8_t key[VIF_KEY_LEN])
{
	struct list *link, *after;
	uint32_t n = 0;

	list_foreach(&trunk->circuits, link, after) {
		struct vif_circuit *circuit =
			container_of(link, struct vif_circuit, all);

		if (leads_to(circuit, key) &&
		    vif_circuit_close(circuit, 0, NULL) == 0)
			n++;
	}
	return n;
}

void vif_trunk_receive_end(struct vif_trunk *trunk)
{
	(void)trunk_end(trunk, VIF_REASON_TRUNCATED, false,
			"the connection ended");
	circuit_reap(trunk);
}

void vif_trunk_advance(struct vif_trunk *trunk, uint64_t now_ns)
{
	if (now_ns > trunk->now_ns)
		trunk->now_ns = now_ns;
	timer_run(trunk);
	circuit_reap(trunk);
}

uint64_t vif_trunk_deadline(const struct vif_trunk *trunk)
{
	return timer_next(trunk);
}

/* A record of the handshake, if there is one to send. */
static size_t session_record(struct vif_trunk *trunk, uint8_t *to, size_t size)
{
	size_t n;

	if (!trunk->session)
		return 0;
	n = session_write(trunk->session, to, size);
	trunk_session_moved(trunk);
	return n;
}

int64_t vif_trunk_send(struct vif_trunk *trunk, void *buffer, size_t size)
{
	size_t want = RECORD_HEADER_LEN + trunk->record_max +
		      2 * (size_t)RECORD_TAG_LEN;
	uint8_t *to = buffer;
	size_t len = 0, n;

	if (!trunk_is_ours(trunk))
		return -EOWNERDEAD;
	if (size < VIF_TRUNK_SEND_MIN)
		return -EINVAL;
	trunk_start_circuits(trunk);
	do {
		n = session_record(trunk, to + len, size - len);
		if (n == 0)
			n = schedule_record(trunk, to + len, size - len);
		len += n;
	} while (n > 0 && size - len >= want);
	trunk->stats.tx_bytes += len;
	window_tell_use(trunk);
	circuit_reap(trunk);
	return (int64_t)len;
}

bool vif_trunk_wants_send(const struct vif_trunk *trunk)
{
	return (trunk->session && trunk->session->out_len > 0) ||
	       trunk_can_start(trunk) || schedule_is_ready(trunk);
}

int vif_trunk_listen(struct vif_trunk *trunk, bool on)
{
	int r = trunk_check(trunk);

	if (r < 0)
		return r;
	if (trunk->is_listening == on)
		return -EALREADY;
	trunk->is_listening = on;
	return 0;
}

uint32_t vif_trunk_reason(const struct vif_trunk *trunk, const char **ret_text)
{
	if (ret_text)
		*ret_text = trunk->ending.text;
	return trunk->ending.reason;
}

bool vif_trunk_is_closed(const struct vif_trunk *trunk)
{
	return trunk->state == TRUNK_ENDED && !vif_trunk_wants_send(trunk);
}

bool vif_trunk_is_ready(const struct vif_trunk *trunk)
{
	return trunk->state == TRUNK_OPEN;
}

const uint8_t *vif_trunk_remote(const struct vif_trunk *trunk)
{
	return trunk->has_remote ? trunk->remote : NULL;
}

int trunk_export(struct vif_trunk *trunk, const uint8_t *exporter,
		 const char *label, const void *context, size_t context_len,
		 uint8_t ret_key[VIF_KEY_LEN])
{
	static const char prefix[] = "vif export";
	struct iovec piece[] = {
		{ (void *)(uintptr_t)prefix, sizeof(prefix) - 1 },
		{ (void *)(uintptr_t)label, strlen(label) + 1 },
		{ (void *)(uintptr_t)context, context_len },
	};
	uint8_t hash[NOISE_HASH_LEN], out[1][NOISE_HASH_LEN];
	int r = noise_hash(&trunk->crypto, piece, context_len > 0 ? 3 : 2,
			   hash);

	if (r == 0)
		r = noise_hkdf(&trunk->crypto, exporter, hash, sizeof(hash),
			       out, 1);
	if (r == 0)
		memcpy(ret_key, out[0], VIF_KEY_LEN);
	noise_wipe(out, sizeof(out));
	return r < 0 ? -ENOMEM : 0;
}

int vif_trunk_export(struct vif_trunk *trunk, const char *label,
		     const void *context, size_t context_len,
		     uint8_t ret_key[VIF_KEY_LEN])
{
	if (!trunk_is_ours(trunk))
		return -EOWNERDEAD;
	if (!trunk->has_exporter)
		return -ENOTCONN;
	return trunk_export(trunk, trunk->exporter, label, context, context_len,
			    ret_key);
}

void vif_trunk_stats(const struct vif_trunk *trunk,
		     struct vif_trunk_stats *ret_stats)
{
	*ret_stats = trunk->stats;
	ret_stats->rx_held = trunk->rx_held;
	ret_stats->tx_held = trunk->tx_held;
	ret_stats->circuits = trunk->n_circuits;
	ret_stats->flows = trunk->n_flows;
}
