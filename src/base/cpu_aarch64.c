/* SPDX-License-Identifier: Apache-2.0 */
/* What an ARM of 64 bits can do. */
#include "base/cpu.h"

#include <asm/hwcap.h>
#include <sys/auxv.h>

bool cpu_has_aes(void)
{
	const unsigned long both = HWCAP_AES | HWCAP_PMULL;

	return (getauxval(AT_HWCAP) & both) == both;
}
