/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cutting and gluing never allocate: S26 of the study this work follows, and
 * its counterpart for gluing.
 *
 * The linker puts the functions below in front of those of the C library, for
 * the test and for the library it is linked with; see tests/meson.build.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "packet/cut.h"
#include "packet/glue.h"
#include "tests/pseudo.h"
#include "wire/inet.h"

enum {
	HEADERS = INET_IP4_LEN + INET_TCP_LEN,
	SEGMENT = 1400,
	WHOLE = 65535,
	PITCH = 1536,
};

static unsigned int n_call; /* of an allocator */

/*
 * The names are the linker's.
 * NOLINTBEGIN(bugprone-reserved-identifier,readability-identifier-naming)
 */
void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *old, size_t size);
void *__real_aligned_alloc(size_t align, size_t size);
int __real_posix_memalign(void **ret, size_t align, size_t size);
void *__real_mmap(void *at, size_t len, int prot, int flags, int fd, off_t off);

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_aligned_alloc(size_t align, size_t size);
int __wrap_posix_memalign(void **ret, size_t align, size_t size);
void *__wrap_mmap(void *at, size_t len, int prot, int flags, int fd, off_t off);

void *__wrap_malloc(size_t size)
{
	n_call++;
	return __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	n_call++;
	return __real_calloc(n, size);
}

void *__wrap_realloc(void *old, size_t size)
{
	n_call++;
	return __real_realloc(old, size);
}

void *__wrap_aligned_alloc(size_t align, size_t size)
{
	n_call++;
	return __real_aligned_alloc(align, size);
}

int __wrap_posix_memalign(void **ret, size_t align, size_t size)
{
	n_call++;
	return __real_posix_memalign(ret, align, size);
}

void *__wrap_mmap(void *at, size_t len, int prot, int flags, int fd, off_t off)
{
	n_call++;
	return __real_mmap(at, len, prot, flags, fd, off);
}
/* NOLINTEND(bugprone-reserved-identifier,readability-identifier-naming) */

/* A TCP segment with payload that is there; unfinished if it is to be cut. */
static void put_headers(uint8_t *ip, uint32_t i, uint32_t payload, bool finish)
{
	uint8_t *tcp = ip + INET_IP4_LEN;
	uint32_t len = INET_TCP_LEN + payload;
	uint32_t seq = i * payload;
	uint16_t sum;

	memset(ip, 0, HEADERS);
	ip[0] = 0x45;
	put_be16(ip + 2, (uint16_t)(INET_IP4_LEN + len));
	put_be16(ip + 4, (uint16_t)i);
	ip[8] = 64;
	ip[9] = INET_PROTO_TCP;
	ip[12] = ip[16] = 10;
	checksum_store(ip + 10, (uint16_t)~checksum_fold(
					checksum_sum(ip, INET_IP4_LEN)));
	put_be16(tcp + 2, 80);
	put_be16(tcp + 4, (uint16_t)(seq >> 16));
	put_be16(tcp + 6, (uint16_t)seq);
	tcp[12] = 0x50;
	tcp[13] = 0x10;
	sum = pseudo(ip, INET_PROTO_TCP, len);
	if (finish)
		sum = (uint16_t)~checksum_fold(sum + checksum_sum(tcp, len));
	checksum_store(tcp + INET_TCP_CSUM, sum);
}

/* Without this, a counter nobody calls would prove anything. */
static void counts(void **state)
{
	struct vif_batch *batch;
	void *volatile got;

	(void)state;
	n_call = 0;
	assert_int_equal(vif_batch_new(1, 1, &batch), 0);
	assert_int_equal(n_call, 3); /* in the library */
	vif_batch_free(batch);
	got = malloc(1);
	assert_int_equal(n_call, 4); /* and here */
	free(got);
}

static uint32_t cut_all(const struct vif_packet *whole, bool in_place,
			bool finish)
{
	uint8_t header[VIF_PACKET_HDR_MAX];
	struct vif_packet segment;
	struct iovec seg[2];
	struct cut cut;
	uint32_t n = 0;

	assert_int_equal(cut_start(&cut, whole, VIF_MEDIUM_IP, finish), 0);
	if (in_place)
		while (cut_next_in_place(&cut, seg, &segment))
			n++;
	else
		while (cut_next(&cut, header, seg, 2, &segment))
			n++;
	return n;
}

/* S26: 64 KiB into 47 segments, either way, with checksum work and without. */
static void s26_cutting(void **state)
{
	static uint8_t byte[WHOLE];
	struct iovec seg = { byte, sizeof(byte) };
	const struct vif_packet whole = {
		.seg = &seg,
		.len = sizeof(byte),
		.n_seg = 1,
		.l4_off = INET_IP4_LEN,
		.csum_off = INET_TCP_CSUM,
		.hdr_len = HEADERS,
		.gso_size = SEGMENT,
		.gso = VIF_GSO_TCP4,
		.csum = VIF_CSUM_PARTIAL,
	};

	(void)state;
	for (int way = 0; way < 4; way++) {
		put_headers(byte, 0, sizeof(byte) - HEADERS, false);
		n_call = 0;
		assert_int_equal(cut_all(&whole, way & 1, way & 2), 47);
		assert_int_equal(n_call, 0);
	}
}

/* A full burst that becomes two packets, and one in which nothing fits. */
static void g26_gluing(void **state)
{
	static uint8_t byte[GLUE_BURST_MAX][PITCH];
	static struct glue glue;
	struct vif_batch *in, *out;

	(void)state;
	assert_int_equal(vif_batch_new(GLUE_BURST_MAX, GLUE_BURST_MAX, &in), 0);
	assert_int_equal(
		vif_batch_new(GLUE_BURST_MAX, 2 * GLUE_BURST_MAX, &out), 0);
	glue_init(&glue, VIF_MEDIUM_IP, VIF_GSO_ALL, VIF_PACKET_SEG_MAX);
	for (uint32_t i = 0; i < GLUE_BURST_MAX; i++) {
		put_headers(byte[i], i, SEGMENT, true);
		assert_non_null(vif_batch_add(in, byte[i], HEADERS + SEGMENT));
	}
	n_call = 0;
	glue_burst(&glue, in, out);
	assert_int_equal(n_call, 0);
	assert_int_equal(out->n, 2);
	for (uint32_t i = 0; i < GLUE_BURST_MAX; i++)
		put_headers(byte[i], 0, SEGMENT, true);
	vif_batch_clear(out);
	n_call = 0;
	glue_burst(&glue, in, out);
	assert_int_equal(n_call, 0);
	assert_int_equal(out->n, GLUE_BURST_MAX);
	vif_batch_free(in);
	vif_batch_free(out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts),
		cmocka_unit_test(s26_cutting),
		cmocka_unit_test(g26_gluing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
