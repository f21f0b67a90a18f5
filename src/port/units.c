/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers as people write them: a decimal, perhaps with a fraction, and a
 * unit. All arithmetic is on integers, so that 0.3s is 300000000 ns.
 */
#include "port/units.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/bits.h"

struct unit {
	const char *name;
	uint64_t factor;
};

static const struct unit size_units[] = {
	{ "", 1 },          { "k", 1000u },
	{ "M", 1000000u },  { "G", 1000000000u },
	{ "Ki", 1u << 10 }, { "Mi", 1u << 20 },
	{ "Gi", 1u << 30 },
};

static const struct unit time_units[] = {
	{ "ns", 1 },          { "us", 1000u },         { "ms", 1000000u },
	{ "s", 1000000000u }, { "min", 60000000000u },
};

static const struct unit percent_units[] = {
	{ "%", 10000 },
};

static const struct unit bit_units[] = {
	{ "bit", 1 },
	{ "kbit", 1000u },
	{ "Mbit", 1000000u },
	{ "Gbit", 1000000000u },
};

static const struct unit packet_units[] = {
	{ "pps", 1 },
	{ "kpps", 1000u },
	{ "Mpps", 1000000u },
};

/* Digits at *text as a number; *text moves behind them. */
static int digits(const char **text, uint64_t *ret_value)
{
	const char *at = *text;
	uint64_t value = 0;

	if (!isdigit((unsigned char)*at))
		return -EINVAL;
	for (; isdigit((unsigned char)*at); at++) {
		if (__builtin_mul_overflow(value, 10u, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(*at - '0'),
					   &value))
			return -ERANGE;
	}
	*text = at;
	*ret_value = value;
	return 0;
}

/*
 * "5" after a point, for a unit of factor: 5 * factor / 10, rounded down.
 * Digits past the ninth are below a nanosecond and a millibyte: ignored.
 */
static uint64_t fraction(const char *text, uint64_t factor)
{
	uint64_t value = 0;
	uint64_t scale = 1;

	for (; isdigit((unsigned char)*text) && scale < 1000000000; text++) {
		value = value * 10 + (uint64_t)(*text - '0');
		scale *= 10;
	}
	return (uint64_t)((unsigned __int128)value * factor / scale);
}

static const struct unit *find_unit(const struct unit *units, size_t n,
				    const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(units[i].name, name) == 0)
			return &units[i];
	return NULL;
}

static int with_unit(const char *text, const struct unit *units, size_t n,
		     uint64_t *ret_value)
{
	const struct unit *unit;
	const char *decimals = NULL;
	uint64_t value;
	int r = digits(&text, &value);

	if (r < 0)
		return r;
	if (*text == '.') {
		decimals = text + 1;
		text = decimals + strspn(decimals, "0123456789");
		if (text == decimals)
			return -EINVAL;
	}
	unit = find_unit(units, n, text);
	if (!unit)
		return -EINVAL;
	if (__builtin_mul_overflow(value, unit->factor, &value))
		return -ERANGE;
	if (decimals &&
	    __builtin_add_overflow(value, fraction(decimals, unit->factor),
				   &value))
		return -ERANGE;
	*ret_value = value;
	return 0;
}

int units_uint(const char *text, uint64_t *ret_value)
{
	uint64_t value;
	int r = digits(&text, &value);

	if (r < 0)
		return r;
	if (*text != '\0')
		return -EINVAL;
	*ret_value = value;
	return 0;
}

int units_bool(const char *text, bool *ret_value)
{
	static const char *const yes[] = { "yes", "on", "true", "1" };
	static const char *const no[] = { "no", "off", "false", "0" };

	for (size_t i = 0; i < ARRAY_LEN(yes); i++) {
		bool value = strcmp(text, yes[i]) == 0;

		if (value || strcmp(text, no[i]) == 0) {
			*ret_value = value;
			return 0;
		}
	}
	return -EINVAL;
}

int units_size(const char *text, uint64_t *ret_bytes)
{
	return with_unit(text, size_units, ARRAY_LEN(size_units), ret_bytes);
}

int units_time(const char *text, uint64_t *ret_ns)
{
	return with_unit(text, time_units, ARRAY_LEN(time_units), ret_ns);
}

int units_percent(const char *text, uint32_t *ret_ppm)
{
	uint64_t ppm;
	int r = with_unit(text, percent_units, ARRAY_LEN(percent_units), &ppm);

	if (r < 0)
		return r;
	if (ppm > 1000000)
		return -ERANGE;
	*ret_ppm = (uint32_t)ppm;
	return 0;
}

int units_rate(const char *text, uint64_t *ret_per_s, enum units_rate *ret_kind)
{
	int r = with_unit(text, bit_units, ARRAY_LEN(bit_units), ret_per_s);

	if (r != -EINVAL) {
		if (r == 0)
			*ret_kind = UNITS_BITS_PER_S;
		return r;
	}
	r = with_unit(text, packet_units, ARRAY_LEN(packet_units), ret_per_s);
	if (r == 0)
		*ret_kind = UNITS_PACKETS_PER_S;
	return r;
}

int units_mac(const char *text, uint8_t ret_mac[6])
{
	unsigned int byte[6];
	int end = 0;

	if (strspn(text, "0123456789abcdefABCDEF:") != 17 || text[17] != '\0')
		return -EINVAL;
	/* Two hex digits at most each: nothing here can overflow. */
	if (sscanf(text, /* NOLINT(cert-err34-c) */
		   "%2x:%2x:%2x:%2x:%2x:%2x%n", &byte[0], &byte[1], &byte[2],
		   &byte[3], &byte[4], &byte[5], &end) != 6 ||
	    end != 17)
		return -EINVAL;
	for (size_t i = 0; i < 6; i++)
		ret_mac[i] = (uint8_t)byte[i];
	return 0;
}
