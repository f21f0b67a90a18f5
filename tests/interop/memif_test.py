# SPDX-License-Identifier: Apache-2.0
"""vif against testpmd, in both roles.

Most cases look like this: frames that know what they are go around, and what
comes back is compared byte by byte; afterwards the counters of vif and of
testpmd are compared.

    peer.py === memif port A == vif link == memif port B === testpmd, macswap

Others let testpmd flood both ports at once, or put the kernel at both ends.

  --full    all geometries, and testpmd killed 20 times too
"""
import functools
import json
import os
import signal
import sys

import interop
import harness
import peer
import testpmd
from harness import check, check_equal, wait
from peer import Client
from testpmd import Testpmd, memif

SIZES = (60, 61, 128, 1500, 1514, 64, 2048, 65, 333, 1000)
CHAINS = (9000, 60, 2049, 4096, 9018, 100, 5000)
HUGE = (65535, 60, 40000, 2048, 65000)
N_FRAME = 240
N_LAPS = 140  # of CHAINS: 30 laps of 16 slots
N_FLOW = 20000
SECRET = "sesame"
N_RESTART_VIF, N_KILL_VIF = 20, 5
N_RESTART_PMD, N_KILL_PMD = 20, 3
QUICK_S, SLOW_S = 5.0, 20.0

CHAINING = {"chains": True, "n_mbuf": 8192}


def other_role(role):
    return "client" if role == "server" else "server"


def vif_end(path, role, *keys, number=0):
    return ",".join([f"memif:{path}", f"role={role}", f"id={number}", *keys])


def address_of(net, kind):
    return "@vif-interop" if kind == "abstract" else f"{net.directory}/b.sock"


def secret_file(net):
    path = f"{net.directory}/secret"
    with open(path, "w", encoding="ascii") as file:
        file.write(SECRET)
    os.chmod(path, 0o600)
    return f"secret-file={path}"


def total(summary, name):
    return {way: summary[way][name] for way in ("a_to_b", "b_to_a")}


def check_drops(summary, allowed=()):
    for way in ("a_to_b", "b_to_a"):
        drops = {reason: n for reason, n in summary[way]["drops"].items()
                 if n and reason not in allowed}
        check(not drops, f"drops {way}: {drops}")


class Echo:
    """The peer, vif, and testpmd that sends everything back."""

    def __init__(self, net, role, kind="path", keys=(), near=(), port=None,
                 pmd=None, queues=1, options=()):
        self.near = f"{net.directory}/a.sock"
        address = address_of(net, kind)
        port = memif(other_role(role), address, **(port or {}))
        pmd = {"cpu": testpmd.cpus()[1], "rxq": queues, **(pmd or {})}
        if role == "client":
            self.pmd = net.start(Testpmd(net.directory, port, **pmd)).ready()
        many = [f"queues={queues}"] if queues > 1 else []
        self.vif = net.vif(
            "link", vif_end(self.near, "server", *many, *near),
            vif_end(address, role, *many, *keys), *options,
            before=interop.pinned(testpmd.cpus()[0])).wait_ready()
        if role == "server":
            self.pmd = net.start(Testpmd(net.directory, port, **pmd)).ready()
        self.queues = queues

    def connect(self):
        self.pmd.wait_up(seconds=SLOW_S)
        return Client(self.near, c2s=self.queues, s2c=self.queues).open()


def echo(net, role, sizes=SIZES, window=8, n=N_FRAME, **how):
    """n frames there and back, byte by byte and in numbers."""
    rig = Echo(net, role, **how)
    with rig.connect() as link:
        lengths = (list(sizes) * n)[:n]
        check_equal(peer.echo(link, lengths, tuple(range(rig.queues)),
                              window), n, "frames that came back")
        stats = rig.pmd.stats()
        summary = rig.vif.stop()
    check_equal((stats["ipackets"], stats["opackets"]), (n, n),
                "packets of testpmd")
    check_equal((stats["ibytes"], stats["obytes"]), (sum(lengths),) * 2,
                "bytes of testpmd")
    for name in ("rx_packets", "tx_packets"):
        check_equal(total(summary, name), {"a_to_b": n, "b_to_a": n}, name)
    for name in ("rx_bytes", "tx_bytes"):
        check_equal(total(summary, name),
                    {"a_to_b": sum(lengths), "b_to_a": sum(lengths)}, name)
    check_drops(summary)
    rig.pmd.quit()


