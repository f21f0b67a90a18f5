# SPDX-License-Identifier: Apache-2.0
"""Offload state rides along between two vifs, and only between these.

     namespace a                                          namespace b
    +------------+    +-------+           +-------+    +------------+
    | va (tun)   |----| vif A |=== memif ===| vif B |----|   (tun) vb |
    +------------+    +-------+           +-------+    +------------+

Hashes are compared at both ends, and the counters of both vifs tell what
became of superpackets on the way.

  VIF_TEST_SCALE=small  16 MiB instead of 256
"""
import functools
import os
import sys

import harness
from harness import ADDRESS, MIB, SMALL, Skip, check, check_equal, wait

N_BYTES = (16 if SMALL else 256) * MIB
N_SEGMENT, DATAGRAM = 20000, 1200
MODES = {"tun": "ip", "tap": "ethernet"}
WHOLE = ("auto", "tso", "tso+uso")
WAYS = ("a_to_b", "b_to_a")


class Cable:
    """Both vifs; offload is that of each memif port."""

    def __init__(self, net, kind="tun", offload=("auto", "auto"),
                 roles=("server", "client"), keys=(), families=(4, 6)):
        self.net, self.kind, self.families = net, kind, families
        self.keys = [f"mode={MODES[kind]}", *keys]
        self.path, self.roles = f"{net.directory}/m.sock", roles
        if 6 not in families:
            net.quiet()
        self.vif = {side: self.start(side, value)
                    for side, value in zip("ab", offload)}
        for side in "ab":
            self.wait_up(side)

    def start(self, side, offload):
        role = self.roles["ab".index(side)]
        memif = ",".join([f"memif:{self.path}", f"role={role}", *self.keys,
                          f"offload={offload}"])
        device = self.net.address(side, self.kind, f"txqueuelen={N_SEGMENT}",
                                  families=self.families)
        ends = (device, memif) if side == "a" else (memif, device)
        return self.net.vif("link", *ends).wait_ready()

    def wait_up(self, side, times=1):
        def ups():
            return [event for event in self.vif[side].events("state")
                    if event["port"].startswith("memif:")
                    and event["state"] == "up"]
        wait(lambda: len(ups()) >= times, f"memif of {side} to be up")

    def stop(self):
        """The kernels fall silent first.

        What one of them says to a side that has ended is left in the ring.
        """
        for side in "ab":
            self.net.ip(side, "link", "set", f"v{side}", "down")
        return {side: self.vif[side].stop() for side in "ab"}


def check_vif(summary, side):
    """Nothing was lost but what came while there was no peer."""
    for way in WAYS:
        drops = {reason: n for reason, n in summary[way]["drops"].items()
                 if n and reason != "down"}
        check(not drops, f"vif {side}, {way}, drops: {drops}")


def check_crossed(summary):
    for side in "ab":
        check_vif(summary[side], side)


def check_flow(flow, what, **expected):
    """Whether counters are 0, or not."""
    for name, nonzero in expected.items():
        check((flow[name] > 0) == nonzero,
              f"{what}: {name} is {flow[name]}: {flow}")


def whole_way(summary, way):
    """No vif did anything to a packet."""
    for side in "ab":
        check_flow(summary[side][way], f"vif {side}, {way}",
                   rx_superpackets=True, tx_superpackets=True,
                   cut_superpackets=False, glued_superpackets=False,
                   finished_checksums=False)
    first, last = ("a", "b") if way == "a_to_b" else ("b", "a")
    for name in ("packets", "bytes", "superpackets"):
        check_equal(summary[last][way][f"rx_{name}"],
                    summary[first][way][f"tx_{name}"],
                    f"{name} on the way {way}")


def other_way(summary, way, checksums):
    """Cut by the vif that sends into memif, glued by the one behind it."""
    first, last = ("a", "b") if way == "a_to_b" else ("b", "a")
    check_flow(summary[first][way], f"vif {first}, {way}",
               rx_superpackets=True, tx_superpackets=False,
               cut_superpackets=True, finished_checksums=not checksums)
    check_flow(summary[last][way], f"vif {last}, {way}",
               rx_superpackets=False, tx_superpackets=True,
               glued_superpackets=True, finished_checksums=False)


