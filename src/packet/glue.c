/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Gluing packets into superpackets.
 *
 * Theory of operation: first, packets are sorted into chains, in order. One
 * that may begin a chain is noted in the flow table under its hash; one that
 * continues the chain found there joins it. Then each chain becomes one packet
 * of the output: a chain of one is passed on as it is, others get a copy of the
 * first header, with lengths, flags and checksums changed, and the payloads as
 * pieces.
 *
 * The table has one place for each hash. A flow that finds its place taken
 * takes it over: the other chain grows no longer, which costs nothing but the
 * gain. A packet of a flow that cannot join seals the chain in its place, so
 * that later ones cannot overtake it.
 */
#include "packet/glue.h"

#include <assert.h>
#include <string.h>

#include "packet/sum.h"
#include "wire/bytes.h"
#include "wire/checksum.h"
#include "wire/inet.h"

void glue_init(struct glue *glue, enum vif_medium medium, uint32_t gso,
	       uint32_t seg_max)
{
	memset(glue, 0, sizeof(*glue));
	glue->medium = medium;
	glue->gso = gso;
	glue->seg_max =
		seg_max < VIF_PACKET_SEG_MAX ? seg_max : VIF_PACKET_SEG_MAX;
}

static uint8_t proto_of(const struct glue_piece *piece)
{
	return piece->is_tcp ? INET_PROTO_TCP : INET_PROTO_UDP;
}

static uint16_t csum_off_of(const struct glue_piece *piece)
{
	return piece->is_tcp ? INET_TCP_CSUM : INET_UDP_CSUM;
}

static uint8_t kind_of(const struct glue_piece *piece)
{
	if (!piece->is_tcp)
		return VIF_GSO_UDP;
	return piece->version == 4 ? VIF_GSO_TCP4 : VIF_GSO_TCP6;
}

/*
 * Finds the headers of a packet. Returns false for what has no flow that could
 * be told: a fragment, or nothing we know.
 */
static bool parse(const struct glue *glue, const struct vif_packet *packet,
		  uint8_t *snapshot, struct glue_piece *piece)
{
	const uint8_t *data = packet->seg[0].iov_base;
	size_t len = packet->seg[0].iov_len;
	struct inet inet;
	uint16_t l4;

	if (packet->flags & VIF_PACKET_HOSTILE) {
		if (len > VIF_PACKET_HDR_MAX)
			len = VIF_PACKET_HDR_MAX;
		memcpy(snapshot, data, len);
		data = snapshot;
	}
	piece->packet = packet;
	piece->data = data;
	if (inet_parse(data, len, glue->medium == VIF_MEDIUM_ETH, &inet) < 0 ||
	    inet.fragment)
		return false;
	l4 = inet_l4_len(data, len, &inet);
	if (l4 == 0)
		return false;
	piece->is_tcp = inet.proto == INET_PROTO_TCP;
	piece->version = inet.version;
	piece->l3_off = inet.l3_off;
	piece->l4_off = inet.l4_off;
	piece->hdr_len = (uint16_t)(inet.l4_off + l4);
	piece->payload = packet->len - piece->hdr_len;
	piece->is_partial = packet->csum == VIF_CSUM_PARTIAL;
	piece->n_seg = packet->n_seg;
	if (packet->seg[0].iov_len == piece->hdr_len)
		piece->n_seg--; /* headers, and nothing else */
	return true;
}

/* Lengths in the headers say what is there: no options, no trailer. */
static bool has_plain_ip(const struct glue_piece *piece)
{
	const uint8_t *ip = piece->data + piece->l3_off;
	uint32_t len = piece->packet->len - piece->l3_off;

	if (piece->version == 4)
		return piece->l4_off - piece->l3_off == INET_IP4_LEN &&
		       get_be16(ip + INET_IP4_TOTAL) == len;
	return piece->l4_off - piece->l3_off == INET_IP6_LEN &&
	       get_be16(ip + INET_IP6_PAYLOAD) == len - INET_IP6_LEN;
}

static uint64_t pseudo_sum(const uint8_t *ip, uint8_t version, uint8_t proto,
			   uint32_t l4_len_total)
{
	uint64_t sum = checksum_word(proto) + checksum_word(l4_len_total);

	if (version == 4)
		return sum + checksum_short(ip + 12, 8);
	return sum + checksum_short(ip + 8, 32);
}

/* Sum of L4 header and payload, which may be in several places. */
static uint64_t l4_sum(const struct glue_piece *piece)
{
	const struct vif_packet *packet = piece->packet;
	const uint8_t *l4 = piece->data + piece->l4_off;
	const uint8_t *payload =
		(const uint8_t *)packet->seg[0].iov_base + piece->hdr_len;
	uint32_t len = piece->hdr_len - piece->l4_off;
	uint64_t sum;

	if (packet->n_seg == 1 && l4 + len == payload)
		return checksum_sum(l4, len + piece->payload);
	/* L4 headers are of even lengths. */
	sum = checksum_sum(l4, len);
	if (packet->n_seg == 1)
		return sum + checksum_sum(payload, piece->payload);
	return sum + pieces_sum(packet->seg, packet->n_seg, piece->hdr_len);
}

