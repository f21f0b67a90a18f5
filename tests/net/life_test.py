# SPDX-License-Identifier: Apache-2.0
"""Starting, stopping and losing a link, most of it under load."""
import json
import os
import signal
import sys
import time

import harness
from harness import (ADDRESS, CLI_FAILED, CLI_OK, MIB, PATIENCE, check,
                     check_equal, wait)

cases = harness.Cases()

ENDLESS = 1 << 50


def endless_tcp(net):
    """Start TCP that does not end, and wait until it flows both ways."""
    ends = harness.tcp_start(net, ENDLESS)
    wait(lambda: all(net.bytes_out(side) > 8 * MIB for side in "ab"),
         "TCP to flow")
    return ends


def flood(net, *options):
    """Start a sink at b and a source at a, and wait until packets arrive."""
    sink = net.traffic("b", "udp-sink", ADDRESS["b", 4])
    source = net.traffic("a", "udp-count", ADDRESS["b", 4], sink.ready(),
                         *options)
    wait(lambda: net.device("b")["stats64"]["rx"]["packets"] > 1000,
         "datagrams to arrive")
    return source, sink


def down_and_up(net, side):
    """Set one end down in the middle of a transfer, and up again."""
    n_bytes = 512 * MIB // PATIENCE
    vif = net.link(keys=["txqueuelen=2000"], families=(4,))
    ends = harness.tcp_start(net, n_bytes)
    wait(lambda: net.bytes_out("a") > 4 * MIB, "TCP to flow")
    net.ip(side, "link", "set", f"v{side}", "down")
    check(all(end.running() for end in ends), "TCP was over too early")
    if side == "b":  # what arrives for a device that is down is dropped
        sent = net.traffic("a", "udp-count", ADDRESS["b", 4], 9, "--count",
                           1000, "--rate", 10000).result()
        check_equal(sent["errors"], 0, "errors of the source")
    check(vif.running(), "vif ended when a device went down")
    net.ip(side, "link", "set", f"v{side}", "up")
    harness.tcp_finish(*ends, n_bytes)
    harness.ping_all(net, families=(4,))
    summary = vif.stop()
    if side == "b":
        drops = summary["a_to_b"]["drops"]
        check(drops["down"] >= 1000, f"drops at a device down: {drops}")
    for direction in ("a_to_b", "b_to_a"):
        flow = summary[direction]
        check(set(reason for reason, n in flow["drops"].items() if n) <=
              {"down"}, f"drops {direction}: {flow['drops']}")
        check_equal(flow["rx_packets"],
                    flow["tx_packets"] + flow["drops"]["down"],
                    f"packets {direction}")


@cases
def far_device_down_and_up_under_load(net):
    down_and_up(net, "b")


@cases
def near_device_down_and_up_under_load(net):
    down_and_up(net, "a")


def delete(net, kind, side, *keys):
    vif = net.link(kind, keys, options=["-q"])
    endless_tcp(net)
    net.ip(side, "link", "del", f"v{side}")
    summary = vif.ends(CLI_FAILED, 2)
    check(summary, "no summary")
    check_equal(vif.err.count(f"{kind}:v{side}"), 1,
                f"times the device is named in {vif.err!r}")
    check(summary["a_to_b"]["tx_packets"] > 0, "the summary is empty")
    check_equal(net.links("a"), {}, "devices left in a")
    check_equal(net.links("b"), {}, "devices left in b")


@cases
def tun_deleted_under_load(net):
    delete(net, "tun", "a")


@cases
def tap_deleted_under_load(net):
    delete(net, "tap", "b")


@cases
def tun_with_four_workers_deleted_under_load(net):
    delete(net, "tun", "b", "queues=4")


@cases
def idle_tun_deleted(net):
    net.quiet()
    vif = net.link(families=(4,), options=["-q"])
    net.ip("b", "link", "del", "vb")
    check(vif.ends(CLI_FAILED, 2), "no summary")
    check_equal(vif.err.count("tun:vb"), 1,
                f"times the device is named in {vif.err!r}")


@cases
def tun_deleted_while_nothing_moves(net):
    """A port that never sleeps and never takes anything hides no end."""
    vif = net.vif("link", net.address("a"), "fault:null:,stall=100%")
    vif.wait_ready()
    net.traffic("a", "ping", ADDRESS["b", 4], "--count", 1)
    wait(lambda: net.bytes_out("a") > 0, "a packet to be stuck")
    net.ip("a", "link", "del", "va")
    vif.ends(CLI_FAILED)


