# SPDX-License-Identifier: Apache-2.0
"""memif: a link between two memif ports on one CPU, and what stands beside it.

     CPU of the peer                         CPU of what is measured
  +------------------+                    +---------------------------+
  |                  |=== memif, id 0 ===>|                           |
  |  memifpeer load  |                    | vif link | testpmd io |   |
  |                  |<== memif, id 1 ====| memifpeer forward         |
  +------------------+                    +---------------------------+

What each figure means, and why it is fair: docs/design/bench-memif.md.
"""
import contextlib
import functools
import itertools
import json
import os
import resource
import shutil
import subprocess
import time

import lab
from cable import Bench, row, show_tcp
from lab import Cable, Failure, Process, Vif
from side import Gate, Row, alternate, say

TOOLS = ("memifpeer", "pingpong")
RUN = "/run"  # of the bench alone
SAMPLE_MS = 1000
SIZE_SMALL, SIZE_LARGE, SIZE_CHAIN = 60, 1500, 9000
RING_LOG2, BUFFER = 10, 2048
GEOMETRY = f"ring={1 << RING_LOG2},buffer={BUFFER}"
N_MBUF = 4096
BURST, BURST_CHAINS = 64, 32  # what testpmd is quickest with
MULTI_SEGS = "0x8000"
GAP_US = 20  # until the next packet; a link that can sleep does
PING_SHARE = 4  # round trips of a sample, against those of a ping-pong
ENDS_S = 60

IDLE_TOOL = "memifidle"
N_IDLE = 1000
IDLE_S = 10
# Enough for both ends of each link, their memory and two rings, twice over.
IDLE_FDS = 64 * N_IDLE


def port_help(vif):
    """What this vif knows of memif ports; nothing if it has none."""
    done = subprocess.run([vif, "help", "memif"], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          text=True, check=False)
    return done.stdout if done.returncode == 0 else ""


def on_cpu(cpu, *command):
    return Process("taskset", "-c", str(cpu), *command)


class MemifCable(Cable):
    """Two vifs, joined by memif: TUN - vif - memif - vif - TUN.

    Both are the process that is measured; the second one is kept beside it.
    """
    second = None

    def __init__(self, room, program, keys=(), options=()):
        super().__init__(room)
        self.program, self.keys, self.options = program, keys, options
        self.path = f"{RUN}/{room.name['a']}.sock"

    def start(self, side, role):
        memif = ",".join([f"memif:{self.path}", f"role={role}", "mode=ip",
                          *self.keys])
        tun = (f"tun:{lab.DEVICE},ip={lab.IP[side]}/24,"
               f"netns={self.room.name[side]}")
        ends = (tun, memif) if side == "a" else (memif, tun)
        return Process(self.program, "link", *ends, "--quiet", *self.options)

    def join(self):
        self.process = self.start("a", "server")
        self.second = self.start("b", "client")
        # Both devices, and a packet that crosses.
        lab.wait(lambda: self.process.alive() and self.second.alive() and
                 self.answers(), "a ping through memif")

    def answers(self):
        return subprocess.run(
            self.room.inside("a", "ping", "-c1", "-W1", lab.IP["b"]),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            check=False).returncode == 0

    def __exit__(self, *_):
        if self.second:
            self.second.end()
        super().__exit__()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)