/*
 * Whether the checksums are right, and written as we would write them: a field
 * of ffff where 0 belongs is right, too, but could not be restored.
 */
static bool has_good_checksums(const struct glue_piece *piece)
{
	const uint8_t *ip = piece->data + piece->l3_off;
	uint32_t len = piece->packet->len - piece->l4_off;
	uint16_t field =
		checksum_load(piece->data + piece->l4_off + csum_off_of(piece));
	uint64_t pseudo;

	if (field == (piece->is_tcp ? 0xffff : 0))
		return false;
	if (piece->version == 4 &&
	    (checksum_load(ip + INET_IP4_CSUM) == 0xffff ||
	     checksum_fold(checksum_short(ip, INET_IP4_LEN)) != 0xffff))
		return false;
	if (piece->packet->csum == VIF_CSUM_VERIFIED)
		return true;
	pseudo = pseudo_sum(ip, piece->version, proto_of(piece), len);
	/* Unfinished: whoever finishes it starts from this sum. */
	if (piece->is_partial)
		return field == checksum_fold(pseudo);
	return checksum_fold(pseudo + l4_sum(piece)) == 0xffff;
}

static bool has_plain_flags(const struct glue_piece *piece)
{
	uint8_t flags = piece->data[piece->l4_off + INET_TCP_FLAGS];

	return (flags & INET_TCP_ACK) &&
	       !(flags & ~(INET_TCP_ACK | INET_TCP_PSH | INET_TCP_ECE));
}

/* Whether a packet may be part of a superpacket at all. */
static bool is_candidate(const struct glue *glue,
			 const struct glue_piece *piece)
{
	const struct vif_packet *packet = piece->packet;

	if (!(glue->gso & VIF_GSO_BIT(kind_of(piece))) ||
	    packet->gso != VIF_GSO_NONE || piece->payload == 0 ||
	    piece->hdr_len > VIF_PACKET_HDR_MAX)
		return false;
	if (piece->is_partial && (packet->l4_off != piece->l4_off ||
				  packet->csum_off != csum_off_of(piece)))
		return false;
	if (!has_plain_ip(piece))
		return false;
	if (piece->is_tcp && !has_plain_flags(piece))
		return false;
	if (!piece->is_tcp &&
	    get_be16(piece->data + piece->l4_off + INET_UDP_TOTAL) !=
		    packet->len - piece->l4_off)
		return false;
	return has_good_checksums(piece);
}

static uint32_t tcp_seq(const uint8_t *tcp)
{
	return (uint32_t)get_be16(tcp + INET_TCP_SEQ) << 16 |
	       get_be16(tcp + INET_TCP_SEQ + 2);
}

/* Everything in front of L4 that has to be the same in all segments. */
static bool same_ip(const struct glue_piece *piece, const uint8_t *header)
{
	const uint8_t *a = piece->data;
	uint16_t l3 = piece->l3_off;
	const uint8_t *ip_a = a + l3;
	const uint8_t *ip_b = header + l3;

	if (l3 > 0 && memcmp(a, header, l3) != 0)
		return false;
	if (piece->version == 6)
		return memcmp(ip_a, ip_b, INET_IP6_PAYLOAD) == 0 &&
		       memcmp(ip_a + 6, ip_b + 6, INET_IP6_LEN - 6) == 0;
	return memcmp(ip_a, ip_b, INET_IP4_TOTAL) == 0 &&
	       memcmp(ip_a + 6, ip_b + 6, INET_IP4_CSUM - 6) == 0 &&
	       memcmp(ip_a + 12, ip_b + 12, INET_IP4_LEN - 12) == 0;
}

/* Acknowledgement, window, urgent pointer, options; flags but PSH. */
static bool same_l4(const struct glue_piece *piece, const uint8_t *header)
{
	const uint8_t *a = piece->data + piece->l4_off;
	const uint8_t *b = header + piece->l4_off;
	size_t len = (size_t)piece->hdr_len - piece->l4_off;

	if (!piece->is_tcp)
		return true;
	return memcmp(a + 8, b + 8, INET_TCP_FLAGS - 8) == 0 &&
	       ((a[INET_TCP_FLAGS] ^ b[INET_TCP_FLAGS]) & ~INET_TCP_PSH) == 0 &&
	       memcmp(a + 14, b + 14, 2) == 0 &&
	       memcmp(a + 18, b + 18, len - 18) == 0;
}

