#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Check that every public header compiles alone, in C and in C++.

Arguments: the folder with vif/, the language (c or c++), and the compiler.
Each header is included twice, so its guard is checked, too.
"""

import glob
import os
import subprocess
import sys
import tempfile

WARNINGS = ["-Wall", "-Wextra", "-Werror"]
MODES = {
    "c": [["-std=gnu17"], ["-std=c11", "-pedantic"]],
    "c++": [["-std=c++17"]],
}


def compile_header(compiler, language, mode, include, header):
    """What the compiler says about a header; empty when it is content."""
    source = f'#include <{header}>\n#include <{header}>\n'
    run = subprocess.run(
        [*compiler, "-x", language, *mode, *WARNINGS, "-I", include,
         "-fsyntax-only", "-"],
        input=source, text=True, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, check=False)
    if run.returncode == 0:
        return ""
    return f"{header} {' '.join(mode)}:\n{run.stdout}"


def check(include, language, compiler):
    headers = sorted(glob.glob(os.path.join(include, "vif", "*.h")))
    faults = [compile_header(compiler, language, mode, include,
                             "vif/" + os.path.basename(path))
              for path in headers for mode in MODES[language]]
    faults = [fault for fault in faults if fault]
    if not headers:
        faults.append(f"no header in {include}/vif")
    return faults


def self_test(language, compiler):
    """A header that needs another one, or has no guard, must be found."""
    faults = []
    for text, is_good in [("int f(void);\n", True),
                          ("void f(size_t n);\n", False),
                          ("struct s { int a; };\n", False)]:
        with tempfile.TemporaryDirectory() as include:
            os.mkdir(os.path.join(include, "vif"))
            path = os.path.join(include, "vif", "a.h")
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
            if (not check(include, language, compiler)) != is_good:
                faults.append(f"wrong about {text!r}")
    return faults


def main():
    if sys.argv[1] == "--self-test":
        faults = self_test(sys.argv[2], sys.argv[3:])
    else:
        faults = check(sys.argv[1], sys.argv[2], sys.argv[3:])
    for fault in faults:
        print(fault)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
