/* SPDX-License-Identifier: Apache-2.0 */
/* Taking addresses apart, and filling options from their keys. */
#include "port/address.h"

#include <arpa/inet.h>
#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/nearest.h"
#include "port/units.h"

#define SYNTAX "TYPE:NAME,KEY=VALUE,...; 'vif help' lists the types"

/*
 * Moves text up to the next comma to *out, without its escapes, and ends it
 * with NUL. Returns where reading stopped, or NULL for an escape of nothing.
 */
static const char *take_field(const char *in, char **out, char **ret_equals)
{
	char *to = *out;

	*ret_equals = NULL;
	for (; *in != '\0' && *in != ','; in++) {
		if (*in == '\\') {
			if (*++in == '\0')
				return NULL;
		} else if (*in == '=' && !*ret_equals) {
			*ret_equals = to;
		}
		*to++ = *in;
	}
	*to++ = '\0';
	*out = to;
	return in;
}

static int take_type(const char *text, char **out, struct address *address,
		     struct vif_error *error)
{
	size_t len = strcspn(text, ":,=");

	if (text[len] != ':' || len == 0) {
		error_set(error, -EINVAL, "'%.64s' is no address", text);
		error_why(error, -EINVAL,
			  "it does not start with a type and "
			  "a colon");
		return error_hint(error, -EINVAL, "write " SYNTAX);
	}
	if (len > ADDRESS_TYPE_MAX) {
		error_set(error, -EINVAL, "unknown type '%.*s'", (int)len,
			  text);
		error_why(error, -EINVAL, "no type has so long a name");
		return error_hint(error, -EINVAL, "'vif help' lists the types");
	}
	address->type = *out;
	for (size_t i = 0; i < len; i++)
		*(*out)++ = (char)tolower((unsigned char)text[i]);
	*(*out)++ = '\0';
	return (int)len + 1;
}

static int take_item(const char *key, char *equals, struct address *address,
		     struct vif_error *error)
{
	if (key[0] == '\0' || key == equals) {
		error_set(error, -EINVAL, "empty key in address");
		error_why(error, -EINVAL,
			  "there is nothing between two commas "
			  "or before '='");
		return error_hint(error, -EINVAL,
				  "a comma inside a value is written \\,");
	}
	if (address->n_item == ADDRESS_ITEM_MAX) {
		error_set(error, -EINVAL, "too many keys in address");
		return error_why(error, -EINVAL, "the limit is %d",
				 ADDRESS_ITEM_MAX);
	}
	if (equals)
		*equals = '\0';
	address->item[address->n_item++] = (struct address_item){
		.key = key,
		.value = equals ? equals + 1 : NULL,
	};
	return 0;
}

int address_parse(const char *text, struct address *ret_address,
		  struct vif_error *error)
{
	struct address *address = ret_address;
	char *out = address->text;
	char *equals;
	char *field;
	int r;

	address->n_item = 0;
	if (strnlen(text, ADDRESS_LEN_MAX) == ADDRESS_LEN_MAX) {
		error_set(error, -EINVAL, "address too long");
		return error_why(error, -EINVAL, "the limit is %d bytes",
				 ADDRESS_LEN_MAX - 1);
	}
	r = take_type(text, &out, address, error);
	if (r < 0)
		return r;
	text += r;
	for (size_t i = 0; i == 0 || *text == ','; i++) {
		text += i > 0;
		field = out;
		text = take_field(text, &out, &equals);
		if (!text) {
			error_set(error, -EINVAL, "address ends in '\\'");
			return error_why(error, -EINVAL,
					 "there is nothing to escape");
		}
		if (i == 0) {
			address->main = field;
			continue;
		}
		r = take_item(field, equals, address, error);
		if (r < 0)
			return r;
	}
	assert(out <= address->text + sizeof(address->text));
	return 0;
}

const char *port_key_value_name(enum port_key_type type)
{
	static const char *const names[] = {
		[PORT_KEY_BOOL] = "yes|no",   [PORT_KEY_UINT] = "N",
		[PORT_KEY_SIZE] = "SIZE",     [PORT_KEY_TIME] = "TIME",
		[PORT_KEY_PERCENT] = "N%",    [PORT_KEY_STRING] = "NAME",
		[PORT_KEY_CHOICE] = "CHOICE", [PORT_KEY_MAC] = "MAC",
		[PORT_KEY_PREFIX] = "IP/LEN", [PORT_KEY_FD] = "N[+N]...",
	};

	return names[type];
}

/* "it is ..." */
static const char *const value_faults[] = {
	[PORT_KEY_BOOL] = "neither yes nor no",
	[PORT_KEY_UINT] = "no whole number",
	[PORT_KEY_SIZE] = "no number of bytes",
	[PORT_KEY_TIME] = "no time",
	[PORT_KEY_PERCENT] = "no share",
	[PORT_KEY_STRING] = "empty",
	[PORT_KEY_CHOICE] = "none of the choices",
	[PORT_KEY_MAC] = "no Ethernet address",
	[PORT_KEY_PREFIX] = "no IP address with a length",
	[PORT_KEY_FD] = "no number of a descriptor",
};

