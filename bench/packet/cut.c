/* SPDX-License-Identifier: Apache-2.0 */
/* Work: cutting a superpacket of 64 KiB. */
#include <stdlib.h>
#include <string.h>

#include "bench/packet/packet.h"
#include "packet/cut.h"

enum sizes {
	IP_MAX = 65535,
	GSO_SIZE = 1448,
	N_MAX = 64, /* segments */
};

/* One superpacket at a time, and where its segments go, as in a link. */
struct knife {
	struct field field;
	bool finish;
	uint32_t n;
	struct vif_packet whole;
	struct iovec piece;
	struct vif_packet segment[N_MAX];
	struct iovec seg[2 * N_MAX];
	uint8_t header[N_MAX][VIF_PACKET_HDR_MAX];
	uint8_t saved[VIF_PACKET_HDR_MAX];
};

static void start(struct knife *knife, struct cut *cut)
{
	knife->piece.iov_base = walk(&knife->field);
	if (cut_start(cut, &knife->whole, VIF_MEDIUM_IP, knife->finish) < 0)
		die("cut_start");
}

static void turn_pieces(void *of)
{
	struct knife *knife = of;
	struct cut cut;
	uint32_t n = 0;

	start(knife, &cut);
	while (cut_next(&cut, knife->header[n], &knife->seg[(size_t)2 * n], 2,
			&knife->segment[n]))
		n++;
	knife->n = n;
}

/* What was cut in place is put together again: its first headers are back. */
static void turn_in_place(void *of)
{
	struct knife *knife = of;
	struct cut cut;
	uint32_t n = 0;

	start(knife, &cut);
	while (cut_next_in_place(&cut, &knife->seg[n], &knife->segment[n]))
		n++;
	knife->n = n;
	memcpy(knife->piece.iov_base, knife->saved, knife->whole.hdr_len);
}

static void fill(struct knife *knife, enum kind kind, bool cold)
{
	static uint8_t burst[IP_MAX];
	uint32_t l4 = kind == TCP6 ? 40 : 20;
	struct recipe recipe = {
		.kind = kind,
		.payload = IP_MAX - header_len(kind),
		.gso_size = GSO_SIZE,
		.id = 1000,
	};

	for (size_t i = 0; i < sizeof(burst); i++)
		burst[i] = (uint8_t)(i * 41 + i / 256);
	make_packet(&recipe, burst);
	memcpy(knife->saved, burst, header_len(kind));
	make_field(&knife->field, burst, sizeof(burst), cold);
	knife->piece.iov_len = sizeof(burst);
	knife->whole = (struct vif_packet){
		.seg = &knife->piece,
		.len = sizeof(burst),
		.n_seg = 1,
		.l4_off = (uint16_t)l4,
		.csum_off = kind == UDP4 ? 6 : 16,
		.hdr_len = (uint16_t)header_len(kind),
		.gso_size = GSO_SIZE,
		.gso = kind == UDP4 ? VIF_GSO_UDP :
		       kind == TCP6 ? VIF_GSO_TCP6 :
				      VIF_GSO_TCP4,
		.csum = VIF_CSUM_PARTIAL,
	};
}

/* KIND pieces|in-place finished|unfinished warm|cold */
void cut_work(char **words, int n_word, struct work *ret_work)
{
	static const char *const ways[] = { "pieces", "in-place", NULL };
	static const char *const sums[] = { "unfinished", "finished", NULL };
	struct knife *knife = calloc(1, sizeof(*knife));
	uint32_t payload;

	if (!knife)
		die("calloc");
	if (n_word != 4)
		usage();
	ret_work->turn = choose(words[1], ways) ? turn_in_place : turn_pieces;
	knife->finish = choose(words[2], sums) == 1;
	fill(knife, (enum kind)choose(words[0], kind_names), is_cold(words[3]));
	ret_work->turn(knife);
	payload = knife->whole.len - knife->whole.hdr_len;
	if (knife->n != (payload + GSO_SIZE - 1) / GSO_SIZE)
		die("a wrong number of segments");
	ret_work->of = knife;
	ret_work->n_unit = knife->n;
	ret_work->n_byte = payload;
}