class Flood:
    """testpmd at both ends of vif, sending as fast as it can.

    testpmd's port 0 meets vif's port A, port 1 meets B, by a socket for each or
    by one for both.
    """

    def __init__(self, net, role, queues=1, pmd=None, keys=(), start=True,
                 one_socket=False):
        self.net, self.role = net, role
        names = "aa" if one_socket else "ab"
        self.paths = [f"{net.directory}/{name}.sock" for name in names]
        self.ids = (0, 1) if one_socket else (0, 0)
        self.options = {"mode": "flowgen", "rxq": queues,
                        "cpu": testpmd.cpus()[1], **(pmd or {})}
        self.keys = [*([f"queues={queues}"] if queues > 1 else []), *keys]
        self.pmd = self.vif = None
        self.is_sending = False
        if start:
            self.start()

    def start(self):
        for one in ((self.start_pmd, self.start_vif) if self.role == "client"
                    else (self.start_vif, self.start_pmd)):
            one()

    def start_pmd(self):
        for path in self.paths:
            if other_role(self.role) == "server" and os.path.exists(path):
                os.unlink(path)  # a testpmd that died leaves it
        ports = [memif(other_role(self.role), path, id=number)
                 for path, number in zip(self.paths, self.ids)]
        self.pmd = self.net.start(Testpmd(self.net.directory, *ports,
                                          start=False,
                                          **self.options)).ready()
        self.is_sending = False

    def start_vif(self):
        self.vif = self.net.vif(
            "link", *(vif_end(path, self.role, *self.keys, number=number)
                      for path, number in zip(self.paths, self.ids)),
            before=interop.pinned(testpmd.cpus()[0])).wait_ready()

    def flows(self, more=N_FLOW, seconds=SLOW_S):
        """Wait until packets arrive at both ends.

        Nothing is sent before both are up: vif drops what has nowhere to go.
        """
        self.pmd.wait_up(0, 1, seconds=seconds)
        if not self.is_sending:
            self.pmd.prompt("start")
            self.is_sending = True
        for port in range(2):
            start = self.pmd.received(port)
            wait(lambda n=port, from_=start: self.pmd.alive() and
                 self.pmd.received(n) >= from_ + more, "packets to flow",
                 seconds)


    def settle(self):
        """Stop sending, and wait for what is on the way. The counters."""
        self.pmd.prompt("stop", "set fwd rxonly", "start")

        def all_arrived():
            ends = [self.pmd.stats(port) for port in range(2)]
            sent = [end["opackets"] for end in ends]
            got = [end["ipackets"] for end in ends]
            return ends if sent == got[::-1] else None
        return wait(all_arrived, "all that testpmd sent to arrive", SLOW_S)


def flood(net, role, **how):
    """What testpmd sent, vif took; what vif sent, testpmd got."""
    rig = Flood(net, role, **how)
    rig.flows()
    ends = rig.settle()
    summary = rig.vif.stop()
    check_drops(summary)
    for way, source, sink in (("a_to_b", ends[0], ends[1]),
                              ("b_to_a", ends[1], ends[0])):
        flow = summary[way]
        for unit in ("packets", "bytes"):
            check_equal((flow[f"rx_{unit}"], flow[f"tx_{unit}"]),
                        (source[f"o{unit}"], sink[f"i{unit}"]),
                        f"{unit} {way}")
    rig.pmd.quit()
    return f"{sum(end['ipackets'] for end in ends)} packets"


