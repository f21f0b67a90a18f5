# SPDX-License-Identifier: Apache-2.0
"""Side by side: contenders measured in turn, rows, gates, and how they look."""
import dataclasses
import operator
import os
import platform
import re
import statistics
import sys
import time

import lab


def say(text):
    """Progress, for people."""
    print(text, file=sys.stderr, flush=True)


def alternate(contenders, rounds, show):
    """Measure every contender once in each round.

    contenders: name -> function that returns {figure: number}. Odd rounds go
    backwards, so that neighbours stay neighbours and nobody is always first.
    Returns name -> figure -> list with a number for each round.
    """
    samples = {name: {} for name in contenders}
    for i in range(rounds):
        names = list(contenders)
        for name in names[::-1] if i % 2 else names:
            figures = contenders[name]()
            for figure, value in figures.items():
                samples[name].setdefault(figure, []).append(value)
            say(f"  {i + 1}/{rounds} {name:10} {show(figures)}")
    return samples


OPERATORS = {">=": operator.ge, "<=": operator.le, "<": operator.lt}


@dataclasses.dataclass
class Gate:
    op: str  # one of OPERATORS
    limit: float

    def passes(self, result):
        return OPERATORS[self.op](result, self.limit)


@dataclasses.dataclass
class Row:
    """A line of the table.

    compare says what the gate is about: "ratio" and "difference" of value and
    peer, or the "value" alone. Ratio and difference are the median of those of
    the rounds: what the machine does for some seconds meets both sides of a
    round, and drops out.
    """
    name: str
    title: str
    unit: str
    values: list
    peer: str = ""
    peers: list = dataclasses.field(default_factory=list)
    compare: str = "value"
    gate: Gate = None

    @property
    def value(self):
        return statistics.median(self.values)

    @property
    def peer_value(self):
        return statistics.median(self.peers) if self.peers else None

    @property
    def results(self):
        if self.compare == "ratio":
            return [v / p for v, p in zip(self.values, self.peers)]
        if self.compare == "difference":
            return [v - p for v, p in zip(self.values, self.peers)]
        return self.values

    @property
    def result(self):
        return statistics.median(self.results)

    @property
    def verdict(self):
        """True, False, or None without a gate."""
        return self.gate.passes(self.result) if self.gate else None

    def json(self):
        return {
            "name": self.name, "title": self.title, "unit": self.unit,
            "value": self.value, "peer": self.peer or None,
            "peer_value": self.peer_value, "compare": self.compare,
            "result": self.result, "result_min": min(self.results),
            "result_max": max(self.results),
            "gate": dataclasses.asdict(self.gate) if self.gate else None,
            "pass": self.verdict,
            "samples": {"value": self.values, "peer": self.peers},
        }


def number(value, unit=""):
    if value is None:
        return "-"
    digits = 0 if abs(value) >= 1000 else 1 if abs(value) >= 100 else 2
    digits = 4 if 0 < abs(value) < 0.1 else digits
    return f"{value:.{digits}f}" + (f" {unit}" if unit else "")


def result_text(row, value):
    if row.compare == "ratio":
        return f"{value:.3f}x"
    sign = "+" if row.compare == "difference" and value >= 0 else ""
    return f"{sign}{number(value)}"


def cells(row):
    gate = verdict = ""
    if row.gate:
        suffix = "x" if row.compare == "ratio" else f" {row.unit}"
        gate = f"{row.gate.op} {row.gate.limit:g}{suffix}"
        verdict = "PASS" if row.verdict else "FAIL"
    spread = (f"{result_text(row, min(row.results))} .. "
              f"{result_text(row, max(row.results))}")
    return [row.title, number(row.value, row.unit),
            f"{row.peer} {number(row.peer_value)}" if row.peer else "",
            result_text(row, row.result) if row.peer else "",
            spread if len(row.results) > 1 else "", gate, verdict]


HEAD = ["figure", "value", "against", "result", "of the rounds", "gate", ""]


def table(rows):
    """The rows as text, in columns."""
    lines = [HEAD] + [cells(row) for row in rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(HEAD))]
    text = ["  ".join(cell.ljust(width)
                      for cell, width in zip(line, widths)).rstrip()
            for line in lines]
    return "\n".join([text[0], "-" * len(text[0]), *text[1:]])


def verdict(rows):
    """One line: did it pass?"""
    gates = [row for row in rows if row.gate]
    failed = [row.name for row in gates if not row.verdict]
    if failed:
        return (f"FAIL: {len(failed)} of {len(gates)} gates: "
                f"{', '.join(failed)}")
    return f"PASS: {len(gates)} gates"


def machine():
    """Where it was measured."""
    cpu = re.search(r"^model name\s*:\s*(.*)$", lab.read("/proc/cpuinfo"),
                    re.MULTILINE)
    return {
        "date": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "cpu": cpu.group(1) if cpu else platform.machine(),
        "n_cpu": len(os.sched_getaffinity(0)),
        "kernel": platform.release(),
        "load": os.getloadavg()[0],
    }
