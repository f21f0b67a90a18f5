# SPDX-License-Identifier: Apache-2.0
"""The cable: two TUN devices joined by vif link, against what could replace it.

What each figure means, and why it is fair: docs/design/bench-cable.md.
"""
import contextlib
import socket
import time

import lab
from lab import Bare, Failure, Room, Socat, Veth, Vif
from side import Gate, Row, alternate, say

TOOLS = ("barecable", "pingpong")
GIGA = 1e9
SLICE_S = 1  # iperf3 takes whole seconds only
IDLE_S = 10
MEMORY_S = 1
START_MS_MAX = 10000
OFF = ("offload=off",)
FLOOD = ("-u", "-l", "64", "-b", "0")


class Bench:
    def __init__(self, options):
        self.options = options
        self.vif = options.vif
        self.bare = f"{options.tools}/barecable"
        self.pingpong = f"{options.tools}/pingpong"
        self.vif_options = options.vif_options.split()
        lab.need_congestion(options.congestion)

    def make(self, name, room, kind="tun"):
        """A cable by its name in the tables."""
        if name == "vif":
            return Vif(room, self.vif, kind, (), self.vif_options)
        if name == "off":
            return Vif(room, self.vif, kind, OFF, self.vif_options)
        if name == "bare":
            return Bare(room, self.bare, kind)
        return {"veth": Veth, "socat": Socat}[name](room)

    def rounds(self, names, measure, show, kind="tun", rounds=None):
        """Alternate between cables, each made anew in a room of its own."""
        with contextlib.ExitStack() as stack:
            rooms = {name: stack.enter_context(Room()) for name in names}

            def one(name):
                with self.make(name, rooms[name], kind) as cable:
                    return measure(cable)

            return alternate({name: lambda name=name: one(name)
                              for name in names},
                             rounds or self.options.rounds, show)

    # One measurement of one cable each. Returns {figure: number}.

    def tcp(self, cable, *flags, seconds=None):
        end, used = self.loaded(cable, seconds or self.options.seconds, *flags)
        sums = [end[key] for key in ("sum_received",
                                     "sum_received_bidir_reverse")
                if key in end]
        n_gb = sum(s["bytes"] for s in sums) / GIGA
        return {"gbps": sum(s["bits_per_second"] for s in sums) / GIGA,
                **{key: value if key == "waited" else value / n_gb
                   for key, value in used.items()}}

    def tcp_pinned(self, cable):
        with lab.pinned(cable):
            return self.tcp(cable, seconds=SLICE_S)

    def flood(self, cable):
        """Counts what leaves the cable: iperf3 cannot receive all of it."""
        with lab.pinned(cable):
            end, used = self.loaded(cable, SLICE_S, *FLOOD)
        n_packet = cable.room.arrived("b")
        return {"kpps": n_packet / end["sum"]["seconds"] / 1e3,
                "cpu_us": used["cpu_s"] / n_packet * 1e6,
                "waited": used["waited"]}

    def loaded(self, cable, seconds, *flags):
        """What iperf3 says, and what the cable needed meanwhile.

        cpu_s: seconds of CPU; waited: share of the time somebody else had it.
        """
        if "-u" not in flags:
            flags += ("-C", self.options.congestion)
        if not cable.process:
            return lab.iperf3(cable.room, seconds, *flags), {}
        before = cable.process.cpu_s()
        end = lab.iperf3(cable.room, seconds, *flags)
        used_s, waited_s = (now - then for now, then
                            in zip(cable.process.cpu_s(), before))
        return end, {"cpu_s": used_s, "waited": waited_s / seconds}

    def ping(self, cable):
        return lab.pingpong(cable.room, self.pingpong, self.options.pings)

    def ping_one_cpu(self, cable):
        with lab.pinned(cable, one_cpu=True):
            return self.ping(cable)

    # Groups of figures; each returns rows.

    def group_bare(self):
        """Many short slices: noise meets both sides of a pair alike."""
        say(f"TCP, one stream, pinned, slices of {SLICE_S} s")
        got = self.rounds(("vif", "bare"), self.tcp_pinned, show_tcp,
                          rounds=self.options.rounds * self.options.seconds)
        return [
            row("bare", "TCP, against the bare loop, pinned", "Gbit/s", got,
                "gbps", "bare", "ratio", Gate(">=", 0.97)),
            row("bare_cpu", "  CPU of the cable, less is better", "s/GB", got,
                "cpu_s", "bare", "ratio"),
        ]

    def group_tcp(self):
        say("TCP, one stream")
        got = self.rounds(("vif", "bare", "veth", "off", "socat"), self.tcp,
                          show_tcp)

        def tcp(peer, title, limit=None):
            return row(f"tcp_{peer}", f"TCP, against {title}", "Gbit/s", got,
                       "gbps", peer, "ratio",
                       Gate(">=", limit) if limit else None)

        return [tcp("bare", "the bare loop, not pinned", 0.97),
                tcp("veth", "veth", 0.75),
                tcp("off", "offload=off", 6),
                tcp("socat", "socat", 6)]

    def group_both(self):
        say("TCP, both directions at once")
        got = self.rounds(("vif", "bare"),
                          lambda cable: self.tcp(cable, "--bidir"), show_tcp)
        return [row("both", "TCP, both ways at once", "Gbit/s", got, "gbps",
                    "bare", "ratio")]

    def group_tap(self):
        say("TCP, one stream, TAP to TAP")
        got = self.rounds(("vif", "bare"), self.tcp, show_tcp, "tap")
        return [row("tap", "TCP, TAP to TAP", "Gbit/s", got, "gbps", "bare",
                    "ratio")]

    def group_flood(self):
        say("UDP, 64 bytes, as many as fit, pinned")
        got = self.rounds(("vif", "bare"), self.flood, show_flood)
        return [row("flood", "UDP, 64 bytes, pinned", "kpps", got, "kpps",
                    "bare", "ratio"),
                row("flood_cpu", "  CPU of the cable, less is better",
                    "us/packet", got, "cpu_us", "bare", "ratio")]

    def group_ping(self):
        say("UDP ping-pong")
        got = self.rounds(("vif", "veth", "bare"), self.ping, show_ping)
        say("UDP ping-pong, everything on one CPU")
        one = self.rounds(("vif", "veth", "bare"), self.ping_one_cpu,
                          show_ping)

        def free(peer, point, limit=None):
            return row(f"ping_free_{point}_{peer}",
                       f"  {point}, not pinned, less that of {peer}", "us",
                       got, point, peer, "difference",
                       Gate("<=", limit) if limit else None)

        def pinned(peer, point, limit=None):
            return row(f"ping_{point}_{peer}",
                       f"ping-pong {point} on one CPU, less that of {peer}",
                       "us", one, point, peer, "difference",
                       Gate("<=", limit) if limit else None)

        return [pinned("veth", "p50", 25), pinned("veth", "p99", 100),
                pinned("bare", "p50"), pinned("bare", "p99"),
                free("veth", "p50", 25), free("veth", "p99", 100),
                free("bare", "p50"), free("bare", "p99")]

    def group_idle(self):
        say(f"idle for {IDLE_S} s")
        with Room() as room, self.make("vif", room) as cable:
            # A link that has carried something, then nothing.
            lab.pingpong(room, self.pingpong, 100)
            used_s = cable.process.cpu_s()[0]
            ticks_s = cable.process.cpu_ticks_s()
            start = time.monotonic()
            time.sleep(IDLE_S)
            span = time.monotonic() - start
            used_s = cable.process.cpu_s()[0] - used_s
            ticks_s = cable.process.cpu_ticks_s() - ticks_s
        say(f"  {used_s * 1e6:.0f} us of CPU; utime + stime {ticks_s:g} s")
        return [Row("idle_cpu", f"CPU of an idle link, {IDLE_S} s", "%",
                    [max(used_s, ticks_s) / span * 100],
                    gate=Gate("<", 0.1))]

    def group_memory(self):
        say("resident memory after traffic both ways")
        rss = []
        with Room() as room:
            for _ in range(self.options.rounds):
                with self.make("vif", room) as cable:
                    lab.iperf3(room, MEMORY_S, "--bidir")
                    found = cable.process.memory_kib()
                say("  " + ", ".join(f"{name} {kib} KiB"
                                     for name, kib in found.items()))
                rss.append(found["VmRSS"] / 1024)
        return [Row("memory", "resident memory, one queue", "MiB", rss,
                    gate=Gate("<=", 12))]

    def group_start(self):
        say("start to first packet")
        took = []
        for _ in range(self.options.rounds):
            # A room that has seen a link may answer sooner; so, a fresh one.
            with Room() as room:
                took.append(start_ms(self.make("vif", room)))
            say(f"  {took[-1]:.1f} ms")
        return [Row("start", "start to first packet", "ms", took,
                    gate=Gate("<=", 100))]