def kernel(net, role):
    """tap - vif - memif - testpmd - tap, with ping and TCP both ways."""
    address = address_of(net, "path")
    end = vif_end(address, role)

    def start_pmd():
        return net.start(Testpmd(
            net.directory, memif(other_role(role), address),
            testpmd.tap("vb"), mode="io",
            cpu=testpmd.cpus()[1])).ready()

    pmd = start_pmd() if role == "client" else None
    vif = net.vif("link", net.address("a", "tap", families=(4,)),
                  end).wait_ready()
    pmd = pmd or start_pmd()
    testpmd.move_tap(net, "b")
    pmd.wait_up(seconds=SLOW_S)
    wait(lambda: answers(net), "a first ping", SLOW_S)
    for side in "ab":
        harness.ping(net, side)
        harness.ping(net, side, size=1400, df=True)
    seconds = harness.tcp(net, 32 * harness.MIB)
    summary = vif.stop()
    check(total(summary, "rx_packets")["a_to_b"] > 0, "nothing crossed")
    pmd.quit()
    return f"{64 * harness.MIB * 8 / 1e9 / seconds:.2f} Gbit/s both ways"


def answers(net):
    result = net.traffic("a", "ping", harness.ADDRESS["b", 4], "--count", 1,
                         "--size", 56).result()
    return result["received"] == 1


# Restarts


def restart_vif(net, role, times=N_RESTART_VIF, kill=False):
    """vif goes and comes back, again and again, while packets flow."""
    rig = Flood(net, role)
    crashes = 0
    for _ in range(times):
        crashes += flows_again(rig)
        if kill:
            rig.vif.kill()
        else:
            rig.vif.stop()
        if role == "server":
            crashes += back_to_server(rig)
        else:
            crashes += back_to_client(rig)
    crashes += flows_again(rig)
    rig.vif.stop()
    return f"testpmd died {crashes} times" if crashes else ""


def flows_again(rig):
    """Returns how often testpmd had to be started for that, 0 or 1: it may have
    died only now of the peer that left."""
    try:
        rig.flows(more=1000)
        return 0
    except testpmd.Crashed:
        rig.start_pmd()
        rig.flows(more=1000)
        return 1


def back_to_server(rig):
    """A testpmd client has to be told to connect again."""
    crashed = False
    try:
        for port in range(2):
            rig.pmd.wait_down(port)
            rig.pmd.leave(port)
    except testpmd.Crashed:
        crashed = True
    rig.start_vif()
    if crashed:
        rig.start_pmd()
        return 1
    for port in range(2):
        rig.pmd.prompt(f"port start {port}")
    rig.is_sending = False
    return 0


def back_to_client(rig):
    """A testpmd server waits for us, if it is still there."""
    crashed = rig.pmd.crashed()
    if crashed:
        rig.start_pmd()
    rig.start_vif()
    try:
        rig.pmd.wait_up(0, 1, seconds=SLOW_S)
    except testpmd.Crashed:
        rig.start_pmd()
        crashed = True
    return int(crashed)


def restart_pmd(net, role, times, number=None):
    """testpmd goes, in good order or not, and vif stays and takes the next."""
    rig = Flood(net, role)
    before = None
    for _ in range(times):
        rig.flows(more=1000)
        if number:
            rig.pmd.signal(number)
            rig.pmd.wait()
            rig.pmd.clean()
        else:
            rig.pmd.quit()
        check(rig.vif.running(), "vif ended with its peer")
        wait(lambda: rig.vif.running() and not is_up(rig.vif),
             "vif to notice", QUICK_S)
        n_fd = len(os.listdir(f"/proc/{rig.vif.pid}/fd"))
        before = n_fd if before is None else before
        check(n_fd <= before + 4, f"descriptors grew from {before} to {n_fd}")
        rig.start_pmd()
    rig.flows()
    rig.settle()
    summary = rig.vif.stop()
    check_drops(summary, allowed=("down", "full", "stopped"))
    rig.pmd.quit()


def last_states(vif):
    """What each port has said last."""
    return {event["port"]: event["state"] for event in vif.events("state")}


def is_up(vif):
    """Whether one of the ports is up; all have said that they were."""
    return "up" in last_states(vif).values()


# Quirks, by the row of the table of differences


def unclear_flags(net, role):
    """1: the first slot of a chain keeps the NEXT of an earlier lap, unless
    whoever took it has cleared that. A ring of 16 has many laps."""
    port = {"rsize": 4} if role == "server" else {}
    keys = ["ring=16"] if role == "client" else []
    echo(net, role, CHAINS, window=1, n=N_LAPS, keys=keys, port=port,
         pmd=CHAINING)


