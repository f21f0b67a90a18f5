# SPDX-License-Identifier: Apache-2.0
"""Namespaces, cables and the tools that load them.

     namespace a                                           namespace b
  +----------------+      +----------------------+      +----------------+
  | iperf3 -c      |      |                      |      |      iperf3 -s |
  | ping           |      |  vif link, barecable |      |           pong |
  |    |           |      |  or socat            |      |           |    |
  |  cable 10.77.0.1/24 ==|======================|== 10.77.0.2/24 cable  |
  +----------------+      +----------------------+      +----------------+

A Room is the two namespaces, a Cable what joins them. The whole measurement
runs in a mount and a network namespace of its own, so the machine sees none of
it and everything is gone with the last process, however that ends.
"""
import contextlib
import ctypes
import json
import os
import re
import select
import shutil
import signal
import subprocess
import tempfile
import time

IP = {"a": "10.77.0.1", "b": "10.77.0.2"}
DEVICE = "cable"
IPERF_PORT = 5201
PATIENCE_S = 10.0
POLL_S = 0.002
STAGE = "VIF_BENCH_STAGE"

LIBC = ctypes.CDLL(None, use_errno=True)
PR_SET_PDEATHSIG = 1
CLONE_NEWNET = 0x40000000


class Failure(Exception):
    """It could not be measured; the text says why."""


def isolate(command):
    """Run the program again, apart from the rest of the machine.

    In a mount and a network namespace of its own, and in a session of its own,
    so that the scheduler puts it in an autogroup which can be given precedence
    over whatever else runs. Signals are passed on. Returns the exit code, or
    None in the process that is already apart.
    """
    if os.environ.get(STAGE):
        del os.environ[STAGE]
        run("mount", "-t", "tmpfs", "tmpfs", "/run")
        run("ip", "link", "set", "lo", "up")
        return None
    who = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    child = subprocess.Popen(
        ["unshare", *who, "--mount", "--net", "--propagation", "private",
         "--", *command],
        env={**os.environ, STAGE: "1"}, preexec_fn=set_apart)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: child.terminate())
    return child.wait()


def set_apart():
    """All contenders share this precedence, so it favours none of them."""
    die_with_parent()
    os.setsid()
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, -20)
    with contextlib.suppress(OSError):
        with open("/proc/self/autogroup", "w", encoding="ascii") as file:
            file.write("-20")


def wait(condition, text, seconds=PATIENCE_S):
    """Poll until condition() is true and return its value."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Failure(f"waited {seconds:g} s in vain: {text}")
        time.sleep(POLL_S)


def run(*command):
    """Run a tool to its end and return its stdout."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, check=False)
    if done.returncode != 0:
        text = done.stderr.strip() or done.stdout.strip()[-500:]
        raise Failure(f"{' '.join(command)}: exit {done.returncode}: {text}")
    return done.stdout


def read(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


def die_with_parent():
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


class Process:
    """A child, with its output in a file that vanishes with it."""

    def __init__(self, *command, pass_fds=()):
        self.name = os.path.basename(command[0])
        self.output = tempfile.TemporaryFile("w+")
        # Written out, because nothing else may happen between fork and exec.
        self.child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=self.output,
            stderr=subprocess.STDOUT, pass_fds=pass_fds,
            preexec_fn=die_with_parent)

    @property
    def pid(self):
        return self.child.pid

    def text(self):
        self.output.seek(0)
        return self.output.read()

    def alive(self):
        if self.child.poll() is not None:
            raise Failure(f"{self.name} ended early: {self.text()[-1000:]}")
        return True

    def wait_for(self, condition, text):
        return wait(lambda: self.alive() and condition(),
                    f"{self.name}: {text}")

    def end(self, number=signal.SIGTERM, seconds=3.0):
        """End it by its process id, gently first."""
        if self.child.poll() is None:
            self.child.send_signal(number)
            try:
                self.child.wait(seconds)
            except subprocess.TimeoutExpired:
                self.child.kill()
        self.child.wait()
        self.output.close()

    def cpu_s(self):
        """Seconds its threads have used a CPU, and have waited for one.

        schedstat counts nanoseconds; utime and stime only ticks of 10 ms.
        """
        tasks = f"/proc/{self.pid}/task"
        ns = [[int(field) for field in read(f"{tasks}/{tid}/schedstat").split()]
              for tid in os.listdir(tasks)]
        return sum(n[0] for n in ns) / 1e9, sum(n[1] for n in ns) / 1e9

    def cpu_ticks_s(self):
        """utime + stime of the process, as top(1) would show them."""
        fields = read(f"/proc/{self.pid}/stat").rpartition(")")[2].split()
        return ((int(fields[11]) + int(fields[12])) /
                os.sysconf("SC_CLK_TCK"))

    def pin(self, cpus):
        for tid in os.listdir(f"/proc/{self.pid}/task"):
            os.sched_setaffinity(int(tid), cpus)

    def memory_kib(self):
        """Resident memory: all of it, and the part no file backs."""
        status = read(f"/proc/{self.pid}/status")
        return {name: int(re.search(rf"^{name}:\s+(\d+) kB", status,
                                    re.MULTILINE).group(1))
                for name in ("VmRSS", "RssAnon", "RssFile", "VmHWM")}


