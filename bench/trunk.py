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
FLOOD_MIB = 64
ALLOWED_FLOOD_MIB = 16
FLOOD_SLICE_MS = 50
FLOOD_S = 5  # as long as a flood is to be borne
GBIT_BYTES_NS = 0.125  # bytes in a nanosecond, at 1 Gbit/s
WINDOW_KIB = 16 << 10  # what a trunk may hold, docs/design/trunk.md, 10
FLOODS = {
    "all": "all but new keys, mixed",
    "empty": "DATA without payload",
    "credit": "CREDIT, a byte more",
    "limit": "LIMIT, a byte more",
    "shut": "SHUT of what is gone",
    "stop": "STOP again",
    "reset": "OPEN and RESET of flows",
    "ping": "PING",
    "refused_circuit": "OPEN of circuits, refused",
    "refused_flow": "OPEN of flows, refused",
    "unknown": "unknown frames",
    "pad": "PAD without bytes",
    "rekey": "new keys",
}
# Nobody notices these: what they send is allowed.
ALLOWED_FLOODS = {
    "late": "records of a circuit that is gone",
    "data": "DATA of a byte, which is read",
    "relayed": "the same through a relay",
}


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

    def rounds(self, works, shown=None):
        """Each work once in each round. Returns work -> figure -> samples."""
        return alternate({work: lambda work=work: self.sample(work)
                          for work in works}, self.options.rounds,
                         shown or show)

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

    def group_flood(self):
        say("floods of the smallest records, at 1 Gbit/s")
        works = {
            **{kind: f"flood {kind} {FLOOD_MIB} {1000 * FLOOD_S}"
               for kind in FLOODS},
            **{kind: f"flood {kind} {ALLOWED_FLOOD_MIB} {FLOOD_SLICE_MS}"
               for kind in ALLOWED_FLOODS}}
        got = self.rounds(works.values(), show_flood)
        return [row for kind, work in works.items()
                for row in flood_rows(kind, got[work])]


def cores(figures, i):
    """CPUs that a flood takes while it lasts, at 1 Gbit/s."""
    return figures["cpu_ns"][i] / figures["bytes"][i] * GBIT_BYTES_NS


def flood_rows(kind, figures):
    """Rows of a flood; nothing is asked of those that are allowed."""
    n = range(len(figures["cpu_ns"]))
    lasting = [cores(figures, i) for i in n]
    # A connection that is over costs nothing more.
    whole = [lasting[i] if figures["lasts"][i]
             else figures["cpu_ns"][i] / (FLOOD_S * 1e9) for i in n]
    end = ("does not end" if figures["lasts"][0]
           else f"ends after {figures['records'][0]} records")
    title = {**FLOODS, **ALLOWED_FLOODS}[kind]
    gates = ([Gate("<=", 1), Gate(">=", 0.8)] if kind in FLOODS
             else [None, None])
    name = f"flood_{kind}"
    return [
        Row(name, f"{title}: {end}; CPUs in {FLOOD_S} s", "CPUs", whole,
            gate=gates[0]),
        Row(f"{name}_lasting", "  while it lasts", "CPUs", lasting),
        Row(f"{name}_memory", "  the most memory", "KiB",
            [held / 1024 for held in figures["held"]],
            gate=Gate("<=", WINDOW_KIB)),
        Row(f"{name}_beside", "  who behaves, beside it", "GB/s",
            figures["with"], "without", figures["without"], "ratio",
            gates[1]),
        Row(f"{name}_at_first", f"  the same, in the first {FLOOD_SLICE_MS} ms",
            "GB/s", figures["at_first"], "without", figures["without"],
            "ratio"),
    ]


def show_flood(figures):
    return (f"{figures['records']:9} records, {figures['cpu_ns'] / 1e6:9.2f} "
            f"ms; beside it {figures['with'] / figures['without']:.3f}x")


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
    "flood": Bench.group_flood,
}


def measure(options):
    """Measure the groups asked for. Returns rows."""
    bench = Bench(options)
    rows = []
    for name in options.only or GROUPS:
        rows += GROUPS[name](bench)
    return rows