def miscounted_chains(net, role, resync=False):
    """2: testpmd overruns a ring that is full of chains. vif must notice, stay,
    say why and what to do, or go on if it was told to; testpmd is not to be
    believed afterwards, and the link is there for the next one."""
    address = address_of(net, "path")
    port = memif(other_role(role), address,
                 rsize=6 if role == "server" else None)
    keys = ["ring=64"] if role == "client" else []
    keys += ["resync=yes"] if resync else []

    def start_pmd():
        return net.start(Testpmd(
            net.directory, port, mode="txonly", cpu=testpmd.cpus()[0],
            start=False, options=["--txpkts=2000,2000,1000"],
            **CHAINING)).ready()

    pmd = start_pmd() if role == "client" else None
    vif = net.vif("link", vif_end(address, role, *keys), "null:",
                  before=interop.pinned(testpmd.cpus()[0])).wait_ready()
    pmd = pmd or start_pmd()
    pmd.wait_up(seconds=SLOW_S)
    # Chains of one to three, so that all kinds of room are left in the ring.
    pmd.prompt("set txsplit rand", "start")
    wait(lambda: vif.running() and (
        overrun(vif) if resync else blames(vif)) or not pmd.running(),
         "testpmd to overrun the ring", SLOW_S)
    died = not pmd.running()
    check(not (resync and blames(vif)), f"notices: {blames(vif)}")
    pmd.signal(signal.SIGKILL)
    pmd.wait()
    take_the_next(vif, address, role)
    check(vif.stop(), "no summary")
    return "testpmd died of it" if died else ""


def counters_of(vif):
    """The newest ones there are, or None; those before are not read again."""
    vif.signal(signal.SIGUSR1)
    lines = [line for line in vif.out.split("\n")[:-1]
             if '"counters"' in line]
    return json.loads(lines[-1]) if lines else None


def blames(vif):
    """What it has said of a peer that was cut off for its chains."""
    return [event["text"] for event in vif.events("notice")
            if "the peer is gone" in event["text"] and
            "packets longer than a buffer" in event["text"] and
            "resync=yes" in event["text"]]


def overrun(vif):
    """Whether something was left out of what came, and packets beside it."""
    counters = counters_of(vif)
    return (counters and " faults=" in counters["ports"]["a"].get("rx0", "")
            and counters["a_to_b"]["rx_packets"] > N_FLOW)


def take_the_next(vif, address, role):
    """An honest peer gets the link, and its packets are taken."""
    if role == "server":
        link = peer.wait(lambda: fresh_client(address), "a free link", SLOW_S)
    else:
        os.unlink(address)  # testpmd left it
        listener = peer.Listener(address)
        link = peer.Server(listener.accept(SLOW_S))
        link.open()
        listener.close()
    with link:
        queue = link.tx[0]
        for number in range(N_FRAME):
            peer.send(link, peer.frame(number, 60), seconds=SLOW_S)
        wait(lambda: queue.ring.tail == queue.mine if role == "server" else
             queue.room() == queue.ring.size, "its packets to be taken",
             QUICK_S)
    check(vif.running(), "vif ended")


def fresh_client(address):
    link = Client(address)
    try:
        return link.open()
    except (peer.Refused, peer.Gone):
        link.close()  # the last one is still leaving
        return None


def more_queues_than_offered(net):
    """5: a testpmd server with two queues polls the one ring twice."""
    address = address_of(net, "path")
    pmd = net.start(Testpmd(net.directory, memif("server", address),
                            mode="rxonly", rxq=2)).ready()
    near = f"{net.directory}/a.sock"
    vif = net.vif("link", vif_end(near, "server"),
                  vif_end(address, "client")).wait_ready()
    pmd.wait_up(seconds=SLOW_S)
    with Client(near).open() as link:
        for number in range(N_FRAME):
            peer.send(link, peer.frame(number, 60))
        wait(lambda: pmd.received() >= N_FRAME, "packets")
        summary = vif.stop()
    check_equal(summary["a_to_b"]["tx_packets"], N_FRAME, "packets of vif")
    check_drops(summary)
    pmd.quit()


