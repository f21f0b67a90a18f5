# SPDX-License-Identifier: Apache-2.0
"""Two network namespaces, a cable between them, and traffic through it.

     namespace a            namespace of the test          namespace b
  +----------------+      +----------------------+      +----------------+
  | traffic        |      | the test, python     |      |        traffic |
  |    |           |      |                      |      |           |    |
  |   va  10.77.0.1/24    |       vif link       |    10.77.0.2/24  vb   |
  |       fd77::1/64 =====|=======[ A  B ]=======|===== fd77::2/64       |
  +----------------+      +----------------------+      +----------------+

A test is a python file with a list of cases; each case gets a fresh Net. The
whole test runs in a mount and a network namespace of its own, with a /run of
its own, so nothing it does is seen by the machine, and everything is gone
with its last process. An ordinary user gets a user namespace around that.

Nothing here sleeps for a fixed time: conditions are polled, up to a deadline.

Environment: VIF and VIF_TRAFFIC, the binaries; VIF_TEST_SCALE=small for slow
builds (sanitizers): less traffic, longer deadlines.
"""
import ctypes
import json
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback

SKIP = 77
SMALL = os.environ.get("VIF_TEST_SCALE") == "small"
PATIENCE = 4 if SMALL else 1  # factor for every deadline
POLL_S = 0.002
MIB = 1 << 20

CLI_OK, CLI_FAILED, CLI_USAGE, CLI_PERMISSION, CLI_CONFIG = 0, 1, 2, 4, 6
DROPS = ("full", "down", "bad_header", "truncated", "too_long", "offload",
         "refused", "no_memory", "stopped", "injected")
SANITIZER = re.compile(
    r"(Address|Leak|Thread|Memory)Sanitizer|runtime error:")

ADDRESS = {("a", 4): "10.77.0.1", ("b", 4): "10.77.0.2",
           ("a", 6): "fd77::1", ("b", 6): "fd77::2"}
PREFIX = {4: 24, 6: 64}

LIBC = ctypes.CDLL(None, use_errno=True)
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36


class Skip(Exception):
    """This machine cannot run the case; the text says what is missing."""


class Failure(AssertionError):
    """The case failed; the text says what was expected."""


def check(condition, text):
    if not condition:
        raise Failure(text)


def check_equal(got, expected, text):
    check(got == expected, f"{text}: got {got!r}, expected {expected!r}")


def wait(condition, text, seconds=5.0):
    """Poll until condition() is true and return its value."""
    end = time.monotonic() + seconds * PATIENCE
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Failure(f"waited {seconds * PATIENCE:g} s in vain: {text}")
        time.sleep(POLL_S)


