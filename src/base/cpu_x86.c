/* SPDX-License-Identifier: Apache-2.0 */
/* What an x86 can do. */
#include "base/cpu.h"

bool cpu_has_aes(void)
{
	return __builtin_cpu_supports("aes") &&
	       __builtin_cpu_supports("pclmul");
}
