/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory of trunks: none is left over, none has keys in it when it is given
 * back, and each allocation may fail.
 */
#include "trunk/core.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/trunk/memory.h"
#include "trunk/noise/aead.h"

#include "tests/trunk_rig.h"

/* Every key that is ever taken into use, of handshakes as well. */

int __real_noise_aead_key(EVP_CIPHER_CTX *ctx, const EVP_CIPHER *cipher,
			  enum noise_direction direction,
			  const uint8_t secret[NOISE_KEY_LEN]);
int __wrap_noise_aead_key(EVP_CIPHER_CTX *ctx, const EVP_CIPHER *cipher,
			  enum noise_direction direction,
			  const uint8_t secret[NOISE_KEY_LEN]);

static bool is_recording;

int __wrap_noise_aead_key(EVP_CIPHER_CTX *ctx, const EVP_CIPHER *cipher,
			  enum noise_direction direction,
			  const uint8_t secret[NOISE_KEY_LEN])
{
	if (is_recording)
		memory_add_secret(secret);
	return __real_noise_aead_key(ctx, cipher, direction, secret);
}

/* A short session: all kinds of circuits, streams and a lane, and the end. */

enum {
	PAYLOAD = 40000,
	N_MODES = 3,
};

struct play {
	struct rig rig;
	bool has_failed; /* somebody was told of an error */
	size_t n_read;
	unsigned int n_ends; /* clean ends of streams */
	unsigned int n_packets;
	uint8_t bytes[PAYLOAD];
};

static void note(struct play *play, int64_t r)
{
	if (r < 0 && r != -ENODATA && r != -EAGAIN)
		play->has_failed = true;
}

static void read_packets(struct play *play, struct vif_flow *flow)
{
	struct vif_packet packet;
	struct iovec seg;
	int r;

	while ((r = vif_flow_receive_packet(flow, play->bytes,
					    sizeof(play->bytes), &seg,
					    &packet)) > 0)
		play->n_packets++;
	note(play, r);
}

static void read_stream(struct play *play, struct vif_flow *flow)
{
	int64_t n;

	while ((n = vif_flow_read(flow, play->bytes, sizeof(play->bytes))) > 0)
		play->n_read += (size_t)n;
	play->n_ends += n == -ENODATA;
	note(play, n);
}

static void on_flow(struct play *play, struct vif_flow *flow)
{
	if (vif_flow_is_lane(flow))
		read_packets(play, flow);
	else
		read_stream(play, flow);
}

static void on_event(struct play *play, const struct vif_trunk_event *event)
{
	switch (event->type) {
	case VIF_CIRCUIT_INCOMING:
		(void)vif_circuit_accept(event->circuit);
		break;
	case VIF_CIRCUIT_CLOSED:
		if (vif_circuit_reason(event->circuit, NULL) >
		    VIF_REASON_CLOSED)
			play->has_failed = true;
		break;
	case VIF_TRUNK_CLOSED:
		for (int i = 0; i < 2; i++)
			if (vif_trunk_reason(play->rig.end[i], NULL) >
			    VIF_REASON_CLOSED)
				play->has_failed = true;
		break;
	case VIF_FLOW_CLOSED:
		if (vif_flow_reason(event->flow) > VIF_REASON_CLOSED)
			play->has_failed = true;
		break;
	case VIF_FLOW_READABLE:
		on_flow(play, event->flow);
		break;
	default:
		break;
	}
}

static void run(struct play *play)
{
	struct vif_trunk_event event;
	size_t moved;

	do {
		moved = rig_move(&play->rig, 0) + rig_move(&play->rig, 1);
		for (int i = 0; i < 2; i++)
			while (vif_trunk_next_event(play->rig.end[i], &event))
				on_event(play, &event);
	} while (moved > 0);
}

static void send_packet(struct play *play, struct vif_flow *flow)
{
	static uint8_t bytes[60] = { 0x45, 0, 0, 60, [8] = 64, [9] = 1 };
	struct iovec seg = { bytes, sizeof(bytes) };
	struct vif_packet packet = {
		.seg = &seg,
		.n_seg = 1,
		.len = sizeof(bytes),
		.csum = VIF_CSUM_COMPLETE,
	};

	note(play, vif_flow_send_packet(flow, &packet));
}

static void use_flow(struct play *play, struct vif_circuit *circuit,
		     bool packets)
{
	struct vif_flow_config config = {
		.size = sizeof(config),
		.packets = packets,
	};
	struct vif_flow *flow;
	int r = vif_flow_open(circuit, &config, &flow);

	note(play, r);
	if (r < 0)
		return;
	if (packets)
		send_packet(play, flow);
	else
		note(play, vif_flow_write(flow, play->bytes, PAYLOAD));
	note(play, vif_flow_finish(flow));
	run(play);
	vif_flow_close(flow);
}

/* One without a byte, only the end of it. */
static void use_empty_flow(struct play *play, struct vif_circuit *circuit)
{
	struct vif_flow *flow;
	int r = vif_flow_open(circuit, NULL, &flow);

	note(play, r);
	if (r < 0)
		return;
	note(play, vif_flow_finish(flow));
	run(play);
	vif_flow_close(flow);
}