def run(*command, expect=0):
    """Run a tool to its end and return its stdout."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, check=False)
    check(expect is None or done.returncode == expect,
          f"{' '.join(command)}: exit {done.returncode}: {done.stderr}")
    return done.stdout


def die_with_parent():
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def binary(variable):
    path = os.path.abspath(os.environ.get(variable, ""))
    if not os.path.isfile(path) or not os.access(path, os.X_OK):
        sys.exit(f"{variable} must name a program, but is "
                 f"{os.environ.get(variable)!r}")
    return path


# Processes


class Process:
    """A child with its output in files, killed at the latest by its Net."""

    def __init__(self, directory, command, pass_fds=(), before=None,
                 stdin=subprocess.DEVNULL):
        def prepare():
            die_with_parent()
            if before:
                before()

        self.command = command
        out_fd, self.out_path = tempfile.mkstemp(".out", dir=directory)
        err_fd, self.err_path = tempfile.mkstemp(".err", dir=directory)
        self.child = subprocess.Popen(
            command, stdin=stdin, stdout=out_fd, stderr=err_fd,
            pass_fds=pass_fds, preexec_fn=prepare)
        os.close(out_fd)
        os.close(err_fd)

    @property
    def pid(self):
        return self.child.pid

    @property
    def out(self):
        return read(self.out_path)

    @property
    def err(self):
        return read(self.err_path)

    def running(self):
        return self.child.poll() is None

    def signal(self, number):
        self.child.send_signal(number)

    def wait(self, seconds=5.0):
        """Wait for the end and return the exit code."""
        wait(lambda: not self.running(),
             f"end of {os.path.basename(self.command[0])}", seconds)
        return self.child.returncode

    def kill(self):
        if self.running():
            self.child.kill()
        self.child.wait()

    def report(self):
        """What to show of it when the case failed."""
        parts = [f"--- {' '.join(self.command)}",
                 f"--- exit {self.child.poll()}"]
        if self.out:
            parts += ["--- stdout ends in:", self.out[-1000:].strip()]
        if self.err:
            parts += ["--- stderr:", self.err[-6000:].strip()]
        return "\n".join(parts)


class Traffic(Process):
    """One end of a conversation; see traffic.c."""

    def ready(self):
        """Wait until a server can be reached and return its port."""
        def line():
            check(self.running(), f"traffic ended early: {self.err}")
            return re.match(r"ready (\d+)\n", self.out)
        return wait(line, "traffic to be ready").group(1)

    def result(self, seconds=30.0):
        """Wait for the end and return the result."""
        self.wait(seconds)
        lines = self.out.splitlines()
        check(lines and lines[-1].startswith("{"),
              f"no result from traffic: {self.err}")
        return json.loads(lines[-1])

    def stop(self):
        self.signal(signal.SIGTERM)
        return self.result()


class Vif(Process):
    """A vif process; "vif link" is given --ready-fd, and --json if asked."""

    def __init__(self, directory, arguments, before=None, as_json=True,
                 program=None):
        ready_r, ready_w = os.pipe()
        command = [program or binary("VIF"), *arguments]
        if arguments[0] == "link":
            command += ["--json"] if as_json else []
            command += ["--ready-fd", str(ready_w)]
        super().__init__(directory, command, (ready_w,), before)
        os.close(ready_w)
        self.ready_fd = ready_r

    def wait_ready(self, seconds=5.0):
        """Wait for "ready" and the end of the descriptor."""
        text = b""
        end = time.monotonic() + seconds * PATIENCE
        while not text.endswith(b"ready\n"):
            left = max(0, end - time.monotonic())
            check(select.select([self.ready_fd], [], [], left)[0],
                  "vif did not get ready in time")
            part = os.read(self.ready_fd, 64)
            check(part, "vif ended, or closed --ready-fd, before it was ready")
            text += part
        check_equal(text, b"ready\n", "text on --ready-fd")
        check(select.select([self.ready_fd], [], [], 1)[0] and
              os.read(self.ready_fd, 1) == b"", "--ready-fd left open")
        return self

    def kill(self):
        super().kill()
        if self.ready_fd is not None:
            os.close(self.ready_fd)
            self.ready_fd = None

    def events(self, name):
        """The JSON lines of one kind; a line still being written is left."""
        lines = self.out.split("\n")[:-1]
        events = [json.loads(line) for line in lines if line.startswith("{")]
        return [event for event in events if event.get("event") == name]

    def ends(self, code, seconds=2.0):
        """Wait for the end, check how it ended, return the summary or None."""
        got = self.wait(seconds)
        check(not SANITIZER.search(self.err), "a sanitizer complains")
        check_equal(got, code, "exit code of vif")
        summaries = self.events("summary")
        check(len(summaries) < 2, "more than one summary")
        return summaries[0] if summaries else None

    def stop(self, seconds=2.0):
        """SIGTERM, exit code 0, and return the summary."""
        check(self.running(), "vif ended by itself")
        self.signal(signal.SIGTERM)
        summary = self.ends(CLI_OK, seconds)
        check(summary, "no summary")
        return summary


def read(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


# Namespaces


class Net:
    """Two fresh namespaces and all processes of a case."""
    count = 0

    def __init__(self):
        Net.count += 1
        stem = f"vif-{os.getpid()}-{Net.count}"
        self.name = {side: f"{stem}-{side}" for side in "ab"}
        self.path = {side: f"/run/netns/{self.name[side]}" for side in "ab"}
        self.processes = []
        self.directory = tempfile.mkdtemp(prefix=f"{stem}-")

    def __enter__(self):
        for side in "ab":
            run("ip", "netns", "add", self.name[side])
            self.ip(side, "link", "set", "lo", "up")
        return self

    def __exit__(self, *_):
        for process in reversed(self.processes):
            process.kill()
        for side in "ab":
            run("ip", "netns", "del", self.name[side], expect=None)
        shutil.rmtree(self.directory, ignore_errors=True)

    def ip(self, side, *arguments, expect=0):
        return run("ip", "-n", self.name[side], *arguments, expect=expect)

    def links(self, side):
        """All devices but lo, as the kernel reports them."""
        links = json.loads(self.ip(side, "-j", "-d", "-s", "address", "show"))
        return {link["ifname"]: link for link in links
                if link.get("ifname", "lo") != "lo"}

    def device(self, side, name=None):
        name = name or f"v{side}"
        links = self.links(side)
        check(name in links, f"no device {name} in namespace {side}")
        return links[name]

    def bytes_out(self, side):
        """Bytes the kernel gave to the cable at this end, so far."""
        return self.device(side)["stats64"]["tx"]["bytes"]

    def datagrams_in(self, side):
        """UDP datagrams that sockets of a side were given, so far."""
        text = run("nsenter", f"--net={self.path[side]}", "cat",
                   "/proc/net/snmp")
        names, values = (line.split() for line in text.splitlines()
                         if line.startswith("Udp:"))
        return int(values[names.index("InDatagrams")])

    def sysctl(self, side, name, value):
        path = f"/proc/sys/net/{name}"
        done = subprocess.run(
            ["nsenter", f"--net={self.path[side]}", "sh", "-c",
             'echo "$0" > "$1"', value, path],
            stderr=subprocess.PIPE, text=True, check=False)
        if done.returncode:
            raise Skip(f"cannot write {path}: {done.stderr.strip()}")

    def quiet(self):
        """No IPv6, so that only a test's own packets cross the cable."""
        for side in "ab":
            self.sysctl(side, "ipv6/conf/default/disable_ipv6", "1")
            self.sysctl(side, "ipv6/conf/all/disable_ipv6", "1")

    def start(self, process):
        self.processes.append(process)
        return process

    def address(self, side, kind="tun", *keys, families=(4, 6)):
        """The address of the end of a cable, for vif."""
        ips = [f"ip={ADDRESS[side, family]}/{PREFIX[family]}"
               for family in families]
        return ",".join([f"{kind}:v{side}", f"netns={self.name[side]}",
                         *ips, *keys])

    def vif(self, *arguments, **how):
        return self.start(Vif(self.directory, arguments, **how))

    def link(self, kind="tun", keys=(), options=(), families=(4, 6), **how):
        """Start a link between the ends and wait until packets can flow.

        keys are for both ends, or a pair of lists for each of them.
        """
        if not keys or isinstance(keys[0], str):
            keys = (keys, keys)
        return self.vif("link",
                        self.address("a", kind, *keys[0], families=families),
                        self.address("b", kind, *keys[1], families=families),
                        *options, **how).wait_ready()

    def traffic(self, side, *arguments):
        return self.start(Traffic(self.directory, [
            binary("VIF_TRAFFIC"), f"--netns={self.path[side]}",
            f"--timeout-ms={10000 * PATIENCE}", *map(str, arguments)]))


