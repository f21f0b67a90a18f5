/* SPDX-License-Identifier: Apache-2.0 */
/* What the memif tests share: names of sockets, and counting descriptors. */
#ifndef TESTS_MEMIF_PLACE_H
#define TESTS_MEMIF_PLACE_H

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "port/memif/socket_name.h"

/*
 * A directory for socket files, made for each test and removed with what is in
 * it. For cmocka's setup and teardown.
 */
int place_make(void **state);
int place_remove(void **state);

/* A path in the directory; valid until the next call. */
const char *place_path(const char *file);

/* The same path, as an abstract name with '@'. */
const char *place_abstract(const char *file);

struct memif_socket_name place_name(const char *text);

/* How many descriptors this process has. */
unsigned int place_count_fds(void);

#endif
