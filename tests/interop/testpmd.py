# SPDX-License-Identifier: Apache-2.0
"""DPDK's testpmd as a peer: started, spoken to, waited for, and cleaned up.

It runs without huge pages and without devices of the machine, with one thread
that forwards, which never sleeps. Commands go to its prompt, numbers come from
its telemetry socket.

What it does by itself, so that nobody looks for it in vif:
 - A client connects once, when its port starts; "port stop" and "port start"
   connect anew. A server takes any number of clients, one after another.
 - Counters are of the connection: they vanish with it.
 - Now and then it dies by a signal when its peer leaves, because it unmaps what
   its other thread still reads. crashed() tells.
 - A path is not removed when it did not end in good order.
"""
import contextlib
import functools
import json
import os
import shutil
import signal
import socket
import subprocess

import harness
from harness import Failure, Skip, check, wait

PROGRAM = "dpdk-testpmd"
PROMPT = "testpmd> "
RUN_DIRECTORY = "/var/run/dpdk"
DRIVERS = ("librte_net_memif", "librte_net_tap", "librte_mempool_ring",
           "librte_bus_vdev")
START_S = 20.0
MULTI_SEGS = "0x8000"  # the tx offload that lets it send chains
ANSWER_SIZE = 1 << 16
MEMORY_MIB = 256
CRASHES = (-signal.SIGSEGV, -signal.SIGBUS)


class Crashed(Failure):
    """It died by a signal, as it does now and then when its peer leaves."""


def may_crash(case):
    """For cases in which a peer leaves a testpmd that is not ours to mend."""
    @functools.wraps(case)
    def guarded(*arguments, **options):
        try:
            return case(*arguments, **options)
        except Crashed:
            return "testpmd died when its peer left, as it does now and then"
    return guarded


def missing():
    """Why there is no testpmd here, or None."""
    program = shutil.which(PROGRAM)
    if not program:
        return f"no {PROGRAM} here: on Debian, install dpdk-dev"
    if not shutil.which("stdbuf"):
        return "no stdbuf here"
    done = subprocess.run(["ldconfig", "-p"], stdout=subprocess.PIPE, text=True,
                          check=False, env={"PATH": "/usr/sbin:/sbin:/bin"})
    lost = [name for name in DRIVERS
            if done.returncode == 0 and name not in done.stdout]
    if lost:
        return f"{PROGRAM} has no {', '.join(lost)}"
    return None


def need():
    reason = missing()
    if reason:
        raise Skip(reason)


def memif(role, address, **options):
    """A memif port for testpmd, as the text of --vdev without its name.

    address is a path, or "@NAME" for an abstract one. options are the driver's:
    id, rsize (log2), bsize, secret, mac, zero_copy.
    """
    parts = [f"role={role}", f"id={options.pop('id', 0)}"]
    if address.startswith("@"):
        parts.append(f"socket={address[1:]}")
    else:
        parts += [f"socket={address}", "socket-abstract=no"]
    parts += [f"{name.replace('_', '-')}={value}"
              for name, value in options.items() if value is not None]
    return "net_memif", ",".join(parts)


def tap(name):
    """A TAP device that testpmd makes, and holds."""
    return "net_tap", f"iface={name}"


def move_tap(net, side):
    """Put the TAP device that testpmd holds into a namespace, set up as the
    end of a cable there."""
    name = f"v{side}"
    harness.run("ip", "link", "set", name, "netns", net.name[side])
    net.ip(side, "address", "add",
           f"{harness.ADDRESS[side, 4]}/{harness.PREFIX[4]}", "dev", name)
    net.ip(side, "link", "set", name, "up")