# What cases do with a link


def other(side):
    return "b" if side == "a" else "a"


def ping(net, side, family=4, count=3, size=56, df=False):
    """Ping from this side; every request must be answered."""
    result = net.traffic(side, "ping", ADDRESS[other(side), family],
                         "--count", count, "--size", size,
                         *(["--df"] if df else [])).result()
    check(result["error"] is None and result["received"] == count,
          f"ping v{family} from {side}, {size} bytes: {result}")


def ping_all(net, families=(4, 6)):
    for family in families:
        for side in "ab":
            ping(net, side, family)


def tcp_start(net, n_bytes, family=4, streams=1):
    """Start bulk TCP both ways; returns the two ends, client first."""
    options = ("--bytes", n_bytes // streams, "--streams", streams)
    address = ADDRESS["b", family]
    server = net.traffic("b", "tcp-serve", address, *options)
    port = server.ready()
    client = net.traffic("a", "tcp-send", address, port, *options)
    return client, server


def tcp_finish(client, server, n_bytes, streams=1, seconds=60.0):
    """Wait for both ends and compare their hashes; returns the seconds."""
    result = [{stream["port"]: stream
               for stream in end.result(seconds)["streams"]}
              for end in (client, server)]
    check_equal(sorted(result[0]), sorted(result[1]), "connections")
    check_equal(len(result[0]), streams, "number of connections")
    for port, ours in result[0].items():
        theirs = result[1][port]
        for end in (ours, theirs):
            check(end["error"] is None, f"TCP: {end}")
            check_equal((end["sent"], end["received"]),
                        (n_bytes // streams,) * 2, "TCP bytes")
        check_equal(theirs["received_hash"], ours["sent_hash"], "hash a to b")
        check_equal(ours["received_hash"], theirs["sent_hash"], "hash b to a")
        check(ours["sent_hash"] != theirs["sent_hash"], "streams are the same")
    return max(stream["seconds"] for stream in result[0].values())


def tcp(net, n_bytes, family=4, streams=1, seconds=60.0):
    """Bulk TCP both ways at once, with hashes compared at both ends."""
    return tcp_finish(*tcp_start(net, n_bytes, family, streams), n_bytes,
                      streams, seconds)


def check_no_drops(summary):
    for direction in ("a_to_b", "b_to_a"):
        drops = summary[direction]["drops"]
        check_equal(sorted(drops), sorted(DROPS), "drop reasons")
        check(not any(drops.values()), f"drops {direction}: {drops}")


def check_all_crossed(summary):
    """What was received was sent, and nothing was dropped.

    Bytes change when headers are added or taken away by cutting and gluing.
    """
    check_no_drops(summary)
    for direction in ("a_to_b", "b_to_a"):
        flow = summary[direction]
        cut, glued = flow["cut_superpackets"], flow["glued_superpackets"]
        check_equal(flow["tx_packets"],
                    flow["rx_packets"] + flow["cut_segments"] - cut +
                    glued - flow["glued_packets"], f"{direction} packets")
        check_equal(flow["tx_superpackets"],
                    flow["rx_superpackets"] - cut + glued,
                    f"{direction} superpackets")
        if cut == 0 and glued == 0:
            check_equal(flow["tx_bytes"], flow["rx_bytes"],
                        f"{direction} bytes")


# Other users


NOBODY = 65534


def become_nobody():
    """For Process: go on as an ordinary user without capabilities."""
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)


def is_root():
    """Whether this is a root who can become anybody else."""
    mapping = read("/proc/self/uid_map").split()
    return os.geteuid() == 0 and int(mapping[2]) > NOBODY


def need_root():
    if not is_root():
        raise Skip("only root can become another user")


def tun_node(mode):
    """Put a TUN node with this mode over the one in /dev, for this test."""
    path = f"/run/tun-{mode:o}"
    if not os.path.exists(path):
        try:
            os.mknod(path, 0o20000 | mode, os.makedev(10, 200))
            os.chmod(path, mode)
        except OSError as error:
            raise Skip(f"cannot make a device node: {error}") from error
    run("mount", "--bind", path, "/dev/net/tun")


def public_copy(directory, *paths):
    """Copy files to where everybody can read and run them."""
    os.chmod(directory, 0o755)
    for path in paths:
        copy = shutil.copy(path, directory)
        os.chmod(copy, 0o755)
    return [os.path.join(directory, os.path.basename(path)) for path in paths]


# Running the cases


class Cases:
    """The cases of a test, in order; also a decorator that adds one."""

    def __init__(self):
        self.cases = []

    def __call__(self, function):
        self.add(function.__name__.replace("_", " "), function)
        return function

    def add(self, name, function):
        self.cases.append((name, function))

    def run(self, words=()):
        """Run the cases whose names have all the words, and exit."""
        binary("VIF")
        binary("VIF_TRAFFIC")
        enter()
        results = {"ok": 0, "FAIL": 0, "skip": 0}
        start = time.monotonic()
        for name, function in self.cases:
            if all(word in name for word in words):
                results[run_case(name, function)] += 1
        print(f"{results['ok']} passed, {results['FAIL']} failed, "
              f"{results['skip']} skipped in "
              f"{time.monotonic() - start:.1f} s", flush=True)
        if results["FAIL"]:
            sys.exit(1)
        sys.exit(0 if results["ok"] else SKIP)


def run_case(name, function):
    """Run a case in a fresh Net, print its line, and return the outcome."""
    start = time.monotonic()
    outcome, text = "ok", ""
    try:
        with Net() as net:
            try:
                text = function(net) or ""
            except Skip:
                raise
            except Exception:
                text = "\n".join([traceback.format_exc(), *(
                    process.report() for process in net.processes), ""])
                raise
    except Skip as reason:
        outcome, text = "skip", str(reason)
    except Exception as error:
        outcome, text = "FAIL", text or f"{error}"
    print(f"{outcome:4} {name} ({time.monotonic() - start:.2f} s)"
          f"{': ' if text else ''}{text}", flush=True)
    return outcome


def skip_all(reason):
    print(f"skip: {reason}", flush=True)
    sys.exit(SKIP)


def unshare_options():
    """How to get namespaces here: as root, or as a user who may be root."""
    reason = "not root"
    for options in [["-nm"]] * (os.geteuid() == 0) + [["-Urnm"]]:
        try:
            done = subprocess.run(
                ["unshare", *options, "mount", "-t", "tmpfs", "vif", "/run"],
                stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                check=False)
        except OSError as error:
            skip_all(f"no unshare: {error}")
        if done.returncode == 0:
            return options
        reason = done.stderr.strip()
    return skip_all(f"no namespaces here: {reason}")


def enter():
    """Become the only user of fresh namespaces, or exit with a reason."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated"))
    if os.environ.pop("VIF_TEST_INSIDE", None) is None:
        options = unshare_options()
        os.environ["VIF_TEST_INSIDE"] = "1"
        sys.stdout.flush()
        os.execvp("unshare", ["unshare", *options, sys.executable, *sys.argv])
    run("mount", "-t", "tmpfs", "-o", "mode=755", "vif", "/run")
    os.mkdir("/run/netns")
    run("ip", "link", "set", "lo", "up")
    try:
        os.close(os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC))
    except OSError as error:
        skip_all(f"no TUN devices here: {error}")
    # Orphans of a case become ours, so that a case can find them.
    LIBC.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
