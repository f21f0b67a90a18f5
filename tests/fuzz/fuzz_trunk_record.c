/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes on the connection of a trunk (Z1).
 *
 * First byte: what the trunk is, and how far it has come: begun, with keys but
 * no READY, or ready. Then pieces, each two bytes for how it comes and how long
 * it is: as it is, or as the body of a sealed record, whose header the input
 * says.
 */
#include "tests/fuzz/trunk_input.h"

enum progress { BEGUN, UNCONFIRMED, READY, PROGRESSES };

static void begin(struct hostile *h, uint8_t flags)
{
	unsigned int progress = flags >> 3 & 3;
	int r;

	if (progress % PROGRESSES == READY) {
		stage_begin(h, flags);
		return;
	}
	hostile_init(h, flags & 1 ? VIF_TRUNK_DIALER : VIF_TRUNK_ACCEPTER);
	if (progress % PROGRESSES == UNCONFIRMED) {
		hostile_shake_hands(h);
		return;
	}
	r = vif_trunk_new(h->role, &h->config, h->now_ns, &h->trunk, NULL);
	require(r == 0);
}

static void seal_and_give(struct hostile *h, struct input *input, size_t len)
{
	static uint8_t record[HOSTILE_PLAIN + 64];
	unsigned int type = input_byte(input), flags = input_byte(input);
	uint32_t circuit = input_byte(input);

	if (len > input->size)
		len = input->size;
	memcpy(h->plain, input->data, len);
	h->plain_len = len;
	input->data += len;
	input->size -= len;
	if (!h->keys.send.ctx)
		return;
	len = hostile_seal(h, type, flags, circuit, record);
	(void)vif_trunk_receive(h->trunk, record, len);
}

static void give(struct hostile *h, struct input *input, size_t len)
{
	if (len > input->size)
		len = input->size;
	(void)vif_trunk_receive(h->trunk, input->data, len);
	input->data += len;
	input->size -= len;
}

/* During a handshake the peer cannot open what is said. */
static void hear(struct hostile *h)
{
	static uint8_t buffer[VIF_TRUNK_SEND_MIN];

	if (h->keys.receive.ctx)
		hostile_run(h);
	else
		while (vif_trunk_send(h->trunk, buffer, sizeof(buffer)) > 0)
			;
	hostile_listen(h);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct hostile h;
	struct input input = { data, size };

	begin(&h, input_byte(&input));
	while (input.size > 0) {
		uint8_t how = input_byte(&input);
		size_t len = input_byte(&input) * (how & 2 ? 64u : 1u);

		if (how & 1)
			seal_and_give(&h, &input, len);
		else
			give(&h, &input, len);
		hear(&h);
		check_trunk(h.trunk);
	}
	check_end(&h);
	hostile_fini(&h);
	return 0;
}
