/* SPDX-License-Identifier: Apache-2.0 */
/* Making a trunk out of what a program wants, and forgetting it. */
#include "trunk/core.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/config.h"
#include "base/cpu.h"
#include "base/error.h"

#define SECOND_NS UINT64_C(1000000000)

static void fill_u32(uint32_t *value, uint32_t fallback)
{
	if (*value == 0)
		*value = fallback;
}

static void fill_u64(uint64_t *value, uint64_t fallback)
{
	if (*value == 0)
		*value = fallback;
}

static void fill_defaults(struct vif_trunk_config *config)
{
	fill_u32(&config->record_max, 16400);
	fill_u32(&config->window, 16 << 20);
	fill_u32(&config->circuits_max, 64);
	fill_u32(&config->handshakes_max, 16);
	fill_u32(&config->circuit_window, 128 << 10);
	fill_u32(&config->circuit_window_max, 16 << 20);
	fill_u32(&config->flow_window, 64 << 10);
	fill_u32(&config->flow_window_max, 8 << 20);
	fill_u32(&config->hop_window, 128 << 10);
	fill_u32(&config->flows_max, 4096);
	fill_u32(&config->trunk_flows_max, 65536);
	fill_u32(&config->backlog, 256);
	fill_u32(&config->flow_send_max, 256 << 10);
	fill_u32(&config->send_max, 16 << 20);
	fill_u64(&config->handshake_ns, 5 * SECOND_NS);
	fill_u64(&config->circuit_handshake_ns, 10 * SECOND_NS);
	fill_u64(&config->start_ns, UINT64_MAX);
	fill_u64(&config->idle_ns, UINT64_MAX);
	fill_u64(&config->circuit_idle_ns, UINT64_MAX);
	fill_u64(&config->health_ns, 30 * SECOND_NS);
	fill_u64(&config->drain_ns, 20 * SECOND_NS);
	fill_u64(&config->rekey_ns, 3600 * SECOND_NS);
	fill_u64(&config->rekey_bytes, UINT64_C(64) << 30);
	fill_u64(&config->rekey_records, 1 << 22);
	if (config->rekey_ns < SEAL_AGE_MIN_NS)
		config->rekey_ns = SEAL_AGE_MIN_NS;
	if (!config->random)
		config->random = noise_random_system;
}

static int refuse(struct vif_error *error, const char *why)
{
	error_set(error, -EINVAL, "cannot make a trunk");
	return error_why(error, -EINVAL, "%s", why);
}

static int check_config(enum vif_trunk_role role,
			const struct vif_trunk_config *config,
			struct vif_error *error)
{
	uint64_t windows =
		(uint64_t)config->circuits_max * config->circuit_window;

	if (config->record_max < VIF_TRUNK_RECORD_MIN ||
	    config->record_max > VIF_TRUNK_RECORD_MAX)
		return refuse(error, "record_max is not from 1024 to 65519");
	if (config->circuits_max > UINT16_MAX)
		return refuse(error, "circuits_max is above 65535");
	if (config->handshakes_max < CORE_HANDSHAKES)
		return refuse(error, "handshakes_max is below 16");
	if (windows > config->window)
		return refuse(error,
			      "the windows of all circuits are more than the "
			      "window of the trunk");
	if (!budget_can_hold(config->budget, config->circuit_window))
		return refuse(error, "the budget has no room for one circuit");
	if (config->hop_window <
	    2 * (VIF_TRUNK_RECORD_MIN + (uint32_t)RECORD_TAG_LEN))
		return refuse(error, "hop_window is below 2080");
	if (config->rekey_records > SEAL_RECORDS_OLD)
		return refuse(error, "rekey_records is above 2^22");
	if (config->window > UINT32_MAX - CORE_WINDOW_SLACK)
		return refuse(error, "the window is too large");
	if (!config->identity && role == VIF_TRUNK_ACCEPTER)
		return refuse(error, "an accepter needs an identity");
	if (!config->identity && !config->remote)
		return refuse(error, "without an identity the other side's key "
				     "has to be known");
	return 0;
}

