#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Sum up the test runs of ./dev test.

The argument is a file with one line for each run: stage, exit status of Meson,
and its JSON log, divided by tabs. Where a test prints a line for each of its
cases, as cmocka and the network tests do, the cases are counted, else the test.

A run without a log, or without a test in it, counts as a failure: a check that
vanished must be seen. A run that was not even tried has the status "skip", and
the reason in place of the log.
"""

import json
import os
import re
import sys
import tempfile

# Outcomes of Meson; everything else is a failure.
OUTCOMES = {"OK": "passed", "EXPECTEDFAIL": "passed", "SKIP": "skipped"}

# "[       OK ] name" of cmocka, and "ok   name (0.10 s): text" of tests/net.
CASE = re.compile(
    r"^(?:\[ +(OK|FAILED|SKIPPED) +\] (?!\d+ test)(.+)"
    r"|(ok|FAIL|skip) +(\S.*?) \(\d+\.\d+ s\)(?:: (.*))?)$", re.MULTILINE)
CASE_OUTCOMES = {"OK": "passed", "ok": "passed", "FAILED": "failed",
                 "FAIL": "failed", "SKIPPED": "skipped", "skip": "skipped"}


def output_of(test):
    return (test.get("stdout") or "") + "\n" + (test.get("stderr") or "")


def cases_of(test):
    """Outcome and text of each case, by its name."""
    cases = {}
    for cmocka, name, ours, our_name, text in CASE.findall(output_of(test)):
        cases[name or our_name] = (CASE_OUTCOMES[cmocka or ours], text)
    return cases


def last_line(test):
    """Where a test as a whole says why it was skipped."""
    lines = [line.strip() for line in output_of(test).splitlines()]
    return next((line for line in reversed(lines) if line), "no reason given")


def read_log(path):
    if not path or not os.path.exists(path):
        return []
    with open(path, encoding="utf-8") as log:
        return [json.loads(line) for line in log if line.strip()]


class Summary:
    def __init__(self):
        self.passed = []
        self.failed = []
        self.skipped = []

    def add(self, outcome, *words):
        getattr(self, outcome).append(": ".join(filter(None, words)))

    def add_run(self, stage, status, path):
        tests = read_log(path)
        n_failed_before = len(self.failed)
        for test in tests:
            self.add_test(stage, test)
        if not tests:
            what = "ran no test" if path else "could not be built"
            self.add("failed", stage, f"{what} (exit status {status})")
        elif status != 0 and len(self.failed) == n_failed_before:
            self.add("failed", stage, f"exit status {status}")

    def add_test(self, stage, test):
        result = test["result"]
        outcome = OUTCOMES.get(result, "failed")
        cases = cases_of(test)
        for name, (case_outcome, text) in cases.items():
            reason = text if case_outcome == "skipped" else ""
            self.add(case_outcome, stage, test["name"], name, reason)
        # A crash fails the test, but none of the cases that have ended.
        is_told = any(case[0] == outcome for case in cases.values())
        if outcome == "failed" and not is_told:
            self.add("failed", stage, test["name"], result)
        elif outcome == "skipped" and not is_told:
            self.add("skipped", stage, test["name"], last_line(test))
        elif outcome == "passed" and not cases:
            self.add("passed", stage, test["name"])

    def text(self):
        lines = []
        for title in ("skipped", "failed"):
            entries = getattr(self, title)
            if entries:
                lines.append(f"{title}:")
                lines += [f"  {entry}" for entry in entries]
        lines.append(f"{len(self.passed)} passed, {len(self.failed)} failed, "
                     f"{len(self.skipped)} skipped")
        return "\n".join(lines)


def summarize(path):
    summary = Summary()
    with open(path, encoding="utf-8") as runs:
        lines = runs.read().splitlines()
    for line in lines:
        stage, status, log = line.split("\t")
        if status == "skip":
            summary.add("skipped", stage, log)
        else:
            summary.add_run(stage, int(status), log)
    if not lines:
        summary.add("failed", "nothing was run")
    return summary


CMOCKA = """\
[==========] Running 3 test(s).
[ RUN      ] cut_one
[       OK ] cut_one
[  SKIPPED ] cut_two
[  FAILED  ] cut_three
[==========] 3 test(s) run.
[  PASSED  ] 1 test(s).
[  FAILED  ] 1 test(s), listed below:
[  FAILED  ] cut_three
"""

NET = """\
ok   ping v4 (0.10 s)
skip ping as a user (0.00 s): only root can become another user
1 passed, 0 failed, 1 skipped in 0.1 s
"""

# Tests of one run as result and output, Meson's exit status, what must come out.
RUNS = [
    ([("OK", ""), ("SKIP", "why\n")], 0, "1 passed, 0 failed, 1 skipped"),
    ([("OK", ""), ("FAIL", ""), ("TIMEOUT", "")], 2,
     "1 passed, 2 failed, 0 skipped"),
    ([("OK", "")], 3, "1 passed, 1 failed, 0 skipped"),
    ([("FAIL", CMOCKA)], 1, "1 passed, 1 failed, 1 skipped"),
    ([("OK", NET)], 0, "1 passed, 0 failed, 1 skipped"),
    ([("FAIL", NET)], 1, "1 passed, 1 failed, 1 skipped"),
    ([("SKIP", NET.replace("ok  ", "skip"))], 0,
     "0 passed, 0 failed, 2 skipped"),
    ([], 0, "0 passed, 1 failed, 0 skipped"),
]


def self_test():
    """Runs of every kind must be counted as what they are."""
    with tempfile.TemporaryDirectory() as folder:
        def write(name, text):
            path = os.path.join(folder, name)
            with open(path, "w", encoding="utf-8") as out:
                out.write(text)
            return path

        def check(runs, expected):
            text = summarize(write("runs", runs)).text()
            if text.splitlines()[-1] != expected:
                sys.exit(f"{runs!r} gave\n{text}\nnot {expected!r}")
            return text

        texts = []
        for tests, status, expected in RUNS:
            log = write("log", "".join(
                json.dumps({"name": "t", "result": result, "stdout": output,
                            "stderr": None}) + "\n"
                for result, output in tests))
            texts.append(check(f"gcc\t{status}\t{log}", expected))
        check("gcc\t0\t/nonexistent", "0 passed, 1 failed, 0 skipped")
        check("gcc\t1\t", "0 passed, 1 failed, 0 skipped")
        check("", "0 passed, 1 failed, 0 skipped")
        if "arm: none" not in check("arm\tskip\tnone",
                                    "0 passed, 0 failed, 1 skipped"):
            sys.exit("the reason of a skipped run is missing")
        if "gcc: t: why" not in texts[0]:
            sys.exit("the reason of a skipped test is missing")
        if "gcc: t: ping as a user: only root" not in texts[4]:
            sys.exit("the reason of a skipped case is missing")


def main():
    if sys.argv[1:] == ["--self-test"]:
        self_test()
        return 0
    summary = summarize(sys.argv[1])
    print(summary.text())
    return 1 if summary.failed else 0


if __name__ == "__main__":
    sys.exit(main())