static const char *const value_hints[] = {
	[PORT_KEY_BOOL] = "write yes or no, or the key alone for yes",
	[PORT_KEY_UINT] = "write a whole number",
	[PORT_KEY_SIZE] = "write a number of bytes such as 1500, 64k or 2Mi",
	[PORT_KEY_TIME] = "write a time with a unit such as 10ms, 250us or 1s",
	[PORT_KEY_PERCENT] = "write a share such as 1% or 0.25%",
	[PORT_KEY_STRING] = "write a text that is not empty",
	[PORT_KEY_CHOICE] = "write one of the listed words",
	[PORT_KEY_MAC] = "write six bytes such as 02:00:5e:00:53:01",
	[PORT_KEY_PREFIX] =
		"write an address such as 10.0.0.1/24 or fd00::1/64",
	[PORT_KEY_FD] = "write numbers of open descriptors such as 3 or 3+4",
};

static int bad_value(const struct port_key *key, const char *value, int code,
		     struct vif_error *error)
{
	char list[128] = "";

	error_set(error, -EINVAL, "bad value '%.64s' for key '%s'", value,
		  key->name);
	if (code == -ERANGE && key->max > 0)
		error_why(error, -EINVAL, "it is not between %llu and %llu",
			  (unsigned long long)key->min,
			  (unsigned long long)key->max);
	else if (code == -ERANGE)
		error_why(error, -EINVAL, "it is out of range");
	else if (code == -E2BIG)
		return error_why(error, -EINVAL,
				 "the key has more than %d values",
				 key->type == PORT_KEY_FD ? ADDRESS_FD_MAX :
							    ADDRESS_PREFIX_MAX);
	else
		error_why(error, -EINVAL, "it is %s", value_faults[key->type]);
	if (key->type != PORT_KEY_CHOICE)
		return error_hint(error, -EINVAL, "%s", value_hints[key->type]);
	for (size_t i = 0; key->choices[i]; i++)
		(void)snprintf(list + strlen(list), sizeof(list) - strlen(list),
			       "%s%s", i > 0 ? " | " : "", key->choices[i]);
	return error_hint(error, -EINVAL, "write one of: %s", list);
}

static int parse_choice(const char *const *choices, const char *text,
			uint32_t *ret_index)
{
	for (uint32_t i = 0; choices[i]; i++) {
		if (strcmp(choices[i], text) == 0) {
			*ret_index = i;
			return 0;
		}
	}
	return -EINVAL;
}

/* ADDRESS/LEN; IPv6 may stand in brackets. Without /LEN it is one host. */
static int parse_prefix(const char *text, struct port_prefix *ret_prefix)
{
	struct port_prefix prefix = { .family = AF_INET };
	char address[64];
	const char *slash = strchr(text, '/');
	size_t len = slash ? (size_t)(slash - text) : strlen(text);
	uint64_t bits;

	if (len >= 2 && text[0] == '[' && text[len - 1] == ']') {
		text++;
		len -= 2;
	}
	if (len >= sizeof(address))
		return -EINVAL;
	memcpy(address, text, len);
	address[len] = '\0';
	if (strchr(address, ':'))
		prefix.family = AF_INET6;
	if (inet_pton(prefix.family, address, prefix.addr) != 1)
		return -EINVAL;
	bits = prefix.family == AF_INET ? 32 : 128;
	prefix.len = (uint8_t)bits;
	if (slash) {
		uint64_t given;

		if (units_uint(slash + 1, &given) < 0 || given > bits)
			return -EINVAL;
		prefix.len = (uint8_t)given;
	}
	*ret_prefix = prefix;
	return 0;
}

static int add_prefix(const char *text, struct port_prefix_list *list)
{
	int r;

	if (list->n == ADDRESS_PREFIX_MAX)
		return -E2BIG;
	r = parse_prefix(text, &list->prefix[list->n]);
	if (r == 0)
		list->n++;
	return r;
}

/* A number, or several with + between them. */
static int add_fds(const char *text, struct port_fd_list *list)
{
	char number[16];
	uint64_t value;
	size_t len;

	for (;; text += len + 1) {
		len = strcspn(text, "+");
		if (len >= sizeof(number))
			return -EINVAL;
		memcpy(number, text, len);
		number[len] = '\0';
		if (units_uint(number, &value) < 0 || value > INT_MAX)
			return -EINVAL;
		if (list->n == ADDRESS_FD_MAX)
			return -E2BIG;
		list->fd[list->n++] = (int)value;
		if (text[len] == '\0')
			return 0;
	}
}

static int parse_number(const struct port_key *key, const char *text,
			uint64_t *ret_value)
{
	uint64_t value;
	int r;

	if (key->type == PORT_KEY_UINT)
		r = units_uint(text, &value);
	else if (key->type == PORT_KEY_SIZE)
		r = units_size(text, &value);
	else
		r = units_time(text, &value);
	if (r < 0)
		return r;
	if (value < key->min || (key->max > 0 && value > key->max))
		return -ERANGE;
	if (key->type == PORT_KEY_UINT && value > UINT32_MAX)
		return -ERANGE;
	*ret_value = value;
	return 0;
}

