# SPDX-License-Identifier: Apache-2.0
"""Kernels that mangle superpackets, and the key probe= that finds them out.

A library in front of libc plays such a kernel. With probe=yes whatever comes
out of it wrong is not used: every byte arrives, and the program is told.
"""
import functools
import json
import os
import sys

import harness
from harness import MIB, SMALL, check, check_equal

BYTES = (4 if SMALL else 64) * MIB
KINDS = ["tcp4", "tcp6", "udp"]
GSO_TYPE = {"tcp4": 1, "tcp6": 4, "udp": 5}
WAYS = ("a_to_b", "b_to_a")


def play(variables):
    os.environ["LD_PRELOAD"] = harness.binary("VIF_REFUSE_LIBRARY")
    os.environ.update(variables)


def link(net, variables=None, keys=("probe=yes",), family=4):
    """A link over such a kernel, its plan, and its notices to come."""
    before = functools.partial(play, variables) if variables else None
    vif = net.link("tun", list(keys), (), families=(family,), before=before)
    return vif, vif.events("plan")[0]


def check_notices(vif, kinds, verb):
    """Each port has told of each kind, once, and of nothing else."""
    notices = vif.events("notice")
    check_equal(len(notices), 2 * len(kinds), f"notices: {notices}")
    for port in ("tun:va", "tun:vb"):
        texts = [notice["text"] for notice in notices
                 if notice["port"] == port]
        for kind in kinds:
            check_equal([f"{verb} superpackets of {kind};" in text
                         for text in texts].count(True), 1,
                        f"notices of {kind}: {texts}")


def check_fact(plan, text):
    for side in "ab":
        check_equal(plan[side].get("probe"), text, "fact of the port")


def mangled(net, how, kind, family=4):
    """One kind is mangled, the others cross whole as before."""
    vif, plan = link(net, {"VIF_MANGLE": how,
                           "VIF_GSO_TYPE": str(GSO_TYPE[kind])},
                     family=family)
    left = [other for other in KINDS if other != kind]
    check_fact(plan, f"mangles {kind}")
    for way in WAYS:
        check_equal(plan[way]["superpackets"], left, f"{way} superpackets")
    harness.tcp(net, BYTES, family, 1, 120)
    summary = vif.stop()
    harness.check_all_crossed(summary)
    check_notices(vif, [kind], "mangles")
    for way in WAYS:
        check_equal(summary[way]["tx_superpackets"] > 0, kind == "udp",
                    f"{way}: TCP superpackets are sent")
        check_equal(summary[way]["refused_superpackets"], 0,
                    f"{way} refused superpackets")


def all_mangled(net):
    vif, plan = link(net, {"VIF_MANGLE": "half"})
    check_fact(plan, "mangles tcp4 tcp6 udp")
    for way in WAYS:
        check_equal(plan[way]["superpackets"], [], f"{way} superpackets")
        check_equal(plan[way]["partial_checksums"], True, f"{way} checksums")
    harness.tcp(net, BYTES, 4, 1, 120)
    harness.check_all_crossed(vif.stop())
    check_notices(vif, KINDS, "mangles")


def read_mangled(net):
    """What is delivered wrongly is asked for no longer, but still written."""
    vif, plan = link(net, {"VIF_MANGLE": "read", "VIF_GSO_TYPE": "1"},
                     (["offload=off"], ["probe=yes"]))
    check_equal(plan["b"]["probe"], "mangles tcp4", "fact of the port")
    check_equal(plan["b_to_a"]["cut"], ["tcp6", "udp"], "kinds to be cut")
    check("tcp4" in plan["a_to_b"]["glued"], f"plan: {plan}")
    harness.tcp(net, BYTES, 4, 1, 120)
    summary = vif.stop()
    harness.check_all_crossed(summary)
    check_equal(len(vif.events("notice")), 1, "notices")
    check_equal(summary["b_to_a"]["rx_superpackets"], 0,
                "superpackets received")
    check(summary["a_to_b"]["tx_superpackets"] > 0, f"{summary['a_to_b']}")


def refused(net):
    vif, plan = link(net, {"VIF_GSO_TYPE": "1"})
    check_fact(plan, "refuses tcp4")
    harness.tcp(net, BYTES, 4, 1, 120)
    summary = vif.stop()
    harness.check_all_crossed(summary)
    check_notices(vif, ["tcp4"], "refuses")
    for way in WAYS:
        # It delivers them as before; the link cuts them, the port need not.
        check(summary[way]["rx_superpackets"] > 0, f"{way}: {summary[way]}")
        check_equal((summary[way]["tx_superpackets"],
                     summary[way]["refused_superpackets"]), (0, 0),
                    f"{way} superpackets")


def good(net):
    """Without such a kernel the plan is what it is without probe=."""
    vif, plan = link(net)
    check_fact(plan, "good")
    harness.tcp(net, BYTES, 4, 1, 120)
    summary = vif.stop()
    harness.check_all_crossed(summary)
    check_equal(vif.events("notice"), [], "notices")
    for way in WAYS:
        check(summary[way]["tx_superpackets"] > 0, f"{way}: {summary[way]}")
    vif, other = link(net, keys=())
    vif.stop()
    check_fact(other, None)
    for way in WAYS:
        check_equal(plan[way], other[way], f"plan {way}")


def not_asked(net):
    """Without probe=yes nothing is tried, and the kernel is believed."""
    vif, plan = link(net, {"VIF_MANGLE": "half"}, ())
    check_equal(vif.events("notice"), [], "notices")
    check_fact(plan, None)
    for way in WAYS:
        check("tcp4" in plan[way]["superpackets"], f"{way}: {plan[way]}")
    vif.stop()


