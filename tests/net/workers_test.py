# SPDX-License-Identifier: Apache-2.0
"""Several queues and workers: flows keep their order, CPUs are as asked."""
import functools
import os
import re
import sys

import harness
from harness import ADDRESS, MIB, Skip, check, check_equal

FLOWS = 16
N_DATAGRAM = 20000 if harness.SMALL else 60000
RATE = 10000 if harness.SMALL else 60000


def threads(vif):
    """Numbers of all threads but the first, which only controls."""
    return [task for task in os.listdir(f"/proc/{vif.pid}/task")
            if int(task) != vif.pid]


def n_busy(vif):
    """Threads that were woken again and again."""
    n = 0
    for task in threads(vif):
        status = harness.read(f"/proc/{vif.pid}/task/{task}/status")
        switches = re.findall(r"ctxt_switches:\s+(\d+)", status)
        n += sum(map(int, switches)) > 100
    return n


def check_order(net):
    """Many flows of numbered datagrams; each must stay in order."""
    sink = net.traffic("b", "udp-sink", ADDRESS["b", 4])
    sent = net.traffic("a", "udp-count", ADDRESS["b", 4], sink.ready(),
                       "--flows", FLOWS, "--size", 200, "--count", N_DATAGRAM,
                       "--rate", RATE).result()
    harness.wait(lambda: net.device("b")["stats64"]["rx"]["packets"] >=
                 sent["sent"], "all datagrams to arrive", 10)
    result = sink.stop()
    check_equal(result["reordered"], 0, "datagrams out of order")
    check_equal(result["received"], sent["sent"], "datagrams received")
    check_equal((result["duplicates"], result["bad"]), (0, 0), "faults")


def queues_and_workers(net, queues, workers):
    # The queue of the device takes them all, so that none may be missing.
    keys = [[f"queues={n}", f"txqueuelen={N_DATAGRAM + 1000}"] for n in queues]
    options = ["--workers", str(workers)] if workers else []
    net.quiet()
    vif = net.link("tun", keys, options, families=(4,))
    check_order(net)
    if min(queues) > 1 and workers != 1:
        check(n_busy(vif) >= 2, "a single worker did all the work")
    harness.tcp(net, 64 * MIB, streams=4)
    summary = vif.stop()
    harness.check_all_crossed(summary)


def affinity(net):
    cpus = sorted(os.sched_getaffinity(0))[:2]
    if len(cpus) < 2:
        raise Skip("needs two CPUs")
    net.quiet()
    vif = net.link("tun", ["queues=2"],
                   ["--workers", "2", "--cpu", ",".join(map(str, cpus))],
                   families=(4,))
    allowed = [os.sched_getaffinity(int(task)) for task in threads(vif)]
    for cpu in cpus:
        check_equal(allowed.count({cpu}), 1, f"workers on CPU {cpu} alone")
    harness.ping_all(net, families=(4,))
    vif.stop()


def main(arguments):
    cases = harness.Cases()
    for n in (2, 4):
        for workers in (1, 2, 4):
            cases.add(f"queues={n} on both ends, {workers} workers",
                      functools.partial(queues_and_workers, queues=(n, n),
                                        workers=workers))
    for queues in ((2, 4), (4, 2), (1, 2)):
        cases.add(f"queues={queues[0]} to queues={queues[1]}",
                  functools.partial(queues_and_workers, queues=queues,
                                    workers=None))
    cases.add("each worker on its CPU", affinity)
    cases.run(arguments)


if __name__ == "__main__":
    main(sys.argv[1:])