static void use_circuit(struct play *play, enum vif_circuit_mode mode)
{
	struct rig *rig = &play->rig;
	struct vif_circuit_config config = {
		.size = sizeof(config),
		.mode = mode,
		.remote = mode == VIF_CIRCUIT_SEALED ? rig->key[1] : NULL,
	};
	int r = vif_circuit_dial(rig->end[0], &config, &rig->circuit[0]);

	note(play, r);
	if (r < 0)
		return;
	run(play);
	use_empty_flow(play, rig->circuit[0]);
	use_flow(play, rig->circuit[0], false);
	use_flow(play, rig->circuit[0], true);
	if (is_recording && rig->circuit[0]->has_exporter)
		memory_add_secret(rig->circuit[0]->exporter);
	(void)vif_circuit_close(rig->circuit[0], 0, NULL);
	run(play);
}

static void play_session(struct play *play)
{
	struct rig *rig = &play->rig;
	bool is_made = true;

	for (int i = 0; i < 2; i++)
		if (vif_trunk_new(i == 0 ? VIF_TRUNK_DIALER :
					   VIF_TRUNK_ACCEPTER,
				  &rig->config[i], rig->now_ns, &rig->end[i],
				  NULL) < 0)
			is_made = false;
	if (is_made) {
		(void)vif_trunk_listen(rig->end[1], true);
		run(play);
		if (is_recording)
			memory_add_secret(rig->end[0]->exporter);
		for (int mode = 1; mode <= N_MODES; mode++)
			use_circuit(play, (enum vif_circuit_mode)mode);
		(void)vif_trunk_close(rig->end[0], 0, NULL);
		run(play);
	}
	play->has_failed |= !is_made;
	rig_fini(rig);
}

/* Whether all of it came, and ended as it should. */
static bool is_whole(const struct play *play)
{
	return play->n_read == N_MODES * PAYLOAD &&
	       play->n_ends >= 2 * N_MODES && play->n_packets == N_MODES;
}

static struct play *make(void)
{
	static struct play play;

	memset(&play, 0, sizeof(play));
	rig_init(&play.rig);
	return &play;
}

/* What libcrypto keeps for good has been allocated then. */
static void warm_up(void)
{
	struct play *play = make();

	play_session(play);
	assert_true(is_whole(play));
	assert_false(play->has_failed);
}

static void nothing_is_left(void **state)
{
	size_t before;

	(void)state;
	warm_up();
	before = memory.n_bytes;
	assert_int_equal(memory.n_ours, 0);
	play_session(make());
	assert_int_equal(memory.n_ours, 0);
	assert_int_equal(memory.n_bytes, before);
}

/* S10 */
static void no_key_is_left(void **state)
{
	struct play *play = make();

	(void)state;
	for (int i = 0; i < 2; i++)
		memory_add_secret(play->rig.secret[i]);
	is_recording = true;
	play_session(play);
	is_recording = false;
	assert_true(is_whole(play));
	assert_true(memory.n_secrets > 20);
	assert_int_equal(memory.n_dirty, 0);
	assert_int_equal(memory_count_live(), 0);
	memory.n_secrets = 0;
}

/* That the search would find something. */
static void a_key_is_found(void **state)
{
	static const uint8_t secret[MEMORY_SECRET_LEN] = "0123456789abcdef....";
	uint8_t *bytes = __wrap_malloc(100);

	(void)state;
	memory_add_secret(secret);
	memcpy(bytes + 41, secret, MEMORY_SECRET_LEN);
	assert_int_equal(memory_count_live(), 1);
	__wrap_free(bytes);
	assert_int_equal(memory.n_dirty, 1);
	memory.n_dirty = 0;
	memory.n_secrets = 0;
}

/* 5.8: each allocation of a session fails once. */
static void each_allocation_fails(void **state)
{
	uint64_t n = 0;
	bool has_failed = true;
	unsigned int n_failed = 0;

	(void)state;
	warm_up();
	while (has_failed) {
		struct play *play = make();

		memory.n_calls = 0;
		memory.fail_at = ++n;
		play_session(play);
		has_failed = memory.n_calls >= n;
		memory.fail_at = 0;
		if (memory.n_ours != 0 ||
		    (!play->has_failed && !is_whole(play)))
			print_message("allocation %llu: %zu left, %zu read, "
				      "%u ends, %u packets, failed %d\n",
				      (unsigned long long)n, memory.n_ours,
				      play->n_read, play->n_ends,
				      play->n_packets, play->has_failed);
		assert_int_equal(memory.n_ours, 0);
		/* Somebody was told, or nobody has to care. */
		assert_true(play->has_failed || is_whole(play));
		n_failed += play->has_failed;
	}
	print_message("%llu allocations, %u of which matter\n",
		      (unsigned long long)n - 1, n_failed);
	assert_true(n > 100 && n_failed > 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_left),
		cmocka_unit_test(a_key_is_found),
		cmocka_unit_test(no_key_is_left),
		cmocka_unit_test(each_allocation_fails),
	};

	memory_begin();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