class Room:
    """Two fresh namespaces."""
    count = 0

    def __init__(self):
        Room.count += 1
        stem = f"vif-bench-{os.getpid()}-{Room.count}"
        self.name = {side: f"{stem}-{side}" for side in "ab"}
        self.path = {side: f"/run/netns/{self.name[side]}" for side in "ab"}

    def __enter__(self):
        for side in "ab":
            run("ip", "netns", "add", self.name[side])
            self.ip(side, "link", "set", "lo", "up")
            # Only our packets, and no memory of the connection before.
            self.sysctl(side, "net/ipv6/conf/default/disable_ipv6", "1")
            self.sysctl(side, "net/ipv6/conf/all/disable_ipv6", "1")
            self.sysctl(side, "net/ipv4/tcp_no_metrics_save", "1")
        return self

    def __exit__(self, *_):
        for side in "ab":
            subprocess.run(["ip", "netns", "del", self.name[side]],
                           check=False)

    def inside(self, side, *command):
        return ["nsenter", f"--net={self.path[side]}", "--", *command]

    def ip(self, side, *arguments):
        return run("ip", "-n", self.name[side], *arguments)

    def sysctl(self, side, name, value):
        run(*self.inside(side, "sh", "-c", 'echo "$0" > "/proc/sys/$1"',
                         value, name))

    def socket(self, side, make):
        """Call make() inside a namespace; a socket stays where it was made."""
        home = os.open("/proc/self/ns/net", os.O_RDONLY)
        there = os.open(self.path[side], os.O_RDONLY)
        try:
            enter(there)
            return make()
        finally:
            enter(home)
            os.close(home)
            os.close(there)

    def arrived(self, side):
        """Packets that came out of the cable at a side so far."""
        link = json.loads(self.ip(side, "-j", "-s", "link", "show", DEVICE))
        return link[0]["stats64"]["rx"]["packets"]

    def set_up(self, side):
        self.ip(side, "address", "add", f"{IP[side]}/24", "dev", DEVICE)
        self.ip(side, "link", "set", DEVICE, "up")


def enter(fd):
    if LIBC.setns(fd, CLONE_NEWNET) < 0:
        raise Failure(f"setns: {os.strerror(ctypes.get_errno())}")


# Cables. Each is a context: joined inside, gone afterwards. Without a process
# the kernel does the work alone.


class Cable:
    process = None

    def __init__(self, room):
        self.room = room

    def __enter__(self):
        try:
            self.join()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.process:
            self.process.end()
        for side in "ab":
            subprocess.run(["ip", "-n", self.room.name[side], "link", "del",
                            DEVICE], stderr=subprocess.DEVNULL, check=False)

    def join(self):
        raise NotImplementedError


class Vif(Cable):
    """vif link, which sets the devices up itself."""

    def __init__(self, room, program, kind="tun", keys=(), options=()):
        super().__init__(room)
        self.program, self.kind = program, kind
        self.keys, self.options = keys, options

    def command(self):
        ends = [",".join([f"{self.kind}:{DEVICE}", f"ip={IP[side]}/24",
                          f"netns={self.room.name[side]}", *self.keys])
                for side in "ab"]
        return [self.program, "link", *ends, "--quiet", *self.options]

    def join(self):
        ready_r, ready_w = os.pipe()
        try:
            self.process = Process(*self.command(), "--ready-fd",
                                   str(ready_w), pass_fds=(ready_w,))
            os.close(ready_w)
            if (not select.select([ready_r], [], [], PATIENCE_S)[0] or
                    not os.read(ready_r, 64)):
                raise Failure(f"vif did not get ready: "
                              f"{self.process.text()[-1000:]}")
        finally:
            os.close(ready_r)


