/* SPDX-License-Identifier: Apache-2.0 */
/* Version of the library. */
#include <vif/version.h>

#include "vif_features.h" /* made by Meson */

#define TEXT(x)  #x
#define VALUE(x) TEXT(x)

const char *vif_version(void)
{
	return VALUE(VIF_VERSION_MAJOR) "." VALUE(VIF_VERSION_MINOR) "." VALUE(
		VIF_VERSION_PATCH);
}

const char *vif_features(void)
{
	return VIF_FEATURES;
}