class Testpmd(harness.Process):
    """One testpmd, with ports in the order of the arguments."""
    count = 0

    def __init__(self, directory, *ports, mode="macswap", cpu=None, rxq=1,
                 txq=None, start=True, eal=(), options=(), n_mbuf=4096,
                 memory_mib=MEMORY_MIB, chains=False):
        Testpmd.count += 1
        self.prefix = f"vif-{os.getpid()}-{Testpmd.count}"
        cpu = max(os.sched_getaffinity(0)) if cpu is None else cpu
        vdevs = [f"--vdev={driver}{i},{text}"
                 for i, (driver, text) in enumerate(ports)]
        command = [
            "stdbuf", "-oL", PROGRAM, "--no-huge", "--no-pci", "-m",
            str(memory_mib), "--lcores", f"0@{cpu},1@{cpu}",
            f"--file-prefix={self.prefix}", "--log-level=pmd.net.memif:debug",
            *eal, *vdevs, "--", "--interactive", f"--forward-mode={mode}",
            f"--total-num-mbufs={n_mbuf}", "--no-mlockall",
            # It would wait for links, on the CPU that has to bring them up.
            "--disable-link-check",
            f"--rxq={rxq}", f"--txq={txq or rxq}",
            *(["--auto-start"] if start else []),
            *([f"--tx-offloads={MULTI_SEGS}"] if chains else []), *options]
        super().__init__(directory, command, stdin=subprocess.PIPE)

    @property
    def run_directory(self):
        return os.path.join(RUN_DIRECTORY, self.prefix)

    def ready(self):
        """Wait for the first prompt: ports are started then."""
        wait(lambda: self.alive() and PROMPT in self.out,
             "testpmd's prompt", START_S)
        return self

    def alive(self):
        if not self.running():
            kind = Crashed if self.crashed() else Failure
            raise kind(f"testpmd ended early, {self.child.returncode}: "
                          f"{self.err[-500:]}")
        return True

    def report(self):
        """The last of it: the first is the same always."""
        return "\n".join([f"--- {' '.join(self.command)}",
                          f"--- exit {self.child.poll()}; it ends in:",
                          self.out[-800:].strip(), self.err[-1200:].strip()])

    def crashed(self):
        """Whether it died of itself by a signal."""
        return not self.running() and self.child.returncode in CRASHES

    def say(self, text):
        """Give a line to the prompt, and wait for nothing."""
        self.child.stdin.write(text.encode() + b"\n")
        self.child.stdin.flush()

    def prompt(self, *lines, seconds=10.0):
        """Give lines to the prompt; returns what it printed meanwhile."""
        text = ""
        for line in lines:
            before = len(self.out)
            self.say(line)
            wait(lambda start=before: self.alive() and
                 PROMPT in self.out[start:], f"an end of {line!r}", seconds)
            text += self.out[before:]
        check("Command not found" not in text and "Bad arguments" not in text,
              f"testpmd does not know how to {lines}: {text}")
        return text

    # Numbers

    def ask(self, question):
        """An answer of its telemetry."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as link:
            link.settimeout(5 * harness.PATIENCE)
            try:
                link.connect(os.path.join(self.run_directory,
                                          "dpdk_telemetry.v2"))
                link.recv(ANSWER_SIZE)
                link.send(question.encode())
                answer = json.loads(link.recv(ANSWER_SIZE))
            except (OSError, ValueError) as error:
                # Its sockets go a moment before it can be waited for.
                with contextlib.suppress(Failure):
                    wait(lambda: not self.running(), "its end", 1)
                self.alive()
                raise Failure(f"testpmd's telemetry: {error}") from error
        return answer[question.partition(",")[0]]

    def stats(self, port=0):
        return self.ask(f"/ethdev/stats,{port}")

    def received(self, port=0):
        return self.stats(port)["ipackets"]

    def sent(self, port=0):
        return self.stats(port)["opackets"]

    def is_up(self, port=0):
        return self.ask(f"/ethdev/link_status,{port}")["status"] == "UP"

    def wait_up(self, *ports, seconds=5.0):
        for port in ports or (0,):
            wait(lambda n=port: self.is_up(n), f"link of port {port}", seconds)
        return self

    def wait_down(self, port=0, seconds=5.0):
        wait(lambda: not self.is_up(port), f"end of port {port}", seconds)
        return self

    def settle(self, *ports):
        """Stop sending, take what is still on the way, return the counters.

        Two answers that are the same, with a turn of the other side between
        them, are the end: nobody sends any more.
        """
        self.prompt("stop", "set fwd rxonly", "start")
        last = None

        def still():
            nonlocal last
            now = [self.stats(port) for port in ports or (0,)]
            same, last = now == last, now
            return same
        wait(still, "testpmd to settle")
        return last

    def leave(self, port=0):
        """Let a client end its connection."""
        self.prompt("stop", f"port stop {port}")

    def come_back(self, port=0):
        self.prompt(f"port start {port}", "start")

    # Ends

    def quit(self, seconds=10.0):
        """End it in good order; what it is known to die of is no failure."""
        if self.running():
            with contextlib.suppress(BrokenPipeError):
                self.say("quit")
                self.child.stdin.close()
        code = self.wait(seconds)
        self.clean()
        check(code == 0 or code in CRASHES, f"testpmd ended with {code}")

    def kill(self):
        super().kill()
        with contextlib.suppress(OSError):
            self.child.stdin.close()
        self.clean()

    def clean(self):
        shutil.rmtree(self.run_directory, ignore_errors=True)


def cpus():
    """Two CPUs, for the two sides of a link; the same one if there is one."""
    there = sorted(os.sched_getaffinity(0))
    return there[0], there[-1]
