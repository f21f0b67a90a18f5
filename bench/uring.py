# SPDX-License-Identifier: Apache-2.0
"""What io_uring does for the bare loop: uringcable.c, each way beside others.

What is compared, and what came of it: docs/design/tun-uring.md.
"""
import os

import cable
import lab
from cable import show_flood, show_ping, show_tcp
from lab import Bare, Vif
from side import Row, say

TOOLS = cable.TOOLS
# The fair peer: as many packets in a row, but read and written one by one.
BURST = "burst,depth=32"
# A packet wakes all posted reads; 8 of them were better than 32.
WAYS = ("writes,depth=32", "batch,depth=32", "batch,link,depth=32",
        "batch,mixed,fixed,depth=32", "posted,depth=8", "multi,depth=32",
        "multi,split,depth=32")
ALL = ("bare", BURST, *WAYS, "vif")

FIGURES = {"Gbit/s": "gbps", "s/GB": "cpu_s",
           "kpps": "kpps", "us/packet": "cpu_us"}


class Bench(cable.Bench):
    def __init__(self, options):
        super().__init__(options)
        self.uring = f"{options.tools}/uringcable"
        if not os.access(self.uring, os.X_OK):
            raise lab.Failure(f"{self.uring}: not there; to build it, "
                              "linux/io_uring.h has to be that of Linux 6.1")

    def make(self, name, room, kind="tun"):
        if name in (BURST, *WAYS):
            return Bare(room, self.uring, kind, (name,))
        if name == "vif" and kind == "tun-off":
            return Vif(room, self.vif, "tun", cable.OFF, self.vif_options)
        return super().make(name, room, kind)

    def tcp_free(self, one):
        return self.tcp(one, seconds=cable.SLICE_S)

    def group_tcp(self):
        say("TCP, one stream, pinned")
        got = self.rounds(ALL, self.tcp_pinned, show_tcp)
        return ratios("tcp", "TCP, pinned", got, "Gbit/s", "s/GB")

    def group_free(self):
        say("TCP, one stream, not pinned")
        got = self.rounds(ALL, self.tcp_free, show_tcp)
        return ratios("free", "TCP, not pinned", got, "Gbit/s", "s/GB")

    def group_off(self):
        say("TCP, one stream, no offloads, MTU 1500, pinned")
        got = self.rounds(ALL, self.tcp_pinned, show_tcp, "tun-off")
        return ratios("off", "TCP, no offloads", got, "Gbit/s", "s/GB")

    def group_flood(self):
        say("UDP, 64 bytes, as many as fit, pinned")
        got = self.rounds(ALL, self.flood, show_flood)
        return ratios("flood", "UDP, 64 bytes", got, "kpps", "us/packet")

    def group_ping(self):
        say("UDP ping-pong, everything on one CPU")
        got = self.rounds(ALL, self.ping_one_cpu, show_ping)
        say("UDP ping-pong, not pinned")
        free = self.rounds(ALL, self.ping, show_ping)
        return (differences("ping", "ping-pong, one CPU", got) +
                differences("ping_free", "ping-pong, not pinned", free))


def ratios(stem, title, got, rate, cost):
    """Each against the loop that moves bursts by read and write."""
    figures = ((FIGURES[rate], rate, title),
               (FIGURES[cost], cost, f"{title}: CPU"))
    return [Row(f"{stem}_{figure}_{name}", f"{text}: {name}", unit,
                got[name][figure], BURST, got[BURST][figure], "ratio")
            for figure, unit, text in figures
            for name in ALL if name != BURST]


def differences(stem, title, got):
    """Each against the loop without bursts, the quickest to answer."""
    return [Row(f"{stem}_{point}_{name}", f"{title}, {point}: {name}", "us",
                got[name][point], "bare", got["bare"][point], "difference")
            for point in ("p50", "p99") for name in ALL if name != "bare"]


GROUPS = {
    "tcp": Bench.group_tcp,
    "free": Bench.group_free,
    "off": Bench.group_off,
    "flood": Bench.group_flood,
    "ping": Bench.group_ping,
}


def measure(options):
    """Measure the groups asked for. Returns rows."""
    bench = Bench(options)
    rows = []
    lab.need("ip", "iperf3", "nsenter", "mount")
    for name in options.only or GROUPS:
        rows += GROUPS[name](bench)
    return rows
