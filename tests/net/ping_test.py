# SPDX-License-Identifier: Apache-2.0
"""The cable carries a ping, v4 and v6, over TUN and TAP, both ways."""
import os
import sys

import harness
from harness import ADDRESS, check, ping_all

cases = harness.Cases()


def ping_over(net, kind):
    vif = net.link(kind)
    ping_all(net)
    summary = vif.stop()
    harness.check_all_crossed(summary)
    for direction in ("a_to_b", "b_to_a"):
        check(summary[direction]["rx_packets"] >= 12,
              f"{direction}: fewer packets than pings: {summary}")


@cases
def ping_over_tun(net):
    ping_over(net, "tun")


@cases
def ping_over_tap(net):
    ping_over(net, "tap")


@cases
def ping_between_namespaces_named_by_path_and_pid(net):
    sleeper = net.start(harness.Process(net.directory, [
        "nsenter", f"--net={net.path['b']}", "sleep", "1000"]))
    inode = os.stat(net.path["b"]).st_ino
    harness.wait(lambda: os.stat(f"/proc/{sleeper.pid}/ns/net").st_ino ==
                 inode, "nsenter")
    vif = net.vif("link",
                  f"tun:va,ip={ADDRESS['a', 4]}/24,netns={net.path['a']}",
                  f"tun:vb,ip={ADDRESS['b', 4]}/24,netns={sleeper.pid}")
    vif.wait_ready()
    ping_all(net, families=(4,))
    vif.stop()


if __name__ == "__main__":
    cases.run(sys.argv[1:])
