/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The address grammar, used by the command line, files and programs alike:
 *
 *     TYPE ":" [MAIN] *("," KEY ["=" VALUE])
 *
 * KEY alone means yes. A backslash takes the meaning from the character after
 * it. A backend describes its keys in one table of struct port_key; parsing,
 * "vif help TYPE", the man page and completion all read that table.
 */
#ifndef PORT_ADDRESS_H
#define PORT_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vif/error.h>

enum address_limits {
	ADDRESS_LEN_MAX = 1024,  /* bytes of an address with its NUL */
	ADDRESS_ITEM_MAX = 64,   /* keys in it */
	ADDRESS_TYPE_MAX = 15,   /* bytes of TYPE */
	ADDRESS_PREFIX_MAX = 16, /* values of a repeatable prefix key */
	ADDRESS_FD_MAX = 256,    /* descriptors of a key */
};

/* An address taken apart, but not yet understood. Holds its own text. */
struct address {
	const char *type; /* lower case */
	const char *main; /* "" when left out */
	size_t n_item;
	struct address_item {
		const char *key;
		const char *value; /* NULL for a key alone */
	} item[ADDRESS_ITEM_MAX];
	char text[ADDRESS_LEN_MAX + 1]; /* what the pointers point into */
};

/* An IP address with a prefix length. */
struct port_prefix {
	uint8_t family; /* AF_INET or AF_INET6 */
	uint8_t len;    /* bits */
	uint8_t addr[16];
};

struct port_prefix_list {
	size_t n;
	struct port_prefix prefix[ADDRESS_PREFIX_MAX];
};

/* Descriptors this process has, or is given. */
struct port_fd_list {
	size_t n;
	int fd[ADDRESS_FD_MAX];
};

/* How a value is written, and which C type its field has. */
enum port_key_type {
	PORT_KEY_BOOL,    /* yes no on off true false 1 0; bool */
	PORT_KEY_UINT,    /* decimal; uint32_t */
	PORT_KEY_SIZE,    /* 64k 1Mi; uint64_t, bytes */
	PORT_KEY_TIME,    /* 10ms 250us 1s; uint64_t, nanoseconds */
	PORT_KEY_PERCENT, /* 1% 0.5%; uint32_t, millionths */
	PORT_KEY_STRING,  /* const char *, into struct address */
	PORT_KEY_CHOICE,  /* one of choices; uint32_t, its index */
	PORT_KEY_MAC,     /* 02:00:5e:00:53:01; uint8_t[6] */
	PORT_KEY_PREFIX,  /* 10.0.0.1/24 fd00::1/64; port_prefix_list */
	PORT_KEY_FD,      /* 3 3+4+5; port_fd_list */
};

/*
 * One key. def is parsed like a value before the user's, so that the help
 * cannot disagree with the code; NULL leaves the field zero.
 */
struct port_key {
	const char *name;
	enum port_key_type type;
	size_t offset;              /* of its field in the options struct */
	const char *def;            /* default as text, or NULL */
	const char *help;           /* one line */
	const char *const *choices; /* PORT_KEY_CHOICE: ends with NULL */
	uint64_t min;               /* numbers: smallest value */
	uint64_t max;               /* numbers: largest, 0 for no limit */
	size_t seen_offset;         /* of a bool set when given, or 0 */
};

/*
 * address_parse() - take an address apart
 *
 * ret_address is undefined after a failure. It must not be copied, since its
 * pointers point into itself. Returns 0 or -EINVAL with error filled.
 */
int address_parse(const char *text, struct address *ret_address,
		  struct vif_error *error);

/*
 * address_options() - fill an options struct from the keys of an address
 *
 * options is zeroed memory with the fields the table names; strings in it
 * borrow from address. Unknown keys, bad values and repeated keys are errors.
 * Returns 0 or -EINVAL with error filled.
 */
int address_options(const struct address *address, const struct port_key *keys,
		    size_t n_keys, void *options, struct vif_error *error);

/* Name of a type's values for people: "SIZE", "yes|no", "IP/LEN". */
const char *port_key_value_name(enum port_key_type type);

#endif
