/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of numbers as people write them. */
#include "port/units.h"

#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/bits.h"

/* What a value is set to before, to see that failures leave it alone. */
#define UNTOUCHED 0xdeadbeefu

struct number_case {
	const char *text;
	int result;
	uint64_t value;
};

static void check(int (*parse)(const char *, uint64_t *),
		  const struct number_case *cases, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint64_t want =
			cases[i].result < 0 ? UNTOUCHED : cases[i].value;
		uint64_t value = UNTOUCHED;
		int r = parse(cases[i].text, &value);

		if (r != cases[i].result || value != want)
			fail_msg("'%s': %d, %" PRIu64 "; not %d, %" PRIu64,
				 cases[i].text, r, value, cases[i].result,
				 want);
	}
}

static const struct number_case uints[] = {
	{ "0", 0, 0 },
	{ "1500", 0, 1500 },
	{ "007", 0, 7 },
	{ "18446744073709551615", 0, UINT64_MAX },
	{ "18446744073709551616", -ERANGE, 0 },
	{ "18446744073709551620", -ERANGE, 0 },
	{ "184467440737095516150", -ERANGE, 0 },
	{ "99999999999999999999999999", -ERANGE, 0 },
	{ "", -EINVAL, 0 },
	{ "-1", -EINVAL, 0 },
	{ "+1", -EINVAL, 0 },
	{ " 1", -EINVAL, 0 },
	{ "1 ", -EINVAL, 0 },
	{ "1\n", -EINVAL, 0 },
	{ "1k", -EINVAL, 0 },
	{ "1.0", -EINVAL, 0 },
	{ "0x10", -EINVAL, 0 },
	{ "1e3", -EINVAL, 0 },
	{ "\xd9\xa1", -EINVAL, 0 }, /* a digit, but an Arabic one */
};

static void whole_numbers(void **state)
{
	(void)state;
	check(units_uint, uints, ARRAY_LEN(uints));
}

static const struct number_case sizes[] = {
	{ "0", 0, 0 },
	{ "1500", 0, 1500 },
	{ "64k", 0, 64000 },
	{ "64Ki", 0, 65536 },
	{ "2M", 0, 2000000 },
	{ "2Mi", 0, 2097152 },
	{ "3G", 0, 3000000000 },
	{ "3Gi", 0, 3221225472 },
	{ "1.5Ki", 0, 1536 },
	{ "1.5k", 0, 1500 },
	{ "0.0009k", 0, 0 }, /* rounded down */
	{ "0.001k", 0, 1 },
	{ "1.999999999G", 0, 1999999999 },
	{ "1.9999999999G", 0, 1999999999 },
	{ "1.00000000000000000000000000000001k", 0, 1000 },
	{ "1.5", 0, 1 }, /* of a byte there is no half */
	{ "18446744073709551615", 0, UINT64_MAX },
	{ "18446744073709551616", -ERANGE, 0 },
	{ "18446744073709551k", 0, 18446744073709551000u },
	{ "18446744073709552k", -ERANGE, 0 },
	{ "17179869183Gi", 0, 17179869183u * 1073741824u },
	{ "17179869184Gi", -ERANGE, 0 },
	{ "18446744073.709551615G", 0, UINT64_MAX },
	{ "18446744073.709551616G", -ERANGE, 0 },
	{ "18446744073.8G", -ERANGE, 0 }, /* the fraction is too much */
	{ "", -EINVAL, 0 },
	{ "k", -EINVAL, 0 },
	{ ".5k", -EINVAL, 0 },
	{ "1.", -EINVAL, 0 },
	{ "1.k", -EINVAL, 0 },
	{ "1..5k", -EINVAL, 0 },
	{ "1.5.5k", -EINVAL, 0 },
	{ "1.-5k", -EINVAL, 0 },
	{ "1K", -EINVAL, 0 },
	{ "1m", -EINVAL, 0 },
	{ "1kB", -EINVAL, 0 },
	{ "1 k", -EINVAL, 0 },
	{ "1k ", -EINVAL, 0 },
	{ "-1k", -EINVAL, 0 },
	{ " 1k", -EINVAL, 0 },
	{ "1,5k", -EINVAL, 0 },
};

