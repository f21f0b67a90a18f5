/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel as the judge of our segments.
 *
 *     superpacket -> tun:in -> forwarded by the kernel -> tun:out, no offload
 *
 * What leaves there has been cut by the kernel, and must be what cut_next()
 * makes of the same superpacket, byte for byte, but for the hop it has taken.
 * Checksums are also judged by a sum that shares no code with ours.
 *
 * usage: cut_oracle [PACKETS [SEED]]
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <vif/vif.h>

#include "packet/cut.h"
#include "tests/naive.h"
#include "tests/own_netns.h"
#include "tests/pseudo.h"
#include "wire/bytes.h"
#include "wire/checksum.h"
#include "wire/inet.h"

enum {
	SEGMENTS_MAX = 300, /* the queue of tun:out holds 500 */
	WAIT_MS = 5000,
};

static uint64_t state;

static uint32_t random_below(uint32_t n)
{
	state += 0x9e3779b97f4a7c15u;
	uint64_t z = state;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return (uint32_t)((z ^ z >> 31) >> 32) % n;
}

/* One superpacket, and the room it is built in. */
struct super {
	uint8_t byte[VIF_PACKET_LEN_MAX];
	struct iovec seg;
	struct vif_packet packet;
};

static uint8_t *put_ip4(struct super *super, uint8_t proto)
{
	uint8_t *ip = super->byte;
	uint32_t options = 4 * random_below(11);

	ip[0] = (uint8_t)(0x45 + options / 4);
	ip[1] = (uint8_t)random_below(256);
	put_be16(ip + 4, (uint16_t)random_below(65536));
	ip[6] = random_below(2) ? 0x40 : 0;
	ip[8] = 64;
	ip[9] = proto;
	memcpy(ip + 12, (uint8_t[]){ 10, 1, 0, 2, 10, 2, 0, 2 }, 8);
	memset(ip + 20, 1, options); /* no operation (RFC 791) */
	return ip + 20 + options;
}

/* Destination options full of padding (RFC 8200, section 4.2). */
static uint8_t *put_dest_opts(uint8_t *at, uint8_t next)
{
	uint8_t units = (uint8_t)random_below(4);
	size_t len = 8 * (size_t)units + 8;

	memset(at, 0, len);
	at[0] = next;
	at[1] = units;
	at[2] = 1; /* PadN */
	at[3] = (uint8_t)(8 * units + 4);
	return at + len;
}

static uint8_t *put_ip6(struct super *super, uint8_t proto)
{
	static const uint8_t addresses[32] = {
		0xfd, 1, [15] = 2, [16] = 0xfd, [17] = 2, [31] = 2,
	};
	uint8_t *ip = super->byte;
	bool extended = random_below(3) == 0;

	put_be16(ip, (uint16_t)(0x6000 | random_below(4096)));
	put_be16(ip + 2, (uint16_t)random_below(65536));
	ip[6] = extended ? INET_PROTO_DEST_OPTS : proto;
	ip[7] = 64;
	memcpy(ip + 8, addresses, 32);
	return extended ? put_dest_opts(ip + 40, proto) : ip + 40;
}

static uint8_t *put_tcp(uint8_t *tcp)
{
	uint32_t options = 4 * random_below(11);

	memset(tcp, 1, 20 + options);
	for (int i = 0; i < 12; i++)
		tcp[i] = (uint8_t)random_below(256);
	tcp[12] = (uint8_t)((5 + options / 4) << 4);
	tcp[13] = (uint8_t)random_below(256);
	put_be16(tcp + 18, (uint16_t)random_below(65536));
	return tcp + 20 + options;
}

static uint8_t *put_udp(uint8_t *udp)
{
	for (int i = 0; i < 4; i++)
		udp[i] = (uint8_t)random_below(256);
	return udp + 8;
}

