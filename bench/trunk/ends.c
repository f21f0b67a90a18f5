/* SPDX-License-Identifier: Apache-2.0 */
/* Two trunks in memory, flows that always send, and ends that read. */
#include "bench/trunk/trunk.h"

#include <errno.h>

#include "wire/trunk_record.h"

uint64_t sink_stalled;

void ends_init(struct rig *rig, struct kind kind)
{
	rig_init(rig);
	for (int i = 0; i < 2; i++) {
		rig->config[i].record_max = kind.record_max;
		rig->config[i].only_chacha = !kind.is_aes;
	}
}

void ends_start(struct rig *rig)
{
	rig_start(rig);
	if (!vif_trunk_is_ready(rig->end[0]) ||
	    !vif_trunk_is_ready(rig->end[1]))
		die("the handshake failed");
}

struct vif_circuit *ends_dial(struct rig *rig, enum vif_circuit_mode mode)
{
	rig_dial(rig, mode);
	if (!rig->circuit[1] || vif_circuit_reason(rig->circuit[0], NULL))
		die("no circuit");
	return rig->circuit[0];
}

struct vif_flow *ends_open(struct vif_circuit *circuit)
{
	struct vif_flow *flow;

	if (vif_flow_open(circuit, NULL, &flow) < 0)
		die("no flow");
	return flow;
}

uint32_t source_write(struct source *source)
{
	static const uint8_t bytes[BENCH_WRITE_MAX];
	int64_t n;

	if (source->left == 0)
		source->left = source->size;
	n = vif_flow_write(source->flow, bytes, source->left);
	if (n < 0)
		die("cannot write");
	source->left -= (uint32_t)n;
	return (uint32_t)n;
}

bool source_fill(struct source *source)
{
	uint32_t n, sum = 0;

	while ((n = source_write(source)) > 0)
		sum += n;
	return sum > 0;
}

static uint64_t read_all(struct vif_flow *flow)
{
	static _Thread_local uint8_t bytes[BENCH_WRITE_MAX];
	uint64_t *count = vif_flow_user(flow);
	uint64_t sum = 0;
	int64_t n;

	if (count == &sink_stalled)
		return 0;
	while ((n = vif_flow_read(flow, bytes, sizeof(bytes))) > 0)
		sum += (uint64_t)n;
	if (n < 0 && n != -ENODATA)
		die("cannot read");
	if (count)
		*count += sum;
	return sum;
}

uint64_t sink_read(struct vif_trunk *trunk)
{
	struct vif_trunk_event event;
	uint64_t sum = 0;

	while (vif_trunk_next_event(trunk, &event)) {
		if (event.type == VIF_TRUNK_CLOSED)
			die("the trunk has ended");
		if (event.type == VIF_FLOW_READABLE ||
		    event.type == VIF_FLOW_INCOMING)
			sum += read_all(event.flow);
	}
	return sum;
}

size_t record_len(const uint8_t *bytes)
{
	return RECORD_HEADER_LEN + (size_t)record_header_read(bytes).len;
}

bool record_has_data(const uint8_t *bytes)
{
	return record_header_read(bytes).flags & RECORD_DATA;
}

uint32_t records_in(const uint8_t *bytes, size_t len)
{
	uint32_t n = 0;

	for (size_t at = 0; at < len; n++)
		at += record_len(bytes + at);
	return n;
}