static int make_session(struct vif_trunk *trunk)
{
	const struct vif_trunk_config *config = &trunk->config;
	struct session_config ours = {
		.role = trunk->role,
		.local = trunk->has_identity ? &trunk->identity : NULL,
		.remote = config->remote,
		.psk = config->psk,
		.hide_identity = config->hide_identity,
		.allow_anonymous = config->allow_anonymous,
		.has_aes = trunk->has_aes,
		.authorize = config->authorize,
		.authorize_user = config->user,
		.random = config->random,
		.random_user = config->user,
		.binding = config->binding,
		.binding_len = config->binding_len,
		.record_max = (uint16_t)config->record_max,
		.circuits_max = (uint16_t)config->circuits_max,
		.window = config->window,
	};

	trunk->session = calloc(1, sizeof(*trunk->session));
	if (!trunk->session)
		return -ENOMEM;
	return session_init(trunk->session, &trunk->crypto, &ours);
}

void trunk_init_buckets(struct buckets *bucket, uint64_t now)
{
	bucket_init(&bucket->pings, 100, 10, now);
	bucket_init(&bucket->resets, 1000, 33, now);
	bucket_init(&bucket->own_resets, 1000, 33, now);
	bucket_init(&bucket->circuits, 256, 16, now);
	bucket_init(&bucket->empties, 1000, 33, now);
	bucket_init(&bucket->skips, 100, 100, now);
	bucket_init(&bucket->padding, 1 << 20, 64 << 10, now);
	bucket_init(&bucket->glitches, 10000, 330, now);
	bucket_init(&bucket->rekeys, CORE_REKEYS, CORE_REKEYS_PER_SECOND, now);
}

static void init_lists(struct vif_trunk *trunk)
{
	list_init(&trunk->circuits);
	list_init(&trunk->graves);
	list_init(&trunk->circuit_control);
	list_init(&trunk->waiting);
	list_init(&trunk->urgent);
	list_init(&trunk->circuit_news);
	list_init(&trunk->circuit_ends);
	list_init(&trunk->flow_news);
	list_init(&trunk->lines);
	list_init(&trunk->identities);
	list_init(&trunk->roomier);
	round_init(&trunk->round, trunk->config.record_max);
}

static void init_state(struct vif_trunk *trunk, uint64_t now_ns)
{
	const struct vif_trunk_config *config = &trunk->config;
	uint32_t large = (uint32_t)align_up(config->record_max, 16);

	owner_init(&trunk->owner);
	trunk->now_ns = now_ns;
	trunk->start_ns = now_ns;
	trunk->last_rx_ns = now_ns;
	trunk->drain_end_ns = UINT64_MAX;
	trunk->record_max = config->record_max;
	trunk->has_aes = !config->only_chacha && cpu_has_aes();
	trunk->next_local = trunk->role == VIF_TRUNK_DIALER ? 1 : 2;
	trunk->next_remote = 3 - trunk->next_local;
	trunk->rx_credit = (struct credit_rx){
		.limit = (uint64_t)config->window + CORE_WINDOW_SLACK,
		.window = config->window + CORE_WINDOW_SLACK,
	};
	/* A record may have a tag of its own inside. */
	large += RECORD_TAG_LEN;
	block_pool_init(&trunk->pool,
			large > BLOCK_LARGE_MIN ? large : BLOCK_LARGE_MIN);
	init_lists(trunk);
	budget_join(&trunk->budget, config->budget, config->user, now_ns);
	trunk_init_buckets(&trunk->bucket, trunk->now_ns);
	bucket_init(&trunk->opens, 256, 16, trunk->now_ns);
}

