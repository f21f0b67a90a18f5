/* SPDX-License-Identifier: Apache-2.0 */
/* Help texts; all of them come from the tables of commands and port types. */
#ifndef CLI_HELP_H
#define CLI_HELP_H

#include <stdio.h>

/* The page that "vif help" shows. */
void help_overview(FILE *out);

/* Report an unknown command or topic; returns CLI_USAGE. */
int help_unknown_command(const char *name);

#endif
