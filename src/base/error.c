/* SPDX-License-Identifier: Apache-2.0 */
/* The reason of a failure, in words. */
#include "base/error.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define FILL(field, format)                                           \
	do {                                                          \
		va_list args_;                                        \
		va_start(args_, format);                              \
		(void)vsnprintf(field, sizeof(field), format, args_); \
		va_end(args_);                                        \
	} while (0)

/* strerror() is not safe in threads, and its replacements come in two kinds. */
static void errno_text(int code, char *text, size_t size)
{
	const char *name = strerrordesc_np(-code);

	if (name)
		(void)snprintf(text, size, "%s", name);
	else
		(void)snprintf(text, size, "error %d", -code);
}

int error_set(struct vif_error *error, int code, const char *format, ...)
{
	assert(code < 0);
	if (!error)
		return code;
	*error = (struct vif_error){ .code = code };
	FILL(error->what, format);
	errno_text(code, error->why, sizeof(error->why));
	return code;
}

int error_why(struct vif_error *error, int code, const char *format, ...)
{
	assert(code < 0);
	if (error)
		FILL(error->why, format);
	return code;
}

int error_hint(struct vif_error *error, int code, const char *format, ...)
{
	assert(code < 0);
	if (error)
		FILL(error->hint, format);
	return code;
}

int error_where(struct vif_error *error, int code, const char *where)
{
	assert(code < 0);
	if (error && error->where[0] == '\0')
		(void)snprintf(error->where, sizeof(error->where), "%s", where);
	return code;
}

size_t vif_error_text(const struct vif_error *error, char *text, size_t size)
{
	int len = snprintf(text, size, "%s%s%s%s%s", error->where,
			   error->where[0] ? ": " : "", error->what,
			   error->why[0] ? ": " : "", error->why);

	return len < 0 ? 0 : (size_t)len;
}