def more_queues_than_taken(net):
    """5: what a testpmd client with two queues has no ring for, it takes for
    the first one of the other direction, and breaks it. The user is told."""
    address = address_of(net, "path")
    vif = net.vif("link", vif_end(address, "server"), "null:").wait_ready()
    pmd = net.start(Testpmd(net.directory, memif("client", address),
                            mode="flowgen", rxq=2))
    gone = wait(lambda: [event["text"] for event in vif.events("notice")
                         if "the peer is gone" in event["text"]],
                "the end of it", SLOW_S)
    check("use --rxq=1 --txq=1 there" in gone[0], f"notice: {gone[0]!r}")
    check(vif.stop(), "no summary")
    try:
        pmd.ready().quit()
    except testpmd.Crashed:
        return "testpmd died of being cut off, as it does now and then"
    return ""


def fewer_queues_than_offered(net):
    """6: a testpmd server with one queue refuses a client of two, and its
    reason is what the user gets to read."""
    address = address_of(net, "path")
    pmd = net.start(Testpmd(net.directory, memif("server", address),
                            rxq=1)).ready()
    vif = net.vif("link", vif_end(address, "client", "queues=2"),
                  "null:").wait_ready()
    text = wait(lambda: [event["text"] for event in vif.events("notice")],
                "a reason", SLOW_S)[0]
    check("Invalid ring index" in text and "lower queues=" in text,
          f"notice: {text!r}")
    check(not pmd.is_up(), "it was let in")
    vif.stop()
    pmd.quit()


def buffers_granted_late(net):
    """A testpmd client lends buffers with its first poll, not before."""
    # By itself it throws away, when it starts, what has come before.
    rig = Echo(net, "server", pmd={"start": False,
                                   "options": ["--no-flush-rx"]})
    with rig.connect() as link:
        frames = [peer.frame(number, 100) for number in range(50)]
        for data in frames:
            peer.send(link, data)
        rig.pmd.prompt("start")
        got = []
        wait(lambda: got.extend(link.rx[0].receive()) or
             len(got) == len(frames), "what was kept for it", SLOW_S)
        check_equal(got, [peer.turned(data) for data in frames], "frames")
        check_drops(rig.vif.stop())
    rig.pmd.quit()


def unsealed_is_refused(net):
    """Memory of a zero-copy client can shrink: not without unsealed=guard."""
    address = address_of(net, "path")
    vif = net.vif("link", vif_end(address, "server"), "null:").wait_ready()
    pmd = net.start(Testpmd(net.directory,
                            memif("client", address, zero_copy="yes"),
                            eal=["--single-file-segments"])).ready()
    wait(lambda: "Disconnect received" in pmd.err, "a reason", SLOW_S)
    check("seal" in pmd.err, f"the reason: {pmd.err[-300:]}")
    check(not pmd.is_up(), "it was let in")
    vif.stop()
    pmd.quit()


def wrong_secret(net, role):
    address = address_of(net, "path")
    port = memif(other_role(role), address, secret="false")
    pmd = None
    if role == "client":
        pmd = net.start(Testpmd(net.directory, port)).ready()
    vif = net.vif("link", vif_end(address, role, secret_file(net)),
                  "null:").wait_ready()
    pmd = pmd or net.start(Testpmd(net.directory, port)).ready()
    if role == "client":
        wait(lambda: "ncorrect secret" in vif.out + vif.err, "the reason",
             SLOW_S)
    else:
        wait(lambda: "ncorrect secret" in pmd.err, "the reason", SLOW_S)
    check(not pmd.is_up(), "it was let in")
    check(SECRET not in vif.out + vif.err, "the secret was printed")
    vif.stop()
    pmd.quit()


# Geometries: name, what is asked of vif as the client, and of testpmd as the
# client, whether it is in every run.

RINGS = ((4, True), (5, False), (6, False), (8, False), (10, False),
         (12, False), (14, True))
