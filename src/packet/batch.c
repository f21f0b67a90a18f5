/* SPDX-License-Identifier: Apache-2.0 */
/* An array of packets with room for their pieces. */
#include <errno.h>
#include <stdlib.h>

#include <vif/packet.h>

enum batch_limits {
	BATCH_PACKET_MAX = 4096,
	BATCH_SEG_MAX = 65536,
};

int vif_batch_new(uint32_t n_packet, uint32_t n_seg,
		  struct vif_batch **ret_batch)
{
	struct vif_batch *batch;

	if (n_packet == 0 || n_packet > BATCH_PACKET_MAX || n_seg < n_packet ||
	    n_seg > BATCH_SEG_MAX)
		return -EINVAL;
	batch = calloc(1, sizeof(*batch));
	if (!batch)
		return -ENOMEM;
	batch->packet = calloc(n_packet, sizeof(*batch->packet));
	batch->seg = calloc(n_seg, sizeof(*batch->seg));
	if (!batch->packet || !batch->seg) {
		vif_batch_free(batch);
		return -ENOMEM;
	}
	batch->n_max = n_packet;
	batch->n_seg_max = n_seg;
	*ret_batch = batch;
	return 0;
}

void vif_batch_free(struct vif_batch *batch)
{
	if (!batch)
		return;
	free(batch->packet);
	free(batch->seg);
	free(batch);
}

struct vif_packet *vif_batch_add(struct vif_batch *batch, void *data,
				 uint32_t len)
{
	struct vif_packet *packet;
	struct iovec *seg;

	if (len == 0 || len > VIF_PACKET_LEN_MAX)
		return NULL;
	if (batch->n == batch->n_max || batch->n_seg == batch->n_seg_max)
		return NULL;
	seg = &batch->seg[batch->n_seg++];
	*seg = (struct iovec){ .iov_base = data, .iov_len = len };
	packet = &batch->packet[batch->n++];
	*packet = (struct vif_packet){ .seg = seg, .len = len, .n_seg = 1 };
	return packet;
}

void vif_batch_clear(struct vif_batch *batch)
{
	batch->n = 0;
	batch->n_seg = 0;
}
