# SPDX-License-Identifier: Apache-2.0
"""Through the narrow: TUN, a link, a port that takes single packets of 1500
bytes and nothing unfinished, a second link, TUN.

    namespace a            one process, twolinks            namespace b
    iperf3 -- tun:cable == link -- loop == loop -- link == tun:cable -- iperf3

The links cut and glue, or leave it all to the kernel (offload=off).
"""
import lab
from cable import Bench, row, show_tcp
from lab import Cable, Process
from side import Gate, say

TOOLS = ("twolinks",)
LOOP = "loop:,offload=off,mtu=1500"


class Narrow(Cable):
    def __init__(self, room, program, keys, options):
        super().__init__(room)
        self.program, self.keys, self.options = program, keys, options

    def join(self):
        ends = [",".join([f"tun:{lab.DEVICE}", f"ip={lab.IP[side]}/24",
                          f"netns={self.room.name[side]}", *self.keys])
                for side in "ab"]
        self.process = Process(self.program, ends[0], LOOP, ends[1],
                               *self.options)
        self.process.wait_for(lambda: "ready" in self.process.text(), "ready")


class NarrowBench(Bench):
    def make(self, name, room, kind="tun"):
        keys, options = {
            "vif": ((), ()),
            "kernel": (("offload=off",), ("cut=off", "glue=off")),
            "cut": ((), ("glue=off",)),
        }[name]
        return Narrow(room, f"{self.options.tools}/twolinks", keys, options)

    def group_narrow(self):
        say("TCP, one stream, through a port of single packets")
        got = self.rounds(("vif", "kernel", "cut"), self.tcp, show_tcp)
        return [
            row("narrow", "TCP, cut and glued, against offload=off", "Gbit/s",
                got, "gbps", "kernel", "ratio", Gate(">=", 3)),
            row("narrow_cpu", "  CPU of both links, less is better", "s/GB",
                got, "cpu_s", "kernel", "ratio"),
            row("narrow_cut", "TCP, cut and glued, against cut only", "Gbit/s",
                got, "gbps", "cut", "ratio"),
        ]


GROUPS = {"narrow": NarrowBench.group_narrow}


def measure(options):
    """Measure the groups asked for. Returns rows."""
    bench = NarrowBench(options)
    rows = []
    lab.need("ip", "iperf3", "nsenter", "mount")
    for name in options.only or GROUPS:
        rows += GROUPS[name](bench)
    return rows
