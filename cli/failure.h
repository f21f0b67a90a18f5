/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Filling a struct vif_error for system calls the commands make themselves.
 *
 * Each function returns the code, so that reporting and returning are one
 * statement. What the library reports is passed on unchanged.
 */
#ifndef CLI_FAILURE_H
#define CLI_FAILURE_H

#include <vif/error.h>

/* Text of a negative errno. For the CLI's main thread only. */
const char *failure_text(int code);

/* Set code and what; why becomes the text of the errno, the rest "". */
int failure_set(struct vif_error *error, int code, const char *format, ...)
	VIF_PRINTF(3, 4);

/* Replace the cause, where the errno says too little. */
int failure_why(struct vif_error *error, int code, const char *format, ...)
	VIF_PRINTF(3, 4);

/* Say what the user can do. */
int failure_hint(struct vif_error *error, int code, const char *format, ...)
	VIF_PRINTF(3, 4);

#endif