@cases
def namespace_deleted_under_load(net):
    vif = net.link(options=["-q"])
    for end in endless_tcp(net):
        end.kill()
    harness.run("ip", "netns", "del", net.name["b"])
    # The descriptor of the device keeps the namespace alive, so the device may
    # stay. Either way vif ends when told to, or has ended already.
    vif.signal(signal.SIGTERM)
    vif.wait(2)
    check(vif.child.returncode in (CLI_OK, CLI_FAILED), "exit code of vif")


@cases
def sigterm_under_load_loses_nothing_accepted(net):
    net.quiet()
    vif = net.link(families=(4,))
    source, sink = flood(net)
    start = time.monotonic()
    summary = vif.stop()
    check(time.monotonic() - start < 2 * PATIENCE, "slow to stop")
    source.stop()
    received = sink.stop()
    harness.check_all_crossed(summary)
    check_equal((received["overflows"], received["bad"],
                 received["duplicates"], received["reordered"]),
                (0, 0, 0, 0), "overflows, bad, duplicates, reordered")
    check_equal(received["received"], summary["a_to_b"]["tx_packets"],
                "datagrams the far end got, of those vif sent")


@cases
def sigterm_delivers_what_the_device_has_queued(net):
    """Packets the device took while vif could not run are still delivered."""
    net.quiet()
    vif = net.link(keys=["txqueuelen=2000"], families=(4,))
    sink = net.traffic("b", "udp-sink", ADDRESS["b", 4])
    port = sink.ready()
    vif.signal(signal.SIGSTOP)
    sent = net.traffic("a", "udp-count", ADDRESS["b", 4], port, "--count",
                       1600).result()
    check_equal((sent["sent"], net.device("a")["stats64"]["tx"]["dropped"]),
                (1600, 0), "sent, and not taken by the device")
    vif.signal(signal.SIGTERM)
    vif.signal(signal.SIGCONT)
    summary = vif.ends(CLI_OK, 2)
    harness.check_all_crossed(summary)
    check_equal(sink.stop()["received"], 1600, "datagrams that arrived")


@cases
def sigterm_under_tcp_load(net):
    vif = net.link("tap")
    endless_tcp(net)
    harness.check_all_crossed(vif.stop())


@cases
def second_sigterm_ends_at_once(net):
    net.quiet()
    vif = net.link(families=(4,))
    flood(net)
    start = time.monotonic()
    vif.signal(signal.SIGTERM)

    def again():
        if not vif.running():
            return True
        vif.signal(signal.SIGTERM)
        return False
    wait(again, "vif to end", 0.5)
    check(time.monotonic() - start < 0.5 * PATIENCE, "slow to end")
    check(not harness.SANITIZER.search(vif.err), "a sanitizer complains")


@cases
def sigint_ends_an_idle_link(net):
    vif = net.link()
    vif.signal(signal.SIGINT)
    check(vif.ends(CLI_OK, 2), "no summary")


@cases
def kill_9_blocks_nothing(net):
    for kind in ("tun", "tap"):
        vif = net.link(kind)
        endless_tcp(net)
        vif.kill()
        check_equal((net.links("a"), net.links("b")), ({}, {}), "devices left")
        vif = net.link(kind)
        harness.ping_all(net)
        vif.stop()


@cases
def kill_9_of_persistent_devices_blocks_nothing(net):
    for keys in (["persist"], ["persist", "queues=2"]):
        vif = net.link(keys=keys)
        vif.kill()
        check_equal((list(net.links("a")), list(net.links("b"))),
                    (["va"], ["vb"]), "persistent devices")
        vif = net.link(keys=keys)
        harness.ping_all(net)
        vif.stop()
        for side in "ab":
            check(f"v{side}" in net.links(side), "persist did not persist")
            net.ip(side, "link", "del", f"v{side}")


@cases
def device_of_others_is_put_back(net):
    """What was there before is there again: MTU, flags, addresses, queue."""
    def facts():
        device = net.device("a")
        return {"mtu": device["mtu"], "up": "UP" in device["flags"],
                "txqlen": device.get("txqlen"),
                "addresses": [info["local"] for info in device["addr_info"]]}
    net.ip("a", "tuntap", "add", "mode", "tun", "name", "va")
    net.ip("a", "address", "add", "10.99.0.1/24", "dev", "va")
    net.ip("a", "link", "set", "va", "mtu", "1400", "txqueuelen", "321")
    before = facts()
    check_equal(before, {"mtu": 1400, "up": False, "txqlen": 321,
                         "addresses": ["10.99.0.1"]}, "the test itself")
    vif = net.link(keys=(["mtu=9000", "txqueuelen=1000"], ["mtu=9000"]))
    during = facts()
    check_equal((during["mtu"], during["up"], during["txqlen"]),
                (9000, True, 1000), "what the address asked for")
    harness.ping_all(net)
    vif.stop()
    check_equal(facts(), before, "the device afterwards")
    check_equal(net.links("b"), {}, "devices left in b")


