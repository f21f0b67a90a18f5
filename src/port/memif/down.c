/* SPDX-License-Identifier: Apache-2.0 */
/* Names of the reasons for the end of a connection. */
#include "port/memif/down.h"

#include <assert.h>

static const char *const names[] = {
	[MEMIF_DOWN_NONE] = "none",
	[MEMIF_DOWN_LOCAL] = "local",
	[MEMIF_DOWN_PEER] = "peer",
	[MEMIF_DOWN_EOF] = "eof",
	[MEMIF_DOWN_TIMEOUT] = "timeout",
	[MEMIF_DOWN_SOCKET] = "socket",
	[MEMIF_DOWN_MEMORY] = "memory",
	[MEMIF_DOWN_CROWD] = "crowd",
	[MEMIF_DOWN_USER] = "user",
	[MEMIF_DOWN_VERSION] = "version",
	[MEMIF_DOWN_ID] = "id",
	[MEMIF_DOWN_ROLE] = "role",
	[MEMIF_DOWN_BUSY] = "busy",
	[MEMIF_DOWN_MODE] = "mode",
	[MEMIF_DOWN_SECRET_ABSENT] = "secret_absent",
	[MEMIF_DOWN_SECRET_WRONG] = "secret_wrong",
	[MEMIF_DOWN_SECRET_NEEDLESS] = "secret_needless",
	[MEMIF_DOWN_SECRET_RATE] = "secret_rate",
	[MEMIF_DOWN_RECORD_LEN] = "record_len",
	[MEMIF_DOWN_RECORD_CUT] = "record_cut",
	[MEMIF_DOWN_RECORD_TYPE] = "record_type",
	[MEMIF_DOWN_RECORD_ORDER] = "record_order",
	[MEMIF_DOWN_FD_MISSING] = "fd_missing",
	[MEMIF_DOWN_FD_EXTRA] = "fd_extra",
	[MEMIF_DOWN_HELLO] = "hello",
	[MEMIF_DOWN_REGION_INDEX] = "region_index",
	[MEMIF_DOWN_REGION_COUNT] = "region_count",
	[MEMIF_DOWN_REGION_SIZE] = "region_size",
	[MEMIF_DOWN_REGION_FILE] = "region_file",
	[MEMIF_DOWN_RING_INDEX] = "ring_index",
	[MEMIF_DOWN_RING_COUNT] = "ring_count",
	[MEMIF_DOWN_RING_SIZE] = "ring_size",
	[MEMIF_DOWN_RING_PRIVATE] = "ring_private",
	[MEMIF_DOWN_RING_REGION] = "ring_region",
	[MEMIF_DOWN_RING_RANGE] = "ring_range",
	[MEMIF_DOWN_RING_ALIGN] = "ring_align",
	[MEMIF_DOWN_RING_OVERLAP] = "ring_overlap",
	[MEMIF_DOWN_RING_EVENT] = "ring_event",
	[MEMIF_DOWN_RING_NONE] = "ring_none",
	[MEMIF_DOWN_COOKIE] = "cookie",
	[MEMIF_DOWN_DATA] = "data",
};

static_assert(sizeof(names) / sizeof(names[0]) == MEMIF_DOWN_N,
	      "each reason has a name");

const char *memif_down_name(enum memif_down down)
{
	assert((unsigned int)down < MEMIF_DOWN_N);
	return names[down];
}