class Bare(Cable):
    """The bare loop, barecable.c; with a way, uringcable.c."""

    def __init__(self, room, program, kind="tun", way=()):
        super().__init__(room)
        self.program, self.kind, self.way = program, kind, way

    def join(self):
        room = self.room
        self.process = Process(self.program, *self.way, self.kind,
                               room.path["a"], DEVICE, room.path["b"], DEVICE)
        self.process.wait_for(lambda: "ready" in self.process.text(), "ready")
        for side in "ab":
            room.set_up(side)


class Veth(Cable):
    """The kernel alone."""

    def join(self):
        name = self.room.name
        run("ip", "link", "add", DEVICE, "netns", name["a"], "type", "veth",
            "peer", "name", DEVICE, "netns", name["b"])
        for side in "ab":
            self.room.set_up(side)
        for side in "ab":
            wait(lambda: "LOWER_UP" in self.room.ip(side, "link", "show",
                                                    DEVICE), "veth is up")


class Socat(Cable):
    """socat joins two devices of one namespace, which are then moved."""

    def join(self):
        here = {side: f"sc{os.getpid() % 100000}{side}" for side in "ab"}
        for name in here.values():
            run("ip", "tuntap", "add", name, "mode", "tun")
        self.process = Process("socat", *(
            f"TUN,tun-name={name},tun-type=tun,iff-no-pi"
            for name in here.values()))
        self.process.wait_for(lambda: self.attached() == set(here.values()),
                              "devices attached")
        for side, name in here.items():
            run("ip", "link", "set", name, "down")
            run("ip", "link", "set", name, "name", DEVICE, "netns",
                self.room.name[side])
            self.room.set_up(side)

    def attached(self):
        """Names of the devices it holds."""
        names = set()
        directory = f"/proc/{self.process.pid}/fdinfo"
        for fd in os.listdir(directory):
            try:
                found = re.search(r"^iff:\s*(\S+)", read(f"{directory}/{fd}"),
                                  re.MULTILINE)
            except FileNotFoundError:
                continue
            if found:
                names.add(found.group(1))
        return names


# Loads


@contextlib.contextmanager
def pinned(cable, one_cpu=False):
    """The cable on the last CPU, what is started meanwhile on the others.

    With one_cpu, or when there is no other, everything on the last.
    """
    before = os.sched_getaffinity(0)
    last = {max(before)}
    if cable.process:
        cable.process.pin(last)
    os.sched_setaffinity(0, last if one_cpu else before - last or last)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def iperf3(room, seconds, *options):
    """One run of iperf3 from a to b. Returns what its JSON has as "end"."""
    server = Process(*room.inside("b", "iperf3", "-s", "-1", "-4"))
    try:
        server.wait_for(lambda: listens(server.pid), "listens")
        out = run(*room.inside("a", "iperf3", "-c", IP["b"], "-J", "-t",
                               f"{seconds:g}", *options))
    finally:
        server.end()
    return json.loads(out)["end"]


def listens(pid):
    port = f":{IPERF_PORT:04X} "
    return any(port in line and " 0A " in line
               for line in read(f"/proc/{pid}/net/tcp").splitlines())


def pingpong(room, program, count):
    """Round trip times in microseconds."""
    return json.loads(run(program, room.path["a"], room.path["b"], IP["b"],
                          str(count)))


def need_congestion(name):
    there = read("/proc/sys/net/ipv4/tcp_available_congestion_control").split()
    if name not in there:
        raise Failure(f"TCP has no '{name}' here, only {', '.join(there)}: "
                      f"modprobe tcp_{name}, or choose with --congestion")


def need(*tools):
    missing = [tool for tool in tools if not shutil.which(tool)]
    if missing:
        raise Failure(f"missing: {', '.join(missing)}")
