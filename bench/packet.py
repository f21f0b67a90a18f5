# SPDX-License-Identifier: Apache-2.0
"""Packets: checksums, cutting and gluing, by themselves and without a device.

What each figure means, and why it is fair: docs/design/bench-packet.md.
"""
import json
import re

import lab
from side import Gate, Row, alternate, say

TOOLS = ("packet",)
SAMPLE_MS = 50
COUNT_TURNS = 16
LENGTHS = (64, 1500, 65535)
KINDS = ("tcp4", "tcp6", "udp4")
CACHES = {"warm": "in cache", "cold": "not in cache"}
WAYS = {"pieces": "in pieces", "in-place": "in place"}
SUMS = {"unfinished": "no sums", "finished": "with sums"}
# Traffic that cannot be glued, or only into many packets.
HARD = {
    "flows": "64 packets of 64 flows",
    "ids": "IDs that do not count up",
    "acks": "without payload",
}


class Bench:
    def __init__(self, options):
        self.options = options
        self.tool = f"{options.tools}/packet"
        self.bodies = lab.run(self.tool, "bodies").split()

    def rounds(self, works):
        """Alternate between works, each a text of words. Returns samples."""
        return alternate({work: lambda work=work: self.sample(work)
                          for work in works}, self.options.rounds, show)

    def sample(self, work):
        """One measurement in a process of its own. Returns {figure: number}."""
        got = json.loads(lab.run(self.tool, "--ms", str(SAMPLE_MS),
                                 *work.split()))
        per_ns = got["n_byte"] / got["turn_ns"]
        return {"ns": got["turn_ns"] / got["n_unit"],
                "n_unit": got["n_unit"],
                "gbytes": per_ns, "gbps": per_ns * 8}

    # Groups of figures; each returns rows.

    def group_checksum(self):
        say("checksums of bytes in the cache")
        contenders = [*self.bodies, "chosen", "naive"]
        got = self.rounds([f"checksum {body} {length}" for length in LENGTHS
                           for body in contenders])

        def row(body, peer, length):
            names = {"naive": "the 32-bit loop", "chosen": "the dispatcher"}
            gate = (body, peer, length) == ("avx2", "naive", 1500)
            return Row(f"checksum_{length}_{body}_{peer}",
                       f"checksum of {length} bytes, {names.get(body, body)} "
                       f"against {names.get(peer, peer)}", "GB/s",
                       got[f"checksum {body} {length}"]["gbytes"],
                       peer, got[f"checksum {peer} {length}"]["gbytes"],
                       "ratio", Gate(">=", 4) if gate else None)

        if "avx2" not in self.bodies:
            say("  this CPU has no AVX2: its gate is not judged")
        rows = []
        for length in LENGTHS:
            rows += [row(body, peer, length) for body in self.bodies
                     for peer in ("naive", "scalar") if body != peer]
            if {"avx512", "avx2"} <= set(self.bodies):
                rows.append(row("avx512", "avx2", length))
            rows.append(row("chosen", self.bodies[0], length))
        return rows

    def group_cut(self):
        say("cutting superpackets of 64 KiB")
        cases = [(kind, way, sums, cache) for cache in CACHES for sums in SUMS
                 for kind in KINDS for way in WAYS]
        got = self.rounds(["cut " + " ".join(case) for case in cases])
        rows = []
        for kind, way, sums, cache in cases:
            gate = sums == "unfinished" and cache == "warm"
            rows += time_and_rate(
                f"cut_{kind}_{way}_{sums}_{cache}",
                f"cut {kind} {WAYS[way]}, {SUMS[sums]}, {CACHES[cache]}",
                "ns/segment", got[f"cut {kind} {way} {sums} {cache}"],
                time_gate=Gate("<=", 25) if gate else None)
        return rows

    def group_glue(self):
        say("gluing bursts of 46 packets")
        got = self.rounds([f"glue {kind} one {sums} {cache}"
                           for cache in CACHES for kind in KINDS
                           for sums in ("complete", "verified")])
        rows = []
        for cache, where in CACHES.items():
            for kind in KINDS:
                mine = got[f"glue {kind} one complete {cache}"]
                peer = got[f"glue {kind} one verified {cache}"]
                name = f"glue_{kind}_{cache}"
                rows += time_and_rate(
                    name, f"glue 46 {kind}, verifying, {where}", "ns/packet",
                    mine, rate_gate=Gate(">=", 60) if cache == "warm" else None)
                rows += time_and_rate(
                    f"{name}_verified",
                    f"glue 46 {kind}, verified before, {where}", "ns/packet",
                    peer)
                rows.append(Row(f"{name}_cost", "  what verifying costs",
                                "ns/packet", mine["ns"], "verified",
                                peer["ns"], "difference"))
        return rows

    def group_hard(self):
        say("gluing what cannot be glued")
        cases = [(kind, traffic) for traffic in HARD for kind in KINDS
                 if (kind, traffic) != ("tcp6", "ids")]
        got = self.rounds([f"glue {kind} {traffic} {sums} warm"
                           for kind, traffic in cases
                           for sums in ("complete", "verified")])
        return [Row(f"hard_{kind}_{traffic}_{sums}",
                    f"try to glue {kind}, {HARD[traffic]}, {text}",
                    "ns/packet",
                    got[f"glue {kind} {traffic} {sums} warm"]["ns"])
                for kind, traffic in cases
                for sums, text in (("complete", "verifying"),
                                   ("verified", "verified before"))]

    def group_count(self):
        """Instructions: the same on a busy machine as on an idle one."""
        say("instructions, counted by callgrind")
        lab.need("valgrind")
        works = [f"checksum {body} {length}" for length in LENGTHS
                 for body in ("avx2", "scalar", "naive")
                 if body in (*self.bodies, "naive")]
        works += [f"cut {kind} {way} {sums} warm" for kind in KINDS
                  for way in WAYS for sums in SUMS]
        works += [f"glue {kind} {traffic} {sums} warm" for kind in KINDS
                  for traffic in ("one", *HARD)
                  if (kind, traffic) != ("tcp6", "ids")
                  for sums in ("complete", "verified")]
        rows = []
        for work in works:
            rows.append(Row("count_" + work.replace(" ", "_"), work,
                            "instructions", [self.count(work)]))
            say(f"  {rows[-1].value:8.1f} {work}")
        return rows

    def count(self, work):
        """Instructions for each unit of a work."""
        n_unit = self.n_unit(work)
        text = lab.run("valgrind", "--tool=callgrind", "--log-fd=1",
                       "--callgrind-out-file=/dev/null",
                       "--toggle-collect=turns*", self.tool,
                       "--turns", str(COUNT_TURNS), *work.split())
        return int(re.search(r"Collected : (\d+)", text).group(1)) / (
            COUNT_TURNS * n_unit)

    def n_unit(self, work):
        return json.loads(lab.run(self.tool, "--ms", "1",
                                  *work.split()))["n_unit"]


def time_and_rate(name, title, unit, figures, time_gate=None, rate_gate=None):
    return [Row(name, title, unit, figures["ns"], gate=time_gate),
            Row(f"{name}_rate", "  the same", "Gbit/s", figures["gbps"],
                gate=rate_gate)]


def show(figures):
    return f"{figures['ns']:8.1f} ns, {figures['gbps']:7.1f} Gbit/s"


GROUPS = {
    "checksum": Bench.group_checksum,
    "cut": Bench.group_cut,
    "glue": Bench.group_glue,
    "hard": Bench.group_hard,
    "count": Bench.group_count,
}


def measure(options):
    """Measure the groups asked for. Returns rows."""
    bench = Bench(options)
    rows = []
    for name in options.only or GROUPS:
        rows += GROUPS[name](bench)
    return rows