static int parse_text(const char *text, const char **ret_text)
{
	if (text[0] == '\0')
		return -EINVAL;
	*ret_text = text;
	return 0;
}

static int store(const struct port_key *key, const char *text, void *options)
{
	void *field = (char *)options + key->offset;
	uint64_t number;
	int r;

	switch (key->type) {
	case PORT_KEY_BOOL:
		return units_bool(text, field);
	case PORT_KEY_UINT:
		r = parse_number(key, text, &number);
		if (r == 0)
			*(uint32_t *)field = (uint32_t)number;
		return r;
	case PORT_KEY_SIZE:
	case PORT_KEY_TIME:
		return parse_number(key, text, field);
	case PORT_KEY_PERCENT:
		return units_percent(text, field);
	case PORT_KEY_STRING:
		return parse_text(text, field);
	case PORT_KEY_CHOICE:
		return parse_choice(key->choices, text, field);
	case PORT_KEY_MAC:
		return units_mac(text, field);
	case PORT_KEY_PREFIX:
		return add_prefix(text, field);
	case PORT_KEY_FD:
		return add_fds(text, field);
	}
	return -EINVAL;
}

static const struct port_key *find_key(const struct port_key *keys,
				       size_t n_keys, const char *name)
{
	for (size_t i = 0; i < n_keys; i++)
		if (strcmp(keys[i].name, name) == 0)
			return &keys[i];
	return NULL;
}

static int unknown_key(const struct address *address,
		       const struct port_key *keys, size_t n_keys,
		       const char *name, struct vif_error *error)
{
	struct nearest nearest = nearest_to(name);

	for (size_t i = 0; i < n_keys; i++)
		nearest_try(&nearest, keys[i].name);
	error_set(error, -EINVAL, "unknown key '%.64s'", name);
	error_why(error, -EINVAL, "type '%s' has no such key", address->type);
	if (nearest_found(&nearest))
		return error_hint(error, -EINVAL,
				  "did you mean '%s'? 'vif help %s' lists "
				  "all keys",
				  nearest_found(&nearest), address->type);
	return error_hint(error, -EINVAL, "'vif help %s' lists all keys",
			  address->type);
}

/* "tun:ip=10.0.0.1/24": the name was left out, and its comma with it. */
static int check_main(const struct address *address,
		      const struct port_key *keys, size_t n_keys,
		      struct vif_error *error)
{
	const char *equals = strchr(address->main, '=');
	char name[NEAREST_WORD_MAX + 1];

	if (!equals || equals - address->main > NEAREST_WORD_MAX)
		return 0;
	(void)snprintf(name, sizeof(name), "%.*s",
		       (int)(equals - address->main), address->main);
	if (!find_key(keys, n_keys, name))
		return 0;
	error_set(error, -EINVAL, "key '%s' stands where the name belongs",
		  name);
	error_why(error, -EINVAL, "keys come after the first comma");
	return error_hint(error, -EINVAL, "write %s:NAME,%s or %s:,%s",
			  address->type, address->main, address->type,
			  address->main);
}

static int store_item(const struct port_key *key,
		      const struct address_item *item, bool repeated,
		      void *options, struct vif_error *error)
{
	const char *value = item->value;
	int r;

	if (repeated && key->type != PORT_KEY_PREFIX &&
	    key->type != PORT_KEY_FD) {
		error_set(error, -EINVAL, "key '%s' is given twice", key->name);
		error_why(error, -EINVAL, "it takes one value");
		return error_hint(error, -EINVAL, "leave one of them out");
	}
	if (!value && key->type != PORT_KEY_BOOL) {
		error_set(error, -EINVAL, "key '%s' has no value", key->name);
		error_why(error, -EINVAL,
			  "only yes-or-no keys can stand "
			  "alone");
		return error_hint(error, -EINVAL, "write %s=%s", key->name,
				  port_key_value_name(key->type));
	}
	r = store(key, value ? value : "yes", options);
	if (r < 0)
		return bad_value(key, value ? value : "yes", r, error);
	if (key->seen_offset > 0)
		*(bool *)((char *)options + key->seen_offset) = true;
	return 0;
}

int address_options(const struct address *address, const struct port_key *keys,
		    size_t n_keys, void *options, struct vif_error *error)
{
	bool seen[ADDRESS_ITEM_MAX] = { false };
	int r = check_main(address, keys, n_keys, error);

	assert(n_keys <= ADDRESS_ITEM_MAX);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n_keys; i++) {
		if (!keys[i].def)
			continue;
		r = store(&keys[i], keys[i].def, options);
		assert(r == 0); /* the table's own default */
	}
	for (size_t i = 0; i < address->n_item; i++) {
		const struct address_item *item = &address->item[i];
		const struct port_key *key = find_key(keys, n_keys, item->key);

		if (!key)
			return unknown_key(address, keys, n_keys, item->key,
					   error);
		r = store_item(key, item, seen[key - keys], options, error);
		if (r < 0)
			return r;
		seen[key - keys] = true;
	}
	return 0;
}