/* Headers of the same kinds and lengths, and the same ports. */
static bool same_form(const struct glue_piece *a, const struct glue_piece *b)
{
	return a->version == b->version && a->is_tcp == b->is_tcp &&
	       a->is_partial == b->is_partial && a->hdr_len == b->hdr_len &&
	       a->l3_off == b->l3_off && a->l4_off == b->l4_off &&
	       memcmp(a->data + a->l4_off, b->data + b->l4_off, INET_TCP_SEQ) ==
		       0;
}

/* Numbers that have to count up. */
static bool is_next(const struct glue_chain *chain,
		    const struct glue_piece *piece)
{
	if (piece->version == 4 && get_be16(piece->data + piece->l3_off +
					    INET_IP4_ID) != chain->next_id)
		return false;
	return !piece->is_tcp ||
	       tcp_seq(piece->data + piece->l4_off) == chain->next_seq;
}

/* Pieces of the output that a packet takes which joins a chain. */
static uint32_t seg_needed(const struct glue_chain *chain,
			   const struct glue_piece *piece)
{
	/* One alone is passed on where it is. */
	return piece->n_seg + (chain->n == 1 ? chain->n_seg : 0);
}

/* What differs most often is looked at first. */
static bool continues(const struct glue *glue, const struct glue_chain *chain,
		      const struct glue_piece *piece)
{
	const struct glue_piece *first = &glue->piece[chain->first];

	return chain->is_open && same_form(piece, first) &&
	       is_next(chain, piece) && piece->payload <= first->payload &&
	       chain->len + piece->payload - piece->l3_off <= 65535 &&
	       chain->n_seg + piece->n_seg <= glue->seg_max &&
	       seg_needed(chain, piece) <= glue->seg_left &&
	       same_ip(piece, first->data) && same_l4(piece, first->data);
}

static bool has_push(const struct glue_piece *piece)
{
	return piece->is_tcp &&
	       (piece->data[piece->l4_off + INET_TCP_FLAGS] & INET_TCP_PSH);
}

/* What comes after this piece, and whether anything may. */
static void advance(struct glue *glue, struct glue_chain *chain, uint32_t i)
{
	const struct glue_piece *piece = &glue->piece[i];

	chain->last = i;
	chain->n++;
	chain->len += piece->payload;
	chain->n_seg += piece->n_seg;
	chain->next_id++;
	chain->next_seq += piece->payload;
	/* A short segment and PSH are where cutting ends, so here, too. */
	chain->is_open = piece->payload == glue->piece[chain->first].payload &&
			 !has_push(piece);
}

/* A chain of its own for a packet; open if others may join. */
static struct glue_chain *begin(struct glue *glue, uint32_t i)
{
	struct glue_chain *chain = &glue->chain[glue->n_chain++];

	*chain = (struct glue_chain){ .first = i, .last = i, .n = 1 };
	return chain;
}

static void begin_open(struct glue *glue, uint32_t i, uint32_t place)
{
	const struct glue_piece *piece = &glue->piece[i];
	struct glue_chain *chain;

	glue->flow[place].epoch = glue->epoch;
	glue->flow[place].chain = glue->n_chain;
	chain = begin(glue, i);
	chain->n = 0;
	chain->len = piece->hdr_len;
	chain->n_seg = 1;
	if (piece->version == 4)
		chain->next_id =
			get_be16(piece->data + piece->l3_off + INET_IP4_ID);
	if (piece->is_tcp)
		chain->next_seq = tcp_seq(piece->data + piece->l4_off);
	advance(glue, chain, i);
}

/*
 * The same for all packets of a flow. Who makes flows share a place only
 * achieves that less is glued, so two multiplications mix well enough (Knuth,
 * volume 3, section 6.4). The upper bits are the mixed ones.
 */
uint32_t glue_place(const struct glue_piece *piece)
{
	const uint8_t *ip = piece->data + piece->l3_off;
	const uint8_t *l4 = piece->data + piece->l4_off;
	uint64_t x = get_native32(l4) * 0xff51afd7ed558ccdu;

	if (piece->version == 4)
		x ^= get_native64(ip + 12);
	else
		x ^= get_native64(ip + 8) ^ get_native64(ip + 24) ^
		     (get_native64(ip + 16) + 3 * get_native64(ip + 32));
	x *= 0x9e3779b97f4a7c15u;
	return (uint32_t)((x >> 32) * GLUE_FLOWS >> 32);
}

/* The chain in a place of the flow table, or NULL. */
static struct glue_chain *find(struct glue *glue, uint32_t place)
{
	if (glue->flow[place].epoch != glue->epoch)
		return NULL;
	return &glue->chain[glue->flow[place].chain];
}

static void join(struct glue *glue, struct glue_chain *chain, uint32_t i)
{
	glue->seg_left -= seg_needed(chain, &glue->piece[i]);
	glue->piece[chain->last].next = i;
	advance(glue, chain, i);
}

