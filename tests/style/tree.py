# SPDX-License-Identifier: Apache-2.0
"""What the style checks share: reading the tree, and testing themselves."""

import os
import sys
import tempfile


def files(root, folders, suffix):
    """Sorted paths, relative to root, of the files below some folders."""
    found = []
    for folder in folders:
        for path, dirs, names in os.walk(os.path.join(root, folder)):
            dirs[:] = [name for name in dirs
                       if not name.startswith((".", "build", "__pycache__"))]
            found += [os.path.relpath(os.path.join(path, name), root)
                      for name in names
                      if name.endswith(suffix) and not name.startswith(".")]
    return sorted(found)


def read(root, path):
    with open(os.path.join(root, path), encoding="utf-8") as file:
        return file.read()


def write(root, contents):
    for path, text in contents.items():
        path = os.path.join(root, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)


def self_test(check, good, broken):
    """Return what is wrong with a check.

    It must find nothing in the tree good, and something in each tree that one
    entry of broken makes of it.
    """
    faults = []
    for i, change in enumerate([{}] + broken):
        with tempfile.TemporaryDirectory() as root:
            write(root, good)
            write(root, change)
            found = check(root)
        if i == 0 and found:
            faults.append(f"found in the good tree: {found}")
        elif i > 0 and not found:
            faults.append(f"found nothing wrong with {change}")
    return faults


def main(check, good, broken):
    """Run a check over the tree named on the command line, or on itself."""
    if len(sys.argv) != 2:
        print(f"usage: {sys.argv[0]} ROOT | --self-test")
        return 2
    if sys.argv[1] == "--self-test":
        faults = self_test(check, good, broken)
    else:
        faults = check(sys.argv[1])
    for fault in faults:
        print(fault)
    return 1 if faults else 0