class MemifBench(Bench):
    count = itertools.count()

    def __init__(self, options):
        super().__init__(options)
        self.peer = f"{options.tools}/memifpeer"
        self.idle = f"{options.tools}/{IDLE_TOOL}"
        text = port_help(self.vif)
        self.has_port = bool(text)
        self.has_offload = "offload=" in text
        cpus = sorted(os.sched_getaffinity(0))
        if len(cpus) < 2:
            raise Failure("two CPUs are needed, one for each side")
        self.peer_cpu, self.cpu = cpus[0], cpus[-1]

    # What can stand between the two ports. Returns a running process.

    def start_vif(self, address, *keys):
        ends = [",".join([f"memif:{address}", "role=client", f"id={i}",
                          GEOMETRY, *keys]) for i in range(2)]
        return on_cpu(self.cpu, self.vif, "link", *ends, "--quiet",
                      *self.vif_options)

    def start_testpmd(self, address, burst=BURST):
        """Without huge pages, as anybody can run it; two threads, of which one
        only waits for commands."""
        prefix = f"vif-bench-{os.getpid()}-{next(self.count)}"
        vdevs = [f"--vdev=net_memif{i},role=client,id={i},socket={address},"
                 f"socket-abstract=no,rsize={RING_LOG2},bsize={BUFFER}"
                 for i in range(2)]
        return Process(
            "dpdk-testpmd", "--no-huge", "--no-pci", "-m", "256", "--lcores",
            f"0@{self.cpu},1@{self.cpu}", f"--file-prefix={prefix}", *vdevs,
            "--", "--forward-mode=io", "--auto-start", "--no-mlockall",
            f"--total-num-mbufs={N_MBUF}", f"--burst={burst}",
            f"--tx-offloads={MULTI_SEGS}", "--stats-period=1000")

    def start_forward(self, address):
        return on_cpu(self.cpu, self.peer, "forward", address)

    def through(self, start, *work):
        """One run of the peer with something in the middle; its JSON."""
        address = f"{RUN}/memif-{next(self.count)}.sock"
        words = work[0], address, *map(str, work[1:])
        load = on_cpu(self.peer_cpu, self.peer, *words)
        middle = None
        try:
            load.wait_for(lambda: "listening" in load.text(), "listens")
            middle = start(address)
            load.child.wait(ENDS_S)
            text = load.text()
            if load.child.returncode:
                raise Failure(f"memifpeer: {text}\n{middle.name}: "
                              f"{middle.text()[-1000:]}")
        except subprocess.TimeoutExpired as error:
            raise Failure(f"memifpeer does not end: {load.text()}") from error
        finally:
            if middle:
                middle.end()
            load.end()
        return json.loads(text.splitlines()[-1])

    def load(self, start, size, *flags):
        got = self.through(start, "load", size, SAMPLE_MS, *flags)
        return {"mpps": got["mpps"],
                "gbps": got["mpps"] * size * 8 / 1e3,
                "whole": got["whole"], "overruns": got["overruns"],
                "kicks": got["kicks"] / max(1, got["packets"])}

    def contenders(self, size):
        burst = BURST if size <= BUFFER else BURST_CHAINS
        there = {"testpmd": functools.partial(self.start_testpmd, burst=burst),
                 "ceiling": self.start_forward}
        if self.has_port:
            return {"vif": self.start_vif, **there}
        say("  this build has no memif port: without vif, and without gates")
        return there

    def compare(self, name, title, size, flags=(), gate=None):
        """Rows of all contenders for packets of one size."""
        got = alternate({who: lambda start=start: self.load(start, size,
                                                            *flags)
                         for who, start in self.contenders(size).items()},
                        self.options.rounds, show_load)
        rows = []
        if "vif" in got:
            rows = [row(name, f"{title}, against testpmd io", "Mpps", got,
                        "mpps", "testpmd", "ratio", gate),
                    row(f"{name}_rate", "  the same", "Gbit/s", got, "gbps",
                        "testpmd", "ratio")]
        return rows + [
            Row(f"{name}_testpmd", f"{title}, testpmd io", "Mpps",
                got["testpmd"]["mpps"], "ceiling", got["ceiling"]["mpps"],
                "ratio"),
            Row(f"{name}_ceiling", "  the most the peer can do", "Mpps",
                got["ceiling"]["mpps"])]

    # Groups of figures; each returns rows.

    def group_fast60(self):
        lab.need("dpdk-testpmd", "taskset")
        say(f"{SIZE_SMALL} bytes, one way")
        rows = self.compare("fast60", "60 bytes", SIZE_SMALL,
                            gate=Gate(">=", 1.5))
        say(f"{SIZE_SMALL} bytes, both ways at once")
        return rows + self.compare("fast60_both", "60 bytes, both ways",
                                   SIZE_SMALL, ("both",))

    def group_fast1500(self):
        lab.need("dpdk-testpmd", "taskset")
        say(f"{SIZE_LARGE} bytes, one way")
        rows = self.compare("fast1500", "1500 bytes", SIZE_LARGE,
                            gate=Gate(">=", 1.7))
        say(f"{SIZE_LARGE} bytes, both ways at once")
        return rows + self.compare("fast1500_both", "1500 bytes, both ways",
                                   SIZE_LARGE, ("both",))

    def group_chains9000(self):
        lab.need("dpdk-testpmd", "taskset")
        say(f"{SIZE_CHAIN} bytes, chains of {-(-SIZE_CHAIN // BUFFER)}")
        return self.compare("chains9000", "9000 bytes, chains", SIZE_CHAIN)

    def make(self, name, room, kind="tun"):
        """A cable by its name in the tables."""
        keys = {"memif": (), "interrupt": ("rx=interrupt",),
                "plain": ("offload=off",)}
        if name in keys:
            return MemifCable(room, self.vif, keys[name], self.vif_options)
        return Vif(room, self.vif, kind, (), self.vif_options)

    def group_tun(self):
        if self.lacks_port("tun"):
            return []
        lab.need("iperf3", "ping", "nsenter")
        say("TCP, one stream, through two vifs and a memif")
        # Without the key, what crosses never has offload state.
        plain = ("plain",) if self.has_offload else ()
        got = self.rounds(("memif", "interrupt", *plain, "direct"), self.tcp,
                          show_tcp)
        titles = {"memif": "TCP, tun - vif - memif - vif - tun",
                  "interrupt": "  in interrupt mode",
                  "plain": "  without offload state"}
        return [Row("tun" if name == "memif" else f"tun_{name}", titles[name],
                    "Gbit/s", got[name]["gbps"], "tun - vif - tun",
                    got["direct"]["gbps"], "ratio",
                    Gate(">=", 0.8) if name == "memif" else None)
                for name in titles if name in got]

    def group_latency(self):
        lab.need("taskset")
        count = max(1, self.options.pings // PING_SHARE)

        def trip(start):
            return self.through(start, "ping", count, GAP_US)

        works = {"ceiling": self.start_forward}
        if not self.lacks_port("latency"):
            works.update({
                mode: lambda address, mode=mode: self.start_vif(
                    address, f"rx={mode}")
                for mode in ("interrupt", "adaptive", "poll")})
        say(f"round trip of one packet, twice through the link, "
            f"{GAP_US} us apart")
        got = alternate({name: lambda start=start: trip(start)
                         for name, start in works.items()},
                        self.options.rounds, show_trip)
        rows = [Row(f"latency_{name}_{point}", f"round trip {point}, {name}",
                    "us", got[name][point])
                for name in works for point in ("p50", "p99")]
        if "adaptive" in got:
            rows.append(Row("latency", "round trip p50, adaptive", "us",
                            got["adaptive"]["p50"], "interrupt",
                            got["interrupt"]["p50"], "ratio",
                            Gate("<=", 1 / 3)))
        return rows

    def group_idle1000(self):
        """memifidle N DIR: N links in one process, each from a memif server to
        a memif client of its own by a socket in DIR; prints "ready" when all
        are up, and ends by SIGTERM. It takes the library, so it is no part of
        this file."""
        if not os.access(self.idle, os.X_OK):
            say(f"  no {IDLE_TOOL} in {self.options.tools}: idle links are "
                "not measured")
            return []
        directory = f"{RUN}/idle"
        os.mkdir(directory)
        raise_fd_limit(IDLE_FDS)
        process = Process(self.idle, str(N_IDLE), directory)
        try:
            process.wait_for(lambda: "ready" in process.text(), "is ready")
            used_s, start = process.cpu_s()[0], time.monotonic()
            # The wait is the measurement: idleness is what is looked at.
            time.sleep(IDLE_S)
            used_s = process.cpu_s()[0] - used_s
            span = time.monotonic() - start
            memory = process.memory_kib()
            n_fd = len(os.listdir(f"/proc/{process.pid}/fd"))
        finally:
            process.end()
            shutil.rmtree(directory, ignore_errors=True)
        return [Row("idle1000_cpu", f"CPU of {N_IDLE} idle links", "%",
                    [used_s / span * 100], gate=Gate("<", 0.1)),
                Row("idle1000_memory", "  resident memory of each", "KiB",
                    [memory["VmRSS"] / N_IDLE]),
                Row("idle1000_fds", "  descriptors of each", "",
                    [n_fd / N_IDLE])]

    def lacks_port(self, group):
        if not self.has_port:
            say(f"  this build has no memif port: {group} is without vif")
        return not self.has_port


def raise_fd_limit(n):
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    soft = n if hard == resource.RLIM_INFINITY else min(n, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def show_load(figures):
    text = (f"{figures['mpps']:7.2f} Mpps, {figures['gbps']:6.1f} Gbit/s, "
            f"{figures['kicks']:.4f} events/packet")
    if figures["overruns"]:
        text += f", wrote over slots {figures['overruns']} times"
    return text if figures["whole"] else text + ", lengths changed"


def show_trip(figures):
    return (f"p50 {figures['p50']:6.2f} us, p99 {figures['p99']:6.2f} us, "
            f"max {figures['max']:.0f} us")


GROUPS = {
    "fast60": MemifBench.group_fast60,
    "fast1500": MemifBench.group_fast1500,
    "chains9000": MemifBench.group_chains9000,
    "tun": MemifBench.group_tun,
    "latency": MemifBench.group_latency,
    "idle1000": MemifBench.group_idle1000,
}


def measure(options):
    """Measure the groups asked for. Returns rows."""
    bench = MemifBench(options)
    rows = []
    lab.need("ip", "mount")
    for name in options.only or GROUPS:
        rows += GROUPS[name](bench)
    return rows