static void set_lengths(struct super *super, uint8_t proto, size_t l4_off)
{
	struct vif_packet *packet = &super->packet;
	uint8_t *ip = super->byte;
	uint32_t l4_len = packet->len - (uint32_t)l4_off;

	if (ip[0] >> 4 == 4) {
		put_be16(ip + 2, (uint16_t)packet->len);
		checksum_store(ip + 10, (uint16_t)~checksum_fold(
						checksum_sum(ip, l4_off)));
	} else {
		put_be16(ip + 4, (uint16_t)(packet->len - 40));
	}
	if (proto == INET_PROTO_UDP)
		put_be16(ip + l4_off + 4, (uint16_t)l4_len);
	checksum_store(ip + l4_off + packet->csum_off,
		       pseudo(ip, proto, l4_len));
}

static void make(struct super *super)
{
	bool is_ip4 = random_below(2);
	bool is_tcp = random_below(3) > 0;
	uint8_t proto = is_tcp ? INET_PROTO_TCP : INET_PROTO_UDP;
	struct vif_packet *packet = &super->packet;
	uint32_t payload, segments;
	uint8_t *l4, *data;

	memset(super->byte, 0, 256);
	l4 = is_ip4 ? put_ip4(super, proto) : put_ip6(super, proto);
	data = is_tcp ? put_tcp(l4) : put_udp(l4);
	*packet = (struct vif_packet){
		.seg = &super->seg,
		.n_seg = 1,
		.csum = VIF_CSUM_PARTIAL,
		.l4_off = (uint16_t)(l4 - super->byte),
		.csum_off = is_tcp ? INET_TCP_CSUM : INET_UDP_CSUM,
		.hdr_len = (uint16_t)(data - super->byte),
		.gso_size =
			(uint16_t)(1 + random_below(1 + random_below(9000))),
	};
	packet->gso =
		is_tcp ? (is_ip4 ? VIF_GSO_TCP4 : VIF_GSO_TCP6) : VIF_GSO_UDP;
	/*
	 * The kernel takes no UDP superpacket of more than 128 segments, and
	 * drops a TCP one of a single segment if it has many options: it
	 * compares the segment size with all that follows the first 20 bytes
	 * of the header.
	 */
	segments = 2 + random_below(is_tcp ? SEGMENTS_MAX : 127);
	payload = (segments - 1) * packet->gso_size + 1 +
		  random_below(packet->gso_size);
	if (payload > 65535u - packet->hdr_len)
		payload = 65535u - packet->hdr_len;
	for (uint32_t i = 0; i < payload; i++)
		data[i] = (uint8_t)random_below(256);
	packet->len = packet->hdr_len + payload;
	super->seg = (struct iovec){ super->byte, packet->len };
	set_lengths(super, proto, packet->l4_off);
}

/* Undoes the hop: TTL or hop limit, and the IPv4 checksum over it. */
static void undo_hop(uint8_t *ip)
{
	uint16_t before, after;

	if (ip[0] >> 4 == 6) {
		ip[7]++;
		return;
	}
	before = checksum_load(ip + 8);
	ip[8]++;
	after = checksum_load(ip + 8);
	checksum_store(ip + 10,
		       checksum_update(checksum_load(ip + 10), before, after));
}

static bool is_ours(const struct vif_packet *packet)
{
	const uint8_t *ip = packet->seg[0].iov_base;

	if (packet->len >= 40 && ip[0] >> 4 == 6)
		return ip[24] == 0xfd && ip[39] == 2;
	return packet->len >= 20 && ip[0] >> 4 == 4 && ip[16] == 10;
}

static void dump(const char *name, const uint8_t *byte, size_t len)
{
	(void)printf("%s %zu bytes:", name, len);
	for (size_t i = 0; i < len && i < 128; i++)
		(void)printf("%s%02x", i % 16 ? " " : "\n  ", byte[i]);
	(void)printf("\n");
}

