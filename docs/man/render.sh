#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Fill the tables of commands and port types into the manual page.
# usage: render.sh VIF SCDOC INPUT OUTPUT
set -eu

tables=$(mktemp)
trap 'rm -f "$tables"' EXIT
"$1" help --scdoc >"$tables"
sed -e "/^@TABLES@\$/{r $tables" -e 'd' -e '}' "$3" | "$2" >"$4"
