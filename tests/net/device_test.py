# SPDX-License-Identifier: Apache-2.0
"""Devices that others have, move, share and set down, and how vif leaves them.

What vif changes on a device of others is changed back; what it makes is gone.
"""
import functools
import os
import re
import signal
import sys

import harness
from harness import (ADDRESS, CLI_CONFIG, CLI_FAILED, CLI_OK, CLI_USAGE, MIB,
                     PREFIX, check, check_equal, wait)

cases = harness.Cases()

IPV4 = ["10.77.0.1/24"]


def make(net, side, *keys, kind="tun", name=None):
    """A persistent device, as "ip tuntap add" makes it."""
    net.ip(side, "tuntap", "add", "mode", kind, "name", name or f"v{side}",
           *keys)


def is_persistent(net, side, name):
    return net.device(side, name)["linkinfo"]["info_data"]["persist"]


def facts(net, side, name=None):
    """What a link may change and has to put back."""
    device = net.device(side, name)
    return {"mtu": device["mtu"], "up": "UP" in device["flags"],
            "addresses": [f"{info['local']}/{info['prefixlen']}"
                          for info in device["addr_info"]]}


def states(vif, name):
    """What vif said of the device with this name, oldest first."""
    return [event["state"] for event in vif.events("state")
            if event["port"].endswith(f":{name}")]


def wait_for_events_of_a(net, vif):
    """Wait until vif has seen what happened to va so far.

    One thread watches both devices, and looks at va first.
    """
    seen = len(states(vif, "vb"))
    net.ip("b", "link", "set", "vb", "down")
    net.ip("b", "link", "set", "vb", "up")

    def news():
        check(vif.running(), "vif ended")
        now = states(vif, "vb")
        return len(now) > seen and now[-1] == "up"
    wait(news, "the state of vb")


# Offloads of persistent devices


def offload_off_after_auto(net, kind, number):
    """A device that took superpackets in the last run takes none in this."""
    net.quiet()
    for side in "ab":
        make(net, side, kind=kind)
    vif = net.link(kind, ["offload=auto"], families=(4,))
    harness.tcp(net, 4 * MIB)
    vif.signal(number)
    vif.wait(2)
    check_equal(vif.child.returncode,
                CLI_OK if number == signal.SIGTERM else -number, "exit code")

    vif = net.link(kind, ["offload=off"], families=(4,))
    harness.tcp(net, 4 * MIB, seconds=20)
    summary = vif.stop()
    harness.check_all_crossed(summary)
    for direction in ("a_to_b", "b_to_a"):
        flow = summary[direction]
        check_equal(flow["rx_superpackets"], 0, f"{direction} superpackets")
        check(flow["rx_bytes"] <= 1514 * flow["rx_packets"],
              f"{direction}: longer than the MTU allows: {flow}")


for the_kind, the_number in (("tun", signal.SIGTERM), ("tun", signal.SIGKILL),
                             ("tap", signal.SIGTERM), ("tap", signal.SIGKILL)):
    cases.add(f"{the_kind} with offload=off after auto and {the_number.name}",
              functools.partial(offload_off_after_auto, kind=the_kind,
                                number=the_number))


# Devices that change under a running link


def make_bridge(net):
    try:
        net.ip("a", "link", "add", "name", "br0", "type", "bridge")
    except harness.Failure as reason:
        raise harness.Skip(f"no bridges here: {reason}") from reason


@cases
def tap_into_a_bridge_and_out_again(net):
    net.quiet()
    make_bridge(net)
    vif = net.link("tap", families=(4,))
    harness.ping_all(net, families=(4,))
    for _ in range(3):
        net.ip("a", "link", "set", "va", "master", "br0")
        net.ip("a", "link", "set", "va", "nomaster")
    wait_for_events_of_a(net, vif)
    harness.ping_all(net, families=(4,))
    check("down" not in states(vif, "va"), "va was down, says vif")
    vif.stop()


@cases
def bridge_deleted_around_a_tap(net):
    net.quiet()
    make_bridge(net)
    vif = net.link("tap", families=(4,))
    net.ip("a", "link", "set", "va", "master", "br0")
    net.ip("a", "link", "del", "br0")
    wait_for_events_of_a(net, vif)
    harness.ping_all(net, families=(4,))
    vif.stop()


def move(net, kind):
    """Start a link and move va, while it runs, into a namespace c."""
    net.name["c"] = net.name["a"][:-1] + "c"
    net.path["c"] = f"/run/netns/{net.name['c']}"
    harness.run("ip", "netns", "add", net.name["c"])
    vif = net.link(kind, families=(4,))
    harness.ping_all(net, families=(4,))
    net.ip("a", "link", "set", "va", "netns", net.name["c"])
    check("va" in net.links("c"), "va is not in c: it is gone, or vif")
    wait_for_events_of_a(net, vif)
    return vif


