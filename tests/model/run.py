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

# Model, variant, and whether it holds.
VARIANTS = [
    ("memif_wake", [], True),
    ("memif_wake", ["INTERRUPT"], True),
    # A flag that never changes needs no order: in interrupt mode we are safe
    # from producers without a fence, as all other implementations are.
    ("memif_wake", ["INTERRUPT", "PRODUCER_UNFENCED"], True),
    ("memif_wake", ["PRODUCER_UNFENCED"], False),
    ("memif_wake", ["CONSUMER_UNFENCED"], False),
    ("memif_wake", ["CLEAR_LATE"], False),
    ("memif_wake", ["INTERRUPT", "CLEAR_LATE"], False),
    ("memif_wake", ["UNMASK_LATE"], False),
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


def check(model, defines, holds):
    name = " ".join([model, *defines])
    report = verify(model, defines)
    errors = int(re.search(r"errors: (\d+)", report).group(1))
    states = int(re.search(r"(\d+) states, stored", report).group(1))
    lost = re.search(r"^pan:\d+: invalid end state", report, re.M) is not None
    whole = "Search not completed" not in report and "max search" not in report
    good = (errors == 0 and whole) if holds else (errors > 0 and lost)
    print(f"{'ok' if good else 'WRONG':6}{name}: {states} states, "
          f"{'a wake-up is lost' if lost else f'{errors} errors'}")
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