def row(name, title, unit, got, figure, peer, compare, gate=None):
    """vif against one peer, in one of the figures measured."""
    return Row(name, title, unit, got["vif"][figure], peer, got[peer][figure],
               compare, gate)


def show_flood(figures):
    return f"{figures['kpps']:6.1f} kpps, " + show_cpu(figures, "cpu_us",
                                                       "us/packet")


def show_tcp(figures):
    text = f"{figures['gbps']:6.2f} Gbit/s"
    if "cpu_s" in figures:
        text += ", " + show_cpu(figures, "cpu_s", "s/GB")
    return text


def show_cpu(figures, key, unit):
    """Waiting for a CPU is noise; it tells which samples to distrust."""
    return (f"CPU {figures[key]:.3f} {unit}, waited "
            f"{figures['waited'] * 100:.0f} %")


def show_ping(figures):
    return (f"p50 {figures['p50']:6.2f} us, p99 {figures['p99']:6.2f} us, "
            f"max {figures['max']:.0f} us")


def udp_socket():
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.setblocking(False)
    return made


def start_ms(cable):
    """From before fork to the arrival of the first datagram at the far end.

    A sends without a break from before the device exists; what does not reach
    B is lost, as it would be for a user.
    """
    to, outcome = (lab.IP["b"], 7), []
    sender = cable.room.socket("a", udp_socket)
    receiver = cable.room.socket("b", udp_socket)
    receiver.bind(("", 7))

    def first_packet():
        """The cable is made in a thread, because making one waits."""
        while not outcome:
            with contextlib.suppress(OSError):
                sender.sendto(b"?", to)
            with contextlib.suppress(BlockingIOError):
                receiver.recv(64)
                return time.monotonic()
            if time.monotonic() - start > START_MS_MAX / 1000:
                break
        raise Failure("no packet arrived")

    start = time.monotonic()
    with sender, receiver, spawned(cable):
        return (first_packet() - start) * 1000


@contextlib.contextmanager
def spawned(cable):
    """The cable, without waiting until it is ready."""
    cable.process = lab.Process(*cable.command())
    try:
        yield cable
    finally:
        cable.__exit__()


GROUPS = {
    "bare": Bench.group_bare,
    "tcp": Bench.group_tcp,
    "both": Bench.group_both,
    "tap": Bench.group_tap,
    "flood": Bench.group_flood,
    "ping": Bench.group_ping,
    "idle": Bench.group_idle,
    "memory": Bench.group_memory,
    "start": Bench.group_start,
}


def measure(options):
    """Measure the groups asked for. Returns rows."""
    bench = Bench(options)
    rows = []
    lab.need("ip", "iperf3", "socat", "nsenter", "mount")
    for name in options.only or GROUPS:
        rows += GROUPS[name](bench)
    return rows
