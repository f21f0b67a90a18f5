# SPDX-License-Identifier: Apache-2.0
"""Every mistake gets an exit code, a message with a name, and a hint.

And it leaves nothing behind: no device, no process.
"""
import functools
import os
import re
import sys

import harness
from harness import (CLI_CONFIG, CLI_FAILED, CLI_PERMISSION,
                     CLI_USAGE, check, check_equal)

cases = harness.Cases()

A = "tun:va,netns={a},ip=10.77.0.1/24"
B = "tun:vb,netns={b},ip=10.77.0.2/24"
ANY = (CLI_FAILED, CLI_USAGE, CLI_CONFIG)

# name, arguments of vif, exit codes, words of the message, words of the hint
# (None: there need not be one). All are regular expressions.
TABLE = (
    ("name too long", ("link", "tun:sixteencharacter", B),
     CLI_USAGE, ["sixteencharacter", r"\b15\b"], None),
    ("name with a slash", ("link", "tun:a/b", B),
     CLI_USAGE, ["a/b", "name"], None),
    ("name of dots", ("link", "tun:..", B), CLI_USAGE, [r"\.\.", "name"],
     None),
    ("empty key", ("link", "tun:va,=5", B), CLI_USAGE, ["key"], None),
    ("empty address", ("link", "", B), CLI_USAGE, ["address"], None),
    ("no type", ("link", "va", B), CLI_USAGE, ["va", "type"], "TYPE:"),
    ("unknown type", ("link", "tunn:va", B),
     CLI_USAGE, ["tunn"], "did you mean 'tun'"),
    ("unknown key", ("link", "tun:va,quues=2", B),
     CLI_USAGE, ["quues"], "did you mean 'queues'"),
    ("key of another type", ("link", "tun:va,mac=02:00:00:00:00:01", B),
     CLI_USAGE, ["mac"], None),
    ("one address", ("link", A), CLI_USAGE, ["address"], None),
    ("three addresses", ("link", A, B, "tun:vc"), CLI_USAGE, ["."], None),
    ("unknown command", ("lnik", A, B), CLI_USAGE, ["lnik"],
     "did you mean 'link'"),
    ("unknown option", ("link", A, B, "--fool"), CLI_USAGE, ["fool"], None),
    ("bad value of --full", ("link", A, B, "--full", "maybe"),
     CLI_USAGE, ["full", "maybe"], "wait.*drop|help link"),
    ("bad value of --duration", ("link", A, B, "--duration", "soon"),
     CLI_USAGE, ["duration", "soon"], None),
    ("bad value of --workers", ("link", A, B, "--workers", "many"),
     CLI_USAGE, ["workers", "many"], None),
    ("CPU that does not exist", ("link", A, B, "--cpu", "100000"),
     ANY, ["100000", "(?i)cpu"], None),
    ("300 queues", ("link", A + ",queues=300", B),
     (CLI_USAGE, CLI_CONFIG), ["queues", "300", r"\b256\b"], None),
    ("no queues", ("link", A + ",queues=0", B), CLI_USAGE, ["queues"], None),
    ("MTU too small", ("link", A + ",mtu=10", B),
     (CLI_USAGE, CLI_CONFIG), ["mtu", r"\b10\b"], None),
    ("MTU too large", ("link", A + ",mtu=100000", B),
     (CLI_USAGE, CLI_CONFIG), ["mtu", "100000"], None),
    ("IPv6 address with an MTU below 1280",
     ("link", "tun:va,mtu=1000,ip=fd77::1/64", B), ANY, ["fd77::1"], None),
    ("MTU no number", ("link", A + ",mtu=big", B), CLI_USAGE, ["mtu", "big"],
     None),
    ("IPv4 address out of range", ("link", "tun:va,ip=10.0.0.300/24", B),
     CLI_USAGE, ["ip", r"10\.0\.0\.300"], None),
    ("IPv4 prefix too long", ("link", "tun:va,ip=10.0.0.1/33", B),
     CLI_USAGE, ["ip", "33"], None),
    ("IPv6 prefix too long", ("link", "tun:va,ip=fd00::1/129", B),
     CLI_USAGE, ["ip", "129"], None),
    ("address of no device", ("link", "tun:va,ip=::/0", B),
     CLI_USAGE, ["::/0", "no device"], None),
    ("MAC too short", ("link", "tap:va,mac=02:00:00", B),
     CLI_USAGE, ["mac", "02:00:00"], None),
    ("multicast MAC", ("link", "tap:va,netns={a},mac=01:00:00:00:00:01",
                       "tap:vb,netns={b}"), ANY, ["mac"], None),
    ("unknown offload", ("link", A + ",offload=fast", B),
     CLI_USAGE, ["offload", "fast"], r"auto.*off.*csum.*tso.*tso\+uso"),
    ("unknown owner", ("link", A + ",owner=nosuchuser", B),
     ANY, ["owner", "nosuchuser"], None),
    ("unknown group", ("link", A + ",group=nosuchgroup", B),
     ANY, ["group", "nosuchgroup"], None),
    ("unknown namespace", ("link", "tun:va,netns=nosuchnetns", B),
     ANY, ["netns", "nosuchnetns"], "."),
    ("namespace of no process", ("link", "tun:va,netns=99999999", B),
     ANY, ["namespace", "99999999"], "process"),
    ("file that is no namespace", ("link", "tun:va,netns=/etc/passwd", B),
     ANY, ["namespace", "/etc/passwd"], None),
    ("tun to tap", ("link", A, "tap:vb,netns={b}"),
     CLI_CONFIG, ["tun", "tap"], "tun|tap"),
    ("the same device on both ends", ("link", A, A), ANY, ["tun:va"], None),
)