static int make(struct vif_trunk *trunk)
{
	const struct vif_trunk_config *config = &trunk->config;
	int r = noise_crypto_init(&trunk->crypto);

	if (r == 0 && config->identity) {
		r = noise_pair_init(&trunk->identity, &trunk->crypto,
				    config->identity);
		trunk->has_identity = r == 0;
	}
	if (r == 0)
		r = id_table_init(&trunk->circuit_table);
	if (r == 0)
		r = make_session(trunk);
	/* The program's, and not needed any more. */
	trunk->config.identity = NULL;
	trunk->config.remote = NULL;
	trunk->config.psk = NULL;
	trunk->config.binding = NULL;
	return r;
}

int vif_trunk_new(enum vif_trunk_role role,
		  const struct vif_trunk_config *config, uint64_t now_ns,
		  struct vif_trunk **ret_trunk, struct vif_error *error)
{
	struct vif_trunk *trunk = calloc(1, sizeof(*trunk));
	int r;

	if (!trunk)
		return error_set(error, -ENOMEM, "cannot make a trunk");
	trunk->role = role;
	r = config_take(config, sizeof(trunk->config), &trunk->config, error);
	if (r == 0) {
		fill_defaults(&trunk->config);
		r = check_config(role, &trunk->config, error);
	}
	if (r < 0) {
		free(trunk);
		return r;
	}
	init_state(trunk, now_ns);
	r = make(trunk);
	if (r < 0) {
		vif_trunk_free(trunk);
		error_set(error, r, "cannot make a trunk");
		return r == -EINVAL ?
			       error_why(error, r, "the keys make no sense") :
			       r;
	}
	*ret_trunk = trunk;
	return 0;
}

/* What programs have is theirs no more. */
static void free_circuits(struct vif_trunk *trunk)
{
	struct list *link, *after;

	list_foreach(&trunk->circuits, link, after) {
		struct vif_circuit *circuit =
			container_of(link, struct vif_circuit, all);
		struct list *flow, *after_flow;

		list_foreach(&circuit->flows, flow, after_flow)
			vif_flow_close(
				container_of(flow, struct vif_flow, all));
		vif_circuit_free(circuit);
	}
	circuit_reap(trunk);
}

void vif_trunk_free(struct vif_trunk *trunk)
{
	if (!trunk)
		return;
	(void)trunk_end(trunk, VIF_REASON_CLOSED, false, "%s", "");
	free_circuits(trunk);
	assert(list_is_empty(&trunk->circuits) && trunk->n_flows == 0);
	assert(trunk->n_dialling == 0 && trunk->n_unheard == 0);
	assert(trunk->n_opening == 0 && list_is_empty(&trunk->waiting));
	assert(trunk->windows == 0);
	budget_leave(&trunk->budget);
	if (trunk->session)
		session_fini(trunk->session);
	free(trunk->session);
	seal_fini(&trunk->tx_seal);
	seal_fini(&trunk->rx_seal);
	noise_pair_fini(&trunk->identity);
	identity_forget_all(trunk);
	noise_crypto_fini(&trunk->crypto);
	block_put(&trunk->pool, trunk->rx_block);
	block_pool_fini(&trunk->pool);
	id_table_fini(&trunk->circuit_table);
	free(trunk->partial);
	owner_fini(&trunk->owner);
	noise_wipe(trunk, sizeof(*trunk));
	free(trunk);
}

int vif_key_public(const uint8_t private_key[VIF_KEY_LEN],
		   uint8_t ret_public_key[VIF_KEY_LEN])
{
	struct noise_crypto crypto = { 0 };
	struct noise_pair pair = { 0 };
	int r = noise_crypto_init(&crypto);

	if (r == 0)
		r = noise_pair_init(&pair, &crypto, private_key);
	if (r == 0)
		memcpy(ret_public_key, pair.public_key, VIF_KEY_LEN);
	noise_pair_fini(&pair);
	noise_crypto_fini(&crypto);
	return r;
}