def demanded(net):
    """What the user has asked for by name is not left off."""
    address = net.address("a", "tun", "probe=yes", "offload=tso")
    vif = net.vif("link", address, "null:",
                  before=functools.partial(play, {"VIF_MANGLE": "size"}))
    vif.ends(harness.CLI_CONFIG, 5)
    for word in ("offload=tso", "mangles tcp4 tcp6", "hint:"):
        check(word in vif.err, f"stderr lacks {word}: {vif.err}")
    check_equal(net.links("a"), {}, "devices in a")


def nothing_to_try(net):
    vif, plan = link(net, keys=("probe=yes", "offload=off"))
    vif.stop()
    check_fact(plan, "not run: no offloads to try")
    check_equal(vif.events("notice"), [], "notices")


def no_trace(net):
    """The devices of the trial are gone, and were seen by nobody."""
    vif, _ = link(net)
    for side in "ab":
        check_equal(list(net.links(side)), [f"v{side}"], f"devices in {side}")
    devices = harness.run("ip", "-o", "link", "show")
    check("vif-" not in devices, f"devices here: {devices}")
    threads = os.listdir(f"/proc/{vif.pid}/task")
    namespaces = [os.readlink(f"/proc/{vif.pid}/task/{thread}/ns/net")
                  for thread in threads]
    check_equal(len(set(namespaces)), 1, "namespaces of the threads")
    vif.stop()


def an_ordinary_user_is_told(net):
    """A user with a device of root's may use it, but make no namespace."""
    harness.need_root()
    harness.tun_node(0o666)
    program = harness.public_copy(net.directory, harness.binary("VIF"))[0]
    harness.run("ip", "tuntap", "add", "mode", "tun", "name", "vu", "user",
                str(harness.NOBODY))
    try:
        harness.run("ip", "link", "set", "vu", "up")
        vif = net.vif("link", "tun:vu,probe=yes", "null:",
                      before=harness.become_nobody,
                      program=program).wait_ready()
        plan = vif.events("plan")[0]
        vif.stop()
    finally:
        harness.run("ip", "link", "del", "vu")
    check("tcp4" in plan["a_to_b"]["superpackets"], f"plan: {plan}")
    for text in (plan["a"]["probe"], vif.events("notice")[0]["text"]):
        check("not run: cannot make a network namespace: " in text,
              f"says {text}")
    check_equal(len(vif.events("notice")), 1, "notices")


def probed(net, variables=None):
    """The answers of vif probe to each kind."""
    before = functools.partial(play, variables) if variables else None
    vif = net.vif("probe", "--json", before=before)
    check_equal(vif.wait(30), harness.CLI_OK, "exit code of vif")
    check(not harness.SANITIZER.search(vif.err), "a sanitizer complains")
    return {check["name"]: check for check in json.loads(vif.out)["checks"]
            if check["name"].startswith("trial_")}


def probe_on_a_good_kernel(net):
    answers = probed(net)
    check_equal(sorted(answers), ["trial_csum", "trial_tcp4", "trial_tcp6",
                                  "trial_udp"], "checks")
    for name, answer in answers.items():
        check_equal((answer["answer"], answer["detail"]), ("yes", ""), name)


def probe_on_a_mangling_kernel(net):
    answers = probed(net, {"VIF_MANGLE": "size", "VIF_GSO_TYPE": "4"})
    answer = answers.pop("trial_tcp6")
    check_equal((answer["answer"], answer["detail"]), ("no", "rx tx"),
                f"{answer}")
    check("other offload state" in answer["why"], f"{answer}")
    check("probe=yes" in answer["hint"], f"{answer}")
    for name, answer in answers.items():
        check_equal(answer["answer"], "yes", name)


def probe_where_settings_cannot_be_written(net):
    """As in most containers: that is no verdict."""
    harness.need_root()
    harness.run("mount", "--bind", "/proc/sys", "/proc/sys")
    try:
        harness.run("mount", "-o", "remount,bind,ro", "/proc/sys")
        answers = probed(net)
    finally:
        harness.run("umount", "/proc/sys")
    for name, answer in answers.items():
        check_equal((answer["answer"], answer["errno"]), ("unknown", 0), name)
        check("forwarding" in answer["why"], f"{answer}")


def main(arguments):
    cases = harness.Cases()
    for how in ("half", "size", "lose"):
        cases.add(f"tcp4 mangled: {how}",
                  functools.partial(mangled, how=how, kind="tcp4"))
    cases.add("tcp6 mangled", functools.partial(mangled, how="size",
                                                kind="tcp6", family=6))
    cases.add("udp mangled", functools.partial(mangled, how="lose",
                                               kind="udp"))
    cases.add("all mangled", all_mangled)
    cases.add("mangled on delivery", read_mangled)
    cases.add("refused", refused)
    cases.add("good kernel", good)
    cases.add("not asked for", not_asked)
    cases.add("demanded by name", demanded)
    cases.add("nothing to try", nothing_to_try)
    cases.add("no trace is left", no_trace)
    cases.add("probe on a good kernel", probe_on_a_good_kernel)
    cases.add("probe on a mangling kernel", probe_on_a_mangling_kernel)
    cases.add("probe where settings cannot be written",
              probe_where_settings_cannot_be_written)
    cases.add("an ordinary user is told", an_ordinary_user_is_told)
    cases.run(arguments)


if __name__ == "__main__":
    main(sys.argv[1:])
