#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Check that nothing has grown too long to be read in one go.

Functions are found by their form: both braces of a body stand alone in the
first column, which the format check sees to.
"""

import re
import sys

import tree

FUNCTION_MAX = 70
SOURCE_MAX = 900
HEADER_MAX = 400
README_MAX = 120

BODY = re.compile(r"^\{\n(.*?)^\}$", re.MULTILINE | re.DOTALL)


def n_lines(text):
    return text.count("\n")


def check_length(root, path, limit):
    n = n_lines(tree.read(root, path))
    return [f"{path}: {n} lines, at most {limit}"] if n > limit else []


def check_functions(root, path):
    text = tree.read(root, path)
    faults = []
    for body in BODY.finditer(text):
        n = n_lines(body.group(1))
        if n > FUNCTION_MAX:
            line = n_lines(text[:body.start()]) + 1
            faults.append(f"{path}:{line}: function of {n} lines, at most "
                          f"{FUNCTION_MAX}")
    return faults


def check(root):
    faults = check_length(root, "README.md", README_MAX)
    for path in tree.files(root, ["include/vif"], ".h"):
        faults += check_length(root, path, HEADER_MAX)
    for path in tree.files(root, ["src", "cli"], ".c"):
        faults += check_length(root, path, SOURCE_MAX)
        faults += check_functions(root, path)
    return faults


def function(n):
    return "int f(void)\n{\n" + "\tg();\n" * n + "}\n"


GOOD = {
    "README.md": "a\n" * README_MAX,
    "include/vif/port.h": "a\n" * HEADER_MAX,
    "src/base/a.c": function(FUNCTION_MAX) * 2,
    "cli/main.c": "\n" * SOURCE_MAX,
}

BROKEN = [
    {"README.md": "a\n" * (README_MAX + 1)},
    {"include/vif/port.h": "a\n" * (HEADER_MAX + 1)},
    {"src/base/a.c": function(3) + function(FUNCTION_MAX + 1)},
    {"cli/main.c": function(FUNCTION_MAX + 1)},
    {"src/base/a.c": "\n" * (SOURCE_MAX + 1)},
]


if __name__ == "__main__":
    sys.exit(tree.main(check, GOOD, BROKEN))
