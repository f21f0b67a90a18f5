/* SPDX-License-Identifier: Apache-2.0 */
/* Failures of system calls that the commands make themselves, in words. */
#include "cli/failure.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *failure_text(int code)
{
	/* NOLINTNEXTLINE(concurrency-mt-unsafe): there is one caller thread. */
	return strerror(-code);
}

int failure_set(struct vif_error *error, int code, const char *format, ...)
{
	va_list args;

	assert(code < 0);
	*error = (struct vif_error){ .code = code };
	va_start(args, format);
	(void)vsnprintf(error->what, sizeof(error->what), format, args);
	va_end(args);
	(void)snprintf(error->why, sizeof(error->why), "%s",
		       failure_text(code));
	return code;
}

int failure_why(struct vif_error *error, int code, const char *format, ...)
{
	va_list args;

	assert(code < 0);
	va_start(args, format);
	(void)vsnprintf(error->why, sizeof(error->why), format, args);
	va_end(args);
	return code;
}

int failure_hint(struct vif_error *error, int code, const char *format, ...)
{
	va_list args;

	assert(code < 0);
	va_start(args, format);
	(void)vsnprintf(error->hint, sizeof(error->hint), format, args);
	va_end(args);
	return code;
}
