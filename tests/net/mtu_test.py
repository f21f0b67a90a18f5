# SPDX-License-Identifier: Apache-2.0
"""MTUs from 576 to 65520: set on the device, usable to the last byte."""
import functools
import sys

import harness
from harness import ADDRESS, MIB, check_equal

IP_HEADER = {4: 20, 6: 40}
ICMP_HEADER = 8


def ping_of_mtu(net, mtu, family):
    """The largest packet passes; one byte more is refused at once."""
    size = mtu - IP_HEADER[family] - ICMP_HEADER
    for side in "ab":
        harness.ping(net, side, family, size=size, df=True)
    result = net.traffic("a", "ping", ADDRESS["b", family], "--size", size + 1,
                         "--df").result()
    check_equal(result["error"], "Message too long", f"ping of {mtu} + 1")


def mtu_case(net, kind, mtu):
    families = (4, 6) if mtu >= 1280 else (4,)
    vif = net.link(kind, [f"mtu={mtu}"], families=families)
    for side in "ab":
        check_equal(net.device(side)["mtu"], mtu, f"MTU of v{side}")
    for family in families:
        ping_of_mtu(net, mtu, family)
        harness.tcp(net, 16 * MIB, family)
    harness.check_all_crossed(vif.stop())


def main(arguments):
    cases = harness.Cases()
    for kind in ("tun", "tap"):
        for mtu in (576, 1500, 9000, 65520):
            cases.add(f"{kind} mtu={mtu}",
                      functools.partial(mtu_case, kind=kind, mtu=mtu))
    cases.run(arguments)


if __name__ == "__main__":
    main(sys.argv[1:])