def move_and_delete(net, kind):
    """Going elsewhere is no end; what is deleted there is."""
    net.quiet()
    vif = move(net, kind)
    net.ip("c", "link", "del", "va")
    check(vif.ends(CLI_FAILED, 2), "no summary")
    check(f"{kind}:va" in vif.err, f"the device is not named in {vif.err!r}")


def move_and_go_on(net, kind):
    """What vif set is gone with the move; set anew, packets flow."""
    net.quiet()
    vif = move(net, kind)
    net.ip("c", "address", "add", f"{ADDRESS['a', 4]}/{PREFIX[4]}", "dev",
           "va")
    net.ip("c", "link", "set", "va", "up")
    for side, address in (("c", ADDRESS["b", 4]), ("b", ADDRESS["a", 4])):
        result = net.traffic(side, "ping", address, "--count", 3).result()
        check(result["error"] is None and result["received"] == 3,
              f"ping from {side}: {result}")
    vif.stop()


for the_kind in ("tun", "tap"):
    cases.add(f"{the_kind} moved to another namespace and deleted there",
              functools.partial(move_and_delete, kind=the_kind))
    cases.add(f"{the_kind} moved to another namespace goes on",
              functools.partial(move_and_go_on, kind=the_kind))


@cases
def down_and_up_quickly_ends_up(net):
    net.quiet()
    vif = net.link(families=(4,))
    batch = os.path.join(net.directory, "batch")
    with open(batch, "w", encoding="ascii") as file:
        file.write("link set va down\nlink set va up\n" * 3)
    for _ in range(5):
        net.ip("a", "-batch", batch)
        harness.ping_all(net, families=(4,))
        wait(lambda: states(vif, "va")[-1:] in ([], ["up"]),
             "the last state to be up")
    vif.stop()
    check(states(vif, "va")[-1:] in ([], ["up"]), "the last state is down")


# Failures


def fails(net, codes, words, *addresses):
    """vif link must fail, and say why."""
    vif = net.vif("link", *addresses)
    code = vif.wait(2)
    check(not harness.SANITIZER.search(vif.err), "a sanitizer complains")
    check(code in codes, f"exit code {code}, expected one of {codes}")
    for word in words:
        check(re.search(word, vif.err), f"no {word!r} in {vif.err!r}")
    check_equal(os.read(vif.ready_fd, 8), b"", "text on --ready-fd")


def check_devices(net, side, *names):
    check_equal(sorted(net.links(side)), sorted(names), f"devices in {side}")


@cases
def failed_open_leaves_no_persistent_device(net):
    for key in ("owner=nosuchuser", "group=nosuchgroup"):
        for kind in ("tun", "tap"):
            fails(net, (CLI_USAGE,), ["nosuch"],
                  f"{kind}:p,netns={net.name['a']},persist,{key}", "null:")
            check_devices(net, "a")


@cases
def failed_link_leaves_no_persistent_device(net):
    for first, second in (("tun:p,persist", "tap:q"), ("tap:p", "tun:q"),
                          ("tun:p,persist,queues=2", "tap:q,persist")):
        fails(net, (CLI_CONFIG,), ["tun", "tap"],
              f"{first},netns={net.name['a']}",
              f"{second},netns={net.name['b']}")
        check_devices(net, "a")
        check_devices(net, "b")


def check_kept(net, code, *addresses):
    """The user's own device u outlives a failed vif, as it was."""
    before = facts(net, "a", "u")
    fails(net, (code,), [], *addresses)
    check_devices(net, "a", "u")
    check(is_persistent(net, "a", "u"), "u is not persistent any more")
    check_equal(facts(net, "a", "u"), before, "facts of u")


@cases
def failed_open_keeps_the_users_device(net):
    make(net, "a", name="u")
    address = f"tun:u,netns={net.name['a']},mtu=9000,ip={IPV4[0]}"
    other = f"netns={net.name['b']}"
    check_kept(net, CLI_USAGE, f"{address},persist=no,owner=nosuchuser",
               "null:")
    check_kept(net, CLI_USAGE, f"{address},persist=no,group=nosuchgroup",
               "null:")
    check_kept(net, CLI_CONFIG, f"{address},persist=no", f"tap:q,{other}")
    check_kept(net, CLI_USAGE, f"{address},persist=no",
               f"tun:q,{other},owner=nosuchuser")
    # That was no chance: persist=no alone removes it.
    vif = net.vif("link", f"{address},persist=no", "null:").wait_ready()
    vif.stop()
    check_devices(net, "a")


@cases
def fifo_for_a_namespace_does_not_hang(net):
    path = os.path.join(net.directory, "fifo")
    os.mkfifo(path)
    fails(net, (CLI_USAGE, CLI_CONFIG), ["namespace", re.escape(path)],
          f"tun:va,netns={path}", "null:")


