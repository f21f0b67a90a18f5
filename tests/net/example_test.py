# SPDX-License-Identifier: Apache-2.0
"""The examples that take a device do what they say."""
import sys

import harness
from harness import check, check_equal, wait

cases = harness.Cases()

# Sends one superpacket of datagrams and prints how long those are that return.
ASK = """
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(10)
s.connect(("10.77.0.2", 7))
s.setsockopt(socket.IPPROTO_UDP, 103, 1000)
data = bytes(i * 7 % 251 for i in range(2500))
s.send(data)
back = [s.recv(2000) for _ in range(3)]
assert b"".join(back) == data
print([len(part) for part in back])
"""


@cases
def queues_sends_everything_back(net):
    net.quiet()
    example = net.start(harness.Process(net.directory, [
        "nsenter", f"--net={net.path['a']}",
        harness.binary("VIF_EXAMPLE_QUEUES"), "va"]))

    def is_open():
        check(example.running(), f"it ended: {example.err}")
        return "va" in net.links("a") and \
            net.device("a")["linkinfo"]["info_data"].get("numqueues") == 2
    wait(is_open, "both queues")
    net.ip("a", "address", "add", "10.77.0.1/24", "dev", "va")
    net.ip("a", "link", "set", "va", "up")
    ask = net.start(harness.Process(net.directory, [
        "nsenter", f"--net={net.path['a']}", sys.executable, "-c", ASK]))
    check_equal(ask.wait(15), 0, "exit code of who asked")
    check_equal(ask.out.strip(), "[1000, 1000, 500]", "lengths")

    net.ip("a", "link", "del", "va")
    check_equal(example.wait(), 0, "exit code of the example")
    check_equal(example.out, "1 superpackets in, 3 packets out\n", "counters")


if __name__ == "__main__":
    cases.run(sys.argv[1:])
