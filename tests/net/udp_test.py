# SPDX-License-Identifier: Apache-2.0
"""Datagrams of every size there is, echoed and compared.

With an MTU of 1500 the large ones cross as up to 45 fragments. With
VIF_TEST_SCALE=small, and on TAP, which differs by a header, a spread of sizes
and all the edges must do.
"""
import functools
import os
import sys

import harness
from harness import ADDRESS, SMALL, Skip, check, check_equal

SIZE_MAX = 65507  # what fits into an IPv4 packet
N_SEGMENT = 20000


def spread():
    """Some 700 sizes: all small ones, the edges of fragments, and others."""
    sizes = set(range(0, 65)) | set(range(SIZE_MAX - 8, SIZE_MAX + 1))
    for n in range(1, 45):  # where one more fragment is needed
        for header in (20, 40):
            edge = (1500 - header) // 8 * 8 * n - 8
            sizes.update(range(edge - 1, edge + 3))
    for bits in range(7, 17):
        sizes.update(range((1 << bits) - 2, (1 << bits) + 3))
    sizes.update(range(100, SIZE_MAX, 331))
    return sorted(size for size in sizes if size <= SIZE_MAX)


def echo(net, family, sizes):
    """Send sizes from a and compare what b echoes."""
    server = net.traffic("b", "udp-echo", ADDRESS["b", family])
    port = server.ready()
    client = net.traffic("a", "udp-sizes", ADDRESS["b", family], port,
                         "--sizes", sizes)
    result = client.result(240)
    server.stop()
    check(result["error"] is None, f"UDP over IPv{family}: {result}")
    check_equal(result["echoed"], result["sizes"], "sizes that came back")
    for fault in ("wrong", "lost", "duplicates"):
        check_equal(result[fault], 0, f"datagrams {fault}")
    return result["slowest_ms"]


def every_size(net, kind, offload):
    vif = net.link(kind, [f"offload={offload}"])
    sizes = ",".join(map(str, spread()))
    echo(net, 6, sizes)
    slowest_ms = echo(net, 4, sizes if SMALL or kind == "tap"
                      else f"0-{SIZE_MAX}")
    harness.check_all_crossed(vif.stop())
    return f"slowest echo {slowest_ms:.1f} ms"


def kernel_has_uso():
    release = os.uname().release.split(".")
    return (int(release[0]), int(release[1])) >= (6, 2)


def segmented(net, kind, offloads, whole):
    """A sender that lets the kernel cut (UDP_SEGMENT), as QUIC stacks do."""
    if not kernel_has_uso():
        raise Skip("TUN devices take UDP superpackets since Linux 6.2")
    net.quiet()
    # The queue of the device takes them all, so that none may be missing.
    vif = net.link(kind, [[f"offload={value}", f"txqueuelen={N_SEGMENT}"]
                          for value in offloads], families=(4,))
    sink = net.traffic("b", "udp-sink", ADDRESS["b", 4])
    sent = net.traffic("a", "udp-count", ADDRESS["b", 4], sink.ready(),
                       "--size", 1200, "--segment", "--rate", N_SEGMENT,
                       "--count", N_SEGMENT).result()
    summary = vif.stop()
    received = sink.stop()
    check_equal(sent["errors"], 0, f"send errors: {sent}")
    check_equal(received["received"], sent["sent"], "datagrams received")
    check_equal((received["duplicates"], received["bad"]), (0, 0), "faults")
    harness.check_all_crossed(summary)
    flow = summary["a_to_b"]
    check(flow["rx_superpackets"] > 0, f"no superpackets: {flow}")
    check((flow["tx_superpackets"] > 0) == whole,
          f"superpackets crossed, or did not: {flow}")
    check_equal(flow["cut_superpackets"],
                0 if whole else flow["rx_superpackets"], "cut superpackets")


def main(arguments):
    cases = harness.Cases()
    for kind in ("tun", "tap"):
        for offload in ("auto", "off"):
            cases.add(f"every size over {kind} offload={offload}",
                      functools.partial(every_size, kind=kind,
                                        offload=offload))
        for offloads, whole in ((("auto", "auto"), True),
                                (("tso+uso", "tso+uso"), True),
                                (("tso+uso", "tso"), False),
                                (("auto", "off"), False)):
            cases.add(f"segments over {kind} {offloads[0]}/{offloads[1]}",
                      functools.partial(segmented, kind=kind,
                                        offloads=offloads, whole=whole))
    cases.run(arguments)


if __name__ == "__main__":
    main(sys.argv[1:])