/* Compares one segment of the kernel with the next one of ours. */
static int compare(struct cut *cut, const struct vif_packet *theirs)
{
	static uint8_t header[VIF_PACKET_HDR_MAX];
	static uint8_t whole[VIF_PACKET_LEN_MAX];
	struct iovec seg[3];
	struct vif_packet ours;
	uint8_t *at = whole;

	if (!cut_next(cut, header, seg, 3, &ours)) {
		(void)printf("the kernel made more segments\n");
		return -1;
	}
	for (int i = 0; i < ours.n_seg; i++) {
		memcpy(at, seg[i].iov_base, seg[i].iov_len);
		at += seg[i].iov_len;
	}
	if (!naive_good(whole, ours.len)) {
		(void)printf("our checksums are wrong\n");
		dump("ours", whole, ours.len);
		return -1;
	}
	undo_hop(theirs->seg[0].iov_base);
	if (theirs->len == ours.len &&
	    memcmp(whole, theirs->seg[0].iov_base, ours.len) == 0)
		return 0;
	(void)printf("segment %u of %u differs\n", cut->next - 1, cut->n);
	dump("ours", whole, ours.len);
	dump("kernel's", theirs->seg[0].iov_base, theirs->len);
	return -1;
}

static int judge(struct vif_port *in, struct vif_port *out, struct super *super,
		 struct vif_batch *batch)
{
	struct cut cut;
	int r;

	if (cut_start(&cut, &super->packet, VIF_MEDIUM_IP, true) < 0) {
		(void)printf("we refuse it\n");
		return -1;
	}
	if (vif_port_tx(in, 0, &super->packet, 1) != 1)
		return -1;
	while (cut.next < cut.n) {
		r = vif_port_rx(out, 0, batch);
		if (r < 0)
			return -1;
		for (uint32_t i = 0; i < batch->n; i++)
			if (is_ours(&batch->packet[i]) &&
			    compare(&cut, &batch->packet[i]) < 0)
				return -1;
		vif_port_rx_done(out, 0, batch);
		if (r == 0 &&
		    vif_port_wait(out, 0, VIF_WAIT_RX, WAIT_MS) <= 0) {
			(void)printf("the kernel made %u of %u segments\n",
				     cut.next, cut.n);
			return -1;
		}
	}
	return 0;
}

static int open_port(const char *address, struct vif_port **ret_port)
{
	struct vif_error error;
	char line[512];
	int r = vif_port_open(address, NULL, ret_port, &error);

	if (r == 0)
		r = vif_port_start(*ret_port, &error);
	if (r == 0)
		return 0;
	(void)vif_error_text(&error, line, sizeof(line));
	(void)printf("%s\n", line);
	return r;
}

static int run(unsigned long n, struct vif_port *in, struct vif_port *out)
{
	static struct super super;
	struct vif_batch *batch;
	unsigned long i, segments = 0;
	int r = vif_batch_new(64, 64, &batch);

	for (i = 0; r == 0 && i < n; i++) {
		make(&super);
		r = judge(in, out, &super, batch);
		segments += super.packet.len / super.packet.gso_size;
	}
	if (r < 0) {
		(void)printf("superpacket %lu: gso %u, size %u, headers %u\n",
			     i - 1, super.packet.gso, super.packet.gso_size,
			     super.packet.hdr_len);
		dump("superpacket", super.byte, super.packet.len);
	} else {
		(void)printf("%lu superpackets, about %lu segments, equal\n", n,
			     segments);
	}
	vif_batch_free(batch);
	return r;
}

int main(int argc, char **argv)
{
	unsigned long n = argc > 1 ? strtoul(argv[1], NULL, 10) : 3000;
	struct vif_port *in = NULL, *out = NULL;
	int r;

	state = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
	(void)printf("seed %llu\n", (unsigned long long)state);
	r = own_netns_enter();
	if (r != 0)
		return r;
	if (!own_netns_write("/proc/sys/net/ipv4/ip_forward", "1") ||
	    !own_netns_write("/proc/sys/net/ipv6/conf/all/forwarding", "1")) {
		(void)printf("SKIP: cannot switch forwarding on\n");
		return OWN_NETNS_SKIP;
	}
	r = open_port("tun:in,ip=10.1.0.1/24,ip=fd01::1/64", &in);
	if (r == 0)
		r = open_port("tun:out,ip=10.2.0.1/24,ip=fd02::1/64,mtu=65535,"
			      "offload=off",
			      &out);
	if (r == 0)
		r = run(n, in, out);
	vif_port_close(in);
	vif_port_close(out);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
