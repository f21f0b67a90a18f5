#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Make the public static library: one relocatable object of all members, with
# every hidden symbol made local.
# usage: archive.sh COMPILER... -- OBJCOPY AR INPUT OUTPUT WORKDIR
set -eu

compiler=
while [ "$1" != "--" ]; do
	compiler="$compiler $1"
	shift
done
objcopy=$2
ar=$3
input=$4
output=$5
work=$6

mkdir -p "$work"
# The compiler command may be several words, such as "ccache gcc".
# shellcheck disable=SC2086
$compiler -nostdlib -r -o "$work/vif.o" \
	-Wl,--whole-archive "$input" -Wl,--no-whole-archive
"$objcopy" --localize-hidden "$work/vif.o"
rm -f "$output"
"$ar" rcs "$output" "$work/vif.o"
