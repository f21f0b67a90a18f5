#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measure vif against its peers, side by side.

usage: ./dev bench [cable|packet|narrow|memif|trunk|uring] [--rounds N]
                   [--seconds S] [--json FILE] [--only GROUP,...]
                   [--vif PATH] [--congestion NAME] [--strict]

Progress goes to stderr, the table to stdout. Exit codes: 0 when everything was
measured, also when a gate failed; with --strict 1 when one did; 2 for wrong
usage; 77 when something could not be measured.
"""
import argparse
import json
import os
import signal
import sys

import cable
import lab
import memif
import narrow
import packet
import side
import trunk
import uring

BENCHMARKS = {"cable": cable, "packet": packet, "narrow": narrow,
              "memif": memif, "trunk": trunk, "uring": uring}
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def at_least_one(text):
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return value


def check_groups(parser, options):
    there = BENCHMARKS[options.benchmark].GROUPS
    for name in options.only or ():
        if name not in there:
            parser.error(f"--only: {options.benchmark} has no group '{name}'; "
                         f"there are {', '.join(there)}")


def parse(arguments):
    parser = argparse.ArgumentParser(
        prog="bench/run.py", description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("benchmark", nargs="?", default="cable", choices=BENCHMARKS)
    add("--rounds", type=at_least_one, default=5, metavar="N",
        help="times each contender is measured; default 5")
    add("--seconds", type=at_least_one, default=3, metavar="S",
        help="length of one TCP run; default 3")
    add("--pings", type=at_least_one, default=20000, metavar="N",
        help="round trips of one ping-pong run; default 20000")
    add("--congestion", default="cubic", metavar="NAME",
        help="how TCP reacts to loss and delay; default cubic, which Linux "
             "has by default and which does not pace")
    add("--json", metavar="FILE", help="write all samples there, too")
    add("--only", type=lambda text: text.split(","), metavar="GROUP,...",
        help="some groups of figures. " + ". ".join(
            f"{name}: {', '.join(benchmark.GROUPS)}"
            for name, benchmark in BENCHMARKS.items()))
    add("--vif", metavar="PATH", default=os.path.join(ROOT, "build/vif"),
        help="the vif to measure; default build/vif")
    add("--vif-options", metavar="TEXT", default="",
        help="options for every vif link, such as '--spin 20us'")
    add("--tools", metavar="DIR",
        help="where the bench's programs are; default: bench beside vif")
    add("--strict", action="store_true", help="exit 1 when a gate fails")
    options = parser.parse_args(arguments)
    check_groups(parser, options)
    options.vif = os.path.abspath(options.vif)
    options.tools = os.path.abspath(
        options.tools or os.path.join(os.path.dirname(options.vif), "bench"))
    for path in (options.vif, *(
            os.path.join(options.tools, name)
            for name in BENCHMARKS[options.benchmark].TOOLS)):
        if not os.access(path, os.X_OK):
            parser.error(f"{path}: not there; './dev build' makes it")
    return options


def write_json(path, benchmark, options, where, rows):
    document = {
        "schema_version": 1,
        "benchmark": benchmark,
        "machine": where,
        "vif": lab.run(options.vif, "version").splitlines()[0],
        "vif_options": options.vif_options,
        "rounds": options.rounds,
        "seconds": options.seconds,
        "pings": options.pings,
        "congestion": options.congestion,
        "rows": [row.json() for row in rows],
        "pass": all(row.verdict is not False for row in rows),
    }
    with open(path, "w", encoding="utf-8") as file:
        json.dump(document, file, indent=1)
        file.write("\n")


def stop(number, _frame):
    """Leave through every clean-up on the way."""
    raise SystemExit(128 + number)


def main():
    options = parse(sys.argv[1:])
    code = lab.isolate([sys.executable, *sys.argv])
    if code is not None:
        return code
    signal.signal(signal.SIGTERM, stop)
    where = side.machine()
    side.say(f"{where['n_cpu']} CPUs, {where['cpu']}, Linux "
             f"{where['kernel']}, load {where['load']:.1f}")
    if where["load"] > 0.5:
        side.say("warning: the machine is busy; figures will be noisy")
    try:
        rows = BENCHMARKS[options.benchmark].measure(options)
    except lab.Failure as failure:
        side.say(f"bench: {failure}")
        return 77
    print(side.table(rows))
    print(side.verdict(rows))
    if options.json:
        write_json(options.json, options.benchmark, options, where, rows)
    failed = any(row.verdict is False for row in rows)
    return 1 if options.strict and failed else 0


if __name__ == "__main__":
    sys.exit(main())
