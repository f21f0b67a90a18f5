#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Check that the library exports its interface and nothing else.

Three lists must be equal: what libvif.so exports, src/libvif.sym, and the
prototypes marked VIF_API in include/vif. libvif.a may define global symbols
only in the name space vif_.
"""

import argparse
import glob
import os
import re
import subprocess
import sys

PROTOTYPE = re.compile(r"^VIF_API\s[^;(]*?(\w+)\s*\(", re.MULTILINE)


def declared(text):
    """Functions that a header declares."""
    return set(PROTOTYPE.findall(text))


def listed(text):
    """Names a version script makes global; a pattern is none."""
    text = re.sub(r"/\*.*?\*/|#[^\n]*", "", text, flags=re.DOTALL)
    names = set()
    for part in re.findall(r"\bglobal:(.*?)(?:\blocal:|\})", text, re.DOTALL):
        names |= {name.strip() for name in part.split(";") if name.strip()}
    return names


def defined(text):
    """Symbols in the output of nm, without versions and version nodes."""
    names = set()
    for line in text.splitlines():
        fields = line.split()
        if len(fields) == 3 and fields[1] != "A":
            names.add(fields[2].split("@")[0])
    return names


def compare(shared, sym, headers):
    faults = []
    lists = {"libvif.so": shared, "src/libvif.sym": sym,
             "include/vif": headers}
    for name in sorted(shared | sym | headers):
        absent = [where for where, names in lists.items() if name not in names]
        if absent:
            faults.append(f"{name} is not in {', '.join(absent)}")
    if not headers:
        faults.append("include/vif declares nothing")
    return faults


def check_static(names):
    faults = [f"libvif.a defines {name}" for name in sorted(names)
              if not name.startswith("vif_")]
    if not names:
        faults.append("libvif.a defines nothing")
    return faults


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def nm(command, *arguments):
    return subprocess.run([command, *arguments], check=True, text=True,
                          stdout=subprocess.PIPE).stdout


def headers_of(folder, without):
    """What the headers declare, but for those that this build lacks."""
    names = set()
    for path in glob.glob(os.path.join(folder, "vif", "*.h")):
        if os.path.basename(path).removesuffix(".h") not in without:
            names |= declared(read(path))
    return names


def check(args):
    headers = headers_of(args.include, args.without)
    shared = defined(nm(args.nm, "-D", "--defined-only", args.shared))
    static = defined(nm(args.nm, "-g", "--defined-only", args.static))
    faults = compare(shared, listed(read(args.sym)), headers)
    faults += check_static(static)
    faults += [f"{name} is not in libvif.a" for name in sorted(headers - static)]
    return faults


def self_test():
    """Each kind of difference must be found."""
    header = ("VIF_API int vif_a(int a,\n\t\t  int b);\n"
              "VIF_API const char *\nvif_b(void);\nint vif_hidden(void);\n")
    sym = "VIF_0 {\nglobal:\n\tvif_a; /* vif_x; */\n\tvif_b;\nlocal:\n\t*;\n};"
    symbols = "0000 A VIF_0\n0010 A VIF_0\n1 T vif_a@@VIF_0\n2 T vif_b\n"
    good = {"vif_a", "vif_b"}
    assert declared(header) == good, declared(header)
    assert listed(sym) == good, listed(sym)
    assert defined(symbols) == good, defined(symbols)
    assert not compare(good, good, good)
    assert compare(good | {"c"}, good, good)
    assert compare(good, good | {"vif_*"}, good)
    assert compare(good, good, good | {"vif_c"})
    assert compare({"vif_a"}, good, good)
    assert compare(set(), set(), set())
    assert not check_static(good)
    assert check_static(good | {"port_drop"})
    assert check_static(set())
    return []


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--self-test", action="store_true")
    parser.add_argument("--nm", default="nm")
    parser.add_argument("--without", nargs="*", default=[])
    for name in ("shared", "static", "sym", "include"):
        parser.add_argument(f"--{name}")
    args = parser.parse_args()
    faults = self_test() if args.self_test else check(args)
    for fault in faults:
        print(fault)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
