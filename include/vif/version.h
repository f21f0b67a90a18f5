/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Version of the library, and the macro every public declaration carries.
 *
 * The numbers follow semantic versioning; the SONAME changes with the first
 * number only. A function whose comment names no release has been there since
 * the first one, 0.1.
 */
#ifndef VIF_VERSION_H
#define VIF_VERSION_H

#ifdef __cplusplus
extern "C" {
#endif

/* Marks a symbol that libvif.so exports; src/libvif.sym has the list. */
#define VIF_API __attribute__((visibility("default")))

/* Lets the compiler check a format string; a is its place, b the arguments'. */
#define VIF_PRINTF(a, b) __attribute__((format(printf, a, b)))

#define VIF_VERSION_MAJOR 0
#define VIF_VERSION_MINOR 1
#define VIF_VERSION_PATCH 0

/**
 * vif_version() - version of the library in use
 *
 * May differ from the VIF_VERSION_* macros a program was built with.
 *
 * Return: "MAJOR.MINOR.PATCH", static.
 * Context: any thread; never blocks.
 */
VIF_API const char *vif_version(void);

/**
 * vif_features() - what this build of the library has
 *
 * What it lacks is not in it at all: its functions do not resolve, its ports
 * are unknown.
 *
 * Return: words with a space between them, of "tun", "memif", "trunk"; static.
 * Context: any thread; never blocks.
 */
VIF_API const char *vif_features(void);

#ifdef __cplusplus
}
#endif

#endif
