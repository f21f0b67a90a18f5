/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the address grammar and of filling options from it. */
#include "port/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/bits.h"

#define BYTES_15 "abcdefghijklmno"
#define BYTES_64 \
	"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

/* An address written as "type|main|key|key=value|..." */
static const char *render(const struct address *address, char *text,
			  size_t size)
{
	size_t len = (size_t)snprintf(text, size, "%s|%s", address->type,
				      address->main);

	for (size_t i = 0; i < address->n_item; i++) {
		const struct address_item *item = &address->item[i];

		len += (size_t)snprintf(text + len, size - len, "|%s%s%s",
					item->key, item->value ? "=" : "",
					item->value ? item->value : "");
	}
	return text;
}

struct parse_case {
	const char *text;
	const char *parts;
};

static void addresses_are_taken_apart(void **state)
{
	static const struct parse_case cases[] = {
		{ "null:", "null|" },
		{ "tun:vpn0", "tun|vpn0" },
		{ "tun:vpn0,persist", "tun|vpn0|persist" },
		{ "tun:,mtu=9000", "tun||mtu=9000" },
		{ "tun:a,ip=10.0.0.1/24,ip=fd00::1/64",
		  "tun|a|ip=10.0.0.1/24|ip=fd00::1/64" },
		{ "tun:a,ip=[fd00::1]/64", "tun|a|ip=[fd00::1]/64" },
		{ "tun:a,key=", "tun|a|key=" },
		{ "tun:a,key==", "tun|a|key==" },
		{ "tun:a,key=x=y", "tun|a|key=x=y" },
		{ "a:b:c", "a|b:c" },
		{ "unix:/run/x.sock", "unix|/run/x.sock" },
		{ "x:a=b", "x|a=b" },
		{ "TUN:Vpn0,MTU=1", "tun|Vpn0|MTU=1" },
		{ BYTES_15 ":x", BYTES_15 "|x" },
		/* Escapes. */
		{ "x:a\\,b,k=c\\,d", "x|a,b|k=c,d" },
		{ "x:a\\\\b", "x|a\\b" },
		{ "x:\\a\\:\\=", "x|a:=" },
		{ "x:m,k\\=l", "x|m|k=l" }, /* one key: k=l */
		{ "x:m,k\\=l=v", "x|m|k=l=v" },
		{ "x:m,k=\\=v", "x|m|k==v" },
		{ "x:m,\\,=v", "x|m|,=v" },
		{ "x:\\\\,k", "x|\\|k" },
		/* Bytes that mean nothing here. */
		{ "x: a b ,k = v ", "x| a b |k = v " },
		{ "x:\xc3\xbc,\x01=\x7f", "x|\xc3\xbc|\x01=\x7f" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct vif_error error = { .code = 0 };
		struct address address;
		char text[256];
		int r = address_parse(cases[i].text, &address, &error);

		if (r != 0)
			fail_msg("'%s': %s: %s", cases[i].text, error.what,
				 error.why);
		assert_string_equal(render(&address, text, sizeof(text)),
				    cases[i].parts);
	}
}

static void escaped_equals_is_no_value(void **state)
{
	struct address address;

	(void)state;
	assert_int_equal(address_parse("x:m,k\\=l,a\\=b=c", &address, NULL), 0);
	assert_string_equal(address.item[0].key, "k=l");
	assert_null(address.item[0].value);
	assert_string_equal(address.item[1].key, "a=b");
	assert_string_equal(address.item[1].value, "c");
}

struct error_case {
	const char *text;
	const char *what;
	const char *why;
	const char *hint;
};

static void compare(const struct error_case *want, int r,
		    const struct vif_error *error)
{
	if (r != -EINVAL || error->code != -EINVAL ||
	    strcmp(error->what, want->what) != 0 ||
	    strcmp(error->why, want->why) != 0 ||
	    strcmp(error->hint, want->hint) != 0)
		fail_msg("'%.99s': %d, %d\n%s\n%s\n%s\n", want->text, r,
			 error->code, error->what, error->why, error->hint);
}

#define NO_ADDRESS_WHY "it does not start with a type and a colon"
#define NO_ADDRESS_HINT \
	"write TYPE:NAME,KEY=VALUE,...; 'vif help' lists the types"
#define EMPTY_KEY                                         \
	"empty key in address",                           \
		"there is nothing between two commas or " \
		"before '='",                             \
		"a comma inside a value is written \\,"
#define LONE_ESCAPE "address ends in '\\'", "there is nothing to escape", ""

static void bad_addresses_are_explained(void **state)
{
	static const struct error_case cases[] = {
		{ "", "'' is no address", NO_ADDRESS_WHY, NO_ADDRESS_HINT },
		{ "tun", "'tun' is no address", NO_ADDRESS_WHY,
		  NO_ADDRESS_HINT },
		{ ":a", "':a' is no address", NO_ADDRESS_WHY, NO_ADDRESS_HINT },
		{ "tun,a:b", "'tun,a:b' is no address", NO_ADDRESS_WHY,
		  NO_ADDRESS_HINT },
		{ "mtu=1:b", "'mtu=1:b' is no address", NO_ADDRESS_WHY,
		  NO_ADDRESS_HINT },
		{ BYTES_64 "x", "'" BYTES_64 "' is no address", NO_ADDRESS_WHY,
		  NO_ADDRESS_HINT }, /* cut, not passed on in full */
		{ BYTES_15 "p:x", "unknown type '" BYTES_15 "p'",
		  "no type has so long a name", "'vif help' lists the types" },
		{ "tun:a,", EMPTY_KEY },
		{ "tun:a,,mtu=1", EMPTY_KEY },
		{ "tun:a,=5", EMPTY_KEY },
		{ "tun:,", EMPTY_KEY },
		{ "tun:a\\", LONE_ESCAPE },
		{ "tun:a,k=\\", LONE_ESCAPE },
		{ "tun:a,\\\\\\", LONE_ESCAPE },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct vif_error error;
		struct address address;
		int r;

		memset(&error, 'x', sizeof(error));
		r = address_parse(cases[i].text, &address, &error);
		compare(&cases[i], r, &error);
		assert_int_equal(address_parse(cases[i].text, &address, NULL),
				 -EINVAL);
	}
}

static void lengths_are_limited(void **state)
{
	const struct error_case too_long = { "long", "address too long",
					     "the limit is 1023 bytes", "" };
	struct vif_error error;
	struct address address;
	char text[1025];

	(void)state;
	memset(text, 'a', sizeof(text));
	text[1] = ':';
	text[1023] = '\0';
	assert_int_equal(address_parse(text, &address, &error), 0);
	assert_int_equal(strlen(address.main), 1021);
	text[1023] = 'a';
	text[1024] = '\0';
	compare(&too_long, address_parse(text, &address, &error), &error);
}

/* Writes "x:m" with n keys "k". */
static void many_keys(char *text, size_t n)
{
	memcpy(text, "x:m", 4);
	while (n-- > 0)
		memcpy(text + strlen(text), ",k", 3);
}

static void keys_are_limited(void **state)
{
	const struct error_case too_many = { "many", "too many keys in address",
					     "the limit is 64", "" };
	struct vif_error error;
	struct address address;
	char text[200];

	(void)state;
	many_keys(text, 64);
	assert_int_equal(address_parse(text, &address, &error), 0);
	assert_int_equal(address.n_item, 64);
	many_keys(text, 65);
	compare(&too_many, address_parse(text, &address, &error), &error);
}

/* A table with a key of each type. */
struct options {
	bool flag;
	bool on;
	uint32_t number;
	uint32_t any;
	bool has_number;
	uint64_t size;
	uint64_t time;
	uint32_t share;
	const char *name;
	uint32_t colour;
	uint8_t mac[6];
	bool has_mac;
	struct port_prefix_list ip;
	struct port_fd_list fd;
};

#define FIELD(name) offsetof(struct options, name)

static const char *const colours[] = { "red", "green", "blue", NULL };

static const struct port_key keys[] = {
	{ "flag", PORT_KEY_BOOL, FIELD(flag), NULL, "" },
	{ "on", PORT_KEY_BOOL, FIELD(on), "yes", "" },
	{ "number", PORT_KEY_UINT, FIELD(number), "7", "", .min = 2, .max = 9,
	  .seen_offset = FIELD(has_number) },
	{ "any", PORT_KEY_UINT, FIELD(any), NULL, "" },
	{ "size", PORT_KEY_SIZE, FIELD(size), "1.5Ki", "", .min = 64 },
	{ "time", PORT_KEY_TIME, FIELD(time), "10ms", "", .max = 1000000000 },
	{ "share", PORT_KEY_PERCENT, FIELD(share), "0.5%", "" },
	{ "name", PORT_KEY_STRING, FIELD(name), "someone", "" },
	{ "colour", PORT_KEY_CHOICE, FIELD(colour), "green", "",
	  .choices = colours },
	{ "mac", PORT_KEY_MAC, FIELD(mac), NULL, "",
	  .seen_offset = FIELD(has_mac) },
	{ "ip", PORT_KEY_PREFIX, FIELD(ip), NULL, "" },
	{ "fd", PORT_KEY_FD, FIELD(fd), NULL, "" },
};

static int fill(const char *text, struct address *address,
		struct options *ret_options, struct vif_error *error)
{
	memset(ret_options, 0, sizeof(*ret_options));
	assert_int_equal(address_parse(text, address, NULL), 0);
	return address_options(address, keys, ARRAY_LEN(keys), ret_options,
			       error);
}

static void defaults_come_from_the_table(void **state)
{
	struct address address;
	struct options options;

	(void)state;
	assert_int_equal(fill("x:a", &address, &options, NULL), 0);
	assert_false(options.flag);
	assert_true(options.on);
	assert_int_equal(options.number, 7);
	assert_false(options.has_number); /* nobody gave it */
	assert_int_equal(options.any, 0);
	assert_int_equal(options.size, 1536);
	assert_int_equal(options.time, 10000000);
	assert_int_equal(options.share, 5000);
	assert_string_equal(options.name, "someone");
	assert_int_equal(options.colour, 1);
	assert_false(options.has_mac);
	assert_int_equal(options.ip.n, 0);
}

static void values_replace_defaults(void **state)
{
	static const uint8_t mac[6] = { 2, 0, 0x5e, 0, 0x53, 1 };
	struct address address;
	struct options options;

	(void)state;
	assert_int_equal(fill("x:a,flag,on=no,number=9,any=4294967295,size=64k,"
			      "time=1s,share=100%,name=a\\,b,colour=blue,"
			      "mac=02:00:5e:00:53:01",
			      &address, &options, NULL),
			 0);
	assert_true(options.flag);
	assert_false(options.on);
	assert_int_equal(options.number, 9);
	assert_true(options.has_number);
	assert_int_equal(options.any, UINT32_MAX);
	assert_int_equal(options.size, 64000);
	assert_int_equal(options.time, 1000000000);
	assert_int_equal(options.share, 1000000);
	assert_string_equal(options.name, "a,b");
	assert_int_equal(options.colour, 2);
	assert_memory_equal(options.mac, mac, 6);
	assert_true(options.has_mac);
}

struct prefix_case {
	const char *text;
	const char *addr;
	uint8_t len;
};

static void prefixes_of_both_families(void **state)
{
	static const struct prefix_case cases[] = {
		{ "10.0.0.1/24", "10.0.0.1", 24 },
		{ "10.0.0.1/0", "10.0.0.1", 0 },
		{ "10.0.0.1/32", "10.0.0.1", 32 },
		{ "10.0.0.1", "10.0.0.1", 32 },
		{ "fd00::1/64", "fd00::1", 64 },
		{ "fd00::1/128", "fd00::1", 128 },
		{ "fd00::1", "fd00::1", 128 },
		{ "::/0", "::", 0 },
		{ "[fd00::1]/64", "fd00::1", 64 },
		{ "[fd00::1]", "fd00::1", 128 },
		{ "::ffff:10.0.0.1/96", "::ffff:10.0.0.1", 96 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct vif_error error = { .code = 0 };
		struct address address;
		struct options options;
		char text[128];

		(void)snprintf(text, sizeof(text), "x:a,ip=%s", cases[i].text);
		if (fill(text, &address, &options, &error) != 0)
			fail_msg("%s: %s: %s", text, error.what, error.why);
		assert_int_equal(options.ip.n, 1);
		assert_int_equal(options.ip.prefix[0].len, cases[i].len);
		(void)inet_ntop(options.ip.prefix[0].family,
				options.ip.prefix[0].addr, text, sizeof(text));
		assert_string_equal(text, cases[i].addr);
	}
}

static void bad_prefixes_are_refused(void **state)
{
	static const char *const bad[] = {
		"10.0.0.1/33",
		"10.0.0.1/",
		"10.0.0.1/-1",
		"10.0.0.1/24/",
		"10.0.0.1/ 24",
		"10.0.0/24",
		"10.0.0.1.2",
		"256.0.0.1",
		"localhost",
		"/24",
		"fd00::1/129",
		"fd00::1/18446744073709551617",
		"[fd00::1",
		"fd00::1]",
		"[fd00::1/64]",
		"[]/64",
		"[[fd00::1]]",
		"[",
		"fd00::1%lo",
		"fd00:::1",
		BYTES_64,
		"[0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef]",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct vif_error error;
		struct address address;
		struct options options;
		char text[128];

		(void)snprintf(text, sizeof(text), "x:a,ip=%s", bad[i]);
		if (fill(text, &address, &options, &error) != -EINVAL)
			fail_msg("%s is accepted", text);
		assert_string_equal(error.why,
				    "it is no IP address with a length");
		assert_int_equal(options.ip.n, 0);
	}
}

static void prefixes_are_limited(void **state)
{
	const struct error_case too_many = {
		"many", "bad value '10.0.0.1' for key 'ip'",
		"the key has more than 16 values", ""
	};
	struct vif_error error;
	struct address address;
	struct options options;
	char text[512] = "x:a";

	(void)state;
	for (size_t i = 0; i < ADDRESS_PREFIX_MAX; i++)
		memcpy(text + strlen(text), ",ip=10.0.0.1", 13);
	assert_int_equal(fill(text, &address, &options, &error), 0);
	assert_int_equal(options.ip.n, ADDRESS_PREFIX_MAX);
	memcpy(text + strlen(text), ",ip=10.0.0.1", 13);
	compare(&too_many, fill(text, &address, &options, &error), &error);
}

static void descriptors_make_a_list(void **state)
{
	static const int want[] = { 3, 4, 0, 2147483647, 4 };
	static const char *const bad[] = {
		"",   "+",   "3+",         "+3", "3++4",
		"-1", "3,4", "2147483648", "3x", "00000000000000003"
	};
	struct vif_error error;
	struct address address;
	struct options options;
	char text[1024] = "x:a,fd=0";

	(void)state;
	assert_int_equal(
		fill("x:a,fd=3+4,fd=0+2147483647+4", &address, &options, NULL),
		0);
	assert_int_equal(options.fd.n, ARRAY_LEN(want));
	assert_memory_equal(options.fd.fd, want, sizeof(want));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		char one[64];

		(void)snprintf(one, sizeof(one), "x:a,fd=%s", bad[i]);
		assert_int_equal(fill(one, &address, &options, &error),
				 -EINVAL);
	}
	assert_int_equal(fill("x:a,fd=3+", &address, &options, &error),
			 -EINVAL);
	assert_string_equal(error.why, "it is no number of a descriptor");

	for (size_t i = 1; i < ADDRESS_FD_MAX; i++)
		memcpy(text + strlen(text), "+1", 3);
	assert_int_equal(fill(text, &address, &options, &error), 0);
	assert_int_equal(options.fd.n, ADDRESS_FD_MAX);
	memcpy(text + strlen(text), "+1", 3);
	assert_int_equal(fill(text, &address, &options, &error), -EINVAL);
	assert_string_equal(error.why, "the key has more than 256 values");
}

#define SIZE_HINT "write a number of bytes such as 1500, 64k or 2Mi"
#define TIME_HINT "write a time with a unit such as 10ms, 250us or 1s"
#define NO_VALUE(key, value)                                                 \
	"key '" key "' has no value", "only yes-or-no keys can stand alone", \
		"write " key "=" value

static const struct error_case option_errors[] = {
	/* Keys. */
	{ "x:a,nubmer=3", "unknown key 'nubmer'", "type 'x' has no such key",
	  "did you mean 'number'? 'vif help x' lists all keys" },
	{ "x:a,colours=red", "unknown key 'colours'",
	  "type 'x' has no such key",
	  "did you mean 'colour'? 'vif help x' lists all keys" },
	{ "x:a,Flag", "unknown key 'Flag'", "type 'x' has no such key",
	  "did you mean 'flag'? 'vif help x' lists all keys" },
	{ "x:a,bandwidth=1", "unknown key 'bandwidth'",
	  "type 'x' has no such key", "'vif help x' lists all keys" },
	{ "x:a," BYTES_64 "y", "unknown key '" BYTES_64 "'",
	  "type 'x' has no such key", "'vif help x' lists all keys" },
	{ "x:number=3", "key 'number' stands where the name belongs",
	  "keys come after the first comma",
	  "write x:NAME,number=3 or x:,number=3" },
	{ "x:ip=10.0.0.1/24,flag", "key 'ip' stands where the name belongs",
	  "keys come after the first comma",
	  "write x:NAME,ip=10.0.0.1/24 or x:,ip=10.0.0.1/24" },
	{ "x:a,flag,flag", "key 'flag' is given twice", "it takes one value",
	  "leave one of them out" },
	{ "x:a,size=64k,time=1s,size=64k", "key 'size' is given twice",
	  "it takes one value", "leave one of them out" },
	/* Values left out. */
	{ "x:a,number", NO_VALUE("number", "N") },
	{ "x:a,size", NO_VALUE("size", "SIZE") },
	{ "x:a,time", NO_VALUE("time", "TIME") },
	{ "x:a,share", NO_VALUE("share", "N%") },
	{ "x:a,name", NO_VALUE("name", "NAME") },
	{ "x:a,colour", NO_VALUE("colour", "CHOICE") },
	{ "x:a,mac", NO_VALUE("mac", "MAC") },
	{ "x:a,ip", NO_VALUE("ip", "IP/LEN") },
	/* Values that are none. */
	{ "x:a,flag=maybe", "bad value 'maybe' for key 'flag'",
	  "it is neither yes nor no",
	  "write yes or no, or the key alone for yes" },
	{ "x:a,flag=", "bad value '' for key 'flag'",
	  "it is neither yes nor no",
	  "write yes or no, or the key alone for yes" },
	{ "x:a,number=many", "bad value 'many' for key 'number'",
	  "it is no whole number", "write a whole number" },
	{ "x:a,size=1K", "bad value '1K' for key 'size'",
	  "it is no number of bytes", SIZE_HINT },
	{ "x:a,time=5", "bad value '5' for key 'time'", "it is no time",
	  TIME_HINT },
	{ "x:a,share=5", "bad value '5' for key 'share'", "it is no share",
	  "write a share such as 1% or 0.25%" },
	{ "x:a,name=", "bad value '' for key 'name'", "it is empty",
	  "write a text that is not empty" },
	{ "x:a,colour=pink", "bad value 'pink' for key 'colour'",
	  "it is none of the choices", "write one of: red | green | blue" },
	{ "x:a,mac=1", "bad value '1' for key 'mac'",
	  "it is no Ethernet address",
	  "write six bytes such as 02:00:5e:00:53:01" },
	{ "x:a,ip=1", "bad value '1' for key 'ip'",
	  "it is no IP address with a length",
	  "write an address such as 10.0.0.1/24 or fd00::1/64" },
	{ "x:a,name=a,number=" BYTES_64 "z",
	  "bad value '" BYTES_64 "' for key 'number'", "it is no whole number",
	  "write a whole number" },
	/* Values out of range. */
	{ "x:a,number=1", "bad value '1' for key 'number'",
	  "it is not between 2 and 9", "write a whole number" },
	{ "x:a,number=10", "bad value '10' for key 'number'",
	  "it is not between 2 and 9", "write a whole number" },
	{ "x:a,number=18446744073709551616",
	  "bad value '18446744073709551616' for key 'number'",
	  "it is not between 2 and 9", "write a whole number" },
	{ "x:a,any=4294967296", "bad value '4294967296' for key 'any'",
	  "it is out of range", "write a whole number" },
	{ "x:a,size=63", "bad value '63' for key 'size'", "it is out of range",
	  SIZE_HINT },
	{ "x:a,time=1.000000001s", "bad value '1.000000001s' for key 'time'",
	  "it is not between 0 and 1000000000", TIME_HINT },
	{ "x:a,share=101%", "bad value '101%' for key 'share'",
	  "it is out of range", "write a share such as 1% or 0.25%" },
};

static void bad_options_are_explained(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(option_errors); i++) {
		struct vif_error error;
		struct address address;
		struct options options;
		int r;

		memset(&error, 'x', sizeof(error));
		r = fill(option_errors[i].text, &address, &options, &error);
		compare(&option_errors[i], r, &error);
		assert_int_equal(
			fill(option_errors[i].text, &address, &options, NULL),
			-EINVAL);
	}
}

