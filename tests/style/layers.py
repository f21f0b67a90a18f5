#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Check that dependencies between the folders point one way.

base <- wire <- packet, ring <- port <- link <- cli, with os beside wire, and
trunk beside port. Reads #include "x/y.h" in src/ and cli/. Includes in angle
brackets are free: they are the system's, or the public headers.
"""

import os
import re
import sys

import tree

# Which folders of src a folder may include from, besides itself. A folder that
# is not here is an error, so that a new one is placed on purpose.
MAY_USE = {
    "base": set(),
    "wire": {"base"},
    "packet": {"base", "wire"},
    "ring": {"base", "wire"},
    "os": {"base"},
    "trunk": {"base", "wire", "packet"},
    "port": {"base", "wire", "packet", "ring", "os"},
    "link": {"base", "wire", "packet", "ring", "os", "port", "trunk"},
}
MAY_USE["cli"] = set(MAY_USE)

NO_NAMES = {"util", "utils", "common", "misc", "helper", "helpers"}
DEPTH_MAX = 3  # src/port/tun/io.c

INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"', re.MULTILINE)


def place_of(path):
    """Folder and backend a path relative to the root belongs to."""
    parts = path.split("/")
    if parts[0] == "cli":
        return "cli", None
    if parts[0] != "src" or len(parts) < 3:
        return None, None
    backend = parts[2] if parts[1] == "port" and len(parts) > 3 else None
    return parts[1], backend


def resolve(root, path, include):
    """Path, relative to the root, that an include of a file means.

    A header that does not exist is generated; its name tells where.
    """
    beside = os.path.join(os.path.dirname(path), include)
    for candidate in (beside, "src/" + include, include):
        candidate = os.path.normpath(candidate)
        if os.path.exists(os.path.join(root, candidate)):
            return candidate
    return "src/" + include if "/" in include else os.path.normpath(beside)


def check_include(path, target):
    """Why a file must not include another one, or None."""
    folder, backend = place_of(path)
    to_folder, to_backend = place_of(target)
    if target.startswith("include/"):
        return None
    if target.startswith("tests/"):
        return None if path.endswith("_test.c") else "code uses a test"
    if to_folder is None:
        return "it is in no layer"
    if to_folder not in MAY_USE:
        return f"layers.py does not know src/{to_folder}"
    if folder != to_folder and to_folder not in MAY_USE[folder]:
        return f"{folder} must not use {to_folder}"
    if to_backend and folder != "cli" and backend != to_backend:
        return f"only the backend itself may use port/{to_backend}"
    return None


def check_file(root, path):
    folder, _ = place_of(path)
    if folder is None:
        return []
    if folder not in MAY_USE:
        return [f"{path}: layers.py does not know src/{folder}"]
    faults = []
    for include in INCLUDE.findall(tree.read(root, path)):
        fault = check_include(path, resolve(root, path, include))
        if fault:
            faults.append(f'{path}: #include "{include}": {fault}')
    return faults


def check_name(path):
    faults = []
    parts = path.split("/")
    for part in parts[:-1]:
        if part in NO_NAMES:
            faults.append(f"{path}: the folder name {part} says nothing")
    if parts[0] == "src" and len(parts) - 1 > DEPTH_MAX:
        faults.append(f"{path}: more than {DEPTH_MAX} deep below src")
    return faults


def check(root):
    faults = []
    for path in tree.files(root, ["src", "cli"], ""):
        faults += check_name(path)
        if path.endswith((".c", ".h")):
            faults += check_file(root, path)
    return faults


GOOD = {
    "src/base/bits.h": "",
    "src/wire/ip.h": '#include "base/bits.h"\n',
    "src/wire/ip.c": '#include "ip.h"\n#include <vif/packet.h>\n',
    "src/packet/cut.h": '#include "wire/ip.h"\n',
    "src/os/netlink.h": '#include "base/bits.h"\n',
    "src/port/ops.h": '#include "packet/cut.h"\n#include "os/netlink.h"\n',
    "src/port/port.c": '#include "port/ops.h"\n#include "port/registry.h"\n',
    "src/port/tun/tun.h": '#include "port/ops.h"\n',
    "src/port/tun/tun.c": '#include "tun.h"\n#include "port/tun/tun.h"\n',
    "src/port/loop/loop.c": '#include "port/ops.h"\n',
    "src/link/plan.c": '#include "port/ops.h"\n',
    "src/link/plan_test.c": '#include "tests/check.h"\n',
    "tests/check.h": "",
    "cli/main.c": '#include "cli.h"\n#include "port/tun/tun.h"\n',
    "cli/cli.h": "",
}

BROKEN = [
    {"src/base/bits.h": '#include "wire/ip.h"\n'},
    {"src/wire/ip.h": '# include "packet/cut.h"\n'},
    {"src/wire/ip.h": '#include "../packet/cut.h"\n'},
    {"src/packet/cut.h": '#include "ring/ring.h"\n', "src/ring/ring.h": ""},
    {"src/os/netlink.h": '#include "wire/ip.h"\n'},
    {"src/port/ops.h": '#include "link/plan.h"\n', "src/link/plan.h": ""},
    {"src/port/loop/loop.c": '#include "port/tun/tun.h"\n'},
    {"src/port/loop/loop.c": '#include "../tun/tun.h"\n'},
    {"src/port/port.c": '#include "port/tun/tun.h"\n'},
    {"src/link/plan.c": '#include "port/tun/tun.h"\n'},
    {"src/link/plan.c": '#include "cli/cli.h"\n'},
    {"src/link/plan.c": '#include "tests/check.h"\n'},
    {"src/novel/a.c": ""},
    {"src/base/util/a.c": ""},
    {"cli/helpers/a.c": ""},
    {"src/port/tun/deep/a.c": ""},
]


if __name__ == "__main__":
    sys.exit(tree.main(check, GOOD, BROKEN))
