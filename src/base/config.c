/* SPDX-License-Identifier: Apache-2.0 */
/* Taking over a config struct whose first member is its size. */
#include "base/config.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"

int config_take(const void *config, size_t known, void *ret_config,
		struct vif_error *error)
{
	const unsigned char *byte = config;
	size_t size = known;

	memset(ret_config, 0, known);
	if (config)
		memcpy(&size, config, sizeof(size));
	if (size < sizeof(size)) {
		error_set(error, -EINVAL, "cannot use this config");
		return error_why(error, -EINVAL, "its size is not set");
	}
	for (size_t i = known; i < size; i++) {
		if (byte[i] == 0)
			continue;
		error_set(error, -EINVAL, "cannot use this config");
		return error_why(error, -EINVAL,
				 "it sets fields this library is too old for");
	}
	if (config)
		memcpy(ret_config, config, size < known ? size : known);
	memcpy(ret_config, &known, sizeof(known));
	return 0;
}