static void limits_themselves_are_allowed(void **state)
{
	static const char *const good[] = { "x:a,number=2", "x:a,number=9",
					    "x:a,size=64",  "x:a,time=1s",
					    "x:a,time=0s",  "x:a,any=0" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		struct vif_error error = { .code = 0 };
		struct address address;
		struct options options;

		if (fill(good[i], &address, &options, &error) != 0)
			fail_msg("%s: %s", good[i], error.why);
	}
}

/* An '=' in the name is fine as long as no key stands before it. */
static void names_may_have_an_equals(void **state)
{
	struct address address;
	struct options options;

	(void)state;
	assert_int_equal(fill("x:file=1", &address, &options, NULL), 0);
	assert_int_equal(fill("x:" BYTES_64 "=1", &address, &options, NULL), 0);
	assert_string_equal(address.main, BYTES_64 "=1");
}

static void every_type_names_its_values(void **state)
{
	(void)state;
	/* The table has a key of each type. */
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		assert_string_not_equal(port_key_value_name(keys[i].type), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_taken_apart),
		cmocka_unit_test(escaped_equals_is_no_value),
		cmocka_unit_test(bad_addresses_are_explained),
		cmocka_unit_test(lengths_are_limited),
		cmocka_unit_test(keys_are_limited),
		cmocka_unit_test(defaults_come_from_the_table),
		cmocka_unit_test(values_replace_defaults),
		cmocka_unit_test(prefixes_of_both_families),
		cmocka_unit_test(bad_prefixes_are_refused),
		cmocka_unit_test(prefixes_are_limited),
		cmocka_unit_test(descriptors_make_a_list),
		cmocka_unit_test(bad_options_are_explained),
		cmocka_unit_test(limits_themselves_are_allowed),
		cmocka_unit_test(names_may_have_an_equals),
		cmocka_unit_test(every_type_names_its_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