static void sizes_in_bytes(void **state)
{
	(void)state;
	check(units_size, sizes, ARRAY_LEN(sizes));
}

static const struct number_case times[] = {
	{ "1ns", 0, 1 },
	{ "250us", 0, 250000 },
	{ "10ms", 0, 10000000 },
	{ "1s", 0, 1000000000 },
	{ "2min", 0, 120000000000 },
	{ "0s", 0, 0 },
	{ "0.3s", 0, 300000000 }, /* exactly, which a double cannot */
	{ "0.1s", 0, 100000000 },
	{ "1.1ms", 0, 1100000 },
	{ "0.000000001s", 0, 1 },
	{ "0.0000000019s", 0, 1 },
	{ "0.5min", 0, 30000000000 },
	{ "0.9ns", 0, 0 },
	{ "18446744073s", 0, 18446744073000000000u },
	{ "18446744074s", -ERANGE, 0 },
	{ "18446744073.709551615s", 0, UINT64_MAX },
	{ "18446744073.709551616s", -ERANGE, 0 },
	{ "307445735min", -ERANGE, 0 },
	{ "18446744073709551616ns", -ERANGE, 0 },
	{ "", -EINVAL, 0 },
	{ "1", -EINVAL, 0 }, /* a time has a unit */
	{ "0", -EINVAL, 0 },
	{ "1.", -EINVAL, 0 },
	{ "1.s", -EINVAL, 0 },
	{ ".5s", -EINVAL, 0 },
	{ "-1s", -EINVAL, 0 },
	{ " 1s", -EINVAL, 0 },
	{ "1s ", -EINVAL, 0 },
	{ "1 s", -EINVAL, 0 },
	{ "1S", -EINVAL, 0 },
	{ "1m", -EINVAL, 0 },
	{ "1h", -EINVAL, 0 },
	{ "1s1s", -EINVAL, 0 },
};

static void times_in_nanoseconds(void **state)
{
	(void)state;
	check(units_time, times, ARRAY_LEN(times));
}

static int percent(const char *text, uint64_t *ret_value)
{
	uint32_t ppm = UNTOUCHED;
	int r = units_percent(text, &ppm);

	*ret_value = ppm;
	return r;
}

static const struct number_case percents[] = {
	{ "0%", 0, 0 },
	{ "1%", 0, 10000 },
	{ "0.25%", 0, 2500 },
	{ "0.0001%", 0, 1 },
	{ "0.00009%", 0, 0 },
	{ "99.9999%", 0, 999999 },
	{ "100%", 0, 1000000 },
	{ "100.0001%", -ERANGE, 0 },
	{ "101%", -ERANGE, 0 },
	{ "429497%", -ERANGE, 0 }, /* does not wrap at 32 bits */
	{ "18446744073709551616%", -ERANGE, 0 },
	{ "", -EINVAL, 0 },
	{ "%", -EINVAL, 0 },
	{ "1", -EINVAL, 0 },
	{ "-1%", -EINVAL, 0 },
	{ "1 %", -EINVAL, 0 },
	{ "1%%", -EINVAL, 0 },
};

static void shares_in_millionths(void **state)
{
	(void)state;
	check(percent, percents, ARRAY_LEN(percents));
}

struct rate_case {
	const char *text;
	int result;
	enum units_rate kind;
	uint64_t value;
};

