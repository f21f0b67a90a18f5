# SPDX-License-Identifier: Apache-2.0
"""Kernels that refuse superpackets although they said that they take them, and
such that are busy.

A library in front of libc plays such a kernel. Whatever it does, every byte
arrives; it is counted, and said once: Q9 of the study this work follows.
"""
import functools
import os
import sys

import harness
from harness import MIB, SMALL, check, check_equal

BYTES = (4 if SMALL else 64) * MIB
IN_A_ROW = 8  # refusals after which a kind is given up
BURST = 64


def refuse(limit, busy):
    os.environ["LD_PRELOAD"] = harness.binary("VIF_REFUSE_LIBRARY")
    if limit is not None:
        os.environ["VIF_REFUSE"] = str(limit)
    if busy is not None:
        os.environ["VIF_BUSY"] = busy


def run(net, keys, limit, options=(), busy=None):
    vif = net.link("tun", keys, options, families=(4,),
                   before=functools.partial(refuse, limit, busy))
    harness.tcp(net, BYTES, 4, 1, 120)
    summary = vif.stop()
    harness.check_all_crossed(summary)
    return summary, vif.events("notice")


def refused_for_good(net):
    summary, notices = run(net, (), None)
    for direction in ("a_to_b", "b_to_a"):
        flow = summary[direction]
        check(flow["refused_superpackets"] >= IN_A_ROW,
              f"{direction}: hardly any were refused: {flow}")
        check_equal(flow["refused_superpackets"], flow["tx_superpackets"],
                    f"{direction} refused superpackets")
    check_equal(sorted(notice["port"] for notice in notices),
                ["tun:va", "tun:vb"], "ports that gave notice")
    for notice in notices:
        check("tcp4" in notice["text"] and "refuses" in notice["text"],
              f"notice says {notice['text']}")


def refused_some_times(net):
    """Less than it takes to give up: the next ones cross whole."""
    summary, notices = run(net, (), IN_A_ROW - 1)
    check_equal(sum(summary[direction]["refused_superpackets"]
                    for direction in ("a_to_b", "b_to_a")), IN_A_ROW - 1,
                "refused superpackets")
    check_equal(notices, [], "notices")


def nothing_is_glued_in_vain(net):
    """A destination that refuses superpackets is not made any."""
    summary, notices = run(net, (["offload=off"], ["offload=auto"]), None)
    flow = summary["a_to_b"]
    check(IN_A_ROW <= flow["glued_superpackets"] < IN_A_ROW + BURST,
          f"glued superpackets: {flow}")
    check_equal(flow["refused_superpackets"], flow["glued_superpackets"],
                "refused superpackets")
    check_equal([notice["port"] for notice in notices], ["tun:vb"],
                "ports that gave notice")


def switched_off(net):
    """offload=off asks nothing of the kernel that it could refuse."""
    summary, notices = run(net, ["offload=off"], None, ["--glue", "off"])
    for direction in ("a_to_b", "b_to_a"):
        check_equal(summary[direction]["refused_superpackets"], 0,
                    f"{direction} refused superpackets")
    check_equal(notices, [], "notices")


def busy_kernel(net, how, offload):
    """Q5, Q6: writes that find no room, or no memory, come again, in order."""
    summary, notices = run(net, (["offload=auto"], [f"offload={offload}"]),
                           None, busy=how)
    waits = summary["a_to_b"]["waits"]
    check((waits > 0) == (how == "room"), f"waits: {summary}")
    check_equal(notices, [], "notices")
    check_equal(summary["a_to_b"]["refused_superpackets"], 0,
                "refused superpackets")


def main(arguments):
    cases = harness.Cases()
    for how in ("room", "memory"):
        for offload in ("auto", "off"):
            cases.add(f"no {how} at times, offload={offload}",
                      functools.partial(busy_kernel, how=how,
                                        offload=offload))
    cases.add("all superpackets refused", refused_for_good)
    cases.add("some superpackets refused", refused_some_times)
    cases.add("nothing glued for a kernel that refuses it",
              nothing_is_glued_in_vain)
    cases.add("offload=off and --glue off", switched_off)
    cases.run(arguments)


if __name__ == "__main__":
    main(sys.argv[1:])
