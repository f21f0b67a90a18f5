# SPDX-License-Identifier: Apache-2.0
"""The Python peer against itself, and against testpmd.

It judges vif in other tests; here others judge it.
"""
import functools
import signal
import sys
import threading

import interop
import harness
import peer
import testpmd
from harness import check, check_equal
from peer import Client, Listener, Server
from testpmd import Testpmd, memif

cases = harness.Cases()

SIZES = (60, 61, 128, 1500, 1514, 64, 2048, 65, 333, 1000)
CHAINS = (9000, 60, 2049, 4096, 9018, 100, 5000)
HUGE = (65535, 60, 40000, 2048, 65000)


def address_of(net, kind="path"):
    return "@vif-peer" if kind == "abstract" else f"{net.directory}/peer.sock"


def many(sizes, n=400):
    return (list(sizes) * n)[:n]


# Against itself


def with_itself(net, kind="path", sizes=SIZES, queues=(0,), poll=True,
                **client):
    """Client and server in two threads; the server sends everything back."""
    address = address_of(net, kind)
    listener = Listener(address)
    over, faults = threading.Event(), []

    def serve():
        try:
            with Server(listener.accept(), poll=poll,
                        line=client.get("line", 64),
                        secret=client.get("secret", b"")) as server:
                server.open()
                peer.bounce(server, over.is_set)
        except Exception as fault:  # told by the case
            faults.append(fault)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        with Client(address, poll=poll, **client).open() as link:
            n = peer.echo(link, many(sizes), queues)
            kicks = sum(queue.n_kick for queue in link.tx)
    finally:
        over.set()
        thread.join(5)
        listener.close()
    check(not faults, f"the server: {faults}")
    check_equal(n, 400, "frames that came back")
    check((kicks == 0) == poll, f"{kicks} events sent with poll={poll}")


for name, options in {
        "path": {}, "abstract": {"kind": "abstract"},
        "events": {"poll": False},
        "three queues": {"c2s": 3, "s2c": 3, "queues": (0, 1, 2)},
        "unequal queues": {"c2s": 1, "s2c": 3},
        "chains": {"sizes": CHAINS}, "64 KiB": {"sizes": HUGE},
        "buffers of 256": {"buffer": 256},
        "ring of 2": {"log2": 1},
        "ring of 32768": {"log2": 15, "buffer": 64},
        "lines of 128": {"line": 128}, "two regions": {"split": True},
        "secret": {"secret": b"sesame"}}.items():
    cases.add(f"itself {name}", functools.partial(with_itself, **options))


@cases
def itself_says_why_it_refuses(net):
    listener = Listener(address_of(net))

    def serve():
        for _ in range(2):
            try:
                Server(listener.accept(), secret=b"right").open()
            except peer.PeerError:
                pass
    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    for options, reason in (({"secret": b"false"}, "wrong secret"),
                            ({"number": 1}, "wrong id")):
        try:
            Client(address_of(net), **options).open()
            check(False, f"{options} was accepted")
        except peer.Refused as refusal:
            check_equal(str(refusal), reason, "reason")
    thread.join(5)


@cases
def messages_are_as_long_as_they_must_be(net):
    for made, kind, used in (
            (peer.hello(name=b"x" * 32, log2=255), peer.HELLO, 45),
            (peer.init(name=b"x" * 32), peer.INIT, 65),
            (peer.add_region(1, 2 ** 64 - 1), peer.ADD_REGION, 12),
            (peer.add_ring(1, 2, 3, 4, 5, 0xffff), peer.ADD_RING, 15),
            (peer.connect(b"x" * 32), peer.CONNECT, 34),
            (peer.connected(b"x" * 32), peer.CONNECTED, 34),
            (peer.disconnect(b"x" * 96), peer.DISCONNECT, 102),
            (peer.record(peer.ACK), peer.ACK, 1)):
        check_equal((len(made), peer.parse(made)[0],
                     len(made.rstrip(b"\0"))), (128, kind, used),
                    peer.NAMES[kind])


# What is in the rings when a connection ends, and nobody will take


RING_LOG2, N_LEFT = 6, 100


class FullRings:
    """frames --> [ring] --> vif --> [ring], whose server takes nothing."""

    def __init__(self, net):
        if not interop.has_port():
            raise harness.Skip(interop.NO_PORT)
        near, far = (f"{net.directory}/{name}.sock" for name in "ab")
        listener = Listener(far)
        self.vif = net.vif("link", f"memif:{near},role=server",
                           f"memif:{far},ring={1 << RING_LOG2}").wait_ready()
        self.far = Server(listener.accept()).open()
        listener.close()
        self.near = Client(near).open()  # with room for all of them
        self.fill()

    def fill(self):
        for number in range(N_LEFT):
            peer.send(self.near, peer.frame(number, 60))
        ring = self.far.rx[0].ring
        harness.wait(lambda: ring.head == ring.size, "a full ring")


def drops_of(event):
    return {reason: n for reason, n in event["a_to_b"]["drops"].items() if n}


@cases
def what_a_stop_leaves_behind_is_counted(net):
    rig = FullRings(net)
    summary = rig.vif.stop(seconds=5)
    rig.near.close()
    rig.far.close()
    check_equal(drops_of(summary), {"stopped": N_LEFT}, "drops")
    check_equal(summary["a_to_b"]["tx_packets"], 1 << RING_LOG2, "sent")


