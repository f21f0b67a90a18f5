/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Filling a struct vif_error. Every function takes NULL for "nobody asked".
 *
 * The innermost function that knows the reason sets code, what and why; those
 * further out add where and hint. Each returns the code, so that reporting and
 * returning are one statement.
 */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include <stddef.h>

#include <vif/error.h>

/* Set code and what; why becomes the text of the errno, where and hint "". */
int error_set(struct vif_error *error, int code, const char *format, ...)
	VIF_PRINTF(3, 4);

/* Replace the cause, where the errno says too little. */
int error_why(struct vif_error *error, int code, const char *format, ...)
	VIF_PRINTF(3, 4);

/* Say what the user can do. */
int error_hint(struct vif_error *error, int code, const char *format, ...)
	VIF_PRINTF(3, 4);

/* Say which address or option it is about, unless somebody did already. */
int error_where(struct vif_error *error, int code, const char *where);

/* The text of a negative errno: in text, or static. Any thread. */
const char *error_code_text(int code, char *text, size_t size);

#endif
