#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Sum up the test runs of ./dev test.

The argument is a file with one line for each run: stage, exit status of Meson,
and its JSON log, divided by tabs. A run without a log, or without a test in it,
counts as a failure: a check that vanished must be seen.
"""

import json
import os
import sys
import tempfile

PASSED = {"OK", "EXPECTEDFAIL"}
SKIPPED = {"SKIP"}


def reason(test):
    """The last line that a skipped test printed."""
    text = (test.get("stdout") or "") + "\n" + (test.get("stderr") or "")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "no reason given"


def read_log(path):
    if not path or not os.path.exists(path):
        return []
    with open(path, encoding="utf-8") as log:
        return [json.loads(line) for line in log if line.strip()]


class Summary:
    def __init__(self):
        self.n_passed = 0
        self.failed = []
        self.skipped = []

    def add_run(self, stage, status, path):
        tests = read_log(path)
        n_failed_before = len(self.failed)
        for test in tests:
            self.add_test(stage, test)
        if not tests:
            what = "ran no test" if path else "could not be built"
            self.failed.append(f"{stage}: {what} (exit status {status})")
        elif status != 0 and len(self.failed) == n_failed_before:
            self.failed.append(f"{stage}: exit status {status}")

    def add_test(self, stage, test):
        name = f"{stage}: {test['name']}"
        if test["result"] in PASSED:
            self.n_passed += 1
        elif test["result"] in SKIPPED:
            self.skipped.append(f"{name}: {reason(test)}")
        else:
            self.failed.append(f"{name}: {test['result']}")

    def text(self):
        lines = []
        for title, entries in (("skipped", self.skipped),
                               ("failed", self.failed)):
            if entries:
                lines.append(f"{title}:")
                lines += [f"  {entry}" for entry in entries]
        lines.append(f"{self.n_passed} passed, {len(self.failed)} failed, "
                     f"{len(self.skipped)} skipped")
        return "\n".join(lines)


def summarize(path):
    summary = Summary()
    with open(path, encoding="utf-8") as runs:
        lines = runs.read().splitlines()
    for line in lines:
        stage, status, log = line.split("\t")
        summary.add_run(stage, int(status), log)
    if not lines:
        summary.failed.append("nothing was run")
    return summary


def self_test():
    """Runs of every kind must be counted as what they are."""
    with tempfile.TemporaryDirectory() as folder:
        def write(name, text):
            path = os.path.join(folder, name)
            with open(path, "w", encoding="utf-8") as out:
                out.write(text)
            return path

        def run_of(*results):
            return "".join(
                json.dumps({"name": f"t{i}", "result": result,
                            "stdout": "why\n", "stderr": None}) + "\n"
                for i, result in enumerate(results))

        good = write("good", run_of("OK", "SKIP"))
        bad = write("bad", run_of("OK", "FAIL", "TIMEOUT"))
        empty = write("empty", "")
        cases = [
            (f"gcc\t0\t{good}", "1 passed, 0 failed, 1 skipped"),
            (f"gcc\t2\t{bad}", "1 passed, 2 failed, 0 skipped"),
            (f"gcc\t3\t{good}", "1 passed, 1 failed, 1 skipped"),
            (f"gcc\t0\t{empty}", "0 passed, 1 failed, 0 skipped"),
            ("gcc\t0\t/nonexistent", "0 passed, 1 failed, 0 skipped"),
            ("gcc\t1\t", "0 passed, 1 failed, 0 skipped"),
            ("", "0 passed, 1 failed, 0 skipped"),
        ]
        for runs, expected in cases:
            text = summarize(write("runs", runs)).text()
            if text.splitlines()[-1] != expected:
                sys.exit(f"{runs!r} gave\n{text}\nnot {expected!r}")
        if "t1: why" not in summarize(write("runs", cases[0][0])).text():
            sys.exit("the reason of a skipped test is missing")


def main():
    if sys.argv[1:] == ["--self-test"]:
        self_test()
        return 0
    summary = summarize(sys.argv[1])
    print(summary.text())
    return 1 if summary.failed else 0


if __name__ == "__main__":
    sys.exit(main())