static void sort(struct glue *glue, const struct vif_packet *packet, uint32_t i)
{
	struct glue_piece *piece = &glue->piece[i];
	struct glue_chain *chain;
	uint32_t place;

	if (!parse(glue, packet, glue->snapshot[i], piece)) {
		glue->epoch++; /* it may be of any flow: seal all */
		(void)begin(glue, i);
		return;
	}
	place = glue_place(piece);
	if (!is_candidate(glue, piece)) {
		glue->flow[place].epoch = glue->epoch - 1;
		(void)begin(glue, i);
		return;
	}
	chain = find(glue, place);
	if (chain && continues(glue, chain, piece))
		join(glue, chain, i);
	else
		begin_open(glue, i, place);
}

/* Lengths, flags and checksums of a superpacket in its copy of the headers. */
static void write_header(const struct glue *glue,
			 const struct glue_chain *chain, uint8_t *header)
{
	const struct glue_piece *first = &glue->piece[chain->first];
	uint32_t l4_total = chain->len - first->l4_off;
	uint8_t *ip = header + first->l3_off;
	uint8_t *l4 = header + first->l4_off;
	uint16_t sum;

	memcpy(header, first->data, first->hdr_len);
	if (first->version == 4) {
		put_be16(ip + INET_IP4_TOTAL,
			 (uint16_t)(chain->len - first->l3_off));
		memset(ip + INET_IP4_CSUM, 0, 2);
		checksum_store(ip + INET_IP4_CSUM,
			       (uint16_t)~checksum_fold(
				       checksum_short(ip, INET_IP4_LEN)));
	} else {
		put_be16(ip + INET_IP6_PAYLOAD, (uint16_t)l4_total);
	}
	sum = checksum_fold(
		pseudo_sum(ip, first->version, proto_of(first), l4_total));
	if (first->is_tcp) {
		if (has_push(&glue->piece[chain->last]))
			l4[INET_TCP_FLAGS] |= INET_TCP_PSH;
		checksum_store(l4 + INET_TCP_CSUM, sum);
	} else {
		put_be16(l4 + INET_UDP_TOTAL, (uint16_t)l4_total);
		checksum_store(l4 + INET_UDP_CSUM, sum);
	}
}

static void add_payload(const struct glue_piece *piece, struct vif_batch *out)
{
	const struct vif_packet *packet = piece->packet;
	size_t skip = piece->hdr_len;

	for (uint16_t i = 0; i < packet->n_seg; i++) {
		uint8_t *data = packet->seg[i].iov_base;
		size_t len = packet->seg[i].iov_len;

		if (len > skip)
			out->seg[out->n_seg++] =
				(struct iovec){ data + skip, len - skip };
		skip = 0;
	}
}

static void emit_super(struct glue *glue, const struct glue_chain *chain,
		       uint8_t *header, struct vif_batch *out)
{
	const struct glue_piece *first = &glue->piece[chain->first];
	struct vif_packet *packet = vif_batch_add(out, header, first->hdr_len);
	uint32_t at = chain->first;

	assert(packet && out->n_seg + chain->n_seg - 1 <= out->n_seg_max);
	write_header(glue, chain, header);
	for (uint32_t i = 0; i < chain->n; i++) {
		const struct glue_piece *piece = &glue->piece[at];

		add_payload(piece, out);
		packet->flags |= piece->packet->flags;
		at = piece->next;
	}
	packet->n_seg = (uint16_t)(&out->seg[out->n_seg] - packet->seg);
	packet->len = chain->len;
	packet->l3_off = first->l3_off;
	packet->l4_off = first->l4_off;
	packet->csum_off = csum_off_of(first);
	packet->hdr_len = first->hdr_len;
	packet->gso_size = (uint16_t)first->payload;
	packet->gso = kind_of(first);
	packet->csum = VIF_CSUM_PARTIAL;
}

uint32_t glue_burst(struct glue *glue, const struct vif_batch *in,
		    struct vif_batch *out)
{
	uint32_t n_header = 0;

	assert(in->n <= GLUE_BURST_MAX && out->n == 0 && out->n_max >= in->n &&
	       out->n_seg_max >= 2 * in->n);
	glue->n_chain = 0;
	glue->seg_left = out->n_seg_max;
	glue->epoch++;
	for (uint32_t i = 0; i < in->n; i++)
		sort(glue, &in->packet[i], i);
	for (uint32_t c = 0; c < glue->n_chain; c++) {
		const struct glue_chain *chain = &glue->chain[c];

		if (chain->n > 1)
			emit_super(glue, chain, glue->header[n_header++], out);
		else
			out->packet[out->n++] = in->packet[chain->first];
	}
	return n_header;
}