BUFFERS = ((256, True), (512, False), (1024, False), (2048, False),
           (4096, False), (16384, False), (65535, True))


def add_geometries(add, full):
    for log2, always in RINGS:
        if full or always:
            add(f"ring of {1 << log2}", {"keys": [f"ring={1 << log2}"]},
                {"port": {"rsize": log2}})
    for size, always in BUFFERS:
        # Many buffers of 64 KiB would be much memory.
        log2 = 10 if size <= 4096 else 6
        for sizes, name in ((SIZES, ""), (HUGE, ", 64 KiB")):
            if full or always:
                add(f"buffers of {size}{name}",
                    {"keys": [f"buffer={size}", f"ring={1 << log2}"],
                     "sizes": sizes, "pmd": CHAINING, "window": 4},
                    {"port": {"bsize": size, "rsize": log2}, "sizes": sizes,
                     "pmd": CHAINING, "window": 4})


def add_echoes(cases, full):
    def add(name, client, server=None):
        for role, how in (("client", client), ("server", server or client)):
            cases.add(f"vif as {role}, {name}",
                      functools.partial(echo, role=role, **how))

    add("path", {})
    add("abstract", {"kind": "abstract"})
    for queues in (2, 4):
        add(f"{queues} queues", {"queues": queues})
    add("chains of 9000", {"sizes": CHAINS, "pmd": CHAINING})
    add("chains of 64 KiB", {"sizes": HUGE, "pmd": CHAINING, "window": 4})
    add_geometries(add, full)
    for role in ("client", "server"):
        cases.add(f"vif as {role}, secret",
                  lambda net, role=role: echo(
                      net, role, keys=[secret_file(net)],
                      port={"secret": SECRET}))
        cases.add(f"vif as {role}, wrong secret",
                  functools.partial(wrong_secret, role=role))
    # testpmd forwards what comes on queue n to its queue n, if there is one.
    cases.add("vif as server, more queues towards testpmd",
              functools.partial(echo, role="server", keys=["queues=2"],
                                pmd={"rxq": 2, "txq": 1}))
    cases.add("vif as server, more queues from testpmd",
              functools.partial(echo, role="server", keys=["queues=2"],
                                pmd={"rxq": 1, "txq": 2}))
    cases.add("vif as server, zero-copy client",
              functools.partial(echo, role="server", keys=["unsealed=guard"],
                                port={"zero_copy": "yes"},
                                pmd={"eal": ["--single-file-segments"]}))
    cases.add("vif as server, zero-copy client without a guard",
              unsealed_is_refused)


def add_floods(cases, full):
    kills = N_RESTART_PMD if full else N_KILL_PMD
    for role in ("client", "server"):
        def add(name, function, role=role, **how):
            cases.add(f"vif as {role}, {name}",
                      functools.partial(function, role=role, **how))
        add("flood", flood)
        add("flood over one socket", flood, one_socket=True)
        add("flood on 2 queues", flood, queues=2)
        add("flood on 4 queues", flood, queues=4)
        add("kernel at both ends", kernel)
        add("vif restarted", restart_vif)
        add("vif killed", restart_vif, kill=True,
            times=N_RESTART_VIF if full else N_KILL_VIF)
        add("testpmd restarted", restart_pmd, times=N_RESTART_PMD)
        add(f"testpmd killed {kills} times", restart_pmd, times=kills,
            number=signal.SIGKILL)
        add("flags that nobody clears", unclear_flags)
        add("miscounted chains", miscounted_chains)
        add("miscounted chains, left out", miscounted_chains, resync=True)
    cases.add("testpmd server with more queues", more_queues_than_offered)
    cases.add("testpmd client with more queues", more_queues_than_taken)
    cases.add("testpmd server with fewer queues", fewer_queues_than_offered)
    cases.add("buffers granted late", buffers_granted_late)


def main(arguments):
    full = interop.FULL in arguments
    cases = harness.Cases()
    add_echoes(cases, full)
    add_floods(cases, full)
    interop.run(cases, arguments, (interop.port_missing,
                                   interop.testpmd_missing))


if __name__ == "__main__":
    main(sys.argv[1:])
