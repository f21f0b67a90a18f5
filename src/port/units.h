/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers as people write them. Each function takes the whole text or nothing:
 * 0 and the value, -EINVAL for what is no such number, -ERANGE for one that
 * does not fit. The result is written only on success.
 */
#ifndef PORT_UNITS_H
#define PORT_UNITS_H

#include <stdbool.h>
#include <stdint.h>

/* What a rate counts. */
enum units_rate {
	UNITS_BITS_PER_S,    /* 10Gbit */
	UNITS_PACKETS_PER_S, /* 5Mpps */
};

int units_uint(const char *text, uint64_t *ret_value);  /* 1500 */
int units_bool(const char *text, bool *ret_value);      /* yes no on off 1 0 */
int units_size(const char *text, uint64_t *ret_bytes);  /* 64Ki 2M 1500 */
int units_time(const char *text, uint64_t *ret_ns);     /* 10ms 1.5s 250us */
int units_percent(const char *text, uint32_t *ret_ppm); /* 1% 0.25% */
int units_rate(const char *text, uint64_t *ret_per_s,
	       enum units_rate *ret_kind);
int units_mac(const char *text, uint8_t ret_mac[6]);

#endif
