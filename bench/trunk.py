# SPDX-License-Identifier: Apache-2.0
"""Trunks: throughput, fairness, latency, memory and handshakes of the core.

What each figure means, and why it is fair: docs/design/bench-trunk.md.
"""
import json

import lab
from side import Gate, Row, alternate, say

TOOLS = ("trunk",)
SAMPLE_MS = 200
SOCKET_MIB = 64
FLOWS = 1000 * 1000
RECORDS = (16400, 65519)
DEFAULT_RECORD = 16400
MODES = ("derived", "sealed")
NAMES = {"aes": "AES-GCM", "chacha": "ChaChaPoly"}
RTTS_US = (200, 2000, 20000)
CONSTANT_BYTES = 4096


class Bench:
    def __init__(self, options):
        self.options = options
        self.tool = f"{options.tools}/trunk"
        self.ciphers = lab.run(self.tool, "ciphers").split()
        # What two ends agree on that were not told anything.
        self.default = self.ciphers[-1]

    def sample(self, work):
        """One measurement in a process of its own. Returns {figure: number}."""
        return json.loads(lab.run(self.tool, "--ms", str(SAMPLE_MS),
                                  *work.split()))

    def rounds(self, works):
        """Each work once in each round. Returns work -> figure -> samples."""
        return alternate({work: lambda work=work: self.sample(work)
                          for work in works}, self.options.rounds, show)

    def kinds(self):
        return [(mode, cipher, record) for cipher in self.ciphers
                for mode in MODES for record in RECORDS]

    def is_default(self, mode, cipher, record):
        return (mode, cipher, record) == ("derived", self.default,
                                          DEFAULT_RECORD)

    def against_bare(self, group, title, words, limit):
        """Rows of a work for each kind of record; words has one %s."""
        works = {kind: words % " ".join(map(str, kind))
                 for kind in self.kinds()}
        got = self.rounds(works.values())
        return [rates(f"{group}_{mode}_{cipher}_{record}",
                      f"{title}, {mode}, {NAMES[cipher]}, {record}",
                      got[works[mode, cipher, record]],
                      Gate(">=", limit) if self.is_default(mode, cipher, record)
                      else None)
                for mode, cipher, record in works]

    # Groups of figures; each returns rows.

    def group_flow(self):
        say("one flow, 64 KiB writes, in memory")
        return self.against_bare("flow", "one flow", "flow %s 1 65536", 0.8)

    def group_socket(self):
        say("one flow, 64 KiB writes, over a socket pair, two threads")
        return self.against_bare("socket", "over sockets",
                                 f"socket %s {SOCKET_MIB}", 0.8)

    def group_many(self):
        say("100 flows of 1 KiB writes, in memory")
        return self.against_bare("many", "100 flows", "flow %s 100 1024", 0.6)

    def group_fair(self):
        say("eight flows, record by record")
        rows = []
        for record in RECORDS:
            equal = self.sample(f"fair {record} 65536 65536")
            mixed = self.sample(f"fair {record} 100 65536")
            off = max(mixed["share_max"] - 1, 1 - mixed["share_min"])
            rows += [
                Row(f"jain_{record}", f"Jain index of 8 equal flows, {record}",
                    "", [equal["jain"]], gate=Gate(">=", 0.99)),
                Row(f"spread_{record}", "  the first ahead of the last",
                    "bytes", [equal["spread"]]),
                Row(f"shares_{record}", "100-byte and 64 KiB writers, "
                    f"off a fair share, {record}", "%", [100 * off],
                    gate=Gate("<=", 5)),
            ]
        return rows

    def group_echo(self):
        say("64 bytes beside bulk data")
        rows = []
        for record in RECORDS:
            for n_bulk in (1, 2, 8):
                for place in ("same", "own"):
                    got = self.sample(f"echo {record} {n_bulk} {place}")
                    active = n_bulk + (place == "own")
                    name = f"echo_{record}_{n_bulk}_{place}"
                    where = ("in a circuit of its own" if place == "own"
                             else "in one of them")
                    rows += [
                        Row(name, f"p99 in front of an echo {where}, "
                            f"{n_bulk} bulk, {record}", "records",
                            [got["p99"]], gate=Gate("<=", active)),
                        Row(f"{name}_whole", "  with credit, and what was "
                            "given out before", "records",
                            [got["whole_p99"]]),
                    ]
        return rows

    def group_stall(self):
        say("readers that have stopped")
        kind = f"flow derived {self.default} {DEFAULT_RECORD}"
        works = [f"{kind} 7 65536 stalled", f"{kind} 10 65536 idle"]
        got = self.rounds(works)
        rows = [rates("stall_cpu", "7 flows beside a stalled one, CPU time",
                      got[works[0]], Gate(">=", 0.95), "without"),
                rates("stall_idle", "10 flows beside 100 000 that rest, CPU "
                      "time", got[works[1]], Gate(">=", 0.98), "without")]
        for what in ("flow", "circuit"):
            for rtt in RTTS_US:
                one = self.sample(f"stall {what} {rtt}")
                rows.append(Row(
                    f"stall_{what}_{rtt}", f"beside a stalled {what}, "
                    f"1 Gbit/s, round trip {rtt / 1000:g} ms", "Gbit/s",
                    [one["with"]], "without", [one["without"]], "ratio",
                    Gate(">=", 0.95)))
        return rows

    def group_memory(self):
        say("memory of a million flows")
        idle = self.sample(f"memory idle {FLOWS}")
        turn = self.sample(f"memory turn {FLOWS}")
        return [
            *(Row(f"idle_{end}", f"a flow that rests, at the {end}", "bytes",
                  [idle[end]], gate=Gate("<=", 256))
              for end in ("dialer", "accepter")),
            Row("idle_resident", "  resident memory, of an end", "bytes",
                [idle["resident"]]),
            Row("turn_growth", "growth by the last 900 000 of a million flows "
                "in turn", "bytes", [turn["dialer"] + turn["accepter"]],
                gate=Gate("<=", CONSTANT_BYTES)),
            Row("turn_resident", "  resident memory of both ends", "bytes",
                [turn["resident"]]),
        ]

    def group_handshake(self):
        say("handshakes")
        works = ["handshake xx", "handshake ik"]
        got = self.rounds(works)
        return [Row(f"handshake_{work[-2:]}",
                    f"{work[-2:].upper()}, both ends, a core", "a second",
                    [1e9 / ns for ns in got[work]["mine_ns"]], "primitives",
                    [1e9 / ns for ns in got[work]["peer_ns"]], "ratio",
                    Gate(">=", 0.7)) for work in works]


def rates(name, title, figures, gate, peer="bare"):
    return Row(name, title, "GB/s", [1 / ns for ns in figures["mine_ns"]],
               peer, [1 / ns for ns in figures["peer_ns"]], "ratio", gate)


def show(figures):
    mine, peer = figures["mine_ns"], figures["peer_ns"]
    return f"{mine:10.3f} ns, against {peer:10.3f}: {peer / mine:.3f}x"


GROUPS = {
    "flow": Bench.group_flow,
    "socket": Bench.group_socket,
    "many": Bench.group_many,
    "fair": Bench.group_fair,
    "echo": Bench.group_echo,
    "stall": Bench.group_stall,
    "memory": Bench.group_memory,
    "handshake": Bench.group_handshake,
}


def measure(options):
    """Measure the groups asked for. Returns rows."""
    bench = Bench(options)
    rows = []
    for name in options.only or GROUPS:
        rows += GROUPS[name](bench)
    return rows