def cpu_ticks(vif):
    """utime + stime of all threads; the name may hold spaces."""
    fields = harness.read(f"/proc/{vif.pid}/stat").rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


@cases
def idle_link_uses_no_cpu(net):
    net.quiet()
    vif = net.link(families=(4,))
    harness.ping_all(net, families=(4,))
    before = cpu_ticks(vif)
    # The one fixed wait of these tests: idleness is what is measured, and two
    # seconds of it are 200 ticks.
    time.sleep(2)
    check(cpu_ticks(vif) - before <= 1,
          f"{cpu_ticks(vif) - before} ticks of CPU in 2 s of idleness")
    harness.ping_all(net, families=(4,))
    vif.stop()


@cases
def duration_ends_by_itself(net):
    start = time.monotonic()
    vif = net.link(options=["--duration", "1s"])
    harness.ping_all(net)
    check(vif.ends(CLI_OK, 4), "no summary")
    check(1 <= time.monotonic() - start < 3 * PATIENCE, "not after a second")


@cases
def sigusr1_prints_counters(net):
    net.quiet()
    vif = net.link(families=(4,))
    harness.ping_all(net, families=(4,))
    vif.signal(signal.SIGUSR1)
    counters = wait(lambda: vif.events("counters"), "counters")[0]
    for direction in ("a_to_b", "b_to_a"):  # three requests, three replies
        check_equal(counters[direction]["tx_packets"], 6, "packets")
    harness.ping_all(net, families=(4,))
    check_equal(vif.stop()["a_to_b"]["tx_packets"], 12, "packets at the end")


@cases
def sigusr1_prints_counters_as_text(net):
    net.quiet()
    vif = net.link(families=(4,), as_json=False)
    harness.ping_all(net, families=(4,))
    vif.signal(signal.SIGUSR1)
    wait(lambda: "tun:vb -> tun:va: 6 packets" in vif.err, "counters")
    harness.ping_all(net, families=(4,))
    vif.signal(signal.SIGTERM)
    vif.ends(CLI_OK)
    check("tun:vb -> tun:va: 12 packets" in vif.err, "no summary")


@cases
def stats_are_printed(net):
    net.quiet()
    vif = net.link(options=["--stats", "100ms"], families=(4,))
    harness.ping_all(net, families=(4,))
    wait(lambda: len(vif.events("stats")) >= 3, "three lines of statistics")
    check_equal(len(vif.events("plan")), 1, "plan events")
    vif.stop()


@cases
def json_lines_of_several_threads_stay_whole(net):
    """Workers report states while the first thread prints statistics."""
    net.quiet()
    vif = net.link(options=["--stats", "1ms"], families=(4,))
    batch = os.path.join(net.directory, "batch")
    with open(batch, "w", encoding="ascii") as file:
        file.write("link set vb down\nlink set vb up\n" * 1000)
    net.ip("b", "-batch", batch)
    vif.signal(signal.SIGTERM)
    vif.wait(2)
    broken = [line for line in vif.out.splitlines() if not is_json(line)]
    check_equal(broken[:2], [], f"{len(broken)} broken lines, the first two")
    check(vif.events("state") and vif.events("stats"), "nothing to compare")
    check(vif.ends(CLI_OK), "no summary")


def is_json(line):
    try:
        return bool(json.loads(line))
    except ValueError:
        return False


@cases
def plan_is_printed_for_each_direction(net):
    vif = net.link(as_json=False)
    lines = vif.err.splitlines()
    check_equal(len(lines), 2, f"plan lines in {vif.err!r}")
    check("tun:va -> tun:vb: " in lines[0] and "tun:vb -> tun:va: " in
          lines[1], f"plan lines {lines}")
    vif.signal(signal.SIGTERM)
    vif.ends(CLI_OK)
    check(len(vif.err.splitlines()) > 2, f"no summary in {vif.err!r}")
    check_equal(vif.out, "", "stdout without --json")


@cases
def q_keeps_quiet(net):
    vif = net.link(options=["-q"], as_json=False)
    harness.ping_all(net)
    check_equal(vif.err, "", "stderr with -q")
    vif.signal(signal.SIGTERM)
    vif.ends(CLI_OK)
    check_equal(vif.out, "", "stdout with -q")


if __name__ == "__main__":
    cases.run(sys.argv[1:])
