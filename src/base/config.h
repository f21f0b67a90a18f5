/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Taking over a config struct whose first member is its size.
 *
 * The caller's struct may be shorter than ours, built against an older header:
 * what is missing is zero. It may be longer, if the part we do not know is zero.
 */
#ifndef BASE_CONFIG_H
#define BASE_CONFIG_H

#include <stddef.h>

#include <vif/error.h>

/*
 * config_take() - copy a config struct
 *
 * known is the size of ours; config may be NULL for all zero. Returns 0, or
 * -EINVAL with error filled.
 */
int config_take(const void *config, size_t known, void *ret_config,
		struct vif_error *error);

#endif
