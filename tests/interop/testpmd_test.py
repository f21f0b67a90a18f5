# SPDX-License-Identifier: Apache-2.0
"""testpmd against testpmd: what the harness waits for does happen.

No vif is in it. Where vif fails against testpmd and this passes, it is vif.
"""
import functools
import os
import signal
import sys

import interop
import harness
import testpmd
from harness import check, check_equal, wait
from testpmd import Testpmd, memif

N_ENOUGH = 20000

cases = harness.Cases()


def address_of(net, kind):
    return "@vif-test" if kind == "abstract" else f"{net.directory}/memif.sock"


def pair(net, kind="path", server=(), client=(), **both):
    """A server and a client, connected; options are dictionaries or none."""
    address = address_of(net, kind)
    cpus = testpmd.cpus()
    both.setdefault("mode", "macswap")
    left = net.start(Testpmd(
        net.directory, memif("server", address, **dict(server)), cpu=cpus[0],
        **both)).ready()
    right = net.start(Testpmd(
        net.directory, memif("client", address, **dict(client)), cpu=cpus[1],
        **{**both, "mode": "flowgen"})).ready()
    left.wait_up()
    right.wait_up()
    return left, right


def flows(*peers):
    """Wait until all have received enough."""
    for peer in peers:
        wait(lambda one=peer: one.alive() and one.received() > N_ENOUGH,
             "packets to arrive", 20)


def leave(left, right):
    right.quit()
    left.quit()


def both_ways(net, kind, **options):
    left, right = pair(net, kind, **options)
    flows(left, right)
    sent = right.settle()[0]
    got = left.settle()[0]
    check_equal(got["ipackets"], sent["opackets"], "packets of the client")
    check_equal(got["ibytes"], sent["obytes"], "bytes of the client")
    check(got["q_ipackets"][0] > 0, "nothing on queue 0")
    leave(left, right)


for kind in ("path", "abstract"):
    cases.add(f"both ways over {kind}",
              functools.partial(both_ways, kind=kind))

cases.add("secret and id", functools.partial(
    both_ways, kind="path", server={"secret": "sesame", "id": 7},
    client={"secret": "sesame", "id": 7}))
cases.add("two queues", functools.partial(both_ways, kind="path", rxq=2))
cases.add("small rings and buffers", functools.partial(
    both_ways, kind="path", client={"rsize": 4, "bsize": 256}))


@cases
def wrong_secret_is_refused(net):
    address = address_of(net, "path")
    server = net.start(Testpmd(
        net.directory, memif("server", address, secret="right"))).ready()
    client = net.start(Testpmd(
        net.directory, memif("client", address, secret="wrong"))).ready()
    wait(lambda: "Incorrect secret" in client.err, "the reason")
    check(not server.is_up() and not client.is_up(), "it got up")
    leave(server, client)


@cases
@testpmd.may_crash
def client_that_reconnects_is_served(net):
    left, right = pair(net)
    flows(left)
    for _ in range(2):
        right.leave()
        left.wait_down()
        right.come_back()
        left.wait_up()
        flows(left)
    leave(left, right)


@cases
@testpmd.may_crash
def killed_peer_is_noticed(net):
    left, right = pair(net)
    flows(left)
    right.signal(signal.SIGKILL)
    right.wait()
    left.wait_down()
    check("Disconnected" in left.err, "testpmd says nothing")
    left.quit()


@cases
def kernel_to_kernel(net):
    """tap - testpmd - memif - testpmd - tap, with a ping and TCP."""
    address = address_of(net, "path")
    for side, role, cpu in zip("ab", ("server", "client"), testpmd.cpus()):
        one = net.start(Testpmd(net.directory, memif(role, address),
                                testpmd.tap(f"v{side}"), mode="io",
                                cpu=cpu)).ready()
        testpmd.move_tap(net, side)
    one.wait_up()
    harness.ping(net, "a")
    harness.tcp(net, 4 * harness.MIB)


@cases
def nothing_is_left_behind(net):
    import os
    left, right = pair(net)
    leave(left, right)
    for peer in (left, right):
        check(not os.path.exists(peer.run_directory), "files of testpmd left")


if __name__ == "__main__":
    interop.run(cases, sys.argv[1:], (interop.testpmd_missing,))
