/* SPDX-License-Identifier: Apache-2.0 */
/* What descriptors are to each other. */
#ifndef OS_FD_H
#define OS_FD_H

#include <stdbool.h>

/*
 * fd_is_copy() - tell whether two descriptors are one open file
 *
 * As dup(2) makes them. False also when the kernel cannot say, or may not: one
 * before 6.10 that was built without kcmp(2), or that does not let us ask.
 */
bool fd_is_copy(int a, int b);

#endif