static void rates_of_both_kinds(void **state)
{
	static const struct rate_case cases[] = {
		{ "10Gbit", 0, UNITS_BITS_PER_S, 10000000000 },
		{ "2.5Gbit", 0, UNITS_BITS_PER_S, 2500000000 },
		{ "1Mbit", 0, UNITS_BITS_PER_S, 1000000 },
		{ "64kbit", 0, UNITS_BITS_PER_S, 64000 },
		{ "9bit", 0, UNITS_BITS_PER_S, 9 },
		{ "5Mpps", 0, UNITS_PACKETS_PER_S, 5000000 },
		{ "1.5kpps", 0, UNITS_PACKETS_PER_S, 1500 },
		{ "7pps", 0, UNITS_PACKETS_PER_S, 7 },
		{ "18446744074Gbit", -ERANGE, 0, 0 },
		{ "18446744073710Mpps", -ERANGE, 0, 0 },
		{ "18446744073709551616pps", -ERANGE, 0, 0 },
		{ "10", -EINVAL, 0, 0 },
		{ "", -EINVAL, 0, 0 },
		{ "10G", -EINVAL, 0, 0 },
		{ "10gbit", -EINVAL, 0, 0 },
		{ "10Gpps", -EINVAL, 0, 0 },
		{ "-1bit", -EINVAL, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		enum units_rate kind = UNITS_PACKETS_PER_S + 1;
		uint64_t value = UNTOUCHED;
		int r = units_rate(cases[i].text, &value, &kind);

		if (r != cases[i].result)
			fail_msg("'%s': %d", cases[i].text, r);
		assert_true(value == (r < 0 ? UNTOUCHED : cases[i].value));
		assert_int_equal(kind, r < 0 ? UNITS_PACKETS_PER_S + 1 :
					       cases[i].kind);
	}
}

static void yes_and_no(void **state)
{
	static const char *const yes[] = { "yes", "on", "true", "1" };
	static const char *const no[] = { "no", "off", "false", "0" };
	static const char *const neither[] = { "",   "Yes", "y",  "yes ",
					       " 1", "2",   "00", "offf" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(yes); i++) {
		bool value = false;

		assert_int_equal(units_bool(yes[i], &value), 0);
		assert_true(value);
		assert_int_equal(units_bool(no[i], &value), 0);
		assert_false(value);
	}
	for (size_t i = 0; i < ARRAY_LEN(neither); i++) {
		bool value = true;

		if (units_bool(neither[i], &value) != -EINVAL)
			fail_msg("'%s' is accepted", neither[i]);
		assert_true(value);
	}
}

static void ethernet_addresses(void **state)
{
	static const uint8_t want[6] = { 0x02, 0, 0x5e, 0xaB, 0x53, 0xff };
	static const char *const bad[] = {
		"",
		"02:00:5e:ab:53",
		"02:00:5e:ab:53:",
		"02:00:5e:ab:53:f",
		"02:00:5e:ab:53:ff:",
		"02:00:5e:ab:53:ff:01",
		"02:00:5e:ab:53:fff",
		"2:00:5e:ab:53:ff",
		"002:00:5e:ab:53:f",
		"1:2:3:4:5:6:7:8:9",
		"02-00-5e-ab-53-ff",
		"02005eab53ff",
		"02:00:5e:ab:53:fg",
		"0x:00:5e:ab:53:ff",
		" 2:00:5e:ab:53:ff",
		"02:00:5e:ab:53:ff ",
		":::::::::::::::::",
		"02:00:5e:ab:53: f",
		"02:00:5e:ab:53:-1",
		"aaaaaaaaaaaaaaaaa",
	};
	uint8_t mac[6];

	(void)state;
	assert_int_equal(units_mac("02:00:5e:aB:53:FF", mac), 0);
	assert_memory_equal(mac, want, 6);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		if (units_mac(bad[i], mac) != -EINVAL)
			fail_msg("'%s' is accepted", bad[i]);
		assert_memory_equal(mac, want, 6);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_numbers),
		cmocka_unit_test(sizes_in_bytes),
		cmocka_unit_test(times_in_nanoseconds),
		cmocka_unit_test(shares_in_millionths),
		cmocka_unit_test(rates_of_both_kinds),
		cmocka_unit_test(yes_and_no),
		cmocka_unit_test(ethernet_addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