def transfer(net, offload, whole, checksums=True, **how):
    cable = Cable(net, offload=offload, **how)
    seconds = harness.tcp(net, N_BYTES, 4, seconds=120)
    if 6 in cable.families:
        harness.tcp(net, N_BYTES // 8, 6, seconds=120)
    summary = cable.stop()
    check_crossed(summary)
    for way in WAYS:
        if whole:
            whole_way(summary, way)
        else:
            other_way(summary, way, checksums)
    return f"{N_BYTES * 16 / 1e9 / seconds:.1f} Gbit/s both ways together"


def chains(net, keys):
    """A superpacket is one chain, however small the buffers are."""
    return transfer(net, ("auto", "auto"), True, keys=keys)


def chains_are_glued(net, keys):
    """Packets of an ordinary peer that come as chains, too."""
    return transfer(net, ("off", "off"), False, checksums=False, keys=keys)


def kernel_has_uso():
    release = os.uname().release.split(".")
    return (int(release[0]), int(release[1])) >= (6, 2)


def segmented(net, kind, offload, whole):
    """UDP superpackets of a sender that lets the kernel cut."""
    if not kernel_has_uso():
        raise Skip("TUN devices take UDP superpackets since Linux 6.2")
    cable = Cable(net, kind, (offload, "auto"), families=(4,))
    sink = net.traffic("b", "udp-sink", ADDRESS["b", 4])
    sent = net.traffic("a", "udp-count", ADDRESS["b", 4], sink.ready(),
                       "--size", DATAGRAM, "--segment", "--rate", N_SEGMENT,
                       "--count", N_SEGMENT).result()
    # What is in the rings when a side ends is lost.
    wait(lambda: net.datagrams_in("b") >= sent["sent"],
         "all datagrams to leave the rings", 20)
    summary = cable.stop()
    received = sink.stop()
    check_equal(sent["errors"], 0, f"send errors: {sent}")
    check_equal(received["received"], sent["sent"], "datagrams received")
    check_equal((received["duplicates"], received["bad"]), (0, 0), "faults")
    check_crossed(summary)
    if whole:
        whole_way(summary, "a_to_b")
        return
    flow = summary["a"]["a_to_b"]
    check_flow(flow, "vif a", rx_superpackets=True, tx_superpackets=False)
    check_equal(flow["cut_superpackets"], flow["rx_superpackets"],
                "cut superpackets")


def restarts(net, roles):
    """The other side comes back as another kind of peer each time."""
    sequence = ("auto", "off", "auto", "csum", "off", "tso", "auto")
    cable = Cable(net, roles=roles, offload=("auto", sequence[0]))
    for i, offload in enumerate(sequence):
        if i:
            cable.vif["b"] = cable.start("b", offload)
        cable.wait_up("a", i + 1)
        cable.wait_up("b")
        harness.tcp(net, N_BYTES // 16, 4, seconds=120)
        summary = cable.vif["b"].stop()
        check_vif(summary, "b")
        whole = offload in WHOLE
        check_flow(summary["a_to_b"], f"to {offload}", rx_superpackets=whole,
                   glued_superpackets=not whole, tx_superpackets=True)
        check_flow(summary["b_to_a"], f"from {offload}", rx_superpackets=True,
                   tx_superpackets=whole, cut_superpackets=not whole,
                   finished_checksums=offload == "off")
    check_flow(cable.vif["a"].stop()["a_to_b"], "vif a",
               tx_superpackets=True, cut_superpackets=True,
               finished_checksums=True)


def plan_tells(net):
    """The plan says what depends on the peer, and --cut off what it gives."""
    cable = Cable(net)
    plan = cable.vif["a"].events("plan")[0]
    for way, text in (("a_to_b", "cut while the peer of memif:"),
                      ("b_to_a", "delivers packets one by one")):
        check(plan[way]["varies"], f"{way} varies: {plan}")
        check(text in plan[way]["text"], f"'{text}' in {plan[way]['text']}")
    cable.stop()
    memif = f"memif:{net.directory}/n.sock,role=server,mode=ip"
    for keys, varies in (("", True), (",offload=off", False)):
        vif = net.vif("link", net.address("a"), memif + keys, "--cut",
                      "off").wait_ready()
        plan = vif.events("plan")[0]
        check(not plan["a_to_b"]["varies"] and
              not plan["a_to_b"]["superpackets"], f"--cut off: {plan}")
        check_equal(plan["b_to_a"]["varies"], varies, "gluing depends")
        vif.stop()


def main(arguments):
    cases = harness.Cases()

    def add(name, function, *values, **how):
        cases.add(name, functools.partial(function, **dict(
            zip(function.__code__.co_varnames[1:], values)), **how))

    for kind in MODES:
        add(f"{kind}, whole", transfer, ("auto", "auto"), True, kind=kind)
        add(f"{kind}, b is the server", transfer, ("auto", "auto"), True,
            kind=kind, roles=("client", "server"))
    add("tso and tso+uso", transfer, ("tso", "tso+uso"), True)
    for offload in (("off", "auto"), ("auto", "off"), ("off", "off")):
        add(f"{'/'.join(offload)}, cut and glued", transfer, offload, False,
            checksums=False)
    for offload in (("csum", "auto"), ("tso", "csum")):
        add(f"{'/'.join(offload)}, cut, checksums unfinished", transfer,
            offload, False)
    for keys in (["ring=64"], ["ring=16", "buffer=4096"]):
        add(f"{','.join(keys)}, too small", transfer, ("auto", "auto"), False,
            keys=keys)
    add("two queues", transfer, ("auto", "auto"), True, keys=["queues=2"])
    for buffer in (512, 1024, 4096, 65535):
        add(f"buffers of {buffer}", chains, [f"buffer={buffer}"])
    for buffer in (256, 1024):
        add(f"buffers of {buffer}, glued", chains_are_glued,
            [f"buffer={buffer}"])
    for kind in MODES:
        add(f"UDP segments over {kind}, whole", segmented, kind, "auto", True)
        add(f"UDP segments over {kind}, cut", segmented, kind, "tso", False)
    add("the server's peer changes", restarts, ("server", "client"))
    add("the client's peer changes", restarts, ("client", "server"))
    add("the plan tells", plan_tells)
    cases.run(arguments)


if __name__ == "__main__":
    main(sys.argv[1:])
