/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What failed, where, why, and what to do about it.
 *
 * Functions of this library return a negative errno when the caller cannot
 * continue. The ones that people call with their own input also take a
 * struct vif_error and fill it with text. The library never prints it.
 */
#ifndef VIF_ERROR_H
#define VIF_ERROR_H

#include <stddef.h>

#include <vif/version.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * struct vif_error - the reason of a failure, in words
 *
 * Plain memory of the caller; no initialisation is needed before a call, and
 * nothing has to be freed. Filled only when the call fails. Texts are cut to
 * fit and always end in NUL.
 */
struct vif_error {
	int code;        /* negative errno, the same as the return value */
	char where[128]; /* the address or option it is about, or "" */
	char what[256];  /* what could not be done */
	char why[256];   /* the cause */
	char hint[384];  /* what the user can do, or "" */
};

/**
 * vif_error_text() - write an error as "where: what: why"
 * @error: filled by a failed call; borrowed.
 * @text:  buffer for the line; always ends in NUL when @size is not 0.
 * @size:  bytes of @text.
 *
 * The hint is not part of the line, so that a program can place it itself.
 *
 * Return: length the whole line has, as snprintf() does.
 * Context: any thread; never blocks.
 */
VIF_API size_t vif_error_text(const struct vif_error *error, char *text,
			      size_t size);

#ifdef __cplusplus
}
#endif

#endif
