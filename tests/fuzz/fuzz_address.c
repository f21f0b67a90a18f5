/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The address grammar, the keys of every backend, and the units.
 *
 * The input is an address up to its first NUL. What is accepted must survive
 * being written down and parsed again.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "port/address.h"
#include "port/ops.h"
#include "port/units.h"
#include "tests/fuzz/fuzz.h"

enum fuzz_address_sizes {
	/* Every byte may need an escape, and main an '=' of its own. */
	TEXT_SIZE = 2 * ADDRESS_LEN_MAX + 2,
};

/* A table with a key of each type, and with limits. */
struct options {
	bool flag;
	bool flag_seen;
	uint32_t number;
	uint64_t size;
	uint64_t time;
	uint32_t share;
	const char *name;
	uint32_t choice;
	uint8_t mac[6];
	bool mac_seen;
	struct port_prefix_list ip;
	struct port_fd_list fd;
};

#define FIELD(name) offsetof(struct options, name)

static const char *const choices[] = { "one", "two", "two+three", NULL };

static const struct port_key all_types[] = {
	{ "flag", PORT_KEY_BOOL, FIELD(flag), "yes", "",
	  .seen_offset = FIELD(flag_seen) },
	{ "number", PORT_KEY_UINT, FIELD(number), NULL, "", .min = 3 },
	{ "size", PORT_KEY_SIZE, FIELD(size), "1.5Ki", "", .max = 1u << 30 },
	{ "time", PORT_KEY_TIME, FIELD(time), "0.3s", "" },
	{ "share", PORT_KEY_PERCENT, FIELD(share), NULL, "" },
	{ "name", PORT_KEY_STRING, FIELD(name), "x", "" },
	{ "choice", PORT_KEY_CHOICE, FIELD(choice), "two", "",
	  .choices = choices },
	{ "mac", PORT_KEY_MAC, FIELD(mac), NULL, "",
	  .seen_offset = FIELD(mac_seen) },
	{ "ip", PORT_KEY_PREFIX, FIELD(ip), NULL, "" },
	{ "fd", PORT_KEY_FD, FIELD(fd), NULL, "" },
};

static void check_error(int r, const struct vif_error *error)
{
	char text[1024];

	require(r == -EINVAL && error->code == -EINVAL);
	require(error->what[0] != '\0' && error->why[0] != '\0');
	require(vif_error_text(error, text, sizeof(text)) > 0);
}

/* Bytes of an options struct, up to the end of its last field. */
static size_t options_size(const struct port_key *keys, size_t n_keys)
{
	static const size_t sizes[] = {
		[PORT_KEY_BOOL] = sizeof(bool),
		[PORT_KEY_UINT] = sizeof(uint32_t),
		[PORT_KEY_SIZE] = sizeof(uint64_t),
		[PORT_KEY_TIME] = sizeof(uint64_t),
		[PORT_KEY_PERCENT] = sizeof(uint32_t),
		[PORT_KEY_STRING] = sizeof(const char *),
		[PORT_KEY_CHOICE] = sizeof(uint32_t),
		[PORT_KEY_MAC] = 6,
		[PORT_KEY_PREFIX] = sizeof(struct port_prefix_list),
		[PORT_KEY_FD] = sizeof(struct port_fd_list),
	};
	size_t size = 0;

	for (size_t i = 0; i < n_keys; i++) {
		size_t end = keys[i].offset + sizes[keys[i].type];

		if (keys[i].seen_offset + sizeof(bool) > end)
			end = keys[i].seen_offset + sizeof(bool);
		if (end > size)
			size = end;
	}
	return size;
}

static void try_options(const struct address *address,
			const struct port_key *keys, size_t n_keys)
{
	void *options = calloc(1, options_size(keys, n_keys));
	struct vif_error error = { .code = 0 };
	int r;

	require(options);
	r = address_options(address, keys, n_keys, options, &error);
	if (r < 0)
		check_error(r, &error);
	free(options);
}

static char *put_escaped(char *to, const char *from)
{
	for (; *from != '\0'; from++) {
		if (strchr(",=\\", *from))
			*to++ = '\\';
		*to++ = *from;
	}
	return to;
}

static void write_address(const struct address *address, char *to)
{
	/* A type has no escapes: a backslash in it is one. */
	to = stpcpy(to, address->type);
	*to++ = ':';
	to = put_escaped(to, address->main);
	for (size_t i = 0; i < address->n_item; i++) {
		*to++ = ',';
		to = put_escaped(to, address->item[i].key);
		if (!address->item[i].value)
			continue;
		*to++ = '=';
		to = put_escaped(to, address->item[i].value);
	}
	*to = '\0';
}

static void compare(const struct address *a, const struct address *b)
{
	require(strcmp(a->type, b->type) == 0);
	require(strcmp(a->main, b->main) == 0);
	require(a->n_item == b->n_item);
	for (size_t i = 0; i < a->n_item; i++) {
		const char *value = a->item[i].value;

		require(strcmp(a->item[i].key, b->item[i].key) == 0);
		require(!value == !b->item[i].value);
		require(!value || strcmp(value, b->item[i].value) == 0);
	}
}

/* Escapes make an address longer; then it may be too long, and no more. */
static void try_again(const struct address *address)
{
	struct vif_error error = { .code = 0 };
	struct address again;
	char text[TEXT_SIZE];

	write_address(address, text);
	if (address_parse(text, &again, &error) == 0)
		compare(address, &again);
	else
		require(strlen(text) >= ADDRESS_LEN_MAX);
}

/* A failure leaves the value alone. */
static void try_unit(int (*parse)(const char *, uint64_t *), const char *text)
{
	const uint64_t untouched = 0x5ca1ab1e;
	uint64_t value = untouched;

	if (parse(text, &value) < 0)
		require(value == untouched);
}

static int rate(const char *text, uint64_t *ret_value)
{
	enum units_rate kind;

	return units_rate(text, ret_value, &kind);
}

static void try_units(const char *text)
{
	uint32_t ppm = 0;
	uint8_t mac[6];
	bool flag;

	try_unit(units_uint, text);
	try_unit(units_size, text);
	try_unit(units_time, text);
	try_unit(rate, text);
	if (units_percent(text, &ppm) == 0)
		require(ppm <= 1000000);
	(void)units_bool(text, &flag); /* the sanitizers watch */
	(void)units_mac(text, mac);
}

static void try_address(const char *text)
{
	struct vif_error error = { .code = 0 };
	const struct vif_port_ops *ops;
	struct address address;
	int r = address_parse(text, &address, &error);

	if (r < 0) {
		check_error(r, &error);
		return;
	}
	try_again(&address);
	try_options(&address, all_types, ARRAY_LEN(all_types));
	ops = port_ops_find(address.type);
	if (ops)
		try_options(&address, ops->keys, ops->n_keys);
	for (size_t i = 0; i < address.n_item; i++)
		if (address.item[i].value)
			try_units(address.item[i].value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	require(text);
	if (size > 0)
		memcpy(text, data, size);
	text[size] = '\0';
	try_units(text);
	try_address(text);
	free(text);
	return 0;
}
