# SPDX-License-Identifier: Apache-2.0
"""Bulk TCP both ways at once, for every pair of offload settings.

The hashes of every stream are compared at both ends, and the counters of vif
must tell whether superpackets crossed whole, were cut, or were glued.

  --full               VIF_TEST_BYTES for every pair
  VIF_TEST_BYTES=N     bytes each way for the pair LARGE, default 1 GiB; those
                       in MIDDLE move an eighth, the others a sixteenth
  VIF_TEST_SCALE=small 16 MiB and the pairs in FEW only
"""
import functools
import os
import sys

import harness
from harness import MIB, SMALL, check, check_equal

OFFLOADS = ("auto", "off", "csum", "tso", "tso+uso")
WHOLE = ("auto", "tso", "tso+uso")  # ends that deliver and take superpackets
# What everybody gets who asks for nothing else.
LARGE = ("auto", "auto")
# An eighth of 1 GiB is 92,000 segments, which is more than there are IDs of IPv4.
# All pairs with superpackets, and two of those without, which are slow: as much
# as above would take them minutes, and show nothing more.
MIDDLE = tuple((a, b) for a in WHOLE for b in WHOLE) + (("auto", "off"),
                                                       ("off", "off"))
# Every value on either side.
FEW = (("auto", "auto"), ("auto", "off"), ("off", "csum"), ("csum", "tso"),
       ("tso", "tso+uso"), ("tso+uso", "auto"))
BYTES = int(os.environ.get("VIF_TEST_BYTES",
                           16 * MIB if SMALL else 1024 * MIB))


def check_superpackets(summary, a, b):
    """What a makes crosses whole or is cut; what it does not may be glued."""
    for direction, source, sink in (("a_to_b", a, b), ("b_to_a", b, a)):
        flow = summary[direction]
        whole = source in WHOLE and sink in WHOLE
        cut = source in WHOLE and sink not in WHOLE
        glued = source in ("off", "csum") and sink in WHOLE
        for name, expected in (("rx_superpackets", whole or cut),
                               ("cut_superpackets", cut),
                               ("glued_superpackets", glued),
                               ("tx_superpackets", whole or glued)):
            check((flow[name] > 0) == expected,
                  f"{direction}: {name} is {flow[name]} with {source} to "
                  f"{sink}: {flow}")
        check((flow["finished_checksums"] > 0) ==
              (sink == "off" and source != "off"),
              f"{direction}: finished checksums: {flow}")


def transfer(net, kind, a, b, queues, n_bytes):
    keys = [[f"offload={value}", f"queues={queues}"] for value in (a, b)]
    vif = net.link(kind, keys)
    streams = 2 * queues if queues > 1 else 1
    seconds = harness.tcp(net, n_bytes, 4, streams, 300)
    harness.tcp(net, n_bytes // 8, 6, streams, 300)
    summary = vif.stop()
    harness.check_all_crossed(summary)
    check_superpackets(summary, a, b)
    for direction in ("a_to_b", "b_to_a"):
        check(summary[direction]["rx_bytes"] > n_bytes + n_bytes // 8,
              f"{direction}: less than what TCP moved: {summary}")
    return f"{n_bytes * 16 / 1e9 / seconds:.1f} Gbit/s both ways together"


def amount(pair, full):
    """Bytes each way; a multiple of all numbers of streams."""
    part = 1
    if not full and not SMALL and pair != LARGE:
        part = 8 if pair in MIDDLE else 16
    return BYTES // part // 64 * 64


def main(arguments):
    full = "--full" in arguments
    cases = harness.Cases()
    pairs = FEW if SMALL and not full else [
        (a, b) for a in OFFLOADS for b in OFFLOADS]
    for kind in ("tun", "tap"):
        for queues in (1, 2):
            for pair in pairs:
                n_bytes = amount(pair, full)
                cases.add(f"{kind} {pair[0]}/{pair[1]} queues={queues} "
                          f"{n_bytes / MIB:g} MiB",
                          functools.partial(transfer, kind=kind, a=pair[0],
                                            b=pair[1], queues=queues,
                                            n_bytes=n_bytes))
    cases.run([word for word in arguments if word != "--full"])


if __name__ == "__main__":
    main(sys.argv[1:])