# Signals


@cases
def sighup_puts_the_device_back(net):
    net.quiet()
    make(net, "a")
    net.ip("a", "link", "set", "va", "mtu", "1400")
    before = facts(net, "a")
    check_equal(before, {"mtu": 1400, "up": False, "addresses": []},
                "the test itself")
    vif = net.link(keys=["mtu=9000"], families=(4,),
                   before=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL))
    check_equal(facts(net, "a"), {"mtu": 9000, "up": True, "addresses": IPV4},
                "what the address asked for")
    harness.ping_all(net, families=(4,))
    vif.signal(signal.SIGHUP)
    summary = vif.ends(CLI_OK, 2)
    check(summary, "no summary")
    check_equal(summary["a_to_b"]["tx_packets"], 6, "packets")
    check_equal(facts(net, "a"), before, "the device afterwards")
    check_devices(net, "b")


@cases
def nohup_goes_on_after_sighup(net):
    net.quiet()
    vif = net.link(families=(4,),
                   before=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    for n in (1, 2):  # one that is about to stop answers no second time
        vif.signal(signal.SIGHUP)
        vif.signal(signal.SIGUSR1)
        wait(lambda n=n: len(vif.events("counters")) == n, "counters")
    harness.ping_all(net, families=(4,))
    vif.stop()


def sigterm_accounts_for_what_is_delayed(net, delay):
    net.quiet()
    inner = net.address("a", families=(4,)).replace(",", "\\,")
    vif = net.vif("link", f"fault:{inner},delay={delay}",
                  net.address("b", families=(4,))).wait_ready()
    sink = net.traffic("b", "udp-sink", ADDRESS["b", 4])
    sent = net.traffic("a", "udp-count", ADDRESS["b", 4], sink.ready(),
                       "--count", 50).result()
    vif.signal(signal.SIGTERM)
    summary = vif.ends(CLI_OK, 4)
    check(summary, "no summary")
    flow = summary["a_to_b"]
    check(sent["sent"] >= 50 and sent["errors"] == 0, f"source: {sent}")
    check_equal(flow["tx_packets"] + sum(flow["drops"].values()), sent["sent"],
                f"delivered and dropped, of those that were sent: {flow}")
    check_equal(set(reason for reason, n in flow["drops"].items() if n) -
                {"stopped"}, set(), "other drops")
    check_equal(sink.stop()["received"], flow["tx_packets"], "arrived")
    return (f"{flow['tx_packets']} delivered, "
            f"{flow['drops']['stopped']} stopped")


for the_delay in ("300ms", "5s"):  # within the time to drain, and beyond
    cases.add(f"sigterm accounts for what is delayed by {the_delay}",
              functools.partial(sigterm_accounts_for_what_is_delayed,
                                delay=the_delay))


# Two at once


def start_stopped(net, *arguments):
    """A vif that begins with SIGCONT; see wait_stopped()."""
    path = os.path.join(net.directory, "stopped")
    if not os.path.exists(path):
        with open(path, "w", encoding="utf-8") as file:
            file.write('#!/bin/sh\nkill -STOP $$\nexec "$VIF" "$@"\n')
        os.chmod(path, 0o755)
    return net.vif(*arguments, program=path)


def is_stopped(process):
    stat = harness.read(f"/proc/{process.pid}/stat")
    return stat.rpartition(")")[2].split()[0] == "T"


def is_decided(vif):
    """Whether it runs or has ended."""
    return not vif.running() or vif.events("plan")


def race(net, arguments):
    """Start two at once; returns how many ran, none or one."""
    vifs = [start_stopped(net, *arguments) for _ in range(2)]
    wait(lambda: all(map(is_stopped, vifs)), "both to be about to start")
    for vif in vifs:
        vif.signal(signal.SIGCONT)
    wait(lambda: all(map(is_decided, vifs)), "both to run or to end")
    running = [vif for vif in vifs if vif.running()]
    check(len(running) < 2, "both run")
    for vif in vifs:
        if vif in running:
            vif.wait_ready().stop()
            continue
        vif.ends(CLI_FAILED)
        check("another program is attached" in vif.err, f"err: {vif.err!r}")
    for vif in vifs:
        net.processes.remove(vif)
        vif.kill()
    return len(running)


@cases
def two_at_once_never_share_a_device(net):
    make(net, "a", "multi_queue")
    address = f"tun:va,netns={net.name['a']},queues=2"
    tries = 40  # with fewer, a race is often missed
    won = sum(race(net, ("link", address, "null:")) for _ in range(tries))
    check(is_persistent(net, "a", "va"), "va is not persistent any more")
    # Both may give way, but alone everybody gets the device.
    net.vif("link", address, "null:").wait_ready().stop()
    return f"one of two ran in {won} of {tries} tries"


if __name__ == "__main__":
    cases.run(sys.argv[1:])
