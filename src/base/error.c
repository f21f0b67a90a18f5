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

/* strerror_r() fills the buffer in musl, and may return a text in glibc. */
static const char *filled(int result, const char *buffer)
{
	return result == 0 ? buffer : "unknown error";
}

static const char *returned(const char *text, const char *buffer)
{
	(void)buffer;
	return text;
}

#define TEXT_OF(result, buffer) \
	_Generic((result), int : filled, char * : returned)(result, buffer)

const char *error_code_text(int code, char *text, size_t size)
{
	return TEXT_OF(strerror_r(-code, text, size), text);
}

int error_set(struct vif_error *error, int code, const char *format, ...)
{
	char text[128];

	assert(code < 0);
	if (!error)
		return code;
	*error = (struct vif_error){ .code = code };
	FILL(error->what, format);
	(void)snprintf(error->why, sizeof(error->why), "%s",
		       error_code_text(code, text, sizeof(text)));
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
