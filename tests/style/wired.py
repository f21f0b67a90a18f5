#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Check that every test is named in a meson.build: no test is dead.

Tests are *_test.c and *_test.py anywhere, and tests/fuzz/fuzz_*.c. A meson.build
names a file of its folder, or of one below, by its path from there. It may
leave out the ending: src/port/tun/tun_test.c is 'tun_test.c', 'tun_test' or
'tun' in its folder, and 'tun/tun_test.c' one higher.
"""

import os
import re
import sys

import tree

STRING = re.compile(r"'([^'\n]*)'")
COMMENT = re.compile(r"#.*")


def is_test(path):
    folder, name = os.path.split(path)
    return name.endswith(("_test.c", "_test.py")) or (
        folder == "tests/fuzz" and name.startswith("fuzz_"))


def ways_to_name(path):
    stem, _ = os.path.splitext(path)
    return {path, stem, stem.removesuffix("_test")}


def named_files(root):
    """Paths, relative to root, that the strings could mean."""
    named = set()
    for path in tree.files(root, ["."], "meson.build"):
        text = COMMENT.sub("", tree.read(root, path))
        for string in STRING.findall(text):
            named.add(os.path.normpath(
                os.path.join(os.path.dirname(path), string)))
    return named


def check(root):
    named = named_files(root)
    paths = [os.path.normpath(path)
             for path in tree.files(root, ["."], (".c", ".py"))]
    tests = [path for path in paths if is_test(path)]
    faults = [f"{path}: no meson.build names it" for path in tests
              if not ways_to_name(path) & named]
    if not tests:
        faults.append("there is not a single test")
    return faults


GOOD = {
    "src/packet/meson.build": "unit_tests += files('cut_test.c')\n",
    "src/packet/cut_test.c": "",
    "src/packet/cut.c": "",
    "src/port/meson.build": "tests += 'tun/tun_test'\n",
    "src/port/tun/tun_test.c": "",
    "tests/fuzz/meson.build": "foreach name : ['fuzz_address']\nendforeach\n",
    "tests/fuzz/fuzz_address.c": "",
    "tests/net/meson.build": "net_tests = {'ping': 60}\n",
    "tests/net/ping_test.py": "",
    "tests/net/harness.py": "",
}

BROKEN = [
    {"src/packet/glue_test.c": ""},
    {"src/wire/cut_test.c": ""},
    {"src/packet/meson.build": "# 'cut_test.c'\n"},
    {"src/packet/meson.build": "sources += files('cut.c')\n"},
    {"tests/fuzz/fuzz_header.c": ""},
    {"tests/net/link_test.c": ""},
    {"tests/net/link_test.py": ""},
]


if __name__ == "__main__":
    sys.exit(tree.main(check, GOOD, BROKEN))
