/* SPDX-License-Identifier: Apache-2.0 */
/* What a processor can do of which nothing is known. */
#include "base/cpu.h"

bool cpu_has_aes(void)
{
	return false;
}
