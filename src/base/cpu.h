/* SPDX-License-Identifier: Apache-2.0 */
/* What the processor can do. */
#ifndef BASE_CPU_H
#define BASE_CPU_H

#include <stdbool.h>

/*
 * cpu_has_aes() - whether AES-GCM is fast: there are instructions for AES, and
 * for multiplying without carry. Any thread.
 */
bool cpu_has_aes(void);

#endif