@cases
def a_stop_waits_for_a_peer_that_takes(net):
    """All of it, also what was not in the far ring when the end came."""
    rig = FullRings(net)
    rig.vif.signal(signal.SIGTERM)
    got = []
    harness.wait(lambda: got.extend(rig.far.rx[0].receive()) or
                 len(got) == N_LEFT, "all frames")
    check_equal(got, [peer.frame(number, 60) for number in range(N_LEFT)],
                "frames")
    summary = rig.vif.ends(harness.CLI_OK, seconds=5)
    check_equal(drops_of(summary), {}, "drops")
    rig.near.close()
    rig.far.close()


@cases
def what_a_lost_peer_leaves_behind_is_counted(net):
    """The ring is lost with it; what was waiting finds nobody there."""
    rig = FullRings(net)
    expected = {"stopped": 1 << RING_LOG2, "down": N_LEFT - (1 << RING_LOG2)}
    rig.far.close()

    def counted():
        rig.vif.signal(signal.SIGUSR1)
        events = rig.vif.events("counters")
        return events and drops_of(events[-1]) == expected
    harness.wait(counted, f"drops to be {expected}")
    check_equal(drops_of(rig.vif.stop()), expected, "drops in the end")
    rig.near.close()


# Against testpmd


def start(net, *ports, **options):
    testpmd.need()
    return net.start(Testpmd(net.directory, *ports,
                             cpu=testpmd.cpus()[1], **options))


def against_server(net, kind="path", sizes=SIZES, queues=(0,), window=8,
                   port=None, pmd=None, **client):
    address = address_of(net, kind)
    other = start(net, memif("server", address, **(port or {})),
                  **(pmd or {})).ready()
    with Client(address, **client).open() as link:
        other.wait_up()
        check("DPDK" in link.peer_app, f"peer is {link.peer_app!r}")
        n = peer.echo(link, many(sizes), queues, window)
        check_numbers(other, n)
        return leave(other, link)


def against_client(net, kind="path", sizes=SIZES, queues=(0,), window=8,
                   port=None, pmd=None, **server):
    address = address_of(net, kind)
    listener = Listener(address)
    other = start(net, memif("client", address, **(port or {})),
                  **(pmd or {}))
    with Server(listener.accept(20), **server).open() as link:
        other.ready().wait_up()
        n = peer.echo(link, many(sizes), queues, window)
        check_numbers(other, n)
        text = leave(other, link)
    listener.close()
    return text


def check_numbers(other, n):
    stats = other.stats()
    check_equal((stats["ipackets"], stats["opackets"]), (n, n),
                "packets that testpmd counted")


def leave(other, link):
    """testpmd first: it may die when its peer leaves."""
    other.quit()
    check_equal(link.channel.ended(), None, "reason at its end")


TWO = {"rxq": 2}
FOUR = {"rxq": 4}
SECRET = "sesame"
BIG = {"chains": True, "n_mbuf": 8192}

for name, options in {
        "path": {}, "abstract": {"kind": "abstract"},
        "two queues": {"pmd": TWO, "c2s": 2, "s2c": 2, "queues": (0, 1)},
        "four queues": {"pmd": FOUR, "c2s": 4, "s2c": 4,
                        "queues": (0, 1, 2, 3)},
        "chains": {"pmd": BIG, "sizes": CHAINS},
        "64 KiB": {"pmd": BIG, "sizes": HUGE, "window": 4},
        "ring of 16": {"log2": 4}, "ring of 32768": {"log2": 15,
                                                     "buffer": 2048},
        "buffers of 256": {"buffer": 256, "pmd": BIG},
        "two regions": {"split": True},
        "secret": {"secret": SECRET.encode(),
                   "port": {"secret": SECRET}}}.items():
    cases.add(f"testpmd as server, {name}",
              functools.partial(against_server, **options))

for name, options in {
        "path": {}, "abstract": {"kind": "abstract"},
        "two queues": {"pmd": TWO, "queues": (0, 1)},
        "chains": {"pmd": BIG, "sizes": CHAINS},
        "64 KiB": {"pmd": BIG, "sizes": HUGE, "window": 4},
        "ring of 16": {"port": {"rsize": 4}},
        "chains in a ring of 16": {"port": {"rsize": 4}, "pmd": BIG,
                                   "sizes": CHAINS, "window": 1},
        "ring of 16384": {"port": {"rsize": 14}},
        "buffers of 256": {"port": {"bsize": 256}, "pmd": BIG},
        "buffers of 65535": {"port": {"bsize": 65535, "rsize": 6},
                             "sizes": HUGE, "pmd": BIG, "window": 4},
        "zero-copy": {"port": {"zero_copy": "yes"},
                      "pmd": {"eal": ["--single-file-segments"]}},
        "secret": {"secret": SECRET.encode(),
                   "port": {"secret": SECRET}}}.items():
    cases.add(f"testpmd as client, {name}",
              functools.partial(against_client, **options))


@cases
def testpmd_reuses_a_flag_that_nobody_clears(net):
    """Why a consumer has to clear NEXT: testpmd 22.11 does not set it anew."""
    listener = Listener(address_of(net))
    other = start(net, memif("client", address_of(net), rsize=4), **BIG)
    with Server(listener.accept(20)) as link:
        link.open()
        other.ready().wait_up()
        for queue in link.rx:
            queue.clears = False
        try:
            peer.echo(link, many(CHAINS), window=1, seconds=5)
        except peer.PeerError:
            return other.quit()
        raise harness.Failure("testpmd's chains are right by themselves")


if __name__ == "__main__":
    interop.run(cases, sys.argv[1:])