def check_nothing_left(net, devices=()):
    for side in "ab":
        left = set(net.links(side)) - set(devices)
        check_equal(left, set(), f"devices left in {side}")
    check("va" not in harness.run("ip", "link"), "device left in own netns")
    try:
        check(not os.waitpid(-1, os.WNOHANG)[0], "a process was left behind")
    except ChildProcessError:
        return
    raise harness.Failure("a process is left behind")


def fails(net, arguments, codes, words, hint, devices=(), **how):
    """Run vif, which must fail as told."""
    arguments = [argument.format(**net.name) for argument in arguments]
    vif = net.vif(*arguments, **how)
    code = vif.wait(5)
    check(not harness.SANITIZER.search(vif.err), "a sanitizer complains")
    codes = codes if isinstance(codes, tuple) else (codes,)
    check(code in codes, f"exit code {code}, expected one of {codes}")
    message, _, rest = vif.err.partition("\nhint: ")
    check(message.startswith("vif"), f"no message in {vif.err!r}")
    for word in words:
        check(re.search(word, message), f"no {word!r} in {message!r}")
    if hint:
        check(re.search(hint, rest), f"no {hint!r} in the hint {rest!r}")
    check_equal(vif.events("summary"), [], "summary of what never ran")
    check_equal(os.read(vif.ready_fd, 8), b"", "text on --ready-fd")
    net.processes.remove(vif)
    vif.kill()
    if not net.processes:
        check_nothing_left(net, devices)
    return message


for row in TABLE:
    cases.add(row[0], functools.partial(fails, arguments=row[1], codes=row[2],
                                        words=row[3], hint=row[4]))


@cases
def device_busy_in_another_vif(net):
    vif = net.link()
    fails(net, ("link", A, B), ANY, ["tun:va", "attached|busy"], ".")
    harness.ping_all(net)
    vif.stop()


@cases
def second_end_busy_leaves_the_first_alone(net):
    vif = net.link()
    fails(net, ("link", "tun:vx,netns={a}", B), ANY,
          ["tun:vb", "attached|busy"], None)
    check_equal(list(net.links("a")), ["va"], "devices in a")
    vif.stop()


@cases
def tap_with_the_name_of_a_tun(net):
    net.ip("a", "tuntap", "add", "mode", "tun", "name", "va")
    fails(net, ("link", "tap:va,netns={a}", "tap:vb,netns={b}"), ANY,
          ["tap:va", "(?i)tun"], None, devices=["va"])


@cases
def name_of_a_device_that_is_no_tun(net):
    net.ip("a", "link", "add", "va", "type", "veth", "peer", "name", "vp")
    fails(net, ("link", A, B), ANY, ["tun:va"], None, devices=["va", "vp"])


def fails_for_nobody(net, mode, *arguments):
    """The same as a user without rights, with a TUN node of this mode."""
    harness.need_root()
    harness.tun_node(mode)
    program = harness.public_copy(net.directory, harness.binary("VIF"))[0]
    fails(net, *arguments, before=harness.become_nobody, program=program)


@cases
def missing_permission_for_the_device_node(net):
    fails_for_nobody(net, 0o600, ("link", "tun:va", "tun:vb"), CLI_PERMISSION,
                     ["tun:va", "/dev/net/tun"], ".")


@cases
def missing_permission_to_make_a_device(net):
    fails_for_nobody(net, 0o666, ("link", "tun:va", "tun:vb"), CLI_PERMISSION,
                     ["tun:va"], "root|CAP_NET_ADMIN|unshare")


@cases
def missing_permission_to_enter_a_namespace(net):
    fails_for_nobody(net, 0o666, ("link", A, B), CLI_PERMISSION,
                     ["tun:va", "namespace"], ".")


if __name__ == "__main__":
    cases.run(sys.argv[1:])
