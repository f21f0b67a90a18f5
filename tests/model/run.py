#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Check the models with spin: what we do holds, what others do is caught.

A variant that must fail and does not says that the model cannot see the fault
it was made for, and is as much a failure as one that must hold.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
SKIPPED = 77

# What spin says of a model that does not hold, and what that means.
WAITS = "invalid end state"
WRONG = "assertion violated"
MEANING = {WAITS: "both wait for ever", WRONG: "a wrong slot is used"}

# Model, variant, and what is found; None: it holds.
VARIANTS = [
    ("memif_ring", [], None),
    ("memif_ring", ["CLIENT_SENDS"], None),
    ("memif_ring", ["SLOTS=4"], None),
    ("memif_ring", ["SLOTS=4", "CLIENT_SENDS"], None),
    ("memif_ring", ["PUBLISH_RELAXED"], WRONG),
    ("memif_ring", ["LOOK_RELAXED"], WRONG),
    ("memif_ring", ["ROOM_RELAXED"], WRONG),
    ("memif_ring", ["GIVE_RELAXED"], WRONG),
    ("memif_ring", ["GIVE_EARLY"], WRONG),
    ("memif_ring", ["INDEX=SLOTS"], WAITS),
    ("memif_wake", [], None),
    ("memif_wake", ["INTERRUPT"], None),
    # A flag that never changes needs no order: in interrupt mode we are safe
    # from producers without a fence, as all other implementations are.
    ("memif_wake", ["INTERRUPT", "PRODUCER_UNFENCED"], None),
    ("memif_wake", ["PRODUCER_UNFENCED"], WAITS),
    ("memif_wake", ["CONSUMER_UNFENCED"], WAITS),
    ("memif_wake", ["CLEAR_LATE"], WAITS),
    ("memif_wake", ["INTERRUPT", "CLEAR_LATE"], WAITS),
    ("memif_wake", ["UNMASK_LATE"], WAITS),
]


def verify(model, defines):
    """Returns the report of an exhaustive search."""
    options = ["-D" + define for define in defines]
    with tempfile.TemporaryDirectory() as work:
        subprocess.run(["spin", *options, "-a",
                        os.path.join(HERE, model + ".pml")],
                       cwd=work, check=True, stdout=subprocess.DEVNULL)
        subprocess.run(["cc", "-O0", "-DSAFETY", "-w", "-o", "pan", "pan.c"],
                       cwd=work, check=True)
        return subprocess.run(["./pan", "-m100000"], cwd=work, check=True,
                              capture_output=True, text=True).stdout


def check(model, defines, fault):
    name = " ".join([model, *defines])
    report = verify(model, defines)
    errors = int(re.search(r"errors: (\d+)", report).group(1))
    states = int(re.search(r"(\d+) states, stored", report).group(1))
    found = re.search(rf"^pan:\d+: ({WAITS}|{WRONG})", report, re.M)
    found = found and found.group(1)
    whole = "Search not completed" not in report and "max search" not in report
    good = found == fault and (errors > 0 if fault else errors == 0 and whole)
    print(f"{'ok' if good else 'WRONG':6}{name}: {states} states, "
          f"{MEANING[found] if found else f'{errors} errors'}")
    return good


def main():
    for tool in ("spin", "cc"):
        if not shutil.which(tool):
            print(f"skipped: there is no {tool}; nothing was checked")
            return SKIPPED
    # Every variant runs, so that one report tells all.
    results = [check(*variant) for variant in VARIANTS]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
