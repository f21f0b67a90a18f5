/* SPDX-License-Identifier: Apache-2.0 */
/* What fuzz targets share. */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/*
 * The target: libFuzzer, which chose the name, calls it with inputs it makes
 * up, replay.c with those of the corpus. Returns 0.
 */
/* NOLINTNEXTLINE(readability-identifier-naming) */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What must hold for every input; anything else is a finding. */
#define require(condition) require_that(condition, #condition, __LINE__)

static inline void require_that(bool holds, const char *condition, int line)
{
	if (holds)
		return;
	(void)fprintf(stderr, "line %d: not true: %s\n", line, condition);
	abort();
}

#endif
